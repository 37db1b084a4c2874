//! The files that images are made of, in a directory, in an archive that is skipped through, or in
//! one that was read once from end to end.

use super::changeset::{self, Changeset, link_target, tar_error};
use super::decompress::{Compression, Content};
use super::docker::clip;
use super::input::{Region, Seekable, Stream};
use super::layer::{LayerSource, OpenStream, Origin};
use super::read_at::{Cursor, ReadAt, WholeFile, Window};
use super::registry::{self, Remote};
use super::stored::Stored;
use super::tar_entries::{BLOCK_BYTES, MemberKind, Members};
use super::{Limits, NoProgress, ReadOptions, SourceError};
use crate::image::Digest;
use crate::path;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most that small files of an archive may take together when it can be read only once.
const MAX_KEPT_BYTES: u64 = 128 * 1024 * 1024;

/// The most members that an archive of images may have, and the most that their names may take.
const MAX_MEMBERS: usize = 1_000_000;
const MAX_NAME_BYTES: usize = 256 * 1024 * 1024;

/// How many links in a row are followed inside an archive.
const MAX_HOPS: u32 = 40;

/// Files by name.
#[derive(Debug)]
pub(super) struct Store {
    /// For messages: the path of the directory or archive.
    pub(super) place: String,
    pub(super) limits: Limits,
    files: Files,
}

#[derive(Debug)]
enum Files {
    Directory(PathBuf),
    Seekable {
        file: Arc<File>,
        members: BTreeMap<Vec<u8>, Part>,
    },
    Scanned(BTreeMap<Vec<u8>, Scanned>),
    /// Offset and length in a file that is no archive.
    Parts {
        file: Arc<dyn ReadAt>,
        parts: BTreeMap<Vec<u8>, (u64, u64)>,
    },
    /// An image in a registry.
    Remote(Box<Remote>),
}

/// A member of an archive that is skipped through.
#[derive(Debug)]
enum Part {
    Region { offset: u64, length: u64 },
    Link(Vec<u8>),
}

/// A member of an archive that was read once.
#[derive(Debug)]
enum Scanned {
    Small(Arc<Vec<u8>>),
    Layer {
        changeset: Arc<Result<Changeset, SourceError>>,
        stored_bytes: u64,
    },
    Link(Vec<u8>),
    /// Neither small nor a layer; its size.
    Other(u64),
}

impl Store {
    pub(super) fn directory(root: &Path, limits: &Limits) -> Self {
        let files = Files::Directory(root.to_owned());
        Self { place: path::escape(bytes(root)), limits: limits.clone(), files }
    }

    /// Parts of a file by name, which begin and end where their pairs say.
    pub(super) fn of_parts(
        file: Arc<dyn ReadAt>,
        parts: BTreeMap<Vec<u8>, (u64, u64)>,
        (place, limits): (&str, &Limits),
    ) -> Self {
        let files = Files::Parts { file, parts };
        Self { place: place.to_owned(), limits: limits.clone(), files }
    }

    /// An image in a registry, as a layout of its own.
    pub(super) fn remote(remote: Remote, place: &str, limits: &Limits) -> Self {
        let files = Files::Remote(Box::new(remote));
        Self { place: place.to_owned(), limits: limits.clone(), files }
    }

    /// The image in a registry, if it is one.
    pub(super) fn remote_image(&self) -> Option<&Remote> {
        match &self.files {
            Files::Remote(remote) => Some(remote),
            _ => None,
        }
    }

    /// Notes where the members of an archive lie, without reading their content.
    pub(super) fn index(file: File, place: &str, limits: &Limits) -> Result<Self, SourceError> {
        let length = file.metadata().map_err(|error| SourceError::io(place, error))?.len();
        let file = Arc::new(file);
        let mut names = Names::new(place);
        let mut members = Members::new(Seekable::new(Arc::clone(&file), length));
        let mut parts = BTreeMap::new();
        while let Some(member) = members.next().map_err(|error| tar_error(place, error))? {
            let Some(name) = names.take(&member.path)? else { continue };
            let part = match member.kind {
                MemberKind::File if member.sparse.is_none() => {
                    Part::Region { offset: members.content_offset(), length: member.stored_bytes }
                }
                MemberKind::Symlink => match link_target(&name, &member.link) {
                    Some(target) => Part::Link(target),
                    None => continue,
                },
                MemberKind::HardLink => match path::normalize(&member.link) {
                    Ok(target) => Part::Link(target.into_owned()),
                    Err(_) => continue,
                },
                _ => continue,
            };
            parts.insert(name, part);
        }
        let files = Files::Seekable { file, members: parts };
        Ok(Self { place: place.to_owned(), limits: limits.clone(), files })
    }

    /// Reads an archive once, from its first byte to its last: what looks like a layer is read as
    /// one, what is small is kept.
    pub(super) fn scan(
        content: Content<'_>,
        place: &str,
        options: &ReadOptions<'_>,
    ) -> Result<Self, SourceError> {
        let limits = &options.limits;
        let mut names = Names::new(place);
        let mut kept_bytes = 0;
        let mut members = Members::new(Stream::new(content).limited(limits.content_bytes));
        let mut scanned = BTreeMap::new();
        while let Some(member) = members.next().map_err(|error| tar_error(place, error))? {
            let Some(name) = names.take(&member.path)? else { continue };
            let found = match member.kind {
                MemberKind::File if member.sparse.is_none() => {
                    let place = format!("{place}: {}", path::shorten(&name));
                    let most = MAX_KEPT_BYTES - kept_bytes;
                    let found = scan_member(
                        &mut members,
                        most.min(limits.manifest_bytes),
                        &place,
                        options,
                    )?;
                    if let Scanned::Small(bytes) = &found {
                        kept_bytes += bytes.len() as u64;
                    }
                    found
                }
                MemberKind::Symlink => match link_target(&name, &member.link) {
                    Some(target) => Scanned::Link(target),
                    None => continue,
                },
                MemberKind::HardLink => match path::normalize(&member.link) {
                    Ok(target) => Scanned::Link(target.into_owned()),
                    Err(_) => continue,
                },
                _ => continue,
            };
            scanned.insert(name, found);
        }
        // The rest is read too: a damaged end is damage.
        let end = members.into_input().finish();
        end.map_err(|error| SourceError::io(place, error))?;
        let files = Files::Scanned(scanned);
        Ok(Self { place: place.to_owned(), limits: limits.clone(), files })
    }

    /// The names of all files, sorted; nothing for a directory.
    pub(super) fn names(&self) -> Vec<&[u8]> {
        match &self.files {
            Files::Directory(_) | Files::Remote(_) => Vec::new(),
            Files::Seekable { members, .. } => members.keys().map(Vec::as_slice).collect(),
            Files::Scanned(members) => members.keys().map(Vec::as_slice).collect(),
            Files::Parts { parts, .. } => parts.keys().map(Vec::as_slice).collect(),
        }
    }

    /// Whether there is a file of this name, or a link to one.
    pub(super) fn has(&self, name: &str) -> bool {
        match &self.files {
            Files::Directory(root) => root.join(name).is_file(),
            // Whether it is there shows when it is asked for.
            Files::Remote(_) => true,
            _ => self.resolve(name).is_some(),
        }
    }

    /// The name of the file that a name leads to.
    fn resolve(&self, name: &str) -> Option<Vec<u8>> {
        let mut name = path::normalize(name.as_bytes()).ok()?.into_owned();
        for _ in 0..MAX_HOPS {
            let target = match &self.files {
                Files::Directory(_) | Files::Remote(_) => return None,
                Files::Parts { parts, .. } => return parts.contains_key(&name).then_some(name),
                Files::Seekable { members, .. } => match members.get(&name)? {
                    Part::Link(target) => target,
                    Part::Region { .. } => return Some(name),
                },
                Files::Scanned(members) => match members.get(&name)? {
                    Scanned::Link(target) => target,
                    _ => return Some(name),
                },
            };
            name.clone_from(target);
        }
        None
    }

    /// Whether this is a directory and no archive.
    pub(super) fn is_directory(&self) -> bool {
        matches!(self.files, Files::Directory(_))
    }

    /// The place of a file, for messages.
    pub(super) fn place_of(&self, name: &str) -> String {
        if self.remote_image().is_some() {
            return format!("{}: {}", self.place, registry::digest_of(name));
        }
        format!("{}: {}", self.place, path::escape(clip(name).as_bytes()))
    }

    /// Reads a small file whole.
    pub(super) fn small(&self, name: &str, what: &'static str) -> Result<Vec<u8>, SourceError> {
        let missing = || SourceError::Missing {
            place: self.place.clone(),
            what,
            name: clip(name),
            foreign: false,
        };
        let read = |reader: &mut dyn io::Read, length: u64| {
            let place = self.place_of(name);
            let limit_bytes = self.limits.manifest_bytes;
            if length > limit_bytes {
                return Err(SourceError::TooLarge { place, what, limit_bytes });
            }
            let mut bytes = Vec::new();
            let limit = &mut reader.take(limit_bytes);
            limit.read_to_end(&mut bytes).map_err(|error| SourceError::io(place, error))?;
            Ok(bytes)
        };
        match &self.files {
            Files::Remote(remote) => remote.small(name, what),
            Files::Directory(root) => {
                let path = file_in(root, name);
                if !path.is_file() {
                    return Err(missing());
                }
                let open = || {
                    let file = File::open(&path)?;
                    let length = file.metadata()?.len();
                    Ok((file, length))
                };
                let (mut file, length) =
                    open().map_err(|error| SourceError::io(self.place_of(name), error))?;
                read(&mut file, length)
            }
            Files::Seekable { file, members } => {
                let target = self.resolve(name).ok_or_else(missing)?;
                let Some(&Part::Region { offset, length }) = members.get(&target) else {
                    return Err(missing());
                };
                read(&mut Region { file: Arc::clone(file), offset, left_bytes: length }, length)
            }
            Files::Parts { file, parts } => {
                let &(offset, length) = parts.get(name.as_bytes()).ok_or_else(missing)?;
                let part = Window::new(Arc::clone(file), offset, length);
                read(&mut Cursor::new(Arc::new(part)), length)
            }
            Files::Scanned(members) => {
                let target = self.resolve(name).ok_or_else(missing)?;
                match members.get(&target) {
                    Some(Scanned::Small(bytes)) => Ok(bytes.as_ref().clone()),
                    Some(_) => Err(SourceError::damaged(self.place_of(name), "not a JSON file")),
                    None => Err(missing()),
                }
            }
        }
    }

    /// The bytes of a file, to be read at any place; `None` if there is no such file or it could be
    /// read only once.
    pub(super) fn bytes(&self, name: &str) -> io::Result<Option<Arc<dyn ReadAt>>> {
        Ok(match &self.files {
            Files::Directory(root) => {
                let path = file_in(root, name);
                let is_file = path.is_file();
                match is_file {
                    true => Some(Arc::new(WholeFile::new(File::open(path)?)?)),
                    false => None,
                }
            }
            Files::Seekable { file, members } => {
                let target = self.resolve(name);
                match target.and_then(|target| members.get(&target)) {
                    Some(&Part::Region { offset, length }) => {
                        let whole = Arc::new(WholeFile::new(file.try_clone()?)?);
                        Some(Arc::new(Window::new(whole, offset, length)))
                    }
                    _ => None,
                }
            }
            Files::Parts { file, parts } => parts.get(name.as_bytes()).map(|&(offset, length)| {
                Arc::new(Window::new(Arc::clone(file), offset, length)) as Arc<dyn ReadAt>
            }),
            Files::Scanned(_) | Files::Remote(_) => None,
        })
    }

    /// A file as a layer, or `None` if there is no such file.
    pub(super) fn layer(
        &self,
        name: &str,
        diff_id: Option<Digest>,
        blob: Option<Digest>,
    ) -> Option<LayerSource> {
        let (origin, stored_bytes) = match &self.files {
            // These are made from their descriptors.
            Files::Remote(_) => return None,
            Files::Directory(root) => {
                let path = file_in(root, name);
                let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
                (Origin::File(path), metadata.len())
            }
            Files::Seekable { file, members } => {
                let target = self.resolve(name)?;
                let Some(&Part::Region { offset, length }) = members.get(&target) else {
                    return None;
                };
                (Origin::Region { file: Arc::clone(file), offset }, length)
            }
            Files::Parts { file, parts } => {
                let &(offset, length) = parts.get(name.as_bytes())?;
                let part = Window::new(Arc::clone(file), offset, length);
                (Origin::Stream(Arc::new(FilePart(Arc::new(part)))), length)
            }
            Files::Scanned(members) => {
                let target = self.resolve(name)?;
                let no_tar = || {
                    let what = "not a tar archive: the first header has a wrong checksum";
                    let error = SourceError::damaged(self.place_of(name), what);
                    Origin::Scanned(Arc::new(Err(error)))
                };
                match members.get(&target)? {
                    Scanned::Layer { changeset, stored_bytes } => {
                        (Origin::Scanned(Arc::clone(changeset)), *stored_bytes)
                    }
                    Scanned::Small(bytes) => (no_tar(), bytes.len() as u64),
                    Scanned::Other(stored_bytes) => (no_tar(), *stored_bytes),
                    Scanned::Link(_) => return None,
                }
            }
        };
        Some(LayerSource { origin, place: self.place_of(name), diff_id, blob, stored_bytes })
    }
}

/// A part of a file as a stream.
#[derive(Debug)]
struct FilePart(Arc<Window>);

impl OpenStream for FilePart {
    fn open<'a>(
        &'a self,
        _options: &ReadOptions<'a>,
    ) -> Result<Box<dyn io::Read + 'a>, SourceError> {
        let part: Arc<dyn ReadAt> = Arc::<Window>::clone(&self.0);
        Ok(Box::new(Cursor::new(part)))
    }
}

/// The longest target of a link that was written as text.
const MAX_LINK_TEXT_BYTES: u64 = 256;

/// The file of a name in a layout directory.
///
/// Some layouts keep their blobs as symbolic links to files beside them, and a checkout of one
/// without symbolic links (`core.symlinks=false` of git) holds the target as text instead. Such a
/// text is followed if it stays in the layout; the digest of the blob is verified all the same.
fn file_in(root: &Path, name: &str) -> PathBuf {
    let path = root.join(name);
    let followed = || -> Option<PathBuf> {
        let is_short = |it: &std::fs::Metadata| it.is_file() && it.len() <= MAX_LINK_TEXT_BYTES;
        path.metadata().ok().filter(is_short)?;
        let target = std::fs::read(&path).ok()?;
        let target = std::str::from_utf8(&target).ok()?;
        let climbs = name.matches('/').count();
        let inside = target.strip_prefix(&"../".repeat(climbs))?;
        let is_plain = path::normalize(inside.as_bytes()).is_ok_and(|it| it == inside.as_bytes());
        let followed = root.join(inside);
        (is_plain && followed.is_file()).then_some(followed)
    };
    if name.starts_with("blobs/") { followed().unwrap_or(path) } else { path }
}

/// Bounds what the names of an archive take.
struct Names<'p> {
    place: &'p str,
    count: usize,
    bytes: usize,
}

impl<'p> Names<'p> {
    fn new(place: &'p str) -> Self {
        Self { place, count: 0, bytes: 0 }
    }

    /// The normal form of a name; `None` for one that no manifest can mean.
    fn take(&mut self, raw: &[u8]) -> Result<Option<Vec<u8>>, SourceError> {
        let Ok(name) = path::normalize(raw) else { return Ok(None) };
        self.count += 1;
        self.bytes += name.len();
        if self.count > MAX_MEMBERS || self.bytes > MAX_NAME_BYTES {
            return Err(SourceError::damaged(
                self.place,
                "too many members for an archive of images",
            ));
        }
        Ok((!name.is_empty()).then(|| name.into_owned()))
    }
}

/// Looks at the first bytes of a member and reads it as what it is.
fn scan_member(
    members: &mut Members<Stream<'_>>,
    small_bytes: u64,
    place: &str,
    options: &ReadOptions<'_>,
) -> Result<Scanned, SourceError> {
    let io = |error| SourceError::io(place, error);
    let stored_bytes = members.content_left();
    // Progress counts the bytes of the outer archive.
    let mut stored = Stored::new(members.content_reader(), &NoProgress).hashing();
    let first = stored.peek(BLOCK_BYTES).map_err(io)?;
    // A tar archive may begin with any letter, so it is asked for before JSON.
    let is_tar = first.is_empty() || Members::<Stream<'_>>::is_start(first);
    if Compression::of(first) == Compression::None && !is_tar {
        if stored_bytes > small_bytes {
            return Ok(Scanned::Other(stored_bytes));
        }
        let mut bytes = Vec::new();
        stored.read_to_end(&mut bytes).map_err(io)?;
        return Ok(Scanned::Small(Arc::new(bytes)));
    }
    let layer = |result: Result<Changeset, SourceError>| Scanned::Layer {
        changeset: Arc::new(result),
        stored_bytes,
    };
    let mut stream = match Content::new(stored) {
        Ok(content) => Stream::hashing(content),
        Err(error) => return Ok(layer(Err(io(error)))),
    };
    match stream.peek(BLOCK_BYTES) {
        Ok(block) if block.is_empty() || Members::<Stream<'_>>::is_start(block) => {
            Ok(layer(changeset::read_stream(stream, place, options)))
        }
        Ok(_) => Ok(Scanned::Other(stored_bytes)),
        Err(error) => Ok(layer(Err(io(error)))),
    }
}

/// The digest of a small file.
pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

fn bytes(path: &Path) -> &[u8] {
    use std::os::unix::ffi::OsStrExt as _;
    path.as_os_str().as_bytes()
}
