//! File systems, and what else fills a partition, told by their magic.

use crate::source::fields::{be32, bytes, le32, le64, text};
use crate::source::read_at::ReadAt;

/// What lies on a disk or partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// ext2, ext3 or ext4.
    Ext(&'static str),
    Erofs,
    Squashfs,
    Iso,
    /// What it is, and the way around.
    Refused(&'static str, Option<&'static str>),
    Unknown,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ext(name) | Self::Refused(name, _) => name,
            Self::Erofs => "EROFS",
            Self::Squashfs => "squashfs",
            Self::Iso => "ISO 9660",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a Linux system may lie in it, though it cannot be read.
    pub(super) fn may_be_root(self) -> bool {
        const HOLD_NONE: [&str; 8] =
            ["BitLocker (encrypted)", "NTFS", "exFAT", "APFS", "HFS+", "swap", "FAT", "unknown"];
        matches!(self, Self::Refused(name, _) if !HOLD_NONE.contains(&name))
    }

    pub(super) const fn is_readable(self) -> bool {
        !matches!(self, Self::Refused(..) | Self::Unknown)
    }
}

pub(super) const MOUNT: &str = "mount it read-only (guestmount --ro -a FILE -i DIR; or losetup -rP FILE, for qcow2 qemu-nbd -r FILE, then mount -o ro), then use rootfs:DIR";
const UNLOCK: &str =
    "open it (cryptsetup open --readonly), mount it read-only, then use rootfs:DIR";
const ACTIVATE: &str =
    "activate its volumes (vgchange -ay), mount the root read-only, then use rootfs:DIR";
const ASSEMBLE: &str =
    "assemble it (mdadm --assemble --readonly), mount it read-only, then use rootfs:DIR";
const IMPORT: &str = "import the pool (zpool import -o readonly=on -R DIR), then use rootfs:DIR";

const fn mountable(name: &'static str) -> Kind {
    Kind::Refused(name, Some(MOUNT))
}

/// Offset, magic, what it tells; the first that fits counts.
const MAGICS: [(u64, &[u8], Kind); 23] = [
    (0, b"LUKS\xba\xbe", Kind::Refused("LUKS (encrypted)", Some(UNLOCK))),
    (3, b"-FVE-FS-", Kind::Refused("BitLocker (encrypted)", None)),
    (512, b"LABELONE", Kind::Refused("LVM", Some(ACTIVATE))),
    (4096, b"\xfc\x4e\x2b\xa9", Kind::Refused("Linux RAID", Some(ASSEMBLE))),
    (0, b"hsqs", Kind::Squashfs),
    (0, b"XFSB", mountable("XFS")),
    (3, b"NTFS    ", mountable("NTFS")),
    (3, b"EXFAT   ", mountable("exFAT")),
    (32, b"NXSB", mountable("APFS")),
    (1024, b"\xe2\xe1\xf5\xe0", Kind::Erofs),
    (1080, b"\x53\xef", Kind::Ext("ext")),
    (1024, b"\x10\x20\xf5\xf2", mountable("F2FS")),
    (1024, b"H+\0", mountable("HFS+")),
    (65600, b"_BHRfS_M", mountable("btrfs")),
    (
        4120,
        b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81",
        mountable("bcachefs"),
    ),
    (32769, b"CD001", Kind::Iso),
    (32768, b"JFS1", mountable("JFS")),
    (65588, b"ReIsEr", mountable("ReiserFS")),
    (4086, b"SWAPSPACE2", Kind::Refused("swap", None)),
    (65526, b"SWAPSPACE2", Kind::Refused("swap", None)),
    (82, b"FAT32", mountable("FAT")),
    (54, b"FAT16", mountable("FAT")),
    (54, b"FAT12", mountable("FAT")),
];

/// What lies there.
pub(super) fn kind(device: &dyn ReadAt) -> Kind {
    let fits = |&&(at, magic, _): &&(u64, &[u8], Kind)| {
        let mut found = [0; 16];
        let found = &mut found[..magic.len()];
        device.read_exact_at(found, at).is_ok() && found == magic
    };
    match MAGICS.iter().find(fits) {
        Some((_, _, Kind::Ext(_))) => Kind::Ext(which_ext(device)),
        Some(&(.., kind)) => kind,
        None if is_zfs(device) => Kind::Refused("ZFS", Some(IMPORT)),
        None => Kind::Unknown,
    }
}

/// Names an ext file system by its features, as blkid does.
fn which_ext(device: &dyn ReadAt) -> &'static str {
    let mut features = [0; 12];
    if device.read_exact_at(&mut features, 1024 + 92).is_err() {
        return "ext";
    }
    let [compatible, incompatible, read_only] = [0, 4, 8].map(|at| le32(&features, at));
    // What ext3 knows besides the journal: directory types, recovery, groups of descriptors.
    if incompatible & !0x1e != 0 || read_only & !0x7 != 0 {
        "ext4"
    } else if compatible & 4 != 0 {
        "ext3"
    } else {
        "ext2"
    }
}

/// Whether one of the blocks that name the state of a pool is there.
fn is_zfs(device: &dyn ReadAt) -> bool {
    (0..128).any(|index: u64| {
        let mut magic = [0; 8];
        let at = 128 * 1024 + index * 1024;
        device.read_exact_at(&mut magic, at).is_ok()
            && (le64(&magic, 0) == 0x00ba_b10c || le64(&magic, 0).swap_bytes() == 0x00ba_b10c)
    })
}

/// Name and UUID of a file system, where it has them in a known place.
pub(super) fn label(device: &dyn ReadAt, kind: Kind) -> (String, Option<String>) {
    let (at, uuid_at, label_at) = match kind {
        Kind::Ext(_) => (1024, 104, 120..136),
        Kind::Erofs => (1024, 48, 64..80),
        Kind::Refused("XFS", _) => (0, 32, 108..120),
        _ => return (String::new(), None),
    };
    let mut block = [0; 256];
    if device.read_exact_at(&mut block, at).is_err() {
        return (String::new(), None);
    }
    let uuid: [u8; 16] = bytes(&block, uuid_at);
    let uuid = (uuid != [0; 16]).then(|| {
        let part = |at: usize| be32(&uuid, at);
        let (b, c, d) = (part(4), part(8), part(12));
        let (b, b2, c, c2) = (b >> 16, b & 0xffff, c >> 16, c & 0xffff);
        format!("{:08x}-{b:04x}-{b2:04x}-{c:04x}-{c2:04x}{d:08x}", part(0))
    });
    (text(&block[label_at]), uuid)
}
