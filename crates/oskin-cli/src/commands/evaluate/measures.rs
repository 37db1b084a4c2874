//! `oskin evaluate --measures`: which measure answers which question, on images with known answers.

use super::questions::{Questions, Scores};
use crate::error::CliError;
use crate::images::Workspace;
use crate::output::{Format, Outputs, json_bytes, value_of};
use crate::text;
use crate::truth::Truth;
use oskin::measure::{Basis, Measure, Method, Prepared, Weighting};
use oskin::path_set::Selection;
use oskin::report::{MeasuresReport, MethodReport, MethodShares, ShareReport};
use oskin::view::{View, ViewKind};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Instant;

/// The views that are tried: each kind alone, and the two that leave most of a system.
const VIEWS: [&[ViewKind]; 7] = [
    &[],
    &[ViewKind::Leaves],
    &[ViewKind::Masked],
    &[ViewKind::Contents],
    &[ViewKind::Core],
    &[ViewKind::Masked, ViewKind::Core],
    &[ViewKind::Contents, ViewKind::Core],
];

/// Tries all methods and writes how they do.
pub(super) fn run(
    outputs: &Outputs,
    workspace: &mut Workspace,
    (tells_cost, truth): (bool, &Truth),
) -> Result<ExitCode, CliError> {
    let spelled = workspace.spell(&[])?;
    if !spelled.names.iter().any(|name| truth.images().any(|known| known == name)) {
        return Err(CliError::new("no image of the known answers is in the catalog")
            .hint("`oskin ls` lists the names there are"));
    }
    let questions = Questions::of(&spelled.names, truth);
    if questions.asked().in_order().iter().all(|(_, of)| *of == 0) {
        return Err(CliError::new("there is nothing to ask: no question has a known answer here")
            .hint("the columns parent, base_family, release_family with release, and software tell them"));
    }
    let has_contents = workspace.have_contents(&spelled)?;
    let mut report = MeasuresReport::new(spelled.names.len() as u64, questions.asked());
    let pairs = (spelled.names.len() * spelled.names.len().saturating_sub(1) / 2).max(1);
    for method in methods(has_contents) {
        workspace.bar().name(&format!(
            "by {} {} {}",
            method.basis,
            method.selection,
            method.view.describe()
        ));
        let started = Instant::now();
        let prepared = workspace.prepared(&spelled, &method)?;
        let preparation = started.elapsed();
        for weighting in weightings(&method, has_contents) {
            let method = Method { weighting, ..method.clone() };
            let started = Instant::now();
            let all = match &prepared {
                Prepared::Sets(levels) if weighting != Weighting::Bytes => levels.pairs(weighting),
                _ => workspace.prepared(&spelled, &method)?.pairs(&method),
            };
            let mut scores: Vec<(Measure, Scores)> = measures(method.basis)
                .iter()
                .map(|measure| (*measure, Scores::default()))
                .collect();
            let counted = started.elapsed();
            let flow = all.for_each_row::<()>(|row| {
                for (measure, scores) in &mut scores {
                    questions.ask(row, *measure, scores);
                }
                ControlFlow::Continue(())
            });
            debug_assert!(flow.is_continue());
            let cost =
                tells_cost.then(|| (preparation + counted).as_secs_f64() * 1e6 / pairs as f64);
            for (measure, scores) in scores {
                let method = Method { measure, ..method.clone() };
                report.methods.push(MethodReport::new(&method, shares(scores), cost));
            }
        }
    }
    workspace.bar().finish();
    outputs.write(|format| match format {
        Format::Json => Ok(json_bytes(&value_of(&report)?)),
        Format::Csv => Ok(separated(&report, ',').into_bytes()),
        Format::Tsv => Ok(separated(&report, '\t').into_bytes()),
        _ => Ok(text_of(&report).into_bytes()),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// All ways to look at images, without weights and measures: those share the work.
fn methods(has_contents: bool) -> Vec<Method> {
    let mut methods = Vec::new();
    for basis in Basis::OF_PATHS {
        for selection in Selection::ALL {
            for kinds in VIEWS {
                let needs_contents = kinds.contains(&ViewKind::Contents);
                let has_none = matches!(basis, Basis::Edges | Basis::Words);
                if needs_contents && (!has_contents || has_none) {
                    continue;
                }
                let view = View::new(kinds.iter().copied());
                methods.push(Method { basis, selection, view, ..Method::default() });
            }
        }
    }
    methods
}

fn weightings(method: &Method, has_contents: bool) -> Vec<Weighting> {
    match method.basis {
        Basis::Words => vec![Weighting::Idf],
        Basis::Paths if has_contents && method.selection != Selection::Directories => {
            Weighting::ALL.to_vec()
        }
        _ => vec![Weighting::None, Weighting::Rarity, Weighting::Idf],
    }
}

const fn measures(basis: Basis) -> &'static [Measure] {
    match basis {
        Basis::Words => &[Measure::Cosine],
        _ => &Measure::ALL,
    }
}

fn shares(scores: Scores) -> MethodShares {
    let [parent, family, release, software] =
        scores.tallies().map(|tally| (tally.of > 0).then(|| ShareReport::from(tally)));
    MethodShares { parent, family, release, software }
}

/// The figures of all methods, one a line.
fn separated(report: &MeasuresReport, separator: char) -> String {
    let mut heading: Vec<&str> = vec!["by", "selection", "view", "weight", "measure"];
    let questions = ["parent", "family", "release", "software"];
    heading.extend(questions);
    heading.extend([
        "parent_of",
        "family_of",
        "release_of",
        "software_of",
        "microseconds_per_pair",
    ]);
    let separator = separator.to_string();
    let mut text = heading.join(&separator) + "\n";
    for it in &report.methods {
        let shares = it.shares.in_order();
        let hits = shares.map(|share| share.map_or_else(String::new, |it| it.hits.to_string()));
        let of = shares.map(|share| share.map_or_else(String::new, |it| it.of.to_string()));
        let cost = it.microseconds_per_pair.map_or_else(String::new, |it| format!("{it:.3}"));
        let cells: Vec<String> =
            it.names().map(str::to_owned).into_iter().chain(hits).chain(of).chain([cost]).collect();
        text.push_str(&cells.join(&separator));
        text.push('\n');
    }
    text
}

/// For each question the methods that answer it best.
fn text_of(report: &MeasuresReport) -> String {
    let mut text = format!(
        "{} ways to measure {}, judged by known answers. For each basis and weight the best, of equals the\n\
         simplest; last the default, if it is not among them. All: -o tsv or --json.\n",
        text::count(report.methods.len() as u64),
        text::plural(report.images, "image")
    );
    for (at, (question, of)) in report.questions.in_order().into_iter().enumerate() {
        if of == 0 {
            text.push_str(&format!("\n{question}: no image has a known answer\n"));
            continue;
        }
        text.push_str(&format!("\n{question} ({})\n", text::plural(of, "image")));
        text.push_str(&table(report, at));
    }
    text
}

/// For each basis and weight the method that answers a question best, the simplest among equals; and the
/// default method.
fn table(report: &MeasuresReport, question: usize) -> String {
    let hits = |it: &MethodReport| it.shares.in_order()[question].map_or(0, |share| share.hits);
    let mut best: BTreeMap<[&str; 2], &MethodReport> = BTreeMap::new();
    for it in &report.methods {
        let known = best.entry([it.by, it.weight]).or_insert(it);
        if hits(it) > hits(known) {
            *known = it;
        }
    }
    let mut listed: Vec<&MethodReport> = best.into_values().collect();
    // Plain ways come first in the report.
    let place = |it: &MethodReport| report.methods.iter().position(|other| std::ptr::eq(other, it));
    listed.sort_by_key(|it| (std::cmp::Reverse(hits(it)), place(it)));
    let default = MethodReport::new(&Method::default(), MethodShares::default(), None);
    let is_default = |it: &&MethodReport| it.names() == default.names();
    if !listed.iter().any(is_default) {
        listed.extend(report.methods.iter().find(is_default));
    }
    let row = |it: &&MethodReport| {
        let share = it.shares.in_order()[question];
        let share =
            share.map_or_else(String::new, |it| format!("{} ({:.0} %)", it.hits, 100.0 * it.share));
        let cost = it.microseconds_per_pair.map(|it| format!("{it:.1}"));
        [share]
            .into_iter()
            .chain(it.names().map(str::to_owned))
            .chain(cost)
            .collect::<Vec<String>>()
    };
    let mut headings = vec![">RIGHT", "BY", "SELECTION", "VIEW", "WEIGHT", "MEASURE"];
    if report.methods.iter().any(|it| it.microseconds_per_pair.is_some()) {
        headings.push(">\u{b5}s A PAIR");
    }
    text::table(&headings, listed.iter().map(row).collect())
}
