//! Globs of paths, and lists of them in which later lines take back what earlier ones say.

use super::literals::{Itself, Literal, Literals};
use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};

/// Why a pattern is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternProblem {
    /// There is nothing in it, or nothing but a slash.
    #[error("it names nothing")]
    Empty,
    /// It has a name that no path has, so it would never fit.
    #[error("no path has an empty name, `.` or `..`")]
    NotNormal,
    /// It begins with `!` outside of a core list.
    #[error("only lists of the core take patterns back; write `\\!` for the character")]
    TakesBack,
    /// It is no glob: a bracket or brace stays open, a range is upside down.
    #[error("{0}")]
    NotAGlob(String),
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// It was given on its own.
    #[error("pattern {pattern:?}: {why}")]
    Pattern {
        /// The pattern as it was written.
        pattern: String,
        /// What is wrong with it.
        why: PatternProblem,
    },
    /// It stands in a list.
    #[error("line {line}: pattern {pattern:?}: {why}")]
    Line {
        /// The number of the line, from 1.
        line: u64,
        /// The pattern as it was written.
        pattern: String,
        /// What is wrong with it.
        why: PatternProblem,
    },
    /// Each pattern is one, but together they are too large.
    #[error("too many patterns: {0}")]
    TooLarge(String),
}

/// Patterns in their order; the last that fits decides.
#[derive(Clone, Debug, Default)]
pub(super) struct Globs {
    // As they were written, `!` included.
    patterns: Vec<String>,
    takes_back: Vec<bool>,
    // Those without wildcards, and the others.
    literals: Literals,
    // What fits a pattern or lies below what does; `owner` tells the pattern of each glob.
    any: GlobSet,
    any_owner: Vec<usize>,
    // What fits the patterns of directories only.
    directories: GlobSet,
    directories_owner: Vec<usize>,
}

/// The compiled sets follow from the patterns.
impl PartialEq for Globs {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl Eq for Globs {}

impl Globs {
    /// These patterns and further ones, none of which takes anything back.
    pub(super) fn with(&self, patterns: &[impl AsRef<str>]) -> Result<Self, ViewError> {
        let mut all = self.patterns.clone();
        for pattern in patterns.iter().map(AsRef::as_ref) {
            let refuse = |why| ViewError::Pattern { pattern: pattern.to_owned(), why };
            if pattern.starts_with('!') {
                return Err(refuse(PatternProblem::TakesBack));
            }
            Parsed::new(pattern).map_err(refuse)?;
            all.push(pattern.to_owned());
        }
        Self::compile(all)
    }

    /// These patterns and those of a list, one a line.
    pub(super) fn with_list(&self, text: &str) -> Result<Self, ViewError> {
        let mut all = self.patterns.clone();
        for (line, written) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let pattern = trimmed(written);
            if pattern.is_empty() || pattern.starts_with('#') {
                continue;
            }
            let refuse = |why| ViewError::Line { line, pattern: pattern.to_owned(), why };
            Parsed::new(pattern).map_err(refuse)?;
            all.push(pattern.to_owned());
        }
        Self::compile(all)
    }

    /// Takes patterns that each are one.
    fn compile(patterns: Vec<String>) -> Result<Self, ViewError> {
        let mut globs = Self::default();
        let (mut any, mut directories) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        let mut literals = Vec::new();
        for (owner, pattern) in patterns.iter().enumerate() {
            let refuse = |why| ViewError::Pattern { pattern: pattern.clone(), why };
            let parsed = Parsed::new(pattern).map_err(refuse)?;
            globs.takes_back.push(parsed.takes_back);
            if let Some((path, itself)) = parsed.literal {
                literals.push(Literal { path, itself, owner });
                continue;
            }
            if let Some(below) = parsed.below {
                any.add(below);
                globs.any_owner.push(owner);
            }
            let (set, owners) = match parsed.of_directories {
                true => (&mut directories, &mut globs.directories_owner),
                false => (&mut any, &mut globs.any_owner),
            };
            set.add(parsed.itself);
            owners.push(owner);
        }
        globs.literals = Literals::new(literals);
        let too_large = |err: globset::Error| ViewError::TooLarge(err.to_string());
        globs.any = any.build().map_err(too_large)?;
        globs.directories = directories.build().map_err(too_large)?;
        globs.patterns = patterns;
        Ok(globs)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    pub(super) fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Whether the last pattern that fits the path, or a directory above it, is one that takes nothing
    /// back.
    pub(super) fn fits(&self, path: &[u8], is_directory: bool) -> bool {
        self.verdict(path, is_directory) == Some(true)
    }

    /// What the last pattern that fits says; `None` if none does.
    pub(super) fn verdict(&self, path: &[u8], is_directory: bool) -> Option<bool> {
        if self.is_empty() {
            return None;
        }
        let literals = self.literals.owners(path, is_directory);
        let path = Candidate::from_bytes(path);
        // Which of them fits matters only where they disagree.
        if let Some(first) = self.takes_back.first()
            && self.takes_back.iter().all(|it| it == first)
        {
            let fits = { literals }.next().is_some()
                || self.any.is_match_candidate(&path)
                || is_directory && self.directories.is_match_candidate(&path);
            return fits.then_some(!first);
        }
        let mut found = Vec::new();
        self.any.matches_candidate_into(&path, &mut found);
        let mut last = literals.chain(found.iter().map(|glob| self.any_owner[*glob])).max();
        if is_directory {
            self.directories.matches_candidate_into(&path, &mut found);
            last = last.max(found.iter().map(|glob| self.directories_owner[*glob]).max());
        }
        last.map(|owner| !self.takes_back[owner])
    }
}

/// A line without the spaces around it; one behind a backslash is meant.
fn trimmed(line: &str) -> &str {
    let line = line.trim_start();
    let cut = line.trim_end();
    let backslashes = cut.len() - cut.trim_end_matches('\\').len();
    let is_meant = backslashes % 2 == 1 && cut.len() < line.len();
    &line[..cut.len() + usize::from(is_meant)]
}

/// A pattern taken apart.
struct Parsed {
    takes_back: bool,
    of_directories: bool,
    /// The path that it is, where it has no wildcard but `/**` at its end.
    literal: Option<(Vec<u8>, Itself)>,
    itself: globset::Glob,
    /// What lies below that; `None` where the pattern itself says so.
    below: Option<globset::Glob>,
}

impl Parsed {
    fn new(written: &str) -> Result<Self, PatternProblem> {
        let stripped = written.strip_prefix('!');
        let pattern = stripped.unwrap_or(written);
        let body = pattern.strip_suffix('/').unwrap_or(pattern);
        let of_directories = body.len() < pattern.len();
        let is_anchored = body.contains('/');
        let body = body.strip_prefix('/').unwrap_or(body);
        if body.is_empty() {
            return Err(PatternProblem::Empty);
        }
        if body.split('/').any(|name| matches!(name, "" | "." | "..")) {
            return Err(PatternProblem::NotNormal);
        }
        let from_root = if is_anchored { body.to_owned() } else { format!("**/{body}") };
        // `a/**` is all below `a` in itself; `a/**/` only what is in directories there.
        let below = match (body == "**" || body.ends_with("/**"), of_directories) {
            (true, false) => None,
            (true, true) => Some(format!("{from_root}/*/**")),
            (false, _) => Some(format!("{from_root}/**")),
        };
        let below = below.as_deref().map(glob).transpose()?;
        let itself = glob(&from_root)?;
        let literal = is_anchored.then(|| literal(body, of_directories)).flatten();
        Ok(Self { takes_back: stripped.is_some(), of_directories, literal, itself, below })
    }
}

/// The path that a pattern from the root is, if it is one.
fn literal(body: &str, of_directories: bool) -> Option<(Vec<u8>, Itself)> {
    let (path, itself) = match (body.strip_suffix("/**"), of_directories) {
        (Some(path), false) => (path, Itself::Never),
        (None, true) => (body, Itself::AsDirectory),
        (None, false) => (body, Itself::Fits),
        (Some(_), true) => return None,
    };
    let is_plain = !path.contains(['*', '?', '[', ']', '{', '}', '\\']);
    is_plain.then(|| (path.as_bytes().to_vec(), itself))
}

fn glob(pattern: &str) -> Result<globset::Glob, PatternProblem> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .empty_alternates(true)
        .build()
        .map_err(|err| PatternProblem::NotAGlob(err.kind().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(pattern: &str) -> Globs {
        Globs::default().with(&[pattern]).unwrap()
    }

    #[test]
    fn globs_are_those_of_the_field() {
        for (pattern, fit, not) in [
            ("*.log", &["a.log", "x/a.log", "x.log/y", ".log"][..], &["a.log2", "log"][..]),
            ("doc", &["doc", "usr/doc", "usr/doc/x/y"], &["docs", "usr/docs/x", "a-doc"]),
            ("/doc", &["doc", "doc/x"], &["usr/doc", "docs"]),
            ("usr/doc", &["usr/doc", "usr/doc/x"], &["x/usr/doc", "usr/docs", "usr"]),
            ("/usr/*/x", &["usr/a/x", "usr/a/x/y", "usr/.a/x"], &["usr/a/b/x", "usr/x"]),
            ("a/**/b", &["a/b", "a/x/b", "a/x/y/b/c"], &["ab", "a/xb", "x/a/b"]),
            ("**/a/b", &["a/b", "x/y/a/b", "a/b/c"], &["xa/b", "a/bc"]),
            ("a/**", &["a/b", "a/b/c"], &["a", "ab"]),
            ("**", &["a", "a/b"], &[]),
            ("a**b", &["ab", "axb", "x/axb"], &["a/b", "axbc"]),
            ("a?c", &["abc", "x/abc/d"], &["a/c", "abbc", "ac"]),
            ("[a-c!]x", &["ax", "!x"], &["dx", "/x", "x"]),
            ("[!a]x", &["bx", "q/bx"], &["ax", "a/x", "x"]),
            ("/{a,b/c}/d", &["a/d", "b/c/d", "b/c/d/e"], &["b/d", "c/d"]),
            ("/{usr/,}bin", &["bin", "usr/bin/x"], &["usr/usr/bin", "sbin"]),
            ("\\*\\[x", &["*[x"], &["a[x"]),
            ("\\!x", &["!x"], &["x"]),
            ("ä", &["ä", "x/ä"], &["a"]),
            ("A", &["A"], &["a"]),
        ] {
            let globs = one(pattern);
            for (path, fits) in
                fit.iter().map(|it| (it, true)).chain(not.iter().map(|it| (it, false)))
            {
                assert_eq!(globs.fits(path.as_bytes(), false), fits, "{pattern} {path}");
                // The same line in a list says the same.
                let list = Globs::default().with_list(pattern).unwrap();
                assert_eq!(list.fits(path.as_bytes(), true), fits, "{pattern} {path}");
            }
        }
    }

    #[test]
    fn a_slash_at_the_end_is_one_of_directories() {
        for (pattern, path) in [("doc/", "usr/doc"), ("/usr/doc/", "usr/doc"), ("d*/", "doc")] {
            let (globs, path) = (one(pattern), path.as_bytes());
            assert!(globs.fits(path, true) && !globs.fits(path, false), "{pattern}");
            assert!(globs.fits(&[path, b"/x"].concat(), false), "{pattern}");
        }
        assert!(!one("/doc/").fits(b"usr/doc", true));
    }

    #[test]
    fn bytes_beyond_utf8_fit() {
        assert!(one("a?c").fits(b"x/a\xffc", false));
        assert!(one("*.log").fits(b"\xff\xfe.log", false));
        assert!(one("/a/**").fits(b"a/\xff/\n", false));
        assert!(!one("a?c").fits(b"a\xff\xffc", false));
    }

    #[test]
    fn the_last_line_that_fits_decides() {
        let list = "# all\n/a\n\n  !/a/b \r\n/a/b/c\n!*.md\nd/\n!x/d/\n*\\ \n";
        let globs = Globs::default().with_list(list).unwrap();
        assert_eq!(globs.patterns(), ["/a", "!/a/b", "/a/b/c", "!*.md", "d/", "!x/d/", "*\\ "]);
        for (path, verdict) in [
            (&b"a"[..], Some(true)),
            (b"a/x", Some(true)),
            (b"a/b", Some(false)),
            (b"a/b/x", Some(false)),
            (b"a/b/c", Some(true)),
            (b"a/b/c/y.md", Some(false)),
            (b"a/b/c/y.md ", Some(true)),
            (b"q", None),
            (b"q/d", Some(true)),
            (b"x/d", Some(false)),
        ] {
            assert_eq!(globs.verdict(path, true), verdict, "{}", path.escape_ascii());
        }
        // Of a list that only takes back nothing is left out.
        let globs = Globs::default().with_list("!a").unwrap();
        assert_eq!((globs.verdict(b"a", false), globs.verdict(b"b", false)), (Some(false), None));
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        let told = |pattern: &str| Globs::default().with(&[pattern]).unwrap_err().to_string();
        let names = "no path has an empty name, `.` or `..`";
        assert_eq!(told(""), "pattern \"\": it names nothing");
        assert_eq!(told("/"), "pattern \"/\": it names nothing");
        assert_eq!(told("./usr"), format!("pattern \"./usr\": {names}"));
        assert_eq!(told("a/../b"), format!("pattern \"a/../b\": {names}"));
        assert_eq!(told("a//b"), format!("pattern \"a//b\": {names}"));
        assert!(told("!a").contains("only lists of the core"));
        for pattern in ["[a", "{a", "a}", "[z-a]", "a\\"] {
            assert!(told(pattern).len() > format!("pattern {pattern:?}: ").len(), "{pattern}");
        }
        let err = Globs::default().with_list("a\n# b\n\n[c\n").unwrap_err();
        assert!(err.to_string().starts_with("line 4: pattern \"[c\": "), "{err}");
        assert!(Globs::default().with_list("!\n").unwrap_err().to_string().contains("line 1"));
    }

    /// Whether names fit the names of a pattern, by what the words say.
    fn fits_naively(pattern: &[&str], path: &[&str]) -> bool {
        let name_fits = |pattern: &str, name: &str| match pattern.split_once('*') {
            Some((head, tail)) => {
                name.len() + 1 >= pattern.len() && name.starts_with(head) && name.ends_with(tail)
            }
            None => pattern == name,
        };
        match (pattern, path) {
            ([], _) => true,
            (["**"], rest) => !rest.is_empty(),
            (["**", rest @ ..], [_, below @ ..]) => {
                fits_naively(rest, path) || fits_naively(pattern, below)
            }
            ([first, rest @ ..], [name, below @ ..]) => {
                name_fits(first, name) && fits_naively(rest, below)
            }
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn globs_fit_as_the_words_say(
            lines in proptest::collection::vec(
                ("!?", "/?", proptest::collection::vec("[ab-]{1,2}|[ab]?\\*[ab]?|\\*\\*", 1..4), "/?"), 1..8),
            path in proptest::collection::vec("[ab-]{1,2}", 1..5),
            is_directory: bool,
        ) {
            let mut expected = None;
            let mut list = String::new();
            for (back, front, names, end) in &lines {
                list.push_str(&format!("{back}{front}{}{end}\n", names.join("/")));
                let mut pattern: Vec<&str> = names.iter().map(String::as_str).collect();
                if front.is_empty() && names.len() == 1 {
                    pattern.insert(0, "**");
                }
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                // Of a pattern of directories the path itself has to be one, or one above it fits.
                let shorter = if end.is_empty() || is_directory { path.len() } else { path.len() - 1 };
                if fits_naively(&pattern, &path[..shorter]) {
                    expected = Some(back.is_empty());
                }
            }
            let globs = Globs::default().with_list(&list).unwrap();
            prop_assert_eq!(globs.verdict(path.join("/").as_bytes(), is_directory), expected, "{}", list);
        }
    }
}
