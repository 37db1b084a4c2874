//! Images measured by any method: under views, with weights, as graphs and by their words.

use crate::error::CliError;
use crate::images::{Found, Sets, Workspace, both_sets_beside};
use crate::lineup::Member;
use crate::software::WHY_UNKNOWN;
use crate::text;
use oskin::catalog::Catalog;
use oskin::ingest::{self, ForeignPaths};
use oskin::inventory::encode::PathList;
use oskin::inventory::{Entry, Inventory};
use oskin::measure::{
    AllPairs, Basis, Fact, Features, Levels, Method, Prepared, Similarities, Subject, Weighting,
    Weights, package_sets,
};
use oskin::path_set::PathSet;
use oskin::view::ViewKind;
use std::cell::OnceCell;
use std::ffi::OsString;

/// Images with all their paths, and how those are spelled.
#[derive(Debug)]
pub(crate) struct Spelled {
    /// Their names.
    pub(crate) names: Vec<String>,
    /// Their files and directories.
    pub(crate) both: Vec<[PathSet; 2]>,
    members: Vec<Member>,
    ids: PathSet,
    texts: PathList,
    /// Of each the paths that belong to packages, from when on they are asked for.
    owned: Vec<OnceCell<PathSet>>,
}

impl Spelled {
    /// The paths of all ids up to the last one, empty where no image has it.
    pub(crate) fn texts(&self) -> Vec<&[u8]> {
        let end = self.ids.runs().last().map_or(0, |run| run.end());
        let mut texts: Vec<&[u8]> = vec![&[]; usize::try_from(end).unwrap_or_default()];
        for (id, text) in self.ids.ids().zip(self.texts.iter()) {
            texts[id as usize] = text;
        }
        texts
    }
}

impl Workspace {
    /// Names and all pairs of images; of all in the catalog that have paths, or whose packages are known if it is those
    /// that count, if none is named.
    pub(crate) fn similarities(
        &mut self,
        images: &[OsString],
        method: &Method,
    ) -> Result<(Vec<String>, Similarities), CliError> {
        if method.basis == Basis::Packages {
            let (names, packages) = self.all_packages(images)?;
            let levels = package_sets(&packages, method.packages);
            self.tell_of_empty(&levels, method);
            return Ok((names, levels.pairs(method.weighting)));
        }
        if method.counts_paths() {
            let (names, pairs) = self.all_pairs(images, method.selection)?;
            return Ok((names, Similarities::Counted(pairs)));
        }
        let by_rarity = matches!(method.weighting, Weighting::Rarity | Weighting::Idf);
        if method.basis == Basis::Paths && method.view.is_plain() && by_rarity {
            let Sets { names, sets } = self.path_sets(images, &[method.selection])?;
            let sets: Vec<&PathSet> = sets.iter().flatten().collect();
            let weights = Weights::by_rarity(&sets, method.weighting);
            let pairs = AllPairs::weighted(&sets, &weights);
            self.tell_of_nothing(pairs.nothing_of());
            return Ok((names, Similarities::Weighted(pairs)));
        }
        let spelled = self.spell(images)?;
        let pairs = self.pairs(&spelled, method)?;
        Ok((spelled.names, pairs))
    }

    /// All pairs of images whose paths are spelled.
    pub(crate) fn pairs(
        &mut self,
        spelled: &Spelled,
        method: &Method,
    ) -> Result<Similarities, CliError> {
        let prepared = self.prepared(spelled, method)?;
        if let Prepared::Sets(levels) = &prepared {
            self.tell_of_empty(levels, method);
        }
        Ok(prepared.pairs(method))
    }

    /// Tells of how many images nothing counts.
    fn tell_of_empty(&self, levels: &Levels, method: &Method) {
        self.tell_of_nothing(match method.weighting {
            // No other weight is 0.
            Weighting::Idf => {
                let weights = levels.weights(method.weighting);
                levels.sets.iter().filter(|set| weights.of_set(set) == 0).count()
            }
            _ => levels.sets.iter().filter(|set| set.is_empty()).count(),
        });
    }

    /// Tells that nothing counts of so many images, which then look as alike as can be to each other.
    pub(crate) fn tell_of_nothing(&self, none: usize) {
        if none > 0 {
            self.warn(&format!(
                "nothing counts of {} in this view, selection and weight: two such have a similarity of 1",
                text::plural(none as u64, "image")
            ));
        }
    }

    /// Whether contents are known of every image.
    pub(crate) fn have_contents(&mut self, spelled: &Spelled) -> Result<bool, CliError> {
        for member in &spelled.members {
            let is_known = match member {
                Member::Kept(id) => self.catalog()?.has_contents(*id)?,
                Member::Read(image) => image.inventory.iter().any(|entry| entry.digest.is_some()),
            };
            if !is_known {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Images with all their paths; all in the catalog that have some if none is named.
    pub(crate) fn spell(&mut self, images: &[OsString]) -> Result<Spelled, CliError> {
        if images.is_empty() {
            self.names_with_paths()?;
            return self.catalog()?.at_one_moment(|catalog| {
                let (ids, names): (Vec<i64>, _) = catalog.names_with_paths()?.into_iter().unzip();
                spell(Some(catalog), names, ids.into_iter().map(Member::Kept).collect())
            });
        }
        let found = images.iter().map(|image| self.find(image)).collect::<Result<_, _>>()?;
        self.spell_found(found)
    }

    /// Images that were found, with all their paths.
    pub(crate) fn spell_found(&mut self, found: Vec<Found>) -> Result<Spelled, CliError> {
        let names = found.iter().map(|found| found.name().to_owned()).collect();
        self.spell_members(names, found.into_iter().map(Member::from).collect())
    }

    /// All images of the catalog that have paths and behind them one that was found, with all their paths.
    pub(crate) fn spell_beside(
        &mut self,
        images: &[(i64, String)],
        found: Found,
    ) -> Result<Spelled, CliError> {
        let mut names: Vec<String> = images.iter().map(|(_, name)| name.clone()).collect();
        let mut members: Vec<Member> = images.iter().map(|(id, _)| Member::Kept(*id)).collect();
        names.push(found.name().to_owned());
        members.push(Member::from(found));
        self.spell_members(names, members)
    }

    fn spell_members(
        &mut self,
        names: Vec<String>,
        members: Vec<Member>,
    ) -> Result<Spelled, CliError> {
        match self.catalog_if_any()? {
            Some(catalog) => catalog.at_one_moment(|catalog| spell(Some(catalog), names, members)),
            None => spell(None, names, members),
        }
    }

    /// The sets that images are compared by, if it is not their words.
    pub(crate) fn levels(
        &mut self,
        spelled: &Spelled,
        method: &Method,
    ) -> Result<Levels, CliError> {
        match self.prepared(spelled, method)? {
            Prepared::Sets(levels) => Ok(levels),
            Prepared::Words(_) => Err(CliError::new("words are no sets to be counted")),
        }
    }

    /// What images are compared by.
    pub(crate) fn prepared(
        &mut self,
        spelled: &Spelled,
        method: &Method,
    ) -> Result<Prepared, CliError> {
        let texts = spelled.texts();
        let mut features = Features::new(method, &texts);
        let nobodys = PathSet::default();
        for (at, [files, directories]) in spelled.both.iter().enumerate() {
            let owned = match method.view.asks_for_owners() {
                true => self.owned(spelled, at, &texts)?,
                false => &nobodys,
            };
            if !Features::needs_facts(method) {
                let fact = |id| Fact { is_owned: owned.contains(id), ..Fact::default() };
                features.add(Subject { files, directories, fact: &fact });
                continue;
            }
            let read;
            let inventory: &Inventory = match &spelled.members[at] {
                Member::Kept(id) => {
                    read = self.catalog()?.inventory(*id)?;
                    &read
                }
                Member::Read(image) => &image.inventory,
            };
            if let Some(unknown) = unknown(inventory, method) {
                let name = &spelled.names[at];
                return Err(CliError::new(format!("the {unknown} of {name} are not known"))
                    .hint("path lists and --no-contents leave them out: read the image itself"));
            }
            let fact = |id: u32| match texts.get(id as usize).and_then(|it| inventory.get(it)) {
                Some(entry) => Fact { is_owned: owned.contains(id), ..fact_of(entry) },
                None => Fact::default(),
            };
            features.add(Subject { files, directories, fact: &fact });
        }
        Ok(features.prepared())
    }

    /// The ids of the paths of an image that belong to packages, found once.
    fn owned<'s>(
        &mut self,
        spelled: &'s Spelled,
        at: usize,
        texts: &[&[u8]],
    ) -> Result<&'s PathSet, CliError> {
        if let Some(owned) = spelled.owned[at].get() {
            return Ok(owned);
        }
        let owned = match &spelled.members[at] {
            Member::Kept(id) => ingest::owned(&self.catalog()?.inventory_with_software(*id)?),
            Member::Read(image) => ingest::owned(&image.inventory),
        };
        let owned = owned.ok_or_else(|| without_packages(&spelled.names[at]))?;
        let is_owned =
            |id: &u32| owned.binary_search_by(|path| path[..].cmp(texts[*id as usize])).is_ok();
        let ids = spelled.both[at].iter().flat_map(PathSet::ids).filter(is_owned);
        Ok(spelled.owned[at].get_or_init(|| PathSet::from_unsorted(ids.collect())))
    }
}

/// The error for an image whose owners of paths are asked for and not known.
fn without_packages(name: &str) -> CliError {
    CliError::new(format!("which paths of {name} belong to packages is not known"))
        .hint(WHY_UNKNOWN)
}

/// What a method asks for and is told of no file, if there are any.
fn unknown(inventory: &Inventory, method: &Method) -> Option<&'static str> {
    let files: Vec<Entry<'_>> = inventory.iter().filter(|entry| entry.kind.has_content()).collect();
    let has_digest = files.iter().any(|entry| entry.digest.is_some());
    let has_size = has_digest || files.iter().any(|entry| entry.size_bytes > 0);
    match method.view.has(ViewKind::Contents) {
        _ if files.is_empty() => None,
        true if !has_digest => Some("contents"),
        _ if method.weighting == Weighting::Bytes && !has_size => Some("sizes"),
        _ => None,
    }
}

/// What measures look at beside the path of an entry: the target of a link where it has no digest.
fn fact_of(entry: Entry<'_>) -> Fact<'_> {
    let content = match (entry.digest, entry.link) {
        (Some(digest), _) => &digest.0,
        (None, Some(link)) if !entry.kind.has_content() => link,
        _ => &[],
    };
    Fact { size_bytes: entry.size_bytes, content, is_owned: false }
}

fn spell(
    catalog: Option<&Catalog>,
    names: Vec<String>,
    members: Vec<Member>,
) -> Result<Spelled, CliError> {
    let mut foreign = ForeignPaths::new(catalog)?;
    let both = both_sets_beside(&mut foreign, catalog, &members)?;
    let ids = PathSet::union_of(both.iter().flatten());
    let texts = foreign.texts(&ids)?;
    let owned = vec![OnceCell::new(); both.len()];
    Ok(Spelled { names, both, members, ids, texts, owned })
}
