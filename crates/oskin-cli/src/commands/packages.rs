//! `oskin packages`: what is installed in an image.

use super::workspace;
use crate::args::{AskedPackages, Global};
use crate::error::CliError;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::report::{InstalledReport, PackageReport};
use std::process::ExitCode;

/// Tells what is installed in an image.
pub(super) fn run(global: &Global, asked: AskedPackages) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let AskedPackages { image, base, r#type, own, reading } = asked;
    let mut workspace = workspace(global, reading)?;
    let found = workspace.find_any(&image)?;
    let mut all = workspace.must_be_installed(&found)?;
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

fn text_of(report: &InstalledReport, own: bool) -> String {
    let count = report.packages.len() as u64;
    let types: Vec<String> = report
        .types
        .iter()
        .map(|(kind, count)| format!("{} {kind}", text::count(*count)))
        .collect();
    let mut line = format!("{}: {}", report.name, text::plural(count, "package"));
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
    let row = |it: &PackageReport| {
        let from = match it.from_base {
            Some(true) => "base",
            Some(false) => "own",
            None => "",
        };
        vec![
            it.r#type.clone(),
            it.name.clone(),
            it.version.clone(),
            it.layer.map(|layer| layer.to_string()).unwrap_or_default(),
            from.to_owned(),
            match it.asked_for {
                Some(true) => "asked for",
                Some(false) => "came along",
                None => "",
            }
            .to_owned(),
            it.license.lines().collect::<Vec<_>>().join(" "),
        ]
    };
    text.push('\n');
    let headings = ["TYPE", "NAME", "VERSION", ">LAYER", "FROM", "WHY", "LICENCE"];
    text.push_str(&text::table(&headings, report.packages.iter().map(row).collect()));
    text
}
