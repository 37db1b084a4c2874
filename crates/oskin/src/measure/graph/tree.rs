//! Paths as a tree: each node before what is below it, siblings in the order of their names.

use crate::path;
use crate::view::Item;
use std::ops::Range;

/// The tree that a list of paths spans.
///
/// Node 0 is the root, which has no name. Directories that no item names, as in lists of files only, are
/// nodes all the same, since a graph needs them. Building takes time and memory linear in the bytes of the
/// paths (and a sort that is short where the list is nearly in the order of the tree, as lists in the
/// order of bytes are: there `a-b` lies between `a` and `a/b`).
#[derive(Clone, Debug)]
pub struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    /// The children of all nodes, one node after the other.
    children: Vec<usize>,
}

/// A path and where it hangs.
#[derive(Clone, Debug)]
struct Node<'a> {
    path: &'a [u8],
    /// Where in the path the name begins.
    name: usize,
    /// The root is its own parent.
    parent: usize,
    /// How many nodes the subtree has, itself included.
    size: usize,
    /// Where its children begin in the list of all.
    first_child: usize,
    child_count: usize,
    content: &'a [u8],
}

impl<'a> Tree<'a> {
    /// The tree of some items, each path once, in any order.
    pub fn of(items: &[Item<'a>]) -> Self {
        let mut order: Vec<Item<'a>> = items.to_vec();
        // Stable, and made for lists that are sorted in stretches.
        order.sort_by(|a, b| path::tree_order(a.path, b.path));
        let mut nodes = Vec::with_capacity(items.len() + 1);
        nodes.push(Node::new(&[], 0, 0));
        let mut way = vec![0];
        for item in order {
            hang(&mut nodes, &mut way, item);
        }
        let children = link(&mut nodes);
        Self { nodes, children }
    }

    /// How many nodes there are, the root included: at least one.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// How many paths there are: the nodes without the root.
    pub fn path_count(&self) -> u64 {
        self.nodes.len() as u64 - 1
    }

    pub(super) fn path(&self, node: usize) -> &'a [u8] {
        self.nodes[node].path
    }

    pub(super) fn name(&self, node: usize) -> &'a [u8] {
        let node = &self.nodes[node];
        &node.path[node.name..]
    }

    pub(super) fn content(&self, node: usize) -> &'a [u8] {
        self.nodes[node].content
    }

    pub(super) fn parent(&self, node: usize) -> usize {
        self.nodes[node].parent
    }

    /// In the order of their names.
    pub(super) fn children(&self, node: usize) -> &[usize] {
        let node = &self.nodes[node];
        &self.children[node.first_child..node.first_child + node.child_count]
    }

    /// How many paths lie below a node.
    pub(super) fn below(&self, node: usize) -> usize {
        self.nodes[node].size - 1
    }

    /// A node and all below it.
    pub(super) fn subtree(&self, node: usize) -> Range<usize> {
        node..node + self.nodes[node].size
    }
}

impl<'a> Node<'a> {
    fn new(path: &'a [u8], name: usize, parent: usize) -> Self {
        Self { path, name, parent, size: 1, first_child: 0, child_count: 0, content: &[] }
    }
}

/// Adds an item behind all that come before it in the order of the tree, and the directories on the
/// way to it. `way` leads from the root to the node added last.
fn hang<'a>(nodes: &mut Vec<Node<'a>>, way: &mut Vec<usize>, item: Item<'a>) {
    let path = item.path;
    let shared = way.last().map_or(0, |last| path::shared_bytes(nodes[*last].path, path));
    let is_on_way = |above: &[u8]| {
        above.is_empty()
            || above.len() <= shared && matches!(path.get(above.len()), None | Some(b'/'))
    };
    while way.last().is_some_and(|node| !is_on_way(nodes[*node].path)) {
        way.pop();
    }
    let mut above = way.last().copied().unwrap_or_default();
    loop {
        let done = nodes[above].path.len();
        if done == path.len() {
            break;
        }
        let name = if done == 0 { 0 } else { done + 1 };
        let rest = path.get(name..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'/').map_or(path.len(), |at| name + at);
        nodes.push(Node::new(&path[..end], name, above));
        above = nodes.len() - 1;
        way.push(above);
    }
    nodes[above].content = item.content;
}

/// Counts subtrees and lists children.
fn link(nodes: &mut [Node<'_>]) -> Vec<usize> {
    for node in (1..nodes.len()).rev() {
        let (parent, size) = (nodes[node].parent, nodes[node].size);
        nodes[parent].size += size;
        nodes[parent].child_count += 1;
    }
    let mut start = 0;
    let mut next = Vec::with_capacity(nodes.len());
    for node in &mut *nodes {
        node.first_child = start;
        next.push(start);
        start += node.child_count;
    }
    let mut children = vec![0; start];
    for (node, it) in nodes.iter().enumerate().skip(1) {
        children[next[it.parent]] = node;
        next[it.parent] += 1;
    }
    children
}

#[cfg(test)]
mod tests {
    use super::super::testing::{items, paths};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_tree_has_every_path_and_what_is_above_it(paths in paths()) {
            let tree = Tree::of(&items(&paths));
            let mut expected = BTreeSet::from([vec![]]);
            for path in paths.keys() {
                let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
                expected.extend((1..=parts.len()).map(|count| parts[..count].join(&b'/')));
            }
            let nodes: BTreeSet<Vec<u8>> =
                (0..tree.len()).map(|node| tree.path(node).to_vec()).collect();
            prop_assert_eq!(&nodes, &expected);
            prop_assert_eq!(tree.len(), expected.len());
            for node in 0..tree.len() {
                let path = tree.path(node);
                let is_below = |other: &&Vec<u8>| path::is_below(other, path);
                let below = expected.iter().filter(|it| path.is_empty() || is_below(it)).count();
                let below = if path.is_empty() { expected.len() - 1 } else { below };
                prop_assert_eq!(tree.below(node), below);
                prop_assert_eq!(tree.content(node), paths.get(path).map_or(&[][..], |it| it));
                let names: Vec<&[u8]> =
                    tree.children(node).iter().map(|child| tree.name(*child)).collect();
                prop_assert!(names.is_sorted());
                for child in tree.children(node) {
                    prop_assert_eq!(tree.parent(*child), node);
                    let (above, name) = path::split_name(tree.path(*child));
                    prop_assert_eq!((above, name), (path, tree.name(*child)));
                }
            }
        }
    }

    #[test]
    fn the_order_of_bytes_is_not_that_of_the_tree() {
        let list = ["a", "a-b", "a/b", "a/b.c", "a/b/c"].map(|path| (path.into(), vec![]));
        let list = list.into();
        let tree = Tree::of(&items(&list));
        let paths: Vec<&str> =
            (0..tree.len()).map(|node| std::str::from_utf8(tree.path(node)).unwrap()).collect();
        assert_eq!(paths, ["", "a", "a/b", "a/b/c", "a/b.c", "a-b"]);
        assert_eq!(tree.subtree(1), 1..5);
    }

    #[test]
    fn deep_paths_need_no_stack() {
        let path = vec![&b"x"[..]; 20_000].join(&b'/');
        let list = [(path, vec![])].into();
        let tree = Tree::of(&items(&list));
        assert_eq!((tree.len(), tree.below(0), tree.below(19_999)), (20_001, 20_000, 1));
    }
}
