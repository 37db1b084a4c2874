//! Judging the candidates of an image by paths and contents, where layers do not tell.

use super::edge::{Edge, EdgeKind, Kin, KinKind, Proof};
use super::graph::{Survey, UNSURE, WITHOUT_LAYERS};
use super::look::Look;
use super::parent::Candidate;
use crate::measure::Measure;
use crate::relation::{CHILD_CONTENT, Content, REBUILD_DICE};
use std::collections::BTreeMap;

/// The most that content can tell without layers: an image may hold all of another by chance.
const CONTENT_CONFIDENCE: f64 = 0.9;

impl Survey<'_> {
    /// The best candidate that nothing speaks against.
    pub(super) fn edge_by_paths(
        &self,
        child: u32,
        looks: &BTreeMap<(u32, u32), Look>,
        parents: &[Option<u32>],
        kin: &mut Vec<Kin>,
    ) -> Option<Edge> {
        let is_clear = self.candidates.parent(child).is_some();
        let mut refused = false;
        for &candidate in self.candidates.of(child) {
            let look = looks.get(&(candidate.image, child));
            if refused && look.is_none() {
                // What is nearer is refused, and of this one nothing more is known.
                return None;
            }
            let judged = match look {
                Some(look) if !is_clear => candidate.forgiving(look.counted_share()),
                _ => candidate,
            };
            if judged.score() <= 0.0 || self.stands_on(candidate.image, child, parents) {
                continue;
            }
            let content = look.and_then(|look| self.known_content(look));
            if content.is_none_or(|content| same_share(content) >= CHILD_CONTENT) {
                let deletions = look.filter(|_| !is_clear).map(|look| look.deletions);
                let by_paths = Proof::Paths { candidate, deletions };
                let pair = (candidate.image, child);
                let confidence = self.confidence(pair, judged, content, deletions);
                return Some(self.accept(child, (candidate, confidence), content, by_paths));
            }
            refused = true;
            if Measure::Dice.of(candidate.overlap) >= REBUILD_DICE {
                let images = [candidate.image.min(child), candidate.image.max(child)];
                kin.push(Kin { images, kind: KinKind::Rebuild });
            }
        }
        None
    }

    /// How the contents compare, where they count and are known.
    fn known_content(&self, look: &Look) -> Option<Content> {
        let content = look.comparison.content;
        let is_known = content.unknown == 0 && content.same + content.changed > 0;
        (self.chains.is_some() && is_known).then_some(content)
    }

    /// How sure a pair (candidate, child) is with all that is known of it.
    fn confidence(
        &self,
        (image, child): (u32, u32),
        judged: Candidate,
        content: Option<Content>,
        deletions: Option<u64>,
    ) -> f64 {
        let by_paths = judged.confidence();
        match content {
            // Contents do not tell these apart. What layers tell of an image holds for its twins.
            _ if !judged.has_direction()
                || self.parts_ways(image, child)
                || self.parts_ways(image, self.candidates.first_twin(child)) =>
            {
                by_paths.min(UNSURE)
            }
            // What paths do not prove contents do, but for an image that merely holds them.
            Some(content) => {
                let above = (same_share(content) - CHILD_CONTENT) / (1.0 - CHILD_CONTENT);
                let sure = 1.0 - (1.0 - by_paths) * (1.0 - CONTENT_CONFIDENCE * above);
                sure.min(WITHOUT_LAYERS)
            }
            // Counting deletions is a second chance.
            None if deletions.is_some() => by_paths.min(UNSURE),
            None => by_paths,
        }
    }

    /// The edge to a candidate.
    fn accept(
        &self,
        child: u32,
        (candidate, confidence): (Candidate, f64),
        content: Option<Content>,
        by_paths: Proof,
    ) -> Edge {
        let changed = content.map_or(0, |content| content.changed);
        let kind = match candidate.overlap.left_only + changed {
            0 if confidence <= UNSURE => EdgeKind::ContainedIn,
            0 => EdgeKind::Parent,
            _ => EdgeKind::ChildWithEdits,
        };
        let by_content = content.map(|it| Proof::Content { same: it.same, changed: it.changed });
        let is_best = self.candidates.parent(child) == Some(candidate);
        let near = self.candidates.as_good(child).filter(|_| is_best);
        Edge {
            parent: candidate.image,
            child,
            kind,
            confidence,
            proofs: by_content.into_iter().chain([by_paths]).collect(),
            alternatives: near.map(|other| other.image).collect(),
        }
    }

    /// Whether `image` stands on `child` by the edges so far: then it is not its parent.
    fn stands_on(&self, image: u32, child: u32, parents: &[Option<u32>]) -> bool {
        let twin = self.candidates.first_twin(child);
        let mut next = Some(image);
        // No way is longer than there are images.
        for _ in 0..=parents.len() {
            match next {
                Some(image) if self.candidates.first_twin(image) == twin => return true,
                Some(image) => next = parents[image as usize],
                None => return false,
            }
        }
        true
    }

    /// Whether two images stand on the same layer and then part: then neither has the other as base,
    /// unless it was flattened to that layer.
    fn parts_ways(&self, image: u32, child: u32) -> bool {
        let Some(chains) = self.chains else { return false };
        let [ours, theirs] = [image, child].map(|image| &chains[image as usize].full);
        let same_base = !ours.is_empty() && ours.first() == theirs.first();
        // A twin of the child may well stand on the image.
        same_base && !theirs.starts_with(ours)
    }
}

/// The share of the files that both have with the same content.
fn same_share(content: Content) -> f64 {
    content.same as f64 / (content.same + content.changed).max(1) as f64
}
