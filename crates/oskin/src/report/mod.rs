//! Answers for people and programs: the only module with serializable types, and the pictures.
//!
//! Every document carries its schema as `oskin.<what>/<n>`; docs/report-schema.md describes the
//! fields and what may change within a version.

mod ancestry;
mod answers;
mod bases;
mod classify;
mod compare;
mod dockerfiles;
mod evaluate;
mod gates;
pub mod heatmap;
mod lineage;
mod pairs;
mod sketch;
mod stale;

pub use ancestry::{
    AncestorsReport, CommonReport, CommonSide, DescendantReport, DescendantsReport,
    DuplicateReport, DuplicatesGroup, DuplicatesReport, GrowthReport, Named, StepReport,
    TwinReport,
};
pub use answers::{
    AddReport, AddedImage, CheckReport, FailedSource, ImageSummary, LayerReport, ListReport,
    OsReport, RemoveReport, ShowReport, ViolationReport, WarningReport,
};
pub use bases::{
    BasesReport, CatalogNames, DeclaredBase, DeclaredBases, FoundBaseReport, UnmetBase,
};
pub use classify::{ClassifyReport, NearestImage};
pub use compare::{
    CompareReport, ContentReport, EvidenceReport, RelationReport, SelectionReport, Selections, Side,
};
pub use dockerfiles::{
    BaseReport, CoverReport, DockerfileCounts, DockerfileReport, DockerfilesReport, ProblemReport,
    Question, Ranking, ReadDockerfile, RefusedReport, StageReport, TallyReport, TreeReport,
    UsedReport,
};
pub use evaluate::{Baselines, EvaluateReport, ShareReport, WrongReport};
pub use gates::GateReport;
pub use lineage::{
    ConnectionReport, EdgeReport, KinReport, LineageReport, ProofReport, RelativeReport,
};
pub use pairs::{MatrixReport, PairsDocument, PairsForm, PairsKind};
pub use sketch::{
    IntervalReport, NearestSketch, SketchFileReport, SketchNearestReport, SketchedImage,
};
pub use stale::{BuildReport, OtherBuild, StaleBase, StaleImage, StaleReport};
