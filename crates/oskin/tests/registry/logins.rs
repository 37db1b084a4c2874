//! Who asks, and who must not learn it.

use crate::liar::{Asked, Liar, Reply, Shelf};
use crate::{hasty, read};
use oskin::source::ReadOptions;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::Image;

fn shelf() -> Shelf {
    Shelf::of(&Image::from_fixture("//- layer\nbin/sh file 120\n").reference("app:1"))
}

/// `user:secret` for `Basic`.
const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";

fn with_creds() -> ReadOptions<'static> {
    let mut options = hasty();
    options.registry.credentials = Some(("user".to_owned(), "secret".to_owned()));
    options
}

/// A file of credentials for a port.
fn with_file(port: u16, entry: &str) -> (ReadOptions<'static>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let file: PathBuf = dir.path().join("auth.json");
    std::fs::write(&file, format!(r#"{{"auths":{{"127.0.0.1:{port}":{entry}}}}}"#)).unwrap();
    let mut options = hasty();
    options.registry.auth_files = vec![file];
    (options, dir)
}

fn denied(challenge: &str) -> Reply {
    Reply::new(401, r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#)
        .with("WWW-Authenticate", challenge)
}

/// A registry that wants `Basic`.
fn basic() -> Liar {
    let shelf = shelf();
    Liar::new(move |asked| match asked.header("authorization") {
        BASIC => shelf.answer(asked),
        _ => denied(r#"Basic realm="here""#),
    })
}

#[test]
fn passwords_are_shown_where_they_are_asked_for() {
    let liar = basic();
    read(&liar.image("app:1"), &with_creds()).unwrap();
    let first = &liar.asked()[0];
    assert_eq!(first.header("authorization"), "", "nothing is shown before it is asked for");
    let (options, _dir) = with_file(liar.port, r#"{"auth":"dXNlcjpzZWNyZXQ="}"#);
    read(&liar.image("app:1"), &options).unwrap();
    let error = read(&liar.image("app:1"), &hasty()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}: manifest: the registry asks for a login (authentication required)",
            liar.image("app:1")
        )
    );
    let host = format!("127.0.0.1:{}", liar.port);
    assert_eq!(
        error.hint().unwrap(),
        format!(
            "log in with `podman login {host}` or `docker login {host}`, or name a file of credentials with --authfile"
        )
    );
    let mut wrong = with_creds();
    wrong.registry.credentials = Some(("user".to_owned(), "other".to_owned()));
    let error = read(&liar.image("app:1"), &wrong).unwrap_err();
    assert!(error.to_string().ends_with("for these credentials too"), "{error}");
    assert!(error.hint().unwrap().contains("log in anew"), "{error}");
}

/// A server of tokens, and a registry that takes each token for so many requests.
fn bearer(lasts: usize, token: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> (Liar, Liar) {
    let tokens = Liar::new(token);
    let realm = format!("http://127.0.0.1:{}/token?x=1", tokens.port);
    let (shelf, used) = (shelf(), AtomicUsize::new(0));
    let liar = Liar::new(move |asked| {
        let number = used.load(Ordering::SeqCst) / lasts;
        if asked.header("authorization") == format!("Bearer t{number}") {
            used.fetch_add(1, Ordering::SeqCst);
            return shelf.answer(asked);
        }
        denied(&format!(r#"Bearer realm="{realm}",service="the registry",error="invalid_token""#))
    });
    (liar, tokens)
}

/// Answers with `t0`, `t1` and so on.
fn numbered() -> impl Fn(&Asked) -> Reply {
    let count = Arc::new(AtomicUsize::new(0));
    move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        Reply::new(200, format!(r#"{{"access_token":"t{number}","expires_in":60}}"#))
    }
}

#[test]
fn tokens_are_fetched_and_renewed() {
    let (liar, tokens) = bearer(100, numbered());
    read(&liar.image("team/app:1"), &hasty()).unwrap();
    let asked = tokens.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].path,
        "/token?x=1&scope=repository%3Ateam%2Fapp%3Apull&service=the%20registry"
    );
    assert_eq!(asked[0].header("authorization"), "");
    // Each runs out after two requests, so the configuration is the last of the first.
    let (liar, tokens) = bearer(2, numbered());
    read(&liar.image("app:1"), &with_creds()).unwrap();
    let asked = tokens.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|asked| asked.header("authorization") == BASIC));
    assert!(asked[0].path.ends_with("&account=user"), "{}", asked[0].path);
    assert!(liar.asked().iter().all(|asked| asked.header("authorization") != BASIC));
}

#[test]
fn secrets_that_come_back_are_not_shown() {
    for said in ["no such password: secret", "what is dXNlcjpzZWNyZXQ=", "se\\\\cret is wrong"] {
        let body = format!(r#"{{"errors":[{{"code":"DENIED","message":"{said}"}}]}}"#);
        let liar = Liar::new(move |asked| match asked.header("authorization") {
            "" => denied(r#"Basic realm="here""#),
            _ => Reply::new(403, body.clone()),
        });
        let error = read(&liar.image("app:1"), &with_creds()).unwrap_err().to_string();
        assert!(error.ends_with("the registry denies access"), "{error}");
    }
    let liar = Liar::new(move |asked| match asked.header("authorization") {
        "" => denied(r#"Basic realm="here""#),
        _ => Reply::new(403, r#"{"errors":[{"code":"DENIED","message":"not for you"}]}"#),
    });
    let error = read(&liar.image("app:1"), &with_creds()).unwrap_err().to_string();
    assert!(error.ends_with("the registry denies access (not for you)"), "{error}");
}

#[test]
fn identity_tokens_are_exchanged() {
    let (liar, tokens) = bearer(100, numbered());
    let (options, _dir) = with_file(liar.port, r#"{"identitytoken":"id entity"}"#);
    read(&liar.image("app:1"), &options).unwrap();
    let asked = tokens.asked();
    assert_eq!((asked.len(), asked[0].method.as_str()), (1, "POST"));
    assert_eq!(
        asked[0].body,
        "grant_type=refresh_token&client_id=oskin&refresh_token=id%20entity\
         &scope=repository%3Aapp%3Apull&service=the%20registry"
    );
    assert_eq!(asked[0].header("content-type"), "application/x-www-form-urlencoded");
}

#[test]
fn tokens_that_are_not_given() {
    for (reply, message) in [
        (Reply::new(401, ""), "login: the credentials of --creds are refused"),
        (Reply::new(200, "{}"), "login: the answer holds no token"),
        (Reply::new(200, "<html>"), "login: no answer with a token: "),
        (
            Reply::new(200, r#"{"token":"a\r\nX-Evil: b"}"#),
            "login: the token holds what no token may hold",
        ),
        (Reply::new(200, "x".repeat(2_000_000)), "login: the token is larger than 1 MiB"),
        (Reply::new(500, ""), "login: the registry fails: 500"),
        (Reply::new(200, r#"{"token":"wrong"}"#), "for these credentials too"),
    ] {
        let (liar, tokens) = bearer(100, move |_| reply.clone());
        let error = read(&liar.image("app:1"), &with_creds()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(tokens.asked().len() <= 3 && liar.asked().len() <= 2, "{message}");
    }
    let liar = Liar::new(|_| denied(r#"Bearer realm="file:///etc/passwd""#));
    let error = read(&liar.image("app:1"), &with_creds()).unwrap_err().to_string();
    assert!(
        error.ends_with("login: the registry sends to \"file:///etc/passwd\" for it"),
        "{error}"
    );
}

#[test]
fn redirects_do_not_carry_who_asks() {
    let shelf = shelf();
    let layer = shelf.layer(0);
    let bytes = shelf.blobs[&layer].clone();
    let other = Liar::new(move |_| Reply::new(200, bytes.clone()));
    let to = format!("http://127.0.0.1:{}/storage/x?signed=1", other.port);
    let liar = Liar::new(move |asked| match asked.header("authorization") {
        BASIC if asked.path.ends_with(&layer) => Reply::new(307, "").with("Location", &to),
        // Within the registry who asks stays known.
        BASIC if asked.path == "/v2/app/manifests/1" => {
            Reply::new(302, "").with("Location", "/v2/app/manifests/moved/1")
        }
        BASIC => shelf.answer(asked),
        _ => denied(r#"Basic realm="here""#),
    });
    read(&liar.image("app:1"), &with_creds()).unwrap();
    let asked = other.asked();
    assert_eq!((asked.len(), asked[0].path.as_str()), (1, "/storage/x?signed=1"));
    assert!(!asked[0].headers.contains_key("authorization"), "{:?}", asked[0].headers);
}

#[test]
fn others_that_ask_for_a_login_get_none() {
    let other = Liar::new(|asked| {
        let realm = format!("http://{}/token", asked.header("host"));
        denied(&format!(r#"Bearer realm="{realm}", Basic realm="there""#))
    });
    let to = format!("http://127.0.0.1:{}/storage", other.port);
    let (shelf, tag) = (shelf(), "/v2/app/manifests/1");
    let liar = Liar::new(move |asked| match asked.path == tag {
        true => shelf.answer(asked),
        false => Reply::new(307, "").with("Location", &to),
    });
    let error = read(&liar.image("app:1"), &with_creds()).unwrap_err().to_string();
    assert!(error.contains("configuration: the registry asks for a login"), "{error}");
    let paths: Vec<String> = other.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/storage"]);
    // Nor does a realm that anybody on the way could read along with.
    let liar = Liar::new(|_| denied(r#"Bearer realm="http://auth.example/token""#));
    let error = read(&liar.image("app:1"), &with_creds()).unwrap_err();
    let expected = "login: the registry wants it over plain HTTP, at http://auth.example";
    assert!(error.to_string().ends_with(expected), "{error}");
    assert_eq!(error.hint().unwrap(), "--tls-verify=false does so");
}

#[test]
fn redirects_that_are_not_followed() {
    for (location, message) in [
        ("/v2/app/manifests/1", "manifest: sends on and on, more than 10 times"),
        (
            "file:///etc/passwd",
            "manifest: sends on to \"file:///etc/passwd\", which is no URL of HTTP",
        ),
        ("http://user:password@127.0.0.1/", "which is no URL of HTTP"),
    ] {
        let liar = Liar::new(move |_| Reply::new(302, "").with("Location", location));
        let error = read(&liar.image("app:1"), &hasty()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(liar.asked().len() <= 11);
    }
    let liar = Liar::new(|_| Reply::new(302, ""));
    let error = read(&liar.image("app:1"), &hasty()).unwrap_err().to_string();
    assert!(
        error.ends_with("manifest: the registry sends on, but not where to (302 Found)"),
        "{error}"
    );
}

#[test]
fn connections_and_logins_are_shared_by_images() {
    let (liar, tokens) = bearer(100, numbered());
    let options = hasty();
    for _ in 0..3 {
        read(&liar.image("app:1"), &options).unwrap();
    }
    assert_eq!(tokens.asked().len(), 1);
    assert_eq!(liar.asked().len(), 3 * 3 + 1);
    assert!(!format!("{:?}", with_creds()).contains("secret"));
}
