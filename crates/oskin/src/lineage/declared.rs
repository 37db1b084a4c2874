//! What images declare of their bases, verified: a declaration is believed as far as layers and
//! contents confirm it.
//!
//! Labels are inherited, so a declared base is often not the parent but stands further up; some are
//! wrong. A declaration decides between candidates that are as good, and finds a parent where the
//! other rules find none or are not sure; it never outweighs layers, nor a sure answer of contents.

use super::edge::{Claim, Edge, EdgeKind, Lineage, Proof, Standing};
use super::graph::{MAX_LOST, Survey, UNSURE, WITHOUT_LAYERS};
use super::judge::by_content;
use super::look::Look;
use crate::relation::{CHILD_CONTENT, Comparison};
use std::collections::BTreeMap;

/// The answers to [`Survey::questions`].
type Looks = BTreeMap<(u32, u32), Look>;

impl Survey<'_> {
    /// With the image that each declares as its base, if that is there. By paths only it is not used.
    ///
    /// Which image a declared name means is for the caller to find out: no rule looks at a name.
    #[must_use]
    pub fn declaring(mut self, declared: Vec<Option<u32>>) -> Self {
        if self.chains.is_some() {
            self.declared = declared;
        }
        self
    }

    /// The declared base of an image, but for itself.
    pub(super) fn declared_base(&self, child: u32) -> Option<u32> {
        let base = self.declared.get(child as usize).copied().flatten()?;
        (base != child && (base as usize) < self.files.len()).then_some(base)
    }

    /// Judges all declarations by the graph, and the graph by them where it is not sure.
    pub(super) fn declare(
        &self,
        lineage: &mut Lineage,
        parents: &mut [Option<u32>],
        looks: &Looks,
    ) {
        let mut edges: BTreeMap<u32, Edge> =
            std::mem::take(&mut lineage.edges).into_iter().map(|edge| (edge.child, edge)).collect();
        for child in (0..).take(parents.len()) {
            let Some(base) = self.declared_base(child) else { continue };
            let found = edges.remove(&child);
            let (edge, standing) = self.declare_one((base, child), found, parents, looks);
            parents[child as usize] = edge.as_ref().map(|edge| edge.parent);
            edges.extend(edge.map(|edge| (child, edge)));
            lineage.declared.push(Claim { child, base, standing });
        }
        lineage.edges = edges.into_values().collect();
    }

    /// The edge of a child that declares a base, given what was found without, and where the base
    /// stands.
    fn declare_one(
        &self,
        (base, child): (u32, u32),
        found: Option<Edge>,
        parents: &[Option<u32>],
        looks: &Looks,
    ) -> (Option<Edge>, Standing) {
        let is_base =
            |image: u32| self.candidates.first_twin(image) == self.candidates.first_twin(base);
        let look = looks.get(&(base, child)).and_then(|look| self.confirmed(look, (base, child)));
        if let Some(mut edge) = found {
            let by_layers = matches!(edge.proofs[..], [Proof::Layers { .. }, ..]);
            let is_open =
                edge.confidence <= UNSURE || edge.alternatives.iter().any(|other| is_base(*other));
            let standing = if edge.parent == base || is_base(edge.parent) && !by_layers {
                Standing::Parent
            } else if self.stands_on(edge.parent, base, parents) {
                Standing::Ancestor
            } else if is_open && look.is_some() && !self.stands_on(base, child, parents) {
                return (look.map(|it| self.declared_edge(child, base, it)), Standing::Parent);
            } else {
                Standing::NotConfirmed
            };
            if standing == Standing::Parent && !by_layers {
                edge.parent = base;
                edge.confidence = edge.confidence.max(look.map_or(0.0, |_| WITHOUT_LAYERS));
                if edge.kind == EdgeKind::ContainedIn && edge.confidence > UNSURE {
                    edge.kind = EdgeKind::Parent;
                }
            }
            let at = match standing {
                Standing::NotConfirmed => edge.proofs.len(),
                _ => usize::from(by_layers),
            };
            edge.proofs.insert(at, Proof::Declared { base, standing });
            return (Some(edge), standing);
        }
        match look {
            Some(it) if !self.stands_on(base, child, parents) => {
                (Some(self.declared_edge(child, base, it)), Standing::Parent)
            }
            _ => (None, Standing::NotConfirmed),
        }
    }

    /// The comparison of a declared base with its child, if contents confirm the one to be built from
    /// the other.
    fn confirmed<'l>(&self, look: &'l Look, pair: (u32, u32)) -> Option<&'l Comparison> {
        let comparison = self.known_content(look)?;
        let missing = comparison.files.left_only - comparison.aside.left_only;
        let keeps = missing as f64 <= MAX_LOST * comparison.files.left() as f64;
        let is_same = comparison.same_content().is_some_and(|same| same >= CHILD_CONTENT);
        let is_child = is_same && keeps || look.is_left_over();
        (is_child && comparison.files.common > 0 && !self.part(pair)).then_some(comparison)
    }

    fn declared_edge(&self, child: u32, base: u32, comparison: &Comparison) -> Edge {
        let differs = comparison.files.left_only + comparison.content.changed > 0;
        let first = self.candidates.first_twin(base);
        let ranked = self.candidates.of(child).iter().find(|candidate| candidate.image == first);
        let by_paths = ranked.map(|&candidate| Proof::Paths { candidate, deletions: None });
        let declared = Proof::Declared { base, standing: Standing::Parent };
        Edge {
            parent: base,
            child,
            kind: if differs { EdgeKind::ChildWithEdits } else { EdgeKind::Parent },
            confidence: WITHOUT_LAYERS,
            proofs: [declared, by_content(comparison)].into_iter().chain(by_paths).collect(),
            alternatives: Vec::new(),
        }
    }
}
