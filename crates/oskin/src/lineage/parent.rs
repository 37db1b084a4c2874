//! The parent of an image by paths alone.
//!
//! Of the candidates with fewer files than the child, the parent is the one with the highest
//!
//! ```text
//! score(candidate, child) = sum over shared paths of 1/df - LAMBDA * sum over missing paths of 1/df
//! ```
//!
//! where `df` counts the *other* images that have the path (images with the same paths count once,
//! the child and its twins not at all), a path is *missing* if the candidate has it and the child
//! has not, and only files are looked at. Below 0 the answer is "none". Rare paths decide: they tell
//! the parent from its siblings, while what a whole distribution shares tells nothing.
//!
//! Dice, the measure of the founding text, is the wrong one here: a child that adds much is far from
//! its parent and near to its siblings. On the official images of January 2017 the nearest image by
//! Dice is the parent of one child in four; by this rule it is 58 of 59.
//!
//! **How all pairs are scored at once.** Let `U` weigh a set by `1 / (df - 1)` and `V` by `1 / df`,
//! `df` now counting all images. A shared path has `df - 1` other images, a missing one `df`, so with
//! `G = U + LAMBDA V`
//!
//! ```text
//! score(a, b) = U(a and b) - LAMBDA (V(a) - V(a and b)) = G(a and b) - LAMBDA V(a)
//! ```
//!
//! and one weighted triangle of [`Rows`] scores everything, exactly, in integers. Cost: that of all
//! pairs, and O(runs) for each candidate that is kept.

use super::weights::{ONE, RunWeights, Sums, Weights};
use crate::measure::{Family, Rows, find_relatives};
use crate::path_set::{Overlap, PathSet};
use crate::relation::MIN_FILES;
use rayon::prelude::*;
use std::cmp::Reverse;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

/// How many shared paths a missing one outweighs, where both are equally rare.
///
/// Anything from 30 to 150 decides alike on the listings of 2017; 75 is from the middle, and loses
/// fewest parents when half a percent of a child's paths is deleted.
pub const LAMBDA: u64 = 75;

/// How many candidates are kept for each child.
pub(crate) const KEPT: usize = 4;

/// So many paths are half of what can be known of a pair by its paths.
const HALF_KNOWN: f64 = 800.0;

/// A path that the child adds speaks as much as so many that it shares.
const ADDED_WEIGHT: f64 = 10.0;

/// Paths that fewer than five other images have tell nothing of who was first.
const FEW: f64 = 0.2;

/// Paths are as widespread as others if these are, in the harmonic mean, at least so rare to them.
const AS_RARE: f64 = 0.75;

/// A candidate whose score is this share of the best is as good.
const NEAR: f64 = 0.98;

/// An image that another may be built from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Its number; of twins, the first.
    pub image: u32,
    /// What it (left) shares with the child (right), in files.
    pub overlap: Overlap,
    /// The shared paths, each one over the number of other images that have it.
    pub shared: f64,
    /// The missing paths in the same way.
    pub missing: f64,
    /// What the child adds in the same way; a path that no other image has counts 1.
    pub added: f64,
}

impl Candidate {
    /// Shared less [`LAMBDA`] times missing: above 0 the candidate may be the parent.
    pub fn score(&self) -> f64 {
        self.shared - LAMBDA as f64 * self.missing
    }

    /// How sure it is that the candidate is the parent, in `0..=1`, if it is the best and scores
    /// above 0; 0 if it does not.
    ///
    /// The share of the score that missing paths leave, times `n / (n + 800)` with
    /// `n = shared paths + 10 * added paths`: a small system is soon contained in another version of
    /// itself. Grows with the margin. Calibrated on the listings of 2017 and the sample family: of
    /// all 67 true parents the share left was at least 0.85, of wrong ones that lack a path at most
    /// 0.46; and on listings of 46 releases of distributions, none of which is another's parent: all
    /// of the 14 that paths alone take for one stay below 0.5. At most 0.5 where the direction is not
    /// clear: what the child adds is in many images, and in nearly all that have the candidate, so
    /// that the candidate may as well be the child, and have lost it. An image that holds all of another
    /// without being built from it cannot be told from a child, and is as sure as one.
    pub fn confidence(&self) -> f64 {
        if self.shared <= 0.0 {
            return 0.0;
        }
        let left = (self.score() / self.shared).max(0.0);
        let known = self.overlap.common as f64 + ADDED_WEIGHT * self.overlap.right_only as f64;
        let confidence = left * known / (known + HALF_KNOWN);
        if self.has_direction() { confidence } else { confidence.min(0.5) }
    }

    /// Whether what the child adds is rarer than what it shares, or in few images at all: others,
    /// built on the candidate, would lack it.
    pub(super) fn has_direction(&self) -> bool {
        let each = |sum: f64, count: u64| sum / count.max(1) as f64;
        let added = each(self.added, self.overlap.right_only);
        added > FEW || each(self.shared, self.overlap.common) < AS_RARE * added
    }

    /// The same candidate, were only this share of what it lacks missing.
    #[must_use]
    pub fn forgiving(self, share: f64) -> Self {
        Self { missing: self.missing * share, ..self }
    }
}

/// For each image the best candidates to be its parent.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// The first image with the same files, of each.
    firsts: Vec<u32>,
    /// Of the first of each group.
    of: Vec<Vec<Candidate>>,
}

impl Candidates {
    /// Ranks the candidates of all images, given by their files. The same sets give the same answer,
    /// with any number of threads.
    pub fn rank(sets: &[&PathSet]) -> Self {
        let firsts = first_twins(sets);
        let distinct: Vec<u32> =
            (0..).zip(&firsts).filter(|(i, f)| i == *f).map(|(i, _)| i).collect();
        let unique: Vec<&PathSet> = distinct.iter().map(|&image| sets[image as usize]).collect();
        let weights = Weights::of(unique.iter().copied());
        let missing: Vec<u64> = unique.par_iter().map(|set| weights.of_set(set).missing).collect();
        let best = best_by_score(&unique, &missing, &weights);
        let looked_at: Vec<Vec<Candidate>> = best
            .into_par_iter()
            .enumerate()
            .map(|(child, best)| {
                let ends = weights.at_ends(unique[child]);
                let own = ends.iter().fold(Sums::default(), |sum, end| sum.plus(end.own()));
                let candidate = |place: &Place| {
                    let number = place.set.0 as usize;
                    let (overlap, shared) =
                        shared_weights(unique[number], (unique[child], &ends), &weights);
                    let missing = missing[number] - shared.missing;
                    let weight = |sum: u64| sum as f64 / ONE as f64;
                    let added = own.shared - shared.shared;
                    Candidate {
                        image: distinct[number],
                        overlap,
                        shared: weight(shared.shared),
                        missing: weight(missing),
                        added: weight(added),
                    }
                };
                best.iter().map(candidate).collect()
            })
            .collect();
        let mut of = vec![Vec::new(); sets.len()];
        for (&image, candidates) in distinct.iter().zip(looked_at) {
            of[image as usize] = candidates;
        }
        Self { firsts, of }
    }

    /// Candidates that were ranked elsewhere, of some images; `firsts` tells for each image the first
    /// with the same files, and the candidates of that one are its own.
    pub fn of_some(
        firsts: Vec<u32>,
        some: impl IntoIterator<Item = (u32, Vec<Candidate>)>,
    ) -> Self {
        let mut of = vec![Vec::new(); firsts.len()];
        for (image, candidates) in some {
            of[firsts[image as usize] as usize] = candidates;
        }
        Self { firsts, of }
    }

    /// The first image with the same files as this one; itself if there is none before.
    pub fn first_twin(&self, image: u32) -> u32 {
        self.firsts[image as usize]
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.firsts.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.firsts.is_empty()
    }

    /// The best candidates of an image, the best first, of equals the larger, then the earlier one;
    /// whatever they score, and at most four.
    pub fn of(&self, image: u32) -> &[Candidate] {
        &self.of[self.first_twin(image) as usize]
    }

    /// The parent of an image by its paths, if any candidate scores above 0.
    pub fn parent(&self, image: u32) -> Option<Candidate> {
        self.of(image).first().copied().filter(|best| best.score() > 0.0)
    }

    /// The other candidates that are as good as the best, or nearly: ties and near ties.
    pub fn as_good(&self, image: u32) -> impl Iterator<Item = Candidate> {
        let least = self.parent(image).map_or(f64::INFINITY, |best| NEAR * best.score());
        self.of(image).iter().skip(1).copied().filter(move |other| other.score() >= least)
    }
}

/// For each set the first that equals it. Empty sets tell nothing and equal none.
pub(super) fn first_twins(sets: &[&PathSet]) -> Vec<u32> {
    let key = |image: &u32| sets[*image as usize].runs().iter().map(|run| (run.first, run.len));
    let mut order: Vec<u32> = (0..).take(sets.len()).collect();
    order.sort_by(|a, b| key(a).cmp(key(b)));
    let mut firsts: Vec<u32> = (0..).take(sets.len()).collect();
    for same in order.chunk_by(|a, b| key(a).eq(key(b))) {
        if !sets[same[0] as usize].is_empty() {
            for &image in same {
                firsts[image as usize] = same[0];
            }
        }
    }
    firsts
}

/// What is kept of a candidate while all are scored; greater is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) score: i64,
    pub(super) size: u64,
    pub(super) set: Reverse<u32>,
}

/// The best candidates of one child, and the score that a further one must reach.
#[derive(Debug)]
struct Best {
    places: Mutex<Vec<Place>>,
    floor: AtomicI64,
}

impl Best {
    const fn none() -> Self {
        Self { places: Mutex::new(Vec::new()), floor: AtomicI64::new(i64::MIN) }
    }

    fn offer(&self, place: Place) {
        // Most candidates end here. The floor only rises, so an old one refuses none that counts.
        if place.score < self.floor.load(Ordering::Relaxed) {
            return;
        }
        // A thread that panicked has left whole places behind.
        let mut places = self.places.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let at = places.partition_point(|other| *other > place);
        places.insert(at, place);
        places.truncate(KEPT);
        if let (KEPT, Some(last)) = (places.len(), places.last()) {
            self.floor.store(last.score, Ordering::Relaxed);
        }
    }
}

/// The best candidates of each set, the best first; `missing` is what all of a set weighs as missing.
fn best_by_score(sets: &[&PathSet], missing: &[u64], weights: &Weights) -> Vec<Vec<Place>> {
    let sizes: Vec<u64> = sets.iter().map(|set| set.len()).collect();
    let losses: Vec<u64> = missing.iter().map(|missing| LAMBDA * missing).collect();
    let family = Family::from_sets(sets, &find_relatives(sets));
    let rows = Rows::<u64>::weighing(&family, &|start, end| weights.between(start, end).gain());
    let best: Vec<Best> = sets.iter().map(|_| Best::none()).collect();
    rows.for_each(|row| {
        let own = sizes[row.set as usize];
        for (&other, &gain) in row.others.iter().zip(row.common) {
            let size = sizes[other as usize];
            // Neither of two images of one size is built from the other.
            let (set, child) = match size.cmp(&own) {
                std::cmp::Ordering::Less => (other, row.set),
                std::cmp::Ordering::Greater => (row.set, other),
                std::cmp::Ordering::Equal => continue,
            };
            let size = size.min(own);
            if size >= MIN_FILES && gain > 0 {
                let score = gain.cast_signed() - losses[set as usize].cast_signed();
                let place = Place { score, size, set: Reverse(set) };
                best[child as usize].offer(place);
            }
        }
    });
    let places =
        |best: Best| best.places.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    best.into_iter().map(places).collect()
}

/// What two sets share, counted and weighed; of the right one the weights at the ends of its runs
/// are given. O(runs of both + log stretches for each end of a run of the left one in the right).
fn shared_weights(
    left: &PathSet,
    (right, ends): (&PathSet, &[RunWeights]),
    weights: &Weights,
) -> (Overlap, Sums) {
    let (mut i, mut j, mut common, mut sums) = (0, 0, 0, Sums::default());
    while let (Some(a), Some(b)) = (left.runs().get(i), right.runs().get(j)) {
        let first = u64::from(a.first.max(b.first));
        let end = a.end().min(b.end());
        if first < end {
            common += end - first;
            let from =
                if first == u64::from(b.first) { ends[j].before } else { weights.before(first) };
            let to = if end == b.end() { ends[j].behind } else { weights.before(end) };
            sums = sums.plus(to.minus(from));
        }
        if a.end() <= b.end() {
            i += 1;
        } else {
            j += 1;
        }
    }
    let overlap = Overlap::of_sizes(common, left.len(), right.len());
    (overlap, sums)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    pub(in crate::lineage) type Plain = BTreeSet<u32>;

    /// The rule as it is written down, pair by pair and path by path.
    fn naive(sets: &[Plain], child: usize) -> Vec<(i64, usize)> {
        let others: BTreeSet<&Plain> = sets.iter().filter(|set| **set != sets[child]).collect();
        let mut df: BTreeMap<u32, u64> = BTreeMap::new();
        for id in others.iter().flat_map(|set| set.iter()) {
            *df.entry(*id).or_default() += 1;
        }
        let mut scored = Vec::new();
        for (number, set) in sets.iter().enumerate() {
            let is_first = sets.iter().position(|other| other == set) == Some(number);
            let smaller = set.len() < sets[child].len() && set.len() as u64 >= MIN_FILES;
            if !is_first || !smaller {
                continue;
            }
            let weigh = |ids: BTreeSet<&u32>| -> u64 { ids.iter().map(|id| ONE / df[id]).sum() };
            let shared = weigh(set.intersection(&sets[child]).collect());
            let missing = weigh(set.difference(&sets[child]).collect());
            if shared > 0 {
                let score = shared.cast_signed() - (LAMBDA * missing).cast_signed();
                scored.push((score, number));
            }
        }
        scored
            .sort_by_key(|&(score, number)| (Reverse(score), Reverse(sets[number].len()), number));
        scored.truncate(KEPT);
        scored
    }

    /// Families: each set is an earlier one, less few and with some more.
    pub(in crate::lineage) fn families() -> impl Strategy<Value = Vec<Plain>> {
        let step = (
            any::<prop::sample::Index>(),
            btree_set(0_u32..300, 0..50),
            btree_set(0_u32..300, 0..6),
            0..6_u8,
        );
        vec(step, 0..24).prop_map(|steps| {
            let mut sets: Vec<Plain> = Vec::new();
            for (parent, added, removed, kind) in steps {
                let base = match kind {
                    0 => Plain::new(),
                    _ if sets.is_empty() => Plain::new(),
                    _ => sets[parent.index(sets.len())].clone(),
                };
                let added = if kind == 1 { Plain::new() } else { added };
                let removed = if kind < 3 { Plain::new() } else { removed };
                sets.push(base.difference(&removed).chain(&added).copied().collect());
            }
            sets
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn all_pairs_at_once_score_as_pair_by_pair(sets in families()) {
            let own: Vec<PathSet> =
                sets.iter().map(|set| PathSet::from_unsorted(set.iter().copied().collect())).collect();
            let found = Candidates::rank(&own.iter().collect::<Vec<_>>());
            prop_assert_eq!(found.len(), sets.len());
            for (child, set) in sets.iter().enumerate() {
                let image = u32::try_from(child).unwrap();
                let expected = naive(&sets, child);
                let images = found.of(image).iter().map(|candidate| candidate.image as usize);
                prop_assert_eq!(images.collect::<Vec<_>>(), expected.iter().map(|(_, n)| *n).collect::<Vec<_>>());
                for (candidate, (score, number)) in found.of(image).iter().zip(expected) {
                    let score = score as f64 / ONE as f64;
                    prop_assert!((candidate.score() - score).abs() < 1e-6);
                    let common = sets[number].intersection(set).count() as u64;
                    prop_assert_eq!(candidate.overlap.common, common);
                    prop_assert!((0.0..=1.0).contains(&candidate.confidence()));
                }
            }
        }
    }

    fn set(ranges: &[(u32, u32)]) -> PathSet {
        PathSet::from_unsorted(ranges.iter().flat_map(|&(start, end)| start..end).collect())
    }

    #[test]
    fn a_sibling_is_not_taken_for_the_parent() {
        // 2 is nearer to 3 by Dice, but has a path that 3 lacks.
        let sets = [
            set(&[(0, 1000)]),
            set(&[(0, 1000), (5000, 5300)]),
            set(&[(0, 1300)]),
            set(&[(0, 1299), (2000, 2900)]),
        ];
        let found = Candidates::rank(&sets.iter().collect::<Vec<_>>());
        let parents: Vec<Option<u32>> =
            (0..4).map(|image| found.parent(image).map(|parent| parent.image)).collect();
        assert_eq!(parents, [None, Some(0), Some(0), Some(2)]);
        // With a large part of its own the sibling is none.
        let sets =
            [set(&[(0, 1000)]), set(&[(0, 1000), (1500, 1600)]), set(&[(0, 1000), (2000, 2900)])];
        let found = Candidates::rank(&sets.iter().collect::<Vec<_>>());
        assert_eq!(found.parent(2).map(|parent| parent.image), Some(0));
    }

    #[test]
    fn small_and_empty_images_have_no_children() {
        let sets = [set(&[]), set(&[]), set(&[(0, 9)]), set(&[(0, 10)]), set(&[(0, 50)])];
        let found = Candidates::rank(&sets.iter().collect::<Vec<_>>());
        assert_eq!(found.parent(4).map(|parent| parent.image), Some(3));
        assert_eq!(found.parent(3), None);
        assert_eq!((found.first_twin(0), found.first_twin(1)), (0, 1));
    }

    #[test]
    fn what_all_others_have_does_not_tell_the_direction() {
        // 1 is the base of twenty images; 0 lost a half of it, or is what it was built from.
        let base = set(&[(0, 2000)]);
        let mut sets = vec![set(&[(0, 1000)]), base];
        sets.extend((0..20).map(|own| set(&[(0, 2000), (10_000 + own * 100, 10_050 + own * 100)])));
        let found = Candidates::rank(&sets.iter().collect::<Vec<_>>());
        let parent = found.parent(1).unwrap();
        assert_eq!((parent.image, parent.confidence()), (0, 0.5));
        let parent = found.parent(2).unwrap();
        assert!(parent.image == 1 && parent.confidence() > 0.7, "{parent:?}");
        // Others that stand on 0 alone tell it.
        sets.extend((0..20).map(|own| set(&[(0, 1000), (20_000 + own * 100, 20_050 + own * 100)])));
        let found = Candidates::rank(&sets.iter().collect::<Vec<_>>());
        assert!(found.parent(1).unwrap().confidence() > 0.5);
    }

    #[test]
    fn twins_are_one_and_ties_are_told() {
        let base = set(&[(0, 1000)]);
        let sets = [
            base.clone(),
            base,
            set(&[(0, 1000), (1100, 1101)]),
            set(&[(0, 1000), (1200, 1201)]),
            set(&[(0, 1000), (1100, 1101), (1200, 1201), (1300, 1900)]),
        ];
        let found = Candidates::rank(&sets.iter().collect::<Vec<_>>());
        assert_eq!(found.first_twin(1), 0);
        assert_eq!(found.parent(1), None);
        assert_eq!(found.parent(4).map(|parent| parent.image), Some(2));
        let as_good: Vec<u32> = found.as_good(4).map(|other| other.image).collect();
        assert_eq!(as_good, [3, 0]);
        // Twins are no candidates for each other, but have the same parent.
        let last = set(&[(0, 1000), (1100, 1101), (1200, 1201), (1300, 1900)]);
        let sets = [set(&[(0, 1000)]), last.clone(), last];
        let found = Candidates::rank(&sets.iter().collect::<Vec<_>>());
        assert_eq!(found.of(2), found.of(1));
        assert_eq!(found.parent(2).map(|parent| parent.image), Some(0));
    }
}
