//! Questions to the whole catalog: how much a set of paths shares with each image, and which are
//! nearest.

use super::error::{At as _, CatalogError};
use super::format::TOLD_VERSION;
use super::index::StoredIndex;
use super::{Catalog, told};
use crate::measure::{Branch, Forest, Measure, Near, Slot, nearest};
use crate::path_set::{Overlap, PathSet, Selection};
use std::collections::BTreeSet;

const DOING: &str = "ask the index";

/// An image near to a set of paths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NearImage {
    /// The id of the image.
    pub image: i64,
    /// What the asked set (left) and the image (right) share.
    pub overlap: Overlap,
    /// How alike they are.
    pub value: f64,
}

/// What a walk down the images found.
#[derive(Clone, Debug, PartialEq)]
pub struct WalkDown {
    /// The nearest, the most alike first.
    pub nearest: Vec<NearImage>,
    /// How many images were looked at.
    pub looked_at: usize,
    /// Of how many, with those that were removed but still tell others.
    pub of: usize,
    /// Whether no other image can be nearer than the last of these.
    pub is_proven: bool,
}

/// How many images are looked at before bounds are computed again: more take less time, and a few more
/// looks: 3.1 % of 10,000 images with four, 2.9 % with one.
const LOOKS_AT_ONCE: usize = 4;

impl Catalog {
    /// The images nearest to a set of path ids under a selection: at most `most`, no value below
    /// `min`, the most alike first, of equals the one that shares more, then the one added first. Exact.
    ///
    /// Images without paths, of packages only, are left out here and below. Ids that the catalog does not have count for no image. The asked set is the left one of the
    /// measure. The first question reads the index, later ones only the parts of its map that they
    /// touch; under files or directories alone a row of each image is read too. A catalog of a
    /// format version below 3 has no index: all of its sets are read each time.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn nearest(
        &self,
        (set, selection): (&PathSet, Selection),
        measure: Measure,
        min: f64,
        most: usize,
    ) -> Result<Vec<NearImage>, CatalogError> {
        if selection == Selection::Both && self.version >= TOLD_VERSION {
            return self.with_index(|stored| {
                let without = self.without_paths()?;
                let common = stored.overlaps(&self.connection, &self.path, set)?;
                let asked = most.saturating_add(without.len());
                let near = stored.index.nearest((&common, set.len()), measure, min, asked);
                let images = near.into_iter().map(|near| self.near_image(near));
                let mut images = images.collect::<Result<Vec<NearImage>, _>>()?;
                images.retain(|near| !without.contains(&near.image));
                images.truncate(most);
                Ok(images)
            });
        }
        let all = self.overlaps(set, selection)?;
        let pairs = all.iter().enumerate();
        let near = pairs.map(|(other, (_, overlap))| Near {
            other,
            overlap: *overlap,
            value: measure.of(*overlap),
        });
        let near = nearest(near.filter(|near| near.value >= min), most);
        let image = |near: Near| NearImage {
            image: all[near.other].0,
            overlap: near.overlap,
            value: near.value,
        };
        Ok(near.into_iter().map(image).collect())
    }

    /// What a set of path ids (left) shares with each image (right) under a selection, in the order
    /// in which the images were added. Exact.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn overlaps(
        &self,
        set: &PathSet,
        selection: Selection,
    ) -> Result<Vec<(i64, Overlap)>, CatalogError> {
        if self.version >= TOLD_VERSION {
            return self.with_index(|stored| self.ask_index(stored, set, selection));
        }
        let overlap = |(image, _)| Ok((image, set.overlap(&self.path_set(image, selection)?)));
        self.names_with_paths()?.into_iter().map(overlap).collect()
    }

    /// The images nearest to a set of path ids, files and directories, by a walk down the images as
    /// the catalog tells them: first those told by nothing, then those with the highest bound, until
    /// no other can be nearer. `None` for a catalog of a format version below 3, which tells no image
    /// by another.
    ///
    /// As exact as [`nearest`](Self::nearest) and slower: it is there to show how few have to be
    /// looked at. What a look tells is taken from the index.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn walk_down(
        &self,
        set: &PathSet,
        measure: Measure,
        most: usize,
    ) -> Result<Option<WalkDown>, CatalogError> {
        if self.version < TOLD_VERSION {
            return Ok(None);
        }
        self.with_index(|stored| {
            let common = stored.overlaps(&self.connection, &self.path, set)?;
            stored.bring_all(&self.connection, &self.path)?;
            let with_paths: BTreeSet<u32> =
                self.images_of_sets()?.into_iter().map(|(number, _)| number).collect();
            let branch = |((number, slot), added): ((u32, &Slot), u64)| Branch {
                parent: slot.relative,
                size: slot.size.into(),
                added,
                counts: slot.alive && with_paths.contains(&number),
            };
            let slots = (0..).zip(stored.index.slots());
            let branches = slots.zip(stored.index.added()).map(branch);
            // A slot comes after the one that tells it: the index was not made otherwise.
            let forest = Forest::new(branches.collect()).unwrap_or_default();
            let look =
                |number: u32| common.get(number as usize).copied().unwrap_or_default().into();
            let query = (set.len(), measure);
            let found = forest.search(query, most, (LOOKS_AT_ONCE, usize::MAX), look);
            let nearest = found.nearest.into_iter().map(|near| self.near_image(near));
            Ok(Some(WalkDown {
                nearest: nearest.collect::<Result<_, _>>()?,
                looked_at: found.looked_at,
                of: forest.len(),
                is_proven: found.is_proven,
            }))
        })
    }

    /// Calls with the index as it is at this moment.
    pub(super) fn with_index<T>(
        &self,
        call: impl FnOnce(&mut StoredIndex) -> Result<T, CatalogError>,
    ) -> Result<T, CatalogError> {
        // All that is read has to be of one moment.
        self.at_one_moment(|catalog| {
            let kept = catalog.index.borrow_mut().take();
            let mut stored = StoredIndex::of(kept, &catalog.connection, &catalog.path)?;
            let answer = call(&mut stored)?;
            *catalog.index.borrow_mut() = Some(stored);
            Ok(answer)
        })
    }

    fn near_image(&self, near: Near) -> Result<NearImage, CatalogError> {
        let sql = "SELECT image_id FROM told_set WHERE number = ?1";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path, DOING)?;
        let image = statement.query_row([near.other], |row| row.get(0)).at(&self.path, DOING)?;
        Ok(NearImage { image, overlap: near.overlap, value: near.value })
    }

    fn ask_index(
        &self,
        stored: &mut StoredIndex,
        set: &PathSet,
        selection: Selection,
    ) -> Result<Vec<(i64, Overlap)>, CatalogError> {
        let (connection, path) = (&self.connection, &self.path);
        let common = match selection {
            Selection::Both => stored.overlaps(connection, path, set)?,
            _ => self.ask_kind(stored, set, selection)?,
        };
        let sql = "SELECT number, image_id, files, directories FROM told_set
                   JOIN image ON image.id = image_id ORDER BY number";
        let mut statement = connection.prepare_cached(sql).at(path, DOING)?;
        let mut rows = statement.query([]).at(path, DOING)?;
        let (mut all, size) = (Vec::new(), set.len());
        let without = self.without_paths()?;
        while let Some(row) = rows.next().at(path, DOING)? {
            let number: usize = row.get(0).at(path, DOING)?;
            let image: i64 = row.get(1).at(path, DOING)?;
            if without.contains(&image) {
                continue;
            }
            let Some(common) = common.get(number) else {
                return Err(told::damaged(path, format!("path set {number}"), "it is too many"));
            };
            let count = |at| -> Result<u64, CatalogError> {
                let count: i64 = row.get(at).at(path, DOING)?;
                Ok(u64::try_from(count).unwrap_or_default())
            };
            let other = match selection {
                Selection::Files => count(2)?,
                Selection::Directories => count(3)?,
                Selection::Both => count(2)?.saturating_add(count(3)?),
            };
            let overlap = Overlap::of_sizes(u64::from(*common), size, other);
            all.push((image, overlap));
        }
        Ok(all)
    }

    /// The counts under one kind: paths that were first of that kind are shared with the images
    /// that have them and in which they are not of the other kind, the others with those in which
    /// they are.
    fn ask_kind(
        &self,
        stored: &mut StoredIndex,
        set: &PathSet,
        selection: Selection,
    ) -> Result<Vec<u32>, CatalogError> {
        let (connection, path) = (&self.connection, &self.path);
        let mut kinds = self.kinds.borrow_mut();
        kinds.read_on(connection, path)?;
        let usual = kinds.select(set, &PathSet::default(), selection);
        let unusual = set.difference(&usual);
        let mut common = stored.overlaps(connection, path, &usual)?;
        for (number, other) in told::others(connection, path)? {
            let less = usual.overlap(&other).common;
            let more = unusual.overlap(&other).common;
            if let Some(common) = common.get_mut(number as usize) {
                let corrected = (u64::from(*common) + more).saturating_sub(less);
                *common = u32::try_from(corrected).unwrap_or(u32::MAX);
            }
        }
        Ok(common)
    }
}
