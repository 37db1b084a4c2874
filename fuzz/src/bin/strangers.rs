//! Writes first inputs of the fuzz targets that are no archive: `strangers CORPUS` what engines and
//! registries answer, sketches and catalogs, `strangers pack STORE FILE` a store of podman.

use flate2::read::GzDecoder;
use oskin::catalog::Catalog;
use oskin::path_set::Selection;
use oskin::sketch_file::{SketchHead, SketchWriter};
use oskin::source::{self, ReadOptions, SourceSpec};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use testkit::{ArchiveFlavor, ArchiveOptions, Image, docker_archive, random_fixture};

fn main() {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    match &arguments[..] {
        [word, store, file] if word == Path::new("pack") => {
            fs::write(file, pack(store)).expect("the packed store can be written");
        }
        [corpus] => {
            engines(corpus);
            registries(corpus);
            files(corpus);
        }
        _ => panic!("strangers CORPUS, or strangers pack STORE FILE"),
    }
}

fn write(corpus: &Path, target: &str, name: &str, bytes: &[u8]) {
    let directory = corpus.join(target);
    fs::create_dir_all(&directory).expect("the corpus can be written");
    fs::write(directory.join(name), bytes).expect("the corpus can be written");
}

fn part(into: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    into.extend(format!("@@ {name}\n").bytes());
    into.extend(bytes);
    into.push(b'\n');
}

/// Packs a store with one image under short names, as far as it is read. What was compressed is
/// not, and digests are filled in, for chance to change what they stand for.
fn pack(root: &Path) -> Vec<u8> {
    let mut found = Vec::new();
    collect(root, root, &mut found);
    let is_id = |text: &&str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let ids = |directory: &str| -> BTreeSet<String> {
        let names = found.iter().filter(|(name, _)| name.starts_with(directory));
        let all = names.flat_map(|(name, _)| name.split(['/', '.']).filter(is_id));
        all.map(str::to_owned).collect()
    };
    let images: BTreeSet<String> = &ids("overlay-images/") | &ids("vfs-images/");
    let layers: BTreeSet<String> = &ids("overlay-layers/") | &ids("vfs-layers/");
    for (name, bytes) in &mut found {
        let mut text = String::from_utf8(bytes.clone()).unwrap_or_default();
        for (at, image) in images.iter().enumerate() {
            // The configuration is what has the id as its digest.
            if name.contains(&format!("-images/{image}/=")) && testkit::sha256_hex(bytes) == *image
            {
                let directory = name.split_once("/=").expect("a directory").0;
                *name = format!("config {directory}");
            }
            *name = name.replace(image, &format!("i{at}"));
            text = text.replace(&format!("\"{image}\""), &format!("\"i{at}\""));
            text = text.replace(&format!("sha256:{image}"), "{{config}}");
        }
        for (at, layer) in layers.iter().enumerate() {
            *name = name.replace(layer, &format!("l{at}"));
            text = text.replace(&format!("\"{layer}\""), &format!("\"l{at}\""));
        }
        if !text.is_empty() && !name.starts_with("config ") {
            *bytes = text.into_bytes();
        }
    }
    found.retain(|(name, _)| !name.contains("/="));
    found.sort_by_key(|(name, _)| name.starts_with("config "));
    let last = found.len().saturating_sub(1);
    let mut packed = Vec::new();
    for (name, bytes) in found {
        let filled = match String::from_utf8(bytes) {
            Ok(text) => text.replace("{{config}}", &format!("{{{{digest {last}}}}}")).into_bytes(),
            Err(error) => error.into_bytes(),
        };
        part(&mut packed, &name, &filled);
    }
    packed
}

/// What is read of a store: name and content of each file and link.
fn collect(root: &Path, at: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(at).expect("a directory").map(|it| it.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        let name = path.strip_prefix(root).expect("below the root").display().to_string();
        let kind = path.symlink_metadata().expect("an entry").file_type();
        let is_read =
            ["-images/", "-layers/", "/diff/", "vfs/dir/"].iter().any(|it| name.contains(it));
        if kind.is_dir() {
            collect(root, &path, found);
        } else if kind.is_symlink() && is_read {
            let target = fs::read_link(&path).expect("a link").display().to_string();
            found.push((format!("link {name}"), target.into_bytes()));
        } else if kind.is_file() && is_read && !name.ends_with(".lock") {
            let bytes = fs::read(&path).expect("a file");
            let mut plain = Vec::new();
            let is_packed = GzDecoder::new(&bytes[..]).read_to_end(&mut plain).is_ok();
            found.push((name, if is_packed { plain } else { bytes }));
        }
    }
}

fn head(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

/// An answer that ends with the connection, so that its body can grow and shrink.
fn open_ended(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(size) {
        answer.extend(format!("{:x};x=y\r\n", chunk.len()).bytes());
        answer.extend(chunk);
        answer.extend(b"\r\n");
    }
    answer.extend(b"0\r\nX: y\r\n\r\n");
    answer
}

fn engines(corpus: &Path) {
    let told: &[u8] = br#"{"Id":"sha256:aa","RepoTags":["a:latest"],"Size":5}"#;
    let missing = head("404 Not Found", "", br#"{"message":"No such image"}"#);
    for seed in 0..4 {
        let image = Image::from_layers(random_fixture(seed)).reference("a:latest");
        for (name, flavor) in [("old", ArchiveFlavor::Docker20), ("new", ArchiveFlavor::Docker25)] {
            let options = ArchiveOptions { flavor, ..ArchiveOptions::default() };
            let saved = docker_archive(std::slice::from_ref(&image), &options);
            let ways = [head("200 OK", "", &saved), chunked(&saved, 700), open_ended("", &saved)];
            for (way, saved) in ways.iter().enumerate() {
                let mut input = Vec::new();
                part(&mut input, "/json", &open_ended("", told));
                part(&mut input, "/get", saved);
                write(corpus, "docker-daemon", &format!("{seed}.{name}.{way}"), &input);
            }
        }
    }
    let mut input = Vec::new();
    part(
        &mut input,
        "/images/json",
        &head("200 OK", "", br#"[{"RepoTags":["b:1",null]},{"RepoTags":null}]"#),
    );
    part(&mut input, "/json", &missing);
    write(corpus, "docker-daemon", "missing", &input);
    let mut input = Vec::new();
    part(&mut input, "/json", &head("500 Internal Server Error", "", br#"{"message":"broken"}"#));
    write(corpus, "docker-daemon", "broken", &input);
}

/// Manifest, configuration and two layers.
fn image_parts(input: &mut Vec<u8>, first: usize, extra: &str) {
    let (config, layer, other) = (first + 1, first + 2, first + 3);
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{{{{digest {config}}}}}"}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{{{{digest {layer}}}}}"}},{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{{{{digest {other}}}}}"}}],"annotations":{{"a":"b"}}}}"#
    );
    part(
        input,
        &format!("/manifests/{extra}"),
        &open_ended("Docker-Content-Digest: x\r\n", manifest.as_bytes()),
    );
    let config = br#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]},"config":{"Env":["A=b"]},"history":[{"created_by":"x"}]}"#;
    part(input, "/blobs/", &open_ended("", config));
    let layers = random_fixture(1);
    let tar = testkit::rootfs_tar(&layers, &testkit::TarOptions::default());
    part(input, "/blobs/", &open_ended("", &tar));
    part(input, "/blobs/", &open_ended("", &testkit::compress(&tar, testkit::Compression::Gzip)));
}

fn registries(corpus: &Path) {
    let save = |name: &str, input: &[u8]| write(corpus, "docker", name, input);
    let v2 = |input: &mut Vec<u8>, answer: &[u8]| part(input, "GET /v2/ ", answer);
    let mut plain = Vec::new();
    v2(&mut plain, &head("200 OK", "", b"{}"));
    image_parts(&mut plain, 1, "");
    save("plain", &plain);
    let mut bearer = Vec::new();
    part(&mut bearer, "GET /v2/ ", &head("200 OK", "", b"{}"));
    part(
        &mut bearer,
        "/token",
        &head(
            "200 OK",
            "Connection: close\r\n",
            br#"{"token":"abc","access_token":"x","expires_in":60}"#,
        ),
    );
    let challenge = "WWW-Authenticate: Bearer realm=\"http://{{host}}/token\",service=\"r\",scope=\"repository:a/b:pull\"\r\nWWW-Authenticate: Basic realm=\"x\"\r\nConnection: close\r\n";
    part(
        &mut bearer,
        "/manifests/",
        &head(
            "401 Unauthorized",
            challenge,
            br#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#,
        ),
    );
    let mut with_auth = bearer.clone();
    image_parts(&mut bearer, 3, "");
    save("bearer", &bearer);
    image_parts(&mut with_auth, 3, "");
    let mut identity = with_auth.clone();
    part(
        &mut with_auth,
        "auth",
        br#"{"auths":{"{{host}}":{"auth":"dXNlcjph"},"{{host}}/a":{"auth":"dXNlcjpi"}}}"#,
    );
    save("login", &with_auth);
    part(&mut identity, "auth", br#"{"auths":{"{{host}}":{"identitytoken":"t0k"}}}"#);
    save("identity", &identity);
    let mut index = Vec::new();
    v2(&mut index, &head("401 Unauthorized", "", b""));
    part(&mut index, "/manifests/1", &open_ended(
        "Content-Type: application/vnd.oci.image.index.v1+json\r\n",
        br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{{digest 2}}","platform":{"os":"linux","architecture":"amd64"}}]}"#,
    ));
    image_parts(&mut index, 2, "sha256");
    save("index", &index);
    part(
        &mut index,
        "HEAD",
        &open_ended(
            "Content-Type: application/vnd.oci.image.index.v1+json\r\nDocker-Content-Digest: sha256:ab\r\n",
            b"",
        ),
    );
    save("head", &index);
    let mut tags = Vec::new();
    v2(&mut tags, &head("200 OK", "", b""));
    part(
        &mut tags,
        "/manifests/",
        &head(
            "404 Not Found",
            "Connection: close\r\n",
            br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown","detail":{"Tag":"1"}}]}"#,
        ),
    );
    part(
        &mut tags,
        "tags/list",
        &head(
            "200 OK",
            "Connection: close\r\nLink: </v2/a/b/tags/list?last=y&n=2>; rel=\"next\"\r\n",
            br#"{"name":"a/b","tags":["x","y"]}"#,
        ),
    );
    part(
        &mut tags,
        "tags/list?last",
        &head("200 OK", "Connection: close\r\n", br#"{"name":"a/b","tags":["z",""]}"#),
    );
    save("tags", &tags);
    let mut busy = Vec::new();
    v2(&mut busy, &head("429 Too Many Requests", "Retry-After: 0\r\n", b""));
    part(
        &mut busy,
        "/manifests/",
        &head(
            "503 Service Unavailable",
            "Connection: close\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
            b"",
        ),
    );
    part(
        &mut busy,
        "/manifests/",
        &head(
            "307 Temporary Redirect",
            "Connection: close\r\nLocation: /v2/x/manifests/y?z\r\n",
            b"",
        ),
    );
    image_parts(&mut busy, 3, "y");
    save("busy", &busy);
    // A layer that breaks off and goes on.
    let mut broken = Vec::new();
    v2(&mut broken, &head("200 OK", "", b"{}"));
    let layer = testkit::rootfs_tar(&random_fixture(1), &testkit::TarOptions::default());
    let (size, half) = (layer.len(), layer.len() / 2);
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{{{{digest 2}}}}"}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{{{{digest 5}}}}","size":{size}}}]}}"#
    );
    part(&mut broken, "/manifests/", &open_ended("", manifest.as_bytes()));
    part(&mut broken, "/blobs/", &open_ended("", br#"{"os":"linux","architecture":"amd64"}"#));
    part(&mut broken, "/blobs/", &open_ended("", &layer[..half]));
    let range = format!("Content-Range: bytes {half}-{}/{size}", size - 1);
    let head = format!("HTTP/1.1 206 Partial Content\r\nConnection: close\r\n{range}\r\n\r\n");
    part(&mut broken, "/blobs/", &[head.as_bytes(), &layer[half..]].concat());
    part(&mut broken, "never asked for", &layer);
    save("broken", &broken);
    for (name, text) in [
        (
            "bearer",
            r#"Bearer realm="https://auth.example/token",service="r",scope="repository:a/b:pull,push""#,
        ),
        ("basic", r#"Basic realm="a, \"b\"", BEARER Realm = x"#),
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT\nSun, 06 Nov 1994 08:49:30 GMT"),
        ("link", "</v2/a/tags/list?last=b&n=2>; rel=\"next\", <b>; title=x; rel=prev"),
        ("url", "https://cdn.example:443/b?c#d"),
        (
            "reference",
            "host.example:5000/a/b_c--d:1.0@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        ("spec", "containers-storage:[overlay@/var/lib+/run:x=y]name:1"),
    ] {
        write(corpus, "headers", name, text.as_bytes());
    }
}

fn files(corpus: &Path) {
    for selection in Selection::ALL {
        let mut bytes = Vec::new();
        let head = SketchHead { selection, hashes: 8 };
        let mut writer = SketchWriter::new(&mut bytes, head).expect("in memory");
        writer.write("a", (0..20).map(|it| it * 7919).collect()).expect("in memory");
        writer.write("b/c:1", vec![1, 2, 3]).expect("in memory");
        writer.finish().expect("in memory");
        write(corpus, "sketches", &format!("{selection:?}"), &bytes);
    }
    let directory = std::env::temp_dir().join(format!("oskin-seeds-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory");
    let file = directory.join("catalog.db");
    let mut catalog = Catalog::open_or_create(&file).expect("a catalog");
    for seed in 0..3 {
        let image = Image::from_layers(random_fixture(seed)).reference("a:1");
        let archive = directory.join(format!("{seed}.tar"));
        fs::write(&archive, docker_archive(&[image], &ArchiveOptions::default())).expect("a file");
        let text = format!("docker-archive:{}", archive.display());
        let spec = SourceSpec::parse(OsStr::new(&text)).expect("a specification");
        let options = ReadOptions::default();
        let images = source::open(&spec, &options).expect("an image");
        oskin::ingest::add(&mut catalog, &images[0], Some(&format!("i{seed}")), &options)
            .expect("added");
    }
    drop(catalog);
    write(corpus, "catalog", "three", &fs::read(&file).expect("the catalog"));
    drop(fs::remove_dir_all(&directory));
}
