//! Judging the candidates of an image by paths and contents, where layers do not tell.

use super::edge::{Edge, EdgeKind, Kin, KinKind, Proof};
use super::graph::{LOOKS, Survey, UNSURE, WITHOUT_LAYERS};
use super::look::Look;
use super::parent::Candidate;
use crate::measure::Measure;
use crate::path_set::PathSet;
use crate::relation::{CHILD_CONTENT, Comparison, REBUILD_DICE};
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
        if let Some(edge) = self.edge_to_larger(child, looks, parents) {
            return Some(edge);
        }
        let mut refused = false;
        for &ranked in self.candidates.of(child) {
            let candidate = self.best_twin(ranked, child, looks);
            let look = looks.get(&(candidate.image, child));
            if refused && look.is_none() {
                // What is nearer is refused, and of this one nothing more is known.
                return None;
            }
            let judged = match look {
                Some(look) if !is_clear => candidate.forgiving(look.counted_share()),
                _ => candidate,
            };
            if judged.score() <= 0.0
                || self.stands_on(candidate.image, child, parents)
                || self.is_left_over(candidate, child, looks)
                || self.is_beside(candidate.image, child)
            {
                continue;
            }
            let content = look.and_then(|look| self.known_content(look));
            let same = content.and_then(Comparison::same_content);
            if same.is_none_or(|same| same >= CHILD_CONTENT) {
                let deletions = look.filter(|_| !is_clear).map(|look| look.deletions);
                let by_paths = Proof::Paths { candidate, deletions };
                let pair = (candidate.image, child);
                let confidence = self.confidence(pair, judged, same, deletions);
                if self.part(pair) {
                    kin.push(Kin::of(pair, KinKind::Sibling));
                }
                let is_best = self.candidates.parent(child) == Some(ranked);
                let found = (candidate, confidence, is_best);
                return Some(self.accept(child, found, content, by_paths));
            }
            refused = true;
            if Measure::Dice.of(candidate.overlap) >= REBUILD_DICE {
                kin.push(Kin::of((candidate.image, child), kind_of(content)));
            }
        }
        None
    }

    /// Of a candidate and the images with the same files the one that has most contents of the child; of
    /// equals the first.
    fn best_twin(
        &self,
        candidate: Candidate,
        child: u32,
        looks: &BTreeMap<(u32, u32), Look>,
    ) -> Candidate {
        let same = |image: u32| {
            let look = looks.get(&(image, child))?;
            self.known_content(look)?.same_content()
        };
        let all = self.with_twins_of(candidate.image);
        let best = all.filter_map(|image| Some((image, same(image)?)));
        // The first of the best, so a later one has to be better.
        let best = best.reduce(|best, other| if other.1 > best.1 { other } else { best });
        best.map_or(candidate, |(image, _)| Candidate { image, ..candidate })
    }

    /// Whether a candidate stands on layers of another image, and the child has of the two only what that
    /// one has: nothing of what the candidate adds to it, and at least half of what it deletes. Then the
    /// child is no child of the candidate, but at most another build of what both come from.
    fn is_beside(&self, candidate: u32, child: u32) -> bool {
        let Some(base) = self.base_of(candidate).filter(|base| *base != child) else {
            return false;
        };
        let [base, candidate, child] =
            [base, candidate, child].map(|image| self.files[image as usize]);
        let deleted = base.difference(candidate);
        let has = |paths: &PathSet| paths.overlap(child).common;
        !deleted.is_empty()
            && 2 * has(&deleted) >= deleted.len()
            && has(&candidate.difference(base)) == 0
    }

    /// That an image without a parent is a sibling of the nearest candidate, or a rebuild of it, where
    /// it was not refused as such already.
    pub(super) fn sibling(
        &self,
        child: u32,
        looks: &BTreeMap<(u32, u32), Look>,
        kin: &mut Vec<Kin>,
    ) {
        let near = |it: &&Candidate| Measure::Dice.of(it.overlap) >= REBUILD_DICE;
        let Some(nearest) = self.candidates.of(child).iter().find(near) else { return };
        let content = looks.get(&(nearest.image, child)).and_then(|look| self.known_content(look));
        let found = Kin::of((nearest.image, child), kind_of(content));
        // What was found of this child stands at the end.
        if kin.iter().rev().take(LOOKS).all(|it| it.images != found.images) {
            kin.push(found);
        }
    }

    /// How the contents compare, where they count and are known.
    pub(super) fn known_content<'l>(&self, look: &'l Look) -> Option<&'l Comparison> {
        let is_known = look.comparison.same_content().is_some();
        (self.chains.is_some() && is_known).then_some(&look.comparison)
    }

    /// How sure a pair (candidate, child) is with all that is known of it.
    fn confidence(
        &self,
        (image, child): (u32, u32),
        judged: Candidate,
        same: Option<f64>,
        deletions: Option<u64>,
    ) -> f64 {
        let by_paths = judged.confidence();
        match same {
            // Contents do not tell these apart.
            _ if !judged.has_direction() || self.part((image, child)) => by_paths.min(UNSURE),
            // Both may have been left by clean-ups, and lost what the other lost.
            _ if deletions.is_some() && !self.larger_of(image).is_empty() => by_paths.min(UNSURE),
            // What paths do not prove contents do, but for an image that merely holds them.
            Some(same) => {
                let above = (same - CHILD_CONTENT) / (1.0 - CHILD_CONTENT);
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
        (candidate, confidence, is_best): (Candidate, f64, bool),
        content: Option<&Comparison>,
        by_paths: Proof,
    ) -> Edge {
        let changed = content.map_or(0, |it| it.content.changed);
        let kind = match candidate.overlap.left_only + changed {
            0 if confidence <= UNSURE => EdgeKind::ContainedIn,
            0 => EdgeKind::Parent,
            _ => EdgeKind::ChildWithEdits,
        };
        let by_content = content.map(by_content);
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
    pub(super) fn stands_on(&self, image: u32, child: u32, parents: &[Option<u32>]) -> bool {
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

    /// Whether a candidate and its child stand on the same layer and then part. What layers tell of an
    /// image holds for its twins.
    pub(super) fn part(&self, (image, child): (u32, u32)) -> bool {
        self.parts_ways(image, child) || self.parts_ways(image, self.candidates.first_twin(child))
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

/// What two images with nearly the same files are, neither of them a child of the other.
pub(super) fn kind_of(content: Option<&Comparison>) -> KinKind {
    match content.is_some_and(Comparison::is_rebuild) {
        true => KinKind::Rebuild,
        false => KinKind::Sibling,
    }
}

/// What a comparison of contents proves.
pub(super) fn by_content(comparison: &Comparison) -> Proof {
    let Comparison { content, aside, .. } = comparison;
    let aside = aside.changed + aside.left_only;
    Proof::Content { same: content.same, changed: content.changed, aside }
}
