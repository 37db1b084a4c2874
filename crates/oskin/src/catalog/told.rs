//! The path sets of images, each told by how it differs from that of another image.
//!
//! Sets are numbered in the order of insertion and never renumbered. The set of an image that has
//! been removed stays, without an image, since others may be told by it.

use super::error::{At as _, CatalogError};
use super::sets;
use crate::inventory::encode::{self, Damaged, Decoder};
use crate::measure::DEEPEST;
use crate::path_set::{Delta, PathSet};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::path::Path;

const DOING: &str = "read a path set";

/// A set as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The number of the set that tells it, smaller than its own.
    pub(super) relative: Option<u32>,
    /// How it differs from that one, or from the empty set.
    pub(super) delta: Delta,
    /// Those of its paths that are not of the kind that they were first; whole.
    pub(super) other: PathSet,
}

pub(super) fn store(
    connection: &Connection,
    catalog: &Path,
    (number, image): (u32, i64),
    told: &Told,
) -> Result<(), CatalogError> {
    let sql = "INSERT INTO told_set (number, image_id, relative, data, other)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let doing = "store a path set";
    let mut plain = Vec::new();
    for set in [&told.delta.added, &told.delta.removed] {
        encode::put_number(&mut plain, set.runs().len() as u64);
        sets::put_runs(&mut plain, set);
    }
    let mut other = Vec::new();
    sets::put_runs(&mut other, &told.other);
    let other = (!other.is_empty()).then(|| encode::seal(&other, 3));
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| {
            let data = encode::seal(&plain, 3);
            statement.execute(params![number, image, told.relative, data, other])
        })
        .at(catalog, doing)?;
    Ok(())
}

/// The number of the set of an image.
pub(super) fn number_of(
    connection: &Connection,
    catalog: &Path,
    image: i64,
) -> Result<u32, CatalogError> {
    let sql = "SELECT number FROM told_set WHERE image_id = ?1";
    let mut statement = connection.prepare_cached(sql).at(catalog, DOING)?;
    let number = statement.query_row([image], |row| row.get(0)).optional().at(catalog, DOING)?;
    number.ok_or_else(|| damaged(catalog, format!("path set of image {image}"), "it is not there"))
}

/// A stored set, by its number.
pub(super) fn load(
    connection: &Connection,
    catalog: &Path,
    number: u32,
) -> Result<Told, CatalogError> {
    let sql = "SELECT relative, data, other FROM told_set WHERE number = ?1";
    let mut statement = connection.prepare_cached(sql).at(catalog, DOING)?;
    let row = statement
        .query_row([number], |row| {
            Ok((row.get::<_, Option<u32>>(0)?, row.get::<_, Vec<u8>>(1)?, row.get(2)?))
        })
        .optional()
        .at(catalog, DOING)?;
    let what = || format!("path set {number}");
    let (relative, data, other): (_, _, Option<Vec<u8>>) =
        row.ok_or_else(|| damaged(catalog, what(), "it is not there"))?;
    if relative.is_some_and(|relative| relative >= number) {
        return Err(damaged(catalog, what(), "it is told by a later one"));
    }
    take(&data, other.as_deref())
        .map(|(delta, other)| Told { relative, delta, other })
        .map_err(|Damaged(why)| damaged(catalog, what(), why))
}

fn take(data: &[u8], other: Option<&[u8]>) -> Result<(Delta, PathSet), Damaged> {
    let plain = encode::unseal(data, sets::SET_LIMIT_BYTES)?;
    let mut decoder = Decoder::new(&plain);
    let mut part = || {
        let runs = decoder.number()?;
        sets::take_runs(&mut decoder, runs)
    };
    let delta = Delta { added: part()?, removed: part()? };
    if !decoder.is_done() {
        return Err(Damaged("bytes behind the last run"));
    }
    let Some(other) = other else { return Ok((delta, PathSet::default())) };
    Ok((delta, sets::take(&encode::unseal(other, sets::SET_LIMIT_BYTES)?)?))
}

/// Fails if a set is told by more others than a set may be.
pub(super) fn not_too_deep(catalog: &Path, number: u32, others: usize) -> Result<(), CatalogError> {
    if others > DEEPEST as usize {
        let why = "it is told by more than a hundred others";
        return Err(damaged(catalog, format!("path set {number}"), why));
    }
    Ok(())
}

/// A set put together from its differences, and which of its paths are of the other kind. O(sets
/// that tell it).
pub(super) fn set(
    connection: &Connection,
    catalog: &Path,
    number: u32,
) -> Result<(PathSet, PathSet), CatalogError> {
    let told = load(connection, catalog, number)?;
    let mut relative = told.relative;
    let mut line = vec![told.delta];
    // Each has a smaller number than the one before.
    while let Some(above) = relative {
        not_too_deep(catalog, number, line.len())?;
        let above = load(connection, catalog, above)?;
        line.push(above.delta);
        relative = above.relative;
    }
    let apply = |set: PathSet, delta: Delta| delta.apply(&set);
    Ok((line.into_iter().rev().fold(PathSet::default(), apply), told.other))
}

/// All sets in order, with the numbers of their relatives; `None` if one has no image any more.
pub(super) fn all(
    connection: &Connection,
    catalog: &Path,
) -> Result<Option<Vec<(Option<u32>, Delta)>>, CatalogError> {
    let sql = "SELECT number, image_id, relative, data FROM told_set ORDER BY number";
    let mut statement = connection.prepare_cached(sql).at(catalog, DOING)?;
    let mut rows = statement.query([]).at(catalog, DOING)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().at(catalog, DOING)? {
        let number: u32 = row.get(0).at(catalog, DOING)?;
        let image: Option<i64> = row.get(1).at(catalog, DOING)?;
        let relative: Option<u32> = row.get(2).at(catalog, DOING)?;
        let data: Vec<u8> = row.get(3).at(catalog, DOING)?;
        if image.is_none() {
            return Ok(None);
        }
        let what = || format!("path set {number}");
        if number as usize != all.len() || relative.is_some_and(|relative| relative >= number) {
            return Err(damaged(catalog, what(), "it is out of order"));
        }
        let taken = take(&data, None);
        let (delta, _) = taken.map_err(|Damaged(why)| damaged(catalog, what(), why))?;
        all.push((relative, delta));
    }
    Ok(Some(all))
}

/// The sets that have paths of the other kind, and which.
pub(super) fn others(
    connection: &Connection,
    catalog: &Path,
) -> Result<Vec<(u32, PathSet)>, CatalogError> {
    let sql = "SELECT number, other FROM told_set WHERE other IS NOT NULL ORDER BY number";
    let mut statement = connection.prepare_cached(sql).at(catalog, DOING)?;
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect::<Result<Vec<(u32, Vec<u8>)>, _>>)
        .at(catalog, DOING)?;
    let decode = |(number, other): (u32, Vec<u8>)| {
        let other = encode::unseal(&other, sets::SET_LIMIT_BYTES).and_then(|it| sets::take(&it));
        let other =
            other.map_err(|Damaged(why)| damaged(catalog, format!("path set {number}"), why));
        Ok((number, other?))
    };
    rows.into_iter().map(decode).collect()
}

pub(super) fn damaged(catalog: &Path, what: String, why: &'static str) -> CatalogError {
    CatalogError::Damaged { path: catalog.to_owned(), what, source: Damaged(why) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sets_that_too_many_tell_are_refused() {
        let connection = Connection::open_in_memory().unwrap();
        let table = "CREATE TABLE told_set (number INTEGER PRIMARY KEY, image_id INTEGER,
                     relative INTEGER, data BLOB, other BLOB)";
        connection.execute(table, []).unwrap();
        for number in 0..DEEPEST + 2 {
            let added = PathSet::from_unsorted(vec![number]);
            let delta = Delta { added, removed: PathSet::default() };
            let told = Told { relative: number.checked_sub(1), delta, ..Told::default() };
            store(&connection, Path::new(""), (number, 0), &told).unwrap();
        }
        let deepest = set(&connection, Path::new(""), DEEPEST).unwrap().0;
        assert_eq!(deepest.len(), u64::from(DEEPEST) + 1);
        assert!(set(&connection, Path::new(""), DEEPEST + 1).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            drop(take(&encode::seal(&bytes, 3), Some(&encode::seal(&bytes, 3))));
            drop(take(&bytes, None));
        }
    }
}
