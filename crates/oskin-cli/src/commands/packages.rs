//! `oskin packages`: what is installed in an image.

use super::workspace;
use crate::args::{AskedPackages, Global};
use crate::error::CliError;
use crate::images::Found;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::inventory::Inventory;
use oskin::report::{InstalledReport, PackageReport};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

/// Tells what is installed in an image.
pub(super) fn run(global: &Global, asked: AskedPackages) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let AskedPackages { image, base, r#type, own, reading } = asked;
    let mut workspace = workspace(global, reading)?;
    let found = workspace.find_any(&image)?;
    let mut all = workspace.must_be_installed(&found)?;
    if let Found::Read(read) = &found
        && all.is_empty()
        && read.record.transport == "rootfs"
        && !looks_like_a_root(&read.inventory)
    {
        workspace.warn(&format!(
            "{} does not look like a root file system: it has none of bin, etc, lib, opt, usr and var; of images \
             that lie in it, name one",
            text::printable(found.name())
        ));
    }
    let base = workspace.base_of(&found, base.as_deref())?;
    if own && base.is_none() {
        return Err(CliError::new(format!("no base of {:?} is known", found.name()))
            .hint("name it with --base"));
    }
    all.retain(|it| r#type.is_empty() || r#type.contains(&it.found.package.kind));
    if let (true, Some(base)) = (own, &base) {
        all.retain(|it| !base.purls.contains(&it.found.package.to_string()));
    }
    let known = base.as_ref().map(|base| (base.name.as_str(), &base.purls));
    let report = InstalledReport::new(found.name(), known, &all);
    outputs.answer(&value_of(&report)?, || text_of(&report, own))?;
    Ok(ExitCode::SUCCESS)
}

/// Whether there is one of the directories that hold what package managers record or what they install.
fn looks_like_a_root(inventory: &Inventory) -> bool {
    let of_roots =
        |path: &[u8]| matches!(path, b"etc" | b"usr" | b"bin" | b"lib" | b"opt" | b"var");
    let first = |path: &[u8]| path.split(|&byte| byte == b'/').next().is_some_and(of_roots);
    inventory.iter().any(|entry| first(entry.path))
}

fn text_of(report: &InstalledReport, own: bool) -> String {
    let count = report.packages.len() as u64;
    let types: Vec<String> = report
        .types
        .iter()
        .map(|(kind, count)| format!("{} {kind}", text::count(*count)))
        .collect();
    let mut line = format!("{}: {}", report.name, text::plural(count, "package"));
    if report.different < count {
        line.push_str(&format!(", {} different", text::count(report.different)));
    }
    if !types.is_empty() {
        line.push_str(&format!(" ({})", types.join(", ")));
    }
    match (&report.base, report.from_base) {
        (Some(base), _) if own => line.push_str(&format!(" that {base} has not")),
        (Some(base), Some(count)) => {
            line.push_str(&format!(", {} of them from {base}", text::count(count)));
        }
        _ => {}
    }
    let mut text = format!("{}\n", text::printable(&line));
    if report.packages.is_empty() {
        return text;
    }
    text.push('\n');
    text.push_str(&table(&report.packages));
    text
}

/// The packages, of which those that look the same are one line.
fn table(packages: &[PackageReport]) -> String {
    let mut machines: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for it in packages {
        machines.entry((&it.r#type, &it.name)).or_default().insert(&it.architecture);
    }
    let mut rows: Vec<(Vec<String>, u64)> = Vec::new();
    let mut lines: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    for it in packages {
        let is_of_several =
            machines.get(&(&*it.r#type, &*it.name)).is_some_and(|all| all.len() > 1);
        let row = row(it, is_of_several);
        let line = *lines.entry(row.clone()).or_insert(rows.len());
        match rows.get_mut(line) {
            Some((_, places)) => *places += 1,
            None => rows.push((row, 1)),
        }
    }
    let mut headings = vec!["TYPE", "NAME", "VERSION", ">LAYER", "FROM", "WHY", "LICENCE"];
    let is_folded = rows.iter().any(|(_, places)| *places > 1);
    if is_folded {
        headings.insert(3, ">PLACES");
    }
    let shown = |(mut row, places): (Vec<String>, u64)| {
        if is_folded {
            row.insert(3, text::count(places));
        }
        row
    };
    text::table(&headings, rows.into_iter().map(shown).collect())
}

/// A line; the machine stands behind the name if there are packages of that name for several.
fn row(it: &PackageReport, is_of_several: bool) -> Vec<String> {
    let from = match it.from_base {
        Some(true) => "base",
        Some(false) => "own",
        None => "",
    };
    let why = match it.asked_for {
        Some(true) => "asked for",
        Some(false) => "came along",
        None => "",
    };
    let machine = Some(&it.architecture).filter(|it| is_of_several && !it.is_empty());
    vec![
        it.r#type.clone(),
        machine.map_or_else(|| it.name.clone(), |machine| format!("{}:{machine}", it.name)),
        it.version.clone(),
        it.layer.map(|layer| layer.to_string()).unwrap_or_default(),
        from.to_owned(),
        why.to_owned(),
        it.license.lines().collect::<Vec<_>>().join(" "),
    ]
}
