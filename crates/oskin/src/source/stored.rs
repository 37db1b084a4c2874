//! The bytes of a source as they are stored: counted, hashed if asked, and open to a look ahead.

use super::Progress;
use crate::image::Digest;
use sha2::{Digest as _, Sha256};
use std::io::{self, BufRead, Read};

/// How much is read at a time. Large enough that system calls and hash calls cost nothing.
pub(super) const BUFFER_BYTES: usize = 256 * 1024;

/// A buffered reader over stored bytes.
pub(super) struct Stored<'a> {
    inner: Box<dyn Read + 'a>,
    buffer: Box<[u8]>,
    // Unread bytes lie at `start..end`.
    start: usize,
    end: usize,
    ended: bool,
    hasher: Option<Sha256>,
    total_bytes: u64,
    progress: &'a dyn Progress,
}

impl<'a> Stored<'a> {
    pub(super) fn new(inner: impl Read + 'a, progress: &'a dyn Progress) -> Self {
        Self {
            inner: Box::new(inner),
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            ended: false,
            hasher: None,
            total_bytes: 0,
            progress,
        }
    }

    /// Computes the digest of everything; to be called before the first byte is read.
    pub(super) fn hashing(mut self) -> Self {
        self.hasher = Some(Sha256::new());
        self
    }

    /// Gives up the digest, because the same bytes are hashed elsewhere.
    ///
    /// What was read so far must be hashed there too.
    pub(super) fn stop_hashing(&mut self) {
        self.hasher = None;
    }

    /// Whether the digest is being computed.
    pub(super) fn is_hashing(&self) -> bool {
        self.hasher.is_some()
    }

    /// The next bytes without taking them: `count` of them, fewer only at the end.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        debug_assert!(count <= BUFFER_BYTES);
        while self.end - self.start < count && !self.ended {
            if self.end == self.buffer.len() || self.start == self.end {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            self.refill()?;
        }
        let upto = self.end.min(self.start + count);
        Ok(&self.buffer[self.start..upto])
    }

    /// Reads once more behind what is there.
    fn refill(&mut self) -> io::Result<()> {
        let count = loop {
            match self.inner.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&self.buffer[self.end..self.end + count]);
        }
        self.ended = count == 0;
        self.end += count;
        self.total_bytes += count as u64;
        self.progress.advance(count as u64);
        Ok(())
    }

    /// Reads to the end and returns how many bytes were still unread and the digest of all bytes.
    pub(super) fn finish(mut self) -> io::Result<StoredEnd> {
        let mut rest_bytes = 0;
        loop {
            let chunk = self.fill_buf()?;
            if chunk.is_empty() {
                break;
            }
            let count = chunk.len();
            rest_bytes += count as u64;
            self.consume(count);
        }
        let digest = self.hasher.map(|hasher| Digest(hasher.finalize().into()));
        Ok(StoredEnd { digest, rest_bytes })
    }
}

/// What is known when all stored bytes were read.
pub(super) struct StoredEnd {
    /// The digest, if it was computed.
    pub(super) digest: Option<Digest>,
    /// Bytes behind the end of the compressed data.
    pub(super) rest_bytes: u64,
}

impl BufRead for Stored<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end && !self.ended {
            self.start = 0;
            self.end = 0;
            self.refill()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }
}

impl Read for Stored<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let chunk = self.fill_buf()?;
        let count = chunk.len().min(into.len());
        into[..count].copy_from_slice(&chunk[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::NoProgress;
    use super::*;

    /// Gives one byte at a time, as a slow pipe does.
    struct Trickle(std::vec::IntoIter<u8>);

    impl Read for Trickle {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            Ok(self.0.next().map_or(0, |byte| {
                into[0] = byte;
                1
            }))
        }
    }

    #[test]
    fn looking_ahead_takes_nothing() {
        let mut stored =
            Stored::new(Trickle(b"abcdef".to_vec().into_iter()), &NoProgress).hashing();
        assert_eq!(stored.peek(4).unwrap(), b"abcd");
        stored.consume(2);
        assert_eq!(stored.peek(9).unwrap(), b"cdef");
        let end = stored.finish().unwrap();
        assert_eq!(end.rest_bytes, 4);
        assert_eq!(end.digest, Some(Digest(Sha256::digest(b"abcdef").into())));
    }

    #[test]
    fn a_full_buffer_makes_room_for_looking_ahead() {
        let bytes: Vec<u8> = (0..=255).cycle().take(BUFFER_BYTES + 10).collect();
        let mut stored = Stored::new(&bytes[..], &NoProgress);
        stored.peek(1).unwrap();
        stored.consume(BUFFER_BYTES - 2);
        assert_eq!(stored.peek(6).unwrap(), &bytes[BUFFER_BYTES - 2..BUFFER_BYTES + 4]);
    }
}
