//! Two hundred images of a real registry: no layer is transferred twice, and what a killed run left
//! undone the next one does.
#![expect(clippy::print_stderr, reason = "a test tells what it skipped and measured")]

use crate::common::Place;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use testkit::{FixtureEntry, FixtureLayer, Image, OciOptions, random_bytes, write_oci_layout};

const BASES: u64 = 5;
const IMAGES: u64 = 200;
const BASE_BYTES: usize = 1_000_000;
const OWN_BYTES: usize = 240_000;

struct Registry {
    child: Child,
    port: u16,
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Registry {
    fn start(place: &Place) -> Option<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let store = place.path().join("store");
        let config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: \"{}\"}}}}\n\
             http: {{addr: \"127.0.0.1:{port}\"}}\n",
            store.display()
        );
        let config = place.file("config.yml", config.as_bytes());
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else {
            eprintln!("skipped: no docker-registry");
            return None;
        };
        let registry = Self { child, port };
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "the registry does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(registry)
    }

    /// One request; the status and the header `Location`.
    fn ask(&self, head: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = body.len();
        let fixed = format!("Host: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}");
        stream.write_all(format!("{head}\r\n{fixed}\r\n\r\n").as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap();
        let location = answer.lines().find_map(|line| line.strip_prefix("Location: "));
        (status, location.unwrap_or_default().to_owned())
    }

    fn push_blob(&self, repository: &str, digest: &str, bytes: &[u8]) {
        let known = format!("HEAD /v2/{repository}/blobs/{digest} HTTP/1.1");
        if self.ask(&known, b"").0 == 200 {
            return;
        }
        let (status, location) =
            self.ask(&format!("POST /v2/{repository}/blobs/uploads/ HTTP/1.1"), b"");
        assert_eq!(status, 202);
        let place = location.split_once("/v2/").unwrap().1;
        let put = format!(
            "PUT /v2/{place}&digest={digest} HTTP/1.1\r\nContent-Type: application/octet-stream"
        );
        assert_eq!(self.ask(&put, bytes).0, 201);
    }

    /// Pushes the one image of a layout; its layers with their sizes as they are stored.
    fn push(&self, layout: &Path, repository: &str, tag: &str) -> Vec<(String, u64)> {
        let blob = |digest: &str| {
            let hex = digest.strip_prefix("sha256:").unwrap();
            std::fs::read(layout.join("blobs/sha256").join(hex)).unwrap()
        };
        let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
        let index = json(&std::fs::read(layout.join("index.json")).unwrap());
        let bytes = blob(index["manifests"][0]["digest"].as_str().unwrap());
        let manifest = json(&bytes);
        let config = manifest["config"]["digest"].as_str().unwrap();
        self.push_blob(repository, config, &blob(config));
        let layers = manifest["layers"].as_array().unwrap().iter().map(|layer| {
            let digest = layer["digest"].as_str().unwrap().to_owned();
            self.push_blob(repository, &digest, &blob(&digest));
            (digest, layer["size"].as_u64().unwrap())
        });
        let layers = layers.collect();
        let put = format!(
            "PUT /v2/{repository}/manifests/{tag} HTTP/1.1\r\n\
             Content-Type: application/vnd.oci.image.manifest.v1+json"
        );
        assert_eq!(self.ask(&put, &bytes).0, 201);
        layers
    }
}

/// Stands before the registry and counts what it sends.
fn counter(registry: u16) -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    std::thread::spawn(move || {
        for from in listener.incoming().flatten() {
            let to = TcpStream::connect(("127.0.0.1", registry)).unwrap();
            let (mut back, mut forth) = (to.try_clone().unwrap(), from.try_clone().unwrap());
            let (mut from, mut to) = (from, to);
            let counted = Arc::clone(&counted);
            std::thread::spawn(move || {
                let mut buffer = [0; 16 * 1024];
                while let Ok(count @ 1..) = back.read(&mut buffer) {
                    counted.fetch_add(count as u64, Ordering::Relaxed);
                    if forth.write_all(&buffer[..count]).is_err() {
                        break;
                    }
                }
                drop(forth.shutdown(std::net::Shutdown::Both));
            });
            std::thread::spawn(move || {
                drop(std::io::copy(&mut from, &mut to));
                drop(to.shutdown(std::net::Shutdown::Both));
            });
        }
    });
    (port, sent)
}

fn image(number: u64) -> Image {
    let layer = |path: String, seed: u64, bytes: usize| FixtureLayer {
        entries: vec![FixtureEntry::file(path, random_bytes(seed, bytes))],
        ..FixtureLayer::default()
    };
    let base = number % BASES;
    Image::from_layers(vec![
        layer(format!("base-{base}"), base, BASE_BYTES),
        layer(format!("own-{number}"), 1000 + number, OWN_BYTES),
    ])
    .reference("made:1")
}

#[test]
fn two_hundred_images_on_five_bases_transfer_no_layer_twice() {
    let place = Place::new();
    let Some(registry) = Registry::start(&place) else { return };
    let (port, sent) = counter(registry.port);
    let mut distinct = std::collections::BTreeMap::new();
    let mut list = String::from("# two hundred images on five bases\n");
    for number in 0..IMAGES {
        let layout = place.path().join("layout");
        drop(std::fs::remove_dir_all(&layout));
        write_oci_layout(&layout, &[image(number)], &OciOptions::default()).unwrap();
        // Images of one base lie in several repositories.
        let repository = format!("team-{}/app", number % 7);
        distinct.extend(registry.push(&layout, &repository, &format!("v{number}")));
        list.push_str(&format!("docker://127.0.0.1:{port}/{repository}:v{number}\n"));
    }
    let total: u64 = distinct.values().sum();
    assert_eq!(distinct.len() as u64, BASES + IMAGES);
    place.file("list", list.as_bytes());

    // A run that is killed when a third has come.
    let mut add = place.command();
    add.args(["add", "--from-file", "list", "--jobs", "6"]).stdout(Stdio::null());
    let mut child = add.stderr(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(120);
    while sent.load(Ordering::Relaxed) < total / 3 {
        assert!(Instant::now() < until, "the first run is too slow");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(place.run(&["check"]).code, Some(0));
    let kept = place.json(&["ls"])["images"].as_array().unwrap().len() as u64;
    assert!(kept < IMAGES, "the run was killed too late");

    // The next one does what is missing, and transfers little of what was there.
    sent.store(0, Ordering::Relaxed);
    let report = place.json(&["add", "--from-file", "list", "--jobs", "6"]);
    assert_eq!(report["summary"]["unchanged"], kept);
    assert_eq!(report["summary"]["added"], IMAGES - kept);
    let rest = sent.load(Ordering::Relaxed);
    let own = (OWN_BYTES as u64) * (IMAGES - kept);
    assert!(rest < (own + BASES * BASE_BYTES as u64) * 102 / 100, "{rest} bytes for {own}");
    assert_eq!(place.run(&["check"]).code, Some(0));

    // From the beginning, in one go.
    sent.store(0, Ordering::Relaxed);
    let other = ["--catalog", "other.db"];
    let report = place.json(&[&["add", "--from-file", "list", "--jobs", "6"], &other[..]].concat());
    assert_eq!(report["summary"]["added"], IMAGES);
    let all = sent.load(Ordering::Relaxed);
    eprintln!("{all} bytes came, the distinct layers have {total}");
    assert!(all >= total && all * 100 <= total * 102, "{all} bytes for {total}");

    // Again: nothing but the question.
    sent.store(0, Ordering::Relaxed);
    let report = place.json(&[&["add", "--from-file", "list"], &other[..]].concat());
    assert_eq!(report["summary"]["unchanged"], IMAGES);
    let asked = sent.load(Ordering::Relaxed);
    eprintln!("{asked} bytes came the second time");
    assert!(asked < IMAGES * 1000, "{asked} bytes");
}
