//! Who descends from whom: parents by paths, by layers and by content, and the graph they make.
//!
//! Pure: no I/O, nothing fails, and no parent is ever told by the name of an image. [`Candidates`] is the
//! rule by paths alone, [`bases`] that by layers, [`Survey`] both for many images; the entries of
//! the few pairs that need it are looked at by who can read them ([`Survey::questions`]), and
//! [`Survey::lineage`] makes the graph. [`Tally`] counts how often
//! that was right, and [`Trials`] how far it withstands a [`Perturbation`]. [`Ancestry`] walks over
//! the graph, [`Builds`] tells other builds of a base and [`FoundBases`] which images the others stand
//! on; [`Gates`] are rules that an image must keep, and there names count, since people write those.

mod ancestry;
mod arrange;
mod bases;
mod builds;
mod chain;
mod declared;
mod duplicates;
mod edge;
mod gates;
mod graph;
mod judge;
mod left_over;
mod look;
mod parent;
mod perturb;
mod ranking;
mod steps;
mod tally;
mod trial;
mod weights;

pub use ancestry::{
    Ancestry, Common, Descendant, Ground, Growth, Link, SAME_PATHS_CONFIDENCE, Step, Twin,
};
pub use bases::{FoundBase, FoundBases};
pub use builds::{Alike, Build, Builds, Facts, Moment, Outdated};
pub use chain::{Base, Chain, bases};
pub use duplicates::{freed_bytes, same_files};
pub use edge::{Claim, Connection, Edge, EdgeKind, Kin, KinKind, Lineage, Proof, Standing};
pub use gates::{GateKind, Gates, Stand, Verdict, matches};
pub use graph::Survey;
pub(crate) use graph::TWINS;
pub(crate) use left_over::LEAST_KEPT;
pub use look::Look;
pub(crate) use parent::KEPT;
pub use parent::{Candidate, Candidates, LAMBDA};
pub use perturb::{Draw, Perturbation};
pub use ranking::{Ranked, Ranking, RankingParts};
pub use steps::{
    Coarse, EdgesSeen, Fate, Finer, GRADES, Joined, KEPT_PER_MILLE, PassedOver, StepPair, Steps,
    TinyGraph, Why,
};
pub use tally::Tally;
pub use trial::{Decision, Trials};
