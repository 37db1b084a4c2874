//! Exact overlaps of all pairs of images.

use crate::path_set::Overlap;

/// The overlaps of all pairs of `n` path sets, as exact counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverlapMatrix {
    /// The size of each set.
    pub sizes: Vec<u32>,
    /// What sets `i < j` share, in the order (0,1), (0,2), … (0,n-1), (1,2), …: `n(n-1)/2` counts.
    pub common: Vec<u32>,
}

impl OverlapMatrix {
    /// The number of sets.
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether there is no set at all.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// The overlap of sets `i` (left) and `j` (right).
    ///
    /// # Panics
    ///
    /// If `i` or `j` is not below [`len`](Self::len).
    pub fn overlap(&self, i: usize, j: usize) -> Overlap {
        let (left, right) = (u64::from(self.sizes[i]), u64::from(self.sizes[j]));
        let common = match i.cmp(&j) {
            std::cmp::Ordering::Equal => left,
            std::cmp::Ordering::Less => u64::from(self.common[self.position(i, j)]),
            std::cmp::Ordering::Greater => u64::from(self.common[self.position(j, i)]),
        };
        Overlap { common, left_only: left - common, right_only: right - common }
    }

    /// Where the pair `i < j` lies in `common`.
    fn position(&self, i: usize, j: usize) -> usize {
        i * (2 * self.len() - i - 1) / 2 + (j - i - 1)
    }

    /// Adds two matrices over the same images whose sets share no path, such as files and
    /// directories of one inventory: the result is the matrix of the unions.
    ///
    /// Counts saturate at [`u32::MAX`], which no set of 32-bit ids exceeds.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let add = |a: &[u32], b: &[u32]| {
            a.iter().zip(b).map(|(x, y)| x.saturating_add(*y)).collect::<Vec<u32>>()
        };
        Self { sizes: add(&self.sizes, &other.sizes), common: add(&self.common, &other.common) }
    }
}
