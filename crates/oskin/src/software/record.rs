//! What one file of an image says about software.

use crate::image::Package;
use std::borrow::Cow;

/// What one file of an image says about software.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Packages that are installed as the file says, in its order.
    pub packages: Vec<FoundPackage>,
    /// Files of packages that another file lists, such as `var/lib/dpkg/info/NAME.list`.
    pub owned: Vec<Owned>,
    /// Names of packages that somebody asked for, as `etc/apk/world` has them.
    pub asked_for: Vec<String>,
    /// Names of packages that came with others, as `extended_states` of apt has them.
    pub automatic: Vec<String>,
    /// What could not be read, in lower case and without a full stop; a few, never one a damaged entry.
    pub warnings: Vec<String>,
}

/// What tells one package from another in successive versions of one database: kind, namespace where it is a part of the
/// name, name, version with its epoch, architecture.
pub(super) type Identity<'p> = [Cow<'p, str>; 5];

/// See [`Identity`]. The vendor, which is told of a package only when the system is known, counts not.
pub(super) fn identity(package: &Package) -> Identity<'_> {
    let (kind, namespace, name) = package.full_name();
    let architecture = Cow::Borrowed(package.architecture());
    let [kind, namespace, name] = [kind, namespace, name].map(Cow::Borrowed);
    [kind, namespace, name, package.full_version(), architecture]
}

/// The longest name, version or qualifier of a package that is taken, in bytes. The longest real ones have two hundred;
/// formats of bills of materials end at about a thousand, and a table is as wide as its widest cell.
const MAX_WORD_BYTES: usize = 1024;

impl Record {
    /// Without packages whose name, version or qualifiers are too long to be any, and with a warning for them.
    pub(super) fn bounded(mut self) -> Self {
        let before = self.packages.len();
        self.packages.retain(|it| {
            let package = &it.package;
            let words = [&package.namespace, &package.name, &package.version];
            words
                .into_iter()
                .chain(package.qualifiers.values())
                .all(|it| it.len() <= MAX_WORD_BYTES)
        });
        let lost = before - self.packages.len();
        if lost > 0 {
            let (packages, have) =
                if lost == 1 { ("package", "has") } else { ("packages", "have") };
            self.warnings.push(format!(
                "{lost} {packages} {have} a name or version of more than {MAX_WORD_BYTES} bytes and count not"
            ));
        }
        self
    }
}

/// A package as a record tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundPackage {
    /// What it is. The vendor and the `distro` of system packages are left empty: they follow from
    /// os-release, which the reader of one file does not know.
    pub package: Package,
    /// Licences as the record writes them; empty if none is told.
    pub license: String,
    /// The files that it owns, in normal form (no slash at either end); empty where the record does not tell.
    pub files: Vec<Vec<u8>>,
    /// A directory whose files are all its own, but those of packages in directories below, in normal form;
    /// empty where the record tells of none.
    pub directory: Vec<u8>,
    /// Names (or what they provide) of packages that it needs to run, without versions; alternatives are all named.
    pub depends: Vec<String>,
    /// What else it is known as, to be found by `depends`.
    pub provides: Vec<String>,
    /// Whether somebody asked for it (`Some(true)`), or it came with others (`Some(false)`).
    pub asked_for: Option<bool>,
    /// Whether the system does not work without it, as its record says (`Essential: yes`, `Priority: required`).
    pub essential: bool,
}

/// Files of a package that is recorded elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    /// The type of its purl.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its architecture, empty if the list does not tell it.
    pub architecture: String,
    /// The files, in normal form.
    pub files: Vec<Vec<u8>>,
}
