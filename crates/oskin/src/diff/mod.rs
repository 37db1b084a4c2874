//! What exactly differs between two images, and what one image writes twice.
//!
//! Everything here is counted from inventories and declarations that are at hand: no file is read, nothing fails.

mod fold;
mod walk;

pub use fold::{Line, Rollup, Tree, What};
pub use walk::{Change, Class, Count, Differences};
