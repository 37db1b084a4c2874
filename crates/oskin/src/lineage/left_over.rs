//! Images that are what is left of another: a clean-up deleted much and added next to nothing.
//!
//! Such a child is smaller than its parent and is contained in it, so by paths it looks like the
//! parent's own base. Three things together tell the two apart, and only where contents are known:
//! what the larger one has more is as widespread as what both have, so that it is no addition of
//! somebody's own ([`Candidate::confidence`] is at most 0.5 there); all contents of the smaller one
//! are those of the larger; and the record of installed packages is the very same, so that the
//! larger one did not come about by installing any ([`Look::is_left_over`]). It remains a guess.

use super::edge::{Edge, EdgeKind, Proof};
use super::graph::{LOOKS, Survey, UNSURE};
use super::look::Look;
use super::parent::{Candidate, Candidates};
use std::collections::BTreeMap;

/// What is left of an image may have so many times as much that the image has not, before entries are
/// looked at: one file in twenty.
const LEAST_KEPT: u64 = 20;

/// For each image that no candidate is clearly the parent of those larger ones that it may be left
/// of, the nearest first: images of which it is a candidate itself.
pub(super) fn larger(candidates: &Candidates) -> BTreeMap<u32, Vec<u32>> {
    let mut larger: BTreeMap<u32, Vec<(u64, u32)>> = BTreeMap::new();
    for image in (0..).take(candidates.len()) {
        for it in candidates.of(image) {
            let is_inside = it.overlap.left_only * LEAST_KEPT <= it.overlap.common;
            let is_open = candidates.parent(it.image).is_none();
            if is_inside && is_open && !it.has_direction() && candidates.first_twin(image) == image
            {
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
