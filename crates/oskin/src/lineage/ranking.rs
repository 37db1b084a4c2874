//! The candidates of one image, ranked against all images of an index.
//!
//! The same rule and the same numbers as [`Candidates::rank`](super::Candidates::rank), for one child
//! at a time and without the sets of the others: an [`OverlapIndex`] tells how many images have each
//! path, what all paths of each image weigh, and what those weigh that it shares with the child. So
//! an image that was never seen before is ranked among ten thousand in milliseconds.

use super::parent::{Candidate, KEPT, LAMBDA};
use super::weights::{ONE, each};
use crate::measure::{OverlapIndex, Scratch, Ways};
use crate::path_set::{Overlap, PathSet};
use crate::relation::MIN_FILES;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of all images of an index, whoever is asked for: 20 bytes for an image and 4 for a
/// node of the index.
#[derive(Clone, Debug, Default)]
pub struct Ranking {
    // How many files each image has.
    sizes: Vec<u32>,
    // The first image with the same files; `None` for images that were removed.
    firsts: Vec<Option<u32>>,
    // What all files of each image weigh as missing ones.
    missing: Vec<u64>,
    // How many of the distinct images have the files of each node.
    holders: Vec<u32>,
    odd: Vec<Odd>,
}

/// A ranking as plain numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "see Ranking::to_parts")]
pub struct RankingParts {
    pub sizes: Vec<u32>,
    pub firsts: Vec<u32>,
    pub missing: Vec<u64>,
    pub holders: Vec<u32>,
    pub odd: Vec<(u32, u32, Vec<u8>)>,
}

/// The lowest bits of a sum over the nodes of an image are the number of its files.
const COUNT_BITS: u32 = 40;

/// A path that is a file in some images and a directory in others.
#[derive(Clone, Debug)]
struct Odd {
    id: u32,
    // In which images it is a file, removed ones included.
    has: Vec<bool>,
    // How many of those are distinct.
    holders: u32,
}

/// The candidates of one child.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranked {
    /// The first image with the very files of the child.
    pub twin: Option<u32>,
    /// The best candidates, as [`Candidates::of`](super::Candidates::of) has them; images are numbers
    /// of the index.
    pub candidates: Vec<Candidate>,
    /// What the child (right) shares with each image (left) of the index, in files, removed images
    /// included.
    pub overlaps: Vec<Overlap>,
}

impl Ranking {
    /// Gets ready to rank. `directories` are the paths that are directories, but in the images of
    /// `others`, which tells for numbers of the index which of their paths are of the other kind.
    ///
    /// All blocks of the index must be there. O(nodes + pieces + images), and O(images) for each path
    /// of `others`.
    pub fn new(
        index: &OverlapIndex,
        directories: &PathSet,
        others: &BTreeMap<u32, PathSet>,
    ) -> Self {
        let odd_ids: BTreeSet<u32> = others.values().flat_map(PathSet::ids).collect();
        let odd_set = PathSet::from_unsorted(odd_ids.iter().copied().collect());
        let ids = index.ids_at_nodes(&directories.union(&odd_set));
        let at = |node: u32| u64::from(ids[node as usize]);
        let (mut odd, mut scratch) = (Vec::new(), Scratch::default());
        for id in odd_ids {
            let one = PathSet::from_unsorted(vec![id]);
            let is_file = directories.overlap(&one).common == 0;
            let mut has = index.holders_of(id, &mut scratch);
            for (number, has) in (0..).zip(&mut has) {
                let other = others.get(&number).is_some_and(|it| it.overlap(&one).common > 0);
                *has = *has && other != is_file;
            }
            odd.push(Odd { id, has, holders: 0 });
        }
        let mut ranking = Self { odd, ..Self::default() };
        let ways = index.ways(&ids);
        ranking.count_and_match(index, &ways, &ids);
        let is_first = |(number, first): (u32, &Option<u32>)| *first == Some(number);
        let counted: Vec<bool> = (0..).zip(&ranking.firsts).map(is_first).collect();
        ranking.holders = index.holders(&ways, &counted);
        for odd in &mut ranking.odd {
            let held = odd.has.iter().zip(&counted).filter(|(has, counted)| **has && **counted);
            odd.holders = u32::try_from(held.count()).unwrap_or(u32::MAX);
        }
        let weight = |node: u32| ranking.missing_weight(node).wrapping_mul(at(node));
        ranking.missing = index.whole_sums(&ways, weight);
        for odd in &ranking.odd {
            for (missing, has) in ranking.missing.iter_mut().zip(&odd.has) {
                *missing += if *has { rarity(odd.holders) } else { 0 };
            }
        }
        ranking
    }

    /// Counts the files of each image and finds the first with the same ones: with the same nodes of the
    /// index, by a sum of 88 bits over them. Empty images tell nothing and equal none.
    fn count_and_match(&mut self, index: &OverlapIndex, ways: &Ways, ids: &[u32]) {
        let print = |node: u64, count: u32| {
            let print = u128::from(mix(node)) << 64 | u128::from(mix(!node));
            print << COUNT_BITS | u128::from(count)
        };
        let mut prints: Vec<u128> = index.whole_sums(ways, |node| match ids[node as usize] {
            0 => 0,
            count => print(node.into(), count),
        });
        for odd in &self.odd {
            let own = print(1 << 32 | u64::from(odd.id), 1);
            for (print, _) in prints.iter_mut().zip(&odd.has).filter(|(_, has)| **has) {
                *print = print.wrapping_add(own);
            }
        }
        let count = |print: &u128| u32::try_from(print % (1 << COUNT_BITS)).unwrap_or(u32::MAX);
        self.sizes = prints.iter().map(count).collect();
        let mut firsts: BTreeMap<u128, u32> = BTreeMap::new();
        let first = |((number, slot), size): ((u32, &crate::measure::Slot), &u32)| {
            let own = || match size {
                0 => number,
                _ => *firsts.entry(prints[number as usize]).or_insert(number),
            };
            slot.alive.then(own)
        };
        self.firsts = (0..).zip(index.slots()).zip(&self.sizes).map(first).collect();
    }

    /// What is known as plain numbers, to be kept: sizes, firsts (`u32::MAX` for none), what the files of
    /// each image weigh, how many images have those of each node; and of each path that is a file in some
    /// images and a directory in others its id, how many have it as a file, and which, a byte each.
    pub fn to_parts(&self) -> RankingParts {
        let odd =
            |odd: &Odd| (odd.id, odd.holders, odd.has.iter().map(|has| u8::from(*has)).collect());
        RankingParts {
            sizes: self.sizes.clone(),
            firsts: self.firsts.iter().map(|first| first.unwrap_or(u32::MAX)).collect(),
            missing: self.missing.clone(),
            holders: self.holders.clone(),
            odd: self.odd.iter().map(odd).collect(),
        }
    }

    /// What was kept; `None` if it is not of this index. Parts that fit and are wrong give wrong answers.
    pub fn from_parts(parts: RankingParts, index: &OverlapIndex) -> Option<Self> {
        let RankingParts { sizes, firsts, missing, holders, odd } = parts;
        let images = index.slots().len();
        let fits = [sizes.len(), firsts.len(), missing.len()].iter().all(|len| *len == images)
            && odd.iter().all(|(_, _, has)| has.len() == images)
            && holders.len() == index.nodes().len();
        let odd = odd.into_iter().map(|(id, holders, has)| Odd {
            id,
            has: has.into_iter().map(|has| has != 0).collect(),
            holders,
        });
        let is_there = |first: u32| (first as usize) < images;
        let firsts: Vec<Option<u32>> =
            firsts.into_iter().map(|first| Some(first).filter(|first| is_there(*first))).collect();
        let alive = index.slots().iter().map(|slot| slot.alive);
        let fits = fits && firsts.iter().map(Option::is_some).eq(alive);
        fits.then(|| Self { sizes, firsts, missing, holders, odd: odd.collect() })
    }

    /// The first image with the same files as this one; `None` if it was removed.
    pub fn first_twin(&self, image: u32) -> Option<u32> {
        self.firsts.get(image as usize).copied().flatten()
    }

    /// What a path of a node weighs as a missing one.
    fn missing_weight(&self, node: u32) -> u64 {
        rarity(self.holders[node as usize])
    }

    /// Ranks the candidates of a child, given by its files, whether it is in the index or not;
    /// `directories` are those of its files that are directories in the index, as in
    /// [`new`](Self::new). The blocks that it touches must be there.
    ///
    /// Two questions to the index, three if a twin is there: O(pieces of the child + events of their histories + images).
    pub fn of(
        &self,
        index: &OverlapIndex,
        (child, directories): (&PathSet, &PathSet),
        (counts, sums): (&mut Scratch, &mut Scratch<u64>),
    ) -> Ranked {
        let (odd, own_odd): (Vec<&Odd>, Vec<u32>) = self
            .odd
            .iter()
            .filter(|odd| child.overlap(&PathSet::from_unsorted(vec![odd.id])).common > 0)
            .map(|odd| (odd, odd.id))
            .unzip();
        let strange = directories.union(&PathSet::from_unsorted(own_odd));
        let usual = child.difference(&strange);
        let mut common = index.overlaps(&usual, counts);
        for odd in &odd {
            for (common, has) in common.iter_mut().zip(&odd.has) {
                *common += u32::from(*has);
            }
        }
        // Counting a set takes its runs, so once for all images.
        let len = child.len();
        let overlap = |(common, size): (&u32, &u32)| {
            Overlap::of_sizes(u64::from(*common), u64::from(*size), len)
        };
        let overlaps: Vec<Overlap> = common.iter().zip(&self.sizes).map(overlap).collect();
        let twin = (0..).zip(&overlaps).find(|(number, overlap)| {
            overlap.is_same() && self.first_twin(*number) == Some(*number)
        });
        let twin = twin.map(|(number, _)| number);
        let weigh = |holders: u32| {
            // How many have it, with the child, which a twin stands for already.
            let sums = each(u64::from(holders) + u64::from(twin.is_none()));
            (sums.shared, sums.shared + LAMBDA * rarity(holders))
        };
        let of_node = |node: u32| weigh(self.holders[node as usize]);
        let mut shared: Vec<u64> = index.sums(&usual, |node| of_node(node).0, sums);
        let mut gain: Vec<u64> = match twin {
            Some(_) => index.sums(&usual, |node| of_node(node).1, sums),
            // What is shared weighs as much as what is missing.
            None => shared.iter().map(|shared| shared.wrapping_mul(1 + LAMBDA)).collect(),
        };
        for odd in &odd {
            let (each_shared, each_gain) = weigh(odd.holders);
            for (number, _) in odd.has.iter().enumerate().filter(|(_, has)| **has) {
                shared[number] += each_shared;
                gain[number] += each_gain;
            }
        }
        let unknown = len - usual.len() - odd.len() as u64;
        let all_shared = ONE * unknown
            + self.whole_weight(index, &usual, |node| of_node(node).0)
            + odd.iter().map(|odd| weigh(odd.holders).0).sum::<u64>();
        let candidates = self.best(&gain, &overlaps, twin).into_iter().map(|image| {
            let at = image as usize;
            let missing_shared = (gain[at] - shared[at]) / LAMBDA;
            let weight = |sum: u64| sum as f64 / ONE as f64;
            Candidate {
                image,
                overlap: overlaps[at],
                shared: weight(shared[at]),
                missing: weight(self.missing[at] - missing_shared),
                added: weight(all_shared - shared[at]),
            }
        });
        Ranked { twin, candidates: candidates.collect(), overlaps }
    }

    /// What an image of the index scores as a candidate of each of the others, by number, if it shares
    /// anything; of images that are no larger too, whose candidate it is not. `files` and `directories` as in
    /// [`of`](Self::of). One question to the index.
    pub fn scores(
        &self,
        index: &OverlapIndex,
        (image, files, directories): (u32, &PathSet, &PathSet),
        sums: &mut Scratch<u64>,
    ) -> Vec<Option<f64>> {
        let gain = |node: u32| {
            let holders = self.holders[node as usize];
            each(holders.into()).shared + LAMBDA * rarity(holders)
        };
        let odd = PathSet::from_unsorted(self.odd.iter().map(|odd| odd.id).collect());
        let usual = files.difference(&directories.union(&odd));
        let mut gains: Vec<u64> = index.sums(&usual, gain, sums);
        for odd in self.odd.iter().filter(|odd| odd.has[image as usize]) {
            let gain = each(odd.holders.into()).shared + LAMBDA * rarity(odd.holders);
            for (sum, _) in gains.iter_mut().zip(&odd.has).filter(|(_, has)| **has) {
                *sum += gain;
            }
        }
        let lost = (LAMBDA * self.missing[image as usize]).cast_signed();
        let score =
            |gain: u64| (gain > 0).then_some((gain.cast_signed() - lost) as f64 / ONE as f64);
        gains.into_iter().map(score).collect()
    }

    /// The place that an image which is not in the index would have among the candidates of one that
    /// is: both given by their files, without those that are directories in the index.
    ///
    /// Files that are of another kind somewhere weigh here as if they were as rare as can be.
    pub fn pair(&self, index: &OverlapIndex, unseen: &PathSet, child: &PathSet) -> Candidate {
        let missing = unseen.difference(child);
        let shared = unseen.difference(&missing);
        let overlap = unseen.overlap(child);
        // The unseen one has it too, so one more has it than the index tells.
        let more = |node: u32| each(u64::from(self.holders[node as usize]) + 1);
        let weight = |sum: u64| sum as f64 / ONE as f64;
        Candidate {
            image: 0,
            overlap,
            shared: weight(self.whole_weight(index, &shared, |node| more(node).shared)),
            missing: weight(self.whole_weight(index, &missing, |node| more(node).missing)),
            added: weight(self.whole_weight(index, &child.difference(unseen), |node| {
                each(self.holders[node as usize].into()).shared
            })),
        }
    }

    /// What the paths of a child weigh together; those that no image has are as rare as can be.
    fn whole_weight(
        &self,
        index: &OverlapIndex,
        child: &PathSet,
        weight: impl Fn(u32) -> u64,
    ) -> u64 {
        let (mut sum, mut known) = (0, 0);
        index.for_each_count(child, |node, count| {
            if self.holders.get(node as usize).is_some_and(|holders| *holders > 0) {
                known += u64::from(count);
                sum += weight(node) * u64::from(count);
            }
        });
        sum + ONE * (child.len() - known)
    }

    /// The images with the best scores, the best first.
    fn best(&self, gain: &[u64], overlaps: &[Overlap], twin: Option<u32>) -> Vec<u32> {
        let place = |(number, overlap): (u32, &Overlap)| {
            let size = overlap.common + overlap.left_only;
            let is_smaller = size < overlap.common + overlap.right_only && size >= MIN_FILES;
            let gain = gain[number as usize];
            let counts = is_smaller
                && gain > 0
                && Some(number) != twin
                && self.first_twin(number) == Some(number);
            let lost = (LAMBDA * self.missing[number as usize]).cast_signed();
            counts.then(|| (gain.cast_signed() - lost, size, Reverse(number)))
        };
        let mut best: Vec<(i64, u64, Reverse<u32>)> = Vec::with_capacity(KEPT + 1);
        for place in (0..).zip(overlaps).filter_map(place) {
            if best.len() < KEPT || best.last().is_some_and(|last| place > *last) {
                best.insert(best.partition_point(|other| *other > place), place);
                best.truncate(KEPT);
            }
        }
        best.into_iter().map(|(_, _, Reverse(number))| number).collect()
    }
}

/// What a path weighs that so many images have.
fn rarity(holders: u32) -> u64 {
    ONE.checked_div(holders.into()).unwrap_or_default()
}

/// A number mixed as splitmix64 does it (Steele, Lea, Flood 2014).
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::parent::Candidates;
    use super::super::parent::tests::{Plain, families};
    use super::*;
    use crate::path_set::Delta;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    fn path_set(ids: impl IntoIterator<Item = u32>) -> PathSet {
        PathSet::from_unsorted(ids.into_iter().collect())
    }

    /// An index of sets, each told by the one that differs least.
    fn index_of(sets: &[PathSet]) -> OverlapIndex {
        let (mut index, mut scratch) = (OverlapIndex::default(), Scratch::default());
        for set in sets {
            let common = index.overlaps(set, &mut scratch);
            let relative = index.closest((&common, set.len()));
            let base = relative.map(|it| sets[it as usize].clone()).unwrap_or_default();
            index.add(relative, &Delta::between(&base, set));
        }
        index
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn one_child_is_ranked_as_all_are(
            sets in families(),
            unseen in families(),
            removed in vec(any::<prop::sample::Index>(), 0..3),
            directories in btree_set(0_u32..300, 0..40),
            odd in vec((any::<prop::sample::Index>(), 0_u32..300), 0..6),
        ) {
            prop_assume!(!sets.is_empty());
            let all: Vec<PathSet> = sets.iter().map(|set| path_set(set.iter().copied())).collect();
            let mut index = index_of(&all);
            let mut others: BTreeMap<u32, PathSet> = BTreeMap::new();
            for (at, id) in &odd {
                let at = at.index(sets.len());
                if sets[at].contains(id) {
                    let other = others.entry(u32::try_from(at).unwrap()).or_default();
                    *other = other.union(&path_set([*id]));
                }
            }
            let is_file = |at: usize, id: &u32| {
                let other = others.get(&u32::try_from(at).unwrap());
                let is_other = other.is_some_and(|it| it.ids().any(|it| it == *id));
                directories.contains(id) == is_other
            };
            let files: Vec<Plain> = sets
                .iter()
                .enumerate()
                .map(|(at, set)| set.iter().copied().filter(|id| is_file(at, id)).collect())
                .collect();
            for at in &removed {
                index.remove(u32::try_from(at.index(sets.len())).unwrap());
            }
            let alive: Vec<u32> = (0..).zip(index.slots()).filter(|(_, it)| it.alive).map(|(at, _)| at).collect();
            let mut ranking = Ranking::new(&index, &path_set(directories.iter().copied()), &others);
            // Kept and brought back, it is the same.
            let parts = ranking.to_parts();
            ranking = Ranking::from_parts(parts.clone(), &index).unwrap();
            prop_assert_eq!(ranking.to_parts(), parts.clone());
            let short = RankingParts { missing: Vec::new(), ..parts };
            prop_assert!(Ranking::from_parts(short, &index).is_none());
            let mut scratch = (Scratch::default(), Scratch::default());
            // All that are there, and some that are not, one of them with paths that none has.
            let strange = unseen.last().map(|set| set.iter().map(|id| id + 250).collect());
            let own = alive.iter().map(|at| files[*at as usize].clone());
            for (child, own) in own.zip(alive.iter().map(|at| Some(*at)))
                .chain(unseen.iter().cloned().chain(strange).map(|set| (set, None)))
            {
                let mut lineup: Vec<PathSet> =
                    alive.iter().map(|at| path_set(files[*at as usize].iter().copied())).collect();
                let place = own.and_then(|own| alive.iter().position(|at| *at == own));
                let child = path_set(child.iter().copied());
                let strange = path_set(child.ids().filter(|id| directories.contains(id)));
                if own.is_none() {
                    lineup.push(child.clone());
                }
                let number = u32::try_from(place.unwrap_or(lineup.len() - 1)).unwrap();
                let expected = Candidates::rank(&lineup.iter().collect::<Vec<_>>());
                let found = ranking.of(&index, (&child, &strange), (&mut scratch.0, &mut scratch.1));
                let expected_of: Vec<Candidate> = expected
                    .of(number)
                    .iter()
                    .map(|it| Candidate { image: alive[it.image as usize], ..*it })
                    .collect();
                prop_assert_eq!(&found.candidates, &expected_of);
                if let Some(own) = own {
                    let asked = (own, &child, &strange);
                    let scores = ranking.scores(&index, asked, &mut scratch.1);
                    for (at, other) in (0..).zip(&alive) {
                        let of = expected.of(at).iter().find(|it| it.image == number);
                        if let Some(candidate) = of {
                            let score = scores[*other as usize].unwrap();
                            prop_assert!((score - candidate.score()).abs() < 1e-6);
                        }
                    }
                }
                let first = expected.first_twin(number);
                let twin = alive.get(first as usize).filter(|_| own.is_some() || first != number);
                prop_assert_eq!(found.twin, twin.copied().filter(|_| !child.is_empty()));
                for (at, files) in files.iter().enumerate() {
                    let files = path_set(files.iter().copied());
                    prop_assert_eq!(found.overlaps[at], files.overlap(&child));
                    prop_assert_eq!(u64::from(ranking.sizes[at]), files.len());
                }
            }
        }
    }
}
