//! What a registry may do wrong on the way of the bytes: each ends soon, in the image or in a clear
//! failure.

use crate::liar::{Asked, Liar, Manner, Reply, Shelf};
use crate::{hasty, read};
use oskin::source::{ReadOptions, SourceError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use testkit::{Compression, Image};

/// An image with a layer that is larger than the buffers on the way, for zeros compress well.
fn image() -> Image {
    Image::from_fixture(
        "//- layer\nbin/sh file 120\nlib/big file 900000\n//- layer\netc/x file 9\n",
    )
    .reference("app:1")
    .compression(Compression::None)
}

fn expected() -> usize {
    image().expected().len()
}

/// Reads the image of a server that answers like `lie` where that says something.
fn of(lie: impl Fn(&Asked, &Shelf) -> Option<Reply> + Send + Sync + 'static) -> Liar {
    let shelf = Shelf::of(&image());
    Liar::new(move |asked| lie(asked, &shelf).unwrap_or_else(|| shelf.answer(asked)))
}

fn outcome(liar: &Liar, options: &ReadOptions<'_>) -> (Result<usize, SourceError>, Duration) {
    let start = Instant::now();
    let read = read(&liar.image("app:1"), options).map(|inventory| inventory.len());
    (read, start.elapsed())
}

/// Reading it fails with a message that ends so, and a hint that holds that, within so long.
#[track_caller]
fn assert_fails(liar: &Liar, message: &str, hint: &str, within: u64) {
    let (read, elapsed) = outcome(liar, &hasty());
    let error = read.unwrap_err();
    assert!(error.to_string().contains(message), "{error}");
    assert!(error.to_string().starts_with(&liar.image("app:1")), "{error}");
    let told = error.hint().unwrap_or_default();
    assert!(told.contains(hint), "{error}: {told}");
    assert!(elapsed < Duration::from_secs(within), "{elapsed:?}: {error}");
}

#[track_caller]
fn assert_reads(liar: &Liar) {
    let (read, elapsed) = outcome(liar, &hasty());
    assert_eq!(read.unwrap(), expected());
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
}

/// How many requests like this one were there before.
fn counted(count: &AtomicUsize) -> usize {
    count.fetch_add(1, Ordering::SeqCst)
}

#[test]
fn an_honest_one_is_read() {
    let liar = of(|_, _| None);
    assert_reads(&liar);
    // The manifest, the configuration and two layers, each once.
    let paths: Vec<String> = liar.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths.len(), 4, "{paths:?}");
}

#[test]
fn other_bytes_than_promised() {
    let liar = of(|asked, shelf| {
        let is_it = asked.path.ends_with(&shelf.layer(0));
        is_it.then(|| {
            let mut reply = shelf.answer(asked);
            let at = reply.body.len() / 2;
            reply.body[at] ^= 1;
            reply
        })
    });
    assert_fails(&liar, "digest mismatch: expected sha256:", "push the image anew", 5);
    let liar = of(|asked, shelf| {
        let reply = shelf.answer(asked);
        let other = format!("sha256:{}", "0".repeat(64));
        asked
            .is_manifest()
            .then(|| Reply::new(200, reply.body).with("Docker-Content-Digest", &other))
    });
    assert_fails(&liar, "manifest: digest mismatch: expected sha256:0000", "", 5);
    let liar = of(|asked, shelf| {
        asked.is_manifest().then(|| Reply::new(200, &*shelf.blobs[&shelf.tags["1"]]))
    });
    let text = liar.image(&format!("app@sha256:{}", "1".repeat(64)));
    let error = read(&text, &hasty()).unwrap_err();
    assert!(
        error.to_string().contains("manifest: digest mismatch: expected sha256:1111"),
        "{error}"
    );
}

#[test]
fn a_body_that_breaks_off_is_taken_up_where_it_broke() {
    let count = AtomicUsize::new(0);
    let liar = of(move |asked, shelf| {
        let is_it = asked.path.ends_with(&shelf.layer(0)) && counted(&count) < 2;
        is_it.then(|| shelf.answer(asked).sent(Manner::CutAt(300_000)))
    });
    assert_reads(&liar);
    let ranges: Vec<usize> =
        liar.blobs().iter().map(Asked::from).filter(|from| *from > 0).collect();
    assert_eq!(ranges, [300_000, 600_000]);
}

#[test]
fn a_body_that_breaks_off_begins_anew_where_parts_are_not_given() {
    // First without parts at all, then with others than were asked for.
    for status in [200, 206] {
        let count = AtomicUsize::new(0);
        let liar = of(move |asked, shelf| {
            let bytes = shelf
                .blobs
                .get(&shelf.layer(0))
                .filter(|_| asked.path.ends_with(&shelf.layer(0)))?;
            Some(match (counted(&count), asked.from()) {
                (0, _) => Reply::new(200, &**bytes).sent(Manner::CutAt(300_000)),
                (_, 0) => Reply::new(200, &**bytes),
                (_, _) if status == 200 => Reply::new(200, &**bytes),
                (_, from) => Reply::new(206, &bytes[from - 1..])
                    .with("Content-Range", &format!("bytes {}-{}/*", from - 1, bytes.len())),
            })
        });
        assert_reads(&liar);
    }
}

#[test]
fn a_body_that_always_breaks_off() {
    let liar = of(|asked, shelf| {
        let is_it = asked.path.ends_with(&shelf.layer(0));
        is_it.then(|| Reply::new(200, &*shelf.blobs[&shelf.layer(0)]).sent(Manner::CutAt(1000)))
    });
    assert_fails(&liar, "layer: the body breaks off", "try again later", 5);
    let layers = liar.blobs().len();
    assert!(layers < 10, "{layers}");
    // A body that is shorter than promised, and says so.
    let liar = of(|asked, shelf| {
        let is_it = asked.path.ends_with(&shelf.layer(0));
        is_it.then(|| Reply::new(200, &shelf.blobs[&shelf.layer(0)][..5000]))
    });
    assert_fails(&liar, "breaks off", "try again later", 5);
    // A manifest that breaks off each time.
    let liar =
        of(|asked, shelf| asked.is_manifest().then(|| shelf.answer(asked).sent(Manner::CutAt(10))));
    assert_fails(
        &liar,
        "manifest: the body breaks off, also when asked 2 more times",
        "try again later",
        5,
    );
}

#[test]
fn a_body_without_an_end() {
    let liar = of(|asked, shelf| {
        asked.path.ends_with(&shelf.layer(1)).then(|| shelf.answer(asked).sent(Manner::Endless))
    });
    assert_fails(&liar, "bytes come that are promised", "push the image there again", 5);
    let liar = of(|asked, shelf| {
        let is_it = asked.path.ends_with(&shelf.layer(1));
        is_it.then(|| shelf.answer(asked).with("Content-Length", "99999999999"))
    });
    assert_fails(&liar, "99999999999 bytes come where ", "push the image there again", 5);
    for path in ["/manifests/", "/blobs/"] {
        let liar = of(move |asked, shelf| {
            let is_it = asked.path.contains(path) && !asked.path.ends_with(&shelf.layer(0));
            is_it.then(|| shelf.answer(asked).sent(Manner::Endless))
        });
        let mut options = hasty();
        options.limits.manifest_bytes = 100_000;
        let error = outcome(&liar, &options).0.unwrap_err();
        assert!(error.to_string().ends_with("larger than the limit of 100000 bytes"), "{error}");
    }
}

#[test]
fn failures_that_pass_and_that_stay() {
    let count = AtomicUsize::new(0);
    let liar = of(move |asked, _| {
        (asked.is_manifest() && counted(&count) < 2).then(|| Reply::new(500, ""))
    });
    assert_reads(&liar);
    let liar = of(|asked, _| asked.is_manifest().then(|| Reply::new(503, "")));
    assert_fails(
        &liar,
        "manifest: the registry fails: 503 Service Unavailable, also when asked 2 more times",
        "try again later",
        5,
    );
    assert_eq!(liar.asked().len(), 3);
    let liar = of(|asked, _| asked.is_blob().then(|| Reply::new(500, "")));
    assert_fails(
        &liar,
        "configuration: the registry fails: 500 Internal Server Error",
        "try again later",
        5,
    );
    // Other answers are not asked for again.
    let liar = of(|asked, _| asked.is_manifest().then(|| Reply::new(418, "")));
    assert_fails(&liar, "manifest: the registry answers 418", "", 5);
    assert_eq!(liar.asked().len(), 1);
}

#[test]
fn a_registry_that_is_asked_too_often() {
    for (after, date) in
        [("1", ""), ("Sun, 06 Nov 1994 08:49:38 GMT", "Sun, 06 Nov 1994 08:49:37 GMT")]
    {
        let count = AtomicUsize::new(0);
        let liar = of(move |asked, _| {
            let is_it = asked.is_manifest() && counted(&count) < 1;
            is_it.then(|| Reply::new(429, "").with("Retry-After", after).with("Date", date))
        });
        let (read, elapsed) = outcome(&liar, &hasty());
        assert_eq!(read.unwrap(), expected());
        assert!(
            elapsed >= Duration::from_secs(1) && elapsed < Duration::from_secs(4),
            "{elapsed:?}"
        );
    }
    let liar = of(|asked, _| {
        asked.is_manifest().then(|| {
            Reply::new(429, r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#)
                .with("Retry-After", "3600")
        })
    });
    assert_fails(
        &liar,
        "the registry is asked too often (slow down), and asks to come back in 3600 s",
        "login",
        2,
    );
}

#[test]
fn bytes_that_come_too_slowly() {
    let drip = Manner::Drip(Duration::from_millis(50));
    let liar = of(move |asked, shelf| {
        asked.path.ends_with(&shelf.layer(0)).then(|| shelf.answer(asked).sent(drip))
    });
    assert_fails(&liar, "bytes came in ", "too slow or broken", 10);
    let liar = of(|asked, shelf| {
        let is_it = asked.path.ends_with(&shelf.layer(0));
        is_it.then(|| shelf.answer(asked).sent(Manner::StuckAt(100)))
    });
    assert_fails(&liar, "no more bytes come", "too slow or broken", 10);
    let liar = of(move |asked, shelf| asked.is_manifest().then(|| shelf.answer(asked).sent(drip)));
    assert_fails(&liar, "manifest: only ", "too slow or broken", 10);
    let liar = of(|asked, _| {
        if asked.is_manifest() {
            std::thread::sleep(Duration::from_secs(30));
        }
        None
    });
    assert_fails(&liar, "manifest: no answer within ", "", 15);
}

#[test]
fn connections_that_break_before_an_answer() {
    let count = AtomicUsize::new(0);
    let hang_up = || Some(Reply::new(200, "").sent(Manner::HangUp));
    let liar = of(move |_, _| if counted(&count).is_multiple_of(2) { hang_up() } else { None });
    assert_reads(&liar);
    let liar = of(move |asked, _| if asked.is_blob() { hang_up() } else { None });
    let message = "configuration: the connection breaks off, also when asked 2 more times";
    assert_fails(&liar, message, "", 5);
    let liar = of(|asked, _| {
        asked.is_manifest().then(|| Reply::new(200, "x").with("bad header\u{0}", ""))
    });
    let (read, elapsed) = outcome(&liar, &hasty());
    assert!(read.unwrap_err().to_string().contains("manifest: what answers does not speak HTTP"));
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}
