//! What fuzzing found once is read ever after: it may be refused, but does not panic and ends soon.

mod common;

use common::{open_text, read};
use oskin::source::ReadOptions;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long one file may take.
const MOST_TIME: Duration = Duration::from_secs(20);

#[test]
fn what_was_found_once_is_read_or_refused_in_time() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/regressions");
    let mut files = 0;
    for transport in std::fs::read_dir(root).unwrap() {
        let transport = transport.unwrap();
        for file in std::fs::read_dir(transport.path()).unwrap() {
            let path = file.unwrap().path();
            let text = format!("{}:{}", transport.file_name().display(), path.display());
            let options = ReadOptions { all: true, ..ReadOptions::default() };
            let started = Instant::now();
            if let Ok(images) = open_text(&text, &options) {
                for image in &images {
                    drop(read(image, &options));
                }
            }
            assert!(started.elapsed() < MOST_TIME, "{text}");
            files += 1;
        }
    }
    assert!(files > 0);
}
