//! One layer of a store: the archive that it came as, or where that cannot be had its directory.

use super::super::changeset;
use super::super::decompress::Content;
use super::super::layer::LayerRead;
use super::super::stored::{BUFFER_BYTES, Stored};
use super::super::tree::{Tree, TreeReader};
use super::super::{NoProgress, ReadOptions, SourceError, walk_fs};
use super::diff::Walk;
use super::split::Archive;
use super::tables::{Driver, not_readable, place_of};
use crate::image::{Digest, LayerKey};
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::PathBuf;

/// A layer that is kept in a store.
#[derive(Clone, Debug)]
pub(super) struct KeptLayer {
    pub(super) content: PathBuf,
    pub(super) split: PathBuf,
    pub(super) driver: Driver,
    /// What the archive must hash to.
    pub(super) expected: Option<Digest>,
    /// Bytes of the archive; 0 where that is not known.
    pub(super) size_bytes: u64,
}

/// Why a layer is not the archive that it came as.
enum Trouble {
    /// Its directory may still be read.
    Lost(String),
    /// Nothing can be read.
    Fatal(SourceError),
}

impl Tree for KeptLayer {
    /// Reads the layer under its digest, or what lies in its directory, with a warning.
    fn read(&self, place: &str, options: &ReadOptions<'_>) -> Result<LayerRead, SourceError> {
        let why = match self.put_together(place, options) {
            Ok(read) => return Ok(read),
            Err(Trouble::Fatal(error)) => return Err(error),
            Err(Trouble::Lost(why)) => why,
        };
        if self.is_composefs() {
            return Err(SourceError::Engine {
                place: place.to_owned(),
                what: format!("{why}, and its files are kept by composefs, which is not read"),
                hint: Some(
                    "save the image and read the file: podman save NAME | oskin show docker-archive:-"
                        .to_owned(),
                ),
            });
        }
        let mut tree = TreeReader::new(place, options);
        tree.warn(None, format!("{why}; its directory was read as it is"));
        let root = walk_fs::open_root(&self.content)
            .map_err(|error| not_readable(&place_of(&self.content), error.into()))?;
        if self.driver == Driver::Vfs {
            // The directory holds the layers below too.
            tree.hide_below(b"")?;
        }
        Walk::new(tree, self.driver).read(root)
    }
}

impl KeptLayer {
    fn is_composefs(&self) -> bool {
        self.driver == Driver::Overlay
            && self.content.parent().is_some_and(|above| above.join("composefs-data").exists())
    }

    fn put_together(&self, place: &str, options: &ReadOptions<'_>) -> Result<LayerRead, Trouble> {
        let root = walk_fs::open_root(&self.content).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Trouble::Fatal(SourceError::Engine {
                place: place_of(&self.content),
                what: "the directory of this layer is missing".to_owned(),
                hint: Some(
                    "the store is damaged, or the image was just removed: pull it again".to_owned(),
                ),
            }),
            _ => Trouble::Fatal(not_readable(&place_of(&self.content), error.into())),
        })?;
        let split = match File::open(&self.split) {
            Ok(split) => split,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Trouble::Lost("it has no tar-split file".to_owned()));
            }
            Err(error) => {
                return Err(Trouble::Fatal(not_readable(&place_of(&self.split), error)));
            }
        };
        let lines = Content::new(Stored::new(split, &NoProgress));
        let lines = lines.map_err(|error| Trouble::Lost(format!("its tar-split file: {error}")))?;
        let lines = BufReader::with_capacity(BUFFER_BYTES, lines);
        options.progress.expect(self.size_bytes);
        let archive = Archive::new(lines, root, options.limits.content_bytes);
        let stored = Stored::new(archive, options.progress);
        let read = changeset::read_changeset(stored, place, options)
            .map_err(|error| trouble(error, place))?;
        if let Some(expected) = self.expected
            && expected != read.diff_id
        {
            let what = format!("put together it has the digest {}, not {expected}", read.diff_id);
            return Err(Trouble::Lost(what));
        }
        Ok(LayerRead {
            key: LayerKey::DiffId(read.diff_id),
            layer: read.layer,
            size_bytes: read.size_bytes,
            warnings: read.warnings.into_list(),
            lost: None,
        })
    }
}

/// What a failure means for the directory: limits hold for it too.
fn trouble(error: SourceError, place: &str) -> Trouble {
    match error {
        SourceError::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
            let error = std::io::Error::new(ErrorKind::PermissionDenied, source.to_string());
            Trouble::Fatal(not_readable(place, error))
        }
        error @ (SourceError::TooLarge { .. } | SourceError::Limit { .. }) => Trouble::Fatal(error),
        SourceError::Damaged { what, .. } => {
            Trouble::Lost(format!("it cannot be put together ({what})"))
        }
        // The decoder's words, or those of the file that is missing; the place is ours.
        error => {
            let what = error.to_string();
            let what = what.strip_prefix(&format!("{place}: ")).unwrap_or(&what);
            Trouble::Lost(format!("it cannot be put together ({what})"))
        }
    }
}
