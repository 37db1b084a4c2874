//! The document about what is installed in an image.

use crate::path::escape;
use crate::software::Installed;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// `oskin.packages/1`: the packages of an image.
#[derive(Clone, Debug, Serialize)]
pub struct InstalledReport {
    schema: &'static str,
    /// The image.
    pub name: String,
    /// The image that packages are marked to be from, if there is one.
    pub base: Option<String>,
    /// How many packages there are of each type.
    pub types: BTreeMap<String, u64>,
    /// How many there are if each package URL counts once, as in the catalog: several files may record the same one.
    pub different: u64,
    /// How many of them the base has as well, if there is one.
    pub from_base: Option<u64>,
    /// The packages, by type, name and version.
    pub packages: Vec<PackageReport>,
}

/// A package of an image.
#[derive(Clone, Debug, Serialize)]
pub struct PackageReport {
    /// The type of its purl.
    pub r#type: String,
    /// Its name, with the namespace where that is part of the name.
    pub name: String,
    /// The version; empty if none is told.
    pub version: String,
    /// The machine that it is for; empty if none is told.
    pub architecture: String,
    /// The package URL.
    pub purl: String,
    /// Licences as its record writes them; empty if none is told.
    pub license: String,
    /// Whether somebody asked for it (true) or it came with others (false), if that is told.
    pub asked_for: Option<bool>,
    /// The number of the layer that brought it, base first, from 0 on; null where nothing but its purl is known.
    pub layer: Option<u32>,
    /// The file that records it, escaped; null as above.
    pub record: Option<String>,
    /// How many files it owns, as far as its record tells.
    pub files: Option<u64>,
    /// Whether the base has it in this version, if there is a base.
    pub from_base: Option<bool>,
}

impl InstalledReport {
    /// Puts together what is installed; `base` is the name and the purls of what it stands on.
    pub fn new(name: &str, base: Option<(&str, &BTreeSet<String>)>, all: &[Installed]) -> Self {
        let packages: Vec<PackageReport> =
            all.iter().map(|it| package(it, base.map(|(_, has)| has))).collect();
        let mut types = BTreeMap::new();
        for package in &packages {
            *types.entry(package.r#type.clone()).or_default() += 1;
        }
        let different = packages.iter().map(|it| &it.purl).collect::<BTreeSet<_>>().len() as u64;
        let from_base = packages.iter().filter(|it| it.from_base == Some(true)).count() as u64;
        Self {
            schema: "oskin.packages/1",
            name: name.to_owned(),
            base: base.map(|(name, _)| name.to_owned()),
            types,
            different,
            from_base: base.map(|_| from_base),
            packages,
        }
    }
}

fn package(installed: &Installed, base: Option<&BTreeSet<String>>) -> PackageReport {
    let Installed { found, layer, record } = installed;
    let package = &found.package;
    let purl = package.to_string();
    let has_record = !record.is_empty();
    PackageReport {
        r#type: package.kind.clone(),
        name: package.shown_name(),
        version: package.version.clone(),
        architecture: package.architecture().to_owned(),
        license: found.license.clone(),
        asked_for: found.asked_for,
        layer: has_record.then_some(*layer),
        record: has_record.then(|| escape(record)),
        files: (!found.files.is_empty()).then_some(found.files.len() as u64),
        from_base: base.map(|has| has.contains(&purl)),
        purl,
    }
}
