//! Software: what package managers record, what no package manager installed, and what of it makes an image special.
//!
//! Nothing here does I/O: readers take the bytes of one file and tell what it records as a [`Record`].
//! What is damaged is told as a warning and the rest is read on; no reader panics, and none takes more than a
//! small multiple of the memory of its input.

pub mod binary;
mod bounds;
mod change;
mod installed;
mod interest;
mod kinds;
pub mod language;
mod near;
mod origin;
pub mod programs;
mod query;
mod record;
pub mod system;
pub mod tags;
pub mod version;

pub use bounds::NotAQuery;
pub use change::{Change, ChangeKind, changes};
pub use installed::{Installed, Told};
pub use interest::{BEGINNING_BYTES, Interest};
pub use kinds::{KINDS, NotAKind, kind};
pub use near::Likeness;
pub use origin::{Origin, Origins, Recorded};
pub use query::Query;
pub use record::{FoundPackage, Owned, Record};
