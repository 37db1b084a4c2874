//! Packages: what a package manager, or a bill of materials, says that an image holds.

use super::OsIdentity;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// The longest purl that is read, in bytes.
const MAX_PURL_BYTES: usize = 16 * 1024;

/// The most qualifiers of a purl; few have more than five.
const MAX_QUALIFIERS: usize = 64;

/// Kinds whose namespace is who packed it, not a part of the name.
const BY_VENDOR: [&str; 6] = ["alpm", "apk", "deb", "opkg", "qpkg", "rpm"];

/// A package, in the terms of package URLs (the purl specification).
///
/// They are ordered by kind, namespace, name, version, then the rest, all bytewise.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// The type of its purl, in lower case: `deb`, `apk`, `rpm`, `pypi`, `npm`; `generic` where
    /// nothing tells it.
    pub kind: String,
    /// What stands before the name: a vendor, a scope, a group; empty if there is none.
    pub namespace: String,
    /// The name, never empty.
    pub name: String,
    /// The version as its package manager writes it; empty if none is told.
    pub version: String,
    /// What else tells it from others, by name: `arch`, `epoch`, `distro`, `upstream`.
    pub qualifiers: BTreeMap<String, String>,
    /// The part of the package that is meant; empty for all of it.
    pub subpath: String,
}

/// A text that is no package URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no package URL: {0}")]
pub struct NotAPurl(&'static str);

impl Package {
    /// A package of which only name and version are told.
    pub fn generic(namespace: &str, name: &str, version: &str) -> Self {
        Self {
            kind: "generic".to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
            ..Self::default()
        }
    }

    /// Reads a package URL: `pkg:type/namespace/name@version?qualifiers#subpath`.
    ///
    /// As the purl specification parses it, and tolerant where real documents break it: a scope may
    /// begin with a plain `@`, and percent signs that begin no byte stay what they are. Types, and
    /// names of types that know no case, are lower-cased. O(bytes).
    ///
    /// # Errors
    ///
    /// [`NotAPurl`] without scheme, type or name, or if it is longer than 16 KiB or has more than 64
    /// qualifiers.
    pub fn from_purl(purl: &str) -> Result<Self, NotAPurl> {
        if purl.len() > MAX_PURL_BYTES {
            return Err(NotAPurl("it is longer than 16 KiB"));
        }
        let (scheme, rest) = purl.trim().split_once(':').ok_or(NotAPurl("it has no scheme"))?;
        if !scheme.eq_ignore_ascii_case("pkg") {
            return Err(NotAPurl("it does not begin with pkg:"));
        }
        let (rest, subpath) = rest.rsplit_once('#').unwrap_or((rest, ""));
        let (rest, qualifiers) = rest.rsplit_once('?').unwrap_or((rest, ""));
        if qualifiers.split('&').count() > MAX_QUALIFIERS {
            return Err(NotAPurl("it has more than 64 qualifiers"));
        }
        let (kind, rest) =
            rest.trim_matches('/').split_once('/').ok_or(NotAPurl("it has no name"))?;
        let is_type = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-');
        if kind.is_empty() || !kind.chars().all(is_type) {
            return Err(NotAPurl("its type is none"));
        }
        // A scope may begin with `@`, so the version is looked for behind the last slash only; what
        // has a slash in its version is told by an `@` that begins no name.
        let at = rest.rfind('@').filter(|at| !rest[at + 1..].contains('/') && *at > 0);
        let (path, version) = match at {
            Some(at) if !rest[..at].ends_with('/') => (&rest[..at], &rest[at + 1..]),
            _ => (rest, ""),
        };
        let (namespace, name) =
            path.trim_matches('/').rsplit_once('/').unwrap_or(("", path.trim_matches('/')));
        let segments = |text: &str| {
            let all = text.split('/').map(decode).filter(|text| !text.is_empty());
            all.collect::<Vec<String>>().join("/")
        };
        let mut package = Self {
            kind: kind.to_ascii_lowercase(),
            namespace: segments(namespace),
            name: decode(name),
            version: decode(version),
            qualifiers: qualifiers.split('&').filter_map(qualifier).collect(),
            subpath: segments(subpath),
        };
        if package.name.is_empty() {
            return Err(NotAPurl("it has no name"));
        }
        package.normalize();
        Ok(package)
    }

    /// Writes what its kind takes as the same in one way: lower case (purl-spec, the known types), and for
    /// Python one dash for each run of dashes, dots and underscores (PEP 503).
    pub(crate) fn normalize(&mut self) {
        match self.kind.as_str() {
            "alpm" | "apk" | "bitbucket" | "composer" | "deb" | "github" | "golang" | "hex"
            | "oci" => {
                self.namespace = self.namespace.to_lowercase();
                self.name = self.name.to_lowercase();
            }
            "rpm" | "qpkg" => self.namespace = self.namespace.to_lowercase(),
            "pypi" => {
                let mut name = String::with_capacity(self.name.len());
                for c in self.name.chars().flat_map(char::to_lowercase) {
                    let c = if matches!(c, '_' | '.') { '-' } else { c };
                    if c != '-' || !name.ends_with('-') {
                        name.push(c);
                    }
                }
                self.name = name;
            }
            _ => {}
        }
    }

    /// The machine that it is for, such as `amd64`; empty if none is told.
    pub fn architecture(&self) -> &str {
        self.qualifiers.get("arch").map_or("", String::as_str)
    }

    /// The epoch of a package of rpm, and the version without it. Purls have it as a qualifier, some write it before
    /// the version. It is empty where there is none, and where it is zero, which means the same; of other kinds always,
    /// since their versions are told as a whole.
    pub fn epoch_and_version(&self) -> (&str, &str) {
        let version = self.version.as_str();
        if self.kind != "rpm" {
            return ("", version);
        }
        let is_epoch = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let written = version.split_once(':').filter(|(epoch, _)| is_epoch(epoch));
        let qualified = self.qualifiers.get("epoch").filter(|it| is_epoch(it));
        let (epoch, version) = written.unwrap_or((qualified.map_or("", String::as_str), version));
        (epoch.trim_start_matches('0'), version)
    }

    /// The version by which the package is older or newer than others of its kind: of rpm as `epoch:version`, unless
    /// the epoch is zero. Empty if no version is told.
    pub fn full_version(&self) -> Cow<'_, str> {
        match self.epoch_and_version() {
            ("", version) | (_, version @ "") => Cow::Borrowed(version),
            (epoch, version) => Cow::Owned(format!("{epoch}:{version}")),
        }
    }

    /// What the package is called among those of its kind: the namespace counts where it is a part of
    /// the name, as in npm and Go, not where it is the vendor, as in deb and rpm.
    pub fn full_name(&self) -> (&str, &str, &str) {
        let is_vendor = BY_VENDOR.contains(&self.kind.as_str());
        (&self.kind, if is_vendor { "" } else { &self.namespace }, &self.name)
    }

    /// What people call it: with the namespace where that is a part of the name.
    pub fn shown_name(&self) -> String {
        match self.full_name() {
            (_, "", name) => name.to_owned(),
            ("maven", namespace, name) => format!("{namespace}:{name}"),
            (_, namespace, name) => format!("{namespace}/{name}"),
        }
    }
}

impl fmt::Display for Package {
    /// Writes it as a package URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}/", self.kind)?;
        if !self.namespace.is_empty() {
            encode(f, &self.namespace, b"/")?;
            f.write_char('/')?;
        }
        encode(f, &self.name, b"")?;
        if !self.version.is_empty() {
            f.write_char('@')?;
            encode(f, &self.version, b"")?;
        }
        for ((key, value), mark) in
            self.qualifiers.iter().zip(std::iter::once('?').chain(std::iter::repeat('&')))
        {
            write!(f, "{mark}{key}=")?;
            encode(f, value, b"/")?;
        }
        if !self.subpath.is_empty() {
            f.write_char('#')?;
            encode(f, &self.subpath, b"/")?;
        }
        Ok(())
    }
}

/// A qualifier with its value; those without one say nothing.
fn qualifier(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=')?;
    let (key, value) = (key.to_ascii_lowercase(), decode(value));
    let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!key.is_empty() && key.chars().all(is_key) && !value.is_empty()).then_some((key, value))
}

/// Puts bytes for `%XX`; what is no UTF-8 then is replaced.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let hex = (byte == b'%').then(|| Some(digit(at + 1)? << 4 | digit(at + 2)?)).flatten();
        let hex = hex.and_then(|hex| u8::try_from(hex).ok());
        decoded.push(hex.unwrap_or(byte));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Puts `%XX` for what is neither unreserved, nor a colon, nor one of `free`.
fn encode(f: &mut fmt::Formatter<'_>, text: &str, free: &[u8]) -> fmt::Result {
    for byte in text.bytes() {
        let plain =
            byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) || free.contains(&byte);
        if plain {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

/// The packages of an image, as far as they are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packages {
    list: Vec<Package>,
    /// Whether nothing else is known of the image, so that it has no paths.
    pub only: bool,
    /// The operating system of an image of which nothing else is known.
    pub system: Option<OsIdentity>,
}

impl Packages {
    /// Packages in any order; each counts once. O(n log n).
    pub fn new(mut list: Vec<Package>, only: bool) -> Self {
        list.sort_unstable();
        list.dedup();
        Self { list, only, system: None }
    }

    /// The same packages with the operating system that the image is said to be.
    #[must_use]
    pub fn with_system(self, system: Option<OsIdentity>) -> Self {
        Self { system, ..self }
    }

    /// The packages, ascending, each once.
    pub fn list(&self) -> &[Package] {
        &self.list
    }

    /// The operating system that most of them say they are of, by their `distro`; of equals the
    /// first by name.
    pub fn told_system(&self) -> Option<OsIdentity> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for distro in self.list.iter().filter_map(|package| package.qualifiers.get("distro")) {
            *counts.entry(distro).or_default() += 1;
        }
        let most = counts.iter().rev().max_by_key(|(_, count)| **count)?;
        let (id, version) = match most
            .0
            .find('-')
            .filter(|at| most.0[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
        {
            Some(at) => (&most.0[..at], Some(most.0[at + 1..].to_owned())),
            None => (*most.0, None),
        };
        Some(OsIdentity { id: Some(id.to_lowercase()), version_id: version, pretty_name: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(purl: &str) -> [String; 6] {
        let it = Package::from_purl(purl).unwrap();
        let arch = it.architecture().to_owned();
        [it.kind, it.namespace, it.name, it.version, arch, it.subpath]
    }

    #[test]
    fn epochs_of_rpm_are_told_wherever_they_stand() {
        for (purl, expected) in [
            ("pkg:rpm/a@1-1", "1-1"),
            ("pkg:rpm/a@1-1?epoch=0", "1-1"),
            ("pkg:rpm/a@0:1-1", "1-1"),
            ("pkg:rpm/a@1-1?epoch=2", "2:1-1"),
            ("pkg:rpm/a@1-1?epoch=02", "2:1-1"),
            ("pkg:rpm/a@2:1-1", "2:1-1"),
            ("pkg:rpm/a@2:1-1?epoch=2", "2:1-1"),
            ("pkg:rpm/a@1-1?epoch=(none)", "1-1"),
            ("pkg:rpm/a?epoch=2", ""),
            ("pkg:deb/a@0:1-1?epoch=2", "0:1-1"),
        ] {
            assert_eq!(Package::from_purl(purl).unwrap().full_version(), expected, "{purl}");
        }
    }

    #[test]
    fn package_urls_are_taken_apart() {
        for (purl, expected) in [
            (
                "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie",
                ["deb", "debian", "curl", "7.50.3-1", "i386", ""],
            ),
            (
                "pkg:npm/%40angular/animation@12.3.1",
                ["npm", "@angular", "animation", "12.3.1", "", ""],
            ),
            (
                "pkg:npm/@angular/animation@12.3.1",
                ["npm", "@angular", "animation", "12.3.1", "", ""],
            ),
            ("pkg:npm/@angular/animation", ["npm", "@angular", "animation", "", "", ""]),
            (
                "pkg:PyPI/Django_package@1.11.1.dev1",
                ["pypi", "", "django-package", "1.11.1.dev1", "", ""],
            ),
            ("pkg:pypi/Zope._.Interface@5", ["pypi", "", "zope-interface", "5", "", ""]),
            (
                "pkg:golang/google.golang.org/genproto#googleapis/api/annotations",
                ["golang", "google.golang.org", "genproto", "", "", "googleapis/api/annotations"],
            ),
            (
                "pkg://rpm/Fedora/curl@7.50.3-1.fc25?arch=x86_64&empty=",
                ["rpm", "fedora", "curl", "7.50.3-1.fc25", "x86_64", ""],
            ),
            ("pkg:deb/debian/libstdc%2B%2B6@1%3A2", ["deb", "debian", "libstdc++6", "1:2", "", ""]),
            ("pkg:deb/debian/x@100%", ["deb", "debian", "x", "100%", "", ""]),
        ] {
            assert_eq!(parts(purl), expected, "{purl}");
        }
        for purl in
            ["", "pkg", "pkg:", "pkg:npm", "pkg:npm/", "http://x/y", "pkg:a b/c", "pkg:npm/%"]
        {
            assert!(Package::from_purl(purl).is_err() || purl.ends_with('%'), "{purl}");
        }
        assert!(Package::from_purl(&format!("pkg:npm/{}", "x".repeat(20_000))).is_err());
        assert!(Package::from_purl(&format!("pkg:npm/x?{}", "a=b&".repeat(70))).is_err());
    }

    #[test]
    fn vendors_are_no_part_of_a_name_and_scopes_are() {
        let name = |purl: &str| {
            let it = Package::from_purl(purl).unwrap();
            let (kind, namespace, name) = it.full_name();
            [kind, namespace, name].map(str::to_owned)
        };
        assert_eq!(name("pkg:deb/debian/bash@5"), name("pkg:deb/ubuntu/bash@6"));
        assert_ne!(name("pkg:npm/%40a/x@5"), name("pkg:npm/%40b/x@5"));
        assert_ne!(name("pkg:deb/debian/bash"), name("pkg:apk/alpine/bash"));
    }

    #[test]
    fn the_system_is_that_of_most_packages() {
        let of = |purls: &[&str]| {
            let list = purls.iter().map(|it| Package::from_purl(it).unwrap()).collect();
            Packages::new(list, true).told_system()
        };
        let debian = "pkg:deb/debian/a@1?distro=debian-12";
        let system =
            of(&["pkg:deb/debian/b?distro=other-1", debian, "pkg:deb/debian/c?distro=debian-12"])
                .unwrap();
        assert_eq!(
            (system.id.as_deref(), system.version_id.as_deref()),
            (Some("debian"), Some("12"))
        );
        let system = of(&["pkg:deb/debian/a?distro=opensuse-tumbleweed"]).unwrap();
        assert_eq!(system.id.as_deref(), Some("opensuse-tumbleweed"));
        assert_eq!(of(&["pkg:npm/x@1"]), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            names in proptest::array::uniform3("[a-z0-9@%/# ?&=+é.]{1,12}"),
            value in "[^\u{0}]{1,8}",
        ) {
            let [namespace, name, version] = names;
            let segments = |text: &str| text.split('/').filter(|it| !it.is_empty()).collect::<Vec<_>>().join("/");
            let package = Package {
                qualifiers: [("arch".to_owned(), value)].into(),
                ..Package::generic(&segments(&namespace), &name, &version)
            };
            prop_assert_eq!(Package::from_purl(&package.to_string()), Ok(package));
        }

        #[test]
        fn any_text_is_a_package_url_or_none(text in "(pkg:)?[a-z/@?#%=&é:]{0,30}") {
            if let Ok(package) = Package::from_purl(&text) {
                prop_assert_eq!(Package::from_purl(&package.to_string()), Ok(package));
            }
        }
    }
}
