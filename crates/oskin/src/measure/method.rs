//! All that a similarity depends on, as one value: what is compared, how it is looked at, what it
//! weighs, and the function of the overlap.

use super::set::Measure;
use super::weights::Weighting;
use crate::path_set::Selection;
use crate::view::{View, ViewKind};
use std::fmt;
use std::str::FromStr;

/// What images are compared by: the three frameworks of the founding text, the graph in two forms.
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
}

impl Basis {
    /// All of them, in the order in which reports list them.
    pub const ALL: [Self; 4] = [Self::Paths, Self::Edges, Self::Subtrees, Self::Words];

    /// The name used in reports and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paths => "paths",
            Self::Edges => "edges",
            Self::Subtrees => "subtrees",
            Self::Words => "words",
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
            format!("unknown basis {text:?}, expected paths, edges, subtrees or words")
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
    /// Which paths.
    pub selection: Selection,
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

    /// Whether it counts the paths of a selection as they are, whatever the measure makes of them.
    pub fn counts_paths(&self) -> bool {
        self.basis == Basis::Paths && self.weighting == Weighting::None && self.view.is_plain()
    }

    /// Whether what two images share is counted, in paths, edges, subtrees or bytes.
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
            (Basis::Edges | Basis::Subtrees, Weighting::Bytes, _) => {
                Some("--weight bytes goes with --by paths alone")
            }
            _ => None,
        }
    }
}
