//! The parent of an image by its layers: the image whose layers are the lower part of its own.
//!
//! Chains are compared with and without empty layers: a builder that drops them, or an image whose
//! last instruction made one, still tells. What has no layers of its own, as a listing, has one that
//! no other image stands on.

use crate::image::LayerKey;

/// The layers of an image, base first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// All layers.
    pub all: Vec<LayerKey>,
    /// Those that hold an entry.
    pub full: Vec<LayerKey>,
}

/// That the layers of one image are the base of another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// The number of the image below.
    pub image: u32,
    /// How many layers it has, empty ones left out.
    pub layers: usize,
    /// Whether that holds with all empty layers in their places too.
    pub with_empty: bool,
}

/// For each image the one with most layers of all that lie below it; `None` where there is none.
///
/// Of images with the same layers the first is named. An image with the same layers as another that
/// hold an entry stands on it only if it adds empty ones. O(layers log images).
pub fn bases(chains: &[&Chain]) -> Vec<Option<Base>> {
    let all = below(&chains.iter().map(|chain| &chain.all[..]).collect::<Vec<_>>());
    let full = below(&chains.iter().map(|chain| &chain.full[..]).collect::<Vec<_>>());
    let base = |(all, full): (Option<u32>, Option<u32>)| {
        let layers = |image: u32| chains[image as usize].full.len();
        match (all, full) {
            (Some(all), Some(full)) if layers(all) < layers(full) => Some((full, false)),
            (Some(all), _) => Some((all, true)),
            (None, Some(full)) => Some((full, false)),
            (None, None) => None,
        }
        .filter(|&(image, _)| layers(image) > 0)
        .map(|(image, with_empty)| Base { image, layers: layers(image), with_empty })
    };
    all.into_iter().zip(full).map(base).collect()
}

/// For each list the first of the longest others that it begins with.
fn below(lists: &[&[LayerKey]]) -> Vec<Option<u32>> {
    let mut order: Vec<u32> = (0..).take(lists.len()).collect();
    // A list comes behind all that it begins with, and those lie on a path to it.
    order.sort_by_key(|&image| (lists[image as usize], image));
    let mut found = vec![None; lists.len()];
    let mut open: Vec<u32> = Vec::new();
    for image in order {
        let list = lists[image as usize];
        while let Some(&top) = open.last()
            && !list.starts_with(lists[top as usize])
        {
            open.pop();
        }
        match open.last() {
            Some(&top) if lists[top as usize].len() == list.len() => {
                // The same list: what lies below it is known.
                found[image as usize] = found[top as usize];
            }
            top => {
                found[image as usize] = top.copied().filter(|top| !lists[*top as usize].is_empty());
                open.push(image);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Digest;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn key(byte: u8) -> LayerKey {
        LayerKey::DiffId(Digest([byte; 32]))
    }

    /// Layer 0 is the empty one.
    fn chain(layers: &[u8]) -> Chain {
        Chain {
            all: layers.iter().copied().map(key).collect(),
            full: layers.iter().copied().filter(|layer| *layer > 0).map(key).collect(),
        }
    }

    fn found(chains: &[&[u8]]) -> Vec<Option<(u32, bool)>> {
        let chains: Vec<Chain> = chains.iter().map(|layers| chain(layers)).collect();
        let bases = bases(&chains.iter().collect::<Vec<_>>());
        bases.into_iter().map(|base| base.map(|base| (base.image, base.with_empty))).collect()
    }

    #[test]
    fn the_longest_base_is_found_with_and_without_empty_layers() {
        assert_eq!(
            found(&[&[1], &[1, 2], &[1, 2, 3], &[1, 4], &[5]]),
            [None, Some((0, true)), Some((1, true)), Some((0, true)), None]
        );
        // An empty layer at the end of the base, as WORKDIR makes one.
        assert_eq!(found(&[&[1, 2, 0], &[1, 2, 3, 0]]), [None, Some((0, false))]);
        assert_eq!(found(&[&[1, 2, 0], &[1, 2, 0, 3]]), [None, Some((0, true))]);
        assert_eq!(found(&[&[1, 2], &[1, 2, 0]]), [None, Some((0, true))]);
        // The same layers: neither stands on the other, and what stands on both names the first.
        assert_eq!(found(&[&[1], &[1], &[1, 2]]), [None, None, Some((0, true))]);
        assert_eq!(found(&[&[], &[0], &[1]]), [None, None, None]);
    }

    proptest! {
        #[test]
        fn what_is_found_is_the_longest_proper_beginning(lists in vec(vec(1_u8..4, 0..5), 0..12)) {
            let chains: Vec<Chain> = lists.iter().map(|list| chain(list)).collect();
            for (image, base) in bases(&chains.iter().collect::<Vec<_>>()).iter().enumerate() {
                let is_below = |other: &&Vec<u8>| {
                    !other.is_empty() && other.len() < lists[image].len() && lists[image].starts_with(other)
                };
                let longest = lists.iter().filter(is_below).map(Vec::len).max();
                prop_assert_eq!(base.map(|base| base.layers), longest);
                let first = longest.map(|len| lists.iter().position(|list| list[..] == lists[image][..len]));
                prop_assert_eq!(base.map(|base| Some(base.image as usize)), first);
            }
        }
    }
}
