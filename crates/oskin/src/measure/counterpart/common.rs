//! The paths that both sides have: they tell which names say nothing, and which directories stay.

use crate::path::{is_below, split_name, table_hash};
use hashbrown::HashTable;

/// Paths of both sides, and their names.
pub(super) struct Common<'a> {
    sorted: Vec<&'a [u8]>,
    names: HashTable<&'a [u8]>,
}

impl<'a> Common<'a> {
    pub(super) fn new(paths: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut sorted: Vec<&[u8]> = paths.collect();
        sorted.sort_unstable();
        let mut names: HashTable<&[u8]> = HashTable::new();
        for path in &sorted {
            let name = split_name(path).1;
            let entry = names.entry(table_hash(name), |it| *it == name, |it| table_hash(it));
            entry.or_insert(name);
        }
        Self { sorted, names }
    }

    /// Whether a path of both has the name: it is no evidence of a move then.
    pub(super) fn has_name(&self, name: &[u8]) -> bool {
        self.names.find(table_hash(name), |it| *it == name).is_some()
    }

    /// Whether both have the directory, as far as their paths tell. O(log paths).
    pub(super) fn has_directory(&self, directory: &[u8]) -> bool {
        // What lies below it comes right behind it and a slash.
        let is_before = |path: &&[u8]| {
            let (head, rest) = path.split_at(path.len().min(directory.len()));
            (head, rest.first()) < (directory, Some(&b'/'))
        };
        let below = self.sorted.partition_point(is_before);
        self.sorted.get(below).is_some_and(|path| is_below(path, directory))
            || self.sorted.binary_search(&directory).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_told_by_what_is_in_them() {
        let paths = ["a-b", "a/x/y", "b", "c.d/z", "c/"].map(str::as_bytes);
        let common = Common::new(paths.into_iter());
        let has = |path: &str| common.has_directory(path.as_bytes());
        assert!(has("a") && has("a/x") && has("b") && has("c.d"));
        assert!(!has("a/") && !has("a/x/y/z") && !has("c.") && !has("d") && !has("a/y"));
        assert!(common.has_name(b"y") && !common.has_name(b"x"));
    }
}
