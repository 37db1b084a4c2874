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
/// alike first, of equals the first that came. O(candidates + `most` log `most`), memory for twice as
/// many as are wanted.
pub fn nearest(candidates: impl Iterator<Item = Near>, most: usize) -> Vec<Near> {
    let order = |a: &Near, b: &Near| b.value.total_cmp(&a.value).then(a.other.cmp(&b.other));
    let Some(last) = most.checked_sub(1) else { return Vec::new() };
    let mut near: Vec<Near> = Vec::new();
    // What later ones must exceed; of equals the earlier stays.
    let mut worst = f64::NEG_INFINITY;
    for candidate in candidates {
        if candidate.value > worst {
            near.push(candidate);
            if near.len() >= most.saturating_mul(2) {
                near.select_nth_unstable_by(last, order);
                near.truncate(most);
                worst = near[last].value;
            }
        }
    }
    near.sort_unstable_by(order);
    near.truncate(most);
    near
}
