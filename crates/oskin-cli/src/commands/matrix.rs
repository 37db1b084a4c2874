//! `oskin matrix`: all pairs as a table.

use super::workspace;
use crate::args::{Global, Measuring, Reading};
use crate::error::CliError;
use crate::output::{Format, Outputs, json_bytes, value_of};
use oskin::measure::OverlapMatrix;
use oskin::path_set::PathSet;
use oskin::report::MatrixReport;
use std::ffi::OsString;
use std::process::ExitCode;

/// Measures all pairs.
pub(super) fn run(
    global: &Global,
    images: &[OsString],
    measuring: &Measuring,
    reading: Reading,
) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Csv, Format::Tsv, Format::Json])?;
    let selection = measuring.selection;
    let found = workspace(global, reading)?.path_sets(images, &[selection])?;
    let sets: Vec<&PathSet> = found.sets.iter().flatten().collect();
    let matrix = OverlapMatrix::from_sets(&sets);
    let report = MatrixReport::new(found.names, &matrix, selection, measuring.measure);
    outputs.write(|format| match format {
        Format::Json => Ok(json_bytes(&value_of(&report)?)),
        Format::Tsv => Ok(report.separated('\t').into_bytes()),
        _ => Ok(report.separated(',').into_bytes()),
    })?;
    Ok(ExitCode::SUCCESS)
}
