//! What ids weigh, as exact sums over any stretch of them.
//!
//! Weights are integers: of rarity in units of 2⁻²⁴, so that sums are exact and their order is free.
//! What a set weighs then takes the place of its size, and what two share of the count that they share:
//! every set measure has a weighted form (Ruzicka 1958 for Jaccard, Czekanowski 1909 and Bray and Curtis
//! 1957 for Dice).

use super::edges::{Edges, Window};
use crate::path_set::PathSet;
use std::cmp::Ordering;
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

/// The most runs that are looked at at once (60 bytes each).
const WINDOW_RUNS: usize = 1 << 20;

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

    /// What ids weigh by the number of sets that they lie in. O(runs + ids), or O(runs log runs) where ids lie
    /// far apart.
    ///
    /// [`Weighting::Bytes`] is no matter of how many have an id, and weighs each 1.
    pub fn by_rarity(sets: &[&PathSet], weighting: Weighting) -> Self {
        let each: Vec<u64> =
            (0..).take(sets.len() + 1).map(|df| weighting.by_rarity(df, sets.len())).collect();
        let mut weights = Self::default();
        let mut from = 0;
        while let Some(window) = Window::next(sets, from, WINDOW_RUNS) {
            let edges = Edges::of(sets, window);
            // By how many sets more each segment is had than the one before it.
            let mut changes = vec![0_i64; edges.len()];
            for set in sets {
                let mut change = 1;
                edges.for_each(set, |position| {
                    changes[position] += change;
                    change = -change;
                });
            }
            let mut df = 0_i64;
            for ((start, _), change) in edges.segments().zip(&changes) {
                df += change;
                let held = usize::try_from(df).unwrap_or_default();
                weights.push(start, if held == 0 { 0 } else { each[held] });
            }
            weights.push(window.end, 0);
            from = window.end;
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

    /// What each id weighs here times what it weighs there. O(stretches of both).
    pub(super) fn times(&self, other: &Self) -> Self {
        let mut weights = Self::default();
        let (mut here, mut there) = (0, 0);
        while let (Some(start), Some(other_start)) =
            (self.starts.get(here), other.starts.get(there))
        {
            weights.push(*start.max(other_start), self.each[here] * other.each[there]);
            // Go on to the stretch that begins next; the last of either goes on without end, and weighs 0.
            match (self.starts.get(here + 1), other.starts.get(there + 1)) {
                (Some(next), Some(other_next)) => match next.cmp(other_next) {
                    Ordering::Less => here += 1,
                    Ordering::Greater => there += 1,
                    Ordering::Equal => (here, there) = (here + 1, there + 1),
                },
                (Some(_), None) => here += 1,
                (None, _) => there += 1,
            }
        }
        weights
    }

    /// What all ids below one weigh.
    fn below(&self, id: u64) -> u64 {
        self.below_from(self.starts.partition_point(|start| *start <= id), id)
    }

    /// The same, if the number of stretches that begin at or before the id is known.
    fn below_from(&self, begun: usize, id: u64) -> u64 {
        let Some(at) = begun.checked_sub(1) else { return 0 };
        self.before[at] + (id - self.starts[at]) * self.each[at]
    }

    /// What the ids of each of many stretches weigh. They must not overlap, and ascend: then all of them together take O(stretches).
    pub(super) fn of_ascending(
        &self,
        ids: impl Iterator<Item = (u64, u64)>,
    ) -> impl Iterator<Item = u64> {
        let mut begun = 0;
        let mut below = move |id: u64| {
            while self.starts.get(begun).is_some_and(|start| *start <= id) {
                begun += 1;
            }
            self.below_from(begun, id)
        };
        ids.map(move |(start, end)| {
            let before = below(start);
            below(end) - before
        })
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
            let cuts = [(0, start), (start, start + len), (start + len, start + len + 3)];
            let each: Vec<u64> = weights.of_ascending(cuts.into_iter()).collect();
            let expected = cuts.map(|(start, end)| weights.between(start, end));
            prop_assert_eq!(each, expected);
        }

        #[test]
        fn products_are_those_of_single_ids(
            left in vec(0..3_u64, 0..20),
            right in vec(0..3_u64, 0..20),
        ) {
            let of = |each: &Vec<u64>| Weights::of_ids(each.iter().copied());
            let product = of(&left).times(&of(&right));
            for id in 0..25 {
                let each = |all: &Vec<u64>| all.get(id).copied().unwrap_or(0);
                let found = product.between(id as u64, id as u64 + 1);
                prop_assert_eq!(found, each(&left) * each(&right));
            }
        }

        #[test]
        fn rarity_counts_the_sets(sets in vec(btree_set(0_u32..40, 0..30), 1..8)) {
            let own: Vec<PathSet> = sets
                .iter()
                .map(|set| PathSet::from_unsorted(set.iter().copied().collect()))
                .collect();
            for weighting in [Weighting::None, Weighting::Rarity, Weighting::Idf] {
                let weights = Weights::by_rarity(&own.iter().collect::<Vec<_>>(), weighting);
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
