//! Images in the store of podman, buildah and CRI-O: stores made by skopeo, and some made here.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use base64::Engine as _;
use common::{assert_same, engine_image, entries, keys, open_text, read_text, told};
use oskin::catalog::Catalog;
use oskin::ingest;
use oskin::source::{EngineOptions, ImageSource, Limits, ReadOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::{Compression, Image, OciOptions, random_fixture, write_oci_layout};

/// A store made by skopeo, and what is in it.
struct Store {
    dir: tempfile::TempDir,
    driver: &'static str,
}

impl Store {
    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn spec(&self, reference: &str) -> String {
        format!("containers-storage:[{}@{}]{reference}", self.driver, self.root().display())
    }

    /// Copies an image into the store; `false` where that cannot be done here.
    fn copy(&self, image: &Image, name: &str) -> bool {
        let layout = self.dir.path().join("layout");
        write_oci_layout(&layout, std::slice::from_ref(image), &OciOptions::default()).unwrap();
        let run = self.dir.path().join("run");
        let to = format!("[{}@{}+{}]", self.driver, self.root().display(), run.display());
        let copied = Command::new("skopeo")
            .args(["copy", "--insecure-policy", "-q"])
            .arg(format!("oci:{}", layout.display()))
            .arg(format!("containers-storage:{to}{name}"))
            .output();
        match copied {
            Ok(output) if output.status.success() => true,
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                eprintln!("skipped: skopeo cannot write a store here: {why}");
                false
            }
            Err(_) => {
                eprintln!("skipped: no skopeo");
                false
            }
        }
    }

    /// Files below the root with this ending, sorted.
    fn files(&self, directory: &str, ending: &str) -> Vec<PathBuf> {
        let entries = self.root().join(format!("{}-{directory}", self.driver)).read_dir().unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.to_str().unwrap().ends_with(ending));
        files.sort();
        files
    }
}

/// Stores of each driver with an image.
fn stores(image: &Image, name: &str) -> Vec<Store> {
    let mut stores = Vec::new();
    for driver in ["vfs", "overlay"] {
        let store = Store { dir: tempfile::tempdir().unwrap(), driver };
        if store.copy(image, name) {
            stores.push(store);
        }
    }
    stores
}

fn warnings(image: &ImageSource) -> Vec<String> {
    let options = ReadOptions::default();
    let layers = image.layers.iter().flat_map(|layer| layer.read(&options).unwrap().warnings);
    image.warnings.iter().cloned().chain(layers).map(|warning| warning.what).collect()
}

#[test]
fn layers_of_a_store_are_those_of_the_layout() {
    for compression in [Compression::None, Compression::Gzip] {
        let image = engine_image().compression(compression);
        for store in stores(&image, "localhost/team/app:1.0") {
            let what = store.spec("");
            let (of_layout, expected) =
                read_text(&format!("oci:{}", store.dir.path().join("layout").display())).unwrap();
            for name in ["app:1.0", "team/app:1.0", "localhost/team/app:1.0"] {
                let (found, inventory) = read_text(&store.spec(name)).unwrap();
                assert_same(&inventory, &image.expected(), &what);
                assert_eq!(entries(&inventory), entries(&expected), "{what}");
                assert_eq!(keys(&found, &ReadOptions::default()), image.diff_ids(), "{what}");
                assert_eq!(found.config_digest, of_layout.config_digest);
                assert_eq!(found.name, "localhost/team/app:1.0");
                assert_eq!(
                    found.location,
                    format!("[{}@{}]{}", store.driver, store.root().display(), found.name)
                );
                assert_eq!(warnings(&found), Vec::<String>::new(), "{what}");
            }
            // Known layers are not read, wherever they were met first.
            let mut catalog = Catalog::open_or_create(&store.dir.path().join("c.db")).unwrap();
            let options = ReadOptions::default();
            ingest::add(&mut catalog, &of_layout, Some("layout"), &options).unwrap();
            let found = open_text(&store.spec("app:1.0"), &options).unwrap().remove(0);
            let outcome = ingest::add(&mut catalog, &found, Some("store"), &options).unwrap();
            assert_eq!((outcome.layers, outcome.layers_read), (3, 0), "{what}");
        }
    }
}

/// Names below links, in the layer of the link and above it; the rest is what chance brings, where
/// no entry takes away the content of one before it: that is then in no store.
#[test]
fn layers_full_of_edge_cases_are_put_together() {
    let linked = "usr/lib/ dir\nlib symlink /usr/lib\nlib/a file 5\nusr/up symlink ../lib\n\
        usr/up/b file 7\n//- layer\nlib/c file 9\n";
    let mut images = vec![Image::from_fixture(linked)];
    images.extend([6, 9, 43, 49].map(|seed| Image::from_layers(random_fixture(seed))));
    for (at, image) in images.iter().enumerate() {
        for store in stores(image, "random:1") {
            let (found, inventory) = read_text(&store.spec("random:1")).unwrap();
            let what = format!("{at} {}", store.driver);
            assert_eq!(warnings(&found), Vec::<String>::new(), "{what}");
            assert_eq!(keys(&found, &ReadOptions::default()), image.diff_ids(), "{what}");
            assert_same(&inventory, &image.expected(), &what);
        }
    }
}

#[test]
fn a_layer_without_its_archive_is_read_from_its_directory() {
    let image = engine_image();
    for store in stores(&image, "app:1.0") {
        let check = |why: &str, count: usize| {
            let (found, inventory) = read_text(&store.spec("app:1.0")).unwrap();
            let what = format!("{} {why}", store.driver);
            assert_same(&inventory, &image.expected(), &what);
            let warned = warnings(&found);
            assert_eq!(warned.len(), count, "{what}: {warned:?}");
            for warning in warned {
                assert!(warning.contains(why), "{what}: {warning}");
                assert!(warning.ends_with("; its directory was read as it is"), "{warning}");
            }
            // Ingest keeps every layer, whatever it is known by.
            let read = ingest::read(&found, None, &ReadOptions::default()).unwrap();
            assert_eq!(read.layers.len(), 3);
            assert_same(&read.inventory, &image.expected(), &what);
        };
        let splits = store.files("layers", ".tar-split.gz");
        assert_eq!(splits.len(), 3);
        let whole: Vec<Vec<u8>> = splits.iter().map(|path| std::fs::read(path).unwrap()).collect();
        for (path, bytes) in splits.iter().zip(&whole) {
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }
        check("it cannot be put together (", 3);
        for (path, bytes) in splits.iter().zip(&whole) {
            std::fs::write(path, bytes).unwrap();
        }
        // One of another layer fits in form, but not in digest.
        for (path, bytes) in splits.iter().zip(whole.iter().cycle().skip(1)) {
            std::fs::write(path, bytes).unwrap();
        }
        check("put together", 3);
        for path in &splits {
            std::fs::remove_file(path).unwrap();
        }
        check("it has no tar-split file", 3);
    }
}

#[test]
fn a_file_that_was_changed_in_the_store_is_told_of() {
    let image = Image::from_fixture("etc/motd file \"hello\\n\"\n").reference("app:1.0");
    for store in stores(&image, "app:1.0") {
        let id = image.diff_ids().remove(0).replace("sha256:", "");
        let content = match store.driver {
            "vfs" => store.root().join("vfs/dir").join(id),
            _ => store.root().join("overlay").join(id).join("diff"),
        };
        let file = content.join("etc/motd");
        std::fs::write(&file, "HELLO\n").unwrap();
        let (found, inventory) = read_text(&store.spec("app:1.0")).unwrap();
        assert!(warnings(&found)[0].starts_with("put together it has the digest sha256:"));
        let digest = inventory.get(b"etc/motd").unwrap().digest.unwrap().to_string();
        assert_eq!(digest, testkit::digest(b"HELLO\n"));
        // What is longer now is another file too; a link leads nowhere.
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
        let (found, _) = read_text(&store.spec("app:1.0")).unwrap();
        assert!(warnings(&found)[0].contains("etc/motd: is no file but a symlink"));
        std::fs::remove_dir_all(&content).unwrap();
        let error = read_text(&store.spec("app:1.0")).unwrap_err();
        let told = told(&error);
        assert!(
            told.contains(": the directory of this layer is missing\nhint: the store is"),
            "{told}"
        );
    }
}

#[test]
fn names_of_a_store_are_told_where_none_or_several_fit() {
    let other = Image::from_fixture("x file 1\n");
    for store in stores(&engine_image(), "localhost/a/app:1.0") {
        let error = |reference: &str| {
            told(&open_text(&store.spec(reference), &ReadOptions::default()).unwrap_err())
        };
        assert_eq!(open_text(&store.spec(""), &ReadOptions::default()).unwrap().len(), 1);
        assert!(store.copy(&other, "localhost/b/app:1.0"));
        assert!(store.copy(&other, "localhost/b/second:1"));
        let told = error("app:1.0");
        assert!(told.contains(": 2 images answer to this: localhost/a/app:1.0 ("), "{told}");
        assert!(told.ends_with("\nhint: write one of these names in full, or the id"), "{told}");
        let told = error("nothing");
        assert!(told.contains("/root has no such image\nhint: `podman images` lists"), "{told}");
        let told = error("app:3");
        assert!(
            told.ends_with("hint: there are localhost/a/app:1.0, localhost/b/app:1.0"),
            "{told}"
        );
        let told = error("");
        assert!(told.contains("the store holds 2 images: "), "{told}");
        assert!(told.ends_with("hint: add the name of one, or read them all with --all"), "{told}");
        let (second, inventory) = read_text(&store.spec("second:1")).unwrap();
        assert_same(&inventory, &other.expected(), "second");
        assert_eq!(second.name, "localhost/b/second:1");
        let id = second.config_digest.unwrap().to_string();
        let id = &id["sha256:".len()..];
        for reference in [id, &id[..12], &format!("@{id}"), &format!("sha256:{id}")] {
            let found = open_text(&store.spec(reference), &ReadOptions::default()).unwrap();
            assert_eq!(found[0].config_digest, second.config_digest, "{reference}");
        }
        let all = ReadOptions { all: true, ..ReadOptions::default() };
        assert_eq!(open_text(&store.spec(""), &all).unwrap().len(), 2);
        // The store that engines use, without a word of where it is.
        let engines = EngineOptions {
            containers_storage: vec![store.root(), store.root().join("gone")],
            ..EngineOptions::default()
        };
        let options = ReadOptions { engines, ..ReadOptions::default() };
        assert_eq!(open_text("podman:second:1", &options).unwrap()[0].name, "localhost/b/second:1");
        let mut options = options;
        options.engines.containers_storage_problem = Some("x.conf is damaged".to_owned());
        let told = told_of("podman:second:1", &options);
        assert!(
            told.starts_with("containers-storage:second:1: x.conf is damaged\nhint: mend"),
            "{told}"
        );
        assert!(open_text(&store.spec("second:1"), &options).is_ok());
    }
}

fn told_of(text: &str, options: &ReadOptions<'_>) -> String {
    told(&open_text(text, options).unwrap_err())
}

// Stores written here, file by file.

/// A store with the image `localhost/made:1` of one layer, whose directory is returned.
fn made(root: &Path, image: &Image) -> PathBuf {
    let layout = root.join("../layout");
    write_oci_layout(&layout, std::slice::from_ref(image), &OciOptions::default()).unwrap();
    let (of_layout, _) = read_text(&format!("oci:{}", layout.display())).unwrap();
    let blob =
        |digest: &str| std::fs::read(layout.join("blobs").join(digest.replace(':', "/"))).unwrap();
    let config = of_layout.config_digest.unwrap().to_string();
    let manifest = of_layout.manifest_digest.unwrap().to_string();
    let id = config.replace("sha256:", "");
    let data = root.join("overlay-images").join(&id);
    std::fs::create_dir_all(&data).unwrap();
    std::fs::create_dir_all(root.join("overlay-layers")).unwrap();
    std::fs::write(data.join("manifest"), blob(&manifest)).unwrap();
    let name = format!("={}", base64::engine::general_purpose::STANDARD.encode(&config));
    std::fs::write(data.join(name), blob(&config)).unwrap();
    let images =
        format!(r#"[{{"id":"{id}","names":["localhost/made:1"],"layer":"top","more":{{}}}}]"#);
    std::fs::write(root.join("overlay-images/images.json"), images).unwrap();
    let layers =
        format!(r#"[{{"id":"top","diff-digest":"{}","diff-size":-1}}]"#, image.diff_ids()[0]);
    std::fs::write(root.join("overlay-layers/layers.json"), layers).unwrap();
    let content = root.join("overlay/top/diff");
    std::fs::create_dir_all(&content).unwrap();
    content
}

fn made_spec(root: &Path) -> String {
    format!("containers-storage:[{}]made:1", root.display())
}

#[test]
fn annotations_of_a_manifest_are_facts() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    std::fs::create_dir(&root).unwrap();
    let image = Image::from_fixture("//- layer\nfile file 1\n").annotation("org.example.a", "1");
    std::fs::write(made(&root, &image).join("file"), "x").unwrap();
    let found = open_text(&made_spec(&root), &ReadOptions::default()).unwrap().remove(0);
    let facts: Vec<_> = found.facts.iter().map(|fact| (&*fact.kind, &*fact.text)).collect();
    assert_eq!(facts, [("manifest.annotations", r#"{"org.example.a":"1"}"#)]);
}

#[test]
fn whiteouts_of_every_kind_are_understood_in_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    let content = made(&root, &Image::from_fixture("x file 1\n"));
    for name in ["plain", "by-file", "by-attribute"] {
        std::fs::create_dir(content.join(name)).unwrap();
    }
    for name in
        ["f", ".wh.gone", ".wh..wh.plnk", ".wh.", ".wh...", "by-file/.wh..wh..opq", "by-file/g"]
    {
        std::fs::write(content.join(name), "").unwrap();
    }
    let attribute = rustix::fs::setxattr(
        content.join("by-attribute"),
        "user.overlay.opaque",
        b"y",
        rustix::fs::XattrFlags::empty(),
    );
    std::fs::hard_link(content.join("f"), content.join("plain/h")).unwrap();
    let found = open_text(&made_spec(&root), &ReadOptions::default()).unwrap().remove(0);
    let layer = found.layers[0].read(&ReadOptions::default()).unwrap().layer;
    let entries: Vec<String> = layer
        .iter()
        .map(|entry| format!("{} {}", entry.kind.name(), oskin::path::escape(entry.path)))
        .collect();
    let mut expected = vec![
        "whiteout gone",
        "directory by-attribute",
        "opaque whiteout by-attribute",
        "directory by-file",
        "opaque whiteout by-file",
        "file by-file/g",
        "file f",
        "directory plain",
        "hard link plain/h",
    ];
    if attribute.is_err() {
        eprintln!("skipped: no extended attributes here");
        expected.retain(|line| *line != "opaque whiteout by-attribute");
    }
    assert_eq!(entries, expected);
}

/// Spoils the store of [`made`] and returns what is told of it.
fn spoiled(spoil: &dyn Fn(&Path)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    std::fs::write(made(&root, &Image::from_fixture("x file 1\n")).join("x"), "y").unwrap();
    assert!(read_text(&made_spec(&root)).is_ok());
    spoil(&root);
    let error = read_text(&made_spec(&root)).unwrap_err();
    told(&error).replace(root.to_str().unwrap(), "ROOT")
}

#[test]
fn damaged_tables_are_refused_with_a_word() {
    let images = "overlay-images/images.json";
    let layers = "overlay-layers/layers.json";
    let with_layer = |layer: &str| {
        let id = "0".repeat(64);
        format!(r#"[{{"id":"{id}","names":["localhost/made:1"],"layer":"{layer}"}}]"#)
    };
    let (outside, circle) = (with_layer("../x"), with_layer("a"));
    let missing =
        "ROOT: localhost/made:1: the layer top is not in the store\nhint: the store is damaged";
    let cases: [(&[(&str, &str)], &str); 7] = [
        (
            &[(images, "[{\"id\":")],
            "ROOT/overlay-images/images.json: the table of images is damaged: EOF while parsing",
        ),
        (&[(images, "")], "ROOT has no such image\nhint: there is none at all"),
        (
            &[(layers, "{}")],
            "ROOT/overlay-layers/layers.json: the table of layers is damaged: invalid type: map",
        ),
        (&[(layers, "")], missing),
        (
            &[(images, &outside), (layers, r#"[{"id":"../x"}]"#)],
            "the layer ../x is not in the store",
        ),
        (
            &[(images, &circle), (layers, r#"[{"id":"a","parent":"b"},{"id":"b","parent":"a"}]"#)],
            "more layers than the limit of 4096",
        ),
        (&[(images, r#"[{"id":"../x","names":["localhost/made:1"]}]"#)], "\"../x\" is no id"),
    ];
    for (texts, what) in cases {
        let told = spoiled(&|root| {
            for (file, text) in texts {
                std::fs::write(root.join(file), text).unwrap();
            }
        });
        assert!(told.contains(what), "{what}: {told}");
    }
    let told = spoiled(&|root| {
        std::fs::File::create(root.join(layers)).unwrap().set_len(65 << 20).unwrap();
    });
    assert!(
        told.contains("the table of layers is larger than the limit of 67108864 bytes"),
        "{told}"
    );
}

#[test]
fn what_is_no_store_is_refused_with_a_word() {
    let cases: [(&dyn Fn(&Path), &str); 4] = [
        (
            &|root| std::fs::remove_dir_all(root).unwrap(),
            "ROOT: no such file or directory\nhint: `podman info`",
        ),
        (
            &|root| std::fs::remove_dir_all(root.join("overlay-images")).unwrap(),
            "ROOT: is no store of podman, buildah or CRI-O\nhint: `podman info`",
        ),
        (
            &|root| std::fs::rename(root.join("overlay-images"), root.join("zfs-images")).unwrap(),
            "ROOT: the storage driver zfs is not read\nhint: save the image",
        ),
        (
            &|root| std::fs::create_dir(root.join("overlay/top/composefs-data")).unwrap(),
            "it has no tar-split file, and its files are kept by composefs, which is not read\nhint: save the image",
        ),
    ];
    for (spoil, what) in cases {
        let told = spoiled(spoil);
        assert!(told.contains(what), "{what}: {told}");
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    drop(made(&root, &Image::from_fixture("x file 1\n")));
    let limits = Limits { manifest_bytes: 100, ..Limits::default() };
    let told = told_of(&made_spec(&root), &ReadOptions { limits, ..ReadOptions::default() });
    assert!(told.contains("the manifest is larger than the limit of 100 bytes"), "{told}");
    let of_btrfs = format!("containers-storage:[btrfs@{}]x", root.display());
    let told = told_of(&of_btrfs, &ReadOptions::default());
    assert!(told.contains("the storage driver btrfs is not read"), "{told}");
    let told = told_of("containers-storage:[/x", &ReadOptions::default());
    assert!(
        told.contains("is no name of an image\nhint: write containers-storage:NAME or"),
        "{told}"
    );
}

#[test]
fn no_damage_of_a_store_is_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    std::fs::write(made(&root, &Image::from_fixture("x file 1\n")).join("x"), "y").unwrap();
    let tables = ["overlay-images/images.json", "overlay-layers/layers.json"];
    for (at, table) in tables.iter().enumerate() {
        let whole = std::fs::read(root.join(table)).unwrap();
        let noise = testkit::random_bytes(at as u64, 3 * 400);
        for change in noise.chunks_exact(3) {
            let mut bytes = whole.clone();
            let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
            bytes[place] = change[2];
            std::fs::write(root.join(table), &bytes).unwrap();
            drop(read_text(&made_spec(&root)));
        }
        std::fs::write(root.join(table), &whole).unwrap();
        assert!(read_text(&made_spec(&root)).is_ok());
    }
}
