//! What happens to a child after it was built from its parent, as far as paths show it: models to
//! find out how much of that a rule withstands.
//!
//! Each is a function of a path and a [`Draw`]: the same ones give the same answer, whatever else the
//! image holds.

use crate::inventory::{Entry, EntryKind, Inventory, Layer, LayerFull, flatten};
use crate::path;
use std::borrow::Cow;
use std::sync::Arc;

/// Directories that hold nothing but documentation, manuals and translations.
///
/// Those that Debian's slim images are built without, and where others keep the same; copyright files
/// stay, as there.
const DOCUMENTATION: [&[u8]; 14] = [
    b"usr/share/doc",
    b"usr/share/doc-base",
    b"usr/share/gtk-doc",
    b"usr/share/groff",
    b"usr/share/help",
    b"usr/share/info",
    b"usr/share/linda",
    b"usr/share/lintian",
    b"usr/share/locale",
    b"usr/share/man",
    b"usr/local/share/doc",
    b"usr/local/share/info",
    b"usr/local/share/locale",
    b"usr/local/share/man",
];

/// The endings of names under which package managers keep what they know of a version.
const METADATA: [&[u8]; 4] = [b".dist-info", b".egg-info", b".gemspec", b".egg"];

/// A change of a child.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Perturbation {
    /// This share of the files is deleted, each by a draw of its own.
    Delete(f64),
    /// Documentation, manuals and translations are deleted, with their directories; files named
    /// `copyright` stay.
    StripDocs,
    /// This share of the packages is upgraded: the last number of a version goes up by one in
    ///
    /// - shared libraries with two numbers or more behind `.so.`: `libz.so.1.2.13`. One number is an
    ///   interface and stays: `libz.so.1`;
    /// - names that are three numbers or more, or end with them behind `-` or `_`, with `.jar` too:
    ///   `perl/5.24.1`, `gems/rake-12.0.0`; and all below such directories;
    /// - metadata of packages with two numbers or more: `six-1.16.dist-info`, `.egg-info`, `.egg`,
    ///   `.gemspec`; and all below.
    ///
    /// What stands before the version decides whether it is upgraded, so that the files and the
    /// metadata of one package mostly go together.
    Upgrade(f64),
}

/// A source of chance: a seed, mixed with whatever has to be drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Draw(u64);

impl Draw {
    /// Draws that follow from a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Other draws for each text. FNV-1a, and the end of `splitmix64` (Steele, Lea and Flood 2014).
    #[must_use]
    pub fn with(self, text: &[u8]) -> Self {
        let hashed = text.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        let mut bits = (self.0 ^ hashed).wrapping_add(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self(bits ^ (bits >> 31))
    }

    /// Whether something of this probability happens.
    fn happens(self, probability: f64) -> bool {
        // 53 bits are what a number of this type holds.
        ((self.0 >> 11) as f64) < probability * (1_u64 << 53) as f64
    }
}

impl Perturbation {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delete(_) => "delete",
            Self::StripDocs => "strip-docs",
            Self::Upgrade(_) => "upgrade",
        }
    }

    /// Which share is changed, if that is a choice.
    pub const fn share(self) -> Option<f64> {
        match self {
            Self::Delete(share) | Self::Upgrade(share) => Some(share),
            Self::StripDocs => None,
        }
    }

    /// What becomes of a path; `None` if it goes. O(length).
    pub fn fate(self, path: &[u8], is_directory: bool, draw: Draw) -> Option<Cow<'_, [u8]>> {
        let is_kept = match self {
            Self::Delete(share) => is_directory || !draw.with(path).happens(share),
            Self::StripDocs => !is_documentation(path),
            Self::Upgrade(share) => return Some(upgraded(path, share, draw)),
        };
        is_kept.then_some(Cow::Borrowed(path))
    }

    /// The files that an inventory loses, and those that it gets.
    pub fn changes(self, inventory: &Inventory, draw: Draw) -> [Inventory; 2] {
        let (mut lost, mut new) = (Layer::new(), Layer::new());
        for entry in inventory.iter().filter(|entry| !entry.kind.is_directory()) {
            let fate = self.fate(entry.path, false, draw);
            if fate.as_deref() == Some(entry.path) {
                continue;
            }
            push(&mut lost, entry.path, false);
            if let Some(path) = fate {
                push(&mut new, &path, false);
            }
        }
        [lost, new].map(|layer| flatten(&[Arc::new(layer)]).0)
    }

    /// The inventory as the change leaves it, with nothing but paths and whether they are
    /// directories.
    pub fn apply(self, inventory: &Inventory, draw: Draw) -> Inventory {
        let mut layer = Layer::new();
        for entry in inventory.iter() {
            let is_directory = entry.kind.is_directory();
            if let Some(path) = self.fate(entry.path, is_directory, draw) {
                push(&mut layer, &path, is_directory);
            }
        }
        flatten(&[Arc::new(layer)]).0
    }
}

/// Adds a path. A layer is full only where the one that the path is from was full before.
fn push(layer: &mut Layer, path: &[u8], is_directory: bool) {
    let kind = if is_directory { EntryKind::Directory } else { EntryKind::File };
    let _: Result<u32, LayerFull> = layer.push(&Entry::bare(path, kind));
}

fn is_documentation(path: &[u8]) -> bool {
    let lies_below = |directory: &&[u8]| {
        path.strip_prefix(*directory).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
    };
    DOCUMENTATION.iter().any(lies_below) && path::split_name(path).1 != b"copyright"
}

/// The path after an upgrade of this share of the packages.
fn upgraded(path: &[u8], share: f64, draw: Draw) -> Cow<'_, [u8]> {
    let mut next: Option<Vec<u8>> = None;
    let (mut start, mut above): (usize, &[u8]) = (0, b"");
    for name in path.split(|byte| *byte == b'/') {
        if let Some(end) = version_end(name) {
            let digits = name[..end].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
            let stem = stem(&name[..end]);
            // `perl/5.24.1` has its name in the directory above.
            let drawn = if stem.is_empty() { draw.with(above).with(b"/") } else { draw.with(stem) };
            let number = std::str::from_utf8(&name[end - digits..end]).ok();
            if let Some(number) = number.and_then(|number| number.parse::<u64>().ok())
                && drawn.happens(share)
            {
                let next = next.get_or_insert_with(|| path[..start].to_vec());
                next.extend_from_slice(&name[..end - digits]);
                next.extend_from_slice(number.saturating_add(1).to_string().as_bytes());
                next.extend_from_slice(&name[end..]);
            } else if let Some(next) = &mut next {
                next.extend_from_slice(name);
            }
        } else if let Some(next) = &mut next {
            next.extend_from_slice(name);
        }
        above = name;
        start += name.len() + 1;
        if let (true, Some(next)) = (start < path.len(), &mut next) {
            next.push(b'/');
        }
    }
    next.map_or(Cow::Borrowed(path), Cow::Owned)
}

/// Where the version in a name ends, if it has one that an upgrade changes.
fn version_end(name: &[u8]) -> Option<usize> {
    if let Some(at) = name.windows(4).position(|window| window == b".so.") {
        let version = &name[at + 4..];
        return (stem(version).is_empty() && numbers(version) >= 2).then_some(name.len());
    }
    let ending = METADATA.iter().find_map(|ending| name.strip_suffix(*ending));
    let (version, least) = match ending {
        Some(before) => (before, 2),
        None => (name.strip_suffix(b".jar").unwrap_or(name), 3),
    };
    let stem = stem(version);
    let is_apart = matches!(stem.last(), None | Some(b'-' | b'_'));
    (is_apart && numbers(&version[stem.len()..]) >= least).then_some(version.len())
}

/// What stands before the version that a text ends with.
fn stem(text: &[u8]) -> &[u8] {
    let is_of_version = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    &text[..text.iter().rposition(|byte| !is_of_version(byte)).map_or(0, |last| last + 1)]
}

/// How many numbers a version has; none if something else stands between its dots.
fn numbers(version: &[u8]) -> usize {
    let mut parts = version.split(|byte| *byte == b'.');
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    if parts.clone().all(is_number) { parts.by_ref().count() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inventory(paths: &[&str]) -> Inventory {
        let mut layer = Layer::new();
        for path in paths {
            let (path, is_directory) =
                path.strip_suffix('/').map_or((*path, false), |path| (path, true));
            push(&mut layer, path.as_bytes(), is_directory);
        }
        flatten(&[Arc::new(layer)]).0
    }

    fn files(inventory: &Inventory) -> Vec<String> {
        let files = inventory.iter().filter(|entry| !entry.kind.is_directory());
        files.map(|entry| String::from_utf8_lossy(entry.path).into_owned()).collect()
    }

    #[test]
    fn about_the_share_asked_for_is_deleted() {
        let of = |share: f64, seed: u64| {
            let draw = Draw::new(seed).with(b"image");
            let is_gone = |number: &u32| {
                let path = format!("usr/lib/{number}");
                Perturbation::Delete(share).fate(path.as_bytes(), false, draw).is_none()
            };
            (0..20_000).filter(is_gone).collect::<Vec<u32>>()
        };
        // Four standard deviations: 10 deletions at 0.1 %, 123 at 5 %.
        for (share, low, high) in [(0.001, 2, 38), (0.005, 60, 140), (0.05, 877, 1123)] {
            let gone = of(share, 1).len();
            assert!((low..=high).contains(&gone), "{share}: {gone}");
        }
        assert_eq!((of(0.0, 1).len(), of(1.0, 1).len()), (0, 20_000));
        assert_eq!(of(0.01, 7), of(0.01, 7));
        assert_ne!(of(0.01, 7), of(0.01, 8));
        // More is deleted of the same.
        let (few, many) = (of(0.01, 1), of(0.05, 1));
        assert!(few.iter().all(|path| many.contains(path)));
    }

    #[test]
    fn documentation_goes_with_its_directories() {
        let before = inventory(&[
            "usr/share/doc/",
            "usr/share/doc/a/",
            "usr/share/doc/a/README",
            "usr/share/doc/a/copyright",
            "usr/share/docs",
            "usr/share/locale/de/LC_MESSAGES/a.mo",
            "usr/share/man/man1/a.1.gz",
            "usr/bin/man",
        ]);
        let draw = Draw::new(0);
        let after = Perturbation::StripDocs.apply(&before, draw);
        assert_eq!(files(&after), ["usr/bin/man", "usr/share/doc/a/copyright", "usr/share/docs"]);
        assert_eq!(after.get(b"usr/share/locale"), None);
        let [lost, new] = Perturbation::StripDocs.changes(&before, draw);
        assert_eq!((files(&lost).len(), files(&new).len()), (3, 0));
    }

    #[test]
    fn upgrades_bump_versions_and_leave_interfaces() {
        let next = |path: &str| {
            let next = upgraded(path.as_bytes(), 1.0, Draw::new(0));
            (next != path.as_bytes()).then(|| String::from_utf8_lossy(&next).into_owned())
        };
        for (before, after) in [
            ("usr/lib/libz.so.1.2.13", "usr/lib/libz.so.1.2.14"),
            ("usr/lib/libz.so.1.9", "usr/lib/libz.so.1.10"),
            ("usr/share/perl/5.24.1/B.pm", "usr/share/perl/5.24.2/B.pm"),
            ("a/six-1.16.dist-info/RECORD", "a/six-1.17.dist-info/RECORD"),
            ("a/Python-2.7.9.egg-info", "a/Python-2.7.10.egg-info"),
            ("gems/rake-12.0.0/lib/r.rb", "gems/rake-12.0.1/lib/r.rb"),
            ("specifications/rake-12.0.0.gemspec", "specifications/rake-12.0.1.gemspec"),
            ("opt/a_1.2.3/libb.so.4.5.6", "opt/a_1.2.4/libb.so.4.5.7"),
            ("lib/guava-19.0.1.jar", "lib/guava-19.0.2.jar"),
        ] {
            assert_eq!(next(before).as_deref(), Some(after), "{before}");
        }
        for path in [
            "usr/lib/libz.so.1",
            "usr/lib/libz.so",
            "usr/lib/libz.so.1.x",
            "usr/lib/python3.11/os.py",
            "lib/libc-2.24.so",
            "etc/rc3.d/S01.2.3x",
            "1..2",
            "a-1.2..3",
            "v1.2.3",
            "six-1.dist-info",
            "",
        ] {
            assert_eq!(next(path), None, "{path}");
        }
        // The number may be longer than any that counts.
        assert_eq!(next("liba.so.1.99999999999999999999"), None);
    }

    #[test]
    fn files_and_metadata_of_a_package_go_together() {
        let mut went = 0;
        for number in 0..200 {
            let is_new =
                |path: String| upgraded(path.as_bytes(), 0.25, Draw::new(3)) != path.as_bytes();
            let files = is_new(format!("gems/g{number}-1.0.0/a"));
            assert_eq!(files, is_new(format!("specifications/g{number}-1.0.0.gemspec")));
            went += usize::from(files);
        }
        assert!((26..=74).contains(&went), "{went}: four standard deviations around 50");
    }

    proptest! {
        #[test]
        fn changes_and_the_changed_inventory_agree(
            names in proptest::collection::btree_set("[ab]{1,2}(-1\\.2\\.3)?(/(lib|c)\\.so(\\.[0-9]){0,3})?", 1..12),
            kind in 0..3_u8,
            seed: u64,
        ) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let before = inventory(&names);
            let perturbation = match kind {
                0 => Perturbation::Delete(0.3),
                1 => Perturbation::StripDocs,
                _ => Perturbation::Upgrade(0.5),
            };
            let draw = Draw::new(seed);
            let [lost, new] = perturbation.changes(&before, draw);
            let mut expected = files(&before);
            expected.retain(|path| lost.get(path.as_bytes()).is_none());
            expected.extend(files(&new));
            expected.sort();
            expected.dedup();
            prop_assert_eq!(files(&perturbation.apply(&before, draw)), expected);
        }
    }
}
