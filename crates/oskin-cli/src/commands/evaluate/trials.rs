//! Trials by paths alone: each image changed in turn, and each parent left out in turn.

use super::judge::Cases;
use crate::error::CliError;
use oskin::catalog::Catalog;
use oskin::ingest::ForeignPaths;
use oskin::inventory::Inventory;
use oskin::lineage::{Candidate, Decision, Draw, Lineage, Look, Perturbation, Tally, Trials};
use oskin::path_set::PathSet;
use oskin::report::{LeftOutReport, RobustnessReport};
use std::collections::BTreeMap;

/// How many inventories of candidates are kept: those of bases are asked for again and again.
const KEPT: usize = 24;

/// Tries images in other forms.
pub(super) struct Trier<'a> {
    cases: &'a Cases<'a>,
    catalog: &'a Catalog,
    trials: Trials<'a>,
    ids: ForeignPaths<'a>,
    /// Of each image, by paths alone.
    parents: Vec<Option<u32>>,
    inventories: BTreeMap<u32, Inventory>,
}

/// What came of a trial.
struct Outcome {
    first: Option<u32>,
    /// With how sure it is.
    parent: Option<(u32, f64)>,
}

/// Counts the outcomes of one change.
struct Counts {
    report: RobustnessReport,
    parent: Tally,
    first: Tally,
    none: Tally,
}

impl<'a> Trier<'a> {
    pub(super) fn new(
        cases: &'a Cases<'a>,
        by_paths: &Lineage,
        sets: &'a [&'a PathSet],
        catalog: &'a Catalog,
    ) -> Result<Self, CliError> {
        let mut parents = vec![None; sets.len()];
        for edge in &by_paths.edges {
            parents[edge.child as usize] = Some(edge.parent);
        }
        Ok(Self {
            cases,
            catalog,
            trials: Trials::of(sets, cases.candidates),
            ids: ForeignPaths::new(Some(catalog))?,
            parents,
            inventories: BTreeMap::new(),
        })
    }

    /// Each image changed in turn in each of these ways, and unchanged; all others as they are.
    pub(super) fn perturbed(
        &mut self,
        perturbations: &[Perturbation],
        seed: u64,
    ) -> Result<Vec<RobustnessReport>, CliError> {
        let ways = std::iter::once(None).chain(perturbations.iter().copied().map(Some));
        let mut all: Vec<(Option<Perturbation>, Counts)> =
            ways.map(|way| (way, Counts::of(way, seed))).collect();
        for (image, ancestors) in &self.cases.known {
            let (image, expected) = (*image, ancestors.first().copied());
            let before = self.cases.lineup.entries(self.catalog, image)?;
            let draw = Draw::new(seed).with(self.cases.name(image).as_bytes());
            for (way, counts) in &mut all {
                let files = &self.cases.lineup.files[image as usize];
                let outcome = match way {
                    // As it is, all images were ranked at once.
                    None => {
                        self.outcome(image, self.cases.candidates.of(image), &|| before.clone())
                    }
                    Some(way) => {
                        let [lost, new] = way.changes(&before, draw);
                        let [lost, _] = self.ids.path_sets(&lost)?;
                        let [new, _] = self.ids.path_sets(&new)?;
                        counts.report.removed += lost.len();
                        counts.report.added += new.len();
                        let changed = files.difference(&lost).union(&new);
                        let candidates = self.trials.rank(&changed, &[image]);
                        self.outcome(image, &candidates, &|| way.apply(&before, draw))
                    }
                }?;
                counts.add(self.cases, image, expected, &outcome);
            }
        }
        Ok(all.into_iter().map(|(_, counts)| counts.report()).collect())
    }

    /// Each image whose parent is known without that and all that have the same files.
    pub(super) fn parents_left_out(&mut self) -> Result<LeftOutReport, CliError> {
        let (mut next, mut none, mut wrong) = (Tally::default(), Tally::default(), Vec::new());
        let cases = self.cases;
        for (image, ancestors) in &cases.known {
            let Some(&parent) = ancestors.first() else { continue };
            let image = *image;
            let images = (0..).take(cases.lineup.names.len());
            let mut without: Vec<u32> = images.filter(|it| cases.is_same(*it, parent)).collect();
            without.push(image);
            let further = ancestors.iter().find(|it| !cases.is_same(**it, parent)).copied();
            let before = cases.lineup.entries(self.catalog, image)?;
            let candidates = self.trials.rank(&cases.lineup.files[image as usize], &without);
            let outcome = self.outcome(image, &candidates, &|| before.clone())?;
            let is_right = cases.is_right(outcome.image(), further);
            if further.is_some() { &mut next } else { &mut none }.count(is_right);
            if !is_right {
                wrong.push(cases.wrong(image, further, outcome.parent));
            }
        }
        let both = Tally { hits: next.hits + none.hits, of: next.of + none.of };
        Ok(LeftOutReport {
            next_ancestor: next.into(),
            none: none.into(),
            decisions: both.into(),
            wrong,
        })
    }

    /// What is decided of an image with these candidates and entries.
    fn outcome(
        &mut self,
        image: u32,
        candidates: &[Candidate],
        entries: &dyn Fn() -> Inventory,
    ) -> Result<Outcome, CliError> {
        let decision = Decision::on(candidates);
        let (mut looks, mut child) = (BTreeMap::new(), None);
        for candidate in decision.questions() {
            let child = child.get_or_insert_with(entries);
            looks.insert(candidate, Look::at(self.inventory(candidate)?, child));
        }
        let parent = decision.parent(&looks, |candidate| self.stands_on(candidate, image));
        Ok(Outcome { first: candidates.first().map(|best| best.image), parent })
    }

    fn inventory(&mut self, image: u32) -> Result<&Inventory, CliError> {
        if self.inventories.len() >= KEPT && !self.inventories.contains_key(&image) {
            self.inventories.clear();
        }
        Ok(match self.inventories.entry(image) {
            std::collections::btree_map::Entry::Occupied(kept) => kept.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(self.cases.lineup.entries(self.catalog, image)?)
            }
        })
    }

    /// Whether an image stands on another, as far as edges of images before that one tell: so the
    /// graph decides, image by image.
    fn stands_on(&self, image: u32, child: u32) -> bool {
        let above = |image: &u32| if *image < child { self.parents[*image as usize] } else { None };
        let mut way = std::iter::successors(Some(image), above).take(self.parents.len());
        way.any(|above| self.cases.is_same(above, child))
    }
}

impl Outcome {
    fn image(&self) -> Option<u32> {
        self.parent.map(|(image, _)| image)
    }
}

impl Counts {
    fn of(way: Option<Perturbation>, seed: u64) -> Self {
        let [parent, first, none] = [Tally::default(); 3];
        Self { report: RobustnessReport::new(way, seed), parent, first, none }
    }

    fn add(&mut self, cases: &Cases<'_>, image: u32, expected: Option<u32>, outcome: &Outcome) {
        let found = outcome.image();
        let is_right = cases.is_right(found, expected);
        if let Some(expected) = expected {
            self.parent.count(is_right);
            self.first.count(outcome.first.is_some_and(|first| cases.is_same(first, expected)));
            self.report.lost += u64::from(found.is_none());
            self.report.other += u64::from(found.is_some() && !is_right);
        } else {
            self.none.count(is_right);
        }
        if !is_right {
            self.report.wrong.push(cases.wrong(image, expected, outcome.parent));
        }
    }

    fn report(self) -> RobustnessReport {
        RobustnessReport {
            parent: self.parent.into(),
            first: self.first.into(),
            none: self.none.into(),
            ..self.report
        }
    }
}
