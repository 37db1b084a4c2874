//! Puts a corpus into a catalog, as the layered images that it stands for.

use crate::clock::cpu_seconds;
use crate::corpus::{Corpus, Delta, PathTexts, beside};
use anyhow::{Context as _, Result};
use oskin::catalog::{Catalog, Draft, DraftLayer};
use oskin::image::{ImageRecord, LayerKey};
use oskin::inventory::{Entry, EntryKind, Layer, canonical_digest, flatten};
use oskin::path_set::PathSet;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Layers of images with so many children are kept at hand.
const KEPT_FROM_CHILDREN: u32 = 8;

/// Adds the first images of a corpus to a catalog, at most `first`, and returns how many.
///
/// # Errors
///
/// If the corpus cannot be read or the catalog not be written.
pub fn fill(file: &Path, catalog: &Path, first: usize) -> Result<usize> {
    let corpus = Corpus::open_first(file, first)?;
    let texts = corpus.read_paths(file)?;
    let truth = std::fs::read_to_string(beside(file, "truth.tsv"))?;
    let names: Vec<&str> =
        truth.lines().skip(1).filter_map(|line| line.split('\t').next()).collect();
    let mut children = vec![0; corpus.images.len()];
    for parent in corpus.images.iter().filter_map(|delta| delta.parent) {
        children[parent as usize] += 1;
    }
    let mut catalog = Catalog::open_or_create(catalog)?;
    let mut kept: BTreeMap<u32, DraftLayer> = BTreeMap::new();
    for image in 0..u32::try_from(corpus.images.len())? {
        let mut layers = Vec::new();
        let mut at = Some(image);
        while let Some(number) = at {
            let delta = &corpus.images[number as usize];
            let layer = match kept.get(&number) {
                Some(layer) => layer.clone(),
                None => layer_of(delta, &texts)?,
            };
            layers.push(layer);
            at = delta.parent;
        }
        layers.reverse();
        let name = names.get(image as usize).context("the truth has fewer images")?;
        add(&mut catalog, name, &layers)?;
        if children[image as usize] >= KEPT_FROM_CHILDREN
            && let Some(mut layer) = layers.pop()
        {
            // With its ids, the layer need not be read back for every child.
            layer.path_ids = catalog.layer(&layer.key)?.map(|stored| stored.path_ids);
            kept.insert(image, layer);
        }
    }
    Ok(corpus.images.len())
}

/// What adding one image cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// How many paths it has.
    pub paths: u64,
    /// How many of them its parent has not.
    pub added: u64,
    /// CPU time from opening the catalog to closing it, in seconds.
    pub cpu_seconds: f64,
    /// By how much the file grew.
    pub bytes: u64,
}

/// Adds the queries of a corpus to a catalog that holds it, at most `first`, each on the layers of
/// its parent and with a catalog opened anew.
///
/// # Errors
///
/// If the corpus cannot be read or the catalog not be written.
pub fn add_queries(file: &Path, path: &Path, first: usize) -> Result<Vec<Cost>> {
    let corpus = Corpus::open(file)?;
    let queries = corpus.open_queries(file)?;
    // The paths that only queries have get names of their own.
    let texts = corpus.read_paths(file)?;
    let mut costs = Vec::new();
    for (number, query) in queries.images.iter().take(first).enumerate() {
        let before = std::fs::metadata(path)?.len();
        let mut lines = Vec::new();
        let mut at = query.parent;
        while let Some(parent) = at {
            lines.push(&corpus.images[parent as usize]);
            at = corpus.images[parent as usize].parent;
        }
        let base: Vec<DraftLayer> =
            lines.iter().rev().map(|delta| layer_of(delta, &texts)).collect::<Result<_>>()?;
        let own = layer_of_query(query, &texts, number)?;
        let start = cpu_seconds();
        let mut catalog = Catalog::open_or_create(path)?;
        let mut layers = Vec::new();
        for mut layer in base {
            // As an image is read: layers that the catalog has come from there.
            let stored = catalog.layer(&layer.key)?.context("a layer of the parent is missing")?;
            (layer.layer, layer.path_ids) = (stored.layer, Some(stored.path_ids));
            layers.push(layer);
        }
        layers.push(own);
        add(&mut catalog, &format!("query-{number}"), &layers)?;
        drop(catalog);
        let cpu_seconds = cpu_seconds() - start;
        let bytes = std::fs::metadata(path)?.len().saturating_sub(before);
        let parent = query.parent.map(|parent| corpus.path_set(parent)).unwrap_or_default();
        let paths = query.apply(&parent).len();
        costs.push(Cost { paths, added: query.added.len(), cpu_seconds, bytes });
    }
    Ok(costs)
}

/// The changeset of a query: its unknown paths lie in a directory of its own.
fn layer_of_query(delta: &Delta, texts: &PathTexts, number: usize) -> Result<DraftLayer> {
    let known = u32::try_from(texts.len())?;
    let (mut own, mut unknown) = (delta.clone(), Vec::new());
    let ids: Vec<u32> = delta.added.ids().collect();
    own.added = PathSet::from_unsorted(ids.iter().copied().filter(|id| *id < known).collect());
    for id in ids.into_iter().filter(|id| *id >= known) {
        unknown.push(format!("opt/query-{number}/share/data/file-{id:08}.txt"));
    }
    let entries = entries_of(&own, texts);
    let unknown = unknown.iter().map(|path| (path.as_bytes(), EntryKind::File));
    layer_from(entries.into_iter().chain(unknown).collect())
}

fn add(catalog: &mut Catalog, name: &str, layers: &[DraftLayer]) -> Result<()> {
    let record = ImageRecord {
        name: name.to_owned(),
        transport: "corpus".to_owned(),
        ..ImageRecord::default()
    };
    let stack: Vec<Arc<Layer>> = layers.iter().map(|layer| layer.layer.clone()).collect();
    let (inventory, _) = flatten(&stack);
    catalog.add(&Draft { record, layers, inventory: &inventory, packages: None })?;
    Ok(())
}

/// The changeset of a delta: a whiteout for each removed path whose directory stays, and what is
/// added, in path order.
fn layer_of(delta: &Delta, texts: &PathTexts) -> Result<DraftLayer> {
    layer_from(entries_of(delta, texts))
}

fn entries_of<'t>(delta: &Delta, texts: &'t PathTexts) -> Vec<(&'t [u8], EntryKind)> {
    let mut entries: Vec<(&[u8], EntryKind)> = Vec::new();
    let mut removed: Vec<&[u8]> = delta.removed.ids().map(|id| texts.get(id).0).collect();
    removed.sort_unstable();
    for path in &removed {
        let (directory, _) = oskin::path::split_name(path);
        if directory.is_empty() || removed.binary_search(&directory).is_err() {
            entries.push((path, EntryKind::Whiteout));
        }
    }
    for id in delta.added.ids() {
        let (path, is_directory) = texts.get(id);
        let kind = if is_directory { EntryKind::Directory } else { EntryKind::File };
        entries.push((path, kind));
    }
    entries
}

fn layer_from(mut entries: Vec<(&[u8], EntryKind)>) -> Result<DraftLayer> {
    entries.sort_unstable_by(|left, right| left.0.cmp(right.0));
    let mut layer = Layer::new();
    for (path, kind) in entries {
        layer.push(&Entry::bare(path, kind))?;
    }
    let key = LayerKey::DiffId(canonical_digest(&layer));
    Ok(DraftLayer { key, layer: Arc::new(layer), size_bytes: 0, path_ids: None })
}
