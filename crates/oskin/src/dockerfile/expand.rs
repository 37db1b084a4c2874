//! Variables in words: `$name`, `${name}`, `${name:-default}` and its kind.

use super::lines::{is_blank, words};
use super::pattern::{Pattern, TooCostly};
use std::collections::{BTreeMap, BTreeSet};

/// The longest text that a variable may come to; references are far shorter.
const MAX_VALUE_BYTES: usize = 4096;
/// The longest name of a variable that is read.
const MAX_NAME_BYTES: usize = 255;
/// How many variables without a value are told of one word.
const MAX_UNSET: usize = 16;
/// How deep one substitution may stand inside of another.
const MAX_DEPTH: u32 = 16;
/// The longest texts of all variables together.
const MAX_ALL_BYTES: usize = 1 << 20;
/// What the patterns of a file may cost, in steps of one character against one place.
const PATTERN_STEPS: u64 = 4_000_000;

/// Why a word has no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoText {
    /// Variables without a value, by name.
    Unset(BTreeSet<String>),
    /// It breaks the rules of substitutions, or its bounds.
    Broken(&'static str),
}

/// The global arguments of a file, and what of them words come to.
#[derive(Debug)]
pub(super) struct Variables<'a> {
    given: &'a BTreeMap<String, String>,
    declared: BTreeMap<String, Result<String, NoText>>,
    pattern_steps: u64,
    bytes_left: usize,
}

/// The arguments that a builder knows without being told; they have values only where one was
/// given, for a Dockerfile is read for no platform.
const PREDEFINED: [&str; 8] = [
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
];

impl<'a> Variables<'a> {
    /// Without declarations; `given` is what the builder was told.
    pub(super) fn new(given: &'a BTreeMap<String, String>) -> Self {
        let known = PREDEFINED.iter().filter_map(|name| Some((*name, given.get(*name)?)));
        let declared = known.map(|(name, value)| (name.to_owned(), Ok(value.clone()))).collect();
        Self { given, declared, pattern_steps: PATTERN_STEPS, bytes_left: MAX_ALL_BYTES }
    }

    /// Takes in the arguments of an `ARG`: names, some with a default.
    pub(super) fn declare(&mut self, arguments: &str, escape: char) {
        for word in words(arguments, escape, is_blank) {
            let (name, default) = match word.split_once('=') {
                Some((name, default)) => (name, Some(default)),
                None => (word, None),
            };
            let value = match (self.given.get(name), default) {
                (Some(given), _) => Ok(given.clone()),
                (None, Some(default)) => self.expand(default, escape),
                // Declared twice, the first default stays.
                (None, None) if self.declared.contains_key(name) => continue,
                (None, None) => Err(NoText::Unset(BTreeSet::from([name.to_owned()]))),
            };
            let value = self.within_bounds(value);
            self.declared.insert(name.to_owned(), value);
        }
    }

    /// The value, unless all together would be too large.
    fn within_bounds(&mut self, value: Result<String, NoText>) -> Result<String, NoText> {
        let bytes = match &value {
            Ok(text) => text.len(),
            Err(NoText::Unset(names)) => names.iter().map(String::len).sum(),
            Err(NoText::Broken(_)) => 0,
        };
        let left = self.bytes_left.checked_sub(bytes);
        self.bytes_left = left.ok_or(NoText::Broken("the variables take too much together"))?;
        value
    }

    /// The text of a word: variables replaced, quotes and escapes taken off.
    ///
    /// A variable without a value is an error here, although a builder would take it for an empty
    /// text: who writes `FROM base:${VERSION}` means to give it one.
    pub(super) fn expand(&mut self, word: &str, escape: char) -> Result<String, NoText> {
        let mut reader = Reader {
            rest: word,
            escape,
            depth: 0,
            aside: 0,
            unset: BTreeSet::new(),
            variables: self,
        };
        let text = reader.text(None, false).map_err(NoText::Broken)?;
        if reader.unset.is_empty() { Ok(text) } else { Err(NoText::Unset(reader.unset)) }
    }
}

type Part<T> = Result<T, &'static str>;

/// Reads a word once from left to right.
struct Reader<'r, 'v> {
    rest: &'r str,
    escape: char,
    depth: u32,
    // In how many words that are not used.
    aside: u32,
    unset: BTreeSet<String>,
    variables: &'r mut Variables<'v>,
}

impl Reader<'_, '_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest.strip_prefix(wanted);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// The text up to the end or to what closes it; `raw` keeps the escapes, for patterns.
    fn text(&mut self, stop: Option<char>, raw: bool) -> Part<String> {
        let mut text = String::new();
        loop {
            let Some(c) = self.next() else {
                return if stop.is_none() { Ok(text) } else { Err("a { is never closed") };
            };
            match c {
                c if Some(c) == stop => return Ok(text),
                '\'' => self.single_quoted(&mut text)?,
                '"' => self.double_quoted(&mut text)?,
                '$' => text.push_str(&self.variable()?),
                c if c == self.escape => {
                    text.extend(raw.then_some(c));
                    text.extend(self.next());
                }
                c => text.push(c),
            }
            if text.len() > MAX_VALUE_BYTES {
                return Err("a value is longer than 4096 bytes");
            }
        }
    }

    fn single_quoted(&mut self, text: &mut String) -> Part<()> {
        let (inside, rest) = self.rest.split_once('\'').ok_or("a quote is never closed")?;
        text.push_str(inside);
        self.rest = rest;
        Ok(())
    }

    fn double_quoted(&mut self, text: &mut String) -> Part<()> {
        loop {
            match self.next().ok_or("a quote is never closed")? {
                '"' => return Ok(()),
                '$' => text.push_str(&self.variable()?),
                c if c == self.escape => match self.next().ok_or("a quote is never closed")? {
                    next if next == '"' || next == '$' || next == c => text.push(next),
                    next => text.extend([c, next]),
                },
                c => text.push(c),
            }
            if text.len() > MAX_VALUE_BYTES {
                return Err("a value is longer than 4096 bytes");
            }
        }
    }

    /// What stands behind a `$`.
    fn variable(&mut self) -> Part<String> {
        if !self.take('{') {
            let name = self.name()?;
            return Ok(if name.is_empty() { "$".to_owned() } else { self.value_of(&name) });
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("substitutions stand too deep inside of each other");
        }
        let name = self.name()?;
        if name.is_empty() {
            return Err("a substitution names no variable");
        }
        let text = self.substitution(&name);
        self.depth -= 1;
        text
    }

    /// The rest of a substitution, behind the name.
    fn substitution(&mut self, name: &str) -> Part<String> {
        const UNKNOWN: &str = "a substitution is of no kind that there is";
        let or_empty = self.take(':');
        match self.next().ok_or("a { is never closed")? {
            '}' if !or_empty => Ok(self.value_of(name)),
            '-' => self.choose(name, or_empty, true),
            '+' => self.choose(name, or_empty, false),
            '?' => {
                // The message is for whoever builds it.
                self.text_aside()?;
                if or_empty && self.value(name).is_some_and(|value| value.is_empty()) {
                    self.note([name]);
                }
                Ok(self.value_of(name))
            }
            kind @ ('#' | '%') if !or_empty => {
                let longest = self.take(kind);
                let pattern = Pattern::new(&self.text(Some('}'), true)?, self.escape);
                let value = self.value_of(name);
                let steps = &mut self.variables.pattern_steps;
                let cut = match kind {
                    '#' => pattern.without_prefix(&value, longest, steps),
                    _ => pattern.without_suffix(&value, longest, steps),
                };
                cut.map_err(|TooCostly| "patterns cost too much")
            }
            '/' if !or_empty => {
                let all = self.take('/');
                let pattern = Pattern::new(&self.text(Some('/'), true)?, self.escape);
                let replacement = self.text(Some('}'), false)?;
                let value = self.value_of(name);
                let steps = &mut self.variables.pattern_steps;
                let replaced = pattern.replaced(&value, (&replacement, all), steps);
                replaced.map_err(|TooCostly| "patterns cost too much")
            }
            _ => Err(UNKNOWN),
        }
    }

    /// `-` and `+`: the variable or the word, `or_empty` if an empty value counts as none.
    fn choose(&mut self, name: &str, or_empty: bool, is_default: bool) -> Part<String> {
        let value = self.value(name).filter(|value| !(or_empty && value.is_empty()));
        match (value, is_default) {
            (Some(value), true) => {
                self.text_aside()?;
                Ok(value)
            }
            (None, false) => {
                self.text_aside()?;
                Ok(String::new())
            }
            _ => self.text(Some('}'), false),
        }
    }

    /// Reads a word that is not used: what is unset in it does not matter.
    fn text_aside(&mut self) -> Part<()> {
        self.aside += 1;
        self.text(Some('}'), false)?;
        self.aside -= 1;
        Ok(())
    }

    /// A name: a word, digits or one of the special characters of the shell.
    fn name(&mut self) -> Part<String> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = match self.rest.chars().next() {
            Some(c) if c.is_ascii_digit() => self.rest.find(|c: char| !c.is_ascii_digit()),
            Some(c) if is_word(c) => self.rest.find(|c: char| !is_word(c)),
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => Some(1),
            _ => Some(0),
        };
        let (name, rest) = self.rest.split_at(length.unwrap_or(self.rest.len()));
        self.rest = rest;
        if name.len() > MAX_NAME_BYTES {
            return Err("the name of a variable is longer than 255 bytes");
        }
        Ok(name.to_owned())
    }

    fn value(&self, name: &str) -> Option<String> {
        self.variables.declared.get(name)?.as_ref().ok().cloned()
    }

    /// The value; without one it is empty, and that is noted.
    fn value_of(&mut self, name: &str) -> String {
        match self.variables.declared.get(name).cloned() {
            Some(Ok(value)) => return value,
            Some(Err(NoText::Unset(names))) => self.note(names.iter().map(String::as_str)),
            _ => self.note([name]),
        }
        String::new()
    }

    /// Notes variables without a value.
    fn note<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        for name in names.into_iter().filter(|_| self.aside == 0) {
            if self.unset.len() < MAX_UNSET {
                self.unset.insert(name.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(declared: &[&str], given: &[(&str, &str)], word: &str) -> Result<String, NoText> {
        let given = given.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let mut variables = Variables::new(&given);
        for arguments in declared {
            variables.declare(arguments, '\\');
        }
        variables.expand(word, '\\')
    }

    #[test]
    fn words_are_expanded() {
        let declared = ["A=a", "B=${A}b C='c $A' D=\"d $A\"", "E=", "F"];
        for (word, expected) in [
            ("x", "x"),
            ("$A-${B}", "a-ab"),
            ("$C|$D", "c $A|d a"),
            ("\"$A\\\"\"'$A'\\$A", "a\"$A$A"),
            ("${A:-x}${E:-x}${F:-x}${E-x}${F-$A}", "axxa"),
            ("${A:+x}${E:+x}${F:+x}${E+y}${F+y}", "xy"),
            ("${F:-${G:-${A}}}", "a"),
            ("${A:-$NONE}", "a"),
            ("${A:?none}${E?none}", "a"),
            ("${B#a}${B##*}${B%b}${B%%\\*}", "baab"),
            ("${B/a/x}${B//?/y}", "xbyy"),
            ("a$", "a$"),
            ("$:", "$:"),
            ("${E}ubuntu", "ubuntu"),
        ] {
            assert_eq!(expand(&declared, &[], word), Ok(expected.to_owned()), "{word}");
        }
    }

    #[test]
    fn what_was_given_comes_before_defaults_if_it_is_declared() {
        let given = [("A", "x"), ("TARGETARCH", "arm64"), ("Z", "z")];
        let found = expand(&["A=a B=$A"], &given, "$A$B$TARGETARCH");
        assert_eq!(found, Ok("xxarm64".to_owned()));
        let unset = |names: &[&str]| {
            Err(NoText::Unset(names.iter().map(|name| (*name).to_owned()).collect()))
        };
        assert_eq!(expand(&[], &given, "$Z"), unset(&["Z"]));
        assert_eq!(expand(&["A=$F", "F"], &[], "$A/${G}:$A"), unset(&["F", "G"]));
        assert_eq!(expand(&["E="], &[], "${E:?}${F?}"), unset(&["E", "F"]));
        assert_eq!(expand(&["A=1", "A"], &[], "$A"), Ok("1".to_owned()));
    }

    #[test]
    fn what_is_broken_is_told_and_bounded() {
        for word in ["${A", "${}", "'a", "\"a", "${A:x}", "${A:#x}", "${A^}", "${A/b}"] {
            let found = expand(&["A=a"], &[], word);
            assert!(matches!(found, Err(NoText::Broken(_))), "{word}: {found:?}");
        }
        let deep = format!("{}x{}", "${N:-".repeat(1000), "}".repeat(1000));
        assert!(matches!(expand(&[], &[], &deep), Err(NoText::Broken(_))));
        // Each is ten times the one before.
        let names: Vec<String> =
            (1..10).map(|i| format!("V{i}={}", format!("$V{}", i - 1).repeat(10))).collect();
        let mut declared = vec!["V0=aaaaaaaaaa"];
        declared.extend(names.iter().map(String::as_str));
        let long = expand(&declared, &[], "${V9}");
        assert!(matches!(long, Err(NoText::Unset(_) | NoText::Broken(_))), "{long:?}");
        assert_eq!(expand(&declared, &[], "$V1").map(|text| text.len()), Ok(100));
        let costly = format!("${{A//{}/x}}", "a*".repeat(1000));
        let declared = format!("A={}", "a".repeat(4000));
        assert_eq!(
            expand(&[&declared], &[], &costly),
            Err(NoText::Broken("patterns cost too much"))
        );
    }
}
