//! The place of an image in the family graph of the catalog, by name and in words.

use super::family::Family;
use super::lineage_text::kind_words;
use crate::declared;
use crate::error::CliError;
use crate::images::{Found, select};
use crate::text;
use oskin::catalog::{Catalog, CatalogError};
use oskin::ingest::ForeignPaths;
use oskin::inventory::Inventory;
use oskin::inventory::encode::PathList;
use oskin::lineage::{Chain, KinKind};
use oskin::measure::Measure;
use oskin::path::escape;
use oskin::path_set::{PathSet, Selection};
use oskin::placement::{Better, Graph, Placement, Step, Subject, folders, place, place_in};
use oskin::relation::{Comparison, Content, MIN_FILES};
use oskin::report::{
    AddedReport, BetterReport, EdgeReport, FamilyReport, FolderReport, NearMissReport,
    PlacementReport, ProofReport, StepReport,
};

/// How many folders of each step are named.
const FOLDERS: usize = 5;

/// How many missing paths of a near miss are named.
const PATHS: usize = 10;

/// A candidate that has less than this share in the image is no near miss.
const NEAR: f64 = 0.9;

/// The share of the files of the nearest base that an image must have to stand on it.
const HALF: f64 = 0.5;

/// What has this share of the files of an image, or more, stands on it, or is the same.
const NEARLY_ALL: f64 = 0.98;

/// An image that is to be placed.
pub(super) struct Known<'a> {
    found: &'a Found,
    // Files and directories.
    sets: [PathSet; 2],
    chain: Option<Chain>,
    foreign: ForeignPaths<'a>,
}

impl<'a> Known<'a> {
    /// Learns of an image what placing it needs; without layers it is judged by its paths.
    pub(super) fn of(
        catalog: &'a Catalog,
        found: &'a Found,
        by_layers: bool,
    ) -> Result<Self, CatalogError> {
        let mut foreign = ForeignPaths::new(Some(catalog))?;
        let sets = match found {
            Found::Kept(record) => {
                let set = |selection| catalog.path_set(record.id, selection);
                [set(Selection::Files)?, set(Selection::Directories)?]
            }
            Found::Read(image) => foreign.path_sets(&image.inventory)?,
        };
        let chain = || match found {
            Found::Kept(record) => catalog.chain(record.id),
            Found::Read(image) => Ok(image.chain()),
        };
        let chain = by_layers.then(chain).transpose()?;
        Ok(Self { found, sets, chain, foreign })
    }

    fn files(&self) -> &PathSet {
        &self.sets[0]
    }

    /// Its paths under a selection.
    pub(super) fn select(&self, selection: Selection) -> PathSet {
        select(&self.sets, selection)
    }

    /// The image of the catalog that it declares as its base.
    fn declared(&self, catalog: &Catalog) -> Result<Option<i64>, CatalogError> {
        let record = self.found.record();
        if self.chain.is_none() || !declared::is_declaring(record) {
            return Ok(None);
        }
        // The names of all others are needed, and hardly any image declares one.
        let mut records = catalog.images()?;
        records.retain(|record| !record.packages_only);
        let base = declared::base_of(record, &records).map(|at| records[at as usize].id);
        Ok(base.filter(|base| Some(*base) != self.found.kept()))
    }

    /// The image that it stands on: its parent, else the base of the nearest family if at least half of its files are
    /// here; nothing if others stand on it, or it is another version of that base.
    pub(super) fn stands_on(&self, catalog: &Catalog) -> Result<Option<i64>, CatalogError> {
        let entries = || match self.found {
            Found::Kept(record) => catalog.inventory(record.id),
            Found::Read(image) => Ok(image.inventory.clone()),
        };
        let placement = place(catalog, self.subject(catalog, &entries)?)?;
        let is_kin = |image: i64| placement.kin.iter().any(|(kin, _)| *kin == image);
        let Some(family) = placement.family.filter(|it| {
            let has_half = Measure::ContainmentLeft.of(it.overlap) >= HALF;
            has_half && placement.below.is_empty() && !is_kin(it.base)
        }) else {
            return Ok(placement.steps.first().map(|step| step.parent));
        };
        // Itself, and one that holds it.
        let files = (self.files(), Selection::Files);
        let around = catalog.nearest(files, Measure::ContainmentLeft, NEARLY_ALL, 2)?;
        let is_root = around.iter().any(|it| Some(it.image) != self.found.kept());
        Ok((!is_root).then_some(family.base))
    }

    fn subject<'s>(
        &'s self,
        catalog: &Catalog,
        entries: &'s dyn Fn() -> Result<Inventory, CatalogError>,
    ) -> Result<Subject<'s>, CatalogError> {
        Ok(Subject {
            id: self.found.kept(),
            files: self.files(),
            chain: self.chain.as_ref(),
            declared: self.declared(catalog)?,
            has_contents: self.found.record().size_bytes > 0,
            is_step: false,
            entries,
        })
    }

    /// Places it and tells the place by name.
    pub(super) fn place(
        &self,
        catalog: &Catalog,
        names: &[(i64, String)],
        family: Option<&Family>,
    ) -> Result<PlacementReport, CliError> {
        let own = self.found.name();
        // What it adds is told with sizes in any case, so they are read once and for all.
        let entries = match self.found {
            Found::Kept(record) => catalog.inventory(record.id)?,
            Found::Read(image) => image.inventory.clone(),
        };
        let own_entries = || Ok(entries.clone());
        let subject = self.subject(catalog, &own_entries)?;
        let placement = match family {
            Some(family) => {
                let (lineage, ids) = (&family.lineage, family.lineup.ids());
                let graph = Graph { lineage, ids: &ids, number: family.asked[0] };
                place_in(graph, catalog, subject)?
            }
            None => place(catalog, subject)?,
        };
        let teller = Teller { known: self, catalog, names };
        let is_alone = placement.steps.is_empty() && !placement.twins.is_empty();
        let better = match is_alone {
            true => Vec::new(),
            false => {
                placement.better(catalog, (subject, &entries), |set| self.foreign.texts(set))?
            }
        };
        let name = |id: i64| teller.name(id);
        Ok(PlacementReport {
            paths_only: self.chain.is_none(),
            enough_files: self.files().len() >= MIN_FILES,
            twins: placement.twins.iter().map(|id| name(*id)).collect(),
            twin_kind: placement.twin_kind.map(KinKind::name),
            parent: placement.steps.first().map(|step| name(step.parent)),
            base: placement.base().map(name),
            walk: teller.walk(&placement.steps, own, &entries)?,
            family: placement.family.map(|family| FamilyReport {
                base: name(family.base),
                shared: family.overlap.common,
                missing: family.overlap.left_only,
            }),
            near_misses: teller.near_misses(&placement, &entries)?,
            better_bases: better.iter().map(|it| teller.better(it)).collect(),
        })
    }
}

/// Puts names and paths for ids.
struct Teller<'a> {
    known: &'a Known<'a>,
    catalog: &'a Catalog,
    names: &'a [(i64, String)],
}

impl Teller<'_> {
    fn name(&self, id: i64) -> String {
        let at = self.names.binary_search_by_key(&id, |(id, _)| *id);
        at.map_or_else(|_| String::new(), |at| self.names[at].1.clone())
    }

    /// The way down: the steps up, turned round.
    fn walk(
        &self,
        steps: &[Step],
        own: &str,
        entries: &Inventory,
    ) -> Result<Vec<StepReport>, CliError> {
        let children = steps.iter().map(|step| self.name(step.parent));
        let children = std::iter::once(own.to_owned()).chain(children);
        let mut walk = Vec::with_capacity(steps.len());
        for (at, (step, child)) in steps.iter().zip(children).enumerate() {
            // Of images of the catalog only the paths are read.
            let adds = self.adds(&step.added, (at == 0).then_some(entries))?;
            let declared = step.declared.unwrap_or(step.parent);
            let proof = |proof| ProofReport::new(proof, &|_| self.name(declared));
            let edge = EdgeReport {
                parent: self.name(step.parent),
                child,
                kind: step.kind.name(),
                confidence: step.confidence,
                evidence: step.proofs.iter().map(proof).collect(),
                alternatives: step.alternatives.iter().map(|id| self.name(*id)).collect(),
            };
            walk.push(StepReport { edge, adds, missing: step.overlap.left_only });
        }
        walk.reverse();
        Ok(walk)
    }

    fn adds(&self, added: &PathSet, entries: Option<&Inventory>) -> Result<AddedReport, CliError> {
        let paths: PathList = self.known.foreign.texts(added)?;
        let size =
            |path: &[u8]| entries.and_then(|it| it.get(path)).map_or(0, |entry| entry.size_bytes);
        let sized: Vec<(&[u8], u64)> = paths.iter().map(|path| (path, size(path))).collect();
        let size_bytes = sized.iter().fold(0_u64, |sum, (_, size)| sum.saturating_add(*size));
        let report = |folder: oskin::placement::Folder| FolderReport {
            path: escape(&folder.path),
            files: folder.files,
        };
        Ok(AddedReport {
            files: added.len(),
            size_bytes: entries.map(|_| size_bytes),
            folders: folders(sized.into_iter(), FOLDERS).into_iter().map(report).collect(),
        })
    }

    /// Rebuilds and siblings, and, where there is no parent, the candidate that comes nearest to be one.
    fn near_misses(
        &self,
        placement: &Placement,
        entries: &Inventory,
    ) -> Result<Vec<NearMissReport>, CliError> {
        let nearest = placement.ranking.candidates.first().filter(|(id, candidate)| {
            placement.steps.is_empty()
                && placement.kin.iter().all(|(kin, _)| kin != id)
                && !placement.below.contains(id)
                && Measure::ContainmentLeft.of(candidate.overlap) >= NEAR
        });
        let nearest = nearest.map(|(id, _)| (*id, None));
        let kin = placement.kin.iter().map(|(id, kind)| (*id, Some(kind.name())));
        let all = kin.chain(nearest);
        let mut misses = Vec::new();
        for (id, kind) in all {
            let theirs = self.catalog.path_set(id, Selection::Files)?;
            let missing = theirs.difference(self.known.files());
            let first = PathSet::from_unsorted(missing.ids().take(PATHS).collect());
            let paths = self.known.foreign.texts(&first)?;
            let content = match self.known.chain {
                Some(_) => Comparison::of(&self.catalog.inventory(id)?, entries).content,
                None => Content { unknown: 1, ..Content::default() },
            };
            misses.push(NearMissReport {
                name: self.name(id),
                changed: (content.unknown == 0).then_some(content.changed),
                shared: theirs.len() - missing.len(),
                missing: missing.len(),
                kind,
                missing_paths: paths.iter().map(escape).collect(),
            });
        }
        Ok(misses)
    }

    fn better(&self, better: &Better) -> BetterReport {
        BetterReport {
            name: self.name(better.image),
            shared: better.overlap.common,
            missing: better.overlap.left_only,
            saved_files: better.saved_files,
            saved_bytes: better.saved_bytes,
            changed: better.changed,
        }
    }
}

/// A size; nothing where it is not known, as of path lists.
fn size_text(size_bytes: u64) -> String {
    if size_bytes == 0 { "-".to_owned() } else { text::bytes(size_bytes) }
}

/// The answer in a line: what it is the same as, what it stands on.
pub(super) fn answer(place: &PlacementReport) -> String {
    let shown = text::printable;
    let mut parts = Vec::new();
    if let (Some(kind), [first, others @ ..]) = (place.twin_kind, &place.twins[..]) {
        let what = if kind == "identical" { "identical to" } else { "the same paths as" };
        let more = match others.len() {
            0 => String::new(),
            count => format!(" (and the files of {})", text::plural(count as u64, "other")),
        };
        parts.push(format!("{what} {}{more}", shown(first)));
    }
    match (&place.parent, &place.base, place.walk.last()) {
        (Some(parent), Some(base), Some(step)) => {
            let how = kind_words(step.edge.kind);
            parts.push(format!(
                "parent {} ({how}, {:.2} sure)",
                shown(parent),
                step.edge.confidence
            ));
            if base != parent {
                let sure: f64 = place.walk.iter().map(|step| step.edge.confidence).product();
                parts.push(format!("base {} ({sure:.2} sure)", shown(base)));
            }
        }
        _ => parts.push(orphan(place)),
    }
    parts.join("; ")
}

/// What there is to say of the place, for people.
pub(super) fn text_of(place: &PlacementReport) -> String {
    let mut text = String::new();
    if !place.walk.is_empty() {
        text.push_str(&format!("\n{}", walk_text(&place.walk)));
    }
    for miss in &place.near_misses {
        text.push_str(&miss_text(miss));
    }
    if !place.better_bases.is_empty() {
        text.push_str(&format!("\n{}", better_text(&place.better_bases)));
    }
    text
}

fn orphan(place: &PlacementReport) -> String {
    match &place.family {
        Some(family) => format!(
            "no parent in the catalog; nearest family: that of {}, with {} of its {}",
            text::printable(&family.base),
            text::count(family.shared),
            text::plural(family.shared + family.missing, "file")
        ),
        None if !place.enough_files => {
            format!("less than {MIN_FILES} files are too few to tell a parent")
        }
        None => "no parent in the catalog, nor a family".to_owned(),
    }
}

fn walk_text(walk: &[StepReport]) -> String {
    let row = |step: &StepReport| {
        let folders: Vec<String> = step
            .adds
            .folders
            .iter()
            .map(|folder| format!("/{} {}", folder.path, text::count(folder.files)))
            .collect();
        vec![
            step.edge.child.clone(),
            format!("{}, {:.2} sure", kind_words(step.edge.kind), step.edge.confidence),
            format!("+{}", text::count(step.adds.files)),
            format!("-{}", text::count(step.missing)),
            step.adds.size_bytes.filter(|size| *size > 0).map_or_else(String::new, text::bytes),
            folders.join(", "),
        ]
    };
    let first = walk.first().map(|step| {
        let dash = || String::from("-");
        vec![step.edge.parent.clone(), "base".to_owned(), dash(), dash(), String::new()]
    });
    let rows = first.into_iter().chain(walk.iter().map(row)).collect();
    text::table(&["WALK", "STEP", ">FILES", ">GONE", ">SIZE", "MOST OF WHAT IT ADDS"], rows)
}

fn miss_text(miss: &NearMissReport) -> String {
    let of = miss.shared + miss.missing;
    let name = text::printable(&miss.name);
    let what = match miss.kind {
        Some("rebuild") => format!("a rebuild of {name}, or the other way round"),
        Some("sibling") => format!("a sibling of {name}"),
        _ => format!("not built on {name}, but perhaps on another build of it"),
    };
    let changed = match miss.changed {
        Some(changed) if changed > 0 => format!(", {} of them changed", text::count(changed)),
        _ => String::new(),
    };
    let mut text = format!(
        "\n{what}: {} of its {} are here{changed}{}\n",
        text::count(miss.shared),
        text::plural(of, "file"),
        if miss.missing > 0 { "; missing are" } else { "" }
    );
    for path in &miss.missing_paths {
        text.push_str(&format!("  /{}\n", text::printable(path)));
    }
    let more = miss.missing.saturating_sub(miss.missing_paths.len() as u64);
    if more > 0 {
        text.push_str(&format!("  and {} more\n", text::count(more)));
    }
    text
}

fn better_text(better: &[BetterReport]) -> String {
    let row = |better: &BetterReport| {
        vec![
            better.name.clone(),
            text::count(better.saved_files),
            size_text(better.saved_bytes),
            better.changed.map_or_else(|| "not known".to_owned(), text::count),
            text::count(better.missing),
        ]
    };
    let headings = ["BETTER BASE", ">FILES SAVED", ">SIZE", ">CHANGED", ">FOREIGN FILES"];
    text::table(&headings, better.iter().map(row).collect())
}
