//! System calls of the directory walk.

use crate::image::Digest;
use crate::inventory::EntryKind;
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// How many bytes of holes are read in one tree: sparse files of terabytes hold nothing.
pub(super) const MAX_HOLE_BYTES: u64 = 16 * 1024 * 1024 * 1024;

/// What the file system says of one name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) kind: EntryKind,
    pub(super) size_bytes: u64,
    allocated_bytes: u64,
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) device: u64,
    pub(super) inode: u64,
    /// The number of a device, 0 for what is none and for the whiteouts of overlay file systems.
    pub(super) device_number: u64,
    /// How many names the file has.
    pub(super) names: u64,
}

impl Found {
    /// Bytes of the size that occupy no room.
    pub(super) fn hole_bytes(&self) -> u64 {
        self.size_bytes.saturating_sub(self.allocated_bytes)
    }
}

impl From<Stat> for Found {
    #[expect(
        clippy::useless_conversion,
        reason = "the types of the fields differ between architectures"
    )]
    fn from(stat: Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => EntryKind::Directory,
            FileType::Symlink => EntryKind::Symlink,
            FileType::CharacterDevice => EntryKind::CharDevice,
            FileType::BlockDevice => EntryKind::BlockDevice,
            FileType::Fifo => EntryKind::Fifo,
            FileType::Socket => EntryKind::Socket,
            _ => EntryKind::File,
        };
        Self {
            kind,
            size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
            allocated_bytes: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
            mode: u16::try_from(stat.st_mode & 0o7777).unwrap_or(0),
            uid: stat.st_uid,
            gid: stat.st_gid,
            device: u64::from(stat.st_dev),
            inode: u64::from(stat.st_ino),
            device_number: u64::from(stat.st_rdev),
            names: u64::from(stat.st_nlink),
        }
    }
}

/// The names in one directory, sorted, in one piece of memory.
#[derive(Debug)]
pub(super) struct Names {
    bytes: Vec<u8>,
    // Start and length, last first.
    ranges: Vec<(usize, usize)>,
}

impl Names {
    /// Takes the smallest name that is left.
    pub(super) fn take_next(&mut self) -> Option<CString> {
        let (start, length) = self.ranges.pop()?;
        CString::new(&self.bytes[start..start + length]).ok()
    }
}

pub(super) fn open_root(path: &Path) -> Result<OwnedFd, Errno> {
    fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

pub(super) fn open_directory(above: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(above, name, flags, Mode::empty())
}

pub(super) fn stat(directory: BorrowedFd<'_>, name: &CStr) -> Result<Found, Errno> {
    fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map(Found::from)
}

pub(super) fn stat_handle(handle: BorrowedFd<'_>) -> Result<Found, Errno> {
    fs::fstat(handle).map(Found::from)
}

pub(super) fn read_link(directory: BorrowedFd<'_>, name: &CStr) -> Result<CString, Errno> {
    fs::readlinkat(directory, name, Vec::new())
}

/// Lists a directory.
pub(super) fn names(directory: BorrowedFd<'_>) -> Result<Names, Errno> {
    let mut bytes = Vec::new();
    let mut ranges = Vec::new();
    for entry in fs::Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            ranges.push((bytes.len(), name.len()));
            bytes.extend_from_slice(name);
        }
    }
    let name = |&(start, length): &(usize, usize)| &bytes[start..start + length];
    ranges.sort_unstable_by(|a, b| name(b).cmp(name(a)));
    Ok(Names { bytes, ranges })
}

/// Opens a regular file for reading.
///
/// What it opens is what was found before: a name that became a link, a pipe or another file
/// meanwhile is refused, and opening never waits.
pub(super) fn open_file(directory: BorrowedFd<'_>, name: &CStr, found: &Found) -> io::Result<File> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = fs::openat(directory, name, flags, Mode::empty())?;
    let opened = stat_handle(file.as_fd())?;
    if opened.kind != EntryKind::File || opened.inode != found.inode {
        return Err(io::Error::other("another file took its place"));
    }
    Ok(File::from(file))
}

/// Reads at most `limit_bytes` and returns how many there were and their digest.
pub(super) fn hash(
    mut file: File,
    limit_bytes: u64,
    buffer: &mut [u8],
    mut chunk_read: impl FnMut(&[u8]),
) -> io::Result<(u64, Digest)> {
    let mut hasher = Sha256::new();
    let mut left = limit_bytes;
    while left > 0 {
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = match file.read(&mut buffer[..most]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        };
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        chunk_read(&buffer[..count]);
        left -= count as u64;
    }
    Ok((limit_bytes - left, Digest(hasher.finalize().into())))
}

/// Whether something is mounted on a directory, a part of the same file system included.
pub(super) fn is_mount(directory: BorrowedFd<'_>, name: &CStr) -> bool {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    fs::statx(directory, name, flags, StatxFlags::TYPE).is_ok_and(|found| {
        found.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT)
            && found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)
    })
}

/// File systems that the kernel makes up (statfs(2) and the kernel's magic.h).
const PSEUDO_FILE_SYSTEMS: [i128; 20] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x1cd1,      // devpts
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0xcafe_4a11, // bpf
    0x6165_676c, // pstore
    0xde5e_81e4, // efivarfs
    0x1980_0202, // mqueue
    0x9584_58f6, // hugetlbfs
    0x6265_6570, // configfs
    0x6573_5543, // fusectl
    0x4249_4e4d, // binfmt_misc
    0x0187,      // autofs
    0x6759_6969, // rpc_pipefs
    0x6e73_6673, // nsfs
    0xf97c_ff8c, // selinuxfs
];

/// Whether a directory lies in such a file system.
pub(super) fn is_pseudo(directory: BorrowedFd<'_>) -> bool {
    let kind = |stat: fs::StatFs| {
        // The field is signed here and short there; its low 32 bits are the magic.
        PSEUDO_FILE_SYSTEMS.contains(&(i128::from(stat.f_type) & 0xffff_ffff))
    };
    fs::fstatfs(directory).is_ok_and(kind)
}
