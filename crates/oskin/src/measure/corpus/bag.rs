//! What words an image has, how often, and in how many images they occur.

use super::words::Vocabulary;
use crate::measure::family::index;
use crate::path_set::PathSet;
use crate::view::Item;

/// The words of interned paths, by the ids of these: computed once for all images that have a path.
///
/// Memory: 4 bytes a word of a path (some 15 words a path), 8 bytes an id.
#[derive(Clone, Debug, Default)]
pub struct PathWords {
    words: Vec<u32>,
    // Where the words of each id end.
    ends: Vec<usize>,
}

impl PathWords {
    /// Notes the words of a path, as [`Vocabulary::words_of`] gives them. Ids must ascend; those between
    /// have no words. An id that does not ascend is ignored.
    pub fn push(&mut self, path: u32, words: &[u32]) {
        let path = path as usize;
        if path < self.ends.len() {
            return;
        }
        self.ends.resize(path, self.words.len());
        self.words.extend_from_slice(words);
        self.ends.push(self.words.len());
    }

    /// The words of a path, ascending; none if it is not known.
    pub fn of(&self, path: u32) -> &[u32] {
        let path = path as usize;
        let Some(end) = self.ends.get(path) else { return &[] };
        let start = path.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.words[start..*end]
    }
}

/// The words of one image: in how many of its paths each occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bag {
    // Words ascending, counts at least 1.
    counts: Vec<(u32, u32)>,
}

impl Bag {
    /// The bag of documents that are given by their words, each word once a document.
    /// O(words of all documents + distinct ones, sorted), with memory for the largest number.
    pub fn of_documents<'a>(documents: impl IntoIterator<Item = &'a [u32]>) -> Self {
        let mut counts: Vec<u32> = Vec::new();
        let mut seen: Vec<u32> = Vec::new();
        for words in documents {
            // They ascend.
            if let Some(last) = words.last().filter(|last| **last as usize >= counts.len()) {
                let room = (*last as usize + 1).next_power_of_two();
                counts.resize(room, 0);
            }
            for word in words {
                let count = &mut counts[*word as usize];
                if *count == 0 {
                    seen.push(*word);
                }
                *count += 1;
            }
        }
        seen.sort_unstable();
        Self { counts: seen.into_iter().map(|word| (word, counts[word as usize])).collect() }
    }

    /// The bag of an image by the ids of its paths.
    pub fn of_set(set: &PathSet, words: &PathWords) -> Self {
        Self::of_documents(set.ids().map(|path| words.of(path)))
    }

    /// The bag of an image by its items.
    pub fn of_items(items: &[Item<'_>], vocabulary: &mut Vocabulary) -> Self {
        let documents: Vec<Vec<u32>> =
            items.iter().map(|item| vocabulary.words_of(item.path)).collect();
        Self::of_documents(documents.iter().map(|words| &words[..]))
    }

    /// The words with the number of paths in which each occurs, ascending by word.
    pub fn counts(&self) -> &[(u32, u32)] {
        &self.counts
    }
}

/// In how many of some images each word occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frequencies {
    images: u32,
    df: Vec<u32>,
}

impl Frequencies {
    /// Counts one more image.
    pub fn add(&mut self, bag: &Bag) {
        self.images += 1;
        if let Some((last, _)) = bag.counts.last() {
            self.df.resize(self.df.len().max(*last as usize + 1), 0);
        }
        for (word, _) in &bag.counts {
            self.df[*word as usize] += 1;
        }
    }

    /// The number of images, those without words too.
    pub fn images(&self) -> u32 {
        self.images
    }

    /// How many numbers of words there are.
    pub fn words(&self) -> u32 {
        index(self.df.len())
    }

    /// In how many images a word occurs.
    pub fn df(&self, word: u32) -> u32 {
        self.df.get(word as usize).copied().unwrap_or_default()
    }

    /// `ln((1 + n) / (1 + df))`: 0 for a word of all images, more the rarer it is.
    pub fn rarity(&self, word: u32) -> f64 {
        ((1.0 + f64::from(self.images)) / (1.0 + f64::from(self.df(word)))).ln()
    }

    /// The smooth inverse document frequency, [`rarity`](Self::rarity) and 1.
    pub fn idf(&self, word: u32) -> f64 {
        self.rarity(word) + 1.0
    }
}

/// What a count of paths weighs: `1 + ln count`, and 0 for 0.
pub(super) fn damped(count: u32) -> f64 {
    if count == 0 { 0.0 } else { 1.0 + f64::from(count).ln() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path_set::PathId;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn bags_and_frequencies_are_those_of_naive_code(
            images in proptest::collection::vec(
                proptest::collection::btree_set("[ab](/[abc]{1,2}(-[12])?){0,3}", 0..20), 0..6),
        ) {
            let all: BTreeSet<&String> = images.iter().flatten().collect();
            let (mut vocabulary, mut words) = (Vocabulary::default(), PathWords::default());
            // With gaps between the ids.
            for (id, path) in (0..).zip(&all) {
                words.push(2 * id + 1, &vocabulary.words_of(path.as_bytes()));
            }
            let mut frequencies = Frequencies::default();
            let mut df: BTreeMap<u32, u32> = BTreeMap::new();
            for image in &images {
                let ids = (0_u32..).zip(&all).filter(|(_, path)| image.contains(**path));
                let set = PathSet::from_ascending(ids.map(|(id, _)| PathId(2 * id + 1)));
                let mut expected: BTreeMap<u32, u32> = BTreeMap::new();
                for path in image {
                    for word in vocabulary.words_of(path.as_bytes()) {
                        *expected.entry(word).or_default() += 1;
                    }
                }
                for word in expected.keys() {
                    *df.entry(*word).or_default() += 1;
                }
                let bag = Bag::of_set(&set, &words);
                prop_assert_eq!(bag.counts(), &expected.into_iter().collect::<Vec<_>>()[..]);
                frequencies.add(&bag);
            }
            prop_assert_eq!(frequencies.images() as usize, images.len());
            for word in 0..index(vocabulary.len()) {
                prop_assert_eq!(frequencies.df(word), df.get(&word).copied().unwrap_or_default());
            }
        }
    }

    #[test]
    fn items_and_ids_give_the_same_bag() {
        let paths: [&[u8]; 3] = [b"usr", b"usr/bin", b"usr/bin/gcc-12"];
        let items = paths.map(|path| Item { path, is_directory: false, content: b"" });
        let (mut vocabulary, mut words) = (Vocabulary::default(), PathWords::default());
        let bag = Bag::of_items(&items, &mut vocabulary);
        for (id, path) in (0..).zip(paths) {
            words.push(id, &vocabulary.words_of(path));
        }
        let set = PathSet::from_ascending((0..3).map(PathId));
        assert_eq!(Bag::of_set(&set, &words), bag);
        // usr, bin, gcc, 12; gcc-12 has the number 2 and is no word.
        assert_eq!(bag.counts(), [(0, 3), (1, 2), (3, 1), (4, 1)]);
        assert_eq!(words.of(7), [0_u32; 0]);
    }

    #[test]
    fn what_all_images_have_is_not_rare() {
        let mut frequencies = Frequencies::default();
        let bag = |words: &[u32]| Bag::of_documents([words]);
        frequencies.add(&bag(&[0, 1]));
        assert!(frequencies.rarity(0).abs() < 1e-15);
        frequencies.add(&bag(&[1]));
        frequencies.add(&Bag::default());
        assert!((frequencies.rarity(0) - 2.0_f64.ln()).abs() < 1e-15);
        assert!((frequencies.idf(1) - 1.0 - (4.0_f64 / 3.0).ln()).abs() < 1e-15);
        assert!((frequencies.idf(9) - 1.0 - 4.0_f64.ln()).abs() < 1e-15);
    }
}
