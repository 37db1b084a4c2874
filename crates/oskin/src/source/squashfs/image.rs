//! The blocks of a squashfs file system: superblock, metadata, the tables, fragments.
//!
//! The format is that of the kernel's `fs/squashfs/squashfs_fs.h`, version 4.0. Nothing is read
//! before it is asked for, and what was decompressed is kept in two small caches, so that memory
//! does not grow with the file system.

use super::decoder::{Decoder, broken};
use crate::source::SourceError;
use crate::source::fields::{le16, le32, le64};
use crate::source::read_at::{ReadAt, Window};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// What a squashfs file system begins with.
pub(in crate::source) const MAGIC: &[u8; 4] = b"hsqs";

/// What one of big-endian machines begins with, before version 4.
const OLD_MAGIC: &[u8; 4] = b"sqsh";

const SUPERBLOCK_BYTES: usize = 96;

/// The most that a metadata block holds.
const METADATA_BYTES: usize = 0x2000;

/// How many metadata blocks are kept: 2 MiB.
const KEPT_METADATA: usize = 256;

/// How many fragment blocks are kept: 8 MiB at most.
const KEPT_FRAGMENTS: usize = 8;

const ID_BYTES: usize = 4;
const FRAGMENT_BYTES: usize = 16;

/// A file system that is being read.
pub(super) struct Image {
    bytes: Window,
    decoder: Decoder,
    inode_table: u64,
    directory_table: u64,
    fragment_table: u64,
    fragments: u32,
    /// Where the table of extended attributes is; all ones where there is none.
    pub(super) xattr_table: u64,
    root: u64,
    ids: Vec<u32>,
    metadata: Kept,
    kept_fragments: Kept,
    stored: Vec<u8>,
    /// The most that a block of content holds.
    pub(super) block_bytes: usize,
    /// How many bytes were decompressed.
    pub(super) decoded_bytes: u64,
}

/// A decompressed block, and where the block behind it begins.
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    next: u64,
}

/// A place in the stream that metadata blocks make.
#[derive(Clone)]
pub(super) struct Cursor {
    block: Arc<Block>,
    at: usize,
}

/// The blocks that were used last.
struct Kept {
    most: usize,
    uses: u64,
    blocks: BTreeMap<u64, (u64, Arc<Block>)>,
}

impl Kept {
    const fn new(most: usize) -> Self {
        Self { most, uses: 0, blocks: BTreeMap::new() }
    }

    fn get(&mut self, key: u64) -> Option<Arc<Block>> {
        self.uses += 1;
        let (used, block) = self.blocks.get_mut(&key)?;
        *used = self.uses;
        Some(Arc::clone(block))
    }

    fn put(&mut self, key: u64, block: &Arc<Block>) {
        if self.blocks.len() >= self.most {
            let oldest = self.blocks.iter().min_by_key(|(_, (used, _))| *used);
            if let Some(oldest) = oldest.map(|(&key, _)| key) {
                self.blocks.remove(&oldest);
            }
        }
        self.blocks.insert(key, (self.uses, Arc::clone(block)));
    }
}

impl Image {
    /// Reads the superblock and the table of owners.
    pub(super) fn new(bytes: Arc<dyn ReadAt>, place: &str) -> Result<Self, SourceError> {
        let io = |error| SourceError::io(place, error);
        let mut head = [0; SUPERBLOCK_BYTES];
        bytes.read_exact_at(&mut head, 0).map_err(io)?;
        let decoder = supported(&head, place)?;
        let block_bytes = le32(&head, 12);
        let is_sound = block_bytes.is_power_of_two()
            && (4096..=1024 * 1024).contains(&block_bytes)
            && block_bytes.trailing_zeros() == u32::from(le16(&head, 22));
        if !is_sound {
            let what = format!("the superblock states blocks of {block_bytes} bytes");
            return Err(SourceError::damaged(place, what));
        }
        let (stated, there) = (le64(&head, 40), bytes.size_bytes());
        if stated > there {
            let what =
                format!("the squashfs file system has {stated} bytes, of which {there} are there");
            return Err(SourceError::damaged(place, what));
        }
        let mut image = Self {
            bytes: Window::new(bytes, 0, stated),
            decoder,
            inode_table: le64(&head, 64),
            directory_table: le64(&head, 72),
            fragment_table: le64(&head, 80),
            fragments: le32(&head, 16),
            xattr_table: le64(&head, 56),
            root: le64(&head, 32),
            ids: Vec::new(),
            metadata: Kept::new(KEPT_METADATA),
            kept_fragments: Kept::new(KEPT_FRAGMENTS),
            stored: Vec::new(),
            block_bytes: block_bytes as usize,
            decoded_bytes: 0,
        };
        let (id_table, ids) = (le64(&head, 48), le16(&head, 26));
        for id in 0..ids {
            let entry = image.table_entry::<ID_BYTES>(id_table, u32::from(id)).map_err(io)?;
            image.ids.push(u32::from_le_bytes(entry));
        }
        Ok(image)
    }

    /// The reference of the root directory.
    pub(super) const fn root(&self) -> u64 {
        self.root
    }

    /// The owner of a number in an inode.
    pub(super) fn id(&self, number: u16) -> io::Result<u32> {
        let id = self.ids.get(usize::from(number)).copied();
        id.ok_or_else(|| broken("an owner is not in the table of owners"))
    }

    /// The place of an inode by its reference.
    pub(super) fn inode_at(&mut self, reference: u64) -> io::Result<Cursor> {
        self.cursor(self.inode_table, reference >> 16, (reference & 0xffff) as u16)
    }

    /// The place of the listing of a directory.
    pub(super) fn listing_at(&mut self, block: u32, offset: u16) -> io::Result<Cursor> {
        self.cursor(self.directory_table, u64::from(block), offset)
    }

    /// A place in metadata: a table, where a block of it begins, and the byte in that.
    pub(super) fn cursor(&mut self, table: u64, block: u64, offset: u16) -> io::Result<Cursor> {
        let at = table.checked_add(block).ok_or_else(outside)?;
        let block = self.metadata_block(at)?;
        let at = usize::from(offset);
        if at > block.bytes.len() {
            return Err(outside());
        }
        Ok(Cursor { block, at })
    }

    /// Reads on in metadata.
    pub(super) fn read(&mut self, cursor: &mut Cursor, mut into: &mut [u8]) -> io::Result<()> {
        while !into.is_empty() {
            let rest = &cursor.block.bytes[cursor.at..];
            if rest.is_empty() {
                cursor.block = self.metadata_block(cursor.block.next)?;
                cursor.at = 0;
                continue;
            }
            let count = rest.len().min(into.len());
            into[..count].copy_from_slice(&rest[..count]);
            cursor.at += count;
            into = &mut into[count..];
        }
        Ok(())
    }

    /// Reads fields of a known size.
    pub(super) fn take<const N: usize>(&mut self, cursor: &mut Cursor) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read(cursor, &mut bytes)?;
        Ok(bytes)
    }

    /// An entry of a table whose blocks are found by a list of their places.
    pub(super) fn table_entry<const N: usize>(
        &mut self,
        table: u64,
        index: u32,
    ) -> io::Result<[u8; N]> {
        let byte = u64::from(index) * N as u64;
        let (block, offset) = (byte / METADATA_BYTES as u64, (byte % 0x2000) as u16);
        let mut place = [0; 8];
        let at = table.checked_add(block * 8).ok_or_else(outside)?;
        self.bytes.read_exact_at(&mut place, at)?;
        let mut cursor = self.cursor(0, u64::from_le_bytes(place), offset)?;
        self.take(&mut cursor)
    }

    /// Bytes as they are stored.
    pub(super) fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        self.bytes.read_exact_at(into, at)
    }

    fn metadata_block(&mut self, at: u64) -> io::Result<Arc<Block>> {
        if let Some(block) = self.metadata.get(at) {
            return Ok(block);
        }
        let mut head = [0; 2];
        self.bytes.read_exact_at(&mut head, at)?;
        let head = u16::from_le_bytes(head);
        let (is_plain, stored_bytes) = (head & 0x8000 != 0, usize::from(head & 0x7fff));
        if stored_bytes == 0 || stored_bytes > METADATA_BYTES {
            return Err(broken("a metadata block states a wrong size"));
        }
        let mut bytes = vec![0; METADATA_BYTES];
        let count = self.unpack((at + 2, stored_bytes, is_plain), &mut bytes)?;
        if count == 0 {
            return Err(broken("a metadata block is empty"));
        }
        bytes.truncate(count);
        let block = Arc::new(Block { bytes, next: at + 2 + stored_bytes as u64 });
        self.metadata.put(at, &block);
        Ok(block)
    }

    /// Reads a block of content: where it is, the size and flag that stand in an inode or in the
    /// table of fragments. How many bytes it has, and how many it takes as it is stored.
    pub(super) fn content_block(
        &mut self,
        at: u64,
        stated: u32,
        into: &mut [u8],
    ) -> io::Result<(usize, u64)> {
        let (is_plain, stored_bytes) = (stated & 1 << 24 != 0, (stated & 0x00ff_ffff) as usize);
        if stored_bytes == 0 || stored_bytes > self.block_bytes || stated >> 25 != 0 {
            return Err(broken("a block of content states a wrong size"));
        }
        let count = self.unpack((at, stored_bytes, is_plain), into)?;
        Ok((count, stored_bytes as u64))
    }

    /// The block that holds the ends of several files.
    pub(super) fn fragment(&mut self, index: u32) -> io::Result<Arc<Block>> {
        if let Some(block) = self.kept_fragments.get(u64::from(index)) {
            return Ok(block);
        }
        if index >= self.fragments {
            return Err(broken("a fragment is not in the table of fragments"));
        }
        let entry = self.table_entry::<FRAGMENT_BYTES>(self.fragment_table, index)?;
        let mut bytes = vec![0; self.block_bytes];
        let (count, _) = self.content_block(le64(&entry, 0), le32(&entry, 8), &mut bytes)?;
        bytes.truncate(count);
        bytes.shrink_to_fit();
        let block = Arc::new(Block { bytes, next: 0 });
        self.kept_fragments.put(u64::from(index), &block);
        Ok(block)
    }

    /// Reads stored bytes, no more than one block, and decompresses them.
    fn unpack(
        &mut self,
        (at, stored_bytes, is_plain): (u64, usize, bool),
        into: &mut [u8],
    ) -> io::Result<usize> {
        let count = if is_plain {
            let into = into.get_mut(..stored_bytes);
            let into = into.ok_or_else(|| broken("a block is larger than it may be"))?;
            self.bytes.read_exact_at(into, at)?;
            stored_bytes
        } else {
            self.stored.resize(stored_bytes, 0);
            self.bytes.read_exact_at(&mut self.stored, at)?;
            self.decoder.decode(&self.stored, into)?
        };
        self.decoded_bytes = self.decoded_bytes.saturating_add(count as u64);
        Ok(count)
    }
}

/// The decoder of a file system that can be read, or what keeps it from being read.
fn supported(head: &[u8; SUPERBLOCK_BYTES], place: &str) -> Result<Decoder, SourceError> {
    let refuse = |what: &str, hint: &str| {
        Err(SourceError::Unrecognized {
            place: place.to_owned(),
            what: what.to_owned(),
            hint: Some(hint.to_owned()),
        })
    };
    let unpack = "unpack it: unsquashfs -d DIR FILE, then use rootfs:DIR";
    let is_old = head.starts_with(OLD_MAGIC);
    if !is_old && !head.starts_with(MAGIC) {
        return refuse("no squashfs file system", "name the file alone to see what it is");
    }
    let version = (le16(head, 28), le16(head, 30));
    if is_old || version != (4, 0) {
        let version = if is_old { (head[29], head[31]) } else { (head[28], head[30]) };
        let what = format!(
            "a squashfs file system of version {}.{}, of which only 4.0 is supported",
            version.0, version.1
        );
        return refuse(&what, unpack);
    }
    match Decoder::new(le16(head, 20)) {
        Ok(decoder) => Ok(decoder),
        Err(what) => refuse(what, unpack),
    }
}

fn outside() -> io::Error {
    broken("a reference leads out of the file system")
}
