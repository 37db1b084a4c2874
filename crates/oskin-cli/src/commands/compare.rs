//! `oskin compare`: how alike two images are and what they are to each other.

use super::workspace;
use crate::args::{Global, Reading};
use crate::error::{CliError, DIFFERENT};
use crate::images::Workspace;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::relation::{Comparison, Relation};
use oskin::report::{CompareReport, EvidenceReport, SelectionReport};
use std::ffi::OsStr;
use std::process::ExitCode;

/// Compares two images; exit 0 if they are the same as far as is known.
pub(super) fn run(
    global: &Global,
    images: [&OsStr; 2],
    reading: Reading,
) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let report = report(&mut workspace(global, reading)?, images)?;
    outputs.answer(&value_of(&report)?, || text_of(&report))?;
    let same = ["identical", "same-paths"].contains(&report.relation.kind)
        && report.content.changed + report.content.other_kind == 0;
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

/// The comparison of two images.
pub(super) fn report(
    workspace: &mut Workspace,
    [left, right]: [&OsStr; 2],
) -> Result<CompareReport, CliError> {
    let (left, right) = (workspace.find(left)?, workspace.find(right)?);
    let comparison = Comparison::of(&workspace.inventory(&left)?, &workspace.inventory(&right)?);
    let layers = [workspace.layer_keys(&left)?.full, workspace.layer_keys(&right)?.full];
    let relation = Relation::of(&comparison, &layers[0], &layers[1]);
    Ok(CompareReport::new(left.name(), right.name(), &comparison, &relation))
}

/// The comparison for people: words first, then the table, then the evidence.
pub(super) fn text_of(report: &CompareReport) -> String {
    let mut text = format!("{}\n\n", text::printable(&report.summary));
    let selections = &report.selections;
    let row = |name: &str, selection: &SelectionReport| {
        let similarity = |value: f64| format!("{value:.6}");
        vec![
            name.to_owned(),
            text::count(selection.left),
            text::count(selection.right),
            text::count(selection.common),
            similarity(selection.dice),
            similarity(selection.jaccard),
            similarity(selection.containment_left),
            similarity(selection.containment_right),
        ]
    };
    let rows = vec![
        row("files", &selections.files),
        row("directories", &selections.directories),
        row("both", &selections.both),
    ];
    let headings =
        ["", ">LEFT", ">RIGHT", ">COMMON", ">DICE", ">JACCARD", ">LEFT IN RIGHT", ">RIGHT IN LEFT"];
    text.push_str(&text::table(&headings, rows));
    let content = report.content;
    text.push_str(&format!(
        "\ncontent of the common files: {} same, {} changed, {} not known\n",
        text::count(content.same),
        text::count(content.changed),
        text::count(content.unknown)
    ));
    text.push_str(&format!("relation: {}\n", report.relation.kind));
    for evidence in &report.relation.evidence {
        text.push_str(&format!("  {}\n", evidence_text(evidence)));
    }
    text
}

fn evidence_text(evidence: &EvidenceReport) -> String {
    match evidence {
        EvidenceReport::SharedLayers { shared, left, right } => format!(
            "{} at the base of both (left has {left}, right {right})",
            text::plural(*shared as u64, "shared layer")
        ),
        EvidenceReport::ContentContainment { left, right } => {
            format!("files with the same content: {left:.6} of the left, {right:.6} of the right")
        }
        EvidenceReport::PathContainment { left, right } => {
            format!("paths in the other: {left:.6} of the left, {right:.6} of the right")
        }
        EvidenceReport::Volatile { changed, left_only, right_only } => format!(
            "volatile files set aside: {} changed, {} only on the left, {} only on the right",
            text::count(*changed),
            text::count(*left_only),
            text::count(*right_only)
        ),
        EvidenceReport::TooLittle { left, right } => {
            format!("too little to tell: {left} and {right} files")
        }
    }
}
