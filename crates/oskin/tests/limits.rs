//! Every declared size has a limit of its own, and each says which one was passed.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{open_text, read, write};
use oskin::source::{Limits, ReadOptions, SourceError};
use std::fmt::Write as _;
use std::path::Path;
use testkit::{ArchiveOptions, Image, OciOptions, compress, docker_archive, oci_archive};

/// Reads what `text` names under limits, and says why it cannot.
fn refusal(text: &str, limits: Limits) -> Option<SourceError> {
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let images = match open_text(text, &options) {
        Ok(images) => images,
        Err(error) => return Some(error),
    };
    images.iter().find_map(|image| read(image, &options).err())
}

fn archives(directory: &Path) -> [String; 4] {
    let mut fixture = String::from("//- layer\n");
    for number in 0..20 {
        writeln!(fixture, "etc/{number} file 5000").unwrap();
    }
    let image = Image::from_fixture(&format!("{fixture}//- layer\nb file 1\n")).reference("a:1");
    let docker = docker_archive(std::slice::from_ref(&image), &ArchiveOptions::default());
    let oci = oci_archive(&[image], &OciOptions::default());
    let file = |name: &str, bytes: &[u8]| write(directory, name, bytes).display().to_string();
    [
        format!("docker-archive:{}", file("docker.tar", &docker)),
        format!("oci-archive:{}", file("oci.tar", &oci)),
        format!(
            "docker-archive:{}",
            file("docker.tar.gz", &compress(&docker, testkit::Compression::Gzip))
        ),
        format!("oci-archive:{}", file("oci.tar.zst", &compress(&oci, testkit::Compression::Zstd))),
    ]
}

#[test]
fn each_limit_is_held_in_archives_of_images_and_names_itself() {
    let directory = tempfile::tempdir().unwrap();
    let cases: [(Limits, &str); 4] = [
        (Limits { manifest_bytes: 100, ..Limits::default() }, "larger than the limit of 100 bytes"),
        (
            Limits { content_bytes: 9000, ..Limits::default() },
            "the content is larger than the limit of 9000 bytes",
        ),
        (Limits { entries: 3, ..Limits::default() }, "more entries than the limit of 3"),
        (Limits { layers: 1, ..Limits::default() }, "more layers than the limit of 1"),
    ];
    for archive in archives(directory.path()) {
        assert!(refusal(&archive, Limits::default()).is_none(), "{archive}");
        for (limits, message) in &cases {
            // What is read once has passed the manifest by when its size is known to be too much.
            let scanned = archive.ends_with("gz") || archive.ends_with("zst");
            if scanned && limits.manifest_bytes == 100 {
                assert!(refusal(&archive, limits.clone()).is_some(), "{archive}");
                continue;
            }
            let error = refusal(&archive, limits.clone()).expect("refused");
            assert!(error.to_string().contains(message), "{archive}: {error}");
            assert!(error.hint().expect("a hint").contains("--limit"), "{error}");
        }
    }
}

#[test]
fn long_paths_are_left_out_with_a_warning_that_tells_the_limit() {
    let directory = tempfile::tempdir().unwrap();
    let list = write(directory.path(), "list", b"short\na/much/longer/path\n");
    let archive = archives(directory.path())[0].clone();
    for (text, left, path_bytes) in [(format!("paths:{}", list.display()), 1, 8), (archive, 12, 5)]
    {
        let limits = Limits { path_bytes, ..Limits::default() };
        let options = ReadOptions { limits, ..ReadOptions::default() };
        let image = open_text(&text, &options).unwrap().remove(0);
        let warnings: Vec<_> =
            image.layers.iter().flat_map(|layer| layer.read(&options).unwrap().warnings).collect();
        assert_eq!(read(&image, &options).unwrap().len(), left, "{text}");
        let what = format!("path is longer than the limit of {path_bytes} bytes");
        assert!(warnings.iter().all(|warning| warning.what.contains(&what)), "{warnings:?}");
        assert!(!warnings.is_empty());
    }
}

#[test]
fn indexes_in_indexes_have_a_depth() {
    let directory = tempfile::tempdir().unwrap();
    let image = Image::from_fixture("a file 1\n").reference("a:1");
    let options = OciOptions { nesting: 2, ..OciOptions::default() };
    let archive = oci_archive(&[image], &options);
    let text = format!("oci-archive:{}", write(directory.path(), "a.tar", &archive).display());
    assert!(refusal(&text, Limits::default()).is_none());
    let limits = Limits { index_depth: 1, ..Limits::default() };
    let error = refusal(&text, limits).expect("refused").to_string();
    assert!(error.contains("more indexes in each other than the limit of 1"), "{error}");
}
