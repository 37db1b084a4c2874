//! `oskin paths`: what became of the paths that only one of two images has.

use super::workspace;
use crate::args::{AskedPaths, Global, Reading};
use crate::error::{CliError, DIFFERENT};
use crate::output::{Format, Outputs, json_bytes, value_of};
use crate::text;
use oskin::inventory::{Entry, Inventory, beside};
use oskin::measure::{Item, counterparts};
use oskin::path_set::Selection;
use oskin::report::{PathsAsked, PathsReport};
use std::process::ExitCode;

/// Finds the counterparts; exit 0 if both have the same paths.
pub(super) fn run(
    global: &Global,
    asked: &AskedPaths,
    reading: Reading,
) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json, Format::Tsv])?;
    let mut workspace = workspace(global, reading)?;
    let (left, right) = (workspace.find(&asked.left)?, workspace.find(&asked.right)?);
    let inventories = [workspace.inventory(&left)?, workspace.inventory(&right)?];
    let sides = Sides::of(&inventories, asked.selection);
    let common = sides.common.iter().copied();
    let found = counterparts(&sides.left_only, &sides.right_only, common, asked.min_similarity);
    let told = PathsAsked {
        selection: asked.selection,
        min_similarity: asked.min_similarity,
        common: sides.common.len() as u64,
    };
    let items: [&[Item<'_>]; 2] = [&sides.left_only, &sides.right_only];
    let report = PathsReport::new([left.name(), right.name()], told, items, &found);
    outputs.write(|format| match format {
        Format::Json => Ok(json_bytes(&value_of(&report)?)),
        Format::Tsv => Ok(tsv_of(&report).into_bytes()),
        _ => Ok(text_of(&report, if asked.all { usize::MAX } else { asked.top }).into_bytes()),
    })?;
    Ok(if report.is_same() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

/// The paths of two images.
#[derive(Default)]
struct Sides<'a> {
    left_only: Vec<Item<'a>>,
    right_only: Vec<Item<'a>>,
    common: Vec<&'a [u8]>,
}

impl<'a> Sides<'a> {
    /// Parts the paths that a selection counts by one walk over both.
    fn of([left, right]: &'a [Inventory; 2], selection: Selection) -> Self {
        let counts = |entry: &Entry<'_>| match selection {
            Selection::Files => !entry.kind.is_directory(),
            Selection::Directories => entry.kind.is_directory(),
            Selection::Both => true,
        };
        let mut sides = Self::default();
        for (a, b) in beside(left, right) {
            match (a.filter(&counts), b.filter(&counts)) {
                (Some(both), Some(_)) => sides.common.push(both.path),
                (a, b) => {
                    sides.left_only.extend(a.as_ref().map(item));
                    sides.right_only.extend(b.as_ref().map(item));
                }
            }
        }
        sides
    }
}

/// A path and what is known of it; empty files are all the same.
pub(super) fn item<'a>(entry: &Entry<'a>) -> Item<'a> {
    let digest = entry.digest.filter(|_| entry.size_bytes > 0);
    let content = digest.map(|digest| digest.0.as_slice());
    Item { path: entry.path, is_directory: entry.kind.is_directory(), content }
}

/// All pairs, one a line.
fn tsv_of(report: &PathsReport) -> String {
    let mut text = "left\tright\tkind\tsimilarity\n".to_owned();
    for it in &report.counterparts {
        text.push_str(&format!("{}\t{}\t{}\t{:.6}\n", it.left, it.right, it.kind, it.similarity));
    }
    text
}

/// The answer for people: words, then directories, then single paths.
fn text_of(report: &PathsReport, most: usize) -> String {
    let mut text = summary(report);
    let subtree = |it: &oskin::report::WholeTreeReport| {
        let (kind, left, right) = (it.kind.to_owned(), it.left.clone(), it.right.clone());
        let counts = [it.pairs, it.left_only, it.right_only].map(text::count);
        [vec![kind], counts.to_vec(), vec![left, right]].concat()
    };
    if !report.subtrees.is_empty() {
        let headings = ["DIRECTORY", ">PAIRS", ">REMOVED", ">ADDED", "LEFT", "RIGHT"];
        let rows = report.subtrees.iter().take(most).map(subtree).collect();
        text.push_str(&format!("\n{}", text::table(&headings, rows)));
        text.push_str(&more(report.subtrees.len(), most));
    }
    let singles = || report.counterparts.iter().filter(|it| it.subtree.is_none());
    let count = singles().count();
    if count > 0 {
        let single = |it: &oskin::report::CounterpartReport| {
            let similarity = format!("{:.3}", it.similarity);
            vec![it.kind.to_owned(), similarity, it.left.clone(), it.right.clone()]
        };
        let headings = ["PATH", ">ALIKE", "LEFT", "RIGHT"];
        let rows = singles().take(most).map(single).collect();
        text.push_str(&format!("\n{}", text::table(&headings, rows)));
        text.push_str(&more(count, most));
    }
    text
}

fn summary(report: &PathsReport) -> String {
    let (left, right) = (text::printable(&report.left.name), text::printable(&report.right.name));
    let common = text::plural(report.common, "path");
    if report.is_same() {
        return format!("{left} and {right} have the same {common}.\n");
    }
    let mut text = format!(
        "{} only in {left}, {} only in {right}, {} in both.\n",
        text::plural(report.left_only, "path"),
        text::count(report.right_only),
        text::count(report.common)
    );
    let kinds: Vec<String> = report
        .kinds
        .iter()
        .filter(|it| it.pairs > 0)
        .map(|it| {
            let kind = format!("{} {}", text::count(it.pairs), it.kind);
            if it.subtrees == 0 {
                return kind;
            }
            let subtrees = text::plural(it.subtrees, "subtree");
            format!("{kind} ({} of them in {subtrees})", text::count(it.in_subtrees))
        })
        .collect();
    let (removed, added) = (report.removed.len() as u64, report.added.len() as u64);
    let rest = format!("{} removed, {} added", text::count(removed), text::count(added));
    let found = if kinds.is_empty() { "no counterparts".to_owned() } else { kinds.join(", ") };
    text.push_str(&format!("Of them {found}; without a counterpart {rest}.\n"));
    text
}

/// What is not listed, and how to get it.
fn more(all: usize, most: usize) -> String {
    match all.checked_sub(most) {
        None | Some(0) => String::new(),
        Some(rest) => format!("{} more; --all lists them\n", text::count(rest as u64)),
    }
}
