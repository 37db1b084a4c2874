//! The tables of a store: which images and layers there are (`images.json`, `layers.json`).
//!
//! No lock is taken: engines put a whole new file in the place of the old one, so what is read is
//! the state of one moment; and nothing in it is trusted.

use super::super::SourceError;
use super::super::docker::clip;
use super::super::oci_index::AtMost;
use crate::image::Digest;
use crate::path;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The largest table that is read; one of a thousand images has about 2 MB.
const MAX_TABLE_BYTES: u64 = 64 * 1024 * 1024;

/// The most images or layers of a store.
const MAX_ROWS: usize = 200_000;

/// Drivers whose layers are directories, and where these lie below the root.
const DRIVERS: [(&str, Driver); 2] = [("overlay", Driver::Overlay), ("vfs", Driver::Vfs)];

/// How a store keeps the content of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    /// What the layer changed, with whiteouts of the kernel.
    Overlay,
    /// All files of the layer and those below it.
    Vfs,
}

impl Driver {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Vfs => "vfs",
        }
    }
}

/// A row of `images.json`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct StoredImage {
    pub(super) id: String,
    #[serde(default)]
    pub(super) digest: Option<String>,
    #[serde(default)]
    pub(super) names: Option<Vec<String>>,
    #[serde(default)]
    pub(super) layer: Option<String>,
}

impl StoredImage {
    pub(super) fn names(&self) -> &[String] {
        self.names.as_deref().unwrap_or_default()
    }

    /// The beginning of the id, as engines show it.
    pub(super) fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }
}

/// A row of `layers.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct StoredLayer {
    pub(super) id: String,
    #[serde(default)]
    pub(super) parent: Option<String>,
    #[serde(default)]
    pub(super) diff_digest: Option<String>,
    #[serde(default)]
    pub(super) diff_size: Option<i64>,
}

/// What one driver keeps below one root.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) root: PathBuf,
    pub(super) driver: Driver,
    pub(super) images: Vec<StoredImage>,
    layers: BTreeMap<String, StoredLayer>,
}

impl Tables {
    /// All that lies below a root: of one driver, or of each that is there.
    pub(super) fn open_all(root: &Path, driver: Option<&str>) -> Result<Vec<Self>, SourceError> {
        let place = place_of(root);
        // Without it, a wrong path would look like a store without images.
        let listed = root.read_dir().map_err(|error| not_readable(&place, error))?;
        let drivers: Vec<Driver> = match driver {
            Some(asked) => {
                let named = if asked == "overlay2" { "overlay" } else { asked };
                let known = DRIVERS.iter().find(|(name, _)| *name == named);
                vec![known.ok_or_else(|| unknown_driver(&place, asked))?.1]
            }
            None => DRIVERS.iter().map(|(_, driver)| *driver).collect(),
        };
        let mut found = Vec::new();
        for driver in drivers {
            if root.join(format!("{}-images", driver.name())).is_dir() {
                found.push(Self::open(root, driver)?);
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
        let mut others: Vec<String> = listed
            .filter_map(|entry| {
                Some(entry.ok()?.file_name().to_str()?.strip_suffix("-images")?.to_owned())
            })
            .filter(|name| !DRIVERS.iter().any(|(known, _)| known == name))
            .collect();
        others.sort();
        match (others.first(), driver) {
            (Some(other), None) => Err(unknown_driver(&place, other)),
            _ => Err(SourceError::Engine {
                place,
                what: match driver {
                    Some(driver) => format!("is no store of the driver {}", clip(driver)),
                    None => "is no store of podman, buildah or CRI-O".to_owned(),
                },
                hint: Some(
                    "`podman info` tells where a store is (graphRoot); write containers-storage:[GRAPHROOT]NAME"
                        .to_owned(),
                ),
            }),
        }
    }

    fn open(root: &Path, driver: Driver) -> Result<Self, SourceError> {
        let name = driver.name();
        let images = rows(&root.join(format!("{name}-images/images.json")), "the table of images")?;
        let mut layers = BTreeMap::new();
        // Those of containers that do not survive a restart stand apart.
        for file in ["volatile-layers.json", "layers.json"] {
            let path = root.join(format!("{name}-layers/{file}"));
            let rows: Vec<StoredLayer> = rows(&path, "the table of layers")?;
            layers.extend(rows.into_iter().map(|layer| (layer.id.clone(), layer)));
        }
        Ok(Self { root: root.to_owned(), driver, images, layers })
    }

    pub(super) fn layer(&self, id: &str) -> Option<&StoredLayer> {
        self.layers.get(id)
    }

    /// The directory with the content of a layer.
    pub(super) fn content_of(&self, layer: &str) -> PathBuf {
        match self.driver {
            Driver::Overlay => self.root.join("overlay").join(layer).join("diff"),
            Driver::Vfs => self.root.join("vfs/dir").join(layer),
        }
    }

    /// The file that tells how the layer was a tar archive.
    pub(super) fn split_of(&self, layer: &str) -> PathBuf {
        self.root.join(format!("{}-layers/{layer}.tar-split.gz", self.driver.name()))
    }

    /// A small file that belongs to an image, `None` if it is not there.
    pub(super) fn data(
        &self,
        image: &str,
        key: &str,
        (what, limit_bytes): (&'static str, u64),
    ) -> Result<Option<Vec<u8>>, SourceError> {
        let directory = self.root.join(format!("{}-images", self.driver.name())).join(image);
        let path = directory.join(data_name(key));
        match File::open(&path) {
            Ok(file) => read_bounded(file, &path, (what, limit_bytes)).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(not_readable(&place_of(&path), error)),
        }
    }
}

/// Whether an id can be part of a path: nothing that leads elsewhere.
pub(super) fn is_plain_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=128).contains(&id.len()) && id.bytes().all(is_plain) && !id.starts_with('.')
}

pub(super) fn place_of(path: &Path) -> String {
    path::escape(path.as_os_str().as_bytes())
}

/// The file name of a key: the key itself if it is of digits, dots and small letters, else its
/// base64 behind an equals sign (containers/storage, `makeBigDataBaseName`).
fn data_name(key: &str) -> String {
    use base64::Engine as _;
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.';
    if key.bytes().all(is_plain) {
        return key.to_owned();
    }
    format!("={}", base64::engine::general_purpose::STANDARD.encode(key))
}

fn unknown_driver(place: &str, driver: &str) -> SourceError {
    SourceError::Engine {
        place: place.to_owned(),
        what: format!("the storage driver {} is not read", clip(driver)),
        hint: Some(
            "save the image and read the file: podman save NAME | oskin show docker-archive:-"
                .to_owned(),
        ),
    }
}

/// Says why a part of a store could not be read.
pub(super) fn not_readable(place: &str, error: io::Error) -> SourceError {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return SourceError::Engine {
            place: place.to_owned(),
            what: error.to_string(),
            hint: Some(
                "run it as root; in a store of your own: podman unshare oskin ...".to_owned(),
            ),
        };
    }
    if error.kind() == io::ErrorKind::NotFound {
        return SourceError::NotFound {
            place: place.to_owned(),
            hint: Some(
                "`podman info` tells where a store is (graphRoot); write containers-storage:[GRAPHROOT]NAME"
                    .to_owned(),
            ),
        };
    }
    SourceError::io(place, error)
}

fn read_bounded(
    file: File,
    path: &Path,
    (what, limit_bytes): (&'static str, u64),
) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    let read = file.take(limit_bytes + 1).read_to_end(&mut bytes);
    read.map_err(|error| not_readable(&place_of(path), error))?;
    if bytes.len() as u64 > limit_bytes {
        return Err(SourceError::TooLarge { place: place_of(path), what, limit_bytes });
    }
    Ok(bytes)
}

/// The rows of a table; none where there is no such file.
fn rows<T: for<'de> Deserialize<'de>>(
    path: &Path,
    what: &'static str,
) -> Result<Vec<T>, SourceError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(not_readable(&place_of(path), error)),
    };
    let bytes = read_bounded(file, path, (what, MAX_TABLE_BYTES))?;
    // An engine that was stopped before its first image leaves an empty file.
    if bytes.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    match serde_json::from_slice::<Option<AtMost<T, MAX_ROWS>>>(&bytes) {
        Ok(rows) => Ok(rows.map(|rows| rows.0).unwrap_or_default()),
        Err(error) => Err(SourceError::Engine {
            place: place_of(path),
            what: format!("{what} is damaged: {error}"),
            hint: Some("`podman system check` or `podman system reset` mend a store".to_owned()),
        }),
    }
}

/// A digest as a table spells it.
pub(super) fn digest(text: Option<&str>) -> Option<Digest> {
    text?.strip_prefix("sha256:")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_data_and_ids_stay_below_their_directory() {
        assert_eq!(data_name("manifest"), "manifest");
        assert_eq!(data_name("a/b"), "=YS9i");
        assert_eq!(data_name(".."), "..");
        assert!(is_plain_id("ce62fa68"));
        for id in ["", "..", ".x", "a/b", "a b", &"a".repeat(129)] {
            assert!(!is_plain_id(id), "{id}");
        }
    }
}
