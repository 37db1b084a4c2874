//! Instructions as lines: directives, continuations, comments and heredocs.
//!
//! The rules are those of `BuildKit`'s parser, quirks included: a comment or an empty line inside of
//! an instruction is left out without ending it, blanks may stand behind the escape character, and
//! directives count only before everything else.

/// One instruction, its continuations joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The line of the file where it begins, from 1.
    pub(super) number: usize,
    /// The first word.
    pub(super) keyword: String,
    /// What begins with `--` before the arguments, quotes and escapes taken off.
    pub(super) flags: Vec<String>,
    /// The rest, as it is written.
    pub(super) arguments: String,
}

/// What reading lines comes to besides them.
#[derive(Clone, Debug)]
pub(super) struct Directives {
    pub(super) escape: char,
    pub(super) syntax: Option<String>,
}

/// The instructions of a text, one after another.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    // Physical lines with their ends.
    rest: std::str::SplitInclusive<'a, char>,
    number: usize,
    in_directives: bool,
    seen: Vec<String>,
    pub(super) directives: Directives,
    /// What is wrong with the lines read so far, with the number of the line.
    pub(super) problems: Vec<(usize, String)>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text.split_inclusive('\n'),
            number: 0,
            in_directives: true,
            seen: Vec::new(),
            directives: Directives { escape: '\\', syntax: None },
            problems: Vec::new(),
        }
    }

    /// The next physical line without its end.
    fn physical(&mut self) -> Option<&'a str> {
        let line = self.rest.next()?;
        self.number += 1;
        Some(line.trim_end_matches(['\r', '\n']))
    }

    /// Takes a directive from a line, as long as nothing but directives was seen.
    fn directive(&mut self, line: &str) {
        let Some((key, value)) = self.in_directives.then(|| split_directive(line)).flatten() else {
            self.in_directives = false;
            return;
        };
        if self.seen.contains(&key) {
            self.problems.push((self.number, format!("the directive {key} stands twice")));
            return;
        }
        match key.as_str() {
            "escape" if value == "\\" => self.directives.escape = '\\',
            "escape" if value == "`" => self.directives.escape = '`',
            "escape" => {
                let what = "the directive escape is neither a backslash nor a backtick";
                self.problems.push((self.number, what.to_owned()));
            }
            "syntax" => self.directives.syntax = Some(value.to_owned()),
            _ => {}
        }
        self.seen.push(key);
    }

    /// Joins the continuations of a line that begins an instruction.
    fn joined(&mut self, first: &str) -> String {
        let (part, mut goes_on) = self.without_continuation(first);
        let mut joined = part.to_owned();
        while goes_on {
            let Some(line) = self.physical() else { break };
            let begun = line.trim_start();
            if begun.is_empty() || begun.starts_with('#') {
                continue;
            }
            let (part, more) = self.without_continuation(line);
            joined.push_str(part);
            goes_on = more;
        }
        joined
    }

    /// Takes off the escape character at the end, unless it is escaped itself.
    fn without_continuation<'b>(&self, line: &'b str) -> (&'b str, bool) {
        let escape = self.directives.escape;
        let shorter = line.trim_end_matches([' ', '\t']).strip_suffix(escape);
        match shorter.filter(|rest| !rest.ends_with(escape)) {
            Some(rest) => (rest, true),
            None => (line, false),
        }
    }

    /// Leaves out the contents of the heredocs of an instruction.
    fn skip_heredocs(&mut self, whole: &str, number: usize) {
        for heredoc in heredocs(whole) {
            let mut closed = false;
            while let Some(line) = self.physical() {
                let line = if heredoc.chomp { line.trim_start_matches('\t') } else { line };
                if line == heredoc.name {
                    closed = true;
                    break;
                }
            }
            if !closed {
                let name = crate::path::shorten(heredoc.name.as_bytes());
                self.problems.push((number, format!("the heredoc {name} is never closed")));
            }
        }
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        loop {
            let first = self.physical()?.trim_start();
            self.directive(first);
            if first.is_empty() || first.starts_with('#') {
                continue;
            }
            let number = self.number;
            let whole = self.joined(first);
            let (keyword, rest) = split_word(whole.trim());
            if keyword.is_empty() {
                continue;
            }
            let (flags, arguments) = split_flags(rest, self.directives.escape);
            let line = Line {
                number,
                keyword: keyword.to_owned(),
                flags,
                arguments: arguments.trim().to_owned(),
            };
            if whole.contains("<<") && may_hold_heredoc(&line, self.directives.escape) {
                self.skip_heredocs(&whole, number);
            }
            return Some(line);
        }
    }
}

/// `# key=value`, if the key is one of the three that there are.
fn split_directive(line: &str) -> Option<(String, &str)> {
    let blank = |c: char| c.is_ascii_whitespace();
    let (key, value) = line.strip_prefix('#')?.split_once('=')?;
    let (key, value) = (key.trim_matches(blank).to_ascii_lowercase(), value.trim_matches(blank));
    (["syntax", "escape", "check"].contains(&key.as_str()) && !value.is_empty())
        .then_some((key, value))
}

/// Whether a character separates words.
pub(super) const fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// The first word and what stands behind it.
pub(super) fn split_word(text: &str) -> (&str, &str) {
    match text.split_once(is_blank) {
        Some((word, rest)) => (word, rest.trim_start_matches(is_blank)),
        None => (text, ""),
    }
}

/// The words that begin with `--`, up to a `--` alone or a word that does not.
fn split_flags(text: &str, escape: char) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    let mut rest = text.trim_start();
    while rest.starts_with("--") {
        let (flag, behind) = flag(rest, escape);
        rest = behind.trim_start();
        if flag == "--" {
            break;
        }
        flags.push(flag);
    }
    (flags, rest)
}

/// One flag without quotes and escapes, and what stands behind it.
fn flag(text: &str, escape: char) -> (String, &str) {
    let mut flag = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match quote {
            None if c.is_whitespace() => return (flag, &text[at..]),
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == escape && quote != Some('\'') => flag.extend(chars.next().map(|next| next.1)),
            _ => flag.push(c),
        }
    }
    (flag, "")
}

/// Whether an instruction takes heredocs: not in the form of a JSON list.
fn may_hold_heredoc(line: &Line, escape: char) -> bool {
    let takes =
        |keyword: &str| ["run", "copy", "add"].contains(&keyword.to_ascii_lowercase().as_str());
    let (keyword, rest) = match line.keyword.eq_ignore_ascii_case("onbuild") {
        true => split_word(&line.arguments),
        false => (line.keyword.as_str(), line.arguments.as_str()),
    };
    let (_, arguments) = split_flags(rest, escape);
    takes(keyword) && serde_json::from_str::<Vec<String>>(arguments).is_err()
}

#[derive(Debug, PartialEq, Eq)]
struct Heredoc {
    name: String,
    // Whether tabs before the closing name do not count.
    chomp: bool,
}

/// The heredocs that a line opens: words of digits, `<<`, perhaps `-`, and a name.
fn heredocs(line: &str) -> Vec<Heredoc> {
    words(line, '\\', char::is_whitespace).into_iter().filter_map(heredoc).collect()
}

fn heredoc(word: &str) -> Option<Heredoc> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
    let (chomp, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    if rest.is_empty() || rest.contains('<') {
        return None;
    }
    let mut name = String::new();
    let mut quote = None;
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            _ if c == '\\' && quote != Some('\'') => name.extend(chars.next()),
            _ => name.push(c),
        }
    }
    Some(Heredoc { name, chomp })
}

/// Words with their quotes and escapes; a blank inside of quotes or behind an escape separates none.
pub(super) fn words(line: &str, escape: char, is_blank: impl Fn(char) -> bool) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if is_blank(c) && quote.is_none() && !escaped {
            words.extend(start.take().map(|start: usize| &line[start..at]));
            continue;
        }
        start = start.or(Some(at));
        if escaped {
            escaped = false;
            continue;
        }
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            _ => escaped = c == escape && quote != Some('\''),
        }
    }
    words.extend(start.map(|start| &line[start..]));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keyword, flags and arguments of each line, with its number.
    fn read(text: &str) -> Vec<String> {
        let show = |line: Line| {
            format!("{} {}|{}|{}", line.number, line.keyword, line.flags.join(","), line.arguments)
        };
        Lines::new(text).map(show).collect()
    }

    #[test]
    fn lines_are_those_of_the_official_parser() {
        // Each row was put to that parser (the `dockerfile` package of Python, which wraps it).
        for (text, expected) in [
            ("# foo=bar\n# escape=`\nFROM x`\n:y", &["3 FROM||x`", "4 :y||"][..]),
            ("#escape=`\nFROM x`\n:y", &["2 FROM||x:y"]),
            ("  # escape=`\nFROM x`\n:y", &["2 FROM||x:y"]),
            ("\n# escape=`\nFROM x`\n:y", &["3 FROM||x`", "4 :y||"]),
            ("# syntax=a\n# escape = ` \nFROM x`\n:y", &["3 FROM||x:y"]),
            ("FROM x\\\\\n:y", &["1 FROM||x\\\\", "2 :y||"]),
            ("FROM x \\ \t\n  as y", &["1 FROM||x   as y"]),
            ("FROM x \\\n# c\n  # d\n\n  as y", &["1 FROM||x   as y"]),
            ("FROM\\\n x", &["1 FROM||x"]),
            ("FROM --platform=\"a b\" x", &["1 FROM|--platform=a b|x"]),
            ("FROM --platform=a\\ b -- x", &["1 FROM|--platform=a b|x"]),
            ("RUN cat <<EOF\nFROM q\nEOF\nFROM z", &["1 RUN||cat <<EOF", "4 FROM||z"]),
            ("RUN cat <<-'E F'\nFROM q\n\t\tE F\nFROM z", &["1 RUN||cat <<-'E F'", "4 FROM||z"]),
            ("RUN x <<A 3<<B\nA\nFROM r\nB\nFROM z", &["1 RUN||x <<A 3<<B", "5 FROM||z"]),
            ("RUN [\"x <<EOF\"]\nFROM q", &["1 RUN||[\"x <<EOF\"]", "2 FROM||q"]),
            ("RUN echo $((1<<2))\nFROM q", &["1 RUN||echo $((1<<2))", "2 FROM||q"]),
            ("RUN echo x<<EOF\nFROM q", &["1 RUN||echo x<<EOF", "2 FROM||q"]),
            ("RUN echo \"<<EOF\"\nFROM q", &["1 RUN||echo \"<<EOF\"", "2 FROM||q"]),
            ("RUN cat <<<EOF\nFROM q", &["1 RUN||cat <<<EOF", "2 FROM||q"]),
            ("ONBUILD RUN x <<E\nFROM q\nE\nFROM b", &["1 ONBUILD||RUN x <<E", "4 FROM||b"]),
            ("RUN x <<EO\\\nF\nFROM q\nEOF\nFROM z", &["1 RUN||x <<EOF", "5 FROM||z"]),
            ("ENV X <<EOF\nFROM z", &["1 ENV||X <<EOF", "2 FROM||z"]),
            ("FROM a\rFROM b", &["1 FROM||a\rFROM b"]),
            ("FROM a\r\nRUN b \\\r\n c\r\n", &["1 FROM||a", "2 RUN||b  c"]),
            ("FROM\ta\u{b}as\u{c}b", &["1 FROM||a\u{b}as\u{c}b"]),
            ("\u{a0}FROM a", &["1 FROM||a"]),
            ("RUN b \\\n\u{a0}\n c", &["1 RUN||b  c"]),
            ("RUN b \\", &["1 RUN||b"]),
            ("# only\n\n \t\n", &[]),
            ("\\\n\\\n", &[]),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn broken_lines_are_told() {
        for (text, expected) in [
            ("# escape=`\n# escape=`\nFROM x", "the directive escape stands twice"),
            ("# escape=z\nFROM x", "the directive escape is neither"),
            ("FROM x\nRUN a <<EOF\nFROM y", "the heredoc EOF is never closed"),
        ] {
            let mut lines = Lines::new(text);
            assert_ne!(lines.by_ref().count(), 0);
            assert!(lines.problems[0].1.starts_with(expected), "{:?}", lines.problems);
        }
    }
}
