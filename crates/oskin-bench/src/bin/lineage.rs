//! `lineage`: measures the rule of parents by paths alone on a corpus, and judges it by the truth.
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use anyhow::{Context as _, Result};
use clap::Parser;
use oskin::lineage::{Candidates, Survey, Tally};
use oskin::path_set::PathSet;
use oskin_bench::Corpus;
use oskin_bench::clock::{cpu_seconds, peak_mb};
use oskin_bench::corpus::beside;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Measures parents by paths alone, in CPU seconds of this process, and judges them by the truth
#[derive(Debug, Parser)]
struct Arguments {
    /// The corpus file; its truth and its paths lie beside it
    file: PathBuf,
    /// Only so many images
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    first: usize,
    /// How often
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let corpus = Corpus::open_first(&arguments.file, arguments.first)?;
    let texts = corpus.read_paths(&arguments.file)?;
    let directories = PathSet::from_ascending(
        (0..).take(texts.len()).filter(|id| texts.get(*id).1).map(oskin::path_set::PathId),
    );
    let files: Vec<PathSet> =
        corpus.path_sets(usize::MAX).iter().map(|set| set.difference(&directories)).collect();
    let files: Vec<&PathSet> = files.iter().collect();
    println!("{} images, input {:.0} MB", files.len(), peak_mb());
    for _ in 0..arguments.rounds {
        let start = cpu_seconds();
        let survey = Survey::of(&files, None);
        let ranked = cpu_seconds();
        let lineage = survey.lineage(&BTreeMap::new());
        println!(
            "candidates {:.2} s, graph {:.2} s, peak {:.0} MB: {} edges, {} roots, {} connections",
            ranked - start,
            cpu_seconds() - ranked,
            peak_mb(),
            lineage.edges.len(),
            lineage.roots.len(),
            lineage.connections.len()
        );
    }
    judge(&arguments, &Candidates::rank(&files))
}

/// Prints how often the known parent was found, by the kind of the child.
fn judge(arguments: &Arguments, candidates: &Candidates) -> Result<()> {
    let truth = beside(&arguments.file, "truth.tsv");
    let text = std::fs::read_to_string(&truth).with_context(|| truth.display().to_string())?;
    let rows: Vec<Vec<&str>> =
        text.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    let numbers: BTreeMap<&str, u32> = rows.iter().map(|row| row[0]).zip(0..).collect();
    let mut tallies: BTreeMap<&str, [Tally; 2]> = BTreeMap::new();
    let mut sure: BTreeMap<String, Tally> = BTreeMap::new();
    for (image, row) in (0..).zip(&rows).take(candidates.len()) {
        let (parent, kind) = (numbers.get(row[1]), row.get(2).copied().unwrap_or_default());
        let is_it = |found: u32| {
            parent.is_some_and(|it| candidates.first_twin(found) == candidates.first_twin(*it))
        };
        let found = candidates.parent(image);
        let is_right = match found {
            Some(found) => is_it(found.image),
            None => parent.is_none(),
        };
        if let Some(found) = found {
            let bin = (found.confidence() * 10.0).floor().min(9.0) / 10.0;
            sure.entry(format!("{bin:.1}")).or_default().count(is_right);
        }
        let is_among = is_right || candidates.of(image).iter().any(|other| is_it(other.image));
        for kind in [kind, "all"] {
            let [right, among] = tallies.entry(kind).or_default();
            right.count(is_right);
            among.count(is_among);
        }
    }
    for (confidence, right) in sure {
        println!("confidence from {confidence}: {} of {} right", right.hits, right.of);
    }
    for (kind, [right, among]) in tallies {
        println!(
            "{kind}: {} of {} right ({:.3}), among four {:.3}",
            right.hits,
            right.of,
            right.share(),
            among.share()
        );
    }
    Ok(())
}
