//! What is asked of environments and software.

use clap::Args;
use oskin::measure::PERMUTATIONS;

/// Whether the environments of images follow their software.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct AskedEnvironment {
    /// Ask instead whether the environments that images declare follow their software
    #[arg(
        long,
        conflicts_with_all = ["leave_parent_out", "delete", "strip_docs", "upgrade"]
    )]
    pub(crate) environment: bool,
    /// In how many orders of the images the correlation is looked for
    #[arg(
        long,
        default_value_t = PERMUTATIONS,
        value_name = "N",
        requires = "environment",
        conflicts_with = "measures",
        value_parser = clap::value_parser!(u64).range(1..=10_000_000)
    )]
    pub(crate) permutations: u64,
}
