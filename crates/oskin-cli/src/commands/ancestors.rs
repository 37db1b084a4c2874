//! `oskin ancestors`: what an image stands on.

use super::family::{self, Family, link_words};
use super::gate;
use crate::args::{Gates, Global, Reading};
use crate::error::CliError;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::lineage::Ancestry;
use oskin::report::{AncestorsReport, Named, WayStep};
use std::ffi::OsStr;
use std::process::ExitCode;

/// Tells the way up of an image, and judges it by the gates.
pub(super) fn run(
    global: &Global,
    image: &OsStr,
    gates: Gates,
    options: (bool, Reading),
) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let mut family = Family::find(global, &[image], options)?;
    let number = family.asked[0];
    let lineage = family.lineage.clone();
    let ancestry = Ancestry::of(&lineage);
    let way = ancestry.way(number);
    let mut growths = Vec::with_capacity(way.len());
    for step in &way {
        let files = family.lineup.files[step.to as usize].len();
        growths.push((files, family.growth(step.to, step.from)?));
    }
    let verdicts = gate::judge(&gates.into(), &mut family, &ancestry, number)?;
    let names = &family.lineup.names;
    let graph = Named { names, ancestry: &ancestry, paths_only: family.paths_only };
    let files = family.lineup.files[number as usize].len();
    let report = AncestorsReport::new(graph, (number, files), &way, &growths, verdicts);
    outputs.answer(&value_of(&report)?, || text_of(&report))?;
    Ok(gate::conclude(&report.gates, &report.name, global.quiet))
}

fn text_of(report: &AncestorsReport) -> String {
    let name = text::printable(&report.name);
    let mut text = match report.steps.len() {
        0 => format!("{name} stands on no image of the catalog\n"),
        steps => format!(
            "{name} stands on {}; the whole way is {:.2} sure\n",
            text::plural(steps as u64, "image"),
            report.confidence
        ),
    };
    text.push_str(&family::twins_text(&report.twins));
    if !report.steps.is_empty() {
        let known = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), text::count);
        let row = |step: &WayStep| {
            vec![
                step.image.clone(),
                step.on.clone(),
                text::count(step.growth.added),
                text::count(step.growth.missing),
                known(step.growth.changed),
                step.growth.bytes.map_or_else(|| "-".to_owned(), text::bytes),
                format!("{:.2}", step.confidence),
                link_words(step.edge.as_ref(), step.twin),
            ]
        };
        let headings =
            ["IMAGE", "STANDS ON", ">ADDED", ">MISSING", ">CHANGED", ">BYTES", ">WAY", "STEP"];
        text.push('\n');
        text.push_str(&text::table(&headings, report.steps.iter().map(row).collect()));
    }
    for it in &report.families {
        let line = format!(
            "\nnearest family of {}: that of {}, with {} of its {}",
            text::printable(&it.root),
            text::printable(&it.base),
            text::count(it.shared),
            text::plural(it.shared + it.missing, "file")
        );
        text.push_str(&text::printable_lines(&line));
    }
    if !report.families.is_empty() {
        text.push('\n');
    }
    text.push_str(&gate::text_of(&report.gates));
    text
}
