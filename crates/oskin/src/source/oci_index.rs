//! The index and manifests of an OCI image layout, and which of them are images.

use super::SourceError;
use super::docker::{MAX_IMAGES, clip};
use super::store::{Store, digest_of};
use crate::image::{Digest, Platform};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The file that names the images of the layout.
pub(super) const INDEX: &str = "index.json";

/// How deep indexes may stand in indexes.
const MAX_DEPTH: u32 = 8;

/// How many descriptors are looked at, over all indexes: a bound on time.
const MAX_DESCRIPTORS: usize = 100_000;

/// How many bytes of indexes and manifests are read, over all: another bound on time.
const MAX_INDEX_BYTES: usize = 256 * 1024 * 1024;

/// A pointer to a blob, as indexes and manifests hold it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Descriptor {
    pub(super) media_type: Option<String>,
    pub(super) digest: String,
    pub(super) size: Option<u64>,
    pub(super) artifact_type: Option<String>,
    pub(super) annotations: Option<BTreeMap<String, String>>,
    pub(super) platform: Option<DescribedPlatform>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DescribedPlatform {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

impl From<DescribedPlatform> for Platform {
    fn from(described: DescribedPlatform) -> Self {
        Self {
            os: described.os.unwrap_or_default(),
            architecture: described.architecture.unwrap_or_default(),
            variant: described.variant.unwrap_or_default(),
        }
    }
}

/// An index or a manifest; which one shows in what it holds.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Document {
    artifact_type: Option<String>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
}

/// A manifest of an image.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) digest: Digest,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
    /// The platform that the index states.
    pub(super) platform: Option<Platform>,
    /// The reference that the nearest index entry states.
    pub(super) references: Vec<String>,
    /// The place of the entry in the outermost index.
    pub(super) index: usize,
    /// Whether it stands in an index of its own there.
    pub(super) is_nested: bool,
}

/// All images of a layout in the order of its index.
pub(super) fn manifests(store: &Store) -> Result<Vec<Manifest>, SourceError> {
    let json = store.small(INDEX, "index")?;
    let place = store.place_of(INDEX);
    let Document { manifests, .. } = parse(&json, &place)?;
    let mut walk =
        Walk { store, found: Vec::new(), looked_at: 0, read_bytes: 0, above: Vec::new() };
    for (index, descriptor) in manifests.unwrap_or_default().iter().enumerate() {
        walk.look(descriptor, &[], index)?;
    }
    Ok(walk.found)
}

fn parse(json: &[u8], place: &str) -> Result<Document, SourceError> {
    // A struct would also be read from an array, field by field; a map would not.
    if json.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(SourceError::damaged(place, "not a JSON object"));
    }
    serde_json::from_slice(json).map_err(|error| SourceError::damaged(place, error.to_string()))
}

struct Walk<'s> {
    store: &'s Store,
    found: Vec<Manifest>,
    looked_at: usize,
    read_bytes: usize,
    // The indexes that the one in hand stands in, to end circles.
    above: Vec<Digest>,
}

impl Walk<'_> {
    fn look(
        &mut self,
        descriptor: &Descriptor,
        inherited: &[String],
        index: usize,
    ) -> Result<(), SourceError> {
        self.looked_at += 1;
        if self.looked_at > MAX_DESCRIPTORS {
            return Err(SourceError::damaged(&self.store.place, "the index has too many entries"));
        }
        if is_no_image(descriptor) {
            return Ok(());
        }
        let own = references(descriptor);
        let references = if own.is_empty() { inherited } else { &own };
        let name = blob_name(&descriptor.digest, self.store)?;
        // Engines save the index of all platforms with the blobs of one.
        if !self.above.is_empty() && !self.store.has(&name) {
            return Ok(());
        }
        let json = self.store.small(&name, "manifest")?;
        self.read_bytes += json.len();
        if self.read_bytes > MAX_INDEX_BYTES {
            return Err(SourceError::TooLarge {
                place: self.store.place.clone(),
                what: "the sum of all manifests",
                limit_bytes: MAX_INDEX_BYTES as u64,
            });
        }
        let place = self.store.place_of(&name);
        let digest = verified(&json, descriptor, &place)?;
        let document = parse(&json, &place)?;
        if let Some(inner) = document.manifests {
            if self.above.len() >= MAX_DEPTH as usize || self.above.contains(&digest) {
                return Err(SourceError::damaged(place, "indexes stand too deep in each other"));
            }
            self.above.push(digest);
            for descriptor in &inner {
                self.look(descriptor, references, index)?;
            }
            self.above.pop();
            return Ok(());
        }
        let layers = document.layers.unwrap_or_default();
        let Some(config) = document.config else { return Ok(()) };
        if !is_image_config(&config) || document.artifact_type.is_some() || are_no_layers(&layers) {
            return Ok(());
        }
        if self.found.len() >= MAX_IMAGES {
            let what = format!("more than {MAX_IMAGES} images");
            return Err(SourceError::damaged(&self.store.place, what));
        }
        self.found.push(Manifest {
            digest,
            config,
            layers,
            platform: descriptor.platform.clone().map(Platform::from),
            references: references.to_vec(),
            index,
            is_nested: !self.above.is_empty(),
        });
        Ok(())
    }
}

/// The file name of a blob. Only hexadecimal digits get into it, so it stays in the layout.
pub(super) fn blob_name(digest: &str, store: &Store) -> Result<String, SourceError> {
    let parsed = digest.strip_prefix("sha256:").and_then(|hex| hex.parse::<Digest>().ok());
    let Some(parsed) = parsed else {
        let what = format!("{:?} is no sha256 digest", clip(digest));
        return Err(SourceError::damaged(&store.place, what));
    };
    Ok(format!("blobs/sha256/{}", &parsed.to_string()["sha256:".len()..]))
}

/// Compares a blob with what its descriptor promises.
pub(super) fn verified(
    bytes: &[u8],
    promised: &Descriptor,
    place: &str,
) -> Result<Digest, SourceError> {
    verify_size(bytes.len() as u64, promised, place)?;
    let got = digest_of(bytes);
    match promised.digest.parse() {
        Ok(expected) if expected == got => Ok(got),
        Ok(expected) => Err(SourceError::DigestMismatch { place: place.to_owned(), expected, got }),
        Err(error) => Err(SourceError::damaged(place, format!("{error}"))),
    }
}

/// Compares the size of a blob with what its descriptor promises, where it does.
pub(super) fn verify_size(
    size_bytes: u64,
    promised: &Descriptor,
    place: &str,
) -> Result<(), SourceError> {
    match promised.size {
        Some(promised) if promised != size_bytes => {
            let what = format!("{promised} bytes are promised, there are {size_bytes}");
            Err(SourceError::damaged(place, what))
        }
        _ => Ok(()),
    }
}

/// What the annotations of an index entry call the image; the full name first.
fn references(descriptor: &Descriptor) -> Vec<String> {
    let Some(annotations) = &descriptor.annotations else { return Vec::new() };
    let get = |key: &str| annotations.get(key).filter(|name| !name.is_empty()).cloned();
    let full = get("io.containerd.image.name");
    let short = get("org.opencontainers.image.ref.name").filter(|name| Some(name) != full.as_ref());
    full.into_iter().chain(short).collect()
}

/// Attestations and other artifacts that need not be opened to see that they are no images.
fn is_no_image(descriptor: &Descriptor) -> bool {
    const ATTESTATION: &str = "vnd.docker.reference.type";
    let attests = descriptor.annotations.as_ref().is_some_and(|a| a.contains_key(ATTESTATION));
    let nowhere = descriptor.platform.as_ref().is_some_and(|platform| {
        platform.os.as_deref() == Some("unknown")
            && platform.architecture.as_deref() == Some("unknown")
    });
    let other_type = descriptor.media_type.as_deref().is_some_and(|media_type| {
        !(media_type.is_empty()
            || media_type.ends_with(".manifest.v1+json")
            || media_type.ends_with(".index.v1+json")
            || media_type.ends_with(".manifest.v2+json")
            || media_type.ends_with(".manifest.list.v2+json"))
    });
    attests || nowhere || other_type || descriptor.artifact_type.is_some()
}

fn is_image_config(config: &Descriptor) -> bool {
    matches!(
        config.media_type.as_deref(),
        None | Some(
            "" | "application/vnd.oci.image.config.v1+json"
                | "application/vnd.docker.container.image.v1+json"
        )
    )
}

/// Whether nothing in a manifest is a changeset: signatures use configurations of images too.
fn are_no_layers(layers: &[Descriptor]) -> bool {
    let is_tar = |layer: &Descriptor| {
        layer.media_type.as_deref().is_none_or(|media_type| media_type.contains("tar"))
    };
    !layers.is_empty() && !layers.iter().any(is_tar)
}
