//! What fuzzing found once is read ever after: it may be refused, but does not panic and ends soon.
//! Inputs named `whole-` are those that fuzzing began with, and nothing of them is refused.

#[path = "common/hostile.rs"]
mod hostile;

use oskin::source::Limits;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long one file may take.
const MOST_TIME: Duration = Duration::from_secs(20);

#[test]
fn what_was_found_once_is_read_or_refused_in_time() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/regressions");
    let mut files = 0;
    for kind in std::fs::read_dir(root).unwrap() {
        let kind = kind.unwrap();
        for file in std::fs::read_dir(kind.path()).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let started = Instant::now();
            let kind = kind.file_name();
            let found = hostile::read(kind.to_str().unwrap(), &bytes, &Limits::default());
            let is_whole = path.file_name().unwrap().to_str().unwrap().starts_with("whole-");
            assert!(found > 0 || !is_whole, "{}: nothing was read", path.display());
            assert!(started.elapsed() < MOST_TIME, "{}", path.display());
            files += 1;
        }
    }
    drop(std::fs::remove_dir_all(hostile::in_memory("")));
    assert!(files > 0);
}
