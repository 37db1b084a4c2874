//! `oskin.bases/1`: the bases found in a catalog, beside those that Dockerfiles declare.

use super::dockerfiles::{DockerfilesReport, TallyReport};
use crate::dockerfile::Reference;
use crate::lineage::{FoundBase, FoundBases};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The bases of a catalog.
#[derive(Clone, Debug, Serialize)]
pub struct BasesReport {
    schema: &'static str,
    /// Whether parents were told from nothing but paths.
    pub paths_only: bool,
    /// Down to which level of the family graph images count as bases, 0 being its roots.
    pub level: usize,
    /// How many images there are.
    pub images: u64,
    /// How many bases there are.
    pub distinct: u64,
    /// Those that most images count for come first.
    pub bases: Vec<FoundBaseReport>,
    /// Images that stand on nothing and that nothing stands on.
    pub alone: Vec<String>,
    /// What Dockerfiles say, if some were given.
    pub declared: Option<DeclaredBases>,
}

/// A base that was found.
#[derive(Clone, Debug, Serialize)]
pub struct FoundBaseReport {
    /// Its name.
    pub name: String,
    /// How many bases it stands on itself.
    pub depth: usize,
    /// How many images stand on it.
    pub descendants: u64,
    /// Those of them of which that is surer than one half.
    pub sure: u64,
    /// How many images count for it: each for one base, itself included if it is a root.
    pub counted: u64,
    /// Their share of all images.
    pub share: f64,
    /// The share of this base and those before it.
    pub cumulative: f64,
    /// The declared base of its name, if there is one.
    pub declared: Option<DeclaredBase>,
}

/// A base that Dockerfiles declare.
#[derive(Clone, Debug, Serialize)]
pub struct DeclaredBase {
    /// As it is declared: with its tag, or without if only the name is the same.
    pub name: String,
    /// In how many files.
    pub files: u64,
    /// Of how many owners.
    pub owners: u64,
}

/// What Dockerfiles say.
#[derive(Clone, Debug, Serialize)]
pub struct DeclaredBases {
    /// How many files were found.
    pub files: u64,
    /// How many of them have a base that is known.
    pub known: u64,
    /// How many of the bases found are declared.
    pub matched: u64,
    /// How many of those files build on an image of the name of a base that was found.
    pub covered: u64,
    /// Found bases, in their order, that no file declares.
    pub only_found: Vec<String>,
    /// Declared names, the most frequent first, of which no base was found.
    pub only_declared: Vec<UnmetBase>,
    /// How many such names there are.
    pub only_declared_distinct: u64,
}

/// A declared name of which no base was found.
#[derive(Clone, Debug, Serialize)]
pub struct UnmetBase {
    /// The name, without tag.
    pub name: String,
    /// In how many files.
    pub files: u64,
    /// Of how many owners.
    pub owners: u64,
    /// Whether an image of that name is in the catalog, though no base.
    pub in_catalog: bool,
}

/// The images of a catalog as they are told of here.
#[derive(Clone, Copy, Debug)]
pub struct CatalogNames<'a> {
    /// The names, by number.
    pub names: &'a [String],
    /// The references of each, those of identical twins behind its own; where a source told none,
    /// the name.
    pub references: &'a [Vec<String>],
}

impl BasesReport {
    /// Tells of the bases that were found, the first `top` of them, beside the declared ones.
    pub fn new(
        images: CatalogNames<'_>,
        found: &FoundBases,
        (paths_only, level, top): (bool, usize, Option<usize>),
        dockerfiles: Option<&DockerfilesReport>,
    ) -> Self {
        let most = top.unwrap_or(usize::MAX);
        let total = found.images.max(1) as f64;
        let mut so_far = 0;
        let declared = dockerfiles.map(Declarations::of);
        let report = |base: &FoundBase| {
            so_far += base.counted;
            let references = &images.references[base.image as usize];
            FoundBaseReport {
                name: images.names[base.image as usize].clone(),
                depth: base.depth,
                descendants: base.descendants,
                sure: base.sure,
                counted: base.counted,
                share: base.counted as f64 / total,
                cumulative: so_far as f64 / total,
                declared: declared.as_ref().and_then(|declared| declared.of_image(references)),
            }
        };
        let mut bases: Vec<FoundBaseReport> = found.bases.iter().map(report).collect();
        let declared = dockerfiles.map(|it| DeclaredBases::new(images, (found, &bases), it, most));
        let distinct = bases.len() as u64;
        bases.truncate(most);
        Self {
            schema: "oskin.bases/1",
            paths_only,
            level,
            images: found.images,
            distinct,
            bases,
            alone: found.alone.iter().map(|image| images.names[*image as usize].clone()).collect(),
            declared,
        }
    }
}

/// The declared bases, with and without tags.
struct Declarations<'a> {
    tagged: BTreeMap<&'a str, &'a TallyReport>,
    named: BTreeMap<&'a str, &'a TallyReport>,
}

impl<'a> Declarations<'a> {
    fn of(report: &'a DockerfilesReport) -> Self {
        let by_name = |tallies: &'a [TallyReport]| {
            tallies.iter().map(|tally| (tally.name.as_str(), tally)).collect()
        };
        Self { tagged: by_name(&report.bases.top), named: by_name(&report.names.top) }
    }

    /// The declared base that an image is: with its tag if that is declared, else by name.
    fn of_image(&self, references: &[String]) -> Option<DeclaredBase> {
        let references = || references.iter().filter_map(|text| Reference::parse(text).ok());
        let tagged = references().find_map(|it| self.tagged.get(it.familiar().as_str()));
        let named = || references().find_map(|it| self.named.get(it.familiar_name().as_str()));
        let TallyReport { name, files, owners } = (*tagged.or_else(named)?).clone();
        Some(DeclaredBase { name, files, owners })
    }
}

/// The name of an image without its tag, in the form in which declared names are.
fn name_of(reference: &str) -> Option<String> {
    Reference::parse(reference).ok().map(|reference| reference.familiar_name())
}

impl DeclaredBases {
    fn new(
        images: CatalogNames<'_>,
        (found, bases): (&FoundBases, &[FoundBaseReport]),
        dockerfiles: &DockerfilesReport,
        most: usize,
    ) -> Self {
        let names: BTreeSet<String> =
            images.references.iter().flatten().filter_map(|text| name_of(text)).collect();
        let of_bases: BTreeSet<String> = found
            .bases
            .iter()
            .flat_map(|base| &images.references[base.image as usize])
            .filter_map(|text| name_of(text))
            .collect();
        let (met, unmet): (Vec<&TallyReport>, Vec<&TallyReport>) =
            dockerfiles.names.top.iter().partition(|tally| of_bases.contains(&tally.name));
        let only_found = bases.iter().filter(|base| base.declared.is_none());
        let unmet_base = |tally: &&TallyReport| UnmetBase {
            name: tally.name.clone(),
            files: tally.files,
            owners: tally.owners,
            in_catalog: names.contains(&tally.name),
        };
        Self {
            files: dockerfiles.counts.files,
            known: dockerfiles.counts.known,
            matched: bases.iter().filter(|base| base.declared.is_some()).count() as u64,
            covered: met.iter().map(|tally| tally.files).sum(),
            only_found: only_found.map(|base| base.name.clone()).collect(),
            only_declared: unmet.iter().take(most).map(unmet_base).collect(),
            only_declared_distinct: unmet.len() as u64,
        }
    }
}
