//! Pairs of paths that went the same way as one: the directory above them and where that went.

use super::common::Common;
use super::matching::Matching;
use super::similarity::similarity;
use super::tree::{NONE, ROOT, Tree};
use super::{Kind, Subtree, number};
use crate::name::mask;

/// How far up a pair is followed.
const MAX_WAY: usize = 64;

/// A directory with fewer pairs below is none to tell of.
const LEAST_PAIRS: u32 = 2;

/// The directories that pairs are told under, and for each pair which one.
pub(super) struct Folded<'a> {
    pub(super) subtrees: Vec<Subtree<'a>>,
    /// For each pair, in their order, the index of its directory.
    pub(super) of: Vec<Option<u32>>,
}

/// Finds for each pair the highest two directories that speak for it.
///
/// Two paths that differ in versions only lie below the first two directories that differ. Others are
/// followed upwards as long as the names are the same but for versions, to directories of other names only if
/// neither is on both sides; the highest two directories count of which at least half of the smaller
/// one went to the other. O(pairs × depth × log), of the depth 64 at most.
pub(super) fn fold<'a>(
    matching: &Matching<'_, 'a>,
    pairs: &[(u32, u32, Kind)],
    both: &Common<'_>,
) -> Folded<'a> {
    let (left, right) = (matching.left, matching.right);
    let ways: Vec<Vec<(u32, u32)>> =
        pairs.iter().map(|(l, r, kind)| way_up(matching, (*l, *r), *kind, both)).collect();
    let counts = Counts::of(ways.iter().flatten().copied());
    let speaks = |kind: Kind, level: &(u32, u32)| {
        let pairs = counts.get(*level);
        let smaller = left.items_below(level.0).min(right.items_below(level.1));
        pairs >= LEAST_PAIRS && (kind == Kind::VersionShifted || 2 * pairs >= smaller)
    };
    let root = |((_, _, kind), way): (&(u32, u32, Kind), &Vec<(u32, u32)>)| {
        way.iter().rev().find(|level| speaks(*kind, level)).copied()
    };
    let roots: Vec<Option<(u32, u32)>> = pairs.iter().zip(&ways).map(root).collect();
    let chosen = Counts::of(roots.iter().flatten().copied());
    let rests = [
        Rest::new(left, |it| matching.right_of(it).is_some_and(|it| right.item(it).is_some())),
        Rest::new(right, |it| matching.left_of(it).is_some_and(|it| left.item(it).is_some())),
    ];
    let mut order: Vec<u32> = (0..number(chosen.0.len())).collect();
    // Those with most pairs first, then by path, as nodes are.
    order.sort_by_key(|at| (std::cmp::Reverse(chosen.0[*at as usize].1), *at));
    let mut rank = vec![0; order.len()];
    order.iter().enumerate().for_each(|(place, at)| rank[*at as usize] = number(place));
    let subtree = |at: &u32| {
        let ((l, r), pairs) = chosen.0[*at as usize];
        Subtree {
            left: left.path(l),
            right: right.path(r),
            kind: Kind::of(left.path(l), right.path(r)),
            pairs: u64::from(pairs),
            left_only: u64::from(rests[0].below(left, l)),
            right_only: u64::from(rests[1].below(right, r)),
            similarity: similarity(left.path(l), right.path(r)),
        }
    };
    let subtrees = order.iter().map(subtree).collect();
    let of = roots.iter().map(|root| Some(rank[chosen.find((*root)?)?])).collect();
    Folded { subtrees, of }
}

/// The pairs of directories that may stand for a pair, from below.
fn way_up(
    matching: &Matching<'_, '_>,
    (l, r): (u32, u32),
    kind: Kind,
    both: &Common<'_>,
) -> Vec<(u32, u32)> {
    let (left, right) = (matching.left, matching.right);
    let are_directories = left.node(l).is_directory && right.node(r).is_directory;
    let mut level = if are_directories { (l, r) } else { (left.parent(l), right.parent(r)) };
    let mut way = Vec::new();
    while level.0 != ROOT && level.1 != ROOT {
        let paths = (left.path(level.0), right.path(level.1));
        if paths.0 == paths.1 || (kind != Kind::VersionShifted && way.len() == MAX_WAY) {
            break;
        }
        let is_one_name = mask(left.name(level.0)) == mask(right.name(level.1));
        // `opt/tool` that went to `srv/tool` makes no `srv` of `opt`, if both are still there.
        let stays = || both.has_directory(paths.0) || both.has_directory(paths.1);
        if !is_one_name && !way.is_empty() && stays() {
            break;
        }
        if kind == Kind::VersionShifted {
            // Only the first two that differ count.
            way.clear();
        }
        way.push(level);
        if !is_one_name {
            break;
        }
        level = (left.parent(level.0), right.parent(level.1));
    }
    way
}

/// How often each pair of nodes comes, by the pair.
struct Counts(Vec<((u32, u32), u32)>);

impl Counts {
    fn of(levels: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut levels: Vec<(u32, u32)> = levels.collect();
        levels.sort_unstable();
        let runs = levels.chunk_by(|a, b| a == b);
        Self(runs.map(|run| (run[0], number(run.len()))).collect())
    }

    fn find(&self, level: (u32, u32)) -> Option<usize> {
        self.0.binary_search_by_key(&level, |it| it.0).ok()
    }

    fn get(&self, level: (u32, u32)) -> u32 {
        self.find(level).map_or(0, |at| self.0[at].1)
    }
}

/// How many items without a counterpart stand before each node.
struct Rest(Vec<u32>);

impl Rest {
    fn new(tree: &Tree<'_>, is_paired: impl Fn(u32) -> bool) -> Self {
        let mut before = vec![0];
        let mut sum = 0;
        for node in tree.ids() {
            sum += u32::from(tree.node(node).item != NONE && !is_paired(node));
            before.push(sum);
        }
        Self(before)
    }

    fn below(&self, tree: &Tree<'_>, node: u32) -> u32 {
        self.0[tree.node(node).end as usize] - self.0[node as usize]
    }
}
