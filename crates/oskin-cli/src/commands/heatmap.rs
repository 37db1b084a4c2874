//! `oskin heatmap`: all pairs as a clustered picture.

use super::workspace;
use crate::args::{Global, Measuring, Reading};
use crate::error::CliError;
use crate::images::{Sets, Workspace};
use crate::output::{Format, OutputSpec, Outputs};
use crate::text;
use oskin::measure::{Dendrogram, OverlapMatrix};
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
    measuring: Measuring,
}

impl Drawn {
    /// Measures and clusters images; of the whole catalog if none is named.
    pub(super) fn of(
        workspace: &mut Workspace,
        images: &[OsString],
        measuring: &Measuring,
    ) -> Result<Self, CliError> {
        let selections = Selection::ALL;
        let Sets { names, sets } = workspace.path_sets(images, &selections)?;
        if names.len() > MOST_IMAGES {
            let [most, found] = [MOST_IMAGES, names.len()].map(|number| text::count(number as u64));
            return Err(CliError::new(format!(
                "a heatmap shows {most} images at most, not {found}"
            ))
            .hint("name those that matter, or list the nearest with `oskin matrix --top K`"));
        }
        let matrix =
            |sets: &Vec<PathSet>| OverlapMatrix::from_sets(&sets.iter().collect::<Vec<_>>());
        let (files, directories, both) = (matrix(&sets[0]), matrix(&sets[1]), matrix(&sets[2]));
        let trees = [&files, &directories, &both]
            .par_iter()
            .map(|matrix| Dendrogram::cluster(&matrix.distances(measuring.measure), matrix.len()))
            .collect();
        Ok(Self { names, files, directories, both, trees, measuring: measuring.clone() })
    }

    /// The picture in a format.
    pub(super) fn render(&self, format: Format) -> Vec<u8> {
        let heatmap = Heatmap {
            names: &self.names,
            files: &self.files,
            directories: &self.directories,
            both: &self.both,
            trees: [&self.trees[0], &self.trees[1], &self.trees[2]],
            selection: self.measuring.selection,
            measure: self.measuring.measure,
        };
        match format {
            Format::Png => heatmap::png(&heatmap),
            Format::Svg => heatmap::svg(&heatmap).into_bytes(),
            _ => heatmap::html(&heatmap).into_bytes(),
        }
    }
}
