//! The root file system inside a file system image, entry by entry, as one layer.
//!
//! Readers of file systems walk a directory in the byte order of its names, each subdirectory right
//! behind its own entry. So the first of several names of one file is the same whatever the file
//! system is, and the same tree gives the same layer.

use super::held::Held;
use super::layer::LayerRead;
use super::{ReadOptions, SourceError, Warnings, changeset};
use crate::image::{Digest, LayerKey};
use crate::inventory::{Entry, EntryKind, Layer, canonical_digest};
use crate::path;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

/// What can be read as one layer and is no stream: a file system image.
pub(super) trait Tree: std::fmt::Debug + Send + Sync {
    /// Reads all of it.
    fn read(&self, place: &str, options: &ReadOptions<'_>) -> Result<LayerRead, SourceError>;
}

/// Owner and permissions of an entry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attributes {
    /// Permission, set-id and sticky bits; higher bits are ignored.
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Takes the entries of a file system and holds them to the limits.
pub(super) struct TreeReader<'r> {
    place: &'r str,
    options: &'r ReadOptions<'r>,
    layer: Layer,
    warnings: Warnings,
    // The entry that was the first name of an inode.
    linked: BTreeMap<u64, u32>,
    size_bytes: u64,
    buffer: Vec<u8>,
    held: Held,
}

impl<'r> TreeReader<'r> {
    pub(super) fn new(place: &'r str, options: &'r ReadOptions<'r>) -> Self {
        Self {
            place,
            options,
            layer: Layer::new(),
            warnings: Warnings::new(place),
            linked: BTreeMap::new(),
            size_bytes: 0,
            buffer: vec![0; super::stored::BUFFER_BYTES],
            held: Held::new(&options.wanted),
        }
    }

    /// Warns of an entry, or of the whole.
    pub(super) fn warn(&mut self, path: Option<&[u8]>, what: impl Into<String>) {
        let part = path.map(path::shorten);
        self.warnings.push(part.as_deref(), what);
    }

    /// Warns of what is there, of an entry or of the whole, and cannot be read.
    pub(super) fn lose(&mut self, path: Option<&[u8]>, what: impl Into<String>) {
        let part = path.map(path::shorten);
        self.warnings.lose(part.as_deref(), what);
    }

    /// An entry that has no content of its own; `link` is the target of a symbolic link as it is
    /// written.
    ///
    /// The path is put into normal form; one that has none is left out with a warning. The root
    /// itself is no entry.
    pub(super) fn add(
        &mut self,
        raw_path: &[u8],
        kind: EntryKind,
        attributes: Attributes,
        link: Option<&[u8]>,
    ) -> Result<(), SourceError> {
        let Some(path) = self.normal(raw_path) else { return Ok(()) };
        if link.is_some_and(|link| self.options.limits.too_long(link).is_some()) {
            self.warn(Some(&path), "target of the symbolic link is too long; left out");
            return Ok(());
        }
        self.push(&Entry { link, ..entry(&path, kind, attributes) }).map(drop)
    }

    /// Hides what lower layers have below a directory, the root included.
    pub(super) fn hide_below(&mut self, raw_path: &[u8]) -> Result<(), SourceError> {
        let path = if raw_path.is_empty() { Some(Vec::new()) } else { self.normal(raw_path) };
        let Some(path) = path else { return Ok(()) };
        self.push(&Entry::bare(&path, EntryKind::OpaqueWhiteout)).map(drop)
    }

    /// A regular file of a stated size.
    ///
    /// `inode` is given where the file has further names; of a second name the content is not read.
    /// Content that cannot be read is a warning, and the entry has no digest. The size is that of
    /// what was read.
    pub(super) fn file<R: Read>(
        &mut self,
        raw_path: &[u8],
        attributes: Attributes,
        (stated_bytes, inode): (u64, Option<u64>),
        open: impl FnOnce() -> io::Result<R>,
    ) -> Result<(), SourceError> {
        let Some(path) = self.normal(raw_path) else { return Ok(()) };
        if let Some(&first) = inode.and_then(|inode| self.linked.get(&inode)) {
            let first = self.layer.path(first as usize).to_vec();
            let link = entry(&path, EntryKind::HardLink, attributes);
            return self.push(&Entry { link: Some(&first), ..link }).map(drop);
        }
        self.bound_content(stated_bytes)?;
        let mut digest = None;
        self.held.begin(&path, attributes.mode, stated_bytes);
        let mut size_bytes = stated_bytes;
        if self.options.contents {
            match open().and_then(|content| self.content(content, stated_bytes)) {
                Ok((read_bytes, read)) => {
                    if read_bytes != stated_bytes {
                        let what =
                            format!("{stated_bytes} bytes are stated, there are {read_bytes}");
                        self.lose(Some(&path), what);
                    }
                    size_bytes = read_bytes;
                    digest = Some(read);
                }
                Err(error) => {
                    self.held.drop_it();
                    self.lose(Some(&path), format!("the content cannot be read: {error}"));
                }
            }
        }
        self.size_bytes = self.size_bytes.saturating_add(size_bytes);
        let file = entry(&path, EntryKind::File, attributes);
        let index = self.push(&Entry { size_bytes, digest: digest.as_ref(), ..file })?;
        if digest.is_some() {
            self.held.note(&mut self.layer, index, &mut self.warnings);
        }
        if let Some(inode) = inode {
            self.linked.insert(inode, index);
        }
        Ok(())
    }

    /// A regular file of which only the size is known; nothing else is counted of it.
    pub(super) fn unread_file(
        &mut self,
        raw_path: &[u8],
        attributes: Attributes,
        (size_bytes, inode): (u64, Option<u64>),
    ) -> Result<(), SourceError> {
        let Some(path) = self.normal(raw_path) else { return Ok(()) };
        let index =
            self.push(&Entry { size_bytes, ..entry(&path, EntryKind::File, attributes) })?;
        if let Some(inode) = inode {
            self.linked.entry(inode).or_insert(index);
        }
        Ok(())
    }

    /// All that was taken.
    pub(super) fn finish(mut self) -> LayerRead {
        self.layer.set_searched(self.options.contents);
        LayerRead {
            key: LayerKey::Inventory(canonical_digest(&self.layer)),
            layer: Arc::new(self.layer),
            size_bytes: self.size_bytes,
            lost: self.warnings.lost.clone(),
            warnings: self.warnings.into_list(),
        }
    }

    /// The normal form of a path, if it has one and is not the root.
    fn normal(&mut self, raw_path: &[u8]) -> Option<Vec<u8>> {
        if let Some(problem) = self.options.limits.too_long(raw_path) {
            self.warn(Some(raw_path), problem);
            return None;
        }
        match path::normalize(raw_path) {
            Ok(path) => (!path.is_empty()).then(|| path.into_owned()),
            Err(problem) => {
                self.warn(Some(raw_path), format!("{problem}; left out"));
                None
            }
        }
    }

    fn push(&mut self, entry: &Entry<'_>) -> Result<u32, SourceError> {
        changeset::push(&mut self.layer, entry, self.place, &self.options.limits)
    }

    fn bound_content(&self, stated_bytes: u64) -> Result<(), SourceError> {
        let limit = self.options.limits.content_bytes;
        if self.size_bytes.saturating_add(stated_bytes) > limit {
            let place = self.place.to_owned();
            return Err(SourceError::TooLarge { place, what: "its content", limit_bytes: limit });
        }
        Ok(())
    }

    /// Reads no more than is stated: size and digest.
    fn content(&mut self, content: impl Read, stated_bytes: u64) -> io::Result<(u64, Digest)> {
        self.options.progress.expect(stated_bytes);
        let mut content = content.take(stated_bytes);
        let mut hasher = Sha256::new();
        let mut size_bytes = 0;
        loop {
            let count = match content.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let chunk = &self.buffer[..count];
            hasher.update(chunk);
            self.options.progress.advance(count as u64);
            self.held.push(chunk);
            size_bytes += count as u64;
        }
        Ok((size_bytes, Digest(hasher.finalize().into())))
    }
}

fn entry(path: &[u8], kind: EntryKind, attributes: Attributes) -> Entry<'_> {
    let Attributes { mode, uid, gid } = attributes;
    Entry { mode: mode & 0o7777, uid, gid, ..Entry::bare(path, kind) }
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::*;

    const PLAIN: Attributes = Attributes { mode: 0o644, uid: 0, gid: 0 };

    fn bytes(content: &'static [u8]) -> impl FnOnce() -> io::Result<&'static [u8]> {
        || Ok(content)
    }

    #[test]
    fn further_names_are_hard_links_and_short_content_is_a_warning() {
        let options = ReadOptions::default();
        let mut tree = TreeReader::new("x", &options);
        tree.add(b"/", EntryKind::Directory, PLAIN, None).unwrap();
        tree.file(b"/a", PLAIN, (3, Some(7)), bytes(b"abcdef")).unwrap();
        tree.file(b"/b", PLAIN, (3, Some(7)), || Err::<&[u8], _>(io::Error::other("read twice")))
            .unwrap();
        tree.file(b"/c", PLAIN, (9, None), bytes(b"abc")).unwrap();
        let read = tree.finish();
        let all: Vec<_> = read.layer.iter().map(|it| (it.kind, it.size_bytes, it.link)).collect();
        let expected = [
            (EntryKind::File, 3, None),
            (EntryKind::HardLink, 0, Some(&b"a"[..])),
            (EntryKind::File, 3, None),
        ];
        assert_eq!(all, expected);
        assert_eq!(read.layer.get(0).digest, read.layer.get(2).digest);
        assert_eq!((read.size_bytes, read.warnings.len()), (6, 1));
        assert_eq!(
            read.lost,
            Some(super::super::Lost { parts: 1, first: read.warnings[0].clone() })
        );
    }

    #[test]
    fn each_limit_has_its_message() {
        let limits = Limits { entries: 1, content_bytes: 5, path_bytes: 4, ..Limits::default() };
        let options = ReadOptions { limits, ..ReadOptions::default() };
        let mut tree = TreeReader::new("x", &options);
        tree.add(b"long/path", EntryKind::Directory, PLAIN, None).unwrap();
        let error = tree.file(b"a", PLAIN, (6, None), bytes(b"")).unwrap_err().to_string();
        assert_eq!(error, "x: its content is larger than the limit of 5 bytes");
        tree.add(b"a", EntryKind::Fifo, PLAIN, None).unwrap();
        let error = tree.add(b"b", EntryKind::Fifo, PLAIN, None).unwrap_err().to_string();
        assert_eq!(error, "x: more entries than the limit of 1");
        let read = tree.finish();
        assert_eq!((read.warnings.len(), read.lost), (1, None));
    }
}
