//! `oskin.paths/1`: what became of the paths that only one of two images has.

use super::Side;
use crate::measure::{Counterparts, Item, Kind, Subtree};
use crate::path::escape;
use crate::path_set::Selection;
use serde::Serialize;

/// What became of the paths that only the left image has.
#[derive(Clone, Debug, Serialize)]
pub struct PathsReport {
    schema: &'static str,
    /// The left image.
    pub left: Side,
    /// The right image.
    pub right: Side,
    /// Which entries count.
    pub selection: &'static str,
    /// How alike two paths are, at least, that nothing but names speaks for.
    pub min_similarity: f64,
    /// Paths that only the left image has.
    pub left_only: u64,
    /// Paths that only the right image has.
    pub right_only: u64,
    /// Paths that both have.
    pub common: u64,
    /// How many pairs there are of each kind.
    pub kinds: Vec<KindCount>,
    /// Directories that shifted or moved with what is in them, those of most pairs first.
    pub subtrees: Vec<WholeTreeReport>,
    /// All pairs, in the order of the left paths.
    pub counterparts: Vec<CounterpartReport>,
    /// Paths that only the left image has and that have no counterpart.
    pub removed: Vec<String>,
    /// Paths that only the right image has and that are no counterpart.
    pub added: Vec<String>,
}

/// How many pairs there are of a kind.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct KindCount {
    /// `version-shifted`, `moved`, `renamed` or `moved-and-renamed`.
    pub kind: &'static str,
    /// All of them.
    pub pairs: u64,
    /// Those that went with a directory.
    pub in_subtrees: u64,
    /// How many directories those are.
    pub subtrees: u64,
}

/// A directory that shifted or moved with what is in it.
#[derive(Clone, Debug, Serialize)]
pub struct WholeTreeReport {
    /// The directory in the left image.
    pub left: String,
    /// The directory in the right image.
    pub right: String,
    /// What became of it.
    pub kind: &'static str,
    /// How many pairs went with it.
    pub pairs: u64,
    /// Paths in the left directory that only the left image has, without a counterpart.
    pub left_only: u64,
    /// Paths in the right directory that only the right image has, without a counterpart.
    pub right_only: u64,
    /// How alike the paths of the two directories are.
    pub similarity: f64,
}

/// A path and its counterpart.
#[derive(Clone, Debug, Serialize)]
pub struct CounterpartReport {
    /// The path in the left image.
    pub left: String,
    /// The path in the right image.
    pub right: String,
    /// What became of it.
    pub kind: &'static str,
    /// How alike the two paths are.
    pub similarity: f64,
    /// Which of the directories it went with, if it did: an index into `subtrees`.
    pub subtree: Option<u32>,
}

/// What was asked, and how much there is.
#[derive(Clone, Copy, Debug)]
pub struct PathsAsked {
    /// Which entries count.
    pub selection: Selection,
    /// How alike two paths are, at least, that nothing but names speaks for.
    pub min_similarity: f64,
    /// How many paths both have.
    pub common: u64,
}

impl PathsReport {
    /// Puts what was found of the paths that only one of two named images has into words.
    pub fn new(
        [left, right]: [&str; 2],
        asked: PathsAsked,
        [left_items, right_items]: [&[Item<'_>]; 2],
        found: &Counterparts<'_>,
    ) -> Self {
        let mut is_paired = [vec![false; left_items.len()], vec![false; right_items.len()]];
        for pair in &found.pairs {
            is_paired[0][pair.left as usize] = true;
            is_paired[1][pair.right as usize] = true;
        }
        let alone = |items: &[Item<'_>], is_paired: &[bool]| {
            let alone = items.iter().zip(is_paired).filter(|(_, is_paired)| !**is_paired);
            alone.map(|(item, _)| escape(item.path)).collect()
        };
        let counterpart = |it: &crate::measure::Counterpart| CounterpartReport {
            left: escape(left_items[it.left as usize].path),
            right: escape(right_items[it.right as usize].path),
            kind: it.kind.name(),
            similarity: it.similarity,
            subtree: it.subtree,
        };
        Self {
            schema: "oskin.paths/1",
            left: Side::new(left),
            right: Side::new(right),
            selection: asked.selection.name(),
            min_similarity: asked.min_similarity,
            left_only: left_items.len() as u64,
            right_only: right_items.len() as u64,
            common: asked.common,
            kinds: Kind::ALL.map(|kind| KindCount::of(kind, found)).to_vec(),
            subtrees: found.subtrees.iter().map(WholeTreeReport::new).collect(),
            counterparts: found.pairs.iter().map(counterpart).collect(),
            removed: alone(left_items, &is_paired[0]),
            added: alone(right_items, &is_paired[1]),
        }
    }

    /// Whether both have the same paths.
    pub fn is_same(&self) -> bool {
        self.left_only + self.right_only == 0
    }
}

impl WholeTreeReport {
    pub(super) fn new(subtree: &Subtree<'_>) -> Self {
        Self {
            left: escape(subtree.left),
            right: escape(subtree.right),
            kind: subtree.kind.name(),
            pairs: subtree.pairs,
            left_only: subtree.left_only,
            right_only: subtree.right_only,
            similarity: subtree.similarity,
        }
    }
}

impl KindCount {
    fn of(kind: Kind, found: &Counterparts<'_>) -> Self {
        let pairs = || found.pairs.iter().filter(|pair| pair.kind == kind);
        let mut subtrees: Vec<u32> = pairs().filter_map(|pair| pair.subtree).collect();
        let in_subtrees = subtrees.len() as u64;
        subtrees.sort_unstable();
        subtrees.dedup();
        let (pairs, subtrees) = (pairs().count() as u64, subtrees.len() as u64);
        Self { kind: kind.name(), pairs, in_subtrees, subtrees }
    }
}
