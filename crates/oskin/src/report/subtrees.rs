//! `oskin.subtrees/1`: which subtrees of two images are the same, or nearly, and where they lie.

use crate::measure::Measure;
use crate::measure::graph::{MatchedDirectory, Matches, SubtreeMatch};
use crate::path::escape;
use crate::path_set::Overlap;
use serde::Serialize;

/// What two images have in common, and where.
#[derive(Clone, Debug, Serialize)]
pub struct SubtreesReport {
    schema: &'static str,
    /// The left image.
    pub left: SubtreesSide,
    /// The right image.
    pub right: SubtreesSide,
    /// Whether a file counted as the same only with the same content.
    pub contents: bool,
    /// From how many common paths on a match is told.
    pub min_paths: u64,
    /// Paths that both have in the same place.
    pub same_place: u64,
    /// How many subtrees lie elsewhere, listed or not.
    pub subtrees: u64,
    /// Common paths below all of these.
    pub elsewhere: u64,
    /// The subtrees, those with most common paths first.
    pub matches: Vec<SubtreeReport>,
}

/// One of the two images.
#[derive(Clone, Debug, Serialize)]
pub struct SubtreesSide {
    /// Its name, or its location.
    pub name: String,
    /// Its paths, and the directories on the way to them.
    pub paths: u64,
}

/// A directory of the left image and one at another path of the right one.
#[derive(Clone, Debug, Serialize)]
pub struct SubtreeReport {
    /// `moved`, `renamed` or `moved-and-renamed`.
    pub kind: &'static str,
    /// Whether all paths below are the same.
    pub exact: bool,
    /// The Dice of the paths below them.
    pub dice: f64,
    /// How many of these are the same.
    pub common: u64,
    /// The directory of the left image.
    pub left: SubtreePlace,
    /// The directory of the right image.
    pub right: SubtreePlace,
}

/// Where a subtree lies in one image.
#[derive(Clone, Debug, Serialize)]
pub struct SubtreePlace {
    /// The directory; empty for the root.
    pub path: String,
    /// Paths below it.
    pub paths: u64,
    /// Whether the other image has this path, too.
    pub stays: bool,
    /// How many directories of this image have the very same inside, itself included.
    pub places: u64,
}

impl SubtreesReport {
    /// Puts the matches of two named images into words and numbers; lists the first `top`.
    pub fn new(
        [left, right]: [&str; 2],
        found: &Matches<'_>,
        (contents, min_paths): (bool, u64),
        top: Option<usize>,
    ) -> Self {
        let listed = found.elsewhere.iter().take(top.unwrap_or(usize::MAX));
        Self {
            schema: "oskin.subtrees/1",
            left: SubtreesSide { name: left.to_owned(), paths: found.left_paths },
            right: SubtreesSide { name: right.to_owned(), paths: found.right_paths },
            contents,
            min_paths,
            same_place: found.same_place,
            subtrees: found.elsewhere.len() as u64,
            elsewhere: found.elsewhere.iter().map(|it| it.common).sum(),
            matches: listed.map(SubtreeReport::new).collect(),
        }
    }
}

impl SubtreeReport {
    fn new(found: &SubtreeMatch<'_>) -> Self {
        let overlap = Overlap::of_sizes(found.common, found.left.paths, found.right.paths);
        Self {
            kind: match (found.is_beside(), found.keeps_name()) {
                (_, true) => "moved",
                (true, false) => "renamed",
                (false, false) => "moved-and-renamed",
            },
            exact: found.is_exact(),
            dice: Measure::Dice.of(overlap),
            common: found.common,
            left: SubtreePlace::new(&found.left),
            right: SubtreePlace::new(&found.right),
        }
    }
}

impl SubtreePlace {
    fn new(directory: &MatchedDirectory<'_>) -> Self {
        Self {
            path: escape(directory.path),
            paths: directory.paths,
            stays: directory.stays,
            places: directory.places,
        }
    }
}
