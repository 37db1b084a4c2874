//! Hierarchical clustering of images and the leaf order that puts alike ones side by side.

/// One step of a hierarchical clustering: two clusters become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Merge {
    /// The cluster drawn first. Numbers below `n` are images, number `n + k` is the result of merge `k`.
    pub left: u32,
    /// The cluster drawn second.
    pub right: u32,
    /// The distance at which they merge, `1 - similarity`, in `0..=1`; never falls from merge to merge.
    pub height: f32,
}

/// A binary tree over `n` images with an order of its leaves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dendrogram {
    /// The `n - 1` merges in order of height (none for fewer than two images); `left` and `right`
    /// are oriented as [`order`](Self::order) draws them.
    pub merges: Vec<Merge>,
    /// The images from first to last drawn: a permutation of `0..n`, and one that the tree allows
    /// (the leaves of every cluster lie side by side).
    pub order: Vec<u32>,
}
