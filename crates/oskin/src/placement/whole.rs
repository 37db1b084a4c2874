//! The candidates of all images of a catalog, with what was kept of them: an image that is added
//! concerns itself and those that it is a candidate of, and only those are ranked again.

use crate::catalog::{Catalog, CatalogError, KeptRanking};
use crate::lineage::{Candidate, Candidates, KEPT};
use crate::path_set::PathSet;
use std::collections::{BTreeMap, BTreeSet};

/// From so many images on rankings are kept; fewer are soon ranked anew.
pub const KEPT_FROM: usize = 1000;

/// A ranking is kept until the catalog has grown or shrunk by one image in so many: until then how
/// rare its paths are has hardly changed.
const OUTDATED: u64 = 20;

/// If more than one ranking in so many has to be found anew, all are: that costs less.
const MANY: usize = 20;

/// The candidates of all images of a catalog.
#[derive(Clone, Debug, Default)]
pub struct Whole {
    /// By place.
    pub candidates: Candidates,
    /// What was ranked anew and should be kept ([`Catalog::keep`]).
    pub changed: BTreeMap<i64, KeptRanking>,
}

/// The candidates of all images of a catalog, given by their ids in the order of
/// [`Catalog::names_with_paths`], and their files.
///
/// Of fewer than [`KEPT_FROM`] images, and with a catalog of a format version below 3, all are ranked
/// anew. Else what is kept counts as long as the catalog has not grown or shrunk by a twentieth: the
/// scores in it are those of the moment, and one added image changes how rare paths are a little,
/// for all that have them. What is new, and what gets a new one among its candidates or has lost one,
/// is ranked anew.
///
/// # Errors
///
/// If the store fails or is damaged.
pub fn rank_whole(
    catalog: &Catalog,
    ids: &[i64],
    files: &[PathSet],
) -> Result<Whole, CatalogError> {
    let rank_all = || Candidates::rank(&files.iter().collect::<Vec<_>>());
    if ids.len() < KEPT_FROM || !catalog.keeps_rankings() {
        return Ok(Whole { candidates: rank_all(), changed: BTreeMap::new() });
    }
    let places: BTreeMap<i64, u32> = ids.iter().copied().zip(0..).collect();
    let mut kept = catalog.kept_rankings()?;
    let images = ids.len() as u64;
    kept.retain(|id, ranking| {
        let is_there = |id: &i64| places.contains_key(id);
        is_there(id)
            && is_current(ranking, images)
            && is_there(&ranking.first)
            && ranking.candidates.iter().all(|(id, _)| is_there(id))
    });
    let missing: Vec<usize> = (0..ids.len()).filter(|at| !kept.contains_key(&ids[*at])).collect();
    if missing.len() > ids.len() / MANY {
        let candidates = rank_all();
        let changed = (0..).zip(ids).map(|(at, id)| (*id, keepable(&candidates, at, ids)));
        return Ok(Whole { changed: changed.collect(), candidates });
    }
    let mut changed = BTreeMap::new();
    let mut concerned: BTreeSet<usize> = BTreeSet::new();
    for &at in &missing {
        let ranking = rank_one(catalog, (ids[at], &files[at]), images)?;
        let is_first = ranking.first == ids[at];
        changed.insert(ids[at], ranking);
        // A twin of an older image is nobody's candidate.
        if !is_first {
            continue;
        }
        for (other, score) in catalog.scores(ids[at], &files[at])? {
            let is_nearer = |ranking: &KeptRanking| match ranking.candidates.get(KEPT - 1) {
                Some((_, last)) => score > last.score(),
                None => true,
            };
            let Some(&place) = places.get(&other) else { continue };
            let is_larger = files[place as usize].len() > files[at].len();
            if is_larger && kept.get(&other).is_some_and(is_nearer) {
                concerned.insert(place as usize);
            }
        }
    }
    for at in concerned {
        changed.insert(ids[at], rank_one(catalog, (ids[at], &files[at]), images)?);
    }
    kept.extend(changed.iter().map(|(id, ranking)| (*id, ranking.clone())));
    Ok(Whole { candidates: numbered(&kept, ids, &places), changed })
}

/// What is kept of one image, if it counts: as [`rank_whole`] takes it.
pub(super) fn kept_ranking(
    catalog: &Catalog,
    image: i64,
) -> Result<Option<KeptRanking>, CatalogError> {
    let images = catalog.image_count()?.saturating_sub(catalog.without_paths()?.len() as u64);
    if images < KEPT_FROM as u64 {
        return Ok(None);
    }
    Ok(catalog.kept_ranking(image)?.filter(|ranking| is_current(ranking, images)))
}

/// Whether the catalog is still about as large as it was.
const fn is_current(ranking: &KeptRanking, images: u64) -> bool {
    images.abs_diff(ranking.images) <= ranking.images / OUTDATED
}

/// Ranks one image.
fn rank_one(
    catalog: &Catalog,
    (id, files): (i64, &PathSet),
    images: u64,
) -> Result<KeptRanking, CatalogError> {
    let ranked = catalog.rank(files)?;
    let (first, candidates) = (ranked.twin.unwrap_or(id), ranked.candidates);
    Ok(KeptRanking { images, first, candidates })
}

/// The ranking of one image of all that were ranked.
fn keepable(candidates: &Candidates, at: u32, ids: &[i64]) -> KeptRanking {
    let id = |place: u32| ids[place as usize];
    KeptRanking {
        images: ids.len() as u64,
        first: id(candidates.first_twin(at)),
        candidates: candidates.of(at).iter().map(|it| (id(it.image), *it)).collect(),
    }
}

fn numbered(
    kept: &BTreeMap<i64, KeptRanking>,
    ids: &[i64],
    places: &BTreeMap<i64, u32>,
) -> Candidates {
    let place = |id: &i64| places.get(id).copied();
    let first = |(at, id): (u32, &i64)| kept.get(id).and_then(|it| place(&it.first)).unwrap_or(at);
    let firsts: Vec<u32> = (0..).zip(ids).map(first).collect();
    let of = (0..).zip(ids).filter(|(at, _)| firsts[*at as usize] == *at).filter_map(|(at, id)| {
        let candidate = |(id, it): &(i64, Candidate)| Some(Candidate { image: place(id)?, ..*it });
        Some((at, kept.get(id)?.candidates.iter().filter_map(candidate).collect()))
    });
    let of: Vec<(u32, Vec<Candidate>)> = of.collect();
    Candidates::of_some(firsts, of)
}
