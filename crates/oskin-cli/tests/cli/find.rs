//! Software in images with layers: who has it, since which layer, from whom; and what became of it.

use crate::common::Place;
use std::collections::BTreeMap;
use testkit::{FixtureEntry, FixtureLayer, Image, OciOptions, write_oci_layout};

/// Names and versions of packages of Debian, and the source if it has another name.
type Status<'a> = Vec<(&'a str, &'a str, &'a str)>;

fn status(packages: &Status<'_>) -> FixtureEntry {
    let stanza = |(name, version, source): &(&str, &str, &str)| {
        let source = if source.is_empty() { String::new() } else { format!("Source: {source}\n") };
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\n{source}Version: {version}\n\n"
        )
    };
    let text: String = packages.iter().map(stanza).collect();
    FixtureEntry::file("var/lib/dpkg/status", text)
}

fn python(place: &str, name: &str, version: &str) -> FixtureEntry {
    let text = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n");
    FixtureEntry::file(format!("{place}/site-packages/{name}-{version}.dist-info/METADATA"), text)
}

fn layer(entries: Vec<FixtureEntry>) -> FixtureLayer {
    FixtureLayer { entries, ..FixtureLayer::default() }
}

/// Adds images to the catalog of a place, in their order.
fn add(place: &Place, images: &[(&str, Vec<FixtureLayer>)]) {
    let image = |(name, layers): &(&str, Vec<FixtureLayer>)| {
        Image::from_layers(layers.clone()).reference(name)
    };
    let images: Vec<Image> = images.iter().map(image).collect();
    write_oci_layout(&place.path().join("layout"), &images, &OciOptions::default()).unwrap();
    place.ok(&["add", "-q", "--all", "oci:layout"]);
}

/// base:1 < middle:1 < app:1; other:1 stands alone, list has no packages.
fn place() -> Place {
    let place = Place::new();
    let os = FixtureEntry::file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    let base = layer(vec![
        os,
        status(&vec![
            ("libssl3", "3.0.11-1", "openssl"),
            ("old", "1.1-2", ""),
            ("bash", "5.2-1", ""),
        ]),
    ]);
    let middle = layer(vec![status(&vec![
        ("libssl3", "3.0.11-1", "openssl"),
        ("openssl", "3.0.11-1", ""),
        ("old", "1:1.1-2", ""),
    ])]);
    let top = layer(vec![python("usr/lib/python3", "requests", "2.31.0")]);
    let twice = layer(vec![python("opt/venv/lib", "requests", "2.31.0")]);
    let other = layer(vec![status(&vec![("openssl", "1:1.1.1n-0+deb11u5", "")])]);
    let images = [
        ("base:1", vec![base.clone()]),
        ("middle:1", vec![base.clone(), middle.clone()]),
        ("app:1", vec![base.clone(), middle.clone(), top.clone()]),
        ("more:1", vec![base, middle, top, twice]),
        ("other:1", vec![other]),
    ];
    add(&place, &images);
    place.file("list", b"a/b\n");
    place.ok(&["add", "-q", "paths:list"]);
    place
}

/// Image, name, version, number of the layers, from.
fn found(place: &Place, arguments: &[&str]) -> Vec<(String, String, String, Vec<u64>, String)> {
    let json = place.json(&[&["find"], arguments].concat());
    let text = |it: &serde_json::Value| it.as_str().unwrap_or("-").to_owned();
    let one = |it: &serde_json::Value| {
        let layers = it["layers"].as_array().unwrap();
        let layers = layers.iter().map(|it| it["number"].as_u64().unwrap()).collect();
        (text(&it["image"]), text(&it["name"]), text(&it["version"]), layers, text(&it["from"]))
    };
    json["found"].as_array().unwrap().iter().map(one).collect()
}

fn row(
    image: &str,
    name: &str,
    version: &str,
    layers: &[u64],
    from: &str,
) -> (String, String, String, Vec<u64>, String) {
    let text = str::to_owned;
    (text(image), text(name), text(version), layers.to_vec(), text(from))
}

#[test]
fn packages_are_found_with_layer_and_base() {
    let place = place();
    let openssl = [
        row("middle:1", "openssl", "3.0.11-1", &[1], "-"),
        row("app:1", "openssl", "3.0.11-1", &[1], "middle:1"),
        row("more:1", "openssl", "3.0.11-1", &[1], "app:1"),
        row("other:1", "openssl", "1:1.1.1n-0+deb11u5", &[0], "-"),
    ];
    assert_eq!(found(&place, &["openssl"]), openssl);
    assert_eq!(found(&place, &["openssl>=3"]), openssl[..3]);
    assert_eq!(found(&place, &["openssl<3"]), openssl[3..]);
    assert_eq!(found(&place, &["OPENSSL=1.1.1"]), openssl[3..]);
    assert_eq!(found(&place, &["pkg:deb/debian/openssl"]), openssl[..3]);
    assert_eq!(found(&place, &["openssl", "--type", "npm,pypi"]), []);
    assert_eq!(found(&place, &["deb:lib*ssl*", "--type", "deb"]).len(), 4);
    // Version and epoch tell what is the same, and a layer that upgrades is the one that brought it.
    let old = [
        row("base:1", "old", "1.1-2", &[0], "-"),
        row("middle:1", "old", "1:1.1-2", &[1], "-"),
        row("app:1", "old", "1:1.1-2", &[1], "middle:1"),
        row("more:1", "old", "1:1.1-2", &[1], "app:1"),
    ];
    assert_eq!(found(&place, &["old==1.1"]), old);
    assert_eq!(found(&place, &["old>=1:1"]), old[1..]);
    // What several files record is told by all of them.
    let requests = [
        row("app:1", "requests", "2.31.0", &[2], "-"),
        row("more:1", "requests", "2.31.0", &[2, 3], "app:1"),
    ];
    assert_eq!(found(&place, &["requests"]), requests);
    let json = place.json(&["find", "requests"]);
    let counts = ["images", "unknown", "opened", "flattened"].map(|it| json[it].as_u64().unwrap());
    assert_eq!(counts, [6, 1, 2, 1]);
    let record = "usr/lib/python3/site-packages/requests-2.31.0.dist-info/METADATA";
    assert_eq!(json["found"][0]["layers"][0]["record"], record);
    let layer = place.json(&["show", "app:1"])["layers"][2]["digest"].clone();
    assert_eq!(json["found"][0]["layers"][0]["digest"], layer);
}

#[test]
fn sources_and_near_names_are_offered() {
    let place = place();
    let json = place.json(&["find", "openssl"]);
    assert_eq!(json["by_source"][0]["name"], "libssl3");
    assert_eq!(json["by_source"][0]["images"], 4);
    let with_source = found(&place, &["openssl=3", "--source"]);
    assert_eq!(with_source.len(), 7);
    assert_eq!(with_source[0], row("base:1", "libssl3", "3.0.11-1", &[0], "-"));
    let none = place.run(&["find", "ssl"]);
    assert_eq!(none.code, Some(1));
    assert_eq!(
        none.stdout,
        "ssl: in none of 5 images\nnames like it: deb:libssl3 (4), deb:openssl (4)\n"
    );
    assert_eq!(
        none.stderr,
        "1 image of the catalog is left out: its packages are not known (path lists, and what an older oskin \
         added: `oskin add` reads that anew)\n"
    );
    let none = place.run(&["find", "-q", "openssl<1"]);
    assert_eq!((none.code, none.stderr.as_str()), (Some(1), ""));
    assert!(none.stdout.contains("4 packages of that name in other versions\n"), "{}", none.stdout);
    for query in ["", "openssl<", "<3", "openssl=>3"] {
        let wrong = place.run(&["find", query]);
        assert_eq!(wrong.code, Some(2), "{query}");
        assert!(wrong.stderr.contains("cannot look for"), "{}", wrong.stderr);
    }
}

#[test]
fn a_table_is_for_people() {
    let place = place();
    let text = place.ok(&["find", "-q", "openssl>=3"]);
    let digest = place.json(&["show", "app:1"])["layers"][1]["digest"].as_str().unwrap().to_owned();
    let digest = &digest["sha256:".len()..][..12];
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "openssl>=3: 3 packages in 3 of 5 images; 4 more packages of the source openssl in 4 images: --source"
    );
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(lines[2]), ["IMAGE", "TYPE", "PACKAGE", "VERSION", "LAYER", "FROM"]);
    assert_eq!(words(lines[4]), ["app:1", "deb", "openssl", "3.0.11-1", "1", digest, "middle:1"]);
    assert_eq!(
        lines.last().copied(),
        Some("built from a source of that name (--source lists them): deb:libssl3 (4)")
    );
}

#[test]
fn what_is_not_understood_is_never_in_no_image() {
    let place = place();
    let openssl = found(&place, &["openssl"]);
    for query in ["openssl>=1 <4", "openssl>=1<4", "openssl>=v1", "openssl!=2.*", "DEB:openssl"] {
        assert_eq!(found(&place, &[query]), openssl, "{query}");
    }
    for query in ["openssl@3.0.11", "openssl=3.x", "openssl>=3 <3.5"] {
        assert_eq!(found(&place, &[query]), openssl[..3], "{query}");
    }
    for (query, said) in [
        ("openssl>1.22;<1.26", "\"1.22;\" is no version"),
        ("openssl>1.22 and <1.26", "\"and\" is no bound"),
        ("openssl<4.*", "is no version that others are less or more than"),
        ("openssl<4.x", "is no version that others are less or more than"),
        ("openssl<three", "begin with a digit"),
        ("openssl~=3", "~ is no operator: those are <, <=, >, >=, =, == and !="),
        ("openssl^3", "^ is no operator: those are <, <=, >, >=, =, == and !="),
        ("openssl 3", "with an operator before each version"),
        ("openssl,bash", "ask for one package at a time"),
        ("openssl|bash", "ask for one package at a time"),
        ("dbe:openssl", "\"dbe\" is no type of packages: the types are alpm, apk,"),
        ("pkg:debian/openssl", "\"debian\" is no type of packages"),
    ] {
        let wrong = place.run(&["find", query]);
        assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""), "{query}");
        assert!(wrong.stderr.contains(said), "{query}: {}", wrong.stderr);
        assert!(wrong.stderr.contains("hint: ") && wrong.stderr.contains('\''), "{}", wrong.stderr);
    }
}

#[test]
fn types_are_known_ones_in_any_case() {
    let place = place();
    assert_eq!(found(&place, &["openssl", "--type", "NPM,Deb"]).len(), 4);
    assert_eq!(place.json(&["find", "bash", "--type", "DEB"])["types"][0], "deb");
    for arguments in [
        ["find", "openssl", "--type", "dbe"],
        ["find", "openssl", "--type", ""],
        ["packages", "app:1", "--type", "deb,"],
    ] {
        let wrong = place.run(&arguments);
        assert_eq!(wrong.code, Some(2), "{arguments:?}");
        assert!(wrong.stderr.contains("the types are alpm, apk, cargo,"), "{}", wrong.stderr);
    }
    assert_eq!(place.json(&["packages", "app:1", "--type", "PyPI"])["types"]["pypi"], 1);
    let never = place.run(&["find", "rpm:openssl", "--type", "deb"]);
    assert_eq!(never.code, Some(2));
    assert!(never.stderr.contains("type rpm, --type for others"), "{}", never.stderr);
}

#[test]
fn the_first_line_tells_what_comes_from_the_source() {
    let place = place();
    let json = place.json(&["find", "openssl"]);
    let counts = ["found_images", "by_source_packages", "by_source_images"]
        .map(|it| json[it].as_u64().unwrap());
    assert_eq!(counts, [4, 4, 4]);
    let first = |arguments: &[&str]| {
        let ran = place.run(arguments);
        (ran.code, ran.stdout.lines().next().unwrap_or_default().to_owned())
    };
    let of_middle = "openssl=3: 7 packages in 4 of 5 images".to_owned();
    assert_eq!(first(&["find", "-q", "openssl=3", "--source"]), (Some(0), of_middle));
    // A pattern names no source, and nothing listed is not nothing there.
    place.file(
        "only.cdx.json",
        br#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[
        {"type":"library","name":"libx1","purl":"pkg:deb/debian/libx1@2?upstream=xsource"}]}"#,
    );
    place.ok(&["add", "-q", "sbom:only.cdx.json"]);
    let none =
        "xsource: in none of 6 images, but 1 package of the source xsource in 1 image: --source"
            .to_owned();
    assert_eq!(first(&["find", "-q", "xsource"]), (Some(1), none));
    let (_, pattern) = first(&["find", "-q", "xsou*"]);
    assert!(pattern.ends_with("of sources of that name in 1 image: --source"), "{pattern}");
}

#[test]
fn names_that_may_be_meant_are_proposed() {
    let place = Place::new();
    let packages = vec![
        ("libargon2-1", "1", ""),
        ("libpython3.11", "1", ""),
        ("openssl", "1", ""),
        ("python3", "1", ""),
        ("python3.11", "1", ""),
    ];
    add(&place, &[("a:1", vec![layer(vec![status(&packages)])])]);
    for (query, near) in [
        ("python", vec!["python3", "python3.11", "libpython3.11"]),
        ("opensl*", vec!["openssl"]),
        ("opnessl<3", vec!["openssl"]),
        ("go", vec![]),
        ("pypi:python", vec![]),
    ] {
        let json = place.json(&["find", query]);
        let names: Vec<&str> = json["near"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, near, "{query}");
    }
}

#[test]
fn help_tells_how_to_ask() {
    let help = Place::new().ok(&["find", "--help"]);
    for said in [
        "'openssl>=1.1.1,<3'",
        "\n  <  <=  >  >=  ",
        "\n  ==  ",
        "* stands for any text",
        "PEP 440",
        "--source",
    ] {
        assert!(help.contains(said), "{said}: {help}");
    }
}

/// Made images, searched by a few lines that know nothing of layers being shared.
#[test]
fn many_images_are_as_naive_code_finds_them() {
    let place = Place::new();
    let mut state = 7_u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    let names = ["a", "b", "c", "d"];
    let versions = ["1.0-1", "1.5-1", "1:2.0-1", "3.1-1"];
    let mut chains: Vec<Vec<BTreeMap<&str, &str>>> = Vec::new();
    for at in 0..30 {
        let mut chain = match at {
            0..3 => vec![],
            _ => chains[random(at) as usize].clone(),
        };
        let mut all: BTreeMap<&str, &str> = chain.last().cloned().unwrap_or_default();
        for name in names {
            match random(6) {
                0 => drop(all.remove(name)),
                1..4 => drop(all.insert(name, versions[random(4) as usize])),
                _ => {}
            }
        }
        chain.push(all);
        chains.push(chain);
    }
    let image_names: Vec<String> = (0..chains.len()).map(|at| format!("i{at}:1")).collect();
    let layers = |chain: &Vec<BTreeMap<&str, &str>>| {
        let one = |all: &BTreeMap<&str, &str>| {
            // Something else, so that no layer without packages is empty.
            let list = all.iter().map(|(name, version)| (*name, *version, "")).collect();
            layer(vec![status(&list), FixtureEntry::file("etc/x", format!("{all:?}"))])
        };
        chain.iter().map(one).collect()
    };
    let images: Vec<(&str, Vec<FixtureLayer>)> =
        image_names.iter().map(String::as_str).zip(chains.iter().map(layers)).collect();
    add(&place, &images);
    for name in names {
        let has = |at: usize| chains[at].last().unwrap().get(name).copied();
        let mut expected = Vec::new();
        for (at, chain) in chains.iter().enumerate() {
            let Some(version) = has(at).filter(|it| ["1.0-1", "1.5-1", "1:2.0-1"].contains(it))
            else {
                continue;
            };
            let with = |all: &&BTreeMap<&str, &str>| all.get(name) == Some(&version);
            let unbroken = chain.iter().rev().take_while(with).count();
            let mut from: Option<usize> = None;
            for (other, below) in chains.iter().enumerate() {
                let is_below = below.len() < chain.len() && chain[..below.len()] == below[..];
                let is_larger = from.is_none_or(|it| chains[it].len() < below.len());
                if is_below && is_larger && has(other) == Some(version) {
                    from = Some(other);
                }
            }
            let from = from.map_or("-", |it| image_names[it].as_str());
            let number = (chain.len() - unbroken) as u64;
            expected.push(row(&image_names[at], name, version, &[number], from));
        }
        assert!(expected.len() > 3, "{name}");
        assert_eq!(found(&place, &[&format!("{name}<3")]), expected);
    }
}

#[test]
fn software_is_compared_alone() {
    let place = place();
    let ran = place.run(&["compare", "base:1", "middle:1", "--software"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stdout.starts_with(
            "base:1 and middle:1 have 2 of 4 packages in common by name (Dice 0.667), 1 in the same version. \
             Of the others: 1 newer in middle:1, 1 only in base:1, 1 only in middle:1.\n\n"
        ),
        "{}",
        ran.stdout
    );
    let rows: Vec<Vec<&str>> = ran
        .stdout
        .lines()
        .skip_while(|line| !line.contains("TYPE"))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[1..],
        [
            ["upgraded", "deb", "old", "1.1-2", "1:1.1-2"],
            ["left-only", "deb", "bash", "5.2-1", "-"],
            ["right-only", "deb", "openssl", "-", "3.0.11-1"],
        ]
    );
    let json = place.json(&["compare", "middle:1", "base:1", "--software"]);
    assert_eq!((&json["schema"], &json["relation"]), (&"oskin.compare/1".into(), &().into()));
    let changes = &json["packages"]["changes"];
    let counts = ["same", "upgraded", "downgraded", "equivalent", "left_only", "right_only"];
    assert_eq!(counts.map(|it| changes[it].as_u64().unwrap()), [1, 0, 1, 0, 1, 1]);
    let same = place.run(&["compare", "app:1", "app:1", "--software"]);
    assert_eq!(same.code, Some(0), "{}", same.stdout);
    assert!(
        same.stdout.starts_with("app:1 and app:1 hold the same 4 packages.\n"),
        "{}",
        same.stdout
    );
    let one = place.run(&["compare", "base:1", "middle:1", "--software", "--name", "ol*"]);
    assert_eq!(one.code, Some(1), "{}", one.stderr);
    assert!(one.stdout.starts_with("old: 1.1-2 and 1:1.1-2 (upgraded)\n"), "{}", one.stdout);
    // What is the same is told, too.
    let same =
        ["compare", "app:1", "app:1", "--software", "--name", "deb:OPENSSL", "--type", "deb"];
    let told = place.run(&same);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(told.stdout.starts_with("openssl: 3.0.11-1 in both (same)\n"), "{}", told.stdout);
    let json = place.json(&same);
    assert_eq!(
        json["packages"]["filter"],
        serde_json::json!({"names": ["deb:OPENSSL"], "types": ["deb"]})
    );
    assert_eq!(json["packages"]["differences"][0]["kind"], "same");
    let none = place.run(&["compare", "base:1", "middle:1", "--software", "--name", "x"]);
    assert_eq!(
        (none.code, none.stdout.as_str()),
        (Some(0), "Neither base:1 nor middle:1 has a package called x.\n\n")
    );
    let bound = place.run(&["compare", "base:1", "middle:1", "--software", "--name", "old<3"]);
    assert_eq!(bound.code, Some(2));
    assert!(bound.stderr.contains("asks for versions"), "{}", bound.stderr);
    assert_eq!(place.run(&["compare", "base:1", "middle:1", "--name", "old"]).code, Some(2));
    // By default the answer is about paths, and names the way to more.
    let ran = place.run(&["compare", "base:1", "middle:1"]);
    assert!(
        ran.stdout.ends_with("packages: different (--software lists them)\n"),
        "{}",
        ran.stdout
    );
    let unknown = place.run(&["compare", "list", "app:1", "--software"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("the packages of list are not known"), "{}", unknown.stderr);
    assert_eq!(place.run(&["compare", "list", "list"]).code, Some(0));
}

#[test]
fn long_lists_are_folded_and_images_without_packages_are_the_same() {
    let place = Place::new();
    let names: Vec<String> = (0..50).map(|at| format!("p{at}")).collect();
    let versions = |version| {
        let list = names.iter().map(|name| (name.as_str(), version, "")).collect();
        vec![layer(vec![status(&list)])]
    };
    let bare = vec![layer(vec![FixtureEntry::file("a", "b")])];
    add(&place, &[("one:1", versions("1-1")), ("two:1", versions("2-1")), ("bare:1", bare)]);
    let lines = |arguments: &[&str]| place.run(arguments).stdout.lines().count();
    let folded = place.run(&["compare", "one:1", "two:1", "--software"]);
    assert!(
        folded.stdout.ends_with("\n10 more upgraded (--all lists them)\n"),
        "{}",
        folded.stdout
    );
    let all = lines(&["compare", "one:1", "two:1", "--software", "--all"]);
    assert_eq!(all, folded.stdout.lines().count() + 9);
    assert_eq!(place.run(&["compare", "bare:1", "bare:1"]).code, Some(0));
}
