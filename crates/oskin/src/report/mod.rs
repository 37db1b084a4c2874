//! Answers for people and programs: the only module with serializable types, and the pictures.
//!
//! Every document carries its schema as `oskin.<what>/<n>`; docs/report-schema.md describes the
//! fields and what may change within a version.

mod ancestry;
mod answers;
mod bases;
mod classify;
mod compare;
mod compare_packages;
mod diff;
mod diff_settings;
mod dockerfiles;
mod environment;
mod evaluate;
mod evaluate_packages;
mod evaluate_tags;
mod find;
mod gates;
pub mod heatmap;
mod installed;
mod layers;
mod lineage;
pub mod lineage_page;
mod measures;
mod page;
mod pairs;
mod paths;
mod sbom;
mod sketch;
mod stale;
mod steps;
mod subtrees;
mod tags;
mod words;

pub use ancestry::{
    AncestorsReport, CommonReport, CommonSide, DescendantReport, DescendantsReport,
    DuplicateReport, DuplicatesGroup, DuplicatesReport, GrowthReport, Named, TwinReport, WayStep,
};
pub use answers::{
    ADDED, AddReport, AddSummary, AddedImage, CheckReport, FactReport, FailedSource, ImageSummary,
    LayerReport, ListReport, OsReport, REPLACED, RemoveReport, ShowReport, UNCHANGED,
    ViolationReport, WarningReport,
};
pub use bases::{
    BasesReport, CatalogNames, DeclaredBase, DeclaredBases, FoundBaseReport, UnmetBase,
};
pub use classify::{
    AddedReport, BetterReport, ClassifyReport, FamilyReport, FolderReport, NearMissReport,
    NearestImage, PlacementReport, StepReport, WalkDownReport,
};
pub use compare::{
    CompareReport, ContentReport, EvidenceReport, RelationReport, SelectionReport, Selections, Side,
};
pub use compare_packages::{PackageChange, PackageChanges, PackageFilter, PackagesReport};
pub use diff::{
    ChangeReport, ClassReport, DiffReport, DiffSide, EntryReport, RuleReport, VolatileReport,
};
pub use diff_settings::{SettingRow, SettingsReport, UnknownSettingsReport};
pub use dockerfiles::{
    BaseReport, CoverReport, DockerfileCounts, DockerfileReport, DockerfilesReport, ProblemReport,
    Question, Ranking, ReadDockerfile, RefusedReport, StageReport, TallyReport, TreeReport,
    UsedReport,
};
pub use environment::{EnvironmentReport, EnvironmentTest, FamilySize, PackagesKnown};
pub use evaluate::{
    Baselines, EvaluateReport, LeftOutReport, RobustnessReport, ShareReport, WrongFamilyReport,
    WrongReport,
};
pub use evaluate_packages::{EvaluatePackagesReport, ListedReport, PackageDifference};
pub use evaluate_tags::{BaseCounts, EvaluateTagsReport, FirstTagsReport, JudgedTagsReport};
pub use find::{FindReport, FoundLayer, FoundReport, NameReport};
pub use gates::GateReport;
pub use installed::{InstalledReport, PackageReport};
pub use layers::{
    CountReport, DivePathReport, DiveReport, LayerWorkReport, LayersReport, SameContentReport,
    WastedPathReport, WastedReport,
};
pub use lineage::{
    ClaimReport, ConnectionReport, EdgeReport, KinReport, LineageReport, ProofReport,
    RelativeReport,
};
pub use measures::{AskedQuestions, MeasuresReport, MethodReport, MethodShares};
pub use pairs::{MatrixReport, PairsDocument, PairsForm, PairsKind};
pub use paths::{CounterpartReport, KindCount, PathsAsked, PathsReport, WholeTreeReport};
pub use sbom::BillOfMaterials;
pub use sketch::{
    IntervalReport, NearestSketch, SketchFileReport, SketchNearestReport, SketchedImage,
};
pub use stale::{BuildReport, OtherBuild, StaleBase, StaleImage, StaleReport};
pub use steps::{
    CoarseReport, EdgesSeenReport, FinerReport, GradeReport, InsideReport, JoinedReport,
    PassedOverReport, ReductionReport, StepPairReport, StepsReport, TinyGraphReport,
};
pub use subtrees::{SubtreePlace, SubtreeReport, SubtreesReport, SubtreesSide};
pub use tags::{TagEvidence, TagReport, TaggedImage, TagsReport};
pub use words::{WordReport, WordsReport};

/// A count with commas between thousands.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
