//! Directory trees as labelled graphs, wherever a subtree hangs: their edges, their subtrees cut at each
//! level, and which subtrees of one lie elsewhere in the other.
//!
//! [`edges`] and [`subtrees`] turn a tree into a multiset of [`Feature`]s, of which [`overlap`] makes the three
//! counts that every set measure takes. [`matches()`] says what lies where.

mod aligned;
mod features;
mod matches;
mod tree;

pub use features::{DEFAULT_LEVELS, Feature, edges, overlap, subtrees, whole_subtrees};
pub use matches::{DEFAULT_MIN_PATHS, MatchedDirectory, Matches, SubtreeMatch, matches};
pub use tree::Tree;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
