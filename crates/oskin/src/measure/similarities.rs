//! All pairs of images by any method, as a stream of rows.

use super::all_pairs::{AllPairs, PairRow};
use super::corpus::Corpus;
use super::matrix::OverlapMatrix;
use super::near::{Near, nearest};
use super::set::Measure;
use crate::path_set::Overlap;
use std::ops::ControlFlow;

/// All pairs of images by some method, ready to be streamed row by row.
#[derive(Debug)]
pub enum Similarities {
    /// By counts of what two share.
    Counted(AllPairs),
    /// By sums of weights of that.
    Weighted(AllPairs<u64>),
    /// By the cosines of their words, without counts.
    Told(Corpus),
}

/// How alike one image is to every image.
#[derive(Clone, Copy, Debug)]
pub enum AnyRow<'a> {
    /// By counts.
    Counted(PairRow<'a>),
    /// By sums of weights.
    Weighted(PairRow<'a, u64>),
    /// By nothing but the similarities.
    Told {
        /// The number of the image.
        image: usize,
        /// How alike it is to each.
        values: &'a [f64],
    },
}

impl Similarities {
    /// The number of images.
    pub fn len(&self) -> usize {
        match self {
            Self::Counted(pairs) => pairs.len(),
            Self::Weighted(pairs) => pairs.len(),
            Self::Told(corpus) => corpus.len(),
        }
    }

    /// Whether there is no image at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All pairs, held; `None` if there are no sums, or one does not fit into 32 bits.
    pub fn to_matrix(&self) -> Option<OverlapMatrix> {
        if matches!(self, Self::Told(_)) {
            return None;
        }
        let count = self.len();
        let mut matrix = OverlapMatrix::default();
        matrix.common.reserve(count * count.saturating_sub(1) / 2);
        let flow = self.for_each_row(|row| {
            let image = row.image();
            let sums = (image..count).map(|other| u32::try_from(row.overlap(other).common));
            for (other, sum) in (image..).zip(sums) {
                let Ok(sum) = sum else { return ControlFlow::Break(()) };
                if other == image { &mut matrix.sizes } else { &mut matrix.common }.push(sum);
            }
            ControlFlow::Continue(())
        });
        flow.is_continue().then_some(matrix)
    }

    /// Calls for each image, in order, with how alike it is to every image, until a call breaks. See
    /// [`AllPairs::for_each_row`].
    pub fn for_each_row<B>(
        &self,
        mut call: impl FnMut(AnyRow<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self {
            Self::Counted(pairs) => pairs.for_each_row(|row| call(AnyRow::Counted(row))),
            Self::Weighted(pairs) => pairs.for_each_row(|row| call(AnyRow::Weighted(row))),
            Self::Told(corpus) => {
                corpus.for_each_row(|image, values| call(AnyRow::Told { image, values }))
            }
        }
    }
}

impl AnyRow<'_> {
    /// The number of the image: the left of each pair.
    pub const fn image(&self) -> usize {
        match self {
            Self::Counted(row) => row.set,
            Self::Weighted(row) => row.set,
            Self::Told { image, .. } => *image,
        }
    }

    /// The number of images.
    pub const fn len(&self) -> usize {
        match self {
            Self::Counted(row) => row.common.len(),
            Self::Weighted(row) => row.common.len(),
            Self::Told { values, .. } => values.len(),
        }
    }

    /// Whether there is no image, which no row is about.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the image shares with another, as counts or sums of weights; all 0 where none are told.
    ///
    /// # Panics
    ///
    /// If `other` is no number of an image.
    pub fn overlap(&self, other: usize) -> Overlap {
        match self {
            Self::Counted(row) => row.overlap(other),
            Self::Weighted(row) => row.overlap(other),
            Self::Told { .. } => Overlap::default(),
        }
    }

    /// How alike it is to another, in `0..=1`.
    ///
    /// # Panics
    ///
    /// If `other` is no number of an image.
    pub fn value(&self, measure: Measure, other: usize) -> f64 {
        match self {
            Self::Told { values, .. } => values[other],
            _ => measure.of(self.overlap(other)),
        }
    }

    /// See [`PairRow::at_least`].
    pub fn at_least(&self, measure: Measure, min: f64) -> impl Iterator<Item = Near> + '_ {
        let others = (0..self.len()).filter(|other| *other != self.image());
        let pairs = others.map(move |other| {
            let overlap = self.overlap(other);
            Near { other, overlap, value: self.value(measure, other) }
        });
        pairs.filter(move |near| near.value >= min)
    }

    /// See [`PairRow::nearest`].
    pub fn nearest(&self, measure: Measure, min: f64, most: usize) -> Vec<Near> {
        nearest(self.at_least(measure, min), most)
    }
}
