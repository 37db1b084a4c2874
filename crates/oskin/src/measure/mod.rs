//! How alike images are: measures over exact counts, all pairs, and the order that makes them readable.
//!
//! Nothing here does I/O or fails; counts stay integers until a [`Measure`] divides them.

mod cluster;
mod gram;
mod leaf_order;
mod matrix;
mod panel;
mod segments;
mod set;

pub use cluster::{Dendrogram, Merge};
pub use matrix::OverlapMatrix;
pub use set::Measure;
