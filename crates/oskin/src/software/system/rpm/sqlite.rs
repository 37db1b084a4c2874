//! A store of rpm in SQLite: the rows of its table `Packages`, read from the pages of the file.
//!
//! Only what is needed of the format is read (<https://www.sqlite.org/fileformat2.html>): table b-trees,
//! records, and chains of overflow pages. So no statement of the file's schema is ever run, nothing is
//! copied, and what is damaged costs only the packages that lie there.

use super::{Blob, Pages, size_at, u16_at};

const MAGIC: &[u8] = b"SQLite format 3\0";

/// The header of the file stands before that of the first page.
const FILE_HEADER_BYTES: usize = 100;

/// Types of pages of a table: with rows, and with numbers of pages below.
const LEAF: u8 = 13;
const INTERIOR: u8 = 5;

/// Chains begin with the number of their next page.
const NEXT_BYTES: usize = 4;

/// Hands on the blobs of the table `Packages`.
pub(super) fn headers(content: &[u8], each: &mut dyn FnMut(Blob<'_>)) -> Result<(), &'static str> {
    if !content.starts_with(MAGIC) {
        return Err("it is no SQLite database");
    }
    // A size of 64 KiB does not fit two bytes and is written as one.
    let page_bytes = u16_at(content, 16, true).map(usize::from).unwrap_or_default();
    let page_bytes = if page_bytes == 1 { 65_536 } else { page_bytes };
    let pages = Pages::new(content, page_bytes).ok_or("its pages have no size that pages have")?;
    let reserved = content.get(20).copied().map(usize::from).unwrap_or_default();
    // The smallest page that may be has 480 bytes to use.
    let usable = page_bytes.checked_sub(reserved).filter(|&bytes| bytes >= 480);
    let mut database = Database { pages, usable: usable.ok_or("its pages have no room")? };
    let told = size_at(content, 28, true).unwrap_or_default();
    if told > database.pages.count() {
        each(Err("the file ends before its last page"));
    }
    let mut root = None;
    database.rows(1, &mut |row| {
        let row = row.unwrap_or_default();
        let is_table = column(row, 0) == Some(b"table")
            && column(row, 1).is_some_and(|name| name.eq_ignore_ascii_case(b"Packages"));
        if is_table {
            root = column(row, 3).map(integer);
        }
    })?;
    let root = root.ok_or("it has no table of packages")?;
    database.rows(root, &mut |row| {
        // The key is a column of its own, but its value stands with the row and not in the record.
        each(row.and_then(|row| column(row, 1).ok_or("its row has no header")));
    })
}

struct Database<'a> {
    pages: Pages<'a>,
    usable: usize,
}

impl Database<'_> {
    /// Hands on the records of a table in the order of their keys, given the number of its root from one.
    fn rows(&mut self, root: usize, each: &mut dyn FnMut(Blob<'_>)) -> Result<(), &'static str> {
        let mut waiting = vec![root];
        while let Some(number) = waiting.pop() {
            let page = number.checked_sub(1).and_then(|index| self.pages.take(index));
            let Some(page) = page else {
                each(Err("a page is missing or comes twice"));
                continue;
            };
            let start = if number == 1 { FILE_HEADER_BYTES } else { 0 };
            let header = page.get(start..).unwrap_or_default();
            let count = u16_at(header, 3, true).map(usize::from).unwrap_or_default();
            let header_bytes = match header.first() {
                Some(&LEAF) => 8,
                Some(&INTERIOR) => 12,
                _ => {
                    each(Err("a page is none of a table"));
                    continue;
                }
            };
            let pointers = header.get(header_bytes..).unwrap_or_default();
            let cells = pointers.chunks_exact(2).take(count);
            let cells = cells
                .map(|at| page.get(u16_at(at, 0, true).map(usize::from).unwrap_or_default()..));
            if header_bytes == 8 {
                for cell in cells {
                    self.row(cell.unwrap_or_default(), each)?;
                }
                continue;
            }
            // The last page is taken first from a stack, so they are put on it in reverse.
            let below = cells.filter_map(|cell| size_at(cell?, 0, true));
            let first = waiting.len();
            waiting.extend(below.chain(size_at(header, 8, true)));
            waiting.get_mut(first..).unwrap_or_default().reverse();
        }
        Ok(())
    }

    /// Hands on one record: what of it lies in the cell, and behind it in a chain of pages.
    fn row(&mut self, mut cell: &[u8], each: &mut dyn FnMut(Blob<'_>)) -> Result<(), &'static str> {
        let length = varint(&mut cell).and_then(|length| usize::try_from(length).ok());
        let _key = varint(&mut cell);
        let Some(length) = length else {
            each(Err("its row is cut off"));
            return Ok(());
        };
        // How much of a row lies in its page is laid down in the format, "B-tree Cell Format".
        let in_page = self.usable.saturating_sub(35);
        let least = (self.usable.saturating_sub(12) * 32 / 255).saturating_sub(23);
        let chained_bytes = self.usable.saturating_sub(NEXT_BYTES).max(1);
        let fitting = least + length.saturating_sub(least) % chained_bytes;
        let local = match length {
            _ if length <= in_page => length,
            _ if fitting <= in_page => fitting,
            _ => least,
        };
        let Some((record, rest)) = cell.split_at_checked(local) else {
            each(Err("its row is cut off"));
            return Ok(());
        };
        if !self.pages.afford(local) {
            return Err("its packages lie over each other");
        }
        if local == length {
            each(Ok(record));
            return Ok(());
        }
        match self.chain(record.to_vec(), rest, length) {
            Ok(record) => each(Ok(&record)),
            Err(why) => each(Err(why)),
        }
        Ok(())
    }

    fn chain(
        &mut self,
        mut record: Vec<u8>,
        rest: &[u8],
        length: usize,
    ) -> Result<Vec<u8>, &'static str> {
        const BROKEN: &str = "its chain of pages is broken";
        let mut number = size_at(rest, 0, true).ok_or(BROKEN)?;
        while record.len() < length {
            let index = number.checked_sub(1).ok_or(BROKEN)?;
            let page = self.pages.take(index).ok_or(BROKEN)?;
            let bytes = page.get(NEXT_BYTES..self.usable).ok_or(BROKEN)?;
            record.extend_from_slice(bytes);
            number = size_at(page, 0, true).ok_or(BROKEN)?;
        }
        record.truncate(length);
        Ok(record)
    }
}

/// The bytes of a column of a record, counted from zero; those of an integer are its value, highest first.
fn column(record: &[u8], wanted: usize) -> Option<&[u8]> {
    let mut types = record;
    let types_bytes = usize::try_from(varint(&mut types)?).ok()?;
    let mut values = record.get(types_bytes..)?;
    let varint_bytes = record.len().checked_sub(types.len())?;
    let mut types = types.get(..types_bytes.checked_sub(varint_bytes)?)?;
    for _ in 0..wanted {
        let length = length_of(varint(&mut types)?)?;
        values = values.get(length..)?;
    }
    let kind = varint(&mut types)?;
    // Zero and one have types of their own and no bytes; no number of a page is one of them.
    values.get(..length_of(kind)?)
}

/// How many bytes a value of this type has ("Serial Type Codes").
fn length_of(kind: u64) -> Option<usize> {
    match kind {
        0 | 8 | 9 => Some(0),
        1..=4 => usize::try_from(kind).ok(),
        5 => Some(6),
        6 | 7 => Some(8),
        10 | 11 => None,
        _ => usize::try_from((kind - 12) / 2).ok(),
    }
}

fn integer(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |value: usize, &byte| value.wrapping_shl(8) | usize::from(byte))
}

/// Takes an integer of one to nine bytes, seven bits in each but the ninth.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for count in 1..=9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if count == 9 {
            return Some(value << 8 | u64::from(byte));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            break;
        }
    }
    Some(value)
}
