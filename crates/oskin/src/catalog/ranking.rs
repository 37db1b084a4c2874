//! The images of the catalog that another one, in it or not, may have been built from.

use super::error::{At as _, CatalogError};
use super::format::TOLD_VERSION;
use super::index::StoredIndex;
use super::{Catalog, images, told};
use crate::image::LayerKey;
use crate::lineage::{Candidate, Candidates, Ranked, Ranking};
use crate::path_set::{Overlap, PathSet, Selection};
use rusqlite::params_from_iter;

const DOING: &str = "rank candidates";

/// What the paths of an image tell of the catalog's; images are known by their ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageRanking {
    /// The first image with the very files of the asked one.
    pub twin: Option<i64>,
    /// The best candidates to be its parent, the best first, whatever they score; at most four. The
    /// number in the candidate is the place of the image in [`Catalog::names_with_paths`].
    pub candidates: Vec<(i64, Candidate)>,
    /// What the asked image (right) shares with each image (left), in files, in the order of
    /// [`Catalog::names_with_paths`].
    pub overlaps: Vec<(i64, Overlap)>,
}

impl Catalog {
    /// Ranks the images of the catalog as parents of one that is given by its files; exactly as if
    /// all images were ranked with it.
    ///
    /// The first question reads the whole index and what all images weigh (25 ms of CPU for 10,000, or
    /// 4 where that is kept), later ones less. A catalog of a format version below 3 has no index: there each
    /// question ranks all images.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn rank(&self, files: &PathSet) -> Result<ImageRanking, CatalogError> {
        if self.version < TOLD_VERSION {
            return self.rank_all(files);
        }
        self.with_index(|stored| {
            let (ranking, images) = match stored.ranking.take() {
                Some(known) => known,
                None => (self.ranking(stored)?, self.images_of_sets()?),
            };
            stored.bring(&self.connection, &self.path, files)?;
            let strange = self.kinds.borrow().directories_of(files);
            let scratch = (&mut stored.scratch, &mut stored.sums);
            let ranked =
                name_ranked(&ranking.of(&stored.index, (files, &strange), scratch), &images);
            stored.ranking = Some((ranking, images));
            Ok(ranked)
        })
    }

    /// What an image of the catalog, given by its id and its files, scores as a candidate of each of
    /// the others that share anything with it, in the order of [`names_with_paths`](Self::names_with_paths); smaller ones
    /// included, whose candidate it is not. Empty for a catalog of a format version below 3.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn scores(&self, image: i64, files: &PathSet) -> Result<Vec<(i64, f64)>, CatalogError> {
        // What ranks is made by ranking.
        if self.with_index(|stored| Ok(stored.ranking.is_none()))? {
            self.rank(files)?;
        }
        self.with_index(|stored| {
            stored.bring(&self.connection, &self.path, files)?;
            let Some((ranking, images)) = &stored.ranking else { return Ok(Vec::new()) };
            let Some((number, _)) = images.iter().find(|(_, id)| *id == image) else {
                return Ok(Vec::new());
            };
            let strange = self.kinds.borrow().directories_of(files);
            let asked = (*number, files, &strange);
            let scores = ranking.scores(&stored.index, asked, &mut stored.sums);
            let score =
                |&(number, image): &(u32, i64)| Some((image, (*scores.get(number as usize)?)?));
            Ok(images.iter().filter_map(score).collect())
        })
    }

    /// The images with the very files of one, without itself, in the order of [`names_with_paths`](Self::names_with_paths),
    /// as far as they have been ranked: empty before [`rank`](Self::rank) was asked anything.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn twins(&self, image: i64) -> Result<Vec<i64>, CatalogError> {
        if self.version < TOLD_VERSION {
            return Ok(Vec::new());
        }
        self.with_index(|stored| {
            let Some((ranking, images)) = &stored.ranking else { return Ok(Vec::new()) };
            let number = images.iter().find(|(_, id)| *id == image).map(|(number, _)| *number);
            let first = number.and_then(|number| ranking.first_twin(number));
            let is_twin =
                |(number, id): &&(u32, i64)| *id != image && ranking.first_twin(*number) == first;
            let twins = images.iter().filter(is_twin).map(|(_, id)| *id);
            Ok(if first.is_some() { twins.collect() } else { Vec::new() })
        })
    }

    /// What an image that is not in the catalog would be among the candidates of one that is, both given
    /// by their files; its number means nothing. `None` for a catalog of a format version below 3.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn rank_pair(
        &self,
        unseen: &PathSet,
        child: &PathSet,
    ) -> Result<Option<Candidate>, CatalogError> {
        // What ranks is made by ranking.
        self.rank(unseen)?;
        self.with_index(|stored| {
            stored.bring(&self.connection, &self.path, &unseen.union(child))?;
            let strange = self.kinds.borrow().directories_of(unseen);
            let pair = |(ranking, _): &(Ranking, _)| {
                ranking.pair(&stored.index, &unseen.difference(&strange), child)
            };
            Ok(stored.ranking.as_ref().map(pair))
        })
    }

    fn ranking(&self, stored: &mut StoredIndex) -> Result<Ranking, CatalogError> {
        let (connection, path) = (&self.connection, &self.path);
        let mut kinds = self.kinds.borrow_mut();
        kinds.read_on(connection, path)?;
        if let Some(kept) = self.kept_weights(&stored.index)? {
            return Ok(kept);
        }
        stored.bring_all(connection, path)?;
        let others = told::others(connection, path)?.into_iter().collect();
        Ok(Ranking::new(&stored.index, &kinds.all_directories(), &others))
    }

    /// The number of each set that has an image with paths, with the id of that, ascending.
    pub(super) fn images_of_sets(&self) -> Result<Vec<(u32, i64)>, CatalogError> {
        let sql =
            "SELECT number, image_id FROM told_set WHERE image_id IS NOT NULL ORDER BY number";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path, DOING)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let mut images: Vec<(u32, i64)> = rows.and_then(Iterator::collect).at(&self.path, DOING)?;
        let without = self.without_paths()?;
        images.retain(|(_, image)| !without.contains(image));
        Ok(images)
    }

    /// The same without an index.
    fn rank_all(&self, files: &PathSet) -> Result<ImageRanking, CatalogError> {
        let ids: Vec<i64> = self.names_with_paths()?.into_iter().map(|(id, _)| id).collect();
        let sets = self.path_sets(&ids, Selection::Files)?;
        let child = u32::try_from(sets.len()).unwrap_or(u32::MAX);
        let ranked = Candidates::rank(&sets.iter().chain([files]).collect::<Vec<_>>());
        let first = ranked.first_twin(child);
        let of = ranked.of(child).iter().map(|it| (ids[it.image as usize], *it));
        let overlap = |(id, set): (&i64, &PathSet)| (*id, set.overlap(files));
        Ok(ImageRanking {
            twin: (first != child).then(|| ids[first as usize]),
            candidates: of.collect(),
            overlaps: ids.iter().zip(&sets).map(overlap).collect(),
        })
    }

    /// The images with entries all of whose layers that hold any are among these, ascending: whatever
    /// stands below an image with these layers, empty ones aside, is among them.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn images_of_layers(&self, layers: &[LayerKey]) -> Result<Vec<i64>, CatalogError> {
        let keys: Vec<String> = layers.iter().map(ToString::to_string).collect();
        let mut found = Vec::new();
        // SQLite takes so many values and more; an image with more layers is not to be feared.
        let Some(keys) = keys.get(..keys.len().min(images::MAX_VALUES)) else { return Ok(found) };
        let marks = vec!["?"; keys.len()].join(",");
        let full = "FROM image_layer JOIN layer ON layer.id = layer_id WHERE entries > 0";
        let sql = format!(
            "SELECT own.image_id FROM (SELECT image_id, count(*) AS known {full}
                 AND key IN ({marks}) GROUP BY image_id) AS own
             WHERE known = (SELECT count(*) {full} AND image_id = own.image_id)"
        );
        let mut statement = self.connection.prepare(&sql).at(&self.path, DOING)?;
        let mut rows = statement.query(params_from_iter(keys)).at(&self.path, DOING)?;
        while let Some(row) = rows.next().at(&self.path, DOING)? {
            found.push(row.get(0).at(&self.path, DOING)?);
        }
        found.sort_unstable();
        Ok(found)
    }
}

/// Puts ids of images for numbers of the index.
fn name_ranked(ranked: &Ranked, images: &[(u32, i64)]) -> ImageRanking {
    let place = |number: u32| images.binary_search_by_key(&number, |(number, _)| *number).ok();
    let candidate = |candidate: Candidate| {
        let place = place(candidate.image)?;
        let image = u32::try_from(place).ok()?;
        Some((images[place].1, Candidate { image, ..candidate }))
    };
    let overlap =
        |&(number, image): &(u32, i64)| Some((image, *ranked.overlaps.get(number as usize)?));
    ImageRanking {
        twin: ranked.twin.and_then(place).map(|place| images[place].1),
        candidates: ranked.candidates.iter().copied().filter_map(candidate).collect(),
        overlaps: images.iter().filter_map(overlap).collect(),
    }
}
