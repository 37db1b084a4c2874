//! What can go wrong with a catalog, always with the place.

use crate::inventory::encode::Damaged;
use std::path::PathBuf;

/// Why a catalog could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// There is no file where the catalog should be; adding an image makes one.
    #[error("there is no catalog at {}", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The directory of a new catalog could not be made.
    #[error("cannot make the directory {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is something else; name another one.
    #[error("{} is no oskin catalog", path.display())]
    NotACatalog {
        /// The file.
        path: PathBuf,
    },
    /// The catalog was written by a newer oskin; use that one.
    #[error("catalog {} has format {found}, this oskin reads formats up to {supported}", path.display())]
    TooNew {
        /// The catalog.
        path: PathBuf,
        /// Its format version.
        found: i64,
        /// The newest version that this build knows.
        supported: i64,
    },
    /// A writer was killed and left images in the log beside the file, which cannot be read where
    /// nothing can be written.
    #[error("catalog {0} cannot be read where it is: its newest images lie in {0}-wal", path.display())]
    LogLeft {
        /// The catalog.
        path: PathBuf,
    },
    /// The store failed: disk full, no permission, another writer that does not end.
    #[error("catalog {}: cannot {doing}", path.display())]
    Store {
        /// The catalog.
        path: PathBuf,
        /// What was being done, as `cannot ...`.
        doing: &'static str,
        /// What the store said.
        source: rusqlite::Error,
    },
    /// Stored bytes do not decode; `oskin check` lists all of it.
    #[error("catalog {}: {what}", path.display())]
    Damaged {
        /// The catalog.
        path: PathBuf,
        /// Which block.
        what: String,
        /// What is wrong with it.
        source: Damaged,
    },
    /// Another image has this name; choose one with `--name`.
    #[error("the name {name:?} is taken by another image")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// No image has this name; `oskin ls` lists those there are.
    #[error("no image named {name:?} in the catalog")]
    NoSuchImage {
        /// The name.
        name: String,
    },
    /// Path ids have 32 bits and all are used.
    #[error("catalog {} is full: no path id is left", path.display())]
    Full {
        /// The catalog.
        path: PathBuf,
    },
}

impl CatalogError {
    /// Whether the file holds what it must not, so that trying again gives the same.
    pub fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, Unknown};
        match self {
            Self::Damaged { .. } => true,
            // Values that are not of the type of their column have no code; a table or column that
            // is not there has none of its own.
            Self::Store { source, .. } => source
                .sqlite_error_code()
                .is_none_or(|code| matches!(code, DatabaseCorrupt | NotADatabase | Unknown)),
            _ => false,
        }
    }
}

/// Puts a place to errors of the store.
pub(super) trait At<T> {
    /// Says in which catalog and at what.
    fn at(self, path: &std::path::Path, doing: &'static str) -> Result<T, CatalogError>;
}

impl<T> At<T> for Result<T, rusqlite::Error> {
    fn at(self, path: &std::path::Path, doing: &'static str) -> Result<T, CatalogError> {
        self.map_err(|source| CatalogError::Store { path: path.to_owned(), doing, source })
    }
}
