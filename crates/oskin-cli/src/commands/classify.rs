//! `oskin classify`: where an image belongs among those of the catalog.

use super::family::Family;
use super::{gate, place, workspace};
use crate::args::{Gates, Global, Reading};
use crate::error::CliError;
use crate::images::{Found, Workspace};
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::catalog::{Catalog, NearImage};
use oskin::lineage::Ancestry;
use oskin::measure::{Method, Near, nearest};
use oskin::path_set::{PathSet, Selection};
use oskin::placement::KEPT_FROM;
use oskin::report::{ClassifyReport, WalkDownReport};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::ExitCode;

/// What is wanted of a classification.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// How many of the nearest.
    pub(super) top: usize,
    /// By what they are measured.
    pub(super) method: &'a Method,
    /// Whether nothing but paths counts.
    pub(super) paths_only: bool,
    /// Whether a walk down is made too.
    pub(super) walk_down: bool,
}

/// Places an image and writes what there is to say.
pub(super) fn run(
    global: &Global,
    image: &OsStr,
    (wanted, gates): (Wanted<'_>, Gates),
    reading: Reading,
) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let mut workspace = workspace(global, reading)?;
    // Without a catalog there is nothing to be near to.
    workspace.names_with_paths()?;
    let found = workspace.find(image)?;
    let near = match wanted.method.counts_paths() {
        true => None,
        false => Some(near_by(&mut workspace, &found, wanted)?),
    };
    // Layers and contents ask for the graph around an image: that of a small catalog is soon there as a
    // whole, and the gates want to see it anyhow.
    let is_small = workspace.names_with_paths()?.len() < KEPT_FROM;
    let gates = oskin::lineage::Gates::from(gates);
    let wants_graph = !gates.is_empty() || is_small && !wanted.paths_only;
    if !wants_graph {
        let report = workspace
            .catalog()?
            .at_one_moment(|catalog| classify(catalog, &found, (wanted, None), near))?;
        outputs.answer(&value_of(&report)?, || text_of(&report))?;
        // What all images weigh took most of the time, and is the same for the next one.
        if !is_small && !workspace.catalog()?.has_kept_weights()? {
            workspace.keep(&BTreeMap::new(), &BTreeMap::new());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut family = Family::of(workspace, vec![found.clone()], wanted.paths_only)?;
    // One connection reads while the other one lends what it found.
    let catalog = Catalog::open(family.workspace.catalog()?.path())?;
    let asked = (wanted, Some(&family));
    let mut report = catalog.at_one_moment(|catalog| classify(catalog, &found, asked, near))?;
    let lineage = family.lineage.clone();
    let number = family.asked[0];
    report.gates = gate::judge(&gates, &mut family, &Ancestry::of(&lineage), number)?;
    outputs.answer(&value_of(&report)?, || text_of(&report))?;
    Ok(gate::conclude(&report.gates, &report.name, global.quiet))
}

fn classify(
    catalog: &Catalog,
    found: &Found,
    (wanted, family): (Wanted<'_>, Option<&Family>),
    near: Option<Nearest>,
) -> Result<ClassifyReport, CliError> {
    let (selection, measure) = (wanted.method.selection, wanted.method.measure);
    let names = catalog.names_with_paths()?;
    let subject = place::Known::of(catalog, found, !wanted.paths_only)?;
    let own = found.kept();
    let Nearest { size, near } = if let Some(near) = near {
        near
    } else {
        let set = subject.select(selection);
        // One more, since an image of the catalog is nearest to itself.
        let most = wanted.top.saturating_add(1);
        let near = catalog.nearest((&set, selection), measure, 0.0, most)?;
        Nearest { size: set.len(), near }
    };
    let others = near.into_iter().filter(|near| Some(near.image) != own).take(wanted.top);
    let nearest = others.filter_map(|near| {
        let at = names.binary_search_by_key(&near.image, |(id, _)| *id).ok()?;
        Some((names[at].1.clone(), near.overlap))
    });
    // Another process may have removed it meanwhile.
    let is_there = own.is_some_and(|own| names.iter().any(|(id, _)| *id == own));
    let compared = names.len() as u64 - u64::from(is_there);
    let placement = subject.place(catalog, &names, family)?;
    let counted = (found.name(), size);
    let mut report = ClassifyReport::new(counted, wanted.method, compared, nearest, placement);
    if wanted.walk_down {
        report.walk_down = walk_down(catalog, (&subject.select(Selection::Both), own), wanted)?;
    }
    Ok(report)
}

/// The nearest images, and what the one has that was asked for.
#[derive(Debug)]
struct Nearest {
    size: u64,
    near: Vec<NearImage>,
}

/// The nearest images by a method that the index of the catalog does not serve.
fn near_by(
    workspace: &mut Workspace,
    found: &Found,
    wanted: Wanted<'_>,
) -> Result<Nearest, CliError> {
    let method = wanted.method;
    if !method.counts() {
        return Err(CliError::new(
            "the nearest images are told by counts, not by rarities or words",
        )
        .hint("`oskin matrix --top K` lists the nearest by any method"));
    }
    let names = workspace.names_with_paths()?;
    let spelled = workspace.spell_beside(&names, found.clone())?;
    let levels = workspace.levels(&spelled, method)?;
    let weights = levels.weights(method.weighting);
    let own = names.len();
    let near = |other: usize| {
        let overlap = levels.overlap(own, other, &weights);
        Near { other, overlap, value: method.measure.of(overlap) }
    };
    let others = (0..names.len()).filter(|other| Some(names[*other].0) != found.kept());
    let near = nearest(others.map(near), wanted.top);
    let image = |near: Near| NearImage {
        image: names[near.other].0,
        overlap: near.overlap,
        value: near.value,
    };
    let size = weights.of_set(&levels.sets[own]);
    Ok(Nearest { size, near: near.into_iter().map(image).collect() })
}

/// Walks down to the nearest images, and compares them with those that the index tells.
fn walk_down(
    catalog: &Catalog,
    (set, own): (&PathSet, Option<i64>),
    wanted: Wanted<'_>,
) -> Result<Option<WalkDownReport>, CliError> {
    let measure = wanted.method.measure;
    // An image of the catalog is found too, and is not what is looked for.
    let most = 1 + usize::from(own.is_some());
    let Some(walk) = catalog.walk_down(set, measure, most)? else {
        return Err(CliError::new(
            "this catalog tells no image by another, so there is no way down",
        )
        .hint("add its images to a new catalog: `oskin export --all` and `oskin import`"));
    };
    let exact = catalog.nearest((set, Selection::Both), measure, 0.0, most)?;
    let values = |near: &[NearImage]| near.iter().map(|it| it.value).collect::<Vec<f64>>();
    Ok(Some(WalkDownReport {
        looked_at: walk.looked_at as u64,
        of: walk.of as u64,
        proven: walk.is_proven,
        agrees: values(&walk.nearest) == values(&exact),
    }))
}

fn text_of(report: &ClassifyReport) -> String {
    let what = match (report.by, report.weight, report.selection) {
        (_, "bytes", _) => "bytes",
        ("paths", _, "both") => "paths",
        ("paths", _, selection) => selection,
        (basis, ..) => basis,
    };
    let mut text = format!(
        "{}: {}\n{} {what}, compared with {}\n",
        text::printable(&report.name),
        place::answer(&report.placement),
        text::count(report.paths),
        text::plural(report.compared, "image")
    );
    text.push_str(&place::text_of(&report.placement));
    if !report.nearest.is_empty() {
        text.push_str(&nearest_text(report));
    }
    if let Some(walk) = &report.walk_down {
        text.push_str(&format!(
            "\nwalk down: looked at {} of {}; {} nearest as the exact search, {}\n",
            text::count(walk.looked_at),
            text::plural(walk.of, "image"),
            if walk.agrees { "the same" } else { "another" },
            if walk.proven { "proven" } else { "not proven" },
        ));
    }
    text.push_str(&gate::text_of(&report.gates));
    text
}

fn nearest_text(report: &ClassifyReport) -> String {
    let similarity = |value: f64| format!("{value:.6}");
    let rows = report.nearest.iter().map(|near| {
        vec![
            near.name.clone(),
            text::count(near.counts.common),
            text::count(near.counts.left_only),
            text::count(near.counts.right_only),
            similarity(near.counts.dice),
            similarity(near.counts.jaccard),
            similarity(near.counts.containment_left),
            similarity(near.counts.containment_right),
        ]
    });
    let mut how = Vec::new();
    if report.measure != "dice" {
        how.push(format!("by {}", report.measure));
    }
    if report.by != "paths" || report.weight != "none" {
        how.push(format!("of {}", if report.weight == "none" { report.by } else { report.weight }));
    }
    if report.view != "plain" {
        how.push(format!("in the view {}", text::printable(&report.view)));
    }
    let how = match how.is_empty() {
        true => String::new(),
        false => format!("\nthe nearest {}", how.join(", ")),
    };
    let headings =
        ["NEAREST", ">COMMON", ">ADDED", ">MISSING", ">DICE", ">JACCARD", ">IN IT", ">OF IT"];
    format!("{how}\n{}", text::table(&headings, rows.collect()))
}
