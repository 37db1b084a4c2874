//! `engine`: measures the all-pairs engine on a corpus, in CPU seconds of this process.
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use oskin::measure::{Family, OverlapMatrix, Rows, find_relatives};
use oskin::path_set::PathSet;
use oskin_bench::{Corpus, dense};
use rustix::time::{ClockId, clock_gettime};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

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
    /// The matrix as `oskin matrix` finds it: by dense panels of classes below 4,000 images
    Matrix,
    /// Differences from the parents are at hand, as a catalog keeps them
    Known,
    /// A bit for each shared path and image, on one thread
    Dense,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let corpus = Corpus::open_first(&arguments.file, arguments.first)?;
    let needs_sets = arguments.engines.iter().any(|engine| *engine != Engine::Known);
    let sets = if needs_sets { corpus.path_sets(usize::MAX) } else { Vec::new() };
    println!("images {}  input {:.0} MB", corpus.images.len(), peak_mb());
    let mut expected = None;
    for round in 0..arguments.rounds {
        for engine in &arguments.engines {
            let sum = match engine {
                Engine::Known => {
                    let copy = corpus.images.clone();
                    let start = cpu_seconds();
                    let told = copy.into_iter().map(|image| {
                        let delta =
                            oskin::path_set::Delta { added: image.added, removed: image.removed };
                        (image.parent, delta)
                    });
                    stream("known", start, &Family::from_deltas(told.collect()))
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
                    println!("matrix: {:.4} s, peak {:.0} MB", cpu_seconds() - start, peak_mb());
                    matrix.common.iter().map(|common| u64::from(*common)).sum()
                }
                Engine::Dense => {
                    let start = cpu_seconds();
                    let common = dense::overlaps(&sets, corpus.paths);
                    println!("dense: {:.3} s, peak {:.0} MB", cpu_seconds() - start, peak_mb());
                    common.iter().map(|common| u64::from(*common)).sum()
                }
            };
            ensure!(
                *expected.get_or_insert(sum) == sum,
                "round {round}, {engine:?}: the overlaps sum up to {sum}, before to {expected:?}"
            );
        }
    }
    println!("all overlaps sum up to {}", expected.unwrap_or_default());
    Ok(())
}

/// Counts all pairs and prints what that cost since `start`; returns the sum of all overlaps.
fn stream(name: &str, start: f64, family: &Family) -> u64 {
    let prepare = cpu_seconds();
    let rows = Rows::counting(family);
    let count = cpu_seconds();
    let sum = AtomicU64::new(0);
    rows.for_each(|row| {
        let of_row = row.common.iter().map(|common| u64::from(*common)).sum();
        sum.fetch_add(of_row, Ordering::Relaxed);
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
    sum.into_inner()
}

/// The CPU time of all threads of this process.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The most memory that this process has had, as the kernel counts it.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}
