//! What is installed in an image, and on what it stands, for the commands about software.

use crate::error::CliError;
use crate::images::{Found, Workspace};
use crate::text;
use oskin::image::Packages;
use oskin::ingest;
use oskin::software::{FoundPackage, Installed};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

/// The base that packages are marked to be from.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    /// Its name.
    pub(crate) name: String,
    /// The purls of its packages.
    pub(crate) purls: BTreeSet<String>,
}

/// Why packages of images are not known.
pub(crate) const WHY_UNKNOWN: &str = "path lists have none, and images that were added without contents or by an older oskin have \
    theirs after `oskin add --replace`";

/// How many warnings of an image that is read for a question are told.
const WARNINGS_SHOWN: usize = 5;

/// The error for an image whose packages are asked for and not known.
pub(crate) fn unknown(found: &Found) -> CliError {
    let name = found.name();
    let error = CliError::new(format!("the packages of {name} are not known"));
    match found.record().transport.as_str() {
        "paths" => error
            .hint("a list of paths does not tell packages; `oskin tags` makes do with paths"),
        _ => error.hint(
            "it was added without contents or by an older oskin: `oskin add --replace` it, or name its source",
        ),
    }
}

impl Workspace {
    /// What is installed in an image; of one of which nothing but packages is known, those alone. `None` if nobody
    /// looked: path lists, and what an oskin added that did not look.
    pub(crate) fn installed(&mut self, found: &Found) -> Result<Option<Vec<Installed>>, CliError> {
        let all = match found {
            _ if found.record().transport == "paths" => None,
            Found::Kept(record) if !record.packages_only => {
                let inventory = self.catalog()?.inventory_with_software(record.id)?;
                ingest::installed(&inventory)
            }
            Found::Kept(_) => None,
            Found::Read(image) => ingest::installed(&image.inventory),
        };
        if all.is_some() {
            return Ok(all);
        }
        let bare = |package: &oskin::image::Package| Installed {
            found: FoundPackage { package: package.clone(), ..FoundPackage::default() },
            layer: 0,
            record: Vec::new(),
        };
        Ok(self.packages(found)?.map(|packages| packages.list().iter().map(bare).collect()))
    }

    /// Names and packages of images, which must be known; of all in the catalog of which they are if none is named.
    pub(crate) fn all_packages(
        &mut self,
        images: &[OsString],
    ) -> Result<(Vec<String>, Vec<Packages>), CliError> {
        let (mut names, mut all) = (Vec::new(), Vec::new());
        for image in images {
            let found = self.find_any(image)?;
            let packages = self.packages(&found)?.ok_or_else(|| unknown(&found))?;
            names.push(found.name().to_owned());
            all.push(packages);
        }
        if !images.is_empty() {
            return Ok((names, all));
        }
        let kept = self.catalog()?.at_one_moment(|catalog| {
            let each = |(id, name)| Ok((name, catalog.packages(id)?));
            catalog.names()?.into_iter().map(each).collect::<Result<Vec<_>, CliError>>()
        })?;
        let count = kept.len();
        for (name, packages) in kept {
            let Some(packages) = packages else { continue };
            names.push(name);
            all.push(packages);
        }
        let without = count - names.len();
        if without > 0 && names.is_empty() {
            return Err(CliError::new("the packages of no image of the catalog are known")
                .hint(WHY_UNKNOWN));
        }
        if without > 0 {
            let (are, their) = if without == 1 { ("is", "its") } else { ("are", "their") };
            let images = text::plural(without as u64, "image");
            self.warn(&format!(
                "{images} of the catalog {are} left out: {their} packages are not known"
            ));
        }
        Ok((names, all))
    }

    /// Tells what of an image that was read for this could not be, as far as a few lines go.
    fn tell_of_reading(&self, found: &Found) {
        let warnings = match found {
            Found::Read(_) => &found.record().warnings[..],
            Found::Kept(_) => &[],
        };
        for (place, what) in warnings.iter().take(WARNINGS_SHOWN) {
            self.warn(&text::printable(&format!("warning: {place}: {what}")));
        }
        if warnings.len() > WARNINGS_SHOWN {
            let more = text::plural((warnings.len() - WARNINGS_SHOWN) as u64, "more warning");
            self.warn(&format!("warning: {more}: `oskin show` lists them"));
        }
    }

    /// The same, or why it cannot be told.
    pub(crate) fn must_be_installed(&mut self, found: &Found) -> Result<Vec<Installed>, CliError> {
        self.tell_of_reading(found);
        self.installed(found)?.ok_or_else(|| unknown(found))
    }

    /// The base of an image: the one that is named, else the largest image of the catalog whose layers it begins with.
    pub(crate) fn base_of(
        &mut self,
        found: &Found,
        named: Option<&OsStr>,
    ) -> Result<Option<Base>, CliError> {
        let base = match named {
            Some(named) => Some(self.find_any(named)?),
            None => self.base_by_layers(found)?,
        };
        let Some(base) = base else { return Ok(None) };
        let installed = match named {
            Some(_) => self.must_be_installed(&base)?,
            None => self.installed(&base)?.unwrap_or_default(),
        };
        let purls = installed.iter().map(|it| it.found.package.to_string()).collect();
        Ok(Some(Base { name: base.name().to_owned(), purls }))
    }

    fn base_by_layers(&mut self, found: &Found) -> Result<Option<Found>, CliError> {
        let own = self.layer_keys(found)?.full;
        let Some(catalog) = self.catalog_if_any()? else { return Ok(None) };
        let mut base: Option<(usize, String)> = None;
        for (id, name) in catalog.names_with_paths()? {
            let layers = catalog.full_layer_keys(id)?;
            let is_longer = base.as_ref().is_none_or(|(length, _)| layers.len() > *length);
            if !layers.is_empty()
                && layers.len() < own.len()
                && is_longer
                && own.starts_with(&layers)
            {
                base = Some((layers.len(), name));
            }
        }
        let record = base.map(|(_, name)| catalog.image(&name)).transpose()?;
        Ok(record.map(|record| Found::Kept(Box::new(record))))
    }
}
