//! Where sources meet the catalog: only what is not known is read, then added in one transaction.

mod facts;
mod fleet;
mod foreign;
mod in_flight;
mod installed;
mod kept;
mod owned;
mod schedule;

pub use fleet::{MAX_JOBS, Place, Rules, Told, Wanted, add_all};
pub use foreign::ForeignPaths;
pub use installed::installed;
pub use owned::owned;

use crate::catalog::{Added, Catalog, CatalogError, Draft, DraftLayer};
use crate::image::{Fact, ImageRecord, LayerKey, Packages};
use crate::inventory::{FlattenProblem, Inventory, Layer, flatten};
use crate::lineage::Chain;
use crate::path::shorten;
use crate::source::{
    ImageSource, LayerRead, LayerSource, Lost, ReadOptions, SourceError, Transport, Warning,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How many warnings are kept of one image; the rest is only counted.
const MAX_WARNINGS: usize = 10_000;

/// How many layers of one image are read at the same time.
const LAYERS_AT_ONCE: usize = 4;

/// Why an image could not be added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// It could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It could not be kept.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// One name was given for several images.
    #[error("{name:?} names one image, but {images} are there")]
    OneName {
        /// The name.
        name: String,
        /// How many were found.
        images: usize,
    },
}

/// What adding an image came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether it is new.
    pub added: Added,
    /// How many layers were read, the others being known.
    pub layers_read: usize,
    /// How many layers it has.
    pub layers: usize,
    /// The bytes of the layers that were read, as they are stored; what has no stored form of its
    /// own, as directories and the layers of a compressed archive, counts as 0.
    pub stored_bytes: u64,
}

/// An image in memory.
#[derive(Clone, Debug)]
pub struct ReadImage {
    /// What is told of it, with counts.
    pub record: ImageRecord,
    /// Its layers, base first.
    pub layers: Vec<DraftLayer>,
    /// The layers, flattened.
    pub inventory: Inventory,
    /// Its packages, if they are told.
    pub packages: Option<Packages>,
    /// How many layers were read, the others being known.
    pub layers_read: usize,
    /// The bytes of those, as they are stored, where that is known.
    pub stored_bytes: u64,
}

impl ReadImage {
    /// Its layers, as lineage compares them.
    pub fn chain(&self) -> Chain {
        let all = self.layers.iter().map(|layer| layer.key).collect();
        Chain { all, full: self.layer_keys() }
    }

    /// The keys of the layers that hold an entry, base first: what two images may share.
    pub fn layer_keys(&self) -> Vec<LayerKey> {
        let full = self.layers.iter().filter(|layer| !layer.layer.is_empty());
        full.map(|layer| layer.key).collect()
    }
}

/// Adds an image under its own name or a given one.
///
/// Layers that the catalog has are not read, unless an older oskin added them that did not look for
/// software; of the others those that are independent are read at the same time.
///
/// # Errors
///
/// If the source or the catalog fails; the catalog is then as it was.
pub fn add(
    catalog: &mut Catalog,
    source: &ImageSource,
    name: Option<&str>,
    options: &ReadOptions<'_>,
) -> Result<Outcome, IngestError> {
    let image = read(source, Some(catalog), options)?;
    keep(catalog, image, name, false)
}

/// Adds an image that was read; with `replace` instead of another of its name.
fn keep(
    catalog: &mut Catalog,
    mut image: ReadImage,
    name: Option<&str>,
    replace: bool,
) -> Result<Outcome, IngestError> {
    if let Some(name) = name {
        name.clone_into(&mut image.record.name);
    }
    let ReadImage { record, layers, inventory, packages, layers_read, stored_bytes } = image;
    let packages = packages.as_ref();
    let draft = Draft { record, layers: &layers, inventory: &inventory, packages };
    let added = if replace { catalog.replace(&draft)? } else { catalog.add(&draft)? };
    Ok(Outcome { added, layers_read, layers: layers.len(), stored_bytes })
}

/// Reads an image into memory; layers that the catalog has come from there, unless it does not know what they say of
/// software and reading tells.
///
/// # Errors
///
/// If the source or the catalog fails.
pub fn read(
    source: &ImageSource,
    catalog: Option<&Catalog>,
    options: &ReadOptions<'_>,
) -> Result<ReadImage, IngestError> {
    let mut parts: BTreeMap<usize, Part> = BTreeMap::new();
    let mut unread = Vec::new();
    for at in distinct(source) {
        let layer = &source.layers[at];
        match catalog.map_or(Ok(None), |catalog| kept::layer(catalog, layer, options))? {
            Some(part) => drop(parts.insert(at, part)),
            None => unread.push(at),
        }
    }
    let layers: Vec<&LayerSource> = unread.iter().map(|at| &source.layers[*at]).collect();
    for (at, read) in unread.iter().zip(read_all(&layers, options)?) {
        parts.insert(*at, kept::part_of(read, catalog)?);
    }
    Ok(assemble(source, &parts))
}

/// One layer of an image, ready to be stacked.
#[derive(Clone, Debug)]
struct Part {
    draft: DraftLayer,
    // What is odd about it, if this image read it.
    warnings: Option<Vec<Warning>>,
    // What of it could not be read, by whichever image.
    lost: Option<Lost>,
}

/// The layer that stands for each: the first that reads the same. A hostile manifest names one large
/// layer thousands of times.
fn representatives(source: &ImageSource) -> Vec<usize> {
    let mut distinct: Vec<usize> = Vec::new();
    let stands_for = |(at, layer): (usize, &LayerSource)| {
        let same = distinct.iter().find(|it| source.layers[**it].reads_the_same(layer)).copied();
        same.unwrap_or_else(|| {
            distinct.push(at);
            at
        })
    };
    source.layers.iter().enumerate().map(stands_for).collect()
}

/// The layers that stand for themselves, base first.
fn distinct(source: &ImageSource) -> Vec<usize> {
    let of = representatives(source);
    of.iter().enumerate().filter(|(at, it)| at == *it).map(|(at, _)| at).collect()
}

/// Stacks the layers of an image, given by the places of those that stand for themselves.
fn assemble(source: &ImageSource, parts: &BTreeMap<usize, Part>) -> ReadImage {
    let mut warnings: Vec<(String, String)> = Vec::new();
    let (mut layers_read, mut stored_bytes) = (0, 0);
    let mut tell = |list: &[Warning]| {
        warnings.extend(list.iter().map(|warning| (warning.place.clone(), warning.what.clone())));
    };
    tell(&source.warnings);
    for (at, part) in parts {
        if let Some(warnings) = &part.warnings {
            tell(warnings);
            layers_read += 1;
            stored_bytes += source.layers[*at].stored_size_bytes();
        }
    }
    let stack = representatives(source).into_iter().filter_map(|at| parts.get(&at));
    let layers: Vec<DraftLayer> = stack.map(|part| part.draft.clone()).collect();
    let stack: Vec<Arc<Layer>> = layers.iter().map(|layer| layer.layer.clone()).collect();
    let (inventory, problems) = flatten(&stack);
    warnings.extend(problems.iter().map(problem_warning));
    // First, so that it is never what is cut.
    let mut lost = None;
    for part in parts.values().filter_map(|part| part.lost.as_ref()) {
        lost.get_or_insert_with(|| Lost { parts: 0, ..part.clone() }).add(part);
    }
    let lost = lost.as_ref().map(facts::incomplete);
    let told = lost.into_iter().chain(facts::platform(source));
    let told: Vec<Fact> = told.chain(source.facts.iter().cloned()).collect();
    let facts = facts::bounded(&told, &mut warnings);
    let packages = match &source.packages {
        Some(packages) if packages.only => Some(packages.clone()),
        // A list of paths tells of no package, even if it is empty, as no layer that was searched is.
        told if source.transport == Transport::Paths => told.clone(),
        told => installed::packages(&inventory).or_else(|| told.clone()),
    };
    let record = record_of(source, (&inventory, packages.as_ref()), bounded(warnings));
    let record = ImageRecord { facts, ..record };
    ReadImage { record, layers, inventory, packages, layers_read, stored_bytes }
}

/// Layers of the same image do not depend on each other until they are flattened. They are read by
/// threads that may wait for a network, so by more than there are processors.
fn read_all(
    layers: &[&LayerSource],
    options: &ReadOptions<'_>,
) -> Result<Vec<LayerRead>, SourceError> {
    // No thread is started for one layer.
    if let [layer] = layers {
        return Ok(vec![layer.read(options)?]);
    }
    // Of several damaged layers the lowest is told of, not the one that a thread met first.
    let lowest_damaged = AtomicUsize::new(usize::MAX);
    let next = AtomicUsize::new(0);
    let reads: Mutex<BTreeMap<usize, Result<LayerRead, SourceError>>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..layers.len().min(LAYERS_AT_ONCE) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= layers.len() || at > lowest_damaged.load(Ordering::Relaxed) {
                        break;
                    }
                    let read = layers[at].read(options);
                    if read.is_err() {
                        lowest_damaged.fetch_min(at, Ordering::Relaxed);
                    }
                    reads.lock().unwrap_or_else(PoisonError::into_inner).insert(at, read);
                }
            });
        }
    });
    reads.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

fn problem_warning(problem: &FlattenProblem) -> (String, String) {
    (shorten(&problem.path), problem.what.to_owned())
}

fn bounded(mut warnings: Vec<(String, String)>) -> Vec<(String, String)> {
    if warnings.len() > MAX_WARNINGS {
        let more = warnings.len() - MAX_WARNINGS;
        warnings.truncate(MAX_WARNINGS);
        warnings.push(("image".into(), format!("{more} more warnings")));
    }
    warnings
}

fn record_of(
    source: &ImageSource,
    (inventory, packages): (&Inventory, Option<&Packages>),
    warnings: Vec<(String, String)>,
) -> ImageRecord {
    let totals = inventory.totals();
    ImageRecord {
        id: 0,
        name: source.name.clone(),
        reference: source.reference.clone(),
        transport: source.transport.name().to_owned(),
        location: source.location.clone(),
        config: source.config.clone(),
        config_digest: source.config_digest.map(|digest| digest.to_string()),
        manifest_digest: source.manifest_digest.map(|digest| digest.to_string()),
        files: totals.files,
        directories: totals.directories,
        size_bytes: totals.size_bytes,
        os: inventory.os_identity().or_else(|| packages?.system.clone()),
        facts: Vec::new(),
        packages: packages.map(|packages| packages.list().len() as u64),
        packages_only: packages.is_some_and(|packages| packages.only),
        warnings,
    }
}
