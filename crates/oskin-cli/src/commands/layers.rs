//! `oskin layers`: what each layer of an image does, and what is written in vain.

use super::{gate, workspace};
use crate::args::{AskedLayers, Global};
use crate::error::CliError;
use crate::output::{Format, Outputs, json_bytes, value_of};
use crate::text;
use oskin::diff::{WasteGates, waste};
use oskin::report::{
    DiveReport, GateReport, LayerWorkReport, LayersReport, SameContentReport, WastedPathReport,
    WastedReport,
};
use std::process::ExitCode;

/// How many paths are shown to people.
const SHOWN: usize = 10;

/// How much of a command is shown.
const COMMAND_COLUMNS: usize = 80;

/// How many paths of one content are shown.
const SAME_SHOWN: usize = 3;

/// Tells what the layers of an image do, and judges them by the gates.
pub(super) fn run(global: &Global, asked: &AskedLayers) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let mut workspace = workspace(global, asked.reading.clone())?;
    let found = workspace.find(&asked.image)?;
    let keys = workspace.layer_keys(&found)?.all;
    let inventory = workspace.inventory(&found)?;
    // The last holds what only came to be by flattening.
    let layers = inventory.layers();
    let layers = &layers[..layers.len().saturating_sub(1)];
    let waste = waste(layers);
    let gates = WasteGates { min_efficiency: asked.min_efficiency, max_wasted: asked.max_wasted };
    let gates: Vec<GateReport> = gates.judge(&waste).into_iter().map(Into::into).collect();
    let history = found.record().declared().history;
    let report =
        |top: usize| LayersReport::new(found.name(), &waste, (&keys, &history), top, gates.clone());
    let shown = if asked.all { usize::MAX } else { SHOWN };
    outputs.write(|format| {
        if format == Format::Json {
            let all = value_of(&report(asked.top.unwrap_or(usize::MAX)))?;
            return Ok(json_bytes(&all));
        }
        Ok(text_of(&report(asked.top.unwrap_or(shown))).into_bytes())
    })?;
    Ok(gate::conclude(&gates, found.name(), global.quiet))
}

fn text_of(report: &LayersReport) -> String {
    let layers = text::plural(report.layers.len() as u64, "layer");
    let mut text = format!(
        "{}: {layers}, {} written, {} wasted{}\n",
        text::printable(&report.name),
        text::bytes(report.written.bytes),
        text::bytes(report.wasted.bytes),
        report.wasted_share.map(|share| format!(" ({})", percent(share))).unwrap_or_default(),
    );
    if !report.layers.is_empty() {
        let headings =
            [">LAYER", ">ADDED", ">CHANGED", ">REMOVED", ">BYTES", ">WASTED", "CREATED BY"];
        let rows = report.layers.iter().map(row_of_layer).collect();
        text.push_str(&format!("\n{}", text::table(&headings, rows)));
    }
    if !report.paths.is_empty() {
        let headings = [">WASTED", "WHY", "WRITTEN IN", "GONE IN", "PATH"];
        let rows = report.paths.iter().map(row_of_path).collect();
        text.push_str(&format!("\n{}", text::table(&headings, rows)));
        text.push_str(&more(report.path_count, report.paths.len(), "path"));
    }
    if !report.duplicates.is_empty() {
        let headings = [">TWICE", ">FILES", "WITH THE SAME CONTENT"];
        let rows = report.duplicates.iter().map(row_of_same).collect();
        text.push_str(&format!("\n{}", text::table(&headings, rows)));
        text.push_str(&more(report.duplicate_count, report.duplicates.len(), "content"));
    }
    text.push_str(&format!("\n{}{}\n", dive_text(&report.dive), summary(&report.wasted)));
    text.push_str(&gate::text_of(&report.gates));
    text
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn more(all: u64, shown: usize, what: &str) -> String {
    match all.saturating_sub(shown as u64) {
        0 => String::new(),
        left => format!("and {}: --all lists them\n", text::plural(left, &format!("more {what}"))),
    }
}

fn row_of_layer(it: &LayerWorkReport) -> Vec<String> {
    vec![
        it.layer.to_string(),
        text::count(it.added.files),
        text::count(it.changed.files),
        text::count(it.removed.files),
        text::bytes(it.written.bytes),
        text::bytes(it.wasted.bytes),
        it.created_by.as_deref().map(command).unwrap_or_default(),
    ]
}

/// A command on one line, without the shell that builders put before it.
fn command(created_by: &str) -> String {
    let words: Vec<&str> = created_by.split_whitespace().collect();
    let line = words.join(" ");
    let line = line.strip_prefix("/bin/sh -c ").unwrap_or(&line);
    let line = line.strip_prefix("#(nop) ").unwrap_or(line);
    match line.char_indices().nth(COMMAND_COLUMNS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

fn row_of_path(it: &WastedPathReport) -> Vec<String> {
    let numbers = |layers: &[u32]| {
        let layers: Vec<String> = layers.iter().map(ToString::to_string).collect();
        layers.join(",")
    };
    let causes: Vec<&str> = it.wasted.causes().into_iter().map(|(cause, _)| cause).collect();
    vec![
        text::bytes(it.wasted.bytes),
        causes.join(", "),
        numbers(&it.written_in),
        numbers(&it.buried_in),
        it.path.clone(),
    ]
}

fn row_of_same(it: &SameContentReport) -> Vec<String> {
    let shown: Vec<&str> = it.paths.iter().take(SAME_SHOWN).map(String::as_str).collect();
    let mut paths = shown.join(", ");
    if it.paths.len() > shown.len() {
        paths.push_str(&format!(", {} more", it.paths.len() - shown.len()));
    }
    vec![text::bytes(it.extra_bytes), text::count(it.paths.len() as u64), paths]
}

fn dive_text(dive: &DiveReport) -> String {
    let Some(efficiency) = dive.efficiency else { return String::new() };
    let share = dive
        .wasted_share
        .map(|share| format!(" ({} of what is above the first layer)", percent(share)));
    format!(
        "as dive counts: efficiency {efficiency:.4}, {} wasted{}\n",
        text::bytes(dive.wasted_bytes),
        share.unwrap_or_default()
    )
}

/// What matters, in one sentence.
fn summary(wasted: &WastedReport) -> String {
    let causes = wasted.causes();
    if causes.is_empty() {
        return "nothing is wasted: no layer rewrites or deletes what was written before"
            .to_owned();
    }
    // What is less than a tenth does not matter.
    let parts = causes.iter().filter(|(_, bytes)| bytes.saturating_mul(10) >= wasted.bytes);
    let parts = parts.map(|(cause, bytes)| {
        let (is, remedy) = match *cause {
            "mode-only" => ("is mode-only", "set mode and owner in the layer that copies"),
            "deleted" => ("is deleted later", "delete it in the layer that writes it"),
            "copied" => ("is written again as it was", "leave it alone, also its times"),
            _ => ("is rewritten", "write it once, in one layer"),
        };
        format!("{} {is} ({remedy})", text::bytes(*bytes))
    });
    let parts: Vec<String> = parts.collect();
    format!("of {} wasted, {}", text::bytes(wasted.bytes), parts.join(", "))
}
