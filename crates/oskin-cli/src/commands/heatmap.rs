//! `oskin heatmap`: all pairs as a clustered picture.

use super::workspace;
use crate::args::{Global, Measuring, Reading};
use crate::error::CliError;
use crate::images::{Sets, Workspace};
use crate::output::{Format, OutputSpec, Outputs};
use crate::text;
use oskin::measure::{Basis, Dendrogram, Method, OverlapMatrix, Weighting};
use oskin::path_set::{PathSet, Selection};
use oskin::report::heatmap::{self, Heatmap};
use rayon::prelude::*;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// The most images that are drawn. A picture and its trees need all pairs at once, three times over,
/// so that memory and the page grow with the square: 5,000 made images took 0.9 GB and a page of
/// 167 MB.
const MOST_IMAGES: usize = 5_000;

/// Where the page goes unless something else is asked for.
const DEFAULT_FILE: &str = "oskin-heatmap.html";

/// Draws all pairs.
pub(super) fn run(
    global: &Global,
    images: &[OsString],
    measuring: &Measuring,
    reading: Reading,
) -> Result<ExitCode, CliError> {
    let mut global_with_default = global.output.clone();
    if global_with_default.is_empty() && !global.json {
        global_with_default.push(OutputSpec::file(Format::Html, DEFAULT_FILE));
    }
    let formats = [Format::Html, Format::Svg, Format::Png];
    let outputs = Outputs::of(global, global_with_default, &formats)?;
    let mut workspace = workspace(global, reading)?;
    let drawn = Drawn::of(&mut workspace, images, measuring)?;
    outputs.write(|format| Ok(drawn.render(format)))?;
    for file in outputs.files() {
        if !global.quiet {
            let line = format!("wrote {}\n", file.display());
            anstream::stderr().write_all(line.as_bytes())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// All that a picture needs.
#[derive(Debug)]
pub(super) struct Drawn {
    names: Vec<String>,
    files: OverlapMatrix,
    directories: OverlapMatrix,
    both: OverlapMatrix,
    trees: Vec<Dendrogram>,
    method: Method,
}

impl Drawn {
    /// Measures and clusters images; of the whole catalog if none is named.
    pub(super) fn of(
        workspace: &mut Workspace,
        images: &[OsString],
        measuring: &Measuring,
    ) -> Result<Self, CliError> {
        let method = measuring.method_of_paths()?;
        let (names, matrices) = matrices(workspace, images, &method)?;
        let [files, directories, both] = matrices;
        let trees = [&files, &directories, &both]
            .par_iter()
            .map(|matrix| Dendrogram::cluster(&matrix.distances(method.measure), matrix.len()))
            .collect();
        Ok(Self { names, files, directories, both, trees, method })
    }

    /// The picture in a format.
    pub(super) fn render(&self, format: Format) -> Vec<u8> {
        let how = how(&self.method);
        let heatmap = Heatmap {
            names: &self.names,
            files: &self.files,
            directories: &self.directories,
            both: &self.both,
            trees: [&self.trees[0], &self.trees[1], &self.trees[2]],
            selection: self.method.selection,
            measure: self.method.measure,
            how: how.as_deref(),
        };
        match format {
            Format::Png => heatmap::png(&heatmap),
            Format::Svg => heatmap::svg(&heatmap).into_bytes(),
            _ => heatmap::html(&heatmap).into_bytes(),
        }
    }
}

/// Names and all pairs of images under each selection.
fn matrices(
    workspace: &mut Workspace,
    images: &[OsString],
    method: &Method,
) -> Result<(Vec<String>, [OverlapMatrix; 3]), CliError> {
    if !method.counts() {
        return Err(CliError::new("a heatmap is drawn of counts, not of rarities or words")
            .hint("`oskin matrix` writes the table of any method; a heatmap takes --by edges and subtrees, and --weight bytes"));
    }
    if method.counts_paths() {
        let Sets { names, sets } = workspace.path_sets(images, &Selection::ALL)?;
        not_too_many(names.len())?;
        let matrix =
            |sets: &Vec<PathSet>| OverlapMatrix::from_sets(&sets.iter().collect::<Vec<_>>());
        return Ok((names, [0, 1, 2].map(|selection: usize| matrix(&sets[selection]))));
    }
    let spelled = workspace.spell(images)?;
    not_too_many(spelled.names.len())?;
    let mut matrix = |selection| {
        let pairs = workspace.pairs(&spelled, &Method { selection, ..method.clone() })?;
        pairs.to_matrix().ok_or_else(|| {
            CliError::new("a heatmap holds sums below 4,294,967,296; these are larger")
                .hint("write the table with `oskin matrix`")
        })
    };
    let matrices =
        [matrix(Selection::Files)?, matrix(Selection::Directories)?, matrix(Selection::Both)?];
    Ok((spelled.names, matrices))
}

fn not_too_many(images: usize) -> Result<(), CliError> {
    if images <= MOST_IMAGES {
        return Ok(());
    }
    let [most, found] = [MOST_IMAGES, images].map(|number| text::count(number as u64));
    Err(CliError::new(format!("a heatmap shows {most} images at most, not {found}"))
        .hint("name those that matter, or list the nearest with `oskin matrix --top K`"))
}

/// What is not as it is unless something else is asked for.
fn how(method: &Method) -> Option<String> {
    let by = (method.basis != Basis::Paths).then(|| format!("by {}", method.basis));
    let view = (!method.view.is_plain()).then(|| format!("view {}", method.view.describe()));
    let weight = method.weighting;
    let weight = (weight != Weighting::None).then(|| format!("weight {weight}"));
    let parts: Vec<String> = by.into_iter().chain(weight).chain(view).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
