//! What pacman records: a directory a package, with its description and its files.

use super::dpkg::owned;
use super::room::Room;
use super::stanza::{lines, text};
use crate::image::Package;
use crate::path::split_name;
use crate::software::{FoundPackage, Record};

/// Reads `var/lib/pacman/local/NAME-VERSION-RELEASE/desc`.
pub(super) fn desc(content: &[u8]) -> Record {
    let [name, version] = ["NAME", "VERSION"].map(|title| first(content, title));
    if name.is_empty() || version.is_empty() {
        let warning = "it has no name or version".to_owned();
        return Record { warnings: vec![warning], ..Record::default() };
    }
    let mut package = Package { kind: "alpm".to_owned(), name, version, ..Package::default() };
    let (architecture, base) = (first(content, "ARCH"), first(content, "BASE"));
    if !architecture.is_empty() {
        package.qualifiers.insert("arch".to_owned(), architecture);
    }
    if !base.is_empty() && base != package.name {
        package.qualifiers.insert("upstream".to_owned(), base);
    }
    let mut room = Room::of(content.len());
    let licenses = room.names(section(content, "LICENSE"));
    let found = FoundPackage {
        package,
        license: licenses.join(" AND "),
        depends: room.names(section(content, "DEPENDS").map(name_of)),
        provides: room.names(section(content, "PROVIDES").map(name_of)),
        // A package that somebody asked for has no reason written down, or 0.
        asked_for: Some(first(content, "REASON") != "1"),
        ..FoundPackage::default()
    };
    let warnings = room.warning().into_iter().collect();
    Record { packages: vec![found], warnings, ..Record::default() }
}

/// Reads `var/lib/pacman/local/NAME-VERSION-RELEASE/files`; the name follows from the directory.
pub(super) fn files(path: &[u8], content: &[u8]) -> Record {
    let (_, directory) = split_name(split_name(path).0);
    let directory = text(directory);
    let name = directory.rsplitn(3, '-').nth(2).unwrap_or(&directory);
    let is_file = |path: &&[u8]| !path.ends_with(b"/");
    owned("alpm", [name, ""], section(content, "FILES").filter(is_file), content.len())
}

/// The lines below a title such as `%NAME%`, up to an empty one.
fn section<'a>(content: &'a [u8], title: &'static str) -> impl Iterator<Item = &'a [u8]> {
    let is_title = move |line: &&[u8]| {
        let inner = line.strip_prefix(b"%").and_then(|line| line.strip_suffix(b"%"));
        inner == Some(title.as_bytes())
    };
    let below = lines(content).skip_while(move |line| !is_title(line)).skip(1);
    below.take_while(|line| !line.is_empty())
}

fn first(content: &[u8], title: &'static str) -> String {
    section(content, title).next().map(text).unwrap_or_default()
}

/// A dependency without its version.
fn name_of(relation: &[u8]) -> &[u8] {
    let end = relation.iter().position(|byte| b"=<>:".contains(byte)).unwrap_or(relation.len());
    relation.get(..end).unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_a_package() {
        let content = b"%NAME%\ngcc-libs\n\n%VERSION%\n13.2.1-3\n\n%BASE%\ngcc\n\n%ARCH%\nx86_64\n\n%LICENSE%\nGPL\nLGPL\n\n%REASON%\n1\n\n%DEPENDS%\nglibc>=2.27\nlibx.so=1-64\n\n%PROVIDES%\nlibgo.so=22-64\n\n%OPTDEPENDS%\nnot: this one\n";
        let record = desc(content);
        let found = &record.packages[0];
        let purl = found.package.to_string();
        assert_eq!(purl, "pkg:alpm/gcc-libs@13.2.1-3?arch=x86_64&upstream=gcc");
        assert_eq!(found.depends, ["glibc", "libx.so"]);
        assert_eq!(found.provides, ["libgo.so"]);
        assert_eq!((&*found.license, found.asked_for), ("GPL AND LGPL", Some(false)));
        let asked = desc(b"%NAME%\na\n\n%VERSION%\n1-1\n").packages[0].asked_for;
        assert_eq!(asked, Some(true));
        assert_eq!(desc(b"%NAME%\n\n").warnings.len(), 1);
    }

    #[test]
    fn files_are_owned_and_directories_are_not() {
        let path = b"var/lib/pacman/local/gcc-libs-13.2.1-3/files";
        let record =
            files(path, b"%FILES%\nusr/\nusr/lib/\nusr/lib/a b\nusr/x\n\n%BACKUP%\netc/y\tz\n");
        let owned = &record.owned[0];
        assert_eq!((&*owned.kind, &*owned.name), ("alpm", "gcc-libs"));
        assert_eq!(owned.files, [b"usr/lib/a b".to_vec(), b"usr/x".to_vec()]);
    }
}
