//! Inodes of a squashfs file system, all fourteen kinds, and the listings of directories.

use super::decoder::broken;
use super::image::{Cursor, Image};
use crate::inventory::EntryKind;
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
    Directory(Extent),
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
    length: u16,
    reference: u64,
}

fn u16_of(bytes: &[u8]) -> u16 {
    u16::from_le_bytes([bytes[0], bytes[1]])
}

fn u32_of(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn u64_of(bytes: &[u8]) -> u64 {
    u64::from(u32_of(bytes)) | u64::from(u32_of(&bytes[4..])) << 32
}

impl Image {
    /// Reads an inode by its reference.
    pub(super) fn inode(&mut self, reference: u64) -> io::Result<Inode> {
        let mut cursor = self.inode_at(reference)?;
        let head = self.take::<16>(&mut cursor)?;
        let attributes = Attributes {
            mode: u16_of(&head[2..]),
            uid: self.id(u16_of(&head[4..]))?,
            gid: self.id(u16_of(&head[6..]))?,
        };
        let body = match u16_of(&head) {
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
                Body::Device(kind, u32_of(&fields[4..]))
            }
            6 | 13 => Body::Other(EntryKind::Fifo),
            7 | 14 => Body::Other(EntryKind::Socket),
            other => return Err(broken(&format!("an inode of the unknown kind {other}"))),
        };
        Ok(Inode { attributes, body })
    }

    fn directory(&mut self, cursor: &mut Cursor) -> io::Result<Body> {
        let fields = self.take::<16>(cursor)?;
        Ok(Body::Directory(Extent {
            block: u32_of(&fields),
            bytes: u32::from(u16_of(&fields[8..])),
            offset: u16_of(&fields[10..]),
        }))
    }

    fn long_directory(&mut self, cursor: &mut Cursor) -> io::Result<Body> {
        let fields = self.take::<24>(cursor)?;
        Ok(Body::Directory(Extent {
            bytes: u32_of(&fields[4..]),
            block: u32_of(&fields[8..]),
            offset: u16_of(&fields[18..]),
        }))
    }

    fn file(&mut self, cursor: &mut Cursor) -> io::Result<Body> {
        let fields = self.take::<16>(cursor)?;
        Ok(Body::File(File {
            start: u64::from(u32_of(&fields)),
            fragment: fragment(&fields[4..]),
            size_bytes: u64::from(u32_of(&fields[12..])),
            links: 1,
            blocks: cursor.clone(),
        }))
    }

    fn long_file(&mut self, cursor: &mut Cursor) -> io::Result<Body> {
        let fields = self.take::<40>(cursor)?;
        Ok(Body::File(File {
            start: u64_of(&fields),
            size_bytes: u64_of(&fields[8..]),
            links: u32_of(&fields[24..]),
            fragment: fragment(&fields[28..]),
            blocks: cursor.clone(),
        }))
    }

    fn symlink(&mut self, cursor: &mut Cursor) -> io::Result<Body> {
        let fields = self.take::<8>(cursor)?;
        let bytes = u32_of(&fields[4..]);
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
            let (count, block) = (u32_of(&head), u64::from(u32_of(&head[4..])));
            for _ in 0..=count {
                left = left.checked_sub(8).ok_or_else(ends_early)?;
                let fields = self.take::<8>(&mut cursor)?;
                let length = usize::from(u16_of(&fields[6..])) + 1;
                let name = name.get_mut(..length);
                let name = name.ok_or_else(|| broken("a name in a directory is too long"))?;
                left = left.checked_sub(length as u32).ok_or_else(ends_early)?;
                self.read(&mut cursor, name)?;
                if listing.entries.len() as u64 >= most {
                    return Ok(None);
                }
                // No more than the listing has, so less than 4 GiB.
                let start = listing.names.len() as u32;
                listing.names.extend_from_slice(name);
                let reference = block << 16 | u64::from(u16_of(&fields));
                listing.entries.push(Listed { start, length: length as u16, reference });
            }
        }
        let Listing { names, entries } = &mut listing;
        let name = |it: &Listed| &names[it.start as usize..][..usize::from(it.length)];
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
        Some((&self.names[entry.start as usize..][..usize::from(entry.length)], entry.reference))
    }
}

fn fragment(fields: &[u8]) -> Option<(u32, u32)> {
    let index = u32_of(fields);
    (index != NO_FRAGMENT).then(|| (index, u32_of(&fields[4..])))
}
