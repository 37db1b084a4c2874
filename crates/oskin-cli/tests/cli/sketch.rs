//! `oskin sketch` from outside: files of sketches, the nearest of them, and what is wrong with files.

use crate::common::Place;

/// A list of so many paths, from a number on.
fn list(place: &Place, name: &str, numbers: std::ops::Range<u32>) {
    let lines: Vec<String> =
        numbers.map(|number| format!("usr/share/{}/{number}\n", number / 100)).collect();
    place.file(name, lines.concat().as_bytes());
}

/// A catalog of four lists: small, a part of it, large, and one with hardly anything in common.
fn catalog(place: &Place) {
    list(place, "small", 0..200);
    list(place, "part", 0..150);
    list(place, "large", 0..5_000);
    list(place, "other", 4_990..9_000);
    place.ok(&["add", "paths:small", "paths:part", "paths:large", "paths:other"]);
}

#[test]
fn the_nearest_are_listed_with_what_is_known_of_them() {
    let place = Place::new();
    catalog(&place);
    let made = place.run(&["sketch", "make"]);
    assert_eq!((made.code, made.stdout.as_str()), (Some(0), ""));
    assert_eq!(made.stderr, "wrote oskin.sketches\n");
    let text = place.ok(&["sketch", "near", "small", "oskin.sketches", "--top", "2"]);
    let expected = expect_test::expect![[r"
        nearest to small (200 files and directories) by dice, of 4 sketches in 1 file

        IMAGE  PATHS  COMMON      DICE  WITHIN  FILE
        small    200     200  1.000000  exact   oskin.sketches
        part     150     150  0.857143  exact   oskin.sketches
    "]];
    expected.assert_eq(&text);

    // Read on the fly, by another measure; the large one is sampled.
    list(&place, "new", 0..4_000);
    let arguments = ["sketch", "near", "paths:new", "oskin.sketches", "--measure", "containment"];
    let report = place.json(&arguments);
    assert_eq!(report["schema"], "oskin.sketch-nearest/1");
    assert_eq!((&report["selection"], &report["measure"]), (&"both".into(), &"containment".into()));
    assert_eq!(report["image"]["paths"], 4_000);
    assert_eq!(report["files"][0]["sketches"], 4);
    let nearest = &report["nearest"][0];
    assert_eq!((&nearest["name"], &nearest["paths"]), (&"large".into(), &5_000.into()));
    assert_eq!(nearest["exact"], false);
    for (what, truth) in [("common", 4_000.0), ("dice", 8.0 / 9.0), ("containment_left", 1.0)] {
        let of = |side: &str| nearest[what][side].as_f64().unwrap();
        assert!(of("low") <= truth && truth <= of("high"), "{what}: {nearest}");
        assert!(of("low") <= of("estimate") && of("estimate") <= of("high"), "{what}");
    }
    let text = place.ok(&["sketch", "near", "paths:new", "oskin.sketches"]);
    assert!(text.contains("\n~ is an estimate"), "{text}");
    assert!(text.contains("large  5,000"), "{text}");
}

#[test]
fn sketches_are_the_same_whatever_they_are_made_from() {
    let place = Place::new();
    catalog(&place);
    place.ok(&["sketch", "make", "large", "--hashes", "9", "-o", "sketches=kept"]);
    place.ok(&[
        "--catalog",
        "none",
        "sketch",
        "make",
        "paths:large",
        "--hashes",
        "9",
        "-o",
        "sketches=read",
    ]);
    let bytes = |name: &str| std::fs::read(place.path().join(name)).unwrap();
    assert_eq!(bytes("kept"), bytes("read"));
    assert_eq!(bytes("kept").len(), 6 + 21 + 2 + 17 + (6 + 2 + 9 * 8) + 20);
    let mut command = place.command();
    command.args(["sketch", "make", "large", "--hashes", "9", "-o", "sketches"]);
    assert_eq!(command.output().unwrap().stdout, bytes("kept"));
}

#[test]
fn several_files_are_asked_at_once_if_they_count_the_same() {
    let place = Place::new();
    catalog(&place);
    place.ok(&["sketch", "make", "part", "large", "-o", "sketches=one"]);
    place.ok(&["sketch", "make", "other", "--hashes", "64", "-o", "sketches=two"]);
    let report = place.json(&["sketch", "near", "large", "one", "two"]);
    let names = [0, 1, 2].map(|at| report["nearest"][at]["name"].as_str().unwrap().to_owned());
    assert_eq!(names, ["large", "part", "other"]);
    assert_eq!(report["nearest"][2]["file"], "two");
    place.ok(&["sketch", "make", "--selection", "files", "-o", "sketches=files"]);
    let ran = place.run(&["sketch", "near", "large", "one", "files"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("one holds sketches of both, files of files"), "{}", ran.stderr);
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_place_and_a_hint() {
    let place = Place::new();
    catalog(&place);
    place.ok(&["sketch", "make"]);
    let mut bytes = std::fs::read(place.path().join("oskin.sketches")).unwrap();
    let fails = |name: &str, expected: &str, hint: &str| {
        let ran = place.run(&["sketch", "near", "small", name]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{}", ran.stderr);
    };
    place.file("cut", &bytes[..bytes.len() - 30]);
    fails("cut", "oskin: cut: section at offset ", "hint: copy it anew");
    bytes[100] ^= 1;
    place.file("bad", &bytes);
    fails("bad", "oskin: bad: section at offset 28: damaged data: checksum", "hint: copy it anew");
    bytes[5] = 9;
    place.file("newer", &bytes);
    fails("newer", "newer: sketches of version 9", "hint: use the oskin that wrote it");
    fails("small", "small: not a file of sketches", "`oskin sketch make` writes such files");
    fails("absent", "cannot read absent: ", "");
    assert_eq!(place.run(&["sketch", "make", "--hashes", "0"]).code, Some(2));
    assert_eq!(place.run(&["sketch", "make", "-o", "json"]).code, Some(2));
    assert_eq!(place.run(&["sketch", "near", "small", "cut", "--top", "0"]).code, Some(2));
    let ran = place.run(&["sketch", "make", "-o", "sketches=no/where"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("cannot write no/where: "), "{}", ran.stderr);
}
