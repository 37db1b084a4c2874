//! Images of packages only: what works, and what is refused with a way around.

use crate::common::{Place, sample_family};

fn document(packages: &[&str]) -> String {
    let component = |purl: &&str| format!(r#"{{"type":"library","name":"x","purl":"{purl}"}}"#);
    let components: Vec<String> = packages.iter().map(component).collect();
    format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{}]}}"#,
        components.join(",")
    )
}

const LEFT: [&str; 3] = [
    "pkg:deb/debian/a@1?arch=amd64&distro=debian-12",
    "pkg:deb/debian/b@1?arch=amd64",
    "pkg:npm/c@1",
];
const RIGHT: [&str; 3] =
    ["pkg:deb/debian/a@1?arch=arm64", "pkg:deb/debian/b@2?arch=amd64", "pkg:npm/d@1"];

fn place() -> Place {
    let place = Place::new();
    place.file("left.cdx.json", document(&LEFT).as_bytes());
    place.file("right.cdx.json", document(&RIGHT).as_bytes());
    place
}

#[test]
fn packages_are_added_listed_shown_and_moved() {
    let place = place();
    let added = place.ok(&["add", "left.cdx.json", "sbom:right.cdx.json"]);
    assert_eq!(added, "added      left.cdx  3 packages\nadded      right.cdx  3 packages\n");
    assert_eq!(place.ok(&["add", "left.cdx.json"]), "unchanged  left.cdx  3 packages\n");
    let listed = place.ok(&["ls"]);
    let words: Vec<&str> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(words, ["left.cdx", "-", "-", "-", "3", "debian", "sbom:left.cdx.json"]);
    let shown = place.ok(&["show", "left.cdx"]);
    assert!(shown.contains("packages     3\n") && !shown.contains("files"), "{shown}");
    assert!(shown.contains("fact         sbom.format: CycloneDX 1.6\n"), "{shown}");
    let json = place.json(&["show", "left.cdx"]);
    assert_eq!((&json["packages"], &json["packages_only"]), (&3.into(), &true.into()));
    assert_eq!(json["facts"][0]["kind"], "sbom.format");
    assert_eq!(json["facts"][0]["text"], "CycloneDX 1.6");
    assert!(place.ok(&["check"]).contains("sound"));
    place.ok(&["export", "--all", "-o", "oski=all.oski", "-q"]);
    place.ok(&["--catalog", "other.db", "import", "all.oski"]);
    let moved = place.json(&["--catalog", "other.db", "show", "left.cdx"]);
    assert_eq!((&moved["packages"], &moved["os"]), (&json["packages"], &json["os"]));
    let same = place.run(&["--catalog", "other.db", "compare", "left.cdx", "left.cdx.json"]);
    assert_eq!(same.code, Some(0), "{}{}", same.stdout, same.stderr);
    place.ok(&["rm", "left.cdx", "right.cdx"]);
    assert!(place.ok(&["check"]).contains("sound"));
}

#[test]
fn facts_are_shown_by_their_first_lines_and_cannot_steer() {
    use oskin::image::{Fact, ImageRecord};
    let place = Place::new();
    let lines: Vec<String> = (1..=20).map(|it| format!("\tline {it} \u{1b}[31m\n")).collect();
    let script = lines.concat();
    let fact = |kind: &str, text: String| Fact { kind: kind.to_owned(), text };
    let record = ImageRecord {
        name: "told".to_owned(),
        facts: vec![
            fact("sif.deffile", script.clone()),
            fact("manifest.annotations", r#"{"a":"b"}"#.to_owned()),
            fact("long", "é".repeat(500)),
        ],
        ..ImageRecord::default()
    };
    let mut file = Vec::new();
    let image = oskin::oski::OskiImage { record, layers: Vec::new(), packages: None };
    oskin::oski::write(&mut file, &[image]).unwrap();
    place.file("told.oski", &file);
    place.ok(&["import", "-q", "told.oski"]);
    for image in ["told", "told.oski"] {
        let shown = place.ok(&["show", image]);
        let lines: Vec<&str> = shown.lines().skip_while(|line| !line.starts_with("fact")).collect();
        assert_eq!(lines[0], "fact         sif.deffile");
        assert_eq!(lines[1], "                   line 1 \u{fffd}[31m");
        assert_eq!(lines[9], "               and 12 more lines (all of them: --json)");
        assert_eq!(lines[10], r#"fact         manifest.annotations: {"a":"b"}"#);
        assert_eq!(lines[11], "fact         long");
        assert!(lines[12].ends_with("é…") && lines[12].chars().count() < 120, "{}", lines[12]);
        assert!(shown.contains("label        a=b\n"), "{shown}");
        let json = place.json(&["show", image]);
        assert_eq!(json["facts"][0]["text"], script);
        assert_eq!(json["labels"]["a"], "b");
    }
}

#[test]
fn packages_are_compared_like_diff() {
    let place = place();
    let ran = place.run(&["compare", "left.cdx.json", "right.cdx.json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stdout.starts_with("left.cdx and right.cdx have 2 of 4 packages in common by name")
    );
    assert!(ran.stdout.contains("\npackages: different\n\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("equivalent  deb   a        1 amd64  1 arm64\n"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("relation"), "{}", ran.stdout);
    let json = place.json(&["compare", "left.cdx.json", "right.cdx.json"]);
    assert_eq!(json["schema"], "oskin.compare/1");
    assert!(json["selections"].is_null() && json["relation"].is_null(), "{json}");
    let common = |ways: &str| json["packages"][ways]["common"].as_u64();
    assert_eq!(common("names"), Some(2));
    assert_eq!(common("versions"), Some(1));
    assert_eq!(common("architectures"), Some(0));
    assert_eq!(json["packages"]["names"]["jaccard"], 0.5);
    assert_eq!(json["packages"]["same"], false);
    place.file("empty.json", document(&[]).as_bytes());
    let ran = place.run(&["compare", "empty.json", "empty.json"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("there is nothing to compare"), "{}", ran.stdout);
}

#[test]
fn questions_about_paths_are_refused_with_a_way_around() {
    let place = place();
    place.file("list", b"a/b\na/c\n");
    place.ok(&["add", "-q", "left.cdx.json", "paths:list"]);
    let word = "left.cdx holds packages only (an SBOM); it has no paths";
    for arguments in [
        &["matrix", "left.cdx", "list"][..],
        &["heatmap", "left.cdx", "list", "-o", "svg=x.svg"],
        &["lineage", "left.cdx", "list"],
        &["classify", "left.cdx"],
        &["classify", "left.cdx.json"],
        &["ancestors", "left.cdx"],
        &["descendants", "left.cdx"],
        &["common", "left.cdx", "list"],
        &["stale", "left.cdx"],
        &["sketch", "make", "left.cdx"],
        &["compare", "list", "left.cdx"],
        &["compare", "left.cdx.json", "list"],
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(word), "{arguments:?}: {}", ran.stderr);
        let hint = "compare it with another image that has packages";
        assert!(ran.stderr.contains(hint), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    let ran = place.run(&["compare", "list", "left.cdx"]);
    assert!(ran.stderr.contains("no packages are known of list"), "{}", ran.stderr);
}

#[test]
fn whole_catalogs_leave_them_out_and_say_so_once() {
    let (place, truth) = sample_family();
    let commands: [&[&str]; 11] = [
        &["matrix"],
        &["matrix", "--selection", "files", "--top", "2"],
        &["heatmap", "-o", "svg"],
        &["lineage"],
        &["ancestors", "bookworm-python"],
        &["descendants", "bookworm-base"],
        &["duplicates"],
        &["bases"],
        &["stale"],
        &["classify", "bookworm-python"],
        &["evaluate", "--truth", &truth],
    ];
    let before: Vec<String> = commands.iter().map(|it| place.ok(it)).collect();
    place.file("left.json", document(&LEFT).as_bytes());
    place.file("right.json", document(&RIGHT).as_bytes());
    place.ok(&["add", "-q", "left.json", "right.json"]);
    let note = "2 images of the catalog are left out: they hold packages only, no paths\n";
    for (arguments, before) in commands.iter().zip(before) {
        let ran = place.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, before, "{arguments:?}");
        assert_eq!(ran.stderr.matches(note).count(), 1, "{arguments:?}: {}", ran.stderr);
        assert!(!place.run(&[arguments, &["-q"][..]].concat()).stderr.contains("left out"));
    }
    let made = place.run(&["sketch", "make"]);
    assert!(made.stderr.contains(note), "{}", made.stderr);
    assert!(place.ok(&["check"]).contains("sound"));
}
