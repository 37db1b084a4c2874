//! The lineage of a catalog held against a table of known parents.

use crate::lineup::Lineup;
use crate::truth::Truth;
use oskin::lineage::{Candidates, Edge, Lineage, Tally};
use oskin::measure::{AllPairs, Measure};
use oskin::path_set::PathSet;
use oskin::report::{Baselines, EvaluateReport, WrongFamilyReport, WrongReport};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// What is known of the images of a catalog.
#[derive(Debug)]
pub(super) struct Cases<'a> {
    pub(super) lineup: &'a Lineup,
    pub(super) table: &'a Truth,
    pub(super) candidates: &'a Candidates,
    /// Of each judged image its known ancestors that are there, nearest first.
    pub(super) known: Vec<(u32, Vec<u32>)>,
}

impl<'a> Cases<'a> {
    pub(super) fn new(lineup: &'a Lineup, table: &'a Truth, candidates: &'a Candidates) -> Self {
        let numbers: BTreeMap<&str, u32> =
            lineup.names.iter().map(String::as_str).zip(0..).collect();
        let case = |(image, name): (u32, &String)| {
            let ancestors = table.ancestors(name);
            let there = ancestors.into_iter().filter_map(|name| numbers.get(name).copied());
            table.is_known(name).then(|| (image, there.collect()))
        };
        let known = (0..).zip(&lineup.names).filter_map(case).collect();
        Self { lineup, table, candidates, known }
    }

    /// Whether two images are one as far as paths tell.
    pub(super) fn is_same(&self, left: u32, right: u32) -> bool {
        self.candidates.first_twin(left) == self.candidates.first_twin(right)
    }

    pub(super) fn name(&self, image: u32) -> &'a str {
        &self.lineup.names[image as usize]
    }

    /// Whether a parent, or none, is what is known.
    pub(super) fn is_right(&self, found: Option<u32>, expected: Option<u32>) -> bool {
        match (found, expected) {
            (Some(found), Some(expected)) => self.is_same(found, expected),
            (None, None) => true,
            _ => false,
        }
    }

    /// A wrong answer.
    pub(super) fn wrong(
        &self,
        image: u32,
        expected: Option<u32>,
        found: Option<(u32, f64)>,
    ) -> WrongReport {
        let name = |image: u32| self.name(image).to_owned();
        WrongReport {
            image: name(image),
            expected: expected.map(name),
            found: found.map(|(image, _)| name(image)),
            confidence: found.map(|(_, confidence)| confidence),
        }
    }
}

/// Judges what was found.
pub(super) struct Judge<'a> {
    cases: &'a Cases<'a>,
    edges: BTreeMap<u32, &'a Edge>,
    lineage: &'a Lineage,
}

impl<'a> Judge<'a> {
    pub(super) fn new(cases: &'a Cases<'a>, lineage: &'a Lineage) -> Self {
        let edges = lineage.edges.iter().map(|edge| (edge.child, edge)).collect();
        Self { cases, edges, lineage }
    }

    pub(super) fn report(&self, paths_only: bool) -> EvaluateReport {
        let cases = self.cases;
        let mut report = EvaluateReport::new(paths_only, self.baselines());
        let [mut first, mut ancestor_first, mut as_good, mut decisions] = [Tally::default(); 4];
        for (image, ancestors) in &cases.known {
            let edge = self.edges.get(image);
            let parent = edge.map(|edge| edge.parent);
            let best = cases.candidates.of(*image).first().map(|candidate| candidate.image);
            let expected = ancestors.first().copied();
            if let Some(expected) = expected {
                let best = parent.or(best);
                first.count(best.is_some_and(|best| cases.is_same(best, expected)));
                let is_ancestor = |best| ancestors.iter().any(|it| cases.is_same(best, *it));
                ancestor_first.count(best.is_some_and(is_ancestor));
                let named = edge.into_iter().flat_map(|edge| &edge.alternatives).copied();
                let mut named = best.into_iter().chain(named);
                as_good.count(named.any(|it| cases.is_same(it, expected)));
            }
            let is_right = cases.is_right(parent, expected);
            decisions.count(is_right);
            if !is_right {
                let found = edge.map(|edge| (edge.parent, edge.confidence));
                report.wrong.push(cases.wrong(*image, expected, found));
            }
        }
        report.judged = cases.known.len() as u64;
        let there: BTreeSet<&str> = cases.lineup.names.iter().map(String::as_str).collect();
        let absent = cases.table.images().filter(|image| !there.contains(image));
        report.absent_images = absent.map(str::to_owned).collect();
        report.absent = report.absent_images.len() as u64;
        report.first = first.into();
        report.ancestor_first = ancestor_first.into();
        report.first_or_as_good = as_good.into();
        report.decisions = decisions.into();
        self.families(&mut report);
        report
    }

    /// Whether the way up leads to the right base.
    fn families(&self, report: &mut EvaluateReport) {
        let (table, names) = (self.cases.table, &self.cases.lineup.names);
        let bases = names.iter().filter(|name| table.is_base(name));
        let there: BTreeSet<&str> = bases.filter_map(|name| table.family(name)).collect();
        let told: BTreeSet<&str> = table.images().collect();
        let ways = Ways::of(self.lineage, names.len());
        let mut right = Tally::default();
        for (image, name) in (0..).zip(names) {
            let family = table.family(name).filter(|family| there.contains(family));
            let (Some(expected), true) = (family, told.contains(name.as_str())) else { continue };
            if table.is_base(name) {
                continue;
            }
            // A twin of a base is it.
            let bases = ways.up(image).filter_map(|above| {
                let twins = [above, self.cases.candidates.first_twin(above)];
                twins.map(|image| self.cases.name(image)).into_iter().find(|it| table.is_base(it))
            });
            let found = bases.take(1).find_map(|base| table.family(base));
            right.count(found == Some(expected));
            if found != Some(expected) {
                report.wrong_families.push(WrongFamilyReport {
                    image: name.clone(),
                    expected: expected.to_owned(),
                    found: found.map(str::to_owned),
                });
            }
        }
        report.family = right.into();
    }

    /// What simple rules reach, of images that have a parent.
    fn baselines(&self) -> Baselines {
        let cases = self.cases;
        let with_parent: BTreeMap<u32, u32> = cases
            .known
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
        let sets: Vec<&PathSet> = cases.lineup.files.iter().collect();
        let _: ControlFlow<()> = AllPairs::from_sets(&sets).for_each_row(|row| {
            let image = u32::try_from(row.set).unwrap_or(u32::MAX);
            if let Some(&parent) = with_parent.get(&image) {
                let others = row.at_least(Measure::Dice, 0.0).filter(|near| {
                    u32::try_from(near.other).is_ok_and(|other| !cases.is_same(image, other))
                });
                // Of equals the first.
                let nearest = others.reduce(|a, b| if b.value > a.value { b } else { a });
                let other = nearest.and_then(|near| u32::try_from(near.other).ok());
                by_dice.count(other.is_some_and(|other| cases.is_same(other, parent)));
                common.count(base.is_some_and(|base| cases.is_same(base, parent)));
            }
            ControlFlow::Continue(())
        });
        Baselines {
            nearest_by_dice: by_dice.into(),
            most_common_base: common.into(),
            base: base.map(|base| cases.name(base).to_owned()),
        }
    }
}

/// The ways up from images: to the parent, else to the root of the tiny graph, else to the base that
/// it is connected to.
struct Ways {
    above: Vec<Option<u32>>,
}

impl Ways {
    fn of(lineage: &Lineage, images: usize) -> Self {
        let mut above = vec![None; images];
        for component in &lineage.components {
            // Twins without a parent hang on the root.
            for image in component.iter().skip(1) {
                above[*image as usize] = component.first().copied();
            }
        }
        for edge in &lineage.edges {
            above[edge.child as usize] = Some(edge.parent);
        }
        for it in &lineage.connections {
            above[it.root as usize] = Some(it.base);
        }
        Self { above }
    }

    /// The image and all above it, nearest first. A base has fewer files than what is connected to
    /// it, and parents lead to roots: so no way is longer than there are images.
    fn up(&self, image: u32) -> impl Iterator<Item = u32> + '_ {
        let way = std::iter::successors(Some(image), |image| self.above[*image as usize]);
        way.take(self.above.len())
    }
}
