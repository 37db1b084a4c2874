//! `oskin words` from outside.

use crate::common::{Place, sample_family};

const BASE: &str = "usr\nusr/bin\nusr/bin/sh\nusr/lib\nusr/lib/libz.so.1.2.13\n";

/// A catalog of two images, and the list of a third.
fn three() -> (Place, String) {
    let place = Place::new();
    place.file("base.txt", BASE.as_bytes());
    let app = format!("{BASE}opt/app-1.2/one\nopt/app-1.2/two%\n");
    place.file("app.txt", app.as_bytes());
    place.file("other.txt", format!("{app}srv/www/index.html\n").as_bytes());
    for image in ["base", "app"] {
        place.ok(&["add", "-q", "--name", image, &format!("paths:{image}.txt")]);
    }
    (place, "paths:other.txt".to_owned())
}

#[test]
fn words_that_few_images_have_are_told_once() {
    let (place, other) = three();
    let report = place.json(&["words", "app"]);
    assert_eq!(report["schema"], "oskin.words/1");
    let counts = (&report["images"], &report["paths"], &report["against"]);
    assert_eq!(counts, (&2.into(), &7.into(), &serde_json::Value::Null));
    let words = report["words"].as_array().unwrap();
    assert_eq!(words.len(), 1);
    let word = &words[0];
    assert_eq!(
        (&word["word"], &word["count"], &word["in_images"]),
        (&"opt".into(), &2.into(), &1.into())
    );
    assert_eq!(word["example"], "opt/app-1.2/one");
    assert_eq!(word["also"], serde_json::json!(["app-1.2", "app", "1.2", "one", "two%25"]));
    assert_eq!(word["also_count"], 5);
    let weight = (1.0 + 2.0_f64.ln()) * (3.0_f64 / 2.0).ln();
    assert!((word["weight"].as_f64().unwrap() - weight).abs() < 1e-12);
    let text = place.ok(&["words", "app"]);
    assert!(text.starts_with("app: 7 paths, among 2 images\n\nWORD"), "{text}");
    assert!(text.contains("opt/app-1.2/one  app-1.2, app, 1.2, 2 more\n"), "{text}");
    let base = place.ok(&["words", "base"]);
    assert!(base.contains("no word sets it apart"), "{base}");
    // One that is read counts as one more, and what it alone has comes first.
    let read = place.json(&["words", &other, "--top", "1"]);
    assert_eq!((&read["images"], &read["paths"]), (&3.into(), &8.into()));
    assert_eq!(read["words"][0]["word"], "srv");
    assert_eq!(read["words"].as_array().unwrap().len(), 1);
    assert_eq!(place.json(&["ls"])["images"].as_array().unwrap().len(), 2);
}

#[test]
fn paths_of_another_image_are_left_out() {
    let (place, other) = three();
    let report = place.json(&["words", &other, "--against", "app"]);
    assert_eq!((&report["against"], &report["paths"]), (&"app".into(), &1.into()));
    assert_eq!(report["words"][0]["word"], "srv");
    assert_eq!(report["words"][0]["example"], "srv/www/index.html");
    assert_eq!(place.json(&["words", "app", "--against", &other])["words"], serde_json::json!([]));
    let missing = place.run(&["words", "nothing"]);
    assert_eq!(missing.code, Some(2));
    let empty = Place::new();
    assert_eq!(empty.run(&["words", "nothing"]).code, Some(2));
}

#[test]
fn the_samples_say_what_they_are() {
    let (place, _) = sample_family();
    for (image, word) in [("bookworm-redis", "redis"), ("bookworm-nginx", "nginx")] {
        let report = place.json(&["words", image, "--top", "3"]);
        let words = report["words"].as_array().unwrap();
        let is_named = |it: &serde_json::Value| it["word"].as_str().unwrap().contains(word);
        assert!(words.iter().any(is_named), "{report:#}");
    }
}
