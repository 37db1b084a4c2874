//! What a bare path is, told by its content and never by its name.

use super::archive::{open_file, place_of};
use super::decompress::{Compression, Content};
use super::input::{Input, Seekable, Stream};
use super::stored::Stored;
use super::tar_entries::{BLOCK_BYTES, Members};
use super::{
    Limits, NoProgress, SourceError, Transport, changeset, docker, oci, oski, packages, sbom, sif,
};
use crate::path;
use std::path::Path;
use std::sync::Arc;

/// How much of the beginning is looked at; an ISO 9660 image shows itself at byte 32,769, btrfs at
/// 65,600.
const HEAD_BYTES: usize = 68 * 1024;

/// How far a compressed archive is read to see what its members are.
const MAX_LOOK_BYTES: u64 = 1024 * 1024;

/// How many members are looked at for the manifest of an archive of images.
const MAX_LOOK_MEMBERS: u64 = 10_000;

/// Finds the transport of something that exists.
pub(super) fn transport(location: &Path) -> Result<Transport, SourceError> {
    let place = place_of(location);
    let io = |error| SourceError::io(&place, error);
    let metadata = location.metadata().map_err(io)?;
    if metadata.is_dir() {
        return directory(location, &place);
    }
    if !metadata.is_file() {
        let hint = "name the transport: tar:, docker-archive:, oci-archive: or paths:";
        return Err(unrecognized(&place, "is no regular file", Some(hint)));
    }
    let (file, _) = open_file(location, &place)?;
    let mut stored = Stored::new(file, &NoProgress);
    let head = stored.peek(HEAD_BYTES).map_err(io)?;
    if head.is_empty() {
        return Err(unrecognized(&place, "the file is empty", None));
    }
    if head.starts_with(oski::MAGIC) {
        return Ok(Transport::Oski);
    }
    if head.starts_with(packages::ZIP_MAGIC) {
        // Some packages hold their image too, which tells more.
        if sif::is_zipped_image(location) {
            return Ok(Transport::Sif);
        }
        if packages::is_package(location) {
            return Ok(Transport::Paths);
        }
        let what = "a zip archive without files.txt and folders.txt";
        return Err(unrecognized(&place, what, Some("unpack it, then use rootfs:DIR")));
    }
    let is_compressed = Compression::of(head) != Compression::None;
    if is_compressed {
        let mut stream = Stream::new(Content::new(stored).map_err(io)?);
        let head = stream.peek(HEAD_BYTES).map_err(io)?;
        if is_tar(head) {
            return archive(Members::new(stream), true, &place);
        }
        return by_head(head, location, &place);
    }
    if is_tar(head) {
        let (file, length) = open_file(location, &place)?;
        let file = Seekable::new(Arc::new(file), length.unwrap_or(0));
        return archive(Members::new(file), false, &place);
    }
    by_head(head, location, &place)
}

/// Whether a tar archive begins so. Disk images begin with zeros, as an empty archive does.
fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.get(..BLOCK_BYTES) else { return false };
    Members::<Stream<'_>>::is_start(block)
        && (block.iter().any(|&byte| byte != 0) || known_format(head).is_none())
}

fn unrecognized(place: &str, what: &str, hint: Option<&str>) -> SourceError {
    SourceError::Unrecognized {
        place: place.to_owned(),
        what: what.to_owned(),
        hint: hint.map(str::to_owned),
    }
}

fn directory(location: &Path, place: &str) -> Result<Transport, SourceError> {
    let has = |name: &str| location.join(name).is_file();
    if has("oci-layout") {
        Ok(Transport::Oci)
    } else if has("version") && has("manifest.json") {
        let hint = "convert it: skopeo copy dir:DIR oci:DIR2:TAG, then use oci:DIR2:TAG";
        Err(unrecognized(place, "a directory of blobs (the transport dir:)", Some(hint)))
    } else {
        Ok(Transport::RootFs)
    }
}

/// A tar archive, told by the names of its members.
///
/// One that is read as a stream is read no further than it must: the manifest may come last, behind
/// gigabytes that would have to be decompressed. One that is skipped through is, but not to the end
/// of a root file system of millions of entries.
fn archive<I: Input>(
    mut members: Members<I>,
    is_stream: bool,
    place: &str,
) -> Result<Transport, SourceError> {
    let tar_error = |error| changeset::tar_error(place, error);
    let (mut seen, mut foreign) = (0, false);
    let (mut has_marker, mut has_index) = (false, false);
    while let Some(member) = members.next().map_err(tar_error)? {
        let Ok(name) = path::normalize(&member.path) else { return Ok(Transport::Tar) };
        if name.is_empty() {
            // The root itself.
            continue;
        }
        seen += 1;
        let upto = members.content_offset().saturating_add(member.stored_bytes);
        let is_near = !is_stream || upto <= MAX_LOOK_BYTES;
        let is_manifest = &*name == docker::MANIFEST.as_bytes()
            && is_near
            && member.stored_bytes <= Limits::default().manifest_bytes
            && {
                let mut json = Vec::new();
                members.content(|chunk| json.extend_from_slice(chunk)).map_err(tar_error)?;
                docker::is_manifest(&json)
            };
        let part = part_of_image(&name);
        if is_manifest || is_stream && part == Part::Certain {
            return Ok(Transport::DockerArchive);
        }
        has_marker |= &*name == b"oci-layout";
        has_index |= &*name == oci::INDEX.as_bytes();
        foreign |= part == Part::Foreign;
        if !is_near || foreign && (is_stream || seen >= MAX_LOOK_MEMBERS) {
            break;
        }
    }
    if seen == 0 {
        let what = "the archive holds no entries".to_owned();
        return Err(SourceError::NoImage { place: place.to_owned(), what });
    }
    Ok(if has_marker && has_index {
        Transport::OciArchive
    } else if foreign {
        Transport::Tar
    } else {
        // It has the looks of an archive of images; reading it will say what is missing.
        Transport::DockerArchive
    })
}

/// What the name of a member says of its archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Only archives of images have such names.
    Certain,
    /// Archives of images have such names, and perhaps a root directory.
    Possible,
    /// No archive of images has such a name.
    Foreign,
}

fn part_of_image(name: &[u8]) -> Part {
    let mut names = name.split(|&byte| byte == b'/');
    let first = names.next().unwrap_or_default();
    let is_digest = |text: &[u8]| text.len() == 64 && text.iter().all(u8::is_ascii_hexdigit);
    let stem = first.strip_prefix(b"sha256:").unwrap_or(first);
    let stem = [&b".json"[..], b".tar.gz", b".tar"]
        .iter()
        .find_map(|ending| stem.strip_suffix(*ending))
        .unwrap_or(stem);
    let is_blob = first == b"blobs" && names.next() == Some(b"sha256");
    if is_digest(stem) || is_blob || first == b"oci-layout" {
        return Part::Certain;
    }
    match first {
        b"blobs" | b"index.json" | b"manifest.json" | b"repositories" | b"config.json" => {
            Part::Possible
        }
        _ => Part::Foreign,
    }
}

/// Anything that is no archive, by its first bytes.
fn by_head(head: &[u8], location: &Path, place: &str) -> Result<Transport, SourceError> {
    match known_format(head) {
        Some(Known::Read(transport)) => return Ok(transport),
        Some(Known::Refused(what, hint)) => return Err(unrecognized(place, what, Some(hint))),
        None => {}
    }
    if let Some(what) = sbom::other_form(head) {
        return Err(sbom::refused(place, what));
    }
    // Some tools begin JSON with a byte order mark.
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if text.trim_ascii_start().first() == Some(&b'{') {
        if sbom::is_sbom(head, location) {
            return Ok(Transport::Sbom);
        }
        if packages::is_json_listing(location) {
            return Ok(Transport::Paths);
        }
    }
    let is_text = !head.contains(&0)
        && match std::str::from_utf8(head) {
            Ok(_) => true,
            // The look ends anywhere, perhaps inside a character.
            Err(error) => error.error_len().is_none(),
        };
    if is_text {
        let hint = format!("if it is a list of paths, write paths:{place}");
        return Err(unrecognized(place, "is a text file", Some(&hint)));
    }
    Err(unrecognized(place, "is of no kind that can be read", None))
}

/// What the first bytes of a file tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It is read by this transport.
    Read(Transport),
    /// It cannot be read: what it is, and the way around.
    Refused(&'static str, &'static str),
}

const CONVERT: &str =
    "convert it: qemu-img convert -O qcow2 FILE FILE.qcow2, then use disk:FILE.qcow2";

/// Formats by their magic: offset, magic, what it tells. The first that fits counts.
const KNOWN_FORMATS: [(usize, &[u8], Known); 24] = [
    (32, b"SIF_MAGIC", Known::Read(Transport::Sif)),
    (0, b"#!/usr/bin/env run-singularity\n", Known::Read(Transport::Sif)),
    (0, b"hsqs", Known::Read(Transport::Squashfs)),
    // Of old big-endian machines: the reader says what it is.
    (0, b"sqsh", Known::Read(Transport::Squashfs)),
    (0, b"QFI\xfb", Known::Read(Transport::Disk)),
    (0, b"KDMV", Known::Refused("a VMDK disk image, not supported yet", CONVERT)),
    (0, b"# Disk DescriptorFile", Known::Refused("a VMDK disk image, not supported yet", CONVERT)),
    (0, b"vhdxfile", Known::Refused("a VHDX disk image, not supported yet", CONVERT)),
    (0, b"conectix", Known::Refused("a VHD disk image, not supported yet", CONVERT)),
    (64, b"\x7f\x10\xda\xbe", Known::Refused("a VDI disk image, not supported yet", CONVERT)),
    (1080, b"\x53\xef", Known::Read(Transport::Disk)),
    (1024, b"\xe2\xe1\xf5\xe0", Known::Read(Transport::Erofs)),
    (0, b"XFSB", Known::Read(Transport::Disk)),
    (65600, b"_BHRfS_M", Known::Read(Transport::Disk)),
    (32769, b"CD001", Known::Read(Transport::Iso)),
    (512, b"EFI PART", Known::Read(Transport::Disk)),
    (4096, b"EFI PART", Known::Read(Transport::Disk)),
    (0, b"07070", Known::Read(Transport::Cpio)),
    (0, b"\xc7\x71", Known::Read(Transport::Cpio)),
    (0, b"\x71\xc7", Known::Read(Transport::Cpio)),
    (
        0,
        b"!<arch>\n",
        Known::Refused(
            "an ar archive such as a Debian package, which is no root file system",
            "unpack it, then use rootfs:DIR",
        ),
    ),
    (
        0,
        b"\xed\xab\xee\xdb",
        Known::Refused(
            "an RPM package, which is no root file system",
            "unpack it, then use rootfs:DIR",
        ),
    ),
    (
        0,
        b"\x7fELF",
        Known::Refused(
            "a program, which is no root file system",
            "name a directory, an archive or an image",
        ),
    ),
    // Last: many formats begin with a boot sector.
    (510, b"\x55\xaa", Known::Read(Transport::Disk)),
];

/// What and which way around, where the first bytes tell a disk image that cannot be read.
pub(super) fn refused_disk(head: &[u8]) -> Option<(&'static str, &'static str)> {
    match known_format(head)? {
        Known::Refused(what, CONVERT) => Some((what, CONVERT)),
        _ => None,
    }
}

fn known_format(head: &[u8]) -> Option<Known> {
    let found = KNOWN_FORMATS
        .iter()
        .find(|(at, magic, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    found.map(|&(.., known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_images_are_told_from_root_directories() {
        let digest = "a".repeat(64);
        for part in [
            format!("{digest}/layer.tar"),
            format!("{digest}.json"),
            format!("sha256:{digest}"),
            format!("{digest}.tar.gz"),
            "blobs/sha256".to_owned(),
        ] {
            assert_eq!(part_of_image(part.as_bytes()), Part::Certain, "{part}");
        }
        for possible in ["manifest.json", "blobs", "repositories"] {
            assert_eq!(part_of_image(possible.as_bytes()), Part::Possible, "{possible}");
        }
        for other in ["bin/sh", "etc", "abc.json", ".dockerenv"] {
            assert_eq!(part_of_image(other.as_bytes()), Part::Foreign, "{other}");
        }
    }

    #[test]
    fn known_formats_are_named_wherever_their_magic_lies() {
        let mut head = vec![1; HEAD_BYTES];
        head[1080..1082].copy_from_slice(b"\x53\xef");
        assert_eq!(known_format(&head), Some(Known::Read(Transport::Disk)));
        assert_eq!(known_format(b"hsqs"), Some(Known::Read(Transport::Squashfs)));
        assert_eq!(known_format(b"hello"), None);
    }
}
