//! Path sets as bytes; and how catalogs up to version 2 store them, each whole.

use super::error::{At as _, CatalogError};
use crate::inventory::encode::{self, Damaged, Decoder};
use crate::path_set::{PathSet, Run, Selection};
use rusqlite::{Connection, params};
use std::path::Path;

/// The most bytes that a set may decode to.
pub(super) const SET_LIMIT_BYTES: usize = 1 << 30;

/// The stored number of a selection; `both` is not stored, it is the union.
pub(super) const fn code_of(selection: Selection) -> i64 {
    match selection {
        Selection::Files => 0,
        Selection::Directories => 1,
        Selection::Both => 2,
    }
}

pub(super) fn store(
    connection: &Connection,
    catalog: &Path,
    (image, selection): (i64, Selection),
    set: &PathSet,
) -> Result<(), CatalogError> {
    let sql = "INSERT INTO image_set (image_id, selection, data) VALUES (?1, ?2, ?3)";
    let doing = "store a path set";
    let mut statement = connection.prepare_cached(sql).at(catalog, doing)?;
    let data = encode::seal(&put(set), 3);
    statement.execute(params![image, code_of(selection), data]).at(catalog, doing)?;
    Ok(())
}

pub(super) fn load(
    connection: &Connection,
    catalog: &Path,
    image: i64,
    selection: Selection,
) -> Result<PathSet, CatalogError> {
    let sql = "SELECT data FROM image_set WHERE image_id = ?1 AND selection = ?2";
    let doing = "read a path set";
    let mut statement = connection.prepare_cached(sql).at(catalog, doing)?;
    let data: Vec<u8> =
        statement.query_row((image, code_of(selection)), |row| row.get(0)).at(catalog, doing)?;
    let decoded = encode::unseal(&data, SET_LIMIT_BYTES).and_then(|plain| take(&plain));
    decoded.map_err(|source| CatalogError::Damaged {
        path: catalog.to_owned(),
        what: format!("path set of image {image}, {selection}"),
        source,
    })
}

fn put(set: &PathSet) -> Vec<u8> {
    let mut plain = Vec::new();
    put_runs(&mut plain, set);
    plain
}

/// Per run the gap since the run before and the length.
pub(super) fn put_runs(plain: &mut Vec<u8>, set: &PathSet) {
    let mut end = 0;
    for run in set.runs() {
        encode::put_number(plain, u64::from(run.first) - end);
        encode::put_number(plain, run.len.into());
        end = run.end();
    }
}

pub(super) fn take(plain: &[u8]) -> Result<PathSet, Damaged> {
    take_runs(&mut Decoder::new(plain), u64::MAX)
}

/// So many runs, or as many as there are.
pub(super) fn take_runs(decoder: &mut Decoder<'_>, count: u64) -> Result<PathSet, Damaged> {
    let mut runs = Vec::new();
    let mut end = 0_u64;
    while runs.len() as u64 != count && !(count == u64::MAX && decoder.is_done()) {
        let first = end.checked_add(decoder.number()?).and_then(|first| u32::try_from(first).ok());
        let run =
            Run { first: first.ok_or(Damaged("path id out of range"))?, len: decoder.small()? };
        end = run.end();
        runs.push(run);
    }
    PathSet::from_runs(runs).ok_or(Damaged("runs of a set are out of order"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sets_come_back_as_they_were(
            ids in proptest::collection::vec(prop_oneof![0_u32..100, any::<u32>()], 0..80)
        ) {
            let set = PathSet::from_unsorted(ids);
            prop_assert_eq!(take(&put(&set)), Ok(set));
        }

        #[test]
        fn any_bytes_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(set) = take(&bytes) {
                prop_assert_eq!(take(&put(&set)), Ok(set));
            }
        }
    }
}
