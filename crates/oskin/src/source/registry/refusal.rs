//! Failures of registries in words, with what can be done about them.

use super::options::Timeouts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use std::io;
use ureq::Timeout;
use ureq::http::StatusCode;

/// How much of the body of a refusal is read.
pub(super) const MAX_BYTES: u64 = 16 * 1024;

/// What a registry has not, in the words of its errors.
pub(super) const ABSENT: &str = "the registry does not have it";

const LOGIN: &str = "log in with `podman login <host>` or `docker login <host>`, or name a file of credentials with --authfile";
const TRUST: &str = "put the certificate of its authority as a *.crt into a directory and name that with --cert-dir, or take any certificate with --tls-verify=false";
pub(super) const ANEW: &str = "log in anew: `podman login <host>` or `docker login <host>`";
pub(super) const LATER: &str =
    "the connection or the registry is too slow or broken: try again later";
pub(super) const CHANGED: &str =
    "the registry holds something else than it says: push the image there again";
const PLAIN: &str = "if that is a registry of plain HTTP, say --tls-verify=false";

/// What is wrong, and what can be done; `<host>` stands for the registry there.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) what: String,
    pub(super) hint: Option<String>,
}

impl Refusal {
    pub(super) fn new(what: impl Into<String>, hint: Option<&str>) -> Self {
        Self { what: what.into(), hint: hint.map(str::to_owned) }
    }

    /// Adds why there is no other attempt.
    pub(super) fn and(mut self, enough: &str) -> Self {
        if !enough.is_empty() {
            self.what = format!("{}, {enough}", self.what);
        }
        self
    }

    /// What a 401 means to somebody with a login.
    pub(super) fn although_logged_in(self) -> Self {
        Self::new(
            format!("{}, for these credentials too", self.what),
            Some(
                "there may be no such repository, or none that you may read; else log in anew: `podman login <host>` or `docker login <host>`",
            ),
        )
    }
}

/// The body of a refusal (distribution spec, "Error Codes").
#[derive(Default, Deserialize)]
#[serde(default)]
struct Complaints {
    errors: Vec<Complaint>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Complaint {
    code: String,
    message: String,
}

/// What a status means that is no success.
pub(super) fn of_status(status: StatusCode, body: &[u8]) -> Refusal {
    let complaints: Complaints = serde_json::from_slice(body).unwrap_or_default();
    let first = complaints.errors.into_iter().next().unwrap_or_default();
    let said: String = first.message.chars().take(200).collect();
    let says = if said.is_empty() { String::new() } else { format!(" ({said})") };
    let (what, hint) = match (status.as_u16(), first.code.as_str()) {
        (401, _) => ("the registry asks for a login".to_owned(), Some(LOGIN)),
        (403, _) => ("the registry denies access".to_owned(), Some(LOGIN)),
        (404, "NAME_UNKNOWN") => (
            "the registry has no such repository".to_owned(),
            Some("look at the spelling, also of the namespace: the registry is <host>"),
        ),
        (404, _) => (ABSENT.to_owned(), None),
        (429, _) => (
            "the registry is asked too often".to_owned(),
            Some(
                "wait, or log in for a higher limit: `podman login <host>` or `docker login <host>`",
            ),
        ),
        (300..=399, _) => (format!("the registry sends on, but not where to ({status})"), None),
        (500..=599, _) => (
            format!("the registry fails: {status}"),
            Some("the fault is on its side: try again later"),
        ),
        _ => (format!("the registry answers {status}"), None),
    };
    Refusal::new(format!("{what}{says}"), hint)
}

/// A redirect that is not followed.
pub(super) fn of_redirect(what: String) -> Refusal {
    let hint = what.contains("plain HTTP").then_some("--tls-verify=false follows it");
    Refusal::new(what, hint)
}

/// Why a body ended before its end.
pub(super) fn of_body(error: &io::Error) -> Refusal {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    let what = match (inner, error.kind()) {
        (Some(ureq::Error::Timeout(_)), _) => "no more bytes come".to_owned(),
        (_, io::ErrorKind::UnexpectedEof) => "the body breaks off".to_owned(),
        _ => error.to_string(),
    };
    Refusal::new(what, Some(LATER))
}

/// Why there is no answer at all.
pub(super) fn of_transport(error: &ureq::Error, timeouts: &Timeouts) -> Refusal {
    let seconds = |time: std::time::Duration| time.as_secs_f64();
    match error {
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            let seconds = seconds(timeouts.connect);
            Refusal::new(
                format!("no connection within {seconds} s"),
                Some("is the host reachable from here, or only through a proxy?"),
            )
        }
        ureq::Error::Timeout(reason) => {
            let is_idle = matches!(reason, Timeout::PerRead | Timeout::PerWrite);
            let seconds = seconds(if is_idle { timeouts.idle } else { timeouts.answer });
            Refusal::new(format!("no answer within {seconds} s"), Some(LATER))
        }
        ureq::Error::HostNotFound => no_host(),
        ureq::Error::Rustls(rustls::Error::InvalidCertificate(why)) => {
            let told: String = why.to_string().chars().take(200).collect();
            Refusal::new(format!("its certificate is not trusted: {told}"), Some(way_to_trust(why)))
        }
        ureq::Error::Rustls(rustls::Error::InvalidMessage(_)) => {
            Refusal::new("what answers does not speak TLS", Some(PLAIN))
        }
        ureq::Error::Rustls(rustls::Error::AlertReceived(alert)) if is_about_own(*alert) => {
            Refusal::new(
                format!("it wants a certificate shown, or another one ({alert:?})"),
                Some(
                    "put it as a *.cert beside its *.key into a directory, and name that with --cert-dir",
                ),
            )
        }
        ureq::Error::Rustls(error) => Refusal::new(format!("TLS fails: {error}"), None),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => Refusal::new(
            "nobody listens there (connection refused)",
            Some("is it running? a port is part of the name: docker://HOST:PORT/NAME"),
        ),
        ureq::Error::Io(error) if is_unresolved(error) => no_host(),
        ureq::Error::Io(error) if is_cut(error) => {
            Refusal::new("the connection breaks off", Some(LATER))
        }
        ureq::Error::Protocol(error) => Refusal::new(
            format!("what answers does not speak HTTP: {error}"),
            Some(
                "is that the port of a registry? it is a part of the name: docker://HOST:PORT/NAME",
            ),
        ),
        error => Refusal::new(error.to_string(), None),
    }
}

/// Whether an alert of TLS is about the certificate of who asks.
fn is_about_own(alert: rustls::AlertDescription) -> bool {
    use rustls::AlertDescription as A;
    matches!(
        alert,
        A::CertificateRequired
            | A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
    )
}

fn way_to_trust(why: &rustls::CertificateError) -> &'static str {
    use rustls::CertificateError as C;
    match why {
        C::NotValidForName | C::NotValidForNameContext { .. } => {
            "name the host as its certificate does, or take any certificate with --tls-verify=false"
        }
        C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. } => {
            "is the clock of this machine right? else take any certificate with --tls-verify=false"
        }
        _ => TRUST,
    }
}

fn no_host() -> Refusal {
    Refusal::new(
        "there is no such host",
        Some("look at the spelling and at the network; the host stands before the first slash"),
    )
}

/// What the name service says, for which the standard library has no kind.
fn is_unresolved(error: &io::Error) -> bool {
    error.to_string().contains("failed to lookup address")
}

fn is_cut(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        error.kind(),
        K::UnexpectedEof | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe
    )
}

/// Whether nobody is there to be asked.
pub(super) fn is_nobody(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound | ureq::Error::Timeout(Timeout::Resolve) => true,
        ureq::Error::Io(error) => {
            error.kind() == io::ErrorKind::ConnectionRefused || is_unresolved(error)
        }
        _ => false,
    }
}

/// Whether what failed is TLS on both sides, and not that the other side speaks something else.
pub(super) fn is_tls(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Rustls(rustls::Error::InvalidMessage(_)) => false,
        error => matches!(error, ureq::Error::Rustls(_)),
    }
}

/// Whether asking again may help.
pub(super) fn may_pass(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Timeout(_) => true,
        ureq::Error::Io(error) => {
            error.kind() != io::ErrorKind::ConnectionRefused && !is_unresolved(error)
        }
        _ => false,
    }
}
/// What of a call must not be shown: passwords and tokens, as they are sent and as they are.
pub(super) fn secrets(authorization: Option<&str>, form: Option<&str>) -> Vec<Vec<u8>> {
    let mut secrets = Vec::new();
    if let Some((scheme, value)) = authorization.and_then(|it| it.split_once(' ')) {
        secrets.push(value.as_bytes().to_vec());
        let decoded = STANDARD.decode(value).unwrap_or_default();
        if scheme.eq_ignore_ascii_case("basic")
            && let Some(colon) = decoded.iter().position(|byte| *byte == b':')
        {
            secrets.push(decoded[colon + 1..].to_vec());
        }
    }
    let fields = form.unwrap_or_default().split('&').filter_map(|field| field.split_once('='));
    for (_, value) in fields.filter(|(name, _)| ["refresh_token", "password"].contains(name)) {
        secrets.push(value.as_bytes().to_vec());
        secrets.push(percent_decode_str(value).collect());
    }
    secrets.retain(|secret| !secret.is_empty());
    secrets
}

/// Whether a body tells a secret, escaped as JSON may be or not.
pub(super) fn tells(body: &[u8], secrets: &[Vec<u8>]) -> bool {
    let plain: Vec<u8> = body.iter().copied().filter(|byte| *byte != b'\\').collect();
    secrets.iter().any(|secret| {
        let secret: Vec<u8> = secret.iter().copied().filter(|byte| *byte != b'\\').collect();
        plain.windows(secret.len().max(1)).any(|window| window == secret)
    })
}
