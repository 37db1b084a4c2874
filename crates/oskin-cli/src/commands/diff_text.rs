//! What differs between two images, as text for people.

use super::compare_packages;
use crate::settings_text::settings_text;
use crate::text;
use oskin::diff::{Change, Class, Differences, Line, Rollup, Tree, What};
use oskin::inventory::Entry;
use oskin::path::escape;
use oskin::relation::Volatile;
use oskin::report::{ClassReport, DiffReport, PackagesReport, RuleReport};
use std::iter::once;

/// How many moved directories, and how many packages, are listed.
const LISTED: usize = 8;

/// What is shown of the paths.
pub(super) struct Shown<'a> {
    /// The tree of what differs.
    pub(super) tree: Tree<'a>,
    /// How many lines of it.
    pub(super) lines: usize,
    /// Every path instead.
    pub(super) entries: Option<&'a Differences<'a>>,
}

/// The answer first, then sizes and counts, software, and the tree.
pub(super) fn text_of(report: &DiffReport, shown: &Shown<'_>) -> String {
    let listed = if shown.lines == usize::MAX { usize::MAX } else { LISTED };
    let mut text = format!("{}\n", text::printable(&report.summary));
    if report.focus != super::diff::ALL {
        text.push_str(&format!("Told of: {}.\n", text::printable(&report.focus)));
    }
    text.push('\n');
    text.push_str(&sizes(report));
    for side in [&report.left, &report.right] {
        if let Some(what) = &side.incomplete {
            let note = format!("note: {} was read only in part: {what}", side.name);
            text.push_str(&format!("{}\n", text::printable(&note)));
        }
    }
    text.push_str(&classes(report));
    if let Some(packages) = report.packages.as_ref().filter(|it| it.is_of_any()) {
        text.push_str(&software(packages, listed));
    }
    let settings = settings_of(report, listed);
    if !settings.is_empty() {
        text.push_str(&format!("\n{settings}"));
    }
    text.push_str(&moved(report, listed));
    match shown.entries {
        Some(found) => text.push_str(&entries(found)),
        None => text.push_str(&tree(&shown.tree, shown.lines)),
    }
    text.push_str(&rules(&report.rules));
    text
}

/// What they declare and set up.
pub(super) fn settings_of(report: &DiffReport, listed: usize) -> String {
    settings_text(&report.settings, [&report.left.name, &report.right.name], listed)
}

fn sizes(report: &DiffReport) -> String {
    let row = |side: &oskin::report::DiffSide| {
        vec![
            side.name.clone(),
            text::count(side.files),
            text::count(side.directories),
            text::bytes(side.size_bytes),
        ]
    };
    let rows = vec![row(&report.left), row(&report.right)];
    text::table(&["", ">FILES", ">DIRECTORIES", ">SIZE"], rows)
}

fn classes(report: &DiffReport) -> String {
    let is_there = |it: &&ClassReport| it.files + it.directories > 0;
    let row = |it: &ClassReport| {
        let bytes = |bytes: u64| if bytes == 0 { String::new() } else { text::bytes(bytes) };
        let class = Class::from_name(it.class).unwrap_or(Class::Same);
        vec![
            class.mark().to_string(),
            words(class).to_owned(),
            text::count(it.files),
            text::count(it.directories),
            bytes(it.left_bytes),
            bytes(it.right_bytes),
            if it.volatile == 0 { String::new() } else { text::count(it.volatile) },
        ]
    };
    let rows: Vec<Vec<String>> = report.classes.iter().filter(is_there).map(row).collect();
    let headings = ["", "CLASS", ">FILES", ">DIRECTORIES", ">LEFT", ">RIGHT", ">VOLATILE"];
    let mut told = format!("\n{}", text::table(&headings, rows));
    if !report.volatile.is_empty() {
        let parts: Vec<String> = report
            .volatile
            .iter()
            .map(|it| format!("{} {}", text::count(it.files), it.reason))
            .collect();
        told.push_str(&format!(
            "volatile, as programs write there of their own accord: {}\n",
            parts.join(", ")
        ));
    }
    told
}

/// A class in words.
fn words(class: Class) -> &'static str {
    match class {
        Class::Added => "added",
        Class::Removed => "removed",
        Class::Content => "other content",
        Class::Kind => "another kind",
        Class::Link => "leads elsewhere",
        Class::Mode => "mode or owner only",
        Class::Unknown => "content not known",
        Class::Same => "same",
    }
}

fn software(packages: &PackagesReport, listed: usize) -> String {
    let counts = packages.changes;
    let parts = [
        (counts.upgraded, "upgraded"),
        (counts.downgraded, "downgraded"),
        (counts.succeeded, "succeeded by another name"),
        (counts.equivalent, "written otherwise"),
        (counts.left_only, "removed"),
        (counts.right_only, "added"),
        (counts.same, "same"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", text::count(count)))
        .collect();
    let mut told = format!("\npackages: {}\n", parts.join(", "));
    if !packages.differences.is_empty() {
        told.push_str(&compare_packages::differences(packages, listed));
    }
    told
}

fn moved(report: &DiffReport, listed: usize) -> String {
    if report.moved.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = report
        .moved
        .iter()
        .take(listed)
        .map(|it| {
            vec![it.kind.to_owned(), text::count(it.pairs), it.left.clone(), it.right.clone()]
        })
        .collect();
    let mut told = format!("\n{}", text::table(&["DIRECTORY", ">FILES", "LEFT", "RIGHT"], rows));
    if report.moved.len() > listed {
        let more = text::count((report.moved.len() - listed) as u64);
        told.push_str(&format!("{more} more; --all lists them, `oskin paths` each path\n"));
    }
    told
}

fn tree(tree: &Tree<'_>, lines: usize) -> String {
    let lines = tree.lines(lines);
    if lines.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = lines.iter().map(line).collect();
    format!("\n{}", text::table(&["WHERE", ">FILES", ">SIZE", "WHAT"], rows))
}

fn line(line: &Line<'_>) -> Vec<String> {
    let indent = "  ".repeat(line.depth);
    let name = escape(line.name);
    match &line.what {
        What::Entry(change) => {
            let slash = if change.is_directory() { "/" } else { "" };
            let name = format!("{indent}{} {name}{slash}", change.class.mark());
            vec![name, String::new(), size_of(change), what(change)]
        }
        What::Directory(rollup, is_open) => {
            let only = rollup.only_class().filter(|_| !is_open);
            let mark = only.map_or(' ', Class::mark);
            let size = match is_open {
                true => String::new(),
                false => text::bytes(rollup.bytes()),
            };
            vec![format!("{indent}{mark} {name}/"), files_of(rollup), size, marks(rollup)]
        }
        What::Rest(lines, rollup) => {
            let name = format!("{indent}  ... {} more", text::count(*lines as u64));
            vec![name, files_of(rollup), text::bytes(rollup.bytes()), marks(rollup)]
        }
    }
}

fn files_of(rollup: &Rollup) -> String {
    text::count(Class::ALL.into_iter().map(|class| rollup.count(class).files).sum())
}

/// How many paths of each class, by marks: `+12 -3 ~4`.
fn marks(rollup: &Rollup) -> String {
    let there = Class::ALL.into_iter().filter(|class| rollup.count(*class).paths() > 0);
    let parts: Vec<String> = there
        .map(|class| format!("{}{}", class.mark(), text::count(rollup.count(class).paths())))
        .collect();
    parts.join(" ")
}

fn size_of(change: &Change<'_>) -> String {
    let size =
        |side: Option<Entry<'_>>| side.filter(|it| it.kind.has_content()).map(|it| it.size_bytes);
    match (size(change.left), size(change.right)) {
        (Some(left), Some(right)) if left != right => {
            format!("{} -> {}", text::bytes(left), text::bytes(right))
        }
        (left, right) => left.or(right).map(text::bytes).unwrap_or_default(),
    }
}

/// What the mark does not say: modes, kinds, targets, why it is volatile.
fn what(change: &Change<'_>) -> String {
    let mut parts = Vec::new();
    if let (Some(left), Some(right)) = (&change.left, &change.right) {
        if left.kind != right.kind && change.class == Class::Kind {
            parts.push(format!("{} -> {}", left.kind.name(), right.kind.name()));
        }
        if change.class == Class::Link {
            let target = |link: Option<&[u8]>| link.map(escape).unwrap_or_default();
            parts.push(format!("{} -> {}", target(left.link), target(right.link)));
        }
        if change.has_other_mode {
            if left.mode != right.mode {
                parts.push(format!("{:04o} -> {:04o}", left.mode, right.mode));
            }
            if (left.uid, left.gid) != (right.uid, right.gid) {
                parts.push(format!("{}:{} -> {}:{}", left.uid, left.gid, right.uid, right.gid));
            }
        }
    }
    parts.extend(change.volatile.map(|why| format!("volatile: {}", why.name())));
    parts.join(", ")
}

/// Every path, one a line.
fn entries(found: &Differences<'_>) -> String {
    let rows = found.changes.iter().map(|change| {
        let slash = if change.is_directory() { "/" } else { "" };
        let path = format!("{} {}{slash}", change.class.mark(), escape(change.path));
        vec![path, size_of(change), what(change)]
    });
    format!("\n{}", text::table(&["PATH", ">SIZE", "WHAT"], rows.collect()))
}

fn rules(rules: &[RuleReport]) -> String {
    if rules.is_empty() {
        return String::new();
    }
    let row = |it: &RuleReport| {
        let outcome = if it.met == 0 { "passed" } else { "failed" };
        let first = it.first.clone().unwrap_or_default();
        vec![it.rule.clone(), outcome.to_owned(), text::count(it.met), first]
    };
    let rows = rules.iter().map(row).collect();
    format!("\n{}", text::table(&["RULE", "OUTCOME", ">MET", "FIRST"], rows))
}

/// Every path with its class, one a line.
pub(super) fn tsv_of(found: &Differences<'_>) -> String {
    let head = "class\tpath\tleft_bytes\tright_bytes\tvolatile\n".to_owned();
    let lines = found.changes.iter().map(|change| {
        let size =
            |side: Option<Entry<'_>>| side.map(|it| it.size_bytes.to_string()).unwrap_or_default();
        let why = change.volatile.map_or("", Volatile::name);
        let [left, right] = [change.left, change.right].map(size);
        format!("{}\t{}\t{left}\t{right}\t{why}\n", change.class.name(), escape(change.path))
    });
    once(head).chain(lines).collect()
}
