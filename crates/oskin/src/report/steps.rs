//! The steps of the founding text as a part of `oskin.lineage/1`.

use crate::lineage::{GRADES, KEPT_PER_MILLE, PassedOver, StepPair, Steps, TinyGraph};
use crate::path_set::Overlap;
use serde::Serialize;

/// What each step found.
#[derive(Clone, Debug, Serialize)]
pub struct StepsReport {
    /// Step 1: containment by directories.
    pub coarse: CoarseReport,
    /// Step 2: the tiny graphs of more than one image.
    pub graphs: Vec<TinyGraphReport>,
    /// Step 3: the same pairs by files.
    pub finer: FinerReport,
    /// Step 4: what the confirmed pairs imply.
    pub reduction: ReductionReport,
    /// How the edges of the family graph fared in these.
    pub edges: EdgesSeenReport,
    /// Step 5: the parts into which the images fall.
    pub joined: JoinedReport,
    /// The pairs of step 1; null if they are too many to be listed.
    pub pairs: Option<Vec<StepPairReport>>,
}

/// Step 1.
#[derive(Clone, Debug, Serialize)]
pub struct CoarseReport {
    /// The share of the directories of the inner image that the outer one has at least.
    pub threshold: f64,
    /// Pairs with fewer directories in the inner image.
    pub pairs: u64,
    /// Pairs with as many on both sides.
    pub ties: u64,
    /// How many of such pairs there are for other thresholds, ties left out.
    pub grades: Vec<GradeReport>,
    /// Images with fewer than ten directories, which are found in no other.
    pub blind: u64,
}

/// Pairs for a threshold.
#[derive(Clone, Debug, Serialize)]
pub struct GradeReport {
    /// The threshold.
    pub threshold: f64,
    /// The pairs.
    pub pairs: u64,
}

/// A tiny graph.
#[derive(Clone, Debug, Serialize)]
pub struct TinyGraphReport {
    /// Its images.
    pub images: Vec<String>,
    /// Those of them in which no other is.
    pub roots: Vec<String>,
}

/// Step 3.
#[derive(Clone, Debug, Serialize)]
pub struct FinerReport {
    /// Pairs that hold by files as well.
    pub confirmed: u64,
    /// Pairs with the very same files.
    pub same_files: u64,
    /// The others.
    pub refused: u64,
    /// Pairs that hold by files, but not by directories.
    pub overlooked: u64,
}

/// Step 4.
#[derive(Clone, Debug, Serialize)]
pub struct ReductionReport {
    /// Confirmed pairs that stay.
    pub kept: u64,
    /// Confirmed pairs that a chain of others implies.
    pub fallen: u64,
}

/// How the edges of the family graph fared.
#[derive(Clone, Debug, Serialize)]
pub struct EdgesSeenReport {
    /// Found by step 1.
    pub found: u64,
    /// Of these, confirmed by step 3.
    pub confirmed: u64,
    /// Of these, left by step 4.
    pub kept: u64,
    /// Not found by step 1.
    pub passed_over: Vec<PassedOverReport>,
}

/// An edge that step 1 does not find.
#[derive(Clone, Debug, Serialize)]
pub struct PassedOverReport {
    /// The parent.
    pub parent: String,
    /// The child.
    pub child: String,
    /// `few-directories`, `more-than-child` or `missing`.
    pub why: &'static str,
    /// Whether other pairs hold both in one tiny graph.
    pub same_graph: bool,
}

/// Step 5: into how many parts the images fall, single images counted.
#[derive(Clone, Debug, Serialize)]
pub struct JoinedReport {
    /// By the pairs of step 1.
    pub by_directories: usize,
    /// By the pairs that step 3 confirms.
    pub by_files: usize,
    /// By all the evidence of the family graph.
    pub families: usize,
    /// Families that are connected to a base family.
    pub connections: u64,
    /// By these as well.
    pub connected: usize,
}

/// A pair of step 1.
#[derive(Clone, Debug, Serialize)]
pub struct StepPairReport {
    /// The inner image.
    pub inner: String,
    /// The outer image.
    pub outer: String,
    /// Whether both have as many directories.
    pub tie: bool,
    /// Directories.
    pub directories: InsideReport,
    /// Files.
    pub files: InsideReport,
    /// `refused`, `same-files`, `fallen` or `kept`.
    pub fate: &'static str,
    /// Whether the family graph has it as an edge.
    pub is_edge: bool,
}

/// How much of the inner image is in the outer one.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct InsideReport {
    /// In both.
    pub shared: u64,
    /// In the inner image only.
    pub missing: u64,
    /// In the outer image only.
    pub added: u64,
}

impl From<Overlap> for InsideReport {
    fn from(overlap: Overlap) -> Self {
        let Overlap { common, left_only, right_only } = overlap;
        Self { shared: common, missing: left_only, added: right_only }
    }
}

impl StepsReport {
    /// Names what was found; `names` are those of the images by number.
    pub fn new(names: &[String], steps: &Steps) -> Self {
        let name = |image: &u32| names[*image as usize].clone();
        let all = |images: &[u32]| images.iter().map(name).collect::<Vec<String>>();
        let share = |per_mille: u64| per_mille as f64 / 1000.0;
        let graph =
            |it: &TinyGraph| TinyGraphReport { images: all(&it.images), roots: all(&it.roots) };
        let grades = GRADES.iter().zip(steps.coarse.grades);
        let passed = |it: &PassedOver| PassedOverReport {
            parent: name(&it.parent),
            child: name(&it.child),
            why: it.why.name(),
            same_graph: it.same_graph,
        };
        let pair = |it: &StepPair| StepPairReport {
            inner: name(&it.inner),
            outer: name(&it.outer),
            tie: it.tie,
            directories: it.directories.into(),
            files: it.files.into(),
            fate: it.fate.name(),
            is_edge: it.is_edge,
        };
        Self {
            coarse: CoarseReport {
                threshold: share(KEPT_PER_MILLE),
                pairs: steps.coarse.pairs,
                ties: steps.coarse.ties,
                grades: grades
                    .map(|(grade, pairs)| GradeReport { threshold: share(*grade), pairs })
                    .collect(),
                blind: steps.coarse.blind,
            },
            graphs: steps.graphs.iter().map(graph).collect(),
            finer: FinerReport {
                confirmed: steps.finer.confirmed,
                same_files: steps.finer.same_files,
                refused: steps.finer.refused,
                overlooked: steps.finer.overlooked,
            },
            reduction: ReductionReport { kept: steps.kept, fallen: steps.fallen },
            edges: EdgesSeenReport {
                found: steps.edges.found,
                confirmed: steps.edges.confirmed,
                kept: steps.edges.kept,
                passed_over: steps.edges.passed_over.iter().map(passed).collect(),
            },
            joined: JoinedReport {
                by_directories: steps.joined.by_directories,
                by_files: steps.joined.by_files,
                families: steps.joined.families,
                connections: steps.joined.connections,
                connected: steps.joined.connected,
            },
            pairs: steps.pairs.as_ref().map(|pairs| pairs.iter().map(pair).collect()),
        }
    }
}
