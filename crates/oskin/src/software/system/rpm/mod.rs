//! What rpm records: headers of packages, in one of three stores, read without the libraries that wrote them.

mod bdb;
mod header;
mod ndb;
mod sqlite;

use super::room::{Damage, Room};
use crate::software::Record;

/// What is handed on of a store: the header of a package, or why one could not be had.
type Blob<'a> = Result<&'a [u8], &'static str>;

/// Hands on the headers in a store; tells why if it is none.
type Store = fn(&[u8], &mut dyn FnMut(Blob<'_>)) -> Result<(), &'static str>;

/// Reads `rpmdb.sqlite`.
///
/// A journal beside it is not looked at: rpm writes it into the database when it ends well.
pub(super) fn sqlite(content: &[u8]) -> Record {
    read(sqlite::headers, content)
}

/// Reads `Packages.db`, the "new" database of rpm, which SUSE uses.
pub(super) fn ndb(content: &[u8]) -> Record {
    read(ndb::headers, content)
}

/// Reads `Packages`, a hash of Berkeley DB in either byte order.
pub(super) fn bdb(content: &[u8]) -> Record {
    read(bdb::headers, content)
}

/// Keys of signers, which `rpm -qa` lists as packages `gpg-pubkey`, are packages here too.
fn read(store: Store, content: &[u8]) -> Record {
    let mut record = Record::default();
    let mut damage = Damage::default();
    let mut room = Room::of(content.len());
    let read = store(content, &mut |blob| match blob
        .and_then(|blob| header::package(blob, &mut room, &mut damage))
    {
        Ok(package) => record.packages.push(package),
        Err(why) => damage.add(why),
    });
    let refusal = read.err().map(str::to_owned);
    record.warnings.extend([refusal, damage.warning(), room.warning()].into_iter().flatten());
    record
}

/// The pages of a store, each to be taken once, and as many bytes in all as the store has: what is
/// cyclic or named twice comes to an end so.
#[derive(Debug)]
struct Pages<'a> {
    content: &'a [u8],
    page_bytes: usize,
    taken: Vec<bool>,
    left: usize,
}

impl<'a> Pages<'a> {
    /// The pages of a store; `None` if they are not of a size that stores have.
    fn new(content: &'a [u8], page_bytes: usize) -> Option<Self> {
        let is_size = page_bytes.is_power_of_two() && (512..=65_536).contains(&page_bytes);
        let count = content.len().checked_div(page_bytes)?;
        let taken = vec![false; if is_size { count } else { 0 }];
        is_size.then_some(Self { content, page_bytes, taken, left: content.len() })
    }

    /// How many whole pages there are.
    fn count(&self) -> usize {
        self.taken.len()
    }

    /// A page by its number from zero.
    fn page(&self, number: usize) -> Option<&'a [u8]> {
        let start = number.checked_mul(self.page_bytes)?;
        self.content.get(start..start.checked_add(self.page_bytes)?)
    }

    /// A page that was not taken before.
    fn take(&mut self, number: usize) -> Option<&'a [u8]> {
        let page = self.page(number)?;
        let taken = self.taken.get_mut(number)?;
        (!std::mem::replace(taken, true)).then_some(page)
    }

    /// Whether a header of this many bytes may be handed on.
    fn afford(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or_default();
        left.is_some()
    }
}

/// Two bytes of an integer, lowest first or last.
fn u16_at(bytes: &[u8], at: usize, is_big_endian: bool) -> Option<u16> {
    let bytes = *bytes.get(at..)?.first_chunk()?;
    Some(if is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
}

/// Four bytes of an integer, lowest first or last.
fn u32_at(bytes: &[u8], at: usize, is_big_endian: bool) -> Option<u32> {
    let bytes = *bytes.get(at..)?.first_chunk()?;
    Some(if is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
}

/// The same as a size or a number of a page.
fn size_at(bytes: &[u8], at: usize, is_big_endian: bool) -> Option<usize> {
    usize::try_from(u32_at(bytes, at, is_big_endian)?).ok()
}
