//! Images lined up to be compared by their files, layers and entries.

use crate::declared;
use crate::error::CliError;
use crate::images::{Found, Workspace, both_sets};
use oskin::catalog::{Catalog, KeptRanking};
use oskin::image::{ImageRecord, LayerKey};
use oskin::ingest::{self, ForeignPaths};
use oskin::inventory::Inventory;
use oskin::lineage::{Chain, Look};
use oskin::path_set::{PathSet, Selection};
use oskin::placement::KEPT_FROM;
use std::collections::BTreeMap;

/// Images to be compared by their files, layers and entries.
#[derive(Debug)]
pub(crate) struct Lineup {
    /// Their names, each once.
    pub(crate) names: Vec<String>,
    /// What each holds that is no directory.
    pub(crate) files: Vec<PathSet>,
    /// The layers of each.
    pub(crate) chains: Vec<Chain>,
    members: Vec<Member>,
}

/// An image that is lined up: its id in the catalog, or what was read of it.
#[derive(Debug)]
pub(crate) enum Member {
    Kept(i64),
    Read(Box<ingest::ReadImage>),
}

impl Member {
    /// Its id, if it is in the catalog.
    pub(crate) fn kept(&self) -> Option<i64> {
        match self {
            Self::Kept(id) => Some(*id),
            Self::Read(_) => None,
        }
    }
}

impl From<Found> for Member {
    fn from(found: Found) -> Self {
        match found {
            Found::Kept(record) => Self::Kept(record.id),
            Found::Read(image) => Self::Read(image),
        }
    }
}

impl Workspace {
    /// Lines up images, or all in the catalog that have paths if none is named.
    pub(crate) fn line_up(&mut self, images: &[std::ffi::OsString]) -> Result<Lineup, CliError> {
        if images.is_empty() {
            self.names_with_paths()?;
            return self.catalog()?.at_one_moment(|catalog| {
                let (ids, names): (Vec<i64>, _) = catalog.names_with_paths()?.into_iter().unzip();
                let files = catalog.path_sets(&ids, Selection::Files)?;
                let chains = ids.iter().map(|id| catalog.chain(*id)).collect::<Result<_, _>>()?;
                let members = ids.into_iter().map(Member::Kept).collect();
                Ok(Lineup { names, files, chains, members })
            });
        }
        let (mut names, mut chains, mut members) = (Vec::new(), Vec::new(), Vec::new());
        for image in images {
            let found = self.find(image)?;
            names.push(found.name().to_owned());
            chains.push(self.chain(&found)?);
            members.push(Member::from(found));
        }
        let both = both_sets(self.catalog_if_any()?, &members)?;
        let files = both.into_iter().map(|[files, _]| files).collect();
        tell_apart(&mut names);
        Ok(Lineup { names, files, chains, members })
    }

    /// The layers of an image, as lineage compares them.
    fn chain(&mut self, found: &Found) -> Result<Chain, CliError> {
        match found {
            Found::Kept(record) => Ok(self.catalog()?.chain(record.id)?),
            Found::Read(image) => Ok(image.chain()),
        }
    }

    /// Lines up all images of the catalog, and those of others that are not there behind them. Tells
    /// the places of the others too.
    pub(crate) fn line_up_with(
        &mut self,
        found: Vec<Found>,
    ) -> Result<(Lineup, Vec<u32>), CliError> {
        let mut lineup = self.line_up(&[])?;
        let chains =
            found.iter().map(|found| self.chain(found)).collect::<Result<Vec<Chain>, _>>()?;
        // What two of them have and the catalog has not must get the same numbers.
        let mut foreign = ForeignPaths::new(Some(self.catalog()?))?;
        let mut asked = Vec::with_capacity(found.len());
        for (found, chain) in found.into_iter().zip(chains) {
            let place = match found {
                Found::Kept(record) => {
                    let is_it = |it: &Member| matches!(it, Member::Kept(id) if *id == record.id);
                    let place = lineup.members.iter().position(is_it);
                    let gone = || format!("{:?} was just removed from the catalog", record.name);
                    place.ok_or_else(|| CliError::new(gone()))?
                }
                Found::Read(image) => {
                    let [files, _] = foreign.path_sets(&image.inventory)?;
                    lineup.files.push(files);
                    lineup.chains.push(chain);
                    lineup.names.push(image.record.name.clone());
                    lineup.members.push(Member::Read(image));
                    lineup.names.len() - 1
                }
            };
            let too_many = |_| CliError::new("there are too many images");
            asked.push(u32::try_from(place).map_err(too_many)?);
        }
        tell_apart(&mut lineup.names);
        Ok((lineup, asked))
    }

    /// What is told of the images of a lineup.
    pub(crate) fn records(&mut self, lineup: &Lineup) -> Result<Vec<ImageRecord>, CliError> {
        let mut of_id: BTreeMap<i64, ImageRecord> = BTreeMap::new();
        // Images that are only read need no catalog.
        if lineup.members.iter().any(|member| member.kept().is_some()) {
            let images = self.catalog()?.images()?;
            of_id.extend(images.into_iter().map(|record| (record.id, record)));
        }
        let record = |member: &Member| match member {
            // Another process may have removed it meanwhile.
            Member::Kept(id) => of_id.remove(id).unwrap_or_default(),
            Member::Read(image) => image.record.clone(),
        };
        Ok(lineup.members.iter().map(record).collect())
    }

    /// The layers of the images of a lineup of the whole catalog, with their sizes in bytes.
    pub(crate) fn layers_of(
        &mut self,
        lineup: &Lineup,
    ) -> Result<Vec<Vec<(LayerKey, u64)>>, CliError> {
        let catalog = self.catalog()?;
        let of = |member: &Member| match member {
            Member::Kept(id) => Ok(catalog.layer_keys(*id)?),
            Member::Read(_) => Ok(Vec::new()),
        };
        lineup.members.iter().map(of).collect()
    }

    /// The directories of the images of a lineup.
    pub(crate) fn directories(&mut self, lineup: &Lineup) -> Result<Vec<PathSet>, CliError> {
        let ids: Option<Vec<i64>> = lineup.ids().into_iter().collect();
        if let Some(ids) = ids {
            return Ok(self.catalog()?.path_sets(&ids, Selection::Directories)?);
        }
        let both = both_sets(self.catalog_if_any()?, &lineup.members)?;
        Ok(both.into_iter().map(|[_, directories]| directories).collect())
    }

    /// All entries of an image of a lineup.
    pub(crate) fn entries(&mut self, lineup: &Lineup, image: u32) -> Result<Inventory, CliError> {
        match &lineup.members[image as usize] {
            Member::Kept(_) => lineup.entries(self.catalog()?, image),
            Member::Read(image) => Ok(image.inventory.clone()),
        }
    }

    /// Keeps what was found of the family graph, for the next time. Whoever may not write finds it
    /// again; that is no reason to fail.
    pub(crate) fn keep(
        &self,
        rankings: &BTreeMap<i64, KeptRanking>,
        looks: &BTreeMap<(i64, i64), Look>,
    ) {
        let kept = Catalog::open_to_keep(&self.path).and_then(|mut it| it.keep(rankings, looks));
        drop(kept);
    }

    /// For each image of a lineup the one of it that it declares as its base.
    pub(crate) fn declared_bases(&mut self, lineup: &Lineup) -> Result<Vec<Option<u32>>, CliError> {
        let mut kept: BTreeMap<i64, ImageRecord> = BTreeMap::new();
        if lineup.members.iter().any(|member| matches!(member, Member::Kept(_))) {
            let records = self.catalog()?.images()?;
            kept.extend(records.into_iter().map(|record| (record.id, record)));
        }
        let record = |member: &Member| match member {
            Member::Kept(id) => kept.get(id).cloned().unwrap_or_default(),
            Member::Read(image) => image.record.clone(),
        };
        Ok(declared::bases(&lineup.members.iter().map(record).collect::<Vec<_>>()))
    }
}

impl Lineup {
    /// The ids of its images, `None` for those that are not in the catalog.
    pub(crate) fn ids(&self) -> Vec<Option<i64>> {
        self.members.iter().map(Member::kept).collect()
    }

    /// Whether an image is in the catalog.
    pub(crate) fn is_kept(&self, image: u32) -> bool {
        matches!(self.members[image as usize], Member::Kept(_))
    }

    /// The ids of its images, if these are all with paths of a catalog that keeps what is found of them.
    pub(crate) fn whole(&self, catalog: Option<&Catalog>) -> Result<Option<Vec<i64>>, CliError> {
        let ids: Option<Vec<i64>> = self.ids().into_iter().collect();
        let (Some(catalog), Some(ids)) = (catalog, ids) else { return Ok(None) };
        if ids.len() < KEPT_FROM {
            return Ok(None);
        }
        let all = catalog.names_with_paths()?.into_iter().map(|(id, _)| id);
        Ok(all.eq(ids.iter().copied()).then_some(ids))
    }

    /// All entries of an image, with the catalog that this was lined up from.
    pub(crate) fn entries(&self, catalog: &Catalog, image: u32) -> Result<Inventory, CliError> {
        match &self.members[image as usize] {
            Member::Kept(id) => Ok(catalog.inventory(*id)?),
            Member::Read(image) => Ok(image.inventory.clone()),
        }
    }
}

/// Adds a number to names that were there before.
fn tell_apart(names: &mut [String]) {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        let plain = name.clone();
        let mut number = 2;
        while !seen.insert(name.clone()) {
            *name = format!("{plain} #{number}");
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_told_apart() {
        let mut names = ["a", "b", "a", "a #2", "a"].map(str::to_owned);
        tell_apart(&mut names);
        assert_eq!(names, ["a", "b", "a #2", "a #2 #2", "a #3"]);
    }
}
