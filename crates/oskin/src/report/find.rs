//! The document about where software is found.

use crate::image::{LayerKey, Package};
use crate::path::escape;
use serde::Serialize;

/// `oskin.find/1`: which images of the catalog have a package, in which version, and since which layer.
#[derive(Clone, Debug, Serialize)]
pub struct FindReport {
    schema: &'static str,
    /// What was asked for.
    pub query: String,
    /// The types of package URLs that were looked at; empty for all.
    pub types: Vec<String>,
    /// Whether packages count that were built from a source of that name.
    pub source: bool,
    /// The images of the catalog.
    pub images: u64,
    /// Those of them whose packages are not known.
    pub unknown: u64,
    /// The images whose layers were looked at.
    pub opened: u64,
    /// Those of them that were flattened, since several of their files tell of what was found.
    pub flattened: u64,
    /// What was found, in the order of the catalog, then by purl.
    pub found: Vec<FoundReport>,
    /// How many images have what was found.
    pub found_images: u64,
    /// How many packages have the name, but not a version that was asked for.
    pub other_versions: u64,
    /// What was built from a source of that name, in a version that was asked for, unless that is among what was found.
    pub by_source: Vec<NameReport>,
    /// How many packages those are, in all images.
    pub by_source_packages: u64,
    /// How many images have one of them.
    pub by_source_images: u64,
    /// Where nothing has the name: names that may have been meant, the likeliest first, then those of most images.
    pub near: Vec<NameReport>,
}

/// A package of an image.
#[derive(Clone, Debug, Serialize)]
pub struct FoundReport {
    /// The image.
    pub image: String,
    /// The type of its package URL.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name, with the namespace where that is a part of it.
    pub name: String,
    /// Its version; empty if none is told.
    pub version: String,
    /// What machine it is for; empty if that is not told.
    pub architecture: String,
    /// Its package URL.
    pub purl: String,
    /// The source that has the name which was asked for; null if the package has it.
    pub source: Option<String>,
    /// The layers that brought it, base first: one for each file that records it. Empty where no layer tells.
    pub layers: Vec<FoundLayer>,
    /// The largest image of the catalog whose layers are the first ones of the image and that has this very package.
    pub from: Option<String>,
}

/// A layer that brought a package.
#[derive(Clone, Debug, Serialize)]
pub struct FoundLayer {
    /// Its number among all layers of the image, base first, from 0 on.
    pub number: u32,
    /// Its digest.
    pub digest: String,
    /// The path of the file that records the package, escaped.
    pub record: String,
}

/// A name of packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NameReport {
    /// The type of its package URL.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name, with the namespace where that is a part of it.
    pub name: String,
    /// How many images have such a package.
    pub images: u64,
}

impl FindReport {
    /// A report of nothing found so far.
    pub fn new(query: &str, types: &[String], source: bool) -> Self {
        Self {
            schema: "oskin.find/1",
            query: query.to_owned(),
            types: types.to_vec(),
            source,
            images: 0,
            unknown: 0,
            opened: 0,
            flattened: 0,
            found: Vec::new(),
            found_images: 0,
            other_versions: 0,
            by_source: Vec::new(),
            by_source_packages: 0,
            by_source_images: 0,
            near: Vec::new(),
        }
    }
}

impl FoundReport {
    /// A package of an image, of which no layer is told so far; `is_source` if its source has the name.
    pub fn new(image: &str, package: &Package, is_source: bool) -> Self {
        Self {
            image: image.to_owned(),
            kind: package.kind.clone(),
            name: package.shown_name(),
            version: package.version.clone(),
            architecture: package.architecture().to_owned(),
            purl: package.to_string(),
            source: package.qualifiers.get("upstream").filter(|_| is_source).cloned(),
            layers: Vec::new(),
            from: None,
        }
    }
}

impl FoundLayer {
    /// A layer by its number, base first, from 0 on, and the file that records the package.
    pub fn new(number: u32, key: &LayerKey, record: &[u8]) -> Self {
        Self { number, digest: key.digest().to_string(), record: escape(record) }
    }
}

impl NameReport {
    /// The name of a package that so many images have.
    pub fn new(package: &Package, images: u64) -> Self {
        Self { kind: package.kind.clone(), name: package.shown_name(), images }
    }
}
