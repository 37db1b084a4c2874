//! What dpkg and apt record: installed packages, their files, and which came with others.

use super::room::{Damage, Room};
use super::stanza::{Stanza, lines, stanzas, text};
use crate::image::Package;
use crate::path::{normalize, split_name};
use crate::software::{FoundPackage, Owned, Record};
use std::borrow::Cow;

/// Reads `var/lib/dpkg/status`: packages that are unpacked and configured, see [`ends_installed`].
pub(super) fn status(content: &[u8]) -> Record {
    packages(content, false)
}

/// Reads a file of `var/lib/dpkg/status.d`, as images without dpkg have one a package: it is installed
/// because the file is there, unless it says something else.
pub(super) fn status_file(content: &[u8]) -> Record {
    packages(content, true)
}

fn packages(content: &[u8], unsaid_is_installed: bool) -> Record {
    let mut record = Record::default();
    let mut damage = Damage::default();
    let mut room = Room::of(content.len());
    for stanza in stanzas(content) {
        match stanza.bytes("Status") {
            Some(status) if !ends_installed(status) => continue,
            None if !unsaid_is_installed => {
                if stanza.is_damaged || stanza.bytes("Package").is_none() {
                    damage.add("it has no status");
                }
                continue;
            }
            _ => {}
        }
        match package(&stanza, &mut room) {
            Ok(package) if room.take_package() => record.packages.push(package),
            Ok(_) => break,
            Err(why) => damage.add(why),
        }
    }
    record.warnings.extend([damage.warning(), room.warning()].into_iter().flatten());
    record
}

/// Whether a status such as `hold ok installed` says that the package is there and configured.
///
/// By `dpkg-query(1)`, "Package states", and dpkg's specification of triggers that holds for `installed`, and for
/// `triggers-pending` and `triggers-awaited` too: there only work for others is left to do, such as a cache to be
/// written anew (`it`, `iW` in `dpkg -l`). All others are gone, not whole, or not configured.
pub(super) fn ends_installed(status: &[u8]) -> bool {
    let mut words = status.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let Some(state) = words.nth(2) else { return false };
    let there: [&[u8]; 3] = [b"installed", b"triggers-pending", b"triggers-awaited"];
    there.iter().any(|it| state.eq_ignore_ascii_case(it))
}

fn package(stanza: &Stanza<'_>, room: &mut Room) -> Result<FoundPackage, &'static str> {
    let (name, version) = (stanza.text("Package"), stanza.text("Version"));
    if name.is_empty() {
        return Err("it has no name");
    }
    if version.is_empty() {
        return Err("it has no version");
    }
    let mut package = Package { kind: "deb".to_owned(), name, version, ..Package::default() };
    let mut qualify = |key: &str, value: String| {
        if !value.is_empty() {
            package.qualifiers.insert(key.to_owned(), value);
        }
    };
    qualify("arch", stanza.text("Architecture"));
    qualify("upstream", source(&stanza.text("Source")));
    Ok(FoundPackage {
        package,
        depends: room.names(stanza.names("Pre-Depends").chain(stanza.names("Depends"))),
        provides: room.names(stanza.names("Provides")),
        essential: stanza.says("Essential", "yes") || stanza.says("Priority", "required"),
        ..FoundPackage::default()
    })
}

/// `name (version)` as `name@version`; dpkg writes a source only where it differs from the package.
fn source(field: &str) -> String {
    let (name, version) = field.split_once('(').unwrap_or((field, ""));
    let version = version.trim().trim_end_matches(')').trim();
    let mark = if version.is_empty() { "" } else { "@" };
    format!("{}{mark}{version}", name.trim())
}

/// Reads `var/lib/dpkg/info/NAME.list` or `NAME:ARCH.list`: one path a line.
///
/// Directories that hold others of the list are left out; the list does not tell the rest from files.
pub(super) fn list(path: &[u8], content: &[u8]) -> Record {
    let stem = stem(path, b".list");
    let (name, architecture) = stem.split_once(':').unwrap_or((&stem, ""));
    owned("deb", [name, architecture], lines(content), content.len())
}

/// Reads `var/lib/dpkg/status.d/NAME.md5sums`: a checksum and a path a line.
///
/// Some builders cut the name at its last dot (`libssl1` for `libssl1.1`), so the name is taken from the
/// directory of the copyright file where the one begins with the other.
pub(super) fn sums(path: &[u8], content: &[u8]) -> Record {
    let stem = stem(path, b".md5sums");
    let documented = lines(content).map(summed).filter_map(|path| {
        let path = path.strip_prefix(b"./").unwrap_or(path);
        let name = path.strip_prefix(b"usr/share/doc/")?.strip_suffix(b"/copyright")?;
        name.starts_with(stem.as_bytes()).then_some(name)
    });
    let name = documented.min().map_or_else(|| stem.clone(), text);
    owned("deb", [&name, ""], lines(content).map(summed), content.len())
}

/// The path in a line of checksums.
fn summed(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(b"\\").unwrap_or(line).trim_ascii_start();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let path = line.get(end..).unwrap_or_default().trim_ascii_start();
    // `md5sum -b` marks what it read as bytes by a star.
    path.strip_prefix(b"*").unwrap_or(path)
}

/// The name of a file without its ending.
pub(super) fn stem(path: &[u8], ending: &[u8]) -> String {
    let (_, name) = split_name(path);
    text(name.strip_suffix(ending).unwrap_or(name))
}

/// A record of the files of a package, given as its name and architecture.
pub(super) fn owned<'a>(
    kind: &str,
    [name, architecture]: [&str; 2],
    paths: impl Iterator<Item = &'a [u8]>,
    content_bytes: usize,
) -> Record {
    let mut record = Record::default();
    let mut damage = Damage::default();
    let mut room = Room::of(content_bytes);
    let mut files = Vec::new();
    for path in paths.filter(|path| !path.is_empty()) {
        match normalize(path) {
            Ok(path) if path.is_empty() => {}
            Ok(path) if room.take(path.len()) => files.push(path),
            Ok(_) => break,
            Err(_) => damage.add("it is no path"),
        }
    }
    record.warnings.extend([damage.warning(), room.warning()].into_iter().flatten());
    let [kind, name, architecture] = [kind, name, architecture].map(str::to_owned);
    record.owned.push(Owned { kind, name, architecture, files: without_directories(files) });
    record
}

/// Paths in bytewise order, each once, without those that are directories of others. O(n log n) and, as lists are
/// nearly in order, often O(n).
fn without_directories(mut files: Vec<Cow<'_, [u8]>>) -> Vec<Vec<u8>> {
    files.sort();
    files.dedup();
    let mut is_directory = vec![false; files.len()];
    // The paths that the one at hand begins with, shortest first. A directory is one of them, but what it holds need
    // not come right behind it: `lib-x` comes between `lib` and `lib/x`.
    let mut begun: Vec<usize> = Vec::new();
    for (at, path) in files.iter().enumerate() {
        while begun.last().is_some_and(|last| !path.starts_with(&files[*last])) {
            begun.pop();
        }
        for &before in begun.iter().rev() {
            is_directory[before] |= path.get(files[before].len()) == Some(&b'/');
        }
        begun.push(at);
    }
    let kept = files.into_iter().zip(is_directory).filter(|(_, is_directory)| !is_directory);
    kept.map(|(path, _)| path.into_owned()).collect()
}

/// Reads `var/lib/apt/extended_states`: the packages that came with others.
pub(super) fn extended_states(content: &[u8]) -> Record {
    let automatic = stanzas(content).filter(|stanza| stanza.says("Auto-Installed", "1"));
    let mut room = Room::of(content.len());
    let automatic = room.names(automatic.filter_map(|stanza| stanza.bytes("Package")));
    Record { automatic, warnings: room.warning().into_iter().collect(), ..Record::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATUS: &[u8] = b"Package: libc6
Essential: yes
Status: install ok installed
Priority: optional
Architecture: amd64
Multi-Arch: same
Source: glibc
Version: 2.36-9+deb12u14
Provides: libc6-x, libc6 (= 2.36)
Depends: libgcc-s1, libcrypt1 (>= 1:4.4.10-10~) | other:any
Pre-Depends: first [amd64]
Description: C library
 Contains the standard libraries
 .
 Status: not this one

Package: gone
Status: deinstall ok config-files
Version: 1

Package: held
Status: hold ok installed
Priority: required
Source: from (2:3)
Version: 2:3+b1
Architecture: all

Package: nameless
Status: install ok installed

Status: install ok installed
Version: 4

Package: unpacked
Status: install ok half-configured
Version: 4
";

    #[test]
    fn installed_packages_are_told() {
        let record = status(STATUS);
        let purls: Vec<String> =
            record.packages.iter().map(|found| found.package.to_string()).collect();
        assert_eq!(
            purls,
            [
                "pkg:deb/libc6@2.36-9%2Bdeb12u14?arch=amd64&upstream=glibc",
                "pkg:deb/held@2:3%2Bb1?arch=all&upstream=from%402:3",
            ]
        );
        let libc = &record.packages[0];
        assert!(libc.essential && record.packages[1].essential);
        assert_eq!(libc.depends, ["first", "libgcc-s1", "libcrypt1", "other"]);
        assert_eq!(libc.provides, ["libc6-x", "libc6"]);
        let told = "2 entries are damaged, the first: it has no version";
        assert_eq!(record.warnings, [told]);
    }

    #[test]
    fn states_of_triggers_are_installed() {
        let states = [
            ("not-installed", false),
            ("config-files", false),
            ("half-installed", false),
            ("unpacked", false),
            ("half-configured", false),
            ("triggers-awaited", true),
            ("triggers-pending", true),
            ("installed", true),
            ("", false),
        ];
        for (state, is_installed) in states {
            let content = format!("Package: a\nStatus: install ok {state}\nVersion: 1\n");
            for record in [status(content.as_bytes()), status_file(content.as_bytes())] {
                assert_eq!(record.packages.len(), usize::from(is_installed), "{state}");
            }
        }
    }

    #[test]
    fn a_file_of_its_own_needs_no_status() {
        let told = |content: &[u8]| status_file(content).packages.len();
        assert_eq!(told(b"Package: a\nVersion: 1\n"), 1);
        assert_eq!(told(b"Package: a\nStatus: install ok installed\nVersion: 1\n"), 1);
        assert_eq!(told(b"Package: a\nStatus: deinstall ok config-files\nVersion: 1\n"), 0);
        assert_eq!(status(b"Package: a\nVersion: 1\n").packages, []);
    }

    #[test]
    fn lists_name_files() {
        let path = b"var/lib/dpkg/info/libc6:amd64.list";
        let record = list(path, b"/.\n/lib\n/lib/a\n/lib-b\n/lib/c/d\n/lib/c\n/../x\n/empty\n");
        let owned = &record.owned[0];
        assert_eq!([&*owned.kind, &*owned.name, &*owned.architecture], ["deb", "libc6", "amd64"]);
        let files: Vec<&[u8]> = owned.files.iter().map(Vec::as_slice).collect();
        assert_eq!(files, [&b"empty"[..], b"lib-b", b"lib/a", b"lib/c/d"]);
        assert_eq!(record.warnings, ["1 entry is damaged: it is no path"]);
    }

    #[test]
    fn sums_name_files_and_the_package() {
        let record = sums(
            b"var/lib/dpkg/status.d/libssl1.md5sums",
            b"0123  usr/lib/libssl.so.1.1\n4567 *usr/share/doc/libssl1.1/copyright\n",
        );
        let owned = &record.owned[0];
        assert_eq!((&*owned.name, owned.files.len()), ("libssl1.1", 2));
        assert_eq!(owned.files[0], b"usr/lib/libssl.so.1.1");
        assert_eq!(owned.files[1], b"usr/share/doc/libssl1.1/copyright");
        assert_eq!(sums(b"var/lib/dpkg/status.d/base.md5sums", b"").owned[0].name, "base");
    }

    #[test]
    fn what_came_with_others_is_told() {
        let states = b"Package: dpkg\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: vim\nAuto-Installed: 0\n\nPackage: libc6\nAuto-Installed: 1\n";
        assert_eq!(extended_states(states).automatic, ["dpkg", "libc6"]);
    }

    proptest! {
        #[test]
        fn only_what_holds_others_is_a_directory(
            paths in proptest::collection::vec("[ab-]{1,2}(/[ab-]{1,2}){0,2}", 0..12),
        ) {
            let paths: Vec<Vec<u8>> = paths.into_iter().map(String::into_bytes).collect();
            let holds = |path: &[u8], other: &[u8]| other.starts_with(&[path, b"/"].concat());
            let mut naive: Vec<Vec<u8>> = paths
                .iter()
                .filter(|path| !paths.iter().any(|other| holds(path, other)))
                .cloned()
                .collect();
            naive.sort();
            naive.dedup();
            prop_assert_eq!(without_directories(paths.into_iter().map(Cow::Owned).collect()), naive);
        }
    }
}
