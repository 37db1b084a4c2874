//! The package index of one suite, and what installing a package brings along.
//!
//! Dependencies are resolved as apt does it for a fresh system: the first alternative that exists,
//! unless another one is there already; versions are not compared, because within one suite they
//! fit. Packages of the index and virtual ones share one numbering.

use anyhow::{Context as _, Result};
use flate2::read::MultiGzDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The number of a package name within a suite.
pub type PackageId = u32;

/// Either of some packages satisfies.
type Alternatives = Vec<PackageId>;

/// What the index tells of one package.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// Whether the index has it; a virtual package is only provided by others.
    pub is_real: bool,
    /// How its files in dpkg's database are called: with the architecture if several may coexist.
    pub dpkg_name: String,
    /// Whether it may be installed for its own sake: no debug symbols, documentation or kernels.
    pub is_choosable: bool,
    depends: Vec<Alternatives>,
    recommends: Vec<Alternatives>,
    providers: Vec<PackageId>,
    rank: u8,
}

/// The packages of one suite.
#[derive(Debug, Default)]
pub struct Index {
    names: BTreeMap<String, PackageId>,
    packages: Vec<Package>,
}

/// The fields of a stanza that matter.
const FIELDS: [&str; 9] = [
    "Package",
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Provides",
    "Priority",
    "Section",
    "Architecture",
    "Multi-Arch",
];

type Stanza = BTreeMap<&'static str, String>;

impl Index {
    /// Reads a gzipped `Packages` file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn open(file: &Path) -> Result<Self> {
        let input = File::open(file).with_context(|| file.display().to_string())?;
        Self::read(BufReader::new(MultiGzDecoder::new(input)))
            .with_context(|| file.display().to_string())
    }

    /// Reads the stanzas of a `Packages` file.
    ///
    /// # Errors
    ///
    /// If the input fails.
    pub fn read(input: impl BufRead) -> Result<Self> {
        let mut index = Self::default();
        let mut stanza = Stanza::new();
        for line in input.lines() {
            let line = line?;
            if line.is_empty() {
                index.add(&std::mem::take(&mut stanza));
            } else if let Some((field, value)) = line.split_once(':')
                && let Some(field) = FIELDS.iter().find(|known| **known == field)
            {
                stanza.insert(field, value.trim().to_owned());
            }
        }
        index.add(&stanza);
        index.sort_providers();
        Ok(index)
    }

    fn add(&mut self, stanza: &Stanza) {
        let field = |name| stanza.get(name).map(String::as_str).unwrap_or_default();
        let name = field("Package");
        let id = self.intern(name);
        // The first stanza of a name is the one that apt would take here.
        if name.is_empty() || self.packages[id as usize].is_real {
            return;
        }
        let depends = [field("Pre-Depends"), field("Depends")].map(|text| self.relations(text));
        let recommends = self.relations(field("Recommends"));
        for provided in self.relations(field("Provides")).into_iter().flatten() {
            self.packages[provided as usize].providers.push(id);
        }
        let many = field("Multi-Arch") == "same" && field("Architecture") != "all";
        let suffix = if many { format!(":{}", field("Architecture")) } else { String::new() };
        let kinds = ["-dbg", "-dbgsym", "-doc", "-udeb"];
        let sections = ["kernel", "debug", "translations", "metapackages"];
        let package = &mut self.packages[id as usize];
        package.is_real = true;
        package.dpkg_name = format!("{name}{suffix}");
        package.is_choosable = !kinds.iter().any(|kind| name.ends_with(kind))
            && !sections.iter().any(|section| field("Section").starts_with(section));
        package.depends = depends.concat();
        package.recommends = recommends;
        let priorities = ["required", "important", "standard", "optional", "extra"];
        let rank = priorities.iter().position(|priority| *priority == field("Priority"));
        package.rank = rank.and_then(|rank| rank.try_into().ok()).unwrap_or(u8::MAX);
    }

    fn intern(&mut self, name: &str) -> PackageId {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let id = u32::try_from(self.packages.len()).unwrap_or(u32::MAX);
        self.names.insert(name.to_owned(), id);
        self.packages.push(Package::default());
        id
    }

    /// `a (>= 1) | b:any, c` without versions and architectures.
    fn relations(&mut self, text: &str) -> Vec<Alternatives> {
        let bare = |one: &str| {
            let end = one.find([' ', '(', ':', '[']).unwrap_or(one.len());
            one[..end].to_owned()
        };
        let mut relations = Vec::new();
        for relation in text.split(',').map(str::trim).filter(|relation| !relation.is_empty()) {
            let names: Vec<String> = relation.split('|').map(|one| bare(one.trim())).collect();
            relations.push(names.iter().map(|name| self.intern(name)).collect());
        }
        relations
    }

    /// The likeliest provider first: by priority, then the shortest name, then the alphabet.
    fn sort_providers(&mut self) {
        let key = |(name, id): (&String, &PackageId)| {
            (self.packages[*id as usize].rank, name.len(), name.clone(), *id)
        };
        let mut order: Vec<_> = self.names.iter().map(key).collect();
        order.sort();
        let mut places = vec![0; self.packages.len()];
        for (place, (.., id)) in order.into_iter().enumerate() {
            places[id as usize] = place;
        }
        for package in &mut self.packages {
            package.providers.sort_by_key(|id| places[*id as usize]);
            package.providers.dedup();
        }
    }

    /// How many numbers are given to package names.
    pub fn len(&self) -> usize {
        self.packages.len()
    }

    /// Whether no package is known.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// What is known of a package.
    pub fn package(&self, id: PackageId) -> &Package {
        &self.packages[id as usize]
    }

    /// All names in alphabetical order, with their numbers.
    pub fn names(&self) -> impl Iterator<Item = (&str, PackageId)> {
        self.names.iter().map(|(name, id)| (name.as_str(), *id))
    }

    /// The number of a package of the index.
    pub fn find(&self, name: &str) -> Option<PackageId> {
        self.names.get(name).copied().filter(|id| self.package(*id).is_real)
    }

    /// How many packages name each one as their first choice.
    pub fn dependents(&self) -> Vec<u32> {
        let mut counts = vec![0; self.packages.len()];
        for first in self.packages.iter().flat_map(|package| &package.depends) {
            if let Some(first) = first.first() {
                counts[*first as usize] += 1;
            }
        }
        counts
    }

    /// What has to be installed, ascending, so that `wanted` and all that they need are there,
    /// beside what is in `have`.
    pub fn closure(
        &self,
        wanted: &[PackageId],
        have: &[PackageId],
        with_recommends: bool,
    ) -> Vec<PackageId> {
        let mut is_there = vec![false; self.packages.len()];
        for id in have {
            is_there[*id as usize] = true;
        }
        let mut new = Vec::new();
        let mut queue: Vec<PackageId> = wanted.iter().rev().copied().collect();
        while let Some(asked) = queue.pop() {
            let Some(id) = self.missing(asked, &is_there) else { continue };
            is_there[id as usize] = true;
            new.push(id);
            let package = self.package(id);
            let recommends = package.recommends.iter().filter(|_| with_recommends);
            for alternatives in package.depends.iter().chain(recommends) {
                if alternatives.iter().any(|id| self.is_satisfied(*id, &is_there)) {
                    continue;
                }
                queue.extend(alternatives.iter().find(|id| {
                    let package = self.package(**id);
                    package.is_real || !package.providers.is_empty()
                }));
            }
        }
        new.sort_unstable();
        new
    }

    /// The package to install for a name; `None` if nothing has to be or can be.
    fn missing(&self, asked: PackageId, is_there: &[bool]) -> Option<PackageId> {
        if self.is_satisfied(asked, is_there) {
            return None;
        }
        let package = self.package(asked);
        if package.is_real { Some(asked) } else { package.providers.first().copied() }
    }

    fn is_satisfied(&self, id: PackageId, is_there: &[bool]) -> bool {
        let providers = &self.package(id).providers;
        is_there[id as usize] || providers.iter().any(|provider| is_there[*provider as usize])
    }

    /// The version of the suite's Python as byte code files spell it, such as `311`.
    pub fn python(&self) -> Option<String> {
        let python = self.package(self.find("python3")?);
        let depends: Vec<PackageId> = python.depends.iter().flatten().copied().collect();
        let is_versioned = |name: &str| name.strip_prefix("python3.").map(ToOwned::to_owned);
        let mut minor = self.names().filter(|(_, id)| depends.contains(id));
        let minor = minor.find_map(|(name, _)| is_versioned(name))?;
        minor.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("3{minor}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGES: &str = "Package: app\nDepends: lib (>= 2), mail | post, tool:any\n\
        Recommends: extra\nDescription: an app\n Depends: not a field\n\nPackage: lib\n\
        Architecture: amd64\nMulti-Arch: same\nPre-Depends: base\n\n\
        Package: post\nProvides: mail (= 1)\n\nPackage: exim\nPriority: standard\n\
        Provides: mail\n\nPackage: base\n\nPackage: tool\n\nPackage: extra\n\n\
        Package: python3\nDepends: python3.11\n\nPackage: python3.11\n\nPackage: lib\nDepends: no";

    fn index() -> Index {
        Index::read(PACKAGES.as_bytes()).unwrap()
    }

    fn closure(wanted: &str, have: &[&str], with_recommends: bool) -> Vec<String> {
        let index = index();
        let find = |name: &str| index.find(name).unwrap();
        let have: Vec<PackageId> = have.iter().map(|name| find(name)).collect();
        let new = index.closure(&[find(wanted)], &have, with_recommends);
        let is_new = |(name, id): (&str, u32)| new.contains(&id).then(|| name.to_owned());
        index.names().filter_map(is_new).collect()
    }

    #[test]
    fn closures_follow_the_first_choice_that_is_possible() {
        let all = closure("app", &[], false);
        assert_eq!(
            all,
            ["app", "base", "exim", "lib", "tool"],
            "a virtual one has a best provider"
        );
        assert_eq!(closure("app", &["post"], false), ["app", "base", "lib", "tool"]);
        assert_eq!(closure("app", &["lib", "exim"], true), ["app", "extra", "tool"]);
        assert!(closure("app", &["app"], true).is_empty());
    }

    #[test]
    fn packages_are_called_as_dpkg_calls_them() {
        let index = index();
        let name = |name| index.package(index.find(name).unwrap()).dpkg_name.clone();
        assert_eq!(name("lib"), "lib:amd64");
        assert_eq!(name("app"), "app");
        assert_eq!(index.python().as_deref(), Some("311"));
        assert_eq!(index.find("mail"), None, "a virtual package is none of the index");
        assert_eq!(index.dependents()[index.find("lib").unwrap() as usize], 1);
    }
}
