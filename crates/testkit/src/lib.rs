//! Builds image files from fixture text; a second opinion that shares no code with oskin's readers.
//!
//! | you have | you want | open |
//! |---|---|---|
//! | a few lines of text | layers | [`parse`] |
//! | layers | an image with configuration and known defects | [`Image`] |
//! | images | an archive as `docker save` or its relatives write it | [`docker_archive`] |
//! | images | an OCI layout or a tar of one | [`write_oci_layout`], [`oci_archive`] |
//! | layers | one flat root file system | [`write_rootfs`], [`rootfs_tar`] |
//! | a squashfs file system | a SIF image around it | [`sif`] |
//! | bytes of a fuzzer | a store or a server made of them | [`write_hostile_store`], [`HostileServer`] |
//! | layers | what a reader has to find in them | [`expected_listing`], [`replay`] |
//! | a seed | layers full of edge cases | [`random_fixture`], [`fixture_from_bytes`], [`disputed_fixture_from_bytes`] |
//!
//! All builders are deterministic: the same fixture gives the same bytes. They work in memory, so
//! images of some hundred megabytes are the limit of what is sensible.
//!
//! ```
//! use testkit::{ArchiveOptions, Compression, Image, docker_archive};
//!
//! let image = Image::from_fixture("//- layer\nbin/sh file 120\n")
//!     .reference("app:1.0")
//!     .platform("linux/amd64")
//!     .compression(Compression::Gzip);
//! assert_eq!(image.expected().len(), 2);
//! let archive: Vec<u8> = docker_archive(&[image], &ArchiveOptions::default());
//! assert_eq!(archive.len() % 512, 0);
//! ```

mod compress;
mod docker;
mod fixture;
mod hash;
mod hostile;
mod image;
mod model;
mod oci;
mod random;
mod rootfs;
mod sif;
mod stored;
mod tar;

pub use compress::{Compression, compress};
pub use docker::{ArchiveFlavor, ArchiveOptions, ManifestPlace, SharedLayers, docker_archive};
pub use fixture::{
    FixtureEntry, FixtureError, FixtureKind, FixtureLayer, fixture_text, parse, pattern,
};
pub use hash::{digest, sha256_hex};
pub use hostile::{HostilePart, HostileServer, hostile_parts, write_hostile_store};
pub use image::{Defect, HistoryStep, Image, Platform};
pub use model::{
    ExpectedEntry, ExpectedKind, Listing, Refusal, Refused, Replay, expected_listing, replay,
};
pub use oci::{BlobFiles, MediaTypes, OciOptions, RefNames, oci_archive, write_oci_layout};
pub use random::{disputed_fixture_from_bytes, fixture_from_bytes, random_bytes, random_fixture};
pub use rootfs::{rootfs_tar, write_rootfs};
pub use sif::sif;
pub use tar::{NamePrefix, TarEnd, TarFormat, TarOptions, write_tar};
