//! `sif:`: real images with known counts, and files made here, whole and broken.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use common::{counts, lines, open_text, read, read_text, shared_data, warnings, write};
use oskin::image::Platform;
use oskin::source::{ReadOptions, Transport};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("-version").output().is_ok();
    if !found {
        eprintln!("skipped: no {program}");
    }
    found
}

/// What is said of a file that cannot be read, without the path and with the hint.
fn refusal(text: &str) -> String {
    let options = ReadOptions::default();
    let read = open_text(text, &options).and_then(|images| read(&images[0], &options));
    let error = read.unwrap_err();
    let path = text.strip_prefix("sif:").unwrap_or(text);
    let said = error.to_string();
    let said = said.strip_prefix(&format!("{path}: ")).unwrap_or(&said);
    format!("{said}\n{}", error.hint().unwrap_or_default())
}

#[test]
fn real_images_have_the_counts_that_others_found() {
    let Some(data) = shared_data() else { return };
    let table = fs::read_to_string(data.join("real/manifest.tsv")).unwrap();
    let mut rows = 0;
    for row in table.lines().skip(1) {
        let fields: Vec<&str> = row.split('\t').collect();
        let number = |at: usize| fields[at].parse::<u64>().unwrap_or(0);
        if !fields[0].starts_with("sif/") && fields[0] != "disk/bb-zstd.sqsh" {
            continue;
        }
        rows += 1;
        let path = data.join("real").join(fields[0]);
        let expected = (number(4) + number(6) + number(7), number(5));
        let bare = path.display().to_string();
        let (image, inventory) = read_text(&bare).unwrap_or_else(|it| panic!("{bare}: {it}"));
        assert_eq!(counts(&inventory), expected, "{bare}");
        let links = inventory.iter().filter(|it| it.kind.name() == "symlink").count() as u64;
        assert_eq!(links, number(6), "{bare}");
        if image.transport == Transport::Sif {
            assert_eq!(lines(&read_text(&format!("sif:{bare}")).unwrap().1), lines(&inventory));
        }
        let said = warnings(&bare);
        let is_386 = ["two-groups.sif", "fifo.sif"].iter().any(|name| bare.ends_with(name));
        assert_eq!(said.len(), usize::from(is_386), "{said:?}");
        if is_386 {
            let what = ": the only image is for linux/386, not for linux/amd64";
            assert!(said[0].ends_with(what) || !cfg!(target_arch = "x86_64"), "{said:?}");
        }
    }
    assert_eq!(rows, 9);
}

#[test]
fn the_real_busybox_tells_where_it_comes_from() {
    let Some(data) = shared_data() else { return };
    let path = data.join("sif/skopeo__busybox_latest.sif");
    let (image, _) = read_text(path.to_str().unwrap()).unwrap();
    assert_eq!(image.name, "skopeo__busybox_latest");
    assert_eq!(image.declared.platform, "linux/amd64".parse::<Platform>().unwrap());
    let kinds: Vec<&str> = image.facts.iter().map(|fact| &*fact.kind).collect();
    let expected = [
        "sif.deffile",
        "sif.json.inspect-metadata.json",
        "sif.json.oci-config.json",
        "sif.signature",
    ];
    assert_eq!(kinds, expected);
    assert!(image.facts[0].text.starts_with("BootStrap: docker\nFrom: busybox:1.33.1"));
    let signature = "1137E72E6816BFC06D9CAA0D15F3F4F4F14B03B2 (SHA-256, of group 1, not verified)";
    assert_eq!(image.facts[3].text, signature);
}

#[test]
fn real_files_without_a_system_say_what_they_hold() {
    let Some(data) = shared_data() else { return };
    let said = |name: &str| refusal(data.join("sif").join(name).to_str().unwrap());
    for (name, expected) in [
        (
            "sif__empty.sif",
            "the SIF file is empty\nbuild an image into it: apptainer build FILE SOURCE",
        ),
        (
            "sif__one-object-sbom.sif",
            "the SIF file holds no primary system, only: 1 bill of materials\n\
             take the packages out: apptainer sif dump 1 FILE > sbom.json, then use sbom:sbom.json",
        ),
        (
            "sif__one-object-oci-root-index.sif",
            "\"sha256:abcdef1234567890\" is no sha256 digest\n\
             the file is damaged or was changed: fetch or save it again",
        ),
    ] {
        assert_eq!(said(name), expected, "{name}");
    }
    for (name, expected) in [
        ("sif__one-group.sif", (1, 0)),
        ("sif__one-group-signed-pgp.sif", (1, 0)),
        ("sif__two-groups.sif", (1, 0)),
        ("stereoscope__fifo.sif", (1, 0)),
        ("skopeo__busybox_latest.sif", (429, 24)),
    ] {
        let path = data.join("sif").join(name);
        assert_eq!(counts(&read_text(path.to_str().unwrap()).unwrap().1), expected, "{name}");
    }
}

/// An object: its type, its content, its name, and the extra fields of its descriptor.
struct Object {
    code: u32,
    content: Vec<u8>,
    name: &'static str,
    extra: Vec<u8>,
}

fn object(code: u32, name: &'static str, content: &[u8]) -> Object {
    Object { code, content: content.to_vec(), name, extra: Vec::new() }
}

/// A partition by file system and use, for the architecture of code 04.
fn partition(file_system: u32, used_for: u32, content: &[u8]) -> Object {
    let mut extra = [file_system.to_le_bytes(), used_for.to_le_bytes()].concat();
    extra.extend_from_slice(b"04\0");
    Object { extra, ..object(0x4004, "", content) }
}

const PRIMARY: u32 = 2;

/// A SIF file of these objects, numbered from 1.
fn sif(objects: &[Object]) -> Vec<u8> {
    let begin = 4096;
    let mut descriptors = vec![0; 585];
    let mut data = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        let mut bytes = object.code.to_le_bytes().to_vec();
        bytes.push(1);
        let id = u32::try_from(at + 1).unwrap();
        let link = if object.code == 0x4005 { 0xf000_0001 } else { 0 };
        for it in [id, 0xf000_0001, link] {
            bytes.extend_from_slice(&it.to_le_bytes());
        }
        let offset = begin + 585 * (objects.len() + 1) + data.len();
        for number in [offset, object.content.len(), 0, 0, 0, 0, 0] {
            bytes.extend_from_slice(&(number as u64).to_le_bytes());
        }
        bytes.extend_from_slice(object.name.as_bytes());
        bytes.resize(201, 0);
        bytes.extend_from_slice(&object.extra);
        bytes.resize(585, 0);
        descriptors.extend_from_slice(&bytes);
        data.extend_from_slice(&object.content);
    }
    let mut file = b"#!/usr/bin/env run-singularity\n\0SIF_MAGIC\0".to_vec();
    file.extend_from_slice(b"01\0\x30\x31\0");
    file.resize(64, 0);
    // The first descriptor is not in use.
    let count = objects.len() as u64 + 1;
    for number in [0, 0, 1, count, begin as u64, 585 * count, 0, data.len() as u64] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    file.resize(begin, 0);
    [file, descriptors, data].concat()
}

/// A squashfs file system of text files; more comes by pseudo files.
fn squashfs(dir: &Path, files: &[(&str, &str)], options: &[&str]) -> Vec<u8> {
    let root = tempfile::tempdir_in(dir).unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let image = root.path().with_extension("sqsh");
    let mut command = Command::new("mksquashfs");
    command.arg(root.path()).arg(&image).args(["-quiet", "-no-progress"]).args(options);
    assert!(command.status().unwrap().success());
    fs::read(image).unwrap()
}

fn save(dir: &Path, name: &str, bytes: &[u8]) -> String {
    write(dir, name, bytes).display().to_string()
}

#[test]
fn a_sif_file_tells_its_system_and_all_that_is_beside_it() {
    if !is_installed("mksquashfs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let system = squashfs(dir.path(), &[("etc/os-release", "ID=x\n"), ("bin/sh", "#!")], &[]);
    let long = vec![b'x'; 1024 * 1024 + 1];
    let signature = Object {
        extra: [&1_u32.to_le_bytes()[..], &[0xab; 20]].concat(),
        ..object(0x4005, "", b"s")
    };
    let dsse = Object { extra: 3_u32.to_le_bytes().to_vec(), ..object(0x4005, "", b"s") };
    let file = sif(&[
        object(0x4001, ".", b"bootstrap: docker\n"),
        object(0x4002, "env", b"A=1\n"),
        object(0x4003, "labels", br#"{"a": "b"}"#),
        object(0x4006, "x.json", b"{}\xff"),
        object(0x4006, "", b"[]"),
        object(0x4001, "long", &long),
        partition(1, 1, b"another"),
        partition(1, PRIMARY, &system),
        partition(2, 4, &[0; 512]),
        object(0x4009, "sbom", b"{}"),
        signature,
        dsse,
        object(0x4007, "data", b"anything"),
    ]);
    let path = save(dir.path(), "made_1.0.sif", &file);
    let (image, inventory) = read_text(&path).unwrap();
    assert_eq!((image.name.as_str(), image.transport), ("made_1.0", Transport::Sif));
    assert_eq!(image.declared.platform.to_string(), "linux/arm64");
    assert_eq!(
        lines(&inventory),
        ["directory bin", "file bin/sh", "directory etc", "file etc/os-release"]
    );
    let facts: Vec<(&str, &str)> =
        image.facts.iter().map(|fact| (&*fact.kind, &*fact.text)).collect();
    let key = "AB".repeat(20);
    assert_eq!(
        facts,
        [
            ("sif.deffile", "bootstrap: docker\n"),
            ("sif.environment", "A=1\n"),
            ("sif.labels", r#"{"a": "b"}"#),
            ("sif.json.x.json", "{}\u{fffd}"),
            ("sif.json.5", "[]"),
            ("sif.sbom", "{}"),
            ("sif.signature", &*format!("{key} (SHA-256, of group 1, not verified)")),
            ("sif.signature", "no fingerprint (SHA-512, of group 1, not verified)"),
        ]
    );
    let arm =
        ReadOptions { platform: Some("linux/arm64".parse().unwrap()), ..ReadOptions::default() };
    let image = open_text(&path, &arm).unwrap().remove(0);
    let said: Vec<String> = image.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            format!("{path}: sif.deffile: is larger than the limit of 1048576 bytes; left out"),
            format!(
                "{path}: object 9 is an overlay of 512 bytes that is mounted over the system when it runs; it is not read"
            ),
        ]
    );
    for alias in ["singularity", "apptainer"] {
        assert_eq!(lines(&read_text(&format!("{alias}:{path}")).unwrap().1), lines(&inventory));
    }
}

#[test]
fn what_cannot_be_read_says_why_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let said =
        |name: &str, bytes: &[u8]| refusal(&format!("sif:{}", save(dir.path(), name, bytes)));
    let unpack = "unpack it with its key: apptainer build --sandbox DIR FILE, then use rootfs:DIR";
    let encrypted = format!("the system is encrypted\n{unpack}");
    assert_eq!(said("a", &sif(&[partition(5, PRIMARY, b"anything")])), encrypted);
    assert_eq!(said("a", &sif(&[partition(1, PRIMARY, b"LUKS\xba\xbe\0\x02")])), encrypted);
    assert_eq!(
        said("b", &sif(&[partition(4, PRIMARY, b"anything")])),
        "the system is neither squashfs nor ext3, but raw data\nmount it, then use rootfs:DIR"
    );
    assert_eq!(
        said("c", &sif(&[partition(1, 1, b""), object(0x4005, "", b""), object(0x4005, "", b"")])),
        "the SIF file holds no primary system, only: 1 partition, 2 signatures\n\
         name one of its systems the primary: apptainer sif setprim 1 FILE"
    );
    assert_eq!(
        said("c", &sif(&[partition(4, 3, b"")])),
        "the SIF file holds no primary system, only: 1 partition\n\
         apptainer sif list FILE tells more of them"
    );
    let mut old = sif(&[]);
    old[42..44].copy_from_slice(b"00");
    assert_eq!(
        said("d", &old),
        "a SIF file of version \"00\", of which only \"01\" is supported\n\
         build it anew: apptainer build NEW.sif FILE"
    );
    let mut many = sif(&[]);
    many[88..96].fill(0xff);
    assert_eq!(said("e", &many), "more descriptors than the limit of 16384\n");
    let whole = sif(&[partition(1, PRIMARY, &[7; 1000])]);
    let damage = "the file is damaged or was changed: fetch or save it again";
    assert_eq!(
        said("f", &whole[..whole.len() - 1]),
        format!(
            "the system has 1000 bytes from byte 5266 on, but the file ends at byte 6265\n{damage}"
        )
    );
    assert_eq!(
        said("g", &whole[..5000]),
        format!("descriptor 2: the file ends too early\n{damage}")
    );
    assert_eq!(
        said("h", b"#!/usr/bin/env run-singularity\nsomething"),
        "an image of Singularity 2 with neither squashfs nor ext3 in it\n\
         name the file alone to see what it is"
    );
    assert_eq!(
        said("i", b"something"),
        "no image of Singularity or Apptainer\nname the file alone to see what it is"
    );
    assert_eq!(
        refusal("sif:-"),
        "standard input: an image that is read at many places, which the standard input does not allow\n\
         save it to a file, then use sif:FILE"
    );
}

#[test]
fn no_damage_of_a_sif_file_panics() {
    if !is_installed("mksquashfs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let system = squashfs(dir.path(), &[("a", "b")], &[]);
    let whole = sif(&[object(0x4001, ".", b"x"), partition(1, PRIMARY, &system[..4096])]);
    let path = dir.path().join("x.sif");
    let options = ReadOptions::default();
    let survives = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let read = open_text(&format!("sif:{}", path.display()), &options);
        let read = read.and_then(|images| images[0].layers[0].read(&options));
        read.is_ok()
    };
    assert!(survives(&whole));
    for length in (0..128).chain(4096..6000) {
        assert!(!survives(&whole[..length]), "{length}");
    }
    for at in (0..128).chain(4096..5900) {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            survives(&bytes);
        }
    }
}

/// Blobs of an OCI image whose layers have these media types, and its index.
fn oci_objects(layers: &[(&str, &[u8])]) -> Vec<Object> {
    let digest = |content: &[u8]| testkit::digest(content);
    let blob = |content: Vec<u8>| Object {
        extra: digest(&content).into_bytes(),
        ..object(0x400b, "", &content)
    };
    let diff_ids: Vec<String> =
        layers.iter().map(|(_, content)| format!("{:?}", digest(content))).collect();
    let config = format!(
        r#"{{"os": "linux", "architecture": "arm64", "rootfs": {{"type": "layers", "diff_ids": [{}]}}}}"#,
        diff_ids.join(", ")
    )
    .into_bytes();
    let descriptor = |media_type: &str, content: &[u8]| {
        format!(
            r#"{{"mediaType": "{media_type}", "digest": "{}", "size": {}}}"#,
            digest(content),
            content.len()
        )
    };
    let all: Vec<String> =
        layers.iter().map(|(media_type, content)| descriptor(media_type, content)).collect();
    let manifest = format!(
        r#"{{"schemaVersion": 2, "config": {}, "layers": [{}]}}"#,
        descriptor("application/vnd.oci.image.config.v1+json", &config),
        all.join(", ")
    )
    .into_bytes();
    let index = format!(
        r#"{{"schemaVersion": 2, "manifests": [{}]}}"#,
        descriptor("application/vnd.oci.image.manifest.v1+json", &manifest)
    );
    let mut objects = vec![object(0x400a, "", index.as_bytes()), blob(manifest), blob(config)];
    objects.extend(layers.iter().map(|(_, content)| blob(content.to_vec())));
    objects
}

/// A layer whose directory `a` is marked as opaque, as overlayfs does, and whose `b` is not.
fn marked_layer(dir: &Path) -> Option<Vec<u8>> {
    let root = dir.join("marked");
    for (directory, file, value) in [("a", "three", "y"), ("b", "four", "n")] {
        fs::create_dir_all(root.join(directory)).unwrap();
        fs::write(root.join(directory).join(file), "").unwrap();
        let flags = rustix::fs::XattrFlags::empty();
        let name = "user.overlay.opaque";
        if rustix::fs::setxattr(root.join(directory), name, value.as_bytes(), flags).is_err() {
            eprintln!("skipped: no extended attributes");
            return None;
        }
    }
    let image = dir.join("marked.sqsh");
    let mut command = Command::new("mksquashfs");
    command.arg(&root).arg(&image).args(["-quiet", "-no-progress", "-xattrs"]);
    assert!(command.status().unwrap().success());
    Some(fs::read(image).unwrap())
}

#[test]
fn an_oci_image_in_a_sif_file_has_its_layers_and_whiteouts() {
    const SQUASHFS: &str = "application/vnd.sylabs.image.layer.v1.squashfs";
    if !is_installed("mksquashfs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let base = squashfs(
        dir.path(),
        &[("a/one", "1"), ("a/two", "2"), ("b/x", "x"), ("c/y", "y"), ("d", "d")],
        &[],
    );
    let upper = squashfs(
        dir.path(),
        &[("a/.wh.one", ""), ("b/.wh..wh..opq", ""), ("b/new", "new"), ("null", "")],
        &["-p", "c c 0 0 0 0 0", "-p", "dev d 755 0 0", "-p", "dev/null c 666 0 0 1 3"],
    );
    let marked = marked_layer(dir.path());
    let tar = testkit::rootfs_tar(&testkit::random_fixture(1), &testkit::TarOptions::default());
    let layers: [(&str, &[u8]); 4] = [
        (SQUASHFS, &base),
        (SQUASHFS, &upper),
        ("application/vnd.oci.image.layer.v1.tar", &tar),
        ("application/vnd.sylabs.image.layer.v1.ext3", b"an overlay"),
    ];
    let path = save(dir.path(), "oci.sif", &sif(&oci_objects(&layers)));
    let arm =
        ReadOptions { platform: Some("linux/arm64".parse().unwrap()), ..ReadOptions::default() };
    let image = open_text(&path, &arm).unwrap().remove(0);
    assert_eq!((image.transport, image.layers.len()), (Transport::Sif, 3));
    assert_eq!(image.name, "oci");
    assert_eq!(image.declared.platform.to_string(), "linux/arm64");
    assert_eq!(image.warnings.len(), 1, "{:?}", image.warnings);
    let said = image.warnings[0].to_string();
    assert!(
        said.ends_with(": an overlay that is mounted over the system when it runs is not read")
    );
    assert!(image.layers[2].read(&arm).is_ok());
    assert!(image.layers[0].diff_id().is_none() && image.layers[2].diff_id().is_some());
    let mut two = image;
    two.layers.truncate(2);
    let inventory = read(&two, &arm).unwrap();
    assert_eq!(
        lines(&inventory),
        [
            "directory a",
            "file a/two",
            "directory b",
            "file b/new",
            "file d",
            "directory dev",
            "character device dev/null",
            "file null",
        ]
    );
    if let Some(marked) = marked {
        let layers: [(&str, &[u8]); 2] = [(SQUASHFS, &base), (SQUASHFS, &marked)];
        let path = save(dir.path(), "marked.sif", &sif(&oci_objects(&layers)));
        let image = open_text(&path, &arm).unwrap().remove(0);
        let lines = lines(&read(&image, &arm).unwrap());
        assert_eq!(lines[..4], ["directory a", "file a/three", "directory b", "file b/four"]);
        assert_eq!(lines[4..], ["file b/x", "directory c", "file c/y", "file d"]);
    }
    // A blob that is not what its digest promises.
    let mut objects = oci_objects(&layers[..1]);
    let last = objects.last_mut().unwrap();
    let end = last.content.len() - 1;
    last.content[end] ^= 1;
    let path = save(dir.path(), "changed.sif", &sif(&objects));
    let said = refusal(&path);
    assert!(said.contains("digest mismatch: expected sha256:"), "{said}");
    // A layer that is not there.
    let mut objects = oci_objects(&layers[..1]);
    objects.pop();
    let path = save(dir.path(), "missing.sif", &sif(&objects));
    let said = refusal(&path);
    assert!(said.contains("layer sha256:") && said.contains(" is missing"), "{said}");
}

/// A zip archive of files that are not compressed.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut all, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = !0_u32;
        for byte in *content {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        let length = u32::try_from(content.len()).unwrap();
        let mut fields = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for number in [!crc, length, length, u32::try_from(name.len()).unwrap()] {
            fields.extend_from_slice(&number.to_le_bytes());
        }
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&fields);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&u32::try_from(all.len()).unwrap().to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
        all.extend_from_slice(b"PK\x03\x04");
        all.extend_from_slice(&fields);
        all.extend_from_slice(name.as_bytes());
        all.extend_from_slice(content);
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let sizes = [directory.len(), all.len()].map(|it| u32::try_from(it).unwrap().to_le_bytes());
    [&all[..], &directory, b"PK\x05\x06\0\0\0\0", &count, &count, &sizes[0], &sizes[1], &[0; 2]]
        .concat()
}

#[test]
fn images_of_singularity_2_are_read_bare_and_zipped() {
    const LAUNCH: &[u8] = b"#!/usr/bin/env run-singularity\n";
    if !is_installed("mksquashfs") || !is_installed("mke2fs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let files = [("bin/sh", "#!"), ("etc/hostname", "x\n")];
    let root: PathBuf = dir.path().join("root");
    for (name, text) in files {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs::write(root.join(name), text).unwrap();
    }
    let ext = dir.path().join("ext.img");
    let mut command = Command::new("mke2fs");
    command.args(["-q", "-t", "ext3", "-d"]).arg(&root).arg(&ext).arg("8M");
    assert!(command.status().unwrap().success());
    let expected = ["directory bin", "file bin/sh", "directory etc", "file etc/hostname"];
    for (name, system) in [
        ("squashfs.simg", squashfs(dir.path(), &files, &[])),
        ("ext3.img", fs::read(&ext).unwrap()),
    ] {
        let bytes = [LAUNCH, &system].concat();
        let zipped = zip(&[("dir/", b""), ("files.txt", b"/x\n"), ("dir/image.img", &bytes)]);
        let in_sif = sif(&[partition(1 + u32::from(name == "ext3.img"), PRIMARY, &system)]);
        for (name, bytes) in [
            (name.to_owned(), bytes.clone()),
            (format!("{name}.zip"), zipped),
            (format!("{name}.sif"), in_sif),
        ] {
            let path = save(dir.path(), &name, &bytes);
            let (image, inventory) = read_text(&path).unwrap();
            let mut lines = lines(&inventory);
            lines.retain(|line| line != "directory lost+found");
            assert_eq!(lines, expected, "{name}");
            assert_eq!(image.transport, Transport::Sif, "{name}");
            assert!(["squashfs", "ext3"].contains(&&*image.name), "{}", image.name);
        }
    }
    let path = save(dir.path(), "two.zip", &zip(&[("a", LAUNCH), ("b", LAUNCH)]));
    let unzip = "unzip it, then use sif:FILE";
    assert_eq!(
        refusal(&format!("sif:{path}")),
        format!("a zip archive without an image of Singularity, or with several\n{unzip}")
    );
    let noise = (0..100 << 20).map(|it: u32| (it.wrapping_mul(0x9e37_79b9) >> 24) as u8 | 1);
    let large = [LAUNCH, &noise.collect::<Vec<u8>>()].concat();
    let path = save(dir.path(), "large.zip", &zip(&[("a", &large)]));
    assert_eq!(
        refusal(&path),
        format!(
            "the image in the zip archive holds more than 96 MiB, too much to be held in memory\n{unzip}"
        )
    );
}
