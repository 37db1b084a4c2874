//! Where sources meet the catalog: only what is not known is read, then added in one transaction.

use crate::catalog::{Added, Catalog, CatalogError, Draft, DraftLayer};
use crate::image::{ImageRecord, LayerKey};
use crate::inventory::encode::PathList;
use crate::inventory::{Entry, FlattenProblem, Inventory, Layer, flatten};
use crate::lineage::Chain;
use crate::path::shorten;
use crate::path_set::PathSet;
use crate::source::{ImageSource, LayerRead, LayerSource, ReadOptions, SourceError};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many warnings are kept of one image; the rest is only counted.
const MAX_WARNINGS: usize = 10_000;

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
    /// How many layers were read, the others being known.
    pub layers_read: usize,
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
/// Layers that the catalog has are not read; of the others those that are independent are read at
/// the same time.
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
    let mut image = read(source, Some(catalog), options)?;
    if let Some(name) = name {
        name.clone_into(&mut image.record.name);
    }
    let ReadImage { record, layers, inventory, layers_read } = image;
    let added = catalog.add(&Draft { record, layers: &layers, inventory: &inventory })?;
    Ok(Outcome { added, layers_read, layers: layers.len() })
}

/// Reads an image into memory; layers that the catalog has come from there.
///
/// # Errors
///
/// If the source or the catalog fails.
pub fn read(
    source: &ImageSource,
    catalog: Option<&Catalog>,
    options: &ReadOptions<'_>,
) -> Result<ReadImage, IngestError> {
    let mut known: BTreeMap<LayerKey, DraftLayer> = BTreeMap::new();
    let mut unread: Vec<&LayerSource> = Vec::new();
    for layer in &source.layers {
        // A hostile manifest names one large layer thousands of times.
        if unread.iter().any(|other| other.reads_the_same(layer)) {
            continue;
        }
        if let (Some(id), Some(catalog)) = (layer.diff_id(), catalog) {
            let key = LayerKey::DiffId(id);
            if known.contains_key(&key) {
                continue;
            }
            if let Some(stored) = catalog.layer(&key)? {
                let (layer, size_bytes) = (stored.layer, stored.size_bytes);
                let path_ids = Some(stored.path_ids);
                known.insert(key, DraftLayer { key, layer, size_bytes, path_ids });
                continue;
            }
        }
        unread.push(layer);
    }
    let reads = read_all(&unread, options)?;
    let layers_read = reads.len();
    let mut warnings: Vec<(String, String)> = source
        .warnings
        .iter()
        .map(|warning| (warning.place.clone(), warning.what.clone()))
        .collect();
    let mut unnamed = Vec::new();
    for (layer_source, read) in unread.into_iter().zip(reads) {
        warnings.extend(read.warnings.into_iter().map(|warning| (warning.place, warning.what)));
        let LayerRead { key, layer, size_bytes, .. } = read;
        let draft = DraftLayer { key, layer, size_bytes, path_ids: None };
        // A layer whose changeset was lost is read as something else.
        if layer_source.diff_id().map(LayerKey::DiffId) != Some(key) {
            unnamed.push((layer_source, draft.clone()));
        }
        known.insert(key, draft);
    }
    let layers = in_order(source, &known, &unnamed);
    let stack: Vec<Arc<Layer>> = layers.iter().map(|layer| layer.layer.clone()).collect();
    let (inventory, problems) = flatten(&stack);
    warnings.extend(problems.iter().map(problem_warning));
    let record = record_of(source, &inventory, bounded(warnings));
    Ok(ReadImage { record, layers, inventory, layers_read })
}

/// Layers of the same image do not depend on each other until they are flattened.
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
    let reads: Vec<Option<Result<LayerRead, SourceError>>> = layers
        .par_iter()
        .enumerate()
        .map(|(at, layer)| {
            if at > lowest_damaged.load(Ordering::Relaxed) {
                return None;
            }
            let read = layer.read(options);
            if read.is_err() {
                lowest_damaged.fetch_min(at, Ordering::Relaxed);
            }
            Some(read)
        })
        .collect();
    reads.into_iter().flatten().collect()
}

/// The layers as the image stacks them: those that have their stated diff id from `known`, the
/// others from what was read of them.
fn in_order(
    source: &ImageSource,
    known: &BTreeMap<LayerKey, DraftLayer>,
    unnamed: &[(&LayerSource, DraftLayer)],
) -> Vec<DraftLayer> {
    let stack = source.layers.iter().filter_map(|layer| {
        let known = layer.diff_id().and_then(|id| known.get(&LayerKey::DiffId(id)));
        let unnamed = || unnamed.iter().find(|(other, _)| other.reads_the_same(layer));
        known.or_else(|| unnamed().map(|(_, it)| it))
    });
    stack.cloned().collect()
}

/// Ids for paths of images that are not in the catalog: known paths have the id of the catalog,
/// others the next free ones, valid as long as this value lives.
#[derive(Debug)]
pub struct ForeignPaths<'c> {
    catalog: Option<&'c Catalog>,
    first: u32,
    ids: BTreeMap<Vec<u8>, u32>,
}

impl<'c> ForeignPaths<'c> {
    /// No foreign path yet.
    ///
    /// # Errors
    ///
    /// If the catalog fails.
    pub fn new(catalog: Option<&'c Catalog>) -> Result<Self, CatalogError> {
        let first = catalog.map_or(Ok(0), Catalog::path_count)?;
        Ok(Self { catalog, first, ids: BTreeMap::new() })
    }

    /// The path sets of an image: files, directories.
    ///
    /// # Errors
    ///
    /// If the catalog fails.
    pub fn path_sets(&mut self, inventory: &Inventory) -> Result<[PathSet; 2], CatalogError> {
        let mut sets = [Vec::new(), Vec::new()];
        let entries: Vec<Entry<'_>> = inventory.iter().collect();
        let paths: Vec<&[u8]> = entries.iter().map(|entry| entry.path).collect();
        let known = match self.catalog {
            Some(catalog) => catalog.path_ids(&paths)?,
            None => vec![None; paths.len()],
        };
        for (entry, known) in entries.iter().zip(known) {
            // Another process may have added paths since this value was made.
            let id = known.filter(|id| *id < self.first).unwrap_or_else(|| self.id(entry.path));
            sets[usize::from(entry.kind.is_directory())].push(id);
        }
        Ok(sets.map(PathSet::from_unsorted))
    }

    /// The paths of ids, in their order: of the catalog, and those given here.
    ///
    /// # Errors
    ///
    /// If the catalog fails, or has no such path.
    pub fn texts(&self, set: &PathSet) -> Result<PathList, CatalogError> {
        let known: Vec<u32> = set.ids().take_while(|id| *id < self.first).collect();
        let mut texts = match self.catalog {
            Some(catalog) => catalog.paths(&known)?,
            None => PathList::default(),
        };
        if set.len() > known.len() as u64 {
            let own: BTreeMap<u32, &[u8]> =
                self.ids.iter().map(|(path, id)| (*id, &path[..])).collect();
            for id in set.ids().skip(known.len()) {
                texts.push(own.get(&id).copied().unwrap_or_default());
            }
        }
        Ok(texts)
    }

    fn id(&mut self, path: &[u8]) -> u32 {
        if let Some(id) = self.ids.get(path) {
            return *id;
        }
        let next = self.first.saturating_add(u32::try_from(self.ids.len()).unwrap_or(u32::MAX));
        self.ids.insert(path.to_vec(), next);
        next
    }
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
    inventory: &Inventory,
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
        os: inventory.os_identity(),
        warnings,
    }
}
