//! Stanzas of `Name: value` lines, as Debian's control files are written, and lists of names in them.

/// The most fields that are kept of a stanza; those of packages have thirty.
const MAX_FIELDS: usize = 1000;

/// One stanza: fields up to an empty line.
#[derive(Debug, Default)]
pub(super) struct Stanza<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
    /// Whether it has lines that are neither a field nor go on with one, or far too many.
    pub(super) is_damaged: bool,
}

impl<'a> Stanza<'a> {
    /// The value of the first field of that name, in whichever case, without space at its ends; lines
    /// that go on with it are part of it.
    pub(super) fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        let found =
            self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| *value)
    }

    /// The same as text; empty if there is no such field.
    pub(super) fn text(&self, name: &str) -> String {
        self.bytes(name).map(text).unwrap_or_default()
    }

    /// Whether a field is just that, in whichever case.
    pub(super) fn says(&self, name: &str, value: &str) -> bool {
        self.bytes(name).is_some_and(|told| told.eq_ignore_ascii_case(value.as_bytes()))
    }

    /// The names in a relation between packages, such as `a (>= 1) | b:any, c`.
    pub(super) fn names(&self, field: &str) -> impl Iterator<Item = &'a [u8]> {
        let value = self.bytes(field).unwrap_or_default();
        value.split(|byte| matches!(byte, b',' | b'|')).map(|relation| {
            let relation = relation.trim_ascii();
            let ends = |byte: &u8| byte.is_ascii_whitespace() || b"([<:".contains(byte);
            let end = relation.iter().position(ends).unwrap_or(relation.len());
            relation.get(..end).unwrap_or_default()
        })
    }
}

/// The stanzas of a file, in its order. O(bytes) in all.
pub(super) fn stanzas(content: &[u8]) -> impl Iterator<Item = Stanza<'_>> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let mut stanza = Stanza::default();
        let mut begun = false;
        while !rest.is_empty() {
            let before = rest;
            let line = next_line(&mut rest);
            if line.trim_ascii().is_empty() {
                if begun {
                    break;
                }
                continue;
            }
            begun = true;
            let colon = line.iter().position(|&byte| byte == b':').filter(|&at| at > 0);
            let Some(colon) = colon.filter(|_| !goes_on(line)) else {
                stanza.is_damaged = true;
                continue;
            };
            while goes_on(rest) {
                next_line(&mut rest);
            }
            // The lines lie behind each other, so that a value of several takes no copy.
            let field = before.get(..before.len() - rest.len()).unwrap_or(line);
            let (name, value) = field.split_at_checked(colon).unwrap_or_default();
            let value = value.strip_prefix(b":").unwrap_or(value);
            if stanza.fields.len() < MAX_FIELDS {
                stanza.fields.push((name.trim_ascii(), value.trim_ascii()));
            } else {
                stanza.is_damaged = true;
            }
        }
        begun.then_some(stanza)
    })
}

/// Whether the first line goes on with a field: it begins with space, and has more.
fn goes_on(rest: &[u8]) -> bool {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let mut line = rest.iter().skip_while(|byte| is_space(byte));
    rest.first().is_some_and(is_space) && !matches!(line.next(), None | Some(b'\n' | b'\r'))
}

/// Cuts off the first line, without its end.
pub(super) fn next_line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = memchr::memchr(b'\n', rest);
    let (line, after) = match end.and_then(|end| rest.split_at_checked(end)) {
        Some((line, after)) => (line, after.get(1..).unwrap_or_default()),
        None => (*rest, &[][..]),
    };
    *rest = after;
    line
}

/// The lines of a file, without their ends.
pub(super) fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b'\n', content).chain([content.len()]);
    let lines = ends.scan(0, |start, end| {
        let line = content.get(*start..end);
        *start = end + 1;
        line
    });
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Bytes as text; what is no UTF-8 is replaced.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_go_on_over_lines() {
        let content = b"\n\nPackage: a\nDepends: b (>= 1),\n c:any |\td [amd64] , e<f>,,\n \nPackage: g\r\nnothing\n more: x\nSTATUS:y";
        let all: Vec<_> = stanzas(content).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].text("package"), "a");
        let names: Vec<&[u8]> = all[0].names("Depends").filter(|name| !name.is_empty()).collect();
        assert_eq!(names, [b"b", b"c", b"d", b"e"]);
        assert!(!all[0].is_damaged && all[1].is_damaged);
        assert_eq!(all[1].text("Package"), "g");
        assert!(all[1].says("status", "Y"));
        assert_eq!(all[1].bytes("more"), None);
        assert_eq!(all[1].text("other"), "");
        assert_eq!(stanzas(b" \n\n").count(), 0);
    }

    #[test]
    fn a_stanza_has_no_endless_fields() {
        let content = "a:\n".repeat(MAX_FIELDS + 1);
        let all: Vec<_> = stanzas(content.as_bytes()).collect();
        assert_eq!((all.len(), all[0].fields.len()), (1, MAX_FIELDS));
        assert!(all[0].is_damaged);
    }

    proptest! {
        #[test]
        fn lines_are_those_of_a_naive_split(content in proptest::collection::vec(proptest::sample::select(b"a:\n \r".to_vec()), 0..60)) {
            let mut rest = &content[..];
            let mut got = Vec::new();
            while !rest.is_empty() {
                got.push(next_line(&mut rest));
            }
            let mut expected: Vec<&[u8]> = content.split(|&byte| byte == b'\n').collect();
            if expected.last().is_some_and(|line| line.is_empty()) {
                expected.pop();
            }
            prop_assert_eq!(got, expected);
            prop_assert!(stanzas(&content).all(|stanza| stanza.bytes("a").is_none_or(|value| value.len() < content.len())));
        }
    }
}
