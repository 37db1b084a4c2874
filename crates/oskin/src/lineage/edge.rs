//! What the family graph is made of: edges with their proofs, kin, connections.

use super::parent::Candidate;

/// What an edge says of child and parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeKind {
    /// The child was built from the parent and kept all of it.
    Parent,
    /// The child was built from the parent, and deleted or changed part of it.
    ChildWithEdits,
    /// The child holds the parent, but a child cannot be told from an image that holds as much.
    ContainedIn,
}

impl EdgeKind {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::ChildWithEdits => "child-with-edits",
            Self::ContainedIn => "contained-in",
        }
    }
}

/// A fact that speaks for an edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Proof {
    /// The layers of the parent are the base of the child's.
    Layers {
        /// How many the parent has, empty ones left out.
        layers: usize,
        /// Whether it holds with the empty ones too.
        with_empty: bool,
    },
    /// How the files that both have compare.
    Content {
        /// With the same content.
        same: u64,
        /// With another.
        changed: u64,
    },
    /// By paths alone.
    Paths {
        /// The candidate as it was ranked.
        candidate: Candidate,
        /// By how many deletions what is missing was judged, if not file by file.
        deletions: Option<u64>,
    },
}

/// That one image was, or may have been, built from another.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// The number of the parent; of those with the same files, the first, unless layers tell.
    pub parent: u32,
    /// The number of the child.
    pub child: u32,
    /// What it says.
    pub kind: EdgeKind,
    /// How sure it is, in `0..=1`.
    pub confidence: f64,
    /// What speaks for it, strongest first.
    pub proofs: Vec<Proof>,
    /// Other images that are as good a parent, or nearly.
    pub alternatives: Vec<u32>,
}

/// What two images are to each other if neither is the parent of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KinKind {
    /// The same files with the same contents.
    Identical,
    /// The same files; contents differ or are not known.
    SamePaths,
    /// One system built twice.
    Rebuild,
}

impl KinKind {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::SamePaths => "same-paths",
            Self::Rebuild => "rebuild",
        }
    }
}

/// Two images that are kin, the earlier first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kin {
    /// Their numbers.
    pub images: [u32; 2],
    /// What they are to each other.
    pub kind: KinKind,
}

/// The root whose family a root is nearest to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The root.
    pub root: u32,
    /// The root of the other tiny graph, with fewer files.
    pub base: u32,
    /// Files of the base that the root has.
    pub shared: u64,
    /// Files of the base that it has not; at most half as many.
    pub missing: u64,
}

/// The family graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lineage {
    /// At most one for each child, in the order of children.
    pub edges: Vec<Edge>,
    /// Twins, rebuilds; in the order of images.
    pub kin: Vec<Kin>,
    /// Images without a parent; of twins only the first.
    pub roots: Vec<u32>,
    /// The tiny graphs: images that edges and twins hold together, each with its root first.
    pub components: Vec<Vec<u32>>,
    /// How the tiny graphs hang together, in the order of roots.
    pub connections: Vec<Connection>,
}
