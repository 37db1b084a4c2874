//! Headers of cpio archives: `newc` and `crc`, `odc`, and the old binary one (cpio(5)).

use std::io::{self, Read};

/// How an entry is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Hexadecimal, names and contents at multiples of four; with a sum of the content or without.
    New { has_sum: bool },
    /// Octal, nothing aligned.
    Octal,
    /// Numbers of 16 bits, aligned to two bytes; the first byte of each first or last.
    Binary { is_little: bool },
}

impl Format {
    /// Whether a header may begin so.
    pub(super) fn may_begin_with(byte: u8) -> bool {
        matches!(byte, b'0' | 0xc7 | 0x71)
    }
}

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    format: Format,
    /// Device and number of the file.
    pub(super) inode: [u32; 3],
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// How many names the file has.
    pub(super) names: u32,
    /// With the zero behind it.
    pub(super) name_bytes: u64,
    pub(super) content_bytes: u64,
    /// All bytes of the content added up, where that is stated.
    pub(super) sum: Option<u32>,
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no header of a cpio archive is where one should be")
}

impl Header {
    /// Reads the next header.
    pub(super) fn read(input: &mut impl Read) -> io::Result<Self> {
        let mut raw = [0; 110];
        input.read_exact(&mut raw[..6])?;
        match &raw[..6] {
            b"070701" | b"070702" => {
                input.read_exact(&mut raw[6..])?;
                Self::new(&raw)
            }
            b"070707" => {
                input.read_exact(&mut raw[6..76])?;
                Self::octal(&raw)
            }
            [0xc7, 0x71, ..] | [0x71, 0xc7, ..] => {
                input.read_exact(&mut raw[6..26])?;
                Ok(Self::binary(&raw))
            }
            _ => Err(damaged()),
        }
    }

    fn new(raw: &[u8; 110]) -> io::Result<Self> {
        let field = |index: usize| number(&raw[6 + index * 8..14 + index * 8], 16);
        let small = |index| field(index).map(|it| u32::try_from(it).unwrap_or(u32::MAX));
        let has_sum = raw[5] == b'2';
        Ok(Self {
            format: Format::New { has_sum },
            inode: [small(7)?, small(8)?, small(0)?],
            mode: mode(field(1)?),
            uid: small(2)?,
            gid: small(3)?,
            names: small(4)?,
            content_bytes: field(6)?,
            name_bytes: field(11)?,
            sum: if has_sum { Some(small(12)?) } else { None },
        })
    }

    fn octal(raw: &[u8; 110]) -> io::Result<Self> {
        let field = |at: usize, length: usize| number(&raw[at..at + length], 8);
        // Six digits of eight.
        let small = |at| field(at, 6).map(|it| u32::try_from(it).unwrap_or(u32::MAX));
        Ok(Self {
            format: Format::Octal,
            inode: [small(6)?, 0, small(12)?],
            mode: mode(field(18, 6)?),
            uid: small(24)?,
            gid: small(30)?,
            names: small(36)?,
            name_bytes: field(59, 6)?,
            content_bytes: field(65, 11)?,
            sum: None,
        })
    }

    fn binary(raw: &[u8; 110]) -> Self {
        let is_little = raw[0] == 0xc7;
        let field = |index: usize| {
            let pair = [raw[index * 2], raw[index * 2 + 1]];
            if is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
        };
        Self {
            format: Format::Binary { is_little },
            inode: [field(1).into(), 0, field(2).into()],
            mode: field(3),
            uid: field(4).into(),
            gid: field(5).into(),
            names: field(6).into(),
            name_bytes: field(10).into(),
            content_bytes: u64::from(field(11)) << 16 | u64::from(field(12)),
            sum: None,
        }
    }

    /// Zeros between the name and the content.
    pub(super) fn name_padding(&self) -> u64 {
        match self.format {
            Format::New { .. } => (4 - (110 + self.name_bytes) % 4) % 4,
            Format::Octal => 0,
            Format::Binary { .. } => self.name_bytes % 2,
        }
    }

    /// Bytes of the content with the zeros behind it.
    pub(super) fn stored_bytes(&self) -> u64 {
        match self.format {
            Format::New { .. } => self.content_bytes.next_multiple_of(4),
            Format::Octal => self.content_bytes,
            Format::Binary { .. } => self.content_bytes.next_multiple_of(2),
        }
    }
}

fn mode(number: u64) -> u16 {
    // The kind and the permissions; nothing stands above them.
    u16::try_from(number & 0xffff).unwrap_or(0)
}

fn number(digits: &[u8], radix: u32) -> io::Result<u64> {
    let text = std::str::from_utf8(digits).map_err(|_| damaged())?;
    u64::from_str_radix(text, radix).map_err(|_| damaged())
}
