//! Programs of Linux: where sections are, and what stands at an address.
//!
//! Source: System V ABI, "Object Files" (the ELF header, section headers, program headers), for 32 and 64 bits and both
//! byte orders. Sixty lines for what two readers need; a crate for all of it would be another dependency to trust.

/// A file in ELF, of which nothing has been held yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elf<'a> {
    content: &'a [u8],
    is_64: bool,
    is_little: bool,
}

/// A table of headers of one size.
#[derive(Clone, Copy, Debug)]
struct Table {
    start: usize,
    size: usize,
    count: usize,
}

const LOAD: u64 = 1;
const NO_BITS: u64 = 8;
const COMPRESSED: u64 = 0x800;

impl<'a> Elf<'a> {
    /// `None` if the content is no ELF file.
    pub(super) fn new(content: &'a [u8]) -> Option<Self> {
        let [class, order] = *content.strip_prefix(b"\x7fELF")?.first_chunk()?;
        let is_known = matches!(class, 1 | 2) && matches!(order, 1 | 2);
        is_known.then_some(Self { content, is_64: class == 2, is_little: order == 1 })
    }

    /// The section of a name. `None` if there is none, if it has no bytes, or if they are not all in the file.
    /// O(sections).
    pub(super) fn section(&self, name: &[u8]) -> Option<&'a [u8]> {
        let table = self.sections()?;
        let names = self.section_bytes(self.header(table, self.names_at(table)?)?)?;
        (0..table.count).find_map(|at| {
            let header = self.header(table, at)?;
            let start = usize::try_from(self.number(header, 0, 4)?).ok()?;
            let rest = names.get(start..)?.strip_prefix(name)?;
            (rest.first() == Some(&0)).then(|| self.section_bytes(header))?
        })
    }

    /// Whether it has headers of sections, and all in the file. Where it has, no other section is there.
    pub(super) fn has_sections(&self) -> bool {
        self.sections().is_some_and(|table| self.names_at(table).is_some())
    }

    /// What stands from an address on when the program is loaded, to the end of its segment. O(segments).
    pub(super) fn at_address(&self, address: u64) -> Option<&'a [u8]> {
        let (start, size, count) = if self.is_64 { (32, 54, 56) } else { (28, 42, 44) };
        let table = self.table(
            self.word(self.content, start)?,
            size,
            self.number(self.content, count, 2)?,
        )?;
        (0..table.count).find_map(|at| {
            let header = self.header(table, at)?;
            let (offset, virtual_at, file_size) = if self.is_64 { (8, 16, 32) } else { (4, 8, 16) };
            let skipped = address.checked_sub(self.word(header, virtual_at)?)?;
            let left = self.word(header, file_size)?.checked_sub(skipped)?;
            let is_loaded = self.number(header, 0, 4)? == LOAD && left > 0;
            let start = self.word(header, offset)?.checked_add(skipped).filter(|_| is_loaded)?;
            self.range(start, left)
        })
    }

    fn sections(&self) -> Option<Table> {
        let (start, size, count) = if self.is_64 { (40, 58, 60) } else { (32, 46, 48) };
        let start = self.word(self.content, start).filter(|start| *start > 0)?;
        let count = match self.number(self.content, count, 2)? {
            // More than fit into 16 bits are told in the first header.
            0 => self.section_size(self.header(self.table(start, size, 1)?, 0)?)?,
            count => count,
        };
        self.table(start, size, count)
    }

    /// Which section holds the names.
    fn names_at(&self, table: Table) -> Option<usize> {
        let at = match self.number(self.content, if self.is_64 { 62 } else { 50 }, 2)? {
            0xffff => self.number(self.header(table, 0)?, if self.is_64 { 40 } else { 24 }, 4)?,
            at => at,
        };
        usize::try_from(at).ok().filter(|at| *at < table.count)
    }

    /// A table that is in the file as a whole.
    fn table(&self, start: u64, size_at: usize, count: u64) -> Option<Table> {
        let size = self.number(self.content, size_at, 2)?;
        // Smaller headers than the format has would overlap.
        let least = if self.is_64 { 56 } else { 32 };
        let bytes = size.checked_mul(count).filter(|_| size >= least)?;
        self.range(start, bytes)?;
        Some(Table {
            start: usize::try_from(start).ok()?,
            size: usize::try_from(size).ok()?,
            count: usize::try_from(count).ok()?,
        })
    }

    fn header(&self, table: Table, at: usize) -> Option<&'a [u8]> {
        let start = table.size.checked_mul(at)?.checked_add(table.start)?;
        self.content.get(start..start.checked_add(table.size)?)
    }

    fn section_size(&self, header: &[u8]) -> Option<u64> {
        self.word(header, if self.is_64 { 32 } else { 20 })
    }

    fn section_bytes(&self, header: &[u8]) -> Option<&'a [u8]> {
        let is_plain =
            self.number(header, 4, 4)? != NO_BITS && self.word(header, 8)? & COMPRESSED == 0;
        let offset = self.word(header, if self.is_64 { 24 } else { 16 }).filter(|_| is_plain)?;
        self.range(offset, self.section_size(header)?)
    }

    fn range(&self, start: u64, len: u64) -> Option<&'a [u8]> {
        let end = usize::try_from(start.checked_add(len)?).ok()?;
        self.content.get(usize::try_from(start).ok()?..end)
    }

    /// A number of the size of an address.
    fn word(&self, bytes: &[u8], at: usize) -> Option<u64> {
        self.number(bytes, at, if self.is_64 { 8 } else { 4 })
    }

    fn number(&self, bytes: &[u8], at: usize, len: usize) -> Option<u64> {
        number(bytes.get(at..)?.get(..len)?, self.is_little)
    }
}

/// A number of up to eight bytes.
pub(super) fn number(bytes: &[u8], is_little: bool) -> Option<u64> {
    let add = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
    (bytes.len() <= 8).then(|| match is_little {
        true => bytes.iter().rev().fold(0, add),
        false => bytes.iter().fold(0, add),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A file with sections, and one segment that loads all of it at an address.
    pub(in super::super) fn build(
        is_64: bool,
        is_little: bool,
        sections: &[(&str, &[u8])],
        base: u64,
    ) -> Vec<u8> {
        let bytes = |value: u64, len: usize| {
            let all = value.to_be_bytes();
            let mut bytes = all[8 - len..].to_vec();
            if is_little {
                bytes.reverse();
            }
            bytes
        };
        let word = if is_64 { 8 } else { 4 };
        let (header_len, segment_len, section_len) =
            if is_64 { (64, 56, 64) } else { (52, 32, 40) };
        let mut body = Vec::new();
        let mut names = vec![0];
        let mut headers = vec![0; section_len];
        let place = |names: &mut Vec<u8>, body: &mut Vec<u8>, name: &str, content: &[u8]| {
            let fields = [
                (names.len() as u64, 4),
                (1, 4),
                (0, word),
                (0, word),
                ((header_len + segment_len + body.len()) as u64, word),
                (content.len() as u64, word),
            ];
            names.extend([name.as_bytes(), &[0]].concat());
            body.extend(content);
            let mut header: Vec<u8> =
                fields.iter().flat_map(|(it, len)| bytes(*it, *len)).collect();
            header.resize(section_len, 0);
            header
        };
        for (name, content) in sections {
            headers.extend(place(&mut names, &mut body, name, content));
        }
        let all_names = [&names[..], b".shstrtab\0"].concat();
        headers.extend(place(&mut names, &mut body, ".shstrtab", &all_names));
        let table_at = (header_len + segment_len + body.len()) as u64;
        let count = sections.len() as u64 + 2;
        let mut file = b"\x7fELF".to_vec();
        file.extend([if is_64 { 2 } else { 1 }, if is_little { 1 } else { 2 }, 1]);
        file.resize(16, 0);
        let lens = [2, 2, 4, word, word, word, 4, 2, 2, 2, 2, 2, 2];
        let values = [
            2,
            62,
            1,
            0,
            header_len as u64,
            table_at,
            0,
            header_len as u64,
            segment_len as u64,
            1,
            section_len as u64,
            count,
            count - 1,
        ];
        file.extend(values.iter().zip(lens).flat_map(|(it, len)| bytes(*it, len)));
        let segment: &[(u64, usize)] = if is_64 {
            &[(1, 4), (6, 4), (0, 8), (base, 8), (0, 8), (table_at, 8), (table_at, 8), (0, 8)]
        } else {
            &[(1, 4), (0, 4), (base, 4), (0, 4), (table_at, 4), (table_at, 4), (6, 4), (0, 4)]
        };
        file.extend(segment.iter().flat_map(|(it, len)| bytes(*it, *len)));
        [file, body, headers].concat()
    }

    #[test]
    fn sections_and_addresses_are_found_in_all_four_forms() {
        for (is_64, is_little) in [(true, true), (true, false), (false, true), (false, false)] {
            let file = build(is_64, is_little, &[(".a", b"one"), (".ab", b"two")], 0x1_0000);
            let elf = Elf::new(&file).unwrap();
            assert_eq!(elf.section(b".ab"), Some(&b"two"[..]));
            assert_eq!(elf.section(b".a"), Some(&b"one"[..]));
            assert_eq!(elf.section(b".b"), None);
            assert!(elf.has_sections());
            let loaded = elf.at_address(0x1_0000).unwrap();
            assert!(loaded.starts_with(b"\x7fELF"));
            assert_eq!(elf.at_address(0x1_0004).unwrap(), &loaded[4..]);
            assert!(elf.at_address(0xffff).is_none() && elf.at_address(u64::MAX).is_none());
            for end in 0..file.len() {
                if let Some(elf) = Elf::new(&file[..end]) {
                    assert_eq!(elf.section(b".ab"), None);
                    assert!(!elf.has_sections());
                }
            }
        }
    }
}
