//! The part of [`check`](super::check) for path sets that are told by others, and for their index.
//!
//! The index is made anew from the stored differences and has to be the stored one, part by part;
//! that the sets are those of the layers is checked image by image elsewhere.

use super::error::{At as _, CatalogError};
use super::index::{StoredIndex, stored_blocks};
use super::told::{self, Told};
use super::{Catalog, Violation};
use crate::measure::OverlapIndex;
use crate::path_set::{Delta, PathSet};

/// Appends what is wrong with the sets and the index.
pub(super) fn check(
    catalog: &Catalog,
    violations: &mut Vec<Violation>,
) -> Result<(), CatalogError> {
    let doing = "check the path sets";
    let (connection, path) = (&catalog.connection, &catalog.path);
    let mut report = |place: String, what: String| violations.push(Violation { place, what });
    let sql = "SELECT name FROM image WHERE id NOT IN
               (SELECT image_id FROM told_set WHERE image_id IS NOT NULL)";
    let mut statement = connection.prepare(sql).at(path, doing)?;
    let mut rows = statement.query([]).at(path, doing)?;
    while let Some(row) = rows.next().at(path, doing)? {
        let name: String = row.get(0).at(path, doing)?;
        report(format!("image {name:?}"), "it has no path set".into());
    }
    let sql = "SELECT number, image_id IS NOT NULL FROM told_set ORDER BY number";
    let mut statement = connection.prepare(sql).at(path, doing)?;
    let mut rows = statement.query([]).at(path, doing)?;
    let paths = u64::from(catalog.path_count()?);
    let mut index = OverlapIndex::default();
    while let Some(row) = rows.next().at(path, doing)? {
        let number: u32 = row.get(0).at(path, doing)?;
        let alive: bool = row.get(1).at(path, doing)?;
        let place = format!("path set {number}");
        if number as usize != index.slots().len() {
            report(place, "its number does not follow that of the one before".into());
            return Ok(());
        }
        let (Told { relative, delta, other }, base) = match whole(catalog, number) {
            Ok(whole) => whole,
            Err(error) => {
                report(place, super::check::full_text(&error));
                return Ok(());
            }
        };
        let set = delta.apply(&base);
        if Delta::between(&base, &set) != delta {
            report(place.clone(), "it states differences that are none".into());
        }
        if !other.difference(&set).is_empty() {
            report(place, "it states the kind of a path that it has not".into());
        }
        let ends = [&delta.added, &delta.removed].map(|it| it.runs().last().map(|run| run.end()));
        if ends.iter().flatten().any(|end| *end > paths) {
            report(format!("path set {number}"), "a path id is not in the dictionary".into());
            return Ok(());
        }
        index.add(relative, &delta);
        if !alive {
            index.remove(number);
        }
    }
    for what in differences(catalog, &index) {
        report("index".into(), what);
    }
    Ok(())
}

/// A set and the one that tells it.
fn whole(catalog: &Catalog, number: u32) -> Result<(Told, PathSet), CatalogError> {
    let told = told::load(&catalog.connection, &catalog.path, number)?;
    let base = match told.relative {
        Some(relative) => told::set(&catalog.connection, &catalog.path, relative)?.0,
        None => PathSet::default(),
    };
    Ok((told, base))
}

/// In what the stored index is not the one that it should be.
fn differences(catalog: &Catalog, wanted: &OverlapIndex) -> Vec<String> {
    let (connection, path) = (&catalog.connection, &catalog.path);
    let stored = match StoredIndex::of(None, connection, path) {
        Ok(stored) => stored.index,
        Err(error) => return vec![super::check::full_text(&error)],
    };
    let blocks = match stored_blocks(connection, path) {
        Ok(blocks) => blocks,
        Err(error) => return vec![super::check::full_text(&error)],
    };
    let same = [
        ("slots", stored.slots() == wanted.slots()),
        ("nodes", stored.nodes() == wanted.nodes()),
        ("stations", stored.stations() == wanted.stations()),
        ("blocks", blocks.iter().map(|(number, block)| (*number, block)).eq(wanted.blocks())),
    ];
    let wrong = same.into_iter().filter(|(_, same)| !same);
    wrong.map(|(what, _)| format!("its {what} are not those of the path sets")).collect()
}
