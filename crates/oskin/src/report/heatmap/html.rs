//! The heatmap as one self-contained page: template, style, scripts and data in a single file.

use super::{Heatmap, color};
use crate::measure::{Dendrogram, OverlapMatrix};
use crate::path_set::Selection;
use crate::report::page::{assemble, base64, json_in_page, shown};
use serde_json::{Map, Value, json};

const TEMPLATE: &str = include_str!("heatmap.html");
const STYLE: &str = include_str!("heatmap.css");
const SCRIPTS: [&str; 5] = [
    include_str!("model.js"),
    include_str!("draw.js"),
    include_str!("overlay.js"),
    include_str!("panel.js"),
    include_str!("page.js"),
];

/// Draws the heatmap as a page that works without a network and asks for nothing.
///
/// A content security policy in the page allows exactly its own script and style, by their digest,
/// and no connection at all. The page holds the counts of files and directories as binary numbers
/// of two or four bytes in base64, and computes the similarities from them: about 4 MB at 1,000
/// images, O(n²). It is meant for up to a few thousand images.
pub fn html(heatmap: &Heatmap<'_>) -> String {
    heatmap.checked_len();
    assemble(TEMPLATE, (STYLE, &SCRIPTS), (&heatmap.title(), &data(heatmap)))
}

/// What the scripts draw, as JSON that cannot end the element it lies in.
fn data(heatmap: &Heatmap<'_>) -> String {
    let names: Vec<String> = heatmap.names.iter().map(|name| shown(name)).collect();
    let trees = Selection::ALL.iter().zip(heatmap.trees);
    let trees: Map<String, Value> =
        trees.map(|(selection, it)| (selection.name().to_owned(), tree(it))).collect();
    let hex = |byte: &u8| {
        [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
    };
    let colors: String = color::palette().as_flattened().iter().flat_map(hex).collect();
    let value = json!({
        "schema": "oskin.heatmap/1",
        "names": names,
        "selection": heatmap.selection.name(),
        "measure": heatmap.measure.name(),
        "how": heatmap.how,
        "counts": { "files": counts(heatmap.files), "directories": counts(heatmap.directories), "both": counts(heatmap.both) },
        "trees": trees,
        "palette": colors,
    });
    json_in_page(&value)
}

fn counts(matrix: &OverlapMatrix) -> Value {
    json!({ "sizes": integers(&matrix.sizes), "common": integers(&matrix.common) })
}

/// Numbers as little-endian bytes: two each where all fit, four otherwise.
fn integers(numbers: &[u32]) -> Value {
    let narrow: Result<Vec<u16>, _> = numbers.iter().map(|number| u16::try_from(*number)).collect();
    if let Ok(narrow) = narrow {
        let bytes: Vec<u8> = narrow.into_iter().flat_map(u16::to_le_bytes).collect();
        return json!({ "bytes": 2, "base64": base64(&bytes) });
    }
    let bytes: Vec<u8> = numbers.iter().flat_map(|it| it.to_le_bytes()).collect();
    json!({ "bytes": 4, "base64": base64(&bytes) })
}

fn tree(tree: &Dendrogram) -> Value {
    let column = |of: fn(&crate::measure::Merge) -> u32| {
        integers(&tree.merges.iter().map(of).collect::<Vec<_>>())
    };
    let heights: Vec<u8> =
        tree.merges.iter().flat_map(|merge| merge.height.to_le_bytes()).collect();
    json!({
        "left": column(|merge| merge.left),
        "right": column(|merge| merge.right),
        "height": base64(&heights),
        "order": integers(&tree.order),
    })
}
