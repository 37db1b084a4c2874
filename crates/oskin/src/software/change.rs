//! What became of the packages of one image in another: the same, upgraded, downgraded, succeeded, gone, new.

use super::version::compare;
use crate::image::{Package, Packages};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a package of one image is to that of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// The right image has a newer version.
    Upgraded,
    /// The right image has an older version.
    Downgraded,
    /// The right image has another in its place, which has a version in its name: `libssl1.1` and `libssl3`.
    Succeeded,
    /// Both have the version, but written otherwise or for another machine.
    Equivalent,
    /// Only the left image has it.
    LeftOnly,
    /// Only the right image has it.
    RightOnly,
    /// Both have it in the same version for the same machine.
    Same,
}

impl ChangeKind {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upgraded => "upgraded",
            Self::Downgraded => "downgraded",
            Self::Succeeded => "succeeded",
            Self::Equivalent => "equivalent",
            Self::LeftOnly => "left-only",
            Self::RightOnly => "right-only",
            Self::Same => "same",
        }
    }
}

/// A package with its counterpart, one of which may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'p> {
    /// What it is.
    pub kind: ChangeKind,
    /// The package of the left image.
    pub left: Option<&'p Package>,
    /// That of the right one.
    pub right: Option<&'p Package>,
}

/// Joins the packages of two images by kind, name (with the namespace where it is a part of the name) and
/// architecture, in the order of names.
///
/// Each package counts once for its name, version with epoch, and architecture, whatever else its purl says. Of a name that an
/// image has in several versions, those that both have are the same; the rest is paired in the order of versions, first
/// for the same machine, then for any. At last, packages of a system that only one image has are paired if their names
/// are the same but for digits with dots between, and for the `t64` at the end by which Debian tells libraries of the
/// times of 64 bits, and if just one on each side is called so: `python3.11` and `python3.13`, with `python3` in both.
/// O(n log n).
pub fn changes<'p>(left: &'p Packages, right: &'p Packages) -> Vec<Change<'p>> {
    let mut by_name: BTreeMap<_, [Vec<&'p Package>; 2]> = BTreeMap::new();
    for (side, packages) in [left, right].into_iter().enumerate() {
        for package in packages.list() {
            let sides = by_name.entry(package.full_name()).or_default();
            if let Some(list) = sides.get_mut(side) {
                list.push(package);
            }
        }
    }
    let mut changes = Vec::new();
    for [mut left, mut right] in by_name.into_values() {
        for list in [&mut left, &mut right] {
            sort(list);
            list.dedup_by(|a, b| whole(a) == whole(b));
        }
        pair(&mut left, &mut right, &mut changes, whole);
        pair(&mut left, &mut right, &mut changes, Package::architecture);
        pair(&mut left, &mut right, &mut changes, Package::epoch_and_version);
        pair(&mut left, &mut right, &mut changes, |_| ());
        let only = |kind, left, right| Change { kind, left, right };
        changes.extend(left.into_iter().map(|it| only(ChangeKind::LeftOnly, Some(it), None)));
        changes.extend(right.into_iter().map(|it| only(ChangeKind::RightOnly, None, Some(it))));
    }
    succeeded(changes)
}

/// Kinds of packages whose names have a version where several may be installed side by side.
const OF_SYSTEMS: [&str; 5] = ["alpm", "apk", "deb", "opkg", "rpm"];

/// Pairs packages with versions in their names. O(n log n).
fn succeeded(mut changes: Vec<Change<'_>>) -> Vec<Change<'_>> {
    let mut by_stem: BTreeMap<(&str, String), [Vec<usize>; 2]> = BTreeMap::new();
    let is_alone = |it: &Change<'_>| it.left.is_none() || it.right.is_none();
    for (at, change) in changes.iter().enumerate().filter(|it| is_alone(it.1)) {
        for (side, package) in [change.left, change.right].into_iter().enumerate() {
            let Some((package, stem)) = package.and_then(|it| Some((it, stem(it)?))) else {
                continue;
            };
            let sides = by_stem.entry((&package.kind, stem)).or_default();
            if let Some(list) = sides.get_mut(side) {
                list.push(at);
            }
        }
    }
    let mut gone = BTreeSet::new();
    for sides in by_stem.values() {
        let ([left], [right]) = (&sides[0][..], &sides[1][..]) else { continue };
        let successor = changes.get(*right).and_then(|it| it.right);
        if let Some(change) = changes.get_mut(*left) {
            (change.kind, change.right) = (ChangeKind::Succeeded, successor);
            gone.insert(*right);
        }
    }
    let mut at = 0..;
    changes.retain(|_| at.next().is_some_and(|at| !gone.contains(&at)));
    changes
}

/// What makes packages of one name the same: machine, epoch and version.
fn whole(package: &Package) -> (&str, (&str, &str)) {
    (package.architecture(), package.epoch_and_version())
}

/// A name with `#` for each version in it; `None` if it has none, or of kinds whose names tell none. O(length).
fn stem(package: &Package) -> Option<String> {
    let name = package.name.strip_suffix("t64").unwrap_or(&package.name);
    if !OF_SYSTEMS.contains(&package.kind.as_str()) || !name.bytes().any(|it| it.is_ascii_digit()) {
        return None;
    }
    let mut stem = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(start) = rest.find(|it: char| it.is_ascii_digit()) {
        let (before, digits) = rest.split_at(start);
        stem.push_str(before);
        stem.push('#');
        let end = digits.find(|it: char| !it.is_ascii_digit() && it != '.');
        let version = &digits[..end.unwrap_or(digits.len())];
        // A dot at the end is none of the version.
        rest = &digits[version.trim_end_matches('.').len()..];
    }
    stem.push_str(rest);
    Some(stem)
}

/// Takes out of both lists what has the same key, in their order. O(n log n).
fn pair<'p, K: Ord>(
    left: &mut Vec<&'p Package>,
    right: &mut Vec<&'p Package>,
    changes: &mut Vec<Change<'p>>,
    key: impl Fn(&'p Package) -> K,
) {
    let mut open: BTreeMap<K, VecDeque<&'p Package>> = BTreeMap::new();
    for it in right.drain(..) {
        open.entry(key(it)).or_default().push_back(it);
    }
    left.retain(|it| {
        let Some(other) = open.get_mut(&key(it)).and_then(VecDeque::pop_front) else { return true };
        changes.push(Change { kind: kind_of(it, other), left: Some(it), right: Some(other) });
        false
    });
    right.extend(open.into_values().flatten());
    sort(right);
}

/// By machine, then from the oldest to the newest.
fn sort(list: &mut [&Package]) {
    list.sort_by(|a, b| {
        a.architecture()
            .cmp(b.architecture())
            .then_with(|| order(a, b))
            .then_with(|| a.epoch_and_version().cmp(&b.epoch_and_version()))
    });
}

/// Which of two packages of a kind is the older one; both are of package managers, so epochs count.
fn order(a: &Package, b: &Package) -> Ordering {
    compare(&a.kind, &a.full_version(), &b.full_version())
}

fn kind_of(left: &Package, right: &Package) -> ChangeKind {
    match order(left, right) {
        Ordering::Less => ChangeKind::Upgraded,
        Ordering::Greater => ChangeKind::Downgraded,
        Ordering::Equal if whole(left) == whole(right) => ChangeKind::Same,
        Ordering::Equal => ChangeKind::Equivalent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packages(purls: &[&str]) -> Packages {
        Packages::new(purls.iter().map(|it| Package::from_purl(it).unwrap()).collect(), true)
    }

    #[test]
    fn each_package_is_told_with_its_counterpart() {
        let left = packages(&[
            "pkg:deb/debian/gone@1",
            "pkg:deb/debian/libc6@2.36-9?arch=amd64",
            "pkg:deb/debian/libc6@2.36-9?arch=i386",
            "pkg:deb/debian/same@1?arch=all&distro=x",
            "pkg:deb/debian/up@1.9?arch=amd64",
            "pkg:deb/debian/zero@1.0?arch=amd64",
            "pkg:npm/many@1.0.0",
            "pkg:npm/many@2.0.0",
            "pkg:npm/many@10.0.0",
        ]);
        let right = packages(&[
            "pkg:deb/debian/libc6@2.36-8?arch=amd64",
            "pkg:deb/debian/libc6@2.36-9?arch=armhf",
            "pkg:deb/ubuntu/same@1?arch=all&distro=y",
            "pkg:deb/debian/up@1.10?arch=amd64",
            "pkg:deb/debian/zero@1.00?arch=amd64",
            "pkg:npm/many@2.0.0",
            "pkg:npm/many@9.0.0",
            "pkg:pypi/gone@1",
        ]);
        let told: Vec<String> = changes(&left, &right)
            .iter()
            .map(|it| {
                let text = |side: Option<&Package>| match side {
                    Some(it) => format!("{} {} {}", it.name, it.version, it.architecture()),
                    None => "-".to_owned(),
                };
                format!("{}: {}, {}", it.kind.name(), text(it.left), text(it.right))
            })
            .collect();
        let expected = [
            "left-only: gone 1 , -",
            "downgraded: libc6 2.36-9 amd64, libc6 2.36-8 amd64",
            "equivalent: libc6 2.36-9 i386, libc6 2.36-9 armhf",
            "same: same 1 all, same 1 all",
            "upgraded: up 1.9 amd64, up 1.10 amd64",
            "equivalent: zero 1.0 amd64, zero 1.00 amd64",
            "same: many 2.0.0 , many 2.0.0 ",
            "upgraded: many 1.0.0 , many 9.0.0 ",
            "left-only: many 10.0.0 , -",
            "right-only: -, gone 1 ",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn epochs_count() {
        let [left, right] =
            [["1-9?epoch=1", "1:2-1", "3-1?epoch=1"], ["1-1?epoch=2", "2-1?epoch=1", "4-1"]].map(
                |versions| {
                    let names = versions.iter().zip(["up", "same", "down"]);
                    let purls: Vec<String> =
                        names.map(|(it, name)| format!("pkg:rpm/{name}@{it}")).collect();
                    packages(&purls.iter().map(String::as_str).collect::<Vec<_>>())
                },
            );
        let told: Vec<_> = changes(&left, &right)
            .iter()
            .map(|it| (it.left.map_or("", |it| &it.name), it.kind))
            .collect();
        let expected = [
            ("down", ChangeKind::Downgraded),
            ("same", ChangeKind::Same),
            ("up", ChangeKind::Upgraded),
        ];
        assert_eq!(told, expected);
        // Several epochs of one version are several versions, the oldest of which is told first.
        let many = packages(&["pkg:rpm/a@1?epoch=10", "pkg:rpm/a@1?epoch=9", "pkg:rpm/a@1"]);
        let one = packages(&["pkg:rpm/a@1?epoch=9", "pkg:rpm/a@5"]);
        let told: Vec<_> = changes(&many, &one)
            .iter()
            .map(|it| [it.left, it.right].map(|it| it.map(|it| it.full_version().into_owned())))
            .collect();
        let some = |text: &str| Some(text.to_owned());
        let expected = [[some("9:1"), some("9:1")], [some("1"), some("5")], [some("10:1"), None]];
        assert_eq!(told, expected);
    }

    #[test]
    fn packages_with_versions_in_their_names_are_succeeded() {
        let left = packages(&[
            "pkg:deb/debian/gcc-11@11.2?arch=amd64",
            "pkg:deb/debian/gcc-12@12.2?arch=amd64",
            "pkg:deb/debian/libssl1.1@1.1.1w?arch=amd64",
            "pkg:deb/debian/linux-image-6.1.0-25-amd64@6.1.106?arch=amd64",
            "pkg:deb/debian/python3@3.11?arch=amd64",
            "pkg:deb/debian/python3.11@3.11.2?arch=amd64",
            "pkg:deb/debian/twice1@1?arch=amd64",
            "pkg:deb/debian/twice1@1?arch=i386",
            "pkg:npm/d3@1",
        ]);
        let right = packages(&[
            "pkg:deb/debian/gcc-13@13.2?arch=amd64",
            "pkg:deb/debian/libssl3t64@3.5?arch=amd64",
            "pkg:deb/debian/linux-image-6.1.0-cloud-amd64@6.1.112?arch=amd64",
            "pkg:deb/debian/linux-image-6.1.0-26-amd64@6.1.112?arch=amd64",
            "pkg:deb/debian/python-is-python3@3.13?arch=amd64",
            "pkg:deb/debian/python3@3.13?arch=amd64",
            "pkg:deb/debian/python3.13@3.13.5?arch=amd64",
            "pkg:deb/debian/twice2@2?arch=amd64",
            "pkg:npm/d4@1",
        ]);
        let told = |left, right| {
            let all = changes(left, right);
            let pair =
                |it: &Change<'_>| (it.left.unwrap().name.clone(), it.right.unwrap().name.clone());
            let of_kind = all.iter().filter(|it| it.kind == ChangeKind::Succeeded);
            (of_kind.map(pair).collect::<Vec<_>>(), all.len())
        };
        let text = |it: &str| it.to_owned();
        let expected = vec![
            (text("libssl1.1"), text("libssl3t64")),
            (text("linux-image-6.1.0-25-amd64"), text("linux-image-6.1.0-26-amd64")),
            (text("python3.11"), text("python3.13")),
        ];
        assert_eq!(told(&left, &right), (expected.clone(), 9 + 9 - 4));
        let back: Vec<_> = expected.into_iter().map(|(left, right)| (right, left)).collect();
        assert_eq!(told(&right, &left), (back, 9 + 9 - 4));
    }

    proptest! {
        #[test]
        fn counts_are_those_of_sets(
            sides in proptest::array::uniform2(proptest::collection::vec(("[ab]", "[12]|1.0", "[xy]"), 0..9)),
        ) {
            let [left, right] = sides.map(|list| {
                let package = |(name, version, arch): &(String, String, String)| {
                    let mut it = Package { kind: "deb".to_owned(), ..Package::generic("", name, version) };
                    it.qualifiers.insert("arch".to_owned(), arch.clone());
                    it
                };
                Packages::new(list.iter().map(package).collect(), true)
            });
            let all = changes(&left, &right);
            let count = |kind| all.iter().filter(|it| it.kind == kind).count();
            let set = |it: &Packages| it.list().iter().cloned().collect::<BTreeSet<Package>>();
            prop_assert_eq!(count(ChangeKind::Same), set(&left).intersection(&set(&right)).count());
            let lefts: BTreeSet<Package> = all.iter().filter_map(|it| it.left.cloned()).collect();
            let rights: BTreeSet<Package> = all.iter().filter_map(|it| it.right.cloned()).collect();
            prop_assert_eq!(lefts, set(&left));
            prop_assert_eq!(rights, set(&right));
            prop_assert_eq!(all.iter().filter(|it| it.left.is_some()).count(), left.list().len());
            // Of no name both images have one that is left alone.
            for name in ["a", "b"] {
                let only = |kind| all.iter().any(|it| {
                    it.kind == kind && it.left.or(it.right).is_some_and(|it| it.name == name)
                });
                prop_assert!(!(only(ChangeKind::LeftOnly) && only(ChangeKind::RightOnly)));
            }
            let back: Vec<ChangeKind> = changes(&right, &left).iter().map(|it| it.kind).collect();
            let back = |kind| back.iter().filter(|it| **it == kind).count();
            prop_assert_eq!(back(ChangeKind::LeftOnly), count(ChangeKind::RightOnly));
            prop_assert_eq!(back(ChangeKind::Same), count(ChangeKind::Same));
            prop_assert_eq!(back(ChangeKind::Upgraded), count(ChangeKind::Downgraded));
        }
    }
}
