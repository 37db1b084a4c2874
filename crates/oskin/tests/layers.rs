//! What layers write and waste: made-up layers, a naive count of random ones, and the figures of dive.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{open_text, shared_data};
use oskin::diff::{ByCause, Cause, Count, DivePath, LayerWork, Waste, waste};
use oskin::inventory::{EntryKind, Layer, flatten};
use oskin::source::ReadOptions;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use testkit::{
    ArchiveOptions, ExpectedEntry, ExpectedKind, FixtureKind, FixtureLayer, Image, Listing,
    docker_archive, fixture_from_bytes, replay,
};

fn layers_of(path: &Path) -> Vec<Arc<Layer>> {
    let options = ReadOptions::default();
    let image = open_text(path.to_str().unwrap(), &options).unwrap().remove(0);
    image.layers.iter().map(|layer| layer.read(&options).unwrap().layer).collect()
}

fn read(image: &Image) -> Vec<Arc<Layer>> {
    let directory = tempfile::tempdir().unwrap();
    let archive = docker_archive(std::slice::from_ref(image), &ArchiveOptions::default());
    layers_of(&common::write(directory.path(), "image.tar", &archive))
}

fn count(files: u64, bytes: u64) -> Count {
    Count { files, bytes }
}

fn causes(wasted: &ByCause) -> [(u64, u64); 4] {
    Cause::ALL.map(|cause| (wasted.of(cause).files, wasted.of(cause).bytes))
}

/// Path, bytes, layers that wrote, layers that buried.
type Told<'a> = (&'a str, u64, &'a [u32], &'a [u32]);

fn paths(waste: &Waste) -> Vec<Told<'_>> {
    let told = |it: &'_ oskin::diff::WastedPath| it.wasted.total().bytes;
    let paths = waste.paths.iter();
    let text = |path| std::str::from_utf8(path).unwrap();
    paths.map(|it| (text(&it.path), told(it), &it.written_in[..], &it.buried_in[..])).collect()
}

#[test]
fn the_figures_of_dive() {
    let Some(data) = shared_data() else { return };
    let waste = waste(&layers_of(&data.join("images/dive__test-docker-image.tar")));
    let dive = &waste.dive;
    assert_eq!((dive.minimum_bytes, dive.discovered_bytes), (1_214_193, 1_233_408));
    assert_eq!(dive.efficiency(), Some(0.984_421_213_418_430_9));
    assert_eq!((dive.size_bytes, dive.user_bytes, dive.wasted_bytes), (1_220_598, 66_237, 32_025));
    assert_eq!(dive.wasted_share(), Some(0.483_491_100_140_404_9));
    let inefficient = |path: &str, bytes| DivePath { path: path.into(), count: 2, bytes };
    let expected = [
        inefficient("root/example/somefile1.txt", 12_810),
        inefficient("root/saved.txt", 12_810),
        inefficient("root/example/somefile3.txt", 6_405),
    ];
    assert_eq!(dive.paths, expected);
    // Ours: as many bytes by chance, but of other copies.
    assert_eq!((waste.written.bytes, waste.wasted.total()), (1_220_598, count(5, 32_025)));
    assert_eq!(causes(&waste.wasted), [(0, 0), (2, 12_810), (0, 0), (3, 19_215)]);
    let buried = |layer: &LayerWork| layer.buried.of(Cause::ModeOnly).bytes;
    let by_mode: Vec<u64> = waste.layers.iter().map(buried).collect();
    assert_eq!(by_mode, [0, 0, 0, 0, 6_405, 0, 0, 0, 0, 0, 0, 0, 0, 6_405]);
    let expected: [Told<'_>; 4] = [
        ("root/example/somefile1.txt", 12_810, &[3, 4], &[4, 9]),
        ("root/example/somefile2.txt", 6_405, &[5], &[9]),
        ("root/example/somefile3.txt", 6_405, &[6], &[7]),
        ("root/saved.txt", 6_405, &[7], &[13]),
    ];
    assert_eq!(paths(&waste), expected);
    assert_eq!(waste.duplicates.len(), 1);
    let same = &waste.duplicates[0];
    assert_eq!((same.paths.len(), same.extra_bytes()), (5, 25_620));
}

const MADE_UP: &str = "
    a        file 100 seed=1
    b        file 50 seed=2
    b2       hardlink b
    c        file 30 seed=3
    d/one    file 7 seed=4
    d/two    file 8 seed=5
    e        file 0
    s        symlink a
    //- layer
    a        file 100 seed=1 mode=0600
    c        file 30 seed=3
    d/one    file 9 seed=6
    f        file 100 seed=1
    f        file 100 seed=1
    .wh.b    file
    //- layer
    c        file 31 seed=9
    .wh.d    file
    .wh.e    file
    g        file 31 seed=8
    //- layer
    .wh.b2   file
    g        dir
";

#[test]
fn made_up_layers() {
    let waste = waste(&read(&Image::from_fixture(MADE_UP)));
    let expected = [
        // Layers: written, added, changed, removed.
        [count(6, 195), count(8, 195), count(0, 0), count(0, 0)],
        [count(5, 339), count(1, 100), count(3, 139), count(1, 50)],
        [count(2, 62), count(1, 31), count(1, 31), count(3, 17)],
        [count(0, 0), count(0, 0), count(0, 0), count(2, 31)],
    ];
    let got: Vec<[Count; 4]> =
        waste.layers.iter().map(|it| [it.written, it.added, it.changed, it.removed]).collect();
    assert_eq!(got, expected);
    let buried: Vec<_> = waste.layers.iter().map(|it| causes(&it.buried)).collect();
    let expected = [
        [(0, 0), (0, 0), (0, 0), (0, 0)],
        // c and f again as they were, a with another mode, d/one with another content; b has a name left.
        [(2, 130), (1, 100), (1, 7), (0, 0)],
        [(0, 0), (0, 0), (1, 30), (2, 17)],
        // The last name of b; g is no file any more.
        [(0, 0), (0, 0), (0, 0), (2, 81)],
    ];
    assert_eq!(buried, expected);
    let lost: Vec<u64> = waste.layers.iter().map(|it| it.lost.total().bytes).collect();
    assert_eq!(lost, [195, 139, 31, 0]);
    assert_eq!((waste.written, waste.wasted.total()), (count(13, 596), count(9, 365)));
    assert_eq!(waste.share(), Some(365.0 / 596.0));
    let worst: Vec<(&str, u64)> = paths(&waste).iter().map(|it| (it.0, it.1)).collect();
    let expected =
        [("a", 100), ("f", 100), ("c", 60), ("b", 50), ("g", 31), ("d/one", 16), ("d/two", 8)];
    assert_eq!(worst, expected);
    let same: Vec<_> =
        waste.duplicates.iter().map(|it| (&it.paths[..], it.extra_bytes())).collect();
    assert_eq!(same, [(&[b"a".to_vec(), b"f".to_vec()][..], 100)]);
    // a 100 + 100, b 50 + 0, c 30 + 30 + 31, d/one 7 + 9, d/two 8, d 9 + 8, f once, g 31 + 0, b2 and s 0.
    let dive = &waste.dive;
    assert_eq!((dive.discovered_bytes, dive.minimum_bytes), (513, 262));
    let told: Vec<(&[u8], u64, u64)> =
        dive.paths.iter().map(|it| (&it.path[..], it.count, it.bytes)).collect();
    let expected: [(&[u8], u64, u64); 5] =
        [(b"a", 2, 200), (b"c", 3, 91), (b"b", 2, 50), (b"g", 2, 31), (b"d/one", 2, 16)];
    assert_eq!(told, expected);
    assert_eq!(dive.wasted_bytes, 388);
}

#[test]
fn nothing_wastes_nothing() {
    assert_eq!(waste(&[]), Waste::default());
    let empty = waste(&[Arc::new(Layer::new())]);
    assert_eq!((empty.share(), empty.dive.efficiency(), empty.layers.len()), (None, None, 1));
}

type Files<'a> = BTreeMap<&'a [u8], &'a ExpectedEntry>;

fn files(listing: &Listing) -> Files<'_> {
    let files = listing.iter().filter(|(_, it)| it.kind != ExpectedKind::Directory);
    files.map(|(path, it)| (&path[..], it)).collect()
}

/// The contents that are there, by their file.
fn contents<'a>(files: &Files<'a>) -> BTreeMap<usize, &'a ExpectedEntry> {
    let files = files.values().filter(|it| it.kind == ExpectedKind::File);
    files.map(|it| (it.inode, *it)).collect()
}

fn bytes_of(files: &Files<'_>) -> u64 {
    contents(files).values().map(|it| it.size_bytes).sum()
}

fn own(entry: &ExpectedEntry) -> u64 {
    if entry.hard_link_to.is_some() { 0 } else { entry.size_bytes }
}

/// What became of a file whose names are all gone, by definition.
fn naive_cause(inode: usize, before: &Files<'_>, after: &Files<'_>) -> Cause {
    let rights = |it: &ExpectedEntry| (it.mode, it.uid, it.gid);
    let names = before.iter().filter(|(_, it)| it.inode == inode);
    let causes = names.map(|(path, old)| match after.get(path) {
        Some(new) if new.kind != ExpectedKind::File => Cause::Deleted,
        Some(new) if new.content != old.content => Cause::Rewritten,
        Some(new) if rights(new) != rights(old) => Cause::ModeOnly,
        Some(_) => Cause::Copied,
        None => Cause::Deleted,
    });
    causes.min().unwrap()
}

/// Holds a layer against what was there before and after it.
fn check_layer(layer: &LayerWork, raw: &FixtureLayer, before: &Files<'_>, after: &Files<'_>) {
    let sum = |counted: Vec<u64>| count(counted.len() as u64, counted.iter().sum());
    let added = after.iter().filter(|(path, _)| !before.contains_key(*path));
    assert_eq!(layer.added, sum(added.map(|(_, it)| own(it)).collect()));
    let removed = before.iter().filter(|(path, _)| !after.contains_key(*path));
    assert_eq!(layer.removed, sum(removed.map(|(_, it)| own(it)).collect()));
    let both = after.iter().filter_map(|(path, new)| Some((before.get(path)?, new)));
    let changed = both.filter(|(old, new)| old.inode != new.inode);
    let changed = sum(changed.map(|(_, it)| own(it)).collect());
    // A name that is linked to the same file again does not show.
    assert!(layer.changed.files >= changed.files && layer.changed.bytes == changed.bytes);
    let has_links = raw.entries.iter().any(|it| matches!(it.kind, FixtureKind::HardLink(_)));
    assert!(has_links || layer.changed == changed);
    let (buried, written) = (layer.buried.total().bytes, layer.written.bytes);
    assert_eq!(bytes_of(before) + written, bytes_of(after) + buried);
    let size = |it: &testkit::FixtureEntry| match &it.kind {
        FixtureKind::File(content) => content.len() as u64,
        _ => 0,
    };
    assert_eq!(written, raw.entries.iter().map(size).sum::<u64>());
    let there: BTreeSet<usize> = contents(after).into_keys().collect();
    let mut naive = [(0, 0); 4];
    for (inode, file) in contents(before) {
        if !there.contains(&inode) && file.size_bytes > 0 {
            let (files, bytes) = &mut naive[naive_cause(inode, before, after) as usize];
            (*files, *bytes) = (*files + 1, *bytes + file.size_bytes);
        }
    }
    let told = causes(&layer.buried);
    // What a layer itself brings and buries is in neither listing.
    let is_whole = naive.iter().map(|it| it.1).sum::<u64>() == buried;
    let pairs = told.iter().zip(&naive);
    assert!(if is_whole { told == naive } else { pairs.clone().all(|(a, b)| a >= b) });
}

/// What dive counts, by its rules: minimum and discovered bytes, wasted bytes.
fn naive_dive(layers: &[Arc<Layer>]) -> [u64; 3] {
    let mut sizes: BTreeMap<Vec<u8>, Vec<u64>> = BTreeMap::new();
    let is_below = |path: &[u8], top: &[u8]| {
        path.len() > top.len() && path.starts_with(top) && path[top.len()] == b'/'
    };
    for (number, layer) in layers.iter().enumerate() {
        let (before, _) = flatten(&layers[..number]);
        let mut tree: BTreeMap<(Vec<u8>, bool), u64> = BTreeMap::new();
        for entry in layer.iter() {
            let is_whiteout = entry.kind == EntryKind::Whiteout;
            let directory = before.get(entry.path).filter(|it| it.kind.is_directory());
            let size = match (entry.kind, directory) {
                (EntryKind::File, _) => entry.size_bytes,
                (EntryKind::Whiteout, Some(directory)) => {
                    let below = before.iter().filter(|it| is_below(it.path, directory.path));
                    let files = below.filter(|it| it.kind == EntryKind::File);
                    files.map(|it| it.size_bytes).sum()
                }
                _ => 0,
            };
            if !entry.path.is_empty() {
                tree.insert((entry.path.to_vec(), is_whiteout), size);
            }
        }
        for ((path, is_whiteout), size) in &tree {
            if *is_whiteout || !tree.keys().any(|(other, _)| is_below(other, path)) {
                sizes.entry(path.clone()).or_default().push(*size);
            }
        }
    }
    let least = sizes.values().map(|sizes| sizes.iter().min().unwrap()).sum();
    let all = sizes.values().flatten().sum();
    let wasted = sizes.values().filter(|sizes| sizes.len() > 1).flatten().sum();
    [least, all, wasted]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_naive_count_agrees(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let fixture = fixture_from_bytes(&bytes);
        let layers = read(&Image::from_layers(fixture.clone()));
        let waste = waste(&layers);
        prop_assert_eq!(waste.layers.len(), fixture.len());
        let states: Vec<Listing> =
            (0..=fixture.len()).map(|count| replay(&fixture[..count]).listing).collect();
        for (at, layer) in waste.layers.iter().enumerate() {
            check_layer(layer, &fixture[at], &files(&states[at]), &files(&states[at + 1]));
        }
        let last = files(states.last().unwrap());
        let wasted = waste.wasted.total();
        prop_assert_eq!(waste.written.bytes, bytes_of(&last) + wasted.bytes);
        let sums = |of: fn(&LayerWork) -> ByCause| {
            let bytes = waste.layers.iter().map(|it| of(it).total().bytes);
            bytes.sum::<u64>()
        };
        prop_assert_eq!([sums(|it| it.buried), sums(|it| it.lost)], [wasted.bytes; 2]);
        let by_path = waste.paths.iter().map(|it| it.wasted.total().bytes);
        prop_assert_eq!(by_path.sum::<u64>(), wasted.bytes);
        let mut groups: BTreeMap<&[u8], u64> = BTreeMap::new();
        for it in contents(&last).values().filter(|it| it.size_bytes > 0) {
            *groups.entry(&it.content).or_default() += 1;
        }
        let extra = groups.iter().map(|(content, files)| content.len() as u64 * (files - 1));
        let told = waste.duplicates.iter().map(oskin::diff::Duplicate::extra_bytes);
        prop_assert_eq!(told.sum::<u64>(), extra.sum::<u64>());
        let dive = &waste.dive;
        let told = [dive.minimum_bytes, dive.discovered_bytes, dive.wasted_bytes];
        prop_assert_eq!(told, naive_dive(&layers));
    }
}
