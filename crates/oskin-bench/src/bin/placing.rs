//! `placing`: measures how long it takes to place images that a catalog does not hold.
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use anyhow::Result;
use clap::Parser;
use oskin::catalog::Catalog;
use oskin::inventory::Inventory;
use oskin::measure::Measure;
use oskin::path_set::{PathSet, Selection};
use oskin::placement::{Subject, place};
use oskin_bench::Corpus;
use oskin_bench::clock::thread_seconds;
use std::path::PathBuf;

/// Measures placing unseen images by their paths, in CPU seconds of this thread, looking up their
/// paths not included
#[derive(Debug, Parser)]
struct Arguments {
    /// The corpus file; its queries and its paths lie beside it
    file: PathBuf,
    /// The catalog that holds the corpus
    catalog: PathBuf,
    /// Only so many queries
    #[arg(long, default_value_t = 100)]
    queries: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let corpus = Corpus::open(&arguments.file)?;
    let queries = corpus.open_queries(&arguments.file)?;
    let texts = corpus.read_paths(&arguments.file)?;
    let open = Catalog::open(&arguments.catalog)?;
    let (mut opening, mut ranking, mut first, mut all, mut later) =
        (vec![], vec![], vec![], vec![], vec![]);
    let mut steps = 0;
    for set in corpus.query_sets(&queries).into_iter().take(arguments.queries) {
        let known: Vec<u32> = set.ids().take_while(|id| *id < corpus.paths).collect();
        let files = known.iter().map(|id| texts.get(*id)).filter(|(_, directory)| !directory);
        let paths: Vec<&[u8]> = files.map(|(path, _)| path).collect();
        let unknown = u32::try_from(set.len())? - u32::try_from(known.len())?;
        let ids = open.path_ids(&paths)?.into_iter().flatten();
        let files =
            PathSet::from_unsorted(ids.chain((0..unknown).map(|id| u32::MAX - 1 - id)).collect());
        let entries = || Ok(Inventory::default());
        let subject = Subject {
            id: None,
            files: &files,
            chain: None,
            declared: None,
            has_contents: false,
            is_step: false,
            entries: &entries,
        };
        let start = thread_seconds();
        let anew = Catalog::open(&arguments.catalog)?;
        anew.nearest((&files, Selection::Both), Measure::Dice, 0.0, 10)?;
        let opened = thread_seconds();
        anew.rank(&files)?;
        let ranked = thread_seconds();
        place(&anew, subject)?;
        let placed = thread_seconds();
        steps += place(&open, subject)?.steps.len();
        opening.push(opened - start);
        ranking.push(ranked - opened);
        first.push(placed - ranked);
        all.push(placed - start);
        later.push(thread_seconds() - placed);
    }
    println!("{} images, {} queries, {steps} steps", corpus.images.len(), later.len());
    for (name, mut times) in [
        ("opening the catalog, ten nearest", opening),
        ("weighing all images and ranking one", ranking),
        ("placing after that", first),
        ("all of that", all),
        ("placing again and again", later),
    ] {
        times.sort_by(f64::total_cmp);
        let Some(last) = times.len().checked_sub(1) else { continue };
        let at = |percent: usize| times[last * percent / 100] * 1e3;
        println!("{name}: p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms", at(50), at(99), at(100));
    }
    Ok(())
}
