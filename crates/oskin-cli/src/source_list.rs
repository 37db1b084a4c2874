//! Lists of sources: one a line, with a name behind a tab.

use crate::error::CliError;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The longest list that is read.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its number, from 1.
    pub(crate) number: usize,
    /// What is to be read.
    pub(crate) source: OsString,
    /// The name that it is to get.
    pub(crate) name: Option<String>,
}

/// Reads a list from a file, or from standard input if that is `-`.
pub(crate) fn read(file: &Path) -> Result<Vec<Line>, CliError> {
    let shown = file.display();
    let mut content = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut content)
    } else {
        let open = std::fs::File::open(file);
        open.and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut content))
    };
    if let Err(error) = read {
        return Err(CliError::new(format!("cannot read the list {shown}: {error}")));
    }
    if content.len() as u64 > MAX_BYTES {
        return Err(CliError::new(format!("the list {shown} is larger than {MAX_BYTES} bytes")));
    }
    // Editors of some systems put a mark of the encoding in front.
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&content);
    let lines = parse(content).map_err(|(number, what)| {
        let error = CliError::new(format!("{shown}:{number}: {what}"));
        error.hint("a line is a source, or a source, a tab and a name; # begins a comment")
    })?;
    if lines.is_empty() {
        return Err(CliError::new(format!("the list {shown} names no source")));
    }
    if let Some((first, again)) = named_twice(&lines) {
        let (at, name) = (again.number, again.name.as_deref().unwrap_or_default());
        let what = format!("{shown}:{at}: {name:?} is the name of line {} too", first.number);
        return Err(CliError::new(what).hint("give each image a name of its own"));
    }
    Ok(lines)
}

/// Two lines that give the same name, the first such.
fn named_twice(lines: &[Line]) -> Option<(&Line, &Line)> {
    let mut named = BTreeMap::new();
    lines.iter().find_map(|line| {
        let first = named.insert(line.name.as_deref()?, line)?;
        Some((first, line))
    })
}

/// The lines that name a source, or the number of one that is wrong and why.
fn parse(content: &[u8]) -> Result<Vec<Line>, (usize, &'static str)> {
    let mut lines = Vec::new();
    for (at, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let number = at + 1;
        let line = line.trim_ascii();
        if line.is_empty() || line[0] == b'#' {
            continue;
        }
        if line.contains(&0) {
            return Err((number, "a NUL byte: this is no list"));
        }
        let mut columns = line.split(|byte| *byte == b'\t').map(<[u8]>::trim_ascii);
        let source = columns.next().unwrap_or_default();
        let name = columns.next().map(|name| match std::str::from_utf8(name) {
            Ok("") => Err((number, "the name is empty")),
            Ok(name) => Ok(name.to_owned()),
            Err(_) => Err((number, "the name is not UTF-8")),
        });
        if columns.next().is_some() {
            return Err((number, "more than two columns"));
        }
        let source = OsStr::from_bytes(source).to_owned();
        lines.push(Line { number, source, name: name.transpose()? });
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_blanks_and_names_are_told_apart() {
        let lines =
            parse(b"# all\n\n  oci:a b  \r\noci:x:1\tmy name \n\t\n#x\ty\tz\npaths:#").unwrap();
        let line = |number, source: &str, name: Option<&str>| Line {
            number,
            source: source.into(),
            name: name.map(str::to_owned),
        };
        let expected = [
            line(3, "oci:a b", None),
            line(4, "oci:x:1", Some("my name")),
            line(7, "paths:#", None),
        ];
        assert_eq!(lines, expected);
        assert_eq!(parse(b""), Ok(Vec::new()));
    }

    #[test]
    fn a_name_is_given_once() {
        let lines = parse(b"a\tx\nb\nc\ty\nd\tx\n").unwrap();
        let (first, again) = named_twice(&lines).unwrap();
        assert_eq!((first.number, again.number), (1, 4));
        assert_eq!(named_twice(&lines[..3]), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        assert_eq!(parse(b"a\nb\tc\td"), Err((2, "more than two columns")));
        assert_eq!(parse(b"a\t \t"), Ok(vec![Line { number: 1, source: "a".into(), name: None }]));
        assert_eq!(parse(b"a\t\tx").unwrap_err().0, 1);
        assert_eq!(parse(b"\n\na\t\xff"), Err((3, "the name is not UTF-8")));
        assert_eq!(parse(b"\x1f\x8b\0"), Err((1, "a NUL byte: this is no list")));
    }
}
