//! The family graph as one self-contained page: trees to open and close, evidence in words, a drawing.

use super::LineageReport;
use super::page::{assemble, json_in_page, shown};
use serde_json::{Value, json};

const TEMPLATE: &str = include_str!("lineage.html");
const STYLE: &str = include_str!("lineage.css");
const SCRIPTS: [&str; 5] = [
    include_str!("model.js"),
    include_str!("words.js"),
    include_str!("list.js"),
    include_str!("drawing.js"),
    include_str!("page.js"),
];

/// Draws the family graph as a page that works without a network and asks for nothing.
///
/// A content security policy in the page allows exactly its own script and style, by their digest,
/// and no connection at all. Names are not trusted: none is read as markup. The page holds the
/// graph with all evidence, about half a kilobyte an image, and makes a row only when it is opened,
/// so that it is meant for ten thousand images and more; the drawing is made up to 400. The same
/// report gives the same bytes. O(size of the report).
pub fn html(report: &LineageReport) -> String {
    assemble(TEMPLATE, (STYLE, &SCRIPTS), (&title(report.images.len()), &data(report)))
}

/// The question that the page answers.
fn title(images: usize) -> String {
    match images {
        0 => "No images".to_owned(),
        1 => "One image, no relatives".to_owned(),
        _ => "Who descends from whom?".to_owned(),
    }
}

/// What the scripts show, as JSON that cannot end the element it lies in; images are numbers.
fn data(report: &LineageReport) -> String {
    let numbers = report.numbers();
    let number = |name: &String| numbers.get(name.as_str()).copied();
    let all = |names: &[String]| names.iter().filter_map(number).collect::<Vec<usize>>();
    let edges: Vec<Value> = report
        .edges
        .iter()
        .map(|edge| {
            json!([
                number(&edge.child),
                number(&edge.parent),
                edge.kind,
                edge.confidence,
                edge.evidence,
                all(&edge.alternatives),
            ])
        })
        .collect();
    let kin = report.kin.iter().map(|it| json!([it.kind, all(&it.images)]));
    let connections = report
        .connections
        .iter()
        .map(|it| json!([number(&it.root), number(&it.base), it.shared, it.missing, it.tells]));
    json_in_page(&json!({
        "schema": "oskin.lineage/1",
        "names": report.images.iter().map(|it| shown(&it.name)).collect::<Vec<String>>(),
        "pathsOnly": report.paths_only,
        "above": report.above(),
        "edges": edges,
        "kin": kin.collect::<Vec<Value>>(),
        "connections": connections.collect::<Vec<Value>>(),
    }))
}
