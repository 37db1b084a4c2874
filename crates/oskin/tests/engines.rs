//! Images of container engines: of one that answers over its socket, and in a store on disk.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use base64::Engine as _;
use common::{assert_same, open_text, read, read_text, write};
use oskin::catalog::Catalog;
use oskin::ingest;
use oskin::inventory::Inventory;
use oskin::source::{EngineOptions, ImageSource, Limits, ReadOptions, SourceError, Transport};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use testkit::{
    ArchiveFlavor, ArchiveOptions, Compression, Image, OciOptions, docker_archive, random_fixture,
    write_oci_layout,
};

const RICH: &str = r#"
//- layer
bin/ dir mode=0755
bin/sh file 120
bin/ash hardlink bin/sh
lib symlink usr/lib
usr/ dir mode=0755
usr/lib/ dir mode=0711
usr/lib/libc.so file 700000
etc/ dir mode=0755
etc/os-release file "ID=test\n"
"odd name\xff" file 3
dev/ dir mode=0755
dev/null char 1 3
run/ dir mode=0755
run/pipe fifo
var/ dir mode=0755
var/cache/ dir mode=0700 uid=5 gid=6
var/cache/a file 1
var/cache/b file 1
//- layer
.wh.bin file
var/cache/ dir mode=0700 uid=5 gid=6
var/cache/.wh..wh..opq file
var/cache/c file 1
usr/lib/ dir mode=0711
usr/lib/added file 5
//- layer
etc/passwd file 9 uid=7 gid=8 mode=0600
usr/lib/ dir mode=0711
usr/lib/libc.so symlink libc2.so
"#;

fn rich() -> Image {
    Image::from_fixture(RICH).reference("app:1.0")
}

/// The keys of all layers as they are read.
fn keys(image: &ImageSource, options: &ReadOptions<'_>) -> Vec<String> {
    image.layers.iter().map(|layer| layer.read(options).unwrap().key.to_string()).collect()
}

/// All that is known of every entry.
fn entries(inventory: &Inventory) -> Vec<String> {
    inventory.iter().map(|entry| format!("{entry:?}")).collect()
}

/// Message and hint, as the command line prints them.
fn told(error: &SourceError) -> String {
    format!("{error}\nhint: {}", error.hint().unwrap_or_default())
}

// The Docker engine.

type Answers = dyn Fn(&str) -> Vec<u8> + Send + Sync;

/// An engine that gives these answers at a socket; its thread ends with the process.
fn engine(directory: &Path, answers: Arc<Answers>) -> ReadOptions<'static> {
    let socket = directory.join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = Vec::new();
            let mut buffer = [0; 1024];
            while !asked.ends_with(b"\r\n\r\n") {
                let count = stream.read(&mut buffer).unwrap();
                asked.extend_from_slice(&buffer[..count]);
            }
            let asked = String::from_utf8(asked).unwrap();
            let path = asked.strip_prefix("GET ").unwrap().split(' ').next().unwrap();
            // Whoever asked may have heard enough.
            drop(stream.write_all(&answers(path)));
        }
    });
    at(&format!("unix://{}", socket.display()))
}

fn at(docker_host: &str) -> ReadOptions<'static> {
    let docker_host = docker_host.to_owned();
    let engines = EngineOptions { docker_host, ..EngineOptions::default() };
    ReadOptions { engines, ..ReadOptions::default() }
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn chunked(body: &[u8], chunk_bytes: usize) -> Vec<u8> {
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(chunk_bytes) {
        answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
        answer.extend(chunk);
        answer.extend(b"\r\n");
    }
    answer.extend(b"0\r\n\r\n");
    answer
}

const NONE: &[u8] = br#"{"message":"No such image"}"#;
const ID: &str = "sha256:00000000000000000000000000000000000000000000000000000000000000aa";

/// Answers as an engine with one image `app:1.0` does; `saved` is what it gives of that.
fn one_image(saved: Vec<u8>) -> Arc<Answers> {
    Arc::new(move |path| match path {
        "/images/app:1.0/json" | "/images/00aa/json" => {
            let told = format!(r#"{{"Id":"{ID}","RepoTags":["app:1.0"],"Size":5}}"#);
            answer("200 OK", told.as_bytes())
        }
        "/images/json" => {
            answer("200 OK", br#"[{"RepoTags":null},{"RepoTags":["app:1.0","x:1"]}]"#)
        }
        "/images/app:1.0/get" => saved.clone(),
        path if path == format!("/images/{ID}/get") => saved.clone(),
        _ => answer("404 Not Found", NONE),
    })
}

#[test]
fn what_an_engine_saves_is_read_as_the_file_would_be() {
    for flavor in [ArchiveFlavor::Docker20, ArchiveFlavor::Docker25] {
        for chunk_bytes in [None, Some(1000), Some(1 << 20)] {
            let dir = tempfile::tempdir().unwrap();
            let options = ArchiveOptions { flavor, ..ArchiveOptions::default() };
            let archive = docker_archive(&[rich()], &options);
            let file = write(dir.path(), "saved.tar", &archive);
            let saved = match chunk_bytes {
                Some(bytes) => chunked(&archive, bytes),
                None => answer("200 OK", &archive),
            };
            let options = engine(dir.path(), one_image(saved));
            let (of_file, expected) = read_text(file.to_str().unwrap()).unwrap();
            for name in ["app:1.0", "00aa"] {
                let found = open_text(&format!("docker-daemon:{name}"), &options).unwrap();
                let [image] = &found[..] else { panic!("{} images", found.len()) };
                let what = format!("{flavor:?} {chunk_bytes:?} {name}");
                assert_eq!(entries(&read(image, &options).unwrap()), entries(&expected), "{what}");
                assert_same(&expected, &rich().expected(), &what);
                assert_eq!(keys(image, &options), rich().diff_ids(), "{what}");
                assert_eq!(image.config_digest, of_file.config_digest, "{what}");
                assert_eq!(
                    (&*image.name, image.reference.as_deref()),
                    ("app:1.0", Some("app:1.0"))
                );
                assert_eq!(image.transport, Transport::DockerDaemon);
                assert_eq!(image.location, name);
            }
        }
    }
}

#[test]
fn a_name_without_a_tag_is_the_latest() {
    let dir = tempfile::tempdir().unwrap();
    let saved = answer("200 OK", &docker_archive(&[rich()], &ArchiveOptions::default()));
    let options = engine(
        dir.path(),
        Arc::new(move |path| match path {
            "/images/h.example:5000/team/app:latest/json" => answer("200 OK", b"{}"),
            "/images/h.example:5000/team/app:latest/get" => saved.clone(),
            _ => answer("404 Not Found", NONE),
        }),
    );
    let found = open_text("docker-daemon:h.example:5000/team/app", &options).unwrap();
    assert_eq!(found[0].name, "h.example:5000/team/app:latest");
}

#[test]
fn what_an_engine_says_wrong_is_told_and_bounded() {
    let archive = docker_archive(&[rich()], &ArchiveOptions::default());
    let half = &chunked(&archive, 700)[..archive.len() / 2];
    let length = |bytes: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", archive.len());
        [head.as_bytes(), bytes].concat()
    };
    let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let endless = format!("HTTP/1.1 200 OK\r\n{}", "X-More: y\r\n".repeat(100_000));
    for (saved, what) in [
        (half.to_vec(), "the answer was cut off"),
        (length(&archive[..archive.len() - 600]), "the answer was cut off"),
        (length(b""), "the answer was cut off"),
        (Vec::new(), "the answer was cut off"),
        (endless.into_bytes(), "the head of the answer is too long"),
        ([&chunks[..], b"5\r\nabcdefgh\r\n"].concat(), "a chunk does not end where it should"),
        ([&chunks[..], b"-5\r\nabcde\r\n"].concat(), "the size of a chunk is no number"),
        (answer("500 Internal Server Error", br#"{"message":"no space"}"#), "no space"),
        (answer("503 Busy", b"<html>"), "status 503"),
        (
            answer("200 OK", b"no tar at all, but as long as a block of one".repeat(20).as_slice()),
            "entry 1",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let options = engine(dir.path(), one_image(saved));
        let error = open_text("docker-daemon:app:1.0", &options).unwrap_err();
        let told = told(&error);
        assert!(told.starts_with("docker-daemon:app:1.0: the Docker engine at "), "{told}");
        assert!(told.contains(" gave no image: ") && told.contains(what), "{what}: {told}");
        assert!(told.ends_with("\nhint: try again; the log of the engine may tell more"), "{told}");
    }
    let dir = tempfile::tempdir().unwrap();
    let options = engine(dir.path(), one_image(answer("200 OK", b"")));
    let error = open_text("docker-daemon:app:1.0", &options).unwrap_err();
    assert_eq!(error.to_string(), "docker-daemon:app:1.0: the archive holds no entries");
    let dir = tempfile::tempdir().unwrap();
    let options = engine(dir.path(), Arc::new(|_| answer("200 OK", &vec![b' '; 5_000_000])));
    let error = open_text("docker-daemon:app:1.0", &options).unwrap_err();
    assert!(error.to_string().contains("larger than the limit of 4194304 bytes"), "{error}");
}

#[test]
fn an_engine_without_the_image_or_none_at_all_gets_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    let options = engine(dir.path(), one_image(Vec::new()));
    let error =
        |text: &str, options: &ReadOptions<'_>| told(&open_text(text, options).unwrap_err());
    for (name, hint) in [
        ("app:2.0", "there are app:1.0"),
        ("team/app", "there are app:1.0"),
        ("other", "`docker images` lists what there is"),
    ] {
        let expected =
            format!("docker-daemon:{name}: the Docker engine has no such image\nhint: {hint}");
        assert_eq!(error(&format!("docker-daemon:{name}"), &options), expected);
    }
    for name in ["a b", "../x", "a//b", "a?b", "\u{e9}", "a%2fb"] {
        let told = error(&format!("docker-daemon:{name}"), &options);
        assert!(told.contains("is no name of an image\nhint: write docker-daemon:"), "{told}");
    }
    let nobody = dir.path().join("nobody.sock");
    drop(UnixListener::bind(&nobody).unwrap());
    for path in [nobody, dir.path().join("nothing")] {
        let told = error("docker-daemon:app", &at(&format!("unix://{}", path.display())));
        let expected =
            format!("no Docker engine listens at {}\nhint: start the engine", path.display());
        assert!(told.contains(&expected), "{told}");
    }
    for host in ["tcp://127.0.0.1:2375", "ssh://x", "unix://", ""] {
        let told = error("docker-daemon:app", &at(host));
        assert!(told.contains("is no unix socket\nhint: save the image where"), "{told}");
    }
}

/// An engine of our own, ended by the signal on which it ends its helpers too.
struct Dockerd(Child);

impl Drop for Dockerd {
    fn drop(&mut self) {
        let ended = Command::new("kill").arg(self.0.id().to_string()).status();
        if ended.is_ok_and(|status| status.success()) {
            drop(self.0.wait());
        }
    }
}

/// Starts dockerd with all its files below a directory.
fn dockerd(directory: &Path) -> Option<Dockerd> {
    let Some(client) = succeeds(Command::new("docker").arg("--version")) else {
        eprintln!("skipped: no docker");
        return None;
    };
    assert!(!client.is_empty());
    let below = |name: &str| directory.join(name);
    let started = Command::new("dockerd")
        .args(["--iptables=false", "--ip6tables=false", "--bridge=none"])
        .arg("--data-root")
        .arg(below("data"))
        .arg("--exec-root")
        .arg(below("exec"))
        .arg("--pidfile")
        .arg(below("pid"))
        .arg("-H")
        .arg(format!("unix://{}", below("d.sock").display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = started else {
        eprintln!("skipped: no dockerd");
        return None;
    };
    let mut dockerd = Dockerd(child);
    for _ in 0..300 {
        if below("d.sock").exists() {
            return Some(dockerd);
        }
        if dockerd.0.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    eprintln!("skipped: dockerd does not start here");
    None
}

/// What a program writes, if it is there and succeeds.
fn succeeds(command: &mut Command) -> Option<Vec<u8>> {
    let output = command.output().ok()?;
    output.status.success().then_some(output.stdout)
}

#[test]
fn a_real_engine_gives_what_it_would_save() {
    let dir = tempfile::tempdir().unwrap();
    let Some(engine) = dockerd(dir.path()) else { return };
    let host = format!("unix://{}", dir.path().join("d.sock").display());
    let docker = || {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", &host);
        command
    };
    let archive = docker_archive(&[rich()], &ArchiveOptions::default());
    let file = write(dir.path(), "image.tar", &archive);
    if succeeds(docker().args(["load", "-i"]).arg(&file)).is_none() {
        eprintln!("skipped: docker cannot load an image here");
        return;
    }
    let saved = dir.path().join("saved.tar");
    succeeds(docker().args(["save", "app:1.0", "-o"]).arg(&saved)).unwrap();
    let (of_file, expected) = read_text(saved.to_str().unwrap()).unwrap();
    let options = at(&host);
    let id = of_file.config_digest.unwrap().to_string();
    for name in ["app:1.0", &id, &id["sha256:".len()..][..12]] {
        let image = open_text(&format!("docker-daemon:{name}"), &options).unwrap().remove(0);
        assert_eq!(entries(&read(&image, &options).unwrap()), entries(&expected));
        assert_eq!(keys(&image, &options), keys(&of_file, &options));
        assert_eq!(image.name, "app:1.0");
    }
    let error = open_text("docker-daemon:app:2.0", &options).unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("there are app:1.0"));
    drop(engine);
}

// The store of podman, buildah and CRI-O.

/// A store made by skopeo, and what is in it.
struct Store {
    dir: tempfile::TempDir,
    driver: &'static str,
}

impl Store {
    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn spec(&self, reference: &str) -> String {
        format!("containers-storage:[{}@{}]{reference}", self.driver, self.root().display())
    }

    /// Copies an image into the store; `false` where that cannot be done here.
    fn copy(&self, image: &Image, name: &str) -> bool {
        let layout = self.dir.path().join("layout");
        write_oci_layout(&layout, std::slice::from_ref(image), &OciOptions::default()).unwrap();
        let run = self.dir.path().join("run");
        let to = format!("[{}@{}+{}]", self.driver, self.root().display(), run.display());
        let copied = Command::new("skopeo")
            .args(["copy", "--insecure-policy", "-q"])
            .arg(format!("oci:{}", layout.display()))
            .arg(format!("containers-storage:{to}{name}"))
            .output();
        match copied {
            Ok(output) if output.status.success() => true,
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                eprintln!("skipped: skopeo cannot write a store here: {why}");
                false
            }
            Err(_) => {
                eprintln!("skipped: no skopeo");
                false
            }
        }
    }

    /// Files below the root with this ending, sorted.
    fn files(&self, directory: &str, ending: &str) -> Vec<PathBuf> {
        let entries = self.root().join(format!("{}-{directory}", self.driver)).read_dir().unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.to_str().unwrap().ends_with(ending));
        files.sort();
        files
    }
}

/// Stores of each driver with an image.
fn stores(image: &Image, name: &str) -> Vec<Store> {
    let mut stores = Vec::new();
    for driver in ["vfs", "overlay"] {
        let store = Store { dir: tempfile::tempdir().unwrap(), driver };
        if store.copy(image, name) {
            stores.push(store);
        }
    }
    stores
}

fn warnings(image: &ImageSource) -> Vec<String> {
    let options = ReadOptions::default();
    let layers = image.layers.iter().flat_map(|layer| layer.read(&options).unwrap().warnings);
    image.warnings.iter().cloned().chain(layers).map(|warning| warning.what).collect()
}

#[test]
fn layers_of_a_store_are_those_of_the_layout() {
    for compression in [Compression::None, Compression::Gzip] {
        let image = rich().compression(compression);
        for store in stores(&image, "localhost/team/app:1.0") {
            let what = store.spec("");
            let (of_layout, expected) =
                read_text(&format!("oci:{}", store.dir.path().join("layout").display())).unwrap();
            for name in ["app:1.0", "team/app:1.0", "localhost/team/app:1.0"] {
                let (found, inventory) = read_text(&store.spec(name)).unwrap();
                assert_same(&inventory, &image.expected(), &what);
                assert_eq!(entries(&inventory), entries(&expected), "{what}");
                assert_eq!(keys(&found, &ReadOptions::default()), image.diff_ids(), "{what}");
                assert_eq!(found.config_digest, of_layout.config_digest);
                assert_eq!(found.name, "localhost/team/app:1.0");
                assert_eq!(
                    found.location,
                    format!("[{}@{}]{}", store.driver, store.root().display(), found.name)
                );
                assert_eq!(warnings(&found), Vec::<String>::new(), "{what}");
            }
            // Known layers are not read, wherever they were met first.
            let mut catalog = Catalog::open_or_create(&store.dir.path().join("c.db")).unwrap();
            let options = ReadOptions::default();
            ingest::add(&mut catalog, &of_layout, Some("layout"), &options).unwrap();
            let found = open_text(&store.spec("app:1.0"), &options).unwrap().remove(0);
            let outcome = ingest::add(&mut catalog, &found, Some("store"), &options).unwrap();
            assert_eq!((outcome.layers, outcome.layers_read), (3, 0), "{what}");
        }
    }
}

/// Names below links, in the layer of the link and above it; the rest is what chance brings, where
/// no entry takes away the content of one before it: that is then in no store.
#[test]
fn layers_full_of_edge_cases_are_put_together() {
    let linked = "usr/lib/ dir\nlib symlink /usr/lib\nlib/a file 5\nusr/up symlink ../lib\n\
        usr/up/b file 7\n//- layer\nlib/c file 9\n";
    let mut images = vec![Image::from_fixture(linked)];
    images.extend([6, 9, 43, 49].map(|seed| Image::from_layers(random_fixture(seed))));
    for (at, image) in images.iter().enumerate() {
        for store in stores(image, "random:1") {
            let (found, inventory) = read_text(&store.spec("random:1")).unwrap();
            let what = format!("{at} {}", store.driver);
            assert_eq!(warnings(&found), Vec::<String>::new(), "{what}");
            assert_eq!(keys(&found, &ReadOptions::default()), image.diff_ids(), "{what}");
            assert_same(&inventory, &image.expected(), &what);
        }
    }
}

#[test]
fn a_layer_without_its_archive_is_read_from_its_directory() {
    let image = rich();
    for store in stores(&image, "app:1.0") {
        let check = |why: &str, count: usize| {
            let (found, inventory) = read_text(&store.spec("app:1.0")).unwrap();
            let what = format!("{} {why}", store.driver);
            assert_same(&inventory, &image.expected(), &what);
            let warned = warnings(&found);
            assert_eq!(warned.len(), count, "{what}: {warned:?}");
            for warning in warned {
                assert!(warning.contains(why), "{what}: {warning}");
                assert!(warning.ends_with("; its directory was read as it is"), "{warning}");
            }
            // Ingest keeps every layer, whatever it is known by.
            let read = ingest::read(&found, None, &ReadOptions::default()).unwrap();
            assert_eq!(read.layers.len(), 3);
            assert_same(&read.inventory, &image.expected(), &what);
        };
        let splits = store.files("layers", ".tar-split.gz");
        assert_eq!(splits.len(), 3);
        let whole: Vec<Vec<u8>> = splits.iter().map(|path| std::fs::read(path).unwrap()).collect();
        for (path, bytes) in splits.iter().zip(&whole) {
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }
        check("it cannot be put together (", 3);
        for (path, bytes) in splits.iter().zip(&whole) {
            std::fs::write(path, bytes).unwrap();
        }
        // One of another layer fits in form, but not in digest.
        for (path, bytes) in splits.iter().zip(whole.iter().cycle().skip(1)) {
            std::fs::write(path, bytes).unwrap();
        }
        check("put together", 3);
        for path in &splits {
            std::fs::remove_file(path).unwrap();
        }
        check("it has no tar-split file", 3);
    }
}

#[test]
fn a_file_that_was_changed_in_the_store_is_told_of() {
    let image = Image::from_fixture("etc/motd file \"hello\\n\"\n").reference("app:1.0");
    for store in stores(&image, "app:1.0") {
        let id = image.diff_ids().remove(0).replace("sha256:", "");
        let content = match store.driver {
            "vfs" => store.root().join("vfs/dir").join(id),
            _ => store.root().join("overlay").join(id).join("diff"),
        };
        let file = content.join("etc/motd");
        std::fs::write(&file, "HELLO\n").unwrap();
        let (found, inventory) = read_text(&store.spec("app:1.0")).unwrap();
        assert!(warnings(&found)[0].starts_with("put together it has the digest sha256:"));
        let digest = inventory.get(b"etc/motd").unwrap().digest.unwrap().to_string();
        assert_eq!(digest, testkit::digest(b"HELLO\n"));
        // What is longer now is another file too; a link leads nowhere.
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
        let (found, _) = read_text(&store.spec("app:1.0")).unwrap();
        assert!(warnings(&found)[0].contains("etc/motd: is no file but a symlink"));
        std::fs::remove_dir_all(&content).unwrap();
        let error = read_text(&store.spec("app:1.0")).unwrap_err();
        let told = told(&error);
        assert!(
            told.contains(": the directory of this layer is missing\nhint: the store is"),
            "{told}"
        );
    }
}

#[test]
fn names_of_a_store_are_told_where_none_or_several_fit() {
    let other = Image::from_fixture("x file 1\n");
    for store in stores(&rich(), "localhost/a/app:1.0") {
        let error = |reference: &str| {
            told(&open_text(&store.spec(reference), &ReadOptions::default()).unwrap_err())
        };
        assert_eq!(open_text(&store.spec(""), &ReadOptions::default()).unwrap().len(), 1);
        assert!(store.copy(&other, "localhost/b/app:1.0"));
        assert!(store.copy(&other, "localhost/b/second:1"));
        let told = error("app:1.0");
        assert!(told.contains(": 2 images answer to this: localhost/a/app:1.0 ("), "{told}");
        assert!(told.ends_with("\nhint: write one of these names in full, or the id"), "{told}");
        let told = error("nothing");
        assert!(told.contains("/root has no such image\nhint: `podman images` lists"), "{told}");
        let told = error("app:3");
        assert!(
            told.ends_with("hint: there are localhost/a/app:1.0, localhost/b/app:1.0"),
            "{told}"
        );
        let told = error("");
        assert!(told.contains("the store holds 2 images: "), "{told}");
        assert!(told.ends_with("hint: add the name of one, or read them all with --all"), "{told}");
        let (second, inventory) = read_text(&store.spec("second:1")).unwrap();
        assert_same(&inventory, &other.expected(), "second");
        assert_eq!(second.name, "localhost/b/second:1");
        let id = second.config_digest.unwrap().to_string();
        let id = &id["sha256:".len()..];
        for reference in [id, &id[..12], &format!("@{id}"), &format!("sha256:{id}")] {
            let found = open_text(&store.spec(reference), &ReadOptions::default()).unwrap();
            assert_eq!(found[0].config_digest, second.config_digest, "{reference}");
        }
        let all = ReadOptions { all: true, ..ReadOptions::default() };
        assert_eq!(open_text(&store.spec(""), &all).unwrap().len(), 2);
        // The store that engines use, without a word of where it is.
        let engines = EngineOptions {
            containers_storage: vec![store.root(), store.root().join("gone")],
            ..EngineOptions::default()
        };
        let options = ReadOptions { engines, ..ReadOptions::default() };
        assert_eq!(open_text("podman:second:1", &options).unwrap()[0].name, "localhost/b/second:1");
        let mut options = options;
        options.engines.containers_storage_problem = Some("x.conf is damaged".to_owned());
        let told = told_of("podman:second:1", &options);
        assert!(
            told.starts_with("containers-storage:second:1: x.conf is damaged\nhint: mend"),
            "{told}"
        );
        assert!(open_text(&store.spec("second:1"), &options).is_ok());
    }
}

fn told_of(text: &str, options: &ReadOptions<'_>) -> String {
    told(&open_text(text, options).unwrap_err())
}

// Stores written here, file by file.

/// A store with the image `localhost/made:1` of one layer, whose directory is returned.
fn made(root: &Path, image: &Image) -> PathBuf {
    let layout = root.join("../layout");
    write_oci_layout(&layout, std::slice::from_ref(image), &OciOptions::default()).unwrap();
    let (of_layout, _) = read_text(&format!("oci:{}", layout.display())).unwrap();
    let blob =
        |digest: &str| std::fs::read(layout.join("blobs").join(digest.replace(':', "/"))).unwrap();
    let config = of_layout.config_digest.unwrap().to_string();
    let manifest = of_layout.manifest_digest.unwrap().to_string();
    let id = config.replace("sha256:", "");
    let data = root.join("overlay-images").join(&id);
    std::fs::create_dir_all(&data).unwrap();
    std::fs::create_dir_all(root.join("overlay-layers")).unwrap();
    std::fs::write(data.join("manifest"), blob(&manifest)).unwrap();
    let name = format!("={}", base64::engine::general_purpose::STANDARD.encode(&config));
    std::fs::write(data.join(name), blob(&config)).unwrap();
    let images =
        format!(r#"[{{"id":"{id}","names":["localhost/made:1"],"layer":"top","more":{{}}}}]"#);
    std::fs::write(root.join("overlay-images/images.json"), images).unwrap();
    let layers =
        format!(r#"[{{"id":"top","diff-digest":"{}","diff-size":-1}}]"#, image.diff_ids()[0]);
    std::fs::write(root.join("overlay-layers/layers.json"), layers).unwrap();
    let content = root.join("overlay/top/diff");
    std::fs::create_dir_all(&content).unwrap();
    content
}

fn made_spec(root: &Path) -> String {
    format!("containers-storage:[{}]made:1", root.display())
}

#[test]
fn whiteouts_of_every_kind_are_understood_in_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    let content = made(&root, &Image::from_fixture("x file 1\n"));
    for name in ["plain", "by-file", "by-attribute"] {
        std::fs::create_dir(content.join(name)).unwrap();
    }
    for name in
        ["f", ".wh.gone", ".wh..wh.plnk", ".wh.", ".wh...", "by-file/.wh..wh..opq", "by-file/g"]
    {
        std::fs::write(content.join(name), "").unwrap();
    }
    let attribute = rustix::fs::setxattr(
        content.join("by-attribute"),
        "user.overlay.opaque",
        b"y",
        rustix::fs::XattrFlags::empty(),
    );
    std::fs::hard_link(content.join("f"), content.join("plain/h")).unwrap();
    let found = open_text(&made_spec(&root), &ReadOptions::default()).unwrap().remove(0);
    let layer = found.layers[0].read(&ReadOptions::default()).unwrap().layer;
    let entries: Vec<String> = layer
        .iter()
        .map(|entry| format!("{} {}", entry.kind.name(), oskin::path::escape(entry.path)))
        .collect();
    let mut expected = vec![
        "whiteout gone",
        "directory by-attribute",
        "opaque whiteout by-attribute",
        "directory by-file",
        "opaque whiteout by-file",
        "file by-file/g",
        "file f",
        "directory plain",
        "hard link plain/h",
    ];
    if attribute.is_err() {
        eprintln!("skipped: no extended attributes here");
        expected.retain(|line| *line != "opaque whiteout by-attribute");
    }
    assert_eq!(entries, expected);
}

/// Spoils the store of [`made`] and returns what is told of it.
fn spoiled(spoil: &dyn Fn(&Path)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    std::fs::write(made(&root, &Image::from_fixture("x file 1\n")).join("x"), "y").unwrap();
    assert!(read_text(&made_spec(&root)).is_ok());
    spoil(&root);
    let error = read_text(&made_spec(&root)).unwrap_err();
    told(&error).replace(root.to_str().unwrap(), "ROOT")
}

#[test]
fn damaged_tables_are_refused_with_a_word() {
    let images = "overlay-images/images.json";
    let layers = "overlay-layers/layers.json";
    let with_layer = |layer: &str| {
        let id = "0".repeat(64);
        format!(r#"[{{"id":"{id}","names":["localhost/made:1"],"layer":"{layer}"}}]"#)
    };
    let (outside, circle) = (with_layer("../x"), with_layer("a"));
    let missing =
        "ROOT: localhost/made:1: the layer top is not in the store\nhint: the store is damaged";
    let cases: [(&[(&str, &str)], &str); 7] = [
        (
            &[(images, "[{\"id\":")],
            "ROOT/overlay-images/images.json: the table of images is damaged: EOF while parsing",
        ),
        (&[(images, "")], "ROOT has no such image\nhint: there is none at all"),
        (
            &[(layers, "{}")],
            "ROOT/overlay-layers/layers.json: the table of layers is damaged: invalid type: map",
        ),
        (&[(layers, "")], missing),
        (
            &[(images, &outside), (layers, r#"[{"id":"../x"}]"#)],
            "the layer ../x is not in the store",
        ),
        (
            &[(images, &circle), (layers, r#"[{"id":"a","parent":"b"},{"id":"b","parent":"a"}]"#)],
            "more than 4096 layers",
        ),
        (&[(images, r#"[{"id":"../x","names":["localhost/made:1"]}]"#)], "\"../x\" is no id"),
    ];
    for (texts, what) in cases {
        let told = spoiled(&|root| {
            for (file, text) in texts {
                std::fs::write(root.join(file), text).unwrap();
            }
        });
        assert!(told.contains(what), "{what}: {told}");
    }
    let told = spoiled(&|root| {
        std::fs::File::create(root.join(layers)).unwrap().set_len(65 << 20).unwrap();
    });
    assert!(
        told.contains("the table of layers is larger than the limit of 67108864 bytes"),
        "{told}"
    );
}

#[test]
fn what_is_no_store_is_refused_with_a_word() {
    let cases: [(&dyn Fn(&Path), &str); 4] = [
        (
            &|root| std::fs::remove_dir_all(root).unwrap(),
            "ROOT: no such file or directory\nhint: `podman info`",
        ),
        (
            &|root| std::fs::remove_dir_all(root.join("overlay-images")).unwrap(),
            "ROOT: is no store of podman, buildah or CRI-O\nhint: `podman info`",
        ),
        (
            &|root| std::fs::rename(root.join("overlay-images"), root.join("zfs-images")).unwrap(),
            "ROOT: the storage driver zfs is not read\nhint: save the image",
        ),
        (
            &|root| std::fs::create_dir(root.join("overlay/top/composefs-data")).unwrap(),
            "it has no tar-split file, and its files are kept by composefs, which is not read\nhint: save the image",
        ),
    ];
    for (spoil, what) in cases {
        let told = spoiled(spoil);
        assert!(told.contains(what), "{what}: {told}");
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    drop(made(&root, &Image::from_fixture("x file 1\n")));
    let limits = Limits { manifest_bytes: 100, ..Limits::default() };
    let told = told_of(&made_spec(&root), &ReadOptions { limits, ..ReadOptions::default() });
    assert!(told.contains("the manifest is larger than the limit of 100 bytes"), "{told}");
    let of_btrfs = format!("containers-storage:[btrfs@{}]x", root.display());
    let told = told_of(&of_btrfs, &ReadOptions::default());
    assert!(told.contains("the storage driver btrfs is not read"), "{told}");
    let told = told_of("containers-storage:[/x", &ReadOptions::default());
    assert!(
        told.contains("is no name of an image\nhint: write containers-storage:NAME or"),
        "{told}"
    );
}

#[test]
fn no_damage_of_a_store_is_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    std::fs::write(made(&root, &Image::from_fixture("x file 1\n")).join("x"), "y").unwrap();
    let tables = ["overlay-images/images.json", "overlay-layers/layers.json"];
    for (at, table) in tables.iter().enumerate() {
        let whole = std::fs::read(root.join(table)).unwrap();
        let noise = testkit::random_bytes(at as u64, 3 * 400);
        for change in noise.chunks_exact(3) {
            let mut bytes = whole.clone();
            let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
            bytes[place] = change[2];
            std::fs::write(root.join(table), &bytes).unwrap();
            drop(read_text(&made_spec(&root)));
        }
        std::fs::write(root.join(table), &whole).unwrap();
        assert!(read_text(&made_spec(&root)).is_ok());
    }
}
