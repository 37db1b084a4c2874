//! Images compared by their packages, and by the paths that packages own or leave over.

use crate::common::Place;
use serde_json::{Value, json};
use testkit::{FixtureEntry, FixtureLayer, Image, OciOptions, write_oci_layout};

/// The status file of dpkg: name, version, machine.
fn dpkg(packages: &[[&str; 3]]) -> FixtureEntry {
    let stanza = |[name, version, machine]: &[&str; 3]| {
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: {machine}\nVersion: {version}\n\n"
        )
    };
    FixtureEntry::file("var/lib/dpkg/status", packages.iter().map(stanza).collect::<String>())
}

/// A place with a catalog of images of these names and entries.
fn place(images: Vec<(&str, Vec<FixtureEntry>)>) -> Place {
    let place = Place::new();
    let image = |(name, entries)| {
        let layer = FixtureLayer { entries, ..FixtureLayer::default() };
        Image::from_layers(vec![layer]).reference(name)
    };
    let images: Vec<Image> = images.into_iter().map(image).collect();
    write_oci_layout(&place.path().join("layout"), &images, &OciOptions::default()).unwrap();
    place.ok(&["add", "-q", "--all", "oci:layout"]);
    place
}

/// Three of Debian, which differ in a version and in a machine, and one of Alpine.
fn four() -> Place {
    let apk = "P:musl\nV:1.2.4-r2\nA:x86_64\n\nP:bash\nV:5.2-1\nA:amd64\n\n";
    place(vec![
        ("a:1", vec![dpkg(&[["bash", "5.2-1", "amd64"], ["libc6", "2.36-9", "amd64"]])]),
        ("b:1", vec![dpkg(&[["bash", "5.2-2", "amd64"], ["libc6", "2.36-9", "amd64"]])]),
        ("c:1", vec![dpkg(&[["bash", "5.2-1", "arm64"], ["libc6", "2.36-9", "arm64"]])]),
        ("d:1", vec![FixtureEntry::file("lib/apk/db/installed", apk)]),
    ])
}

fn matrix(place: &Place, arguments: &[&str]) -> Value {
    place.json(&[&["matrix", "--by", "packages"], arguments].concat())
}

#[test]
fn selections_of_packages_are_the_sets_that_they_say() {
    let place = four();
    for (selection, first) in [
        ("names", [1.0, 1.0, 1.0, 0.0]),
        ("versions", [1.0, 0.5, 1.0, 0.0]),
        ("architectures", [1.0, 0.5, 0.0, 0.0]),
    ] {
        let report = matrix(&place, &["--selection", selection]);
        let told = (&report["by"], &report["selection"], &report["values"][0]);
        assert_eq!(told, (&json!("packages"), &json!(selection), &json!(first)));
        // The other command that counts them says the same.
        for (image, value) in ["b:1", "c:1"].iter().zip(&first[1..]) {
            let compared = place.json(&["compare", "--software", "a:1", image]);
            assert_eq!(compared["packages"][selection]["dice"], json!(value), "{selection}");
        }
    }
    assert_eq!(matrix(&place, &[])["selection"], "names");
    let jaccard = matrix(&place, &["--selection", "versions", "--measure", "jaccard"]);
    assert_eq!(jaccard["values"][0][1], json!(1.0 / 3.0));
    // libc6 2.36-9 is in three images, bash 5.2-1 in two, 5.2-2 in one.
    let rare =
        ["--selection", "versions", "--weight", "rarity", "--measure", "containment", "b:1", "a:1"];
    let rare = matrix(&place, &[&rare[..], &["c:1"]].concat())["values"][0][1].as_f64().unwrap();
    assert!((rare - (1.0 / 3.0) / (1.0 / 3.0 + 1.0)).abs() < 1e-6, "{rare}");
    let list = place.ok(&[
        "matrix",
        "--by",
        "packages",
        "--selection",
        "versions",
        "--top",
        "1",
        "-o",
        "csv",
    ]);
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(
        lines[1..],
        [
            "a:1,c:1,2,0,0,1.000000",
            "b:1,a:1,1,1,1,0.500000",
            "c:1,a:1,2,0,0,1.000000",
            "d:1,a:1,0,2,2,0.000000",
        ]
    );
}

#[test]
fn images_whose_packages_are_unknown_are_left_out_or_refused() {
    let place = four();
    place.file("list", b"usr/bin/a\n");
    place.ok(&["add", "-q", "paths:list"]);
    let ran = place.run(&["matrix", "--by", "packages"]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 5), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 image of the catalog is left out: its packages are not known"));
    let ran = place.run(&["matrix", "--by", "packages", "a:1", "list"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("the packages of list are not known"), "{}", ran.stderr);
    let ran = place.run(&["--catalog", "lists.db", "add", "-q", "paths:list"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let ran = place.run(&["--catalog", "lists.db", "matrix", "--by", "packages"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("hint: path lists"), "{}", ran.stderr);
    // Of a bill of materials nothing but packages is known, which is enough here.
    place.ok(&["sbom", "a:1", "-o", "cyclonedx=a.cdx.json"]);
    let report = matrix(&place, &["--selection", "architectures", "a:1", "sbom:a.cdx.json"]);
    assert_eq!(report["values"], json!([[1.0, 1.0], [1.0, 1.0]]));
    for (arguments, expected) in [
        (&["matrix", "--selection", "names"][..], "is one of packages"),
        (&["matrix", "--by", "packages", "--selection", "files"], "not of packages"),
        (&["matrix", "--by", "packages", "--view", "core"], "views are of paths"),
        (&["matrix", "--by", "packages", "--weight", "bytes"], "--by paths alone"),
        (&["classify", "a:1", "--by", "packages"], "not by packages"),
        (&["heatmap", "--by", "packages"], "not by packages"),
        (&["compare", "a:1", "b:1", "--view", "owned,unowned"], "shows nothing"),
        (&["compare", "a:1", "list", "--view", "owned"], "of list belong to packages is not known"),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}");
        assert!(ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn what_packages_own_is_told_apart() {
    let list = "/bin\n/bin/sh\n/etc\n/etc/sh.conf\n/usr\n/usr/share\n/usr/share/gone\n";
    let system = |own: &str| {
        vec![
            FixtureEntry::symlink("bin", "usr/bin"),
            FixtureEntry::file("usr/bin/sh", "sh"),
            FixtureEntry::file("etc/sh.conf", own),
            dpkg(&[["dash", "0.5-1", "amd64"]]),
            FixtureEntry::file("var/lib/dpkg/info/dash.list", list),
            FixtureEntry::file(format!("opt/{own}"), own),
        ]
    };
    let place = place(vec![("one:1", system("one")), ("two:1", system("two"))]);
    let files = |view: &str| {
        let report = place.json(&["compare", "one:1", "two:1", "--view", view]);
        assert_eq!(report["view"], view.replace(',', "+"));
        let files = &report["selections"]["files"];
        ["left", "right", "common"].map(|side| files[side].as_u64().unwrap())
    };
    // usr/bin/sh, listed by another way, and etc/sh.conf; the link itself is listed by no other name.
    assert_eq!(files("owned"), [3, 3, 3]);
    assert_eq!(files("contents,owned"), [3, 3, 2]);
    // The records of dpkg and what lies in opt.
    assert_eq!(files("unowned"), [3, 3, 2]);
    let table = place.json(&["matrix", "--view", "unowned", "--selection", "directories"]);
    assert_eq!(table["view"], "unowned");
    // opt and four above the records.
    let listed = place.json(&[
        "matrix",
        "--view",
        "unowned",
        "--selection",
        "directories",
        "--top",
        "1",
        "one:1",
        "two:1",
    ]);
    assert_eq!(listed["pairs"][0]["common"], 5);
    // The core view is what it was, and may be asked for beside.
    let core = files("core");
    assert!(core[0] < 6, "{core:?}");
    assert_eq!(files("core,unowned")[0], 1);
    let near = place.json(&["classify", "one:1", "--view", "unowned", "--selection", "files"]);
    assert_eq!(near["nearest"][0]["common"], 2);
}
