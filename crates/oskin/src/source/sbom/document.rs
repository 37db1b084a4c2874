//! The parts of CycloneDX and SPDX documents that tell packages, taken from the JSON as it streams by.
//!
//! By visitors of our own, not by the crates of these formats (serde-cyclonedx, spdx-rs): those insist on
//! what real documents leave out or misspell, know one version each, and build all of a document in memory
//! before anything of it can be bounded.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

/// The most components that a document may list.
pub(super) const MAX_COMPONENTS: usize = 200_000;

/// The most elements that a document may say it describes; it is one, or few.
const MAX_DESCRIBED: usize = 10_000;

/// What was found in a document.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// `bomFormat` of CycloneDX.
    pub(super) bom_format: Option<String>,
    /// `specVersion` of CycloneDX.
    pub(super) spec_version: Option<String>,
    /// `spdxVersion` of SPDX 2.
    pub(super) spdx_version: Option<String>,
    /// Whether it is JSON-LD, as SPDX 3 is.
    pub(super) is_linked: bool,
    /// What a CycloneDX document is about.
    pub(super) subject: Option<Component>,
    /// Ids of what an SPDX document is about.
    pub(super) described: BTreeSet<String>,
    /// All components, nested ones behind the one that holds them.
    pub(super) components: Vec<Component>,
    /// Whether reading ended because there were too many.
    pub(super) is_too_long: bool,
}

/// A component of CycloneDX, or a package of SPDX.
#[derive(Clone, Debug, Default)]
pub(super) struct Component {
    /// `SPDXID`.
    pub(super) id: String,
    /// `type` or `primaryPackagePurpose`, in lower case.
    pub(super) kind: String,
    pub(super) group: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) description: String,
    pub(super) purl: String,
}

/// Reads a document.
pub(super) fn read(json: &[u8]) -> (Document, Result<(), serde_json::Error>) {
    let mut document = Document::default();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = Seed(Part::Document, &mut document).deserialize(&mut deserializer);
    let result = read.and_then(|()| deserializer.end());
    (document, result)
}

/// Whether JSON is a document, told by the first of its keys that says so.
pub(super) fn is_document(json: impl std::io::Read) -> bool {
    let mut found = false;
    let mut deserializer = serde_json::Deserializer::from_reader(std::io::BufReader::new(json));
    // It fails where it is found, as nothing more has to be read then.
    drop(Look(&mut found).deserialize(&mut deserializer));
    found
}

/// Which part of a document a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The whole, or what a wrapper holds: `sbom` of an API, `predicate` of an attestation.
    Document,
    /// `metadata` of CycloneDX.
    Metadata,
    /// `components` of CycloneDX, `packages` of SPDX.
    Components,
    /// `documentDescribes` of SPDX.
    Described,
    /// `relationships` of SPDX.
    Relationships,
    /// One of these.
    Relationship,
}

/// Reads a part into the document.
struct Seed<'d>(Part, &'d mut Document);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Part::Document => "an object that is a bill of materials",
            Part::Metadata => "an object of metadata",
            Part::Components => "a list of components",
            Part::Described => "a list of ids",
            Part::Relationships => "a list of relationships",
            Part::Relationship => "a relationship",
        })
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.0 {
            Part::Document | Part::Relationship => {
                Err(E::invalid_type(serde::de::Unexpected::Unit, &self))
            }
            _ => Ok(()),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self(part, document) = self;
        match part {
            Part::Components => {
                while seq.next_element_seed(One(document))?.is_some() {}
                Ok(())
            }
            Part::Described => {
                while let Some(Text(id)) = seq.next_element()? {
                    describe(document, id)?;
                }
                Ok(())
            }
            Part::Relationships => {
                while seq.next_element_seed(Seed(Part::Relationship, document))?.is_some() {}
                Ok(())
            }
            _ => Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &Self(part, document))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Self(part, document) = self;
        match part {
            Part::Document => document_of(map, document),
            Part::Metadata => metadata_of(map, document),
            Part::Relationship => relationship_of(map, document),
            _ => Err(A::Error::invalid_type(serde::de::Unexpected::Map, &Self(part, document))),
        }
    }
}

fn document_of<'de, A: MapAccess<'de>>(
    mut map: A,
    document: &mut Document,
) -> Result<(), A::Error> {
    let mut seen = BTreeSet::new();
    while let Some(key) = map.next_key::<String>()? {
        let part = match key.as_str() {
            "components" | "packages" => Part::Components,
            "metadata" => Part::Metadata,
            "documentDescribes" => Part::Described,
            "relationships" => Part::Relationships,
            "sbom" | "predicate" => Part::Document,
            "bomFormat" => {
                once(&mut document.bom_format, "bomFormat", map.next_value()?)?;
                continue;
            }
            "specVersion" => {
                once(&mut document.spec_version, "specVersion", map.next_value()?)?;
                continue;
            }
            "spdxVersion" => {
                once(&mut document.spdx_version, "spdxVersion", map.next_value()?)?;
                continue;
            }
            other => {
                document.is_linked |= other == "@graph";
                map.next_value::<IgnoredAny>()?;
                continue;
            }
        };
        // What stands twice means one thing to one reader and another to the next.
        if !seen.insert(key.clone()) {
            return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
        }
        map.next_value_seed(Seed(part, document))?;
    }
    Ok(())
}

fn metadata_of<'de, A: MapAccess<'de>>(
    mut map: A,
    document: &mut Document,
) -> Result<(), A::Error> {
    while let Some(key) = map.next_key::<String>()? {
        if key != "component" {
            map.next_value::<IgnoredAny>()?;
            continue;
        }
        if document.subject.is_some() {
            return Err(A::Error::duplicate_field("component"));
        }
        let at = document.components.len();
        map.next_value_seed(One(document))?;
        if at < document.components.len() {
            document.subject = Some(document.components.remove(at));
        }
    }
    Ok(())
}

fn relationship_of<'de, A: MapAccess<'de>>(
    mut map: A,
    document: &mut Document,
) -> Result<(), A::Error> {
    let [mut from, mut to, mut kind] = [const { None::<String> }; 3];
    while let Some(key) = map.next_key::<String>()? {
        match key.as_str() {
            "spdxElementId" => once(&mut from, "spdxElementId", map.next_value()?)?,
            "relatedSpdxElement" => once(&mut to, "relatedSpdxElement", map.next_value()?)?,
            "relationshipType" => once(&mut kind, "relationshipType", map.next_value()?)?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
    }
    let [from, to] = [from, to].map(Option::unwrap_or_default);
    match (from.as_str(), kind.unwrap_or_default().as_str(), to.as_str()) {
        ("SPDXRef-DOCUMENT", "DESCRIBES", _) => describe(document, to),
        (_, "DESCRIBED_BY", "SPDXRef-DOCUMENT") => describe(document, from),
        _ => Ok(()),
    }
}

fn describe<E: Error>(document: &mut Document, id: String) -> Result<(), E> {
    if document.described.len() >= MAX_DESCRIBED {
        return Err(E::custom(format_args!("it describes more than {MAX_DESCRIBED} elements")));
    }
    document.described.insert(id);
    Ok(())
}

/// Sets a field that may stand once.
fn once<E: Error>(field: &mut Option<String>, name: &'static str, text: Text) -> Result<(), E> {
    if field.is_some() {
        return Err(E::duplicate_field(name));
    }
    *field = Some(text.0);
    Ok(())
}

/// Reads one component and those in it, which follow it.
struct One<'d>(&'d mut Document);

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a component")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(document) = self;
        let at = document.components.len();
        if at >= MAX_COMPONENTS {
            document.is_too_long = true;
            return Err(A::Error::custom("too many components"));
        }
        document.components.push(Component::default());
        let [mut id, mut kind, mut group, mut name] = [const { None::<String> }; 4];
        let [mut version, mut description, mut purl] = [const { None::<String> }; 3];
        let (mut has_refs, mut has_parts) = (false, false);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "SPDXID" => once(&mut id, "SPDXID", map.next_value()?)?,
                "type" => once(&mut kind, "type", map.next_value()?)?,
                "primaryPackagePurpose" => {
                    once(&mut kind, "primaryPackagePurpose", map.next_value()?)?;
                }
                "group" => once(&mut group, "group", map.next_value()?)?,
                "name" => once(&mut name, "name", map.next_value()?)?,
                "version" => once(&mut version, "version", map.next_value()?)?,
                "versionInfo" => once(&mut version, "versionInfo", map.next_value()?)?,
                "description" => once(&mut description, "description", map.next_value()?)?,
                "purl" => once(&mut purl, "purl", map.next_value()?)?,
                "components" if std::mem::replace(&mut has_parts, true) => {
                    return Err(A::Error::duplicate_field("components"));
                }
                "components" => map.next_value_seed(Seed(Part::Components, document))?,
                "externalRefs" if std::mem::replace(&mut has_refs, true) => {
                    return Err(A::Error::duplicate_field("externalRefs"));
                }
                "externalRefs" => {
                    let References(found) = map.next_value()?;
                    purl = purl.or(found);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let text = Option::unwrap_or_default;
        document.components[at] = Component {
            id: text(id),
            kind: text(kind).to_lowercase(),
            group: text(group),
            name: text(name),
            version: text(version),
            description: text(description),
            purl: text(purl),
        };
        Ok(())
    }
}

/// The first purl of the external references of an SPDX package.
struct References(Option<String>);

impl<'de> Deserialize<'de> for References {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReferencesVisitor)
    }
}

struct ReferencesVisitor;

impl<'de> Visitor<'de> for ReferencesVisitor {
    type Value = References;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of external references")
    }

    fn visit_unit<E: Error>(self) -> Result<References, E> {
        Ok(References(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<References, A::Error> {
        let mut found = None;
        while let Some(Reference { kind, locator }) = seq.next_element()? {
            if kind.0 == "purl" && found.is_none() {
                found = Some(locator.0);
            }
        }
        Ok(References(found))
    }
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default, rename = "referenceType")]
    kind: Text,
    #[serde(default, rename = "referenceLocator")]
    locator: Text,
}

/// A text; numbers and truth values are taken as they are written, null as nothing.
#[derive(Default)]
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_unit<E: Error>(self) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Text, E> {
        Ok(Text(text))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }
}

/// Looks for a key that tells a document.
struct Look<'f>(&'f mut bool);

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if matches!(key.as_str(), "bomFormat" | "spdxVersion") {
                *self.0 = true;
                return Err(A::Error::custom("it is found"));
            }
            match key.as_str() {
                "sbom" | "predicate" => map.next_value_seed(Look(&mut *self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}
