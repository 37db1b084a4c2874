//! The documents about all pairs, as a whole and row by row.

use crate::measure::{AnyRow, Basis, Measure, Method, Near, OverlapMatrix};
use crate::path_set::Selection;
use serde::Serialize;

/// `oskin.matrix/1`: all pairs, held; [`PairsDocument`] writes the same of a stream.
#[derive(Clone, Debug, Serialize)]
pub struct MatrixReport {
    schema: &'static str,
    /// The images, rows and columns alike.
    pub names: Vec<String>,
    /// `files`, `directories` or `both`; of packages `names`, `versions` or `architectures`.
    pub selection: &'static str,
    /// The name of a measure.
    pub measure: &'static str,
    /// By what images are compared: `paths`, `edges`, `subtrees`, `words` or `packages`.
    pub by: &'static str,
    /// What each counts: `none`, `rarity`, `idf` or `bytes`.
    pub weight: &'static str,
    /// How paths are looked at; `plain` for as they are.
    pub view: String,
    /// Row by row, full precision; the row is the left image.
    pub values: Vec<Vec<f64>>,
}

impl MatrixReport {
    /// Measures all pairs by their paths as they are.
    pub fn new(
        names: Vec<String>,
        matrix: &OverlapMatrix,
        selection: Selection,
        measure: Measure,
    ) -> Self {
        let row = |i| (0..matrix.len()).map(|j| measure.of(matrix.overlap(i, j))).collect();
        let method = Method::plain(selection, measure);
        Self {
            schema: "oskin.matrix/1",
            values: (0..matrix.len()).map(row).collect(),
            names,
            selection: selection.name(),
            measure: measure.name(),
            by: method.basis.name(),
            weight: method.weighting.name(),
            view: method.view.describe(),
        }
    }
}

/// Which pairs a [`PairsDocument`] holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PairsKind {
    /// `oskin.matrix/1`: all, as a table.
    Matrix,
    /// `oskin.nearest/1`: the nearest of each image, or those that are alike enough, as a list.
    ///
    /// With `top` each image has its own pairs, nearest first. Without it pairs come in the order of
    /// their images, and under a symmetric measure each comes once, the earlier image first.
    Nearest {
        /// How many for each image at the most.
        top: Option<usize>,
        /// From which similarity on.
        min: Option<f64>,
    },
}

/// How a [`PairsDocument`] is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairsForm {
    /// Separated values with six decimals; a name that holds the separator, a quote or a line break
    /// is quoted as RFC 4180 says.
    Separated(u8),
    /// JSON with full precision.
    Json,
}

/// A document about all pairs that is written as the rows come: nothing of it is kept.
///
/// [`begin`](Self::begin), then [`row`](Self::row) for each image in order, then [`end`](Self::end);
/// each appends to what it is given.
#[derive(Debug)]
pub struct PairsDocument {
    /// The names as they are written.
    names: Vec<String>,
    method: Method,
    kind: PairsKind,
    form: PairsForm,
    /// Whether there is an item in the list of the document.
    has_items: bool,
}

impl PairsDocument {
    /// A document about the images of these names.
    pub fn new(names: &[String], method: &Method, kind: PairsKind, form: PairsForm) -> Self {
        let written = |name: &String| match form {
            PairsForm::Separated(separator) => quoted(name, separator),
            PairsForm::Json => json(name),
        };
        let names = names.iter().map(written).collect();
        Self { names, method: method.clone(), kind, form, has_items: false }
    }

    /// Writes what stands before the rows.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        match (self.form, self.kind) {
            (PairsForm::Separated(separator), PairsKind::Matrix) => {
                for name in &self.names {
                    out.push(separator);
                    out.extend_from_slice(name.as_bytes());
                }
                out.push(b'\n');
            }
            (PairsForm::Separated(separator), PairsKind::Nearest { .. }) => {
                let separator = char::from(separator).to_string();
                let header = ["image", "other", "common", "left_only", "right_only", "value"];
                out.extend_from_slice(header.join(&separator).as_bytes());
                out.push(b'\n');
            }
            (PairsForm::Json, kind) => self.begin_json(kind, out),
        }
    }

    /// The keys stand in the order of the alphabet, as in all documents.
    fn begin_json(&self, kind: PairsKind, out: &mut Vec<u8>) {
        let mut text = format!(
            "{{\n  \"by\": {},\n  \"measure\": {},\n",
            json(self.method.basis.name()),
            json(self.method.measure.name())
        );
        if let PairsKind::Nearest { min, .. } = kind {
            text.push_str(&format!("  \"min\": {},\n", json(&min)));
        }
        let names = self.names.join(",\n    ");
        match names.is_empty() {
            true => text.push_str("  \"names\": [],\n"),
            false => text.push_str(&format!("  \"names\": [\n    {names}\n  ],\n")),
        }
        let selection = json(self.method.selection_name());
        text.push_str(&match kind {
            PairsKind::Matrix => format!(
                "  \"schema\": \"oskin.matrix/1\",\n  \"selection\": {selection},\n  \"values\": ["
            ),
            PairsKind::Nearest { .. } => "  \"pairs\": [".to_owned(),
        });
        out.extend_from_slice(text.as_bytes());
    }

    /// Writes what a row adds.
    pub fn row(&mut self, row: AnyRow<'_>, out: &mut Vec<u8>) {
        match self.kind {
            PairsKind::Matrix => match self.form {
                PairsForm::Separated(separator) => self.separated_row(row, separator, out),
                PairsForm::Json => self.json_row(row, out),
            },
            PairsKind::Nearest { top: Some(top), min } => {
                for near in row.nearest(self.method.measure, min.unwrap_or_default(), top) {
                    self.pair(row.image(), &near, out);
                }
            }
            PairsKind::Nearest { top: None, min } => {
                let once = self.method.measure.is_symmetric();
                for near in row.at_least(self.method.measure, min.unwrap_or_default()) {
                    if !once || near.other > row.image() {
                        self.pair(row.image(), &near, out);
                    }
                }
            }
        }
    }

    fn separated_row(&self, row: AnyRow<'_>, separator: u8, out: &mut Vec<u8>) {
        let name = &self.names[row.image()];
        out.reserve(name.len() + 9 * row.len() + 1);
        out.extend_from_slice(name.as_bytes());
        for other in 0..row.len() {
            out.push(separator);
            push_six_decimals(out, row.value(self.method.measure, other));
        }
        out.push(b'\n');
    }

    fn json_row(&mut self, row: AnyRow<'_>, out: &mut Vec<u8>) {
        self.begin_item(out);
        out.push(b'[');
        for other in 0..row.len() {
            out.extend_from_slice(if other == 0 { b"\n      " } else { b",\n      " });
            push_json(out, &row.value(self.method.measure, other));
        }
        out.extend_from_slice(b"\n    ]");
    }

    fn pair(&mut self, set: usize, near: &Near, out: &mut Vec<u8>) {
        let overlap = near.overlap;
        let [common, left_only, right_only] =
            [overlap.common, overlap.left_only, overlap.right_only].map(|sum| self.amount(sum));
        if let PairsForm::Separated(separator) = self.form {
            let separator = char::from(separator);
            let (image, other) = (&self.names[set], &self.names[near.other]);
            let text = format!(
                "{image}{separator}{other}{separator}{common}{separator}{left_only}{separator}\
                 {right_only}{separator}"
            );
            out.extend_from_slice(text.as_bytes());
            push_six_decimals(out, near.value);
            out.push(b'\n');
            return;
        }
        self.begin_item(out);
        let text = format!(
            "{{\n      \"common\": {common},\n      \"image\": {},\n      \"left_only\": \
             {left_only},\n      \"other\": {},\n      \"right_only\": {right_only},\n      \
             \"value\": {}\n    }}",
            self.names[set],
            self.names[near.other],
            json(&near.value),
        );
        out.extend_from_slice(text.as_bytes());
    }

    /// A count as it is written: nothing where there are none.
    fn amount(&self, sum: u64) -> String {
        match (self.method.basis, self.method.weighting.unit(), self.form) {
            (Basis::Words, _, PairsForm::Json) => "null".to_owned(),
            (Basis::Words, ..) => String::new(),
            (_, 1, _) => sum.to_string(),
            (_, unit, _) => (sum as f64 / unit as f64).to_string(),
        }
    }

    /// Puts an item of the list on a line of its own.
    fn begin_item(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.has_items { b",\n    " } else { b"\n    " });
        self.has_items = true;
    }

    /// Writes what stands behind the rows.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if self.form != PairsForm::Json {
            return;
        }
        let mut text = String::from(if self.has_items { "\n  ]" } else { "]" });
        if let PairsKind::Nearest { top, .. } = self.kind {
            text.push_str(&format!(
                ",\n  \"schema\": \"oskin.nearest/1\",\n  \"selection\": {},\n  \"top\": {}",
                json(self.method.selection_name()),
                json(&top)
            ));
        }
        text.push_str(&format!(
            ",\n  \"view\": {},\n  \"weight\": {}\n}}\n",
            json(&self.method.view.describe()),
            json(self.method.weighting.name())
        ));
        out.extend_from_slice(text.as_bytes());
    }
}

/// A name as a separated value.
fn quoted(name: &str, separator: u8) -> String {
    if name.contains([char::from(separator), '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

/// A name or number as JSON.
fn json(value: &(impl Serialize + ?Sized)) -> String {
    // Neither memory nor what has a form in JSON fails.
    serde_json::to_string(value).unwrap_or_default()
}

/// Appends a name or number as JSON.
fn push_json(out: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(out, value).unwrap_or_default();
}

/// All numbers of three digits.
const THREE_DIGITS: [[u8; 3]; 1_000] = {
    let mut table = [*b"000"; 1_000];
    let mut number = 1;
    while number < table.len() {
        // The number before, and one more.
        let [hundreds, tens, ones] = table[number - 1];
        table[number] = match (tens, ones) {
            (b'9', b'9') => [hundreds + 1, b'0', b'0'],
            (_, b'9') => [hundreds, tens + 1, b'0'],
            _ => [hundreds, tens, ones + 1],
        };
        number += 1;
    }
    table
};

/// Writes a value in `0..=1` with six decimals, many times faster than the formatter, which a
/// matrix of many images notices.
fn push_six_decimals(out: &mut Vec<u8>, value: f64) {
    // Exactly halfway cases do not occur among ratios of small integers times a million, but for
    // those that are exact; both ways of rounding agree on them but for ties to even.
    let scaled = (value * 1e6).round_ties_even();
    // In 0..=1_000_000 by the contract of measures, so the cast is exact.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "see above")]
    let scaled = scaled as usize;
    let mut digits = *b"0.000000";
    digits[0] += u8::from(scaled >= 1_000_000);
    digits[2..5].copy_from_slice(&THREE_DIGITS[scaled / 1_000 % 1_000]);
    digits[5..].copy_from_slice(&THREE_DIGITS[scaled % 1_000]);
    out.extend_from_slice(&digits);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{AllPairs, Family};
    use crate::path_set::PathSet;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use std::ops::ControlFlow;

    #[test]
    fn six_decimals_agree_with_the_formatter() {
        for a in 0..400_u32 {
            for b in 1..=400_u32 {
                let value = f64::from(a.min(b)) / f64::from(b);
                let mut text = Vec::new();
                push_six_decimals(&mut text, value);
                assert_eq!(String::from_utf8(text).unwrap(), format!("{value:.6}"), "{a}/{b}");
            }
        }
    }

    /// The document of a stream.
    fn streamed(pairs: &AllPairs, mut document: PairsDocument) -> String {
        let mut out = Vec::new();
        document.begin(&mut out);
        let flow = pairs.for_each_row::<()>(|row| {
            document.row(AnyRow::Counted(row), &mut out);
            ControlFlow::Continue(())
        });
        assert_eq!(flow, ControlFlow::Continue(()));
        document.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// The table of a report, written by the formatter.
    fn table(report: &MatrixReport, separator: char) -> String {
        let cell = |name: &String| {
            let special = name.contains([separator, '"', '\n', '\r']);
            if special { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.clone() }
        };
        let mut text = String::new();
        for name in &report.names {
            text.push_str(&format!("{separator}{}", cell(name)));
        }
        text.push('\n');
        for (name, row) in report.names.iter().zip(&report.values) {
            text.push_str(&cell(name));
            for value in row {
                text.push_str(&format!("{separator}{value:.6}"));
            }
            text.push('\n');
        }
        text
    }

    /// All pairs that a list is made of, by plain sets: the whole document as a value.
    fn nearest(
        sets: &[BTreeSet<u32>],
        names: &[String],
        (selection, measure): (Selection, Measure),
        (top, min): (Option<usize>, Option<f64>),
    ) -> Value {
        let mut pairs = Vec::new();
        for (i, left) in sets.iter().enumerate() {
            let mut own = Vec::new();
            for (j, right) in sets.iter().enumerate() {
                let common = left.intersection(right).count() as u64;
                let (left_only, right_only) =
                    (left.len() as u64 - common, right.len() as u64 - common);
                let value = measure.of(crate::path_set::Overlap { common, left_only, right_only });
                let is_twin = top.is_none() && j < i && measure.is_symmetric();
                if i != j && !is_twin && min.is_none_or(|min| value >= min) {
                    own.push((
                        value,
                        json!({
                            "image": names[i], "other": names[j], "common": common,
                            "left_only": left_only, "right_only": right_only, "value": value,
                        }),
                    ));
                }
            }
            if let Some(top) = top {
                let rank = |it: &(f64, Value)| (it.0, it.1["common"].as_u64());
                own.sort_by(|a, b| rank(b).partial_cmp(&rank(a)).unwrap());
                own.truncate(top);
            }
            pairs.extend(own.into_iter().map(|(_, pair)| pair));
        }
        json!({
            "schema": "oskin.nearest/1", "names": names, "selection": selection.name(),
            "measure": measure.name(), "top": top, "min": min, "pairs": pairs,
            "by": "paths", "view": "plain", "weight": "none",
        })
    }

    proptest! {
        #[test]
        fn streams_write_what_is_written_of_held_pairs(
            sets in vec((btree_set(0_u32..60, 0..40), "[a\u{e9},\"\t\n\r\\\\:]{0,5}"), 0..12),
            measure in prop::sample::select(&Measure::ALL),
            selection in prop::sample::select(&Selection::ALL),
            top in prop::option::of(1_usize..6),
            min in prop::option::of(prop_oneof![Just(0.5), Just(1.0), 0.0..1.0]),
        ) {
            let (sets, names): (Vec<BTreeSet<u32>>, Vec<String>) = sets.into_iter().unzip();
            let own: Vec<PathSet> =
                sets.iter().map(|set| PathSet::from_unsorted(set.iter().copied().collect())).collect();
            let own: Vec<&PathSet> = own.iter().collect();
            let matrix = OverlapMatrix::from_sets(&own);
            let report = MatrixReport::new(names.clone(), &matrix, selection, measure);
            let family = Family::from_sets(&own, &vec![None; own.len()]);
            let asked = Method::plain(selection, measure);
            for pairs in [AllPairs::from_sets(&own), AllPairs::from_family(family)] {
                let written = |kind, form| {
                    streamed(&pairs, PairsDocument::new(&names, &asked, kind, form))
                };
                let json = format!("{:#}\n", serde_json::to_value(&report).unwrap());
                prop_assert_eq!(written(PairsKind::Matrix, PairsForm::Json), json);
                for separator in [b',', b'\t'] {
                    let text = written(PairsKind::Matrix, PairsForm::Separated(separator));
                    prop_assert_eq!(text, table(&report, char::from(separator)));
                }
                let kind = PairsKind::Nearest { top, min };
                let expected = nearest(&sets, &names, (selection, measure), (top, min));
                prop_assert_eq!(written(kind, PairsForm::Json), format!("{expected:#}\n"));
                let mut lines = String::from("image;other;common;left_only;right_only;value\n");
                for pair in expected["pairs"].as_array().unwrap() {
                    let name = |key: &str| quoted(pair[key].as_str().unwrap(), b';');
                    lines.push_str(&format!(
                        "{};{};{};{};{};{:.6}\n",
                        name("image"), name("other"), pair["common"], pair["left_only"],
                        pair["right_only"], pair["value"].as_f64().unwrap(),
                    ));
                }
                prop_assert_eq!(written(kind, PairsForm::Separated(b';')), lines);
            }
        }
    }
}
