//! The digest that names a set of entries which has no changeset of its own.

use super::entry::Entry;
use super::layer::Layer;
use crate::image::Digest;
use sha2::{Digest as _, Sha256};

/// The sha256 over all entries in path order: the identity of a directory, the running system or a
/// path list, whatever order it was read in.
///
/// Of entries with the same path the order of the layer decides. Costs O(n log n) comparisons and
/// four bytes an entry.
pub fn canonical_digest(layer: &Layer) -> Digest {
    let mut order: Vec<u32> = (0..u32::try_from(layer.len()).unwrap_or(u32::MAX)).collect();
    order.sort_by(|&a, &b| layer.path(a as usize).cmp(layer.path(b as usize)));
    let mut hasher = Sha256::new();
    hasher.update(b"oskin inventory 1\n");
    hasher.update([u8::from(layer.is_listing())]);
    let mut line = Vec::new();
    for index in order {
        line.clear();
        write_entry(&mut line, &layer.get(index as usize));
        hasher.update(&line);
    }
    Digest(hasher.finalize().into())
}

/// Every field has a fixed width or its length in front, so that no two entries read alike.
fn write_entry(line: &mut Vec<u8>, entry: &Entry<'_>) {
    let mut text = |bytes: &[u8]| {
        line.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        line.extend_from_slice(bytes);
    };
    text(entry.path);
    text(entry.link.unwrap_or_default());
    text(entry.digest.map_or(&[], |digest| &digest.0));
    line.push(entry.kind.code());
    line.extend_from_slice(&entry.size_bytes.to_le_bytes());
    line.extend_from_slice(&entry.mode.to_le_bytes());
    line.extend_from_slice(&entry.uid.to_le_bytes());
    line.extend_from_slice(&entry.gid.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::EntryKind;

    #[test]
    fn order_does_not_matter_but_every_field_does() {
        let of = |entries: &[Entry<'_>]| {
            let mut layer = Layer::new();
            for entry in entries {
                layer.push(entry).unwrap();
            }
            canonical_digest(&layer)
        };
        let (a, b) = (Entry::bare(b"a", EntryKind::File), Entry::bare(b"b", EntryKind::Fifo));
        assert_eq!(of(&[a, b]), of(&[b, a]));
        assert_ne!(of(&[a]), of(&[b]));
        assert_ne!(of(&[a]), of(&[Entry { mode: 1, ..a }]));
        assert_ne!(of(&[a]), of(&[Entry { size_bytes: 1, ..a }]));
        assert_ne!(of(&[a]), of(&[Entry { digest: Some(&Digest([0; 32])), ..a }]));
    }
}
