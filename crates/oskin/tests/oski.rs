//! `.oski` files come back as they were written, and damage never panics.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use oskin::image::{Digest, Fact, ImageRecord, LayerKey, OsIdentity, Package, Packages};
use oskin::inventory::{Entry, EntryKind, Layer};
use oskin::oski::{self, OskiError, OskiImage, OskiLayer};
use std::sync::Arc;

fn layer(number: u8, files: u32) -> OskiLayer {
    let mut layer = Layer::new();
    let digest = Digest([number; 32]);
    for file in 0..files {
        let path = format!("usr/share/{number}/{file}");
        let entry = Entry {
            digest: Some(&digest),
            size_bytes: file.into(),
            ..Entry::bare(path.as_bytes(), EntryKind::File)
        };
        layer.push(&entry).unwrap();
    }
    layer.set_listing(number == 3);
    OskiLayer {
        key: LayerKey::DiffId(Digest([number; 32])),
        size_bytes: 99,
        layer: Arc::new(layer),
    }
}

fn images() -> Vec<OskiImage> {
    let record = |name: &str| ImageRecord {
        name: name.to_owned(),
        reference: Some("a:1".into()),
        config: Some(b"{}".to_vec()),
        warnings: vec![("here".into(), "odd".into())],
        ..ImageRecord::default()
    };
    vec![
        OskiImage { record: record("base"), layers: vec![layer(1, 70_000)], packages: None },
        OskiImage {
            record: record("child"),
            layers: vec![layer(1, 70_000), layer(3, 5)],
            packages: None,
        },
        OskiImage { record: record("empty"), layers: vec![layer(4, 0)], packages: None },
    ]
}

fn written(images: &[OskiImage]) -> Vec<u8> {
    let mut bytes = Vec::new();
    oski::write(&mut bytes, images).unwrap();
    bytes
}

#[test]
fn images_come_back_and_shared_layers_are_written_once() {
    let images = images();
    let bytes = written(&images);
    let back = oski::read(&mut bytes.as_slice()).unwrap();
    for (image, back) in images.iter().zip(&back) {
        assert_eq!(image.record, back.record);
        assert_eq!(image.layers.len(), back.layers.len());
        for (layer, back) in image.layers.iter().zip(&back.layers) {
            assert_eq!((layer.key, layer.size_bytes), (back.key, back.size_bytes));
            assert_eq!(layer.layer, back.layer);
        }
    }
    assert!(bytes.len() < written(&images[..1]).len() + 2000);
    assert_eq!(bytes, written(&back));
}

#[test]
fn facts_and_packages_come_back_and_only_they_need_the_newer_version() {
    let plain = images();
    assert_eq!(written(&plain)[5], 1);
    let package = |purl: &str| Package::from_purl(purl).unwrap();
    let list = vec![package("pkg:deb/debian/a@1?arch=amd64"), package("pkg:npm/b@2")];
    let system = OsIdentity { id: Some("debian".into()), ..OsIdentity::default() };
    let fact = Fact { kind: "sif.deffile".into(), text: "Bootstrap: docker\n".into() };
    let mut images = plain;
    images[0].record.facts = vec![fact];
    images[2].layers.clear();
    images[2].packages = Some(Packages::new(list, true).with_system(Some(system)));
    let bytes = written(&images);
    assert_eq!(bytes[5], 2);
    let back = oski::read(&mut bytes.as_slice()).unwrap();
    assert_eq!(back[0].record, images[0].record);
    assert_eq!(back[1].record, images[1].record);
    assert_eq!(back[2].packages, images[2].packages);
    let record = &back[2].record;
    assert_eq!((record.packages, record.packages_only), (Some(2), true));
    assert_eq!(record.os.as_ref().unwrap().id.as_deref(), Some("debian"));
    assert_eq!(written(&back), bytes);
    for cut in bytes.len().saturating_sub(300)..bytes.len() {
        assert!(oski::read(&mut &bytes[..cut]).is_err());
    }
    // What has layers is not packages only.
    images[1].packages = images[2].packages.clone();
    assert!(oski::read(&mut written(&images).as_slice()).is_err());
}

#[test]
fn damaged_files_are_refused_at_their_place() {
    let bytes = written(&images()[2..]);
    assert!(matches!(oski::read(&mut &b"nothing"[..]), Err(OskiError::NotOski)));
    assert!(matches!(oski::read(&mut &b""[..]), Err(OskiError::NotOski)));
    let mut newer = bytes.clone();
    newer[5] = 9;
    assert!(matches!(oski::read(&mut newer.as_slice()), Err(OskiError::TooNew { found: 9 })));
    for cut in 6..bytes.len() {
        let error = oski::read(&mut &bytes[..cut]).unwrap_err();
        assert!(matches!(error, OskiError::Damaged { .. }), "cut at {cut}: {error}");
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        let _either_way = oski::read(&mut damaged.as_slice());
    }
}
