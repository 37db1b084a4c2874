//! Forms of tar archives that testkit does not write: other dialects, sparse files, damage.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{lines, read_text, warnings, write};
use oskin::inventory::EntryKind;
use std::path::Path;
use std::process::Command;
use testkit::{Compression, TarOptions, compress, parse, sha256_hex, write_tar};

/// A header with a right checksum.
fn header(name: &[u8], type_flag: u8, size: usize) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name);
    block[100..108].copy_from_slice(b"0000644\0");
    block[108..116].copy_from_slice(b"0000000\0");
    block[116..124].copy_from_slice(b"0000000\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[136..148].copy_from_slice(b"00000000000\0");
    block[156] = type_flag;
    block[257..265].copy_from_slice(b"ustar\x0000");
    with_checksum(block)
}

fn with_checksum(mut block: Vec<u8>) -> Vec<u8> {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn member(name: &str, type_flag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(name.as_bytes(), type_flag, content.len());
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn linked(name: &str, type_flag: u8, target: &[u8]) -> Vec<u8> {
    let mut block = header(name.as_bytes(), type_flag, 0);
    block[157..157 + target.len()].copy_from_slice(target);
    with_checksum(block)
}

const END: [u8; 1024] = [0; 1024];

/// The entries and the warnings of an archive.
fn listed(archive: &[u8]) -> Result<(Vec<String>, Vec<String>), String> {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "a.tar", archive);
    let text = format!("tar:{}", path.display());
    let (_, inventory) = read_text(&text).map_err(|error| error.to_string())?;
    let place = format!("{}: ", path.display());
    let warned = warnings(&text).iter().map(|warning| warning.replace(&place, "")).collect();
    Ok((lines(&inventory), warned))
}

fn expect(archive: &[u8], entries: &[&str], warned: &[&str]) {
    let (found, said) = listed(archive).unwrap();
    assert_eq!(found, entries);
    assert_eq!(said.len(), warned.len(), "{said:?}");
    for (said, part) in said.iter().zip(warned) {
        assert!(said.contains(part), "{said} has no {part:?}");
    }
}

#[test]
fn whiteouts_by_the_rule_of_the_image_spec() {
    let archive = [
        member("kept", b'0', b"1"),
        member("a/.wh.gone", b'0', b""),
        member("a/.wh..wh..opq", b'0', b""),
        member(".wh..wh.plnk/1234.5", b'0', b""),
        member(".wh..wh.aufs", b'0', b""),
        member("a/.wh.", b'0', b""),
        member("a/.wh..", b'0', b""),
        member("a/.wh...", b'0', b""),
        member("a/wh.not", b'0', b""),
        member("a/.wh.gone/below", b'0', b""),
    ];
    let archive = [archive.concat(), END.to_vec()].concat();
    let entries = [
        "file kept",
        "directory a",
        "directory a/.wh.gone",
        "file a/.wh.gone/below",
        "file a/wh.not",
    ];
    let mut sorted = entries;
    sorted.sort_by_key(|line| line.split_once(' ').unwrap().1.to_owned());
    expect(
        &archive,
        &sorted,
        &["whiteout of no name", "whiteout of no name", "whiteout of no name"],
    );
}

#[test]
fn names_that_no_root_can_hold_are_left_out() {
    let archive = [
        member("../up", b'0', b"1"),
        member("a/../../up", b'0', b"1"),
        linked("link", b'1', b"../outside"),
        linked("to-root", b'1', b"./"),
        member("/abs//./x", b'0', b"1"),
        linked("sym", b'2', b"../../anywhere"),
        member("./", b'5', b""),
    ];
    let archive = [archive.concat(), END.to_vec()].concat();
    let warned = [
        "entry 1 at byte 0: ../up: path climbs",
        "entry 2 at byte 1024: ",
        "entry 3 at byte 2048: link: target of the hard link: path climbs",
        "entry 4 at byte 2560: to-root: hard link to the root",
    ];
    expect(&archive, &["directory abs", "file abs/x", "symlink sym -> ../../anywhere"], &warned);
}

#[test]
fn types_of_members_old_and_odd() {
    let mut v7 = header(b"old-directory/", 0, 0);
    v7[257..265].fill(0);
    let archive = [
        with_checksum(v7),
        member("old-file", 0, b"content"),
        member("contiguous", b'7', b"content"),
        member("vendor", b'Z', b"content"),
        member("volume", b'V', b""),
        member("dump/", b'D', b"Yname\0\0"),
        header(b"directory-with-size", b'5', 700),
        linked("tty", b'3', b""),
        linked("disk", b'4', b""),
        linked("pipe", b'6', b""),
        header(b"fifo-with-size", b'6', 900),
        member("last", b'0', b"x"),
    ];
    let archive = [archive.concat(), END.to_vec()].concat();
    expect(
        &archive,
        &[
            "file contiguous",
            "directory directory-with-size",
            "block device disk",
            "directory dump",
            "fifo fifo-with-size",
            "file last",
            "directory old-directory",
            "file old-file",
            "fifo pipe",
            "character device tty",
            "file vendor",
        ],
        &["vendor: unknown type", "volume: volume label"],
    );
}

#[test]
fn extended_headers_replace_fields_and_are_bounded() {
    let long = "n".repeat(300);
    let pax = |records: &str| member("PaxHeaders/x", b'x', records.as_bytes());
    let record = |text: &str| {
        let mut length = text.len() + 3;
        while format!("{length} {text}\n").len() != length {
            length += 1;
        }
        format!("{length} {text}\n")
    };
    let archive = [
        member("pax_global_header", b'g', record("path=nonsense").as_bytes()),
        pax(&record(&format!("path={long}/file"))),
        member("short", b'0', b"x"),
        member("././@LongLink", b'L', format!("{long}/link\0").as_bytes()),
        member("././@LongLink", b'K', format!("{long}/target\0").as_bytes()),
        linked("short", b'2', b"short"),
        pax(&record("uid=5000000000")),
        member("owned", b'0', b""),
        END.to_vec(),
    ];
    let link = format!("symlink {long}/link -> {long}/target");
    let file = format!("file {long}/file");
    let directory = format!("directory {long}");
    expect(
        &archive.concat(),
        &[&directory, &file, &link, "file owned"],
        &["owner 5000000000 does not fit"],
    );
    let mut huge = header(b"PaxHeaders/x", b'x', 0o7_777_777_777);
    huge = with_checksum(huge);
    let error = listed(&huge).unwrap_err();
    assert!(error.contains("larger than 1 MiB"), "{error}");
    let error = listed(&[pax("17 path=a\n"), member("x", b'0', b"")].concat()).unwrap_err();
    assert!(error.contains("malformed"), "{error}");
    let error = listed(&[pax(&record("path=a")), END.to_vec()].concat()).unwrap_err();
    assert!(error.contains("ends behind an extended header"), "{error}");
}

#[test]
fn ends_of_archives() {
    let one = member("one", b'0', b"x");
    expect(&[&one[..], &END].concat(), &["file one"], &[]);
    expect(&[&one[..], &[0; 512]].concat(), &["file one"], &[]);
    expect(&one, &["file one"], &["no end marker"]);
    // Even the padding of the last member may be missing.
    expect(&one[..513], &["file one"], &["no end marker"]);
    let more = [&one[..], &END, &member("two", b'0', b"x")].concat();
    expect(&more, &["file one"], &["data behind the end"]);
    expect(&END, &[], &[]);
    expect(b"", &[], &[]);
    for compression in [Compression::Gzip, Compression::Zstd, Compression::Xz, Compression::Bzip2] {
        let archive = compress(&[&one[..], &END].concat(), compression);
        expect(&[&archive[..], b"junk"].concat(), &["file one"], &["4 bytes behind"]);
        expect(&[&archive[..], &[0; 1]].concat(), &["file one"], &["1 bytes behind"]);
    }
}

#[test]
fn damage_is_an_error_with_its_place() {
    let one = member("one", b'0', &[7; 2000]);
    let two = member("two", b'0', b"x");
    let mut archive = [&one[..], &two, &END].concat();
    for (length, part) in [
        (100, "entry 1 at byte 0: the archive is cut off in a header"),
        (1000, "entry 1 at byte 0: the archive is cut off in the content"),
        (one.len() + 10, "entry 1 at byte 2560: the archive is cut off in a header"),
    ] {
        let error = listed(&archive[..length]).unwrap_err();
        assert!(error.ends_with(part), "{error}");
    }
    archive[one.len() + 3] ^= 1;
    let error = listed(&archive).unwrap_err();
    assert!(error.ends_with("at byte 2560: the header has a wrong checksum"), "{error}");
    let error = listed(b"this is no archive at all").unwrap_err();
    assert!(error.contains("cut off in a header"), "{error}");
    let error = listed(&[b'x'; 1024]).unwrap_err();
    assert!(error.contains("not a tar archive"), "{error}");
    let mut size = header(b"a", b'0', 0);
    size[124..136].copy_from_slice(b"not a number");
    let error = listed(&with_checksum(size)).unwrap_err();
    assert!(error.contains("the size in the header is no number"), "{error}");
    // All ones are -1 in base 256, and 2^64 - 1 to careless readers.
    let mut size = header(b"a", b'0', 0);
    size[124..136].fill(0xff);
    assert!(listed(&[with_checksum(size), END.to_vec()].concat()).is_err());
}

#[test]
fn warnings_are_bounded_in_number() {
    let mut archive: Vec<u8> = (0..3000).flat_map(|_| member("../x", b'0', b"")).collect();
    archive.extend(END);
    let (entries, warned) = listed(&archive).unwrap();
    assert_eq!((entries.len(), warned.len()), (0, 1001));
    assert!(warned[1000].contains("2000 more warnings"));
}

/// Makes a sparse file and packs it with GNU tar.
fn sparse_archive(dir: &Path, options: &[&str]) -> Vec<u8> {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let mut file = std::fs::File::create(dir.join("holes")).unwrap();
    for at in [0, 1 << 20, 3 << 20, 5_000_000, 6_500_001] {
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(b"some content at this place").unwrap();
    }
    file.set_len(9_000_123).unwrap();
    std::fs::write(dir.join("plain"), "plain").unwrap();
    let archive = dir.join("out.tar");
    let status = Command::new("tar")
        .args(["--sparse", "-C"])
        .arg(dir)
        .args(options)
        .arg("-cf")
        .arg(&archive)
        .args(["holes", "plain"])
        .status();
    assert!(status.unwrap().success());
    std::fs::read(archive).unwrap()
}

#[test]
fn sparse_files_of_gnu_tar_have_their_real_size_and_content() {
    for options in [
        &["--format=gnu"][..],
        &["--format=posix", "--sparse-version=0.0"],
        &["--format=posix", "--sparse-version=0.1"],
        &["--format=posix", "--sparse-version=1.0"],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let archive = sparse_archive(dir.path(), options);
        assert!(archive.len() < 1 << 20, "{options:?}: the file was not packed as sparse");
        let path = write(dir.path(), "a.tar", &archive);
        let (_, inventory) = read_text(&format!("tar:{}", path.display())).unwrap();
        assert_eq!(lines(&inventory), ["file holes", "file plain"], "{options:?}");
        let entry = inventory.get(b"holes").unwrap();
        let content = std::fs::read(dir.path().join("holes")).unwrap();
        assert_eq!(entry.size_bytes, content.len() as u64);
        let digest = entry.digest.unwrap().to_string();
        assert_eq!(digest, format!("sha256:{}", sha256_hex(&content)), "{options:?}");
        assert_eq!(warnings(&format!("tar:{}", path.display())), [""; 0]);
    }
}

#[test]
fn sparse_files_cannot_be_used_to_waste_time() {
    let mut block = header(b"huge", b'S', 0);
    block[257..265].copy_from_slice(b"ustar  \0");
    block[386..398].copy_from_slice(b"00000000000\0");
    block[398..410].copy_from_slice(b"00000000000\0");
    // 2^62 bytes of holes in base 256.
    block[483..495].copy_from_slice(b"\x80\0\0\0\x40\0\0\0\0\0\0\0");
    let archive = [with_checksum(block), END.to_vec()].concat();
    expect(&archive, &["file huge"], &["holes are too large"]);
}

#[test]
fn a_further_name_of_a_link_or_device_is_one_itself() {
    let layers = parse(
        "etc/x file 3\netc/lnk symlink /x uid=7\netc/lnk2 hardlink etc/lnk\n\
         dev/null char 1 3\ndev/zero hardlink dev/null\netc/y hardlink etc/x\n",
    )
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let options = TarOptions::default();
    let file = write(dir.path(), "a.tar", &write_tar(&layers[0].entries, &options));
    let (_, inventory) = read_text(&format!("tar:{}", file.display())).unwrap();
    let link = inventory.get(b"etc/lnk2").unwrap();
    assert_eq!((link.kind, link.link, link.uid), (EntryKind::Symlink, Some(&b"/x"[..]), 7));
    assert_eq!(inventory.get(b"dev/zero").unwrap().kind, EntryKind::CharDevice);
    assert_eq!(inventory.get(b"etc/y").unwrap().kind, EntryKind::HardLink);
}
