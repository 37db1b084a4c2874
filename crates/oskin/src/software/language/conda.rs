//! conda: one JSON file below `conda-meta` for each package of an environment.
//!
//! Source: the documentation of conda, "Package metadata"; the conda type of the purl specification.

use super::json::{self, Fields, Licenses, Text, Texts};
use super::parts::{Files, above, found, names_from_end, qualify};
use crate::software::{FoundPackage, Record};
use serde::de::MapAccess;

/// Whether a path is the record of a package.
pub(super) fn is_record(path: &[u8]) -> bool {
    let mut names = names_from_end(path);
    let ends_well = names.next().is_some_and(|name| name.len() > 5 && name.ends_with(b".json"));
    ends_well && names.next() == Some(b"conda-meta")
}

#[derive(Debug, Default)]
struct Meta {
    name: Text,
    version: Text,
    build: Text,
    channel: Text,
    subdir: Text,
    file_name: Text,
    license: Licenses,
    files: Texts,
    depends: Texts,
    requested: Option<Text>,
    all_requested: Texts,
}

impl Fields for Meta {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "version" => self.version = map.next_value()?,
            "build" => self.build = map.next_value()?,
            "channel" => self.channel = map.next_value()?,
            "subdir" => self.subdir = map.next_value()?,
            "fn" => self.file_name = map.next_value()?,
            "license" => self.license = map.next_value()?,
            "files" => self.files = map.next_value()?,
            "depends" => self.depends = map.next_value()?,
            "requested_spec" => self.requested = Some(map.next_value()?),
            "requested_specs" => self.all_requested = map.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Reads the record of a package. O(bytes).
pub(super) fn read(path: &[u8], content: &[u8]) -> Record {
    let mut meta = Meta::default();
    let mut record = Record::default();
    record.warnings.extend(json::read(content, &mut meta));
    let Some(mut package) = found("conda", "", meta.name.as_str(), meta.version.as_str()) else {
        record.warnings.push("it names no package".to_owned());
        return record;
    };
    qualify(&mut package, "build", meta.build.as_str());
    qualify(&mut package, "channel", channel(meta.channel.as_str()));
    qualify(&mut package, "subdir", meta.subdir.as_str());
    let kinds = ["tar.bz2", "conda"];
    let kind = kinds.iter().find(|kind| meta.file_name.as_str().ends_with(**kind));
    qualify(&mut package, "type", kind.map_or("", |it| it));
    let mut files = Files::new(above(path, 2), content.len());
    files.add(crate::path::join(b"conda-meta", crate::path::split_name(path).1).as_slice());
    meta.files.0.iter().for_each(|file| files.add(file.as_bytes()));
    record.packages.push(FoundPackage {
        license: meta.license.any(),
        files: files.finish(&mut record.warnings),
        depends: meta.depends.0.iter().filter_map(|spec| first_word(spec)).collect(),
        asked_for: asked_for(meta.requested.as_ref(), &meta.all_requested),
        ..package
    });
    record
}

/// The name of a channel: what is left of its address without host and platform.
fn channel(channel: &str) -> &str {
    let Some((_, rest)) = channel.split_once("://") else { return channel };
    let platforms = ["linux-", "osx-", "win-", "noarch"];
    let mut names = rest.trim_end_matches('/').rsplit('/');
    let last = names.next().unwrap_or_default();
    let is_platform = platforms.iter().any(|start| last.starts_with(start));
    if is_platform { names.next().unwrap_or_default() } else { last }
}

/// Whether somebody asked for the package. An exact build, or an address, was written by a program that installs what
/// another has resolved, such as the installer of conda itself: it tells nothing.
fn asked_for(requested: Option<&Text>, all: &Texts) -> Option<bool> {
    let one = requested.map(|text| text.as_str().trim()).filter(|spec| *spec != "None");
    let mut specs = all.0.iter().map(|spec| spec.trim()).chain(one).filter(|it| !it.is_empty());
    let is_exact = |spec: &str| spec.contains("://") || spec.matches('=').count() >= 3;
    match specs.next() {
        Some(spec) => (!is_exact(spec) || specs.any(|spec| !is_exact(spec))).then_some(true),
        None => requested.map(|_| false),
    }
}

fn first_word(spec: &str) -> Option<String> {
    spec.split([' ', '=', '<', '>', '!', '[']).next().filter(|it| !it.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_all_of_a_package() {
        let json = r#"{"build": "h7b6447c_0", "name": "zlib", "version": "1.2.11", "license": "zlib",
            "channel": "https://conda.example.org/main/linux-64", "subdir": "linux-64",
            "depends": ["libgcc-ng >=7.3.0", "python"], "files": ["include/zlib.h", "lib/libz.so"],
            "fn": "zlib-1.2.11-h7b6447c_0.conda", "requested_spec": "zlib"}"#;
        let path = b"opt/conda/conda-meta/zlib-1.2.11-h7b6447c_0.json";
        assert!(is_record(path));
        let record = read(path, json.as_bytes());
        let package = &record.packages[0];
        assert_eq!(
            package.package.to_string(),
            "pkg:conda/zlib@1.2.11?build=h7b6447c_0&channel=main&subdir=linux-64&type=conda"
        );
        assert_eq!(package.depends, ["libgcc-ng", "python"]);
        assert_eq!(package.asked_for, Some(true));
        let files: Vec<_> = package.files.iter().map(|it| str::from_utf8(it).unwrap()).collect();
        assert_eq!(
            files,
            [
                std::str::from_utf8(path).unwrap(),
                "opt/conda/include/zlib.h",
                "opt/conda/lib/libz.so"
            ]
        );
    }

    #[test]
    fn requests_are_told_from_resolved_lists() {
        let asked = |json: &str| {
            let json = format!("{{\"name\": \"a\", \"version\": \"1\"{json}}}");
            read(b"conda-meta/a.json", json.as_bytes()).packages[0].asked_for
        };
        assert_eq!(asked(r#", "requested_spec": "None""#), Some(false));
        assert_eq!(asked(r#", "requested_spec": "a==1=h_0""#), None);
        assert_eq!(asked(r#", "requested_spec": "a=1""#), Some(true));
        assert_eq!(asked(r#", "requested_specs": ["a"]"#), Some(true));
        assert_eq!(asked(""), None);
        assert!(!is_record(b"conda-meta/history"));
        assert_eq!(read(b"conda-meta/a.json", b"{").warnings.len(), 2);
    }
}
