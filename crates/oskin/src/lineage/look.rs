//! A second look at a pair of images, at their entries: what the sets of paths do not tell.

use crate::inventory::Inventory;
use crate::path_set::Overlap;
use crate::relation::{Aside, Comparison, Content, Packages, Volatile};
use std::collections::BTreeSet;

/// What is left of an image holds, of its files, at most one in so many that the image has not.
pub(super) const LEFT_OVER: u64 = 200;

/// What two inventories tell of a candidate and its child.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The candidate (left) compared with the child (right).
    pub comparison: Comparison,
    /// By how many acts the child may have lost what it lacks: a file deleted alone is one, a
    /// directory deleted with all in it is one, volatile files are none.
    pub deletions: u64,
}

impl Look {
    /// Looks at a candidate and its child. O(entries of both, times their depth).
    pub fn at(candidate: &Inventory, child: &Inventory) -> Self {
        Self {
            comparison: Comparison::of(candidate, child),
            deletions: deletions(candidate, child),
        }
    }

    /// Whether the child is what is left of the candidate once files were deleted: it holds next to
    /// nothing that the candidate has not, and has the very packages on record that the candidate has.
    /// Then no package was installed between the two, in either direction.
    pub fn is_left_over(&self) -> bool {
        let Comparison { files, content, aside, packages, .. } = self.comparison;
        let own = files.right_only - aside.right_only + content.changed - aside.changed;
        let is_known = content.unknown == 0 && packages.same > 0 && packages.changed == 0;
        is_known && files.left_only > 0 && own.saturating_mul(LEFT_OVER) <= files.right()
    }

    /// How many numbers a look is.
    pub const NUMBERS: usize = 17;

    /// The look as numbers, to be kept.
    pub fn to_numbers(self) -> [u64; Self::NUMBERS] {
        let Comparison {
            files,
            directories,
            other_kind,
            content,
            aside,
            packages,
            other_release,
            ..
        } = self.comparison;
        [
            files.common,
            files.left_only,
            files.right_only,
            directories.common,
            directories.left_only,
            directories.right_only,
            other_kind,
            content.same,
            content.changed,
            content.unknown,
            aside.changed,
            aside.left_only,
            aside.right_only,
            packages.same,
            packages.changed,
            self.deletions,
            other_release.into(),
        ]
    }

    /// The look that these numbers are.
    pub fn from_numbers(numbers: [u64; Self::NUMBERS]) -> Self {
        let overlap = |at: usize| Overlap {
            common: numbers[at],
            left_only: numbers[at + 1],
            right_only: numbers[at + 2],
        };
        Self {
            comparison: Comparison {
                files: overlap(0),
                directories: overlap(3),
                other_kind: numbers[6],
                content: Content { same: numbers[7], changed: numbers[8], unknown: numbers[9] },
                aside: Aside {
                    changed: numbers[10],
                    left_only: numbers[11],
                    right_only: numbers[12],
                },
                packages: Packages { same: numbers[13], changed: numbers[14] },
                other_release: numbers[16] == 1,
                // Of a directory, and who looks goes by files: it is not kept.
                lost_and_found: None,
            },
            deletions: numbers[15],
        }
    }

    /// The share of the missing files that counts: one for each deletion.
    pub fn counted_share(&self) -> f64 {
        match self.comparison.files.left_only {
            0 => 1.0,
            missing => (self.deletions as f64 / missing as f64).min(1.0),
        }
    }
}

/// How many deletions explain what files of `parent` are missing in `child`.
///
/// Directories count as present if any entry lies below them: a listing may hold only files.
fn deletions(parent: &Inventory, child: &Inventory) -> u64 {
    let missing = parent.iter().filter(|entry| {
        !entry.kind.is_directory()
            && child.get(entry.path).is_none_or(|it| it.kind.is_directory())
            && Volatile::of(entry.path).is_none()
    });
    let missing: Vec<&[u8]> = missing.map(|entry| entry.path).collect();
    if missing.is_empty() {
        return 0;
    }
    let mut kept: BTreeSet<&[u8]> = BTreeSet::new();
    for entry in child.iter() {
        if entry.kind.is_directory() {
            kept.insert(entry.path);
        }
        // From the deepest up: what is known has its ancestors already.
        for directory in ancestors(entry.path).rev() {
            if !kept.insert(directory) {
                break;
            }
        }
    }
    let top = |path| ancestors(path).find(|directory| !kept.contains(directory)).unwrap_or(path);
    missing.into_iter().map(top).collect::<BTreeSet<&[u8]>>().len() as u64
}

/// The directories that a path lies in, the outermost first.
fn ancestors(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
    ends.map(|end| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Entry, EntryKind, Layer, flatten};
    use std::sync::Arc;

    fn inventory(files: &[&str]) -> Inventory {
        let mut layer = Layer::new();
        for path in files {
            let (kind, path) = match path.strip_suffix('/') {
                Some(path) => (EntryKind::Directory, path),
                None => (EntryKind::File, *path),
            };
            layer.push(&Entry::bare(path.as_bytes(), kind)).unwrap();
        }
        flatten(&[Arc::new(layer)]).0
    }

    #[test]
    fn a_deleted_directory_is_one_deletion() {
        let parent = inventory(&["a/x", "a/y", "b/1/x", "b/1/y", "b/2/x", "c", "d/x"]);
        let look = |files: &[&str]| Look::at(&parent, &inventory(files));
        assert_eq!(look(&["a/x", "a/y", "b/1/x", "b/1/y", "b/2/x", "c", "d/x", "e"]).deletions, 0);
        assert_eq!(look(&["a/x", "a/y", "c", "d/x"]).deletions, 1);
        assert_eq!(look(&["a/x", "a/y", "b/1/x", "b/1/y", "c", "d/x"]).deletions, 1);
        assert_eq!(look(&["a/x", "b/2/x", "d/x"]).deletions, 3);
        // Its files went, one by one: the directory is still there.
        assert_eq!(look(&["a/x", "a/y", "b/1/", "b/2/x", "c", "d/x"]).deletions, 2);
        let empty = look(&[]);
        assert_eq!((empty.deletions, empty.comparison.files.left_only), (4, 7));
        assert!((empty.counted_share() - 4.0 / 7.0).abs() < 1e-12);
    }
}
