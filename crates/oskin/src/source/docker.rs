//! `docker-archive:`, what `docker save` and its imitators write: a tar file with a manifest.json.

use super::archive::image_name;
use super::oci::Beside;
use super::pick::{Called, choose};
use super::store::{Store, digest_of};
use super::{
    ImageSource, LayerSource, Limits, Pick, ReadOptions, SourceError, SourceSpec, Transport,
    Warning,
};
use crate::image::{Declared, Digest};
use serde::Deserialize;

/// The file that names the images of the archive.
pub(super) const MANIFEST: &str = "manifest.json";

/// The most images that one archive or index may hold.
pub(super) const MAX_IMAGES: usize = 10_000;

/// The most that the configurations of the images of one archive may take together.
const MAX_CONFIG_BYTES: usize = 64 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// Whether the text is such a manifest; one that names no image is one too.
pub(super) fn is_manifest(json: &[u8]) -> bool {
    serde_json::from_slice::<Option<Vec<Item>>>(json).is_ok()
}

/// The images that the manifest names and the specification means; none if it names none.
pub(super) fn images(
    store: &Store,
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let json = store.small(MANIFEST, "manifest")?;
    let items: Option<Vec<Item>> = serde_json::from_slice(&json)
        .map_err(|error| SourceError::damaged(store.place_of(MANIFEST), error.to_string()))?;
    let items = items.unwrap_or_default();
    if items.is_empty() {
        return Ok(Vec::new());
    }
    if items.len() > MAX_IMAGES {
        let what = format!("{} images, more than {MAX_IMAGES}", items.len());
        return Err(SourceError::damaged(store.place_of(MANIFEST), what));
    }
    let called: Vec<Called> = items
        .iter()
        .enumerate()
        .map(|(index, item)| Called {
            references: item.repo_tags.clone().unwrap_or_default(),
            digests: Vec::new(),
            index,
        })
        .collect();
    let chosen = choose(&called, &spec.pick, options.all, &store.place)?;
    let alone = items.len() == 1;
    let beside = Beside::of(store);
    let mut images = Vec::new();
    let mut config_bytes = 0;
    for &at in &chosen {
        let image = match image(&beside, spec, options, (&items[at], &called[at], alone)) {
            // One that is damaged keeps none of the others from being read.
            Err(error) if chosen.len() > 1 => {
                let name = image_name(&called[at], spec, alone);
                let place = (Transport::DockerArchive, &*store.place);
                ImageSource::damaged(name, &called[at], place, error)
            }
            image => image?,
        };
        let config = image.config.as_deref().unwrap_or_default();
        bound_configs(&mut config_bytes, config, &store.place)?;
        images.push(image);
    }
    Ok(images)
}

/// Bounds what many images with large configurations take.
pub(super) fn bound_configs(
    total: &mut usize,
    config: &[u8],
    place: &str,
) -> Result<(), SourceError> {
    *total += config.len();
    if *total > MAX_CONFIG_BYTES {
        return Err(SourceError::TooLarge {
            place: place.to_owned(),
            what: "the sum of all configurations",
            limit_bytes: MAX_CONFIG_BYTES as u64,
        });
    }
    Ok(())
}

fn image(
    beside: &Beside<'_>,
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
    (item, called, alone): (&Item, &Called, bool),
) -> Result<ImageSource, SourceError> {
    let store = beside.store;
    let mut called = called.clone();
    // The reference that was asked for comes first.
    if let Pick::Reference(wanted) = &spec.pick
        && let Some(at) = called.references.iter().position(|reference| reference == wanted)
    {
        called.references.swap(0, at);
    }
    let config = store.small(&item.config, "configuration")?;
    let place = store.place_of(&item.config);
    let declared = Declared::from_config(&config)
        .map_err(|error| SourceError::damaged(&place, format!("not a configuration: {error}")))?;
    let config_digest = digest_of(&config);
    let mut warnings = Vec::new();
    if let Some(promised) = digest_in_name(&item.config)
        && promised != config_digest
    {
        let what =
            format!("the configuration is named {promised}, but its digest is {config_digest}");
        warnings.push(Warning { place: place.clone(), what });
    }
    if let Some(asked) = &options.platform
        && !declared.platform.os.is_empty()
        && !declared.platform.satisfies(asked)
    {
        let what = format!("the image is for {}, not for {asked}", declared.platform);
        warnings.push(Warning { place: place.clone(), what });
    }
    let names = item.layers.as_deref().unwrap_or_default();
    let diff_ids = diff_ids(&declared, names.len(), (&place, &store.limits), &mut warnings)?;
    let layers = names.iter().zip(diff_ids).map(|(name, diff_id)| layer(store, name, diff_id));
    Ok(ImageSource {
        name: image_name(&called, spec, alone),
        reference: called.references.first().cloned(),
        transport: Transport::DockerArchive,
        location: store.place.clone(),
        layers: layers.collect::<Result<_, _>>()?,
        config: Some(config),
        declared,
        config_digest: Some(config_digest),
        manifest_digest: None,
        facts: beside.annotations(config_digest).into_iter().collect(),
        packages: None,
        warnings,
    })
}

fn layer(store: &Store, name: &str, diff_id: Option<Digest>) -> Result<LayerSource, SourceError> {
    // Since Docker 25 layers are blobs of an image layout, named by their digest.
    let blob = name.strip_prefix("blobs/sha256/").and_then(|hex| hex.parse().ok());
    store.layer(name, diff_id, blob).ok_or_else(|| SourceError::Missing {
        place: store.place.clone(),
        what: "layer",
        name: clip(name),
        foreign: false,
    })
}

/// The declared digests of the layers, `None` for each where nothing usable is declared.
pub(super) fn diff_ids(
    declared: &Declared,
    layers: usize,
    (place, limits): (&str, &Limits),
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Option<Digest>>, SourceError> {
    if layers as u64 > limits.layers {
        let place = place.to_owned();
        return Err(SourceError::Limit { place, what: "layers", limit: limits.layers });
    }
    let stated = declared.diff_ids.len();
    let mut warn = |what: String| warnings.push(Warning { place: place.to_owned(), what });
    if stated == 0 && layers > 0 {
        warn("the configuration declares no diff ids; the layers cannot be verified".to_owned());
        return Ok(vec![None; layers]);
    }
    if stated != layers {
        let what = format!("the configuration declares {stated} layers, the manifest {layers}");
        return Err(SourceError::damaged(place, what));
    }
    let mut digests = Vec::with_capacity(layers);
    for text in &declared.diff_ids {
        let digest = text.parse().ok();
        if digest.is_none() {
            let text = clip(text);
            warn(format!("diff id {text:?} is no sha256 digest; the layer cannot be verified"));
        }
        digests.push(digest);
    }
    Ok(digests)
}

/// The digest that a configuration is named by: `<hex>.json`, `sha256:<hex>`, `blobs/sha256/<hex>`.
fn digest_in_name(name: &str) -> Option<Digest> {
    let name = name.rsplit('/').next()?;
    name.strip_suffix(".json").unwrap_or(name).parse().ok()
}

/// The beginning of a text that comes from an image, for a message.
pub(super) fn clip(text: &str) -> String {
    text.chars().take(200).collect()
}
