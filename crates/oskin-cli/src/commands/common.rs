//! `oskin common`: the nearest image that two stand on.

use super::family::Family;
use crate::args::{Global, Reading};
use crate::error::CliError;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::lineage::Ancestry;
use oskin::report::{CommonReport, CommonSide, Named};
use std::ffi::OsStr;
use std::process::ExitCode;

/// Finds the nearest common ancestor and tells what each image has beside it.
pub(super) fn run(
    global: &Global,
    images: [&OsStr; 2],
    options: (bool, Reading),
) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let mut family = Family::find(global, &images, options)?;
    let numbers = [family.asked[0], family.asked[1]];
    let lineage = family.lineage.clone();
    let ancestry = Ancestry::of(&lineage);
    let common = ancestry.common(numbers[0], numbers[1]);
    let with_growths = match &common {
        Some(common) => {
            let left = family.growth(common.image, numbers[0])?;
            Some((common, [left, family.growth(common.image, numbers[1])?]))
        }
        None => None,
    };
    let names = &family.lineup.names;
    let graph = Named { names, ancestry: &ancestry, paths_only: family.paths_only };
    let report = CommonReport::new(graph, numbers, with_growths);
    outputs.answer(&value_of(&report)?, || text_of(&report))?;
    Ok(ExitCode::SUCCESS)
}

fn text_of(report: &CommonReport) -> String {
    let [left, right] = &report.images;
    let mut text = if let (Some(ancestor), Some(confidence)) = (&report.ancestor, report.confidence)
    {
        let is_own = *ancestor == left.name || *ancestor == right.name;
        let which = if is_own { ", one of the two" } else { "" };
        let ancestor = text::printable(ancestor);
        format!("nearest common ancestor: {ancestor}{which} ({confidence:.2} sure)\n")
    } else {
        let [left, right] = [left, right].map(|side| text::printable(&side.name));
        format!("{left} and {right} have no common ancestor\n")
    };
    for side in [left, right] {
        text.push_str(&side_text(side));
    }
    if report.ancestor.is_none() {
        text.push_str(&match &report.family {
            Some(family) => {
                format!("nearest family of both: that of {}\n", text::printable(family))
            }
            None => "nothing connects their families\n".to_owned(),
        });
    }
    text
}

fn side_text(side: &CommonSide) -> String {
    let mut text = format!("\n{}\n", text::printable(&side.way.join(" on ")));
    if let Some(growth) = side.growth.filter(|_| side.way.len() > 1) {
        text.push_str(&format!(
            "  adds {}, lacks {}",
            text::plural(growth.added, "file"),
            text::count(growth.missing)
        ));
        if let Some(changed) = growth.changed {
            text.push_str(&format!(", changes {}", text::count(changed)));
        }
        if let Some(bytes) = growth.bytes {
            text.push_str(&format!("; {}", text::bytes(bytes)));
        }
        text.push('\n');
    }
    for it in &side.families {
        text.push_str(&format!(
            "  the family of {} is nearest to that of {}: {} of its {}\n",
            text::printable(&it.root),
            text::printable(&it.base),
            text::count(it.shared),
            text::plural(it.shared + it.missing, "file")
        ));
    }
    text
}
