//! Where the content of a file of ext2, ext3 or ext4 lies: extents, block maps, inline data.

use super::ext::{Ext, Inode, damaged, flags};
use crate::source::fields::{le16, le32};
use crate::source::nodes::MAX_HOLE_BYTES;
use std::io::{self, Read};

/// The place of the map inside an inode.
const MAP_AT: usize = 40;
const MAP_BYTES: usize = 60;

/// Adjacent blocks of a file that lie adjacent on the device, or a hole.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// `None` is a hole.
    start: Option<u64>,
    /// At least 1.
    blocks: u64,
}

/// Both parts of inline data: in the place of the map, and in the attribute `system.data`.
pub(super) fn inline(inode: &Inode) -> [&[u8]; 2] {
    let first = inode.raw.get(MAP_AT..MAP_AT + MAP_BYTES).unwrap_or_default();
    [first, inline_rest(&inode.raw).unwrap_or_default()]
}

fn inline_rest(raw: &[u8]) -> Option<&[u8]> {
    let attributes = raw.get(128 + usize::from(le16(raw, 128))..)?;
    if le32(attributes, 0) != 0xea02_0000 {
        return None;
    }
    let attributes = &attributes[4..];
    let mut at = 0;
    // An entry takes 16 bytes and its name; four zeros end them.
    while let Some(entry) = attributes.get(at..).filter(|rest| le32(rest, 0) != 0) {
        let name_bytes = usize::from(*entry.first()?);
        if entry.get(1) == Some(&7) && entry.get(16..16 + name_bytes)? == b"data" {
            let from = usize::from(le16(entry, 2));
            let length = usize::try_from(le32(entry, 8)).ok()?;
            return attributes.get(from..from.checked_add(length)?);
        }
        at += (16 + name_bytes).next_multiple_of(4);
    }
    None
}

/// Reads the content of a file, holes as zeros.
pub(super) struct Pieces<'e> {
    ext: &'e Ext,
    inode: Inode,
    position: u64,
    // What lies at the position, and where in it that is.
    run: Option<(Run, u64)>,
    holes_left: u64,
}

impl<'e> Pieces<'e> {
    pub(super) fn new(ext: &'e Ext, inode: Inode) -> Self {
        Self { ext, inode, position: 0, run: None, holes_left: MAX_HOLE_BYTES }
    }

    fn run_at(&self, block: u64) -> io::Result<Run> {
        if self.inode.flags & flags::EXTENTS != 0 { self.extent(block) } else { self.mapped(block) }
    }

    /// Looks a block up in the tree of extents.
    fn extent(&self, block: u64) -> io::Result<Run> {
        let mut node = self.inode.raw.get(MAP_AT..MAP_AT + MAP_BYTES).unwrap_or_default().to_vec();
        let mut depth = le16(&node, 6);
        // Where the next extent begins, as far as it is known.
        let mut next = u64::MAX;
        if depth > 5 {
            return Err(damaged("the tree of extents is too deep"));
        }
        loop {
            let count = usize::from(le16(&node, 2));
            if le16(&node, 0) != 0xf30a || le16(&node, 6) != depth || (count + 1) * 12 > node.len()
            {
                return Err(damaged("the tree of extents is damaged"));
            }
            let first = |at: usize| u64::from(le32(&node, at * 12));
            // The last that does not begin behind the block; they are sorted.
            let (mut low, mut high) = (0, count);
            while low < high {
                let middle = (low + high).div_ceil(2);
                if first(middle) <= block { low = middle } else { high = middle - 1 }
            }
            if low < count {
                next = next.min(first(low + 1));
            }
            let hole = Run { start: None, blocks: next.saturating_sub(block).max(1) };
            if low == 0 {
                return Ok(hole);
            }
            let entry = &node[low * 12..low * 12 + 12];
            if depth == 0 {
                let length = u64::from(le16(entry, 4));
                let start = u64::from(le16(entry, 6)) << 32 | u64::from(le32(entry, 8));
                // Longer ones are allocated and not written: zeros.
                let (length, written) =
                    if length > 32768 { (length - 32768, false) } else { (length, true) };
                let within = block - first(low);
                return Ok(if within >= length {
                    hole
                } else {
                    let start = written.then_some(start + within);
                    Run { start, blocks: length - within }
                });
            }
            let child = u64::from(le16(entry, 8)) << 32 | u64::from(le32(entry, 4));
            depth -= 1;
            node = self.ext.block(child)?.to_vec();
        }
    }

    /// Looks a block up in the map of ext2: twelve direct blocks, then one, two and three levels.
    fn mapped(&self, block: u64) -> io::Result<Run> {
        let map = self.inode.raw.get(MAP_AT..MAP_AT + MAP_BYTES).unwrap_or_default();
        if let Ok(at) = usize::try_from(block)
            && at < 12
        {
            return Ok(run_in(map, at, 12));
        }
        let per_block = self.ext.block_bytes / 4;
        let mut index = block - 12;
        let mut span = 1;
        for level in 1..=3 {
            // How many blocks one entry of the first table of this level stands for.
            if index < span * per_block {
                return self.indirect(le32(map, (11 + level) * 4), index, span);
            }
            span *= per_block;
            index -= span;
        }
        Err(damaged("a block behind the largest file is asked for"))
    }

    fn indirect(&self, table: u32, mut index: u64, mut span: u64) -> io::Result<Run> {
        let per_block = self.ext.block_bytes / 4;
        let mut table = u64::from(table);
        loop {
            if table == 0 {
                return Ok(Run { start: None, blocks: span * per_block - index });
            }
            let block = self.ext.block(table)?;
            let at = usize::try_from(index / span).unwrap_or(usize::MAX);
            if span == 1 {
                return Ok(run_in(&block, at, block.len() / 4));
            }
            table = u64::from(le32(&block, at.saturating_mul(4)));
            index %= span;
            span /= per_block;
        }
    }
}

/// The run that begins at one of the block numbers of a table.
fn run_in(table: &[u8], at: usize, count: usize) -> Run {
    let number = |at: usize| u64::from(le32(table, at * 4));
    let first = number(at);
    let continues =
        |&next: &usize| number(next) == if first == 0 { 0 } else { first + (next - at) as u64 };
    let blocks = 1 + (at + 1..count).take_while(continues).count() as u64;
    Run { start: (first != 0).then_some(first), blocks }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.inode.size_bytes.saturating_sub(self.position);
        if left == 0 || into.is_empty() {
            return Ok(0);
        }
        let block_bytes = self.ext.block_bytes;
        let (run, within) = match self.run.take() {
            Some(run) => run,
            None => (self.run_at(self.position / block_bytes)?, self.position % block_bytes),
        };
        let in_run = run.blocks.saturating_mul(block_bytes) - within;
        let most =
            usize::try_from(left.min(in_run)).map_or(into.len(), |most| most.min(into.len()));
        let into = &mut into[..most];
        if let Some(start) = run.start {
            self.ext.read_content(into, start + within / block_bytes, within % block_bytes)?;
        } else {
            let holes = self.holes_left.checked_sub(most as u64);
            self.holes_left = holes.ok_or_else(|| damaged("its holes are too large"))?;
            into.fill(0);
        }
        self.position += most as u64;
        let within = within + most as u64;
        if within < run.blocks.saturating_mul(block_bytes) {
            self.run = Some((run, within));
        }
        Ok(most)
    }
}
