//! Disk images and file system images: real ones with known counts, and ones made here of a tree
//! that `rootfs:` reads too.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use common::{counts, open_text, read_text, shared_data, warnings};
use oskin::inventory::{EntryKind, Inventory};
use oskin::path::escape;
use oskin::source::{Limits, ReadOptions};
use std::collections::BTreeMap;
use std::os::unix::fs::{FileExt as _, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn every_disk_of_the_manifest() {
    let Some(data) = shared_data() else { return };
    let table = std::fs::read_to_string(data.join("real/manifest.tsv")).unwrap();
    let mut rows = 0;
    for row in table.lines().skip(1).filter(|row| row.starts_with("disk/")) {
        let fields: Vec<&str> = row.split('\t').collect();
        let number = |at: usize| fields[at].parse::<u64>().unwrap();
        let path = data.join("real").join(fields[0]);
        if fields[0].ends_with(".sqsh") {
            continue;
        }
        rows += 1;
        // Bare paths, so that the format is told by content.
        let found = read_text(path.to_str().unwrap());
        if let Some(name) = ["XFS", "btrfs"].iter().find(|it| fields[0].contains(&it.to_lowercase()))
        {
            let error = found.unwrap_err();
            assert!(error.to_string().contains(&format!("{name}, not supported yet")), "{error}");
            assert!(error.hint().unwrap().contains("rootfs:DIR"));
            continue;
        }
        let (image, inventory) = found.unwrap_or_else(|error| panic!("{}: {error}", fields[0]));
        let expected = (number(4) + number(6) + number(7), number(5));
        assert_eq!(counts(&inventory), expected, "{}", fields[0]);
        assert!(!image.facts.is_empty() || !fields[0].contains("qcow2"), "{}", fields[0]);
    }
    assert_eq!(rows, 8);
}

#[test]
fn the_only_file_system_that_is_read_is_chosen_and_others_are_named() {
    let Some(data) = shared_data() else { return };
    let path = data.join("disk/osv-scalibr__valid-ext-exfat-fat32-ntfs.qcow2");
    let text = format!("disk:{}", path.display());
    let (image, inventory) = read_text(&text).unwrap();
    let keys: Vec<_> = inventory.iter().map(|entry| escape(entry.path).to_string()).collect();
    assert_eq!(keys, ["lost+found", "private-key1.pem"]);
    let fact = |kind: &str| {
        image.facts.iter().find(|fact| fact.kind == kind).map(|fact| fact.text.clone()).unwrap()
    };
    let table = fact("disk.partitions");
    for part in ["GPT", "exFAT", "FAT", "NTFS", "(read)"] {
        assert!(table.contains(part), "{table}");
    }
    for (number, message) in [(2, "not supported yet"), (9, "there is no partition 9")] {
        let options = ReadOptions { partition: Some(number), ..ReadOptions::default() };
        let error = open_text(&text, &options).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.hint().is_some());
    }
}

/// All that is compared of an entry.
type Row = (EntryKind, u16, u32, u32, u64, Option<String>, Option<String>);

fn rows(inventory: &Inventory) -> BTreeMap<String, Row> {
    let row = |entry: oskin::inventory::Entry<'_>| {
        // Times make no difference; neither does the size that some file systems give directories.
        let key = (entry.kind, entry.mode, entry.uid, entry.gid, entry.size_bytes);
        let link = entry.link.map(|link| escape(link).to_string());
        let digest = entry.digest.map(ToString::to_string);
        let row = (key.0, key.1, key.2, key.3, key.4, link, digest);
        (escape(entry.path).to_string(), row)
    };
    inventory.iter().map(row).collect()
}

/// A tree with everything that a root file system may hold.
fn make_tree(root: &Path, many: usize) {
    let make = |path: &str| std::fs::create_dir_all(root.join(path)).unwrap();
    let put = |path: &str, content: &[u8]| std::fs::write(root.join(path), content).unwrap();
    for path in ["etc", "usr/lib", "usr/bin", "var/empty", "deep/a/b/c/d/e/f/g/h/i/j/k", "many"] {
        make(path);
    }
    put("usr/lib/os-release", b"ID=made\nVERSION_ID=1\n");
    symlink("../usr/lib/os-release", root.join("etc/os-release")).unwrap();
    symlink("x".repeat(59), root.join("link59")).unwrap();
    symlink("y".repeat(60), root.join("link60")).unwrap();
    symlink(format!("{}z", "z/".repeat(400)), root.join("link800")).unwrap();
    put("usr/bin/sh", &(0..400_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    std::fs::set_permissions(root.join("usr/bin/sh"), PermissionsExt::from_mode(0o4755)).unwrap();
    for name in ["zz-first", "etc/second", "usr/third"] {
        std::fs::hard_link(root.join("usr/bin/sh"), root.join(name)).unwrap();
    }
    for size in [0, 1, 59, 60, 61, 140, 160, 1023, 1024, 4095, 4096, 4097, 70_000] {
        put(&format!("etc/size{size}"), &vec![b'a' + (size % 26) as u8; size]);
    }
    put("deep/a/b/c/d/e/f/g/h/i/j/k/end", &b"text that packs well. ".repeat(30_000));
    for index in 0..many {
        put(&format!("many/a-name-of-some-length-{index:05}"), &index.to_le_bytes());
    }
    put("odd \u{e9}\u{1f600}\n name", b"odd");
    let sparse = std::fs::File::create(root.join("sparse")).unwrap();
    for at in [0, 5_000_000, 5_004_096, 23_456_789] {
        sparse.write_all_at(b"island", at).unwrap();
    }
    let fragmented = std::fs::File::create(root.join("fragmented")).unwrap();
    for at in 0..400 {
        fragmented.write_all_at(&[7; 4096], at * 8192).unwrap();
    }
    run("mkfifo", &[&root.join("pipe")]);
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    // Devices and owners are for root alone.
    if run("id", &["-u"]).trim() == "0" {
        let made = Command::new("mknod").arg(root.join("null")).args(["c", "1", "3"]).status();
        assert!(made.unwrap().success());
        std::os::unix::fs::chown(root.join("etc/size60"), Some(70_000), Some(1_000_000)).unwrap();
    }
}

/// Whether a program is installed; says so if not.
fn has(program: &str) -> bool {
    let found = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).exists());
    if !found {
        eprintln!("skipped: no {program}");
    }
    found
}

fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).stdin(Stdio::null());
    command
}

/// Runs a program that must succeed and returns what it writes.
fn run<S: AsRef<std::ffi::OsStr>>(program: &str, arguments: &[S]) -> String {
    let output = command(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn mke2fs(kind: &str, options: &[&str], tree: &Path, image: &Path, size: &str) {
    let mut command = command("mke2fs");
    command.args(["-q", "-F", "-t", kind]).args(options).arg("-d").arg(tree).arg(image).arg(size);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Holds what is read of an image to what is read of the directory it was made from.
fn assert_as_tree(tree: &Path, text: &str, except: &[&str]) {
    let (_, expected) = read_text(&format!("rootfs:{}", tree.display())).unwrap();
    let (_, got) = read_text(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let (expected, mut got) = (rows(&expected), rows(&got));
    got.retain(|path, _| !except.contains(&path.as_str()));
    let names = |rows: &BTreeMap<String, Row>| rows.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&got), names(&expected), "{text}");
    for (path, row) in &expected {
        assert_eq!(&got[path], row, "{text}: {path}");
    }
    assert_eq!(warnings(text), Vec::<String>::new(), "{text}");
}

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

/// Names of one file may come in any order: each gets the content of the first.
fn without_links(rows: &BTreeMap<String, Row>) -> BTreeMap<String, Row> {
    let resolved = |row: &Row| match (&row.0, &row.5) {
        (EntryKind::HardLink, Some(target)) => rows[target].clone(),
        _ => row.clone(),
    };
    rows.iter().map(|(path, row)| (path.clone(), resolved(row))).collect()
}

/// Runs a shell command in a directory.
fn shell(directory: &Path, text: &str) {
    let status = command("sh").current_dir(directory).args(["-ec", text]).status().unwrap();
    assert!(status.success(), "{text}");
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
    shell(&early, "find . -mindepth 1 | cpio --quiet -o -H newc | dd bs=512 conv=sync of=../early.cpio 2>&1");
    for format in ["newc", "crc", "odc", "bin"] {
        shell(&tree, &format!("{list} {format} > ../{format}.cpio 2> ../messages"));
    }
    shell(
        dir.path(),
        "gzip -k newc.cpio; xz -k -T1 newc.cpio; zstd -q newc.cpio; \
         cat early.cpio newc.cpio.xz early.cpio newc.cpio > all.cpio; \
         cat early.cpio newc.cpio.zst > early-zstd.cpio; cat newc.cpio.gz early.cpio > gz-early.cpio",
    );
    for name in ["newc.cpio", "crc.cpio", "odc.cpio", "newc.cpio.gz", "newc.cpio.xz", "newc.cpio.zst", "all.cpio", "early-zstd.cpio", "gz-early.cpio"] {
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

/// Holds an image to a directory where names of one file may be told in any order.
fn assert_holds_tree(tree: &Path, text: &str) {
    let (_, expected) = read_text(&format!("rootfs:{}", tree.display())).unwrap();
    let (_, got) = read_text(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let (expected, got) = (without_links(&rows(&expected)), without_links(&rows(&got)));
    let names = |rows: &BTreeMap<String, Row>| rows.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&got), names(&expected), "{text}");
    for (path, row) in &expected {
        assert_eq!(&got[path], row, "{text}: {path}");
    }
    assert_eq!(warnings(text), Vec::<String>::new(), "{text}");
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
        assert!(output.status.success(), "{options:?}: {}", String::from_utf8_lossy(&output.stderr));
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
    make(&["-R", "-J", "-disallow_dir_id_ext"]);
    let (_, got) = read_text(&text).unwrap();
    let (_, expected) = read_text(&format!("rootfs:{}", tree.display())).unwrap();
    assert!(rows(&got).keys().eq(rows(&expected).keys()));
    // Without Rock Ridge there are no owners and no links.
    for (joliet, names, file) in [
        ("on", "Joliet", "many/a-name-of-some-length-00007"),
        ("off", "ISO 9660", "ETC/SIZE4096"),
    ] {
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

/// A small tree that is read in no time.
fn make_small_tree(root: &Path) {
    for path in ["etc", "bin", "usr/lib", "many"] {
        std::fs::create_dir_all(root.join(path)).unwrap();
    }
    std::fs::write(root.join("etc/os-release"), "ID=small\n").unwrap();
    std::fs::write(root.join("usr/lib/text"), "all the same ".repeat(3000)).unwrap();
    std::fs::write(root.join("bin/sh"), [7; 5000]).unwrap();
    std::fs::hard_link(root.join("bin/sh"), root.join("bin/ash")).unwrap();
    symlink("sh", root.join("bin/bash")).unwrap();
    symlink("long/".repeat(30), root.join("long")).unwrap();
    for index in 0..40 {
        std::fs::write(root.join(format!("many/name{index}")), [index; 20]).unwrap();
    }
}

/// A disk of 64 MiB with files at their sectors.
fn make_disk(disk: &Path, table: &[(u64, Vec<u8>)], parts: &[(&Path, u64)]) {
    let file = std::fs::File::create(disk).unwrap();
    file.set_len(64 * 1024 * 1024).unwrap();
    for (sector, bytes) in table {
        file.write_all_at(bytes, sector * 512).unwrap();
    }
    for (part, sector) in parts {
        file.write_all_at(&std::fs::read(part).unwrap(), sector * 512).unwrap();
    }
}

const EFI: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
const DATA: &str = "0fc63daf-8483-4772-8e79-3d69d8477de4";
const ROOT: &str = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";

/// A GPT: type, name, first sector and number of sectors of each partition.
fn gpt(sector_bytes: u64, parts: &[(&str, &str, u64, u64)]) -> Vec<(u64, Vec<u8>)> {
    let mut header = b"EFI PART\0\0\x01\0\x5c\0\0\0".to_vec();
    header.resize(512, 0);
    header[72..80].copy_from_slice(&2_u64.to_le_bytes());
    header[80..84].copy_from_slice(&128_u32.to_le_bytes());
    header[84..88].copy_from_slice(&128_u32.to_le_bytes());
    let mut entries = Vec::new();
    for (kind, name, first, count) in parts {
        let digits: String = kind.chars().filter(|&it| it != '-').collect();
        let byte = |at: usize| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap();
        let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        let mut entry: Vec<u8> = order.into_iter().map(byte).collect();
        entry.extend_from_slice(&[9; 16]);
        let (first, last) = (first * 512 / sector_bytes, (first + count) * 512 / sector_bytes - 1);
        entry.extend_from_slice(&first.to_le_bytes());
        entry.extend_from_slice(&last.to_le_bytes());
        entry.extend_from_slice(&[0; 8]);
        entry.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        entry.resize(128, 0);
        entries.extend(entry);
    }
    let protective = mbr_sector(&[(0xee, 1, 131_071)]);
    vec![(0, protective), (sector_bytes / 512, header), (sector_bytes / 256, entries)]
}

/// One sector of an MBR: type, first sector and number of sectors.
fn mbr_sector(slots: &[(u8, u32, u32)]) -> Vec<u8> {
    let mut sector = vec![0; 446];
    for (kind, first, count) in slots {
        sector.extend_from_slice(&[0, 0, 0, 0, *kind, 0, 0, 0]);
        sector.extend_from_slice(&first.to_le_bytes());
        sector.extend_from_slice(&count.to_le_bytes());
    }
    sector.resize(510, 0);
    sector.extend_from_slice(b"\x55\xaa");
    sector
}

#[test]
fn the_root_is_chosen_among_partitions_by_what_it_holds() {
    if !["mke2fs", "xz", "zstd"].iter().all(|program| has(program)) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name);
    make_small_tree(&place("tree"));
    std::fs::create_dir_all(place("boot/grub")).unwrap();
    mke2fs("ext4", &["-L", "rootfs", "-U", "11111111-2222-3333-4444-555555555555"], &place("tree"), &place("root"), "8M");
    mke2fs("ext2", &[], &place("boot"), &place("other"), "4M");
    let (root, other) = (place("root"), place("other"));
    let disk = place("disk.raw");
    let text = disk.to_str().unwrap();
    let fact = |number: Option<u32>| {
        let options = ReadOptions { partition: number, ..ReadOptions::default() };
        open_text(text, &options).map(|images| {
            let fact = |kind: &str| {
                let found = images[0].facts.iter().find(|fact| fact.kind == kind);
                found.map_or("", |fact| &fact.text).to_owned()
            };
            (fact("disk.partitions"), fact("disk.label"), fact("disk.uuid"))
        })
    };
    let parts = [(EFI, "efi", 2048, 8192), (DATA, "", 10240, 8192), (DATA, "my root", 20480, 16384)];
    for sector_bytes in [4096, 512] {
        make_disk(&disk, &gpt(sector_bytes, &parts), &[(&other, 10240), (&root, 20480)]);
        assert_as_tree(&place("tree"), text, &["lost+found"]);
    }
    let (partitions, label, uuid) = fact(None).unwrap();
    assert_eq!(
        partitions,
        "GPT partition table\n1: 4 MiB, EFI system: unknown, \"efi\"\n2: 4 MiB, Linux data: ext2\n\
         3: 8 MiB, Linux data: ext4, \"rootfs\" (read)"
    );
    assert_eq!((&*label, &*uuid), ("rootfs", "11111111-2222-3333-4444-555555555555"));
    assert!(fact(Some(2)).unwrap().0.contains("ext2 (read)"));
    let error = fact(Some(1)).unwrap_err().to_string();
    assert!(error.ends_with("disk.raw: partition 1: holds no file system that is known here (unknown)"), "{error}");

    // Logical partitions count from their own sectors, these from that of the first.
    let mbr = [
        (0, mbr_sector(&[(0x83, 2048, 8192), (0x05, 10240, 100_000)])),
        (10240, mbr_sector(&[(0x83, 2048, 8192), (0x05, 10240, 20_000)])),
        (20480, mbr_sector(&[(0x83, 2048, 16384)])),
    ];
    make_disk(&disk, &mbr, &[(&other, 2048), (&other, 12288), (&root, 22528)]);
    assert_as_tree(&place("tree"), text, &["lost+found"]);
    assert!(fact(None).unwrap().0.contains("\n6: 8 MiB, Linux: ext4, \"rootfs\" (read)"));

    // Two roots: a question, unless the type of one says that it is the root.
    for (kind, read) in [(DATA, None), (ROOT, Some(2))] {
        let table = gpt(512, &[(DATA, "", 2048, 16384), (kind, "", 20480, 16384)]);
        make_disk(&disk, &table, &[(&root, 2048), (&root, 20480)]);
        match (fact(None), read) {
            (Ok((partitions, ..)), Some(_)) => {
                assert!(partitions.contains("2: 8 MiB, Linux root (x86-64): ext4, \"rootfs\" (read)"));
            }
            (Err(error), None) => {
                assert_eq!(error.hint().unwrap(), "pick one of them: --partition 1");
                let told = "several of its file systems look like the root of a system: partitions 1 (ext4 \"rootfs\"), 2 (ext4 \"rootfs\")";
                assert!(error.to_string().ends_with(told), "{error}");
            }
            (other, _) => panic!("{other:?}"),
        }
    }
    make_disk(&disk, &[(0, mbr_sector(&[(0x83, 2048, 8192), (0x82, 10240, 8192)]))], &[]);
    let error = fact(None).unwrap_err().to_string();
    assert!(error.ends_with("no partition holds a file system that can be read yet: 1 (unknown), 2 (unknown)"), "{error}");
    std::fs::write(&disk, vec![0; 1 << 20]).unwrap();
    let error = open_text(&format!("disk:{text}"), &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("neither a partition table nor a known file system"));
    // Compressed as a whole.
    make_disk(&disk, &mbr, &[(&root, 22528)]);
    shell(dir.path(), "xz -T1 -0 -k disk.raw; zstd -q disk.raw");
    for name in ["disk.raw.xz", "disk.raw.zst"] {
        assert_as_tree(&place("tree"), place(name).to_str().unwrap(), &["lost+found"]);
    }
}

#[test]
fn qcow2_images_are_read_and_stand_on_others_only_if_that_is_allowed() {
    if !["mke2fs", "qemu-img"].iter().all(|program| has(program)) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name);
    make_tree(&place("tree"), 50);
    mke2fs("ext4", &[], &place("tree"), &place("raw"), "64M");
    for (index, options) in [
        &["-c"][..],
        &["-c", "-o", "compression_type=zstd"],
        &["-o", "cluster_size=512"],
        &["-c", "-o", "cluster_size=2M"],
        &["-c", "-o", "cluster_size=4K,compression_type=zstd"],
        &["-o", "compat=0.10"],
    ]
    .into_iter()
    .enumerate()
    {
        let image = place(&format!("{index}.qcow2"));
        let mut command = command("qemu-img");
        command.args(["convert", "-f", "raw", "-O", "qcow2"]).args(options);
        assert!(command.arg(place("raw")).arg(&image).status().unwrap().success());
        assert_as_tree(&place("tree"), image.to_str().unwrap(), &["lost+found"]);
    }
    let refused = |text: &str, allow_backing_file| {
        let options = ReadOptions { allow_backing_file, ..ReadOptions::default() };
        let error = open_text(text, &options).unwrap_err();
        (error.to_string(), error.hint().unwrap_or_default())
    };
    shell(
        dir.path(),
        "qemu-img create -q -f qcow2 -b 1.qcow2 -F qcow2 top.qcow2
         qemu-img create -q -f qcow2 -b raw -F raw top-raw.qcow2
         qemu-img create -q -f qcow2 -b top.qcow2 -F qcow2 top2.qcow2
         qemu-img create -q -f qcow2 -o extended_l2=on extended.qcow2 1M
         qemu-img create -q -f qcow2 -o data_file=data.raw external.qcow2 1M
         qemu-img create -q -f qcow2 -u -b nbd://host/x -F raw url.qcow2 1M
         qemu-img create -q -f qcow2 -u -b circle.qcow2 -F qcow2 round.qcow2 1M
         qemu-img create -q -f qcow2 -u -b round.qcow2 -F qcow2 circle.qcow2 1M
         qemu-img convert -f raw -O vmdk raw x.vmdk; qemu-img convert -f raw -O vdi raw x.vdi
         qemu-img convert -f raw -O vhdx raw x.vhdx",
    );
    for name in ["top.qcow2", "top-raw.qcow2", "top2.qcow2"] {
        let text = place(name);
        let text = text.to_str().unwrap();
        let (error, hint) = refused(text, false);
        assert!(error.contains("stands on another file"), "{error}");
        assert!(hint.contains("--allow-backing-file"), "{hint}");
        let options = ReadOptions { allow_backing_file: true, ..ReadOptions::default() };
        let image = open_text(text, &options).unwrap().remove(0);
        let got = common::read(&image, &options).unwrap();
        let (_, expected) = read_text(place("0.qcow2").to_str().unwrap()).unwrap();
        assert_eq!(rows(&got), rows(&expected), "{name}");
    }
    for (name, told) in [
        ("extended.qcow2", "subclusters"),
        ("external.qcow2", "another file"),
        ("url.qcow2", "no plain path"),
        ("round.qcow2", "more backing files than the limit of 16"),
        ("x.vmdk", "a VMDK disk image"),
        ("x.vdi", "a VDI disk image"),
        ("x.vhdx", "a VHDX disk image"),
    ] {
        let (error, hint) = refused(&format!("disk:{}", place(name).display()), true);
        assert!(error.contains(told), "{name}: {error}");
        assert!(hint.contains("qemu-img convert") || name.starts_with("round"), "{name}: {hint}");
    }
}

/// Reads a damaged file: errors and warnings are right, a panic or a long time is not.
fn read_damaged(text: &str) {
    let limits = Limits { content_bytes: 64 * 1024 * 1024, ..Limits::default() };
    let options = ReadOptions { limits, allow_backing_file: true, ..ReadOptions::default() };
    for image in open_text(text, &options).into_iter().flatten() {
        // Whatever it is, it ends.
        drop(common::read(&image, &options));
    }
}

#[test]
fn damage_never_panics_and_never_lasts() {
    if !["mke2fs", "mkfs.erofs", "xorriso", "cpio", "qemu-img"].iter().all(|it| has(it)) {
        return;
    }
    let rounds: u64 = std::env::var("OSKIN_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(300);
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name);
    make_small_tree(&place("tree"));
    mke2fs("ext4", &["-b", "1024", "-O", "inline_data"], &place("tree"), &place("a.ext4"), "1M");
    mke2fs("ext2", &["-b", "1024", "-I", "128"], &place("tree"), &place("b.ext2"), "1M");
    make_disk(&place("c.disk"), &gpt(512, &[(DATA, "", 2048, 2048)]), &[(&place("a.ext4"), 2048)]);
    let mbr = [(0, mbr_sector(&[(5, 2048, 9000)])), (2048, mbr_sector(&[(0x83, 2048, 2048)]))];
    make_disk(&place("d.disk"), &mbr, &[(&place("b.ext2"), 4096)]);
    shell(
        dir.path(),
        "qemu-img convert -c -f raw -O qcow2 a.ext4 e.qcow2
         qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd,cluster_size=4K a.ext4 f.qcow2
         mkfs.erofs -zlz4hc -Eztailpacking g.erofs tree >messages 2>&1
         mkfs.erofs -zlz4hc -C16384 -Elegacy-compress h.erofs tree >messages 2>&1
         mkfs.erofs --chunksize=4096 i.erofs tree >messages 2>&1
         xorriso -as mkisofs -quiet -R -J --hardlinks -o j.iso tree >messages 2>&1
         cd tree; find . -mindepth 1 | cpio --quiet -o -H crc > ../k.cpio 2>../messages
         find . -mindepth 1 | cpio --quiet -o -H odc | gzip > ../l.cpio.gz; cd ..
         truncate -s 3M c.disk d.disk; rm messages",
    );
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below.max(1)
    };
    let mut names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some());
    names.sort();
    assert_eq!(names.len(), 12);
    for path in names {
        let bytes = std::fs::read(&path).unwrap();
        let told: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
        let kind = path.extension().unwrap().to_str().unwrap();
        let transport = match kind {
            "erofs" | "iso" | "cpio" => kind,
            "gz" => "cpio",
            _ => "disk",
        };
        let damaged = place("damaged");
        let text = format!("{transport}:{}", damaged.display());
        let started = std::time::Instant::now();
        for round in 0..rounds {
            let mut bytes = bytes.clone();
            if round % 16 == 0 {
                bytes.truncate(usize::try_from(next(bytes.len() as u64)).unwrap());
            }
            // Half of the time in the beginning, where most of the structure is.
            let most = if round % 2 == 0 { told.len() } else { told.len().min(600) };
            for _ in 0..=next(6) {
                let at = told[usize::try_from(next(most as u64)).unwrap()];
                let near = at + usize::try_from(next(8)).unwrap();
                let value = [0, 0xff, 1, 0x80, u8::try_from(next(256)).unwrap()];
                if let Some(byte) = bytes.get_mut(if round % 3 == 0 { near } else { at }) {
                    *byte = value[usize::try_from(next(5)).unwrap()];
                }
            }
            std::fs::write(&damaged, &bytes).unwrap();
            let last = std::time::Instant::now();
            read_damaged(&text);
            let seconds = last.elapsed().as_secs();
            assert!(seconds < 30, "{}: round {round} took {seconds} s", path.display());
        }
        eprintln!("{}: {rounds} rounds, {:?}", path.display(), started.elapsed());
    }
}
