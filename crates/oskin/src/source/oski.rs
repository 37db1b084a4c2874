//! `oski:`, inventories that were exported from a catalog.

use super::layer::{LayerRead, LayerSource, Origin};
use super::pick::{self, Called};
use super::{ImageSource, ReadOptions, SourceError, SourceSpec, Transport, Warning};
use crate::image::{Declared, LayerKey};
use crate::oski::{self, OskiError, OskiImage, OskiLayer};
use std::fs::File;
use std::io::{BufReader, Read};

/// The first bytes of such a file.
pub(super) const MAGIC: &[u8] = oski::MAGIC;

/// Finds the images in an exported file.
pub(super) fn open(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let place = super::archive::place_of(&spec.location);
    let file = File::open(&spec.location).map_err(|error| SourceError::io(&place, error))?;
    let images = read(&mut BufReader::new(file), &place)?;
    let name = |(index, image): (usize, &ImageSource)| {
        let references = image.reference.iter().chain([&image.name]).cloned().collect();
        Called { references, index, ..Called::default() }
    };
    let called: Vec<Called> = images.iter().enumerate().map(name).collect();
    let chosen = pick::choose(&called, &spec.pick, options.all, &place)?;
    let wanted = |(index, image)| chosen.contains(&index).then_some(image);
    Ok(images.into_iter().enumerate().filter_map(wanted).collect())
}

/// Finds all images in the bytes of an exported file; `place` names them in messages.
///
/// # Errors
///
/// If they are no such file, or damaged.
pub fn from_bytes(bytes: &[u8], place: &str) -> Result<Vec<ImageSource>, SourceError> {
    read(&mut &*bytes, place)
}

fn read(input: &mut dyn Read, place: &str) -> Result<Vec<ImageSource>, SourceError> {
    let images = oski::read(input).map_err(|error| refused(place, error))?;
    Ok(images.into_iter().map(|image| source_of(image, place)).collect())
}

fn source_of(image: OskiImage, place: &str) -> ImageSource {
    let OskiImage { record, layers, packages } = image;
    let declared = record.config.as_deref().map(Declared::from_config);
    let digest = |text: Option<String>| text.and_then(|text| text.parse().ok());
    let warning = |(place, what)| Warning { place, what };
    ImageSource {
        name: record.name,
        reference: record.reference,
        transport: Transport::Oski,
        location: place.to_owned(),
        declared: declared.and_then(Result::ok).unwrap_or_default(),
        config: record.config,
        config_digest: digest(record.config_digest),
        manifest_digest: digest(record.manifest_digest),
        facts: record.facts,
        packages,
        layers: layers.into_iter().map(|layer| layer_of(layer, place)).collect(),
        warnings: record.warnings.into_iter().map(warning).collect(),
    }
}

fn layer_of(stored: OskiLayer, place: &str) -> LayerSource {
    let OskiLayer { key, size_bytes, layer } = stored;
    LayerSource {
        place: format!("{place}: layer {key}"),
        diff_id: match key {
            LayerKey::DiffId(digest) => Some(digest),
            LayerKey::Inventory(_) => None,
        },
        blob: None,
        stored_bytes: 0,
        origin: Origin::Known(LayerRead {
            key,
            layer,
            size_bytes,
            warnings: Vec::new(),
            lost: None,
        }),
    }
}

fn refused(place: &str, error: OskiError) -> SourceError {
    let place = place.to_owned();
    match error {
        OskiError::Io { source, .. } => SourceError::io(&place, source),
        OskiError::NotOski => SourceError::Unrecognized {
            place,
            what: error.to_string(),
            hint: Some("`oskin export` writes such files".to_owned()),
        },
        OskiError::TooNew { .. } => SourceError::Unrecognized {
            place,
            what: error.to_string(),
            hint: Some("use the oskin that wrote it, or a newer one".to_owned()),
        },
        OskiError::Damaged { offset, source } => SourceError::Damaged {
            place: format!("{place}: section at offset {offset}"),
            what: source.to_string(),
        },
    }
}
