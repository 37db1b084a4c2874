//! What readers share: names that are fit to be told, paths beside a record, header fields.

use crate::image::Package;
use crate::path::{MAX_DEPTH, MAX_PATH_BYTES};
use crate::software::FoundPackage;

/// The longest name, version or licence that is told, in bytes; purls and real names are far shorter.
const MAX_WORD_BYTES: usize = 256;

/// How much larger than a record the paths may be that it lists: a long prefix before thousands of names of one
/// byte would fill the memory.
const MAX_GROWTH: usize = 8;

/// The most files of a package; the largest have some ten thousand.
const MAX_FILES: usize = 500_000;

/// What names something, trimmed; `None` if it is empty, too long for a name or holds control characters.
pub(in crate::software) fn word(text: &str) -> Option<&str> {
    let text = text.trim();
    let is_fit =
        !text.is_empty() && text.len() <= MAX_WORD_BYTES && !text.chars().any(char::is_control);
    is_fit.then_some(text)
}

/// The first line of a licence that has words; some records hold its whole text.
pub(in crate::software) fn license(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let end = (0..=line.len().min(MAX_WORD_BYTES)).rev().find(|at| line.is_char_boundary(*at));
    let line = line.get(..end.unwrap_or(0)).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).collect()
}

/// A package in the normal form of its kind; `None` if its name is none. A version that is none is left empty.
pub(in crate::software) fn found(
    kind: &str,
    namespace: &str,
    name: &str,
    version: &str,
) -> Option<FoundPackage> {
    let mut package = Package {
        kind: kind.to_owned(),
        namespace: word(namespace).unwrap_or_default().trim_matches('/').to_owned(),
        name: word(name)?.to_owned(),
        version: word(version).unwrap_or_default().to_owned(),
        ..Package::default()
    };
    package.normalize();
    Some(FoundPackage { package, ..FoundPackage::default() })
}

/// As [`found`], of a name such as `@scope/name` or `vendor/name`: what stands before its last slash is the
/// namespace.
pub(in crate::software) fn found_scoped(
    kind: &str,
    name: &str,
    version: &str,
) -> Option<FoundPackage> {
    let (namespace, name) = name.rsplit_once('/').unwrap_or(("", name));
    found(kind, namespace, name, version)
}

/// Adds a qualifier to the purl of a package if it is a word.
pub(in crate::software) fn qualify(found: &mut FoundPackage, key: &str, value: &str) {
    if let Some(value) = word(value) {
        found.package.qualifiers.insert(key.to_owned(), value.to_owned());
    }
}

/// The names of a path, from the last to the first.
pub(in crate::software) fn names_from_end(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.rsplit(|byte| *byte == b'/')
}

/// The directory `levels` above a path; the root if there are not so many.
pub(in crate::software) fn above(path: &[u8], levels: usize) -> &[u8] {
    (0..levels).fold(path, |path, _| crate::path::split_name(path).0)
}

/// A path that is told from a directory, in normal form; an absolute one is told from the root. `None` if it leaves
/// the root or is no path of an image.
pub(in crate::software) fn resolve(directory: &[u8], relative: &[u8]) -> Option<Vec<u8>> {
    if relative.len() > MAX_PATH_BYTES || relative.contains(&0) {
        return None;
    }
    let mut path = if relative.starts_with(b"/") { Vec::new() } else { directory.to_vec() };
    for name in relative.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if path.is_empty() => return None,
            b".." => path.truncate(crate::path::split_name(&path).0.len()),
            name => {
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(name);
            }
        }
    }
    let depth = path.split(|byte| *byte == b'/').count();
    (!path.is_empty() && path.len() <= MAX_PATH_BYTES && depth <= MAX_DEPTH).then_some(path)
}

/// The files that a record lists, as far as their paths stay a small multiple of its size.
#[derive(Debug)]
pub(in crate::software) struct Files<'a> {
    directory: &'a [u8],
    left: usize,
    list: Vec<Vec<u8>>,
    is_cut: bool,
}

impl<'a> Files<'a> {
    /// None yet; paths are told from `directory`, in a record of so many bytes.
    pub(in crate::software) fn new(directory: &'a [u8], record_bytes: usize) -> Self {
        let left = record_bytes.saturating_mul(MAX_GROWTH).saturating_add(64 * 1024);
        Self { directory, left, list: Vec::new(), is_cut: false }
    }

    /// Adds a path; one that is none is left out.
    pub(in crate::software) fn add(&mut self, relative: &[u8]) {
        // What a vector takes besides its bytes counts too.
        let cost = self.directory.len() + relative.len() + 48;
        if self.is_cut || cost > self.left || self.list.len() >= MAX_FILES {
            self.is_cut = true;
        } else if let Some(path) = resolve(self.directory, relative) {
            self.left -= cost;
            self.list.push(path);
        }
    }

    /// The files; tells in `warnings` if they are not all.
    pub(in crate::software) fn finish(self, warnings: &mut Vec<String>) -> Vec<Vec<u8>> {
        if self.is_cut {
            warnings.push("it lists more files than are read".to_owned());
        }
        self.list
    }
}

/// Hands over name and value of each header field up to the first empty line.
///
/// A line that begins with a blank goes on with the field above it, with `join` between. Lines that are neither are
/// passed over. O(bytes).
pub(in crate::software) fn each_field(text: &str, join: &str, mut take: impl FnMut(&str, &str)) {
    let mut field = None;
    let mut value = String::new();
    for line in text.lines().map(|line| line.trim_end_matches('\r')) {
        if line.is_empty() {
            break;
        }
        if let Some(more) = line.strip_prefix([' ', '\t']) {
            value.push_str(join);
            value.push_str(more);
        } else if let Some((name, rest)) = line.split_once(':') {
            if let Some(name) = field.replace(name) {
                take(name, value.trim());
            }
            value.clear();
            value.push_str(rest.trim_start());
        }
    }
    if let Some(name) = field {
        take(name, value.trim());
    }
}

/// The content as text; what is no UTF-8 is replaced, a mark of the byte order left out.
pub(in crate::software) fn text(content: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content))
}

/// What stands in a line between the first quote and the next of its kind: `name = "x"` gives `x`.
pub(in crate::software) fn quoted(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(['"', '\''])?;
    let quote = line.as_bytes().get(line.len() - rest.len() - 1)?;
    Some(rest.split_once(char::from(*quote))?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_and_never_leave_the_root() {
        let at = |directory: &str, relative: &str| {
            resolve(directory.as_bytes(), relative.as_bytes())
                .map(|path| String::from_utf8(path).unwrap())
        };
        assert_eq!(at("usr/lib/x", "a/b.py").as_deref(), Some("usr/lib/x/a/b.py"));
        assert_eq!(at("usr/lib/x", "../../bin/./a").as_deref(), Some("usr/bin/a"));
        assert_eq!(at("usr/lib/x", "/etc//a").as_deref(), Some("etc/a"));
        assert_eq!(at("usr", "../../a"), None);
        assert_eq!(at("", "a\0"), None);
        assert_eq!(at("usr", ".."), None);
        assert_eq!(at("", "a").as_deref(), Some("a"));
        assert_eq!(at("", &"a/".repeat(2000)), None);
    }

    #[test]
    fn a_long_prefix_does_not_fill_the_memory() {
        let directory = vec![b'd'; 30_000];
        let mut files = Files::new(&directory, 20_000);
        (0..10_000).for_each(|_| files.add(b"x"));
        let mut warnings = Vec::new();
        let files = files.finish(&mut warnings);
        assert_eq!((files.len(), warnings.len()), (7, 1));
    }

    #[test]
    fn fields_go_on_over_lines_and_end_at_an_empty_one() {
        let mut seen = Vec::new();
        let text = " lost\nA: 1\r\nnothing\nB:2\n  3\n\t4\nC:\n\nD: 5\n";
        each_field(text, "|", |name, value| seen.push(format!("{name}={value}")));
        assert_eq!(seen, ["A=1", "B=2| 3|4", "C="]);
    }

    #[test]
    fn words_and_licences_are_short_and_printable() {
        assert_eq!(word(" a b "), Some("a b"));
        assert_eq!(word("a\u{1b}[0m"), None);
        assert_eq!(word(&"x".repeat(257)), None);
        assert_eq!(license("\n  MIT License\n\nCopyright"), "MIT License");
        assert_eq!(license(&"é".repeat(200)).len(), 256);
        assert_eq!(quoted("s.name = \"it's\".freeze"), Some("it's"));
        assert_eq!(quoted("license = 'x'"), Some("x"));
        assert_eq!(quoted("license = 'x"), None);
    }
}
