//! Disk images: real ones with known counts, and ones made here of a tree that `rootfs:` reads too.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;
#[path = "common/trees.rs"]
mod trees;

use common::{counts, open_text, read_text, shared_data};
use oskin::path::escape;
use oskin::source::{Limits, ReadOptions, SourceError};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use trees::{assert_as_tree, command, has, make_small_tree, make_tree, mke2fs, rows, shell};

#[test]
fn every_disk_of_the_manifest() {
    let Some(data) = shared_data() else { return };
    let table = std::fs::read_to_string(data.join("real/manifest.tsv")).unwrap();
    let mut rows = 0;
    for row in table.lines().skip(1).filter(|row| row.starts_with("disk/")) {
        let fields: Vec<&str> = row.split('\t').collect();
        let number = |at: usize| fields[at].parse::<u64>().unwrap();
        let path = data.join("real").join(fields[0]);
        if fields[1].starts_with("squashfs") {
            continue;
        }
        rows += 1;
        // Bare paths, so that the format is told by content.
        let found = read_text(path.to_str().unwrap());
        if let Some(name) =
            ["XFS", "btrfs"].iter().find(|it| fields[0].contains(&it.to_lowercase()))
        {
            let error = found.unwrap_err();
            assert!(
                error.to_string().contains(&format!("holds {name}, which is not supported yet")),
                "{error}"
            );
            assert!(error.hint().unwrap().contains("rootfs:DIR"));
            continue;
        }
        let (image, inventory) = found.unwrap_or_else(|error| panic!("{}: {error}", fields[0]));
        let expected = (number(4) + number(6) + number(7), number(5));
        assert_eq!(counts(&inventory), expected, "{}", fields[0]);
        assert!(!image.facts.is_empty() || !fields[0].contains("qcow2"), "{}", fields[0]);
    }
    assert_eq!(rows, 8);
}

#[test]
fn the_only_file_system_that_is_read_is_chosen_and_others_are_named() {
    let Some(data) = shared_data() else { return };
    let path = data.join("disk/osv-scalibr__valid-ext-exfat-fat32-ntfs.qcow2");
    let text = format!("disk:{}", path.display());
    let (image, inventory) = read_text(&text).unwrap();
    let keys: Vec<_> = inventory.iter().map(|entry| escape(entry.path)).collect();
    assert_eq!(keys, ["lost+found", "private-key1.pem"]);
    let fact = |kind: &str| {
        image.facts.iter().find(|fact| fact.kind == kind).map(|fact| fact.text.clone()).unwrap()
    };
    let table = fact("disk.partitions");
    for part in ["GPT", "exFAT", "FAT", "NTFS", "(read)"] {
        assert!(table.contains(part), "{table}");
    }
    for (number, message) in [(2, "which is not supported yet"), (9, "there is no partition 9")] {
        let options = ReadOptions { partition: Some(number), ..ReadOptions::default() };
        let error = open_text(&text, &options).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.hint().is_some());
    }
}

/// A disk of 64 MiB with files at their sectors.
fn make_disk(disk: &Path, table: &[(u64, Vec<u8>)], parts: &[(&Path, u64)]) {
    let file = std::fs::File::create(disk).unwrap();
    file.set_len(64 * 1024 * 1024).unwrap();
    for (sector, bytes) in table {
        file.write_all_at(bytes, sector * 512).unwrap();
    }
    for (part, sector) in parts {
        file.write_all_at(&std::fs::read(part).unwrap(), sector * 512).unwrap();
    }
}

const EFI: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
const DATA: &str = "0fc63daf-8483-4772-8e79-3d69d8477de4";
const ROOT: &str = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";

/// A GPT: type, name, first sector and number of sectors of each partition.
fn gpt(sector_bytes: u64, parts: &[(&str, &str, u64, u64)]) -> Vec<(u64, Vec<u8>)> {
    let mut header = b"EFI PART\0\0\x01\0\x5c\0\0\0".to_vec();
    header.resize(512, 0);
    header[72..80].copy_from_slice(&2_u64.to_le_bytes());
    header[80..84].copy_from_slice(&128_u32.to_le_bytes());
    header[84..88].copy_from_slice(&128_u32.to_le_bytes());
    let mut entries = Vec::new();
    for (kind, name, first, count) in parts {
        let digits: String = kind.chars().filter(|&it| it != '-').collect();
        let byte = |at: usize| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap();
        let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        let mut entry: Vec<u8> = order.into_iter().map(byte).collect();
        entry.extend_from_slice(&[9; 16]);
        let (first, last) = (first * 512 / sector_bytes, (first + count) * 512 / sector_bytes - 1);
        entry.extend_from_slice(&first.to_le_bytes());
        entry.extend_from_slice(&last.to_le_bytes());
        entry.extend_from_slice(&[0; 8]);
        entry.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        entry.resize(128, 0);
        entries.extend(entry);
    }
    let protective = mbr_sector(&[(0xee, 1, 131_071)]);
    vec![(0, protective), (sector_bytes / 512, header), (sector_bytes / 256, entries)]
}

/// One sector of an MBR: type, first sector and number of sectors.
fn mbr_sector(slots: &[(u8, u32, u32)]) -> Vec<u8> {
    let mut sector = vec![0; 446];
    for (kind, first, count) in slots {
        sector.extend_from_slice(&[0, 0, 0, 0, *kind, 0, 0, 0]);
        sector.extend_from_slice(&first.to_le_bytes());
        sector.extend_from_slice(&count.to_le_bytes());
    }
    sector.resize(510, 0);
    sector.extend_from_slice(b"\x55\xaa");
    sector
}

/// Opens a disk and gives its partitions, label and UUID.
fn facts(text: &str, partition: Option<u32>) -> Result<[String; 3], SourceError> {
    let options = ReadOptions { partition, ..ReadOptions::default() };
    let image = open_text(text, &options)?.remove(0);
    let fact = |kind: &str| {
        let found = image.facts.iter().find(|fact| fact.kind == kind);
        found.map_or("", |fact| &fact.text).to_owned()
    };
    Ok(["disk.partitions", "disk.label", "disk.uuid"].map(fact))
}

#[test]
fn the_root_is_chosen_among_partitions_by_what_it_holds() {
    if !["mke2fs", "xz", "zstd"].iter().all(|program| has(program)) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name);
    make_small_tree(&place("tree"));
    std::fs::create_dir_all(place("boot/grub")).unwrap();
    mke2fs(
        "ext4",
        &["-L", "rootfs", "-U", "11111111-2222-3333-4444-555555555555"],
        &place("tree"),
        &place("root"),
        "8M",
    );
    mke2fs("ext2", &[], &place("boot"), &place("other"), "4M");
    let (root, other) = (place("root"), place("other"));
    let disk = place("disk.raw");
    let text = disk.to_str().unwrap();
    let parts =
        [(EFI, "efi", 2048, 8192), (DATA, "", 10240, 8192), (DATA, "my root", 20480, 16384)];
    for sector_bytes in [4096, 512] {
        make_disk(&disk, &gpt(sector_bytes, &parts), &[(&other, 10240), (&root, 20480)]);
        assert_as_tree(&place("tree"), text, &["lost+found"]);
    }
    let [partitions, label, uuid] = facts(text, None).unwrap();
    assert_eq!(
        partitions,
        "GPT partition table\n1: 4 MiB, EFI system: unknown, \"efi\"\n2: 4 MiB, Linux data: ext2\n\
         3: 8 MiB, Linux data: ext4, \"rootfs\" (read)"
    );
    assert_eq!((&*label, &*uuid), ("rootfs", "11111111-2222-3333-4444-555555555555"));
    assert!(facts(text, Some(2)).unwrap()[0].contains("ext2 (read)"));
    let error = facts(text, Some(1)).unwrap_err().to_string();
    assert!(
        error.ends_with("disk.raw: partition 1: holds no file system that is known here (unknown)"),
        "{error}"
    );

    // Logical partitions count from their own sectors, these from that of the first.
    let mbr = [
        (0, mbr_sector(&[(0x83, 2048, 8192), (0x05, 10240, 100_000)])),
        (10240, mbr_sector(&[(0x83, 2048, 8192), (0x05, 10240, 20_000)])),
        (20480, mbr_sector(&[(0x83, 2048, 16384)])),
    ];
    make_disk(&disk, &mbr, &[(&other, 2048), (&other, 12288), (&root, 22528)]);
    assert_as_tree(&place("tree"), text, &["lost+found"]);
    assert!(facts(text, None).unwrap()[0].contains("\n6: 8 MiB, Linux: ext4, \"rootfs\" (read)"));

    make_disk(&disk, &[(0, mbr_sector(&[(0x83, 2048, 8192), (0x82, 10240, 8192)]))], &[]);
    let error = facts(text, None).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "no partition holds a file system that can be read yet: 1 (unknown), 2 (unknown)"
        ),
        "{error}"
    );
    std::fs::write(&disk, vec![0; 1 << 20]).unwrap();
    let error = open_text(&format!("disk:{text}"), &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("neither a partition table nor a known file system"));
    // Compressed as a whole.
    make_disk(&disk, &mbr, &[(&root, 22528)]);
    shell(dir.path(), "xz -T1 -0 -k disk.raw; zstd -q disk.raw");
    for name in ["disk.raw.xz", "disk.raw.zst"] {
        assert_as_tree(&place("tree"), place(name).to_str().unwrap(), &["lost+found"]);
    }
}

#[test]
fn qcow2_images_are_read_and_stand_on_others_only_if_that_is_allowed() {
    if !["mke2fs", "qemu-img"].iter().all(|program| has(program)) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name);
    make_tree(&place("tree"), 50);
    mke2fs("ext4", &[], &place("tree"), &place("raw"), "64M");
    for (index, options) in [
        &["-c"][..],
        &["-c", "-o", "compression_type=zstd"],
        &["-o", "cluster_size=512"],
        &["-c", "-o", "cluster_size=2M"],
        &["-c", "-o", "cluster_size=4K,compression_type=zstd"],
        &["-o", "compat=0.10"],
    ]
    .into_iter()
    .enumerate()
    {
        let image = place(&format!("{index}.qcow2"));
        let mut command = command("qemu-img");
        command.args(["convert", "-f", "raw", "-O", "qcow2"]).args(options);
        assert!(command.arg(place("raw")).arg(&image).status().unwrap().success());
        assert_as_tree(&place("tree"), image.to_str().unwrap(), &["lost+found"]);
    }
    let refused = |text: &str, allow_backing_file| {
        let options = ReadOptions { allow_backing_file, ..ReadOptions::default() };
        let error = open_text(text, &options).unwrap_err();
        (error.to_string(), error.hint().unwrap_or_default())
    };
    shell(
        dir.path(),
        "qemu-img create -q -f qcow2 -b 1.qcow2 -F qcow2 top.qcow2
         qemu-img create -q -f qcow2 -b raw -F raw top-raw.qcow2
         qemu-img create -q -f qcow2 -b top.qcow2 -F qcow2 top2.qcow2
         qemu-img create -q -f qcow2 -o extended_l2=on extended.qcow2 1M
         qemu-img create -q -f qcow2 -o data_file=data.raw external.qcow2 1M
         qemu-img create -q -f qcow2 -u -b nbd://host/x -F raw url.qcow2 1M
         qemu-img create -q -f qcow2 -u -b circle.qcow2 -F qcow2 round.qcow2 1M
         qemu-img create -q -f qcow2 -u -b round.qcow2 -F qcow2 circle.qcow2 1M
         qemu-img convert -f raw -O vmdk raw x.vmdk; qemu-img convert -f raw -O vdi raw x.vdi
         qemu-img convert -f raw -O vhdx raw x.vhdx",
    );
    // Of a download that broke off the header is there, and little else.
    let whole = std::fs::read(place("0.qcow2")).unwrap();
    std::fs::write(place("cut.qcow2"), &whole[..5000]).unwrap();
    let (error, hint) = refused(place("cut.qcow2").to_str().unwrap(), false);
    assert!(error.ends_with("cannot be read: the file ends too early"), "{error}");
    assert!(hint.contains("copy it anew"), "{hint}");
    for name in ["top.qcow2", "top-raw.qcow2", "top2.qcow2"] {
        let text = place(name);
        let text = text.to_str().unwrap();
        let (error, hint) = refused(text, false);
        assert!(error.contains("stands on another file"), "{error}");
        assert!(hint.contains("--allow-backing-file"), "{hint}");
        let options = ReadOptions { allow_backing_file: true, ..ReadOptions::default() };
        let image = open_text(text, &options).unwrap().remove(0);
        let got = common::read(&image, &options).unwrap();
        let (_, expected) = read_text(place("0.qcow2").to_str().unwrap()).unwrap();
        assert_eq!(rows(&got), rows(&expected), "{name}");
    }
    for (name, told) in [
        ("extended.qcow2", "subclusters"),
        ("external.qcow2", "another file"),
        ("url.qcow2", "no plain path"),
        ("round.qcow2", "more backing files than the limit of 16"),
        ("x.vmdk", "a VMDK disk image"),
        ("x.vdi", "a VDI disk image"),
        ("x.vhdx", "a VHDX disk image"),
    ] {
        let (error, hint) = refused(&format!("disk:{}", place(name).display()), true);
        assert!(error.contains(told), "{name}: {error}");
        assert!(hint.contains("qemu-img convert") || name.starts_with("round"), "{name}: {hint}");
    }
}

#[test]
fn two_roots_are_a_question_unless_the_table_answers_it() {
    if !has("mke2fs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name);
    make_small_tree(&place("tree"));
    mke2fs("ext4", &["-L", "rootfs"], &place("tree"), &place("root"), "8M");
    let (root, disk) = (place("root"), place("disk.raw"));
    let text = disk.to_str().unwrap();
    let boot = place("boot");
    std::fs::create_dir_all(place("grub/grub")).unwrap();
    mke2fs("ext4", &[], &place("grub"), &boot, "4M");
    let table = gpt(512, &[(DATA, "", 2048, 8192), (DATA, "", 20480, 16384)]);
    let luks = common::write(dir.path(), "luks", b"LUKS\xba\xbe\0\x02");
    make_disk(&disk, &table, &[(&boot, 2048), (&luks, 20480)]);
    let error = facts(text, None).unwrap_err();
    let told = "the system seems to lie in partition 2 (LUKS (encrypted)), which is not supported yet, and not in 1 (ext4)";
    assert!(error.to_string().ends_with(told), "{error}");
    assert!(error.hint().unwrap().starts_with("open it (cryptsetup"));
    assert!(facts(text, Some(1)).is_ok());
    for (kind, read) in [(DATA, None), (ROOT, Some(2))] {
        let table = gpt(512, &[(DATA, "", 2048, 16384), (kind, "", 20480, 16384)]);
        make_disk(&disk, &table, &[(&root, 2048), (&root, 20480)]);
        match (facts(text, None), read) {
            (Ok([partitions, ..]), Some(_)) => {
                assert!(
                    partitions.contains("2: 8 MiB, Linux root (x86-64): ext4, \"rootfs\" (read)")
                );
            }
            (Err(error), None) => {
                assert_eq!(error.hint().unwrap(), "pick one of them: --partition 1");
                let told = "several of its file systems look like the root of a system: partitions 1 (ext4 \"rootfs\"), 2 (ext4 \"rootfs\")";
                assert!(error.to_string().ends_with(told), "{error}");
            }
            (other, _) => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_something_else_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = common::write(dir.path(), "x", &vec![9; 70_000]);
    for (transport, told) in [
        ("disk", "neither a partition table nor a known file system is on the disk"),
        ("erofs", "holds no EROFS file system"),
        ("iso", "holds no ISO 9660 file system"),
        ("cpio", "holds no cpio archive"),
    ] {
        let options = ReadOptions::default();
        let text = format!("{transport}:{}", path.display());
        let error = open_text(&text, &options).unwrap_err();
        assert!(error.to_string().ends_with(told), "{error}");
        assert!(error.hint().is_some(), "{error}");
        let error = open_text(&format!("{transport}:-"), &options).unwrap_err();
        assert!(error.hint().unwrap().contains("save it to a file"), "{error}");
    }
}

/// Reads a damaged file: errors and warnings are right, a panic or a long time is not.
fn read_damaged(text: &str) {
    let limits = Limits { content_bytes: 64 * 1024 * 1024, ..Limits::default() };
    let options = ReadOptions { limits, allow_backing_file: true, ..ReadOptions::default() };
    for image in open_text(text, &options).into_iter().flatten() {
        // Whatever it is, it ends.
        drop(common::read(&image, &options));
    }
}

#[test]
fn damage_never_panics_and_never_lasts() {
    if !["mke2fs", "mkfs.erofs", "xorriso", "cpio", "qemu-img"].iter().all(|it| has(it)) {
        return;
    }
    let rounds: u64 =
        std::env::var("OSKIN_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(300);
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name);
    make_small_tree(&place("tree"));
    mke2fs("ext4", &["-b", "1024", "-O", "inline_data"], &place("tree"), &place("a.ext4"), "1M");
    mke2fs("ext2", &["-b", "1024", "-I", "128"], &place("tree"), &place("b.ext2"), "1M");
    make_disk(&place("c.disk"), &gpt(512, &[(DATA, "", 2048, 2048)]), &[(&place("a.ext4"), 2048)]);
    let mbr = [(0, mbr_sector(&[(5, 2048, 9000)])), (2048, mbr_sector(&[(0x83, 2048, 2048)]))];
    make_disk(&place("d.disk"), &mbr, &[(&place("b.ext2"), 4096)]);
    shell(
        dir.path(),
        "qemu-img convert -c -f raw -O qcow2 a.ext4 e.qcow2
         qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd,cluster_size=4K a.ext4 f.qcow2
         mkfs.erofs -zlz4hc -Eztailpacking g.erofs tree >messages 2>&1
         mkfs.erofs -zlz4hc -C16384 -Elegacy-compress h.erofs tree >messages 2>&1
         mkfs.erofs --chunksize=4096 i.erofs tree >messages 2>&1
         xorriso -as mkisofs -quiet -R -J --hardlinks -o j.iso tree >messages 2>&1
         cd tree; find . -mindepth 1 | cpio --quiet -o -H crc > ../k.cpio 2>../messages
         find . -mindepth 1 | cpio --quiet -o -H odc | gzip > ../l.cpio.gz; cd ..
         truncate -s 3M c.disk d.disk; rm messages",
    );
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below.max(1)
    };
    let mut names: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some());
    names.sort();
    assert_eq!(names.len(), 12);
    for path in names {
        let bytes = std::fs::read(&path).unwrap();
        let told: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
        let kind = path.extension().unwrap().to_str().unwrap();
        let transport = match kind {
            "erofs" | "iso" | "cpio" => kind,
            "gz" => "cpio",
            _ => "disk",
        };
        let damaged = place("damaged");
        let text = format!("{transport}:{}", damaged.display());
        let started = std::time::Instant::now();
        for round in 0..rounds {
            let mut bytes = bytes.clone();
            if round % 16 == 0 {
                bytes.truncate(usize::try_from(next(bytes.len() as u64)).unwrap());
            }
            // Half of the time in the beginning, where most of the structure is.
            let most = if round % 2 == 0 { told.len() } else { told.len().min(600) };
            for _ in 0..=next(6) {
                let at = told[usize::try_from(next(most as u64)).unwrap()];
                let near = at + usize::try_from(next(8)).unwrap();
                let value = [0, 0xff, 1, 0x80, u8::try_from(next(256)).unwrap()];
                if let Some(byte) = bytes.get_mut(if round % 3 == 0 { near } else { at }) {
                    *byte = value[usize::try_from(next(5)).unwrap()];
                }
            }
            std::fs::write(&damaged, &bytes).unwrap();
            let last = std::time::Instant::now();
            read_damaged(&text);
            let seconds = last.elapsed().as_secs();
            assert!(seconds < 30, "{}: round {round} took {seconds} s", path.display());
        }
        eprintln!("{}: {rounds} rounds, {:?}", path.display(), started.elapsed());
    }
}

#[test]
fn pipes_are_refused_where_many_places_are_read() {
    let dir = tempfile::tempdir().unwrap();
    shell(dir.path(), "mkfifo pipe");
    for transport in ["disk", "squashfs", "sif", "iso", "erofs"] {
        let text = format!("{transport}:{}", dir.path().join("pipe").display());
        let error = open_text(&text, &ReadOptions::default()).unwrap_err().to_string();
        assert!(error.contains("is no regular file"), "{error}");
    }
}
