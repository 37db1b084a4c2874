//! `sbom:`: bills of materials as images of packages only, damaged and hostile ones refused.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod common;

use common::{open_text, write};
use oskin::catalog::{Added, Catalog};
use oskin::image::{Fact, Package};
use oskin::ingest;
use oskin::source::{ImageSource, ReadOptions, SourceError, SourceSpec, Transport};
use proptest::prelude::*;
use std::path::Path;
use testkit::Compression;

const CYCLONEDX: &str = r#"{
  "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
  "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
  "metadata": { "timestamp": "2024-01-01T00:00:00Z", "component": {
      "type": "container", "bom-ref": "r", "name": "host.example/app:2", "version":
      "sha256:00000000000000000000000000000000000000000000000000000000000000aa" } },
  "components": [
    { "type": "operating-system", "name": "Debian", "version": "12", "description": "Debian 12" },
    { "type": "library", "name": "libc6", "version": "2.36", "purl":
      "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12" },
    { "type": "library", "name": "libc6", "version": "2.36", "purl":
      "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?distro=debian-12&arch=amd64" },
    { "type": "application", "name": "app", "version": 7, "group": "team", "components": [
      { "type": "library", "group": "@scope", "name": "part", "version": "1.0.0",
        "purl": "pkg:npm/%40scope/part@1.0.0",
        "components": [ { "type": "library", "name": "inner", "purl": "pkg:npm/inner" , "version": "3" } ] } ] },
    { "type": "file", "name": "/etc/passwd" },
    { "type": "library", "name": "odd", "version": "1", "purl": "not a purl" },
    { "type": "library", "version": "1" }
  ],
  "dependencies": [ { "ref": "r", "dependsOn": [] } ]
}"#;

const SPDX: &str = r#"{
  "SPDXID": "SPDXRef-DOCUMENT", "spdxVersion": "SPDX-2.3", "name": "doc", "dataLicense": "CC0-1.0",
  "packages": [
    { "SPDXID": "SPDXRef-image", "name": "host.example/app", "versionInfo": "2", "primaryPackagePurpose": "CONTAINER",
      "filesAnalyzed": false, "externalRefs": [ { "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
        "referenceLocator": "pkg:oci/app@sha256%3A00000000000000000000000000000000000000000000000000000000000000aa?repository_url=host.example/app&tag=2" } ] },
    { "SPDXID": "SPDXRef-1", "name": "libc6", "versionInfo": "2.36-9+deb12u4", "licenseDeclared": "NOASSERTION",
      "externalRefs": [
        { "referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a:x" },
        { "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
          "referenceLocator": "pkg:deb/debian/libc6@2.36-9+deb12u4?arch=amd64&distro=debian-12" } ] },
    { "SPDXID": "SPDXRef-2", "name": "plain", "versionInfo": "1" },
    { "SPDXID": "SPDXRef-3", "name": "bare" }
  ],
  "files": [ { "SPDXID": "SPDXRef-f", "fileName": "./etc/passwd" } ],
  "relationships": [
    { "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-image" },
    { "spdxElementId": "SPDXRef-image", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-1" } ]
}"#;

fn opened(directory: &Path, name: &str, bytes: &[u8]) -> Result<ImageSource, SourceError> {
    let path = write(directory, name, bytes);
    let mut images = open_text(&format!("sbom:{}", path.display()), &ReadOptions::default())?;
    Ok(images.remove(0))
}

fn read(name: &str, bytes: &[u8]) -> ImageSource {
    opened(tempfile::tempdir().unwrap().path(), name, bytes).unwrap()
}

fn error(bytes: &[u8]) -> String {
    let error = opened(tempfile::tempdir().unwrap().path(), "x.json", bytes).unwrap_err();
    assert!(error.hint().is_some(), "{error}");
    let text = error.to_string();
    assert!(text.contains("x.json: "), "{text}");
    text.rsplit_once("x.json: ").unwrap().1.to_owned()
}

fn purls(image: &ImageSource) -> Vec<String> {
    image.packages.as_ref().unwrap().list().iter().map(Package::to_string).collect()
}

#[test]
fn cyclonedx_is_read() {
    let image = read("a.json", CYCLONEDX.as_bytes());
    assert_eq!(
        purls(&image),
        [
            "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12",
            "pkg:generic/odd@1",
            "pkg:generic/team/app@7",
            "pkg:npm/inner@3",
            "pkg:npm/%40scope/part@1.0.0",
        ]
    );
    assert_eq!(image.name, "host.example/app:2");
    assert_eq!(image.reference.as_deref(), Some("host.example/app:2"));
    assert!(image.manifest_digest.unwrap().to_string().ends_with("aa"));
    let packages = image.packages.unwrap();
    assert!(packages.only && image.layers.is_empty());
    let system = packages.system.unwrap();
    assert_eq!(system.id.as_deref(), Some("debian"));
    assert_eq!(system.pretty_name.as_deref(), Some("Debian 12"));
    let format = Fact { kind: "sbom.format".into(), text: "CycloneDX 1.5".into() };
    assert_eq!(image.facts, [format]);
    let warnings: Vec<&str> = image.warnings.iter().map(|it| it.what.as_str()).collect();
    assert_eq!(
        warnings,
        [
            "no package URL: it has no scheme; taken by its name: not a purl",
            "a component without a name is left out"
        ]
    );
}

#[test]
fn spdx_is_read() {
    let image = read("a.spdx.json", SPDX.as_bytes());
    assert_eq!(
        purls(&image),
        [
            "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12",
            "pkg:generic/bare",
            "pkg:generic/plain@1",
        ]
    );
    assert_eq!(image.name, "host.example/app:2");
    assert!(image.manifest_digest.is_some());
    let system = image.packages.unwrap().system.unwrap();
    assert_eq!((system.id.as_deref(), system.version_id.as_deref()), (Some("debian"), Some("12")));
    assert_eq!(image.facts[0].text, "SPDX 2.3");
    assert_eq!(image.warnings, []);
    // The older way to say what it is about.
    let older = SPDX
        .replace("\"relationships\"", "\"ignored\"")
        .replace("\"name\": \"doc\"", "\"documentDescribes\": [\"SPDXRef-image\"]");
    assert_eq!(purls(&read("b.json", older.as_bytes())).len(), 3);
    // About all of them is about none.
    let list = older.replace("[\"SPDXRef-image\"]", "[\"SPDXRef-image\", \"SPDXRef-1\"]");
    let image = read("c.json", list.as_bytes());
    assert_eq!((purls(&image).len(), image.name.as_str()), (4, "c"));
}

#[test]
fn documents_are_told_by_their_content_compressed_or_wrapped() {
    let directory = tempfile::tempdir().unwrap();
    let mut wrapped =
        format!(r#"{{"_type":"https://in-toto.io/Statement/v0.1","predicate":{SPDX}}}"#);
    let behind = format!(r#"{{"x":"{}",{}"#, "y".repeat(100_000), &SPDX.trim_start()[1..]);
    let gzip = testkit::compress(CYCLONEDX.as_bytes(), Compression::Gzip);
    let zstd = testkit::compress(CYCLONEDX.as_bytes(), Compression::Zstd);
    let xz = testkit::compress(CYCLONEDX.as_bytes(), Compression::Xz);
    let marked = [b"\xef\xbb\xbf", CYCLONEDX.as_bytes()].concat();
    for (name, bytes, count) in [
        ("a", CYCLONEDX.as_bytes(), 5),
        ("b", SPDX.as_bytes(), 3),
        ("c.txt", wrapped.as_bytes(), 3),
        ("d", behind.as_bytes(), 3),
        ("e.gz", &gzip, 5),
        ("f", &zstd, 5),
        ("g.json.xz", &xz, 5),
        ("h", &marked, 5),
    ] {
        let path = write(directory.path(), name, bytes);
        let spec = SourceSpec::parse(path.as_os_str()).unwrap();
        assert_eq!(spec.transport, Transport::Sbom, "{name}");
        assert_eq!(purls(&opened(directory.path(), name, bytes).unwrap()).len(), count, "{name}");
    }
    wrapped.truncate(wrapped.len() - 3);
    assert!(opened(directory.path(), "x", wrapped.as_bytes()).is_err());
    let listing = br#"{"image": {"fs": ["bin/sh", "\"bomFormat\""]}}"#;
    let path = write(directory.path(), "listing.json", listing);
    assert_eq!(SourceSpec::parse(path.as_os_str()).unwrap().transport, Transport::Paths);
}

#[test]
fn other_forms_are_named_with_a_way_around() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text, what) in [
        ("a.spdx", "SPDXVersion: SPDX-2.3\nPackageName: x\n", "SPDX tag-value"),
        (
            "b.xml",
            "<?xml version=\"1.0\"?>\n<bom xmlns=\"http://cyclonedx.org/schema/bom/1.4\"/>",
            "CycloneDX XML",
        ),
        (
            "c.json",
            r#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}"#,
            "SPDX 3",
        ),
    ] {
        for prefix in ["", "sbom:"] {
            let path = write(directory.path(), name, text.as_bytes());
            let text = format!("{prefix}{}", path.display());
            let error = open_text(&text, &ReadOptions::default()).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
            assert!(error.hint().unwrap().contains("CycloneDX JSON"), "{error}");
        }
    }
}

#[test]
fn hostile_documents_are_refused_in_words() {
    let start = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":"#;
    let deep = format!("{start}[{}", r#"{"name":"x","components":["#.repeat(100_000));
    let nested = format!("{start}{}", "[".repeat(100_000));
    let many = format!("{start}[{}{{}}]}}", "{},".repeat(200_000));
    for (bytes, what) in [
        (&b""[..], "is no bill of materials: it is no JSON object"),
        (b"[]", "is no bill of materials: it is no JSON object"),
        (b"{}", "neither bomFormat nor spdxVersion"),
        (br#"{"bomFormat":"Other"}"#, "its bomFormat is \"Other\""),
        (br#"{"spdxVersion":"SPDX-9.0"}"#, "its spdxVersion is \"SPDX-9.0\""),
        (br#"{"bomFormat":[]}"#, "invalid type: sequence, expected a text at line 1 column 15"),
        (br#"{"bomFormat":"CycloneDX","components":{}}"#, "expected a list of components"),
        (br#"{"bomFormat":"CycloneDX","components":[1]}"#, "expected a component"),
        (br#"{"bomFormat":"CycloneDX","components":[{"name":{}}]}"#, "expected a text"),
        (
            br#"{"bomFormat":"CycloneDX","components":[],"components":[]}"#,
            "duplicate field `components`",
        ),
        (
            br#"{"bomFormat":"CycloneDX","components":[{"name":"a","name":"b"}]}"#,
            "duplicate field `name`",
        ),
        (
            b"{\"bomFormat\":\"CycloneDX\",\"components\":[{\"name\":\"\xff\"}]}",
            "invalid unicode code point",
        ),
        (b"{\"bomFormat\":\"CycloneDX\"", "EOF while parsing"),
        (b"{\"bomFormat\":\"CycloneDX\"} x", "trailing characters"),
        (b"\xff\xfe{\0}\0", "is UTF-16 text"),
        (deep.as_bytes(), "recursion limit exceeded"),
        (nested.as_bytes(), "expected a component"),
    ] {
        let error = error(bytes);
        assert!(error.contains(what), "{error} for {what}");
    }
    let directory = tempfile::tempdir().unwrap();
    let refused = opened(directory.path(), "x", many.as_bytes()).unwrap_err();
    assert!(refused.to_string().contains("more components than the limit of 200000"), "{refused}");
}

#[test]
fn huge_texts_are_left_out_with_a_warning() {
    let long = "x".repeat(1 << 20);
    let text = format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"9.9","metadata":{{"component":{{"name":"{long}"}}}},
        "components":[{{"name":"{long}"}},{{"name":"a","purl":"pkg:npm/{long}"}}]}}"#
    );
    let image = read("huge.cdx.json", text.as_bytes());
    assert_eq!(purls(&image), ["pkg:generic/a"]);
    assert_eq!(image.name, "huge.cdx");
    let warnings: Vec<String> = image.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.iter().all(|it| it.len() < 2_000), "{warnings:?}");
    assert!(warnings[0].contains("\"9.9\" is not known here"), "{warnings:?}");
    assert!(warnings[1].contains("longer than 4096 bytes"), "{warnings:?}");
    assert!(warnings[2].contains("longer than 16 KiB; taken by its name"), "{warnings:?}");
    let empty = read("e.json", br#"{"bomFormat":"CycloneDX","specVersion":"1.6"}"#);
    assert_eq!(empty.warnings[0].what, "the document lists no component");
}

proptest! {
    #[test]
    fn damaged_documents_never_panic(at in 0_usize..2_000, byte in any::<u8>(), cut in any::<bool>(), spdx in any::<bool>()) {
        let mut bytes = if spdx { SPDX } else { CYCLONEDX }.as_bytes().to_vec();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        drop(opened(tempfile::tempdir().unwrap().path(), "x.json", &bytes));
    }
}

fn added(catalog: &mut Catalog, image: &ImageSource, name: &str) -> Added {
    ingest::add(catalog, image, Some(name), &ReadOptions::default()).unwrap().added
}

#[test]
fn catalogs_keep_packages_and_facts_until_they_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalog.db");
    let mut catalog = Catalog::open_or_create(&path).unwrap();
    let mut image = read("a.json", CYCLONEDX.as_bytes());
    let tables = |catalog: &Catalog| {
        let connection = rusqlite::Connection::open(catalog.path()).unwrap();
        let count = |table: &str| {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).ok()
        };
        [count("image_facts"), count("image_packages")]
    };
    let listing = write(directory.path(), "list", b"a/b\na/c\n");
    let listing = open_text(&format!("paths:{}", listing.display()), &ReadOptions::default());
    let listing = listing.unwrap().remove(0);
    added(&mut catalog, &listing, "paths");
    // What nobody needs is not made.
    assert_eq!(tables(&catalog), [None, None]);
    image.facts.push(Fact { kind: "long".into(), text: "é".repeat(3 << 19) });
    image
        .facts
        .extend([2, 3, 4].map(|it| Fact { kind: format!("big-{it}"), text: "x".repeat(1 << 20) }));
    image.facts.push(Fact { kind: "last".into(), text: "x".into() });
    let Added::New(record) = added(&mut catalog, &image, "sbom") else { panic!() };
    assert_eq!((record.packages, record.packages_only, record.files), (Some(5), true, 0));
    assert_eq!(record.os.as_ref().unwrap().id.as_deref(), Some("debian"));
    let kept = catalog.image("sbom").unwrap();
    assert_eq!(kept, record);
    let lengths: Vec<usize> = kept.facts.iter().map(|fact| fact.text.len()).collect();
    assert_eq!(lengths[..4], [13, 1 << 20, 1 << 20, 1 << 20]);
    assert!(lengths.iter().sum::<usize>() <= 4 << 20 && lengths.len() == 5, "{lengths:?}");
    let warnings: Vec<&str> = kept.warnings.iter().map(|(_, what)| what.as_str()).collect();
    assert!(warnings.contains(&"cut after 1048576 of 3145728 bytes"), "{warnings:?}");
    assert!(warnings.contains(&"1 left out: there are more than 4 MiB"), "{warnings:?}");
    assert_eq!(catalog.packages(record.id).unwrap(), image.packages);
    assert_eq!(catalog.check().unwrap(), []);
    // It is there, and only the very same is.
    assert!(matches!(added(&mut catalog, &image, "sbom"), Added::Unchanged(_)));
    let other = read("b.json", SPDX.as_bytes());
    assert!(ingest::add(&mut catalog, &other, Some("sbom"), &ReadOptions::default()).is_err());
    assert!(ingest::add(&mut catalog, &other, Some("paths"), &ReadOptions::default()).is_err());
    // Questions about paths pass it over.
    let names =
        |list: Vec<(i64, String)>| list.into_iter().map(|(_, name)| name).collect::<Vec<_>>();
    assert_eq!(names(catalog.names().unwrap()), ["paths", "sbom"]);
    assert_eq!(names(catalog.names_with_paths().unwrap()), ["paths"]);
    catalog.remove("sbom").unwrap();
    assert_eq!(tables(&catalog), [Some(0), Some(0)]);
    assert_eq!(catalog.check().unwrap(), []);
}

#[test]
fn packages_only_are_no_answer_to_questions_about_paths() {
    use oskin::measure::Measure;
    use oskin::path_set::{PathSet, Selection};
    let directory = tempfile::tempdir().unwrap();
    let mut catalog = Catalog::open_or_create(&directory.path().join("c.db")).unwrap();
    let image = read("a.json", CYCLONEDX.as_bytes());
    added(&mut catalog, &image, "first");
    let other = read("b.json", SPDX.as_bytes());
    added(&mut catalog, &other, "second");
    for selection in [Selection::Files, Selection::Directories, Selection::Both] {
        for measure in Measure::ALL {
            let none = PathSet::default();
            assert_eq!(catalog.nearest((&none, selection), measure, 0.0, 9).unwrap(), []);
        }
        assert_eq!(catalog.overlaps(&PathSet::default(), selection).unwrap(), []);
    }
    let ranking = catalog.rank(&PathSet::default()).unwrap();
    assert_eq!((ranking.twin, ranking.candidates, ranking.overlaps), (None, vec![], vec![]));
    let walk = catalog.walk_down(&PathSet::default(), Measure::Dice, 3).unwrap().unwrap();
    assert_eq!(walk.nearest, []);
    assert!(catalog.family().unwrap().is_none());
    let id = catalog.image("first").unwrap().id;
    assert!(catalog.twins(id).unwrap().is_empty());
    assert_eq!(catalog.check().unwrap(), []);
}

#[test]
fn damage_to_what_is_told_is_a_violation() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalog.db");
    let mut catalog = Catalog::open_or_create(&path).unwrap();
    let Added::New(record) = added(&mut catalog, &read("a.json", CYCLONEDX.as_bytes()), "sbom")
    else {
        panic!()
    };
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    let check = |sql: &str, what: &str| {
        connection.execute_batch(sql).unwrap();
        let found = catalog.check().unwrap();
        let texts: Vec<&str> = found.iter().map(|it| it.what.as_str()).collect();
        assert!(texts.iter().any(|it| it.contains(what)), "{sql}: {texts:?}");
    };
    let id = record.id;
    check("UPDATE image_packages SET packages = 4", "states other packages than it has");
    check("UPDATE image_packages SET packages = 5, data = x'00'", "block is cut short");
    check("INSERT INTO image_facts VALUES (99, x'00')", "the image is not there");
    check(&format!("UPDATE image_facts SET data = x'00' WHERE image_id = {id}"), "cut short");
    assert!(catalog.packages(id).is_err() && catalog.images().is_err());
}
