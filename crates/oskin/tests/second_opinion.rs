//! The same files read by other programs: GNU tar lists, skopeo and umoci unpack.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use common::{open_text, read_text, shared_data, write};
use oskin::inventory::{EntryKind, Inventory};
use oskin::path::escape;
use oskin::source::ReadOptions;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::{
    ArchiveFlavor, ArchiveOptions, Compression, FixtureKind, FixtureLayer, Image, OciOptions,
    TarFormat, TarOptions, docker_archive, random_fixture, rootfs_tar, write_oci_layout,
};

/// Whether a program is there.
fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}

/// The names that GNU tar lists, without the root.
fn names_by_tar(archive: &Path) -> BTreeSet<Vec<u8>> {
    let mut command = Command::new("tar");
    command.args(["--quoting-style=literal", "-tf"]).arg(archive);
    let listed = run(&mut command);
    let names = listed.split(|&byte| byte == b'\n');
    let trimmed = names.map(|name| {
        let name = name.strip_prefix(b"./").or(name.strip_prefix(b"/")).unwrap_or(name);
        name.strip_suffix(b"/").unwrap_or(name).to_vec()
    });
    trimmed.filter(|name| !name.is_empty()).collect()
}

fn names_of_layer(text: &str) -> BTreeSet<Vec<u8>> {
    let options = ReadOptions::default();
    let image = open_text(text, &options).unwrap().remove(0);
    let layer = image.layers[0].read(&options).unwrap().layer;
    layer.iter().map(|entry| entry.path.to_vec()).collect()
}

#[test]
fn gnu_tar_lists_the_same_names() {
    let dir = tempfile::tempdir().unwrap();
    let mut archives = Vec::new();
    for seed in 0..60_u8 {
        let format = [TarFormat::Ustar, TarFormat::Pax, TarFormat::Gnu][usize::from(seed % 3)];
        let options = TarOptions { format, ..TarOptions::default() };
        let tar = rootfs_tar(&random_fixture(seed.into()), &options);
        archives.push(write(dir.path(), &format!("{seed}.tar"), &tar));
    }
    if let Some(data) = shared_data() {
        let roots = std::fs::read_dir(data.join("real/rootfs")).unwrap();
        archives.extend(roots.map(|entry| entry.unwrap().path()));
    }
    for archive in archives {
        let ours = names_of_layer(&format!("tar:{}", archive.display()));
        assert_eq!(ours, names_by_tar(&archive), "{}", archive.display());
    }
}

/// Kind, mode if asked, path, and digest or link target of everything below a directory, told by `find`.
fn tree_by_find(root: &Path, modes: bool) -> BTreeSet<String> {
    let mut command = Command::new("find");
    command.arg(root).args(["-mindepth", "1", "-printf", "%y %m %P\\0%l\\0"]);
    let listed = run(&mut command);
    let mut fields = listed.split(|&byte| byte == 0);
    let mut tree = BTreeSet::new();
    while let (Some(entry), Some(link)) = (fields.next(), fields.next()) {
        let [kind, mode, path] = entry.splitn(3, |&byte| byte == b' ').collect::<Vec<_>>()[..]
        else {
            panic!("{}", escape(entry));
        };
        let content = match kind {
            b"f" => testkit::digest(&std::fs::read(root.join(OsStr::from_bytes(path))).unwrap()),
            b"l" => escape(link),
            _ => String::new(),
        };
        let mode = if modes { escape(mode) } else { "-".to_owned() };
        tree.insert(format!("{} {mode} {} {content}", escape(kind), escape(path)));
    }
    tree
}

/// Whether an entry is a hard link to something that is no file.
fn is_other_name(entry: &oskin::inventory::Entry<'_>) -> bool {
    entry.kind == EntryKind::HardLink && entry.digest.is_none()
}

/// The same of an inventory.
fn tree_of(inventory: &Inventory, modes: bool) -> BTreeSet<String> {
    let line = |entry: oskin::inventory::Entry<'_>| {
        let (kind, content) = match entry.kind {
            EntryKind::File | EntryKind::HardLink => {
                ('f', entry.digest.map(ToString::to_string).unwrap_or_default())
            }
            EntryKind::Directory => ('d', String::new()),
            EntryKind::Symlink => ('l', escape(entry.link.unwrap_or_default())),
            EntryKind::CharDevice => ('c', String::new()),
            EntryKind::BlockDevice => ('b', String::new()),
            EntryKind::Fifo => ('p', String::new()),
            other => panic!("{}", other.name()),
        };
        let mode = if modes { format!("{:o}", entry.mode) } else { "-".to_owned() };
        format!("{kind} {mode} {} {content}", escape(entry.path))
    };
    inventory.iter().filter(|entry| !is_other_name(entry)).map(line).collect()
}

/// Copies an image with skopeo to a layout and unpacks that with umoci.
fn unpacked(source: &str, dir: &Path) -> PathBuf {
    let layout = format!("oci:{}:tag", dir.join("layout").display());
    run(Command::new("skopeo").args(["--insecure-policy", "copy", "-q", source, &layout]));
    let image = format!("{}:tag", dir.join("layout").display());
    let bundle = dir.join("bundle");
    let mut command = Command::new("umoci");
    command.args(["unpack", "--image", &image]);
    // Devices and owners take root.
    if std::fs::metadata("/proc/self")
        .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) != 0)
    {
        command.arg("--rootless");
    }
    run(command.arg(&bundle));
    bundle.join("rootfs")
}

fn compare_with_umoci(source: &str, what: &str, modes: bool) {
    let dir = tempfile::tempdir().unwrap();
    let root = unpacked(source, dir.path());
    let (_, inventory) = read_text(source).unwrap();
    let (ours, mut theirs) = (tree_of(&inventory, modes), tree_by_find(&root, modes));
    // A further name of a pipe or link is of no kind of its own here.
    let nameless = inventory.iter().filter(|entry| is_other_name(entry));
    for path in nameless.map(|entry| format!(" {} ", escape(entry.path))) {
        theirs.retain(|line| !line.contains(&path));
    }
    let differ: Vec<_> = ours.symmetric_difference(&theirs).take(10).collect();
    assert!(differ.is_empty(), "{what}: {differ:#?}");
}

fn has_unpackers() -> bool {
    if is_installed("skopeo") && is_installed("umoci") {
        return true;
    }
    eprintln!("skipped: skopeo and umoci are not installed");
    false
}

#[test]
fn umoci_unpacks_real_images_to_the_same_tree() {
    let (Some(data), true) = (shared_data(), has_unpackers()) else { return };
    let family = data.join("real/oci/tiny-family");
    let images = data.join("images");
    for source in [
        format!("oci:{}:tiny-debian:bookworm", family.display()),
        format!("oci:{}:tiny-lua:5.4", family.display()),
        format!("oci:{}:tiny-luaapp:1.0", family.display()),
        format!("oci:{}:tiny-web:1.0", family.display()),
        format!("oci-archive:{}", images.join("snyk-docker-plugin__node-removed.tar").display()),
        format!("docker-archive:{}", images.join("dive__test-docker-image.tar").display()),
        format!("docker-archive:{}", images.join("snyk-docker-plugin__alpine.tar").display()),
        format!(
            "docker-archive:{}",
            data.join("tiny/container-inspector__mini-image_from_scratch-2.0.tar").display()
        ),
        format!(
            "docker-archive:{}",
            data.join("tiny/go-containerregistry__whiteout_dir.tar").display()
        ),
    ] {
        compare_with_umoci(&source, &source, true);
    }
}

/// Whether an opaque marker lies in something that is, or was, a symbolic link. There unpackers go
/// by the order of the archive; the image spec says that order does not matter.
fn has_opaque_link(layers: &[FixtureLayer]) -> bool {
    let entries = || layers.iter().flat_map(|layer| &layer.entries);
    let links: Vec<&[u8]> = entries()
        .filter(|entry| matches!(entry.kind, FixtureKind::Symlink(_)))
        .map(|entry| &*entry.path)
        .collect();
    entries().filter_map(|entry| entry.path.strip_suffix(b"/.wh..wh..opq")).any(|directory| {
        links.iter().any(|link| *link == directory || oskin::path::is_below(directory, link))
    })
}

/// Modes are not compared here: unpackers choose that of a directory that no layer names, and let
/// the header of a hard link change its file.
#[test]
fn umoci_unpacks_made_images_to_the_same_tree() {
    if !has_unpackers() {
        return;
    }
    for seed in 100..140 {
        let dir = tempfile::tempdir().unwrap();
        let layers = random_fixture(seed);
        if has_opaque_link(&layers) {
            continue;
        }
        let what = testkit::fixture_text(&layers);
        let image = Image::from_layers(layers).reference("app:1").compression(Compression::Gzip);
        let images = std::slice::from_ref(&image);
        if seed % 2 == 0 {
            let layout = dir.path().join("made");
            write_oci_layout(&layout, images, &OciOptions::default()).unwrap();
            compare_with_umoci(&format!("oci:{}:app:1", layout.display()), &what, false);
        } else {
            let flavor = ArchiveFlavor::Skopeo;
            let options = ArchiveOptions { flavor, ..ArchiveOptions::default() };
            let image = image.compression(Compression::None);
            let archive = docker_archive(&[image], &options);
            let path = write(dir.path(), "made.tar", &archive);
            compare_with_umoci(&format!("docker-archive:{}", path.display()), &what, false);
        }
    }
}
