//! The part of `oskin.compare/1` about packages.

use super::compare::SelectionReport;
use crate::image::{Package, Packages};
use crate::path_set::Overlap;
use serde::Serialize;
use std::collections::BTreeSet;

/// How the packages of two images compare, counted in three ways.
#[derive(Clone, Debug, Serialize)]
pub struct PackagesReport {
    /// Whether both have the same packages in the same versions for the same machines, and any.
    pub same: bool,
    /// By kind and name; the namespace counts where it is a part of the name, as in npm, not where it
    /// is the vendor, as in deb.
    pub names: SelectionReport,
    /// By these and version.
    pub versions: SelectionReport,
    /// By these and architecture.
    pub architectures: SelectionReport,
}

impl PackagesReport {
    /// Compares two lists. O(n log n).
    pub fn new(left: &Packages, right: &Packages) -> Self {
        let architectures =
            overlap([left, right], |it| (it.full_name(), it.version.as_str(), it.architecture()));
        Self {
            same: architectures.is_same(),
            names: SelectionReport::new(overlap([left, right], Package::full_name)),
            versions: SelectionReport::new(overlap([left, right], |it| {
                (it.full_name(), it.version.as_str())
            })),
            architectures: SelectionReport::new(architectures),
        }
    }

    pub(super) fn summary(&self, left: &str, right: &str) -> String {
        let (names, versions) = (&self.names, &self.versions);
        if self.same {
            let count = self.architectures.common;
            let s = if count == 1 { "" } else { "s" };
            return format!("{left} and {right} hold the same {count} package{s}.");
        }
        match (names.left, names.right) {
            (0, 0) => {
                format!("Neither {left} nor {right} holds a package: there is nothing to compare.")
            }
            (0, _) => format!("{left} holds no package: there is nothing to compare."),
            (_, 0) => format!("{right} holds no package: there is nothing to compare."),
            _ => format!(
                "{left} and {right} have {} of {} packages in common by name (Dice {:.3}), {} in the same version.",
                names.common,
                names.left + names.right - names.common,
                names.dice,
                versions.common
            ),
        }
    }
}

fn overlap<'p, K: Ord>(sides: [&'p Packages; 2], key: impl Fn(&'p Package) -> K) -> Overlap {
    let [left, right] = sides.map(|it| it.list().iter().map(&key).collect::<BTreeSet<K>>());
    let common = left.intersection(&right).count() as u64;
    Overlap::of_sizes(common, left.len() as u64, right.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(purls: &[&str]) -> Packages {
        Packages::new(purls.iter().map(|it| Package::from_purl(it).unwrap()).collect(), true)
    }

    #[test]
    fn packages_are_counted_by_name_version_and_machine() {
        let left = packages(&[
            "pkg:deb/debian/a@1?arch=amd64",
            "pkg:deb/debian/a@1?arch=i386",
            "pkg:deb/debian/b@1?arch=all",
            "pkg:npm/c@1",
        ]);
        let right = packages(&[
            "pkg:deb/ubuntu/a@1?arch=amd64&distro=x",
            "pkg:deb/ubuntu/b@2?arch=all",
            "pkg:pypi/c@1",
        ]);
        let report = PackagesReport::new(&left, &right);
        let counts = |it: &SelectionReport| (it.left, it.right, it.common);
        assert_eq!(counts(&report.names), (3, 3, 2));
        assert_eq!(counts(&report.versions), (3, 3, 1));
        assert_eq!(counts(&report.architectures), (4, 3, 1));
        assert!(!report.same);
        assert!(PackagesReport::new(&left, &left).same);
        assert_eq!(
            report.summary("x", "y"),
            "x and y have 2 of 4 packages in common by name (Dice 0.667), 1 in the same version."
        );
    }

    #[test]
    fn nothing_is_not_the_same_as_nothing() {
        let none = packages(&[]);
        let report = PackagesReport::new(&none, &none);
        assert!(!report.same);
        assert!(report.summary("x", "y").contains("nothing to compare"));
        let one = packages(&["pkg:npm/c@1"]);
        assert!(!PackagesReport::new(&none, &one).same);
        assert_eq!(
            PackagesReport::new(&one, &one).summary("x", "y"),
            "x and y hold the same 1 package."
        );
    }
}
