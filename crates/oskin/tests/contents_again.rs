//! Contents of files that are asked for again by their digests, however an image is reached.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{open_text, read_text, write};
use oskin::image::Digest;
use oskin::source::{ReadOptions, Wanted, contents};
use std::collections::BTreeMap;
use testkit::{ArchiveOptions, Compression, Image, compress, docker_archive};

const FIXTURE: &str = r#"
//- layer
usr/share/text file "as it is\n"
usr/share/same file "as it is\n"
usr/share/size file "as it IS\n"
etc/passwd file "a:secret:1:1:A:/:/bin/sh\n"
etc/text symlink ../usr/share/text
//- layer
usr/share/name hardlink usr/share/same
usr/share/gone file "gone"
//- layer
usr/share/.wh.gone file
"#;

/// What is asked for of an image by paths.
fn asked(text: &str, paths: &[&str]) -> Wanted {
    let (_, inventory) = read_text(text).unwrap();
    Wanted::new(paths.iter().map(|path| {
        let path = inventory.resolve(path.as_bytes()).unwrap();
        let entry = inventory.get(&path).unwrap();
        (*entry.digest.unwrap(), entry.size_bytes)
    }))
}

fn again(text: &str, wanted: Wanted) -> BTreeMap<Digest, Vec<u8>> {
    let options = ReadOptions { wanted, ..ReadOptions::default() };
    let image = open_text(text, &options).unwrap().remove(0);
    let found = contents(&image, &options).unwrap();
    // Nothing of it is kept with layers, which may come into a catalog.
    for layer in &image.layers {
        let kept = layer.read(&options).unwrap().layer.kept().clone();
        assert!(kept.values().all(|it| !it.windows(6).any(|it| it == b"secret")));
    }
    found
}

fn check(text: &str) {
    let paths = ["etc/text", "usr/share/name", "etc/passwd"];
    let found = again(text, asked(text, &paths));
    let mut told: Vec<_> = found.values().map(|it| String::from_utf8_lossy(it)).collect();
    told.sort();
    assert_eq!(told, ["a:secret:1:1:A:/:/bin/sh\n", "as it is\n"], "{text}");
    for (digest, content) in &found {
        assert_eq!(digest.to_string(), testkit::digest(content), "{text}");
    }
    assert_eq!(again(text, Wanted::default()), BTreeMap::new());
    // Of the right size, and not there.
    assert_eq!(again(text, Wanted::new([(Digest([7; 32]), 9)])), BTreeMap::new());
}

#[test]
fn archives_directories_and_layouts_give_contents_again() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::from_fixture(FIXTURE).compression(Compression::Gzip);
    let archive = docker_archive(std::slice::from_ref(&image), &ArchiveOptions::default());
    // In a compressed archive layers are read when it is opened.
    for outer in [Compression::None, Compression::Gzip] {
        let path = write(dir.path(), "image.tar", &compress(&archive, outer));
        check(path.to_str().unwrap());
    }
    let layout = dir.path().join("layout");
    testkit::write_oci_layout(&layout, &[image], &testkit::OciOptions::default()).unwrap();
    check(&format!("oci:{}", layout.display()));
    let root = dir.path().join("root");
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::create_dir_all(root.join("usr/share")).unwrap();
    std::fs::write(root.join("usr/share/text"), "as it is\n").unwrap();
    std::fs::write(root.join("etc/passwd"), "a:secret:1:1:A:/:/bin/sh\n").unwrap();
    std::fs::hard_link(root.join("usr/share/text"), root.join("usr/share/name")).unwrap();
    std::os::unix::fs::symlink("../usr/share/text", root.join("etc/text")).unwrap();
    check(&format!("rootfs:{}", root.display()));
}
