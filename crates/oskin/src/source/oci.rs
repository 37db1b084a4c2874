//! `oci:` and `oci-archive:`, the OCI image layout: which image of an index, for which platform.

use super::archive::{image_name, place_of};
use super::docker::{bound_configs, diff_ids};
use super::layer::Origin;
use super::oci_index::{
    self, Descriptor, Manifest, SQUASHFS_LAYER, annotations, blob_name, verified, verify_size,
};
use super::pick::{Called, choose};
use super::store::Store;
use super::{
    ImageSource, LayerSource, ReadOptions, SourceError, SourceSpec, Transport, Warning,
    host_platform, squashfs,
};
use crate::image::{Declared, Digest, Fact, Platform};
use std::collections::BTreeSet;

pub(super) use super::oci_index::INDEX;

/// Finds the images in an `oci:` directory.
pub(super) fn open_layout(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let root = &spec.location;
    let place = place_of(root);
    let metadata = root.metadata().map_err(|error| SourceError::io(&place, error))?;
    if !metadata.is_dir() {
        return Err(SourceError::Unrecognized {
            place,
            what: "is no directory".to_owned(),
            hint: Some("a tar file of an image layout is read with oci-archive:FILE".to_owned()),
        });
    }
    let store = Store::directory(root, &options.limits);
    if !store.has(INDEX) {
        let what = "no index.json: not an image layout".to_owned();
        return Err(SourceError::NoImage { place, what });
    }
    images(&store, spec, options)
}

/// One image for one platform.
struct Candidate {
    manifest: Manifest,
    config: Vec<u8>,
    declared: Declared,
    platform: Platform,
}

/// The images of a layout that the specification means.
pub(super) fn images(
    store: &Store,
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let manifests = oci_index::manifests(store)?;
    if manifests.is_empty() {
        let what = "the index names no image".to_owned();
        return Err(SourceError::NoImage { place: store.place.clone(), what });
    }
    let lone = manifests.len() == 1;
    let groups = groups(manifests);
    let called: Vec<Called> = groups.iter().map(|group| called(group)).collect();
    let chosen = choose(&called, &spec.pick, options.all, &store.place)?;
    let alone = groups.len() == 1;
    let mut images = Vec::new();
    let mut config_bytes = 0;
    for &at in &chosen {
        let name = image_name(&called[at], spec, alone);
        let found = of_group(store, &groups[at], options, (lone, &name));
        let found = match found {
            // One that is damaged keeps none of the others from being read.
            Err(error) if chosen.len() > 1 => {
                let transport = transport_of(store);
                vec![ImageSource::damaged(name, &called[at], (transport, &store.place), error)]
            }
            found => found?,
        };
        for image in found {
            let config = image.config.as_deref().unwrap_or_default();
            bound_configs(&mut config_bytes, config, &store.place)?;
            images.push(image);
        }
    }
    Ok(images)
}

/// The images of one group: one, or with `--all` one for each platform.
fn of_group(
    store: &Store,
    group: &[Manifest],
    options: &ReadOptions<'_>,
    (lone, name): (bool, &str),
) -> Result<Vec<ImageSource>, SourceError> {
    let candidates = candidates(store, group)?;
    let (candidates, warning) = for_platform(candidates, options, (lone, name), &store.place)?;
    let several = candidates.len() > 1;
    let image = |candidate: Candidate| {
        let name = match several {
            true => format!("{name}-{}", suffix(&candidate.platform)),
            false => name.to_owned(),
        };
        let mut image = build(store, candidate, name)?;
        image.warnings.extend(warning.clone());
        Ok(image)
    };
    candidates.into_iter().map(image).collect()
}

fn transport_of(store: &Store) -> Transport {
    match store.remote_image() {
        Some(_) => Transport::Docker,
        None if store.is_directory() => Transport::Oci,
        None => Transport::OciArchive,
    }
}

/// The manifests of an inner index are one image for several platforms. In the outermost index
/// those of one reference, or of none, belong together, as long as no platform comes twice.
fn groups(manifests: Vec<Manifest>) -> Vec<Vec<Manifest>> {
    let mut groups: Vec<Vec<Manifest>> = Vec::new();
    for manifest in manifests {
        let belongs = |group: &&mut Vec<Manifest>| {
            let first = &group[0];
            if first.is_nested || manifest.is_nested {
                return first.is_nested && manifest.is_nested && first.index == manifest.index;
            }
            first.references == manifest.references
                && manifest.platform.is_some()
                && group
                    .iter()
                    .all(|other| other.platform.is_some() && other.platform != manifest.platform)
        };
        match groups.iter_mut().find(belongs) {
            Some(group) => group.push(manifest),
            None => groups.push(vec![manifest]),
        }
    }
    groups
}

fn called(group: &[Manifest]) -> Called {
    Called {
        references: group[0].references.clone(),
        digests: group.iter().filter_map(|manifest| manifest.digest).collect(),
        index: group[0].index,
    }
}

/// Reads the configurations. One that is missing does no harm where there are others: engines save
/// the manifests of all platforms with the content of one.
fn candidates(store: &Store, group: &[Manifest]) -> Result<Vec<Candidate>, SourceError> {
    let mut found = Vec::new();
    let mut missing = None;
    let mut config_bytes = 0;
    for manifest in group {
        match candidate(store, manifest) {
            Ok(candidate) => {
                bound_configs(&mut config_bytes, &candidate.config, &store.place)?;
                found.push(candidate);
            }
            Err(error @ SourceError::Missing { .. }) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

fn candidate(store: &Store, manifest: &Manifest) -> Result<Candidate, SourceError> {
    if let Some(error) = &manifest.damage {
        return Err(error.clone());
    }
    let name = blob_name(&manifest.config.digest, store)?;
    let config = store.small(&name, "configuration")?;
    let place = store.place_of(&name);
    verified(&config, &manifest.config, &place)?;
    let declared = Declared::from_config(&config)
        .map_err(|error| SourceError::damaged(&place, format!("not a configuration: {error}")))?;
    let stated = manifest.platform.clone().filter(|platform| !platform.os.is_empty());
    let platform = stated.unwrap_or_else(|| declared.platform.clone());
    Ok(Candidate { manifest: manifest.clone(), config, declared, platform })
}

/// Takes those that are for the platform that was asked for, or for this machine.
fn for_platform(
    mut candidates: Vec<Candidate>,
    options: &ReadOptions<'_>,
    (lone, name): (bool, &str),
    place: &str,
) -> Result<(Vec<Candidate>, Option<Warning>), SourceError> {
    let wanted = options.platform.clone().unwrap_or_else(host_platform);
    if options.all && options.platform.is_none() {
        return Ok((candidates, None));
    }
    let fits = |candidate: &Candidate| candidate.platform.satisfies(&wanted);
    if lone && !candidates.iter().any(fits) {
        let platform = &candidates[0].platform;
        let warning = (!platform.os.is_empty()).then(|| Warning {
            place: place.to_owned(),
            what: format!("the only image is for {platform}, not for {wanted}"),
        });
        return Ok((candidates, warning));
    }
    if !candidates.iter().any(fits) {
        let platforms: BTreeSet<String> =
            candidates.iter().map(|candidate| candidate.platform.to_string()).collect();
        return Err(SourceError::NoSuchPlatform {
            place: format!("{place}: {name}"),
            wanted,
            platforms: platforms.into_iter().collect(),
        });
    }
    candidates.retain(fits);
    if !options.all {
        // Stable, so that among equals the first of the index is taken.
        candidates.sort_by_key(|candidate| distance(&candidate.platform, &wanted));
        candidates.truncate(1);
    }
    Ok((candidates, None))
}

/// How far a platform that satisfies is from what was asked for, where only one states a variant.
/// Unstated means v7 for arm and v8 for arm64, as engines have it.
pub(super) fn distance(platform: &Platform, wanted: &Platform) -> u8 {
    let variant = |platform: &Platform| match (&*platform.architecture, &*platform.variant) {
        ("arm", "") => "v7".to_owned(),
        ("arm64", "") => "v8".to_owned(),
        (_, variant) => variant.to_owned(),
    };
    if platform.variant == wanted.variant {
        0
    } else if variant(platform) == variant(wanted) {
        1
    } else {
        2
    }
}

/// A platform as the end of a name.
fn suffix(platform: &Platform) -> String {
    match platform.to_string() {
        text if text == "/" => "unknown".to_owned(),
        text => text.replace('/', "-"),
    }
}

fn build(store: &Store, candidate: Candidate, name: String) -> Result<ImageSource, SourceError> {
    let Candidate { manifest, config, declared, .. } = candidate;
    let digest = manifest.digest.map(|digest| digest.to_string()).unwrap_or_default();
    let place = format!("{}: {digest}", store.place);
    let mut warnings = Vec::new();
    let diff_ids =
        diff_ids(&declared, manifest.layers.len(), (&place, &store.limits), &mut warnings)?;
    let is_overlay = |layer: &&(&Descriptor, Option<Digest>)| {
        let media_type = layer.0.media_type.as_deref().unwrap_or_default();
        OVERLAYS.iter().any(|overlay| media_type.ends_with(overlay))
    };
    let layers: Vec<_> = manifest.layers.iter().zip(diff_ids).collect();
    if layers.iter().any(|layer| is_overlay(&layer)) {
        let what = "an overlay that is mounted over the system when it runs is not read";
        warnings.push(Warning { place, what: what.to_owned() });
    }
    let layers = layers.iter().filter(|layer| !is_overlay(layer));
    let layers = layers.map(|&(descriptor, diff_id)| layer(store, descriptor, diff_id));
    Ok(ImageSource {
        name,
        reference: manifest.references.first().cloned(),
        transport: transport_of(store),
        location: store.place.clone(),
        layers: layers.collect::<Result<_, _>>()?,
        config_digest: manifest.config.digest.parse().ok(),
        config: Some(config),
        declared,
        manifest_digest: manifest.digest,
        facts: annotated(store, manifest.digest).into_iter().collect(),
        packages: None,
        warnings,
    })
}

/// The annotations of a manifest that was found before. They are read anew rather than kept for all
/// manifests of an index, of which most are for nobody.
fn annotated(store: &Store, manifest: Option<Digest>) -> Option<Fact> {
    let name = blob_name(&manifest?.to_string(), store).ok()?;
    annotations(&store.small(&name, "manifest").ok()?)
}

/// The layout that Docker since 25 writes beside its own form into an archive.
pub(super) struct Beside<'s> {
    pub(super) store: &'s Store,
    manifests: Vec<Manifest>,
}

impl<'s> Beside<'s> {
    /// Nothing where there is no layout; what is wrong with one is no concern of the other form.
    pub(super) fn of(store: &'s Store) -> Self {
        let manifests = if store.has(INDEX) { oci_index::manifests(store) } else { Ok(Vec::new()) };
        Self { store, manifests: manifests.unwrap_or_default() }
    }

    /// The annotations of the manifest with this configuration.
    pub(super) fn annotations(&self, config: Digest) -> Option<Fact> {
        let is_it = |manifest: &&Manifest| manifest.config.digest.parse() == Ok(config);
        annotated(self.store, self.manifests.iter().find(is_it)?.digest)
    }
}

/// What the type of a layer ends with that a user may write to: Singularity adds such to images.
const OVERLAYS: [&str; 2] = [".image.layer.v1.ext3", ".image.layer.v1.extfs"];

/// A layer that is a squashfs file system.
fn squashfs_layer(
    store: &Store,
    descriptor: &Descriptor,
    name: &str,
) -> Result<LayerSource, SourceError> {
    let place = store.place_of(name);
    let bytes = store.bytes(name).map_err(|error| SourceError::io(&place, error))?;
    let Some(bytes) = bytes else {
        return match store.has(name) {
            true => Err(SourceError::Unrecognized {
                place,
                what: "a squashfs layer cannot be read out of a stream".to_owned(),
                hint: Some("decompress or unpack the archive first".to_owned()),
            }),
            false => Err(SourceError::Missing {
                place: store.place.clone(),
                what: "layer",
                name: descriptor.digest.clone(),
                foreign: false,
            }),
        };
    };
    verify_size(bytes.size_bytes(), descriptor, &place)?;
    let tree = squashfs::layer(bytes, descriptor.digest.parse().ok());
    // It is known by its entries: a diff id is of a changeset.
    let origin = Origin::Tree(tree);
    Ok(LayerSource::unnamed(origin, place))
}

fn layer(
    store: &Store,
    descriptor: &Descriptor,
    diff_id: Option<Digest>,
) -> Result<LayerSource, SourceError> {
    let name = blob_name(&descriptor.digest, store)?;
    let media_type = descriptor.media_type.as_deref().unwrap_or_default();
    if media_type.ends_with(SQUASHFS_LAYER) {
        return squashfs_layer(store, descriptor, &name);
    }
    if media_type.ends_with("+encrypted") {
        return Err(SourceError::Unrecognized {
            place: store.place_of(&name),
            what: "the layer is encrypted".to_owned(),
            hint: Some("decrypt the image first: skopeo copy --decryption-key".to_owned()),
        });
    }
    let is_foreign = media_type.contains("foreign") || media_type.contains("nondistributable");
    if let Some(remote) = store.remote_image() {
        let blob = oci_index::blob_digest(&descriptor.digest, &store.place)?;
        return Ok(remote.layer(blob, descriptor.size, (diff_id, is_foreign)));
    }
    let blob = descriptor.digest.parse().ok();
    let layer = store.layer(&name, diff_id, blob).ok_or_else(|| SourceError::Missing {
        place: store.place.clone(),
        what: "layer",
        name: descriptor.digest.clone(),
        foreign: is_foreign,
    })?;
    verify_size(layer.stored_bytes, descriptor, &layer.place)?;
    Ok(layer)
}
