//! Contents of files that are asked for again, by their digests.

use super::{ImageSource, ReadOptions, SourceError};
use crate::image::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Files whose contents are taken out while layers stream, each once, whatever its path; they come into no layer and no
/// catalog. Clones share what was found.
///
/// It must be among the [`ReadOptions`] when a source is opened: some are read then. Memory: what is asked for, and one
/// file of one of these sizes at a time.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    sizes: Arc<BTreeSet<u64>>,
    digests: Arc<BTreeSet<Digest>>,
    found: Arc<Mutex<BTreeMap<Digest, Vec<u8>>>>,
}

impl Wanted {
    /// Asks for files by digest and size in bytes.
    pub fn new(files: impl IntoIterator<Item = (Digest, u64)>) -> Self {
        let (digests, sizes): (BTreeSet<_>, BTreeSet<_>) = files.into_iter().unzip();
        Self { sizes: Arc::new(sizes), digests: Arc::new(digests), found: Arc::default() }
    }

    /// Whether a file of this size may be asked for.
    pub(super) fn may_be(&self, size_bytes: u64) -> bool {
        self.sizes.contains(&size_bytes)
    }

    /// Takes a content if it is asked for.
    pub(super) fn offer(&self, digest: &Digest, content: &[u8]) {
        if self.digests.contains(digest) {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.entry(*digest).or_insert_with(|| content.to_vec());
        }
    }

    fn is_complete(&self) -> bool {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).len() == self.digests.len()
    }

    /// What was found so far; it is then no longer here.
    pub fn take(&self) -> BTreeMap<Digest, Vec<u8>> {
        std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The contents that `options` want of an image that was opened with them. Layers are read from the top down, and no
/// more of them than needed; what is missing is in none of them, or sparse, or of a source without contents.
///
/// # Errors
///
/// If a layer cannot be read.
pub fn contents(
    image: &ImageSource,
    options: &ReadOptions<'_>,
) -> Result<BTreeMap<Digest, Vec<u8>>, SourceError> {
    for layer in image.layers.iter().rev() {
        if options.wanted.is_complete() {
            break;
        }
        layer.read(options)?;
    }
    Ok(options.wanted.take())
}
