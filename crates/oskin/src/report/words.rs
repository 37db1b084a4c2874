//! The document about the words that make an image special.

use crate::measure::corpus::{SpecialWord, Vocabulary};
use crate::path::escape;
use serde::Serialize;

/// How many words are told beside one that says the same.
const ALSO: usize = 10;

/// `oskin.words/1`: the words that make an image special within the catalog.
#[derive(Clone, Debug, Serialize)]
pub struct WordsReport {
    schema: &'static str,
    /// The image.
    pub name: String,
    /// The image whose paths are left out, if one was named.
    pub against: Option<String>,
    /// Among how many images words are rare, this one included.
    pub images: u64,
    /// How many paths its words were looked for in: its own, or those that `against` has not.
    pub paths: u64,
    /// The words, those that weigh most first.
    pub words: Vec<WordReport>,
}

/// A word of an image.
#[derive(Clone, Debug, Serialize)]
pub struct WordReport {
    /// The word, escaped.
    pub word: String,
    /// In how many of the paths it occurs.
    pub count: u64,
    /// In how many of the images it occurs.
    pub in_images: u64,
    /// `(1 + ln count) * ln((1 + images) / (1 + in_images))`.
    pub weight: f64,
    /// The first path with it in the order of the catalog, escaped.
    pub example: String,
    /// Words that are told with it, at most ten, escaped.
    pub also: Vec<String>,
    /// How many these are in all.
    pub also_count: u64,
}

impl WordsReport {
    /// Puts together what was found; `path` gives the path of a document.
    pub fn new<'a>(
        (name, against): (&str, Option<&str>),
        (images, paths): (u64, u64),
        (found, vocabulary): (&[SpecialWord], &Vocabulary),
        path: impl Fn(u32) -> &'a [u8],
    ) -> Self {
        let text = |word: u32| escape(vocabulary.word(word));
        let word = |found: &SpecialWord| WordReport {
            word: text(found.word),
            count: found.count.into(),
            in_images: found.df.into(),
            weight: found.weight,
            example: escape(path(found.example)),
            also: found.also.iter().take(ALSO).map(|word| text(*word)).collect(),
            also_count: found.also.len() as u64,
        };
        Self {
            schema: "oskin.words/1",
            name: name.to_owned(),
            against: against.map(str::to_owned),
            images,
            paths,
            words: found.iter().map(word).collect(),
        }
    }
}
