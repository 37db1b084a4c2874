//! Just enough of Rust's grammar to read source text: comments, strings, test modules, paths.

/// The text with comments and the content of literals blanked, lines kept.
pub(crate) fn without_comments(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skip_end(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        let kept = |c: &char| if *c == '\n' { '\n' } else { ' ' };
        out.extend(chars[at..end].iter().map(kept));
        at = end;
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `at` if none begins there.
fn skip_end(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let after_word = at > 0 && is_word(chars[at - 1]);
    let len = match rest {
        ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment_len(rest),
        ['"', ..] => quoted_len(rest),
        ['b' | 'c', '"', ..] if !after_word => 1 + quoted_len(&rest[1..]),
        ['r', '"' | '#', ..] if !after_word => raw_len(rest, 1),
        ['b' | 'c', 'r', '"' | '#', ..] if !after_word => raw_len(rest, 2),
        ['\'', '\\', _, tail @ ..] => {
            3 + tail.iter().position(|c| *c == '\'').map_or(tail.len(), |end| end + 1)
        }
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    };
    at + len
}

fn block_comment_len(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

fn quoted_len(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a raw string whose hashes begin after `prefix` letters; 0 if it is none.
fn raw_len(rest: &[char], prefix: usize) -> usize {
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let start = prefix + hashes;
    if rest.get(start) != Some(&'"') {
        return 0;
    }
    let closes = |at: &usize| {
        rest[*at] == '"' && rest[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    (start + 1..rest.len()).find(closes).map_or(rest.len(), |at| at + 1 + hashes)
}

/// What is left of blanked code when `#[cfg(test)] mod ... { }` is cut out.
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        let after = rest[at + "#[cfg(test)]".len()..].trim_start();
        let (before, here) = rest.split_at(at);
        out.push_str(before);
        if !after.starts_with("mod ") {
            let (attribute, tail) = here.split_at("#[cfg(test)]".len());
            out.push_str(attribute);
            rest = tail;
            continue;
        }
        rest = after_block(after);
    }
    out + rest
}

/// The text after the block, or after the semicolon that comes first.
fn after_block(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 1 => depth -= 1,
            '}' => return &text[at + 1..],
            ';' if depth == 0 => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether the text has the word, not as a part of a longer one.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// All paths of blanked code, each once, those of `use` trees spelled out: `a::b::c`.
pub(crate) fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for statement in code.split_inclusive([';', '}', '{']) {
        found.extend(inline_paths(statement));
    }
    let is_use = |at: &usize| !code[..*at].chars().next_back().is_some_and(is_word);
    let starts = code.match_indices("use ").map(|(at, _)| at).filter(is_use);
    for at in starts {
        let tree = code[at + 4..].split(';').next().unwrap_or_default();
        found.extend(expand(tree));
    }
    found.sort();
    found.dedup();
    found
}

/// `a::{b, c::d as e}` becomes `a::b` and `a::c::d`.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.split_whitespace().collect()];
    };
    let group = group.rsplit_once('}').map_or(group, |(inside, _)| inside);
    let with_prefix = |part: String| format!("{}{part}", prefix.trim());
    top_level_parts(group).into_iter().flat_map(expand).map(with_prefix).collect()
}

fn top_level_parts(group: &str) -> Vec<&str> {
    let (mut depth, mut start) = (0_usize, 0);
    let mut parts = Vec::new();
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// Runs of words joined by `::`.
fn inline_paths(code: &str) -> Vec<String> {
    let is_part = |c: char| is_word(c) || c == ':';
    let runs = code.split(|c| !is_part(c)).filter(|run| run.contains("::"));
    runs.map(|run| run.trim_matches(':').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        let code = without_comments(
            "a // b\n/* c /* d */ e */ f \"g\\\" h\" r#\"i\"j\"# 'k' '\\'' '\\u{1}' &'l m br\"n\\\" o",
        );
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "f", "&'l", "m", "o"]);
        assert_eq!(without_comments("r#type::x\nfor\"\""), "r#type::x\nfor  ");
    }

    #[test]
    fn test_modules_are_cut_out_and_nothing_else() {
        let code =
            "a\n#[cfg(test)]\nmod tests {\n{ b }\n}\nc\n#[cfg(test)]\nuse d;\n#[cfg(test)] mod e;f";
        let left: Vec<String> = without_tests(code).split_whitespace().map(String::from).collect();
        assert_eq!(left, ["a", "c", "#[cfg(test)]", "use", "d;", "f"]);
    }

    #[test]
    fn use_trees_are_spelled_out() {
        let found = paths(
            "use std::{fs, io::{self, Read as R}};\npub use crate::a;\nlet x = crate::b::c(d::e);",
        );
        for path in ["std::fs", "std::io::self", "std::io::Read", "crate::a", "crate::b::c", "d::e"]
        {
            assert!(found.iter().any(|f| f == path), "{path} in {found:?}");
        }
    }
}
