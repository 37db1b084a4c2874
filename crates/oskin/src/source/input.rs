//! Where a tar archive is read from: a stream that is hashed on the way, or a file that is skipped
//! through.

use super::decompress::Content;
use super::stored::BUFFER_BYTES;
use crate::image::Digest;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// Bytes that can be looked at in place and skipped.
pub(super) trait Input {
    /// The next bytes, as many as are at hand; empty only at the end.
    fn fill(&mut self) -> io::Result<&[u8]>;
    /// Takes bytes that [`fill`](Self::fill) showed.
    fn consume(&mut self, count: usize);
    /// Passes over bytes and returns how many there were, fewer only at the end.
    fn skip(&mut self, count: u64) -> io::Result<u64>;
    /// How many bytes were taken or skipped.
    fn position(&self) -> u64;
}

/// The uncompressed content of a layer or archive, hashed as it flows.
pub(super) struct Stream<'a> {
    content: Content<'a>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    position: u64,
    hasher: Option<Sha256>,
    // How many bytes may still come.
    left_bytes: u64,
    limit_bytes: u64,
    // Whether the digest of the content is that of the stored bytes too.
    shared_digest: bool,
}

/// More content than is accepted; it stands in an I/O error.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("more than the limit of {0} bytes")]
pub(super) struct OverLimit(pub(super) u64);

/// How much of what follows an archive is shown.
const SHOWN_BYTES: usize = 32;

/// What is known of a stream that was read to its end.
pub(super) struct StreamEnd {
    /// The digest of the content, if it was computed.
    pub(super) content_digest: Option<Digest>,
    /// The digest of the stored bytes, if it was computed.
    pub(super) stored_digest: Option<Digest>,
    /// Bytes of content.
    pub(super) content_bytes: u64,
    /// Bytes behind the compressed data.
    pub(super) rest_bytes: u64,
    /// How the content went on behind the place where `finish` was called: its first bytes that
    /// are not zero.
    pub(super) goes_on_with: Vec<u8>,
}

impl<'a> Stream<'a> {
    /// A stream whose content is hashed.
    pub(super) fn hashing(mut content: Content<'a>) -> Self {
        // Bytes that are not compressed are their own content: hash them once.
        let shared_digest = content.share_digest();
        Self { hasher: Some(Sha256::new()), shared_digest, ..Self::new(content) }
    }

    /// A stream whose content is not hashed.
    pub(super) fn new(content: Content<'a>) -> Self {
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self {
            content,
            buffer,
            start: 0,
            end: 0,
            position: 0,
            hasher: None,
            left_bytes: u64::MAX,
            limit_bytes: u64::MAX,
            shared_digest: false,
        }
    }

    /// Refuses to give more than so many bytes, those included that were looked at.
    pub(super) fn limited(mut self, limit_bytes: u64) -> Self {
        let seen = self.position + (self.end - self.start) as u64;
        self.left_bytes = limit_bytes.saturating_sub(seen);
        self.limit_bytes = limit_bytes;
        self
    }

    /// The next bytes without taking them: `count` of them, fewer only at the end.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        debug_assert!(count <= BUFFER_BYTES);
        while self.end - self.start < count {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.refill()? == 0 {
                break;
            }
        }
        let upto = self.end.min(self.start + count);
        Ok(&self.buffer[self.start..upto])
    }

    /// Reads once more behind what is there.
    fn refill(&mut self) -> io::Result<usize> {
        let count = loop {
            match self.content.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.left_bytes = self.left_bytes.checked_sub(count as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, OverLimit(self.limit_bytes))
        })?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&self.buffer[self.end..self.end + count]);
        }
        self.end += count;
        Ok(count)
    }

    /// Reads all that is left, so that the digests cover everything.
    pub(super) fn finish(mut self) -> io::Result<StreamEnd> {
        let mut goes_on_with = Vec::new();
        loop {
            let chunk = self.fill()?;
            if chunk.is_empty() {
                break;
            }
            if goes_on_with.is_empty()
                && let Some(at) = chunk.iter().position(|&byte| byte != 0)
            {
                let upto = chunk.len().min(at + SHOWN_BYTES);
                goes_on_with.extend_from_slice(&chunk[at..upto]);
            }
            let count = chunk.len();
            self.consume(count);
        }
        let content_digest = self.hasher.map(|hasher| Digest(hasher.finalize().into()));
        let end = self.content.finish()?;
        Ok(StreamEnd {
            content_digest,
            stored_digest: if self.shared_digest { content_digest } else { end.digest },
            content_bytes: self.position,
            rest_bytes: end.rest_bytes,
            goes_on_with,
        })
    }
}

impl Input for Stream<'_> {
    fn fill(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            self.refill()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.position += count as u64;
    }

    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let mut left = count;
        while left > 0 {
            let at_hand = self.fill()?.len();
            if at_hand == 0 {
                break;
            }
            let taken = usize::try_from(left).map_or(at_hand, |left| left.min(at_hand));
            self.consume(taken);
            left -= taken as u64;
        }
        Ok(count - left)
    }

    fn position(&self) -> u64 {
        self.position
    }
}

/// How much is read around a header of a file that is skipped through.
const HEADER_READ_BYTES: usize = 4096;

/// A file in which content is skipped by going past it.
pub(super) struct Seekable {
    file: Arc<File>,
    length: u64,
    position: u64,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Seekable {
    /// Reads a file of known length from its beginning.
    pub(super) fn new(file: Arc<File>, length: u64) -> Self {
        let buffer = vec![0; HEADER_READ_BYTES].into_boxed_slice();
        Self { file, length, position: 0, buffer, start: 0, end: 0 }
    }
}

impl Input for Seekable {
    fn fill(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            self.end = self.file.read_at(&mut self.buffer, self.position)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.position += count as u64;
    }

    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let skipped = count.min(self.length.saturating_sub(self.position));
        match usize::try_from(skipped) {
            Ok(within) if within <= self.end - self.start => self.start += within,
            _ => self.start = self.end,
        }
        self.position += skipped;
        Ok(skipped)
    }

    fn position(&self) -> u64 {
        self.position
    }
}

/// A part of a file, read without moving the file's own position, so that parts of one file are
/// read in parallel.
pub(super) struct Region {
    pub(super) file: Arc<File>,
    pub(super) offset: u64,
    pub(super) left_bytes: u64,
}

impl Read for Region {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left_bytes).map_or(into.len(), |left| left.min(into.len()));
        if most == 0 {
            return Ok(0);
        }
        let count = self.file.read_at(&mut into[..most], self.offset)?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter"));
        }
        self.offset += count as u64;
        self.left_bytes -= count as u64;
        Ok(count)
    }
}
