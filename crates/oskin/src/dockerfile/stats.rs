//! Bases of many Dockerfiles, counted.

use std::collections::{BTreeMap, BTreeSet};

/// By what bases are ranked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// By the files that stand on them.
    #[default]
    Files,
    /// By the owners of those files: one owner's copies count once.
    Owners,
}

impl By {
    /// As the command line and reports name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Owners => "owners",
        }
    }
}

/// How often a base occurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The base.
    pub base: String,
    /// The files that stand on it.
    pub files: u64,
    /// Their owners.
    pub owners: u64,
}

/// What the most frequent bases cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover {
    /// How many bases.
    pub bases: u64,
    /// How many files stand on them.
    pub files: u64,
    /// Of how many.
    pub of: u64,
}

/// Counts pairs of a base and the owner of a file that stands on it.
///
/// The most frequent comes first; of equals that with more of the other count, then by the bytes
/// of the name. Cost: that of sorting the pairs.
pub fn tally<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>, by: By) -> Vec<Tally> {
    let mut counts: BTreeMap<&str, (u64, BTreeSet<&str>)> = BTreeMap::new();
    for (base, owner) in files {
        let (files, owners) = counts.entry(base).or_default();
        *files += 1;
        owners.insert(owner);
    }
    let tally = |(base, (files, owners)): (&str, (u64, BTreeSet<&str>))| Tally {
        base: base.to_owned(),
        files,
        owners: owners.len() as u64,
    };
    let mut tallies: Vec<Tally> = counts.into_iter().map(tally).collect();
    // Sorting keeps the order of equals, which is that of their names.
    tallies.sort_by_key(|tally| {
        let counts = match by {
            By::Files => (tally.files, tally.owners),
            By::Owners => (tally.owners, tally.files),
        };
        std::cmp::Reverse(counts)
    });
    tallies
}

/// What the `count` bases with the most files cover.
pub fn covered(tallies: &[Tally], count: usize) -> Cover {
    let files = by_files(tallies);
    let top = &files[..count.min(files.len())];
    Cover { bases: top.len() as u64, files: top.iter().sum(), of: files.iter().sum() }
}

/// The fewest bases that at least `percent` of the files stand on; no bases if there are no files.
///
/// Those are the ones with the most files, whatever `tallies` are sorted by.
pub fn cover(tallies: &[Tally], percent: f64) -> Cover {
    let files = by_files(tallies);
    let of: u64 = files.iter().sum();
    let mut cover = Cover { bases: 0, files: 0, of };
    for count in files {
        if cover.files as f64 * 100.0 >= percent * of as f64 {
            break;
        }
        cover.files += count;
        cover.bases += 1;
    }
    cover
}

fn by_files(tallies: &[Tally]) -> Vec<u64> {
    let mut files: Vec<u64> = tallies.iter().map(|tally| tally.files).collect();
    files.sort_unstable_by_key(|files| std::cmp::Reverse(*files));
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_counted_by_files_and_by_owners() {
        let files = [("a", "x"), ("b", "x"), ("b", "x"), ("b", "x"), ("a", "y"), ("c", "z")];
        let show = |by| {
            let show = |tally: &Tally| format!("{} {} {}", tally.base, tally.files, tally.owners);
            tally(files, by).iter().map(show).collect::<Vec<_>>()
        };
        assert_eq!(show(By::Files), ["b 3 1", "a 2 2", "c 1 1"]);
        assert_eq!(show(By::Owners), ["a 2 2", "b 3 1", "c 1 1"]);
        for by in [By::Files, By::Owners] {
            let tallies = tally(files, by);
            for (percent, bases, files) in
                [(0.0, 0, 0), (1.0, 1, 3), (50.0, 1, 3), (50.1, 2, 5), (100.0, 3, 6)]
            {
                assert_eq!(cover(&tallies, percent), Cover { bases, files, of: 6 }, "{percent}");
                assert_eq!(covered(&tallies, usize::try_from(bases).unwrap()).files, files);
            }
        }
        assert_eq!(cover(&[], 50.0), Cover { bases: 0, files: 0, of: 0 });
    }
}
