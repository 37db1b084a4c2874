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
    /// The image declares a base; what its layers and contents say of that.
    Declared {
        /// The number of the declared image.
        base: u32,
        /// Whether it is the parent, or further up, or neither.
        standing: Standing,
    },
    /// How the files that both have compare.
    Content {
        /// With the same content.
        same: u64,
        /// With another.
        changed: u64,
        /// How many files that differ, or are missing, are volatile and do not count.
        aside: u64,
    },
    /// The child is what is left of the parent: it holds next to nothing that the parent has not, and
    /// no package was installed or removed.
    LeftOver {
        /// Files of the parent that it has.
        kept: u64,
        /// Files of the parent that it has not.
        deleted: u64,
        /// By how many deletions.
        deletions: u64,
        /// Files that it has and the parent has not.
        added: u64,
    },
    /// By paths alone.
    Paths {
        /// The candidate as it was ranked.
        candidate: Candidate,
        /// By how many deletions what is missing was judged, if not file by file.
        deletions: Option<u64>,
    },
}

/// Where a declared base stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is the parent.
    Parent,
    /// The parent stands on it: images inherit what their parents declare.
    Ancestor,
    /// Neither: layers and contents do not confirm it.
    NotConfirmed,
}

impl Standing {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parent => "confirmed",
            Self::Ancestor => "ancestor",
            Self::NotConfirmed => "not-confirmed",
        }
    }
}

/// That an image declares its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The image.
    pub child: u32,
    /// The image that it declares.
    pub base: u32,
    /// Where that stands.
    pub standing: Standing,
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

impl Edge {
    /// The number of the image that the child declares as its base, if it does.
    pub fn declared(&self) -> Option<u32> {
        self.proofs.iter().find_map(|proof| match proof {
            Proof::Declared { base, .. } => Some(*base),
            _ => None,
        })
    }
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
    /// Two versions of one system, or two images on one base that is not told: nearly the same files,
    /// and neither was built from the other as far as can be told.
    Sibling,
}

impl KinKind {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::SamePaths => "same-paths",
            Self::Rebuild => "rebuild",
            Self::Sibling => "sibling",
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

impl Kin {
    /// That two images are kin, in whichever order they come.
    pub(super) fn of((one, other): (u32, u32), kind: KinKind) -> Self {
        Self { images: [one.min(other), one.max(other)], kind }
    }
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
    /// Twins, rebuilds, siblings; in the order of images.
    pub kin: Vec<Kin>,
    /// Images without a parent; of twins only the first.
    pub roots: Vec<u32>,
    /// The tiny graphs: images that edges and twins hold together, each with its root first.
    pub components: Vec<Vec<u32>>,
    /// How the tiny graphs hang together, in the order of roots.
    pub connections: Vec<Connection>,
    /// What images declare of their bases, in the order of images.
    pub declared: Vec<Claim>,
}
