//! Holds the writers and the model against GNU tar, the compressors, skopeo and umoci.
//!
//! Programs that are not installed are named in a line that begins with "skipped:".

#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]
#![expect(clippy::print_stderr, reason = "a skipped test must say so")]

mod disk;
mod programs;

use disk::{assert_same, is_root, remove, scan};
use programs::{assert_ran, gnu_tar_extract, installed, run_with, skopeo};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use testkit::{
    ArchiveFlavor, ArchiveOptions, BlobFiles, Compression, Defect, FixtureEntry, FixtureKind,
    FixtureLayer, Image, Listing, ManifestPlace, NamePrefix, OciOptions, SharedLayers, TarEnd,
    TarFormat, TarOptions, compress, digest, docker_archive, expected_listing, oci_archive, parse,
    random_fixture, replay, rootfs_tar, write_oci_layout, write_rootfs, write_tar,
};

const FAMILY: &str = r#"
//- layer created_by="base"
bin/            dir
bin/sh          file 120 mode=0755
bin/bash        hardlink bin/sh
etc/motd        file "hi"
etc/secret      file 700 mode=0600 uid=10 gid=20
etc/link        symlink ../usr/lib
run/pipe        fifo
tmp             dir mode=1777
usr/lib/a/b/c   file "implied parents"
usr/lib/old     file "to be replaced"
lib             symlink usr/lib
opt/one         file "1"
opt/two/deep    file "2"
"odd name\xff"  file ""
.dockerenv      file
//- layer created_by="change"
etc/.wh.motd    file
opt/new         file "after"
opt/.wh..wh..opq file
lib/through     file "into usr/lib"
usr/lib/old     dir
usr/lib/old/x   file
usr/lib/a       file "was a directory"
etc             dir mode=0750
bin/zsh         hardlink bin/sh
"#;

const NAMES: &str = r#"
"sp ace" file "1"
"ümlaut/größe" file "2"
"raw\xff\xfe/\x01" file "3"
"line\nbreak" file "4"
big file "5" uid=2097152 gid=4294967294 mtime=9999999999
s symlink "tärget\xff"
"#;

/// Removes from disk what the whiteouts of a layer hide.
fn apply_whiteouts(layer: &FixtureLayer, root: &Path) {
    for entry in &layer.entries {
        let path = root.join(OsStr::from_bytes(&entry.path));
        let name = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
        let Some(hidden) = name.strip_prefix(b".wh.") else { continue };
        let Ok(dir) = fs::canonicalize(path.parent().unwrap()) else { continue };
        assert!(dir.starts_with(fs::canonicalize(root).unwrap()), "leads out: {}", dir.display());
        if !dir.is_dir() {
            continue;
        }
        if hidden == b".wh..opq" {
            for child in fs::read_dir(dir).unwrap() {
                remove(&child.unwrap().path());
            }
        } else {
            remove(&dir.join(OsStr::from_bytes(hidden)));
        }
    }
}

/// Unpacks layer after layer with GNU tar; an error is what tar said.
///
/// GNU tar does not remove a directory with content for something else of its name; the test does
/// it between two runs of tar.
fn gnu_tar_listing(layers: &[FixtureLayer], options: TarOptions) -> Result<Listing, String> {
    let dir = TempDir::new().unwrap();
    let extract = |batch: &[FixtureEntry]| {
        let output = gnu_tar_extract(&write_tar(batch, &options), dir.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(said) }
    };
    for layer in layers {
        apply_whiteouts(layer, dir.path());
        let mut batch: Vec<FixtureEntry> = Vec::new();
        for entry in &layer.entries {
            let path = dir.path().join(OsStr::from_bytes(trimmed(&entry.path)));
            let in_the_way = entry.kind != FixtureKind::Directory
                && (path.is_dir() || batch.iter().any(|other| may_make(other, entry)));
            if in_the_way {
                extract(&batch)?;
                batch.clear();
                if fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
                    remove(&path);
                }
            }
            batch.push(entry.clone());
        }
        extract(&batch)?;
    }
    Ok(scan(dir.path()))
}

fn trimmed(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"./").or_else(|| name.strip_prefix(b"/")).unwrap_or(name)
}

/// Whether `other` may make a directory where `entry` wants to be, or is a link that may lead
/// `entry` to one.
fn may_make(other: &FixtureEntry, entry: &FixtureEntry) -> bool {
    if matches!(other.kind, FixtureKind::Symlink(_)) {
        return true;
    }
    let name = entry.path.rsplit(|byte| *byte == b'/').next();
    let last = usize::from(other.kind != FixtureKind::Directory);
    other.path.rsplit(|byte| *byte == b'/').skip(last).any(|part| Some(part) == name)
}

fn every_tar_option() -> Vec<TarOptions> {
    let mut all = Vec::new();
    for format in [TarFormat::Ustar, TarFormat::Pax, TarFormat::Gnu] {
        for prefix in [NamePrefix::None, NamePrefix::DotSlash, NamePrefix::Slash] {
            for end in [TarEnd::TwoBlocks, TarEnd::Record, TarEnd::Missing] {
                let root_entry = end != TarEnd::Missing;
                let global_header = end == TarEnd::Record;
                all.push(TarOptions { format, prefix, root_entry, global_header, end });
            }
        }
    }
    all
}

/// Names and links of all lengths around the limits of the header fields.
fn long_names() -> Vec<FixtureLayer> {
    let mut lines = Vec::new();
    for len in [98, 99, 100, 101, 154, 155, 156, 200, 255] {
        let flat = format!("f{}", "x".repeat(len - 1));
        lines.push(format!("{flat} file \"{len}\""));
        lines.push(format!("s{len} symlink {flat}"));
        lines.push(format!("h{len} hardlink {flat}"));
        lines.push(format!("d{}/ dir", "x".repeat(len - 1)));
    }
    for (directory, name) in [(155, 100), (155, 101), (156, 100), (100, 99), (1, 100)] {
        lines.push(format!("{}/{} file", "p".repeat(directory), "n".repeat(name)));
    }
    lines.push(format!("{} file \"deep\"", ["0123456789"; 60].join("/")));
    parse(&lines.join("\n")).unwrap()
}

#[test]
fn gnu_tar_unpacks_every_format_to_the_expected_listing() {
    for (name, layers) in [
        ("family", parse(FAMILY).unwrap()),
        ("names", parse(NAMES).unwrap()),
        ("long", long_names()),
    ] {
        let expected = expected_listing(&layers);
        assert_eq!(replay(&layers).refused, [], "{name}");
        for options in every_tar_option() {
            let what = format!("{name} {options:?}");
            let found = gnu_tar_listing(&layers, options);
            assert_same(&found.unwrap_or_else(|said| panic!("{what}: {said}")), &expected, &what);
        }
    }
}

/// Links that could lead out of the directory in which tar works are left out.
fn contained(layers: Vec<FixtureLayer>) -> Vec<FixtureLayer> {
    let leads_out = |target: &[u8]| target.starts_with(b"/") || target.starts_with(b"..");
    let keep = |layer: FixtureLayer| {
        let mut layer = layer;
        layer.entries.retain(|entry| match &entry.kind {
            FixtureKind::Symlink(target) => !leads_out(target),
            _ => true,
        });
        layer
    };
    layers.into_iter().map(keep).collect()
}

#[test]
fn gnu_tar_agrees_with_the_model_on_random_layers() {
    let mut compared = 0;
    for seed in 0..60 {
        let layers = contained(random_fixture(seed));
        let found = replay(&layers);
        if !found.refused.is_empty() || !found.disputed.is_empty() {
            continue;
        }
        let what = format!("seed {seed}:\n{}", testkit::fixture_text(&layers));
        match gnu_tar_listing(&layers, TarOptions::default()) {
            Ok(found) => assert_same(&found, &expected_listing(&layers), &what),
            // GNU tar does not make the directory that a link to nothing leads to; umoci does.
            Err(said) if said.contains("No such file or directory") => continue,
            Err(said) => panic!("{what}: {said}"),
        }
        compared += 1;
    }
    assert!(compared > 30, "only {compared} compared");
}

#[test]
fn gnu_tar_leaves_out_what_the_model_calls_disputed() {
    let layers = parse("a file \"1\"\na/b file\nlast file").unwrap();
    let found = replay(&layers);
    assert_eq!((found.refused.len(), found.disputed.len(), found.listing.len()), (0, 1, 3));
    let dir = TempDir::new().unwrap();
    let tar = write_tar(&layers[0].entries, &TarOptions::default());
    assert_eq!(gnu_tar_extract(&tar, dir.path()).status.code(), Some(2));
    let without = parse("a file \"1\"\nlast file").unwrap();
    assert_same(&scan(dir.path()), &expected_listing(&without), "a/b is left out");
}

#[test]
fn gnu_tar_refuses_what_the_model_refuses() {
    for bad in ["../evil file", "a/../evil file", "evil hardlink nothing"] {
        let layers = parse(&format!("ok file \"1\"\n{bad}\nlast file")).unwrap();
        assert_eq!(replay(&layers).refused.len(), 1, "{bad}");
        let dir = TempDir::new().unwrap();
        let tar = write_tar(&layers[0].entries, &TarOptions::default());
        assert_eq!(gnu_tar_extract(&tar, dir.path()).status.code(), Some(2), "{bad}");
        assert_same(&scan(dir.path()), &expected_listing(&layers), bad);
    }
}

#[test]
fn rootfs_builders_agree_with_the_model() {
    for seed in 0..20 {
        let what = format!("seed {seed}");
        let layers = random_fixture(seed);
        let expected = expected_listing(&layers);
        let dir = TempDir::new().unwrap();
        assert!(write_rootfs(dir.path(), &layers).unwrap().is_empty(), "{what}");
        assert_same(&scan(dir.path()), &expected, &what);

        let unpacked = TempDir::new().unwrap();
        let tar = rootfs_tar(&layers, &TarOptions::default());
        assert_ran(&gnu_tar_extract(&tar, unpacked.path()), &what);
        assert_same(&scan(unpacked.path()), &expected, &what);
    }
}

#[test]
fn devices_are_made_or_named_as_skipped() {
    let layers = parse("null char 1 3 mode=0666\nsda block 8 1\na file").unwrap();
    let dir = TempDir::new().unwrap();
    let skipped = write_rootfs(dir.path(), &layers).unwrap();
    let mut expected = expected_listing(&layers);
    expected.retain(|path, _| !skipped.contains(path));
    assert_same(&scan(dir.path()), &expected, "devices");
    if skipped.is_empty() {
        let found = gnu_tar_listing(&layers, TarOptions::default()).unwrap();
        assert_same(&found, &expected, "tar");
    } else {
        eprintln!("skipped: no right to make devices");
    }
}

#[test]
fn compressors_read_every_compression_back() {
    let tar = write_tar(&parse(FAMILY).unwrap()[0].entries, &TarOptions::default());
    for compression in Compression::ALL {
        let program = match compression {
            Compression::None => "cat",
            Compression::Gzip | Compression::GzipMembers => "gzip",
            Compression::Zstd | Compression::ZstdFrames => "zstd",
            Compression::Xz | Compression::XzStreams => "xz",
            Compression::Bzip2 | Compression::Bzip2Streams => "bzip2",
        };
        if !installed(program) {
            continue;
        }
        let arguments: &[&str] = if program == "cat" { &[] } else { &["-d", "-c"] };
        let compressed = compress(&tar, compression);
        let output = run_with(Command::new(program).args(arguments), &compressed);
        assert_ran(&output, program);
        assert!(output.stdout == tar, "{compression:?}");
    }
}

/// Unpacks an image of a layout with umoci and lists the result.
fn umoci_listing(layout: &Path, reference: &str, what: &str) -> Listing {
    let bundle = layout.with_extension("bundle");
    let image = format!("{}:{reference}", layout.display());
    let mut command = Command::new("umoci");
    let output = command.args(["unpack", "--image", &image]).arg(&bundle).output().unwrap();
    assert_ran(&output, what);
    scan(&bundle.join("rootfs"))
}

fn can_umoci() -> bool {
    if !is_root() {
        eprintln!("skipped: umoci unpacks owners only for root");
    }
    is_root() && installed("umoci")
}

/// umoci reads a layer once: what it places below a link that a later whiteout of the same layer
/// hides goes the way of the link. The model and the words of the spec know no such order.
fn whiteouts_first(mut layers: Vec<FixtureLayer>) -> Vec<FixtureLayer> {
    let is_whiteout = |entry: &FixtureEntry| {
        entry.path.rsplit(|byte| *byte == b'/').next().is_some_and(|name| name.starts_with(b".wh."))
    };
    for layer in &mut layers {
        layer.entries.sort_by_key(|entry| !is_whiteout(entry));
    }
    layers
}

#[test]
fn umoci_agrees_with_the_model() {
    if !can_umoci() {
        return;
    }
    let random = (0..60).map(|seed| whiteouts_first(random_fixture(seed)));
    let fixtures = random.chain([parse(FAMILY).unwrap(), long_names()]);
    for (n, layers) in fixtures.enumerate() {
        let what = format!("fixture {n}:\n{}", testkit::fixture_text(&layers));
        let compression = if n % 2 == 0 { Compression::Gzip } else { Compression::None };
        let image = Image::from_layers(layers).reference("app:1.0").compression(compression);
        let dir = TempDir::new().unwrap();
        let layout = dir.path().join("layout");
        let expected = image.expected();
        write_oci_layout(&layout, &[image], &OciOptions::default()).unwrap();
        assert_same(&umoci_listing(&layout, "app:1.0", &what), &expected, &what);
    }
}

/// Checks what skopeo reads of the image and, by umoci, what is in it.
fn assert_skopeo_reads(source: &str, image: &Image, what: &str) {
    let output = skopeo(&["inspect", "--config", source]);
    assert_ran(&output, what);
    let config: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(config["architecture"], "amd64", "{what}");
    assert_eq!(config["config"]["Env"], serde_json::json!(["A=1", "PATH=/bin"]), "{what}");
    assert_eq!(config["config"]["Labels"]["owner"], "me", "{what}");
    assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!(image.diff_ids()), "{what}");
    let dir = TempDir::new().unwrap();
    let layout = dir.path().join("layout");
    let target = format!("oci:{}:out", layout.display());
    assert_ran(&skopeo(&["copy", "--quiet", source, &target]), what);
    if can_umoci() {
        assert_same(&umoci_listing(&layout, "out", what), &image.expected(), what);
    }
}

/// Two images that share their base.
fn two_images(compression: Compression) -> [Image; 2] {
    let declare = |image: Image| {
        image
            .env(&["A=1", "PATH=/bin"])
            .label("owner", "me")
            .entrypoint(&["/bin/sh"])
            .cmd(&["-c", "true"])
            .compression(compression)
    };
    let child = format!("{FAMILY}\n//- layer\napp file 3000\n");
    [
        declare(Image::from_fixture(FAMILY)).reference("base:1.0"),
        declare(Image::from_fixture(&child)).reference("app:1.0").reference("app:latest"),
    ]
}

fn written(dir: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn skopeo_reads_every_docker_archive() {
    if !installed("skopeo") {
        return;
    }
    let flavors = [
        (ArchiveFlavor::Docker20, Compression::None),
        (ArchiveFlavor::Docker20, Compression::Gzip),
        (ArchiveFlavor::Skopeo, Compression::None),
        (ArchiveFlavor::Crane, Compression::Gzip),
        (ArchiveFlavor::Docker25, Compression::None),
    ];
    for (n, (flavor, compression)) in flavors.into_iter().enumerate() {
        let images = two_images(compression);
        let manifest = if n % 2 == 0 { ManifestPlace::First } else { ManifestPlace::Last };
        let shared = if n == 1 { SharedLayers::Copy } else { SharedLayers::Symlink };
        let options = ArchiveOptions { flavor, manifest, shared, ..ArchiveOptions::default() };
        let dir = TempDir::new().unwrap();
        let path = written(&dir, "a.tar", &docker_archive(&images, &options));
        for (image, reference) in [(0, "base:1.0"), (1, "app:1.0"), (1, "app:latest")] {
            let source = format!("docker-archive:{}:{reference}", path.display());
            assert_skopeo_reads(&source, &images[image], &format!("{options:?} {reference}"));
        }
    }
}

#[test]
fn skopeo_reads_oci_layouts_and_archives() {
    if !installed("skopeo") {
        return;
    }
    let plain = OciOptions::default();
    let variants = [
        plain,
        OciOptions { attestations: true, index_platforms: true, ..plain },
        OciOptions { nesting: 1, attestations: true, ..plain },
        OciOptions { blobs: BlobFiles::Symlinked, index_platforms: false, ..plain },
    ];
    for options in variants {
        let [base, app] = two_images(Compression::Gzip);
        let other = Image::from_fixture("other file").reference("app:1.0").platform("linux/s390x");
        let nested = options.nesting > 0;
        let images = if nested { vec![base, other, app] } else { vec![base, app] };
        let app = images.last().unwrap();
        let dir = TempDir::new().unwrap();
        let layout = dir.path().join("in");
        write_oci_layout(&layout, &images, &options).unwrap();
        let what = format!("{options:?}");
        assert_skopeo_reads(&format!("oci:{}:app:1.0", layout.display()), app, &what);
        if options.blobs == BlobFiles::Plain {
            let path = written(&dir, "a.tar", &oci_archive(&images, &options));
            assert_skopeo_reads(&format!("oci-archive:{}:app:1.0", path.display()), app, &what);
        }
    }
}

#[test]
fn umoci_or_skopeo_refuse_every_defect() {
    if !can_umoci() || !installed("skopeo") {
        return;
    }
    let defects = [
        Defect::WrongDiffId(0),
        Defect::DiffIdMissing,
        Defect::WrongBlobDigest(1),
        Defect::WrongBlobSize(0),
        Defect::TruncatedLayer(1),
        Defect::MissingLayer(0),
        Defect::GarbageTar(1),
        Defect::GarbageBlob(0),
        Defect::MissingConfig,
        Defect::GarbageConfig,
        Defect::GarbageManifest,
    ];
    for defect in defects {
        let image = Image::from_fixture(FAMILY).reference("app:1.0").defect(defect);
        let dir = TempDir::new().unwrap();
        let layout = dir.path().join("layout");
        let compressed = image.compression(Compression::Gzip);
        write_oci_layout(&layout, &[compressed], &OciOptions::default()).unwrap();
        let source = format!("oci:{}:app:1.0", layout.display());
        let copied =
            skopeo(&["copy", "--quiet", &source, &format!("dir:{}/d", dir.path().display())]);
        let image = format!("{}:app:1.0", layout.display());
        let mut command = Command::new("umoci");
        command.args(["unpack", "--image", &image]).arg(dir.path().join("bundle"));
        let unpacked = command.output().unwrap();
        let refused = !copied.status.success() || !unpacked.status.success();
        assert!(refused, "{defect:?} was taken");
    }
}

#[test]
fn stored_blobs_have_the_digests_of_their_names() {
    let dir = TempDir::new().unwrap();
    let images = two_images(Compression::ZstdFrames);
    write_oci_layout(dir.path(), &images, &OciOptions::default()).unwrap();
    let blobs = fs::read_dir(dir.path().join("blobs/sha256")).unwrap();
    let mut count = 0;
    for blob in blobs {
        let path = blob.unwrap().path();
        let name = format!("sha256:{}", path.file_name().unwrap().to_string_lossy());
        assert_eq!(digest(&fs::read(&path).unwrap()), name);
        count += 1;
    }
    assert_eq!(count, 3 + 2 + 2, "layers are shared, configurations and manifests are not");
}
