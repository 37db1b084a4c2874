//! The figures for people, each table with what it means, and as separated values.

use crate::text;
use oskin::report::{EvaluateReport, RobustnessReport, ShareReport, WrongReport};

/// So many names of a list are shown; JSON has all.
const SHOWN: usize = 10;

pub(super) fn text_of(report: &EvaluateReport) -> String {
    let mut text = format!("{} judged", text::plural(report.judged, "image"));
    text.push_str(&absent(report.absent, &report.absent_images));
    text.push_str("\n\n");
    text.push_str(&text::table(&["", ">RIGHT", ">SHARE", ">95 % INTERVAL"], main_rows(report)));
    text.push_str(&main_words(report));
    if !report.wrong.is_empty() {
        text.push_str("\nWrong decisions, with how sure they were:\n");
        text.push_str(&wrong_table(&report.wrong));
    }
    if !report.wrong_families.is_empty() {
        let row = |it: &oskin::report::WrongFamilyReport| {
            let found = it.found.clone().unwrap_or_else(|| "none".to_owned());
            vec![it.image.clone(), it.expected.clone(), found]
        };
        let rows = report.wrong_families.iter().map(row).collect();
        text.push('\n');
        text.push_str(&text::table(&["WRONG FAMILY", "EXPECTED", "FOUND"], rows));
    }
    text.push_str(&robustness(&report.robustness));
    text.push_str(&left_out(report));
    text
}

/// The images that are told of and are not there.
pub(super) fn absent(images: u64, names: &[String]) -> String {
    if images == 0 {
        return String::new();
    }
    let are = if images == 1 { "is" } else { "are" };
    let count = text::count(images);
    format!("; {count} more {are} in the file, but not in the catalog: {}", some(names))
}

pub(super) fn interval_cells(name: &str, tally: &ShareReport) -> Vec<String> {
    vec![
        name.to_owned(),
        format!("{} of {}", tally.hits, tally.of),
        format!("{:.3}", tally.share),
        format!("{:.3} to {:.3}", tally.low, tally.high),
    ]
}

fn main_rows(report: &EvaluateReport) -> Vec<Vec<String>> {
    let base = report.baselines.base.as_deref().unwrap_or("none");
    let mut rows = vec![
        interval_cells("parent first", &report.first),
        interval_cells("an ancestor first", &report.ancestor_first),
        interval_cells("parent first or as good", &report.first_or_as_good),
        interval_cells("decisions, \"none\" included", &report.decisions),
    ];
    if report.family.of > 0 {
        rows.push(interval_cells("base family", &report.family));
    }
    rows.push(interval_cells("baseline: nearest by Dice", &report.baselines.nearest_by_dice));
    let always = format!("baseline: always {base}");
    rows.push(interval_cells(&always, &report.baselines.most_common_base));
    rows
}

fn main_words(report: &EvaluateReport) -> String {
    let (parents, all) = (report.first.of, report.decisions.of);
    let mut words = format!(
        "\nParent first: of the {} with a known parent in the catalog, the best candidate is that parent;\n\
         as good: or is named as good as the best. Decisions: of all {}, the known parent was named, or\n\
         none where none is there. ",
        text::plural(parents, "image"),
        text::count(all)
    );
    if report.family.of > 0 {
        words.push_str(&format!(
            "Base family: of {} whose base is there, the way up leads to it.\n",
            text::plural(report.family.of, "image")
        ));
    }
    words.push_str("The interval holds the true share in 95 of 100 cases (Wilson).\n");
    words
}

fn wrong_table(wrong: &[WrongReport]) -> String {
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
    let row = |wrong: &WrongReport| {
        let confidence = wrong.confidence.map(|it| format!("{it:.2}")).unwrap_or_default();
        vec![wrong.image.clone(), name(&wrong.expected), name(&wrong.found), confidence]
    };
    let rows = wrong.iter().map(row).collect();
    text::table(&["WRONG", "EXPECTED", "FOUND", ">CONFIDENCE"], rows)
}

fn robustness(reports: &[RobustnessReport]) -> String {
    let Some(first) = reports.first() else { return String::new() };
    let row = |report: &RobustnessReport| {
        let tally = &report.parent;
        vec![
            change_of(report),
            text::count(report.removed),
            text::count(report.added),
            format!("{} of {}", tally.hits, tally.of),
            format!("{:.3} to {:.3}", tally.low, tally.high),
            report.lost.to_string(),
            report.other.to_string(),
            format!("{} of {}", report.none.hits, report.none.of),
        ]
    };
    let headings = [
        "ONE IMAGE CHANGED",
        ">REMOVED",
        ">ADDED",
        ">PARENT FOUND",
        ">95 % INTERVAL",
        ">LOST",
        ">ANOTHER",
        ">NONE IS NONE",
    ];
    let mut text = String::from("\n");
    text.push_str(&text::table(&headings, reports.iter().map(row).collect()));
    text.push_str(&format!(
        "\nBy paths alone, each image changed in turn (seed {}), the others as they are. Removed, added: files of\n\
         all changed images together. Lost: no parent was found; another: a wrong one. None is none: of the\n\
         images without a parent in the catalog, none was found.\n",
        first.seed
    ));
    text
}

fn change_of(report: &RobustnessReport) -> String {
    // Ten digits are more than anyone types; they hide what a binary fraction adds.
    let percent = report.share.map(|share| (share * 1e12).round() / 1e10).unwrap_or_default();
    match report.perturbation {
        "delete" => format!("{percent} % of the files deleted"),
        "strip-docs" => "documentation stripped".to_owned(),
        "upgrade" => format!("{percent} % of packages upgraded"),
        _ => "nothing".to_owned(),
    }
}

fn left_out(report: &EvaluateReport) -> String {
    let Some(left_out) = &report.parent_left_out else { return String::new() };
    let rows = vec![
        interval_cells("next ancestor found", &left_out.next_ancestor),
        interval_cells("none found, where none is left", &left_out.none),
        interval_cells("decisions", &left_out.decisions),
    ];
    let mut text = String::from("\n");
    let headings = ["PARENT LEFT OUT", ">RIGHT", ">SHARE", ">95 % INTERVAL"];
    text.push_str(&text::table(&headings, rows));
    text.push_str(
        "\nBy paths alone, each known parent in turn taken out with all that have the same files: right is\n\
         the next known ancestor in the catalog, or none.\n",
    );
    if !left_out.wrong.is_empty() {
        text.push('\n');
        text.push_str(&wrong_table(&left_out.wrong));
    }
    text
}

/// The first of some names, and how many more there are.
pub(super) fn some(names: &[String]) -> String {
    let mut shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if let Some(more) = names.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        shown.push_str(&format!(" and {} more (all with --json)", text::count(more as u64)));
    }
    text::printable(&shown)
}

/// The figures, one a line: `figure,hits,of,share,low,high`.
pub(super) fn separated(report: &EvaluateReport, separator: char) -> String {
    let mut rows = vec![
        ("first".to_owned(), report.first),
        ("ancestor-first".to_owned(), report.ancestor_first),
        ("first-or-as-good".to_owned(), report.first_or_as_good),
        ("decisions".to_owned(), report.decisions),
        ("family".to_owned(), report.family),
        ("baseline-nearest-by-dice".to_owned(), report.baselines.nearest_by_dice),
        ("baseline-most-common-base".to_owned(), report.baselines.most_common_base),
    ];
    for it in &report.robustness {
        let share = it.share.map(|share| format!(" {share}")).unwrap_or_default();
        let change = format!("changed {}{share}", it.perturbation);
        rows.push((format!("{change}: parent"), it.parent));
        rows.push((format!("{change}: first"), it.first));
        rows.push((format!("{change}: none"), it.none));
    }
    if let Some(it) = &report.parent_left_out {
        rows.push(("parent-left-out: next-ancestor".to_owned(), it.next_ancestor));
        rows.push(("parent-left-out: none".to_owned(), it.none));
        rows.push(("parent-left-out: decisions".to_owned(), it.decisions));
    }
    tallies(rows, separator)
}

/// Shares with their intervals, one a line.
pub(super) fn tallies(
    rows: impl IntoIterator<Item = (String, ShareReport)>,
    separator: char,
) -> String {
    let mut text = ["figure", "hits", "of", "share", "low", "high"].join(&separator.to_string());
    text.push('\n');
    for (name, tally) in rows {
        let numbers = [tally.share, tally.low, tally.high].map(|share| format!("{share:.6}"));
        let counts = [tally.hits.to_string(), tally.of.to_string()];
        let cells: Vec<String> = [name].into_iter().chain(counts).chain(numbers).collect();
        text.push_str(&cells.join(&separator.to_string()));
        text.push('\n');
    }
    text
}
