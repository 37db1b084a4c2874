//! What is typed to ask what became of paths.

use super::{listed, similarity};
use clap::Args;
use oskin::measure::LEAST_ALIKE;
use oskin::path_set::Selection;
use std::ffi::OsString;

/// Whose paths are held against each other, and what is told of them.
#[derive(Args, Clone, Debug)]
pub(crate) struct AskedPaths {
    /// An image
    pub(crate) left: OsString,
    /// Another
    pub(crate) right: OsString,
    /// files (all that is not a directory), directories, both
    #[arg(long, default_value_t, value_name = "SELECTION")]
    pub(crate) selection: Selection,
    /// As text, list so many directories and so many single paths
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = listed)]
    pub(crate) top: usize,
    /// As text, list all
    #[arg(long, conflicts_with = "top")]
    pub(crate) all: bool,
    /// How alike two paths must be that nothing but their names speaks for, 0 to 1
    #[arg(long, default_value_t = LEAST_ALIKE, value_name = "VALUE", value_parser = similarity)]
    pub(crate) min_similarity: f64,
}
