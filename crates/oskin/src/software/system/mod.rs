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

impl Reader {
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
    /// read is told by the warnings of the record. O(n log n), in a small multiple of its memory.
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
