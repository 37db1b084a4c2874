//! Large catalogs of images with known parents, to measure and to judge oskin on.
//!
//! Real collections of ten thousand images are not at hand, so they are made: real base systems,
//! the dependency closures of a real distribution, and what else people do in their build files.
//! The same seed and the same indexes give the same bytes.

pub mod bases;
pub mod clock;
pub mod contents;
pub mod corpus;
pub mod dense;
pub mod fill;
pub mod index;
pub mod make;
pub mod pool;
mod popular;
pub mod postings;
pub mod random;
pub mod stats;
mod steps;
pub mod suite;

pub use corpus::{Corpus, Delta};
