//! Paths of entries as images spell them: bytes, relative to the root, normal.
//!
//! A path of an image is no [`std::path::Path`]: it need not be UTF-8, belongs to no file system of
//! this machine and must never be opened. The normal form has no leading, trailing or doubled
//! slash and no `.` or `..` component; the root itself is the empty path.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The longest path that is accepted, in bytes. Linux refuses paths over 4,096 bytes in one call,
/// but trees may be deeper; what exceeds this is damage or an attack.
pub const MAX_PATH_BYTES: usize = 32 * 1024;

/// The most names that a path may have. Every level may cost an implied directory, so that without a
/// bound a small archive of deep paths would take memory and time by the square of their length.
pub const MAX_DEPTH: usize = 1024;

/// How many bytes of a path are shown in a message.
const SHOWN_BYTES: usize = 512;

/// Why a path of an image was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// A `..` component would leave the directory it stands in, and perhaps the root.
    #[error("path climbs out with `..`")]
    Climbs,
    /// No file system can hold a NUL byte in a name.
    #[error("path holds a NUL byte")]
    Nul,
    /// The path is longer than [`MAX_PATH_BYTES`].
    #[error("path is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
    /// The path has more than [`MAX_DEPTH`] names.
    #[error("path has more than {MAX_DEPTH} names")]
    TooDeep,
    /// There is no name at all.
    #[error("path is empty")]
    Empty,
}

/// Brings a path of an archive or listing to normal form; the root comes back as the empty path.
///
/// Components are dropped only when they are empty or exactly `.`, so the dot of `.dockerenv`
/// and of a root-level whiteout stays. Borrows when nothing has to change. O(length).
///
/// # Errors
///
/// See [`PathProblem`].
///
/// ```
/// use oskin::path::normalize;
///
/// assert_eq!(normalize(b"./.dockerenv").unwrap().as_ref(), b".dockerenv");
/// assert_eq!(normalize(b"/usr//lib/./").unwrap().as_ref(), b"usr/lib");
/// assert!(normalize(b"../etc/passwd").is_err());
/// ```
pub fn normalize(raw: &[u8]) -> Result<Cow<'_, [u8]>, PathProblem> {
    if raw.is_empty() {
        return Err(PathProblem::Empty);
    }
    if raw.len() > MAX_PATH_BYTES {
        return Err(PathProblem::TooLong);
    }
    if raw.contains(&0) {
        return Err(PathProblem::Nul);
    }
    let stripped = raw.strip_prefix(b"./").or_else(|| raw.strip_prefix(b"/")).unwrap_or(raw);
    let stripped = stripped.strip_suffix(b"/").unwrap_or(stripped);
    if is_normal(stripped) {
        return bounded(Cow::Borrowed(stripped));
    }
    let mut normal = Vec::with_capacity(stripped.len());
    for component in stripped.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => return Err(PathProblem::Climbs),
            name => {
                if !normal.is_empty() {
                    normal.push(b'/');
                }
                normal.extend_from_slice(name);
            }
        }
    }
    bounded(Cow::Owned(normal))
}

fn bounded(path: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>, PathProblem> {
    // A path of so many names has a slash and a letter for each, so that nearly none is counted.
    let is_deep =
        path.len() >= 2 * MAX_DEPTH && memchr::memchr_iter(b'/', &path).count() >= MAX_DEPTH;
    if is_deep { Err(PathProblem::TooDeep) } else { Ok(path) }
}

/// Whether every component is a name. The empty path, the root, is normal.
fn is_normal(path: &[u8]) -> bool {
    // Only where a component begins with a dot, or is none, is more to be looked at than its first byte.
    let is_name = |start: usize| match path.get(start) {
        None | Some(b'/') => false,
        Some(b'.') => {
            let rest = &path[start..];
            let name = &rest[..memchr::memchr(b'/', rest).unwrap_or(rest.len())];
            !matches!(name, b"." | b"..")
        }
        Some(_) => true,
    };
    path.is_empty() || is_name(0) && memchr::memchr_iter(b'/', path).all(|slash| is_name(slash + 1))
}

/// How many bytes two paths have in common at their beginning.
pub fn shared_bytes(a: &[u8], b: &[u8]) -> usize {
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let start = 8 * words.take_while(|(a, b)| a == b).count();
    start + a[start..].iter().zip(&b[start..]).take_while(|(a, b)| a == b).count()
}

/// Orders a directory before all below it, and these before all that comes behind it.
pub fn tree_order(a: &[u8], b: &[u8]) -> Ordering {
    let shared = shared_bytes(a, b);
    // The end of a path lies before its slash, and that before any other byte.
    let rank = |path: &[u8]| match path.get(shared) {
        None => 0,
        Some(b'/') => 1,
        Some(byte) => u16::from(*byte) + 2,
    };
    rank(a).cmp(&rank(b))
}

/// Splits a normal path into its directory (empty for the root) and its last name.
pub fn split_name(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

/// Appends a name to a normal directory path.
pub fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(directory.len() + 1 + name.len());
    joined.extend_from_slice(directory);
    if !directory.is_empty() {
        joined.push(b'/');
    }
    joined.extend_from_slice(name);
    joined
}

/// Whether `path` lies below `directory` (not counting the directory itself).
pub fn is_below(path: &[u8], directory: &[u8]) -> bool {
    directory.is_empty() && !path.is_empty()
        || path.strip_prefix(directory).is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// The hash of a path in tables of this process, another in each process.
///
/// Without a secret seed an image could name thousands of paths with one hash, and each of them
/// would be compared with all others. Nothing may depend on it but how fast a table is.
pub(crate) fn table_hash(path: &[u8]) -> u64 {
    static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    xxh3_64_with_seed(path, *SEED)
}

/// Shows a path as text without losing a byte: bytes that are not UTF-8 and control characters
/// become `%XX`, and `%` becomes `%25`.
///
/// ```
/// assert_eq!(oskin::path::escape(b"50%/\xff"), "50%25/%FF");
/// ```
pub fn escape(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '%' || character.is_control() {
                let mut buffer = [0; 4];
                escape_bytes(&mut text, character.encode_utf8(&mut buffer).as_bytes());
            } else {
                text.push(character);
            }
        }
        escape_bytes(&mut text, chunk.invalid());
    }
    text
}

/// Shows a path in a message: [`escape`]d, and a long one only in its beginning.
///
/// An image may have thousands of paths that are worth a warning, each of them as long as a path
/// may be or longer.
pub fn shorten(path: &[u8]) -> String {
    match path.get(..SHOWN_BYTES) {
        Some(beginning) if path.len() > SHOWN_BYTES => {
            format!("{}... ({} bytes)", escape(beginning), path.len())
        }
        _ => escape(path),
    }
}

fn escape_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "%{byte:02X}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn careless_stripping_would_eat_dots() {
        let normal = |raw: &[u8]| normalize(raw).map(Cow::into_owned);
        assert_eq!(normal(b".wh.node").unwrap(), b".wh.node");
        assert_eq!(normal(b"./.wh..wh..opq").unwrap(), b".wh..wh..opq");
        assert_eq!(normal(b"//a").unwrap(), b"a");
        assert_eq!(normal(b"././a/").unwrap(), b"a");
        assert_eq!(normal(b"./").unwrap(), b"");
        assert_eq!(normal(b"/").unwrap(), b"");
        assert_eq!(normal(b".").unwrap(), b"");
        assert_eq!(normal(b"...").unwrap(), b"...");
        assert_eq!(normal(b"a/..").unwrap_err(), PathProblem::Climbs);
        assert_eq!(normal(b"").unwrap_err(), PathProblem::Empty);
        assert_eq!(normal(b"a\0b").unwrap_err(), PathProblem::Nul);
        assert_eq!(normal(&b"a/".repeat(MAX_DEPTH)).unwrap().len(), MAX_DEPTH * 2 - 1);
        assert_eq!(normal(&b"a/".repeat(MAX_DEPTH + 1)).unwrap_err(), PathProblem::TooDeep);
        assert_eq!(normal(&b"a//".repeat(MAX_DEPTH + 1)).unwrap_err(), PathProblem::TooDeep);
    }

    #[test]
    fn long_paths_are_shown_in_their_beginning() {
        assert_eq!(shorten(b"a\n"), "a%0A");
        assert_eq!(shorten(&[1; 512]), "%01".repeat(512));
        assert_eq!(shorten(&[b'a'; 9999]), format!("{}... (9999 bytes)", "a".repeat(512)));
    }

    #[test]
    fn below_needs_a_slash() {
        assert!(is_below(b"usr/lib", b"usr"));
        assert!(!is_below(b"usrlib", b"usr"));
        assert!(!is_below(b"usr", b"usr"));
        assert!(is_below(b"usr", b""));
        assert!(!is_below(b"", b""));
    }

    proptest! {
        #[test]
        fn normal_form_is_stable_and_clean(raw in proptest::collection::vec(
            prop_oneof![Just(b'/'), Just(b'.'), Just(b'a'), any::<u8>()], 0..24)
        ) {
            if let Ok(path) = normalize(&raw) {
                let again = if path.is_empty() { Cow::Borrowed(&b""[..]) }
                            else { normalize(&path).expect("normal paths are accepted") };
                prop_assert_eq!(&again, &path);
                prop_assert!(is_normal(&path));
            }
        }

        #[test]
        fn normal_paths_are_those_of_names(raw in proptest::collection::vec(
            prop_oneof![Just(b'/'), Just(b'.'), Just(b'a')], 0..9)
        ) {
            let is_name = |name: &[u8]| !matches!(name, b"" | b"." | b"..");
            let naive = raw.is_empty() || raw.split(|&byte| byte == b'/').all(is_name);
            prop_assert_eq!(is_normal(&raw), naive);
        }

        #[test]
        fn the_order_of_trees_is_that_of_names(a in "[a/-]{0,8}", b in "[a/-]{0,8}") {
            let names = |path: &str| -> Vec<String> { path.split('/').map(str::to_owned).collect() };
            prop_assert_eq!(tree_order(a.as_bytes(), b.as_bytes()), names(&a).cmp(&names(&b)));
        }

        #[test]
        fn what_paths_share_is_counted(a in "[ab]{0,20}", b in "[ab]{0,20}") {
            let naive = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
            prop_assert_eq!(shared_bytes(a.as_bytes(), b.as_bytes()), naive);
        }

        #[test]
        fn escaping_keeps_every_byte(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            let text = escape(&raw).into_bytes();
            let mut back = Vec::new();
            let mut at = 0;
            while at < text.len() {
                if text[at] == b'%' {
                    let hex = std::str::from_utf8(&text[at + 1..at + 3]).unwrap();
                    back.push(u8::from_str_radix(hex, 16).unwrap());
                    at += 3;
                } else {
                    back.push(text[at]);
                    at += 1;
                }
            }
            prop_assert_eq!(back, raw);
        }
    }
}
