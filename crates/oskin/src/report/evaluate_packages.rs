//! `oskin.evaluate-packages/1`: packages of images held against what their package managers list.

use super::evaluate::ShareReport;
use crate::lineage::Tally;
use serde::Serialize;

/// Packages held against known lists.
#[derive(Clone, Debug, Serialize)]
pub struct EvaluatePackagesReport {
    schema: &'static str,
    /// Images that were judged.
    pub judged: u64,
    /// Images that are told of and are not there.
    pub absent: u64,
    /// Which they are, by the bytes of their names.
    pub absent_images: Vec<String>,
    /// Images that are there and whose packages are not known.
    pub unknown: u64,
    /// Which they are, by the bytes of their names.
    pub unknown_images: Vec<String>,
    /// Of the listed packages: how many were found in the version that is listed.
    pub versions: ShareReport,
    /// Of the same: how many were found, in whatever version.
    pub names: ShareReport,
    /// Of the packages found where there is a list: how many are listed, in whatever version.
    pub listed: ShareReport,
    /// Of the known counts: how many are right.
    pub counts: ShareReport,
    /// Of the lists, and counts without one: how many agree in all.
    pub exact: ShareReport,
    /// For each image and type what became of it, by the bytes of both.
    pub lists: Vec<ListedReport>,
    /// All differences, in the same order, then by name.
    pub differences: Vec<PackageDifference>,
}

/// The packages of a type in an image.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ListedReport {
    /// The image.
    pub image: String,
    /// The type of the packages, as in purls.
    pub r#type: String,
    /// How many the list has; `None` if there is but a count.
    pub expected: Option<u64>,
    /// The known count, if there is one.
    pub count: Option<u64>,
    /// How many were found.
    pub found: u64,
    /// Listed, and found in this version.
    pub same: u64,
    /// Listed, and found in another version.
    pub other_version: u64,
    /// Listed, and not found.
    pub missing: u64,
    /// Found, and not listed.
    pub unexpected: u64,
}

/// A package that differs, or a count.
#[derive(Clone, Debug, Serialize)]
pub struct PackageDifference {
    /// The image.
    pub image: String,
    /// The type of the package.
    pub r#type: String,
    /// `missing`, `unexpected`, `other-version` or `count`.
    pub kind: &'static str,
    /// The package; `*` for a count.
    pub name: String,
    /// The version, or the count, that is listed; `None` if none is, or the version is not known.
    pub expected: Option<String>,
    /// That which was found.
    pub found: Option<String>,
}

impl ListedReport {
    /// Whether nothing differs.
    pub fn is_exact(&self) -> bool {
        let differing = self.other_version + self.missing + self.unexpected;
        differing == 0 && self.count.is_none_or(|count| count == self.found)
    }
}

impl EvaluatePackagesReport {
    /// Sums up what became of lists.
    pub fn new(lists: Vec<ListedReport>, differences: Vec<PackageDifference>) -> Self {
        let [mut versions, mut names, mut listed, mut counts, mut exact] = [Tally::default(); 5];
        for list in &lists {
            if let Some(expected) = list.expected {
                let met = list.same + list.other_version;
                versions = Tally { hits: versions.hits + list.same, of: versions.of + expected };
                names = Tally { hits: names.hits + met, of: names.of + expected };
                listed = Tally { hits: listed.hits + met, of: listed.of + list.found };
            }
            if let Some(count) = list.count {
                counts.count(count == list.found);
            }
            exact.count(list.is_exact());
        }
        let mut images: Vec<&str> = lists.iter().map(|list| list.image.as_str()).collect();
        images.dedup();
        Self {
            schema: "oskin.evaluate-packages/1",
            judged: images.len() as u64,
            absent: 0,
            absent_images: Vec::new(),
            unknown: 0,
            unknown_images: Vec::new(),
            versions: versions.into(),
            names: names.into(),
            listed: listed.into(),
            counts: counts.into(),
            exact: exact.into(),
            lists,
            differences,
        }
    }
}
