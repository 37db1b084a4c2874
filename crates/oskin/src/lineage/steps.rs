//! The steps of the founding text, one by one, with what each of them does to the pairs.
//!
//! 1. *Coarse.* One image is in another if it has fewer directories, ten at least, and
//!    [`KEPT_PER_MILLE`] of them are in the other. As many directories on both sides are a tie:
//!    the pair is found, but not which is in which.
//! 2. *Tiny graphs.* What these pairs hold together; its roots are the images in which no other is
//!    (ties say nothing of that, so there may be several).
//! 3. *Finer.* The same comparison by files, for the pairs that step 1 found. A tie is turned so that
//!    the image with fewer files is the inner one.
//! 4. *Reduction.* A confirmed pair falls if a chain of others says the same (Aho, Garey and Ullman
//!    1972). Confirmed pairs lead from fewer to more files, so that they make no circle.
//! 5. *Connection.* The tiny graphs hang together by the families that the whole evidence tells
//!    ([`Lineage`]), and these by their nearest base families.
//!
//! The graph that `lineage` answers with is not made from these steps: it scores all pairs by their
//! files at once. So the steps also count what going by directories first would have passed over.
//!
//! Cost: all pairs twice, by directories and by files; O(kept pairs * n / 64) for the reduction;
//! three bits of memory for each ordered pair.

use super::edge::{Connection, Lineage};
use super::tally::Tally;
use crate::measure::{AllPairs, PairRow};
use crate::path_set::{Overlap, PathSet};
use crate::relation::MIN_FILES;
use std::ops::ControlFlow;

/// So many of a thousand paths of the inner image are in the outer one; a child of official images
/// of 2017 keeps no fewer of its parent's (see [`relation`](crate::relation)).
pub const KEPT_PER_MILLE: u64 = 975;

/// The grades of containment for which pairs are counted, in thousandths.
pub const GRADES: [u64; 5] = [1000, 995, 990, KEPT_PER_MILLE, 950];

/// Two distributions of the listings of 2017 have at most so much in common.
const TWO_DISTRIBUTIONS: f64 = 0.65;

/// So many files in common are the least that tells a family: the smallest base of the listings of
/// 2017 has 62, and what fewer share are the files that any system has.
const TELLING_FILES: u64 = 50;

impl Connection {
    /// Whether the files in common are enough to tell a family: fifty at least, and so many of the
    /// base that the 95 % interval of the share (Wilson) lies above what two distributions share.
    pub fn tells(&self) -> bool {
        let tally = Tally { hits: self.shared, of: self.shared + self.missing };
        self.shared >= TELLING_FILES && tally.interval()[0] > TWO_DISTRIBUTIONS
    }
}

/// What the steps found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// How many images there are.
    pub images: usize,
    /// Step 1.
    pub coarse: Coarse,
    /// Step 2: the tiny graphs of more than one image, in the order of their first images.
    pub graphs: Vec<TinyGraph>,
    /// Step 3.
    pub finer: Finer,
    /// Step 4: confirmed pairs that stay.
    pub kept: u64,
    /// Step 4: confirmed pairs that others imply.
    pub fallen: u64,
    /// How the edges of the family graph fared in steps 1 to 4.
    pub edges: EdgesSeen,
    /// Step 5.
    pub joined: Joined,
    /// The pairs of step 1 in the order of the outer, then of the inner image; none if there are
    /// more than were asked for.
    pub pairs: Option<Vec<StepPair>>,
}

/// Step 1: who is in whom by directories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coarse {
    /// Pairs with fewer directories in the inner image.
    pub pairs: u64,
    /// Pairs with as many on both sides.
    pub ties: u64,
    /// For each of [`GRADES`] how many pairs have so much, ties left out.
    pub grades: [u64; GRADES.len()],
    /// Images with too few directories to be found in another.
    pub blind: u64,
}

/// Step 2: images that pairs of step 1 hold together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TinyGraph {
    /// Its images, ascending.
    pub images: Vec<u32>,
    /// Those of them in which no other image is.
    pub roots: Vec<u32>,
}

/// Step 3: what files say of the pairs of step 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finer {
    /// The inner image has fewer files, ten at least, and enough of them are in the outer one.
    pub confirmed: u64,
    /// Both have the very same files.
    pub same_files: u64,
    /// The others.
    pub refused: u64,
    /// Pairs that files would have confirmed, had step 1 found them.
    pub overlooked: u64,
}

/// How the edges of the family graph fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgesSeen {
    /// Found by step 1, in this direction or as a tie.
    pub found: u64,
    /// Of these, confirmed by step 3.
    pub confirmed: u64,
    /// Of these, left by step 4.
    pub kept: u64,
    /// Not found by step 1, in the order of children.
    pub passed_over: Vec<PassedOver>,
}

/// An edge of the family graph that step 1 does not find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The parent.
    pub parent: u32,
    /// The child.
    pub child: u32,
    /// Why.
    pub why: Why,
    /// Whether other pairs hold both in one tiny graph.
    pub same_graph: bool,
}

/// Why directories do not show a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The parent has fewer than ten.
    FewDirectories,
    /// The parent has more than the child.
    MoreThanChild,
    /// Too many of the parent's are not in the child.
    Missing,
}

impl Why {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FewDirectories => "few-directories",
            Self::MoreThanChild => "more-than-child",
            Self::Missing => "missing",
        }
    }
}

/// Step 5: into how many parts the images fall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// By the pairs of step 1: tiny graphs and single images.
    pub by_directories: usize,
    /// By the pairs that step 3 confirms and images with the same files.
    pub by_files: usize,
    /// By the edges and twins of the family graph.
    pub families: usize,
    /// Families that are connected to a nearest base family that [tells](Connection::tells).
    pub connections: u64,
    /// By these connections as well.
    pub connected: usize,
}

/// A pair of step 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepPair {
    /// The inner image; of a tie that with fewer files, of equals the first.
    pub inner: u32,
    /// The outer image.
    pub outer: u32,
    /// Whether both have as many directories.
    pub tie: bool,
    /// Directories of the inner (left) and the outer image (right).
    pub directories: Overlap,
    /// Their files.
    pub files: Overlap,
    /// How it fared.
    pub fate: Fate,
    /// Whether it is an edge of the family graph.
    pub is_edge: bool,
}

/// How a pair of step 1 fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Step 3 refused it.
    Refused,
    /// Step 3 found the very same files.
    SameFiles,
    /// Step 4 let it fall.
    Fallen,
    /// It stays.
    Kept,
}

impl Fate {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::SameFiles => "same-files",
            Self::Fallen => "fallen",
            Self::Kept => "kept",
        }
    }
}

impl Steps {
    /// Takes images, given by their files and their directories, through the steps; `lineage` is
    /// their family graph. The pairs themselves are listed if they are at most `most_pairs`.
    ///
    /// # Panics
    ///
    /// If the three are not about the same number of images.
    pub fn of(
        files: &[&PathSet],
        directories: &[&PathSet],
        lineage: &Lineage,
        most_pairs: u64,
    ) -> Self {
        let images = files.len();
        assert_eq!(images, directories.len(), "as many sets of directories as of files");
        let (found, coarse) = find_pairs(directories);
        let mut groups = Groups::of(images);
        found.each(|inner, outer| groups.join(inner, outer));
        let graphs = tiny_graphs(&mut groups, &found);
        let by_directories = groups.count();

        let rank = ranks(files);
        let (confirmed, finer) = confirm(&found, &coarse, files, &rank);
        let kept = reduce(&confirmed);
        let tables = Tables { found, confirmed, kept, rank };
        let edges = tables.edges_seen(lineage, directories, &mut groups);
        let joined = Joined { by_directories, ..tables.joined(files, lineage) };
        let kept = tables.kept.count();
        let fallen = tables.confirmed.count() - kept;
        let mut steps =
            Self { images, graphs, finer, kept, fallen, edges, joined, pairs: None, coarse };
        if steps.coarse.pairs + steps.coarse.ties <= most_pairs {
            steps.pairs = Some(tables.list(files, directories, lineage));
        }
        steps
    }
}

/// Whether one set is in another as far as [`KEPT_PER_MILLE`] asks; sizes are not compared.
fn is_inside(common: u64, size: u64, per_mille: u64) -> bool {
    size >= MIN_FILES && common * 1000 >= per_mille * size
}

/// What a row says of its set and another: what they share, and their sizes.
fn counts(row: &PairRow<'_>, other: usize) -> (u64, u64, u64) {
    let wide = u64::from;
    (wide(row.common[other]), wide(row.sizes[row.set]), wide(row.sizes[other]))
}

/// Step 1. Of ties both directions are in the table.
fn find_pairs(directories: &[&PathSet]) -> (Table, Coarse) {
    let mut found = Table::of(directories.len());
    let mut coarse = Coarse::default();
    let mut ties_twice = 0;
    let _: ControlFlow<()> = AllPairs::from_sets(directories).for_each_row(|row| {
        coarse.blind += u64::from(u64::from(row.sizes[row.set]) < MIN_FILES);
        for other in (0..row.common.len()).filter(|other| *other != row.set) {
            let (common, inner, outer) = counts(&row, other);
            if inner > outer {
                continue;
            }
            if inner < outer {
                for (grade, pairs) in GRADES.iter().zip(&mut coarse.grades) {
                    *pairs += u64::from(is_inside(common, inner, *grade));
                }
            }
            if is_inside(common, inner, KEPT_PER_MILLE) {
                found.set(row.set, other);
                *(if inner == outer { &mut ties_twice } else { &mut coarse.pairs }) += 1;
            }
        }
        ControlFlow::Continue(())
    });
    coarse.ties = ties_twice / 2;
    (found, coarse)
}

/// Step 2.
fn tiny_graphs(groups: &mut Groups, found: &Table) -> Vec<TinyGraph> {
    let mut is_root = vec![true; found.side];
    found.each(|inner, outer| {
        if !found.has(outer, inner) {
            is_root[outer] = false;
        }
    });
    let mut of: Vec<TinyGraph> = vec![TinyGraph::default(); found.side];
    for (image, number) in (0..found.side).zip(0..) {
        // The first image of a group is its head, see `Groups::join`.
        let graph = &mut of[groups.head(image)];
        graph.images.push(number);
        if is_root[image] {
            graph.roots.push(number);
        }
    }
    of.retain(|graph| graph.images.len() > 1);
    of
}

/// The place of each image in the order of the number of files: confirmed pairs lead upwards.
fn ranks(files: &[&PathSet]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|&image| files[image].len());
    let mut rank = vec![0; files.len()];
    for (place, image) in order.into_iter().enumerate() {
        rank[image] = place;
    }
    rank
}

/// Step 3. The table has (rank of the outer, rank of the inner).
fn confirm(found: &Table, coarse: &Coarse, files: &[&PathSet], rank: &[usize]) -> (Table, Finer) {
    let mut confirmed = Table::of(files.len());
    let mut finer = Finer::default();
    let _: ControlFlow<()> = AllPairs::from_sets(files).for_each_row(|row| {
        for other in (0..row.common.len()).filter(|other| *other != row.set) {
            let (common, inner, outer) = counts(&row, other);
            let is_found = found.has(row.set, other);
            if inner < outer && is_inside(common, inner, KEPT_PER_MILLE) {
                if is_found {
                    confirmed.set(rank[other], rank[row.set]);
                    finer.confirmed += 1;
                } else {
                    finer.overlooked += 1;
                }
            }
            // Of ties both directions are found, and one is counted.
            if is_found && common == inner && inner == outer {
                let is_second = row.set > other && found.has(other, row.set);
                finer.same_files += u64::from(!is_second);
            }
        }
        ControlFlow::Continue(())
    });
    finer.refused = coarse.pairs + coarse.ties - finer.confirmed - finer.same_files;
    (confirmed, finer)
}

/// Step 4: of pairs (outer, inner), all with outer > inner, those that no chain of others implies.
fn reduce(confirmed: &Table) -> Table {
    let mut kept = Table::of(confirmed.side);
    let mut below = Table::of(confirmed.side);
    for outer in 0..confirmed.side {
        // The last first: what leads to an inner one over others is marked before it comes.
        for inner in confirmed.row_backwards(outer) {
            if !below.has(outer, inner) {
                kept.set(outer, inner);
                below.add_row(outer, inner);
                below.set(outer, inner);
            }
        }
    }
    kept
}

/// What became of pairs.
#[derive(Debug)]
struct Tables {
    /// Step 1: (inner, outer).
    found: Table,
    /// Step 3: (rank of the outer, rank of the inner).
    confirmed: Table,
    /// Step 4, in the same way.
    kept: Table,
    rank: Vec<usize>,
}

impl Tables {
    fn is_confirmed(&self, inner: usize, outer: usize) -> bool {
        self.confirmed.has(self.rank[outer], self.rank[inner])
    }

    fn is_kept(&self, inner: usize, outer: usize) -> bool {
        self.kept.has(self.rank[outer], self.rank[inner])
    }

    fn edges_seen(
        &self,
        lineage: &Lineage,
        directories: &[&PathSet],
        groups: &mut Groups,
    ) -> EdgesSeen {
        let mut seen = EdgesSeen::default();
        for edge in &lineage.edges {
            let (parent, child) = (edge.parent as usize, edge.child as usize);
            if self.found.has(parent, child) {
                seen.found += 1;
                seen.confirmed += u64::from(self.is_confirmed(parent, child));
                seen.kept += u64::from(self.is_kept(parent, child));
                continue;
            }
            let [ours, theirs] = [parent, child].map(|image| directories[image].len());
            let why = match ours {
                ..MIN_FILES => Why::FewDirectories,
                _ if ours > theirs => Why::MoreThanChild,
                _ => Why::Missing,
            };
            let same_graph = groups.head(parent) == groups.head(child);
            let passed = PassedOver { parent: edge.parent, child: edge.child, why, same_graph };
            seen.passed_over.push(passed);
        }
        seen
    }

    /// Step 5, but for what directories alone tell.
    fn joined(&self, files: &[&PathSet], lineage: &Lineage) -> Joined {
        let mut by_files = Groups::of(files.len());
        self.found.each(|inner, outer| {
            if self.is_confirmed(inner, outer) || files[inner] == files[outer] {
                by_files.join(inner, outer);
            }
        });
        let mut families = Groups::of(files.len());
        for family in &lineage.components {
            for image in family {
                families.join(family[0] as usize, *image as usize);
            }
        }
        let before = families.count();
        let telling: Vec<&Connection> =
            lineage.connections.iter().filter(|it| it.tells()).collect();
        for it in &telling {
            families.join(it.root as usize, it.base as usize);
        }
        Joined {
            by_directories: 0,
            by_files: by_files.count(),
            families: before,
            connections: telling.len() as u64,
            connected: families.count(),
        }
    }

    /// The pairs of step 1 with what became of them.
    fn list(
        &self,
        files: &[&PathSet],
        directories: &[&PathSet],
        lineage: &Lineage,
    ) -> Vec<StepPair> {
        let mut parents: Vec<Option<u32>> = vec![None; files.len()];
        for edge in &lineage.edges {
            parents[edge.child as usize] = Some(edge.parent);
        }
        let mut pairs = Vec::new();
        for (inner, inner_number) in (0..files.len()).zip(0_u32..) {
            for (outer, outer_number) in (0..files.len()).zip(0_u32..) {
                let tie = self.found.has(outer, inner);
                // Of a tie the direction of the files, which is that of the ranks.
                if !self.found.has(inner, outer) || (tie && self.rank[inner] > self.rank[outer]) {
                    continue;
                }
                let overlap = files[inner].overlap(files[outer]);
                let fate = if self.is_kept(inner, outer) {
                    Fate::Kept
                } else if self.is_confirmed(inner, outer) {
                    Fate::Fallen
                } else if overlap.left_only + overlap.right_only == 0 {
                    Fate::SameFiles
                } else {
                    Fate::Refused
                };
                pairs.push(StepPair {
                    inner: inner_number,
                    outer: outer_number,
                    tie,
                    directories: directories[inner].overlap(directories[outer]),
                    files: overlap,
                    fate,
                    is_edge: parents[outer] == Some(inner_number),
                });
            }
        }
        pairs.sort_by_key(|pair| (pair.outer, pair.inner));
        pairs
    }
}

/// A square table of bits.
#[derive(Debug)]
struct Table {
    side: usize,
    /// Words in a row.
    wide: usize,
    words: Vec<u64>,
}

impl Table {
    fn of(side: usize) -> Self {
        let wide = side.div_ceil(64);
        Self { side, wide, words: vec![0; wide * side] }
    }

    fn set(&mut self, row: usize, column: usize) {
        self.words[row * self.wide + column / 64] |= 1 << (column % 64);
    }

    fn has(&self, row: usize, column: usize) -> bool {
        self.words[row * self.wide + column / 64] >> (column % 64) & 1 == 1
    }

    fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.wide..][..self.wide]
    }

    /// The columns of a row, the last first.
    fn row_backwards(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        let words = self.row(row).iter().enumerate().rev();
        words.flat_map(|(at, word)| {
            let bits = (0..64).rev().filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| at * 64 + bit)
        })
    }

    /// Sets in a row what an earlier one has.
    fn add_row(&mut self, row: usize, earlier: usize) {
        let (before, after) = self.words.split_at_mut(row * self.wide);
        let from = &before[earlier * self.wide..][..self.wide];
        for (word, more) in after.iter_mut().zip(from) {
            *word |= more;
        }
    }

    fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Calls for each (row, column).
    fn each(&self, mut call: impl FnMut(usize, usize)) {
        for row in 0..self.side {
            for (at, word) in self.row(row).iter().enumerate() {
                let mut rest = *word;
                while rest != 0 {
                    call(row, at * 64 + rest.trailing_zeros() as usize);
                    rest &= rest - 1;
                }
            }
        }
    }
}

/// Which images hang together.
#[derive(Debug)]
struct Groups {
    above: Vec<usize>,
}

impl Groups {
    fn of(images: usize) -> Self {
        Self { above: (0..images).collect() }
    }

    /// The first image of a group.
    fn head(&mut self, mut image: usize) -> usize {
        while self.above[image] != image {
            self.above[image] = self.above[self.above[image]];
            image = self.above[image];
        }
        image
    }

    fn join(&mut self, one: usize, other: usize) {
        let heads = [self.head(one), self.head(other)];
        self.above[heads[0].max(heads[1])] = heads[0].min(heads[1]);
    }

    fn count(&self) -> usize {
        (0..).zip(&self.above).filter(|(image, above)| image == *above).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lineage::{Edge, EdgeKind, Survey};
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    type Plain = BTreeSet<u32>;

    fn path_sets(sets: &[Plain]) -> Vec<PathSet> {
        sets.iter().map(|set| PathSet::from_unsorted(set.iter().copied().collect())).collect()
    }

    fn steps(files: &[Plain], directories: &[Plain]) -> (Steps, Lineage) {
        let [files, directories] = [path_sets(files), path_sets(directories)];
        let refs: [Vec<&PathSet>; 2] = [files.iter().collect(), directories.iter().collect()];
        let lineage = Survey::of(&refs[0], None).lineage(&BTreeMap::new());
        (Steps::of(&refs[0], &refs[1], &lineage, u64::MAX), lineage)
    }

    fn inside(inner: &Plain, outer: &Plain) -> bool {
        let common = inner.intersection(outer).count();
        inner.len() >= 10 && common as f64 / inner.len() as f64 >= 0.975
    }

    /// Whether a chain of two pairs or more leads from one image to another.
    fn has_way(pairs: &BTreeSet<(usize, usize)>, from: usize, to: usize) -> bool {
        let mut open: Vec<usize> =
            pairs.iter().filter(|it| it.0 == from && it.1 != to).map(|it| it.1).collect();
        while let Some(image) = open.pop() {
            if pairs.contains(&(image, to)) {
                return true;
            }
            open.extend(pairs.iter().filter(|it| it.0 == image).map(|it| it.1));
        }
        false
    }

    /// How many parts pairs leave of so many images.
    fn parts(count: usize, pairs: impl Iterator<Item = (usize, usize)>) -> usize {
        let mut of: Vec<usize> = (0..count).collect();
        for (a, b) in pairs {
            let (old, new) = (of[a], of[b]);
            of.iter_mut().filter(|it| **it == old).for_each(|it| *it = new);
        }
        of.into_iter().collect::<BTreeSet<usize>>().len()
    }

    /// Images: each is an earlier one, less few and with some more, by files and by directories.
    fn images() -> impl Strategy<Value = (Vec<Plain>, Vec<Plain>)> {
        let part = || (btree_set(0_u32..200, 0..25), btree_set(0_u32..200, 0..3), 0..6_u8);
        let step = (any::<prop::sample::Index>(), part(), part());
        vec(step, 0..16).prop_map(|steps| {
            let mut made: [Vec<Plain>; 2] = [Vec::new(), Vec::new()];
            for (parent, files, directories) in steps {
                for ((added, removed, kind), sets) in
                    [files, directories].into_iter().zip(&mut made)
                {
                    let mut set = match kind {
                        0 => Plain::new(),
                        _ if sets.is_empty() => (0..40).collect(),
                        _ => sets[parent.index(sets.len())].clone(),
                    };
                    // Often only one of files and directories changes.
                    if kind > 2 {
                        set.extend(added);
                    }
                    if kind > 4 {
                        set.retain(|id| !removed.contains(id));
                    }
                    sets.push(set);
                }
            }
            let [files, directories] = made;
            (files, directories)
        })
    }

    proptest! {
        #[test]
        fn steps_are_those_of_naive_code((files, directories) in images()) {
            let (found, lineage) = steps(&files, &directories);
            let n = files.len();
            let all = || (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).filter(|(a, b)| a != b);
            let is_found = |(a, b): (usize, usize)| directories[a].len() <= directories[b].len() && inside(&directories[a], &directories[b]);
            let is_tie = |(a, b): (usize, usize)| directories[a].len() == directories[b].len();
            let coarse: BTreeSet<(usize, usize)> = all().filter(|pair| is_found(*pair)).collect();
            let ties = coarse.iter().filter(|it| is_tie(**it)).count() / 2;
            let wide = |count: usize| count as u64;
            prop_assert_eq!(found.coarse.ties, wide(ties));
            prop_assert_eq!(found.coarse.pairs, wide(coarse.len() - 2 * ties));
            prop_assert_eq!(found.coarse.grades[3], found.coarse.pairs);
            let whole = all().filter(|&(a, b)| directories[a].len() >= 10 && !is_tie((a, b)) && directories[a].is_subset(&directories[b])).count();
            prop_assert_eq!(found.coarse.grades[0], wide(whole));

            let fits = |(a, b): (usize, usize)| files[a].len() < files[b].len() && inside(&files[a], &files[b]);
            let confirmed: BTreeSet<(usize, usize)> = coarse.iter().copied().filter(|it| fits(*it)).collect();
            let same = coarse.iter().filter(|&&(a, b)| files[a] == files[b] && (a < b || !is_tie((a, b)))).count();
            let overlooked = all().filter(|it| fits(*it) && !coarse.contains(it)).count();
            prop_assert_eq!(found.finer.confirmed, wide(confirmed.len()));
            prop_assert_eq!(found.finer.same_files, wide(same));
            prop_assert_eq!(found.finer.overlooked, wide(overlooked));
            prop_assert_eq!(found.finer.refused, wide(coarse.len() - ties - confirmed.len() - same));

            let kept: BTreeSet<(usize, usize)> =
                confirmed.iter().copied().filter(|&(a, b)| !has_way(&confirmed, a, b)).collect();
            prop_assert_eq!(found.kept, wide(kept.len()));
            prop_assert_eq!(found.fallen, wide(confirmed.len() - kept.len()));

            let edges: Vec<(usize, usize)> =
                lineage.edges.iter().map(|it| (it.parent as usize, it.child as usize)).collect();
            let among = |pairs: &BTreeSet<(usize, usize)>| wide(edges.iter().filter(|it| pairs.contains(it)).count());
            prop_assert_eq!([found.edges.found, found.edges.confirmed, found.edges.kept], [among(&coarse), among(&confirmed), among(&kept)]);
            prop_assert_eq!(wide(found.edges.passed_over.len()), wide(edges.len()) - among(&coarse));

            prop_assert_eq!(found.joined.by_directories, parts(n, coarse.iter().copied()));
            let same_files = coarse.iter().copied().filter(|&(a, b)| files[a] == files[b]);
            prop_assert_eq!(found.joined.by_files, parts(n, confirmed.iter().copied().chain(same_files)));
            prop_assert_eq!(found.joined.families, lineage.components.len());

            let graphs = &found.graphs;
            let members: usize = graphs.iter().map(|graph| graph.images.len()).sum();
            prop_assert_eq!(graphs.len() + n - members, found.joined.by_directories);
            for graph in graphs {
                let is_root = |image: &u32| !coarse.iter().any(|it| it.1 == *image as usize && !is_tie(*it));
                let roots: Vec<u32> = graph.images.iter().copied().filter(is_root).collect();
                prop_assert_eq!(&graph.roots, &roots);
            }

            let pairs = found.pairs.unwrap();
            prop_assert_eq!(pairs.len(), coarse.len() - ties);
            for pair in pairs {
                let it = (pair.inner as usize, pair.outer as usize);
                prop_assert!(coarse.contains(&it));
                let fate = if kept.contains(&it) {
                    Fate::Kept
                } else if confirmed.contains(&it) {
                    Fate::Fallen
                } else if files[it.0] == files[it.1] {
                    Fate::SameFiles
                } else {
                    Fate::Refused
                };
                prop_assert_eq!((pair.fate, pair.tie), (fate, is_tie(it)));
                prop_assert_eq!(pair.is_edge, edges.contains(&it));
            }
        }
    }

    #[test]
    fn a_chain_loses_what_it_implies() {
        let sets: Vec<Plain> = [100, 110, 120, 130].map(|end| (0..end).collect()).into();
        let (found, _) = steps(&sets, &sets);
        assert_eq!((found.coarse.pairs, found.coarse.ties), (6, 0));
        assert_eq!((found.finer.confirmed, found.kept, found.fallen), (6, 3, 3));
        assert_eq!((found.edges.found, found.edges.kept), (3, 3));
        assert_eq!(found.graphs, [TinyGraph { images: vec![0, 1, 2, 3], roots: vec![0] }]);
        assert_eq!(found.joined.connected, 1);
    }

    #[test]
    fn it_is_told_why_an_edge_is_passed_over() {
        let files: Vec<Plain> = [100, 110, 120, 130].map(|end| (0..end).collect()).into();
        let directories: [Plain; 4] =
            [(0..5).collect(), (0..50).collect(), (0..40).collect(), (30..90).collect()];
        let (found, _) = steps(&files, &directories);
        let told: Vec<_> =
            found.edges.passed_over.iter().map(|it| (it.parent, it.child, it.why)).collect();
        let expected =
            [(0, 1, Why::FewDirectories), (1, 2, Why::MoreThanChild), (2, 3, Why::Missing)];
        assert_eq!(told, expected);
        assert_eq!(found.coarse.blind, 1);
    }

    #[test]
    fn few_files_tell_no_family() {
        let tells = |shared, missing| Connection { root: 0, base: 1, shared, missing }.tells();
        assert!(!tells(11, 3) && !tells(14, 0), "the files of BusyBox are those of any system");
        assert!(tells(62, 0), "all of Alpine 3.5");
        assert!(!tells(67, 33) && tells(740, 260), "two distributions, and two releases of one");
    }

    #[test]
    fn many_pairs_are_not_listed() {
        let sets: Vec<Plain> = [100, 110].map(|end| (0..end).collect()).into();
        let sets = path_sets(&sets);
        let refs: Vec<&PathSet> = sets.iter().collect();
        let edge = Edge {
            parent: 0,
            child: 1,
            kind: EdgeKind::Parent,
            confidence: 1.0,
            proofs: Vec::new(),
            alternatives: Vec::new(),
        };
        let lineage = Lineage { edges: vec![edge], ..Lineage::default() };
        assert_eq!(Steps::of(&refs, &refs, &lineage, 0).pairs, None);
        let listed = Steps::of(&refs, &refs, &lineage, 1).pairs.unwrap_or_default();
        assert_eq!((listed.len(), listed[0].is_edge), (1, true));
        assert_eq!(Steps::of(&[], &[], &Lineage::default(), 0).pairs, Some(Vec::new()));
    }
}
