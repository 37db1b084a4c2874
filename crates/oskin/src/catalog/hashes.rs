//! The hashes of paths that sketches are made from.
//!
//! They are computed from the text of the paths: the dictionary's own table of hashes is ordered by
//! hash, not by path, and that of the first format version holds others.

use super::Catalog;
use super::error::CatalogError;
use super::intern::PathReader;
use crate::measure::path_hash;
use crate::path_set::PathSet;

/// The hashes of the paths of a catalog, each computed once.
#[derive(Debug)]
pub struct PathHashes<'c> {
    reader: PathReader<'c>,
    // By path id; 0 where it is not known yet.
    known: Vec<u64>,
}

impl Catalog {
    /// Starts to hash the paths of the catalog. Takes 8 bytes of memory for each of its paths.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn path_hashes(&self) -> Result<PathHashes<'_>, CatalogError> {
        let known = vec![0; self.path_count()? as usize];
        Ok(PathHashes { reader: PathReader::new(&self.connection, &self.path), known })
    }
}

impl PathHashes<'_> {
    /// The hash of each path of a set, in the order of their ids; see [`path_hash`].
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged, or has no such path.
    pub fn of(&mut self, set: &PathSet) -> Result<Vec<u64>, CatalogError> {
        let mut hashes = Vec::with_capacity(usize::try_from(set.len()).unwrap_or_default());
        for id in set.ids() {
            // Another process may have added paths since this value was made: those are not kept.
            let known = self.known.get(id as usize).copied().unwrap_or_default();
            let hash = if known == 0 { path_hash(self.reader.path(id)?) } else { known };
            if let Some(known) = self.known.get_mut(id as usize) {
                *known = hash;
            }
            hashes.push(hash);
        }
        Ok(hashes)
    }
}
