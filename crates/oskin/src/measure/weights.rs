//! What ids weigh, as exact sums over any stretch of them.
//!
//! Weights are integers: of rarity in units of 2⁻²⁴, so that sums are exact and their order is free.
//! What a set weighs then takes the place of its size, and what two share of the count that they share:
//! every set measure has a weighted form (Ruzicka 1958 for Jaccard, Czekanowski 1909 and Bray and Curtis
//! 1957 for Dice).

use crate::path_set::PathSet;
use std::fmt;
use std::str::FromStr;

/// What a path counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weighting {
    /// Each one 1.
    #[default]
    None,
    /// `1 / df`, with `df` in how many of the images it lies: a path that all have counts next to nothing
    /// among many, one that only two have a half.
    Rarity,
    /// `ln(n / df)` of `n` images, the inverse document frequency (Spärck Jones 1972): what all have
    /// counts nothing, and rare ones differ less than by [`Rarity`](Self::Rarity).
    Idf,
    /// The bytes of a file; of one that two have, the smaller of both.
    Bytes,
}

/// A weight of 1, for weights that are no integers.
pub const UNIT: u64 = 1 << 24;

impl Weighting {
    /// All of them, in the order in which reports list them.
    pub const ALL: [Self; 4] = [Self::None, Self::Rarity, Self::Idf, Self::Bytes];

    /// The name used in reports and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Rarity => "rarity",
            Self::Idf => "idf",
            Self::Bytes => "bytes",
        }
    }

    /// What sums of these weights are to be divided by, to be told in paths or bytes.
    pub const fn unit(self) -> u64 {
        match self {
            Self::None | Self::Bytes => 1,
            Self::Rarity | Self::Idf => UNIT,
        }
    }

    /// What an id weighs that lies in `df` of `count` sets, if that is what it depends on.
    fn by_rarity(self, df: u32, count: usize) -> u64 {
        match self {
            Self::None | Self::Bytes => 1,
            Self::Rarity => (UNIT + u64::from(df) / 2) / u64::from(df.max(1)),
            Self::Idf => {
                let weight = (count as f64 / f64::from(df.max(1))).ln().max(0.0) * UNIT as f64;
                // At most 2⁵ times the unit: there are fewer than 2³² sets.
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "above"
                )]
                let weight = weight.round() as u64;
                weight
            }
        }
    }
}

impl fmt::Display for Weighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Weighting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|it| it.name() == text)
            .ok_or_else(|| format!("unknown weight {text:?}, expected none, rarity, idf or bytes"))
    }
}

/// What each id weighs, as sums of all before it: 8 bytes for each stretch of ids of one weight.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    /// Where stretches begin, ascending, the first at 0.
    starts: Vec<u64>,
    /// What each id of a stretch weighs.
    each: Vec<u64>,
    /// What all ids before the stretch weigh.
    before: Vec<u64>,
}

impl Weights {
    /// Weights of ids `0..each.len()`; ids behind them weigh nothing. O(ids).
    pub fn of_ids(each: impl IntoIterator<Item = u64>) -> Self {
        let mut weights = Self::default();
        let mut end = 0;
        for weight in each {
            weights.push(end, weight);
            end += 1;
        }
        weights.push(end, 0);
        weights
    }

    /// What ids weigh by the number of sets that they lie in. O(runs log runs).
    ///
    /// [`Weighting::Bytes`] is no matter of how many have an id, and weighs each 1.
    pub fn by_rarity<'a>(
        sets: impl IntoIterator<Item = &'a PathSet>,
        weighting: Weighting,
    ) -> Self {
        let mut ends: Vec<(u64, i64)> = Vec::new();
        let mut count = 0;
        for set in sets {
            count += 1;
            ends.extend(
                set.runs().iter().flat_map(|it| [(u64::from(it.first), 1), (it.end(), -1)]),
            );
        }
        ends.sort_unstable();
        let mut weights = Self::default();
        let mut df = 0_i64;
        for here in ends.chunk_by(|a, b| a.0 == b.0) {
            let change: i64 = here.iter().map(|(_, change)| change).sum();
            df += change;
            let each = match u32::try_from(df) {
                Ok(0) | Err(_) => 0,
                Ok(df) => weighting.by_rarity(df, count),
            };
            weights.push(here[0].0, each);
        }
        weights
    }

    /// Notes what the ids from `start` on weigh.
    fn push(&mut self, start: u64, each: u64) {
        let Some((&last_start, &last_each)) = self.starts.last().zip(self.each.last()) else {
            if start > 0 {
                self.starts.push(0);
                self.each.push(0);
                self.before.push(0);
                return self.push(start, each);
            }
            self.starts.push(start);
            self.each.push(each);
            self.before.push(0);
            return;
        };
        if last_each != each {
            let before = self.before.last().copied().unwrap_or_default();
            self.before.push(before + (start - last_start) * last_each);
            self.starts.push(start);
            self.each.push(each);
        }
    }

    /// What the ids `start..end` weigh together. O(log stretches).
    pub fn between(&self, start: u64, end: u64) -> u64 {
        self.below(end).saturating_sub(self.below(start))
    }

    /// What a set weighs. O(runs log stretches).
    pub fn of_set(&self, set: &PathSet) -> u64 {
        set.runs().iter().map(|run| self.between(u64::from(run.first), run.end())).sum()
    }

    /// What all ids below one weigh.
    fn below(&self, id: u64) -> u64 {
        let Some(at) = self.starts.partition_point(|start| *start <= id).checked_sub(1) else {
            return 0;
        };
        self.before[at] + (id - self.starts[at]) * self.each[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_those_of_single_ids(
            each in vec(prop_oneof![Just(0_u64), Just(3), 0..9_u64], 0..50),
            start in 0_u64..60,
            len in 0_u64..60,
        ) {
            let weights = Weights::of_ids(each.iter().copied());
            let ids = start..start + len;
            let single = |id: u64| each.get(usize::try_from(id).unwrap()).copied().unwrap_or(0);
            prop_assert_eq!(weights.between(start, start + len), ids.map(single).sum::<u64>());
        }

        #[test]
        fn rarity_counts_the_sets(sets in vec(btree_set(0_u32..40, 0..30), 1..8)) {
            let own: Vec<PathSet> = sets
                .iter()
                .map(|set| PathSet::from_unsorted(set.iter().copied().collect()))
                .collect();
            for weighting in [Weighting::None, Weighting::Rarity, Weighting::Idf] {
                let weights = Weights::by_rarity(&own, weighting);
                for id in 0..45_u32 {
                    let df = sets.iter().filter(|set| set.contains(&id)).count();
                    let expected = match weighting {
                        _ if df == 0 => 0.0,
                        Weighting::Rarity => UNIT as f64 / df as f64,
                        Weighting::Idf => (sets.len() as f64 / df as f64).ln() * UNIT as f64,
                        _ => 1.0,
                    };
                    let weight = weights.between(u64::from(id), u64::from(id) + 1) as f64;
                    prop_assert!((weight - expected).abs() <= 0.5, "{} {} {}", id, weight, expected);
                }
                for set in &own {
                    let ids = set.ids().map(u64::from);
                    let sum: u64 = ids.map(|id| weights.between(id, id + 1)).sum();
                    prop_assert_eq!(weights.of_set(set), sum);
                }
            }
        }
    }
}
