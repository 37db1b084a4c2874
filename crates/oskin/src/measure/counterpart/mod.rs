//! Path against path: how alike two paths are, and what became of the paths that only one image has.
//!
//! An upgrade moves thousands of paths at once, so the directories are found first: those that are the
//! same but for versions ([`shift`]), those told by what is in them ([`moves`]). What lies below follows
//! its directory; the rest is paired one by one, if contents, a rare name or a name that is alike in
//! the same directory speak for it. Nothing is compared with everything: paths meet in groups of one
//! masked path, content, name, or directory and stem, and large groups are taken in their order.

mod common;
mod fold;
mod matching;
mod moves;
mod shift;
mod similarity;
mod tree;

pub use similarity::similarity;

use crate::name::mask_path;
use crate::path::split_name;
use common::Common;
use matching::Matching;
use tree::Tree;

/// How alike two paths must be, at least, that nothing but their names speaks for.
pub const LEAST_ALIKE: f64 = 0.6;

/// A path and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// In normal form.
    pub path: &'a [u8],
    /// Directories and other things are never counterparts.
    pub is_directory: bool,
    /// A digest of its content. `None` where it is not known or says nothing, as that of empty files.
    pub content: Option<&'a [u8]>,
}

/// What became of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The same path but for versions, in its name or above it.
    VersionShifted,
    /// The same name in another directory.
    Moved,
    /// Another name in the same directory, or in the same but for versions.
    Renamed,
    /// Another name in another directory.
    MovedAndRenamed,
}

impl Kind {
    /// All kinds, in the order in which reports list them.
    pub const ALL: [Self; 4] =
        [Self::VersionShifted, Self::Moved, Self::Renamed, Self::MovedAndRenamed];

    /// The name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VersionShifted => "version-shifted",
            Self::Moved => "moved",
            Self::Renamed => "renamed",
            Self::MovedAndRenamed => "moved-and-renamed",
        }
    }

    /// What two paths that are not the same are to each other.
    pub fn of(left: &[u8], right: &[u8]) -> Self {
        if mask_path(left) == mask_path(right) {
            return Self::VersionShifted;
        }
        let ((above_left, left), (above_right, right)) = (split_name(left), split_name(right));
        if left == right {
            return Self::Moved;
        }
        match mask_path(above_left) == mask_path(above_right) {
            true => Self::Renamed,
            false => Self::MovedAndRenamed,
        }
    }
}

/// A path that only the left has, and the path that only the right has in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counterpart {
    /// Index into the paths of the left.
    pub left: u32,
    /// Index into the paths of the right.
    pub right: u32,
    /// What became of it.
    pub kind: Kind,
    /// How alike the two are, 0..=1.
    pub similarity: f64,
    /// The directory that it went with, index into [`Counterparts::subtrees`].
    pub subtree: Option<u32>,
}

/// A directory that shifted or moved with what is in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Subtree<'a> {
    /// The directory on the left.
    pub left: &'a [u8],
    /// The directory on the right.
    pub right: &'a [u8],
    /// What became of it.
    pub kind: Kind,
    /// How many pairs went with it, its own if it is one; each pair counts in one subtree at most.
    pub pairs: u64,
    /// Paths there that only the left has and that have no counterpart.
    pub left_only: u64,
    /// Paths there that only the right has and that have no counterpart.
    pub right_only: u64,
    /// How alike the two directories are, 0..=1.
    pub similarity: f64,
}

/// What became of the paths that only the left has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counterparts<'a> {
    /// The pairs in the order of the left paths. Each path is in one at most.
    pub pairs: Vec<Counterpart>,
    /// The directories that pairs went with, those of most pairs first.
    pub subtrees: Vec<Subtree<'a>>,
}

/// Finds for each path that only the left has its counterpart among those that only the right has.
///
/// No path may come twice, or on both sides. The paths that both have tell which names are so common
/// that they speak for nothing, and which directories stay; without them more is taken for moved. Pairs that nothing but
/// names speaks for are at least `least` alike ([`LEAST_ALIKE`] is a good value).
///
/// Ties go to higher versions, then to the order of paths. O(n log n) comparisons of paths, and
/// one [`similarity`] for each pair and for few candidates of each path.
pub fn counterparts<'a>(
    left_only: &'a [Item<'a>],
    right_only: &'a [Item<'a>],
    common: impl Iterator<Item = &'a [u8]>,
    least: f64,
) -> Counterparts<'a> {
    let (left, right) = (Tree::new(left_only), Tree::new(right_only));
    let both = Common::new(common);
    let mut matching = Matching::new(&left, &right);
    shift::shift(&mut matching);
    moves::pair_unique_contents(&mut matching);
    let places = moves::places(&mut matching, &both);
    moves::follow(&mut matching, &places);
    moves::pair_contents(&mut matching);
    moves::pair_singles(&mut matching, &places, &both, least);
    gather(&matching, &both)
}

/// The pairs of items with what became of them.
fn gather<'a>(matching: &Matching<'_, 'a>, both: &Common<'_>) -> Counterparts<'a> {
    let (left, right) = (matching.left, matching.right);
    let pair = |l: u32| {
        let r = matching.right_of(l)?;
        let (one, other) = (left.item(l)?, right.item(r)?);
        (one.path != other.path).then(|| (l, r, Kind::of(one.path, other.path)))
    };
    let nodes: Vec<(u32, u32, Kind)> = left.ids().filter_map(pair).collect();
    let folded = fold::fold(matching, &nodes, both);
    let counterpart = |((l, r, kind), subtree): (&(u32, u32, Kind), &Option<u32>)| Counterpart {
        left: left.node(*l).item,
        right: right.node(*r).item,
        kind: *kind,
        similarity: similarity(left.path(*l), right.path(*r)),
        subtree: *subtree,
    };
    let mut pairs: Vec<Counterpart> = nodes.iter().zip(&folded.of).map(counterpart).collect();
    pairs.sort_unstable_by_key(|pair| pair.left);
    Counterparts { pairs, subtrees: folded.subtrees }
}

/// The number of a path, node or class. Neither a list nor a tree of so many fits into memory, so that none
/// is ever cut.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(tree::NONE)
}

#[cfg(test)]
mod tests;
