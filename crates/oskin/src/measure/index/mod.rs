//! The overlap of one set with all others: an index that grows with the sets, exact at any time.
//!
//! A set is told by what it adds to and removes from a *relative*, a set that was there before (as
//! in [`super::Family`], but in the order of insertion, so that a new set changes nothing that is
//! there). An *event* is a set that has, or lacks, a path unlike its relative; the events of a path
//! are its *history*. Histories are kept as a trie, whose nodes are numbered as they were made, and
//! each path knows the node at which its history ends now. So a new set appends the nodes of its
//! own events and moves the paths of its difference, nothing else.
//!
//! To overlap a set with all: count its paths by the nodes at which they end, and note the count of
//! each for the sets of the events of its history, with the sign of the event; then each set,
//! oldest first, has its relative's overlap and what was noted. Paths that went through the same
//! events are one count, so a question costs O(pieces of the set + events of their histories +
//! sets), not the images of each path.
//!
//! Sets are never renumbered. A removed set is only no longer told of: others may be told by it.
//!
//! Memory: 8 bytes for a node and at most 16 for its share of the stations, 20 for a set, 6 for a
//! piece of the map from paths to nodes, with some 60 for a block of 1,024 ids.

mod blocks;
mod query;
mod trie;
mod whole;

pub use blocks::{BLOCK_IDS, Block, Piece};
pub use query::Scratch;
pub use trie::{Node, STRETCH as STATION_EVENTS, Station};
pub use whole::Ways;

use super::family::index;
use crate::path_set::{Delta, PathSet};
use std::collections::{BTreeMap, BTreeSet};
use trie::{MARK, Trie};

/// What is known of one set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The number of the set by which it is told, smaller than its own.
    pub relative: Option<u32>,
    /// How many ids it has.
    pub size: u32,
    /// Whether it has not been removed.
    pub alive: bool,
}

/// An index of path sets that answers how much another set shares with each of them.
///
/// The map from paths to nodes is kept in blocks of [`BLOCK_IDS`] ids, and not all have to be in
/// memory: whoever keeps the index in a file brings those that a question touches
/// ([`blocks_of`](Self::blocks_of), [`put_block`](Self::put_block)). A block that is not there
/// stands for one in which no set has a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverlapIndex {
    slots: Vec<Slot>,
    // By how many relatives each set is told.
    depths: Vec<u32>,
    trie: Trie,
    blocks: BTreeMap<u32, Block>,
    changes: Changes,
}

/// How many slots, nodes and stations a chunk of [`Changes`] spans: what fits a page of 4 kB, with
/// a little to spare for those who keep them.
pub const CHUNKS: Chunks = Chunks { slots: 512, nodes: 500, stations: 63 };

/// Numbers of things in one chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as what they count")]
pub struct Chunks {
    pub slots: u32,
    pub nodes: u32,
    pub stations: u32,
}

/// The numbers of the chunks and blocks that have been added or changed since
/// [`OverlapIndex::take_changes`] was called last. The chunk of a number is the number divided by
/// that of [`CHUNKS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as what they count")]
pub struct Changes {
    pub slots: BTreeSet<u32>,
    pub nodes: BTreeSet<u32>,
    pub stations: BTreeSet<u32>,
    pub blocks: BTreeSet<u32>,
}

/// By how many relatives a set is told at the most by [`OverlapIndex::closest`]: this bounds what
/// it costs to put a set together from its differences.
pub const DEEPEST: u32 = 100;

/// The histories of an index, as they are kept: see [`OverlapIndex::from_parts`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The sets, removed ones included.
    pub slots: Vec<Slot>,
    /// The nodes, the empty history first.
    pub nodes: Vec<Node>,
    /// The stations.
    pub stations: Vec<Station>,
}

impl OverlapIndex {
    /// Puts an index together from parts that were kept; blocks are brought later.
    ///
    /// `None` if they are not the parts of an index. Questions to parts that are sound, but not
    /// those of the sets, are answered wrongly. O(parts).
    pub fn from_parts(parts: Parts) -> Option<Self> {
        let Parts { slots, nodes, stations } = parts;
        let before = |(at, slot): (u32, &Slot)| slot.relative.is_none_or(|it| it < at);
        let relatives = (0..).zip(&slots).all(before);
        let trie = Trie::from_parts(nodes, stations, index(slots.len()))?;
        if !relatives {
            return None;
        }
        let mut depths: Vec<u32> = Vec::with_capacity(slots.len());
        for slot in &slots {
            depths.push(slot.relative.map_or(0, |relative| depths[relative as usize] + 1));
        }
        let (blocks, changes) = Default::default();
        Some(Self { slots, depths, trie, blocks, changes })
    }

    /// The sets, removed ones included.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The nodes of the histories, the empty history first.
    pub fn nodes(&self) -> &[Node] {
        self.trie.nodes()
    }

    /// The stations of long histories.
    pub fn stations(&self) -> &[Station] {
        self.trie.stations()
    }

    /// A block, if it is in memory.
    pub fn block(&self, number: u32) -> Option<&Block> {
        self.blocks.get(&number)
    }

    /// The blocks that are in memory, by number.
    pub fn blocks(&self) -> impl Iterator<Item = (u32, &Block)> {
        self.blocks.iter().map(|(number, block)| (*number, block))
    }

    /// Brings a block that was kept. All of its nodes must be there when a set is added.
    pub fn put_block(&mut self, number: u32, block: Block) {
        self.blocks.insert(number, block);
    }

    /// The numbers of the blocks that hold the ids of a set, ascending.
    pub fn blocks_of(set: &PathSet) -> impl Iterator<Item = u32> {
        let mut next = 0;
        set.runs().iter().flat_map(move |run| {
            let first = (run.first / BLOCK_IDS).max(next);
            // At least 1, since the run is not empty.
            let last = blocks::block_of(run.end() - 1);
            next = last + 1;
            first..=last
        })
    }

    /// Adds a set that is told by a relative, or by the empty set; returns its number.
    ///
    /// The difference must be true: `added` shares nothing with the relative, `removed` lies in
    /// it. O(pieces of the blocks that it touches + nodes that it makes).
    ///
    /// # Panics
    ///
    /// If there is no such relative, or a block that the difference touches has a node that is not
    /// there.
    pub fn add(&mut self, relative: Option<u32>, delta: &Delta) -> u32 {
        let number = index(self.slots.len());
        let base = relative.map_or(0, |relative| self.slots[relative as usize].size);
        let size = (u64::from(base) + delta.added.len()).saturating_sub(delta.removed.len());
        let depth = relative.map_or(0, |relative| self.depths[relative as usize] + 1);
        let mut next: BTreeMap<u32, u32> = BTreeMap::new();
        let (trie, changes) = (&mut self.trie, &mut self.changes);
        let mut moved = |node: u32, gone: bool| {
            let event = if gone { number | MARK } else { number };
            *next.entry(node).or_insert_with(|| {
                let (node, station) = trie.push(node, event);
                changes.nodes.insert(node / CHUNKS.nodes);
                if let Some(node) = station {
                    changes.nodes.insert(node / CHUNKS.nodes);
                    changes.stations.insert(index(trie.stations().len() - 1) / CHUNKS.stations);
                }
                node
            })
        };
        let cuts = blocks::cut(delta);
        for (block, cuts) in &cuts {
            let kept = self.blocks.entry(*block).or_default();
            kept.move_ids(cuts, &mut moved);
        }
        self.changes.blocks.extend(cuts.keys());
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        self.slots.push(Slot { relative, size, alive: true });
        self.depths.push(depth);
        self.changes.slots.insert(number / CHUNKS.slots);
        number
    }

    /// Removes a set: it is told of no more, but others may still be told by it. O(1).
    ///
    /// # Panics
    ///
    /// If there is no set of that number.
    pub fn remove(&mut self, number: u32) {
        self.slots[number as usize].alive = false;
        self.changes.slots.insert(number / CHUNKS.slots);
    }

    /// What changed since the last call.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// The bytes of memory that the index takes.
    pub fn size_bytes(&self) -> usize {
        let blocks: usize = self.blocks.values().map(Block::size_bytes).sum();
        blocks + self.slots.len() * (size_of::<Slot>() + size_of::<u32>()) + self.trie.size_bytes()
    }
}
