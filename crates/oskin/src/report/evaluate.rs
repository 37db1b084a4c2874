//! `oskin.evaluate/1`: how well parents were found, judged by known answers.

use crate::lineage::{Perturbation, Tally};
use serde::Serialize;

/// Found parents held against known ones.
#[derive(Clone, Debug, Serialize)]
pub struct EvaluateReport {
    schema: &'static str,
    /// Whether nothing but paths was looked at.
    pub paths_only: bool,
    /// Images with a known answer.
    pub judged: u64,
    /// Images that are told of and are not there.
    pub absent: u64,
    /// Which they are, by the bytes of their names.
    pub absent_images: Vec<String>,
    /// Of images that have a parent: how often it comes first among all candidates.
    pub first: ShareReport,
    /// Of the same: how often an ancestor comes first.
    pub ancestor_first: ShareReport,
    /// Of the same: how often it comes first or is named as good as the first.
    pub first_or_as_good: ShareReport,
    /// Of all: how often the answer was right, "none" included.
    pub decisions: ShareReport,
    /// Of images that are no base, and of whose family a base is there: how often the way up leads
    /// to it.
    pub family: ShareReport,
    /// What simple rules reach.
    pub baselines: Baselines,
    /// The answers that were wrong, in the order of images.
    pub wrong: Vec<WrongReport>,
    /// The families that were wrong, in the order of images.
    pub wrong_families: Vec<WrongFamilyReport>,
    /// What is left by paths alone if each image in turn is changed; if asked for.
    pub robustness: Vec<RobustnessReport>,
    /// What is found by paths alone if each parent in turn is not there; if asked for.
    pub parent_left_out: Option<LeftOutReport>,
}

/// What simple rules reach, of images that have a parent.
#[derive(Clone, Debug, Serialize)]
pub struct Baselines {
    /// The nearest image by Dice of files.
    pub nearest_by_dice: ShareReport,
    /// Always the parent that most images have.
    pub most_common_base: ShareReport,
    /// Which that is.
    pub base: Option<String>,
}

/// How often something was right.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ShareReport {
    /// How often it was right.
    pub hits: u64,
    /// How often it was asked.
    pub of: u64,
    /// The share, in `0..=1`.
    pub share: f64,
    /// The low end of the 95 % interval of the share (Wilson).
    pub low: f64,
    /// Its high end.
    pub high: f64,
}

/// A wrong answer.
#[derive(Clone, Debug, Serialize)]
pub struct WrongReport {
    /// The child.
    pub image: String,
    /// The nearest known ancestor that is there.
    pub expected: Option<String>,
    /// What was found.
    pub found: Option<String>,
    /// How sure that was.
    pub confidence: Option<f64>,
}

/// A wrong family.
#[derive(Clone, Debug, Serialize)]
pub struct WrongFamilyReport {
    /// The image.
    pub image: String,
    /// Its known family.
    pub expected: String,
    /// The family of the base that the way up leads to; `None` if it leads to no known base.
    pub found: Option<String>,
}

/// What is left if each image in turn is changed, all others as they are.
#[derive(Clone, Debug, Serialize)]
pub struct RobustnessReport {
    /// `none`, `delete`, `strip-docs` or `upgrade`.
    pub perturbation: &'static str,
    /// Which share was changed, where that is a choice.
    pub share: Option<f64>,
    /// What the choice of files follows from.
    pub seed: u64,
    /// Files that all changed images lost, together.
    pub removed: u64,
    /// Files that they got.
    pub added: u64,
    /// Of images that have a parent: how often it was found.
    pub parent: ShareReport,
    /// Of the same: how many were left without one.
    pub lost: u64,
    /// Of the same: how many got another.
    pub other: u64,
    /// Of the same: how often the parent came first, found or not.
    pub first: ShareReport,
    /// Of images that have none: how often none was found.
    pub none: ShareReport,
    /// The answers that were wrong, in the order of images.
    pub wrong: Vec<WrongReport>,
}

/// What is found if each parent in turn is not there.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOutReport {
    /// Of images with a further known ancestor that is there: how often that was found.
    pub next_ancestor: ShareReport,
    /// Of those without: how often none was found.
    pub none: ShareReport,
    /// Of both: how often the answer was right.
    pub decisions: ShareReport,
    /// The answers that were wrong, in the order of images.
    pub wrong: Vec<WrongReport>,
}

impl From<Tally> for ShareReport {
    fn from(tally: Tally) -> Self {
        let [low, high] = tally.interval();
        Self { hits: tally.hits, of: tally.of, share: tally.share(), low, high }
    }
}

impl EvaluateReport {
    /// An empty report, to be filled in.
    pub fn new(paths_only: bool, baselines: Baselines) -> Self {
        let none = ShareReport::from(Tally::default());
        Self {
            schema: "oskin.evaluate/1",
            paths_only,
            judged: 0,
            absent: 0,
            absent_images: Vec::new(),
            first: none,
            ancestor_first: none,
            first_or_as_good: none,
            decisions: none,
            family: none,
            baselines,
            wrong: Vec::new(),
            wrong_families: Vec::new(),
            robustness: Vec::new(),
            parent_left_out: None,
        }
    }
}

impl RobustnessReport {
    /// An empty report of a change, or of none, to be filled in.
    pub fn new(perturbation: Option<Perturbation>, seed: u64) -> Self {
        let none = ShareReport::from(Tally::default());
        Self {
            perturbation: perturbation.map_or("none", Perturbation::name),
            share: perturbation.and_then(Perturbation::share),
            seed,
            removed: 0,
            added: 0,
            parent: none,
            lost: 0,
            other: 0,
            first: none,
            none,
            wrong: Vec::new(),
        }
    }
}
