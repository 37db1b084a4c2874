//! `oskin.diff/1`: what exactly differs between two images.

use super::grouped;
use super::paths::WholeTreeReport;
use super::{CompareReport, PackagesReport, RelationReport, SettingsReport};
use crate::diff::{Change, Class, ClassCount, Differences};
use crate::inventory::{Entry, Totals};
use crate::measure::{Counterparts, Kind};
use crate::path::escape;
use crate::relation::Volatile;
use serde::Serialize;

/// What differs between two images.
#[derive(Clone, Debug, Serialize)]
pub struct DiffReport {
    schema: &'static str,
    /// The left image.
    pub left: DiffSide,
    /// The right image.
    pub right: DiffSide,
    /// Which paths are told of; `all` unless some were left out.
    pub focus: String,
    /// The answer in a few sentences: what they are to each other, and what differs most.
    pub summary: String,
    /// What they are to each other.
    pub relation: Option<RelationReport>,
    /// Whether nothing that is told of is known to differ.
    pub same: bool,
    /// How many paths are of each class.
    pub classes: Vec<ClassReport>,
    /// How many of the files that differ are volatile, by reason.
    pub volatile: Vec<VolatileReport>,
    /// Directories that shifted or moved with what is in them, those of most pairs first; what is in them is among the
    /// added and removed as well.
    pub moved: Vec<WholeTreeReport>,
    /// How their packages compare; null unless those of both are known.
    pub packages: Option<PackagesReport>,
    /// How what they declare and set up differs: configuration, operating system, users, services.
    pub settings: SettingsReport,
    /// Rules that were to fail, and what they met.
    pub rules: Vec<RuleReport>,
    /// Every path that differs, in the order of bytes; null unless asked for.
    pub entries: Option<Vec<ChangeReport>>,
}

/// One of the two images.
#[derive(Clone, Debug, Serialize)]
pub struct DiffSide {
    /// Its name, or its location.
    pub name: String,
    /// What of it could not be read; null if it is whole.
    pub incomplete: Option<String>,
    /// All that is no directory.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Bytes of content.
    pub size_bytes: u64,
}

/// How many paths are of a class.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ClassReport {
    /// Its name.
    pub class: &'static str,
    /// Those that are no directories.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Of the files, the volatile ones.
    pub volatile: u64,
    /// Bytes of content in the left image.
    pub left_bytes: u64,
    /// Bytes of content in the right image.
    pub right_bytes: u64,
}

impl ClassReport {
    fn new(class: Class, count: ClassCount) -> Self {
        let [left_bytes, right_bytes] = count.bytes;
        let ClassCount { files, directories, volatile, .. } = count;
        Self { class: class.name(), files, directories, volatile, left_bytes, right_bytes }
    }
}

/// How many volatile files differ for a reason.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct VolatileReport {
    /// `packages`, `package-state`, `log`, `cache`, `index` or `machine`.
    pub reason: &'static str,
    /// How many.
    pub files: u64,
}

/// A rule with what it met.
#[derive(Clone, Debug, Serialize)]
pub struct RuleReport {
    /// As it was written.
    pub rule: String,
    /// How many paths it met.
    pub met: u64,
    /// The first of them.
    pub first: Option<String>,
}

/// A path that differs.
#[derive(Clone, Debug, Serialize)]
pub struct ChangeReport {
    /// The path, escaped.
    pub path: String,
    /// What became of it.
    pub class: &'static str,
    /// Why it is volatile; null if it is not.
    pub volatile: Option<&'static str>,
    /// What the left image has there; null if nothing.
    pub left: Option<EntryReport>,
    /// What the right image has there; null if nothing.
    pub right: Option<EntryReport>,
}

/// What an image has at a path.
#[derive(Clone, Debug, Serialize)]
pub struct EntryReport {
    /// `file`, `directory`, `symlink` and so on.
    pub kind: &'static str,
    /// Bytes of content.
    pub size_bytes: u64,
    /// Permission bits in octal.
    pub mode: String,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Where a symbolic link leads; null for all else.
    pub link: Option<String>,
    /// The digest of the content; null where there is none, or it is not known.
    pub digest: Option<String>,
}

impl EntryReport {
    fn new(entry: &Entry<'_>) -> Self {
        Self {
            kind: entry.kind.name(),
            size_bytes: entry.size_bytes,
            mode: format!("{:04o}", entry.mode),
            uid: entry.uid,
            gid: entry.gid,
            link: entry.link.filter(|_| !entry.kind.has_content()).map(escape),
            digest: entry.digest.map(ToString::to_string),
        }
    }
}

impl ChangeReport {
    fn new(change: &Change<'_>) -> Self {
        Self {
            path: escape(change.path),
            class: change.class.name(),
            volatile: change.volatile.map(Volatile::name),
            left: change.left.as_ref().map(EntryReport::new),
            right: change.right.as_ref().map(EntryReport::new),
        }
    }
}

impl DiffReport {
    /// What differs, of which `compared` tells relation and packages.
    pub fn new(
        compared: CompareReport,
        totals: [Totals; 2],
        focus: &str,
        found: &Differences<'_>,
        moved: &Counterparts<'_>,
    ) -> Self {
        let side = |side: super::Side, totals: Totals| DiffSide {
            name: side.name,
            incomplete: side.incomplete,
            files: totals.files,
            directories: totals.directories,
            size_bytes: totals.size_bytes,
        };
        let [left, right] = totals;
        let count = |why: Volatile| {
            let files = found.changes.iter().filter(|change| change.volatile == Some(why));
            VolatileReport { reason: why.name(), files: files.count() as u64 }
        };
        let volatile: Vec<VolatileReport> = Volatile::ALL.map(count).into_iter().collect();
        Self {
            schema: "oskin.diff/1",
            summary: format!("{} {}", compared.summary, sentence(found, moved)),
            left: side(compared.left, left),
            right: side(compared.right, right),
            focus: focus.to_owned(),
            relation: compared.relation,
            same: found.is_same(),
            classes: Class::ALL.map(|class| ClassReport::new(class, found.count(class))).into(),
            volatile: volatile.into_iter().filter(|it| it.files > 0).collect(),
            moved: moved.subtrees.iter().map(WholeTreeReport::new).collect(),
            packages: compared.packages,
            settings: SettingsReport::default(),
            rules: Vec::new(),
            entries: None,
        }
    }

    /// Lists every path.
    pub fn list(&mut self, found: &Differences<'_>) {
        self.entries = Some(found.changes.iter().map(ChangeReport::new).collect());
    }
}

/// What differs, in one sentence.
fn sentence(found: &Differences<'_>, moved: &Counterparts<'_>) -> String {
    let files = |class: Class| found.count(class).files;
    let told = |class: Class, what: &str| {
        (files(class) > 0).then(|| format!("{} {what}", grouped(files(class))))
    };
    let parts: Vec<String> = [
        told(Class::Added, "added"),
        told(Class::Removed, "removed"),
        told(Class::Content, "of other content"),
        told(Class::Kind, "of another kind"),
        told(Class::Link, "leading elsewhere"),
        told(Class::Mode, "of other mode or owner only"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        let directories: u64 = Class::ALL
            .into_iter()
            .filter(|class| class.is_different())
            .map(|class| found.count(class).directories)
            .sum();
        return match directories {
            0 => "No file differs.".to_owned(),
            some => format!("No file differs, but {} directories do.", grouped(some)),
        };
    }
    let different = |change: &&Change<'_>| change.class.is_different() && change.volatile.is_some();
    let volatile = found.changes.iter().filter(different).count() as u64;
    let mut text = format!("Files: {}", parts.join(", "));
    if volatile > 0 {
        text.push_str(&format!("; {} of them volatile", grouped(volatile)));
    }
    let pairs = |kind: Kind| moved.pairs.iter().filter(|pair| pair.kind == kind).count() as u64;
    for kind in [Kind::VersionShifted, Kind::Moved] {
        if pairs(kind) > 0 {
            text.push_str(&format!("; {} {}", grouped(pairs(kind)), kind.name()));
        }
    }
    text.push('.');
    text
}
