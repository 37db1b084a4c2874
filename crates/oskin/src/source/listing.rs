//! Lists of paths become a layer that is taken as it is listed.

use super::docker::clip;
use super::{Limits, SourceError, Warning, Warnings, changeset};
use crate::inventory::{Entry, EntryKind, Layer};
use crate::path::{self, MAX_PATH_BYTES};
use std::io::{self, BufRead};

/// The most that the paths of one list may take together.
const MAX_LIST_BYTES: usize = 4 * 1024 * 1024 * 1024;

/// What a list says of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// That it is a file.
    File,
    /// That it is a directory.
    Directory,
    /// Nothing.
    Nothing,
}

/// Collects paths.
pub(super) struct Listing {
    // The paths in normal form, one behind the other.
    paths: Vec<u8>,
    lines: Vec<Line>,
    warnings: Warnings,
    limits: Limits,
}

#[derive(Clone, Copy)]
struct Line {
    start: usize,
    length: u32,
    told: Told,
}

impl Listing {
    pub(super) fn new(place: &str, limits: &Limits) -> Self {
        let warnings = Warnings::new(place);
        Self { paths: Vec::new(), lines: Vec::new(), warnings, limits: limits.clone() }
    }

    /// Takes a path as it is written; `number` counts from 1 and is for messages.
    pub(super) fn add(&mut self, raw: &[u8], told: Told, number: u64) -> Result<(), SourceError> {
        if raw.is_empty() {
            return Ok(());
        }
        let told = if raw.ends_with(b"/") { Told::Directory } else { told };
        if let Some(problem) = self.limits.too_long(raw) {
            let what = format!("{}: {problem}", clip(&path::escape(raw)));
            self.warnings.push(Some(&format!("path {number}")), what);
            return Ok(());
        }
        match path::normalize(raw) {
            // The root itself is not an entry.
            Ok(path) if path.is_empty() => {}
            Ok(path) => {
                let start = self.paths.len();
                if start + path.len() > MAX_LIST_BYTES {
                    return Err(SourceError::TooLarge {
                        place: self.warnings.place.clone(),
                        what: "the list of paths",
                        limit_bytes: MAX_LIST_BYTES as u64,
                    });
                }
                self.paths.extend_from_slice(&path);
                let length = u32::try_from(path.len()).unwrap_or(0);
                self.lines.push(Line { start, length, told });
            }
            Err(problem) => {
                let shown = clip(&path::escape(raw));
                let what = format!("{shown}: {problem}; left out");
                self.warnings.push(Some(&format!("path {number}")), what);
            }
        }
        Ok(())
    }

    /// Takes a plain list: paths that end with NUL if there is one near the beginning, else with a
    /// newline, or carriage return and newline.
    pub(super) fn add_lines(&mut self, mut text: impl BufRead) -> Result<(), SourceError> {
        let mut line = Vec::new();
        let mut separator = None;
        let mut is_crlf = false;
        let mut number = 0;
        loop {
            let place = &self.warnings.place;
            let chunk = text.fill_buf().map_err(|error| SourceError::io(place, error))?;
            if chunk.is_empty() {
                break;
            }
            let end_byte = *separator.get_or_insert_with(|| {
                let is_nul = chunk.contains(&0);
                is_crlf = !is_nul && is_crlf_text(chunk);
                if is_nul { 0 } else { b'\n' }
            });
            let end = chunk.iter().position(|&byte| byte == end_byte);
            let part = &chunk[..end.unwrap_or(chunk.len())];
            // One byte over the limit is enough to be refused, with a carriage return two.
            let room = (MAX_PATH_BYTES + 2).saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            let taken = part.len() + usize::from(end.is_some());
            text.consume(taken);
            if end.is_some() {
                number += 1;
                self.add(strip_cr(&line, is_crlf), Told::Nothing, number)?;
                line.clear();
            }
        }
        self.add(strip_cr(&line, is_crlf), Told::Nothing, number + 1)
    }

    fn path(&self, line: &Line) -> &[u8] {
        &self.paths[line.start..line.start + line.length as usize]
    }

    /// The layer of all paths, sorted, each once. What nothing was told of is a directory if
    /// another path lies below it, else a file.
    pub(super) fn into_layer(mut self) -> Result<(Layer, Vec<Warning>), SourceError> {
        let mut lines = std::mem::take(&mut self.lines);
        lines.sort_by(|a, b| self.path(a).cmp(self.path(b)));
        let before = lines.len();
        lines.dedup_by(|later, first| {
            let same = self.path(later) == self.path(first);
            if same && (first.told == Told::Nothing || later.told == Told::Directory) {
                first.told = later.told;
            }
            same
        });
        let repeated = before - lines.len();
        if repeated > 0 {
            let paths = if repeated == 1 { "path is" } else { "paths are" };
            self.warnings.push(None, format!("{repeated} {paths} listed more than once"));
        }
        self.tell_directories(&mut lines);
        let mut layer = Layer::new();
        layer.set_listing(true);
        for line in &lines {
            let kind = match line.told {
                Told::Directory => EntryKind::Directory,
                Told::File | Told::Nothing => EntryKind::File,
            };
            let entry = Entry::bare(self.path(line), kind);
            changeset::push(&mut layer, &entry, &self.warnings.place, &self.limits)?;
        }
        Ok((layer, self.warnings.into_list()))
    }

    /// Marks the listed paths that another one lies below. O(n log n): the directories above a
    /// path are looked up only as far as the path before did not lie in them.
    fn tell_directories(&self, lines: &mut [Line]) {
        for at in 0..lines.len() {
            let path = self.path(&lines[at]);
            let before = at.checked_sub(1).map_or(&b""[..], |at| self.path(&lines[at]));
            let mut directory = path::split_name(path).0;
            while !directory.is_empty() && !path::is_below(before, directory) {
                if let Ok(found) = lines.binary_search_by(|line| self.path(line).cmp(directory))
                    && lines[found].told == Told::Nothing
                {
                    lines[found].told = Told::Directory;
                }
                directory = path::split_name(directory).0;
            }
        }
    }
}

fn is_crlf_text(chunk: &[u8]) -> bool {
    let newline = chunk.iter().position(|&byte| byte == b'\n');
    newline.is_some_and(|at| at > 0 && chunk[at - 1] == b'\r')
}

fn strip_cr(line: &[u8], is_crlf: bool) -> &[u8] {
    if is_crlf { line.strip_suffix(b"\r").unwrap_or(line) } else { line }
}

/// Reads no more than a limit, and fails where there is more.
pub(super) fn read_bounded(reader: impl io::Read, limit_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut limited = io::Read::take(reader, limit_bytes + 1);
    io::Read::read_to_end(&mut limited, &mut bytes)?;
    Ok((bytes.len() as u64 <= limit_bytes).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &[u8]) -> Vec<(String, char)> {
        let mut listing = Listing::new("list", &Limits::default());
        listing.add_lines(text).unwrap();
        let (layer, _) = listing.into_layer().unwrap();
        layer
            .iter()
            .map(|entry| {
                let kind = if entry.kind.is_directory() { 'd' } else { 'f' };
                (path::escape(entry.path), kind)
            })
            .collect()
    }

    fn entries(expected: &[(&str, char)]) -> Vec<(String, char)> {
        expected.iter().map(|&(path, kind)| (path.to_owned(), kind)).collect()
    }

    #[test]
    fn a_path_with_another_below_is_a_directory() {
        let expected = entries(&[("a", 'd'), ("a-b", 'f'), ("a/x/y", 'f'), ("c", 'd'), ("d", 'f')]);
        assert_eq!(listed(b"/a\n/a-b\na/x/y\n./c/\nd\n.\n\na-b\n"), expected);
    }

    #[test]
    fn separators_are_told_by_the_content() {
        let expected = entries(&[("a", 'f'), ("b", 'f')]);
        assert_eq!(listed(b"a\r\nb\r\n"), expected);
        assert_eq!(listed(b"a\r\nb"), expected);
        assert_eq!(listed(b"a\0b\0"), expected);
        assert_eq!(listed(b"a\nb\0"), entries(&[("a%0Ab", 'f')]));
        assert_eq!(listed(b""), []);
    }

    #[test]
    fn what_cannot_be_a_path_is_left_out_with_its_number() {
        let mut listing = Listing::new("list", &Limits::default());
        let long = vec![b'x'; MAX_PATH_BYTES * 2];
        let text = [b"ok\n../up\n", &long[..], b"\nalso\n"].concat();
        listing.add_lines(&text[..]).unwrap();
        let (layer, warnings) = listing.into_layer().unwrap();
        assert_eq!(layer.len(), 2);
        let places: Vec<&str> = warnings.iter().map(|warning| &*warning.place).collect();
        assert_eq!(places, ["list: path 2", "list: path 3"]);
    }
}
