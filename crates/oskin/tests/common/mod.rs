//! What the tests of the readers share: from a specification to a listing.
#![expect(dead_code, reason = "each test file uses a part")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use oskin::inventory::{EntryKind, Inventory, flatten};
use oskin::path::escape;
use oskin::source::{ImageSource, ReadOptions, SourceError, SourceSpec, open};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use testkit::ExpectedKind;

/// Opens what `text` names, as the command line does.
pub(crate) fn open_text(
    text: &str,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    open(&SourceSpec::parse(OsStr::new(text))?, options)
}

/// Opens and reads the one image that `text` names.
pub(crate) fn read_text(text: &str) -> Result<(ImageSource, Inventory), SourceError> {
    let options = ReadOptions::default();
    let image = only(open_text(text, &options)?);
    let inventory = read(&image, &options)?;
    Ok((image, inventory))
}

fn only(mut images: Vec<ImageSource>) -> ImageSource {
    assert_eq!(images.len(), 1);
    images.remove(0)
}

/// Reads all layers of an image.
pub(crate) fn read(
    image: &ImageSource,
    options: &ReadOptions<'_>,
) -> Result<Inventory, SourceError> {
    let mut layers = Vec::new();
    for layer in &image.layers {
        layers.push(layer.read(options)?.layer);
    }
    Ok(flatten(&layers).0)
}

/// All warnings that reading an image gives.
pub(crate) fn warnings(text: &str) -> Vec<String> {
    let options = ReadOptions::default();
    let image = open_text(text, &options).unwrap().remove(0);
    let layers = image.layers.iter().flat_map(|layer| layer.read(&options).unwrap().warnings);
    image.warnings.iter().cloned().chain(layers).map(|warning| warning.to_string()).collect()
}

/// The entries as `kind path` lines; links with their target.
pub(crate) fn lines(inventory: &Inventory) -> Vec<String> {
    let line = |entry: oskin::inventory::Entry<'_>| {
        let link = entry.link.map(|link| format!(" -> {}", escape(link))).unwrap_or_default();
        format!("{} {}{link}", entry.kind.name(), escape(entry.path))
    };
    inventory.iter().map(line).collect()
}

/// Files (all that is no directory) and directories.
pub(crate) fn counts(inventory: &Inventory) -> (u64, u64) {
    let totals = inventory.totals();
    (totals.files, totals.directories)
}

/// Writes a file into a directory and returns its path.
pub(crate) fn write(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The folder of shared data, if it is there.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let root = std::env::var_os("OSKIN_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let data = root.join("data");
    if data.is_dir() {
        return Some(data);
    }
    eprintln!("skipped: no ../shared/data");
    None
}

/// Compares an inventory with what testkit's model says, every field.
pub(crate) fn assert_same(inventory: &Inventory, expected: &testkit::Listing, what: &str) {
    let got: BTreeMap<Vec<u8>, _> =
        inventory.iter().map(|entry| (entry.path.to_vec(), entry)).collect();
    let paths = |keys: Vec<&Vec<u8>>| keys.iter().map(|path| escape(path)).collect::<Vec<_>>();
    assert_eq!(paths(got.keys().collect()), paths(expected.keys().collect()), "{what}");
    for (path, want) in expected {
        let entry = &got[path];
        let place = format!("{what}: {}", escape(path));
        let same_kind = match (entry.kind, want.kind) {
            // A hard link to what is no file is one more name of it in the model.
            (EntryKind::HardLink, kind) if kind != ExpectedKind::File => continue,
            (EntryKind::File | EntryKind::HardLink, ExpectedKind::File)
            | (EntryKind::Directory, ExpectedKind::Directory)
            | (EntryKind::Symlink, ExpectedKind::Symlink)
            | (EntryKind::CharDevice, ExpectedKind::CharDevice { .. })
            | (EntryKind::BlockDevice, ExpectedKind::BlockDevice { .. })
            | (EntryKind::Fifo, ExpectedKind::Fifo) => true,
            _ => false,
        };
        assert!(same_kind, "{place}: {} is {:?}", entry.kind.name(), want.kind);
        if entry.kind == EntryKind::HardLink {
            // Metadata of a link is that of the file in the model, of its own header here.
            let names = expected.values().filter(|other| other.inode == want.inode).count();
            assert!(names > 1 || want.hard_link_to.is_some(), "{place}");
        } else {
            let meta = (u32::from(entry.mode), entry.uid, entry.gid);
            assert_eq!(meta, (want.mode, want.uid, want.gid), "{place}");
        }
        assert_eq!(entry.size_bytes, want.size_bytes, "{place}");
        if want.kind == ExpectedKind::Symlink {
            assert_eq!(entry.link.unwrap_or_default(), want.link, "{place}");
        }
        if want.kind == ExpectedKind::File {
            let digest = entry.digest.map(ToString::to_string);
            assert_eq!(digest, Some(testkit::digest(&want.content)), "{place}");
        }
    }
}

const ENGINE_IMAGE: &str = r#"
//- layer
bin/ dir mode=0755
bin/sh file 120
bin/ash hardlink bin/sh
lib symlink usr/lib
usr/ dir mode=0755
usr/lib/ dir mode=0711
usr/lib/libc.so file 700000
etc/ dir mode=0755
etc/os-release file "ID=test\n"
"odd name\xff" file 3
dev/ dir mode=0755
dev/null char 1 3
run/ dir mode=0755
run/pipe fifo
var/ dir mode=0755
var/cache/ dir mode=0700 uid=5 gid=6
var/cache/a file 1
var/cache/b file 1
//- layer
.wh.bin file
var/cache/ dir mode=0700 uid=5 gid=6
var/cache/.wh..wh..opq file
var/cache/c file 1
usr/lib/ dir mode=0711
usr/lib/added file 5
//- layer
etc/passwd file 9 uid=7 gid=8 mode=0600
usr/lib/ dir mode=0711
usr/lib/libc.so symlink libc2.so
"#;

/// The keys of all layers as they are read.
pub(crate) fn keys(image: &ImageSource, options: &ReadOptions<'_>) -> Vec<String> {
    image.layers.iter().map(|layer| layer.read(options).unwrap().key.to_string()).collect()
}

/// All that is known of every entry.
pub(crate) fn entries(inventory: &Inventory) -> Vec<String> {
    inventory.iter().map(|entry| format!("{entry:?}")).collect()
}

/// Message and hint, as the command line prints them.
pub(crate) fn told(error: &SourceError) -> String {
    format!("{error}\nhint: {}", error.hint().unwrap_or_default())
}

/// Three layers with an entry of every kind, as any engine can unpack them.
pub(crate) fn engine_image() -> testkit::Image {
    testkit::Image::from_fixture(ENGINE_IMAGE).reference("app:1.0")
}
