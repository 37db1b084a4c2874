//! System use fields of ISO 9660 (IEEE P1281) as Rock Ridge (IEEE P1282) fills them.

use super::fields::le32;
use super::read_at::ReadAt;

/// How many continuations are followed for one record.
const MAX_CONTINUATIONS: usize = 64;

/// The longest continuation.
const MAX_CONTINUATION_BYTES: u32 = 64 * 1024;

/// What Rock Ridge tells of one record.
#[derive(Debug, Default)]
pub(super) struct Rock {
    pub(super) name: Option<Vec<u8>>,
    pub(super) posix: Option<Posix>,
    /// Of a symbolic link.
    pub(super) target: Option<Vec<u8>>,
    /// The block of the directory that this record stands for.
    pub(super) child: Option<u32>,
    /// Whether the directory belongs elsewhere, where another record stands for it.
    pub(super) is_moved: bool,
    /// Whether the content is compressed.
    pub(super) is_packed: bool,
}

/// Owner, permissions, names.
#[derive(Debug)]
pub(super) struct Posix {
    pub(super) mode: u16,
    pub(super) names: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) inode: Option<u32>,
}

/// Whether the first record of the root begins the protocol, and how many bytes stand before the
/// fields of other records.
pub(super) fn begins(fields: &[u8]) -> Option<usize> {
    match fields {
        [b'S', b'P', 7, _, 0xbe, 0xef, skip, ..] => Some(usize::from(*skip)),
        // CD-ROM XA has 14 bytes before.
        rest => match rest.get(14..)? {
            [b'S', b'P', 7, _, 0xbe, 0xef, skip, ..] => Some(usize::from(*skip)),
            _ => None,
        },
    }
}

/// Reads the fields of a record and where they go on.
pub(super) fn read(device: &dyn ReadAt, block_bytes: u64, fields: &[u8]) -> Rock {
    let mut rock = Rock::default();
    let mut link = Link::default();
    let mut area = fields.to_vec();
    for _ in 0..MAX_CONTINUATIONS {
        let Some((at, length)) = take(&area, block_bytes, &mut rock, &mut link) else { break };
        if length > MAX_CONTINUATION_BYTES {
            break;
        }
        area = vec![0; length as usize];
        if device.read_exact_at(&mut area, at).is_err() {
            break;
        }
    }
    if link.is_there {
        rock.target = Some(link.target);
    }
    rock
}

/// Takes the fields of one area; returns where they go on.
fn take(area: &[u8], block_bytes: u64, rock: &mut Rock, link: &mut Link) -> Option<(u64, u32)> {
    let mut rest = area;
    let mut next = None;
    while rest.len() >= 4 {
        let length = usize::from(rest[2]);
        if length < 4 || length > rest.len() {
            break;
        }
        let field = &rest[..length];
        match &field[..2] {
            b"CE" => {
                let at = u64::from(le32(field, 4)) * block_bytes + u64::from(le32(field, 12));
                next = Some((at, le32(field, 20)));
            }
            b"NM" if length > 5 && field[4] & 6 == 0 => {
                rock.name.get_or_insert_with(Vec::new).extend_from_slice(&field[5..]);
            }
            b"PX" if length >= 36 => {
                rock.posix = Some(Posix {
                    mode: u16::try_from(le32(field, 4) & 0xffff).unwrap_or(0),
                    names: le32(field, 12),
                    uid: le32(field, 20),
                    gid: le32(field, 28),
                    inode: (length >= 44).then(|| le32(field, 36)),
                });
            }
            b"SL" if length > 5 => link.take(&field[5..]),
            b"CL" => rock.child = Some(le32(field, 4)),
            b"RE" => rock.is_moved = true,
            b"ZF" => rock.is_packed = true,
            b"ST" => break,
            _ => {}
        }
        rest = &rest[length..];
    }
    next
}

/// The target of a symbolic link, put together from its components.
#[derive(Default)]
struct Link {
    target: Vec<u8>,
    is_there: bool,
    // Whether the component in hand goes on in the next record.
    goes_on: bool,
}

impl Link {
    fn take(&mut self, components: &[u8]) {
        self.is_there = true;
        let mut rest = components;
        while let [flags, length, more @ ..] = rest {
            let length = usize::from(*length).min(more.len());
            if !self.goes_on && !self.target.is_empty() && self.target != b"/" {
                self.target.push(b'/');
            }
            match flags & 0xe {
                0x2 => self.target.push(b'.'),
                0x4 => self.target.extend_from_slice(b".."),
                0x8 => self.target = b"/".to_vec(),
                _ => self.target.extend_from_slice(&more[..length]),
            }
            self.goes_on = flags & 1 != 0;
            rest = &more[length..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_put_together_over_fields() {
        let mut link = Link::default();
        link.take(b"\x08\0\0\x03usr\x01\x02li");
        link.take(b"\0\x01b\x04\0\x02\0\0\x01x");
        assert_eq!(link.target, b"/usr/lib/.././x");
    }

    #[test]
    fn continuations_end_though_they_go_round() {
        let mut area = b"CE\x1c\x01".to_vec();
        area.resize(28, 0);
        area[20] = 28;
        let device = area.clone();
        assert!(read(&device, 2048, &area).name.is_none());
    }
}
