//! `oskin descendants`: what stands on an image.

use super::family::{self, Family, link_words};
use crate::args::{Global, Reading};
use crate::error::CliError;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::lineage::Ancestry;
use oskin::report::{DescendantReport, DescendantsReport, Named};
use std::ffi::OsStr;
use std::process::ExitCode;

/// Tells every image that stands on one.
pub(super) fn run(
    global: &Global,
    image: &OsStr,
    options: (bool, Reading),
) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let family = Family::find(global, &[image], options)?;
    let number = family.asked[0];
    let ancestry = Ancestry::of(&family.lineage);
    let names = &family.lineup.names;
    let graph = Named { names, ancestry: &ancestry, paths_only: family.paths_only };
    let report = DescendantsReport::new(graph, number);
    outputs.answer(&value_of(&report)?, || text_of(&report))?;
    Ok(ExitCode::SUCCESS)
}

/// A tree; what stands on a twin says so.
fn text_of(report: &DescendantsReport) -> String {
    let count = report.descendants.len() as u64;
    let stand = if count == 1 { "stands" } else { "stand" };
    let images = match count {
        0 => "no image of the catalog".to_owned(),
        count => text::plural(count, "image"),
    };
    let stand = if count == 0 { "stands" } else { stand };
    let mut text = format!("{}: {images} {stand} on it\n", text::printable(&report.name));
    text.push_str(&family::twins_text(&report.twins));
    if count > 0 {
        text.push('\n');
    }
    for it in &report.descendants {
        let DescendantReport { name, depth, on, edge, twin, confidence } = it;
        let mut line =
            format!("{}{name}  {}", "  ".repeat(*depth), link_words(edge.as_ref(), *twin));
        if *depth == 1 && *on != report.name {
            line.push_str(&format!("  [on its twin {on}]"));
        }
        let step = edge.as_ref().map_or(1.0, |edge| edge.confidence);
        if (step - confidence).abs() >= 0.005 {
            line.push_str(&format!("  way {confidence:.2}"));
        }
        text.push_str(&text::printable(&line));
        text.push('\n');
    }
    text
}
