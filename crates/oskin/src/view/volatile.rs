//! Volatile paths: files that programs write anew of their own accord, whatever an image adds.
//!
//! A child that installs one package changes all of these, and so does a rebuild that changes
//! nothing. So what differs here does not speak against an image being built from another; what is
//! the same still speaks for it. The table tells paths, never images.

/// Why a path is volatile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volatile {
    /// The record of which packages are installed: installing any changes it.
    Packages,
    /// What belongs to that record: histories, indexes, locks, older copies.
    PackageState,
    /// Messages of programs as they ran.
    Log,
    /// What can be had again from elsewhere: downloads, compiled forms, temporary files.
    Cache,
    /// Made anew from other files of the image whenever one of them comes or goes.
    Index,
    /// Of this machine, or written by what runs a container.
    Machine,
}

/// How paths are named in the table; all are relative to the root.
#[derive(Clone, Copy, Debug)]
enum At {
    /// This very path.
    Is(&'static [u8]),
    /// All that lies below this directory.
    Below(&'static [u8]),
    /// Whose last component is this.
    Named(&'static [u8]),
    /// Whose last component ends so.
    Ending(&'static [u8]),
}

/// All volatile paths; the first row that fits tells why.
const TABLE: &[(At, Volatile)] = &[
    // Debian and its kin: the status of all packages in one file, rewritten by each act of dpkg. The
    // lists and checksums below info/ are of one package each and stay as that package is.
    (At::Is(b"var/lib/dpkg/status"), Volatile::Packages),
    (At::Is(b"var/lib/dpkg/status-old"), Volatile::PackageState),
    (At::Is(b"var/lib/dpkg/available"), Volatile::PackageState),
    (At::Is(b"var/lib/dpkg/available-old"), Volatile::PackageState),
    (At::Is(b"var/lib/dpkg/diversions"), Volatile::PackageState),
    (At::Is(b"var/lib/dpkg/diversions-old"), Volatile::PackageState),
    (At::Is(b"var/lib/dpkg/statoverride"), Volatile::PackageState),
    (At::Is(b"var/lib/dpkg/statoverride-old"), Volatile::PackageState),
    (At::Is(b"var/lib/dpkg/lock"), Volatile::PackageState),
    (At::Is(b"var/lib/dpkg/lock-frontend"), Volatile::PackageState),
    (At::Below(b"var/lib/dpkg/triggers"), Volatile::PackageState),
    (At::Below(b"var/lib/dpkg/updates"), Volatile::PackageState),
    (At::Below(b"var/lib/apt"), Volatile::PackageState),
    // Alpine: one file of all packages, one of what was asked for, the scripts of all in one archive.
    (At::Is(b"lib/apk/db/installed"), Volatile::Packages),
    (At::Is(b"usr/lib/apk/db/installed"), Volatile::Packages),
    (At::Below(b"lib/apk/db"), Volatile::PackageState),
    (At::Below(b"usr/lib/apk/db"), Volatile::PackageState),
    (At::Is(b"etc/apk/world"), Volatile::PackageState),
    // Red Hat and its kin, SUSE: databases of rpm in three forms and three places, and what yum, dnf
    // and zypper write down of their own runs.
    (At::Is(b"var/lib/rpm/Packages"), Volatile::Packages),
    (At::Is(b"var/lib/rpm/Packages.db"), Volatile::Packages),
    (At::Is(b"var/lib/rpm/rpmdb.sqlite"), Volatile::Packages),
    (At::Is(b"usr/lib/sysimage/rpm/Packages"), Volatile::Packages),
    (At::Is(b"usr/lib/sysimage/rpm/Packages.db"), Volatile::Packages),
    (At::Is(b"usr/lib/sysimage/rpm/rpmdb.sqlite"), Volatile::Packages),
    (At::Below(b"var/lib/rpm"), Volatile::PackageState),
    (At::Below(b"usr/lib/sysimage/rpm"), Volatile::PackageState),
    (At::Below(b"usr/share/rpm"), Volatile::PackageState),
    (At::Below(b"var/lib/yum"), Volatile::PackageState),
    (At::Below(b"var/lib/dnf"), Volatile::PackageState),
    (At::Below(b"usr/lib/sysimage/libdnf5"), Volatile::PackageState),
    (At::Below(b"var/lib/zypp"), Volatile::PackageState),
    // Arch: what repositories have to offer; the record itself is a directory a package.
    (At::Below(b"var/lib/pacman/sync"), Volatile::PackageState),
    (At::Below(b"var/log"), Volatile::Log),
    // Among them those of apt, dnf, debconf, man, fontconfig and the auxiliary one of ldconfig.
    (At::Below(b"var/cache"), Volatile::Cache),
    (At::Below(b"root/.cache"), Volatile::Cache),
    (At::Below(b"tmp"), Volatile::Cache),
    (At::Below(b"var/tmp"), Volatile::Cache),
    (At::Below(b"run"), Volatile::Cache),
    // Byte code holds the time of its source, and comes when a module is first used.
    (At::Ending(b".pyc"), Volatile::Cache),
    (At::Ending(b".pyo"), Volatile::Cache),
    // Each is one file of what many packages bring.
    (At::Is(b"etc/ld.so.cache"), Volatile::Index),
    (At::Is(b"usr/share/info/dir"), Volatile::Index),
    (At::Is(b"usr/share/info/dir.gz"), Volatile::Index),
    (At::Is(b"usr/share/info/dir.old"), Volatile::Index),
    (At::Is(b"usr/lib/locale/locale-archive"), Volatile::Index),
    (At::Is(b"usr/share/mime/mime.cache"), Volatile::Index),
    (At::Is(b"usr/share/applications/mimeinfo.cache"), Volatile::Index),
    (At::Is(b"usr/share/glib-2.0/schemas/gschemas.compiled"), Volatile::Index),
    (At::Is(b"var/lib/systemd/catalog/database"), Volatile::Index),
    (At::Named(b"icon-theme.cache"), Volatile::Index),
    (At::Named(b"gconv-modules.cache"), Volatile::Index),
    // Bundles of all trusted certificates; the certificates themselves are files of their own.
    (At::Is(b"etc/ssl/certs/ca-certificates.crt"), Volatile::Index),
    (At::Is(b"etc/ssl/certs/java/cacerts"), Volatile::Index),
    (At::Below(b"etc/pki/ca-trust/extracted"), Volatile::Index),
    // The copies that tools for users and groups leave of what was before.
    (At::Is(b"etc/passwd-"), Volatile::Cache),
    (At::Is(b"etc/group-"), Volatile::Cache),
    (At::Is(b"etc/shadow-"), Volatile::Cache),
    (At::Is(b"etc/gshadow-"), Volatile::Cache),
    (At::Is(b"etc/subuid-"), Volatile::Cache),
    (At::Is(b"etc/subgid-"), Volatile::Cache),
    (At::Is(b"etc/.pwd.lock"), Volatile::Cache),
    // A container has its own, and an exported one brings them along.
    (At::Is(b"etc/hostname"), Volatile::Machine),
    (At::Is(b"etc/hosts"), Volatile::Machine),
    (At::Is(b"etc/resolv.conf"), Volatile::Machine),
    (At::Is(b"etc/mtab"), Volatile::Machine),
    (At::Is(b"etc/machine-id"), Volatile::Machine),
    (At::Is(b".dockerenv"), Volatile::Machine),
    (At::Below(b"dev"), Volatile::Machine),
    (At::Below(b"proc"), Volatile::Machine),
    (At::Below(b"sys"), Volatile::Machine),
];

impl Volatile {
    /// All reasons, in the order in which reports list them.
    pub const ALL: [Self; 6] =
        [Self::Packages, Self::PackageState, Self::Log, Self::Cache, Self::Index, Self::Machine];

    /// The name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::PackageState => "package-state",
            Self::Log => "log",
            Self::Cache => "cache",
            Self::Index => "index",
            Self::Machine => "machine",
        }
    }

    /// Why a path is volatile; `None` for what belongs to the image. The cost is one look through the
    /// table.
    pub fn of(path: &[u8]) -> Option<Self> {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let fits = |at: At| match at {
            At::Is(it) => path == it,
            At::Below(it) => path.strip_prefix(it).is_some_and(|rest| rest.first() == Some(&b'/')),
            At::Named(it) => name == it,
            At::Ending(it) => name.ends_with(it),
        };
        TABLE.iter().find(|(at, _)| fits(*at)).map(|(_, why)| *why)
    }

    /// The table as globs of a [`View`](super::View), in its order. What lies below a path that the table
    /// names as a file counts as volatile by the globs, not by [`of`](Self::of); no image has any.
    pub(super) fn globs() -> impl Iterator<Item = (String, Self)> {
        TABLE.iter().map(|(at, why)| {
            let text = |bytes| String::from_utf8_lossy(bytes);
            let glob = match at {
                At::Is(it) => format!("/{}", text(it)),
                At::Below(it) => format!("/{}/**", text(it)),
                At::Named(it) => text(it).into_owned(),
                At::Ending(it) => format!("*{}", text(it)),
            };
            (glob, *why)
        })
    }

    /// Whether a path is a record of installed packages. Cheaper than [`of`](Self::of).
    pub(crate) fn is_packages(path: &[u8]) -> bool {
        let is_it = |row: &(At, Self)| matches!(row, (At::Is(it), Self::Packages) if *it == path);
        TABLE.iter().any(is_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_volatile_for_a_reason() {
        for (path, why) in [
            ("var/lib/dpkg/status", Some(Volatile::Packages)),
            ("var/lib/dpkg/status-old", Some(Volatile::PackageState)),
            ("var/lib/dpkg/info/libc6.list", None),
            ("var/lib/dpkg/status.d/base", None),
            ("lib/apk/db/installed", Some(Volatile::Packages)),
            ("lib/apk/db/scripts.tar", Some(Volatile::PackageState)),
            ("var/lib/rpm/__db.001", Some(Volatile::PackageState)),
            ("var/lib/rpmrebuild", None),
            ("var/log/yum.log", Some(Volatile::Log)),
            ("var/log", None),
            ("srv/var/log/x", None),
            ("var/cache/ldconfig/aux-cache", Some(Volatile::Cache)),
            ("usr/lib/python3/a/__pycache__/b.cpython-311.pyc", Some(Volatile::Cache)),
            ("etc/ld.so.cache", Some(Volatile::Index)),
            ("usr/share/icons/hicolor/icon-theme.cache", Some(Volatile::Index)),
            ("etc/ssl/certs/ISRG_Root_X1.pem", None),
            ("etc/hosts", Some(Volatile::Machine)),
            ("", None),
        ] {
            assert_eq!(Volatile::of(path.as_bytes()), why, "{path}");
        }
    }

    #[test]
    fn no_row_hides_a_later_one() {
        for (row, (at, _)) in TABLE.iter().enumerate() {
            let path = match at {
                At::Is(path) | At::Named(path) => path.to_vec(),
                At::Below(path) => [path, &b"/x"[..]].concat(),
                At::Ending(path) => [b"x", *path].concat(),
            };
            let first = TABLE[..row].iter().any(|(earlier, _)| match *earlier {
                At::Below(it) => path.starts_with(it) && path.get(it.len()) == Some(&b'/'),
                At::Is(it) => path == it,
                At::Named(_) | At::Ending(_) => false,
            });
            assert!(!first, "row {row} is never reached");
        }
    }
}
