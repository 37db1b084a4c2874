//! Versions of rpm and pacman: segments of digits and letters, whatever stands between them.

use super::{Number, epoch_version_release, take_while};
use std::cmp::Ordering;

/// A segment of a version of rpm, the lesser first: `~` comes before the end, `^` right behind it, and
/// letters before digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'a> {
    Tilde,
    End,
    Caret,
    Letters(&'a [u8]),
    Number(Number<'a>),
}

/// Compares as rpm does: epoch, version, release.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let key = |version| {
        let (epoch, version, release) = epoch_version_release(version);
        (epoch, segments(version), segments(release))
    };
    key(a).cmp(&key(b))
}

fn segments(version: &str) -> Vec<Segment<'_>> {
    let mut rest = version.as_bytes();
    let mut segments = Vec::new();
    while let Some(byte) = rest.first() {
        if byte.is_ascii_digit() {
            segments.push(Segment::Number(Number::new(take_while(&mut rest, u8::is_ascii_digit))));
        } else if byte.is_ascii_alphabetic() {
            segments.push(Segment::Letters(take_while(&mut rest, u8::is_ascii_alphabetic)));
        } else {
            segments.extend(match byte {
                b'~' => Some(Segment::Tilde),
                b'^' => Some(Segment::Caret),
                _ => None,
            });
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    segments.push(Segment::End);
    segments
}

/// A segment of a version of pacman, the lesser first: letters right behind digits (`1.0rc`) come
/// before the end; of all others the one with less before it, then letters before digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum AlpmSegment<'a> {
    Attached(&'a [u8]),
    End,
    Other { before: usize, segment: Segment<'a> },
}

/// Compares as pacman's `vercmp` does, but for what stands at the end that is neither letter nor
/// digit: it counts for nothing, since `vercmp` goes in circles there.
pub(super) fn compare_alpm(a: &str, b: &str) -> Ordering {
    let key = |version| {
        let (epoch, version, release) = epoch_version_release(version);
        (epoch, alpm_segments(version), alpm_segments(release))
    };
    key(a).cmp(&key(b))
}

fn alpm_segments(version: &str) -> Vec<AlpmSegment<'_>> {
    let mut rest = version.as_bytes();
    let mut segments = Vec::new();
    loop {
        let before = take_while(&mut rest, |byte| !byte.is_ascii_alphanumeric()).len();
        let digits = take_while(&mut rest, u8::is_ascii_digit);
        if !digits.is_empty() {
            let segment = Segment::Number(Number::new(digits));
            segments.push(AlpmSegment::Other { before, segment });
            continue;
        }
        let letters = take_while(&mut rest, u8::is_ascii_alphabetic);
        if letters.is_empty() {
            segments.push(AlpmSegment::End);
            return segments;
        }
        segments.push(match before {
            0 => AlpmSegment::Attached(letters),
            _ => AlpmSegment::Other { before, segment: Segment::Letters(letters) },
        });
    }
}
