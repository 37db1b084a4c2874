//! Damaged and hostile files: thousands of mutations of small archives never make a reader panic
//! or take long; whatever it says, it says in an error or a warning.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{open_text, read, write};
use oskin::source::ReadOptions;
use std::io::Write as _;
use std::time::{Duration, Instant};
use testkit::{
    ArchiveFlavor, ArchiveOptions, Compression, Image, OciOptions, TarFormat, TarOptions, compress,
    docker_archive, oci_archive, random_bytes, random_fixture, rootfs_tar,
};

/// How long one file may take; a reader that runs wild takes far longer.
const MOST_TIME: Duration = Duration::from_secs(20);

/// Numbers that depend on nothing but the seed.
struct Random {
    bytes: std::vec::IntoIter<u8>,
    seed: u64,
}

impl Random {
    fn new(seed: u64) -> Self {
        Self { bytes: Vec::new().into_iter(), seed }
    }

    fn byte(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.bytes.next() {
                return byte;
            }
            self.seed += 1;
            self.bytes = random_bytes(self.seed, 4096).into_iter();
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        let number = (0..4).fold(0_usize, |number, _| number << 8 | usize::from(self.byte()));
        number % bound.max(1)
    }
}

/// Changes a file a little, as damage and attackers do.
fn mutate(original: &[u8], random: &mut Random) -> Vec<u8> {
    const TELLING: [&[u8]; 9] = [
        b"",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        b"../",
        b"null",
        b"[]",
        b"{}",
        b"\0",
        b"77777777777",
        b"\"",
    ];
    let mut bytes = original.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        let length = random.below(600).min(bytes.len() - at);
        match random.below(7) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 if at < bytes.len() => bytes[at] = random.byte(),
            3 => bytes[at..at + length].fill(0),
            4 => {
                let piece = bytes[at..at + length].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            5 => {
                let telling = TELLING[random.below(TELLING.len())];
                let end = (at + telling.len()).min(bytes.len());
                bytes.splice(at..end, telling.iter().copied());
            }
            _ => drop(bytes.drain(at..at + length)),
        }
    }
    // Behind a wrong checksum nothing else would be tried.
    if random.below(2) == 0 {
        mend_checksums(&mut bytes);
    }
    bytes
}

/// Gives every block that looks like a header the checksum it should have.
fn mend_checksums(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512) {
        if block[257..].starts_with(b"ustar") {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

/// Reads a file in every way that its transport and content allow; returns whether one succeeded.
fn try_all(bytes: &[u8], transports: &[&str]) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "file", bytes);
    let begun = Instant::now();
    let mut succeeded = false;
    for transport in transports {
        let text = format!("{transport}{}", path.display());
        let options = ReadOptions { all: true, ..ReadOptions::default() };
        match open_text(&text, &options) {
            Ok(images) => {
                for image in &images {
                    succeeded |= read(image, &options).is_ok_and(|inventory| {
                        inventory.totals();
                        inventory.os_identity();
                        true
                    });
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!(begun.elapsed() < MOST_TIME);
    succeeded
}

/// Runs so many mutations of a file that is right as it is; returns how many did no harm.
fn torment(original: &[u8], transports: &[&str], rounds: usize, seed: u64) -> usize {
    assert!(try_all(original, transports));
    let mut random = Random::new(seed);
    (0..rounds).filter(|_| try_all(&mutate(original, &mut random), transports)).count()
}

/// Some damage does no harm, and not all does: else nothing would have been tried.
fn torment_archive(original: &[u8], transports: &[&str], rounds: usize, seed: u64) {
    let harmless = torment(original, transports, rounds, seed);
    assert!(harmless > 0 && harmless < rounds, "{harmless} of {rounds}");
}

fn image(seed: u64, compression: Compression) -> Image {
    Image::from_layers(random_fixture(seed)).reference("app:1").compression(compression)
}

#[test]
fn docker_archives() {
    let images = [image(1, Compression::None), image(2, Compression::Gzip)];
    for (number, flavor) in
        [ArchiveFlavor::Docker20, ArchiveFlavor::Skopeo, ArchiveFlavor::Docker25]
            .into_iter()
            .enumerate()
    {
        let options = ArchiveOptions { flavor, ..ArchiveOptions::default() };
        let archive = docker_archive(&images, &options);
        torment_archive(&archive, &["", "docker-archive:"], 400, number as u64 * 1000);
    }
}

#[test]
fn oci_archives() {
    let images = [image(3, Compression::Zstd), image(4, Compression::Gzip)];
    let options = OciOptions { nesting: 1, attestations: true, ..OciOptions::default() };
    let archive = oci_archive(&images, &options);
    torment_archive(&archive, &["", "oci-archive:"], 600, 5000);
}

#[test]
fn root_archives() {
    for (number, format) in
        [TarFormat::Ustar, TarFormat::Pax, TarFormat::Gnu].into_iter().enumerate()
    {
        let options = TarOptions { format, ..TarOptions::default() };
        let archive = rootfs_tar(&random_fixture(6), &options);
        torment_archive(&archive, &["", "tar:"], 500, 9000 + number as u64 * 1000);
    }
}

/// The same damage behind compression, where only one pass is made.
#[test]
fn streamed_archives() {
    let archive = docker_archive(&[image(8, Compression::Gzip)], &ArchiveOptions::default());
    let mut random = Random::new(20_000);
    for round in 0..300 {
        let damaged = mutate(&archive, &mut random);
        let outer = if round % 2 == 0 { Compression::Gzip } else { Compression::Zstd };
        try_all(&compress(&damaged, outer), &["", "docker-archive:", "oci-archive:", "tar:"]);
    }
}

#[test]
fn compressed_files() {
    let archive = rootfs_tar(&random_fixture(9), &TarOptions::default());
    for (number, compression) in Compression::ALL.into_iter().enumerate().skip(1) {
        let stored = compress(&archive, compression);
        let harmless = torment(&stored, &["", "tar:"], 150, 30_000 + number as u64 * 1000);
        assert!(harmless < 150, "{compression:?}");
    }
}

#[test]
fn lists_of_paths() {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in ["files.txt", "folders.txt"] {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all("./usr/lib/something\n./usr/bin\n".repeat(20).as_bytes()).unwrap();
    }
    let package = writer.finish().unwrap().into_inner();
    torment(&package, &["", "paths:"], 400, 60_000);
    let json =
        br#"{"name:1": {"fs": ["/a", "/b/c"], "paths": {"/bin": ["sh", "ls"]}, "cmd": [1]}}"#;
    torment(json, &["", "paths:"], 400, 70_000);
}

#[test]
fn every_truncation_of_an_archive() {
    let archive = docker_archive(&[image(2, Compression::Gzip)], &ArchiveOptions::default());
    for length in (0..archive.len()).step_by(97) {
        try_all(&archive[..length], &["", "docker-archive:"]);
        try_all(&compress(&archive[..length], Compression::Gzip), &["docker-archive:"]);
    }
}

#[test]
fn links_in_an_archive_lead_nowhere_else() {
    let fixture = r#"
//- layer
manifest.json file "[{\"Config\":\"c.json\",\"Layers\":[\"l.tar\"]}]"
c.json file "{\"rootfs\":{\"diff_ids\":[]}}"
"#;
    let passwd = std::fs::read("/etc/passwd").unwrap_or_default();
    for (name, link) in [
        ("c.json", "symlink /etc/passwd"),
        ("l.tar", "symlink ../../../../../../etc/passwd"),
        ("l.tar", "hardlink /etc/passwd"),
        ("l.tar", "symlink l.tar"),
    ] {
        let text = format!("{fixture}{name} {link}\n");
        let layers = testkit::parse(&text).unwrap();
        let archive = testkit::write_tar(&layers[0].entries, &TarOptions::default());
        for outer in [Compression::None, Compression::Gzip] {
            let dir = tempfile::tempdir().unwrap();
            let path = write(dir.path(), "a.tar", &compress(&archive, outer));
            let text = format!("docker-archive:{}", path.display());
            let error = open_text(&text, &ReadOptions::default()).unwrap_err().to_string();
            assert!(error.contains("is missing"), "{error}");
            assert!(passwd.is_empty() || !error.contains("root:"), "{error}");
        }
    }
}

#[test]
fn bombs_are_streamed_and_never_held() {
    // 200 MB of zeros behind an archive, and as one file in it: a few hundred bytes of zstd.
    let archive = rootfs_tar(&testkit::parse("a file 5\n").unwrap(), &TarOptions::default());
    let bomb = [&archive[..], &vec![0; 200_000_000]].concat();
    let begun = Instant::now();
    assert!(try_all(&compress(&bomb, Compression::Zstd), &["", "tar:"]));
    assert!(begun.elapsed() < MOST_TIME);
}

/// A pax header that gives the next member a name and a link target of any length.
fn long(path: &[u8], link: &[u8], type_flag: char) -> Vec<u8> {
    let record = |key: &str, value: &[u8]| {
        let rest = key.len() + value.len() + 3;
        let digits = (1..9).find(|n| (rest + n).to_string().len() == *n).unwrap();
        let head = format!("{} {key}=", rest + digits);
        [head.as_bytes(), value, b"\n"].concat()
    };
    let records = match link {
        b"" => record("path", path),
        _ => [record("path", path), record("linkpath", link)].concat(),
    };
    let mut bytes = header('x', records.len());
    bytes.extend_from_slice(&records);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes.extend(header(type_flag, 0));
    bytes
}

fn header(type_flag: char, size: usize) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[0] = b'x';
    block[100..108].copy_from_slice(b"0000644\0");
    block[108..116].copy_from_slice(b"0000000\0");
    block[116..124].copy_from_slice(b"0000000\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = type_flag as u8;
    block[257..265].copy_from_slice(b"ustar\x0000");
    mend_checksums(&mut block);
    block
}

/// Reads a tar and returns what it holds, its warnings included.
fn read_tar(members: &[Vec<u8>]) -> oskin::ingest::ReadImage {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "hostile.tar", &[&members.concat()[..], &[0; 1024]].concat());
    let options = ReadOptions::default();
    let begun = Instant::now();
    let images = open_text(&format!("tar:{}", path.display()), &options).unwrap();
    let image = oskin::ingest::read(&images[0], None, &options).unwrap();
    assert!(begun.elapsed() < MOST_TIME);
    image
}

#[test]
fn deep_paths_do_not_multiply() {
    let too_deep = long(&b"a/".repeat(16_000), b"", '0');
    let image = read_tar(&[too_deep, long(b"b", b"", '0')]);
    assert_eq!(image.inventory.len(), 1);
    assert!(image.record.warnings[0].1.ends_with("path has more than 1024 names; left out"));
    // 64 paths of 32 KiB imply directories whose paths would take a gibibyte.
    let deep = |number: usize| {
        format!("{number}/{}f", format!("{}/", "n".repeat(30)).repeat(1000)).into_bytes()
    };
    let image = read_tar(&(0..64).map(|number| long(&deep(number), b"", '0')).collect::<Vec<_>>());
    let made = image.inventory.layers().last().unwrap().memory_bytes();
    assert!((500_000_000..600_000_000).contains(&made), "{made}");
    let warned = image.record.warnings.iter().filter(|(_, what)| what.contains("imply")).count();
    assert_eq!(warned, 64 - usize::try_from(image.record.files).unwrap());
}

#[test]
fn links_that_lead_far_take_no_time() {
    let far = b"d/../".repeat(6000);
    let link = |number: usize| {
        let target = [&far[..], format!("l{}", number + 1).as_bytes()].concat();
        long(format!("l{number}").as_bytes(), &target, '2')
    };
    let mut members: Vec<Vec<u8>> = (0..30).map(link).collect();
    members.push(long(b"d", b"", '5'));
    members.extend((0..3000).map(|n| long(format!("l0/{n}").as_bytes(), b"", '0')));
    let image = read_tar(&members);
    assert_eq!(image.inventory.len(), 31);
    assert!(image.record.warnings[0].1.contains("too far"));
}

#[test]
fn warnings_stay_small_enough_to_be_kept() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("catalog.db");
    let name = |number: usize| [number.to_string().as_bytes(), &vec![1; 30_000]].concat();
    let members: Vec<Vec<u8>> =
        (0..3000).map(|number| long(&name(number), b"nowhere", '1')).collect();
    let path = write(dir.path(), "a.tar", &[&members.concat()[..], &[0; 1024]].concat());
    let options = ReadOptions::default();
    let image = open_text(&format!("tar:{}", path.display()), &options).unwrap().remove(0);
    let mut catalog = oskin::catalog::Catalog::open_or_create(&target).unwrap();
    oskin::ingest::add(&mut catalog, &image, None, &options).unwrap();
    let warnings = &catalog.images().unwrap()[0].warnings;
    assert_eq!(warnings.len(), 3000);
    assert!(warnings.iter().all(|(place, what)| place.len() + what.len() < 2000));
    let refused = long(&[b"../", &vec![1; 900_000][..]].concat(), b"", '0');
    assert!(read_tar(&[refused]).record.warnings[0].1.len() < 2000);
}

#[test]
fn lists_of_manifests_take_no_more_memory_than_they_may() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::from_fixture("a file 1\n").reference("a:1");
    testkit::write_oci_layout(dir.path(), &[image], &OciOptions::default()).unwrap();
    let text = format!("oci:{}", dir.path().display());
    let index = dir.path().join("index.json");
    let mut list = std::fs::read_to_string(&index).unwrap();
    // Three bytes each, that would become hundreds.
    let at = list.find('[').unwrap() + 1;
    list.insert_str(at, &"{},".repeat(100_001));
    std::fs::write(&index, list).unwrap();
    let error = open_text(&text, &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("a list of at most 100000 items"), "{error}");
}
