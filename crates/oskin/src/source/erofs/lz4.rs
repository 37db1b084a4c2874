//! Blocks of LZ4, of which EROFS wants as many bytes as it knows the content to have
//! (`lz4_Block_format.md`).

use std::io;

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the LZ4 data is damaged")
}

fn take<'i>(input: &mut &'i [u8], count: usize) -> io::Result<&'i [u8]> {
    let (taken, rest) = input.split_at_checked(count).ok_or_else(damaged)?;
    *input = rest;
    Ok(taken)
}

/// A length whose first part stands in a token: 15 goes on in bytes up to one that is not 255.
fn length(first: u8, input: &mut &[u8]) -> io::Result<usize> {
    let mut length = usize::from(first);
    let mut goes_on = first == 15;
    while goes_on {
        let more = take(input, 1)?[0];
        length += usize::from(more);
        goes_on = more == 255;
    }
    Ok(length)
}

/// Decompresses until there are `wanted` bytes; what follows is not looked at.
pub(super) fn decompress(mut input: &[u8], wanted: usize) -> io::Result<Vec<u8>> {
    let mut output = Vec::with_capacity(wanted);
    while output.len() < wanted {
        let token = take(&mut input, 1)?[0];
        let literals = length(token >> 4, &mut input)?.min(wanted - output.len());
        output.extend_from_slice(take(&mut input, literals)?);
        if output.len() == wanted {
            break;
        }
        let distance = take(&mut input, 2)?;
        let distance = usize::from(u16::from_le_bytes([distance[0], distance[1]]));
        let matched = length(token & 15, &mut input)? + 4;
        let matched = matched.min(wanted - output.len());
        let from = output.len().checked_sub(distance).filter(|_| distance > 0);
        let from = from.ok_or_else(damaged)?;
        if distance >= matched {
            output.extend_from_within(from..from + matched);
        } else {
            // It repeats what it has just written.
            for at in from..from + matched {
                output.push(output[at]);
            }
        }
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_matches_and_damage() {
        // Five letters, then nine from three before: a match that reads what it writes.
        let input = [0x55, b'a', b'b', b'c', b'd', b'e', 3, 0, 0x10, b'!'];
        assert_eq!(decompress(&input, 15).unwrap(), b"abcdecdecdecde!");
        assert_eq!(decompress(&input, 4).unwrap(), b"abcd");
        assert!(decompress(&input, 16).is_err());
        assert!(decompress(&[0x50, b'a'], 5).is_err());
        assert!(decompress(&[0x10, b'a', 2, 0], 9).is_err());
        assert!(decompress(&[0x10, b'a', 0, 0], 9).is_err());
        assert!(decompress(&[0xf0], 9).is_err());
    }
}
