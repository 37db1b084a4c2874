//! `oskin evaluate --environment`: whether environments follow software.

use crate::common::{Place, sample_family};
use serde_json::{Value, json};
use testkit::{ArchiveOptions, Image, docker_archive};

/// The row of two similarities and of a way to look at the pairs.
fn test<'r>(report: &'r Value, names: [&str; 3]) -> &'r Value {
    let is_it =
        |it: &&Value| [&it["environment"], &it["software"], &it["pairs_of"]].iter().eq(&names);
    report["tests"].as_array().unwrap().iter().find(is_it).unwrap()
}

fn is(value: &Value, expected: f64) -> bool {
    (value.as_f64().unwrap() - expected).abs() < 5e-5
}

/// A catalog of images that each hold the files of some programs and declare their variables.
fn made(images: &[(&str, &[&str], &[&str])]) -> Place {
    let place = Place::new();
    let image = |(name, programs, variables): &(&str, &[&str], &[&str])| {
        let files = programs.iter().flat_map(|program| {
            (0..12).map(move |number| format!("opt/{program}/{number} file 1\n"))
        });
        let image = Image::from_fixture(&format!("//- layer\n{}", files.collect::<String>()));
        let image = image.reference(&format!("{name}:1"));
        if variables.is_empty() { image } else { image.env(variables) }
    };
    let images: Vec<Image> = images.iter().map(image).collect();
    let archive = docker_archive(&images, &ArchiveOptions::default());
    let file = place.file("images.tar", &archive).display().to_string();
    place.ok(&["add", "-q", "--all", &file]);
    place
}

#[test]
fn the_samples_have_the_figures_of_an_independent_program() {
    let (place, truth) = sample_family();
    let asked = ["evaluate", "--environment", "--truth", &truth, "--permutations", "199"];
    let report = place.json(&asked);
    assert_eq!(report["schema"], "oskin.environment/1");
    let counts = ["images", "declaring", "tested", "variables"].map(|field| &report[field]);
    assert_eq!(counts, [40, 37, 37, 9].map(Value::from).each_ref());
    assert_eq!(report["packages"], json!({"told": 37, "recorded": 0, "unknown": 0}));
    let largest = json!({"name": "bookworm-base", "images": 22});
    assert_eq!((&report["families_from"], &report["families"][0]), (&"truth".into(), &largest));
    for (names, pairs, r, rho) in [
        (["names", "files", "all"], 666, 0.1673, 0.1569),
        (["names", "files", "family-held"], 666, 0.4090, 0.4111),
        (["names", "directories", "within-families"], 262, 0.4671, 0.4657),
        (["names-and-values", "files", "all"], 666, 0.1802, 0.1760),
        (["names-and-values", "files", "within-families"], 262, 0.5328, 0.5583),
    ] {
        let row = test(&report, names);
        assert!(row["pairs"] == pairs && is(&row["r"], r) && is(&row["rho"], rho), "{row}");
        assert!(row["exact"] == false && row["permutations"] == 199, "{row}");
    }
    let row = test(&report, ["names-and-values", "files", "within-families"]);
    assert!(is(&row["p"], 0.005) && is(&row["rho_p"], 0.005), "no other order does as well: {row}");
    // The same families are found, so the same is told.
    let found = place.json(&["evaluate", "--environment", "--permutations", "199"]);
    assert_eq!((&found["families_from"], &found["tests"]), (&"lineage".into(), &report["tests"]));
    let text = place.ok(&asked);
    for words in [
        "37 images of 40 declare an environment. Names of variables: 9.\n",
        "3 of three images or more, with 34 images; 3 in smaller ones or in none.\n",
        "\nwithin base families: yes, strongly (r = 0.533, p = 0.0050, 28 % of what varies).\n",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
}

#[test]
fn few_images_are_tried_in_all_orders() {
    let place = made(&[
        ("a", &["x", "y"], &["X=1", "Y=1"]),
        ("b", &["x"], &["X=1"]),
        ("c", &["y", "z"], &["Y=1", "Z=1"]),
        ("d", &["z"], &["Z=1"]),
        ("e", &["w"], &["W=1"]),
        ("none", &["w"], &[]),
    ]);
    let report = place.json(&["evaluate", "--environment"]);
    assert_eq!((&report["images"], &report["declaring"]), (&6.into(), &5.into()));
    assert_eq!(report["packages"]["unknown"], 5);
    let row = test(&report, ["names", "files", "all"]);
    assert!(is(&row["r"], 1.0) && row["exact"] == true && row["permutations"] == 120, "{row}");
    // a, b, c, d, e is told from d, c, a, b, e by nothing.
    assert!(is(&row["p"], 2.0 / 120.0), "{row}");
    let row = test(&report, ["names", "packages", "all"]);
    assert_eq!((&row["images"], &row["r"], &row["p"]), (&0.into(), &Value::Null, &Value::Null));
    let csv = place.ok(&["evaluate", "--environment", "-o", "csv"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 19);
    assert_eq!(lines[1], "names,files,all,5,10,1.000000,0.016667,1.000000,0.016667,120,true");
    assert_eq!(lines[7], "names,packages,all,0,0,,,,,0,false");
    let tsv = place.ok(&["evaluate", "--environment", "-o", "tsv"]);
    assert_eq!(tsv, csv.replace(',', "\t"));
}

#[test]
fn what_cannot_be_told_is_said() {
    let path: &[&str] = &["PATH=/bin"];
    let images: [(&str, &[&str], &[&str]); 4] =
        [("a", &["x"], path), ("b", &["y"], path), ("c", &["x", "y"], path), ("d", &[], &[])];
    let place = made(&images);
    let ran = place.run(&["evaluate", "--environment"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("3 images declare an environment"), "{}", ran.stderr);
    let images = [&images[..3], &[("d", &["z"][..], path)]].concat();
    let place = made(&images);
    let text = place.ok(&["evaluate", "--environment"]);
    assert!(text.contains("Names of variables: 1, which all of them declare.\n"), "{text}");
    assert!(text.contains("Over all pairs: cannot be told"), "{text}");
    for arguments in [
        &["evaluate"][..],
        &["evaluate", "--truth", "x", "--permutations", "9"],
        &["evaluate", "--environment", "--leave-parent-out"],
        &["evaluate", "--environment", "--delete", "0.1"],
        &["evaluate", "--environment", "--permutations", "0"],
    ] {
        let ran = place.run(arguments);
        assert!(ran.code == Some(2) && ran.stderr.contains("--"), "{arguments:?}: {}", ran.stderr);
    }
}
