//! Layers full of edge cases from a seed or from the bytes of a property test.

use crate::fixture::{FixtureEntry, FixtureKind, FixtureLayer};
use crate::model::replay;

/// `len` bytes of a fixed stream that depends on `seed` only.
///
/// Splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub fn random_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend((word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Layers from a seed: one to five of them, up to about 60 entries.
pub fn random_fixture(seed: u64) -> Vec<FixtureLayer> {
    let size = random_bytes(seed, 1).first().map_or(0, |byte| usize::from(*byte));
    fixture_from_bytes(&random_bytes(seed ^ 0x5eed, 20 + size))
}

/// Layers from any bytes: every byte is a choice, the fixture ends where the bytes do.
///
/// Shorter input gives a smaller fixture, so the shrinking of a property test works. Names come
/// from a small pool, so that layers collide: duplicates, replaced kinds, whiteouts of what is
/// there and of what is not, opaque whiteouts before and after their siblings, hard links,
/// symbolic links to directories (relative, absolute, upward) and entries below them.
///
/// Entries on which real tools disagree are left out: those that [`replay`] refuses or calls
/// disputed. No link leads out of the root.
pub fn fixture_from_bytes(bytes: &[u8]) -> Vec<FixtureLayer> {
    from_bytes(bytes, false)
}

/// As [`fixture_from_bytes`], with entries below files, which [`replay`] calls disputed.
pub fn disputed_fixture_from_bytes(bytes: &[u8]) -> Vec<FixtureLayer> {
    from_bytes(bytes, true)
}

fn from_bytes(bytes: &[u8], with_disputed: bool) -> Vec<FixtureLayer> {
    let mut choices = Choices { bytes };
    let mut layers = vec![FixtureLayer::default()];
    while let Some(action) = choices.next() {
        let last = layers.len() - 1;
        if action % 12 == 11 {
            if last < 4 {
                layers.push(FixtureLayer::default());
            }
            continue;
        }
        let entry = entry(action, &mut choices);
        layers[last].entries.push(entry);
        // An entry may spoil one before it: a whiteout takes the target of a hard link away.
        let found = replay(&layers);
        if !found.refused.is_empty() || !with_disputed && !found.disputed.is_empty() {
            layers[last].entries.pop();
        }
    }
    layers
}

struct Choices<'a> {
    bytes: &'a [u8],
}

impl Choices<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    /// The next choice, 0 where there is none.
    fn pick<'p, T>(&mut self, pool: &'p [T]) -> &'p T {
        &pool[usize::from(self.next().unwrap_or(0)) % pool.len()]
    }
}

/// Directories and links to directories; the empty name is the root.
const PARENTS: [&str; 11] =
    ["", "d0", "d1", "d0/sub", "d1/sub/deep", "l0", "l1", "l0/sub", "d0/up", "d1/far", "n0"];
/// Names of all kinds: what is a file in one layer may be a directory in the next. Some sort
/// between a directory and what is in it.
const NAMES: [&str; 10] =
    ["f0", "f1", ".dot", "sub", "n0", "odd\u{e9} name", "deep", "f2", "sub0", "sub-x"];
const LINKS: [(&str, &str); 6] = [
    ("l0", "d0"),
    ("l1", "/d1"),
    ("l1", "d1/sub"),
    ("d0/up", "../d1"),
    ("d1/far", "/l0/sub"),
    ("d0/dangling", "nowhere"),
];

fn entry(action: u8, choices: &mut Choices<'_>) -> FixtureEntry {
    if action % 12 == 6 {
        let (path, target) = *choices.pick(&LINKS);
        return FixtureEntry::symlink(path, target);
    }
    let parent = *choices.pick(&PARENTS);
    let name = *choices.pick(&NAMES);
    let at = |name: &str| match parent {
        "" => name.to_owned(),
        _ => format!("{parent}/{name}"),
    };
    let mut entry = match action % 12 {
        0..=2 => FixtureEntry::file(at(name), content(choices)),
        3 => FixtureEntry::directory(at(name)),
        4 if parent.is_empty() => FixtureEntry::directory(at(name)),
        4 => FixtureEntry::directory(parent),
        5 => FixtureEntry::symlink(at(name), *choices.pick(&NAMES)),
        7 => FixtureEntry::hard_link(at(name), target(choices)),
        8 => FixtureEntry::file(at(&format!(".wh.{name}")), ""),
        9 => FixtureEntry::file(at(".wh..wh..opq"), ""),
        _ => FixtureEntry::new(at(name), FixtureKind::Fifo),
    };
    match entry.kind {
        FixtureKind::File(_) => entry.mode = *choices.pick(&[0o644, 0o755, 0o4755, 0o600]),
        FixtureKind::Directory => entry.mode = *choices.pick(&[0o755, 0o700, 0o1777]),
        _ => {}
    }
    entry
}

fn content(choices: &mut Choices<'_>) -> Vec<u8> {
    let len = *choices.pick(&[0_u64, 1, 5, 511, 512, 513]);
    let seed = choices.next().unwrap_or(0);
    crate::fixture::pattern(len, u64::from(seed))
}

fn target(choices: &mut Choices<'_>) -> String {
    let (parent, name) = (*choices.pick(&PARENTS), *choices.pick(&NAMES));
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{fixture_text, parse};

    #[test]
    fn equal_seeds_give_equal_layers_and_others_do_not() {
        assert_eq!(random_fixture(7), random_fixture(7));
        assert_ne!(random_fixture(7), random_fixture(8));
        assert_eq!(random_bytes(1, 3), random_bytes(1, 9)[..3]);
        assert_eq!(fixture_from_bytes(&[]), [FixtureLayer::default()]);
    }

    #[test]
    fn nothing_is_refused_and_text_reads_back() {
        for seed in 0..100 {
            let layers = random_fixture(seed);
            let found = replay(&layers);
            assert_eq!((found.refused, found.disputed), (vec![], vec![]), "seed {seed}");
            assert_eq!(parse(&fixture_text(&layers)).unwrap(), layers, "seed {seed}");
        }
    }

    #[test]
    fn disputes_are_made_where_they_are_asked_for() {
        let fixtures = (0..100).map(|seed| disputed_fixture_from_bytes(&random_bytes(seed, 400)));
        let found: Vec<_> = fixtures.map(|layers| replay(&layers)).collect();
        assert!(found.iter().all(|found| found.refused.is_empty()));
        assert!(found.iter().filter(|found| !found.disputed.is_empty()).count() > 20);
    }

    #[test]
    fn the_promised_cases_are_common() {
        let fixtures: Vec<_> = (0..100).map(random_fixture).collect();
        // How many of the fixtures have an entry for which `is` holds.
        let count = |is: &dyn Fn(&[FixtureLayer], usize, &FixtureEntry) -> bool| {
            let holds = |layers: &&Vec<FixtureLayer>| {
                let numbered = layers.iter().enumerate();
                numbered
                    .flat_map(|(n, l)| l.entries.iter().map(move |e| (n, e)))
                    .any(|(n, e)| is(layers, n, e))
            };
            fixtures.iter().filter(holds).count()
        };
        let name_starts = |entry: &FixtureEntry, start: &[u8]| {
            entry.path.rsplit(|byte| *byte == b'/').next().unwrap().starts_with(start)
        };
        assert!(count(&|_, n, e| n > 0 && name_starts(e, b".wh.")) > 60);
        assert!(count(&|_, n, e| n > 0 && name_starts(e, b".wh..wh..opq")) > 40);
        assert!(count(&|_, _, e| matches!(e.kind, FixtureKind::HardLink(_))) > 10);
        assert!(count(&|_, _, e| e.path.starts_with(b"l0/")) > 40);
        let same_path = |layers: &[FixtureLayer], n: usize, entry: &FixtureEntry| {
            layers[n].entries.iter().filter(|other| other.path == entry.path).count() > 1
        };
        assert!(count(&same_path) > 30);
        let other_kind = |layers: &[FixtureLayer], n: usize, entry: &FixtureEntry| {
            let lower = layers[..n].iter().flat_map(|layer| &layer.entries);
            let kind = std::mem::discriminant(&entry.kind);
            lower.filter(|e| e.path == entry.path).any(|e| std::mem::discriminant(&e.kind) != kind)
        };
        assert!(count(&other_kind) > 30);
    }
}
