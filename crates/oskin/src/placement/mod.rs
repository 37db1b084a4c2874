//! Where an image belongs among those of a catalog: its parent, the way from there up to its base,
//! what each step adds, and which other images it could have been built upon with more profit.
//!
//! The rules are those of [`crate::lineage`], asked for one image: the index of the catalog ranks its
//! candidates among all images, and only what the rules want to see of them is read. So placing an
//! image costs milliseconds in a catalog for whose whole family graph it takes seconds, and gives
//! the same edge.

mod better;
mod folders;
mod in_graph;
mod lineup;
mod whole;

pub use better::Better;
pub use folders::{Folder, folders};
pub use in_graph::{Graph, place_in};
pub use whole::{KEPT_FROM, Whole, rank_whole};

use whole::kept_ranking;

use crate::catalog::{Catalog, CatalogError, ImageRanking};
use crate::inventory::Inventory;
use crate::lineage::{Chain, Edge, EdgeKind, KinKind, Look, Proof, Survey};
use crate::path_set::{Overlap, PathSet, Selection};
use crate::relation::MIN_FILES;
use lineup::Lineup;
use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// How many images are asked for their base, for one that does not stand on the subject itself.
const FAMILIES: usize = 8;

/// An image whose place is asked for, in the catalog or not.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Its id, if it is in the catalog.
    pub id: Option<i64>,
    /// Its files, with ids of the catalog where that has them.
    pub files: &'a PathSet,
    /// Its layers; `None` to judge by nothing but paths.
    pub chain: Option<&'a Chain>,
    /// The image of the catalog that it declares as its base.
    pub declared: Option<i64>,
    /// Whether any contents of it are known.
    pub has_contents: bool,
    /// Whether only the step up from it is wanted, not what else is near.
    pub is_step: bool,
    /// Reads its entries; called at most once for a placement, and only if the rules want to see them.
    pub entries: &'a dyn Fn() -> Result<Inventory, CatalogError>,
}

impl std::fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Subject");
        shown.field("id", &self.id).field("files", &self.files.len()).finish_non_exhaustive()
    }
}

/// A step up: from an image to the one that it stands on.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The id of the image that it stands on.
    pub parent: i64,
    /// What the edge says.
    pub kind: EdgeKind,
    /// How sure it is, in `0..=1`.
    pub confidence: f64,
    /// What speaks for it, strongest first.
    pub proofs: Vec<Proof>,
    /// The image that a proof says is declared as the base; the number in the proof means nothing.
    pub declared: Option<i64>,
    /// Images that are as good a parent, or nearly.
    pub alternatives: Vec<i64>,
    /// What the parent (left) shares with the image (right), in files.
    pub overlap: Overlap,
    /// The files that the image adds to it.
    pub added: PathSet,
}

impl Step {
    /// The step that an edge is, from an image with the files `own` to a parent with `files`; `id` tells
    /// the ids of images.
    fn new(
        edge: &Edge,
        (parent, files): (i64, &PathSet),
        own: &PathSet,
        id: impl Fn(u32) -> Option<i64>,
    ) -> Self {
        Self {
            parent,
            kind: edge.kind,
            confidence: edge.confidence,
            proofs: edge.proofs.clone(),
            declared: edge.declared().and_then(&id),
            alternatives: edge.alternatives.iter().copied().filter_map(&id).collect(),
            overlap: files.overlap(own),
            added: own.difference(files),
        }
    }
}

/// The base whose family an image without a parent is nearest to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearestFamily {
    /// The id of the base.
    pub base: i64,
    /// What the base (left) shares with the image (right), in files.
    pub overlap: Overlap,
}

/// Where an image belongs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placement {
    /// The images with the very same files, without itself, in the order of the catalog.
    pub twins: Vec<i64>,
    /// What it is to the first of them.
    pub twin_kind: Option<KinKind>,
    /// Images of which it is a rebuild or a sibling.
    pub kin: Vec<(i64, KinKind)>,
    /// The way up, from the image to its parent and on to its base. Empty if it has no parent.
    pub steps: Vec<Step>,
    /// The nearest family, if it has no parent.
    pub family: Option<NearestFamily>,
    /// Images that stand on it, as far as that is known.
    pub below: BTreeSet<i64>,
    /// What the paths alone tell.
    pub ranking: ImageRanking,
}

impl Placement {
    /// The base that it stands on: the end of the way up.
    pub fn base(&self) -> Option<i64> {
        self.steps.last().map(|step| step.parent)
    }
}

/// What is known of one image before the way is followed.
struct Judged {
    step: Option<Step>,
    twins: Vec<i64>,
    twin_kind: Option<KinKind>,
    kin: Vec<(i64, KinKind)>,
    ranking: ImageRanking,
}

/// Places an image in the catalog as it is now.
///
/// # Errors
///
/// If the store fails or is damaged.
pub fn place(catalog: &Catalog, subject: Subject<'_>) -> Result<Placement, CatalogError> {
    catalog.at_one_moment(|catalog| {
        let judged = judge(catalog, subject)?;
        let mut placement = Placement {
            twins: judged.twins,
            twin_kind: judged.twin_kind,
            kin: judged.kin,
            ranking: judged.ranking,
            ..Placement::default()
        };
        match judged.step {
            Some(step) => placement.steps = way_up(catalog, step, subject)?,
            None => placement.family = family(catalog, subject, &placement.ranking)?,
        }
        Ok(placement)
    })
}

/// The steps from the first one on.
fn way_up(catalog: &Catalog, first: Step, subject: Subject<'_>) -> Result<Vec<Step>, CatalogError> {
    let mut seen: BTreeSet<i64> = subject.id.into_iter().collect();
    let mut steps = vec![first];
    while let Some(last) = steps.last()
        && seen.insert(last.parent)
    {
        match step_of(catalog, last.parent, subject.chain.is_some())? {
            // What paths alone tell may lead in a circle where layers tell otherwise.
            Some(step) if !seen.contains(&step.parent) => steps.push(step),
            _ => break,
        }
    }
    Ok(steps)
}

/// The step up from an image of the catalog.
fn step_of(catalog: &Catalog, image: i64, by_layers: bool) -> Result<Option<Step>, CatalogError> {
    let files = catalog.path_set(image, Selection::Files)?;
    let chain = by_layers.then(|| catalog.chain(image)).transpose()?;
    let entries = || catalog.inventory(image);
    let subject = Subject {
        id: Some(image),
        files: &files,
        chain: chain.as_ref(),
        declared: None,
        has_contents: catalog.has_contents(image)?,
        is_step: true,
        entries: &entries,
    };
    Ok(judge(catalog, subject)?.step)
}

/// Judges one image by its candidates.
fn judge(catalog: &Catalog, subject: Subject<'_>) -> Result<Judged, CatalogError> {
    let mut ranking = ranked(catalog, subject)?;
    let twins = twins_of(subject, &ranking);
    drop_those_on(catalog, subject, &twins, &mut ranking)?;
    let lineup = Lineup::new(catalog, subject, &ranking)?;
    let files: Vec<&PathSet> = lineup.files.iter().collect();
    let last = lineup.last();
    let mut declared = vec![None; lineup.ids.len()];
    declared.push(subject.declared.and_then(|base| lineup.place(base)));
    let survey = Survey::with(&files, lineup.candidates.clone(), lineup.chains.as_deref())
        .declaring(declared);
    let own = OnceCell::new();
    let mut looks = BTreeMap::new();
    for (image, _) in survey.questions().into_iter().filter(|(_, child)| *child == last) {
        let look = look(catalog, subject, &own, lineup.ids[image as usize])?;
        looks.insert((image, last), look);
    }
    let twin_kind = twin_kind(catalog, subject, &own, &twins)?;
    let (edge, kin) = survey.edge_of(last, &looks);
    // Kin are told of the first of images with the same files.
    let is_first = ranking.twin.is_none_or(|twin| Some(twin) == subject.id);
    let kin = kin.iter().filter(|_| is_first).filter_map(|kin| lineup.relative(kin)).collect();
    let step = edge.map(|edge| lineup.step(catalog, &edge)).transpose()?;
    Ok(Judged { step, twins, twin_kind, kin, ranking })
}

/// How many twins are asked for their layers.
const TWINS: usize = 4;

/// Drops candidates that stand on the layers of a twin: what these tell holds for the subject too.
fn drop_those_on(
    catalog: &Catalog,
    subject: Subject<'_>,
    twins: &[i64],
    ranking: &mut ImageRanking,
) -> Result<(), CatalogError> {
    if subject.chain.is_none() || twins.is_empty() {
        return Ok(());
    }
    let mut chains = Vec::new();
    for twin in twins.iter().take(TWINS) {
        chains.push(catalog.chain(*twin)?.full);
    }
    let mut kept = Vec::with_capacity(ranking.candidates.len());
    for (id, candidate) in std::mem::take(&mut ranking.candidates) {
        let own = catalog.chain(id)?.full;
        let stands_on = |chain: &Vec<crate::image::LayerKey>| {
            !chain.is_empty() && own.len() > chain.len() && own.starts_with(chain)
        };
        if !chains.iter().any(stands_on) {
            kept.push((id, candidate));
        }
    }
    ranking.candidates = kept;
    Ok(())
}

/// The images with the same files.
fn twins_of(subject: Subject<'_>, ranking: &ImageRanking) -> Vec<i64> {
    let same = |(id, overlap): &(i64, Overlap)| {
        (overlap.is_same() && Some(*id) != subject.id).then_some(*id)
    };
    ranking.overlaps.iter().filter_map(same).collect()
}

/// What an image is to the first of its twins.
fn twin_kind(
    catalog: &Catalog,
    subject: Subject<'_>,
    own: &OnceCell<Inventory>,
    twins: &[i64],
) -> Result<Option<KinKind>, CatalogError> {
    let Some(twin) = twins.first() else { return Ok(None) };
    if subject.chain.is_none() {
        return Ok(Some(KinKind::SamePaths));
    }
    let content = look(catalog, subject, own, *twin)?.comparison.content;
    let is_same = content.changed + content.unknown == 0;
    Ok(Some(if is_same { KinKind::Identical } else { KinKind::SamePaths }))
}

/// Ranks the candidates of an image; of one that is there as the whole graph has it.
fn ranked(catalog: &Catalog, subject: Subject<'_>) -> Result<ImageRanking, CatalogError> {
    let kept = subject.id.map(|id| kept_ranking(catalog, id)).transpose()?.flatten();
    match kept {
        Some(kept) if subject.is_step => Ok(ImageRanking {
            twin: (Some(kept.first) != subject.id).then_some(kept.first),
            candidates: kept.candidates,
            overlaps: Vec::new(),
        }),
        Some(kept) => {
            let ranking = catalog.rank(subject.files)?;
            Ok(ImageRanking { candidates: kept.candidates, ..ranking })
        }
        None => catalog.rank(subject.files),
    }
}

/// Looks at the entries of an image of the catalog and of the subject, which are kept for the next.
fn look(
    catalog: &Catalog,
    subject: Subject<'_>,
    own: &OnceCell<Inventory>,
    image: i64,
) -> Result<Look, CatalogError> {
    if let Some(id) = subject.id
        && let Some(look) = catalog.kept_look(image, id)?
    {
        return Ok(look);
    }
    let own = if let Some(own) = own.get() {
        own
    } else {
        let entries = (subject.entries)()?;
        own.get_or_init(|| entries)
    };
    Ok(Look::at(&catalog.inventory(image)?, own))
}

/// The base of the image of which the subject shares most more than it lacks, and two thirds at the
/// least: see [`crate::lineage::Connection`] for how well that finds a family.
fn family(
    catalog: &Catalog,
    subject: Subject<'_>,
    ranking: &ImageRanking,
) -> Result<Option<NearestFamily>, CatalogError> {
    let size = |overlap: &Overlap| overlap.common + overlap.left_only;
    let own = subject.files.len();
    let smaller = ranking.overlaps.iter().filter(|(id, overlap)| {
        Some(*id) != subject.id && (MIN_FILES..own).contains(&size(overlap))
    });
    let mut near: Vec<(i64, Reverse<i64>)> = smaller
        .filter(|(_, it)| it.common > 0 && it.common >= 2 * it.left_only)
        .map(|(id, it)| (it.common.cast_signed() - it.left_only.cast_signed(), Reverse(*id)))
        .collect();
    near.sort_unstable_by_key(|place| Reverse(*place));
    for (_, Reverse(image)) in near.into_iter().take(FAMILIES) {
        if let Some(base) = root_of(catalog, image, subject)? {
            let overlaps = &mut ranking.overlaps.iter();
            let overlap = overlaps.find(|(id, _)| *id == base).map(|(_, overlap)| *overlap);
            return Ok(overlap.map(|overlap| NearestFamily { base, overlap }));
        }
    }
    Ok(None)
}

/// The end of the way up from an image; `None` if that leads to the subject.
fn root_of(
    catalog: &Catalog,
    image: i64,
    subject: Subject<'_>,
) -> Result<Option<i64>, CatalogError> {
    let mut base = image;
    let mut seen: BTreeSet<i64> = BTreeSet::new();
    while seen.insert(base) {
        if Some(base) == subject.id {
            return Ok(None);
        }
        match step_of(catalog, base, subject.chain.is_some())? {
            Some(step) if !seen.contains(&step.parent) => base = step.parent,
            _ => break,
        }
    }
    Ok(Some(base))
}
