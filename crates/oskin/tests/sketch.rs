//! Sketches of what a catalog holds agree with those of its inventories, in every format version.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use oskin::catalog::Catalog;
use oskin::ingest;
use oskin::inventory::Inventory;
use oskin::measure::{CONFIDENCE, OverlapMatrix, Probe, Sketch, path_hash};
use oskin::path_set::{PathSet, Selection};
use oskin::source::{self, ReadOptions};
use std::path::Path;

/// The hashes of an image from its entries.
fn naive(inventory: &Inventory, selection: Selection) -> Vec<u64> {
    let counts = |is_directory: bool| match selection {
        Selection::Files => !is_directory,
        Selection::Directories => is_directory,
        Selection::Both => true,
    };
    let entries = inventory.iter().filter(|entry| counts(entry.kind.is_directory()));
    let mut hashes: Vec<u64> = entries.map(|entry| path_hash(entry.path)).collect();
    hashes.sort_unstable();
    hashes
}

fn assert_hashes_are_those_of_the_inventories(catalog: &Catalog, every: usize) {
    let mut hashes = catalog.path_hashes().unwrap();
    for (id, name) in catalog.names().unwrap().into_iter().step_by(every) {
        let inventory = catalog.inventory(id).unwrap();
        // The second time they are at hand.
        for selection in Selection::ALL.into_iter().chain(Selection::ALL) {
            let mut found = hashes.of(&catalog.path_set(id, selection).unwrap()).unwrap();
            found.sort_unstable();
            assert_eq!(found, naive(&inventory, selection), "{name}, {selection}");
        }
    }
}

#[test]
fn a_catalog_of_version_1_gives_the_same_hashes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalog.db");
    let stored = zstd::decode_all(&include_bytes!("data/catalog-1.db.zst")[..]).unwrap();
    std::fs::write(&path, stored).unwrap();
    let catalog = Catalog::open(&path).unwrap();
    assert!(!catalog.names().unwrap().is_empty());
    assert_hashes_are_those_of_the_inventories(&catalog, 1);
    let unknown = PathSet::from_unsorted(vec![u32::MAX]);
    assert!(catalog.path_hashes().unwrap().of(&unknown).is_err());
}

/// The systems of `samples/`: whole against sampled, and sampled against sampled.
#[test]
fn the_intervals_hold_on_real_systems() {
    let directory = tempfile::tempdir().unwrap();
    let mut catalog = Catalog::open_or_create(&directory.path().join("catalog.db")).unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/images.oski");
    let options = ReadOptions { all: true, ..ReadOptions::default() };
    let bytes = std::fs::read(samples).unwrap();
    for image in &source::oski::from_bytes(&bytes, "samples").unwrap() {
        ingest::add(&mut catalog, image, None, &options).unwrap();
    }
    let names = catalog.names().unwrap();
    assert_eq!(names.len(), 40);
    assert_hashes_are_those_of_the_inventories(&catalog, 13);
    let mut path_hashes = catalog.path_hashes().unwrap();
    let mut sets = Vec::new();
    let mut hashes = Vec::new();
    for (id, _) in names {
        sets.push(catalog.path_set(id, Selection::Both).unwrap());
        hashes.push(path_hashes.of(&sets[sets.len() - 1]).unwrap());
    }
    let truth = OverlapMatrix::from_sets(&sets.iter().collect::<Vec<_>>());
    let sketch = |k: usize| -> Vec<Sketch> {
        hashes.iter().map(|all| Sketch::new(all.clone(), k)).collect()
    };
    let whole: Vec<Probe> = sketch(usize::MAX).into_iter().map(Probe::new).collect();
    for k in [64, 512] {
        let sketches = sketch(k);
        let (mut pairs, mut held) = (0_u32, 0_u32);
        for i in 0..sets.len() {
            for j in (0..sets.len()).filter(|j| *j != i) {
                let true_common = truth.overlap(i, j).common;
                let estimates =
                    [whole[i].estimate(&sketches[j]), sketches[i].estimate(&sketches[j])];
                for estimate in estimates {
                    let (low, high) = estimate.bounds();
                    pairs += 1;
                    held += u32::from(low.common <= true_common && true_common <= high.common);
                    if estimate.is_exact() {
                        assert_eq!(estimate.overlap(), truth.overlap(i, j));
                    }
                }
            }
        }
        assert!(
            f64::from(held) >= CONFIDENCE * f64::from(pairs),
            "{held} of {pairs} with {k} hashes"
        );
    }
}
