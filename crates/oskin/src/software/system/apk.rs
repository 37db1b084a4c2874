//! What apk records: installed packages with their files, and which of them somebody asked for.

use super::room::{Damage, NO_PATH, Room};
use super::stanza::{lines, next_line, text};
use crate::image::Package;
use crate::path::normalize;
use crate::software::{FoundPackage, Record};
use std::borrow::Cow;

/// Reads `lib/apk/db/installed`: stanzas of lines `X:value`, each field by its letter.
pub(super) fn installed(content: &[u8]) -> Record {
    let mut record = Record::default();
    let mut damage = Damage::default();
    let mut room = Room::of(content.len());
    let mut rest = content;
    while !rest.is_empty() {
        match package(&mut rest, &mut room, &mut damage) {
            Some(Ok(package)) if room.take_package() => record.packages.push(package),
            Some(Ok(_)) => break,
            Some(Err(why)) => damage.add(why),
            None => {}
        }
    }
    record.warnings.extend([damage.warning(), room.warning()].into_iter().flatten());
    record
}

/// Takes one package off the lines; `None` if there are only empty lines.
fn package(
    rest: &mut &[u8],
    room: &mut Room,
    damage: &mut Damage,
) -> Option<Result<FoundPackage, &'static str>> {
    let mut found = FoundPackage::default();
    let mut package = Package { kind: "apk".to_owned(), ..Package::default() };
    let mut origin = String::new();
    let mut directory: Option<Cow<'_, [u8]>> = None;
    let mut begun = false;
    while !rest.is_empty() {
        let line = next_line(rest);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        begun = true;
        let Some((&[letter, b':'], value)) = line.split_first_chunk::<2>() else { continue };
        match letter {
            b'P' => package.name = text(value),
            b'V' => package.version = text(value),
            b'A' => drop(package.qualifiers.insert("arch".to_owned(), text(value))),
            b'L' => found.license = text(value),
            b'o' => origin = text(value),
            b'D' => found.depends = room.names(words(value).map(name)),
            b'p' => found.provides = room.names(words(value).map(name)),
            // The root is written as no name at all.
            b'F' if value.is_empty() => directory = Some(Cow::default()),
            b'F' => directory = normalize(value).ok(),
            b'R' => {
                let directory = directory.as_deref().ok_or(NO_PATH);
                match directory.and_then(|directory| room.join(directory, value)) {
                    Ok(path) => found.files.extend(path),
                    Err(why) => damage.add(why),
                }
            }
            _ => {}
        }
    }
    if package.name.is_empty() || package.version.is_empty() {
        return begun.then_some(Err("it has no name or version"));
    }
    if !origin.is_empty() && origin != package.name {
        package.qualifiers.insert("upstream".to_owned(), origin);
    }
    Some(Ok(FoundPackage { package, ..found }))
}

/// Reads `etc/apk/world`: what somebody asked for, apart by white space.
pub(super) fn world(content: &[u8]) -> Record {
    let mut room = Room::of(content.len());
    let asked_for = room.names(lines(content).flat_map(words).map(name));
    Record { asked_for, warnings: room.warning().into_iter().collect(), ..Record::default() }
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
}

/// A dependency without its version (`=1`, `<2`, `~3`) and repository (`@edge`); empty for a conflict.
fn name(word: &[u8]) -> &[u8] {
    let end = word.iter().position(|byte| b"=<>~@".contains(byte)).unwrap_or(word.len());
    word.get(..end).filter(|name| !name.starts_with(b"!")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTALLED: &[u8] = b"C:Q1aaaa=
P:libssl1.1
V:1.1.1c-r0
A:x86_64
S:214022
L:OpenSSL
o:openssl
D:so:libc.musl-x86_64.so.1 so:libcrypto.so.1.1 !libressl busybox>=1.2 a~3 b@edge busybox
p:so:libssl.so.1.1=1.1 cmd:openssl=1.1.1c-r0
F:lib
R:libssl.so.1.1
a:0:0:555
Z:Q1xxxx=
F:usr
F:usr/lib
R:libssl.so.1.1
F:
R:rooted

P:musl
V:1.1.22-r3
o:musl
F:../x
R:y
R:

V:1

P:.build-deps
V:20210101.0
";

    #[test]
    fn packages_are_told_with_files() {
        let record = installed(INSTALLED);
        let purls: Vec<String> =
            record.packages.iter().map(|found| found.package.to_string()).collect();
        assert_eq!(
            purls,
            [
                "pkg:apk/libssl1.1@1.1.1c-r0?arch=x86_64&upstream=openssl",
                "pkg:apk/musl@1.1.22-r3",
                "pkg:apk/.build-deps@20210101.0"
            ]
        );
        let ssl = &record.packages[0];
        let files: Vec<&[u8]> = ssl.files.iter().map(Vec::as_slice).collect();
        assert_eq!(files, [&b"lib/libssl.so.1.1"[..], b"usr/lib/libssl.so.1.1", b"rooted"]);
        let needs = ["so:libc.musl-x86_64.so.1", "so:libcrypto.so.1.1", "busybox", "a", "b"];
        assert_eq!(ssl.depends, needs);
        assert_eq!(ssl.provides, ["so:libssl.so.1.1", "cmd:openssl"]);
        assert_eq!(ssl.license, "OpenSSL");
        let told = "3 entries are damaged, the first: a file has no path";
        assert_eq!(record.warnings, [told]);
    }

    #[test]
    fn the_world_is_what_was_asked_for() {
        let record =
            world(b"alpine-baselayout\npython3>3 py3-x@edge\n!bad\n.build-deps=20210101.0\n");
        let names = ["alpine-baselayout", "python3", "py3-x", ".build-deps"];
        assert_eq!(record.asked_for, names);
    }

    #[test]
    fn a_long_directory_is_not_told_for_each_of_many_files() {
        let mut content = b"P:a\nV:1\nF:".to_vec();
        content.extend(vec![b'd'; 20_000]);
        content.extend(b"\nR:f".repeat(50_000));
        let record = installed(&content);
        let told: usize = record.packages[0].files.iter().map(Vec::len).sum();
        assert!(told < 9 * content.len() + 70_000, "{told}");
        assert_eq!(record.warnings.len(), 1);
    }
}
