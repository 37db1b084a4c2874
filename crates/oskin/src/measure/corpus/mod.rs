//! Images as texts: each path a document, its names and their parts the words.
//!
//! A [`Vocabulary`] gives words their numbers and tells the words of a path; a [`Bag`] counts in how many
//! paths of an image each word occurs. [`Frequencies`] knows in how many images a word occurs, a
//! [`Corpus`] compares all images by the cosine of what their words weigh (the vector space of Salton,
//! Wong and Yang 1975), and [`special_words`] tells what sets one image apart.
//!
//! A word weighs `(1 + ln count) * idf` in an image. The directory of a path is repeated by all that lies below it, so
//! that a name at the top of a tree is counted as often as the tree has paths; the logarithm tames that
//! (Salton and Buckley 1988). The inverse document frequency (Spärck Jones 1972) is the smooth one,
//! `ln((1 + n) / (1 + df)) + 1` of `n` images, as if one more image had every word: so a catalog of one or
//! two images has no weights of 0 (scikit-learn defines it so too).

mod bag;
mod cosine;
mod special;
mod words;

pub use bag::{Bag, Frequencies, PathWords};
pub use cosine::Corpus;
pub use special::{SpecialWord, special_words};
pub use words::{Vocabulary, Words};
