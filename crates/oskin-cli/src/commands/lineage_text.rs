//! The family graph for people: a tree, or the steps that lead to one.

use crate::text;
use oskin::report::{
    EdgeReport, InsideReport, KinReport, LineageReport, PassedOverReport, ProofReport,
    StepPairReport, StepsReport, TinyGraphReport,
};
use std::collections::{BTreeMap, BTreeSet};

/// The steps if they were asked for, or else the graph: counts, then each tiny graph as a tree, the
/// largest first, then single images, those with kin apart.
pub(super) fn text_of(report: &LineageReport) -> String {
    if let Some(steps) = &report.steps {
        return steps_text(report, steps);
    }
    let tree = Tree::of(report);
    let mut text = summary(report, &tree);
    let mut families: Vec<&Vec<String>> =
        report.components.iter().filter(|component| component.len() > 1).collect();
    families.sort_by_key(|component| std::cmp::Reverse(component.len()));
    for family in families {
        text.push('\n');
        tree.write(&mut text, &family[0]);
    }
    let [kin, alone] = tree.singles(report);
    for (heading, images) in [("no parent found, but kin:", kin), ("alone:", alone)] {
        if !images.is_empty() {
            text.push_str(&format!("\n{heading}\n"));
        }
        for image in images {
            tree.write(&mut text, image);
        }
    }
    let incomplete = report.images.iter().filter(|image| image.incomplete);
    let names: Vec<&str> = incomplete.map(|image| image.name.as_str()).collect();
    if !names.is_empty() {
        let note = format!("read only in part, so look twice: {}", names.join(", "));
        text.push_str(&format!("\n{}\n", text::printable(&note)));
    }
    text
}

/// How many there are of what.
fn summary(report: &LineageReport, tree: &Tree<'_>) -> String {
    let [kin, alone] = tree.singles(report).map(|images| images.len());
    let families = report.components.len() - kin - alone;
    let families = match families {
        1 => "1 family".to_owned(),
        families => format!("{} families", text::count(families as u64)),
    };
    let mut parts = vec![match report.edges.len() {
        0 => "no parent among them".to_owned(),
        1 => format!("1 has its parent among them, in {families}"),
        some => format!("{} have their parent among them, in {families}", text::count(some as u64)),
    }];
    // Twins stand where the first of them stands.
    let twins = report.images.len().saturating_sub(report.edges.len() + report.components.len());
    let others =
        [(twins, "the same as another"), (kin, "with kin, but no parent"), (alone, "alone")];
    let others = others.into_iter().filter(|(count, _)| *count > 0);
    parts.extend(others.map(|(count, what)| format!("{} {what}", text::count(count as u64))));
    format!("{}: {}\n", text::plural(report.images.len() as u64, "image"), parts.join("; "))
}

/// What stands below what, by name.
struct Tree<'r> {
    edges: BTreeMap<&'r str, &'r EdgeReport>,
    children: BTreeMap<&'r str, Vec<&'r str>>,
    notes: BTreeMap<&'r str, Vec<String>>,
    /// Images that are kin to another.
    kin: BTreeSet<&'r str>,
}

impl<'r> Tree<'r> {
    fn of(report: &'r LineageReport) -> Self {
        let mut tree = Self {
            edges: BTreeMap::new(),
            children: BTreeMap::new(),
            notes: BTreeMap::new(),
            kin: report.kin.iter().flat_map(|kin| kin.images.iter().map(String::as_str)).collect(),
        };
        tree.edges = report.edges.iter().map(|edge| (edge.child.as_str(), edge)).collect();
        for (image, above) in report.images.iter().zip(report.above()) {
            if let Some(above) = above {
                let above = report.images[above].name.as_str();
                tree.children.entry(above).or_default().push(&image.name);
            }
        }
        let singles: BTreeSet<&str> = tree.singles(report).into_iter().flatten().collect();
        for kin in &report.kin {
            let [first, later] = &kin.images;
            let is_root = report.roots.contains(later);
            tree.notes.entry(later).or_default().push(kin_note(kin, first));
            // Elsewhere the first has its place in a family, and the later one beside it.
            let is_single = singles.contains(first.as_str());
            if is_single && is_root {
                tree.notes.entry(first).or_default().push(kin_note(kin, later));
            }
        }
        for it in &report.connections {
            let (shared, all) = (text::count(it.shared), it.shared + it.missing);
            let what = format!("{shared} of its {}", text::plural(all, "file"));
            let note = match it.tells {
                true => format!("nearest family: that of {}, with {what}", it.base),
                false => {
                    format!("no nearest family: of {} it has {what}, too few to tell", it.base)
                }
            };
            tree.notes.entry(&it.root).or_default().push(note);
        }
        tree
    }

    /// Images that are a tiny graph of their own: those that are kin to another, and the others.
    fn singles(&self, report: &'r LineageReport) -> [Vec<&'r str>; 2] {
        let singles = report.components.iter().filter_map(|component| match &component[..] {
            [one] => Some(one.as_str()),
            _ => None,
        });
        let (kin, alone) = singles.partition(|image| self.kin.contains(image));
        [kin, alone]
    }

    /// An image and all below it, without recursion: chains may be long.
    fn write(&self, text: &mut String, root: &str) {
        let mut open: Vec<(&str, usize)> = vec![(root, 0)];
        while let Some((image, depth)) = open.pop() {
            let mut line = format!("{}{}", "  ".repeat(depth), image);
            if let Some(edge) = self.edges.get(image) {
                line.push_str(&format!("  {}", words(edge)));
            }
            for note in self.notes.get(image).into_iter().flatten() {
                line.push_str(&format!("  [{note}]"));
            }
            text.push_str(&text::printable(&line));
            text.push('\n');
            let below = self.children.get(image).into_iter().flatten().rev();
            open.extend(below.map(|child| (*child, depth + 1)));
        }
    }
}

/// What an edge says, in a few words.
pub(super) fn words(edge: &EdgeReport) -> String {
    let mut words = Vec::new();
    for proof in &edge.evidence {
        match proof {
            ProofReport::LayerChain { layers, with_empty } => {
                let more = if *with_empty { "" } else { ", empty ones aside" };
                words.push(format!("on its {}{more}", text::plural(*layers as u64, "layer")));
            }
            ProofReport::Declared { base, standing } => words.push(match *standing {
                "confirmed" => "declared, confirmed".to_owned(),
                "ancestor" => format!("declares {base}, an ancestor"),
                _ => format!("declares {base}, not confirmed by contents"),
            }),
            ProofReport::ContentContainment { same, changed, volatile } => {
                let aside = match volatile {
                    0 => String::new(),
                    some => format!(" (volatile: {} set aside)", text::count(*some)),
                };
                words.push(format!(
                    "{} files the same, {} changed{aside}",
                    text::count(*same),
                    text::count(*changed)
                ));
            }
            ProofReport::LeftOver { deleted, deletions, added, .. } => words.push(format!(
                "what is left of it: -{} in {}, +{}, the same packages on record",
                text::plural(*deleted, "file"),
                text::plural(*deletions, "deletion"),
                text::count(*added)
            )),
            ProofReport::PathContainment { missing, added, deletions, .. } => {
                let by = deletions.map(|it| format!(" in {}", text::plural(it, "deletion")));
                words.push(format!(
                    "+{} -{}{}",
                    text::count(*added),
                    text::plural(*missing, "file"),
                    by.unwrap_or_default()
                ));
            }
        }
    }
    let or = match &edge.alternatives[..] {
        [] => String::new(),
        others => format!("; or on {}", others.join(", ")),
    };
    format!("({}, {:.2} sure: {}{or})", kind_words(edge.kind), edge.confidence, words.join("; "))
}

/// What an edge says of the child; `it` is the parent.
pub(super) fn kind_words(kind: &str) -> &str {
    match kind {
        "parent" => "built from it",
        "child-with-edits" => "built from it with edits",
        "contained-in" => "holds it, perhaps built from it",
        other => other,
    }
}

/// What an image is to its kin.
fn kin_note(kin: &KinReport, other: &str) -> String {
    match kin.kind {
        "rebuild" => format!("a rebuild of {other}, or the other way round"),
        "sibling" => format!("a sibling of {other}"),
        kind => format!("{kind}: {other}"),
    }
}

/// A share in percent, with no more digits than it has.
fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

/// The steps of the founding text, each with what it found.
fn steps_text(report: &LineageReport, steps: &StepsReport) -> String {
    let count = text::count;
    let images = report.images.len() as u64;
    let coarse = &steps.coarse;
    let all = images * images.saturating_sub(1) / 2;
    let grades: Vec<String> = coarse
        .grades
        .iter()
        .map(|it| format!("{} {}", percent(it.threshold), count(it.pairs)))
        .collect();
    let mut text = format!(
        "1. coarse, by directories: {} of {} have {} of one image in the other\n\
         \x20  at other shares: {}\n\
         \x20  as many directories on both sides: {} more\n",
        count(coarse.pairs),
        text::plural(all, "pair"),
        percent(coarse.threshold),
        grades.join(", "),
        text::plural(coarse.ties, "pair"),
    );
    if coarse.blind > 0 {
        let blind = text::plural(coarse.blind, "image");
        text.push_str(&format!("   too few directories to be in another: {blind}\n"));
    }
    push_graphs(&mut text, images, steps);
    let finer = &steps.finer;
    text.push_str(&format!(
        "3. finer, by files: {} of these confirmed, {} refused, {} with the same files\n\
         \x20  files hold as much of {} that directories did not show\n",
        text::plural(finer.confirmed, "pair"),
        count(finer.refused),
        count(finer.same_files),
        text::plural(finer.overlooked, "pair"),
    ));
    text.push_str(&format!(
        "4. reduction: {} stay, {} fall, as chains of others say the same\n",
        count(steps.reduction.kept),
        count(steps.reduction.fallen),
    ));
    push_edges(&mut text, report, steps);
    let joined = &steps.joined;
    text.push_str(&format!(
        "5. connection: {} by directories, {} by confirmed pairs, {} by all evidence;\n\
         \x20  {} to a nearest base family: {}\n",
        text::plural(joined.by_directories as u64, "part"),
        count(joined.by_files as u64),
        count(joined.families as u64),
        text::plural(joined.connections, "connection"),
        text::plural(joined.connected as u64, "part"),
    ));
    push_pairs(&mut text, steps);
    text
}

/// How many lines a list of a step has at most.
const MOST_LINES: usize = 20;

/// Lines of a list, and how many more there are.
fn push_some(text: &mut String, lines: impl ExactSizeIterator<Item = String>) {
    let more = lines.len().saturating_sub(MOST_LINES);
    for line in lines.take(MOST_LINES) {
        text.push_str(&format!("   {}\n", text::printable(&line)));
    }
    if more > 0 {
        text.push_str(&format!("   and {} more (all of them: --json)\n", text::count(more as u64)));
    }
}

fn push_graphs(text: &mut String, images: u64, steps: &StepsReport) {
    let inside: usize = steps.graphs.iter().map(|graph| graph.images.len()).sum();
    text.push_str(&format!(
        "2. tiny graphs: {} of several images, {} in none\n",
        text::count(steps.graphs.len() as u64),
        text::plural(images - inside as u64, "image"),
    ));
    let mut largest: Vec<_> = steps.graphs.iter().collect();
    largest.sort_by_key(|graph| std::cmp::Reverse(graph.images.len()));
    let line = |graph: &TinyGraphReport| {
        let TinyGraphReport { images, roots } = graph;
        let mut named = roots.iter().take(4).cloned().collect::<Vec<String>>().join(", ");
        if roots.len() > 4 {
            named.push_str(&format!(" and {} more", text::count(roots.len() as u64 - 4)));
        }
        let images = text::plural(images.len() as u64, "image");
        format!("{images}, {}: {named}", text::plural(roots.len() as u64, "root"))
    };
    push_some(text, largest.into_iter().map(line));
}

fn push_edges(text: &mut String, report: &LineageReport, steps: &StepsReport) {
    let edges = &steps.edges;
    text.push_str(&format!(
        "   of the {} of the family graph step 1 finds {}, step 3 confirms {}, step 4 leaves {};\n\
         \x20  {} of what stays are such edges; passed over by step 1: {}\n",
        text::plural(report.edges.len() as u64, "edge"),
        text::count(edges.found),
        text::count(edges.confirmed),
        text::count(edges.kept),
        percent(edges.kept as f64 / steps.reduction.kept.max(1) as f64),
        text::count(edges.passed_over.len() as u64),
    ));
    let line = |it: &PassedOverReport| {
        let why = match it.why {
            "few-directories" => "the parent has too few directories",
            "more-than-child" => "the parent has more directories than the child",
            _ => "too many directories of the parent are not in the child",
        };
        let place = if it.same_graph { "" } else { ", and they are in two tiny graphs" };
        format!("{} in {}: {why}{place}", it.parent, it.child)
    };
    push_some(text, edges.passed_over.iter().map(line));
}

/// The pairs, where they are few.
fn push_pairs(text: &mut String, steps: &StepsReport) {
    let Some(pairs) = &steps.pairs else {
        text.push_str("\nthe pairs are too many to be listed; name fewer images\n");
        return;
    };
    if pairs.is_empty() {
        return;
    }
    let row = |it: &StepPairReport| {
        let inside = |of: &InsideReport| {
            format!("{}/{}", text::count(of.shared), text::count(of.shared + of.missing))
        };
        let tie = if it.tie { "tie, " } else { "" };
        let edge = if it.is_edge { ", an edge" } else { "" };
        let fate = format!("{tie}{}{edge}", it.fate.replace('-', " "));
        vec![it.inner.clone(), it.outer.clone(), inside(&it.directories), inside(&it.files), fate]
    };
    let rows = pairs.iter().map(row).collect();
    text.push('\n');
    let headings = ["IN", "OUT", ">DIRECTORIES", ">FILES", "FATE"];
    text.push_str(&text::table(&headings, rows));
}
