//! R: each installed package has a `DESCRIPTION`.
//!
//! Source: "Writing R Extensions", section 1.1.1, and "R Installation and Administration", section 6.

use super::parts::{above, each_field, found, license, names_from_end, text};
use crate::software::{FoundPackage, Record};

/// Whether a path is the description of an installed package: `library/NAME/DESCRIPTION`, or below the version and
/// the platform, as renv keeps them.
pub(super) fn is_description(path: &[u8]) -> bool {
    let mut names = names_from_end(path);
    if names.next() != Some(b"DESCRIPTION") || names.next().is_none() {
        return false;
    }
    let is_library = |name: Option<&[u8]>| matches!(name, Some(b"library" | b"site-library"));
    let parents = [names.next(), names.next(), names.next()];
    is_library(parents[0])
        || (is_library(parents[2]) && parents[1].is_some_and(|name| name.starts_with(b"R-")))
}

/// Reads a description. O(bytes).
pub(super) fn read(path: &[u8], content: &[u8]) -> Record {
    let mut told = [const { String::new() }; 5];
    let mut depends = Vec::new();
    each_field(&text(content), " ", |name, value| {
        let [package, version, license, priority, built] = &mut told;
        let place = match name {
            "Package" => package,
            "Version" => version,
            "License" => license,
            "Priority" => priority,
            "Built" => built,
            "Depends" | "Imports" => {
                depends.extend(value.split(',').filter_map(requirement));
                return;
            }
            _ => return,
        };
        value.clone_into(place);
    });
    let [name, version, terms, priority, built] = told;
    let mut record = Record::default();
    // Only what was installed was built; sources, and templates of new packages, have the same name.
    if built.is_empty() {
        return record;
    }
    let Some(package) = found("cran", "", &name, &version) else {
        record.warnings.push("it names no package of R".to_owned());
        return record;
    };
    record.packages.push(FoundPackage {
        license: license(&terms),
        directory: above(path, 1).to_vec(),
        depends,
        asked_for: (priority == "base" || priority == "recommended").then_some(false),
        essential: priority == "base",
        ..package
    });
    record
}

/// The name in `NAME (>= 1.0)`; R itself is no package.
fn requirement(text: &str) -> Option<String> {
    let name = text.split('(').next()?.trim();
    (!name.is_empty() && name != "R").then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_of_installed_packages_are_read() {
        let text = "Package: Rcpp\nTitle: x\n with: more\nVersion: 1.0.10\nDepends: R (>= 3.5.0)\nImports: methods, utils (>=\n 1), graphics\nLicense: GPL (>= 2)\nBuilt: R 4.2.2; x86_64-pc-linux-gnu; 2023; unix\n";
        let path = b"usr/lib/R/site-library/Rcpp/DESCRIPTION";
        let package = read(path, text.as_bytes()).packages.remove(0);
        assert_eq!(package.package.to_string(), "pkg:cran/Rcpp@1.0.10");
        assert_eq!(package.depends, ["methods", "utils", "graphics"]);
        assert_eq!((package.license.as_str(), package.asked_for), ("GPL (>= 2)", None));
        assert_eq!(package.directory, b"usr/lib/R/site-library/Rcpp");
        let base = read(path, b"Package: base\nVersion: 4\nPriority: base\nBuilt: R 4\n");
        assert!(base.packages[0].essential);
        assert_eq!(read(path, b"Package: a\nVersion: 1\n"), Record::default());
    }

    #[test]
    fn descriptions_stand_in_libraries() {
        for (path, expected) in [
            ("usr/lib/R/library/base/DESCRIPTION", true),
            ("srv/renv/library/R-4.3/x86_64-pc-linux-gnu/a/DESCRIPTION", true),
            ("library/DESCRIPTION", false),
            ("src/a/DESCRIPTION", false),
            ("DESCRIPTION", false),
        ] {
            assert_eq!(is_description(path.as_bytes()), expected, "{path}");
        }
    }
}
