//! `oskin.classify/1`: where an image belongs among those of the catalog.

use super::compare::SelectionReport;
use super::gates::GateReport;
use super::lineage::EdgeReport;
use crate::measure::Method;
use crate::path_set::Overlap;
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
    /// By what the nearest are compared: `paths`, `edges` or `subtrees`.
    pub by: &'static str,
    /// What each counts there: `none` or `bytes`.
    pub weight: &'static str,
    /// How paths are looked at there; `plain` for as they are.
    pub view: String,
    /// How many paths the image has under the selection; of another basis, view or weight what the image
    /// has of that.
    pub paths: u64,
    /// With how many images it was compared: all of the catalog but itself.
    pub compared: u64,
    /// The most alike first; of equals the one that shares more, then the one that was added first.
    pub nearest: Vec<NearestImage>,
    /// Its parent, its base and what else its place tells.
    #[serde(flatten)]
    pub placement: PlacementReport,
    /// What a walk down found, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub walk_down: Option<WalkDownReport>,
    /// What the gates say that were asked for.
    pub gates: Vec<GateReport>,
}

/// Where an image stands in the family graph.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PlacementReport {
    /// Whether nothing but paths was looked at.
    pub paths_only: bool,
    /// Whether it has enough files to tell its parent: ten.
    pub enough_files: bool,
    /// Images with the very same files.
    pub twins: Vec<String>,
    /// What it is to the first of them: `identical` or `same-paths`.
    pub twin_kind: Option<&'static str>,
    /// Its parent.
    pub parent: Option<String>,
    /// The base that it stands on: the end of the way up.
    pub base: Option<String>,
    /// The way down, from the base to the image.
    pub walk: Vec<StepReport>,
    /// The nearest family, if it has no parent.
    pub family: Option<FamilyReport>,
    /// Images that it was nearly built on: other builds of what it was built on.
    pub near_misses: Vec<NearMissReport>,
    /// Images that hold more of it than its parent does.
    pub better_bases: Vec<BetterReport>,
}

/// A step down: what an image adds to the one that it stands on.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// The edge from the image below to the one that stands on it.
    #[serde(flatten)]
    pub edge: EdgeReport,
    /// What is added.
    pub adds: AddedReport,
    /// Files of the parent that are gone.
    pub missing: u64,
}

/// Files that an image adds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AddedReport {
    /// How many.
    pub files: u64,
    /// Their size in bytes; null where it was not read.
    pub size_bytes: Option<u64>,
    /// The few folders that hold most of them.
    pub folders: Vec<FolderReport>,
}

/// Files below one folder.
#[derive(Clone, Debug, Serialize)]
pub struct FolderReport {
    /// The folder, percent-escaped; empty for the root.
    pub path: String,
    /// How many.
    pub files: u64,
}

/// The base whose family an image without a parent is nearest to.
#[derive(Clone, Debug, Serialize)]
pub struct FamilyReport {
    /// The base.
    pub base: String,
    /// Files of the base that the image has.
    pub shared: u64,
    /// Files of the base that it has not.
    pub missing: u64,
}

/// An image that would be the parent if it were another build.
#[derive(Clone, Debug, Serialize)]
pub struct NearMissReport {
    /// The image.
    pub name: String,
    /// Its files that the asked image has.
    pub shared: u64,
    /// Its files that the asked image has not.
    pub missing: u64,
    /// How many of its files the image has with another content; null where that is not known.
    pub changed: Option<u64>,
    /// What the image is to it: `rebuild`, `sibling`, or null if neither is told.
    pub kind: Option<&'static str>,
    /// The first of the missing paths, percent-escaped; at most ten.
    pub missing_paths: Vec<String>,
}

/// An image that would be a better base.
#[derive(Clone, Debug, Serialize)]
pub struct BetterReport {
    /// The image.
    pub name: String,
    /// Its files that the asked image has.
    pub shared: u64,
    /// Its files that the asked image has not.
    pub missing: u64,
    /// Files of the asked image that it holds and the present parent does not, those with another
    /// content aside.
    pub saved_files: u64,
    /// Their bytes, those with another content aside.
    pub saved_bytes: u64,
    /// How many more have another content; null where that is not known.
    pub changed: Option<u64>,
}

/// What the walk down found.
#[derive(Clone, Debug, Serialize)]
pub struct WalkDownReport {
    /// How many images were looked at.
    pub looked_at: u64,
    /// Of how many.
    pub of: u64,
    /// Whether no other image can be nearer than those found.
    pub proven: bool,
    /// Whether it found the same as the exact search.
    pub agrees: bool,
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
        method: &Method,
        compared: u64,
        nearest: impl IntoIterator<Item = (String, Overlap)>,
        placement: PlacementReport,
    ) -> Self {
        let near = |(name, overlap)| NearestImage { name, counts: SelectionReport::new(overlap) };
        Self {
            schema: "oskin.classify/1",
            name: name.to_owned(),
            selection: method.selection.name(),
            measure: method.measure.name(),
            by: method.basis.name(),
            weight: method.weighting.name(),
            view: method.view.describe(),
            paths,
            compared,
            nearest: nearest.into_iter().map(near).collect(),
            placement,
            walk_down: None,
            gates: Vec::new(),
        }
    }
}
