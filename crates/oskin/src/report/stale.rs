//! `oskin.stale/1`: images on a base of which there is a newer build.

use crate::image::ImageRecord;
use crate::lineage::{Build, Outdated};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// The bases of which there are builds that are newer, or may be.
#[derive(Clone, Debug, Serialize)]
pub struct StaleReport {
    schema: &'static str,
    /// Whether parents were told from nothing but paths.
    pub paths_only: bool,
    /// How many images were asked about.
    pub asked: u64,
    /// How many of them stand on a base of which there is a newer build.
    pub stale: u64,
    /// The bases, in the order of images.
    pub bases: Vec<StaleBase>,
}

/// A base of which there are other builds.
#[derive(Clone, Debug, Serialize)]
pub struct StaleBase {
    /// What tells which build it is.
    #[serde(flatten)]
    pub build: BuildReport,
    /// How many builds are newer.
    pub behind: u64,
    /// The newer builds, then those of which nothing tells whether they are.
    pub builds: Vec<OtherBuild>,
    /// The images that stand on it, of those that were asked about.
    pub images: Vec<StaleImage>,
}

/// What tells which build an image is.
#[derive(Clone, Debug, Serialize)]
pub struct BuildReport {
    /// Its name.
    pub name: String,
    /// The version of its operating system.
    pub version: Option<String>,
    /// When it was built, as it says.
    pub created: Option<String>,
}

/// Another build.
#[derive(Clone, Debug, Serialize)]
pub struct OtherBuild {
    /// What tells which build it is.
    #[serde(flatten)]
    pub build: BuildReport,
    /// Why it is one: `same-paths`, `rebuild` or `same-name`.
    pub alike: &'static str,
    /// `newer`, or null if nothing tells or what tells disagrees.
    pub order: Option<&'static str>,
    /// What the versions say: `newer`, `older` or null.
    pub by_version: Option<&'static str>,
    /// What the times say: `newer`, `older` or null.
    pub by_created: Option<&'static str>,
}

/// An image on an older build.
#[derive(Clone, Debug, Serialize)]
pub struct StaleImage {
    /// Its name.
    pub name: String,
    /// How sure it is that it stands on the base.
    pub confidence: f64,
}

/// The name of an order, if it is one.
fn word(order: Option<Ordering>) -> Option<&'static str> {
    match order {
        Some(Ordering::Greater) => Some("newer"),
        Some(Ordering::Less) => Some("older"),
        _ => None,
    }
}

impl StaleReport {
    /// Tells of images, each with its bases that have other builds; `names` and `records` are those of
    /// all images by number.
    pub fn new(
        (names, records): (&[String], &[ImageRecord]),
        paths_only: bool,
        outdated: &[(u32, Vec<Outdated>)],
    ) -> Self {
        let build = |image: u32| {
            let record = &records[image as usize];
            BuildReport {
                name: names[image as usize].clone(),
                version: record.os.as_ref().and_then(|os| os.version_id.clone()),
                created: record.declared().created,
            }
        };
        let other = |it: &Build| OtherBuild {
            build: build(it.image),
            alike: it.alike.name(),
            order: word(it.order()),
            by_version: word(it.version),
            by_created: word(it.created),
        };
        // The builds that are left may differ from image to image, as each leaves out its own.
        let mut bases: BTreeMap<(u32, Vec<u32>), StaleBase> = BTreeMap::new();
        for (image, of_image) in outdated {
            for it in of_image {
                let key = (it.base, it.builds.iter().map(|build| build.image).collect());
                let base = bases.entry(key).or_insert_with(|| StaleBase {
                    build: build(it.base),
                    behind: it.behind() as u64,
                    builds: it.builds.iter().map(other).collect(),
                    images: Vec::new(),
                });
                let name = names[*image as usize].clone();
                base.images.push(StaleImage { name, confidence: it.confidence });
            }
        }
        let is_stale =
            |(_, of_image): &&(u32, Vec<Outdated>)| of_image.iter().any(|it| it.behind() > 0);
        Self {
            schema: "oskin.stale/1",
            paths_only,
            asked: outdated.len() as u64,
            stale: outdated.iter().filter(is_stale).count() as u64,
            bases: bases.into_values().collect(),
        }
    }

    /// How many of the images that were asked about stand on a base of which there is any other build
    /// in the report: a newer one, or one of which nothing tells whether it is.
    pub fn touched(&self) -> u64 {
        let images = self.bases.iter().flat_map(|base| &base.images);
        images.map(|image| image.name.as_str()).collect::<BTreeSet<&str>>().len() as u64
    }
}
