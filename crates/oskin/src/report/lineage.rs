//! `oskin.lineage/1`: who descends from whom, and the same as DOT and `GraphML`.

use super::StepsReport;
use crate::lineage::{Claim, Connection, Edge, Kin, LAMBDA, Lineage, Proof};
use serde::Serialize;

/// The family graph of some images.
#[derive(Clone, Debug, Serialize)]
pub struct LineageReport {
    schema: &'static str,
    /// Whether nothing but paths was looked at.
    pub paths_only: bool,
    /// The images, in the order in which they were given.
    pub images: Vec<RelativeReport>,
    /// At most one edge for each child, in the order of images.
    pub edges: Vec<EdgeReport>,
    /// Images that are kin without being parent and child.
    pub kin: Vec<KinReport>,
    /// Images without a parent; of twins only the first.
    pub roots: Vec<String>,
    /// The tiny graphs: the images of each, its root first.
    pub components: Vec<Vec<String>>,
    /// The nearest base family of roots.
    pub connections: Vec<ConnectionReport>,
    /// The steps of the founding text, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<StepsReport>,
    /// What images declare of their bases, where that is one of the images.
    pub declared: Vec<ClaimReport>,
}

/// Where an image stands.
#[derive(Clone, Debug, Serialize)]
pub struct RelativeReport {
    /// Its name.
    pub name: String,
    /// Its parent, if one was found.
    pub parent: Option<String>,
    /// The root of its tiny graph.
    pub root: String,
    /// Whether it could be read only in part, so that what is told of it may be wrong.
    pub incomplete: bool,
}

/// That one image was built from another.
#[derive(Clone, Debug, Serialize)]
pub struct EdgeReport {
    /// The parent.
    pub parent: String,
    /// The child.
    pub child: String,
    /// `parent`, `child-with-edits` or `contained-in`.
    pub kind: &'static str,
    /// How sure it is, in `0..=1`.
    pub confidence: f64,
    /// What speaks for it, strongest first.
    pub evidence: Vec<ProofReport>,
    /// Images that are as good a parent, or nearly.
    pub alternatives: Vec<String>,
}

/// A fact that speaks for an edge.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ProofReport {
    /// The layers of the parent are the base of the child's.
    LayerChain {
        /// How many, empty ones left out.
        layers: usize,
        /// Whether it holds with the empty ones too.
        with_empty: bool,
    },
    /// The child declares a base.
    Declared {
        /// The name of the declared image.
        base: String,
        /// `confirmed`: it is this parent; `ancestor`: the parent stands on it; `not-confirmed`.
        standing: &'static str,
    },
    /// How the files that both have compare.
    ContentContainment {
        /// With the same content.
        same: u64,
        /// With another.
        changed: u64,
        /// How many of what is changed or missing is volatile and does not count.
        volatile: u64,
    },
    /// The child is what is left of the parent.
    LeftOver {
        /// Files of the parent that it has.
        kept: u64,
        /// Files of the parent that it has not.
        deleted: u64,
        /// By how many deletions.
        deletions: u64,
        /// Files that the parent has not.
        added: u64,
    },
    /// By paths alone.
    PathContainment {
        /// Files of the parent that the child has.
        shared: u64,
        /// Files of the parent that it has not.
        missing: u64,
        /// Files that it adds.
        added: u64,
        /// The shared files, each one over the number of other images that have it.
        shared_weight: f64,
        /// The missing files in the same way.
        missing_weight: f64,
        /// `shared_weight` less 75 times `missing_weight`.
        score: f64,
        /// By how many deletions what is missing was judged, if not file by file.
        deletions: Option<u64>,
    },
}

/// Two images that are kin.
#[derive(Clone, Debug, Serialize)]
pub struct KinReport {
    /// Their names.
    pub images: [String; 2],
    /// `identical`, `same-paths`, `rebuild` or `sibling`.
    pub kind: &'static str,
}

/// That an image declares its base.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimReport {
    /// The image.
    pub image: String,
    /// The image that it declares.
    pub base: String,
    /// `confirmed`: it is the parent; `ancestor`: the parent stands on it; `not-confirmed`.
    pub standing: &'static str,
}

/// The nearest base family of a root.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionReport {
    /// The root.
    pub root: String,
    /// The root of the other family.
    pub base: String,
    /// Files of the base that the root has.
    pub shared: u64,
    /// Files of the base that it has not.
    pub missing: u64,
    /// Whether the shared files are enough to tell a family.
    pub tells: bool,
}

impl ProofReport {
    /// Reports a proof; `name` tells the names of images.
    pub fn new(proof: &Proof, name: &dyn Fn(u32) -> String) -> Self {
        match *proof {
            Proof::Declared { base, standing } => {
                Self::Declared { base: name(base), standing: standing.name() }
            }
            Proof::Layers { layers, with_empty } => Self::LayerChain { layers, with_empty },
            Proof::Content { same, changed, aside } => {
                Self::ContentContainment { same, changed, volatile: aside }
            }
            Proof::LeftOver { kept, deleted, deletions, added } => {
                Self::LeftOver { kept, deleted, deletions, added }
            }
            Proof::Paths { candidate, deletions } => Self::PathContainment {
                shared: candidate.overlap.common,
                missing: candidate.overlap.left_only,
                added: candidate.overlap.right_only,
                shared_weight: candidate.shared,
                missing_weight: candidate.missing,
                score: candidate.shared - LAMBDA as f64 * candidate.missing,
                deletions,
            },
        }
    }
}

impl EdgeReport {
    pub(super) fn new(names: &[String], edge: &Edge) -> Self {
        let name = |image: u32| names[image as usize].clone();
        Self {
            parent: name(edge.parent),
            child: name(edge.child),
            kind: edge.kind.name(),
            confidence: edge.confidence,
            evidence: edge.proofs.iter().map(|proof| ProofReport::new(proof, &name)).collect(),
            alternatives: edge.alternatives.iter().copied().map(name).collect(),
        }
    }
}

impl ConnectionReport {
    pub(super) fn new(names: &[String], connection: &Connection) -> Self {
        let Connection { root, base, shared, missing } = *connection;
        let name = |image: u32| names[image as usize].clone();
        Self { root: name(root), base: name(base), shared, missing, tells: connection.tells() }
    }
}

impl LineageReport {
    /// Names what was found; `names` are those of the images by number.
    pub fn new(names: &[String], paths_only: bool, lineage: &Lineage) -> Self {
        let name = |image: u32| names[image as usize].clone();
        let all = |images: &[u32]| images.iter().copied().map(name).collect::<Vec<String>>();
        let mut images: Vec<RelativeReport> = names
            .iter()
            .map(|name| RelativeReport {
                name: name.clone(),
                parent: None,
                root: String::new(),
                incomplete: false,
            })
            .collect();
        for edge in &lineage.edges {
            images[edge.child as usize].parent = Some(name(edge.parent));
        }
        for (root, component) in lineage.roots.iter().zip(&lineage.components) {
            for image in component {
                images[*image as usize].root = name(*root);
            }
        }
        let kin = |kin: &Kin| KinReport { images: kin.images.map(name), kind: kin.kind.name() };
        let claim = |it: &Claim| ClaimReport {
            image: name(it.child),
            base: name(it.base),
            standing: it.standing.name(),
        };
        Self {
            schema: "oskin.lineage/1",
            paths_only,
            images,
            edges: lineage.edges.iter().map(|edge| EdgeReport::new(names, edge)).collect(),
            kin: lineage.kin.iter().map(kin).collect(),
            roots: all(&lineage.roots),
            components: lineage.components.iter().map(|images| all(images)).collect(),
            connections: lineage
                .connections
                .iter()
                .map(|it| ConnectionReport::new(names, it))
                .collect(),
            steps: None,
            declared: lineage.declared.iter().map(claim).collect(),
        }
    }

    /// The graph in the language of Graphviz: edges from parent to child, twins and rebuilds dotted,
    /// connections of families dashed, where they tell.
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph lineage {\n  node [shape=box];\n");
        let number = self.numbers();
        for (at, image) in self.images.iter().enumerate() {
            text.push_str(&format!("  n{at} [label={}];\n", dot_text(&image.name)));
        }
        let mut edge = |from: &str, to: &str, attributes: String| {
            let [from, to] = [from, to].map(|name| number.get(name).copied().unwrap_or_default());
            text.push_str(&format!("  n{from} -> n{to} [{attributes}];\n"));
        };
        for it in &self.edges {
            let label = format!("{} {:.2}", it.kind, it.confidence);
            edge(&it.parent, &it.child, format!("label=\"{label}\""));
        }
        for KinReport { images: [left, right], kind } in &self.kin {
            let attributes = format!("label=\"{kind}\", style=dotted, dir=none, constraint=false");
            edge(left, right, attributes);
        }
        for it in self.connections.iter().filter(|it| it.tells) {
            edge(&it.base, &it.root, "label=\"family\", style=dashed, dir=none".to_owned());
        }
        text.push_str("}\n");
        text
    }

    /// What each image stands below, by their places: its parent, or without one a twin, or else
    /// the root of its tiny graph; nothing if it is a root. No way up leads in a circle.
    pub fn above(&self) -> Vec<Option<usize>> {
        let number = self.numbers();
        let mut above: Vec<Option<usize>> = self
            .images
            .iter()
            .map(|image| image.parent.as_deref().and_then(|it| number.get(it).copied()))
            .collect();
        let mut twins: Vec<Option<usize>> = vec![None; above.len()];
        for kin in &self.kin {
            let [first, later] = [0, 1].map(|side| number.get(kin.images[side].as_str()).copied());
            let are_twins = ["identical", "same-paths"].contains(&kin.kind);
            if let (Some(later), true) = (later, are_twins) {
                twins[later] = twins[later].or(first);
            }
        }
        for image in 0..above.len() {
            let root = number.get(self.images[image].root.as_str()).copied();
            if above[image].is_none() && root != Some(image) {
                let is_below = |other| {
                    let mut way = std::iter::successors(Some(other), |at: &usize| above[*at]);
                    way.any(|at| at == image)
                };
                above[image] = twins[image].filter(|twin| !is_below(*twin)).or(root);
            }
        }
        above
    }

    /// The places of the images by their names: names as they are shown may be the same.
    pub(super) fn numbers(&self) -> std::collections::BTreeMap<&str, usize> {
        self.images.iter().map(|image| image.name.as_str()).zip(0..).collect()
    }

    /// The graph as `GraphML`, with the kind and confidence of each edge.
    pub fn graphml(&self) -> String {
        let mut text = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n\
             \x20 <key id=\"name\" for=\"node\" attr.name=\"name\" attr.type=\"string\"/>\n\
             \x20 <key id=\"kind\" for=\"edge\" attr.name=\"kind\" attr.type=\"string\"/>\n\
             \x20 <key id=\"confidence\" for=\"edge\" attr.name=\"confidence\" attr.type=\"double\"/>\n\
             \x20 <graph id=\"lineage\" edgedefault=\"directed\">\n",
        );
        let number = self.numbers();
        for (at, image) in self.images.iter().enumerate() {
            let name = xml_text(&image.name);
            text.push_str(&format!(
                "    <node id=\"n{at}\"><data key=\"name\">{name}</data></node>\n"
            ));
        }
        let id = |name: &str| number.get(name).copied().unwrap_or_default();
        let mut edge = |[from, to]: [&str; 2], kind: &str, confidence: Option<f64>| {
            let (from, to) = (id(from), id(to));
            let confidence = confidence
                .map(|it| format!("<data key=\"confidence\">{it}</data>"))
                .unwrap_or_default();
            text.push_str(&format!(
                "    <edge source=\"n{from}\" target=\"n{to}\"><data key=\"kind\">{kind}</data>{confidence}</edge>\n"
            ));
        };
        for it in &self.edges {
            edge([&it.parent, &it.child], it.kind, Some(it.confidence));
        }
        for KinReport { images: [left, right], kind } in &self.kin {
            edge([left, right], kind, None);
        }
        for it in self.connections.iter().filter(|it| it.tells) {
            edge([&it.base, &it.root], "family", None);
        }
        text.push_str("  </graph>\n</graphml>\n");
        text
    }
}

/// A quoted text of DOT; control characters, which no name should have, become `?`.
fn dot_text(text: &str) -> String {
    let plain = without_controls(text);
    format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A text of XML.
fn xml_text(text: &str) -> String {
    let plain = without_controls(text);
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// XML knows no way to write most of them.
fn without_controls(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_in_every_format() {
        let lineage = Lineage { roots: vec![0], components: vec![vec![0]], ..Lineage::default() };
        let names = ["a\"\\<&>\n".to_owned()];
        let report = LineageReport::new(&names, true, &lineage);
        assert!(report.dot().contains("  n0 [label=\"a\\\"\\\\<&>?\"];\n"), "{}", report.dot());
        assert!(report.graphml().contains(">a&quot;\\&lt;&amp;&gt;?<"), "{}", report.graphml());
        assert_eq!(report.images[0].root, names[0]);
    }
}
