//! The nearest of many sets.

use crate::path_set::Overlap;

/// A pair and how alike it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// The number of the other set: the right of the pair.
    pub other: usize,
    /// The exact counts.
    pub overlap: Overlap,
    /// The similarity that they stand for, in `0..=1`.
    pub value: f64,
}

/// The nearest of candidates that come in the order of their numbers, `most` at the most: the most
/// alike first, of equals the one that shares more, then the first that came. So of many sets that are wholly
/// part of one the largest comes first. O(candidates + `most` log `most`), memory for twice as
/// many as are wanted.
pub fn nearest(candidates: impl Iterator<Item = Near>, most: usize) -> Vec<Near> {
    let order = |a: &Near, b: &Near| {
        let by_value = b.value.total_cmp(&a.value);
        by_value.then(b.overlap.common.cmp(&a.overlap.common)).then(a.other.cmp(&b.other))
    };
    let Some(last) = most.checked_sub(1) else { return Vec::new() };
    let mut near: Vec<Near> = Vec::new();
    // What later ones must exceed in value, or in what they share; of equals the earlier stays.
    let mut worst = (f64::NEG_INFINITY, 0);
    for candidate in candidates {
        if (candidate.value, candidate.overlap.common) > worst {
            near.push(candidate);
            if near.len() >= most.saturating_mul(2) {
                near.select_nth_unstable_by(last, order);
                near.truncate(most);
                worst = (near[last].value, near[last].overlap.common);
            }
        }
    }
    near.sort_unstable_by(order);
    near.truncate(most);
    near
}
