//! Images compared by their packages: sets of names, of names with versions, or of these with machines.

use super::levels::{Levels, Multiset};
use crate::image::{Package, Packages};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What makes two packages the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackageSelection {
    /// Type and [name](Package::full_name), in whichever version.
    #[default]
    Names,
    /// These and the version, as it is written; of rpm with the epoch.
    Versions,
    /// These and the machine.
    Architectures,
}

/// What tells a package from others under a selection: type, namespace, name, epoch of rpm, version, machine.
pub type PackageKey<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, &'a str);

impl PackageSelection {
    /// All of them, in the order in which reports list them.
    pub const ALL: [Self; 3] = [Self::Names, Self::Versions, Self::Architectures];

    /// The name used in reports and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Versions => "versions",
            Self::Architectures => "architectures",
        }
    }

    /// What tells a package from others; empty in it is what does not count, and what is not told.
    pub fn key(self, package: &Package) -> PackageKey<'_> {
        let (kind, namespace, name) = package.full_name();
        let (epoch, version) =
            if self == Self::Names { ("", "") } else { package.epoch_and_version() };
        let machine = if self == Self::Architectures { package.architecture() } else { "" };
        (kind, namespace, name, epoch, version, machine)
    }
}

impl fmt::Display for PackageSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PackageSelection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|it| it.name() == text).ok_or_else(|| {
            format!(
                "unknown selection of packages {text:?}, expected names, versions or architectures"
            )
        })
    }
}

/// The sets of packages of images, in the order in which they are given: a package counts once, in however many
/// versions or at however many places it is installed, unless the selection tells these apart. O(n log n) for
/// `n` packages in all.
pub fn package_sets<'a>(
    images: impl IntoIterator<Item = &'a Packages>,
    selection: PackageSelection,
) -> Levels {
    let mut numbers: BTreeMap<PackageKey<'a>, u32> = BTreeMap::new();
    let mut set = |packages: &'a Packages| -> Multiset {
        let mut members = Vec::with_capacity(packages.list().len());
        for package in packages.list() {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            members.push((*numbers.entry(selection.key(package)).or_insert(next), 1));
        }
        members.sort_unstable();
        members.dedup();
        members
    };
    Levels::of(&images.into_iter().map(&mut set).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Measure, Similarities, UNIT, Weighting};
    use crate::path_set::Overlap;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::ops::ControlFlow;

    /// Packages of few names, versions and machines, of kinds whose namespace counts and does not.
    fn packages() -> impl Strategy<Value = Packages> {
        let package = ("(deb|npm)", "(|x|y)", "[abc]", "[12]?", "(|amd64|arm64)").prop_map(
            |(kind, namespace, name, version, machine)| Package {
                kind,
                namespace,
                name,
                version,
                qualifiers: Some(("arch".to_owned(), machine)).into_iter().collect(),
                ..Package::default()
            },
        );
        vec(package, 0..12).prop_map(|list| Packages::new(list, false))
    }

    /// The set of an image in words.
    fn naive(packages: &Packages, selection: PackageSelection) -> BTreeSet<String> {
        let text = |it: &Package| {
            let mut text = format!("{} {}", it.kind, it.name);
            if it.kind == "npm" {
                text += &format!(" of {}", it.namespace);
            }
            if selection != PackageSelection::Names {
                text += &format!(" in {}", it.version);
            }
            if selection == PackageSelection::Architectures {
                text += &format!(" for {}", it.qualifiers["arch"]);
            }
            text
        };
        packages.list().iter().map(text).collect()
    }

    proptest! {
        #[test]
        fn what_images_share_is_what_plain_sets_share(
            images in vec(packages(), 0..6),
            selection in prop::sample::select(&PackageSelection::ALL),
        ) {
            let sets: Vec<_> = images.iter().map(|it| naive(it, selection)).collect();
            let levels = package_sets(&images, selection);
            let Similarities::Counted(pairs) = levels.pairs(Weighting::None) else {
                panic!("packages are counted")
            };
            let df = |it: &String| sets.iter().filter(|set| set.contains(it)).count() as u64;
            let weigh = |set: &BTreeSet<String>| set.iter().map(|it| UNIT / df(it)).sum::<u64>();
            let flow = pairs.for_each_row::<()>(|row| {
                for (other, right) in sets.iter().enumerate() {
                    let left = &sets[row.set];
                    let common = left.intersection(right).count() as u64;
                    let expected = Overlap::of_sizes(common, left.len() as u64, right.len() as u64);
                    assert_eq!(row.overlap(other), expected);
                }
                ControlFlow::Continue(())
            });
            prop_assert_eq!(flow, ControlFlow::Continue(()));
            let weights = levels.weights(Weighting::Rarity);
            for (i, left) in sets.iter().enumerate() {
                for (j, right) in sets.iter().enumerate() {
                    let common = left.intersection(right).cloned().collect();
                    let naive = Overlap::of_sizes(weigh(&common), weigh(left), weigh(right));
                    let value = Measure::Jaccard.of(levels.overlap(i, j, &weights));
                    prop_assert!((value - Measure::Jaccard.of(naive)).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn epochs_of_rpm_are_a_part_of_versions() {
        let [a, b, c] = ["pkg:rpm/a@1-1?epoch=1", "pkg:rpm/a@1:1-1", "pkg:rpm/a@1-1?epoch=0"]
            .map(|purl| Package::from_purl(purl).unwrap());
        for selection in PackageSelection::ALL {
            assert_eq!(selection.key(&a), selection.key(&b));
            let is_same = selection.key(&a) == selection.key(&c);
            assert_eq!(is_same, selection == PackageSelection::Names);
        }
    }

    #[test]
    fn selections_are_named() {
        for selection in PackageSelection::ALL {
            assert_eq!(selection.to_string().parse(), Ok(selection));
        }
        assert!("files".parse::<PackageSelection>().unwrap_err().contains("\"files\""));
    }
}
