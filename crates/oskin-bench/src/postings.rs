//! The opponent of the index: full posting lists, for each path the images that have it.

use crate::corpus::Corpus;
use oskin::path_set::PathSet;

/// For each path the images that have it, one behind the other: 4 bytes for each path of each
/// image, 8 for each path.
#[derive(Clone, Debug)]
pub struct Postings {
    // Where the list of each path begins, and one end.
    starts: Vec<usize>,
    images: Vec<u32>,
    image_count: usize,
}

impl Postings {
    /// The lists of a corpus. Replays all sets, twice.
    pub fn of(corpus: &Corpus) -> Self {
        let mut starts = vec![0_usize; corpus.paths as usize + 1];
        let sets = corpus.path_sets(usize::MAX);
        for id in sets.iter().flat_map(PathSet::ids) {
            starts[id as usize + 1] += 1;
        }
        for path in 1..starts.len() {
            starts[path] += starts[path - 1];
        }
        let mut next = starts.clone();
        let mut images = vec![0; starts.last().map_or(0, |total| *total)];
        for (image, set) in (0..).zip(&sets) {
            for id in set.ids() {
                images[next[id as usize]] = image;
                next[id as usize] += 1;
            }
        }
        Self { starts, images, image_count: sets.len() }
    }

    /// How many ids a set shares with each image.
    pub fn overlaps(&self, set: &PathSet) -> Vec<u32> {
        let mut common = vec![0; self.image_count];
        for id in set.ids() {
            let Some(end) = self.starts.get(id as usize + 1) else { continue };
            let list = self.starts[id as usize]..*end;
            for image in &self.images[list] {
                common[*image as usize] += 1;
            }
        }
        common
    }

    /// The bytes of memory that the lists take.
    pub fn size_bytes(&self) -> usize {
        self.starts.len() * size_of::<usize>() + self.images.len() * size_of::<u32>()
    }
}
