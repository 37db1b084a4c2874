//! `oskin.compare/1`: how alike two images are, in numbers and in words.

use super::compare_packages::PackagesReport;
use crate::measure::Measure;
use crate::path_set::{Overlap, Selection};
use crate::relation::{Aside, Comparison, Evidence, MIN_FILES, Relation, RelationKind};
use crate::view::View;
use serde::Serialize;

/// How alike two images are.
#[derive(Clone, Debug, Serialize)]
pub struct CompareReport {
    schema: &'static str,
    /// The left image.
    pub left: Side,
    /// The right image.
    pub right: Side,
    /// How paths were looked at for `selections`; `plain` for as they are.
    pub view: String,
    /// The three ways to count paths; null where one of the two has none, as packages only.
    pub selections: Option<Selections>,
    /// How the common files compare; null as `selections`.
    pub content: Option<ContentReport>,
    /// What they are to each other, by paths; null as `selections`.
    pub relation: Option<RelationReport>,
    /// How their packages compare; null unless those of both are known.
    pub packages: Option<PackagesReport>,
    /// The same in a sentence or two.
    pub summary: String,
}

/// One of the two images.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Its name, or its location.
    pub name: String,
    /// What of it could not be read; null if it is whole.
    pub incomplete: Option<String>,
}

impl Side {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), incomplete: None }
    }
}

/// The overlaps under each selection.
#[derive(Clone, Debug, Serialize)]
pub struct Selections {
    /// All that is not a directory.
    pub files: SelectionReport,
    /// Directories.
    pub directories: SelectionReport,
    /// Both.
    pub both: SelectionReport,
}

/// Counts and similarities under one selection.
#[derive(Clone, Debug, Serialize)]
pub struct SelectionReport {
    /// Paths of the left image.
    pub left: u64,
    /// Paths of the right image.
    pub right: u64,
    /// Paths of both.
    pub common: u64,
    /// Paths only of the left image.
    pub left_only: u64,
    /// Paths only of the right image.
    pub right_only: u64,
    /// `2c / (a + b)`.
    pub dice: f64,
    /// `c / (a + b - c)`.
    pub jaccard: f64,
    /// The share of the left set that is in the right one.
    pub containment_left: f64,
    /// The share of the right set that is in the left one.
    pub containment_right: f64,
    /// The larger of both shares: `c / min(a, b)`.
    pub overlap: f64,
    /// The geometric mean of both shares: `c / sqrt(a b)`.
    pub cosine: f64,
}

impl SelectionReport {
    pub(super) fn new(overlap: Overlap) -> Self {
        Self {
            left: overlap.left(),
            right: overlap.right(),
            common: overlap.common,
            left_only: overlap.left_only,
            right_only: overlap.right_only,
            dice: Measure::Dice.of(overlap),
            jaccard: Measure::Jaccard.of(overlap),
            containment_left: Measure::ContainmentLeft.of(overlap),
            containment_right: Measure::ContainmentRight.of(overlap),
            overlap: Measure::OverlapCoefficient.of(overlap),
            cosine: Measure::Cosine.of(overlap),
        }
    }
}

/// How the common files compare.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ContentReport {
    /// Same content, link target or kind.
    pub same: u64,
    /// Other content, link target or kind.
    pub changed: u64,
    /// Not known of one side.
    pub unknown: u64,
    /// Paths that are a directory on one side only; they are not among the common files.
    pub other_kind: u64,
}

/// What two images are to each other.
#[derive(Clone, Debug, Serialize)]
pub struct RelationReport {
    /// The name; see docs/report-schema.md.
    pub kind: &'static str,
    /// The image the other was built from, where the relation has a direction.
    pub parent: Option<String>,
    /// What speaks for it, strongest first.
    pub evidence: Vec<EvidenceReport>,
}

/// A fact that speaks for a relation.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EvidenceReport {
    /// Layers at the base that both have.
    SharedLayers {
        /// How many.
        shared: usize,
        /// How many the left image has, empty ones left out.
        left: usize,
        /// How many the right image has.
        right: usize,
    },
    /// Share of the files that the other has with the same content.
    ContentContainment {
        /// Share of the left files.
        left: f64,
        /// Share of the right files.
        right: f64,
    },
    /// Share of the paths that the other has.
    PathContainment {
        /// Share of the left paths.
        left: f64,
        /// Share of the right paths.
        right: f64,
    },
    /// Differences at volatile paths, which do not count.
    Volatile {
        /// Common files with another content.
        changed: u64,
        /// Files of the left image that the right one has not.
        left_only: u64,
        /// Files of the right image that the left one has not.
        right_only: u64,
    },
    /// An empty `lost+found` in the root of one of the two, which does not count.
    LostAndFound {
        /// Which one: `left` or `right`.
        of: &'static str,
    },
    /// Too few files to tell.
    TooLittle {
        /// Files of the left image.
        left: u64,
        /// Files of the right image.
        right: u64,
    },
}

impl EvidenceReport {
    fn new(evidence: &Evidence) -> Self {
        match *evidence {
            Evidence::SharedLayers { shared, left, right } => {
                Self::SharedLayers { shared, left, right }
            }
            Evidence::ContentContainment { left, right } => {
                Self::ContentContainment { left, right }
            }
            Evidence::PathContainment { left, right } => Self::PathContainment { left, right },
            Evidence::Volatile(Aside { changed, left_only, right_only }) => {
                Self::Volatile { changed, left_only, right_only }
            }
            Evidence::LostAndFound { is_left } => {
                Self::LostAndFound { of: if is_left { "left" } else { "right" } }
            }
            Evidence::TooLittle { left, right } => Self::TooLittle { left, right },
        }
    }
}

impl CompareReport {
    /// Puts a comparison of two named images into words and numbers.
    pub fn new(left: &str, right: &str, comparison: &Comparison, relation: &Relation) -> Self {
        let selection = |selection| SelectionReport::new(comparison.overlap(selection));
        let content = comparison.content;
        let parent = relation.left_is_parent.map(|is_left| if is_left { left } else { right });
        Self {
            schema: "oskin.compare/1",
            left: Side::new(left),
            right: Side::new(right),
            view: View::default().describe(),
            selections: Some(Selections {
                files: selection(Selection::Files),
                directories: selection(Selection::Directories),
                both: selection(Selection::Both),
            }),
            content: Some(ContentReport {
                same: content.same,
                changed: content.changed,
                unknown: content.unknown,
                other_kind: comparison.other_kind,
            }),
            relation: Some(RelationReport {
                kind: relation.kind.name(),
                parent: parent.map(str::to_owned),
                evidence: relation.evidence.iter().map(EvidenceReport::new).collect(),
            }),
            packages: None,
            summary: summary(left, right, comparison, relation),
        }
    }

    /// The comparison of two images by their packages alone, as where nothing else is known of one of them.
    pub fn of_packages(left: &str, right: &str, packages: PackagesReport) -> Self {
        Self {
            schema: "oskin.compare/1",
            left: Side::new(left),
            right: Side::new(right),
            view: View::default().describe(),
            selections: None,
            content: None,
            relation: None,
            summary: packages.summary(left, right),
            packages: Some(packages),
        }
    }

    /// Counts paths as a view shows them: files, directories and both. Contents and relation stay those of
    /// the images as they are.
    pub fn look_through(&mut self, view: &View, overlaps: [Overlap; 3]) {
        let [files, directories, both] = overlaps.map(SelectionReport::new);
        self.view = view.describe();
        self.selections = Some(Selections { files, directories, both });
    }

    /// Whether nothing differs as far as is known.
    pub fn is_same(&self) -> bool {
        let by_paths = match (&self.relation, self.content) {
            (Some(relation), Some(content)) => {
                let is_same = ["identical", "same-paths"].contains(&relation.kind);
                Some(is_same && content.changed + content.other_kind == 0)
            }
            _ => None,
        };
        // Where neither has a package, packages tell nothing.
        let packages = self.packages.as_ref();
        let by_packages = packages.filter(|it| it.is_of_any()).map(|packages| packages.same);
        by_paths.unwrap_or(true)
            && by_packages.unwrap_or(true)
            && by_paths.or(by_packages).is_some()
    }

    /// Whether their packages are the same, for who asks for nothing else; two images without any have the same.
    pub fn has_same_software(&self) -> bool {
        self.packages.as_ref().is_some_and(|packages| packages.same || !packages.is_of_any())
    }
}

fn summary(left: &str, right: &str, comparison: &Comparison, relation: &Relation) -> String {
    let both = comparison.counted();
    let (parent, child, lost, added) = match relation.left_is_parent {
        Some(false) => (right, left, both.right_only, both.left_only),
        _ => (left, right, both.left_only, both.right_only),
    };
    let dice = Measure::Dice.of(both);
    let mut text = match relation.kind {
        RelationKind::Identical => format!("{left} and {right} hold the same files."),
        RelationKind::SamePaths => format!(
            "{left} and {right} have the same {} paths{}.",
            both.common,
            if comparison.content.changed > 0 { ", but not the same contents" } else { "" }
        ),
        RelationKind::Parent | RelationKind::Child => {
            format!("{child} was built from {parent}: it has all its paths and {added} more.")
        }
        RelationKind::ChildWithEdits => format!(
            "{child} was built from {parent}: it keeps {} of its {} paths and adds {added}.",
            both.common,
            both.common + lost
        ),
        RelationKind::ContainedIn => {
            let (inner, outer) =
                if both.left() < both.right() { (left, right) } else { (right, left) };
            format!(
                "{outer} holds {inner}, or nearly, but they stand on the same layers and then part, so it was not built from it."
            )
        }
        RelationKind::Sibling => match relation.evidence.first() {
            Some(Evidence::SharedLayers { .. }) => format!(
                "{left} and {right} stand on the same layers and then part (Dice {dice:.3})."
            ),
            _ => format!(
                "{left} and {right} look like two versions of one system: nearly the same paths (Dice {dice:.3}), neither built from the other."
            ),
        },
        RelationKind::Rebuild => format!(
            "{left} and {right} look like one system built twice: nearly the same paths (Dice {dice:.3}), other contents."
        ),
        RelationKind::Unrelated => {
            format!("Neither {left} nor {right} was built from the other (Dice {dice:.3}).")
        }
    };
    let content = comparison.content;
    if content.changed > 0 {
        let differ = format!(
            " Of {} common files {} have the same content, {} differ.",
            comparison.files.common, content.same, content.changed
        );
        text.push_str(&differ);
    }
    if comparison.files.left().min(comparison.files.right()) < MIN_FILES {
        text.push_str(" There is too little to compare.");
    }
    text
}
