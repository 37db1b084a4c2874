//! Images go into the catalog and out of it, each in one transaction.

use super::error::{At as _, CatalogError};
use super::format::TOLD_VERSION;
use super::images::{COLUMNS, SEAL_LEVEL, find, keys_of};
use super::index::StoredIndex;
use super::intern::Interner;
use super::kinds::Kinds;
use super::{Catalog, layers, path_sets, searched, told, told_images};
use crate::image::{ImageRecord, LayerKey, Packages};
use crate::inventory::encode::{self, Damaged};
use crate::inventory::{Inventory, Layer};
use crate::path_set::{PathSet, Selection};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

/// A layer of an image that is about to be added.
#[derive(Clone, Debug)]
pub struct DraftLayer {
    /// What it is known by.
    pub key: LayerKey,
    /// The entries.
    pub layer: Arc<Layer>,
    /// The size of the uncompressed changeset in bytes.
    pub size_bytes: u64,
    /// The path ids, if the layer came from this catalog.
    pub path_ids: Option<Arc<Vec<u32>>>,
}

/// An image that is about to be added.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// What is told of it. `id`, counts and `os` are filled in by the catalog.
    pub record: ImageRecord,
    /// The layers, base first.
    pub layers: &'a [DraftLayer],
    /// Those layers, flattened.
    pub inventory: &'a Inventory,
    /// The packages, if they are told.
    pub packages: Option<&'a Packages>,
}

/// What adding an image came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// The image is new in the catalog.
    New(ImageRecord),
    /// The very image was there under this name already; its packages may have become known.
    Unchanged(ImageRecord),
    /// It has taken the place of another image of its name.
    Replaced(ImageRecord),
}

impl Catalog {
    /// Adds an image in one transaction: after it returns, the image survives a crash.
    ///
    /// What its layers say of software is kept also of those that an older oskin added without, and the packages of all
    /// images that are known by that; of an image that is there unchanged, too.
    ///
    /// # Errors
    ///
    /// [`CatalogError::NameTaken`] if another image has the name; else if the store fails. The
    /// catalog is then as it was.
    pub fn add(&mut self, draft: &Draft<'_>) -> Result<Added, CatalogError> {
        self.put(draft, false)
    }

    /// Adds an image as [`add`](Self::add) does; another image that has its name goes in the same
    /// transaction, so that at no moment neither is there.
    ///
    /// # Errors
    ///
    /// If the store fails; the catalog is then as it was.
    pub fn replace(&mut self, draft: &Draft<'_>) -> Result<Added, CatalogError> {
        self.put(draft, true)
    }

    fn put(&mut self, draft: &Draft<'_>, replace: bool) -> Result<Added, CatalogError> {
        let path = self.path.clone();
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .at(&path, "begin to write")?;
        let taken = find(&transaction, &path, &draft.record.name)?;
        if let Some(taken) = &taken {
            let layers = keys_of(&transaction, &path, taken.id)?;
            let same = taken.config_digest == draft.record.config_digest
                && layers.iter().map(|(key, _)| key).eq(draft.layers.iter().map(|l| &l.key))
                && told_images::is_same(&transaction, &path, taken, draft.packages)?;
            if same {
                let taken = learn(&transaction, &path, taken, draft)?;
                transaction.commit().at(&path, "commit what is told of an image")?;
                return Ok(Added::Unchanged(taken));
            }
            if !replace {
                return Err(CatalogError::NameTaken { name: taken.name.clone() });
            }
        }
        let mut index = match self.version {
            ..TOLD_VERSION => None,
            _ => Some(StoredIndex::of(self.index.take(), &transaction, &path)?),
        };
        if let Some(taken) = &taken {
            delete(&transaction, &path, taken.id, index.as_mut())?;
        }
        let mut kinds = self.kinds.take();
        let index_and_kinds = index.as_mut().map(|it| (it, &mut kinds));
        let record = insert(&transaction, &path, draft, index_and_kinds)?;
        if taken.is_some() {
            // Only now: most of what the other stood on the new one may stand on too.
            delete_orphans(&transaction, &path)?;
        }
        searched::complete(&transaction, &path, draft)?;
        transaction.commit().at(&path, "commit an image")?;
        // Only now are they what the file holds.
        (self.index, self.kinds) = (RefCell::new(index), RefCell::new(kinds));
        Ok(if taken.is_some() { Added::Replaced(record) } else { Added::New(record) })
    }

    /// Removes an image, and the layers that no other image stands on. Paths stay in the dictionary.
    ///
    /// # Errors
    ///
    /// [`CatalogError::NoSuchImage`] if there is none of that name; else if the store fails.
    pub fn remove(&mut self, name: &str) -> Result<(), CatalogError> {
        let path = self.path.clone();
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .at(&path, "begin to write")?;
        let Some(image) = find(&transaction, &path, name)? else {
            return Err(CatalogError::NoSuchImage { name: name.to_owned() });
        };
        let mut index = match self.version {
            ..TOLD_VERSION => None,
            _ => Some(StoredIndex::of(self.index.take(), &transaction, &path)?),
        };
        delete(&transaction, &path, image.id, index.as_mut())?;
        delete_orphans(&transaction, &path)?;
        transaction.commit().at(&path, REMOVE)?;
        self.index = RefCell::new(index);
        Ok(())
    }
}

/// Keeps the packages of an image that is there without them, if they are told now.
fn learn(
    transaction: &Transaction<'_>,
    catalog: &Path,
    taken: &ImageRecord,
    draft: &Draft<'_>,
) -> Result<ImageRecord, CatalogError> {
    let known = || find(transaction, catalog, &taken.name);
    if taken.packages.is_none() && draft.packages.is_some() {
        searched::complete(transaction, catalog, draft)?;
        // Where all layers were searched before, nothing of them is new.
        if known()?.is_some_and(|it| it.packages.is_none()) {
            told_images::store(transaction, catalog, (taken.id, &[]), draft.packages)?;
        }
    }
    Ok(known()?.unwrap_or_else(|| taken.clone()))
}

const REMOVE: &str = "remove an image";

/// Deletes an image, but none of its layers.
fn delete(
    transaction: &Transaction<'_>,
    catalog: &Path,
    image: i64,
    index: Option<&mut StoredIndex>,
) -> Result<(), CatalogError> {
    if let Some(stored) = index {
        let number = told::number_of(transaction, catalog, image)?;
        if (number as usize) < stored.index.slots().len() {
            stored.index.remove(number);
        }
        stored.save(transaction, catalog)?;
    }
    transaction.execute("DELETE FROM image WHERE id = ?1", [image]).at(catalog, REMOVE)?;
    Ok(())
}

/// Deletes the layers that no image stands on.
fn delete_orphans(transaction: &Transaction<'_>, catalog: &Path) -> Result<(), CatalogError> {
    let orphans = "DELETE FROM layer WHERE id NOT IN (SELECT layer_id FROM image_layer)";
    transaction.execute(orphans, []).at(catalog, REMOVE)?;
    Ok(())
}

fn put_warnings(warnings: &[(String, String)]) -> Vec<u8> {
    let mut plain = Vec::new();
    encode::put_number(&mut plain, warnings.len() as u64);
    for text in warnings.iter().flat_map(|(place, what)| [place, what]) {
        encode::put_bytes(&mut plain, text.as_bytes());
    }
    encode::seal(&plain, SEAL_LEVEL)
}

fn insert(
    transaction: &Transaction<'_>,
    catalog: &Path,
    draft: &Draft<'_>,
    index: Option<(&mut StoredIndex, &mut Kinds)>,
) -> Result<ImageRecord, CatalogError> {
    let mut interner = Interner::new(transaction, catalog)?;
    let mut rows = Vec::new();
    let mut path_ids: Vec<Arc<Vec<u32>>> = Vec::new();
    for DraftLayer { key, layer, size_bytes, path_ids: known } in draft.layers {
        let (row, ids) = match (layers::row_of(transaction, catalog, key)?, known) {
            (Some(row), Some(known)) => (row, known.clone()),
            // Another image brought the layer since it was read.
            (Some(row), None) => (row, ids_of(transaction, catalog, row, layer)?),
            (None, _) => {
                let place = (&**transaction, catalog);
                let (row, ids) = layers::store(&mut interner, place, key, (layer, *size_bytes))?;
                (row, Arc::new(ids))
            }
        };
        rows.push(row);
        path_ids.push(ids);
    }
    // What flattening made has no layer of its own, but its paths count.
    if let Some(made) = draft.inventory.layers().get(draft.layers.len()) {
        path_ids.push(Arc::new(
            interner.intern(made.len(), |at| (made.path(at), made.kind(at).is_directory()))?,
        ));
    }
    let totals = draft.inventory.totals();
    let packages = draft.packages;
    let record = ImageRecord {
        files: totals.files,
        directories: totals.directories,
        size_bytes: totals.size_bytes,
        os: draft.inventory.os_identity().or_else(|| packages?.system.clone()),
        packages: packages.map(|packages| packages.list().len() as u64),
        packages_only: packages.is_some_and(|packages| packages.only),
        ..draft.record.clone()
    };
    let id = insert_row(transaction, catalog, &record)?;
    told_images::store(transaction, catalog, (id, &record.facts), packages)?;
    for (position, row) in rows.iter().enumerate() {
        let sql = "INSERT INTO image_layer (image_id, position, layer_id) VALUES (?1, ?2, ?3)";
        let mut statement = transaction.prepare_cached(sql).at(catalog, "store an image")?;
        statement.execute(params![id, position, row]).at(catalog, "store an image")?;
    }
    let set = |selection| {
        let slots = draft.inventory.selected(selection);
        let ids = slots.map(|slot| path_ids[slot.layer as usize][slot.index as usize]);
        PathSet::from_unsorted(ids.collect())
    };
    let files_and_directories = [set(Selection::Files), set(Selection::Directories)];
    path_sets::store((transaction, catalog), id, &files_and_directories, index)?;
    Ok(ImageRecord { id, ..record })
}

/// The path ids of a layer that is in the catalog, as long as it has as many entries as it was read
/// with: others would be taken for those of other paths.
fn ids_of(
    connection: &Connection,
    catalog: &Path,
    row: i64,
    layer: &Layer,
) -> Result<Arc<Vec<u32>>, CatalogError> {
    let ids = layers::ids(connection, catalog, row)?;
    if ids.len() == layer.len() {
        return Ok(Arc::new(ids));
    }
    Err(CatalogError::Damaged {
        path: catalog.to_owned(),
        what: format!("layer {row}"),
        source: Damaged("another number of entries than its digest promises"),
    })
}

fn insert_row(
    transaction: &Transaction<'_>,
    catalog: &Path,
    record: &ImageRecord,
) -> Result<i64, CatalogError> {
    let sql = format!(
        "INSERT INTO image ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        COLUMNS.trim_start_matches("id, ")
    );
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let os = record.os.clone().unwrap_or_default();
    let parameters = params![
        record.name,
        record.reference,
        record.transport,
        record.location,
        record.config,
        record.config_digest,
        record.manifest_digest,
        count(record.files),
        count(record.directories),
        count(record.size_bytes),
        os.id,
        os.version_id,
        os.pretty_name,
        put_warnings(&record.warnings),
    ];
    transaction.execute(&sql, parameters).at(catalog, "store an image")?;
    Ok(transaction.last_insert_rowid())
}
