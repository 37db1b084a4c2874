//! Bytes that can be read at any place: a file, a part of one, or a disk inside a disk image.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// Bytes that can be read at any place, by several threads at once.
pub(super) trait ReadAt: fmt::Debug + Send + Sync {
    /// Reads up to `into.len()` bytes at `offset`; fewer are no error, 0 is the end.
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize>;

    /// How many bytes there are.
    fn size_bytes(&self) -> u64;

    /// Reads all of `into`, or fails with [`io::ErrorKind::UnexpectedEof`].
    fn read_exact_at(&self, mut into: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !into.is_empty() {
            match self.read_at(into, offset) {
                Ok(0) => return Err(ends_early()),
                Ok(count) => {
                    into = &mut into[count..];
                    offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn ends_early() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends too early")
}

/// A file whose length is known.
#[derive(Debug)]
pub(super) struct WholeFile {
    file: File,
    size_bytes: u64,
}

impl WholeFile {
    /// Takes the length that the file has now.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let size_bytes = file.metadata()?.len();
        Ok(Self { file, size_bytes })
    }
}

impl ReadAt for WholeFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(into, offset)
    }

    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).map_or(self.len(), |offset| offset.min(self.len()));
        let count = into.len().min(self.len() - from);
        into[..count].copy_from_slice(&self[from..from + count]);
        Ok(count)
    }

    fn size_bytes(&self) -> u64 {
        self.len() as u64
    }
}

/// A part of other bytes, such as a partition.
#[derive(Clone, Debug)]
pub(super) struct Window {
    inner: Arc<dyn ReadAt>,
    offset: u64,
    size_bytes: u64,
}

impl Window {
    /// The bytes from `offset` on, at most `size_bytes` of them and none behind the end.
    pub(super) fn new(inner: Arc<dyn ReadAt>, offset: u64, size_bytes: u64) -> Self {
        let size_bytes = size_bytes.min(inner.size_bytes().saturating_sub(offset));
        Self { inner, offset, size_bytes }
    }
}

impl ReadAt for Window {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.size_bytes.saturating_sub(offset);
        let most = usize::try_from(left).map_or(into.len(), |left| left.min(into.len()));
        if most == 0 {
            return Ok(0);
        }
        self.inner.read_at(&mut into[..most], self.offset + offset)
    }

    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

/// Reads one after the other what can be read anywhere. Unbuffered.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    inner: Arc<dyn ReadAt>,
    position: u64,
}

impl Cursor {
    /// Begins at the first byte.
    pub(super) fn new(inner: Arc<dyn ReadAt>) -> Self {
        Self { inner, position: 0 }
    }
}

impl Read for Cursor {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read_at(into, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.inner.size_bytes().checked_add_signed(by),
        };
        let before =
            || io::Error::new(io::ErrorKind::InvalidInput, "a place before the first byte");
        self.position = target.ok_or_else(before)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_end_where_they_and_what_they_look_at_end() {
        let all: Arc<dyn ReadAt> = Arc::new((0..100).collect::<Vec<u8>>());
        let window = Window::new(Arc::clone(&all), 90, 1000);
        assert_eq!(window.size_bytes(), 10);
        let mut bytes = [0; 4];
        window.read_exact_at(&mut bytes, 2).unwrap();
        assert_eq!(bytes, [92, 93, 94, 95]);
        assert_eq!(window.read_at(&mut bytes, 8).unwrap(), 2);
        assert_eq!(window.read_at(&mut bytes, 10).unwrap(), 0);
        assert_eq!(window.read_at(&mut bytes, u64::MAX).unwrap(), 0);
        assert!(window.read_exact_at(&mut bytes, 8).is_err());
        assert_eq!(Window::new(all, 200, 1).size_bytes(), 0);
    }

    #[test]
    fn cursors_seek_like_files() {
        let mut cursor = Cursor::new(Arc::new(b"abcdef".to_vec()));
        assert_eq!(cursor.seek(SeekFrom::End(-2)).unwrap(), 4);
        let mut rest = String::new();
        cursor.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "ef");
        assert!(cursor.seek(SeekFrom::Current(-7)).is_err());
        assert_eq!(cursor.seek(SeekFrom::Current(-6)).unwrap(), 0);
    }
}
