//! Partition tables: GPT (UEFI specification, chapter 5) and MBR with logical partitions.

use crate::source::fields::{bytes, le16, le32, le64};
use crate::source::read_at::ReadAt;
use std::fmt::Write as _;

/// How many entries of a table are looked at; 128 are usual.
const MAX_ENTRIES: u32 = 1024;

/// How many logical partitions are followed.
const MAX_LOGICAL: u32 = 256;

/// The number of the first logical partition, as Linux counts.
const FIRST_LOGICAL: u32 = 5;

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partition {
    /// As Linux counts, from 1.
    pub(super) number: u32,
    pub(super) start: u64,
    pub(super) size_bytes: u64,
    /// The type that the table states.
    pub(super) kind: String,
    /// The name that the table gives it.
    pub(super) name: String,
    /// Whether the type says that it holds a root file system.
    pub(super) is_root: bool,
}

/// Which kind of table there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Gpt,
    Mbr,
}

impl Scheme {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gpt => "GPT",
            Self::Mbr => "MBR",
        }
    }
}

/// The partitions of a GPT, with sectors of 512 or 4096 bytes.
pub(super) fn gpt(device: &dyn ReadAt) -> Option<Vec<Partition>> {
    [512, 4096].into_iter().find_map(|sector_bytes| {
        let mut header = [0; 92];
        device.read_exact_at(&mut header, sector_bytes).ok()?;
        header.starts_with(b"EFI PART").then(|| gpt_entries(device, &header, sector_bytes))
    })
}

fn gpt_entries(device: &dyn ReadAt, header: &[u8], sector_bytes: u64) -> Vec<Partition> {
    let at = le64(header, 72).saturating_mul(sector_bytes);
    let entry_bytes = u64::from(le32(header, 84));
    let mut found = Vec::new();
    for index in 0..le32(header, 80).min(MAX_ENTRIES) {
        let mut entry = [0; 128];
        let at = at.saturating_add(u64::from(index).saturating_mul(entry_bytes));
        if entry_bytes < 128 || device.read_exact_at(&mut entry, at).is_err() {
            break;
        }
        let id = guid(&entry);
        let (first, last) = (le64(&entry, 32), le64(&entry, 40));
        if entry[..16] == [0; 16] || last < first {
            continue;
        }
        let known = GPT_KINDS.iter().find(|(known, ..)| *known == id);
        let units: Vec<u16> = (0..36).map(|at| le16(&entry, 56 + at * 2)).collect();
        let units = units.split(|&unit| unit == 0).next().unwrap_or_default();
        found.push(Partition {
            number: index + 1,
            start: first.saturating_mul(sector_bytes),
            size_bytes: (last - first).saturating_add(1).saturating_mul(sector_bytes),
            kind: known.map_or_else(|| id.clone(), |(_, name)| (*name).to_owned()),
            name: crate::path::escape(String::from_utf16_lossy(units).as_bytes()),
            is_root: known.is_some_and(|(_, name)| name.starts_with("Linux root")),
        });
    }
    found
}

/// The usual way to write it: the first three parts have their lowest byte first.
fn guid(raw: &[u8]) -> String {
    let mut text = format!("{:08x}-{:04x}-{:04x}-", le32(raw, 0), le16(raw, 4), le16(raw, 6));
    for (at, byte) in bytes::<8>(raw, 8).into_iter().enumerate() {
        if at == 2 {
            text.push('-');
        }
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Types of partitions (UAPI group, Discoverable Partitions Specification, and usual ones).
const GPT_KINDS: [(&str, &str); 13] = [
    ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI system"),
    ("0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux data"),
    ("4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "Linux root (x86-64)"),
    ("44479540-f297-41b2-9af7-d131d5f0458a", "Linux root (x86)"),
    ("b921b045-1df0-41c3-af44-4c6f280d3fae", "Linux root (arm64)"),
    ("69dad710-2ce4-4e3c-b16c-21a1d49abed3", "Linux root (arm)"),
    ("72ec70a6-cf74-40e6-bd49-4bda08e8f224", "Linux root (riscv64)"),
    ("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "Linux swap"),
    ("e6d6d379-f507-44c2-a23c-238f2a3df928", "Linux LVM"),
    ("bc13c2ff-59e6-4262-a352-b275fd6f7172", "Linux boot"),
    ("21686148-6449-6e6f-744e-656564454649", "BIOS boot"),
    ("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "Microsoft data"),
    ("e3c9e316-0b5c-4db8-817d-f92df00215ae", "Microsoft reserved"),
];

/// The partitions of an MBR, logical ones included. Sectors have 512 bytes.
pub(super) fn mbr(device: &dyn ReadAt) -> Option<Vec<Partition>> {
    let sector = boot_sector(device, 0)?;
    let mut found = Vec::new();
    let mut extended = Vec::new();
    for index in 0..4 {
        let (kind, first, count) = slot(&sector, index);
        if matches!(kind, 0x05 | 0x0f | 0x85) {
            extended.push(first);
        } else if kind != 0 && count != 0 {
            found.push(partition(u32::try_from(index).unwrap_or(0) + 1, kind, first, count));
        }
    }
    let mut number = FIRST_LOGICAL;
    for base in extended {
        let mut at = base;
        for _ in 0..MAX_LOGICAL {
            let Some(sector) = boot_sector(device, at) else { break };
            let (kind, first, count) = slot(&sector, 0);
            if kind != 0 && count != 0 {
                found.push(partition(number, kind, at + first, count));
                number += 1;
            }
            let (kind, next, _) = slot(&sector, 1);
            if kind == 0 || base + next <= at {
                break;
            }
            at = base + next;
        }
    }
    (!found.is_empty()).then_some(found)
}

fn boot_sector(device: &dyn ReadAt, sector: u64) -> Option<[u8; 512]> {
    let mut bytes = [0; 512];
    device.read_exact_at(&mut bytes, sector * 512).ok()?;
    bytes.ends_with(b"\x55\xaa").then_some(bytes)
}

/// Type, first sector and number of sectors.
fn slot(sector: &[u8; 512], index: usize) -> (u8, u64, u64) {
    let at = 446 + index * 16;
    (sector[at + 4], u64::from(le32(sector, at + 8)), u64::from(le32(sector, at + 12)))
}

fn partition(number: u32, kind: u8, first: u64, count: u64) -> Partition {
    let name = match kind {
        0x01 | 0x04 | 0x06 | 0x0b | 0x0c | 0x0e => "FAT",
        0x07 => "NTFS or exFAT",
        0x82 => "Linux swap",
        0x83 => "Linux",
        0x8e => "Linux LVM",
        0xee => "GPT",
        0xef => "EFI system",
        0xfd => "Linux RAID",
        _ => "",
    };
    Partition {
        number,
        start: first * 512,
        size_bytes: count * 512,
        kind: if name.is_empty() { format!("type {kind:#04x}") } else { name.to_owned() },
        name: String::new(),
        is_root: false,
    }
}
