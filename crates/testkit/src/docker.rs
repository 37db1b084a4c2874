//! Docker archives: `docker save` of several ages and what other tools write in its place.

use crate::fixture::FixtureEntry;
use crate::hash::sha256_hex;
use crate::image::{Defect, Image};
use crate::oci::{MediaTypes, OciOptions, RefNames, Types, descriptor, layout_entries};
use crate::stored::{StoredImage, garbage_json, json_bytes};
use crate::tar::{TarOptions, write_tar};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Whose archive it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArchiveFlavor {
    /// Docker 1.10 to 24: `<id>/layer.tar` with `VERSION` and `json` beside it, `<digest>.json`.
    #[default]
    Docker20,
    /// skopeo and podman: `<diff id>.tar`, and `<id>/layer.tar` is a symbolic link to it.
    Skopeo,
    /// crane and kaniko: `<digest>.tar.gz` whatever the compression, and the configuration is
    /// called by its whole digest, `sha256:<digits>`.
    Crane,
    /// Docker since 25: an OCI layout with a `manifest.json`.
    Docker25,
}

/// What happens to a layer that occurs a second time under another id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SharedLayers {
    /// Its `layer.tar` is a symbolic link to `../<id of the first>/layer.tar`, as Docker writes.
    #[default]
    Symlink,
    /// It is written again.
    Copy,
}

/// Where `manifest.json` stands in the archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ManifestPlace {
    /// After all it speaks of, as Docker writes.
    #[default]
    Last,
    /// Before all else.
    First,
}

/// How an archive is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArchiveOptions {
    /// Whose archive it is.
    pub flavor: ArchiveFlavor,
    /// Shared layers of [`ArchiveFlavor::Docker20`].
    pub shared: SharedLayers,
    /// Where `manifest.json` stands.
    pub manifest: ManifestPlace,
    /// How the outer tar is written.
    pub outer: TarOptions,
}

/// An archive of these images.
///
/// Layers are stored with the compression of their image, whatever their name says; real archives
/// of Docker 1.10 to 24 have plain ones. [`Defect::GarbageManifest`] of any image spoils
/// `manifest.json` for all.
pub fn docker_archive(images: &[Image], options: &ArchiveOptions) -> Vec<u8> {
    let stored: Vec<StoredImage> = images.iter().map(StoredImage::new).collect();
    let mut archive = Archive { options: *options, ..Archive::default() };
    for (image, stored) in images.iter().zip(&stored) {
        archive.add(image, stored);
    }
    if options.flavor == ArchiveFlavor::Docker25 {
        let layout = OciOptions { ref_names: RefNames::TagOnly, ..OciOptions::default() };
        archive.entries = layout_entries(images, &layout);
    }
    let manifest = archive.manifest_entry(images);
    match options.manifest {
        ManifestPlace::First => archive.entries.insert(0, manifest),
        ManifestPlace::Last => archive.entries.push(manifest),
    }
    let legacy = Value::Object(archive.repositories);
    archive.entries.push(FixtureEntry::file("repositories", json_bytes(&legacy)));
    write_tar(&archive.entries, &options.outer)
}

#[derive(Default)]
struct Archive {
    options: ArchiveOptions,
    entries: Vec<FixtureEntry>,
    manifests: Vec<Value>,
    repositories: Map<String, Value>,
    // Names that are in the archive, and where the first `layer.tar` of a diff id is.
    written: BTreeSet<String>,
    first_of: BTreeMap<String, String>,
}

impl Archive {
    fn add(&mut self, image: &Image, stored: &StoredImage) {
        let names: Vec<String> =
            (0..stored.layers.len()).map(|n| self.add_layer(stored, n)).collect();
        let config_name = match self.options.flavor {
            ArchiveFlavor::Docker20 | ArchiveFlavor::Skopeo => {
                format!("{}.json", stored.config.hex())
            }
            ArchiveFlavor::Crane => stored.config.digest.clone(),
            ArchiveFlavor::Docker25 => format!("blobs/sha256/{}", stored.config.hex()),
        };
        if let Some(bytes) = &stored.config.bytes {
            self.add_file(&config_name, bytes);
        }
        let tags = if image.references.is_empty() { Value::Null } else { json!(image.references) };
        let mut manifest = json!({ "Config": config_name, "RepoTags": tags, "Layers": names });
        if self.options.flavor == ArchiveFlavor::Docker25 {
            manifest["LayerSources"] = layer_sources(image, stored);
        }
        self.manifests.push(manifest);
        self.add_repositories(image, stored);
    }

    /// Adds a layer and returns its name for the manifest.
    fn add_layer(&mut self, stored: &StoredImage, n: usize) -> String {
        let blob = &stored.layers[n];
        let diff_hex = stored.diff_ids[n].trim_start_matches("sha256:");
        let name = match self.options.flavor {
            ArchiveFlavor::Docker20 => return self.add_docker_layer(stored, n),
            ArchiveFlavor::Docker25 => return format!("blobs/sha256/{}", blob.hex()),
            ArchiveFlavor::Skopeo => format!("{diff_hex}.tar"),
            ArchiveFlavor::Crane => format!("{}.tar.gz", blob.hex()),
        };
        if let Some(bytes) = &blob.bytes {
            self.add_file(&name, bytes);
        }
        if self.options.flavor == ArchiveFlavor::Skopeo {
            let id = layer_id(stored, n);
            self.add_legacy(&id);
            self.add_symlink(&format!("{id}/layer.tar"), &format!("../{name}"));
        }
        name
    }

    fn add_docker_layer(&mut self, stored: &StoredImage, n: usize) -> String {
        let id = layer_id(stored, n);
        let name = format!("{id}/layer.tar");
        self.add_legacy(&id);
        let first = self.first_of.entry(stored.diff_ids[n].clone()).or_insert_with(|| name.clone());
        if *first != name && self.options.shared == SharedLayers::Symlink {
            let target = format!("../{first}");
            self.add_symlink(&name, &target);
        } else if let Some(bytes) = &stored.layers[n].bytes {
            self.add_file(&name, bytes);
        }
        name
    }

    /// The directory of a layer with the two files that Docker before 1.10 read.
    fn add_legacy(&mut self, id: &str) {
        if self.is_new(id) {
            self.entries.push(FixtureEntry::directory(id));
            self.entries.push(FixtureEntry::file(format!("{id}/VERSION"), "1.0"));
            let json = json_bytes(&json!({ "id": id }));
            self.entries.push(FixtureEntry::file(format!("{id}/json"), json));
        }
    }

    fn add_repositories(&mut self, image: &Image, stored: &StoredImage) {
        let Some(top) = stored.layers.len().checked_sub(1) else { return };
        for (name, tag) in image.references.iter().filter_map(|r| r.rsplit_once(':')) {
            let tags = self.repositories.entry(name).or_insert_with(|| json!({}));
            tags[tag] = json!(layer_id(stored, top));
        }
    }

    fn add_file(&mut self, name: &str, bytes: &[u8]) {
        if self.is_new(name) {
            self.entries.push(FixtureEntry::file(name, bytes));
        }
    }

    fn add_symlink(&mut self, name: &str, target: &str) {
        if self.is_new(name) {
            self.entries.push(FixtureEntry::symlink(name, target));
        }
    }

    fn is_new(&mut self, name: &str) -> bool {
        self.written.insert(name.to_owned())
    }

    fn manifest_entry(&self, images: &[Image]) -> FixtureEntry {
        let is_garbage = images.iter().any(|image| image.has(Defect::GarbageManifest));
        let bytes = if is_garbage { garbage_json() } else { json_bytes(&json!(self.manifests)) };
        FixtureEntry::file("manifest.json", bytes)
    }
}

/// The id of a layer: a hash of the stack below it, for the topmost of the configuration too, so
/// that images which share all layers still have different ids at the top.
fn layer_id(stored: &StoredImage, n: usize) -> String {
    let chain = stored.chain_id(n);
    let is_top = n + 1 == stored.layers.len();
    let config = if is_top { stored.config.digest.as_str() } else { "" };
    sha256_hex(format!("{chain} {config}").as_bytes())
}

/// The descriptors of the layers by diff id, which Docker since 25 adds to its manifest.
fn layer_sources(image: &Image, stored: &StoredImage) -> Value {
    let layer_type = Types::new(MediaTypes::Oci, image.compression.media_suffix()).layer;
    let layers = stored.diff_ids.iter().zip(&stored.layers);
    layers.map(|(diff_id, blob)| (diff_id.clone(), descriptor(&layer_type, blob))).collect()
}
