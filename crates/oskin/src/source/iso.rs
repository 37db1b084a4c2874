//! ISO 9660 (ECMA-119) with names of Rock Ridge, Joliet or its own, and the live system inside.

use super::fields::{be16, le16, le32, text};
use super::iso_rock::{self, Rock};
use super::nodes::{self, MAX_DIRECTORY_BYTES, Names, Node, Nodes};
use super::read_at::{Cursor, ReadAt, Window};
use super::tree::{Attributes, Tree, TreeReader};
use super::{ImageSource, LayerRead, ReadOptions, SourceError, SourceSpec, Warning, archive, disk};
use crate::image::Fact;
use crate::inventory::EntryKind;
use std::io::{self, Read};
use std::sync::Arc;

/// What everything is aligned to.
const SECTOR_BYTES: u64 = 2048;

/// How many volume descriptors are looked at.
const MAX_DESCRIPTORS: u64 = 64;

/// How many pieces a file may lie in; each has up to 4 GiB.
const MAX_PIECES: usize = 256;

/// Where live systems have their root file system.
const LIVE: [&str; 12] = [
    "live/filesystem.squashfs",
    "casper/filesystem.squashfs",
    "casper/minimal.squashfs",
    "LiveOS/squashfs.img",
    "LiveOS/rootfs.img",
    "images/install.img",
    "install/filesystem.squashfs",
    "arch/x86_64/airootfs.sfs",
    "arch/x86_64/airootfs.erofs",
    "sysresccd/x86_64/airootfs.sfs",
    "antiX/linuxfs",
    "porteus/base/000-kernel.xzm",
];

/// Finds the system in an `iso:`.
pub(super) fn open(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let place = archive::place_of(&spec.location);
    let disk = disk::open::disk(&spec.location, options)?;
    disk::check_is(&*disk.device, "ISO 9660", &place)?;
    let system = system(&disk.device, &place)?;
    let mut image = disk::image(spec, place, system.place, system.tree, system.facts);
    image.warnings = system.warnings;
    Ok(vec![image])
}

/// What an ISO 9660 file system is read as.
pub(super) struct System {
    pub(super) tree: Arc<dyn Tree>,
    pub(super) place: String,
    pub(super) facts: Vec<Fact>,
    pub(super) warnings: Vec<Warning>,
}

/// The live system if there is one, else the files of the file system itself.
pub(super) fn system(device: &Arc<dyn ReadAt>, place: &str) -> Result<System, SourceError> {
    let iso = Iso::open(Arc::clone(device)).map_err(|error| SourceError::io(place, error))?;
    let fact = |kind: &str, text: &str| Fact { kind: kind.to_owned(), text: text.to_owned() };
    let mut facts = vec![fact("iso.names", iso.naming.name())];
    if !iso.label.is_empty() {
        facts.push(fact("iso.label", &iso.label));
    }
    let mut live = iso.live(place);
    let mut warnings = Vec::new();
    if live.len() > 1 {
        let names: Vec<&str> = live.iter().map(|(path, _)| *path).collect();
        let what = format!(
            "holds several live file systems ({}): the files beside them are read, not the systems in them",
            names.join(", ")
        );
        warnings.push(Warning { place: place.to_owned(), what });
    }
    if live.len() == 1
        && let Some((path, tree)) = live.pop()
    {
        facts.push(fact("iso.live", path));
        let tree = tree?;
        return Ok(System { tree, place: format!("{place}: {path}"), facts, warnings });
    }
    let tree = Arc::new(IsoTree { device: Arc::clone(device) });
    Ok(System { tree, place: place.to_owned(), facts, warnings })
}

#[derive(Debug)]
struct IsoTree {
    device: Arc<dyn ReadAt>,
}

impl Tree for IsoTree {
    fn read(&self, place: &str, options: &ReadOptions<'_>) -> Result<LayerRead, SourceError> {
        let iso =
            Iso::open(Arc::clone(&self.device)).map_err(|error| SourceError::io(place, error))?;
        let mut tree = TreeReader::new(place, options);
        nodes::walk(&iso, options, &mut tree)?;
        Ok(tree.finish())
    }
}

/// Whose names are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// Rock Ridge; each field begins behind so many other bytes.
    Rock {
        skip: usize,
    },
    Joliet,
    Plain,
}

impl Naming {
    const fn name(self) -> &'static str {
        match self {
            Self::Rock { .. } => "Rock Ridge",
            Self::Joliet => "Joliet",
            Self::Plain => "ISO 9660",
        }
    }
}

/// An opened file system. Its nodes are numbered by the places of their directory records.
#[derive(Debug)]
pub(super) struct Iso {
    device: Arc<dyn ReadAt>,
    block_bytes: u64,
    root: u64,
    naming: Naming,
    label: String,
}

/// A directory record.
struct Record {
    at: u64,
    raw: Vec<u8>,
}

impl Record {
    fn start(&self) -> u64 {
        u64::from(le32(&self.raw, 2))
    }

    fn size_bytes(&self) -> u64 {
        u64::from(le32(&self.raw, 10))
    }

    fn flags(&self) -> u8 {
        self.raw.get(25).copied().unwrap_or(0)
    }

    fn is_directory(&self) -> bool {
        self.flags() & 2 != 0
    }

    /// Whether the file goes on in the next record.
    fn goes_on(&self) -> bool {
        self.flags() & 0x80 != 0
    }

    fn name(&self) -> &[u8] {
        let length = usize::from(self.raw.get(32).copied().unwrap_or(0));
        self.raw.get(33..33 + length).unwrap_or_default()
    }

    /// What stands behind the name, at an even place.
    fn system_use(&self) -> &[u8] {
        self.raw.get((33 + self.name().len()).next_multiple_of(2)..).unwrap_or_default()
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Iso {
    pub(super) fn open(device: Arc<dyn ReadAt>) -> io::Result<Self> {
        let (mut primary, mut joliet) = (None, None);
        for index in 0..MAX_DESCRIPTORS {
            let at = (16 + index) * SECTOR_BYTES;
            let mut descriptor = [0; 2048];
            device.read_exact_at(&mut descriptor, at)?;
            if &descriptor[1..6] != b"CD001" {
                break;
            }
            let is_joliet = matches!(&descriptor[88..91], b"%/@" | b"%/C" | b"%/E");
            match descriptor[0] {
                1 => primary = primary.or(Some((at, descriptor))),
                2 if is_joliet => joliet = joliet.or(Some((at, descriptor))),
                255 => break,
                _ => {}
            }
        }
        let (at, descriptor) =
            primary.ok_or_else(|| damaged("no primary volume descriptor is in it"))?;
        let label = text(&descriptor[40..72]).trim_end().to_owned();
        let mut iso = Self {
            device,
            block_bytes: u64::from(le16(&descriptor, 128)),
            root: at + 156,
            naming: Naming::Plain,
            label,
        };
        if !(512..=SECTOR_BYTES).contains(&iso.block_bytes) {
            return Err(damaged("the volume descriptor states a block size that there is not"));
        }
        let root = iso.record(iso.root)?;
        let first = iso.record(root.start() * iso.block_bytes);
        let skip = first.ok().and_then(|first| iso_rock::begins(first.system_use()));
        if let Some(skip) = skip {
            iso.naming = Naming::Rock { skip };
        } else if let Some((at, descriptor)) = joliet {
            iso.naming = Naming::Joliet;
            iso.root = at + 156;
            let units: Vec<u16> = (0..16).map(|unit| be16(&descriptor, 40 + unit * 2)).collect();
            let label = String::from_utf16_lossy(&units);
            crate::path::escape(label.trim_end_matches(['\0', ' ']).as_bytes())
                .clone_into(&mut iso.label);
        }
        Ok(iso)
    }

    fn record(&self, at: u64) -> io::Result<Record> {
        let mut length = [0];
        self.device.read_exact_at(&mut length, at)?;
        if length[0] < 34 {
            return Err(damaged("a directory record is too short"));
        }
        let mut raw = vec![0; usize::from(length[0])];
        self.device.read_exact_at(&mut raw, at)?;
        Ok(Record { at, raw })
    }

    fn rock(&self, record: &Record) -> Option<Rock> {
        let Naming::Rock { skip } = self.naming else { return None };
        let fields = record.system_use().get(skip..).unwrap_or_default();
        Some(iso_rock::read(&*self.device, self.block_bytes, fields))
    }

    /// Where a directory lies, and how long it is.
    fn extent(&self, record: &Record) -> io::Result<(u64, u64)> {
        if let Some(start) = self.rock(record).and_then(|rock| rock.child) {
            // A directory that was moved up for its depth: its own first record has the length.
            let start = u64::from(start) * self.block_bytes;
            return Ok((start, self.record(start)?.size_bytes()));
        }
        Ok((record.start() * self.block_bytes, record.size_bytes()))
    }

    /// The name in the record, or `None` if there is nothing to see.
    fn name(&self, record: &Record) -> Option<Vec<u8>> {
        if record.flags() & 4 != 0 || matches!(record.name(), [0 | 1]) {
            return None;
        }
        match self.naming {
            Naming::Rock { .. } => {
                let rock = self.rock(record)?;
                if rock.is_moved {
                    return None;
                }
                Some(rock.name.unwrap_or_else(|| plain_name(record.name())))
            }
            Naming::Joliet => {
                let name = record.name();
                let units: Vec<u16> = (0..name.len() / 2).map(|at| be16(name, at * 2)).collect();
                Some(plain_name(String::from_utf16_lossy(&units).as_bytes()))
            }
            Naming::Plain => Some(plain_name(record.name())),
        }
    }

    /// The records of a file that lies in several pieces.
    fn pieces(&self, record: Record) -> io::Result<Vec<(u64, u64)>> {
        let mut pieces = Vec::new();
        let mut record = record;
        loop {
            if matches!(record.raw.get(26..28), Some([0, 0])) {
                pieces.push((record.start() * self.block_bytes, record.size_bytes()));
            } else {
                return Err(io::Error::other("it is interleaved, which is not supported"));
            }
            if !record.goes_on() {
                return Ok(pieces);
            }
            if pieces.len() >= MAX_PIECES {
                return Err(damaged("the file lies in too many pieces"));
            }
            let next = record.at + record.raw.len() as u64;
            record = self.record(next).or_else(|_| {
                // No record crosses the end of a sector.
                self.record(next.next_multiple_of(SECTOR_BYTES))
            })?;
        }
    }

    /// Root file systems of live systems.
    fn live(&self, place: &str) -> Vec<(&'static str, Result<Arc<dyn Tree>, SourceError>)> {
        let tree = |path: &&'static str| {
            let number = nodes::find(self, path.as_bytes())?;
            let pieces = self.pieces(self.record(number).ok()?).ok()?;
            let joined = pieces.windows(2).all(|two| two[0].0 + two[0].1 == two[1].0);
            if !joined {
                return None;
            }
            let length = pieces.iter().map(|(_, length)| length).sum();
            let window = Window::new(Arc::clone(&self.device), pieces.first()?.0, length);
            Some((*path, disk::live_tree(Arc::new(window), &format!("{place}: {path}"))?))
        };
        LIVE.iter().filter_map(tree).collect()
    }
}

/// A name without its version, and without the dot of an empty ending.
fn plain_name(name: &[u8]) -> Vec<u8> {
    let end = name
        .iter()
        .rposition(|&byte| byte == b';')
        .filter(|&at| at > 0 && name[at + 1..].iter().all(u8::is_ascii_digit));
    let name = &name[..end.unwrap_or(name.len())];
    match name {
        [rest @ .., b'.'] if !rest.is_empty() => rest.to_vec(),
        name => name.to_vec(),
    }
}

impl Nodes for Iso {
    fn root(&self) -> u64 {
        self.root
    }

    fn node(&self, number: u64) -> io::Result<Node> {
        let record = self.record(number)?;
        let mut size_bytes = record.size_bytes();
        if record.goes_on() {
            size_bytes = self.pieces(self.record(number)?)?.iter().map(|(_, size)| size).sum();
        }
        let kind = if record.is_directory() { EntryKind::Directory } else { EntryKind::File };
        let attributes = Attributes { mode: 0o555, uid: 0, gid: 0 };
        let mut node = Node { kind, attributes, size_bytes, inode: None, hole_bytes: 0 };
        let Some(mut rock) = self.rock(&record) else { return Ok(node) };
        if let Some(start) = rock.child {
            // Owner and permissions of a moved directory are in its own first record.
            let first = self.record(u64::from(start) * self.block_bytes)?;
            rock = self.rock(&first).unwrap_or(rock);
            node.kind = EntryKind::Directory;
        }
        if let Some(posix) = &rock.posix {
            let told = nodes::kind_of_mode(posix.mode).unwrap_or(node.kind);
            // The record has the last word on what is a directory.
            if !told.is_directory() && !node.kind.is_directory() {
                node.kind = told;
            }
            let mode = posix.mode & 0o7777;
            node.attributes = Attributes { mode, uid: posix.uid, gid: posix.gid };
            if posix.names > 1 && node.kind == EntryKind::File {
                let place = (record.start() << 1) | 1;
                node.inode = Some(posix.inode.map_or(place, |inode| u64::from(inode) << 1));
            }
        }
        Ok(node)
    }

    fn names(&self, number: u64) -> io::Result<Names> {
        let (start, size_bytes) = self.extent(&self.record(number)?)?;
        let mut names = Names::default();
        let end = start + size_bytes.min(MAX_DIRECTORY_BYTES);
        if size_bytes > MAX_DIRECTORY_BYTES {
            names.problem = Some("the directory is too large; the rest of it was left out".into());
        }
        let mut at = start;
        let mut is_going_on = false;
        while at < end {
            let mut length = [0];
            let record = match self.device.read_exact_at(&mut length, at) {
                Ok(()) if length[0] == 0 => {
                    at = (at + 1).next_multiple_of(SECTOR_BYTES);
                    continue;
                }
                Ok(()) => self.record(at),
                Err(error) => Err(error),
            };
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    names.problem =
                        Some(format!("a part of the directory cannot be read: {error}"));
                    break;
                }
            };
            if !is_going_on && let Some(name) = self.name(&record) {
                names.push(&name, at);
            }
            is_going_on = record.goes_on() && !record.is_directory();
            at += record.raw.len() as u64;
        }
        Ok(names)
    }

    fn content(&self, number: u64) -> io::Result<Box<dyn Read + '_>> {
        let record = self.record(number)?;
        if let Some(rock) = self.rock(&record) {
            if let Some(target) = rock.target {
                return Ok(Box::new(io::Cursor::new(target)));
            }
            if rock.is_packed {
                return Err(io::Error::other("it is compressed (zisofs), which is not supported"));
            }
        }
        let mut all: Box<dyn Read> = Box::new(io::empty());
        for (start, size_bytes) in self.pieces(record)? {
            let window = Window::new(Arc::clone(&self.device), start, size_bytes);
            all = Box::new(all.chain(Cursor::new(Arc::new(window))));
        }
        Ok(all)
    }
}
