//! The Mantel test: whether two similarities of the same images go together.
//!
//! The pairs of `n` images are not independent of each other, as each image is in `n - 1` of them. So the
//! significance of a correlation over pairs is not read from a table: the images of one of the two are
//! given other places, all its pairs with them, and counted is how often chance does as well (N. Mantel,
//! *The detection of disease clustering and a generalized regression approach*, Cancer Research 27, 1967;
//! P. Legendre and L. Legendre, *Numerical Ecology*, 3rd edition, 2012, section 10.5).

use std::collections::BTreeMap;

/// Permutations are drawn where there are more than this many and nothing else is asked for.
pub const PERMUTATIONS: u64 = 9_999;

/// The fewest images of which a correlation is told: three have three pairs and six orders.
pub const LEAST_IMAGES: usize = 4;

/// The fewest images of a family whose pairs count within families: the one pair of two has nothing to vary
/// with.
const LEAST_FAMILY: usize = 3;

/// Coefficients this close are one: the same terms summed in another order are rounded otherwise.
const TIE: f64 = 1e-9;

/// A value for each pair of `n` images, the same in both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Triangle {
    images: usize,
    // Of (0, 1), (0, 2), …, (1, 2), ….
    values: Vec<f64>,
}

impl Triangle {
    /// Takes the finite value of each pair `i < j`, in the order (0, 1), (0, 2), …, (1, 2), …. O(n²).
    pub fn of(images: usize, mut value: impl FnMut(usize, usize) -> f64) -> Self {
        let pairs = (0..images).flat_map(|i| (i + 1..images).map(move |j| (i, j)));
        Self { images, values: pairs.map(|(i, j)| value(i, j)).collect() }
    }

    /// How many images there are.
    pub const fn images(&self) -> usize {
        self.images
    }

    /// The value of a pair `i < j`.
    fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i * (2 * self.images - i - 1) / 2 + j - i - 1]
    }

    /// The pairs of some of the images, which are given ascending. O(k²).
    #[must_use]
    pub fn select(&self, images: &[usize]) -> Self {
        Self::of(images.len(), |i, j| self.at(images[i], images[j]))
    }
}

/// How two lists of values are correlated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correlation {
    /// Of the values (Pearson): whether they lie on a line.
    Pearson,
    /// Of their ranks, those of equal values being their mean (Spearman): whether they rise together.
    Spearman,
}

/// Which pairs count, and which images may change places. Families are numbers, one an image.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'f> {
    /// All pairs, all orders.
    All,
    /// The same, after what "of one family or not" explains is taken from both: the residuals are correlated,
    /// and those of one permuted (partial Mantel test: P. E. Smouse, J. C. Long, R. R. Sokal, Systematic
    /// Zoology 35, 1986).
    FamilyHeld(&'f [u32]),
    /// Pairs within a family of three images at least, each less the mean of its family, and orders that
    /// leave each image in its family: the family can explain nothing of the correlation.
    Within(&'f [u32]),
}

/// How many permutations are drawn, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance {
    /// How many; where there are no more than one above that, each is taken once instead.
    pub permutations: u64,
    /// What they follow from.
    pub seed: u64,
}

/// What came of a test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mantel {
    /// Images in a pair that counts.
    pub images: u64,
    /// Pairs that count.
    pub pairs: u64,
    /// The coefficient in `-1..=1` and its significance; `None` below [`LEAST_IMAGES`], or where one of the
    /// two is the same for all pairs (of each family, of both kinds), so that nothing can vary with it.
    pub found: Option<Correlated>,
    /// How many orders of the images were tried; with the one that is there, if it was each of them.
    pub permutations: u64,
    /// Whether it was each of them.
    pub is_exact: bool,
}

/// A correlation and its significance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correlated {
    /// The coefficient, in `-1..=1`.
    pub coefficient: f64,
    /// How likely one as high would be by chance, in `0..=1`, never 0. One-sided: only as high, not as low.
    /// Of drawn orders `(1 + those that reach it) / (1 + all)`, as the order that is there is one of them.
    pub p: f64,
}

/// Tests whether two similarities of the same images go together.
///
/// Distances instead of both similarities give the same answer. Orders are drawn by Fisher and Yates from
/// `splitmix64` (Steele, Lea and Flood 2014): same seed, same answer. O(permutations × pairs), O(n²) memory.
///
/// # Panics
///
/// If the two are not of equally many images, or there is not a family for each.
pub fn mantel(
    left: &Triangle,
    right: &Triangle,
    scope: Scope<'_>,
    correlation: Correlation,
    chance: Chance,
) -> Mantel {
    assert_eq!(left.images, right.images, "both are of the same images");
    let all = left.images;
    let groups = scope.groups(all);
    let pairs = pairs_of(&groups);
    let images = groups.iter().map(Vec::len).sum::<usize>();
    let classes: Vec<u32> = pairs.iter().map(|(i, j)| scope.class(*i, *j)).collect();
    let prepare = |triangle: &Triangle| {
        let values = pairs.iter().map(|(i, j)| triangle.at(*i, *j)).collect();
        prepared(values, &classes, correlation)
    };
    let mut told = Mantel {
        images: images as u64,
        pairs: pairs.len() as u64,
        found: None,
        permutations: 0,
        is_exact: false,
    };
    if images < LEAST_IMAGES {
        return told;
    }
    let (Some(left), Some(right)) = (prepare(left), prepare(right)) else { return told };
    let places = Square::of(all, &pairs, &right);
    let coefficient = places.product(&left, &groups);
    let as_high = |groups: &[Vec<usize>]| places.product(&left, groups) >= coefficient - TIE;
    told.is_exact = orders(&groups).is_some_and(|all| all <= chance.permutations.saturating_add(1));
    let (reached, of) = if told.is_exact {
        told.permutations = orders(&groups).unwrap_or_default();
        (count_all(groups, as_high), told.permutations)
    } else {
        told.permutations = chance.permutations;
        (1 + count_drawn(groups, chance, as_high), chance.permutations + 1)
    };
    let p = reached as f64 / of as f64;
    told.found = Some(Correlated { coefficient: coefficient.clamp(-1.0, 1.0), p });
    told
}

impl Scope<'_> {
    /// The images that may change places with each other, ascending.
    fn groups(self, images: usize) -> Vec<Vec<usize>> {
        let Self::Within(families) = self else { return vec![(0..images).collect()] };
        assert_eq!(families.len(), images, "a family for each image");
        let mut of: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (image, family) in families.iter().enumerate() {
            of.entry(*family).or_default().push(image);
        }
        of.into_values().filter(|group| group.len() >= LEAST_FAMILY).collect()
    }

    /// Pairs of one class are held against the mean of that class.
    fn class(self, i: usize, j: usize) -> u32 {
        match self {
            Self::All => 0,
            Self::FamilyHeld(families) => u32::from(families[i] == families[j]),
            Self::Within(families) => families[i],
        }
    }
}

/// The pairs within groups, in the order in which they are always gone through.
fn pairs_of(groups: &[Vec<usize>]) -> Vec<(usize, usize)> {
    let of = |group: &Vec<usize>| {
        let pair = |at: usize| group[at + 1..].iter().map(move |j| (group[at], *j));
        (0..group.len()).flat_map(pair).collect::<Vec<_>>()
    };
    groups.iter().flat_map(of).collect()
}

/// Values less the mean of their class, scaled so that their squares sum to 1; `None` if all of each class
/// are equal. No order of the images changes means and squares, so products of such values are coefficients.
fn prepared(mut values: Vec<f64>, classes: &[u32], correlation: Correlation) -> Option<Vec<f64>> {
    if correlation == Correlation::Spearman {
        values = ranks(&values);
    }
    let mut of: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (value, class) in values.iter().zip(classes) {
        of.entry(*class).or_default().push(*value);
    }
    let mean = |values: &Vec<f64>| {
        // Equal values are their own mean, without what a sum would round.
        let is_constant = values.iter().all(|value| value.total_cmp(&values[0]).is_eq());
        if is_constant { values[0] } else { values.iter().sum::<f64>() / values.len() as f64 }
    };
    let means: BTreeMap<u32, f64> =
        of.iter().map(|(class, values)| (*class, mean(values))).collect();
    for (value, class) in values.iter_mut().zip(classes) {
        *value -= means[class];
    }
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    for value in &mut values {
        *value /= length;
    }
    (length > 0.0).then_some(values)
}

/// The ranks of values from 1; equal ones get the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        let mean = before as f64 + (equal.len() + 1) as f64 / 2.0;
        for at in equal {
            ranks[*at] = mean;
        }
        before += equal.len();
    }
    ranks
}

/// Values by both images of a pair, for pairs in any order.
struct Square {
    images: usize,
    values: Vec<f64>,
}

impl Square {
    fn of(images: usize, pairs: &[(usize, usize)], values: &[f64]) -> Self {
        let mut square = vec![0.0; images * images];
        for ((i, j), value) in pairs.iter().zip(values) {
            square[i * images + j] = *value;
            square[j * images + i] = *value;
        }
        Self { images, values: square }
    }

    /// The sum over all pairs of the value of `left` times the one that these groups put in its place.
    fn product(&self, left: &[f64], groups: &[Vec<usize>]) -> f64 {
        let (mut sum, mut rest) = (0.0, left);
        for group in groups {
            for (at, image) in group.iter().enumerate() {
                let row = &self.values[image * self.images..][..self.images];
                let (these, others) = rest.split_at(group.len() - at - 1);
                rest = others;
                let terms = these.iter().zip(&group[at + 1..]).map(|(left, j)| left * row[*j]);
                sum += terms.sum::<f64>();
            }
        }
        sum
    }
}

/// In how many orders the images can be; `None` if that is more than anyone tries.
fn orders(groups: &[Vec<usize>]) -> Option<u64> {
    let mut factors = groups.iter().flat_map(|group| 1..=group.len() as u64);
    factors.try_fold(1_u64, u64::checked_mul)
}

/// How many of all orders do something; of each group they come one after the other, as digits of a
/// number do.
fn count_all(mut groups: Vec<Vec<usize>>, does: impl Fn(&[Vec<usize>]) -> bool) -> u64 {
    let mut count = 0;
    loop {
        count += u64::from(does(&groups));
        // `all` steps the first group that has a next order, and begins those before it anew.
        if groups.iter_mut().all(|group| !has_stepped(group)) {
            return count;
        }
    }
}

/// Steps to the next order by the numbers; from the last one back to the first, which is no step.
fn has_stepped(order: &mut [usize]) -> bool {
    let Some(last) = order.windows(2).rposition(|pair| pair[0] < pair[1]) else {
        order.reverse();
        return false;
    };
    if let Some(next) = order.iter().rposition(|it| *it > order[last]) {
        order.swap(last, next);
    }
    order[last + 1..].reverse();
    true
}

/// How many drawn orders do something.
fn count_drawn(
    mut groups: Vec<Vec<usize>>,
    chance: Chance,
    does: impl Fn(&[Vec<usize>]) -> bool,
) -> u64 {
    let mut state = chance.seed;
    let mut count = 0;
    for _ in 0..chance.permutations {
        for group in &mut groups {
            for end in (1..group.len()).rev() {
                group.swap(end, below(end + 1, &mut state));
            }
        }
        count += u64::from(does(&groups));
    }
    count
}

/// The next number of `splitmix64`, brought below a bound; what is not quite even in that is less than 2⁻⁵⁰.
fn below(bound: usize, state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    // It is below the bound, so it is a `usize`.
    usize::try_from((u128::from(bits) * bound as u128) >> 64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: Chance = Chance { permutations: PERMUTATIONS, seed: 1 };

    /// All orders of some numbers, in any order.
    fn all_orders(of: &[usize]) -> Vec<Vec<usize>> {
        if of.is_empty() {
            return vec![vec![]];
        }
        let mut orders = Vec::new();
        for (at, first) in of.iter().enumerate() {
            let rest = [&of[..at], &of[at + 1..]].concat();
            orders.extend(all_orders(&rest).into_iter().map(|it| [&[*first][..], &it].concat()));
        }
        orders
    }

    /// Pearson's coefficient as it is written in books.
    fn pearson(x: &[f64], y: &[f64]) -> f64 {
        let mean = |it: &[f64]| it.iter().sum::<f64>() / it.len() as f64;
        let (mx, my) = (mean(x), mean(y));
        let sum =
            |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(y).map(|(x, y)| f(*x, *y)).sum::<f64>();
        sum(&|x, y| (x - mx) * (y - my))
            / (sum(&|x, _| (x - mx).powi(2)) * sum(&|_, y| (y - my).powi(2))).sqrt()
    }

    /// Rank of each value by counting those below and beside it.
    fn naive_ranks(values: &[f64]) -> Vec<f64> {
        let rank = |value: &f64| {
            let below = values.iter().filter(|it| *it < value).count() as f64;
            let beside = values.iter().filter(|it| it.total_cmp(value).is_eq()).count();
            below + (beside + 1) as f64 / 2.0
        };
        values.iter().map(rank).collect()
    }

    fn pairs(n: usize, counts: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
        let all = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
        all.filter(|(i, j)| counts(*i, *j)).collect()
    }

    fn either(it: &Triangle, i: usize, j: usize) -> f64 {
        it.at(i.min(j), i.max(j))
    }

    /// Two triangles of `n` images with few values, so that there are ties.
    fn two(n: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = [Triangle; 2]> {
        let triangle = |n: usize| {
            let values = prop::collection::vec(0_u8..6, n * (n - 1) / 2);
            values.prop_map(move |values| {
                let values = values.into_iter().map(|it| f64::from(it) / 7.0).collect();
                Triangle { images: n, values }
            })
        };
        n.prop_flat_map(move |n| [triangle(n), triangle(n)])
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    proptest! {
        #[test]
        fn all_orders_give_what_naive_code_counts(
            [x, y] in two(4..=6),
            is_rank in any::<bool>(),
        ) {
            let pairs = pairs(x.images, |_, _| true);
            let of = |it: &Triangle| match is_rank {
                true => naive_ranks(&it.values),
                false => it.values.clone(),
            };
            let (xs, ranked) = (of(&x), Triangle { images: y.images, values: of(&y) });
            let permuted = |order: &Vec<usize>| {
                let ys: Vec<f64> =
                    pairs.iter().map(|(i, j)| either(&ranked, order[*i], order[*j])).collect();
                pearson(&xs, &ys)
            };
            let r = pearson(&xs, &ranked.values);
            let orders = all_orders(&(0..x.images).collect::<Vec<_>>());
            let reached = orders.iter().filter(|it| permuted(it) >= r - 1e-9).count();
            let correlation = if is_rank { Correlation::Spearman } else { Correlation::Pearson };
            let told = mantel(&x, &y, Scope::All, correlation, ALL);
            prop_assert_eq!((told.images, told.pairs), (x.images as u64, pairs.len() as u64));
            if r.is_nan() {
                prop_assert_eq!(told.found, None);
            } else {
                let found = told.found.unwrap();
                prop_assert!(told.is_exact && told.permutations == orders.len() as u64);
                prop_assert!(close(found.coefficient, r), "{found:?} {r}");
                prop_assert!(close(found.p, reached as f64 / orders.len() as f64), "{found:?}");
            }
        }

        #[test]
        fn within_families_only_these_count_and_change_places(
            [x, y] in two(6..=6),
            families in prop::collection::vec(0_u32..3, 6),
        ) {
            let size = |family: u32| families.iter().filter(|it| **it == family).count();
            let counts = |i: usize, j: usize| families[i] == families[j] && size(families[i]) >= 3;
            let pairs = pairs(6, counts);
            let centred = |it: &Triangle| -> Vec<f64> {
                let mean = |family: u32| {
                    let of = pairs.iter().filter(|(i, _)| families[*i] == family);
                    let of: Vec<f64> = of.map(|(i, j)| it.at(*i, *j)).collect();
                    of.iter().sum::<f64>() / of.len() as f64
                };
                pairs.iter().map(|(i, j)| it.at(*i, *j) - mean(families[*i])).collect()
            };
            // What is not centred gives the same significance: within a family orders change no mean.
            let product = |order: &Vec<usize>| -> f64 {
                let term = |(i, j): &(usize, usize)| x.at(*i, *j) * either(&y, order[*i], order[*j]);
                pairs.iter().map(term).sum()
            };
            let identity: Vec<usize> = (0..6).collect();
            let keeps = |order: &&Vec<usize>| {
                (0..6).all(|it| match size(families[it]) >= 3 {
                    true => families[order[it]] == families[it],
                    false => order[it] == it,
                })
            };
            let orders = all_orders(&identity);
            let orders: Vec<&Vec<usize>> = orders.iter().filter(keeps).collect();
            let told = mantel(&x, &y, Scope::Within(&families), Correlation::Pearson, ALL);
            prop_assert_eq!(told.pairs, pairs.len() as u64);
            let (xs, ys) = (centred(&x), centred(&y));
            let is_flat = |it: &[f64]| it.iter().all(|value| value.abs() < 1e-12);
            if told.images < 4 || is_flat(&xs) || is_flat(&ys) {
                prop_assert_eq!(told.found, None);
            } else {
                let found = told.found.unwrap();
                let reached = orders.iter().filter(|it| product(it) >= product(&identity) - 1e-9);
                prop_assert!(close(found.coefficient, pearson(&xs, &ys)));
                prop_assert!(close(found.p, reached.count() as f64 / orders.len() as f64));
            }
        }

        #[test]
        fn a_held_family_leaves_the_textbook_partial_coefficient(
            [x, y] in two(5..=6),
            families in prop::collection::vec(0_u32..3, 6),
        ) {
            let families = &families[..x.images];
            let z = Triangle::of(x.images, |i, j| f64::from(u8::from(families[i] == families[j])));
            let [xy, xz, yz] = [(&x, &y), (&x, &z), (&y, &z)].map(|(a, b)| pearson(&a.values, &b.values));
            let expected = (xy - xz * yz) / ((1.0 - xz * xz) * (1.0 - yz * yz)).sqrt();
            let told = mantel(&x, &y, Scope::FamilyHeld(families), Correlation::Pearson, ALL);
            if let (Some(found), true) = (told.found, expected.is_finite()) {
                prop_assert!((found.coefficient - expected).abs() < 1e-6, "{found:?} {expected}");
            }
        }

        #[test]
        fn neither_side_nor_numbering_nor_scale_matters([x, y] in two(4..=6), shift in 1_usize..5) {
            let n = x.images;
            let moved = |it: &Triangle| {
                Triangle::of(n, |i, j| 1.0 - either(it, (i + shift) % n, (j + shift) % n))
            };
            let test = |a: &Triangle, b: &Triangle| mantel(a, b, Scope::All, Correlation::Pearson, ALL);
            let told = test(&x, &y);
            for other in [test(&y, &x), test(&moved(&x), &moved(&y))] {
                prop_assert_eq!(told.found.is_some(), other.found.is_some());
                if let (Some(a), Some(b)) = (told.found, other.found) {
                    prop_assert!(close(a.coefficient, b.coefficient) && close(a.p, b.p));
                }
            }
        }
    }

    fn made(n: usize, noise: usize) -> [Triangle; 2] {
        let mut state = 7;
        let x = Triangle::of(n, |_, _| below(1_000, &mut state) as f64);
        let y = Triangle::of(n, |i, j| x.at(i, j) + below(noise, &mut state) as f64);
        [x, y]
    }

    #[test]
    fn drawn_orders_come_near_all_orders_and_follow_from_the_seed() {
        let [x, y] = made(7, 6_000);
        let test = |chance| mantel(&x, &y, Scope::All, Correlation::Pearson, chance);
        let exact = test(ALL);
        assert!(exact.is_exact && exact.permutations == 5_040);
        let drawn = [1, 1, 2].map(|seed| test(Chance { permutations: 3_000, seed }));
        assert!(!drawn[0].is_exact && drawn[0] == drawn[1] && drawn[0] != drawn[2]);
        let p = exact.found.unwrap().p;
        // Four standard errors.
        let far = 4.0 * (p * (1.0 - p) / 3_000.0).sqrt();
        assert!((0.01..0.99).contains(&p), "{p}");
        assert!(drawn.iter().all(|it| (it.found.unwrap().p - p).abs() < far), "{p} {drawn:?}");
    }

    #[test]
    fn a_line_is_one_and_as_unlikely_as_can_be() {
        let [x, _] = made(20, 1);
        let y = Triangle::of(20, |i, j| 3.0 - x.at(i, j) / 7.0);
        let test = |left, right| mantel(left, right, Scope::All, Correlation::Spearman, ALL);
        let found = test(&x, &x).found.unwrap();
        assert!(close(found.coefficient, 1.0) && close(found.p, 1e-4), "{found:?}");
        let found = test(&x, &y).found.unwrap();
        assert!(close(found.coefficient, -1.0) && close(found.p, 1.0), "{found:?}");
    }

    #[test]
    fn what_cannot_vary_has_no_coefficient() {
        let [x, _] = made(6, 1);
        let flat = Triangle::of(6, |_, _| 1.0 / 3.0);
        for scope in [Scope::All, Scope::FamilyHeld(&[0, 0, 0, 1, 1, 1]), Scope::Within(&[0; 6])] {
            assert_eq!(mantel(&x, &flat, scope, Correlation::Pearson, ALL).found, None);
        }
        let same = Triangle::of(6, |i, j| f64::from(u8::from(i / 3 == j / 3)) / 3.0);
        let families = &[0, 0, 0, 1, 1, 1];
        assert!(mantel(&x, &same, Scope::All, Correlation::Pearson, ALL).found.is_some());
        for scope in [Scope::FamilyHeld(families), Scope::Within(families)] {
            assert_eq!(mantel(&x, &same, scope, Correlation::Spearman, ALL).found, None);
        }
        let three = x.select(&[0, 2, 5]);
        assert_eq!(three.values, [x.at(0, 2), x.at(0, 5), x.at(2, 5)]);
        assert_eq!(mantel(&three, &three, Scope::All, Correlation::Pearson, ALL).found, None);
        let lone = mantel(&x, &x, Scope::Within(&[0, 0, 1, 1, 2, 3]), Correlation::Pearson, ALL);
        assert_eq!((lone.images, lone.pairs, lone.found), (0, 0, None));
        let none = Triangle::of(0, |_, _| 0.0);
        assert_eq!(mantel(&none, &none, Scope::All, Correlation::Pearson, ALL).pairs, 0);
    }
}
