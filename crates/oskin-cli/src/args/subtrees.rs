//! What is typed to ask for subtrees that lie elsewhere.

use super::{Reading, listed};
use clap::Args;
use oskin::measure::graph::DEFAULT_MIN_PATHS;
use std::ffi::OsString;

/// Two images, and what of their subtrees is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct AskedSubtrees {
    /// An image
    pub(crate) left: OsString,
    /// Another
    pub(crate) right: OsString,
    /// Tell subtrees with N common paths or more
    #[arg(long, default_value_t = DEFAULT_MIN_PATHS, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) min_paths: u64,
    /// Files are the same only if their contents are
    #[arg(long)]
    pub(crate) contents: bool,
    /// List the K largest [default: 20 as text, else all]
    #[arg(long, value_name = "K", value_parser = listed)]
    pub(crate) top: Option<usize>,
    #[command(flatten)]
    pub(crate) reading: Reading,
}
