//! Tar files: archives of images, and archives of one root file system.

use super::decompress::{Compression, Content, MAGIC_BYTES};
use super::layer::{LayerSource, Origin};
use super::pick::Called;
use super::store::Store;
use super::stored::Stored;
use super::{ImageSource, ReadOptions, SourceError, SourceSpec, Transport};
use super::{changeset, docker, name, oci};
use crate::path;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _};
use std::path::Path;
use std::sync::Arc;

/// Finds the images in a `docker-archive:` or `oci-archive:`.
///
/// Docker 25 and later write both forms into one file, and `docker load` takes either, so an
/// archive that holds only the other form is read as what it is.
pub(super) fn open(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    images(&open_store(&spec.location, options)?, spec, options)
}

/// The images of an archive of either form that the specification means.
pub(super) fn images(
    store: &Store,
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let has_docker = store.has(docker::MANIFEST);
    let has_oci = store.has(oci::INDEX);
    let docker_first = spec.transport == Transport::DockerArchive || !has_oci;
    if has_docker && docker_first {
        let images = docker::images(store, spec, options)?;
        // A manifest that names nothing stands beside an index that does in no known file, but
        // costs nothing to allow.
        if !images.is_empty() || !has_oci {
            return if images.is_empty() {
                Err(no_image(store, "manifest.json names no image"))
            } else {
                Ok(images)
            };
        }
    }
    if has_oci {
        return oci::images(store, spec, options);
    }
    let what = if store.names().is_empty() {
        "the archive holds no entries"
    } else {
        "neither manifest.json (docker-archive) nor index.json (oci-archive) is in the archive"
    };
    Err(no_image(store, what))
}

fn no_image(store: &Store, what: &str) -> SourceError {
    SourceError::NoImage { place: store.place.clone(), what: what.to_owned() }
}

/// A file that can be skipped through is; everything else is read once from end to end.
fn open_store(location: &Path, options: &ReadOptions<'_>) -> Result<Store, SourceError> {
    let place = place_of(location);
    if location.as_os_str() == "-" {
        let content = Content::new(Stored::new(std::io::stdin(), options.progress));
        return Store::scan(
            content.map_err(|error| SourceError::io(&place, error))?,
            &place,
            options,
        );
    }
    let (file, length) = open_file(location, &place)?;
    if length.is_some() {
        let mut magic = [0; MAGIC_BYTES];
        let count = file.read_at(&mut magic, 0).map_err(|error| SourceError::io(&place, error))?;
        if Compression::of(&magic[..count]) == Compression::None {
            return Store::index(file, &place, &options.limits);
        }
    }
    options.progress.expect(length.unwrap_or(0));
    let content = Content::new(Stored::new(file, options.progress));
    Store::scan(content.map_err(|error| SourceError::io(&place, error))?, &place, options)
}

/// The content of a file or of the standard input, whatever it is compressed with.
pub(super) fn open_content<'a>(
    spec: &SourceSpec,
    options: &ReadOptions<'a>,
) -> Result<Content<'a>, SourceError> {
    let place = place_of(&spec.location);
    let reader: Box<dyn std::io::Read> = if spec.location.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        let (file, length) = open_file(&spec.location, &place)?;
        options.progress.expect(length.unwrap_or(0));
        Box::new(file)
    };
    let content = Content::new(Stored::new(reader, options.progress));
    content.map_err(|error| SourceError::io(&place, error))
}

/// Opens a file that is read at many places; a pipe would be waited for.
pub(super) fn open_whole(location: &Path, place: &str) -> Result<File, SourceError> {
    let metadata = location.metadata().map_err(|error| SourceError::io(place, error))?;
    let kind = metadata.file_type();
    if kind.is_fifo() || kind.is_socket() || kind.is_char_device() {
        return Err(SourceError::Unrecognized {
            place: place.to_owned(),
            what: "is no regular file, and has to be read at many places".to_owned(),
            hint: Some("save it to a file and name that".to_owned()),
        });
    }
    open_file(location, place).map(|(file, _)| file)
}

/// Opens a file; the length is known where it is a regular one.
pub(super) fn open_file(location: &Path, place: &str) -> Result<(File, Option<u64>), SourceError> {
    let io = |error| SourceError::io(place, error);
    let file = File::open(location).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if metadata.is_dir() {
        return Err(SourceError::Unrecognized {
            place: place.to_owned(),
            what: "is a directory".to_owned(),
            hint: Some(
                "an image layout is read with oci:DIR, a root file system with rootfs:DIR"
                    .to_owned(),
            ),
        });
    }
    Ok((file, metadata.is_file().then_some(metadata.len())))
}

/// A path as it stands in messages.
pub(super) fn place_of(location: &Path) -> String {
    if location.as_os_str() == "-" {
        return "standard input".to_owned();
    }
    path::escape(location.as_os_str().as_bytes())
}

/// Finds the one image in a `tar:`.
pub(super) fn open_rootfs(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let place = place_of(&spec.location);
    let (origin, stored_bytes) = if spec.location.as_os_str() == "-" {
        let scanned = scan_once(std::io::stdin(), &place, options)?;
        (scanned, 0)
    } else {
        let (file, length) = open_file(&spec.location, &place)?;
        match length {
            Some(length) => (Origin::File(spec.location.clone()), length),
            // A named pipe gives its content only once.
            None => (scan_once(file, &place, options)?, 0),
        }
    };
    let layer =
        LayerSource { origin, place: place.clone(), diff_id: None, blob: None, stored_bytes };
    Ok(vec![ImageSource::plain(spec, name::suggested(&spec.location), layer)])
}

fn scan_once(
    reader: impl std::io::Read,
    place: &str,
    options: &ReadOptions<'_>,
) -> Result<Origin, SourceError> {
    let stored = Stored::new(reader, options.progress);
    let changeset = changeset::read_changeset(stored, place, options)?;
    Ok(Origin::Scanned(Arc::new(Ok(changeset))))
}

/// The names by which an image is shown and picked: its reference, or the file it lies in.
pub(super) fn image_name(called: &Called, spec: &SourceSpec, alone: bool) -> String {
    match called.references.first() {
        Some(reference) => reference.clone(),
        None if alone => name::suggested(&spec.location),
        None => format!("{}@{}", name::suggested(&spec.location), called.index),
    }
}
