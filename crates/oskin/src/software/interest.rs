//! Which files are read for what they tell of software, while their layer streams.

use super::programs::{Kind, Table, versions_in};
use super::{FoundPackage, Record, binary, language, system};
use crate::image::Package;
use crate::path::split_name;

/// From how many bytes on the beginning of a program tells whether the rest is worth reading.
pub const BEGINNING_BYTES: usize = 64 * 1024;

/// The largest program that is searched for being `BusyBox`, in bytes: that has 1 to 3 MB.
const MULTI_CALL_BYTES: usize = 8 * 1024 * 1024;

/// The smallest program that is looked into: the header of an ELF file takes as much.
const MIN_PROGRAM_BYTES: u64 = 52;

/// The largest database of a package manager that is held, in bytes.
const MAX_DATABASE_BYTES: u64 = 256 * 1024 * 1024;

/// What a file is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// A database of system packages.
    System(system::Reader),
    /// What a package manager of a programming language leaves beside its files.
    Language(language::Reader),
    /// A program, for facts of its build.
    Program,
    /// A file in which a well-known program may tell its version; it may be a program as well.
    Marked,
}

impl Interest {
    /// What a file is read for, by its path in normal form, its permission bits and its size in bytes; `None` for
    /// most files, and for those that are too large. A few comparisons of bytes.
    pub fn of(path: &[u8], mode: u16, size_bytes: u64) -> Option<Self> {
        let system = || system::reader(path).map(|it| (Self::System(it), it.max_bytes()));
        let language = || language::reader(path).map(|it| (Self::Language(it), it.max_bytes()));
        let known = system().or_else(language);
        if let Some((interest, max_bytes)) = known {
            return (size_bytes <= max_bytes.min(MAX_DATABASE_BYTES)).then_some(interest);
        }
        if Table::built_in().content_rules(path).next().is_some() {
            return (size_bytes <= binary::MAX_BYTES).then_some(Self::Marked);
        }
        if is_library(path) {
            return None;
        }
        let is_program =
            mode & 0o111 != 0 && (MIN_PROGRAM_BYTES..=binary::MAX_BYTES).contains(&size_bytes);
        is_program.then_some(Self::Program)
    }

    /// Whether content that begins so is worth reading: most executable files are scripts, or programs of languages
    /// that tell nothing of their build. Beginnings of less than [`BEGINNING_BYTES`] may tell nothing yet.
    pub fn goes_on(self, beginning: &[u8]) -> bool {
        let count = beginning.len().min(binary::MAGIC.len());
        self != Self::Program
            || beginning[..count] == binary::MAGIC[..count]
                && (beginning.len() < BEGINNING_BYTES || binary::may_tell(beginning))
    }

    /// The type of the purls of the packages that names in its record speak of.
    pub fn kind(self) -> &'static str {
        match self {
            Self::System(reader) => reader.kind(),
            Self::Language(reader) => reader.kind(),
            Self::Program | Self::Marked => "generic",
        }
    }

    /// Reads a file of this path. It never fails: what cannot be read is told by the warnings of the record.
    pub fn read(self, path: &[u8], content: &[u8]) -> Record {
        let record = match self {
            Self::System(reader) => reader.read(path, content),
            Self::Language(reader) => reader.read(path, content),
            Self::Program => {
                let mut record = binary::read(path, content);
                record.packages.extend(multi_call(path, content));
                record
            }
            Self::Marked => {
                let mut record = binary::read(path, content);
                record.packages.extend(marked(path, content));
                record
            }
        };
        record.bounded()
    }

    /// The most bytes that are read of a file that records packages, by its path; `None` for all other files.
    pub fn most_bytes(path: &[u8]) -> Option<u64> {
        let system = system::reader(path).map(system::Reader::max_bytes);
        let most = system.or_else(|| language::reader(path).map(language::Reader::max_bytes));
        most.map(|most| most.min(MAX_DATABASE_BYTES))
    }
}

/// `BusyBox` under the name of one of its applets, as where all of them are one file of many names: whichever came first
/// in the archive has the content.
fn multi_call(path: &[u8], content: &[u8]) -> Option<FoundPackage> {
    let program =
        Table::built_in().named("busybox").filter(|_| content.len() <= MULTI_CALL_BYTES)?;
    let version =
        program.marks.iter().find_map(|rule| versions_in(rule, content).into_iter().next())?;
    let package = Package::generic("", &program.name, &version);
    Some(FoundPackage { package, files: vec![path.to_vec()], ..FoundPackage::default() })
}

/// Whether a file is called as a shared library is, which some systems mark as executable: `libc.so.6`.
fn is_library(path: &[u8]) -> bool {
    let (_, name) = split_name(path);
    name.ends_with(b".so") || name.windows(4).any(|part| part == b".so.")
}

/// The well-known programs that tell their version in a file; each that tells one, which is nearly always the only
/// one, and no operating systems, which os-release tells of.
fn marked<'a>(path: &'a [u8], content: &'a [u8]) -> impl Iterator<Item = FoundPackage> + 'a {
    Table::built_in().content_rules(path).filter_map(|(program, rule)| {
        let versions = versions_in(rule, content);
        let version = versions.first().filter(|_| program.kind != Kind::System)?;
        let package = Package::generic("", &program.name, version);
        Some(FoundPackage { package, files: vec![path.to_vec()], ..FoundPackage::default() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_and_programs_are_of_interest_and_what_is_too_large_is_not() {
        let of = |path: &str, mode, size| Interest::of(path.as_bytes(), mode, size);
        let status = Some(Interest::System(system::Reader::DpkgStatus));
        assert_eq!(of("var/lib/dpkg/status", 0o644, 9), status);
        assert_eq!(of("var/lib/dpkg/status", 0o644, 1 << 40), None);
        assert_eq!(of("usr/bin/env", 0o755, 4_000), Some(Interest::Program));
        assert_eq!(of("usr/lib64/libc.so.6", 0o755, 4_000), None);
        assert_eq!(of("usr/bin/env", 0o644, 4_000), None);
        assert_eq!(of("usr/bin/env", 0o755, 1 << 40), None);
        assert_eq!(of("bin/busybox", 0o755, 4_000), Some(Interest::Marked));
        assert!(of("usr/lib/python3/dist-packages/x-1.dist-info/METADATA", 0o644, 99).is_some());
    }

    #[test]
    fn a_program_tells_its_version_without_a_package() {
        let record = Interest::Marked.read(b"bin/busybox", b"...BusyBox v1.36.1 (2023-05-18)\0...");
        let found: Vec<String> = record.packages.iter().map(|it| it.package.to_string()).collect();
        assert_eq!(found, ["pkg:generic/busybox@1.36.1"]);
        let record =
            Interest::Program.read(b"bin/ln", b"\x7fELF..BusyBox v1.36.1 (2023-05-18)\0...");
        assert_eq!(record.packages.len(), 1);
    }

    #[test]
    fn only_programs_are_judged_by_how_they_begin() {
        assert!(Interest::Program.goes_on(b"\x7fELF\x02"));
        assert!(Interest::Program.goes_on(b"\x7fE"));
        assert!(!Interest::Program.goes_on(b"#!/bin/sh"));
        assert!(Interest::System(system::Reader::ApkWorld).goes_on(b"busybox"));
    }
}
