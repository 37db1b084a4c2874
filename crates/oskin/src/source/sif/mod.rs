//! `sif:`, images of Singularity and Apptainer: SIF files, OCI images in SIF files, and what
//! Singularity 2 wrote.

mod facts;
mod header;
mod oci_sif;
mod zipped;

pub(super) use zipped::is_zipped_image;

use super::archive::{open_whole, place_of};
use super::disk::ext::ext_tree;
use super::packages::ZIP_MAGIC;
use super::read_at::{ReadAt, WholeFile, Window};
use super::tree::Tree;
use super::{ImageSource, ReadOptions, SourceError, SourceSpec, Warning, host_platform, squashfs};
use crate::image::Platform;
use header::{Kind, Object, Partition, Sif, Use};
use std::sync::Arc;

/// The line that runs an image. Before SIF it was all that stood before the file system.
const LAUNCH: &[u8; 31] = b"#!/usr/bin/env run-singularity\n";

/// A SIF partition that cannot be opened without a key.
const ENCRYPTED_SQUASHFS: u32 = 5;

/// Finds the image of a `sif:` file.
pub(super) fn open(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let place = place_of(&spec.location);
    let io = |error| SourceError::io(&place, error);
    if spec.location.as_os_str() == "-" {
        let what = "an image that is read at many places, which the standard input does not allow";
        return Err(refused(&place, what, "save it to a file, then use sif:FILE"));
    }
    let file = open_whole(&spec.location, &place)?;
    let file: Arc<dyn ReadAt> = Arc::new(WholeFile::new(file).map_err(io)?);
    let mut magic = [0; ZIP_MAGIC.len()];
    let count = file.read_at(&mut magic, 0).map_err(io)?;
    if magic[..count] == *ZIP_MAGIC {
        let inside = zipped::inflate(file, &place)?;
        return in_file(spec, &inside, place, options);
    }
    in_file(spec, &file, place, options)
}

fn in_file(
    spec: &SourceSpec,
    file: &Arc<dyn ReadAt>,
    place: String,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    if header::is_sif(&**file) {
        return in_sif(spec, file, &place, options);
    }
    let mut launch = [0; LAUNCH.len()];
    let begin = match file.read_exact_at(&mut launch, 0) {
        Ok(()) if launch == *LAUNCH => LAUNCH.len() as u64,
        // A bare file system is an image for Singularity too.
        _ => 0,
    };
    let inside = Arc::new(Window::new(Arc::clone(file), begin, u64::MAX));
    let Some(tree) = file_system(inside, &place)? else {
        let what = match begin {
            0 => "no image of Singularity or Apptainer",
            _ => "an image of Singularity 2 with neither squashfs nor ext3 in it",
        };
        return Err(refused(&place, what, "name the file alone to see what it is"));
    };
    Ok(vec![squashfs::of_tree(spec, tree, place)])
}

fn refused(place: &str, what: impl Into<String>, hint: &str) -> SourceError {
    SourceError::Unrecognized {
        place: place.to_owned(),
        what: what.into(),
        hint: Some(hint.to_owned()),
    }
}

/// The file system that lies there, by its magic; `None` if there is none that is read.
fn file_system(bytes: Arc<dyn ReadAt>, place: &str) -> Result<Option<Arc<dyn Tree>>, SourceError> {
    let has = |at: u64, magic: &[u8]| {
        let mut found = [0; 8];
        let found = &mut found[..magic.len()];
        bytes.read_exact_at(found, at).is_ok() && found == magic
    };
    if has(0, squashfs::MAGIC) {
        return squashfs::tree(bytes, place).map(Some);
    }
    if has(0, b"LUKS\xba\xbe") {
        return Err(encrypted(place));
    }
    Ok(has(1080, b"\x53\xef").then(|| ext_tree(bytes)))
}

fn encrypted(place: &str) -> SourceError {
    let hint = "unpack it with its key: apptainer build --sandbox DIR FILE, then use rootfs:DIR";
    refused(place, "the system is encrypted", hint)
}

/// The image in a SIF file.
fn in_sif(
    spec: &SourceSpec,
    file: &Arc<dyn ReadAt>,
    place: &str,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let sif = Sif::read(&**file, place)?;
    let mut warnings = Vec::new();
    let facts = facts::facts(&sif, &**file, place, &mut warnings);
    let primary = sif.objects.iter().find_map(|object| {
        let partition = object.partition()?;
        (partition.used_for == Use::PrimarySystem).then_some((object, partition))
    });
    let mut images = match primary {
        Some((object, partition)) => {
            let tree = system(file, (object, &partition), place)?;
            let mut image = squashfs::of_tree(spec, tree, place.to_owned());
            let architecture = match partition.architecture {
                "" => sif.architecture,
                known => known,
            };
            if !architecture.is_empty() {
                image.declared.platform = Platform {
                    os: "linux".to_owned(),
                    architecture: architecture.to_owned(),
                    variant: String::new(),
                };
                warnings.extend(other_platform(&image.declared.platform, options, place));
            }
            warnings.extend(overlays(&sif, place));
            vec![image]
        }
        None if sif.objects.iter().any(|object| object.kind == Kind::OciIndex) => {
            oci_sif::images(&sif, file, spec, options)?
        }
        None => return Err(no_system(&sif, place)),
    };
    for image in &mut images {
        image.transport = spec.transport;
        image.facts.extend(facts.iter().cloned());
        image.warnings.extend(warnings.iter().cloned());
    }
    Ok(images)
}

/// The file system of the primary partition.
fn system(
    file: &Arc<dyn ReadAt>,
    (object, partition): (&Object, &Partition),
    place: &str,
) -> Result<Arc<dyn Tree>, SourceError> {
    if partition.file_system == ENCRYPTED_SQUASHFS {
        return Err(encrypted(place));
    }
    let end = object.offset.checked_add(object.size_bytes);
    if end.is_none_or(|end| end > file.size_bytes()) {
        let what = format!(
            "the system has {} bytes from byte {} on, but the file ends at byte {}",
            object.size_bytes,
            object.offset,
            file.size_bytes()
        );
        return Err(SourceError::damaged(place, what));
    }
    let inside = Arc::new(Window::new(Arc::clone(file), object.offset, object.size_bytes));
    if let Some(tree) = file_system(inside, place)? {
        return Ok(tree);
    }
    let stated = match partition.file_system {
        1 => "said to be squashfs",
        2 => "said to be ext3",
        3 => "an archive of objects",
        4 => "raw data",
        _ => "of an unknown kind",
    };
    let what = format!("the system is neither squashfs nor ext3, but {stated}");
    Err(refused(place, what, "mount it, then use rootfs:DIR"))
}

/// The warning that an image is for another platform than is asked for.
fn other_platform(platform: &Platform, options: &ReadOptions<'_>, place: &str) -> Option<Warning> {
    let wanted = options.platform.clone().unwrap_or_else(host_platform);
    let what = format!("the only image is for {platform}, not for {wanted}");
    (!platform.satisfies(&wanted)).then(|| Warning { place: place.to_owned(), what })
}

/// A warning for each overlay: it is mounted over the system whenever the image runs.
fn overlays(sif: &Sif, place: &str) -> Vec<Warning> {
    let overlay = |object: &Object| {
        let partition = object.partition()?;
        let what = format!(
            "object {} is an overlay of {} bytes that is mounted over the system when it runs; it is not read",
            object.id, object.size_bytes
        );
        let is_overlay = partition.used_for == Use::Overlay;
        is_overlay.then(|| Warning { place: place.to_owned(), what })
    };
    sif.objects.iter().filter_map(overlay).collect()
}

/// Why a SIF file without a primary system is not read, and what can be done with what it has.
fn no_system(sif: &Sif, place: &str) -> SourceError {
    if sif.objects.is_empty() {
        let hint = "build an image into it: apptainer build FILE SOURCE";
        return refused(place, "the SIF file is empty", hint);
    }
    let what = format!("the SIF file holds no primary system, only: {}", sif.contents());
    let system = sif.objects.iter().find(|object| {
        object.partition().is_some_and(|partition| partition.used_for == Use::System)
    });
    let sbom = sif.objects.iter().find(|object| object.kind == Kind::Sbom);
    let hint = match (system, sbom) {
        (Some(system), _) => {
            format!("name one of its systems the primary: apptainer sif setprim {} FILE", system.id)
        }
        (None, Some(sbom)) => format!(
            "take the packages out: apptainer sif dump {} FILE > sbom.json, then use sbom:sbom.json",
            sbom.id
        ),
        (None, None) => "apptainer sif list FILE tells more of them".to_owned(),
    };
    refused(place, what, &hint)
}
