//! The gates of an image: rules on what it stands on, for builds to be stopped by.

use super::family::{Family, facts_of};
use crate::error::{CliError, DIFFERENT};
use crate::text;
use oskin::lineage::{Ancestry, Builds, Facts, Gates, Ground, Outdated, Stand, matches};
use oskin::report::GateReport;
use std::process::ExitCode;

/// Judges an image of a family; nothing is said if nothing was asked.
pub(super) fn judge(
    gates: &Gates,
    family: &mut Family,
    ancestry: &Ancestry<'_>,
    image: u32,
) -> Result<Vec<GateReport>, CliError> {
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
    // Nobody stands on himself; and what an image that is not in the catalog is called, or calls itself,
    // proves nothing.
    let grounds = ancestry.grounds(image).into_iter().filter(|ground| ground.image != image);
    let stand = |ground: Ground| Stand { name: name(ground.image), confidence: ground.confidence };
    let stands: Vec<Stand<'_>> = grounds.map(stand).collect();
    let is_kept = family.lineup.is_kept(image);
    let own = is_kept.then(|| Stand { name: name(image), confidence: 1.0 });
    let forbidden: Vec<Stand<'_>> = own.into_iter().chain(stands.iter().copied()).collect();
    let newer = |it: &Outdated| {
        let newer = it.builds.iter().filter(|build| build.is_newer());
        newer.map(|build| name(build.image)).collect::<Vec<&str>>()
    };
    let behind: Vec<(&str, Vec<&str>)> =
        outdated.iter().map(|it| (name(it.base), newer(it))).collect();
    let known = (0..).zip(names).filter(|(at, _)| family.lineup.is_kept(*at));
    let known: Vec<&str> = known.map(|(_, name)| name.as_str()).collect();
    let is_known = |pattern: &str| known.iter().any(|name| matches(pattern, name));
    let verdicts = gates.judge((&stands, &forbidden), &behind, is_known);
    Ok(verdicts.into_iter().map(GateReport::from).collect())
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
