//! What is kept of the family graph of a large catalog: as good as found anew, and little of it changes
//! with an image.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use oskin::catalog::{Catalog, Draft, DraftLayer, KeptRanking};
use oskin::image::{ImageRecord, LayerKey, Package, Packages};
use oskin::inventory::{Entry, EntryKind, Layer, canonical_digest, flatten};
use oskin::lineage::{Candidates, Look};
use oskin::path_set::{PathSet, Selection};
use oskin::placement::{KEPT_FROM, Whole, rank_whole};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// A small generator: the test is the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A child of an earlier image, or another base.
fn grow(images: &[BTreeSet<u64>], draw: &mut Draw) -> BTreeSet<u64> {
    let number = images.len() as u64;
    let own = |count: u64| (0..count).map(move |at| 1_000_000 + number * 100 + at);
    if images.is_empty() || draw.below(100) == 0 {
        return own(40 + draw.below(50)).collect();
    }
    let near = draw.below(images.len() as u64);
    let mut image = images[usize::try_from(near).unwrap()].clone();
    image.extend(own(draw.below(12)));
    // Packages that several have.
    let package = draw.below(60);
    image.extend((0..5).map(|at| package * 10 + at));
    if draw.below(10) == 0 {
        image.pop_first();
    }
    image
}

fn add(catalog: &mut Catalog, number: usize, files: &BTreeSet<u64>) {
    let mut layer = Layer::new();
    for file in files {
        let path = format!("d{}/{file}", file % 7);
        layer.push(&Entry::bare(path.as_bytes(), EntryKind::File)).unwrap();
    }
    let layer = Arc::new(layer);
    let (inventory, _) = flatten(&[Arc::clone(&layer)]);
    let key = LayerKey::Inventory(canonical_digest(&layer));
    let layers = [DraftLayer { key, layer, size_bytes: 0, path_ids: None }];
    let record = ImageRecord { name: format!("image-{number}"), ..ImageRecord::default() };
    catalog.add(&Draft { record, layers: &layers, inventory: &inventory, packages: None }).unwrap();
}

/// The ids and files of all images, and how they are ranked with what is kept, which is kept again.
fn ranked(path: &Path) -> (Vec<i64>, Vec<PathSet>, Whole) {
    let catalog = Catalog::open(path).unwrap();
    let names = catalog.names_with_paths().unwrap();
    let ids: Vec<i64> = names.into_iter().map(|(id, _)| id).collect();
    let files = catalog.path_sets(&ids, Selection::Files).unwrap();
    let whole = rank_whole(&catalog, &ids, &files).unwrap();
    drop(catalog);
    Catalog::open_to_keep(path).unwrap().keep(&whole.changed, &BTreeMap::new()).unwrap();
    (ids, files, whole)
}

/// How many images have another parent than when all are ranked anew.
fn other_parents(files: &[PathSet], whole: &Whole) -> usize {
    let anew = Candidates::rank(&files.iter().collect::<Vec<_>>());
    let parent = |ranked: &Candidates, at: u32| ranked.parent(at).map(|it| it.image);
    let differs = |at: &u32| {
        assert_eq!(anew.first_twin(*at), whole.candidates.first_twin(*at), "image {at}");
        parent(&anew, *at) != parent(&whole.candidates, *at)
    };
    (0..).take(files.len()).filter(differs).count()
}

#[test]
fn what_is_kept_is_as_good_as_found_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalog.db");
    let mut draw = Draw(7);
    let mut images: Vec<BTreeSet<u64>> = Vec::new();
    let mut catalog = Catalog::open_or_create(&path).unwrap();
    while images.len() < KEPT_FROM + 20 {
        images.push(grow(&images, &mut draw));
        add(&mut catalog, images.len(), images.last().unwrap());
    }
    let (ids, files, whole) = ranked(&path);
    assert_eq!((whole.changed.len(), other_parents(&files, &whole)), (ids.len(), 0));
    let (_, files, whole) = ranked(&path);
    assert_eq!((whole.changed.len(), other_parents(&files, &whole)), (0, 0));

    // What has no paths changes nothing, and is nobody's candidate.
    for number in 0..2 {
        let packages = Packages::new(vec![Package::generic("", "a", "1")], true);
        let record = ImageRecord { name: format!("bill-{number}"), ..ImageRecord::default() };
        let draft =
            Draft { record, layers: &[], inventory: &flatten(&[]).0, packages: Some(&packages) };
        catalog.add(&draft).unwrap();
    }
    let (_, files, whole) = ranked(&path);
    assert_eq!((whole.changed.len(), other_parents(&files, &whole)), (0, 0));
    assert_eq!(files.len(), images.len());

    // One after the other: each is ranked, and those that it is a candidate of, and no more.
    let mut changed = 0;
    for _ in 0..20 {
        images.push(grow(&images, &mut draw));
        add(&mut catalog, images.len(), images.last().unwrap());
        let (ids, _, whole) = ranked(&path);
        assert!(whole.changed.contains_key(ids.last().unwrap()));
        changed += whole.changed.len();
    }
    assert!(changed < 20 * KEPT_FROM / 20, "{changed} rankings for 20 images");
    let (_, files, whole) = ranked(&path);
    let others = other_parents(&files, &whole);
    assert!(others * 200 <= files.len(), "{others} of {} have another parent", files.len());

    // An image that is gone takes along what hangs on it.
    catalog.remove("image-5").unwrap();
    let (ids, files, whole) = ranked(&path);
    assert_eq!(ids.len(), images.len() - 1);
    assert!(!whole.changed.is_empty());
    let others = other_parents(&files, &whole);
    assert!(others * 200 <= files.len(), "{others} of {} have another parent", files.len());
    assert_eq!(catalog.check().unwrap(), []);
}

#[test]
fn what_was_kept_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalog.db");
    let mut catalog = Catalog::open_or_create(&path).unwrap();
    for (number, end) in [(1, 20), (2, 40), (3, 60)] {
        add(&mut catalog, number, &(0..end).collect());
    }
    let ids: Vec<i64> = catalog.names().unwrap().into_iter().map(|(id, _)| id).collect();
    assert!(catalog.kept_rankings().unwrap().is_empty());
    let files = catalog.path_set(ids[2], Selection::Files).unwrap();
    let ranked = catalog.rank(&files).unwrap();
    let ranking = KeptRanking { images: 3, first: ids[2], candidates: ranked.candidates.clone() };
    let look = Look::at(&catalog.inventory(ids[1]).unwrap(), &catalog.inventory(ids[2]).unwrap());
    let rankings = BTreeMap::from([(ids[2], ranking.clone())]);
    let looks = BTreeMap::from([((ids[1], ids[2]), look)]);
    catalog.keep(&rankings, &looks).unwrap();
    let anew = Catalog::open(&path).unwrap();
    assert!(anew.has_kept_weights().unwrap());
    assert_eq!(anew.rank(&files).unwrap(), ranked);
    drop(anew);
    let plain = |ranking: &KeptRanking| {
        let of = ranking.candidates.iter().map(|(id, it)| (*id, it.overlap, it.score()));
        (ranking.images, ranking.first, of.collect::<Vec<_>>())
    };
    let kept = catalog.kept_rankings().unwrap();
    assert_eq!(kept.keys().copied().collect::<Vec<i64>>(), [ids[2]]);
    assert_eq!(plain(&kept[&ids[2]]), plain(&ranking));
    assert_eq!(catalog.kept_ranking(ids[2]).unwrap().as_ref().map(plain), Some(plain(&ranking)));
    assert_eq!(catalog.kept_looks().unwrap(), looks);
    assert_eq!(catalog.kept_look(ids[1], ids[2]).unwrap(), Some(look));
    assert_eq!(catalog.kept_look(ids[2], ids[1]).unwrap(), None);
    // Without one of its candidates a ranking does not count; what was of it goes with the next write.
    catalog.remove("image-1").unwrap();
    assert!(!catalog.has_kept_weights().unwrap());
    assert_eq!(catalog.kept_ranking(ids[2]).unwrap(), None);
    assert!(catalog.kept_rankings().unwrap().is_empty());
    catalog.remove("image-2").unwrap();
    catalog.keep(&BTreeMap::new(), &BTreeMap::new()).unwrap();
    assert!(catalog.kept_looks().unwrap().is_empty());
}
