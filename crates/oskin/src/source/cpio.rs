//! cpio archives, such as the initramfs of a kernel: several of them one behind the other, each
//! compressed or not (Documentation/driver-api/early-userspace/buffer-format).

use super::cpio_header::{Format, Header};
use super::decompress::{Compression, Content, MAGIC_BYTES};
use super::nodes::kind_of_mode;
use super::read_at::{Cursor, ReadAt, Window};
use super::stored::Stored;
use super::tree::{Attributes, Tree, TreeReader};
use super::{ImageSource, LayerRead, ReadOptions, SourceError, SourceSpec, archive, disk};
use crate::inventory::EntryKind;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

/// What the last entry of an archive is called.
const TRAILER: &[u8] = b"TRAILER!!!";

/// The longest name that is read.
const MAX_NAME_BYTES: u64 = 64 * 1024;

/// The most that may stand between two archives.
const MAX_PADDING_BYTES: u64 = 64 * 1024 * 1024;

/// How many names may wait for the content that comes with the last name of their file.
const MAX_WAITING: usize = 1_000_000;

/// Finds the one image in a `cpio:`.
pub(super) fn open(
    spec: &SourceSpec,
    _options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let place = archive::place_of(&spec.location);
    let file = disk::open::stored(&spec.location, "an archive of several parts")?;
    let mut magic = [0; MAGIC_BYTES];
    let count = file.read_at(&mut magic, 0).map_err(|error| SourceError::io(&place, error))?;
    let magic = &magic[..count];
    let is_begin = magic.first().is_some_and(|&byte| byte == 0 || Format::may_begin_with(byte));
    if !is_begin && Compression::of(magic) == Compression::None && unsupported(magic).is_none() {
        return Err(SourceError::Unrecognized {
            place,
            what: "holds no cpio archive".to_owned(),
            hint: Some("leave out the transport: what the file is shows in its content".to_owned()),
        });
    }
    let tree = Arc::new(CpioTree { file });
    Ok(vec![disk::image(spec, place.clone(), place, tree, Vec::new())])
}

#[derive(Debug)]
struct CpioTree {
    file: Arc<dyn ReadAt>,
}

impl Tree for CpioTree {
    fn read(&self, place: &str, options: &ReadOptions<'_>) -> Result<LayerRead, SourceError> {
        let mut reader = Reader {
            place,
            tree: TreeReader::new(place, options),
            link_bytes: options.limits.path_bytes,
            archives: 0,
        };
        let (mut offset, size_bytes) = (0, self.file.size_bytes());
        while offset < size_bytes {
            offset = self.part(&mut reader, offset)?;
        }
        if reader.archives == 0 {
            return Err(SourceError::damaged(place, "no cpio archive is in it"));
        }
        Ok(reader.tree.finish())
    }
}

impl CpioTree {
    /// Reads what begins at `offset`, which is compressed in one way or not at all, and returns
    /// where the next part begins.
    fn part(&self, reader: &mut Reader<'_>, offset: u64) -> Result<u64, SourceError> {
        let size_bytes = self.file.size_bytes();
        let place = reader.place;
        let io = |error| SourceError::io(place, error);
        let window = Window::new(Arc::clone(&self.file), offset, size_bytes - offset);
        let mut stored = Stored::new(Cursor::new(Arc::new(window)), &super::NoProgress);
        let magic = stored.peek(MAGIC_BYTES).map_err(io)?.to_vec();
        if let Some(name) = unsupported(&magic) {
            return Err(SourceError::Unrecognized {
                place: format!("{}: byte {offset}", reader.place),
                what: format!("a part compressed with {name}, not supported yet"),
                hint: Some(format!("decompress that part first ({name} -d), then use cpio:FILE")),
            });
        }
        if Compression::of(&magic) == Compression::None {
            let mut input = Input { inner: stored, position: 0, peeked: None };
            reader.archives(&mut input, offset)?;
            let next = offset + input.position;
            return Ok(if next > offset { next } else { reader.leave(offset, size_bytes) });
        }
        let mut content = Content::new(stored).map_err(io)?;
        let mut input = Input { inner: &mut content, position: 0, peeked: None };
        let before = reader.archives;
        reader.archives(&mut input, offset)?;
        if input.skip(MAX_PADDING_BYTES).map_err(io)? > 0 {
            let what = "data behind the end of the archive was left out";
            reader.tree.warn(None, what);
        }
        if reader.archives == before {
            return Ok(reader.leave(offset, size_bytes));
        }
        let end = content.finish().map_err(io)?;
        Ok(size_bytes.saturating_sub(end.rest_bytes))
    }
}

/// Ways to compress an initramfs that are not read here.
fn unsupported(magic: &[u8]) -> Option<&'static str> {
    [
        (&b"\x02\x21\x4c\x18"[..], "lz4"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"\x89LZO", "lzop"),
        (b"\x5d\0\0", "lzma"),
    ]
    .into_iter()
    .find_map(|(known, name)| magic.starts_with(known).then_some(name))
}

/// Bytes of archives, counted.
struct Input<R> {
    inner: R,
    position: u64,
    // A byte that was looked at.
    peeked: Option<u8>,
}

impl<R: Read> Input<R> {
    /// The next byte that is not zero, without taking it.
    fn peek_behind_zeros(&mut self) -> io::Result<Option<u8>> {
        let begin = self.position;
        loop {
            if self.position - begin > MAX_PADDING_BYTES {
                let what = "too many zeros between two archives";
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            let mut byte = [0];
            if self.peeked.is_none() && self.read(&mut byte)? == 1 {
                self.peeked = Some(byte[0]);
                self.position -= 1;
            }
            match self.peeked {
                Some(0) => {
                    self.peeked = None;
                    self.position += 1;
                }
                other => return Ok(other),
            }
        }
    }

    fn skip(&mut self, count: u64) -> io::Result<u64> {
        io::copy(&mut self.take(count), &mut io::sink())
    }

    fn skip_all_of(&mut self, count: u64) -> io::Result<()> {
        if self.skip(count)? < count {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends too early"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(first) = into.first_mut() else { return Ok(0) };
        let count = match self.peeked.take() {
            Some(byte) => {
                *first = byte;
                1
            }
            None => self.inner.read(into)?,
        };
        self.position += count as u64;
        Ok(count)
    }
}

struct Reader<'r> {
    place: &'r str,
    tree: TreeReader<'r>,
    link_bytes: u64,
    archives: u64,
}

/// Names of one file, as they are met in one archive.
#[derive(Default)]
struct Linked {
    // For the tree: inode numbers of several archives may be the same.
    number: u64,
    has_content: bool,
    waiting: Vec<(Vec<u8>, Attributes)>,
}

impl Reader<'_> {
    /// Warns of what is no archive behind one, and returns where it ends.
    fn leave(&mut self, offset: u64, size_bytes: u64) -> u64 {
        if self.archives > 0 {
            let what = format!("{} bytes behind the archive were left out", size_bytes - offset);
            self.tree.warn(None, what);
        }
        size_bytes
    }

    /// Reads archives until something else begins.
    fn archives<R: Read>(&mut self, input: &mut Input<R>, part: u64) -> Result<(), SourceError> {
        loop {
            let io = |error| SourceError::io(self.place, error);
            let next = input.peek_behind_zeros().map_err(io)?;
            if !next.is_some_and(Format::may_begin_with) {
                return Ok(());
            }
            self.archive(input, part)?;
            self.archives += 1;
        }
    }

    fn archive<R: Read>(&mut self, input: &mut Input<R>, part: u64) -> Result<(), SourceError> {
        let mut linked = BTreeMap::<[u32; 3], Linked>::new();
        let mut waiting = 0;
        loop {
            let at = input.position;
            let place = || format!("{}: byte {at} of the part at byte {part}", self.place);
            let io = |error| SourceError::io(place(), error);
            if input.peek_behind_zeros().map_err(io)?.is_none() {
                self.tree.warn(None, "the archive has no end marker; perhaps it is cut off");
                break;
            }
            let header = Header::read(input).map_err(io)?;
            if header.name_bytes == 0 || header.name_bytes > MAX_NAME_BYTES {
                return Err(SourceError::damaged(place(), "the length of a name is wrong"));
            }
            let mut name = vec![0; usize::try_from(header.name_bytes).unwrap_or(0)];
            input.read_exact(&mut name).map_err(io)?;
            input.skip_all_of(header.name_padding()).map_err(io)?;
            let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
            name.truncate(end);
            if name == TRAILER {
                input.skip_all_of(header.stored_bytes()).map_err(io)?;
                break;
            }
            let before = input.position;
            self.entry(input, &header, &name, (&mut linked, &mut waiting))?;
            let left = header.stored_bytes().saturating_sub(input.position - before);
            let place = || format!("{}: byte {at} of the part at byte {part}", self.place);
            input.skip_all_of(left).map_err(|error| SourceError::io(place(), error))?;
        }
        // Files whose content never came are empty.
        for file in linked.into_values() {
            self.release(file)?;
        }
        Ok(())
    }

    fn release(&mut self, file: Linked) -> Result<(), SourceError> {
        for (name, attributes) in file.waiting {
            let empty = || Ok(io::empty());
            self.tree.file(&name, attributes, (0, Some(file.number)), empty)?;
        }
        Ok(())
    }

    fn entry<R: Read>(
        &mut self,
        input: &mut Input<R>,
        header: &Header,
        name: &[u8],
        (linked, waiting): (&mut BTreeMap<[u32; 3], Linked>, &mut usize),
    ) -> Result<(), SourceError> {
        let (uid, gid) = (header.uid, header.gid);
        let attributes = Attributes { mode: header.mode & 0o7777, uid, gid };
        match kind_of_mode(header.mode) {
            Some(EntryKind::File) => {}
            Some(EntryKind::Symlink) => {
                let mut target = Vec::new();
                let most = header.content_bytes.min(self.link_bytes + 1);
                input
                    .take(most)
                    .read_to_end(&mut target)
                    .map_err(|error| SourceError::io(self.place, error))?;
                return self.tree.add(name, EntryKind::Symlink, attributes, Some(&target));
            }
            Some(kind) => return self.tree.add(name, kind, attributes, None),
            None => {
                self.tree.warn(Some(name), "an entry of no known kind; left out");
                return Ok(());
            }
        }
        let size_bytes = header.content_bytes;
        if header.names < 2 {
            let mut summed = Summed { input: input.take(size_bytes), sum: 0 };
            self.tree.file(name, attributes, (size_bytes, None), || Ok(&mut summed))?;
            self.check(name, header, &summed);
            return Ok(());
        }
        let number = (self.archives << 32) + linked.len() as u64;
        let new = || Linked { number, ..Linked::default() };
        let file = linked.entry(header.inode).or_insert_with(new);
        if size_bytes == 0 && !file.has_content && *waiting < MAX_WAITING {
            *waiting += 1;
            file.waiting.push((name.to_vec(), attributes));
            return Ok(());
        }
        file.has_content = true;
        let number = file.number;
        let names = std::mem::take(&mut file.waiting);
        *waiting -= names.len();
        let mut summed = Summed { input: input.take(size_bytes), sum: 0 };
        self.tree.file(name, attributes, (size_bytes, Some(number)), || Ok(&mut summed))?;
        self.check(name, header, &summed);
        self.release(Linked { number, has_content: true, waiting: names })
    }

    /// Holds a content that was read to the sum that is stated with it.
    fn check<R: Read>(&mut self, name: &[u8], header: &Header, summed: &Summed<R>) {
        let was_read = summed.input.limit() == 0 && header.content_bytes > 0;
        if was_read && header.sum.is_some_and(|sum| sum != summed.sum) {
            self.tree.warn(Some(name), "the content is not what its checksum says");
        }
    }
}

/// Content whose bytes are added up.
struct Summed<R> {
    input: io::Take<R>,
    sum: u32,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(into)?;
        let add = |sum: u32, &byte: &u8| sum.wrapping_add(u32::from(byte));
        self.sum = into[..count].iter().fold(self.sum, add);
        Ok(count)
    }
}
