//! What each layer of an image does, and which bytes of its layers are in no file in the end.
//!
//! Every content that a layer brings is either that of a file in the end or wasted. All is counted from
//! the lives of entries (see [`flatten_with_lives`]): whiteouts, hard links and links on the way are as
//! in flattening, and what is wasted is exactly what the layers hold beyond the files of the end.

use super::dive::{Dive, dive};
use crate::image::Digest;
use crate::inventory::{Entry, EntryKind, Layer, Life, Slot, flatten_with_lives};
use std::sync::Arc;

/// A number of files, everything that is not a directory, with the bytes of their contents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The files.
    pub files: u64,
    /// Their bytes; a further name of a file has none.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Why bytes of a layer are in no file in the end; of several names of a file the first of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Written again with the same content, mode and owner.
    Copied,
    /// Written again with the same content and another mode or owner.
    ModeOnly,
    /// Written again with another content, or with one that is not known.
    Rewritten,
    /// The path is gone, or no file any more.
    Deleted,
}

impl Cause {
    /// All, in their order.
    pub const ALL: [Self; 4] = [Self::Copied, Self::ModeOnly, Self::Rewritten, Self::Deleted];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Copied => "copied",
            Self::ModeOnly => "mode-only",
            Self::Rewritten => "rewritten",
            Self::Deleted => "deleted",
        }
    }
}

/// Wasted contents by their cause; empty files are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByCause([Count; 4]);

impl ByCause {
    /// What is wasted for one cause.
    pub const fn of(&self, cause: Cause) -> Count {
        self.0[cause as usize]
    }

    /// What is wasted in all.
    pub fn total(&self) -> Count {
        self.0.iter().fold(Count::default(), |sum, it| Count {
            files: sum.files + it.files,
            bytes: sum.bytes.saturating_add(it.bytes),
        })
    }

    fn add(&mut self, cause: Cause, bytes: u64) {
        self.0[cause as usize].add(bytes);
    }
}

/// What one layer does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerWork {
    /// Contents that it brings, also those that it buries itself.
    pub written: Count,
    /// Files at paths where no file was before.
    pub added: Count,
    /// Files at paths where another was before, or the same one.
    pub changed: Count,
    /// Files that were there before, and are not after it, as they were.
    pub removed: Count,
    /// Contents, most often of lower layers, that are in no file from this layer on.
    pub buried: ByCause,
    /// Contents of this layer that this or a later one buries.
    pub lost: ByCause,
}

/// What is wasted at one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WastedPath {
    /// The path.
    pub path: Vec<u8>,
    /// What was written there and is in no file in the end.
    pub wasted: ByCause,
    /// The numbers of the layers that brought it, ascending.
    pub written_in: Vec<u32>,
    /// The numbers of the layers that buried it, ascending.
    pub buried_in: Vec<u32>,
}

/// A content that several files have in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The digest of the content.
    pub digest: Digest,
    /// The size of one.
    pub size_bytes: u64,
    /// The paths, ascending: one for each file, its first name.
    pub paths: Vec<Vec<u8>>,
}

impl Duplicate {
    /// The bytes of all but one.
    pub const fn extra_bytes(&self) -> u64 {
        self.size_bytes.saturating_mul((self.paths.len() as u64).saturating_sub(1))
    }
}

/// What the layers of an image write, and what of it is wasted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waste {
    /// What each layer does, base first.
    pub layers: Vec<LayerWork>,
    /// Contents of all layers. Its bytes are those of the files in the end and of all that is wasted.
    pub written: Count,
    /// What is wasted.
    pub wasted: ByCause,
    /// Where, most bytes first, then by path.
    pub paths: Vec<WastedPath>,
    /// Contents that several files have in the end, most bytes in the copies first, then by path. Empty
    /// files and those whose content is not known are not looked at.
    pub duplicates: Vec<Duplicate>,
    /// The figures as the program dive counts them.
    pub dive: Dive,
}

impl Waste {
    /// The share of what is written that is wasted, in `0..=1`; `None` if nothing is written.
    pub fn share(&self) -> Option<f64> {
        let written = self.written.bytes;
        (written > 0).then(|| self.wasted.total().bytes as f64 / written as f64)
    }
}

/// Counts what the layers of an image, base first, write and waste.
///
/// Mode-only and copied need digests: without them all is rewritten. Times and extended attributes are
/// not looked at, so that a file whose time alone was changed is copied. O(n log n) for n entries.
pub fn waste(layers: &[Arc<Layer>]) -> Waste {
    let (inventory, lives) = flatten_with_lives(layers);
    let seen = Seen { layers: inventory.layers(), lives: &lives };
    let mut waste = Waste { layers: vec![LayerWork::default(); layers.len()], ..Waste::default() };
    let successors = count_files(&seen, &mut waste.layers);
    let lost = count_contents(&seen, &successors, &mut waste);
    waste.paths = by_path(&seen, lost);
    waste.duplicates = duplicates(&seen);
    waste.dive = dive(layers, &seen);
    waste
}

/// All that was ever there.
pub(super) struct Seen<'a> {
    layers: &'a [Arc<Layer>],
    pub(super) lives: &'a [Life],
}

impl<'a> Seen<'a> {
    fn entry(&self, slot: Slot) -> Entry<'a> {
        self.layers[slot.layer as usize].get(slot.index as usize)
    }

    pub(super) fn path(&self, life: usize) -> &'a [u8] {
        let slot = self.lives[life].slot;
        self.layers[slot.layer as usize].path(slot.index as usize)
    }

    pub(super) fn is_directory(&self, life: usize) -> bool {
        let slot = self.lives[life].slot;
        self.layers[slot.layer as usize].kind(slot.index as usize).is_directory()
    }

    /// The bytes that an entry brings: none if it is but a further name.
    pub(super) fn own_bytes(&self, life: usize) -> u64 {
        let entry = self.entry(self.lives[life].slot);
        if entry.kind == EntryKind::File { entry.size_bytes } else { 0 }
    }
}

/// Counts files that layers add, change and remove, and tells of each life that ended which one is at its
/// path after the layer that ended it.
fn count_files(seen: &Seen<'_>, layers: &mut [LayerWork]) -> Vec<Option<usize>> {
    let mut successors = vec![None; seen.lives.len()];
    let mut files: Vec<usize> =
        (0..seen.lives.len()).filter(|life| !seen.is_directory(*life)).collect();
    // Stable, so that those of one path stay in the order in which they came: each after the end of the one before.
    files.sort_by_key(|life| seen.path(*life));
    for at_path in files.chunk_by(|a, b| seen.path(*a) == seen.path(*b)) {
        let born = |life: &usize| seen.lives[*life].born;
        let died = |life: usize| seen.lives[life].died.unwrap_or(u32::MAX);
        let before = |layer: u32| {
            let behind = at_path.partition_point(|life| born(life) < layer);
            let last = behind.checked_sub(1).map(|at| at_path[at]);
            last.filter(|life| died(*life) >= layer)
        };
        let after = |layer: u32| {
            let behind = at_path.partition_point(|life| born(life) <= layer);
            let last = behind.checked_sub(1).map(|at| at_path[at]);
            last.filter(|life| died(*life) > layer)
        };
        let events = at_path.iter().map(|life| seen.lives[*life]);
        let mut events: Vec<u32> =
            events.flat_map(|life| std::iter::once(life.born).chain(life.died)).collect();
        events.sort_unstable();
        events.dedup();
        for number in events {
            let layer = &mut layers[number as usize];
            match (before(number), after(number)) {
                (None, Some(new)) => layer.added.add(seen.own_bytes(new)),
                (Some(_), Some(new)) => layer.changed.add(seen.own_bytes(new)),
                (Some(old), None) => layer.removed.add(seen.own_bytes(old)),
                (None, None) => {}
            }
        }
        for life in at_path {
            successors[*life] = seen.lives[*life].died.and_then(after);
        }
    }
    successors
}

/// A content that is in no file in the end.
struct Lost {
    content: Slot,
    born: u32,
    buried: u32,
    cause: Cause,
    bytes: u64,
}

/// Counts the contents that layers bring, and those that are lost, which it returns.
fn count_contents(seen: &Seen<'_>, successors: &[Option<usize>], waste: &mut Waste) -> Vec<Lost> {
    let is_file = |life: &usize| seen.entry(seen.lives[*life].content).kind == EntryKind::File;
    let mut names: Vec<usize> = (0..seen.lives.len()).filter(is_file).collect();
    names.sort_by_key(|life| seen.lives[*life].content);
    let mut lost = Vec::new();
    for names in names.chunk_by(|a, b| seen.lives[*a].content == seen.lives[*b].content) {
        // The first name brings it.
        let Life { content, born, .. } = seen.lives[names[0]];
        let bytes = seen.entry(content).size_bytes;
        waste.layers[born as usize].written.add(bytes);
        waste.written.add(bytes);
        // It is there until its last name is gone.
        let deaths: Option<Vec<u32>> = names.iter().map(|life| seen.lives[*life].died).collect();
        let Some(buried) = deaths.and_then(|deaths| deaths.into_iter().max()) else { continue };
        if bytes == 0 {
            continue;
        }
        let final_names = names.iter().filter(|life| seen.lives[**life].died == Some(buried));
        let causes = final_names.map(|life| cause_of(seen, *life, successors[*life]));
        let cause = causes.min().unwrap_or(Cause::Deleted);
        waste.layers[buried as usize].buried.add(cause, bytes);
        waste.layers[born as usize].lost.add(cause, bytes);
        waste.wasted.add(cause, bytes);
        lost.push(Lost { content, born, buried, cause, bytes });
    }
    lost
}

fn cause_of(seen: &Seen<'_>, old: usize, new: Option<usize>) -> Cause {
    let Some(new) = new else { return Cause::Deleted };
    let content = |life: usize| seen.entry(seen.lives[life].content);
    let (was, is) = (content(old), content(new));
    if is.kind != EntryKind::File {
        return Cause::Deleted;
    }
    if was.digest.is_none() || (was.digest, was.size_bytes) != (is.digest, is.size_bytes) {
        return Cause::Rewritten;
    }
    // Of a further name those of its file count, whatever its own entry says.
    let rights = |entry: Entry<'_>| (entry.mode, entry.uid, entry.gid);
    if rights(was) == rights(is) { Cause::Copied } else { Cause::ModeOnly }
}

fn by_path(seen: &Seen<'_>, mut lost: Vec<Lost>) -> Vec<WastedPath> {
    let path = |it: &Lost| seen.entry(it.content).path;
    lost.sort_by(|a, b| path(a).cmp(path(b)).then(a.content.cmp(&b.content)));
    let ascending = |mut numbers: Vec<u32>| {
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    };
    let at_path = |lost: &[Lost]| {
        let mut wasted = ByCause::default();
        for it in lost {
            wasted.add(it.cause, it.bytes);
        }
        WastedPath {
            path: path(&lost[0]).to_vec(),
            wasted,
            written_in: ascending(lost.iter().map(|it| it.born).collect()),
            buried_in: ascending(lost.iter().map(|it| it.buried).collect()),
        }
    };
    let mut paths: Vec<WastedPath> =
        lost.chunk_by(|a, b| path(a) == path(b)).map(at_path).collect();
    // Stable: of equals the first path comes first.
    paths.sort_by_key(|it| std::cmp::Reverse(it.wasted.total().bytes));
    paths
}

fn duplicates(seen: &Seen<'_>) -> Vec<Duplicate> {
    // Each content once, under its first name in the order of paths.
    let is_there =
        |life: &&Life| life.died.is_none() && seen.entry(life.content).kind == EntryKind::File;
    let there = seen.lives.iter().filter(is_there);
    let mut names: Vec<(Slot, &[u8])> =
        there.map(|life| (life.content, seen.entry(life.slot).path)).collect();
    names.sort_unstable();
    names.dedup_by_key(|(content, _)| *content);
    let known = names.into_iter().filter_map(|(content, path)| {
        let Entry { digest, size_bytes, .. } = seen.entry(content);
        digest.filter(|_| size_bytes > 0).map(|digest| (*digest, size_bytes, path))
    });
    let mut known: Vec<(Digest, u64, &[u8])> = known.collect();
    known.sort_unstable();
    let several = known.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|same| same.len() > 1);
    let mut duplicates: Vec<Duplicate> = several
        .map(|same| Duplicate {
            digest: same[0].0,
            size_bytes: same[0].1,
            paths: same.iter().map(|(_, _, path)| path.to_vec()).collect(),
        })
        .collect();
    duplicates
        .sort_by(|a, b| b.extra_bytes().cmp(&a.extra_bytes()).then_with(|| a.paths.cmp(&b.paths)));
    duplicates
}
