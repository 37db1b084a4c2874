//! Which packages own the files of well-known programs: their version is that of the program.

use crate::image::{Package, recorded_package};
use crate::path::split_name;
use crate::software::FoundPackage;
use crate::software::programs::Table;
use std::collections::{BTreeMap, BTreeSet};

use super::names;

/// Whether a package is one of a whole system.
pub(super) fn is_of_system(package: &Package) -> bool {
    matches!(package.kind.as_str(), "deb" | "apk" | "rpm" | "alpm" | "opkg")
}

/// The well-known programs whose files packages of a system own, each with the version of its package.
///
/// A package of the name of a program may be empty, and have a version of its own (`golang-go`, `mysql-common`). Of
/// several owners those that another one needs have the program itself, the others links to it: `golang-go` owns
/// `usr/bin/go` and needs `golang-1.19-go`, which owns `usr/lib/go-1.19/bin/go`. O(files).
pub(super) fn versions<'p>(
    packages: &'p [FoundPackage],
    table: &Table,
) -> BTreeSet<(String, &'p str)> {
    let mut owners: BTreeMap<String, BTreeMap<&str, &'p FoundPackage>> = BTreeMap::new();
    for found in packages.iter().filter(|it| is_of_system(&it.package)) {
        for program in found.files.iter().filter_map(|path| program(path, table)) {
            owners.entry(program).or_default().insert(&found.package.name, found);
        }
    }
    let mut versions = BTreeSet::new();
    for (program, owners) in owners {
        let is_needed = |it: &FoundPackage| {
            let mut others = owners.values().filter(|other| other.package.name != it.package.name);
            others.any(|other| {
                let mut names = std::iter::once(&it.package.name).chain(&it.provides);
                names.any(|name| other.depends.contains(name))
            })
        };
        let needed: Vec<_> = owners.values().filter(|it| is_needed(it)).collect();
        let all = if needed.is_empty() { owners.values().collect() } else { needed };
        versions.extend(all.iter().map(|it| (program.clone(), it.package.version.as_str())));
    }
    versions
}

/// The well-known program whose file this is.
fn program(path: &[u8], table: &Table) -> Option<String> {
    let (directory, name) = split_name(path);
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    let (_, last) = split_name(directory);
    if !matches!(last, b"bin" | b"sbin" | b"libexec") {
        return None;
    }
    let name = std::str::from_utf8(name).ok()?;
    // `python3.11` is python.
    let stem = name.trim_end_matches(|it: char| it.is_ascii_digit() || matches!(it, '.' | '-'));
    let known = table.named(name).or_else(|| table.named(stem).filter(|_| stem.len() > 2))?;
    Some(known.name.clone())
}

/// The names that the packages of the base are of, as far as its paths tell them.
pub(super) fn recorded(paths: &[&[u8]], table: &Table) -> BTreeSet<String> {
    let recorded = paths.iter().filter_map(|path| recorded_package(path));
    recorded.filter_map(|it| names::name(it.as_bytes(), table)).map(|it| it.key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, files: &[&str], depends: &[&str]) -> FoundPackage {
        FoundPackage {
            package: Package { kind: "deb".to_owned(), ..Package::generic("", name, version) },
            files: files.iter().map(|it| it.as_bytes().to_vec()).collect(),
            depends: depends.iter().map(|it| (*it).to_owned()).collect(),
            ..FoundPackage::default()
        }
    }

    fn told(packages: &[FoundPackage]) -> Vec<(String, &str)> {
        versions(packages, Table::built_in()).into_iter().collect()
    }

    #[test]
    fn the_owner_of_the_file_tells_and_not_that_of_a_link_to_it() {
        let go = [
            package("golang-go", "2:1.19~1", &["usr/bin/go", "usr/lib/go"], &["golang-1.19-go"]),
            package("golang-1.19-go", "1.19.8-2", &["usr/lib/go-1.19/bin/go"], &[]),
        ];
        assert_eq!(told(&go), [("go".to_owned(), "1.19.8-2")]);
        assert_eq!(told(&go[..1]), [("go".to_owned(), "2:1.19~1")]);
        let common = package("mysql-common", "5.8+1.0.7", &["etc/mysql/my.cnf.fallback"], &[]);
        assert_eq!(told(&[common]), []);
        let python = package("python3.11-minimal", "3.11.2-6", &["usr/bin/python3.11"], &[]);
        assert_eq!(told(&[python]), [("python".to_owned(), "3.11.2-6")]);
    }

    #[test]
    fn records_of_packages_tell_names() {
        let paths: [&[u8]; 2] = [b"var/lib/dpkg/info/lighttpd.list", b"etc/nginx/nginx.conf"];
        let told: Vec<String> = recorded(&paths, Table::built_in()).into_iter().collect();
        assert_eq!(told, ["lighttpd"]);
    }
}
