//! Databases of rpm made for tests: headers, and the two stores that no library here can write.

use super::header;

/// A header of entries: tag, type, count and the bytes of the value.
pub(super) fn header(entries: &[(u32, u32, u32, Vec<u8>)]) -> Vec<u8> {
    let (mut index, mut values) = (Vec::new(), Vec::new());
    for (tag, kind, count, value) in entries {
        let offset = u32::try_from(values.len()).unwrap();
        index.extend([*tag, *kind, offset, *count].map(u32::to_be_bytes).concat());
        values.extend(value);
    }
    let counts = [entries.len(), values.len()].map(|it| u32::try_from(it).unwrap().to_be_bytes());
    [counts.concat(), index, values].concat()
}

/// An entry of texts: one, or an array of them.
pub(super) fn texts(tag: u32, texts: &[&str]) -> (u32, u32, u32, Vec<u8>) {
    let kind = if texts.len() == 1 { 6 } else { 8 };
    let value = texts.iter().flat_map(|text| [text.as_bytes(), b"\0"].concat()).collect();
    (tag, kind, u32::try_from(texts.len()).unwrap(), value)
}

/// The header of a package with two files in one directory.
pub(super) fn package(name: &str, padding: usize) -> Vec<u8> {
    let array = |tag, kind, values: &[&[u8]]| {
        (tag, kind, u32::try_from(values.len()).unwrap(), values.concat())
    };
    let mut entries = vec![
        texts(header::NAME, &[name]),
        texts(header::VERSION, &["1.0"]),
        texts(header::RELEASE, &["2.el9"]),
        array(header::EPOCH, 4, &[&[0, 0, 0, 3]]),
        texts(header::ARCH, &["x86_64"]),
        texts(header::LICENSE, &["MIT"]),
        texts(header::SOURCE_RPM, &["source-1.0-2.el9.src.rpm"]),
        texts(header::REQUIRE_NAME, &["rpmlib(X)", "libc.so.6()(64bit)", "(a or b >= 1)"]),
        texts(header::PROVIDE_NAME, &[name, "config(x)"]),
        texts(header::DIR_NAMES, &["/usr/bin/", "/"]),
        texts(header::BASE_NAMES, &["one", "two", "usr", "three"]),
        array(header::DIR_INDEXES, 4, &[&[0; 4], &[0; 4], &[0, 0, 0, 1], &[0; 4]]),
        array(header::FILE_MODES, 3, &[&[0x81, 0xa4], &[0x81, 0xa4], &[0x41, 0xed], &[0xa1, 0xff]]),
    ];
    entries.push((9999, 7, 1, vec![7; padding]));
    header(&entries)
}

/// A hash of Berkeley DB that holds these values, long ones in chains of pages.
pub(super) fn bdb(values: &[Vec<u8>], page_bytes: usize, is_big_endian: bool) -> Vec<u8> {
    let u32_bytes = |value: usize| {
        let value = u32::try_from(value).unwrap();
        if is_big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    };
    let u16_bytes = |value: usize| {
        let value = u16::try_from(value).unwrap();
        if is_big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    };
    let put = |page: &mut [u8], at: usize, bytes: &[u8]| {
        page[at..at + bytes.len()].copy_from_slice(bytes);
    };
    let new_page = |kind: u8| {
        let mut page = vec![0; page_bytes];
        page[25] = kind;
        page
    };
    let mut pages = vec![new_page(8)];
    // Key 0 holds the number of the next package.
    let first = (vec![1, 0, 0, 0, 0], vec![1, 9, 0, 0, 0]);
    let keyed = values.iter().enumerate().map(|(index, value)| {
        let key = [&[1][..], &u32_bytes(index + 1)].concat();
        (key, [&[1][..], value].concat())
    });
    for (key, mut value) in std::iter::once(first).chain(keyed) {
        let at = pages.len();
        let mut page = new_page(13);
        if value.len() + key.len() + 40 > page_bytes {
            let value_bytes = value.split_off(1);
            value = [&[3, 0, 0, 0][..], &u32_bytes(at + 1), &u32_bytes(value_bytes.len())].concat();
            let chunks: Vec<&[u8]> = value_bytes.chunks(page_bytes - 26).collect();
            for (index, chunk) in chunks.iter().enumerate() {
                let mut chained = new_page(7);
                let next = if index + 1 == chunks.len() { 0 } else { at + 2 + index };
                put(&mut chained, 16, &u32_bytes(next));
                put(&mut chained, 22, &u16_bytes(chunk.len()));
                put(&mut chained, 26, chunk);
                pages.push(chained);
            }
        }
        let (key_at, value_at) = (page_bytes - key.len(), page_bytes - key.len() - value.len());
        put(&mut page, 20, &u16_bytes(2));
        put(&mut page, 26, &u16_bytes(key_at));
        put(&mut page, 28, &u16_bytes(value_at));
        put(&mut page, key_at, &key);
        put(&mut page, value_at, &value);
        pages.insert(at, page);
    }
    let last = pages.len() - 1;
    put(&mut pages[0], 12, &u32_bytes(0x0006_1561));
    put(&mut pages[0], 20, &u32_bytes(page_bytes));
    put(&mut pages[0], 32, &u32_bytes(last));
    pages.concat()
}

/// A database of rpm's own making that holds these values.
pub(super) fn ndb(values: &[Vec<u8>]) -> Vec<u8> {
    let words = |words: &[usize]| -> Vec<u8> {
        words.iter().flat_map(|word| u32::try_from(*word).unwrap().to_le_bytes()).collect()
    };
    let mut slots = [b"RpmP".to_vec(), words(&[0, 1, 1, values.len() + 1, 0, 0, 0])].concat();
    let mut blobs = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let block = (4096 + blobs.len()) / 16;
        blobs.extend([b"BlbS".to_vec(), words(&[index + 1, 1, value.len()])].concat());
        blobs.extend(value);
        blobs.extend([words(&[0, value.len()]), b"BlbE".to_vec()].concat());
        blobs.resize(blobs.len().next_multiple_of(16), 0);
        let blocks = (4096 + blobs.len()) / 16 - block;
        slots.extend([b"Slot".to_vec(), words(&[index + 1, block, blocks])].concat());
    }
    while slots.len() < 4096 {
        slots.extend([b"Slot".to_vec(), words(&[0, 0, 0])].concat());
    }
    [slots, blobs].concat()
}
