//! The tags of a repository, page by page.

use super::client::{Ask, Repository};
use super::name;
use super::refusal::Refusal;
use crate::source::SourceError;
use serde::Deserialize;
use ureq::http::HeaderMap;

/// How many pages are read, and how many tags are taken.
const MAX_PAGES: u64 = 1000;
const MAX_TAGS: u64 = 100_000;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    tags: Option<Vec<String>>,
}

/// All tags in the order of the registry.
pub(super) fn list(repository: &Repository, page_bytes: u64) -> Result<Vec<String>, SourceError> {
    let base = repository.client.base(&repository.place)?;
    let own = format!("/v2/{}", repository.path);
    let start = format!("{base}{own}");
    let mut path = "/tags/list".to_owned();
    let mut found = Vec::new();
    for _ in 0..MAX_PAGES {
        let ask = Ask {
            method: "GET",
            path: &path,
            what: "list of tags",
            accept: "application/json",
            from: 0,
        };
        let (headers, json) = repository.fetch(ask, page_bytes)?;
        let page: Page = serde_json::from_slice(&json).map_err(|error| {
            SourceError::damaged(&repository.place, format!("no list of tags: {error}"))
        })?;
        let tags = page.tags.unwrap_or_default();
        let is_empty = tags.is_empty();
        found.extend(tags);
        if found.len() as u64 > MAX_TAGS {
            let place = repository.place.clone();
            return Err(SourceError::Limit { place, what: "tags", limit: MAX_TAGS });
        }
        let next = next(&headers).filter(|_| !is_empty);
        let Some(next) = next else { return Ok(found) };
        let url = name::resolve(&format!("{start}{path}"), &next).unwrap_or_default();
        // Other paths than those of this repository would be asked for with its login, as would
        // other hosts; what some registries tell of those is not what they are reached by.
        let (_, behind) = url.split_once("://").unwrap_or_default();
        let rest = behind.find('/').and_then(|at| behind[at..].strip_prefix(&own));
        match rest {
            Some(rest) if rest.starts_with("/tags/list?") && rest != path => {
                rest.clone_into(&mut path);
            }
            _ => {
                let shown: String = next.chars().take(200).collect();
                let what = format!("the next page is said to be {shown:?}");
                return Err(repository.client.fail(
                    &repository.place,
                    "list of tags",
                    Refusal::new(what, None),
                ));
            }
        }
    }
    let place = repository.place.clone();
    Err(SourceError::Limit { place, what: "pages of tags", limit: MAX_PAGES })
}

/// The next page by the header `Link` (RFC 8288): `<URL>; rel="next"`.
fn next(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all("link").iter().filter_map(|value| value.to_str().ok());
    links.flat_map(|header| header.split(",<").flat_map(|part| part.split(", <"))).find_map(
        |link| {
            let (url, parameters) = link.trim().trim_start_matches('<').split_once('>')?;
            let is_next = parameters.split(';').any(|parameter| {
                let value = parameter.trim().strip_prefix("rel=");
                value.is_some_and(|value| value.trim_matches('"').eq_ignore_ascii_case("next"))
            });
            is_next.then(|| url.to_owned())
        },
    )
}

/// Reads a text as the header `Link`.
#[cfg(any(test, fuzzing))]
pub(super) fn check_links(text: &str) {
    let Ok(value) = text.parse() else { return };
    let headers = HeaderMap::from_iter([(ureq::http::header::LINK, value)]);
    assert!(next(&headers).is_none_or(|url| text.contains(&url)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_links() {
        for (link, expected) in [
            (r#"</v2/a/tags/list?last=b&n=2>; rel="next""#, Some("/v2/a/tags/list?last=b&n=2")),
            ("<https://x/y?last=1,2>;rel=next", Some("https://x/y?last=1,2")),
            (r#"<a>; rel="prev", <b>; title="x"; rel="next""#, Some("b")),
            (r#"<a>; rel="prev""#, None),
            ("nonsense", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("link", link.parse().unwrap());
            assert_eq!(next(&headers).as_deref(), expected, "{link}");
        }
    }
}
