//! A store of rpm in Berkeley DB, as a hash: pages of keys and values, and chains of pages for long values.

use super::{Blob, Pages, size_at, u16_at, u32_at};

const MAGIC_AT: usize = 12;
const HASH_MAGIC: u32 = 0x0006_1561;
const OTHER_MAGICS: [u32; 2] = [0x0005_3162, 0x0004_2253];

/// The header of every page, before the offsets of its entries.
const PAGE_HEADER_BYTES: usize = 26;

/// Keys are the numbers of packages.
const KEY_BYTES: usize = 4;

/// Types of pages: of a hash in two forms, and of a chain.
const HASH_UNSORTED: u8 = 2;
const HASH: u8 = 13;
const CHAINED: u8 = 7;

/// Types of entries: bytes in place, and where a chain begins.
const IN_PLACE: u8 = 1;
const OFF_PAGE: u8 = 3;

/// Hands on the values of all keys but key 0, which holds the number of the next package.
pub(super) fn headers(content: &[u8], each: &mut dyn FnMut(Blob<'_>)) -> Result<(), &'static str> {
    let (little, big) = (u32_at(content, MAGIC_AT, false), u32_at(content, MAGIC_AT, true));
    let is_other = |magic: Option<u32>| magic.is_some_and(|it| OTHER_MAGICS.contains(&it));
    let is_big_endian = match (little, big) {
        (Some(HASH_MAGIC), _) => false,
        (_, Some(HASH_MAGIC)) => true,
        _ if is_other(little) || is_other(big) => {
            return Err("it is a Berkeley DB that is no hash");
        }
        _ => return Err("it is no Berkeley DB"),
    };
    if content.get(24) != Some(&0) {
        return Err("it is encrypted");
    }
    let page_bytes = size_at(content, 20, is_big_endian).unwrap_or_default();
    let pages = Pages::new(content, page_bytes).ok_or("its pages have no size that pages have")?;
    let last = size_at(content, 32, is_big_endian).unwrap_or_default();
    if last >= pages.count() {
        each(Err("the file ends before its last page"));
    }
    let mut database = Database { pages, is_big_endian };
    for number in 1..database.pages.count() {
        let page = database.pages.page(number).unwrap_or_default();
        if matches!(page.get(25), Some(&(HASH | HASH_UNSORTED))) {
            database.read_page(page, each)?;
        }
    }
    Ok(())
}

struct Database<'a> {
    pages: Pages<'a>,
    is_big_endian: bool,
}

impl Database<'_> {
    /// Hands on the values of a page, which follow their keys.
    fn read_page(
        &mut self,
        page: &[u8],
        each: &mut dyn FnMut(Blob<'_>),
    ) -> Result<(), &'static str> {
        // More entries than their offsets have room for in the page are none.
        let fitting = page.len().saturating_sub(PAGE_HEADER_BYTES) / 2;
        let count = u16_at(page, 20, self.is_big_endian).unwrap_or_default();
        let count = usize::from(count).min(fitting);
        let offset = |entry: usize| -> Option<usize> {
            let at = PAGE_HEADER_BYTES.checked_add(entry.checked_mul(2)?)?;
            u16_at(page, at, self.is_big_endian).map(usize::from)
        };
        // Entries are laid from the end of the page to its beginning.
        let bytes = |entry: usize| -> Option<&[u8]> {
            let end = if entry == 0 { page.len() } else { offset(entry.checked_sub(1)?)? };
            page.get(offset(entry)?..end).filter(|bytes| !bytes.is_empty())
        };
        let pairs: Vec<_> =
            (0..count).step_by(2).map(|key| (bytes(key), bytes(key.saturating_add(1)))).collect();
        for (key, value) in pairs {
            let (Some(key), Some(value)) = (key, value) else {
                each(Err("it lies outside of its page"));
                continue;
            };
            if key.iter().skip(1).take(KEY_BYTES).all(|&byte| byte == 0) {
                continue;
            }
            match value.split_first() {
                Some((&IN_PLACE, header)) => {
                    if !self.pages.afford(header.len()) {
                        return Err("its packages lie over each other");
                    }
                    each(Ok(header));
                }
                Some((&OFF_PAGE, _)) => match self.chain(value) {
                    Ok(header) => each(Ok(&header)),
                    Err(why) => each(Err(why)),
                },
                _ => each(Err("it is stored in a way that is not known")),
            }
        }
        Ok(())
    }

    /// Puts together what a chain of pages holds.
    fn chain(&mut self, entry: &[u8]) -> Result<Vec<u8>, &'static str> {
        let is_big_endian = self.is_big_endian;
        let mut number = size_at(entry, 4, is_big_endian).unwrap_or_default();
        let length = size_at(entry, 8, is_big_endian).unwrap_or_default();
        let mut header = Vec::new();
        while number != 0 && header.len() < length {
            let page = self.pages.take(number).ok_or("its chain of pages is broken")?;
            let used = u16_at(page, 22, is_big_endian).map(usize::from).unwrap_or_default();
            let bytes = page.get(PAGE_HEADER_BYTES..).and_then(|bytes| bytes.get(..used));
            if page.get(25) != Some(&CHAINED) {
                return Err("its chain of pages is broken");
            }
            header.extend_from_slice(bytes.ok_or("its chain of pages is broken")?);
            number = size_at(page, 16, is_big_endian).unwrap_or_default();
        }
        if header.len() < length {
            return Err("its chain of pages is too short");
        }
        header.truncate(length);
        Ok(header)
    }
}
