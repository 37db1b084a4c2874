//! What is told of images beside their layers: facts and packages, each in a table that is made when
//! it is first needed. A catalog without them is whole.

use super::error::{At as _, CatalogError};
use super::{Catalog, images};
use crate::image::{Fact, ImageRecord, Packages};
use crate::inventory::encode::{self, Damaged, Decoder};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The most bytes of facts that are read back for one image.
const FACTS_LIMIT_BYTES: usize = 16 << 20;

/// The most bytes of packages that are read back for one image.
const PACKAGES_LIMIT_BYTES: usize = 1 << 30;

const FACTS: &str = "
CREATE TABLE IF NOT EXISTS image_facts (
    image_id INTEGER PRIMARY KEY REFERENCES image (id) ON DELETE CASCADE,
    data     BLOB NOT NULL
)";

const PACKAGES: &str = "
CREATE TABLE IF NOT EXISTS image_packages (
    image_id      INTEGER PRIMARY KEY REFERENCES image (id) ON DELETE CASCADE,
    packages      INTEGER NOT NULL,
    packages_only INTEGER NOT NULL,
    data          BLOB NOT NULL
)";

const READ: &str = "read what is told of the images";
const WRITE: &str = "store what is told of an image";

impl Catalog {
    /// The packages of an image; `None` if nothing tells them.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn packages(&self, image: i64) -> Result<Option<Packages>, CatalogError> {
        packages(&self.connection, &self.path, image)
    }

    /// The names and numbers of all images that are more than a list of packages, in the order in which
    /// they were added: those that questions about paths are about. Cheap.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn names_with_paths(&self) -> Result<Vec<(i64, String)>, CatalogError> {
        self.at_one_moment(|catalog| {
            let mut names = catalog.names()?;
            let without = catalog.without_paths()?;
            names.retain(|(id, _)| !without.contains(id));
            Ok(names)
        })
    }

    /// The images of which nothing but packages is known.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn without_paths(&self) -> Result<BTreeSet<i64>, CatalogError> {
        if !has_table(&self.connection, &self.path, "image_packages")? {
            return Ok(BTreeSet::new());
        }
        let sql = "SELECT image_id FROM image_packages WHERE packages_only";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path, READ)?;
        let rows = statement.query_map([], |row| row.get(0));
        rows.and_then(Iterator::collect).at(&self.path, READ)
    }
}

fn packages(
    connection: &Connection,
    catalog: &Path,
    image: i64,
) -> Result<Option<Packages>, CatalogError> {
    if !has_table(connection, catalog, "image_packages")? {
        return Ok(None);
    }
    let sql = "SELECT data FROM image_packages WHERE image_id = ?1";
    let mut statement = connection.prepare_cached(sql).at(catalog, READ)?;
    let data = statement.query_row([image], |row| row.get::<_, Vec<u8>>(0)).optional();
    let data = data.at(catalog, READ)?;
    let packages = data.map(|data| take(&data, PACKAGES_LIMIT_BYTES, encode::take_packages));
    packages.transpose().map_err(|source| damaged(catalog, "packages", image, source))
}

/// Whether a table is there.
pub(super) fn has_table(
    connection: &Connection,
    catalog: &Path,
    name: &str,
) -> Result<bool, CatalogError> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    let mut statement = connection.prepare_cached(sql).at(catalog, READ)?;
    let found = statement.query_row([name], |_| Ok(())).optional();
    Ok(found.at(catalog, READ)?.is_some())
}

fn damaged(catalog: &Path, what: &str, image: i64, source: Damaged) -> CatalogError {
    let what = format!("{what} of image {image}");
    CatalogError::Damaged { path: catalog.to_owned(), what, source }
}

fn take<T>(
    sealed: &[u8],
    limit_bytes: usize,
    take: impl FnOnce(&mut Decoder<'_>) -> Result<T, Damaged>,
) -> Result<T, Damaged> {
    let plain = encode::unseal(sealed, limit_bytes)?;
    let mut decoder = Decoder::new(&plain);
    let taken = take(&mut decoder)?;
    decoder.is_done().then_some(taken).ok_or(Damaged("it is too long"))
}

/// Facts and numbers of packages of all images that have any, or of one.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) facts: BTreeMap<i64, Vec<Fact>>,
    /// How many, and whether nothing else is known.
    pub(super) packages: BTreeMap<i64, (u64, bool)>,
}

impl Told {
    /// Reads what there is; of one image if one is given.
    pub(super) fn read(
        connection: &Connection,
        catalog: &Path,
        image: Option<i64>,
    ) -> Result<Self, CatalogError> {
        let mut told = Self::default();
        let mut read =
            |table: &str,
             columns: &str,
             take: &mut dyn FnMut(&mut Self, i64, &Row<'_>) -> Taken| {
                if !has_table(connection, catalog, table)? {
                    return Ok(());
                }
                // All of them, or the one that the key finds.
                let which =
                    if image.is_some() { "WHERE image_id = ?1" } else { "WHERE ?1 IS NULL" };
                let sql = format!("SELECT image_id, {columns} FROM {table} {which}");
                let mut statement = connection.prepare_cached(&sql).at(catalog, READ)?;
                let mut rows = statement.query([image]).at(catalog, READ)?;
                while let Some(row) = rows.next().at(catalog, READ)? {
                    take(&mut told, row.get(0).at(catalog, READ)?, row)?;
                }
                Ok(())
            };
        read("image_facts", "data", &mut |told, id, row| {
            let data: Vec<u8> = row.get(1).at(catalog, READ)?;
            let facts = take(&data, FACTS_LIMIT_BYTES, encode::take_image_facts);
            let facts = facts.map_err(|source| damaged(catalog, "facts", id, source))?;
            told.facts.insert(id, facts);
            Ok(())
        })?;
        read("image_packages", "packages, packages_only", &mut |told, id, row| {
            let count: i64 = row.get(1).at(catalog, READ)?;
            let only = row.get(2).at(catalog, READ)?;
            told.packages.insert(id, (u64::try_from(count).unwrap_or_default(), only));
            Ok(())
        })?;
        Ok(told)
    }
}

type Taken = Result<(), CatalogError>;

/// Stores what is told of a new image.
pub(super) fn store(
    transaction: &Transaction<'_>,
    catalog: &Path,
    (image, facts): (i64, &[Fact]),
    packages: Option<&Packages>,
) -> Result<(), CatalogError> {
    if !facts.is_empty() {
        let mut plain = Vec::new();
        encode::put_image_facts(&mut plain, facts);
        transaction.execute(FACTS, []).at(catalog, WRITE)?;
        let sql = "INSERT INTO image_facts (image_id, data) VALUES (?1, ?2)";
        let row = params![image, encode::seal(&plain, images::SEAL_LEVEL)];
        transaction.execute(sql, row).at(catalog, WRITE)?;
    }
    if let Some(packages) = packages {
        let mut plain = Vec::new();
        encode::put_packages(&mut plain, packages);
        transaction.execute(PACKAGES, []).at(catalog, WRITE)?;
        let sql = "INSERT INTO image_packages (image_id, packages, packages_only, data)
                   VALUES (?1, ?2, ?3, ?4)";
        let count = i64::try_from(packages.list().len()).unwrap_or(i64::MAX);
        let row = params![image, count, packages.only, encode::seal(&plain, images::SEAL_LEVEL)];
        transaction.execute(sql, row).at(catalog, WRITE)?;
    }
    Ok(())
}

/// Whether an image that is there is the one that is added again, as far as packages tell: they count
/// where nothing else is known of one of the two.
pub(super) fn is_same(
    connection: &Connection,
    catalog: &Path,
    taken: &ImageRecord,
    added: Option<&Packages>,
) -> Result<bool, CatalogError> {
    if !taken.packages_only && !added.is_some_and(|packages| packages.only) {
        return Ok(true);
    }
    Ok(packages(connection, catalog, taken.id)?.as_ref() == added)
}

/// What is not as it must be in the two tables, as place and what.
pub(super) fn check(catalog: &Catalog) -> Result<Vec<(String, String)>, CatalogError> {
    let mut violations = Vec::new();
    for (table, what) in [("image_facts", "facts"), ("image_packages", "packages")] {
        if !has_table(&catalog.connection, &catalog.path, table)? {
            continue;
        }
        let sql =
            format!("SELECT image_id FROM {table} WHERE image_id NOT IN (SELECT id FROM image)");
        let mut statement = catalog.connection.prepare(&sql).at(&catalog.path, READ)?;
        let rows = statement.query_map([], |row| row.get::<_, i64>(0));
        let strays: Vec<i64> = rows.and_then(Iterator::collect).at(&catalog.path, READ)?;
        let stray =
            |id: &i64| (format!("{what} of image {id}"), "the image is not there".to_owned());
        violations.extend(strays.iter().map(stray));
    }
    for (id, name) in catalog.names()? {
        let place = format!("image {name:?}");
        let told = Told::read(&catalog.connection, &catalog.path, Some(id));
        let packages = packages(&catalog.connection, &catalog.path, id);
        match (told, packages) {
            (Ok(told), Ok(packages)) => {
                let stated = told.packages.get(&id).copied();
                let found = packages.as_ref().map(|it| (it.list().len() as u64, it.only));
                if stated != found {
                    violations
                        .push((place.clone(), "states other packages than it has".to_owned()));
                }
                let has_layers = || Ok::<_, CatalogError>(!catalog.layer_keys(id)?.is_empty());
                if found.is_some_and(|(_, only)| only) && has_layers()? {
                    let what = "is told to be packages only, but has layers";
                    violations.push((place, what.to_owned()));
                }
            }
            (told, packages) => {
                let errors = told.err().into_iter().chain(packages.err());
                for error in errors {
                    if !error.is_damage() {
                        return Err(error);
                    }
                    violations.push((place.clone(), super::check::full_text(&error)));
                }
            }
        }
    }
    Ok(violations)
}
