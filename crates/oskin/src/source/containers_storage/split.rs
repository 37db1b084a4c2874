//! A layer as the tar archive that it came as, put together from tar-split and the files.
//!
//! tar-split keeps the bytes of an archive that are no content of files: headers and padding, as
//! lines of JSON between which the files stand (github.com/vbatts/tar-split, `storage/entry.go`).
//! Whether all fits shows in the digest of the whole.

use super::super::walk_fs;
use crate::inventory::EntryKind;
use crate::path;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{self, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use serde::Deserialize;
use std::borrow::Cow;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, BufRead, ErrorKind, Read};

/// How often a way is tried again that the kernel could not be sure of.
const MAX_TRIES: u32 = 100;

/// The longest line: the longest run of headers and padding, in base64. Archives are cut there by
/// tar-split itself at 1 MiB.
const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;

const FILE: u64 = 1;
const SEGMENT: u64 = 2;

#[derive(Deserialize)]
struct Line<'l> {
    #[serde(rename = "type")]
    kind: u64,
    #[serde(borrow, default)]
    name: Option<Cow<'l, str>>,
    /// The name in base64 where it is no text.
    #[serde(borrow, default)]
    name_raw: Option<Cow<'l, str>>,
    #[serde(default)]
    size: Option<i64>,
    #[serde(borrow, default)]
    payload: Option<Cow<'l, str>>,
}

/// What comes next.
enum Piece {
    Segment { bytes: Vec<u8>, at: usize },
    File { file: File, left_bytes: u64 },
}

/// The archive, read from its first byte to its last.
pub(super) struct Archive<R> {
    lines: R,
    line: Vec<u8>,
    piece: Piece,
    content: Content,
    left_bytes: u64,
}

impl<R: BufRead> Archive<R> {
    /// Puts the lines of a tar-split file together with the files below a directory; an archive of
    /// more than `limit_bytes` is an error.
    pub(super) fn new(lines: R, root: OwnedFd, limit_bytes: u64) -> Self {
        let piece = Piece::Segment { bytes: Vec::new(), at: 0 };
        let content = Content { root, last: None };
        Self { lines, line: Vec::new(), piece, content, left_bytes: limit_bytes }
    }

    /// Goes to the next piece; `false` behind the last.
    fn next_piece(&mut self) -> io::Result<bool> {
        self.line.clear();
        (&mut self.lines).take(MAX_LINE_BYTES).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(false);
        }
        if self.line.len() as u64 == MAX_LINE_BYTES {
            return Err(invalid("a line of tar-split is too long"));
        }
        let line: Line<'_> = serde_json::from_slice(&self.line)
            .map_err(|error| invalid(format!("a line of tar-split is damaged: {error}")))?;
        let decode = |text: &str| {
            STANDARD.decode(text).map_err(|_| invalid("a line of tar-split is no base64"))
        };
        match line.kind {
            SEGMENT => {
                let bytes = decode(line.payload.as_deref().unwrap_or_default())?;
                self.piece = Piece::Segment { bytes, at: 0 };
            }
            FILE => {
                let size_bytes = u64::try_from(line.size.unwrap_or(0))
                    .map_err(|_| invalid("a size of tar-split is negative"))?;
                if size_bytes > 0 {
                    let name = match &line.name_raw {
                        Some(raw) if !raw.is_empty() => decode(raw)?,
                        _ => line.name.as_deref().unwrap_or_default().as_bytes().to_vec(),
                    };
                    let file = self.content.open(&name).map_err(|error| named(&name, &error))?;
                    self.piece = Piece::File { file, left_bytes: size_bytes };
                }
            }
            other => {
                return Err(invalid(format!("tar-split has an entry of unknown type {other}")));
            }
        }
        Ok(true)
    }
}

/// Names the file that is not as it should be. Only what a user may not read is no damage.
fn named(name: &[u8], error: &io::Error) -> io::Error {
    let name = path::shorten(name);
    match error.kind() {
        ErrorKind::PermissionDenied => io::Error::new(error.kind(), format!("{name}: {error}")),
        ErrorKind::NotFound => invalid(format!("{name} is missing")),
        _ => invalid(format!("{name}: {error}")),
    }
}

fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.into())
}

impl<R: BufRead> Read for Archive<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let count = match &mut self.piece {
                Piece::Segment { bytes, at } => {
                    let count = (bytes.len() - *at).min(into.len());
                    into[..count].copy_from_slice(&bytes[*at..*at + count]);
                    *at += count;
                    count
                }
                Piece::File { left_bytes: 0, .. } => 0,
                Piece::File { file, left_bytes } => {
                    let most =
                        usize::try_from(*left_bytes).map_or(into.len(), |it| it.min(into.len()));
                    let count = file.read(&mut into[..most])?;
                    if count == 0 {
                        return Err(invalid("a file is shorter than tar-split says"));
                    }
                    *left_bytes -= count as u64;
                    count
                }
            };
            if count > 0 {
                self.left_bytes = self
                    .left_bytes
                    .checked_sub(count as u64)
                    .ok_or_else(|| invalid("the layer is larger than its limit"))?;
                return Ok(count);
            }
            if !self.next_piece()? {
                return Ok(0);
            }
        }
    }
}

/// Opens files below a directory by handles; nothing leads out of it, and no file is a link.
struct Content {
    root: OwnedFd,
    // The directory of the file before: those of one directory stand together.
    last: Option<(Vec<u8>, OwnedFd)>,
}

impl Content {
    fn open(&mut self, name: &[u8]) -> io::Result<File> {
        let name = path::normalize(name).map_err(|problem| invalid(problem.to_string()))?;
        let (directory, name) = path::split_name(&name);
        if !matches!(&self.last, Some((last, _)) if last == directory) {
            self.last = None;
            if !directory.is_empty() {
                self.last = Some((directory.to_vec(), self.enter(directory)?));
            }
        }
        let above = self.last.as_ref().map_or(self.root.as_fd(), |(_, handle)| handle.as_fd());
        regular_file(above, &c_name(name)?)
    }

    /// Opens a directory. Where links stand on the way, the archive was unpacked through them, and
    /// they are followed as they were then: as if the directory of the layer were the root.
    fn enter(&self, directory: &[u8]) -> io::Result<OwnedFd> {
        let plainly = self.enter_plainly(directory);
        let is_link = |error: &io::Error| {
            let told = Errno::from_io_error(error);
            matches!(told, Some(Errno::NOTDIR | Errno::LOOP))
        };
        match plainly {
            Err(error) if is_link(&error) => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let inside =
                    ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
                let name = c_name(directory)?;
                let open = || fs::openat2(&self.root, &name, flags, Mode::empty(), inside);
                // The kernel asks to try again where something, anywhere, was renamed meanwhile and
                // the way has a `..` (openat2(2), EAGAIN).
                let mut entered = open();
                for _ in 0..MAX_TRIES {
                    if !matches!(entered, Err(Errno::AGAIN)) {
                        break;
                    }
                    entered = open();
                }
                Ok(entered?)
            }
            entered => entered,
        }
    }

    fn enter_plainly(&self, directory: &[u8]) -> io::Result<OwnedFd> {
        let mut handle: Option<OwnedFd> = None;
        for name in directory.split(|&byte| byte == b'/') {
            let above = handle.as_ref().map_or(self.root.as_fd(), |handle| handle.as_fd());
            handle = Some(walk_fs::open_directory(above, &c_name(name)?)?);
        }
        handle.ok_or_else(|| ErrorKind::NotFound.into())
    }
}

fn c_name(name: &[u8]) -> io::Result<CString> {
    CString::new(name).map_err(|_| invalid("a name of tar-split has a zero byte"))
}

fn regular_file(above: BorrowedFd<'_>, name: &CString) -> io::Result<File> {
    let found = walk_fs::stat(above, name)?;
    if found.kind != EntryKind::File {
        return Err(invalid(format!("is no file but a {}", found.kind.name())));
    }
    walk_fs::open_file(above, name, &found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_together(lines: &str, limit_bytes: u64) -> Result<Vec<u8>, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("d")).unwrap();
        std::fs::write(dir.path().join("d/f"), "content").unwrap();
        std::os::unix::fs::symlink("/d", dir.path().join("l")).unwrap();
        std::os::unix::fs::symlink("../../../../../../etc", dir.path().join("up")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("d/p")).unwrap();
        let root = walk_fs::open_root(dir.path()).unwrap();
        let mut bytes = Vec::new();
        let mut archive = Archive::new(lines.as_bytes(), root, limit_bytes);
        archive.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    #[test]
    fn pieces_come_in_order_and_only_from_below_the_directory() {
        let segment =
            |text: &str| format!("{{\"type\":2,\"payload\":\"{}\"}}\n", STANDARD.encode(text));
        let file = |name: &str, size: i64| {
            format!("{{\"type\":1,\"name\":\"{name}\",\"size\":{size},\"payload\":\"\"}}\n")
        };
        let whole = [
            segment("<"),
            file("./d/f", 7),
            segment("|"),
            file("gone", 0),
            file("d/f", 3),
            segment(">"),
        ]
        .concat();
        assert_eq!(put_together(&whole, 99).unwrap(), b"<content|con>");
        let raw = format!(
            "{{\"type\":1,\"name\":\"?\",\"name_raw\":\"{}\",\"size\":7}}\n",
            STANDARD.encode("d/f")
        );
        assert_eq!(put_together(&raw, 99).unwrap(), b"content");
        assert_eq!(put_together(&file("l/f", 7), 99).unwrap(), b"content");
        for (lines, what) in [
            (whole, "larger than its limit"),
            (file("d/f", 8), "shorter"),
            (file("d/f", -1), "negative"),
            (file("gone", 1), "gone is missing"),
            (file("up/passwd", 1), "up/passwd is missing"),
            (file("d/p", 7), "no file but a symlink"),
            (file("../x", 7), ".."),
            (file("d", 7), "no file but a directory"),
            ("{\"type\":3}\n".to_owned(), "unknown type 3"),
            ("{\"type\":2,\"payload\":\"%\"}\n".to_owned(), "no base64"),
            ("{\"type\":2,\"pay".to_owned(), "damaged"),
        ] {
            let error = put_together(&lines, 10).unwrap_err();
            assert!(error.contains(what), "{lines}: {error}");
        }
    }
}
