//! Images with the same files, and what removing copies would free.

use super::parent::first_twins;
use crate::image::LayerKey;
use crate::path_set::PathSet;
use std::collections::{BTreeMap, BTreeSet};

/// The groups of images with the same files, two or more each, in the order of their first ones.
/// Images without a file are in none. O(runs log images).
pub fn same_files(files: &[&PathSet]) -> Vec<Vec<u32>> {
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (image, first) in (0..).zip(first_twins(files)) {
        groups.entry(first).or_default().push(image);
    }
    groups.into_values().filter(|images| images.len() > 1).collect()
}

/// The bytes of the layers that no image would have any more if these were removed; each layer
/// counts once. Images are given by their layers with sizes in bytes. O(layers log layers).
pub fn freed_bytes(layers: &[Vec<(LayerKey, u64)>], removed: &BTreeSet<u32>) -> u64 {
    let of = |is_removed: bool| {
        let images =
            (0..).zip(layers).filter(move |(image, _)| removed.contains(image) == is_removed);
        images.flat_map(|(_, layers)| layers).copied()
    };
    let kept: BTreeSet<LayerKey> = of(false).map(|(key, _)| key).collect();
    let gone: BTreeMap<LayerKey, u64> = of(true).filter(|(key, _)| !kept.contains(key)).collect();
    gone.values().fold(0, |sum, bytes| sum.saturating_add(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Digest;

    #[test]
    fn groups_are_of_two_or_more() {
        let set = |ids: &[u32]| PathSet::from_unsorted(ids.to_vec());
        let sets =
            [set(&[1]), set(&[2, 3]), set(&[]), set(&[1]), set(&[3, 2]), set(&[]), set(&[4])];
        let files: Vec<&PathSet> = sets.iter().collect();
        assert_eq!(same_files(&files), [[0, 3], [1, 4]]);
        assert_eq!(same_files(&[]), Vec::<Vec<u32>>::new());
    }

    #[test]
    fn only_layers_that_nobody_else_has_are_freed() {
        let layer = |byte: u8, bytes: u64| (LayerKey::DiffId(Digest([byte; 32])), bytes);
        let layers = [
            vec![layer(1, 100), layer(2, 10)],
            vec![layer(1, 100), layer(2, 10), layer(3, 1)],
            vec![layer(4, 1000), layer(4, 1000)],
        ];
        let freed = |images: &[u32]| freed_bytes(&layers, &images.iter().copied().collect());
        assert_eq!([freed(&[]), freed(&[0]), freed(&[1]), freed(&[2])], [0, 0, 1, 1000]);
        assert_eq!([freed(&[0, 1]), freed(&[0, 1, 2]), freed(&[9])], [111, 1111, 0]);
    }
}
