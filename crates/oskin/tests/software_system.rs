//! The readers of system packages on real databases, held to what the package managers themselves say.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use common::shared_data;
use oskin::software::version::compare;
use oskin::software::{FoundPackage, Record, system};
use proptest::prelude::*;
use proptest::sample::Index;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::process::Command;

/// The databases of rpm in the shared data, with their path in an image and their count of packages.
const RPM: [(&str, &str, usize); 3] = [
    ("rpmdb__cbl-mariner-2.0_rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite", 129),
    ("rpmdb__sle15-bci_Packages.db", "usr/lib/sysimage/rpm/Packages.db", 35),
    ("rpmdb__libuuid_Packages", "var/lib/rpm/Packages", 1),
];

fn rpm_database(data: &Path, name: &str) -> Vec<u8> {
    std::fs::read(data.join("rpmdb").join(name)).unwrap()
}

/// Runs a program and gives what it writes; `None`, and a word about it, if there is no such program.
fn asked(program: &str, arguments: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        eprintln!("skipped: no {program}");
        return None;
    };
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// All that is read of a tar archive, by path; of an image saved by docker, of all its layers.
fn read_archive(
    archive: &mut dyn Read,
    records: &mut BTreeMap<Vec<u8>, Record>,
    paths: &mut BTreeSet<Vec<u8>>,
) {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = oskin::path::normalize(&entry.path_bytes()).unwrap().into_owned();
        if path.ends_with(b"/layer.tar") {
            read_archive(&mut entry, records, paths);
            continue;
        }
        if entry.header().entry_type().is_file() && system::reader(&path).is_some() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            records.insert(path.clone(), system::read(&path, &content));
        }
        paths.insert(path);
    }
}

fn full_name(found: &FoundPackage) -> String {
    let package = &found.package;
    let of = |key: &str| package.qualifiers.get(key).map_or("(none)", String::as_str);
    format!("{} {} {} {} {}", package.name, of("epoch"), package.version, of("arch"), found.license)
}

fn sorted(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.into_iter().collect();
    lines.sort();
    lines
}

#[test]
fn rpm_databases_hold_what_is_known_of_them() {
    let Some(data) = shared_data() else { return };
    for (name, path, count) in RPM {
        let record = system::read(path.as_bytes(), &rpm_database(&data, name));
        assert_eq!(record.packages.len(), count, "{name}");
        assert_eq!(record.warnings, Vec::<String>::new(), "{name}");
        let nameless =
            record.packages.iter().filter(|it| it.files.is_empty() && it.provides.is_empty());
        assert_eq!(nameless.count(), 0, "{name}");
    }
    let uuid = system::read(RPM[2].1.as_bytes(), &rpm_database(&data, RPM[2].0));
    let purl = "pkg:rpm/libuuid@2.32.1-42.el8_8?arch=x86_64&upstream=util-linux";
    assert_eq!(uuid.packages[0].package.to_string(), purl);
}

#[test]
fn a_list_by_another_reader_names_the_same_packages() {
    let Some(data) = shared_data() else { return };
    let lists = std::fs::File::open(data.join("pkglists/go-rpmdb-lists.tsv.gz")).unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(lists).read_to_string(&mut text).unwrap();
    let rows = text.lines().map(|row| row.split('\t').collect::<Vec<_>>());
    let rows = rows.filter(|row| row[0] == "SLE15WithNDB");
    let expected = sorted(rows.map(|row| format!("{} {}-{} {}", row[2], row[3], row[4], row[5])));
    let record = system::read(RPM[1].1.as_bytes(), &rpm_database(&data, RPM[1].0));
    let name = |found: &FoundPackage| {
        let package = &found.package;
        format!("{} {} {}", package.name, package.version, package.architecture())
    };
    assert_eq!(sorted(record.packages.iter().map(name)), expected);
}

#[test]
fn rpm_itself_says_the_same() {
    let Some(data) = shared_data() else { return };
    if asked("rpm", &["--version"]).is_none() {
        return;
    }
    // It reads these two stores; the third is not built into it everywhere.
    for (backend, (name, path, _)) in [("sqlite", RPM[0]), ("bdb_ro", RPM[2])] {
        let content = rpm_database(&data, name);
        let record = system::read(path.as_bytes(), &content);
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join(path.rsplit('/').next().unwrap()), &content).unwrap();
        let backend = format!("_db_backend {backend}");
        let query = |format: &str| {
            let place = place.path().to_str().unwrap();
            let arguments = ["--define", &backend, "--dbpath", place, "-qa", "--qf", format];
            sorted(asked("rpm", &arguments).unwrap().lines().map(str::to_owned))
        };
        let packages = query("%{NAME} %{EPOCH} %{VERSION}-%{RELEASE} %{ARCH} %{LICENSE}\n");
        if packages.is_empty() {
            eprintln!("skipped: rpm without {backend}");
            continue;
        }
        assert_eq!(sorted(record.packages.iter().map(full_name)), packages);
        let files = query("[%{=NAME} %{FILEMODES:perms} %{FILENAMES}\n]");
        let file = |line: &String| {
            let mut words = line.splitn(3, ' ');
            let (name, mode, path) = (words.next()?, words.next()?, words.next()?);
            (!mode.starts_with('d') && path.starts_with('/')).then(|| format!("{name} {path}"))
        };
        let of = |found: &FoundPackage| {
            let name = found.package.name.clone();
            let line = |path: &Vec<u8>| format!("{name} /{}", String::from_utf8_lossy(path));
            found.files.iter().map(line).collect::<Vec<_>>()
        };
        let expected = sorted(files.iter().filter_map(file));
        assert_eq!(sorted(record.packages.iter().flat_map(of)), expected);
        let needs = query("[%{=NAME} R %{REQUIRENAME}\n][%{=NAME} P %{PROVIDENAME}\n]");
        let needs: BTreeSet<&String> = needs
            .iter()
            .filter(|it| !it.contains(" R rpmlib(") && !it.ends_with(" (none)"))
            .collect();
        let of = |found: &FoundPackage| {
            let name = &found.package.name;
            let requires = found.depends.iter().map(|it| format!("{name} R {it}"));
            let provides = found.provides.iter().map(|it| format!("{name} P {it}"));
            requires.chain(provides).collect::<Vec<_>>()
        };
        let got: BTreeSet<String> = record.packages.iter().flat_map(of).collect();
        assert_eq!(got.iter().collect::<BTreeSet<_>>(), needs);
    }
}

/// The header of a package that has a name, a version, and as many bytes more.
fn header(name: &str, padding: usize) -> Vec<u8> {
    let values = [name.as_bytes(), b"\x001\0", &vec![7; padding]].concat();
    let size = |value: usize| u32::try_from(value).unwrap();
    let index = [[1000, 6, 0, 1], [1001, 6, size(name.len() + 1), 1]].concat();
    let counts = [2, size(values.len())];
    let numbers: Vec<u8> = counts.into_iter().chain(index).flat_map(u32::to_be_bytes).collect();
    [numbers, values].concat()
}

/// A database that SQLite writes: packages of all sizes, some of them deleted again.
fn sqlite_database(settings: &str, count: usize) -> Vec<u8> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("rpmdb.sqlite");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch(settings).unwrap();
    database
        .execute_batch(
            "CREATE TABLE other (a TEXT);
             CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);
             CREATE TABLE 'Name' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL);
             CREATE INDEX 'Name_key_idx' ON 'Name' (key ASC);",
        )
        .unwrap();
    for number in 0..count {
        // From what fits a page to what takes hundreds of them.
        let padding = [0, 10, 460, 500, 950, 4000, 4061, 70_000][number % 8] + number;
        let blob = header(&format!("package{number:04}"), padding);
        database.execute("INSERT INTO Packages (blob) VALUES (?1)", [blob]).unwrap();
    }
    database.execute("DELETE FROM Packages WHERE hnum % 5 = 0", []).unwrap();
    drop(database);
    std::fs::read(&path).unwrap()
}

#[test]
fn whatever_sqlite_writes_is_read() {
    for settings in [
        "PRAGMA page_size = 512",
        "PRAGMA page_size = 1024; PRAGMA auto_vacuum = FULL",
        "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL",
        "PRAGMA page_size = 65536",
        "PRAGMA encoding = 'UTF-8'",
    ] {
        let count = 300;
        let record = system::read(RPM[0].1.as_bytes(), &sqlite_database(settings, count));
        let names: Vec<&str> =
            record.packages.iter().map(|found| found.package.name.as_str()).collect();
        let kept = (0..count).filter(|number| (number + 1) % 5 != 0);
        let expected: Vec<String> = kept.map(|number| format!("package{number:04}")).collect();
        assert_eq!(names, expected, "{settings}");
        assert_eq!(record.warnings, Vec::<String>::new(), "{settings}");
    }
}

#[test]
fn a_view_is_no_table_of_packages() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("rpmdb.sqlite");
    let database = rusqlite::Connection::open(&path).unwrap();
    let endless = "CREATE VIEW Packages AS
        WITH RECURSIVE n (hnum) AS (SELECT 1 UNION ALL SELECT hnum + 1 FROM n)
        SELECT hnum, zeroblob(1000000000) AS blob FROM n";
    database.execute_batch(endless).unwrap();
    drop(database);
    let record = system::read(RPM[0].1.as_bytes(), &std::fs::read(&path).unwrap());
    assert_eq!((record.packages.len(), record.warnings.len()), (0, 1));
}

/// Puts bytes over a file and cuts it off.
fn mutated(mut content: Vec<u8>, bytes: &[(Index, [u8; 4])], end: Option<Index>) -> Vec<u8> {
    for (at, word) in bytes {
        let at = at.index(content.len().saturating_sub(4).max(1));
        for (byte, new) in content.iter_mut().skip(at).zip(word) {
            *byte = *new;
        }
    }
    if let Some(end) = end {
        content.truncate(end.index(content.len()));
    }
    content
}

fn word() -> impl Strategy<Value = [u8; 4]> {
    prop_oneof![
        Just([0; 4]),
        Just([255; 4]),
        any::<[u8; 4]>(),
        (0..900_u32).prop_map(u32::to_be_bytes)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn damaged_databases_are_read_to_their_end(
        bytes in proptest::collection::vec((any::<Index>(), word()), 0..30),
        end in proptest::option::of(any::<Index>()),
    ) {
        let small = sqlite_database("PRAGMA page_size = 512", 20);
        let record = system::read(RPM[0].1.as_bytes(), &mutated(small, &bytes, end));
        prop_assert!(record.packages.len() <= 200 && record.warnings.len() <= 4);
        let Some(data) = shared_data() else { return Ok(()) };
        for (name, path, count) in RPM {
            let content = mutated(rpm_database(&data, name), &bytes, end);
            let record = system::read(path.as_bytes(), &content);
            prop_assert!(record.packages.len() <= 2 * count + 10, "{}", name);
            prop_assert!(record.warnings.len() <= 4, "{:?}", record.warnings);
            // What is damaged costs what lies there, not the rest.
            if end.is_none() && count > 100 && content.starts_with(b"SQLite format 3\0\x10\0") {
                prop_assert!(record.packages.len() > 60, "{}: {:?}", name, record.warnings);
            }
        }
    }
}

#[test]
fn alpine_images_hold_what_is_known_of_them() {
    let Some(data) = shared_data() else { return };
    for (image, musl, busybox) in
        [("310", "1.1.22-r3", "1.30.1-r3"), ("311", "1.1.24-r2", "1.31.1-r9")]
    {
        let file = data.join(format!("images/trivy__alpine-{image}.tar.gz"));
        let (mut records, mut paths) = (BTreeMap::new(), BTreeSet::new());
        let mut file = flate2::read::MultiGzDecoder::new(std::fs::File::open(file).unwrap());
        read_archive(&mut file, &mut records, &mut paths);
        let installed = &records[&b"lib/apk/db/installed"[..]];
        assert_eq!(installed.packages.len(), 14);
        let version = |name: &str| {
            let mut named = installed.packages.iter().filter(|it| it.package.name == name);
            named.next().unwrap().package.version.clone()
        };
        assert_eq!([version("musl"), version("busybox")], [musl, busybox]);
        let files: Vec<&Vec<u8>> = installed.packages.iter().flat_map(|it| &it.files).collect();
        assert!(files.len() > 70);
        assert_eq!(files.iter().filter(|path| !paths.contains(**path)).count(), 0);
        // What is asked for is there, and all that is needed is provided by something.
        let names = installed
            .packages
            .iter()
            .flat_map(|it| it.provides.iter().chain([&it.package.name]).map(String::as_str));
        let names: BTreeSet<&str> = names.collect();
        let needed = installed.packages.iter().flat_map(|it| &it.depends);
        let asked_for = &records[&b"etc/apk/world"[..]].asked_for;
        assert!(asked_for.len() >= 5);
        let missing: Vec<&String> =
            needed.chain(asked_for).filter(|it| !names.contains(it.as_str())).collect();
        assert_eq!(missing, Vec::<&String>::new());
        assert!(records.values().all(|record| record.warnings.is_empty()));
    }
}

#[test]
fn another_build_of_the_same_image_has_the_same_packages() {
    let Some(data) = shared_data() else { return };
    let golden = data.join("expected/trivy-packages__alpine-310.json.golden");
    let golden: serde_json::Value =
        serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
    let row = |it: &serde_json::Value| format!("{} {}", it["Name"], it["SrcName"]).replace('"', "");
    let expected = sorted(golden.as_array().unwrap().iter().map(row));
    let file = std::fs::File::open(data.join("images/trivy__alpine-310.tar.gz")).unwrap();
    let (mut records, mut paths) = (BTreeMap::new(), BTreeSet::new());
    read_archive(&mut flate2::read::MultiGzDecoder::new(file), &mut records, &mut paths);
    let row = |found: &FoundPackage| {
        let source = found.package.qualifiers.get("upstream").unwrap_or(&found.package.name);
        format!("{} {source}", found.package.name)
    };
    let installed = &records[&b"lib/apk/db/installed"[..]];
    assert_eq!(sorted(installed.packages.iter().map(row)), expected);
}

#[test]
fn a_small_debian_owns_its_files() {
    let Some(data) = shared_data() else { return };
    let file = std::fs::File::open(data.join("real/rootfs/tiny-debian-trixie.tar.zst")).unwrap();
    let (mut records, mut paths) = (BTreeMap::new(), BTreeSet::new());
    read_archive(&mut zstd::Decoder::new(file).unwrap(), &mut records, &mut paths);
    let status = &records[&b"var/lib/dpkg/status"[..]];
    let installed: BTreeSet<&str> =
        status.packages.iter().map(|found| found.package.name.as_str()).collect();
    assert!(installed.contains("dpkg") && installed.contains("libc6"));
    let owners: BTreeSet<&str> = records
        .values()
        .flat_map(|record| record.owned.iter().map(|owned| owned.name.as_str()))
        .collect();
    assert_eq!(owners, installed);
    // Lists name what was installed; what builders of small images delete again is mostly documentation.
    let owned = records.values().flat_map(|record| &record.owned).flat_map(|it| &it.files);
    let programs: Vec<&Vec<u8>> = owned.filter(|path| path.starts_with(b"usr/bin/")).collect();
    let missing = programs.iter().filter(|path| !paths.contains(**path)).count();
    assert!(
        programs.len() > 10 && missing * 10 < programs.len(),
        "{missing} of {}",
        programs.len()
    );
    assert!(records.values().all(|record| record.warnings.is_empty()));
}

#[test]
fn dpkg_itself_says_the_same() {
    let path = "/var/lib/dpkg/status";
    let Ok(content) = std::fs::read(path) else {
        eprintln!("skipped: no {path}");
        return;
    };
    let format = "${db:Status-Status} ${Package} ${Version} ${Architecture} ${Essential}\n";
    let Some(expected) = asked("dpkg-query", &["-W", "-f", format]) else { return };
    // A program that installs right now changes it in between.
    if std::fs::read(path).unwrap() != content {
        eprintln!("skipped: packages are being installed");
        return;
    }
    let installed = expected.lines().filter_map(|line| line.strip_prefix("installed "));
    let record = system::read(b"var/lib/dpkg/status", &content);
    let row = |found: &FoundPackage| {
        let package = &found.package;
        format!("{} {} {}", package.name, package.version, package.architecture())
    };
    let told = |line: &str| line.rsplit_once(' ').unwrap().0.to_owned();
    assert_eq!(sorted(record.packages.iter().map(row)), sorted(installed.clone().map(told)));
    let essential = installed.filter(|line| line.ends_with(" yes"));
    let names: BTreeSet<&str> = record
        .packages
        .iter()
        .filter(|found| found.essential)
        .map(|found| found.package.name.as_str())
        .collect();
    for line in essential {
        assert!(names.contains(line.split(' ').next().unwrap()), "{line}");
    }
}

#[test]
fn dpkg_orders_versions_the_same() {
    if asked("dpkg", &["--version"]).is_none() {
        return;
    }
    let versions = [
        "0",
        "1.0",
        "1.0-0",
        "1.00-1",
        "1.0-1",
        "1.0~rc1-1",
        "1.0-1+b1",
        "1.0-1ubuntu1",
        "1:0.1",
        "2:0~~",
        "1.0a-1",
        "1.0+dfsg-1",
        "1.9",
        "1.10",
        "2.36-9+deb12u14",
        "2.36-9~bpo11+1",
    ];
    for (index, a) in versions.iter().enumerate() {
        for b in &versions[..=index] {
            let is = |operator: &str| {
                let arguments = ["--compare-versions", a, operator, b];
                Command::new("dpkg").args(arguments).status().unwrap().success()
            };
            let expected = match (is("lt"), is("eq")) {
                (true, _) => Ordering::Less,
                (_, true) => Ordering::Equal,
                _ => Ordering::Greater,
            };
            assert_eq!(compare("deb", a, b), expected, "{a} and {b}");
        }
    }
}
