//! `oskin duplicates`: images with the same files.

use super::workspace;
use crate::args::{Global, Reading};
use crate::error::CliError;
use crate::images::Workspace;
use crate::lineup::Lineup;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::image::ImageRecord;
use oskin::inventory::Inventory;
use oskin::lineage::{freed_bytes, same_files};
use oskin::path_set::PathSet;
use oskin::relation::Comparison;
use oskin::report::{DuplicateReport, DuplicatesGroup, DuplicatesReport};
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Groups the images of the catalog.
pub(super) fn run(global: &Global, paths_only: bool) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let mut workspace = workspace(global, Reading::default())?;
    let lineup = workspace.line_up(&[])?;
    let records = workspace.records(&lineup)?;
    let layers = workspace.layers_of(&lineup)?;
    let files: Vec<&PathSet> = lineup.files.iter().collect();
    let mut groups = Vec::new();
    let mut copies = BTreeSet::new();
    for images in same_files(&files) {
        let lists = match paths_only {
            true => images.iter().map(|image| vec![*image]).collect(),
            false => identical(&mut workspace, &lineup, &images)?,
        };
        let rest: BTreeSet<u32> = lists.iter().flat_map(|list| &list[1..]).copied().collect();
        let freed = (!paths_only).then(|| freed_bytes(&layers, &rest));
        copies.extend(rest);
        groups.push(group(&lineup, &records, &lists, freed));
    }
    let freed = (!paths_only).then(|| freed_bytes(&layers, &copies));
    let report = DuplicatesReport::new(paths_only, lineup.names.len() as u64, groups, freed);
    outputs.answer(&value_of(&report)?, || text_of(&report))?;
    Ok(ExitCode::SUCCESS)
}

/// Images with the same files, in lists of those with the same contents.
fn identical(
    workspace: &mut Workspace,
    lineup: &Lineup,
    images: &[u32],
) -> Result<Vec<Vec<u32>>, CliError> {
    let mut lists: Vec<(Inventory, Vec<u32>)> = Vec::new();
    let mut unknown = Vec::new();
    for image in images {
        let entries = workspace.entries(lineup, *image)?;
        // What is not known is the same as nothing, so it is compared with nothing.
        if Comparison::of(&entries, &entries).content.unknown > 0 {
            unknown.push(vec![*image]);
            continue;
        }
        let is_same = |first: &Inventory| {
            let content = Comparison::of(first, &entries).content;
            content.changed + content.unknown == 0
        };
        match lists.iter_mut().find(|(first, _)| is_same(first)) {
            Some((_, list)) => list.push(*image),
            None => lists.push((entries, vec![*image])),
        }
    }
    let mut lists: Vec<Vec<u32>> = lists.into_iter().map(|(_, list)| list).chain(unknown).collect();
    lists.sort_unstable();
    Ok(lists)
}

fn group(
    lineup: &Lineup,
    records: &[ImageRecord],
    lists: &[Vec<u32>],
    freed_bytes: Option<u64>,
) -> DuplicatesGroup {
    let image = |image: &u32| DuplicateReport {
        name: lineup.names[*image as usize].clone(),
        size_bytes: records[*image as usize].size_bytes,
    };
    let files = lists.first().and_then(|list| list.first());
    DuplicatesGroup {
        kind: if lists.len() == 1 { "identical" } else { "same-paths" },
        files: files.map_or(0, |image| lineup.files[*image as usize].len()),
        identical: lists.iter().map(|list| list.iter().map(image).collect()).collect(),
        freed_bytes,
    }
}

fn text_of(report: &DuplicatesReport) -> String {
    let images: usize = report.groups.iter().flat_map(|group| &group.identical).map(Vec::len).sum();
    let mut text = match report.groups.len() {
        0 => format!(
            "none of {} has the same files as another\n",
            text::plural(report.images, "image")
        ),
        groups => format!(
            "{} of {} in {}\n",
            text::count(images as u64),
            text::plural(report.images, "image"),
            text::plural(groups as u64, "group") + " with the same files"
        ),
    };
    if let Some(freed) = report.freed_bytes.filter(|freed| *freed > 0) {
        text.push_str(&format!(
            "keeping one of each list of identical images would free {} of layers\n",
            text::bytes(freed)
        ));
    }
    for group in &report.groups {
        text.push_str(&format!("\n{}: {}", group.kind, text::plural(group.files, "file")));
        if let Some(freed) = group.freed_bytes.filter(|freed| *freed > 0) {
            text.push_str(&format!(", {} to be freed", text::bytes(freed)));
        }
        text.push('\n');
        for list in &group.identical {
            let names: Vec<String> = list
                .iter()
                .map(|it| {
                    let name = text::printable(&it.name);
                    // Path lists have files, but no sizes.
                    match it.size_bytes {
                        0 => name,
                        size => format!("{name} ({})", text::bytes(size)),
                    }
                })
                .collect();
            text.push_str(&format!("  {}\n", names.join(" = ")));
        }
    }
    text
}
