//! The bases of a catalog: the images that others stand on, by how many do.

use super::ancestry::{Ancestry, Link};
use std::cmp::Reverse;

/// From here down it is not sure that an image stands on a base.
const UNSURE: f64 = 0.5;

/// An image that others stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundBase {
    /// Its number; of twins that of the one that hangs highest.
    pub image: u32,
    /// How many bases it stands on itself.
    pub depth: usize,
    /// How many images stand on it, directly or not.
    pub descendants: u64,
    /// Those of them of which that is surer than one half.
    pub sure: u64,
    /// How many images count for it: each for the deepest base that it stands on down to the level, a
    /// root and its twins for themselves.
    pub counted: u64,
}

/// The bases of a catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundBases {
    /// Those that most images count for come first, then in the order of images.
    pub bases: Vec<FoundBase>,
    /// Images that stand on nothing and that nothing stands on, in their order; their twins as well.
    pub alone: Vec<u32>,
    /// How many images there are: all of `counted` and `alone` together.
    pub images: u64,
}

impl FoundBases {
    /// Finds the bases down to a level, 0 being roots. O(images times the length of the ways).
    pub fn of(ancestry: &Ancestry<'_>, level: usize) -> Self {
        let images = ancestry.len();
        let mut bases: Vec<FoundBase> = (0..)
            .take(images)
            .map(|image| FoundBase { image, depth: 0, descendants: 0, sure: 0, counted: 0 })
            .collect();
        for image in (0..).take(images) {
            let line = line_of(ancestry, image);
            let depth = line.len() - 1;
            for (at, &(base, confidence)) in line.iter().enumerate() {
                let found = &mut bases[base as usize];
                found.depth = at;
                if at < depth {
                    found.descendants += 1;
                    found.sure += u64::from(confidence > UNSURE);
                }
            }
            let (counted, _) = line[level.min(depth.saturating_sub(1))];
            bases[counted as usize].counted += 1;
        }
        let alone = (0..).take(images).filter(|image| {
            let root = ancestry.root(*image);
            bases[root as usize].descendants == 0
        });
        let alone = alone.collect();
        bases.retain(|base| base.counted > 0 && base.descendants > 0);
        bases.sort_by_key(|base| (Reverse(base.counted), base.image));
        Self { bases, alone, images: images as u64 }
    }
}

/// The way down to an image, the root first, one image for each edge, and how sure the way is from
/// each to the image. Of twins on the way the one that hangs highest stands for all.
fn line_of(ancestry: &Ancestry<'_>, image: u32) -> Vec<(u32, f64)> {
    let mut line = vec![(image, 1.0)];
    for step in ancestry.way(image) {
        if matches!(step.link, Link::Twin(_)) {
            line.pop();
        }
        line.push((step.to, step.confidence));
    }
    line.reverse();
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lineage::{Edge, EdgeKind, Kin, KinKind, Lineage};

    fn edge(child: u32, parent: u32, confidence: f64) -> Edge {
        let (proofs, alternatives) = (Vec::new(), Vec::new());
        Edge { parent, child, kind: EdgeKind::Parent, confidence, proofs, alternatives }
    }

    fn found(lineage: &Lineage, level: usize) -> Vec<(u32, usize, u64, u64, u64)> {
        let found = FoundBases::of(&Ancestry::of(lineage), level);
        let counted: u64 = found.bases.iter().map(|base| base.counted).sum();
        assert_eq!(counted + found.alone.len() as u64, found.images);
        let show = |it: &FoundBase| (it.image, it.depth, it.descendants, it.sure, it.counted);
        found.bases.iter().map(show).collect()
    }

    #[test]
    fn each_image_counts_once_at_every_level() {
        // 0 <- 1 <- 2 <- 3, 0 <- 4; 5 <- 6; 7 alone with its copy 8; 9 is a copy of 0.
        let edges = [(1, 0, 0.9), (2, 1, 0.9), (3, 2, 0.5), (4, 0, 0.4), (6, 5, 0.9)];
        let kin =
            [(7, 8), (0, 9)].map(|images| Kin { images: images.into(), kind: KinKind::Identical });
        let lineage = Lineage {
            edges: edges.iter().map(|&(child, parent, sure)| edge(child, parent, sure)).collect(),
            kin: kin.to_vec(),
            components: vec![(0..10).collect()],
            ..Lineage::default()
        };
        assert_eq!(found(&lineage, 0), [(0, 0, 4, 2, 6), (5, 0, 1, 1, 2)]);
        assert_eq!(found(&lineage, 1), [(0, 0, 4, 2, 4), (1, 1, 2, 1, 2), (5, 0, 1, 1, 2)]);
        let all = [(0, 0, 4, 2, 4), (5, 0, 1, 1, 2), (1, 1, 2, 1, 1), (2, 2, 1, 0, 1)];
        assert_eq!((found(&lineage, 2), found(&lineage, 9)), (all.to_vec(), all.to_vec()));
        assert_eq!(FoundBases::of(&Ancestry::of(&lineage), 0).alone, [7, 8]);
        let none = Lineage::default();
        assert_eq!(FoundBases::of(&Ancestry::of(&none), 0), FoundBases::default());
    }
}
