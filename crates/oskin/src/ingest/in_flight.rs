//! Layers that images in flight need: each is read for the first image in order that claims it.

use super::Part;
use crate::image::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// One layer of one image: the number of the image, the place of the layer in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    pub(super) image: usize,
    pub(super) layer: usize,
}

/// What layers are the same by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// The diff id that both state.
    DiffId(Digest),
    /// Nothing: this layer is for one image only.
    Own(Claim),
}

/// How far a layer is.
#[derive(Debug)]
enum State {
    /// Nobody reads it.
    Waiting,
    /// Somebody reads it.
    Reading,
    /// It was read, by an image, or for nobody from the catalog.
    Ready { part: Part, by: Option<usize> },
}

#[derive(Debug)]
struct Entry {
    // Lowest first: images claim in their order.
    claims: BTreeSet<Claim>,
    state: State,
}

/// The layers that are claimed, until the last image that claims them lets go.
///
/// It holds data and waits for nothing, so it cannot block: whoever looks for work takes a layer
/// that nobody reads, and an image goes on when its last layer is there. So that results do not
/// depend on who is faster, a layer is always read as the lowest image that claims it has it, and
/// if that fails as the next one has it.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    entries: BTreeMap<Key, Entry>,
    // What nobody reads, by the claim that it is to be read for.
    waiting: BTreeMap<Claim, Key>,
}

impl InFlight {
    /// Claims a layer; whether it is there already.
    pub(super) fn claim(&mut self, key: Key, claim: Claim) -> bool {
        let entry = self.entries.entry(key).or_insert_with(|| {
            self.waiting.insert(claim, key);
            Entry { claims: BTreeSet::new(), state: State::Waiting }
        });
        entry.claims.insert(claim);
        matches!(entry.state, State::Ready { .. })
    }

    /// Takes the layer that is to be read next: one of the lowest image.
    pub(super) fn take(&mut self) -> Option<(Claim, Key)> {
        let (claim, key) = self.waiting.pop_first()?;
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.state = State::Reading;
        }
        Some((claim, key))
    }

    /// A layer that was taken was read; returns the claims that wait for it.
    pub(super) fn succeed(&mut self, key: Key, part: Part, by: Option<usize>) -> Vec<Claim> {
        let Some(entry) = self.entries.get_mut(&key) else { return Vec::new() };
        if entry.claims.is_empty() {
            self.entries.remove(&key);
            return Vec::new();
        }
        entry.state = State::Ready { part, by };
        entry.claims.iter().copied().collect()
    }

    /// A layer that was taken could not be read as one image has it: the next may try.
    pub(super) fn fail(&mut self, key: Key, claim: Claim) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.state = State::Waiting;
            entry.claims.remove(&claim);
            self.settle(key);
        }
    }

    /// Lets go of a layer.
    pub(super) fn release(&mut self, key: Key, claim: Claim) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.claims.remove(&claim);
            if matches!(entry.state, State::Waiting) {
                self.waiting.remove(&claim);
            }
            self.settle(key);
        }
    }

    /// Forgets a layer that nobody claims any more, and says for whom one is to be read that nobody
    /// reads.
    fn settle(&mut self, key: Key) {
        let Some(entry) = self.entries.get(&key) else { return };
        match (&entry.state, entry.claims.first()) {
            // Whoever reads it will tell.
            (State::Reading, _) | (State::Ready { .. }, Some(_)) => {}
            (State::Waiting, Some(first)) => drop(self.waiting.insert(*first, key)),
            (_, None) => drop(self.entries.remove(&key)),
        }
    }

    /// A layer that is there, and which image read it.
    pub(super) fn ready(&self, key: Key) -> Option<(&Part, Option<usize>)> {
        match &self.entries.get(&key)?.state {
            State::Ready { part, by } => Some((part, *by)),
            _ => None,
        }
    }

    /// Whether no layer is claimed.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::DraftLayer;
    use crate::image::LayerKey;
    use crate::inventory::Layer;
    use std::sync::Arc;

    fn key(number: u8) -> Key {
        Key::DiffId(Digest([number; 32]))
    }

    fn claim(image: usize, layer: usize) -> Claim {
        Claim { image, layer }
    }

    fn part() -> Part {
        let key = LayerKey::DiffId(Digest([0; 32]));
        let layer = Arc::new(Layer::new());
        Part {
            draft: DraftLayer { key, layer, size_bytes: 0, path_ids: None },
            warnings: None,
            lost: None,
        }
    }

    #[test]
    fn a_layer_is_taken_once_and_told_to_all_that_claim_it() {
        let mut layers = InFlight::default();
        assert!(!layers.claim(key(1), claim(0, 0)));
        assert!(!layers.claim(key(1), claim(1, 3)));
        assert_eq!(layers.take(), Some((claim(0, 0), key(1))));
        assert_eq!(layers.take(), None);
        assert!(!layers.claim(key(1), claim(2, 0)));
        let told = layers.succeed(key(1), part(), Some(0));
        assert_eq!(told, [claim(0, 0), claim(1, 3), claim(2, 0)]);
        assert!(layers.claim(key(1), claim(3, 0)));
        assert_eq!(layers.ready(key(1)).unwrap().1, Some(0));
        for (image, layer) in [(0, 0), (1, 3), (2, 0), (3, 0)] {
            layers.release(key(1), claim(image, layer));
        }
        assert!(layers.is_empty());
    }

    #[test]
    fn a_read_that_failed_is_left_to_the_next_image() {
        let mut layers = InFlight::default();
        for image in 0..3 {
            layers.claim(key(1), claim(image, 0));
        }
        layers.take();
        layers.fail(key(1), claim(0, 0));
        assert_eq!(layers.take(), Some((claim(1, 0), key(1))));
        // It lets go while it is read for it: what comes of that is for the last.
        layers.release(key(1), claim(1, 0));
        assert_eq!(layers.take(), None);
        layers.fail(key(1), claim(1, 0));
        assert_eq!(layers.take(), Some((claim(2, 0), key(1))));
        layers.fail(key(1), claim(2, 0));
        assert!(layers.is_empty());
    }

    #[test]
    fn letting_go_of_what_nobody_reads_leaves_it_to_the_next() {
        let mut layers = InFlight::default();
        layers.claim(key(1), claim(0, 5));
        layers.claim(key(1), claim(1, 0));
        layers.release(key(1), claim(0, 5));
        assert_eq!(layers.take(), Some((claim(1, 0), key(1))));
        layers.release(key(1), claim(1, 0));
        assert!(layers.succeed(key(1), part(), Some(1)).is_empty());
        assert!(layers.is_empty());
    }
}
