//! Patterns of paths, and of texts, with a version in them.

/// The longest name that matches anything, in bytes.
const MAX_NAME: usize = 255;

/// The most names in a path that matches anything.
const MAX_DEPTH: usize = 32;

/// A part of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// These bytes.
    Literal(Vec<u8>),
    /// Any bytes but a slash; none as well.
    Any,
    /// A version.
    Version,
}

/// A name in a pattern, or any number of names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Name(Vec<Piece>),
    AnyDepth,
}

/// A pattern of paths: `*` stands for a part of a name, `**` for any number of names (none as well),
/// `{version}` for a version. Patterns are looked up by how their last name begins, so it begins with no wildcard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<Segment>,
}

/// The most names in a pattern; paths are matched in O(names of the pattern * names of the path).
const MAX_SEGMENTS: usize = 16;

impl PathPattern {
    /// Reads a pattern; the text tells what is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let names: Vec<&str> = text.split('/').collect();
        if names.len() > MAX_SEGMENTS || names.iter().any(|name| name.is_empty()) {
            return Err("a pattern of a path has one to 16 names, none of them empty");
        }
        let segments: Vec<Segment> = names
            .iter()
            .map(|name| match *name {
                "**" => Segment::AnyDepth,
                name => Segment::Name(pieces(name)),
            })
            .collect();
        let stars = names.iter().any(|name| *name != "**" && name.matches('*').count() > 2);
        let versions = text.matches("{version}").count();
        let depths = segments.iter().filter(|it| matches!(it, Segment::AnyDepth)).count();
        if stars || versions > 1 || depths > 2 || text.replace("{version}", "").contains(['{', '}'])
        {
            return Err(
                "a pattern has one {version}, two ** and two * a name at most, and no other braces",
            );
        }
        let pattern = Self { segments };
        if pattern.first_bytes().is_empty() {
            return Err("the last name of a pattern begins with no wildcard");
        }
        Ok(pattern)
    }

    /// What the last name may begin with; empty only in patterns that are refused.
    pub(super) fn first_bytes(&self) -> &[u8] {
        match self.segments.last() {
            Some(Segment::Name(pieces)) => match pieces.first() {
                Some(Piece::Literal(text)) => text.get(..1).unwrap_or_default(),
                Some(Piece::Version) => b"0123456789",
                _ => &[],
            },
            _ => &[],
        }
    }

    /// The text that the last name begins with, empty where that is a version.
    pub(super) fn lookup(&self) -> &[u8] {
        match self.segments.last() {
            Some(Segment::Name(pieces)) => match pieces.first() {
                Some(Piece::Literal(text)) => text,
                _ => &[],
            },
            _ => &[],
        }
    }

    /// The version in a path that matches, empty if the pattern has none; `None` if the path does not match.
    /// Paths of more than 32 names match nothing.
    pub fn version_in<'p>(&self, path: &'p [u8]) -> Option<&'p [u8]> {
        let names: Vec<&[u8]> = path.split(|byte| *byte == b'/').take(MAX_DEPTH + 1).collect();
        (names.len() <= MAX_DEPTH).then(|| matched(&self.segments, &names)).flatten()
    }
}

/// Matches names from the front; recursion goes only as deep as the pattern has names.
fn matched<'p>(segments: &[Segment], names: &[&'p [u8]]) -> Option<&'p [u8]> {
    let Some((first, rest)) = segments.split_first() else {
        return names.is_empty().then_some(b"".as_slice());
    };
    match first {
        Segment::AnyDepth => {
            (0..=names.len()).find_map(|skip| matched(rest, names.get(skip..).unwrap_or_default()))
        }
        Segment::Name(pieces) => {
            let (name, others) = names.split_first()?;
            let here = matched_name(pieces, name)?;
            matched(rest, others).map(|further| if here.is_empty() { further } else { here })
        }
    }
}

/// Matches one name.
fn matched_name<'p>(pieces: &[Piece], name: &'p [u8]) -> Option<&'p [u8]> {
    let Some((first, rest)) = pieces.split_first() else {
        return name.is_empty().then_some(b"".as_slice());
    };
    match first {
        // No file system has longer names, and wildcards would take their time over them.
        _ if name.len() > MAX_NAME => None,
        Piece::Literal(text) => matched_name(rest, name.strip_prefix(text.as_slice())?),
        Piece::Any => (0..=name.len())
            .find_map(|skip| matched_name(rest, name.get(skip..).unwrap_or_default())),
        Piece::Version => version_ends(name).into_iter().rev().find_map(|end| {
            let (version, behind) = name.split_at_checked(end)?;
            matched_name(rest, behind).map(|_| version)
        }),
    }
}

/// The pieces of a name; wildcards that touch are one.
fn pieces(name: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (at, part) in name.split("{version}").enumerate() {
        if at > 0 {
            pieces.push(Piece::Version);
        }
        for (at, literal) in part.split('*').enumerate() {
            if at > 0 && pieces.last() != Some(&Piece::Any) {
                pieces.push(Piece::Any);
            }
            if !literal.is_empty() {
                pieces.push(Piece::Literal(literal.as_bytes().to_vec()));
            }
        }
    }
    pieces
}

/// The longest version that is looked for, in bytes.
const MAX_VERSION: usize = 40;

/// Where a version that begins the text may end, ascending; empty if none begins it.
///
/// A version is numbers with dots between, then any number of suffixes: a mark or none, at most six
/// letters, a number (`8u111`, `1.8.0_101`, `2.0-rc1`, `1.2.3+git20160709`); one letter may end it (`1.0.2k`).
pub(super) fn version_ends(text: &[u8]) -> Vec<usize> {
    let text = text.get(..MAX_VERSION.min(text.len())).unwrap_or_default();
    let digits = |from: usize| {
        from + text.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut ends = Vec::new();
    let mut end = digits(0);
    if end == 0 {
        return ends;
    }
    loop {
        ends.push(end);
        let start =
            end + usize::from(matches!(text.get(end), Some(b'-' | b'+' | b'~' | b'_' | b'.')));
        let letters = text.iter().skip(start).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let next = digits(start + letters);
        if letters <= 6 && next > start + letters {
            end = next;
            continue;
        }
        if start == end && letters == 1 {
            ends.push(end + 1);
        }
        return ends;
    }
}

/// A text with a version in it, as it stands in files that are read anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    before: Vec<u8>,
    behind: Vec<u8>,
}

/// The most versions that are told of one file.
const MAX_FOUND: usize = 16;

impl Mark {
    /// Reads a mark; `\0`, `\n` and `\\` stand for a zero byte, the end of a line, and a backslash.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let Some((before, behind)) = text.split_once("{version}") else {
            return Err("a mark has {version} in it");
        };
        let mark =
            Self { before: unescaped(before).into_bytes(), behind: unescaped(behind).into_bytes() };
        match mark.before.len() < 2 || behind.contains("{version}") {
            true => Err("a mark has two bytes or more before {version}, which it has once"),
            false => Ok(mark),
        }
    }

    /// The versions that stand at this mark in a file, each once, in the order of the file, 16 at most.
    /// O(bytes).
    pub fn versions_in(&self, content: &[u8]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for at in occurrences(content, &self.before) {
            let rest = content.get(at + self.before.len()..).unwrap_or_default();
            let version = version_ends(rest).into_iter().rev().find_map(|end| {
                let (version, behind) = rest.split_at_checked(end)?;
                behind.starts_with(&self.behind).then_some(version)
            });
            let Some(version) = version else { continue };
            let version = String::from_utf8_lossy(version).into_owned();
            if !found.contains(&version) {
                found.push(version);
            }
            if found.len() == MAX_FOUND {
                break;
            }
        }
        found
    }
}

/// Where a text stands in another, ascending; it may overlap itself.
fn occurrences<'a>(content: &'a [u8], text: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let finder = memchr::memmem::Finder::new(text);
    let mut at = 0;
    std::iter::from_fn(move || {
        let here = at + finder.find(content.get(at..)?)?;
        at = here + 1;
        Some(here)
    })
}

/// Puts what is meant for what is written with a backslash; one before anything else stays.
pub(super) fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        plain.push_str(before);
        let (meant, length) = match behind.as_bytes().first() {
            Some(b'0') => ('\0', 1),
            Some(b'n') => ('\n', 1),
            Some(b'\\') => ('\\', 1),
            _ => ('\\', 0),
        };
        plain.push(meant);
        rest = behind.get(length..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(pattern: &str, path: &str) -> Option<String> {
        let found = PathPattern::read(pattern).unwrap().version_in(path.as_bytes())?;
        Some(String::from_utf8(found.to_vec()).unwrap())
    }

    #[test]
    fn paths_match_patterns() {
        for (pattern, path, expected) in [
            ("**/bin/python{version}", "usr/local/bin/python3.6", Some("3.6")),
            ("**/bin/python{version}", "bin/python3", Some("3")),
            ("**/bin/python{version}", "bin/python3.6-config", None),
            ("**/bin/python{version}", "bin/python", None),
            ("opt/jdk-{version}", "opt/jdk-1.8.0_101", Some("1.8.0_101")),
            ("usr/lib/jvm/java-{version}-openjdk*", "usr/lib/jvm/java-8-openjdk-amd64", Some("8")),
            ("usr/lib/**/abc.so", "usr/lib/abc.so", Some("")),
            ("usr/lib/**/abc.so", "usr/lib/a/b/abc.so", Some("")),
            ("usr/lib/**/abc.so", "usr/abc.so", None),
            ("**/a/**/b", "x/a/y/z/b", Some("")),
            ("x*y", "xaby", Some("")),
            ("x*y", "xab/y", None),
            ("lib-{version}*.jar", "lib-1.2-all.jar", Some("1.2")),
        ] {
            assert_eq!(version(pattern, path).as_deref(), expected, "{pattern} {path}");
        }
        for bad in
            ["", "a//b", "a/*x", "**", "a/**", "a{b}", "a{version}b{version}", "a/**/b/**/c/**/d"]
        {
            assert!(PathPattern::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn versions_end_where_words_begin() {
        let longest = |text: &str| {
            version_ends(text.as_bytes()).last().map(|end| text.split_at(*end).0.to_owned())
        };
        for (text, expected) in [
            ("3.6.0", Some("3.6.0")),
            ("8u111-jdk", Some("8u111")),
            ("1.0.2k ", Some("1.0.2k")),
            ("1.2rc1", Some("1.2rc1")),
            ("2.7-config", Some("2.7")),
            ("1.8.0_101", Some("1.8.0_101")),
            ("1.", Some("1")),
            ("x1", None),
            ("", None),
        ] {
            assert_eq!(longest(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn marks_stand_before_versions() {
        let mark = Mark::read("BusyBox v{version} (").unwrap();
        let content = b"\0BusyBox v1.26.1 (x)\0BusyBox v?\0BusyBox v1.26.1 (y) BusyBox v2";
        assert_eq!(mark.versions_in(content), ["1.26.1"]);
        assert!(Mark::read("a{version}").is_err());
        assert_eq!(unescaped(r"a\0b\\n\n\x\"), "a\0b\\n\n\\x\\");
        assert!(Mark::read("abc").is_err());
        assert_eq!(Mark::read("abc\\0{version}").unwrap().versions_in(b"abc\x002"), ["2"]);
    }

    proptest! {
        #[test]
        fn any_bytes_match_or_do_not(path in proptest::collection::vec(prop_oneof![Just(b'/'), Just(b'1'), Just(b'.'), any::<u8>()], 0..60)) {
            for pattern in ["**/a*/**/b{version}x*y", "a{version}", "**/**/b"] {
                let _ = PathPattern::read(pattern).unwrap().version_in(&path);
            }
            let found = Mark::read("1.1{version}.").unwrap().versions_in(&path);
            prop_assert!(found.len() <= MAX_FOUND);
            prop_assert!(version_ends(&path).iter().all(|end| *end <= path.len()));
        }
    }
}
