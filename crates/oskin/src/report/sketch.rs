//! The document about the images whose sketches come nearest to an image.

use crate::measure::{CONFIDENCE, Estimate, Measure};
use crate::path_set::{Overlap, Selection};
use serde::Serialize;

/// `oskin.sketch-nearest/1`: the nearest of many sketches.
#[derive(Clone, Debug, Serialize)]
pub struct SketchNearestReport {
    schema: &'static str,
    /// The image that was asked for; the left one of every pair.
    pub image: SketchedImage,
    /// `files`, `directories` or `both`: that of the files.
    pub selection: &'static str,
    /// The measure by which they are sorted.
    pub measure: &'static str,
    /// At least so often an interval holds the true value.
    pub confidence: f64,
    /// The files that were read.
    pub files: Vec<SketchFileReport>,
    /// The nearest, by the estimate of the measure.
    pub nearest: Vec<NearestSketch>,
}

/// The image that was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct SketchedImage {
    /// Its name.
    pub name: String,
    /// The size of its set.
    pub paths: u64,
}

/// A file of sketches.
#[derive(Clone, Debug, Serialize)]
pub struct SketchFileReport {
    /// As it was named.
    pub file: String,
    /// How many hashes a sketch keeps in it.
    pub hashes: usize,
    /// How many sketches it holds.
    pub sketches: u64,
}

/// An image by its sketch, and how near it is.
#[derive(Clone, Debug, Serialize)]
pub struct NearestSketch {
    /// Its name in the catalog that the sketches are of.
    pub name: String,
    /// The file, as it was named.
    pub file: String,
    /// The size of its set; always exact.
    pub paths: u64,
    /// Whether the numbers are exact, and no estimates.
    pub exact: bool,
    /// Paths of both.
    pub common: IntervalReport<u64>,
    /// Dice.
    pub dice: IntervalReport<f64>,
    /// Jaccard.
    pub jaccard: IntervalReport<f64>,
    /// The share of the image that was asked for that is in this one.
    pub containment_left: IntervalReport<f64>,
    /// The share of this one that is in the image that was asked for.
    pub containment_right: IntervalReport<f64>,
    /// The larger of both shares.
    pub overlap: IntervalReport<f64>,
    /// The geometric mean of both shares.
    pub cosine: IntervalReport<f64>,
}

/// An estimate and the interval around it; all three are the same where it is exact.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct IntervalReport<T> {
    /// The likeliest value.
    pub estimate: T,
    /// The least value.
    pub low: T,
    /// The largest value.
    pub high: T,
}

impl SketchNearestReport {
    /// Puts together what was found.
    pub fn new(
        image: SketchedImage,
        (selection, measure): (Selection, Measure),
        files: Vec<SketchFileReport>,
        nearest: Vec<NearestSketch>,
    ) -> Self {
        Self {
            schema: "oskin.sketch-nearest/1",
            image,
            selection: selection.name(),
            measure: measure.name(),
            confidence: CONFIDENCE,
            files,
            nearest,
        }
    }
}

impl NearestSketch {
    /// Reports an estimate, the image that was asked for on its left.
    pub fn new(name: String, file: String, estimate: &Estimate) -> Self {
        let found = estimate.overlap();
        let (low, high) = estimate.bounds();
        let of = |measure: Measure| IntervalReport {
            estimate: measure.of(found),
            low: measure.of(low),
            high: measure.of(high),
        };
        let common = |overlap: Overlap| overlap.common;
        Self {
            name,
            file,
            paths: found.right(),
            exact: estimate.is_exact(),
            common: IntervalReport {
                estimate: common(found),
                low: common(low),
                high: common(high),
            },
            dice: of(Measure::Dice),
            jaccard: of(Measure::Jaccard),
            containment_left: of(Measure::ContainmentLeft),
            containment_right: of(Measure::ContainmentRight),
            overlap: of(Measure::OverlapCoefficient),
            cosine: of(Measure::Cosine),
        }
    }

    /// The values of a measure.
    pub const fn values(&self, measure: Measure) -> IntervalReport<f64> {
        match measure {
            Measure::Dice => self.dice,
            Measure::Jaccard => self.jaccard,
            Measure::ContainmentLeft => self.containment_left,
            Measure::ContainmentRight => self.containment_right,
            Measure::OverlapCoefficient => self.overlap,
            Measure::Cosine => self.cosine,
        }
    }
}
