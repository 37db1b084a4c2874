//! What is on disk, as a listing that can be compared with an expected one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use testkit::{ExpectedEntry, ExpectedKind, Listing};

/// What two listings of the same tree agree in: inodes count only by who shares them.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    kind: ExpectedKind,
    size_bytes: u64,
    mode: u32,
    owner: (u32, u32),
    link: String,
    content: Vec<u8>,
    same_as: String,
}

fn shown(listing: &Listing) -> BTreeMap<String, Shown> {
    let mut firsts: BTreeMap<usize, String> = BTreeMap::new();
    let one = |(path, entry): (&Vec<u8>, &ExpectedEntry)| {
        let path = path.escape_ascii().to_string();
        let same_as = firsts.entry(entry.inode).or_insert_with(|| path.clone()).clone();
        // Permissions of links mean nothing and cannot be set.
        let is_link = entry.kind == ExpectedKind::Symlink;
        let shown = Shown {
            kind: entry.kind,
            size_bytes: entry.size_bytes,
            mode: if is_link { 0 } else { entry.mode },
            owner: if is_root() { (entry.uid, entry.gid) } else { (0, 0) },
            link: entry.link.escape_ascii().to_string(),
            content: entry.content.clone(),
            same_as,
        };
        (path, shown)
    };
    listing.iter().map(one).collect()
}

/// Compares entry by entry, so that a failure names the first that differs.
pub(crate) fn assert_same(found: &Listing, expected: &Listing, what: &str) {
    let (found, expected) = (shown(found), shown(expected));
    for (path, entry) in &expected {
        assert_eq!(found.get(path), Some(entry), "{what}: {path}");
    }
    let extra: Vec<_> = found.keys().filter(|path| !expected.contains_key(*path)).collect();
    assert_eq!(extra, [""; 0], "{what}: more than expected");
}

/// What is on disk below a directory.
pub(crate) fn scan(root: &Path) -> Listing {
    let mut listing = Listing::new();
    let mut queue = vec![root.to_owned()];
    while let Some(dir) = queue.pop() {
        for found in fs::read_dir(&dir).unwrap() {
            let path = found.unwrap().path();
            let entry = scan_entry(&path);
            if entry.kind == ExpectedKind::Directory {
                queue.push(path.clone());
            }
            let relative = path.strip_prefix(root).unwrap();
            listing.insert(relative.as_os_str().as_bytes().to_vec(), entry);
        }
    }
    listing
}

fn scan_entry(path: &Path) -> ExpectedEntry {
    let metadata = fs::symlink_metadata(path).unwrap();
    let file_type = metadata.file_type();
    let device = metadata.rdev();
    // The numbers that glibc's gnu_dev_major and gnu_dev_minor give, as far as tests use them.
    let (major, minor) = ((device >> 8 & 0xfff) as u32, (device & 0xff) as u32);
    let kind = match file_type {
        t if t.is_dir() => ExpectedKind::Directory,
        t if t.is_symlink() => ExpectedKind::Symlink,
        t if t.is_fifo() => ExpectedKind::Fifo,
        t if t.is_char_device() => ExpectedKind::CharDevice { major, minor },
        t if t.is_block_device() => ExpectedKind::BlockDevice { major, minor },
        _ => ExpectedKind::File,
    };
    let is_file = kind == ExpectedKind::File;
    let is_link = kind == ExpectedKind::Symlink;
    ExpectedEntry {
        kind,
        size_bytes: if is_file { metadata.len() } else { 0 },
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        link: if is_link {
            fs::read_link(path).unwrap().into_os_string().into_vec()
        } else {
            vec![]
        },
        content: if is_file { fs::read(path).unwrap() } else { Vec::new() },
        hard_link_to: None,
        inode: usize::try_from(metadata.ino()).unwrap(),
    }
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// Removes whatever is there, if anything is.
pub(crate) fn remove(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}
