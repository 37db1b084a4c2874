//! The words that make an image special.

use super::bag::{Frequencies, damped};
use crate::measure::family::index;
use std::collections::BTreeMap;

/// A word that sets an image apart from others, with those that say the same.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecialWord {
    /// The number of the word.
    pub word: u32,
    /// Words that occur in the very same documents, those that weigh most first.
    pub also: Vec<u32>,
    /// In how many of the documents it occurs.
    pub count: u32,
    /// In how many images it occurs.
    pub df: u32,
    /// `(1 + ln count) * ln((1 + n) / (1 + df))`, above 0.
    pub weight: f64,
    /// The first document in which it occurs, by its place among those given.
    pub example: u32,
}

/// The words of documents that set these apart from the images that were counted, `most` at the most:
/// those that weigh most first, of equals the one with the lower number.
///
/// The documents are all paths of an image, or those that another image has not; each is given by its
/// words, ascending. A word that all images have sets nothing apart, so the rarity here has no 1 added,
/// as the cosine's has: otherwise `usr` would lead every list. Words that occur in the very same documents are told
/// as one, named by the one that weighs most (the rarest), of equals the one that came first: a directory
/// before what is in it, a name before its parts. O(words of all documents * log).
pub fn special_words<'a>(
    documents: impl IntoIterator<Item = &'a [u32]>,
    frequencies: &Frequencies,
    most: usize,
) -> Vec<SpecialWord> {
    let mut places: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (document, words) in (0..).zip(documents) {
        for word in words.iter().filter(|word| frequencies.df(**word) < frequencies.images()) {
            places.entry(*word).or_default().push(document);
        }
    }
    let mut alike: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
    for (word, documents) in places {
        alike.entry(documents).or_default().push(word);
    }
    let mut found: Vec<SpecialWord> =
        alike.iter().map(|(documents, words)| one(documents, words, frequencies)).collect();
    found.sort_unstable_by(|a, b| b.weight.total_cmp(&a.weight).then(a.word.cmp(&b.word)));
    found.truncate(most);
    found
}

/// Words of the same documents as one.
fn one(documents: &[u32], words: &[u32], frequencies: &Frequencies) -> SpecialWord {
    let mut words = words.to_vec();
    words.sort_by_key(|word| (frequencies.df(*word), *word));
    let word = words.remove(0);
    let count = index(documents.len());
    SpecialWord {
        word,
        also: words,
        count,
        df: frequencies.df(word),
        weight: damped(count) * frequencies.rarity(word),
        example: documents[0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::corpus::{Bag, Vocabulary, Words};
    use proptest::prelude::*;

    /// The special words of the last image, as `name(also) count/df example`.
    fn told(images: &[&[&str]], most: usize) -> Vec<String> {
        let mut vocabulary = Vocabulary::new(Words::NamesAndParts);
        let mut frequencies = Frequencies::default();
        let mut last: Vec<Vec<u32>> = Vec::new();
        for image in images {
            last = image.iter().map(|path| vocabulary.words_of(path.as_bytes())).collect();
            frequencies.add(&Bag::of_documents(last.iter().map(|words| &words[..])));
        }
        let text = |word: u32| String::from_utf8_lossy(vocabulary.word(word)).into_owned();
        let words = special_words(last.iter().map(|words| &words[..]), &frequencies, most);
        let tell = |it: &SpecialWord| {
            let also: Vec<String> = it.also.iter().map(|word| text(*word)).collect();
            format!("{}({}) {}/{} {}", text(it.word), also.join(","), it.count, it.df, it.example)
        };
        words.iter().map(tell).collect()
    }

    #[test]
    fn what_others_have_is_not_special_and_what_says_the_same_is_one() {
        let base: &[&str] = &["usr", "usr/bin", "usr/bin/sh"];
        let own: &[&str] = &["usr", "usr/bin", "usr/bin/sh", "opt/app-1.2/x", "opt/app-1.2/y"];
        assert_eq!(told(&[base, own], 9), ["opt(app-1.2,app,1.2) 2/1 3", "x() 1/1 3", "y() 1/1 4"]);
        assert_eq!(told(&[base, own], 1).len(), 1);
        // Of words in the same documents the rarest names them.
        let other: &[&str] = &["opt/other", "usr"];
        assert_eq!(told(&[base, other, own], 1), ["app-1.2(app,1.2,opt) 2/1 3"]);
        assert_eq!(told(&[own], 9), Vec::<String>::new());
        assert_eq!(told(&[own, &[]], 9), Vec::<String>::new());
        assert_eq!(told(&[own, own], 9), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn every_rare_word_is_told_once_with_its_documents(
            images in proptest::collection::vec(
                proptest::collection::vec(proptest::collection::btree_set(0_u32..9, 0..4), 0..5), 1..5),
        ) {
            let images: Vec<Vec<Vec<u32>>> = images
                .into_iter()
                .map(|image| image.into_iter().map(|it| it.into_iter().collect()).collect())
                .collect();
            let mut frequencies = Frequencies::default();
            for image in &images {
                frequencies.add(&Bag::of_documents(image.iter().map(|it| &it[..])));
            }
            let last = &images[images.len() - 1];
            let found = special_words(last.iter().map(|it| &it[..]), &frequencies, usize::MAX);
            prop_assert!(found.is_sorted_by(|a, b| a.weight >= b.weight));
            let mut told: Vec<u32> = Vec::new();
            for it in &found {
                let places = |word: u32| -> Vec<usize> {
                    (0..last.len()).filter(|at| last[*at].contains(&word)).collect()
                };
                let own = places(it.word);
                prop_assert_eq!(own.len(), it.count as usize);
                prop_assert_eq!(own[0], it.example as usize);
                let weight = (1.0 + f64::from(it.count).ln()) * frequencies.rarity(it.word);
                prop_assert!((weight - it.weight).abs() < 1e-12 && weight > 0.0);
                for also in &it.also {
                    prop_assert_eq!(&places(*also), &own);
                    prop_assert!(frequencies.df(*also) >= it.df);
                }
                told.push(it.word);
                told.extend(&it.also);
            }
            told.sort_unstable();
            let mut rare: Vec<u32> = last.iter().flatten().copied().collect();
            rare.sort_unstable();
            rare.dedup();
            rare.retain(|word| frequencies.df(*word) < frequencies.images());
            prop_assert_eq!(told, rare);
        }
    }
}
