//! The fixture language: a few lines of text that say what the layers of an image hold.
//!
//! ```text
//! //- layer created_by="COPY . /"
//! bin/            dir
//! bin/sh          file 120                  # 120 bytes of a fixed stream
//! bin/ls          file 120 seed=7           # 120 bytes of another stream
//! etc/motd        file "hi\n" mode=0600 uid=10 gid=20 mtime=1700000000
//! etc/link        symlink ../usr/lib
//! bin/bash        hardlink bin/sh
//! dev/null        char 1 3
//! dev/sda         block 8 0
//! run/pipe        fifo
//! "odd name\xff"  file ""
//! //- layer
//! etc/.wh.motd    file
//! ```
//!
//! One entry per line, written in the given order; a path may occur more than once and is taken as
//! it stands. Words are separated by blanks; quotes may surround a word or the value of an
//! attribute and know `\n`, `\t`, `\\`, `\"` and `\xNN`. `#` begins a comment. Lines before the
//! first header are a layer too.

use std::fmt;
use std::fmt::Write as _;

/// One layer: entries in the order of its archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixtureLayer {
    /// The entries, whiteouts included, as they are written.
    pub entries: Vec<FixtureEntry>,
    /// The command that made the layer, for the history of the image.
    pub created_by: Option<String>,
}

/// One member of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixtureEntry {
    /// The name as it goes into the archive, bytes of any kind.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: FixtureKind,
    /// Permission, set-id and sticky bits.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Time of modification in seconds since 1970.
    pub mtime: u64,
}

/// What an archive member is, with what belongs to the kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FixtureKind {
    /// A regular file and its content.
    File(Vec<u8>),
    /// A directory.
    Directory,
    /// A symbolic link and its target.
    Symlink(Vec<u8>),
    /// A further name and the name in the archive that it is linked to.
    HardLink(Vec<u8>),
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

impl FixtureKind {
    /// The mode that an entry has when the fixture gives none.
    pub const fn default_mode(&self) -> u32 {
        match self {
            Self::Directory => 0o755,
            Self::Symlink(_) => 0o777,
            _ => 0o644,
        }
    }
}

impl FixtureEntry {
    /// An entry of root's with the default mode of its kind.
    pub fn new(path: impl Into<Vec<u8>>, kind: FixtureKind) -> Self {
        let mode = kind.default_mode();
        Self { path: path.into(), kind, mode, uid: 0, gid: 0, mtime: 0 }
    }

    /// A regular file.
    pub fn file(path: impl Into<Vec<u8>>, content: impl Into<Vec<u8>>) -> Self {
        Self::new(path, FixtureKind::File(content.into()))
    }

    /// A directory.
    pub fn directory(path: impl Into<Vec<u8>>) -> Self {
        Self::new(path, FixtureKind::Directory)
    }

    /// A symbolic link.
    pub fn symlink(path: impl Into<Vec<u8>>, target: impl Into<Vec<u8>>) -> Self {
        Self::new(path, FixtureKind::Symlink(target.into()))
    }

    /// A hard link.
    pub fn hard_link(path: impl Into<Vec<u8>>, target: impl Into<Vec<u8>>) -> Self {
        Self::new(path, FixtureKind::HardLink(target.into()))
    }
}

/// A line of a fixture that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixtureError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for FixtureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fixture line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for FixtureError {}

/// Reads a fixture.
///
/// A hard link without attributes takes mode, owner and group of the last entry before it that has
/// the name of its target, because all names of a file share them.
///
/// # Errors
///
/// The first line that cannot be understood.
pub fn parse(text: &str) -> Result<Vec<FixtureLayer>, FixtureError> {
    let mut layers: Vec<FixtureLayer> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let at_line = |message| FixtureError { line: index + 1, message };
        let header = line.trim_start().strip_prefix("//-");
        let words = words(header.unwrap_or(line)).map_err(at_line)?;
        if words.is_empty() && header.is_none() {
            continue;
        }
        if header.is_some() {
            layers.push(layer_header(&words).map_err(at_line)?);
            continue;
        }
        let entry = entry(&words, &layers).map_err(at_line)?;
        if layers.is_empty() {
            layers.push(FixtureLayer::default());
        }
        if let Some(layer) = layers.last_mut() {
            layer.entries.push(entry);
        }
    }
    Ok(layers)
}

/// The first byte of the stream 0; that of the stream n is n more.
const FIRST_BYTE: u8 = b'A';

/// The first `len` bytes of the stream number `seed`: no two streams begin alike.
pub fn pattern(len: u64, seed: u64) -> Vec<u8> {
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let mut bytes = crate::random::random_bytes(seed ^ 0x6f73_6b69_6e00_0000, len);
    // Streams differ in their first byte where that can be, so that even short files differ.
    if let (Some(first), Some(low)) = (bytes.first_mut(), seed.to_le_bytes().first()) {
        *first = low.wrapping_add(FIRST_BYTE);
    }
    bytes
}

/// Writes layers as fixture text that [`parse`] reads back to equal layers.
pub fn fixture_text(layers: &[FixtureLayer]) -> String {
    let mut out = String::new();
    for layer in layers {
        out.push_str("//- layer");
        if let Some(command) = &layer.created_by {
            out.push_str(" created_by=");
            quote(&mut out, command.as_bytes());
        }
        out.push('\n');
        for entry in &layer.entries {
            entry_text(&mut out, entry);
        }
    }
    out
}

fn entry_text(out: &mut String, entry: &FixtureEntry) {
    quote(out, &entry.path);
    // Writing to a String cannot fail.
    let _ = match &entry.kind {
        FixtureKind::File(_) => write!(out, " file "),
        FixtureKind::Directory => write!(out, " dir"),
        FixtureKind::Symlink(_) => write!(out, " symlink "),
        FixtureKind::HardLink(_) => write!(out, " hardlink "),
        FixtureKind::CharDevice { major, minor } => write!(out, " char {major} {minor}"),
        FixtureKind::BlockDevice { major, minor } => write!(out, " block {major} {minor}"),
        FixtureKind::Fifo => write!(out, " fifo"),
    };
    if let FixtureKind::File(bytes) | FixtureKind::Symlink(bytes) | FixtureKind::HardLink(bytes) =
        &entry.kind
    {
        match stream_of(bytes) {
            Some(seed) => drop(write!(out, "{} seed={seed}", bytes.len())),
            None => quote(out, bytes),
        }
    }
    let FixtureEntry { mode, uid, gid, mtime, .. } = entry;
    let _ = writeln!(out, " mode={mode:04o} uid={uid} gid={gid} mtime={mtime}");
}

/// The seed of the stream that long content is, if it is one of the first 256.
fn stream_of(bytes: &[u8]) -> Option<u64> {
    let first = bytes.first().filter(|_| bytes.len() > 8)?;
    let seed = u64::from(first.wrapping_sub(FIRST_BYTE));
    (pattern(bytes.len() as u64, seed) == bytes).then_some(seed)
}

fn quote(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b'\n' => out.push_str("\\n"),
            b' '..=b'~' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "\\x{byte:02x}")),
        }
    }
    out.push('"');
}

/// One word of a line. `key` is set for an attribute, which has no quote before its `=`.
struct Word {
    key: Option<String>,
    value: Vec<u8>,
    quoted: bool,
}

fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = word(rest)?;
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

fn word(text: &str) -> Result<(Word, &str), String> {
    let bare_end = text.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(text.len());
    let (bare, rest) = text.split_at(bare_end);
    let key = bare.split_once('=').map(|(key, _)| key.to_owned());
    let Some(quoted) = rest.strip_prefix('"') else {
        let value = key.as_ref().map_or(bare, |key| &bare[key.len() + 1..]);
        return Ok((Word { key, value: value.as_bytes().to_vec(), quoted: false }, rest));
    };
    if !bare.is_empty() && !bare.ends_with('=') {
        return Err(format!("quote inside the word {bare}"));
    }
    let (value, after) = unquote(quoted)?;
    if !after.is_empty() && !after.starts_with(char::is_whitespace) {
        return Err("no blank after the closing quote".to_owned());
    }
    Ok((Word { key, value, quoted: true }, after))
}

/// The bytes up to the closing quote and the text after it.
fn unquote(text: &str) -> Result<(Vec<u8>, &str), String> {
    let mut value = Vec::new();
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Ok((value, &text[at + 1..])),
            b'\\' => match bytes.next() {
                Some((_, b'n')) => value.push(b'\n'),
                Some((_, b't')) => value.push(b'\t'),
                Some((_, same @ (b'\\' | b'"'))) => value.push(same),
                Some((_, b'x')) => {
                    let digits = text.get(at + 2..at + 4).unwrap_or_default();
                    let byte = u8::from_str_radix(digits, 16);
                    value.push(byte.map_err(|_| format!("bad escape \\x{digits}"))?);
                    bytes.nth(1);
                }
                _ => return Err("unknown escape".to_owned()),
            },
            other => value.push(other),
        }
    }
    Err("no closing quote".to_owned())
}

fn layer_header(words: &[Word]) -> Result<FixtureLayer, String> {
    let [what, attributes @ ..] = words else { return Err("empty header".to_owned()) };
    if what.key.is_some() || what.value != b"layer" {
        return Err("a header is `//- layer`".to_owned());
    }
    let mut layer = FixtureLayer::default();
    for word in attributes {
        match word.key.as_deref() {
            Some("created_by") => {
                layer.created_by = Some(String::from_utf8_lossy(&word.value).into_owned());
            }
            _ => return Err("a layer knows only created_by=".to_owned()),
        }
    }
    Ok(layer)
}

fn entry(words: &[Word], before: &[FixtureLayer]) -> Result<FixtureEntry, String> {
    // An equals sign in a bare path is no attribute: the first word is always the path.
    let [path, kind, rest @ ..] = words else { return Err("path and kind expected".to_owned()) };
    let path = match &path.key {
        Some(key) => [key.as_bytes(), b"=", &path.value].concat(),
        None => path.value.clone(),
    };
    let plain = rest.iter().take_while(|word| word.key.is_none()).count();
    let (arguments, attributes) = rest.split_at(plain);
    let kind = kind_of(&kind.value, arguments, attributes)?;
    let mut entry = FixtureEntry::new(path, kind);
    if let FixtureKind::HardLink(target) = &entry.kind
        && let Some(first) = before.iter().flat_map(|l| &l.entries).rfind(|e| e.path == *target)
    {
        FixtureEntry { mode: entry.mode, uid: entry.uid, gid: entry.gid, .. } = *first;
    }
    for word in attributes {
        attribute(&mut entry, word)?;
    }
    Ok(entry)
}

fn kind_of(name: &[u8], arguments: &[Word], attributes: &[Word]) -> Result<FixtureKind, String> {
    let kind = match (name, arguments) {
        (b"file", []) => FixtureKind::File(Vec::new()),
        (b"file", [content]) if content.quoted => FixtureKind::File(content.value.clone()),
        (b"file", [len]) => {
            let seed = attributes.iter().find(|word| word.key.as_deref() == Some("seed"));
            let seed = seed.map_or(Ok(0), |word| number(&word.value, 10))?;
            FixtureKind::File(pattern(number(&len.value, 10)?, seed))
        }
        (b"dir", []) => FixtureKind::Directory,
        (b"symlink", [target]) => FixtureKind::Symlink(target.value.clone()),
        (b"hardlink", [target]) => FixtureKind::HardLink(target.value.clone()),
        (b"char", [major, minor]) => {
            FixtureKind::CharDevice { major: id(&major.value)?, minor: id(&minor.value)? }
        }
        (b"block", [major, minor]) => {
            FixtureKind::BlockDevice { major: id(&major.value)?, minor: id(&minor.value)? }
        }
        (b"fifo", []) => FixtureKind::Fifo,
        _ => {
            let name = String::from_utf8_lossy(name);
            return Err(format!("unknown kind {name} with {} arguments", arguments.len()));
        }
    };
    Ok(kind)
}

fn attribute(entry: &mut FixtureEntry, word: &Word) -> Result<(), String> {
    let key = word.key.as_deref().ok_or("arguments belong before attributes")?;
    match key {
        "mode" => {
            let mode = number(&word.value, 8)?;
            entry.mode = u32::try_from(mode).ok().filter(|m| *m <= 0o7777).ok_or("mode too big")?;
        }
        "uid" => entry.uid = id(&word.value)?,
        "gid" => entry.gid = id(&word.value)?,
        "mtime" => entry.mtime = number(&word.value, 10)?,
        "seed" if matches!(entry.kind, FixtureKind::File(_)) => {}
        other => return Err(format!("unknown attribute {other}")),
    }
    Ok(())
}

fn number(text: &[u8], radix: u32) -> Result<u64, String> {
    let text = String::from_utf8_lossy(text);
    u64::from_str_radix(&text, radix).map_err(|_| format!("no number: {text}"))
}

fn id(text: &[u8]) -> Result<u32, String> {
    u32::try_from(number(text, 10)?).map_err(|_| "number over 32 bits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> FixtureEntry {
        let layers = parse(text).unwrap();
        assert_eq!(layers.len(), 1);
        assert_eq!(layers[0].entries.len(), 1);
        layers[0].entries[0].clone()
    }

    fn error(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn every_kind_is_read() {
        let kinds = [
            ("a file", FixtureKind::File(vec![])),
            ("a file \"x\\n\"", FixtureKind::File(b"x\n".to_vec())),
            ("a file 3", FixtureKind::File(pattern(3, 0))),
            ("a file 3 seed=9", FixtureKind::File(pattern(3, 9))),
            ("a dir", FixtureKind::Directory),
            ("a symlink ../b", FixtureKind::Symlink(b"../b".to_vec())),
            ("a symlink \"b c\"", FixtureKind::Symlink(b"b c".to_vec())),
            ("a hardlink b", FixtureKind::HardLink(b"b".to_vec())),
            ("a char 1 3", FixtureKind::CharDevice { major: 1, minor: 3 }),
            ("a block 8 0", FixtureKind::BlockDevice { major: 8, minor: 0 }),
            ("a fifo", FixtureKind::Fifo),
        ];
        for (text, kind) in kinds {
            assert_eq!(only(text), FixtureEntry::new("a", kind), "{text}");
        }
    }

    #[test]
    fn names_and_attributes_are_bytes_as_written() {
        let entry = only(r#""odd\x00 \xffé\"\\"  file "" mode=4755 uid=4294967295 gid=2 mtime=3"#);
        assert_eq!(entry.path, b"odd\x00 \xff\xc3\xa9\"\\");
        assert_eq!((entry.mode, entry.uid, entry.gid, entry.mtime), (0o4755, u32::MAX, 2, 3));
        assert_eq!(only("./a=b/ dir").path, b"./a=b/");
        assert_eq!(only(r#""" file"#).path, b"");
    }

    #[test]
    fn layers_comments_and_blank_lines() {
        let layers =
            parse("a dir # not b\n\n# none\n//- layer created_by=\"RUN x\"\n//- layer\nb dir");
        let layers = layers.unwrap();
        assert_eq!(layers.iter().map(|l| l.entries.len()).collect::<Vec<_>>(), [1, 0, 1]);
        assert_eq!(layers[1].created_by.as_deref(), Some("RUN x"));
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn hard_links_share_the_metadata_of_their_target() {
        let layers = parse("a file mode=0600 uid=5\n//- layer\nb hardlink a\nc hardlink a uid=6");
        let entries = &layers.unwrap()[1].entries;
        assert_eq!((entries[0].mode, entries[0].uid), (0o600, 5));
        assert_eq!((entries[1].mode, entries[1].uid), (0o600, 6));
    }

    #[test]
    fn bad_lines_are_named() {
        assert_eq!(error("a"), "fixture line 1: path and kind expected");
        assert_eq!(error("\na socket"), "fixture line 2: unknown kind socket with 0 arguments");
        assert_eq!(error("a dir size=1"), "fixture line 1: unknown attribute size");
        assert_eq!(error("a file x"), "fixture line 1: no number: x");
        assert_eq!(error("a dir mode=10000"), "fixture line 1: mode too big");
        assert_eq!(error("a file mode=1 2"), "fixture line 1: arguments belong before attributes");
        assert_eq!(error("\"a file"), "fixture line 1: no closing quote");
        assert_eq!(error("\"a\\xg0\" file"), "fixture line 1: bad escape \\xg0");
        assert_eq!(error("//- laier"), "fixture line 1: a header is `//- layer`");
        assert_eq!(
            error("a file seed=1 \"\" \"\""),
            "fixture line 1: arguments belong before attributes"
        );
    }

    #[test]
    fn streams_differ_and_long_ones_continue_short_ones() {
        assert_eq!(pattern(500, 3)[..120], pattern(120, 3)[..]);
        assert_ne!(pattern(1, 0), pattern(1, 1));
        assert_ne!(pattern(64, 0)[1..], pattern(64, 1)[1..]);
    }

    #[test]
    fn text_reads_back() {
        let text = "a/ dir\n//- layer created_by=\"x \\\"y\"\n\"\\xff \\n\\\\\" file \"\\x00\\x7f\" mode=0 uid=7\n\
                    l symlink a\nh hardlink l\nc char 1 2\nb block 3 4\np fifo mtime=5\n";
        let layers = parse(text).unwrap();
        assert_eq!(parse(&fixture_text(&layers)).unwrap(), layers);
    }
}
