//! `oskin.evaluate/1`: how well parents were found, judged by known answers.

use crate::lineage::Tally;
use serde::Serialize;

/// Found parents held against known ones.
#[derive(Clone, Debug, Serialize)]
pub struct EvaluateReport {
    schema: &'static str,
    /// Whether nothing but paths was looked at.
    pub paths_only: bool,
    /// Images with a known answer.
    pub judged: u64,
    /// Known answers of images that are not there.
    pub absent: u64,
    /// Of images that have a parent: how often it comes first among all candidates.
    pub first: ShareReport,
    /// Of the same: how often an ancestor comes first.
    pub ancestor_first: ShareReport,
    /// Of the same: how often it comes first or is named as good as the first.
    pub first_or_as_good: ShareReport,
    /// Of all: how often the answer was right, "none" included.
    pub decisions: ShareReport,
    /// What simple rules reach.
    pub baselines: Baselines,
    /// The answers that were wrong, in the order of images.
    pub wrong: Vec<WrongReport>,
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
            first: none,
            ancestor_first: none,
            first_or_as_good: none,
            decisions: none,
            baselines,
            wrong: Vec::new(),
        }
    }
}
