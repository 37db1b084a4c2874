//! Numbers inside bytes, for readers of file systems and disks.
//!
//! Bytes that are not there read as zero: each reader takes its bytes in pieces of known length, and
//! whether what they say makes sense has to be checked anyway.

/// `N` bytes at a place.
pub(super) fn bytes<const N: usize>(from: &[u8], at: usize) -> [u8; N] {
    let mut all = [0; N];
    if let Some(found) = at.checked_add(N).and_then(|end| from.get(at..end)) {
        all.copy_from_slice(found);
    }
    all
}

/// 16 bits, the lowest byte first.
pub(super) fn le16(from: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes(from, at))
}

/// 32 bits, the lowest byte first.
pub(super) fn le32(from: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes(from, at))
}

/// 64 bits, the lowest byte first.
pub(super) fn le64(from: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes(from, at))
}

/// 16 bits, the highest byte first.
pub(super) fn be16(from: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(bytes(from, at))
}

/// 32 bits, the highest byte first.
pub(super) fn be32(from: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes(from, at))
}

/// 64 bits, the highest byte first.
pub(super) fn be64(from: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes(from, at))
}

/// Text that ends at the first zero or with the field, for people.
pub(super) fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    crate::path::escape(&field[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_zero() {
        let from = [1, 2, 3, 4];
        assert_eq!((le16(&from, 2), le16(&from, 3)), (0x0403, 0));
        assert_eq!((be32(&from, 0), le32(&from, 1), le64(&from, usize::MAX)), (0x0102_0304, 0, 0));
        assert_eq!(text(b"root\0xx"), "root");
    }
}
