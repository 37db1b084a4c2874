//! OCI image layouts, as directories and as archives.

use crate::fixture::{FixtureEntry, FixtureKind};
use crate::image::{Defect, Image};
use crate::stored::{StoredBlob, StoredImage, garbage_json, json_bytes};
use crate::tar::{TarOptions, write_tar};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// What the annotation `org.opencontainers.image.ref.name` holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefNames {
    /// The whole reference, `app:1.0`, as skopeo and umoci write it.
    #[default]
    Full,
    /// Its tag, `1.0`, as `BuildKit` and Docker do.
    TagOnly,
}

/// Whose media types are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MediaTypes {
    /// Those of the OCI image spec.
    #[default]
    Oci,
    /// Those of Docker's image manifest version 2, schema 2, where Docker has one of its own.
    Docker,
}

/// How blobs lie in a layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlobFiles {
    /// As files.
    #[default]
    Plain,
    /// As symbolic links to files of a directory `store` in the layout, as layouts in shared
    /// caches and build systems have them.
    Symlinked,
}

/// How a layout is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OciOptions {
    /// How many image indexes lie between `index.json` and the manifests. Images with the same
    /// first reference share theirs, one manifest per platform.
    pub nesting: usize,
    /// Whether the descriptors of manifests name the platform.
    pub index_platforms: bool,
    /// Whether every image is followed by an attestation, as `BuildKit` writes it: a manifest of
    /// platform `unknown/unknown`.
    pub attestations: bool,
    /// What the annotation with the reference holds.
    pub ref_names: RefNames,
    /// Whose media types are used.
    pub media_types: MediaTypes,
    /// How blobs lie in the layout.
    pub blobs: BlobFiles,
    /// How the outer tar of an archive is written.
    pub outer: TarOptions,
}

impl Default for OciOptions {
    fn default() -> Self {
        Self {
            nesting: 0,
            index_platforms: true,
            attestations: false,
            ref_names: RefNames::Full,
            media_types: MediaTypes::Oci,
            blobs: BlobFiles::Plain,
            outer: TarOptions::default(),
        }
    }
}

/// Writes a layout with these images into the directory, which is made if it is not there.
///
/// # Errors
///
/// The first failure to write; the layout is then incomplete.
pub fn write_oci_layout(dir: &Path, images: &[Image], options: &OciOptions) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for entry in layout_entries(images, options) {
        let path = dir.join(String::from_utf8_lossy(&entry.path).as_ref());
        match &entry.kind {
            FixtureKind::File(content) => fs::write(path, content)?,
            FixtureKind::Symlink(target) => {
                std::os::unix::fs::symlink(String::from_utf8_lossy(target).as_ref(), path)?;
            }
            _ => fs::create_dir_all(path)?,
        }
    }
    Ok(())
}

/// A tar of a layout with these images.
pub fn oci_archive(images: &[Image], options: &OciOptions) -> Vec<u8> {
    write_tar(&layout_entries(images, options), &options.outer)
}

/// The files of a layout in the order in which tools archive them: blobs, index, marker.
pub(crate) fn layout_entries(images: &[Image], options: &OciOptions) -> Vec<FixtureEntry> {
    let mut layout = Layout { options: *options, blobs: BTreeMap::new() };
    let index = layout.top_index(images);
    let mut entries = blob_entries(&layout.blobs, options.blobs);
    entries.push(FixtureEntry::file("index.json", json_bytes(&index)));
    entries.push(FixtureEntry::file("oci-layout", "{\"imageLayoutVersion\": \"1.0.0\"}"));
    entries
}

fn blob_entries(blobs: &BTreeMap<String, Vec<u8>>, files: BlobFiles) -> Vec<FixtureEntry> {
    let mut entries =
        vec![FixtureEntry::directory("blobs"), FixtureEntry::directory("blobs/sha256")];
    if files == BlobFiles::Symlinked {
        entries.push(FixtureEntry::directory("store"));
    }
    for (hex, bytes) in blobs {
        let path = format!("blobs/sha256/{hex}");
        match files {
            BlobFiles::Plain => entries.push(FixtureEntry::file(path, bytes.clone())),
            BlobFiles::Symlinked => {
                entries.push(FixtureEntry::file(format!("store/{hex}"), bytes.clone()));
                entries.push(FixtureEntry::symlink(path, format!("../../store/{hex}")));
            }
        }
    }
    entries
}

struct Layout {
    options: OciOptions,
    // Content by the hexadecimal digits of its claimed digest.
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Layout {
    fn top_index(&mut self, images: &[Image]) -> Value {
        let mut manifests = Vec::new();
        if self.options.nesting == 0 {
            for image in images {
                let descriptors = self.image_descriptors(image);
                manifests.extend(self.named(&descriptors, &image.references));
            }
        } else {
            for group in groups(images) {
                let inner: Vec<Value> =
                    group.iter().flat_map(|image| self.image_descriptors(image)).collect();
                let mut descriptor = self.add_index(&inner);
                for _ in 1..self.options.nesting {
                    descriptor = self.add_index(&[descriptor]);
                }
                manifests.extend(self.named(&[descriptor], &group[0].references));
            }
        }
        index_json(&manifests)
    }

    /// The descriptors once for every reference; only the first carries its name.
    fn named(&self, descriptors: &[Value], references: &[String]) -> Vec<Value> {
        if references.is_empty() {
            return descriptors.to_vec();
        }
        let with_name = |reference: &String| {
            let mut named = descriptors.to_vec();
            if let Some(first) = named.first_mut() {
                first["annotations"][REF_NAME] = json!(self.ref_name(reference));
            }
            named
        };
        references.iter().flat_map(with_name).collect()
    }

    fn ref_name<'r>(&self, reference: &'r str) -> &'r str {
        match self.options.ref_names {
            RefNames::Full => reference,
            RefNames::TagOnly => reference.rsplit_once(':').map_or(reference, |(_, tag)| tag),
        }
    }

    /// The descriptor of the image's manifest, and that of its attestation if wanted.
    fn image_descriptors(&mut self, image: &Image) -> Vec<Value> {
        let manifest = self.add_manifest(image);
        let mut descriptors = vec![manifest];
        if self.options.index_platforms {
            descriptors[0]["platform"] = image.platform.to_json();
        }
        if self.options.attestations {
            let attestation = self.add_attestation(&descriptors[0]);
            descriptors.push(attestation);
        }
        descriptors
    }

    fn add_manifest(&mut self, image: &Image) -> Value {
        let types = Types::new(self.options.media_types, image.compression.media_suffix());
        let StoredImage { layers, config, .. } = StoredImage::new(image);
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": types.manifest,
            "config": descriptor(&types.config, &config),
            "layers": layers.iter().map(|blob| descriptor(&types.layer, blob)).collect::<Vec<_>>(),
        });
        if !image.annotations.is_empty() {
            manifest["annotations"] = Value::Object(image.annotations.clone());
        }
        for blob in layers.into_iter().chain([config]) {
            self.add(blob);
        }
        let is_garbage = image.has(Defect::GarbageManifest);
        let bytes = if is_garbage { garbage_json() } else { json_bytes(&manifest) };
        self.add_described(&types.manifest, bytes)
    }

    fn add_attestation(&mut self, subject: &Value) -> Value {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": "https://slsa.dev/provenance/v0.2",
            "subject": [{ "name": "_", "digest": subject["digest"] }],
        });
        let types = Types::new(MediaTypes::Oci, "");
        let config = json!({
            "architecture": "unknown",
            "os": "unknown",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": [] },
        });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": types.manifest,
            "config": self.add_described(&types.config, json_bytes(&config)),
            "layers": [self.add_described("application/vnd.in-toto+json", json_bytes(&statement))],
        });
        let mut descriptor = self.add_described(&types.manifest, json_bytes(&manifest));
        descriptor["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
        descriptor["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": subject["digest"],
        });
        descriptor
    }

    fn add_index(&mut self, manifests: &[Value]) -> Value {
        self.add_described(INDEX_TYPE, json_bytes(&index_json(manifests)))
    }

    fn add_described(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let blob = StoredBlob::new(bytes);
        let descriptor = descriptor(media_type, &blob);
        self.add(blob);
        descriptor
    }

    fn add(&mut self, blob: StoredBlob) {
        let hex = blob.hex().to_owned();
        if let Some(bytes) = blob.bytes {
            self.blobs.insert(hex, bytes);
        }
    }
}

/// Images by their first reference, in the order of their first mention.
fn groups(images: &[Image]) -> Vec<Vec<&Image>> {
    let mut groups: Vec<Vec<&Image>> = Vec::new();
    for image in images {
        let reference = image.references.first();
        let group = groups.iter_mut().find(|group| group[0].references.first() == reference);
        match group {
            Some(group) => group.push(image),
            None => groups.push(vec![image]),
        }
    }
    groups
}

fn index_json(manifests: &[Value]) -> Value {
    json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests })
}

pub(crate) fn descriptor(media_type: &str, blob: &StoredBlob) -> Value {
    json!({ "mediaType": media_type, "digest": blob.digest, "size": blob.size_bytes })
}

/// The media types of one image.
pub(crate) struct Types {
    manifest: String,
    config: String,
    pub(crate) layer: String,
}

impl Types {
    pub(crate) fn new(whose: MediaTypes, suffix: &str) -> Self {
        let (manifest, config, layer) = match (whose, suffix) {
            (MediaTypes::Oci, _) => (
                "application/vnd.oci.image.manifest.v1+json",
                "application/vnd.oci.image.config.v1+json",
                format!("application/vnd.oci.image.layer.v1.tar{suffix}"),
            ),
            (MediaTypes::Docker, _) => (
                "application/vnd.docker.distribution.manifest.v2+json",
                "application/vnd.docker.container.image.v1+json",
                // Docker's own type for gzip has a dot where OCI has a plus.
                format!("application/vnd.docker.image.rootfs.diff.tar{}", suffix.replace('+', ".")),
            ),
        };
        Self { manifest: manifest.to_owned(), config: config.to_owned(), layer }
    }
}
