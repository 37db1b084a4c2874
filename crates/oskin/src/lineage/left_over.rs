//! Images that are what is left of another: a clean-up deleted much and added next to nothing.
//!
//! Such a child is smaller than its parent and is contained in it, so by paths it looks like the
//! parent's own base. Three things together tell the two apart, and only where contents are known:
//! all contents of the smaller one are those of the larger; the record of installed packages is the
//! very same, so that the larger one did not come about by installing any ([`Look::is_left_over`]);
//! and the larger one has a nearer parent that the smaller one is no part of, or else what it has
//! more is as widespread as what both have, so that it is no addition of somebody's own. It remains
//! a guess, since a base may look like that too.

use super::edge::{Edge, EdgeKind, Proof};
use super::graph::{LOOKS, Survey, UNSURE};
use super::look::{LEFT_OVER, Look};
use super::parent::{Candidate, Candidates};
use crate::path_set::PathSet;
use std::collections::BTreeMap;

/// Of what is left of an image at most one file in so many is not in the image, before entries are
/// looked at.
pub(crate) const LEAST_KEPT: u64 = 20;

/// For each image that no candidate is clearly the parent of those larger ones that it may be left
/// of, the nearest first: images of which it is a candidate itself. O(candidates), and a comparison of
/// two sets for some.
pub(super) fn larger(candidates: &Candidates, files: &[&PathSet]) -> BTreeMap<u32, Vec<u32>> {
    let mut larger: BTreeMap<u32, Vec<(u64, u32)>> = BTreeMap::new();
    let is_no_part = |image: u32, of: u32| {
        let overlap = files[image as usize].overlap(files[of as usize]);
        overlap.left_only * LEFT_OVER > overlap.common
    };
    for image in (0..).take(candidates.len()).filter(|it| candidates.first_twin(*it) == *it) {
        for it in candidates.of(image) {
            let is_open = it.overlap.left_only * LEAST_KEPT <= it.overlap.common
                && candidates.parent(it.image).is_none();
            let nearer = candidates.parent(image).filter(|best| best.image != it.image);
            let is_no_base = || {
                !it.has_direction() || nearer.is_some_and(|best| is_no_part(it.image, best.image))
            };
            if is_open && is_no_base() {
                larger.entry(it.image).or_default().push((it.overlap.right_only, image));
            }
        }
    }
    let nearest = |mut images: Vec<(u64, u32)>| {
        images.sort_unstable();
        images.into_iter().take(LOOKS).map(|(_, image)| image).collect()
    };
    larger.into_iter().map(|(image, images)| (image, nearest(images))).collect()
}

impl Survey<'_> {
    /// The larger images that an image may be left of.
    pub(super) fn larger_of(&self, child: u32) -> &[u32] {
        let first = self.candidates.first_twin(child);
        self.larger.get(&first).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a candidate is what is left of what would be its child.
    pub(super) fn is_left_over(
        &self,
        candidate: Candidate,
        child: u32,
        looks: &BTreeMap<(u32, u32), Look>,
    ) -> bool {
        let first = self.candidates.first_twin(child);
        let look = looks.get(&(first, candidate.image));
        self.larger_of(candidate.image).contains(&first) && look.is_some_and(Look::is_left_over)
    }

    /// The larger image that a child is left of.
    pub(super) fn edge_to_larger(
        &self,
        child: u32,
        looks: &BTreeMap<(u32, u32), Look>,
        parents: &[Option<u32>],
    ) -> Option<Edge> {
        let judge = |&parent: &u32| {
            let look = looks.get(&(parent, child))?;
            let may_be = look.is_left_over()
                && !self.part((parent, child))
                && !self.stands_on(parent, child, parents);
            may_be.then_some((parent, look))
        };
        let (parent, look) = self.larger_of(child).iter().find_map(judge)?;
        let files = look.comparison.files;
        let left_over = Proof::LeftOver {
            kept: files.common,
            deleted: files.left_only,
            deletions: look.deletions,
            added: files.right_only,
        };
        Some(Edge {
            parent,
            child,
            kind: EdgeKind::ChildWithEdits,
            confidence: UNSURE,
            proofs: vec![super::judge::by_content(&look.comparison), left_over],
            alternatives: Vec::new(),
        })
    }
}
