//! What was found out about the images of large catalogs and is kept, so that it is not found out
//! again: how the candidates of each were ranked, and what looks at entries told.
//!
//! All of it can be found out anew and is right without: what is damaged, of another version of the
//! rules or of images that are gone counts as not there. Images are known by the numbers of their path
//! sets, which are never given twice.

use super::error::{At as _, CatalogError};
use super::format::TOLD_VERSION;
use super::{Catalog, told_images};
use crate::inventory::encode::{self, Damaged, Decoder};
use crate::lineage::{Candidate, Look, Ranking, RankingParts};
use crate::measure::OverlapIndex;
use crate::path_set::{Overlap, PathSet};
use rusqlite::{OptionalExtension as _, TransactionBehavior, params};
use std::collections::BTreeMap;

/// Of the rules by which candidates are ranked and entries are compared; counted up whenever one of
/// them changes what it tells.
const RULES: u64 = 1;

/// The most bytes that a row may decode to.
const LIMIT_BYTES: usize = 1 << 16;

/// The most bytes that what ranks may decode to: as much as an index of a hundred million events.
const WEIGHTS_LIMIT_BYTES: usize = 1 << 29;

/// The tables; they are made when first something is kept, and a catalog without them is whole.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS kept_ranking (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS kept_look (
    candidate INTEGER NOT NULL,
    child     INTEGER NOT NULL,
    data      BLOB NOT NULL,
    PRIMARY KEY (candidate, child)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept_weights (
    number INTEGER PRIMARY KEY CHECK (number = 0),
    sets   INTEGER NOT NULL,
    alive  INTEGER NOT NULL,
    data   BLOB NOT NULL
);
";

const READ: &str = "read what was kept of the family graph";
const WRITE: &str = "keep what was found of the family graph";

/// How the candidates of an image were ranked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeptRanking {
    /// How many images the catalog had then.
    pub images: u64,
    /// The first image with the same files; itself if there is none before.
    pub first: i64,
    /// The candidates with their images, the best first. The numbers in them mean nothing.
    pub candidates: Vec<(i64, Candidate)>,
}

/// Which number stands for an image, and the other way round.
struct Numbers {
    images: BTreeMap<u32, i64>,
    numbers: BTreeMap<i64, u32>,
}

impl Catalog {
    /// All rankings that are kept of images that are there, with candidates that are there; by image.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn kept_rankings(&self) -> Result<BTreeMap<i64, KeptRanking>, CatalogError> {
        self.at_one_moment(|catalog| {
            let mut kept = BTreeMap::new();
            if !catalog.keeps()? {
                return Ok(kept);
            }
            let numbers = catalog.numbers()?;
            let sql = "SELECT number, data FROM kept_ranking";
            let mut statement = catalog.connection.prepare(sql).at(&catalog.path, READ)?;
            let mut rows = statement.query([]).at(&catalog.path, READ)?;
            while let Some(row) = rows.next().at(&catalog.path, READ)? {
                let number: u32 = row.get(0).at(&catalog.path, READ)?;
                let data: Vec<u8> = row.get(1).at(&catalog.path, READ)?;
                let ranking = take_ranking(&data).ok().and_then(|it| it.named(&numbers));
                if let (Some(image), Some(ranking)) = (numbers.images.get(&number), ranking) {
                    kept.insert(*image, ranking);
                }
            }
            Ok(kept)
        })
    }

    /// The ranking that is kept of one image, as [`kept_rankings`](Self::kept_rankings) has it.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn kept_ranking(&self, image: i64) -> Result<Option<KeptRanking>, CatalogError> {
        if !self.keeps()? {
            return Ok(None);
        }
        let sql = "SELECT kept_ranking.data FROM kept_ranking
                   JOIN told_set USING (number) WHERE image_id = ?1";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path, READ)?;
        let data = statement.query_row([image], |row| row.get::<_, Vec<u8>>(0)).optional();
        let Some(Numbered { images, first, candidates }) =
            data.at(&self.path, READ)?.and_then(|data| take_ranking(&data).ok())
        else {
            return Ok(None);
        };
        let Some(first) = self.image_of_set(first)? else { return Ok(None) };
        let mut named = Vec::with_capacity(candidates.len());
        for (number, candidate) in candidates {
            match self.image_of_set(number)? {
                Some(image) => named.push((image, candidate)),
                None => return Ok(None),
            }
        }
        Ok(Some(KeptRanking { images, first, candidates: named }))
    }

    /// The look that is kept at two images.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn kept_look(&self, candidate: i64, child: i64) -> Result<Option<Look>, CatalogError> {
        if !self.keeps()? {
            return Ok(None);
        }
        let sql = "SELECT data FROM kept_look WHERE
                   candidate = (SELECT number FROM told_set WHERE image_id = ?1) AND
                   child = (SELECT number FROM told_set WHERE image_id = ?2)";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path, READ)?;
        let data = statement.query_row([candidate, child], |row| row.get::<_, Vec<u8>>(0));
        let data = data.optional().at(&self.path, READ)?;
        Ok(data.and_then(|data| take_look(&data).ok()))
    }

    fn image_of_set(&self, number: u32) -> Result<Option<i64>, CatalogError> {
        let sql = "SELECT image_id FROM told_set WHERE number = ?1";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path, READ)?;
        let image = statement.query_row([number], |row| row.get(0)).optional();
        Ok(image.at(&self.path, READ)?.flatten())
    }

    /// All looks that are kept at images that are there, by candidate and child.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn kept_looks(&self) -> Result<BTreeMap<(i64, i64), Look>, CatalogError> {
        self.at_one_moment(|catalog| {
            let mut kept = BTreeMap::new();
            if !catalog.keeps()? {
                return Ok(kept);
            }
            let Numbers { images, .. } = catalog.numbers()?;
            let sql = "SELECT candidate, child, data FROM kept_look";
            let mut statement = catalog.connection.prepare(sql).at(&catalog.path, READ)?;
            let mut rows = statement.query([]).at(&catalog.path, READ)?;
            while let Some(row) = rows.next().at(&catalog.path, READ)? {
                let at = |column: usize| row.get::<_, u32>(column).at(&catalog.path, READ);
                let pair = [images.get(&at(0)?), images.get(&at(1)?)];
                let data: Vec<u8> = row.get(2).at(&catalog.path, READ)?;
                if let ([Some(candidate), Some(child)], Ok(look)) = (pair, take_look(&data)) {
                    kept.insert((*candidate, *child), look);
                }
            }
            Ok(kept)
        })
    }

    /// Keeps rankings and looks, in one transaction. Nothing is kept of images that are gone, nor in
    /// a catalog of a format version below 3.
    ///
    /// # Errors
    ///
    /// If the store fails, or was opened for reading only.
    pub fn keep(
        &mut self,
        rankings: &BTreeMap<i64, KeptRanking>,
        looks: &BTreeMap<(i64, i64), Look>,
    ) -> Result<(), CatalogError> {
        if self.version < TOLD_VERSION {
            return Ok(());
        }
        let path = self.path.clone();
        let numbers = self.numbers()?;
        let begin = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(begin).at(&path, WRITE)?;
        transaction.execute_batch(TABLES).at(&path, WRITE)?;
        let gone = "DELETE FROM kept_ranking WHERE number NOT IN
                    (SELECT number FROM told_set WHERE image_id IS NOT NULL)";
        transaction.execute(gone, []).at(&path, WRITE)?;
        let gone = "DELETE FROM kept_look WHERE
                    candidate NOT IN (SELECT number FROM told_set WHERE image_id IS NOT NULL) OR
                    child NOT IN (SELECT number FROM told_set WHERE image_id IS NOT NULL)";
        transaction.execute(gone, []).at(&path, WRITE)?;
        {
            let sql = "INSERT OR REPLACE INTO kept_ranking (number, data) VALUES (?1, ?2)";
            let mut insert = transaction.prepare(sql).at(&path, WRITE)?;
            for (image, ranking) in rankings {
                let row = (numbers.numbers.get(image), put_ranking(ranking, &numbers));
                if let (Some(number), Some(data)) = row {
                    insert.execute(params![number, data]).at(&path, WRITE)?;
                }
            }
            let sql =
                "INSERT OR REPLACE INTO kept_look (candidate, child, data) VALUES (?1, ?2, ?3)";
            let mut insert = transaction.prepare(sql).at(&path, WRITE)?;
            for ((candidate, child), look) in looks {
                let pair = [candidate, child].map(|image| numbers.numbers.get(image));
                if let [Some(candidate), Some(child)] = pair {
                    insert.execute(params![candidate, child, put_look(look)]).at(&path, WRITE)?;
                }
            }
        }
        transaction.commit().at(&path, WRITE)?;
        self.keep_weights()
    }

    /// Whether what ranks candidates is kept for the images that there are; it is not read.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn has_kept_weights(&self) -> Result<bool, CatalogError> {
        if !self.keeps_rankings() || !self.has_table("kept_weights")? {
            return Ok(false);
        }
        let (sets, alive) = self.with_index(|stored| Ok(sets_of(&stored.index)))?;
        let sql = "SELECT 1 FROM kept_weights WHERE sets = ?1 AND alive = ?2";
        let found = self.connection.query_row(sql, [sets, alive], |_| Ok(())).optional();
        Ok(found.at(&self.path, READ)?.is_some())
    }

    /// What ranks candidates, as it was kept for the very images that there are: sets are only added, and
    /// images only removed, so that their numbers tell.
    pub(super) fn kept_weights(
        &self,
        index: &OverlapIndex,
    ) -> Result<Option<Ranking>, CatalogError> {
        if !self.has_table("kept_weights")? {
            return Ok(None);
        }
        let sql = "SELECT data FROM kept_weights WHERE sets = ?1 AND alive = ?2";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path, READ)?;
        let (sets, alive) = sets_of(index);
        let mut rows = statement.query([sets, alive]).at(&self.path, READ)?;
        let Some(row) = rows.next().at(&self.path, READ)? else { return Ok(None) };
        let data = row.get_ref(0).at(&self.path, READ)?;
        let parts = data.as_blob().ok().and_then(|data| take_weights(data).ok());
        Ok(parts.and_then(|parts| Ranking::from_parts(parts, index)))
    }

    /// Keeps what ranks candidates, of large catalogs.
    fn keep_weights(&self) -> Result<(), CatalogError> {
        // What ranks is made by ranking.
        self.rank(&PathSet::default())?;
        // Reading is of one moment that ends without a change, so writing comes after it.
        let row = self.with_index(|stored| {
            let parts = stored.ranking.as_ref().map(|(ranking, _)| ranking.to_parts());
            Ok(parts.map(|parts| (sets_of(&stored.index), put_weights(&parts))))
        })?;
        if let Some(((sets, alive), data)) = row {
            let sql = "INSERT OR REPLACE INTO kept_weights VALUES (0, ?1, ?2, ?3)";
            let mut insert = self.connection.prepare(sql).at(&self.path, WRITE)?;
            insert.execute(params![sets, alive, data]).at(&self.path, WRITE)?;
        }
        Ok(())
    }

    /// Whether a catalog of this format version can keep rankings.
    pub fn keeps_rankings(&self) -> bool {
        self.version >= TOLD_VERSION
    }

    /// Whether anything is kept.
    fn keeps(&self) -> Result<bool, CatalogError> {
        Ok(self.keeps_rankings() && self.has_table("kept_ranking")?)
    }

    fn has_table(&self, name: &str) -> Result<bool, CatalogError> {
        told_images::has_table(&self.connection, &self.path, name)
    }

    fn numbers(&self) -> Result<Numbers, CatalogError> {
        let images = self.images_of_sets()?;
        Ok(Numbers {
            numbers: images.iter().map(|(number, image)| (*image, *number)).collect(),
            images: images.into_iter().collect(),
        })
    }
}

/// A ranking by numbers.
struct Numbered {
    images: u64,
    first: u32,
    candidates: Vec<(u32, Candidate)>,
}

impl Numbered {
    /// The same by images; `None` if one of them is gone.
    fn named(self, numbers: &Numbers) -> Option<KeptRanking> {
        let name = |number: u32| numbers.images.get(&number).copied();
        let candidates = self.candidates.into_iter().map(|(number, it)| Some((name(number)?, it)));
        Some(KeptRanking {
            images: self.images,
            first: name(self.first)?,
            candidates: candidates.collect::<Option<_>>()?,
        })
    }
}

/// How many sets the index has, and how many of them have an image.
fn sets_of(index: &OverlapIndex) -> (i64, i64) {
    let alive = index.slots().iter().filter(|slot| slot.alive).count();
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    (number(index.slots().len()), number(alive))
}

fn put_weights(parts: &RankingParts) -> Vec<u8> {
    let mut plain = Vec::new();
    let counts = [parts.sizes.len(), parts.holders.len(), parts.odd.len()];
    for value in [RULES].into_iter().chain(counts.map(|count| count as u64)) {
        plain.extend(value.to_le_bytes());
    }
    for numbers in [&parts.sizes, &parts.firsts, &parts.holders] {
        plain.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }
    plain.extend(parts.missing.iter().flat_map(|number| number.to_le_bytes()));
    for (id, holders, has) in &parts.odd {
        plain.extend(id.to_le_bytes());
        plain.extend(holders.to_le_bytes());
        plain.extend(has);
    }
    encode::seal_plain(&plain)
}

fn take_weights(data: &[u8]) -> Result<RankingParts, Damaged> {
    let plain = encode::unseal(data, WEIGHTS_LIMIT_BYTES)?;
    let mut rest = &plain[..];
    let mut take = |bytes: usize| {
        let (taken, left) = rest.split_at_checked(bytes).ok_or(Damaged("weights are too short"))?;
        rest = left;
        Ok::<_, Damaged>(taken)
    };
    let mut number = || {
        let taken = <[u8; 8]>::try_from(take(8)?).unwrap_or_default();
        Ok::<_, Damaged>(u64::from_le_bytes(taken))
    };
    let (rules, sets, nodes, odd) = (number()?, number()?, number()?, number()?);
    if rules != RULES {
        return Err(Damaged("of other rules"));
    }
    let bytes = |count: u64, each: u64| {
        let bytes = count.checked_mul(each).and_then(|bytes| usize::try_from(bytes).ok());
        bytes.ok_or(Damaged("too many weights"))
    };
    let small = |taken: &[u8]| -> Vec<u32> {
        let number =
            |bytes: &[u8]| u32::from_le_bytes(<[u8; 4]>::try_from(bytes).unwrap_or_default());
        taken.chunks_exact(4).map(number).collect()
    };
    let sizes = small(take(bytes(sets, 4)?)?);
    let firsts = small(take(bytes(sets, 4)?)?);
    let holders = small(take(bytes(nodes, 4)?)?);
    let large = |bytes: &[u8]| u64::from_le_bytes(<[u8; 8]>::try_from(bytes).unwrap_or_default());
    let missing = take(bytes(sets, 8)?)?.chunks_exact(8).map(large).collect();
    let mut odd_paths = Vec::new();
    for _ in 0..odd {
        let [id, holders] = [take(4)?, take(4)?].map(|taken| small(taken)[0]);
        odd_paths.push((id, holders, take(bytes(sets, 1)?)?.to_vec()));
    }
    Ok(RankingParts { sizes, firsts, missing, holders, odd: odd_paths })
}

fn put_ranking(ranking: &KeptRanking, numbers: &Numbers) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let number = |image: &i64| numbers.numbers.get(image).map(|number| u64::from(*number));
    for value in [RULES, ranking.images, number(&ranking.first)?] {
        encode::put_number(&mut plain, value);
    }
    for (image, candidate) in &ranking.candidates {
        let Overlap { common, left_only, right_only } = candidate.overlap;
        for value in [number(image)?, common, left_only, right_only] {
            encode::put_number(&mut plain, value);
        }
        for weight in [candidate.shared, candidate.missing, candidate.added] {
            plain.extend(weight.to_le_bytes());
        }
    }
    Some(encode::seal_plain(&plain))
}

fn take_ranking(data: &[u8]) -> Result<Numbered, Damaged> {
    let plain = encode::unseal(data, LIMIT_BYTES)?;
    let mut decoder = Decoder::new(&plain);
    of_these_rules(&mut decoder)?;
    let (images, first) = (decoder.number()?, decoder.small()?);
    let mut candidates = Vec::new();
    while !decoder.is_done() {
        let number = decoder.small()?;
        let [common, left_only, right_only] =
            [decoder.number()?, decoder.number()?, decoder.number()?];
        let [shared, missing, added] =
            [weight(&mut decoder)?, weight(&mut decoder)?, weight(&mut decoder)?];
        let overlap = Overlap { common, left_only, right_only };
        candidates.push((number, Candidate { image: 0, overlap, shared, missing, added }));
    }
    Ok(Numbered { images, first, candidates })
}

fn of_these_rules(decoder: &mut Decoder<'_>) -> Result<(), Damaged> {
    let is_known = decoder.number()? == RULES;
    is_known.then_some(()).ok_or(Damaged("of other rules"))
}

fn weight(decoder: &mut Decoder<'_>) -> Result<f64, Damaged> {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(decoder.take(8)?);
    let weight = f64::from_le_bytes(bytes);
    weight.is_finite().then_some(weight).ok_or(Damaged("a weight is no number"))
}

fn put_look(look: &Look) -> Vec<u8> {
    let mut plain = Vec::new();
    encode::put_number(&mut plain, RULES);
    for value in look.to_numbers() {
        encode::put_number(&mut plain, value);
    }
    encode::seal_plain(&plain)
}

fn take_look(data: &[u8]) -> Result<Look, Damaged> {
    let plain = encode::unseal(data, LIMIT_BYTES)?;
    let mut decoder = Decoder::new(&plain);
    of_these_rules(&mut decoder)?;
    let mut numbers = [0; Look::NUMBERS];
    for number in &mut numbers {
        *number = decoder.number()?;
    }
    if decoder.is_done() {
        Ok(Look::from_numbers(numbers))
    } else {
        Err(Damaged("a look is too long"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = take_look(&bytes);
            let _ = take_look(&encode::seal_plain(&bytes));
            drop(take_weights(&encode::seal_plain(&bytes)));
            drop(take_ranking(&encode::seal_plain(&[&[1], &bytes[..]].concat())));
        }

        #[test]
        fn looks_come_back(numbers in proptest::array::uniform17(any::<u64>())) {
            let mut numbers = numbers;
            // Whether both are of other releases.
            numbers[Look::NUMBERS - 1] %= 2;
            let look = Look::from_numbers(numbers);
            prop_assert_eq!(take_look(&put_look(&look)).unwrap(), look);
            prop_assert_eq!(look.to_numbers(), numbers);
        }
    }
}
