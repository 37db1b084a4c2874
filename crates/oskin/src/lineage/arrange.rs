//! Tiny graphs: their roots, what hangs on them, and how they hang together.

use super::edge::{Connection, Lineage};
use super::graph::Survey;
use crate::measure::AllPairs;
use crate::path_set::PathSet;
use crate::relation::MIN_FILES;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

impl Survey<'_> {
    /// Roots, tiny graphs and how they hang together.
    pub(super) fn arrange(&self, lineage: &mut Lineage, parents: &[Option<u32>]) {
        let above = self.with_twins(parents.to_vec());
        let mut of_root: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for image in (0..).take(above.len()) {
            of_root.entry(root_of(image, &above)).or_default().push(image);
        }
        lineage.roots = of_root.keys().copied().collect();
        for (root, mut images) in of_root {
            images.retain(|image| *image != root);
            images.insert(0, root);
            lineage.components.push(images);
        }
        lineage.connections = self.connections(&lineage.roots);
    }

    /// What each image hangs on: its parent, or else a twin that does not hang on it.
    fn with_twins(&self, mut above: Vec<Option<u32>>) -> Vec<Option<u32>> {
        let mut twins: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for image in (0..).take(above.len()) {
            twins.entry(self.candidates.first_twin(image)).or_default().push(image);
        }
        // The last first, so that of twins without a parent all hang on the first.
        for image in (0..).take(above.len()).collect::<Vec<u32>>().into_iter().rev() {
            if above[image as usize].is_none() {
                let twins = &twins[&self.candidates.first_twin(image)];
                let twin = twins.iter().find(|twin| root_of(**twin, &above) != image);
                above[image as usize] = twin.copied();
            }
        }
        above
    }

    /// For each root the other, smaller one of which it shares most more than it lacks, and two
    /// thirds at the least.
    ///
    /// Of all rules this one finds the base family best where the base itself is not there: on 94
    /// official images of 2017 it named the right distribution for 93, Dice for 85. Releases of
    /// one distribution had at least 0.74 of each other there, two distributions at most 0.65.
    fn connections(&self, roots: &[u32]) -> Vec<Connection> {
        let sets: Vec<&PathSet> = roots.iter().map(|root| self.files[*root as usize]).collect();
        let mut connections = Vec::new();
        let _: ControlFlow<()> = AllPairs::from_sets(&sets).for_each_row(|row| {
            let size = sets[row.set].len();
            let smaller = (0..sets.len()).filter(|&other| {
                other != row.set && (MIN_FILES..size).contains(&sets[other].len())
            });
            let nearest = smaller
                .map(|other| {
                    let overlap = row.overlap(other);
                    (overlap.common.cast_signed() - overlap.right_only.cast_signed(), other)
                })
                .max_by_key(|&(balance, other)| (balance, std::cmp::Reverse(other)));
            let nearest = nearest.map(|(_, other)| (row.overlap(other), other));
            if let Some((overlap, other)) = nearest
                && overlap.common > 0
                && overlap.common >= 2 * overlap.right_only
            {
                connections.push(Connection {
                    root: roots[row.set],
                    base: roots[other],
                    shared: overlap.common,
                    missing: overlap.right_only,
                });
            }
            ControlFlow::Continue(())
        });
        connections
    }
}

/// The end of the way up from an image; ways do not lead in a circle.
fn root_of(mut image: u32, above: &[Option<u32>]) -> u32 {
    while let Some(next) = above[image as usize] {
        image = next;
    }
    image
}
