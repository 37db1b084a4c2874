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

impl Limits {
    /// The names by which [`set`](Self::set) knows them.
    pub const NAMES: [&str; 6] =
        ["manifest-bytes", "content-bytes", "entries", "path-bytes", "layers", "index-depth"];

    /// Sets a limit by its name, where `_` is as good as `-`.
    ///
    /// # Errors
    ///
    /// If there is no such limit, or the value is above what oskin can hold: entries and bytes of a
    /// path have a bound of their own, which is the default.
    pub fn set(&mut self, name: &str, value: u64) -> Result<(), String> {
        let most = Self::default();
        let (limit, most) = match name.replace('_', "-").as_str() {
            "manifest-bytes" => (&mut self.manifest_bytes, u64::MAX),
            "content-bytes" => (&mut self.content_bytes, u64::MAX),
            "entries" => (&mut self.entries, most.entries),
            "path-bytes" => (&mut self.path_bytes, most.path_bytes),
            "layers" => (&mut self.layers, u64::MAX),
            "index-depth" => (&mut self.index_depth, u64::MAX),
            _ => {
                let names = Self::NAMES.join(", ");
                return Err(format!("there is no limit {name:?}; there are {names}"));
            }
        };
        if value > most {
            return Err(format!("{name} can be at most {most}"));
        }
        *limit = value;
        Ok(())
    }

    /// What to say of a path that is longer than the limit.
    pub(super) fn too_long(&self, path: &[u8]) -> Option<String> {
        let long = path.len() as u64 > self.path_bytes;
        long.then(|| {
            format!("path is longer than the limit of {} bytes; left out", self.path_bytes)
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_limits_are_set_by_their_names() {
        let mut limits = Limits::default();
        for name in Limits::NAMES {
            limits.set(name, 7).unwrap();
            limits.set(&name.replace('-', "_"), 7).unwrap();
        }
        let sevens = Limits {
            manifest_bytes: 7,
            content_bytes: 7,
            entries: 7,
            path_bytes: 7,
            layers: 7,
            index_depth: 7,
        };
        assert_eq!(limits, sevens);
        assert!(limits.set("entries", u64::MAX).unwrap_err().contains("50000000"));
        assert!(limits.set("size", 1).unwrap_err().contains("manifest-bytes"));
    }
}
