//! Real images with known answers, where they lie beside the repository; skipped elsewhere.

use crate::common::Place;
use std::path::{Path, PathBuf};

/// Where the data lies, if it does.
pub(crate) fn data() -> Option<PathBuf> {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)?.join("../..");
    let data = root.join("../shared/data");
    if data.is_dir() {
        return data.canonicalize().ok();
    }
    println!("skipped: no ../shared/data");
    None
}

fn counts(place: &Place, source: &str) -> (u64, u64) {
    let show = place.json(&["show", source]);
    let number = |name: &str| show[name].as_u64().unwrap_or_else(|| panic!("{source}: {show}"));
    (number("files"), number("directories"))
}

#[test]
fn every_listed_image_has_the_counts_of_another_reader() {
    let Some(data) = data() else { return };
    let place = Place::new();
    let manifest = std::fs::read_to_string(data.join("real/manifest.tsv")).unwrap();
    let mut lines = manifest.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let mut checked = 0;
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let file = cells[column("file")];
        if !["oci/", "docker/", "rootfs/"].iter().any(|folder| file.starts_with(folder)) {
            continue;
        }
        let number = |name: &str| cells[column(name)].parse::<u64>().unwrap();
        let expected = (number("files") + number("symlinks") + number("other"), number("dirs"));
        let (path, reference) = file.split_once('@').unwrap_or((file, ""));
        let path = data.join("real").join(path);
        let transport = match (file.starts_with("docker/"), path.is_dir()) {
            (true, _) => "docker-archive",
            (false, true) => "oci",
            (false, false) if file.starts_with("rootfs/") => "tar",
            (false, false) => "oci-archive",
        };
        let source = format!("{transport}:{}", path.display());
        let got = match reference {
            "amd64" | "arm64" | "s390x" => {
                let platform = format!("linux/{reference}");
                let show = place.json(&["show", "--platform", &platform, &source]);
                (show["files"].as_u64().unwrap(), show["directories"].as_u64().unwrap())
            }
            "" => counts(&place, &source),
            reference => counts(&place, &format!("{source}:{reference}")),
        };
        assert_eq!(got, expected, "{file}");
        checked += 1;
    }
    assert!(checked > 20, "only {checked} rows were checked");
}

#[test]
fn small_archives_are_listed_or_refused() {
    let Some(data) = data() else { return };
    let place = Place::new();
    let tiny = |name: &str| data.join("tiny").join(name).display().to_string();
    for (name, expected) in [
        ("container-inspector__mini-image_from_scratch-2.0.tar", (5, 2)),
        ("container-inspector__imagesv11.tar:she/image_from_scratch:1.0", (5, 2)),
        ("container-inspector__layer_with_links.tar", (11, 5)),
        ("dive__test-oci-zstd-image.tar", (1, 0)),
        ("dive__test-oci-estargz-image.tar", (1, 0)),
        ("go-containerregistry__hello-world-v25.tar", (1, 0)),
        ("go-containerregistry__overwritten_file.tar", (2, 0)),
        ("go-containerregistry__whiteout_dir.tar", (2, 2)),
        ("go-containerregistry__whiteout_image.tar", (1, 0)),
    ] {
        // The images of this archive carry another tree; only that it is picked counts.
        if name.contains(":she/") {
            let source = format!("docker-archive:{}", tiny(name));
            assert!(counts(&place, &source).0 > 0);
            continue;
        }
        assert_eq!(counts(&place, &tiny(name)), expected, "{name}");
    }
    for name in [
        "go-containerregistry__no_manifest.tar",
        "go-containerregistry__null_manifest.tar",
        "go-containerregistry__test_bundle.tar",
        "osv-scalibr__empty.tar",
    ] {
        let ran = place.run(&["show", &tiny(name)]);
        assert_eq!(ran.code, Some(2), "{name}: {}{}", ran.stdout, ran.stderr);
    }
    let all = std::fs::read_dir(data.join("tiny")).unwrap();
    for file in all.map(|entry| entry.unwrap().path()) {
        let ran = place.run_os(&["show".as_ref(), file.as_os_str()]);
        assert!(matches!(ran.code, Some(0 | 2)), "{}: {}", file.display(), ran.stderr);
    }
}

fn similarities(place: &Place, left: &Path, right: &Path) -> [String; 3] {
    let sides = [left, right].map(|path| path.display().to_string());
    let report = place.json(&["compare", &sides[0], &sides[1]]);
    ["files", "directories", "both"].map(|selection| {
        format!("{:.6}", report["selections"][selection]["dice"].as_f64().unwrap())
    })
}

/// The archives of these have all applets as one file, whose first name is `bin/[`.
#[test]
fn busybox_is_found_under_the_name_of_an_applet() {
    let Some(data) = data() else { return };
    let place = Place::new();
    for (file, version) in [
        ("images/snyk-docker-plugin__busybox.amd64.tar", "1.36.1"),
        ("images/snyk-docker-plugin__busybox.arm64.tar", "1.36.1"),
        ("images/snyk-docker-plugin__busybox-1.31.1.tar", "1.31.1"),
        ("images/dive__test-docker-image.tar", "1.29.3"),
        ("real/rootfs/busybox-1.33.1-musl.tar.xz", "1.33.1"),
        ("real/rootfs/busybox-1.38.0-uclibc.tar.gz", "1.38.0"),
    ] {
        let source = data.join(file);
        let report = place.json(&["packages", source.to_str().unwrap()]);
        let purls: Vec<&str> = report["packages"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|it| it["purl"].as_str())
            .collect();
        assert_eq!(purls, [format!("pkg:generic/busybox@{version}")], "{file}");
    }
}

#[test]
fn published_pairs_agree_to_six_decimals() {
    let Some(data) = data() else { return };
    let place = Place::new();
    let image = |name: &str| data.join("images").join(name);
    let alpine = image("trivy__alpine-310.tar.gz");
    assert_eq!(
        similarities(&place, &alpine, &image("trivy__alpine-311.tar.gz")),
        ["0.994949", "0.988764", "0.993814"]
    );
    assert_eq!(
        similarities(&place, &alpine, &image("snyk-docker-plugin__busybox-1.31.1.tar")),
        ["0.210790", "0.285714", "0.219512"]
    );
    let listing = |name: &str| data.join("listings-2017/library").join(format!("{name}.img.zip"));
    for (left, right, expected) in [
        ("nginx:1.11.8", "debian:8.6", ["0.857164", "0.828333", "0.853450"]),
        ("python:3.6.0", "buildpack-deps:jessie", ["0.959049", "0.958836", "0.959027"]),
        ("debian:8.6", "ubuntu:16.04", ["0.703829", "0.757842", "0.710520"]),
        ("redis:3.0.7", "debian:8.6", ["0.958991", "0.980210", "0.961593"]),
    ] {
        assert_eq!(similarities(&place, &listing(left), &listing(right)), expected, "{left}");
    }
}

/// Of how many releases of 2024 the nearest is of the same family, and of how many in families of
/// three and more the nearest other one is the release before or after.
fn releases_told(place: &Place, view: &[&str]) -> [usize; 2] {
    let report = place.json(&[&["matrix"], view].concat());
    let names = report["names"].as_array().unwrap().iter();
    let names: Vec<(&str, Vec<u32>)> = names
        .map(|name| {
            let (family, release) = name.as_str().unwrap().rsplit_once(':').unwrap();
            (family, release.split('.').map(|number| number.parse().unwrap()).collect())
        })
        .collect();
    let value = |row: usize, column: usize| report["values"][row][column].as_f64().unwrap();
    let nearest = |row: usize, others: &[usize]| {
        *others.iter().max_by(|a, b| value(row, **a).total_cmp(&value(row, **b))).unwrap()
    };
    let (mut same_family, mut neighbors) = (0, 0);
    for (row, (family, release)) in names.iter().enumerate() {
        let others: Vec<usize> = (0..names.len()).filter(|other| *other != row).collect();
        same_family += usize::from(names[nearest(row, &others)].0 == *family);
        let mut kin: Vec<usize> =
            others.into_iter().filter(|other| names[*other].0 == *family).collect();
        if kin.len() < 2 {
            continue;
        }
        kin.sort_by_key(|it| &names[*it].1);
        let found = kin.iter().position(|it| *it == nearest(row, &kin)).unwrap();
        let place = kin.partition_point(|it| names[*it].1 < *release);
        neighbors += usize::from(found == place || found + 1 == place);
    }
    [same_family, neighbors]
}

#[test]
fn releases_are_told_apart() {
    let Some(data) = data() else { return };
    let place = Place::new();
    let files = std::fs::read_dir(data.join("listings-2024")).unwrap();
    let files: Vec<String> = files.map(|file| file.unwrap().path().display().to_string()).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    place.ok(&[&["add", "-q"][..], &files].concat());
    assert_eq!(releases_told(&place, &[]), [42, 43]);
    assert_eq!(releases_told(&place, &["--view", "masked"]), [43, 44]);
    assert_eq!(releases_told(&place, &["--view", "masked,core"]), [45, 44]);
    assert_eq!(releases_told(&place, &["--by", "words"])[1], 44);
}
