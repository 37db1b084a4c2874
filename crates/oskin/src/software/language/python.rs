//! Python distributions: what pip, uv, setuptools and distutils leave beside the modules.
//!
//! Sources: the packaging user guide, "Core metadata" and "Recording installed projects" (PEP 241, 376, 503, 627);
//! the format of eggs in the guide of setuptools.

use super::parts::{Files, above, each_field, found, license, names_from_end, text, word};
use super::zipped::{self, Budget};
use crate::software::{FoundPackage, Owned, Record};

/// What of a distribution a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    /// `METADATA`, `PKG-INFO`, or an `egg-info` that is no directory.
    Metadata,
    /// `RECORD`, the list of files of a `dist-info`.
    Record,
    /// `installed-files.txt`, that of an `egg-info`.
    InstalledFiles,
    /// `REQUESTED`, which is there if somebody named the distribution to pip or uv.
    Requested,
    /// An egg that is a zip archive.
    Egg,
}

/// Which file of a distribution a path is, if any. `INSTALLER` is none: it names the program, not who wanted it.
pub(super) fn file(path: &[u8]) -> Option<File> {
    let mut names = names_from_end(path);
    let name = names.next()?;
    let parent = names.next().unwrap_or_default();
    match name {
        b"METADATA" if parent.ends_with(b".dist-info") => Some(File::Metadata),
        b"RECORD" if parent.ends_with(b".dist-info") => Some(File::Record),
        b"REQUESTED" if parent.ends_with(b".dist-info") => Some(File::Requested),
        b"PKG-INFO" if parent.ends_with(b".egg-info") || is_in_egg(parent, names.next()) => {
            Some(File::Metadata)
        }
        b"installed-files.txt" if parent.ends_with(b".egg-info") => Some(File::InstalledFiles),
        name if name.len() > 9 && name.ends_with(b".egg-info") => Some(File::Metadata),
        name if name.len() > 4 && name.ends_with(b".egg") => Some(File::Egg),
        _ => None,
    }
}

fn is_in_egg(parent: &[u8], above: Option<&[u8]>) -> bool {
    parent == b"EGG-INFO" && above.is_some_and(|name| name.ends_with(b".egg"))
}

/// Reads a file of a distribution. O(bytes).
pub(super) fn read(file: File, path: &[u8], content: &[u8]) -> Record {
    match file {
        File::Metadata => {
            // A part that is carried along inside of another package is on nobody's search path.
            let is_carried = path.split(|byte| *byte == b'/').any(|name| name == b"_vendor");
            let mut record = metadata(path, content);
            for package in &mut record.packages {
                package.asked_for = is_carried.then_some(false);
                package.directory = egg_directory(path).to_vec();
            }
            record
        }
        File::Record => owned(path, &mut rows(&text(content)), content.len(), above(path, 2)),
        File::InstalledFiles => {
            let text = text(content);
            owned(path, &mut text.lines().map(str::to_owned), content.len(), above(path, 1))
        }
        File::Requested => {
            Record { asked_for: name_of_directory(path).into_iter().collect(), ..Record::default() }
        }
        File::Egg => egg(path, content),
    }
}

/// The egg that is a directory and owns all in it; no other form has one.
fn egg_directory(path: &[u8]) -> &[u8] {
    if above(path, 1).ends_with(b"/EGG-INFO") { above(path, 2) } else { b"" }
}

fn metadata(path: &[u8], content: &[u8]) -> Record {
    let mut told = Told::default();
    each_field(&text(content), "\n", |name, value| told.field(name, value));
    let mut record = Record::default();
    match told.finish() {
        Some(package) => record.packages.push(package),
        // Debian and others leave empty files where only the name of the file counts.
        None => match from_name(path) {
            Some(package) => record.packages.push(package),
            None => record.warnings.push("it names no python distribution".to_owned()),
        },
    }
    record
}

/// What the name of a directory or file tells: `NAME-VERSION.dist-info`, `NAME-VERSION-py3.11.egg-info`.
fn from_name(path: &[u8]) -> Option<FoundPackage> {
    let ends_well = |name: &&[u8]| {
        [&b".dist-info"[..], b".egg-info", b".egg"].iter().any(|end| name.ends_with(end))
    };
    let name = std::str::from_utf8(names_from_end(path).take(3).find(ends_well)?).ok()?;
    let (stem, _) = name.rsplit_once('.')?;
    let mut parts = stem.split('-');
    found("pypi", "", parts.next()?, parts.next()?)
}

fn name_of_directory(path: &[u8]) -> Option<String> {
    Some(from_name(path)?.package.name)
}

/// What the fields of metadata have told so far; of fields that stand once, the first counts.
#[derive(Debug, Default)]
struct Told {
    name: String,
    version: String,
    expression: String,
    license: String,
    classified: String,
    depends: Vec<String>,
    provides: Vec<String>,
}

impl Told {
    fn field(&mut self, name: &str, value: &str) {
        let once = |place: &mut String, value: &str| {
            if place.is_empty() {
                value.clone_into(place);
            }
        };
        match name.to_ascii_lowercase().as_str() {
            "name" => once(&mut self.name, value),
            "version" => once(&mut self.version, value),
            "license-expression" => once(&mut self.expression, value),
            "license" if value != "UNKNOWN" => once(&mut self.license, &license(value)),
            "classifier" => {
                let last = value.strip_prefix("License ::").and_then(|it| it.rsplit("::").next());
                once(&mut self.classified, last.unwrap_or_default().trim());
            }
            "requires-dist" => self.depends.extend(requirement(value)),
            "provides-dist" => self.provides.extend(requirement(value)),
            _ => {}
        }
    }

    fn finish(self) -> Option<FoundPackage> {
        let package = found("pypi", "", &self.name, &self.version)?;
        let licenses = [self.expression, self.license, self.classified];
        let license = license(licenses.iter().find(|text| !text.is_empty()).map_or("", |it| it));
        Some(FoundPackage { license, depends: self.depends, provides: self.provides, ..package })
    }
}

/// The name in a requirement such as `requests[socks] (>=2) ; python_version < "3"`; `None` for what only an extra
/// needs, which nobody need have installed.
fn requirement(text: &str) -> Option<String> {
    let (text, marker) = text.split_once(';').unwrap_or((text, ""));
    if marker.contains("extra") {
        return None;
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let text = text.trim();
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    Some(found("pypi", "", text.get(..end)?, "")?.package.name)
}

/// The paths in a `RECORD`: the first column of comma-separated values, in which quotes are doubled.
fn rows(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| match line.strip_prefix('"') {
        None => line.split(',').next().unwrap_or_default().to_owned(),
        Some(quoted) => {
            let mut path = String::new();
            let mut parts = quoted.split('"').peekable();
            while let Some(part) = parts.next() {
                path.push_str(part);
                // Two quotes in a row stand for one; one ends the column.
                if parts.next_if(|next| next.is_empty()).is_none() || parts.peek().is_none() {
                    break;
                }
                path.push('"');
            }
            path
        }
    })
}

fn owned(
    path: &[u8],
    listed: &mut dyn Iterator<Item = String>,
    bytes: usize,
    directory: &[u8],
) -> Record {
    let mut record = Record::default();
    let Some(name) = name_of_directory(path) else {
        record.warnings.push("its directory names no python distribution".to_owned());
        return record;
    };
    let mut files = Files::new(directory, bytes);
    for file in listed.filter(|file| !file.is_empty()) {
        files.add(file.as_bytes());
    }
    let files = files.finish(&mut record.warnings);
    record.owned.push(Owned { kind: "pypi".to_owned(), name, files, ..Owned::default() });
    record
}

fn egg(path: &[u8], content: &[u8]) -> Record {
    let mut record = Record::default();
    let Some(mut entries) = zipped::entries(content) else {
        // Egg links and test data may have any content; without an archive nothing is installed.
        return record;
    };
    let info = entries.find(|entry| entry.name == b"EGG-INFO/PKG-INFO");
    let told = info.and_then(|entry| Budget::default().read(content, &entry, 1024 * 1024));
    record = metadata(path, told.as_ref().map_or(&[], |told| &told.content));
    for package in &mut record.packages {
        if word(&package.package.version).is_some() {
            package.files = vec![path.to_vec()];
        }
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = "usr/lib/python3.11/site-packages";

    fn read_at(path: &str, content: &str) -> Record {
        let path = format!("{SITE}/{path}");
        read(file(path.as_bytes()).unwrap(), path.as_bytes(), content.as_bytes())
    }

    #[test]
    fn metadata_tells_name_version_licence_and_needs() {
        let record = read_at(
            "Zope_Thing-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: Zope.Thing\nVersion: 1.0\nLicense: UNKNOWN\n\
             Classifier: License :: OSI Approved :: BSD License\n\
             Requires-Dist: requests[socks] (>=2) ; python_version < '3'\n\
             Requires-Dist: sphinx>=1; extra == 'docs'\nRequires-Dist: Ruamel.yaml\n\
             \nName: not this\n",
        );
        let package = &record.packages[0];
        assert_eq!(package.package.to_string(), "pkg:pypi/zope-thing@1.0");
        assert_eq!(package.license, "BSD License");
        assert_eq!(package.depends, ["requests", "ruamel-yaml"]);
        assert_eq!((package.asked_for, record.warnings.len()), (None, 0));
        let license =
            read_at("a-1.dist-info/METADATA", "Name: a\nLicense: MIT\nLicense-Expression: ISC\n");
        assert_eq!(license.packages[0].license, "ISC");
        let carried = read_at("x/_vendor/a-1.dist-info/METADATA", "Name: a\nVersion: 1\n");
        assert_eq!(carried.packages[0].asked_for, Some(false));
    }

    #[test]
    fn eggs_tell_themselves_in_three_forms() {
        let purl = |path: &str, content: &str| {
            let record = read_at(path, content);
            let package = record.packages.into_iter().next().unwrap();
            (package.package.to_string(), String::from_utf8(package.directory).unwrap())
        };
        let info = "Metadata-Version: 1.0\nName: mercurial\nVersion: 4.1\n";
        let plain = ("pkg:pypi/mercurial@4.1".to_owned(), String::new());
        assert_eq!(purl("mercurial-4.1.egg-info", info), plain);
        assert_eq!(purl("mercurial-4.1-py2.7.egg-info/PKG-INFO", info), plain);
        assert_eq!(purl("mercurial-4.1-py2.7.egg-info", ""), plain);
        assert_eq!(
            purl("mercurial-4.1-py2.7.egg/EGG-INFO/PKG-INFO", info),
            (plain.0, format!("{SITE}/mercurial-4.1-py2.7.egg"))
        );
    }

    #[test]
    fn records_list_files_beside_their_directory() {
        let record = read_at(
            "A.b-1.0.dist-info/RECORD",
            "a/__init__.py,sha256=x,12\n../../../bin/a,,\n\"q\"\"u,o.py\",,\n/etc/a.conf,,\n\n",
        );
        let owned = &record.owned[0];
        let files: Vec<_> = owned.files.iter().map(|it| String::from_utf8_lossy(it)).collect();
        assert_eq!(
            files,
            [
                &format!("{SITE}/a/__init__.py"),
                "usr/bin/a",
                &format!("{SITE}/q\"u,o.py"),
                "etc/a.conf"
            ]
        );
        assert_eq!((owned.kind.as_str(), owned.name.as_str()), ("pypi", "a-b"));
        let record = read_at("a-1.egg-info/installed-files.txt", "../a.py\nPKG-INFO\n");
        let files = record.owned[0].files.iter().map(|it| String::from_utf8_lossy(it).into_owned());
        assert!(files.eq([format!("{SITE}/a.py"), format!("{SITE}/a-1.egg-info/PKG-INFO")]));
        assert_eq!(read_at("A_b-1.dist-info/REQUESTED", "").asked_for, ["a-b"]);
    }

    #[test]
    fn only_files_of_distributions_are_read() {
        for path in [
            "METADATA",
            "x/METADATA",
            "x/PKG-INFO",
            "x.dist-info/INSTALLER",
            "x/.egg",
            "EGG-INFO/PKG-INFO",
        ] {
            assert_eq!(file(path.as_bytes()), None, "{path}");
        }
    }
}
