//! `oskin classify`: the images of the catalog that are nearest to one, in it or not.

use super::workspace;
use crate::args::{Global, Measuring, Reading};
use crate::error::CliError;
use crate::images::Found;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::report::ClassifyReport;
use std::ffi::OsStr;
use std::process::ExitCode;

/// Asks the index for the nearest images.
pub(super) fn run(
    global: &Global,
    image: &OsStr,
    (top, measuring): (usize, &Measuring),
    reading: Reading,
) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let (selection, measure) = (measuring.selection, measuring.measure);
    let mut workspace = workspace(global, reading)?;
    // Without a catalog there is nothing to be near to.
    workspace.catalog()?;
    let found = workspace.find(image)?;
    let set = workspace.path_set(&found, selection)?;
    let own = match &found {
        Found::Kept(record) => Some(record.id),
        Found::Read(_) => None,
    };
    // One more, since an image of the catalog is nearest to itself.
    let most = top.saturating_add(1);
    let (names, near) = workspace.catalog()?.at_one_moment(|catalog| {
        let near = catalog.nearest((&set, selection), measure, 0.0, most)?;
        Ok::<_, CliError>((catalog.names()?, near))
    })?;
    let others = near.into_iter().filter(|near| Some(near.image) != own).take(top);
    let nearest = others.filter_map(|near| {
        let at = names.binary_search_by_key(&near.image, |(id, _)| *id).ok()?;
        Some((names[at].1.clone(), near.overlap))
    });
    // Another process may have removed it meanwhile.
    let is_there = own.is_some_and(|own| names.iter().any(|(id, _)| *id == own));
    let compared = names.len() as u64 - u64::from(is_there);
    let paths = set.len();
    let report =
        ClassifyReport::new((found.name(), paths), (selection, measure), compared, nearest);
    outputs.answer(&value_of(&report)?, || text_of(&report))?;
    Ok(ExitCode::SUCCESS)
}

fn text_of(report: &ClassifyReport) -> String {
    let what = match report.selection {
        "both" => "paths",
        selection => selection,
    };
    let mut text = format!(
        "{}: {} {what}, compared with {}\n",
        text::printable(&report.name),
        text::count(report.paths),
        text::plural(report.compared, "image")
    );
    if report.nearest.is_empty() {
        return text;
    }
    let similarity = |value: f64| format!("{value:.6}");
    let rows = report.nearest.iter().map(|near| {
        vec![
            near.name.clone(),
            text::count(near.counts.common),
            text::count(near.counts.left_only),
            text::count(near.counts.right_only),
            similarity(near.counts.dice),
            similarity(near.counts.jaccard),
            similarity(near.counts.containment_left),
            similarity(near.counts.containment_right),
        ]
    });
    let headings =
        ["NEAREST", ">COMMON", ">ADDED", ">MISSING", ">DICE", ">JACCARD", ">IN IT", ">OF IT"];
    text.push('\n');
    text.push_str(&text::table(&headings, rows.collect()));
    text
}
