//! Perl: what `make install`, `Build install` and cpanm write down.
//!
//! Sources: the documentation of `ExtUtils::Packlist`, `ExtUtils::Install` and `App::cpanminus`; the cpan type of the
//! purl specification, which names distributions (`Foo-Bar`) and not modules (`Foo::Bar`).

use super::json::{self, Fields, Text, Texts};
use super::parts::{Files, above, found, names_from_end, text};
use crate::software::{FoundPackage, Owned, Record};
use serde::de::MapAccess;

/// What of Perl's records a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    /// `perllocal.pod`, the journal of what was installed.
    Local,
    /// `auto/Foo/Bar/.packlist`, the files of one distribution.
    Packlist,
    /// `.meta/Foo-Bar-1.0/install.json` of cpanm.
    Install,
}

/// Which record a path is, if any. That of Perl itself is none: its name tells nothing.
pub(super) fn file(path: &[u8]) -> Option<File> {
    let mut names = names_from_end(path);
    match names.next()? {
        b"perllocal.pod" => Some(File::Local),
        b".packlist" => module(path).map(|_| File::Packlist),
        b"install.json" => (names.nth(1) == Some(b".meta")).then_some(File::Install),
        _ => None,
    }
}

/// The names between `auto` and the packlist, as one.
fn module(path: &[u8]) -> Option<String> {
    let directory = above(path, 1);
    let at = memchr::memmem::rfind(directory, b"/auto/")?;
    let names = std::str::from_utf8(directory.get(at + 6..)?).ok()?;
    (!names.is_empty()).then(|| names.replace('/', "-"))
}

/// Reads a record. O(bytes).
pub(super) fn read(file: File, path: &[u8], content: &[u8]) -> Record {
    match file {
        File::Local => local(content),
        File::Packlist => packlist(path, content),
        File::Install => install(content),
    }
}

/// Entries such as `=head2 DATE: C<Module> L<Foo::Bar|Foo::Bar>` with `C<VERSION: 1.0>` in a list below. Where a
/// module was installed again, the last counts.
fn local(content: &[u8]) -> Record {
    let mut all = std::collections::BTreeMap::new();
    let mut current = None;
    for line in text(content).lines() {
        if line.starts_with("=head") {
            let name = line.split_once("C<Module> L<").map(|(_, rest)| rest);
            current = name.and_then(|name| name.split(['|', '>']).next()).map(str::to_owned);
            if let Some(name) = &current {
                all.insert(name.clone(), String::new());
            }
        } else if let (Some(name), Some(rest)) = (&current, line.strip_prefix("C<VERSION:")) {
            let version = rest.trim().trim_end_matches('>').trim_matches('"');
            all.insert(name.clone(), version.to_owned());
        }
    }
    let packages = all.iter().filter_map(|(name, version)| {
        let package = found("cpan", "", &name.replace("::", "-"), version)?;
        // Every entry is one run of `make install`, by hand or for what another needs.
        Some(FoundPackage { provides: vec![name.clone()], ..package })
    });
    Record { packages: packages.collect(), ..Record::default() }
}

fn packlist(path: &[u8], content: &[u8]) -> Record {
    let mut record = Record::default();
    let Some(package) = module(path).and_then(|name| found("cpan", "", &name, "")) else {
        return record;
    };
    let mut files = Files::new(b"", content.len());
    files.add(path);
    for line in content.split(|byte| *byte == b'\n') {
        // Words such as `type=link from=/usr/bin/a` may follow.
        let end = memchr::memmem::find(line, b" type=").unwrap_or(line.len());
        files.add(line.get(..end).unwrap_or_default().trim_ascii());
    }
    let files = files.finish(&mut record.warnings);
    let name = package.package.name.clone();
    record.owned.push(Owned { kind: "cpan".to_owned(), name, files, ..Owned::default() });
    record.packages.push(package);
    record
}

#[derive(Debug, Default)]
struct Install {
    name: Text,
    version: Text,
    dist: Text,
    provides: Texts,
}

impl Fields for Install {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "version" => self.version = map.next_value()?,
            "dist" => self.dist = map.next_value()?,
            "provides" => self.provides = map.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn install(content: &[u8]) -> Record {
    let mut install = Install::default();
    let mut record = Record::default();
    record.warnings.extend(json::read(content, &mut install));
    // The distribution is told with its version, which may differ from that of its first module.
    let dist = install.dist.as_str().rsplit_once('-');
    let (name, version) = dist.unwrap_or((install.name.as_str(), install.version.as_str()));
    match found("cpan", "", &name.replace("::", "-"), version.trim_start_matches('v')) {
        Some(package) => {
            record.packages.push(FoundPackage { provides: install.provides.0, ..package });
        }
        None => record.warnings.push("it names no distribution".to_owned()),
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_at(path: &str, content: &str) -> Record {
        read(file(path.as_bytes()).unwrap(), path.as_bytes(), content.as_bytes())
    }

    #[test]
    fn the_journal_tells_the_last_version_of_each_module() {
        let entry = |name: &str, version: &str| {
            format!(
                "=head2 Tue Nov  8 10:00:00 2016: C<Module> L<{name}|{name}>\n\n=over 4\n\n=item *\n\nC<VERSION: {version}>\n\n=back\n\n"
            )
        };
        let journal = entry("JSON::XS", "3.0") + &entry("JSON", "2.90") + &entry("JSON::XS", "3.1");
        let record = read_at("usr/local/lib/perl/5.20/perllocal.pod", &journal);
        let purls: Vec<_> = record.packages.iter().map(|it| it.package.to_string()).collect();
        assert_eq!(purls, ["pkg:cpan/JSON@2.90", "pkg:cpan/JSON-XS@3.1"]);
        assert_eq!(record.packages[1].provides, ["JSON::XS"]);
    }

    #[test]
    fn packlists_tell_files_and_paths_tell_names() {
        let path = "usr/lib/perl5/auto/JSON/XS/.packlist";
        let record = read_at(path, "/usr/lib/perl5/JSON/XS.pm\n/usr/bin/json_xs type=file\n");
        assert_eq!(record.packages[0].package.to_string(), "pkg:cpan/JSON-XS");
        let files: Vec<_> =
            record.owned[0].files.iter().map(|it| str::from_utf8(it).unwrap()).collect();
        assert_eq!(files, [path, "usr/lib/perl5/JSON/XS.pm", "usr/bin/json_xs"]);
        assert_eq!(file(b"usr/lib/perl5/5.36/.packlist"), None);
        let json = r#"{"name":"JSON::XS","version":"1","dist":"JSON-XS-3.04","provides":{"JSON::XS":{"version":"1"}}}"#;
        let record = read_at("usr/lib/perl5/.meta/JSON-XS-3.04/install.json", json);
        assert_eq!(record.packages[0].package.to_string(), "pkg:cpan/JSON-XS@3.04");
    }
}
