//! Versions of apk: numbers, a letter, suffixes, a revision.

use super::{Number, take_while};
use std::cmp::{Ordering, Reverse};

/// A token of a version, the lesser first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Token<'a> {
    /// `_alpha` to `_rc`, by rank: before the release.
    Early(usize),
    End,
    /// What is no part of a version.
    Rest(&'a [u8]),
    /// `-r1`.
    Revision(Number<'a>),
    /// `~` and a commit.
    Commit(&'a [u8]),
    /// The number behind a suffix.
    SuffixNumber(Number<'a>),
    /// `_cvs` to `_p`, by rank.
    Late(usize),
    /// A letter behind a number.
    Letter(u8),
    /// Zeros that a number behind a dot begins with: more of them are less.
    Zeros(Reverse<usize>),
    Number(Number<'a>),
    /// The digits behind zeros.
    Digits(Number<'a>),
}

const EARLY: [&[u8]; 4] = [b"alpha", b"beta", b"pre", b"rc"];
const LATE: [&[u8]; 5] = [b"cvs", b"svn", b"git", b"hg", b"p"];

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    tokens(a.as_bytes()).cmp(&tokens(b.as_bytes()))
}

fn tokens(version: &[u8]) -> Vec<Token<'_>> {
    let mut rest = version;
    let mut tokens = Vec::new();
    let first = take_while(&mut rest, u8::is_ascii_digit);
    if !first.is_empty() {
        tokens.push(Token::Number(Number::new(first)));
    }
    while !first.is_empty()
        && let Some((token, after)) = next(rest, &tokens)
    {
        tokens.push(token);
        rest = after;
    }
    if !rest.is_empty() {
        tokens.push(Token::Rest(rest));
    }
    tokens.push(Token::End);
    tokens
}

/// The next token and what is behind it; `None` at the end, and before what is none.
fn next<'a>(rest: &'a [u8], before: &[Token<'_>]) -> Option<(Token<'a>, &'a [u8])> {
    let (&mark, mut after) = rest.split_first()?;
    let is_suffix = matches!(before.last(), Some(Token::Early(_) | Token::Late(_)));
    let is_number =
        matches!(before.last(), Some(Token::Number(_) | Token::Zeros(_) | Token::Digits(_)));
    let token = match mark {
        b'.' if is_number => {
            let zeros = take_while(&mut after, |byte| *byte == b'0').len();
            if zeros > 0 {
                return Some((Token::Zeros(Reverse(zeros)), after));
            }
            let digits = take_while(&mut after, u8::is_ascii_digit);
            Token::Number(Some(digits).filter(|digits| !digits.is_empty()).map(Number::new)?)
        }
        b'0'..=b'9' => {
            after = rest;
            let number = Number::new(take_while(&mut after, u8::is_ascii_digit));
            if is_suffix { Token::SuffixNumber(number) } else { Token::Digits(number) }
        }
        b'a'..=b'z' if is_number => Token::Letter(mark),
        b'_' => {
            let word = take_while(&mut after, u8::is_ascii_lowercase);
            let rank = |words: &[&[u8]]| words.iter().position(|known| *known == word);
            rank(&EARLY).map(Token::Early).or_else(|| rank(&LATE).map(Token::Late))?
        }
        b'~' => Token::Commit(take_while(&mut after, u8::is_ascii_hexdigit)),
        b'-' => {
            after = after.strip_prefix(b"r")?;
            let digits = take_while(&mut after, u8::is_ascii_digit);
            Token::Revision(Some(digits).filter(|digits| !digits.is_empty()).map(Number::new)?)
        }
        _ => return None,
    };
    Some((token, after))
}
