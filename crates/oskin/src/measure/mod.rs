//! How alike images are: measures over exact counts, all pairs, and the order that makes them readable.
//!
//! Nothing here does I/O or fails; counts stay integers until a [`Measure`] divides them.

mod all_pairs;
mod cluster;
pub mod corpus;
mod counterpart;
mod descent;
mod edges;
mod environment;
mod family;
mod features;
mod gram;
pub mod graph;
mod history;
mod index;
mod leaf_order;
mod levels;
mod mantel;
mod matrix;
mod method;
mod near;
mod packages;
mod panel;
mod popular;
mod relatives;
mod rows;
mod segments;
mod set;
mod similarities;
mod sketch;
mod weights;
mod whole_rows;

pub use all_pairs::{AllPairs, PairRow};
pub use cluster::{Dendrogram, Merge};
pub use counterpart::{
    Counterpart, Counterparts, Item, Kind, LEAST_ALIKE, Subtree, counterparts, similarity,
};
pub use descent::{Branch, Descent, Forest};
pub use environment::{Environment, alike};
pub use family::Family;
pub use features::{Fact, Features, Prepared, Subject};
pub use history::Sum;
pub use index::{
    BLOCK_IDS, Block, CHUNKS, Changes, Chunks, DEEPEST, Node, OverlapIndex, Parts, Piece,
    STATION_EVENTS, Scratch, Slot, Station, Ways,
};
pub use levels::{Levels, Multiset};
pub use mantel::{
    Chance, Correlated, Correlation, LEAST_IMAGES, Mantel, PERMUTATIONS, Scope, Triangle, mantel,
};
pub use matrix::{FAMILY_SETS, OverlapMatrix};
pub use method::{Basis, Method};
pub use near::{Near, nearest};
pub use packages::{PackageKey, PackageSelection, package_sets};
pub use relatives::find_relatives;
pub use rows::{Row, Rows};
pub use set::Measure;
pub use similarities::{AnyRow, Similarities};
pub use sketch::{CONFIDENCE, DEFAULT_HASHES, Estimate, MAX_HASHES, Probe, Sketch, path_hash};
pub use weights::{UNIT, Weighting, Weights};
