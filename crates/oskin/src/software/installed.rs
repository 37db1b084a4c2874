//! What is installed in an image, put together from the records in its layers.
//!
//! A record counts if its file is there in the end. Databases of package managers are written anew by each layer that
//! installs something, so the layer that brought a package is the first of those whose version of the database has it
//! without a break up to the last one.

use super::interest::Interest;
use super::record::{FoundPackage, Identity, Owned, Record, identity};
use crate::image::{OsIdentity, Package, Packages};
use crate::path::split_name;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Kinds of packages of a whole system, whose names are known without the place of their record.
const OF_SYSTEMS: [&str; 5] = ["alpm", "apk", "deb", "opkg", "rpm"];

/// A record in a layer.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The number of the layer, base first.
    pub layer: u32,
    /// The path of the file as the layer has it.
    pub path: &'a [u8],
    /// What it says.
    pub record: &'a Arc<Record>,
}

/// A package that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// What is told of it, with vendor and `distro` where the system is known.
    pub found: FoundPackage,
    /// The number of the layer that brought it, base first.
    pub layer: u32,
    /// The path of the file that says so.
    pub record: Vec<u8>,
}

impl Installed {
    /// The packages of an image, by purl, then by record.
    ///
    /// `told` are the records of all layers, base first; `there` those whose files are there in the end, by path; `os` is
    /// what the image says it is. O(n log n) for `n` packages in all layers together.
    pub fn all<'a>(
        told: &[Told<'a>],
        there: impl Iterator<Item = (&'a [u8], &'a Arc<Record>)>,
        os: Option<&OsIdentity>,
    ) -> Vec<Self> {
        let there: Vec<(&[u8], &Arc<Record>)> = there.collect();
        let mut history: BTreeMap<&[u8], Vec<Told<'a>>> = BTreeMap::new();
        for record in told {
            history.entry(record.path).or_default().push(*record);
        }
        let places = told.iter().map(|it| (Arc::as_ptr(it.record), *it));
        let places: BTreeMap<*const Record, Told<'a>> = places.collect();
        let mut all = Vec::new();
        for (path, record) in &there {
            // Entries below a symbolic link have another path in their layer.
            let place = places.get(&Arc::as_ptr(record)).copied();
            let place = place.unwrap_or(Told { layer: 0, path, record });
            let versions = history.get(place.path).map_or(&[][..], Vec::as_slice);
            let layers = brought(versions, &place);
            for (found, layer) in record.packages.iter().zip(layers) {
                let mut found = found.clone();
                name_vendor(&mut found.package, os);
                all.push(Self { found, layer, record: path.to_vec() });
            }
        }
        all.sort_by(|a, b| (&a.found.package, &a.record).cmp(&(&b.found.package, &b.record)));
        all.dedup_by(|a, b| a.found.package == b.found.package && a.record == b.record);
        drop_shadows(&mut all);
        drop_packaged(&mut all, &there);
        join(&mut all, &there);
        all
    }

    /// The packages alone, each once: what [`all`](Self::all) tells, at a small part of the cost, for lists of files are
    /// only looked through.
    pub fn packages<'a>(
        there: impl Iterator<Item = (&'a [u8], &'a Arc<Record>)>,
        os: Option<&OsIdentity>,
    ) -> Packages {
        let there: Vec<(&[u8], &Arc<Record>)> = there.collect();
        let mut all = Vec::new();
        for (path, record) in &there {
            for found in &record.packages {
                let mut package = found.package.clone();
                name_vendor(&mut package, os);
                let found = FoundPackage { package, ..FoundPackage::default() };
                all.push(Self { found, layer: 0, record: path.to_vec() });
            }
        }
        drop_shadows(&mut all);
        drop_packaged(&mut all, &there);
        Packages::new(all.into_iter().map(|it| it.found.package).collect(), false)
    }
}

/// For each package of a record the layer that brought it; `versions` are all versions of its file, base first.
fn brought(versions: &[Told<'_>], place: &Told<'_>) -> Vec<u32> {
    let mut layers = vec![place.layer; place.record.packages.len()];
    let mut open: Vec<usize> = (0..layers.len()).collect();
    let earlier = versions.iter().filter(|it| it.layer < place.layer).rev();
    for version in earlier {
        if open.is_empty() {
            break;
        }
        let had: BTreeSet<Identity<'_>> =
            version.record.packages.iter().map(|it| identity(&it.package)).collect();
        open.retain(|&at| had.contains(&identity(&place.record.packages[at].package)));
        for &at in &open {
            layers[at] = version.layer;
        }
    }
    layers
}

/// Tells whose package it is, as purls of system packages do.
fn name_vendor(package: &mut Package, os: Option<&OsIdentity>) {
    let id = os.and_then(|os| os.id.as_deref()).filter(|id| !id.is_empty());
    let (true, Some(id)) = (OF_SYSTEMS.contains(&package.kind.as_str()), id) else { return };
    if package.namespace.is_empty() {
        package.namespace = id.to_lowercase();
    }
    let version = os.and_then(|os| os.version_id.as_deref()).unwrap_or_default();
    let distro = if version.is_empty() { id.to_owned() } else { format!("{id}-{version}") };
    package.qualifiers.entry("distro".to_owned()).or_insert(distro);
}

/// Drops packages without a version that another record tells with one.
fn drop_shadows(all: &mut Vec<Installed>) {
    let key = |it: &Installed| (it.found.package.kind.clone(), it.found.package.name.clone());
    let is_named =
        |it: &&Installed| it.found.package.kind == "cpan" && !it.found.package.version.is_empty();
    let named: BTreeSet<(String, String)> = all.iter().filter(is_named).map(key).collect();
    all.retain(|it| !it.found.package.version.is_empty() || !named.contains(&key(it)));
}

/// Drops well-known programs whose file a package of the system owns: it is the package that is installed.
fn drop_packaged(all: &mut Vec<Installed>, there: &[(&[u8], &Arc<Record>)]) {
    let is_generic = |it: &Installed| it.found.package.kind == "generic";
    let programs: BTreeSet<Vec<u8>> =
        all.iter().filter(|it| is_generic(it)).map(|it| it.record.clone()).collect();
    if programs.is_empty() {
        return;
    }
    // Where `/bin` leads to `/usr/bin`, packages may name the one and the image have the other.
    let short = |path: &[u8]| path.strip_prefix(b"usr/").unwrap_or(path).to_vec();
    let asked: BTreeSet<Vec<u8>> = programs.iter().map(|path| short(path)).collect();
    let is_system = |kind: &str| OF_SYSTEMS.contains(&kind);
    let mut owned: BTreeSet<Vec<u8>> = BTreeSet::new();
    for (_, record) in there {
        let packages = record.packages.iter().filter(|it| is_system(&it.package.kind));
        let lists = record.owned.iter().filter(|it| is_system(&it.kind)).map(|it| &it.files);
        for path in packages.map(|it| &it.files).chain(lists).flatten() {
            let path = path.strip_prefix(b"usr/").unwrap_or(path);
            if asked.contains(path) {
                owned.insert(path.to_vec());
            }
        }
    }
    all.retain(|it| !(is_generic(it) && owned.contains(&short(&it.record))));
}

/// Joins what files say of packages that other files record: lists of files, and who asked for what.
fn join(all: &mut [Installed], there: &[(&[u8], &Arc<Record>)]) {
    let mut by_name: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (at, it) in all.iter().enumerate() {
        let Package { kind, name, .. } = &it.found.package;
        by_name.entry((kind.clone(), name.clone())).or_default().push(at);
    }
    for (path, record) in there {
        for owned in &record.owned {
            let named = by_name.get(&(owned.kind.clone(), owned.name.clone()));
            // A list is of one package: a database that has the name a thousand times must not copy it as often.
            let one = named.into_iter().flatten().find(|at| is_of(&all[**at], owned, path));
            if let Some(&at) = one {
                all[at].found.files.extend(owned.files.iter().cloned());
            }
        }
    }
    for (path, record) in there {
        let Some(interest) = Interest::of(path, 0, 0) else { continue };
        let kind = interest.kind();
        let mut note = |name: &String, asked_for: bool| {
            for &at in by_name.get(&(kind.to_owned(), name.clone())).into_iter().flatten() {
                if OF_SYSTEMS.contains(&kind) || all[at].record.starts_with(split_name(path).0) {
                    all[at].found.asked_for = Some(asked_for);
                }
            }
        };
        record.automatic.iter().for_each(|name| note(name, false));
        record.asked_for.iter().for_each(|name| note(name, true));
    }
    for it in all {
        it.found.files.sort_unstable();
        it.found.files.dedup();
    }
}

/// Whether a list of files is that of a package: names of languages are known only by their place.
fn is_of(installed: &Installed, owned: &Owned, path: &[u8]) -> bool {
    let architecture = installed.found.package.architecture();
    match OF_SYSTEMS.contains(&owned.kind.as_str()) {
        true => owned.architecture.is_empty() || owned.architecture == architecture,
        false => split_name(&installed.record).0 == split_name(path).0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(packages: &[(&str, &str)]) -> Arc<Record> {
        let found = |(name, version): &(&str, &str)| FoundPackage {
            package: Package {
                kind: "deb".to_owned(),
                name: (*name).to_owned(),
                version: (*version).to_owned(),
                ..Package::default()
            },
            ..FoundPackage::default()
        };
        Arc::new(Record { packages: packages.iter().map(found).collect(), ..Record::default() })
    }

    const STATUS: &[u8] = b"var/lib/dpkg/status";

    #[test]
    fn a_package_is_of_the_layer_that_brought_this_version() {
        let base = record(&[("bash", "1"), ("curl", "1"), ("gone", "1")]);
        let middle = record(&[("bash", "1"), ("curl", "2")]);
        let top = record(&[("bash", "1"), ("curl", "2"), ("gone", "1"), ("new", "1")]);
        let records = [(0, &base), (2, &middle), (5, &top)];
        let told = records.map(|(layer, record)| Told { layer, path: STATUS, record });
        let os = OsIdentity {
            id: Some("Debian".to_owned()),
            version_id: Some("12".to_owned()),
            ..OsIdentity::default()
        };
        let all = Installed::all(&told, [(STATUS, &top)].into_iter(), Some(&os));
        let layers: Vec<(String, u32)> =
            all.iter().map(|it| (it.found.package.to_string(), it.layer)).collect();
        let expected = [("bash@1", 0), ("curl@2", 2), ("gone@1", 5), ("new@1", 5)];
        let expected = expected
            .map(|(text, layer)| (format!("pkg:deb/debian/{text}?distro=Debian-12"), layer));
        assert_eq!(layers, expected);
    }

    #[test]
    fn another_namespace_or_epoch_is_another_package() {
        let told = |purls: [&str; 2]| {
            let record = |purl: &str| {
                let package = Package::from_purl(purl).unwrap();
                let found = FoundPackage { package, ..FoundPackage::default() };
                Arc::new(Record { packages: vec![found], ..Record::default() })
            };
            let [old, new] = purls.map(record);
            let told = [(0, &old), (1, &new)];
            let told = told.map(|(layer, record)| Told { layer, path: b"x", record });
            Installed::all(&told, [(&b"x"[..], &new)].into_iter(), None)[0].layer
        };
        assert_eq!(told(["pkg:npm/%40one/a@1", "pkg:npm/%40two/a@1"]), 1);
        assert_eq!(told(["pkg:maven/old/mail@2", "pkg:maven/new/mail@2"]), 1);
        assert_eq!(told(["pkg:rpm/a@9-1", "pkg:rpm/a@9-1?epoch=1"]), 1);
        assert_eq!(told(["pkg:rpm/a@9-1", "pkg:rpm/a@9-1?epoch=0"]), 0);
    }

    #[test]
    fn lists_of_files_and_wishes_are_joined_by_name() {
        let status = record(&[("bash", "1"), ("libc6", "1")]);
        let owned = Owned {
            kind: "deb".to_owned(),
            name: "bash".to_owned(),
            files: vec![b"bin/bash".to_vec()],
            ..Owned::default()
        };
        let list = Arc::new(Record { owned: vec![owned], ..Record::default() });
        let automatic = vec!["libc6".to_owned()];
        let marks = Arc::new(Record { automatic, ..Record::default() });
        let there: [(&[u8], &Arc<Record>); 3] = [
            (b"var/lib/apt/extended_states", &marks),
            (b"var/lib/dpkg/info/bash.list", &list),
            (STATUS, &status),
        ];
        let all = Installed::all(&[], there.into_iter(), None);
        let joined: Vec<_> =
            all.iter().map(|it| (it.found.files.len(), it.found.asked_for)).collect();
        assert_eq!(joined, [(1, None), (0, Some(false))]);
        let packages = Installed::packages(there.into_iter(), None);
        assert!(packages.list().iter().eq(all.iter().map(|it| &it.found.package)));
    }

    #[test]
    fn a_program_that_a_package_owns_is_no_program_without_one() {
        let mut owner = (*record(&[("busybox", "1")])).clone();
        owner.packages[0].files = vec![b"bin/busybox".to_vec()];
        let mut program = (*record(&[("busybox", "1.36")])).clone();
        program.packages[0].package.kind = "generic".to_owned();
        let (owner, program) = (Arc::new(owner), Arc::new(program));
        for (path, expected) in [(&b"usr/bin/busybox"[..], 1), (b"opt/bin/busybox", 2)] {
            let there = [(path, &program), (STATUS, &owner)];
            let all = Installed::all(&[], there.into_iter(), None);
            let packages = Installed::packages(there.into_iter(), None);
            assert_eq!((all.len(), packages.list().len()), (expected, expected));
        }
    }

    #[test]
    fn environments_with_the_same_names_are_kept_apart() {
        let metadata = |version| {
            let mut record = (*record(&[("x", version)])).clone();
            record.packages[0].package.kind = "pypi".to_owned();
            Arc::new(record)
        };
        let list = |file: &[u8]| {
            let owned = Owned {
                kind: "pypi".to_owned(),
                name: "x".to_owned(),
                files: vec![file.to_vec()],
                ..Owned::default()
            };
            Arc::new(Record { owned: vec![owned], ..Record::default() })
        };
        let (one, two) = (metadata("1"), metadata("2"));
        let (files, others) = (list(b"a/x.py"), list(b"b/x.py"));
        let there: [(&[u8], &Arc<Record>); 4] = [
            (b"a/x-1.dist-info/METADATA", &one),
            (b"a/x-1.dist-info/RECORD", &files),
            (b"b/x-2.dist-info/METADATA", &two),
            (b"b/x-2.dist-info/RECORD", &others),
        ];
        let all = Installed::all(&[], there.into_iter(), None);
        let files: Vec<_> = all.iter().map(|it| it.found.files.clone()).collect();
        assert_eq!(files, [vec![b"a/x.py".to_vec()], vec![b"b/x.py".to_vec()]]);
    }
}
