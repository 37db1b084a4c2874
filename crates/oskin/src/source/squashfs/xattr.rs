//! The one extended attribute of a squashfs file system that is asked for: whether a directory hides
//! what lower layers have in it, as overlayfs marks it.

use super::decoder::broken;
use super::image::Image;
use crate::source::fields::{le16, le32, le64};
use std::io;

/// What stands for no attributes, in an inode.
pub(super) const NONE: u32 = u32::MAX;

/// The attribute behind its prefix, which is `trusted.` or `user.`.
const OPAQUE: &[u8] = b"overlay.opaque";
const PREFIXES: [u16; 2] = [0, 1];

/// The value stands elsewhere.
const ELSEWHERE: u16 = 0x100;

/// How many attributes of one directory are looked at.
const MAX_ATTRIBUTES: u32 = 1000;

/// The longest name of an attribute (xattr(7)), and the longest value.
const MAX_NAME_BYTES: usize = 256;
const MAX_VALUE_BYTES: u32 = 65_536;

const ENTRY_BYTES: usize = 16;

impl Image {
    /// Whether the attributes of this number mark a directory as opaque.
    pub(super) fn is_opaque(&mut self, number: u32) -> io::Result<bool> {
        if number == NONE || self.xattr_table == u64::MAX {
            return Ok(false);
        }
        let mut head = [0; 16];
        self.read_at(&mut head, self.xattr_table)?;
        if number >= le32(&head, 8) {
            return Err(broken("extended attributes are not in their table"));
        }
        // The list of the places of the blocks of the table stands behind its head.
        let table = self.xattr_table.saturating_add(head.len() as u64);
        let entry = self.table_entry::<ENTRY_BYTES>(table, number)?;
        let reference = le64(&entry, 0);
        let mut cursor =
            self.cursor(le64(&head, 0), reference >> 16, (reference & 0xffff) as u16)?;
        for _ in 0..le32(&entry, 8).min(MAX_ATTRIBUTES) {
            let fields = self.take::<4>(&mut cursor)?;
            let (kind, length) = (le16(&fields, 0), usize::from(le16(&fields, 2)));
            let mut name = [0; MAX_NAME_BYTES];
            let name = name.get_mut(..length);
            let name = name.ok_or_else(|| broken("the name of an attribute is too long"))?;
            self.read(&mut cursor, name)?;
            let value_bytes = u32::from_le_bytes(self.take(&mut cursor)?);
            if value_bytes > MAX_VALUE_BYTES {
                return Err(broken("the value of an attribute is too long"));
            }
            let mut value = vec![0; value_bytes as usize];
            self.read(&mut cursor, &mut value)?;
            if name == OPAQUE && PREFIXES.contains(&(kind & !ELSEWHERE)) {
                // A value that stands elsewhere is one that several have; nobody marks otherwise.
                return Ok(kind & ELSEWHERE != 0 || value == b"y");
            }
        }
        Ok(false)
    }
}
