//! What an IMAGE argument means: a name in the catalog, or a location read on the fly.

use crate::args::Reading;
use crate::engines;
use crate::error::{CliError, of_reference};
use crate::lineup::Member;
use crate::progress::Bar;
use crate::text::plural;
use oskin::catalog::Catalog;
use oskin::image::{ImageRecord, LayerKey, Packages};
use oskin::ingest::{self, ForeignPaths};
use oskin::inventory::Inventory;
use oskin::measure::{AllPairs, FAMILY_SETS};
use oskin::path_set::{PathSet, Selection};
use oskin::source::{
    self, EngineOptions, ImageSource, ReadOptions, RegistryOptions, SourceError, SourceSpec, Wanted,
};
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;

/// The catalog of this run, opened when it is first needed.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) path: PathBuf,
    catalog: Option<Catalog>,
    reading: Reading,
    // Looked for when an image is read that is not in the catalog.
    engines: OnceLock<EngineOptions>,
    // Its connections are those of all that this run reads.
    registry: OnceLock<RegistryOptions>,
    bar: Bar,
    quiet: bool,
    // Whether it was told that images without paths are left out.
    told_left_out: bool,
}

/// An image that was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// It is in the catalog.
    Kept(Box<ImageRecord>),
    /// It was read and is not kept.
    Read(Box<ingest::ReadImage>),
}

impl Found {
    /// The name to show.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Kept(record) => &record.name,
            Self::Read(image) => &image.record.name,
        }
    }

    /// Its id, if it is in the catalog.
    pub(crate) fn kept(&self) -> Option<i64> {
        match self {
            Self::Kept(record) => Some(record.id),
            Self::Read(_) => None,
        }
    }

    /// What is told of it.
    pub(crate) fn record(&self) -> &ImageRecord {
        match self {
            Self::Kept(record) => record,
            Self::Read(image) => &image.record,
        }
    }
}

impl Workspace {
    /// A workspace on a catalog that need not exist.
    pub(crate) fn new(path: PathBuf, reading: Reading, quiet: bool) -> Self {
        let (catalog, bar) = (None, Bar::new(quiet));
        let (engines, registry) = (OnceLock::new(), OnceLock::new());
        Self { path, catalog, reading, engines, registry, bar, quiet, told_left_out: false }
    }

    /// The bar of this run.
    pub(crate) fn bar(&self) -> &Bar {
        &self.bar
    }

    /// How sources are read.
    pub(crate) fn options(&self, all: bool) -> ReadOptions<'_> {
        let registry = self.registry.get_or_init(|| self.reading.registry.options());
        ReadOptions {
            platform: self.reading.platform.clone(),
            all,
            cross_mounts: self.reading.cross_mounts,
            partition: self.reading.partition,
            allow_backing_file: self.reading.allow_backing_file,
            contents: !self.reading.no_contents,
            engines: self.engines.get_or_init(engines::found).clone(),
            limits: self.reading.limits(),
            registry: registry.clone(),
            wanted: Wanted::default(),
            progress: &self.bar,
        }
    }

    /// The catalog, which must exist.
    pub(crate) fn catalog(&mut self) -> Result<&Catalog, CliError> {
        let catalog = match self.catalog.take() {
            Some(catalog) => catalog,
            None => Catalog::open(&self.path)?,
        };
        Ok(self.catalog.insert(catalog))
    }

    /// The catalog if there is one.
    pub(crate) fn catalog_if_any(&mut self) -> Result<Option<&Catalog>, CliError> {
        if self.catalog.is_none() && !self.path.exists() {
            return Ok(None);
        }
        self.catalog().map(Some)
    }

    /// Finds an image that is asked about its paths, so that it must have some.
    pub(crate) fn find(&mut self, text: &OsStr) -> Result<Found, CliError> {
        let found = self.find_any(text)?;
        if found.record().packages_only {
            return Err(without_paths(
                found.name(),
                "compare it with another image that has packages",
            ));
        }
        Ok(found)
    }

    /// Names and numbers of all images of the catalog that have paths; tells, once, how many have none.
    pub(crate) fn names_with_paths(&mut self) -> Result<Vec<(i64, String)>, CliError> {
        let catalog = self.catalog()?;
        let (names, without) = catalog.at_one_moment(|catalog| {
            Ok::<_, CliError>((catalog.names_with_paths()?, catalog.without_paths()?.len()))
        })?;
        if without > 0 && !self.quiet && !std::mem::replace(&mut self.told_left_out, true) {
            let (are, they) = if without == 1 { ("is", "it holds") } else { ("are", "they hold") };
            self.warn(&format!(
                "{} of the catalog {are} left out: {they} packages only, no paths",
                plural(without as u64, "image")
            ));
        }
        Ok(names)
    }

    /// Tells a line on standard error, unless nothing is to be told.
    pub(crate) fn warn(&self, line: &str) {
        if !self.quiet {
            let line = format!("{line}\n");
            self.bar.suspend(|| drop(anstream::stderr().write_all(line.as_bytes())));
        }
    }

    /// The packages of an image, if they are known.
    pub(crate) fn packages(&mut self, found: &Found) -> Result<Option<Packages>, CliError> {
        match found {
            Found::Kept(record) => Ok(self.catalog()?.packages(record.id)?),
            Found::Read(image) => Ok(image.packages.clone()),
        }
    }

    /// Finds an image: by name in the catalog first, then as a location.
    pub(crate) fn find_any(&mut self, text: &OsStr) -> Result<Found, CliError> {
        let name = text.to_str().unwrap_or_default();
        if let Some(catalog) = self.catalog_if_any()? {
            match catalog.image(name) {
                Ok(record) => return Ok(Found::Kept(Box::new(record))),
                Err(oskin::catalog::CatalogError::NoSuchImage { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let parsed = SourceSpec::parse(text);
        if let Err(SourceError::NotFound { hint: None, .. }) = &parsed
            && !source::has_transport(text)
        {
            return Err(self.unknown(name));
        }
        let spec = parsed?;
        self.bar.name(&text.to_string_lossy());
        let options = self.options(false);
        let source = single(source::open(&spec, &options)?, text)?;
        let image = ingest::read(&source, self.catalog.as_ref(), &options)?;
        self.bar.finish();
        Ok(Found::Read(Box::new(image)))
    }

    /// There is neither such an image nor such a file: say what comes near.
    fn unknown(&mut self, name: &str) -> CliError {
        let error =
            CliError::new(format!("{name:?} is neither an image of the catalog nor a file"));
        let error = match name.contains(['*', '?', '[']) {
            true => error.hint("wildcards do not work here: name one image"),
            false => error,
        };
        if !self.path.exists() {
            let error = match of_reference(name) {
                Some(hint) => error.hint(hint),
                None => error,
            };
            return error.hint(format!(
                "there is no catalog at {}; `oskin add` makes one, `oskin --help` lists the transports",
                self.path.display()
            ));
        }
        let names: Vec<String> = match self.catalog_if_any() {
            Ok(Some(catalog)) => {
                catalog.names().unwrap_or_default().into_iter().map(|(_, name)| name).collect()
            }
            _ => Vec::new(),
        };
        let near = nearest(name, &names);
        let near = near.map(|near| format!("there is an image named {near:?}"));
        let error = near.into_iter().chain(of_reference(name)).fold(error, CliError::hint);
        error.hint("`oskin ls` lists the images, `oskin --help` the transports")
    }

    /// All entries of an image.
    pub(crate) fn inventory(&mut self, found: &Found) -> Result<Inventory, CliError> {
        match found {
            Found::Kept(record) => Ok(self.catalog()?.inventory(record.id)?),
            Found::Read(image) => Ok(image.inventory.clone()),
        }
    }

    /// The layers of an image that hold an entry, and all layers with their sizes in bytes.
    pub(crate) fn layer_keys(&mut self, found: &Found) -> Result<Layers, CliError> {
        match found {
            Found::Kept(record) => {
                let id = record.id;
                let catalog = self.catalog()?;
                Ok(Layers { all: catalog.layer_keys(id)?, full: catalog.full_layer_keys(id)? })
            }
            Found::Read(image) => Ok(Layers {
                all: image.layers.iter().map(|layer| (layer.key, layer.size_bytes)).collect(),
                full: image.layer_keys(),
            }),
        }
    }

    /// Names and all pairs of images under a selection; of all in the catalog that have paths if none
    /// is named.
    pub(crate) fn all_pairs(
        &mut self,
        images: &[std::ffi::OsString],
        selection: Selection,
    ) -> Result<(Vec<String>, AllPairs), CliError> {
        if images.is_empty() && selection == Selection::Both {
            self.names_with_paths()?;
            // Few are counted faster from their sets.
            let family = self.catalog()?.at_one_moment(|catalog| {
                let names = catalog.names_with_paths()?;
                let many = names.len() >= FAMILY_SETS;
                let family = if many { catalog.family()? } else { None };
                Ok::<_, CliError>(family.map(|family| (names, family)))
            })?;
            if let Some((names, family)) = family {
                let names = names.into_iter().map(|(_, name)| name).collect();
                return Ok((names, AllPairs::from_family(family)));
            }
        }
        let Sets { names, sets } = self.path_sets(images, &[selection])?;
        let pairs = AllPairs::from_sets(&sets.iter().flatten().collect::<Vec<&PathSet>>());
        Ok((names, pairs))
    }

    /// Names and path sets (files, directories) of images; of all in the catalog that have paths if none
    /// is named.
    pub(crate) fn path_sets(
        &mut self,
        images: &[std::ffi::OsString],
        wanted: &[Selection],
    ) -> Result<Sets, CliError> {
        if images.is_empty() {
            self.names_with_paths()?;
            let catalog = self.catalog()?;
            return catalog.at_one_moment(|catalog| {
                let names = catalog.names_with_paths()?;
                let ids: Vec<i64> = names.iter().map(|(id, _)| *id).collect();
                let load = |selection: &Selection| catalog.path_sets(&ids, *selection);
                let sets = wanted.iter().map(load).collect::<Result<_, _>>()?;
                Ok(Sets { names: names.into_iter().map(|(_, name)| name).collect(), sets })
            });
        }
        let found = images.iter().map(|image| self.find(image)).collect::<Result<Vec<_>, _>>()?;
        let names = found.iter().map(|found| found.name().to_owned()).collect();
        let members: Vec<Member> = found.into_iter().map(Member::from).collect();
        let both = both_sets(self.catalog_if_any()?, &members)?;
        let of = |selection: &Selection| both.iter().map(|both| select(both, *selection)).collect();
        Ok(Sets { names, sets: wanted.iter().map(of).collect() })
    }
}

/// Files and directories of images, with the same ids for the same paths.
pub(crate) fn both_sets(
    catalog: Option<&Catalog>,
    members: &[Member],
) -> Result<Vec<[PathSet; 2]>, CliError> {
    both_sets_beside(&mut ForeignPaths::new(catalog)?, catalog, members)
}

/// The same with ids that the caller can spell.
pub(crate) fn both_sets_beside(
    foreign: &mut ForeignPaths<'_>,
    catalog: Option<&Catalog>,
    members: &[Member],
) -> Result<Vec<[PathSet; 2]>, CliError> {
    let kept: Option<Vec<i64>> = members.iter().map(Member::kept).collect();
    if let (Some(kept), Some(catalog)) = (kept, catalog) {
        let files = catalog.path_sets(&kept, Selection::Files)?;
        let directories = catalog.path_sets(&kept, Selection::Directories)?;
        return Ok(files.into_iter().zip(directories).map(Into::into).collect());
    }
    let mut of = |member: &Member| match (member, catalog) {
        (Member::Kept(id), Some(catalog)) => Ok([
            catalog.path_set(*id, Selection::Files)?,
            catalog.path_set(*id, Selection::Directories)?,
        ]),
        (Member::Read(image), _) => Ok(foreign.path_sets(&image.inventory)?),
        // What is kept was found in the catalog.
        (Member::Kept(_), None) => Ok(<[PathSet; 2]>::default()),
    };
    members.iter().map(&mut of).collect()
}

/// What a selection takes of files and directories.
pub(crate) fn select([files, directories]: &[PathSet; 2], selection: Selection) -> PathSet {
    match selection {
        Selection::Files => files.clone(),
        Selection::Directories => directories.clone(),
        Selection::Both => files.union(directories),
    }
}

/// The layers of an image, base first.
#[derive(Debug)]
pub(crate) struct Layers {
    /// All, with the size of the uncompressed changeset in bytes.
    pub(crate) all: Vec<(LayerKey, u64)>,
    /// Those that hold an entry.
    pub(crate) full: Vec<LayerKey>,
}

/// Names with one list of sets for each selection asked for.
#[derive(Debug)]
pub(crate) struct Sets {
    pub(crate) names: Vec<String>,
    pub(crate) sets: Vec<Vec<PathSet>>,
}

/// The error for an image that is asked about paths that it has not.
pub(crate) fn without_paths(name: &str, hint: &str) -> CliError {
    CliError::new(format!("{name} holds packages only (an SBOM); it has no paths")).hint(hint)
}

/// The one image of a source.
fn single(mut sources: Vec<ImageSource>, text: &OsStr) -> Result<ImageSource, CliError> {
    match (sources.pop(), sources.is_empty()) {
        (Some(source), true) => Ok(source),
        (None, _) => Err(CliError::new(format!("{} holds no image", text.display()))),
        (Some(last), false) => {
            let names: Vec<&str> =
                sources.iter().chain([&last]).map(|source| source.name.as_str()).collect();
            Err(CliError::new(format!("{} holds several images", text.display()))
                .hint(format!("add one of {} as :REF", names.join(", "))))
        }
    }
}

/// The name that needs the fewest edits, if that are few.
fn nearest<'a>(name: &str, names: &'a [String]) -> Option<&'a str> {
    let best = names.iter().min_by_key(|other| edits(name, other))?;
    (edits(name, best) <= name.chars().count() / 3 + 1).then_some(best)
}

/// Levenshtein distance in characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_proposed() {
        let names = ["alpine:3.19".to_owned(), "debian:12".to_owned()];
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(nearest("alpine:3.2", &names), Some("alpine:3.19"));
        assert_eq!(nearest("postgres", &names), None);
    }
}
