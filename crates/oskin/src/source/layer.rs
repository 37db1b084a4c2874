//! One layer of an image, before and after it is read.

use super::changeset::{self, Changeset};
use super::input::Region;
use super::stored::Stored;
use super::tree::Tree;
use super::walk::Walk;
use super::{Lost, ReadOptions, SourceError, Warning};
use crate::image::{Digest, LayerKey};
use crate::inventory::{Layer, canonical_digest};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// How many digits of a digest tell layers apart on a line of progress.
const SHORT_DIGEST: usize = 12;

/// How much of a name fits there.
const SHORT_NAME: usize = 24;

/// One layer of an image that was found.
///
/// It is cheap to keep: what it reads is opened when it is read. Several layers may be read at the
/// same time.
#[derive(Clone, Debug)]
pub struct LayerSource {
    pub(super) origin: Origin,
    /// For messages.
    pub(super) place: String,
    /// What the configuration declares.
    pub(super) diff_id: Option<Digest>,
    /// What the manifest promises of the stored bytes.
    pub(super) blob: Option<Digest>,
    pub(super) stored_bytes: u64,
}

/// Where a layer is read from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A file of its own.
    File(PathBuf),
    /// A part of an archive.
    Region { file: Arc<File>, offset: u64 },
    /// A stream that could be read only once, and was.
    Scanned(Arc<Result<Changeset, SourceError>>),
    /// A directory.
    Walk(Walk),
    /// A file system image.
    Tree(Arc<dyn Tree>),
    /// A stream that is opened where it is asked for: of a registry, or put together.
    Stream(Arc<dyn OpenStream>),
    /// A list of paths that was read when it was found.
    Listing { layer: Arc<Layer>, warnings: Vec<Warning> },
    /// A layer that came as it is kept.
    Known(LayerRead),
}

/// What gives a stream of stored bytes: a tar archive, compressed or not.
///
/// Failures while it is read come as I/O errors; [`LayerSource::read`] adds the place.
pub(super) trait OpenStream: std::fmt::Debug + Send + Sync {
    /// Begins at the first byte.
    fn open<'a>(
        &'a self,
        options: &ReadOptions<'a>,
    ) -> Result<Box<dyn std::io::Read + 'a>, SourceError>;
}

impl Origin {
    /// Whether both are the same bytes of the same file.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(ours), Self::File(theirs)) => ours == theirs,
            (
                Self::Region { file, offset },
                Self::Region { file: other_file, offset: other_offset },
            ) => Arc::ptr_eq(file, other_file) && offset == other_offset,
            (Self::Scanned(ours), Self::Scanned(theirs)) => Arc::ptr_eq(ours, theirs),
            (Self::Tree(ours), Self::Tree(theirs)) => Arc::ptr_eq(ours, theirs),
            (Self::Stream(ours), Self::Stream(theirs)) => Arc::ptr_eq(ours, theirs),
            _ => false,
        }
    }
}

/// A layer that was read.
#[derive(Clone, Debug)]
pub struct LayerRead {
    /// What the layer is known by.
    pub key: LayerKey,
    /// Its entries.
    pub layer: Arc<Layer>,
    /// Bytes of the uncompressed changeset; where there is none, of the content of all files.
    pub size_bytes: u64,
    /// What is odd or was left out.
    pub warnings: Vec<Warning>,
    /// What of it could not be read, which is among the warnings.
    pub lost: Option<Lost>,
}

impl LayerSource {
    /// A layer of which no digest is stated.
    pub(super) fn unnamed(origin: Origin, place: String) -> Self {
        Self { origin, place, diff_id: None, blob: None, stored_bytes: 0 }
    }

    /// The digest of the uncompressed changeset as the configuration declares it, so that a layer
    /// that is known already need not be read.
    pub fn diff_id(&self) -> Option<Digest> {
        self.diff_id
    }

    /// The bytes that reading will take, as they are stored; 0 where that is not known.
    pub fn stored_size_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Whether reading another layer gives what reading this one does: the same diff id, or where
    /// none is stated the same bytes.
    pub fn reads_the_same(&self, other: &Self) -> bool {
        match (self.diff_id, other.diff_id) {
            (None, None) => std::ptr::eq(self, other) || self.origin.is_same(&other.origin),
            (ours, theirs) => ours == theirs,
        }
    }

    /// Whether reading tells what its files say of software: lists of paths, what is read without contents, and layers
    /// that an older oskin wrote into a file do not.
    pub fn tells_software(&self, options: &ReadOptions<'_>) -> bool {
        match &self.origin {
            Origin::Listing { .. } => false,
            Origin::Known(known) => known.layer.is_searched() || known.layer.is_empty(),
            Origin::Walk(_) | Origin::Tree(_) => options.contents,
            Origin::File(_) | Origin::Region { .. } | Origin::Scanned(_) | Origin::Stream(_) => {
                true
            }
        }
    }

    /// Reads the layer to its end and verifies every digest that was promised.
    ///
    /// # Errors
    ///
    /// See [`SourceError`]; damage is reported with the offset in the uncompressed changeset.
    pub fn read(&self, options: &ReadOptions<'_>) -> Result<LayerRead, SourceError> {
        let part = options.progress.part(&self.short_name());
        let options = &ReadOptions { progress: &*part, ..options.clone() };
        match &self.origin {
            Origin::File(path) => {
                let open = || {
                    let file = File::open(path)?;
                    let length = file.metadata()?.len();
                    Ok((file, length))
                };
                let (file, length) = open().map_err(|error| SourceError::io(&self.place, error))?;
                options.progress.expect(length);
                self.stream(Stored::new(file, options.progress), options)
            }
            Origin::Region { file, offset } => {
                options.progress.expect(self.stored_bytes);
                let region = Region {
                    file: Arc::clone(file),
                    offset: *offset,
                    left_bytes: self.stored_bytes,
                };
                self.stream(Stored::new(region, options.progress), options)
            }
            Origin::Scanned(scanned) => match scanned.as_ref() {
                Ok(changeset) => self.verified(changeset.clone()),
                Err(error) => Err(error.clone()),
            },
            Origin::Known(known) => Ok(known.clone()),
            Origin::Walk(walk) => walk.read(options),
            Origin::Tree(tree) => tree.read(&self.place, options),
            Origin::Stream(source) => {
                options.progress.expect(self.stored_bytes);
                self.stream(Stored::new(source.open(options)?, options.progress), options)
            }
            Origin::Listing { layer, warnings } => Ok(LayerRead {
                key: LayerKey::Inventory(canonical_digest(layer)),
                layer: Arc::clone(layer),
                size_bytes: 0,
                warnings: warnings.clone(),
                lost: None,
            }),
        }
    }

    /// The beginning of a digest, or the last part of the place.
    fn short_name(&self) -> String {
        let digest = self.blob.or(self.diff_id).map(|digest| digest.to_string());
        if let Some(hex) = digest.as_deref().and_then(|text| text.strip_prefix("sha256:")) {
            return hex.chars().take(SHORT_DIGEST).collect();
        }
        let last = self.place.rsplit('/').next().unwrap_or_default();
        last.chars().take(SHORT_NAME).collect()
    }

    fn stream(
        &self,
        stored: Stored<'_>,
        options: &ReadOptions<'_>,
    ) -> Result<LayerRead, SourceError> {
        let stored = if self.blob.is_some() { stored.hashing() } else { stored };
        self.verified(changeset::read_changeset(stored, &self.place, options)?)
    }

    fn verified(&self, changeset: Changeset) -> Result<LayerRead, SourceError> {
        let promises =
            [(self.blob, changeset.stored_digest), (self.diff_id, Some(changeset.diff_id))];
        for (expected, got) in promises {
            if let (Some(expected), Some(got)) = (expected, got)
                && expected != got
            {
                let place = self.place.clone();
                return Err(SourceError::DigestMismatch { place, expected, got });
            }
        }
        Ok(LayerRead {
            key: LayerKey::DiffId(changeset.diff_id),
            layer: changeset.layer,
            size_bytes: changeset.size_bytes,
            // All is there that its digest is of.
            lost: None,
            warnings: changeset.warnings.into_list(),
        })
    }
}
