//! The map from ids to nodes, in blocks: stretches of ids whose histories end at the same node.

use super::trie::NOWHERE;
use crate::path_set::{Delta, PathSet, Run};
use std::collections::BTreeMap;

/// How many ids a block spans: few enough that a change rewrites little, enough that the paths of
/// a package lie in one or two.
pub const BLOCK_IDS: u32 = BLOCK_END as u32;

/// The end of a block, counted from its beginning.
pub(super) const BLOCK_END: u16 = 1024;

/// A stretch of ids whose histories end at the same node; it ends where the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The first id, counted from the beginning of the block.
    pub start: u16,
    /// The node.
    pub node: u32,
}

/// The nodes at which the histories of [`BLOCK_IDS`] ids end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    // Invariant: as many as nodes, the first 0, ascending, below BLOCK_IDS.
    starts: Vec<u16>,
    // Neighbours differ.
    nodes: Vec<u32>,
}

impl Default for Block {
    /// A block in which no set has a path.
    fn default() -> Self {
        Self { starts: vec![0], nodes: vec![NOWHERE] }
    }
}

/// A part of a difference within one block: the first id and the one behind the last, counted from
/// the beginning of the block, and whether the ids are gone.
pub(super) type Cut = (u16, u16, bool);

impl Block {
    /// A block of pieces that were kept; `None` if the first does not begin at 0, or their
    /// beginnings do not ascend or lie behind the block.
    pub fn from_pieces(pieces: impl IntoIterator<Item = Piece>) -> Option<Self> {
        let (starts, nodes): (Vec<u16>, Vec<u32>) =
            pieces.into_iter().map(|piece| (piece.start, piece.node)).unzip();
        let ascend = starts.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = starts.last().is_some_and(|last| u32::from(*last) < BLOCK_IDS);
        (ascend && inside && starts[0] == 0).then_some(Self { starts, nodes })
    }

    /// The pieces in order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> {
        self.starts.iter().zip(&self.nodes).map(|(&start, &node)| Piece { start, node })
    }

    /// How many pieces there are, at least one.
    pub fn piece_count(&self) -> usize {
        self.starts.len()
    }

    /// Calls with each node at which ids of `start..end` end, and how many do.
    #[inline]
    pub(super) fn count(&self, start: u16, end: u16, mut call: impl FnMut(u32, u32)) {
        let mut at = self.starts.partition_point(|other| *other <= start) - 1;
        let mut from = start;
        while from < end {
            let next = self.starts.get(at + 1).map_or(end, |next| end.min(*next));
            call(self.nodes[at], u32::from(next - from));
            from = next;
            at += 1;
        }
    }

    /// Moves the ids of each cut to the node that `moved` tells for their node and event. The cuts
    /// ascend and do not overlap.
    pub(super) fn move_ids(&mut self, cuts: &[Cut], moved: &mut impl FnMut(u32, bool) -> u32) {
        let mut new = Self { starts: Vec::new(), nodes: Vec::new() };
        let mut from = 0;
        for &(start, stop, gone) in cuts {
            self.copy(from, start, &mut new, |node| node);
            self.copy(start, stop, &mut new, |node| moved(node, gone));
            from = stop;
        }
        self.copy(from, BLOCK_END, &mut new, |node| node);
        new.starts.shrink_to_fit();
        new.nodes.shrink_to_fit();
        *self = new;
    }

    fn copy(&self, start: u16, end: u16, to: &mut Self, mut change: impl FnMut(u32) -> u32) {
        let mut from = start;
        if start < end {
            self.count(start, end, |node, len| {
                to.push(from, change(node));
                // At most BLOCK_IDS, which fits.
                from += u16::try_from(len).unwrap_or_default();
            });
        }
    }

    fn push(&mut self, start: u16, node: u32) {
        if self.nodes.last() != Some(&node) {
            self.starts.push(start);
            self.nodes.push(node);
        }
    }

    /// The bytes of memory that the block takes, its place in a map included.
    pub(super) fn size_bytes(&self) -> usize {
        64 + self.starts.capacity() * size_of::<u16>() + self.nodes.capacity() * size_of::<u32>()
    }
}

/// The block of an id.
pub(super) fn block_of(id: u64) -> u32 {
    // In range: ids end at 2³².
    u32::try_from(id / u64::from(BLOCK_IDS)).unwrap_or(u32::MAX)
}

/// Calls for each part of a run that lies in one block: the block, the first id and the one behind
/// the last, counted from the beginning of the block.
#[inline]
pub(super) fn for_each_part(run: Run, mut call: impl FnMut(u32, u16, u16)) {
    let size = u64::from(BLOCK_IDS);
    let mut from = u64::from(run.first);
    while from < run.end() {
        let block = from / size;
        let end = run.end().min((block + 1) * size);
        // At most BLOCK_IDS, which fits.
        let inside = |id: u64| u16::try_from(id - block * size).unwrap_or_default();
        call(block_of(from), inside(from), inside(end));
        from = end;
    }
}

/// The parts of a difference by block, ascending within each.
pub(super) fn cut(delta: &Delta) -> BTreeMap<u32, Vec<Cut>> {
    let mut blocks: BTreeMap<u32, Vec<Cut>> = BTreeMap::new();
    let mut take = |set: &PathSet, gone| {
        for run in set.runs() {
            for_each_part(*run, |block, start, end| {
                blocks.entry(block).or_default().push((start, end, gone));
            });
        }
    };
    take(&delta.added, false);
    take(&delta.removed, true);
    for cuts in blocks.values_mut() {
        cuts.sort_unstable();
    }
    blocks
}
