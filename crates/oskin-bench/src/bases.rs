//! Real base systems, as lists of paths.

use crate::index::{Index, PackageId};
use crate::pool::{Pool, PoolId};
use anyhow::{Context as _, Result, ensure};
use oskin::inventory::{EntryKind, flatten};
use oskin::oski;
use oskin::path::normalize;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// A system that nothing else is below.
#[derive(Clone, Debug)]
pub struct Base {
    /// Its name, such as `bookworm-base`; what stands before the first hyphen is its suite.
    pub name: String,
    /// Its paths in path order, with all directories.
    pub paths: Vec<PoolId>,
    /// Whether `bin`, `lib` and the like are links into `usr`.
    pub is_merged: bool,
    /// Whether dpkg is set up to leave documentation out.
    pub is_slim: bool,
}

impl Base {
    fn new(name: &str, paths: &BTreeSet<Vec<u8>>, pool: &mut Pool) -> Self {
        let is_slim = !paths.iter().any(|path| path.starts_with(b"usr/share/man/man1/"));
        let is_merged = !paths.iter().any(|path| path.starts_with(b"bin/"));
        let paths = paths.iter().map(|path| pool.intern(path)).collect();
        Self { name: name.to_owned(), paths, is_merged, is_slim }
    }

    /// What stands before the first hyphen of the name.
    pub fn suite(&self) -> &str {
        self.name.split('-').next().unwrap_or_default()
    }

    /// The packages that dpkg's database names, ascending.
    pub fn packages(&self, index: &Index, pool: &Pool) -> Vec<PackageId> {
        let names = self.paths.iter().filter_map(|path| {
            let list = pool.path(*path).strip_prefix(b"var/lib/dpkg/info/")?;
            let name = std::str::from_utf8(list.strip_suffix(b".list")?).ok()?;
            index.find(name.split(':').next()?)
        });
        let packages: BTreeSet<PackageId> = names.collect();
        packages.into_iter().collect()
    }
}

/// Reads the roots of a file of inventories: images of one layer, called as a base is.
///
/// # Errors
///
/// If the file cannot be read.
pub fn from_oski(file: &Path, pool: &mut Pool) -> Result<Vec<Base>> {
    let input = File::open(file).with_context(|| file.display().to_string())?;
    let images = oski::read(&mut BufReader::new(input)).context(file.display().to_string())?;
    let mut bases = Vec::new();
    for image in images {
        let name = image.record.name;
        let is_base = ["-base", "-busybox"].iter().any(|ending| name.ends_with(ending));
        if !is_base || image.layers.len() != 1 {
            continue;
        }
        let layers: Vec<_> = image.layers.into_iter().map(|layer| layer.layer).collect();
        let (inventory, _) = flatten(&layers);
        let mut paths = BTreeSet::new();
        for entry in inventory.iter() {
            if entry.kind == EntryKind::Directory {
                pool.intern_directory(entry.path);
            }
            paths.insert(entry.path.to_vec());
        }
        bases.push(Base::new(&name, &paths, pool));
    }
    Ok(bases)
}

/// Reads `NAME=FILE`, a list of paths one a line; directories may end with a slash, and those
/// above a path are added.
///
/// # Errors
///
/// If the file cannot be read or there is no name.
pub fn from_listing(argument: &str, pool: &mut Pool) -> Result<Base> {
    let (name, file) = argument.split_once('=').context("a base is given as NAME=FILE")?;
    ensure!(!name.is_empty(), "a base needs a name");
    let input = File::open(file).with_context(|| file.to_owned())?;
    let mut paths = BTreeSet::new();
    for line in BufReader::new(input).split(b'\n') {
        let line = line?;
        let Ok(path) = normalize(&line) else { continue };
        if path.is_empty() {
            continue;
        }
        let id =
            if line.ends_with(b"/") { pool.intern_directory(&path) } else { pool.intern(&path) };
        paths.extend(pool.above(id).map(|above| pool.path(above).to_vec()));
        paths.insert(path.into_owned());
    }
    Ok(Base::new(name, &paths, pool))
}
