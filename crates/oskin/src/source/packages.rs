//! `paths:`, what is nothing but names of files: plain lists, the packages of 2017 (a zip of
//! files.txt and folders.txt) and the listings of 2024 (JSON).

use super::archive::{open_content, place_of};
use super::decompress::Content;
use super::input::{Input as _, Stream};
use super::layer::{LayerSource, Origin};
use super::listing::{Listing, Told, read_bounded};
use super::stored::{BUFFER_BYTES, Stored};
use super::{ImageSource, Limits, NoProgress, ReadOptions, SourceError, SourceSpec, name};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use zip::ZipArchive;

/// The first bytes of a zip archive.
pub(super) const ZIP_MAGIC: &[u8] = b"PK\x03\x04";

/// The largest zip or JSON that is read from a stream, and the largest text in a zip.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// One image of a JSON listing.
///
/// `fs` holds every path that is no directory. `paths` holds the names that a shell finds in each
/// directory of its search path; it is a view through symbolic links (`/bin` and `/usr/bin` show
/// the same names), so it counts only where there is no `fs`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct JsonListing {
    fs: Option<Vec<String>>,
    paths: Option<BTreeMap<String, Vec<String>>>,
}

/// Finds the listed images.
pub(super) fn open(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let place = place_of(&spec.location);
    let io = |error| SourceError::io(&place, error);
    let content = open_content(spec, options)?;
    let mut stream = Stream::new(content).limited(options.limits.content_bytes);
    let head = stream.peek(ZIP_MAGIC.len()).map_err(io)?;
    let (is_zip, is_json) = (head == ZIP_MAGIC, head.first() == Some(&b'{'));
    if !is_zip && !is_json {
        // The whole buffer, so that the separator shows.
        stream.peek(BUFFER_BYTES).map_err(io)?;
        return plain(Lines(stream), spec, (&place, &options.limits));
    }
    let Some(bytes) = read_bounded(Lines(stream), MAX_BYTES).map_err(io)? else {
        let what = "a zip or JSON listing";
        return Err(SourceError::TooLarge { place, what, limit_bytes: MAX_BYTES });
    };
    if is_zip {
        let mut listing = Listing::new(&place, &options.limits);
        read_package(Cursor::new(bytes), &mut listing, &place)?;
        return Ok(vec![image(spec, None, listing)?]);
    }
    match parse_json(&bytes) {
        Some(images) => json(images, spec, options, &place),
        // A list may begin with any byte.
        None => plain(&bytes[..], spec, (&place, &options.limits)),
    }
}

fn plain(
    text: impl BufRead,
    spec: &SourceSpec,
    (place, limits): (&str, &Limits),
) -> Result<Vec<ImageSource>, SourceError> {
    let mut listing = Listing::new(place, limits);
    listing.add_lines(text)?;
    Ok(vec![image(spec, None, listing)?])
}

fn image(
    spec: &SourceSpec,
    reference: Option<String>,
    listing: Listing,
) -> Result<ImageSource, SourceError> {
    let (layer, warnings) = listing.into_layer()?;
    let origin = Origin::Listing { layer: Arc::new(layer), warnings };
    let layer = LayerSource::unnamed(origin, place_of(&spec.location));
    let name = reference.clone().unwrap_or_else(|| name::suggested(&spec.location));
    Ok(ImageSource { reference, ..ImageSource::plain(spec, name, layer) })
}

/// Reads the two lists of a package. They are taken as they are: whiteouts that leaked into them
/// in 2017 stay names.
fn read_package(
    reader: impl Read + Seek,
    listing: &mut Listing,
    place: &str,
) -> Result<(), SourceError> {
    let damaged = |error: zip::result::ZipError| SourceError::damaged(place, error.to_string());
    let mut archive = ZipArchive::new(reader).map_err(damaged)?;
    for (file, told) in [("files.txt", Told::File), ("folders.txt", Told::Directory)] {
        let member = archive.by_name(file).map_err(damaged)?;
        let place = format!("{place}: {file}");
        let text =
            read_bounded(member, MAX_BYTES).map_err(|error| SourceError::io(&place, error))?;
        let Some(text) = text else {
            let what = "the list of paths";
            return Err(SourceError::TooLarge { place, what, limit_bytes: MAX_BYTES });
        };
        for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
            listing.add(line.strip_suffix(b"\r").unwrap_or(line), told, number as u64 + 1)?;
        }
    }
    Ok(())
}

/// Whether a zip archive is such a package.
pub(super) fn is_package(location: &Path) -> bool {
    let names = || {
        let archive = ZipArchive::new(BufReader::new(File::open(location).ok()?)).ok()?;
        let has = |name: &[u8]| archive.file_names_raw().any(|other| other == name);
        Some(has(b"files.txt") && has(b"folders.txt"))
    };
    names().unwrap_or(false)
}

/// Whether a file, compressed or not, is such a JSON listing.
pub(super) fn is_json_listing(location: &Path) -> bool {
    let read = || {
        let content = Content::new(Stored::new(File::open(location)?, &NoProgress))?;
        read_bounded(content, MAX_BYTES)
    };
    matches!(read(), Ok(Some(bytes)) if parse_json(&bytes).is_some())
}

fn parse_json(bytes: &[u8]) -> Option<BTreeMap<String, JsonListing>> {
    let images: BTreeMap<String, JsonListing> = serde_json::from_slice(bytes).ok()?;
    let is_listing = |image: &JsonListing| image.fs.is_some() || image.paths.is_some();
    (!images.is_empty() && images.values().all(is_listing)).then_some(images)
}

fn json(
    images: BTreeMap<String, JsonListing>,
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
    place: &str,
) -> Result<Vec<ImageSource>, SourceError> {
    if images.len() > 1 && !options.all {
        let references = images.into_keys().collect();
        return Err(SourceError::SeveralImages { place: place.to_owned(), references });
    }
    let mut found = Vec::new();
    for (reference, JsonListing { fs, paths }) in images {
        let mut listing = Listing::new(place, &options.limits);
        let mut number = 0;
        let mut add = |path: &str, told| {
            number += 1;
            listing.add(path.as_bytes(), told, number)
        };
        if let Some(files) = fs {
            files.iter().try_for_each(|file| add(file, Told::File))?;
        } else {
            for (directory, names) in paths.unwrap_or_default() {
                add(&directory, Told::Directory)?;
                for name in names {
                    add(&format!("{directory}/{name}"), Told::File)?;
                }
            }
        }
        found.push(image(spec, Some(reference), listing)?);
    }
    Ok(found)
}

/// The content of a stream as lines.
struct Lines<'a>(Stream<'a>);

impl Read for Lines<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let chunk = self.0.fill()?;
        let count = chunk.len().min(into.len());
        into[..count].copy_from_slice(&chunk[..count]);
        self.0.consume(count);
        Ok(count)
    }
}

impl BufRead for Lines<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill()
    }

    fn consume(&mut self, count: usize) {
        self.0.consume(count);
    }
}
