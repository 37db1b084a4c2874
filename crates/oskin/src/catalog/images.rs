//! Images in the catalog: what is told of each, its layers in order, its path sets.

use super::error::{At as _, CatalogError};
use super::format::TOLD_VERSION;
use super::index::StoredIndex;
use super::intern::Interner;
use super::kinds::Kinds;
use super::layers::{self, StoredLayer};
use super::told_images::{self, Told};
use super::{Catalog, path_sets, told};
use crate::image::{ImageRecord, LayerKey, OsIdentity, Packages};
use crate::inventory::encode::{self, Damaged, Decoder};
use crate::inventory::{Inventory, Layer};
use crate::lineage::Chain;
use crate::path_set::{PathSet, Selection};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

/// How many values one statement may be given: less than SQLite's own limit.
pub(super) const MAX_VALUES: usize = 30_000;

/// The most bytes of warnings that are read back for one image.
const WARNINGS_LIMIT_BYTES: usize = 256 << 20;

/// How hard what is told of an image is squeezed.
pub(super) const SEAL_LEVEL: i32 = 3;

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

const LIST_LAYERS: &str = "list the layers of an image";

/// What adding an image came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// The image is new in the catalog.
    New(ImageRecord),
    /// The very image was there under this name already.
    Unchanged(ImageRecord),
    /// It has taken the place of another image of its name.
    Replaced(ImageRecord),
}

/// What is known of an image before its layers are read.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The name it is to get.
    pub name: &'a str,
    /// The digest of its manifest, as [`ImageRecord::manifest_digest`] has it.
    pub manifest_digest: Option<&'a str>,
    /// The digest of its configuration, as [`ImageRecord::config_digest`] has it.
    pub config_digest: Option<&'a str>,
    /// The keys of its layers, base first, as far as they are stated.
    pub layers: &'a [Option<LayerKey>],
}

/// What has the name of an image that is about to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Free,
    /// That very image.
    Same(Box<ImageRecord>),
    /// Another image.
    Other,
    /// An image that may be the same: only its layers can tell.
    Unknown,
}

const COLUMNS: &str = "id, name, reference, transport, location, config, config_digest, \
    manifest_digest, files, directories, size_bytes, os_id, os_version_id, os_pretty_name, warnings";

impl Catalog {
    /// All images, in the order in which they were added.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged, as for all methods that read.
    pub fn images(&self) -> Result<Vec<ImageRecord>, CatalogError> {
        self.at_one_moment(|catalog| {
            let doing = "list the images";
            let sql = format!("SELECT {COLUMNS} FROM image ORDER BY id");
            let mut statement = catalog.connection.prepare_cached(&sql).at(&catalog.path, doing)?;
            let mut rows = statement.query([]).at(&catalog.path, doing)?;
            let mut told = Told::read(&catalog.connection, &catalog.path, None)?;
            let mut images = Vec::new();
            while let Some(row) = rows.next().at(&catalog.path, doing)? {
                let mut image = record_of(row, &catalog.path)?;
                fill(&mut image, &mut told);
                images.push(image);
            }
            Ok(images)
        })
    }

    /// The names and numbers of all images, in the order in which they were added. Cheap.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn names(&self) -> Result<Vec<(i64, String)>, CatalogError> {
        let doing = "list the names";
        let sql = "SELECT id, name FROM image ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path, doing)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.and_then(Iterator::collect).at(&self.path, doing)
    }

    /// Name, transport and location of the images that have a manifest digest, in the order in which
    /// they were added.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn with_manifests(&self) -> Result<Vec<[String; 3]>, CatalogError> {
        let doing = "list the manifests";
        let sql = "SELECT name, transport, location FROM image
                   WHERE manifest_digest IS NOT NULL ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path, doing)?;
        let rows = statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]));
        rows.and_then(Iterator::collect).at(&self.path, doing)
    }

    /// How many images there are.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn image_count(&self) -> Result<u64, CatalogError> {
        let count = self.connection.query_row("SELECT count(*) FROM image", [], |row| row.get(0));
        let count: i64 = count.at(&self.path, "count the images")?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Whether any contents of an image are known: those of a plain list of paths are not.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn has_contents(&self, image: i64) -> Result<bool, CatalogError> {
        let sql = "SELECT size_bytes > 0 FROM image WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path, "read an image")?;
        let known = statement.query_row([image], |row| row.get(0)).optional();
        Ok(known.at(&self.path, "read an image")?.unwrap_or_default())
    }

    /// The image of a name.
    ///
    /// # Errors
    ///
    /// [`CatalogError::NoSuchImage`] if there is none.
    pub fn image(&self, name: &str) -> Result<ImageRecord, CatalogError> {
        self.at_one_moment(|catalog| find(&catalog.connection, &catalog.path, name))?
            .ok_or_else(|| CatalogError::NoSuchImage { name: name.to_owned() })
    }

    /// The keys and sizes in bytes of the layers of an image, base first.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn layer_keys(&self, image: i64) -> Result<Vec<(LayerKey, u64)>, CatalogError> {
        keys_of(&self.connection, &self.path, image)
    }

    /// The keys of the layers of an image that hold an entry, base first.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn full_layer_keys(&self, image: i64) -> Result<Vec<LayerKey>, CatalogError> {
        let sql = "SELECT key FROM image_layer JOIN layer ON layer.id = layer_id
                   WHERE image_id = ?1 AND entries > 0 ORDER BY position";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path, LIST_LAYERS)?;
        let keys = statement
            .query_map([image], |row| row.get(0))
            .and_then(Iterator::collect::<Result<Vec<String>, _>>)
            .at(&self.path, LIST_LAYERS)?;
        keys.iter().map(|key| parse_key(key, &self.path)).collect()
    }

    /// The layers of an image, as lineage compares them.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn chain(&self, image: i64) -> Result<Chain, CatalogError> {
        let all = self.layer_keys(image)?.into_iter().map(|(key, _)| key).collect();
        Ok(Chain { all, full: self.full_layer_keys(image)? })
    }

    /// The layer of a key, if the catalog has it.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn layer(&self, key: &LayerKey) -> Result<Option<StoredLayer>, CatalogError> {
        let row = layers::row_of(&self.connection, &self.path, key)?;
        row.map(|row| layers::load(&self.connection, &self.path, row)).transpose()
    }

    /// Whether the catalog has a layer.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn has_layer(&self, key: &LayerKey) -> Result<bool, CatalogError> {
        Ok(layers::row_of(&self.connection, &self.path, key)?.is_some())
    }

    /// The layers of an image, base first, with their keys.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn layers(&self, image: i64) -> Result<Vec<(LayerKey, StoredLayer)>, CatalogError> {
        let keys = self.layer_keys(image)?;
        let load = |(key, _)| {
            let missing = || CatalogError::Damaged {
                path: self.path.clone(),
                what: format!("layer {key}"),
                source: Damaged("it is not there"),
            };
            Ok((key, self.layer(&key)?.ok_or_else(missing)?))
        };
        keys.into_iter().map(load).collect()
    }

    /// Whether an image is here already, by what is known before its layers are read. Cheap.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn standing(&self, asked: &Asked<'_>) -> Result<Standing, CatalogError> {
        self.at_one_moment(|it| {
            let Some(taken) = find(&it.connection, &it.path, asked.name)? else {
                return Ok(Standing::Free);
            };
            // The digest of a manifest covers those of the configuration and of all layers.
            let manifest = asked.manifest_digest;
            if manifest.is_some() && manifest == taken.manifest_digest.as_deref() {
                return Ok(Standing::Same(Box::new(taken)));
            }
            let layers = keys_of(&it.connection, &it.path, taken.id)?;
            let may_be = asked.config_digest == taken.config_digest.as_deref()
                && asked.layers.len() == layers.len()
                && layers
                    .iter()
                    .zip(asked.layers)
                    .all(|((key, _), it)| it.is_none_or(|it| it == *key));
            Ok(match may_be {
                false => Standing::Other,
                true if asked.layers.iter().all(Option::is_some) => Standing::Same(Box::new(taken)),
                true => Standing::Unknown,
            })
        })
    }

    /// Adds an image in one transaction: after it returns, the image survives a crash.
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
                return Ok(Added::Unchanged(taken.clone()));
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

fn find(
    connection: &Connection,
    catalog: &Path,
    name: &str,
) -> Result<Option<ImageRecord>, CatalogError> {
    let doing = "look up an image";
    let sql = format!("SELECT {COLUMNS} FROM image WHERE name = ?1");
    let mut statement = connection.prepare_cached(&sql).at(catalog, doing)?;
    let mut rows = statement.query([name]).at(catalog, doing)?;
    let row = rows.next().at(catalog, doing)?;
    let Some(mut record) = row.map(|row| record_of(row, catalog)).transpose()? else {
        return Ok(None);
    };
    let mut told = Told::read(connection, catalog, Some(record.id))?;
    fill(&mut record, &mut told);
    Ok(Some(record))
}

/// Puts what stands in tables of its own into a record.
fn fill(record: &mut ImageRecord, told: &mut Told) {
    record.facts = told.facts.remove(&record.id).unwrap_or_default();
    if let Some((packages, only)) = told.packages.remove(&record.id) {
        (record.packages, record.packages_only) = (Some(packages), only);
    }
}

fn record_of(row: &Row<'_>, catalog: &Path) -> Result<ImageRecord, CatalogError> {
    let count = |at| row.get::<_, i64>(at).map(|number| u64::try_from(number).unwrap_or_default());
    let read = || {
        let os =
            OsIdentity { id: row.get(11)?, version_id: row.get(12)?, pretty_name: row.get(13)? };
        Ok(ImageRecord {
            id: row.get(0)?,
            name: row.get(1)?,
            reference: row.get(2)?,
            transport: row.get(3)?,
            location: row.get(4)?,
            config: row.get(5)?,
            config_digest: row.get(6)?,
            manifest_digest: row.get(7)?,
            files: count(8)?,
            directories: count(9)?,
            size_bytes: count(10)?,
            os: (os != OsIdentity::default()).then_some(os),
            facts: Vec::new(),
            packages: None,
            packages_only: false,
            warnings: Vec::new(),
        })
    };
    let mut record = read().at(catalog, "read an image")?;
    let warnings: Vec<u8> = row.get(14).at(catalog, "read an image")?;
    record.warnings = take_warnings(&warnings).map_err(|source| CatalogError::Damaged {
        path: catalog.to_owned(),
        what: format!("warnings of image {:?}", record.name),
        source,
    })?;
    Ok(record)
}

fn put_warnings(warnings: &[(String, String)]) -> Vec<u8> {
    let mut plain = Vec::new();
    encode::put_number(&mut plain, warnings.len() as u64);
    for text in warnings.iter().flat_map(|(place, what)| [place, what]) {
        encode::put_bytes(&mut plain, text.as_bytes());
    }
    encode::seal(&plain, SEAL_LEVEL)
}

fn take_warnings(sealed: &[u8]) -> Result<Vec<(String, String)>, Damaged> {
    let plain = encode::unseal(sealed, WARNINGS_LIMIT_BYTES)?;
    let mut decoder = Decoder::new(&plain);
    let count = decoder.number()?;
    (0..count).map(|_| Ok((decoder.text()?.to_owned(), decoder.text()?.to_owned()))).collect()
}

fn keys_of(
    connection: &Connection,
    catalog: &Path,
    image: i64,
) -> Result<Vec<(LayerKey, u64)>, CatalogError> {
    let sql = "SELECT key, size_bytes FROM image_layer JOIN layer ON layer.id = layer_id
               WHERE image_id = ?1 ORDER BY position";
    let mut statement = connection.prepare_cached(sql).at(catalog, LIST_LAYERS)?;
    let rows = statement
        .query_map([image], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .at(catalog, LIST_LAYERS)?;
    rows.into_iter()
        .map(|(key, size)| Ok((parse_key(&key, catalog)?, size.try_into().unwrap_or_default())))
        .collect()
}

fn parse_key(key: &str, catalog: &Path) -> Result<LayerKey, CatalogError> {
    key.parse().map_err(|_| CatalogError::Damaged {
        path: catalog.to_owned(),
        what: format!("layer key {key:?}"),
        source: Damaged("it is no digest"),
    })
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
