//! Hierarchical clustering of images and the leaf order that puts alike ones side by side.

use super::leaf_order;
use kodama::{Method, linkage};

/// One step of a hierarchical clustering: two clusters become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Merge {
    /// The cluster drawn first. Numbers below `n` are images, number `n + k` is the result of merge `k`.
    pub left: u32,
    /// The cluster drawn second.
    pub right: u32,
    /// The distance at which they merge, `1 - similarity`, in `0..=1`; never falls from merge to merge.
    pub height: f32,
}

/// A binary tree over `n` images with an order of its leaves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dendrogram {
    /// The `n - 1` merges in order of height (none for fewer than two images); `left` and `right`
    /// are oriented as [`order`](Self::order) draws them.
    pub merges: Vec<Merge>,
    /// The images from first to last drawn: a permutation of `0..n`, and one that the tree allows
    /// (the leaves of every cluster lie side by side).
    pub order: Vec<u32>,
}

impl Dendrogram {
    /// Clusters `n` images by average linkage and orders them so that neighbours are alike.
    ///
    /// `distances` are those of all pairs `i < j` in the order (0,1), (0,2), … (1,2), …, as
    /// [`OverlapMatrix::distances`](super::OverlapMatrix::distances) gives them. Values beyond
    /// `0..=1` are cut, NaN counts as 1. The distance of two clusters is the mean over all pairs
    /// between them (Sokal and Michener 1958, UPGMA), found by chains of nearest neighbors
    /// (Müllner 2011) in 64-bit numbers. Where several pairs are equally near, the choice depends
    /// on the numbers of the images only, so the same input gives the same tree.
    ///
    /// The order has the least sum of distances of neighbours among all that the tree allows, up
    /// to 2,000 images; above that it is a good one, and `left` of the root holds its first image.
    /// Of the two directions the one that begins with the smaller number is taken.
    ///
    /// Time O(n³) with a small constant up to 2,000 images, O(n²) above; memory 16 n² bytes up to
    /// there, 4 n² above.
    ///
    /// # Panics
    ///
    /// If `distances` are not `n(n-1)/2`.
    pub fn cluster(distances: &[f32], n: usize) -> Self {
        assert_eq!(distances.len(), n * n.saturating_sub(1) / 2, "distances of {n} images");
        if n < 2 {
            return Self { merges: Vec::new(), order: (0..).take(n).collect() };
        }
        let distances: Vec<f32> = distances
            .iter()
            .map(|distance| if distance.is_nan() { 1.0 } else { distance.clamp(0.0, 1.0) })
            .collect();
        let mut merges = average_linkage(&distances, n);
        let order = leaf_order::arrange(&mut merges, &distances);
        Self { merges, order }
    }
}

/// The merges of `n` images, two or more, by height; the sides of their children are arbitrary.
fn average_linkage(distances: &[f32], n: usize) -> Vec<Merge> {
    let mut means: Vec<f64> = distances.iter().map(|distance| f64::from(*distance)).collect();
    let tree = linkage(&mut means, n, Method::Average);
    // The steps come sorted by height and numbered in that order, so rounding of the means can
    // change the tree among nearly equal ones, but neither its validity nor the order of heights.
    let number = |cluster: usize| u32::try_from(cluster).unwrap_or(u32::MAX);
    tree.steps()
        .iter()
        .map(|step| Merge {
            left: number(step.cluster1),
            right: number(step.cluster2),
            #[expect(clippy::cast_possible_truncation, reason = "7 digits do for a picture")]
            height: step.dissimilarity.clamp(0.0, 1.0) as f32,
        })
        .collect()
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers of the tests are small")]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// The heights of average linkage by its definition: the mean over all pairs, each time anew;
    /// and by how little another pair of clusters ever failed to be the nearest.
    fn naive_heights(distances: &[f32], n: usize) -> (Vec<f64>, f64) {
        let distance = |a: usize, b: usize| {
            let (i, j) = (a.min(b), a.max(b));
            f64::from(distances[i * (2 * n - i - 1) / 2 + j - i - 1])
        };
        let mut clusters: Vec<Vec<usize>> = (0..n).map(|image| vec![image]).collect();
        let mut heights = Vec::new();
        let mut least_gap = f64::INFINITY;
        while clusters.len() > 1 {
            let mut nearest = (f64::INFINITY, 0, 0);
            let mut second = f64::INFINITY;
            for (i, left) in clusters.iter().enumerate() {
                for (j, right) in clusters.iter().enumerate().skip(i + 1) {
                    let pairs = left.iter().flat_map(|a| right.iter().map(|b| distance(*a, *b)));
                    let mean = pairs.sum::<f64>() / (left.len() * right.len()) as f64;
                    second = second.min(mean.max(nearest.0));
                    if mean < nearest.0 {
                        nearest = (mean, i, j);
                    }
                }
            }
            let (height, i, j) = nearest;
            least_gap = least_gap.min(second - height);
            let right = clusters.remove(j);
            clusters[i].extend(right);
            heights.push(height);
        }
        (heights, least_gap)
    }

    /// The images of each cluster, in drawn order; panics if a merge uses a cluster twice or early.
    fn members(tree: &Dendrogram) -> Vec<Vec<u32>> {
        let n = tree.order.len();
        let mut members: Vec<Vec<u32>> = (0..n as u32).map(|image| vec![image]).collect();
        let mut used = vec![false; 2 * n];
        for merge in &tree.merges {
            for child in [merge.left, merge.right] {
                assert!(!std::mem::replace(&mut used[child as usize], true));
            }
            let left = members[merge.left as usize].clone();
            members.push([left, members[merge.right as usize].clone()].concat());
        }
        members
    }

    /// Distances without ties, also between means: square roots of different numbers.
    fn any_distances() -> impl Strategy<Value = (usize, Vec<f32>)> {
        (2_usize..24).prop_flat_map(|n| {
            let pairs = n * (n - 1) / 2;
            let roots: Vec<f32> =
                (1..=pairs).map(|k| (k as f32 / (pairs + 1) as f32).sqrt()).collect();
            (Just(n), Just(roots).prop_shuffle())
        })
    }

    proptest! {
        #[test]
        fn heights_are_the_means_of_average_linkage((n, distances) in any_distances()) {
            let tree = Dendrogram::cluster(&distances, n);
            let (expected, least_gap) = naive_heights(&distances, n);
            // Of two means that are as good as one, rounding chooses.
            prop_assume!(least_gap > 1e-6);
            prop_assert_eq!(tree.merges.len(), expected.len());
            for (merge, height) in tree.merges.iter().zip(expected) {
                prop_assert!((f64::from(merge.height) - height).abs() < 1e-6);
            }
        }

        #[test]
        fn the_order_is_one_that_the_tree_allows_and_heights_never_fall(
            n in 0_usize..30,
            seed in vec(prop_oneof![0_f32..1.0, Just(0.0), Just(1.0), Just(0.5)], 435),
        ) {
            let distances = &seed[..n * n.saturating_sub(1) / 2];
            let tree = Dendrogram::cluster(distances, n);
            prop_assert_eq!(tree.merges.len(), n.saturating_sub(1));
            prop_assert_eq!(tree.order.len(), n);
            if n > 0 {
                // The last cluster is the whole, and its images are listed by sides.
                let clusters = members(&tree);
                prop_assert_eq!(clusters.last(), Some(&tree.order));
            }
            let mut images = tree.order.clone();
            images.sort_unstable();
            prop_assert_eq!(images, (0..n as u32).collect::<Vec<_>>());
            prop_assert!(tree.merges.is_sorted_by(|a, b| a.height <= b.height));
            prop_assert_eq!(Dendrogram::cluster(distances, n), tree);
        }
    }

    #[test]
    fn alike_images_become_neighbors() {
        // 0 and 2 are the same, 3 is near them and nearer to 2, 1 is far from all.
        let distances = [0.9, 0.0, 0.3, 0.9, 0.8, 0.2];
        let tree = Dendrogram::cluster(&distances, 4);
        assert_eq!(tree.order, [0, 2, 3, 1]);
        let merge = |left, right, height| Merge { left, right, height };
        assert_eq!(tree.merges[..2], [merge(0, 2, 0.0), merge(4, 3, 0.25)]);
        assert_eq!((tree.merges[2].left, tree.merges[2].right), (5, 1));
    }

    #[test]
    fn odd_numbers_are_cut_to_distances() {
        let tree = Dendrogram::cluster(&[f32::NAN, -4.0, f32::INFINITY], 3);
        let heights: Vec<f32> = tree.merges.iter().map(|merge| merge.height).collect();
        assert_eq!(heights, [0.0, 1.0]);
    }

    #[test]
    #[should_panic(expected = "distances of 3 images")]
    fn a_wrong_number_of_distances_is_a_mistake_of_the_caller() {
        let _tree = Dendrogram::cluster(&[0.5], 3);
    }
}
