//! A view of the paths of an image, carried out.

use super::{Item, View, ViewKind, leaves};
use crate::path_set::Selection;
use std::borrow::Cow;

/// A path as a view shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewedItem<'a> {
    /// The path, or what is left of it without its versions.
    pub path: Cow<'a, [u8]>,
    /// Whether it is a directory; of paths that fell together, whether all are.
    pub is_directory: bool,
    /// What tells its content, as in [`Item`]; of paths that fell together, what tells all their contents.
    pub content: Cow<'a, [u8]>,
}

impl ViewedItem<'_> {
    /// The same, borrowed.
    pub fn item(&self) -> Item<'_> {
        Item { path: &self.path, is_directory: self.is_directory, content: &self.content }
    }
}

impl View {
    /// What the view shows of an image: all five steps, in the order that [the module](super) tells, but for owners, by which
    /// whoever knows them sorts the items out before. Items
    /// come in the order of their paths' bytes, each path once, and so do those that are given back.
    ///
    /// Where paths fall together without their versions, one item is left. It is a directory only if all
    /// are. Its content is that of all that are no directories: each once, in the order of bytes, with
    /// NUL bytes between; empty, that is not known, if that of one is.
    ///
    /// What is given back may be given in again and stays as it is, but for globs of one's own in a view
    /// that masks versions: they are held against paths as they are.
    ///
    /// O(n log n) in paths, of which a sort takes little; the globs cost most.
    pub fn items<'a>(
        &self,
        items: impl IntoIterator<Item = Item<'a>>,
        selection: Selection,
    ) -> Vec<ViewedItem<'a>> {
        let is_selected = |item: &Item<'_>| match selection {
            Selection::Files => !item.is_directory,
            Selection::Directories => item.is_directory,
            Selection::Both => true,
        };
        let with_contents = self.has(ViewKind::Contents);
        let kept = items
            .into_iter()
            .filter(|item| is_selected(item) && self.keeps(item.path, item.is_directory));
        let mut viewed: Vec<ViewedItem<'a>> = kept
            .map(|item| ViewedItem {
                path: self.key(item.path),
                is_directory: item.is_directory,
                content: Cow::Borrowed(if with_contents { item.content } else { &[] }),
            })
            .collect();
        if self.has(ViewKind::Masked) {
            viewed = merged(viewed);
        }
        if self.has(ViewKind::Leaves) {
            let are_leaves = leaves(viewed.iter().map(|item| item.path.as_ref()));
            let mut are_leaves = are_leaves.into_iter();
            viewed.retain(|_| are_leaves.next().unwrap_or(true));
        }
        viewed
    }
}

/// The items in the order of their paths, those of one path as one.
fn merged(mut items: Vec<ViewedItem<'_>>) -> Vec<ViewedItem<'_>> {
    // All of what is sorted here is long runs in order.
    items.sort_by(|a, b| a.path.cmp(&b.path));
    let mut rest = items.into_iter().peekable();
    let mut merged = Vec::new();
    while let Some(first) = rest.next() {
        if rest.peek().is_none_or(|next| next.path != first.path) {
            merged.push(first);
            continue;
        }
        let mut same = vec![first];
        while let Some(next) = rest.next_if(|next| next.path == same[0].path) {
            same.push(next);
        }
        merged.push(as_one(same));
    }
    merged
}

/// Items of one path as one.
fn as_one(same: Vec<ViewedItem<'_>>) -> ViewedItem<'_> {
    let is_directory = same.iter().all(|item| item.is_directory);
    let mut contents: Vec<&[u8]> =
        same.iter().filter(|item| !item.is_directory).map(|item| item.content.as_ref()).collect();
    contents.sort_unstable();
    contents.dedup();
    // Empty ones are first.
    let content = match contents.first() {
        Some(first) if !first.is_empty() => contents.join(&0),
        _ => Vec::new(),
    };
    let path = same.into_iter().next().map(|item| item.path).unwrap_or_default();
    ViewedItem { path, is_directory, content: Cow::Owned(content) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// Paths with what is behind `=` as content; a slash at the end makes a directory.
    fn shown(view: &View, selection: Selection, paths: &[&str]) -> Vec<String> {
        let mut items: Vec<Item<'_>> = paths
            .iter()
            .map(|text| {
                let (path, content) = text.split_once('=').unwrap_or((text, ""));
                let is_directory = path.ends_with('/');
                let path = path.trim_end_matches('/').as_bytes();
                Item { path, is_directory, content: content.as_bytes() }
            })
            .collect();
        items.sort_by_key(|item| item.path);
        let text = |item: ViewedItem<'_>| {
            let slash = if item.is_directory { "/" } else { "" };
            let content = item.content.escape_ascii().to_string();
            let equals = if content.is_empty() { "" } else { "=" };
            format!("{}{slash}{equals}{content}", String::from_utf8_lossy(&item.path))
        };
        view.items(items, selection).into_iter().map(text).collect()
    }

    #[test]
    fn steps_follow_each_other() {
        use ViewKind::{Contents, Core, Leaves, Masked};
        let both = |view: &View, paths: &[&str]| shown(view, Selection::Both, paths);
        let all = ["a/", "a/x=1", "a-b=2", "a/d/", "a/d/y=3"];
        assert_eq!(both(&View::default(), &all), ["a/", "a-b", "a/d/", "a/d/y", "a/x"]);
        assert_eq!(both(&View::new([Leaves]), &all), ["a-b", "a/d/y", "a/x"]);
        assert_eq!(shown(&View::new([Leaves]), Selection::Directories, &all), ["a/d/"]);
        assert_eq!(
            shown(&View::new([Contents]), Selection::Files, &all),
            ["a-b=2", "a/d/y=3", "a/x=1"]
        );
        // What the globs take leaves a leaf behind.
        let view = View::new([Leaves]).without(&["y"]).unwrap();
        assert_eq!(both(&view, &all), ["a-b", "a/d/", "a/x"]);
        let view = View::new([]).only(&["/a"]).unwrap().without(&["d/"]).unwrap();
        assert_eq!(both(&view, &all), ["a/", "a/x"]);
        let core = ["var/", "var/log/", "var/log/x", "opt/a.pyc", "opt/a.py", "usr/share/doc/"];
        assert_eq!(both(&View::new([Core]), &core), ["opt/a.py", "var/", "var/log/"]);
        let view = View::new([Core]).with_core_list("*.py\n!*.pyc\n").unwrap();
        assert_eq!(both(&view, &core), ["opt/a.pyc", "var/", "var/log/"]);
        // A directory of one version and files of others.
        let names = ["lib-1=b", "lib-2/", "lib-2/x=c", "lib-3=a", "lib-4=b", "lib.d=q"];
        assert_eq!(both(&View::new([Masked]), &names), ["lib-*", "lib-*/x", "lib.d"]);
        assert_eq!(both(&View::new([Masked, Leaves]), &names), ["lib-*/x", "lib.d"]);
        let shows = both(&View::new([Masked, Contents]), &names);
        assert_eq!(shows, ["lib-*=a\\x00b", "lib-*/x=c", "lib.d=q"]);
        assert_eq!(shown(&View::new([Masked]), Selection::Directories, &names), ["lib-*/"]);
        let unknown = both(&View::new([Masked, Contents]), &["lib-1=b", "lib-3", "lib-4=c"]);
        assert_eq!(unknown, ["lib-*"]);
    }

    /// Items of a few names that fall together, clash and are of no core.
    fn trees() -> impl Strategy<Value = BTreeMap<Vec<u8>, (bool, String)>> {
        let name = prop_oneof![
            "lib-[12]",
            "[ab]",
            "p3\\.[12]",
            Just("a.pyc".to_owned()),
            Just("var".to_owned()),
            Just("log".to_owned()),
        ];
        let path =
            proptest::collection::vec(name, 1..4).prop_map(|names| names.join("/").into_bytes());
        proptest::collection::btree_map(path, (any::<bool>(), "[xy]{0,1}"), 0..30)
    }

    fn listed(tree: &BTreeMap<Vec<u8>, (bool, String)>) -> Vec<Item<'_>> {
        let item = |path, is_directory, content| Item { path, is_directory, content };
        tree.iter().map(|(path, (is, content))| item(path, *is, content.as_bytes())).collect()
    }

    fn selections() -> impl Strategy<Value = Selection> {
        proptest::sample::select(Selection::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn a_view_of_what_it_shows_is_the_same(
            tree in trees(),
            kinds in proptest::collection::btree_set(proptest::sample::select(ViewKind::ALL.to_vec()), 0..5),
            globs: bool,
            selection in selections(),
        ) {
            let mut view = View::new(kinds);
            if globs && !view.has(ViewKind::Masked) {
                view = view.only(&["a", "lib-*/", "p3.?"]).unwrap().without(&["lib-2", "b/a/"]).unwrap();
                view = view.with_core_list("b/\n!*.pyc").unwrap();
            }
            let once = view.items(listed(&tree), selection);
            prop_assert!(once.windows(2).all(|pair| pair[0].path < pair[1].path));
            let twice = view.items(once.iter().map(ViewedItem::item), selection);
            prop_assert_eq!(&twice, &once);
        }

        #[test]
        fn items_are_what_the_words_say(tree in trees(), selection in selections()) {
            let view = View::new([ViewKind::Leaves, ViewKind::Masked, ViewKind::Core]);
            let mut expected: BTreeMap<Vec<u8>, bool> = BTreeMap::new();
            for item in listed(&tree) {
                let is_selected = selection == Selection::Both
                    || (selection == Selection::Directories) == item.is_directory;
                if is_selected && view.keeps(item.path, item.is_directory) {
                    let all = expected.entry(view.key(item.path).into_owned()).or_insert(true);
                    *all &= item.is_directory;
                }
            }
            let paths: BTreeSet<Vec<u8>> = expected.keys().cloned().collect();
            expected.retain(|path, _| !paths.iter().any(|it| crate::path::is_below(it, path)));
            let found = view.items(listed(&tree), selection);
            let found: Vec<_> = found.into_iter().map(|it| (it.path.into_owned(), it.is_directory)).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
