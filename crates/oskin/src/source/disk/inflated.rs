//! A disk image that was compressed as a whole, held in memory without its zeros.

use crate::source::read_at::ReadAt;
use std::collections::BTreeMap;
use std::io::{self, Read};

/// The unit in which zeros are left out.
const PAGE_BYTES: usize = 4096;

/// The most that is held.
pub(super) const MAX_HELD_BYTES: usize = 96 * 1024 * 1024;

/// The disk.
#[derive(Debug)]
pub(super) struct Inflated {
    pages: BTreeMap<u64, Box<[u8]>>,
    size_bytes: u64,
}

/// What keeps a disk from being held.
pub(super) enum Full {
    /// More than [`MAX_HELD_BYTES`] that are not zero.
    Held,
    /// More than the given number of bytes at all.
    Size,
}

impl Inflated {
    /// Reads all of a stream, or as much as it takes to see that it is too large.
    pub(super) fn read(mut content: impl Read, limit_bytes: u64) -> io::Result<Result<Self, Full>> {
        let mut inflated = Self { pages: BTreeMap::new(), size_bytes: 0 };
        let mut page = [0; PAGE_BYTES];
        loop {
            let mut count = 0;
            while count < PAGE_BYTES {
                match content.read(&mut page[count..]) {
                    Ok(0) => break,
                    Ok(more) => count += more,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            if count == 0 {
                return Ok(Ok(inflated));
            }
            page[count..].fill(0);
            if page.iter().any(|&byte| byte != 0) {
                if (inflated.pages.len() + 1) * PAGE_BYTES > MAX_HELD_BYTES {
                    return Ok(Err(Full::Held));
                }
                inflated.pages.insert(inflated.size_bytes / PAGE_BYTES as u64, Box::from(page));
            }
            inflated.size_bytes += count as u64;
            if inflated.size_bytes > limit_bytes {
                return Ok(Err(Full::Size));
            }
        }
    }
}

impl ReadAt for Inflated {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let within = usize::try_from(offset % PAGE_BYTES as u64).unwrap_or(0);
        let left = self.size_bytes.saturating_sub(offset);
        let most = into.len().min(PAGE_BYTES - within);
        let most = usize::try_from(left).map_or(most, |left| left.min(most));
        match self.pages.get(&(offset / PAGE_BYTES as u64)) {
            Some(page) => into[..most].copy_from_slice(&page[within..within + most]),
            None => into[..most].fill(0),
        }
        Ok(most)
    }

    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_take_no_memory_and_read_as_zeros() {
        let mut bytes = vec![0; 10 * PAGE_BYTES + 100];
        bytes[PAGE_BYTES * 3 + 5] = 7;
        bytes[PAGE_BYTES * 10 + 99] = 9;
        let Ok(inflated) = Inflated::read(&bytes[..], u64::MAX).unwrap() else { panic!("full") };
        assert_eq!((inflated.pages.len(), inflated.size_bytes()), (2, bytes.len() as u64));
        let mut read = vec![1; bytes.len()];
        inflated.read_exact_at(&mut read, 0).unwrap();
        assert_eq!(read, bytes);
        assert_eq!(inflated.read_at(&mut read, bytes.len() as u64).unwrap(), 0);
        assert!(matches!(Inflated::read(&bytes[..], 5000).unwrap(), Err(Full::Size)));
        let full = Inflated::read(io::repeat(1), u64::MAX).unwrap();
        assert!(matches!(full, Err(Full::Held)));
    }
}
