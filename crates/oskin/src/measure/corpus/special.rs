//! The words that make an image special.

use super::bag::{Frequencies, damped};
use crate::measure::family::index;
use std::collections::BTreeMap;

/// A word that sets an image apart from others, with those that say the same.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecialWord {
    /// The number of the word.
    pub word: u32,
    /// Words of which at least half of the documents are documents of this one, and of no word that was
    /// told before; those that weigh most first.
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

/// A word with the documents in which it occurs.
struct Candidate {
    word: u32,
    documents: Vec<u32>,
    weight: f64,
}

/// The words of documents that set these apart from the images that were counted, `most` at the most:
/// those that weigh most first, of equals the one that came first in the vocabulary: a directory before what is in it,
/// a name before its parts.
///
/// The documents are all paths of an image, or those that another image has not; each is given by its
/// words, ascending. A word that all images have sets nothing apart, so the rarity here has no 1 added,
/// as that of the cosine has: otherwise `usr` would lead every list.
///
/// A word that says the same as one before is told with that, in `also`: of its documents at least half
/// are documents of the other, so that a tree with a name of its own is one line, however many names are in it.
/// O(words of all documents, sorted).
pub fn special_words<'a>(
    documents: impl IntoIterator<Item = &'a [u32]>,
    frequencies: &Frequencies,
    most: usize,
) -> Vec<SpecialWord> {
    let mut places: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut count = 0;
    for words in documents {
        for word in words.iter().filter(|word| frequencies.df(**word) < frequencies.images()) {
            places.entry(*word).or_default().push(count);
        }
        count += 1;
    }
    let candidate = |(word, documents): (u32, Vec<u32>)| {
        let weight = damped(index(documents.len())) * frequencies.rarity(word);
        Candidate { word, documents, weight }
    };
    let mut candidates: Vec<Candidate> = places.into_iter().map(candidate).collect();
    candidates.sort_unstable_by(|a, b| b.weight.total_cmp(&a.weight).then(a.word.cmp(&b.word)));
    let mut told = Told { lines: Vec::new(), at: vec![Vec::new(); count as usize] };
    for candidate in &candidates {
        match told.line_of(&candidate.documents) {
            Some(line) => told.lines[line].also.push(candidate.word),
            None if told.lines.len() < most => {
                told.add(candidate, frequencies.df(candidate.word));
            }
            None => {}
        }
    }
    told.lines
}

/// What was told so far.
struct Told {
    lines: Vec<SpecialWord>,
    // The lines whose word occurs in each document, ascending.
    at: Vec<Vec<u32>>,
}

impl Told {
    fn add(&mut self, candidate: &Candidate, df: u32) {
        let line = index(self.lines.len());
        for document in &candidate.documents {
            self.at[*document as usize].push(line);
        }
        let Candidate { word, ref documents, weight } = *candidate;
        let (also, count, example) = (Vec::new(), index(documents.len()), documents[0]);
        self.lines.push(SpecialWord { word, also, count, df, weight, example });
    }

    /// The first line that has at least half of some documents.
    fn line_of(&self, documents: &[u32]) -> Option<usize> {
        let mut shared: BTreeMap<u32, usize> = BTreeMap::new();
        for line in documents.iter().flat_map(|document| &self.at[*document as usize]) {
            *shared.entry(*line).or_default() += 1;
        }
        let has_half = |(_, count): &(u32, usize)| 2 * count >= documents.len();
        shared.into_iter().find(has_half).map(|(line, _)| line as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::corpus::{Bag, Vocabulary, Words};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

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
        let own: &[&str] = &["usr", "usr/bin/sh", "srv/app-1.2/x", "srv/app-1.2/y", "usr/bin/z"];
        let tree = "srv(app-1.2,app,1.2,x,y) 2/1 2";
        assert_eq!(told(&[base, own], 9), [tree, "z() 1/1 4"]);
        assert_eq!(told(&[base, own], 1), [tree]);
        // The rarest names a line.
        let other: &[&str] = &["srv/other", "usr"];
        let rarest = "app-1.2(app,1.2,x,y,srv) 2/1 2";
        assert_eq!(told(&[base, other, own], 1), [rarest]);
        assert_eq!(told(&[&["a"], &["a", "7.1"]], 9), ["7.1() 1/1 1"]);
        assert_eq!(told(&[own], 9), Vec::<String>::new());
        assert_eq!(told(&[own, &[]], 9), Vec::<String>::new());
        assert_eq!(told(&[own, own], 9), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn words_are_those_of_naive_code(
            images in proptest::collection::vec(
                proptest::collection::vec("[ab2](/[abc]{1,2}(-[12])?){0,3}", 0..7), 1..5),
            most in 0_usize..6,
        ) {
            let mut vocabulary = Vocabulary::new(Words::NamesAndParts);
            let mut frequencies = Frequencies::default();
            let mut last: Vec<Vec<u32>> = Vec::new();
            for image in &images {
                last = image.iter().map(|path| vocabulary.words_of(path.as_bytes())).collect();
                frequencies.add(&Bag::of_documents(last.iter().map(|words| &words[..])));
            }
            let documents = last.iter().map(|words| &words[..]);
            let found = special_words(documents, &frequencies, most);
            prop_assert_eq!(found, plain(&last, &frequencies, most));
        }
    }

    /// The same with sets, one rule after the other.
    fn plain(documents: &[Vec<u32>], frequencies: &Frequencies, most: usize) -> Vec<SpecialWord> {
        let places = |word: u32| -> BTreeSet<usize> {
            (0..documents.len()).filter(|at| documents[*at].contains(&word)).collect()
        };
        let n = f64::from(frequencies.images());
        let weight = |word: u32| {
            let rarity = ((1.0 + n) / (1.0 + f64::from(frequencies.df(word)))).ln();
            (1.0 + (places(word).len() as f64).ln()) * rarity
        };
        let all: BTreeSet<u32> = documents.iter().flatten().copied().collect();
        let mut ranked: Vec<u32> =
            all.into_iter().filter(|word| frequencies.df(*word) < frequencies.images()).collect();
        ranked.sort_by(|a, b| weight(*b).total_cmp(&weight(*a)).then(a.cmp(b)));
        let mut lines: Vec<SpecialWord> = Vec::new();
        for word in ranked {
            let own = places(word);
            let same = |line: &&mut SpecialWord| {
                2 * places(line.word).intersection(&own).count() >= own.len()
            };
            if let Some(line) = lines.iter_mut().find(same) {
                line.also.push(word);
            } else if lines.len() < most {
                lines.push(SpecialWord {
                    word,
                    also: Vec::new(),
                    count: index(own.len()),
                    df: frequencies.df(word),
                    weight: weight(word),
                    example: own.first().map_or(0, |at| index(*at)),
                });
            }
        }
        lines
    }
}
