//! The documents about the catalog and its images.

use crate::image::{Declared, Fact, INCOMPLETE, ImageRecord, LayerKey, OsIdentity, PLATFORM};
use serde::Serialize;

/// `oskin.list/1`: the images of a catalog.
#[derive(Clone, Debug, Serialize)]
pub struct ListReport {
    schema: &'static str,
    /// In the order in which they were added.
    pub images: Vec<ImageSummary>,
}

impl ListReport {
    /// Lists images.
    pub fn new(records: &[ImageRecord]) -> Self {
        Self { schema: "oskin.list/1", images: records.iter().map(ImageSummary::new).collect() }
    }
}

/// `oskin.rm/1`: what has been removed from a catalog.
#[derive(Clone, Debug, Serialize)]
pub struct RemoveReport {
    schema: &'static str,
    /// The names of the images.
    pub removed: Vec<String>,
}

impl RemoveReport {
    /// Tells of names.
    pub fn new(removed: impl IntoIterator<Item = String>) -> Self {
        Self { schema: "oskin.rm/1", removed: removed.into_iter().collect() }
    }
}

/// An image in one line.
#[derive(Clone, Debug, Serialize)]
pub struct ImageSummary {
    /// The name in the catalog.
    pub name: String,
    /// Where it came from, as `transport:location`.
    pub source: String,
    /// Entries that are not directories.
    pub files: u64,
    /// Directories, the root not counted.
    pub directories: u64,
    /// Bytes of content, files with several names counted once.
    pub size_bytes: u64,
    /// The operating system, if its os-release file tells.
    pub os: Option<OsReport>,
    /// How many packages are known; null if nothing tells its packages.
    pub packages: Option<u64>,
    /// Whether nothing but its packages is known, so that it has no files.
    pub packages_only: bool,
    /// How many warnings were met while it was read.
    pub warnings: usize,
    /// What of it could not be read; null if it is whole.
    pub incomplete: Option<String>,
}

/// What to write to read the image again.
fn source_of(record: &ImageRecord) -> String {
    // The one transport whose name does not end with a colon alone.
    let slashes = if record.transport == "docker" { "//" } else { "" };
    format!("{}:{slashes}{}", record.transport, record.location)
}

impl ImageSummary {
    /// Sums an image up.
    pub fn new(record: &ImageRecord) -> Self {
        Self {
            name: record.name.clone(),
            source: source_of(record),
            files: record.files,
            directories: record.directories,
            size_bytes: record.size_bytes,
            os: record.os.as_ref().map(OsReport::new),
            packages: record.packages,
            packages_only: record.packages_only,
            warnings: record.warnings.len(),
            incomplete: record.incomplete().map(str::to_owned),
        }
    }
}

/// An operating system by its os-release file.
#[derive(Clone, Debug, Serialize)]
pub struct OsReport {
    /// Such as `debian`.
    pub id: Option<String>,
    /// Such as `12`.
    pub version_id: Option<String>,
    /// Such as `Debian GNU/Linux 12 (bookworm)`.
    pub pretty_name: Option<String>,
}

impl OsReport {
    fn new(os: &OsIdentity) -> Self {
        Self {
            id: os.id.clone(),
            version_id: os.version_id.clone(),
            pretty_name: os.pretty_name.clone(),
        }
    }
}

/// `oskin.show/1`: one image.
#[derive(Clone, Debug, Serialize)]
pub struct ShowReport {
    schema: &'static str,
    /// The name in the catalog, or the location of an image that is not in it.
    pub name: String,
    /// Where it came from, as `transport:location`.
    pub source: String,
    /// `name:tag` as the source told it.
    pub reference: Option<String>,
    /// As the image declares it: `os/architecture[/variant]`.
    pub platform: Option<String>,
    /// Digest of the configuration: the image id of Docker.
    pub config_digest: Option<String>,
    /// Digest of the manifest.
    pub manifest_digest: Option<String>,
    /// When it was built, as the image states it.
    pub created: Option<String>,
    /// Entries that are not directories.
    pub files: u64,
    /// Directories, the root not counted.
    pub directories: u64,
    /// Bytes of content, files with several names counted once.
    pub size_bytes: u64,
    /// The operating system, if its os-release file tells.
    pub os: Option<OsReport>,
    /// How many packages are known; null if nothing tells its packages.
    pub packages: Option<u64>,
    /// Whether nothing but its packages is known, so that it has no files.
    pub packages_only: bool,
    /// `NAME=value` strings.
    pub env: Vec<String>,
    /// The program that a container starts.
    pub entrypoint: Vec<String>,
    /// Its default arguments.
    pub cmd: Vec<String>,
    /// User, and group behind a colon.
    pub user: String,
    /// The directory a container starts in.
    pub working_dir: String,
    /// Ports as `80/tcp`.
    pub exposed_ports: Vec<String>,
    /// Labels by name.
    pub labels: std::collections::BTreeMap<String, String>,
    /// The build steps, oldest first.
    pub history: Vec<String>,
    /// What of it could not be read; null if it is whole.
    pub incomplete: Option<String>,
    /// What it tells of itself outside of its configuration.
    pub facts: Vec<FactReport>,
    /// The layers, base first.
    pub layers: Vec<LayerReport>,
    /// What was damaged or strange.
    pub warnings: Vec<WarningReport>,
}

impl ShowReport {
    /// Describes an image by its record and its layers as `(key, uncompressed bytes)`, base first.
    pub fn new(record: &ImageRecord, layers: &[(LayerKey, u64)]) -> Self {
        let Declared { platform, created, env, entrypoint, cmd, user, working_dir, .. } =
            record.declared();
        let Declared { exposed_ports, labels, history, .. } = record.declared();
        let known = !platform.os.is_empty() || !platform.architecture.is_empty();
        let layer = |(key, size): &(LayerKey, u64)| LayerReport {
            digest: key.to_string(),
            size_bytes: *size,
        };
        Self {
            schema: "oskin.show/1",
            name: record.name.clone(),
            source: source_of(record),
            reference: record.reference.clone(),
            platform: known.then(|| platform.to_string()),
            config_digest: record.config_digest.clone(),
            manifest_digest: record.manifest_digest.clone(),
            created,
            files: record.files,
            directories: record.directories,
            size_bytes: record.size_bytes,
            os: record.os.as_ref().map(OsReport::new),
            packages: record.packages,
            packages_only: record.packages_only,
            env,
            entrypoint,
            cmd,
            user,
            working_dir,
            exposed_ports,
            labels,
            history: history.into_iter().map(|step| step.created_by).collect(),
            incomplete: record.incomplete().map(str::to_owned),
            facts: record
                .facts
                .iter()
                .filter(|fact| ![INCOMPLETE, PLATFORM].contains(&&*fact.kind))
                .map(FactReport::new)
                .collect(),
            layers: layers.iter().map(layer).collect(),
            warnings: WarningReport::all(&record.warnings),
        }
    }
}

/// Something that an image tells of itself.
#[derive(Clone, Debug, Serialize)]
pub struct FactReport {
    /// What it is of, such as `sif.deffile` or `manifest.annotations`.
    pub kind: String,
    /// Its text.
    pub text: String,
}

impl FactReport {
    fn new(fact: &Fact) -> Self {
        Self { kind: fact.kind.clone(), text: fact.text.clone() }
    }
}

/// One layer.
#[derive(Clone, Debug, Serialize)]
pub struct LayerReport {
    /// The diff id, or `inventory-sha256:…` for what has no changeset of its own.
    pub digest: String,
    /// Bytes of the uncompressed changeset.
    pub size_bytes: u64,
}

/// Something damaged or strange that did not keep the rest from being read.
#[derive(Clone, Debug, Serialize)]
pub struct WarningReport {
    /// Where.
    pub place: String,
    /// What.
    pub what: String,
}

impl WarningReport {
    /// Reports warnings given as `(place, what)`.
    pub fn all(warnings: &[(String, String)]) -> Vec<Self> {
        let one =
            |(place, what): &(String, String)| Self { place: place.clone(), what: what.clone() };
        warnings.iter().map(one).collect()
    }
}

/// `oskin.add/1`: what adding came to.
#[derive(Clone, Debug, Serialize)]
pub struct AddReport {
    schema: &'static str,
    /// The images, in the order of the sources.
    pub images: Vec<AddedImage>,
    /// The sources, or images of them, that could not be added.
    pub failed: Vec<FailedSource>,
    /// The run in numbers.
    pub summary: AddSummary,
}

impl AddReport {
    /// Sums up a run.
    pub fn new(images: Vec<AddedImage>, failed: Vec<FailedSource>) -> Self {
        let summary = AddSummary::new(&images, failed.len());
        Self { schema: "oskin.add/1", images, failed, summary }
    }
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AddSummary {
    /// Images that are new.
    pub added: usize,
    /// Images that have taken the place of another.
    pub replaced: usize,
    /// Images that were there already.
    pub unchanged: usize,
    /// Images of all these that could be read only in part.
    pub incomplete: usize,
    /// Sources, or images of them, that could not be added.
    pub failed: usize,
    /// Layers of all these images that were read.
    pub layers_read: usize,
    /// Layers of new images that were known already, from the catalog or an image before.
    pub layers_reused: usize,
    /// The bytes of the layers that were read, as they are stored, where they are stored at all.
    pub stored_bytes_read: u64,
}

impl AddSummary {
    /// Counts.
    pub fn new(images: &[AddedImage], failed: usize) -> Self {
        let count = |outcome| images.iter().filter(|image| image.outcome == outcome).count();
        let new = images.iter().filter(|image| image.outcome != UNCHANGED);
        Self {
            added: count(ADDED),
            replaced: count(REPLACED),
            unchanged: count(UNCHANGED),
            incomplete: images.iter().filter(|it| it.image.incomplete.is_some()).count(),
            failed,
            layers_read: images.iter().map(|image| image.layers_read).sum(),
            layers_reused: new.map(|image| image.layers.saturating_sub(image.layers_read)).sum(),
            stored_bytes_read: images.iter().map(|image| image.stored_bytes_read).sum(),
        }
    }
}

/// [`AddedImage::outcome`]: it is new.
pub const ADDED: &str = "added";

/// [`AddedImage::outcome`]: it was there already.
pub const UNCHANGED: &str = "unchanged";

/// [`AddedImage::outcome`]: it has taken the place of another image of its name.
pub const REPLACED: &str = "replaced";

/// An image that is in the catalog now.
#[derive(Clone, Debug, Serialize)]
pub struct AddedImage {
    /// [`ADDED`], [`REPLACED`], or [`UNCHANGED`] if it was there already.
    pub outcome: &'static str,
    /// How many of its layers were read; the others were known.
    pub layers_read: usize,
    /// How many layers it has.
    pub layers: usize,
    /// The bytes of the layers that were read, as they are stored.
    pub stored_bytes_read: u64,
    /// The image.
    #[serde(flatten)]
    pub image: ImageSummary,
}

/// A source that could not be read.
#[derive(Clone, Debug, Serialize)]
pub struct FailedSource {
    /// As it was asked for.
    pub source: String,
    /// The line of the list that it stands in, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Why, with all causes.
    pub error: String,
}

/// `oskin.check/1`: whether a catalog is sound.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    schema: &'static str,
    /// Whether there is no violation.
    pub sound: bool,
    /// All that is not as it must be.
    pub violations: Vec<ViolationReport>,
}

impl CheckReport {
    /// Reports violations given as `(place, what)`.
    pub fn new(violations: &[(String, String)]) -> Self {
        let one = |(place, what): &(String, String)| ViolationReport {
            place: place.clone(),
            what: what.clone(),
        };
        Self {
            schema: "oskin.check/1",
            sound: violations.is_empty(),
            violations: violations.iter().map(one).collect(),
        }
    }
}

/// Something in the catalog that is not as it must be.
#[derive(Clone, Debug, Serialize)]
pub struct ViolationReport {
    /// Table and row, or image.
    pub place: String,
    /// What is wrong.
    pub what: String,
}
