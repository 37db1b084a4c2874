//! `oskin layers` from outside.

use crate::common::Place;
use serde_json::{Value, json};
use testkit::{ArchiveOptions, HistoryStep, Image, docker_archive};

const LAYERS: &str = "
    app/data     file 1000 seed=1
    app/log      file 300 seed=2
    app/%name    file 50 seed=3
    //- layer
    app/data     file 1000 seed=1 mode=0600
    //- layer
    app/.wh.log  file
    app/copy     file 1000 seed=1
    app/%name    file 50 seed=3
";

fn step(created_by: &str, empty_layer: bool) -> HistoryStep {
    HistoryStep { created_by: created_by.to_owned(), empty_layer }
}

/// A place with an archive `image.tar`.
fn place() -> Place {
    let place = Place::new();
    let history = vec![
        step("/bin/sh -c #(nop)  COPY app /app", false),
        step("ENV A=1", true),
        step("RUN  chmod 600\n/app/data", false),
        step("", true),
        step("/bin/sh -c rm /app/log", false),
    ];
    let image = Image::from_fixture(LAYERS).history(history);
    place.file("image.tar", &docker_archive(&[image], &ArchiveOptions::default()));
    place
}

#[test]
fn each_layer_tells_what_it_does() {
    let place = place();
    let report = place.json(&["layers", "image.tar"]);
    assert_eq!(report["schema"], "oskin.layers/1");
    assert_eq!(report["written"], json!({"files": 6, "bytes": 3400}));
    let wasted = json!({
        "files": 3,
        "bytes": 1350,
        "copied": {"files": 1, "bytes": 50},
        "mode_only": {"files": 1, "bytes": 1000},
        "rewritten": {"files": 0, "bytes": 0},
        "deleted": {"files": 1, "bytes": 300},
    });
    assert_eq!(report["wasted"], wasted);
    assert_eq!(report["wasted_share"], 1350.0 / 3400.0);
    let each = |key: &str, of: &str| -> Vec<Value> {
        report["layers"].as_array().unwrap().iter().map(|it| it[key][of].clone()).collect()
    };
    assert_eq!(each("added", "files"), [3, 0, 1]);
    assert_eq!(each("changed", "bytes"), [0, 1000, 50]);
    assert_eq!(each("removed", "bytes"), [0, 0, 300]);
    assert_eq!(each("wasted", "bytes"), [0, 1000, 350]);
    let last = &report["layers"][2];
    assert_eq!((&last["layer"], &last["lost_bytes"]), (&2.into(), &0.into()));
    assert_eq!(last["created_by"], "/bin/sh -c rm /app/log");
    assert!(last["digest"].as_str().unwrap().starts_with("sha256:"), "{last}");
    let worst = &report["paths"][0];
    assert_eq!(
        (&worst["path"], &worst["wasted"]["mode_only"]["bytes"]),
        (&"app/data".into(), &1000.into())
    );
    assert_eq!((&worst["written_in"], &worst["buried_in"]), (&json!([0]), &json!([1])));
    assert_eq!(report["paths"][2]["path"], "app/%25name");
    assert_eq!((&report["path_count"], &report["duplicate_bytes"]), (&3.into(), &1000.into()));
    assert_eq!(report["duplicates"][0]["paths"], json!(["app/copy", "app/data"]));
    // data 1,000 of 2,000, log 0 of 300, name 50 of 100, copy 1,000.
    let dive = &report["dive"];
    assert_eq!((&dive["minimum_bytes"], &dive["discovered_bytes"]), (&2050.into(), &3400.into()));
    assert_eq!((&dive["wasted_bytes"], &dive["path_count"]), (&2400.into(), &3.into()));
    assert_eq!(dive["efficiency"], 2050.0 / 3400.0);
    // What is in the catalog says the same.
    place.ok(&["add", "-q", "--name", "kept", "image.tar"]);
    let mut kept = place.json(&["layers", "kept"]);
    kept["name"] = report["name"].clone();
    assert_eq!(kept, report);
    let one = place.json(&["layers", "kept", "--top", "1"]);
    assert_eq!((one["paths"].as_array().unwrap().len(), &one["path_count"]), (1, &3.into()));
}

#[test]
fn people_see_what_matters() {
    let place = place();
    let text = place.ok(&["layers", "image.tar", "--top", "2"]);
    assert!(text.contains(": 3 layers, 3.4 kB written, 1.4 kB wasted (39.7 %)\n"), "{text}");
    assert!(text.contains("1.0 kB  RUN chmod 600 /app/data\n"), "{text}");
    assert!(text.contains("350 B  rm /app/log\n"), "{text}");
    assert!(text.contains("1.0 kB  mode-only  0           1        app/data\n"), "{text}");
    assert!(text.contains("and 1 more path: --all lists them\n"), "{text}");
    assert!(text.contains("1.0 kB      2  app/copy, app/data\n"), "{text}");
    let dive = "as dive counts: efficiency 0.6029, 2.4 kB wasted (117.1 % of what is above the first layer)\n";
    assert!(text.contains(dive), "{text}");
    let end = "of 1.4 kB wasted, 1.0 kB is mode-only (set mode and owner in the layer that copies), \
        300 B is deleted later (delete it in the layer that writes it)\n";
    assert!(text.ends_with(end), "{text}");
    assert!(place.ok(&["layers", "image.tar", "--all"]).contains("app/%25name\n"));
}

#[test]
fn gates_stop_what_wastes() {
    let place = place();
    let passed =
        place.json(&["layers", "image.tar", "--min-efficiency", "0.6", "--max-wasted", "40%"]);
    let gates: Vec<(&Value, &Value)> =
        passed["gates"].as_array().unwrap().iter().map(|it| (&it["gate"], &it["passed"])).collect();
    let yes = &Value::Bool(true);
    assert_eq!(gates, [(&"min-efficiency".into(), yes), (&"max-wasted".into(), yes)]);
    place.ok(&["layers", "image.tar", "--max-wasted", "1350"]);
    let failed =
        place.run(&["layers", "image.tar", "--max-wasted", "1kB", "--min-efficiency", "61%"]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.stdout.contains("GATE            OUTCOME  WHY\n"), "{}", failed.stdout);
    let expected =
        "max-wasted: 1350 bytes are wasted, 39.71 % of what its layers write; 1000 bytes allowed";
    assert!(failed.stderr.contains(expected), "{}", failed.stderr);
    assert!(failed.stderr.contains("min-efficiency: its efficiency is 0.6029; 0.61 is needed"));
    assert_eq!(place.run(&["layers", "image.tar", "--max-wasted", "2%%"]).code, Some(2));
}

#[test]
fn without_layers_or_history_nothing_is_made_up() {
    let place = Place::new();
    place.file("list.txt", b"usr\nusr/bin\n");
    let list = place.json(&["layers", "paths:list.txt"]);
    assert_eq!((&list["wasted"]["bytes"], &list["dive"]["efficiency"]), (&0.into(), &Value::Null));
    assert_eq!(list["layers"][0]["created_by"], Value::Null);
    let text =
        place.ok(&["layers", "paths:list.txt", "--min-efficiency", "1", "--max-wasted", "0"]);
    assert!(text.contains("nothing is wasted: no layer rewrites or deletes"), "{text}");
    assert_eq!(place.run(&["layers", "nothing"]).code, Some(2));
}
