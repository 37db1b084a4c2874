//! One flat root file system: as a directory on disk and as a plain tar.

use crate::fixture::{FixtureEntry, FixtureKind, FixtureLayer};
use crate::model::{ExpectedEntry, ExpectedKind, Listing, expected_listing};
use crate::tar::{TarOptions, write_tar};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// The layers flattened into one tar without whiteouts, in the order of paths.
///
/// Of the names of one file the first is the file, the others are hard links to it.
pub fn rootfs_tar(layers: &[FixtureLayer], options: &TarOptions) -> Vec<u8> {
    let listing = expected_listing(layers);
    let mut first_names: BTreeMap<usize, &[u8]> = BTreeMap::new();
    let entries: Vec<FixtureEntry> = listing
        .iter()
        .map(|(path, entry)| {
            let first = *first_names.entry(entry.inode).or_insert(path);
            let kind =
                if first == path { kind_of(entry) } else { FixtureKind::HardLink(first.into()) };
            let (mode, uid, gid) = (entry.mode, entry.uid, entry.gid);
            FixtureEntry { mode, uid, gid, ..FixtureEntry::new(path.clone(), kind) }
        })
        .collect();
    write_tar(&entries, options)
}

/// Makes the flattened layers real in a directory, which is made if it is not there.
///
/// Owners are set and devices made only by root, where the kernel lets it; returns the paths that
/// were left out. Fifos and devices take the programs `mkfifo` and `mknod`.
///
/// # Errors
///
/// The first failure to write; the directory is then incomplete.
pub fn write_rootfs(dir: &Path, layers: &[FixtureLayer]) -> io::Result<Vec<Vec<u8>>> {
    let listing = expected_listing(layers);
    fs::create_dir_all(dir)?;
    let mut writer = RootfsWriter { dir, names: BTreeMap::new(), skipped: Vec::new() };
    for (path, entry) in &listing {
        writer.make(path, entry)?;
    }
    let skipped = writer.skipped;
    set_metadata(dir, &listing, &skipped)?;
    Ok(skipped)
}

fn kind_of(entry: &ExpectedEntry) -> FixtureKind {
    match entry.kind {
        ExpectedKind::File => FixtureKind::File(entry.content.clone()),
        ExpectedKind::Directory => FixtureKind::Directory,
        ExpectedKind::Symlink => FixtureKind::Symlink(entry.link.clone()),
        ExpectedKind::CharDevice { major, minor } => FixtureKind::CharDevice { major, minor },
        ExpectedKind::BlockDevice { major, minor } => FixtureKind::BlockDevice { major, minor },
        ExpectedKind::Fifo => FixtureKind::Fifo,
    }
}

struct RootfsWriter<'a> {
    dir: &'a Path,
    // The first name of every file.
    names: BTreeMap<usize, PathBuf>,
    skipped: Vec<Vec<u8>>,
}

impl RootfsWriter<'_> {
    fn make(&mut self, path: &[u8], entry: &ExpectedEntry) -> io::Result<()> {
        let place = self.dir.join(OsStr::from_bytes(path));
        if let Some(first) = self.names.get(&entry.inode) {
            return fs::hard_link(first, place);
        }
        let made = match entry.kind {
            ExpectedKind::File => fs::write(&place, &entry.content).map(|()| true),
            ExpectedKind::Directory => fs::create_dir(&place).map(|()| true),
            ExpectedKind::Symlink => symlink(OsStr::from_bytes(&entry.link), &place).map(|()| true),
            ExpectedKind::Fifo => ran(Command::new("mkfifo").arg(&place)),
            ExpectedKind::CharDevice { major, minor } => device(&place, "c", major, minor),
            ExpectedKind::BlockDevice { major, minor } => device(&place, "b", major, minor),
        }?;
        if made {
            self.names.insert(entry.inode, place);
        } else {
            self.skipped.push(path.to_vec());
        }
        Ok(())
    }
}

fn device(place: &Path, kind: &str, major: u32, minor: u32) -> io::Result<bool> {
    let numbers = [major.to_string(), minor.to_string()];
    ran(Command::new("mknod").arg(place).arg(kind).args(numbers))
}

/// Whether the program ended well; what it says is dropped.
fn ran(command: &mut Command) -> io::Result<bool> {
    command.output().map(|output| output.status.success())
}

/// Sets owners and modes, children before their parents, so that a directory without permission
/// to write is no hindrance.
fn set_metadata(dir: &Path, listing: &Listing, skipped: &[Vec<u8>]) -> io::Result<()> {
    for (path, entry) in listing.iter().rev().filter(|(path, _)| !skipped.contains(path)) {
        let place = dir.join(OsStr::from_bytes(path));
        match lchown(&place, Some(entry.uid), Some(entry.gid)) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            // Who is not root cannot give files away.
            _ => {}
        }
        if entry.kind != ExpectedKind::Symlink {
            fs::set_permissions(&place, fs::Permissions::from_mode(entry.mode))?;
        }
    }
    Ok(())
}
