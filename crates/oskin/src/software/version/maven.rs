//! Versions of Maven, as the "Version Order Specification" of its POM reference lays them down.

use super::{Number, first_difference, take_while};
use std::cmp::Ordering;

/// A token of a version, the lesser first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Token<'a> {
    /// What comes before a release, by its place in [`EARLY`].
    Early(usize),
    /// `final`, `ga` and `release`, and what stands in the place of all that is missing.
    Release,
    ServicePack,
    Word(&'a [u8]),
    /// Behind a dash, or where digits follow letters.
    Dashed(Number<'a>),
    Dotted(Number<'a>),
}

/// Qualifiers that come before a release, the earliest first.
const EARLY: [&[u8]; 5] = [b"alpha", b"beta", b"milestone", b"rc", b"snapshot"];

/// Compares token by token, a release being in the place of missing ones. For `.` the specification has a zero there;
/// but zeros are taken away before each dash, so what is left of them has a dot and a greater number behind it, and
/// is more than what is missing either way. So one order of all tokens does, and that of versions is total.
///
/// A dot before a qualifier is a dash (`2.0.0.CR1` is `2-cr1`), as in Maven since 3.9.0. Like Maven, and other than by
/// its text, `final` stays where a qualifier follows: `1.Final-redhat` comes before `1.SP1` and `1-redhat` behind it.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let [a, b] = [a, b].map(|version| version.trim().to_lowercase());
    let [a, b] = [tokens(&a), tokens(&b)];
    let order = |at| a.get(at).unwrap_or(&Token::Release).cmp(b.get(at).unwrap_or(&Token::Release));
    first_difference((0..a.len().max(b.len())).map(order))
}

fn tokens(version: &str) -> Vec<Token<'_>> {
    let mut rest = version.as_bytes();
    let mut tokens = Vec::new();
    let mut is_dotted = true;
    loop {
        let digits = take_while(&mut rest, u8::is_ascii_digit);
        let is_of_word = |byte: &u8| !byte.is_ascii_digit() && !matches!(byte, b'.' | b'-');
        let word = if digits.is_empty() { take_while(&mut rest, is_of_word) } else { digits };
        // An empty token is zero.
        let is_number = word.is_empty() || !digits.is_empty();
        if !is_number || !is_dotted {
            trim(&mut tokens, is_number);
        }
        tokens.push(match is_number {
            true if is_dotted => Token::Dotted(Number::new(digits)),
            true => Token::Dashed(Number::new(digits)),
            false => qualifier(word, rest.first().is_some_and(u8::is_ascii_digit)),
        });
        is_dotted = match rest.first() {
            None => break,
            Some(byte) => *byte == b'.',
        };
        // Between digits and letters nothing stands.
        if matches!(rest.first(), Some(b'.' | b'-')) {
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    trim(&mut tokens, true);
    tokens
}

/// A word in lower case; one letter means a longer word only if a number follows at once.
fn qualifier(word: &[u8], has_number: bool) -> Token<'_> {
    let long: &[u8] = match word {
        b"a" if has_number => b"alpha",
        b"b" if has_number => b"beta",
        b"m" if has_number => b"milestone",
        b"cr" => b"rc",
        _ => word,
    };
    match long {
        b"final" | b"ga" | b"release" => Token::Release,
        b"sp" => Token::ServicePack,
        _ => EARLY.iter().position(|it| *it == long).map_or(Token::Word(word), Token::Early),
    }
}

/// Takes zeros, and words for a release or not, from the end.
fn trim(tokens: &mut Vec<Token<'_>>, with_releases: bool) {
    let zero = Number::default();
    let is_nothing = |it: &Token<'_>| match it {
        Token::Dotted(number) | Token::Dashed(number) => *number == zero,
        _ => with_releases && *it == Token::Release,
    };
    while tokens.last().is_some_and(is_nothing) {
        tokens.pop();
    }
}
