//! Zip archives in memory, as far as jars and eggs need them: names are borrowed, content is inflated within a budget.
//!
//! The crate `zip` holds a record of hundreds of bytes for each entry of 46, before any is looked at; jars have
//! thousands of entries, of which two or three are wanted. Here nothing is held.
//!
//! Source: APPNOTE.TXT of PKWARE, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (its end),
//! 4.5.3 (sizes of 64 bits).

use flate2::read::DeflateDecoder;
use memchr::memmem;
use std::borrow::Cow;
use std::io::Read as _;

/// The most bytes that are inflated, or read again, for one file of an image: some hundred milliseconds.
const MAX_INFLATED_BYTES: u64 = 256 * 1024 * 1024;

/// How far from its end an archive may have its last record: that, and a comment of 64 KiB.
const MAX_END_BYTES: usize = 22 + 65_535;

const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";

/// An entry of the central directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    method: u16,
    packed: u64,
    /// Where its local header is.
    start: u64,
}

/// The entries of an archive, in the order of its central directory; ends where that is damaged. `None` if it is no
/// archive. O(1), and O(1) for each entry.
pub(super) fn entries(content: &[u8]) -> Option<Entries<'_>> {
    let from = content.len().saturating_sub(MAX_END_BYTES);
    let found = memmem::rfind(content.get(from..)?, END)? + from;
    let end = content.get(found..)?;
    // Where the archive is large, or its writer wants all to be, a longer record stands before the short one.
    let long = found.checked_sub(20 + 56).and_then(|at| content.get(at..found));
    let long = long.filter(|record| record.starts_with(END_64));
    let (size, offset, before) = match long {
        Some(record) => (u64_at(record, 40)?, u64_at(record, 48)?, found - 76),
        None => (u64::from(u32_at(end, 12)?), u64::from(u32_at(end, 16)?), found),
    };
    // A program may stand before the archive, such as a script that starts it; then all offsets are short by it.
    let is_central = |at: &usize| content.get(*at..).is_some_and(|rest| rest.starts_with(CENTRAL));
    let by_size = usize::try_from(size).ok().and_then(|size| before.checked_sub(size));
    let stated = usize::try_from(offset).ok();
    match by_size.filter(is_central) {
        Some(at) => {
            Some(Entries { content, at, shift: u64::try_from(at).ok()?.saturating_sub(offset) })
        }
        None if size == 0 => Some(Entries { content, at: content.len(), shift: 0 }),
        None => Some(Entries { content, at: stated.filter(is_central)?, shift: 0 }),
    }
}

/// Goes through a central directory.
#[derive(Clone, Debug)]
pub(super) struct Entries<'a> {
    content: &'a [u8],
    at: usize,
    shift: u64,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let record = self.content.get(self.at..)?;
        if !record.starts_with(CENTRAL) {
            return None;
        }
        let length = |at: usize| u16_at(record, at).map(usize::from);
        let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
        let entry_name = record.get(46..46 + name)?;
        let extras = record.get(46 + name..46 + name + extra)?;
        let mut entry = Entry {
            name: entry_name,
            method: u16_at(record, 10)?,
            packed: u64::from(u32_at(record, 20)?),
            start: u64::from(u32_at(record, 42)?),
        };
        long_sizes(&mut entry, u32_at(record, 24)? == u32::MAX, extras);
        entry.start = entry.start.saturating_add(self.shift);
        self.at += 46 + name + extra + comment;
        Some(entry)
    }
}

/// Takes the numbers of 64 bits that stand for those which are all ones, in the order of the short ones.
fn long_sizes(entry: &mut Entry<'_>, size_is_long: bool, mut extras: &[u8]) {
    while let (Some(id), Some(length)) = (u16_at(extras, 0), u16_at(extras, 2)) {
        let end = 4 + usize::from(length);
        let Some(value) = extras.get(4..end) else { return };
        if id == 1 {
            let mut at = if size_is_long { 8 } else { 0 };
            for place in [&mut entry.packed, &mut entry.start] {
                if *place == u64::from(u32::MAX) {
                    *place = u64_at(value, at).unwrap_or(*place);
                    at += 8;
                }
            }
        }
        extras = extras.get(end..).unwrap_or_default();
    }
}

/// How much more may be read of one file of an image, archives inside of archives counted together.
#[derive(Debug)]
pub(super) struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_INFLATED_BYTES)
    }
}

/// The content of an entry.
#[derive(Debug)]
pub(super) struct Content<'a> {
    pub(super) content: Cow<'a, [u8]>,
    /// Whether it is all of it, undamaged.
    pub(super) is_whole: bool,
}

impl Budget {
    /// The first `limit` bytes of an entry; stored ones are borrowed. `None` if nothing can be read, or the budget is
    /// spent. The checksum is not looked at.
    pub(super) fn read<'a>(
        &mut self,
        archive: &'a [u8],
        entry: &Entry<'_>,
        limit: u64,
    ) -> Option<Content<'a>> {
        if self.0 == 0 {
            return None;
        }
        let header = archive.get(usize::try_from(entry.start).ok()?..)?;
        if !header.starts_with(LOCAL) {
            return None;
        }
        let skipped = 30 + usize::from(u16_at(header, 26)?) + usize::from(u16_at(header, 28)?);
        let packed = header.get(skipped..)?;
        let packed_len = usize::try_from(entry.packed).unwrap_or(usize::MAX).min(packed.len());
        let packed = packed.get(..packed_len)?;
        let limit = limit.min(self.0);
        let read = match entry.method {
            0 => {
                let len = usize::try_from(limit).unwrap_or(usize::MAX).min(packed.len());
                let content = Cow::Borrowed(packed.get(..len)?);
                Content { content, is_whole: len == packed.len() }
            }
            8 => {
                let mut inflated = Vec::new();
                let mut decoder = DeflateDecoder::new(packed);
                let result = decoder.by_ref().take(limit).read_to_end(&mut inflated);
                let is_at_end = result.is_ok() && decoder.read(&mut [0]).is_ok_and(|n| n == 0);
                Content { content: Cow::Owned(inflated), is_whole: is_at_end }
            }
            _ => return None,
        };
        // Small ones cost something too, or a directory that names one entry a million times would be free.
        let cost = u64::try_from(read.content.len()).unwrap_or(u64::MAX).max(1024);
        self.0 = self.0.saturating_sub(cost);
        Some(read)
    }

    /// Whether nothing more is read.
    pub(super) fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::{Cursor, Write as _};
    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    /// An archive of files, packed unless their name ends with `jar`, as Spring packs its programs.
    pub(in super::super) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            let is_jar = name.ends_with("jar");
            let method =
                if is_jar { CompressionMethod::Stored } else { CompressionMethod::Deflated };
            let options = SimpleFileOptions::default().compression_method(method);
            writer.start_file(*name, options).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn all(content: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut budget = Budget::default();
        let read = |entry: Entry<'_>| {
            let read = budget.read(content, &entry, 1 << 20).unwrap();
            assert!(read.is_whole);
            (String::from_utf8(entry.name.to_vec()).unwrap(), read.content.into_owned())
        };
        entries(content).unwrap().map(read).collect()
    }

    #[test]
    fn stored_and_packed_files_are_read_behind_a_program_too() {
        let long = vec![b'x'; 100_000];
        let files: &[(&str, &[u8])] = &[("a/b.txt", &long), ("c.jar", b"stored"), ("empty", b"")];
        let expected: Vec<_> =
            files.iter().map(|(name, it)| ((*name).to_owned(), it.to_vec())).collect();
        let plain = archive(files);
        assert_eq!(all(&plain), expected);
        let behind = [b"#!/bin/sh\nexec java -jar $0\n".to_vec(), plain].concat();
        assert_eq!(all(&behind), expected);
        assert_eq!(all(&archive(&[])), []);
        assert!(entries(b"PK").is_none());
    }

    #[test]
    fn numbers_of_64_bits_are_read() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let large = SimpleFileOptions::default().large_file(true);
        writer.start_file("a", large).unwrap();
        writer.write_all(b"content").unwrap();
        let content = writer.finish().unwrap().into_inner();
        assert_eq!(all(&content), [("a".to_owned(), b"content".to_vec())]);

        let mut entry = Entry { name: b"", method: 0, packed: 0xffff_ffff, start: 0xffff_ffff };
        let numbers = [7_u64, 8, 9].map(u64::to_le_bytes).concat();
        let extras = [&[9, 0, 1, 0, 5, 1, 0, 24, 0][..], &numbers].concat();
        long_sizes(&mut entry, true, &extras);
        assert_eq!((entry.packed, entry.start), (8, 9));
    }

    #[test]
    fn what_bursts_is_cut_and_the_budget_ends() {
        let bomb = vec![0; 3 * 1024 * 1024];
        let content = archive(&[("bomb", &bomb)]);
        assert!(content.len() < 100_000);
        let entry = entries(&content).unwrap().next().unwrap();
        let mut budget = Budget::default();
        let read = budget.read(&content, &entry, 1000).unwrap();
        assert_eq!((read.content.len(), read.is_whole), (1000, false));
        let mut budget = Budget(10_000_000);
        let mut total = 0;
        while let Some(read) = budget.read(&content, &entry, u64::MAX) {
            total += read.content.len();
        }
        assert!(budget.is_spent() && total == 10_000_000, "{total}");
    }
}
