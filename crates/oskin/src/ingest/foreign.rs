//! Ids for paths of images that are read on the fly, beside those of the catalog.

use crate::catalog::{Catalog, CatalogError};
use crate::inventory::encode::PathList;
use crate::inventory::{Entry, Inventory};
use crate::path_set::PathSet;
use std::collections::BTreeMap;

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
