//! The trie of histories, with express ways for long ones.
//!
//! A node is an event and the node that it continues. Popular paths have long histories, and their
//! nodes lie far apart, since they were made one by one. So each node at which a history is a
//! multiple of [`STRETCH`] events long becomes a *station* once histories go on behind it: it keeps
//! these events side by side and leads straight to the station before.

use super::super::family::index;

/// The node of the empty history: of paths that no set has had.
pub(super) const NOWHERE: u32 = 0;

/// How many events a station keeps: with the station before they fill a line of the cache.
pub const STRETCH: usize = 15;

/// How many nodes follow a station at least, so that what stations keep is bounded by the nodes.
const BEHIND: usize = 4;

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

/// A stretch of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Station {
    /// The number of the station before, smaller than its own; `u32::MAX` if there is none.
    pub before: u32,
    /// The events, the latest first.
    pub events: [u32; STRETCH],
}

/// Histories as nodes and stations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    stations: Vec<Station>,
}

/// What comes before a node.
pub(super) enum Step {
    /// The event of the node and another node, which may be [`NOWHERE`].
    Node(u32, u32),
    /// Whatever the station of that number tells, the event of the node too.
    Station(u32),
}

impl Default for Trie {
    fn default() -> Self {
        let root = Node { event: MARK, before: NOWHERE };
        Self { nodes: vec![root], stations: Vec::new() }
    }
}

impl Trie {
    /// Puts parts together that were kept. `None` if they are no trie of sets with numbers below
    /// `sets`: every way must lead to smaller numbers and so to the start.
    pub(super) fn from_parts(nodes: Vec<Node>, stations: Vec<Station>, sets: u32) -> Option<Self> {
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
        let station = |(at, station): (u32, &Station)| {
            let before = station.before < at || station.before == NO_STATION;
            before && station.events.iter().all(|it| event(*it))
        };
        let sound = nodes.first() == Self::default().nodes.first()
            && (1..).zip(nodes.iter().skip(1)).all(node)
            && (0..).zip(&stations).all(station);
        sound.then_some(Self { nodes, stations })
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// Appends an event to the history of a node; returns the number of the new node, and that of
    /// the older one that has become a station, if one has.
    pub(super) fn push(&mut self, before: u32, event: u32) -> (u32, Option<u32>) {
        let node = index(self.nodes.len());
        self.nodes.push(Node { event, before });
        // The node at which the last whole stretch ends, if enough events follow it.
        let mut way = [NOWHERE; STRETCH + BEHIND];
        let mut length = 0;
        let mut at = node;
        let before = loop {
            if at == NOWHERE {
                break NO_STATION;
            }
            let before = match self.step(at) {
                Step::Station(station) => break station,
                Step::Node(_, before) => before,
            };
            // Only where parts that were kept have fewer stations than they should.
            if length == way.len() {
                return (node, None);
            }
            way[length] = at;
            length += 1;
            at = before;
        };
        let station = (length == way.len()).then_some(way[BEHIND]);
        if let Some(station) = station {
            let events = std::array::from_fn(|at| self.nodes[way[BEHIND + at] as usize].event);
            self.nodes[station as usize].before = index(self.stations.len()) | MARK;
            self.stations.push(Station { before, events });
        }
        (node, station)
    }

    /// What comes before a node that is not [`NOWHERE`].
    #[inline]
    pub(super) fn step(&self, node: u32) -> Step {
        let Node { event, before } = self.nodes[node as usize];
        if before & MARK == 0 { Step::Node(event, before) } else { Step::Station(before & !MARK) }
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.nodes.len() * size_of::<Node>() + self.stations.len() * size_of::<Station>()
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
                prop_assert_eq!(trie.push(index(before), event).0 as usize, histories.len());
                let mut history: Vec<u32> = histories[before].clone();
                history.push(event);
                histories.push(history);
            }
            let sets = index(histories.len());
            prop_assert!(trie.stations().len() * BEHIND <= trie.nodes().len());
            let (nodes, stations) = (trie.nodes().to_vec(), trie.stations().to_vec());
            let kept = Trie::from_parts(nodes, stations, sets);
            prop_assert_eq!(kept.as_ref(), Some(&trie));
            for (node, expected) in (0..).zip(&histories) {
                let mut found = Vec::new();
                let (mut at, mut station) = (node, NO_STATION);
                while at != NOWHERE {
                    match trie.step(at) {
                        Step::Node(event, before) => {
                            found.push(event);
                            at = before;
                        }
                        Step::Station(number) => {
                            station = number;
                            break;
                        }
                    }
                }
                prop_assert!(found.len() < STRETCH + BEHIND);
                while let Some(stretch) = trie.stations().get(station as usize) {
                    found.extend(stretch.events);
                    station = stretch.before;
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
            node = trie.push(node, event).0;
        }
        let parts = (trie.nodes().to_vec(), trie.stations().to_vec());
        let check = |change: &dyn Fn(&mut (Vec<Node>, Vec<Station>))| {
            let mut parts = parts.clone();
            change(&mut parts);
            Trie::from_parts(parts.0, parts.1, 50).is_some()
        };
        assert!(check(&|_| ()));
        assert!(!check(&|parts| parts.0[0].before = 1));
        assert!(!check(&|parts| parts.0[3].before = 3));
        assert!(!check(&|parts| parts.0[3].before = MARK | 3));
        assert!(!check(&|parts| parts.0[3].event = 50));
        assert!(!check(&|parts| parts.1[0].before = 0));
        assert!(!check(&|parts| parts.1[0].events[3] = 50));
        assert!(!check(&|parts| parts.0.clear()));
    }
}
