//! One changeset of a root file system, in memory.

use super::accounts::{GROUP, PASSWD};
use super::entry::{Entry, EntryKind};
use crate::image::Digest;
use crate::software::Record as SoftwareRecord;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many entries one layer may hold. A bound on memory, far above any real image.
pub const MAX_LAYER_ENTRIES: usize = 50_000_000;

/// Files whose content is kept while a layer streams, because later questions need it. Never etc/shadow.
const KEPT_PATHS: [&[u8]; 4] = [b"etc/os-release", b"usr/lib/os-release", PASSWD, GROUP];

/// The largest content that is kept, in bytes.
pub const MAX_KEPT_BYTES: u64 = 64 * 1024;

/// Whether the content of a file should be kept with its layer.
pub fn is_kept(path: &[u8], size_bytes: u64) -> bool {
    size_bytes <= MAX_KEPT_BYTES && KEPT_PATHS.contains(&path)
}

/// The entries of one changeset in the order in which it applies them.
///
/// An entry costs 32 bytes, its path, and for a file 32 bytes of digest: five million empty files
/// with paths of 60 bytes take about 620 MB. Paths and links lie in two arenas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    // Invariant: a record's path begins where that of the record before it ends.
    paths: Vec<u8>,
    records: Vec<Record>,
    digests: Vec<Digest>,
    links: Vec<Box<[u8]>>,
    kept: BTreeMap<u32, Vec<u8>>,
    software: BTreeMap<u32, Arc<SoftwareRecord>>,
    searched: bool,
    listing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    path_end: usize,
    size_bytes: u64,
    uid: u32,
    gid: u32,
    // Index into `digests` or `links`, which one by `kind`; NONE if there is none.
    extra: u32,
    mode: u16,
    kind: EntryKind,
}

const NONE: u32 = u32::MAX;

/// The layer holds as many entries as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {MAX_LAYER_ENTRIES} entries in one layer")]
pub struct LayerFull;

impl Layer {
    /// A layer without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of entries, whiteouts included.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether the layer is a plain listing: its entries are taken as they are, without implied
    /// parents, and none hides another.
    pub const fn is_listing(&self) -> bool {
        self.listing
    }

    /// Says whether the layer is a plain [listing](Self::is_listing).
    pub const fn set_listing(&mut self, listing: bool) {
        self.listing = listing;
    }

    /// Appends an entry and returns its index.
    ///
    /// A digest is kept for files only, a link for symbolic and hard links only.
    ///
    /// # Errors
    ///
    /// [`LayerFull`] at [`MAX_LAYER_ENTRIES`].
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<u32, LayerFull> {
        let index = u32::try_from(self.records.len()).map_err(|_| LayerFull)?;
        if self.records.len() >= MAX_LAYER_ENTRIES {
            return Err(LayerFull);
        }
        let extra = match (entry.kind, entry.digest, entry.link) {
            (EntryKind::File, Some(digest), _) => {
                self.digests.push(*digest);
                self.digests.len() - 1
            }
            (EntryKind::Symlink | EntryKind::HardLink, _, Some(link)) => {
                self.links.push(link.into());
                self.links.len() - 1
            }
            _ => NONE as usize,
        };
        self.paths.extend_from_slice(entry.path);
        self.records.push(Record {
            path_end: self.paths.len(),
            size_bytes: entry.size_bytes,
            uid: entry.uid,
            gid: entry.gid,
            extra: u32::try_from(extra).unwrap_or(NONE),
            mode: entry.mode & 0o7777,
            kind: entry.kind,
        });
        Ok(index)
    }

    /// Keeps the content of the file at `index`.
    pub fn keep(&mut self, index: u32, content: Vec<u8>) {
        self.kept.insert(index, content);
    }

    /// The kept contents by the index of their entry.
    pub fn kept(&self) -> &BTreeMap<u32, Vec<u8>> {
        &self.kept
    }

    /// Whether its files were searched for what they say of software.
    pub const fn is_searched(&self) -> bool {
        self.searched
    }

    /// Says whether its files were [searched](Self::is_searched).
    pub const fn set_searched(&mut self, searched: bool) {
        self.searched = searched;
    }

    /// Notes what the file at `index` says of software; an empty record is not noted.
    pub fn tell(&mut self, index: u32, record: Arc<SoftwareRecord>) {
        if *record != SoftwareRecord::default() {
            self.software.insert(index, record);
        }
    }

    /// What files say of software, by the index of their entry.
    pub fn software(&self) -> &BTreeMap<u32, Arc<SoftwareRecord>> {
        &self.software
    }

    /// The path of the entry at `index`.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`len`](Self::len), as for [`get`](Self::get).
    pub fn path(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.records[before].path_end);
        &self.paths[start..self.records[index].path_end]
    }

    /// The kind of the entry at `index`.
    pub fn kind(&self, index: usize) -> EntryKind {
        self.records[index].kind
    }

    /// The entry at `index`.
    pub fn get(&self, index: usize) -> Entry<'_> {
        let record = &self.records[index];
        let extra = record.extra as usize;
        let (digest, link) = match record.kind {
            EntryKind::File => (self.digests.get(extra), None),
            _ => (None, self.links.get(extra).map(AsRef::as_ref)),
        };
        Entry {
            path: self.path(index),
            kind: record.kind,
            size_bytes: record.size_bytes,
            mode: record.mode,
            uid: record.uid,
            gid: record.gid,
            link,
            digest,
        }
    }

    /// All entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// A lower bound of what the layer occupies, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.paths.len() + self.records.len() * size_of::<Record>() + self.digests.len() * 32
    }
}
