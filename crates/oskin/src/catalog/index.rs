//! The index of path sets in the catalog: chunks of its parts and blocks of its map, each a row.
//!
//! It is written in the transaction that adds or removes an image, and only where that changes it;
//! what a question does not touch of the map is not read.

use super::error::{At as _, CatalogError};
use super::told::damaged;
use crate::inventory::encode::{self, Damaged, Decoder};
use crate::lineage::Ranking;
use crate::measure::{
    Block, CHUNKS, Node, OverlapIndex, Parts, Piece, STATION_EVENTS, Scratch, Slot, Station,
};
use crate::path_set::PathSet;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::path::Path;

/// The most bytes that a chunk or block may decode to.
const LIMIT_BYTES: usize = 1 << 20;

const READ: &str = "read the index";

/// An index of which only the touched blocks are in memory.
#[derive(Debug, Default)]
pub(super) struct StoredIndex {
    pub(super) index: OverlapIndex,
    pub(super) scratch: Scratch,
    // What ranks candidates, if it was asked for, with the image of each set that has one, by number.
    pub(super) ranking: Option<(Ranking, Vec<(u32, i64)>)>,
    pub(super) sums: Scratch<u64>,
    // What SQLite's data_version was when it was read: it changes when another process writes.
    seen: i64,
}

impl StoredIndex {
    /// Takes the index that was read before, if it is still that of the file, or reads it. To be
    /// called within a transaction.
    pub(super) fn of(
        kept: Option<Self>,
        connection: &Connection,
        catalog: &Path,
    ) -> Result<Self, CatalogError> {
        let sql = "SELECT coalesce(max(number) + 1, 0) FROM told_set";
        // Reading anything first is what the version is that of.
        let sets: u32 = connection.query_row(sql, [], |row| row.get(0)).at(catalog, READ)?;
        let seen = connection
            .pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0))
            .at(catalog, READ)?;
        match kept {
            Some(kept) if kept.seen == seen && kept.index.slots().len() == sets as usize => {
                Ok(kept)
            }
            _ => {
                let index = load(connection, catalog)?;
                if index.slots().len() != sets as usize {
                    return Err(damaged(catalog, "index".into(), "it has not the sets there are"));
                }
                Ok(Self { index, seen, ..Self::default() })
            }
        }
    }

    /// Brings the blocks that a set touches.
    pub(super) fn bring(
        &mut self,
        connection: &Connection,
        catalog: &Path,
        set: &PathSet,
    ) -> Result<(), CatalogError> {
        let sql = "SELECT data FROM index_block WHERE number = ?1";
        let mut statement = connection.prepare_cached(sql).at(catalog, READ)?;
        for number in OverlapIndex::blocks_of(set) {
            if self.index.block(number).is_some() {
                continue;
            }
            let data = statement.query_row([number], |row| row.get::<_, Vec<u8>>(0));
            let block = match data.optional().at(catalog, READ)? {
                None => Block::default(),
                Some(data) => {
                    let block = take_block(&data).and_then(|block| self.fitting(block));
                    block.map_err(|Damaged(why)| {
                        damaged(catalog, format!("block {number} of the index"), why)
                    })?
                }
            };
            self.index.put_block(number, block);
        }
        Ok(())
    }

    /// Brings all blocks.
    pub(super) fn bring_all(
        &mut self,
        connection: &Connection,
        catalog: &Path,
    ) -> Result<(), CatalogError> {
        for (number, block) in stored_blocks(connection, catalog)? {
            let block = self.fitting(block).map_err(|Damaged(why)| {
                damaged(catalog, format!("block {number} of the index"), why)
            })?;
            self.index.put_block(number, block);
        }
        Ok(())
    }

    /// A block all of whose histories are there: a new set will continue them.
    fn fitting(&self, block: Block) -> Result<Block, Damaged> {
        let nodes = self.index.nodes().len();
        let fits = block.pieces().all(|piece| (piece.node as usize) < nodes);
        fits.then_some(block).ok_or(Damaged("node out of range"))
    }

    /// How many paths a set shares with each set, by number.
    pub(super) fn overlaps(
        &mut self,
        connection: &Connection,
        catalog: &Path,
        set: &PathSet,
    ) -> Result<Vec<u32>, CatalogError> {
        self.bring(connection, catalog, set)?;
        Ok(self.index.overlaps(set, &mut self.scratch))
    }

    /// Writes what has changed.
    pub(super) fn save(
        &mut self,
        connection: &Connection,
        catalog: &Path,
    ) -> Result<(), CatalogError> {
        self.ranking = None;
        let changes = self.index.take_changes();
        let put = |table: &str, number: u32, data: Vec<u8>| -> Result<(), CatalogError> {
            let sql = format!("INSERT OR REPLACE INTO {table} (number, data) VALUES (?1, ?2)");
            let mut statement = connection.prepare_cached(&sql).at(catalog, "write the index")?;
            statement.execute(params![number, data]).at(catalog, "write the index")?;
            Ok(())
        };
        for &chunk in &changes.slots {
            let slots = part(self.index.slots(), chunk, CHUNKS.slots);
            put("index_slots", chunk, put_slots(slots, chunk * CHUNKS.slots))?;
        }
        for &chunk in &changes.nodes {
            let nodes = part(self.index.nodes(), chunk, CHUNKS.nodes);
            let numbers = nodes.iter().flat_map(|node| [node.event, node.before]);
            put("index_nodes", chunk, put_numbers(numbers))?;
        }
        for &chunk in &changes.stations {
            let stations = part(self.index.stations(), chunk, CHUNKS.stations);
            let numbers = stations.iter().flat_map(|it| [it.before].into_iter().chain(it.events));
            put("index_stations", chunk, put_numbers(numbers))?;
        }
        for &number in &changes.blocks {
            if let Some(block) = self.index.block(number) {
                put("index_block", number, put_block(block))?;
            }
        }
        Ok(())
    }
}

fn part<T>(all: &[T], chunk: u32, size: u32) -> &[T] {
    let first = all.len().min(chunk as usize * size as usize);
    &all[first..all.len().min(first + size as usize)]
}

/// Reads all of the index but its blocks.
fn load(connection: &Connection, catalog: &Path) -> Result<OverlapIndex, CatalogError> {
    let read = |table: &str, what: &str, size: u32, take: &mut dyn FnMut(&[u8]) -> Taken| {
        let wrong = |Damaged(why): Damaged| damaged(catalog, format!("{what} of the index"), why);
        let sql = format!("SELECT number, data FROM {table} ORDER BY number");
        let mut statement = connection.prepare_cached(&sql).at(catalog, READ)?;
        let mut rows = statement.query([]).at(catalog, READ)?;
        let (mut last, mut next) = (size as usize, 0_i64);
        while let Some(row) = rows.next().at(catalog, READ)? {
            if row.get::<_, i64>(0).at(catalog, READ)? != next {
                return Err(damaged(catalog, "index".into(), "a chunk is missing"));
            }
            next += 1;
            // Else the chunks that are written later would not be at their places.
            if last != size as usize {
                return Err(wrong(Damaged("a chunk is not full")));
            }
            // Thousands of chunks are read for each question, so none is copied.
            let value = row.get_ref(1).at(catalog, READ)?;
            let data = value.as_blob().map_err(|_| wrong(Damaged("a chunk is no blob")))?;
            last = encode::unseal(data, LIMIT_BYTES)
                .and_then(|plain| take(&plain))
                .and_then(|count| match count {
                    0 => Err(Damaged("a chunk is empty")),
                    _ if count > size as usize => Err(Damaged("a chunk is too long")),
                    _ => Ok(count),
                })
                .map_err(wrong)?;
        }
        Ok(())
    };
    let (mut slots, mut nodes, mut stations) = (Vec::new(), Vec::new(), Vec::new());
    read("index_slots", "slots", CHUNKS.slots, &mut |plain| take_slots(plain, &mut slots))?;
    read("index_nodes", "nodes", CHUNKS.nodes, &mut |plain| {
        let node = |it: [u32; 2]| Node { event: it[0], before: it[1] };
        take_numbers(plain, &mut nodes, node)
    })?;
    read("index_stations", "stations", CHUNKS.stations, &mut |plain| {
        let station = |it: [u32; STATION_EVENTS + 1]| Station {
            before: it[0],
            events: std::array::from_fn(|at| it[at + 1]),
        };
        take_numbers(plain, &mut stations, station)
    })?;
    if nodes.is_empty() {
        nodes.extend(OverlapIndex::default().nodes());
    }
    OverlapIndex::from_parts(Parts { slots, nodes, stations })
        .ok_or_else(|| damaged(catalog, "index".into(), "its parts do not fit together"))
}

/// How many things a chunk held.
type Taken = Result<usize, Damaged>;

/// All blocks of the map, by number.
pub(super) fn stored_blocks(
    connection: &Connection,
    catalog: &Path,
) -> Result<Vec<(u32, Block)>, CatalogError> {
    let sql = "SELECT number, data FROM index_block ORDER BY number";
    let mut statement = connection.prepare(sql).at(catalog, READ)?;
    let mut rows = statement.query([]).at(catalog, READ)?;
    let mut blocks = Vec::new();
    while let Some(row) = rows.next().at(catalog, READ)? {
        let number: u32 = row.get(0).at(catalog, READ)?;
        let data: Vec<u8> = row.get(1).at(catalog, READ)?;
        let block = take_block(&data).map_err(|Damaged(why)| {
            damaged(catalog, format!("block {number} of the index"), why)
        })?;
        blocks.push((number, block));
    }
    Ok(blocks)
}

fn put_numbers(numbers: impl Iterator<Item = u32>) -> Vec<u8> {
    encode::seal_plain(&numbers.flat_map(u32::to_le_bytes).collect::<Vec<u8>>())
}

/// Per set the step back to its relative (0 for none), its size and whether it is alive.
fn put_slots(slots: &[Slot], first: u32) -> Vec<u8> {
    let mut plain = Vec::new();
    for (number, slot) in (first..).zip(slots) {
        encode::put_number(&mut plain, slot.relative.map_or(0, |it| number - it).into());
        encode::put_number(&mut plain, slot.size.into());
        plain.push(slot.alive.into());
    }
    encode::seal_plain(&plain)
}

fn take_slots(plain: &[u8], slots: &mut Vec<Slot>) -> Taken {
    let before = slots.len();
    let mut decoder = Decoder::new(plain);
    while !decoder.is_done() {
        let number = u32::try_from(slots.len()).map_err(|_| Damaged("too many sets"))?;
        let relative = match decoder.small()? {
            0 => None,
            step => Some(number.checked_sub(step).ok_or(Damaged("relative out of range"))?),
        };
        let size = decoder.small()?;
        let alive = match decoder.byte()? {
            0 => false,
            1 => true,
            _ => return Err(Damaged("neither there nor removed")),
        };
        slots.push(Slot { relative, size, alive });
    }
    Ok(slots.len() - before)
}

/// Things of so many numbers each.
fn take_numbers<T, const N: usize>(
    plain: &[u8],
    all: &mut Vec<T>,
    thing: impl Fn([u32; N]) -> T,
) -> Taken {
    let things = plain.chunks_exact(4 * N);
    if !things.remainder().is_empty() {
        return Err(Damaged("a chunk ends within a number"));
    }
    let number = |it: &[u8], at: usize| {
        u32::from_le_bytes([it[4 * at], it[4 * at + 1], it[4 * at + 2], it[4 * at + 3]])
    };
    let count = things.len();
    all.extend(things.map(|it| thing(std::array::from_fn(|at| number(it, at)))));
    Ok(count)
}

/// Per piece how far it begins behind the one before, and its node.
fn put_block(block: &Block) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut last = 0;
    for Piece { start, node } in block.pieces() {
        encode::put_number(&mut plain, u64::from(start - last));
        encode::put_number(&mut plain, node.into());
        last = start;
    }
    encode::seal_plain(&plain)
}

fn take_block(data: &[u8]) -> Result<Block, Damaged> {
    let plain = encode::unseal(data, LIMIT_BYTES)?;
    let mut decoder = Decoder::new(&plain);
    let mut pieces = Vec::new();
    let mut start = 0_u16;
    while !decoder.is_done() {
        let step = u16::try_from(decoder.number()?).ok();
        let next = step.and_then(|step| start.checked_add(step));
        start = next.ok_or(Damaged("piece out of range"))?;
        pieces.push(Piece { start, node: decoder.small()? });
    }
    Block::from_pieces(pieces).ok_or(Damaged("pieces are out of order"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(block) = take_block(&encode::seal_plain(&bytes)) {
                prop_assert_eq!(take_block(&put_block(&block)), Ok(block));
            }
            let mut slots = Vec::new();
            if take_slots(&bytes, &mut slots).is_ok() {
                let mut again = Vec::new();
                let put = encode::unseal(&put_slots(&slots, 0), LIMIT_BYTES).unwrap().into_owned();
                prop_assert_eq!(take_slots(&put, &mut again), Ok(slots.len()));
                prop_assert_eq!(again, slots);
            }
        }
    }

    fn stored() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        for table in ["index_slots", "index_nodes", "index_stations", "index_block"] {
            let sql = format!("CREATE TABLE {table} (number INTEGER PRIMARY KEY, data BLOB)");
            connection.execute(&sql, []).unwrap();
        }
        connection
    }

    fn put(connection: &Connection, table: &str, number: u32, plain: &[u8]) {
        let sql = format!("INSERT OR REPLACE INTO {table} VALUES (?1, ?2)");
        connection.execute(&sql, params![number, encode::seal_plain(plain)]).unwrap();
    }

    #[test]
    fn blocks_of_nodes_that_are_not_there_are_refused() {
        let connection = stored();
        let set = PathSet::from_unsorted(vec![3]);
        for (node, refused) in [(0, false), (1, true), (2, true), (u32::MAX, true)] {
            let mut plain = vec![0];
            encode::put_number(&mut plain, node.into());
            put(&connection, "index_block", 0, &plain);
            let brought = StoredIndex::default().bring(&connection, Path::new(""), &set);
            assert_eq!(brought.is_err(), refused, "{node}");
        }
    }

    #[test]
    fn chunks_of_another_size_are_refused() {
        let connection = stored();
        let slots = |count: u32| {
            let one = Slot { relative: None, size: 0, alive: true };
            let slots = vec![one; count as usize];
            encode::unseal(&put_slots(&slots, 0), LIMIT_BYTES).unwrap().into_owned()
        };
        let sound = |chunks: [&[u8]; 2]| {
            put(&connection, "index_slots", 0, chunks[0]);
            put(&connection, "index_slots", 1, chunks[1]);
            load(&connection, Path::new("")).is_ok()
        };
        assert!(sound([&slots(512), &slots(3)]));
        assert!(!sound([&slots(511), &slots(4)]));
        assert!(!sound([&slots(513), &slots(2)]));
        assert!(!sound([&slots(512), &slots(0)]));
        assert!(!sound([&slots(512), &[0, 0, 2]]));
        assert!(sound([&slots(512), &[0, 0, 1]]));
        let root: Vec<u8> = [1_u32 << 31, 0].into_iter().flat_map(u32::to_le_bytes).collect();
        put(&connection, "index_nodes", 0, &root);
        assert!(load(&connection, Path::new("")).is_ok());
        put(&connection, "index_nodes", 0, &[&root[..], &[0, 0, 0]].concat());
        assert!(load(&connection, Path::new("")).is_err());
    }
}
