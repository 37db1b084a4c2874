//! Versions of Python packages, as PEP 440 lays them down.

use super::{Number, natural, take_while};
use std::cmp::Ordering;

/// All that counts of a version, in the order in which it counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    epoch: Number<'a>,
    release: Vec<Number<'a>>,
    pre: Pre<'a>,
    post: Option<Number<'a>>,
    dev: Dev<'a>,
    local: Vec<Local<'a>>,
}

/// Whether it is before the release; one for developers alone is before all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pre<'a> {
    Dev,
    Named(u8, Number<'a>),
    Release,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Dev<'a> {
    Dev(Number<'a>),
    No,
}

/// A part behind a plus: numbers are newer than words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Local<'a> {
    Word(&'a [u8]),
    Number(Number<'a>),
}

/// The longer names of a kind come first, since a shorter one may begin them.
const PRE: [(&[u8], u8); 8] = [
    (b"alpha", b'a'),
    (b"beta", b'b'),
    (b"preview", b'c'),
    (b"pre", b'c'),
    (b"rc", b'c'),
    (b"a", b'a'),
    (b"b", b'b'),
    (b"c", b'c'),
];
const POST: [(&[u8], u8); 3] = [(b"post", 0), (b"rev", 0), (b"r", 0)];
const DEV: [(&[u8], u8); 1] = [(b"dev", 0)];

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let [a, b] = [a, b].map(|version| version.trim().to_ascii_lowercase());
    match (key(&a), key(&b)) {
        (None, None) => natural(&a, &b),
        (a, b) => a.cmp(&b),
    }
}

/// The key of a version in lower case; `None` if it is none by PEP 440.
fn key(version: &str) -> Option<Key<'_>> {
    let version = version.strip_prefix('v').unwrap_or(version);
    let (version, local) = version.split_once('+').map_or((version, None), |(a, b)| (a, Some(b)));
    let (epoch, version) = version.split_once('!').unwrap_or(("0", version));
    let mut rest = version.as_bytes();
    let mut release = Vec::new();
    loop {
        release.push(number(&mut rest)?);
        match rest {
            [b'.', b'0'..=b'9', ..] => rest = rest.get(1..).unwrap_or_default(),
            _ => break,
        }
    }
    while release.last() == Some(&Number::default()) {
        release.pop();
    }
    let pre = named(&mut rest, &PRE);
    let post = match rest {
        [b'-', b'0'..=b'9', ..] => {
            rest = rest.get(1..).unwrap_or_default();
            number(&mut rest)
        }
        _ => named(&mut rest, &POST).map(|(_, number)| number),
    };
    let dev = named(&mut rest, &DEV).map(|(_, number)| number);
    let epoch = number(&mut epoch.as_bytes()).filter(|_| epoch.bytes().all(|b| b.is_ascii_digit()));
    let local = match local {
        Some(text) => text.split(['-', '_', '.']).map(local_part).collect::<Option<_>>()?,
        None => Vec::new(),
    };
    let pre = match pre {
        Some((letter, number)) => Pre::Named(letter, number),
        None if post.is_none() && dev.is_some() => Pre::Dev,
        None => Pre::Release,
    };
    let dev = dev.map_or(Dev::No, Dev::Dev);
    let key = Key { epoch: epoch?, release, pre, post, dev, local };
    rest.is_empty().then_some(key)
}

fn number<'a>(rest: &mut &'a [u8]) -> Option<Number<'a>> {
    let digits = take_while(rest, u8::is_ascii_digit);
    (!digits.is_empty()).then(|| Number::new(digits))
}

/// A part with a name: `-_.` before it or not, and a number behind it, which is zero if there is none.
fn named<'a>(rest: &mut &'a [u8], names: &[(&[u8], u8)]) -> Option<(u8, Number<'a>)> {
    let is_mark = |byte: &u8| matches!(byte, b'-' | b'_' | b'.');
    let unmarked = |rest: &'a [u8]| match rest.split_first() {
        Some((mark, after)) if is_mark(mark) => after,
        _ => rest,
    };
    let (after, letter) = names
        .iter()
        .find_map(|(name, letter)| Some((unmarked(rest).strip_prefix(*name)?, *letter)))?;
    // A mark may stand there without a number behind it.
    *rest = unmarked(after);
    Some((letter, number(rest).unwrap_or_default()))
}

fn local_part(text: &str) -> Option<Local<'_>> {
    let bytes = text.as_bytes();
    let is_part = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_alphanumeric);
    is_part.then(|| match bytes.iter().all(u8::is_ascii_digit) {
        true => Local::Number(Number::new(bytes)),
        false => Local::Word(bytes),
    })
}
