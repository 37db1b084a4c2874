//! Packages below `node_modules`: each has a `package.json`.
//!
//! Source: the documentation of npm, "package.json" and "folders".

use super::json::{self, Fields, Licenses, Text, Texts};
use super::parts::{above, found_scoped, names_from_end, word};
use crate::software::{FoundPackage, Record};
use serde::de::MapAccess;

/// Whether a path is the `package.json` of a package itself: `node_modules/NAME/package.json` or
/// `node_modules/@SCOPE/NAME/package.json`. Those deeper inside of a package tell how to load a part of it.
pub(super) fn is_manifest(path: &[u8]) -> bool {
    let mut names = names_from_end(path);
    if names.next() != Some(b"package.json") {
        return false;
    }
    // `.bin`, `.cache` and `.pnpm` stand among the packages and are none.
    let is_name = |name: &[u8]| !name.is_empty() && !name.starts_with(b".");
    let Some(name) = names.next().filter(|name| is_name(name) && !name.starts_with(b"@")) else {
        return false;
    };
    let parent = match names.next() {
        Some(scope) if scope.starts_with(b"@") && name != b"node_modules" => names.next(),
        other => other,
    };
    parent == Some(b"node_modules") || parent == Some(b"nodejs") && is_of_debian(names.next())
}

/// Whether a directory `nodejs` in this one is where Debian has packages of Node: `usr/share/nodejs`, and
/// `usr/lib/TRIPLET/nodejs` and `usr/lib/nodejs` for those with compiled parts.
fn is_of_debian(parent: Option<&[u8]>) -> bool {
    parent.is_some_and(|name| matches!(name, b"share" | b"lib") || name.ends_with(b"-linux-gnu"))
}

/// Directories of packages, of Node and of other languages: what stands in them is a part of a package.
const PACKAGE_PLACES: [&[u8]; 6] =
    [b"node_modules", b"site-packages", b"dist-packages", b"gems", b"vendor", b"third_party"];

/// Whether a path is the `package.json` of a program that has its packages beside it: one that is no part of a
/// package.
pub(super) fn is_program(path: &[u8]) -> bool {
    let mut names = names_from_end(path).peekable();
    if names.next() != Some(b"package.json") {
        return false;
    }
    while let Some(name) = names.next() {
        let is_of_debian = name == b"nodejs" && is_of_debian(names.peek().copied());
        if is_of_debian || PACKAGE_PLACES.contains(&name) {
            return false;
        }
    }
    true
}

#[derive(Debug, Default)]
struct Manifest {
    name: Text,
    version: Text,
    license: Licenses,
    licenses: Licenses,
    dependencies: Texts,
    peers: Texts,
    /// Whether it has commands.
    has_bin: bool,
    /// What npm before version 7 wrote of who wanted the package.
    required_by: Option<Texts>,
}

impl Fields for Manifest {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "version" => self.version = map.next_value()?,
            "license" => self.license = map.next_value()?,
            "licenses" => self.licenses = map.next_value()?,
            "dependencies" => self.dependencies = map.next_value()?,
            "peerDependencies" => self.peers = map.next_value()?,
            "bin" => {
                map.next_value::<serde::de::IgnoredAny>()?;
                self.has_bin = true;
            }
            "_requiredBy" => self.required_by = Some(map.next_value()?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Reads the manifest of a package. O(bytes).
pub(super) fn read(path: &[u8], content: &[u8]) -> Record {
    let mut manifest = Manifest::default();
    let mut record = Record::default();
    record.warnings.extend(json::read(content, &mut manifest));
    // A file without both only says how the modules beside it are to be loaded.
    let name = manifest.name.0.as_deref().filter(|name| !name.trim().is_empty());
    if name.is_none() && manifest.version.0.is_none() {
        return record;
    }
    let directory = above(path, 1);
    let folder = String::from_utf8_lossy(folder_name(directory)).into_owned();
    let Some(package) = found_scoped("npm", name.unwrap_or(&folder), manifest.version.as_str())
    else {
        record.warnings.push("it names no package".to_owned());
        return record;
    };
    let license = [manifest.license.any(), manifest.licenses.any()];
    record.packages.push(FoundPackage {
        license: license.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
        directory: directory.to_vec(),
        asked_for: asked_for(directory, manifest.required_by.as_ref()),
        depends: manifest.dependencies.0.into_iter().chain(manifest.peers.0).collect(),
        ..package
    });
    record
}

/// Reads the manifest of a program: what it needs was asked for. The program itself is told if it has name, version,
/// and either needs or commands; parts of programs of other kinds have such files as well. O(bytes).
pub(super) fn read_program(path: &[u8], content: &[u8]) -> Record {
    let mut manifest = Manifest::default();
    let mut record = Record::default();
    // Sources, templates and tests of all kinds have this name, so that damage is none of our concern.
    if json::read(content, &mut manifest).is_some() {
        return record;
    }
    let asked_for: Vec<String> =
        manifest.dependencies.0.into_iter().filter_map(|name| found_name(&name)).collect();
    let package = found_scoped("npm", manifest.name.as_str(), manifest.version.as_str());
    let is_told = |it: &FoundPackage| {
        !it.package.version.is_empty() && (manifest.has_bin || !asked_for.is_empty())
    };
    record.packages.extend(package.filter(is_told).map(|package| FoundPackage {
        license: manifest.license.any(),
        directory: above(path, 1).to_vec(),
        depends: asked_for.clone(),
        ..package
    }));
    record.asked_for = asked_for;
    record
}

fn found_name(name: &str) -> Option<String> {
    word(name).map(str::to_owned)
}

/// `NAME` or `@SCOPE/NAME`, the end of a directory of a package.
fn folder_name(directory: &[u8]) -> &[u8] {
    let scope = above(directory, 1);
    let start = if names_from_end(scope).next().is_some_and(|name| name.starts_with(b"@")) {
        above(scope, 1).len() + 1
    } else {
        scope.len() + 1
    };
    directory.get(start..).unwrap_or_default()
}

/// Whether somebody asked for a package: npm before 7 wrote it down; later only the place tells. What stands in
/// `lib/node_modules` was installed by name for all programs, and what stands inside of a package came with it.
fn asked_for(directory: &[u8], required_by: Option<&Texts>) -> Option<bool> {
    if let Some(Texts(by)) = required_by.filter(|by| !by.0.is_empty()) {
        return Some(by.iter().any(|by| matches!(by.as_str(), "#USER" | "/" | "#DEV:/")));
    }
    let names = || names_from_end(directory);
    // The store of pnpm has all packages in it, whoever wanted them.
    if names().any(|name| name == b".pnpm") {
        return None;
    }
    let is_modules = |name: &&[u8]| *name == b"node_modules";
    if names().filter(is_modules).count() > 1 {
        return Some(false);
    }
    let is_global = names().skip_while(|name| !is_modules(name)).nth(1) == Some(b"lib");
    is_global.then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_manifests_of_packages_are_read() {
        for (path, expected) in [
            ("usr/lib/node_modules/npm/package.json", true),
            ("app/node_modules/@babel/core/package.json", true),
            ("node_modules/.pnpm/a@1.0.0/node_modules/a/package.json", true),
            ("usr/lib/node_modules/npm/node_modules/x/package.json", true),
            ("app/package.json", false),
            ("app/node_modules/package.json", false),
            ("app/node_modules/x/lib/package.json", false),
            ("app/node_modules/@babel/package.json", false),
            ("app/node_modules/@babel/core/lib/package.json", false),
            ("app/node_modules/.cache/package.json", false),
            ("package.json", false),
            ("usr/share/nodejs/acorn/package.json", true),
            ("usr/share/nodejs/@types/node/package.json", true),
            ("usr/lib/x86_64-linux-gnu/nodejs/a/package.json", true),
            ("usr/share/nodejs/acorn/dist/package.json", false),
            ("opt/nodejs/app/package.json", false),
        ] {
            assert_eq!(is_manifest(path.as_bytes()), expected, "{path}");
        }
    }

    fn one(path: &str, json: &str) -> FoundPackage {
        let record = read(path.as_bytes(), json.as_bytes());
        record.packages.into_iter().next().unwrap()
    }

    #[test]
    fn scopes_licences_and_needs_are_told() {
        let json = r#"{"name": "@babel/core", "version": "7.1.0", "license": {"type": "MIT"},
            "dependencies": {"semver": "^6", "@babel/x": "1"}, "peerDependencies": {"y": "*"},
            "devDependencies": {"z": "1"}}"#;
        let package = one("app/node_modules/@babel/core/package.json", json);
        assert_eq!(package.package.to_string(), "pkg:npm/%40babel/core@7.1.0");
        assert_eq!(package.license, "MIT");
        assert_eq!(package.depends, ["semver", "@babel/x", "y"]);
        assert_eq!(package.directory, b"app/node_modules/@babel/core");
        let alias = one("node_modules/alias/package.json", r#"{"name":"real","version":"1"}"#);
        assert_eq!(alias.package.name, "real");
        let unnamed = one("node_modules/@a/b/package.json", r#"{"version":"1"}"#);
        assert_eq!(unnamed.package.to_string(), "pkg:npm/%40a/b@1");
        let marker = read(b"node_modules/a/package.json", br#"{"type":"module"}"#);
        assert_eq!(marker, Record::default());
    }

    #[test]
    fn programs_tell_what_they_asked_for() {
        let program = |json: &str| read_program(b"opt/ghost/package.json", json.as_bytes());
        let record = program(
            r#"{"name":"ghost","version":"5.1.0","license":"MIT","dependencies":{"@tryghost/x":"1"}}"#,
        );
        assert_eq!(record.packages[0].package.to_string(), "pkg:npm/ghost@5.1.0");
        assert_eq!(
            (record.asked_for, &record.packages[0].directory[..]),
            (vec!["@tryghost/x".to_owned()], &b"opt/ghost"[..])
        );
        let purls = |json: &str| program(json).packages.len();
        assert_eq!(
            purls(r#"{"name":"yarn","version":"1.22.19","bin":{"yarn":"./bin/yarn.js"}}"#),
            1
        );
        assert_eq!(purls(r#"{"name":"part","version":"1.0"}"#), 0);
        assert_eq!(program("{{template}}"), Record::default());
        assert!(is_program(b"package.json") && is_program(b"opt/yarn-v1/package.json"));
        assert!(!is_program(b"a/node_modules/b/lib/package.json"));
        assert!(!is_program(b"gems/typeprof-0.21/vscode/package.json"));
        assert!(!is_program(b"usr/share/nodejs/acorn/dist/package.json"));
        assert!(is_program(b"opt/nodejs/app/package.json"));
    }

    #[test]
    fn the_place_or_npm_tells_who_asked() {
        let asked = |path: &str, more: &str| {
            one(path, &format!("{{\"name\":\"a\",\"version\":\"1\"{more}}}")).asked_for
        };
        assert_eq!(asked("usr/lib/node_modules/a/package.json", ""), Some(true));
        assert_eq!(asked("usr/lib/node_modules/b/node_modules/a/package.json", ""), Some(false));
        assert_eq!(asked("app/node_modules/a/package.json", ""), None);
        assert_eq!(asked("app/node_modules/.pnpm/a@1/node_modules/a/package.json", ""), None);
        let by = |by: &str| {
            asked("app/node_modules/a/package.json", &format!(",\"_requiredBy\":[{by}]"))
        };
        assert_eq!([by("\"/b\""), by("\"#USER\",\"/\""), by("")], [Some(false), Some(true), None]);
    }
}
