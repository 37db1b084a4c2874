//! Our embedded store of inventories: one SQLite file in which a path, and a layer, is kept once.
//!
//! One process writes at a time, any number reads meanwhile. A transaction per image is the unit:
//! killed at any moment, the file opens again and holds exactly the images that were reported
//! added. docs/catalog-format.md is the specification, [`Catalog::check`] its second
//! implementation.

mod add;
mod check;
mod check_sets;
mod error;
mod format;
mod hashes;
mod images;
mod index;
mod intern;
mod kept;
mod kinds;
mod layers;
mod nearest;
mod path_sets;
mod ranking;
mod replay;
mod searched;
mod sets;
mod told;
mod told_images;

pub use add::{Added, Draft, DraftLayer};
pub use check::Violation;
pub use error::CatalogError;
pub use format::FORMAT_VERSION;
pub use hashes::PathHashes;
pub use images::{Asked, Standing};
pub use kept::KeptRanking;
pub use layers::StoredLayer;
pub use nearest::{NearImage, WalkDown};
pub use ranking::ImageRanking;

use crate::inventory::encode::PathList;
use crate::inventory::{Inventory, flatten};
use error::At as _;
use index::StoredIndex;
use kinds::Kinds;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open catalog.
#[derive(Debug)]
pub struct Catalog {
    connection: Connection,
    path: PathBuf,
    version: i64,
    // What has been read of them.
    kinds: RefCell<Kinds>,
    index: RefCell<Option<StoredIndex>>,
}

impl Catalog {
    /// Opens an existing catalog to read it; others may write meanwhile. Takes about a millisecond.
    ///
    /// # Errors
    ///
    /// [`CatalogError::NotFound`], [`CatalogError::NotACatalog`], [`CatalogError::TooNew`], or the
    /// store's failure.
    pub fn open(path: &Path) -> Result<Self, CatalogError> {
        Self::of(format::open_for_reading(path)?, path)
    }

    /// Opens a catalog to write to it, and makes it if there is none.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), and when directory or file cannot be made.
    pub fn open_or_create(path: &Path) -> Result<Self, CatalogError> {
        Self::of(format::open_for_writing(path)?, path)
    }

    /// Opens an existing catalog to [`keep`](Self::keep) what was found in it; waits a second at most
    /// for others that write.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), and if it cannot be written.
    pub fn open_to_keep(path: &Path) -> Result<Self, CatalogError> {
        if !path.exists() {
            return Err(CatalogError::NotFound { path: path.to_owned() });
        }
        let connection = format::open_for_writing(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(1)).at(path, "open it to keep")?;
        Self::of(connection, path)
    }

    fn of(connection: Connection, path: &Path) -> Result<Self, CatalogError> {
        let version = format::version(&connection, path)?;
        let (kinds, index) = Default::default();
        Ok(Self { connection, path: path.to_owned(), version, kinds, index })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The inventory of an image: its layers are loaded and flattened anew.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn inventory(&self, image: i64) -> Result<Inventory, CatalogError> {
        let layers: Vec<Arc<_>> =
            self.layers(image)?.into_iter().map(|(_, stored)| stored.layer).collect();
        Ok(flatten(&layers).0)
    }

    /// The same with what its files say of software.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn inventory_with_software(&self, image: i64) -> Result<Inventory, CatalogError> {
        let layers = self.layers_with_software(image)?;
        let layers: Vec<Arc<_>> = layers.into_iter().map(|(_, stored)| stored.layer).collect();
        Ok(flatten(&layers).0)
    }

    /// How many paths the dictionary holds; ids are below it.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn path_count(&self) -> Result<u32, CatalogError> {
        intern::path_count(&self.connection, &self.path)
    }

    /// The ids of paths, `None` for those that no layer of the catalog has.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn path_ids(&self, paths: &[&[u8]]) -> Result<Vec<Option<u32>>, CatalogError> {
        self.at_one_moment(|it| intern::PathReader::new(&it.connection, &it.path).ids(paths))
    }

    /// The paths of ids, in the order of the ids.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged, or has no such path.
    pub fn paths(&self, ids: &[u32]) -> Result<PathList, CatalogError> {
        self.at_one_moment(|it| intern::PathReader::new(&it.connection, &it.path).paths(ids))
    }

    /// Verifies every invariant of the file and returns all violations, none for a sound one.
    ///
    /// Reads and decodes everything: the cost is that of the whole catalog.
    ///
    /// # Errors
    ///
    /// Only if the store cannot be queried at all; damage is a violation.
    pub fn check(&self) -> Result<Vec<Violation>, CatalogError> {
        self.at_one_moment(check::check)
    }

    /// Calls with this catalog as it is now: all that the call reads is of one moment, whatever
    /// others write meanwhile; and cheaper where it is many rows, since each read alone would lock
    /// the file and unlock it. What others write can be brought into the file only after it returns.
    ///
    /// # Errors
    ///
    /// Those of the call, and if the store fails.
    pub fn at_one_moment<T, E: From<CatalogError>>(
        &self,
        call: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        // Within another call it is that one's moment.
        let begin = || Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred);
        let outer = self.connection.is_autocommit().then(begin).transpose();
        let _outer = outer.at(&self.path, "begin to read")?;
        call(self)
    }
}
