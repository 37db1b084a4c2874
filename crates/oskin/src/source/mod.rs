//! Readers: from `transport:location` to images and their layers.
//!
//! [`SourceSpec::parse`] understands what the user wrote, [`open`] finds the images there and reads
//! manifests and configurations, [`LayerSource::read`] streams one layer. Layers that nobody asks
//! for are not read, and several can be read in parallel. Nothing is unpacked to disk, and memory
//! does not grow with the size of a layer, only with its number of entries.
//!
//! Nothing in an image is trusted: sizes are bounded, names are normalized, links are never
//! followed out of an archive, digests are verified. What is damaged in one entry is a
//! [`Warning`], what is damaged in the image a [`SourceError`]; both say where.

mod archive;
mod changeset;
mod containers_storage;
mod cpio;
mod cpio_header;
mod daemon;
mod decompress;
mod disk;
mod docker;
mod erofs;
mod error;
mod fields;
mod guard;
mod held;
mod input;
mod iso;
mod iso_rock;
mod layer;
mod limits;
mod listing;
mod name;
mod nodes;
mod oci;
mod oci_index;
pub mod oski;
mod packages;
mod pick;
mod read_at;
mod registry;
mod sbom;
mod sif;
mod sniff;
mod spec;
mod squashfs;
mod store;
mod stored;
mod tar_entries;
mod tar_pax;
mod tar_sparse;
mod tree;
mod walk;
mod walk_fs;
mod wanted;

pub use error::SourceError;
pub use layer::{LayerRead, LayerSource};
pub use limits::Limits;
#[cfg(any(test, fuzzing))]
pub use registry::check_headers;
pub use registry::{
    Connections, RegistryOptions, Timeouts, manifest_digest as remote_digest, tags,
};
pub use spec::{Pick, SourceSpec, Transport, has_transport};
pub use wanted::{Wanted, contents};

use crate::image::{Declared, Digest, Fact, Packages, Platform};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// What is asked of the readers.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct ReadOptions<'a> {
    /// The platform to pick where an image is there for several; `None` is the one oskin runs on.
    pub platform: Option<Platform>,
    /// Take every image of an archive instead of asking which.
    pub all: bool,
    /// `host:` goes on into other file systems.
    pub cross_mounts: bool,
    /// Whether the contents of files are read and hashed where they lie in a file system: by
    /// `rootfs:`, `host:` and the transports of file system images.
    pub contents: bool,
    /// Which partition of a disk to read, counted from 1; `None` is the one that holds the system.
    pub partition: Option<u32>,
    /// Whether the file that a disk image says it stands on is opened: any path, as it pleases.
    pub allow_backing_file: bool,
    /// Where container engines and their stores are.
    pub engines: EngineOptions,
    /// What is accepted of an image.
    pub limits: Limits,
    /// How registries are reached.
    pub registry: RegistryOptions,
    /// Files whose contents are taken out.
    pub wanted: Wanted,
    /// Who is told how far the reading is.
    pub progress: &'a dyn Progress,
}

impl Default for ReadOptions<'_> {
    /// One image, for the platform oskin runs on, with contents, without progress.
    fn default() -> Self {
        Self {
            platform: None,
            all: false,
            cross_mounts: false,
            contents: true,
            partition: None,
            allow_backing_file: false,
            engines: EngineOptions::default(),
            limits: Limits::default(),
            registry: RegistryOptions::default(),
            wanted: Wanted::default(),
            progress: &NoProgress,
        }
    }
}

impl fmt::Debug for ReadOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOptions")
            .field("platform", &self.platform)
            .field("all", &self.all)
            .field("cross_mounts", &self.cross_mounts)
            .field("contents", &self.contents)
            .field("partition", &self.partition)
            .field("allow_backing_file", &self.allow_backing_file)
            .field("engines", &self.engines)
            .field("limits", &self.limits)
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

/// Where container engines and their stores are, as the environment of a user has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// The address of the Docker engine as `DOCKER_HOST` spells it: `unix://` and the path of a
    /// socket. All others are refused when they are needed.
    pub docker_host: String,
    /// The store of podman, buildah and CRI-O (`graphroot`), then additional stores of images.
    pub containers_storage: Vec<PathBuf>,
    /// The driver of these stores; `None` for whichever is there.
    pub containers_storage_driver: Option<String>,
    /// Why the two above could not be found out, told when they are needed.
    pub containers_storage_problem: Option<String>,
}

impl Default for EngineOptions {
    /// Where engines and stores are unless somebody says otherwise.
    fn default() -> Self {
        Self {
            docker_host: "unix:///var/run/docker.sock".to_owned(),
            containers_storage: vec![PathBuf::from("/var/lib/containers/storage")],
            containers_storage_driver: None,
            containers_storage_problem: None,
        }
    }
}

/// Hears how far the reading is. Calls come from several threads.
pub trait Progress: Sync {
    /// So many more bytes will be read, as they are stored.
    fn expect(&self, bytes: u64);
    /// So many bytes were read, as they are stored.
    fn advance(&self, bytes: u64);
    /// Something begins that is read on its own, such as a layer, and lasts until the value is
    /// dropped; it may hear nothing at all. What the value hears the whole must hear of too, as it does unless a type says
    /// otherwise. The name is short: the beginning of a digest, or of a file name.
    fn part<'a>(&'a self, name: &str) -> Box<dyn Progress + 'a> {
        let _ = name;
        Box::new(Whole(self))
    }
}

/// A part that tells the whole and nothing else.
struct Whole<'a, T: ?Sized>(&'a T);

impl<T: Progress + ?Sized> Progress for Whole<'_, T> {
    fn expect(&self, bytes: u64) {
        self.0.expect(bytes);
    }

    fn advance(&self, bytes: u64) {
        self.0.advance(bytes);
    }

    fn part<'a>(&'a self, _name: &str) -> Box<dyn Progress + 'a> {
        Box::new(Whole(self.0))
    }
}

/// Does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn expect(&self, _bytes: u64) {}
    fn advance(&self, _bytes: u64) {}
}

/// An image that was found; its layers are still to be read.
#[derive(Debug)]
pub struct ImageSource {
    /// The name that it should get unless the user says otherwise.
    pub name: String,
    /// The reference it has in its archive or layout.
    pub reference: Option<String>,
    /// How it was reached.
    pub transport: Transport,
    /// The path it lies at.
    pub location: String,
    /// Its configuration as it is stored.
    pub config: Option<Vec<u8>>,
    /// What the configuration says.
    pub declared: Declared,
    /// The digest of the configuration: the image id of container engines.
    pub config_digest: Option<Digest>,
    /// The digest of the manifest, where there is an OCI manifest.
    pub manifest_digest: Option<Digest>,
    /// What else it tells of itself: labels and definition of a SIF image, annotations of a manifest.
    pub facts: Vec<Fact>,
    /// Its packages, where the source tells them.
    pub packages: Option<Packages>,
    /// The layers, base first.
    pub layers: Vec<LayerSource>,
    /// What is odd about the image but does not keep it from being read.
    pub warnings: Vec<Warning>,
}

impl ImageSource {
    /// An image of one layer that declares nothing.
    fn plain(spec: &SourceSpec, name: String, layer: LayerSource) -> Self {
        Self {
            name,
            reference: None,
            transport: spec.transport,
            location: archive::place_of(&spec.location),
            config: None,
            declared: Declared::default(),
            config_digest: None,
            manifest_digest: None,
            facts: Vec::new(),
            packages: None,
            layers: vec![layer],
            warnings: Vec::new(),
        }
    }

    /// An image of several that is known by its name only: reading it says why.
    fn damaged(
        name: String,
        called: &pick::Called,
        (transport, place): (Transport, &str),
        error: SourceError,
    ) -> Self {
        let origin = layer::Origin::Scanned(Arc::new(Err(error)));
        let spec = SourceSpec { transport, location: PathBuf::new(), pick: Pick::Only };
        Self {
            reference: called.references.first().cloned(),
            location: place.to_owned(),
            ..Self::plain(&spec, name, LayerSource::unnamed(origin, place.to_owned()))
        }
    }
}

/// Something that is odd or was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub place: String,
    /// What.
    pub what: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// How many warnings are kept for one layer; the rest is counted.
const MAX_WARNINGS: usize = 1000;

/// The warnings of one place, bounded in number: a hostile archive has millions.
#[derive(Clone, Debug)]
struct Warnings {
    place: String,
    list: Vec<Warning>,
    dropped: u64,
    lost: Option<Lost>,
}

/// What of an image could not be read, though the rest was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// How many parts: files, directories, links. What lay below a lost directory is not known.
    pub parts: u64,
    /// The first of them.
    pub first: Warning,
}

impl Lost {
    /// Counts what is lost further on too.
    pub fn add(&mut self, later: &Self) {
        self.parts = self.parts.saturating_add(later.parts);
    }
}

impl Warnings {
    fn new(place: &str) -> Self {
        Self { place: place.to_owned(), list: Vec::new(), dropped: 0, lost: None }
    }

    /// Adds a warning for the place, or for a part of it.
    fn push(&mut self, part: Option<&str>, what: impl Into<String>) {
        if self.list.len() >= MAX_WARNINGS {
            self.dropped += 1;
            return;
        }
        let place =
            part.map_or_else(|| self.place.clone(), |part| format!("{}: {part}", self.place));
        self.list.push(Warning { place, what: what.into() });
    }

    /// Adds a warning for something that is there and could not be read.
    fn lose(&mut self, part: Option<&str>, what: impl Into<String>) {
        self.push(part, what);
        // Where the list is full already its last one stands for the first: better than none.
        let first = || Some(Lost { parts: 0, first: self.list.last()?.clone() });
        let mut all = self.lost.take().or_else(first);
        if let Some(all) = &mut all {
            all.parts += 1;
        }
        self.lost = all;
    }

    fn into_list(mut self) -> Vec<Warning> {
        if self.dropped > 0 {
            let what = format!("{} more warnings of this layer are not shown", self.dropped);
            self.list.push(Warning { place: self.place, what });
        }
        self.list
    }
}

/// Finds the images that a specification names.
///
/// # Errors
///
/// See [`SourceError`]. Damage inside a layer shows only when the layer is read, except where the
/// source can be read only once (compressed archives and standard input). If several images are
/// meant and one of them is damaged, it is among those that are found, and reading it fails.
pub fn open(spec: &SourceSpec, options: &ReadOptions<'_>) -> Result<Vec<ImageSource>, SourceError> {
    match spec.transport {
        Transport::DockerArchive | Transport::OciArchive => archive::open(spec, options),
        Transport::Oci => oci::open_layout(spec, options),
        Transport::Tar => archive::open_rootfs(spec, options),
        Transport::RootFs => walk::open_rootfs(spec),
        Transport::Host => Ok(walk::open_host(spec)),
        Transport::Paths => packages::open(spec, options),
        Transport::Oski => oski::open(spec, options),
        Transport::Sbom => sbom::open(spec, options),
        Transport::Cpio => cpio::open(spec, options),
        Transport::Iso => iso::open(spec, options),
        Transport::Erofs => erofs::open(spec, options),
        Transport::Disk => disk::open(spec, options),
        Transport::Squashfs => squashfs::open(spec),
        Transport::Sif => sif::open(spec, options),
        Transport::DockerDaemon => daemon::open(spec, options),
        Transport::ContainersStorage => containers_storage::open(spec, options),
        Transport::Docker => registry::open(spec, options),
    }
}

/// The platform that oskin runs on, in the words of the OCI image spec; containers are Linux
/// wherever they run.
pub fn host_platform() -> Platform {
    let (architecture, variant) = match std::env::consts::ARCH {
        "x86_64" => ("amd64", ""),
        "x86" => ("386", ""),
        "aarch64" => ("arm64", ""),
        "arm" => ("arm", "v7"),
        "powerpc64" if cfg!(target_endian = "little") => ("ppc64le", ""),
        "powerpc64" => ("ppc64", ""),
        "loongarch64" => ("loong64", ""),
        "mips64" if cfg!(target_endian = "little") => ("mips64le", ""),
        "mips" if cfg!(target_endian = "little") => ("mipsle", ""),
        other => (other, ""),
    };
    Platform {
        os: "linux".to_owned(),
        architecture: architecture.to_owned(),
        variant: variant.to_owned(),
    }
}
