//! What `oskin evaluate` is asked, as it is typed.

use super::judging::SOFTWARE_HELP;
use super::{AskedEnvironment, JudgedPackages, JudgedTags, share};
use clap::Args;
use oskin::lineage::Perturbation;
use std::path::PathBuf;

/// What is told of evaluations, for those who ask for help.
const HELP: &str = "\
    FILE has tab-separated columns with a heading, among them image and parent; a parent `-` is none, \
    `?` is not known. A parent that is not in the catalog stands for its own parent, if FILE names \
    that, or else for none. A column base_family may name the family of an image; without it that is \
    the base which FILE leads to.\n\n\
    \"Parent first\" and \"as good\" are of the images that have a known parent in the catalog: is it \
    the best candidate, or named as good as that? \"Decisions\" are of all images: the known parent was \
    named, or none where there is none. Intervals are those of Wilson: in 95 of 100 cases they hold the \
    true share.\n\n\
    --delete, --strip-docs and --upgrade change one image at a time, the others stay as they are, and \
    ask by paths alone whether its parent is still found. --leave-parent-out asks what is found where \
    the parent and all with the same files are not there: right is the next known ancestor, or none. \
    The rule has no parameter that is fitted to FILE, so none has to be left out for it.\n\n\
    --environment asks something else: whether images that declare alike environments hold alike software, \
    by Mantel tests of all pairs, with the base family held constant, and within base families. These are \
    taken from FILE if there is one, else from the family graph.\n\n\
    -o csv and -o tsv write the figures, one a line; -o json also all wrong answers.";

/// All that is told of evaluations.
pub(super) fn help() -> String {
    format!("{HELP}\n\n{SOFTWARE_HELP}")
}

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
    /// The known answers: parents, or with --packages packages; with --environment the base families, else those found
    #[arg(long, value_name = "FILE", required_unless_present = "environment")]
    pub(crate) truth: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) environment: AskedEnvironment,
    /// Look at paths alone: no layers, no contents
    #[arg(long)]
    pub(crate) paths_only: bool,
    #[command(flatten)]
    pub(crate) measures: AskedMeasures,
    #[command(flatten)]
    pub(crate) tags: JudgedTags,
    #[command(flatten)]
    pub(crate) packages: JudgedPackages,
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
