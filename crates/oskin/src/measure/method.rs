//! All that a similarity depends on, as one value: what is compared, how it is looked at, what it
//! weighs, and the function of the overlap.

use super::packages::PackageSelection;
use super::set::Measure;
use super::weights::Weighting;
use crate::path_set::Selection;
use crate::view::{View, ViewKind};
use std::fmt;
use std::str::FromStr;

/// What images are compared by: the three frameworks of the founding text, the graph in two forms, and packages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// Their paths, each a feature.
    #[default]
    Paths,
    /// The edges of their directory trees: which name stands below which, wherever that is.
    Edges,
    /// The subtrees of their directory trees, wherever they hang.
    Subtrees,
    /// The words of their paths.
    Words,
    /// Their packages, which paths do not tell.
    Packages,
}

impl Basis {
    /// All of them, in the order in which reports list them.
    pub const ALL: [Self; 5] =
        [Self::Paths, Self::Edges, Self::Subtrees, Self::Words, Self::Packages];

    /// Those that paths are enough for.
    pub const OF_PATHS: [Self; 4] = [Self::Paths, Self::Edges, Self::Subtrees, Self::Words];

    /// The name used in reports and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paths => "paths",
            Self::Edges => "edges",
            Self::Subtrees => "subtrees",
            Self::Words => "words",
            Self::Packages => "packages",
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Basis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|basis| basis.name() == text).ok_or_else(|| {
            format!("unknown basis {text:?}, expected paths, edges, subtrees, words or packages")
        })
    }
}

/// How images are compared.
#[derive(Clone, Debug, Default)]
pub struct Method {
    /// By what.
    pub basis: Basis,
    /// The function of what two share.
    pub measure: Measure,
    /// Which paths; of packages nothing else than [`Selection::Both`].
    pub selection: Selection,
    /// What of packages counts, if it is packages.
    pub packages: PackageSelection,
    /// What each counts.
    pub weighting: Weighting,
    /// How they are looked at.
    pub view: View,
}

impl Method {
    /// Sets of paths as they are under a selection: the plain method.
    pub fn plain(selection: Selection, measure: Measure) -> Self {
        Self { measure, selection, ..Self::default() }
    }

    /// The name of the selection: of packages, or of paths.
    pub fn selection_name(&self) -> &'static str {
        match self.basis {
            Basis::Packages => self.packages.name(),
            _ => self.selection.name(),
        }
    }

    /// Whether it counts the paths of a selection as they are, whatever the measure makes of them.
    pub fn counts_paths(&self) -> bool {
        self.basis == Basis::Paths && self.weighting == Weighting::None && self.view.is_plain()
    }

    /// Whether what two images share is counted, in paths, edges, subtrees, packages or bytes.
    pub fn counts(&self) -> bool {
        self.basis != Basis::Words && self.weighting.unit() == 1
    }

    /// Why there is no such method, if it is none.
    pub fn problem(&self) -> Option<&'static str> {
        match (self.basis, self.weighting, self.measure) {
            (Basis::Words, _, measure) if measure != Measure::Cosine => {
                Some("words are compared by --measure cosine alone: that of their tf-idf vectors")
            }
            (Basis::Words, weighting, _) if weighting != Weighting::Idf => {
                Some("words weigh by --weight idf alone, which their tf-idf vectors hold already")
            }
            (Basis::Words, ..) if self.view.has(ViewKind::Contents) => {
                Some("words have no contents, so --view contents does not go with --by words")
            }
            (Basis::Edges, ..) if self.view.has(ViewKind::Contents) => {
                Some("edges have no contents; --view contents goes with --by paths and subtrees")
            }
            (Basis::Paths, Weighting::Bytes, _) if self.selection == Selection::Directories => {
                Some("directories have no bytes; --weight bytes goes with files and both")
            }
            (Basis::Packages, ..) if !self.view.is_plain() => {
                Some("views are of paths; packages have none")
            }
            (Basis::Packages, ..) if self.selection != Selection::Both => {
                Some("packages are neither files nor directories")
            }
            (Basis::Edges | Basis::Subtrees | Basis::Packages, Weighting::Bytes, _) => {
                Some("--weight bytes goes with --by paths alone")
            }
            _ => None,
        }
    }
}
