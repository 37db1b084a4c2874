//! One registry: connections to it, requests with their redirects, retries and logins.

use super::auth;
use super::name;
use super::options::{RegistryOptions, Timeouts};
use super::pace::Paced;
use super::patience::{Patience, retry_after};
use super::refusal;
use super::tls::{self, Certificates, TlsConnector};
use crate::source::SourceError;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use ureq::http::{HeaderMap, Request, Response, StatusCode};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, TcpConnector};
use ureq::{Agent, Body, Proxy};

/// How many redirects are followed.
const MAX_REDIRECTS: u32 = 10;

/// A registry, and what was found out about it.
pub(super) struct Client {
    host: String,
    pub(super) options: RegistryOptions,
    certificates: Certificates,
    own: Agent,
    // For other hosts that the registry sends to, where one's own certificate is not shown.
    other: OnceLock<Agent>,
    // `https://host` or `http://host`, once one of them has answered.
    base: Mutex<Option<String>>,
    authorizations: Mutex<BTreeMap<String, Authorization>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("host", &self.host).finish_non_exhaustive()
    }
}

/// What goes into the header `Authorization` for a repository.
#[derive(Clone)]
pub(super) struct Authorization {
    pub(super) header: String,
    /// Whether somebody logged in for it, and it is not what everybody gets.
    pub(super) is_login: bool,
}

/// A repository of a registry, and what the user called it.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    pub(super) client: Arc<Client>,
    pub(super) path: String,
    /// For messages.
    pub(super) place: String,
}

/// What is asked of a repository.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: &'static str,
    /// What stands behind the name of the repository, such as `/tags/list`.
    pub(super) path: &'a str,
    /// For messages.
    pub(super) what: &'static str,
    pub(super) accept: &'static str,
    /// The first byte that is wanted; 0 asks for no range.
    pub(super) from: u64,
}

/// Status and headers of an answer; the body is still to be read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    body: Paced,
    // Whether a redirect led to somebody else, who is told nothing.
    is_of_other: bool,
    // What was told to log in, and must not be shown if it comes back.
    secrets: Vec<Vec<u8>>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    /// How long the body is, where the headers say.
    pub(super) fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    pub(super) fn into_body(self) -> Paced {
        self.body
    }

    /// The whole body, or nothing where it has more than so many bytes.
    pub(super) fn small(self, limit_bytes: u64) -> io::Result<Option<Vec<u8>>> {
        if self.length().is_some_and(|length| length > limit_bytes) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.body.take(limit_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok((bytes.len() as u64 <= limit_bytes).then_some(bytes))
    }

    /// What the beginning of the body says about a refusal; nothing if a secret is in it. Where that is
    /// all of it, the connection can be used again.
    pub(super) fn complaint(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // What was read before a failure is as good.
        drop((&mut self.body).take(refusal::MAX_BYTES).read_to_end(&mut bytes));
        if refusal::tells(&bytes, &self.secrets) { Vec::new() } else { bytes }
    }
}

/// A whole URL that is asked for, by a form that is posted if there is one.
pub(super) struct Call<'a> {
    pub(super) method: &'static str,
    pub(super) url: &'a str,
    pub(super) headers: &'a [(&'static str, &'a str)],
    pub(super) authorization: Option<&'a str>,
    pub(super) form: Option<&'a str>,
}

/// Why there is no answer.
pub(super) enum Broken {
    Http(ureq::Error),
    /// A redirect that is not followed.
    Redirect(String),
}

impl Client {
    pub(super) fn new(host: &str, options: RegistryOptions) -> Result<Self, SourceError> {
        let certificates = Certificates::read(host, &options)?;
        let own = agent(&options, &certificates, host, true)?;
        Ok(Self {
            host: host.to_owned(),
            options,
            certificates,
            own,
            other: OnceLock::new(),
            base: Mutex::default(),
            authorizations: Mutex::default(),
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    fn agent_for_others(&self) -> Result<&Agent, SourceError> {
        if !self.certificates.is_shown() {
            return Ok(&self.own);
        }
        if let Some(agent) = self.other.get() {
            return Ok(agent);
        }
        let agent = agent(&self.options, &self.certificates, &self.host, false)?;
        Ok(self.other.get_or_init(|| agent))
    }

    /// Sends one request and follows redirects. What says who asks goes to the first host alone.
    pub(super) fn exchange(&self, call: &Call<'_>) -> Result<Answer, Broken> {
        let first = name::origin(call.url);
        let own = format!("https://{}", name::api_host(&self.host).to_ascii_lowercase());
        let mut url = call.url.to_owned();
        let mut authorization = call.authorization;
        for _ in 0..=MAX_REDIRECTS {
            let here = name::origin(&url);
            if here != first {
                authorization = None;
            }
            let is_own = here.is_some() && here == name::origin(&own);
            let agent = match is_own {
                true => &self.own,
                false => {
                    self.agent_for_others().map_err(|error| Broken::Redirect(error.to_string()))?
                }
            };
            let response = once(agent, call, (&url, authorization)).map_err(Broken::Http)?;
            let (parts, body) = response.into_parts();
            let body = Paced::new(body.into_reader(), &self.options.timeouts);
            let is_of_other = here != first;
            let secrets = refusal::secrets(call.authorization, call.form);
            let mut answer =
                Answer { status: parts.status, headers: parts.headers, body, is_of_other, secrets };
            let location = match parts.status.as_u16() {
                301 | 302 | 303 | 307 | 308 => answer.header("location").map(str::to_owned),
                _ => None,
            };
            let Some(location) = location else { return Ok(answer) };
            drop(answer.complaint());
            url = self.redirected(&url, &location, call.form.is_some())?;
        }
        Err(Broken::Redirect(format!("sends on and on, more than {MAX_REDIRECTS} times")))
    }

    fn redirected(&self, from: &str, location: &str, posted: bool) -> Result<String, Broken> {
        let shown: String = location.chars().take(200).collect();
        if posted {
            return Err(Broken::Redirect(format!("sends what was posted on to {shown:?}")));
        }
        let Some(url) = name::resolve(from, location) else {
            return Err(Broken::Redirect(format!(
                "sends on to {shown:?}, which is no URL of HTTP"
            )));
        };
        let is_plain = |url: &str| name::origin(url).is_some_and(|it| it.starts_with("http:"));
        if is_plain(&url) && !is_plain(from) && self.options.tls_verify {
            return Err(Broken::Redirect(format!("sends from HTTPS to plain HTTP, {shown:?}")));
        }
        Ok(url)
    }

    /// Asks until there is an answer that will not change by asking again.
    pub(super) fn persist(
        &self,
        (place, what): (&str, &str),
        call: &Call<'_>,
        patience: &mut Patience,
    ) -> Result<Answer, SourceError> {
        loop {
            let (asked, failure) = match self.exchange(call) {
                Ok(answer) if !may_pass(answer.status) => return Ok(answer),
                Ok(mut answer) => {
                    let date = answer.header("date");
                    let asked = answer.header("retry-after").and_then(|it| retry_after(it, date));
                    (asked, refusal::of_status(answer.status, &answer.complaint()))
                }
                Err(Broken::Http(error)) if refusal::may_pass(&error) => {
                    (None, refusal::of_transport(&error, &self.options.timeouts))
                }
                Err(Broken::Http(error)) => {
                    let failure = refusal::of_transport(&error, &self.options.timeouts);
                    return Err(self.fail(place, what, failure));
                }
                Err(Broken::Redirect(text)) => {
                    return Err(self.fail(place, what, refusal::of_redirect(text)));
                }
            };
            if let Err(enough) = patience.wait(asked) {
                return Err(self.fail(place, what, failure.and(&enough)));
            }
        }
    }

    /// An error of this registry.
    pub(super) fn fail(&self, place: &str, what: &str, failure: refusal::Refusal) -> SourceError {
        let what = if what.is_empty() { failure.what } else { format!("{what}: {}", failure.what) };
        SourceError::Registry {
            place: place.to_owned(),
            host: name::api_host(&self.host),
            what,
            hint: failure.hint.map(|hint| hint.replace("<host>", &self.host)),
        }
    }

    /// The beginning of all URLs: what answers to HTTPS, or where that is allowed to HTTP.
    pub(super) fn base(&self, place: &str) -> Result<String, SourceError> {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(base) = &*base {
            return Ok(base.clone());
        }
        let host = name::api_host(&self.host);
        let secure = format!("https://{host}");
        let is_here = self.options.plain_on_loopback && name::is_loopback(&self.host);
        let may_be_plain = is_here || !self.options.tls_verify;
        let found = match may_be_plain {
            false => secure,
            true => self.secure_or_plain(place, secure, format!("http://{host}"))?,
        };
        Ok(base.insert(found).clone())
    }

    fn secure_or_plain(
        &self,
        place: &str,
        secure: String,
        plain: String,
    ) -> Result<String, SourceError> {
        let ask = |base: &str| {
            let url = format!("{base}/v2/");
            let call =
                Call { method: "GET", url: &url, headers: &[], authorization: None, form: None };
            match self.exchange(&call) {
                Err(Broken::Http(error)) => Err(error),
                // Whatever it says, it says it in this way.
                Ok(mut answer) => {
                    drop(answer.complaint());
                    Ok(())
                }
                Err(Broken::Redirect(_)) => Ok(()),
            }
        };
        match ask(&secure) {
            Ok(()) => Ok(secure),
            // Who fails in TLS speaks it; and where nobody listens, nobody listens.
            Err(error) if refusal::is_tls(&error) || refusal::is_nobody(&error) => {
                Err(self.fail(place, "", refusal::of_transport(&error, &self.options.timeouts)))
            }
            Err(_) => match ask(&plain) {
                Ok(()) => Ok(plain),
                Err(error) => {
                    Err(self.fail(place, "", refusal::of_transport(&error, &self.options.timeouts)))
                }
            },
        }
    }
}

/// Sends one request to a URL, which need not be the first one.
fn once(
    agent: &Agent,
    call: &Call<'_>,
    (url, authorization): (&str, Option<&str>),
) -> Result<Response<Body>, ureq::Error> {
    let mut builder = Request::builder().method(call.method).uri(url);
    for (name, value) in call.headers {
        builder = builder.header(*name, *value);
    }
    if let Some(authorization) = authorization {
        builder = builder.header("authorization", authorization);
    }
    if let Some(form) = call.form {
        builder = builder.header("content-type", "application/x-www-form-urlencoded");
        return agent.run(builder.body(form)?);
    }
    agent.run(builder.body(())?)
}

/// Whether an answer may be another one soon.
fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

impl Repository {
    /// Asks the repository, logging in where that is wanted. Any status may come back but those
    /// that were asked about again in vain.
    pub(super) fn send(
        &self,
        ask: Ask<'_>,
        patience: &mut Patience,
    ) -> Result<Answer, SourceError> {
        let base = self.client.base(&self.place)?;
        let url = format!("{base}/v2/{}{}", self.path, ask.path);
        let range = format!("bytes={}-", ask.from);
        let mut headers = vec![("accept", ask.accept)];
        if ask.from > 0 {
            headers.push(("range", &range));
        }
        let mut is_fresh = false;
        loop {
            let authorization = self.authorization();
            let call = Call {
                method: ask.method,
                url: &url,
                headers: &headers,
                authorization: authorization.as_ref().map(|it| it.header.as_str()),
                form: None,
            };
            let mut answer = self.client.persist((&self.place, ask.what), &call, patience)?;
            // Where others ask for a login, none of this registry may go.
            let asks = answer.status == StatusCode::UNAUTHORIZED && !answer.is_of_other;
            if !asks || is_fresh {
                return Ok(answer);
            }
            // What was got before may have run out; what was got just now is of no use.
            is_fresh = true;
            let Some(new) = auth::authorize(self, &answer, &base, patience)? else {
                return Ok(answer);
            };
            drop(answer.complaint());
            self.authorizations().insert(self.path.clone(), new);
        }
    }

    /// Asks for something small, whole, with its headers; again where the body breaks off.
    pub(super) fn fetch(
        &self,
        ask: Ask<'_>,
        limit_bytes: u64,
    ) -> Result<(HeaderMap, Vec<u8>), SourceError> {
        let mut patience = Patience::new(&self.client.options);
        loop {
            let answer = self.send(ask, &mut patience)?;
            if answer.status != StatusCode::OK {
                return Err(self.refused(ask, answer));
            }
            let headers = answer.headers.clone();
            match answer.small(limit_bytes) {
                Ok(Some(bytes)) => return Ok((headers, bytes)),
                Ok(None) => {
                    let (place, what) = (self.place.clone(), ask.what);
                    return Err(SourceError::TooLarge { place, what, limit_bytes });
                }
                Err(error) => {
                    let failure = refusal::of_body(&error);
                    if let Err(enough) = patience.wait(None) {
                        return Err(self.client.fail(&self.place, ask.what, failure.and(&enough)));
                    }
                }
            }
        }
    }

    /// What an answer that is no success means.
    pub(super) fn refused(&self, ask: Ask<'_>, mut answer: Answer) -> SourceError {
        let status = answer.status;
        let mut failure = refusal::of_status(status, &answer.complaint());
        if status == StatusCode::UNAUTHORIZED && self.authorization().is_some_and(|it| it.is_login)
        {
            failure = failure.although_logged_in();
        }
        self.client.fail(&self.place, ask.what, failure)
    }

    fn authorizations(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Authorization>> {
        self.client.authorizations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn authorization(&self) -> Option<Authorization> {
        self.authorizations().get(&self.path).cloned()
    }
}

/// What makes connections to a host and those that it sends to.
fn agent(
    options: &RegistryOptions,
    certificates: &Certificates,
    host: &str,
    shows: bool,
) -> Result<Agent, SourceError> {
    let fail = |what: String, hint: &str| SourceError::Registry {
        place: host.to_owned(),
        host: host.to_owned(),
        what,
        hint: Some(hint.to_owned()),
    };
    let tls = tls::config(certificates, options.tls_verify, shows)
        .map_err(|what| fail(what, "see what lies in the directory of --cert-dir"))?;
    let Timeouts { connect, answer, idle, .. } = options.timeouts;
    let proxy =
        proxy(options, host).map_err(|what| fail(what, "mend the variable that names it"))?;
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // Redirects are followed here, for what goes along with them.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("oskin/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        // A library has no environment.
        .proxy(proxy)
        .timeout_resolve(Some(connect))
        .timeout_connect(Some(connect))
        .timeout_send_request(Some(connect))
        .timeout_recv_response(Some(answer))
        .timeout_per_read(Some(idle))
        .timeout_per_write(Some(idle))
        .max_idle_connections_per_host(8)
        .max_idle_age(Duration::from_secs(30))
        .build();
    let connector =
        ().chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(TlsConnector(Arc::new(tls)));
    Ok(Agent::with_parts(config, connector, DefaultResolver::default()))
}

fn proxy(options: &RegistryOptions, host: &str) -> Result<Option<Proxy>, String> {
    let Some(url) = options.proxy.as_deref().filter(|_| !name::is_loopback(host)) else {
        return Ok(None);
    };
    let wrong = |_| "the proxy is no URL of one".to_owned();
    let parsed = Proxy::new(url).map_err(wrong)?;
    let mut builder = Proxy::builder(parsed.protocol()).host(parsed.host()).port(parsed.port());
    if let Some(user) = parsed.username() {
        builder = builder.username(user);
    }
    if let Some(password) = parsed.password() {
        builder = builder.password(password);
    }
    for host in &options.no_proxy {
        builder = builder.no_proxy(host);
    }
    builder.build().map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_do_not_leave_what_is_verified() {
        let client = |tls_verify| {
            let options = RegistryOptions { tls_verify, ..RegistryOptions::default() };
            Client::new("reg.example", options).unwrap()
        };
        let told = |client: &Client, from, to, posted| match client.redirected(from, to, posted) {
            Ok(url) => url,
            Err(Broken::Redirect(what)) => what,
            Err(Broken::Http(error)) => error.to_string(),
        };
        let (strict, lax) = (client(true), client(false));
        let (secure, plain) = ("https://reg.example/v2/", "http://cdn.example/x");
        assert_eq!(
            told(&strict, secure, plain, false),
            "sends from HTTPS to plain HTTP, \"http://cdn.example/x\""
        );
        assert_eq!(told(&lax, secure, plain, false), plain);
        assert_eq!(told(&strict, plain, plain, false), plain);
        assert_eq!(told(&strict, plain, secure, false), secure);
        assert!(told(&lax, secure, secure, true).starts_with("sends what was posted on"));
    }
}
