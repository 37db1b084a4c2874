//! `oskin compare`: how alike two images are and what they are to each other.

use super::{compare_packages, workspace};
use crate::args::{AskedSoftware, Global, Reading, Viewing};
use crate::error::{CliError, DIFFERENT};
use crate::images::{Found, Workspace, without_paths};
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::measure::Method;
use oskin::path_set::{Overlap, Selection};
use oskin::relation::{Comparison, Relation};
use oskin::report::{CompareReport, EvidenceReport, PackagesReport, SelectionReport};
use oskin::view::View;
use std::ffi::OsStr;
use std::process::ExitCode;

/// How many packages that differ are listed, about.
pub(super) const SHOWN: usize = 40;

/// Compares two images; exit 0 if they are the same as far as is known.
pub(super) fn run(
    global: &Global,
    images: [&OsStr; 2],
    (asked, viewing, reading): (AskedSoftware, &Viewing, Reading),
) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let view = viewing.view()?;
    let mut workspace = workspace(global, reading)?;
    let found = find(&mut workspace, images)?;
    let mut report = match asked.software {
        true => compare_packages::report(&mut workspace, &found, &asked)?,
        false => report(&mut workspace, &found)?,
    };
    if !view.is_plain() && report.selections.is_some() {
        look_through(&mut workspace, found, &view, &mut report)?;
    }
    let shown = if asked.all { usize::MAX } else { SHOWN };
    outputs.answer(&value_of(&report)?, || text_of(&report, shown))?;
    let is_same = if asked.software { report.has_same_software() } else { report.is_same() };
    Ok(if is_same { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

/// Two images, of one of which nothing but packages may be known.
pub(super) fn find(workspace: &mut Workspace, images: [&OsStr; 2]) -> Result<[Found; 2], CliError> {
    Ok([workspace.find_any(images[0])?, workspace.find_any(images[1])?])
}

/// The comparison of two images.
pub(super) fn report(
    workspace: &mut Workspace,
    [left, right]: &[Found; 2],
) -> Result<CompareReport, CliError> {
    let packages = packages(workspace, [left, right])?;
    if let Some(packages) = &packages
        && [left, right].iter().any(|it| it.record().packages_only)
    {
        return Ok(CompareReport::of_packages(left.name(), right.name(), packages.clone()));
    }
    let comparison = Comparison::of(&workspace.inventory(left)?, &workspace.inventory(right)?);
    let layers = [workspace.layer_keys(left)?.full, workspace.layer_keys(right)?.full];
    let relation = Relation::of(&comparison, &layers[0], &layers[1]);
    let mut report = CompareReport::new(left.name(), right.name(), &comparison, &relation);
    report.packages = packages;
    report.left.incomplete = left.record().incomplete().map(str::to_owned);
    report.right.incomplete = right.record().incomplete().map(str::to_owned);
    Ok(report)
}

/// Counts paths as a view shows them.
fn look_through(
    workspace: &mut Workspace,
    images: [Found; 2],
    view: &View,
    report: &mut CompareReport,
) -> Result<(), CliError> {
    let spelled = workspace.spell_found(images.into())?;
    let mut overlaps = [Overlap::default(); 3];
    for (overlap, selection) in overlaps.iter_mut().zip(Selection::ALL) {
        let method = Method { selection, view: view.clone(), ..Method::default() };
        let levels = workspace.levels(&spelled, &method)?;
        *overlap = levels.sets[0].overlap(&levels.sets[1]);
    }
    let [.., both] = overlaps;
    workspace
        .tell_of_nothing([both.left(), both.right()].iter().filter(|size| **size == 0).count());
    report.look_through(view, overlaps);
    Ok(())
}

/// How the packages compare, if those of both are known. Where nothing but packages is known of one,
/// they must be.
fn packages(
    workspace: &mut Workspace,
    [left, right]: [&Found; 2],
) -> Result<Option<PackagesReport>, CliError> {
    let known = [workspace.packages(left)?, workspace.packages(right)?];
    if let [Some(left), Some(right)] = &known {
        return Ok(Some(PackagesReport::new(left, right)));
    }
    for (one, other) in [(left, right), (right, left)] {
        if one.record().packages_only {
            let hint = format!(
                "no packages are known of {}: compare it with another image that has packages",
                other.name()
            );
            return Err(without_paths(one.name(), &hint));
        }
    }
    Ok(None)
}

/// The comparison for people: words first, then the tables, then the evidence.
pub(super) fn text_of(report: &CompareReport, shown: usize) -> String {
    let mut text = format!("{}\n\n", text::printable(&report.summary));
    if let Some(selections) = &report.selections {
        if report.view != "plain" {
            text.push_str(&format!(
                "by the view {}; all else here is of the images as they are\n",
                text::printable(&report.view)
            ));
        }
        text.push_str(&table(&[
            ("files", &selections.files),
            ("directories", &selections.directories),
            ("both", &selections.both),
        ]));
    }
    if let Some(content) = report.content {
        text.push_str(&format!(
            "\ncontent of the common files: {} same, {} changed, {} not known\n",
            text::count(content.same),
            text::count(content.changed),
            text::count(content.unknown)
        ));
    }
    if let Some(relation) = &report.relation {
        text.push_str(&format!("relation: {}\n", relation.kind));
        for evidence in &relation.evidence {
            text.push_str(&format!("  {}\n", evidence_text(evidence)));
        }
    }
    for side in [&report.left, &report.right] {
        if let Some(what) = &side.incomplete {
            let note = format!("note: {} was read only in part: {what}", side.name);
            text.push_str(&format!("{}\n", text::printable(&note)));
        }
    }
    // By themselves, no packages are told by the summary: they are neither the same nor different.
    let is_told = |it: &&PackagesReport| report.selections.is_some() || it.is_of_any();
    if let Some(packages) = report.packages.as_ref().filter(is_told) {
        if report.selections.is_some() {
            text.push('\n');
        }
        text.push_str(&table(&[
            ("packages", &packages.names),
            ("with version", &packages.versions),
            ("and architecture", &packages.architectures),
        ]));
        let shown = report.selections.is_none().then_some(shown);
        text.push_str(&compare_packages::text_of(packages, shown));
    }
    text
}

fn table(rows: &[(&str, &SelectionReport)]) -> String {
    let row = |(name, selection): &(&str, &SelectionReport)| {
        let similarity = |value: f64| format!("{value:.6}");
        vec![
            (*name).to_owned(),
            text::count(selection.left),
            text::count(selection.right),
            text::count(selection.common),
            similarity(selection.dice),
            similarity(selection.jaccard),
            similarity(selection.containment_left),
            similarity(selection.containment_right),
        ]
    };
    let headings =
        ["", ">LEFT", ">RIGHT", ">COMMON", ">DICE", ">JACCARD", ">LEFT IN RIGHT", ">RIGHT IN LEFT"];
    text::table(&headings, rows.iter().map(row).collect())
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
        EvidenceReport::LostAndFound { of } => {
            format!("an empty lost+found set aside: the {of} one lies in a file system that has it")
        }
        EvidenceReport::TooLittle { left, right } => {
            format!("too little to tell: {left} and {right} files")
        }
    }
}
