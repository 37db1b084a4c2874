//! The text of a file, whatever its encoding.

use super::Refusal;
use std::borrow::Cow;

/// How a text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-8, with a byte order mark or without.
    Utf8,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// Bytes that are not UTF-8: one of the older encodings. What is not ASCII is shown as U+FFFD.
    Other,
}

impl Encoding {
    /// As reports name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Other => "other",
        }
    }
}

/// How much of a file is looked at to tell UTF-16 without a mark from no text at all.
const PROBED_BYTES: usize = 512;

/// Decodes a file; marks of the byte order are dropped.
///
/// # Errors
///
/// If it holds NUL bytes and is not UTF-16: that is no text.
pub(super) fn decode(bytes: &[u8]) -> Result<(String, Encoding), Refusal> {
    let (bytes, encoding) = match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(Refusal::Binary),
        [0xef, 0xbb, 0xbf, rest @ ..] => (rest, Encoding::Utf8),
        [0xff, 0xfe, rest @ ..] => (rest, Encoding::Utf16Le),
        [0xfe, 0xff, rest @ ..] => (rest, Encoding::Utf16Be),
        _ => (bytes, without_mark(bytes)),
    };
    let text = match encoding {
        Encoding::Utf16Le => utf16(bytes, u16::from_le_bytes),
        Encoding::Utf16Be => utf16(bytes, u16::from_be_bytes),
        Encoding::Utf8 | Encoding::Other => {
            let text = String::from_utf8_lossy(bytes);
            let is_whole = matches!(text, Cow::Borrowed(_));
            let encoding = if is_whole { Encoding::Utf8 } else { Encoding::Other };
            return refuse_binary(text.into_owned(), encoding);
        }
    };
    refuse_binary(text, encoding)
}

fn refuse_binary(text: String, encoding: Encoding) -> Result<(String, Encoding), Refusal> {
    if text.contains('\0') { Err(Refusal::Binary) } else { Ok((text, encoding)) }
}

/// UTF-16 without a mark has NUL bytes at every second place, for the words of a Dockerfile are
/// ASCII.
fn without_mark(bytes: &[u8]) -> Encoding {
    let probed = &bytes[..bytes.len().min(PROBED_BYTES)];
    let zeros = |parity: usize| probed.iter().skip(parity).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    match () {
        () if even == 0 && odd * 4 > probed.len() => Encoding::Utf16Le,
        () if odd == 0 && even * 4 > probed.len() => Encoding::Utf16Be,
        () => Encoding::Utf8,
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_told() {
        let text = "FROM a # \u{e9}\n";
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let marked = |mark: &[u8], rest: &[u8]| [mark, rest].concat();
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), Encoding::Utf8),
            (marked(b"\xef\xbb\xbf", text.as_bytes()), Encoding::Utf8),
            (le.clone(), Encoding::Utf16Le),
            (be.clone(), Encoding::Utf16Be),
            (marked(b"\xff\xfe", &le), Encoding::Utf16Le),
            (marked(b"\xfe\xff", &be), Encoding::Utf16Be),
        ] {
            assert_eq!(decode(&bytes), Ok((text.to_owned(), encoding)), "{bytes:?}");
        }
        let latin = decode(b"FROM a # \xe9\n");
        assert_eq!(latin, Ok(("FROM a # \u{fffd}\n".to_owned(), Encoding::Other)));
        assert_eq!(decode(b""), Ok((String::new(), Encoding::Utf8)));
        for binary in [&b"FROM a\0b"[..], b"\x7fELF\0\0\0\0", b"\xff\xfe\0\0F\0\0\0", b"\0\0\0\0"] {
            assert_eq!(decode(binary), Err(Refusal::Binary), "{binary:?}");
        }
    }
}
