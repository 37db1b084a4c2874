//! Layers that the catalog has: which of them need not be read, and those that are read anew for their software.

use super::Part;
use crate::catalog::{Catalog, CatalogError, DraftLayer, StoredLayer};
use crate::image::LayerKey;
use crate::inventory::Layer;
use crate::source::{ImageSource, LayerRead, LayerSource, ReadOptions, Warning};

const READ_OTHERWISE: &str = "the oskin that added this layer read other entries, which stay; what its files say of \
    software is not kept";

/// Whether a layer need not be read: the catalog has it, with what its files say of software if reading tells that.
pub(super) fn is_kept(
    catalog: &Catalog,
    layer: &LayerSource,
    options: &ReadOptions<'_>,
) -> Result<bool, CatalogError> {
    let Some(id) = layer.diff_id() else { return Ok(false) };
    let found = catalog.is_searched(&LayerKey::DiffId(id))?;
    Ok(found.is_some_and(|is_searched| is_searched || !layer.tells_software(options)))
}

/// A layer as the catalog has it, if it need not be read.
pub(super) fn layer(
    catalog: &Catalog,
    layer: &LayerSource,
    options: &ReadOptions<'_>,
) -> Result<Option<Part>, CatalogError> {
    let Some(id) = layer.diff_id() else { return Ok(None) };
    let key = LayerKey::DiffId(id);
    let stored = catalog.at_one_moment(|catalog| match is_kept(catalog, layer, options)? {
        true => catalog.layer_with_software(&key),
        false => Ok(None),
    })?;
    Ok(stored.map(|stored| Part { draft: draft_of(key, stored), warnings: None, lost: None }))
}

fn draft_of(key: LayerKey, stored: StoredLayer) -> DraftLayer {
    let StoredLayer { layer, path_ids, size_bytes } = stored;
    DraftLayer { key, layer, size_bytes, path_ids: Some(path_ids) }
}

/// A layer that was read. If the catalog has it without what its files say of software, its entries must be those that
/// are there, since path sets were made of them and software is told of entries by their place; where another oskin read
/// others, that layer stays as it is.
pub(super) fn part_of(read: LayerRead, catalog: Option<&Catalog>) -> Result<Part, CatalogError> {
    let LayerRead { key, layer, size_bytes, mut warnings, lost } = read;
    let stored = match catalog {
        Some(catalog) if layer.is_searched() => {
            catalog.at_one_moment(|catalog| match catalog.is_searched(&key)? == Some(false) {
                true => catalog.layer(&key),
                false => Ok(None),
            })?
        }
        _ => None,
    };
    let draft = match stored {
        None => DraftLayer { key, layer, size_bytes, path_ids: None },
        Some(stored) if has_same_entries(&stored.layer, &layer) => {
            DraftLayer { key, layer, size_bytes, path_ids: Some(stored.path_ids) }
        }
        Some(stored) => {
            let place = format!("layer {key}");
            warnings.push(Warning { place, what: READ_OTHERWISE.to_owned() });
            draft_of(key, stored)
        }
    };
    Ok(Part { draft, warnings: Some(warnings), lost })
}

/// Whether the layer that was read is the stored one. The oskin that stored it may have kept the content of fewer files.
fn has_same_entries(stored: &Layer, read: &Layer) -> bool {
    let is_told = |(index, content): (&u32, &Vec<u8>)| read.kept().get(index) == Some(content);
    stored.is_listing() == read.is_listing()
        && stored.kept().iter().all(is_told)
        && stored.iter().eq(read.iter())
}

/// Whether an image that is in the catalog without packages would have them if its source were read.
pub(super) fn would_gain(
    catalog: &Catalog,
    source: &ImageSource,
    options: &ReadOptions<'_>,
) -> Result<bool, CatalogError> {
    for layer in &source.layers {
        let tells = layer.tells_software(options);
        let key = layer.diff_id().map(LayerKey::DiffId);
        let is_searched = || key.map_or(Ok(None), |key| catalog.is_searched(&key));
        if !tells && is_searched()? != Some(true) {
            return Ok(false);
        }
    }
    Ok(!source.layers.is_empty())
}
