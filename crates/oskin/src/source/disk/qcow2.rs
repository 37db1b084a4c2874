//! Disk images of QEMU, as its documentation has them (docs/interop/qcow2.txt).
//!
//! Tables are read where they are needed and kept in bounded number, so that nothing is taken by a
//! stated size. Snapshots are passed over: what is read is the present state.

use crate::source::fields::{be32, be64};
use crate::source::read_at::ReadAt;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) const MAGIC: &[u8] = b"QFI\xfb";

/// How much of tables and of decompressed clusters is kept, each.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// The longest name of a backing file (the format has 1,023).
const MAX_NAME_BYTES: u32 = 1023;

/// The largest disk; all sums of places on it fit into 64 bits.
const MAX_DISK_BYTES: u64 = 1 << 60;

const HEADER_BYTES: usize = 112;

/// What the header says.
#[derive(Debug)]
pub(super) struct Header {
    version: u32,
    cluster_bits: u32,
    size_bytes: u64,
    table_entries: u32,
    table_at: u64,
    is_zstd: bool,
    /// The file that holds what this one does not.
    pub(super) backing: Option<Backing>,
}

/// A backing file as it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backing {
    pub(super) name: Vec<u8>,
    /// The format that is stated for it.
    pub(super) format: Option<Vec<u8>>,
}

impl Header {
    /// Reads and checks the header; what it has that cannot be read is the error's text.
    pub(super) fn read(file: &dyn ReadAt) -> io::Result<Result<Self, String>> {
        let mut raw = [0; HEADER_BYTES];
        file.read_exact_at(&mut raw[..72], 0)?;
        let version = be32(&raw, 4);
        if !matches!(version, 2 | 3) {
            return Ok(Err(format!("a qcow image of version {version}, not supported yet")));
        }
        let mut features = 0;
        if version == 3 {
            file.read_exact_at(&mut raw, 0)?;
            features = be64(&raw, 72);
        }
        if be32(&raw, 32) != 0 {
            return Ok(Err("an encrypted qcow2 image".to_owned()));
        }
        let refused = [
            (1 << 2, "a qcow2 image whose data lies in another file, not supported"),
            (1 << 4, "a qcow2 image with subclusters (extended_l2), not supported yet"),
            (!0x1f, "a qcow2 image with features not supported yet"),
        ];
        if let Some((_, what)) = refused.iter().find(|(bits, _)| features & bits != 0) {
            return Ok(Err((*what).to_owned()));
        }
        let compression = if features & 1 << 3 == 0 { 0 } else { raw[104] };
        if compression > 1 {
            return Ok(Err("a qcow2 image compressed in a way not supported yet".to_owned()));
        }
        let cluster_bits = be32(&raw, 20);
        if !(9..=21).contains(&cluster_bits) {
            return Err(damaged("the qcow2 header states a cluster size that there is not"));
        }
        if be64(&raw, 24) > MAX_DISK_BYTES {
            return Err(damaged("the qcow2 header states a disk larger than there can be"));
        }
        Ok(Ok(Self {
            version,
            cluster_bits,
            size_bytes: be64(&raw, 24),
            table_entries: be32(&raw, 36),
            table_at: be64(&raw, 40),
            is_zstd: compression == 1,
            backing: backing(file, &raw, version)?,
        }))
    }
}

fn backing(file: &dyn ReadAt, raw: &[u8], version: u32) -> io::Result<Option<Backing>> {
    let (at, length) = (be64(raw, 8), be32(raw, 16));
    if at == 0 || length == 0 {
        return Ok(None);
    }
    if length > MAX_NAME_BYTES {
        return Err(damaged("the name of the backing file is too long"));
    }
    let mut name = vec![0; length as usize];
    file.read_exact_at(&mut name, at)?;
    let mut next = if version == 3 { u64::from(be32(raw, 100)) } else { 72 };
    let mut format = None;
    // Extensions stand between the header and the name: kind, length, bytes, padding to eight.
    while next + 8 <= at && format.is_none() {
        let mut extension = [0; 8];
        file.read_exact_at(&mut extension, next)?;
        let (kind, length) = (be32(&extension, 0), be32(&extension, 4));
        if kind == 0 {
            break;
        }
        if kind == 0xe279_2aca && length <= 64 {
            let mut text = vec![0; length as usize];
            file.read_exact_at(&mut text, next + 8)?;
            format = Some(text);
        }
        next += 8 + u64::from(length).next_multiple_of(8);
    }
    Ok(Some(Backing { name, format }))
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The disk inside an image.
#[derive(Debug)]
pub(super) struct Qcow2 {
    file: Arc<dyn ReadAt>,
    header: Header,
    backing: Option<Arc<dyn ReadAt>>,
    tables: Mutex<Kept>,
    clusters: Mutex<Kept>,
}

/// Pieces by their place in the file; the oldest goes first.
#[derive(Debug, Default)]
struct Kept {
    pieces: BTreeMap<u64, Arc<Vec<u8>>>,
    order: VecDeque<u64>,
}

impl Kept {
    fn get(
        this: &Mutex<Self>,
        at: u64,
        make: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> io::Result<Arc<Vec<u8>>> {
        let mut kept = this.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(piece) = kept.pieces.get(&at) {
            return Ok(Arc::clone(piece));
        }
        let piece = Arc::new(make()?);
        // All pieces are of one size.
        while (kept.pieces.len() + 1) * piece.len() > CACHE_BYTES
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.pieces.remove(&oldest);
        }
        kept.pieces.insert(at, Arc::clone(&piece));
        kept.order.push_back(at);
        Ok(piece)
    }
}

/// Where a cluster is.
enum Place {
    /// In the backing file, or nowhere.
    Below,
    Zeros,
    At(u64),
    Compressed {
        at: u64,
        bytes: usize,
    },
}

const OFFSET_MASK: u64 = 0x00ff_ffff_ffff_fe00;

impl Qcow2 {
    pub(super) fn new(
        file: Arc<dyn ReadAt>,
        header: Header,
        backing: Option<Arc<dyn ReadAt>>,
    ) -> Self {
        Self { file, header, backing, tables: Mutex::default(), clusters: Mutex::default() }
    }

    fn cluster_bytes(&self) -> usize {
        1 << self.header.cluster_bits
    }

    fn place(&self, cluster: u64) -> io::Result<Place> {
        let bits = self.header.cluster_bits;
        let per_table = 1_u64 << (bits - 3);
        let index = cluster / per_table;
        if index >= u64::from(self.header.table_entries) {
            return Err(damaged("the first table of the qcow2 image is too short"));
        }
        let mut entry = [0; 8];
        let at = self.header.table_at.saturating_add(index * 8);
        self.file.read_exact_at(&mut entry, at)?;
        let table_at = be64(&entry, 0) & OFFSET_MASK;
        if table_at == 0 {
            return Ok(Place::Below);
        }
        let table = Kept::get(&self.tables, table_at, || {
            let mut table = vec![0; self.cluster_bytes()];
            self.file.read_exact_at(&mut table, table_at)?;
            Ok(table)
        })?;
        let within = usize::try_from(cluster % per_table * 8).unwrap_or(usize::MAX);
        let entry = be64(&table, within);
        if entry & 1 << 62 != 0 {
            let split = 62 - (bits - 8);
            let at = entry & ((1 << split) - 1);
            let sectors = (entry >> split & ((1 << (bits - 8)) - 1)) + 1;
            let bytes = usize::try_from(sectors * 512 - at % 512).unwrap_or(0);
            return Ok(Place::Compressed { at, bytes });
        }
        if self.header.version >= 3 && entry & 1 != 0 {
            return Ok(Place::Zeros);
        }
        Ok(match entry & OFFSET_MASK {
            0 => Place::Below,
            at => Place::At(at),
        })
    }

    /// A compressed cluster; its length is a whole number of sectors and so perhaps too large.
    fn decompressed(&self, at: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let left = self.file.size_bytes().saturating_sub(at);
        let mut packed = vec![0; usize::try_from(left).map_or(bytes, |left| left.min(bytes))];
        self.file.read_exact_at(&mut packed, at)?;
        let mut cluster = vec![0; self.cluster_bytes()];
        if self.header.is_zstd {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&packed[..])?.single_frame();
            decoder.window_log_max(self.header.cluster_bits.max(17) + 1)?;
            decoder.read_exact(&mut cluster)?;
        } else {
            flate2::bufread::DeflateDecoder::new(&packed[..]).read_exact(&mut cluster)?;
        }
        Ok(cluster)
    }

    fn below(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        if let Some(backing) = &self.backing {
            let count = backing.read_at(into, offset)?;
            if count > 0 {
                return Ok(count);
            }
        }
        into.fill(0);
        Ok(into.len())
    }
}

impl ReadAt for Qcow2 {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let cluster_bytes = self.cluster_bytes() as u64;
        let within = offset % cluster_bytes;
        let left = self.header.size_bytes.saturating_sub(offset).min(cluster_bytes - within);
        let most = usize::try_from(left).map_or(into.len(), |left| left.min(into.len()));
        if most == 0 {
            return Ok(0);
        }
        let into = &mut into[..most];
        match self.place(offset / cluster_bytes)? {
            Place::Below => return self.below(into, offset),
            Place::Zeros => into.fill(0),
            Place::At(at) => self.file.read_exact_at(into, at.saturating_add(within))?,
            Place::Compressed { at, bytes } => {
                let cluster = Kept::get(&self.clusters, at, || self.decompressed(at, bytes))?;
                let within = usize::try_from(within).unwrap_or(0);
                into.copy_from_slice(&cluster[within..within + most]);
            }
        }
        Ok(most)
    }

    fn size_bytes(&self) -> u64 {
        self.header.size_bytes
    }
}
