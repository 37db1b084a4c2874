//! PHP: what Composer installed, in one file for all packages of a program.
//!
//! Source: the documentation of Composer, "Vendor directory" and "The composer.json schema"; version 1 writes an array,
//! version 2 an object with the array in `packages`.

use super::json::{self, Fields, Licenses, Many, Object, Text, Texts};
use super::parts::{above, found_scoped, names_from_end, resolve};
use crate::software::{FoundPackage, Record};
use serde::de::{MapAccess, SeqAccess};

/// Whether a path is the list of what Composer installed.
pub(super) fn is_installed_list(path: &[u8]) -> bool {
    let mut names = names_from_end(path);
    names.next() == Some(b"installed.json") && names.next() == Some(b"composer")
}

/// Whether a path is the `composer.json` of a program, and not of a package that it needs.
pub(super) fn is_program(path: &[u8]) -> bool {
    let mut names = names_from_end(path);
    names.next() == Some(b"composer.json") && names.all(|name| name != b"vendor")
}

/// What a program needs was asked for. O(bytes).
pub(super) fn read_program(content: &[u8]) -> Record {
    let mut item = Item::default();
    // Sources and tests of all kinds have this name, so that damage is none of our concern.
    if json::read(content, &mut item).is_some() {
        return Record::default();
    }
    Record { asked_for: packages(item.require), ..Record::default() }
}

/// The packages among what is required; PHP itself and its extensions have no vendor.
fn packages(required: Texts) -> Vec<String> {
    let names = required.0.into_iter().filter(|name| name.contains('/'));
    names.map(|name| name.to_lowercase()).collect()
}

#[derive(Debug, Default)]
struct Installed(Vec<Item>);

impl Fields for Installed {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        let is_list = key == "packages";
        if is_list {
            map.next_value_seed(Object(&mut Many(&mut self.0)))?;
        }
        Ok(is_list)
    }

    fn items<'de, A: SeqAccess<'de>>(&mut self, seq: A) -> Result<(), A::Error> {
        Many(&mut self.0).items(seq)
    }
}

#[derive(Debug, Default)]
struct Item {
    name: Text,
    version: Text,
    license: Licenses,
    require: Texts,
    replace: Texts,
    provide: Texts,
    install_path: Text,
}

impl Fields for Item {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "version" => self.version = map.next_value()?,
            "license" => self.license = map.next_value()?,
            "require" => self.require = map.next_value()?,
            "replace" => self.replace = map.next_value()?,
            "provide" => self.provide = map.next_value()?,
            "install-path" => self.install_path = map.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Reads the list. O(bytes).
pub(super) fn read(path: &[u8], content: &[u8]) -> Record {
    let mut installed = Installed::default();
    let mut record = Record::default();
    record.warnings.extend(json::read(content, &mut installed));
    let composer = above(path, 1);
    let total = installed.0.len();
    // A long path before thousands of packages would fill the memory.
    let mut left = content.len().saturating_mul(16).saturating_add(64 * 1024);
    let packages = installed.0.into_iter().filter_map(|item| {
        let name = item.name.as_str();
        let package = found_scoped("composer", name, item.version.as_str())?;
        // Version 1 tells no place: there it is always the name.
        let place = match item.install_path.as_str() {
            "" => format!("../{name}"),
            place => place.to_owned(),
        };
        let cost = composer.len() + place.len();
        let directory = if cost <= left { resolve(composer, place.as_bytes()) } else { None };
        left = left.saturating_sub(cost);
        Some(FoundPackage {
            license: item.license.any(),
            directory: directory.unwrap_or_default(),
            depends: packages(item.require),
            provides: item.replace.0.into_iter().chain(item.provide.0).collect(),
            ..package
        })
    });
    record.packages = packages.collect();
    let lost = total - record.packages.len();
    if lost > 0 {
        record.warnings.push(format!("{lost} entries name no package"));
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"name": "Symfony/Console", "version": "v5.4.1", "license": ["MIT"],
        "require": {"php": ">=7", "ext-json": "*", "psr/log": "1"}, "provide": {"psr/x": "1"}"#;

    fn told(json: &str) -> Vec<(String, String)> {
        let record = read(b"srv/vendor/composer/installed.json", json.as_bytes());
        let told = record.packages.iter().map(|it| {
            assert_eq!(
                (it.license.as_str(), &it.depends[..], &it.provides[..]),
                ("MIT", &["psr/log".to_owned()][..], &["psr/x".to_owned()][..])
            );
            (it.package.to_string(), String::from_utf8_lossy(&it.directory).into_owned())
        });
        told.collect()
    }

    #[test]
    fn programs_tell_what_they_asked_for() {
        let record = read_program(br#"{"name": "a/b", "require": {"php": "8", "PSR/Log": "1"}}"#);
        assert_eq!((record.asked_for, record.packages.len()), (vec!["psr/log".to_owned()], 0));
        assert!(is_program(b"srv/composer.json") && !is_program(b"srv/vendor/a/b/composer.json"));
    }

    #[test]
    fn both_forms_of_the_list_are_read() {
        let expected = [(
            "pkg:composer/symfony/console@v5.4.1".to_owned(),
            "srv/vendor/Symfony/Console".to_owned(),
        )];
        assert_eq!(told(&format!("[{ONE}}}]")), expected);
        let two = format!(
            "{{\"packages\": [{ONE}, \"install-path\": \"../Symfony/Console\"}}, 7, {{}}], \"dev\": true}}"
        );
        let record = read(b"vendor/composer/installed.json", two.as_bytes());
        assert_eq!(record.warnings, ["2 entries name no package"]);
        assert_eq!(told(&two), expected);
        assert_eq!(told(&format!("[{ONE}}}, {{\"name\": \"a/b\", ")), expected);
    }
}
