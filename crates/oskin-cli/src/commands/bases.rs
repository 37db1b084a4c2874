//! `oskin bases`: what the images of a catalog stand on, beside what Dockerfiles declare.

use super::dockerfiles;
use super::family::{Family, reference_of};
use crate::args::{AskedBases, Global, RankBy, Reading};
use crate::error::{CliError, INCOMPLETE};
use crate::output::{Format, Outputs, value_of};
use crate::text::{self, count, plural};
use oskin::dockerfile_dir::{Names, collect};
use oskin::lineage::{Ancestry, FoundBases};
use oskin::report::{
    BasesReport, CatalogNames, DeclaredBases, DockerfilesReport, FoundBaseReport, UnmetBase,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

/// How many bases are shown as text unless another number is asked for.
const SHOWN: usize = 10;

/// Finds the bases, reads the Dockerfiles, and tells.
pub(super) fn run(global: &Global, asked: &AskedBases) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    // Before the catalog, which takes longer.
    let declared = declared(&asked.dockerfiles, asked.by, global.quiet)?;
    let mut family = Family::find(global, &[], (asked.paths_only, Reading::default()))?;
    let records = family.records()?;
    let ancestry = Ancestry::of(&family.lineage);
    let found = FoundBases::of(&ancestry, asked.level);
    let own = |image: u32| reference_of(&records[image as usize]).to_owned();
    let references: Vec<Vec<String>> = (0..)
        .take(records.len())
        .map(|image| {
            let twins = ancestry.twins(image).into_iter().filter(|twin| twin.identical);
            std::iter::once(image).chain(twins.map(|twin| twin.image)).map(own).collect()
        })
        .collect();
    let images = CatalogNames { names: &family.lineup.names, references: &references };
    let report = |top: Option<usize>| {
        let question = (asked.paths_only, asked.level, top);
        BasesReport::new(images, &found, question, declared.as_ref())
    };
    outputs.answer(&value_of(&report(asked.top))?, || {
        text_of(&report(Some(asked.top.unwrap_or(SHOWN))), asked.top.unwrap_or(SHOWN))
    })?;
    let refused = declared.is_some_and(|declared| declared.counts.refused > 0);
    Ok(if refused { ExitCode::from(INCOMPLETE) } else { ExitCode::SUCCESS })
}

/// What Dockerfiles below directories build upon, if there are any to be read.
fn declared(
    places: &[PathBuf],
    by: RankBy,
    quiet: bool,
) -> Result<Option<DockerfilesReport>, CliError> {
    if places.is_empty() {
        return Ok(None);
    }
    let found = collect(places, &BTreeMap::new(), &Names::default());
    if found.is_empty() || !dockerfiles::tell_unread(&found, places, quiet) {
        return Err(dockerfiles::none_found());
    }
    let asked = dockerfiles::Asked { by, top: None, cover: None, level: None };
    Ok(Some(dockerfiles::report(&found, &asked, None)))
}

fn text_of(report: &BasesReport, shown: usize) -> String {
    let mut text = format!(
        "{}: {} that others stand on, {} alone\n",
        plural(report.images, "image"),
        plural(report.distinct, "base"),
        count(report.alone.len() as u64)
    );
    if !report.bases.is_empty() {
        text.push('\n');
        text.push_str(&table(report));
    }
    let hidden = report.distinct - report.bases.len() as u64;
    if hidden > 0 {
        text.push_str(&format!("and {}\n", plural(hidden, "other base")));
    }
    for base in report.bases.iter().filter(|base| base.sure == 0) {
        let name = text::printable(&base.name);
        text.push_str(&format!("not sure: nothing is surely built on {name}\n"));
    }
    if let Some(declared) = &report.declared {
        text.push_str(&declared_text(report, declared, shown));
    }
    text::printable_lines(&text)
}

fn table(report: &BasesReport) -> String {
    let with_declared = report.declared.is_some();
    let mut headings = vec!["BASE", ">LEVEL", ">BELOW", ">SURE", ">COUNTED", ">SHARE", ">IN ALL"];
    if with_declared {
        headings.extend(["DECLARED", ">FILES", ">OWNERS"]);
    }
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let row = |base: &FoundBaseReport| {
        let mut row = vec![
            base.name.clone(),
            base.depth.to_string(),
            count(base.descendants),
            count(base.sure),
            count(base.counted),
            percent(base.share),
            percent(base.cumulative),
        ];
        if with_declared {
            row.extend(match &base.declared {
                Some(it) => [it.name.clone(), count(it.files), count(it.owners)],
                None => ["-", "-", "-"].map(str::to_owned),
            });
        }
        row
    };
    text::table(&headings, report.bases.iter().map(row).collect())
}

fn declared_text(report: &BasesReport, declared: &DeclaredBases, shown: usize) -> String {
    let mut text = format!(
        "\n{} of {} declared in {}; {} of the {} whose base is known build on one of them\n",
        count(declared.matched),
        plural(report.distinct, "base") + if report.distinct == 1 { " is" } else { " are" },
        plural(declared.files, "Dockerfile"),
        count(declared.covered),
        count(declared.known)
    );
    if !declared.only_found.is_empty() {
        let names: Vec<&str> = declared.only_found.iter().take(shown).map(String::as_str).collect();
        let more = declared.only_found.len() - names.len();
        let more =
            if more > 0 { format!(" and {} more", count(more as u64)) } else { String::new() };
        text.push_str(&format!("only found: {}{more}\n", names.join(", ")));
    }
    if !declared.only_declared.is_empty() {
        let row = |it: &UnmetBase| {
            let place = if it.in_catalog { "yes, but no base" } else { "no" };
            vec![it.name.clone(), count(it.files), count(it.owners), place.to_owned()]
        };
        let rows = declared.only_declared.iter().map(row).collect();
        let headings = ["ONLY DECLARED", ">FILES", ">OWNERS", "IN THE CATALOG"];
        text.push('\n');
        text.push_str(&text::table(&headings, rows));
        let hidden = declared.only_declared_distinct - declared.only_declared.len() as u64;
        if hidden > 0 {
            text.push_str(&format!("and {}\n", plural(hidden, "other name")));
        }
    }
    text
}
