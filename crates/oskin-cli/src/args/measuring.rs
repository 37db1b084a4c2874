//! How pairs of images are measured, as it is typed.

use crate::error::CliError;
use clap::Args;
use oskin::measure::{Basis, Measure, Method, PackageSelection, Weighting};
use oskin::path_set::Selection;
use oskin::view::{View, ViewKind};
use std::path::PathBuf;
use std::str::FromStr;

/// What to measure of each pair.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Measuring")]
pub(crate) struct Measuring {
    /// dice, jaccard, containment (of the row in the column), containment-right, overlap, cosine
    #[arg(long, value_name = "MEASURE")]
    pub(crate) measure: Option<Measure>,

    /// files (all that is not a directory), directories, both [default: both]; with --by packages: names,
    /// versions (name and version), architectures (and machine) [default: names]
    #[arg(long, value_name = "SELECTION")]
    selection: Option<Selected>,

    /// Compare by paths, edges or subtrees of the directory tree wherever they are, words of paths, or packages
    #[arg(long, default_value_t, value_name = "BASIS")]
    pub(crate) by: Basis,

    /// What a path or package counts: none (each 1), rarity (1/df), idf, bytes
    #[arg(long, value_name = "WEIGHT")]
    pub(crate) weight: Option<Weighting>,

    #[command(flatten)]
    pub(crate) viewing: Viewing,
}

/// A selection of paths or of packages.
#[derive(Clone, Copy, Debug)]
enum Selected {
    Paths(Selection),
    Packages(PackageSelection),
}

impl FromStr for Selected {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let of_packages = || text.parse().map(Self::Packages);
        text.parse().map(Self::Paths).or_else(|error: String| of_packages().map_err(|_| error))
    }
}

/// Which paths are looked at, and as what.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Views")]
pub(crate) struct Viewing {
    /// leaves (no directory above another path), masked (versions), contents (path and digest), core
    /// (without documentation, caches and the like), owned (by a package), unowned; several with , between
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
        let (selection, packages) = self.selected()?;
        let method = Method {
            basis: self.by,
            measure: self.measure.unwrap_or(measure),
            selection,
            packages,
            weighting: self.weight.unwrap_or(weighting),
            view: self.viewing.view()?,
        };
        match method.problem() {
            Some(problem) => Err(CliError::new(problem)),
            None => Ok(method),
        }
    }

    /// The same for what is asked about paths alone.
    pub(crate) fn method_of_paths(&self) -> Result<Method, CliError> {
        match self.by {
            Basis::Packages => Err(CliError::new("this is told by paths, not by packages").hint(
                "`oskin matrix --by packages` compares packages, and with --top K lists the nearest",
            )),
            _ => self.method(),
        }
    }

    /// Which paths, and what of packages.
    fn selected(&self) -> Result<(Selection, PackageSelection), CliError> {
        match (self.selection, self.by) {
            (None, _) => Ok((Selection::default(), PackageSelection::default())),
            (Some(Selected::Packages(it)), Basis::Packages) => Ok((Selection::default(), it)),
            (Some(Selected::Packages(it)), _) => {
                Err(CliError::new(format!("--selection {it} is one of packages"))
                    .hint("add --by packages, or select files, directories or both"))
            }
            (Some(Selected::Paths(it)), Basis::Packages) => {
                Err(CliError::new(format!("--selection {it} is one of paths, not of packages"))
                    .hint("--by packages goes with --selection names, versions or architectures"))
            }
            (Some(Selected::Paths(it)), _) => Ok((it, PackageSelection::default())),
        }
    }
}

impl Viewing {
    /// The view.
    pub(crate) fn view(&self) -> Result<View, CliError> {
        let view = View::new(self.view.iter().copied());
        if view.has(ViewKind::Owned) && view.has(ViewKind::Unowned) {
            return Err(CliError::new(
                "--view owned,unowned shows nothing: a path is one or the other",
            ));
        }
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
