//! `oskin stale`: images on an older build of their base.

use super::family::{Family, facts_of};
use crate::args::{Global, Reading};
use crate::error::CliError;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::lineage::{Ancestry, Builds, Facts, Outdated};
use oskin::report::{BuildReport, OtherBuild, StaleBase, StaleReport};
use std::ffi::OsStr;
use std::process::ExitCode;

/// Finds the bases of which there are newer builds, and who stands on them.
pub(super) fn run(
    global: &Global,
    image: Option<&OsStr>,
    options: (bool, Reading),
) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let mut family = Family::find(global, image.as_slice(), options)?;
    let records = family.records()?;
    let facts: Vec<Facts> = records.iter().map(facts_of).collect();
    let ancestry = Ancestry::of(&family.lineage);
    let builds = Builds::among(&family.lineup.files, &facts, &family.lineage, &ancestry);
    let asked: Vec<u32> = match &family.asked[..] {
        [] => (0..).take(family.lineup.names.len()).collect(),
        asked => asked.to_vec(),
    };
    let outdated: Vec<(u32, Vec<Outdated>)> =
        asked.into_iter().map(|image| (image, builds.outdated(image))).collect();
    let names = &family.lineup.names;
    let report = StaleReport::new((names, &records), family.paths_only, &outdated);
    outputs.answer(&value_of(&report)?, || text_of(&report))?;
    Ok(ExitCode::SUCCESS)
}

fn text_of(report: &StaleReport) -> String {
    let stand = if report.stale == 1 || report.asked == 1 { "stands" } else { "stand" };
    let mut text = format!(
        "{} of {} {stand} on a base of which there is a newer build or release\n",
        text::count(report.stale),
        text::plural(report.asked, "image")
    );
    for base in &report.bases {
        text.push_str(&base_text(base));
    }
    text::printable_lines(&text)
}

fn base_text(base: &StaleBase) -> String {
    let mut text = format!("\n{}{}\n", base.build.name, bracketed(&known(&base.build)));
    for other in &base.builds {
        let what = match (other.order, other.by_version) {
            (None, _) => "another build or release",
            (_, Some(_)) => "newer release",
            (_, None) => "newer build",
        };
        let mut words = vec![other.alike.to_owned()];
        words.extend(known(&other.build));
        words.extend(undecided(other));
        text.push_str(&format!("  {what}: {}{}\n", other.build.name, bracketed(&words)));
    }
    let images: Vec<String> = base
        .images
        .iter()
        .map(|image| format!("{} ({:.2})", image.name, image.confidence))
        .collect();
    text.push_str(&format!("  on it: {}\n", images.join(", ")));
    text
}

/// What tells which build it is.
fn known(build: &BuildReport) -> Vec<String> {
    let version = build.version.iter().map(|version| format!("version {version}"));
    version.chain(build.created.iter().map(|created| format!("built {created}"))).collect()
}

/// Why it is not told which of two is the newer.
fn undecided(other: &OtherBuild) -> Option<String> {
    match (other.order, other.by_version, other.by_created) {
        (None, Some(version), Some(created)) => {
            Some(format!("{version} by its version, {created} by its time"))
        }
        (None, ..) => Some("nothing tells which is newer".to_owned()),
        _ => None,
    }
}

fn bracketed(words: &[String]) -> String {
    if words.is_empty() { String::new() } else { format!("  ({})", words.join("; ")) }
}
