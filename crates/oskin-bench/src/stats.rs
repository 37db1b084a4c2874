//! What a corpus amounts to.

use crate::corpus::{Corpus, beside};
use anyhow::Result;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Counts over all images of a corpus.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Images.
    pub images: u64,
    /// Paths of images: the sum of the sizes of all sets.
    pub entries: u64,
    /// Paths that some image has or had.
    pub paths: u64,
    /// Paths that two or more images have.
    pub shared_paths: u64,
    /// The size of the largest set.
    pub largest: u64,
    /// Runs of all sets.
    pub runs: u64,
    /// Runs of all deltas.
    pub delta_runs: u64,
    /// How many images have how many images below them, by the parents that the file declares.
    pub depths: BTreeMap<u32, u64>,
    /// How many images are of each kind.
    pub kinds: BTreeMap<String, u64>,
    /// The sizes of the files in bytes: the corpus, its paths, its queries.
    pub sizes_bytes: [u64; 3],
}

impl Stats {
    /// Counts a corpus and what lies beside it. O(entries), one set in memory at a time.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn of(file: &Path) -> Result<Self> {
        let corpus = Corpus::open(file)?;
        let mut stats = Self { paths: corpus.paths.into(), ..Self::default() };
        let mut holders = vec![0_u8; corpus.paths as usize];
        let mut depths: Vec<u32> = Vec::with_capacity(corpus.images.len());
        for (index, delta) in corpus.images.iter().enumerate() {
            let set = corpus.path_set(u32::try_from(index)?);
            for run in set.runs() {
                let held = &mut holders[run.first as usize..][..run.len as usize];
                for count in held {
                    *count = count.saturating_add(1);
                }
            }
            let depth = delta.parent.map_or(0, |parent| depths[parent as usize] + 1);
            depths.push(depth);
            *stats.depths.entry(depth).or_default() += 1;
            stats.images += 1;
            stats.entries += set.len();
            stats.largest = stats.largest.max(set.len());
            stats.runs += set.runs().len() as u64;
            stats.delta_runs += (delta.added.runs().len() + delta.removed.runs().len()) as u64;
        }
        stats.shared_paths = holders.iter().filter(|count| **count > 1).count() as u64;
        let truth = std::fs::read_to_string(beside(file, "truth.tsv")).unwrap_or_default();
        for kind in truth.lines().skip(1).filter_map(|line| line.split('\t').nth(2)) {
            *stats.kinds.entry(kind.to_owned()).or_default() += 1;
        }
        let size = |file: &Path| std::fs::metadata(file).map(|data| data.len()).unwrap_or_default();
        stats.sizes_bytes =
            [size(file), size(&beside(file, "paths")), size(&beside(file, "queries"))];
        Ok(stats)
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = |total: u64| total as f64 / self.images.max(1) as f64;
        writeln!(f, "images               {}", self.images)?;
        writeln!(f, "entries              {}", self.entries)?;
        writeln!(f, "distinct paths       {}", self.paths)?;
        writeln!(f, "paths in 2 or more   {}", self.shared_paths)?;
        writeln!(f, "mean set             {:.0}", mean(self.entries))?;
        writeln!(f, "largest set          {}", self.largest)?;
        writeln!(f, "mean runs of a set   {:.1}", mean(self.runs))?;
        writeln!(f, "mean runs of a delta {:.1}", mean(self.delta_runs))?;
        writeln!(f, "depths               {}", listed(&self.depths))?;
        writeln!(f, "kinds                {}", listed(&self.kinds))?;
        let [corpus, paths, queries] = self.sizes_bytes;
        write!(f, "bytes                corpus {corpus}, paths {paths}, queries {queries}")
    }
}

fn listed(counts: &BTreeMap<impl fmt::Display, u64>) -> String {
    let one = |(key, count): (_, &u64)| format!("{key}: {count}");
    counts.iter().map(one).collect::<Vec<_>>().join(", ")
}
