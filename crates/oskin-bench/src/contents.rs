//! Which package has which files: Debian's `Contents` indexes.

use crate::index::{Index, PackageId};
use crate::pool::{Pool, PoolId};
use anyhow::{Context as _, Result};
use flate2::read::MultiGzDecoder;
use hashbrown::HashTable;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// The directories that became links into `usr`; the index still names files by the old places.
const MERGED: [&[u8]; 5] = [b"bin/", b"sbin/", b"lib/", b"lib32/", b"lib64/"];

/// The files of the wanted packages of one suite.
#[derive(Debug, Default)]
pub struct Contents {
    files: Vec<Vec<PoolId>>,
}

impl Contents {
    /// The files of a package in path order; none if it was not wanted.
    pub fn files(&self, package: PackageId) -> &[PoolId] {
        self.files.get(package as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// Reads a gzipped `Contents` file; only packages that `wanted` marks are kept.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn open(
        &mut self,
        file: &Path,
        pool: &mut Pool,
        (index, wanted): (&Index, &[bool]),
        is_merged: bool,
    ) -> Result<()> {
        let input = File::open(file).with_context(|| file.display().to_string())?;
        let input = BufReader::with_capacity(1 << 20, MultiGzDecoder::new(input));
        self.read(input, pool, (index, wanted), is_merged)
            .with_context(|| file.display().to_string())
    }

    /// Reads the lines of a `Contents` file: a path, blanks, and where it is in, as
    /// `section/package,package`.
    ///
    /// # Errors
    ///
    /// If the input fails.
    pub fn read(
        &mut self,
        mut input: impl BufRead,
        pool: &mut Pool,
        (index, wanted): (&Index, &[bool]),
        is_merged: bool,
    ) -> Result<()> {
        self.files.resize(index.len(), Vec::new());
        let names: Vec<(&str, PackageId)> =
            index.names().filter(|(_, id)| wanted[*id as usize]).collect();
        let mut table = HashTable::with_capacity(names.len());
        for entry in &names {
            table.insert_unique(xxh3_64(entry.0.as_bytes()), *entry, |entry| {
                xxh3_64(entry.0.as_bytes())
            });
        }
        let find = |name: &[u8]| {
            table.find(xxh3_64(name), |entry| entry.0.as_bytes() == name).map(|entry| entry.1)
        };
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line)? > 0 {
            let text = line.trim_ascii_end();
            if let Some(gap) = text.iter().rposition(u8::is_ascii_whitespace) {
                let packages = text[gap + 1..].split(|byte| *byte == b',');
                let bare = |one: &'_ [u8]| find(one.rsplit(|byte| *byte == b'/').next()?);
                for package in packages.filter_map(bare) {
                    let path = text[..gap].trim_ascii_end();
                    self.files[package as usize].push(intern(pool, path, is_merged));
                }
            }
            line.clear();
        }
        Ok(())
    }
}

fn intern(pool: &mut Pool, path: &[u8], is_merged: bool) -> PoolId {
    if is_merged && MERGED.iter().any(|directory| path.starts_with(directory)) {
        return pool.intern(&[&b"usr/"[..], path].concat());
    }
    pool.intern(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_archive_writes_them() {
        let packages = "Package: a\n\nPackage: b\n\nPackage: c\n";
        let index = Index::read(packages.as_bytes()).unwrap();
        let text = "bin/a  utils/a\nusr/share/with blank\tcontrib/utils/a,admin/b\nlib/c libs/c\n";
        let id = |name| index.find(name).unwrap();
        let mut wanted = vec![true; index.len()];
        wanted[id("c") as usize] = false;
        let mut pool = Pool::default();
        let mut contents = Contents::default();
        contents.read(text.as_bytes(), &mut pool, (&index, &wanted), true).unwrap();
        let files = |name| {
            let files = contents.files(id(name)).iter();
            files.map(|file| String::from_utf8_lossy(pool.path(*file))).collect::<Vec<_>>()
        };
        assert_eq!(files("a"), ["usr/bin/a", "usr/share/with blank"]);
        assert_eq!(files("b"), ["usr/share/with blank"]);
        assert!(files("c").is_empty());
    }
}
