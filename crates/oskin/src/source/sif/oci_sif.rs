//! OCI images in SIF files: the index and every blob is an object of its own.

use super::header::{Kind, Object, Sif};
use crate::source::oci::{self, INDEX};
use crate::source::read_at::ReadAt;
use crate::source::store::Store;
use crate::source::{ImageSource, ReadOptions, SourceError, SourceSpec, archive};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The images that the index names.
pub(super) fn images(
    sif: &Sif,
    file: &Arc<dyn ReadAt>,
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let mut parts = BTreeMap::new();
    for object in &sif.objects {
        let name = match object.kind {
            // The first counts; there should be one.
            Kind::OciIndex if parts.contains_key(INDEX.as_bytes()) => continue,
            Kind::OciIndex => INDEX.as_bytes().to_vec(),
            Kind::OciBlob => match blob_name(object) {
                Some(name) => name,
                None => continue,
            },
            _ => continue,
        };
        let end = object.offset.checked_add(object.size_bytes);
        // What is cut off is missing.
        if end.is_some_and(|end| end <= file.size_bytes()) {
            parts.insert(name, (object.offset, object.size_bytes));
        }
    }
    let place = archive::place_of(&spec.location);
    let store = Store::of_parts(Arc::clone(file), parts, (&place, &options.limits));
    oci::images(&store, spec, options)
}

/// The name of a blob in an image layout; its digest stands in the descriptor.
fn blob_name(object: &Object) -> Option<Vec<u8>> {
    let end = object.extra.iter().position(|&byte| byte == 0).unwrap_or(object.extra.len());
    let hex = object.extra[..end].strip_prefix(b"sha256:")?;
    let is_digest = hex.len() == 64 && hex.iter().all(u8::is_ascii_hexdigit);
    is_digest.then(|| [b"blobs/sha256/", hex].concat())
}
