//! Facts of the build in programs: which modules of Go and which crates of Rust they were made of.

mod elf;
mod go;
mod rust;

use super::Record;
use elf::Elf;
use memchr::memmem;

/// How much of a program holds its headers, its interpreter and its notes, in bytes.
const PAGE_BYTES: usize = 4096;

/// How an ELF file begins: other files need not be handed to [`read`].
pub const MAGIC: &[u8] = b"\x7fELF";

/// The largest file that is worth reading, in bytes. Programs that carry a whole platform have 100 to 500 MiB, and
/// headers of sections stand at the very end, so that a beginning is of no use.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Whether the build of a program may be told by what follows its beginning, of 64 KiB or more.
///
/// Those of Go have a note in their first page (`Go` as the name of its owner). Those of Rust are linked statically, so
/// that they name no interpreter there, or need `libgcc_s`: names of libraries stand behind the symbols that a program
/// takes from them or offers, 24 bytes each, of which those of Rust have some hundreds. Only programs that offer
/// symbols to plug-ins have more than fit (`python3`, `node`, `perl`), and are not worth holding. See
/// `may_be_multi_call` for one more sort.
pub fn may_tell(beginning: &[u8]) -> bool {
    let has = |mark: &[u8]| memmem::find(beginning, mark).is_some();
    let page = &beginning[..beginning.len().min(PAGE_BYTES)];
    memmem::find(page, b"/ld-").is_none()
        || has(b"\x04\0\0\0Go\0\0")
        || has(b"libgcc_s")
        || may_be_multi_call(beginning)
}

/// Whether a program takes from the C library what only one that is many takes together: `vfork`, as shells, `xargs` and
/// `init` do, and `chroot` or `umount2`.
///
/// So do all `BusyBox`es at hand, of six systems and two machines. Of 219 programs of a `/usr/bin` that are large enough
/// to ask none does; six take `vfork`.
fn may_be_multi_call(beginning: &[u8]) -> bool {
    let has = |symbol: &[u8]| memmem::find(beginning, symbol).is_some();
    has(b"\0vfork\0") && (has(b"\0chroot\0") || has(b"\0umount2\0"))
}

/// Reads what a program tells of its build: the path in normal form, and all of its content. An empty record if that
/// is nothing, or the content is no program of Linux.
///
/// O(sections) and O(what is told); only where there are no headers of sections all of it is searched for the mark of
/// Go. Nothing is copied.
pub fn read(path: &[u8], content: &[u8]) -> Record {
    let Some(elf) = Elf::new(content) else { return Record::default() };
    let mut record = go::read(path, &elf, content).unwrap_or_default();
    if let Some(crates) = rust::read(path, &elf) {
        record.packages.extend(crates.packages);
        record.warnings.extend(crates.warnings);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(samples);

    fn samples() -> Vec<Vec<u8>> {
        let modules = "path\ta\nmod\ta.org/b\t(devel)\ndep\tc.org/d\tv1\n=>\t./x\nbuild\t-ldflags=\"-X a.version=1.2\"\n";
        let inline = go::tests::inline("go1.20", modules);
        let (sections, plain): (&[(&str, &[u8])], &[(&str, &[u8])]) =
            (&[(".go.buildinfo", &inline)], &[(".data", &inline)]);
        let mut bare = elf::tests::build(true, true, plain, 0);
        bare.truncate(bare.len() - 8);
        vec![
            elf::tests::build(true, true, sections, 0),
            elf::tests::build(false, false, sections, 0),
            go::tests::pointed(true, true, "go1.12", modules),
            go::tests::pointed(false, false, "go1.12", modules),
            bare,
            rust::tests::audited(rust::tests::JSON.as_bytes()),
        ]
    }

    fn check(content: &[u8]) {
        let record = read(b"usr/bin/a", content);
        assert!(record.warnings.len() <= 3, "{:?}", record.warnings);
        assert!(record.packages.iter().all(|it| !it.package.name.is_empty()));
    }

    #[test]
    fn programs_that_tell_nothing_are_told_by_their_beginning() {
        let begins = |names: &str| {
            let mut content = [MAGIC, b"\0/lib64/ld-linux-x86-64.so.2\0"].concat();
            content.resize(9_000, 0);
            content.extend(names.replace(' ', "\0").bytes());
            content.resize(64 * 1024, 0);
            may_tell(&content)
        };
        assert!(!begins(" fork chroot umount2 "));
        assert!(!begins(" vfork chrooted mount "));
        assert!(begins(" libgcc_s.so.1 "));
        // BusyBox under the name of an applet.
        assert!(begins(" chroot getspnam vfork "));
        assert!(begins(" vfork umount2 "));
        assert!(may_tell(&[MAGIC, &[0; 9_000]].concat()));
    }

    #[test]
    fn every_sample_tells_something_and_every_beginning_of_it_is_read() {
        for content in &*SAMPLES {
            assert!(read(b"a", content).packages.len() >= 2);
            (0..content.len()).for_each(|end| check(&content[..end]));
        }
        assert_eq!(read(b"a", b"#!/bin/sh\n"), Record::default());
        assert_eq!(read(b"a", MAGIC), Record::default());
    }

    proptest! {
        #[test]
        fn damaged_programs_are_read_without_panic(
            which in 0_usize..6,
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            in_header in any::<bool>(),
        ) {
            let mut content = SAMPLES[which].clone();
            let end = if in_header { 120.min(content.len()) } else { content.len() };
            for (at, byte) in flips {
                content[at.index(end)] = byte;
            }
            check(&content);
        }

        #[test]
        fn anything_behind_the_magic_is_read_without_panic(
            content in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            check(&[MAGIC, &content].concat());
            check(&[MAGIC, &[2, 1], &content[..], b"\xff Go buildinf:\x08\x02", &content[..]].concat());
        }
    }
}
