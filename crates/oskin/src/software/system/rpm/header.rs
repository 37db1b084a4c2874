//! The header of a package, as all stores of rpm keep it: an index of tags and the values behind it.

use super::super::room::{Damage, NO_PATH, Room};
use super::super::stanza::text;
use super::{size_at, u16_at, u32_at};
use crate::image::Package;
use crate::path::normalize;
use crate::software::FoundPackage;
use std::borrow::Cow;

pub(super) const NAME: u32 = 1000;
pub(super) const VERSION: u32 = 1001;
pub(super) const RELEASE: u32 = 1002;
pub(super) const EPOCH: u32 = 1003;
pub(super) const LICENSE: u32 = 1014;
pub(super) const ARCH: u32 = 1022;
pub(super) const OLD_FILE_NAMES: u32 = 1027;
pub(super) const FILE_MODES: u32 = 1030;
pub(super) const SOURCE_RPM: u32 = 1044;
pub(super) const PROVIDE_NAME: u32 = 1047;
pub(super) const REQUIRE_NAME: u32 = 1049;
pub(super) const DIR_INDEXES: u32 = 1116;
pub(super) const BASE_NAMES: u32 = 1117;
pub(super) const DIR_NAMES: u32 = 1118;

const INT16: u32 = 3;
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// Index and values are told apart by two counts before them.
const COUNTS_BYTES: usize = 8;

/// A tag, a type, an offset and a count, four bytes each.
const ENTRY_BYTES: usize = 16;

/// The bits of a mode that tell what a file is, and those of a directory.
const TYPE_OF_FILE: u16 = 0o170_000;
const DIRECTORY: u16 = 0o040_000;

/// The most texts of one tag that are read; the largest packages have 200,000 files.
const MOST_TEXTS: usize = 1 << 20;

/// How many files of a package without a path are passed over before its list is given up.
const MOST_PATHLESS: usize = 1000;

/// Words of a rich dependency that are no names.
const OPERATORS: [&[u8]; 5] = [b"and", b"or", b"with", b"without", b"else"];

/// Reads the header of one package.
pub(super) fn package(
    blob: &[u8],
    room: &mut Room,
    damage: &mut Damage,
) -> Result<FoundPackage, &'static str> {
    let header = Header::new(blob).ok_or("its header is cut off")?;
    let [name, version, release] = [NAME, VERSION, RELEASE].map(|tag| header.text(tag));
    if name.is_empty() || version.is_empty() {
        return Err("it has no name or version");
    }
    let dash = if release.is_empty() { "" } else { "-" };
    let version = format!("{version}{dash}{release}");
    let mut package = Package { kind: "rpm".to_owned(), name, version, ..Package::default() };
    let epoch = header.u32s(EPOCH).next().map(|epoch| epoch.to_string()).unwrap_or_default();
    let upstream = source(&header.text(SOURCE_RPM), &package).unwrap_or_default();
    for (key, value) in [("arch", header.text(ARCH)), ("epoch", epoch), ("upstream", upstream)] {
        if !value.is_empty() {
            package.qualifiers.insert(key.to_owned(), value);
        }
    }
    // What it needs of rpm itself is no package.
    let requires = header.strings(REQUIRE_NAME).filter(|name| !name.starts_with(b"rpmlib("));
    Ok(FoundPackage {
        package,
        license: header.text(LICENSE),
        depends: room.names(requires.flat_map(alternatives)),
        provides: room.names(header.strings(PROVIDE_NAME)),
        files: header.files(room, damage),
        ..FoundPackage::default()
    })
}

/// The source of a package, from the name of its file, such as `bash-5.1-1.src.rpm`: its name, and its
/// version where that is another; `None` if both are those of the package.
fn source(file: &str, package: &Package) -> Option<String> {
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    let version = format!("{version}-{release}");
    match (name == package.name, version == package.version) {
        (true, true) => None,
        (false, true) => Some(name.to_owned()),
        _ => Some(format!("{name}@{version}")),
    }
}

/// The names in what a package requires: one, or those of a rich dependency such as `(a or b >= 1)`.
/// What stands behind `if` and `unless` is a condition and no need.
fn alternatives(requirement: &[u8]) -> Vec<&[u8]> {
    if !requirement.starts_with(b"(") {
        return vec![requirement];
    }
    let mut names = Vec::new();
    let mut is_version = false;
    let mut is_condition = false;
    for word in requirement.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        let word = unbracketed(word);
        let is_operator = OPERATORS.contains(&word);
        let is_comparison = word.iter().all(|byte| b"<=>".contains(byte));
        is_condition = (is_condition && word != b"else") || matches!(word, b"if" | b"unless");
        if !is_version && !is_comparison && !is_operator && !is_condition {
            names.push(word);
        }
        is_version = is_comparison;
    }
    names
}

/// A word without brackets that have no counterpart in it: `(a(x86-64))` in part is `a(x86-64)`.
fn unbracketed(word: &[u8]) -> &[u8] {
    let opening = word.iter().take_while(|&&byte| byte == b'(').count();
    let word = word.get(opening..).unwrap_or_default();
    let mut depth = 0_u32;
    let closes_nothing = |&byte: &u8| match byte {
        b'(' => {
            depth = depth.saturating_add(1);
            false
        }
        b')' if depth == 0 => true,
        b')' => {
            depth -= 1;
            false
        }
        _ => false,
    };
    let end = word.iter().position(closes_nothing).unwrap_or(word.len());
    word.get(..end).unwrap_or_default()
}

#[derive(Clone, Copy, Debug)]
struct Header<'a> {
    index: &'a [u8],
    values: &'a [u8],
}

impl<'a> Header<'a> {
    fn new(blob: &'a [u8]) -> Option<Self> {
        let index_bytes = size_at(blob, 0, true)?.checked_mul(ENTRY_BYTES)?;
        let rest = blob.get(COUNTS_BYTES..)?;
        let (index, rest) = rest.split_at_checked(index_bytes)?;
        Some(Self { index, values: rest.get(..size_at(blob, 4, true)?)? })
    }

    /// Type, count and values of a tag, from its offset to the end of all values.
    ///
    /// The last entry of a tag counts: what rpm changes when it installs a package, it writes behind
    /// the signed part of the header.
    fn find(self, tag: u32) -> Option<(u32, usize, &'a [u8])> {
        let is_tag = |entry: &&[u8]| u32_at(entry, 0, true) == Some(tag);
        let entry = self.index.rchunks_exact(ENTRY_BYTES).find(is_tag)?;
        let values = self.values.get(size_at(entry, 8, true)?..)?;
        Some((u32_at(entry, 4, true)?, size_at(entry, 12, true)?, values))
    }

    /// How many texts a tag says to have, and the bytes they begin in.
    fn texts(self, tag: u32) -> (usize, &'a [u8]) {
        match self.find(tag) {
            Some((STRING, _, values)) => (1, values),
            Some((STRING_ARRAY | I18N_STRING, count, values)) => (count.min(MOST_TEXTS), values),
            _ => (0, &[]),
        }
    }

    fn strings(self, tag: u32) -> impl Iterator<Item = &'a [u8]> {
        let (count, values) = self.texts(tag);
        values.split(|&byte| byte == 0).take(count)
    }

    fn text(self, tag: u32) -> String {
        self.strings(tag).next().map(text).unwrap_or_default()
    }

    fn u32s(self, tag: u32) -> impl Iterator<Item = u32> {
        let found = self.find(tag).filter(|(kind, _, _)| *kind == INT32);
        let (_, count, values) = found.unwrap_or_default();
        values.chunks_exact(4).take(count).filter_map(|bytes| u32_at(bytes, 0, true))
    }

    fn u16s(self, tag: u32) -> impl Iterator<Item = u16> {
        let found = self.find(tag).filter(|(kind, _, _)| *kind == INT16);
        let (_, count, values) = found.unwrap_or_default();
        values.chunks_exact(2).take(count).filter_map(|bytes| u16_at(bytes, 0, true))
    }

    /// The files that the package owns, without directories.
    fn files(self, room: &mut Room, damage: &mut Damage) -> Vec<Vec<u8>> {
        let modes = self.u16s(FILE_MODES).map(Some).chain(std::iter::repeat(None));
        let is_directory =
            |mode: Option<u16>| mode.is_some_and(|it| it & TYPE_OF_FILE == DIRECTORY);
        let directories = Directories::new(self.texts(DIR_NAMES));
        let mut files = Vec::new();
        let mut pathless = 0;
        let mut directory: (Option<u32>, Option<Cow<'_, [u8]>>) = (None, None);
        for ((name, number), mode) in
            self.strings(BASE_NAMES).zip(self.u32s(DIR_INDEXES)).zip(modes)
        {
            // Files of a directory stand together, so that its name is brought to normal form once.
            if directory.0 != Some(number) {
                let raw = directories.get(number).unwrap_or_default();
                if !room.take(raw.len()) {
                    break;
                }
                directory = (Some(number), normalize(raw).ok());
            }
            if is_directory(mode) {
                continue;
            }
            let inside = directory.1.as_deref().ok_or(NO_PATH);
            match inside.and_then(|directory| room.join(directory, name)) {
                Ok(Some(path)) => files.push(path),
                Ok(None) => break,
                Err(why) => {
                    damage.add(why);
                    pathless += 1;
                    if pathless > MOST_PATHLESS {
                        break;
                    }
                }
            }
        }
        // Before rpm 4 the paths were whole.
        for (path, mode) in self.strings(OLD_FILE_NAMES).zip(self.u16s(FILE_MODES)) {
            match normalize(path) {
                Ok(_) if is_directory(Some(mode)) => {}
                Ok(path) if room.take(path.len()) => files.push(path.into_owned()),
                Ok(_) => break,
                Err(_) => damage.add(NO_PATH),
            }
        }
        files
    }
}

/// The directories of a package by number: where each begins, in four bytes.
#[derive(Debug)]
struct Directories<'a> {
    values: &'a [u8],
    starts: Vec<u32>,
}

impl<'a> Directories<'a> {
    fn new((count, values): (usize, &'a [u8])) -> Self {
        let ends = values.iter().enumerate().filter(|(_, byte)| **byte == 0);
        let starts = std::iter::once(0).chain(ends.map(|(end, _)| end + 1)).take(count);
        Self { values, starts: starts.filter_map(|start| u32::try_from(start).ok()).collect() }
    }

    fn get(&self, number: u32) -> Option<&'a [u8]> {
        let start = *self.starts.get(usize::try_from(number).ok()?)?;
        let rest = self.values.get(usize::try_from(start).ok()?..)?;
        rest.split(|&byte| byte == 0).next()
    }
}
