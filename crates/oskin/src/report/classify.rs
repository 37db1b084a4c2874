//! `oskin.classify/1`: where an image belongs among those of the catalog.

use super::compare::SelectionReport;
use crate::measure::Measure;
use crate::path_set::{Overlap, Selection};
use serde::Serialize;

/// Where an image belongs.
#[derive(Clone, Debug, Serialize)]
pub struct ClassifyReport {
    schema: &'static str,
    /// The name of the image, or its location.
    pub name: String,
    /// What was counted.
    pub selection: &'static str,
    /// By what the nearest are sorted.
    pub measure: &'static str,
    /// How many paths the image has under the selection.
    pub paths: u64,
    /// With how many images it was compared: all of the catalog but itself.
    pub compared: u64,
    /// The most alike first; of equals the one that was added first.
    pub nearest: Vec<NearestImage>,
}

/// An image of the catalog near to the one that was asked for, which is the left of the pair.
#[derive(Clone, Debug, Serialize)]
pub struct NearestImage {
    /// Its name.
    pub name: String,
    /// The exact counts, and all similarities.
    #[serde(flatten)]
    pub counts: SelectionReport,
}

impl ClassifyReport {
    /// Reports the nearest images by name.
    pub fn new(
        (name, paths): (&str, u64),
        (selection, measure): (Selection, Measure),
        compared: u64,
        nearest: impl IntoIterator<Item = (String, Overlap)>,
    ) -> Self {
        let near = |(name, overlap)| NearestImage { name, counts: SelectionReport::new(overlap) };
        Self {
            schema: "oskin.classify/1",
            name: name.to_owned(),
            selection: selection.name(),
            measure: measure.name(),
            paths,
            compared,
            nearest: nearest.into_iter().map(near).collect(),
        }
    }
}
