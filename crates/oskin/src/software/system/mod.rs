//! The databases of system packages: dpkg, apk, rpm, pacman, opkg.
//!
//! [`reader`] tells from a path what reads the file, [`Reader::read`] reads its bytes. Names and versions
//! are as the database writes them; vendor and `distro` follow from os-release and stay empty.

mod apk;
mod dpkg;
mod opkg;
mod pacman;
mod room;
mod rpm;
mod stanza;

use super::Record;
use crate::path::split_name;

const MIB: u64 = 1024 * 1024;

/// A kind of file that tells of system packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// `var/lib/dpkg/status`.
    DpkgStatus,
    /// `var/lib/dpkg/status.d/NAME`: one package, in images without dpkg.
    DpkgStatusFile,
    /// `var/lib/dpkg/status.d/NAME.md5sums`: its files.
    DpkgSums,
    /// `var/lib/dpkg/info/NAME.list` and `NAME:ARCH.list`.
    DpkgList,
    /// `var/lib/apt/extended_states`: what came with others.
    AptStates,
    /// `lib/apk/db/installed`.
    ApkInstalled,
    /// `etc/apk/world`: what somebody asked for.
    ApkWorld,
    /// `rpmdb.sqlite` in one of the directories of rpm.
    RpmSqlite,
    /// `Packages.db` there, the "new" database.
    RpmNdb,
    /// `Packages` there, of Berkeley DB.
    RpmBerkeley,
    /// `var/lib/pacman/local/NAME-VERSION-RELEASE/desc`.
    PacmanDesc,
    /// `var/lib/pacman/local/NAME-VERSION-RELEASE/files`.
    PacmanFiles,
    /// `usr/lib/opkg/status`.
    OpkgStatus,
    /// `usr/lib/opkg/info/NAME.control`.
    OpkgControl,
    /// `usr/lib/opkg/info/NAME.list`.
    OpkgList,
}

/// Tells what reads the file of this path, which is in normal form; `None` for all other files.
///
/// Cheap enough to ask for every file of an image: a few comparisons of bytes.
pub fn reader(path: &[u8]) -> Option<Reader> {
    let (directory, name) = split_name(path);
    let is_pacman = |directory: &[u8]| split_name(directory).0 == b"var/lib/pacman/local";
    Some(match (directory, name) {
        (b"var/lib/dpkg", b"status") => Reader::DpkgStatus,
        (b"var/lib/dpkg/status.d", _) if name.ends_with(b".md5sums") => Reader::DpkgSums,
        (b"var/lib/dpkg/status.d", _) if is_of_maintainer(name) => return None,
        (b"var/lib/dpkg/status.d", _) => Reader::DpkgStatusFile,
        (b"var/lib/dpkg/info", _) if name.ends_with(b".list") => Reader::DpkgList,
        (b"var/lib/apt", b"extended_states") => Reader::AptStates,
        (b"lib/apk/db" | b"usr/lib/apk/db", b"installed") => Reader::ApkInstalled,
        (b"etc/apk", b"world") => Reader::ApkWorld,
        (b"var/lib/rpm" | b"usr/lib/sysimage/rpm" | b"usr/share/rpm", _) => match name {
            b"rpmdb.sqlite" => Reader::RpmSqlite,
            b"Packages.db" => Reader::RpmNdb,
            b"Packages" => Reader::RpmBerkeley,
            _ => return None,
        },
        (b"usr/lib/opkg" | b"var/lib/opkg", b"status") => Reader::OpkgStatus,
        (b"usr/lib/opkg/info" | b"var/lib/opkg/info", _) if name.ends_with(b".control") => {
            Reader::OpkgControl
        }
        (b"usr/lib/opkg/info" | b"var/lib/opkg/info", _) if name.ends_with(b".list") => {
            Reader::OpkgList
        }
        (_, b"desc") if is_pacman(directory) => Reader::PacmanDesc,
        (_, b"files") if is_pacman(directory) => Reader::PacmanFiles,
        _ => return None,
    })
}

/// Whether a file beside the status of a package is another part of its control archive. Names of packages have dots, so
/// the parts are told by their endings.
fn is_of_maintainer(name: &[u8]) -> bool {
    let parts: [&[u8]; 9] = [
        b".preinst",
        b".postinst",
        b".prerm",
        b".postrm",
        b".config",
        b".templates",
        b".conffiles",
        b".triggers",
        b".shlibs",
    ];
    parts.iter().any(|part| name.ends_with(part))
}

impl Reader {
    /// The type of the purls of its packages.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::DpkgStatus
            | Self::DpkgStatusFile
            | Self::DpkgSums
            | Self::DpkgList
            | Self::AptStates => "deb",
            Self::ApkInstalled | Self::ApkWorld => "apk",
            Self::RpmSqlite | Self::RpmNdb | Self::RpmBerkeley => "rpm",
            Self::PacmanDesc | Self::PacmanFiles => "alpm",
            Self::OpkgStatus | Self::OpkgControl | Self::OpkgList => "opkg",
        }
    }

    /// The largest file that is worth reading, in bytes; what is larger is damage or an attack.
    ///
    /// Each is about ten times the largest that is known of it.
    pub const fn max_bytes(self) -> u64 {
        match self {
            // Names alone, or the description of one package.
            Self::DpkgStatusFile
            | Self::AptStates
            | Self::ApkWorld
            | Self::PacmanDesc
            | Self::OpkgControl => 4 * MIB,
            // A desktop of 3,000 packages has a status of 4 MB, and apk writes 100 bytes for each file. Lists
            // of the documentation of TeX or the sources of kernels have 60,000 files of 100 bytes.
            Self::DpkgStatus
            | Self::OpkgStatus
            | Self::ApkInstalled
            | Self::DpkgSums
            | Self::DpkgList
            | Self::PacmanFiles
            | Self::OpkgList => 64 * MIB,
            // Headers hold texts in all languages and a checksum a file: 30 KB a package, 100 KB at most.
            Self::RpmSqlite | Self::RpmNdb | Self::RpmBerkeley => 512 * MIB,
        }
    }

    /// Reads the file of this path, which is in normal form, from its bytes. It never fails: what cannot be
    /// read is told by the warnings of the record. O(n log n); what is told takes about eight times the
    /// bytes of the file at most, and those of a small one 64 KiB.
    pub fn read(self, path: &[u8], content: &[u8]) -> Record {
        match self {
            Self::DpkgStatus => dpkg::status(content),
            Self::DpkgStatusFile => dpkg::status_file(content),
            Self::DpkgSums => dpkg::sums(path, content),
            Self::DpkgList => dpkg::list(path, content),
            Self::AptStates => dpkg::extended_states(content),
            Self::ApkInstalled => apk::installed(content),
            Self::ApkWorld => apk::world(content),
            Self::RpmSqlite => rpm::sqlite(content),
            Self::RpmNdb => rpm::ndb(content),
            Self::RpmBerkeley => rpm::bdb(content),
            Self::PacmanDesc => pacman::desc(content),
            Self::PacmanFiles => pacman::files(path, content),
            Self::OpkgStatus => opkg::status(content),
            Self::OpkgControl => opkg::control(content),
            Self::OpkgList => opkg::list(path, content),
        }
    }
}

/// Reads a file, if its path, in normal form, tells that it records system packages; the record of any
/// other file, and of one larger than [`Reader::max_bytes`], is empty but for a warning of the latter.
pub fn read(path: &[u8], content: &[u8]) -> Record {
    let Some(reader) = reader(path) else { return Record::default() };
    if u64::try_from(content.len()).is_ok_and(|bytes| bytes <= reader.max_bytes()) {
        return reader.read(path, content);
    }
    let warning = format!("it is larger than {} MiB", reader.max_bytes() / MIB);
    Record { warnings: vec![warning], ..Record::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A path of each reader.
    const PATHS: [(&str, Reader); 20] = [
        ("var/lib/dpkg/status", Reader::DpkgStatus),
        ("var/lib/dpkg/status.d/base", Reader::DpkgStatusFile),
        ("var/lib/dpkg/status.d/base.md5sums", Reader::DpkgSums),
        ("var/lib/dpkg/info/libc6:amd64.list", Reader::DpkgList),
        ("var/lib/apt/extended_states", Reader::AptStates),
        ("lib/apk/db/installed", Reader::ApkInstalled),
        ("usr/lib/apk/db/installed", Reader::ApkInstalled),
        ("etc/apk/world", Reader::ApkWorld),
        ("var/lib/rpm/rpmdb.sqlite", Reader::RpmSqlite),
        ("usr/lib/sysimage/rpm/rpmdb.sqlite", Reader::RpmSqlite),
        ("usr/share/rpm/rpmdb.sqlite", Reader::RpmSqlite),
        ("usr/lib/sysimage/rpm/Packages.db", Reader::RpmNdb),
        ("var/lib/rpm/Packages", Reader::RpmBerkeley),
        ("var/lib/pacman/local/bash-5.2-1/desc", Reader::PacmanDesc),
        ("var/lib/pacman/local/bash-5.2-1/files", Reader::PacmanFiles),
        ("usr/lib/opkg/status", Reader::OpkgStatus),
        ("var/lib/opkg/status", Reader::OpkgStatus),
        ("usr/lib/opkg/info/libc.control", Reader::OpkgControl),
        ("usr/lib/opkg/info/libc.list", Reader::OpkgList),
        ("var/lib/opkg/info/libc.list", Reader::OpkgList),
    ];

    #[test]
    fn paths_tell_their_reader() {
        for (path, expected) in PATHS {
            assert_eq!(reader(path.as_bytes()), Some(expected), "{path}");
            assert_eq!(reader(format!("x/{path}").as_bytes()), None, "{path}");
            assert_eq!(reader(format!("{path}-old").as_bytes()).filter(|it| *it == expected), {
                // Everything in that directory is the status of a package.
                Some(expected).filter(|it| *it == Reader::DpkgStatusFile)
            });
        }
        for path in [
            "",
            "status",
            "var/lib/dpkg/info/a.postinst",
            "var/lib/dpkg/status.d/a.preinst",
            "var/lib/pacman/local/desc",
        ] {
            assert_eq!(reader(path.as_bytes()), None, "{path}");
            assert_eq!(read(path.as_bytes(), b"Package: a"), Record::default());
        }
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let content = vec![b'\n'; usize::try_from(Reader::ApkWorld.max_bytes()).unwrap() + 1];
        let record = read(b"etc/apk/world", &content);
        assert_eq!(record.warnings, ["it is larger than 4 MiB"]);
        assert_eq!(read(b"etc/apk/world", &content[1..]), Record::default());
    }

    /// The bytes of all that a record tells.
    fn told_bytes(record: &Record) -> usize {
        let found = record.packages.iter().map(|found| {
            let names = found.depends.iter().chain(&found.provides).map(String::len);
            let texts = [&found.package.name, &found.package.version, &found.license];
            let texts = texts.into_iter().chain(found.package.qualifiers.values()).map(String::len);
            names.chain(texts).chain(found.files.iter().map(Vec::len)).sum::<usize>()
        });
        let owned = record.owned.iter().flat_map(|owned| owned.files.iter().map(Vec::len));
        let names = record.asked_for.iter().chain(&record.automatic).map(String::len);
        found.chain(owned).chain(names).sum()
    }

    fn assert_bounded(content: &[u8]) {
        for (path, reader) in PATHS {
            let record = reader.read(path.as_bytes(), content);
            let told = told_bytes(&record);
            assert!(told < 9 * content.len() + 70_000, "{reader:?}: {told} of {}", content.len());
            assert!(record.warnings.len() <= 4, "{reader:?}: {:?}", record.warnings);
            let is_plain = |it: &String| !it.ends_with('.') && !it.starts_with(char::is_uppercase);
            assert!(record.warnings.iter().all(is_plain), "{:?}", record.warnings);
            let files = record.packages.iter().flat_map(|found| &found.files);
            for file in files.chain(record.owned.iter().flat_map(|owned| &owned.files)) {
                assert_eq!(crate::path::normalize(file).as_deref(), Ok(file.as_slice()));
            }
            assert!(record.packages.iter().all(|found| !found.package.name.is_empty()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_bytes_are_read(content in proptest::collection::vec(any::<u8>(), 0..600)) {
            assert_bounded(&content);
        }

        #[test]
        fn what_begins_well_is_read(
            magic in 0..4_usize,
            content in proptest::collection::vec(any::<[u8; 2]>(), 0..2000),
        ) {
            let magics: [&[u8]; 4] = [
                b"SQLite format 3\0\x02\0\x01\x01\0\x40\x20\x20",
                b"RpmP\0\0\0\0\x01\0\0\0\x01\0\0\0",
                b"\0\0\0\0\0\0\0\0\0\0\0\0\x61\x15\x06\0\x09\0\0\0\0\x02\0\0\0",
                b"\0\0\0\0\0\0\0\0\0\0\0\0\0\x06\x15\x61\0\0\0\x09\0\0\x02\0\0",
            ];
            // Numbers of zero and of four gigabytes come often.
            let byte = |[choice, byte]: &[u8; 2]| match choice {
                0..100 => 0,
                100..150 => 255,
                _ => *byte,
            };
            let content: Vec<u8> = content.iter().map(byte).collect();
            assert_bounded(&[magics[magic], &content].concat());
        }

        #[test]
        fn any_lines_are_read(
            lines in proptest::collection::vec(
                proptest::sample::select(vec![
                    "Package: a", "Version: 1", "Status: install ok installed", " more", "Depends: b|c, d (>= 1)",
                    "", "P:a", "V:1", "F:usr/bin", "F:", "R:x", "R:../y", "F:../..", "D:a !b so:c=1", "%NAME%",
                    "%VERSION%", "%FILES%", "usr/", "/usr", "/usr/x", "/../x", "\r", "\0", "0123  etc/x", ":",
                    "Auto-Installed: 1", "é", "Source: (((", "p:cmd:x=1", "o:y",
                ]),
                0..40,
            ),
        ) {
            assert_bounded(lines.join("\n").as_bytes());
        }
    }
}
