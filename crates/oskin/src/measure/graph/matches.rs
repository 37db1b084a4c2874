//! Which subtrees of two trees are the same, or nearly, at other places.

use super::aligned::{Pair, Side, lay_over, places};
use super::features::insides;
use super::tree::Tree;
use std::cmp::{Ordering, Reverse};

/// From how many common paths on a match is told where nothing else is asked for.
pub const DEFAULT_MIN_PATHS: u64 = 8;

/// Two trees may be laid over each other for so many steps for each of their nodes. Real ones take three at
/// most; names that are made to meet at many places would take more.
const STEPS_PER_NODE: u64 = 16;

/// What two trees have in common, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matches<'a> {
    /// Paths of the left tree, the directories that a list does not name included.
    pub left_paths: u64,
    /// Paths of the right tree.
    pub right_paths: u64,
    /// Paths of both, with the same content as far as contents are known.
    pub same_place: u64,
    /// What lies elsewhere: best first, none inside another.
    pub elsewhere: Vec<SubtreeMatch<'a>>,
}

/// A directory of the left tree and one at another path of the right tree with much the same below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubtreeMatch<'a> {
    /// The directory of the left tree.
    pub left: MatchedDirectory<'a>,
    /// The directory of the right tree.
    pub right: MatchedDirectory<'a>,
    /// How many paths below them are the same, relative to them, with their contents as far as known.
    pub common: u64,
}

/// One side of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchedDirectory<'a> {
    /// Its path.
    pub path: &'a [u8],
    /// How many paths lie below it.
    pub paths: u64,
    /// Whether the other tree has this path, too; never on both sides.
    pub stays: bool,
    /// How many directories of its tree have the very same inside, itself included.
    pub places: u64,
}

impl SubtreeMatch<'_> {
    /// Whether all below is the same.
    pub const fn is_exact(&self) -> bool {
        self.common == self.left.paths && self.common == self.right.paths
    }

    /// Whether both directories lie in the same one.
    pub fn is_beside(&self) -> bool {
        crate::path::split_name(self.left.path).0 == crate::path::split_name(self.right.path).0
    }

    /// Whether both directories have the same name.
    pub fn keeps_name(&self) -> bool {
        crate::path::split_name(self.left.path).1 == crate::path::split_name(self.right.path).1
    }
}

/// Finds the subtrees that lie elsewhere in the other tree.
///
/// A match is two directories at different paths, at least one of which only one tree has, with at
/// least `min_paths` common paths below and a Dice of these of at least a third. (A half, as Falleri et al., *Fine-grained
/// and accurate source code differencing*, 2014, have it for syntax trees, takes two versions of Python apart: half of
/// their files are byte code with the version in the name.) Every count is of paths that were
/// compared; hashes only say where to look. Where several would overlap, the one with the highest product of
/// common paths and Dice is taken, ties being broken by the order of the paths; so a directory that is the same
/// in several places is paired once, and `places` tells how many there are. What has only frequent names and no equal inside
/// may be missed. Swapping the trees swaps the answer, but for ties. Takes O(n log n) for `n` nodes.
pub fn matches<'a>(left: &Tree<'a>, right: &Tree<'a>, min_paths: u64) -> Matches<'a> {
    let mut steps = 0;
    let at_home = lay_over(left, right, (0, 0), &mut steps);
    let mut sides = [left, right].map(|tree| Side {
        tree,
        stays: vec![false; tree.len()],
        insides: insides(tree),
    });
    for pair in &at_home {
        sides[0].stays[pair.left] = true;
        sides[1].stays[pair.right] = true;
    }
    let [l, r] = &sides;
    let elsewhere = choose(l, r, candidates(l, r, min_paths.max(1)));
    let inside = sides.each_ref().map(|side| {
        let mut all = side.insides.clone();
        all.sort_unstable();
        all
    });
    let told = |side: usize, node: usize| {
        let Side { tree, stays, insides } = &sides[side];
        let at = |bound| inside[side].partition_point(|it| *it < bound) as u64;
        MatchedDirectory {
            path: tree.path(node),
            paths: tree.below(node) as u64,
            stays: stays[node],
            places: at(insides[node].saturating_add(1)) - at(insides[node]),
        }
    };
    Matches {
        left_paths: left.path_count(),
        right_paths: right.path_count(),
        same_place: at_home[0].common,
        elsewhere: elsewhere
            .into_iter()
            .map(|it| SubtreeMatch {
                left: told(0, it.left),
                right: told(1, it.right),
                common: it.common,
            })
            .collect(),
    }
}

/// All pairs of directories that could be told, best first.
fn candidates(left: &Side<'_, '_>, right: &Side<'_, '_>, min_paths: u64) -> Vec<Pair> {
    let most = STEPS_PER_NODE * (left.tree.len() + right.tree.len()) as u64;
    let mut steps = 0;
    let mut found = Vec::new();
    for place in places(left, right) {
        // Whatever is below has no more paths than the highest.
        let fewest = left.tree.below(place.0).min(right.tree.below(place.1)) as u64;
        if fewest >= min_paths && steps < most {
            let pairs = lay_over(left.tree, right.tree, place, &mut steps);
            found.extend(pairs.into_iter().filter(|pair| {
                pair.common >= min_paths
                    && 6 * pair.common >= sum_of_sizes(left.tree, right.tree, pair)
                    && !(left.stays[pair.left] && right.stays[pair.right])
            }));
        }
    }
    found.sort_by(|a, b| {
        let better =
            compare_scores(score(left.tree, right.tree, b), score(left.tree, right.tree, a));
        better.then_with(|| tie(left, right, a).cmp(&tie(left, right, b)))
    });
    found
}

/// What decides between pairs of the same score: nothing that stays, the same name, the same name of the
/// directory above, the first paths. It does not tell left from right.
fn tie<'a>(
    left: &Side<'_, 'a>,
    right: &Side<'_, 'a>,
    pair: &Pair,
) -> (bool, bool, bool, [&'a [u8]; 2]) {
    let (l, r) = (pair.left, pair.right);
    let above = |side: &Side<'_, 'a>, node| side.tree.name(side.tree.parent(node));
    let mut paths = [left.tree.path(l), right.tree.path(r)];
    paths.sort_unstable();
    (
        left.stays[l] || right.stays[r],
        left.tree.name(l) != right.tree.name(r),
        above(left, l) != above(right, r),
        paths,
    )
}

fn sum_of_sizes(left: &Tree<'_>, right: &Tree<'_>, pair: &Pair) -> u64 {
    (left.below(pair.left) + right.below(pair.right)) as u64
}

/// The product of common paths and their Dice, without the 2, as a fraction. A directory above has more common
/// paths, one below may be more alike: this finds the height where adding siblings stops to pay.
fn score(left: &Tree<'_>, right: &Tree<'_>, pair: &Pair) -> (u128, u128) {
    let common = u128::from(pair.common);
    (common * common, sum_of_sizes(left, right, pair).into())
}

fn compare_scores(a: (u128, u128), b: (u128, u128)) -> Ordering {
    // Squares of numbers of nodes, and these are below 2⁴⁰: no product overflows.
    (a.0 * b.1).cmp(&(b.0 * a.1))
}

/// Takes the best pairs of which none holds or lies in another, on either side.
fn choose(left: &Side<'_, '_>, right: &Side<'_, '_>, pairs: Vec<Pair>) -> Vec<Pair> {
    let mut taken = [vec![false; left.tree.len()], vec![false; right.tree.len()]];
    let mut chosen = Vec::new();
    for pair in pairs {
        let nodes = [(left.tree, pair.left), (right.tree, pair.right)];
        if nodes.iter().zip(&taken).any(|((_, node), taken)| taken[*node]) {
            continue;
        }
        for ((tree, node), taken) in nodes.into_iter().zip(&mut taken) {
            // Nothing that is taken lies below, so each node is marked once.
            taken[tree.subtree(node)].fill(true);
            let mut above = node;
            while above > 0 {
                above = tree.parent(above);
                if std::mem::replace(&mut taken[above], true) {
                    break;
                }
            }
        }
        chosen.push(pair);
    }
    chosen.sort_by_key(|pair| (Reverse(pair.common), pair.left, pair.right));
    chosen
}
