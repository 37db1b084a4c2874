//! What moved: files told by their contents, directories told by what is in them, and what follows those.

use super::common::Common;
use super::matching::Matching;
use super::number;
use super::shift::{common, for_groups, natural};
use super::similarity::{similarity, without_numbers};
use super::tree::{NONE, ROOT, Tree};
use crate::name::mask;
use std::cmp::Reverse;

/// A name that so many nodes of a side have tells nothing about directories.
const VOTERS: usize = 3;

/// What one name says for two directories; a name with several nodes is divided among their pairs.
const VOTE: u32 = 36;

/// So many names must speak for two directories.
const LEAST_VOTES: u32 = 2 * VOTE;

/// Contents that so many pairs of files have are weighed pair by pair.
const WEIGHED_PAIRS: usize = 64;

/// Pairs files with the same content and name of which there is one on each side.
pub(super) fn pair_unique_contents(matching: &mut Matching<'_, '_>) {
    let [left, right] = contents(matching);
    let mut pairs = Vec::new();
    for_groups(
        &left,
        &right,
        |(content, name, _)| (*content, *name),
        |left, right| {
            if let ([left], [right]) = (left, right) {
                pairs.push((left.2, right.2));
            }
        },
    );
    matching.pair_all(&pairs);
}

/// Pairs the other files with the same content: those of one name in their order, then the most alike of
/// a content that few have.
pub(super) fn pair_contents(matching: &mut Matching<'_, '_>) {
    let [left, right] = contents(matching);
    let mut pairs = Vec::new();
    for_groups(
        &left,
        &right,
        |(content, name, _)| (*content, *name),
        |left, right| {
            pairs.extend(left.iter().zip(right).map(|(l, r)| (l.2, r.2)));
        },
    );
    matching.pair_all(&pairs);
    let [left, right] = contents(matching);
    let mut pairs = Vec::new();
    for_groups(
        &left,
        &right,
        |(content, _, _)| *content,
        |left, right| {
            if left.len() * right.len() > WEIGHED_PAIRS {
                // What so many files hold, under so many names, tells of none where it went.
                return;
            }
            let all = left.iter().flat_map(|l| right.iter().map(move |r| (l.2, r.2)));
            pairs.extend(most_alike_first(matching, all, 0.0));
        },
    );
    matching.pair_all(&pairs);
}

/// The pairs that are at least so alike, the most alike first.
pub(super) fn most_alike_first(
    matching: &Matching<'_, '_>,
    pairs: impl Iterator<Item = (u32, u32)>,
    least: f64,
) -> Vec<(u32, u32)> {
    let (left, right) = (matching.left, matching.right);
    let weighed = pairs.map(|(l, r)| (similarity(left.path(l), right.path(r)), l, r));
    let mut weighed: Vec<(f64, u32, u32)> = weighed.filter(|it| it.0 >= least).collect();
    weighed.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    weighed.into_iter().map(|(_, l, r)| (l, r)).collect()
}

/// Content, name and node of what has no counterpart, sorted.
fn contents<'a>(matching: &Matching<'_, 'a>) -> [Vec<(&'a [u8], &'a [u8], u32)>; 2] {
    let of = |tree: &Tree<'a>, node: u32| {
        let content = tree.item(node)?.content?;
        Some((content, tree.name(node), node))
    };
    let mut left: Vec<_> = matching.left_rest().filter_map(|it| of(matching.left, it)).collect();
    let mut right: Vec<_> = matching.right_rest().filter_map(|it| of(matching.right, it)).collect();
    left.sort_unstable();
    right.sort_unstable();
    [left, right]
}

/// Where the directories of the left went, [`NONE`] for those that did not move.
pub(super) fn places(matching: &mut Matching<'_, '_>, both: &Common<'_>) -> Vec<u32> {
    let mut told = vote(matching, both);
    renumbered(matching, &mut told);
    let (left, right) = (matching.left, matching.right);
    let mut places = vec![NONE; left.len()];
    for node in left.ids().skip(1).filter(|it| left.node(*it).is_directory) {
        let above = places[left.parent(node) as usize];
        let inherited = || {
            let child = right.child(above, left.name(node))?;
            right.node(child).is_directory.then_some(child)
        };
        places[node as usize] = match (told[node as usize], above) {
            (NONE, NONE) => NONE,
            (NONE, _) => inherited().unwrap_or(NONE),
            (place, _) => place,
        };
        if places[node as usize] != NONE {
            matching.pair(node, places[node as usize]);
        }
    }
    places
}

/// The directories that what is in them speaks for: rare names without a counterpart that both have, and
/// files with the same content that are a pair already.
fn vote(matching: &Matching<'_, '_>, both: &Common<'_>) -> Vec<u32> {
    let (left, right) = (matching.left, matching.right);
    let mut votes: Vec<(u32, u32, u32)> = Vec::new();
    let mut heard = [vec![0_u32; left.len()], vec![0_u32; right.len()]];
    let mut named = [Vec::new(), Vec::new()];
    for node in left.ids().skip(1) {
        match matching.right_of(node) {
            None => named[0].push((left.name(node), left.node(node).is_directory, node)),
            Some(other) if mask(left.name(node)) == mask(right.name(other)) => {
                let parents = (left.parent(node), right.parent(other));
                // What stayed, or moved with its directory, is no news.
                if matching.right_of(parents.0) != Some(parents.1) {
                    votes.push((parents.0, parents.1, VOTE));
                    heard[0][parents.0 as usize] += 1;
                    heard[1][parents.1 as usize] += 1;
                }
            }
            Some(_) => {}
        }
    }
    let free = right.ids().skip(1).filter(|it| matching.left_of(*it).is_none());
    named[1].extend(free.map(|it| (right.name(it), right.node(it).is_directory, it)));
    for (side, tree) in [left, right].into_iter().enumerate() {
        named[side].sort_unstable();
        named[side].iter().for_each(|it| heard[side][tree.parent(it.2) as usize] += 1);
    }
    for_groups(
        &named[0],
        &named[1],
        |it| (it.0, it.1),
        |lefts, rights| {
            let are_few = lefts.len() <= VOTERS && rights.len() <= VOTERS;
            if are_few && !both.has_name(lefts[0].0) {
                let weight = VOTE / number(lefts.len() * rights.len());
                for l in lefts {
                    votes.extend(
                        rights.iter().map(|r| (left.parent(l.2), right.parent(r.2), weight)),
                    );
                }
            }
        },
    );
    elect(&mut votes, &heard)
}

/// For each left directory the right one with most votes, if those are enough.
fn elect(votes: &mut [(u32, u32, u32)], heard: &[Vec<u32>; 2]) -> Vec<u32> {
    votes.sort_unstable();
    let mut best: Vec<(u32, u32)> = vec![(0, NONE); heard[0].len()];
    for run in votes.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let (l, r, sum) = (run[0].0, run[0].1, run.iter().map(|it| it.2).sum::<u32>());
        let all = heard[0][l as usize].min(heard[1][r as usize]);
        let place = &mut best[l as usize];
        // The root holds all and goes nowhere.
        if l != ROOT && r != ROOT && sum > place.0 && sum >= LEAST_VOTES.max(all * VOTE / 4) {
            *place = (sum, r);
        }
    }
    best.into_iter().map(|(_, place)| place).collect()
}

/// Directories in one place whose names differ in numbers, as `libicu67` and `libicu72`, if half of what
/// is in the smaller one is in both.
fn renumbered(matching: &mut Matching<'_, '_>, told: &mut [u32]) {
    let (left, right) = (matching.left, matching.right);
    let keyed = |tree: &Tree<'_>, place: u32, node: u32| {
        let shape: Vec<u8> = without_numbers(tree.name(node)).collect();
        // `Reverse` sorts the highest number first, as where versions are aligned.
        (tree.node(node).is_directory && shape.contains(&b'0')).then_some((place, shape, node))
    };
    let free = left
        .ids()
        .skip(1)
        .filter(|it| told[*it as usize] == NONE && matching.right_of(*it).is_none());
    let mut lefts: Vec<(u32, Vec<u8>, u32)> =
        free.filter_map(|it| keyed(left, matching.right_of(left.parent(it))?, it)).collect();
    let free = right.ids().skip(1).filter(|it| matching.left_of(*it).is_none());
    let mut rights: Vec<(u32, Vec<u8>, u32)> =
        free.filter_map(|it| keyed(right, right.parent(it), it)).collect();
    for (list, tree) in [(&mut lefts, left), (&mut rights, right)] {
        list.sort_by(|a, b| {
            let names = || natural(tree.name(b.2), tree.name(a.2));
            (a.0, &a.1).cmp(&(b.0, &b.1)).then_with(names)
        });
    }
    for_groups(
        &lefts,
        &rights,
        |(place, shape, _)| (*place, shape.clone()),
        |lefts, rights| {
            for ((_, _, l), (_, _, r)) in lefts.iter().zip(rights) {
                let names = |tree: &Tree<'_>, node: u32| {
                    tree.children(node).iter().map(|it| mask(tree.name(*it)).into_owned()).collect()
                };
                let mut of: [Vec<Vec<u8>>; 2] = [names(left, *l), names(right, *r)];
                for names in &mut of {
                    names.sort_unstable();
                }
                let both = common(&of[0], &of[1]);
                if both > 0 && 2 * both >= of[0].len().min(of[1].len()) {
                    told[*l as usize] = *r;
                    matching.pair(*l, *r);
                }
            }
        },
    );
}

/// Pairs what is in a directory that moved with what has its name in the place it went to, then with what
/// has its name but for versions.
pub(super) fn follow(matching: &mut Matching<'_, '_>, places: &[u32]) {
    let (left, right) = (matching.left, matching.right);
    let mut is_place = vec![false; right.len()];
    for place in places.iter().filter(|place| **place != NONE) {
        is_place[*place as usize] = true;
    }
    let place_of = |node: u32| Some(places[left.parent(node) as usize]).filter(|it| *it != NONE);
    for node in left.ids().skip(1) {
        if let Some(child) = place_of(node).and_then(|place| right.child(place, left.name(node)))
            && right.node(child).is_directory == left.node(node).is_directory
        {
            matching.pair(node, child);
        }
    }
    let mut lefts: Vec<_> = matching
        .left_rest()
        .filter_map(|it| Some((place_of(it)?, left.node(it).is_directory, mask(left.name(it)), it)))
        .collect();
    let mut rights: Vec<_> = matching
        .right_rest()
        .filter(|it| is_place[right.parent(*it) as usize])
        .map(|it| (right.parent(it), right.node(it).is_directory, mask(right.name(it)), it))
        .collect();
    lefts.sort_by(|a, b| {
        let names = || natural(left.name(b.3), left.name(a.3));
        (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)).then_with(names)
    });
    rights.sort_by(|a, b| {
        let names = || natural(right.name(b.3), right.name(a.3));
        (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)).then_with(names)
    });
    let mut pairs = Vec::new();
    for_groups(
        &lefts,
        &rights,
        |it| (it.0, it.1, it.2.clone()),
        |lefts, rights| {
            pairs.extend(lefts.iter().zip(rights).map(|(l, r)| (l.3, r.3)));
        },
    );
    matching.pair_all(&pairs);
}

/// How far one goes with names that several have: so many pairs are weighed.
const FEW_PAIRS: usize = 16;

/// Pairs what is left and alike: one name that is rare, or in one directory one stem or names that differ
/// in numbers. Of all such pairs the most alike come first.
pub(super) fn pair_singles(
    matching: &mut Matching<'_, '_>,
    places: &[u32],
    both: &Common<'_>,
    least: f64,
) {
    let mut candidates: Vec<(u32, u32)> = Vec::new();
    by_name(matching, both, &mut candidates);
    in_one_directory(matching, places, &mut candidates);
    candidates.sort_unstable();
    candidates.dedup();
    for (left, right) in most_alike_first(matching, candidates.into_iter(), least) {
        matching.pair(left, right);
    }
}

fn by_name(matching: &Matching<'_, '_>, both: &Common<'_>, candidates: &mut Vec<(u32, u32)>) {
    let (left, right) = (matching.left, matching.right);
    let key = |tree: &Tree<'_>, it: u32| tree.node(it).is_directory;
    let mut lefts: Vec<_> =
        matching.left_rest().map(|it| (left.name(it), key(left, it), it)).collect();
    let mut rights: Vec<_> =
        matching.right_rest().map(|it| (right.name(it), key(right, it), it)).collect();
    lefts.sort_unstable();
    rights.sort_unstable();
    for_groups(
        &lefts,
        &rights,
        |it| (it.0, it.1),
        |lefts, rights| {
            let is_rare = lefts.len() <= 2 && rights.len() <= 2 && !both.has_name(lefts[0].0);
            if is_rare {
                for l in lefts {
                    candidates.extend(rights.iter().map(|r| (l.2, r.2)));
                }
            }
        },
    );
}

fn in_one_directory(matching: &Matching<'_, '_>, places: &[u32], candidates: &mut Vec<(u32, u32)>) {
    let (left, right) = (matching.left, matching.right);
    // The place of a directory is where it moved to, or its counterpart.
    let place_of = |node: u32| {
        let above = left.parent(node);
        Some(places[above as usize]).filter(|it| *it != NONE).or_else(|| matching.right_of(above))
    };
    for likeness in [stem, numbered] {
        let keys = |tree: &Tree<'_>, place: u32, node: u32| {
            let name = likeness(tree.name(node))?;
            Some((place, tree.node(node).is_directory, name, Reverse(node)))
        };
        let mut lefts: Vec<_> =
            matching.left_rest().filter_map(|it| keys(left, place_of(it)?, it)).collect();
        let mut rights: Vec<_> =
            matching.right_rest().filter_map(|it| keys(right, right.parent(it), it)).collect();
        lefts.sort_unstable();
        rights.sort_unstable();
        for_groups(
            &lefts,
            &rights,
            |it| (it.0, it.1, it.2.clone()),
            |lefts, rights| {
                if lefts.len() * rights.len() > FEW_PAIRS {
                    candidates.extend(lefts.iter().zip(rights).map(|(l, r)| (l.3.0, r.3.0)));
                    return;
                }
                for l in lefts {
                    candidates.extend(rights.iter().map(|r| (l.3.0, r.3.0)));
                }
            },
        );
    }
}

/// The stem of a name, if that is not all of it.
fn stem(name: &[u8]) -> Option<Vec<u8>> {
    let stem = crate::name::parts(name).stem;
    (!stem.is_empty()).then(|| stem.to_vec())
}

/// The name without its numbers, if it has any.
fn numbered(name: &[u8]) -> Option<Vec<u8>> {
    name.iter().any(u8::is_ascii_digit).then(|| without_numbers(name).collect())
}
