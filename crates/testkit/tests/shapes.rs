//! What the builders write has the shape that its options promise: members, links, descriptors.

#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use testkit::{
    ArchiveFlavor, ArchiveOptions, BlobFiles, Compression, Defect, HistoryStep, Image,
    ManifestPlace, MediaTypes, NamePrefix, OciOptions, RefNames, SharedLayers, TarOptions, digest,
    docker_archive, oci_archive, sha256_hex, write_oci_layout,
};

const BASE: &str = "//- layer created_by=\"base\"\na file \"1\"\n";
const CHILD: &str = "//- layer created_by=\"base\"\na file \"1\"\n//- layer\nb file \"2\"\n";

fn base() -> Image {
    Image::from_fixture(BASE).reference("base:1")
}

fn child() -> Image {
    Image::from_fixture(CHILD).reference("app:1").reference("app:2")
}

/// Unpacks an archive with GNU tar.
fn unpacked(archive: &[u8]) -> TempDir {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("archive");
    fs::write(&path, archive).unwrap();
    let status = Command::new("tar").arg("-xf").arg(&path).arg("-C").arg(dir.path()).status();
    assert!(status.unwrap().success());
    fs::remove_file(path).unwrap();
    dir
}

/// The names of an archive in their order, read by GNU tar.
fn names(archive: &[u8]) -> Vec<String> {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("archive");
    fs::write(&path, archive).unwrap();
    let output = Command::new("tar").arg("-tf").arg(&path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn archive(flavor: ArchiveFlavor) -> ArchiveOptions {
    ArchiveOptions { flavor, ..ArchiveOptions::default() }
}

#[test]
fn docker_20_names_layers_by_id_and_links_shared_ones() {
    let images = [base(), child()];
    let dir = unpacked(&docker_archive(&images, &ArchiveOptions::default()));
    let manifest = json(&dir.path().join("manifest.json"));
    assert_eq!(manifest[0]["RepoTags"], serde_json::json!(["base:1"]));
    assert_eq!(manifest[1]["RepoTags"], serde_json::json!(["app:1", "app:2"]));
    let own = manifest[0]["Layers"][0].as_str().unwrap();
    let shared = manifest[1]["Layers"][0].as_str().unwrap();
    assert_ne!(own, shared);
    assert_eq!(fs::read_link(dir.path().join(shared)).unwrap(), Path::new("..").join(own));
    assert!(fs::symlink_metadata(dir.path().join(own)).unwrap().is_file());
    let config = manifest[1]["Config"].as_str().unwrap();
    let content = fs::read(dir.path().join(config)).unwrap();
    assert_eq!(config, format!("{}.json", sha256_hex(&content)));
    let repositories = json(&dir.path().join("repositories"));
    let top = manifest[1]["Layers"][1].as_str().unwrap();
    assert_eq!(repositories["app"]["2"].as_str().unwrap(), top.trim_end_matches("/layer.tar"));

    let copy = ArchiveOptions { shared: SharedLayers::Copy, ..ArchiveOptions::default() };
    let dir = unpacked(&docker_archive(&images, &copy));
    assert_eq!(fs::read(dir.path().join(shared)).unwrap(), images[0].layer_tars()[0]);
}

#[test]
fn layers_on_other_stacks_have_other_ids() {
    let stack = |middle: &str| {
        Image::from_fixture(&format!("{BASE}//- layer\n{middle} file\n//- layer\ntop file\n"))
    };
    let images = [stack("left"), stack("right")];
    let dir = unpacked(&docker_archive(&images, &ArchiveOptions::default()));
    let manifest = json(&dir.path().join("manifest.json"));
    let (left, right) = (&manifest[0]["Layers"], &manifest[1]["Layers"]);
    assert_eq!(left[0], right[0]);
    assert_ne!(left[1], right[1]);
    assert_ne!(left[2], right[2]);
    for (image, names) in images.iter().zip([left, right]) {
        for (tar, name) in image.layer_tars().iter().zip(names.as_array().unwrap()) {
            assert!(fs::read(dir.path().join(name.as_str().unwrap())).unwrap() == *tar, "{name}");
        }
    }
}

#[test]
fn skopeo_names_layers_by_diff_id_and_crane_by_blob() {
    let image = child();
    let diff_ids = image.diff_ids();
    let dir = unpacked(&docker_archive(&[image], &archive(ArchiveFlavor::Skopeo)));
    let manifest = json(&dir.path().join("manifest.json"));
    let layer = manifest[0]["Layers"][0].as_str().unwrap();
    assert_eq!(format!("sha256:{}", layer.trim_end_matches(".tar")), diff_ids[0]);
    let links = fs::read_dir(dir.path())
        .unwrap()
        .filter_map(|found| fs::read_link(found.unwrap().path().join("layer.tar")).ok());
    assert!(links.into_iter().any(|target| target == Path::new("..").join(layer)));

    let gzip = child().compression(Compression::Gzip);
    let dir = unpacked(&docker_archive(&[gzip], &archive(ArchiveFlavor::Crane)));
    let manifest = json(&dir.path().join("manifest.json"));
    let layer = manifest[0]["Layers"][1].as_str().unwrap();
    let content = fs::read(dir.path().join(layer)).unwrap();
    assert_eq!(layer, format!("{}.tar.gz", sha256_hex(&content)));
    assert_eq!(content[..2], [0x1f, 0x8b]);
    let config = fs::read(dir.path().join(manifest[0]["Config"].as_str().unwrap())).unwrap();
    assert_eq!(manifest[0]["Config"], digest(&config));
}

#[test]
fn docker_25_is_a_layout_with_a_manifest() {
    let nameless = Image::from_fixture(BASE);
    let dir = unpacked(&docker_archive(&[child(), nameless], &archive(ArchiveFlavor::Docker25)));
    let manifest = json(&dir.path().join("manifest.json"));
    assert_eq!(manifest[1]["RepoTags"], Value::Null);
    let layer = manifest[0]["Layers"][1].as_str().unwrap();
    let tar = fs::read(dir.path().join(layer)).unwrap();
    assert_eq!(layer, format!("blobs/sha256/{}", sha256_hex(&tar)));
    let source = &manifest[0]["LayerSources"][digest(&tar)];
    assert_eq!(source["size"], tar.len());
    assert_eq!(source["mediaType"], "application/vnd.oci.image.layer.v1.tar");
    let index = json(&dir.path().join("index.json"));
    assert_eq!(index["manifests"][1]["annotations"]["org.opencontainers.image.ref.name"], "2");
    assert_eq!(json(&dir.path().join("oci-layout"))["imageLayoutVersion"], "1.0.0");
}

#[test]
fn the_manifest_stands_where_it_is_wanted() {
    for flavor in [ArchiveFlavor::Docker20, ArchiveFlavor::Docker25] {
        let first = ArchiveOptions { manifest: ManifestPlace::First, ..archive(flavor) };
        assert_eq!(names(&docker_archive(&[base()], &first))[0], "manifest.json");
        let last = names(&docker_archive(&[base()], &archive(flavor)));
        let at = last.iter().position(|name| name == "manifest.json").unwrap();
        assert_eq!(last[at + 1..], ["repositories"]);
    }
    let outer =
        TarOptions { prefix: NamePrefix::DotSlash, root_entry: true, ..TarOptions::default() };
    let options = OciOptions { outer, ..OciOptions::default() };
    let names = names(&oci_archive(&[base()], &options));
    assert_eq!(names[..3], ["./", "./blobs/", "./blobs/sha256/"]);
    assert!(names.contains(&"./oci-layout".to_owned()));
}

/// Writes a layout and returns it with its index.
fn layout(images: &[Image], options: &OciOptions) -> (TempDir, Value) {
    let dir = TempDir::new().unwrap();
    write_oci_layout(dir.path(), images, options).unwrap();
    let index = json(&dir.path().join("index.json"));
    (dir, index)
}

/// Follows a descriptor.
fn blob(dir: &TempDir, descriptor: &Value) -> Value {
    let hex = descriptor["digest"].as_str().unwrap().trim_start_matches("sha256:");
    let path = dir.path().join("blobs/sha256").join(hex);
    assert_eq!(fs::metadata(&path).unwrap().len(), descriptor["size"].as_u64().unwrap());
    json(&path)
}

#[test]
fn indexes_nest_and_hold_all_platforms_of_a_reference() {
    let arm = child().platform("linux/arm64/v8");
    let options = OciOptions { nesting: 2, attestations: true, ..OciOptions::default() };
    let (dir, index) = layout(&[child(), base(), arm], &options);
    let top = index["manifests"].as_array().unwrap();
    let name = |at: usize| &top[at]["annotations"]["org.opencontainers.image.ref.name"];
    assert_eq!([name(0), name(1), name(2)], ["app:1", "app:2", "base:1"]);
    let inner = blob(&dir, &blob(&dir, &top[0])["manifests"][0]);
    let platforms: Vec<&Value> =
        inner["manifests"].as_array().unwrap().iter().map(|m| &m["platform"]).collect();
    let unknown = serde_json::json!({ "architecture": "unknown", "os": "unknown" });
    assert_eq!(platforms[0]["architecture"], "amd64");
    assert_eq!(
        (&platforms[2]["architecture"], &platforms[2]["variant"]),
        (&"arm64".into(), &"v8".into())
    );
    assert_eq!([platforms[1], platforms[3]], [&unknown, &unknown]);
    let attestation = &inner["manifests"][1];
    let annotations = &attestation["annotations"];
    assert_eq!(annotations["vnd.docker.reference.digest"], inner["manifests"][0]["digest"]);
    let statement = &blob(&dir, attestation)["layers"][0];
    assert_eq!(statement["mediaType"], "application/vnd.in-toto+json");
}

#[test]
fn descriptors_follow_the_options() {
    let options = OciOptions {
        media_types: MediaTypes::Docker,
        ref_names: RefNames::TagOnly,
        index_platforms: false,
        blobs: BlobFiles::Symlinked,
        ..OciOptions::default()
    };
    let image = base().compression(Compression::Gzip).annotation("k", "v");
    let (dir, index) = layout(&[image], &options);
    let descriptor = &index["manifests"][0];
    assert_eq!(descriptor["annotations"]["org.opencontainers.image.ref.name"], "1");
    assert_eq!(descriptor["platform"], Value::Null);
    let manifest = blob(&dir, descriptor);
    assert_eq!(manifest["mediaType"], "application/vnd.docker.distribution.manifest.v2+json");
    let layer = &manifest["layers"][0];
    assert_eq!(layer["mediaType"], "application/vnd.docker.image.rootfs.diff.tar.gzip");
    assert_eq!(manifest["annotations"]["k"], "v");
    let hex = layer["digest"].as_str().unwrap().trim_start_matches("sha256:");
    let path = dir.path().join("blobs/sha256").join(hex);
    assert_eq!(fs::read_link(&path).unwrap(), Path::new("../../store").join(hex));
    assert_eq!(digest(&fs::read(&path).unwrap()), layer["digest"].as_str().unwrap());

    let zstd = base().compression(Compression::ZstdFrames);
    let (dir, index) = layout(&[zstd], &OciOptions::default());
    let layer = &blob(&dir, &index["manifests"][0])["layers"][0];
    assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+zstd");
}

#[test]
fn the_configuration_says_what_was_declared() {
    let env_step = HistoryStep { created_by: "ENV A=1".into(), empty_layer: true };
    let layer_step = HistoryStep { created_by: "COPY".into(), empty_layer: false };
    let image = base()
        .env(&["A=1"])
        .env(&["B=2"])
        .entrypoint(&["/e"])
        .cmd(&["c"])
        .label("l", "m")
        .config_field("User", "me".into())
        .created("2024-01-02T03:04:05Z")
        .platform("linux/arm/v7")
        .history(vec![env_step, layer_step]);
    let diff_ids = image.diff_ids();
    let (dir, index) = layout(&[image, child()], &OciOptions::default());
    let config = blob(&dir, &blob(&dir, &index["manifests"][0])["config"]);
    let expected = serde_json::json!({
        "architecture": "arm", "os": "linux", "variant": "v7", "created": "2024-01-02T03:04:05Z",
        "config": {
            "Env": ["A=1", "B=2"], "Entrypoint": ["/e"], "Cmd": ["c"], "Labels": { "l": "m" },
            "User": "me",
        },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": [
            { "created": "2024-01-02T03:04:05Z", "created_by": "ENV A=1", "empty_layer": true },
            { "created": "2024-01-02T03:04:05Z", "created_by": "COPY" },
        ],
    });
    assert_eq!(config, expected);
    let default = blob(&dir, &blob(&dir, &index["manifests"][1])["config"]);
    assert_eq!(default["history"][0]["created_by"], "base");
    assert_eq!(default["history"][1]["created_by"], "layer 1");
}

/// What a defect changes: the files of a layout beside those of the same image without it.
fn changed(defect: Defect) -> (Vec<(Option<usize>, bool)>, Value) {
    let (dir, index) = layout(&[child().defect(defect)], &OciOptions::default());
    let manifest = blob(&dir, &index["manifests"][0]);
    let descriptors = manifest["layers"].as_array().unwrap();
    let stored = descriptors.iter().map(|descriptor| {
        let named = descriptor["digest"].as_str().unwrap();
        let path = dir.path().join("blobs/sha256").join(named.trim_start_matches("sha256:"));
        let content = fs::read(path).ok();
        let is_right = content.as_ref().is_some_and(|content| digest(content) == named);
        (content.map(|content| content.len()), is_right)
    });
    (stored.collect(), manifest)
}

#[test]
fn defects_spoil_what_they_name_and_nothing_else() {
    let whole = child().layer_tars();
    let (len, other) = (Some(whole[0].len()), (Some(whole[1].len()), true));
    assert_eq!(changed(Defect::WrongDiffId(0)).0, [(len, true), other]);
    assert_eq!(changed(Defect::WrongBlobDigest(0)).0, [(len, false), other]);
    assert_eq!(changed(Defect::TruncatedLayer(0)).0, [(Some(whole[0].len() / 2), false), other]);
    assert_eq!(changed(Defect::MissingLayer(0)).0, [(None, false), other]);
    assert_eq!(changed(Defect::GarbageTar(0)).0, [(Some(2048), true), other]);
    assert_eq!(changed(Defect::GarbageBlob(0)).0, [(Some(2048), true), other]);
    let (stored, manifest) = changed(Defect::WrongBlobSize(0));
    assert_eq!(stored, [(len, true), other]);
    assert_eq!(manifest["layers"][0]["size"], whole[0].len() + 1);

    let no_tags = docker_archive(
        &[base().defect(Defect::GarbageManifest)],
        &archive(ArchiveFlavor::Docker20),
    );
    let manifest = fs::read(unpacked(&no_tags).path().join("manifest.json")).unwrap();
    assert!(serde_json::from_slice::<Value>(&manifest).is_err());
    let no_config =
        docker_archive(&[base().defect(Defect::MissingConfig)], &archive(ArchiveFlavor::Docker20));
    assert!(
        !names(&no_config).iter().any(|name| name.contains(".json") && name != "manifest.json")
    );
}
