//! The path sets of images: written when an image is added, and read.
//!
//! Up to format version 2 the sets of files and of directories are stored whole. From version 3 on
//! there is one set, told by the closest that is there, with the paths that are of another kind
//! than they were first; and the index is kept up.

use super::error::CatalogError;
use super::format::TOLD_VERSION;
use super::index::StoredIndex;
use super::kinds::Kinds;
use super::told::{self, Told};
use super::{Catalog, sets};
use crate::measure::Family;
use crate::path_set::{Delta, PathSet, Selection};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::Path;

/// Stores the sets of a new image, files and directories.
pub(super) fn store(
    (connection, catalog): (&Connection, &Path),
    image: i64,
    [files, directories]: &[PathSet; 2],
    index: Option<(&mut StoredIndex, &mut Kinds)>,
) -> Result<(), CatalogError> {
    let Some((index, kinds)) = index else {
        sets::store(connection, catalog, (image, Selection::Files), files)?;
        return sets::store(connection, catalog, (image, Selection::Directories), directories);
    };
    let set = files.union(directories);
    kinds.read_on(connection, catalog)?;
    let first = kinds.directories_of(&set);
    let other = Delta::between(&first, directories);
    let common = index.overlaps(connection, catalog, &set)?;
    let relative = index.index.closest((&common, set.len()));
    let base = match relative {
        Some(relative) => told::set(connection, catalog, relative)?.0,
        None => PathSet::default(),
    };
    let sizes = index.index.slots();
    if relative.is_some_and(|it| u64::from(sizes[it as usize].size) != base.len()) {
        return Err(told::damaged(catalog, "index".into(), "it has another size of a path set"));
    }
    let delta = Delta::between(&base, &set);
    // The difference may touch blocks that the set does not: of paths that it has no more.
    index.bring(connection, catalog, &delta.removed)?;
    let number = index.index.add(relative, &delta);
    let told = Told { relative, delta, other: other.added.union(&other.removed) };
    told::store(connection, catalog, (number, image), &told)?;
    index.save(connection, catalog)
}

impl Catalog {
    /// The path set of an image under a selection.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn path_set(&self, image: i64, selection: Selection) -> Result<PathSet, CatalogError> {
        let (connection, path) = (&self.connection, &self.path);
        if self.version < TOLD_VERSION {
            return self.whole_set(image, selection);
        }
        self.at_one_moment(|_| {
            let number = told::number_of(connection, path, image)?;
            let (set, other) = told::set(connection, path, number)?;
            self.select(&set, &other, selection)
        })
    }

    /// The path sets of images under a selection, in the order of the images. Each set that tells
    /// others is put together once, so that many cost less than one after the other; until the end
    /// all of them are held.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn path_sets(
        &self,
        images: &[i64],
        selection: Selection,
    ) -> Result<Vec<PathSet>, CatalogError> {
        if self.version < TOLD_VERSION {
            return images.iter().map(|image| self.whole_set(*image, selection)).collect();
        }
        let mut known: BTreeMap<u32, PathSet> = BTreeMap::new();
        self.at_one_moment(|_| {
            images.iter().map(|image| self.known_set(*image, selection, &mut known)).collect()
        })
    }

    /// All images as the catalog tells them, under [`Selection::Both`], in the order in which they
    /// were added; ready to be counted without a search for relatives.
    ///
    /// `None` if the catalog tells them otherwise: if it is of a format version below 3, an image
    /// has been removed, or one has no paths. O(what is told).
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn family(&self) -> Result<Option<Family>, CatalogError> {
        if self.version < TOLD_VERSION || !self.without_paths()?.is_empty() {
            return Ok(None);
        }
        let all = told::all(&self.connection, &self.path)?;
        Ok(all.map(Family::from_deltas))
    }

    fn known_set(
        &self,
        image: i64,
        selection: Selection,
        known: &mut BTreeMap<u32, PathSet>,
    ) -> Result<PathSet, CatalogError> {
        let (connection, path) = (&self.connection, &self.path);
        let asked = told::number_of(connection, path, image)?;
        let mut line = vec![(asked, told::load(connection, path, asked)?)];
        let other = std::mem::take(&mut line[0].1.other);
        let mut base = PathSet::default();
        while let Some(relative) = line.last().and_then(|(_, told)| told.relative) {
            if let Some(set) = known.get(&relative) {
                base = set.clone();
                break;
            }
            told::not_too_deep(path, asked, line.len())?;
            line.push((relative, told::load(connection, path, relative)?));
        }
        for (number, told) in line.into_iter().rev() {
            base = told.delta.apply(&base);
            known.insert(number, base.clone());
        }
        self.select(&base, &other, selection)
    }

    fn select(
        &self,
        set: &PathSet,
        other: &PathSet,
        selection: Selection,
    ) -> Result<PathSet, CatalogError> {
        let mut kinds = self.kinds.borrow_mut();
        if selection != Selection::Both {
            kinds.read_on(&self.connection, &self.path)?;
        }
        Ok(kinds.select(set, other, selection))
    }

    fn whole_set(&self, image: i64, selection: Selection) -> Result<PathSet, CatalogError> {
        let single = |selection| sets::load(&self.connection, &self.path, image, selection);
        match selection {
            Selection::Both => {
                Ok(single(Selection::Files)?.union(&single(Selection::Directories)?))
            }
            _ => single(selection),
        }
    }
}
