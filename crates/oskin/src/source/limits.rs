//! What is accepted of an image: every size that an image states is held to one of these.

/// Bounds on what an image may state or hold.
///
/// They are far above real images; what passes one is refused with a message that names it. The
/// defaults keep memory below about 150 MB for images of usual numbers of entries and time finite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one manifest, index or configuration: 4 MiB, what registries must accept
    /// (distribution spec, "Pushing Manifests").
    pub manifest_bytes: u64,
    /// Bytes that one layer or file system may hold once decompressed: 256 GiB.
    pub content_bytes: u64,
    /// Entries of one layer or file system: 50 million.
    pub entries: u64,
    /// Bytes of one path: 32 KiB.
    pub path_bytes: u64,
    /// Layers of one image: 4096.
    pub layers: u64,
    /// How deep indexes may stand in indexes: 8.
    pub index_depth: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes: 4 * 1024 * 1024,
            content_bytes: 256 * 1024 * 1024 * 1024,
            entries: crate::inventory::MAX_LAYER_ENTRIES as u64,
            path_bytes: crate::path::MAX_PATH_BYTES as u64,
            layers: 4096,
            index_depth: 8,
        }
    }
}
