//! `oskin.measures/1`: which measure answers which question, judged by known answers.

use super::evaluate::ShareReport;
use crate::measure::Method;
use serde::Serialize;

/// How well each way to measure answers each question.
#[derive(Clone, Debug, Serialize)]
pub struct MeasuresReport {
    schema: &'static str,
    /// The images that were compared.
    pub images: u64,
    /// Of how many of them each question is asked.
    pub questions: AskedQuestions,
    /// All methods, in the order in which they were tried.
    pub methods: Vec<MethodReport>,
}

/// Of how many images each question is asked.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AskedQuestions {
    /// Is the nearest image the parent? Of those whose parent, or an ancestor that stands for it, is there.
    pub parent: u64,
    /// Is the nearest image one of the same base family? Of those of whose family another one is there.
    pub family: u64,
    /// Is the nearest other release the one before or after? Of those in families of three and more.
    pub release: u64,
    /// Is the nearest image of all other base families one for the same software? Of those of whose
    /// software there is one.
    pub software: u64,
}

impl MeasuresReport {
    /// No method yet.
    pub const fn new(images: u64, questions: AskedQuestions) -> Self {
        Self { schema: "oskin.measures/1", images, questions, methods: Vec::new() }
    }
}

impl AskedQuestions {
    /// The questions in words.
    pub fn in_order(&self) -> [(&'static str, u64); 4] {
        [
            ("the nearest image is the parent", self.parent),
            ("the nearest image is of the same base family", self.family),
            ("the nearest other release is the one before or after", self.release),
            ("the nearest image of other base families has the same software", self.software),
        ]
    }
}

/// One way to measure, and how often it was right.
#[derive(Clone, Debug, Serialize)]
pub struct MethodReport {
    /// `paths`, `edges`, `subtrees` or `words`.
    pub by: &'static str,
    /// `files`, `directories` or `both`.
    pub selection: &'static str,
    /// How paths were looked at.
    pub view: String,
    /// What each counted.
    pub weight: &'static str,
    /// The measure.
    pub measure: &'static str,
    /// How often it was right.
    #[serde(flatten)]
    pub shares: MethodShares,
    /// Wall time for a pair, preparation of the images included, in microseconds; null unless asked for.
    pub microseconds_per_pair: Option<f64>,
}

impl MethodReport {
    /// Names a method.
    pub fn new(method: &Method, shares: MethodShares, microseconds_per_pair: Option<f64>) -> Self {
        Self {
            by: method.basis.name(),
            selection: method.selection.name(),
            view: method.view.describe(),
            weight: method.weighting.name(),
            measure: method.measure.name(),
            shares,
            microseconds_per_pair,
        }
    }

    /// The basis, the selection, the view, the weight and the measure.
    pub fn names(&self) -> [&str; 5] {
        [self.by, self.selection, &self.view, self.weight, self.measure]
    }
}

/// How often a method was right; null where a question is asked of no image.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct MethodShares {
    /// The parent.
    pub parent: Option<ShareReport>,
    /// The base family.
    pub family: Option<ShareReport>,
    /// The release before or after.
    pub release: Option<ShareReport>,
    /// The same software on another base.
    pub software: Option<ShareReport>,
}

impl MethodShares {
    /// In the order of the questions.
    pub const fn in_order(&self) -> [Option<ShareReport>; 4] {
        [self.parent, self.family, self.release, self.software]
    }
}
