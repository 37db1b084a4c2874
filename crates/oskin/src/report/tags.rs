//! The document about the software that makes images special.

use crate::path::escape;
use crate::software::tags::{Evidence, Tag};
use serde::Serialize;

/// `oskin.tags/1`: the software tags of images.
#[derive(Clone, Debug, Serialize)]
pub struct TagsReport {
    schema: &'static str,
    /// The images, in the order in which they were asked for.
    pub images: Vec<TaggedImage>,
}

/// An image with its tags.
#[derive(Clone, Debug, Serialize)]
pub struct TaggedImage {
    /// The image.
    pub name: String,
    /// What it stands on, if that is known: tags are what that has not.
    pub base: Option<String>,
    /// How many paths it has that the base has not.
    pub added: u64,
    /// How many tags there are in all, those included that do not stand out.
    pub tag_count: u64,
    /// The tags, those that weigh most first.
    pub tags: Vec<TagReport>,
}

/// A tag.
#[derive(Clone, Debug, Serialize)]
pub struct TagReport {
    /// The name of the software, in lower case.
    pub name: String,
    /// The version, if anything tells it.
    pub version: Option<String>,
    /// How much it makes the image special, above 0 and below 1.
    pub weight: f64,
    /// What tells it, the strongest first.
    pub evidence: Vec<TagEvidence>,
}

/// A piece of evidence.
#[derive(Clone, Debug, Serialize)]
pub struct TagEvidence {
    /// `path`, `package`, `started`, `environment` or `port`.
    pub kind: &'static str,
    /// The path (escaped), the purl, the command, the variable with its value, or the port.
    pub what: String,
}

impl TagsReport {
    /// Puts images together.
    pub fn new(images: Vec<TaggedImage>) -> Self {
        Self { schema: "oskin.tags/1", images }
    }
}

impl TaggedImage {
    /// An image with the tags that are to be told.
    pub fn new(
        (name, base): (&str, Option<&str>),
        (added, tag_count): (u64, u64),
        tags: &[Tag],
    ) -> Self {
        Self {
            name: name.to_owned(),
            base: base.map(str::to_owned),
            added,
            tag_count,
            tags: tags.iter().map(TagReport::new).collect(),
        }
    }
}

impl TagReport {
    fn new(tag: &Tag) -> Self {
        let Tag { name, version, weight, evidence } = tag;
        let evidence = evidence.iter().map(TagEvidence::new).collect();
        Self { name: name.clone(), version: version.clone(), weight: *weight, evidence }
    }
}

impl TagEvidence {
    fn new(evidence: &Evidence) -> Self {
        let (kind, what) = match evidence {
            Evidence::Path(path) => ("path", escape(path)),
            Evidence::Package(purl) => ("package", purl.clone()),
            Evidence::Started(command) => ("started", command.clone()),
            Evidence::Environment(variable) => ("environment", variable.clone()),
            Evidence::Port(port) => ("port", port.clone()),
        };
        Self { kind, what }
    }
}
