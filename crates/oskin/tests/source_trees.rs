//! Directories, the running system and lists of paths.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{assert_same, counts, lines, open_text, read, read_text, warnings, write};
use oskin::image::LayerKey;
use oskin::source::{ReadOptions, Transport};
use std::ffi::OsStr;
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use testkit::{Compression, compress, random_fixture, write_rootfs};

#[test]
fn directories_are_read_as_they_lie() {
    for seed in 0..60 {
        let layers = random_fixture(seed);
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        let skipped = write_rootfs(&root, &layers).unwrap();
        let mut expected = testkit::expected_listing(&layers);
        expected.retain(|path, _| !skipped.contains(path));
        let (image, inventory) = read_text(&format!("rootfs:{}", root.display())).unwrap();
        assert_same(&inventory, &expected, &testkit::fixture_text(&layers));
        assert_eq!((image.transport, &*image.name), (Transport::RootFs, "root"));
    }
}

#[test]
fn a_tree_has_one_key_wherever_it_lies() {
    let layers = random_fixture(7);
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let keys = dirs.map(|dir| {
        write_rootfs(dir.path(), &layers).unwrap();
        let options = ReadOptions::default();
        let image = open_text(dir.path().to_str().unwrap(), &options).unwrap().remove(0);
        image.layers[0].read(&options).unwrap().key
    });
    assert_eq!(keys[0], keys[1]);
    assert!(matches!(keys[0], LayerKey::Inventory(_)));
}

#[test]
fn names_are_bytes_and_links_are_never_followed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    std::fs::create_dir(&root).unwrap();
    write(dir.path(), "secret", b"outside");
    std::fs::write(root.join(OsStr::from_bytes(b"odd\xff\nname")), "x").unwrap();
    symlink("../secret", root.join("climbs")).unwrap();
    symlink("/", root.join("top")).unwrap();
    symlink("top", root.join("circle")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    assert!(
        std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success()
    );
    let (_, inventory) = read_text(&format!("rootfs:{}", root.display())).unwrap();
    let expected = [
        "symlink circle -> top",
        "symlink climbs -> ../secret",
        "file odd%FF%0Aname",
        "fifo pipe",
        "socket socket",
        "symlink top -> /",
    ];
    assert_eq!(lines(&inventory), expected);
}

#[test]
fn contents_are_hashed_kept_and_left_out_on_demand() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    std::fs::create_dir(root.join("etc")).unwrap();
    write(root, "etc/os-release", b"ID=test\nVERSION_ID=7\n");
    std::fs::hard_link(root.join("etc/os-release"), root.join("etc/second")).unwrap();
    let text = format!("rootfs:{}", root.display());
    let (image, inventory) = read_text(&text).unwrap();
    assert_eq!(inventory.os_identity().unwrap().version_id.as_deref(), Some("7"));
    let entry = inventory.get(b"etc/second").unwrap();
    let expected = testkit::digest(b"ID=test\nVERSION_ID=7\n");
    assert_eq!(entry.digest.map(ToString::to_string), Some(expected));
    assert_eq!(entry.link, Some(&b"etc/os-release"[..]));
    let options = ReadOptions { contents: false, ..ReadOptions::default() };
    let without = read(&image, &options).unwrap();
    assert_eq!(without.get(b"etc/os-release").unwrap().digest, None);
    assert_eq!(without.totals().size_bytes, 21);
}

#[test]
fn what_cannot_be_read_is_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    std::fs::create_dir_all(root.join("closed/inner")).unwrap();
    write(root, "secret", b"x");
    std::fs::set_permissions(root.join("closed"), Permissions::from_mode(0o000)).unwrap();
    std::fs::set_permissions(root.join("secret"), Permissions::from_mode(0o000)).unwrap();
    let text = format!("rootfs:{}", root.display());
    let (_, inventory) = read_text(&text).unwrap();
    let found = warnings(&text);
    std::fs::set_permissions(root.join("closed"), Permissions::from_mode(0o755)).unwrap();
    // Root may read everything.
    if inventory.get(b"closed/inner").is_none() {
        assert_eq!(lines(&inventory), ["directory closed", "file secret"]);
        assert_eq!(inventory.get(b"secret").unwrap().digest, None);
        assert_eq!(found.len(), 2, "{found:?}");
    } else {
        assert_eq!(found, [""; 0]);
    }
}

#[test]
fn deep_trees_are_read_to_the_bottom() {
    let dir = tempfile::tempdir().unwrap();
    let depth = 700;
    let mut made = dir.path().to_owned();
    for _ in 0..depth {
        made.push("d");
    }
    std::fs::create_dir_all(&made).unwrap();
    let (_, inventory) = read_text(dir.path().to_str().unwrap()).unwrap();
    assert_eq!(counts(&inventory), (0, depth));
}

#[test]
fn the_root_of_the_running_system_has_its_own_transport() {
    for text in ["rootfs:/", "rootfs:/usr/..", "/"] {
        let error = read_text(text).unwrap_err();
        assert!(error.hint().unwrap().contains("host:"), "{text}: {error}");
    }
    let error = read_text("rootfs:/etc/passwd").unwrap_err();
    assert!(error.to_string().contains("is no directory"));
    assert!(read_text("rootfs:/no/such").unwrap_err().to_string().contains("no such file"));
}

#[test]
fn the_running_system_is_read_without_what_the_kernel_makes_up() {
    let options = ReadOptions { contents: false, ..ReadOptions::default() };
    let image = open_text("host:", &options).unwrap().remove(0);
    assert_eq!((&*image.name, image.transport), ("host", Transport::Host));
    assert_eq!(image.declared.platform, oskin::source::host_platform());
    let inventory = read(&image, &options).unwrap();
    assert!(inventory.get(b"etc/passwd").is_some());
    for left_out in ["dev", "proc", "run", "sys"] {
        let below = format!("{left_out}/");
        let count = inventory.iter().filter(|e| e.path.starts_with(below.as_bytes())).count();
        assert_eq!(count, 0, "{left_out}");
        if Path::new("/").join(left_out).is_dir() {
            assert!(inventory.get(left_out.as_bytes()).is_some(), "{left_out}");
        }
    }
}

#[test]
fn plain_lists_are_taken_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let text = b"/usr/bin/env\nusr/\nusr/lib\n./usr/lib/libc.so\n.wh.kept\nvar/x/y\n";
    for compression in Compression::ALL {
        let path = write(dir.path(), "list.paths", &compress(text, compression));
        let (image, inventory) = read_text(&format!("paths:{}", path.display())).unwrap();
        let expected = [
            "file .wh.kept",
            "directory usr",
            "file usr/bin/env",
            "directory usr/lib",
            "file usr/lib/libc.so",
            "file var/x/y",
        ];
        assert_eq!(lines(&inventory), expected, "{compression:?}");
        assert_eq!(image.name, "list");
    }
    // Nothing about a list of paths is guessed.
    let path = write(dir.path(), "list", text);
    let error = read_text(path.to_str().unwrap()).unwrap_err();
    assert!(error.hint().unwrap().contains("paths:"));
}

#[test]
fn lists_of_one_content_have_one_key_in_any_order() {
    let dir = tempfile::tempdir().unwrap();
    let options = ReadOptions::default();
    let key = |text: &[u8]| {
        let path = write(dir.path(), "list", text);
        let text = format!("paths:{}", path.display());
        open_text(&text, &options).unwrap()[0].layers[0].read(&options).unwrap().key
    };
    assert_eq!(key(b"a\nb\n"), key(b"b\0a\0"));
    assert_ne!(key(b"a\nb\n"), key(b"a/\nb\n"));
    assert!(matches!(key(b""), LayerKey::Inventory(_)));
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn packages_of_two_lists_are_recognized() {
    let dir = tempfile::tempdir().unwrap();
    let files = b"./a/x\n./a/.wh.y\n./only-file\n";
    let package = zip_of(&[("files.txt", files), ("folders.txt", b".\n./a\n"), ("VERSION", b"1")]);
    let path = write(dir.path(), "name:1.img.zip", &package);
    let (image, inventory) = read_text(path.to_str().unwrap()).unwrap();
    let expected = ["directory a", "file a/.wh.y", "file a/x", "file only-file"];
    assert_eq!(lines(&inventory), expected);
    assert_eq!((&*image.name, image.transport), ("name:1", Transport::Paths));
    let other = write(dir.path(), "other.zip", &zip_of(&[("files.txt", b"a\n")]));
    let error = read_text(other.to_str().unwrap()).unwrap_err();
    assert!(error.to_string().contains("folders.txt"), "{error}");
}

#[test]
fn json_listings_are_recognized() {
    let dir = tempfile::tempdir().unwrap();
    let json = br#"{"repo/name:1": {"fs": ["/a/x", "/b"], "paths": {"/bin": ["seen"]}}}"#;
    let path = write(dir.path(), "listing.json", json);
    let (image, inventory) = read_text(path.to_str().unwrap()).unwrap();
    assert_eq!(lines(&inventory), ["file a/x", "file b"]);
    assert_eq!((&*image.name, image.reference.as_deref()), ("repo/name:1", Some("repo/name:1")));
    let json = br#"{"one": {"paths": {"/bin": ["sh"], "/sbin": []}}, "two": {"fs": []}}"#;
    let path = write(dir.path(), "listing.json", json);
    let error = read_text(path.to_str().unwrap()).unwrap_err();
    assert!(error.to_string().contains("2 images: one, two"), "{error}");
    let all = ReadOptions { all: true, ..ReadOptions::default() };
    let images = open_text(path.to_str().unwrap(), &all).unwrap();
    let expected = ["directory bin", "file bin/sh", "directory sbin"];
    assert_eq!(lines(&read(&images[0], &all).unwrap()), expected);
    for other in [&br#"{"a": 1}"#[..], b"{", b"{}", br#"{"a": {}}"#] {
        let path = write(dir.path(), "other.json", other);
        assert!(read_text(path.to_str().unwrap()).is_err());
    }
}

#[test]
fn bare_paths_are_told_by_content() {
    let dir = tempfile::tempdir().unwrap();
    let tar = testkit::rootfs_tar(&random_fixture(3), &testkit::TarOptions::default());
    for compression in Compression::ALL {
        let path = write(dir.path(), "no-ending", &compress(&tar, compression));
        assert_eq!(read_text(path.to_str().unwrap()).unwrap().0.transport, Transport::Tar);
    }
    for (content, what) in [
        (&b""[..], "empty"),
        (b"hello\n", "text file"),
        (b"\x00\x01\x02", "no kind"),
        (b"OSKI\0", ""),
    ] {
        let path = write(dir.path(), "other", content);
        let error = read_text(path.to_str().unwrap()).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
    // A root file system of any size is told without a look at all of it.
    let many: Vec<String> = (0..12_000).map(|number| format!("srv/{number} file 0")).collect();
    let manifest = r#"manifest.json file "[{\"Config\":\"c\"}]""#;
    let layers = testkit::parse(&format!("{}\n{manifest}\n", many.join("\n"))).unwrap();
    let tar = testkit::write_tar(&layers[0].entries, &testkit::TarOptions::default());
    let path = write(dir.path(), "many", &tar);
    assert_eq!(read_text(path.to_str().unwrap()).unwrap().0.transport, Transport::Tar);
    let error = read_text(dir.path().join("missing").to_str().unwrap()).unwrap_err();
    assert!(error.to_string().ends_with("missing: no such file or directory"), "{error}");
}
