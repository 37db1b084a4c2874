//! Laws of the features, and both kernels beside naive ones.

use super::testing::{Paths, items, paths, rare_paths};
use super::*;
use crate::measure::Measure;
use crate::path_set::Overlap;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A tree as people draw it.
#[derive(Clone, Debug, Default)]
struct Naive {
    content: Vec<u8>,
    children: BTreeMap<Vec<u8>, Naive>,
}

impl Naive {
    fn of(paths: &Paths) -> Self {
        let mut root = Self::default();
        for (path, content) in paths {
            let node = path
                .split(|byte| *byte == b'/')
                .fold(&mut root, |node, name| node.children.entry(name.to_vec()).or_default());
            node.content.clone_from(content);
        }
        root
    }

    fn height(&self) -> usize {
        self.children.values().map(|child| child.height() + 1).max().unwrap_or(0)
    }

    /// The subtree cut at a depth, as text.
    fn cut(&self, name: &[u8], depth: usize) -> String {
        let children = self.children.iter().filter(|_| depth > 0);
        let inside: Vec<String> =
            children.map(|(name, child)| child.cut(name, depth.saturating_sub(1))).collect();
        format!("{name:?}={:?}{inside:?}", self.content)
    }

    fn walk(&self, name: &[u8], see: &mut impl FnMut(&[u8], &[u8], &Self)) {
        for (child_name, child) in &self.children {
            see(name, child_name, child);
            child.walk(child_name, see);
        }
    }

    fn edges(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        self.walk(b"", &mut |above, name, _| {
            *all.entry(format!("{above:?} {name:?}")).or_default() += 1;
        });
        all
    }

    fn subtrees(&self, levels: Option<usize>) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        self.walk(b"", &mut |_, name, node| match levels {
            None => *all.entry(node.cut(name, usize::MAX)).or_default() += 1,
            Some(levels) => {
                for level in 0..=levels.min(node.height()) {
                    *all.entry(format!("{level} {}", node.cut(name, level))).or_default() += 1;
                }
            }
        });
        all
    }
}

fn naive_overlap(left: &BTreeMap<String, u64>, right: &BTreeMap<String, u64>) -> Overlap {
    let common = left.iter().map(|(key, count)| right.get(key).map_or(0, |it| *it.min(count)));
    Overlap::of_sizes(common.sum(), left.values().sum(), right.values().sum())
}

/// How many of each count there are: what features have in common with any other keys for the same.
fn counts(features: &[Feature]) -> Vec<u64> {
    let mut counts: Vec<u64> = features.iter().map(|feature| feature.count).collect();
    counts.sort_unstable();
    counts
}

fn all_features(tree: &Tree<'_>) -> [Vec<Feature>; 5] {
    let levels = [0, 1, 3].map(|levels| subtrees(tree, levels));
    let [zero, one, deep] = levels;
    [edges(tree), zero, one, deep, whole_subtrees(tree)]
}

/// All paths of some below a directory.
fn below(directory: &str, paths: &Paths) -> Paths {
    let moved = |path: &[u8]| [directory.as_bytes(), path].join(&b'/');
    paths.iter().map(|(path, content)| (moved(path), content.clone())).collect()
}

proptest! {
    #[test]
    fn features_are_those_of_naive_trees(left in paths(), right in paths()) {
        let naive = |paths: &Paths| {
            let tree = Naive::of(paths);
            let [zero, one, deep] = [0, 1, 3].map(|levels| tree.subtrees(Some(levels)));
            [tree.edges(), zero, one, deep, tree.subtrees(None)]
        };
        let (left_items, right_items) = (items(&left), items(&right));
        let lefts = all_features(&Tree::of(&left_items));
        let rights = all_features(&Tree::of(&right_items));
        for (at, (l, r)) in naive(&left).iter().zip(&naive(&right)).enumerate() {
            prop_assert_eq!(overlap(&lefts[at], &rights[at]), naive_overlap(l, r), "feature {}", at);
            let mut expected: Vec<u64> = l.values().copied().collect();
            expected.sort_unstable();
            prop_assert_eq!(counts(&lefts[at]), expected);
        }
    }

    #[test]
    fn similarities_are_bounded_symmetric_and_one_for_the_same(left in paths(), right in paths()) {
        let (left_items, right_items) = (items(&left), items(&right));
        let (l, r) = (Tree::of(&left_items), Tree::of(&right_items));
        for (l, r) in all_features(&l).iter().zip(&all_features(&r)) {
            prop_assert!(l.is_sorted_by(|a, b| a.key < b.key));
            let both = overlap(l, r);
            prop_assert_eq!(both.swapped(), overlap(r, l));
            let dice = Measure::Dice.of(both);
            prop_assert!((0.0..=1.0).contains(&dice));
            let same = overlap(l, l);
            prop_assert_eq!((same.left_only, same.right_only), (0, 0));
        }
        // Whole subtrees are the same only if the trees are.
        let whole = overlap(&whole_subtrees(&l), &whole_subtrees(&r));
        let is_same = whole.left_only + whole.right_only == 0;
        let (l, r) = (Naive::of(&left), Naive::of(&right));
        prop_assert_eq!(is_same, l.cut(b"", usize::MAX) == r.cut(b"", usize::MAX));
    }

    #[test]
    fn moving_a_subtree_changes_little(software in paths(), rest in paths()) {
        prop_assume!(!software.is_empty());
        let home = |directory: &str| {
            let mut all = below("rest", &rest);
            // Both places are there before and after.
            all.extend(["opt/x/y", "usr/z"].map(|place| (place.into(), vec![])));
            all.extend(below(directory, &below("software", &software)));
            all
        };
        let (before, after) = (home("opt/x/y"), home("usr/z"));
        let (before, after) = (items(&before), items(&after));
        let (before, after) = (Tree::of(&before), Tree::of(&after));
        // The edge that it hangs by, and no other.
        let edges = overlap(&edges(&before), &edges(&after));
        prop_assert_eq!((edges.left_only, edges.right_only), (1, 1));
        let names = overlap(&subtrees(&before, 0), &subtrees(&after, 0));
        prop_assert_eq!((names.left_only, names.right_only), (0, 0));
        for (levels, most) in [(1, 2), (2, 6), (3, 10)] {
            // Directories above both places: of three and two, those at most so far up.
            let changed = overlap(&subtrees(&before, levels), &subtrees(&after, levels));
            prop_assert!(changed.left_only <= most && changed.right_only <= most, "{:?}", changed);
        }
        let whole = overlap(&whole_subtrees(&before), &whole_subtrees(&after));
        prop_assert_eq!((whole.left_only, whole.right_only), (5, 5));
    }

    #[test]
    fn matches_are_what_they_say(left in paths(), right in paths(), min_paths in 1_u64..4) {
        let (left_items, right_items) = (items(&left), items(&right));
        let (l, r) = (Tree::of(&left_items), Tree::of(&right_items));
        let found = matches(&l, &r, min_paths);
        let at = |paths: &Paths, directory: &[u8]| {
            let tree = Naive::of(paths);
            let all: BTreeSet<(Vec<u8>, Vec<u8>)> = nodes(&tree, &[]).into_iter().collect();
            let below = all.iter().filter_map(|(path, content)| {
                let rest = match directory {
                    [] => path,
                    _ => path.strip_prefix(directory)?.strip_prefix(b"/")?,
                };
                Some((rest.to_vec(), content.clone()))
            });
            below.collect::<BTreeSet<_>>()
        };
        let (all_left, all_right) = (at(&left, b""), at(&right, b""));
        prop_assert_eq!(found.left_paths, all_left.len() as u64);
        prop_assert_eq!(found.right_paths, all_right.len() as u64);
        prop_assert_eq!(found.same_place, all_left.intersection(&all_right).count() as u64);
        for it in &found.elsewhere {
            let (l, r) = (at(&left, it.left.path), at(&right, it.right.path));
            prop_assert_eq!((it.left.paths, it.right.paths), (l.len() as u64, r.len() as u64));
            prop_assert_eq!(it.common, l.intersection(&r).count() as u64);
            prop_assert_eq!(it.is_exact(), l == r);
            prop_assert!(it.common >= min_paths && 6 * it.common >= it.left.paths + it.right.paths);
            prop_assert_ne!(it.left.path, it.right.path);
            prop_assert!(!(it.left.stays && it.right.stays));
            prop_assert!(it.left.places >= 1 && it.right.places >= 1);
        }
        let none_inside = |paths: Vec<&[u8]>| {
            let inside = |a: &[u8], b: &[u8]| b.is_empty() || a == b || crate::path::is_below(a, b);
            paths.iter().enumerate().all(|(at, a)| {
                paths.iter().enumerate().all(|(other, b)| at == other || !inside(a, b))
            })
        };
        prop_assert!(none_inside(found.elsewhere.iter().map(|it| it.left.path).collect()));
        prop_assert!(none_inside(found.elsewhere.iter().map(|it| it.right.path).collect()));
        let swapped = matches(&r, &l, min_paths);
        let sum = |found: &Matches<'_>| found.elsewhere.iter().map(|it| it.common).sum::<u64>();
        prop_assert_eq!(sum(&found), sum(&swapped));
    }

    #[test]
    fn no_match_is_missed_where_names_are_rare(left in rare_paths(), right in rare_paths()) {
        let (left_items, right_items) = (items(&left), items(&right));
        let (l, r) = (Tree::of(&left_items), Tree::of(&right_items));
        let found = matches(&l, &r, 2);
        let found: BTreeSet<(Vec<u8>, Vec<u8>)> =
            found.elsewhere.iter().map(|it| (it.left.path.to_vec(), it.right.path.to_vec())).collect();
        prop_assert_eq!(found, naive_matches(&left, &right, 2));
    }

    #[test]
    fn a_moved_subtree_is_found_whole(software in paths(), rest in paths(), extra in paths()) {
        let below_software = below("opt/conda/lib/python3.11", &software);
        let tree = Tree::of(&items(&below_software)).path_count();
        prop_assume!(tree > 8);
        let mut left = below("rest", &rest);
        left.extend(below_software.clone());
        let mut right = below("rest", &rest);
        right.extend(below("usr/lib/python3.11", &software));
        right.extend(below("usr/other", &extra));
        let (left_items, right_items) = (items(&left), items(&right));
        let (l, r) = (Tree::of(&left_items), Tree::of(&right_items));
        let found = matches(&l, &r, 1);
        let holds = |it: &SubtreeMatch<'_>| {
            let end = |path: &[u8], whole: &[u8]| path == whole || crate::path::is_below(whole, path);
            end(it.left.path, b"opt/conda/lib/python3.11") && end(it.right.path, b"usr/lib/python3.11")
        };
        prop_assert!(found.elsewhere.iter().any(holds), "{:?}", found);
    }
}

/// Every two directories tried, the best taken first.
fn naive_matches(left: &Paths, right: &Paths, min_paths: usize) -> BTreeSet<(Vec<u8>, Vec<u8>)> {
    type Below = BTreeSet<(Vec<u8>, Vec<u8>)>;
    let directories = |paths: &Paths| -> BTreeMap<Vec<u8>, Below> {
        let mut all = nodes(&Naive::of(paths), &[]);
        all.push((vec![], vec![]));
        let below = |directory: &[u8]| -> Below {
            let rest = |path: &[u8]| match directory {
                [] if path.is_empty() => None,
                [] => Some(path.to_vec()),
                _ => Some(path.strip_prefix(directory)?.strip_prefix(b"/")?.to_vec()),
            };
            all.iter().filter_map(|(path, content)| Some((rest(path)?, content.clone()))).collect()
        };
        all.iter().map(|(path, _)| (path.clone(), below(path))).collect()
    };
    let (lefts, rights) = (directories(left), directories(right));
    let name = |path: &[u8]| crate::path::split_name(path).1.to_vec();
    let above = |path: &[u8]| name(crate::path::split_name(path).0);
    let mut pairs = Vec::new();
    for (l, below_l) in &lefts {
        for (r, below_r) in &rights {
            let (common, sum) =
                (below_l.intersection(below_r).count(), below_l.len() + below_r.len());
            let stays = (rights.contains_key(l), lefts.contains_key(r));
            if l != r && stays != (true, true) && common >= min_paths && 6 * common >= sum {
                let tie = (stays.0 || stays.1, name(l) != name(r), above(l) != above(r));
                pairs.push((common, sum, tie, l.min(r), l.max(r), (l, r)));
            }
        }
    }
    pairs.sort_by(|a, b| {
        let scores = (b.0 * b.0 * a.1).cmp(&(a.0 * a.0 * b.1));
        scores.then_with(|| (a.2, a.3, a.4).cmp(&(b.2, b.3, b.4)))
    });
    let mut chosen: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let meet = |a: &[u8], b: &[u8]| {
        let is_in = |a: &[u8], b: &[u8]| b.is_empty() || a == b || crate::path::is_below(a, b);
        is_in(a, b) || is_in(b, a)
    };
    for (.., (l, r)) in pairs {
        if !chosen.iter().any(|(other_l, other_r)| meet(l, other_l) || meet(r, other_r)) {
            chosen.push((l.clone(), r.clone()));
        }
    }
    chosen.into_iter().collect()
}

/// All paths of a tree with their contents.
fn nodes(tree: &Naive, above: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    for (name, child) in &tree.children {
        let path = crate::path::join(above, name);
        all.extend(nodes(child, &path));
        all.push((path, child.content.clone()));
    }
    all
}

/// The matches of two lists of paths without contents, as text.
fn told(left: &[String], right: &[String]) -> Vec<String> {
    let list = |paths: &[String]| -> Paths {
        paths.iter().map(|path| (path.clone().into_bytes(), vec![])).collect()
    };
    let (left, right) = (list(left), list(right));
    let (left_items, right_items) = (items(&left), items(&right));
    let found = matches(&Tree::of(&left_items), &Tree::of(&right_items), DEFAULT_MIN_PATHS);
    let side = |it: &MatchedDirectory<'_>| {
        let stays = if it.stays { " stays" } else { "" };
        format!("{} {}/{}{stays}", String::from_utf8_lossy(it.path), it.paths, it.places)
    };
    found
        .elsewhere
        .iter()
        .map(|it| format!("{}: {} = {}", it.common, side(&it.left), side(&it.right)))
        .collect()
}

/// So many files below a directory, in ten directories.
fn tree(directory: &str, files: std::ops::Range<u32>) -> Vec<String> {
    files.map(|file| format!("{directory}/p{}/m{file}.py", file % 10)).collect()
}

#[test]
fn software_that_moved_is_told_once_and_at_the_right_height() {
    let base = tree("usr/share/doc", 0..50);
    // Most of it at another place, beside software that only one has.
    let left =
        [base.clone(), tree("opt/conda/lib/python3.11", 0..100), tree("opt/conda/pkgs", 500..507)];
    let right = [base.clone(), tree("usr/lib/python3.11", 10..100), tree("usr/lib/perl", 800..809)];
    assert_eq!(
        told(&left.concat(), &right.concat()),
        ["100: opt/conda/lib/python3.11 110/1 = usr/lib/python3.11 100/1"]
    );
    // A new version beside the place of the old one, and a third of its files with other names.
    let mut new = tree("usr/lib/python3.12", 0..67);
    new.extend(tree("usr/lib/python3.12", 200..233));
    let left = [base.clone(), tree("usr/lib/python3.11", 0..100)].concat();
    assert_eq!(
        told(&left, &[base, new].concat()),
        ["77: usr/lib/python3.11 110/1 = usr/lib/python3.12 110/1"]
    );
}

#[test]
fn a_renamed_directory_is_found_by_the_names_in_it() {
    let files = |directory: &str, numbers: std::ops::Range<u32>| -> Vec<String> {
        numbers.map(|at| format!("lib/{directory}/{at}.ko")).collect()
    };
    let (left, right) = (files("modules-5", 0..20), files("modules-6", 4..24));
    assert_eq!(told(&left, &right), ["16: lib/modules-5 20/1 = lib/modules-6 20/1"]);
}

#[test]
fn of_copies_one_is_paired_and_all_are_counted() {
    let left = ["a/x", "b/x", "c/y"].map(|place| tree(place, 0..20)).concat();
    let right = ["d/x", "a/x"].map(|place| tree(place, 0..20)).concat();
    // Both have a/x. What is new on the right is like what is new on the left under the same name, so that
    // their directories are alike as well; the third is another copy of what stays.
    assert_eq!(told(&left, &right), ["31: b 31/2 = d 31/2", "30: c/y 30/3 = a/x 30/2 stays"]);
    // A copy beside the one that stays: there is nothing else to pair it with.
    let right = tree("a/x", 0..20);
    let left = ["a/x", "b/z"].map(|place| tree(place, 0..20)).concat();
    assert_eq!(told(&left, &right), ["30: b/z 30/2 = a/x 30/1 stays"]);
    assert_eq!(told(&right, &right), <[&str; 0]>::default());
}

#[test]
fn frequent_names_are_found_by_their_insides() {
    let numbered = |directory: String| (0..30).map(move |file| format!("{directory}/{file}"));
    let left: Vec<String> = (0..40).flat_map(|at| numbered(format!("old/{at}/l"))).collect();
    let right: Vec<String> = (0..40).flat_map(|at| numbered(format!("new/{at}/l"))).collect();
    assert_eq!(told(&left, &right), ["1280: old 1280/1 = new 1280/1"]);
    let right: Vec<String> = (0..40).flat_map(|at| numbered(format!("n{at}"))).collect();
    let found = told(&left, &right);
    assert_eq!((found.len(), &found[0][..]), (40, "30: old/0/l 30/40 = n0 30/40"));
}

#[test]
fn names_that_are_made_to_meet_everywhere_end() {
    // Every directory could be laid over every other: 10 to the 5 pairs of places, each as large as the tree.
    let deep = |shift: usize| -> Vec<String> {
        let file = |depth: usize, at: usize| {
            format!("{}/u{}-{at}", vec!["a"; depth].join("/"), depth + shift * at)
        };
        (1..300).flat_map(|depth| (0..5).map(move |at| file(depth, at))).collect()
    };
    let (left, right) = (deep(0), deep(1));
    // Nothing is as alike as the rule wants; what counts is that it ends, and says the same both ways.
    assert_eq!(told(&left, &right).len(), told(&right, &left).len());
}
