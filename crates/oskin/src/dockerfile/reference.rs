//! References to images as Dockerfiles write them, and their one normal form.

use std::fmt;

/// Where a name without a registry is looked for. Put together, for no file names a registry.
const DEFAULT_DOMAIN: &str = concat!("docker", ".io");
const OLD_DEFAULT_DOMAIN: &str = concat!("index.docker", ".io");
/// Where images of that registry are that nobody owns.
const LIBRARY: &str = "library/";
/// The longest name, without tag and digest.
const MAX_NAME_BYTES: usize = 255;
const MAX_TAG_BYTES: usize = 128;

/// A reference in its normal form: `registry/path:tag@digest`.
///
/// The rules are those of the distribution project's `reference` package, which Docker, Podman and
/// `BuildKit` follow: a first component counts as registry if it holds a dot, a colon or a capital,
/// or is `localhost`; without one the registry is Docker Hub, and there a name without a slash
/// lies in `library`. Order is that of the registry, the path, the tag and the digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// What keeps a text from being a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceProblem {
    /// There is nothing.
    #[error("the name is empty")]
    Empty,
    /// Registries refuse capitals in the path.
    #[error("the name has capitals")]
    Capitals,
    /// More than 255 bytes.
    #[error("the name is longer than 255 bytes")]
    TooLong,
    /// The registry is no host with an optional port.
    #[error("the registry is no host name")]
    Domain,
    /// A component of the path breaks the grammar.
    #[error("the name holds what no name may hold")]
    Path,
    /// The tag breaks the grammar, or is empty or longer than 128 bytes.
    #[error("the tag is none")]
    Tag,
    /// The digest breaks the grammar.
    #[error("what stands behind @ is no digest")]
    Digest,
    /// 64 hexadecimal digits would be the id of an image.
    #[error("64 hexadecimal digits are an id and no name")]
    Id,
}

impl Reference {
    /// Reads a reference.
    ///
    /// # Errors
    ///
    /// If the text breaks the grammar; Docker refuses such a text too.
    pub fn parse(text: &str) -> Result<Self, ReferenceProblem> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let (domain, remainder) = split_domain(rest);
        let (path, tag) = match remainder.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (remainder, None),
        };
        if path.is_empty() {
            return Err(ReferenceProblem::Empty);
        }
        if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(ReferenceProblem::Capitals);
        }
        if rest.len() == 64 && rest.bytes().all(is_lower_hex) {
            return Err(ReferenceProblem::Id);
        }
        if !is_domain(domain) {
            return Err(ReferenceProblem::Domain);
        }
        if !path.split('/').all(is_component) {
            return Err(ReferenceProblem::Path);
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(ReferenceProblem::Tag);
        }
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(ReferenceProblem::Digest);
        }
        let alone = domain == DEFAULT_DOMAIN && !path.contains('/');
        let path = if alone { format!("{LIBRARY}{path}") } else { path.to_owned() };
        if domain.len() + 1 + path.len() > MAX_NAME_BYTES {
            return Err(ReferenceProblem::TooLong);
        }
        let (tag, digest) = (tag.map(str::to_owned), digest.map(str::to_owned));
        Ok(Self { domain: domain.to_owned(), path, tag, digest })
    }

    /// The image `owner/repository` of the default registry, as directories name it; nothing if no
    /// image can have that name. Capitals, which only hosts of sources know, become small letters.
    pub fn of_repository(owner: &str, repository: &str) -> Option<Self> {
        let path = format!("{owner}/{repository}").to_lowercase();
        let is_one = !path.contains([':', '@']) && path.split('/').count() == 2;
        is_one.then(|| Self::parse(&format!("{DEFAULT_DOMAIN}/{path}")).ok()).flatten()
    }

    /// Registry and path, without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// The name as people write it: without the default registry and its library.
    pub fn familiar_name(&self) -> String {
        if self.domain != DEFAULT_DOMAIN {
            return self.name();
        }
        match self.path.strip_prefix(LIBRARY) {
            Some(alone) if !alone.contains('/') => alone.to_owned(),
            _ => self.path.clone(),
        }
    }

    /// The whole reference as people write it, with the tag that it means: `alpine:latest`.
    pub fn familiar(&self) -> String {
        format!("{}{}", self.familiar_name(), self.suffix())
    }

    /// The tag, as it was written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, as it was written.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Tag and digest; without both it is `:latest`.
    fn suffix(&self) -> String {
        let tag = match (&self.tag, &self.digest) {
            (Some(tag), _) => format!(":{tag}"),
            (None, Some(_)) => String::new(),
            (None, None) => ":latest".to_owned(),
        };
        let digest = self.digest.as_ref().map(|digest| format!("@{digest}"));
        tag + &digest.unwrap_or_default()
    }
}

/// The normal form, with the tag that it means.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.domain, self.path, self.suffix())
    }
}

/// Splits off the registry, if there is one.
fn split_domain(text: &str) -> (&str, &str) {
    let found = text.split_once('/').filter(|(first, _)| {
        first.contains(['.', ':'])
            || *first == "localhost"
            || first.bytes().any(|byte| byte.is_ascii_uppercase())
    });
    match found {
        Some((first, rest)) if first == OLD_DEFAULT_DOMAIN => (DEFAULT_DOMAIN, rest),
        Some(split) => split,
        None => (DEFAULT_DOMAIN, text),
    }
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let is_address = !address.is_empty()
                && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
            if !is_address || !(port.is_empty() || port.starts_with(':')) {
                return false;
            }
            ("address", port.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    host.split('.').all(is_host_component) && port.is_none_or(is_port)
}

fn is_host_component(text: &str) -> bool {
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty()
        && text.bytes().all(is_inside)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Lower-case words between `.`, `_`, `__` or any number of `-`.
fn is_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut gaps = text.split(|c: char| u8::try_from(c).is_ok_and(is_word));
    // What stands before the first and behind the last letter is empty, as is what lies between
    // two letters.
    let inner_is_fine =
        |gap: &str| matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|byte| byte == b'-');
    let edges =
        text.bytes().next().is_some_and(is_word) && text.bytes().last().is_some_and(is_word);
    edges && gaps.all(inner_is_fine)
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().next().is_some_and(is_word)
        && text.len() <= MAX_TAG_BYTES
        && text.bytes().all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
}

/// `sha256` and its kind have their length; of others 32 digits are enough.
fn is_digest(text: &str) -> bool {
    let Some((algorithm, encoded)) = text.split_once(':') else { return false };
    let is_part = |part: &str| {
        part.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let length = match algorithm {
        "sha256" => encoded.len() == 64,
        "sha384" => encoded.len() == 96,
        "sha512" => encoded.len() == 128,
        _ => encoded.len() >= 32,
    };
    algorithm.split(['-', '_', '+', '.']).all(is_part)
        && length
        && encoded.bytes().all(is_lower_hex)
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_one_normal_form() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        let hub = DEFAULT_DOMAIN;
        for (text, normal, familiar) in [
            ("ubuntu", format!("{hub}/library/ubuntu:latest"), "ubuntu:latest".to_owned()),
            ("library/ubuntu:14.04", format!("{hub}/library/ubuntu:14.04"), "ubuntu:14.04".into()),
            (
                "dockerfile/ubuntu",
                format!("{hub}/dockerfile/ubuntu:latest"),
                "dockerfile/ubuntu:latest".into(),
            ),
            (&format!("{hub}/a/b/c:1"), format!("{hub}/a/b/c:1"), "a/b/c:1".into()),
            (
                &format!("{OLD_DEFAULT_DOMAIN}/a"),
                format!("{hub}/library/a:latest"),
                "a:latest".into(),
            ),
            ("localhost/a", "localhost/a:latest".into(), "localhost/a:latest".into()),
            ("host:5000/a:b", "host:5000/a:b".into(), "host:5000/a:b".into()),
            ("[::1]:5000/a", "[::1]:5000/a:latest".into(), "[::1]:5000/a:latest".into()),
            ("Host/a", "Host/a:latest".into(), "Host/a:latest".into()),
            ("example.test/a__b/c-.d", String::new(), String::new()),
            (
                "example.test/a__b/c--d.e",
                "example.test/a__b/c--d.e:latest".into(),
                "example.test/a__b/c--d.e:latest".into(),
            ),
            (&format!("a@{digest}"), format!("{hub}/library/a@{digest}"), format!("a@{digest}")),
            (
                &format!("a:1@{digest}"),
                format!("{hub}/library/a:1@{digest}"),
                format!("a:1@{digest}"),
            ),
        ] {
            let Ok(reference) = Reference::parse(text) else {
                assert_eq!(normal, "", "{text}");
                continue;
            };
            assert_eq!((reference.to_string(), reference.familiar()), (normal, familiar), "{text}");
            assert_eq!(
                Reference::parse(&reference.to_string()).map(|again| again.familiar()),
                Ok(reference.familiar())
            );
        }
    }

    #[test]
    fn directories_name_repositories() {
        let name = |owner, repository| {
            Reference::of_repository(owner, repository).map(|image| image.familiar_name())
        };
        assert_eq!(name("Me", "My-App.x").as_deref(), Some("me/my-app.x"));
        assert_eq!(name("example.test", "a").as_deref(), Some("example.test/a"));
        for (owner, repository) in [("a", "b:c"), ("a", "b/c"), ("a", ".b"), ("", "b"), ("a", "")] {
            assert_eq!(name(owner, repository), None, "{owner} {repository}");
        }
    }

    #[test]
    fn what_is_no_reference_is_told() {
        use ReferenceProblem as P;
        for (text, problem) in [
            ("", P::Empty),
            (":tag", P::Empty),
            ("host:5000/", P::Empty),
            ("BASEIMAGE", P::Capitals),
            ("a/B", P::Capitals),
            ("a:", P::Tag),
            ("a:-b", P::Tag),
            ("a:b:c", P::Tag),
            ("a@sha256:12", P::Digest),
            ("a@", P::Digest),
            ("a//b", P::Path),
            ("a_", P::Path),
            ("a._b", P::Path),
            ("a___b", P::Path),
            ("{{ x }}", P::Path),
            ("é", P::Path),
            ("-a.b/c", P::Domain),
            ("a:port/c", P::Domain),
            ("[x]/c.d", P::Path),
        ] {
            assert_eq!(Reference::parse(text), Err(problem), "{text:?}");
        }
        assert_eq!(Reference::parse(&"a".repeat(248)), Err(P::TooLong));
        assert_eq!(Reference::parse(&"ab".repeat(32)), Err(P::Id));
        assert_eq!(Reference::parse(&format!("a:{}", "t".repeat(129))), Err(P::Tag));
    }
}
