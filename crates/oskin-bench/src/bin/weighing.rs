//! `weighing`: what weights cost in all pairs beside counts, in CPU seconds of this process, in turn.
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use anyhow::Result;
use clap::Parser;
use oskin::catalog::Catalog;
use oskin::measure::{AnyRow, Levels, Measure, Multiset, Weighting};
use oskin::path_set::Selection;
use oskin_bench::clock::cpu_seconds;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Measures what weights cost in all pairs beside counts, in CPU seconds of this process, in turn
#[derive(Debug, Parser)]
struct Arguments {
    /// The catalog
    catalog: PathBuf,
    /// The first so many images only
    #[arg(long)]
    images: Option<usize>,
    /// How often
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let catalog = Catalog::open(&arguments.catalog)?;
    let (mut ids, _): (Vec<i64>, Vec<String>) = catalog.names_with_paths()?.into_iter().unzip();
    ids.truncate(arguments.images.unwrap_or(usize::MAX));
    let counts: Vec<Multiset> = catalog
        .path_sets(&ids, Selection::Both)?
        .iter()
        .map(|set| set.ids().map(|id| (id, 1)).collect())
        .collect();
    let bytes = ids.iter().map(|id| sizes(&catalog, *id)).collect::<Result<Vec<Multiset>>>()?;
    let kinds = [
        ("counts", Levels::of(&counts), Weighting::None),
        ("rarity", Levels::of(&counts), Weighting::Rarity),
        ("idf", Levels::of(&counts), Weighting::Idf),
        ("bytes", Levels::of(&bytes), Weighting::Bytes),
    ];
    let mut times = vec![Vec::new(); kinds.len()];
    let mut sum = 0.0;
    for _ in 0..arguments.rounds {
        for ((_, levels, weighting), times) in kinds.iter().zip(&mut times) {
            let start = cpu_seconds();
            sum += all_pairs(levels, *weighting);
            times.push(cpu_seconds() - start);
        }
    }
    println!("images {}  sum of all similarities {sum:.6}", ids.len());
    let mut base = f64::NAN;
    for ((name, ..), times) in kinds.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        if base.is_nan() {
            base = median;
        }
        println!("{name:8} {:9.3} ms CPU, {:.2} times counts", median * 1e3, median / base);
    }
    Ok(())
}

/// Dice of all pairs, added up.
fn all_pairs(levels: &Levels, weighting: Weighting) -> f64 {
    let mut sum = 0.0;
    let flow = levels.pairs(weighting).for_each_row::<()>(|row: AnyRow<'_>| {
        sum += (0..row.len()).map(|other| row.value(Measure::Dice, other)).sum::<f64>();
        ControlFlow::Continue(())
    });
    debug_assert!(flow.is_continue(), "nothing breaks it");
    sum
}

/// The bytes of each path of an image.
fn sizes(catalog: &Catalog, image: i64) -> Result<Multiset> {
    let inventory = catalog.inventory(image)?;
    let entries: Vec<_> = inventory.iter().filter(|entry| entry.size_bytes > 0).collect();
    let paths: Vec<&[u8]> = entries.iter().map(|entry| entry.path).collect();
    let ids = catalog.path_ids(&paths)?;
    let known = ids.into_iter().zip(&entries).filter_map(|(id, it)| Some((id?, it.size_bytes)));
    let mut sizes: Multiset = known.collect();
    sizes.sort_unstable();
    Ok(sizes)
}
