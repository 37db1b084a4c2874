//! `oskin evaluate`: parents found in the catalog, tags and packages, judged by known ones; environments and software.

mod environment;
mod environment_text;
mod judge;
mod measures;
mod packages;
mod questions;
mod tags;
mod text;
mod trials;

use super::{lineage, workspace};
use crate::args::{Evaluating, Global, Reading};
use crate::error::CliError;
use crate::images::Workspace;
use crate::known_packages::KnownPackages;
use crate::output::{Format, Outputs, json_bytes, value_of};
use crate::truth::Truth;
use judge::{Cases, Judge};
use oskin::path_set::PathSet;
use oskin::report::EvaluateReport;
use std::path::Path;
use std::process::ExitCode;

/// Judges the catalog, or tests its environments, and writes the figures.
pub(super) fn run(global: &Global, asked: &Evaluating) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json, Format::Csv, Format::Tsv])?;
    if let (true, Some(file)) = (asked.packages.packages, &asked.truth) {
        let known = read(file, KnownPackages::parse)?;
        let mut workspace = workspace(global, Reading::default())?;
        packages::run(&outputs, &mut workspace, &known, asked.packages.all)?;
        return Ok(ExitCode::SUCCESS);
    }
    let read = |file| read(file, Truth::parse).map(|table| (file, table));
    let table = asked.truth.as_deref().map(read).transpose()?;
    let mut workspace = workspace(global, Reading::default())?;
    if let (true, Some((_, table))) = (asked.measures.measures, &table) {
        return measures::run(&outputs, &mut workspace, (asked.measures.cost, table));
    }
    if let (true, Some((_, table))) = (asked.tags.tags, &table) {
        tags::run(&outputs, &mut workspace, asked, table)?;
        return Ok(ExitCode::SUCCESS);
    }
    match table {
        Some(table) if !asked.environment.environment => {
            let report = judged(&mut workspace, asked, table)?;
            outputs.write(|format| match format {
                Format::Json => Ok(json_bytes(&value_of(&report)?)),
                Format::Csv => Ok(text::separated(&report, ',').into_bytes()),
                Format::Tsv => Ok(text::separated(&report, '\t').into_bytes()),
                _ => Ok(text::text_of(&report).into_bytes()),
            })?;
        }
        // Without it there is a table.
        table => {
            let table = table.as_ref().map(|(_, table)| table);
            let report = environment::report(&mut workspace, asked, table)?;
            outputs.write(|format| match format {
                Format::Json => Ok(json_bytes(&value_of(&report)?)),
                Format::Csv => Ok(environment_text::separated(&report, ',').into_bytes()),
                Format::Tsv => Ok(environment_text::separated(&report, '\t').into_bytes()),
                _ => Ok(environment_text::text_of(&report).into_bytes()),
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Holds what is found against a file of known parents.
fn judged(
    workspace: &mut Workspace,
    asked: &Evaluating,
    (file, table): (&Path, Truth),
) -> Result<EvaluateReport, CliError> {
    let lineup = workspace.line_up(&[])?;
    if !lineup.names.iter().any(|name| table.images().any(|known| known == name)) {
        let message = format!("no image of {} is in the catalog", file.display());
        return Err(CliError::new(message).hint("`oskin ls` lists the names there are"));
    }
    let (lineage, candidates) = lineage::find(workspace, &lineup, (asked.paths_only, true))?;
    let cases = Cases::new(&lineup, &table, &candidates);
    let mut report = Judge::new(&cases, &lineage).report(asked.paths_only);
    let perturbations = asked.perturbations();
    if asked.leave_parent_out || !perturbations.is_empty() {
        let by_paths = match asked.paths_only {
            true => lineage,
            false => lineage::find(workspace, &lineup, (true, true))?.0,
        };
        let sets: Vec<&PathSet> = lineup.files.iter().collect();
        let mut trials = trials::Trier::new(&cases, &by_paths, &sets, workspace.catalog()?)?;
        if !perturbations.is_empty() {
            report.robustness = trials.perturbed(&perturbations, asked.seed)?;
        }
        if asked.leave_parent_out {
            report.parent_left_out = Some(trials.parents_left_out()?);
        }
    }
    Ok(report)
}

fn read<T>(file: &Path, parse: fn(&str) -> Result<T, CliError>) -> Result<T, CliError> {
    let error = |error: std::io::Error| {
        let message = format!("cannot read {}: {error}", file.display());
        match error.kind() {
            std::io::ErrorKind::InvalidData => {
                CliError::new(message).hint("known answers are text in UTF-8")
            }
            _ => CliError::new(message),
        }
    };
    let text = std::fs::read_to_string(file).map_err(error)?;
    parse(&text).map_err(|error| error.within(file))
}
