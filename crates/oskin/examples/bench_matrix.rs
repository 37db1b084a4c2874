//! Measures the CPU time of the all-pairs overlaps and of the clustering on real path lists.
//!
//! `cargo run --release --example bench_matrix -- DIR [IMAGES]` reads every `.zip` below `DIR`
//! (`files.txt` and `folders.txt` inside, one path a line), interns the paths image by image and
//! prints the CPU time (not the wall time) of each step: of the first call, which also pays for
//! fresh memory, and the median of many. With `IMAGES` the images are multiplied to that number:
//! each new one is an earlier one that lost and gained some stretches of paths and has a few of
//! its own.
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use oskin::measure::{Dendrogram, Measure, OverlapMatrix};
use oskin::path_set::{PathSet, Selection};
use rustix::time::{ClockId, clock_gettime};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{File, read_dir};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How often each step is repeated at most; slow steps are repeated less.
const MAX_REPEATS: u32 = 101;

/// About how long all repetitions of a step may take together.
const BUDGET_MS: f64 = 3_000.0;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().ok_or("usage: bench_matrix DIR [IMAGES]")?;
    let image_count = arguments.next().map(|text| text.to_string_lossy().parse()).transpose()?;
    let mut zips = Vec::new();
    find_zips(Path::new(&folder), &mut zips)?;
    zips.sort();
    let mut images = read_images(&zips)?;
    if let Some(count) = image_count {
        multiply(&mut images, count);
    }
    println!("{} images", images.len());
    println!("selection    paths       ids      runs  first ms  median ms");
    for selection in Selection::ALL {
        let sets: Vec<PathSet> = images.iter().map(|image| image.select(selection)).collect();
        let sets: Vec<&PathSet> = sets.iter().collect();
        let (first_ms, median_ms) = measure(|| OverlapMatrix::from_sets(&sets));
        println!(
            "{:11} {:>6} {:>9} {:>9} {first_ms:>9.2} {median_ms:>10.2}",
            selection,
            sets.iter().map(|set| set.len()).sum::<u64>() / sets.len().max(1) as u64,
            sets.iter().flat_map(|set| set.ids()).max().map_or(0, |id| u64::from(id) + 1),
            sets.iter().map(|set| set.runs().len()).sum::<usize>(),
        );
    }
    let sets: Vec<PathSet> = images.iter().map(|image| image.select(Selection::Both)).collect();
    let matrix = OverlapMatrix::from_sets(&sets.iter().collect::<Vec<_>>());
    let distances = matrix.distances(Measure::Dice);
    let (first_ms, median_ms) = measure(|| matrix.distances(Measure::Dice));
    println!("distances: first {first_ms:.2} ms, median {median_ms:.2} ms");
    let (first_ms, median_ms) = measure(|| Dendrogram::cluster(&distances, matrix.len()));
    println!("cluster and order: first {first_ms:.2} ms, median {median_ms:.2} ms");
    Ok(())
}

/// The ids of one image.
#[derive(Clone)]
struct Image {
    files: Vec<u32>,
    directories: Vec<u32>,
}

impl Image {
    fn select(&self, selection: Selection) -> PathSet {
        PathSet::from_unsorted(match selection {
            Selection::Files => self.files.clone(),
            Selection::Directories => self.directories.clone(),
            Selection::Both => [&self.files[..], &self.directories].concat(),
        })
    }
}

fn find_zips(folder: &Path, zips: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find_zips(&path, zips)?;
        } else if path.extension().is_some_and(|extension| extension == "zip") {
            zips.push(path);
        }
    }
    Ok(())
}

/// Reads the lists; ids are given in order of the images, and inside one in order of its paths.
fn read_images(zips: &[PathBuf]) -> Result<Vec<Image>, Box<dyn Error>> {
    let mut ids: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    let mut images = Vec::with_capacity(zips.len());
    for zip in zips {
        let mut archive = zip::ZipArchive::new(File::open(zip)?)?;
        let mut lines = |name: &str| -> Result<BTreeSet<Vec<u8>>, Box<dyn Error>> {
            let mut bytes = Vec::new();
            archive.by_name(name)?.read_to_end(&mut bytes)?;
            let paths = bytes.split(|byte| *byte == b'\n').map(|line| {
                line.strip_prefix(b"./").or(line.strip_prefix(b"/")).unwrap_or(line).to_vec()
            });
            Ok(paths.filter(|path| !path.is_empty() && path != b".").collect())
        };
        let (files, directories) = (lines("files.txt")?, lines("folders.txt")?);
        for path in files.union(&directories) {
            let next_id = u32::try_from(ids.len())?;
            ids.entry(path.clone()).or_insert(next_id);
        }
        images.push(Image {
            files: files.iter().map(|path| ids[path]).collect(),
            directories: directories.difference(&files).map(|path| ids[path]).collect(),
        });
    }
    Ok(images)
}

/// Derives images from the ones that are there until there are `count`.
fn multiply(images: &mut Vec<Image>, count: usize) {
    let mut random = Random(0);
    let ids = images.iter().flat_map(|image| image.files.iter().chain(&image.directories)).max();
    let mut next_id = ids.map_or(0, |id| id + 1);
    while !images.is_empty() && images.len() < count {
        let mut image = images[random.below(images.len())].clone();
        for _ in 0..=random.below(6) {
            // A stretch is lost, and one of another image is gained.
            let start = random.below(image.files.len());
            let end = image.files.len().min(start + random.below(100));
            image.files.drain(start..end);
            let other = &images[random.below(images.len())].files;
            let start = random.below(other.len());
            let end = other.len().min(start + random.below(500));
            image.files.extend_from_slice(&other[start..end]);
            image.files.sort_unstable();
            image.files.dedup();
        }
        for _ in 0..random.below(300) {
            image.files.push(next_id);
            next_id += 1;
        }
        images.push(image);
    }
}

/// A small generator of numbers (`SplitMix64`, Steele and others 2014), the same in every run.
struct Random(u64);

impl Random {
    /// A number below `bound`; 0 if the bound is 0.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).unwrap_or(0)
    }
}

/// The CPU time in milliseconds of the first call, and the median of all.
fn measure<T>(mut work: impl FnMut() -> T) -> (f64, f64) {
    let mut once = || {
        let start = cpu_ms();
        std::hint::black_box(work());
        cpu_ms() - start
    };
    let first_ms = once();
    let mut times = vec![first_ms];
    let mut total_ms = first_ms;
    while times.len() < MAX_REPEATS as usize && total_ms < BUDGET_MS {
        times.push(once());
        total_ms += times[times.len() - 1];
    }
    times.sort_by(f64::total_cmp);
    (first_ms, times[times.len() / 2])
}

/// The CPU time that all threads of this process took so far.
fn cpu_ms() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}
