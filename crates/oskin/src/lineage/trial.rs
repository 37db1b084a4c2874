//! What the rule by paths would say of one image, were it another one or were others not there.
//!
//! A trial changes one image and leaves the rest of the catalog as it is, so that what it tells is
//! due to that change alone. It ranks exactly as [`Candidates::rank`] would rank the changed
//! catalog, without ranking all the others anew.
//!
//! **How.** Let `w(p)` be one over the number of images that have the path `p`, those left out and
//! the changed one not counted; without them that number differs from the one in the whole catalog
//! only for paths of theirs. With `V` for the sums of the whole catalog and `C` for the changed image
//!
//! ```text
//! score(a) = (1 + LAMBDA) w(a and C) - LAMBDA (V(a) + sum over paths of a of w - 1/df)
//! ```
//!
//! in which the sums run over no path but those of `C` and of images left out: a pass over few runs
//! for each candidate.

use super::graph::{LOOKS, MAX_LOST, UNSURE};
use super::look::Look;
use super::parent::{Candidate, Candidates, KEPT, LAMBDA, Place};
use super::weights::{ONE, Weights};
use crate::measure::Measure;
use crate::path_set::PathSet;
use crate::relation::MIN_FILES;
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How many candidates a thread scores at a time.
const BLOCK: usize = 256;

/// A catalog of which single images are tried in another form.
#[derive(Debug)]
pub struct Trials<'a> {
    sets: &'a [&'a PathSet],
    groups: Vec<Group>,
    /// The place in `groups` of each image.
    group_of: Vec<usize>,
    weights: Weights,
}

/// Images with the same files.
#[derive(Debug)]
struct Group {
    /// Ascending.
    members: Vec<u32>,
    size: u64,
    /// What its paths weigh as missing ones.
    weight: i64,
}

/// Ids that all weigh the same in a trial.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: u64,
    end: u64,
    /// Of one id: what it gives if the candidate has it.
    each: Gain,
    /// Of all ids of the pieces before.
    before: Gain,
}

/// What paths of a candidate tell.
#[derive(Clone, Copy, Debug, Default)]
struct Gain {
    /// What those weigh that the changed image has.
    shared: i64,
    /// How much more all of them weigh than in the whole catalog.
    more: i64,
}

impl Gain {
    const fn plus(self, other: Self, times: i64) -> Self {
        Self { shared: self.shared + other.shared * times, more: self.more + other.more * times }
    }
}

impl<'a> Trials<'a> {
    /// Prepares trials of images given by their files. O(runs log runs).
    pub fn of(sets: &'a [&'a PathSet], candidates: &Candidates) -> Self {
        let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for image in (0..).take(sets.len()) {
            members.entry(candidates.first_twin(image)).or_default().push(image);
        }
        let weights = Weights::of(members.keys().map(|first| sets[*first as usize]));
        let mut group_of = vec![0; sets.len()];
        let mut groups = Vec::with_capacity(members.len());
        for (first, members) in members {
            for &image in &members {
                group_of[image as usize] = groups.len();
            }
            let set = sets[first as usize];
            let weight = weights.of_set(set).missing.cast_signed();
            groups.push(Group { members, size: set.len(), weight });
        }
        Self { sets, groups, group_of, weights }
    }

    /// The best candidates for an image with these files, in a catalog without some images; the
    /// best first, as [`Candidates::of`] has them.
    ///
    /// To try an image in another form leave out the image itself. Images with the same files as the
    /// one tried are its twins, and no candidates. O(runs of all images that are smaller).
    pub fn rank(&self, tried: &PathSet, without: &[u32]) -> Vec<Candidate> {
        let absent = self.absent(tried, without);
        let (pieces, own) = self.pieces(tried, &absent);
        let size = tried.len();
        let best = self.groups.par_chunks(BLOCK).enumerate().map(|(block, groups)| {
            let mut places: Vec<(Place, usize)> = Vec::new();
            for (number, group) in (block * BLOCK..).zip(groups) {
                let first = group.members.iter().find(|image| !without.contains(image));
                let (Some(&first), false) = (first, absent.contains(&number)) else { continue };
                if !(MIN_FILES..size).contains(&group.size) {
                    continue;
                }
                let gain = gain_of(self.sets[first as usize], &pieces);
                if gain.shared > 0 {
                    let lambda = LAMBDA.cast_signed();
                    let score = (1 + lambda) * gain.shared - lambda * (group.weight + gain.more);
                    let place = Place { score, size: group.size, set: Reverse(first) };
                    keep(&mut places, (place, number));
                }
            }
            places
        });
        let best = best.reduce(Vec::new, |mut kept, more| {
            for place in more {
                keep(&mut kept, place);
            }
            kept
        });
        let candidate = |(place, number): (Place, usize)| {
            let Reverse(image) = place.set;
            let set = self.sets[image as usize];
            let gain = gain_of(set, &pieces);
            let weight = |sum: i64| sum as f64 / ONE as f64;
            Candidate {
                image,
                overlap: set.overlap(tried),
                shared: weight(gain.shared),
                missing: weight(self.groups[number].weight + gain.more - gain.shared),
                added: weight(own - gain.shared),
            }
        };
        best.into_iter().map(candidate).collect()
    }

    /// The groups that do not count: those of which nothing is left, and the twins.
    fn absent(&self, tried: &PathSet, without: &[u32]) -> Vec<usize> {
        let is_left_out =
            |number: usize| self.groups[number].members.iter().all(|image| without.contains(image));
        let left_out = without
            .iter()
            .map(|image| self.group_of[*image as usize])
            .filter(|it| is_left_out(*it));
        let size = tried.len();
        let is_twin = |group: &Group| {
            let first = self.sets[group.members[0] as usize];
            size > 0 && group.size == size && first == tried
        };
        let twins = (0..self.groups.len()).filter(|number| is_twin(&self.groups[*number]));
        let mut absent: Vec<usize> = left_out.chain(twins).collect();
        absent.sort_unstable();
        absent.dedup();
        absent
    }

    /// The ids that weigh otherwise than in the whole catalog or that the image has, and what all
    /// of those that it has weigh; paths that no other image has count 1 there.
    fn pieces(&self, tried: &PathSet, absent: &[usize]) -> (Vec<Piece>, i64) {
        let mut ends: Vec<(u64, i64, i64)> = Vec::new();
        for run in tried.runs() {
            ends.extend([(u64::from(run.first), 1, 0), (run.end(), -1, 0)]);
        }
        let sets = absent.iter().map(|group| self.sets[self.groups[*group].members[0] as usize]);
        for run in sets.flat_map(PathSet::runs) {
            ends.extend([(u64::from(run.first), 0, 1), (run.end(), 0, -1)]);
        }
        ends.sort_unstable();
        let (mut pieces, mut before, mut own): (Vec<Piece>, _, i64) =
            (Vec::new(), Gain::default(), 0);
        let (mut here, mut tried, mut left_out) = (0, 0, 0);
        for (end, to_tried, to_left_out) in ends {
            for (ids, count) in self.weights.pieces(here, end) {
                if tried == 0 && left_out == 0 {
                    continue;
                }
                let count = count.cast_signed();
                let weigh = |count: i64| if count > 0 { ONE.cast_signed() / count } else { 0 };
                let weight = weigh(count - left_out);
                let each = Gain { shared: weight * tried, more: weight - weigh(count) };
                let times = (ids.end - ids.start).cast_signed();
                own += tried * times * if count > left_out { weight } else { ONE.cast_signed() };
                pieces.push(Piece { start: ids.start, end: ids.end, each, before });
                before = before.plus(each, times);
            }
            here = end;
            tried += to_tried;
            left_out += to_left_out;
        }
        (pieces, own)
    }
}

/// What the paths of a candidate tell. O(runs of it, times the logarithm of how far they lie apart).
fn gain_of(set: &PathSet, pieces: &[Piece]) -> Gain {
    let (mut at, mut gain) = (0, Gain::default());
    for run in set.runs() {
        let start = sum_before(pieces, u64::from(run.first), &mut at);
        let end = sum_before(pieces, run.end(), &mut at);
        gain = gain.plus(end, 1).plus(start, -1);
        if at == pieces.len() {
            break;
        }
    }
    gain
}

/// The sum over all ids before this one; `at` is moved to the first piece that ends behind it.
fn sum_before(pieces: &[Piece], id: u64, at: &mut usize) -> Gain {
    let (mut low, mut step) = (*at, 1);
    while pieces.get(low + step).is_some_and(|piece| piece.end <= id) {
        low += step;
        step *= 2;
    }
    let high = pieces.len().min(low + step + 1);
    *at = low + pieces[low..high].partition_point(|piece| piece.end <= id);
    match pieces.get(*at) {
        Some(piece) if piece.start < id => {
            piece.before.plus(piece.each, (id - piece.start).cast_signed())
        }
        Some(piece) => piece.before,
        None => pieces.last().map_or(Gain::default(), |last| {
            last.before.plus(last.each, (last.end - last.start).cast_signed())
        }),
    }
}

/// Keeps the best.
fn keep(places: &mut Vec<(Place, usize)>, new: (Place, usize)) {
    let at = places.partition_point(|other| *other > new);
    places.insert(at, new);
    places.truncate(KEPT);
}

/// What is decided of an image by its paths alone, as the family graph decides it.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'c> {
    candidates: &'c [Candidate],
}

impl<'c> Decision<'c> {
    /// A decision on candidates, the best first.
    pub const fn on(candidates: &'c [Candidate]) -> Self {
        Self { candidates }
    }

    fn is_clear(self) -> bool {
        self.candidates.first().is_some_and(|best| best.score() > 0.0)
    }

    /// The candidates whose entries should be looked at before anything is decided.
    pub fn questions(self) -> impl Iterator<Item = u32> + 'c {
        let asked = self.candidates.iter().filter(move |candidate| {
            !self.is_clear() && Measure::ContainmentLeft.of(candidate.overlap) >= 1.0 - MAX_LOST
        });
        asked.take(LOOKS).map(|candidate| candidate.image)
    }

    /// The parent, if one is found, and how sure it is.
    ///
    /// `looks` answers the questions; `is_below` tells which images stand on the one that is decided
    /// on, and are therefore not its parents.
    pub fn parent(
        self,
        looks: &BTreeMap<u32, Look>,
        is_below: impl Fn(u32) -> bool,
    ) -> Option<(u32, f64)> {
        for candidate in self.candidates {
            let look = looks.get(&candidate.image).filter(|_| !self.is_clear());
            let judged = look.map_or(*candidate, |look| candidate.forgiving(look.counted_share()));
            if judged.score() > 0.0 && !is_below(judged.image) {
                // Counting deletions is a second chance.
                let most = if look.is_some() { UNSURE } else { 1.0 };
                return Some((judged.image, judged.confidence().min(most)));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lineage::Survey;
    use crate::lineage::parent::tests::Plain;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    /// Families, not empty; some sets are twins.
    fn families() -> impl Strategy<Value = Vec<PathSet>> {
        let families = crate::lineage::parent::tests::families();
        families
            .prop_filter("no image", |sets| !sets.is_empty())
            .prop_map(|sets| sets.iter().map(plain).collect())
    }

    fn plain(set: &Plain) -> PathSet {
        PathSet::from_unsorted(set.iter().copied().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn a_trial_ranks_as_the_changed_catalog_does(
            sets in families(),
            child in any::<prop::sample::Index>(),
            lost in btree_set(0_u32..300, 0..40),
            new in btree_set(250_u32..350, 0..10),
            becomes in proptest::option::weighted(0.1, any::<prop::sample::Index>()),
            others in vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let number = |at: usize| u32::try_from(at).unwrap();
            let child = child.index(sets.len());
            let changed = match becomes {
                Some(other) => sets[other.index(sets.len())].clone(),
                None => sets[child].difference(&plain(&lost)).union(&plain(&new)),
            };
            let mut without: Vec<usize> = others.iter().map(|it| it.index(sets.len())).collect();
            without.retain(|it| *it != child);
            // The catalog as it would be.
            let kept: Vec<usize> = (0..sets.len()).filter(|it| !without.contains(it)).collect();
            let changed_sets: Vec<&PathSet> =
                kept.iter().map(|&it| if it == child { &changed } else { &sets[it] }).collect();
            let at = kept.iter().position(|it| *it == child).unwrap();
            let expected = Candidates::rank(&changed_sets);
            let expected: Vec<Candidate> = expected
                .of(number(at))
                .iter()
                .map(|it| Candidate { image: number(kept[it.image as usize]), ..*it })
                .collect();

            let all: Vec<&PathSet> = sets.iter().collect();
            let candidates = Candidates::rank(&all);
            let trials = Trials::of(&all, &candidates);
            without.push(child);
            let without: Vec<u32> = without.iter().map(|it| number(*it)).collect();
            prop_assert_eq!(trials.rank(&changed, &without), expected);
        }

        #[test]
        fn nothing_changed_is_decided_as_in_the_graph(
            sets in families(),
            deletions in vec(0_u64..6, 400),
        ) {
            let all: Vec<&PathSet> = sets.iter().collect();
            let survey = Survey::of(&all, None);
            let mut draws = deletions.into_iter();
            let mut looks = BTreeMap::new();
            for (image, child) in survey.questions() {
                let mut look = Look { deletions: draws.next().unwrap_or(1), ..Look::default() };
                look.comparison.files = sets[image as usize].overlap(&sets[child as usize]);
                looks.insert((image, child), look);
            }
            let lineage = survey.lineage(&looks);
            let mut parents = vec![None; sets.len()];
            let trials = Trials::of(&all, survey.candidates());
            for child in (0..).take(sets.len()) {
                let found = lineage.edges.iter().find(|edge| edge.child == child);
                let candidates = trials.rank(&sets[child as usize], &[child]);
                prop_assert_eq!(&candidates[..], survey.candidates().of(child));
                let decision = Decision::on(&candidates);
                let mut answers = BTreeMap::new();
                for image in decision.questions() {
                    answers.insert(image, looks[&(image, child)]);
                }
                // Those before it have their edges.
                let is_below = |image: u32| {
                    let twin = |image| survey.candidates().first_twin(image);
                    let mut way = std::iter::successors(Some(image), |image| parents[*image as usize]);
                    way.any(|image| twin(image) == twin(child))
                };
                let parent = decision.parent(&answers, is_below);
                prop_assert_eq!(parent, found.map(|edge| (edge.parent, edge.confidence)));
                parents[child as usize] = parent.map(|(image, _)| image);
            }
        }
    }

    #[test]
    fn without_its_parent_an_image_stands_on_the_grandparent() {
        let set = |ranges: &[(u32, u32)]| {
            PathSet::from_unsorted(ranges.iter().flat_map(|&(start, end)| start..end).collect())
        };
        let sets = [set(&[(0, 1000)]), set(&[(0, 1200)]), set(&[(0, 1500)]), set(&[(0, 1200)])];
        let all: Vec<&PathSet> = sets.iter().collect();
        let trials = Trials::of(&all, &Candidates::rank(&all));
        let best = |without: &[u32]| trials.rank(&sets[2], without).first().map(|it| it.image);
        assert_eq!(best(&[2]), Some(1));
        // Its twin is still there.
        assert_eq!(best(&[1, 2]), Some(3));
        assert_eq!(best(&[1, 2, 3]), Some(0));
        assert_eq!(best(&[0, 1, 2, 3]), None);
    }
}
