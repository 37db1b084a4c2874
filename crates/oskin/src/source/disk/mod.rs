//! Disk images, and file systems as they lie on disks.

pub(super) mod ext;
mod ext_map;
