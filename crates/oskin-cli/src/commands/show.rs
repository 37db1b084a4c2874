//! `oskin show`: one image.

use super::workspace;
use crate::args::{Global, Reading};
use crate::error::CliError;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::report::ShowReport;
use std::ffi::OsStr;
use std::process::ExitCode;

/// Tells what is known of an image.
pub(super) fn run(global: &Global, image: &OsStr, reading: Reading) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let mut workspace = workspace(global, reading)?;
    let found = workspace.find(image)?;
    let layers = workspace.layer_keys(&found)?;
    let report = ShowReport::new(found.record(), &layers.all);
    outputs.answer(&value_of(&report)?, || text_of(&report))?;
    Ok(ExitCode::SUCCESS)
}

fn text_of(report: &ShowReport) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push((name.to_owned(), value));
        }
    };
    let joined = |words: &[String]| words.join(" ");
    line("name", report.name.clone());
    line("source", report.source.clone());
    line("reference", report.reference.clone().unwrap_or_default());
    let os = report.os.as_ref().and_then(|os| os.pretty_name.clone().or(os.id.clone()));
    line("system", os.unwrap_or_default());
    line("platform", report.platform.clone().unwrap_or_default());
    line("created", report.created.clone().unwrap_or_default());
    line("image id", report.config_digest.clone().unwrap_or_default());
    line("manifest", report.manifest_digest.clone().unwrap_or_default());
    line("files", text::count(report.files));
    line("directories", text::count(report.directories));
    line("size", text::bytes(report.size_bytes));
    line("entrypoint", joined(&report.entrypoint));
    line("cmd", joined(&report.cmd));
    line("user", report.user.clone());
    line("working dir", report.working_dir.clone());
    line("ports", joined(&report.exposed_ports));
    for value in &report.env {
        line("env", value.clone());
    }
    for (name, value) in &report.labels {
        line("label", format!("{name}={value}"));
    }
    for step in &report.history {
        line("step", step.clone());
    }
    for layer in &report.layers {
        line("layer", format!("{}  {}", layer.digest, text::bytes(layer.size_bytes)));
    }
    for warning in &report.warnings {
        line("warning", format!("{}: {}", warning.place, warning.what));
    }
    let write =
        |(name, value): &(String, String)| format!("{name:<12} {}\n", text::printable(value));
    lines.iter().map(write).collect()
}
