//! How pairs of images are measured, as it is typed.

use crate::error::CliError;
use clap::Args;
use oskin::measure::{Basis, Measure, Method, Weighting};
use oskin::path_set::Selection;
use oskin::view::{View, ViewKind};
use std::path::PathBuf;

/// What to measure of each pair.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Measuring")]
pub(crate) struct Measuring {
    /// dice, jaccard, containment (of the row in the column), containment-right, overlap, cosine
    #[arg(long, value_name = "MEASURE")]
    pub(crate) measure: Option<Measure>,

    /// files (all that is not a directory), directories, both
    #[arg(long, default_value_t, value_name = "SELECTION")]
    pub(crate) selection: Selection,

    /// Compare by paths, edges or subtrees of the directory tree wherever they are, or words of paths
    #[arg(long, default_value_t, value_name = "BASIS")]
    pub(crate) by: Basis,

    /// What a path counts: none (each 1), rarity (1/df), idf, bytes
    #[arg(long, value_name = "WEIGHT")]
    pub(crate) weight: Option<Weighting>,

    #[command(flatten)]
    pub(crate) viewing: Viewing,
}

/// Which paths are looked at, and as what.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Views")]
pub(crate) struct Viewing {
    /// leaves (no directory above another path), masked (versions), contents (path and digest), core
    /// (without documentation, caches and the like); several with , between
    #[arg(long, value_name = "VIEW", value_delimiter = ',')]
    view: Vec<ViewKind>,

    /// Only paths that match, with all below; may be repeated
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,

    /// No path that matches, nor what is below; may be repeated
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// More that is not core: lines of globs, `!` before one that is
    #[arg(long, value_name = "FILE")]
    core_list: Option<PathBuf>,
}

impl Measuring {
    /// How that is: each basis has its own measure and weight unless others are asked for.
    pub(crate) fn method(&self) -> Result<Method, CliError> {
        let by_words = self.by == Basis::Words;
        let measure = if by_words { Measure::Cosine } else { Measure::default() };
        let weighting = if by_words { Weighting::Idf } else { Weighting::default() };
        let method = Method {
            basis: self.by,
            measure: self.measure.unwrap_or(measure),
            selection: self.selection,
            weighting: self.weight.unwrap_or(weighting),
            view: self.viewing.view()?,
        };
        match method.problem() {
            Some(problem) => Err(CliError::new(problem)),
            None => Ok(method),
        }
    }
}

impl Viewing {
    /// The view.
    pub(crate) fn view(&self) -> Result<View, CliError> {
        let view = View::new(self.view.iter().copied());
        let view = view.only(&self.include)?.without(&self.exclude)?;
        let Some(file) = &self.core_list else { return Ok(view) };
        if !view.has(ViewKind::Core) {
            return Err(CliError::new(
                "--core-list tells what is not core, but there is no --view core",
            )
            .hint("add --view core"));
        }
        let text = std::fs::read_to_string(file)
            .map_err(|error| CliError::new(format!("cannot read {}: {error}", file.display())))?;
        view.with_core_list(&text).map_err(|error| CliError::from(error).within(file))
    }
}
