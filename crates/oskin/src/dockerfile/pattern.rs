//! Shell patterns of `${name#pattern}` and its kind: `*` is any text, `?` any character.

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Any,
    One,
    Char(char),
}

/// A pattern, with what may be spent on matching.
///
/// Matching keeps the set of places of the pattern that the text read so far can lead to, so that
/// its cost is at most the length of the text times that of the pattern, whatever stands in them.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
}

/// The patterns of a file would cost too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooCostly;

impl Pattern {
    /// Reads a pattern; what stands behind the escape character is meant as it is.
    pub(super) fn new(text: &str, escape: char) -> Self {
        let mut tokens = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' => Token::Any,
                '?' => Token::One,
                c if c == escape => Token::Char(chars.next().unwrap_or(c)),
                c => Token::Char(c),
            });
        }
        Self { tokens }
    }

    /// The text without the shortest or longest beginning that matches.
    pub(super) fn without_prefix(
        &self,
        text: &str,
        longest: bool,
        budget: &mut u64,
    ) -> Result<String, TooCostly> {
        let text: Vec<char> = text.chars().collect();
        let cut = self.matched(&text, longest, budget)?.unwrap_or(0);
        Ok(text[cut..].iter().collect())
    }

    /// The text without the shortest or longest end that matches.
    pub(super) fn without_suffix(
        &self,
        text: &str,
        longest: bool,
        budget: &mut u64,
    ) -> Result<String, TooCostly> {
        let backwards = Self { tokens: self.tokens.iter().rev().copied().collect() };
        let text: Vec<char> = text.chars().rev().collect();
        let cut = backwards.matched(&text, longest, budget)?.unwrap_or(0);
        Ok(text[cut..].iter().rev().collect())
    }

    /// The text with the first match, or all, replaced; of those that begin at one place the
    /// longest, and never an empty one.
    pub(super) fn replaced(
        &self,
        text: &str,
        (replacement, all): (&str, bool),
        budget: &mut u64,
    ) -> Result<String, TooCostly> {
        let text: Vec<char> = text.chars().collect();
        let mut result = String::new();
        let mut at = 0;
        while at < text.len() {
            match self.matched(&text[at..], true, budget)? {
                Some(length) if length > 0 => {
                    *budget = budget.checked_sub(replacement.len() as u64).ok_or(TooCostly)?;
                    result.push_str(replacement);
                    at += length;
                    if !all {
                        break;
                    }
                }
                _ => {
                    result.push(text[at]);
                    at += 1;
                }
            }
        }
        result.extend(&text[at..]);
        Ok(result)
    }

    /// The length of the shortest or longest beginning of the text that matches.
    fn matched(
        &self,
        text: &[char],
        longest: bool,
        budget: &mut u64,
    ) -> Result<Option<usize>, TooCostly> {
        let end = self.tokens.len();
        let mut here = vec![false; end + 1];
        here[0] = true;
        self.pass_stars(&mut here);
        let mut found = None;
        for length in 0..=text.len() {
            if here[end] {
                found = Some(length);
                if !longest {
                    break;
                }
            }
            let (Some(&c), true) = (text.get(length), here.contains(&true)) else { break };
            *budget = budget.checked_sub(end as u64 + 1).ok_or(TooCostly)?;
            let mut next = vec![false; end + 1];
            for (at, token) in self.tokens.iter().enumerate().filter(|(at, _)| here[*at]) {
                match token {
                    Token::Any => next[at] = true,
                    Token::One => next[at + 1] = true,
                    Token::Char(wanted) => next[at + 1] |= *wanted == c,
                }
            }
            self.pass_stars(&mut next);
            here = next;
        }
        Ok(found)
    }

    /// A star may stand for nothing.
    fn pass_stars(&self, places: &mut [bool]) {
        for (at, token) in self.tokens.iter().enumerate() {
            if places[at] && *token == Token::Any {
                places[at + 1] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cut_and_replace() {
        let mut budget = 100_000;
        let pattern = |text| Pattern::new(text, '\\');
        for (text, cut, longest, front, back) in [
            ("a-b-c", "*-", false, "b-c", "a-b-c"),
            ("a-b-c", "*-", true, "c", "a-b-c"),
            ("a-b-c", "-*", false, "a-b-c", "a-b"),
            ("a-b-c", "-*", true, "a-b-c", "a"),
            ("a.b", "?", false, ".b", "a."),
            ("*x", "\\*", false, "x", "*x"),
            ("abc", "", true, "abc", "abc"),
            ("abc", "*", true, "", ""),
            ("abc", "*", false, "abc", "abc"),
            ("[a]", "[a]", false, "", ""),
        ] {
            let cut = pattern(cut);
            let found = cut.without_prefix(text, longest, &mut budget);
            assert_eq!(found, Ok(front.to_owned()), "{cut:?} {text}");
            let found = cut.without_suffix(text, longest, &mut budget);
            assert_eq!(found, Ok(back.to_owned()), "{cut:?} {text}");
        }
        for (text, wanted, all, expected) in [
            ("a.b.c", ".", false, "a_b.c"),
            ("a.b.c", ".", true, "a_b_c"),
            ("a.b.c", ".*", true, "a_"),
            ("a.b.c", "", true, "a.b.c"),
        ] {
            let found = pattern(wanted).replaced(text, ("_", all), &mut budget);
            assert_eq!(found, Ok(expected.to_owned()), "{wanted} {text}");
        }
        let many = "a".repeat(1000);
        let found = pattern(&"a*".repeat(100)).replaced(&many, ("", true), &mut 1000);
        assert_eq!(found, Err(TooCostly));
    }
}
