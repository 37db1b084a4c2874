//! The gates of an image: rules on what it stands on, for builds to be stopped by.

use super::family::{Family, facts_of};
use crate::args::{Gates as GateArgs, Global, Reading};
use crate::error::{CliError, DIFFERENT};
use crate::text;
use oskin::lineage::{Ancestry, Builds, Facts, Gates, Outdated, Stand, matches};
use oskin::report::GateReport;
use std::ffi::OsStr;
use std::process::ExitCode;

/// Judges an image of a family; nothing is said if nothing was asked.
pub(super) fn judge(
    asked: GateArgs,
    family: &mut Family,
    ancestry: &Ancestry<'_>,
    image: u32,
) -> Result<Vec<GateReport>, CliError> {
    let GateArgs { require_base, forbid_base, max_behind } = asked;
    let gates = Gates { require_base, forbid_base, max_behind };
    if gates.is_empty() {
        return Ok(Vec::new());
    }
    let outdated = if gates.max_behind.is_some() {
        let facts: Vec<Facts> = family.records()?.iter().map(facts_of).collect();
        Builds::among(&family.lineup.files, &facts, &family.lineage, ancestry).outdated(image)
    } else {
        Vec::new()
    };
    let names = &family.lineup.names;
    let name = |image: u32| names[image as usize].as_str();
    let stands: Vec<Stand<'_>> = ancestry
        .grounds(image)
        .into_iter()
        .map(|ground| Stand { name: name(ground.image), confidence: ground.confidence })
        .collect();
    let newer = |it: &Outdated| {
        let newer = it.builds.iter().filter(|build| build.is_newer());
        newer.map(|build| name(build.image)).collect::<Vec<&str>>()
    };
    let behind: Vec<(&str, Vec<&str>)> =
        outdated.iter().map(|it| (name(it.base), newer(it))).collect();
    let is_known = |pattern: &str| names.iter().any(|name| matches(pattern, name));
    Ok(gates.judge(&stands, &behind, is_known).into_iter().map(GateReport::from).collect())
}

/// Judges an image where the graph is not known yet: it is found only if there is a gate.
pub(super) fn judge_one(
    asked: GateArgs,
    global: &Global,
    image: &OsStr,
    options: (bool, Reading),
) -> Result<Vec<GateReport>, CliError> {
    if asked.require_base.is_empty() && asked.forbid_base.is_empty() && asked.max_behind.is_none() {
        return Ok(Vec::new());
    }
    let mut family = Family::find(global, &[image], options)?;
    let number = family.asked[0];
    let lineage = family.lineage.clone();
    judge(asked, &mut family, &Ancestry::of(&lineage), number)
}

/// Prints why gates failed, and tells the exit code.
pub(super) fn conclude(gates: &[GateReport], image: &str, quiet: bool) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for gate in gates.iter().filter(|gate| !gate.passed) {
        code = ExitCode::from(DIFFERENT);
        CliError::new(format!("{}: {}", gate.gate, gate.reason)).print_for(image, quiet);
    }
    code
}

/// The gates for people.
pub(super) fn text_of(gates: &[GateReport]) -> String {
    let row = |gate: &GateReport| {
        let outcome = if gate.passed { "passed" } else { "failed" };
        vec![gate.gate.to_owned(), outcome.to_owned(), gate.reason.clone()]
    };
    match gates {
        [] => String::new(),
        gates => {
            let rows = gates.iter().map(row).collect();
            format!("\n{}", text::table(&["GATE", "OUTCOME", "WHY"], rows))
        }
    }
}
