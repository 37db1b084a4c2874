//! `oskin classify`: the place of an image, held to the family graph.

use crate::common::{Place, sample_family};
use crate::lineage::names;
use serde_json::Value;

/// The steps up from an image by the edges of the whole graph, with kind and confidence.
fn way_up(lineage: &Value, image: &str) -> Vec<(String, String, f64)> {
    let mut way = Vec::new();
    let mut image = image.to_owned();
    loop {
        let edges = lineage["edges"].as_array().unwrap();
        let Some(edge) = edges.iter().find(|edge| edge["child"] == image.as_str()) else {
            return way;
        };
        image = edge["parent"].as_str().unwrap().to_owned();
        let kind = edge["kind"].as_str().unwrap().to_owned();
        way.push((image.clone(), kind, edge["confidence"].as_f64().unwrap()));
        assert!(way.len() < 50, "a circle");
    }
}

fn place_tells(report: &Value) -> Vec<(String, String, f64)> {
    let walk = report["walk"].as_array().unwrap().iter().rev();
    walk.map(|step| {
        let text = |field: &str| step[field].as_str().unwrap().to_owned();
        (text("parent"), text("kind"), step["confidence"].as_f64().unwrap())
    })
    .collect()
}

#[test]
fn each_image_has_the_place_that_the_whole_graph_gives_it() {
    let (place, _) = sample_family();
    for options in [&[][..], &["--paths-only"]] {
        let lineage = place.json(&[&["lineage"], options].concat());
        for image in lineage["images"].as_array().unwrap() {
            let name = image["name"].as_str().unwrap();
            let report = place.json(&[&["classify", name, "--top", "1"], options].concat());
            let expected = way_up(&lineage, name);
            assert_eq!(place_tells(&report), expected, "{name} {options:?}");
            assert_eq!(report["parent"], image["parent"], "{name}");
            let base = expected.last().map(|(base, ..)| base.as_str());
            assert_eq!(report["base"].as_str(), base, "{name}");
        }
    }
}

#[test]
fn an_image_that_is_not_there_is_placed_as_if_it_were() {
    let (place, _) = sample_family();
    let lineage = place.json(&["lineage"]);
    for name in ["bookworm-webapp-squashed", "bookworm-slim", "bookworm-blog", "sid-python"] {
        place.ok(&["export", name, "-o", &format!("oski={name}.oski")]);
        place.ok(&["rm", name]);
        let report = place.json(&["classify", &format!("oski:{name}.oski")]);
        let expected = way_up(&lineage, name);
        let kinds = |way: Vec<(String, String, f64)>| -> Vec<(String, String)> {
            way.into_iter().map(|(parent, kind, _)| (parent, kind)).collect()
        };
        assert_eq!(kinds(place_tells(&report)), kinds(expected), "{name}");
        place.ok(&["import", "-q", &format!("{name}.oski")]);
    }
}

#[test]
fn the_walk_tells_what_each_step_adds_and_what_would_be_better() {
    let (place, _) = sample_family();
    let report = place.json(&["classify", "bookworm-webapp-squashed", "--walk-down"]);
    assert_eq!(names(&report["twins"]), ["bookworm-webapp", "bookworm-webapp-rebuilt"]);
    assert_eq!(report["twin_kind"], "identical");
    let walk = report["walk"].as_array().unwrap();
    assert_eq!(
        (&walk[0]["parent"], &walk[0]["child"]),
        (&"bookworm-base".into(), &"bookworm-python".into())
    );
    assert_eq!(walk[0]["adds"]["files"], 1350);
    assert_eq!(walk[0]["adds"]["folders"][0]["path"], "usr/lib/python3.11");
    assert_eq!(walk[1]["adds"]["files"], 1185);
    assert!(walk[1]["adds"]["size_bytes"].as_u64().unwrap() > 10_000_000);
    let search = &report["walk_down"];
    assert_eq!((&search["proven"], &search["agrees"]), (&true.into(), &true.into()));
    assert!(search["looked_at"].as_u64().unwrap() < 40, "{search}");

    // What stands on the base alone, but holds most of another image too.
    place.ok(&["export", "bookworm-webapp-nginx", "-o", "oski=own.oski"]);
    for name in ["bookworm-webapp", "bookworm-webapp-squashed", "bookworm-webapp-rebuilt"] {
        place.ok(&["rm", name]);
    }
    place.ok(&["rm", "bookworm-webapp-nginx", "bookworm-python"]);
    let report = place.json(&["classify", "oski:own.oski"]);
    assert_eq!(report["parent"], "bookworm-base");
    let better = &report["better_bases"][0];
    assert_eq!((&better["name"], &better["saved_files"]), (&"bookworm-nginx".into(), &214.into()));
    assert!(better["saved_bytes"].as_u64().unwrap() > 10_000_000, "{better}");
}

#[test]
fn what_has_no_parent_is_told_its_family_and_what_it_misses() {
    let place = Place::new();
    let list = |range: std::ops::Range<u32>, own: u32| {
        let paths = range.map(|at| format!("usr/lib/{at}\n"));
        paths.chain((0..own).map(|at| format!("opt/own/{at}\n"))).collect::<String>()
    };
    place.file("base.paths", list(0..1000, 0).as_bytes());
    place.file("other.paths", list(30..1000, 100).as_bytes());
    place.ok(&["add", "paths:base.paths"]);
    let report = place.json(&["classify", "paths:other.paths"]);
    assert_eq!((&report["parent"], &report["base"]), (&Value::Null, &Value::Null));
    let miss = &report["near_misses"][0];
    assert_eq!((&miss["name"], &miss["missing"]), (&"base".into(), &30.into()), "{report:#}");
    assert_eq!(names(&miss["missing_paths"])[0], "usr/lib/0");
    assert_eq!(report["family"], serde_json::json!({"base": "base", "shared": 970, "missing": 30}));
    let text = place.ok(&["classify", "paths:other.paths"]);
    assert!(
        text.contains(
            "a sibling of base: 970 of its 1,000 files are here; missing are\n  /usr/lib/0\n"
        ),
        "{text}"
    );
    place.file("tiny.paths", b"one\n");
    let text = place.ok(&["classify", "paths:tiny.paths"]);
    assert!(text.contains("tiny: less than 10 files are too few to tell a parent\n"), "{text}");
}

#[test]
fn gates_stop_a_build() {
    let (place, _) = sample_family();
    let run = |more: &[&str]| place.run(&[&["classify", "bookworm-webapp"], more].concat());
    let ran = run(&["--require-base", "bookworm-*", "--forbid-base", "trixie-*"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("require-base  passed"), "{}", ran.stdout);
    let ran = run(&["--require-base", "trixie-base", "--json"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("it does not stand on trixie-base"), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&report["gates"][0]["passed"], &report["parent"]),
        (&false.into(), &"bookworm-python".into())
    );
    assert_eq!(run(&["--forbid-base", "bookworm-python"]).code, Some(1));
    assert_eq!(run(&["--max-behind", "0"]).code, Some(0));
}

#[test]
fn standard_input_is_read_once_for_all() {
    let place = Place::new();
    let list = |end: u32| {
        let paths: Vec<String> = (0..end).map(|at| format!("usr/lib/{at}")).collect();
        paths.join("\n")
    };
    place.file("base.paths", list(1000).as_bytes());
    place.ok(&["add", "paths:base.paths"]);
    place.file("child.paths", list(1400).as_bytes());
    let run = |arguments: &[&str]| {
        let input = std::fs::File::open(place.path().join("child.paths")).unwrap();
        place.command().args(arguments).stdin(input).output().unwrap()
    };
    let ran = run(&["classify", "paths:-", "--forbid-base", "base"]);
    assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stdout));
    assert_eq!(run(&["classify", "paths:-", "--require-base", "base"]).status.code(), Some(0));
    let ran = run(&["lineage", "base", "paths:-", "--steps", "--json"]);
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["edges"][0]["parent"], "base", "{report:#}");
    let ran = run(&["lineage", "base", "paths:-"]);
    assert!(String::from_utf8_lossy(&ran.stdout).contains("+400 -0 files"));
}
