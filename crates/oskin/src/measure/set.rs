//! Set measures: functions of an [`Overlap`] with values in `0..=1`.

use crate::path_set::Overlap;
use std::fmt;
use std::str::FromStr;

/// A similarity of two path sets.
///
/// With `a` and `b` the sizes of the left and the right set and `c` the size of what they share.
/// Every measure of two empty sets is 1; of an empty set and any other it is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// `2c / (a + b)` (Dice 1945); the founding text's score. Answers "how alike are they overall?".
    #[default]
    Dice,
    /// `c / (a + b - c)` (Jaccard 1912). Orders pairs as Dice does, but falls faster; its
    /// complement is a metric.
    Jaccard,
    /// `c / a`: which share of the left set lies in the right one. Answers "is the left one a part
    /// of the right one?". Not symmetric.
    ContainmentLeft,
    /// `c / b`: which share of the right set lies in the left one.
    ContainmentRight,
    /// `c / min(a, b)` (Szymkiewicz 1934, Simpson 1943): the larger of both containments. Answers "is
    /// one of them a part of the other?" without telling which.
    OverlapCoefficient,
    /// `c / sqrt(a b)` (Ochiai 1957): the cosine of the two sets as vectors of zeros and ones, the
    /// geometric mean of both containments. Between Dice and the overlap coefficient where sizes
    /// differ, never below Dice.
    Cosine,
}

impl Measure {
    /// All measures, in the order in which reports list them.
    pub const ALL: [Self; 6] = [
        Self::Dice,
        Self::Jaccard,
        Self::ContainmentLeft,
        Self::ContainmentRight,
        Self::OverlapCoefficient,
        Self::Cosine,
    ];

    /// The name used in reports and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dice => "dice",
            Self::Jaccard => "jaccard",
            Self::ContainmentLeft => "containment",
            Self::ContainmentRight => "containment-right",
            Self::OverlapCoefficient => "overlap",
            Self::Cosine => "cosine",
        }
    }

    /// Whether both directions of a pair have the same similarity.
    pub const fn is_symmetric(self) -> bool {
        !matches!(self, Self::ContainmentLeft | Self::ContainmentRight)
    }

    /// The similarity that three counts stand for, in `0..=1`.
    ///
    /// ```
    /// use oskin::measure::Measure;
    /// use oskin::path_set::Overlap;
    ///
    /// let overlap = Overlap { common: 394, left_only: 0, right_only: 4 };
    /// assert_eq!(format!("{:.6}", Measure::Dice.of(overlap)), "0.994949");
    /// assert_eq!(Measure::ContainmentLeft.of(overlap), 1.0);
    /// ```
    pub fn of(self, overlap: Overlap) -> f64 {
        let (a, b, c) = (overlap.left(), overlap.right(), overlap.common);
        if a == 0 || b == 0 {
            return if a == b { 1.0 } else { 0.0 };
        }
        match self {
            Self::Dice => 2.0 * c as f64 / (a + b) as f64,
            Self::Jaccard => c as f64 / (a + b - c) as f64,
            Self::ContainmentLeft => c as f64 / a as f64,
            Self::ContainmentRight => c as f64 / b as f64,
            Self::OverlapCoefficient => c as f64 / a.min(b) as f64,
            // Exactly as containment says it, so that equal sets have exactly 1.
            Self::Cosine if a == b => c as f64 / a as f64,
            Self::Cosine => (c as f64 / a as f64 * (c as f64 / b as f64)).sqrt(),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Measure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|measure| measure.name() == text).ok_or_else(|| {
            format!(
                "unknown measure {text:?}, expected dice, jaccard, containment, containment-right, overlap or cosine"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Weighting, Weights};
    use crate::path_set::PathSet;
    use proptest::collection::btree_set;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn measures_are_what_they_say(
            left in btree_set(0_u32..12, 0..12),
            right in btree_set(0_u32..12, 0..12),
            third in btree_set(0_u32..12, 0..12),
            weighting in prop::sample::select(&[Weighting::None, Weighting::Rarity]),
        ) {
            let own = |set: &BTreeSet<u32>| PathSet::from_unsorted(set.iter().copied().collect());
            let sets = [own(&left), own(&right), own(&third)];
            let weights = Weights::by_rarity(&sets.each_ref(), weighting);
            let weight = |set: &BTreeSet<u32>| weights.of_set(&own(set));
            let common = weight(&left.intersection(&right).copied().collect());
            let overlap = Overlap::of_sizes(common, weight(&left), weight(&right));
            let value = |measure: Measure| measure.of(overlap);
            let is_one = |measure: Measure| value(measure).to_bits() == 1.0_f64.to_bits();
            for measure in Measure::ALL {
                prop_assert!((0.0..=1.0).contains(&value(measure)), "{} {:?}", measure, overlap);
                let swapped = measure.of(overlap.swapped());
                if measure.is_symmetric() {
                    prop_assert_eq!(value(measure).to_bits(), swapped.to_bits());
                }
            }
            for measure in [Measure::Dice, Measure::Jaccard, Measure::Cosine] {
                prop_assert_eq!(is_one(measure), left == right);
            }
            // An empty set is a part of every set, but as alike as can be only to another empty one.
            let is_part = |a: &BTreeSet<u32>, b: &BTreeSet<u32>| a.is_subset(b) && (!a.is_empty() || b.is_empty());
            prop_assert_eq!(is_one(Measure::ContainmentLeft), is_part(&left, &right));
            prop_assert_eq!(is_one(Measure::ContainmentRight), is_part(&right, &left));
            prop_assert_eq!(
                is_one(Measure::OverlapCoefficient),
                is_part(&left, &right) || is_part(&right, &left)
            );
            let near = 1e-12;
            prop_assert!(value(Measure::Jaccard) <= value(Measure::Dice) + near);
            prop_assert!(value(Measure::Dice) <= value(Measure::Cosine) + near);
            prop_assert!(value(Measure::Cosine) <= value(Measure::OverlapCoefficient) + near);
        }
    }

    #[test]
    fn empty_sets_are_alike_only_to_each_other() {
        let none = Overlap::default();
        let some = Overlap { common: 0, left_only: 0, right_only: 3 };
        for measure in Measure::ALL {
            assert_eq!(measure.of(none).to_bits(), 1.0_f64.to_bits());
            assert_eq!(measure.of(some).to_bits(), 0.0_f64.to_bits());
            assert_eq!(measure.of(some.swapped()).to_bits(), 0.0_f64.to_bits());
        }
    }
}
