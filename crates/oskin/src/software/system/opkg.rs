//! What opkg records, the package manager of routers: as dpkg does, with marks of its own.

use super::dpkg::{ends_installed, owned, stem};
use super::room::{Damage, Room};
use super::stanza::{Stanza, lines, stanzas};
use crate::image::Package;
use crate::software::{FoundPackage, Record};

/// Reads `usr/lib/opkg/status`: packages of which the third word of their status is `installed`.
pub(super) fn status(content: &[u8]) -> Record {
    packages(content, |stanza| stanza.bytes("Status").is_some_and(ends_installed))
}

/// Reads `usr/lib/opkg/info/NAME.control`: what is there is installed. It is the package of the status
/// once more, with licence and source, which the status leaves out.
pub(super) fn control(content: &[u8]) -> Record {
    packages(content, |_| true)
}

fn packages(content: &[u8], is_installed: impl Fn(&Stanza<'_>) -> bool) -> Record {
    let mut record = Record::default();
    let mut damage = Damage::default();
    let mut room = Room::of(content.len());
    for stanza in stanzas(content).filter(|stanza| is_installed(stanza)) {
        match package(&stanza, &mut room) {
            Some(package) if room.take_package() => record.packages.push(package),
            Some(_) => break,
            None => damage.add("it has no name or version"),
        }
    }
    record.warnings.extend([damage.warning(), room.warning()].into_iter().flatten());
    record
}

fn package(stanza: &Stanza<'_>, room: &mut Room) -> Option<FoundPackage> {
    let (name, version) = (stanza.text("Package"), stanza.text("Version"));
    if name.is_empty() || version.is_empty() {
        return None;
    }
    let mut package = Package { kind: "opkg".to_owned(), name, version, ..Package::default() };
    let architecture = stanza.text("Architecture");
    if !architecture.is_empty() {
        package.qualifiers.insert("arch".to_owned(), architecture);
    }
    // OpenWrt puts the source's name there; its `Source` is a path of the build tree.
    let source = stanza.text("SourceName");
    if !source.is_empty() && source != package.name {
        package.qualifiers.insert("upstream".to_owned(), source);
    }
    let status = stanza.bytes("Status").unwrap_or_default();
    let flags = status.split(u8::is_ascii_whitespace).nth(1).unwrap_or_default();
    let is_asked_for = flags.split(|&byte| byte == b',').any(|flag| flag == b"user");
    let is_automatic = stanza.says("Auto-Installed", "yes");
    Some(FoundPackage {
        package,
        license: stanza.text("License"),
        depends: room.names(stanza.names("Pre-Depends").chain(stanza.names("Depends"))),
        provides: room.names(stanza.names("Provides")),
        asked_for: (is_asked_for || is_automatic).then_some(is_asked_for),
        essential: stanza.says("Essential", "yes") || stanza.says("Priority", "required"),
        ..FoundPackage::default()
    })
}

/// Reads `usr/lib/opkg/info/NAME.list`: one path a line, behind a tab more about it in new versions.
pub(super) fn list(path: &[u8], content: &[u8]) -> Record {
    let stem = stem(path, b".list");
    owned("opkg", [&stem, ""], lines(content).map(before_tab), content.len())
}

fn before_tab(line: &[u8]) -> &[u8] {
    line.split(|&byte| byte == b'\t').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_files_are_told() {
        let record = status(b"Package: busybox\nVersion: 1.36.1-1\nDepends: libc, libx\nStatus: install user installed\nArchitecture: mips_24kc\nInstalled-Time: 1\n\nPackage: libc\nVersion: 1.2.4-4\nStatus: install ok installed\nEssential: yes\nAuto-Installed: yes\n\nPackage: gone\nVersion: 1\nStatus: deinstall ok not-installed\n\nStatus: install ok installed\n");
        let told: Vec<_> = record
            .packages
            .iter()
            .map(|it| (it.package.to_string(), it.asked_for, it.essential))
            .collect();
        assert_eq!(
            told,
            [
                ("pkg:opkg/busybox@1.36.1-1?arch=mips_24kc".to_owned(), Some(true), false),
                ("pkg:opkg/libc@1.2.4-4".to_owned(), Some(false), true)
            ]
        );
        assert_eq!(record.packages[0].depends, ["libc", "libx"]);
        assert_eq!(record.warnings.len(), 1);
        let control = control(
            b"Package: libc6x\nVersion: 1\nSource: feeds/x\nSourceName: libc\nLicense: MIT\n",
        );
        let found = &control.packages[0];
        assert_eq!(found.package.to_string(), "pkg:opkg/libc6x@1?upstream=libc");
        assert_eq!((&*found.license, found.asked_for), ("MIT", None));
        let list = list(b"usr/lib/opkg/info/libc.list", b"/lib/libc.so\n/bin/x\t0644\n");
        assert_eq!(list.owned[0].files, [b"bin/x".to_vec(), b"lib/libc.so".to_vec()]);
        assert_eq!(list.owned[0].name, "libc");
    }
}
