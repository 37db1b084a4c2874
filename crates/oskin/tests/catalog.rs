//! The catalog against its own check, against a model, and against damage.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use oskin::catalog::{Added, Catalog, CatalogError, Draft, DraftLayer};
use oskin::image::{Digest, Fact, ImageRecord, LayerKey, Package, Packages};
use oskin::inventory::{Entry, EntryKind, Layer, canonical_digest, flatten};
use oskin::measure::{AllPairs, Measure};
use oskin::path_set::{Overlap, PathSet, Selection};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// A few names make collisions of every kind likely.
const NAMES: [&str; 5] = ["a", "b", "c", "lib", "usr"];

fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop::sample::select(&NAMES[..]), 1..4)
        .prop_map(|names| names.join("/"))
}

fn entry() -> impl Strategy<Value = (String, EntryKind, String, u8)> {
    let kind = prop_oneof![
        4 => Just(EntryKind::File),
        3 => Just(EntryKind::Directory),
        2 => Just(EntryKind::Symlink),
        1 => Just(EntryKind::HardLink),
        1 => Just(EntryKind::Fifo),
        1 => Just(EntryKind::Whiteout),
        1 => Just(EntryKind::OpaqueWhiteout),
    ];
    let up = prop_oneof![3 => Just(""), 1 => Just("/"), 1 => Just("../")];
    (path(), kind, (up, path()), any::<u8>())
        .prop_map(|(path, kind, (up, target), seed)| (path, kind, format!("{up}{target}"), seed))
}

fn layer_of(entries: &[(String, EntryKind, String, u8)]) -> Layer {
    let mut layer = Layer::new();
    for (path, kind, target, seed) in entries {
        let digest = Digest([*seed; 32]);
        let first = target.trim_start_matches(['/', '.']).to_owned();
        let entry = Entry {
            size_bytes: if *kind == EntryKind::File { u64::from(*seed) } else { 0 },
            link: match kind {
                EntryKind::Symlink => Some(target.as_bytes()),
                EntryKind::HardLink => Some(first.as_bytes()),
                _ => None,
            },
            digest: (*kind == EntryKind::File).then_some(&digest),
            ..Entry::bare(path.as_bytes(), *kind)
        };
        layer.push(&entry).unwrap();
    }
    layer
}

fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let layer = proptest::collection::vec(entry(), 0..14).prop_map(|raw| layer_of(&raw));
    proptest::collection::vec(layer, 0..4)
}

fn add(catalog: &mut Catalog, name: &str, layers: &[Layer]) -> Result<Added, CatalogError> {
    put(catalog, name, layers, Catalog::add)
}

fn put(
    catalog: &mut Catalog,
    name: &str,
    layers: &[Layer],
    how: fn(&mut Catalog, &Draft<'_>) -> Result<Added, CatalogError>,
) -> Result<Added, CatalogError> {
    let drafts: Vec<DraftLayer> = layers
        .iter()
        .map(|layer| DraftLayer {
            key: LayerKey::Inventory(canonical_digest(layer)),
            layer: Arc::new(layer.clone()),
            size_bytes: 7,
            path_ids: None,
        })
        .collect();
    let stack: Vec<Arc<Layer>> = drafts.iter().map(|draft| draft.layer.clone()).collect();
    let (inventory, _) = flatten(&stack);
    how(
        catalog,
        &Draft { record: record(name), layers: &drafts, inventory: &inventory, packages: None },
    )
}

fn record(name: &str) -> ImageRecord {
    ImageRecord {
        id: 0,
        name: name.to_owned(),
        reference: None,
        transport: "tar".into(),
        location: "nowhere".into(),
        config: None,
        config_digest: None,
        manifest_digest: None,
        files: 0,
        directories: 0,
        size_bytes: 0,
        os: None,
        warnings: vec![("place".into(), "what".into())],
        ..ImageRecord::default()
    }
}

fn open(directory: &Path) -> Catalog {
    Catalog::open_or_create(&directory.join("catalog.db")).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Two implementations of the flattening, and the store between them, agree.
    #[test]
    fn what_is_added_passes_the_check(images in proptest::collection::vec(layers(), 1..4)) {
        let directory = tempfile::tempdir().unwrap();
        let mut catalog = open(directory.path());
        for (number, layers) in images.iter().enumerate() {
            let added = add(&mut catalog, &format!("image{number}"), layers).unwrap();
            prop_assert!(matches!(added, Added::New(_)));
        }
        prop_assert_eq!(catalog.check().unwrap(), []);
        for (number, layers) in images.iter().enumerate() {
            let stack: Vec<Arc<Layer>> = layers.iter().cloned().map(Arc::new).collect();
            let (expected, _) = flatten(&stack);
            let image = catalog.image(&format!("image{number}")).unwrap();
            let stored = catalog.inventory(image.id).unwrap();
            prop_assert!(expected.iter().eq(stored.iter()));
            let files = catalog.path_set(image.id, Selection::Files).unwrap();
            let both = catalog.path_set(image.id, Selection::Both).unwrap();
            prop_assert_eq!(files.len(), image.files);
            prop_assert_eq!(both.len(), image.files + image.directories);
        }
    }

    /// Random operations against a map of names, with the file closed and opened in between.
    #[test]
    fn operations_follow_a_model(
        pool in proptest::collection::vec(layers(), 3..4),
        steps in proptest::collection::vec((0..4_usize, 0..3_usize, 0..6_u8), 1..20),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut catalog = open(directory.path());
        let mut model: BTreeMap<String, usize> = BTreeMap::new();
        for (name, image, step) in steps {
            let name = format!("image{name}");
            let same = |taken: &usize| {
                pool[*taken].iter().map(canonical_digest).eq(pool[image].iter().map(canonical_digest))
            };
            match step {
                0 | 1 => {
                    match (add(&mut catalog, &name, &pool[image]), model.get(&name)) {
                        (Ok(Added::New(_)), None) => drop(model.insert(name, image)),
                        (Ok(Added::Unchanged(_)), Some(taken)) => prop_assert!(same(taken)),
                        (Err(CatalogError::NameTaken { .. }), Some(taken)) => prop_assert!(!same(taken)),
                        (other, taken) => prop_assert!(false, "{other:?} with {taken:?}"),
                    }
                }
                2 | 3 => {
                    let put = put(&mut catalog, &name, &pool[image], Catalog::replace).unwrap();
                    let shown = catalog.inventory(catalog.image(&name).unwrap().id).unwrap();
                    let stack: Vec<_> = pool[image].iter().cloned().map(Arc::new).collect();
                    prop_assert!(flatten(&stack).0.iter().eq(shown.iter()));
                    match (put, model.insert(name, image)) {
                        (Added::New(_), None) | (Added::Replaced(_), Some(_)) => {}
                        (Added::Unchanged(_), Some(taken)) => prop_assert!(same(&taken)),
                        (other, taken) => prop_assert!(false, "{other:?} with {taken:?}"),
                    }
                }
                4 => match (catalog.remove(&name), model.remove(&name)) {
                    (Ok(()), Some(_)) | (Err(CatalogError::NoSuchImage { .. }), None) => {}
                    (other, taken) => prop_assert!(false, "{other:?} with {taken:?}"),
                },
                _ => catalog = open(directory.path()),
            }
        }
        let mut names: Vec<String> = catalog.names().unwrap().into_iter().map(|(_, name)| name).collect();
        names.sort();
        prop_assert_eq!(names, model.keys().cloned().collect::<Vec<_>>());
        prop_assert_eq!(catalog.check().unwrap(), []);
        answers_are_those_of_the_sets(&catalog);
    }
}

/// What the index tells is what comparing the sets one by one does.
fn answers_are_those_of_the_sets(catalog: &Catalog) {
    let ids: Vec<i64> = catalog.names().unwrap().into_iter().map(|(id, _)| id).collect();
    let foreign = PathSet::from_unsorted(vec![1, 3, 4_000_000_000]);
    for selection in Selection::ALL {
        let sets: Vec<PathSet> =
            ids.iter().map(|id| catalog.path_set(*id, selection).unwrap()).collect();
        assert_eq!(catalog.path_sets(&ids, selection).unwrap(), sets);
        if selection == Selection::Both
            && let Some(family) = catalog.family().unwrap()
        {
            let _: ControlFlow<()> = AllPairs::from_family(family).for_each_row(|row| {
                let overlap = |other: usize| sets[row.set].overlap(&sets[other]);
                assert!((0..sets.len()).all(|other| row.overlap(other) == overlap(other)));
                ControlFlow::Continue(())
            });
        }
        for asked in sets.iter().chain([&foreign]) {
            let overlaps = sets.iter().map(|set| asked.overlap(set));
            let mut expected: Vec<(i64, Overlap)> = ids.iter().copied().zip(overlaps).collect();
            assert_eq!(catalog.overlaps(asked, selection).unwrap(), expected);
            for measure in Measure::ALL {
                expected.sort_by_key(|(id, _)| ids.iter().position(|other| other == id));
                let rank = |overlap: Overlap| (measure.of(overlap), overlap.common);
                expected.sort_by(|a, b| rank(b.1).partial_cmp(&rank(a.1)).unwrap());
                let wanted = expected.iter().filter(|it| measure.of(it.1) >= 0.3).take(2);
                let near = catalog.nearest((asked, selection), measure, 0.3, 2).unwrap();
                assert!(near.iter().map(|near| (near.image, near.overlap)).eq(wanted.copied()));
            }
        }
    }
}

/// Two handles write in turn, as two processes do.
#[test]
fn the_index_follows_another_writer() {
    let directory = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (open(directory.path()), open(directory.path()));
    let reader = Catalog::open(one.path()).unwrap();
    let image = |names: &[&str]| {
        let raw = names.iter().map(|name| (name.to_string(), EntryKind::File, String::new(), 1));
        vec![layer_of(&raw.collect::<Vec<_>>())]
    };
    add(&mut one, "a", &image(&["x", "y", "z"])).unwrap();
    add(&mut two, "b", &image(&["x", "y", "w"])).unwrap();
    answers_are_those_of_the_sets(&reader);
    add(&mut one, "c", &image(&["x", "v"])).unwrap();
    two.remove("b").unwrap();
    add(&mut one, "d", &image(&["x", "y", "w", "u"])).unwrap();
    for catalog in [&one, &two, &reader] {
        assert_eq!(catalog.names().unwrap().len(), 3);
        answers_are_those_of_the_sets(catalog);
        assert_eq!(catalog.check().unwrap(), []);
    }
    // What others write meanwhile is not of the moment.
    let moment = reader.at_one_moment(|reader| {
        let before = reader.names()?;
        add(&mut one, "e", &image(&["x", "t"])).unwrap();
        two.remove("a").unwrap();
        assert_eq!(reader.names()?, before);
        answers_are_those_of_the_sets(reader);
        Ok::<_, CatalogError>(before.len())
    });
    assert_eq!(moment.unwrap(), 3);
    assert!(reader.names().unwrap().iter().any(|(_, name)| name == "e"));
    answers_are_those_of_the_sets(&reader);
}

fn sample() -> Vec<Layer> {
    let raw = [
        ("usr", EntryKind::Directory, "", 1),
        ("usr/bin", EntryKind::Directory, "", 1),
        ("usr/bin/sh", EntryKind::File, "", 9),
        ("bin", EntryKind::Symlink, "usr/bin", 1),
        ("bin/bash", EntryKind::HardLink, "bin/sh", 1),
    ];
    let raw: Vec<_> = raw.map(|(p, k, t, s)| (p.to_owned(), k, t.to_owned(), s)).into();
    vec![layer_of(&raw)]
}

#[test]
fn a_reader_reads_while_a_writer_writes() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = open(directory.path());
    add(&mut writer, "first", &sample()).unwrap();
    let reader = Catalog::open(writer.path()).unwrap();
    add(&mut writer, "second", &sample()).unwrap();
    assert_eq!(reader.names().unwrap().len(), 2);
    assert_eq!(reader.image("second").unwrap().warnings, [("place".into(), "what".into())]);
}

#[test]
fn entries_below_links_and_further_names_count_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut catalog = open(directory.path());
    let Added::New(image) = add(&mut catalog, "linked", &sample()).unwrap() else { unreachable!() };
    assert_eq!((image.files, image.directories, image.size_bytes), (3, 2, 9));
    let inventory = catalog.inventory(image.id).unwrap();
    let moved = inventory.get(b"usr/bin/bash").unwrap();
    assert_eq!((moved.size_bytes, moved.digest), (9, Some(&Digest([9; 32]))));
}

#[test]
fn other_files_and_newer_catalogs_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("notes.txt");
    assert!(matches!(Catalog::open(&file), Err(CatalogError::NotFound { .. })));
    std::fs::write(&file, "not a database, but long enough to be looked at as one".repeat(40))
        .unwrap();
    assert!(matches!(Catalog::open(&file), Err(CatalogError::NotACatalog { .. })));
    assert!(matches!(Catalog::open_or_create(&file), Err(CatalogError::NotACatalog { .. })));

    let catalog = open(directory.path());
    let path = catalog.path().to_owned();
    drop(catalog);
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    assert!(matches!(Catalog::open(&path), Err(CatalogError::TooNew { found: 99, .. })));
}

#[test]
fn every_kind_of_damage_is_reported() {
    let damages = [
        ("UPDATE path_block SET data = zeroblob(40)", "dictionary"),
        ("UPDATE path_block SET paths = paths + 1", "dictionary"),
        ("DELETE FROM path_hash WHERE id = 1", "dictionary"),
        ("INSERT INTO path_hash VALUES (5, 77)", "path hashes"),
        ("DELETE FROM layer_chunk", "layer"),
        ("UPDATE layer_chunk SET data = substr(data, 1, length(data) - 1)", "layer"),
        ("UPDATE layer SET entries = entries + 1", "layer"),
        ("INSERT INTO layer VALUES (9, 'x', 0, 0, 0)", "layer x"),
        ("DELETE FROM image_layer", "layer"),
        ("UPDATE image SET files = files + 1", "image"),
        ("UPDATE image SET size_bytes = 0", "image"),
        ("UPDATE image SET warnings = x'00'", "images"),
        ("UPDATE image SET name = CAST(x'ff' AS TEXT)", "images"),
        ("UPDATE layer SET key = CAST(x'41ff' AS TEXT)", "layers"),
        ("UPDATE path_block SET paths = 'many'", "path dictionary"),
        ("DROP TABLE path_hash", "path hashes"),
        ("DELETE FROM told_set", "image"),
        ("UPDATE told_set SET image_id = NULL", "image"),
        ("UPDATE told_set SET data = zeroblob(30)", "image"),
        ("UPDATE told_set SET data = substr(data, 1, length(data) - 1)", "path set 0"),
        ("UPDATE told_set SET relative = 0", "path set 0"),
        ("UPDATE told_set SET number = 3", "path set 3"),
        // All ids there can be.
        (
            "UPDATE told_set SET data = x'bda3dac34560a51a0800000000000000000100feffffff0f00'",
            "path set 0",
        ),
        ("UPDATE path_directory SET bits = x'ff'", "image"),
        ("DELETE FROM path_directory", "image"),
        ("INSERT INTO path_directory VALUES (524287, zeroblob(1024))", "image"),
        ("DELETE FROM index_slots", "index"),
        ("UPDATE index_nodes SET data = zeroblob(30)", "index"),
        ("DELETE FROM index_block", "index"),
        ("UPDATE index_block SET data = substr(data, 1, length(data) - 1)", "index"),
        ("INSERT INTO index_stations VALUES (0, x'00')", "index"),
    ];
    for (damage, place) in damages {
        let directory = tempfile::tempdir().unwrap();
        let mut catalog = open(directory.path());
        add(&mut catalog, "victim", &sample()).unwrap();
        let raw = rusqlite::Connection::open(catalog.path()).unwrap();
        raw.pragma_update(None, "foreign_keys", false).unwrap();
        raw.execute(damage, []).unwrap();
        let violations = catalog.check().unwrap();
        let found = violations.iter().any(|violation| violation.place.starts_with(place));
        assert!(found, "{damage}: {violations:?}");
    }
}

/// Two lists of paths, added by an oskin that wrote that version.
#[test]
fn catalogs_of_earlier_versions_are_read_and_written_on() {
    let stored: [&[u8]; 2] =
        [include_bytes!("data/catalog-1.db.zst"), include_bytes!("data/catalog-2.db.zst")];
    for (version, stored) in (1_i64..).zip(stored) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("catalog.db");
        std::fs::write(&path, zstd::decode_all(stored).unwrap()).unwrap();
        let catalog = Catalog::open(&path).unwrap();
        assert_eq!(catalog.check().unwrap(), []);
        let ids = catalog.path_ids(&[b"usr/bin/sh", b"opt/app", b"nothing"]).unwrap();
        assert!(ids[0].is_some() && ids[1].is_some() && ids[2].is_none());
        drop(catalog);
        let mut catalog = Catalog::open_or_create(&path).unwrap();
        let before = catalog.path_count().unwrap();
        add(&mut catalog, "third", &sample()).unwrap();
        assert!(catalog.path_count().unwrap() > before);
        answers_are_those_of_the_sets(&catalog);
        catalog.remove("first").unwrap();
        answers_are_those_of_the_sets(&catalog);
        let packages = Packages::new(vec![Package::generic("", "a", "1")], true);
        let facts = vec![Fact { kind: "sbom.format".into(), text: "x".into() }];
        let record = ImageRecord { facts, ..record("packages") };
        let draft =
            Draft { record, layers: &[], inventory: &flatten(&[]).0, packages: Some(&packages) };
        catalog.add(&draft).unwrap();
        let kept = catalog.image("packages").unwrap();
        assert!(kept.packages_only && kept.facts == draft.record.facts);
        assert_eq!(catalog.names_with_paths().unwrap().len() + 1, catalog.names().unwrap().len());
        assert_eq!(catalog.check().unwrap(), []);
        let raw = rusqlite::Connection::open(&path).unwrap();
        let now: i64 = raw.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(now, version);
    }
}

/// Paths that have one xxh3 without a seed: where eight bytes are those of its secret, the next
/// eight count for nothing.
#[test]
fn names_made_to_collide_cost_no_more_than_others() {
    let colliding = |number: u32| {
        let mut path = b"\xb8\xfe\x6c\x39\x23\xa4\x4b\xbe".to_vec();
        path.extend(format!("{number:08}0123456789abcdef").bytes());
        path
    };
    let hash = |number| xxhash_rust::xxh3::xxh3_64(&colliding(number));
    assert_eq!(hash(1), hash(99_999_999));
    let layer = |numbers: std::ops::Range<u32>| {
        let mut layer = Layer::new();
        for number in numbers {
            layer.push(&Entry::bare(&colliding(number), EntryKind::Fifo)).unwrap();
        }
        layer
    };
    let directory = tempfile::tempdir().unwrap();
    let mut catalog = open(directory.path());
    let begun = std::time::Instant::now();
    add(&mut catalog, "first", &[layer(0..20_000)]).unwrap();
    add(&mut catalog, "second", &[layer(10_000..30_000)]).unwrap();
    assert!(begun.elapsed() < std::time::Duration::from_secs(20));
    assert_eq!(catalog.path_count().unwrap(), 30_000);
}

/// Opened as a file that nobody changes, it would be read without the images in its log.
#[test]
fn a_log_that_cannot_be_read_is_not_passed_over() {
    use std::os::unix::fs::symlink;
    let directory = tempfile::tempdir().unwrap();
    let mut catalog = open(directory.path());
    add(&mut catalog, "in the log", &sample()).unwrap();
    let beside = |end: &str| directory.path().join(format!("catalog.db{end}"));
    let copy = directory.path().join("copy.db");
    std::fs::copy(beside(""), &copy).unwrap();
    std::fs::copy(beside("-wal"), directory.path().join("copy.db-wal")).unwrap();
    // Not even root can make the index of the log there.
    symlink("nowhere/at/all", directory.path().join("copy.db-shm")).unwrap();
    let error = Catalog::open(&copy).unwrap_err();
    assert!(matches!(error, CatalogError::LogLeft { .. }), "{error}");
    std::fs::remove_file(directory.path().join("copy.db-shm")).unwrap();
    assert_eq!(Catalog::open(&copy).unwrap().names().unwrap().len(), 1);
}

/// What SQLite itself finds broken is a violation too, not a failure of the check.
#[test]
fn damaged_pages_are_reported() {
    let directory = tempfile::tempdir().unwrap();
    let mut catalog = open(directory.path());
    add(&mut catalog, "victim", &sample()).unwrap();
    let path = catalog.path().to_owned();
    drop(catalog);
    let whole = std::fs::read(&path).unwrap();
    // The first page holds the schema; without that it is no catalog at all.
    for page in 1..whole.len() / 4096 {
        let mut bytes = whole.clone();
        bytes[page * 4096..(page + 1) * 4096].fill(0xa5);
        std::fs::write(&path, bytes).unwrap();
        let violations = Catalog::open(&path).unwrap().check().unwrap();
        assert!(!violations.is_empty(), "page {page}");
    }
}

#[test]
fn the_path_ids_of_a_known_layer_are_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let mut catalog = open(directory.path());
    add(&mut catalog, "first", &sample()).unwrap();
    let key = LayerKey::Inventory(canonical_digest(&sample()[0]));
    let stored = catalog.layer(&key).unwrap().unwrap();
    assert_eq!(*stored.layer, sample()[0]);
    assert_eq!(*stored.path_ids, [0, 1, 2, 3, 4]);
    assert!(catalog.has_layer(&key).unwrap());
}
