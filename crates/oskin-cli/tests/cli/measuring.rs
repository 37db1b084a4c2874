//! Measures, weights and views of `oskin matrix`, `compare`, `classify` and `heatmap`.

use crate::common::{Place, sample_family};
use serde_json::json;

/// Three path lists in a catalog.
fn three_lists() -> Place {
    let place = Place::new();
    place.file("a", b"usr/\nusr/lib/\nusr/lib/libz.so.1.2\nusr/bin/\nusr/bin/tool\n");
    place.file("b", b"usr/\nusr/lib/\nusr/lib/libz.so.1.3\nusr/bin/\nusr/bin/tool\n");
    place.file("c", b"usr/\nopt/\nopt/lib/\nopt/lib/libz.so.1.2\n");
    place.ok(&["add", "-q", "paths:a", "paths:b", "paths:c"]);
    place
}

/// The similarities of a and b, and of a and c.
fn pairs(place: &Place, arguments: &[&str]) -> [String; 2] {
    let text = place.ok(&[&["matrix"], arguments].concat());
    let row: Vec<&str> = text.lines().nth(1).unwrap().split(',').collect();
    [row[2], row[3]].map(str::to_owned)
}

#[test]
fn every_measure_is_the_function_that_it_says() {
    let place = three_lists();
    // a and b share 4 of 5 and 5; a and c share 1 of 5 and 4.
    for (measure, expected) in [
        ("dice", ["0.800000", "0.222222"]),
        ("jaccard", ["0.666667", "0.125000"]),
        ("containment", ["0.800000", "0.200000"]),
        ("containment-right", ["0.800000", "0.250000"]),
        ("overlap", ["0.800000", "0.250000"]),
        ("cosine", ["0.800000", "0.223607"]),
    ] {
        assert_eq!(pairs(&place, &["--measure", measure]), expected, "{measure}");
    }
}

#[test]
fn weights_count_what_they_say() {
    let place = three_lists();
    // usr is in three lists, usr/lib, usr/bin and usr/bin/tool in two, each of the others in one: of rarity a
    // weighs 1/3 + 3/2 + 1, as b does, and they share 1/3 + 3/2; c weighs 1/3 + 3.
    let dice = |common: f64, a: f64, b: f64| format!("{:.6}", 2.0 * common / (a + b));
    let a = 1.0 / 3.0 + 1.5 + 1.0;
    let expected = [dice(1.0 / 3.0 + 1.5, a, a), dice(1.0 / 3.0, a, 1.0 / 3.0 + 3.0)];
    assert_eq!(pairs(&place, &["--weight", "rarity"]), expected);
    let [two, one] = [1.5_f64.ln(), 3_f64.ln()];
    let expected = [dice(3.0 * two, 3.0 * two + one, 3.0 * two + one), "0.000000".to_owned()];
    assert_eq!(pairs(&place, &["--weight", "idf"]), expected);
    let listed = place.json(&["matrix", "--weight", "rarity", "--top", "1"]);
    assert_eq!(
        (&listed["weight"], &listed["by"], &listed["view"]),
        (&json!("rarity"), &json!("paths"), &json!("plain"))
    );
    let common = listed["pairs"][0]["common"].as_f64().unwrap();
    assert!((common - (1.0 / 3.0 + 1.5)).abs() < 1e-6, "{common}");
}

#[test]
fn bytes_are_shared_as_far_as_both_have_them() {
    let place = Place::new();
    for (image, sizes) in [("one", [100, 30]), ("two", [60, 40])] {
        let root = place.path().join(image);
        std::fs::create_dir(&root).unwrap();
        for (name, size) in ["x", "y"].iter().zip(sizes) {
            std::fs::write(root.join(name), vec![b'a'; size]).unwrap();
        }
        place.ok(&["add", "-q", &format!("rootfs:{image}")]);
    }
    let text = place.ok(&["matrix", "--weight", "bytes"]);
    // 60 and 30 of 130 and 100.
    assert!(text.contains(&format!("one,1.000000,{:.6}", 180.0 / 230.0)), "{text}");
    let list = place.ok(&["matrix", "--weight", "bytes", "--top", "1"]);
    assert!(list.contains("one,two,90,40,10,"), "{list}");
}

#[test]
fn views_change_what_is_compared_and_are_told() {
    let place = three_lists();
    assert_eq!(pairs(&place, &["--view", "masked"])[0], "1.000000");
    // Leaves of a and b: the library and the tool.
    assert_eq!(pairs(&place, &["--view", "leaves"]), ["0.500000", "0.000000"]);
    assert_eq!(pairs(&place, &["--exclude", "usr/bin"]), ["0.666667", "0.285714"]);
    assert_eq!(pairs(&place, &["--include", "usr/bin"]), ["1.000000", "0.000000"]);
    // The same edges but one: lib -> libz.so.1.2 is there below opt too.
    assert_eq!(pairs(&place, &["--by", "edges"]), ["0.800000", "0.444444"]);
    let report = place.json(&["compare", "a", "b", "--view", "masked,leaves"]);
    assert_eq!(report["view"], "leaves+masked");
    assert_eq!(report["selections"]["both"]["left"], 2);
    assert_eq!(report["selections"]["both"]["dice"], 1.0);
    let text = place.run(&["compare", "a", "b", "--view", "masked"]).stdout;
    assert!(text.contains("by the view masked"), "{text}");
    let report = place.json(&["classify", "a", "--view", "masked", "--top", "1"]);
    assert_eq!((&report["view"], &report["nearest"][0]["name"]), (&json!("masked"), &json!("b")));
    assert_eq!(report["nearest"][0]["dice"], 1.0);
    place.ok(&["heatmap", "--view", "masked", "-o", "html=h.html", "-o", "svg=h.svg"]);
    let [page, picture] =
        ["h.html", "h.svg"].map(|name| std::fs::read_to_string(place.path().join(name)).unwrap());
    assert!(page.contains("\"how\":\"view masked\"") && picture.contains("view masked"));
}

#[test]
fn contents_and_core_are_views_of_real_systems() {
    let (place, _) = sample_family();
    let dice = |view: &[&str]| {
        let asked = ["compare", "bookworm-webapp", "bookworm-webapp-rebuilt"];
        place.json(&[&asked[..], view].concat())["selections"]["files"]["dice"].as_f64().unwrap()
    };
    let [plain, contents, core] =
        [dice(&[]), dice(&["--view", "contents"]), dice(&["--view", "contents,core"])];
    assert!(contents < plain, "a rebuild has other contents: {contents} {plain}");
    assert!(core > contents, "caches and byte code differ most: {core} {contents}");
    // By contents as `compare` counts them.
    let report = place.json(&["compare", "bookworm-base", "bookworm-slim"]);
    let by_contents =
        place.json(&["compare", "bookworm-base", "bookworm-slim", "--view", "contents"]);
    assert_eq!(report["content"]["same"], by_contents["selections"]["files"]["common"]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = three_lists();
    for (arguments, words) in [
        (&["matrix", "--by", "edges", "--weight", "bytes"][..], "--weight bytes goes with"),
        (&["matrix", "--by", "words", "--measure", "dice"], "cosine"),
        (&["matrix", "--core-list", "a"], "--view core"),
        (&["matrix", "--exclude", "[a"], "[a"),
        (&["heatmap", "--weight", "idf"], "counts"),
        (&["classify", "a", "--weight", "rarity"], "matrix --top"),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}");
        assert!(ran.stderr.contains(words), "{arguments:?}: {}", ran.stderr);
    }
    place.file("list", b"# mine\nusr/bin\n");
    let with_list = pairs(&place, &["--view", "core", "--core-list", "list"]);
    assert_eq!(with_list[0], pairs(&place, &["--view", "core", "--exclude", "usr/bin"])[0]);
}
