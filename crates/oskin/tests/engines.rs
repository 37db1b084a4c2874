//! Images of a Docker engine: of one made up here that answers over a socket, and of a real one.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use common::{assert_same, engine_image, entries, keys, open_text, read, read_text, told, write};
use oskin::source::{EngineOptions, ReadOptions, Transport};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use testkit::{ArchiveFlavor, ArchiveOptions, docker_archive};

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
            let archive = docker_archive(&[engine_image()], &options);
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
                assert_same(&expected, &engine_image().expected(), &what);
                assert_eq!(keys(image, &options), engine_image().diff_ids(), "{what}");
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
    let saved = answer("200 OK", &docker_archive(&[engine_image()], &ArchiveOptions::default()));
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
    let archive = docker_archive(&[engine_image()], &ArchiveOptions::default());
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
    let archive = docker_archive(&[engine_image()], &ArchiveOptions::default());
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
