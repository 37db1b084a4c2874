//! `oskin evaluate`: parents found in the catalog, judged by known ones.

use super::{lineage, workspace};
use crate::args::{Global, Reading};
use crate::error::CliError;
use crate::images::Lineup;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use crate::truth::Truth;
use oskin::lineage::{Candidates, Edge, Lineage, Tally};
use oskin::measure::{AllPairs, Measure};
use oskin::path_set::PathSet;
use oskin::report::{Baselines, EvaluateReport, ShareReport, WrongReport};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

/// Judges the catalog and writes the figures.
pub(super) fn run(global: &Global, truth: &Path, paths_only: bool) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let table = std::fs::read_to_string(truth)
        .map_err(|error| CliError::new(format!("cannot read {}: {error}", truth.display())))?;
    let table = Truth::parse(&table).map_err(|error| error.within(truth))?;
    let mut workspace = workspace(global, Reading::default())?;
    let lineup = workspace.line_up(&[])?;
    if !lineup.names.iter().any(|name| table.images().any(|known| known == name)) {
        let message = format!("no image of {} is in the catalog", truth.display());
        return Err(CliError::new(message).hint("`oskin ls` lists the names there are"));
    }
    let (lineage, candidates) = lineage::find(&mut workspace, &lineup, paths_only)?;
    let report = Judge::new(&lineup, &table, &candidates, &lineage).report(paths_only);
    outputs.answer(&value_of(&report)?, || text_of(&report))?;
    Ok(ExitCode::SUCCESS)
}

struct Judge<'a> {
    lineup: &'a Lineup,
    numbers: BTreeMap<&'a str, u32>,
    table: &'a Truth,
    candidates: &'a Candidates,
    edges: BTreeMap<u32, &'a Edge>,
    // Of each judged image its known ancestors that are there, nearest first.
    cases: Vec<(u32, Vec<u32>)>,
}

impl<'a> Judge<'a> {
    fn new(
        lineup: &'a Lineup,
        table: &'a Truth,
        candidates: &'a Candidates,
        lineage: &'a Lineage,
    ) -> Self {
        let numbers: BTreeMap<&str, u32> =
            lineup.names.iter().map(String::as_str).zip(0..).collect();
        let number = |name: &str| numbers.get(name).copied();
        let case = |(image, name): (u32, &String)| {
            let is_known = table.images().any(|known| known == name);
            let ancestors = table.ancestors(name).into_iter().filter_map(number).collect();
            is_known.then_some((image, ancestors))
        };
        let cases = (0..).zip(&lineup.names).filter_map(case).collect();
        let edges = lineage.edges.iter().map(|edge| (edge.child, edge)).collect();
        Self { lineup, numbers, table, candidates, edges, cases }
    }

    /// Whether two images are one as far as paths tell.
    fn is_same(&self, left: u32, right: u32) -> bool {
        self.candidates.first_twin(left) == self.candidates.first_twin(right)
    }

    fn report(&self, paths_only: bool) -> EvaluateReport {
        let mut report = EvaluateReport::new(paths_only, self.baselines());
        let [mut first, mut ancestor_first, mut as_good, mut decisions] = [Tally::default(); 4];
        for (image, ancestors) in &self.cases {
            let edge = self.edges.get(image);
            let parent = edge.map(|edge| edge.parent);
            let best = self.candidates.of(*image).first().map(|candidate| candidate.image);
            let expected = ancestors.first();
            if let Some(&expected) = expected {
                let best = parent.or(best);
                first.count(best.is_some_and(|best| self.is_same(best, expected)));
                let is_ancestor = |best| ancestors.iter().any(|it| self.is_same(best, *it));
                ancestor_first.count(best.is_some_and(is_ancestor));
                let named = edge.into_iter().flat_map(|edge| &edge.alternatives).copied();
                as_good.count(best.into_iter().chain(named).any(|it| self.is_same(it, expected)));
            }
            let is_right = match (parent, expected) {
                (Some(found), Some(&expected)) => self.is_same(found, expected),
                (None, None) => true,
                _ => false,
            };
            decisions.count(is_right);
            if !is_right {
                let name = |image: u32| self.lineup.names[image as usize].clone();
                report.wrong.push(WrongReport {
                    image: name(*image),
                    expected: expected.copied().map(name),
                    found: parent.map(name),
                    confidence: edge.map(|edge| edge.confidence),
                });
            }
        }
        report.judged = self.cases.len() as u64;
        let is_absent = |image: &&str| !self.numbers.contains_key(image);
        report.absent = self.table.images().filter(is_absent).count() as u64;
        report.first = first.into();
        report.ancestor_first = ancestor_first.into();
        report.first_or_as_good = as_good.into();
        report.decisions = decisions.into();
        report
    }

    /// What simple rules reach, of images that have a parent.
    fn baselines(&self) -> Baselines {
        let with_parent: BTreeMap<u32, u32> = self
            .cases
            .iter()
            .filter_map(|(image, ancestors)| Some((*image, *ancestors.first()?)))
            .collect();
        let mut children: BTreeMap<u32, u64> = BTreeMap::new();
        for &parent in with_parent.values() {
            *children.entry(parent).or_default() += 1;
        }
        let base =
            children.iter().max_by_key(|(image, count)| (**count, std::cmp::Reverse(**image)));
        let base = base.map(|(image, _)| *image);
        let [mut by_dice, mut common] = [Tally::default(); 2];
        let sets: Vec<&PathSet> = self.lineup.files.iter().collect();
        let _: ControlFlow<()> = AllPairs::from_sets(&sets).for_each_row(|row| {
            let image = u32::try_from(row.set).unwrap_or(u32::MAX);
            if let Some(&parent) = with_parent.get(&image) {
                let others = row.at_least(Measure::Dice, 0.0).filter(|near| {
                    u32::try_from(near.other).is_ok_and(|other| !self.is_same(image, other))
                });
                // Of equals the first.
                let nearest = others.reduce(|a, b| if b.value > a.value { b } else { a });
                let other = nearest.and_then(|near| u32::try_from(near.other).ok());
                by_dice.count(other.is_some_and(|other| self.is_same(other, parent)));
                common.count(base.is_some_and(|base| self.is_same(base, parent)));
            }
            ControlFlow::Continue(())
        });
        Baselines {
            nearest_by_dice: by_dice.into(),
            most_common_base: common.into(),
            base: base.map(|base| self.lineup.names[base as usize].clone()),
        }
    }
}

fn text_of(report: &EvaluateReport) -> String {
    let row = |name: &str, tally: &ShareReport| {
        vec![
            name.to_owned(),
            format!("{} of {}", tally.hits, tally.of),
            format!("{:.3}", tally.share),
            format!("{:.3} to {:.3}", tally.low, tally.high),
        ]
    };
    let base = report.baselines.base.as_deref().unwrap_or("none");
    let rows = vec![
        row("parent first", &report.first),
        row("an ancestor first", &report.ancestor_first),
        row("parent first or as good", &report.first_or_as_good),
        row("decisions, \"none\" included", &report.decisions),
        row("baseline: nearest by Dice", &report.baselines.nearest_by_dice),
        row(&format!("baseline: always {base}"), &report.baselines.most_common_base),
    ];
    let mut text = format!(
        "{} judged, {} of the known answers are of images that are not there\n\n",
        text::plural(report.judged, "image"),
        text::count(report.absent)
    );
    text.push_str(&text::table(&["", ">RIGHT", ">SHARE", ">95 % INTERVAL"], rows));
    if !report.wrong.is_empty() {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
        let row = |wrong: &WrongReport| {
            let confidence = wrong.confidence.map(|it| format!("{it:.2}")).unwrap_or_default();
            vec![wrong.image.clone(), name(&wrong.expected), name(&wrong.found), confidence]
        };
        let rows = report.wrong.iter().map(row).collect();
        text.push('\n');
        text.push_str(&text::table(&["WRONG", "EXPECTED", "FOUND", ">CONFIDENCE"], rows));
    }
    text
}
