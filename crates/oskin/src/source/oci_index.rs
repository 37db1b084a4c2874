//! The index and manifests of an OCI image layout, and which of them are images.

use super::SourceError;
use super::docker::{MAX_IMAGES, clip};
use super::store::{Store, digest_of};
use crate::image::{Digest, Fact, Platform};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// The file that names the images of the layout.
pub(super) const INDEX: &str = "index.json";

/// What the type of a layer that is a squashfs file system ends with: Singularity makes such.
pub(super) const SQUASHFS_LAYER: &str = ".squashfs";

/// How many descriptors are looked at, over all indexes: a bound on time.
const MAX_DESCRIPTORS: usize = 100_000;

/// How many bytes of indexes and manifests are read, over all: another bound on time.
const MAX_INDEX_BYTES: usize = 128 * 1024 * 1024;

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
pub(super) struct Document {
    pub(super) schema_version: Option<u64>,
    pub(super) artifact_type: Option<String>,
    pub(super) manifests: Option<AtMost<Descriptor, MAX_DESCRIPTORS>>,
    pub(super) config: Option<Descriptor>,
    pub(super) layers: Option<AtMost<Descriptor, MAX_DESCRIPTORS>>,
}

/// A list that is refused where it grows too long: three bytes of JSON make a descriptor of hundreds.
#[derive(Debug)]
pub(super) struct AtMost<T, const MOST: usize>(pub(super) Vec<T>);

impl<T, const MOST: usize> Default for AtMost<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for AtMost<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Items<T, MOST> {
            type Value = AtMost<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MOST} items")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    if list.len() == MOST {
                        return Err(serde::de::Error::invalid_length(MOST + 1, &self));
                    }
                    list.push(item);
                }
                Ok(AtMost(list))
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// A manifest of an image.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    /// Known unless the index spells it wrong.
    pub(super) digest: Option<Digest>,
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
    /// Why there is no more of it than its names.
    pub(super) damage: Option<SourceError>,
}

impl Manifest {
    /// What stands for an entry of the outermost index that cannot be read.
    fn damaged(descriptor: &Descriptor, index: usize, error: SourceError) -> Self {
        Self {
            digest: descriptor.digest.parse().ok(),
            config: Descriptor::default(),
            layers: Vec::new(),
            platform: descriptor.platform.clone().map(Platform::from),
            references: references(descriptor),
            index,
            is_nested: false,
            damage: Some(error),
        }
    }
}

/// All images of a layout in the order of its index. One that is damaged is among them, so that the
/// others can still be picked.
pub(super) fn manifests(store: &Store) -> Result<Vec<Manifest>, SourceError> {
    let json = store.small(INDEX, "index")?;
    let place = store.place_of(INDEX);
    let Document { manifests, .. } = parse(&json, &place)?;
    let mut walk =
        Walk { store, found: Vec::new(), looked_at: 0, read_bytes: 0, above: Vec::new() };
    for (index, descriptor) in manifests.unwrap_or_default().0.iter().enumerate() {
        let before = walk.found.len();
        if let Err(error) = walk.look(descriptor, &[], index) {
            if walk.is_exhausted() {
                return Err(error);
            }
            walk.above.clear();
            walk.found.truncate(before);
            walk.found.push(Manifest::damaged(descriptor, index, error));
        }
    }
    Ok(walk.found)
}

pub(super) fn parse(json: &[u8], place: &str) -> Result<Document, SourceError> {
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
    /// Whether a bound was passed, so that nothing more may be read.
    fn is_exhausted(&self) -> bool {
        self.looked_at > MAX_DESCRIPTORS
            || self.read_bytes > MAX_INDEX_BYTES
            || self.found.len() >= MAX_IMAGES
    }

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
            let limit = self.store.limits.index_depth;
            if self.above.len() as u64 >= limit || self.above.contains(&digest) {
                return Err(SourceError::Limit { place, what: "indexes in each other", limit });
            }
            self.above.push(digest);
            for descriptor in &inner.0 {
                self.look(descriptor, references, index)?;
            }
            self.above.pop();
            return Ok(());
        }
        let mut layers = document.layers.unwrap_or_default().0;
        let Some(mut config) = document.config else { return Ok(()) };
        if !is_image_config(&config) || document.artifact_type.is_some() || are_no_layers(&layers) {
            return Ok(());
        }
        if self.found.len() >= MAX_IMAGES {
            let what = format!("more than {MAX_IMAGES} images");
            return Err(SourceError::damaged(&self.store.place, what));
        }
        // Nobody asks for these, and there may be many.
        layers.iter_mut().chain([&mut config]).for_each(|it| it.annotations = None);
        for layer in &layers {
            blob_name(&layer.digest, self.store)?;
        }
        self.found.push(Manifest {
            digest: Some(digest),
            config,
            layers,
            platform: descriptor.platform.clone().map(Platform::from),
            references: references.to_vec(),
            index,
            is_nested: !self.above.is_empty(),
            damage: None,
        });
        Ok(())
    }
}

/// The annotations of a manifest, if it has any. They speak of the image; those of an index entry
/// are of whoever wrote the index.
pub(super) fn annotations(json: &[u8]) -> Option<Fact> {
    #[derive(Deserialize)]
    struct Annotated {
        annotations: serde_json::Map<String, serde_json::Value>,
    }
    let Annotated { annotations } = serde_json::from_slice(json).ok()?;
    let text = (!annotations.is_empty()).then_some(serde_json::Value::Object(annotations))?;
    Some(Fact { kind: "manifest.annotations".to_owned(), text: text.to_string() })
}

/// The file name of a blob. Only hexadecimal digits get into it, so it stays in the layout.
pub(super) fn blob_name(digest: &str, store: &Store) -> Result<String, SourceError> {
    let parsed = blob_digest(digest, &store.place)?;
    Ok(format!("blobs/sha256/{}", &parsed.to_string()["sha256:".len()..]))
}

/// The digest of a blob; other kinds than sha256 are refused.
pub(super) fn blob_digest(digest: &str, place: &str) -> Result<Digest, SourceError> {
    let parsed = digest.strip_prefix("sha256:").and_then(|hex| hex.parse().ok());
    parsed.ok_or_else(|| {
        SourceError::damaged(place, format!("{:?} is no sha256 digest", clip(digest)))
    })
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
pub(super) fn is_no_image(descriptor: &Descriptor) -> bool {
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

/// Whether a descriptor says that it is of an index.
pub(super) fn is_index(descriptor: &Descriptor) -> bool {
    descriptor.media_type.as_deref().is_some_and(is_index_type)
}

/// Whether a media type is that of an index, of the OCI or of Docker.
pub(super) fn is_index_type(media_type: &str) -> bool {
    media_type.ends_with(".index.v1+json") || media_type.ends_with(".manifest.list.v2+json")
}

pub(super) fn is_image_config(config: &Descriptor) -> bool {
    matches!(
        config.media_type.as_deref(),
        None | Some(
            "" | "application/vnd.oci.image.config.v1+json"
                | "application/vnd.docker.container.image.v1+json"
        )
    )
}

/// Whether nothing in a manifest is a changeset: signatures use configurations of images too.
pub(super) fn are_no_layers(layers: &[Descriptor]) -> bool {
    let is_layer = |layer: &Descriptor| {
        let media_type = layer.media_type.as_deref();
        media_type.is_none_or(|it| it.contains("tar") || it.ends_with(SQUASHFS_LAYER))
    };
    !layers.is_empty() && !layers.iter().any(is_layer)
}
