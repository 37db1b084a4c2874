//! What strangers give to read, as one file of bytes: the files of a store, or the answers of a server.
//!
//! A line `@@ NAME` begins a part, which goes on to the next such line; what stands before the first
//! is passed over. `{{digest N}}` in a part becomes the digest of the N-th part, counted from 0, or of
//! the body of that answer, if that part comes later; so inputs that chance made are not stopped by the first digest.

use crate::compress::{Compression, compress};
use crate::hash::digest;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most parts that are taken.
const MAX_PARTS: usize = 24;

/// The most answers to one input: servers that send on and on are no finding.
const MAX_ANSWERS: usize = 40;

/// How long a server waits for one who asks.
const PATIENCE: Duration = Duration::from_secs(2);

const MARK: &[u8] = b"@@ ";

/// One file of a store, or one answer of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostilePart {
    /// The path of the file, or a piece of the request line that the answer is for.
    pub name: String,
    /// The content or the whole answer, head included.
    pub bytes: Vec<u8>,
}

/// Takes an input apart and puts digests in.
pub fn hostile_parts(input: &[u8]) -> Vec<HostilePart> {
    let mut parts: Vec<HostilePart> = Vec::new();
    for line in input.split_inclusive(|&byte| byte == b'\n') {
        if let Some(name) = line.strip_prefix(MARK) {
            if parts.len() == MAX_PARTS {
                break;
            }
            if let Some(before) = parts.last_mut() {
                // The end of the line belongs to the mark.
                before.bytes.pop();
            }
            let name = String::from_utf8_lossy(name.trim_ascii()).into_owned();
            parts.push(HostilePart { name, bytes: Vec::new() });
        } else if let Some(part) = parts.last_mut() {
            part.bytes.extend_from_slice(line);
        }
    }
    if let Some(last) = parts.last_mut().filter(|last| last.bytes.ends_with(b"\n")) {
        last.bytes.pop();
    }
    for at in (0..parts.len()).rev() {
        let (before, after) = parts.split_at_mut(at + 1);
        let Some(part) = before.last_mut() else { break };
        for (behind, other) in after.iter().enumerate() {
            let place = format!("{{{{digest {}}}}}", at + 1 + behind);
            if holds(&part.bytes, place.as_bytes()) {
                part.bytes = replaced(&part.bytes, place.as_bytes(), &digest(body(&other.bytes)));
            }
        }
    }
    parts
}

/// The body of an answer, or all of what is none.
fn body(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    match end.filter(|_| bytes.starts_with(b"HTTP/")) {
        Some(end) => &bytes[end + 4..],
        None => bytes,
    }
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|piece| piece == what)
}

fn replaced(bytes: &[u8], what: &[u8], by: &str) -> Vec<u8> {
    let mut all = Vec::with_capacity(bytes.len() + by.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(what) {
            all.extend(by.bytes());
            at += what.len();
        } else {
            all.push(bytes[at]);
            at += 1;
        }
    }
    all
}

/// Writes the parts of an input below a directory, which must be empty or absent.
///
/// `PATH` is a file, which is compressed if its name ends in `.gz` and its content is plain;
/// `link PATH` is a symbolic link to its content; `config DIR` is a file in that directory under
/// its digest, as a store of podman names it. Nothing is written elsewhere: paths of other letters
/// than file names have, or that lead up, are passed over, and links come last.
///
/// # Errors
///
/// If the directory cannot be made.
pub fn write_hostile_store(root: &Path, input: &[u8]) -> io::Result<()> {
    fs::create_dir_all(root)?;
    let parts = hostile_parts(input);
    let (links, files): (Vec<_>, Vec<_>) =
        parts.iter().partition(|part| part.name.starts_with("link "));
    for part in files {
        let name = match part.name.strip_prefix("config ") {
            Some(directory) => format!("{directory}/={}", base64(digest(&part.bytes).as_bytes())),
            None => part.name.clone(),
        };
        let is_plain = !part.bytes.starts_with(b"\x1f\x8b");
        let is_packed = Path::new(&name).extension().is_some_and(|ending| ending == "gz");
        let packed = (is_packed && is_plain).then(|| compress(&part.bytes, Compression::Gzip));
        // One may stand where another needs a directory.
        drop(place(root, &name, |path| fs::write(path, packed.as_deref().unwrap_or(&part.bytes))));
    }
    for part in links {
        let name = part.name.trim_start_matches("link ");
        let target = String::from_utf8_lossy(&part.bytes).into_owned();
        drop(place(root, name, |path| std::os::unix::fs::symlink(target.trim_ascii(), path)));
    }
    Ok(())
}

/// Puts something at a path below a directory.
fn place(root: &Path, name: &str, put: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._=+-".contains(&byte);
    let is_name = |part: &str| {
        !matches!(part, "" | "." | "..") && part.len() < 200 && part.bytes().all(is_plain)
    };
    if name.split('/').count() > 8 || !name.split('/').all(is_name) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut path = root.to_owned();
    let (above, last) = name.rsplit_once('/').unwrap_or(("", name));
    for part in above.split('/').filter(|part| !part.is_empty()) {
        path.push(part);
        // Not through a link that an earlier part made.
        match path.symlink_metadata() {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(_) => fs::create_dir(&path)?,
        }
    }
    path.push(last);
    if path.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    put(&path)
}

/// Base64 with padding, as stores name files by it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let three =
            [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for digit in 0..4 {
            let at = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit > chunk.len() { '=' } else { char::from(DIGITS[at as usize]) });
        }
    }
    text
}

/// A server whose answers are the parts of an input; its thread ends with the process.
///
/// A part answers requests whose line contains its name: of several the first that has not answered
/// yet, else the last. `{{host}}` in a part becomes the server's own address. Each connection gets
/// one answer; where no part fits it gets a 404, and a greeting of TLS gets none.
#[derive(Debug)]
pub struct HostileServer {
    said: Arc<Mutex<Said>>,
    address: String,
}

#[derive(Debug, Default)]
struct Said {
    parts: Vec<(HostilePart, bool)>,
    answers: usize,
}

impl HostileServer {
    /// Listens at a unix socket.
    ///
    /// # Errors
    ///
    /// If the socket cannot be made.
    pub fn at_socket(path: &Path) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        let said = Arc::default();
        let shared = Arc::clone(&said);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let set = |stream: &UnixStream| {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))
                };
                if set(&stream).is_ok() {
                    answer(stream, &shared);
                }
            }
        });
        Ok(Self { said, address: path.display().to_string() })
    }

    /// Listens at a port of this machine.
    ///
    /// # Errors
    ///
    /// If there is no port.
    pub fn at_port() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let said = Arc::default();
        let shared = Arc::clone(&said);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let set = |stream: &TcpStream| {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))
                };
                if set(&stream).is_ok() {
                    answer(stream, &shared);
                }
            }
        });
        Ok(Self { said, address })
    }

    /// The path of the socket, or host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What is answered from now on.
    pub fn say(&self, input: &[u8]) {
        let mut parts = hostile_parts(input);
        for part in &mut parts {
            part.bytes = replaced(&part.bytes, b"{{host}}", &self.address);
        }
        let parts = parts.into_iter().map(|part| (part, false)).collect();
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Said { parts, answers: 0 };
    }
}

fn answer(mut stream: impl Read + Write, said: &Mutex<Said>) {
    let Some(line) = request(&mut stream) else { return };
    let found = {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.answers += 1;
        if said.answers > MAX_ANSWERS {
            return;
        }
        let fitting = |part: &HostilePart| line.contains(&part.name);
        let fresh = said.parts.iter().position(|(part, used)| !used && fitting(part));
        let at = fresh.or_else(|| said.parts.iter().rposition(|(part, _)| fitting(part)));
        at.map(|at| {
            said.parts[at].1 = true;
            said.parts[at].0.bytes.clone()
        })
    };
    let none =
        || b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
    // Whoever asked may have heard enough.
    drop(stream.write_all(&found.unwrap_or_else(none)));
}

/// The first line of a request, after all of it was read; nothing for what is no request.
fn request(stream: &mut impl Read) -> Option<String> {
    let mut asked = Vec::new();
    let mut buffer = [0; 4096];
    let end = loop {
        if let Some(end) = asked.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        asked.extend_from_slice(&buffer[..count]);
        if !asked[0].is_ascii_uppercase() || asked.len() > 1 << 16 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&asked[..end]).to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let whole = end + length.unwrap_or(0);
    while asked.len() < whole {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        asked.extend_from_slice(&buffer[..count]);
    }
    Some(String::from_utf8_lossy(&asked[..end]).lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_taken_apart() {
        let input =
            b"x\n@@ a\none {{digest 1}} {{digest 0}}\n@@ b/c\nHTTP/1.1 200 OK\r\n\r\nbody\n@@ \n";
        let parts = hostile_parts(input);
        let names: Vec<&str> = parts.iter().map(|part| &*part.name).collect();
        assert_eq!(names, ["a", "b/c", ""]);
        let expected = format!("one {} {{{{digest 0}}}}", digest(b"body"));
        assert_eq!(parts[0].bytes, expected.as_bytes());
        assert_eq!(parts[2].bytes, b"");
        assert_eq!(hostile_parts(b"no mark"), []);
    }

    #[test]
    fn names_are_coded_as_elsewhere() {
        for (plain, coded) in
            [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("a/b?", "YS9iPw==")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn nothing_is_written_outside() {
        let dir = tempfile::tempdir().unwrap();
        let input = b"@@ link up\n..\n@@ up/x\n1\n@@ ../y\n2\n@@ a/b\n3\n@@ a\n4\n@@ /z\n5\n@@ config a\n6\n@@ t.gz\n7\n@@ link a/b\n/\n@@ link a/l/m\n/\n";
        write_hostile_store(&dir.path().join("root"), input).unwrap();
        let names = |path: &Path| {
            let mut names: Vec<String> = fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(dir.path()), ["root"]);
        let root = dir.path().join("root");
        // The directory `up` is there before the link of that name.
        assert_eq!(names(&root), ["a", "t.gz", "up"]);
        assert_eq!(names(&root.join("a")).len(), 3);
        assert!(root.join("up").symlink_metadata().unwrap().is_dir());
        assert_eq!(fs::read(root.join("a/b")).unwrap(), b"3");
        assert!(fs::read(root.join("t.gz")).unwrap().starts_with(b"\x1f\x8b"));
    }
}
