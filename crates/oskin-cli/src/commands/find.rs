//! `oskin find`: which images have a package, in which version, from which layer.

use super::workspace;
use crate::args::{AskedFind, Global, Reading};
use crate::error::{CliError, DIFFERENT};
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::catalog::Catalog;
use oskin::image::{LayerKey, Package};
use oskin::ingest;
use oskin::report::{FindReport, FoundLayer, FoundReport, NameReport};
use oskin::software::{Likeness, Origin, Origins, Query, Recorded};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

/// How many names are proposed.
const PROPOSED: usize = 10;

/// How much of a digest is shown.
const DIGEST_COLUMNS: usize = 12;

/// Looks for packages; exit 1 if no image has any.
pub(super) fn run(global: &Global, asked: &AskedFind) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let query = Query::parse(&asked.query).map_err(|error| {
        CliError::new(format!("cannot look for {:?}: {error}", asked.query))
            .hint(error.hint())
            .hint("`oskin find --help` tells how to ask")
    })?;
    if let Some(kind) = query
        .kind()
        .filter(|it| !asked.types.is_empty() && !asked.types.iter().any(|asked| asked == it))
    {
        let message = format!("the query asks for packages of type {kind}, --type for others");
        return Err(CliError::new(message).hint("leave out one of them"));
    }
    let mut workspace = workspace(global, Reading::default())?;
    let report = workspace.catalog()?.at_one_moment(|catalog| search(catalog, &query, asked))?;
    if report.unknown > 0 {
        let (are, their) = if report.unknown == 1 { ("is", "its") } else { ("are", "their") };
        workspace.warn(&format!(
            "{} of the catalog {are} left out: {their} packages are not known (path lists, and what an older \
             oskin added: `oskin add` reads that anew)",
            text::plural(report.unknown, "image")
        ));
    }
    outputs.answer(&value_of(&report)?, || text_of(&report, query.name()))?;
    Ok(if report.found.is_empty() { ExitCode::from(DIFFERENT) } else { ExitCode::SUCCESS })
}

/// A package that was found.
struct Hit {
    /// The number of its image among the names of the catalog.
    image: usize,
    package: Package,
    is_source: bool,
}

fn search(catalog: &Catalog, query: &Query, asked: &AskedFind) -> Result<FindReport, CliError> {
    let names = catalog.names()?;
    let mut report = FindReport::new(&asked.query, &asked.types, asked.source);
    report.images = names.len() as u64;
    let hits = look(catalog, (query, asked), &names, &mut report)?;
    report.found_images = hits.iter().map(|hit| hit.image).collect::<BTreeSet<_>>().len() as u64;
    report.found = hits
        .iter()
        .map(|hit| FoundReport::new(&names[hit.image].1, &hit.package, hit.is_source))
        .collect();
    let mut by_image: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, hit) in hits.iter().enumerate() {
        by_image.entry(hit.image).or_default().push(at);
    }
    trace(catalog, &names, (&hits, &by_image), &mut report)?;
    let mut chains = BTreeMap::new();
    for image in by_image.keys() {
        chains.insert(*image, catalog.full_layer_keys(names[*image].0)?);
    }
    for (found, from) in report.found.iter_mut().zip(bases(&hits, &chains)) {
        found.from = from.map(|image| names[image].1.clone());
    }
    Ok(report)
}

/// Names with the last image that has them and how many have.
type Tally = BTreeMap<(String, String, String), (Package, usize, u64)>;

fn note(tally: &mut Tally, package: &Package, image: usize) {
    let (kind, namespace, name) = package.full_name();
    let key = (kind.to_owned(), namespace.to_owned(), name.to_owned());
    let (_, last, images) = tally.entry(key).or_insert_with(|| (package.clone(), image, 1));
    if *last != image {
        (*last, *images) = (image, *images + 1);
    }
}

/// The names that most images have, then by type and name.
fn names_of(tally: Tally) -> Vec<NameReport> {
    let mut names: Vec<NameReport> =
        tally.into_values().map(|(package, _, images)| NameReport::new(&package, images)).collect();
    names.sort_by_key(|it| std::cmp::Reverse(it.images));
    names
}

/// Goes through the lists of packages of all images; no layer is read.
fn look(
    catalog: &Catalog,
    (query, asked): (&Query, &AskedFind),
    names: &[(i64, String)],
    report: &mut FindReport,
) -> Result<Vec<Hit>, CliError> {
    let mut hits = Vec::new();
    let mut by_source = Tally::new();
    let mut near: BTreeMap<Likeness, Tally> = BTreeMap::new();
    for (image, (id, _)) in names.iter().enumerate() {
        let Some(packages) = catalog.packages(*id)? else {
            report.unknown += 1;
            continue;
        };
        let before = report.by_source_packages;
        for package in packages.list() {
            if !asked.types.is_empty() && !asked.types.contains(&package.kind) {
                continue;
            }
            let mut hit = |is_source| hits.push(Hit { image, package: package.clone(), is_source });
            if query.names(package) {
                match query.holds(package, &package.version) {
                    true => hit(false),
                    false => report.other_versions += 1,
                }
            } else if let Some(version) = query.source(package) {
                match query.holds(package, version) {
                    true if asked.source => hit(true),
                    true => {
                        report.by_source_packages += 1;
                        note(&mut by_source, package, image);
                    }
                    false => {}
                }
            } else if hits.is_empty()
                && report.other_versions == 0
                && let Some(likeness) = query.likeness(package)
            {
                note(near.entry(likeness).or_default(), package, image);
            }
        }
        report.by_source_images += u64::from(report.by_source_packages > before);
    }
    report.by_source = names_of(by_source);
    if hits.is_empty() && report.other_versions == 0 {
        report.near = near.into_values().flat_map(names_of).collect();
        report.near.truncate(PROPOSED);
    }
    Ok(hits)
}

/// Tells the layers that brought what was found.
///
/// What layers record is read once for all images that stand on them, and let go behind the last of these. Only an image with
/// several records of one package is flattened, to see which of them are there in the end.
fn trace(
    catalog: &Catalog,
    names: &[(i64, String)],
    (hits, by_image): (&[Hit], &BTreeMap<usize, Vec<usize>>),
    report: &mut FindReport,
) -> Result<(), CliError> {
    let wanted: BTreeSet<(&str, &str)> =
        hits.iter().map(|hit| (hit.package.kind.as_str(), hit.package.name.as_str())).collect();
    let is_wanted = |it: &Package| wanted.contains(&(it.kind.as_str(), it.name.as_str()));
    let mut uses: BTreeMap<LayerKey, usize> = BTreeMap::new();
    let mut layers = Vec::new();
    for (image, at) in by_image {
        let keys: Vec<LayerKey> =
            catalog.layer_keys(names[*image].0)?.into_iter().map(|(key, _)| key).collect();
        for key in &keys {
            *uses.entry(*key).or_default() += 1;
        }
        layers.push((names[*image].0, at, keys));
    }
    let mut read: BTreeMap<LayerKey, Recorded> = BTreeMap::new();
    for (id, at, keys) in layers.iter().filter(|(.., keys)| !keys.is_empty()) {
        report.opened += 1;
        for key in keys {
            if !read.contains_key(key) {
                let records = catalog.layer_records(key)?.unwrap_or_default();
                read.insert(*key, Recorded::new(records, is_wanted));
            }
        }
        let recorded: Vec<&Recorded> = keys.iter().filter_map(|key| read.get(key)).collect();
        let origins = Origins::new(&recorded);
        let mut several = Vec::new();
        for at in *at {
            match origins.of(&hits[*at].package) {
                Origin::Layer { layer, record } => {
                    let key = &keys[layer as usize];
                    report.found[*at].layers.push(FoundLayer::new(layer, key, record));
                }
                Origin::Several => several.push(*at),
                Origin::Nowhere => {}
            }
        }
        if !several.is_empty() {
            report.flattened += 1;
            flatten(catalog, (*id, keys), (hits, &several), report)?;
        }
        for key in keys {
            let left = uses.get_mut(key).map_or(0, |left| {
                *left = left.saturating_sub(1);
                *left
            });
            if left == 0 {
                read.remove(key);
            }
        }
    }
    Ok(())
}

/// Tells the layers of packages of an image that several files record.
fn flatten(
    catalog: &Catalog,
    (id, keys): (i64, &[LayerKey]),
    (hits, several): (&[Hit], &[usize]),
    report: &mut FindReport,
) -> Result<(), CliError> {
    let inventory = catalog.inventory_with_software(id)?;
    let all = ingest::installed(&inventory).unwrap_or_default();
    for at in several {
        let mut layers: Vec<(u32, &[u8])> = all
            .iter()
            .filter(|it| it.found.package == hits[*at].package)
            .map(|it| (it.layer, it.record.as_slice()))
            .collect();
        layers.sort_unstable();
        let layer = |(layer, record): (u32, &[u8])| {
            Some(FoundLayer::new(layer, keys.get(layer as usize)?, record))
        };
        report.found[*at].layers = layers.into_iter().filter_map(layer).collect();
    }
    Ok(())
}

/// For each hit the image with the most layers that are the first ones of its image, and not all of them, that has the very
/// same package.
fn bases(hits: &[Hit], chains: &BTreeMap<usize, Vec<LayerKey>>) -> Vec<Option<usize>> {
    let mut same: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, hit) in hits.iter().enumerate() {
        let package = &hit.package;
        let key = (package.full_name(), &package.version, package.architecture());
        same.entry(key).or_default().push(at);
    }
    let mut bases = vec![None; hits.len()];
    let chain_of = |at: usize| chains.get(&hits[at].image).map_or(&[][..], Vec::as_slice);
    for group in same.into_values() {
        // Of images with the same layers the first counts.
        let mut ends: BTreeMap<&[LayerKey], usize> = BTreeMap::new();
        for at in &group {
            ends.entry(chain_of(*at)).or_insert(hits[*at].image);
        }
        for at in group {
            let chain = chain_of(at);
            let below = (1..chain.len()).rev().find_map(|end| ends.get(&chain[..end]));
            bases[at] = below.copied();
        }
    }
    bases
}

fn text_of(report: &FindReport, name: &str) -> String {
    let query = text::printable(&report.query);
    let of = text::plural(report.images - report.unknown, "image");
    let mut text = match report.found.len() as u64 {
        0 => format!("{query}: in none of {of}"),
        found => format!(
            "{query}: {} in {} of {of}",
            text::plural(found, "package"),
            text::count(report.found_images)
        ),
    };
    text.push_str(&by_source(report, name));
    text.push_str(if report.found.is_empty() { "\n" } else { "\n\n" });
    if !report.found.is_empty() {
        let headings = ["IMAGE", "TYPE", "PACKAGE", "VERSION", "LAYER", "FROM"];
        text.push_str(&text::table(&headings, report.found.iter().map(row).collect()));
    }
    if report.other_versions > 0 && report.found.is_empty() {
        let packages = text::plural(report.other_versions, "package");
        text.push_str(&format!("{packages} of that name in other versions\n"));
    }
    for (names, what) in [
        (&report.by_source, "built from a source of that name (--source lists them)"),
        (&report.near, "names like it"),
    ] {
        if let Some(all) = listed(names) {
            if !report.found.is_empty() {
                text.push('\n');
            }
            text.push_str(&text::printable(&format!("{what}: {all}")));
            text.push('\n');
        }
    }
    text
}

/// What the first line says of packages whose source has the name, which are not listed.
fn by_source(report: &FindReport, name: &str) -> String {
    let packages = report.by_source_packages;
    if packages == 0 {
        return String::new();
    }
    let source = if name.contains('*') {
        "sources of that name".to_owned()
    } else {
        text::printable(&format!("the source {name}"))
    };
    let (but, more) = if report.found.is_empty() { (", but ", "") } else { ("; ", " more") };
    let noun = if packages == 1 { "package" } else { "packages" };
    let images = text::plural(report.by_source_images, "image");
    format!("{but}{}{more} {noun} of {source} in {images}: --source", text::count(packages))
}

/// The first names, with how many images have them.
fn listed(names: &[NameReport]) -> Option<String> {
    let one = |it: &NameReport| format!("{}:{} ({})", it.kind, it.name, text::count(it.images));
    let mut all: Vec<String> = names.iter().take(PROPOSED).map(one).collect();
    if names.len() > all.len() {
        all.push(format!("{} more", text::count((names.len() - all.len()) as u64)));
    }
    (!all.is_empty()).then(|| all.join(", "))
}

fn row(found: &FoundReport) -> Vec<String> {
    let layer = found.layers.first().map(|it| {
        let digest = it.digest.rsplit(':').next().unwrap_or_default();
        let more = match found.layers.len() {
            1 => String::new(),
            all => format!(" and {} more", all - 1),
        };
        format!("{} {}{more}", it.number, digest.get(..DIGEST_COLUMNS).unwrap_or(digest))
    });
    let none = || "-".to_owned();
    let version = if found.version.is_empty() { none() } else { found.version.clone() };
    let name = match &found.source {
        Some(source) => format!("{} (of {source})", found.name),
        None => found.name.clone(),
    };
    vec![
        found.image.clone(),
        found.kind.clone(),
        name,
        version,
        layer.unwrap_or_else(none),
        found.from.clone().unwrap_or_else(none),
    ]
}
