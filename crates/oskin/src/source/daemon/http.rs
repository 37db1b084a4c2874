//! One question over a unix socket and its answer: as much of HTTP/1.1 as engines speak.
//!
//! The answer is bounded and strict: a body that ends before its stated end is an error, since an
//! engine that fails in the middle of an image has no other way to say so.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The most that status line and headers may take.
const MAX_HEAD_BYTES: u64 = 64 * 1024;

/// The most headers of an answer.
const MAX_HEADERS: usize = 128;

/// The longest line that states the size of a chunk, its extensions included.
const MAX_CHUNK_LINE_BYTES: u64 = 4096;

/// The most that trailers behind the last chunk may take.
const MAX_TRAILER_BYTES: u64 = 16 * 1024;

/// How long an engine may be silent. It puts a large image together before it sends its first byte.
const SILENCE: Duration = Duration::from_secs(600);

/// What a chunk is that does not end with its stated size.
const MISFIT: &str = "a chunk does not end where it should";

/// What an engine answered.
pub(super) struct Answer<R> {
    /// The status code.
    pub(super) status: u16,
    /// The body, to its stated end and no further.
    pub(super) body: Body<R>,
}

/// Asks for a path, which must be plain ASCII without spaces.
pub(super) fn get(socket: &Path, path: &str) -> io::Result<Answer<BufReader<UnixStream>>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let head = "Host: docker\r\nUser-Agent: oskin\r\nAccept: */*\r\nConnection: close";
    stream.write_all(format!("GET {path} HTTP/1.1\r\n{head}\r\n\r\n").as_bytes())?;
    Answer::read(BufReader::with_capacity(super::super::stored::BUFFER_BYTES, stream))
}

fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.into())
}

fn cut_off() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the answer was cut off")
}

/// Says what a read that came to nothing means.
fn said(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => io::Error::new(
            ErrorKind::TimedOut,
            format!("nothing came for {} seconds", SILENCE.as_secs()),
        ),
        ErrorKind::ConnectionReset => cut_off(),
        _ => error,
    }
}

/// One line with its end; `what` says that it is longer than `limit`.
fn line(reader: &mut impl BufRead, limit: u64, what: &'static str) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.take(limit).read_until(b'\n', &mut line).map_err(said)?;
    match line.last() {
        Some(b'\n') => Ok(line),
        _ if line.len() as u64 == limit => Err(invalid(what)),
        _ => Err(cut_off()),
    }
}

impl<R: BufRead> Answer<R> {
    /// Reads status and headers.
    pub(super) fn read(mut reader: R) -> io::Result<Self> {
        let mut head = Vec::new();
        loop {
            let left = MAX_HEAD_BYTES - head.len() as u64;
            let line = line(&mut reader, left, "the head of the answer is too long")?;
            head.extend_from_slice(&line);
            if matches!(&line[..], b"\r\n" | b"\n") {
                break;
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        let parsed = answer.parse(&head);
        let is_whole = parsed.is_ok_and(|parsed| parsed.is_complete());
        let Some(status) = answer.code.filter(|_| is_whole) else {
            return Err(invalid("the answer is not HTTP"));
        };
        let framing = Framing::of(answer.headers)?;
        Ok(Self { status, body: Body { reader, framing } })
    }
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// After so many bytes.
    Length(u64),
    /// After so many bytes another chunk begins.
    Chunk(u64),
    /// A chunk begins; `true` for the first.
    Size(bool),
    /// With the connection.
    Close,
}

impl Framing {
    fn of(headers: &[httparse::Header<'_>]) -> io::Result<Self> {
        let values = |name: &'static str| {
            let named = headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
            named.map(|header| header.value.trim_ascii())
        };
        if let Some(coding) = values("transfer-encoding").next() {
            // RFC 9112, section 6.3: a length beside it does not count.
            return match coding.eq_ignore_ascii_case(b"chunked") {
                true => Ok(Self::Size(true)),
                false => Err(invalid("the answer has an unknown transfer encoding")),
            };
        }
        let mut framing = None;
        for value in values("content-length") {
            let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            let stated = length.filter(|_| is_number).map(Self::Length);
            if stated.is_none() || framing.is_some_and(|other| Some(other) != stated) {
                return Err(invalid("the answer states no sound length"));
            }
            framing = stated;
        }
        Ok(framing.unwrap_or(Self::Close))
    }
}

/// The body of an answer.
pub(super) struct Body<R> {
    reader: R,
    framing: Framing,
}

impl<R: BufRead> Body<R> {
    /// Reads what stands between two chunks; `false` behind the last.
    fn next_chunk(&mut self, is_first: bool) -> io::Result<bool> {
        if !is_first && line(&mut self.reader, 2, MISFIT)? != b"\r\n" {
            return Err(invalid(MISFIT));
        }
        let line_bytes =
            line(&mut self.reader, MAX_CHUNK_LINE_BYTES, "the size of a chunk is too long")?;
        let stated = httparse::parse_chunk_size(&line_bytes);
        let Ok(httparse::Status::Complete((_, size))) = stated else {
            return Err(invalid("the size of a chunk is no number"));
        };
        if size > 0 {
            self.framing = Framing::Chunk(size);
            return Ok(true);
        }
        let mut left = MAX_TRAILER_BYTES;
        loop {
            let trailer = line(&mut self.reader, left, "what follows the last chunk is too long")?;
            left -= trailer.len() as u64;
            if matches!(&trailer[..], b"\r\n" | b"\n") {
                break;
            }
        }
        self.framing = Framing::Length(0);
        Ok(false)
    }
}

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            match self.framing {
                Framing::Length(0) => return Ok(0),
                Framing::Size(is_first) => {
                    if !self.next_chunk(is_first)? {
                        return Ok(0);
                    }
                }
                Framing::Close => return self.reader.read(into).map_err(said),
                Framing::Length(left) | Framing::Chunk(left) => {
                    let most = usize::try_from(left).map_or(into.len(), |it| it.min(into.len()));
                    let count = self.reader.read(&mut into[..most]).map_err(said)?;
                    if count == 0 {
                        return Err(cut_off());
                    }
                    let left = left - count as u64;
                    self.framing = match self.framing {
                        Framing::Chunk(_) if left == 0 => Framing::Size(false),
                        Framing::Chunk(_) => Framing::Chunk(left),
                        _ => Framing::Length(left),
                    };
                    return Ok(count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(answer: &[u8]) -> Result<(u16, Vec<u8>), String> {
        let mut answer = Answer::read(answer).map_err(|error| error.to_string())?;
        let mut body = Vec::new();
        answer.body.read_to_end(&mut body).map_err(|error| error.to_string())?;
        Ok((answer.status, body))
    }

    #[test]
    fn each_way_to_end_a_body_is_held_to() {
        let good: [(&[u8], &[u8]); 5] = [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", b"abc"),
            (b"HTTP/1.1 200 OK\r\n\r\nabc", b"abc"),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n", b"abc"),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n1\r\na\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
                b"a0123456789",
            ),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", b"a"),
        ];
        for (answer, expected) in good {
            assert_eq!(body(answer).unwrap(), (200, expected.to_vec()));
        }
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (answer, what) in [
            (String::new(), "cut off"),
            ("SSH-2.0\r\n\r\n".to_owned(), "not HTTP"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_owned(), "cut off"),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc".to_owned(), "no sound length"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_owned(),
                "no sound",
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab".to_owned(), "unknown transfer"),
            (format!("{chunked}3\r\nabc\r\n"), "cut off"),
            (format!("{chunked}3\r\nabcd\r\n0\r\n\r\n"), "where it should"),
            (format!("{chunked}g\r\nabc\r\n"), "no number"),
            (format!("{chunked}fffffffffffffffff\r\nabc\r\n"), "no number"),
            (format!("{chunked}1;{}\r\na\r\n", "x".repeat(5000)), "too long"),
            (format!("{chunked}0\r\n{}", "x: y\r\n".repeat(5000)), "too long"),
            (format!("HTTP/1.1 200 OK\r\n{}", "x: y\r\n".repeat(50_000)), "too long"),
        ] {
            let error = body(answer.as_bytes()).unwrap_err();
            assert!(error.contains(what), "{answer:.60}: {error}");
        }
    }

    proptest! {
        /// However a body is cut into chunks, and wherever the answer is cut off.
        #[test]
        fn chunks_come_together(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..8), cut: usize) {
            let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for chunk in &chunks {
                answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
                answer.extend(chunk);
                answer.extend(b"\r\n");
            }
            answer.extend(b"0\r\n\r\n");
            prop_assert_eq!(body(&answer), Ok((200, chunks.concat())));
            prop_assert!(body(&answer[..cut % answer.len()]).is_err());
        }
    }
}
