//! Which paths are directories: what each path was when it was first seen, as a bit by path id.
//!
//! Nearly all paths are in all images what they were first, so an image stores one set of paths and
//! which of them are of the *other* kind in it, mostly none.

use super::error::{At as _, CatalogError};
use super::told::damaged;
use crate::path_set::{PathSet, Run, Selection};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::path::Path;

/// How many paths the bits of one row are for.
const ROW_PATHS: usize = 8192;

/// The number of a row in the file, if it has that one.
const ROW: &str = "SELECT bits FROM path_directory WHERE number = ?1";

/// A bit for each path that was a directory when it was first seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Kinds {
    words: Vec<u64>,
}

/// Notes what new paths are, whose ids follow each other.
pub(super) fn note(
    connection: &Connection,
    catalog: &Path,
    first_id: u32,
    directories: &[bool],
) -> Result<(), CatalogError> {
    let doing = "note which paths are directories";
    let mut id = first_id as usize;
    let mut rest = directories;
    while !rest.is_empty() {
        let (number, start) = (id / ROW_PATHS, id % ROW_PATHS);
        let (here, later) = rest.split_at(rest.len().min(ROW_PATHS - start));
        (id, rest) = (id + here.len(), later);
        if !here.contains(&true) {
            continue;
        }
        let mut select = connection.prepare_cached(ROW).at(catalog, doing)?;
        let bits = select.query_row([number], |row| row.get(0)).optional().at(catalog, doing)?;
        let mut bits: Vec<u8> = bits.unwrap_or_default();
        bits.resize(ROW_PATHS / 8, 0);
        for at in (start..).zip(here).filter(|(_, directory)| **directory).map(|(at, _)| at) {
            bits[at / 8] |= 1 << (at % 8);
        }
        let sql = "INSERT OR REPLACE INTO path_directory (number, bits) VALUES (?1, ?2)";
        let mut insert = connection.prepare_cached(sql).at(catalog, doing)?;
        insert.execute(params![number, bits]).at(catalog, doing)?;
    }
    Ok(())
}

impl Kinds {
    /// Reads the bits that have come since they were read last.
    pub(super) fn read_on(
        &mut self,
        connection: &Connection,
        catalog: &Path,
    ) -> Result<(), CatalogError> {
        let doing = "read which paths are directories";
        let paths = super::intern::path_count(connection, catalog)? as usize;
        // The last row may have got more bits; those before are full.
        let last = (self.words.len() * 64 / ROW_PATHS).saturating_sub(1);
        let sql = "SELECT number, bits FROM path_directory WHERE number >= ?1 ORDER BY number";
        let mut statement = connection.prepare_cached(sql).at(catalog, doing)?;
        let mut rows = statement.query([last]).at(catalog, doing)?;
        while let Some(row) = rows.next().at(catalog, doing)? {
            let number: u32 = row.get(0).at(catalog, doing)?;
            let bits: Vec<u8> = row.get(1).at(catalog, doing)?;
            // Else one row could take memory for all ids that there can be.
            let why = match () {
                () if bits.len() != ROW_PATHS / 8 => Some("it is not of its size"),
                () if number as usize * ROW_PATHS >= paths => Some("there are no such paths"),
                () => None,
            };
            if let Some(why) = why {
                return Err(damaged(catalog, format!("kinds of paths, row {number}"), why));
            }
            let start = number as usize * ROW_PATHS / 64;
            self.words.resize(start + ROW_PATHS / 64, 0);
            for (word, bytes) in self.words[start..].iter_mut().zip(bits.chunks_exact(8)) {
                *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            }
        }
        Ok(())
    }

    /// The paths of a set that were directories when they were first seen. O(runs + ids / 64).
    pub(super) fn directories_of(&self, set: &PathSet) -> PathSet {
        let mut runs: Vec<Run> = Vec::new();
        for run in set.runs() {
            let mut at = u64::from(run.first);
            let end = run.end().min(self.words.len() as u64 * 64);
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

    /// All paths that were directories when they were first seen. O(ids / 64).
    pub(super) fn all_directories(&self) -> PathSet {
        // Rows are bounded by the number of paths, and ids are 32 bits wide.
        let end = u32::try_from(self.words.len() * 64).unwrap_or(u32::MAX);
        self.directories_of(
            &PathSet::from_runs(vec![Run { first: 0, len: end }]).unwrap_or_default(),
        )
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
#[expect(clippy::cast_possible_truncation, reason = "the numbers of the tests are small")]
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
            // To the end of one row and over it.
            let connection = Connection::open_in_memory().unwrap();
            let tables = "CREATE TABLE path_directory (number INTEGER PRIMARY KEY, bits BLOB);
                CREATE TABLE path_block (first_id INTEGER PRIMARY KEY, paths INTEGER);
                INSERT INTO path_block VALUES (0, 20000);";
            connection.execute_batch(tables).unwrap();
            let first = ROW_PATHS as u32 - 100;
            let mut kinds = Kinds::default();
            let (one, two) = directories.split_at(directories.len() / 2);
            for (at, part) in [(0, one), (one.len(), two)] {
                note(&connection, Path::new(""), first + at as u32, part).unwrap();
                kinds.read_on(&connection, Path::new("")).unwrap();
            }
            let other: BTreeSet<u32> = other.intersection(&set).copied().collect();
            let wanted = |directory: bool| -> PathSet {
                let of_kind = |id: &u32| (is_directory(*id) != other.contains(id)) == directory;
                PathSet::from_unsorted(set.iter().copied().filter(of_kind).map(|id| first + id).collect())
            };
            let of = |ids: &BTreeSet<u32>| PathSet::from_unsorted(ids.iter().map(|id| first + id).collect());
            let (set, other) = (of(&set), of(&other));
            prop_assert_eq!(kinds.select(&set, &other, Selection::Files), wanted(false));
            prop_assert_eq!(kinds.select(&set, &other, Selection::Directories), wanted(true));
            prop_assert_eq!(kinds.select(&set, &other, Selection::Both), set);
        }
    }
}
