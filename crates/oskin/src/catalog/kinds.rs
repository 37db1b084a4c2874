//! Which paths are directories: what each path was when it was first seen, as a bit in the
//! dictionary.
//!
//! Nearly all paths are in all images what they were first, so an image stores one set of paths and
//! which of them are of the *other* kind in it, mostly none.

use super::error::{At as _, CatalogError};
use crate::path_set::{PathSet, Run, Selection};
use rusqlite::Connection;
use std::path::Path;

/// A bit for each path that was a directory when it was first seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Kinds {
    words: Vec<u64>,
    // Of which paths the bits are known.
    end: u32,
}

/// The bits of a block of the dictionary; empty if none of its paths was a directory.
pub(super) fn bits(directories: impl ExactSizeIterator<Item = bool>) -> Vec<u8> {
    let mut bits = vec![0_u8; directories.len().div_ceil(8)];
    for (at, directory) in directories.enumerate() {
        bits[at / 8] |= u8::from(directory) << (at % 8);
    }
    if bits.iter().all(|byte| *byte == 0) { Vec::new() } else { bits }
}

impl Kinds {
    /// Reads the bits of the paths that have come since they were read last.
    pub(super) fn read_on(
        &mut self,
        connection: &Connection,
        catalog: &Path,
    ) -> Result<(), CatalogError> {
        let doing = "read which paths are directories";
        let sql = "SELECT first_id, paths, directories FROM path_block WHERE first_id >= ?1
                   ORDER BY first_id";
        let mut statement = connection.prepare_cached(sql).at(catalog, doing)?;
        let mut rows = statement.query([self.end]).at(catalog, doing)?;
        while let Some(row) = rows.next().at(catalog, doing)? {
            let first: u32 = row.get(0).at(catalog, doing)?;
            let paths: u32 = row.get(1).at(catalog, doing)?;
            let bits = row.get_ref(2).at(catalog, doing)?.as_blob().unwrap_or_default();
            self.end = first.saturating_add(paths);
            self.words.resize((self.end as usize).div_ceil(64), 0);
            for (at, byte) in bits.iter().enumerate() {
                for bit in 0..8_usize {
                    let id = first as usize + at * 8 + bit;
                    if byte & (1 << bit) != 0 && id < self.end as usize {
                        self.words[id / 64] |= 1 << (id % 64);
                    }
                }
            }
        }
        Ok(())
    }

    /// The paths of a set that were directories when they were first seen. O(runs + ids / 64).
    pub(super) fn directories_of(&self, set: &PathSet) -> PathSet {
        let mut runs: Vec<Run> = Vec::new();
        for run in set.runs() {
            let mut at = u64::from(run.first);
            let end = run.end().min(u64::from(self.end));
            while at < end {
                // Below `end`, so in range.
                let word = self.words[usize::try_from(at / 64).unwrap_or_default()] >> (at % 64);
                let left = (end - at).min(64 - at % 64);
                let gap = u64::from(word.trailing_zeros()).min(left);
                let len = u64::from((word >> gap.min(63)).trailing_ones()).min(left - gap);
                if let (Ok(first), Ok(len)) = (u32::try_from(at + gap), u32::try_from(len))
                    && len > 0
                {
                    match runs.last_mut() {
                        Some(last) if last.end() == u64::from(first) => last.len += len,
                        _ => runs.push(Run { first, len }),
                    }
                }
                at += gap + len;
            }
        }
        // Ascending and apart, as they were made.
        PathSet::from_runs(runs).unwrap_or_default()
    }

    /// The part of a set that a selection takes, if the paths `other` are not what they were first.
    pub(super) fn select(&self, set: &PathSet, other: &PathSet, selection: Selection) -> PathSet {
        if selection == Selection::Both {
            return set.clone();
        }
        let first = self.directories_of(set);
        let directories = first.difference(other).union(&other.difference(&first));
        match selection {
            Selection::Files => set.difference(&directories),
            _ => directories,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn selections_are_those_of_plain_sets(
            directories in proptest::collection::vec(any::<bool>(), 0..300),
            set in proptest::collection::btree_set(0_u32..300, 0..200),
            other in proptest::collection::btree_set(0_u32..300, 0..20),
        ) {
            let is_directory =
                |id: u32| directories.get(id as usize).copied().unwrap_or_default();
            let bits = bits(directories.iter().copied());
            let mut kinds = Kinds { end: directories.len() as u32, ..Kinds::default() };
            kinds.words.resize(directories.len().div_ceil(64), 0);
            for (at, byte) in bits.iter().enumerate() {
                kinds.words[at / 8] |= u64::from(*byte) << (at % 8 * 8);
            }
            let other: BTreeSet<u32> = other.intersection(&set).copied().collect();
            let wanted = |directory: bool| -> PathSet {
                let of_kind = |id: &u32| (is_directory(*id) != other.contains(id)) == directory;
                PathSet::from_unsorted(set.iter().copied().filter(of_kind).collect())
            };
            let of = |ids: &BTreeSet<u32>| PathSet::from_unsorted(ids.iter().copied().collect());
            let (set, other) = (of(&set), of(&other));
            prop_assert_eq!(kinds.select(&set, &other, Selection::Files), wanted(false));
            prop_assert_eq!(kinds.select(&set, &other, Selection::Directories), wanted(true));
            prop_assert_eq!(kinds.select(&set, &other, Selection::Both), set);
        }
    }
}
