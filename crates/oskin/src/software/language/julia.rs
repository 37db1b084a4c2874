//! Julia: the `Project.toml` of each package in a depot, and of the libraries that come with Julia.
//!
//! Source: the documentation of Pkg, "Project.toml and Manifest.toml" and "Depots"; the julia type of the purl
//! specification.

use super::parts::{above, found, names_from_end, qualify, quoted, text};
use crate::software::{FoundPackage, Record};

/// Whether a path is the project of an installed package: `packages/NAME/SLUG/Project.toml`, or
/// `stdlib/VERSION/NAME/Project.toml`.
pub(super) fn is_project(path: &[u8]) -> bool {
    let mut names = names_from_end(path);
    if !matches!(names.next(), Some(b"Project.toml" | b"JuliaProject.toml")) {
        return false;
    }
    let [slug, name, parent] = [names.next(), names.next(), names.next()];
    // A slug is made of a hash: four or five letters and digits.
    let is_slug = |slug: &[u8]| (4..=5).contains(&slug.len()) && slug.is_ascii();
    match parent {
        Some(b"packages") => slug.is_some_and(is_slug),
        Some(b"stdlib") => name.is_some_and(|name| name.starts_with(b"v")),
        _ => false,
    }
}

/// Reads a project: `name`, `uuid` and `version` stand first, then tables, of which `deps` counts. O(bytes).
pub(super) fn read(path: &[u8], content: &[u8]) -> Record {
    let mut told = [const { String::new() }; 3];
    let mut depends = Vec::new();
    let mut table = String::new();
    for line in text(content).lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            header.split(']').next().unwrap_or_default().clone_into(&mut table);
        } else if let Some((key, value)) = line.split_once('=') {
            let (key, value) = (key.trim(), quoted(value).unwrap_or_default());
            let [name, uuid, version] = &mut told;
            match (table.as_str(), key) {
                ("", "name") => value.clone_into(name),
                ("", "uuid") => value.clone_into(uuid),
                ("", "version") => value.clone_into(version),
                ("deps", name) if !name.is_empty() => depends.push(name.to_owned()),
                _ => {}
            }
        }
    }
    let [name, uuid, version] = told;
    let mut record = Record::default();
    let Some(mut package) = found("julia", "", &name, &version) else {
        record.warnings.push("it names no package of julia".to_owned());
        return record;
    };
    qualify(&mut package, "uuid", &uuid);
    let is_standard = names_from_end(path).nth(3) == Some(b"stdlib");
    record.packages.push(FoundPackage {
        directory: above(path, 1).to_vec(),
        depends,
        asked_for: is_standard.then_some(false),
        ..package
    });
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_in_depots_are_packages() {
        let toml = "name = \"JSON\"\nuuid = \"682c06a0\" # x\nauthors = [\"a\"]\nversion = \"0.21.4\"\n\n[deps]\nDates = \"ade2ca70\"\n\n[compat]\njulia = \"1\"\n[extras]\nname = \"x\"\n";
        let path = b"root/.julia/packages/JSON/93Ea8/Project.toml";
        assert!(is_project(path));
        let package = read(path, toml.as_bytes()).packages.remove(0);
        assert_eq!(package.package.to_string(), "pkg:julia/JSON@0.21.4?uuid=682c06a0");
        assert_eq!((&package.depends[..], package.asked_for), (&["Dates".to_owned()][..], None));
        let standard = b"usr/share/julia/stdlib/v1.9/Dates/Project.toml";
        assert!(is_project(standard));
        assert_eq!(read(standard, b"name = \"Dates\"").packages[0].asked_for, Some(false));
        assert!(!is_project(b"root/.julia/packages/JSON/93Ea8/docs/Project.toml"));
        assert!(!is_project(b"Project.toml"));
    }
}
