//! Small trees for tests, whose names meet often.

use crate::view::Item;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Paths and their contents.
pub(super) type Paths = BTreeMap<Vec<u8>, Vec<u8>>;

pub(super) fn items(paths: &Paths) -> Vec<Item<'_>> {
    let item = |(path, content)| Item { path, is_directory: false, content };
    paths
        .iter()
        .map(|(path, content): (&Vec<u8>, &Vec<u8>)| item((&path[..], &content[..])))
        .collect()
}

/// So many names that few paths have the same.
pub(super) fn rare_paths() -> impl Strategy<Value = Paths> {
    let path = vec(0_u8..12, 1..4).prop_map(|names| {
        // Each depth has its own names.
        let names = names.iter().enumerate().map(|(depth, name)| format!("{depth}{name}"));
        names.collect::<Vec<_>>().join("/").into_bytes()
    });
    btree_map(path, Just(vec![]), 0..14)
}

/// Few names, so that they meet, among them such as sort before and behind a slash.
pub(super) fn paths() -> impl Strategy<Value = Paths> {
    let name = prop::sample::select(vec!["a", "b", "c", "a-b", "a.b", "ab", "d"]);
    let path = vec(name, 1..5).prop_map(|names| names.join("/").into_bytes());
    let content =
        prop::sample::select(vec!["", "", "1", "2"]).prop_map(|it| it.as_bytes().to_vec());
    btree_map(path, content, 0..40)
}
