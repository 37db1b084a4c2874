//! Compressed files of EROFS: an index of logical clusters tells where runs of content begin, and
//! in which blocks they lie compressed.

use super::{damaged, lz4, unsupported};
use crate::source::fields::{le16, le32};
use crate::source::read_at::ReadAt;
use std::io::{self, Read};
use std::sync::Arc;

/// The largest run, compressed and not (`Z_EROFS_PCLUSTER_MAX_SIZE` and `..._DSIZE`).
const MAX_STORED_BYTES: u64 = 1024 * 1024;
const MAX_RUN_BYTES: u64 = 12 * 1024 * 1024;

/// Bits of the map header (`h_advise`).
const COMPACT_TWO: u16 = 0x1;
const LARGE: [u16; 2] = [0x2, 0x4];
const INLINE_TAIL: u16 = 0x8;
const INTERLACED: u16 = 0x10;
const FRAGMENT: u16 = 0x20;

/// In an entry that begins no run: the number that it holds is that of the compressed blocks.
const IS_BLOCK_COUNT: u32 = 1 << 11;

/// What one logical cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cluster {
    /// A run begins in it.
    Head {
        form: Form,
        /// Where in the cluster.
        within: u64,
        block: u64,
    },
    /// It belongs to the run before; perhaps with the number of blocks of that.
    Inner { blocks: Option<u64> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    /// Compressed in the first or the second way of the file.
    Packed(usize),
}

impl Form {
    /// By the two bits of an entry; `None` begins no run.
    fn of(bits: u32) -> Option<Self> {
        match bits & 3 {
            0 => Some(Self::Plain),
            1 => Some(Self::Packed(0)),
            3 => Some(Self::Packed(1)),
            _ => None,
        }
    }
}

/// Reads a compressed file.
pub(super) struct Packed {
    device: Arc<dyn ReadAt>,
    block_bits: u32,
    cluster_bits: u32,
    is_compact: bool,
    advice: u16,
    algorithms: u8,
    tail_bytes: u64,
    // Where the index begins.
    index_at: u64,
    size_bytes: u64,
    clusters: u64,
    // The run that begins next, and the cluster that it begins in.
    next: u64,
    position: u64,
    content: Vec<u8>,
    given: usize,
}

impl Packed {
    pub(super) fn new(
        device: Arc<dyn ReadAt>,
        (behind, size_bytes, block_bits): (u64, u64, u32),
        is_compact: bool,
    ) -> io::Result<Self> {
        let header_at = behind.next_multiple_of(8);
        let mut header = [0; 8];
        device.read_exact_at(&mut header, header_at)?;
        let advice = le16(&header, 4);
        if header[7] & 0x80 != 0 || advice & FRAGMENT != 0 {
            return Err(unsupported("a part of it lies in a file for all (fragments)"));
        }
        let cluster_bits = block_bits + u32::from(header[7] & 0xf);
        if cluster_bits > 16 || is_compact && cluster_bits > 14 {
            return Err(unsupported("its clusters are of an unusual size"));
        }
        Ok(Self {
            device,
            block_bits,
            cluster_bits,
            is_compact,
            advice,
            algorithms: header[6],
            tail_bytes: u64::from(le16(&header, 2)),
            // The index of whole entries has a gap of eight bytes before.
            index_at: header_at + if is_compact { 8 } else { 16 },
            size_bytes,
            clusters: size_bytes.div_ceil(1 << cluster_bits),
            next: 0,
            position: 0,
            content: Vec::new(),
            given: 0,
        })
    }

    fn is_large(&self, form: Form) -> bool {
        match form {
            Form::Plain => self.advice & (LARGE[0] | LARGE[1]) != 0,
            Form::Packed(which) => self.advice & LARGE[which] != 0,
        }
    }

    /// What a cluster is, and where the index goes on behind what tells it.
    fn cluster(&self, number: u64) -> io::Result<(Cluster, u64)> {
        if self.is_compact { self.compact(number) } else { self.whole(number) }
    }

    fn whole(&self, number: u64) -> io::Result<(Cluster, u64)> {
        let at = self.index_at + number * 8;
        let mut entry = [0; 8];
        self.device.read_exact_at(&mut entry, at)?;
        let cluster = match Form::of(u32::from(le16(&entry, 0))) {
            Some(form) => Cluster::Head {
                form,
                within: u64::from(le16(&entry, 2)),
                block: u64::from(le32(&entry, 4)),
            },
            None => Cluster::Inner { blocks: block_count(u32::from(le16(&entry, 4))) },
        };
        Ok((cluster, at + 8))
    }

    /// Entries of few bits in packs: two in eight bytes, or sixteen in 32, each with the address of
    /// a block at the end, from which those of all runs of the pack are counted.
    fn compact(&self, number: u64) -> io::Result<(Cluster, u64)> {
        // The first entries are of four bytes, up to where packs of 32 bytes are aligned.
        let first = (32 - self.index_at % 32) / 4 % 8;
        let small = if self.advice & COMPACT_TWO != 0 && first < self.clusters {
            (self.clusters - first) / 16 * 16
        } else {
            0
        };
        let (at, shift) = if number < first {
            (self.index_at + number * 4, 2)
        } else if number < first + small {
            (self.index_at + first * 4 + (number - first) * 2, 1)
        } else {
            (self.index_at + first * 4 + small * 2 + (number - first - small) * 4, 2)
        };
        let count: u64 = if shift == 2 { 2 } else { 16 };
        if shift == 1 && self.cluster_bits > 12 {
            return Err(damaged("the index of the compressed file is damaged"));
        }
        let pack_bytes = count << shift;
        let pack_at = at - at % pack_bytes;
        // Some more bytes, so that 32 bits can be taken anywhere.
        let mut pack = [0; 36];
        let bytes = if shift == 2 { 8 } else { 32 };
        self.device.read_exact_at(&mut pack[..bytes], pack_at)?;
        let pack = Pack {
            entry_bits: if shift == 2 { 16 } else { 14 },
            low_bits: self.cluster_bits.max(12),
            first_block: le32(&pack, bytes - 4),
            bytes: pack,
        };
        let index = usize::try_from((at - pack_at) >> shift).unwrap_or(0);
        let (low, form) = pack.entry(index);
        let cluster = match form {
            Some(form) => {
                let is_large = self.advice & LARGE[0] != 0;
                let within = u64::from(low);
                Cluster::Head { form, within, block: pack.block(index, is_large)? }
            }
            None => Cluster::Inner { blocks: block_count(low) },
        };
        Ok((cluster, pack_at + pack_bytes))
    }

    /// Decompresses the next run.
    fn run(&mut self) -> io::Result<()> {
        let (head, _) = self.cluster(self.next)?;
        let Cluster::Head { form, within, block } = head else {
            return Err(damaged("a run of the compressed file has no beginning"));
        };
        if (self.next << self.cluster_bits) + within != self.position {
            return Err(damaged("a run of the compressed file begins elsewhere"));
        }
        let cluster_bytes = 1 << self.cluster_bits;
        let mut stored_bytes = cluster_bytes;
        let mut at = self.next + 1;
        let mut end = self.size_bytes;
        while at < self.clusters {
            match self.cluster(at)?.0 {
                Cluster::Head { within, .. } => {
                    let start = (at << self.cluster_bits).saturating_add(within);
                    if start < end {
                        end = start;
                        break;
                    }
                    // A last entry that begins where the file ends marks the end.
                }
                Cluster::Inner { blocks: Some(blocks) }
                    if at == self.next + 1 && self.is_large(form) =>
                {
                    stored_bytes = blocks << self.block_bits;
                }
                Cluster::Inner { .. } => {}
            }
            at += 1;
            if (at - self.next) << self.cluster_bits > MAX_RUN_BYTES + cluster_bytes {
                return Err(damaged("a run of the compressed file is too long"));
            }
        }
        let length = end.checked_sub(self.position).filter(|length| *length <= MAX_RUN_BYTES);
        let length = length.ok_or_else(|| damaged("a run of the compressed file is too long"))?;
        let is_tail = at >= self.clusters && self.advice & INLINE_TAIL != 0;
        let (place, stored_bytes) = if is_tail {
            (self.cluster(self.clusters.saturating_sub(1))?.1, self.tail_bytes)
        } else {
            (block << self.block_bits, stored_bytes)
        };
        if stored_bytes > MAX_STORED_BYTES {
            return Err(damaged("a run of the compressed file is stored in too many blocks"));
        }
        let mut stored = vec![0; usize::try_from(stored_bytes).unwrap_or(0)];
        self.device.read_exact_at(&mut stored, place)?;
        let length = usize::try_from(length).unwrap_or(0);
        self.content = self.unpack(form, &stored, length)?;
        self.given = 0;
        self.next = at;
        Ok(())
    }

    fn unpack(&self, form: Form, stored: &[u8], length: usize) -> io::Result<Vec<u8>> {
        match form {
            Form::Plain => {
                if self.advice & INTERLACED != 0 {
                    return Err(unsupported("a part of it is stored interlaced"));
                }
                let content = stored.get(..length);
                let short = || damaged("a run of the compressed file is too short");
                Ok(content.ok_or_else(short)?.to_vec())
            }
            Form::Packed(which) => match self.algorithms >> (4 * which) & 0xf {
                0 => {
                    // Zeros stand before, so that the data ends with its blocks.
                    let start = stored.iter().position(|&byte| byte != 0).unwrap_or(0);
                    lz4::decompress(&stored[start..], length)
                }
                1 => Err(unsupported("it is compressed with LZMA")),
                2 => Err(unsupported("it is compressed with DEFLATE")),
                3 => Err(unsupported("it is compressed with Zstandard")),
                _ => Err(unsupported("it is compressed in an unknown way")),
            },
        }
    }
}

fn block_count(low: u32) -> Option<u64> {
    (low & IS_BLOCK_COUNT != 0).then(|| u64::from(low & (IS_BLOCK_COUNT - 1)))
}

/// Entries that share the address of a block.
struct Pack {
    bytes: [u8; 36],
    entry_bits: usize,
    low_bits: u32,
    first_block: u32,
}

impl Pack {
    /// The number in an entry, and what begins there.
    fn entry(&self, index: usize) -> (u32, Option<Form>) {
        let bit = index * self.entry_bits;
        let bits = le32(&self.bytes, bit / 8) >> (bit % 8);
        (bits & ((1 << self.low_bits) - 1), Form::of(bits >> self.low_bits))
    }

    /// The first block of the run that begins in an entry: behind the blocks of all runs of the
    /// pack that begin before.
    fn block(&self, index: usize, is_large: bool) -> io::Result<u64> {
        let mut blocks: u32 = u32::from(!is_large);
        let mut at = index;
        while at > 0 {
            at -= 1;
            let (low, form) = self.entry(at);
            if form.is_some() {
                blocks += 1;
            } else if !is_large {
                // So many entries before it the run begins.
                match at.checked_sub(low as usize) {
                    Some(head) => {
                        at = head;
                        blocks += 1;
                    }
                    None => break,
                }
            } else if low & IS_BLOCK_COUNT != 0 {
                at = at.saturating_sub(1);
                blocks += low & (IS_BLOCK_COUNT - 1);
            } else if low > 1 {
                at = at.saturating_sub(low as usize - 2);
            } else {
                return Err(damaged("the index of the compressed file is damaged"));
            }
        }
        Ok(u64::from(self.first_block) + u64::from(blocks))
    }
}

impl Read for Packed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.content.len() {
            if self.position >= self.size_bytes {
                return Ok(0);
            }
            self.run()?;
            if self.content.is_empty() {
                return Err(damaged("a run of the compressed file is empty"));
            }
        }
        let count = into.len().min(self.content.len() - self.given);
        into[..count].copy_from_slice(&self.content[self.given..self.given + count]);
        self.given += count;
        self.position += count as u64;
        Ok(count)
    }
}
