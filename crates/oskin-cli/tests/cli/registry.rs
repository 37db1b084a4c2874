//! Images of registries from outside: who asks, what is told, and what is not read again.

use crate::common::Place;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use testkit::{Image, OciOptions, write_oci_layout};

/// Serves the layout in a directory as `app:1` to who shows a password, and notes the paths.
fn serve(layout: &Path, authorization: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (layout, log) = (layout.to_owned(), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&log);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, &layout, authorization, &seen);
        }
    });
    (port, log)
}

fn answer(mut stream: TcpStream, layout: &Path, authorization: &str, seen: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        // A handshake of TLS is hung up on.
        if stream.read_exact(&mut byte).is_err() || (head.is_empty() && byte[0] == 0x16) {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let (status, body) = match path.rsplit('/').next().unwrap() {
        _ if !head.contains(&format!("authorization: {authorization}\r\n")) => {
            ("401 No\r\nWWW-Authenticate: Basic realm=x", Vec::new())
        }
        "1" => {
            let index = std::fs::read(layout.join("index.json")).unwrap();
            let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
            let digest = index["manifests"][0]["digest"].as_str().unwrap();
            ("200 OK", std::fs::read(blob(layout, digest)).unwrap())
        }
        digest if digest.starts_with("sha256:") => {
            ("200 OK", std::fs::read(blob(layout, digest)).unwrap())
        }
        _ => ("404 No", Vec::new()),
    };
    if status.starts_with("200") {
        seen.lock().unwrap().push(path);
    }
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
}

fn blob(layout: &Path, digest: &str) -> std::path::PathBuf {
    layout.join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap())
}

#[test]
fn images_of_registries_are_added_by_their_names() {
    let place = Place::new();
    let text = "//- layer\nbin/sh file 120\n//- layer\netc/app file 3\n";
    let layout = place.path().join("layout");
    let image = Image::from_fixture(text).reference("app:1");
    write_oci_layout(&layout, &[image], &OciOptions::default()).unwrap();
    // `me:secret`
    let (port, log) = serve(&layout, "Basic bWU6c2VjcmV0");
    let (name, source) =
        (format!("127.0.0.1:{port}/app:1"), format!("docker://127.0.0.1:{port}/app:1"));
    let ran = place.run(&["add", &source]);
    assert_eq!(ran.code, Some(2));
    assert_eq!(
        ran.stderr,
        format!(
            "oskin: {source}: manifest: the registry asks for a login\n\
             hint: log in with `podman login 127.0.0.1:{port}` or `docker login 127.0.0.1:{port}`, \
             or name a file of credentials with --authfile\n"
        )
    );
    let added = place.ok(&["add", "--creds", "me:secret", &source]);
    assert_eq!(
        added,
        format!("added      {name}  2 files, 2 directories, 123 B; 2 of 2 layers read\n")
    );
    assert_eq!(log.lock().unwrap().len(), 4);
    // By the file of Docker and a helper that it names; layers are known and not asked for.
    let helper = place.file(
        "docker-credential-test",
        b"#!/bin/sh\nread server\n[ \"$1\" = get ] && echo \"{\\\"ServerURL\\\":\\\"$server\\\",\\\"Username\\\":\\\"me\\\",\\\"Secret\\\":\\\"secret\\\"}\"\n",
    );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&helper, mode).unwrap();
    let config = format!(r#"{{"credHelpers":{{"127.0.0.1:{port}":"test"}}}}"#);
    place.file("config.json", config.as_bytes());
    let path = format!("{}:/usr/bin:/bin", place.path().display());
    let ran = place
        .command()
        .args(["add", &source])
        .env("DOCKER_CONFIG", place.path())
        .env("PATH", path)
        .env_remove("REGISTRY_AUTH_FILE")
        .output()
        .unwrap();
    let (stdout, stderr) =
        (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    assert!(
        stdout.starts_with("unchanged  ") && stdout.ends_with("; 0 of 2 layers read\n"),
        "{stdout}{stderr}"
    );
    // This server does not tell the digest of what it would send.
    assert_eq!(log.lock().unwrap().len(), 7);
    let shown = place.json(&["show", &name]);
    assert_eq!(shown["source"], source);
    let ran = place.run(&["add", "--authfile", "absent.json", &source]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("there is no such file"), "{}", ran.stderr);
    let ran = place.run(&["add", "docker://"]);
    let expected = "oskin: \"docker://\": the name is missing\nhint: write docker://NAME\n";
    assert_eq!(ran.stderr, expected);
}

#[test]
fn what_looks_like_a_reference_is_pointed_to_registries_by_every_command() {
    let place = Place::new();
    let hint =
        "hint: if it is in a registry: docker://alpine:3.10; in the local engine: docker-daemon:";
    let told = |commands: &[&[&str]], expected: bool, name: &str| {
        for command in commands {
            let ran = place.run(&[&command[..1], &[name], &command[1..]].concat());
            assert_eq!(ran.code, Some(2), "{command:?}");
            assert_eq!(ran.stderr.contains(hint), expected, "{command:?}: {}", ran.stderr);
        }
    };
    told(&[&["show"], &["compare", "other"]], true, "alpine:3.10");
    place.file("paths", b"a\nb\n");
    place.ok(&["add", "paths:paths"]);
    let commands: [&[&str]; 4] = [&["add"], &["show"], &["compare", "paths"], &["ancestors"]];
    told(&commands, true, "alpine:3.10");
    // A name without a tag may be anything.
    told(&commands, false, "alpine");
}
