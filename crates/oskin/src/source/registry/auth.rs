//! Logging in: what to put into the header `Authorization` for a repository, after the registry
//! has said how it wants it (distribution, "Token Authentication Specification").

use super::challenge::{Challenge, challenges};
use super::client::{Answer, Authorization, Call, Repository};
use super::credentials::{self, Credential};
use super::name;
use super::patience::Patience;
use super::refusal::{self, Refusal};
use crate::source::SourceError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use ureq::http::StatusCode;

/// The largest answer with a token.
const MAX_TOKEN_BYTES: u64 = 1024 * 1024;

const WHAT: &str = "login";

/// What a server of tokens answers.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// Does what an answer of 401 asks for; `None` where nothing is there to do it with.
pub(super) fn authorize(
    repository: &Repository,
    answer: &Answer,
    base: &str,
    patience: &mut Patience,
) -> Result<Option<Authorization>, SourceError> {
    let asked: Vec<Challenge> = answer.headers("www-authenticate").flat_map(challenges).collect();
    let find = |scheme: &str| asked.iter().find(|challenge| challenge.scheme == scheme);
    let client = &repository.client;
    let credential = credentials::find(client.host(), &repository.path, &client.options)?;
    if let Some(challenge) = find("bearer") {
        return token(repository, (challenge, base), credential, patience).map(Some);
    }
    match (find("basic"), credential) {
        (Some(_), Some((Credential::Password { user, password }, _))) => {
            Ok(Some(Authorization { header: basic(&user, &password), is_login: true }))
        }
        _ => Ok(None),
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Gets a token for pulling from the repository.
fn token(
    repository: &Repository,
    (challenge, base): (&Challenge, &str),
    credential: Option<(Credential, String)>,
    patience: &mut Patience,
) -> Result<Authorization, SourceError> {
    let client = &repository.client;
    let fail = |refusal: Refusal| client.fail(&repository.place, WHAT, refusal);
    let realm = challenge.get("realm").unwrap_or_default();
    let Some(origin) = name::origin(realm) else {
        let shown: String = realm.chars().take(200).collect();
        return Err(fail(Refusal::new(format!("the registry sends to {shown:?} for it"), None)));
    };
    let is_near = origin.strip_prefix("http://").is_some_and(name::is_loopback);
    let is_plain = origin.starts_with("http:") && !(is_near && base.starts_with("http:"));
    if is_plain && client.options.tls_verify {
        let what = format!("the registry wants it over plain HTTP, at {origin}");
        return Err(fail(Refusal::new(what, Some("--tls-verify=false does so"))));
    }
    let pull = format!("repository:{}:pull", repository.path);
    let scope = challenge.get("scope").unwrap_or(&pull);
    let mut query = format!("scope={}", encoded(scope));
    if let Some(service) = challenge.get("service") {
        query.push_str(&format!("&service={}", encoded(service)));
    }
    let separator = if realm.contains('?') { '&' } else { '?' };
    let headers = [("accept", "application/json")];
    let url = format!("{realm}{separator}{query}");
    let shown = (repository.place.as_str(), WHAT);
    let mut answer = match &credential {
        Some((Credential::Identity(token), _)) => {
            let form = format!(
                "grant_type=refresh_token&client_id=oskin&refresh_token={}&{query}",
                encoded(token)
            );
            let form = Some(form.as_str());
            let call =
                Call { method: "POST", url: realm, headers: &headers, authorization: None, form };
            client.persist(shown, &call, patience)?
        }
        Some((Credential::Password { user, password }, _)) => {
            let url = format!("{url}&account={}", encoded(user));
            let header = basic(user, password);
            let authorization = Some(header.as_str());
            let call =
                Call { method: "GET", url: &url, headers: &headers, authorization, form: None };
            client.persist(shown, &call, patience)?
        }
        None => {
            let call = Call {
                method: "GET",
                url: &url,
                headers: &headers,
                authorization: None,
                form: None,
            };
            client.persist(shown, &call, patience)?
        }
    };
    if answer.status != StatusCode::OK {
        let status = answer.status;
        let refusal = refusal::of_status(status, &answer.complaint());
        return Err(fail(match credential {
            Some((_, place)) if matches!(status.as_u16(), 400 | 401 | 403) => {
                Refusal::new(format!("the credentials of {place} are refused"), Some(refusal::ANEW))
            }
            _ => refusal,
        }));
    }
    let header = bearer(answer).map_err(|what| fail(Refusal::new(what, None)))?;
    Ok(Authorization { header, is_login: credential.is_some() })
}

fn bearer(answer: Answer) -> Result<String, String> {
    let json = answer.small(MAX_TOKEN_BYTES).map_err(|error| refusal::of_body(&error).what)?;
    let json = json.ok_or("the token is larger than 1 MiB")?;
    let token: Token = serde_json::from_slice(&json)
        .map_err(|error| format!("no answer with a token: {error}"))?;
    let token = token.token.or(token.access_token).filter(|token| !token.is_empty());
    let token = token.ok_or("the answer holds no token")?;
    // Anything else would break the header.
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the token holds what no token may hold".to_owned());
    }
    Ok(format!("Bearer {token}"))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
