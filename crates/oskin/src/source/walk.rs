//! `rootfs:` and `host:`, directories as they lie in the file system of this machine.
//!
//! The tree is walked by directory handles: every name is opened relative to the directory it was
//! found in and never through a symbolic link, so that nothing that changes meanwhile leads out of
//! the tree. Only the names of the directories on the way to the current one are in memory.

use super::archive::place_of;
use super::held::Held;
use super::layer::{LayerRead, LayerSource, Origin};
use super::walk_fs::{self, Found, Names};
use super::{
    ImageSource, ReadOptions, SourceError, SourceSpec, Warnings, changeset, host_platform, name,
};
use crate::image::{Digest, LayerKey};
use crate::inventory::{Entry, EntryKind, Layer, canonical_digest};
use crate::path;
use hashbrown::HashTable;
use rustix::fd::{AsFd as _, OwnedFd};
use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// What of the running system is left out: what the kernel and the running programs make up.
const HOST_LEFT_OUT: [&[u8]; 4] = [b"dev", b"proc", b"run", b"sys"];

/// A directory that is to be read.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    root: PathBuf,
    is_host: bool,
}

/// Finds the one image of a `rootfs:` directory.
pub(super) fn open_rootfs(spec: &SourceSpec) -> Result<Vec<ImageSource>, SourceError> {
    let place = place_of(&spec.location);
    let io = |error| SourceError::io(&place, error);
    let root = spec.location.canonicalize().map_err(io)?;
    if root == Path::new("/") {
        return Err(SourceError::Unrecognized {
            place,
            what: "the root of the running system is no plain directory".to_owned(),
            hint: Some("read the running system with host:".to_owned()),
        });
    }
    if !root.metadata().map_err(io)?.is_dir() {
        return Err(SourceError::Unrecognized {
            place,
            what: "is no directory".to_owned(),
            hint: Some("a tar file of a root file system is read with tar:FILE".to_owned()),
        });
    }
    Ok(vec![image(spec, place, Walk { root, is_host: false })])
}

/// Finds the one image of `host:`.
pub(super) fn open_host(spec: &SourceSpec) -> Vec<ImageSource> {
    let mut image = image(spec, "/".to_owned(), Walk { root: PathBuf::from("/"), is_host: true });
    "host".clone_into(&mut image.name);
    image.declared.platform = host_platform();
    vec![image]
}

fn image(spec: &SourceSpec, place: String, walk: Walk) -> ImageSource {
    let layer = LayerSource::unnamed(Origin::Walk(walk), place.clone());
    ImageSource {
        location: place,
        ..ImageSource::plain(spec, name::suggested(&spec.location), layer)
    }
}

impl Walk {
    /// Reads the whole tree.
    pub(super) fn read(&self, options: &ReadOptions<'_>) -> Result<LayerRead, SourceError> {
        let place = path::escape(self.root.as_os_str().as_bytes());
        let open = || {
            let root = walk_fs::open_root(&self.root)?;
            let found = walk_fs::stat_handle(root.as_fd())?;
            let names = walk_fs::names(root.as_fd())?;
            Ok(Frame { directory: root, found, path_bytes: 0, names })
        };
        let first =
            open().map_err(|error: rustix::io::Errno| SourceError::io(&place, error.into()))?;
        let mut reader = Reader {
            is_host: self.is_host,
            options,
            warnings: Warnings::new(&place),
            place: &place,
            layer: Layer::new(),
            linked: HashTable::new(),
            stack: vec![first],
            path: Vec::new(),
            size_bytes: 0,
            buffer: vec![0; super::stored::BUFFER_BYTES],
            holes_left: walk_fs::MAX_HOLE_BYTES,
            held: Held::new(&options.wanted),
        };
        reader.walk()?;
        let Reader { mut layer, warnings, size_bytes, .. } = reader;
        layer.set_searched(options.contents);
        Ok(LayerRead {
            key: LayerKey::Inventory(canonical_digest(&layer)),
            layer: Arc::new(layer),
            size_bytes,
            lost: warnings.lost.clone(),
            warnings: warnings.into_list(),
        })
    }
}

/// A directory on the way to the current entry.
struct Frame {
    directory: OwnedFd,
    found: Found,
    // How much of the current path leads here.
    path_bytes: usize,
    names: Names,
}

/// The first name of a file that has several.
struct Linked {
    device: u64,
    inode: u64,
    index: u32,
}

struct Reader<'r> {
    is_host: bool,
    options: &'r ReadOptions<'r>,
    warnings: Warnings,
    place: &'r str,
    layer: Layer,
    linked: HashTable<Linked>,
    stack: Vec<Frame>,
    // The path of the entry in hand.
    path: Vec<u8>,
    size_bytes: u64,
    buffer: Vec<u8>,
    held: Held,
    holes_left: u64,
}

impl Reader<'_> {
    fn warn(&mut self, what: impl Into<String>) {
        self.warnings.push(Some(&path::shorten(&self.path)), what);
    }

    fn lose(&mut self, what: impl Into<String>) {
        self.warnings.lose(Some(&path::shorten(&self.path)), what);
    }

    fn walk(&mut self) -> Result<(), SourceError> {
        while let Some(frame) = self.stack.last_mut() {
            let Some(name) = frame.names.take_next() else {
                self.stack.pop();
                continue;
            };
            self.path.truncate(frame.path_bytes);
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name.to_bytes());
            if let Some(problem) = self.options.limits.too_long(&self.path) {
                self.warn(problem);
                continue;
            }
            let stated = walk_fs::stat(frame.directory.as_fd(), &name);
            match stated {
                Ok(found) => self.entry(&name, &found)?,
                Err(error) => self.lose(format!("{error}; left out")),
            }
        }
        Ok(())
    }

    fn push(&mut self, entry: &Entry<'_>) -> Result<u32, SourceError> {
        changeset::push(&mut self.layer, entry, self.place, &self.options.limits)
    }

    fn entry(&mut self, name: &CStr, found: &Found) -> Result<(), SourceError> {
        let path = std::mem::take(&mut self.path);
        let entry = Entry {
            mode: found.mode,
            uid: found.uid,
            gid: found.gid,
            ..Entry::bare(&path, found.kind)
        };
        let pushed = match found.kind {
            EntryKind::Symlink => self.symlink(name, entry),
            EntryKind::File => self.file(name, found, entry),
            _ => self.push(&entry).map(drop),
        };
        self.path = path;
        pushed?;
        if found.kind.is_directory() {
            self.enter(name, found);
        }
        Ok(())
    }

    fn directory(&self) -> rustix::fd::BorrowedFd<'_> {
        // The stack holds at least the directory in which the current name was found.
        self.stack[self.stack.len() - 1].directory.as_fd()
    }

    fn symlink(&mut self, name: &CStr, entry: Entry<'_>) -> Result<(), SourceError> {
        let target = walk_fs::read_link(self.directory(), name);
        if let Err(error) = &target {
            let what = format!("the target of the link cannot be read: {error}");
            self.warnings.lose(Some(&path::shorten(entry.path)), what);
        }
        let link = target.as_ref().ok().map(|target| target.to_bytes());
        self.push(&Entry { link, ..entry }).map(drop)
    }

    fn file(
        &mut self,
        name: &CStr,
        found: &Found,
        mut entry: Entry<'_>,
    ) -> Result<(), SourceError> {
        if let Some(first) = self.first_name(found) {
            let first = self.layer.path(first as usize).to_vec();
            let link = Entry { kind: EntryKind::HardLink, link: Some(&first), ..entry };
            return self.push(&link).map(drop);
        }
        entry.size_bytes = found.size_bytes;
        let mut digest = None;
        self.held.begin(entry.path, entry.mode, found.size_bytes);
        if self.options.contents {
            match self.content(name, found) {
                Ok(read) => {
                    entry.size_bytes = read.0;
                    digest = Some(read.1);
                }
                Err(what) => self.warnings.lose(Some(&path::shorten(entry.path)), what),
            }
        }
        self.size_bytes = self.size_bytes.saturating_add(entry.size_bytes);
        let index = self.push(&Entry { digest: digest.as_ref(), ..entry })?;
        if digest.is_some() {
            self.held.note(&mut self.layer, index, &mut self.warnings);
        }
        if found.names > 1 {
            let linked = Linked { device: found.device, inode: found.inode, index };
            let hash = inode_hash(found.device, found.inode);
            self.linked.insert_unique(hash, linked, |other| inode_hash(other.device, other.inode));
        }
        Ok(())
    }

    /// The entry of a file of which another name was met before.
    fn first_name(&self, found: &Found) -> Option<u32> {
        if found.names < 2 {
            return None;
        }
        let same = |linked: &Linked| (linked.device, linked.inode) == (found.device, found.inode);
        let linked = self.linked.find(inode_hash(found.device, found.inode), same)?;
        Some(linked.index)
    }

    /// Size and digest of the content as it was read.
    fn content(&mut self, name: &CStr, found: &Found) -> Result<(u64, Digest), String> {
        if found.hole_bytes() > self.holes_left {
            return Err("its holes are too large; its content was not read".to_owned());
        }
        self.holes_left -= found.hole_bytes();
        let directory = self.stack[self.stack.len() - 1].directory.as_fd();
        let file = walk_fs::open_file(directory, name, found)
            .map_err(|error| format!("the content cannot be read: {error}"))?;
        self.options.progress.expect(found.size_bytes);
        let held = &mut self.held;
        let read = walk_fs::hash(file, found.size_bytes, &mut self.buffer, |chunk| {
            self.options.progress.advance(chunk.len() as u64);
            held.push(chunk);
        });
        let (size, digest) =
            read.map_err(|error| format!("the content cannot be read: {error}"))?;
        if size != found.size_bytes {
            self.warn(format!("the file became shorter while it was read: {size} bytes"));
        }
        Ok((size, digest))
    }

    /// Goes into a directory, unless it is one that is left out.
    fn enter(&mut self, name: &CStr, found: &Found) {
        if self.is_host && HOST_LEFT_OUT.contains(&self.path.as_slice()) {
            return;
        }
        let above = &self.stack[self.stack.len() - 1];
        let other_device = found.device != above.found.device;
        let crosses = other_device || self.is_host && walk_fs::is_mount(self.directory(), name);
        if crosses && self.is_host && !self.options.cross_mounts {
            return;
        }
        let directory = match walk_fs::open_directory(self.directory(), name) {
            Ok(directory) => directory,
            Err(error) => return self.lose(format!("the directory cannot be read: {error}")),
        };
        if crosses {
            if walk_fs::is_pseudo(directory.as_fd()) {
                // A foreign root may have them mounted; of the host that is no news.
                if !self.is_host {
                    self.warn("a file system of the kernel is mounted here; left out");
                }
                return;
            }
            let same = |frame: &Frame| {
                (frame.found.device, frame.found.inode) == (found.device, found.inode)
            };
            if self.stack.iter().any(same) {
                return self.warn("a directory above is mounted here again; left out");
            }
        }
        match walk_fs::names(directory.as_fd()) {
            Ok(names) => {
                let path_bytes = self.path.len();
                self.stack.push(Frame { directory, found: *found, path_bytes, names });
            }
            Err(error) => self.lose(format!("the directory cannot be read: {error}")),
        }
    }
}

fn inode_hash(device: u64, inode: u64) -> u64 {
    xxh3_64(&[device.to_le_bytes(), inode.to_le_bytes()].concat())
}
