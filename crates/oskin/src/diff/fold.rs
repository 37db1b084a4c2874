//! The tree of what differs, folded so that it fits a screen: a directory where all the same happened is one line.

use super::walk::{Change, Class, ClassCount};
use crate::path::{is_below, tree_order};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What happened in a directory and below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollup {
    /// How many paths of each class, in the order of [`Class::ALL`].
    pub counts: [ClassCount; Class::ALL.len()],
}

impl Rollup {
    fn add(&mut self, change: &Change<'_>) {
        self.counts[change.class as usize].add(change);
    }

    fn merge(&mut self, other: &Self) {
        for (count, other) in self.counts.iter_mut().zip(&other.counts) {
            count.merge(other);
        }
    }

    /// How many paths of a class.
    pub const fn count(&self, class: Class) -> ClassCount {
        self.counts[class as usize]
    }

    /// All paths.
    pub fn paths(&self) -> u64 {
        self.counts.iter().map(|count| count.paths()).sum()
    }

    /// Bytes that came or went: those of both sides together.
    pub fn bytes(&self) -> u64 {
        let sums = self.counts.iter().map(|count| count.bytes[0].saturating_add(count.bytes[1]));
        sums.fold(0, u64::saturating_add)
    }

    /// The one class of all its paths, if it is one.
    pub fn only_class(&self) -> Option<Class> {
        let mut found = Class::ALL.into_iter().filter(|class| self.count(*class).paths() > 0);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}

/// A line of the folded tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line<'a> {
    /// How many lines are above it in the tree; 0 for those below the root.
    pub depth: usize,
    /// The path of the file or directory, empty only for what is not shown of the root.
    pub path: &'a [u8],
    /// What of the path the line above does not say.
    pub name: &'a [u8],
    /// What it stands for.
    pub what: What<'a>,
}

/// What a line stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What<'a> {
    /// One path.
    Entry(&'a Change<'a>),
    /// A directory with all that differs below and, where it differs itself, with it; `true` if lines for it follow.
    Directory(Rollup, bool),
    /// What else is in the directory of the line above: so many lines with so much.
    Rest(usize, Rollup),
}

#[derive(Debug)]
struct Node<'a> {
    path: &'a [u8],
    /// The change of the path itself.
    change: Option<&'a Change<'a>>,
    rollup: Rollup,
    children: Vec<usize>,
}

/// The tree of changes.
#[derive(Debug)]
pub struct Tree<'a> {
    // The root first; each node before those below it.
    nodes: Vec<Node<'a>>,
}

impl<'a> Tree<'a> {
    /// Hangs changes below their directories. O(n log n), nearly O(n) for changes in the order of bytes.
    pub fn of(changes: &'a [Change<'a>]) -> Self {
        let mut order: Vec<&'a Change<'a>> = changes.iter().collect();
        order.sort_by(|a, b| tree_order(a.path, b.path));
        let mut tree = Self { nodes: vec![Node::of(b"")] };
        let mut above = vec![0];
        for change in order {
            while !is_above(tree.nodes[above[above.len() - 1]].path, change.path) {
                above.pop();
            }
            let known = tree.nodes[above[above.len() - 1]].path.len();
            let behind = if known == 0 { 0 } else { known + 1 };
            let slashes = memchr::memchr_iter(b'/', &change.path[behind..]);
            for end in slashes.map(|slash| behind + slash).chain([change.path.len()]) {
                let node = tree.nodes.len();
                tree.nodes.push(Node::of(&change.path[..end]));
                tree.nodes[above[above.len() - 1]].children.push(node);
                above.push(node);
            }
            let last = tree.nodes.len() - 1;
            tree.nodes[last].change = Some(change);
            tree.nodes[last].rollup.add(change);
        }
        tree.roll_up();
        tree
    }

    fn roll_up(&mut self) {
        for node in (0..self.nodes.len()).rev() {
            let mut sum = self.nodes[node].rollup;
            for child in &self.nodes[node].children {
                sum.merge(&self.nodes[*child].rollup);
            }
            self.nodes[node].rollup = sum;
        }
    }

    /// What happened in all.
    pub fn rollup(&self) -> &Rollup {
        &self.nodes[0].rollup
    }

    /// At most so many lines; none if not even two fit. What has most in it is opened first, as long as there is room. A directory where all
    /// is of one class stays closed; one that holds but one line is told with it. `usize::MAX` shows every change.
    pub fn lines(&self, most: usize) -> Vec<Line<'a>> {
        let mut shown = vec![0; self.nodes.len()];
        let mut open = BinaryHeap::new();
        let mut left = most;
        open.push(self.candidate(0));
        while let Some((_, Reverse(node))) = open.pop() {
            let children = self.nodes[node].children.len();
            // A line less may be opened than there is room for: the rest takes one.
            let count = if children <= left { children } else { left.saturating_sub(1) };
            if count == 0 {
                continue;
            }
            shown[node] = count;
            left = left.saturating_sub(if count < children { count + 1 } else { count });
            for child in &self.largest(node)[..count] {
                let end = self.skip(*child);
                if !self.is_closed(end, most) {
                    open.push(self.candidate(end));
                }
            }
        }
        let mut lines = Vec::new();
        self.write(0, 0, &shown, &mut lines);
        lines
    }

    fn candidate(&self, node: usize) -> (u64, Reverse<usize>) {
        (self.nodes[node].rollup.paths(), Reverse(node))
    }

    /// Whether nothing is gained by opening it.
    fn is_closed(&self, node: usize, most: usize) -> bool {
        let it = &self.nodes[node];
        it.children.is_empty() || most != usize::MAX && it.rollup.only_class().is_some()
    }

    /// The children of a node, those with most in them first.
    fn largest(&self, node: usize) -> Vec<usize> {
        let mut children = self.nodes[node].children.clone();
        children.sort_by_key(|child| (Reverse(self.nodes[*child].rollup.paths()), *child));
        children
    }

    /// The first directory, from this one down, that holds more than one line.
    fn skip(&self, node: usize) -> usize {
        let mut node = node;
        while let (None, [only]) = (self.nodes[node].change, &self.nodes[node].children[..]) {
            node = *only;
        }
        node
    }

    fn write(&self, node: usize, depth: usize, shown: &[usize], lines: &mut Vec<Line<'a>>) {
        // A stack of its own: paths may be a thousand names deep.
        enum Step {
            Node(usize, usize, usize),
            Rest(usize, usize),
        }
        let mut steps = Vec::new();
        let push = |steps: &mut Vec<Step>, node: usize, depth: usize| {
            let (count, children) = (shown[node], &self.nodes[node].children);
            if count == 0 {
                return;
            }
            if count < children.len() {
                steps.push(Step::Rest(node, depth));
            }
            let mut first = self.largest(node);
            first.truncate(count);
            first.sort_unstable();
            steps.extend(first.into_iter().rev().map(|child| Step::Node(child, node, depth)));
        };
        push(&mut steps, node, depth);
        while let Some(step) = steps.pop() {
            match step {
                Step::Node(child, parent, depth) => {
                    let end = self.skip(child);
                    lines.push(self.line(end, parent, depth, shown[end] > 0));
                    push(&mut steps, end, depth + 1);
                }
                Step::Rest(node, depth) => {
                    let rest = self.largest(node).split_off(shown[node]);
                    let mut rollup = Rollup::default();
                    for child in &rest {
                        rollup.merge(&self.nodes[*child].rollup);
                    }
                    let what = What::Rest(rest.len(), rollup);
                    lines.push(Line { depth, path: self.nodes[node].path, name: b"", what });
                }
            }
        }
    }

    fn line(&self, node: usize, parent: usize, depth: usize, is_open: bool) -> Line<'a> {
        let it = &self.nodes[node];
        let above = self.nodes[parent].path.len();
        let name = &it.path[if above == 0 { 0 } else { above + 1 }..];
        let what = match it.change {
            Some(change) if it.children.is_empty() => What::Entry(change),
            _ => What::Directory(it.rollup, is_open),
        };
        Line { depth, path: it.path, name, what }
    }
}

impl<'a> Node<'a> {
    fn of(path: &'a [u8]) -> Self {
        Self { path, change: None, rollup: Rollup::default(), children: Vec::new() }
    }
}

/// Whether a path lies below another; all lies below the root.
fn is_above(directory: &[u8], path: &[u8]) -> bool {
    directory.is_empty() || is_below(path, directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Entry, EntryKind};
    use proptest::prelude::*;

    fn changes(rows: &[(&'static str, Class)]) -> Vec<Change<'static>> {
        let mut all: Vec<Change<'static>> = rows
            .iter()
            .map(|(path, class)| {
                let entry = Entry::bare(path.as_bytes(), EntryKind::File);
                let left = (*class != Class::Added).then_some(entry);
                let right = (*class != Class::Removed).then_some(entry);
                let (volatile, has_other_mode) = (None, false);
                Change { path: entry.path, class: *class, left, right, volatile, has_other_mode }
            })
            .collect();
        all.sort_by_key(|change| change.path);
        all
    }

    fn shown(tree: &Tree<'_>, most: usize) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let told = |line: Line<'_>| {
            let what = match line.what {
                What::Entry(change) => change.class.mark().to_string(),
                What::Directory(rollup, is_open) => {
                    format!("/ {}{}", rollup.paths(), if is_open { "" } else { " closed" })
                }
                What::Rest(lines, rollup) => format!("... {lines} with {}", rollup.paths()),
            };
            format!("{}{} {what}", "  ".repeat(line.depth), text(line.name))
        };
        tree.lines(most).into_iter().map(told).collect()
    }

    #[test]
    fn what_is_all_of_one_class_is_one_line_and_single_names_are_joined() {
        let all = changes(&[
            ("etc/passwd", Class::Content),
            ("opt/app/a", Class::Added),
            ("opt/app/b/c", Class::Added),
            ("usr/lib-x", Class::Removed),
            ("usr/lib/a", Class::Content),
            ("usr/lib/b", Class::Mode),
        ]);
        let tree = Tree::of(&all);
        assert_eq!(
            shown(&tree, 40),
            [
                "etc/passwd ~",
                "opt/app / 2 closed",
                "usr / 3",
                "  lib / 2",
                "    a ~",
                "    b m",
                "  lib-x -",
            ]
        );
        assert_eq!(shown(&tree, 2), ["usr / 3 closed", " ... 2 with 3"]);
        assert_eq!(shown(&tree, 0), Vec::<String>::new());
        assert_eq!(shown(&tree, usize::MAX).len(), 9);
        assert_eq!(tree.rollup().paths(), 6);
    }

    proptest! {
        #[test]
        fn every_change_is_counted_once_in_the_room_there_is(
            rows in proptest::collection::btree_map(
                proptest::sample::select(vec!["a", "a/b", "a/b/c", "a-b", "a-b/c", "d/e/f", "d/e/g", "d/h", "i"]),
                proptest::sample::select(vec![Class::Added, Class::Removed, Class::Content]),
                0..9,
            ),
            most in 0_usize..12,
        ) {
            let rows: Vec<(&'static str, Class)> = rows.into_iter().collect();
            let all = changes(&rows);
            let tree = Tree::of(&all);
            let lines = tree.lines(most);
            prop_assert!(lines.len() <= most.max(1), "{:?}", lines);
            // Closed lines and entries share the changes out; an open directory may be a change itself.
            let counted: u64 = lines.iter().map(|line| match line.what {
                What::Entry(_) => 1,
                What::Directory(rollup, is_open) if !is_open => rollup.paths(),
                What::Directory(..) => u64::from(rows.iter().any(|(path, _)| path.as_bytes() == line.path)),
                What::Rest(_, rollup) => rollup.paths(),
            }).sum();
            let expected = if lines.is_empty() { 0 } else { rows.len() as u64 };
            prop_assert_eq!(counted, expected);
            for line in &lines {
                prop_assert!(!line.path.is_empty() || line.depth == 0);
                prop_assert!(line.path.ends_with(line.name));
            }
            let every = tree.lines(usize::MAX);
            let entries = every.iter().filter(|line| matches!(line.what, What::Entry(_))).count();
            prop_assert!(entries <= rows.len());
        }
    }
}
