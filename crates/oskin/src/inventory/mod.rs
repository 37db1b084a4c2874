//! All entries of one root file system, after all layers.

pub mod accounts;
mod canonical;
pub mod encode;
mod entry;
mod flatten;
mod layer;

pub use canonical::canonical_digest;
pub use entry::{Entry, EntryKind};
pub use flatten::{FlattenProblem, Life, flatten, flatten_with_lives};
pub use layer::{Layer, LayerFull, MAX_KEPT_BYTES, MAX_LAYER_ENTRIES, is_kept};

use crate::image::OsIdentity;
use crate::path;
use crate::path_set::Selection;
use crate::software::{Interest, Record as SoftwareRecord};
use std::cmp::Ordering;
use std::sync::Arc;

/// How many symbolic links in a row are followed, as Linux does.
const MAX_LINK_HOPS: u32 = 40;

/// How many names are passed on one way once it has led through a symbolic link. The targets of 40
/// links hold a hundred thousand names, and a hostile archive has that way before each entry.
pub(crate) const MAX_LINKED_NAMES: u32 = 1024;

/// The most bytes that the paths may take that only flattening makes: of implied directories and of
/// entries below symbolic links. Real images need a few megabytes; a hostile one grows each of
/// its paths five-hundredfold.
pub(crate) const MAX_MADE_BYTES: usize = 512 * 1024 * 1024;

/// Where an entry lies: which layer, which entry of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// Index into [`Inventory::layers`].
    pub layer: u32,
    /// Index into that layer.
    pub index: u32,
}

/// All entries of one root file system, sorted by path bytes.
///
/// It borrows nothing and copies nothing: each entry is a slot of one of the layers. The root
/// itself is not an entry.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    layers: Vec<Arc<Layer>>,
    // Invariant: strictly ascending by path; no whiteouts; but for plain listings every directory
    // above an entry is there and is a directory.
    entries: Vec<Placed>,
}

/// An entry and the slot that holds its content (its own, but for hard links).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Placed {
    slot: Slot,
    content: Slot,
}

/// Each path of two inventories with what each of them has there, one at least, in the order of bytes: one walk over both.
pub fn beside<'a>(
    left: &'a Inventory,
    right: &'a Inventory,
) -> impl Iterator<Item = (Option<Entry<'a>>, Option<Entry<'a>>)> {
    let (mut lefts, mut rights) = (left.iter().peekable(), right.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (lefts.peek(), rights.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.path.cmp(b.path),
        };
        let a = if order.is_le() { lefts.next() } else { None };
        let b = if order.is_ge() { rights.next() } else { None };
        Some((a, b))
    })
}

/// What an inventory amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Entries that are not directories; every name of a hard-linked file counts.
    pub files: u64,
    /// Directories, the root not counted.
    pub directories: u64,
    /// Bytes of content; a file with several names counts once.
    pub size_bytes: u64,
}

impl Inventory {
    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The layers that hold the entries: those that were flattened, and at the end one for what
    /// only came to be by flattening (implied directories, entries moved by a symbolic link).
    pub fn layers(&self) -> &[Arc<Layer>] {
        &self.layers
    }

    /// The slots of the entries in path order.
    pub fn slots(&self) -> impl ExactSizeIterator<Item = Slot> + '_ {
        self.entries.iter().map(|placed| placed.slot)
    }

    /// The entries in path order, hard links with size and digest of their file.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.entries.iter().map(|placed| self.entry(*placed))
    }

    fn entry(&self, placed: Placed) -> Entry<'_> {
        let mut entry = self.stored(placed.slot);
        if placed.content != placed.slot {
            let content = self.stored(placed.content);
            if content.kind != EntryKind::File {
                // A further name of a symbolic link or a device is one itself.
                return Entry { path: entry.path, ..content };
            }
            entry.size_bytes = content.size_bytes;
            entry.digest = content.digest;
        }
        entry
    }

    fn stored(&self, slot: Slot) -> Entry<'_> {
        self.layers[slot.layer as usize].get(slot.index as usize)
    }

    fn path_of(&self, slot: Slot) -> &[u8] {
        self.layers[slot.layer as usize].path(slot.index as usize)
    }

    /// The entry of a path in normal form. O(log n).
    pub fn get(&self, path: &[u8]) -> Option<Entry<'_>> {
        self.find(path).map(|placed| self.entry(placed))
    }

    fn find(&self, path: &[u8]) -> Option<Placed> {
        let found = self.entries.binary_search_by(|placed| self.path_of(placed.slot).cmp(path));
        found.ok().map(|at| self.entries[at])
    }

    /// Counts entries and bytes. O(n log n) for the files with several names.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let mut linked = Vec::new();
        for placed in &self.entries {
            let entry = self.stored(placed.slot);
            if entry.kind.is_directory() {
                totals.directories += 1;
            } else {
                totals.files += 1;
            }
            if entry.kind == EntryKind::File {
                totals.size_bytes = totals.size_bytes.saturating_add(entry.size_bytes);
            } else if placed.content != placed.slot {
                linked.push(placed.content);
            }
        }
        linked.sort_unstable();
        linked.dedup();
        for content in linked {
            // A file whose first name is gone lives on under the others.
            let stored = self.stored(content);
            if self.find(stored.path).is_none_or(|first| first.slot != content) {
                totals.size_bytes = totals.size_bytes.saturating_add(stored.size_bytes);
            }
        }
        totals
    }

    /// The slots of the entries that a selection counts, in path order.
    pub fn selected(&self, selection: Selection) -> impl Iterator<Item = Slot> + '_ {
        self.entries.iter().map(|placed| placed.slot).filter(move |slot| {
            let kind = self.layers[slot.layer as usize].kind(slot.index as usize);
            match selection {
                Selection::Files => !kind.is_directory(),
                Selection::Directories => kind.is_directory(),
                Selection::Both => true,
            }
        })
    }

    /// The entries below a directory in path order, at any depth. O(log n) to find the first.
    pub fn below(&self, directory: &[u8]) -> impl Iterator<Item = Entry<'_>> {
        let prefix = path::join(directory, b"");
        let start = self.entries.partition_point(|placed| self.path_of(placed.slot) < &prefix[..]);
        let entries = self.entries[start..].iter();
        entries.map(|placed| self.entry(*placed)).take_while(move |it| it.path.starts_with(&prefix))
    }

    /// The kept content of a file, symbolic links followed within the root; of users and groups without what is secret
    /// (see [`accounts::kept_form`]).
    ///
    /// `None` if there is no such file or its content was not kept (see [`is_kept`]).
    pub fn content(&self, path: &[u8]) -> Option<&[u8]> {
        let resolved = self.resolve(path)?;
        let slot = self.find(&resolved)?.content;
        self.layers[slot.layer as usize].kept().get(&slot.index).map(Vec::as_slice)
    }

    /// What files say of software, by their paths, ascending; a file with several names says it once.
    pub fn software(&self) -> impl Iterator<Item = (&[u8], &Arc<SoftwareRecord>)> {
        let has_any = self.layers.iter().any(|layer| !layer.software().is_empty());
        let entries = if has_any { &self.entries[..] } else { &[] };
        let record = |slot: Slot| self.layers[slot.layer as usize].software().get(&slot.index);
        entries.iter().filter_map(move |placed| {
            let path = self.path_of(placed.slot);
            let record = record(placed.slot).or_else(|| {
                if placed.content == placed.slot {
                    return None;
                }
                // Its first name said it, and is gone; the file is what it was.
                let record = record(placed.content)?;
                let first = self.find(self.path_of(placed.content));
                let is_gone = first.is_none_or(|first| first.slot != placed.content);
                (is_gone && Interest::most_bytes(path).is_some()).then_some(record)
            });
            Some((path, record?))
        })
    }

    /// The path that `path` leads to when every symbolic link on the way is followed; `..` never
    /// leaves the root. `None` if something is missing or the links go in a circle or too far.
    pub fn resolve(&self, path: &[u8]) -> Option<Vec<u8>> {
        let (mut hops, mut linked_names) = (0, 0);
        let mut done: Vec<u8> = Vec::new();
        let mut ahead = components_reversed(path);
        while let Some(name) = ahead.pop() {
            linked_names += hops.min(1);
            if linked_names > MAX_LINKED_NAMES {
                return None;
            }
            if name == b".." {
                done.truncate(path::split_name(&done).0.len());
                continue;
            }
            let next = path::join(&done, &name);
            // The content of a further name of a symbolic link is the link.
            let entry = self.stored(self.find(&next)?.content);
            let (EntryKind::Symlink, Some(target)) = (entry.kind, entry.link) else {
                done = next;
                continue;
            };
            hops += 1;
            if hops > MAX_LINK_HOPS {
                return None;
            }
            if target.first() == Some(&b'/') {
                done.clear();
            }
            ahead.extend(components_reversed(target));
        }
        Some(done)
    }

    /// The operating system by its os-release file, `None` if there is none.
    pub fn os_identity(&self) -> Option<OsIdentity> {
        let content =
            self.content(b"etc/os-release").or_else(|| self.content(b"usr/lib/os-release"))?;
        Some(OsIdentity::from_os_release(content))
    }
}

/// The names in a path, last first, as a stack of what is still to be walked.
fn components_reversed(path: &[u8]) -> Vec<Vec<u8>> {
    let names = path.split(|&byte| byte == b'/');
    names.rev().filter(|name| !matches!(*name, b"" | b".")).map(<[u8]>::to_vec).collect()
}
