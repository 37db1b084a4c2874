//! One path of a root file system and what is known of it.

use crate::image::Digest;

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A further name of a regular file; `link` is the name that was met first.
    HardLink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A Unix domain socket.
    Socket,
    /// Only in layers: the path and all below it are gone, as far as lower layers brought them.
    Whiteout,
    /// Only in layers: all below the path is gone, as far as lower layers brought it.
    OpaqueWhiteout,
}

impl EntryKind {
    /// All kinds in the order of their codes.
    pub const ALL: [Self; 10] = [
        Self::File,
        Self::Directory,
        Self::Symlink,
        Self::HardLink,
        Self::CharDevice,
        Self::BlockDevice,
        Self::Fifo,
        Self::Socket,
        Self::Whiteout,
        Self::OpaqueWhiteout,
    ];

    /// The stable number of the kind in stored data.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind of a stored number, if there is one.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::HardLink => "hard link",
            Self::CharDevice => "character device",
            Self::BlockDevice => "block device",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
            Self::Whiteout => "whiteout",
            Self::OpaqueWhiteout => "opaque whiteout",
        }
    }

    /// Whether the entry is a directory; everything else counts under the selection `files`.
    pub const fn is_directory(self) -> bool {
        matches!(self, Self::Directory)
    }

    /// Whether the entry has content: a regular file under any of its names.
    pub const fn has_content(self) -> bool {
        matches!(self, Self::File | Self::HardLink)
    }

    /// Whether the entry hides something of a lower layer instead of being something.
    pub const fn is_whiteout(self) -> bool {
        matches!(self, Self::Whiteout | Self::OpaqueWhiteout)
    }
}

/// One entry, borrowed from a layer or an inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The path in normal form; empty only for an opaque whiteout of the root.
    pub path: &'a [u8],
    /// What the path is.
    pub kind: EntryKind,
    /// Bytes of content. In an inventory a hard link has the size of its file; elsewhere and for
    /// all that has no content it is 0.
    pub size_bytes: u64,
    /// Permission, set-id and sticky bits (`0o7777`).
    pub mode: u16,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Symbolic link: the target as it is written. Hard link: the normal path of the first name.
    pub link: Option<&'a [u8]>,
    /// The sha256 of the content; `None` where there is no content or it was not read.
    pub digest: Option<&'a Digest>,
}

impl<'a> Entry<'a> {
    /// An entry of which nothing but path and kind is known.
    pub const fn bare(path: &'a [u8], kind: EntryKind) -> Self {
        Self { path, kind, size_bytes: 0, mode: 0, uid: 0, gid: 0, link: None, digest: None }
    }
}
