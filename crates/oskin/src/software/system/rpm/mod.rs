//! What rpm records: headers of packages, in one of three stores, read without the libraries that wrote them.

mod bdb;
mod header;
#[cfg(test)]
mod made;
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
    // Of a header half is texts and checksums at the least, and these databases are the largest.
    let mut room = Room::of(content.len() / 2);
    let read = store(content, &mut |blob| {
        let found = blob.and_then(|blob| header::package(blob, &mut room, &mut damage));
        match found {
            Ok(package) if room.take_package() => record.packages.push(package),
            Ok(_) => {}
            Err(why) => damage.add(why),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packages() -> Vec<Vec<u8>> {
        vec![made::package("a", 0), made::package("b", 9000), made::package("c", 20)]
    }

    fn names(record: &Record) -> Vec<&str> {
        record.packages.iter().map(|found| found.package.name.as_str()).collect()
    }

    #[test]
    fn a_header_is_a_package() {
        let (mut room, mut damage) = (Room::of(1000), Damage::default());
        let found = header::package(&made::package("a", 0), &mut room, &mut damage).unwrap();
        let purl = "pkg:rpm/a@1.0-2.el9?arch=x86_64&epoch=3&upstream=source";
        assert_eq!(found.package.to_string(), purl);
        assert_eq!(found.license, "MIT");
        assert_eq!(found.depends, ["libc.so.6()(64bit)", "a", "b"]);
        assert_eq!(found.provides, ["a", "config(x)"]);
        let files: Vec<&[u8]> = found.files.iter().map(Vec::as_slice).collect();
        assert_eq!(files, [&b"usr/bin/one"[..], b"usr/bin/two", b"usr/bin/three"]);
        assert_eq!(damage.warning(), None);
    }

    #[test]
    fn what_a_package_requires_may_be_rich() {
        for (requirement, expected) in [
            ("plain", &["plain"][..]),
            ("(a and (b or c(x86-64) < 2))", &["a", "b", "c(x86-64)"]),
            ("(a if b)", &["a"]),
            ("(a if b else c)", &["a", "c"]),
            ("(a >= 1 with a < 2)", &["a", "a"]),
            ("((a(x) or b) if (c and d))", &["a(x)", "b"]),
            ("(", &[]),
        ] {
            let entries = [
                made::texts(header::NAME, &["x"]),
                made::texts(header::VERSION, &["1"]),
                made::texts(header::REQUIRE_NAME, &[requirement]),
            ];
            let (mut room, mut damage) = (Room::of(0), Damage::default());
            let blob = made::header(&entries);
            let found = header::package(&blob, &mut room, &mut damage).unwrap();
            let mut expected = expected.to_vec();
            expected.dedup();
            assert_eq!(found.depends, expected, "{requirement}");
        }
    }

    #[test]
    fn the_last_entry_of_a_tag_counts_and_old_paths_are_whole() {
        let entries = [
            made::texts(header::NAME, &["gpg-pubkey"]),
            made::texts(header::VERSION, &["1"]),
            made::texts(header::OLD_FILE_NAMES, &["/etc", "/etc/x"]),
            (header::FILE_MODES, 3, 2, vec![0x41, 0xed, 0x81, 0xa4]),
            made::texts(header::VERSION, &["2"]),
            made::texts(header::SOURCE_RPM, &["(none)"]),
        ];
        let (mut room, mut damage) = (Room::of(0), Damage::default());
        let found = header::package(&made::header(&entries), &mut room, &mut damage).unwrap();
        assert_eq!(found.package.to_string(), "pkg:rpm/gpg-pubkey@2");
        assert_eq!(found.files, [b"etc/x"]);
    }

    #[test]
    fn berkeley_databases_are_read_in_either_byte_order() {
        for is_big_endian in [false, true] {
            for page_bytes in [512, 4096, 32_768] {
                let record = bdb(&made::bdb(&packages(), page_bytes, is_big_endian));
                assert_eq!(names(&record), ["a", "b", "c"], "{page_bytes} {is_big_endian}");
                assert_eq!(record.warnings, Vec::<String>::new());
            }
        }
    }

    #[test]
    fn slots_lead_to_packages() {
        let record = ndb(&made::ndb(&packages()));
        assert_eq!(names(&record), ["a", "b", "c"]);
        assert_eq!(record.warnings, Vec::<String>::new());
    }

    #[test]
    fn a_damaged_package_costs_only_itself() {
        let mut damaged = packages();
        damaged[1].truncate(30);
        for record in [ndb(&made::ndb(&damaged)), bdb(&made::bdb(&damaged, 4096, false))] {
            assert_eq!(names(&record), ["a", "c"]);
            assert_eq!(record.warnings, ["1 entry is damaged: its header is cut off"]);
        }
    }

    /// Puts a word over the bytes of a database.
    fn with(mut content: Vec<u8>, at: usize, word: u32) -> Vec<u8> {
        content[at..at + 4].copy_from_slice(&word.to_le_bytes());
        content
    }

    #[test]
    fn hostile_berkeley_databases_end() {
        let good = made::bdb(&packages(), 512, false);
        // Pages of no size, of four gigabytes, of an odd size; another kind; no kind at all.
        for (at, word) in [(20, 0), (20, u32::MAX), (20, 513), (12, 0x0005_3162), (12, 7), (24, 1)]
        {
            let record = bdb(&with(good.clone(), at, word));
            assert_eq!((record.packages.len(), record.warnings.len()), (0, 1), "{at} {word}");
        }
        // The chain of the second package goes in a circle, or says to have four gigabytes.
        let chain = (0..good.len() / 512).rfind(|page| good[page * 512 + 25] == 7).unwrap();
        let circle = with(good.clone(), (chain - 1) * 512 + 16, u32::try_from(chain - 1).unwrap());
        assert_eq!(bdb(&circle).warnings.len(), 1);
        // Key and value of a chain take the last 17 bytes of their page.
        let is_chained = |page: &usize| good[page * 512 + 25] == 13 && good[page * 512 + 495] == 3;
        let entry = (0..good.len() / 512).find(is_chained).unwrap() * 512 + 495;
        let long = bdb(&with(good.clone(), entry + 8, u32::MAX));
        assert_eq!(long.warnings, ["1 entry is damaged: its chain of pages is too short"]);
        let far = bdb(&with(good.clone(), 32, u32::MAX));
        assert_eq!((far.packages.len(), far.warnings.len()), (3, 1));
        assert_eq!(bdb(&good[..100]).packages, []);
    }

    #[test]
    fn hostile_slots_end() {
        let good = made::ndb(&packages());
        for (at, word) in [(0, 7), (4, 9)] {
            let record = ndb(&with(good.clone(), at, word));
            assert_eq!((record.packages.len(), record.warnings.len()), (0, 1));
        }
        // Four gigabytes of slots, of blocks, of a header; a place behind the end.
        for (at, word) in [(12, u32::MAX), (44, 0), (4096 + 12, u32::MAX), (40, u32::MAX)] {
            let record = ndb(&with(good.clone(), at, word));
            assert!(record.packages.len() >= 2 && record.warnings.len() == 1, "{at}: {record:?}");
        }
        // All slots lead to one large package.
        let mut all = made::ndb(&[made::package("a", 200_000)]);
        for slot in 1..254 {
            all.copy_within(32..48, 32 + slot * 16);
        }
        let record = ndb(&all);
        assert_eq!(
            (record.packages.len(), &*record.warnings[0]),
            (1, "its packages lie over each other")
        );
    }

    #[test]
    fn a_header_cannot_ask_for_more_than_its_size_allows() {
        // One long directory for very many files, and counts of four gigabytes.
        let directory = format!("/{}/", "d".repeat(30_000));
        let many = "f\0".repeat(20_000).into_bytes();
        let entries = [
            made::texts(header::NAME, &["x"]),
            made::texts(header::VERSION, &["1"]),
            (header::BASE_NAMES, 8, u32::MAX, many),
            (header::DIR_INDEXES, 4, u32::MAX, vec![0; 80_000]),
            (header::DIR_NAMES, 8, u32::MAX, directory.into_bytes()),
        ];
        let content = made::ndb(&[made::header(&entries)]);
        let record = ndb(&content);
        let told: usize = record.packages[0].files.iter().map(Vec::len).sum();
        assert!(told > 0 && told < 5 * content.len() + 70_000, "{told}");
        assert!(record.warnings.iter().any(|it| it.starts_with("it tells far more")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn mutated_stores_are_read_to_their_end(
            flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..12),
            words in proptest::collection::vec((any::<proptest::sample::Index>(), prop_oneof![Just(0), Just(u32::MAX), 0..2000_u32]), 0..4),
            end in any::<proptest::sample::Index>(),
            is_cut in any::<bool>(),
        ) {
            let stores: [(Vec<u8>, fn(&[u8]) -> Record); 3] = [
                (made::bdb(&packages(), 512, false), bdb),
                (made::bdb(&packages(), 4096, true), bdb),
                (made::ndb(&packages()), ndb),
            ];
            for (mut content, read) in stores {
                for (at, byte) in &flips {
                    let at = at.index(content.len());
                    content[at] = *byte;
                }
                for (at, word) in &words {
                    let at = at.index(content.len() / 4) * 4;
                    content[at..at + 4].copy_from_slice(&word.to_le_bytes());
                }
                if is_cut {
                    content.truncate(end.index(content.len()));
                }
                let record = read(&content);
                prop_assert!(record.warnings.len() <= 4);
                prop_assert!(record.packages.len() <= 300);
            }
        }

        #[test]
        fn any_bytes_are_a_header_or_none(blob in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (mut room, mut damage) = (Room::of(blob.len()), Damage::default());
            let _ = header::package(&blob, &mut room, &mut damage).is_ok();
        }
    }
}
