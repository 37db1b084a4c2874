//! The family graph of many images: for each its parent, with all that speaks for it.
//!
//! The steps of the founding text, in its order: find who contains whom (coarse: all pairs by the
//! rarity of paths, see [`Candidates`]), which gives tiny graphs; their roots; inside them a finer
//! look at those pairs that need it ([`Look`]); then connect the tiny graphs by the nearest base. A
//! child has one parent, the nearest ancestor that is found, so that no edge repeats what a longer
//! way tells: the graph is its own transitive reduction.

use super::chain::{Base, Chain, bases};
use super::edge::{Edge, EdgeKind, Kin, KinKind, Lineage, Proof};
use super::judge;
use super::left_over::larger;
use super::look::Look;
use super::parent::Candidates;
use crate::measure::Measure;
use crate::path_set::PathSet;
use crate::relation::{MIN_FILES, REBUILD_DICE};
use std::collections::BTreeMap;

/// How sure a base is that layers tell, and one that only full layers tell.
const LAYERS_CONFIDENCE: f64 = 0.99;
const FULL_LAYERS_CONFIDENCE: f64 = 0.9;

/// No guess is surer than full layers in common.
pub(super) const WITHOUT_LAYERS: f64 = FULL_LAYERS_CONFIDENCE;

/// From here down an edge is no more than containment.
pub(super) const UNSURE: f64 = 0.5;

/// A candidate that lacks more than this share in the child is not looked at.
pub(super) const MAX_LOST: f64 = 0.15;

/// How many candidates of a child are looked at.
pub(super) const LOOKS: usize = 2;

/// How many more images with the same files as a candidate are looked at.
pub(crate) const TWINS: usize = 3;

/// What is known before any entry is looked at.
#[derive(Debug)]
pub struct Survey<'a> {
    pub(super) files: &'a [&'a PathSet],
    pub(super) candidates: Candidates,
    bases: Vec<Option<Base>>,
    pub(super) chains: Option<&'a [Chain]>,
    /// Where contents count: of which images an image may be left.
    pub(super) larger: BTreeMap<u32, Vec<u32>>,
    pub(super) declared: Vec<Option<u32>>,
    /// Where contents count: of the first of images with the same files the others.
    twins: BTreeMap<u32, Vec<u32>>,
    /// Where contents count: pairs of images without a clear parent that have as many files, nearly all
    /// of them in common. Neither is a candidate of the other.
    level: Vec<(u32, u32)>,
}

impl<'a> Survey<'a> {
    /// Ranks candidates of images given by their files; without chains by paths only. With chains
    /// contents count too, even if all chains are empty.
    pub fn of(files: &'a [&'a PathSet], chains: Option<&'a [Chain]>) -> Self {
        Self::with(files, Candidates::rank(files), chains)
    }

    /// The same with candidates that were ranked elsewhere.
    pub fn with(
        files: &'a [&'a PathSet],
        candidates: Candidates,
        chains: Option<&'a [Chain]>,
    ) -> Self {
        let bases = match chains {
            Some(chains) => bases(&chains.iter().collect::<Vec<_>>()),
            None => vec![None; files.len()],
        };
        let larger = chains.map(|_| larger(&candidates, files)).unwrap_or_default();
        let mut twins: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        if chains.is_some() {
            for image in (0..).take(candidates.len()) {
                let first = candidates.first_twin(image);
                if first != image {
                    twins.entry(first).or_default().push(image);
                }
            }
        }
        let level = chains.map(|_| level(&candidates, &bases, files)).unwrap_or_default();
        Self { files, candidates, bases, chains, larger, declared: Vec::new(), twins, level }
    }

    /// An image and, where contents tell them apart, some of those with the same files.
    pub(super) fn with_twins_of(&self, first: u32) -> impl Iterator<Item = u32> {
        let others = self.twins.get(&first).into_iter().flatten().copied();
        std::iter::once(first).chain(others.take(TWINS))
    }

    /// The image on whose layers an image stands.
    pub(super) fn base_of(&self, image: u32) -> Option<u32> {
        self.bases[image as usize].map(|base| base.image)
    }

    /// The candidates by paths.
    pub fn candidates(&self) -> &Candidates {
        &self.candidates
    }

    /// The pairs (candidate, child) whose entries should be looked at, ascending.
    ///
    /// By paths only that is where deletions may hide the parent; else also where content has to
    /// confirm what no layer tells or what is declared, where an image may be what is left of a larger
    /// one, and of twins.
    pub fn questions(&self) -> Vec<(u32, u32)> {
        let mut pairs = Vec::new();
        let by_content = self.chains.is_some();
        for child in (0..).take(self.files.len()) {
            let first = self.candidates.first_twin(child);
            if by_content && first != child {
                pairs.push((first, child));
            }
            if self.bases[child as usize].is_some() {
                continue;
            }
            let is_clear = self.candidates.parent(child).is_some();
            let asked = self.candidates.of(child).iter().filter(|candidate| match is_clear {
                true => by_content && candidate.score() > 0.0,
                false => Measure::ContainmentLeft.of(candidate.overlap) >= 1.0 - MAX_LOST,
            });
            let asked = asked.take(LOOKS).flat_map(|candidate| self.with_twins_of(candidate.image));
            pairs.extend(asked.map(|image| (image, child)));
            pairs.extend(self.larger_of(child).iter().map(|&larger| (larger, child)));
            pairs.extend(self.declared_base(child).map(|base| (base, child)));
        }
        pairs.extend(&self.level);
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// Builds the graph from what was surveyed and the answers to the questions; without an answer a
    /// pair is judged by its paths.
    pub fn lineage(&self, looks: &BTreeMap<(u32, u32), Look>) -> Lineage {
        let (mut lineage, parents) = self.edges(looks);
        self.arrange(&mut lineage, &parents);
        lineage
    }

    /// The edge and the kin of one image: of the sets of files only those of that image, of its base by
    /// layers and of what concerns larger images are looked at.
    pub fn edge_of(
        &self,
        child: u32,
        looks: &BTreeMap<(u32, u32), Look>,
    ) -> (Option<Edge>, Vec<Kin>) {
        let Lineage { edges, mut kin, .. } = self.edges(looks).0;
        kin.retain(|it| it.images.contains(&child));
        (edges.into_iter().find(|edge| edge.child == child), kin)
    }

    /// Edges and kin, and the parent of each image.
    fn edges(&self, looks: &BTreeMap<(u32, u32), Look>) -> (Lineage, Vec<Option<u32>>) {
        let mut lineage = Lineage::default();
        let mut parents: Vec<Option<u32>> =
            self.bases.iter().map(|base| base.map(|base| base.image)).collect();
        for child in (0..).take(self.files.len()) {
            lineage.kin.extend(self.twin(child, looks));
            let edge = match self.bases[child as usize] {
                Some(base) => {
                    lineage.kin.extend(self.rebuild_on(base, child));
                    Some(self.edge_by_layers(base, child))
                }
                None => self.edge_by_paths(child, looks, &parents, &mut lineage.kin),
            };
            if edge.is_none() && self.candidates.first_twin(child) == child {
                self.sibling(child, looks, &mut lineage.kin);
            }
            parents[child as usize] = edge.as_ref().map(|edge| edge.parent);
            lineage.edges.extend(edge);
        }
        for &(left, right) in &self.level {
            if parents[left as usize].is_none() && parents[right as usize].is_none() {
                let content = looks.get(&(left, right)).and_then(|look| self.known_content(look));
                lineage.kin.push(Kin::of((left, right), judge::kind_of(content)));
            }
        }
        self.declare(&mut lineage, &mut parents, looks);
        (lineage, parents)
    }

    /// That an image has the same files as an earlier one.
    fn twin(&self, child: u32, looks: &BTreeMap<(u32, u32), Look>) -> Option<Kin> {
        let first = self.candidates.first_twin(child);
        let content = looks.get(&(first, child)).map(|look| look.comparison.content);
        let is_same = content.is_some_and(|content| content.changed + content.unknown == 0);
        let kind = if is_same { KinKind::Identical } else { KinKind::SamePaths };
        (first != child).then_some(Kin { images: [first, child], kind })
    }

    /// That an image is another built again: both on one base, and nearly the same files.
    fn rebuild_on(&self, base: Base, child: u32) -> Option<Kin> {
        let best = self.candidates.parent(child)?;
        let theirs = self.bases[best.image as usize]?;
        let is_other = best.image != base.image && theirs.image == base.image;
        let is_alike = Measure::Dice.of(best.overlap) >= REBUILD_DICE;
        (is_other && is_alike).then(|| Kin::of((best.image, child), KinKind::Rebuild))
    }

    fn edge_by_layers(&self, base: Base, child: u32) -> Edge {
        let Base { image: parent, layers, with_empty } = base;
        let mut proofs = vec![Proof::Layers { layers, with_empty }];
        let first = self.candidates.first_twin(parent);
        let ranked = self.candidates.of(child).iter().find(|candidate| candidate.image == first);
        proofs.extend(ranked.map(|&candidate| Proof::Paths { candidate, deletions: None }));
        let kept_all =
            self.files[parent as usize].overlap(self.files[child as usize]).left_only == 0;
        let confidence = if with_empty { LAYERS_CONFIDENCE } else { FULL_LAYERS_CONFIDENCE };
        let kind = if kept_all { EdgeKind::Parent } else { EdgeKind::ChildWithEdits };
        Edge { parent, child, kind, confidence, proofs, alternatives: Vec::new() }
    }
}

/// Pairs of images without a base by layers or a clear parent, first of their twins, that have as many
/// files and nearly the same ones; ascending. O(images without a parent, squared).
fn level(candidates: &Candidates, bases: &[Option<Base>], files: &[&PathSet]) -> Vec<(u32, u32)> {
    let is_open = |image: &u32| {
        candidates.first_twin(*image) == *image
            && bases[*image as usize].is_none()
            && candidates.parent(*image).is_none()
            && files[*image as usize].len() >= MIN_FILES
    };
    let open: Vec<u32> = (0..).take(files.len()).filter(is_open).collect();
    let sizes: Vec<u64> = open.iter().map(|image| files[*image as usize].len()).collect();
    let mut level = Vec::new();
    for (at, left) in open.iter().enumerate() {
        let rest = open.iter().zip(&sizes).skip(at + 1).filter(|(_, size)| **size == sizes[at]);
        let near = rest.map(|(right, _)| *right).filter(|right| {
            let overlap = files[*left as usize].overlap(files[*right as usize]);
            Measure::Dice.of(overlap) >= REBUILD_DICE
        });
        level.extend(near.map(|right| (*left, right)));
    }
    level
}

#[cfg(test)]
mod tests {
    use super::super::edge::{Claim, Connection, Standing};
    use super::*;
    use crate::image::{Digest, LayerKey};
    use crate::relation::{Comparison, Content};

    fn set(ranges: &[(u32, u32)]) -> PathSet {
        PathSet::from_unsorted(ranges.iter().flat_map(|&(start, end)| start..end).collect())
    }

    fn chain(layers: &[u8]) -> Chain {
        let keys: Vec<LayerKey> =
            layers.iter().map(|byte| LayerKey::DiffId(Digest([*byte; 32]))).collect();
        Chain { all: keys.clone(), full: keys }
    }

    fn lineage(
        sets: &[PathSet],
        chains: Option<&[Chain]>,
        looks: &[((u32, u32), Look)],
    ) -> Lineage {
        let files: Vec<&PathSet> = sets.iter().collect();
        Survey::of(&files, chains).lineage(&looks.iter().copied().collect())
    }

    fn parents(lineage: &Lineage) -> Vec<(u32, u32, &'static str)> {
        lineage.edges.iter().map(|edge| (edge.child, edge.parent, edge.kind.name())).collect()
    }

    fn look(same: u64, changed: u64, missing: u64, deletions: u64) -> Look {
        let mut comparison =
            Comparison { content: Content { same, changed, unknown: 0 }, ..Comparison::default() };
        comparison.files.common = same + changed;
        comparison.files.left_only = missing;
        Look { comparison, deletions }
    }

    #[test]
    fn tiny_graphs_have_roots_and_hang_together() {
        let sets = [
            set(&[(0, 2000), (9000, 9100)]),
            set(&[(0, 1000)]),
            set(&[(0, 1000), (3000, 3400)]),
            set(&[(5000, 6000)]),
            set(&[(0, 1000)]),
            set(&[(0, 980), (7000, 7900)]),
        ];
        let found = lineage(&sets, None, &[]);
        assert_eq!(parents(&found), [(0, 1, "parent"), (2, 1, "parent")]);
        assert_eq!(found.roots, [1, 3, 5]);
        assert_eq!(found.components, [vec![1, 0, 2, 4], vec![3], vec![5]]);
        assert_eq!(found.kin, [Kin { images: [1, 4], kind: KinKind::SamePaths }]);
        let nearest = Connection { root: 5, base: 1, shared: 980, missing: 20 };
        assert_eq!(found.connections, [nearest]);
    }

    #[test]
    fn content_refuses_and_confirms() {
        let sets = [set(&[(0, 1000)]), set(&[(0, 1010)])];
        let chains = [chain(&[1]), chain(&[2])];
        let files: Vec<&PathSet> = sets.iter().collect();
        let survey = Survey::of(&files, Some(&chains));
        assert_eq!(survey.questions(), [(0, 1)]);
        let found = lineage(&sets, Some(&chains), &[((0, 1), look(900, 100, 0, 0))]);
        assert_eq!((parents(&found), found.kin[0].kind), (vec![], KinKind::Rebuild));
        let found = lineage(&sets, Some(&chains), &[((0, 1), look(999, 1, 0, 0))]);
        assert_eq!(parents(&found), [(1, 0, "child-with-edits")]);
        let with_content = found.edges[0].confidence;
        let by_paths = lineage(&sets, None, &[]).edges[0].confidence;
        assert!(with_content > by_paths, "{with_content} {by_paths}");
        // On one layer, and then not: contained, whatever the contents.
        let chains = [chain(&[1, 2]), chain(&[1, 3])];
        let found = lineage(&sets, Some(&chains), &[((0, 1), look(1000, 0, 0, 0))]);
        assert_eq!(parents(&found), [(1, 0, "contained-in")]);
        assert!(found.edges[0].confidence <= UNSURE);
    }

    #[test]
    fn of_images_with_the_same_files_contents_choose() {
        let sets = [set(&[(0, 1000)]), set(&[(0, 1000)]), set(&[(0, 1100)])];
        let chains = [chain(&[1]), chain(&[2]), chain(&[3])];
        let files: Vec<&PathSet> = sets.iter().collect();
        assert_eq!(Survey::of(&files, Some(&chains)).questions(), [(0, 1), (0, 2), (1, 2)]);
        let looks = [((0, 2), look(900, 100, 0, 0)), ((1, 2), look(1000, 0, 0, 0))];
        assert_eq!(parents(&lineage(&sets, Some(&chains), &looks)), [(2, 1, "parent")]);
        let looks = [((0, 2), look(1000, 0, 0, 0)), ((1, 2), look(1000, 0, 0, 0))];
        assert_eq!(parents(&lineage(&sets, Some(&chains), &looks)), [(2, 0, "parent")]);
        // By paths alone they are one.
        assert_eq!(Survey::of(&files, None).questions(), []);
    }

    #[test]
    fn candidates_that_only_share_a_base_are_refused() {
        // 1 is what a clean-up left of 0; 2 is 0 built again, with a few other files.
        let sets = [set(&[(0, 1000)]), set(&[(0, 900)]), set(&[(0, 990), (2000, 2020)])];
        let chains = [chain(&[1]), chain(&[1, 2]), chain(&[3])];
        let looks = [((1, 2), look(900, 0, 0, 0)), ((0, 2), look(990, 0, 10, 10))];
        let found = lineage(&sets, Some(&chains), &looks);
        assert!(parents(&found).iter().all(|(child, parent, _)| (*child, *parent) != (2, 1)));
        // With something of its own that the child has too it may be the parent.
        let sets = [
            set(&[(0, 1000)]),
            set(&[(0, 900), (3000, 3050)]),
            set(&[(0, 900), (3000, 3050), (4000, 4100)]),
        ];
        let found = lineage(&sets, Some(&chains), &[((1, 2), look(950, 0, 0, 0))]);
        assert!(parents(&found).contains(&(2, 1, "parent")), "{:?}", parents(&found));
    }

    #[test]
    fn deletions_are_forgiven_at_the_second_look() {
        let sets = [set(&[(0, 1000)]), set(&[(50, 1000), (2000, 2100)])];
        assert_eq!(parents(&lineage(&sets, None, &[])), []);
        let files: Vec<&PathSet> = sets.iter().collect();
        assert_eq!(Survey::of(&files, None).questions(), [(0, 1)]);
        let found = lineage(&sets, None, &[((0, 1), look(0, 0, 50, 1))]);
        assert_eq!(parents(&found), [(1, 0, "child-with-edits")]);
        assert!(found.edges[0].confidence <= UNSURE);
        assert_eq!(parents(&lineage(&sets, None, &[((0, 1), look(0, 0, 50, 50))])), []);
    }

    #[test]
    fn what_is_declared_helps_where_nothing_else_is_sure() {
        // Of the first the child lost fifty files one by one: too many for paths.
        let sets = [set(&[(0, 1000)]), set(&[(50, 1000), (2000, 2100)])];
        let files: Vec<&PathSet> = sets.iter().collect();
        let chains = [Chain::default(), Chain::default()];
        let declaring = |base| Survey::of(&files, Some(&chains)).declaring(vec![None, Some(base)]);
        let looks = |same, changed| BTreeMap::from([((0, 1), look(same, changed, 50, 50))]);
        assert_eq!(parents(&lineage(&sets, Some(&chains), &[((0, 1), look(950, 0, 50, 50))])), []);
        let found = declaring(0).lineage(&looks(950, 0));
        assert_eq!(parents(&found), [(1, 0, "child-with-edits")]);
        assert_eq!(found.declared, [Claim { child: 1, base: 0, standing: Standing::Parent }]);
        assert_eq!(found.roots, [0]);
        // Other contents: it is told, and not believed. Nor is what cannot be.
        let found = declaring(0).lineage(&looks(900, 50));
        assert_eq!((parents(&found), found.declared[0].standing), (vec![], Standing::NotConfirmed));
        assert_eq!(declaring(1).lineage(&looks(950, 0)).declared, []);
        assert_eq!(declaring(7).lineage(&looks(950, 0)).declared, []);
        // Layers that part rule it out.
        let chains = [chain(&[1, 2]), chain(&[1, 3])];
        let survey = Survey::of(&files, Some(&chains)).declaring(vec![None, Some(0)]);
        assert_eq!(parents(&survey.lineage(&looks(950, 0))), []);
    }

    #[test]
    fn neighbors_that_nothing_tells_apart_are_siblings() {
        // Each has a file in twenty that the other has not.
        let sets = [set(&[(0, 1000)]), set(&[(50, 1060)])];
        let sibling = Kin { images: [0, 1], kind: KinKind::Sibling };
        assert_eq!(lineage(&sets, None, &[]).kin, [sibling]);
        // Refused for its contents, by most of them: told once, as what it is.
        let sets = [set(&[(0, 1000)]), set(&[(0, 1010)])];
        let chains = [Chain::default(), Chain::default()];
        let found = lineage(&sets, Some(&chains), &[((0, 1), look(300, 700, 0, 0))]);
        assert_eq!((parents(&found), found.kin), (vec![], vec![sibling]));
        // Far from each other: nothing is said.
        let sets = [set(&[(0, 1000)]), set(&[(300, 1400)])];
        assert_eq!(lineage(&sets, None, &[]).kin, []);
    }

    #[test]
    fn what_is_left_of_an_image_is_no_base_of_it() {
        // 1 lost files of 0 that all on 0 have; by paths 0 and all others stand on 1.
        let mut sets = vec![set(&[(0, 1000)]), set(&[(0, 900)])];
        sets.extend((0..8).map(|it| set(&[(0, 1000), (2000 + 100 * it, 2050 + 100 * it)])));
        let chains = vec![Chain::default(); sets.len()];
        let mut left = look(900, 0, 100, 2);
        left.comparison.packages.same = 1;
        let forward = look(900, 0, 0, 0);
        let files: Vec<&PathSet> = sets.iter().collect();
        assert!(Survey::of(&files, Some(&chains)).questions().contains(&(0, 1)));
        let found = lineage(&sets, Some(&chains), &[((0, 1), left), ((1, 0), forward)]);
        let edge = found.edges.iter().find(|edge| edge.child == 1).unwrap();
        assert_eq!((edge.parent, edge.confidence), (0, UNSURE));
        assert!(found.edges.iter().all(|edge| edge.parent == 0), "{:?}", parents(&found));
        // Had packages been installed in between, it would be the base.
        left.comparison.packages.changed = 1;
        let found = lineage(&sets, Some(&chains), &[((0, 1), left), ((1, 0), forward)]);
        assert_eq!(found.edges[0].parent, 1);
    }

    #[test]
    fn layers_come_first_and_edges_do_not_lead_in_a_circle() {
        // 1 deleted files of 0, so that by paths 0 would be its child; 2 is 0 again on top of 1.
        let sets = [
            set(&[(0, 1000)]),
            set(&[(0, 900)]),
            set(&[(0, 1000)]),
            set(&[(0, 1000), (1500, 1600)]),
        ];
        let chains = [chain(&[1]), chain(&[1, 2]), chain(&[1, 2, 3]), chain(&[4])];
        let found = lineage(&sets, Some(&chains), &[]);
        assert_eq!(
            parents(&found),
            [(1, 0, "child-with-edits"), (2, 1, "parent"), (3, 0, "parent")]
        );
        assert_eq!((found.roots.clone(), found.components.len()), (vec![0], 1));
        // By paths alone it is the other way round, and that is all they can tell.
        let found = lineage(&sets, None, &[]);
        assert_eq!(parents(&found), [(0, 1, "parent"), (2, 1, "parent"), (3, 0, "parent")]);
        // A rebuild stands on the base of what it was built like.
        let sets = [set(&[(0, 1000)]), set(&[(0, 1500)]), set(&[(0, 1501)])];
        let chains = [chain(&[1]), chain(&[1, 2]), chain(&[1, 3])];
        let found = lineage(&sets, Some(&chains), &[]);
        assert_eq!(parents(&found), [(1, 0, "parent"), (2, 0, "parent")]);
        assert_eq!(found.kin, [Kin { images: [1, 2], kind: KinKind::Rebuild }]);
    }

    #[test]
    fn no_image_has_no_family() {
        assert_eq!(lineage(&[], None, &[]), Lineage::default());
        let found = lineage(&[set(&[]), set(&[])], None, &[]);
        assert_eq!((found.roots, found.edges), (vec![0, 1], vec![]));
    }
}
