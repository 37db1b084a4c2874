//! The file systems ext2, ext3 and ext4, as the kernel documents them (Documentation/filesystems/ext4).
//!
//! Written by hand since the crates there are take sizes as stated, know no inline data and tell no
//! inode numbers, so that hard links could not be told.

use super::ext_map::{self, Pieces};
use crate::source::fields::{le16, le32};
use crate::source::nodes::{self, MAX_DIRECTORY_BYTES, Names, Node, Nodes};
use crate::source::read_at::ReadAt;
use crate::source::tree::{Attributes, Tree, TreeReader};
use crate::source::{LayerRead, ReadOptions, SourceError};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;

/// The file system on a device, read when it is asked for.
pub(in crate::source) fn ext_tree(device: Arc<dyn ReadAt>) -> Arc<dyn Tree> {
    Arc::new(ExtTree { device })
}

#[derive(Debug)]
struct ExtTree {
    device: Arc<dyn ReadAt>,
}

impl Tree for ExtTree {
    fn read(&self, place: &str, options: &ReadOptions<'_>) -> Result<LayerRead, SourceError> {
        let ext = Ext::open(Arc::clone(&self.device)).map_err(|problem| problem.at(place))?;
        let mut tree = TreeReader::new(place, options);
        if let Some(what) = &ext.warning {
            tree.warn(None, what.clone());
        }
        nodes::walk(&ext, options, &mut tree)?;
        Ok(tree.finish())
    }
}

/// Why a file system cannot be read.
#[derive(Debug)]
pub(super) enum Problem {
    Io(io::Error),
    /// What it has that is not understood.
    Unsupported(String),
}

impl Problem {
    fn at(self, place: &str) -> SourceError {
        match self {
            Self::Io(error) => SourceError::io(place, error),
            Self::Unsupported(what) => SourceError::Unrecognized {
                place: place.to_owned(),
                what,
                hint: Some("mount it read-only, then use rootfs:DIR".to_owned()),
            },
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Where the superblock lies, and how much of it is looked at.
const SUPERBLOCK_AT: u64 = 1024;
const SUPERBLOCK_BYTES: usize = 1024;

/// Features that change the layout (`s_feature_incompat`).
mod incompatible {
    pub(super) const COMPRESSION: u32 = 0x1;
    pub(super) const RECOVER: u32 = 0x4;
    pub(super) const JOURNAL_DEVICE: u32 = 0x8;
    pub(super) const META_GROUPS: u32 = 0x10;
    pub(super) const WIDE: u32 = 0x80;
    pub(super) const LARGE_DIRECTORIES: u32 = 0x4000;
    /// All that are understood, or make no difference to a reader.
    pub(super) const KNOWN: u32 = 0x3f7df & !COMPRESSION & !JOURNAL_DEVICE;
}

/// Flags of inodes (`i_flags`).
pub(super) mod flags {
    pub(crate) const COMPRESSED: u32 = 0x4;
    pub(crate) const ENCRYPTED: u32 = 0x800;
    pub(crate) const EXTENTS: u32 = 0x8_0000;
    pub(crate) const INLINE: u32 = 0x1000_0000;
}

/// How much of the blocks that hold structure is kept.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// The number of the root directory.
const ROOT: u64 = 2;

/// An opened file system.
#[derive(Debug)]
pub(super) struct Ext {
    device: Arc<dyn ReadAt>,
    pub(super) block_bytes: u64,
    block_count: u64,
    first_data_block: u64,
    blocks_per_group: u64,
    inodes_per_group: u64,
    inode_count: u64,
    inode_bytes: u64,
    descriptor_bytes: u64,
    incompatible: u32,
    sparse_super: Sparse,
    first_meta_group: u64,
    warning: Option<String>,
    cache: RefCell<BTreeMap<u64, Rc<Vec<u8>>>>,
    // Content that may still be read. Blocks belong to one file each, so that there is no more of it
    // than the device has room for, unless damage says so.
    content_left: Cell<u64>,
}

/// Which groups hold a copy of the superblock.
#[derive(Clone, Copy, Debug)]
enum Sparse {
    All,
    Powers,
    Two([u32; 2]),
}

/// The part of an inode that is needed to read it.
#[derive(Debug)]
pub(super) struct Inode {
    pub(super) flags: u32,
    pub(super) size_bytes: u64,
    /// All bytes of it.
    pub(super) raw: Vec<u8>,
    node: Node,
}

pub(super) fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Ext {
    pub(super) fn open(device: Arc<dyn ReadAt>) -> Result<Self, Problem> {
        let mut superblock = [0; SUPERBLOCK_BYTES];
        device.read_exact_at(&mut superblock, SUPERBLOCK_AT)?;
        let field = |at| le32(&superblock, at);
        if le16(&superblock, 56) != 0xef53 {
            return Err(Problem::Io(damaged("no superblock of an ext file system")));
        }
        let is_first_revision = field(76) == 0;
        let (compatible, incompatible, read_only) =
            if is_first_revision { (0, 0, 0) } else { (field(92), field(96), field(100)) };
        refuse(incompatible)?;
        let is_wide = incompatible & incompatible::WIDE != 0;
        let high = |value: u32| if is_wide { u64::from(value) << 32 } else { 0 };
        let sparse_super = if compatible & 0x200 != 0 {
            Sparse::Two([field(0x24c), field(0x250)])
        } else if read_only & 1 != 0 {
            Sparse::Powers
        } else {
            Sparse::All
        };
        let inode_bytes = if is_first_revision { 128 } else { le16(&superblock, 88) };
        let descriptor_bytes = if is_wide { le16(&superblock, 254) } else { 32 };
        let ext = Self {
            block_bytes: 1024_u64.checked_shl(field(24)).unwrap_or(0),
            block_count: u64::from(field(4)) | high(field(0x150)),
            first_data_block: u64::from(field(20)),
            blocks_per_group: u64::from(field(32)),
            inodes_per_group: u64::from(field(40)),
            inode_count: u64::from(field(0)),
            inode_bytes: u64::from(inode_bytes),
            descriptor_bytes: u64::from(descriptor_bytes),
            incompatible,
            sparse_super,
            first_meta_group: u64::from(field(260)),
            warning: (incompatible & incompatible::RECOVER != 0).then(|| {
                "it was not unmounted cleanly and its journal was not replayed: what was changed last may be missing".to_owned()
            }),
            cache: RefCell::default(),
            content_left: Cell::new(device.size_bytes()),
            device,
        };
        ext.check().map_err(damaged)?;
        Ok(ext)
    }

    /// Whether the numbers of the superblock can be counted with.
    fn check(&self) -> Result<(), &'static str> {
        if !(1024..=65536).contains(&self.block_bytes) {
            return Err("the superblock states a block size that there is not");
        }
        if self.blocks_per_group == 0 || self.inodes_per_group == 0 {
            return Err("the superblock states empty block groups");
        }
        if !self.inode_bytes.is_power_of_two()
            || !(128..=self.block_bytes).contains(&self.inode_bytes)
        {
            return Err("the superblock states an inode size that there is not");
        }
        if !self.descriptor_bytes.is_power_of_two()
            || !(32..=self.block_bytes).contains(&self.descriptor_bytes)
        {
            return Err("the superblock states a size of group descriptors that there is not");
        }
        Ok(())
    }

    /// A block that holds structure.
    pub(super) fn block(&self, number: u64) -> io::Result<Rc<Vec<u8>>> {
        if number == 0 || number >= self.block_count {
            return Err(damaged("a block outside of the file system is named"));
        }
        if let Some(block) = self.cache.borrow().get(&number) {
            return Ok(Rc::clone(block));
        }
        // At most 64 KiB, as `check` sees to.
        let mut block = vec![0; usize::try_from(self.block_bytes).unwrap_or(0)];
        self.device.read_exact_at(&mut block, number.saturating_mul(self.block_bytes))?;
        let block = Rc::new(block);
        let mut cache = self.cache.borrow_mut();
        if (cache.len() + 1) * block.len() > CACHE_BYTES {
            cache.clear();
        }
        cache.insert(number, Rc::clone(&block));
        Ok(block)
    }

    /// Content, which is not kept; counted, see `content_left`.
    pub(super) fn read_content(&self, into: &mut [u8], block: u64, within: u64) -> io::Result<()> {
        if block == 0 || block >= self.block_count {
            return Err(damaged("a block outside of the file system is named"));
        }
        let left = self.content_left.get().checked_sub(into.len() as u64);
        self.content_left.set(
            left.ok_or_else(|| damaged("more content is named than the file system has room for"))?,
        );
        let at = block.saturating_mul(self.block_bytes).saturating_add(within);
        self.device.read_exact_at(into, at)
    }

    fn has_superblock(&self, group: u64) -> bool {
        let is_power = |base: u64| {
            let mut power = base;
            while power < group {
                power *= base;
            }
            power == group
        };
        match self.sparse_super {
            Sparse::All => true,
            Sparse::Powers => group <= 1 || is_power(3) || is_power(5) || is_power(7),
            Sparse::Two(groups) => group == 0 || groups.iter().any(|&it| u64::from(it) == group),
        }
    }

    /// The first block of the table of inodes of a group.
    fn inode_table(&self, group: u64) -> io::Result<u64> {
        let per_block = self.block_bytes / self.descriptor_bytes;
        let (at, within) = (group / per_block, group % per_block * self.descriptor_bytes);
        let is_meta =
            self.incompatible & incompatible::META_GROUPS != 0 && at >= self.first_meta_group;
        let block = if is_meta {
            let first = at * per_block;
            first * self.blocks_per_group
                + self.first_data_block
                + u64::from(self.has_superblock(first))
        } else {
            self.first_data_block + 1 + at
        };
        let block = self.block(block)?;
        let within = usize::try_from(within).unwrap_or(usize::MAX);
        let high =
            if self.descriptor_bytes >= 64 { le32(&block, within.saturating_add(40)) } else { 0 };
        Ok(u64::from(le32(&block, within.saturating_add(8))) | u64::from(high) << 32)
    }

    pub(super) fn inode(&self, number: u64) -> io::Result<Inode> {
        if number == 0 || number > self.inode_count {
            return Err(damaged("an inode that there is not is named"));
        }
        let table = self.inode_table((number - 1) / self.inodes_per_group)?;
        let offset = (number - 1) % self.inodes_per_group * self.inode_bytes;
        let block = self.block(table.saturating_add(offset / self.block_bytes))?;
        let within = usize::try_from(offset % self.block_bytes).unwrap_or(usize::MAX);
        let length = usize::try_from(self.inode_bytes).unwrap_or(0);
        let raw = block.get(within..within.saturating_add(length)).unwrap_or_default().to_vec();
        let mode = le16(&raw, 0);
        let kind = nodes::kind_of_mode(mode)
            .ok_or_else(|| damaged("the inode is not in use or of no known kind"))?;
        let has_high_size = kind == crate::inventory::EntryKind::File
            || self.incompatible & incompatible::LARGE_DIRECTORIES != 0;
        let high = if has_high_size { le32(&raw, 108) } else { 0 };
        let size_bytes = u64::from(le32(&raw, 4)) | u64::from(high) << 32;
        let flags = le32(&raw, 32);
        let id = |low, high| u32::from(le16(&raw, low)) | u32::from(le16(&raw, high)) << 16;
        let node = Node {
            kind,
            attributes: Attributes { mode: mode & 0o7777, uid: id(2, 120), gid: id(24, 122) },
            size_bytes,
            inode: (le16(&raw, 26) > 1).then_some(number),
            hole_bytes: if flags & flags::INLINE != 0 {
                0
            } else {
                size_bytes.saturating_sub(self.allocated_bytes(&raw, flags))
            },
        };
        Ok(Inode { flags, size_bytes, raw, node })
    }

    /// How many bytes an inode says that it occupies.
    fn allocated_bytes(&self, raw: &[u8], flags: u32) -> u64 {
        let blocks = u64::from(le32(raw, 28)) | u64::from(le16(raw, 116)) << 32;
        // Huge files count in blocks and not in sectors.
        blocks.saturating_mul(if flags & 0x4_0000 == 0 { 512 } else { self.block_bytes })
    }

    /// Reads the content of an inode from its beginning.
    fn reader(&self, inode: Inode) -> io::Result<Box<dyn Read + '_>> {
        if inode.flags & flags::ENCRYPTED != 0 {
            return Err(io::Error::other("it is encrypted"));
        }
        if inode.flags & flags::COMPRESSED != 0 {
            return Err(io::Error::other("it is compressed by e2compr, which is not supported"));
        }
        let is_short_link = inode.node.kind == crate::inventory::EntryKind::Symlink
            && inode.size_bytes < 60
            && inode.flags & (flags::EXTENTS | flags::INLINE) == 0;
        let content = if is_short_link {
            Some(inode.raw.get(40..100).unwrap_or_default().to_vec())
        } else if inode.flags & flags::INLINE != 0 {
            Some(ext_map::inline(&inode).concat())
        } else {
            None
        };
        Ok(match content {
            Some(content) => {
                let length = inode.size_bytes.min(content.len() as u64);
                Box::new(io::Cursor::new(content).take(length))
            }
            None => Box::new(Pieces::new(self, inode)),
        })
    }

    fn directory(&self, inode: Inode) -> Names {
        let mut names = Names::default();
        if inode.flags & flags::ENCRYPTED != 0 {
            names.problem =
                Some("the directory is encrypted; what is in it was left out".to_owned());
            return names;
        }
        if inode.flags & flags::INLINE != 0 {
            let [first, rest] = ext_map::inline(&inode);
            // The number of the directory above comes first.
            let whole = take_names(first.get(4..).unwrap_or_default(), &mut names)
                && take_names(rest, &mut names);
            if !whole {
                names.problem = Some(BROKEN_NAMES.to_owned());
            }
            return names;
        }
        let mut left = inode.size_bytes.min(MAX_DIRECTORY_BYTES);
        if left < inode.size_bytes {
            names.problem = Some("the directory is too large; the rest of it was left out".into());
        }
        let mut pieces = Pieces::new(self, inode);
        let mut block = vec![0; usize::try_from(self.block_bytes).unwrap_or(0)];
        while left >= self.block_bytes {
            left -= self.block_bytes;
            if let Err(error) = pieces.read_exact(&mut block) {
                names.problem = Some(format!("a part of the directory cannot be read: {error}"));
                return names;
            }
            if !take_names(&block, &mut names) {
                names.problem = Some(BROKEN_NAMES.to_owned());
            }
        }
        names
    }
}

const BROKEN_NAMES: &str = "the directory is damaged; names may be missing";

/// Refuses what is not understood.
fn refuse(incompatible: u32) -> Result<(), Problem> {
    if incompatible & incompatible::JOURNAL_DEVICE != 0 {
        let what = "the journal of another ext file system, which holds no files".to_owned();
        return Err(Problem::Unsupported(what));
    }
    if incompatible & incompatible::COMPRESSION != 0 {
        let what = "an ext2 file system with compression (e2compr), not supported".to_owned();
        return Err(Problem::Unsupported(what));
    }
    let unknown = incompatible & !incompatible::KNOWN;
    if unknown != 0 {
        let what = format!("an ext4 file system with features not supported yet ({unknown:#x})");
        return Err(Problem::Unsupported(what));
    }
    Ok(())
}

/// Takes the names of one block of a directory; false if it is damaged.
///
/// Inner nodes of a hashed directory look like one unused name that fills the block.
fn take_names(block: &[u8], names: &mut Names) -> bool {
    let mut rest = block;
    while rest.len() >= 8 {
        let length = match le16(rest, 4) {
            // What does not fit into 16 bits.
            0 | 0xffff if block.len() == 65536 => rest.len(),
            length => usize::from(length),
        };
        let name_bytes = usize::from(rest[6]);
        if length < 8 || length > rest.len() || 8 + name_bytes > length {
            return false;
        }
        let number = le32(rest, 0);
        if number != 0 {
            names.push(&rest[8..8 + name_bytes], u64::from(number));
        }
        rest = &rest[length..];
    }
    true
}

impl Nodes for Ext {
    fn root(&self) -> u64 {
        ROOT
    }

    fn node(&self, number: u64) -> io::Result<Node> {
        Ok(self.inode(number)?.node)
    }

    fn names(&self, number: u64) -> io::Result<Names> {
        let inode = self.inode(number)?;
        if inode.node.kind.is_directory() {
            Ok(self.directory(inode))
        } else {
            Err(damaged("it is no directory"))
        }
    }

    fn content(&self, number: u64) -> io::Result<Box<dyn Read + '_>> {
        self.reader(self.inode(number)?)
    }
}
