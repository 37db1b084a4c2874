//! `oskin paths`: what became of the paths that only one image has.

use crate::common::{Place, sample_family};

fn python(version: &str, own: &str) -> String {
    let names = ["abc.py", "json/decoder.py", "json/encoder.py", own];
    let lines = names.map(|name| format!("usr/lib/python{version}/{name}\n"));
    format!("etc/passwd\nusr/bin/python{version}\n{}", lines.concat())
}

#[test]
fn an_upgrade_is_told_as_a_shifted_subtree() {
    let place = Place::new();
    place.file("old.paths", python("3.9", "old.py").as_bytes());
    place.file("new.paths", python("3.11", "new.py").as_bytes());
    let asked = ["paths", "paths:old.paths", "paths:new.paths"];
    let ran = place.run(&asked);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stdout.starts_with(
            "5 paths only in old, 5 only in new, 1 in both.\n\
             Of them 4 version-shifted (3 of them in 1 subtree); without a counterpart 1 removed, 1 added.\n"
        ),
        "{}",
        ran.stdout
    );
    let report = place.json(&asked);
    assert_eq!(report["schema"], "oskin.paths/1");
    assert_eq!(report["subtrees"][0]["left"], "usr/lib/python3.9");
    assert_eq!(report["subtrees"][0]["right"], "usr/lib/python3.11");
    assert_eq!(report["removed"], serde_json::json!(["usr/lib/python3.9/old.py"]));
    let tsv = place.run(&[&asked[..], &["-o", "tsv"]].concat()).stdout;
    assert_eq!(tsv.lines().count(), 5);
    assert!(tsv.contains("usr/bin/python3.9\tusr/bin/python3.11\tversion-shifted\t0."), "{tsv}");
}

#[test]
fn exit_codes_are_those_of_diff() {
    let place = Place::new();
    place.file("a.paths", b"etc/passwd\n");
    assert_eq!(
        place.ok(&["paths", "paths:a.paths", "paths:a.paths"]),
        "a and a have the same 1 path.\n"
    );
    assert_eq!(place.run(&["paths", "paths:a.paths", "paths:none.paths"]).code, Some(2));
    assert_eq!(place.run(&["paths", "paths:a.paths"]).code, Some(2));
}

#[test]
fn the_python_of_another_release_is_one_subtree() {
    let (place, _) = sample_family();
    let report = place.json(&["paths", "bullseye-python", "bookworm-python"]);
    let first = &report["subtrees"][0];
    assert_eq!(first["kind"], "version-shifted");
    assert_eq!(
        (&first["left"], &first["right"]),
        (&"usr/lib/python3.9".into(), &"usr/lib/python3.11".into())
    );
    assert!(first["pairs"].as_u64().unwrap() > 1000, "{first}");
    assert!(first["left_only"].as_u64().unwrap() < 100, "{first}");
}
