//! The part of `oskin.compare/1` about packages.

use super::compare::SelectionReport;
use crate::image::{Package, Packages};
use crate::measure::PackageSelection;
use crate::path_set::Overlap;
use crate::software::programs::Table;
use crate::software::{Change, ChangeKind, changes, tags};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

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
    /// How many packages are the same, newer, older, and only in one.
    pub changes: PackageChanges,
    /// Which packages were asked for: all else here is of them alone. `None` for all.
    pub filter: Option<PackageFilter>,
    /// What differs: upgraded, downgraded, succeeded, equivalent, only left, only right; of each by type and name. If
    /// packages were asked for, those that are the same come last.
    pub differences: Vec<PackageChange>,
}

/// Which packages are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackageFilter {
    /// Names as they were asked for, with `*` for any text; all if there are none.
    pub names: Vec<String>,
    /// Types of package URLs; all if there are none.
    pub types: Vec<String>,
}

/// What became of the packages of the left image in the right one, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PackageChanges {
    /// The same version for the same machine.
    pub same: u64,
    /// The right one is newer.
    pub upgraded: u64,
    /// The right one is older.
    pub downgraded: u64,
    /// The right image has one of another name in its place, since the name has a version in it.
    pub succeeded: u64,
    /// The same version, but written otherwise or for another machine.
    pub equivalent: u64,
    /// Only in the left image.
    pub left_only: u64,
    /// Only in the right image.
    pub right_only: u64,
}

/// A package of one image, or of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackageChange {
    /// `upgraded`, `downgraded`, `succeeded`, `equivalent`, `left-only`, `right-only`, `same`.
    pub kind: &'static str,
    /// The type of its package URL.
    #[serde(rename = "type")]
    pub package_type: String,
    /// Its name, with the namespace where that is a part of it.
    pub name: String,
    /// The name in the right image, if it is another: `libssl3` in the place of `libssl1.1`.
    pub right_name: Option<String>,
    /// The version of the left image, of rpm with its epoch unless that is 0; empty if none is told, null if the package
    /// is not there.
    pub left: Option<String>,
    /// That of the right image.
    pub right: Option<String>,
    /// The machine that the left one is for; null if the package is not there, empty if that is not told.
    pub left_architecture: Option<String>,
    /// That of the right one.
    pub right_architecture: Option<String>,
    /// The well-known program (`oskin tags --list-programs`) that it is of, by its name; null for libraries and others.
    pub program: Option<String>,
    /// Whether somebody asked for it in one of the images, or it came along; null if neither tells.
    pub asked_for: Option<bool>,
}

impl PackageChange {
    fn new(change: &Change<'_>) -> Self {
        let version = |it: &Package| it.full_version().into_owned();
        let architecture = |it: &Package| it.architecture().to_owned();
        let package = change.left.or(change.right);
        let names = [change.left, change.right].map(|it| it.map(Package::shown_name));
        let program = package.and_then(|it| tags::program_of(it, Table::built_in()));
        let [left_name, right_name] = names;
        Self {
            kind: change.kind.name(),
            package_type: package.map(|it| it.kind.clone()).unwrap_or_default(),
            name: left_name.clone().or_else(|| right_name.clone()).unwrap_or_default(),
            right_name: right_name.filter(|it| left_name.as_ref().is_some_and(|left| left != it)),
            left: change.left.map(version),
            right: change.right.map(version),
            left_architecture: change.left.map(architecture),
            right_architecture: change.right.map(architecture),
            program: program.map(|it| it.name.clone()),
            asked_for: None,
        }
    }

    /// What became of it, in words.
    fn sentence(&self, left: &str, right: &str) -> String {
        let version = |it: &Option<String>| match it.as_deref() {
            None => "none".to_owned(),
            Some("") => "a version that is not told".to_owned(),
            Some(version) => version.to_owned(),
        };
        let (one, other) = (version(&self.left), version(&self.right));
        let (name, kind) = (&self.name, self.kind);
        match &self.right_name {
            Some(successor) => format!("{name} {one} and {successor} {other} ({kind})"),
            None if kind == "same" => format!("{name}: {one} in both (same)"),
            None if self.left.is_none() || self.right.is_none() => {
                format!("{name}: {one} in {left}, {other} in {right} ({kind})")
            }
            None => format!("{name}: {one} and {other} ({kind})"),
        }
    }
}

impl PackageFilter {
    /// What is asked for, in words: `package python3 or php* of type deb`.
    fn words(&self) -> String {
        let of = |before: &str, list: &[String]| match list {
            [] => String::new(),
            list => format!(" {before} {}", list.join(" or ")),
        };
        format!("package{}{}", of("called", &self.names), of("of type", &self.types))
    }
}

/// How many packages that were asked for are told in words.
const MAX_SENTENCES: usize = 3;

impl PackagesReport {
    /// Compares two lists. O(n log n).
    pub fn new(left: &Packages, right: &Packages) -> Self {
        Self::of(left, right, None)
    }

    /// Compares what was asked for: lists of nothing else. O(n log n).
    pub fn filtered(left: &Packages, right: &Packages, filter: PackageFilter) -> Self {
        Self::of(left, right, Some(filter))
    }

    fn of(left: &Packages, right: &Packages, filter: Option<PackageFilter>) -> Self {
        let by = |selection: PackageSelection| overlap([left, right], |it| selection.key(it));
        let architectures = by(PackageSelection::Architectures);
        let mut all = changes(left, right);
        let count = |kind| all.iter().filter(|it| it.kind == kind).count() as u64;
        let counts = PackageChanges {
            same: count(ChangeKind::Same),
            upgraded: count(ChangeKind::Upgraded),
            downgraded: count(ChangeKind::Downgraded),
            succeeded: count(ChangeKind::Succeeded),
            equivalent: count(ChangeKind::Equivalent),
            left_only: count(ChangeKind::LeftOnly),
            right_only: count(ChangeKind::RightOnly),
        };
        all.retain(|it| it.kind != ChangeKind::Same || filter.is_some());
        all.sort_by_key(|it| it.kind);
        Self {
            same: architectures.is_same(),
            changes: counts,
            filter,
            differences: all.iter().map(PackageChange::new).collect(),
            names: SelectionReport::new(by(PackageSelection::Names)),
            versions: SelectionReport::new(by(PackageSelection::Versions)),
            architectures: SelectionReport::new(architectures),
        }
    }

    /// Tells which packages somebody asked for, by type and name.
    pub fn tell_asked_for(&mut self, asked_for: &BTreeMap<(String, String), bool>) {
        for it in &mut self.differences {
            let names = [Some(&it.name), it.right_name.as_ref()].into_iter().flatten();
            let told = names.filter_map(|name| {
                asked_for.get(&(it.package_type.clone(), name.clone())).copied()
            });
            it.asked_for = told.reduce(|one, other| one || other);
        }
    }

    /// Whether any of the two has a package.
    pub fn is_of_any(&self) -> bool {
        self.names.left + self.names.right > 0
    }

    pub(super) fn summary(&self, left: &str, right: &str) -> String {
        let (names, versions) = (&self.names, &self.versions);
        if let Some(filter) = &self.filter {
            let of_all = self.differences.iter().map(|it| it.sentence(left, right));
            match self.differences.len() {
                0 => return format!("Neither {left} nor {right} has a {}.", filter.words()),
                1..=MAX_SENTENCES => return of_all.collect::<Vec<_>>().join("; "),
                _ => (),
            }
        }
        if self.same {
            let count = self.architectures.common;
            let s = if count == 1 { "" } else { "s" };
            return format!("{left} and {right} hold the same {count} package{s}.");
        }
        match (names.left, names.right) {
            (0, 0) => {
                format!(
                    "Neither {left} nor {right} has any package that oskin reads: there is nothing to compare."
                )
            }
            (0, _) => format!("{left} holds no package: there is nothing to compare."),
            (_, 0) => format!("{right} holds no package: there is nothing to compare."),
            _ => format!(
                "{left} and {right} have {} of {} packages in common by name (Dice {:.3}), {} in the same version. {}",
                names.common,
                names.left + names.right - names.common,
                names.dice,
                versions.common,
                self.changes.sentence(left, right)
            ),
        }
    }
}

impl PackageChanges {
    /// What differs, in a sentence.
    fn sentence(&self, left: &str, right: &str) -> String {
        let parts: Vec<String> = [
            (self.upgraded, format!("newer in {right}")),
            (self.downgraded, format!("older in {right}")),
            (self.succeeded, format!("under another name in {right} (with the version in it)")),
            (self.equivalent, "the same but for spelling or machine".to_owned()),
            (self.left_only, format!("only in {left}")),
            (self.right_only, format!("only in {right}")),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        format!("Of the others: {}.", parts.join(", "))
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
        assert!(PackagesReport::new(&left, &left).differences.is_empty());
        let told: Vec<_> =
            report.differences.iter().map(|it| (it.kind, it.name.as_str())).collect();
        let expected =
            [("upgraded", "b"), ("left-only", "a"), ("left-only", "c"), ("right-only", "c")];
        assert_eq!(told, expected);
        assert_eq!(
            report.summary("x", "y"),
            "x and y have 2 of 4 packages in common by name (Dice 0.667), 1 in the same version. \
             Of the others: 1 newer in y, 2 only in x, 1 only in y."
        );
    }

    #[test]
    fn epochs_of_rpm_are_told() {
        let left = packages(&["pkg:rpm/a@9-1?epoch=1", "pkg:rpm/b@1-1?epoch=0"]);
        let right = packages(&["pkg:rpm/a@1-1?epoch=2", "pkg:rpm/b@1-1"]);
        let report = PackagesReport::new(&left, &right);
        assert_eq!((report.changes.same, report.changes.upgraded), (1, 1));
        let told = &report.differences[0];
        assert_eq!([&told.left, &told.right].map(Option::as_deref), [Some("1:9-1"), Some("2:1-1")]);
        assert!(!report.same && report.versions.common == 1);
    }

    #[test]
    fn what_was_asked_for_is_told_in_words() {
        let filter = || PackageFilter { names: vec!["python3*".to_owned()], types: Vec::new() };
        let told = |left: &[&str], right: &[&str]| {
            let report = PackagesReport::filtered(&packages(left), &packages(right), filter());
            report.summary("x", "y")
        };
        let old = "pkg:deb/debian/python3@3.11.2-1?arch=amd64";
        let new = "pkg:deb/debian/python3@3.13.5-1?arch=amd64";
        assert_eq!(told(&[old], &[new]), "python3: 3.11.2-1 and 3.13.5-1 (upgraded)");
        assert_eq!(told(&[old], &[old]), "python3: 3.11.2-1 in both (same)");
        assert_eq!(told(&[], &[old]), "python3: none in x, 3.11.2-1 in y (right-only)");
        assert_eq!(told(&[], &[]), "Neither x nor y has a package called python3*.");
        let (older, newer) =
            ("pkg:deb/debian/python3.11@3.11.2-6", "pkg:deb/debian/python3.13@3.13.5-2");
        let report =
            PackagesReport::filtered(&packages(&[old, older]), &packages(&[old, newer]), filter());
        assert_eq!(
            report.summary("x", "y"),
            "python3.11 3.11.2-6 and python3.13 3.13.5-2 (succeeded); python3: 3.11.2-1 in both (same)"
        );
        assert_eq!((report.changes.succeeded, report.changes.same), (1, 1));
        assert_eq!(report.differences[0].right_name.as_deref(), Some("python3.13"));
        assert_eq!(report.differences[0].program.as_deref(), Some("python"));
    }

    #[test]
    fn packages_that_somebody_asked_for_are_told() {
        let (left, right) =
            (packages(&["pkg:deb/debian/a@1", "pkg:deb/debian/b@1"]), packages(&[]));
        let mut report = PackagesReport::new(&left, &right);
        let asked = |name: &str, is| (("deb".to_owned(), name.to_owned()), is);
        report.tell_asked_for(&BTreeMap::from([asked("b", true), asked("c", false)]));
        let told: Vec<_> = report.differences.iter().map(|it| it.asked_for).collect();
        assert_eq!(told, [None, Some(true)]);
    }

    #[test]
    fn nothing_is_not_the_same_as_nothing() {
        let none = packages(&[]);
        let report = PackagesReport::new(&none, &none);
        assert!(!report.same);
        assert!(report.summary("x", "y").contains("nothing to compare"));
        assert!(
            report
                .summary("x", "y")
                .starts_with("Neither x nor y has any package that oskin reads")
        );
        let one = packages(&["pkg:npm/c@1"]);
        assert!(!PackagesReport::new(&none, &one).same);
        assert_eq!(
            PackagesReport::new(&one, &one).summary("x", "y"),
            "x and y hold the same 1 package."
        );
    }
}
