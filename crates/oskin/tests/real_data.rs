//! Real images with known answers: every archive of the shared data gives the right listing or a
//! clear error. The answers come from other readers and from `tar`.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{counts, lines, open_text, read, read_text, shared_data};
use oskin::image::Platform;
use oskin::path_set::Selection;
use oskin::source::{ReadOptions, SourceError};
use std::path::Path;

/// Opens with `--all` and gives every image with its counts.
fn all(path: &Path) -> Result<Vec<(String, (u64, u64))>, SourceError> {
    let options = ReadOptions { all: true, ..ReadOptions::default() };
    let images = open_text(path.to_str().unwrap(), &options)?;
    images
        .into_iter()
        .map(|image| Ok((image.name.clone(), counts(&read(&image, &options)?))))
        .collect()
}

#[test]
fn every_row_of_the_manifest() {
    let Some(data) = shared_data() else { return };
    let table = std::fs::read_to_string(data.join("real/manifest.tsv")).unwrap();
    let mut rows = 0;
    for row in table.lines().skip(1) {
        let fields: Vec<&str> = row.split('\t').collect();
        let number = |at: usize| fields[at].parse::<u64>().unwrap_or(0);
        let kind = fields[1].to_lowercase();
        if !["oci", "docker", "rootfs"].iter().any(|known| kind.contains(known))
            || fields[0].starts_with("sif/")
        {
            continue;
        }
        rows += 1;
        let (file, picked) = fields[0].split_once('@').unwrap_or((fields[0], ""));
        let path = data.join("real").join(file);
        let is_platform = file.ends_with("multiarch");
        let options = ReadOptions {
            platform: is_platform.then(|| format!("linux/{picked}").parse().unwrap()),
            ..ReadOptions::default()
        };
        let transport = match (path.is_dir(), kind.contains("oci")) {
            (true, _) => "oci",
            (false, true) => "oci-archive",
            _ => "docker-archive",
        };
        let text = if picked.is_empty() || is_platform {
            path.display().to_string()
        } else {
            format!("{transport}:{}:{picked}", path.display())
        };
        let images = open_text(&text, &options).unwrap_or_else(|error| panic!("{text}: {error}"));
        let inventory = read(&images[0], &options).unwrap();
        let expected = (number(4) + number(6) + number(7), number(5));
        assert_eq!((images.len(), counts(&inventory)), (1, expected), "{text}");
    }
    assert_eq!(rows, 27);
}

#[test]
fn images_as_other_readers_count_them() {
    let Some(data) = shared_data() else { return };
    for (file, files, directories) in [
        ("dive__test-docker-image.tar", 405, 18),
        ("trivy__alpine-310.tar.gz", 394, 88),
        ("trivy__alpine-311.tar.gz", 398, 90),
        ("snyk-docker-plugin__alpine.tar", 415, 96),
        ("snyk-docker-plugin__npm7-with-package-lock-file.tar", 427, 103),
        ("snyk-docker-plugin__npm7-with-node-modules-only.tar", 1093, 272),
        ("snyk-docker-plugin__npm7-without-package-lock-file.tar", 1094, 272),
        ("snyk-docker-plugin__yarn-with-lock-file.tar", 427, 103),
        ("snyk-docker-plugin__busybox-1.31.1.tar", 403, 17),
        ("snyk-docker-plugin__busybox-single-arch-with-attestation-manifest.tar", 422, 19),
        ("snyk-docker-plugin__busybox.amd64.tar", 421, 19),
        ("snyk-docker-plugin__busybox.arm64.tar", 421, 19),
        ("snyk-docker-plugin__node-removed.tar", 405, 19),
    ] {
        let path = data.join("images").join(file);
        let (_, inventory) = read_text(path.to_str().unwrap()).unwrap();
        assert_eq!(counts(&inventory), (files, directories), "{file}");
    }
    let path = data.join("images/dive__test-docker-image.tar");
    let (image, inventory) = read_text(path.to_str().unwrap()).unwrap();
    assert_eq!((image.layers.len(), inventory.totals().size_bytes), (14, 1_188_573));
}

#[test]
fn layers_that_images_share_are_known_by_one_key() {
    let Some(data) = shared_data() else { return };
    let base = |file: &str| {
        let path = data.join("images").join(format!("snyk-docker-plugin__{file}.tar"));
        let options = ReadOptions::default();
        let image = open_text(path.to_str().unwrap(), &options).unwrap().remove(0);
        let layer = image.layers[0].read(&options).unwrap();
        assert_eq!(Some(*layer.key.digest()), image.layers[0].diff_id());
        (layer.key, layer.layer.len())
    };
    let first = base("npm7-with-package-lock-file");
    assert_eq!(first.1, 425 + 102);
    for file in
        ["npm7-with-node-modules-only", "npm7-without-package-lock-file", "yarn-with-lock-file"]
    {
        assert_eq!(base(file), first, "{file}");
    }
}

/// How many paths two images share, how many only the first has, how many only the second.
fn overlap(a: &Path, b: &Path, selection: Selection) -> [usize; 3] {
    let paths = |path: &Path| {
        let text = format!("{}{}", transport(path), path.display());
        let (_, inventory) = read_text(&text).unwrap();
        let selected = inventory.iter().filter(|entry| match selection {
            Selection::Files => !entry.kind.is_directory(),
            Selection::Directories => entry.kind.is_directory(),
            Selection::Both => true,
        });
        selected.map(|entry| entry.path.to_vec()).collect::<std::collections::BTreeSet<_>>()
    };
    let (a, b) = (paths(a), paths(b));
    let common = a.intersection(&b).count();
    [common, a.len() - common, b.len() - common]
}

/// Plain lists are never guessed.
fn transport(path: &Path) -> &'static str {
    if path.to_string_lossy().contains(".paths") { "paths:" } else { "" }
}

fn dice([common, left_only, right_only]: [usize; 3]) -> String {
    format!("{:.6}", 2.0 * common as f64 / (2 * common + left_only + right_only) as f64)
}

#[test]
fn pairs_have_the_published_similarities() {
    let Some(data) = shared_data() else { return };
    let selections = [Selection::Files, Selection::Directories, Selection::Both];
    for (a, b, expected) in [
        (
            "images/trivy__alpine-310.tar.gz",
            "images/trivy__alpine-311.tar.gz",
            ["0.994949", "0.988764", "0.993814"],
        ),
        (
            "images/trivy__alpine-310.tar.gz",
            "images/snyk-docker-plugin__busybox-1.31.1.tar",
            ["0.210790", "0.285714", "0.219512"],
        ),
        (
            "listings-2017/library/nginx:1.11.8.img.zip",
            "listings-2017/library/debian:8.6.img.zip",
            ["0.857164", "0.828333", "0.853450"],
        ),
        (
            "listings-2017/library/python:3.6.0.img.zip",
            "listings-2017/library/buildpack-deps:jessie.img.zip",
            ["0.959049", "0.958836", "0.959027"],
        ),
        (
            "listings-2017/library/debian:8.6.img.zip",
            "listings-2017/library/ubuntu:16.04.img.zip",
            ["0.703829", "0.757842", "0.710520"],
        ),
        (
            "listings-2017/library/redis:3.0.7.img.zip",
            "listings-2017/library/debian:8.6.img.zip",
            ["0.958991", "0.980210", "0.961593"],
        ),
    ] {
        let found =
            selections.map(|selection| dice(overlap(&data.join(a), &data.join(b), selection)));
        assert_eq!(found, expected, "{a} with {b}");
    }
    let (base, modified) = (
        data.join("pathlists/container-diff__diff-base.paths.gz"),
        data.join("pathlists/container-diff__diff-modified.paths.gz"),
    );
    assert_eq!(overlap(&base, &modified, Selection::Both), [11_400, 2, 1_662]);
}

#[test]
fn equal_content_is_seen_across_images() {
    let Some(data) = shared_data() else { return };
    let read = |file: &str| {
        let path = data.join("images").join(file);
        read_text(path.to_str().unwrap()).unwrap().1
    };
    let (a, b) = (read("trivy__alpine-310.tar.gz"), read("trivy__alpine-311.tar.gz"));
    let same = a.iter().filter(|entry| {
        !entry.kind.is_directory()
            && b.get(entry.path).is_some_and(|other| {
                (other.kind, other.link, other.digest) == (entry.kind, entry.link, entry.digest)
            })
    });
    assert_eq!(same.count(), 364);
}

#[test]
fn listings_of_2017_are_taken_as_they_are() {
    let Some(data) = shared_data() else { return };
    let table = std::fs::read_to_string(data.join("listings-2017/gold.tsv")).unwrap();
    let mut compared = 0;
    for row in table.lines().skip(1) {
        let fields: Vec<&str> = row.split('\t').collect();
        let set = if fields[0] == "docker-library" { "library" } else { "os" };
        let path = data.join("listings-2017").join(set).join(format!("{}.img.zip", fields[1]));
        if !path.exists() {
            continue;
        }
        let (image, inventory) = read_text(path.to_str().unwrap()).unwrap();
        assert_eq!(image.name, fields[1]);
        // The table counts the root among the folders.
        let expected = (fields[4].parse::<u64>().unwrap(), fields[5].parse::<u64>().unwrap());
        let (files, directories) = counts(&inventory);
        let root = u64::from(expected.1 > 0);
        assert_eq!((files, directories + root), expected, "{}", fields[1]);
        compared += 1;
    }
    assert_eq!(compared, 110);
}

#[test]
fn listings_of_2024_hold_every_file_and_no_view_through_links() {
    let Some(data) = shared_data() else { return };
    for (file, name, files) in [
        ("alpine:3.20", "library/alpine:3.20", 421),
        ("debian:12", "library/debian:12", 5853),
        ("busybox:1.23", "library/busybox:1.23", 369),
    ] {
        let path = data.join("listings-2024").join(format!("{file}.json"));
        let (image, inventory) = read_text(path.to_str().unwrap()).unwrap();
        assert!(image.name.ends_with(name), "{}", image.name);
        assert_eq!(counts(&inventory), (files, 0), "{name}");
    }
}

/// Every archive of `tiny/`: the images in it with files and directories, or a part of the error.
const TINY: [(&str, Result<&[(&str, u64, u64)], &str>); 32] = [
    (
        "container-inspector__imagesv11",
        Ok(&[
            ("me/test_image_tar:1.0", 71, 39),
            ("she/image_from_scratch:1.0", 1, 0),
            ("you/secondimage:1.2", 72, 39),
        ]),
    ),
    (
        "container-inspector__layer_with_links",
        Ok(&[("container-inspector__layer_with_links", 11, 5)]),
    ),
    (
        "container-inspector__mini-image_from_scratch-2.0",
        Ok(&[("she/image_from_scratch:1.0", 5, 2)]),
    ),
    (
        "container-inspector__tar_relative-with-whiteouts",
        Ok(&[("container-inspector__tar_relative-with-whiteouts", 0, 0)]),
    ),
    ("dive__test-estargz-image", Ok(&[("dive__test-estargz-image", 1, 0)])),
    ("dive__test-gzip-image", Ok(&[("dive__test-gzip-image", 1, 0)])),
    ("dive__test-oci-estargz-image", Ok(&[("dive__test-oci-estargz-image", 1, 0)])),
    ("dive__test-oci-gzip-image", Ok(&[("dive__test-oci-gzip-image", 1, 0)])),
    ("dive__test-oci-uncompressed-image", Ok(&[("dive__test-oci-uncompressed-image", 1, 0)])),
    ("dive__test-oci-zstd-image", Ok(&[("dive__test-oci-zstd-image", 1, 0)])),
    ("dive__test-uncompressed-image", Ok(&[("dive__test-uncompressed-image", 1, 0)])),
    ("dive__test-zstd-image", Ok(&[("dive__test-zstd-image", 1, 0)])),
    (
        "go-containerregistry__hello-world-v25",
        Ok(&[("go-containerregistry__hello-world-v25", 1, 0)]),
    ),
    ("go-containerregistry__no_manifest", Err("neither manifest.json")),
    ("go-containerregistry__null_manifest", Err("names no image")),
    (
        "go-containerregistry__overwritten_file",
        Ok(&[("bazel/pkg/v1/mutate:overwritten_file", 2, 0)]),
    ),
    ("go-containerregistry__test_bundle", Ok(&[("test_image_2", 2, 0), ("test_image_1", 2, 0)])),
    (
        "go-containerregistry__test_link",
        Ok(&[("bazel/v1/tarball:test_image_1", 2, 0), ("bazel/v1/tarball:test_image_3", 3, 0)]),
    ),
    ("go-containerregistry__whiteout_dir", Ok(&[("localhost:5000/whiteout:latest", 2, 2)])),
    ("go-containerregistry__whiteout_image", Ok(&[("bazel/pkg/v1/mutate:whiteout_image", 1, 0)])),
    ("osv-scalibr__basic", Ok(&[("basic:latest", 2, 0)])),
    ("osv-scalibr__empty", Err("holds no entries")),
    ("osv-scalibr__multiple-files", Ok(&[("multiple-files:latest", 3, 1)])),
    ("osv-scalibr__overwrite-file", Ok(&[("overwrite-file:latest", 1, 0)])),
    ("osv-scalibr__single-file", Ok(&[("single-file:latest", 1, 0)])),
    ("osv-scalibr__symlink-attack", Ok(&[("symlink-attack:latest", 2, 1)])),
    ("osv-scalibr__symlink-basic", Ok(&[("symlink-basic:latest", 5, 1)])),
    ("osv-scalibr__symlink-cycle", Ok(&[("symlink-cycle:latest", 3, 1)])),
    ("osv-scalibr__symlink-dangling", Ok(&[("dangling-symlinks:latest", 7, 3)])),
    ("osv-scalibr__symlink-depth-exceeded", Ok(&[("symlink-depth-exceeded:latest", 8, 1)])),
    ("osv-scalibr__two-files", Ok(&[("two-files:latest", 2, 0)])),
    ("stereoscope__valid-oci", Ok(&[("sample:latest", 1, 0)])),
];

#[test]
fn all_tiny_archives() {
    let Some(data) = shared_data() else { return };
    let tiny = data.join("tiny");
    for (name, expected) in TINY {
        let found = all(&tiny.join(format!("{name}.tar")));
        match (found, expected) {
            (Ok(found), Ok(expected)) => {
                let expected: Vec<(String, (u64, u64))> =
                    expected.iter().map(|&(n, f, d)| (n.to_owned(), (f, d))).collect();
                assert_eq!(found, expected, "{name}");
            }
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{name}: {error}");
                assert!(error.hint().is_some(), "{name}: {error}");
            }
            (found, expected) => panic!("{name}: {found:?} instead of {expected:?}"),
        }
    }
    assert_eq!(std::fs::read_dir(tiny).unwrap().count(), TINY.len());
}

#[test]
fn tiny_archives_entry_by_entry() {
    let Some(data) = shared_data() else { return };
    let listed = |name: &str| {
        let path = data.join("tiny").join(format!("{name}.tar"));
        lines(&read_text(path.to_str().unwrap()).unwrap().1)
    };
    let expected = ["file bar.txt", "symlink foo.txt -> bar.txt"];
    assert_eq!(listed("go-containerregistry__overwritten_file"), expected);
    let expected = ["directory a", "file a/baz", "directory b", "file b/bar"];
    assert_eq!(listed("go-containerregistry__whiteout_dir"), expected);
    assert_eq!(listed("go-containerregistry__whiteout_image"), ["file bar.txt"]);
    assert_eq!(listed("stereoscope__valid-oci"), ["file README.md"]);
    let expected = [
        "directory additions",
        "file additions/bar",
        "directory additions/baz",
        "file additions/baz/this",
        "file additions/foo",
        "file additions/hello",
        "file hello",
    ];
    assert_eq!(listed("container-inspector__mini-image_from_scratch-2.0"), expected);
    let expected = [
        "directory dir1",
        "symlink dir1/attack-symlink-absolute.txt -> /../secret.txt",
        "symlink dir1/attack-symlink.txt -> ../../secret.txt",
    ];
    assert_eq!(listed("osv-scalibr__symlink-attack"), expected);
}

#[test]
fn several_images_are_listed_and_picked() {
    let Some(data) = shared_data() else { return };
    let path = data.join("tiny/go-containerregistry__test_bundle.tar");
    let path = path.to_str().unwrap();
    let error = read_text(path).unwrap_err();
    assert!(error.to_string().contains("2 images: :test_image_2, :test_image_1"), "{error}");
    assert!(error.hint().unwrap().contains("--all"));
    let picked =
        |pick: &str| lines(&read_text(&format!("docker-archive:{path}:{pick}")).unwrap().1);
    assert_eq!(picked("test_image_1"), ["file bar", "file foo"]);
    assert_eq!(picked("@0"), ["file bat", "file baz"]);
    assert!(read_text(&format!("docker-archive:{path}:@2")).is_err());
}

#[test]
fn the_symlinked_layer_of_two_images_is_one_layer() {
    let Some(data) = shared_data() else { return };
    let path = data.join("real/docker/docker-save-20.10-bb-family.tar.gz");
    let options = ReadOptions { all: true, ..ReadOptions::default() };
    let images = open_text(path.to_str().unwrap(), &options).unwrap();
    let bases: Vec<_> =
        images.iter().map(|image| image.layers[0].read(&options).unwrap()).collect();
    assert_eq!(bases.len(), 3);
    assert!(bases.iter().all(|base| base.key == bases[0].key && base.layer == bases[0].layer));
}

#[test]
fn platforms_are_picked_or_listed() {
    let Some(data) = shared_data() else { return };
    let path = data.join("real/oci/hello-multiarch");
    let text = path.to_str().unwrap();
    let asked: Platform = "linux/mips64le".parse().unwrap();
    let options = ReadOptions { platform: Some(asked), ..ReadOptions::default() };
    let error = open_text(text, &options).unwrap_err();
    assert!(error.to_string().contains("linux/s390x"), "{error}");
    assert_eq!(all(&path).unwrap().len(), 7);
}

#[test]
fn what_cannot_be_read_is_named() {
    let Some(data) = shared_data() else { return };
    for (file, what) in [
        ("real/disk/bb-xfs.qcow2", "XFS"),
        ("real/disk/bb-btrfs.qcow2", "btrfs"),
        ("pathlists/container-diff__diff-modified.changed.txt", "text file"),
    ] {
        let error = read_text(data.join(file).to_str().unwrap()).unwrap_err();
        assert!(error.to_string().contains(what), "{file}: {error}");
        assert!(error.hint().is_some(), "{file}");
    }
}
