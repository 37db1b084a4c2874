//! Who descends from whom: parents by paths, by layers and by content, and the graph they make.
//!
//! Pure: no I/O, nothing fails, and no name of an image is ever looked at.

mod chain;
mod look;
mod parent;
mod weights;

pub use chain::{Base, Chain, bases};
pub use look::Look;
pub use parent::{Candidate, Candidates, LAMBDA};
