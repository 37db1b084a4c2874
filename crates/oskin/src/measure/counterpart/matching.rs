//! Which node of one tree is the counterpart of which of the other: each has one at most.

use super::tree::{NONE, ROOT, Tree};

/// Pairs of nodes, as they are found.
pub(super) struct Matching<'t, 'a> {
    pub(super) left: &'t Tree<'a>,
    pub(super) right: &'t Tree<'a>,
    to_right: Vec<u32>,
    to_left: Vec<u32>,
}

impl<'t, 'a> Matching<'t, 'a> {
    /// Nothing but the roots is paired.
    pub(super) fn new(left: &'t Tree<'a>, right: &'t Tree<'a>) -> Self {
        let mut matching = Self {
            left,
            right,
            to_right: vec![NONE; left.len()],
            to_left: vec![NONE; right.len()],
        };
        matching.pair(ROOT, ROOT);
        matching
    }

    /// Makes two nodes a pair, unless one of them is of another.
    pub(super) fn pair(&mut self, left: u32, right: u32) {
        if self.is_free(left, right) {
            self.to_right[left as usize] = right;
            self.to_left[right as usize] = left;
        }
    }

    /// Makes pairs of nodes, one by one.
    pub(super) fn pair_all(&mut self, pairs: &[(u32, u32)]) {
        for (left, right) in pairs {
            self.pair(*left, *right);
        }
    }

    /// Whether both are without a counterpart.
    pub(super) fn is_free(&self, left: u32, right: u32) -> bool {
        self.to_right[left as usize] == NONE && self.to_left[right as usize] == NONE
    }

    /// The counterpart of a left node.
    pub(super) fn right_of(&self, left: u32) -> Option<u32> {
        Some(self.to_right[left as usize]).filter(|it| *it != NONE)
    }

    /// The counterpart of a right node.
    pub(super) fn left_of(&self, right: u32) -> Option<u32> {
        Some(self.to_left[right as usize]).filter(|it| *it != NONE)
    }

    /// Those of the left nodes that have no counterpart.
    pub(super) fn free_left<'s>(&'s self, nodes: &'s [u32]) -> impl Iterator<Item = u32> + 's {
        nodes.iter().copied().filter(|it| self.right_of(*it).is_none())
    }

    /// Those of the right nodes that have no counterpart.
    pub(super) fn free_right<'s>(&'s self, nodes: &'s [u32]) -> impl Iterator<Item = u32> + 's {
        nodes.iter().copied().filter(|it| self.left_of(*it).is_none())
    }

    /// The left items without a counterpart, in preorder.
    pub(super) fn left_rest(&self) -> impl Iterator<Item = u32> + '_ {
        self.left.ids().filter(|it| self.left.item(*it).is_some() && self.right_of(*it).is_none())
    }

    /// The right items without a counterpart, in preorder.
    pub(super) fn right_rest(&self) -> impl Iterator<Item = u32> + '_ {
        self.right.ids().filter(|it| self.right.item(*it).is_some() && self.left_of(*it).is_none())
    }
}
