//! `oskin tags`: the software that makes an image special.

use super::place::Known;
use super::workspace;
use crate::args::{AskedTags, Global};
use crate::error::CliError;
use crate::images::{Found, Workspace};
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::catalog::Catalog;
use oskin::image::Declared;
use oskin::ingest::ForeignPaths;
use oskin::path_set::{PathSet, Selection};
use oskin::report::{TagEvidence, TagReport, TaggedImage, TagsReport};
use oskin::software::programs::Table;
use oskin::software::tags::{self, Added, FoundProgram, Input, Tag};
use oskin::software::{FoundPackage, Installed};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

/// The longest table of programs that is read, in bytes.
const MAX_TABLE_BYTES: u64 = 16 << 20;

/// How many pieces of evidence people are shown.
const SHOWN: usize = 2;

/// How many tags of an image stand in a line of many.
const IN_LINE: usize = 6;

/// Tells the tags of images.
pub(super) fn run(global: &Global, asked: &AskedTags) -> Result<ExitCode, CliError> {
    if asked.list_programs {
        return super::generate::print(oskin::software::programs::table_text());
    }
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let mut workspace = workspace(global, asked.reading.clone())?;
    let table = table(asked.programs.as_deref())?;
    let names = match asked.images.is_empty() {
        true => workspace.names_with_paths()?.into_iter().map(|(_, name)| name.into()).collect(),
        false => asked.images.clone(),
    };
    let base = asked.base.as_ref().map(|base| workspace.find(base)).transpose()?;
    let mut images = Vec::with_capacity(names.len());
    let all = AllPaths::of(&mut workspace)?;
    for name in &names {
        let found = workspace.find(name)?;
        let base = base.clone();
        let image = Tagged { found: &found, base, table: &table, all: &all, paths_only: false };
        images.push(image.report(&mut workspace, asked)?);
    }
    let report = TagsReport::new(images);
    outputs.answer(&value_of(&report)?, || text_of(&report, asked.all))?;
    Ok(ExitCode::SUCCESS)
}

/// The built-in table, with that of a file if one is named.
pub(super) fn table(own: Option<&Path>) -> Result<Table, CliError> {
    let built_in = Table::built_in();
    let Some(path) = own else { return Ok(built_in.clone()) };
    let place = path.display();
    let size = std::fs::metadata(path)
        .map_err(|error| CliError::new(format!("cannot read {place}: {error}")))?;
    if size.len() > MAX_TABLE_BYTES {
        return Err(CliError::new(format!("{place} is too large for a table of programs")));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::new(format!("cannot read {place}: {error}")))?;
    let (own, problems) = Table::read(&text);
    if let [first, others @ ..] = &problems[..] {
        let more = if others.is_empty() { "" } else { ", and it is not the only line" };
        return Err(CliError::new(format!("{place}: {first}{more}"))
            .hint("`oskin tags --list-programs` prints a table, whose head describes its format"));
    }
    Ok(built_in.with(&own))
}

/// How many images of the catalog have each path.
pub(super) struct AllPaths {
    images: u32,
    by_id: Vec<u32>,
    /// Ids and names of these images, by id.
    names: Vec<(i64, String)>,
}

impl AllPaths {
    /// Counts, in O(runs + ids). Nothing without a catalog.
    pub(super) fn of(workspace: &mut Workspace) -> Result<Self, CliError> {
        let Some(catalog) = workspace.catalog_if_any()? else {
            return Ok(Self { images: 0, by_id: Vec::new(), names: Vec::new() });
        };
        catalog.at_one_moment(|catalog| {
            let names = catalog.names_with_paths()?;
            let ids: Vec<i64> = names.iter().map(|(id, _)| *id).collect();
            let sets = catalog.path_sets(&ids, Selection::Both)?;
            let mut changes: Vec<i64> = vec![0; catalog.path_count()? as usize + 1];
            for run in sets.iter().flat_map(PathSet::runs) {
                changes[run.first as usize] += 1;
                if let Some(end) =
                    usize::try_from(run.end()).ok().and_then(|end| changes.get_mut(end))
                {
                    *end -= 1;
                }
            }
            let mut count = 0;
            let by_id = changes.iter().map(|change| {
                count += change;
                u32::try_from(count).unwrap_or_default()
            });
            let images = u32::try_from(ids.len()).unwrap_or(u32::MAX);
            Ok(Self { images, by_id: by_id.collect(), names })
        })
    }

    /// How many images have a path, one that is not of the catalog as well.
    fn of_path(&self, id: u32, is_kept: bool) -> Option<u32> {
        let others = self.by_id.get(id as usize).copied().unwrap_or_default();
        (self.images > 0).then_some(others + u32::from(!is_kept))
    }
}

/// An image that tags are asked of.
pub(super) struct Tagged<'a> {
    pub(super) found: &'a Found,
    /// What it stands on; else that is looked for in the catalog.
    pub(super) base: Option<Found>,
    pub(super) table: &'a Table,
    pub(super) all: &'a AllPaths,
    /// No layers, no packages, no configuration.
    pub(super) paths_only: bool,
}

/// All tags of an image, those that weigh most first.
pub(super) struct Tags {
    pub(super) base: Option<String>,
    /// How many paths the base has not.
    pub(super) added: u64,
    pub(super) all: Vec<Tag>,
}

/// Paths that an image has and its base has not, and those of the base.
struct Difference {
    base: Option<Found>,
    added: Vec<(u32, Vec<u8>)>,
    base_paths: Vec<Vec<u8>>,
}

impl Tagged<'_> {
    /// Its tags, all of them.
    pub(super) fn tags(mut self, workspace: &mut Workspace) -> Result<Tags, CliError> {
        let Difference { base, added, base_paths } = self.difference(workspace)?;
        let mut installed = |found: &Found| match self.paths_only {
            true => Ok(Vec::new()),
            false => Ok::<_, CliError>(workspace.installed(found)?.unwrap_or_default()),
        };
        let own_installed = installed(self.found)?;
        let of_base = base.as_ref().map(&mut installed).transpose()?.unwrap_or_default();
        let (packages, found) = own(own_installed, &of_base);
        let declared = |found: &Found| {
            let is_told = found.record().config.is_some() && !self.paths_only;
            is_told.then(|| found.record().declared())
        };
        let declarations: [Option<Declared>; 2] =
            [declared(self.found), base.as_ref().and_then(declared)];
        let is_kept = self.found.kept().is_some();
        let paths: Vec<Added<'_>> = added
            .iter()
            .map(|(id, path)| Added { path, images: self.all.of_path(*id, is_kept) })
            .collect();
        let base_paths: Vec<&[u8]> = base_paths.iter().map(Vec::as_slice).collect();
        let input = Input {
            added: &paths,
            base: &base_paths,
            images_in_catalog: self.all.images,
            packages: &packages,
            found: &found,
            declared: declarations[0].as_ref(),
            base_declared: declarations[1].as_ref(),
        };
        let base = base.map(|base| base.name().to_owned());
        Ok(Tags { base, added: paths.len() as u64, all: tags::tags(&input, self.table) })
    }

    fn report(self, workspace: &mut Workspace, asked: &AskedTags) -> Result<TaggedImage, CliError> {
        let name = self.found.name();
        let Tags { base, added, all } = self.tags(workspace)?;
        let told = if asked.all { &all[..] } else { tags::standing_out(&all) };
        let told = &told[..asked.top.unwrap_or(told.len()).min(told.len())];
        Ok(TaggedImage::new((name, base.as_deref()), (added, all.len() as u64), told))
    }

    /// What it has and what it stands on has not.
    fn difference(&mut self, workspace: &mut Workspace) -> Result<Difference, CliError> {
        if self.base.is_none() && workspace.catalog_if_any()?.is_some() {
            let parent = parent_of(workspace.catalog()?, self.found, !self.paths_only)?;
            let names = &self.all.names;
            let at = parent.and_then(|id| names.binary_search_by_key(&id, |(id, _)| *id).ok());
            self.base = at.map(|at| workspace.find(names[at].1.as_ref())).transpose()?;
        }
        let base = self.base.take();
        let catalog = workspace.catalog_if_any()?;
        let mut foreign = ForeignPaths::new(catalog)?;
        let mut set_of = |found: &Found| match (found, catalog) {
            (Found::Kept(record), Some(catalog)) => {
                Ok(catalog.path_set(record.id, Selection::Both)?)
            }
            (Found::Kept(_), None) => Err(CliError::new("the catalog is gone")),
            (Found::Read(image), _) => {
                let [files, directories] = foreign.path_sets(&image.inventory)?;
                Ok(files.union(&directories))
            }
        };
        let own = set_of(self.found)?;
        let of_base = base.as_ref().map(&mut set_of).transpose()?.unwrap_or_default();
        let added = own.difference(&of_base);
        let texts = foreign.texts(&added)?;
        let added = added.ids().zip(texts.iter().map(<[u8]>::to_vec)).collect();
        let base_paths = foreign.texts(&of_base)?.iter().map(<[u8]>::to_vec).collect();
        Ok(Difference { base, added, base_paths })
    }
}

/// What an image stands on in the catalog, if anything.
fn parent_of(catalog: &Catalog, found: &Found, by_layers: bool) -> Result<Option<i64>, CliError> {
    let parent = |catalog: &Catalog| Known::of(catalog, found, by_layers)?.stands_on(catalog);
    Ok(catalog.at_one_moment(parent)?)
}

/// The packages, and the programs without one, that the base has not, or not in this version.
fn own(installed: Vec<Installed>, of_base: &[Installed]) -> (Vec<FoundPackage>, Vec<FoundProgram>) {
    let purls: BTreeSet<String> = of_base.iter().map(|it| it.found.package.to_string()).collect();
    let is_own = |it: &Installed| !purls.contains(&it.found.package.to_string());
    let (mut packages, mut programs) = (Vec::new(), Vec::new());
    for it in installed.into_iter().filter(is_own) {
        if it.found.package.kind == "generic" {
            let package = it.found.package;
            programs.push(FoundProgram {
                program: package.name,
                version: package.version,
                path: it.record,
            });
        } else {
            packages.push(it.found);
        }
    }
    (packages, programs)
}

fn text_of(report: &TagsReport, is_of_all: bool) -> String {
    match &report.images[..] {
        [image] => text_of_one(image, is_of_all),
        images => {
            let row = |image: &TaggedImage| {
                let tags: Vec<String> = image.tags.iter().take(IN_LINE).map(named).collect();
                vec![
                    image.name.clone(),
                    image.base.clone().unwrap_or_else(|| "-".to_owned()),
                    tags.join(", "),
                ]
            };
            text::table(&["IMAGE", "ON TOP OF", "TAGS"], images.iter().map(row).collect())
        }
    }
}

fn named(tag: &TagReport) -> String {
    match &tag.version {
        Some(version) => format!("{} {version}", tag.name),
        None => tag.name.clone(),
    }
}

fn text_of_one(image: &TaggedImage, is_of_all: bool) -> String {
    let paths = text::plural(image.added, "path");
    let line = match &image.base {
        Some(base) => format!("{}: {paths} on top of {base}", image.name),
        None => format!("{}: {paths}, on top of nothing that is known", image.name),
    };
    let mut text = format!("{}\n", text::printable(&line));
    if image.tags.is_empty() {
        text.push_str("nothing in it has a name that tells it from its base\n");
        return text;
    }
    let row = |tag: &TagReport| {
        let evidence: Vec<String> = tag.evidence.iter().take(SHOWN).map(shown).collect();
        vec![
            tag.name.clone(),
            tag.version.clone().unwrap_or_default(),
            format!("{:.2}", tag.weight),
            evidence.join(", "),
        ]
    };
    text.push('\n');
    text.push_str(&text::table(
        &["TAG", "VERSION", ">WEIGHT", "BECAUSE OF"],
        image.tags.iter().map(row).collect(),
    ));
    let more = image.tag_count - image.tags.len() as u64;
    if more > 0 {
        let way = if is_of_all { "a larger --top" } else { "--all" };
        text.push_str(&format!("and {} that weigh less ({way})\n", text::count(more)));
    }
    text
}

fn shown(evidence: &TagEvidence) -> String {
    match evidence.kind {
        "path" => format!("/{}", evidence.what),
        "started" => format!("starts {}", evidence.what),
        _ => evidence.what.clone(),
    }
}
