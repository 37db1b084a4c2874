//! What `oskin evaluate` is asked, as it is typed.

use super::{AskedEnvironment, share};
use clap::Args;
use oskin::lineage::Perturbation;
use std::path::PathBuf;

/// Whether measures are judged.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct AskedMeasures {
    /// Judge instead which measure, under which selection, weight and view, finds parents, base families,
    /// releases and the same software
    #[arg(long, conflicts_with_all = ["paths_only", "leave_parent_out", "delete", "strip_docs", "upgrade", "environment"])]
    pub(crate) measures: bool,
    /// Tell the time that a pair takes too
    #[arg(long, requires = "measures", conflicts_with = "environment")]
    pub(crate) cost: bool,
}

/// What is judged by known parents.
#[derive(Args, Clone, Debug)]
pub(crate) struct Evaluating {
    /// The known parents; with --environment the base families, else those found
    #[arg(long, value_name = "FILE", required_unless_present = "environment")]
    pub(crate) truth: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) environment: AskedEnvironment,
    /// Look at paths alone: no layers, no contents
    #[arg(long)]
    pub(crate) paths_only: bool,
    #[command(flatten)]
    pub(crate) measures: AskedMeasures,
    /// Take each known parent out of the catalog in turn
    #[arg(long)]
    pub(crate) leave_parent_out: bool,
    /// Delete this share of the files of each image in turn, 0 to 1 or in %; several with , between
    #[arg(long, value_name = "SHARE", value_delimiter = ',', value_parser = share)]
    delete: Vec<f64>,
    /// Delete documentation, manuals and translations of each image in turn
    #[arg(long)]
    strip_docs: bool,
    /// Upgrade packages of each image in turn: this share of them, or 15 % if none is given
    #[arg(
        long,
        value_name = "SHARE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0.15",
        value_delimiter = ',',
        value_parser = share
    )]
    upgrade: Vec<f64>,
    /// What the choice of files and packages follows from: any number
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
}

impl Evaluating {
    /// The changes that were asked for.
    pub(crate) fn perturbations(&self) -> Vec<Perturbation> {
        let delete = self.delete.iter().copied().map(Perturbation::Delete);
        let strip = self.strip_docs.then_some(Perturbation::StripDocs);
        delete.chain(strip).chain(self.upgrade.iter().copied().map(Perturbation::Upgrade)).collect()
    }
}
