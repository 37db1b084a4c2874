//! `engine`: measures the all-pairs engine on a corpus, in CPU seconds of this process.
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use oskin::measure::{
    AllPairs, Family, OverlapIndex, OverlapMatrix, Rows, Scratch, find_relatives,
};
use oskin::path_set::{Delta, PathSet};
use oskin_bench::clock::{cpu_seconds, peak_mb};
use oskin_bench::{Corpus, dense};
use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{self, AtomicU64};
use std::sync::{Mutex, PoisonError};

/// Measures the all-pairs engine on a corpus, in CPU seconds of this process
#[derive(Debug, Parser)]
struct Arguments {
    /// The corpus file
    file: PathBuf,
    /// What is measured, in turn
    #[arg(long, value_delimiter = ',', default_value = "known,search")]
    engines: Vec<Engine>,
    /// How often
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only so many images
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    first: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// Relatives are found in the sets, then the rows are counted
    Search,
    /// Differences from the closest earlier images are at hand, as a catalog keeps them
    Closest,
    /// The matrix as `oskin matrix` finds it: by dense panels of classes below 4,000 images
    Matrix,
    /// Differences from the declared parents are at hand
    Known,
    /// Whole rows in the order of the images, as `oskin matrix` writes them: each pair twice
    Rows,
    /// A bit for each shared path and image, on one thread
    Dense,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let corpus = Corpus::open_first(&arguments.file, arguments.first)?;
    let needs_sets = arguments.engines.iter().any(|engine| *engine != Engine::Known);
    let sets = if needs_sets { corpus.path_sets(usize::MAX) } else { Vec::new() };
    println!("images {}  input {:.0} MB", corpus.images.len(), peak_mb());
    let (mut expected, mut closest) = (None, None);
    for round in 0..arguments.rounds {
        for engine in &arguments.engines {
            let sums = match engine {
                Engine::Known => {
                    let told = corpus.images.iter().map(|image| {
                        let (added, removed) = (image.added.clone(), image.removed.clone());
                        (image.parent, Delta { added, removed })
                    });
                    let told = told.collect();
                    let start = cpu_seconds();
                    stream("known", start, &Family::from_deltas(told))
                }
                Engine::Closest => {
                    let told = closest.get_or_insert_with(|| told_by_closest(&sets)).clone();
                    let start = cpu_seconds();
                    stream("closest", start, &Family::from_deltas(told))
                }
                Engine::Search => {
                    let start = cpu_seconds();
                    let sets: Vec<&PathSet> = sets.iter().collect();
                    let relatives = find_relatives(&sets);
                    print!("search for relatives {:.3}  ", cpu_seconds() - start);
                    stream("search", start, &Family::from_sets(&sets, &relatives))
                }
                Engine::Matrix => {
                    let start = cpu_seconds();
                    let matrix = OverlapMatrix::from_sets(&sets.iter().collect::<Vec<_>>());
                    println!("matrix: {:.6} s, peak {:.0} MB", cpu_seconds() - start, peak_mb());
                    Sums::of_triangle(&matrix.common, sets.len())
                }
                Engine::Rows => whole_rows(&sets),
                Engine::Dense => {
                    let start = cpu_seconds();
                    let common = dense::overlaps(&sets, corpus.paths);
                    println!("dense: {:.3} s, peak {:.0} MB", cpu_seconds() - start, peak_mb());
                    Sums::of_triangle(&common, sets.len())
                }
            };
            ensure!(
                *expected.get_or_insert(sums) == sums,
                "round {round}, {engine:?}: the overlaps come to {sums:?}, before to {expected:?}"
            );
        }
    }
    let Sums { sum, hash } = expected.unwrap_or_default();
    println!("all overlaps sum up to {sum}, hash {hash}");
    Ok(())
}

/// What all overlaps come to, in whatever order they are added; never part of what is timed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    sum: u64,
    /// The sum of all overlaps, each times the hash of its pair: a sum alone would not see counts
    /// that stand in each other's place. `peers/measure.py` computes the same.
    hash: u64,
}

impl Sums {
    fn add(&mut self, i: usize, j: usize, common: u32) {
        self.sum += u64::from(common);
        let pair = (i.min(j) as u64) << 32 | i.max(j) as u64;
        self.hash = self.hash.wrapping_add(u64::from(common).wrapping_mul(hash64(pair)));
    }

    /// The sums of a strict upper triangle, row by row.
    fn of_triangle(common: &[u32], count: usize) -> Self {
        let mut sums = Self::default();
        let pairs = (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j)));
        for ((i, j), &common) in pairs.zip(common) {
            sums.add(i, j, common);
        }
        sums
    }
}

/// A number as good as random for each number: the output function of `SplitMix64` (Steele, Lea and
/// Flood 2014), for the number after it.
fn hash64(number: u64) -> u64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Streams whole rows and prints what that cost; returns the sums over the pairs of each row with
/// later images, after the other half of the rows has been found to be the same.
fn whole_rows(sets: &[PathSet]) -> Sums {
    let start = cpu_seconds();
    let pairs = AllPairs::from_sets(&sets.iter().collect::<Vec<_>>());
    let prepared = cpu_seconds();
    let mut sum = 0_u64;
    let flow: ControlFlow<()> = pairs.for_each_row(|row| {
        sum += row.common.iter().map(|common| u64::from(*common)).sum::<u64>();
        ControlFlow::Continue(())
    });
    let end = cpu_seconds();
    println!(
        "rows: {:.3} s (prepare {:.3}, rows {:.3}), peak {:.0} MB",
        end - start,
        prepared - start,
        end - prepared,
        peak_mb()
    );
    let (mut later, mut earlier) = (Sums::default(), Sums::default());
    let again: ControlFlow<()> = pairs.for_each_row(|row| {
        for (other, &common) in row.common.iter().enumerate() {
            match other.cmp(&row.set) {
                Ordering::Less => earlier.add(row.set, other, common),
                Ordering::Equal => sum -= u64::from(common),
                Ordering::Greater => later.add(row.set, other, common),
            }
        }
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue() && again.is_continue());
    assert!(later == earlier && sum == 2 * later.sum, "the two halves of the rows differ");
    later
}

/// Tells each set by the closest of those before it, as a catalog does when it is added.
fn told_by_closest(sets: &[PathSet]) -> Vec<(Option<u32>, Delta)> {
    let (mut index, mut scratch) = (OverlapIndex::default(), Scratch::default());
    let tell = |set: &PathSet| {
        let common = index.overlaps(set, &mut scratch);
        let relative = index.closest((&common, set.len()));
        let none = PathSet::default();
        let base = relative.map_or(&none, |relative| &sets[relative as usize]);
        let delta = Delta::between(base, set);
        index.add(relative, &delta);
        (relative, delta)
    };
    sets.iter().map(tell).collect()
}

/// Counts all pairs and prints what that cost since `start`; returns what all overlaps come to.
fn stream(name: &str, start: f64, family: &Family) -> Sums {
    let prepare = cpu_seconds();
    let rows = Rows::counting(family);
    let count = cpu_seconds();
    let sum = AtomicU64::new(0);
    rows.for_each(|row| {
        let of_row = row.common.iter().map(|common| u64::from(*common)).sum();
        sum.fetch_add(of_row, atomic::Ordering::Relaxed);
    });
    let end = cpu_seconds();
    let (events, lines) = rows.steps();
    println!(
        "{name}: {:.3} s (family {:.3}, histories {:.3}, rows {:.3}), {events} events followed, \
         {lines} lines of a panel, peak {:.0} MB",
        end - start,
        prepare - start,
        count - prepare,
        end - count,
        peak_mb()
    );
    // The hash takes another pass, so that it is in no figure.
    let sums = Mutex::new(Sums::default());
    rows.for_each(|row| {
        let mut of_row = Sums::default();
        for (&other, &common) in row.others.iter().zip(row.common) {
            of_row.add(row.set as usize, other as usize, common);
        }
        let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
        sums.sum += of_row.sum;
        sums.hash = sums.hash.wrapping_add(of_row.hash);
    });
    let sums = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(sums.sum, sum.into_inner(), "two passes differ");
    sums
}
