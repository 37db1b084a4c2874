//! What of an image measures look at: its paths, some of them, or what they are without versions.
//!
//! A view takes the paths of an image and gives back those that count, in the form in which they
//! count. It does so in five steps, whose order is part of what it means:
//!
//! 1. the [`Selection`](crate::path_set::Selection): files, directories or both;
//! 2. the globs: the core list, then those to include and to exclude ([`View::keeps`]); owners ([`View::keeps_owned`]);
//! 3. contents: kept if the view looks at them, else dropped;
//! 4. versions masked ([`View::key`]); paths that fall together become one;
//! 5. leaves only ([`leaves`]).
//!
//! Leaves come last, so that they are leaves of what is compared: a directory is one if the globs left
//! nothing in it, and `lib-1` is none beside `lib-2/x` once both are below `lib-*`.

mod core_list;
mod globs;
mod items;
mod leaves;
mod literals;
mod volatile;

pub use core_list::core_list;
pub use globs::{PatternProblem, ViewError};
pub use items::ViewedItem;
pub use leaves::{leaves, leaves_by_parent};
pub use volatile::Volatile;

use crate::name;
use crate::path;
use globs::Globs;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The most globs of one kind that are told one by one.
const MOST_SHOWN: usize = 8;

/// One path of an image as measures see it. Lists of items are in the order of their paths' bytes, each
/// path once, as inventories are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The path in normal form.
    pub path: &'a [u8],
    /// Whether it is a directory.
    pub is_directory: bool,
    /// What tells its content: a digest, the target of a link; empty where contents do not count or are
    /// not known.
    pub content: &'a [u8],
}

/// What a view does to the paths of an image, but for globs of one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ViewKind {
    /// Only paths that are no directory of another path: the redundancy question of the founding text.
    Leaves,
    /// Versions in names are masked, so that `python3.9` and `python3.11` are one.
    Masked,
    /// A path counts as the same only with the same content.
    Contents,
    /// Without what the core list names: documentation, locales, caches, logs, byte code, state.
    Core,
    /// Only what belongs to a package. What does, whoever knows the packages of an image tells.
    Owned,
    /// Only what belongs to no package.
    Unowned,
}

impl ViewKind {
    /// All of them, in the order in which reports list them.
    pub const ALL: [Self; 6] =
        [Self::Leaves, Self::Masked, Self::Contents, Self::Core, Self::Owned, Self::Unowned];

    /// The name used in reports and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leaves => "leaves",
            Self::Masked => "masked",
            Self::Contents => "contents",
            Self::Core => "core",
            Self::Owned => "owned",
            Self::Unowned => "unowned",
        }
    }
}

impl fmt::Display for ViewKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ViewKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            format!(
                "unknown view {text:?}, expected leaves, masked, contents, core, owned or unowned"
            )
        })
    }
}

/// What of an image measures look at. The default is the plain view: all paths as they are.
///
/// Globs are those of the field (gitignore, rsync):
///
/// * `?` is one byte, `*` any bytes, both within one name; `[a-z]` and `[!a-z]` one byte of ASCII;
///   `{a,b}` one or the other, `{,usr/}` also nothing; `\` takes its meaning from what follows.
/// * `**` as a whole name is any number of names: `a/**/b`, `**/b`. `a/**` is all below `a`, without `a`.
/// * A pattern without a slash is a name at any depth: `*.log`, `__pycache__`. With one, be it in
///   front, it is the path from the root: `/etc`, `usr/share/doc`. Put `**/` in front for any depth.
/// * What fits takes all below it with it. A slash at the end makes the pattern one of directories, and of
///   what is below them.
/// * Upper and lower case differ. Paths need not be UTF-8; a letter beyond ASCII is as many bytes as
///   it has in UTF-8.
///
/// ```
/// use oskin::view::{View, ViewKind};
///
/// let view = View::new([ViewKind::Core]).without(&["*.md"])?;
/// assert!(view.keeps(b"usr/bin/perl", false));
/// assert!(!view.keeps(b"opt/README.md", false));
/// assert!(!view.keeps(b"usr/share/doc/perl/copyright", false));
/// assert_eq!(view.describe(), "core, without *.md");
/// # Ok::<(), oskin::view::ViewError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    kinds: BTreeSet<ViewKind>,
    include: Globs,
    exclude: Globs,
    // What the user put behind the core list.
    core: Globs,
}

impl View {
    /// A view without globs of one's own.
    pub fn new(kinds: impl IntoIterator<Item = ViewKind>) -> Self {
        Self { kinds: kinds.into_iter().collect(), ..Self::default() }
    }

    /// The view that keeps only what fits one of these globs, or one that it had before.
    ///
    /// # Errors
    ///
    /// [`ViewError`] names the pattern that is none.
    pub fn only(mut self, patterns: &[impl AsRef<str>]) -> Result<Self, ViewError> {
        self.include = self.include.with(patterns)?;
        Ok(self)
    }

    /// The view that keeps nothing that fits one of these globs, included or not.
    ///
    /// # Errors
    ///
    /// [`ViewError`] names the pattern that is none.
    pub fn without(mut self, patterns: &[impl AsRef<str>]) -> Result<Self, ViewError> {
        self.exclude = self.exclude.with(patterns)?;
        Ok(self)
    }

    /// The view with a core list of the user behind the one of oskin, and behind those that it had before.
    /// It counts only where the view is one of the core.
    ///
    /// One glob a line. A `!` in front takes back: what fits is kept, whatever lines before say; so the last
    /// line that fits decides. Lines that are empty or begin with `#` are comments, spaces around a
    /// pattern are no part of it, and `\#`, `\!` and `\ ` are the characters.
    ///
    /// # Errors
    ///
    /// [`ViewError`] names the line, from 1, and the pattern that is none.
    pub fn with_core_list(mut self, text: &str) -> Result<Self, ViewError> {
        self.core = self.core.with_list(text)?;
        Ok(self)
    }

    /// Whether the view does this.
    pub fn has(&self, kind: ViewKind) -> bool {
        self.kinds.contains(&kind)
    }

    /// What the view does, in the order of [`ViewKind::ALL`].
    pub fn kinds(&self) -> impl Iterator<Item = ViewKind> + '_ {
        self.kinds.iter().copied()
    }

    /// The globs of which one has to fit, if there are any, as they were written.
    pub fn include(&self) -> &[String] {
        self.include.patterns()
    }

    /// The globs of which none may fit, as they were written.
    pub fn exclude(&self) -> &[String] {
        self.exclude.patterns()
    }

    /// What is behind the core list of oskin; empty if the view is not one of the core.
    pub fn core_additions(&self) -> &[String] {
        if self.has(ViewKind::Core) { self.core.patterns() } else { &[] }
    }

    /// Whether the view is that of all paths as they are.
    pub fn is_plain(&self) -> bool {
        self.kinds.is_empty() && self.include.is_empty() && self.exclude.is_empty()
    }

    /// Whether globs play no part, so that all paths are [kept](Self::keeps).
    pub fn keeps_all(&self) -> bool {
        !self.has(ViewKind::Core) && self.include.is_empty() && self.exclude.is_empty()
    }

    /// Whether a path counts by core list and globs: it is of the core if the view is one of it, fits what
    /// is included if anything is, and nothing that is excluded. The path is one in normal form, not the
    /// root.
    pub fn keeps(&self, path: &[u8], is_directory: bool) -> bool {
        let fits = |globs: &Globs| globs.fits(path, is_directory);
        (!self.has(ViewKind::Core) || self.is_core(path, is_directory))
            && (self.include.is_empty() || fits(&self.include))
            && !fits(&self.exclude)
    }

    fn is_core(&self, path: &[u8], is_directory: bool) -> bool {
        let own = self.core.verdict(path, is_directory);
        !own.unwrap_or_else(|| core_list::globs().fits(path, is_directory))
    }

    /// Whether it counts to which paths packages belong.
    pub fn asks_for_owners(&self) -> bool {
        self.has(ViewKind::Owned) || self.has(ViewKind::Unowned)
    }

    /// Whether a path counts by its owners.
    pub fn keeps_owned(&self, is_owned: bool) -> bool {
        !self.has(if is_owned { ViewKind::Unowned } else { ViewKind::Owned })
    }

    /// What a path counts as: without its versions if the view masks them.
    pub fn key<'a>(&self, path: &'a [u8]) -> Cow<'a, [u8]> {
        if self.has(ViewKind::Masked) { name::mask_path(path) } else { Cow::Borrowed(path) }
    }

    /// The view in words, the same for the same view: `plain`, `leaves+masked`,
    /// `core with *.log, without usr/share/zoneinfo/**`, `only usr and etc`.
    pub fn describe(&self) -> String {
        if self.is_plain() {
            return "plain".to_owned();
        }
        let kinds: Vec<&str> = self.kinds().map(ViewKind::name).collect();
        let list = |word: &str, patterns: &[String]| {
            let shown: Vec<String> =
                patterns.iter().map(|it| path::escape(it.as_bytes())).collect();
            match shown.len() {
                0 => String::new(),
                count if count > MOST_SHOWN => format!("{word} {count} globs"),
                _ => format!("{word} {}", shown.join(" and ")),
            }
        };
        let core = [kinds.join("+"), list("with", self.core_additions())].join(" ");
        let parts = [
            core.trim_end().to_owned(),
            list("only", self.include()),
            list("without", self.exclude()),
        ];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_named_and_described() {
        for kind in ViewKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert!("leaf".parse::<ViewKind>().unwrap_err().contains("\"leaf\""));
        let plain = View::default();
        assert!(plain.is_plain() && plain.describe() == "plain");
        let view = View::new([ViewKind::Masked, ViewKind::Leaves, ViewKind::Masked]);
        assert_eq!((view.describe().as_str(), view.is_plain()), ("leaves+masked", false));
        let view = View::new([]).only(&["usr", "etc"]).unwrap().without(&["*.log"]).unwrap();
        assert_eq!(view.describe(), "only usr and etc, without *.log");
        assert!(!view.is_plain() && view != plain);
        assert_eq!(
            (view.include(), view.exclude()),
            (&["usr", "etc"].map(String::from)[..], &["*.log".to_owned()][..])
        );
        let list = "# mine\n*.la\n!/usr/share/doc\n";
        let core = View::new([ViewKind::Core]).with_core_list(list).unwrap();
        assert_eq!(core.describe(), "core with *.la and !/usr/share/doc");
        // Without the core its list is nothing.
        assert_eq!(View::new([]).with_core_list(list).unwrap().describe(), "plain");
        assert_eq!(View::new([]).without(&["\u{7}%"]).unwrap().describe(), "without %07%25");
    }

    #[test]
    fn own_lines_go_before_the_core_list() {
        let view = View::new([ViewKind::Core]);
        let keeps = |view: &View, path: &str| view.keeps(path.as_bytes(), false);
        assert!(!keeps(&view, "usr/share/doc/x/copyright") && keeps(&view, "opt/x.la"));
        let view = view.with_core_list("*.la\n!copyright").unwrap();
        assert!(keeps(&view, "usr/share/doc/x/copyright") && !keeps(&view, "opt/x.la"));
        let view = view.with_core_list("!x.la").unwrap().without(&["copyright"]).unwrap();
        assert!(!keeps(&view, "usr/share/doc/x/copyright") && keeps(&view, "opt/x.la"));
    }
}
