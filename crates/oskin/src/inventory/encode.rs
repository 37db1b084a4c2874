//! Layers and path lists as bytes: the building blocks of the catalog and of `.oski` files.
//!
//! Columns of small numbers, each near its neighbour, squeezed by zstd; docs/catalog-format.md
//! has the layout. Whatever is decoded is checked: damaged bytes give [`Damaged`], never a panic
//! and never more memory than the stated bounds.

mod software;
mod told;

pub use software::{put_software, take_records, take_software};
pub use told::{put_image_facts, put_packages, take_image_facts, take_packages};

use super::entry::{Entry, EntryKind};
use super::layer::Layer;
use crate::image::Digest;
use crate::path::{self, MAX_PATH_BYTES};
use std::borrow::Cow;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// The most entries that one encoded chunk of a layer holds.
pub const CHUNK_ENTRIES: usize = 65_536;

/// Bytes that cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("damaged data: {0}")]
pub struct Damaged(pub &'static str);

/// Compresses bytes and puts their checksum (xxh3, 64 bits) and length in front.
pub fn seal(plain: &[u8], level: i32) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(plain.len() / 3 + 32);
    sealed.extend_from_slice(&xxh3_64(plain).to_le_bytes());
    sealed.extend_from_slice(&(plain.len() as u64).to_le_bytes());
    // Compression into memory fails only on a level that does not exist; plain bytes follow a
    // zero then, which is no zstd magic.
    if let Ok(compressed) = zstd::bulk::compress(plain, level) {
        sealed.extend_from_slice(&compressed);
    } else {
        sealed.push(0);
        sealed.extend_from_slice(plain);
    }
    sealed
}

/// As [`seal`] without compressing, for bytes that are random; [`unseal`] takes both back.
pub fn seal_plain(plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(plain.len() + 17);
    sealed.extend_from_slice(&xxh3_64(plain).to_le_bytes());
    sealed.extend_from_slice(&(plain.len() as u64).to_le_bytes());
    sealed.push(0);
    sealed.extend_from_slice(plain);
    sealed
}

/// Takes back what [`seal`] made; what was not compressed is not copied.
///
/// # Errors
///
/// If the checksum or the length does not fit, or `limit_bytes` would be exceeded.
pub fn unseal(sealed: &[u8], limit_bytes: usize) -> Result<Cow<'_, [u8]>, Damaged> {
    let (head, body) = sealed.split_at_checked(16).ok_or(Damaged("block is cut short"))?;
    let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or_default();
    let length = usize::try_from(number(&head[8..])).unwrap_or(usize::MAX);
    if length > limit_bytes {
        return Err(Damaged("block states a length beyond its bound"));
    }
    let plain = match body.split_first() {
        Some((0, plain)) => Cow::Borrowed(plain),
        _ => zstd::bulk::decompress(body, length)
            .map(Cow::Owned)
            .map_err(|_| Damaged("block does not decompress"))?,
    };
    if plain.len() != length || xxh3_64(&plain) != number(&head[..8]) {
        return Err(Damaged("checksum of a block does not fit"));
    }
    Ok(plain)
}

/// Appends a number in groups of seven bits, lowest first.
pub fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// Appends a length and that many bytes.
pub fn put_bytes(bytes: &mut Vec<u8>, content: &[u8]) {
    put_number(bytes, content.len() as u64);
    bytes.extend_from_slice(content);
}

/// Reads what the `put_` functions wrote.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// Starts at the first byte.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all bytes have been read.
    pub const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// One byte.
    ///
    /// # Errors
    ///
    /// At the end of the bytes, as for all that follow.
    pub fn byte(&mut self) -> Result<u8, Damaged> {
        let (first, rest) = self.rest.split_first().ok_or(Damaged("data ends early"))?;
        self.rest = rest;
        Ok(*first)
    }

    /// A number.
    ///
    /// # Errors
    ///
    /// Also if it does not fit 64 bits.
    pub fn number(&mut self) -> Result<u64, Damaged> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Damaged("number is too large"))
    }

    /// A number that fits 32 bits.
    ///
    /// # Errors
    ///
    /// Also if it does not.
    pub fn small(&mut self) -> Result<u32, Damaged> {
        u32::try_from(self.number()?).map_err(|_| Damaged("number is too large"))
    }

    /// So many bytes.
    ///
    /// # Errors
    ///
    /// If fewer are left.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Damaged("data ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// A length and that many bytes.
    ///
    /// # Errors
    ///
    /// If fewer are left.
    pub fn bytes(&mut self) -> Result<&'a [u8], Damaged> {
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        self.take(length)
    }

    /// A length-prefixed text.
    ///
    /// # Errors
    ///
    /// Also if it is not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Damaged> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Damaged("text is not UTF-8"))
    }
}

/// Paths one after the other in one allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathList {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl PathList {
    /// The number of paths.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Appends a path.
    pub fn push(&mut self, path: &[u8]) {
        self.bytes.extend_from_slice(path);
        self.ends.push(self.bytes.len());
    }

    /// The path at `index`, if there are so many.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }

    /// All paths in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

/// Appends paths front-coded: what each shares with the one before, then the rest of it.
pub fn put_paths<'a>(bytes: &mut Vec<u8>, paths: impl Iterator<Item = &'a [u8]>) {
    let mut before: &[u8] = &[];
    for path in paths {
        let shared = path::shared_bytes(path, before);
        put_number(bytes, shared as u64);
        put_bytes(bytes, &path[shared..]);
        before = path;
    }
}

/// Reads so many front-coded paths.
///
/// # Errors
///
/// On damage, and for paths over [`MAX_PATH_BYTES`].
pub fn take_paths(decoder: &mut Decoder<'_>, count: usize) -> Result<PathList, Damaged> {
    let mut paths = PathList::default();
    let mut path = Vec::new();
    for _ in 0..count {
        let shared = decoder.number()?;
        let rest = decoder.bytes()?;
        if shared > path.len() as u64 || path.len().max(rest.len()) > MAX_PATH_BYTES {
            return Err(Damaged("front-coded path does not fit the one before"));
        }
        path.truncate(usize::try_from(shared).unwrap_or(usize::MAX));
        path.extend_from_slice(rest);
        paths.push(&path);
    }
    Ok(paths)
}

/// What many entries of a layer have in common; the table of them keeps an entry at a byte or two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Traits {
    kind: EntryKind,
    mode: u16,
    uid: u32,
    gid: u32,
    has_extra: bool,
}

impl Traits {
    fn of(entry: &Entry<'_>) -> Self {
        Self {
            kind: entry.kind,
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            has_extra: entry.digest.is_some() || entry.link.is_some(),
        }
    }

    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.kind.code() | u8::from(self.has_extra) << 7);
        for number in [u32::from(self.mode), self.uid, self.gid] {
            put_number(bytes, number.into());
        }
    }

    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        let code = decoder.byte()?;
        Ok(Self {
            kind: EntryKind::from_code(code & 0x7f).ok_or(Damaged("unknown kind of entry"))?,
            has_extra: code & 0x80 != 0,
            mode: u16::try_from(decoder.small()?).map_err(|_| Damaged("mode is too large"))?,
            uid: decoder.small()?,
            gid: decoder.small()?,
        })
    }
}

/// Encodes all of some entries but their paths.
pub fn put_facts(bytes: &mut Vec<u8>, layer: &Layer, range: Range<usize>) {
    let entries = || range.clone().map(|index| layer.get(index));
    let mut table: Vec<Traits> = entries().map(|entry| Traits::of(&entry)).collect();
    table.sort_unstable();
    table.dedup();
    put_number(bytes, table.len() as u64);
    for traits in &table {
        traits.put(bytes);
    }
    for entry in entries() {
        // Present by construction; the fallback is never taken.
        let at = table.binary_search(&Traits::of(&entry)).unwrap_or_default();
        put_number(bytes, at as u64);
    }
    for entry in entries().filter(|entry| entry.kind == EntryKind::File) {
        put_number(bytes, entry.size_bytes);
    }
    entries().filter_map(|entry| entry.link).for_each(|link| put_bytes(bytes, link));
    let kept = layer.kept();
    let inside = |index: &u32| range.contains(&(*index as usize));
    put_number(bytes, kept.keys().filter(|index| inside(index)).count() as u64);
    for (index, content) in kept.iter().filter(|(index, _)| inside(index)) {
        put_number(bytes, (*index as usize - range.start) as u64);
        put_bytes(bytes, content);
    }
    entries().filter_map(|entry| entry.digest).for_each(|digest| bytes.extend(digest.0));
}

/// Reads what [`put_facts`] wrote and appends the entries, under the given paths, to a layer.
///
/// # Errors
///
/// On damage, and when the layer is full.
pub fn take_facts(
    decoder: &mut Decoder<'_>,
    paths: &PathList,
    layer: &mut Layer,
) -> Result<(), Damaged> {
    let table_len = decoder.number()?;
    if table_len > paths.len() as u64 {
        return Err(Damaged("more traits than entries"));
    }
    let table: Vec<Traits> =
        (0..table_len).map(|_| Traits::take(decoder)).collect::<Result<_, _>>()?;
    let mut traits = Vec::with_capacity(paths.len());
    for _ in 0..paths.len() {
        let at = decoder.small()? as usize;
        traits.push(*table.get(at).ok_or(Damaged("unknown traits of an entry"))?);
    }
    let mut sizes = Vec::with_capacity(paths.len());
    for traits in &traits {
        sizes.push(if traits.kind == EntryKind::File { decoder.number()? } else { 0 });
    }
    let mut links = Vec::new();
    for traits in traits.iter().filter(|t| t.has_extra && t.kind != EntryKind::File) {
        if !matches!(traits.kind, EntryKind::Symlink | EntryKind::HardLink) {
            return Err(Damaged("a link of what has no link"));
        }
        links.push(decoder.bytes()?);
    }
    let kept = take_kept(decoder, layer.len(), paths.len())?;
    let mut links = links.into_iter();
    for ((traits, size_bytes), path) in traits.iter().zip(sizes).zip(paths.iter()) {
        let is_file = traits.kind == EntryKind::File;
        let digest = if traits.has_extra && is_file { Some(take_digest(decoder)?) } else { None };
        let link = if traits.has_extra && !is_file { links.next() } else { None };
        let Traits { kind, mode, uid, gid, .. } = *traits;
        let digest = digest.as_ref();
        let entry = Entry { path, kind, size_bytes, mode, uid, gid, link, digest };
        layer.push(&entry).map_err(|_| Damaged("too many entries"))?;
    }
    for (index, content) in kept {
        layer.keep(index, content);
    }
    Ok(())
}

fn take_digest(decoder: &mut Decoder<'_>) -> Result<Digest, Damaged> {
    let bytes = decoder.take(32)?.try_into().map_err(|_| Damaged("digest is cut short"))?;
    Ok(Digest(bytes))
}

fn take_kept(
    decoder: &mut Decoder<'_>,
    start: usize,
    count: usize,
) -> Result<Vec<(u32, Vec<u8>)>, Damaged> {
    let mut kept = Vec::new();
    for _ in 0..decoder.number()? {
        let index = decoder.small()? as usize;
        let content = decoder.bytes()?.to_vec();
        if index >= count {
            return Err(Damaged("kept content of no entry"));
        }
        let index = u32::try_from(start + index).map_err(|_| Damaged("too many entries"))?;
        kept.push((index, content));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Raw = (Vec<u8>, u8, u64, u16, u32, Vec<u8>);

    fn layer_of(raw: &[Raw]) -> Layer {
        let mut layer = Layer::new();
        for (path, code, size, mode, id, extra) in raw {
            let kind = EntryKind::from_code(code % 10).unwrap();
            let digest = Digest([*code; 32]);
            let entry = Entry {
                size_bytes: if kind == EntryKind::File { *size } else { 0 },
                mode: *mode,
                uid: *id,
                gid: id / 2,
                link: (extra.len() > 2).then_some(extra.as_slice()),
                digest: (extra.len() > 1).then_some(&digest),
                ..Entry::bare(path, kind)
            };
            let index = layer.push(&entry).unwrap();
            if extra.len() == 5 {
                layer.keep(index, extra.clone());
            }
        }
        layer
    }

    fn encode(layer: &Layer) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_number(&mut bytes, layer.len() as u64);
        put_paths(&mut bytes, layer.iter().map(|entry| entry.path));
        put_facts(&mut bytes, layer, 0..layer.len());
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Layer, Damaged> {
        let mut decoder = Decoder::new(bytes);
        let count = usize::try_from(decoder.number()?).unwrap();
        let paths = take_paths(&mut decoder, count)?;
        let mut layer = Layer::new();
        take_facts(&mut decoder, &paths, &mut layer)?;
        Ok(layer)
    }

    fn raw_layer() -> impl Strategy<Value = Vec<Raw>> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..6);
        let entry = (bytes(), any::<u8>(), any::<u64>(), any::<u16>(), any::<u32>(), bytes());
        proptest::collection::vec(entry, 0..40)
    }

    proptest! {
        #[test]
        fn layers_come_back_as_they_were(raw in raw_layer()) {
            let layer = layer_of(&raw);
            prop_assert_eq!(decode(&encode(&layer)), Ok(layer));
        }

        #[test]
        fn damage_is_met_with_an_error_or_other_entries_never_a_panic(
            raw in raw_layer(), at in any::<prop::sample::Index>(), byte in any::<u8>()
        ) {
            let mut bytes = encode(&layer_of(&raw));
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _either_way = decode(&bytes);
            let _cut_short = decode(&bytes[..at]);
        }

        #[test]
        fn changed_blocks_never_give_other_bytes(
            plain in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()
        ) {
            let mut sealed = seal(&plain, 3);
            prop_assert_eq!(unseal(&sealed, 200), Ok(Cow::Borrowed(&plain[..])));
            let at = at.index(sealed.len());
            sealed[at] ^= 0x10;
            // Some bits of a zstd header mean nothing, so the same bytes may still come back.
            prop_assert!(unseal(&sealed, 1 << 20).is_ok_and(|back| back == plain)
                || unseal(&sealed, 1 << 20).is_err());
        }
    }

    #[test]
    fn stated_lengths_are_bounded() {
        assert!(unseal(&seal(&[7; 100], 3), 99).is_err());
    }
}
