//! Layers in the catalog: each is stored once, whichever images stand on it.

use super::error::{At as _, CatalogError};
use super::intern::{Interner, PathReader};
use super::told_images::has_table;
use crate::image::LayerKey;
use crate::inventory::Layer;
use crate::inventory::encode::{self, CHUNK_ENTRIES, Damaged, Decoder, PathList};
use crate::software::Record;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::path::Path;
use std::sync::Arc;

/// The most bytes that a chunk may decode to: far above what 65,536 real entries need.
pub(super) const CHUNK_LIMIT_BYTES: usize = 1 << 30;

/// A layer as the catalog holds it.
#[derive(Clone, Debug)]
pub struct StoredLayer {
    /// The entries.
    pub layer: Arc<Layer>,
    /// The id of the path of each entry.
    pub path_ids: Arc<Vec<u32>>,
    /// The size of the uncompressed changeset in bytes.
    pub size_bytes: u64,
}

/// The row of a layer, if the catalog has it.
pub(super) fn row_of(
    connection: &Connection,
    catalog: &Path,
    key: &LayerKey,
) -> Result<Option<i64>, CatalogError> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM layer WHERE key = ?1")
        .at(catalog, "look up a layer")?;
    let row = statement.query_row([key.to_string()], |row| row.get(0));
    row.optional().at(catalog, "look up a layer")
}

/// Stores a layer that the catalog does not have; returns its row and its path ids.
pub(super) fn store(
    interner: &mut Interner<'_>,
    (connection, catalog): (&Connection, &Path),
    key: &LayerKey,
    (layer, size_bytes): (&Layer, u64),
) -> Result<(i64, Vec<u32>), CatalogError> {
    let doing = "store a layer";
    let path_ids = interner
        .intern(layer.len(), |index| (layer.path(index), layer.kind(index).is_directory()))?;
    connection
        .prepare_cached(
            "INSERT INTO layer (key, size_bytes, entries, listing) VALUES (?1, ?2, ?3, ?4)",
        )
        .and_then(|mut insert| {
            let size_bytes = i64::try_from(size_bytes).unwrap_or(i64::MAX);
            insert.execute(params![key.to_string(), size_bytes, layer.len(), layer.is_listing()])
        })
        .at(catalog, doing)?;
    let row = connection.last_insert_rowid();
    let mut insert = connection
        .prepare_cached("INSERT INTO layer_chunk (layer_id, number, data) VALUES (?1, ?2, ?3)")
        .at(catalog, doing)?;
    for (number, start) in (0..layer.len()).step_by(CHUNK_ENTRIES).enumerate() {
        let range = start..layer.len().min(start + CHUNK_ENTRIES);
        let mut plain = Vec::new();
        put_ids(&mut plain, &path_ids[range.clone()]);
        encode::put_facts(&mut plain, layer, range);
        insert.execute(params![row, number, encode::seal(&plain, 3)]).at(catalog, doing)?;
    }
    if layer.is_searched() {
        store_software(connection, catalog, row, layer)?;
    }
    Ok((row, path_ids))
}

/// Whether the files of a layer were searched for software; one without entries counts as such.
pub(super) fn is_searched(
    connection: &Connection,
    catalog: &Path,
    row: i64,
) -> Result<bool, CatalogError> {
    let doing = "look whether a layer was searched";
    let has_row = match has_table(connection, catalog, "layer_software")? {
        true => "EXISTS (SELECT 1 FROM layer_software WHERE layer_id = id)",
        false => "FALSE",
    };
    let sql = format!("SELECT entries = 0 OR {has_row} FROM layer WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql).at(catalog, doing)?;
    statement.query_row([row], |row| row.get(0)).at(catalog, doing)
}

/// Ids lie mostly one behind the other, so the step from one to the next is what is stored.
fn put_ids(bytes: &mut Vec<u8>, ids: &[u32]) {
    encode::put_number(bytes, ids.len() as u64);
    let mut expected = 0;
    for &id in ids {
        let step = i64::from(id) - expected;
        encode::put_number(bytes, ((step << 1) ^ (step >> 63)).cast_unsigned());
        expected = i64::from(id) + 1;
    }
}

fn take_ids(decoder: &mut Decoder<'_>) -> Result<Vec<u32>, Damaged> {
    let count = decoder.small()? as usize;
    if count > CHUNK_ENTRIES {
        return Err(Damaged("chunk holds too many entries"));
    }
    let mut ids = Vec::with_capacity(count);
    let mut expected = 0_i64;
    for _ in 0..count {
        let folded = decoder.number()?;
        let step = (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed();
        let id = expected.checked_add(step).and_then(|id| u32::try_from(id).ok());
        let id = id.ok_or(Damaged("path id out of range"))?;
        ids.push(id);
        expected = i64::from(id) + 1;
    }
    Ok(ids)
}

/// The path ids of a layer by its row: cheaper than all of it.
pub(super) fn ids(
    connection: &Connection,
    catalog: &Path,
    row: i64,
) -> Result<Vec<u32>, CatalogError> {
    let doing = "read the path ids of a layer";
    let mut statement = connection
        .prepare_cached("SELECT data FROM layer_chunk WHERE layer_id = ?1 ORDER BY number")
        .at(catalog, doing)?;
    let mut rows = statement.query([row]).at(catalog, doing)?;
    let mut path_ids = Vec::new();
    while let Some(chunk) = rows.next().at(catalog, doing)? {
        let data: Vec<u8> = chunk.get(0).at(catalog, doing)?;
        let plain = encode::unseal(&data, CHUNK_LIMIT_BYTES);
        let ids = plain.and_then(|plain| take_ids(&mut Decoder::new(&plain)));
        path_ids.extend(ids.map_err(|source| CatalogError::Damaged {
            path: catalog.to_owned(),
            what: format!("layer {row}, chunk behind entry {}", path_ids.len()),
            source,
        })?);
    }
    Ok(path_ids)
}

/// What a layer says of software, in a table that is made when it is first needed: a layer without a row was added by an
/// oskin that did not look.
const SOFTWARE: &str = "
CREATE TABLE IF NOT EXISTS layer_software (
    layer_id INTEGER PRIMARY KEY REFERENCES layer (id) ON DELETE CASCADE,
    data     BLOB NOT NULL
)";

/// Stores what a layer says of software, of which nothing is stored yet.
pub(super) fn store_software(
    connection: &Connection,
    catalog: &Path,
    row: i64,
    layer: &Layer,
) -> Result<(), CatalogError> {
    let mut plain = Vec::new();
    encode::put_software(&mut plain, layer);
    let sql = "INSERT INTO layer_software (layer_id, data) VALUES (?1, ?2)";
    connection
        .execute(SOFTWARE, [])
        .and_then(|_| connection.prepare_cached(sql))
        .and_then(|mut insert| insert.execute(params![row, encode::seal(&plain, 3)]))
        .map(drop)
        .at(catalog, "store what a layer says of software")
}

/// Adds to a layer what its files say of software, if they were searched for it.
pub(super) fn load_software(
    connection: &Connection,
    catalog: &Path,
    row: i64,
    layer: &mut Layer,
) -> Result<(), CatalogError> {
    let take = |decoder: &mut Decoder<'_>| encode::take_software(decoder, layer);
    software(connection, catalog, row, take).map(drop)
}

/// What the files of a layer say of software, by their paths, without the rest of the layer; `None` if they were not
/// searched for it.
pub(super) fn records(
    connection: &Connection,
    catalog: &Path,
    row: i64,
) -> Result<Option<Vec<(Vec<u8>, Record)>>, CatalogError> {
    let Some(records) = software(connection, catalog, row, encode::take_records)? else {
        return Ok(None);
    };
    if records.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let all = ids(connection, catalog, row)?;
    let wanted = records.iter().map(|(index, _)| all.get(*index as usize).copied());
    let wanted: Option<Vec<u32>> = wanted.collect();
    let missing = || of_software(catalog, row, Damaged("software of an entry that is not there"));
    let paths = PathReader::new(connection, catalog).paths(&wanted.ok_or_else(missing)?)?;
    let records = records.into_iter().zip(paths.iter());
    Ok(Some(records.map(|((_, record), path)| (path.to_vec(), record)).collect()))
}

fn software<T>(
    connection: &Connection,
    catalog: &Path,
    row: i64,
    take: impl FnOnce(&mut Decoder<'_>) -> Result<T, Damaged>,
) -> Result<Option<T>, CatalogError> {
    let doing = "read what a layer says of software";
    if !has_table(connection, catalog, "layer_software")? {
        return Ok(None);
    }
    let sql = "SELECT data FROM layer_software WHERE layer_id = ?1";
    let mut statement = connection.prepare_cached(sql).at(catalog, doing)?;
    let data = statement.query_row([row], |row| row.get::<_, Vec<u8>>(0)).optional();
    let Some(data) = data.at(catalog, doing)? else { return Ok(None) };
    let taken =
        encode::unseal(&data, CHUNK_LIMIT_BYTES).and_then(|plain| take(&mut Decoder::new(&plain)));
    taken.map(Some).map_err(|source| of_software(catalog, row, source))
}

fn of_software(catalog: &Path, row: i64, source: Damaged) -> CatalogError {
    let what = format!("software of layer {row}");
    CatalogError::Damaged { path: catalog.to_owned(), what, source }
}

/// Loads a layer by its row.
pub(super) fn load(
    connection: &Connection,
    catalog: &Path,
    row: i64,
) -> Result<StoredLayer, CatalogError> {
    let doing = "read a layer";
    let (size_bytes, entries, listing) = connection
        .prepare_cached("SELECT size_bytes, entries, listing FROM layer WHERE id = ?1")
        .and_then(|mut statement| {
            statement.query_row([row], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, bool>(2)?))
            })
        })
        .at(catalog, doing)?;
    let mut statement = connection
        .prepare_cached("SELECT data FROM layer_chunk WHERE layer_id = ?1 ORDER BY number")
        .at(catalog, doing)?;
    let mut rows = statement.query([row]).at(catalog, doing)?;
    let mut reader = PathReader::new(connection, catalog);
    let mut layer = Layer::new();
    layer.set_listing(listing);
    let mut path_ids = Vec::new();
    while let Some(chunk) = rows.next().at(catalog, doing)? {
        let data: Vec<u8> = chunk.get(0).at(catalog, doing)?;
        let damaged = |source| CatalogError::Damaged {
            path: catalog.to_owned(),
            what: format!("layer {row}, chunk behind entry {}", path_ids.len()),
            source,
        };
        let plain = encode::unseal(&data, CHUNK_LIMIT_BYTES).map_err(damaged)?;
        let mut decoder = Decoder::new(&plain);
        let ids = take_ids(&mut decoder).map_err(damaged)?;
        let paths: PathList = reader.paths(&ids)?;
        encode::take_facts(&mut decoder, &paths, &mut layer).map_err(damaged)?;
        path_ids.extend(ids);
    }
    if i64::try_from(layer.len()) != Ok(entries) {
        return Err(CatalogError::Damaged {
            path: catalog.to_owned(),
            what: format!("layer {row}"),
            source: Damaged("another number of entries than it states"),
        });
    }
    let size_bytes = size_bytes.try_into().unwrap_or_default();
    Ok(StoredLayer { layer: Arc::new(layer), path_ids: Arc::new(path_ids), size_bytes })
}
