//! `oskin lineage`: the family graph of images.

use super::{lineage_text, workspace};
use crate::args::{Global, Reading};
use crate::error::CliError;
use crate::images::{Lineup, Workspace};
use crate::output::{Format, Outputs, json_bytes, value_of};
use oskin::inventory::Inventory;
use oskin::lineage::{Candidates, Lineage, Look, Steps, Survey};
use oskin::path_set::PathSet;
use oskin::report::{LineageReport, StepsReport, lineage_page};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

/// The most pairs of the coarse step that are listed.
const MOST_PAIRS: u64 = 1_000;

/// Finds the family graph and writes it.
pub(super) fn run(
    global: &Global,
    images: &[OsString],
    (paths_only, with_steps): (bool, bool),
    reading: Reading,
) -> Result<ExitCode, CliError> {
    let formats = [Format::Text, Format::Json, Format::Html, Format::Dot, Format::Graphml];
    let outputs = Outputs::new(global, &formats)?;
    let mut workspace = workspace(global, reading)?;
    let lineup = workspace.line_up(images)?;
    let (lineage, _) = find(&mut workspace, &lineup, paths_only)?;
    let mut report = LineageReport::new(&lineup.names, paths_only, &lineage);
    if with_steps {
        let directories = workspace.directories(&lineup, images)?;
        let sets: [Vec<&PathSet>; 2] = [&lineup.files, &directories].map(|it| it.iter().collect());
        let steps = Steps::of(&sets[0], &sets[1], &lineage, MOST_PAIRS);
        report.steps = Some(StepsReport::new(&lineup.names, &steps));
    }
    outputs.write(|format| match format {
        Format::Json => Ok(json_bytes(&value_of(&report)?)),
        Format::Dot => Ok(report.dot().into_bytes()),
        Format::Graphml => Ok(report.graphml().into_bytes()),
        Format::Html => Ok(lineage_page::html(&report).into_bytes()),
        _ => Ok(lineage_text::text_of(&report).into_bytes()),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The family graph of a lineup, and the candidates by paths.
pub(super) fn find(
    workspace: &mut Workspace,
    lineup: &Lineup,
    paths_only: bool,
) -> Result<(Lineage, Candidates), CliError> {
    let files: Vec<&PathSet> = lineup.files.iter().collect();
    let mut survey = Survey::of(&files, (!paths_only).then_some(&lineup.chains[..]));
    if !paths_only {
        survey = survey.declaring(workspace.declared_bases(lineup)?);
    }
    let mut looks = BTreeMap::new();
    // Questions about one candidate stand side by side.
    let mut candidate: Option<(u32, Inventory)> = None;
    for (image, child) in survey.questions() {
        let entries = match candidate.take() {
            Some((known, entries)) if known == image => entries,
            _ => workspace.entries(lineup, image)?,
        };
        let theirs = workspace.entries(lineup, child)?;
        looks.insert((image, child), Look::at(&entries, &theirs));
        candidate = Some((image, entries));
    }
    Ok((survey.lineage(&looks), survey.candidates().clone()))
}
