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

/// How many builds of a base, and images on it, are listed.
const LISTED: usize = 10;

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
        "{} of {} {stand} on an older build or release of a base",
        text::count(report.stale),
        text::plural(report.asked, "image")
    );
    let undecided = report.touched().saturating_sub(report.stale);
    if undecided > 0 {
        text.push_str(&format!(
            "; of {} nothing tells whether there is a newer one",
            text::plural(undecided, if report.stale > 0 { "other" } else { "image" })
        ));
    }
    text.push('\n');
    for base in &report.bases {
        text.push_str(&base_text(base));
    }
    text::printable_lines(&text)
}

fn base_text(base: &StaleBase) -> String {
    let name = text::printable(&base.build.name);
    let mut text = format!("\n{name}{}\n", bracketed(&known(&base.build)));
    for other in base.builds.iter().take(LISTED) {
        let what = match (other.order, other.by_version) {
            (None, _) => "another build or release",
            (_, Some(_)) => "newer release",
            (_, None) => "newer build",
        };
        let mut words = vec![other.alike.to_owned()];
        words.extend(known(&other.build));
        words.extend(undecided(other));
        let name = text::printable(&other.build.name);
        text.push_str(&format!("  {what}: {name}{}\n", bracketed(&words)));
    }
    let more = base.builds.len().saturating_sub(LISTED);
    if more > 0 {
        text.push_str(&format!(
            "  and {} (all of them: --json)\n",
            text::plural(more as u64, "more build")
        ));
    }
    let images: Vec<String> = base
        .images
        .iter()
        .take(LISTED)
        .map(|image| format!("{} ({:.2} sure)", text::printable(&image.name), image.confidence))
        .collect();
    text.push_str(&format!("  on it: {}", images.join(", ")));
    let more = base.images.len().saturating_sub(LISTED);
    if more > 0 {
        text.push_str(&format!(", and {} more (all of them: --json)", text::count(more as u64)));
    }
    text.push('\n');
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
