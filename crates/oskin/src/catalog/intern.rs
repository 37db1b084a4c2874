//! Path <-> path id: each distinct path is stored once, in front-coded compressed blocks.
//!
//! Ids are given in first-seen order and never change, so blocks are only ever appended. A table
//! from a 64-bit hash to ids finds candidates; the text of the candidate decides, so a collision
//! cannot mix two paths up, and many for one hash cannot be made.

use super::error::{At as _, CatalogError};
use super::{format, kinds};
use crate::inventory::encode::{self, Decoder, PathList};
use crate::path::{MAX_PATH_BYTES, table_hash};
use hashbrown::HashTable;
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// Paths in one block: more squeeze better, fewer are sooner decoded to look one up.
pub(super) const BLOCK_PATHS: usize = 1024;

/// The most bytes that one block may decode to.
pub(super) const BLOCK_LIMIT_BYTES: usize = BLOCK_PATHS * (MAX_PATH_BYTES + 16);

/// Decoded blocks that a reader keeps; about 4 MB with paths of 60 bytes.
const CACHED_BLOCKS: usize = 64;

/// How many paths are looked up and stored together: bounds the memory of a batch.
const BATCH_PATHS: usize = 65_536;

/// The hash by which a catalog of this format version finds a path, as SQLite's signed integer.
///
/// The first version used a fast hash. Names that all have the same one are easily made, and an
/// image of 20,000 of them took a minute and 6 GB, since each was a candidate for each other.
pub(super) fn hash_of(version: i64, path: &[u8]) -> i64 {
    if version == 1 {
        return xxh3_64(path).cast_signed();
    }
    let digest: [u8; 32] = Sha256::digest(path).into();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

/// Decodes one block of the dictionary.
pub(super) fn decode_block(data: &[u8], paths: usize) -> Result<PathList, encode::Damaged> {
    if paths > BLOCK_PATHS {
        return Err(encode::Damaged("dictionary block holds too many paths"));
    }
    let plain = encode::unseal(data, BLOCK_LIMIT_BYTES)?;
    let mut decoder = Decoder::new(&plain);
    let list = encode::take_paths(&mut decoder, paths)?;
    if decoder.is_done() { Ok(list) } else { Err(encode::Damaged("bytes behind the last path")) }
}

/// How many paths the dictionary holds; the next new one gets this number as its id.
pub(super) fn path_count(connection: &Connection, catalog: &Path) -> Result<u32, CatalogError> {
    let sql = "SELECT coalesce(max(first_id + paths), 0) FROM
               (SELECT first_id, paths FROM path_block ORDER BY first_id DESC LIMIT 1)";
    connection.query_row(sql, [], |row| row.get(0)).at(catalog, "read the path dictionary")
}

/// Reads paths by id.
#[derive(Debug)]
pub(super) struct PathReader<'c> {
    connection: &'c Connection,
    catalog: PathBuf,
    blocks: BTreeMap<u32, PathList>,
}

impl<'c> PathReader<'c> {
    pub(super) fn new(connection: &'c Connection, catalog: &Path) -> Self {
        Self { connection, catalog: catalog.to_owned(), blocks: BTreeMap::new() }
    }

    /// The path of an id. Ascending ids decode each block once.
    pub(super) fn path(&mut self, id: u32) -> Result<&[u8], CatalogError> {
        let holds = |(first, list): (&u32, &PathList)| ((id - first) as usize) < list.len();
        if !self.blocks.range(..=id).next_back().is_some_and(holds) {
            self.load(id)?;
        }
        let found = self.blocks.range(..=id).next_back();
        let path = found.and_then(|(first, list)| list.get((id - first) as usize));
        path.ok_or_else(|| CatalogError::Damaged {
            path: self.catalog.clone(),
            what: format!("path {id}"),
            source: encode::Damaged("no dictionary block holds it"),
        })
    }

    fn load(&mut self, id: u32) -> Result<(), CatalogError> {
        let sql = "SELECT first_id, paths, data FROM path_block WHERE first_id <= ?1
                   ORDER BY first_id DESC LIMIT 1";
        let doing = "read the path dictionary";
        let mut statement = self.connection.prepare_cached(sql).at(&self.catalog, doing)?;
        let row = statement
            .query_row([id], |row| {
                Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?, row.get::<_, Vec<u8>>(2)?))
            })
            .optional()
            .at(&self.catalog, doing)?;
        let Some((first_id, paths, data)) = row else { return Ok(()) };
        let list = decode_block(&data, paths as usize).map_err(|source| CatalogError::Damaged {
            path: self.catalog.clone(),
            what: format!("dictionary block of path {first_id}"),
            source,
        })?;
        if self.blocks.len() >= CACHED_BLOCKS {
            self.blocks.pop_first();
        }
        self.blocks.insert(first_id, list);
        Ok(())
    }

    /// The paths of many ids, in the order of the ids.
    pub(super) fn paths(&mut self, ids: &[u32]) -> Result<PathList, CatalogError> {
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|&at| ids[at]);
        let mut by_id = PathList::default();
        let mut place = vec![0; ids.len()];
        for (rank, &at) in order.iter().enumerate() {
            by_id.push(self.path(ids[at])?);
            place[at] = rank;
        }
        let mut paths = PathList::default();
        for rank in place {
            paths.push(by_id.get(rank).unwrap_or_default());
        }
        Ok(paths)
    }

    /// The ids of paths that are in the dictionary, by their place in `paths`; `None` for others.
    pub(super) fn ids(&mut self, paths: &[&[u8]]) -> Result<Vec<Option<u32>>, CatalogError> {
        let doing = "look up paths";
        let version = format::version(self.connection, &self.catalog)?;
        let hashes = paths.iter().map(|path| hash_of(version, path));
        let mut order: Vec<(i64, usize)> = hashes.zip(0..).collect();
        order.sort_unstable();
        let mut candidates: Vec<(u32, usize)> = Vec::with_capacity(paths.len());
        {
            let sql = "SELECT id FROM path_hash WHERE hash = ?1";
            let mut statement = self.connection.prepare_cached(sql).at(&self.catalog, doing)?;
            for (hash, at) in order {
                let mut rows = statement.query([hash]).at(&self.catalog, doing)?;
                while let Some(row) = rows.next().at(&self.catalog, doing)? {
                    candidates.push((row.get(0).at(&self.catalog, doing)?, at));
                }
            }
        }
        // In the order of ids, so that each block is decoded once.
        candidates.sort_unstable();
        let mut ids = vec![None; paths.len()];
        for (id, at) in candidates {
            if self.path(id)? == paths[at] {
                ids[at] = Some(id);
            }
        }
        Ok(ids)
    }
}

/// Gives ids to paths within a transaction.
#[derive(Debug)]
pub(super) struct Interner<'c> {
    reader: PathReader<'c>,
    next_id: u32,
}

impl<'c> Interner<'c> {
    pub(super) fn new(connection: &'c Connection, catalog: &Path) -> Result<Self, CatalogError> {
        let next_id = path_count(connection, catalog)?;
        Ok(Self { reader: PathReader::new(connection, catalog), next_id })
    }

    /// The ids of so many paths, new ones given in order; each comes with whether it is a directory.
    pub(super) fn intern<'p>(
        &mut self,
        count: usize,
        path: impl Fn(usize) -> (&'p [u8], bool),
    ) -> Result<Vec<u32>, CatalogError> {
        let mut ids = Vec::with_capacity(count);
        for start in (0..count).step_by(BATCH_PATHS) {
            let end = count.min(start + BATCH_PATHS);
            let paths: Vec<(&[u8], bool)> = (start..end).map(&path).collect();
            ids.extend(self.intern_batch(&paths)?);
        }
        Ok(ids)
    }

    fn intern_batch(&mut self, paths: &[(&[u8], bool)]) -> Result<Vec<u32>, CatalogError> {
        let known = match self.next_id {
            0 => vec![None; paths.len()],
            _ => self.reader.ids(&paths.iter().map(|(path, _)| *path).collect::<Vec<_>>())?,
        };
        let mut fresh: Vec<(&[u8], bool)> = Vec::new();
        let mut seen: HashTable<usize> = HashTable::new();
        let mut ids = Vec::with_capacity(paths.len());
        for (known, (path, is_directory)) in known.into_iter().zip(paths) {
            let number = match known {
                Some(id) => {
                    ids.push(id);
                    continue;
                }
                // A batch may name a new path twice.
                None => *seen
                    .entry(
                        table_hash(path),
                        |&at| fresh[at].0 == *path,
                        |&at| table_hash(fresh[at].0),
                    )
                    .or_insert_with(|| fresh.len())
                    .get(),
            };
            if number == fresh.len() {
                fresh.push((path, *is_directory));
            }
            let id = u32::try_from(number).ok().and_then(|number| self.next_id.checked_add(number));
            let full = || CatalogError::Full { path: self.reader.catalog.clone() };
            ids.push(id.filter(|id| *id < u32::MAX).ok_or_else(full)?);
        }
        self.store(&fresh)?;
        Ok(ids)
    }

    /// Appends new paths to the dictionary.
    fn store(&mut self, fresh: &[(&[u8], bool)]) -> Result<(), CatalogError> {
        let (connection, catalog) = (self.reader.connection, &self.reader.catalog);
        let doing = "extend the path dictionary";
        let version = format::version(connection, catalog)?;
        let mut rows: Vec<(i64, u32)> = Vec::with_capacity(fresh.len());
        if version >= format::TOLD_VERSION {
            let directories: Vec<bool> = fresh.iter().map(|(_, directory)| *directory).collect();
            kinds::note(connection, catalog, self.next_id, &directories)?;
        }
        let mut insert_block = connection
            .prepare_cached("INSERT INTO path_block (first_id, paths, data) VALUES (?1, ?2, ?3)")
            .at(catalog, doing)?;
        for block in fresh.chunks(BLOCK_PATHS) {
            let mut plain = Vec::new();
            encode::put_paths(&mut plain, block.iter().map(|(path, _)| *path));
            let data = encode::seal(&plain, 3);
            insert_block.execute(params![self.next_id, block.len(), data]).at(catalog, doing)?;
            for (path, _) in block {
                rows.push((hash_of(version, path), self.next_id));
                self.next_id += 1;
            }
        }
        // Ascending, so that neighbours in the tree are written together.
        rows.sort_unstable();
        let mut insert_hash = connection
            .prepare_cached("INSERT INTO path_hash (hash, id) VALUES (?1, ?2)")
            .at(catalog, doing)?;
        for (hash, id) in rows {
            insert_hash.execute((hash, id)).at(catalog, doing)?;
        }
        Ok(())
    }
}
