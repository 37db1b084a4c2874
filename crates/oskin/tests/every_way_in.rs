//! One system, every way in: whatever it is packed as, its entries are the same.
//!
//! The exceptions, all of the formats and not of the readers:
//! * modes of symbolic links are not compared: Linux has none, archives write what they like;
//! * ext file systems have a directory `lost+found` of their own, which relations set aside.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use common::{read_text, write};
use oskin::inventory::{EntryKind, Inventory};
use oskin::path::escape;
use oskin::relation::{Comparison, Relation, RelationKind};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use testkit::{
    ArchiveOptions, Compression, Image, OciOptions, TarOptions, docker_archive, oci_archive,
    rootfs_tar, write_oci_layout, write_rootfs,
};

/// What is hard for one format or another: owners beyond 16 bits, set-id bits, devices, names that
/// are no text, links, files around block sizes, a directory of several blocks.
fn system() -> Image {
    let mut fixture = String::from(
        "//- layer
bin symlink usr/bin
usr/ dir
usr/bin/ dir
usr/bin/sh file 70001 mode=0755
usr/bin/ash hardlink usr/bin/sh
usr/bin/su file 4096 mode=04755
etc/ dir
etc/os-release file \"ID=made\\nVERSION_ID=1\\n\"
etc/gone file 10
etc/empty file \"\"
home/ dir
home/me/ dir mode=0700 uid=100000 gid=100001
home/me/notes file 1000 uid=100000 gid=100001 mode=0600
tmp/ dir mode=01777
run/ dir
run/pipe fifo mode=0644
dev/ dir
dev/null char 1 3 mode=0666
dev/sda block 8 0 mode=0660 gid=6
\"odd name \\xff\\xfe\" file \"x\"
many/ dir
long symlink ../../",
    );
    fixture.push_str(&"a-long-target/".repeat(12));
    fixture.push_str("end\n");
    for number in 0..700 {
        writeln!(fixture, "many/a-file-whose-name-takes-some-room-{number} file {}", number * 13)
            .unwrap();
    }
    fixture.push_str(
        "//- layer
etc/.wh.gone file
etc/motd file 131072
usr/bin/sh2 hardlink usr/bin/su
",
    );
    Image::from_fixture(&fixture).reference("made:1")
}

/// All that is compared of the entries, one line each.
fn lines(inventory: &Inventory) -> BTreeMap<String, String> {
    // The names of one file, by the name that the others link to.
    let mut groups: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    for entry in inventory.iter() {
        let first = match entry.kind {
            EntryKind::HardLink => entry.link.unwrap_or_default(),
            _ => entry.path,
        };
        groups.entry(first.to_vec()).or_default().push(escape(entry.path));
    }
    let names: BTreeMap<&String, &Vec<String>> =
        groups.values().flat_map(|group| group.iter().map(move |name| (name, group))).collect();
    let line = |entry: oskin::inventory::Entry<'_>| {
        let path = escape(entry.path);
        let kind = if entry.kind.has_content() { EntryKind::File } else { entry.kind };
        let mode = if kind == EntryKind::Symlink { 0o777 } else { entry.mode };
        let link = entry.link.filter(|_| kind == EntryKind::Symlink).map(escape);
        let (owner, size) = ((entry.uid, entry.gid), entry.size_bytes);
        let digest = entry.digest.map(ToString::to_string);
        let text = format!(
            "{} {mode:o} {owner:?} {size} {link:?} {digest:?} {:?}",
            kind.name(),
            names[&path]
        );
        (path, text)
    };
    let all = inventory.iter().map(line);
    all.filter(|(path, _)| path != "lost+found").collect()
}

fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: no {program}");
    }
    found
}

fn shell(script: &str, directory: &Path) {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(directory)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {said}");
}

/// The same system, as `what` makes it in the directory.
fn ways(directory: &Path, image: &Image) -> Vec<String> {
    let at = |name: &str| directory.join(name).display().to_string();
    let archive = docker_archive(std::slice::from_ref(image), &ArchiveOptions::default());
    write(directory, "docker.tar", &archive);
    let zstd = image.clone().compression(Compression::Zstd);
    write(directory, "oci.tar", &oci_archive(&[zstd], &OciOptions::default()));
    write(directory, "root.tar", &rootfs_tar(image.layers(), &TarOptions::default()));
    let mut ways = vec![
        format!("docker-archive:{}", at("docker.tar")),
        format!("oci-archive:{}", at("oci.tar")),
        format!("tar:{}", at("root.tar")),
    ];
    let skipped = write_rootfs(&directory.join("root"), image.layers()).unwrap();
    if !skipped.is_empty() {
        eprintln!("skipped: directories and file systems, which take root to make");
        return ways;
    }
    ways.push(format!("rootfs:{}", at("root")));
    // Program, what it runs, and what it makes.
    let makers = [
        ("mksquashfs", "mksquashfs root a.sqsh -quiet -no-progress >&2", "squashfs:a.sqsh"),
        (
            "mksquashfs",
            "mksquashfs root z.sqsh -comp zstd -quiet -no-progress >&2",
            "squashfs:z.sqsh",
        ),
        ("mke2fs", "mke2fs -q -t ext4 -d root ext4.img 16M", "disk:ext4.img"),
        ("qemu-img", "qemu-img convert -c -O qcow2 ext4.img a.qcow2", "disk:a.qcow2"),
        ("mkfs.erofs", "mkfs.erofs -zlz4hc a.erofs root >&2", "erofs:a.erofs"),
        (
            "cpio",
            "cd root && find . -print0 | sort -z | cpio -0 --quiet -o -H newc | gzip > ../a.cpio.gz",
            "cpio:a.cpio.gz",
        ),
        ("xorriso", "xorriso -as mkisofs -quiet -R -o a.iso root", "iso:a.iso"),
    ];
    for (program, script, made) in makers {
        if has(program) {
            shell(script, directory);
            let (transport, file) = made.split_once(':').unwrap();
            ways.push(format!("{transport}:{}", at(file)));
        }
    }
    if ways.iter().any(|way| way.ends_with("a.sqsh")) {
        let squashfs = std::fs::read(directory.join("a.sqsh")).unwrap();
        let file = write(directory, "a.sif", &testkit::sif(&squashfs));
        ways.push(format!("sif:{}", file.display()));
    }
    if has("skopeo") {
        let store = format!("[vfs@{}+{}]", at("store"), at("run"));
        let name = "localhost/made:1";
        let script = format!("skopeo copy -q oci:layout:made:1 'containers-storage:{store}{name}'");
        shell(&script, directory);
        ways.push(format!("containers-storage:{store}{name}"));
    }
    ways
}

#[test]
fn all_ways_lead_to_the_same_entries() {
    let directory = tempfile::tempdir().unwrap();
    let image = system();
    let layout = directory.path().join("layout");
    write_oci_layout(&layout, std::slice::from_ref(&image), &OciOptions::default()).unwrap();
    let (_, inventory) = read_text(&format!("oci:{}", layout.display())).unwrap();
    let expected = lines(&inventory);
    assert_eq!(expected.len(), 723, "the system itself");
    for way in ways(directory.path(), &image) {
        let (_, other) = read_text(&way).unwrap();
        let relation = Relation::of(&Comparison::of(&inventory, &other), &[], &[]);
        assert_eq!(relation.kind, RelationKind::Identical, "{way}");
        let got = lines(&other);
        for (path, line) in &expected {
            assert_eq!(got.get(path), Some(line), "{way}: {path}");
        }
        let more: Vec<_> = got.keys().filter(|path| !expected.contains_key(*path)).collect();
        assert!(more.is_empty(), "{way}: {more:?}");
    }
}
