//! Versions of Maven, as the "Version Order Specification" of its POM reference lays them down.

use super::{Number, take_while};
use std::cmp::Ordering;

/// A token of a version, the lesser first. The end of a version stands where nothing, and what means nothing, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Token<'a> {
    /// What comes before a release, by its place in [`EARLY`].
    Early(usize),
    End,
    /// `final`, `ga`, `release`: the end too, but where a number follows that counts (`1-ga.1`).
    Release,
    ServicePack,
    Word(&'a [u8]),
    /// Behind a dash, or where digits follow letters.
    Dashed(Number<'a>),
    Dotted(Number<'a>),
}

/// Qualifiers that come before a release, the earliest first.
const EARLY: [&[u8]; 5] = [b"alpha", b"beta", b"milestone", b"rc", b"snapshot"];

/// The specification compares token by token, with what means nothing in the place of missing ones. As zeros and the
/// like are taken away before each dash, what is left of them has a number behind it that is not zero, so each is
/// more than the end. Hence one order of all tokens does, and it is total.
///
/// As Maven does it since 3.9.1, a dot before a qualifier is a dash: `2.0.0.CR1` is `2-cr1`.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let [a, b] = [a, b].map(|version| version.trim().to_lowercase());
    tokens(&a).cmp(&tokens(&b))
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
            trim(&mut tokens);
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
    trim(&mut tokens);
    tokens.push(Token::End);
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

/// Takes away what means nothing at the end.
fn trim(tokens: &mut Vec<Token<'_>>) {
    let zero = Number::default();
    let is_nothing = |it: &Token<'_>| match it {
        Token::Dotted(number) | Token::Dashed(number) => *number == zero,
        _ => *it == Token::Release,
    };
    while tokens.last().is_some_and(is_nothing) {
        tokens.pop();
    }
}
