//! `squashfs:`, a squashfs 4.0 file system as `mksquashfs` writes it: alone in a file, or a part of
//! another image.
//!
//! It is read by code of our own: what crates there are keep all inodes in memory, refuse long
//! links or do not tell which names are one file.

mod content;
mod decoder;
mod image;
mod inode;
mod xattr;

pub(super) use image::MAGIC;

use super::archive::{open_whole, place_of};
use super::layer::{LayerRead, LayerSource, Origin};
use super::read_at::{ReadAt, WholeFile};
use super::stored::BUFFER_BYTES;
use super::tree::{Attributes, Tree, TreeReader};
use super::{ImageSource, ReadOptions, SourceError, SourceSpec, name};
use crate::image::Digest;
use crate::inventory::EntryKind;
use crate::path;
use content::{Content, Room};
use hashbrown::HashTable;
use image::Image;
use inode::{Body, Listing};
use sha2::{Digest as _, Sha256};
use std::io;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// The name of a file that hides another of a lower layer begins so (OCI image spec, layer.md).
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Finds the one image of a `squashfs:` file.
pub(super) fn open(spec: &SourceSpec) -> Result<Vec<ImageSource>, SourceError> {
    let place = place_of(&spec.location);
    if spec.location.as_os_str() == "-" {
        let what = "a file system is read at many places, which the standard input does not allow";
        return Err(SourceError::Unrecognized {
            place,
            what: what.to_owned(),
            hint: Some("save it to a file, then use squashfs:FILE".to_owned()),
        });
    }
    let file = open_whole(&spec.location, &place)?;
    let file = WholeFile::new(file).map_err(|error| SourceError::io(&place, error))?;
    let tree = tree(Arc::new(file), &place)?;
    Ok(vec![of_tree(spec, tree, place)])
}

/// The image that is one file system.
pub(super) fn of_tree(spec: &SourceSpec, tree: Arc<dyn Tree>, place: String) -> ImageSource {
    let layer = LayerSource::unnamed(Origin::Tree(tree), place);
    ImageSource::plain(spec, name::suggested(&spec.location), layer)
}

/// The file system in these bytes; fails if there is none that can be read.
pub(super) fn tree(bytes: Arc<dyn ReadAt>, place: &str) -> Result<Arc<dyn Tree>, SourceError> {
    Image::new(Arc::clone(&bytes), place)?;
    Ok(Arc::new(Squashfs { bytes, is_layer: false, promised: None }))
}

/// The file system in these bytes as one layer of several: what hides files of lower layers is read
/// as that.
///
/// A file is hidden by a character device 0, 0 of its name, what a directory had by an attribute, as
/// overlayfs has them, or either by the names of the OCI image spec. The digest of all its bytes is verified if one is promised.
pub(super) fn layer(bytes: Arc<dyn ReadAt>, promised: Option<Digest>) -> Arc<dyn Tree> {
    Arc::new(Squashfs { bytes, is_layer: true, promised })
}

/// A squashfs file system.
#[derive(Debug)]
struct Squashfs {
    bytes: Arc<dyn ReadAt>,
    is_layer: bool,
    promised: Option<Digest>,
}

impl Tree for Squashfs {
    fn read(&self, place: &str, options: &ReadOptions<'_>) -> Result<LayerRead, SourceError> {
        if let Some(promised) = self.promised {
            verify(&self.bytes, promised, place)?;
        }
        let image = Image::new(Arc::clone(&self.bytes), place)?;
        let reader = TreeReader::new(place, options);
        let mut walk = Walk {
            place,
            options,
            is_layer: self.is_layer,
            image,
            reader,
            room: Room::new(),
            stack: Vec::new(),
            path: Vec::new(),
            listed: 0,
            entered: HashTable::new(),
        };
        walk.all()?;
        Ok(walk.reader.finish())
    }
}

/// Reads all bytes for their digest.
fn verify(bytes: &Arc<dyn ReadAt>, expected: Digest, place: &str) -> Result<(), SourceError> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut at = 0;
    loop {
        match bytes.read_at(&mut buffer, at) {
            Ok(0) => break,
            Ok(count) => {
                hasher.update(&buffer[..count]);
                at += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(SourceError::io(place, error)),
        }
    }
    let got = Digest(hasher.finalize().into());
    match got == expected {
        true => Ok(()),
        false => Err(SourceError::DigestMismatch { place: place.to_owned(), expected, got }),
    }
}

/// A directory on the way to the current entry.
struct Frame {
    listing: Listing,
    next: usize,
    // How much of the current path leads here.
    path_bytes: usize,
}

struct Walk<'r> {
    place: &'r str,
    options: &'r ReadOptions<'r>,
    is_layer: bool,
    image: Image,
    reader: TreeReader<'r>,
    room: Room,
    stack: Vec<Frame>,
    // The path of the entry in hand.
    path: Vec<u8>,
    // How many entries all listings had.
    listed: u64,
    // The references of all directories that were read: none has two names, so a second one is a
    // circle, or would be read again and again.
    entered: HashTable<u64>,
}

impl Walk<'_> {
    fn all(&mut self) -> Result<(), SourceError> {
        let root = self.image.root();
        let inode = self.image.inode(root).map_err(|error| self.damage(error))?;
        let Body::Directory(extent, xattrs) = inode.body else {
            return Err(SourceError::damaged(self.place, "the root is no directory"));
        };
        self.opaque(xattrs)?;
        self.enter(root, &extent)?;
        while let Some(frame) = self.stack.last_mut() {
            self.path.truncate(frame.path_bytes);
            let Some((name, reference)) = frame.listing.get(frame.next) else {
                self.stack.pop();
                continue;
            };
            frame.next += 1;
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            let is_plain = !matches!(name, b"." | b"..") && !name.contains(&b'/');
            self.path.extend_from_slice(name);
            if is_plain {
                self.entry(reference)?;
            } else {
                self.reader.warn(Some(&self.path), "no name of a file; left out");
            }
        }
        Ok(())
    }

    /// What a decoder said, with the place.
    fn damage(&self, error: io::Error) -> SourceError {
        let place = match self.path.as_slice() {
            [] => self.place.to_owned(),
            path => format!("{}: {}", self.place, path::shorten(path)),
        };
        SourceError::io(place, error)
    }

    fn entry(&mut self, reference: u64) -> Result<(), SourceError> {
        // What is read over and over, such as a block that many files say they end in, is bounded
        // here; what they hold is by the reader.
        let limit = self.options.limits.content_bytes.saturating_mul(2);
        if self.image.decoded_bytes > limit {
            let (place, what) = (self.place.to_owned(), "what has to be decompressed");
            return Err(SourceError::TooLarge { place, what, limit_bytes: limit });
        }
        let inode = self.image.inode(reference).map_err(|error| self.damage(error))?;
        let attributes = inode.attributes;
        if self.is_layer && self.whiteout(&inode.body)? {
            return Ok(());
        }
        match inode.body {
            Body::Directory(extent, xattrs) => {
                self.reader.add(&self.path, EntryKind::Directory, attributes, None)?;
                self.opaque(xattrs)?;
                self.enter(reference, &extent)
            }
            Body::File(file) => {
                let linked = (file.links > 1).then_some(reference);
                let size_and_inode = (file.size_bytes, linked);
                let (image, room) = (&mut self.image, &mut self.room);
                let content = || Ok(Content::new(image, room, file));
                self.reader.file(&self.path, attributes, size_and_inode, content)
            }
            Body::Symlink(target) => {
                self.reader.add(&self.path, EntryKind::Symlink, attributes, Some(&target))
            }
            Body::Device(kind, _) | Body::Other(kind) => {
                self.reader.add(&self.path, kind, attributes, None)
            }
        }
    }

    /// Takes an entry that hides another; whether it was one.
    fn whiteout(&mut self, body: &Body) -> Result<bool, SourceError> {
        let begin = self.stack.last().map_or(0, |frame| frame.path_bytes);
        let name = &self.path[begin..];
        let name = name.strip_prefix(b"/").unwrap_or(name);
        let directory = &self.path[..begin];
        let (path, kind) = if matches!(body, Body::Device(EntryKind::CharDevice, 0)) {
            (self.path.clone(), EntryKind::Whiteout)
        } else if name == OPAQUE {
            (directory.to_vec(), EntryKind::OpaqueWhiteout)
        } else if let Some(hidden) = name.strip_prefix(WHITEOUT).filter(|it| !it.is_empty()) {
            (path::join(directory, hidden), EntryKind::Whiteout)
        } else {
            return Ok(false);
        };
        self.hide(&path, kind)?;
        Ok(true)
    }

    /// Notes that a directory hides what lower layers have in it, if it does.
    fn opaque(&mut self, xattrs: u32) -> Result<(), SourceError> {
        if !self.is_layer || !self.image.is_opaque(xattrs).map_err(|error| self.damage(error))? {
            return Ok(());
        }
        self.hide(&self.path.clone(), EntryKind::OpaqueWhiteout)
    }

    /// Adds an entry that hides others.
    fn hide(&mut self, path: &[u8], kind: EntryKind) -> Result<(), SourceError> {
        if path.is_empty() {
            self.reader.warn(None, "hides all of the layers below, which is not followed");
            return Ok(());
        }
        self.reader.add(path, kind, Attributes::default(), None)
    }

    /// Goes into a directory.
    fn enter(&mut self, reference: u64, extent: &inode::Extent) -> Result<(), SourceError> {
        if self.path.len() as u64 > self.options.limits.path_bytes {
            return Ok(());
        }
        let hash = |reference: &u64| xxh3_64(&reference.to_le_bytes());
        let known = self.entered.find(hash(&reference), |other| *other == reference);
        if known.is_some() {
            self.reader.warn(Some(&self.path), "a directory of two names; read only once");
            return Ok(());
        }
        self.entered.insert_unique(hash(&reference), reference, hash);
        let limit = self.options.limits.entries;
        let most = limit.saturating_sub(self.listed);
        let listing = self.image.listing(extent, most).map_err(|error| self.damage(error))?;
        let Some(listing) = listing else {
            let place = self.place.to_owned();
            return Err(SourceError::Limit { place, what: "entries", limit });
        };
        self.listed += listing.len() as u64;
        self.stack.push(Frame { listing, next: 0, path_bytes: self.path.len() });
        Ok(())
    }
}
