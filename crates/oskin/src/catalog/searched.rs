//! What an older oskin did not look for: layers that are read anew tell what their files say of software, and images whose
//! packages were unknown get them when the last of their layers was searched.

use super::add::{Draft, DraftLayer};
use super::error::{At as _, CatalogError};
use super::{layers, told_images};
use crate::image::Packages;
use crate::inventory::{Layer, flatten};
use crate::software::Installed;
use rusqlite::Transaction;
use std::path::Path;
use std::sync::Arc;

const DOING: &str = "store what a layer says of software";

/// Stores what the layers of a draft say of software where the catalog does not have it, and the packages of all images
/// that are known by that. O(layers of the draft), and the cost of flattening each image that gains.
pub(super) fn complete(
    transaction: &Transaction<'_>,
    catalog: &Path,
    draft: &Draft<'_>,
) -> Result<(), CatalogError> {
    let mut found = Vec::new();
    // Only of those whose entries are known to be the ones that are there are the path ids given.
    let known = |it: &&DraftLayer| it.path_ids.is_some() && it.layer.is_searched();
    for DraftLayer { key, layer, .. } in draft.layers.iter().filter(known) {
        let Some(row) = layers::row_of(transaction, catalog, key)? else { continue };
        if !layers::is_searched(transaction, catalog, row)? {
            layers::store_software(transaction, catalog, row, layer)?;
            found.push(row);
        }
    }
    for row in found {
        for image in unknown_on(transaction, catalog, row)? {
            if let Some(packages) = packages_of(transaction, catalog, image)? {
                told_images::store(transaction, catalog, (image, &[]), Some(&packages))?;
            }
        }
    }
    Ok(())
}

/// The images on a layer whose packages nobody tells.
fn unknown_on(
    transaction: &Transaction<'_>,
    catalog: &Path,
    row: i64,
) -> Result<Vec<i64>, CatalogError> {
    let is_known = match told_images::has_table(transaction, catalog, "image_packages")? {
        true => "image_id IN (SELECT image_id FROM image_packages)",
        false => "FALSE",
    };
    let sql = format!(
        "SELECT DISTINCT image_id FROM image_layer WHERE layer_id = ?1 AND NOT {is_known}
         ORDER BY image_id"
    );
    let mut statement = transaction.prepare_cached(&sql).at(catalog, DOING)?;
    let images = statement.query_map([row], |row| row.get(0));
    images.and_then(Iterator::collect).at(catalog, DOING)
}

/// The packages of an image, if all its layers were searched.
fn packages_of(
    transaction: &Transaction<'_>,
    catalog: &Path,
    image: i64,
) -> Result<Option<Packages>, CatalogError> {
    let sql = "SELECT layer_id FROM image_layer WHERE image_id = ?1 ORDER BY position";
    let mut statement = transaction.prepare_cached(sql).at(catalog, DOING)?;
    let rows = statement.query_map([image], |row| row.get(0));
    let rows: Vec<i64> = rows.and_then(Iterator::collect).at(catalog, DOING)?;
    for row in &rows {
        if !layers::is_searched(transaction, catalog, *row)? {
            return Ok(None);
        }
    }
    let mut stack: Vec<Arc<Layer>> = Vec::new();
    for row in rows {
        let mut stored = layers::load(transaction, catalog, row)?;
        // Nobody else has it yet.
        if let Some(layer) = Arc::get_mut(&mut stored.layer) {
            layers::load_software(transaction, catalog, row, layer)?;
        }
        stack.push(stored.layer);
    }
    let (inventory, _) = flatten(&stack);
    Ok(Some(Installed::packages(inventory.software(), inventory.os_identity().as_ref())))
}
