//! What two images are to each other, with the evidence.
//!
//! Every fact is counted exactly; the relation is a name for what they add up to. Thresholds stand
//! here, with where they come from, and nowhere else.

use crate::image::LayerKey;
use crate::inventory::{self, Entry, EntryKind, Inventory};
use crate::measure::Measure;
use crate::path_set::{Overlap, Selection};
pub use crate::view::Volatile;

/// Below so many files in either image there is too little to tell what they are to each other.
pub const MIN_FILES: u64 = 10;

/// A child keeps at least this share of its parent's paths. Of 67 true pairs of official images
/// of 2017 the lowest kept 0.9786 (deletions, one name of several hard links listed).
const CHILD_PATHS: f64 = 0.975;

/// A child keeps at least this share of its parent's files with the very content. The rebuilt
/// parent and child of two golden files of another tool have 0.997; two point releases of one
/// distribution, which are no parent and child, 0.92.
pub const CHILD_CONTENT: f64 = 0.97;

/// With so much in common and neither a child of the other, two images are one system built twice,
/// or two versions of one.
pub const REBUILD_DICE: f64 = 0.9;

/// One system built twice has at least this share of its contents twice. Two builds of one recipe for
/// one machine had 0.998, two versions of a system for one machine 0.03 to 0.92.
const REBUILD_CONTENT: f64 = 0.5;

/// The counts that compare two inventories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Overlap of all that is not a directory.
    pub files: Overlap,
    /// Overlap of the directories.
    pub directories: Overlap,
    /// Paths that are a directory on one side and something else on the other: common to both
    /// images, but not under `files` nor under `directories`.
    pub other_kind: u64,
    /// What of `files.common` has the same content.
    pub content: Content,
    /// What of the differences lies at volatile paths.
    pub aside: Aside,
    /// The records of installed packages that both have.
    pub packages: Packages,
    /// Whether both say that they are another release of one operating system.
    pub other_release: bool,
    /// Which of the two alone has an empty `lost+found` in its root, `true` being the left one. It is
    /// among `directories`, but does not count: whoever makes an ext file system makes it, so it
    /// belongs to what the system is kept on and not to the system.
    pub lost_and_found: Option<bool>,
}

/// The directory that an ext file system has for what a check finds, in normal form.
const LOST_AND_FOUND: &[u8] = b"lost+found";

/// Differences at [`Volatile`] paths: they do not speak against one image being built from the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aside {
    /// Of `content.changed`.
    pub changed: u64,
    /// Of `files.left_only`.
    pub left_only: u64,
    /// Of `files.right_only`.
    pub right_only: u64,
}

impl Aside {
    /// How many there are.
    pub const fn total(self) -> u64 {
        self.changed + self.left_only + self.right_only
    }
}

/// How the records of installed packages compare ([`Volatile::Packages`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packages {
    /// Records that both have, with the same content: nothing was installed or removed in between.
    pub same: u64,
    /// Records with another content, or that only one of the two has.
    pub changed: u64,
}

/// How the common files compare; the three add up to `files.common`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The same bytes, the same link target, or the same kind of device, fifo or socket.
    pub same: u64,
    /// Other bytes, another target or another kind.
    pub changed: u64,
    /// Of one side the content is not known, as in path lists.
    pub unknown: u64,
}

impl Comparison {
    /// Compares two inventories by one walk over both. O(entries of both).
    pub fn of(left: &Inventory, right: &Inventory) -> Self {
        let mut comparison = Self {
            other_release: are_other_releases(left, right),
            lost_and_found: lost_and_found(left, right),
            ..Self::default()
        };
        for (a, b) in inventory::beside(left, right) {
            comparison.count(a.as_ref(), b.as_ref());
        }
        comparison
    }

    fn count(&mut self, left: Option<&Entry<'_>>, right: Option<&Entry<'_>>) {
        let is_directory = |entry: Option<&Entry<'_>>| entry.map(|e| e.kind.is_directory());
        self.other_kind += u64::from(
            is_directory(left).is_some()
                && is_directory(right).is_some()
                && is_directory(left) != is_directory(right),
        );
        match (is_directory(left), is_directory(right)) {
            (Some(true), Some(true)) => self.directories.common += 1,
            (Some(false), Some(false)) => self.files.common += 1,
            (l, r) => {
                for (side, is_left) in [(l, true), (r, false)] {
                    let Some(directory) = side else { continue };
                    let overlap = if directory { &mut self.directories } else { &mut self.files };
                    let only =
                        if is_left { &mut overlap.left_only } else { &mut overlap.right_only };
                    *only += 1;
                    let entry = if is_left { left } else { right };
                    if let (false, Some(entry)) = (directory, entry) {
                        self.count_one_sided(entry.path, is_left);
                    }
                }
            }
        }
        if let (Some(left), Some(right)) = (left, right)
            && !left.kind.is_directory()
            && !right.kind.is_directory()
        {
            match same_content(left, right) {
                Some(true) => {
                    self.content.same += 1;
                    self.packages.same += u64::from(Volatile::is_packages(left.path));
                }
                Some(false) => {
                    self.content.changed += 1;
                    let why = Volatile::of(left.path);
                    self.aside.changed += u64::from(why.is_some());
                    self.packages.changed += u64::from(why == Some(Volatile::Packages));
                }
                None => self.content.unknown += 1,
            }
        }
    }

    fn count_one_sided(&mut self, path: &[u8], is_left: bool) {
        let why = Volatile::of(path);
        let aside = if is_left { &mut self.aside.left_only } else { &mut self.aside.right_only };
        *aside += u64::from(why.is_some());
        self.packages.changed += u64::from(why == Some(Volatile::Packages));
    }

    /// The share of the common files that have the same content, volatile ones that differ set aside;
    /// `None` if that is not known of all, or there are none.
    pub fn same_content(&self) -> Option<f64> {
        let Content { same, changed, unknown } = self.content;
        let counted = same + changed - self.aside.changed;
        (unknown == 0 && counted > 0).then(|| same as f64 / counted as f64)
    }

    /// Whether two images of which neither is a child of the other, and that have nearly the same
    /// paths, are one system built twice; else they are two versions of it, or siblings otherwise.
    pub fn is_rebuild(&self) -> bool {
        !self.other_release && self.same_content().is_some_and(|same| same >= REBUILD_CONTENT)
    }

    /// The overlap of all paths but for the `lost+found` that does not count.
    pub fn counted(&self) -> Overlap {
        let mut both = self.overlap(Selection::Both);
        match self.lost_and_found {
            Some(true) => both.left_only = both.left_only.saturating_sub(1),
            Some(false) => both.right_only = both.right_only.saturating_sub(1),
            None => {}
        }
        both
    }

    /// The overlap under a selection.
    pub fn overlap(&self, selection: Selection) -> Overlap {
        match selection {
            Selection::Files => self.files,
            Selection::Directories => self.directories,
            Selection::Both => Overlap {
                common: self.files.common + self.directories.common + self.other_kind,
                left_only: self.files.left_only + self.directories.left_only - self.other_kind,
                right_only: self.files.right_only + self.directories.right_only - self.other_kind,
            },
        }
    }
}

/// Which of the two alone has an empty `lost+found` in its root; `true` is the left one.
fn lost_and_found(left: &Inventory, right: &Inventory) -> Option<bool> {
    let (one, is_left) = match (left.get(LOST_AND_FOUND), right.get(LOST_AND_FOUND)) {
        (Some(found), None) if found.kind.is_directory() => (left, true),
        (None, Some(found)) if found.kind.is_directory() => (right, false),
        _ => return None,
    };
    let is_below = |entry: Entry<'_>| {
        entry.path.strip_prefix(LOST_AND_FOUND).is_some_and(|rest| rest.first() == Some(&b'/'))
    };
    (!one.iter().any(is_below)).then_some(is_left)
}

/// Whether both tell the same operating system by its os-release, with another version.
fn are_other_releases(left: &Inventory, right: &Inventory) -> bool {
    let tell = |inventory: &Inventory| {
        let os = inventory.os_identity()?;
        Some((os.id?, os.version_id?))
    };
    match (tell(left), tell(right)) {
        (Some((one, version)), Some((other, other_version))) => {
            one == other && version != other_version
        }
        _ => false,
    }
}

/// Whether two entries that are no directories hold the same; `None` if that is not known.
pub(crate) fn same_content(left: &Entry<'_>, right: &Entry<'_>) -> Option<bool> {
    match (left.kind, right.kind) {
        (a, b) if a.has_content() && b.has_content() => match (left.digest, right.digest) {
            (Some(a), Some(b)) => Some(a == b),
            _ => None,
        },
        (EntryKind::Symlink, EntryKind::Symlink) => Some(left.link == right.link),
        (a, b) if a == b => Some(true),
        // A listing may call anything a file.
        (a, b)
            if a.has_content() && left.digest.is_none()
                || b.has_content() && right.digest.is_none() =>
        {
            None
        }
        _ => Some(false),
    }
}

/// What the left image is to the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// The same paths with the same contents.
    Identical,
    /// The same paths; contents differ or are not known.
    SamePaths,
    /// The right one was built from the left one.
    Parent,
    /// The left one was built from the right one.
    Child,
    /// As parent or child, but the child deleted or changed part of what it was built from.
    ChildWithEdits,
    /// All of one is in the other, or nearly, as if that were built from it; but they share layers and
    /// then part, so that neither was.
    ContainedIn,
    /// Both stand on layers that they share, or they are two versions of one system: nearly the same
    /// paths, and neither was built from the other.
    Sibling,
    /// One system built twice: nearly the same paths, and most of their contents.
    Rebuild,
    /// None of these, or too little to tell.
    Unrelated,
}

impl RelationKind {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::SamePaths => "same-paths",
            Self::Parent => "parent",
            Self::Child => "child",
            Self::ChildWithEdits => "child-with-edits",
            Self::ContainedIn => "contained-in",
            Self::Sibling => "sibling",
            Self::Rebuild => "rebuild",
            Self::Unrelated => "unrelated",
        }
    }
}

/// A fact that speaks for a relation.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// So many layers at the base are shared; empty ones are left out.
    SharedLayers {
        /// How many, from the base up.
        shared: usize,
        /// How many the left image has.
        left: usize,
        /// How many the right image has.
        right: usize,
    },
    /// The share of the left files that the right image has with the same content, and the other way.
    ContentContainment {
        /// Share of the left files, in `0..=1`.
        left: f64,
        /// Share of the right files, in `0..=1`.
        right: f64,
    },
    /// The share of the left paths that the right image has, and the other way.
    PathContainment {
        /// Share of the left paths, in `0..=1`.
        left: f64,
        /// Share of the right paths, in `0..=1`.
        right: f64,
    },
    /// So much differs at paths that are volatile, and does not count.
    Volatile(Aside),
    /// One alone has an empty `lost+found` in its root, which does not count.
    LostAndFound {
        /// Whether it is the left one.
        is_left: bool,
    },
    /// One image has fewer than [`MIN_FILES`] files.
    TooLittle {
        /// Files of the left image.
        left: u64,
        /// Files of the right image.
        right: u64,
    },
}

/// A relation with all its evidence, strongest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// What it is.
    pub kind: RelationKind,
    /// Which of the two is the older one, where the kind has a direction: `true` if it is the left.
    pub left_is_parent: Option<bool>,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
}

impl Relation {
    /// Names the relation of two images by their counts and the layers that each stands on
    /// (base first, layers without entries left out).
    pub fn of(comparison: &Comparison, left: &[LayerKey], right: &[LayerKey]) -> Self {
        let facts = Facts::of(comparison, left, right);
        let (kind, left_is_parent) = facts.judge(comparison);
        Self {
            kind,
            left_is_parent,
            evidence: facts.evidence(comparison, [left.len(), right.len()]),
        }
    }
}

struct Facts {
    shared_layers: usize,
    // Whether all layers of the left, or of the right image are the base of the other.
    left_is_base: bool,
    right_is_base: bool,
    paths: [f64; 2],
    content: Option<[f64; 2]>,
    // The same two with what is volatile set aside: these decide.
    kept_paths: [f64; 2],
    kept_content: Option<[f64; 2]>,
    too_little: bool,
}

impl Facts {
    fn of(comparison: &Comparison, left: &[LayerKey], right: &[LayerKey]) -> Self {
        let both = comparison.overlap(Selection::Both);
        let counted_paths = comparison.counted();
        let shared_layers = left.iter().zip(right).take_while(|(a, b)| a == b).count();
        let share = |part: u64, total: u64| match total {
            0 => 0.0,
            total => part as f64 / total as f64,
        };
        let same = comparison.content.same;
        let (files, aside) = (comparison.files, comparison.aside);
        let only = [aside.left_only, aside.right_only];
        let sizes = [files.left(), files.right()];
        let counted = [0, 1].map(|side| sizes[side] - only[side] - aside.changed);
        let known = comparison.content.unknown == 0 && files.common > 0;
        Self {
            shared_layers,
            left_is_base: shared_layers == left.len() && shared_layers > 0,
            right_is_base: shared_layers == right.len() && shared_layers > 0,
            paths: [Measure::ContainmentLeft.of(both), Measure::ContainmentRight.of(both)],
            content: known.then(|| sizes.map(|size| share(same, size))),
            kept_paths: [
                share(counted_paths.common, counted_paths.left() - only[0]),
                share(counted_paths.common, counted_paths.right() - only[1]),
            ],
            kept_content: known.then(|| counted.map(|size| share(same, size))),
            too_little: files.left().min(files.right()) < MIN_FILES,
        }
    }

    fn judge(&self, comparison: &Comparison) -> (RelationKind, Option<bool>) {
        let both = comparison.counted();
        if both.left_only == 0 && both.right_only == 0 {
            let content = comparison.content;
            let known_same = content.changed + content.unknown + comparison.other_kind == 0;
            let kind = if known_same { RelationKind::Identical } else { RelationKind::SamePaths };
            return (kind, None);
        }
        match (self.left_is_base, self.right_is_base) {
            (true, false) => return Self::child_of(comparison, true),
            (false, true) => return Self::child_of(comparison, false),
            _ => {}
        }
        if self.too_little {
            return (RelationKind::Unrelated, None);
        }
        for (side, is_smaller) in [(0, both.left() < both.right()), (1, both.right() < both.left())]
        {
            let keeps_content = self.kept_content.is_none_or(|kept| kept[side] >= CHILD_CONTENT);
            if is_smaller && self.kept_paths[side] >= CHILD_PATHS && keeps_content {
                if self.shared_layers > 0 {
                    return (RelationKind::ContainedIn, None);
                }
                return Self::child_of(comparison, side == 0);
            }
        }
        let is_near = Measure::Dice.of(both) >= REBUILD_DICE;
        let kind = if is_near && comparison.is_rebuild() {
            RelationKind::Rebuild
        } else if is_near || self.shared_layers > 0 {
            RelationKind::Sibling
        } else {
            RelationKind::Unrelated
        };
        (kind, None)
    }

    /// Parent and child are found; the name tells whether the child kept everything.
    fn child_of(comparison: &Comparison, left_is_parent: bool) -> (RelationKind, Option<bool>) {
        let both = comparison.counted();
        let lost = if left_is_parent { both.left_only } else { both.right_only };
        let kind = match (lost == 0 && comparison.content.changed == 0, left_is_parent) {
            (false, _) => RelationKind::ChildWithEdits,
            (true, true) => RelationKind::Parent,
            (true, false) => RelationKind::Child,
        };
        (kind, Some(left_is_parent))
    }

    fn evidence(&self, comparison: &Comparison, [left, right]: [usize; 2]) -> Vec<Evidence> {
        let mut evidence = Vec::new();
        if self.shared_layers > 0 {
            let shared = self.shared_layers;
            evidence.push(Evidence::SharedLayers { shared, left, right });
        }
        if let Some([left, right]) = self.content {
            evidence.push(Evidence::ContentContainment { left, right });
        }
        evidence.push(Evidence::PathContainment { left: self.paths[0], right: self.paths[1] });
        if comparison.aside.total() > 0 {
            evidence.push(Evidence::Volatile(comparison.aside));
        }
        if let Some(is_left) = comparison.lost_and_found {
            evidence.push(Evidence::LostAndFound { is_left });
        }
        if self.too_little {
            let (left, right) = (comparison.files.left(), comparison.files.right());
            evidence.push(Evidence::TooLittle { left, right });
        }
        evidence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Digest;
    use crate::inventory::{Layer, flatten};
    use std::sync::Arc;

    fn inventory(files: &[(&str, Option<u8>)]) -> Inventory {
        let mut layer = Layer::new();
        for (path, content) in files {
            let digest = content.map(|byte| Digest([byte; 32]));
            let entry =
                Entry { digest: digest.as_ref(), ..Entry::bare(path.as_bytes(), EntryKind::File) };
            layer.push(&entry).unwrap();
        }
        flatten(&[Arc::new(layer)]).0
    }

    fn numbered(range: std::ops::Range<u8>, content: Option<u8>) -> Vec<(String, Option<u8>)> {
        range.map(|number| (format!("f{number:03}"), content)).collect()
    }

    fn judge(left: &[(String, Option<u8>)], right: &[(String, Option<u8>)]) -> RelationKind {
        let of = |files: &[(String, Option<u8>)]| {
            inventory(&files.iter().map(|(p, c)| (p.as_str(), *c)).collect::<Vec<_>>())
        };
        let comparison = Comparison::of(&of(left), &of(right));
        Relation::of(&comparison, &[], &[]).kind
    }

    #[test]
    fn relations_by_content_and_paths() {
        let (a, b) = (numbered(0..100, Some(1)), numbered(0..150, Some(1)));
        assert_eq!(judge(&a, &a), RelationKind::Identical);
        assert_eq!(judge(&a, &numbered(0..100, Some(2))), RelationKind::SamePaths);
        assert_eq!(judge(&a, &numbered(0..100, None)), RelationKind::SamePaths);
        assert_eq!(judge(&a, &b), RelationKind::Parent);
        assert_eq!(judge(&b, &a), RelationKind::Child);
        assert_eq!(judge(&a, &numbered(1..150, Some(1))), RelationKind::ChildWithEdits);
        // Most contents are the same: built twice. None is: two versions.
        let mut rebuilt = numbered(0..90, Some(1));
        rebuilt.extend(numbered(90..105, Some(2)));
        assert_eq!(judge(&a, &rebuilt), RelationKind::Rebuild);
        assert_eq!(judge(&a, &numbered(0..105, Some(2))), RelationKind::Sibling);
        assert_eq!(judge(&a, &numbered(0..200, Some(2))), RelationKind::Unrelated);
        assert_eq!(judge(&a, &numbered(0..200, None)), RelationKind::Parent);
        assert_eq!(judge(&a, &numbered(100..200, Some(1))), RelationKind::Unrelated);
        assert_eq!(judge(&numbered(0..9, Some(1)), &a), RelationKind::Unrelated);
        assert_eq!(judge(&[], &a), RelationKind::Unrelated);
        assert_eq!(judge(&[], &[]), RelationKind::Identical);
    }

    #[test]
    fn layers_tell_more_than_paths() {
        let key = |byte| LayerKey::DiffId(Digest([byte; 32]));
        let comparison = Comparison {
            files: Overlap { common: 50, left_only: 10, right_only: 40 },
            ..Comparison::default()
        };
        let relation = Relation::of(&comparison, &[key(1)], &[key(1), key(2)]);
        assert_eq!(
            (relation.kind, relation.left_is_parent),
            (RelationKind::ChildWithEdits, Some(true))
        );
        let relation = Relation::of(&comparison, &[key(1), key(3)], &[key(1), key(2)]);
        assert_eq!((relation.kind, relation.left_is_parent), (RelationKind::Sibling, None));
    }

    #[test]
    fn an_image_that_parts_from_another_is_not_built_from_it() {
        let key = |byte| LayerKey::DiffId(Digest([byte; 32]));
        let comparison = Comparison {
            files: Overlap { common: 1000, left_only: 0, right_only: 1 },
            content: Content { same: 1000, ..Content::default() },
            ..Comparison::default()
        };
        let of = |left: &[u8], right: &[u8]| {
            let keys = |layers: &[u8]| layers.iter().map(|it| key(*it)).collect::<Vec<_>>();
            Relation::of(&comparison, &keys(left), &keys(right))
        };
        let relation = of(&[1, 2], &[1, 3]);
        assert_eq!((relation.kind, relation.left_is_parent), (RelationKind::ContainedIn, None));
        assert_eq!(of(&[1], &[1, 3]).kind, RelationKind::Parent);
        assert_eq!(of(&[1], &[2]).kind, RelationKind::Parent);
    }

    #[test]
    fn volatile_paths_do_not_speak_against_a_child() {
        let volatile = |content| {
            let of = move |path: String| (path, Some(content));
            (0..10).map(move |number| of(format!("var/log/{number}")))
        };
        let parent: Vec<_> = numbered(0..100, Some(1)).into_iter().chain(volatile(1)).collect();
        let child: Vec<_> = numbered(0..150, Some(1)).into_iter().chain(volatile(2)).collect();
        assert_eq!(judge(&parent, &child), RelationKind::ChildWithEdits);
        // All of them gone is as good.
        assert_eq!(judge(&parent, &numbered(0..150, Some(1))), RelationKind::ChildWithEdits);
        // Were they no volatile ones, it would be too much.
        let renamed = |files: &[(String, Option<u8>)]| {
            files.iter().map(|(path, it)| (path.replace("var/log", "srv"), *it)).collect::<Vec<_>>()
        };
        assert_eq!(judge(&renamed(&parent), &renamed(&child)), RelationKind::Unrelated);
    }

    /// A hundred files, and these directories and files.
    fn with_more(more: &[&str]) -> Inventory {
        let mut layer = Layer::new();
        let digest = Digest([1; 32]);
        let numbered = (0..100).map(|number| format!("f{number:03}"));
        for path in numbered.chain(more.iter().map(|path| (*path).to_owned())) {
            let (kind, path) = match path.strip_suffix('/') {
                Some(path) => (EntryKind::Directory, path),
                None => (EntryKind::File, path.as_str()),
            };
            let digest = (kind == EntryKind::File).then_some(&digest);
            layer.push(&Entry { digest, ..Entry::bare(path.as_bytes(), kind) }).unwrap();
        }
        flatten(&[Arc::new(layer)]).0
    }

    #[test]
    fn an_empty_lost_and_found_is_of_no_system() {
        let relation = |left: &[&str], right: &[&str]| {
            let comparison = Comparison::of(&with_more(left), &with_more(right));
            let relation = Relation::of(&comparison, &[], &[]);
            let is_told = relation
                .evidence
                .iter()
                .any(|it| matches!(it, Evidence::LostAndFound { is_left } if *is_left));
            (relation.kind, is_told, comparison.directories.left_only)
        };
        let disk = ["lost+found/"];
        assert_eq!(relation(&disk, &[]), (RelationKind::Identical, true, 1));
        assert_eq!(relation(&[], &disk), (RelationKind::Identical, false, 0));
        assert_eq!(relation(&disk, &disk), (RelationKind::Identical, false, 0));
        assert_eq!(relation(&disk, &["more"]), (RelationKind::Parent, true, 1));
        assert_eq!(relation(&["lost+found/", "more"], &[]), (RelationKind::Child, true, 1));
        // With something in it, elsewhere, or as a file it is of the system as all else is.
        for more in ["lost+found/#12", "home/lost+found/", "lost+found", "lost+found2/"] {
            let (kind, is_told, _) = relation(&[more], &[]);
            assert_eq!((kind, is_told), (RelationKind::Child, false), "{more}");
        }
        assert_eq!(relation(&disk, &["lost+found"]).0, RelationKind::SamePaths);
        assert_eq!(relation(&disk, &["lost+found/x"]).0, RelationKind::Parent);
    }

    #[test]
    fn releases_and_package_records_are_told() {
        let system = |version: &str, status: u8, more: &[&str]| {
            let mut layer = Layer::new();
            let digest = Digest([status; 32]);
            for path in ["var/lib/dpkg/status", "var/log/dpkg.log"].iter().chain(more) {
                let bare = Entry::bare(path.as_bytes(), EntryKind::File);
                layer.push(&Entry { digest: Some(&digest), ..bare }).unwrap();
            }
            let index = layer.push(&Entry::bare(b"etc/os-release", EntryKind::File)).unwrap();
            layer.keep(index, format!("ID=debian\nVERSION_ID={version}\n").into_bytes());
            flatten(&[Arc::new(layer)]).0
        };
        let compare = |left: &Inventory, right: &Inventory| Comparison::of(left, right);
        let (twelve, eleven) = (system("12", 1, &[]), system("11", 2, &["var/log/x", "usr/x"]));
        let comparison = compare(&twelve, &eleven);
        assert!(comparison.other_release && !comparison.is_rebuild());
        assert_eq!(comparison.packages, Packages { same: 0, changed: 1 });
        assert_eq!(comparison.aside, Aside { changed: 2, left_only: 0, right_only: 1 });
        let comparison = compare(&twelve, &system("12", 1, &["usr/x"]));
        assert!(!comparison.other_release);
        assert_eq!(comparison.packages, Packages { same: 1, changed: 0 });
        assert_eq!(comparison.aside.total(), 0);
    }

    #[test]
    fn kinds_decide_where_content_cannot() {
        let counts = |left: Entry<'_>, right: Entry<'_>| {
            let of = |entry: &Entry<'_>| {
                let mut layer = Layer::new();
                layer.push(entry).unwrap();
                flatten(&[Arc::new(layer)]).0
            };
            let comparison = Comparison::of(&of(&left), &of(&right));
            (comparison.files.common, comparison.content)
        };
        let link = |target| Entry { link: Some(target), ..Entry::bare(b"x", EntryKind::Symlink) };
        let fifo = Entry::bare(b"x", EntryKind::Fifo);
        let directory = Entry::bare(b"x", EntryKind::Directory);
        let same = Content { same: 1, ..Content::default() };
        let changed = Content { changed: 1, ..Content::default() };
        assert_eq!(counts(link(b"a"), link(b"a")), (1, same));
        assert_eq!(counts(link(b"a"), link(b"b")), (1, changed));
        assert_eq!(counts(link(b"a"), fifo), (1, changed));
        assert_eq!(counts(fifo, fifo), (1, same));
        assert_eq!(counts(fifo, directory), (0, Content::default()));
    }

    #[test]
    fn a_path_of_another_kind_is_the_same_path_still() {
        let of = |kind| {
            let mut layer = Layer::new();
            layer.push(&Entry::bare(b"lib", kind)).unwrap();
            flatten(&[Arc::new(layer)]).0
        };
        let comparison = Comparison::of(&of(EntryKind::Symlink), &of(EntryKind::Directory));
        let overlap = |selection| comparison.overlap(selection);
        let only = |left_only, right_only| Overlap { common: 0, left_only, right_only };
        assert_eq!(overlap(Selection::Files), only(1, 0));
        assert_eq!(overlap(Selection::Directories), only(0, 1));
        assert_eq!(overlap(Selection::Both), Overlap { common: 1, left_only: 0, right_only: 0 });
    }
}
