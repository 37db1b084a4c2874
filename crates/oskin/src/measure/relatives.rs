//! Finds for each set a smaller one that it differs little from, where nobody tells.
//!
//! A [`Family`](super::Family) wants relatives that are near; the nearest is not needed, so it is
//! not searched. One id of each block of ids is a *sample*, always the same one, so that what two
//! sets share of their samples tells what they share. The rarest samples of a set point to sets
//! that may be near (a *candidate* is named by many of them, and of each list only both ends are
//! looked at: there are the smallest sets, among them the bases, and those of nearly its own size);
//! the samples of the best candidates are compared, and then a few sets themselves.
//!
//! Cost: about 35 microseconds for a set of 15,000 paths, in proportion to the number of sets and
//! not to that of pairs. Wrong or missing relatives make later counting slower, never wrong.

use super::family::index;
use crate::path_set::{Delta, PathSet};
use rayon::prelude::*;

/// Samples wanted of a set of mean size.
const MEAN_SAMPLES: u64 = 256;

/// How many of a set's rarest samples name candidates.
const ASKED_SAMPLES: usize = 48;

/// How many sets a sample names: the smallest, and those closest in size.
const NAMED_SMALL: usize = 4;
const NAMED_NEAR: usize = 12;

/// How many candidates are compared by their samples, and how many then as sets.
const COMPARED_SAMPLES: usize = 12;
const COMPARED_SETS: usize = 2;

/// A near and not larger set for each, by number; `None` where nothing shares half of it.
///
/// Sets of one size are ordered by number, so relatives never lead in a circle. The same sets give
/// the same relatives, with any number of threads.
pub fn find_relatives(sets: &[&PathSet]) -> Vec<Option<u32>> {
    let sizes: Vec<u64> = sets.iter().map(|set| set.len()).collect();
    let mut by_size: Vec<u32> = (0..index(sets.len())).collect();
    by_size.sort_by_key(|&set| (sizes[set as usize], set));
    let samples = Samples::of(sets, &by_size);
    let mut relatives = vec![None; sets.len()];
    let ranks: Vec<u32> = (0..index(by_size.len())).collect();
    let found: Vec<Option<u32>> = ranks
        .par_iter()
        .with_min_len(64)
        .map_init(Votes::default, |votes, &rank| {
            let candidates = samples.candidates(rank, votes);
            let set = sets[by_size[rank as usize] as usize];
            let differs = |&rank: &u32| {
                let other = sets[by_size[rank as usize] as usize];
                (Delta::len_between(other, set), rank)
            };
            let best = candidates.iter().map(differs).min()?;
            (best.0 < set.len()).then_some(by_size[best.1 as usize])
        })
        .collect();
    for (&set, relative) in by_size.iter().zip(found) {
        relatives[set as usize] = relative;
    }
    relatives
}

/// The samples of sets; sets are known by their rank in order of size.
struct Samples {
    /// The samples of each rank, ascending.
    blocks: Vec<u32>,
    block_ends: Vec<usize>,
    /// The ranks that have each sample, ascending.
    holders: Vec<u32>,
    holder_ends: Vec<usize>,
}

impl Samples {
    fn of(sets: &[&PathSet], by_size: &[u32]) -> Self {
        let total: u64 = sets.iter().map(|set| set.len()).sum();
        let block = (total / (sets.len() as u64 * MEAN_SAMPLES).max(1)).max(1);
        let mut samples = Vec::new();
        let mut sample_ends = Vec::with_capacity(sets.len());
        for &set in by_size {
            push_samples(&mut samples, sets[set as usize], block);
            sample_ends.push(samples.len());
        }
        // Blocks get consecutive numbers, so that holders can be kept by them.
        let mut blocks = samples.clone();
        blocks.sort_unstable();
        blocks.dedup();
        let mut holder_ends = vec![0; blocks.len() + 1];
        for sample in &mut samples {
            let number = blocks.partition_point(|block| block < sample);
            *sample = index(number);
            holder_ends[number + 1] += 1;
        }
        for number in 1..holder_ends.len() {
            holder_ends[number] += holder_ends[number - 1];
        }
        let mut this =
            Self { blocks: samples, block_ends: sample_ends, holders: Vec::new(), holder_ends };
        this.holders = vec![0; this.blocks.len()];
        for rank in 0..index(by_size.len()) {
            let range = this.range(rank);
            for sample in range {
                let place = &mut this.holder_ends[this.blocks[sample] as usize];
                this.holders[*place] = rank;
                *place += 1;
            }
        }
        this
    }

    fn range(&self, rank: u32) -> std::ops::Range<usize> {
        let start = rank.checked_sub(1).map_or(0, |before| self.block_ends[before as usize]);
        start..self.block_ends[rank as usize]
    }

    fn samples(&self, rank: u32) -> &[u32] {
        &self.blocks[self.range(rank)]
    }

    fn holders(&self, sample: u32) -> &[u32] {
        let start = sample.checked_sub(1).map_or(0, |before| self.holder_ends[before as usize]);
        &self.holders[start..self.holder_ends[sample as usize]]
    }

    /// Ranks before `rank` whose sets are likely to be near, the likeliest first.
    fn candidates(&self, rank: u32, votes: &mut Votes) -> Vec<u32> {
        let own = self.samples(rank);
        let mut asked: Vec<(usize, u32)> =
            own.iter().map(|&sample| (self.holders(sample).len(), sample)).collect();
        asked.retain(|(holders, _)| *holders > 1);
        if asked.len() > ASKED_SAMPLES {
            asked.select_nth_unstable(ASKED_SAMPLES);
            asked.truncate(ASKED_SAMPLES);
        }
        for &(_, sample) in &asked {
            let holders = self.holders(sample);
            let smaller = &holders[..holders.partition_point(|holder| *holder < rank)];
            let near = smaller.len().saturating_sub(NAMED_NEAR);
            smaller[..near.min(NAMED_SMALL)].iter().for_each(|&holder| votes.add(holder));
            smaller[near..].iter().for_each(|&holder| votes.add(holder));
        }
        let named = votes.best(COMPARED_SAMPLES);
        let mut compared: Vec<(usize, u32)> = named
            .into_iter()
            .map(|other| {
                let theirs = self.samples(other);
                (own.len() + theirs.len() - 2 * common(own, theirs), other)
            })
            .collect();
        compared.sort_unstable();
        compared.truncate(COMPARED_SETS);
        compared.into_iter().map(|(_, other)| other).collect()
    }
}

/// Appends the blocks whose sample a set holds, ascending.
fn push_samples(samples: &mut Vec<u32>, set: &PathSet, block: u64) {
    for run in set.runs() {
        let (start, end) = (u64::from(run.first), run.end());
        for number in start / block..=(end - 1) / block {
            let sample = number * block + scatter(number) % block;
            if (start..end).contains(&sample) {
                samples.push(u32::try_from(number).unwrap_or(u32::MAX));
            }
        }
    }
}

/// A number as good as random for each number: the output function of `SplitMix64` (Steele, Lea and
/// Flood 2014).
pub(super) fn scatter(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// How many numbers two ascending lists share.
fn common(left: &[u32], right: &[u32]) -> usize {
    let (mut i, mut j, mut count) = (0, 0, 0);
    while let (Some(a), Some(b)) = (left.get(i), right.get(j)) {
        count += usize::from(a == b);
        i += usize::from(a <= b);
        j += usize::from(b <= a);
    }
    count
}

/// Who was named how often.
#[derive(Default)]
struct Votes {
    counts: Vec<u16>,
    named: Vec<u32>,
}

impl Votes {
    fn add(&mut self, rank: u32) {
        if self.counts.len() <= rank as usize {
            self.counts.resize(rank as usize + 1, 0);
        }
        let count = &mut self.counts[rank as usize];
        if *count == 0 {
            self.named.push(rank);
        }
        *count = count.saturating_add(1);
    }

    /// The most often named, of equals the smallest; forgets all.
    fn best(&mut self, most: usize) -> Vec<u32> {
        let mut named = std::mem::take(&mut self.named);
        let key = |rank: &u32| (u16::MAX - self.counts[*rank as usize], *rank);
        if named.len() > most {
            named.select_nth_unstable_by_key(most, key);
        }
        let rest = named.iter().skip(most).copied().collect::<Vec<_>>();
        named.truncate(most);
        named.sort_unstable_by_key(key);
        for rank in rest.iter().chain(&named) {
            self.counts[*rank as usize] = 0;
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::family::tests::{path_sets, related_sets};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn relatives_are_smaller_and_share_half(sets in related_sets(60)) {
            let own = path_sets(&sets);
            let sets: Vec<&PathSet> = own.iter().collect();
            let relatives = find_relatives(&sets);
            prop_assert_eq!(relatives.len(), sets.len());
            for (number, relative) in relatives.iter().enumerate() {
                let Some(relative) = relative.map(|relative| relative as usize) else { continue };
                prop_assert!((own[relative].len(), relative) < (own[number].len(), number));
                let delta = Delta::between(&own[relative], &own[number]);
                prop_assert!(delta.len() < own[number].len());
            }
        }
    }

    #[test]
    fn a_chain_of_growing_sets_is_found() {
        // Each holds the one before and 100 ids more, and nothing else comes as near.
        let sets: Vec<PathSet> = (0..50)
            .map(|more| {
                PathSet::from_ascending((0..5_000 + more * 100).map(crate::path_set::PathId))
            })
            .collect();
        let relatives = find_relatives(&sets.iter().collect::<Vec<_>>());
        let found = (1..50_u32).filter(|set| relatives[*set as usize] == Some(set - 1)).count();
        assert_eq!(relatives[0], None);
        assert_eq!(found, 49);
    }
}
