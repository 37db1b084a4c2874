//! How alike images are: measures over exact counts, all pairs, and the order that makes them readable.
//!
//! Nothing here does I/O or fails; counts stay integers until a [`Measure`] divides them.

mod all_pairs;
mod cluster;
mod counterpart;
mod descent;
mod edges;
mod family;
mod gram;
mod history;
mod index;
mod leaf_order;
mod matrix;
mod near;
mod panel;
mod popular;
mod relatives;
mod rows;
mod segments;
mod set;
mod sketch;
mod weights;
mod whole_rows;

pub use all_pairs::{AllPairs, PairRow};
pub use cluster::{Dendrogram, Merge};
pub use counterpart::{
    Counterpart, Counterparts, Item, Kind, LEAST_ALIKE, Subtree, counterparts, similarity,
};
pub use descent::{Branch, Descent, Forest};
pub use family::Family;
pub use history::Sum;
pub use index::{
    BLOCK_IDS, Block, CHUNKS, Changes, Chunks, DEEPEST, Node, OverlapIndex, Parts, Piece,
    STATION_EVENTS, Scratch, Slot, Station, Ways,
};
pub use matrix::{FAMILY_SETS, OverlapMatrix};
pub use near::{Near, nearest};
pub use relatives::find_relatives;
pub use rows::{Row, Rows};
pub use set::Measure;
pub use sketch::{CONFIDENCE, DEFAULT_HASHES, Estimate, MAX_HASHES, Probe, Sketch, path_hash};
pub use weights::{UNIT, Weighting, Weights};
