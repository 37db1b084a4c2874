//! `oskin lineage`: the family graph of images.

use super::{lineage_text, workspace};
use crate::args::{Global, Reading};
use crate::error::CliError;
use crate::images::Workspace;
use crate::lineup::Lineup;
use crate::output::{Format, Outputs, json_bytes, value_of};
use oskin::catalog::{Catalog, KeptRanking};
use oskin::inventory::Inventory;
use oskin::lineage::{Candidates, Lineage, Look, Steps, Survey};
use oskin::path_set::PathSet;
use oskin::placement::{Whole, rank_whole};
use oskin::report::{LineageReport, StepsReport, lineage_page};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

/// The most pairs of the coarse step that are listed.
const MOST_PAIRS: u64 = 1_000;

/// What is asked of the family graph.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// Nothing but paths is looked at.
    pub(super) paths_only: bool,
    /// The steps are shown.
    pub(super) steps: bool,
    /// Nothing that was kept is used.
    pub(super) anew: bool,
}

/// Finds the family graph and writes it.
pub(super) fn run(
    global: &Global,
    images: &[OsString],
    asked: Asked,
    reading: Reading,
) -> Result<ExitCode, CliError> {
    let formats = [Format::Text, Format::Json, Format::Html, Format::Dot, Format::Graphml];
    let outputs = Outputs::new(global, &formats)?;
    let mut workspace = workspace(global, reading)?;
    let lineup = workspace.line_up(images)?;
    let Asked { paths_only, steps, anew } = asked;
    let (lineage, _) = find(&mut workspace, &lineup, (paths_only, anew))?;
    let mut report = LineageReport::new(&lineup.names, paths_only, &lineage);
    for (image, record) in report.images.iter_mut().zip(workspace.records(&lineup)?) {
        image.incomplete = record.incomplete().is_some();
    }
    if steps {
        let directories = workspace.directories(&lineup)?;
        let sets: [Vec<&PathSet>; 2] = [&lineup.files, &directories].map(|it| it.iter().collect());
        let steps = Steps::of(&sets[0], &sets[1], &lineage, MOST_PAIRS);
        report.steps = Some(StepsReport::new(&lineup.names, &steps));
    }
    outputs.write(|format| match format {
        Format::Json => Ok(json_bytes(&value_of(&report)?)),
        Format::Dot => Ok(report.dot().into_bytes()),
        Format::Graphml => Ok(report.graphml().into_bytes()),
        Format::Html => Ok(lineage_page::html(&report).into_bytes()),
        _ => Ok(lineage_text::text_of(&report).into_bytes()),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The family graph of a lineup, and the candidates by paths.
///
/// Of whole, large catalogs what was found before is taken from the catalog, and what is new is kept in
/// it; unless all is to be found anew.
pub(super) fn find(
    workspace: &mut Workspace,
    lineup: &Lineup,
    (paths_only, anew): (bool, bool),
) -> Result<(Lineage, Candidates), CliError> {
    let ids = if anew { None } else { lineup.whole(workspace.catalog_if_any()?)? };
    let mut known = match &ids {
        Some(ids) => Found::of(workspace.catalog()?, ids, &lineup.files)?,
        None => Found::anew(&lineup.files),
    };
    let files: Vec<&PathSet> = lineup.files.iter().collect();
    let chains = (!paths_only).then_some(&lineup.chains[..]);
    let mut survey = Survey::with(&files, std::mem::take(&mut known.candidates), chains);
    if !paths_only {
        survey = survey.declaring(workspace.declared_bases(lineup)?);
    }
    let mut looks = BTreeMap::new();
    // Questions about one candidate stand side by side.
    let mut candidate: Option<(u32, Inventory)> = None;
    for (image, child) in survey.questions() {
        let pair = ids.as_ref().map(|ids| (ids[image as usize], ids[child as usize]));
        if let Some(look) = pair.and_then(|pair| known.looks.get(&pair)) {
            looks.insert((image, child), *look);
            continue;
        }
        let entries = match candidate.take() {
            Some((known, entries)) if known == image => entries,
            _ => workspace.entries(lineup, image)?,
        };
        let look = Look::at(&entries, &workspace.entries(lineup, child)?);
        looks.insert((image, child), look);
        known.new_looks.extend(pair.map(|pair| (pair, look)));
        candidate = Some((image, entries));
    }
    if !known.rankings.is_empty() || !known.new_looks.is_empty() {
        workspace.keep(&known.rankings, &known.new_looks);
    }
    Ok((survey.lineage(&looks), survey.candidates().clone()))
}

/// What is known before the graph is made, and what of it is new.
struct Found {
    candidates: Candidates,
    looks: BTreeMap<(i64, i64), Look>,
    rankings: BTreeMap<i64, KeptRanking>,
    new_looks: BTreeMap<(i64, i64), Look>,
}

impl Found {
    fn anew(files: &[PathSet]) -> Self {
        let candidates = Candidates::rank(&files.iter().collect::<Vec<_>>());
        let (looks, rankings, new_looks) = Default::default();
        Self { candidates, looks, rankings, new_looks }
    }

    fn of(catalog: &Catalog, ids: &[i64], files: &[PathSet]) -> Result<Self, CliError> {
        catalog.at_one_moment(|catalog| {
            let Whole { candidates, changed } = rank_whole(catalog, ids, files)?;
            let looks = catalog.kept_looks()?;
            Ok(Self { candidates, looks, rankings: changed, new_looks: BTreeMap::new() })
        })
    }
}
