//! Walks over the family graph: what an image stands on, what stands on it, what two have below them.
//!
//! An image hangs on its parent, or, where it has none, on a twin that has one: what a copy was built
//! from, its twin was built from too. Twins with the same contents count as one image. Of twins that
//! have only their paths in common an edge that layers prove holds for the one that it names; every
//! other edge names the first of them and may mean any.
//!
//! **The confidence of a way** is the product of those of its steps: that all of them are right, as
//! far as they are independent.

use super::edge::{Connection, Edge, KinKind, Lineage, Proof};
use crate::inventory::Inventory;
use crate::relation::Comparison;
use std::collections::{BTreeMap, BTreeSet};

/// How sure it is that an image is another of which it has the paths, and no more is known to be the
/// same: as sure as an edge that is no more than containment.
pub const SAME_PATHS_CONFIDENCE: f64 = 0.5;

/// Another image with the same files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twin {
    /// Its number.
    pub image: u32,
    /// Whether the contents are known to be the same.
    pub identical: bool,
}

impl Twin {
    /// What is known of the two, as kin are named.
    pub const fn kind(self) -> KinKind {
        if self.identical { KinKind::Identical } else { KinKind::SamePaths }
    }

    const fn confidence(self) -> f64 {
        if self.identical { 1.0 } else { SAME_PATHS_CONFIDENCE }
    }
}

/// How an image hangs on another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Link<'a> {
    /// It was built from it.
    Edge(&'a Edge),
    /// It has the same files.
    Twin(Twin),
}

impl Link<'_> {
    fn confidence(self) -> f64 {
        match self {
            Self::Edge(edge) => edge.confidence,
            Self::Twin(twin) => twin.confidence(),
        }
    }

    const fn is_edge(self) -> bool {
        matches!(self, Self::Edge(_))
    }
}

/// A step of a way up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step<'a> {
    /// From where.
    pub from: u32,
    /// To where.
    pub to: u32,
    /// By what.
    pub link: Link<'a>,
    /// How sure the way is up to here, in `0..=1`.
    pub confidence: f64,
}

/// An image that stands on the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Descendant<'a> {
    /// Its number.
    pub image: u32,
    /// How many steps below; 1 or more.
    pub depth: usize,
    /// On what it stands directly.
    pub on: u32,
    /// How.
    pub link: Link<'a>,
    /// How sure the whole way is, in `0..=1`.
    pub confidence: f64,
}

/// An image that another is or stands on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ground {
    /// Its number.
    pub image: u32,
    /// How many edges below it the other is; 0 for itself and its twins.
    pub edges: usize,
    /// How sure that is, in `0..=1`.
    pub confidence: f64,
}

/// The nearest common ancestor of two images.
#[derive(Clone, Debug, PartialEq)]
pub struct Common<'a> {
    /// It: one of the two if the other stands on it. Of twins the one on the way of the first image.
    pub image: u32,
    /// The steps from each of the two to it.
    pub ways: [Vec<Step<'a>>; 2],
}

impl Common<'_> {
    /// How sure both ways are.
    pub fn confidence(&self) -> f64 {
        let of = |way: &Vec<Step<'_>>| way.last().map_or(1.0, |step| step.confidence);
        of(&self.ways[0]) * of(&self.ways[1])
    }
}

/// The family graph, ready to be walked.
#[derive(Clone, Debug)]
pub struct Ancestry<'a> {
    lineage: &'a Lineage,
    edges: Vec<Option<&'a Edge>>,
    above: Vec<Option<u32>>,
    below: Vec<Vec<u32>>,
    // Of each image the first one with the same files, and of that all, with what is known.
    firsts: Vec<u32>,
    groups: BTreeMap<u32, Vec<Twin>>,
}

impl<'a> Ancestry<'a> {
    /// Prepares a graph. O(images times the length of the ways).
    pub fn of(lineage: &'a Lineage) -> Self {
        let images: usize = lineage.components.iter().map(Vec::len).sum();
        let mut edges = vec![None; images];
        for edge in &lineage.edges {
            edges[edge.child as usize] = Some(edge);
        }
        let mut firsts: Vec<u32> = (0..).take(images).collect();
        let mut groups: BTreeMap<u32, Vec<Twin>> = BTreeMap::new();
        for kin in lineage.kin.iter().filter(|kin| is_twin(kin.kind)) {
            let [first, image] = kin.images;
            firsts[image as usize] = first;
            let group =
                groups.entry(first).or_insert_with(|| vec![Twin { image: first, identical: true }]);
            group.push(Twin { image, identical: kin.kind == KinKind::Identical });
        }
        let above = edges.iter().map(|edge| edge.map(|edge: &Edge| edge.parent)).collect();
        let mut ancestry = Self { lineage, edges, above, below: Vec::new(), firsts, groups };
        ancestry.hang_on_twins();
        ancestry.below = vec![Vec::new(); images];
        for image in (0..).take(images) {
            if let Some(above) = ancestry.above[image as usize] {
                ancestry.below[above as usize].push(image);
            }
        }
        ancestry
    }

    /// Hangs images without a parent on a twin that does not hang on them, the last first, so that of
    /// twins without a parent all hang on the first.
    fn hang_on_twins(&mut self) {
        for image in (0..).take(self.above.len()).collect::<Vec<u32>>().into_iter().rev() {
            if self.above[image as usize].is_none() {
                let mut twins = self.twins(image);
                twins.sort_by_key(|twin| !twin.identical);
                let twin = twins.into_iter().find(|twin| self.root(twin.image) != image);
                self.above[image as usize] = twin.map(|twin| twin.image);
            }
        }
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.above.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.above.is_empty()
    }

    /// The other images with the same files, in their order. Contents are known against the first of
    /// them only, so that two later ones are identical if both are identical to that.
    pub fn twins(&self, image: u32) -> Vec<Twin> {
        let group = self.groups.get(&self.firsts[image as usize]).map_or(&[][..], Vec::as_slice);
        let own = group.iter().find(|twin| twin.image == image).is_some_and(|twin| twin.identical);
        let others = group.iter().filter(|twin| twin.image != image);
        others.map(|twin| Twin { image: twin.image, identical: own && twin.identical }).collect()
    }

    /// The parent's edge, if it has one.
    pub fn edge(&self, image: u32) -> Option<&'a Edge> {
        self.edges[image as usize]
    }

    /// On what an image hangs.
    fn link(&self, image: u32) -> Option<(u32, Link<'a>)> {
        let above = self.above[image as usize]?;
        if let Some(edge) = self.edges[image as usize] {
            return Some((above, Link::Edge(edge)));
        }
        let twin = self.twins(image).into_iter().find(|twin| twin.image == above);
        twin.map(|twin| (above, Link::Twin(twin)))
    }

    /// The end of the way up.
    pub fn root(&self, mut image: u32) -> u32 {
        while let Some(above) = self.above[image as usize] {
            image = above;
        }
        image
    }

    /// The steps from an image up to the root of its tiny graph, nearest first; none from a root.
    pub fn way(&self, image: u32) -> Vec<Step<'a>> {
        let mut way: Vec<Step<'a>> = Vec::new();
        let mut from = image;
        let mut confidence = 1.0;
        while let Some((to, link)) = self.link(from) {
            confidence *= link.confidence();
            way.push(Step { from, to, link, confidence });
            from = to;
        }
        way
    }

    /// Whether an image stands on another by one edge or more, twins aside.
    pub fn stands_on(&self, image: u32, other: u32) -> bool {
        let mut by_edge = false;
        self.way(image).iter().any(|step| {
            by_edge |= step.link.is_edge();
            by_edge && step.to == other
        })
    }

    /// All that an image is or stands on, nearest first, twins included.
    pub fn grounds(&self, image: u32) -> Vec<Ground> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut add = |image: u32, edges: usize, confidence: f64| {
            if seen.insert(image) {
                found.push(Ground { image, edges, confidence });
            }
        };
        add(image, 0, 1.0);
        for twin in self.twins(image) {
            add(twin.image, 0, twin.confidence());
        }
        let mut edges = 0;
        for Step { to, link, confidence, .. } in self.way(image) {
            edges += usize::from(link.is_edge());
            add(to, edges, confidence);
            for twin in self.twins(to) {
                match link {
                    _ if twin.identical => add(twin.image, edges, confidence),
                    Link::Edge(edge) if is_by_layers(edge) => {}
                    _ => add(twin.image, edges, confidence.min(SAME_PATHS_CONFIDENCE)),
                }
            }
        }
        found
    }

    /// Every image that stands on one, each behind what it stands on, siblings in their order. What
    /// stands on its twins is among them, but for what layers prove to stand on a twin with other
    /// contents; twins themselves are not. O(images below, and twins).
    pub fn descendants(&self, image: u32) -> Vec<Descendant<'a>> {
        let mut starts = vec![Twin { image, identical: true }];
        starts.extend(self.twins(image).into_iter().filter(|twin| {
            !self.stands_on(twin.image, image) && !self.stands_on(image, twin.image)
        }));
        let mut seen: BTreeSet<u32> = starts.iter().map(|twin| twin.image).collect();
        let mut open = Vec::new();
        for twin in starts.into_iter().rev() {
            let children = self.below[twin.image as usize].iter().rev().filter_map(|child| {
                let (on, link) = self.link(*child)?;
                let confidence = match link {
                    Link::Edge(edge) if twin.identical => edge.confidence,
                    Link::Edge(edge) if is_by_layers(edge) => return None,
                    link => link.confidence().min(SAME_PATHS_CONFIDENCE),
                };
                Some(Descendant { image: *child, depth: 1, on, link, confidence })
            });
            open.extend(children);
        }
        let mut found = Vec::new();
        while let Some(next) = open.pop() {
            if !seen.insert(next.image) {
                continue;
            }
            found.push(next);
            open.extend(self.below[next.image as usize].iter().rev().filter_map(|child| {
                let (on, link) = self.link(*child)?;
                let confidence = next.confidence * link.confidence();
                Some(Descendant { image: *child, depth: next.depth + 1, on, link, confidence })
            }));
        }
        found
    }

    /// The nearest common ancestor: the first image on the way of one that is on the way of the other
    /// too, or identical to one there.
    pub fn common(&self, left: u32, right: u32) -> Option<Common<'a>> {
        let (left_way, right_way) = (self.way(left), self.way(right));
        let mut places: BTreeMap<u32, usize> = BTreeMap::new();
        let images = std::iter::once(right).chain(right_way.iter().map(|step| step.to));
        for (at, image) in images.enumerate() {
            places.entry(image).or_insert(at);
            for twin in self.twins(image).iter().filter(|twin| twin.identical) {
                places.entry(twin.image).or_insert(at);
            }
        }
        let mut images = std::iter::once(left).chain(left_way.iter().map(|step| step.to));
        let (at, image, other) = images
            .by_ref()
            .enumerate()
            .find_map(|(at, image)| places.get(&image).map(|other| (at, image, *other)))?;
        Some(Common { image, ways: [left_way[..at].to_vec(), right_way[..other].to_vec()] })
    }

    /// How the tiny graph of an image hangs together with smaller ones, nearest first, as long as the
    /// files in common are enough to tell a family.
    pub fn families(&self, image: u32) -> Vec<Connection> {
        let mut root = self.root(image);
        let mut found = Vec::new();
        // Each base has fewer files than its root, so that this ends.
        while let Ok(at) = self.lineage.connections.binary_search_by_key(&root, |it| it.root) {
            let connection = self.lineage.connections[at];
            if !connection.tells() {
                break;
            }
            found.push(connection);
            root = connection.base;
        }
        found
    }
}

/// Whether kin have the same files.
const fn is_twin(kind: KinKind) -> bool {
    matches!(kind, KinKind::Identical | KinKind::SamePaths)
}

/// Whether layers prove an edge.
pub(super) fn is_by_layers(edge: &Edge) -> bool {
    edge.proofs.iter().any(|proof| matches!(proof, Proof::Layers { .. }))
}

/// What a child adds to its parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// Files that the parent has not.
    pub added: u64,
    /// Files of the parent that the child has not.
    pub missing: u64,
    /// Files with other content, if contents were looked at and are known.
    pub changed: Option<u64>,
    /// Bytes of the files that are added or have other content, further names of a file left out; if
    /// sizes are known.
    pub bytes: Option<u64>,
}

impl Growth {
    /// Compares the entries of both. O(entries of both, times the logarithm of the parent's).
    pub fn of(parent: &Inventory, child: &Inventory) -> Self {
        let Comparison { files, content, .. } = Comparison::of(parent, child);
        let is_listing = [parent, child]
            .iter()
            .any(|inventory| inventory.layers().iter().any(|layer| layer.is_listing()));
        let is_new = |path: &[u8], digest| {
            parent.get(path).is_none_or(|old| {
                old.kind.is_directory() || (digest != old.digest && old.digest.is_some())
            })
        };
        let new = child.iter().filter(|entry| {
            entry.kind == crate::inventory::EntryKind::File && is_new(entry.path, entry.digest)
        });
        let bytes = new.fold(0_u64, |sum, entry| sum.saturating_add(entry.size_bytes));
        Self {
            added: files.right_only,
            missing: files.left_only,
            changed: (content.unknown == 0).then_some(content.changed),
            bytes: (!is_listing).then_some(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lineage::{EdgeKind, Kin};

    fn edge(child: u32, parent: u32, confidence: f64, by_layers: bool) -> Edge {
        let proof = match by_layers {
            true => Proof::Layers { layers: 1, with_empty: true },
            false => Proof::Content { same: 9, changed: 0, aside: 0 },
        };
        let kind = EdgeKind::Parent;
        Edge { parent, child, kind, confidence, proofs: vec![proof], alternatives: vec![] }
    }

    fn lineage(images: u32, edges: Vec<Edge>, kin: &[(u32, u32, KinKind)]) -> Lineage {
        let kin = kin.iter().map(|&(first, later, kind)| Kin { images: [first, later], kind });
        // Who is together with whom does not matter here.
        Lineage {
            edges,
            kin: kin.collect(),
            components: vec![(0..images).collect()],
            ..Lineage::default()
        }
    }

    fn shown(found: &[Descendant<'_>]) -> Vec<(u32, usize, u32, f64)> {
        let round = |it: f64| (it * 1000.0).round() / 1000.0;
        found.iter().map(|it| (it.image, it.depth, it.on, round(it.confidence))).collect()
    }

    #[test]
    fn ways_lead_up_and_down() {
        let edges = vec![edge(1, 0, 0.9, true), edge(2, 1, 0.8, true), edge(4, 0, 0.5, false)];
        let family = lineage(5, edges, &[]);
        let ancestry = Ancestry::of(&family);
        let way: Vec<(u32, f64)> =
            ancestry.way(2).iter().map(|step| (step.to, step.confidence)).collect();
        assert_eq!(way, [(1, 0.8), (0, 0.8 * 0.9)]);
        assert_eq!(
            shown(&ancestry.descendants(0)),
            [(1, 1, 0, 0.9), (2, 2, 1, 0.72), (4, 1, 0, 0.5)]
        );
        assert_eq!((ancestry.descendants(3), ancestry.way(3)), (vec![], vec![]));
        let common = ancestry.common(2, 4).unwrap();
        assert_eq!((common.image, common.ways.each_ref().map(Vec::len)), (0, [2, 1]));
        let own = ancestry.common(1, 2).unwrap();
        assert_eq!((own.image, own.ways.each_ref().map(Vec::len)), (1, [0, 1]));
        assert_eq!(ancestry.common(2, 3), None);
        assert_eq!(ancestry.common(3, 3).map(|it| it.image), Some(3));
        assert!(ancestry.stands_on(2, 0) && !ancestry.stands_on(0, 2) && !ancestry.stands_on(0, 0));
    }

    #[test]
    fn what_stands_on_a_twin_stands_on_the_image() {
        // 1 is the same as 0, 2 has its paths only; 3 stands on 0 by layers, 4 by content.
        let kin = [(0, 1, KinKind::Identical), (0, 2, KinKind::SamePaths)];
        let family = lineage(5, vec![edge(3, 0, 0.99, true), edge(4, 0, 0.8, false)], &kin);
        let ancestry = Ancestry::of(&family);
        assert_eq!(shown(&ancestry.descendants(1)), [(3, 1, 0, 0.99), (4, 1, 0, 0.8)]);
        assert_eq!(shown(&ancestry.descendants(2)), [(4, 1, 0, 0.5)]);
        let grounds = |image: u32| -> Vec<(u32, usize, f64)> {
            let all = ancestry.grounds(image);
            all.iter().map(|it| (it.image, it.edges, it.confidence)).collect()
        };
        assert_eq!(grounds(3), [(3, 0, 1.0), (0, 1, 0.99), (1, 1, 0.99)]);
        assert_eq!(grounds(4), [(4, 0, 1.0), (0, 1, 0.8), (1, 1, 0.8), (2, 1, 0.5)]);
        assert_eq!(grounds(1), [(1, 0, 1.0), (0, 0, 1.0), (2, 0, 0.5)]);
        assert_eq!(ancestry.common(3, 1).map(|it| (it.image, it.ways[1].len())), Some((0, 0)));
    }

    #[test]
    fn an_image_without_a_parent_hangs_on_a_twin_with_one() {
        // 0 and 2 have the same files, and 2 stands on 1, which stands on 0: no circle comes of it.
        let kin = [(0, 2, KinKind::Identical), (3, 4, KinKind::Identical)];
        let edges = vec![edge(1, 0, 0.9, true), edge(2, 1, 0.9, true), edge(4, 0, 0.9, true)];
        let family = lineage(5, edges, &kin);
        let ancestry = Ancestry::of(&family);
        assert_eq!((ancestry.way(0), ancestry.root(2)), (vec![], 0));
        let way: Vec<u32> = ancestry.way(3).iter().map(|step| step.to).collect();
        assert_eq!(way, [4, 0]);
        let below: Vec<u32> = ancestry.descendants(0).iter().map(|it| it.image).collect();
        assert_eq!(below, [1, 2, 4, 3]);
        assert_eq!(ancestry.descendants(2), []);
        assert!(ancestry.stands_on(3, 0) && !ancestry.stands_on(3, 4));
    }

    #[test]
    fn families_are_followed_to_their_end() {
        let mut family = lineage(3, vec![], &[]);
        for (root, base) in [(0, 1), (1, 2)] {
            family.connections.push(Connection { root, base, shared: 9_000, missing: 1 });
        }
        let ancestry = Ancestry::of(&family);
        let bases: Vec<u32> = ancestry.families(0).iter().map(|it| it.base).collect();
        assert_eq!((bases, ancestry.families(2)), (vec![1, 2], vec![]));
    }
}
