//! The order of the leaves of a tree in which neighbours are as alike as possible.
//!
//! Terms: a tree over `n` leaves can be drawn in `2^(n-1)` ways, because the two children of each
//! of its `n - 1` merges may change sides. The *cost* of a drawing is the sum of the distances of
//! neighbouring leaves. The *ends* of a cluster are its first and last leaf as drawn.
//!
//! **Up to [`MAX_OPTIMAL_LEAVES`] leaves** the cost is the smallest of all drawings: the dynamic
//! program of Bar-Joseph, Gifford and Jaakkola 2001, "Fast optimal leaf ordering for hierarchical
//! clustering" (Bioinformatics 17 Suppl 1). Let `best(u, w)` be the least cost of the cluster where
//! `u` and `w` first meet, drawn from `u` to `w`. With `u` in child `A` and `w` in child `B`
//!
//! ```text
//! best(u, w) = min over m, k of best(u, m) + distance(m, k) + best(k, w)
//! ```
//!
//! where `m` runs over the leaves of `A` that can be last when `u` is first (the grandchild without
//! `u`), `k` likewise over those of `B`. The two minima are taken one after the other, first over
//! `m` for all `k`, then over `k` for all `w`. Two leaves meet in one cluster only, so one square
//! table holds all of it; leaves are numbered so that each cluster is a stretch of them, which
//! makes the inner loops plain vector minima. Sorting and pruning, as in the paper, would break
//! those loops and is not needed.
//!
//! Cost: at most about `n³ / 6` additions and minima (balanced tree), `O(n²)` for a chain; memory
//! `16 n²` bytes.
//!
//! **Above**, each cluster keeps only its [`BEAM_WIDTH`] best drawings with different ends, in
//! `O(n)` time and memory; what comes out is good, not proven best.

use super::cluster::Merge;
use std::ops::Range;

/// Up to how many leaves the order is the best one: 64 MB and under a second.
const MAX_OPTIMAL_LEAVES: usize = 2_000;

/// How many drawings of a cluster are kept in larger trees.
const BEAM_WIDTH: usize = 16;

/// Turns the children of each merge to the sides where they are drawn; returns the leaves in order.
///
/// `distances` is the strict upper triangle, row by row, of the `merges.len() + 1` leaves. Among
/// equally good drawings the choice is fixed; of each two that mirror each other, the one that
/// begins with the smaller leaf is taken.
pub(super) fn arrange(merges: &mut [Merge], distances: &[f32]) -> Vec<u32> {
    let leaves = Distances { leaf_count: merges.len() + 1, condensed: distances };
    let turned = if leaves.leaf_count <= MAX_OPTIMAL_LEAVES {
        turn_optimally(merges, leaves)
    } else {
        turn_by_beam(merges, leaves, BEAM_WIDTH)
    };
    for (merge, turned) in merges.iter_mut().zip(turned) {
        if turned {
            std::mem::swap(&mut merge.left, &mut merge.right);
        }
    }
    let mut order = leaves_in_order(merges);
    if order.first() > order.last() {
        for merge in merges {
            std::mem::swap(&mut merge.left, &mut merge.right);
        }
        order.reverse();
    }
    order
}

/// The leaves from left to right as the merges draw them.
fn leaves_in_order(merges: &[Merge]) -> Vec<u32> {
    let positions = Clusters::of(merges).stretches;
    let mut order = vec![0; merges.len() + 1];
    for (leaf, stretch) in (0..).zip(&positions[..=merges.len()]) {
        order[stretch.start] = leaf;
    }
    order
}

/// The distances of all pairs of leaves.
#[derive(Clone, Copy)]
struct Distances<'a> {
    leaf_count: usize,
    condensed: &'a [f32],
}

impl Distances<'_> {
    fn between(self, a: u32, b: u32) -> f64 {
        let (i, j) = (a.min(b) as usize, a.max(b) as usize);
        if i == j {
            return 0.0;
        }
        f64::from(self.condensed[i * (2 * self.leaf_count - i - 1) / 2 + (j - i - 1)])
    }
}

/// The clusters of a tree as stretches of positions, in the order that its merges draw.
struct Clusters {
    /// The positions of the leaves of each cluster; the leaves themselves come first.
    stretches: Vec<Range<usize>>,
    /// The two children of each cluster that is not a leaf.
    children: Vec<(usize, usize)>,
}

impl Clusters {
    fn of(merges: &[Merge]) -> Self {
        let leaf_count = merges.len() + 1;
        let children: Vec<(usize, usize)> =
            merges.iter().map(|merge| (merge.left as usize, merge.right as usize)).collect();
        let mut sizes = vec![1; leaf_count];
        for &(left, right) in &children {
            sizes.push(sizes[left] + sizes[right]);
        }
        // From the root down: the left child begins where its parent does, the right one behind it.
        let mut starts = vec![0; sizes.len()];
        for (merge, &(left, right)) in children.iter().enumerate().rev() {
            starts[left] = starts[leaf_count + merge];
            starts[right] = starts[left] + sizes[left];
        }
        let stretches =
            starts.iter().zip(&sizes).map(|(&start, size)| start..start + size).collect();
        Self { stretches, children }
    }

    /// The children of a cluster; `None` if it is a leaf.
    fn children(&self, cluster: usize) -> Option<(usize, usize)> {
        Some(self.children[cluster.checked_sub(self.stretches.len() - self.children.len())?])
    }

    /// The positions that can be one end of a cluster when `end` is the other one.
    fn far_ends(&self, cluster: usize, end: usize) -> Range<usize> {
        let far = match self.children(cluster) {
            Some((left, right)) if self.stretches[left].contains(&end) => right,
            Some((left, _)) => left,
            None => cluster,
        };
        self.stretches[far].clone()
    }
}

/// A square table of numbers.
struct Square {
    side: usize,
    cells: Vec<f64>,
}

impl Square {
    fn new(side: usize) -> Self {
        Self { side, cells: vec![0.0; side * side] }
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.cells[row * self.side..][..self.side]
    }

    fn set_both(&mut self, a: usize, b: usize, value: f64) {
        self.cells[a * self.side + b] = value;
        self.cells[b * self.side + a] = value;
    }
}

/// Finds which merges must turn for the least cost of all.
fn turn_optimally(merges: &[Merge], leaves: Distances<'_>) -> Vec<bool> {
    let clusters = Clusters::of(merges);
    let order = leaves_in_order(merges);
    let mut distances = Square::new(order.len());
    for (i, &a) in order.iter().enumerate() {
        for (j, &b) in order[..i].iter().enumerate() {
            distances.set_both(i, j, leaves.between(a, b));
        }
    }
    let mut best = Square::new(order.len());
    for &children in &clusters.children {
        fill_best(&clusters, children, &distances, &mut best);
    }
    trace(&clusters, &distances, &best)
}

/// Fills `best(u, w)` for all `u` below the left and all `w` below the right child of a cluster.
fn fill_best(
    clusters: &Clusters,
    (left, right): (usize, usize),
    distances: &Square,
    best: &mut Square,
) {
    let right_side = clusters.stretches[right].clone();
    // The grandchildren on the right: those that can be last are opposite to those inside.
    let halves = match clusters.children(right) {
        Some((a, b)) => {
            let (a, b) = (clusters.stretches[a].clone(), clusters.stretches[b].clone());
            vec![(a.clone(), b.clone()), (b, a)]
        }
        None => vec![(right_side.clone(), right_side.clone())],
    };
    let mut to_inner = vec![0.0; right_side.len()];
    let mut to_last = vec![0.0; right_side.len()];
    for u in clusters.stretches[left].clone() {
        // From `u` through the left side to the leaf `k` that comes first on the right side.
        to_inner.fill(f64::INFINITY);
        for m in clusters.far_ends(left, u) {
            lower(&mut to_inner, best.row(u)[m], &distances.row(m)[right_side.clone()]);
        }
        // And on through the right side to its last leaf `w`.
        to_last.fill(f64::INFINITY);
        for (inner, last) in &halves {
            let costs = &mut to_last[last.start - right_side.start..last.end - right_side.start];
            for k in inner.clone() {
                lower(costs, to_inner[k - right_side.start], &best.row(k)[last.clone()]);
            }
        }
        for (w, &cost) in right_side.clone().zip(&to_last) {
            best.set_both(u, w, cost);
        }
    }
}

/// Lowers each cost to `base + step` where that is less.
fn lower(costs: &mut [f64], base: f64, steps: &[f64]) {
    for (cost, step) in costs.iter_mut().zip(steps) {
        let other = base + step;
        // Not `f64::min`: this form is one vector instruction, and there is no NaN here.
        *cost = if other < *cost { other } else { *cost };
    }
}

/// Reads the best drawing from the filled table: which merges turn.
fn trace(clusters: &Clusters, distances: &Square, best: &Square) -> Vec<bool> {
    let leaf_count = best.side;
    let mut turned = vec![false; clusters.children.len()];
    let root = clusters.stretches.len() - 1;
    let Some((left, right)) = clusters.children(root) else { return turned };
    let ends =
        least(clusters.stretches[left].clone(), clusters.stretches[right].clone(), |u, w| {
            best.row(u)[w]
        });
    let mut open = vec![(root, ends)];
    while let Some((cluster, (first, last))) = open.pop() {
        let Some((mut left, mut right)) = clusters.children(cluster) else { continue };
        if !clusters.stretches[left].contains(&first) {
            turned[cluster - leaf_count] = true;
            std::mem::swap(&mut left, &mut right);
        }
        let (m, k) =
            least(clusters.far_ends(left, first), clusters.far_ends(right, last), |m, k| {
                best.row(first)[m] + distances.row(m)[k] + best.row(k)[last]
            });
        open.push((left, (first, m)));
        open.push((right, (k, last)));
    }
    turned
}

/// The first pair with the least cost.
fn least(
    left: Range<usize>,
    right: Range<usize>,
    cost: impl Fn(usize, usize) -> f64,
) -> (usize, usize) {
    let mut least = (left.start, right.start);
    let mut least_cost = f64::INFINITY;
    for a in left {
        for b in right.clone() {
            let cost = cost(a, b);
            if cost < least_cost {
                (least, least_cost) = ((a, b), cost);
            }
        }
    }
    least
}

/// One way to draw a cluster, and how its children are drawn in it.
#[derive(Clone, Copy)]
struct Drawing {
    cost: f64,
    first: u32,
    last: u32,
    left: Part,
    right: Part,
}

/// A drawing of a child, by its number among those kept, perhaps mirrored.
#[derive(Clone, Copy, Default)]
struct Part {
    drawing: usize,
    mirrored: bool,
}

impl Drawing {
    /// The ends as seen when the drawing is used as this part.
    fn ends(self, mirrored: bool) -> (u32, u32) {
        if mirrored { (self.last, self.first) } else { (self.first, self.last) }
    }
}

/// Finds which merges turn in a good drawing, from the `width` best of each cluster.
fn turn_by_beam(merges: &[Merge], leaves: Distances<'_>, width: usize) -> Vec<bool> {
    let mut kept: Vec<Vec<Drawing>> = Vec::with_capacity(2 * merges.len() + 1);
    for (leaf, _) in (0..).zip(0..leaves.leaf_count) {
        let (left, right) = (Part::default(), Part::default());
        kept.push(vec![Drawing { cost: 0.0, first: leaf, last: leaf, left, right }]);
    }
    for merge in merges {
        let (left, right) = (&kept[merge.left as usize], &kept[merge.right as usize]);
        let drawings = draw(left, right, leaves, width);
        kept.push(drawings);
    }
    let mut turned = vec![false; merges.len()];
    let mut open = vec![(kept.len() - 1, Part::default())];
    while let Some((cluster, part)) = open.pop() {
        let Some(merge) = cluster.checked_sub(leaves.leaf_count) else { continue };
        // Mirroring a cluster turns it and mirrors both of its children.
        turned[merge] = part.mirrored;
        let drawing = kept[cluster][part.drawing];
        for (child, below) in
            [(merges[merge].left, drawing.left), (merges[merge].right, drawing.right)]
        {
            let mirrored = below.mirrored != part.mirrored;
            open.push((child as usize, Part { mirrored, ..below }));
        }
    }
    turned
}

/// The best drawings of two clusters side by side, at most `width`, no two with the same ends.
fn draw(left: &[Drawing], right: &[Drawing], leaves: Distances<'_>, width: usize) -> Vec<Drawing> {
    let both_ways = |drawings: &[Drawing]| -> Vec<(Part, Drawing)> {
        let parts = (0..drawings.len()).flat_map(|drawing| {
            // A leaf is its own mirror image.
            let ways = if drawings[drawing].first == drawings[drawing].last { 1 } else { 2 };
            [false, true].into_iter().take(ways).map(move |mirrored| Part { drawing, mirrored })
        });
        parts.map(|part| (part, drawings[part.drawing])).collect()
    };
    let right = both_ways(right);
    let mut all = Vec::new();
    for (left_part, left) in both_ways(left) {
        let (first, last_left) = left.ends(left_part.mirrored);
        for &(right_part, right) in &right {
            let (first_right, last) = right.ends(right_part.mirrored);
            let cost = left.cost + leaves.between(last_left, first_right) + right.cost;
            all.push(Drawing { cost, first, last, left: left_part, right: right_part });
        }
    }
    // A stable sort, so that the order of equal ones is fixed too.
    all.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    let mut kept: Vec<Drawing> = Vec::with_capacity(width.min(all.len()));
    for drawing in all {
        let is_new = |other: &Drawing| (other.first, other.last) != (drawing.first, drawing.last);
        if kept.len() < width && kept.iter().all(is_new) {
            kept.push(drawing);
        }
    }
    kept
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers of the tests are small")]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// A random tree: each pair of numbers says which two of the clusters left are merged.
    fn tree(picks: &[(usize, usize)]) -> Vec<Merge> {
        let mut clusters: Vec<u32> = (0..=picks.len() as u32).collect();
        let mut merges = Vec::new();
        for (number, (a, b)) in picks.iter().enumerate() {
            let left = clusters.swap_remove(a % clusters.len());
            let right = clusters.swap_remove(b % clusters.len());
            clusters.push((picks.len() + 1 + number) as u32);
            merges.push(Merge { left, right, height: 0.5 });
        }
        merges
    }

    fn cost(order: &[u32], distances: Distances<'_>) -> f64 {
        order.windows(2).map(|pair| distances.between(pair[0], pair[1])).sum()
    }

    /// The least cost of all drawings, by drawing them all.
    fn least_cost(merges: &[Merge], distances: Distances<'_>) -> f64 {
        let costs = (0..1_u32 << merges.len()).map(|turns| {
            let mut turned = merges.to_vec();
            for (number, merge) in turned.iter_mut().enumerate() {
                if turns >> number & 1 == 1 {
                    std::mem::swap(&mut merge.left, &mut merge.right);
                }
            }
            cost(&leaves_in_order(&turned), distances)
        });
        costs.fold(f64::INFINITY, f64::min)
    }

    fn turned(merges: &[Merge], turned: &[bool]) -> Vec<u32> {
        let mut merges = merges.to_vec();
        for (merge, _) in merges.iter_mut().zip(turned).filter(|(_, turned)| **turned) {
            std::mem::swap(&mut merge.left, &mut merge.right);
        }
        leaves_in_order(&merges)
    }

    prop_compose! {
        fn any_tree(max: usize)(picks in vec((0_usize..64, 0_usize..64), 0..max))(
            // Few different distances give many ties, many give none.
            distances in prop_oneof![
                vec((0_u8..4).prop_map(|d| f32::from(d) / 4.0), (picks.len() + 1) * picks.len() / 2),
                vec(0_f32..1.0, (picks.len() + 1) * picks.len() / 2),
            ],
            picks in Just(picks),
        ) -> (Vec<Merge>, Vec<f32>) {
            (tree(&picks), distances)
        }
    }

    proptest! {
        #[test]
        fn no_drawing_of_a_small_tree_is_better((mut merges, condensed) in any_tree(8)) {
            let distances = Distances { leaf_count: merges.len() + 1, condensed: &condensed };
            let least = least_cost(&merges, distances);
            let before = merges.clone();
            let order = arrange(&mut merges, &condensed);
            prop_assert!((cost(&order, distances) - least).abs() < 1e-9);
            prop_assert_eq!(&order, &leaves_in_order(&merges));
            prop_assert!(order.first() <= order.last());
            for (old, new) in before.iter().zip(&merges) {
                let (old, new) = ((old.left, old.right), (new.left, new.right));
                prop_assert!(new == old || new == (old.1, old.0));
            }
        }

        #[test]
        fn a_beam_that_keeps_all_is_optimal_and_a_narrow_one_not_better(
            (merges, condensed) in any_tree(8),
        ) {
            let distances = Distances { leaf_count: merges.len() + 1, condensed: &condensed };
            let least = least_cost(&merges, distances);
            let wide = turned(&merges, &turn_by_beam(&merges, distances, 64));
            prop_assert!((cost(&wide, distances) - least).abs() < 1e-9);
            let narrow = turned(&merges, &turn_by_beam(&merges, distances, 1));
            prop_assert!(cost(&narrow, distances) > least - 1e-9);
        }

        #[test]
        fn the_beam_is_close_to_the_best_order_of_a_larger_tree((merges, condensed) in any_tree(60)) {
            let distances = Distances { leaf_count: merges.len() + 1, condensed: &condensed };
            let best = cost(&turned(&merges, &turn_optimally(&merges, distances)), distances);
            let as_is = cost(&leaves_in_order(&merges), distances);
            let beam =
                cost(&turned(&merges, &turn_by_beam(&merges, distances, BEAM_WIDTH)), distances);
            prop_assert!(best < beam + 1e-9 && best < as_is + 1e-9);
            let gap = as_is - best;
            prop_assert!(beam <= best + 0.5 * gap + 1e-9, "best {best}, beam {beam}, as is {as_is}");
        }
    }

    #[test]
    fn a_tree_too_large_for_the_best_order_gets_a_good_one() {
        // Leaves on a line, merged as a balanced tree whose children are drawn the wrong way round.
        let count = MAX_OPTIMAL_LEAVES as u32 + 49;
        let mut clusters: std::collections::VecDeque<u32> = (0..count).collect();
        let mut merges = Vec::new();
        while let (Some(right), Some(left)) = (clusters.pop_front(), clusters.pop_front()) {
            clusters.push_back(count + merges.len() as u32);
            merges.push(Merge { left, right, height: 0.5 });
        }
        merges.truncate(count as usize - 1);
        let mut distances = Vec::new();
        for i in 0..count {
            distances.extend((i + 1..count).map(|j| (j - i) as f32 / count as f32));
        }
        let all = Distances { leaf_count: count as usize, condensed: &distances };
        let as_is = cost(&leaves_in_order(&merges), all);
        let order = arrange(&mut merges, &distances);
        assert_eq!(order, leaves_in_order(&merges));
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..count).collect::<Vec<u32>>());
        // The line itself costs one; the odd leaves out of the balanced tree need some detours.
        assert!(cost(&order, all) < 4.0, "{} of {as_is}", cost(&order, all));
    }
}
