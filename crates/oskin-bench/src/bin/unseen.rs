//! `unseen`: measures questions to the index by images that it does not hold, beside posting lists.
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use oskin::catalog::Catalog;
use oskin::measure::{Measure, OverlapIndex, Scratch};
use oskin::path_set::{Delta, PathSet, Selection};
use oskin_bench::Corpus;
use oskin_bench::clock::{cpu_seconds, peak_mb, thread_seconds};
use oskin_bench::postings::Postings;
use std::path::{Path, PathBuf};

/// Measures the ten nearest of unseen images, exact, in CPU seconds
#[derive(Debug, Parser)]
struct Arguments {
    /// The corpus file; its queries lie beside it
    file: PathBuf,
    /// Only so many queries
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    queries: usize,
    /// How often all queries are asked, the index and the posting lists in turn
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// By which images the index tells another
    #[arg(long, value_enum, default_value_t = Relatives::Closest)]
    relatives: Relatives,
    /// Ask this catalog too, which holds the corpus
    #[arg(long)]
    catalog: Option<PathBuf>,
    /// Ask the index alone: posting lists of large corpora need much memory
    #[arg(long)]
    alone: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Relatives {
    /// Those that differ in the fewest paths, found by asking the index, as a catalog does
    Closest,
    /// The declared parents
    Parents,
}

/// How many of the nearest are asked for.
const TOP: usize = 10;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let corpus = Corpus::open(&arguments.file)?;
    let queries = corpus.open_queries(&arguments.file)?;
    let asked: Vec<PathSet> =
        corpus.query_sets(&queries).into_iter().take(arguments.queries).collect();
    let images = corpus.images.len();
    let start = cpu_seconds();
    let mut scratch = Scratch::default();
    let index = fill(&corpus, arguments.relatives, &mut scratch);
    let built = cpu_seconds() - start;
    let index_bytes = index.size_bytes();
    println!(
        "{images} images, {} queries; index: {} nodes, {index_bytes} bytes, {} an image, built in \
         {built:.2} s, peak {:.0} MB",
        asked.len(),
        index.nodes().len(),
        index_bytes / images.max(1),
        peak_mb()
    );
    let postings = (!arguments.alone).then(|| Postings::of(&corpus));
    if let Some(postings) = &postings {
        let bytes = postings.size_bytes();
        println!(
            "posting lists: {bytes} bytes, {} an image, {:.1} times the index",
            bytes / images.max(1),
            bytes as f64 / index_bytes as f64
        );
    }
    let mut times = [Vec::new(), Vec::new()];
    // The first round warms the memory up, and compares the answers.
    for round in 0..=arguments.rounds {
        let mut answers = Vec::new();
        for set in &asked {
            let start = thread_seconds();
            let common = index.overlaps(set, &mut scratch);
            let near = index.nearest((&common, set.len()), Measure::Dice, 0.0, TOP);
            times[0].push(thread_seconds() - start);
            ensure!(near.len() == TOP.min(images), "fewer images than asked for");
            if round == 0 {
                answers.push(common);
            }
        }
        for (at, set) in asked.iter().enumerate() {
            let Some(postings) = &postings else { break };
            let start = thread_seconds();
            let common = postings.overlaps(set);
            // The choice of the best is the same code, so that only the overlaps differ.
            index.nearest((&common, set.len()), Measure::Dice, 0.0, TOP);
            times[1].push(thread_seconds() - start);
            ensure!(answers.get(at).is_none_or(|answer| *answer == common), "overlaps differ");
        }
        if round == 0 {
            times = [Vec::new(), Vec::new()];
        }
    }
    for (name, times) in ["index", "posting lists"].into_iter().zip(times) {
        print_times(name, times);
    }
    match arguments.catalog {
        Some(catalog) => ask_catalog((&corpus, &arguments.file), &catalog, &asked, &index),
        None => Ok(()),
    }
}

fn print_times(name: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let Some(last) = times.len().checked_sub(1) else { return };
    let at = |percent: usize| times[last * percent / 100] * 1e3;
    println!("{name}: p50 {:.3} ms, p99 {:.3} ms, most {:.3} ms", at(50), at(99), at(100));
}

/// Asks a catalog, first opened and then open, and compares what it answers with the index.
fn ask_catalog(
    (corpus, file): (&Corpus, &Path),
    catalog: &Path,
    asked: &[PathSet],
    index: &OverlapIndex,
) -> Result<()> {
    let texts = corpus.read_paths(file)?;
    let (mut scratch, mut lookups, mut first, mut later) =
        (Scratch::default(), vec![], vec![], vec![]);
    let open = Catalog::open(catalog)?;
    for set in asked {
        let paths: Vec<&[u8]> =
            set.ids().take_while(|id| *id < corpus.paths).map(|id| texts.get(id).0).collect();
        let start = thread_seconds();
        let known = open.path_ids(&paths)?;
        lookups.push(thread_seconds() - start);
        // What the corpus does not have lies behind all ids of the catalog.
        let unknown = u32::try_from(set.len())? - u32::try_from(paths.len())?;
        let ids = known.into_iter().flatten().chain((0..unknown).map(|id| u32::MAX - 1 - id));
        let ids = PathSet::from_unsorted(ids.collect());
        let start = thread_seconds();
        let anew = Catalog::open(catalog)?;
        anew.nearest((&ids, Selection::Both), Measure::Dice, 0.0, TOP)?;
        let middle = thread_seconds();
        let near = open.nearest((&ids, Selection::Both), Measure::Dice, 0.0, TOP)?;
        first.push(middle - start);
        later.push(thread_seconds() - middle);
        let common = index.overlaps(set, &mut scratch);
        let wanted = index.nearest((&common, set.len()), Measure::Dice, 0.0, TOP);
        let same = near.iter().map(|near| near.overlap).eq(wanted.iter().map(|near| near.overlap));
        ensure!(same, "the catalog answers otherwise");
    }
    print_times("catalog, looking up the paths", lookups);
    print_times("catalog, opened for each question", first);
    print_times("catalog, open", later);
    Ok(())
}

/// The index of a corpus, filled image by image.
fn fill(corpus: &Corpus, relatives: Relatives, scratch: &mut Scratch) -> OverlapIndex {
    let mut index = OverlapIndex::default();
    let mut sets: Vec<PathSet> = Vec::with_capacity(corpus.images.len());
    for image in &corpus.images {
        let set_of = |number: Option<u32>, sets: &[PathSet]| {
            number.map(|number| sets[number as usize].clone()).unwrap_or_default()
        };
        let set = image.apply(&set_of(image.parent, &sets));
        let relative = match relatives {
            Relatives::Parents => image.parent,
            Relatives::Closest => {
                let common = index.overlaps(&set, scratch);
                index.closest((&common, set.len()))
            }
        };
        index.add(relative, &Delta::between(&set_of(relative, &sets), &set));
        sets.push(set);
    }
    index
}
