//! Reads bytes as files that tell of software, and holds what is told of them to its bounds.

use oskin::ingest;
use oskin::inventory::encode::{Decoder, put_software, take_records};
use oskin::inventory::{Entry, EntryKind, Layer, flatten};
use oskin::path::normalize;
use oskin::software::programs::{Table, versions_in};
use oskin::software::{FoundPackage, Interest, Query, Record, version};
use std::sync::Arc;

/// A path of each reader. The first byte of an input is a place in this list, so it only ever grows at its end.
pub(crate) const PATHS: [&str; 43] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d/base",
    "var/lib/dpkg/status.d/base.md5sums",
    "var/lib/dpkg/info/libc6:amd64.list",
    "var/lib/apt/extended_states",
    "lib/apk/db/installed",
    "etc/apk/world",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
    "var/lib/rpm/Packages",
    "var/lib/pacman/local/bash-5.2-1/desc",
    "var/lib/pacman/local/bash-5.2-1/files",
    "usr/lib/opkg/status",
    "usr/lib/opkg/info/libc.control",
    "usr/lib/opkg/info/libc.list",
    "s/a-1.dist-info/METADATA",
    "s/a-1.egg-info",
    "s/a-1.dist-info/RECORD",
    "s/a-1.dist-info/REQUESTED",
    "s/a-1.egg-info/installed-files.txt",
    "s/a-1-py3.egg",
    "lib/node_modules/a/package.json",
    "srv/package.json",
    "g/specifications/a-1.gemspec",
    "c/conda-meta/a-1-0.json",
    "a/a-1.jar",
    "v/composer/installed.json",
    "srv/composer.json",
    "library/a/DESCRIPTION",
    "l/perllocal.pod",
    "l/auto/A/B/.packlist",
    "l/.meta/A-1/install.json",
    "rocks-5.1/a/1-1/a-1-1.rockspec",
    "packages/A/abcde/Project.toml",
    "a/a.deps.json",
    "lib/a-1/ebin/a.app",
    "package.conf.d/a-1.conf",
    "c/.crates.toml",
    "usr/bin/tool",
    "bin/busybox",
    "usr/bin/php8.2",
    "usr/lib/libcrypto.so.3",
    "opt/a/WEB-INF/lib/a.war",
];

/// Of what is packed, more may be told than its size says: as many bytes in all.
const MOST_UNPACKED_BYTES: usize = 32 << 20;

/// Reads bytes as the file that their first byte names, or, where that is a slash, as the file that their first line
/// names; how many packages and lists of files it tells of.
pub(super) fn records(bytes: &[u8]) -> usize {
    let Some((first, rest)) = bytes.split_first() else { return 0 };
    let (path, content) = match PATHS.get(usize::from(*first)) {
        Some(path) => (path.as_bytes().to_vec(), rest),
        None if *first == b'/' => {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let (path, content) = rest.split_at(end);
            let Ok(path) = normalize(path) else { return 0 };
            (path.into_owned(), content.get(1..).unwrap_or_default())
        }
        None => return 0,
    };
    let Some(interest) = Interest::of(&path, 0o755, content.len() as u64) else { return 0 };
    if !interest.goes_on(content) {
        return 0;
    }
    let record = interest.read(&path, content);
    check(&record, &path, content);
    let found = record.packages.len() + record.owned.len();
    stack(&path, record);
    found
}

fn check(record: &Record, path: &[u8], content: &[u8]) {
    let is_packed = content.windows(4).any(|it| it == b"PK\x03\x04" || it == b"PK\x01\x02")
        || content.starts_with(b"\x7fELF");
    let more = if is_packed { MOST_UNPACKED_BYTES } else { 70_000 };
    let per_file = path.len() * (record.packages.len() + 1);
    let told = told_bytes(record);
    assert!(told <= 9 * content.len() + more + per_file, "{told} bytes of {}", content.len());
    assert!(record.warnings.len() <= 4, "{:?}", record.warnings);
    let warned: usize = record.warnings.iter().map(String::len).sum();
    assert!(warned < 2_000, "{:?}", record.warnings);
    let packages = record.packages.iter();
    let files = packages.clone().flat_map(|it| it.files.iter().chain([&it.directory]));
    let owned = record.owned.iter().flat_map(|owned| &owned.files);
    for file in files.chain(owned).filter(|file| !file.is_empty()) {
        assert_eq!(normalize(file).as_deref(), Ok(file.as_slice()));
    }
    for FoundPackage { package, .. } in packages {
        assert!(!package.name.is_empty() && !package.kind.is_empty());
        drop(package.to_string());
    }
}

/// The bytes of all that a record tells.
fn told_bytes(record: &Record) -> usize {
    let of = |found: &FoundPackage| {
        let package = &found.package;
        let names = found.depends.iter().chain(&found.provides).chain(package.qualifiers.values());
        let texts = [&package.namespace, &package.name, &package.version, &found.license];
        let files = found.files.iter().chain([&found.directory]).map(Vec::len);
        names.chain(texts).map(String::len).chain(files).sum::<usize>()
    };
    let owned = record.owned.iter().flat_map(|owned| owned.files.iter().map(Vec::len));
    let names = record.asked_for.iter().chain(&record.automatic).map(String::len);
    record.packages.iter().map(of).chain(owned).chain(names).sum()
}

/// What is told goes to the catalog and back, and its packages are put together.
fn stack(path: &[u8], record: Record) {
    let mut layer = Layer::new();
    let index = layer.push(&Entry::bare(path, EntryKind::File)).unwrap();
    layer.set_searched(true);
    layer.tell(index, Arc::new(Record { warnings: Vec::new(), ..record }));
    let mut bytes = Vec::new();
    put_software(&mut bytes, &layer);
    let back = take_records(&mut Decoder::new(&bytes)).unwrap();
    let kept = layer.software().iter().map(|(index, record)| (*index, record.as_ref()));
    assert!(kept.eq(back.iter().map(|(index, record)| (*index, record))), "kept otherwise");
    let (inventory, _) = flatten(&[Arc::new(layer)]);
    let installed = ingest::installed(&inventory).unwrap();
    assert!(installed.len() <= back.iter().map(|(_, it)| it.packages.len()).sum());
}

/// Reads bytes as what a catalog keeps of software; how many records there are.
pub(super) fn kept(bytes: &[u8]) -> usize {
    take_records(&mut Decoder::new(bytes)).map_or(0, |records| records.len())
}

/// Looks for programs in the file that a first line names; its content is a table of programs too, and its lines are
/// versions and questions. How many versions there are.
pub(super) fn programs(bytes: &[u8]) -> usize {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (path, content) = bytes.split_at(end);
    let content = content.get(1..).unwrap_or_default();
    let mut found = in_file(Table::built_in(), path, content);
    for rule in Table::built_in().programs().iter().flat_map(|program| &program.marks) {
        found += bounded(&versions_in(rule, content));
    }
    let Ok(text) = std::str::from_utf8(content) else { return found };
    let (table, problems) = Table::read(text);
    assert!(problems.len() <= 20, "{problems:?}");
    in_file(&table, path, content);
    // Most inputs are no table, and putting two together takes its time.
    if !table.programs().is_empty() {
        in_file(&Table::built_in().with(&table), path, content);
    }
    drop(Query::parse(text));
    let mut lines = text.lines();
    if let (Some(a), Some(b)) = (lines.next(), lines.next()) {
        for kind in ["deb", "apk", "rpm", "alpm", "pypi", "npm", "gem", "maven", "generic"] {
            let order = version::compare(kind, a, b);
            assert_eq!(order, version::compare(kind, b, a).reverse(), "{kind}: {a:?}, {b:?}");
        }
    }
    found
}

fn in_file(table: &Table, path: &[u8], content: &[u8]) -> usize {
    let shown = table.shown_by(path);
    let shown = shown.map(|(_, version)| assert!(version.len() <= 40, "{version:?}")).count();
    let rules = table.content_rules(path);
    shown + rules.map(|(_, rule)| bounded(&versions_in(rule, content))).sum::<usize>()
}

fn bounded(versions: &[String]) -> usize {
    assert!(versions.len() <= 16 && versions.iter().all(|it| it.len() <= 41), "{versions:?}");
    versions.len()
}
