//! A corpus of a small index: what its files promise, and the same images in a catalog.

#![expect(clippy::unwrap_used, reason = "what cannot be made is a failed test")]

use flate2::{Compression, write::GzEncoder};
use oskin::catalog::Catalog;
use oskin::path_set::Selection;
use oskin_bench::corpus::{PathTexts, beside};
use oskin_bench::fill::fill;
use oskin_bench::make::{Maker, Options};
use oskin_bench::stats::Stats;
use oskin_bench::{Corpus, Delta};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const IMAGES: usize = 240;
const QUERIES: usize = 30;

/// Packages as the index has them: a name, what it depends on, its files.
fn packages() -> Vec<(String, String, Vec<String>)> {
    let mut packages = vec![
        ("dpkg".to_owned(), String::new(), vec!["usr/share/doc/dpkg/NEWS.gz".to_owned()]),
        ("python3".to_owned(), "python3.11, python3-minimal".to_owned(), Vec::new()),
        ("python3.11".to_owned(), String::new(), vec!["usr/lib/python3.11/os.py".to_owned()]),
        ("python3-minimal".to_owned(), String::new(), vec!["usr/bin/py3compile".to_owned()]),
    ];
    let names = ["nginx", "curl", "git", "ruby", "perl", "make", "jq", "less", "python3-requests"];
    for (number, name) in names.into_iter().enumerate() {
        let tree = |n| format!("usr/lib/python3/dist-packages/{name}/part{n}/module{n}.py");
        let mut files: Vec<String> = (0..10 + number).map(tree).collect();
        files.push(format!("usr/lib/x86_64-linux-gnu/lib{name}.so.{number}.2.3"));
        files.push(format!("usr/share/man/man1/{name}.1.gz"));
        files.push(format!("bin/{name}"));
        let depends = if number % 3 == 0 { "python3" } else { "" };
        packages.push((name.to_owned(), depends.to_owned(), files));
    }
    packages
}

fn write_index(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    let gz = |name: &str, text: &str| {
        let out = File::create(directory.join(name)).unwrap();
        let mut out = GzEncoder::new(out, Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap();
    };
    let (mut stanzas, mut contents) = (String::new(), String::new());
    for (name, depends, files) in packages() {
        stanzas.push_str(&format!("Package: {name}\nDepends: {depends}\n\n"));
        for file in files {
            contents.push_str(&format!("{file}   section/{name}\n"));
        }
    }
    gz("Packages.gz", &stanzas);
    gz("Contents.gz", &contents);
    gz("Contents-all.gz", "");
}

fn make(directory: &TempDir, name: &str, seed: u64) -> PathBuf {
    write_index(&directory.path().join("bookworm"));
    let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let options = Options {
        index: directory.path().to_owned(),
        suites: vec!["bookworm".to_owned()],
        samples: Path::new(&manifest_dir).join("../../samples/images.oski"),
        bases: Vec::new(),
        also: Vec::new(),
        images: IMAGES,
        queries: QUERIES,
        seed,
    };
    let out = directory.path().join(name);
    let (maker, bases) = Maker::open(&options).unwrap();
    maker.make(&bases, &options, &out).unwrap();
    out
}

fn bytes(file: &Path) -> Vec<Vec<u8>> {
    let names = ["paths", "queries", "truth.tsv", "queries.truth.tsv"];
    let beside = names.iter().map(|name| fs::read(beside(file, name)).unwrap());
    std::iter::once(fs::read(file).unwrap()).chain(beside).collect()
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_one_others() {
    let directory = TempDir::new().unwrap();
    let first = bytes(&make(&directory, "a", 1));
    assert_eq!(first, bytes(&make(&directory, "b", 1)));
    assert_ne!(first, bytes(&make(&directory, "c", 2)));
}

/// Replays a delta on plain sets and checks that it is one.
fn replay(delta: &Delta, parent: &BTreeSet<u32>) -> BTreeSet<u32> {
    assert!(delta.added.ids().all(|id| !parent.contains(&id)), "adds what is there");
    assert!(delta.removed.ids().all(|id| parent.contains(&id)), "removes what is not there");
    let mut set = parent.clone();
    delta.removed.ids().for_each(|id| assert!(set.remove(&id)));
    set.extend(delta.added.ids());
    set
}

/// Every directory above a path of the set is in it, and is a directory.
fn assert_closed(set: &BTreeSet<u32>, texts: &PathTexts) {
    let directories: BTreeSet<&[u8]> =
        set.iter().map(|id| texts.get(*id)).filter(|path| path.1).map(|path| path.0).collect();
    for id in set {
        let (directory, _) = oskin::path::split_name(texts.get(*id).0);
        assert!(directory.is_empty() || directories.contains(directory));
    }
}

#[test]
fn files_hold_what_they_promise() {
    let directory = TempDir::new().unwrap();
    let file = make(&directory, "corpus", 1);
    let corpus = Corpus::open(&file).unwrap();
    let texts = corpus.read_paths(&file).unwrap();
    assert_eq!((corpus.images.len(), texts.len()), (IMAGES, corpus.paths as usize));
    let truth = fs::read_to_string(beside(&file, "truth.tsv")).unwrap();
    let rows: Vec<Vec<&str>> =
        truth.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    let mut sets: Vec<BTreeSet<u32>> = Vec::new();
    let mut seen = 0;
    let mut deleted_private = 0;
    for (delta, row) in corpus.images.iter().zip(&rows) {
        let parent = delta.parent.map(|parent| parent as usize);
        let set = replay(delta, &parent.map(|parent| sets[parent].clone()).unwrap_or_default());
        assert_closed(&set, &texts);
        // What is new comes side by side, behind all that was seen, in path order.
        let new: Vec<u32> = delta.added.ids().filter(|id| *id >= seen).collect();
        assert!(new.iter().copied().eq(seen..seen + u32::try_from(new.len()).unwrap()));
        assert!(new.is_sorted_by_key(|id| texts.get(*id).0));
        seen += u32::try_from(new.len()).unwrap();
        match row[2] {
            "base" => assert_eq!((parent, row[1]), (None, "-")),
            "squash" => {
                assert_eq!(parent, None);
                let origin = row[3].strip_prefix("the set of ").unwrap();
                let origin = rows.iter().position(|row| row[0] == origin).unwrap();
                assert_eq!(set, sets[origin]);
                assert_eq!(row[1], rows[origin][1]);
            }
            _ => assert_eq!(rows[parent.unwrap()][0], row[1]),
        }
        let held = |id: u32| sets.iter().filter(|set| set.contains(&id)).count();
        deleted_private += delta.removed.ids().filter(|id| held(*id) == 1).count();
        sets.push(set);
    }
    assert_eq!(seen, corpus.paths, "no path is without an image");
    assert!(deleted_private > 0, "children delete what only their parents had");
    for kind in ["base", "install", "app", "pip", "cleanup", "upgrade", "rebuild", "squash"] {
        assert!(rows.iter().any(|row| row[2] == kind), "no {kind}");
    }
    let queries = corpus.open_queries(&file).unwrap();
    assert_eq!(queries.images.len(), QUERIES);
    for (delta, set) in queries.images.iter().zip(corpus.query_sets(&queries)) {
        let parent = delta.parent.map(|parent| sets[parent as usize].clone());
        assert!(set.ids().eq(replay(delta, &parent.unwrap_or_default())));
    }
    let stats = Stats::of(&file).unwrap();
    assert_eq!(stats.entries, sets.iter().map(|set| set.len() as u64).sum::<u64>());
    let shared = |id: &u32| sets.iter().filter(|set| set.contains(id)).nth(1).is_some();
    assert_eq!(stats.shared_paths, (0..corpus.paths).filter(shared).count() as u64);
}

#[test]
fn a_catalog_has_the_same_sets_under_the_same_ids() {
    let directory = TempDir::new().unwrap();
    let file = make(&directory, "corpus", 3);
    let path = directory.path().join("catalog.db");
    let first = 90;
    assert_eq!(fill(&file, &path, first).unwrap(), first);
    let catalog = Catalog::open(&path).unwrap();
    let sets = Corpus::open(&file).unwrap().path_sets(first);
    let images = catalog.images().unwrap();
    assert_eq!(images.len(), first);
    for (image, set) in images.iter().zip(&sets) {
        assert_eq!(&catalog.path_set(image.id, Selection::Both).unwrap(), set, "{}", image.name);
    }
    assert_eq!(catalog.check().unwrap(), []);
}
