//! The directory of a layer as it lies there, with the whiteouts of overlay file systems.
//!
//! A removed name is a character device 0/0, a directory that hides what was there has an extended
//! attribute (Linux, `Documentation/filesystems/overlayfs.rst`); fuse-overlayfs, where it may not
//! make these, has `.wh.` names as archives do (fuse-overlayfs(1)).

use super::super::SourceError;
use super::super::layer::LayerRead;
use super::super::tree::{Attributes, TreeReader};
use super::super::walk_fs::{self, Found, Names};
use super::tables::{Driver, not_readable};
use crate::inventory::EntryKind;
use crate::path;
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs;
use std::ffi::CStr;

/// Attributes that make a directory hide what lower layers have in it.
const OPAQUE: [&CStr; 3] =
    [c"trusted.overlay.opaque", c"user.overlay.opaque", c"user.fuseoverlayfs.opaque"];

/// How deep directories may stand in each other: each is an open handle.
const MAX_DEPTH: usize = 500;

/// A directory on the way to the current entry.
struct Frame {
    directory: OwnedFd,
    // How much of the current path leads here.
    path_bytes: usize,
    names: Names,
}

/// Reads one directory into a layer.
pub(super) struct Walk<'r> {
    tree: TreeReader<'r>,
    has_whiteouts: bool,
    stack: Vec<Frame>,
    // The path of the entry in hand.
    path: Vec<u8>,
    device: u64,
}

impl<'r> Walk<'r> {
    pub(super) fn new(tree: TreeReader<'r>, driver: Driver) -> Self {
        let has_whiteouts = driver == Driver::Overlay;
        Self { tree, has_whiteouts, stack: Vec::new(), path: Vec::new(), device: 0 }
    }

    /// Reads all that lies below a directory.
    pub(super) fn read(mut self, root: OwnedFd) -> Result<LayerRead, SourceError> {
        let first = || Ok((walk_fs::stat_handle(root.as_fd())?, walk_fs::names(root.as_fd())?));
        let (found, names) = first()
            .map_err(|error: rustix::io::Errno| not_readable("the directory", error.into()))?;
        self.device = found.device;
        if self.has_whiteouts && is_opaque(root.as_fd()) {
            self.tree.hide_below(b"")?;
        }
        self.stack.push(Frame { directory: root, path_bytes: 0, names });
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
            match walk_fs::stat(frame.directory.as_fd(), &name) {
                Ok(found) => self.entry(&name, &found)?,
                Err(error) => self.lose(format!("{error}; left out")),
            }
        }
        Ok(self.tree.finish())
    }

    fn lose(&mut self, what: impl Into<String>) {
        self.tree.lose(Some(&self.path), what);
    }

    fn warn(&mut self, what: impl Into<String>) {
        self.tree.warn(Some(&self.path), what);
    }

    fn entry(&mut self, name: &CStr, found: &Found) -> Result<(), SourceError> {
        if self.has_whiteouts && self.whiteout(found)? {
            return Ok(());
        }
        let attributes = Attributes { mode: found.mode, uid: found.uid, gid: found.gid };
        // The stack holds at least the directory in which the name was found.
        let above = self.stack[self.stack.len() - 1].directory.as_fd();
        match found.kind {
            EntryKind::File => {
                let inode = (found.names > 1).then_some(found.inode);
                let open = || walk_fs::open_file(above, name, found);
                self.tree.file(&self.path, attributes, (found.size_bytes, inode), open)
            }
            EntryKind::Symlink => match walk_fs::read_link(above, name) {
                Ok(target) => {
                    let target = Some(target.to_bytes());
                    self.tree.add(&self.path, found.kind, attributes, target)
                }
                Err(error) => {
                    self.lose(format!("the link cannot be read: {error}; left out"));
                    Ok(())
                }
            },
            kind => {
                self.tree.add(&self.path, kind, attributes, None)?;
                if kind.is_directory() { self.enter(name, found) } else { Ok(()) }
            }
        }
    }

    /// Takes an entry that stands for a removed one; `false` for all others.
    fn whiteout(&mut self, found: &Found) -> Result<bool, SourceError> {
        let (directory, name) = path::split_name(&self.path);
        let hidden = if found.kind == EntryKind::CharDevice && found.device_number == 0 {
            self.path.clone()
        } else if found.kind.is_directory() {
            return Ok(false);
        } else if name == b".wh..wh..opq" {
            let directory = directory.to_vec();
            self.tree.hide_below(&directory)?;
            return Ok(true);
        } else if let Some(hidden) = name.strip_prefix(b".wh.") {
            // Others that begin so are bookkeeping of old drivers.
            if hidden.is_empty() || hidden.starts_with(b".wh.") || matches!(hidden, b"." | b"..") {
                return Ok(true);
            }
            path::join(directory, hidden)
        } else {
            return Ok(false);
        };
        self.tree.add(&hidden, EntryKind::Whiteout, Attributes::default(), None)?;
        Ok(true)
    }

    fn enter(&mut self, name: &CStr, found: &Found) -> Result<(), SourceError> {
        if found.device != self.device {
            self.warn("another file system is mounted here; left out");
            return Ok(());
        }
        if self.stack.len() >= MAX_DEPTH {
            self.warn(format!("more than {MAX_DEPTH} directories in each other; left out"));
            return Ok(());
        }
        let above = self.stack[self.stack.len() - 1].directory.as_fd();
        let open = || {
            let directory = walk_fs::open_directory(above, name)?;
            let names = walk_fs::names(directory.as_fd())?;
            Ok((directory, names))
        };
        let (directory, names) = match open() {
            Ok(opened) => opened,
            Err(error) => {
                let error: rustix::io::Errno = error;
                self.lose(format!("the directory cannot be read: {error}"));
                return Ok(());
            }
        };
        if self.has_whiteouts && is_opaque(directory.as_fd()) {
            self.tree.hide_below(&self.path)?;
        }
        self.stack.push(Frame { directory, path_bytes: self.path.len(), names });
        Ok(())
    }
}

fn is_opaque(directory: BorrowedFd<'_>) -> bool {
    OPAQUE.iter().any(|name| {
        let mut value = [0; 4];
        fs::fgetxattr(directory, *name, &mut value[..]).is_ok_and(|count| value[..count] == *b"y")
    })
}
