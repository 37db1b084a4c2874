//! A registry of the tests' own that speaks HTTP/1.1 well enough to say anything.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::{Image, OciOptions, write_oci_layout};

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The first byte of the range that is asked for.
    pub(crate) fn from(&self) -> usize {
        let range = self.header("range").strip_prefix("bytes=").unwrap_or("0-");
        range.trim_end_matches('-').parse().unwrap()
    }

    pub(crate) fn is_blob(&self) -> bool {
        self.path.contains("/blobs/")
    }

    pub(crate) fn is_manifest(&self) -> bool {
        self.path.contains("/manifests/")
    }
}

/// How a body is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    Whole,
    /// The connection ends after so many bytes.
    CutAt(usize),
    /// After the body zeros come without an end.
    Endless,
    /// The connection ends before there is an answer.
    HangUp,
    /// One byte, a wait, and so on.
    Drip(Duration),
    /// So many bytes, then nothing while the connection stays.
    StuckAt(usize),
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) manner: Manner,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), manner: Manner::Whole }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn sent(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }
}

/// A server that answers until the test ends.
pub(crate) struct Liar {
    pub(crate) port: u16,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Liar {
    pub(crate) fn new(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&log), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                // A client that goes away in the middle is what many tests want.
                std::thread::spawn(move || drop(serve(stream, &seen, &*answer)));
            }
        });
        Self { port, log }
    }

    /// The name of an image there.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("docker://127.0.0.1:{}/{name}", self.port)
    }

    /// What was asked but for what finds out how to ask.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|asked| asked.path != "/v2/").cloned().collect()
    }

    /// How many blobs were asked for.
    pub(crate) fn blobs(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(Asked::is_blob).collect()
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Asked>>,
    answer: &dyn Fn(&Asked) -> Reply,
) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        // A handshake of TLS is not understood.
        if head.is_empty() && byte[0] == 0x16 {
            return Ok(());
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let asked = Asked {
        method: first.next().unwrap_or_default(),
        path: first.next().unwrap_or_default(),
        headers,
        body: String::from_utf8(body).unwrap(),
    };
    seen.lock().unwrap().push(asked.clone());
    let reply = match asked.path.as_str() {
        "/v2/" => Reply::new(200, "{}"),
        _ => answer(&asked),
    };
    let is_head = asked.method == "HEAD";
    send(&mut stream, &reply, is_head)
}

fn send(stream: &mut TcpStream, reply: &Reply, is_head: bool) -> io::Result<()> {
    if reply.manner == Manner::HangUp {
        return Ok(());
    }
    let mut head = format!("HTTP/1.1 {} Said\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let has_length = reply.headers.iter().any(|(name, _)| name == "Content-Length");
    if reply.manner == Manner::Endless {
        // Without a length the end of the connection is that of the body.
    } else if !has_length {
        head.push_str(&format!("Content-Length: {}\r\n", reply.body.len()));
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    if is_head {
        return Ok(());
    }
    match reply.manner {
        Manner::Whole | Manner::HangUp => stream.write_all(&reply.body),
        Manner::CutAt(at) => stream.write_all(&reply.body[..at]),
        Manner::Endless => {
            stream.write_all(&reply.body)?;
            loop {
                stream.write_all(&[0; 4096])?;
            }
        }
        Manner::Drip(wait) => {
            for byte in &reply.body {
                stream.write_all(&[*byte])?;
                std::thread::sleep(wait);
            }
            Ok(())
        }
        Manner::StuckAt(at) => {
            stream.write_all(&reply.body[..at])?;
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        }
    }
}

/// The blobs and manifests of images by digest and tag, to be served as they are or changed.
#[derive(Clone)]
pub(crate) struct Shelf {
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    /// Digests by tags.
    pub(crate) tags: BTreeMap<String, String>,
}

impl Shelf {
    /// Those of one image, tagged `1`.
    pub(crate) fn of(image: &Image) -> Self {
        Self::of_layout(std::slice::from_ref(image), &OciOptions::default())
    }

    /// Those of a layout; what its index names first is tagged `1`.
    pub(crate) fn of_layout(images: &[Image], options: &OciOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_oci_layout(dir.path(), images, options).unwrap();
        Self::read(dir.path())
    }

    fn read(dir: &Path) -> Self {
        let mut blobs = BTreeMap::new();
        for entry in std::fs::read_dir(dir.join("blobs/sha256")).unwrap() {
            let path = entry.unwrap().path();
            let hex = path.file_name().unwrap().to_str().unwrap();
            blobs.insert(format!("sha256:{hex}"), std::fs::read(&path).unwrap());
        }
        let index: serde_json::Value =
            serde_json::from_slice(&std::fs::read(dir.join("index.json")).unwrap()).unwrap();
        let digest = index["manifests"][0]["digest"].as_str().unwrap().to_owned();
        Self { blobs, tags: BTreeMap::from([("1".to_owned(), digest)]) }
    }

    /// Puts in a manifest and tags it `1`.
    pub(crate) fn put(&mut self, manifest: &serde_json::Value) -> String {
        self.put_bytes(manifest.to_string().into_bytes())
    }

    pub(crate) fn put_bytes(&mut self, manifest: Vec<u8>) -> String {
        let digest = testkit::digest(&manifest);
        self.blobs.insert(digest.clone(), manifest);
        self.tags.insert("1".to_owned(), digest.clone());
        digest
    }

    /// The manifest that is tagged `1`.
    pub(crate) fn manifest(&self) -> serde_json::Value {
        serde_json::from_slice(&self.blobs[&self.tags["1"]]).unwrap()
    }

    /// The digest of a layer.
    pub(crate) fn layer(&self, at: usize) -> String {
        self.manifest()["layers"][at]["digest"].as_str().unwrap().to_owned()
    }

    /// What an honest registry answers, ranges included.
    pub(crate) fn answer(&self, asked: &Asked) -> Reply {
        let Some(last) = asked.path.rsplit('/').next() else { return absent() };
        let digest = self.tags.get(last).cloned().unwrap_or_else(|| last.to_owned());
        let Some(bytes) = self.blobs.get(&digest) else { return absent() };
        let from = asked.from();
        let reply = match from {
            0 => Reply::new(200, bytes.clone()),
            from => Reply::new(206, &bytes[from..]).with(
                "Content-Range",
                &format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len()),
            ),
        };
        reply.with("Docker-Content-Digest", &digest)
    }
}

fn absent() -> Reply {
    Reply::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#)
}
