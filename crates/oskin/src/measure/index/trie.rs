//! The trie of histories, with express ways for long ones.
//!
//! A node is an event and the node that it continues. Popular paths have long histories, and their
//! nodes lie far apart, since they were made one by one. So each node at which a history is a
//! multiple of [`STRETCH`] events long becomes a *station* once histories go on behind it: it keeps
//! these events side by side and leads straight to the station before.

use super::super::family::index;
use std::ops::Range;

/// The node of the empty history: of paths that no set has had.
pub(super) const NOWHERE: u32 = 0;

/// How many events a station keeps.
pub(super) const STRETCH: usize = 32;

/// How many nodes follow a station at least, so that what stations keep is bounded by the nodes.
const BEHIND: usize = 8;

/// Marks, in the highest bit, that an event is that paths are gone; or that a node is a station.
pub(super) const MARK: u32 = 1 << 31;

/// Where there is no station before.
pub(super) const NO_STATION: u32 = u32::MAX;

/// An event, and what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// The number of the set, marked in the highest bit if the paths are gone.
    pub event: u32,
    /// The number of the node that is continued; or, marked in the highest bit, the number of the
    /// station that the node is.
    pub before: u32,
}

/// Histories as nodes and stations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    // The events of each station, the latest first.
    events: Vec<u32>,
    // The station before each station, which has a smaller number.
    stations: Vec<u32>,
}

/// Where a walk up from a node ends.
pub(super) enum Stop {
    /// At the empty history.
    Start,
    /// At a station, whose events have not been told.
    Station(u32),
}

impl Default for Trie {
    fn default() -> Self {
        let root = Node { event: MARK, before: NOWHERE };
        Self { nodes: vec![root], events: Vec::new(), stations: Vec::new() }
    }
}

impl Trie {
    /// Puts parts together that were kept. `None` if they are no trie of sets with numbers below
    /// `sets`: every way must lead to smaller numbers and so to the start.
    pub(super) fn from_parts(
        nodes: Vec<Node>,
        (stations, events): (Vec<u32>, Vec<u32>),
        sets: u32,
    ) -> Option<Self> {
        let count = index(stations.len());
        let event = |event: u32| event & !MARK < sets;
        let node = |(at, node): (u32, &Node)| {
            let before = if node.before & MARK == 0 {
                node.before < at
            } else {
                node.before & !MARK < count
            };
            before && event(node.event)
        };
        let station = |(at, before): (u32, &u32)| *before < at || *before == NO_STATION;
        let sound = nodes.first() == Self::default().nodes.first()
            && (1..).zip(nodes.iter().skip(1)).all(node)
            && (0..).zip(&stations).all(station)
            && events.len() == stations.len() * STRETCH
            && events.iter().all(|it| event(*it));
        sound.then_some(Self { nodes, events, stations })
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The stations before all stations, and the events of all.
    pub(super) fn stations(&self) -> (&[u32], &[u32]) {
        (&self.stations, &self.events)
    }

    /// Appends an event to the history of a node; returns the number of the new node.
    pub(super) fn push(&mut self, before: u32, event: u32) -> u32 {
        let node = index(self.nodes.len());
        self.nodes.push(Node { event, before });
        // The node at which the last whole stretch ends, if enough events follow it.
        let mut way = [NOWHERE; STRETCH + BEHIND];
        let mut length = 0;
        let mut at = node;
        let station = loop {
            if at == NOWHERE {
                break NO_STATION;
            }
            let before = self.nodes[at as usize].before;
            if before & MARK != 0 {
                break before & !MARK;
            }
            // Only where parts that were kept have fewer stations than they should.
            if length == way.len() {
                return node;
            }
            way[length] = at;
            length += 1;
            at = before;
        };
        if length == way.len() {
            let stretch = &way[BEHIND..];
            self.events.extend(stretch.iter().map(|at| self.nodes[*at as usize].event));
            self.nodes[stretch[0] as usize].before = index(self.stations.len()) | MARK;
            self.stations.push(station);
        }
        node
    }

    /// Calls with the events of a history, the latest first, until the start or a station is met.
    #[inline]
    pub(super) fn walk(&self, mut node: u32, mut call: impl FnMut(u32)) -> Stop {
        while node != NOWHERE {
            let Node { event, before } = self.nodes[node as usize];
            if before & MARK != 0 {
                return Stop::Station(before & !MARK);
            }
            call(event);
            node = before;
        }
        Stop::Start
    }

    /// The events of a station, and the station before.
    #[inline]
    pub(super) fn station(&self, number: u32) -> (&[u32], u32) {
        let place: Range<usize> = number as usize * STRETCH..(number as usize + 1) * STRETCH;
        (&self.events[place], self.stations[number as usize])
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.nodes.len() * size_of::<Node>()
            + (self.events.len() + self.stations.len()) * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn histories_come_back(
            steps in proptest::collection::vec((any::<u16>(), 0..20_u8, any::<bool>()), 0..400)
        ) {
            let mut trie = Trie::default();
            let mut histories = vec![Vec::new()];
            for (event, (draw, kind, gone)) in (0..).zip(steps) {
                // Mostly the last one goes on, so that they become long.
                let last = histories.len() - 1;
                let before = if kind > 0 { last } else { draw as usize % histories.len() };
                let event = if gone { event | MARK } else { event };
                prop_assert_eq!(trie.push(index(before), event) as usize, histories.len());
                let mut history: Vec<u32> = histories[before].clone();
                history.push(event);
                histories.push(history);
            }
            let sets = index(histories.len());
            let (stations, events) = trie.stations();
            prop_assert!(stations.len() * BEHIND <= trie.nodes().len());
            let parts = (stations.to_vec(), events.to_vec());
            let kept = Trie::from_parts(trie.nodes().to_vec(), parts, sets);
            prop_assert_eq!(kept.as_ref(), Some(&trie));
            for (node, expected) in (0..).zip(&histories) {
                let mut found = Vec::new();
                let mut stop = trie.walk(node, |event| found.push(event));
                prop_assert!(found.len() < STRETCH + BEHIND);
                while let Stop::Station(number) = stop {
                    let (events, before) = trie.station(number);
                    found.extend(events);
                    stop = if before == NO_STATION { Stop::Start } else { Stop::Station(before) };
                }
                found.reverse();
                prop_assert_eq!(&found, expected);
            }
        }
    }

    #[test]
    fn damaged_parts_are_refused() {
        let mut trie = Trie::default();
        let mut node = NOWHERE;
        for event in 0..50 {
            node = trie.push(node, event);
        }
        let (stations, events) = trie.stations();
        let parts = (trie.nodes().to_vec(), stations.to_vec(), events.to_vec());
        let check = |change: &dyn Fn(&mut (Vec<Node>, Vec<u32>, Vec<u32>))| {
            let mut parts = parts.clone();
            change(&mut parts);
            Trie::from_parts(parts.0, (parts.1, parts.2), 50).is_some()
        };
        assert!(check(&|_| ()));
        assert!(!check(&|parts| parts.0[0].before = 1));
        assert!(!check(&|parts| parts.0[3].before = 3));
        assert!(!check(&|parts| parts.0[3].before = MARK | 1));
        assert!(!check(&|parts| parts.0[3].event = 50));
        assert!(!check(&|parts| parts.1[0] = 0));
        assert!(!check(&|parts| parts.2[0] = 50));
        assert!(!check(&|parts| parts.2.truncate(31)));
        assert!(!check(&|parts| parts.0.clear()));
    }
}
