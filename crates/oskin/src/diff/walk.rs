//! Each path of two images with what became of it, by one walk over both.

use crate::inventory::{self, Entry, EntryKind, Inventory};
use crate::relation::{Volatile, same_content};

/// What became of a path. Every path of two images is in one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Only the right image has it.
    Added,
    /// Only the left image has it.
    Removed,
    /// Files with other bytes, or device nodes of other kinds of content.
    Content,
    /// It is something else: a directory that was a file, a link that was a directory.
    Kind,
    /// A symbolic link that leads elsewhere.
    Link,
    /// Nothing but permission bits or owners differ. Where a layer does that to a file, it holds the whole file again:
    /// a *mode-only rewrite*.
    Mode,
    /// Both have it, but of one the content is not known, as in path lists.
    Unknown,
    /// The same, as far as is compared.
    Same,
}

impl Class {
    /// All classes, in the order in which reports list them.
    pub const ALL: [Self; 8] = [
        Self::Added,
        Self::Removed,
        Self::Content,
        Self::Kind,
        Self::Link,
        Self::Mode,
        Self::Unknown,
        Self::Same,
    ];

    /// The name used in reports and rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Content => "content",
            Self::Kind => "kind",
            Self::Link => "link",
            Self::Mode => "mode",
            Self::Unknown => "unknown",
            Self::Same => "same",
        }
    }

    /// The class of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The mark in front of an entry, as in a unified diff as far as there is one.
    pub const fn mark(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Content => '~',
            Self::Kind => '!',
            Self::Link => '>',
            Self::Mode => 'm',
            Self::Unknown => '?',
            Self::Same => ' ',
        }
    }

    /// Whether it speaks of a difference.
    pub const fn is_different(self) -> bool {
        !matches!(self, Self::Same | Self::Unknown)
    }
}

/// A path of which something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// The path in normal form.
    pub path: &'a [u8],
    /// What became of it.
    pub class: Class,
    /// What the left image has there.
    pub left: Option<Entry<'a>>,
    /// What the right image has there.
    pub right: Option<Entry<'a>>,
    /// Why the path is volatile, if it is: programs write there of their own accord.
    pub volatile: Option<Volatile>,
    /// Whether permission bits or owners differ, whatever else does.
    pub has_other_mode: bool,
}

impl Change<'_> {
    /// Whether it is a directory wherever it is there.
    pub fn is_directory(&self) -> bool {
        [self.left, self.right].into_iter().flatten().all(|entry| entry.kind.is_directory())
    }

    /// Bytes of content that the left and the right image have there; further names of a file have none.
    pub fn sizes(&self) -> [u64; 2] {
        [self.left, self.right].map(|entry| {
            entry.filter(|entry| entry.kind == EntryKind::File).map_or(0, |entry| entry.size_bytes)
        })
    }
}

/// How many paths of a class there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCount {
    /// Those that are no directories.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Of the files, those at volatile paths.
    pub volatile: u64,
    /// Bytes of content on the left and on the right.
    pub bytes: [u64; 2],
}

impl ClassCount {
    /// Files and directories.
    pub const fn paths(self) -> u64 {
        self.files + self.directories
    }

    /// Counts one more.
    pub fn add(&mut self, change: &Change<'_>) {
        if change.is_directory() {
            self.directories += 1;
        } else {
            self.files += 1;
            self.volatile += u64::from(change.volatile.is_some());
        }
        for (sum, bytes) in self.bytes.iter_mut().zip(change.sizes()) {
            *sum = sum.saturating_add(bytes);
        }
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.files += other.files;
        self.directories += other.directories;
        self.volatile += other.volatile;
        for (sum, bytes) in self.bytes.iter_mut().zip(other.bytes) {
            *sum = sum.saturating_add(bytes);
        }
    }
}

/// What differs between two images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences<'a> {
    /// Every path that is not the same in both, in the order of bytes.
    pub changes: Vec<Change<'a>>,
    /// How many paths are of each class, in the order of [`Class::ALL`].
    pub counts: [ClassCount; Class::ALL.len()],
}

impl<'a> Differences<'a> {
    /// Compares two inventories. Times of files do not count. Permission bits and owners count where both images tell
    /// them, which lists of paths do not. O(entries of both).
    pub fn of(left: &'a Inventory, right: &'a Inventory) -> Self {
        let have_modes = has_modes(left) && has_modes(right);
        let mut differences = Self::default();
        inventory::beside(left, right)
            .filter_map(|(left, right)| change(left, right, have_modes))
            .for_each(|change| differences.push(change));
        differences
    }

    fn push(&mut self, change: Change<'a>) {
        self.counts[change.class as usize].add(&change);
        if change.class != Class::Same {
            self.changes.push(change);
        }
    }

    /// How many paths are of a class.
    pub const fn count(&self, class: Class) -> ClassCount {
        self.counts[class as usize]
    }

    /// Whether nothing is known to differ.
    pub fn is_same(&self) -> bool {
        !Class::ALL.into_iter().any(|class| class.is_different() && self.count(class).paths() > 0)
    }

    /// Keeps the changes that fit, and counts them anew; what is the same is counted as before.
    #[must_use]
    pub fn only(self, fits: impl Fn(&Change<'a>) -> bool) -> Self {
        let mut kept = Self::default();
        kept.counts[Class::Same as usize] = self.count(Class::Same);
        self.changes.into_iter().filter(fits).for_each(|change| kept.push(change));
        kept
    }
}

/// Whether an image tells permission bits and owners of anything.
fn has_modes(inventory: &Inventory) -> bool {
    inventory.iter().any(|entry| entry.mode != 0)
}

/// What became of a path; `None` if neither side has it.
fn change<'a>(
    left: Option<Entry<'a>>,
    right: Option<Entry<'a>>,
    have_modes: bool,
) -> Option<Change<'a>> {
    let path = left.or(right)?.path;
    let has_other_mode = match (left, right) {
        (Some(left), Some(right)) => have_modes && has_other_mode(&left, &right),
        _ => false,
    };
    let class = match (&left, &right) {
        (None, _) => Class::Added,
        (_, None) => Class::Removed,
        (Some(left), Some(right)) => class_of(left, right, has_other_mode),
    };
    let mut change = Change { path, class, left, right, volatile: None, has_other_mode };
    if class != Class::Same && !change.is_directory() {
        change.volatile = Volatile::of(path);
    }
    Some(change)
}

/// The mode of a symbolic link says nothing: Linux has none, and archives write what they like.
fn has_other_mode(left: &Entry<'_>, right: &Entry<'_>) -> bool {
    let is_link = left.kind == EntryKind::Symlink && right.kind == EntryKind::Symlink;
    !is_link && left.mode != right.mode || (left.uid, left.gid) != (right.uid, right.gid)
}

fn class_of(left: &Entry<'_>, right: &Entry<'_>, has_other_mode: bool) -> Class {
    let rest = if has_other_mode { Class::Mode } else { Class::Same };
    if left.kind.is_directory() && right.kind.is_directory() {
        return rest;
    }
    if left.kind.is_directory() != right.kind.is_directory() {
        return Class::Kind;
    }
    match same_content(left, right) {
        None => Class::Unknown,
        Some(true) => rest,
        Some(false) if left.kind.has_content() && right.kind.has_content() => Class::Content,
        Some(false) if left.kind == right.kind => Class::Link,
        Some(false) => Class::Kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Digest;
    use crate::inventory::{Layer, flatten};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    /// Path, kind, content, mode.
    type Row = (&'static str, EntryKind, u8, u16);

    fn inventory(rows: &[Row]) -> Inventory {
        let mut layer = Layer::new();
        for (path, kind, content, mode) in rows {
            let digest = Digest([*content; 32]);
            let target = [*content];
            let entry = Entry {
                mode: *mode,
                size_bytes: u64::from(*content),
                digest: kind.has_content().then_some(&digest),
                link: (*kind == EntryKind::Symlink).then_some(&target),
                ..Entry::bare(path.as_bytes(), *kind)
            };
            layer.push(&entry).unwrap();
        }
        flatten(&[Arc::new(layer)]).0
    }

    const LEFT: [Row; 8] = [
        ("d", EntryKind::Directory, 0, 0o755),
        ("d/gone", EntryKind::File, 3, 0o644),
        ("d/mode", EntryKind::File, 4, 0o644),
        ("d/same", EntryKind::File, 5, 0o644),
        ("d/text", EntryKind::File, 6, 0o644),
        ("k", EntryKind::File, 7, 0o644),
        ("l", EntryKind::Symlink, b'a', 0o777),
        ("m", EntryKind::Symlink, b'a', 0o777),
    ];
    const RIGHT: [Row; 9] = [
        ("d", EntryKind::Directory, 0, 0o700),
        ("d/mode", EntryKind::File, 4, 0o600),
        ("d/same", EntryKind::File, 5, 0o644),
        ("d/text", EntryKind::File, 9, 0o755),
        ("k", EntryKind::Directory, 0, 0o755),
        ("k/new", EntryKind::File, 2, 0o644),
        ("l", EntryKind::Symlink, b'b', 0o777),
        ("m", EntryKind::Symlink, b'a', 0o755),
        ("tmp", EntryKind::Directory, 0, 0o755),
    ];

    #[test]
    fn every_path_is_in_one_class() {
        let (left, right) = (inventory(&LEFT), inventory(&RIGHT));
        let found = Differences::of(&left, &right);
        let told: Vec<(&str, Class, bool)> = found
            .changes
            .iter()
            .map(|it| (std::str::from_utf8(it.path).unwrap(), it.class, it.has_other_mode))
            .collect();
        assert_eq!(
            told,
            [
                ("d", Class::Mode, true),
                ("d/gone", Class::Removed, false),
                ("d/mode", Class::Mode, true),
                ("d/text", Class::Content, true),
                ("k", Class::Kind, true),
                ("k/new", Class::Added, false),
                ("l", Class::Link, false),
                ("tmp", Class::Added, false),
            ]
        );
        assert_eq!(found.count(Class::Same).files, 2);
        assert_eq!(found.count(Class::Content).bytes, [6, 9]);
        assert_eq!(
            (found.count(Class::Added).files, found.count(Class::Added).directories),
            (1, 1)
        );
        assert!(!found.is_same());
        let few = found.only(|change| change.path.starts_with(b"d/"));
        assert_eq!((few.changes.len(), few.count(Class::Kind).paths()), (3, 0));
    }

    #[test]
    fn lists_of_paths_tell_no_modes_and_no_contents() {
        let bare = |kind| {
            let mut layer = Layer::new();
            layer.push(&Entry::bare(b"var/log/a", kind)).unwrap();
            flatten(&[Arc::new(layer)]).0
        };
        let (list, other) = (bare(EntryKind::File), inventory(&LEFT));
        let found = Differences::of(&list, &list);
        assert!(found.is_same() && found.count(Class::Unknown).files == 1);
        let found = Differences::of(&list, &other);
        assert!(found.changes.iter().any(|it| it.volatile == Some(Volatile::Log)));
    }

    proptest! {
        #[test]
        fn classes_are_those_of_a_naive_look(
            sides in proptest::collection::vec(proptest::collection::btree_map(
                proptest::sample::select(vec!["a", "b", "c", "var/cache/d"]),
                (proptest::sample::select(vec![EntryKind::File, EntryKind::Symlink, EntryKind::Fifo]), 0_u8..3, 1_u16..3),
                0..4,
            ), 2),
        ) {
            let rows = |side: &BTreeMap<&'static str, (EntryKind, u8, u16)>| -> Vec<Row> {
                side.iter().map(|(path, (kind, content, mode))| (*path, *kind, *content, *mode)).collect()
            };
            let (left, right) = (inventory(&rows(&sides[0])), inventory(&rows(&sides[1])));
            let found = Differences::of(&left, &right);
            let mirrored = Differences::of(&right, &left);
            for (class, other) in [(Class::Added, Class::Removed), (Class::Mode, Class::Mode), (Class::Content, Class::Content)] {
                prop_assert_eq!(found.count(class).paths(), mirrored.count(other).paths());
            }
            let have_modes = !sides[0].is_empty() && !sides[1].is_empty();
            for change in found.changes.iter().filter(|it| !it.is_directory()) {
                let path = std::str::from_utf8(change.path).unwrap();
                let expected = match (sides[0].get(path), sides[1].get(path)) {
                    (None, _) => Class::Added,
                    (_, None) => Class::Removed,
                    (Some(l), Some(r)) if l.0 != r.0 => Class::Kind,
                    (Some(l), Some(r)) if l.1 != r.1 && l.0 == EntryKind::File => Class::Content,
                    (Some(l), Some(r)) if l.1 != r.1 && l.0 == EntryKind::Symlink => Class::Link,
                    (Some(l), Some(r)) => {
                        prop_assert!(l.2 != r.2 && l.0 != EntryKind::Symlink && have_modes);
                        Class::Mode
                    }
                };
                prop_assert_eq!(change.class, expected);
            }
            let paths: u64 = found.counts.iter().map(|count| count.paths()).sum();
            let all: std::collections::BTreeSet<&[u8]> = left.iter().chain(right.iter()).map(|it| it.path).collect();
            prop_assert_eq!(paths, all.len() as u64);
        }
    }
}
