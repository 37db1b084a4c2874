//! Trees that file systems and disks of tests are made of, and what is read of them.
#![expect(dead_code, reason = "each test file uses a part")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use crate::common::{read_text, warnings};
use oskin::inventory::{EntryKind, Inventory};
use oskin::path::escape;
use std::collections::BTreeMap;
use std::os::unix::fs::{FileExt as _, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

/// All that is compared of an entry.
pub(crate) type Row = (EntryKind, u16, u32, u32, u64, Option<String>, Option<String>);

pub(crate) fn rows(inventory: &Inventory) -> BTreeMap<String, Row> {
    let row = |entry: oskin::inventory::Entry<'_>| {
        // Times make no difference; neither does the size that some file systems give directories.
        let key = (entry.kind, entry.mode, entry.uid, entry.gid, entry.size_bytes);
        let link = entry.link.map(escape);
        let digest = entry.digest.map(ToString::to_string);
        let row = (key.0, key.1, key.2, key.3, key.4, link, digest);
        (escape(entry.path), row)
    };
    inventory.iter().map(row).collect()
}

/// A tree with everything that a root file system may hold.
pub(crate) fn make_tree(root: &Path, many: usize) {
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
    for size in [0_usize, 1, 59, 60, 61, 140, 160, 1023, 1024, 4095, 4096, 4097, 70_000] {
        put(&format!("etc/size{size}"), &vec![size.to_le_bytes()[0] | 1; size]);
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
        let status = Command::new("mknod").arg(root.join("null")).args(["c", "1", "3"]).status();
        assert!(status.unwrap().success());
        std::os::unix::fs::chown(root.join("etc/size60"), Some(70_000), Some(1_000_000)).unwrap();
    }
}

/// Whether a program is installed; says so if not.
pub(crate) fn has(program: &str) -> bool {
    let found = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).exists());
    if !found {
        eprintln!("skipped: no {program}");
    }
    found
}

pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).stdin(Stdio::null());
    command
}

/// Runs a program that must succeed and returns what it writes.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(program: &str, arguments: &[S]) -> String {
    let output = command(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn mke2fs(kind: &str, options: &[&str], tree: &Path, image: &Path, size: &str) {
    let mut command = command("mke2fs");
    command.args(["-q", "-F", "-t", kind]).args(options).arg("-d").arg(tree).arg(image).arg(size);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Holds what is read of an image to what is read of the directory it was made from.
pub(crate) fn assert_as_tree(tree: &Path, text: &str, except: &[&str]) {
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

/// Names of one file may come in any order: each gets the content of the first.
pub(crate) fn without_links(rows: &BTreeMap<String, Row>) -> BTreeMap<String, Row> {
    let resolved = |row: &Row| match (&row.0, &row.5) {
        (EntryKind::HardLink, Some(target)) => rows[target].clone(),
        _ => row.clone(),
    };
    rows.iter().map(|(path, row)| (path.clone(), resolved(row))).collect()
}

/// Runs a shell command in a directory.
pub(crate) fn shell(directory: &Path, text: &str) {
    let status = command("sh").current_dir(directory).args(["-ec", text]).status().unwrap();
    assert!(status.success(), "{text}");
}

/// Holds an image to a directory where names of one file may be told in any order.
pub(crate) fn assert_holds_tree(tree: &Path, text: &str) {
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

/// A small tree that is read in no time.
pub(crate) fn make_small_tree(root: &Path) {
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
