//! Archives and layouts made by testkit are read to the listing that its model expects.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{assert_same, counts, lines, open_text, read, read_text, warnings, write};
use oskin::source::{ReadOptions, Transport};
use proptest::prelude::*;
use std::path::Path;
use testkit::{
    ArchiveFlavor, ArchiveOptions, BlobFiles, Compression, Defect, Image, ManifestPlace,
    MediaTypes, NamePrefix, OciOptions, RefNames, SharedLayers, TarEnd, TarFormat, TarOptions,
    compress, docker_archive, oci_archive, write_oci_layout,
};

const RICH: &str = r#"
//- layer
bin/ dir mode=0755
bin/sh file 120
bin/ash hardlink bin/sh
lib symlink usr/lib
usr/lib/libc.so file 70000
etc/os-release file "ID=test\n"
"odd name\xff" file 3
dev/null char 1 3
run/pipe fifo
var/cache/a file 1
var/cache/b file 1
//- layer
.wh.bin file
var/cache/c file 1
var/cache/.wh..wh..opq file
lib/added file 5
//- layer
etc/passwd file 9 uid=7 gid=8 mode=0600
usr/lib/libc.so symlink libc2.so
"#;

fn rich() -> Image {
    Image::from_fixture(RICH).reference("app:1.0")
}

#[test]
fn every_flavor_and_compression_of_docker_archives() {
    let dir = tempfile::tempdir().unwrap();
    let flavors = [
        ArchiveFlavor::Docker20,
        ArchiveFlavor::Skopeo,
        ArchiveFlavor::Crane,
        ArchiveFlavor::Docker25,
    ];
    for flavor in flavors {
        for inner in Compression::ALL {
            for manifest in [ManifestPlace::First, ManifestPlace::Last] {
                let image = rich().compression(inner);
                let options = ArchiveOptions { flavor, manifest, ..ArchiveOptions::default() };
                let archive = docker_archive(std::slice::from_ref(&image), &options);
                let what = format!("{flavor:?} {inner:?} {manifest:?}");
                check_archive(dir.path(), &archive, &image, &what);
            }
        }
    }
}

/// Reads an archive as it is, and compressed, sniffed and with its transport.
fn check_archive(dir: &Path, archive: &[u8], image: &Image, what: &str) {
    for outer in [Compression::None, Compression::Gzip, Compression::ZstdFrames] {
        let path = write(dir, "image.bin", &compress(archive, outer));
        let (found, inventory) = read_text(path.to_str().unwrap()).unwrap();
        assert_same(&inventory, &image.expected(), &format!("{what} in {outer:?}"));
        assert_eq!(found.transport, Transport::DockerArchive, "{what}");
        assert_eq!((&*found.name, found.reference.as_deref()), ("app:1.0", Some("app:1.0")));
        let layers: Vec<String> = found
            .layers
            .iter()
            .map(|layer| layer.read(&ReadOptions::default()).unwrap().key.to_string())
            .collect();
        assert_eq!(layers, image.diff_ids(), "{what}");
        assert_eq!(inventory.os_identity().unwrap().id.as_deref(), Some("test"));
    }
}

#[test]
fn every_form_of_image_layouts() {
    let dir = tempfile::tempdir().unwrap();
    let image = rich().compression(Compression::Gzip);
    let mut number = 0;
    for nesting in [0, 2] {
        for attestations in [false, true] {
            for media_types in [MediaTypes::Oci, MediaTypes::Docker] {
                for blobs in [BlobFiles::Plain, BlobFiles::Symlinked] {
                    for index_platforms in [false, true] {
                        let options = OciOptions {
                            nesting,
                            attestations,
                            media_types,
                            blobs,
                            index_platforms,
                            ..OciOptions::default()
                        };
                        number += 1;
                        let layout = dir.path().join(number.to_string());
                        check_layout(&layout, &image, &options);
                    }
                }
            }
        }
    }
}

fn check_layout(layout: &Path, image: &Image, options: &OciOptions) {
    let images = std::slice::from_ref(image);
    write_oci_layout(layout, images, options).unwrap();
    let what = format!("{options:?}");
    let (found, inventory) = read_text(layout.to_str().unwrap()).unwrap();
    assert_eq!(found.transport, Transport::Oci);
    assert!(found.manifest_digest.is_some() && found.config_digest.is_some());
    assert_same(&inventory, &image.expected(), &what);
    let archive = oci_archive(images, options);
    for outer in [Compression::None, Compression::Xz] {
        let path = layout.join("outer.tar");
        std::fs::write(&path, compress(&archive, outer)).unwrap();
        let (found, inventory) = read_text(path.to_str().unwrap()).unwrap();
        assert_eq!(found.transport, Transport::OciArchive);
        assert_same(&inventory, &image.expected(), &what);
    }
}

#[test]
fn tar_options_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let long = format!("{0}/{0}/{0}", "long-name".repeat(12));
    let fixture = format!("{RICH}{long} file 10 uid=3000000\n{long}2 symlink {long}\n");
    for format in [TarFormat::Ustar, TarFormat::Pax, TarFormat::Gnu] {
        for prefix in [NamePrefix::None, NamePrefix::DotSlash, NamePrefix::Slash] {
            for end in [TarEnd::TwoBlocks, TarEnd::Record, TarEnd::Missing] {
                let (root_entry, global_header) = (end != TarEnd::Missing, end == TarEnd::Record);
                let options = TarOptions { format, prefix, root_entry, global_header, end };
                let image = Image::from_fixture(&fixture).tar_options(options);
                let archive = docker_archive(
                    std::slice::from_ref(&image),
                    &ArchiveOptions { outer: options, ..ArchiveOptions::default() },
                );
                let path = write(dir.path(), "image.tar", &archive);
                let (_, inventory) = read_text(path.to_str().unwrap()).unwrap();
                assert_same(&inventory, &image.expected(), &format!("{options:?}"));
            }
        }
    }
}

#[test]
fn images_that_share_layers_are_all_read() {
    let dir = tempfile::tempdir().unwrap();
    let (base, child) = RICH.rsplit_once("//- layer\n").unwrap();
    let images = [
        Image::from_fixture(base).reference("base:1"),
        Image::from_fixture(RICH).reference("child:1"),
        Image::from_fixture(&format!("{base}//- layer\n{child}x file 1\n")).reference("child:2"),
    ];
    for shared in [SharedLayers::Symlink, SharedLayers::Copy] {
        let options = ArchiveOptions { shared, ..ArchiveOptions::default() };
        let archive = docker_archive(&images, &options);
        for outer in [Compression::None, Compression::Gzip] {
            let path = write(dir.path(), "images.tar", &compress(&archive, outer));
            let all = ReadOptions { all: true, ..ReadOptions::default() };
            let found = open_text(path.to_str().unwrap(), &all).unwrap();
            let names: Vec<&str> = found.iter().map(|image| &*image.name).collect();
            assert_eq!(names, ["base:1", "child:1", "child:2"]);
            for (image, found) in images.iter().zip(&found) {
                assert_same(&read(found, &all).unwrap(), &image.expected(), &found.name);
            }
            let error = read_text(path.to_str().unwrap()).unwrap_err();
            assert!(error.to_string().contains("3 images: :base:1, :child:1, :child:2"));
            let picked = format!("docker-archive:{}:child:2", path.display());
            assert_eq!(read_text(&picked).unwrap().0.name, "child:2");
        }
    }
}

#[test]
fn platforms_of_one_reference_are_one_image() {
    let dir = tempfile::tempdir().unwrap();
    let image = |platform: &str, file: &str| {
        Image::from_fixture(&format!("{file} file 1\n")).reference("app:1").platform(platform)
    };
    let images = [
        image("linux/s390x", "z"),
        image("linux/amd64", "a"),
        image("linux/arm/v6", "v6"),
        image("linux/arm/v7", "v7"),
        image("linux/arm64/v8", "b"),
    ];
    for nesting in [0, 1] {
        let layout = dir.path().join(nesting.to_string());
        let options = OciOptions { nesting, attestations: true, ..OciOptions::default() };
        write_oci_layout(&layout, &images, &options).unwrap();
        let text = format!("oci:{}:app:1", layout.display());
        let picked = |platform: &str| {
            let platform = Some(platform.parse().unwrap());
            let options = ReadOptions { platform, ..ReadOptions::default() };
            let images = open_text(&text, &options)?;
            assert_eq!(images.len(), 1);
            Ok::<_, oskin::source::SourceError>(
                lines(&read(&images[0], &options).unwrap()).join(" "),
            )
        };
        assert_eq!(picked("linux/amd64").unwrap(), "file a");
        assert_eq!(picked("linux/arm").unwrap(), "file v7");
        assert_eq!(picked("linux/arm/v6").unwrap(), "file v6");
        assert_eq!(picked("linux/arm64").unwrap(), "file b");
        let error = picked("windows/amd64").unwrap_err();
        assert!(error.to_string().ends_with(
            "no image for windows/amd64, only for linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64/v8, linux/s390x"
        ), "{error}");
        let all = ReadOptions { all: true, ..ReadOptions::default() };
        let names: Vec<String> = open_text(layout.to_str().unwrap(), &all)
            .unwrap()
            .into_iter()
            .map(|i| i.name)
            .collect();
        assert_eq!(
            names,
            [
                "app:1-linux-s390x",
                "app:1-linux-amd64",
                "app:1-linux-arm-v6",
                "app:1-linux-arm-v7",
                "app:1-linux-arm64-v8"
            ]
        );
    }
}

#[test]
fn the_only_image_is_taken_for_any_platform_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::from_fixture("a file 1\n").platform("windows/amd64");
    write_oci_layout(dir.path(), &[image], &OciOptions::default()).unwrap();
    let text = dir.path().to_str().unwrap();
    assert_eq!(counts(&read_text(text).unwrap().1), (1, 0));
    assert!(warnings(text)[0].contains("for windows/amd64, not for linux/"));
}

#[test]
fn references_are_found_by_full_name_and_by_tag() {
    let dir = tempfile::tempdir().unwrap();
    let images = [
        Image::from_fixture("a file 1\n").reference("one:1"),
        Image::from_fixture("b file 1\n").reference("two:2"),
    ];
    for ref_names in [RefNames::Full, RefNames::TagOnly] {
        let layout = dir.path().join(format!("{ref_names:?}"));
        let options = OciOptions { ref_names, ..OciOptions::default() };
        write_oci_layout(&layout, &images, &options).unwrap();
        let text = format!("oci:{}:2", layout.display());
        assert_eq!(lines(&read_text(&text).unwrap().1), ["file b"]);
        assert!(read_text(&format!("oci:{}:3", layout.display())).is_err());
        assert_eq!(
            lines(&read_text(&format!("oci:{}:@0", layout.display())).unwrap().1),
            ["file a"]
        );
    }
}

#[test]
fn defects_are_errors_that_say_where() {
    let dir = tempfile::tempdir().unwrap();
    let defects = [
        (Defect::WrongDiffId(1), "digest mismatch"),
        (Defect::DiffIdMissing, "declares 2 layers, the manifest 3"),
        (Defect::WrongBlobDigest(1), "digest mismatch"),
        (Defect::WrongBlobSize(1), "bytes are promised"),
        (Defect::TruncatedLayer(1), ""),
        (Defect::MissingLayer(1), "is missing"),
        (Defect::GarbageTar(1), "not a tar archive"),
        (Defect::GarbageBlob(1), "not a tar archive"),
        (Defect::MissingConfig, "configuration"),
        (Defect::GarbageConfig, "not a configuration"),
        (Defect::GarbageManifest, ""),
    ];
    for (defect, part) in defects {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let image = rich().compression(compression).defect(defect);
            let images = [image];
            let layout = dir.path().join(format!("{defect:?}{compression:?}"));
            write_oci_layout(&layout, &images, &OciOptions::default()).unwrap();
            let error = read_text(layout.to_str().unwrap()).unwrap_err();
            assert!(error.to_string().contains(part), "{defect:?}: {error}");
            let is_spoiled_in_docker =
                !matches!(defect, Defect::WrongBlobDigest(_) | Defect::WrongBlobSize(_));
            if !is_spoiled_in_docker {
                continue;
            }
            let archive = docker_archive(&images, &ArchiveOptions::default());
            for outer in [Compression::None, Compression::Gzip] {
                let path = write(dir.path(), "defect.tar", &compress(&archive, outer));
                let text = format!("docker-archive:{}", path.display());
                let error = read_text(&text).unwrap_err();
                assert!(error.to_string().contains(part), "{defect:?} in {outer:?}: {error}");
                assert!(error.to_string().contains("defect.tar"), "{error}");
            }
        }
    }
}

#[test]
fn layers_that_nobody_asks_for_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    // The second image cannot be read; the first does not care.
    let images = [
        Image::from_fixture("a file 1\n").reference("good:1"),
        Image::from_fixture("b file 1\n").reference("bad:1").defect(Defect::GarbageTar(0)),
    ];
    let archive = docker_archive(&images, &ArchiveOptions::default());
    for outer in [Compression::None, Compression::Gzip] {
        let path = write(dir.path(), "two.tar", &compress(&archive, outer));
        let text = |pick: &str| format!("docker-archive:{}:{pick}", path.display());
        assert_eq!(lines(&read_text(&text("good:1")).unwrap().1), ["file a"]);
        assert!(read_text(&text("bad:1")).is_err());
    }
}

#[test]
fn a_damaged_image_keeps_no_other_from_being_read() {
    let dir = tempfile::tempdir().unwrap();
    let all = ReadOptions { all: true, ..ReadOptions::default() };
    let defects = [
        (Defect::MissingLayer(0), "is missing"),
        (Defect::MissingConfig, "is missing"),
        (Defect::GarbageConfig, "not a configuration"),
        (Defect::DiffIdMissing, "declares 1 layers"),
        (Defect::GarbageManifest, "bad"),
    ];
    for (number, (defect, part)) in defects.into_iter().enumerate() {
        let images = [
            Image::from_fixture("a file 1\nb file 2\n").reference("one:1"),
            Image::from_fixture("a file 1\n//- layer\nc file 2\n")
                .reference("bad:1")
                .defect(defect),
            Image::from_fixture("a file 1\nb file 3\n").reference("two:1"),
        ];
        let layout = dir.path().join(number.to_string());
        write_oci_layout(&layout, &images, &OciOptions::default()).unwrap();
        let mut texts = vec![format!("oci:{}", layout.display())];
        // A docker archive has one manifest for all its images.
        if defect != Defect::GarbageManifest {
            let archive = docker_archive(&images, &ArchiveOptions::default());
            let path = write(dir.path(), &format!("{number}.tar"), &archive);
            texts.push(format!("docker-archive:{}", path.display()));
        }
        for text in texts {
            let found = open_text(&text, &all).unwrap();
            let names: Vec<&str> = found.iter().map(|image| &*image.name).collect();
            assert_eq!(names, ["one:1", "bad:1", "two:1"], "{text}");
            assert_eq!(counts(&read(&found[0], &all).unwrap()), (2, 0));
            assert_eq!(counts(&read(&found[2], &all).unwrap()), (2, 0));
            let error = read(&found[1], &all).unwrap_err();
            assert!(part == "bad" || error.to_string().contains(part), "{defect:?}: {error}");
            assert!(error.hint().is_some(), "{error}");
            assert_eq!(counts(&read_text(&format!("{text}:two:1")).unwrap().1), (2, 0));
            assert!(read_text(&format!("{text}:bad:1")).is_err());
        }
    }
}

#[test]
fn a_stream_is_read_in_one_pass() {
    let dir = tempfile::tempdir().unwrap();
    let archive = docker_archive(&[rich()], &ArchiveOptions::default());
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for (transport, bytes) in [
        ("docker-archive", archive.clone()),
        ("tar", testkit::rootfs_tar(rich().layers(), &TarOptions::default())),
    ] {
        let writer = {
            let pipe = pipe.clone();
            std::thread::spawn(move || std::fs::write(pipe, bytes))
        };
        let (_, inventory) = read_text(&format!("{transport}:{}", pipe.display())).unwrap();
        writer.join().unwrap().unwrap();
        assert_eq!(
            counts(&inventory).0,
            rich()
                .expected()
                .values()
                .filter(|entry| { entry.kind != testkit::ExpectedKind::Directory })
                .count() as u64
        );
    }
}

#[test]
fn layers_are_read_in_parallel() {
    use rayon::prelude::*;
    let dir = tempfile::tempdir().unwrap();
    let archive = docker_archive(&[rich()], &ArchiveOptions::default());
    let path = write(dir.path(), "image.tar", &archive);
    let options = ReadOptions::default();
    let image = open_text(path.to_str().unwrap(), &options).unwrap().remove(0);
    let keys: Vec<String> = image
        .layers
        .par_iter()
        .map(|layer| layer.read(&options).unwrap().key.to_string())
        .collect();
    assert_eq!(keys, rich().diff_ids());
}

#[test]
fn progress_counts_the_bytes_of_the_source() {
    use std::sync::atomic::{AtomicU64, Ordering};
    #[derive(Default)]
    struct Count(AtomicU64, AtomicU64);
    impl oskin::source::Progress for Count {
        fn expect(&self, bytes: u64) {
            self.0.fetch_add(bytes, Ordering::Relaxed);
        }
        fn advance(&self, bytes: u64) {
            self.1.fetch_add(bytes, Ordering::Relaxed);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let archive = docker_archive(&[rich()], &ArchiveOptions::default());
    for outer in [Compression::None, Compression::Gzip] {
        let stored = compress(&archive, outer);
        let path = write(dir.path(), "image.tar", &stored);
        let count = Count::default();
        let options = ReadOptions { progress: &count, ..ReadOptions::default() };
        let image = open_text(path.to_str().unwrap(), &options).unwrap().remove(0);
        read(&image, &options).unwrap();
        let (expected, advanced) = (count.0.into_inner(), count.1.into_inner());
        assert_eq!(expected, advanced, "{outer:?}");
        let layers: usize = rich().layer_tars().iter().map(Vec::len).sum();
        let size = if outer == Compression::None { layers } else { stored.len() };
        assert_eq!(advanced, size as u64, "{outer:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn random_layers_flatten_as_the_model_says(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        compression in 0..9_usize,
        flavor in 0..4_usize,
    ) {
        let layers = testkit::fixture_from_bytes(&bytes);
        let image = Image::from_layers(layers).compression(Compression::ALL[compression]);
        let dir = tempfile::tempdir().unwrap();
        let flavor = [
            ArchiveFlavor::Docker20,
            ArchiveFlavor::Skopeo,
            ArchiveFlavor::Crane,
            ArchiveFlavor::Docker25,
        ][flavor];
        let options = ArchiveOptions { flavor, ..ArchiveOptions::default() };
        let archive = docker_archive(std::slice::from_ref(&image), &options);
        let path = write(dir.path(), "image.tar", &archive);
        let (_, inventory) = read_text(path.to_str().unwrap()).unwrap();
        assert_same(&inventory, &image.expected(), &testkit::fixture_text(image.layers()));
    }
    /// Entries below files, which other tools refuse, included.
    #[test]
    fn disputed_layers_flatten_as_the_model_says(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        compression in 0..9_usize,
        nesting in 0..3_usize,
        is_archive: bool,
    ) {
        let layers = testkit::disputed_fixture_from_bytes(&bytes);
        let image = Image::from_layers(layers).compression(Compression::ALL[compression]);
        let dir = tempfile::tempdir().unwrap();
        let images = std::slice::from_ref(&image);
        let options = OciOptions { nesting, ..OciOptions::default() };
        let path = if is_archive {
            write(dir.path(), "image.tar", &oci_archive(images, &options))
        } else {
            write_oci_layout(dir.path(), images, &options).unwrap();
            dir.path().to_owned()
        };
        let (_, inventory) = read_text(path.to_str().unwrap()).unwrap();
        assert_same(&inventory, &image.expected(), &testkit::fixture_text(image.layers()));
    }
}

#[test]
fn annotations_of_manifests_are_facts() {
    let dir = tempfile::tempdir().unwrap();
    let image = rich().annotation("org.example.b", "2").annotation("org.example.a", "1");
    let plain = Image::from_fixture("//- layer\nother file 1\n").reference("plain:1");
    let both = [plain, image];
    let write_archive = |name: &str, bytes: &[u8]| write(dir.path(), name, bytes);
    let docker =
        |flavor| docker_archive(&both, &ArchiveOptions { flavor, ..ArchiveOptions::default() });
    write_oci_layout(&dir.path().join("layout"), &both, &OciOptions::default()).unwrap();
    let oci = oci_archive(&both, &OciOptions::default());
    write_archive("oci.tar", &oci);
    write_archive("oci.tar.gz", &compress(&oci, Compression::Gzip));
    write_archive("docker25.tar", &docker(ArchiveFlavor::Docker25));
    write_archive(
        "docker25.tar.gz",
        &compress(&docker(ArchiveFlavor::Docker25), Compression::Gzip),
    );
    write_archive("docker20.tar", &docker(ArchiveFlavor::Docker20));
    let told = [("manifest.annotations", r#"{"org.example.a":"1","org.example.b":"2"}"#)];
    for (way, expected) in [
        ("oci:layout", &told[..]),
        ("oci-archive:oci.tar", &told),
        ("oci-archive:oci.tar.gz", &told),
        ("docker-archive:docker25.tar", &told),
        ("docker-archive:docker25.tar.gz", &told),
        // This form has no manifest that could hold any.
        ("docker-archive:docker20.tar", &[]),
    ] {
        let way = way.replacen(':', &format!(":{}/", dir.path().display()), 1);
        let facts_of = |reference: &str| {
            let found = open_text(&format!("{way}:{reference}"), &ReadOptions::default());
            found.unwrap().remove(0).facts
        };
        let facts = facts_of("app:1.0");
        let facts: Vec<_> = facts.iter().map(|fact| (&*fact.kind, &*fact.text)).collect();
        assert_eq!(facts, expected, "{way}");
        assert_eq!(facts_of("plain:1"), [], "{way}");
    }
}

#[test]
fn annotations_that_are_none_are_no_facts() {
    let dir = tempfile::tempdir().unwrap();
    let layout = dir.path().join("layout");
    write_oci_layout(&layout, &[rich()], &OciOptions::default()).unwrap();
    let index = std::fs::read_to_string(layout.join("index.json")).unwrap();
    let mut index: serde_json::Value = serde_json::from_str(&index).unwrap();
    let hex = index["manifests"][0]["digest"].as_str().unwrap()[7..].to_owned();
    let blobs = layout.join("blobs/sha256");
    let manifest = std::fs::read(blobs.join(hex)).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    for odd in ["null", "[]", "{}", "\"text\"", "[[\"a\", \"b\"]]"] {
        manifest["annotations"] = serde_json::from_str(odd).unwrap();
        let bytes = manifest.to_string();
        let digest = testkit::digest(bytes.as_bytes());
        std::fs::write(blobs.join(&digest[7..]), &bytes).unwrap();
        index["manifests"][0]["digest"] = digest.into();
        index["manifests"][0]["size"] = bytes.len().into();
        std::fs::write(layout.join("index.json"), index.to_string()).unwrap();
        let (found, _) = read_text(&format!("oci:{}", layout.display())).unwrap();
        assert_eq!(found.facts, [], "{odd}");
    }
}
