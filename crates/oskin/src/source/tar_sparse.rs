//! Sparse files in tar archives: the old GNU format and the three pax formats (GNU tar manual,
//! "Storing Sparse Files").

use super::tar_pax::decimal;

/// The most pieces that the map of one file may have. A bound on memory: 16 MiB.
const MAX_PIECES: usize = 1024 * 1024;

/// A piece of content and where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// Where the content of a sparse file belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SparseMap {
    /// The size of the file with its holes.
    pub(super) size_bytes: u64,
    pub(super) pieces: Vec<Piece>,
}

impl SparseMap {
    /// Whether the pieces follow each other inside the file and are the stored content.
    pub(super) fn is_sound(&self, stored_bytes: u64) -> bool {
        let (mut end, mut sum) = (0_u64, 0_u64);
        for piece in &self.pieces {
            let Some(piece_end) = piece.offset.checked_add(piece.length) else { return false };
            if piece.offset < end || piece_end > self.size_bytes {
                return false;
            }
            end = piece_end;
            sum += piece.length;
        }
        sum == stored_bytes
    }
}

/// A number in octal digits, or in binary behind a set highest bit.
pub(super) fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|&byte| byte & 0x80 != 0) {
        let (high, low) = field.split_at_checked(field.len() - 8)?;
        let fits = high[0] == 0x80 && high[1..].iter().all(|&byte| byte == 0);
        return fits.then(|| u64::from_be_bytes(low.try_into().unwrap_or([0; 8])));
    }
    let text = std::str::from_utf8(field).ok()?;
    let text = text.trim_matches(|c| c == '\0' || c == ' ');
    u64::from_str_radix(text, 8).ok()
}

/// Reads the pieces of an old GNU header: pairs of twelve-byte numbers up to the first that is
/// empty.
pub(super) fn push_pieces(pieces: &mut Vec<Piece>, fields: &[u8]) -> Result<(), &'static str> {
    for pair in fields.chunks_exact(24) {
        if pair[0] == 0 || pair[12] == 0 {
            break;
        }
        let wrong = "the map of a sparse file holds no number";
        let offset = number(&pair[..12]).ok_or(wrong)?;
        let length = number(&pair[12..]).ok_or(wrong)?;
        push(pieces, Piece { offset, length })?;
    }
    Ok(())
}

fn push(pieces: &mut Vec<Piece>, piece: Piece) -> Result<(), &'static str> {
    if pieces.len() >= MAX_PIECES {
        return Err("the map of a sparse file has too many pieces");
    }
    pieces.push(piece);
    Ok(())
}

/// What pax records say of a sparse file.
#[derive(Debug, Default)]
pub(super) struct PaxSparse {
    /// The name of the file; the header names a stand-in.
    pub(super) name: Option<Vec<u8>>,
    major: Option<u64>,
    size: Option<u64>,
    pending_offset: Option<u64>,
    pieces: Option<Vec<Piece>>,
}

impl PaxSparse {
    /// Takes a record whose key was `GNU.sparse.` and `key`.
    pub(super) fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let wrong = "a record of a sparse file is no number";
        match key {
            b"name" => self.name = Some(value.to_vec()),
            b"major" => self.major = decimal(value),
            b"size" | b"realsize" => self.size = Some(decimal(value).ok_or(wrong)?),
            b"offset" => self.pending_offset = Some(decimal(value).ok_or(wrong)?),
            b"numbytes" => {
                let length = decimal(value).ok_or(wrong)?;
                let offset = self.pending_offset.take().ok_or(wrong)?;
                push(self.pieces.get_or_insert_default(), Piece { offset, length })?;
            }
            b"map" => {
                let pieces = self.pieces.get_or_insert_default();
                let mut numbers = value.split(|&byte| byte == b',').map(decimal);
                while let Some(offset) = numbers.next() {
                    let length = numbers.next().flatten().ok_or(wrong)?;
                    push(pieces, Piece { offset: offset.ok_or(wrong)?, length })?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the map stands at the head of the content: format 1.0.
    pub(super) fn is_in_content(&self) -> bool {
        self.major == Some(1) && self.size.is_some()
    }

    pub(super) fn real_size(&self) -> u64 {
        self.size.unwrap_or(0)
    }

    /// The map of format 0.0 or 0.1, if there is one.
    pub(super) fn take_map(&mut self) -> Option<SparseMap> {
        let pieces = self.pieces.take()?;
        Some(SparseMap { size_bytes: self.size?, pieces })
    }
}

/// The map of format 1.0: decimal numbers, each on a line, padded to whole blocks.
#[derive(Debug)]
pub(super) struct ContentMap {
    // The first number is the count of pieces; `numbers` holds what follows.
    count: Option<u64>,
    pending_offset: Option<u64>,
    pieces: Vec<Piece>,
    digits: Vec<u8>,
}

impl ContentMap {
    pub(super) fn new() -> Self {
        Self { count: None, pending_offset: None, pieces: Vec::new(), digits: Vec::new() }
    }

    /// Takes a block and returns the pieces when it was the last one.
    pub(super) fn push(&mut self, block: &[u8]) -> Result<Option<Vec<Piece>>, &'static str> {
        for &byte in block {
            if byte != b'\n' {
                if self.digits.len() >= 20 {
                    return Err("the map of a sparse file holds no number");
                }
                self.digits.push(byte);
                continue;
            }
            let number = decimal(&self.digits).ok_or("the map of a sparse file holds no number")?;
            self.digits.clear();
            match (self.count, self.pending_offset.take()) {
                (None, _) => self.count = Some(number),
                (Some(_), None) => self.pending_offset = Some(number),
                (Some(_), Some(offset)) => {
                    push(&mut self.pieces, Piece { offset, length: number })?;
                }
            }
            if self.count == Some(self.pieces.len() as u64) {
                return Ok(Some(std::mem::take(&mut self.pieces)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_in_the_content_may_span_blocks() {
        let mut map = ContentMap::new();
        assert_eq!(map.push(b"2\n0\n5\n1").unwrap(), None);
        let pieces = map.push(b"0\n3\n\0\0").unwrap().unwrap();
        assert_eq!(pieces, [Piece { offset: 0, length: 5 }, Piece { offset: 10, length: 3 }]);
        assert!(ContentMap::new().push(b"x\n").is_err());
        assert!(ContentMap::new().push(&[b'1'; 30]).is_err());
    }

    #[test]
    fn maps_that_overlap_or_leave_the_file_are_unsound() {
        let map = |pieces: &[(u64, u64)]| SparseMap {
            size_bytes: 100,
            pieces: pieces.iter().map(|&(offset, length)| Piece { offset, length }).collect(),
        };
        assert!(map(&[(0, 10), (50, 50)]).is_sound(60));
        assert!(!map(&[(0, 10), (50, 50)]).is_sound(61));
        assert!(!map(&[(0, 10), (5, 10)]).is_sound(20));
        assert!(!map(&[(95, 10)]).is_sound(10));
        assert!(!map(&[(u64::MAX, 10)]).is_sound(10));
    }

    #[test]
    fn numbers_are_octal_or_binary() {
        assert_eq!(number(b"00000000017\0"), Some(15));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x01\0\0\0\x02"), Some(4_294_967_298));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
        assert_eq!(number(b"xyz         "), None);
    }
}
