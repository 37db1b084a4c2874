//! The few images of a catalog that matter for the place of one.

use super::{Step, Subject};
use crate::catalog::{Catalog, CatalogError, ImageRanking};
use crate::image::LayerKey;
use crate::lineage::{Candidate, Candidates, Chain, Edge, Kin, KinKind, LEAST_KEPT, TWINS, bases};
use crate::path_set::{Overlap, PathSet, Selection};
use crate::relation::MIN_FILES;
use std::collections::{BTreeMap, BTreeSet};

/// How many larger images are asked whether the subject may be what is left of them.
const LARGER: usize = 2;

/// The images in the order of the catalog, and the subject as the last.
pub(super) struct Lineup {
    pub(super) ids: Vec<i64>,
    /// One more: of the subject. Of images whose files are not asked for they are empty.
    pub(super) files: Vec<PathSet>,
    pub(super) chains: Option<Vec<Chain>>,
    /// Of the subject and of larger images.
    pub(super) candidates: Candidates,
    // Images with the same files as a candidate, each with that.
    twins: BTreeMap<i64, i64>,
}

impl Lineup {
    pub(super) fn new(
        catalog: &Catalog,
        subject: Subject<'_>,
        ranking: &ImageRanking,
    ) -> Result<Self, CatalogError> {
        let below = subject.chain.map(|chain| base_by_layers(catalog, chain, subject.id));
        let below = below.transpose()?.flatten();
        let mut ids: BTreeSet<i64> = ranking.candidates.iter().map(|(id, _)| *id).collect();
        ids.extend(below.into_iter().chain(subject.declared));
        let larger = match below {
            None => larger(catalog, subject, ranking)?,
            Some(_) => BTreeMap::new(),
        };
        let others = larger.values().flatten().filter_map(|(id, _)| *id);
        ids.extend(others.chain(larger.keys().copied()));
        // What candidates stand on, by which they may turn out to be beside the subject.
        let (mut asked, mut twins) = (BTreeSet::new(), BTreeMap::new());
        if subject.chain.is_some() && below.is_none() {
            for (candidate, _) in &ranking.candidates {
                let others = catalog.twins(*candidate)?.into_iter().take(TWINS);
                twins
                    .extend(others.filter(|it| Some(*it) != subject.id).map(|it| (it, *candidate)));
                let chain = catalog.chain(*candidate)?;
                if let Some(base) = base_by_layers(catalog, &chain, Some(*candidate))? {
                    asked.extend([*candidate, base]);
                }
            }
            ids.extend(asked.iter().filter(|id| Some(**id) != subject.id));
            ids.extend(twins.keys());
        }
        let ids: Vec<i64> = ids.into_iter().collect();
        let mut lineup = Self {
            files: vec![PathSet::default(); ids.len()],
            ids,
            chains: None,
            candidates: Candidates::default(),
            twins,
        };
        asked.extend(larger.keys().copied().chain(below));
        if let Some(base) = below {
            // Those that may be twins of the base.
            let size = ranking.overlaps.iter().find(|(id, _)| *id == base);
            let size = size.map(|(_, overlap)| overlap.left());
            let alike = ranking.candidates.iter().filter(|(id, it)| {
                *id != base && size.is_none_or(|size| it.overlap.left() == size)
            });
            asked.extend(alike.map(|(id, _)| *id));
        }
        asked.extend(larger.values().flatten().filter_map(|(id, _)| *id));
        for id in asked {
            if let Some(place) = lineup.place(id) {
                lineup.files[place as usize] = catalog.path_set(id, Selection::Files)?;
            }
        }
        lineup.files.push(subject.files.clone());
        if let Some(own) = subject.chain {
            let chains = lineup.ids.iter().map(|id| catalog.chain(*id));
            let mut chains = chains.collect::<Result<Vec<_>, _>>()?;
            chains.push(own.clone());
            lineup.chains = Some(chains);
        }
        lineup.candidates = lineup.ranked(ranking, below, &larger);
        Ok(lineup)
    }

    /// The number of the subject.
    pub(super) fn last(&self) -> u32 {
        // There are a dozen others.
        u32::try_from(self.ids.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn place(&self, id: i64) -> Option<u32> {
        self.ids.binary_search(&id).ok().and_then(|place| u32::try_from(place).ok())
    }

    fn ranked(
        &self,
        ranking: &ImageRanking,
        below: Option<i64>,
        larger: &BTreeMap<i64, Vec<(Option<i64>, Candidate)>>,
    ) -> Candidates {
        let mut firsts: Vec<u32> = (0..).take(self.files.len()).collect();
        for (twin, candidate) in &self.twins {
            if let (Some(twin), Some(candidate)) = (self.place(*twin), self.place(*candidate)) {
                firsts[twin as usize] = candidate;
            }
        }
        // Candidates are distinct; only the base that layers tell may be the twin of one.
        if let Some(base) = below.and_then(|base| self.place(base)) {
            let size = self.files[base as usize].len();
            let is_twin = |id: &i64, candidate: &Candidate| {
                Some(*id) != below
                    && candidate.overlap.left() == size
                    && self
                        .place(*id)
                        .is_some_and(|at| self.files[at as usize] == self.files[base as usize])
            };
            let twin = ranking.candidates.iter().find(|(id, it)| is_twin(id, it));
            if let Some(first) = twin.and_then(|(id, _)| self.place(*id)) {
                firsts[base as usize] = first;
            }
        }
        let numbered = |id: Option<i64>, candidate: &Candidate| {
            let image = id.map_or(Some(self.last()), |id| self.place(id))?;
            Some(Candidate { image, ..*candidate })
        };
        let own = ranking.candidates.iter().filter_map(|(id, it)| numbered(Some(*id), it));
        let mut all = vec![(self.last(), own.collect())];
        for (id, candidates) in larger {
            let theirs = candidates.iter().filter_map(|(id, it)| numbered(*id, it)).collect();
            all.extend(self.place(*id).map(|place| (place, theirs)));
        }
        Candidates::of_some(firsts, all)
    }

    /// What another image is to the subject, if these two are kin.
    pub(super) fn relative(&self, kin: &Kin) -> Option<(i64, KinKind)> {
        let other = kin.images.into_iter().find(|image| *image != self.last())?;
        let is_told = matches!(kin.kind, KinKind::Rebuild | KinKind::Sibling);
        is_told.then(|| (self.ids[other as usize], kin.kind))
    }

    pub(super) fn step(&self, catalog: &Catalog, edge: &Edge) -> Result<Step, CatalogError> {
        let parent = self.ids[edge.parent as usize];
        let files = catalog.path_set(parent, Selection::Files)?;
        let own = &self.files[self.ids.len()];
        let id = |number: u32| self.ids.get(number as usize).copied();
        Ok(Step::new(edge, (parent, &files), own, id))
    }
}

/// The larger images that the subject may be what is left of, if it has no clear parent, each with two
/// of its candidates: the best, and the subject, which has no id here.
fn larger(
    catalog: &Catalog,
    subject: Subject<'_>,
    ranking: &ImageRanking,
) -> Result<BTreeMap<i64, Vec<(Option<i64>, Candidate)>>, CatalogError> {
    let mut larger = BTreeMap::new();
    let is_clear = ranking.candidates.first().is_some_and(|(_, best)| best.score() > 0.0);
    let is_tiny = subject.files.len() < MIN_FILES;
    if is_clear || is_tiny || subject.chain.is_none() || !subject.has_contents {
        return Ok(larger);
    }
    // A step does not need what is near, but for this.
    let whole;
    let ranking = if subject.is_step && ranking.overlaps.is_empty() {
        whole = catalog.rank(subject.files)?;
        &whole
    } else {
        ranking
    };
    let holds = |overlap: &Overlap| {
        overlap.left_only > overlap.right_only
            && overlap.common > 0
            && overlap.right_only * LEAST_KEPT <= overlap.common
    };
    let mut near: Vec<(u64, i64)> = ranking
        .overlaps
        .iter()
        .filter(|(id, overlap)| Some(*id) != subject.id && holds(overlap))
        .map(|(id, overlap)| (overlap.left_only, *id))
        .collect();
    near.sort_unstable();
    for (_, id) in near.into_iter().take(LARGER) {
        let files = catalog.path_set(id, Selection::Files)?;
        let theirs = catalog.rank(&files)?.candidates;
        let is_subject = |other: &i64| Some(*other) == subject.id;
        let own = match theirs.iter().find(|(other, _)| is_subject(other)) {
            Some((_, candidate)) => Some(*candidate),
            // It is there and not among the best: another is nearer.
            None if subject.id.is_some() => None,
            None => catalog.rank_pair(subject.files, &files)?,
        };
        let Some(own) = own else { continue };
        let mut both: Vec<(Option<i64>, Candidate)> = vec![(None, own)];
        both.extend(
            theirs.iter().find(|(other, _)| !is_subject(other)).map(|(id, it)| (Some(*id), *it)),
        );
        both.sort_by(|(_, a), (_, b)| b.score().total_cmp(&a.score()));
        larger.insert(id, both);
    }
    Ok(larger)
}

/// The image whose layers are the longest base of a chain.
fn base_by_layers(
    catalog: &Catalog,
    chain: &Chain,
    own: Option<i64>,
) -> Result<Option<i64>, CatalogError> {
    let keys: BTreeSet<LayerKey> = chain.all.iter().copied().collect();
    let mut ids = catalog.images_of_layers(&keys.into_iter().collect::<Vec<_>>())?;
    ids.retain(|id| Some(*id) != own);
    let mut chains = ids.iter().map(|id| catalog.chain(*id)).collect::<Result<Vec<_>, _>>()?;
    chains.push(chain.clone());
    let found = bases(&chains.iter().collect::<Vec<_>>());
    Ok(found.last().copied().flatten().map(|base| ids[base.image as usize]))
}
