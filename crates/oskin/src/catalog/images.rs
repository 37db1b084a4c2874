//! Images in the catalog: what is told of each, its layers in order, its path sets.

use super::Catalog;
use super::error::{At as _, CatalogError};
use super::layers::{self, StoredLayer};
use super::told_images::Told;
use crate::image::{ImageRecord, LayerKey, OsIdentity};
use crate::inventory::encode::{self, Damaged, Decoder};
use crate::lineage::Chain;
use crate::software::Record;
use rusqlite::{Connection, OptionalExtension as _, Row};
use std::path::Path;
use std::sync::Arc;

/// How many values one statement may be given: less than SQLite's own limit.
pub(super) const MAX_VALUES: usize = 30_000;

/// The most bytes of warnings that are read back for one image.
const WARNINGS_LIMIT_BYTES: usize = 256 << 20;

/// How hard what is told of an image is squeezed.
pub(super) const SEAL_LEVEL: i32 = 3;

const LIST_LAYERS: &str = "list the layers of an image";

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

pub(super) const COLUMNS: &str = "id, name, reference, transport, location, config, config_digest, \
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

    /// A layer with what its files say of software, if the catalog has it and they were searched.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn layer_with_software(&self, key: &LayerKey) -> Result<Option<StoredLayer>, CatalogError> {
        let (connection, path) = (&self.connection, &self.path);
        let Some(row) = layers::row_of(connection, path, key)? else { return Ok(None) };
        let mut stored = layers::load(connection, path, row)?;
        // Nobody else has it yet.
        if let Some(layer) = Arc::get_mut(&mut stored.layer) {
            layers::load_software(connection, path, row, layer)?;
        }
        Ok(Some(stored))
    }

    /// What the files of a layer say of software, by their paths, in the order of the layer: far cheaper than all of
    /// it. `None` if there is no such layer or its files were not searched.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn layer_records(
        &self,
        key: &LayerKey,
    ) -> Result<Option<Vec<(Vec<u8>, Record)>>, CatalogError> {
        let row = layers::row_of(&self.connection, &self.path, key)?;
        let records = row.map(|row| layers::records(&self.connection, &self.path, row));
        Ok(records.transpose()?.flatten())
    }

    /// Whether the catalog has a layer.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn has_layer(&self, key: &LayerKey) -> Result<bool, CatalogError> {
        Ok(layers::row_of(&self.connection, &self.path, key)?.is_some())
    }

    /// Whether the files of a layer were searched for what they say of software, as is none to search; `None` if the
    /// catalog has no such layer. Cheap.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn is_searched(&self, key: &LayerKey) -> Result<Option<bool>, CatalogError> {
        let (connection, path) = (&self.connection, &self.path);
        let row = layers::row_of(connection, path, key)?;
        row.map(|row| layers::is_searched(connection, path, row)).transpose()
    }

    /// The layers of an image, base first, with their keys.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn layers(&self, image: i64) -> Result<Vec<(LayerKey, StoredLayer)>, CatalogError> {
        self.layers_by(image, Self::layer)
    }

    /// The same with what the files of the layers say of software.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn layers_with_software(
        &self,
        image: i64,
    ) -> Result<Vec<(LayerKey, StoredLayer)>, CatalogError> {
        self.layers_by(image, Self::layer_with_software)
    }

    fn layers_by(
        &self,
        image: i64,
        load: impl Fn(&Self, &LayerKey) -> Result<Option<StoredLayer>, CatalogError>,
    ) -> Result<Vec<(LayerKey, StoredLayer)>, CatalogError> {
        let load = |(key, _)| {
            let missing = || CatalogError::Damaged {
                path: self.path.clone(),
                what: format!("layer {key}"),
                source: Damaged("it is not there"),
            };
            Ok((key, load(self, &key)?.ok_or_else(missing)?))
        };
        self.layer_keys(image)?.into_iter().map(load).collect()
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
}

pub(super) fn find(
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

fn take_warnings(sealed: &[u8]) -> Result<Vec<(String, String)>, Damaged> {
    let plain = encode::unseal(sealed, WARNINGS_LIMIT_BYTES)?;
    let mut decoder = Decoder::new(&plain);
    let count = decoder.number()?;
    (0..count).map(|_| Ok((decoder.text()?.to_owned(), decoder.text()?.to_owned()))).collect()
}

pub(super) fn keys_of(
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
