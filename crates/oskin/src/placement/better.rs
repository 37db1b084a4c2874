//! Better bases: images of the catalog that hold more of an image than what it stands on.

use super::{Placement, Subject};
use crate::catalog::{Catalog, CatalogError};
use crate::inventory::Inventory;
use crate::inventory::encode::PathList;
use crate::path_set::{Overlap, PathSet, Selection};
use crate::relation::{MIN_FILES, same_content};
use std::cmp::Reverse;

/// A better base brings at most so large a share of files that the image has not.
const MAX_FOREIGN: f64 = 0.1;

/// How many are told.
const TOLD: usize = 3;

/// How many are asked, those that share most first.
const ASKED: usize = 12;

/// An image that would be a better base.
#[derive(Clone, Debug, PartialEq)]
pub struct Better {
    /// Its id.
    pub image: i64,
    /// What it (left) shares with the asked image (right), in files.
    pub overlap: Overlap,
    /// Files of the asked image that it holds and the present parent does not, those with another
    /// content aside.
    pub saved_files: u64,
    /// Their size in bytes; where contents are known only of those with the same content.
    pub saved_bytes: u64,
    /// How many more it holds with another content; `None` where contents are not known,
    /// or were not to be looked at.
    pub changed: Option<u64>,
}

impl Placement {
    /// Images of the catalog upon which the subject could have been built, and that would have spared
    /// at least ten more of its files than its parent does: at most three, those that spare most
    /// first. None of them has more files than the subject, lacks a tenth of its own there, or brings more
    /// files along, or others with other contents, than it spares.
    ///
    /// What would be spared is what they share by path; contents are compared unless the subject is
    /// judged by paths. `entries` are those of the subject, `texts` tells the paths of its ids. Reads
    /// the entries of the images that it returns.
    ///
    /// # Errors
    ///
    /// If the store fails or is damaged.
    pub fn better(
        &self,
        catalog: &Catalog,
        (subject, entries): (Subject<'_>, &Inventory),
        texts: impl Fn(&PathSet) -> Result<PathList, CatalogError>,
    ) -> Result<Vec<Better>, CatalogError> {
        let parent = self.steps.first();
        let present = match parent {
            Some(step) => catalog.path_set(step.parent, Selection::Files)?,
            None => PathSet::default(),
        };
        let held = parent.map_or(0, |step| step.overlap.common);
        let mut pool: Vec<(i64, Overlap)> = self
            .ranking
            .overlaps
            .iter()
            .copied()
            .filter(|it| !self.below.contains(&it.0) && is_better(it, held, subject.id))
            .collect();
        pool.sort_by_key(|(id, overlap)| {
            (Reverse(overlap.common.cast_signed() - overlap.left_only.cast_signed()), *id)
        });
        let mut better = Vec::new();
        for (image, overlap) in pool.into_iter().take(ASKED) {
            let files = catalog.path_set(image, Selection::Files)?;
            // What both hold and the present parent does not.
            let saved = files.difference(&files.difference(subject.files)).difference(&present);
            // What it brings along must not be more than what it spares.
            if saved.len() < overlap.left_only.max(MIN_FILES) {
                continue;
            }
            let theirs = subject.chain.is_some().then(|| catalog.inventory(image)).transpose()?;
            let (saved_bytes, changed) = weigh(&texts(&saved)?, entries, theirs.as_ref());
            let saved_files = saved.len() - changed.unwrap_or_default();
            // What has other contents would have to be brought again.
            let least = overlap.left_only.max(MIN_FILES).max(changed.unwrap_or_default());
            if saved_files >= least {
                better.push(Better { image, overlap, saved_files, saved_bytes, changed });
            }
            if better.len() == TOLD {
                break;
            }
        }
        better.sort_by_key(|it| (Reverse(it.saved_bytes), Reverse(it.saved_files), it.image));
        Ok(better)
    }
}

fn is_better((id, overlap): &(i64, Overlap), held: u64, own: Option<i64>) -> bool {
    let size = overlap.common + overlap.left_only;
    let is_kept = overlap.left_only as f64 <= MAX_FOREIGN * size as f64;
    is_kept
        && overlap.left_only < overlap.right_only
        && overlap.common >= held + MIN_FILES
        && Some(*id) != own
}

/// The bytes of the saved files, and how many of them differ.
fn weigh(saved: &PathList, own: &Inventory, theirs: Option<&Inventory>) -> (u64, Option<u64>) {
    let (mut bytes, mut changed, mut is_known) = (0_u64, 0, theirs.is_some());
    for entry in saved.iter().filter_map(|path| own.get(path)) {
        let other = theirs.and_then(|theirs| theirs.get(entry.path));
        let is_same = other.and_then(|other| same_content(&entry, &other));
        is_known &= is_same.is_some();
        match is_same {
            Some(false) => changed += 1,
            _ => bytes = bytes.saturating_add(entry.size_bytes),
        }
    }
    (bytes, is_known.then_some(changed))
}
