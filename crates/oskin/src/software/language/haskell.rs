//! Haskell: each package that GHC knows has a file in a `package.conf.d`.
//!
//! Source: the user guide of GHC, "`InstalledPackageInfo`: a package specification".

use super::parts::{each_field, found, license, names_from_end, text};
use crate::software::{FoundPackage, Record};

/// Whether a path is the specification of a package.
pub(super) fn is_specification(path: &[u8]) -> bool {
    let mut names = names_from_end(path);
    let ends_well = names.next().is_some_and(|name| name.len() > 5 && name.ends_with(b".conf"));
    ends_well && names.next() == Some(b"package.conf.d")
}

/// Reads a specification. O(bytes).
pub(super) fn read(path: &[u8], content: &[u8]) -> Record {
    let mut told = [const { String::new() }; 3];
    let mut depends = Vec::new();
    // Descriptions have empty lines in them, which end nothing here.
    let told_text = text(content);
    let lines: Vec<&str> = told_text.lines().filter(|line| !line.trim().is_empty()).collect();
    each_field(&lines.join("\n"), " ", |name, value| {
        let [package, version, license] = &mut told;
        match name {
            "name" => value.clone_into(package),
            "version" => value.clone_into(version),
            "license" => value.clone_into(license),
            "depends" => depends.extend(value.split_whitespace().map(name_of_unit)),
            _ => {}
        }
    });
    let [name, version, terms] = told;
    let mut record = Record::default();
    match found("hackage", "", &name, &version) {
        Some(package) => record.packages.push(FoundPackage {
            license: license(&terms),
            files: vec![path.to_vec()],
            depends,
            ..package
        }),
        None => record.warnings.push("it names no package of haskell".to_owned()),
    }
    record
}

/// The name in `aeson-2.0.3.0-4Kq7` or `base-4.16.1.0`.
fn name_of_unit(unit: &str) -> String {
    let is_version = |at: &usize| {
        unit.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let end = unit.match_indices('-').map(|(at, _)| at).find(is_version);
    unit.get(..end.unwrap_or(unit.len())).unwrap_or(unit).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_are_read() {
        let told = "name:                 aeson\nversion:              2.0.3.0\nlicense:              BSD-3-Clause\ndescription:\n    a\n\n    b\ndepends:\n    base-4.16.1.0 attoparsec-iso8601-1.0-8x\n    text-2\n";
        let path = b"var/lib/ghc/package.conf.d/aeson-2.0.3.0.conf";
        assert!(is_specification(path) && !is_specification(b"etc/package.conf"));
        let package = read(path, told.as_bytes()).packages.remove(0);
        assert_eq!(package.package.to_string(), "pkg:hackage/aeson@2.0.3.0");
        assert_eq!(
            (package.license.as_str(), &package.depends[..]),
            ("BSD-3-Clause", &["base", "attoparsec-iso8601", "text"].map(str::to_owned)[..])
        );
    }
}
