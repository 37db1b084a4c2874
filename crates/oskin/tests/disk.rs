//! Disk images and file system images: real ones with known counts, and ones made here of a tree
//! that `rootfs:` reads too.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use common::{counts, open_text, read, read_text, shared_data, warnings};
use oskin::inventory::{EntryKind, Inventory};
use oskin::path::escape;
use oskin::source::{ReadOptions, SourceError};
use std::collections::BTreeMap;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn every_disk_of_the_manifest() {
    let Some(data) = shared_data() else { return };
    let table = std::fs::read_to_string(data.join("real/manifest.tsv")).unwrap();
    let mut rows = 0;
    for row in table.lines().skip(1).filter(|row| row.starts_with("disk/")) {
        let fields: Vec<&str> = row.split('\t').collect();
        let number = |at: usize| fields[at].parse::<u64>().unwrap();
        let path = data.join("real").join(fields[0]);
        if fields[0].ends_with(".sqsh") {
            continue;
        }
        rows += 1;
        // Bare paths, so that the format is told by content.
        let found = read_text(path.to_str().unwrap());
        if let Some(name) = ["XFS", "btrfs"].iter().find(|it| fields[0].contains(&it.to_lowercase()))
        {
            let error = found.unwrap_err();
            assert!(error.to_string().contains(&format!("{name}, not supported yet")), "{error}");
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
    let keys: Vec<_> = inventory.iter().map(|entry| escape(entry.path).to_string()).collect();
    assert_eq!(keys, ["lost+found", "private-key1.pem"]);
    let fact = |kind: &str| {
        image.facts.iter().find(|fact| fact.kind == kind).map(|fact| fact.text.clone()).unwrap()
    };
    let table = fact("disk.partitions");
    for part in ["GPT", "exFAT", "FAT", "NTFS", "(read)"] {
        assert!(table.contains(part), "{table}");
    }
    for (number, message) in [(2, "not supported yet"), (9, "there is no partition 9")] {
        let options = ReadOptions { partition: Some(number), ..ReadOptions::default() };
        let error = open_text(&text, &options).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.hint().is_some());
    }
}
