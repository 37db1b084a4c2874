//! `oskin subtrees`: which subtrees of two images are the same, or nearly, and where they lie.

use super::workspace;
use crate::args::{AskedSubtrees, Global};
use crate::error::CliError;
use crate::images::Found;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::inventory::{Entry, Inventory};
use oskin::measure::graph::{Tree, matches};
use oskin::report::{SubtreePlace, SubtreeReport, SubtreesReport};
use oskin::view::Item;
use std::process::ExitCode;

/// How many are listed as text where nothing else is asked for.
const LISTED: usize = 20;

/// Finds and tells them.
pub(super) fn run(global: &Global, asked: AskedSubtrees) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let AskedSubtrees { left, right, min_paths, contents, top, reading } = asked;
    let mut workspace = workspace(global, reading)?;
    let found = [workspace.find(&left)?, workspace.find(&right)?];
    let names = found.each_ref().map(Found::name);
    let inventories = [workspace.inventory(&found[0])?, workspace.inventory(&found[1])?];
    let lists = inventories.each_ref().map(|inventory| items(inventory, contents));
    if contents {
        for (name, list) in names.iter().zip(&lists) {
            refuse_unknown(name, list)?;
        }
    }
    let [left, right] = lists.each_ref().map(|list| Tree::of(list));
    let found = matches(&left, &right, min_paths);
    let report = SubtreesReport::new(names, &found, (contents, min_paths), top);
    outputs.answer(&value_of(&report)?, || text_of(&report, top.unwrap_or(LISTED)))?;
    Ok(ExitCode::SUCCESS)
}

fn items(inventory: &Inventory, contents: bool) -> Vec<Item<'_>> {
    inventory.iter().map(|entry| item(&entry, contents)).collect()
}

fn item<'a>(entry: &Entry<'a>, contents: bool) -> Item<'a> {
    // Digests are bytes of any kind and targets are paths, so they do not meet.
    let content = entry.digest.map(|digest| &digest.0[..]).or(entry.link).unwrap_or_default();
    Item {
        path: entry.path,
        is_directory: entry.kind.is_directory(),
        content: if contents { content } else { &[] },
    }
}

/// Without contents every file would be another one than the same file of an image that has them.
fn refuse_unknown(name: &str, items: &[Item<'_>]) -> Result<(), CliError> {
    let is_known = items.iter().any(|item| !item.content.is_empty());
    if is_known || items.iter().all(|item| item.is_directory) {
        return Ok(());
    }
    let message = format!("the contents of {name} are not known");
    Err(CliError::new(message).hint("leave out --contents to go by paths"))
}

fn text_of(report: &SubtreesReport, top: usize) -> String {
    let SubtreesReport { left, right, .. } = report;
    let mut summary = format!(
        "{} ({}) and {} ({}): {} in the same place",
        left.name,
        text::plural(left.paths, "path"),
        right.name,
        text::plural(right.paths, "path"),
        text::count(report.same_place)
    );
    match report.subtrees {
        0 => summary.push_str(&format!(
            ", and no subtree with {} or more elsewhere",
            text::plural(report.min_paths, "path")
        )),
        subtrees => summary.push_str(&format!(
            ", {} elsewhere in {}",
            text::count(report.elsewhere),
            text::plural(subtrees, "subtree")
        )),
    }
    let mut text = format!("{}\n", text::printable(&summary));
    if report.matches.is_empty() {
        return text;
    }
    let rows = report.matches.iter().take(top).map(row).collect();
    let headings = ["", ">DICE", ">COMMON", ">LEFT", ">RIGHT", "FROM", "TO"];
    text.push('\n');
    text.push_str(&text::table(&headings, rows));
    let rest = report.subtrees.saturating_sub(top as u64);
    if rest > 0 {
        text.push_str(&format!("and {} (see --top)\n", text::plural(rest, "smaller subtree")));
    }
    text
}

fn row(found: &SubtreeReport) -> Vec<String> {
    vec![
        found.kind.replace('-', " "),
        if found.exact { "all".to_owned() } else { format!("{:.6}", found.dice) },
        text::count(found.common),
        text::count(found.left.paths),
        text::count(found.right.paths),
        place(&found.left),
        place(&found.right),
    ]
}

fn place(place: &SubtreePlace) -> String {
    let path = if place.path.is_empty() { "/" } else { &place.path };
    let also = match place.places {
        0 | 1 => String::new(),
        places => format!(" (one of {})", text::count(places)),
    };
    let stays = if place.stays { " (both have it)" } else { "" };
    format!("{path}{also}{stays}")
}
