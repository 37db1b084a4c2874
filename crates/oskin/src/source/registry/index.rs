//! From what a reference means to the manifests that are wanted of it: an index is walked without
//! fetching the manifests of other platforms, for registries count those.

use super::remote::{Remote, put_blob};
use crate::image::{Digest, Platform};
use crate::source::oci::distance;
use crate::source::oci_index::{self, Descriptor, Document, INDEX, blob_digest, is_index};
use crate::source::{ReadOptions, SourceError, host_platform};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How many indexes one image may have.
const MAX_INDEXES: u64 = 100;

/// The name of an image as layouts have it.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The digest of the one manifest that is wanted of an index; nothing where only more than indexes
/// tells which that is.
pub(super) fn wanted_digest(
    remote: &Remote,
    json: &[u8],
    place: &str,
    options: &ReadOptions<'_>,
) -> Result<Option<Digest>, SourceError> {
    let document = oci_index::parse(json, place)?;
    let mut walk = Walk { remote, place, options, leaves: Vec::new(), seen: BTreeSet::new() };
    walk.index(document, 1)?;
    match &wanted(walk.leaves, place, options)?[..] {
        [leaf] => blob_digest(&leaf.digest, place).map(Some),
        _ => Ok(None),
    }
}

/// Puts an `index.json` into the layout that names what is wanted under the name of the image.
pub(super) fn arrange(
    remote: &Remote,
    (json, digest): (Vec<u8>, Digest),
    (name, place): (&str, &str),
    options: &ReadOptions<'_>,
) -> Result<(), SourceError> {
    let document = oci_index::parse(&json, place).map_err(|error| match error {
        SourceError::Damaged { what, .. } => SourceError::Unrecognized {
            place: place.to_owned(),
            what: format!("what was answered is no manifest: {what}"),
            hint: Some("is that a registry? a proxy or a login page may have answered".to_owned()),
        },
        error => error,
    })?;
    let bytes = json.len();
    put_blob(remote, json);
    let mut walk =
        Walk { remote, place, options, leaves: Vec::new(), seen: BTreeSet::from([digest]) };
    let (digest, bytes) = if document.manifests.is_some() {
        walk.index(document, 1)?;
        let leaves = wanted(walk.leaves, place, options)?;
        let inner = json!({
            "schemaVersion": 2,
            "manifests": leaves.iter().map(described).collect::<Vec<_>>(),
        });
        let inner = inner.to_string().into_bytes();
        let bytes = inner.len();
        (put_blob(remote, inner), bytes)
    } else {
        walk.is_image(&document)?;
        (digest, bytes)
    };
    let outer = json!({ "schemaVersion": 2, "manifests": [{
        "digest": digest.to_string(),
        "size": bytes,
        "annotations": { REF_NAME: name },
    }] });
    remote.put(INDEX, outer.to_string().into_bytes());
    Ok(())
}

fn described(leaf: &Descriptor) -> Value {
    let mut value = json!({ "digest": leaf.digest });
    if let Some(size) = leaf.size {
        value["size"] = json!(size);
    }
    if let Some(platform) = stated(leaf) {
        value["platform"] = json!({
            "os": platform.os,
            "architecture": platform.architecture,
            "variant": platform.variant,
        });
    }
    value
}

struct Walk<'r> {
    remote: &'r Remote,
    place: &'r str,
    options: &'r ReadOptions<'r>,
    leaves: Vec<Descriptor>,
    // Indexes, to end circles.
    seen: BTreeSet<Digest>,
}

impl Walk<'_> {
    fn fail(&self, what: String, hint: Option<String>) -> SourceError {
        SourceError::Unrecognized { place: self.place.to_owned(), what, hint }
    }

    /// Collects what may be an image.
    fn index(&mut self, document: Document, depth: u64) -> Result<(), SourceError> {
        let limit =
            |what, limit| Err(SourceError::Limit { place: self.place.to_owned(), what, limit });
        if depth > self.options.limits.index_depth {
            return limit("indexes in each other", self.options.limits.index_depth);
        }
        if self.seen.len() as u64 > MAX_INDEXES {
            return limit("indexes", MAX_INDEXES);
        }
        for descriptor in document.manifests.unwrap_or_default().0 {
            if oci_index::is_no_image(&descriptor) {
                continue;
            }
            if !is_index(&descriptor) {
                self.leaves.push(descriptor);
                continue;
            }
            let digest = blob_digest(&descriptor.digest, self.place)?;
            if !self.seen.insert(digest) {
                continue;
            }
            let json = self.remote.small(&super::remote::name_of(&digest), "index")?;
            let place = format!("{}: {digest}", self.place);
            oci_index::verified(&json, &descriptor, &place)?;
            self.index(oci_index::parse(&json, &place)?, depth + 1)?;
        }
        Ok(())
    }

    /// Refuses what is no image, with a word that says what it is.
    fn is_image(&self, document: &Document) -> Result<(), SourceError> {
        if document.schema_version == Some(1) {
            let what = "its manifest is of schema 1, which gives no digests of what layers hold";
            let place = self.place;
            let hint = format!("have it converted: skopeo copy {place} oci:DIR, then read oci:DIR");
            return Err(self.fail(what.to_owned(), Some(hint)));
        }
        let Some(config) = &document.config else {
            return Err(
                self.fail("is neither a manifest nor an index of an image".to_owned(), None)
            );
        };
        let layers = document.layers.as_ref().map(|layers| &layers.0[..]).unwrap_or_default();
        let no_tar = oci_index::are_no_layers(layers);
        if document.artifact_type.is_none() && oci_index::is_image_config(config) && !no_tar {
            return Ok(());
        }
        let of_config =
            config.media_type.as_deref().filter(|_| !oci_index::is_image_config(config));
        let of_layer = layers.first().and_then(|layer| layer.media_type.as_deref());
        let kind = document.artifact_type.as_deref().or(of_config).or(of_layer);
        let kind: String = kind.unwrap_or("unknown").chars().take(200).collect();
        Err(self.fail(
            format!("is no image but an artifact of type {kind}"),
            Some(
                "it holds no file system; what made it can read it, as can `oras pull`".to_owned(),
            ),
        ))
    }
}

/// The platform that an index states.
fn stated(leaf: &Descriptor) -> Option<Platform> {
    leaf.platform.clone().map(Platform::from).filter(|platform| !platform.os.is_empty())
}

/// Those that are for the platform that is asked for, and those that do not say; nothing is
/// chosen from one.
fn wanted(
    mut leaves: Vec<Descriptor>,
    place: &str,
    options: &ReadOptions<'_>,
) -> Result<Vec<Descriptor>, SourceError> {
    if leaves.is_empty() {
        return Err(SourceError::Unrecognized {
            place: place.to_owned(),
            what: "the index names no image, only attestations or artifacts if anything".to_owned(),
            hint: None,
        });
    }
    if leaves.len() == 1 || (options.all && options.platform.is_none()) {
        return Ok(leaves);
    }
    let wanted = options.platform.clone().unwrap_or_else(host_platform);
    let platforms: BTreeSet<String> =
        leaves.iter().filter_map(stated).map(|platform| platform.to_string()).collect();
    leaves.retain(|leaf| stated(leaf).is_none_or(|platform| platform.satisfies(&wanted)));
    if leaves.is_empty() {
        let (place, platforms) = (place.to_owned(), platforms.into_iter().collect());
        return Err(SourceError::NoSuchPlatform { place, wanted, platforms });
    }
    if !options.all && leaves.iter().all(|leaf| stated(leaf).is_some()) {
        // Stable, so that among equals the first of the index is taken.
        leaves.sort_by_key(|leaf| stated(leaf).map(|platform| distance(&platform, &wanted)));
        leaves.truncate(1);
    }
    Ok(leaves)
}
