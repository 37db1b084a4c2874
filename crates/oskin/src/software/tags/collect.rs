//! What each name leaves in an image: its traces by place, the paths below them, and the versions that they tell.

use super::names::{self, Class, Name};
use super::owners;
use super::places::{self, Found, Place};
use super::{Evidence, Input, Scale};
use crate::image::{Declared, recorded_package};
use crate::name::mask_path;
use crate::software::FoundPackage;
use crate::software::programs::{Kind, Table};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// How much a version is trusted, by what tells it; later is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Name,
    Rule,
    Package,
    Owner,
    Environment,
    Content,
}

/// What a name has left.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidate {
    /// The strongest trace of each place.
    pub traces: BTreeMap<Place, Trace>,
    /// What a rule of the table, or the configuration, adds, each with its evidence.
    pub extras: Vec<(f64, Evidence)>,
    /// Whether a rule of the table found it.
    pub is_shown: bool,
    /// The paths below its traces, weighted by how rare they are.
    pub paths: f64,
    /// Programs that are its.
    pub programs: u32,
    /// Versions with what tells them and how often.
    pub versions: BTreeMap<(Source, String), f64>,
    /// The names that were put to it.
    pub merged: u32,
    /// Whether all its packages came along with others; `None` if no package tells.
    pub comes_along: Option<bool>,
    /// Whether it is anything but libraries and packages of languages.
    pub is_own: bool,
}

/// A trace, with its weight and a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trace {
    pub weight: f64,
    pub path: Vec<u8>,
}

impl Candidate {
    /// Takes a trace; of equals the first by path is kept, so that the order of the input changes nothing.
    pub(super) fn trace(&mut self, place: Place, weight: f64, path: &[u8]) {
        let is_better = self.traces.get(&place).is_none_or(|it| {
            weight > it.weight || (weight >= it.weight && path < it.path.as_slice())
        });
        if is_better {
            self.traces.insert(place, Trace { weight, path: path.to_vec() });
        }
    }

    pub(super) fn version(&mut self, source: Source, version: &str, support: f64) {
        if !version.is_empty() {
            *self.versions.entry((source, version.to_owned())).or_default() += support;
        }
    }
}

/// Candidates by their names.
pub(super) type Candidates = BTreeMap<String, Candidate>;

/// What is collected into.
struct Collector<'a> {
    table: &'a Table,
    scale: Scale,
    base: Base,
    found: Candidates,
}

/// Collects what all names leave. O(n log n) for n bytes of paths.
pub(super) fn collect(input: &Input<'_>, table: &Table) -> Candidates {
    let mut paths: Vec<(&[u8], Option<u32>)> =
        input.added.iter().map(|it| (it.path, it.images)).filter(|it| !it.0.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup_by(|one, other| one.0 == other.0);
    let mut collector = Collector {
        table,
        scale: Scale { images: input.images_in_catalog },
        base: Base::new(input.base, table),
        found: Candidates::new(),
    };
    let are_packages_told = input.packages.iter().any(|it| it.package.kind == "deb");
    collector.owners(&paths, are_packages_told);
    collector.programs(&paths);
    collector.rules(&paths);
    collector.packages(input.packages);
    for (program, version) in owners::versions(input.packages, table) {
        if let Some(candidate) = collector.found.get_mut(&program) {
            candidate.version(Source::Owner, upstream(version), 1.0);
        }
    }
    for found in input.found {
        let candidate = collector.of(&found.program);
        candidate.is_shown = true;
        candidate.is_own = true;
        candidate.version(Source::Content, &found.version, 1.0);
        candidate.extras.push((2.5, Evidence::Path(found.path.clone())));
    }
    if let Some(declared) = input.declared {
        collector.declared(declared, input.base_declared);
    }
    collector.found
}

impl Collector<'_> {
    fn of(&mut self, key: &str) -> &mut Candidate {
        self.found.entry(key.to_owned()).or_default()
    }

    /// How much a path counts: less if many images have it, or if the base has it in another version.
    fn weight(&self, path: &[u8], images: Option<u32>) -> f64 {
        let rarity = self.scale.rarity(images);
        if self.base.has(path) { rarity * 0.3 } else { rarity }
    }

    /// Takes the directories and files that are named after what they belong to.
    fn owners(&mut self, paths: &[(&[u8], Option<u32>)], are_packages_told: bool) {
        let table = self.table;
        let is_ordinary = |name: &[u8]| {
            std::str::from_utf8(name).is_ok_and(|it| table.is_ordinary(&it.to_lowercase()))
        };
        // What lies below one directory is of one name: it is taken apart once.
        let mut groups: Vec<Group<'_>> = Vec::new();
        for (path, images) in paths {
            if let Some(name) = recorded_package(path) {
                if are_packages_told {
                    continue;
                }
                let weight = self.weight(path, *images);
                self.take(name.as_bytes(), Place::Package, weight, path);
                continue;
            }
            let Some(found) = places::owner(path, is_ordinary) else { continue };
            let prefix = path.get(..found.end).unwrap_or_default();
            // Most paths are of what the one before is of.
            match groups.last_mut().filter(|group| group.prefix == prefix) {
                Some(group) => group.add(*images),
                None => groups.push(Group { prefix, found, count: 1, images: *images }),
            }
        }
        groups.sort_by(|one, other| one.prefix.cmp(other.prefix));
        groups.dedup_by(|later, group| {
            let is_same = later.prefix == group.prefix;
            if is_same {
                group.count += later.count - 1;
                group.add(later.images);
            }
            is_same
        });
        for group in groups {
            let prefix = group.prefix;
            let weight = self.weight(prefix, group.images);
            let count = f64::from(group.count);
            let place = group.found.place;
            let Some(key) = self.take(group.found.name, place, weight, prefix) else {
                continue;
            };
            if !matches!(place, Place::Doc | Place::Include | Place::Library | Place::Package) {
                self.of(&key).paths += count * weight;
            }
        }
    }

    /// Takes a trace under the name that it is of, which is returned.
    fn take(&mut self, raw: &[u8], place: Place, weight: f64, path: &[u8]) -> Option<String> {
        let Name { key, version, class } = names::name(raw, self.table)?;
        let is_module = place == Place::Module || class == Class::Module;
        let is_spoken_to = self.table.named(&key).is_some_and(|program| {
            !matches!(program.kind, Kind::Build | Kind::Framework | Kind::Application)
        });
        // A package of a language may be called after what it speaks to, which is no sign of that: it is
        // python-redis, as Debian calls it.
        let key = match is_module && is_spoken_to {
            true => format!("{}-{key}", language(path)),
            false => key,
        };
        let place = match class {
            Class::Own => place,
            Class::Library if place == Place::Doc => return None,
            Class::Library => Place::Library,
            Class::Module => Place::Module,
        };
        let candidate = self.of(&key);
        candidate.trace(place, weight, path);
        if class == Class::Own {
            candidate.is_own |= !matches!(place, Place::Library | Place::Doc | Place::Module);
        }
        if class == Class::Own && tells_version(raw, &version, place) {
            candidate.version(Source::Name, &version, weight);
        }
        Some(key)
    }

    fn programs(&mut self, paths: &[(&[u8], Option<u32>)]) {
        let table = self.table;
        let is_ordinary =
            |name: &[u8]| table.is_ordinary(&String::from_utf8_lossy(name).to_lowercase());
        for (at, (path, images)) in paths.iter().enumerate() {
            let Some(found) = places::program(path) else { continue };
            // Directories lie among programs, too; in the root nearly all are.
            let is_below = |other: &(&[u8], _)| {
                other.0.strip_prefix(*path).is_some_and(|rest| rest.starts_with(b"/"))
            };
            if paths.iter().skip(at + 1).take_while(|it| it.0.starts_with(path)).any(is_below) {
                continue;
            }
            let weight = self.weight(path, *images);
            // Programs in a directory of their own are of what that is named after: `opt/x/bin/y` is of x.
            let inside = places::owner(path, is_ordinary)
                .filter(|it| it.end < path.len() && it.place != Place::Home)
                .and_then(|it| names::name(it.name, table));
            if let Some(whole) = inside.filter(|it| self.found.contains_key(&it.key)) {
                self.of(&whole.key).programs += 1;
                self.take(found.name, Place::Program, weight * 0.5, path);
                continue;
            }
            if let Some(key) = self.take(found.name, found.place, weight, path) {
                self.of(&key).programs += 1;
            }
        }
    }

    fn rules(&mut self, paths: &[(&[u8], Option<u32>)]) {
        let table = self.table;
        let mut last: &[u8] = &[];
        for (path, images) in paths {
            let weight = self.scale.rarity(*images);
            self.rule(table, path, weight);
            // Directories that are not listed themselves: those that the path before does not lie in.
            for at in slashes(path) {
                let directory = path.get(..at).unwrap_or_default();
                let is_known =
                    last.strip_prefix(directory).is_some_and(|rest| rest.starts_with(b"/"))
                        || last == directory;
                if is_known {
                    break;
                }
                self.rule(table, directory, weight);
            }
            last = path;
        }
    }

    fn rule(&mut self, table: &Table, path: &[u8], weight: f64) {
        if self.base.has_exactly(path) {
            return;
        }
        for (program, version) in table.shown_by(path) {
            let is_by_hand = !path.starts_with(b"usr/") || path.starts_with(b"usr/local/");
            // What the base has in this version is no news, though a link to it is called otherwise.
            let mut of_base = self.base.programs.iter().filter(|it| it.0 == program.name);
            let is_same =
                |of_base: &[u8]| version.is_empty() || of_base.is_empty() || of_base == version;
            if of_base.any(|it| is_same(&it.1)) {
                continue;
            }
            let candidate = self.found.entry(program.name.clone()).or_default();
            candidate.is_own = true;
            candidate.is_shown = true;
            let version = String::from_utf8_lossy(version);
            candidate.version(Source::Rule, &version, if is_by_hand { 3.0 } else { 1.0 });
            candidate.extras.push((2.5 * weight, Evidence::Path(path.to_vec())));
        }
    }

    fn packages(&mut self, packages: &[FoundPackage]) {
        let table = self.table;
        let mut packages: Vec<&FoundPackage> = packages.iter().collect();
        packages.sort_by(|one, other| one.package.cmp(&other.package));
        // What another one needs came with it, unless somebody asked for it. What only its own modules need
        // (`nginx-module-geoip` does nginx) did not.
        let mut needed: Vec<&str> = Vec::new();
        for found in &packages {
            let others = found.depends.iter().map(String::as_str);
            needed.extend(others.filter(|it| !found.package.name.starts_with(*it)));
        }
        needed.sort_unstable();
        let is_needed = |name: &str| needed.binary_search(&name).is_ok();
        for found in packages {
            let package = &found.package;
            let is_system = owners::is_of_system(package);
            let comes_along =
                is_needed(&package.name) || found.provides.iter().any(|it| is_needed(it));
            let weight = match found.asked_for {
                Some(true) => 2.5,
                Some(false) => 0.4,
                None if comes_along || found.essential => 0.5,
                None if is_system => 1.5,
                None => 1.0,
            };
            let place = if is_system { Place::Package } else { Place::Module };
            let purl = package.to_string();
            let Some(key) = self.take(package.name.as_bytes(), place, weight, purl.as_bytes())
            else {
                continue;
            };
            let version = if is_system { upstream(&package.version) } else { &package.version };
            let candidate = self.of(&key);
            // The version of a library is no version of what it is named after.
            let name = names::name(package.name.as_bytes(), table);
            if !is_system || name.is_some_and(|it| it.class == Class::Own) {
                candidate.version(Source::Package, version, weight);
            }
            candidate.comes_along = Some(weight < 1.0 && candidate.comes_along.unwrap_or(true));
            candidate.extras.push((0.01, Evidence::Package(purl)));
        }
    }

    fn declared(&mut self, declared: &Declared, base: Option<&Declared>) {
        let table = self.table;
        for setting in &declared.env {
            let is_inherited = base.is_some_and(|it| it.env.contains(setting));
            let Some((variable, value)) = setting.split_once('=').filter(|_| !is_inherited) else {
                continue;
            };
            let variable = variable.to_lowercase().replace('_', "-");
            let (stem, weight) =
                match (variable.strip_suffix("-version"), variable.strip_suffix("-home")) {
                    (Some(stem), _) => (stem, 3.0),
                    (_, Some(stem)) => (stem, 1.5),
                    _ => continue,
                };
            // `PYTHON_PIP_VERSION` is of pip.
            let last = stem.rsplit('-').next().filter(|it| table.named(it).is_some());
            let Some(name) = names::name(last.unwrap_or(stem).as_bytes(), table) else { continue };
            let candidate = self.of(&name.key);
            candidate.is_own = true;
            candidate.extras.push((weight, Evidence::Environment(setting.clone())));
            let value = value.trim_start_matches(['v', 'V']);
            let is_version = value.starts_with(|c: char| c.is_ascii_digit());
            if weight > 2.0 && is_version {
                candidate.version(Source::Environment, value, 1.0);
            }
        }
        self.started(&declared.entrypoint, base.map(|it| it.entrypoint.as_slice()), 4.0);
        self.started(&declared.cmd, base.map(|it| it.cmd.as_slice()), 3.0);
        let ports = declared.exposed_ports.iter();
        for port in ports.filter(|port| base.is_none_or(|it| !it.exposed_ports.contains(port))) {
            let number: Option<u16> = port.split('/').next().and_then(|it| it.parse().ok());
            let Some(number) = number else { continue };
            // A port alone shows nothing: anybody may listen on 8080.
            for program in table.programs().iter().filter(|it| it.ports.contains(&number)) {
                if let Some(candidate) = self.found.get_mut(&program.name) {
                    candidate.extras.push((1.0, Evidence::Port(port.clone())));
                }
            }
        }
    }

    /// What a command starts: its program, and for `java -jar x.jar` and `sh -c "x"` what that runs.
    fn started(&mut self, command: &[String], base: Option<&[String]>, weight: f64) {
        if base == Some(command) {
            return;
        }
        let words = command.iter().flat_map(|it| it.split_whitespace());
        // Options, settings, addresses and entries of modules (`app:application`) are no names.
        let words =
            words.filter(|it| !it.starts_with('-') && !it.contains(['=', '$', ':'])).take(4);
        for word in words {
            let file = word.rsplit('/').next().unwrap_or(word);
            if matches!(file, "sh" | "bash" | "ash" | "dash" | "exec" | "env" | "&&" | "set") {
                continue;
            }
            let Some(name) = names::name(file.as_bytes(), self.table) else { continue };
            let kind = self.table.named(&name.key).map(|it| it.kind);
            let candidate = self.of(&name.key);
            candidate.is_own = true;
            candidate.extras.push((weight, Evidence::Started(command.join(" "))));
            // What only runs another one is followed by what that is.
            if !matches!(kind, Some(Kind::Language | Kind::Helper)) {
                break;
            }
        }
    }
}

/// Paths that are of one name.
struct Group<'p> {
    prefix: &'p [u8],
    found: Found<'p>,
    count: u32,
    images: Option<u32>,
}

impl Group<'_> {
    /// Takes a path. A directory that only the names of its files tell is as rare as the commonest of them.
    fn add(&mut self, images: Option<u32>) {
        self.count += 1;
        self.images = self.images.max(images);
    }
}

/// Whether the version in a name of this place is one of the software.
fn tells_version(raw: &[u8], version: &str, place: Place) -> bool {
    let version_bytes = version.as_bytes();
    let at = raw.windows(version.len().max(1)).position(|it| it == version_bytes);
    let before = at.and_then(|at| raw.get(at.checked_sub(1)?).copied());
    match place {
        // These are called by the version of an interface.
        Place::Library | Place::Doc | Place::Include => false,
        // Packages may be called by what they stand in for (`apache2.2-common`).
        Place::Package => {
            raw.ends_with(version_bytes) && !before.is_some_and(|it| it.is_ascii_alphabetic())
        }
        // Two numbers may be of an interface, too (`gtk-2.0`).
        Place::Lib | Place::Share | Place::Config | Place::State => {
            version.matches('.').count() > 1
        }
        _ => true,
    }
}

/// The language whose package a path or purl is of.
fn language(path: &[u8]) -> &'static str {
    let has = |text: &[u8]| path.windows(text.len()).any(|it| it == text);
    match () {
        () if has(b"node_modules/") || path.starts_with(b"pkg:npm/") => "node",
        () if has(b"gems/") || path.starts_with(b"pkg:gem/") => "ruby",
        () if has(b"perl5/") || path.starts_with(b"pkg:cpan/") => "perl",
        () if path.starts_with(b"pkg:composer/") => "php",
        () if path.starts_with(b"pkg:maven/") => "java",
        () if path.starts_with(b"pkg:golang/") => "go",
        () if path.starts_with(b"pkg:cargo/") => "rust",
        () => "python",
    }
}

/// The version of the software in the version of a package of a system: without epoch and revision.
fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |it| it.1);
    version.rsplit_once('-').map_or(version, |it| it.0)
}

/// Where the first 32 slashes of a path stand, descending: what lies deeper tells nothing.
fn slashes(path: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let deep = path.iter().enumerate().filter(|it| *it.1 == b'/').nth(32);
    let shallow = path.get(..deep.map_or(path.len(), |it| it.0)).unwrap_or_default();
    shallow.iter().enumerate().rev().filter(|it| *it.1 == b'/').map(|it| it.0)
}

/// The paths of the base and the directories that they lie in, as sorted digests; with versions masked, and as
/// they are. Two paths in 2^64 are taken for one, which costs a tag some of its weight and no more.
struct Base {
    masked: Vec<u64>,
    exact: Vec<u64>,
    /// The programs that its paths show, with their versions.
    programs: Vec<(String, Vec<u8>)>,
}

impl Base {
    fn new(paths: &[&[u8]], table: &Table) -> Self {
        let mut base = Self { masked: Vec::new(), exact: Vec::new(), programs: Vec::new() };
        let mut last: Option<&[u8]> = None;
        for path in paths {
            let shown = table.shown_by(path);
            base.programs.extend(shown.map(|it| (it.0.name.clone(), it.1.to_vec())));
            let masked = mask_path(path);
            base.exact.push(xxh3_64(path));
            base.masked.push(xxh3_64(&masked));
            // Most paths lie in the directory that the one before lies in.
            let parent = slashes(path).next().and_then(|at| path.get(..at));
            if parent.is_none() || parent == last {
                continue;
            }
            last = parent;
            for at in slashes(path) {
                base.exact.push(xxh3_64(path.get(..at).unwrap_or_default()));
            }
            for at in slashes(&masked) {
                base.masked.push(xxh3_64(masked.get(..at).unwrap_or_default()));
            }
        }
        for digests in [&mut base.masked, &mut base.exact] {
            digests.sort_unstable();
            digests.dedup();
        }
        base
    }

    /// Whether the base has the path, in whatever version.
    fn has(&self, path: &[u8]) -> bool {
        !self.masked.is_empty() && self.masked.binary_search(&xxh3_64(&mask_path(path))).is_ok()
    }

    fn has_exactly(&self, path: &[u8]) -> bool {
        !self.exact.is_empty() && self.exact.binary_search(&xxh3_64(path)).is_ok()
    }
}
