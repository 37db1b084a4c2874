//! Other builds of a base, and which of two is the newer.
//!
//! **Another build** of an image is one of the same system that neither was built from: one with the
//! same paths and other contents; one that the family graph calls a rebuild; of two roots one with a
//! Dice of files of 0.9 or more; or one of the same repository, as far as the caller tells of
//! those, with half of the files. Both must be for one platform and of one operating system, where
//! both state it.
//!
//! **Newer** is told by the version of the operating system and the time of the build, which must not
//! speak against each other. Where neither tells, it is another build and no more.

use super::ancestry::{Ancestry, Link, SAME_PATHS_CONFIDENCE, Step, is_by_layers};
use super::edge::{KinKind, Lineage};
use crate::image::{OsIdentity, Platform};
use crate::measure::Measure;
use crate::path_set::PathSet;
use crate::relation::{MIN_FILES, REBUILD_DICE};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Two images of one repository are builds of one thing if they have so much in common, by Dice of
/// files. Releases of Debian have 0.63 to 0.67 in the sample family.
const SAME_NAME_DICE: f64 = 0.5;

/// Before 2013 there were no such images: an earlier time (the epoch, the year 1 or 1980) stands for
/// none, so that a build can be repeated.
const FIRST_SECOND: i64 = 1_356_998_400;

/// A moment, as seconds since 1970 and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64, u32);

impl Moment {
    /// Reads a time as RFC 3339 writes it, such as `2026-07-01T09:30:00.5+02:00`. Nothing if it is
    /// none, or before 2013: such times say that there is none.
    pub fn of_build(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let number = |from: usize, to: usize| -> Option<i64> {
            let digits = bytes.get(from..to)?;
            let all = digits.iter().all(u8::is_ascii_digit);
            all.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
        };
        let is = |at: usize, any: &[u8]| bytes.get(at).is_some_and(|byte| any.contains(byte));
        let marks = is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":");
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let in_range = (1..=12).contains(&month)
            && (1..=days_of(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        if !marks || !in_range {
            return None;
        }
        let mut at = 19;
        let mut nanoseconds = 0;
        if is(at, b".") {
            let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let mut scale = 100_000_000;
            for digit in &bytes[at + 1..][..digits] {
                nanoseconds += u32::from(digit - b'0') * scale;
                scale /= 10;
            }
            if digits == 0 {
                return None;
            }
            at += 1 + digits;
        }
        let offset = match bytes.get(at)? {
            b'Z' | b'z' if bytes.len() == at + 1 => 0,
            sign @ (b'+' | b'-') if bytes.len() == at + 6 && is(at + 3, b":") => {
                let minutes = number(at + 1, at + 3)? * 60 + number(at + 4, at + 6)?;
                if *sign == b'+' { minutes * 60 } else { -minutes * 60 }
            }
            _ => return None,
        };
        let days = days_before(year, month) + day - 1;
        let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - offset;
        (seconds >= FIRST_SECOND).then_some(Self(seconds, nanoseconds))
    }
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970 to the first of a month.
fn days_before(year: i64, month: i64) -> i64 {
    // Leap years up to a year, counted from year 0.
    let leaps = |year: i64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    years + (1..month).map(|month| days_of(year, month)).sum::<i64>()
}

/// What is known of an image that tells which build it is.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// When it was built.
    pub created: Option<Moment>,
    /// Its operating system.
    pub system: OsIdentity,
    /// For what it is; empty fields are not stated.
    pub platform: Platform,
    /// The repository that it is from and its variant there (such as `slim`), in a form that is the
    /// same for all builds of one thing.
    pub repository: Option<String>,
}

impl Facts {
    fn may_be_one_system(&self, other: &Self) -> bool {
        let one = |a: &str, b: &str| a == b || a.is_empty() || b.is_empty();
        let (ours, theirs) = (&self.platform, &other.platform);
        let id = |facts: &Self| facts.system.id.clone().unwrap_or_default();
        one(&ours.os, &theirs.os)
            && one(&ours.architecture, &theirs.architecture)
            && one(&ours.variant, &theirs.variant)
            && one(&id(self), &id(other))
    }
}

/// Why two images are builds of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alike {
    /// The same files, but contents differ or are not known.
    SamePaths,
    /// A rebuild in the family graph.
    Rebuild,
    /// Two roots with nearly the same files: a version of one system, or one of its builds.
    NearlySame,
    /// One repository, and half of the files.
    SameName,
}

impl Alike {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SamePaths => "same-paths",
            Self::Rebuild => "rebuild",
            Self::NearlySame => "nearly-same",
            Self::SameName => "same-name",
        }
    }
}

/// Another build of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// Its number.
    pub image: u32,
    /// Why it is one.
    pub alike: Alike,
    /// How its version compares with the image's, if both have one and they differ.
    pub version: Option<Ordering>,
    /// How its time compares, if both are known and they differ.
    pub created: Option<Ordering>,
}

impl Build {
    /// How it compares: greater is newer; nothing if nothing tells, or if one speaks against the
    /// other.
    pub fn order(self) -> Option<Ordering> {
        match (self.version, self.created) {
            (Some(version), Some(created)) => (version == created).then_some(version),
            (version, created) => version.or(created),
        }
    }

    /// Whether it is known to be newer.
    pub fn is_newer(self) -> bool {
        self.order() == Some(Ordering::Greater)
    }
}

/// A base of an image of which there are other builds that may be newer.
#[derive(Clone, Debug, PartialEq)]
pub struct Outdated {
    /// The base.
    pub base: u32,
    /// How sure it is that the image stands on it, in `0..=1`.
    pub confidence: f64,
    /// The other builds, those first that are known to be newer, then in their order.
    pub builds: Vec<Build>,
}

impl Outdated {
    /// How many builds of the base are known to be newer.
    pub fn behind(&self) -> usize {
        self.builds.iter().filter(|build| build.is_newer()).count()
    }
}

/// The builds among images.
#[derive(Clone, Debug)]
pub struct Builds<'a> {
    files: &'a [PathSet],
    facts: &'a [Facts],
    ancestry: &'a Ancestry<'a>,
    roots: Vec<u32>,
    rebuilds: BTreeMap<u32, BTreeSet<u32>>,
    repositories: BTreeMap<&'a str, Vec<u32>>,
}

impl<'a> Builds<'a> {
    /// Prepares the questions; images are given by their files and facts, in the order of the graph.
    pub fn among(
        files: &'a [PathSet],
        facts: &'a [Facts],
        lineage: &'a Lineage,
        ancestry: &'a Ancestry<'a>,
    ) -> Self {
        let mut rebuilds: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for kin in lineage.kin.iter().filter(|kin| kin.kind == KinKind::Rebuild) {
            let [left, right] = kin.images;
            rebuilds.entry(left).or_default().insert(right);
            rebuilds.entry(right).or_default().insert(left);
        }
        let mut repositories: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (image, facts) in (0..).zip(facts) {
            if let Some(repository) = &facts.repository {
                repositories.entry(repository).or_default().push(image);
            }
        }
        let roots = (0..).take(files.len()).filter(|root| ancestry.root(*root) == *root).collect();
        Self { files, facts, ancestry, roots, rebuilds, repositories }
    }

    /// The other builds of an image: those first that are known to be newer, then in their order.
    ///
    /// O(roots) overlaps for a root, else one for each image of its repository.
    pub fn of(&self, image: u32) -> Vec<Build> {
        let mut alike: BTreeMap<u32, Alike> = BTreeMap::new();
        let mut add = |other: u32, why: Alike| {
            let best = alike.entry(other).or_insert(why);
            *best = why.min(*best);
        };
        let twins = self.ancestry.twins(image);
        for twin in twins.iter().filter(|twin| !twin.identical) {
            add(twin.image, Alike::SamePaths);
        }
        for other in self.rebuilds.get(&image).into_iter().flatten() {
            add(*other, Alike::Rebuild);
        }
        if self.ancestry.root(image) == image {
            for root in self.roots.iter().filter(|root| self.have_dice(image, **root, REBUILD_DICE))
            {
                add(*root, Alike::NearlySame);
            }
        }
        let repository = self.facts[image as usize].repository.as_deref();
        let named = repository.and_then(|name| self.repositories.get(name)).into_iter().flatten();
        for other in named.filter(|other| self.have_dice(image, **other, SAME_NAME_DICE)) {
            add(*other, Alike::SameName);
        }
        let own = &self.facts[image as usize];
        let mut builds: Vec<Build> = alike
            .into_iter()
            .filter(|&(other, why)| {
                other != image
                    && !twins.iter().any(|twin| twin.identical && twin.image == other)
                    && own.may_be_one_system(&self.facts[other as usize])
                    && !self.is_built_from(image, other, why)
                    && !self.is_built_from(other, image, why)
            })
            .map(|(image, alike)| self.build(own, image, alike))
            .collect();
        builds.sort_by_key(|build| !build.is_newer());
        builds
    }

    fn build(&self, own: &Facts, image: u32, alike: Alike) -> Build {
        let theirs = &self.facts[image as usize];
        let (ours, other) = (&own.system, &theirs.system);
        let versions = ours.version_id.as_ref().zip(other.version_id.as_ref());
        let versions = versions.filter(|_| ours.id.is_some() && ours.id == other.id);
        let version = versions.and_then(|(ours, other)| compare_versions(other, ours));
        let created = own.created.zip(theirs.created).map(|(own, theirs)| theirs.cmp(&own));
        let created = created.filter(|order| order.is_ne());
        Build { image, alike, version, created }
    }

    /// Whether one stands on the other. What has the same repository and nearly the same files may be
    /// taken for a child where no layer says so.
    fn is_built_from(&self, image: u32, other: u32, why: Alike) -> bool {
        let is_proven = |step: &Step<'_>| match step.link {
            Link::Edge(edge) => is_by_layers(edge),
            Link::Twin(_) => true,
        };
        let way = self.ancestry.way(image);
        let steps = way.iter().position(|step| step.to == other).map_or(0, |at| at + 1);
        self.ancestry.stands_on(image, other)
            && (why != Alike::SameName || way[..steps].iter().all(is_proven))
    }

    fn have_dice(&self, left: u32, right: u32, least: f64) -> bool {
        let [a, b] = [left, right].map(|image| &self.files[image as usize]);
        let (few, many) = (a.len().min(b.len()), a.len().max(b.len()));
        // Dice is never more than this, which costs nothing.
        let most = 2.0 * few as f64 / (few + many).max(1) as f64;
        left != right
            && few >= MIN_FILES
            && most >= least
            && Measure::Dice.of(a.overlap(b)) >= least
    }

    /// The bases that an image stands on and that have builds which are newer, or of which nothing
    /// tells whether they are; nearest first. Builds that it stands on as well are left out, as are
    /// older ones. Where nothing but paths tells on which of two builds it stands,
    /// that is no surer than this.
    pub fn outdated(&self, image: u32) -> Vec<Outdated> {
        let grounds = self.ancestry.grounds(image);
        let grounds: BTreeSet<u32> = grounds.iter().map(|ground| ground.image).collect();
        let mut by_edge = false;
        let way = self.ancestry.way(image).into_iter().filter(|step| {
            by_edge |= matches!(step.link, Link::Edge(_));
            by_edge
        });
        let outdated = way.filter_map(|Step { to: base, mut confidence, .. }| {
            let mut builds = self.of(base);
            // By its files it may stand on either of twins.
            builds.retain(|it| {
                it.order() != Some(Ordering::Less)
                    && (it.alike == Alike::SamePaths || !grounds.contains(&it.image))
            });
            if builds.iter().any(|it| grounds.contains(&it.image)) {
                confidence = confidence.min(SAME_PATHS_CONFIDENCE);
            }
            (!builds.is_empty()).then_some(Outdated { base, confidence, builds })
        });
        outdated.collect()
    }
}

/// How two versions compare by their numbers; nothing if they are the same, if they differ in
/// anything but numbers, or if one only goes on where the other ends: `3` may mean any `3.x`.
fn compare_versions(left: &str, right: &str) -> Option<Ordering> {
    let parts = |text: &str| -> Vec<String> {
        text.split(['.', '-', '_', '+', '~']).map(str::to_owned).collect()
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    for (left, right) in parts(left).iter().zip(&parts(right)) {
        if left == right {
            continue;
        }
        if !is_number(left) || !is_number(right) {
            return None;
        }
        let [left, right] = [left, right].map(|text| text.trim_start_matches('0'));
        // Numbers of any length, without leading zeros.
        match left.len().cmp(&right.len()).then_with(|| left.cmp(right)) {
            Ordering::Equal => {}
            order => return Some(order),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lineage::{Edge, EdgeKind, Kin, Proof};
    use proptest::prelude::*;

    fn seconds(text: &str) -> Option<i64> {
        Moment::of_build(text).map(|moment| moment.0)
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        // By `date -u +%s -d`.
        for (text, expected) in [
            ("2026-07-01T00:00:00Z", Some(1_782_864_000)),
            ("2024-02-29T23:59:59Z", Some(1_709_251_199)),
            ("2020-01-18T01:19:37.187497623Z", Some(1_579_310_377)),
            ("2026-07-01T02:00:00+02:00", Some(1_782_864_000)),
            ("2026-06-30t22:30:00.5-01:30", Some(1_782_864_000)),
            ("2013-01-01T00:00:00Z", Some(FIRST_SECOND)),
            ("1970-01-01T00:00:00Z", None),
            ("0001-01-01T00:00:00Z", None),
            ("1980-01-01T00:00:01Z", None),
            ("2023-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-07-01T24:00:00Z", None),
            ("2026-07-01", None),
            ("2026-07-01T00:00:00", None),
            ("2026-07-01T00:00:00.Z", None),
            ("2026-07-01T00:00:00+0200", None),
            ("2026-07-01T00:00:00Zx", None),
            ("yesterday, at five o'clock", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        let half = Moment::of_build("2026-07-01T00:00:00.25Z").unwrap();
        assert_eq!(half.1, 250_000_000);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange_for_a_time(text in "\\PC{0,40}", digits in "[0-9TZ:.+-]{0,40}") {
            let _ = (Moment::of_build(&text), Moment::of_build(&digits));
        }

        #[test]
        fn later_days_are_later(day in 15_706_i64..40_000) {
            // Days counted one by one from 1970.
            let (mut year, mut month, mut left) = (1970, 1, day);
            while left >= days_of(year, month) {
                left -= days_of(year, month);
                (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            }
            let text = format!("{year:04}-{month:02}-{:02}T00:00:00Z", left + 1);
            prop_assert_eq!(seconds(&text), Some(day * 86_400));
        }
    }

    #[test]
    fn versions_compare_by_numbers_or_not_at_all() {
        for (left, right, expected) in [
            ("3.10.9", "3.10.3", Some(Ordering::Greater)),
            ("3.9", "3.10", Some(Ordering::Less)),
            ("12", "9", Some(Ordering::Greater)),
            ("22.04", "22.4", None),
            ("3", "3.1", None),
            ("12", "12", None),
            ("12-rc1", "12-rc2", None),
            ("trixie", "12", None),
            ("", "1", None),
        ] {
            assert_eq!(compare_versions(left, right), expected, "{left} {right}");
            let turned = compare_versions(right, left);
            assert_eq!(turned, expected.map(Ordering::reverse), "{right} {left}");
        }
    }

    fn facts(created: Option<&str>, version: Option<&str>, repository: Option<&str>) -> Facts {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Facts {
            created: created.and_then(Moment::of_build),
            system: OsIdentity {
                id: Some("alpine".into()),
                version_id: text(version),
                pretty_name: None,
            },
            platform: Platform::default(),
            repository: text(repository),
        }
    }

    fn set(from: u32, to: u32) -> PathSet {
        PathSet::from_unsorted((from..to).collect())
    }

    fn edge(child: u32, parent: u32) -> Edge {
        let proofs = vec![Proof::Layers { layers: 1, with_empty: true }];
        Edge {
            parent,
            child,
            kind: EdgeKind::Parent,
            confidence: 0.99,
            proofs,
            alternatives: vec![],
        }
    }

    fn shown(builds: &[Build]) -> Vec<(u32, &'static str, Option<Ordering>)> {
        builds.iter().map(|it| (it.image, it.alike.name(), it.order())).collect()
    }

    #[test]
    fn builds_are_found_and_ordered_by_what_tells() {
        let files =
            [set(0, 1000), set(0, 1000), set(20, 1020), set(0, 600), set(0, 1100), set(0, 1000)];
        let (old, new) = (Some("2024-01-01T00:00:00Z"), Some("2025-01-01T00:00:00Z"));
        let all = [
            facts(old, Some("3.10.3"), Some("a")),
            facts(new, Some("3.10.9"), None),
            facts(new, Some("3.9.0"), None),
            facts(None, None, Some("a")),
            facts(new, Some("3.10.3"), None),
            facts(new, Some("3.10.3"), None),
        ];
        let kin = [(0, 1, KinKind::SamePaths), (0, 5, KinKind::Identical)];
        let kin = kin.iter().map(|&(first, later, kind)| Kin { images: [first, later], kind });
        let lineage = Lineage {
            edges: vec![edge(4, 0)],
            kin: kin.collect(),
            components: vec![(0..6).collect()],
            ..Lineage::default()
        };
        let ancestry = Ancestry::of(&lineage);
        let builds = Builds::among(&files, &all, &lineage, &ancestry);
        // 2 is newer by its time and older by its version; the child and the copy are no builds.
        let expected = [
            (1, "same-paths", Some(Ordering::Greater)),
            (2, "nearly-same", None),
            (3, "same-name", None),
        ];
        assert_eq!(shown(&builds.of(0)), expected);
        assert_eq!(shown(&builds.of(1))[0], (0, "same-paths", Some(Ordering::Less)));
        let outdated = builds.outdated(4);
        assert_eq!((outdated.len(), outdated[0].base, outdated[0].behind()), (1, 0, 1));
        assert_eq!(builds.outdated(0), []);
        // Taken for a child by its contents, but of one repository: a build, and not on the way.
        let mut by_content = lineage.clone();
        by_content.edges[0] = Edge {
            proofs: vec![Proof::Content { same: 1000, changed: 0, aside: 0 }],
            ..edge(3, 0)
        };
        let by_content_ancestry = Ancestry::of(&by_content);
        let builds = Builds::among(&files, &all, &by_content, &by_content_ancestry);
        assert!(shown(&builds.of(0)).contains(&(3, "same-name", None)), "{:?}", builds.of(0));
        let mut other = all.clone();
        other[1].system.id = Some("debian".into());
        other[2].platform.architecture = "arm64".into();
        other[0].platform.architecture = "amd64".into();
        let builds = Builds::among(&files, &other, &lineage, &ancestry);
        assert_eq!(shown(&builds.of(0)), [(3, "same-name", None)]);
    }
}
