//! Catalogs that an oskin made which did not look for software: what is added again tells it.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use oskin::catalog::{Added, Catalog, Draft, DraftLayer, StoredLayer};
use oskin::image::{ImageRecord, LayerKey};
use oskin::ingest::{self, Place, Rules, Told, Wanted, add_all};
use oskin::inventory::{Entry, EntryKind, Layer, flatten};
use oskin::oski::{self, OskiImage, OskiLayer};
use oskin::source::{self, ReadOptions, SourceSpec};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use testkit::{
    FixtureEntry, FixtureLayer, Image, OciOptions, TarOptions, rootfs_tar, write_oci_layout,
};

fn layer(path: &str, text: &str) -> FixtureLayer {
    let entries = vec![FixtureEntry::file(path, text), FixtureEntry::file("etc/a", "a")];
    FixtureLayer { entries, ..FixtureLayer::default() }
}

fn base() -> FixtureLayer {
    let stanza = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5\n\n";
    layer("var/lib/dpkg/status", stanza)
}

fn python(name: &str) -> FixtureLayer {
    let path = format!("usr/lib/python3/site-packages/{name}-1.dist-info/METADATA");
    layer(&path, &format!("Name: {name}\nVersion: 1\n"))
}

/// base < app < more, base < site, each in a layout of its own.
fn images(dir: &Path) -> Vec<Wanted> {
    let images = [
        ("base:1", vec![base()]),
        ("app:1", vec![base(), python("requests")]),
        ("site:1", vec![base(), layer("srv/index", "x")]),
        ("more:1", vec![base(), python("requests"), python("flask")]),
    ];
    let one = |(name, layers): (&str, Vec<FixtureLayer>)| {
        let layout = dir.join(name.replace(':', "-"));
        let image = Image::from_layers(layers).reference(name);
        write_oci_layout(&layout, &[image], &OciOptions::default()).unwrap();
        want(&format!("oci:{}", layout.display()))
    };
    images.into_iter().map(one).collect()
}

fn want(text: &str) -> Wanted {
    Wanted { place: Place::Text(text.into()), name: None }
}

/// Adds all; what became of each image.
fn add(catalog: &mut Catalog, wanted: &[Wanted], jobs: usize, replace: bool) -> Vec<String> {
    let mut tale = Vec::new();
    let options = ReadOptions { all: true, ..ReadOptions::default() };
    let Ok(()) = add_all(catalog, wanted, Rules { jobs, replace }, &options, |_, told| {
        if let Told::Image { name, result } = told {
            let outcome = result.unwrap();
            let (word, record) = match &outcome.added {
                Added::New(record) => ("added", record),
                Added::Unchanged(record) => ("unchanged", record),
                Added::Replaced(record) => ("replaced", record),
            };
            let packages = record.packages.map_or("?".to_owned(), |count| count.to_string());
            let (read, layers) = (outcome.layers_read, outcome.layers);
            tale.push(format!("{name} {word} {packages}, {read} of {layers}"));
        }
        Ok::<_, Infallible>(())
    });
    assert_eq!(catalog.check().unwrap(), []);
    tale
}

/// Makes of a catalog what an older oskin would have made of the same images.
fn age(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch("DROP TABLE layer_software; DROP TABLE image_packages").unwrap();
}

/// A catalog of the images of these places, without software.
fn old(path: &Path, wanted: &[Wanted]) -> Catalog {
    let mut catalog = Catalog::open_or_create(path).unwrap();
    add(&mut catalog, wanted, 1, false);
    drop(catalog);
    age(path);
    Catalog::open(path).unwrap();
    Catalog::open_or_create(path).unwrap()
}

/// Names of images and their packages.
fn packages(catalog: &Catalog) -> Vec<String> {
    let of = |(id, name)| match catalog.packages(id).unwrap() {
        Some(packages) => {
            let list: Vec<_> = packages.list().iter().map(|it| it.name.clone()).collect();
            format!("{name} {}", list.join(" "))
        }
        None => format!("{name} ?"),
    };
    catalog.names().unwrap().into_iter().map(of).collect()
}

/// All that a catalog says of software.
fn software(catalog: &Catalog) -> String {
    let of = |(id, name): (i64, String)| {
        let layers = catalog.layer_keys(id).unwrap();
        let records: Vec<_> =
            layers.iter().map(|(key, _)| catalog.layer_records(key).unwrap()).collect();
        let installed = ingest::installed(&catalog.inventory_with_software(id).unwrap());
        let packages = catalog.packages(id).unwrap();
        format!("{name} {:?} {packages:?} {installed:?} {records:?}\n", catalog.image(&name))
    };
    catalog.names().unwrap().into_iter().map(of).collect()
}

#[test]
fn what_is_added_again_is_read_once_and_tells_its_packages() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = images(dir.path());
    let mut catalog = old(&dir.path().join("old.db"), &wanted);
    assert_eq!(packages(&catalog), ["base:1 ?", "app:1 ?", "site:1 ?", "more:1 ?"]);
    let only = |at: usize| &wanted[at..=at];
    assert_eq!(add(&mut catalog, only(1), 2, false), ["app:1 unchanged 2, 2 of 2"]);
    // The base stands on layers that are all known now, the others have one of their own.
    let now = ["base:1 bash", "app:1 bash requests", "site:1 ?", "more:1 ?"];
    assert_eq!(packages(&catalog), now);
    for at in 0..2 {
        let told = add(&mut catalog, only(at), 2, at == 1);
        assert!(told[0].ends_with(&format!(" 0 of {}", at + 1)), "{told:?}");
    }
    assert_eq!(add(&mut catalog, only(3), 2, true), ["more:1 unchanged 3, 1 of 3"]);
    assert_eq!(add(&mut catalog, only(2), 2, false), ["site:1 unchanged 1, 1 of 2"]);
    let mut new = Catalog::open_or_create(&dir.path().join("new.db")).unwrap();
    add(&mut new, &wanted, 1, false);
    assert_eq!(software(&catalog), software(&new));
}

#[test]
fn any_number_of_jobs_tells_the_same_of_an_old_catalog() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = images(dir.path());
    let mut told = BTreeSet::new();
    for (at, (jobs, replace)) in
        [(1, false), (2, true), (8, false), (8, true), (8, false)].into_iter().enumerate()
    {
        let mut catalog = old(&dir.path().join(format!("{at}.db")), &wanted);
        let tale = add(&mut catalog, &wanted, jobs, replace);
        let again = add(&mut catalog, &wanted, jobs, replace);
        assert!(again.iter().all(|line| line.contains(", 0 of ")), "{again:?}");
        told.insert(format!("{tale:#?} {}", software(&catalog)));
    }
    assert_eq!(told.len(), 1, "{told:#?}");
    let told = told.first().unwrap();
    assert!(told.contains("base:1 unchanged 1, 1 of 1"), "{told}");
    assert!(told.contains("more:1 unchanged 3, 1 of 3"), "{told}");
}

#[test]
fn a_new_image_on_an_old_layer_reads_it_anew() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = images(dir.path());
    let mut catalog = old(&dir.path().join("old.db"), &wanted[..1]);
    assert_eq!(add(&mut catalog, &wanted[1..2], 1, false), ["app:1 added 2, 2 of 2"]);
    assert_eq!(packages(&catalog), ["base:1 bash", "app:1 bash requests"]);
    assert_eq!(add(&mut catalog, &wanted[2..3], 1, false), ["site:1 added 1, 1 of 2"]);
    // One that takes the place of another of its name reads it as well.
    let mut catalog = old(&dir.path().join("other.db"), &wanted[..2]);
    let layout = dir.path().join("app-2");
    let image = Image::from_layers(vec![base(), python("django")]).reference("app:1");
    write_oci_layout(&layout, &[image], &OciOptions::default()).unwrap();
    let other = [want(&format!("oci:{}", layout.display()))];
    assert_eq!(add(&mut catalog, &other, 1, true), ["app:1 replaced 2, 2 of 2"]);
    assert_eq!(packages(&catalog), ["base:1 bash", "app:1 bash django"]);
}

#[test]
fn layers_of_no_stated_digest_are_known_again() {
    let dir = tempfile::tempdir().unwrap();
    let tar = dir.path().join("root.tar");
    std::fs::write(&tar, rootfs_tar(&[base()], &TarOptions::default())).unwrap();
    let wanted = [want(&format!("tar:{}", tar.display()))];
    let mut catalog = old(&dir.path().join("old.db"), &wanted);
    let told = add(&mut catalog, &wanted, 1, false);
    assert!(told[0].ends_with("unchanged 1, 1 of 1"), "{told:?}");
    let (id, _) = catalog.names().unwrap().remove(0);
    let installed = ingest::installed(&catalog.inventory_with_software(id).unwrap()).unwrap();
    assert_eq!(installed[0].found.package.to_string(), "pkg:deb/bash@5?arch=amd64");
}

/// Software is told of entries by their place, so it is only kept where they are the same.
#[test]
fn entries_that_were_read_otherwise_stay_and_no_software_is_told_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = images(dir.path());
    let Place::Text(text) = &wanted[1].place else { unreachable!() };
    let options = ReadOptions::default();
    let image = source::open(&SourceSpec::parse(OsStr::new(text)).unwrap(), &options).unwrap();
    let key = LayerKey::DiffId(image[0].layers[0].diff_id().unwrap());
    let mut other = Layer::new();
    for path in [&b"etc"[..], b"var"] {
        other.push(&Entry::bare(path, EntryKind::Directory)).unwrap();
    }
    let other = Arc::new(other);
    let (inventory, _) = flatten(std::slice::from_ref(&other));
    let read = ingest::read(&image[0], None, &options).unwrap();
    let draft = Draft {
        record: ImageRecord { name: "old".into(), ..read.record },
        layers: &[DraftLayer { key, layer: other, size_bytes: 1, path_ids: None }],
        inventory: &inventory,
        packages: None,
    };
    let mut catalog = Catalog::open_or_create(&dir.path().join("old.db")).unwrap();
    catalog.add(&draft).unwrap();
    assert_eq!(add(&mut catalog, &wanted[1..2], 1, false), ["app:1 added ?, 2 of 2"]);
    let warnings = catalog.image("app:1").unwrap().warnings;
    assert!(warnings.iter().any(|(_, what)| what.contains("read other entries")), "{warnings:?}");
    assert_eq!(packages(&catalog), ["old ?", "app:1 ?"]);
    let stored = catalog.layer(&key).unwrap().unwrap();
    assert_eq!(stored.layer.len(), 2);
}

#[test]
fn what_tells_no_software_is_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list");
    std::fs::write(&list, b"a/b\na/c\n").unwrap();
    // An older oskin would write these so.
    let older = old(&dir.path().join("old.db"), &images(dir.path()));
    let image = |record: ImageRecord| {
        let layers = older.layers(record.id).unwrap().into_iter();
        let layer =
            |(key, StoredLayer { layer, size_bytes, .. })| OskiLayer { key, size_bytes, layer };
        OskiImage { record, layers: layers.map(layer).collect(), packages: None }
    };
    let written: Vec<_> = older.images().unwrap().into_iter().map(image).collect();
    let file = dir.path().join("images.oski");
    oski::write(&mut std::fs::File::create(&file).unwrap(), &written).unwrap();
    let wanted =
        [want(&format!("paths:{}", list.display())), want(&format!("oski:{}", file.display()))];
    let mut catalog = Catalog::open_or_create(&dir.path().join("catalog.db")).unwrap();
    add(&mut catalog, &wanted, 2, false);
    let before = software(&catalog);
    let told = add(&mut catalog, &wanted[1..], 2, false);
    assert_eq!(told.len(), 4, "{told:?}");
    for line in &told {
        assert!(line.contains(" unchanged ") && line.contains(", 0 of "), "{line}");
    }
    assert_eq!(software(&catalog), before);
}
