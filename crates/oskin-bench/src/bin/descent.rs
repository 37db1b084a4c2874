//! `descent`: how many images a walk down from the bases looks at, and how often it is right.
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use anyhow::{Context as _, Result};
use clap::Parser;
use oskin::measure::{Branch, Descent, Forest, Measure, OverlapIndex, Scratch, nearest};
use oskin::path_set::{Delta, PathSet};
use oskin_bench::Corpus;
use oskin_bench::clock::thread_seconds;
use std::path::PathBuf;

/// Measures the search for the nearest image that walks down a forest, beside the exact answer
#[derive(Debug, Parser)]
struct Arguments {
    /// The corpus file; its queries lie beside it
    file: PathBuf,
    /// Only so many queries
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    queries: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let corpus = Corpus::open(&arguments.file)?;
    let queries = corpus.open_queries(&arguments.file)?;
    let asked: Vec<PathSet> =
        corpus.query_sets(&queries).into_iter().take(arguments.queries).collect();
    let sets = corpus.path_sets(usize::MAX);
    let (mut index, mut scratch) = (OverlapIndex::default(), Scratch::default());
    let (mut closest, mut declared) = (Vec::new(), Vec::new());
    for (set, image) in sets.iter().zip(&corpus.images) {
        let common = index.overlaps(set, &mut scratch);
        let relative = index.closest((&common, set.len()));
        let told_by = |parent: Option<u32>| {
            let base = parent.map(|it| sets[it as usize].clone()).unwrap_or_default();
            Delta::between(&base, set)
        };
        let delta = told_by(relative);
        for (branches, parent) in [(&mut closest, relative), (&mut declared, image.parent)] {
            let added = told_by(parent).added.len();
            branches.push(Branch { parent, size: set.len(), added, counts: true });
        }
        index.add(relative, &delta);
    }
    println!("{} images, {} queries", sets.len(), asked.len());
    let exact: Vec<Vec<u32>> = asked.iter().map(|set| index.overlaps(set, &mut scratch)).collect();
    for (name, branches) in [("told by the closest", closest), ("told by the parent", declared)] {
        let roots = branches.iter().filter(|branch| branch.parent.is_none()).count();
        let forest = Forest::new(branches).context("a parent comes after its child")?;
        println!("{name}: {roots} roots");
        for beam in [1, 2, 4, 8, 16, 32, 64] {
            judge(&format!("beam {beam}"), &forest, &asked, &exact, |forest, size, look| {
                forest.walk_down((size, Measure::Dice), 1, beam, look)
            });
        }
        for (step, share) in [1, 2, 3, 5, 10, 15, 100]
            .map(|share| (4, share))
            .into_iter()
            .chain([(1, 100), (16, 100)])
        {
            let limit = forest.len() * share / 100;
            let name = format!("bound, {step} at a time, {share} % at most");
            judge(&name, &forest, &asked, &exact, |forest, size, look| {
                forest.search((size, Measure::Dice), 1, (step, limit), look)
            });
        }
    }
    Ok(())
}

fn judge(
    name: &str,
    forest: &Forest,
    asked: &[PathSet],
    exact: &[Vec<u32>],
    search: impl Fn(&Forest, u64, &dyn Fn(u32) -> u64) -> Descent,
) {
    let (mut agree, mut proven, mut looked, mut worst) = (0_u64, 0_u64, 0, 0);
    let start = thread_seconds();
    for (set, common) in asked.iter().zip(exact) {
        let look = |number: u32| u64::from(common[number as usize]);
        let found = search(forest, set.len(), &look);
        let best = nearest(found.nearest.iter().copied(), 1).first().map_or(0.0, |it| it.value);
        agree += u64::from((best - best_of(forest, set.len(), common)).abs() < 1e-12);
        proven += u64::from(found.is_proven);
        looked += found.looked_at;
        worst = worst.max(found.looked_at);
    }
    let each = |count: u64| 100.0 * count as f64 / asked.len().max(1) as f64;
    println!(
        "  {name}: looked at {:.2} % (most {:.2} %), agrees {:.1} %, proven {:.1} %, {:.3} ms a query",
        100.0 * looked as f64 / (asked.len() * forest.len()).max(1) as f64,
        100.0 * worst as f64 / forest.len().max(1) as f64,
        each(agree),
        each(proven),
        (thread_seconds() - start) * 1e3 / asked.len().max(1) as f64,
    );
}

fn best_of(forest: &Forest, size: u64, common: &[u32]) -> f64 {
    let value = |(common, branch): (&u32, &Branch)| {
        Measure::Dice.of(oskin::path_set::Overlap::of_sizes((*common).into(), size, branch.size))
    };
    common.iter().zip(forest.branches()).map(value).fold(0.0, f64::max)
}
