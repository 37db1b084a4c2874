//! `oskin check`: every invariant of the catalog.

use super::workspace;
use crate::args::{Global, Reading};
use crate::error::{CliError, DIFFERENT};
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::report::CheckReport;
use std::process::ExitCode;

/// Verifies the catalog.
pub(super) fn run(global: &Global) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let mut workspace = workspace(global, Reading::default())?;
    let catalog = workspace.catalog()?;
    let violations: Vec<(String, String)> =
        catalog.check()?.into_iter().map(|violation| (violation.place, violation.what)).collect();
    let images = catalog.names().map(|names| names.len()).unwrap_or_default();
    outputs.answer(&value_of(&CheckReport::new(&violations))?, || {
        if violations.is_empty() {
            return format!("sound: {}\n", text::plural(images as u64, "image"));
        }
        let line = |(place, what): &(String, String)| {
            format!("{}\n", text::printable(&format!("{place}: {what}")))
        };
        violations.iter().map(line).collect()
    })?;
    Ok(if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}
