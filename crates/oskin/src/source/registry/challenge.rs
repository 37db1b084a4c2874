//! What a registry asks for before it answers: the header `WWW-Authenticate` (RFC 9110, 11.6.1).

use std::collections::BTreeMap;

/// A scheme with its parameters; names of both in small letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) scheme: String,
    pub(super) parameters: BTreeMap<String, String>,
}

impl Challenge {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// All challenges of one header, in their order. What breaks the grammar ends the list.
pub(super) fn challenges(header: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, behind) = token(rest);
        if word.is_empty() {
            return found;
        }
        let spaced = behind.trim_start_matches([' ', '\t']);
        match (spaced.strip_prefix('='), found.last_mut()) {
            // `==` would be the end of a token68, which no scheme of registries has.
            (Some(value), Some(challenge)) => {
                let Some((value, behind)) = parameter(value.trim_start_matches([' ', '\t'])) else {
                    return found;
                };
                challenge.parameters.entry(word.to_ascii_lowercase()).or_insert(value);
                rest = behind;
            }
            (Some(_), None) => return found,
            (None, _) => {
                let scheme = word.to_ascii_lowercase();
                found.push(Challenge { scheme, parameters: BTreeMap::new() });
                rest = behind;
            }
        }
    }
}

/// A token of RFC 9110 and what stands behind it.
fn token(text: &str) -> (&str, &str) {
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = text.bytes().position(|byte| !is_inside(byte)).unwrap_or(text.len());
    text.split_at(end)
}

/// A value, quoted or not, and what stands behind it.
fn parameter(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        // Some registries leave out the quotes of a URL.
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            char => value.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(header: &str) -> Vec<String> {
        let tell = |challenge: Challenge| {
            let parameters =
                challenge.parameters.iter().map(|(name, value)| format!(" {name}={value}"));
            format!("{}{}", challenge.scheme, parameters.collect::<String>())
        };
        challenges(header).into_iter().map(tell).collect()
    }

    #[test]
    fn challenges_are_told_apart() {
        for (header, expected) in [
            (
                r#"Bearer realm="https://auth.example/token",service="r.example",scope="repository:a/b:pull,push""#,
                &[
                    "bearer realm=https://auth.example/token scope=repository:a/b:pull,push service=r.example",
                ][..],
            ),
            (
                r#"Basic realm="a, \"b\"", BEARER Realm = x"#,
                &["basic realm=a, \"b\"", "bearer realm=x"],
            ),
            ("Negotiate, Basic realm=x", &["negotiate", "basic realm=x"]),
            (r#"Basic realm="one",realm="two""#, &["basic realm=one"]),
            (r#"Basic realm="never ends"#, &["basic"]),
            ("Basic realm=\"\\", &["basic"]),
            ("realm=x", &[]),
            ("", &[]),
            (", ,", &[]),
            (
                "Bearer realm=https://auth.example/token?x=1,service=é",
                &["bearer realm=https://auth.example/token?x=1 service=é"],
            ),
        ] {
            assert_eq!(told(header), expected, "{header}");
        }
    }
}
