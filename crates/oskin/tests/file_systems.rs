//! File systems and archives made here of a tree that `rootfs:` reads too.

mod common;
#[path = "common/trees.rs"]
mod trees;

use common::{read_text, warnings};
use std::process::Stdio;
use trees::{
    assert_as_tree, assert_holds_tree, command, has, make_tree, mke2fs, rows, shell, without_links,
};

#[test]
fn ext_file_systems_hold_what_they_were_made_of() {
    if !has("mke2fs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    let trees = [dir.path().join("few"), dir.path().join("many")];
    make_tree(&trees[0], 50);
    make_tree(&trees[1], 5000);
    let variants: [(&str, &[&str]); 10] = [
        ("ext4", &["-b", "1024"]),
        ("ext2", &["-b", "1024"]),
        ("ext2", &["-b", "4096", "-I", "128"]),
        ("ext2", &["-b", "2048", "-O", "^filetype,^sparse_super,^resize_inode"]),
        ("ext3", &["-b", "1024"]),
        ("ext4", &["-b", "4096"]),
        ("ext4", &["-b", "4096", "-O", "inline_data,^has_journal"]),
        ("ext4", &["-b", "1024", "-g", "1024", "-O", "meta_bg,^resize_inode,^flex_bg,64bit"]),
        ("ext4", &["-b", "4096", "-C", "16384", "-O", "bigalloc"]),
        ("ext4", &["-b", "65536", "-O", "large_dir,ea_inode,metadata_csum_seed"]),
    ];
    for (index, (kind, options)) in variants.into_iter().enumerate() {
        // One with many names: a hashed directory of several levels.
        let tree = &trees[usize::from(index == 0)];
        mke2fs(kind, options, tree, &image, "256M");
        let text = format!("disk:{}", image.display());
        assert_as_tree(tree, &text, &["lost+found"]);
        let (read, _) = read_text(&text).unwrap();
        let system = read.facts.iter().find(|fact| fact.kind == "disk.filesystem").unwrap();
        assert_eq!(system.text, kind, "{options:?}");
        std::fs::remove_file(&image).unwrap();
    }
}

#[test]
fn cpio_archives_hold_what_they_were_made_of() {
    if !has("cpio") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    make_tree(&dir.path().join("tree"), 50);
    let tree = dir.path().join("tree");
    let (_, expected) = read_text(&format!("rootfs:{}", tree.display())).unwrap();
    let expected = without_links(&rows(&expected));
    let early = dir.path().join("early");
    std::fs::create_dir_all(early.join("kernel/x86")).unwrap();
    std::fs::write(early.join("kernel/x86/microcode"), [5; 9000]).unwrap();
    // The early archive is padded as kernels have it.
    let list = "find . -mindepth 1 -print0 | cpio --quiet -0 -o -H";
    shell(
        &early,
        "find . -mindepth 1 | cpio --quiet -o -H newc | dd bs=512 conv=sync of=../early.cpio 2>&1",
    );
    for format in ["newc", "crc", "odc", "bin"] {
        shell(&tree, &format!("{list} {format} > ../{format}.cpio 2> ../messages"));
    }
    shell(
        dir.path(),
        "gzip -k newc.cpio; xz -k -T1 newc.cpio; zstd -q newc.cpio; \
         cat early.cpio newc.cpio.xz early.cpio newc.cpio > all.cpio; \
         cat early.cpio newc.cpio.zst > early-zstd.cpio; cat newc.cpio.gz early.cpio > gz-early.cpio",
    );
    for name in [
        "newc.cpio",
        "crc.cpio",
        "odc.cpio",
        "newc.cpio.gz",
        "newc.cpio.xz",
        "newc.cpio.zst",
        "all.cpio",
        "early-zstd.cpio",
        "gz-early.cpio",
    ] {
        let text = dir.path().join(name);
        let text = text.to_str().unwrap();
        let (image, got) = read_text(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(image.transport.name(), "cpio");
        let mut got = without_links(&rows(&got));
        let is_with_early = name.contains("early") || name.contains("all");
        let found = got.remove("kernel/x86/microcode").is_some_and(|row| row.4 == 9000);
        assert_eq!(found, is_with_early, "{name}");
        got.retain(|path, _| !path.starts_with("kernel"));
        assert_eq!(got.len(), expected.len(), "{name}");
        for (path, row) in &expected {
            let mut row = row.clone();
            if name == "odc.cpio" {
                // It has 18 bits for owners.
                (row.2, row.3) = (row.2 & 0o777_777, row.3 & 0o777_777);
            }
            assert_eq!(got[path], row, "{name}: {path}");
        }
        assert_eq!(warnings(text), Vec::<String>::new(), "{name}");
    }
    // The old binary form has 16 bits for owners and sizes of inodes; the names are all there.
    let (_, got) = read_text(dir.path().join("bin.cpio").to_str().unwrap()).unwrap();
    assert!(rows(&got).keys().eq(expected.keys()));
}

#[test]
fn damage_in_a_cpio_archive_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let header = |name: &str, mode: u32, size: usize, sum: u32| {
        let length = name.len() + 1;
        let mut bytes = format!(
            "070702{:08x}{mode:08x}{:08x}{:08x}{:08x}{:08x}{size:08x}{:08x}{:08x}{:08x}{:08x}{length:08x}{sum:08x}",
            7, 0, 0, 1, 0, 0, 0, 0, 0
        )
        .into_bytes();
        bytes.extend_from_slice(name.as_bytes());
        bytes.resize((bytes.len() + 1).next_multiple_of(4), 0);
        bytes
    };
    let trailer = header("TRAILER!!!", 0, 0, 0);
    let file = |name: &str, content: &[u8], sum: u32| {
        let mut bytes = header(name, 0o100_644, content.len(), sum);
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    let read = |bytes: Vec<u8>| {
        let path = common::write(dir.path(), "x.cpio", &bytes);
        let text = format!("cpio:{}", path.display());
        let read = read_text(&text);
        read.map(|(_, inventory)| (rows(&inventory), warnings(&text).concat()))
            .map_err(|error| error.to_string())
    };
    let two = [file("a", b"one", 322), file("a", b"two", 346), trailer.clone()].concat();
    let (rows, told) = read(two).unwrap();
    assert_eq!(rows.len(), 1);
    assert!(rows["a"].6.as_ref().unwrap().starts_with("sha256:3fc4ccfe"), "the later entry counts");
    assert!(told.is_empty(), "{told}");
    let (_, told) = read([file("a", b"one", 1), trailer.clone()].concat()).unwrap();
    assert!(told.contains("checksum"), "{told}");
    let (rows, told) = read(file("a", b"one", 322)).unwrap();
    assert!(told.contains("no end marker") && rows.len() == 1, "{told}");
    let error = read([file("a", b"one", 322), b"0707xx-rest-of-it".repeat(9)].concat());
    assert!(error.unwrap_err().contains("no header of a cpio archive is where one should be"));
    let lz4 = [file("a", b"one", 322), trailer.clone(), b"\x02\x21\x4c\x18".to_vec()].concat();
    assert!(read(lz4).unwrap_err().contains("compressed with lz4"));
    let (_, told) = read([file("a", b"one", 322), trailer, b"junk".to_vec()].concat()).unwrap();
    assert!(told.contains("4 bytes behind the archive were left out"), "{told}");
    assert!(read(b"\x1f\x8b".to_vec()).is_err());
}

#[test]
fn erofs_file_systems_hold_what_they_were_made_of() {
    if !has("mkfs.erofs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (tree, image) = (dir.path().join("tree"), dir.path().join("image"));
    make_tree(&tree, 200);
    // Text of many kinds: runs of all lengths, some that do not pack.
    let mut noise = 1_u32;
    let mut text = Vec::new();
    for index in 0..60_000_u32 {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let word = if index / 4000 % 2 == 0 { noise } else { noise >> 28 };
        text.extend_from_slice(format!("{word} ").as_bytes());
        if index % 20_000 < 2_000 {
            text.extend_from_slice(&noise.to_le_bytes());
        }
    }
    std::fs::write(tree.join("etc/text"), &text).unwrap();
    for options in [
        &[][..],
        &["-zlz4"],
        &["-zlz4hc"],
        &["-zlz4hc,12", "-C65536"],
        &["-zlz4hc", "-Elegacy-compress"],
        &["-zlz4hc", "-C65536", "-Elegacy-compress"],
        &["-zlz4hc", "-Eztailpacking"],
        &["-zlz4hc", "-C32768", "-Eztailpacking"],
        &["-Eforce-inode-extended"],
        &["-Enoinline_data"],
        &["--chunksize=4096"],
        &["--chunksize=65536", "-Eforce-chunk-indexes"],
    ] {
        let mut command = command("mkfs.erofs");
        command.args(options).arg(&image).arg(&tree).stdout(Stdio::null());
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{options:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let transport = if options.is_empty() { "disk:" } else { "" };
        assert_as_tree(&tree, &format!("{transport}{}", image.display()), &[]);
        std::fs::remove_file(&image).unwrap();
    }
}

#[test]
fn iso_file_systems_hold_what_they_were_made_of() {
    if !has("xorriso") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (tree, image) = (dir.path().join("tree"), dir.path().join("image.iso"));
    make_tree(&tree, 300);
    // Sockets have no place in such a file system.
    std::fs::remove_file(tree.join("socket")).unwrap();
    let make = |options: &[&str]| {
        let mut command = command("xorriso");
        command.args(["-as", "mkisofs", "-quiet"]).args(options).arg("-o").arg(&image).arg(&tree);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let text = image.to_str().unwrap().to_owned();
    make(&["-R", "--hardlinks", "-V", "MADE_HERE"]);
    assert_holds_tree(&tree, &text);
    assert_holds_tree(&tree, &format!("disk:{text}"));
    let (read, _) = read_text(&text).unwrap();
    let facts: Vec<_> = read.facts.iter().map(|it| (&*it.kind, &*it.text)).collect();
    assert_eq!(facts, [("iso.names", "Rock Ridge"), ("iso.label", "MADE_HERE")]);
    // Directories that stand too deep are moved up, and belong where they were.
    make(&["-R", "--hardlinks", "-rr_reloc_dir", "rr_moved"]);
    assert_holds_tree(&tree, &text);
    let moved = b"CL\x0c\x01";
    assert!(std::fs::read(&image).unwrap().windows(4).any(|field| field == moved));
    make(&["-R", "-J", "-disallow_dir_id_ext"]);
    let (_, got) = read_text(&text).unwrap();
    let (_, expected) = read_text(&format!("rootfs:{}", tree.display())).unwrap();
    assert!(rows(&got).keys().eq(rows(&expected).keys()));
    // Without Rock Ridge there are no owners and no links.
    for (joliet, names, file) in
        [("on", "Joliet", "many/a-name-of-some-length-00007"), ("off", "ISO 9660", "ETC/SIZE4096")]
    {
        std::fs::remove_file(&image).unwrap();
        let mut command = command("xorriso");
        command.args(["-rockridge", "off", "-joliet", joliet, "-outdev"]).arg(&image);
        let output = command.arg("-map").arg(&tree).arg("/").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (read, got) = read_text(&text).unwrap();
        assert_eq!(read.facts[0].text, names);
        let got = rows(&got);
        assert!(got.contains_key(file) && !got.contains_key("link59"), "{:?}", got.keys());
    }
}
