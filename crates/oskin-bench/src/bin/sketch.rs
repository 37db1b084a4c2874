//! `sketch`: how far sketches are from the truth, and large files of them to measure the search on.
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use oskin::catalog::Catalog;
use oskin::measure::{Estimate, Measure, OverlapMatrix, Probe, Sketch, path_hash};
use oskin::path_set::{Overlap, PathSet, Selection};
use oskin::sketch_file::{SketchHead, SketchWriter};
use oskin_bench::Corpus;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// How far sketches are from the truth, and large files of them to measure the search on
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The errors over all pairs of a catalog
    Errors {
        /// The catalog
        catalog: PathBuf,
        /// How many hashes a sketch keeps
        #[arg(long, value_delimiter = ',', default_value = "256,1024,4096")]
        hashes: Vec<usize>,
    },
    /// A file of the sketches of a corpus
    File {
        /// The corpus, with its path texts beside it
        corpus: PathBuf,
        /// The file to write
        out: PathBuf,
        /// How many hashes a sketch keeps
        #[arg(long, default_value_t = 1024)]
        hashes: usize,
        /// How often each image is written, under another name
        #[arg(long, default_value_t = 1)]
        times: usize,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Errors { catalog, hashes } => errors(&catalog, &hashes),
        Command::File { corpus, out, hashes, times } => file(&corpus, &out, hashes, times),
    }
}

fn errors(path: &Path, sizes: &[usize]) -> Result<()> {
    let catalog = Catalog::open(path)?;
    let mut hashes_of = catalog.path_hashes()?;
    let mut sets = Vec::new();
    let mut hashes = Vec::new();
    for (id, _) in catalog.names()? {
        let set = catalog.path_set(id, Selection::Both)?;
        hashes.push(hashes_of.of(&set)?);
        sets.push(set);
    }
    let truth = OverlapMatrix::from_sets(&sets.iter().collect::<Vec<&PathSet>>());
    println!("{} images, errors of Dice of both", sets.len());
    let probes: Vec<Probe> =
        hashes.iter().map(|all| Probe::new(Sketch::new(all.clone(), usize::MAX))).collect();
    for &k in sizes {
        let sketches: Vec<Sketch> = hashes.iter().map(|all| Sketch::new(all.clone(), k)).collect();
        let bytes = sketches.iter().map(|sketch| sketch.hashes().len() * 8 + 40).sum::<usize>();
        println!("k {k}: {} bytes an image", bytes / sketches.len().max(1));
        let whole = |i: usize, j: usize| probes[i].estimate(&sketches[j]);
        let both = |i: usize, j: usize| sketches[i].estimate(&sketches[j]);
        Errors::over(&truth, &whole).print("one side whole");
        Errors::over(&truth, &both).print("both sampled");
        plain(&truth, &sketches).print("both, J/(1+J)(a+b)");
        nearest(&truth, &whole);
    }
    Ok(())
}

/// What was met over all pairs.
#[derive(Debug, Default)]
struct Errors {
    all: Vec<f64>,
    // Of pairs with a true Dice of 0.9 and more.
    near: Vec<f64>,
    exact: usize,
    held: usize,
    width: f64,
}

impl Errors {
    fn over(truth: &OverlapMatrix, estimate: &dyn Fn(usize, usize) -> Estimate) -> Self {
        let mut errors = Self::default();
        for i in 0..truth.len() {
            // The one that is asked for is left, and not always the older one.
            for j in (0..truth.len()).filter(|j| i != *j && (i + j) % 2 == usize::from(i < *j)) {
                let overlap = truth.overlap(i, j);
                let found = estimate(i, j);
                let (low, high) = found.bounds();
                if found.is_exact() {
                    errors.exact += 1;
                    assert_eq!(found.overlap(), overlap, "images {i} and {j}");
                } else {
                    let holds = low.common <= overlap.common && overlap.common <= high.common;
                    errors.held += usize::from(holds);
                    errors.width += Measure::Dice.of(high) - Measure::Dice.of(low);
                }
                errors.push(overlap, Measure::Dice.of(found.overlap()));
            }
        }
        errors
    }

    fn push(&mut self, overlap: Overlap, dice: f64) {
        let truth = Measure::Dice.of(overlap);
        let error = (dice - truth).abs();
        self.all.push(error);
        if truth >= 0.9 {
            self.near.push(error);
        }
    }

    fn print(mut self, what: &str) {
        let pairs = self.all.len();
        let estimated = (pairs - self.exact).max(1) as f64;
        let intervals = if self.width > 0.0 {
            format!(
                "; intervals hold {:.2} %, mean width {:.4}; {} pairs exact",
                100.0 * self.held as f64 / estimated,
                self.width / estimated,
                self.exact
            )
        } else {
            String::new()
        };
        println!("  {what}: {} {intervals}", figures(&mut self.all));
        println!("  {what}, Dice >= 0.9: {}", figures(&mut self.near));
    }
}

/// The mean, the 99th percentile and the largest of errors.
fn figures(errors: &mut [f64]) -> String {
    errors.sort_unstable_by(f64::total_cmp);
    let count = errors.len();
    let mean = errors.iter().sum::<f64>() / count.max(1) as f64;
    let at = |share: usize| errors.get(count.saturating_sub(1) * share / 100).copied();
    format!(
        "{count} pairs, mean {mean:.5}, p99 {:.4}, max {:.4}",
        at(99).unwrap_or_default(),
        at(100).unwrap_or_default()
    )
}

/// The textbook estimate, from the resemblance of the sample of the union alone.
fn plain(truth: &OverlapMatrix, sketches: &[Sketch]) -> Errors {
    let mut errors = Errors::default();
    for i in 0..truth.len() {
        for j in 0..i {
            let (left, right) = (sketches[i].hashes(), sketches[j].hashes());
            let mut union: Vec<u64> = [left, right].concat();
            union.sort_unstable();
            union.dedup();
            union.truncate(left.len().max(right.len()));
            let both =
                |hash: &&u64| left.binary_search(hash).is_ok() && right.binary_search(hash).is_ok();
            let resemblance = union.iter().filter(both).count() as f64 / union.len().max(1) as f64;
            errors.push(truth.overlap(i, j), 2.0 * resemblance / (1.0 + resemblance));
        }
    }
    errors
}

/// Whether the nearest images are found.
fn nearest(truth: &OverlapMatrix, estimate: &dyn Fn(usize, usize) -> Estimate) {
    let (mut lost, mut lost_most, mut first, mut among) = (0.0, 0.0_f64, 0, 0);
    for i in 0..truth.len() {
        let of = |j: usize| Measure::Dice.of(truth.overlap(i, j));
        let mut order: Vec<(f64, usize)> = (0..truth.len())
            .filter(|j| *j != i)
            .map(|j| (Measure::Dice.of(estimate(i, j).overlap()), j))
            .collect();
        order.sort_by(|left, right| right.0.total_cmp(&left.0));
        let best = order.iter().map(|(_, j)| of(*j)).fold(0.0, f64::max);
        let Some((_, found)) = order.first() else { continue };
        let behind = best - of(*found);
        lost += behind;
        lost_most = lost_most.max(behind);
        first += usize::from(behind <= 0.0);
        among += usize::from(order.iter().take(10).any(|(_, j)| of(*j) >= best));
    }
    let count = truth.len().max(1) as f64;
    println!(
        "  nearest: first is a truly nearest one for {:.1} %, among the first ten for {:.1} %; \
         Dice lost by taking the first: mean {:.5}, max {:.4}",
        100.0 * f64::from(u32::try_from(first).unwrap_or_default()) / count,
        100.0 * f64::from(u32::try_from(among).unwrap_or_default()) / count,
        lost / count,
        lost_most
    );
}

fn file(path: &Path, out: &Path, k: usize, times: usize) -> Result<()> {
    let corpus = Corpus::open_first(path, usize::MAX)?;
    let texts = corpus.read_paths(path)?;
    let hashes: Vec<u64> = (0..corpus.paths).map(|id| path_hash(texts.get(id).0)).collect();
    let sets = corpus.path_sets(usize::MAX);
    let out = BufWriter::with_capacity(1 << 20, File::create(out).context("the file to write")?);
    let mut writer = SketchWriter::new(out, SketchHead { selection: Selection::Both, hashes: k })?;
    for time in 0..times {
        for (image, set) in sets.iter().enumerate() {
            let all = set.ids().map(|id| hashes[id as usize]).collect();
            writer.write(&format!("{time}/{image}"), all)?;
        }
    }
    println!("{} sketches", writer.finish()?);
    Ok(())
}
