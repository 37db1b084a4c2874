//! Images of a real registry, where its program is installed: read to the same inventories as from
//! the layout that they were pushed from.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use crate::common;
use oskin::catalog::Catalog;
use oskin::ingest;
use oskin::inventory::Inventory;
use oskin::source::{Progress, ReadOptions, RegistryOptions, SourceSpec, remote_digest, tags};
use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use testkit::{Compression, Image, OciOptions, write_oci_layout};

/// A registry that runs until the test ends.
struct Registry {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn has(program: &str, argument: &str) -> bool {
    let ran =
        Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let has = ran.is_ok();
    if !has {
        eprintln!("skipped: no {program}");
    }
    has
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

impl Registry {
    /// Starts one over plain HTTP, or with a certificate and a password, which may want a
    /// certificate of who asks too; nothing where the programs are missing.
    fn start(is_secure: bool, wants_certificate: bool) -> Option<Self> {
        let programs = [("docker-registry", "--version"), ("skopeo", "--version")];
        let more = [("openssl", "version"), ("htpasswd", "-h")];
        let more = if is_secure { &more[..] } else { &[] };
        if !programs.iter().chain(more).all(|(program, argument)| has(program, argument)) {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        // Free when it is looked for; the registry tells if it is not any more.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let root = dir.path().display();
        let mut config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: \"{root}/store\"}}}}\n\
             http:\n  addr: \"127.0.0.1:{port}\"\n"
        );
        if is_secure {
            let hash = run("htpasswd", &["-nbB", "me", "secret"]);
            common::write(dir.path(), "users", hash.trim().as_bytes());
            certificate(dir.path());
            let clients = match wants_certificate {
                true => format!(", clientcas: [\"{root}/certs/ca.crt\"]"),
                false => String::new(),
            };
            config.push_str(&format!(
                "  tls: {{certificate: \"{root}/certs/ca.crt\", key: \"{root}/key.pem\"{clients}}}\n\
                 auth: {{htpasswd: {{realm: here, path: \"{root}/users\"}}}}\n"
            ));
        }
        let config = common::write(dir.path(), "config.yml", config.as_bytes());
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let registry = Self { child, port, dir };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(registry);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the registry does not listen");
    }

    fn image(&self, name: &str) -> String {
        format!("docker://127.0.0.1:{}/{name}", self.port)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Pushes images of a layout, `all` of them as one index.
    fn push(&self, layout: &Path, name: &str, more: &[&str]) {
        let (from, to) = (format!("oci:{}", layout.display()), self.image(name));
        let mut arguments =
            vec!["copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false"];
        arguments.extend(more);
        run("skopeo", &[&arguments[..], &[&from, &to]].concat());
    }
}

/// A certificate that signs itself, as many registries have.
fn certificate(dir: &Path) {
    let certs = dir.join("certs");
    std::fs::create_dir(&certs).unwrap();
    let (key, cert) = (dir.join("key.pem"), certs.join("ca.crt"));
    run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=registry",
            "-addext",
            "subjectAltName=IP:127.0.0.1,DNS:registry.test",
            "-keyout",
            key.to_str().unwrap(),
            "-out",
            cert.to_str().unwrap(),
        ],
    );
}

const BASE: &str = "//- layer\netc/os-release file \"ID=tiny\\n\"\nlib/libc.so file 300000\nbin/sh symlink busybox\n";

/// An image with a layer for each number on top of a base.
fn image(name: &str, layers: &[u32], compression: Compression) -> Image {
    let mut text = BASE.to_owned();
    for n in layers {
        text.push_str(&format!("//- layer\nopt/app{n} file {}\nopt/.wh.app0 file\n", n * 1000));
    }
    Image::from_fixture(&text).reference(name).compression(compression)
}

fn layout(dir: &Path, images: &[Image], options: &OciOptions) -> PathBuf {
    write_oci_layout(dir, images, options).unwrap();
    dir.to_owned()
}

fn same_inventories(there: &str, here: &str, options: &ReadOptions<'_>) {
    let read = |text: &str| {
        let images = common::open_text(text, options).unwrap();
        let digests: Vec<_> = images
            .iter()
            .map(|image| (image.manifest_digest, image.config_digest, image.config.clone()))
            .collect();
        let entries = |inventory: &Inventory| {
            inventory.iter().map(|entry| format!("{entry:?}")).collect::<Vec<_>>()
        };
        let inventories: Vec<_> =
            images.iter().map(|image| entries(&common::read(image, options).unwrap())).collect();
        (digests, inventories)
    };
    assert_eq!(read(there), read(here), "{there}");
}

#[test]
fn images_are_read_as_from_their_layouts() {
    let Some(registry) = Registry::start(false, false) else { return };
    let options = ReadOptions::default();
    for compression in [Compression::Gzip, Compression::Zstd, Compression::None] {
        let name = format!("team/{compression:?}").to_lowercase();
        let image = image("x:1", &[0, 1, 2], compression);
        let layout = layout(&registry.path(&name), &[image], &OciOptions::default());
        registry.push(&layout, &format!("{name}:1"), &[]);
        let there = registry.image(&format!("{name}:1"));
        same_inventories(&there, &format!("oci:{}", layout.display()), &options);
    }
    // An index of several platforms, of which one is this machine's or else asked for.
    let platforms = ["linux/amd64", "linux/arm64/v8", "linux/s390x"];
    let images = platforms.map(|platform| image("x:1", &[3], Compression::Gzip).platform(platform));
    let nested = OciOptions { nesting: 1, ..OciOptions::default() };
    let layout = layout(&registry.path("many"), &images, &nested);
    registry.push(&layout, "many:1", &["--all"]);
    let here = format!("oci:{}", layout.display());
    for (platform, all) in [(Some("linux/s390x"), false), (Some("linux/arm64"), true), (None, true)]
    {
        let platform = platform.map(|platform| platform.parse().unwrap());
        let options = ReadOptions { platform, all, ..ReadOptions::default() };
        same_inventories(&registry.image("many:1"), &here, &options);
    }
    let spec = |name: &str| SourceSpec::parse(OsStr::new(&registry.image(name))).unwrap();
    let found = tags(&spec("many"), &options).unwrap();
    assert_eq!(found, [spec("many:1")]);
    let options = ReadOptions { platform: Some("linux/s390x".parse().unwrap()), ..options };
    let found = common::open_text(&registry.image("many:1"), &options).unwrap().remove(0);
    let digest = remote_digest(&spec("many:1"), &options).unwrap();
    assert_eq!(digest, found.manifest_digest);
    let one = remote_digest(&spec("team/gzip:1"), &options).unwrap();
    let found_one = common::open_text(&registry.image("team/gzip:1"), &options).unwrap().remove(0);
    assert_eq!(one, found_one.manifest_digest);
    let by_digest = registry.image(&format!("many@{}", found.facts[0].text));
    let options = ReadOptions { all: true, ..ReadOptions::default() };
    assert_eq!(remote_digest(&spec("many:1"), &options).unwrap(), None);
    assert_eq!(common::open_text(&by_digest, &options).unwrap().len(), 3);
}

#[test]
fn a_registry_with_a_certificate_and_a_password() {
    let Some(registry) = Registry::start(true, false) else { return };
    let layout = layout(
        &registry.path("one"),
        &[image("x:1", &[1], Compression::Gzip)],
        &OciOptions::default(),
    );
    registry.push(&layout, "one:1", &["--dest-creds", "me:secret"]);
    let (there, here) = (registry.image("one:1"), format!("oci:{}", layout.display()));
    let options = |credentials: Option<&str>, certs: bool, tls_verify: bool| ReadOptions {
        registry: RegistryOptions {
            credentials: credentials.map(|password| ("me".to_owned(), password.to_owned())),
            cert_dirs: if certs { vec![registry.path("certs")] } else { Vec::new() },
            tls_verify,
            ..RegistryOptions::default()
        },
        ..ReadOptions::default()
    };
    same_inventories(&there, &here, &options(Some("secret"), true, true));
    same_inventories(&there, &here, &options(Some("secret"), false, false));
    // By the name of the host, as container tools keep them.
    let named = registry.path(&format!("by-host/127.0.0.1:{}", registry.port));
    std::fs::create_dir_all(&named).unwrap();
    std::fs::copy(registry.path("certs/ca.crt"), named.join("ca.crt")).unwrap();
    let mut by_host = options(Some("secret"), false, true);
    by_host.registry.host_cert_dirs = vec![registry.path("by-host")];
    same_inventories(&there, &here, &by_host);
    let told = |options: &ReadOptions<'_>| {
        let error = common::open_text(&there, options).unwrap_err();
        let text = error.to_string();
        (text[there.len() + 2..].to_owned(), error.hint().unwrap_or_default())
    };
    let (text, hint) = told(&options(Some("secret"), false, true));
    assert!(text.starts_with("its certificate is not trusted: "), "{text}");
    assert!(hint.contains("--cert-dir") && hint.contains("--tls-verify=false"), "{hint}");
    let (text, hint) = told(&options(None, true, true));
    assert_eq!(text, "manifest: the registry asks for a login (authentication required)");
    assert!(hint.contains("--authfile"), "{hint}");
    let (text, _) = told(&options(Some("wrong"), true, true));
    assert!(text.ends_with("for these credentials too"), "{text}");
    // The certificate is for another name.
    let localhost = there.replace("127.0.0.1", "localhost");
    let error = common::open_text(&localhost, &options(Some("secret"), true, true)).unwrap_err();
    assert!(error.to_string().contains("its certificate is not trusted: "), "{error}");
}

/// A certificate of who asks, vouched for by that of the registry.
fn own_certificate(dir: &Path) {
    let file = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let (authority, key) = (file("certs/ca.crt"), file("key.pem"));
    let (cert, own) = (file("certs/client.cert"), file("certs/client.key"));
    let made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=me"];
    let signed = ["-CA", &authority, "-CAkey", &key, "-keyout", &own, "-out", &cert];
    run("openssl", &[&made[..], &signed].concat());
}

#[test]
fn a_registry_that_wants_a_certificate_shown() {
    let Some(registry) = Registry::start(true, true) else { return };
    let without = registry.path("without");
    std::fs::create_dir(&without).unwrap();
    std::fs::copy(registry.path("certs/ca.crt"), without.join("ca.crt")).unwrap();
    own_certificate(registry.dir.path());
    let layout = layout(
        &registry.path("one"),
        &[image("x:1", &[1], Compression::Gzip)],
        &OciOptions::default(),
    );
    let certs = registry.path("certs").display().to_string();
    registry.push(&layout, "one:1", &["--dest-creds", "me:secret", "--dest-cert-dir", &certs]);
    let options = |certs: PathBuf| ReadOptions {
        registry: RegistryOptions {
            credentials: Some(("me".to_owned(), "secret".to_owned())),
            cert_dirs: vec![certs],
            retries: 0,
            ..RegistryOptions::default()
        },
        ..ReadOptions::default()
    };
    let (there, here) = (registry.image("one:1"), format!("oci:{}", layout.display()));
    same_inventories(&there, &here, &options(registry.path("certs")));
    let error = common::open_text(&there, &options(without)).unwrap_err();
    assert!(error.to_string().contains("wants a certificate shown"), "{error}");
    assert!(error.hint().unwrap().contains("*.cert"), "{error}");
    common::write(&registry.path("certs"), "client.key", b"no key");
    let error = common::open_text(&there, &options(registry.path("certs"))).unwrap_err();
    assert!(error.to_string().contains("client.key: is no PEM"), "{error}");
}

/// A proxy that takes every connection to one port of this machine, and counts them.
fn proxy(port: u16) -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for mut from in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && from.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let expected = format!("CONNECT registry.test:{port} HTTP/1.1\r\n");
            assert!(head.starts_with(expected.as_bytes()));
            counted.fetch_add(1, Ordering::Relaxed);
            from.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let mut to = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (mut back, mut forth) = (to.try_clone().unwrap(), from.try_clone().unwrap());
            std::thread::spawn(move || drop(std::io::copy(&mut back, &mut forth)));
            std::thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
        }
    });
    (own, count)
}

#[test]
fn a_registry_behind_a_proxy() {
    let Some(registry) = Registry::start(true, false) else { return };
    let layout = layout(
        &registry.path("one"),
        &[image("x:1", &[1], Compression::Gzip)],
        &OciOptions::default(),
    );
    registry.push(&layout, "one:1", &["--dest-creds", "me:secret"]);
    let (port, count) = proxy(registry.port);
    let options = |no_proxy: &str| ReadOptions {
        registry: RegistryOptions {
            credentials: Some(("me".to_owned(), "secret".to_owned())),
            cert_dirs: vec![registry.path("certs")],
            proxy: Some(format!("http://127.0.0.1:{port}")),
            no_proxy: vec![no_proxy.to_owned()],
            ..RegistryOptions::default()
        },
        ..ReadOptions::default()
    };
    let here = format!("oci:{}", layout.display());
    let there = format!("docker://registry.test:{}/one:1", registry.port);
    same_inventories(&there, &here, &options("other.test"));
    let counted = count.load(Ordering::Relaxed);
    assert!(counted > 0);
    same_inventories(&registry.image("one:1"), &here, &options("other.test"));
    let error = common::open_text(&there, &options(".test")).unwrap_err();
    assert!(error.to_string().contains("there is no such host"), "{error}");
    assert_eq!(count.load(Ordering::Relaxed), counted);
}

/// Counts the bytes of layers.
#[derive(Default)]
struct Count(AtomicU64);

impl Progress for Count {
    fn expect(&self, _bytes: u64) {}
    fn advance(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[test]
fn only_the_layer_that_is_new_is_transferred() {
    let Some(registry) = Registry::start(false, false) else { return };
    let base = image("x:1", &[1, 2, 3], Compression::None);
    let next = image("x:1", &[1, 2, 3, 4], Compression::None);
    let last = next.layer_tars()[4].len() as u64;
    for (name, image) in [("x:1", base), ("x:2", next)] {
        let layout =
            layout(&registry.path(&name.replace(':', "-")), &[image], &OciOptions::default());
        registry.push(&layout, name, &[]);
    }
    let mut catalog = Catalog::open_or_create(&registry.path("catalog.db")).unwrap();
    let mut add = |name: &str| {
        let count = Count::default();
        let options = ReadOptions { progress: &count, ..ReadOptions::default() };
        let found = common::open_text(&registry.image(name), &options).unwrap();
        let outcome = ingest::add(&mut catalog, &found[0], None, &options).unwrap();
        (outcome.layers_read, outcome.layers, count.0.load(Ordering::Relaxed))
    };
    let first = add("x:1");
    assert_eq!((first.0, first.1), (4, 4));
    assert!(first.2 > 300_000, "{first:?}");
    assert_eq!(add("x:2"), (1, 5, last));
    assert_eq!(add("x:2"), (0, 5, 0));
}
