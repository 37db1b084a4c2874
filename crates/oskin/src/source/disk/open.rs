//! The bytes of a disk out of what it is stored in: raw, qcow2, or one of them compressed.

use super::inflated::{Full, Inflated, MAX_HELD_BYTES};
use super::qcow2::{self, Backing, Header, Qcow2};
use crate::source::archive::{open_whole, place_of};
use crate::source::decompress::{Compression, Content};
use crate::source::read_at::{Cursor, ReadAt, WholeFile};
use crate::source::stored::Stored;
use crate::source::{NoProgress, ReadOptions, SourceError, sniff};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

/// How many files may stand behind each other.
const MAX_CHAIN: usize = 16;

/// How much of the beginning is looked at.
const HEAD_BYTES: usize = 4096;

/// A disk, and what it is stored as.
#[derive(Debug)]
pub(in crate::source) struct Disk {
    pub(in crate::source) device: Arc<dyn ReadAt>,
    pub(super) format: &'static str,
}

/// Opens the disk in a file.
pub(in crate::source) fn disk(
    location: &Path,
    options: &ReadOptions<'_>,
) -> Result<Disk, SourceError> {
    let place = place_of(location);
    let file = stored(location, "a disk")?;
    let head = head(&*file, &place)?;
    if Compression::of(&head) == Compression::None {
        return opened(file, location, &head, options, 0);
    }
    let inflated = inflate(file, &place, options)?;
    let head = self::head(&*inflated, &place)?;
    opened(inflated, location, &head, options, 0)
}

/// The stored bytes of `what`, which is read at many places.
pub(in crate::source) fn stored(
    location: &Path,
    what: &str,
) -> Result<Arc<dyn ReadAt>, SourceError> {
    let place = place_of(location);
    if location.as_os_str() == "-" {
        return Err(unrecognized(
            &place,
            format!("{what} is read at many places, which the standard input does not allow"),
            "save it to a file and name that",
        ));
    }
    file(location, &place)
}

fn unrecognized(place: &str, what: String, hint: impl Into<String>) -> SourceError {
    SourceError::Unrecognized { place: place.to_owned(), what, hint: Some(hint.into()) }
}

/// A file or a block device.
fn file(location: &Path, place: &str) -> Result<Arc<dyn ReadAt>, SourceError> {
    let io = |error| SourceError::io(place, error);
    if location.is_dir() {
        let hint = "a directory that holds a root file system is read with rootfs:DIR";
        return Err(unrecognized(place, "is a directory".to_owned(), hint));
    }
    let mut file = open_whole(location, place)?;
    let metadata = file.metadata().map_err(io)?;
    if metadata.is_file() {
        return Ok(Arc::new(WholeFile::new(file).map_err(io)?));
    }
    // The metadata of a block device tells no length; of what cannot seek nothing is read at places.
    let size_bytes = file.seek(SeekFrom::End(0)).map_err(io)?;
    Ok(Arc::new(Device { file, size_bytes }))
}

/// A block device.
#[derive(Debug)]
struct Device {
    file: File,
    size_bytes: u64,
}

impl ReadAt for Device {
    fn read_at(&self, into: &mut [u8], offset: u64) -> std::io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, into, offset)
    }

    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

fn head(file: &dyn ReadAt, place: &str) -> Result<Vec<u8>, SourceError> {
    let length = file.size_bytes().min(HEAD_BYTES as u64);
    let mut head = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(&mut head, 0).map_err(|error| SourceError::io(place, error))?;
    Ok(head)
}

fn inflate(
    file: Arc<dyn ReadAt>,
    place: &str,
    options: &ReadOptions<'_>,
) -> Result<Arc<dyn ReadAt>, SourceError> {
    let io = |error| SourceError::io(place, error);
    let limit_bytes = options.limits.content_bytes;
    let content = Content::new(Stored::new(Cursor::new(file), &NoProgress)).map_err(io)?;
    match Inflated::read(content.take(limit_bytes.saturating_add(1)), limit_bytes).map_err(io)? {
        Ok(inflated) => Ok(Arc::new(inflated)),
        Err(Full::Size) => {
            let place = place.to_owned();
            Err(SourceError::TooLarge { place, what: "the decompressed disk", limit_bytes })
        }
        Err(Full::Held) => Err(unrecognized(
            place,
            format!(
                "the compressed disk holds more than {} MiB, too much to be held in memory",
                MAX_HELD_BYTES / (1024 * 1024)
            ),
            "decompress it first (gunzip -k, unxz -k, unzstd), then use disk:FILE",
        )),
    }
}

/// Looks into stored bytes; `depth` counts backing files.
fn opened(
    file: Arc<dyn ReadAt>,
    location: &Path,
    head: &[u8],
    options: &ReadOptions<'_>,
    depth: usize,
) -> Result<Disk, SourceError> {
    let place = place_of(location);
    if let Some((what, hint)) = sniff::refused_disk(head) {
        return Err(unrecognized(&place, what.to_owned(), hint));
    }
    if !head.starts_with(qcow2::MAGIC) {
        return Ok(Disk { device: file, format: "raw" });
    }
    let io = |error| SourceError::io(&place, error);
    let header = Header::read(&*file).map_err(io)?.map_err(|what| {
        unrecognized(
            &place,
            what,
            "convert it: qemu-img convert -O qcow2 FILE FILE.qcow2, then use disk:FILE.qcow2",
        )
    })?;
    let below = match &header.backing {
        Some(backing) => Some(below(backing, location, &place, options, depth)?),
        None => None,
    };
    Ok(Disk { device: Arc::new(Qcow2::new(file, header, below)), format: "qcow2" })
}

/// Opens the backing file, if that is allowed: its name is any path that the image pleases to name.
fn below(
    backing: &Backing,
    location: &Path,
    place: &str,
    options: &ReadOptions<'_>,
    depth: usize,
) -> Result<Arc<dyn ReadAt>, SourceError> {
    let shown = crate::path::escape(&backing.name);
    if !options.allow_backing_file {
        return Err(unrecognized(
            place,
            format!(
                "a qcow2 image that stands on another file, {shown}, which is not opened unasked"
            ),
            "if you trust the image, allow it with --allow-backing-file, or join them: qemu-img convert -O qcow2 FILE FILE.qcow2",
        ));
    }
    if depth >= MAX_CHAIN {
        let place = place.to_owned();
        return Err(SourceError::Limit { place, what: "backing files", limit: MAX_CHAIN as u64 });
    }
    let is_url =
        backing.name.split(|&byte| byte == b'/').next().is_some_and(|name| name.contains(&b':'));
    if is_url {
        return Err(unrecognized(
            place,
            format!("the backing file {shown} is no plain path, which is not supported"),
            "join them: qemu-img convert -O qcow2 FILE FILE.qcow2, then use disk:FILE.qcow2",
        ));
    }
    let above = location.parent().unwrap_or(Path::new(""));
    let path = above.join(OsStr::from_bytes(&backing.name));
    let place = place_of(&path);
    let file = file(&path, &place)?;
    if backing.format.as_deref() == Some(b"raw") {
        // Bytes of a guest may look like an image.
        return Ok(file);
    }
    let head = head(&*file, &place)?;
    Ok(opened(file, &path, &head, options, depth + 1)?.device)
}
