//! What is typed of a question for packages: a name, and bounds of versions. What is not understood is refused.

use super::kinds::NotAKind;

/// How a version is to stand to that of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Less,
    AtMost,
    More,
    AtLeast,
    /// The version or what goes on from it.
    Within,
    NotWithin,
    Same,
}

/// The longer ones first, since the others begin them.
const OPERATORS: [(&str, Operator); 7] = [
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Same),
    ("!=", Operator::NotWithin),
    ("<", Operator::Less),
    (">", Operator::More),
    ("=", Operator::Within),
];

/// A text that asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAQuery {
    /// Nothing stands before the bounds.
    #[error("it names no package")]
    NoName,
    /// Nothing stands behind an operator.
    #[error("no version stands behind {0}")]
    NoVersion(&'static str),
    /// A bound begins with something else.
    #[error("{0:?} is no bound: those begin with <, <=, >, >=, =, == or !=")]
    NoBound(String),
    /// What stands behind an operator, or `@`, is no version.
    #[error(
        "{0:?} is no version: those begin with a digit and consist of letters, digits and .+-~:!_^%"
    )]
    NotAVersion(String),
    /// A version ends with a wildcard, and is to be compared by order.
    #[error("{0:?} is no version that others are less or more than")]
    Wildcard(String),
    /// An operator of others.
    #[error("{0} is no operator: those are <, <=, >, >=, =, == and !=")]
    NoOperator(char),
    /// Something stands in the name that no name has, such as what parts one name from another.
    #[error("{0:?} stands in the name of the package")]
    NotAName(char),
    /// What stands before the colon is no type.
    #[error(transparent)]
    NotAKind(#[from] NotAKind),
    /// It begins like a package URL and is none.
    #[error(transparent)]
    NotAPurl(#[from] crate::image::NotAPurl),
}

impl NotAQuery {
    /// What to write in its place.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotAName(sign) if !sign.is_whitespace() && !",|;&".contains(*sign) => {
                "any text in a name is *, as in 'lib*ssl*'; a name with such signs is asked for as a package URL"
            }
            Self::NotAName(_) => {
                "ask for one package at a time, with an operator before each version: 'openssl>=3,<3.5'"
            }
            Self::NoOperator(_) => {
                "for 3 and what goes on from it ask 'openssl=3', for a range 'openssl>=3,<4'"
            }
            Self::Wildcard(_) => {
                "3.0 and all that goes on from it is 'openssl=3.0', what is below 'openssl<3.0'"
            }
            Self::NotAKind(_) => {
                "ask as in 'deb:openssl'; a group of Maven stands behind its type: 'maven:junit:junit'"
            }
            _ => "ask as in `oskin find 'openssl>=1.1.1,<3'`: bounds have a comma between them",
        }
    }
}

/// Whether a sign begins an operator.
pub(super) fn is_operator(sign: char) -> bool {
    matches!(sign, '<' | '>' | '=' | '!')
}

/// Refuses what no name has; whoever has such a package can ask by its URL. Names of Go have `~` behind a slash.
pub(super) fn check_name(name: &str) -> Result<(), NotAQuery> {
    let mut before = '/';
    for sign in name.chars() {
        match sign {
            '^' => return Err(NotAQuery::NoOperator(sign)),
            '~' if before != '/' => return Err(NotAQuery::NoOperator(sign)),
            ',' | '|' | ';' | '&' | '?' | '[' | ']' | '{' | '}' | '"' | '\\' | '$' => {
                return Err(NotAQuery::NotAName(sign));
            }
            _ if sign.is_whitespace() => return Err(NotAQuery::NotAName(sign)),
            _ => before = sign,
        }
    }
    Ok(())
}

/// Refuses the URL of a package in which bounds were lost: in its qualifiers, or between name and bounds.
pub(super) fn check_purl(purl: &str) -> Result<(), NotAQuery> {
    let (named, qualifiers) = purl.split_once('?').unwrap_or((purl, ""));
    let (named, version) = named.split_once('@').unwrap_or((named, ""));
    check_name(named)?;
    let is_lost =
        |sign: char| sign.is_whitespace() || matches!(sign, '<' | '>' | '!' | '|' | ';' | ',');
    let has_two = |pair: &str| pair.matches('=').count() > 1;
    if version.contains(is_lost)
        || qualifiers.contains(['<', '>', '!', ' '])
        || qualifiers.split('&').any(has_two)
    {
        return Err(NotAQuery::NoBound(
            if version.contains(is_lost) { version } else { qualifiers }.to_owned(),
        ));
    }
    Ok(())
}

/// Reads bounds with commas or blanks between them, or nothing: each begins with an operator.
pub(super) fn parse(text: &str) -> Result<Vec<(Operator, String)>, NotAQuery> {
    let mut bounds = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let no_bound = || NotAQuery::NoBound(first_word(rest).to_owned());
        let mut operators = OPERATORS.iter();
        let found = operators.find_map(|(sign, it)| Some((sign, it, rest.strip_prefix(sign)?)));
        let (sign, operator, after) = found.ok_or_else(no_bound)?;
        let after = after.trim_start();
        if after.starts_with(is_operator) {
            return Err(no_bound());
        }
        let (version, after) = after.split_at(version_bytes(after));
        if version.is_empty() && after.trim_start_matches(',').is_empty() {
            return Err(NotAQuery::NoVersion(sign));
        }
        bounds.push(bound(*operator, version, after)?);
        rest = after.trim_start();
        if let Some(behind) = rest.strip_prefix(',') {
            rest = behind.trim_start();
            if rest.is_empty() {
                return Err(NotAQuery::NoBound(String::new()));
            }
        }
    }
    Ok(bounds)
}

/// Up to where a version goes: a `!` is an epoch of Python unless it begins an operator.
fn version_bytes(text: &str) -> usize {
    let is_end = |(at, sign): &(usize, char)| match sign {
        '!' => text[at + 1..].starts_with('='),
        ',' | '<' | '>' | '=' => true,
        _ => sign.is_whitespace(),
    };
    text.char_indices().find(is_end).map_or(text.len(), |(at, _)| at)
}

/// A bound of what stands behind its operator; `after` is what follows.
fn bound(operator: Operator, version: &str, after: &str) -> Result<(Operator, String), NotAQuery> {
    let not_a_version =
        || NotAQuery::NotAVersion(if version.is_empty() { after } else { version }.to_owned());
    // `v1.2`, as Go and many tags have it, is 1.2.
    let plain = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let is_part = |sign: char| sign.is_ascii_alphanumeric() || ".+-~:!_^*%".contains(sign);
    if !plain.starts_with(|sign: char| sign.is_ascii_digit()) || !plain.chars().all(is_part) {
        return Err(not_a_version());
    }
    let stem = [".*", ".x", ".X"].iter().find_map(|end| plain.strip_suffix(end));
    let is_bare = !stem.unwrap_or(plain).contains('*');
    match (operator, stem) {
        (_, None) if is_bare => Ok((operator, plain.to_owned())),
        (Operator::Within | Operator::Same, Some(stem)) if is_bare => {
            Ok((Operator::Within, stem.to_owned()))
        }
        (Operator::NotWithin, Some(stem)) if is_bare => Ok((operator, stem.to_owned())),
        _ => Err(NotAQuery::Wildcard(version.to_owned())),
    }
}

fn first_word(text: &str) -> &str {
    text.split([' ', ',']).next().unwrap_or(text)
}

/// Splits `name@version`, as package URLs and npm have it, in two; a scope of npm begins with `@`.
pub(super) fn at_version(name: &str) -> Result<(&str, Option<(Operator, String)>), NotAQuery> {
    match name.rfind('@').filter(|at| *at > 0) {
        None => Ok((name, None)),
        Some(at) => {
            let version = &name[at + 1..];
            Ok((&name[..at], Some(bound(Operator::Within, version, "")?)))
        }
    }
}
