//! `oskin evaluate` on the sample family: robustness, parents left out, families, tables of truth.

use crate::common::sample_family;
use serde_json::Value;

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn changed_images_are_judged_one_at_a_time() {
    let (place, truth) = sample_family();
    let changes = ["--delete", "0,0.5%", "--delete", "0.05", "--strip-docs", "--upgrade"];
    let asked = [&["evaluate", "--truth", &truth, "--paths-only"][..], &changes].concat();
    let report = place.json(&asked);
    let rows = report["robustness"].as_array().unwrap();
    let names: Vec<(&str, Option<f64>)> = rows
        .iter()
        .map(|row| (row["perturbation"].as_str().unwrap(), row["share"].as_f64()))
        .collect();
    assert_eq!(
        names,
        [
            ("none", None),
            ("delete", Some(0.0)),
            ("delete", Some(0.005)),
            ("delete", Some(0.05)),
            ("strip-docs", None),
            ("upgrade", Some(0.15)),
        ]
    );
    // Nothing changed, and nothing of it deleted, is what paths alone decide.
    for row in &rows[..2] {
        let right = number(&row["parent"]["hits"]) + number(&row["none"]["hits"]);
        assert_eq!(right, number(&report["decisions"]["hits"]), "{row}");
        assert_eq!((number(&row["removed"]), number(&row["added"])), (0, 0));
        assert_eq!(row["wrong"], report["wrong"]);
    }
    for row in rows {
        let of = number(&row["parent"]["of"]);
        let sum = number(&row["parent"]["hits"]) + number(&row["lost"]) + number(&row["other"]);
        assert_eq!((of, sum), (34, 34), "{row}");
    }
    let found = |row: usize| number(&rows[row]["parent"]["hits"]);
    assert!(found(2) >= 31 && found(3) <= 5 && found(4) >= 30 && found(5) >= 25, "{report:#}");
    let (removed, added) = (&rows[5]["removed"], &rows[5]["added"]);
    assert!(number(removed) > 1000 && removed == added, "every file has a next version");
    // The same seed deletes the same, another something else; with all evidence the trials are still
    // by paths alone.
    let all = ["evaluate", "--truth", &truth, "--delete", "0.005"];
    let again = place.json(&all);
    assert_eq!(again["decisions"]["hits"], 40);
    assert_eq!(again["robustness"], serde_json::json!([rows[0], rows[2]]));
    let other = place.json(&[&all[..], &["--seed", "2"]].concat());
    assert_ne!(rows[2]["removed"], other["robustness"][1]["removed"]);
}

#[test]
fn without_its_parent_an_image_stands_on_the_next_ancestor_or_on_none() {
    let (place, truth) = sample_family();
    let report = place.json(&["evaluate", "--truth", &truth, "--leave-parent-out"]);
    let left_out = &report["parent_left_out"];
    assert_eq!(
        (&left_out["next_ancestor"]["of"], &left_out["none"]["of"]),
        (&15.into(), &19.into())
    );
    assert_eq!(left_out["next_ancestor"]["hits"], 13);
    let wrong = left_out["wrong"].as_array().unwrap();
    assert_eq!(wrong.len() as u64, 34 - number(&left_out["decisions"]["hits"]));
    // bookworm-slim deleted much of the base, and adds nothing: what stands on the base holds it too.
    let on_slim = wrong.iter().filter(|it| it["found"] == "bookworm-slim").count();
    assert!(on_slim >= 9, "{left_out:#}");
    assert!(report["robustness"].as_array().unwrap().is_empty());
    let without = place.json(&["evaluate", "--truth", &truth]);
    assert_eq!(without["parent_left_out"], Value::Null);
}

#[test]
fn base_families_are_stated_or_follow_from_the_chain() {
    let (place, truth) = sample_family();
    let report = place.json(&["evaluate", "--truth", &truth]);
    assert_eq!((&report["family"]["hits"], &report["family"]["of"]), (&34.into(), &34.into()));
    // A family that no base of the catalog has is not asked for; a parent may be unknown.
    let text = "image\tparent\tbase_family\n\
        bookworm-base\t-\tDebian 12\n\
        bookworm-webapp\t?\tDebian 12\n\
        trixie-base\t-\tDebian 13\n\
        trixie-webapp\t?\tDebian 12\n\
        sid-python\t?\tsid\n";
    let file = place.file("families.tsv", text.as_bytes()).display().to_string();
    let report = place.json(&["evaluate", "--truth", &file]);
    assert_eq!((&report["judged"], &report["first"]["of"]), (&2.into(), &0.into()));
    assert_eq!((&report["family"]["hits"], &report["family"]["of"]), (&1.into(), &2.into()));
    let wrong = serde_json::json!([
        {"image": "trixie-webapp", "expected": "Debian 12", "found": "Debian 13"}
    ]);
    assert_eq!(report["wrong_families"], wrong);
    let text = place.ok(&["evaluate", "--truth", &file]);
    assert!(text.contains("WRONG FAMILY   EXPECTED   FOUND"), "{text}");
}

#[test]
fn figures_explain_themselves() {
    let (place, truth) = sample_family();
    let asked =
        ["evaluate", "--truth", &truth, "--paths-only", "--delete", "0.001", "--leave-parent-out"];
    let text = place.ok(&asked);
    for words in [
        "40 images judged\n",
        "of the 34 images with a known parent in the catalog, the best candidate is that parent",
        "Decisions: of all 40, the known parent was named",
        "0.1 % of the files deleted",
        "each image changed in turn (seed 1)",
        "next ancestor found",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    let csv = place.ok(&[&asked[..], &["-o", "csv"]].concat());
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "figure,hits,of,share,low,high");
    assert_eq!(lines[1], "first,32,34,0.941176,0.809064,0.983717");
    assert!(lines.iter().all(|line| line.split(',').count() == 6), "{csv}");
    for figure in ["decisions,37,40,", "changed delete 0.001: parent,", "parent-left-out: none,"] {
        assert!(lines.iter().any(|line| line.starts_with(figure)), "{figure}: {csv}");
    }
    let tsv = place.ok(&[&asked[..], &["-o", "tsv"]].concat());
    assert_eq!(tsv, csv.replace(',', "\t"));
    for share in ["1.5", "101%", "-0.1", "x", "nan"] {
        let ran = place.run(&["evaluate", "--truth", &truth, &format!("--delete={share}")]);
        assert_eq!(ran.code, Some(2), "{share}: {}", ran.stderr);
    }
    let ran = place.run(&["evaluate", "--truth", &truth, "--delete", "5"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("write 5%"), "{}", ran.stderr);
}

#[test]
fn tables_from_other_systems_are_read_and_what_is_absent_is_named() {
    let (place, _) = sample_family();
    let mut text = String::from("\u{feff}image\tparent\r\nbookworm-python\tbookworm-base\r\n");
    for number in 0..12 {
        text.push_str(&format!("absent-{number:02}\t-\r\n"));
    }
    // Saying the same again is no contradiction.
    text.push_str("bookworm-python \t bookworm-base\r\n");
    let file = place.file("truth.tsv", text.as_bytes()).display().to_string();
    let report = place.json(&["evaluate", "--truth", &file]);
    assert_eq!((&report["judged"], &report["first"]["hits"]), (&1.into(), &1.into()));
    let absent = report["absent_images"].as_array().unwrap();
    assert_eq!(
        (absent.len(), &report["absent"], &absent[11]),
        (12, &12.into(), &"absent-11".into())
    );
    let text = place.ok(&["evaluate", "--truth", &file]);
    let line = "1 image judged; 12 more are in the file, but not in the catalog: absent-00, ";
    assert!(text.starts_with(line), "{text}");
    assert!(text.contains("absent-09 and 2 more (all with --json)\n"), "{text}");
}

#[test]
fn tables_that_cannot_be_are_refused_with_their_line() {
    let (place, _) = sample_family();
    for (table, words) in [
        (&b"image\tparent\na\tb\nb\tc\nc\ta\n"[..], "line 2: \"a\" is its own ancestor"),
        (b"image\tparent\na\tb\n\na\tc\n", "line 4: \"a\" has another parent in line 2"),
        (b"image\tparent\na\t\n", "line 2: there is no parent"),
        (b"image,parent\na,b\n", "separated by tabs"),
        (b"image\tparent\n\xff\t-\n", "UTF-8"),
        (b"image\tparent\nz\t-\n", "no image of"),
    ] {
        let file = place.file("bad.tsv", table).display().to_string();
        let ran = place.run(&["evaluate", "--truth", &file]);
        assert_eq!(ran.code, Some(2), "{}", ran.stdout);
        assert!(ran.stderr.contains(words) && ran.stderr.contains("bad.tsv"), "{}", ran.stderr);
    }
}

/// How often a method was right, by its basis, selection, view, weight and measure.
fn hits(report: &Value, method: [&str; 5], question: &str) -> u64 {
    let keys = ["by", "selection", "view", "weight", "measure"];
    let is_it = |it: &&Value| keys.iter().zip(method).all(|(key, value)| it[key] == value);
    let found = report["methods"].as_array().unwrap().iter().find(is_it);
    number(&found.unwrap_or_else(|| panic!("{method:?}"))[question]["hits"])
}

#[test]
fn measures_are_judged_by_known_answers() {
    let (place, truth) = sample_family();
    // Four releases, and three programs on two or three of them: what takes seconds, not minutes.
    let kept = |name: &str| {
        let (release, what) = name.split_once('-').unwrap();
        ["bullseye", "bookworm", "trixie", "sid"].contains(&release)
            && ["base", "python", "nginx", "node"].contains(&what)
    };
    let images = place.json(&["ls"]);
    let names = images["images"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap());
    let others: Vec<&str> = names.filter(|name| !kept(name)).collect();
    place.ok(&[&["rm", "-q"][..], &others].concat());
    let report = place.json(&["evaluate", "--measures", "--truth", &truth]);
    assert_eq!(
        (&report["images"], &report["questions"]),
        (
            &12.into(),
            &serde_json::json!({ "parent": 8, "family": 12, "release": 4, "software": 8 })
        )
    );
    let plain = ["paths", "both", "plain", "none", "dice"];
    let figures = ["parent", "family", "release", "software"].map(|it| hits(&report, plain, it));
    assert_eq!(figures, [8, 10, 4, 0]);
    let by_directories = ["paths", "directories", "plain", "none", "containment-right"];
    assert_eq!(hits(&report, by_directories, "parent"), 8);
    assert_eq!(hits(&report, ["edges", "directories", "plain", "idf", "dice"], "software"), 8);
    assert_eq!(hits(&report, ["paths", "files", "masked", "rarity", "dice"], "software"), 6);
    assert_eq!(hits(&report, ["words", "both", "plain", "idf", "cosine"], "software"), 6);
    assert!(report["methods"][0]["microseconds_per_pair"].is_null());
    let none = place.file("none.tsv", b"image\tparent\nnobody\t-\n").display().to_string();
    let ran = place.run(&["evaluate", "--measures", "--truth", &none]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("no image of the known answers"), "{}", ran.stderr);
}
