//! `oskin lineage`: the family graph of images.

use super::workspace;
use crate::args::{Global, Reading};
use crate::error::CliError;
use crate::images::{Lineup, Workspace};
use crate::output::{Format, Outputs, json_bytes, value_of};
use crate::text;
use oskin::inventory::Inventory;
use oskin::lineage::{Candidates, Lineage, Look, Survey};
use oskin::path_set::PathSet;
use oskin::report::{EdgeReport, LineageReport, ProofReport};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

/// Finds the family graph and writes it.
pub(super) fn run(
    global: &Global,
    images: &[OsString],
    paths_only: bool,
    reading: Reading,
) -> Result<ExitCode, CliError> {
    let outputs =
        Outputs::new(global, &[Format::Text, Format::Json, Format::Dot, Format::Graphml])?;
    let mut workspace = workspace(global, reading)?;
    let lineup = workspace.line_up(images)?;
    let (lineage, _) = find(&mut workspace, &lineup, paths_only)?;
    let report = LineageReport::new(&lineup.names, paths_only, &lineage);
    outputs.write(|format| match format {
        Format::Json => Ok(json_bytes(&value_of(&report)?)),
        Format::Dot => Ok(report.dot().into_bytes()),
        Format::Graphml => Ok(report.graphml().into_bytes()),
        _ => Ok(text_of(&report).into_bytes()),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The family graph of a lineup, and the candidates by paths.
pub(super) fn find(
    workspace: &mut Workspace,
    lineup: &Lineup,
    paths_only: bool,
) -> Result<(Lineage, Candidates), CliError> {
    let files: Vec<&PathSet> = lineup.files.iter().collect();
    let survey = Survey::of(&files, (!paths_only).then_some(&lineup.chains[..]));
    let mut looks = BTreeMap::new();
    // Questions about one candidate stand side by side.
    let mut candidate: Option<(u32, Inventory)> = None;
    for (image, child) in survey.questions() {
        let entries = match candidate.take() {
            Some((known, entries)) if known == image => entries,
            _ => workspace.entries(lineup, image)?,
        };
        let theirs = workspace.entries(lineup, child)?;
        looks.insert((image, child), Look::at(&entries, &theirs));
        candidate = Some((image, entries));
    }
    Ok((survey.lineage(&looks), survey.candidates().clone()))
}

/// The graph for people: counts, then each tiny graph as a tree, the largest first, those of one
/// image as a list.
fn text_of(report: &LineageReport) -> String {
    let tree = Tree::of(report);
    let images = report.images.len() as u64;
    let alone: Vec<&str> = report
        .components
        .iter()
        .filter_map(|component| match &component[..] {
            [one] => Some(one.as_str()),
            _ => None,
        })
        .collect();
    let families = report.components.len() - alone.len();
    let mut text = format!(
        "{}: {} with a parent, {} of a family of several, {} alone",
        text::plural(images, "image"),
        text::count(report.edges.len() as u64),
        text::plural(families as u64, "root"),
        text::count(alone.len() as u64),
    );
    // Twins stand where the first of them stands.
    let twins = report.images.len().saturating_sub(report.edges.len() + report.components.len());
    if twins > 0 {
        text.push_str(&format!(", {} the same as another", text::count(twins as u64)));
    }
    text.push('\n');
    let mut components: Vec<&Vec<String>> =
        report.components.iter().filter(|component| component.len() > 1).collect();
    components.sort_by_key(|component| std::cmp::Reverse(component.len()));
    for component in components {
        text.push('\n');
        tree.write(&mut text, &component[0]);
    }
    if !alone.is_empty() {
        text.push_str("\nalone:\n");
    }
    for root in alone {
        tree.write(&mut text, root);
    }
    text
}

/// What stands below what, by name.
struct Tree<'r> {
    edges: BTreeMap<&'r str, &'r EdgeReport>,
    children: BTreeMap<&'r str, Vec<&'r str>>,
    notes: BTreeMap<&'r str, Vec<String>>,
}

impl<'r> Tree<'r> {
    fn of(report: &'r LineageReport) -> Self {
        let mut tree =
            Self { edges: BTreeMap::new(), children: BTreeMap::new(), notes: BTreeMap::new() };
        for edge in &report.edges {
            tree.edges.insert(&edge.child, edge);
            tree.children.entry(&edge.parent).or_default().push(&edge.child);
        }
        for kin in &report.kin {
            let [first, later] = &kin.images;
            let is_root = report.roots.contains(later);
            // A twin without a parent of its own stands beside the first.
            if !tree.edges.contains_key(later.as_str()) && !is_root {
                tree.children.entry(first).or_default().push(later);
            }
            tree.notes.entry(later).or_default().push(match kin.kind {
                "rebuild" => format!("a rebuild of {first}, or the other way round"),
                kind => format!("{kind}: {first}"),
            });
        }
        for it in &report.connections {
            let note = format!(
                "nearest family: that of {}, with {} of its {}",
                it.base,
                text::count(it.shared),
                text::plural(it.shared + it.missing, "file")
            );
            tree.notes.entry(&it.root).or_default().push(note);
        }
        tree
    }

    /// An image and all below it, without recursion: chains may be long.
    fn write(&self, text: &mut String, root: &str) {
        let mut open: Vec<(&str, usize)> = vec![(root, 0)];
        while let Some((image, depth)) = open.pop() {
            let mut line = format!("{}{}", "  ".repeat(depth), image);
            if let Some(edge) = self.edges.get(image) {
                line.push_str(&format!("  {}", words(edge)));
            }
            for note in self.notes.get(image).into_iter().flatten() {
                line.push_str(&format!("  [{note}]"));
            }
            text.push_str(&text::printable(&line));
            text.push('\n');
            let below = self.children.get(image).into_iter().flatten().rev();
            open.extend(below.map(|child| (*child, depth + 1)));
        }
    }
}

/// What an edge says, in a few words.
pub(super) fn words(edge: &EdgeReport) -> String {
    let mut words = Vec::new();
    for proof in &edge.evidence {
        match proof {
            ProofReport::LayerChain { layers, with_empty } => {
                let more = if *with_empty { "" } else { ", empty ones aside" };
                words.push(format!("on its {}{more}", text::plural(*layers as u64, "layer")));
            }
            ProofReport::ContentContainment { same, changed } => words.push(format!(
                "{} files the same, {} changed",
                text::count(*same),
                text::count(*changed)
            )),
            ProofReport::PathContainment { missing, added, deletions, .. } => {
                let by = deletions.map(|it| format!(" in {}", text::plural(it, "deletion")));
                words.push(format!(
                    "+{} -{}{}",
                    text::count(*added),
                    text::plural(*missing, "file"),
                    by.unwrap_or_default()
                ));
            }
        }
    }
    let or = match &edge.alternatives[..] {
        [] => String::new(),
        others => format!("; or on {}", others.join(", ")),
    };
    format!("({} {:.2}: {}{or})", edge.kind, edge.confidence, words.join("; "))
}
