//! Images on their way from a source to an inventory: which layers, in which order, which error.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{lines, open_text, write};
use oskin::ingest::{self, ReadImage};
use oskin::source::ReadOptions;
use std::path::Path;
use testkit::{ArchiveOptions, Compression, Defect, Image, OciOptions, docker_archive};

fn read(directory: &Path, archive: &[u8]) -> Result<ReadImage, ingest::IngestError> {
    let path = write(directory, "image.tar", archive);
    let options = ReadOptions::default();
    let image = open_text(path.to_str().unwrap(), &options).unwrap().remove(0);
    ingest::read(&image, None, &options)
}

#[test]
fn layers_with_and_without_a_diff_id_keep_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = "a file 1\n//- layer\nb file 2\n//- layer\n.wh.a file\n//- layer\nd file 4\n";
    let image = Image::from_fixture(fixture);
    let known = image.diff_ids();
    for unknown in 0..1 << known.len() {
        let ids: Vec<String> = known
            .iter()
            .enumerate()
            .map(|(at, id)| match unknown >> at & 1 {
                0 => id.clone(),
                _ => format!("sha512:{}", "0".repeat(128)),
            })
            .collect();
        let rootfs = serde_json::json!({"type": "layers", "diff_ids": ids});
        let image = image.clone().config_field("rootfs", rootfs);
        let archive = docker_archive(&[image], &ArchiveOptions::default());
        let read = read(dir.path(), &archive).unwrap();
        assert_eq!(lines(&read.inventory), ["file b", "file d"], "{unknown:04b}");
        let keys: Vec<String> = read.layers.iter().map(|layer| layer.key.to_string()).collect();
        assert_eq!(keys, known, "{unknown:04b}");
    }
}

#[test]
fn of_several_damaged_layers_the_lowest_is_told_of() {
    let dir = tempfile::tempdir().unwrap();
    // The lowest takes longest, so that another thread is done before.
    let fixture = "a file 3000000\n//- layer\nb file 2\n//- layer\nc file 3\n//- layer\nd file\n";
    let image = Image::from_fixture(fixture)
        .defect(Defect::WrongDiffId(0))
        .defect(Defect::GarbageTar(2))
        .defect(Defect::GarbageTar(3));
    let archive = docker_archive(&[image], &ArchiveOptions::default());
    for _ in 0..20 {
        let error = read(dir.path(), &archive).unwrap_err().to_string();
        assert!(error.contains("digest mismatch"), "{error}");
    }
}

#[test]
fn a_file_that_gives_way_to_what_lies_below_it_is_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::from_fixture("a file 1\n//- layer\na/b file 2\n");
    let read = read(dir.path(), &docker_archive(&[image], &ArchiveOptions::default())).unwrap();
    assert_eq!(lines(&read.inventory), ["directory a", "file a/b"]);
    let told = ("a".to_owned(), "replaced, because later entries lie below it".to_owned());
    assert_eq!(read.record.warnings, [told]);
}

#[test]
fn further_names_of_a_symbolic_link_lead_where_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = "usr/lib/os-release file \"ID=far\\n\"\n//- layer\nlink symlink usr/lib\n\
        name hardlink link\nlast hardlink name\nlast/b file 2\n//- layer\netc hardlink last\n";
    let image = Image::from_fixture(fixture);
    let archive = docker_archive(std::slice::from_ref(&image), &ArchiveOptions::default());
    let read = read(dir.path(), &archive).unwrap();
    common::assert_same(&read.inventory, &image.expected(), fixture);
    assert!(read.inventory.get(b"usr/lib/b").is_some());
    assert_eq!(read.record.os.unwrap().id.as_deref(), Some("far"));
    assert_eq!(read.record.warnings, []);
}

/// A small archive could keep the processor busy for hours with one layer that grows large.
#[test]
fn a_layer_that_comes_again_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = "//- layer\na file 1\n".repeat(50) + "//- layer\nb file 2\n//- layer\na file 1\n";
    let image = Image::from_fixture(&fixture);
    let rootfs = serde_json::json!({"type": "layers", "diff_ids": []});
    for image in [image.clone(), image.config_field("rootfs", rootfs)] {
        for outer in [Compression::None, Compression::Gzip] {
            let archive =
                testkit::oci_archive(std::slice::from_ref(&image), &OciOptions::default());
            let read = read(dir.path(), &testkit::compress(&archive, outer)).unwrap();
            assert_eq!((read.layers_read, read.layers.len()), (2, 52));
            assert_eq!(lines(&read.inventory), ["file a", "file b"]);
        }
    }
}
