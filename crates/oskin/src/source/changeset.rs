//! One tar stream becomes one layer: entries, whiteouts, digests of all contents, in one pass.

use super::decompress::Content;
use super::held::Held;
use super::input::Stream;
use super::stored::Stored;
use super::tar_entries::{Ending, Member, MemberKind, Members, TarError, TarErrorKind};
use super::tar_sparse::SparseMap;
use super::{Limits, ReadOptions, SourceError, Warnings};
use crate::image::Digest;
use crate::inventory::{self, Entry, EntryKind, Layer};
use crate::path;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// How many bytes of holes are hashed in one layer. A sparse file states its size in a few bytes,
/// so that without a bound a small archive would keep the processor busy for years.
const MAX_HOLE_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// A layer that was read, and what is known of the stream it came from.
#[derive(Clone, Debug)]
pub(super) struct Changeset {
    pub(super) layer: Arc<Layer>,
    /// Bytes of the uncompressed stream.
    pub(super) size_bytes: u64,
    /// The digest of the uncompressed stream.
    pub(super) diff_id: Digest,
    /// The digest of the stored bytes, if it was computed.
    pub(super) stored_digest: Option<Digest>,
    pub(super) warnings: Warnings,
}

/// Reads a tar stream, compressed or not, to its last byte.
pub(super) fn read_changeset(
    stored: Stored<'_>,
    place: &str,
    options: &ReadOptions<'_>,
) -> Result<Changeset, SourceError> {
    let content = Content::new(stored).map_err(|error| SourceError::io(place, error))?;
    read_stream(Stream::hashing(content), place, options)
}

/// Reads a tar stream of which the first bytes were looked at.
pub(super) fn read_stream(
    stream: Stream<'_>,
    place: &str,
    options: &ReadOptions<'_>,
) -> Result<Changeset, SourceError> {
    let limits = &options.limits;
    let mut reader = Reader {
        layer: Layer::new(),
        warnings: Warnings::new(place),
        place,
        limits,
        holes_left: MAX_HOLE_BYTES,
        zeros: Vec::new(),
        held: Held::new(&options.wanted),
    };
    let mut members = Members::new(stream.limited(limits.content_bytes));
    while let Some(member) = members.next().map_err(|error| tar_error(place, error))? {
        reader.take(&mut members, &member)?;
    }
    if members.ending() == Some(Ending::NoMarker) && members.content_offset() > 0 {
        reader.warnings.push(None, "the archive has no end marker; perhaps it is cut off");
    }
    let Reader { mut layer, mut warnings, .. } = reader;
    layer.set_searched(true);
    let end = members.into_input().finish().map_err(|error| SourceError::io(place, error))?;
    // Behind the archive eStargz keeps its table of contents, which is no part of the changeset.
    if !end.goes_on_with.is_empty() && !end.goes_on_with.starts_with(b"stargz.index.json") {
        warnings.push(None, "data behind the end of the archive was left out");
    }
    if end.rest_bytes > 0 {
        let what = format!("{} bytes behind the compressed data were left out", end.rest_bytes);
        warnings.push(None, what);
    }
    let diff_id = end.content_digest.unwrap_or(Digest([0; 32]));
    let (size_bytes, stored_digest) = (end.content_bytes, end.stored_digest);
    let layer = Arc::new(layer);
    Ok(Changeset { layer, size_bytes, diff_id, stored_digest, warnings })
}

/// Says where in which archive a member is damaged.
pub(super) fn tar_error(place: &str, error: TarError) -> SourceError {
    let place = format!("{place}: entry {} at byte {}", error.number, error.offset);
    match error.kind {
        TarErrorKind::Damaged(what) => SourceError::Damaged { place, what },
        TarErrorKind::Io(error) => SourceError::io(place, error),
    }
}

struct Reader<'p> {
    layer: Layer,
    warnings: Warnings,
    place: &'p str,
    limits: &'p Limits,
    holes_left: u64,
    // Zeros to hash for holes; made when first needed.
    zeros: Vec<u8>,
    held: Held,
}

/// Appends an entry to a layer that may hold no more than the limit.
pub(super) fn push(
    layer: &mut Layer,
    entry: &Entry<'_>,
    place: &str,
    limits: &Limits,
) -> Result<u32, SourceError> {
    let full = || SourceError::Limit {
        place: place.to_owned(),
        what: "entries",
        limit: limits.entries.min(inventory::MAX_LAYER_ENTRIES as u64),
    };
    if layer.len() as u64 >= limits.entries {
        return Err(full());
    }
    layer.push(entry).map_err(|_| full())
}

/// What the name of a member makes of it (OCI image spec, layer.md, "Whiteouts").
enum Meaning<'a> {
    Entry,
    /// The path is hidden in lower layers.
    Whiteout(Vec<u8>),
    /// What is below the path is hidden in lower layers.
    Opaque(&'a [u8]),
    /// Bookkeeping of the aufs storage driver.
    Internal,
    Nameless,
}

fn meaning(path: &[u8]) -> Meaning<'_> {
    let (directory, name) = path::split_name(path);
    if name == b".wh..wh..opq" {
        return Meaning::Opaque(directory);
    }
    if path.split(|&byte| byte == b'/').any(|name| name.starts_with(b".wh..wh.")) {
        return Meaning::Internal;
    }
    match name.strip_prefix(b".wh.") {
        Some(b"") => Meaning::Nameless,
        Some(hidden) => Meaning::Whiteout(path::join(directory, hidden)),
        None => Meaning::Entry,
    }
}

impl Reader<'_> {
    fn warn(&mut self, member: &Member, what: impl AsRef<str>) {
        let at = format!("entry {} at byte {}", member.number, member.offset);
        let what = format!("{}: {}", path::shorten(&member.path), what.as_ref());
        self.warnings.push(Some(&at), what);
    }

    fn push(&mut self, entry: &Entry<'_>) -> Result<u32, SourceError> {
        push(&mut self.layer, entry, self.place, self.limits)
    }

    fn take(
        &mut self,
        members: &mut Members<Stream<'_>>,
        member: &Member,
    ) -> Result<(), SourceError> {
        if let Some(problem) = member.problem {
            self.warn(member, problem);
        }
        if matches!(member.kind, MemberKind::Other(_)) {
            return Ok(());
        }
        if let Some(problem) = self.limits.too_long(&member.path) {
            self.warn(member, problem);
            return Ok(());
        }
        let path = match path::normalize(&member.path) {
            Ok(path) => path,
            Err(problem) => {
                self.warn(member, format!("{problem}; left out"));
                return Ok(());
            }
        };
        match meaning(&path) {
            Meaning::Entry => {}
            Meaning::Whiteout(hidden) => {
                // `.wh...` would hide the directory above.
                if matches!(path::split_name(&hidden).1, b"." | b"..") {
                    self.warn(member, "whiteout of no name; left out");
                    return Ok(());
                }
                return self.push(&Entry::bare(&hidden, EntryKind::Whiteout)).map(drop);
            }
            Meaning::Opaque(directory) => {
                return self.push(&Entry::bare(directory, EntryKind::OpaqueWhiteout)).map(drop);
            }
            Meaning::Internal => return Ok(()),
            Meaning::Nameless => {
                self.warn(member, "whiteout of no name; left out");
                return Ok(());
            }
        }
        // The root itself is not an entry.
        if path.is_empty() {
            return Ok(());
        }
        self.entry(members, member, &path)
    }

    fn entry(
        &mut self,
        members: &mut Members<Stream<'_>>,
        member: &Member,
        path: &[u8],
    ) -> Result<(), SourceError> {
        let mut entry = Entry::bare(path, EntryKind::File);
        entry.mode = u16::try_from(member.mode & 0o7777).unwrap_or(0);
        entry.uid = self.owner(member, member.uid);
        entry.gid = self.owner(member, member.gid);
        let link;
        match member.kind {
            MemberKind::File | MemberKind::Other(_) => {
                return self.file(members, member, entry);
            }
            MemberKind::Directory => entry.kind = EntryKind::Directory,
            MemberKind::CharDevice => entry.kind = EntryKind::CharDevice,
            MemberKind::BlockDevice => entry.kind = EntryKind::BlockDevice,
            MemberKind::Fifo => entry.kind = EntryKind::Fifo,
            MemberKind::Symlink => {
                if self.limits.too_long(&member.link).is_some() {
                    self.warn(member, "target of the symbolic link is too long; left out");
                    return Ok(());
                }
                entry.kind = EntryKind::Symlink;
                entry.link = Some(&member.link);
            }
            MemberKind::HardLink => {
                link = match path::normalize(&member.link) {
                    Ok(link) => link,
                    Err(problem) => {
                        self.warn(member, format!("target of the hard link: {problem}; left out"));
                        return Ok(());
                    }
                };
                if link.is_empty() {
                    self.warn(member, "hard link to the root; left out");
                    return Ok(());
                }
                entry.kind = EntryKind::HardLink;
                entry.link = Some(&link);
            }
        }
        self.push(&entry).map(drop)
    }

    fn owner(&mut self, member: &Member, id: u64) -> u32 {
        u32::try_from(id).unwrap_or_else(|_| {
            self.warn(member, format!("owner {id} does not fit into 32 bits; taken as 0"));
            0
        })
    }

    fn file(
        &mut self,
        members: &mut Members<Stream<'_>>,
        member: &Member,
        mut entry: Entry<'_>,
    ) -> Result<(), SourceError> {
        self.held.drop_it();
        let digest = if let Some(map) = &member.sparse {
            entry.size_bytes = map.size_bytes;
            self.sparse_content(members, member, map)?
        } else {
            entry.size_bytes = member.stored_bytes;
            let mut hasher = Sha256::new();
            let held = &mut self.held;
            held.begin(entry.path, entry.mode, entry.size_bytes);
            let sink = |chunk: &[u8]| {
                hasher.update(chunk);
                held.push(chunk);
            };
            members.content(sink).map_err(|error| tar_error(self.place, error))?;
            Some(Digest(hasher.finalize().into()))
        };
        let index = self.push(&Entry { digest: digest.as_ref(), ..entry })?;
        self.held.note(&mut self.layer, index, &mut self.warnings);
        Ok(())
    }

    /// The digest of a sparse file as it is unpacked, holes as zeros.
    fn sparse_content(
        &mut self,
        members: &mut Members<Stream<'_>>,
        member: &Member,
        map: &SparseMap,
    ) -> Result<Option<Digest>, SourceError> {
        if !map.is_sound(member.stored_bytes) {
            self.warn(member, "the map of the sparse file is wrong; its content was not read");
            return Ok(None);
        }
        let holes = map.size_bytes - member.stored_bytes;
        if holes > self.holes_left {
            self.warn(member, "its holes are too large; its content was not read");
            return Ok(None);
        }
        self.holes_left -= holes;
        self.zeros.resize(64 * 1024, 0);
        let zeros = &self.zeros;
        let mut hasher = Sha256::new();
        let mut at = 0;
        let mut pieces = map.pieces.iter().filter(|piece| piece.length > 0);
        let mut piece_left = 0;
        let mut hash_piece = |mut chunk: &[u8]| {
            while !chunk.is_empty() {
                if piece_left == 0 {
                    // A sound map has a piece for every byte of content.
                    let Some(piece) = pieces.next() else { return };
                    hash_zeros(&mut hasher, zeros, piece.offset - at);
                    at = piece.offset + piece.length;
                    piece_left = piece.length;
                }
                let count = usize::try_from(piece_left).map_or(chunk.len(), |n| n.min(chunk.len()));
                hasher.update(&chunk[..count]);
                piece_left -= count as u64;
                chunk = &chunk[count..];
            }
        };
        members.content(&mut hash_piece).map_err(|error| tar_error(self.place, error))?;
        hash_zeros(&mut hasher, zeros, map.size_bytes - at);
        Ok(Some(Digest(hasher.finalize().into())))
    }
}

fn hash_zeros(hasher: &mut Sha256, zeros: &[u8], mut count: u64) {
    while count > 0 {
        let now = usize::try_from(count).map_or(zeros.len(), |count| count.min(zeros.len()));
        hasher.update(&zeros[..now]);
        count -= now as u64;
    }
}

/// Where a link inside an archive leads: its target seen from the directory of the link, or
/// `None` if that is outside.
pub(super) fn link_target(link: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    let mut done = match target.first() {
        Some(b'/') => Vec::new(),
        _ => path::split_name(link).0.to_vec(),
    };
    for name in target.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if done.is_empty() => return None,
            b".." => done.truncate(path::split_name(&done).0.len()),
            name => done = path::join(&done, name),
        }
    }
    Some(done)
}
