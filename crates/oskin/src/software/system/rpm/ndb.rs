//! A store of rpm of its own making: slots that tell where the header of each package lies.

use super::{Blob, Pages, size_at};

const MAGIC: &[u8] = b"RpmP";
const SLOT_MAGIC: &[u8] = b"Slot";
const BLOB_MAGIC: &[u8] = b"BlbS";
const PAGE_BYTES: usize = 4096;

/// The header of the file takes the place of two slots.
const SLOT_BYTES: usize = 16;
const HEADER_BYTES: usize = 32;

/// Where a header lies is counted in blocks of these many bytes.
const BLOCK_BYTES: usize = 16;
const BLOB_HEADER_BYTES: usize = 16;

/// Hands on the headers that slots lead to.
pub(super) fn headers(content: &[u8], each: &mut dyn FnMut(Blob<'_>)) -> Result<(), &'static str> {
    if !content.starts_with(MAGIC) {
        return Err("it is no database of rpm");
    }
    if size_at(content, 4, false) != Some(0) {
        return Err("its version is not known");
    }
    let mut pages = Pages::new(content, PAGE_BYTES).ok_or("it has no pages")?;
    let slot_pages = size_at(content, 12, false).unwrap_or_default();
    let slots_end = slot_pages.saturating_mul(PAGE_BYTES);
    if slots_end > content.len() {
        each(Err("the file ends before its slots do"));
    }
    let slots = content.get(..slots_end.min(content.len())).and_then(|it| it.get(HEADER_BYTES..));
    for slot in slots.unwrap_or_default().chunks_exact(SLOT_BYTES) {
        let block = size_at(slot, 8, false).unwrap_or_default();
        if block == 0 && slot.starts_with(SLOT_MAGIC) {
            continue;
        }
        match blob(content, slot, block) {
            Some(header) if pages.afford(header.len()) => each(Ok(header)),
            Some(_) => return Err("its packages lie over each other"),
            None => each(Err("its slot leads to no package")),
        }
    }
    Ok(())
}

/// The bytes that a slot leads to, which say themselves of which package they are and how long.
fn blob<'a>(content: &'a [u8], slot: &[u8], block: usize) -> Option<&'a [u8]> {
    let place = content.get(block.checked_mul(BLOCK_BYTES)?..)?;
    let is_its = slot.get(4..8)? == place.get(4..8)?;
    let marks = slot.starts_with(SLOT_MAGIC) && place.starts_with(BLOB_MAGIC);
    let length = size_at(place, 12, false)?;
    let blocks = size_at(slot, 12, false)?.checked_mul(BLOCK_BYTES)?;
    let header = place.get(BLOB_HEADER_BYTES..)?.get(..length)?;
    (is_its && marks && length <= blocks).then_some(header)
}
