//! The members of a tar archive one by one: ustar, pax, GNU and v7 headers, without trust in any
//! of them.
//!
//! The header fields are decoded by the `tar` crate; the way from header to header is gone here,
//! because content must flow to the hashes without a copy, every error must name its place, and
//! no record may take more memory than its limit, whatever size it states.

use super::input::Input;
use super::tar_pax::Pax;
use super::tar_sparse::{self, SparseMap};
use std::io::{self, Read};

pub(super) const BLOCK_BYTES: usize = 512;

/// The largest long name or pax record that is accepted: what Go's reader accepts too.
const MAX_RECORD_BYTES: u64 = 1024 * 1024;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberKind {
    File,
    HardLink,
    Symlink,
    CharDevice,
    BlockDevice,
    Directory,
    Fifo,
    /// A type that is no entry of a file system: a volume label, a continuation.
    Other(u8),
}

/// A member of an archive as its headers describe it.
#[derive(Debug)]
pub(super) struct Member {
    /// The name as it is written.
    pub(super) path: Vec<u8>,
    /// The link target as it is written.
    pub(super) link: Vec<u8>,
    pub(super) kind: MemberKind,
    /// Bytes of content in the archive; for a sparse file without its holes.
    pub(super) stored_bytes: u64,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    /// Where the content of a sparse file belongs.
    pub(super) sparse: Option<SparseMap>,
    /// The position in the archive, counted from 1.
    pub(super) number: u64,
    /// Where its first header begins.
    pub(super) offset: u64,
    /// What is odd about it, though it can be read.
    pub(super) problem: Option<&'static str>,
}

/// Why an archive cannot be read on.
#[derive(Debug)]
pub(super) struct TarError {
    /// The member, counted from 1.
    pub(super) number: u64,
    /// Where in the uncompressed archive.
    pub(super) offset: u64,
    pub(super) kind: TarErrorKind,
}

#[derive(Debug)]
pub(super) enum TarErrorKind {
    Damaged(String),
    Io(io::Error),
}

/// How the archive ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With a block of zeros, as it should.
    Marker,
    /// With the end of the file behind a whole member.
    NoMarker,
}

/// Reads members in order.
pub(super) struct Members<I> {
    input: I,
    // Members met so far.
    number: u64,
    // Where the header in hand began.
    offset: u64,
    // Content of the current member that was not read.
    content_left: u64,
    padding: u64,
    ending: Option<Ending>,
}

/// Extended headers that wait for their member.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Pax,
}

impl<I: Input> Members<I> {
    pub(super) fn new(input: I) -> Self {
        Self { input, number: 0, offset: 0, content_left: 0, padding: 0, ending: None }
    }

    /// Whether these bytes begin like a tar archive: a header with a right checksum, or the end.
    pub(super) fn is_start(block: &[u8]) -> bool {
        let Ok(block) = <&[u8; BLOCK_BYTES]>::try_from(block) else { return false };
        is_zero(block) || checksum_is_right(block)
    }

    /// How the archive ended; `None` while there may be more.
    pub(super) fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// The input, to read what stands behind the archive.
    pub(super) fn into_input(self) -> I {
        self.input
    }

    /// Where the content of the member in hand begins.
    pub(super) fn content_offset(&self) -> u64 {
        self.input.position()
    }

    /// Bytes of content of the member in hand that were not read.
    pub(super) fn content_left(&self) -> u64 {
        self.content_left
    }

    /// The next member; passes over content of the last one that was not read.
    pub(super) fn next(&mut self) -> Result<Option<Member>, TarError> {
        self.skip_content()?;
        if self.ending.is_some() {
            return Ok(None);
        }
        let mut extended = Extended::default();
        let mut first_offset = None;
        loop {
            self.offset = self.input.position();
            let Some(block) = self.header_block(first_offset.is_some())? else { return Ok(None) };
            let first = *first_offset.get_or_insert(self.offset);
            let header = tar::Header::from_byte_slice(&block);
            let Ok(size) = header.entry_size() else {
                return Err(self.damaged("the size in the header is no number"));
            };
            match block[156] {
                b'L' => extended.path = Some(self.name_record(size)?),
                b'K' => extended.link = Some(self.name_record(size)?),
                b'x' | b'X' => {
                    let record = self.record(size)?;
                    extended.pax =
                        Pax::parse(&record).map_err(|what| self.damaged(what.to_owned()))?;
                }
                // Go's reader, and so every container tool, takes nothing from global headers.
                b'g' => self.begin_content(size),
                _ => {
                    self.number += 1;
                    return self.member(header, extended, first).map(Some);
                }
            }
            self.skip_content()?;
        }
    }

    /// The next header, `None` at the end of the archive.
    fn header_block(&mut self, inside_member: bool) -> Result<Option<[u8; BLOCK_BYTES]>, TarError> {
        let mut block = [0; BLOCK_BYTES];
        let count = self.fill_block(&mut block)?;
        let cut_off = count > 0 && count < BLOCK_BYTES;
        if cut_off || count == 0 && inside_member {
            return Err(self.damaged("the archive is cut off in a header"));
        }
        if count == 0 {
            self.ending = Some(Ending::NoMarker);
            return Ok(None);
        }
        if is_zero(&block) {
            if inside_member {
                return Err(self.damaged("the archive ends behind an extended header"));
            }
            self.ending = Some(Ending::Marker);
            return Ok(None);
        }
        if !checksum_is_right(&block) {
            let what = if self.number == 0 {
                "not a tar archive: the first header has a wrong checksum"
            } else {
                "the header has a wrong checksum"
            };
            return Err(self.damaged(what));
        }
        Ok(Some(block))
    }

    fn member(
        &mut self,
        header: &tar::Header,
        extended: Extended,
        offset: u64,
    ) -> Result<Member, TarError> {
        let Extended { path, link, mut pax } = extended;
        let type_flag = header.as_bytes()[156];
        let path = pax.path.take().or(path).unwrap_or_else(|| header.path_bytes().into_owned());
        let link = pax.link.take().or(link).unwrap_or_else(|| {
            header.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default()
        });
        let kind = kind_of(type_flag, &path);
        let size = match (kind, pax.size) {
            (MemberKind::File | MemberKind::Other(_), Some(size)) => size,
            // entry_size was decoded before; a size that is no number does not come here.
            (MemberKind::File | MemberKind::Other(_), None) => header.entry_size().unwrap_or(0),
            // Some writers state the size of what a link leads to, or of a directory.
            _ if type_flag == b'D' => header.entry_size().unwrap_or(0),
            _ => 0,
        };
        let mut problem = match type_flag {
            0 | b'0'..=b'7' | b'S' | b'D' => None,
            b'V' => Some("volume label left out"),
            b'M' => Some("continued from another volume; left out"),
            b'N' => Some("old GNU list of long names; left out"),
            _ => Some("unknown type of member; taken as a file"),
        };
        let mut number = |field: Option<u64>, header: io::Result<u64>| {
            field.or(header.ok()).unwrap_or_else(|| {
                problem = Some("a field of the header is no number; taken as 0");
                0
            })
        };
        let uid = number(pax.uid, header.uid());
        let gid = number(pax.gid, header.gid());
        let mode = number(None, header.mode().map(u64::from));
        self.begin_content(size);
        let sparse = self.sparse_map(header, &mut pax)?;
        let path = pax.sparse.name.take().unwrap_or(path);
        Ok(Member {
            path,
            link,
            kind,
            stored_bytes: self.content_left,
            mode: u32::try_from(mode & 0o7777).unwrap_or(0),
            uid,
            gid,
            sparse,
            number: self.number,
            offset,
            problem,
        })
    }

    /// Reads the map of a sparse file, which may stand in further headers or in the content.
    fn sparse_map(
        &mut self,
        header: &tar::Header,
        pax: &mut Pax,
    ) -> Result<Option<SparseMap>, TarError> {
        if header.as_bytes()[156] == b'S' {
            let (content_left, padding) = (self.content_left, self.padding);
            (self.content_left, self.padding) = (0, 0);
            let map = self.old_gnu_map(header)?;
            (self.content_left, self.padding) = (content_left, padding);
            return Ok(Some(map));
        }
        if pax.sparse.is_in_content() {
            let mut map = tar_sparse::ContentMap::new();
            loop {
                let mut block = [0; BLOCK_BYTES];
                let room = self.content_left.min(BLOCK_BYTES as u64);
                if room < BLOCK_BYTES as u64 {
                    return Err(self.damaged("the map of a sparse file is cut off"));
                }
                if self.fill_block(&mut block)? < BLOCK_BYTES {
                    return Err(self.damaged("the archive is cut off in a sparse map"));
                }
                self.content_left -= room;
                if let Some(pieces) = map.push(&block).map_err(|what| self.damaged(what))? {
                    return Ok(Some(SparseMap { size_bytes: pax.sparse.real_size(), pieces }));
                }
            }
        }
        Ok(pax.sparse.take_map())
    }

    fn old_gnu_map(&mut self, header: &tar::Header) -> Result<SparseMap, TarError> {
        let block = header.as_bytes();
        let size_bytes = tar_sparse::number(&block[483..495])
            .ok_or_else(|| self.damaged("the size of a sparse file is no number"))?;
        let mut pieces = Vec::new();
        tar_sparse::push_pieces(&mut pieces, &block[386..482])
            .map_err(|what| self.damaged(what))?;
        let mut more = block[482] != 0;
        while more {
            let mut block = [0; BLOCK_BYTES];
            if self.fill_block(&mut block)? < BLOCK_BYTES {
                return Err(self.damaged("the archive is cut off in a sparse map"));
            }
            tar_sparse::push_pieces(&mut pieces, &block[..504])
                .map_err(|what| self.damaged(what))?;
            more = block[504] != 0;
        }
        Ok(SparseMap { size_bytes, pieces })
    }

    fn begin_content(&mut self, size: u64) {
        self.content_left = size;
        self.padding = size.wrapping_neg() % BLOCK_BYTES as u64;
    }

    /// Hands over the content of the member piece by piece.
    pub(super) fn content(&mut self, mut sink: impl FnMut(&[u8])) -> Result<(), TarError> {
        while self.content_left > 0 {
            let chunk = match self.input.fill() {
                Ok(chunk) => chunk,
                Err(error) => return Err(self.io(error)),
            };
            if chunk.is_empty() {
                return Err(self.damaged("the archive is cut off in the content"));
            }
            let count =
                usize::try_from(self.content_left).map_or(chunk.len(), |n| n.min(chunk.len()));
            sink(&chunk[..count]);
            self.input.consume(count);
            self.content_left -= count as u64;
        }
        Ok(())
    }

    /// The content of the member as a reader.
    pub(super) fn content_reader(&mut self) -> MemberContent<'_, I> {
        MemberContent { members: self }
    }

    fn skip_content(&mut self) -> Result<(), TarError> {
        if self.content_left > 0 {
            let skipped = self.input.skip(self.content_left).map_err(|error| self.io(error))?;
            if skipped < self.content_left {
                return Err(self.damaged("the archive is cut off in the content"));
            }
            self.content_left = 0;
        }
        // The last member of an archive may come without its padding.
        let padding = std::mem::take(&mut self.padding);
        self.input.skip(padding).map_err(|error| self.io(error))?;
        Ok(())
    }

    fn name_record(&mut self, size: u64) -> Result<Vec<u8>, TarError> {
        let mut name = self.record(size)?;
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        name.truncate(end);
        Ok(name)
    }

    fn record(&mut self, size: u64) -> Result<Vec<u8>, TarError> {
        if size > MAX_RECORD_BYTES {
            return Err(self.damaged("an extended header is larger than 1 MiB"));
        }
        self.begin_content(size);
        let mut record = Vec::new();
        self.content(|chunk| record.extend_from_slice(chunk))?;
        Ok(record)
    }

    fn fill_block(&mut self, block: &mut [u8; BLOCK_BYTES]) -> Result<usize, TarError> {
        let mut at = 0;
        while at < BLOCK_BYTES {
            let chunk = match self.input.fill() {
                Ok(chunk) => chunk,
                Err(error) => return Err(self.io(error)),
            };
            if chunk.is_empty() {
                break;
            }
            let count = chunk.len().min(BLOCK_BYTES - at);
            block[at..at + count].copy_from_slice(&chunk[..count]);
            self.input.consume(count);
            at += count;
        }
        Ok(at)
    }

    fn damaged(&self, what: impl Into<String>) -> TarError {
        self.error(TarErrorKind::Damaged(what.into()))
    }

    fn io(&self, error: io::Error) -> TarError {
        self.error(TarErrorKind::Io(error))
    }

    fn error(&self, kind: TarErrorKind) -> TarError {
        TarError { number: self.number.max(1), offset: self.offset, kind }
    }
}

/// Reads the content of one member; what is left when it is dropped is passed over later.
pub(super) struct MemberContent<'m, I> {
    members: &'m mut Members<I>,
}

impl<I: Input> Read for MemberContent<'_, I> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let members = &mut *self.members;
        let chunk = members.input.fill()?;
        let count = chunk.len().min(into.len());
        let count = usize::try_from(members.content_left).map_or(count, |left| left.min(count));
        if count == 0 && members.content_left > 0 && !into.is_empty() {
            let what = "the archive is cut off in the content";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        into[..count].copy_from_slice(&chunk[..count]);
        members.input.consume(count);
        members.content_left -= count as u64;
        Ok(count)
    }
}

fn is_zero(block: &[u8; BLOCK_BYTES]) -> bool {
    block.iter().all(|&byte| byte == 0)
}

/// The checksum counts its own field as spaces. Historic writers summed signed bytes.
fn checksum_is_right(block: &[u8; BLOCK_BYTES]) -> bool {
    let Ok(stated) = tar::Header::from_byte_slice(block).cksum() else { return false };
    let field = 148..156;
    let others = || block[..field.start].iter().chain(&block[field.end..]);
    let spaces = 8 * u32::from(b' ');
    let unsigned: u32 = spaces + others().map(|&byte| u32::from(byte)).sum::<u32>();
    let signed: i64 =
        i64::from(spaces) + others().map(|&byte| i64::from(byte.cast_signed())).sum::<i64>();
    stated == unsigned || i64::from(stated) == signed
}

fn kind_of(type_flag: u8, path: &[u8]) -> MemberKind {
    match type_flag {
        // Before POSIX a directory was a file whose name ends with a slash.
        0 | b'0' if path.ends_with(b"/") => MemberKind::Directory,
        b'1' => MemberKind::HardLink,
        b'2' => MemberKind::Symlink,
        b'3' => MemberKind::CharDevice,
        b'4' => MemberKind::BlockDevice,
        b'5' | b'D' => MemberKind::Directory,
        b'6' => MemberKind::Fifo,
        b'V' | b'M' | b'N' => MemberKind::Other(type_flag),
        _ => MemberKind::File,
    }
}
