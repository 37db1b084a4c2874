//! What is installed in images, what makes them special, and their bills of materials.

use crate::common::Place;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use testkit::{FixtureEntry, FixtureKind, FixtureLayer, Image, OciOptions, write_oci_layout};

fn status(packages: &[(&str, &str)]) -> FixtureEntry {
    let stanza = |(name, version): &(&str, &str)| {
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n"
        )
    };
    let text: String = packages.iter().map(stanza).collect();
    FixtureEntry::file("var/lib/dpkg/status", text)
}

fn layer(entries: Vec<FixtureEntry>) -> FixtureLayer {
    FixtureLayer { entries, ..FixtureLayer::default() }
}

fn file(path: &str) -> FixtureEntry {
    FixtureEntry::file(path, path)
}

/// A base of some files, and a web server on it.
fn place() -> Place {
    let place = Place::new();
    let mut base = vec![
        FixtureEntry::file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        status(&[("bash", "5.2-1"), ("libc6", "2.36-9")]),
    ];
    base.extend((0..40).map(|at| file(&format!("usr/share/base/{at}"))));
    let python = "Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\nLicense: Apache-2.0\n\n";
    let metadata = "usr/lib/python3/site-packages/requests-2.31.0.dist-info/METADATA";
    let mut app = vec![
        status(&[("bash", "5.2-1"), ("libc6", "2.36-10"), ("nginx", "1.22.1-9")]),
        FixtureEntry::file(
            "var/lib/dpkg/info/nginx.list",
            "/usr/sbin/nginx\n/etc/nginx/nginx.conf\n",
        ),
        FixtureEntry::file(metadata, python),
    ];
    let paths = [
        "usr/sbin/nginx",
        "etc/nginx/nginx.conf",
        "var/log/nginx/access.log",
        "usr/share/nginx/html/index.html",
    ];
    app.extend(paths.map(file));
    let images: Vec<Image> =
        [("base:1", vec![layer(base.clone())]), ("web:1", vec![layer(base), layer(app)])]
            .into_iter()
            .map(|(name, layers)| Image::from_layers(layers).reference(name))
            .collect();
    write_oci_layout(&place.path().join("layout"), &images, &OciOptions::default()).unwrap();
    place.ok(&["add", "-q", "--all", "oci:layout"]);
    place
}

fn purls(report: &Value) -> BTreeSet<String> {
    let packages = report["packages"].as_array().unwrap();
    packages.iter().map(|it| it["purl"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn packages_are_told_with_their_layer_and_base() {
    let place = place();
    let report = place.json(&["packages", "web:1"]);
    assert_eq!((&report["base"], &report["from_base"]), (&"base:1".into(), &1.into()));
    let told: Vec<String> = report["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
            format!(
                "{} {} {} layer {} from base {} files {}",
                text("type"),
                text("name"),
                text("version"),
                it["layer"],
                it["from_base"],
                it["files"]
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "deb bash 5.2-1 layer 0 from base true files null",
            "deb libc6 2.36-10 layer 1 from base false files null",
            "deb nginx 1.22.1-9 layer 1 from base false files 2",
            "pypi requests 2.31.0 layer 1 from base false files null",
        ]
    );
    assert_eq!(report["packages"][3]["license"], "Apache-2.0");
    assert_eq!(
        report["packages"][0]["purl"],
        "pkg:deb/debian/bash@5.2-1?arch=amd64&distro=debian-12"
    );
    let own = place.json(&["packages", "web:1", "--own", "--type", "deb"]);
    assert_eq!(purls(&own).len(), 2);
    let text = place.ok(&["packages", "web:1"]);
    assert!(
        text.starts_with("web:1: 4 packages (3 deb, 1 pypi), 1 of them from base:1\n"),
        "{text}"
    );
    // What is read on the fly says the same, and so does what was carried to another catalog.
    let read = place.json(&["packages", "oci:layout:web:1", "--base", "base:1"]);
    assert_eq!(read["packages"], report["packages"]);
    place.ok(&["export", "--all", "-o", "oski=all.oski"]);
    place.ok(&["--catalog", "other.db", "import", "-q", "all.oski"]);
    assert_eq!(place.json(&["--catalog", "other.db", "packages", "web:1"]), report);
    place.ok(&["check"]);
}

#[test]
fn what_tells_no_packages_says_so_and_damage_is_a_warning() {
    let place = Place::new();
    place.file("list.txt", b"usr/bin/a\nusr/bin/b\n");
    let refused = place.run(&["packages", "paths:list.txt"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("are not known") && refused.stderr.contains("oskin tags"),
        "{}",
        refused.stderr
    );
    let damaged = vec![layer(vec![FixtureEntry::file(
        "var/lib/rpm/rpmdb.sqlite",
        "SQLite format 3\0 and no more",
    )])];
    let image = Image::from_layers(damaged).reference("x:1");
    write_oci_layout(&place.path().join("layout"), &[image], &OciOptions::default()).unwrap();
    let added = place.run(&["add", "oci:layout"]);
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    assert!(added.stderr.contains("var/lib/rpm/rpmdb.sqlite"), "{}", added.stderr);
    assert_eq!(purls(&place.json(&["packages", "x:1"])).len(), 0);
}

#[test]
fn images_without_any_package_are_the_same_by_their_software() {
    let place = Place::new();
    let bare = |name| Image::from_layers(vec![layer(vec![file(name)])]).reference(name);
    let two = [bare("bare:1"), bare("bare:2")];
    write_oci_layout(&place.path().join("two"), &two, &OciOptions::default()).unwrap();
    place.ok(&["add", "-q", "--all", "oci:two"]);
    let ran = place.run(&["compare", "bare:1", "bare:2", "--software"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let told = "Neither bare:1 nor bare:2 has any package that oskin reads: there is nothing to compare.\n";
    assert!(ran.stdout.starts_with(told), "{}", ran.stdout);
    assert!(!ran.stdout.contains("different"), "{}", ran.stdout);
    // Their files differ.
    assert_eq!(place.run(&["compare", "bare:1", "bare:2"]).code, Some(1));
}

#[test]
fn what_looks_the_same_is_one_line_with_its_places() {
    let place = Place::new();
    let depd = |at: &str| {
        let path = format!("app/{at}/node_modules/depd/package.json");
        FixtureEntry::file(path, r#"{"name":"depd","version":"2.0.0","license":"MIT"}"#)
    };
    let (amd64, i386) = ("Architecture: amd64\n", "Architecture: i386\n");
    let stanza =
        |it: &str| format!("Package: libc6\nStatus: install ok installed\n{it}Version: 2.36-9\n\n");
    let status = FixtureEntry::file("var/lib/dpkg/status", [stanza(amd64), stanza(i386)].concat());
    let layers = vec![layer(vec![status, depd("a"), depd("b"), depd("c")])];
    let image = Image::from_layers(layers).reference("x:1");
    write_oci_layout(&place.path().join("layout"), &[image], &OciOptions::default()).unwrap();
    place.ok(&["add", "-q", "oci:layout"]);
    let lines: Vec<Vec<String>> = place
        .ok(&["packages", "x:1"])
        .lines()
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect();
    assert_eq!(lines[0].join(" "), "x:1: 5 packages, 3 different (2 deb, 3 npm)");
    assert_eq!(lines[2][..4], ["TYPE", "NAME", "VERSION", "PLACES"]);
    let mut rows: Vec<String> = lines[3..].iter().map(|row| row[..5].join(" ")).collect();
    rows.sort();
    assert_eq!(
        rows,
        ["deb libc6:amd64 2.36-9 1 0", "deb libc6:i386 2.36-9 1 0", "npm depd 2.0.0 3 0"]
    );
    let json = place.json(&["packages", "x:1"]);
    assert_eq!((&json["different"], json["packages"].as_array().unwrap().len()), (&3.into(), 5));
}

#[test]
fn what_is_no_image_is_told() {
    let place = place();
    let refused = place.run(&["packages", "paths:/dev/null"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert!(refused.stderr.contains("are not known"), "{}", refused.stderr);
    std::fs::create_dir(place.path().join("archives")).unwrap();
    place.file("archives/a.tar", b"no tar");
    let warned = place.run(&["packages", "archives"]);
    assert_eq!(warned.code, Some(0), "{}", warned.stderr);
    assert!(warned.stderr.contains("does not look like a root file system"), "{}", warned.stderr);
    std::fs::create_dir(place.path().join("archives/etc")).unwrap();
    assert_eq!(place.run(&["packages", "archives"]).stderr, "");
    let pattern = place.run(&["packages", "web*"]);
    assert_eq!(pattern.code, Some(2));
    assert!(pattern.stderr.contains("hint: wildcards do not work here"), "{}", pattern.stderr);
    let help = place.ok(&["packages", "--help"]);
    assert!(help.contains("The base is what --base names"), "{help}");
}

#[test]
fn the_server_is_the_first_tag_of_what_stands_on_the_base() {
    let place = place();
    let report = place.json(&["tags", "web:1"]);
    let image = &report["images"][0];
    assert_eq!((&image["base"], &image["tags"][0]["name"]), (&"base:1".into(), &"nginx".into()));
    assert!(image["tags"][0]["version"].as_str().unwrap().starts_with("1.22.1"), "{image}");
    let text = place.ok(&["tags"]);
    assert!(
        text.lines().any(|line| line.starts_with("web:1") && line.contains("nginx 1.22.1")),
        "{text}"
    );
    // A table of one's own adds to what is built in.
    let own =
        b"program frontend application\npath etc/nginx/nginx.conf\nlike etc/nginx/nginx.conf\n";
    place.file("own.txt", own);
    let asked = ["tags", "web:1", "--base", "base:1", "--all"];
    let has_it = |report: &Value| {
        let tags = report["images"][0]["tags"].as_array().unwrap();
        tags.iter().any(|tag| tag["name"] == "frontend")
    };
    assert!(!has_it(&place.json(&asked)));
    assert!(has_it(&place.json(&[&asked[..], &["--programs", "own.txt"]].concat())));
    place.file("bad.txt", b"program frontend application\n\nnonsense etc/nginx\n");
    let refused = place.run(&["tags", "web:1", "--programs", "bad.txt"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert!(refused.stderr.contains("bad.txt: line 3: "), "{}", refused.stderr);
    place.file("none.txt", b"usr/bin/nothing\n");
    // What is left out is named with what would list it.
    let text = place.ok(&["tags", "web:1", "--base", "paths:none.txt", "--top", "1"]);
    assert!(text.contains("that weigh less (--all)\n"), "{text}");
    let text = place.ok(&["tags", "web:1", "--base", "paths:none.txt", "--all", "--top", "1"]);
    assert!(text.contains("that weigh less (a larger --top)\n"), "{text}");
    assert!(place.ok(&["tags", "--list-programs"]).contains("\nprogram nginx server\n"));
}

#[test]
fn bills_of_materials_are_read_back_as_the_same_packages() {
    let place = place();
    place.ok(&["sbom", "web:1", "-o", "cyclonedx=a.cdx.json", "-o", "spdx=a.spdx.json"]);
    let first = std::fs::read(place.path().join("a.cdx.json")).unwrap();
    assert_eq!(place.ok(&["sbom", "web:1"]).as_bytes(), first);
    let expected = purls(&place.json(&["packages", "web:1"]));
    for name in ["a.cdx.json", "a.spdx.json"] {
        assert_eq!(purls(&place.json(&["packages", &format!("sbom:{name}")])), expected, "{name}");
    }
    let document: Value = serde_json::from_slice(&first).unwrap();
    let mark = |component: &Value| {
        let properties = component["properties"].as_array().unwrap();
        properties.iter().find(|it| it["name"] == "oskin:from-base").map(|it| it["value"].clone())
    };
    let marked: Vec<Option<Value>> = document["components"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["purl"] != Value::Null)
        .map(mark)
        .collect();
    assert_eq!(
        marked,
        [Some("true".into()), Some("false".into()), Some("false".into()), Some("false".into())]
    );
}

/// The schemas of both formats, by programs of others.
#[test]
fn bills_of_materials_are_valid() {
    let place = place();
    place.ok(&["sbom", "web:1", "-o", "cyclonedx=a.cdx.json", "-o", "spdx=a.spdx.json"]);
    let script = "
from cyclonedx.validation.json import JsonStrictValidator
from cyclonedx.schema import SchemaVersion
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
print(JsonStrictValidator(SchemaVersion.V1_6).validate_str(open('a.cdx.json').read()))
print([it.validation_message for it in validate_full_spdx_document(parse_file('a.spdx.json'))])
";
    let python = std::env::var("OSKIN_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let Ok(output) = Command::new(python).args(["-c", script]).current_dir(place.path()).output()
    else {
        return println!("skipped: no python3");
    };
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains("ModuleNotFoundError") {
        return println!("skipped: no cyclonedx-python-lib and spdx-tools");
    }
    assert_eq!(String::from_utf8_lossy(&output.stdout), "None\n[]\n", "{text}");
}

#[test]
fn a_record_of_several_names_is_told_as_long_as_one_is_there() {
    let place = Place::new();
    let metadata = "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n\n";
    let cache = "root/.cache/uv/tool-1.0.dist-info/METADATA";
    let link = FixtureEntry::new(
        "usr/lib/python3/site-packages/tool-1.0.dist-info/METADATA",
        FixtureKind::HardLink(cache.into()),
    );
    let brought = layer(vec![FixtureEntry::file(cache, metadata), link]);
    let tidied = layer(vec![FixtureEntry::file("root/.cache/.wh.uv", "")]);
    let hidden = layer(vec![
        FixtureEntry::file("objects/1", "Package: a\nStatus: install ok installed\nVersion: 1\n\n"),
        FixtureEntry::new("var/lib/dpkg/status", FixtureKind::HardLink("objects/1".into())),
    ]);
    let images = [
        Image::from_layers(vec![brought, tidied]).reference("tidied:1"),
        Image::from_layers(vec![hidden]).reference("hidden:1"),
    ];
    write_oci_layout(&place.path().join("layout"), &images, &OciOptions::default()).unwrap();
    let shown = place.ok(&["packages", "oci:layout:tidied:1"]);
    assert!(shown.contains("pypi  tool  1.0"), "{shown}");
    let ran = place.run(&["packages", "oci:layout:hidden:1"]);
    assert!(ran.stderr.contains("is a hard link to objects/1"), "{}{}", ran.stdout, ran.stderr);
}
