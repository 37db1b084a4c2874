//! Many images at once: the same catalog and the same tale whatever the number of jobs.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use oskin::catalog::{Added, Catalog};
use oskin::ingest::{self, IngestError, Outcome, Place, Rules, Told, Wanted, add_all};
use oskin::path_set::Selection;
use oskin::source::{self, NoProgress, Progress, ReadOptions, SourceSpec};
use std::convert::Infallible;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use testkit::{Defect, Image, OciOptions, random_bytes, write_oci_layout};

/// A layer: so many files below a directory.
fn layer(directory: &str, files: usize) -> String {
    let file = |at| format!("{directory}/{at} file \"{directory} {at}\"\n");
    (0..files).map(file).collect()
}

/// An image of the layers, base first.
fn image(reference: &str, layers: &[String]) -> Image {
    let text = format!("//- layer\n{}", layers.join("//- layer\n"));
    Image::from_fixture(&text).reference(reference)
}

/// Writes each image into a layout of its own, and wants them in that order.
fn wanted(dir: &Path, images: &[Image]) -> Vec<Wanted> {
    let one = |(at, image): (usize, &Image)| {
        let layout = dir.join(format!("layout-{at}"));
        write_oci_layout(&layout, std::slice::from_ref(image), &OciOptions::default()).unwrap();
        want(&format!("oci:{}", layout.display()), None)
    };
    images.iter().enumerate().map(one).collect()
}

fn want(text: &str, name: Option<&str>) -> Wanted {
    Wanted { place: Place::Text(text.into()), name: name.map(str::to_owned) }
}

fn rules(jobs: usize) -> Rules {
    Rules { jobs, replace: false }
}

/// What was told of an image, as a line.
fn line(at: usize, name: &str, result: Result<Outcome, IngestError>) -> String {
    match result {
        Ok(Outcome { added, layers_read, layers, stored_bytes }) => {
            let word = match added {
                Added::New(_) => "added",
                Added::Unchanged(_) => "unchanged",
                Added::Replaced(_) => "replaced",
            };
            format!("{at} {name}: {word} {layers_read} of {layers}, {stored_bytes}")
        }
        Err(error) => format!("{at} {name}: {error}"),
    }
}

/// Adds all and returns the tale.
fn add(
    catalog: &mut Catalog,
    wanted: &[Wanted],
    rules: Rules,
    progress: &dyn Progress,
) -> Vec<String> {
    let mut tale = Vec::new();
    let options = ReadOptions { progress, ..ReadOptions::default() };
    let Ok(()) = add_all(catalog, wanted, rules, &options, |at, told| {
        match told {
            Told::Understood(_) => {}
            Told::Failed(error) => tale.push(format!("{at}: {error}")),
            Told::Image { name, result } => tale.push(line(at, name, result)),
        }
        Ok::<_, Infallible>(())
    });
    tale
}

/// The same, one image after the other.
fn add_plainly(catalog: &mut Catalog, wanted: &[Wanted]) -> Vec<String> {
    let mut tale = Vec::new();
    let options = ReadOptions::default();
    for (at, Wanted { place, name }) in wanted.iter().enumerate() {
        let Place::Text(text) = place else { unreachable!() };
        let images = SourceSpec::parse(OsStr::new(text)).and_then(|it| source::open(&it, &options));
        match images {
            Err(error) => tale.push(format!("{at}: {error}")),
            Ok(images) => {
                for image in images {
                    let result = ingest::add(catalog, &image, name.as_deref(), &options);
                    tale.push(line(at, &image.name, result));
                }
            }
        }
    }
    tale
}

/// All that a catalog holds.
fn content(catalog: &Catalog) -> String {
    assert_eq!(catalog.check().unwrap(), []);
    let mut text = String::new();
    for image in catalog.images().unwrap() {
        let layers = catalog.layers(image.id).unwrap();
        let layers: Vec<_> = layers.iter().map(|(key, it)| (key, &it.path_ids)).collect();
        let sets = catalog.path_set(image.id, Selection::Both).unwrap();
        text.push_str(&format!("{image:?} {layers:?} {sets:?}\n"));
    }
    text
}

fn new_catalog(dir: &Path, name: &str) -> Catalog {
    Catalog::open_or_create(&dir.join(name)).unwrap()
}

/// Takes its time, so that readers meet, and counts.
#[derive(Default)]
struct Slow {
    bytes: AtomicU64,
    parts: AtomicU64,
    wait: Duration,
}

struct SlowPart<'a>(&'a Slow);

impl Progress for Slow {
    fn expect(&self, _bytes: u64) {}

    fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        std::thread::sleep(self.wait);
    }

    fn part<'a>(&'a self, _name: &str) -> Box<dyn Progress + 'a> {
        self.parts.fetch_add(1, Ordering::Relaxed);
        Box::new(SlowPart(self))
    }
}

impl Progress for SlowPart<'_> {
    fn expect(&self, bytes: u64) {
        self.0.expect(bytes);
    }

    fn advance(&self, bytes: u64) {
        self.0.advance(bytes);
    }
}

/// Small numbers by a seed.
struct Random(std::vec::IntoIter<u8>);

impl Random {
    fn new(seed: u64) -> Self {
        Self(random_bytes(seed, 4000).into_iter())
    }

    fn below(&mut self, limit: u8) -> u8 {
        self.0.next().unwrap() % limit
    }
}

/// Images of few layers that come in every order and number, some of them damaged, and with layers
/// that state no diff id.
fn random_images(random: &mut Random, count: usize) -> Vec<Image> {
    let mut one = |at: usize| {
        let layers: Vec<String> =
            (0..=random.below(4)).map(|_| layer(&format!("part-{}", random.below(6)), 3)).collect();
        let at_layer = usize::from(random.below(u8::try_from(layers.len()).unwrap()));
        let fixture = image(&format!("image-{at}:1"), &layers);
        match random.below(8) {
            0 => fixture.defect(Defect::WrongDiffId(at_layer)),
            1 => fixture.defect(Defect::GarbageBlob(at_layer)),
            2 => fixture.defect(Defect::TruncatedLayer(at_layer)),
            3 => fixture.config_field("rootfs", serde_json::json!({"diff_ids": []})),
            _ => fixture,
        }
    };
    (0..count).map(&mut one).collect()
}

#[test]
fn neither_tale_nor_catalog_depends_on_the_number_of_jobs() {
    let mut failures = 0;
    for seed in 0..8 {
        let dir = tempfile::tempdir().unwrap();
        let mut random = Random::new(seed);
        let images = random_images(&mut random, 20);
        let mut wanted = wanted(dir.path(), &images);
        // What is there already, what is not there, and a name that is taken.
        wanted.insert(9, wanted[3].clone());
        wanted.insert(7, want("oci:not-there", None));
        let list = dir.path().join("list");
        std::fs::write(&list, "a\nb\n").unwrap();
        wanted.push(want(&format!("paths:{}", list.display()), Some("image-0:1")));
        let mut plain = new_catalog(dir.path(), "plain");
        let expected = add_plainly(&mut plain, &wanted);
        failures += wanted.len() - plain.names().unwrap().len();
        for jobs in [1, 2, 8] {
            let mut catalog = new_catalog(dir.path(), &format!("jobs-{jobs}"));
            let slow =
                Slow { wait: Duration::from_millis(random.below(3).into()), ..Slow::default() };
            let tale = add(&mut catalog, &wanted, rules(jobs), &slow);
            assert_eq!(tale, expected, "seed {seed}, {jobs} jobs");
            assert_eq!(content(&catalog), content(&plain), "seed {seed}, {jobs} jobs");
        }
    }
    assert!(failures > 40, "{failures} failures: too little is damaged");
}

#[test]
fn three_hundred_references_read_each_layer_once() {
    let dir = tempfile::tempdir().unwrap();
    let bases: Vec<Vec<String>> = (0..5)
        .map(|base| (0..3).map(|at| layer(&format!("base-{base}/{at}"), 20)).collect())
        .collect();
    let of = |at: usize| {
        let own = layer(&format!("own-{at}"), 2);
        let layers = [&bases[at * 7 % 5][..], &[own]].concat();
        image(&format!("image-{at}:1"), &layers)
    };
    let images: Vec<Image> = (0..300).map(of).collect();
    let wanted = wanted(dir.path(), &images);
    let mut catalog = new_catalog(dir.path(), "catalog");
    let slow = Slow { wait: Duration::from_millis(1), ..Slow::default() };
    let tale = add(&mut catalog, &wanted, rules(8), &slow);
    assert_eq!(tale.len(), 300);
    let mut tars: Vec<Vec<u8>> = images.iter().flat_map(Image::layer_tars).collect();
    tars.sort();
    tars.dedup();
    assert_eq!(slow.parts.into_inner(), 315);
    assert_eq!(slow.bytes.into_inner(), tars.iter().map(|tar| tar.len() as u64).sum::<u64>());
    let names: Vec<String> = catalog.names().unwrap().into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, (0..300).map(|at| format!("image-{at}:1")).collect::<Vec<_>>());
}

/// Each image has the same layers as all others, forwards, backwards or twice: whoever waited for one
/// with another in hand would wait for ever.
#[test]
fn layers_in_opposite_order_keep_nobody_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let layers: Vec<String> = (0..6).map(|at| layer(&format!("part-{at}"), 2)).collect();
    let of = |at: usize| {
        let mut layers = layers.clone();
        layers.rotate_left(at % 6);
        if at.is_multiple_of(2) {
            layers.reverse();
        }
        if at.is_multiple_of(3) {
            layers.extend(layers.clone());
        }
        image(&format!("image-{at}:1"), &layers)
    };
    let images: Vec<Image> = (0..40).map(of).collect();
    let wanted = wanted(dir.path(), &images);
    for jobs in [2, 16] {
        let mut catalog = new_catalog(dir.path(), &format!("jobs-{jobs}"));
        let slow = Slow { wait: Duration::from_millis(1), ..Slow::default() };
        let tale = add(&mut catalog, &wanted, rules(jobs), &slow);
        assert!(tale.iter().all(|line| line.contains(": added ")), "{tale:?}");
        assert_eq!(slow.parts.into_inner(), 6);
    }
}

/// Of layers that several images need one copy is damaged: the others are read.
#[test]
fn a_failed_read_lets_the_next_image_try() {
    let dir = tempfile::tempdir().unwrap();
    let shared = layer("shared", 5);
    let of = |at: usize| image(&format!("image-{at}:1"), &[shared.clone(), layer("own", at + 1)]);
    let images: Vec<Image> = (0..10).map(of).collect();
    let wanted = wanted(dir.path(), &images);
    let digest = images[0].diff_ids()[0].replace("sha256:", "");
    for damaged in [0, 1, 4] {
        let blob = dir.path().join(format!("layout-{damaged}/blobs/sha256/{digest}"));
        let mut bytes = std::fs::read(&blob).unwrap();
        bytes[700] ^= 1;
        std::fs::write(&blob, bytes).unwrap();
    }
    for jobs in [1, 8] {
        let mut catalog = new_catalog(dir.path(), &format!("jobs-{jobs}"));
        let tale = add(&mut catalog, &wanted, rules(jobs), &Slow::default());
        let failed: Vec<bool> = tale.iter().map(|line| line.contains("digest mismatch")).collect();
        // The third brought it, so that nobody reads the copy of the fifth.
        let expected: Vec<bool> = (0..10).map(|at| at < 2).collect();
        assert_eq!(failed, expected, "{tale:?}");
    }
}

/// What an image that failed had read is not in the catalog, so others have to read their own copy,
/// even if they had it from there already.
#[test]
fn what_an_image_that_failed_had_read_counts_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let shared = layer("shared", 5);
    let of = |at: usize| image(&format!("image-{at}:1"), &[shared.clone(), layer("own", at + 1)]);
    let images: Vec<Image> =
        [of(0).defect(Defect::GarbageBlob(1)), of(1), of(2), of(3)].into_iter().collect();
    let wanted = wanted(dir.path(), &images);
    let digest = images[0].diff_ids()[0].replace("sha256:", "");
    let blob = dir.path().join(format!("layout-1/blobs/sha256/{digest}"));
    let mut bytes = std::fs::read(&blob).unwrap();
    bytes[700] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    for jobs in [1, 8] {
        let mut catalog = new_catalog(dir.path(), &format!("jobs-{jobs}"));
        let slow = Slow { wait: Duration::from_millis(5), ..Slow::default() };
        let tale = add(&mut catalog, &wanted, rules(jobs), &slow);
        let added: Vec<bool> = tale.iter().map(|line| line.contains(": added ")).collect();
        assert_eq!(added, [false, false, true, true], "{tale:?}");
        assert!(tale[1].contains("digest mismatch"), "{tale:?}");
        assert!(tale[2].contains("added 2 of 2") && tale[3].contains("added 1 of 2"), "{tale:?}");
    }
}

#[test]
fn a_run_that_was_stopped_is_taken_up_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let of = |at: usize| {
        image(&format!("image-{at}:1"), &[layer("base", 10), layer(&format!("own-{at}"), 2)])
    };
    let images: Vec<Image> = (0..30).map(of).collect();
    let wanted = wanted(dir.path(), &images);
    let mut whole = new_catalog(dir.path(), "whole");
    add(&mut whole, &wanted, rules(4), &NoProgress);

    let mut catalog = new_catalog(dir.path(), "stopped");
    let mut told = 0;
    let stopped = add_all(&mut catalog, &wanted, rules(4), &ReadOptions::default(), |_, it| {
        told += usize::from(matches!(it, Told::Image { .. }));
        if told == 12 { Err("enough") } else { Ok(()) }
    });
    assert_eq!(stopped, Err("enough"));
    assert_eq!(catalog.image_count().unwrap(), 12);
    let slow = Slow::default();
    let tale = add(&mut catalog, &wanted, rules(4), &slow);
    let unchanged = tale.iter().filter(|line| line.contains(": unchanged 0 of 2, 0")).count();
    assert_eq!(unchanged, 12);
    assert_eq!(slow.parts.into_inner(), 18);
    assert_eq!(content(&catalog), content(&whole));
}

#[test]
fn a_name_goes_on_to_other_content_only_if_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let image = |own: &str| image("app:latest", &[layer("base", 10), layer(own, 2)]);
    let wanted = wanted(dir.path(), &[image("one"), image("two"), image("one")]);
    let replace = Rules { jobs: 4, replace: true };
    let mut catalog = new_catalog(dir.path(), "catalog");
    let refused = add(&mut catalog, &wanted, rules(4), &NoProgress);
    assert!(refused[1].contains("\"app:latest\""), "{refused:?}");
    assert!(refused[2].contains("unchanged"), "{refused:?}");
    let before = content(&catalog);
    // The last is what is there, but not when its turn comes.
    for jobs in [1, 8] {
        let rules = Rules { jobs, ..replace };
        let tale = add(&mut catalog, &wanted, rules, &NoProgress);
        let words: Vec<&str> = tale.iter().map(|it| it.split(' ').nth(2).unwrap()).collect();
        assert_eq!(words, ["unchanged", "replaced", "replaced"], "{tale:?}");
        assert!(tale[2].ends_with(&format!("replaced 1 of 2, {}", own_bytes(&image("one")))));
        assert_eq!(catalog.image_count().unwrap(), 1);
        let paths = |text: &str| text.contains("name: \"app:latest\"");
        assert!(paths(&content(&catalog)) && paths(&before));
    }
}

fn own_bytes(image: &Image) -> usize {
    image.layer_tars()[1].len()
}

#[test]
fn one_name_is_for_one_image() {
    let dir = tempfile::tempdir().unwrap();
    let images = [image("a:1", &[layer("a", 1)]), image("b:1", &[layer("b", 1)])];
    write_oci_layout(dir.path(), &images, &OciOptions::default()).unwrap();
    let wanted = [want(&format!("oci:{}", dir.path().display()), Some("mine"))];
    let mut catalog = new_catalog(dir.path(), "catalog");
    let options = ReadOptions { all: true, ..ReadOptions::default() };
    let mut tale = Vec::new();
    let Ok(()) = add_all(&mut catalog, &wanted, rules(2), &options, |_, told| {
        if let Told::Failed(error) = told {
            tale.push(error.to_string());
        }
        Ok::<_, Infallible>(())
    });
    assert_eq!(tale, ["\"mine\" names one image, but 2 are there"]);
}

/// A worker that panics must not leave the others, and the caller, waiting.
#[test]
fn a_panic_of_a_reader_comes_out() {
    struct Panics;
    impl Progress for Panics {
        fn expect(&self, _bytes: u64) {}
        fn advance(&self, _bytes: u64) {
            std::panic::resume_unwind(Box::new("as the test wants it"));
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let images: Vec<Image> =
        (0..5).map(|at| image(&format!("a:{at}"), &[layer(&format!("{at}"), 1)])).collect();
    let wanted = wanted(dir.path(), &images);
    let caught = std::panic::catch_unwind(|| {
        let mut catalog = new_catalog(dir.path(), "catalog");
        add(&mut catalog, &wanted, rules(3), &Panics)
    });
    assert!(caught.is_err());
}
