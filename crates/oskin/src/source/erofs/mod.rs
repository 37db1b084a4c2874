//! EROFS, as the kernel documents it (`Documentation/filesystems/erofs.rst`, `fs/erofs/erofs_fs.h`):
//! plain, inline, in chunks, and compressed with LZ4.

mod lz4;
mod packed;

use super::fields::{le16, le32, le64};
use super::nodes::{self, MAX_DIRECTORY_BYTES, MAX_HOLE_BYTES, Names, Node, Nodes};
use super::read_at::{Cursor, ReadAt, Window};
use super::tree::{Attributes, Tree, TreeReader};
use super::{ImageSource, LayerRead, ReadOptions, SourceError, SourceSpec, archive, disk};
use crate::inventory::EntryKind;
use packed::Packed;
use std::cell::Cell;
use std::io::{self, Read};
use std::sync::Arc;

const SUPERBLOCK_AT: u64 = 1024;
const MAGIC: u32 = 0xe0f5_e1e2;

/// Features that change the layout and are understood (`feature_incompat`): padding in front, other
/// sizes of clusters, chunks, devices, tails and fragments, prefixes of attributes.
const KNOWN_FEATURES: u32 = 0x7f;

/// Finds the one image in an `erofs:`.
pub(super) fn open(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let place = archive::place_of(&spec.location);
    let disk = disk::open::disk(&spec.location, options)?;
    disk::check_is(&*disk.device, "EROFS", &place)?;
    Ok(vec![disk::image(spec, place.clone(), place, erofs_tree(disk.device), Vec::new())])
}

/// The file system on a device, read when it is asked for.
pub(super) fn erofs_tree(device: Arc<dyn ReadAt>) -> Arc<dyn Tree> {
    Arc::new(ErofsTree { device })
}

#[derive(Debug)]
struct ErofsTree {
    device: Arc<dyn ReadAt>,
}

impl Tree for ErofsTree {
    fn read(&self, place: &str, options: &ReadOptions<'_>) -> Result<LayerRead, SourceError> {
        let erofs = Erofs::open(Arc::clone(&self.device))
            .map_err(|error| SourceError::io(place, error))?
            .map_err(|features| SourceError::Unrecognized {
                place: place.to_owned(),
                what: format!(
                    "an EROFS file system with features not supported yet ({features:#x})"
                ),
                hint: Some("mount it read-only, then use rootfs:DIR".to_owned()),
            })?;
        let mut tree = TreeReader::new(place, options);
        nodes::walk(&erofs, options, &mut tree)?;
        Ok(tree.finish())
    }
}

/// An opened file system.
#[derive(Debug)]
pub(super) struct Erofs {
    device: Arc<dyn ReadAt>,
    block_bits: u32,
    inodes_at: u64,
    root: u64,
    // Holes may be as large as a file states, and files as many.
    holes_left: Cell<u64>,
}

/// How the content of a file is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Flat,
    /// The last piece stands behind the inode.
    Inline,
    /// Compressed, with an entry of eight bytes for each cluster or of fewer bits.
    Packed {
        is_compact: bool,
    },
    Chunks,
}

/// What an inode says.
#[derive(Debug)]
struct Inode {
    layout: Layout,
    node: Node,
    /// Block, or what the layout makes of it.
    value: u32,
    /// Where that begins which stands behind the inode and its attributes.
    behind: u64,
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn unsupported(what: &str) -> io::Error {
    io::Error::other(format!("{what}, which is not supported yet"))
}

impl Erofs {
    /// Reads the superblock; features that are not understood are the error inside.
    pub(super) fn open(device: Arc<dyn ReadAt>) -> io::Result<Result<Self, u32>> {
        let mut superblock = [0; 128];
        device.read_exact_at(&mut superblock, SUPERBLOCK_AT)?;
        if le32(&superblock, 0) != MAGIC {
            return Err(damaged("no superblock of an EROFS file system"));
        }
        let unknown = le32(&superblock, 80) & !KNOWN_FEATURES;
        if unknown != 0 {
            return Ok(Err(unknown));
        }
        let block_bits = u32::from(superblock[12]);
        if !(9..=16).contains(&block_bits) || superblock[90] != 0 {
            return Err(damaged("the superblock states a block size that there is not"));
        }
        Ok(Ok(Self {
            device,
            block_bits,
            inodes_at: u64::from(le32(&superblock, 40)) << block_bits,
            root: u64::from(le16(&superblock, 14)),
            holes_left: Cell::new(MAX_HOLE_BYTES),
        }))
    }

    fn block_bytes(&self) -> u64 {
        1 << self.block_bits
    }

    fn inode(&self, number: u64) -> io::Result<Inode> {
        let at = number.checked_mul(32).and_then(|at| at.checked_add(self.inodes_at));
        let at = at.ok_or_else(|| damaged("an inode that there is not is named"))?;
        let mut raw = [0; 64];
        self.device.read_exact_at(&mut raw[..32], at)?;
        let format = le16(&raw, 0);
        let is_long = format & 1 != 0;
        if is_long {
            self.device.read_exact_at(&mut raw, at)?;
        }
        let layout = match format >> 1 & 7 {
            0 => Layout::Flat,
            1 => Layout::Packed { is_compact: false },
            2 => Layout::Inline,
            3 => Layout::Packed { is_compact: true },
            4 => Layout::Chunks,
            _ => return Err(damaged("the layout of the content is not known")),
        };
        let mode = le16(&raw, 4);
        let kind =
            nodes::kind_of_mode(mode).ok_or_else(|| damaged("the inode is of no known kind"))?;
        let (size_bytes, names, uid, gid) = if is_long {
            (le64(&raw, 8), le32(&raw, 44), le32(&raw, 24), le32(&raw, 28))
        } else {
            let id = |at| u32::from(le16(&raw, at));
            (u64::from(le32(&raw, 8)), id(6), id(24), id(26))
        };
        let attributes = match u64::from(le16(&raw, 2)) {
            0 => 0,
            count => 12 + (count - 1) * 4,
        };
        Ok(Inode {
            layout,
            node: Node {
                kind,
                attributes: Attributes { mode: mode & 0o7777, uid, gid },
                size_bytes,
                inode: (names > 1).then_some(number),
                hole_bytes: 0,
            },
            value: le32(&raw, 16),
            behind: at.saturating_add(if is_long { 64 } else { 32 } + attributes),
        })
    }

    fn reader(&self, inode: &Inode) -> io::Result<Box<dyn Read + '_>> {
        let size_bytes = inode.node.size_bytes;
        let window = |start: u64, length| {
            Cursor::new(Arc::new(Window::new(Arc::clone(&self.device), start, length)))
        };
        let start = u64::from(inode.value) << self.block_bits;
        Ok(match inode.layout {
            Layout::Flat => Box::new(window(start, size_bytes)),
            Layout::Inline => {
                // The last block, which may be whole.
                let tail = size_bytes.saturating_sub(1) % self.block_bytes() + 1;
                let flat = size_bytes.saturating_sub(tail);
                Box::new(window(start, flat).chain(window(inode.behind, size_bytes - flat)))
            }
            Layout::Packed { is_compact } => {
                let place = (inode.behind, size_bytes, self.block_bits);
                Box::new(Packed::new(Arc::clone(&self.device), place, is_compact)?)
            }
            Layout::Chunks => Box::new(Chunks {
                erofs: self,
                // The low bits say how much larger than a block a chunk is.
                chunk_bits: self.block_bits + (inode.value & 0x1f),
                is_long: inode.value & 0x20 != 0,
                behind: inode.behind,
                size_bytes,
                position: 0,
            }),
        })
    }

    fn directory(&self, inode: &Inode) -> io::Result<Names> {
        let mut names = Names::default();
        let size_bytes = inode.node.size_bytes.min(MAX_DIRECTORY_BYTES);
        if size_bytes < inode.node.size_bytes {
            names.problem = Some("the directory is too large; the rest of it was left out".into());
        }
        let mut content = self.reader(inode)?;
        let mut left = size_bytes;
        let mut block = Vec::new();
        while left > 0 {
            let length = left.min(self.block_bytes());
            block.clear();
            if let Err(error) = content.by_ref().take(length).read_to_end(&mut block) {
                names.problem = Some(format!("a part of the directory cannot be read: {error}"));
                break;
            }
            if (block.len() as u64) < length || !take_names(&block, &mut names) {
                names.problem = Some("the directory is damaged; names may be missing".to_owned());
            }
            left -= length;
        }
        Ok(names)
    }
}

/// Takes the names of one block; false if it is damaged. The place of the first name tells how many
/// entries stand before it.
fn take_names(block: &[u8], names: &mut Names) -> bool {
    let place = |index: usize| usize::from(le16(block, index * 12 + 8));
    let count = place(0) / 12;
    if count == 0 || count * 12 > block.len() {
        return false;
    }
    for index in 0..count {
        let end = if index + 1 < count { place(index + 1) } else { block.len() };
        let Some(name) = block.get(place(index)..end) else { return false };
        // Behind the last name there may be zeros.
        let length = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        names.push(&name[..length], le64(block, index * 12));
    }
    true
}

impl Nodes for Erofs {
    fn root(&self) -> u64 {
        self.root
    }

    fn node(&self, number: u64) -> io::Result<Node> {
        Ok(self.inode(number)?.node)
    }

    fn names(&self, number: u64) -> io::Result<Names> {
        let inode = self.inode(number)?;
        if inode.node.kind == EntryKind::Directory {
            self.directory(&inode)
        } else {
            Err(damaged("it is no directory"))
        }
    }

    fn content(&self, number: u64) -> io::Result<Box<dyn Read + '_>> {
        let inode = self.inode(number)?;
        self.reader(&inode)
    }
}

/// Reads a file that lies in chunks of one size.
struct Chunks<'e> {
    erofs: &'e Erofs,
    chunk_bits: u32,
    /// Whether an entry has eight bytes and not four.
    is_long: bool,
    behind: u64,
    size_bytes: u64,
    position: u64,
}

impl Chunks<'_> {
    /// Where the chunk at the position lies; `None` is a hole.
    fn chunk(&self) -> io::Result<Option<u64>> {
        let index = self.position >> self.chunk_bits;
        let unit = if self.is_long { 8 } else { 4 };
        let mut entry = [0; 8];
        let entry = &mut entry[..if self.is_long { 8 } else { 4 }];
        let at = self.behind.next_multiple_of(unit).saturating_add(index.saturating_mul(unit));
        self.erofs.device.read_exact_at(entry, at)?;
        if self.is_long && le16(entry, 2) != 0 {
            return Err(unsupported("it lies on another device"));
        }
        let block = le32(entry, if self.is_long { 4 } else { 0 });
        Ok((block != u32::MAX).then(|| u64::from(block) << self.erofs.block_bits))
    }
}

impl Read for Chunks<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.size_bytes.saturating_sub(self.position);
        let chunk_bytes = 1_u64 << self.chunk_bits.min(63);
        let within = self.position % chunk_bytes;
        let most = left.min(chunk_bytes - within).min(into.len() as u64);
        let most = usize::try_from(most).unwrap_or(0);
        if most == 0 {
            return Ok(0);
        }
        let into = &mut into[..most];
        if let Some(start) = self.chunk()? {
            self.erofs.device.read_exact_at(into, start.saturating_add(within))?;
        } else {
            let holes = self.erofs.holes_left.get().checked_sub(most as u64);
            self.erofs.holes_left.set(holes.ok_or_else(|| damaged("its holes are too large"))?);
            into.fill(0);
        }
        self.position += most as u64;
        Ok(most)
    }
}
