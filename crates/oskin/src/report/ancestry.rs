//! What an image stands on, what stands on it, what two have in common, and who is a copy of whom:
//! `oskin.ancestors/1`, `oskin.descendants/1`, `oskin.common/1` and `oskin.duplicates/1`.

use super::gates::GateReport;
use super::lineage::{ConnectionReport, EdgeReport};
use crate::lineage::{Ancestry, Common, Descendant, Growth, Link, Step};
use serde::Serialize;

/// Another image with the same files.
#[derive(Clone, Debug, Serialize)]
pub struct TwinReport {
    /// Its name.
    pub name: String,
    /// `identical`, or `same-paths` if contents differ or are not known to be the same.
    pub kind: &'static str,
}

/// `oskin.ancestors/1`: the way from an image up to its base.
#[derive(Clone, Debug, Serialize)]
pub struct AncestorsReport {
    schema: &'static str,
    /// The image.
    pub name: String,
    /// Whether nothing but paths was looked at.
    pub paths_only: bool,
    /// How many files it has.
    pub files: u64,
    /// Images with the same files.
    pub twins: Vec<TwinReport>,
    /// The steps up, nearest first; none if it stands on no image.
    pub steps: Vec<WayStep>,
    /// How sure the whole way is: the product of the steps, 1 if there are none.
    pub confidence: f64,
    /// How the family at the end of the way hangs together with smaller ones, nearest first.
    pub families: Vec<ConnectionReport>,
    /// What the gates that were asked for say.
    pub gates: Vec<GateReport>,
}

/// A step up.
#[derive(Clone, Debug, Serialize)]
pub struct WayStep {
    /// From where.
    pub image: String,
    /// To where.
    pub on: String,
    /// That it was built from it; null if it has the same files.
    pub edge: Option<EdgeReport>,
    /// `identical` or `same-paths` if it has the same files, else null.
    pub twin: Option<&'static str>,
    /// How sure the way is up to here.
    pub confidence: f64,
    /// Files of that image.
    pub files: u64,
    /// What the step added.
    #[serde(flatten)]
    pub growth: GrowthReport,
}

/// What one image has beside another.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GrowthReport {
    /// Files that it adds.
    pub added: u64,
    /// Files that it lacks.
    pub missing: u64,
    /// Files with other content; null if contents are not known or were not looked at.
    pub changed: Option<u64>,
    /// Bytes of the files that are added or have other content; null if not known.
    pub bytes: Option<u64>,
}

impl From<Growth> for GrowthReport {
    fn from(growth: Growth) -> Self {
        let Growth { added, missing, changed, bytes } = growth;
        Self { added, missing, changed, bytes }
    }
}

/// `oskin.descendants/1`: every image that stands on one.
#[derive(Clone, Debug, Serialize)]
pub struct DescendantsReport {
    schema: &'static str,
    /// The image.
    pub name: String,
    /// Whether nothing but paths was looked at.
    pub paths_only: bool,
    /// Images with the same files; what stands on those stands on it too.
    pub twins: Vec<TwinReport>,
    /// Those that stand on it, each behind the one that it stands on directly.
    pub descendants: Vec<DescendantReport>,
}

/// An image that stands on the one that was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct DescendantReport {
    /// Its name.
    pub name: String,
    /// How many steps below; 1 for what stands on the image or a twin of it.
    pub depth: usize,
    /// On what it stands directly.
    pub on: String,
    /// That it was built from that; null if it has the same files.
    pub edge: Option<EdgeReport>,
    /// `identical` or `same-paths` if it has the same files, else null.
    pub twin: Option<&'static str>,
    /// How sure the whole way is: the product of its steps; 0.5 at most if it begins at a twin of
    /// which only the paths are the same.
    pub confidence: f64,
}

/// `oskin.common/1`: the nearest common ancestor of two images.
#[derive(Clone, Debug, Serialize)]
pub struct CommonReport {
    schema: &'static str,
    /// Whether nothing but paths was looked at.
    pub paths_only: bool,
    /// The nearest common ancestor, which may be one of the two; null if there is none.
    pub ancestor: Option<String>,
    /// How sure both ways to it are; null without one.
    pub confidence: Option<f64>,
    /// The two images, in the order in which they were given.
    pub images: [CommonSide; 2],
    /// The root of the nearest family that both belong to, if there is no common ancestor.
    pub family: Option<String>,
}

/// One of two images.
#[derive(Clone, Debug, Serialize)]
pub struct CommonSide {
    /// Its name.
    pub name: String,
    /// The images from it up to the common ancestor, or to its root if there is none.
    pub way: Vec<String>,
    /// What it has beside the common ancestor; null without one.
    pub growth: Option<GrowthReport>,
    /// How its family hangs together with smaller ones; empty if there is a common ancestor.
    pub families: Vec<ConnectionReport>,
}

/// `oskin.duplicates/1`: images with the same files.
#[derive(Clone, Debug, Serialize)]
pub struct DuplicatesReport {
    schema: &'static str,
    /// Whether nothing but paths was looked at.
    pub paths_only: bool,
    /// How many images there are.
    pub images: u64,
    /// The groups, in the order of their first images.
    pub groups: Vec<DuplicatesGroup>,
    /// What is freed if of all identical images only the first are kept: bytes of layers that no
    /// other image has; null by paths only.
    pub freed_bytes: Option<u64>,
}

/// Images with the same files.
#[derive(Clone, Debug, Serialize)]
pub struct DuplicatesGroup {
    /// `identical` if all are, else `same-paths`.
    pub kind: &'static str,
    /// How many files each has.
    pub files: u64,
    /// The images in lists of those that are identical; by paths only, each alone.
    pub identical: Vec<Vec<DuplicateReport>>,
    /// What is freed if of each list only the first is kept; null by paths only.
    pub freed_bytes: Option<u64>,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub struct DuplicateReport {
    /// Its name.
    pub name: String,
    /// Bytes of content, files with several names counted once.
    pub size_bytes: u64,
}

/// A graph with the names of its images by number.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The names.
    pub names: &'a [String],
    /// The graph.
    pub ancestry: &'a Ancestry<'a>,
    /// Whether nothing but paths was looked at.
    pub paths_only: bool,
}

impl Named<'_> {
    fn name(&self, image: u32) -> String {
        self.names[image as usize].clone()
    }

    fn twins(&self, image: u32) -> Vec<TwinReport> {
        let twins = self.ancestry.twins(image).into_iter();
        twins.map(|it| TwinReport { name: self.name(it.image), kind: it.kind().name() }).collect()
    }

    fn families(&self, image: u32) -> Vec<ConnectionReport> {
        let families = self.ancestry.families(image);
        families.iter().map(|it| ConnectionReport::new(self.names, it)).collect()
    }

    fn link(&self, link: Link<'_>) -> (Option<EdgeReport>, Option<&'static str>) {
        match link {
            Link::Edge(edge) => (Some(EdgeReport::new(self.names, edge)), None),
            Link::Twin(twin) => (None, Some(twin.kind().name())),
        }
    }
}

impl AncestorsReport {
    /// Tells the way of an image; `growths` are what its steps added, with the files of each image
    /// stood on.
    pub fn new(
        graph: Named<'_>,
        (image, files): (u32, u64),
        way: &[Step<'_>],
        growths: &[(u64, Growth)],
        gates: Vec<GateReport>,
    ) -> Self {
        let step = |(step, &(files, growth)): (&Step<'_>, &(u64, Growth))| {
            let (edge, twin) = graph.link(step.link);
            WayStep {
                image: graph.name(step.from),
                on: graph.name(step.to),
                edge,
                twin,
                confidence: step.confidence,
                files,
                growth: growth.into(),
            }
        };
        Self {
            schema: "oskin.ancestors/1",
            name: graph.name(image),
            paths_only: graph.paths_only,
            files,
            twins: graph.twins(image),
            steps: way.iter().zip(growths).map(step).collect(),
            confidence: way.last().map_or(1.0, |step| step.confidence),
            families: graph.families(image),
            gates,
        }
    }
}

impl DescendantsReport {
    /// Tells what stands on an image.
    pub fn new(graph: Named<'_>, image: u32) -> Self {
        let descendant = |it: &Descendant<'_>| {
            let (edge, twin) = graph.link(it.link);
            let (name, on) = (graph.name(it.image), graph.name(it.on));
            DescendantReport { name, depth: it.depth, on, edge, twin, confidence: it.confidence }
        };
        Self {
            schema: "oskin.descendants/1",
            name: graph.name(image),
            paths_only: graph.paths_only,
            twins: graph.twins(image),
            descendants: graph.ancestry.descendants(image).iter().map(descendant).collect(),
        }
    }
}

impl CommonReport {
    /// Tells what two images have in common; `growths` are what each has beside the common ancestor.
    pub fn new(
        graph: Named<'_>,
        images: [u32; 2],
        common: Option<(&Common<'_>, [Growth; 2])>,
    ) -> Self {
        let side = |at: usize| {
            let image = images[at];
            let way = match common {
                Some((common, _)) => common.ways[at].clone(),
                None => graph.ancestry.way(image),
            };
            let above = way.iter().map(|step| graph.name(step.to));
            CommonSide {
                name: graph.name(image),
                way: std::iter::once(graph.name(image)).chain(above).collect(),
                growth: common.map(|(_, growths)| growths[at].into()),
                families: if common.is_some() { Vec::new() } else { graph.families(image) },
            }
        };
        let family = if common.is_some() { None } else { nearest_family(graph, images) };
        Self {
            schema: "oskin.common/1",
            paths_only: graph.paths_only,
            ancestor: common.map(|(common, _)| graph.name(common.image)),
            confidence: common.map(|(common, _)| common.confidence()),
            images: [side(0), side(1)],
            family,
        }
    }
}

/// The first root that the families of both lead to.
fn nearest_family(graph: Named<'_>, images: [u32; 2]) -> Option<String> {
    let [left, right] = images.map(|image| {
        let bases = graph.ancestry.families(image).into_iter().map(|it| it.base);
        std::iter::once(graph.ancestry.root(image)).chain(bases).collect::<Vec<u32>>()
    });
    left.into_iter().find(|root| right.contains(root)).map(|root| graph.name(root))
}

impl DuplicatesReport {
    /// Tells of groups among so many images.
    pub fn new(
        paths_only: bool,
        images: u64,
        groups: Vec<DuplicatesGroup>,
        freed_bytes: Option<u64>,
    ) -> Self {
        Self { schema: "oskin.duplicates/1", paths_only, images, groups, freed_bytes }
    }
}
