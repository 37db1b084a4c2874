//! The content of a file in a squashfs file system: blocks, holes, and an end that it may share a
//! block with.

use super::decoder::broken;
use super::image::{Block, Image};
use super::inode::File;
use crate::source::walk_fs::MAX_HOLE_BYTES;
use std::io::{self, Read};
use std::sync::Arc;

/// What the reading of one file leaves for the next.
pub(super) struct Room {
    block: Vec<u8>,
    holes_left: u64,
}

impl Room {
    pub(super) const fn new() -> Self {
        Self { block: Vec::new(), holes_left: MAX_HOLE_BYTES }
    }
}

/// Reads the content of one file, block by block.
pub(super) struct Content<'i> {
    image: &'i mut Image,
    room: &'i mut Room,
    file: File,
    // Where the next block is stored.
    position: u64,
    // How many bytes are still to be found.
    left_bytes: u64,
    ready: Ready,
}

/// What was found and not yet given.
enum Ready {
    Block { from: usize, to: usize },
    Fragment { block: Arc<Block>, from: usize, to: usize },
    Hole { bytes: usize },
}

impl<'i> Content<'i> {
    /// Begins at the first byte.
    pub(super) fn new(image: &'i mut Image, room: &'i mut Room, file: File) -> Self {
        room.block.resize(image.block_bytes, 0);
        let (position, left_bytes) = (file.start, file.size_bytes);
        let ready = Ready::Block { from: 0, to: 0 };
        Self { image, room, file, position, left_bytes, ready }
    }

    /// Finds the next block, hole or fragment.
    fn advance(&mut self) -> io::Result<()> {
        let block_bytes = self.image.block_bytes;
        let is_end = self.left_bytes < block_bytes as u64;
        let expected =
            usize::try_from(self.left_bytes).map_or(block_bytes, |left| left.min(block_bytes));
        self.left_bytes -= expected as u64;
        if let (true, Some((index, offset))) = (is_end, self.file.fragment) {
            let block = self.image.fragment(index)?;
            let from = offset as usize;
            let to = from.saturating_add(expected);
            if to > block.bytes.len() {
                return Err(broken("the end of a file leads out of its fragment"));
            }
            self.ready = Ready::Fragment { block, from, to };
            return Ok(());
        }
        let stated = u32::from_le_bytes(self.image.take(&mut self.file.blocks)?);
        if stated == 0 {
            let left = self.room.holes_left.checked_sub(expected as u64);
            self.room.holes_left =
                left.ok_or_else(|| io::Error::other("its holes are too large"))?;
            self.ready = Ready::Hole { bytes: expected };
            return Ok(());
        }
        let into = &mut self.room.block[..expected];
        let (count, stored_bytes) = self.image.content_block(self.position, stated, into)?;
        if count != expected {
            return Err(broken("a block of content is shorter than it must be"));
        }
        self.position = self.position.saturating_add(stored_bytes);
        self.ready = Ready::Block { from: 0, to: expected };
        Ok(())
    }
}

impl Read for Content<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = match &mut self.ready {
                Ready::Block { from, to } => give(&self.room.block, (from, *to), into),
                Ready::Fragment { block, from, to } => give(&block.bytes, (from, *to), into),
                Ready::Hole { bytes } => {
                    let count = into.len().min(*bytes);
                    into[..count].fill(0);
                    *bytes -= count;
                    count
                }
            };
            if count > 0 || into.is_empty() || self.left_bytes == 0 {
                return Ok(count);
            }
            self.advance()?;
        }
    }
}

fn give(bytes: &[u8], (from, to): (&mut usize, usize), into: &mut [u8]) -> usize {
    let rest = &bytes[*from..to];
    let count = rest.len().min(into.len());
    into[..count].copy_from_slice(&rest[..count]);
    *from += count;
    count
}
