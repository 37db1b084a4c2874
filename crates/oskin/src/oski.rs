//! `.oski` files: inventories of one or more images in one compact file, to move between catalogs.
//!
//! A file is the magic, a version byte and sections; each section is a tag, a length and a sealed
//! block (checksum, zstd). Layers come before the images that stand on them and are written once
//! each. An end section with the counts tells a whole file from a cut one.
//! docs/catalog-format.md has the layout.

use crate::image::{ImageRecord, LayerKey, Packages};
use crate::inventory::Layer;
use crate::inventory::encode::{self, CHUNK_ENTRIES, Damaged, Decoder};
use std::io::{self, Read, Write};
use std::sync::Arc;

/// The first bytes of every file.
pub const MAGIC: &[u8; 5] = b"OSKI\0";

/// The newest version that this build reads. It writes the oldest that has room for what is told.
const VERSION: u8 = 3;

/// The version of files without what layers say of software.
const TOLD_VERSION: u8 = 2;

/// The version of files without facts and packages.
const PLAIN_VERSION: u8 = 1;

/// The most bytes of one section, sealed and open.
const SECTION_LIMIT_BYTES: usize = 1 << 30;

/// How hard to squeeze: files are written once and read often.
const LEVEL: i32 = 19;

const TAG_LAYER: u8 = b'L';
const TAG_CHUNK: u8 = b'C';
const TAG_IMAGE: u8 = b'I';
const TAG_FACTS: u8 = b'F';
const TAG_PACKAGES: u8 = b'P';
const TAG_SOFTWARE: u8 = b'S';
const TAG_END: u8 = b'E';

/// A layer with what it is known by.
#[derive(Clone, Debug)]
pub struct OskiLayer {
    /// The key.
    pub key: LayerKey,
    /// The size of the uncompressed changeset in bytes.
    pub size_bytes: u64,
    /// The entries.
    pub layer: Arc<Layer>,
}

/// An image and its layers, base first.
#[derive(Clone, Debug)]
pub struct OskiImage {
    /// What is told of it; `id`, counts and `os` are not stored, they follow from layers and packages.
    pub record: ImageRecord,
    /// The layers, base first.
    pub layers: Vec<OskiLayer>,
    /// Its packages, if they are told.
    pub packages: Option<Packages>,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OskiError {
    /// The medium failed.
    #[error("cannot read at offset {offset}")]
    Io {
        /// Bytes read before.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// The first bytes are others.
    #[error("not an .oski file")]
    NotOski,
    /// Written by a newer oskin.
    #[error(".oski version {found}, this oskin reads versions up to {VERSION}")]
    TooNew {
        /// The version of the file.
        found: u8,
    },
    /// Bytes do not decode.
    #[error("section at offset {offset}")]
    Damaged {
        /// Where the section begins.
        offset: u64,
        /// What is wrong.
        source: Damaged,
    },
}

/// Writes images; each layer once, however many stand on it.
///
/// # Errors
///
/// When `out` fails.
pub fn write(out: &mut dyn Write, images: &[OskiImage]) -> io::Result<()> {
    out.write_all(MAGIC)?;
    let is_plain = |image: &OskiImage| image.record.facts.is_empty() && image.packages.is_none();
    let is_searched = |layer: &OskiLayer| layer.layer.is_searched();
    let version = match () {
        () if images.iter().flat_map(|image| &image.layers).any(is_searched) => VERSION,
        () if images.iter().all(is_plain) => PLAIN_VERSION,
        () => TOLD_VERSION,
    };
    out.write_all(&[version])?;
    let mut keys: Vec<LayerKey> = Vec::new();
    for layer in images.iter().flat_map(|image| &image.layers) {
        if !keys.contains(&layer.key) {
            keys.push(layer.key);
            write_layer(out, layer)?;
        }
    }
    for image in images {
        let positions = image.layers.iter().map(|layer| {
            // Present: all keys were collected above.
            keys.iter().position(|key| *key == layer.key).unwrap_or_default()
        });
        section(out, TAG_IMAGE, &image_bytes(&image.record, &positions.collect::<Vec<_>>()))?;
        write_told(out, image)?;
    }
    let mut end = Vec::new();
    encode::put_number(&mut end, keys.len() as u64);
    encode::put_number(&mut end, images.len() as u64);
    section(out, TAG_END, &end)
}

/// What is told of an image beside its layers, each in a section behind it.
fn write_told(out: &mut dyn Write, image: &OskiImage) -> io::Result<()> {
    if !image.record.facts.is_empty() {
        let mut plain = Vec::new();
        encode::put_image_facts(&mut plain, &image.record.facts);
        section(out, TAG_FACTS, &plain)?;
    }
    let Some(packages) = &image.packages else { return Ok(()) };
    let mut plain = Vec::new();
    encode::put_packages(&mut plain, packages);
    section(out, TAG_PACKAGES, &plain)
}

fn section(out: &mut dyn Write, tag: u8, plain: &[u8]) -> io::Result<()> {
    let sealed = encode::seal(plain, LEVEL);
    let mut head = vec![tag];
    encode::put_number(&mut head, sealed.len() as u64);
    out.write_all(&head)?;
    out.write_all(&sealed)
}

fn write_layer(out: &mut dyn Write, layer: &OskiLayer) -> io::Result<()> {
    let mut head = Vec::new();
    encode::put_bytes(&mut head, layer.key.to_string().as_bytes());
    encode::put_number(&mut head, layer.size_bytes);
    encode::put_number(&mut head, layer.layer.len() as u64);
    head.push(u8::from(layer.layer.is_listing()));
    section(out, TAG_LAYER, &head)?;
    let total = layer.layer.len();
    for start in (0..total).step_by(CHUNK_ENTRIES) {
        let range = start..total.min(start + CHUNK_ENTRIES);
        let mut plain = Vec::new();
        encode::put_number(&mut plain, range.len() as u64);
        encode::put_paths(&mut plain, range.clone().map(|index| layer.layer.path(index)));
        encode::put_facts(&mut plain, &layer.layer, range);
        section(out, TAG_CHUNK, &plain)?;
    }
    if layer.layer.is_searched() {
        let mut plain = Vec::new();
        encode::put_software(&mut plain, &layer.layer);
        section(out, TAG_SOFTWARE, &plain)?;
    }
    Ok(())
}

fn image_bytes(record: &ImageRecord, positions: &[usize]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut optional = |bytes: Option<&[u8]>| {
        plain.push(u8::from(bytes.is_some()));
        encode::put_bytes(&mut plain, bytes.unwrap_or_default());
    };
    optional(Some(record.name.as_bytes()));
    optional(record.reference.as_ref().map(String::as_bytes));
    optional(record.config.as_deref());
    optional(record.config_digest.as_ref().map(String::as_bytes));
    optional(record.manifest_digest.as_ref().map(String::as_bytes));
    encode::put_number(&mut plain, record.warnings.len() as u64);
    for text in record.warnings.iter().flat_map(|(place, what)| [place, what]) {
        encode::put_bytes(&mut plain, text.as_bytes());
    }
    encode::put_number(&mut plain, positions.len() as u64);
    for position in positions {
        encode::put_number(&mut plain, *position as u64);
    }
    plain
}

/// Reads all images of a file.
///
/// # Errors
///
/// See [`OskiError`]; a file is taken whole or not at all.
pub fn read(input: &mut dyn Read) -> Result<Vec<OskiImage>, OskiError> {
    let mut reader =
        Reader { input, offset: 0, layers: Vec::new(), expected: Vec::new(), images: Vec::new() };
    reader.magic()?;
    while reader.section()? {}
    Ok(reader.images)
}

struct Reader<'a> {
    input: &'a mut dyn Read,
    offset: u64,
    layers: Vec<OskiLayer>,
    // How many entries each of them states.
    expected: Vec<u64>,
    images: Vec<OskiImage>,
}

impl Reader<'_> {
    fn exactly(&mut self, length: usize) -> Result<Vec<u8>, OskiError> {
        let mut bytes = Vec::new();
        // `take` rather than a buffer of the stated size: a lie costs what is there, not more.
        let read = (&mut *self.input).take(length as u64).read_to_end(&mut bytes);
        let offset = self.offset;
        read.map_err(|source| OskiError::Io { offset, source })?;
        self.offset += bytes.len() as u64;
        if bytes.len() == length {
            Ok(bytes)
        } else {
            Err(OskiError::Damaged { offset, source: Damaged("file is cut short") })
        }
    }

    fn magic(&mut self) -> Result<(), OskiError> {
        let head = self.exactly(MAGIC.len() + 1).map_err(|error| match error {
            OskiError::Damaged { .. } => OskiError::NotOski,
            other => other,
        })?;
        match head.split_last() {
            Some((&version, magic)) if magic == MAGIC => {
                if version > VERSION {
                    return Err(OskiError::TooNew { found: version });
                }
                Ok(())
            }
            _ => Err(OskiError::NotOski),
        }
    }

    /// Reads one section; returns whether more follow.
    fn section(&mut self) -> Result<bool, OskiError> {
        let offset = self.offset;
        let damaged = |source| OskiError::Damaged { offset, source };
        let tag = self.exactly(1)?[0];
        let length = self.length()?;
        if length > SECTION_LIMIT_BYTES as u64 {
            return Err(damaged(Damaged("section is too long")));
        }
        let sealed = self.exactly(usize::try_from(length).unwrap_or(usize::MAX))?;
        let plain = encode::unseal(&sealed, SECTION_LIMIT_BYTES).map_err(damaged)?;
        let mut decoder = Decoder::new(&plain);
        match tag {
            TAG_LAYER => self.layer(&mut decoder).map_err(damaged)?,
            TAG_CHUNK => self.chunk(&mut decoder).map_err(damaged)?,
            TAG_SOFTWARE => self.software(&mut decoder).map_err(damaged)?,
            TAG_IMAGE => self.image(&mut decoder).map_err(damaged)?,
            TAG_FACTS | TAG_PACKAGES => {
                self.told(tag, &mut decoder).map_err(damaged)?;
            }
            TAG_END => {
                self.end(&mut decoder).map_err(damaged)?;
                return Ok(false);
            }
            _ => return Err(damaged(Damaged("unknown section"))),
        }
        Ok(true)
    }

    fn length(&mut self) -> Result<u64, OskiError> {
        let offset = self.offset;
        let mut bytes = Vec::new();
        while bytes.last().is_none_or(|byte| byte & 0x80 != 0) && bytes.len() < 10 {
            bytes.extend(self.exactly(1)?);
        }
        let length = Decoder::new(&bytes).number();
        length.map_err(|source| OskiError::Damaged { offset, source })
    }

    fn layer(&mut self, decoder: &mut Decoder<'_>) -> Result<(), Damaged> {
        let key = decoder.text()?.parse();
        let key: LayerKey = key.map_err(|_| Damaged("layer key is no digest"))?;
        let size_bytes = decoder.number()?;
        self.expected.push(decoder.number()?);
        let mut layer = Layer::new();
        layer.set_listing(decoder.byte()? != 0);
        self.layers.push(OskiLayer { key, size_bytes, layer: Arc::new(layer) });
        Ok(())
    }

    fn chunk(&mut self, decoder: &mut Decoder<'_>) -> Result<(), Damaged> {
        let count = decoder.small()? as usize;
        if count > CHUNK_ENTRIES {
            return Err(Damaged("chunk holds too many entries"));
        }
        let paths = encode::take_paths(decoder, count)?;
        let last = self.layers.last_mut().ok_or(Damaged("entries without a layer"))?;
        let layer = Arc::get_mut(&mut last.layer).ok_or(Damaged("entries behind an image"))?;
        encode::take_facts(decoder, &paths, layer)
    }

    /// What the layer before says of software, once.
    fn software(&mut self, decoder: &mut Decoder<'_>) -> Result<(), Damaged> {
        let last = self.layers.last_mut().ok_or(Damaged("software without a layer"))?;
        let layer = Arc::get_mut(&mut last.layer).ok_or(Damaged("software behind an image"))?;
        if layer.is_searched() {
            return Err(Damaged("software of a layer stands twice"));
        }
        encode::take_software(decoder, layer)
    }

    fn image(&mut self, decoder: &mut Decoder<'_>) -> Result<(), Damaged> {
        let mut optional = || -> Result<Option<Vec<u8>>, Damaged> {
            let there = decoder.byte()? != 0;
            let bytes = decoder.bytes()?.to_vec();
            Ok(there.then_some(bytes))
        };
        let text = |bytes: Option<Vec<u8>>| {
            bytes.map(String::from_utf8).transpose().map_err(|_| Damaged("text is not UTF-8"))
        };
        let name = text(optional()?)?.ok_or(Damaged("image without a name"))?;
        let reference = text(optional()?)?;
        let config = optional()?;
        let config_digest = text(optional()?)?;
        let manifest_digest = text(optional()?)?;
        let mut warnings = Vec::new();
        for _ in 0..decoder.number()? {
            warnings.push((decoder.text()?.to_owned(), decoder.text()?.to_owned()));
        }
        let mut layers = Vec::new();
        for _ in 0..decoder.number()? {
            let position = decoder.small()? as usize;
            let layer = self.layers.get(position).ok_or(Damaged("image on an unknown layer"))?;
            layers.push(layer.clone());
        }
        let record = ImageRecord {
            name,
            reference,
            config,
            config_digest,
            manifest_digest,
            warnings,
            ..ImageRecord::default()
        };
        self.images.push(OskiImage { record, layers, packages: None });
        Ok(())
    }

    /// What is told of the image before, each once.
    fn told(&mut self, tag: u8, decoder: &mut Decoder<'_>) -> Result<(), Damaged> {
        let image = self.images.last_mut().ok_or(Damaged("facts without an image"))?;
        let (record, twice) = (&mut image.record, Err(Damaged("facts of an image stand twice")));
        match tag {
            TAG_FACTS if !record.facts.is_empty() => return twice,
            TAG_FACTS => record.facts = encode::take_image_facts(decoder)?,
            _ if image.packages.is_some() => return twice,
            _ => {
                let packages = encode::take_packages(decoder)?;
                if packages.only && !image.layers.is_empty() {
                    return Err(Damaged("an image of packages only has layers"));
                }
                record.packages = Some(packages.list().len() as u64);
                record.packages_only = packages.only;
                record.os.clone_from(&packages.system);
                image.packages = Some(packages);
            }
        }
        decoder.is_done().then_some(()).ok_or(Damaged("facts are too long"))
    }

    fn end(&mut self, decoder: &mut Decoder<'_>) -> Result<(), Damaged> {
        let counts = (decoder.number()?, decoder.number()?);
        if !self
            .layers
            .iter()
            .map(|layer| layer.layer.len() as u64)
            .eq(self.expected.iter().copied())
        {
            return Err(Damaged("a layer has another number of entries than it states"));
        }
        if counts == (self.layers.len() as u64, self.images.len() as u64) {
            Ok(())
        } else {
            Err(Damaged("other numbers of layers or images than at the end stated"))
        }
    }
}
