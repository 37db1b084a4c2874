//! The small files of an image in a registry, fetched when they are asked for, as the files of an
//! image layout that holds nothing but that image.

use super::blob::Blob;
use super::client::{Ask, Repository};
use crate::image::Digest;
use crate::source::layer::{LayerSource, Origin};
use crate::source::{SourceError, store};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The media types of manifests and indexes, and those of old ones to be able to tell of them.
pub(super) const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.1, \
    application/vnd.docker.distribution.manifest.v1+json;q=0.1";

/// An image of a registry as an image layout.
#[derive(Debug)]
pub(in crate::source) struct Remote {
    repository: Repository,
    limit_bytes: u64,
    // What was fetched, by the name it would have in a layout.
    known: Mutex<BTreeMap<String, Vec<u8>>>,
    // A layer that is named several times is the same one.
    layers: Mutex<BTreeMap<Digest, Arc<Blob>>>,
}

impl Remote {
    pub(super) fn new(repository: Repository, limit_bytes: u64) -> Self {
        Self { repository, limit_bytes, known: Mutex::default(), layers: Mutex::default() }
    }

    /// Puts in a file that need not be fetched.
    pub(super) fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name.to_owned(), bytes);
    }

    /// A file that was put in or fetched before.
    pub(super) fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Reads a small file whole, and keeps it if it is a manifest.
    pub(in crate::source) fn small(
        &self,
        name: &str,
        what: &'static str,
    ) -> Result<Vec<u8>, SourceError> {
        if let Some(bytes) = self.get(name) {
            return Ok(bytes);
        }
        let digest = digest_of(name);
        let (list, accept) = match what {
            "configuration" => ("blobs", "*/*"),
            _ => ("manifests", MANIFESTS),
        };
        let path = format!("/{list}/{digest}");
        let ask = Ask { method: "GET", path: &path, what, accept, from: 0 };
        let (_, bytes) = self.repository.fetch(ask, self.limit_bytes)?;
        if what != "configuration" {
            self.put(name, bytes.clone());
        }
        Ok(bytes)
    }

    /// A layer, which is not asked for before it is read.
    pub(in crate::source) fn layer(
        &self,
        digest: Digest,
        size: Option<u64>,
        (diff_id, is_foreign): (Option<Digest>, bool),
    ) -> LayerSource {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Blob { repository: self.repository.clone(), digest, size, is_foreign };
        let blob = match layers.get(&digest).filter(|blob| blob.size == size) {
            Some(blob) => Arc::clone(blob),
            None => Arc::new(make()),
        };
        layers.insert(digest, Arc::clone(&blob));
        LayerSource {
            origin: Origin::Stream(blob),
            place: format!("{}: {digest}", self.repository.place),
            diff_id,
            blob: Some(digest),
            stored_bytes: size.unwrap_or_default(),
        }
    }
}

/// The digest in a name of a layout.
pub(in crate::source) fn digest_of(name: &str) -> String {
    match name.strip_prefix("blobs/sha256/") {
        Some(hex) => format!("sha256:{hex}"),
        None => name.to_owned(),
    }
}

/// The name of a blob in a layout.
pub(super) fn name_of(digest: &Digest) -> String {
    format!("blobs/sha256/{}", &digest.to_string()["sha256:".len()..])
}

/// Puts bytes under their own digest and tells it.
pub(super) fn put_blob(remote: &Remote, bytes: Vec<u8>) -> Digest {
    let digest = store::digest_of(&bytes);
    remote.put(&name_of(&digest), bytes);
    digest
}
