//! `squashfs:` against the directory the file system was made of, against `unsquashfs`, and against
//! damage.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use common::{counts, open_text, read, read_text, warnings, write};
use oskin::inventory::{EntryKind, Inventory};
use oskin::path::escape;
use oskin::source::{Limits, ReadOptions, SourceError};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("-version").output().is_ok();
    if !found {
        eprintln!("skipped: no {program}");
    }
    found
}

/// Makes a file system of a directory.
fn make(tree: &Path, image: &Path, options: &[&str]) {
    let mut command = Command::new("mksquashfs");
    command.arg(tree).arg(image).args(["-quiet", "-no-progress", "-noappend"]).args(options);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Bytes that do not compress well, always the same.
fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 32).to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// A directory with one of everything that needs no rights.
fn tree(root: &Path) {
    let sub = root.join("usr/share/x");
    fs::create_dir_all(&sub).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    for (name, bytes) in [
        ("small", b"hello\n".to_vec()),
        ("none", Vec::new()),
        ("block", noise(4096, 1)),
        ("blocks", noise(3 * 131_072, 2)),
        ("tail", noise(131_072 + 7, 3)),
        ("large", [noise(1_500_000, 4), vec![b'a'; 1_500_001]].concat()),
    ] {
        write(&sub, name, &bytes);
    }
    fs::hard_link(sub.join("tail"), root.join("another")).unwrap();
    fs::hard_link(sub.join("tail"), sub.join("third")).unwrap();
    fs::hard_link(sub.join("none"), root.join("nothing")).unwrap();
    let mut sparse = File::create(root.join("sparse")).unwrap();
    sparse.seek(SeekFrom::Start(2_000_000)).unwrap();
    sparse.write_all(b"in the middle").unwrap();
    sparse.set_len(5_000_000).unwrap();
    symlink("usr/share/x/small", root.join("link")).unwrap();
    symlink("y".repeat(3000), root.join("long link")).unwrap();
    symlink(OsStr::from_bytes(b"to \xff\xfe"), root.join("bytes")).unwrap();
    fs::write(root.join(OsStr::from_bytes(b"name \x80\xff\n")), "odd").unwrap();
    fs::set_permissions(sub.join("small"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::set_permissions(root.join("empty"), fs::Permissions::from_mode(0o1777)).unwrap();
    assert!(Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    drop(std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap());
}

fn text(transport: &str, path: &Path) -> String {
    format!("{transport}:{}", path.display())
}

/// Reads without any warning.
fn inventory(text: &str) -> Inventory {
    assert_eq!(warnings(text), Vec::<String>::new(), "{text}");
    read_text(text).unwrap().1
}

/// Every field of every entry.
fn assert_equal(got: &Inventory, expected: &Inventory, what: &str) {
    let paths = |it: &Inventory| it.iter().map(|it| escape(it.path)).collect::<Vec<_>>();
    assert_eq!(paths(got), paths(expected), "{what}");
    for (got, expected) in got.iter().zip(expected.iter()) {
        assert_eq!(got, expected, "{what}");
    }
}

#[test]
fn every_compressor_and_option_gives_what_the_directory_holds() {
    if !is_installed("mksquashfs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    tree(&root);
    let expected = inventory(&text("rootfs", &root));
    assert_eq!(expected.totals().files, 16);
    let mut variants: Vec<Vec<&str>> = Vec::new();
    for compressor in ["gzip", "xz", "zstd", "lz4"] {
        for block in ["4096", "131072", "1048576"] {
            variants.push(vec!["-comp", compressor, "-b", block]);
        }
    }
    variants.extend([
        vec!["-no-fragments"],
        vec!["-always-use-fragments"],
        vec!["-always-use-fragments", "-b", "1048576", "-comp", "xz", "-Xbcj", "x86"],
        vec!["-noI", "-noD", "-noF", "-noX"],
        vec!["-noId", "-no-exports", "-no-sparse"],
        vec!["-no-duplicates", "-nopad", "-no-tailends"],
        vec!["-comp", "lz4", "-Xhc"],
    ]);
    for options in variants {
        let image = dir.path().join("image.sqsh");
        make(&root, &image, &options);
        let got = inventory(&text("squashfs", &image));
        assert_equal(&got, &expected, &options.join(" "));
        // A bare path is known by its content.
        assert_equal(&inventory(image.to_str().unwrap()), &expected, "bare");
    }
    let without = ReadOptions { contents: false, ..ReadOptions::default() };
    let opened = open_text(&text("squashfs", &dir.path().join("image.sqsh")), &without).unwrap();
    assert_eq!(opened[0].name, "image");
    let got = read(&opened[0], &without).unwrap();
    assert!(got.iter().all(|entry| entry.digest.is_none()));
    assert_eq!(got.totals().size_bytes, expected.totals().size_bytes);
}

#[test]
fn what_is_not_read_says_what_it_is() {
    if !is_installed("mksquashfs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    fs::create_dir_all(&root).unwrap();
    write(&root, "a", &vec![7; 100_000]);
    let image = dir.path().join("image.sqsh");
    make(&root, &image, &["-comp", "gzip"]);
    let good = fs::read(&image).unwrap();
    let changed = |changes: &[(usize, u8)]| {
        let mut bytes = good.clone();
        for &(at, byte) in changes {
            bytes[at] = byte;
        }
        let path = write(dir.path(), "changed.sqsh", &bytes);
        let error = open_text(&text("squashfs", &path), &ReadOptions::default()).unwrap_err();
        let said = error.to_string();
        let said = said.strip_prefix(&format!("{}: ", path.display())).unwrap();
        (said.to_owned(), error.hint().unwrap_or_default())
    };
    let unpack = "unpack it: unsquashfs -d DIR FILE, then use rootfs:DIR";
    for (changes, expected) in [
        (&[(20, 3)][..], "a squashfs file system compressed with lzo, which is not supported"),
        (&[(20, 2)], "a squashfs file system compressed with lzma, which is not supported"),
        (&[(20, 9)], "a squashfs file system compressed with a method that is not known"),
        (
            &[(28, 3), (30, 1)],
            "a squashfs file system of version 3.1, of which only 4.0 is supported",
        ),
        (
            &[(0, b's'), (1, b'q'), (2, b's'), (3, b'h'), (28, 0), (29, 3), (31, 1)],
            "a squashfs file system of version 3.1, of which only 4.0 is supported",
        ),
    ] {
        assert_eq!(changed(changes), (expected.to_owned(), unpack.to_owned()));
    }
    let old =
        write(dir.path(), "old.sqsh", &[&b"sqsh"[..], &[0; 24], &[0, 2, 0, 0], &[0; 80]].concat());
    let error = open_text(old.to_str().unwrap(), &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.ends_with("of version 2.0, of which only 4.0 is supported"), "{error}");
    assert_eq!(changed(&[(0, b'x')]).0, "no squashfs file system");
    assert_eq!(changed(&[(12, 1)]).0, "the superblock states blocks of 131073 bytes");
    let limits = Limits { content_bytes: 99_999, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let opened = open_text(&text("squashfs", &image), &options).unwrap();
    let error = read(&opened[0], &options).unwrap_err();
    assert!(matches!(error, SourceError::TooLarge { limit_bytes: 99_999, .. }), "{error}");
}

#[test]
fn devices_and_owners_come_through() {
    if !is_installed("mksquashfs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    fs::create_dir_all(&root).unwrap();
    let image = dir.path().join("image.sqsh");
    let pseudo = [
        "-p",
        "dev d 755 0 0",
        "-p",
        "dev/null c 666 0 0 1 3",
        "-p",
        "dev/sda b 660 0 6 8 0",
        "-p",
        "dev/zero c 666 70000 4000000000 0 0",
        "-p",
        "x f 640 1000 100 echo hello",
    ];
    make(&root, &image, &pseudo);
    let got = inventory(&text("squashfs", &image));
    let all: Vec<_> = got
        .iter()
        .map(|it| (escape(it.path), it.kind, it.mode, it.uid, it.gid, it.size_bytes))
        .collect();
    let expected = [
        ("dev", EntryKind::Directory, 0o755, 0, 0, 0),
        ("dev/null", EntryKind::CharDevice, 0o666, 0, 0, 0),
        ("dev/sda", EntryKind::BlockDevice, 0o660, 0, 6, 0),
        ("dev/zero", EntryKind::CharDevice, 0o666, 70_000, 4_000_000_000, 0),
        ("x", EntryKind::File, 0o640, 1000, 100, 6),
    ];
    assert_eq!(
        all,
        expected.map(|(path, kind, mode, uid, gid, size)| {
            (path.to_owned(), kind, mode, uid, gid, size)
        })
    );
}

/// One line of `unsquashfs -lln`: type and permissions, owner, size, name (with its target).
fn listed_by_unsquashfs(image: &Path) -> Vec<(Vec<u8>, u64, Vec<u8>)> {
    let mut command = Command::new("unsquashfs");
    let output = command.args(["-lln", "-d", "."]).arg(image).output().unwrap();
    assert!(output.status.success());
    let mut lines = Vec::new();
    for line in output.stdout.split(|&byte| byte == b'\n') {
        let Some(at) = line.windows(3).position(|it| it == b" ./") else { continue };
        let fields = String::from_utf8(line[..at].to_vec()).unwrap();
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let head = format!("{} {}", fields[0], fields[1]).into_bytes();
        lines.push((head, fields[2].parse().unwrap_or(0), line[at + 3..].to_vec()));
    }
    lines
}

#[test]
fn unsquashfs_lists_and_unpacks_the_same() {
    if !is_installed("mksquashfs") || !is_installed("unsquashfs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    tree(&root);
    // The list is of lines.
    fs::remove_file(root.join(OsString::from_vec(b"name \x80\xff\n".to_vec()))).unwrap();
    let many = root.join("many");
    fs::create_dir(&many).unwrap();
    for number in 0..20_000 {
        fs::write(many.join(format!("{number}-{}", "n".repeat(number % 50))), "").unwrap();
    }
    let image = dir.path().join("image.sqsh");
    make(&root, &image, &["-comp", "zstd", "-xattrs"]);
    let got = inventory(&text("squashfs", &image));
    assert_equal(&got, &inventory(&text("rootfs", &root)), "the directory");
    // Empty files have metadata, of which no more is decompressed than twice what is allowed.
    let metadata = dir.path().join("metadata.sqsh");
    make(&many, &metadata, &[]);
    let limits = Limits { content_bytes: 100_000, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let opened = open_text(&text("squashfs", &metadata), &options).unwrap();
    let error = read(&opened[0], &options).unwrap_err().to_string();
    let what = "what has to be decompressed is larger than the limit of 200000 bytes";
    assert!(error.ends_with(what), "{error}");
    let mut ours: Vec<_> = got
        .iter()
        .map(|entry| {
            let letter = match entry.kind {
                EntryKind::Directory => 'd',
                EntryKind::Symlink => 'l',
                EntryKind::Fifo => 'p',
                EntryKind::Socket => 's',
                _ => '-',
            };
            let bits = "rwxrwxrwx".chars().enumerate();
            let bits =
                bits.map(|(at, bit)| if entry.mode >> (8 - at) & 1 == 1 { bit } else { '-' });
            let mut head: Vec<char> = [letter].into_iter().chain(bits).collect();
            for (at, bit, letter) in [(3, 0o4000, 's'), (6, 0o2000, 's'), (9, 0o1000, 't')] {
                if entry.mode & bit != 0 {
                    let is_upper = head[at] == '-';
                    head[at] = if is_upper { letter.to_ascii_uppercase() } else { letter };
                }
            }
            let head: String = head.into_iter().collect();
            let head = format!("{head} {}/{}", entry.uid, entry.gid).into_bytes();
            let mut name = entry.path.to_vec();
            let mut size = entry.size_bytes;
            if entry.kind == EntryKind::Symlink {
                let target = entry.link.unwrap();
                name.extend_from_slice(b" -> ");
                name.extend_from_slice(target);
                size = target.len() as u64;
            }
            (head, size, name)
        })
        .collect();
    ours.sort_by(|a, b| a.2.cmp(&b.2));
    let mut theirs = listed_by_unsquashfs(&image);
    // They tell the size of the listing of a directory.
    theirs.iter_mut().filter(|it| it.0[0] == b'd').for_each(|it| it.1 = 0);
    theirs.sort_by(|a, b| a.2.cmp(&b.2));
    assert_eq!(ours.len(), 20_020);
    assert!(ours == theirs, "{:?}", ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs));
    let out = dir.path().join("out");
    let mut command = Command::new("unsquashfs");
    command.args(["-no-progress", "-quiet", "-d"]).arg(&out).arg(&image);
    assert!(command.status().unwrap().success());
    assert_equal(&got, &inventory(&text("rootfs", &out)), "what unsquashfs unpacked");
}

/// Opens and reads; whether it went well. It must neither panic nor take long.
fn survives(bytes: &[u8], path: &Path) -> bool {
    fs::write(path, bytes).unwrap();
    let limits = Limits { content_bytes: 64 << 20, entries: 100_000, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let begin = Instant::now();
    let result = open_text(&text("squashfs", path), &options);
    let result = result.and_then(|images| images[0].layers[0].read(&options));
    assert!(begin.elapsed() < Duration::from_secs(5));
    if let Err(error) = &result {
        assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    }
    result.is_ok()
}

/// A small file system that has nearly everything, and how long it is without padding.
fn small_image(dir: &Path, options: &[&str]) -> Vec<u8> {
    let root = dir.join("tree");
    if !root.exists() {
        fs::create_dir_all(root.join("a/b/c")).unwrap();
        write(&root, "tail", &noise(5000, 5));
        write(&root.join("a"), "small", b"hello");
        write(&root.join("a/b"), "other", &noise(9000, 6));
        fs::hard_link(root.join("tail"), root.join("a/b/c/tail")).unwrap();
        symlink("a/small", root.join("link")).unwrap();
        File::create(root.join("hole")).unwrap().set_len(20_000).unwrap();
    }
    let image = dir.join("small.sqsh");
    make(&root, &image, options);
    let bytes = fs::read(&image).unwrap();
    let length = u64::from_le_bytes(bytes[40..48].try_into().unwrap());
    bytes[..usize::try_from(length).unwrap()].to_vec()
}

#[test]
fn every_truncation_is_refused() {
    if !is_installed("mksquashfs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let whole = small_image(dir.path(), &["-b", "4096", "-comp", "zstd"]);
    let path = dir.path().join("cut.sqsh");
    assert!(survives(&whole, &path));
    for length in 0..whole.len() {
        assert!(!survives(&whole[..length], &path), "{length} of {}", whole.len());
    }
}

#[test]
fn changed_bytes_never_panic_and_end_soon() {
    if !is_installed("mksquashfs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("changed.sqsh");
    for (options, seed) in [
        (&["-b", "4096", "-noI", "-noId", "-noD", "-noF"][..], 1),
        (&["-b", "4096", "-comp", "gzip"], 2),
        (&["-b", "4096", "-comp", "xz"], 3),
        (&["-b", "4096", "-comp", "zstd"], 4),
        (&["-b", "4096", "-comp", "lz4"], 5),
    ] {
        let whole = small_image(dir.path(), options);
        let random = noise(60_000, seed);
        let mut refused = 0;
        for change in random.chunks_exact(12).take(if seed == 1 { 5000 } else { 1000 }) {
            let mut bytes = whole.clone();
            // Half of them in what is not content: the superblock and the tables at the end.
            for at in change.chunks_exact(4).take(1 + usize::from(change[11] % 3)) {
                let place = usize::from(u16::from_le_bytes([at[0], at[1]]));
                let place = match at[2] % 4 {
                    0 => place % 96,
                    1 => bytes.len() - 1 - place % bytes.len().min(800),
                    _ => place % bytes.len(),
                };
                bytes[place] = at[3];
            }
            refused += u32::from(!survives(&bytes, &path));
        }
        assert!(refused > 100, "{options:?}: {refused}");
    }
}

/// The place of the only inode of a kind in a file system whose inodes are not compressed.
fn inode_of(bytes: &[u8], kind: u16, number: u32) -> usize {
    let table = usize::try_from(u64::from_le_bytes(bytes[64..72].try_into().unwrap())).unwrap();
    let begins = |at: &usize| {
        bytes[*at..*at + 2] == kind.to_le_bytes()
            && bytes[*at + 12..*at + 16] == number.to_le_bytes()
    };
    // The inodes of a file that ends in a fragment and of a directory take 32 bytes each.
    (table + 2..bytes.len() - 16).step_by(32).find(begins).unwrap()
}

#[test]
fn directories_in_a_circle_and_sizes_without_end_are_bounded() {
    if !is_installed("mksquashfs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    fs::create_dir_all(root.join("a/b")).unwrap();
    write(&root, "f", &noise(100, 9));
    let image = dir.path().join("image.sqsh");
    make(&root, &image, &["-noI", "-noId"]);
    let good = fs::read(&image).unwrap();
    let inventory = inventory(&text("squashfs", &image));
    assert_eq!(counts(&inventory), (1, 2));
    // The listing of `a` is made that of the root: the root has the entries a and f, each a reads
    // the inode of a again.
    let root_number = 4;
    let (from, to) = (inode_of(&good, 1, root_number), inode_of(&good, 1, 1));
    let mut bytes = good.clone();
    for field in [16..20, 24..28] {
        let value = good[from + field.start..from + field.end].to_vec();
        bytes[to + field.start..to + field.end].copy_from_slice(&value);
    }
    let path = write(dir.path(), "circle.sqsh", &bytes);
    let said = warnings(&text("squashfs", &path));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].ends_with(": a directory of two names; read only once"), "{said:?}");
    // A file of 4 GiB that has the blocks of one of 100 bytes.
    let mut bytes = good.clone();
    let at = inode_of(&good, 2, 3);
    bytes[at + 28..at + 32].fill(0xff);
    let path = write(dir.path(), "large.sqsh", &bytes);
    let said = warnings(&text("squashfs", &path));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains(": f: the content cannot be read: "), "{said:?}");
    let limits = Limits { content_bytes: 1 << 30, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let opened = open_text(&text("squashfs", &path), &options).unwrap();
    let error = read(&opened[0], &options).unwrap_err().to_string();
    assert!(error.ends_with("its content is larger than the limit of 1073741824 bytes"), "{error}");
}

#[test]
fn names_that_are_no_names_are_left_out() {
    if !is_installed("mksquashfs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let root: PathBuf = dir.path().join("tree");
    fs::create_dir_all(&root).unwrap();
    for name in ["q1", "q2", "q3", "good"] {
        write(&root, name, name.as_bytes());
    }
    let image = dir.path().join("image.sqsh");
    make(&root, &image, &["-noI", "-noId", "-no-exports"]);
    let mut bytes = fs::read(&image).unwrap();
    let table = usize::try_from(u64::from_le_bytes(bytes[72..80].try_into().unwrap())).unwrap();
    for (from, to) in [(b"q1", b".."), (b"q2", b"a/"), (b"q3", b"x\0")] {
        let at = bytes[table..].windows(2).position(|it| it == from);
        let Some(at) = at else {
            eprintln!("skipped: the names are compressed");
            return;
        };
        bytes[table + at..table + at + 2].copy_from_slice(to);
    }
    let path = write(dir.path(), "names.sqsh", &bytes);
    let (_, inventory) = read_text(&text("squashfs", &path)).unwrap();
    assert_eq!(inventory.iter().map(|it| it.path.to_vec()).collect::<Vec<_>>(), [b"good"]);
    assert_eq!(warnings(&text("squashfs", &path)).len(), 3);
}
