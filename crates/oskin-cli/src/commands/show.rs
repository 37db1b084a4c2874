//! `oskin show`: one image.

use super::workspace;
use crate::args::{Global, Reading};
use crate::error::CliError;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::report::{FactReport, ShowReport};
use std::ffi::OsStr;
use std::process::ExitCode;

/// How many lines of a fact are shown.
const FACT_LINES: usize = 8;

/// How much of a line of a fact is shown.
const FACT_COLUMNS: usize = 100;

/// Tells what is known of an image.
pub(super) fn run(global: &Global, image: &OsStr, reading: Reading) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let mut workspace = workspace(global, reading)?;
    let found = workspace.find_any(image)?;
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
    if !report.packages_only {
        line("files", text::count(report.files));
        line("directories", text::count(report.directories));
        line("size", text::bytes(report.size_bytes));
    }
    line("packages", report.packages.map(text::count).unwrap_or_default());
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
    line("incomplete", report.incomplete.clone().unwrap_or_default());
    for fact in &report.facts {
        for (name, value) in fact_lines(fact) {
            line(name, value);
        }
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

/// A fact by its kind and its first lines, indented; one of one short line beside its kind.
fn fact_lines(fact: &FactReport) -> Vec<(&'static str, String)> {
    let kind = &fact.kind;
    let all: Vec<&str> = fact.text.trim_end().lines().collect();
    if let [one] = all[..]
        && one.chars().count() <= FACT_COLUMNS
    {
        return vec![("fact", format!("{kind}: {one}"))];
    }
    let mut lines = vec![("fact", kind.clone())];
    for text in all.iter().take(FACT_LINES) {
        let shown: String = text.chars().take(FACT_COLUMNS).collect();
        let more = if shown.len() < text.len() { "…" } else { "" };
        // Tabs have no place in a line that is made printable.
        lines.push(("", format!("  {}{more}", shown.replace('\t', "    "))));
    }
    if all.len() > FACT_LINES {
        let more = text::plural((all.len() - FACT_LINES) as u64, "more line");
        lines.push(("", format!("  and {more} (all of them: --json)")));
    }
    lines
}
