//! `containers-storage:`, the store of podman, buildah and CRI-O, read without any of them
//! (github.com/containers/storage).
//!
//! A layer comes as the archive that it was pulled or committed as, so that it is known by its
//! digest in every transport.

mod diff;
mod layer;
mod pick;
mod split;
mod tables;

use super::docker::{bound_configs, clip, diff_ids};
use super::layer::Origin;
use super::oci_index::{Descriptor, annotations};
use super::store::digest_of;
use super::{
    ImageSource, LayerSource, Limits, ReadOptions, SourceError, SourceSpec, Transport, Warning,
    archive,
};
use crate::image::{Declared, Digest, Fact};
use layer::KeptLayer;
use pick::Where;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use tables::{Driver, StoredImage, StoredLayer, Tables, digest, is_plain_id, place_of};

/// How many images a hint names.
const MAX_HINTS: usize = 5;

/// A manifest, as far as it is needed: layers are told by the tables.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Manifest {
    config: Option<Descriptor>,
}

/// Finds the image that the specification means, or with `--all` and no name all of a store.
pub(super) fn open(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let place = format!("{}:{}", Transport::ContainersStorage, archive::place_of(&spec.location));
    let refused = |what: &str, hint: &str| SourceError::Engine {
        place: place.clone(),
        what: what.to_owned(),
        hint: Some(hint.to_owned()),
    };
    let parsed = spec.location.to_str().and_then(Where::parse);
    let Some(wanted) = parsed else {
        let hint = "write containers-storage:NAME or containers-storage:[DRIVER@ROOT]NAME";
        return Err(refused("is no name of an image", hint));
    };
    let stores = Stores::open(&wanted, options, &place)?;
    let images = stores.images();
    if wanted.reference.is_empty() {
        return stores.all(&images, options);
    }
    let rows: Vec<&StoredImage> = images.iter().map(|(_, image)| *image).collect();
    match &pick::find(&rows, &wanted.reference)[..] {
        [] => Err(SourceError::Engine {
            hint: Some(others(&rows, &wanted.reference)),
            what: format!("{} has no such image", stores.place()),
            place,
        }),
        &[(at, name)] => Ok(vec![stores.image(images[at], name, options)?]),
        found => {
            let shown = |&(at, name): &(usize, Option<&str>)| {
                let id = rows[at].short_id();
                name.map_or_else(|| clip(id), |name| format!("{} ({})", clip(name), clip(id)))
            };
            let names: Vec<String> = found.iter().take(MAX_HINTS).map(shown).collect();
            let what = format!("{} images answer to this: {}", found.len(), names.join(", "));
            Err(refused(&what, "write one of these names in full, or the id"))
        }
    }
}

/// A hint at what else there is.
fn others(rows: &[&StoredImage], name: &str) -> String {
    let mut names: Vec<String> =
        rows.iter().flat_map(|row| row.names()).map(|it| clip(it)).collect();
    names.sort();
    match &super::pick::near(name, &names, MAX_HINTS)[..] {
        [] if rows.is_empty() => "there is none at all; images of root and of users lie in different stores: `podman images` lists those of whoever runs it".to_owned(),
        [] => "`podman images` lists what there is; images of root and of users lie in different stores".to_owned(),
        near => format!("there are {}", near.join(", ")),
    }
}

/// The stores in which an image is looked for: the layers of one may lie in another.
struct Stores(Vec<Tables>);

/// A row of `images.json`, and where that lies.
type Found<'s> = (&'s Tables, &'s StoredImage);

impl Stores {
    fn open(wanted: &Where, options: &ReadOptions<'_>, place: &str) -> Result<Self, SourceError> {
        let engines = &options.engines;
        let driver = wanted.driver.as_deref();
        if let Some(root) = &wanted.root {
            return Ok(Self(Tables::open_all(root, driver)?));
        }
        if let Some(problem) = &engines.containers_storage_problem {
            return Err(SourceError::Engine {
                place: place.to_owned(),
                what: problem.clone(),
                hint: Some(
                    "mend the file, or write containers-storage:[DRIVER@ROOT]NAME".to_owned(),
                ),
            });
        }
        let driver = driver.or(engines.containers_storage_driver.as_deref());
        let mut all = Vec::new();
        for (at, root) in engines.containers_storage.iter().enumerate() {
            match Tables::open_all(root, driver) {
                Ok(tables) => all.extend(tables),
                // An additional store may be away, as a medium or a share is.
                Err(_) if at > 0 => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self(all))
    }

    /// All images, each id once: engines look into the first store first.
    fn images(&self) -> Vec<Found<'_>> {
        let mut seen = BTreeSet::new();
        let all =
            self.0.iter().flat_map(|tables| tables.images.iter().map(move |row| (tables, row)));
        all.filter(|(_, row)| seen.insert(&row.id)).collect()
    }

    fn place(&self) -> String {
        let mut roots: Vec<String> = self.0.iter().map(|tables| place_of(&tables.root)).collect();
        roots.dedup();
        roots.join(", ")
    }

    /// All images that have a name, or where none has all: others are steps of builds.
    fn all(
        &self,
        images: &[Found<'_>],
        options: &ReadOptions<'_>,
    ) -> Result<Vec<ImageSource>, SourceError> {
        let place = &self.place();
        let mut images = images.to_vec();
        if images.iter().any(|(_, row)| !row.names().is_empty()) {
            images.retain(|(_, row)| !row.names().is_empty());
        }
        if images.len() > 1 && !options.all {
            let names = images.iter().map(|(_, row)| {
                let name = row.names().first().map_or(row.short_id(), String::as_str);
                clip(name)
            });
            let mut names: Vec<String> = names.take(MAX_HINTS).collect();
            if images.len() > MAX_HINTS {
                names.push("...".to_owned());
            }
            return Err(SourceError::Engine {
                place: place.to_owned(),
                what: format!("the store holds {} images: {}", images.len(), names.join(", ")),
                hint: Some("add the name of one, or read them all with --all".to_owned()),
            });
        }
        if images.is_empty() {
            return Err(SourceError::Engine {
                place: place.to_owned(),
                what: "the store holds no image".to_owned(),
                hint: None,
            });
        }
        let mut found = Vec::new();
        let mut config_bytes = 0;
        for &(tables, row) in &images {
            let image = match self.image((tables, row), None, options) {
                // One that is damaged keeps none of the others from being read.
                Err(error) if images.len() > 1 => {
                    let name = clip(row.names().first().map_or(row.short_id(), String::as_str));
                    let called = super::pick::Called {
                        references: row.names().iter().take(1).cloned().collect(),
                        ..Default::default()
                    };
                    let at = (Transport::ContainersStorage, &*place_of(&tables.root));
                    ImageSource::damaged(name, &called, at, error)
                }
                image => image?,
            };
            bound_configs(&mut config_bytes, image.config.as_deref().unwrap_or_default(), place)?;
            found.push(image);
        }
        Ok(found)
    }

    /// One image with its layers; `name` is the one that was asked for.
    fn image(
        &self,
        (tables, row): Found<'_>,
        name: Option<&str>,
        options: &ReadOptions<'_>,
    ) -> Result<ImageSource, SourceError> {
        let reference = name.map(str::to_owned).or_else(|| row.names().first().cloned());
        let root = place_of(&tables.root);
        let called = clip(reference.as_deref().unwrap_or(row.short_id()));
        let place = format!("{root}: {called}");
        if !is_plain_id(&row.id) {
            return Err(SourceError::damaged(place, format!("{:?} is no id", clip(&row.id))));
        }
        let mut warnings = Vec::new();
        let told = told(tables, row, (&place, options), &mut warnings)?;
        let Told { manifest_digest, config, annotations } = told;
        let declared = match &config {
            Some((_, config)) => Declared::from_config(config).map_err(|error| {
                SourceError::damaged(&place, format!("not a configuration: {error}"))
            })?,
            None => Declared::default(),
        };
        if let Some(asked) = &options.platform
            && !declared.platform.os.is_empty()
            && !declared.platform.satisfies(asked)
        {
            let what = format!("the image is for {}, not for {asked}", declared.platform);
            warnings.push(Warning { place: place.clone(), what });
        }
        let layers = self.layers(row, &declared, (&place, &options.limits), &mut warnings)?;
        Ok(ImageSource {
            name: reference.clone().unwrap_or_else(|| row.short_id().to_owned()),
            reference,
            transport: Transport::ContainersStorage,
            location: format!("[{}@{root}]{called}", tables.driver.name()),
            config_digest: config.as_ref().map(|(digest, _)| *digest),
            config: config.map(|(_, config)| config),
            declared,
            manifest_digest,
            facts: annotations.into_iter().collect(),
            packages: None,
            layers,
            warnings,
        })
    }

    /// The layers of an image, base first: each names the one below it.
    fn layers(
        &self,
        row: &StoredImage,
        declared: &Declared,
        (place, limits): (&str, &Limits),
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<LayerSource>, SourceError> {
        let mut chain: Vec<(&Tables, &StoredLayer)> = Vec::new();
        let mut next = row.layer.as_deref().filter(|id| !id.is_empty());
        while let Some(id) = next {
            let found = self.0.iter().find_map(|tables| Some((tables, tables.layer(id)?)));
            let missing = || SourceError::Engine {
                place: place.to_owned(),
                what: format!("the layer {} is not in the store", clip(id)),
                hint: Some(
                    "the store is damaged, or is just being written: pull the image again"
                        .to_owned(),
                ),
            };
            let (tables, layer) = found.filter(|_| is_plain_id(id)).ok_or_else(missing)?;
            // A circle ends here too.
            if chain.len() as u64 >= limits.layers {
                let place = place.to_owned();
                return Err(SourceError::Limit { place, what: "layers", limit: limits.layers });
            }
            chain.push((tables, layer));
            next = layer.parent.as_deref().filter(|id| !id.is_empty());
        }
        chain.reverse();
        let stated = declared.diff_ids.len();
        let declared_ids = if stated == chain.len() {
            diff_ids(declared, chain.len(), (place, limits), warnings)?
        } else {
            let what = format!(
                "the configuration declares {stated} layers, the store has {}",
                chain.len()
            );
            warnings.push(Warning { place: place.to_owned(), what });
            vec![None; chain.len()]
        };
        let mut seen = BTreeSet::new();
        let layers = chain.into_iter().zip(declared_ids);
        let layers = layers.map(|((tables, layer), diff_id)| {
            let mut source = kept(tables, layer, diff_id);
            // Directories that hold all layers below are not the same where these differ.
            if tables.driver == Driver::Vfs && source.diff_id.is_some_and(|id| !seen.insert(id)) {
                source.diff_id = None;
            }
            source
        });
        Ok(layers.collect())
    }
}

fn kept(tables: &Tables, layer: &StoredLayer, declared: Option<Digest>) -> LayerSource {
    let diff_id = declared.or_else(|| digest(layer.diff_digest.as_deref()));
    let size_bytes = layer.diff_size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
    let tree = KeptLayer {
        content: tables.content_of(&layer.id),
        split: tables.split_of(&layer.id),
        driver: tables.driver,
        expected: diff_id,
        size_bytes,
    };
    LayerSource {
        place: format!(
            "{}: layer {}",
            place_of(&tables.root),
            layer.id.get(..12).unwrap_or(&layer.id)
        ),
        origin: Origin::Tree(Arc::new(tree)),
        diff_id,
        blob: None,
        stored_bytes: size_bytes,
    }
}

/// What a store tells of an image. One without any of it is odd, but its layers can be read.
#[derive(Default)]
struct Told {
    manifest_digest: Option<Digest>,
    /// With its digest.
    config: Option<(Digest, Vec<u8>)>,
    annotations: Option<Fact>,
}

fn told(
    tables: &Tables,
    row: &StoredImage,
    (place, options): (&str, &ReadOptions<'_>),
    warnings: &mut Vec<Warning>,
) -> Result<Told, SourceError> {
    let limit = options.limits.manifest_bytes;
    let mut warn = |what: String| warnings.push(Warning { place: place.to_owned(), what });
    let Some(manifest) = tables.data(&row.id, "manifest", ("the manifest", limit))? else {
        warn("the store has no manifest of the image".to_owned());
        return Ok(Told::default());
    };
    let mut told = Told {
        manifest_digest: Some(digest_of(&manifest)),
        config: None,
        annotations: annotations(&manifest),
    };
    let parsed: Manifest = serde_json::from_slice(&manifest)
        .map_err(|error| SourceError::damaged(place, format!("not a manifest: {error}")))?;
    let Some(config) = parsed.config else {
        warn("the manifest names no configuration".to_owned());
        return Ok(told);
    };
    let Some(promised) = digest(Some(&config.digest)) else {
        let what = format!("{:?} is no sha256 digest", clip(&config.digest));
        return Err(SourceError::damaged(place, what));
    };
    let key = promised.to_string();
    let Some(config) = tables.data(&row.id, &key, ("the configuration", limit))? else {
        warn("the store has no configuration of the image".to_owned());
        return Ok(told);
    };
    let got = digest_of(&config);
    if got != promised {
        let place = format!("{place}: configuration");
        return Err(SourceError::DigestMismatch { place, expected: promised, got });
    }
    told.config = Some((promised, config));
    Ok(told)
}
