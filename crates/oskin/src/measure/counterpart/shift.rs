//! Paths that are the same but for versions: found level by level, by their masked paths.

use super::matching::Matching;
use super::number;
use super::similarity::without_numbers;
use super::tree::{NONE, Tree};
use crate::name::mask;
use crate::path::table_hash;
use hashbrown::HashTable;
use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};

/// A group of so many pairs at most is weighed pair by pair.
const WEIGHED_PAIRS: usize = 64;

/// Pairs the nodes of both sides whose masked paths are the same.
///
/// From the root down, so that what lies in a directory follows it. Where several nodes have one masked
/// path: the same name in directories that are a pair; then, in directories that are a pair, directories
/// with most in common, names that differ in nothing but numbers, and higher versions first; then the
/// same whatever the directories. O(n log n).
pub(super) fn shift(matching: &mut Matching<'_, '_>) {
    let groups = Groups::new(matching.left, matching.right);
    for class in 0..groups.len() {
        let [left, right] = groups.of(class);
        match (left, right) {
            ([], _) | (_, []) => {}
            ([left], [right]) => matching.pair(*left, *right),
            _ => groups.pair(matching, left, right),
        }
    }
}

/// The nodes of both trees by masked path and whether they are directories.
struct Groups {
    // The number of the masked path of each node; those of parents are below those of their children.
    classes: [Vec<u32>; 2],
    members: [Vec<u32>; 2],
    first: [Vec<u32>; 2],
}

impl Groups {
    fn new(left: &Tree<'_>, right: &Tree<'_>) -> Self {
        let mut keys: Vec<Key<'_>> =
            vec![Key { parent: NONE, is_directory: true, name: Cow::Borrowed(&[]) }];
        let mut table = HashTable::new();
        let classes = [left, right].map(|tree| classes_of(tree, &mut keys, &mut table));
        let mut members: [Vec<u32>; 2] = [left, right].map(|tree| tree.ids().collect());
        let mut first = [Vec::new(), Vec::new()];
        for side in 0..2 {
            let of = &classes[side];
            // Stable, so that the nodes of a class stay in preorder.
            members[side].sort_by_key(|node| of[*node as usize]);
            let mut counts = vec![0_u32; keys.len() + 1];
            for class in of {
                counts[*class as usize + 1] += 1;
            }
            let running = counts.iter().scan(0, |sum, count| {
                *sum += count;
                Some(*sum)
            });
            first[side] = running.collect();
        }
        Self { classes, members, first }
    }

    fn len(&self) -> usize {
        self.first[0].len() - 1
    }

    fn of(&self, class: usize) -> [&[u32]; 2] {
        [0, 1].map(|side| {
            let first = &self.first[side];
            &self.members[side][first[class] as usize..first[class + 1] as usize]
        })
    }

    /// Pairs a group of which one side has several; what is only on the way to paths never takes the
    /// counterpart of a path.
    fn pair(&self, matching: &mut Matching<'_, '_>, left: &[u32], right: &[u32]) {
        let items = |tree: &Tree<'_>, nodes: &[u32]| -> Vec<u32> {
            nodes.iter().copied().filter(|it| tree.item(*it).is_some()).collect()
        };
        let items = [items(matching.left, left), items(matching.right, right)];
        self.pair_all(matching, &items[0], &items[1]);
        let rest =
            [matching.free_left(left).collect(), matching.free_right(right).collect::<Vec<_>>()];
        let [left, right]: [Vec<u32>; 2] = rest;
        self.pair_all(matching, &left, &right);
    }

    fn pair_all(&self, matching: &mut Matching<'_, '_>, left: &[u32], right: &[u32]) {
        let trees = (matching.left, matching.right);
        let place = |matching: &Matching<'_, '_>, node: u32| {
            let parent = Some(matching.left.parent(node)).filter(|it| *it != NONE);
            parent.and_then(|it| matching.right_of(it)).unwrap_or(NONE)
        };
        let mut exact: Vec<(u32, &[u8], u32)> =
            right.iter().map(|it| (trees.1.parent(*it), trees.1.name(*it), *it)).collect();
        exact.sort_unstable();
        for node in left {
            let key = (place(matching, *node), trees.0.name(*node));
            if let Ok(at) = exact.binary_search_by(|(parent, name, _)| (*parent, *name).cmp(&key)) {
                matching.pair(*node, exact[at].2);
            }
        }
        let mut lefts: Vec<(u32, u32)> =
            matching.free_left(left).map(|it| (place(matching, it), it)).collect();
        let mut rights: Vec<(u32, u32)> =
            matching.free_right(right).map(|it| (trees.1.parent(it), it)).collect();
        lefts.sort_unstable();
        rights.sort_unstable();
        for_groups(
            &lefts,
            &rights,
            |(parent, _)| *parent,
            |lefts, rights| {
                let [lefts, rights] =
                    [lefts, rights].map(|side| side.iter().map(|it| it.1).collect());
                self.align(matching, lefts, rights);
            },
        );
        let lefts = matching.free_left(left).collect();
        let rights = matching.free_right(right).collect();
        self.align(matching, lefts, rights);
    }

    /// Pairs as many as there are on the smaller side.
    fn align(&self, matching: &mut Matching<'_, '_>, left: Vec<u32>, right: Vec<u32>) {
        if left.is_empty() || right.is_empty() {
            return;
        }
        let (left, right) = (shaped(matching.left, left), shaped(matching.right, right));
        if left.len() * right.len() <= WEIGHED_PAIRS {
            return self.align_weighed(matching, &left, &right);
        }
        let by_shape = |side: &[Shaped]| {
            let mut sorted: Vec<Shaped> = side.to_vec();
            // Stable: the order of versions stays.
            sorted.sort_by(|a, b| a.shape.cmp(&b.shape));
            sorted
        };
        for_groups(
            &by_shape(&left),
            &by_shape(&right),
            |it| it.shape.clone(),
            |left, right| {
                left.iter().zip(right).for_each(|(l, r)| matching.pair(l.node, r.node));
            },
        );
        let nodes = |side: &[Shaped]| side.iter().map(|it| it.node).collect::<Vec<u32>>();
        let left: Vec<u32> = matching.free_left(&nodes(&left)).collect();
        let right: Vec<u32> = matching.free_right(&nodes(&right)).collect();
        left.iter().zip(&right).for_each(|(l, r)| matching.pair(*l, *r));
    }

    fn align_weighed(&self, matching: &mut Matching<'_, '_>, left: &[Shaped], right: &[Shaped]) {
        let below =
            [(0, matching.left, left), (1, matching.right, right)].map(|(side, tree, nodes)| {
                let sorted = |it: &Shaped| {
                    let of = |child: &u32| self.classes[side][*child as usize];
                    let mut classes: Vec<u32> = tree.children(it.node).iter().map(of).collect();
                    classes.sort_unstable();
                    classes
                };
                nodes.iter().map(sorted).collect::<Vec<_>>()
            });
        let mut pairs = Vec::with_capacity(left.len() * right.len());
        for (l, one) in left.iter().enumerate() {
            for (r, other) in right.iter().enumerate() {
                let common = common(&below[0][l], &below[1][r]);
                pairs.push((Reverse(common), one.shape != other.shape, l + r, l, r));
            }
        }
        pairs.sort_unstable();
        for (_, _, _, l, r) in pairs {
            matching.pair(left[l].node, right[r].node);
        }
    }
}

/// A masked path: that of the directory, and a masked name in it.
struct Key<'a> {
    parent: u32,
    is_directory: bool,
    name: Cow<'a, [u8]>,
}

impl Key<'_> {
    fn hash(&self) -> u64 {
        let place = u64::from(self.parent) << 1 | u64::from(self.is_directory);
        // Odd, so that no two places of a name come to the same.
        table_hash(&self.name) ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// The class of each node; new ones are numbered as they come.
fn classes_of<'a>(
    tree: &Tree<'a>,
    keys: &mut Vec<Key<'a>>,
    table: &mut HashTable<u32>,
) -> Vec<u32> {
    let mut classes: Vec<u32> = vec![0];
    for node in tree.ids().skip(1) {
        let key = Key {
            parent: classes[tree.parent(node) as usize],
            is_directory: tree.node(node).is_directory,
            name: mask(tree.name(node)),
        };
        let is_same = |class: &u32| {
            let known = &keys[*class as usize];
            (known.parent, known.is_directory) == (key.parent, key.is_directory)
                && known.name == key.name
        };
        let hash = key.hash();
        let known = table.find(hash, is_same).copied();
        let class = known.unwrap_or_else(|| {
            let class = number(keys.len());
            keys.push(key);
            table.insert_unique(hash, class, |class| keys[*class as usize].hash());
            class
        });
        classes.push(class);
    }
    classes
}

/// A node and its name without its numbers.
#[derive(Clone)]
struct Shaped {
    node: u32,
    shape: Vec<u8>,
}

/// The nodes, the highest versions first.
fn shaped(tree: &Tree<'_>, mut nodes: Vec<u32>) -> Vec<Shaped> {
    nodes.sort_by(|a, b| natural(tree.name(*b), tree.name(*a)).then(a.cmp(b)));
    let shaped = |node: u32| Shaped { node, shape: without_numbers(tree.name(node)).collect() };
    nodes.into_iter().map(shaped).collect()
}

/// Orders names as people do: numbers by what they are worth.
pub(super) fn natural(a: &[u8], b: &[u8]) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (x, left_rest) = token(left);
        let (y, right_rest) = token(right);
        let are_numbers = [x, y].iter().all(|it| it.first().is_some_and(u8::is_ascii_digit));
        let order = match are_numbers {
            true => x.len().cmp(&y.len()).then_with(|| x.cmp(y)),
            false => x.cmp(y),
        };
        if order.is_ne() || (left_rest.is_empty() && right_rest.is_empty()) {
            // `01` and `1` are worth the same and are not the same.
            return order.then_with(|| a.cmp(b));
        }
        (left, right) = (left_rest, right_rest);
    }
}

/// What a name begins with, a number without its zeros or another byte, and the rest.
fn token(name: &[u8]) -> (&[u8], &[u8]) {
    let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (token, rest) = name.split_at(digits.max(usize::from(!name.is_empty())));
    let zeros = token[..digits.saturating_sub(1)].iter().take_while(|byte| **byte == b'0').count();
    (&token[zeros..], rest)
}

/// How many of two ascending lists are the same.
pub(super) fn common<T: Ord>(left: &[T], right: &[T]) -> usize {
    let (mut l, mut r, mut count) = (0, 0, 0);
    while let (Some(a), Some(b)) = (left.get(l), right.get(r)) {
        let order = a.cmp(b);
        count += usize::from(order.is_eq());
        l += usize::from(order.is_le());
        r += usize::from(order.is_ge());
    }
    count
}

/// The runs of two sorted lists that have the same key.
pub(super) fn for_groups<T, K: Ord>(
    left: &[T],
    right: &[T],
    key: impl Fn(&T) -> K,
    mut each: impl FnMut(&[T], &[T]),
) {
    let run = |list: &[T], wanted: &K| list.iter().take_while(|it| key(it) == *wanted).count();
    let (mut left, mut right) = (left, right);
    while let ([l, ..], [r, ..]) = (left, right) {
        let (of_left, of_right) = (key(l), key(r));
        let order = of_left.cmp(&of_right);
        let taken = [
            if order.is_le() { run(left, &of_left) } else { 0 },
            if order.is_ge() { run(right, &of_right) } else { 0 },
        ];
        if order.is_eq() {
            each(&left[..taken[0]], &right[..taken[1]]);
        }
        (left, right) = (&left[taken[0]..], &right[taken[1]..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_by_what_they_are_worth() {
        let mut names = ["a10", "a9", "a1.10", "a1.9", "a", "b", "a09", "a9b", ""];
        names.sort_by(|a, b| natural(a.as_bytes(), b.as_bytes()));
        assert_eq!(names, ["", "a", "a1.9", "a1.10", "a09", "a9", "a9b", "a10", "b"]);
    }

    #[test]
    fn groups_are_those_of_both_sides() {
        let mut seen = Vec::new();
        for_groups(&[1, 1, 2, 4], &[0, 1, 3, 4, 4], |it| *it, |l, r| seen.push((l.len(), r.len())));
        assert_eq!(seen, [(2, 1), (1, 2)]);
        assert_eq!(common(&[1, 2, 5], &[2, 3, 5]), 2);
    }
}
