//! Every invariant of the catalog file, verified by code that writes none of it.

use super::error::{At as _, CatalogError};
use super::format::TOLD_VERSION;
use super::intern::{decode_block, hash_of};
use super::replay::replay;
use super::{Catalog, check_sets, format, layers, told_images};
use crate::image::ImageRecord;
use crate::path::escape;
use crate::path_set::{PathSet, Selection};
use std::collections::BTreeSet;

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where: a table and row, or an image.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

/// Runs all checks; one violation does not keep the others from being found.
pub(super) fn check(catalog: &Catalog) -> Result<Vec<Violation>, CatalogError> {
    let mut checker = Checker { catalog, violations: Vec::new(), paths: 0 };
    // What was read before may not be what is there.
    catalog.kinds.take();
    let steps: [(&str, Step<'_>); 7] = [
        ("store", Checker::store),
        ("path dictionary", Checker::dictionary),
        ("path hashes", Checker::hashes),
        ("layers", Checker::layers),
        ("images", Checker::images),
        ("path sets", Checker::sets),
        ("facts and packages", Checker::told),
    ];
    for (place, step) in steps {
        match step(&mut checker) {
            Err(error) if error.is_damage() => checker.report(place, full_text(&error)),
            result => result?,
        }
    }
    Ok(checker.violations)
}

type Step<'c> = fn(&mut Checker<'c>) -> Result<(), CatalogError>;

struct Checker<'c> {
    catalog: &'c Catalog,
    violations: Vec<Violation>,
    // How many paths the dictionary holds, once it has been read.
    paths: u32,
}

impl Checker<'_> {
    fn report(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.violations.push(Violation { place: place.into(), what: what.into() });
    }

    /// What SQLite itself can tell.
    fn store(&mut self) -> Result<(), CatalogError> {
        let catalog = self.catalog;
        for (pragma, place) in
            [("PRAGMA integrity_check", "store"), ("PRAGMA foreign_key_check", "references")]
        {
            let mut statement =
                catalog.connection.prepare(pragma).at(&catalog.path, "check the store")?;
            let mut rows = statement.query([]).at(&catalog.path, "check the store")?;
            while let Some(row) = rows.next().at(&catalog.path, "check the store")? {
                let said: String = row.get(0).at(&catalog.path, "check the store")?;
                if said != "ok" {
                    self.report(place, said);
                }
            }
        }
        Ok(())
    }

    /// Ids are dense, blocks decode, each path is found by its hash and there once only.
    fn dictionary(&mut self) -> Result<(), CatalogError> {
        let (catalog, doing) = (self.catalog, "check the path dictionary");
        let connection = &catalog.connection;
        let version = format::version(connection, &catalog.path)?;
        let mut blocks = connection
            .prepare("SELECT first_id, paths, data FROM path_block ORDER BY first_id")
            .at(&catalog.path, doing)?;
        let mut by_hash = connection
            .prepare("SELECT id FROM path_hash WHERE hash = ?1")
            .at(&catalog.path, doing)?;
        let mut rows = blocks.query([]).at(&catalog.path, doing)?;
        while let Some(row) = rows.next().at(&catalog.path, doing)? {
            let first: u32 = row.get(0).at(&catalog.path, doing)?;
            let paths: u32 = row.get(1).at(&catalog.path, doing)?;
            let data: Vec<u8> = row.get(2).at(&catalog.path, doing)?;
            let place = format!("dictionary block of path {first}");
            if first != self.paths {
                self.report(
                    &place,
                    format!("begins at {first}, the block before ended at {}", self.paths),
                );
            }
            self.paths = first.saturating_add(paths);
            let list = match decode_block(&data, paths as usize) {
                Ok(list) => list,
                Err(damaged) => {
                    self.report(&place, damaged.to_string());
                    continue;
                }
            };
            for (id, path) in (first..).zip(list.iter()) {
                let found = by_hash
                    .query_map([hash_of(version, path)], |row| row.get(0))
                    .and_then(Iterator::collect::<Result<Vec<u32>, _>>)
                    .at(&catalog.path, doing)?;
                if !found.contains(&id) {
                    self.report(&place, format!("path {id} is not found by its hash"));
                }
                for other in found.into_iter().filter(|other| *other < id) {
                    let mut reader = super::intern::PathReader::new(connection, &catalog.path);
                    if reader.path(other).is_ok_and(|text| text == path) {
                        let path = escape(path);
                        self.report(&place, format!("{path:?} has two ids, {other} and {id}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// No hash leads to an id that is not there.
    fn hashes(&mut self) -> Result<(), CatalogError> {
        let catalog = self.catalog;
        let sql = "SELECT count(*), coalesce(max(id), -1) FROM path_hash";
        let (rows, highest): (i64, i64) = catalog
            .connection
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .at(&catalog.path, "check the path hashes")?;
        let paths = i64::from(self.paths);
        if (rows, highest) != (paths, paths - 1) {
            let what = format!("{rows} hashes up to path {highest} for {paths} paths");
            self.report("path hashes", what);
        }
        Ok(())
    }

    /// Each layer decodes, has the entries that it states and is used by an image.
    fn layers(&mut self) -> Result<(), CatalogError> {
        let (catalog, doing) = (self.catalog, "check the layers");
        let connection = &catalog.connection;
        let sql = "SELECT id, key, (SELECT count(*) FROM image_layer WHERE layer_id = layer.id),
                   (SELECT coalesce(max(number) + 1, 0) - count(*) FROM layer_chunk
                    WHERE layer_id = layer.id) FROM layer ORDER BY id";
        let mut statement = connection.prepare(sql).at(&catalog.path, doing)?;
        let mut rows = statement.query([]).at(&catalog.path, doing)?;
        while let Some(row) = rows.next().at(&catalog.path, doing)? {
            let id: i64 = row.get(0).at(&catalog.path, doing)?;
            let key: String = row.get(1).at(&catalog.path, doing)?;
            let (users, missing): (i64, i64) =
                row.get(2).and_then(|users| Ok((users, row.get(3)?))).at(&catalog.path, doing)?;
            let place = format!("layer {key}");
            if users == 0 {
                self.report(&place, "no image stands on it");
            }
            if missing != 0 {
                self.report(&place, format!("{missing} chunks are missing"));
            }
            match layers::load(connection, &catalog.path, id) {
                Ok(stored) => {
                    if stored.path_ids.iter().any(|id| *id >= self.paths) {
                        self.report(&place, "a path id is not in the dictionary");
                    }
                }
                Err(error) => self.report(&place, full_text(&error)),
            }
        }
        Ok(())
    }

    /// Sets are told truly, and the index is theirs.
    fn sets(&mut self) -> Result<(), CatalogError> {
        match self.catalog.version {
            ..TOLD_VERSION => Ok(()),
            _ => check_sets::check(self.catalog, &mut self.violations),
        }
    }

    /// Facts and packages decode, are of images, and are as many as stated.
    fn told(&mut self) -> Result<(), CatalogError> {
        for (place, what) in told_images::check(self.catalog)? {
            self.report(place, what);
        }
        Ok(())
    }

    /// Counts and sets of each image are those of its layers, flattened by the second implementation.
    fn images(&mut self) -> Result<(), CatalogError> {
        for image in self.catalog.images()? {
            if let Err(error) = self.image(&image) {
                self.report(format!("image {:?}", image.name), full_text(&error));
            }
        }
        Ok(())
    }

    fn image(&mut self, image: &ImageRecord) -> Result<(), CatalogError> {
        let place = format!("image {:?}", image.name);
        let layers = self.catalog.layers(image.id)?;
        let standing = replay(layers.iter().map(|(_, stored)| &*stored.layer));
        let (mut sizes, mut contents) = (0_u64, BTreeSet::new());
        for standing in standing.values().filter(|standing| standing.kind.has_content()) {
            if contents.insert(standing.content) {
                sizes = sizes.saturating_add(standing.size_bytes);
            }
        }
        for selection in [Selection::Files, Selection::Directories] {
            let wanted = selection == Selection::Directories;
            let paths: Vec<&[u8]> = standing
                .iter()
                .filter(|(_, standing)| standing.kind.is_directory() == wanted)
                .map(|(path, _)| path.as_slice())
                .collect();
            let ids = self.catalog.path_ids(&paths)?;
            let known: Vec<u32> = ids.iter().flatten().copied().collect();
            if known.len() != ids.len() {
                self.report(&place, format!("{selection}: a path is not in the dictionary"));
            }
            if self.catalog.path_set(image.id, selection)? != PathSet::from_unsorted(known) {
                self.report(&place, format!("{selection}: the set is not that of the layers"));
            }
            let stated = if wanted { image.directories } else { image.files };
            if stated != paths.len() as u64 {
                self.report(&place, format!("states {stated} {selection}, has {}", paths.len()));
            }
        }
        if sizes != image.size_bytes {
            self.report(&place, format!("states {} bytes, has {sizes}", image.size_bytes));
        }
        Ok(())
    }
}

/// An error with all its causes in one line.
pub(super) fn full_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
