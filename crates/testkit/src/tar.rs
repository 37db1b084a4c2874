//! An own tar writer, byte by byte, so that a fault of the readers' tar library shows.
//!
//! Formats: POSIX.1-1988 ustar, POSIX.1-2001 pax interchange, GNU tar 1.13.

use crate::fixture::{FixtureEntry, FixtureKind};

const BLOCK: usize = 512;
const NAME_LEN: usize = 100;
const PREFIX_LEN: usize = 155;

/// What an archive does with what the first tar could not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TarFormat {
    /// Long names are split at a slash into prefix and name; a pax record where even that does
    /// not help.
    Ustar,
    /// Long and non-ASCII names and large numbers go into a pax record.
    #[default]
    Pax,
    /// Long names go into `././@LongLink` members, large numbers are written in base 256.
    Gnu,
}

/// What stands before names that have neither `./` nor `/` in the fixture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamePrefix {
    /// Nothing, as in most image layers.
    #[default]
    None,
    /// `./`, as `tar -C dir .` writes.
    DotSlash,
    /// `/`, as `tar -P` writes.
    Slash,
}

impl NamePrefix {
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::None => b"",
            Self::DotSlash => b"./",
            Self::Slash => b"/",
        }
    }
}

/// How an archive ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TarEnd {
    /// Two blocks of zeros, as Go's library writes.
    #[default]
    TwoBlocks,
    /// Zeros up to a multiple of 20 blocks, as GNU tar writes.
    Record,
    /// Right after the last member; sloppy writers do it and readers bear it.
    Missing,
}

/// How an archive is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TarOptions {
    /// How long names and large numbers are written.
    pub format: TarFormat,
    /// What stands before names and the targets of hard links.
    pub prefix: NamePrefix,
    /// Whether the first member is the root directory itself: `./`, or `/` with that prefix.
    pub root_entry: bool,
    /// Whether the archive begins with a pax global header that holds a comment, as those of
    /// `git archive` do.
    pub global_header: bool,
    /// How the archive ends.
    pub end: TarEnd,
}

/// Writes the entries as one archive, in order.
///
/// Directories get a slash at the end, as every tar does; nothing else of a name is touched.
pub fn write_tar(entries: &[FixtureEntry], options: &TarOptions) -> Vec<u8> {
    let mut writer = Writer { out: Vec::new(), options: *options };
    if options.global_header {
        writer.extension(b"pax_global_header", b'g', &pax_record("comment", b"testkit"));
    }
    if options.root_entry {
        let name = if options.prefix == NamePrefix::Slash { "/" } else { "./" };
        writer.member(&FixtureEntry::directory(name));
    }
    for entry in entries {
        writer.member(entry);
    }
    writer.finish()
}

struct Writer {
    out: Vec<u8>,
    options: TarOptions,
}

impl Writer {
    fn member(&mut self, entry: &FixtureEntry) {
        let mut name = self.prefixed(&entry.path);
        if entry.kind == FixtureKind::Directory && !name.ends_with(b"/") {
            name.push(b'/');
        }
        let link = match &entry.kind {
            FixtureKind::Symlink(target) => target.clone(),
            FixtureKind::HardLink(target) => self.prefixed(target),
            _ => Vec::new(),
        };
        let header = match self.options.format {
            TarFormat::Gnu => self.gnu_header(entry, &name, &link),
            TarFormat::Pax => self.pax_header(entry, &name, &link),
            TarFormat::Ustar => self.ustar_header(entry, &name, &link),
        };
        self.out.extend(header.finish());
        if let FixtureKind::File(content) = &entry.kind {
            self.content(content);
        }
    }

    fn prefixed(&self, name: &[u8]) -> Vec<u8> {
        let prefix = self.options.prefix.bytes();
        if name.is_empty() || name.starts_with(b"/") || name.starts_with(b"./") {
            return name.to_vec();
        }
        [prefix, name].concat()
    }

    fn gnu_header(&mut self, entry: &FixtureEntry, name: &[u8], link: &[u8]) -> Header {
        for (long, type_flag) in [(link, b'K'), (name, b'L')] {
            if long.len() > NAME_LEN {
                self.extension(b"././@LongLink", type_flag, &[long, b"\0"].concat());
            }
        }
        let mut header = Header::of(entry, Numbers::Base256);
        header.text(0, NAME_LEN, name);
        header.text(157, NAME_LEN, link);
        header.text(257, 8, b"ustar  \0");
        header
    }

    fn pax_header(&mut self, entry: &FixtureEntry, name: &[u8], link: &[u8]) -> Header {
        let mut records = large_numbers(entry);
        if name.len() > NAME_LEN || !name.is_ascii() {
            records.extend(pax_record("path", name));
        }
        if link.len() > NAME_LEN || !link.is_ascii() {
            records.extend(pax_record("linkpath", link));
        }
        self.posix_header(entry, &records, (b"", name), link)
    }

    fn ustar_header(&mut self, entry: &FixtureEntry, name: &[u8], link: &[u8]) -> Header {
        let mut records = large_numbers(entry);
        let parts = split_name(name);
        if parts.is_none() {
            records.extend(pax_record("path", name));
        }
        if link.len() > NAME_LEN {
            records.extend(pax_record("linkpath", link));
        }
        self.posix_header(entry, &records, parts.unwrap_or((b"", name)), link)
    }

    fn posix_header(
        &mut self,
        entry: &FixtureEntry,
        records: &[u8],
        (prefix, name): (&[u8], &[u8]),
        link: &[u8],
    ) -> Header {
        if !records.is_empty() {
            self.extension(b"PaxHeaders.0/extended", b'x', records);
        }
        let mut header = Header::of(entry, Numbers::Octal);
        header.text(0, NAME_LEN, name);
        header.text(157, NAME_LEN, link);
        header.text(257, 8, b"ustar\x0000");
        header.text(345, PREFIX_LEN, prefix);
        header
    }

    /// A member that only describes the next one.
    fn extension(&mut self, name: &[u8], type_flag: u8, content: &[u8]) {
        let mut header = Header([0; BLOCK]);
        header.text(0, NAME_LEN, name);
        header.octal(100, 8, 0o644);
        header.octal(108, 8, 0);
        header.octal(116, 8, 0);
        header.octal(124, 12, content.len() as u64);
        header.octal(136, 12, 0);
        header.0[156] = type_flag;
        let is_pax = matches!(type_flag, b'x' | b'g');
        header.text(257, 8, if is_pax { b"ustar\x0000" } else { b"ustar  \0" });
        self.out.extend(header.finish());
        self.content(content);
    }

    fn content(&mut self, content: &[u8]) {
        self.out.extend_from_slice(content);
        self.pad_to(BLOCK);
    }

    fn pad_to(&mut self, multiple: usize) {
        self.out.resize(self.out.len().next_multiple_of(multiple), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.options.end != TarEnd::Missing {
            self.out.resize(self.out.len() + 2 * BLOCK, 0);
        }
        if self.options.end == TarEnd::Record {
            self.pad_to(20 * BLOCK);
        }
        self.out
    }
}

/// Prefix and name of a ustar header: the longest name that fits, cut at a slash.
fn split_name(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= NAME_LEN {
        return Some((b"", name));
    }
    let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let cut = |at: usize| (&name[..at], &name[at + 1..]);
    slashes.map(cut).find(|(prefix, rest)| {
        (1..=NAME_LEN).contains(&rest.len()) && (1..=PREFIX_LEN).contains(&prefix.len())
    })
}

/// `LEN KEY=VALUE\n`, where LEN counts the whole record, itself included.
fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    [format!("{len} {key}=").as_bytes(), value, b"\n"].concat()
}

/// Pax records of the numbers that do not fit their octal field.
fn large_numbers(entry: &FixtureEntry) -> Vec<u8> {
    let size = entry_size(entry);
    [
        ("size", size, 11),
        ("uid", u64::from(entry.uid), 7),
        ("gid", u64::from(entry.gid), 7),
        ("mtime", entry.mtime, 11),
    ]
    .iter()
    .filter(|(_, value, digits)| !fits_octal(*value, *digits))
    .flat_map(|(key, value, _)| pax_record(key, value.to_string().as_bytes()))
    .collect()
}

fn entry_size(entry: &FixtureEntry) -> u64 {
    match &entry.kind {
        FixtureKind::File(content) => content.len() as u64,
        _ => 0,
    }
}

const fn fits_octal(value: u64, digits: u32) -> bool {
    value >> (3 * digits) == 0
}

/// What to do with a number that does not fit its octal field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// Write zero: a pax record has the number.
    Octal,
    /// Write it in base 256, as GNU tar does.
    Base256,
}

struct Header([u8; BLOCK]);

impl Header {
    /// All fields but the names and the magic.
    fn of(entry: &FixtureEntry, numbers: Numbers) -> Self {
        let mut header = Self([0; BLOCK]);
        header.number(100, 8, u64::from(entry.mode), numbers);
        header.number(108, 8, u64::from(entry.uid), numbers);
        header.number(116, 8, u64::from(entry.gid), numbers);
        header.number(124, 12, entry_size(entry), numbers);
        header.number(136, 12, entry.mtime, numbers);
        header.0[156] = match &entry.kind {
            FixtureKind::File(_) => b'0',
            FixtureKind::HardLink(_) => b'1',
            FixtureKind::Symlink(_) => b'2',
            FixtureKind::CharDevice { .. } => b'3',
            FixtureKind::BlockDevice { .. } => b'4',
            FixtureKind::Directory => b'5',
            FixtureKind::Fifo => b'6',
        };
        if let FixtureKind::CharDevice { major, minor }
        | FixtureKind::BlockDevice { major, minor } = entry.kind
        {
            header.number(329, 8, u64::from(major), numbers);
            header.number(337, 8, u64::from(minor), numbers);
        }
        header
    }

    /// Copies as much of `value` as the field takes.
    fn text(&mut self, at: usize, width: usize, value: &[u8]) {
        let len = value.len().min(width);
        self.0[at..at + len].copy_from_slice(&value[..len]);
    }

    fn number(&mut self, at: usize, width: usize, value: u64, numbers: Numbers) {
        let fits = u32::try_from(width - 1).is_ok_and(|digits| fits_octal(value, digits));
        match (fits, numbers) {
            (true, _) => self.octal(at, width, value),
            (false, Numbers::Octal) => self.octal(at, width, 0),
            (false, Numbers::Base256) => {
                let bytes = value.to_be_bytes();
                let len = bytes.len().min(width - 1);
                self.0[at + width - len..at + width].copy_from_slice(&bytes[8 - len..]);
                self.0[at] = 0x80;
            }
        }
    }

    /// Octal digits with leading zeros and a NUL at the end.
    fn octal(&mut self, at: usize, width: usize, value: u64) {
        self.text(at, width, format!("{value:0digits$o}\0", digits = width - 1).as_bytes());
    }

    /// Sets the checksum: the sum of all bytes, its own field taken as blanks.
    fn finish(mut self) -> [u8; BLOCK] {
        self.0[148..156].fill(b' ');
        let sum: u64 = self.0.iter().map(|byte| u64::from(*byte)).sum();
        self.octal(148, 7, sum);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_small_file_is_exactly_these_bytes() {
        let entry = FixtureEntry { mtime: 8, uid: 1, ..FixtureEntry::file("a/b", "hi") };
        let tar = write_tar(&[entry], &TarOptions::default());
        assert_eq!(tar.len(), 4 * BLOCK);
        assert_eq!(&tar[..4], b"a/b\0");
        assert_eq!(&tar[100..108], b"0000644\0");
        assert_eq!(&tar[108..116], b"0000001\0");
        assert_eq!(&tar[124..136], b"00000000002\0");
        assert_eq!(&tar[136..148], b"00000000010\0");
        assert_eq!(&tar[156..158], b"0\0");
        assert_eq!(&tar[257..265], b"ustar\x0000");
        assert_eq!(&tar[512..515], b"hi\0");
        let sum: u32 =
            (0..512).map(|i| if (148..156).contains(&i) { 32 } else { tar[i].into() }).sum();
        assert_eq!(&tar[148..156], format!("{sum:06o}\0 ").as_bytes());
    }

    #[test]
    fn pax_records_count_their_own_length() {
        assert_eq!(pax_record("path", b"x"), b"9 path=x\n");
        assert_eq!(pax_record("path", b"xy"), b"11 path=xy\n");
        for len in [85, 86, 87, 88, 89, 90, 91, 985, 986, 987, 988, 989, 990] {
            let record = pax_record("path", &vec![b'n'; len]);
            let text = String::from_utf8(record.clone()).unwrap();
            assert_eq!(text.split(' ').next().unwrap().parse::<usize>().unwrap(), record.len());
        }
    }

    #[test]
    fn names_split_at_a_slash_that_leaves_both_parts_short_enough() {
        let part = "p".repeat(90);
        let name = format!("{part}/{part}/x");
        assert_eq!(split_name(name.as_bytes()).unwrap().0.len(), 90);
        assert!(split_name("n".repeat(101).as_bytes()).is_none());
        assert!(split_name(format!("{}/x", "p".repeat(156)).as_bytes()).is_none());
        let directory = format!("{}/", "n".repeat(100));
        assert!(split_name(directory.as_bytes()).is_none(), "the name part must not be empty");
    }

    #[test]
    fn large_owners_are_written_in_base_256_or_as_records() {
        let entry = FixtureEntry { uid: u32::MAX, ..FixtureEntry::file("a", "") };
        let gnu = TarOptions { format: TarFormat::Gnu, ..TarOptions::default() };
        let tar = write_tar(std::slice::from_ref(&entry), &gnu);
        assert_eq!(&tar[108..116], [0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        let tar = write_tar(&[entry], &TarOptions::default());
        assert_eq!(&tar[512..531], b"18 uid=4294967295\n\0");
    }

    #[test]
    fn prefixes_go_before_names_and_hard_link_targets_only() {
        let entries = [
            FixtureEntry::directory("d"),
            FixtureEntry::hard_link("h", "d/f"),
            FixtureEntry::symlink("/s", "d/f"),
        ];
        let options =
            TarOptions { prefix: NamePrefix::DotSlash, root_entry: true, ..TarOptions::default() };
        let tar = write_tar(&entries, &options);
        let field = |block: usize, at: usize| {
            tar[block * BLOCK + at..].split(|byte| *byte == 0).next().unwrap()
        };
        assert_eq!([field(0, 0), field(1, 0), field(2, 0)], [&b"./"[..], b"./d/", b"./h"]);
        assert_eq!([field(2, 157), field(3, 0), field(3, 157)], [&b"./d/f"[..], b"/s", b"d/f"]);
    }
}
