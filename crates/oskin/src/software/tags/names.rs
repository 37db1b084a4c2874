//! What a name of a file, directory or package says: whose it is, and in which version.

use crate::name::parts;
use crate::software::programs::Table;

/// What sort of thing a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// The software itself.
    Own,
    /// A library, or what developers need of it: it comes along with what uses it.
    Library,
    /// A package of a language.
    Module,
}

/// A name that is taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// What it is of, in lower case.
    pub key: String,
    /// The version in it, empty if there is none.
    pub version: String,
    pub class: Class,
}

/// Endings of files that say nothing of whose they are.
const ENDINGS: [&str; 36] = [
    ".sh",
    ".py",
    ".pl",
    ".rb",
    ".js",
    ".jar",
    ".war",
    ".service",
    ".service.d",
    ".socket",
    ".timer",
    ".conf",
    ".cfg",
    ".ini",
    ".list",
    ".json",
    ".xml",
    ".yml",
    ".yaml",
    ".toml",
    ".txt",
    ".md",
    ".php",
    ".egg-info",
    ".dist-info",
    ".egg",
    ".so",
    ".phar",
    ".gz",
    ".zip",
    ".pid",
    ".d",
    ".properties",
    ".bin",
    ".sources",
    ".repo",
];

/// Ends of names that say what part of a program a package or a file is, longest first where one ends another.
const ROLES: [&str; 31] = [
    "-server",
    "-client",
    "-common",
    "-core",
    "-bin",
    "-data",
    "-base",
    "-utils",
    "-tools",
    "-daemon",
    "-runtime",
    "-minimal",
    "-full",
    "-all",
    "-cli",
    "-config",
    "-ctl",
    "-cluster",
    "-contrib",
    "-jessie",
    "-scripts",
    "-nox",
    "-complete",
    "-enterprise",
    "-community",
    "-standalone",
    "-plugins",
    "-services",
    "_server",
    "_client",
    "-debug",
];

/// What packages of libraries, and for developers, end with.
const DEVELOPER: [&str; 9] =
    ["-dev", "-devel", "-dbg", "-doc", "-docs", "-headers", "-debuginfo", "-java", "-icon-theme"];

/// What packages of languages begin with.
const MODULES: [&str; 14] = [
    "python-", "python3-", "python2-", "ruby-", "node-", "golang-", "php-", "php5-", "php7.0-",
    "r-cran-", "gir1.2-", "fonts-", "perl-", "ttf-",
];

/// Takes a name apart; `None` if it tells nothing: it is ordinary, too short, or no text. O(length).
pub(super) fn name(raw: &[u8], table: &Table) -> Option<Name> {
    let raw = std::str::from_utf8(raw).ok()?.to_lowercase();
    let raw = raw.trim_start_matches(['.', '_', '-']);
    let mut text = raw;
    while let Some(rest) = ENDINGS.iter().find_map(|ending| text.strip_suffix(ending)) {
        text = rest;
    }
    if let Some(known) = known(text, table) {
        return Some(Name { key: known, version: String::new(), class: Class::Own });
    }
    if table.is_ordinary(text) || table.is_ordinary(raw) {
        return None;
    }
    // `libx.so.1.2` and `libx1.2` are of x; the version of a library is no version of a program.
    let without = text.split(".so.").next().unwrap_or(text);
    let parts = parts(without.as_bytes());
    let stem = std::str::from_utf8(parts.stem).unwrap_or(without);
    let version = std::str::from_utf8(parts.version).unwrap_or_default();
    let (stem, version) = if version.is_empty() { (without, "") } else { (stem, version) };
    let (mut stem, mut class) = (stem, Class::Own);
    if let Some(rest) = DEVELOPER.iter().find_map(|ending| stem.strip_suffix(ending)) {
        (stem, class) = (rest, Class::Library);
    }
    if MODULES.iter().any(|it| stem.starts_with(it))
        || (stem.starts_with("lib") && stem.ends_with("-perl"))
    {
        class = Class::Module;
    } else if let Some(rest) =
        stem.strip_prefix("lib").filter(|rest| rest.len() > 1 && stem != "libreoffice")
    {
        (stem, class) = (rest.trim_start_matches('-'), Class::Library);
    }
    if let Some(known) = known(stem, table) {
        return Some(Name { key: known, version: version.to_owned(), class });
    }
    while let Some(rest) = ROLES.iter().find_map(|role| stem.strip_suffix(role)) {
        stem = rest;
    }
    if let Some(known) = known(stem, table) {
        return Some(Name { key: known, version: version.to_owned(), class });
    }
    let without = stem.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    if let Some(known) = known(without, table).filter(|_| without.len() > 2) {
        let digits = stem.get(without.len()..).unwrap_or_default().trim_start_matches('-');
        let version = if version.is_empty() { digits } else { version };
        return Some(Name { key: known, version: version.to_owned(), class });
    }
    let is_word = stem.len() > 1
        && stem.len() <= 40
        && stem.chars().any(char::is_alphabetic)
        && !stem.contains(char::is_whitespace);
    if !is_word || table.is_ordinary(stem) {
        return None;
    }
    Some(Name { key: stem.to_owned(), version: version.to_owned(), class })
}

/// The name by which the table knows a program.
fn known(name: &str, table: &Table) -> Option<String> {
    table.named(name).map(|program| program.name.clone())
}

/// What a name may be a part of, longest first: `a-b` and `a` of `a-b-c`, and `a` of `a7`.
pub(super) fn wholes(key: &str) -> impl Iterator<Item = &str> {
    let digits = key.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let digits = digits.trim_end_matches(['-', '_']);
    let is_mark = |c: char| matches!(c, '-' | '_' | '.' | '+');
    std::iter::once(digits)
        .filter(move |it| it.len() < key.len())
        .chain(key.rmatch_indices(is_mark).filter_map(move |(at, _)| key.get(..at)))
        .filter(|it| it.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_taken_apart() {
        for (raw, key, version, class) in [
            ("redis-server", "redis", "", Class::Own),
            ("python3.6", "python", "3.6", Class::Own),
            ("python3", "python", "", Class::Own),
            ("libpython3.6.so.1.0", "python", "3.6", Class::Library),
            ("gazebo-7", "gazebo", "7", Class::Own),
            ("libexpat1", "expat1", "", Class::Library),
            ("libexpat1-dev", "expat1", "", Class::Library),
            ("liburi-perl", "liburi-perl", "", Class::Module),
            ("python-lxml", "python-lxml", "", Class::Module),
            ("spiped.sh", "spiped", "", Class::Own),
            ("MyThing-1.2.3.jar", "mything", "1.2.3", Class::Own),
            (".lein", "leiningen", "", Class::Own),
            ("mysql-server-5.7", "mysql", "5.7", Class::Own),
        ] {
            let expected = Name { key: key.to_owned(), version: version.to_owned(), class };
            assert_eq!(name(raw.as_bytes(), Table::built_in()), Some(expected), "{raw}");
        }
        for raw in ["share", "1.2", "x", "docker-entrypoint.sh", "", "a b"] {
            assert_eq!(name(raw.as_bytes(), Table::built_in()), None, "{raw}");
        }
        assert_eq!(name(b"\xff\xfe", Table::built_in()), None);
    }

    #[test]
    fn parts_of_names_are_told_longest_first() {
        assert_eq!(wholes("git-upload-pack").collect::<Vec<_>>(), ["git-upload", "git"]);
        assert_eq!(wholes("gazebo7").collect::<Vec<_>>(), ["gazebo"]);
        assert_eq!(wholes("x").count(), 0);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_name_or_none(raw in proptest::collection::vec(any::<u8>(), 0..50), text in "[a-z0-9._é-]{0,20}") {
            for raw in [raw.as_slice(), text.as_bytes()] {
                if let Some(name) = name(raw, Table::built_in()) {
                    prop_assert!(!name.key.is_empty());
                    prop_assert!(wholes(&name.key).all(|it| it.len() < name.key.len()));
                }
            }
        }
    }
}
