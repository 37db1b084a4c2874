//! Two trees laid over each other at some place, and which places are worth it.

use super::features::{edge, name};
use super::tree::Tree;

/// A node of each tree at the same path below the two that were laid over each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) left: usize,
    pub(super) right: usize,
    /// How many paths below both are the same, their contents included as far as these are known.
    pub(super) common: u64,
    /// Where in the list the pair above is; the first is its own.
    above: usize,
}

/// All pairs of nodes below two that are laid over each other, these first, each before those below it.
///
/// Adds to `steps` what it took: as many steps as the directories that meet have children, of each
/// two directories the fewer.
pub(super) fn lay_over(
    left: &Tree<'_>,
    right: &Tree<'_>,
    places: (usize, usize),
    steps: &mut u64,
) -> Vec<Pair> {
    let mut pairs = vec![Pair { left: places.0, right: places.1, common: 0, above: 0 }];
    let mut at = 0;
    while let Some(pair) = pairs.get(at).copied() {
        *steps += 1;
        for_each_met(left, right, (pair.left, pair.right), steps, |left, right| {
            pairs.push(Pair { left, right, common: 0, above: at });
        });
        at += 1;
    }
    for at in (1..pairs.len()).rev() {
        let pair = pairs[at];
        let is_same = left.content(pair.left) == right.content(pair.right);
        pairs[pair.above].common += pair.common + u64::from(is_same);
    }
    pairs
}

/// Calls `met` with the children of two directories that have the same name.
fn for_each_met(
    left: &Tree<'_>,
    right: &Tree<'_>,
    (l, r): (usize, usize),
    steps: &mut u64,
    mut met: impl FnMut(usize, usize),
) {
    let (ls, rs) = (left.children(l), right.children(r));
    *steps += ls.len().min(rs.len()) as u64;
    // One may have a handful and the other thousands, so the former are looked up.
    if ls.len() <= rs.len() {
        for l in ls {
            if let Ok(at) = rs.binary_search_by(|r| right.name(*r).cmp(left.name(*l))) {
                met(*l, rs[at]);
            }
        }
    } else {
        for r in rs {
            if let Ok(at) = ls.binary_search_by(|l| left.name(*l).cmp(right.name(*r))) {
                met(ls[at], *r);
            }
        }
    }
}

/// What matching looks at in one of the two trees.
pub(super) struct Side<'t, 'a> {
    pub(super) tree: &'t Tree<'a>,
    /// Of each node, whether the other tree has its path, too.
    pub(super) stays: Vec<bool>,
    /// Of each node, the hash of its inside.
    pub(super) insides: Vec<u128>,
}

/// If a feature is that frequent in both trees together (as a product), it tells of no place.
const MOST_ANCHORS: usize = 16;

/// Where to lay the trees over each other: the places that rare names, rare edges and equal insides of
/// both point at, those first to which most do.
///
/// Two nodes with the same name, edge or inside are followed upwards as long as their names are the same; where
/// these part lie the two highest directories that hold them at the same path. Nodes of which both trees have both paths
/// are no hint that anything moved. Takes O(n log n) time and O(n) memory for `n` nodes, whatever their names.
pub(super) fn places(left: &Side<'_, '_>, right: &Side<'_, '_>) -> Vec<(usize, usize)> {
    let edges = |side: &Side<'_, '_>| {
        let nodes = 1..side.tree.len();
        sorted(nodes.map(|node| (edge(side.tree, node), node)).collect())
    };
    let names = |side: &Side<'_, '_>| {
        let nodes = 1..side.tree.len();
        sorted(nodes.map(|node| (name(side.tree, node), node)).collect())
    };
    let insides = |side: &Side<'_, '_>| {
        let nodes = (1..side.tree.len()).filter(|node| side.insides[*node] != 0);
        sorted(nodes.map(|node| (side.insides[node], node)).collect())
    };
    let mut anchors = Vec::new();
    for_each_shared(&edges(left), &edges(right), |ls, rs| {
        rare(left, right, ls, rs, &mut anchors);
    });
    // A renamed directory has none of its edges, but the names of what is in it.
    for_each_shared(&names(left), &names(right), |ls, rs| {
        rare(left, right, ls, rs, &mut anchors);
    });
    for_each_shared(&insides(left), &insides(right), |ls, rs| {
        if !rare(left, right, ls, rs, &mut anchors) {
            in_turn(left, right, ls, rs, &mut anchors);
        }
    });
    let mut tops = climb(left.tree, right.tree, anchors);
    tops.sort_unstable_by_key(|(left, right, votes)| (u64::MAX - votes, *left, *right));
    tops.into_iter().map(|(left, right, _)| (left, right)).collect()
}

fn sorted(mut nodes: Vec<(u128, usize)>) -> Vec<(u128, usize)> {
    nodes.sort_unstable();
    nodes
}

/// Calls `shared` with the nodes of each key that both lists have.
fn for_each_shared(
    left: &[(u128, usize)],
    right: &[(u128, usize)],
    mut shared: impl FnMut(&[(u128, usize)], &[(u128, usize)]),
) {
    let mut rights = right.chunk_by(|a, b| a.0 == b.0).peekable();
    for lefts in left.chunk_by(|a, b| a.0 == b.0) {
        let key = lefts[0].0;
        while rights.next_if(|it| it[0].0 < key).is_some() {}
        if let Some(rights) = rights.next_if(|it| it[0].0 == key) {
            shared(lefts, rights);
        }
    }
}

/// Adds every pair of the nodes of a key, if these are few; `false` if they are not.
fn rare(
    left: &Side<'_, '_>,
    right: &Side<'_, '_>,
    ls: &[(u128, usize)],
    rs: &[(u128, usize)],
    anchors: &mut Vec<(usize, usize, u64)>,
) -> bool {
    let is_rare = ls.len() * rs.len() <= MOST_ANCHORS;
    if is_rare {
        let pairs = ls.iter().flat_map(|(_, l)| rs.iter().map(|(_, r)| (*l, *r, 1)));
        anchors.extend(pairs.filter(|(l, r, _)| !(left.stays[*l] && right.stays[*r])));
    }
    is_rare
}

/// Adds nodes with the same inside in pairs, where that is in many places: those first whose
/// names and parents' names are the same, then the rest in their order; of places that stay none.
fn in_turn(
    left: &Side<'_, '_>,
    right: &Side<'_, '_>,
    ls: &[(u128, usize)],
    rs: &[(u128, usize)],
    anchors: &mut Vec<(usize, usize, u64)>,
) {
    let named = |side: &Side<'_, '_>, nodes: &[(u128, usize)]| {
        let moved = nodes.iter().map(|(_, node)| *node).filter(|node| !side.stays[*node]);
        sorted(moved.map(|node| (edge(side.tree, node), node)).collect())
    };
    let (ls, rs) = (named(left, ls), named(right, rs));
    let mut paired = Vec::new();
    for_each_shared(&ls, &rs, |ls, rs| {
        paired.extend(ls.iter().zip(rs).map(|((_, l), (_, r))| (*l, *r, 1)));
    });
    let rest = |nodes: &[(u128, usize)], mut used: Vec<usize>| {
        used.sort_unstable();
        let mut rest: Vec<usize> = nodes.iter().map(|(_, node)| *node).collect();
        rest.retain(|node| used.binary_search(node).is_err());
        rest.sort_unstable();
        rest
    };
    let lefts = rest(&ls, paired.iter().map(|pair| pair.0).collect());
    let rights = rest(&rs, paired.iter().map(|pair| pair.1).collect());
    anchors.extend(paired);
    anchors.extend(lefts.into_iter().zip(rights).map(|(l, r)| (l, r, 1)));
}

/// Follows pairs of nodes upwards, the lowest of the left tree first, so that those that meet go on as one.
fn climb(
    left: &Tree<'_>,
    right: &Tree<'_>,
    pairs: Vec<(usize, usize, u64)>,
) -> Vec<(usize, usize, u64)> {
    let depths = depths(left);
    let mut by_depth = vec![Vec::new(); depths.iter().max().map_or(0, |most| most + 1)];
    for pair in pairs {
        by_depth[depths[pair.0]].push(pair);
    }
    let mut tops = Vec::new();
    for depth in (0..by_depth.len()).rev() {
        let mut pairs = std::mem::take(&mut by_depth[depth]);
        merge(&mut pairs);
        for (l, r, votes) in pairs {
            if l > 0 && r > 0 && left.name(l) == right.name(r) {
                by_depth[depth - 1].push((left.parent(l), right.parent(r), votes));
            } else {
                tops.push((l, r, votes));
            }
        }
    }
    // What leads to both roots stays where it is.
    tops.retain(|(l, r, _)| (*l, *r) != (0, 0));
    tops
}

/// How far down each node is.
fn depths(tree: &Tree<'_>) -> Vec<usize> {
    let mut depths = vec![0; tree.len()];
    for node in 1..tree.len() {
        depths[node] = depths[tree.parent(node)] + 1;
    }
    depths
}

/// Adds up the votes of equal pairs.
fn merge(pairs: &mut Vec<(usize, usize, u64)>) {
    pairs.sort_unstable();
    pairs.dedup_by(|next, kept| {
        let is_same = (next.0, next.1) == (kept.0, kept.1);
        kept.2 += if is_same { next.2 } else { 0 };
        is_same
    });
}
