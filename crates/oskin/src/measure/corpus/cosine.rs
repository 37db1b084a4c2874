//! All pairs of a corpus, row by row.

use super::bag::{Bag, Frequencies, damped};
use rayon::prelude::*;
use std::ops::ControlFlow;

/// How many rows are made at once: a line of the panel is then two lines of a cache.
const BLOCK_ROWS: usize = 16;

/// What the words of some images weigh, ready to be compared.
///
/// Memory: 12 bytes for each word of each image, and while rows are made 128 bytes a word that two
/// images have, and `16 n` values.
#[derive(Clone, Debug)]
pub struct Corpus {
    frequencies: Frequencies,
    images: Vec<Vector>,
}

/// One image: what its words weigh, by ascending number.
#[derive(Clone, Debug, Default)]
struct Vector {
    words: Vec<u32>,
    weights: Vec<f64>,
    // The sum of the squares of the weights, added in the order of the words.
    square: f64,
}

impl Corpus {
    /// Weighs the words of images by how many of these have them. O(words of all images).
    pub fn of_bags(bags: &[Bag]) -> Self {
        let mut frequencies = Frequencies::default();
        for bag in bags {
            frequencies.add(bag);
        }
        let idf: Vec<f64> = (0..frequencies.words()).map(|word| frequencies.idf(word)).collect();
        let images = bags.par_iter().map(|bag| Vector::of(bag, &idf)).collect();
        Self { frequencies, images }
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// In how many images each word occurs.
    pub fn frequencies(&self) -> &Frequencies {
        &self.frequencies
    }

    /// The cosine of two images, in `0..=1`; see [`for_each_row`](Self::for_each_row). O(words of both).
    ///
    /// # Panics
    ///
    /// If there is no image of one of the numbers.
    pub fn cosine(&self, left: usize, right: usize) -> f64 {
        let (a, b) = (&self.images[left], &self.images[right]);
        let (mut i, mut j, mut dot) = (0, 0, 0.0);
        while let (Some(x), Some(y)) = (a.words.get(i), b.words.get(j)) {
            if x == y {
                dot += a.weights[i] * b.weights[j];
            }
            i += usize::from(x <= y);
            j += usize::from(y <= x);
        }
        a.cosine(b, dot)
    }

    /// Calls for each image, in order, with its cosines with all images (with itself 1), until a call
    /// breaks.
    ///
    /// The cosine is that of the angle between the weights of the words: 0 for images without a word in
    /// common, 1 for equal bags. Two images without words have 1, one and any other 0. Products are added in
    /// the order of the numbers of the words, whatever the threads, so rows are symmetric and the same at each
    /// run, to the last bit.
    ///
    /// Cost: a multiplication for each word of each image and each of the images, 10⁹ a second; all calls
    /// come from this thread, the threads of the global pool of `rayon` share what lies between.
    pub fn for_each_row<B>(
        &self,
        mut call: impl FnMut(usize, &[f64]) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let count = self.len();
        let places = self.places();
        let words = places.iter().filter(|place| place.is_some()).count();
        let mut panel = vec![[0.0; BLOCK_ROWS]; words];
        let mut row = vec![0.0; count];
        for first in (0..count).step_by(BLOCK_ROWS) {
            let block = first..count.min(first + BLOCK_ROWS);
            self.fill(&mut panel, &places, block.clone(), |weight| weight);
            let dots: Vec<[f64; BLOCK_ROWS]> =
                self.images.par_iter().map(|it| it.dots(&panel, &places)).collect();
            self.fill(&mut panel, &places, block.clone(), |_| 0.0);
            for (at, image) in block.enumerate() {
                for ((cell, other), dots) in row.iter_mut().zip(&self.images).zip(&dots) {
                    *cell = self.images[image].cosine(other, dots[at]);
                }
                row[image] = 1.0;
                call(image, &row)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// The line of each word in the panel; words of a single image need none.
    fn places(&self) -> Vec<Option<u32>> {
        let mut next = 0..;
        let mut place = |word: u32| (self.frequencies.df(word) > 1).then(|| next.next()).flatten();
        (0..self.frequencies.words()).map(&mut place).collect()
    }

    fn fill(
        &self,
        panel: &mut [[f64; BLOCK_ROWS]],
        places: &[Option<u32>],
        block: std::ops::Range<usize>,
        value: impl Fn(f64) -> f64,
    ) {
        for (at, image) in self.images[block].iter().enumerate() {
            for (word, weight) in image.words.iter().zip(&image.weights) {
                if let Some(place) = places[*word as usize] {
                    panel[place as usize][at] = value(*weight);
                }
            }
        }
    }
}

impl Vector {
    fn of(bag: &Bag, idf: &[f64]) -> Self {
        let weigh = |(word, count): &(u32, u32)| (*word, damped(*count) * idf[*word as usize]);
        let (words, weights): (Vec<u32>, Vec<f64>) = bag.counts().iter().map(weigh).unzip();
        let square = weights.iter().fold(0.0, |sum, weight| sum + weight * weight);
        Self { words, weights, square }
    }

    /// The products with all images of a block. A word that one of them has not adds 0, which changes no
    /// sum.
    fn dots(&self, panel: &[[f64; BLOCK_ROWS]], places: &[Option<u32>]) -> [f64; BLOCK_ROWS] {
        let mut sums = [0.0; BLOCK_ROWS];
        for (word, weight) in self.words.iter().zip(&self.weights) {
            if let Some(place) = places[*word as usize] {
                for (sum, other) in sums.iter_mut().zip(&panel[place as usize]) {
                    *sum += weight * other;
                }
            }
        }
        sums
    }

    /// The cosine by the product of both. The root of the square of a number is that number, in floating
    /// point too, so that equal bags have 1 exactly.
    fn cosine(&self, other: &Self, dot: f64) -> f64 {
        match (self.words.is_empty(), other.words.is_empty()) {
            (true, true) => 1.0,
            (true, false) | (false, true) => 0.0,
            // Rounding may lead over 1.
            (false, false) => (dot / (self.square * other.square).sqrt()).min(1.0),
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the same to the last bit is what is promised")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// Bags of few words, so that some are equal and some are empty.
    fn bags() -> impl Strategy<Value = Vec<Bag>> {
        let document = proptest::collection::btree_set(0_u32..12, 0..5);
        let image = proptest::collection::vec(document, 0..4);
        proptest::collection::vec(image, 0..40)
            .prop_map(|images| images.iter().map(|it| bag(it)).collect())
    }

    fn bag(documents: &[BTreeSet<u32>]) -> Bag {
        let documents: Vec<Vec<u32>> =
            documents.iter().map(|words| words.iter().copied().collect()).collect();
        Bag::of_documents(documents.iter().map(|words| &words[..]))
    }

    fn rows(corpus: &Corpus) -> Vec<Vec<f64>> {
        let mut rows = Vec::new();
        let flow = corpus.for_each_row::<()>(|image, row| {
            assert_eq!(image, rows.len());
            rows.push(row.to_vec());
            ControlFlow::Continue(())
        });
        assert!(flow.is_continue());
        rows
    }

    /// The cosine as the textbook has it.
    fn plain_cosine(bags: &[Bag], left: usize, right: usize) -> f64 {
        let n = bags.len() as f64;
        let vector = |bag: &Bag| -> BTreeMap<u32, f64> {
            let weigh = |(word, count): &(u32, u32)| {
                let has = |it: &&Bag| it.counts().iter().any(|(other, _)| other == word);
                let df = bags.iter().filter(has).count() as f64;
                (*word, (1.0 + f64::from(*count).ln()) * (((1.0 + n) / (1.0 + df)).ln() + 1.0))
            };
            bag.counts().iter().map(weigh).collect()
        };
        let (a, b) = (vector(&bags[left]), vector(&bags[right]));
        let norm = |it: &BTreeMap<u32, f64>| it.values().map(|x| x * x).sum::<f64>().sqrt();
        match (a.is_empty(), b.is_empty()) {
            (true, true) => 1.0,
            (false, false) => {
                let dot: f64 = a.iter().filter_map(|(word, x)| Some(x * b.get(word)?)).sum();
                dot / norm(&a) / norm(&b)
            }
            _ => 0.0,
        }
    }

    proptest! {
        #[test]
        fn rows_agree_with_the_textbook(bags in bags()) {
            let corpus = Corpus::of_bags(&bags);
            let rows = rows(&corpus);
            prop_assert_eq!(rows.len(), bags.len());
            for (left, row) in rows.iter().enumerate() {
                prop_assert_eq!(row.len(), bags.len());
                for (right, value) in row.iter().enumerate() {
                    prop_assert!((value - plain_cosine(&bags, left, right)).abs() < 1e-12);
                    prop_assert!((0.0..=1.0).contains(value));
                    prop_assert_eq!(*value, rows[right][left]);
                    prop_assert_eq!(*value, corpus.cosine(left, right));
                    if bags[left] == bags[right] {
                        prop_assert_eq!(*value, 1.0);
                    }
                    let has = |word| bags[right].counts().iter().any(|(other, _)| *other == word);
                    let in_common = bags[left].counts().iter().any(|(word, _)| has(*word));
                    let are_empty = bags[left] == Bag::default() && bags[right] == Bag::default();
                    prop_assert_eq!(*value > 0.0, in_common || are_empty);
                }
            }
        }

        #[test]
        fn threads_change_nothing(bags in bags()) {
            let corpus = Corpus::of_bags(&bags);
            let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let [one, three] = [1, 3].map(|threads| pool(threads).map(|it| it.install(|| rows(&corpus))));
            prop_assert_eq!(one.ok(), three.ok());
        }
    }

    #[test]
    fn rows_end_where_a_call_breaks() {
        let bags: Vec<Bag> = (0..40).map(|word| Bag::of_documents([&[word][..]])).collect();
        let mut seen = 0;
        let flow = Corpus::of_bags(&bags).for_each_row(|image, _| {
            seen += 1;
            if image == 20 { ControlFlow::Break("enough") } else { ControlFlow::Continue(()) }
        });
        assert_eq!((flow, seen), (ControlFlow::Break("enough"), 21));
        assert!(Corpus::of_bags(&[]).is_empty());
    }
}
