//! Inodes of a squashfs file system, all fourteen kinds, and the listings of directories.

use super::decoder::broken;
use super::image::{Cursor, Image};
use super::xattr;
use crate::inventory::EntryKind;
use crate::source::fields::{le16, le32, le64};
use crate::source::tree::Attributes;
use std::io;

/// The longest target of a symbolic link: what the kernel and mksquashfs allow.
const MAX_LINK_BYTES: u32 = 65_536;

/// What stands for no fragment.
const NO_FRAGMENT: u32 = u32::MAX;

/// The longest name in a directory.
const MAX_NAME_BYTES: usize = 256;

/// The listing of a directory counts the two entries that it does not hold.
const DOT_ENTRIES_BYTES: u32 = 3;

/// One inode.
pub(super) struct Inode {
    pub(super) attributes: Attributes,
    pub(super) body: Body,
}

/// What an inode is of.
pub(super) enum Body {
    /// With the number of its extended attributes.
    Directory(Extent, u32),
    File(File),
    Symlink(Vec<u8>),
    /// A character or block device with its number.
    Device(EntryKind, u32),
    /// A fifo or socket.
    Other(EntryKind),
}

/// Where the listing of a directory lies.
pub(super) struct Extent {
    block: u32,
    offset: u16,
    bytes: u32,
}

/// Where the content of a file lies.
pub(super) struct File {
    pub(super) size_bytes: u64,
    /// How many names it has.
    pub(super) links: u32,
    /// The place of the first block.
    pub(super) start: u64,
    /// The fragment that holds its end, and where in it.
    pub(super) fragment: Option<(u32, u32)>,
    /// The sizes of its blocks.
    pub(super) blocks: Cursor,
}

/// The entries of one directory, in the byte order of their names.
pub(super) struct Listing {
    names: Vec<u8>,
    entries: Vec<Listed>,
}

struct Listed {
    start: u32,
    // Names have one byte more.
    shorter: u16,
    reference: u64,
}

impl Image {
    /// Reads an inode by its reference.
    pub(super) fn inode(&mut self, reference: u64) -> io::Result<Inode> {
        let mut cursor = self.inode_at(reference)?;
        let head = self.take::<16>(&mut cursor)?;
        let attributes = Attributes {
            mode: le16(&head, 2),
            uid: self.id(le16(&head, 4))?,
            gid: self.id(le16(&head, 6))?,
        };
        let body = match le16(&head, 0) {
            1 => self.directory(&mut cursor)?,
            2 => self.file(&mut cursor)?,
            8 => self.long_directory(&mut cursor)?,
            9 => self.long_file(&mut cursor)?,
            3 | 10 => self.symlink(&mut cursor)?,
            kind @ (4 | 5 | 11 | 12) => {
                let fields = self.take::<8>(&mut cursor)?;
                let kind = match kind {
                    4 | 11 => EntryKind::BlockDevice,
                    _ => EntryKind::CharDevice,
                };
                Body::Device(kind, le32(&fields, 4))
            }
            6 | 13 => Body::Other(EntryKind::Fifo),
            7 | 14 => Body::Other(EntryKind::Socket),
            other => return Err(broken(&format!("an inode of the unknown kind {other}"))),
        };
        Ok(Inode { attributes, body })
    }

    fn directory(&mut self, cursor: &mut Cursor) -> io::Result<Body> {
        let fields = self.take::<16>(cursor)?;
        let extent = Extent {
            block: le32(&fields, 0),
            bytes: u32::from(le16(&fields, 8)),
            offset: le16(&fields, 10),
        };
        Ok(Body::Directory(extent, xattr::NONE))
    }

    fn long_directory(&mut self, cursor: &mut Cursor) -> io::Result<Body> {
        let fields = self.take::<24>(cursor)?;
        let extent =
            Extent { bytes: le32(&fields, 4), block: le32(&fields, 8), offset: le16(&fields, 18) };
        Ok(Body::Directory(extent, le32(&fields, 20)))
    }

    fn file(&mut self, cursor: &mut Cursor) -> io::Result<Body> {
        let fields = self.take::<16>(cursor)?;
        Ok(Body::File(File {
            start: u64::from(le32(&fields, 0)),
            fragment: fragment(&fields[4..]),
            size_bytes: u64::from(le32(&fields, 12)),
            links: 1,
            blocks: cursor.clone(),
        }))
    }

    fn long_file(&mut self, cursor: &mut Cursor) -> io::Result<Body> {
        let fields = self.take::<40>(cursor)?;
        Ok(Body::File(File {
            start: le64(&fields, 0),
            size_bytes: le64(&fields, 8),
            links: le32(&fields, 24),
            fragment: fragment(&fields[28..]),
            blocks: cursor.clone(),
        }))
    }

    fn symlink(&mut self, cursor: &mut Cursor) -> io::Result<Body> {
        let fields = self.take::<8>(cursor)?;
        let bytes = le32(&fields, 4);
        if bytes > MAX_LINK_BYTES {
            return Err(broken("the target of a symbolic link is too long"));
        }
        let mut target = vec![0; bytes as usize];
        self.read(cursor, &mut target)?;
        Ok(Body::Symlink(target))
    }

    /// Reads the listing of a directory of at most so many entries; `None` if there are more.
    pub(super) fn listing(&mut self, extent: &Extent, most: u64) -> io::Result<Option<Listing>> {
        let mut listing = Listing { names: Vec::new(), entries: Vec::new() };
        let mut left = extent.bytes.saturating_sub(DOT_ENTRIES_BYTES);
        if left == 0 {
            return Ok(Some(listing));
        }
        let ends_early = || broken("the listing of a directory ends within an entry");
        let mut cursor = self.listing_at(extent.block, extent.offset)?;
        let mut name = [0; MAX_NAME_BYTES];
        while left > 0 {
            left = left.checked_sub(12).ok_or_else(ends_early)?;
            let head = self.take::<12>(&mut cursor)?;
            let (count, block) = (le32(&head, 0), u64::from(le32(&head, 4)));
            for _ in 0..=count {
                left = left.checked_sub(8).ok_or_else(ends_early)?;
                let fields = self.take::<8>(&mut cursor)?;
                let shorter = le16(&fields, 6);
                let name = name.get_mut(..=usize::from(shorter));
                let name = name.ok_or_else(|| broken("a name in a directory is too long"))?;
                left = left.checked_sub(u32::from(shorter) + 1).ok_or_else(ends_early)?;
                self.read(&mut cursor, name)?;
                if listing.entries.len() as u64 >= most {
                    return Ok(None);
                }
                let start = u32::try_from(listing.names.len());
                let start = start.map_err(|_| broken("a directory is too large"))?;
                listing.names.extend_from_slice(name);
                let reference = block << 16 | u64::from(le16(&fields, 0));
                listing.entries.push(Listed { start, shorter, reference });
            }
        }
        let Listing { names, entries } = &mut listing;
        let name = |it: &Listed| &names[it.start as usize..][..=usize::from(it.shorter)];
        entries.sort_by(|a, b| name(a).cmp(name(b)));
        Ok(Some(listing))
    }
}

impl Listing {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The name of an entry and the reference of its inode.
    pub(super) fn get(&self, at: usize) -> Option<(&[u8], u64)> {
        let entry = self.entries.get(at)?;
        Some((&self.names[entry.start as usize..][..=usize::from(entry.shorter)], entry.reference))
    }
}

fn fragment(fields: &[u8]) -> Option<(u32, u32)> {
    let index = le32(fields, 0);
    (index != NO_FRAGMENT).then(|| (index, le32(fields, 4)))
}
