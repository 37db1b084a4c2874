//! The paths that only one side has as a tree, with the directories on the way.

use super::{Item, number};
use crate::path;
use std::cmp::Ordering;
use std::ops::Range;

/// No node, no item.
pub(super) const NONE: u32 = u32::MAX;

/// The root of every tree.
pub(super) const ROOT: u32 = 0;

/// Nodes in preorder, children by name.
pub(super) struct Tree<'a> {
    pub(super) items: &'a [Item<'a>],
    pub(super) nodes: Vec<Node>,
    // The children of all nodes, those of one side by side: `first_child[i]..first_child[i + 1]`.
    children: Vec<u32>,
    first_child: Vec<u32>,
    // How many of the nodes before each are items.
    items_before: Vec<u32>,
}

pub(super) struct Node {
    pub(super) parent: u32,
    /// The first node behind all that is below.
    pub(super) end: u32,
    /// The item at this path, [`NONE`] if it is only on the way to one.
    pub(super) item: u32,
    /// Whether it is a directory, or something is below it.
    pub(super) is_directory: bool,
    // Its path is the beginning of that of an item.
    source: u32,
    len: u32,
}

impl<'a> Tree<'a> {
    /// O(n log n) comparisons; a path that comes twice counts once.
    pub(super) fn new(items: &'a [Item<'a>]) -> Self {
        let mut order: Vec<u32> = (0..number(items.len())).collect();
        order.sort_by(|a, b| by_names(items[*a as usize].path, items[*b as usize].path));
        let root =
            Node { parent: NONE, end: 0, item: NONE, is_directory: true, source: NONE, len: 0 };
        let mut tree = Self {
            items,
            nodes: vec![root],
            children: Vec::new(),
            first_child: Vec::new(),
            items_before: Vec::new(),
        };
        let mut above = vec![ROOT];
        for item in order {
            tree.insert(item, &mut above);
        }
        tree.close(&mut above, 0);
        tree.number();
        tree
    }

    /// Puts a path behind all before; `above` are the nodes from the root down to the last one.
    fn insert(&mut self, item: u32, above: &mut Vec<u32>) {
        let whole = self.items[item as usize].path;
        if whole.is_empty() {
            return;
        }
        let is_above = |node: &u32| {
            let path = self.path(*node);
            path == whole || path::is_below(whole, path)
        };
        let kept = above.iter().position(|node| !is_above(node)).unwrap_or(above.len());
        self.close(above, kept);
        loop {
            let parent = *above.last().unwrap_or(&ROOT);
            let done = self.nodes[parent as usize].len as usize;
            if done == whole.len() {
                break;
            }
            let start = if done == 0 { 0 } else { done + 1 };
            let rest = &whole[start..];
            let len = start + rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
            let is_last = len == whole.len();
            let node = Node {
                parent,
                end: 0,
                item: if is_last { item } else { NONE },
                is_directory: !is_last || self.items[item as usize].is_directory,
                source: item,
                len: number(len),
            };
            self.nodes[parent as usize].is_directory = true;
            above.push(number(self.nodes.len()));
            self.nodes.push(node);
        }
    }

    fn close(&mut self, above: &mut Vec<u32>, kept: usize) {
        for node in above.drain(kept..) {
            self.nodes[node as usize].end = number(self.nodes.len());
        }
    }

    fn number(&mut self) {
        let mut first = vec![0; self.nodes.len() + 1];
        for node in &self.nodes[1..] {
            first[node.parent as usize + 1] += 1;
        }
        let mut sum = 0;
        for count in &mut first {
            sum += *count;
            *count = sum;
        }
        let mut next = first.clone();
        self.children = vec![0; self.nodes.len() - 1];
        for (at, node) in self.nodes.iter().enumerate().skip(1) {
            let place = &mut next[node.parent as usize];
            self.children[*place as usize] = number(at);
            *place += 1;
        }
        self.first_child = first;
        let mut before = 0;
        self.items_before = vec![0];
        for node in &self.nodes {
            before += u32::from(node.item != NONE);
            self.items_before.push(before);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn ids(&self) -> Range<u32> {
        0..number(self.nodes.len())
    }

    pub(super) fn node(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    pub(super) fn path(&self, node: u32) -> &'a [u8] {
        let node = self.node(node);
        match self.items.get(node.source as usize) {
            Some(item) => &item.path[..node.len as usize],
            None => &[],
        }
    }

    pub(super) fn name(&self, node: u32) -> &'a [u8] {
        let start = match self.node(node).parent {
            NONE | ROOT => 0,
            parent => self.node(parent).len as usize + 1,
        };
        &self.path(node)[start..]
    }

    pub(super) fn parent(&self, node: u32) -> u32 {
        self.node(node).parent
    }

    pub(super) fn item(&self, node: u32) -> Option<&'a Item<'a>> {
        self.items.get(self.node(node).item as usize)
    }

    pub(super) fn children(&self, node: u32) -> &[u32] {
        let at = node as usize;
        &self.children[self.first_child[at] as usize..self.first_child[at + 1] as usize]
    }

    /// The child of a name. O(log children).
    pub(super) fn child(&self, node: u32, name: &[u8]) -> Option<u32> {
        let children = self.children(node);
        let found = children.binary_search_by(|child| self.name(*child).cmp(name));
        found.ok().map(|at| children[at])
    }

    /// How many items there are at a node and below it.
    pub(super) fn items_below(&self, node: u32) -> u32 {
        let before = |at: u32| self.items_before[at as usize];
        before(self.node(node).end) - before(node)
    }
}

/// The order in which a directory stands right before what is in it.
fn by_names(a: &[u8], b: &[u8]) -> Ordering {
    let common = a.iter().zip(b).position(|(x, y)| x != y);
    match common {
        None => a.len().cmp(&b.len()),
        Some(at) => match (a[at], b[at]) {
            (b'/', _) => Ordering::Less,
            (_, b'/') => Ordering::Greater,
            (x, y) => x.cmp(&y),
        },
    }
}
