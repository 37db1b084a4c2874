//! The place of an image in a family graph that is known as a whole.

use super::{NearestFamily, Placement, Step, Subject, twin_kind, twins_of};
use crate::catalog::{Catalog, CatalogError};
use crate::lineage::{Edge, KinKind, Lineage};
use crate::path_set::Selection;
use std::cell::OnceCell;
use std::collections::BTreeSet;

/// The family graph of all images of a catalog, and perhaps one more.
#[derive(Clone, Copy, Debug)]
pub struct Graph<'a> {
    /// The graph.
    pub lineage: &'a Lineage,
    /// The ids of its images; `None` for one that is not in the catalog.
    pub ids: &'a [Option<i64>],
    /// The number of the image that is asked for.
    pub number: u32,
}

/// Places an image where the whole graph has it. Costs no more than reading the images of the way.
///
/// # Errors
///
/// If the store fails or is damaged.
pub fn place_in(
    graph: Graph<'_>,
    catalog: &Catalog,
    subject: Subject<'_>,
) -> Result<Placement, CatalogError> {
    let ranking = catalog.rank(subject.files)?;
    let twins = twins_of(subject, &ranking);
    let twin_kind = twin_kind(catalog, subject, &OnceCell::new(), &twins)?;
    let id = |number: u32| graph.ids.get(number as usize).copied().flatten();
    let kin = graph.lineage.kin.iter().filter_map(|kin| {
        let other = kin.images.into_iter().find(|image| *image != graph.number)?;
        let is_told = matches!(kin.kind, KinKind::Rebuild | KinKind::Sibling);
        (is_told && kin.images.contains(&graph.number)).then_some((id(other)?, kin.kind))
    });
    let kin = kin.collect();
    let mut steps = Vec::new();
    let (mut number, mut own) = (graph.number, subject.files.clone());
    while let Some(edge) = graph.edge_of(number)
        && let Some(parent) = id(edge.parent)
        && steps.len() < graph.ids.len()
    {
        let files = catalog.path_set(parent, Selection::Files)?;
        steps.push(Step::new(edge, (parent, &files), &own, id));
        (number, own) = (edge.parent, files);
    }
    let mut placement =
        Placement { twins, twin_kind, kin, steps, family: None, below: graph.below(), ranking };
    if placement.steps.is_empty() {
        let root = graph.root();
        let connection = graph.lineage.connections.iter().find(|it| Some(it.root) == root);
        let base = connection.and_then(|it| id(it.base));
        let overlap = placement.ranking.overlaps.iter().find(|(id, _)| Some(*id) == base);
        placement.family =
            overlap.map(|(base, overlap)| NearestFamily { base: *base, overlap: *overlap });
    }
    Ok(placement)
}

impl Graph<'_> {
    /// The edge of a child: edges are in the order of children.
    fn edge_of(&self, child: u32) -> Option<&Edge> {
        let edges = &self.lineage.edges;
        edges.binary_search_by_key(&child, |edge| edge.child).ok().map(|at| &edges[at])
    }

    /// The images that stand on the image. O(images times the length of their ways).
    fn below(&self) -> BTreeSet<i64> {
        let leads_here = |number: u32| {
            let mut next = self.edge_of(number);
            let mut left = self.ids.len();
            while let Some(edge) = next
                && left > 0
            {
                if edge.parent == self.number {
                    return true;
                }
                next = self.edge_of(edge.parent);
                left -= 1;
            }
            false
        };
        let below = (0..).zip(self.ids).filter(|(number, _)| leads_here(*number));
        below.filter_map(|(_, id)| *id).collect()
    }

    /// The root of the tiny graph of the image.
    fn root(&self) -> Option<u32> {
        let mut graphs = self.lineage.components.iter();
        graphs
            .find(|images| images.contains(&self.number))
            .and_then(|images| images.first().copied())
    }
}
