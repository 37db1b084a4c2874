//! Which paths of a set are leaves: no directory of another path of the set.

use crate::path_set::{PathId, PathSet};

/// Which of the paths are leaves, in their order. The paths are in the order of their bytes, each once,
/// in normal form; whether they are directories does not matter, and a directory that nothing in the
/// set is below is a leaf. O(bytes of all paths).
///
/// ```
/// let found = oskin::view::leaves([&b"usr"[..], b"usr-merge", b"usr/bin", b"var"]);
/// assert_eq!(found, [false, true, true, true]);
/// ```
pub fn leaves<'a>(paths: impl IntoIterator<Item = &'a [u8]>) -> Vec<bool> {
    let mut are_leaves = Vec::new();
    // The paths so far whose bytes begin the current one, shortest first. In the order of bytes
    // all that begins with some bytes lies together, so what is left once never comes again; but
    // not all of it is below: `a-b` stands between `a` and `a/b`.
    let mut open: Vec<(usize, &[u8])> = Vec::new();
    for (at, path) in paths.into_iter().enumerate() {
        while open.pop_if(|(_, above)| !path.starts_with(above)).is_some() {}
        // What is above the nearest directory was told by that one.
        let is_above = |above: &[u8]| path.get(above.len()) == Some(&b'/');
        if let Some((directory, _)) = open.iter().rev().find(|(_, above)| is_above(above)) {
            are_leaves[*directory] = false;
        }
        are_leaves.push(true);
        open.push((at, path));
    }
    are_leaves
}

/// The leaves of a set of ids, told by the directory that each id lies in: `parents[id]` is the nearest
/// directory above that has an id, [`u32::MAX`] where there is none, as for all ids behind the end of the
/// table. O(ids and directories above them), with a bit of memory for each id of the table.
pub fn leaves_by_parent(set: &PathSet, parents: &[u32]) -> PathSet {
    let mut is_above = vec![false; parents.len()];
    for id in set.ids() {
        let mut above = parent(parents, id);
        // Whoever comes to a directory that is marked has all above it marked already.
        while let Some(mark) = above.and_then(|id| is_above.get_mut(id as usize)).filter(|it| !**it)
        {
            *mark = true;
            above = above.and_then(|id| parent(parents, id));
        }
    }
    let is_leaf = |id: &u32| !is_above.get(*id as usize).copied().unwrap_or_default();
    PathSet::from_ascending(set.ids().filter(is_leaf).map(PathId))
}

fn parent(parents: &[u32], id: u32) -> Option<u32> {
    parents.get(id as usize).copied().filter(|parent| *parent != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn leaves_are_no_directory_of_another(
            paths in proptest::collection::btree_set("[a!-]{1,2}(/[a!0]{1,2}){0,3}", 0..40),
        ) {
            let sorted: Vec<&[u8]> = paths.iter().map(String::as_bytes).collect();
            let naive: Vec<bool> = paths
                .iter()
                .map(|path| !paths.iter().any(|it| it.starts_with(&format!("{path}/"))))
                .collect();
            prop_assert_eq!(leaves(sorted.iter().copied()), naive.clone());

            // By parents the same, with ids in any order and directories outside of the set.
            let mut ids: Vec<&[u8]> = sorted.clone();
            ids.sort_by_key(|path| path.iter().map(|byte| u32::from(*byte) * 7 % 31).sum::<u32>());
            let nearest = |path: &[u8]| {
                let above = |it: &&[u8]| crate::path::is_below(path, it);
                (0..).zip(&ids).filter(|(_, it)| above(it)).max_by_key(|(_, it)| it.len())
            };
            let parents: Vec<u32> =
                ids.iter().map(|path| nearest(path).map_or(u32::MAX, |(id, _)| id)).collect();
            let chosen: BTreeSet<u32> = (0..u32::try_from(ids.len()).unwrap()).filter(|id| id % 3 > 0).collect();
            let found: Vec<u32> =
                leaves_by_parent(&PathSet::from_ascending(chosen.iter().copied().map(PathId)), &parents).ids().collect();
            let is_leaf = |id: &u32| !chosen.iter().any(|it| crate::path::is_below(ids[*it as usize], ids[*id as usize]));
            prop_assert_eq!(found, chosen.iter().copied().filter(is_leaf).collect::<Vec<_>>());
        }
    }

    #[test]
    fn parents_that_are_damaged_do_no_harm() {
        let set = PathSet::from_unsorted(vec![0, 1, 2, 9]);
        let found = leaves_by_parent(&set, &[1, 0, 7]);
        assert_eq!(found.ids().collect::<Vec<_>>(), [2, 9]);
    }
}
