//! The commands from outside: what they print, write and exit with.

use crate::common::Place;
use oskin::catalog::Catalog;
use oskin::measure::{Measure, OverlapMatrix};
use oskin::path_set::{PathSet, Selection};
use oskin::report::MatrixReport;
use testkit::{ArchiveOptions, Compression, Defect, Image, OciOptions, docker_archive};

const BASE: &str = "//- layer
etc/os-release file \"ID=tiny\\nVERSION_ID=1\\nPRETTY_NAME=\\\"Tiny 1\\\"\\n\"
bin/a file 100
bin/b file 200
bin/c file 300
bin/d file 400
bin/e file 500
bin/f file 600
bin/g file 700
bin/h file 800
bin/i file 900
bin/sh symlink a
";

fn base() -> Image {
    Image::from_fixture(BASE).reference("tiny:1").env(&["PATH=/bin"]).entrypoint(&["/bin/sh"])
}

fn child() -> Image {
    let text = format!("{BASE}//- layer\nopt/app/run file 50\nbin/.wh.i file\n");
    Image::from_fixture(&text).reference("tiny-app:1")
}

fn family(place: &Place) -> String {
    let archive = docker_archive(&[base(), child()], &ArchiveOptions::default());
    place.file("family.tar", &archive).display().to_string()
}

#[test]
fn add_ls_show_rm() {
    let place = Place::new();
    let family = family(&place);
    let text = place.ok(&["add", "--all", &family]);
    assert_eq!(
        text,
        "added      tiny:1  11 files, 2 directories, 4.5 kB; 1 of 1 layer read\n\
         added      tiny-app:1  11 files, 4 directories, 3.7 kB; 1 of 2 layers read\n"
    );
    let again = place.json(&["add", "--all", &family]);
    assert_eq!(again["schema"], "oskin.add/1");
    assert_eq!(again["images"][0]["outcome"], "unchanged");
    assert_eq!(again["images"][1]["layers_read"], 0);

    let list = place.json(&["ls"]);
    assert_eq!(list["images"][0]["name"], "tiny:1");
    assert_eq!(list["images"][0]["os"]["pretty_name"], "Tiny 1");
    assert!(place.ok(&["ls"]).starts_with("NAME"));

    let show = place.json(&["show", "tiny-app:1"]);
    assert_eq!(show["schema"], "oskin.show/1");
    assert_eq!((&show["files"], &show["directories"]), (&11.into(), &4.into()));
    assert_eq!(show["layers"].as_array().unwrap().len(), 2);
    assert_eq!(place.json(&["show", "tiny:1"])["env"][0], "PATH=/bin");

    assert_eq!(place.ok(&["ls", "-o", "json=-"]), place.ok(&["ls", "--json"]));
    assert!(!place.path().join("-").exists());
    assert_eq!(place.run(&["rm", "tiny:1", "nothing"]).code, Some(2), "all or none");
    assert_eq!(place.ok(&["rm", "tiny:1"]), "removed    tiny:1\n");
    assert_eq!(place.json(&["ls"])["images"].as_array().unwrap().len(), 1);
    assert!(place.ok(&["check"]).starts_with("sound: 1 image"));
    assert_eq!(place.run(&["rm", "tiny:1"]).code, Some(2));
}

#[test]
fn compare_names_the_relation_and_exits_as_diff_does() {
    let place = Place::new();
    let family = family(&place);
    place.ok(&["add", "--all", &family]);
    let report = place.json(&["compare", "tiny:1", "tiny-app:1"]);
    assert_eq!(report["schema"], "oskin.compare/1");
    assert_eq!(report["left"]["name"], "tiny:1");
    let files = &report["selections"]["files"];
    assert_eq!(
        (&files["left"], &files["right"], &files["common"]),
        (&11.into(), &11.into(), &10.into())
    );
    assert!((files["dice"].as_f64().unwrap() - 20.0 / 22.0).abs() < 1e-15);
    assert_eq!(report["content"]["same"], 10);
    assert_eq!(report["relation"]["kind"], "child-with-edits");
    assert_eq!(report["relation"]["parent"], "tiny:1");
    assert_eq!(report["relation"]["evidence"][0]["kind"], "shared-layers");

    assert_eq!(place.run(&["compare", "tiny:1", "tiny-app:1"]).code, Some(1));
    assert_eq!(place.run(&["compare", "tiny:1", "tiny:1"]).code, Some(0));
    let read = format!("docker-archive:{family}:tiny:1");
    assert_eq!(place.run(&["compare", "tiny:1", &read]).code, Some(0));
    let unknown = place.run(&["compare", "tiny:1", "tiny:2"]);
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown.stderr.contains("hint: there is an image named \"tiny:1\""),
        "{}",
        unknown.stderr
    );
}

#[test]
fn compare_needs_no_catalog() {
    let place = Place::new();
    place.file("a.paths", b"usr/\nusr/bin/a\nusr/bin/b\n");
    place.file("b.paths", b"usr/\nusr/bin/b\n");
    let report = place.json(&["compare", "paths:a.paths", "paths:b.paths"]);
    assert_eq!(report["selections"]["both"]["common"], 2);
    assert_eq!(report["content"]["unknown"], 1);
    assert!(report["summary"].as_str().unwrap().contains("too little to compare"));
    assert!(!place.path().join(".local").exists(), "nothing is made by reading");
}

#[test]
fn matrix_in_all_formats_and_of_images_that_are_not_kept() {
    let place = Place::new();
    let family = family(&place);
    place.ok(&["add", "--all", &family]);
    let csv = place.ok(&["matrix", "--selection", "files"]);
    assert_eq!(csv, ",tiny:1,tiny-app:1\ntiny:1,1.000000,0.909091\ntiny-app:1,0.909091,1.000000\n");
    let tsv = place.ok(&["matrix", "-o", "tsv", "--measure", "containment"]);
    assert!(tsv.starts_with("\ttiny:1\ttiny-app:1\n"), "{tsv}");
    let json = place.json(&["matrix", "tiny-app:1", "tiny:1", "--measure", "jaccard"]);
    assert_eq!(json["names"], serde_json::json!(["tiny-app:1", "tiny:1"]));
    place.file("some.paths", b"bin/\nbin/a\nnowhere/else\n");
    let mixed = place.json(&["matrix", "tiny:1", "paths:some.paths", "paths:some.paths"]);
    let value = |i: usize, j: usize| mixed["values"][i][j].as_f64().unwrap();
    assert!((value(0, 1) - 4.0 / 16.0).abs() < 1e-15, "{mixed}");
    assert!((value(1, 2) - 1.0).abs() < 1e-15, "foreign paths are the same path again");
}

#[test]
fn matrix_lists_the_nearest() {
    let place = Place::new();
    for (name, lines) in [("a", "1\n2\n3\n4\n"), ("b", "1\n2\n"), ("c", "3\n4\n"), ("d", "")] {
        place.file(&format!("{name}.paths"), lines.as_bytes());
        place.ok(&["add", "--name", name, &format!("paths:{name}.paths")]);
    }
    let header = "image,other,common,left_only,right_only,value\n";
    let top = place.ok(&["matrix", "--top", "1"]);
    let rows = "a,b,2,2,0,0.666667\nb,a,2,0,2,0.666667\nc,a,2,0,2,0.666667\nd,a,0,0,4,0.000000\n";
    assert_eq!(top, format!("{header}{rows}"));
    let min = place.ok(&["matrix", "--min", "0.5"]);
    assert_eq!(min, format!("{header}a,b,2,2,0,0.666667\na,c,2,2,0,0.666667\n"));
    // A containment has two directions.
    let contained = ["matrix", "--min", "0.5", "--measure", "containment"];
    let rows = "a,b,2,2,0,0.500000\na,c,2,2,0,0.500000\nb,a,2,0,2,1.000000\nc,a,2,0,2,1.000000\n";
    assert_eq!(place.ok(&contained), format!("{header}{rows}"));
    let both = place.json(&["matrix", "--top", "3", "--min", "0.5", "b", "d", "a"]);
    let pair = |image: &str, other: &str, left_only: u64, right_only: u64| {
        serde_json::json!({
            "image": image, "other": other, "common": 2, "left_only": left_only,
            "right_only": right_only, "value": 2.0 / 3.0,
        })
    };
    let expected = serde_json::json!({
        "schema": "oskin.nearest/1", "selection": "both", "measure": "dice", "top": 3, "min": 0.5,
        "by": "paths", "view": "plain", "weight": "none",
        "names": ["b", "d", "a"], "pairs": [pair("b", "a", 0, 2), pair("a", "b", 2, 0)],
    });
    assert_eq!(both, expected);
    for wrong in [["--top", "0"], ["--min", "1.1"], ["--min", "nan"], ["--min", "x"]] {
        assert_eq!(place.run(&["matrix", wrong[0], wrong[1]]).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn classify_lists_the_nearest_of_the_catalog() {
    let place = Place::new();
    assert_eq!(place.run(&["classify", "paths:a.paths"]).code, Some(2), "there is no catalog");
    for (name, lines) in [("a", "1\n2\n3\n4\n"), ("b", "1\n2\n"), ("c", "3/\n4\n")] {
        place.file(&format!("{name}.paths"), lines.as_bytes());
        place.ok(&["add", "--name", name, &format!("paths:{name}.paths")]);
    }
    let near = |args: &[&str]| {
        let report = place.json(&[&["classify"], args].concat());
        let near = report["nearest"].as_array().unwrap().iter();
        let near = near.map(|it| format!("{} {} {}", it["name"], it["common"], it["dice"]));
        (report["compared"].as_u64().unwrap(), near.collect::<Vec<_>>().join(", ").replace('"', ""))
    };
    assert_eq!(near(&["a"]), (2, "b 2 0.6666666666666666, c 2 0.6666666666666666".into()));
    // A path that is a directory there is none of the files.
    assert_eq!(near(&["a", "--selection", "files"]).1, "b 2 0.6666666666666666, c 1 0.4");
    assert_eq!(near(&["c", "--selection", "directories"]).1, "a 0 0.0, b 0 0.0");
    place.file("new.paths", b"2\n1\n9\nnowhere\n");
    assert_eq!(near(&["paths:new.paths", "--top", "1"]), (3, "b 2 0.6666666666666666".into()));
    let contained = near(&["paths:new.paths", "--measure", "containment"]).1;
    assert_eq!(contained, "a 2 0.5, b 2 0.6666666666666666, c 0 0.0");
    place.ok(&["rm", "b"]);
    assert_eq!(near(&["paths:new.paths"]), (2, "a 2 0.5, c 0 0.0".into()));
    let text = place.ok(&["classify", "paths:new.paths"]);
    let begins = "new: less than 10 files are too few to tell a parent\n4 paths, compared with 2 images\n\nNEAREST";
    assert!(text.starts_with(begins), "{text}");
}

#[test]
fn matrix_writes_the_same_whichever_way_it_goes() {
    let place = Place::new();
    place.ok(&["demo", "--dir", "."]);
    let from = ["--catalog", "catalog.db", "matrix", "--measure", "containment"];
    let to = ["-o", "tsv", "-o", "csv=all.csv", "-o", "json=all.json"];
    let run = |more: &[&str]| place.ok(&[&from[..], more].concat());
    let (csv, tsv, json) = (run(&[]), run(&["-o", "tsv"]), run(&["--json"]));
    assert_eq!(run(&to), tsv);
    let file = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap();
    assert_eq!((file("all.csv"), file("all.json")), (csv.clone(), json.clone()));
    // The same as the report of all pairs held, written at once.
    let catalog = Catalog::open(&place.path().join("catalog.db")).unwrap();
    let (ids, names): (Vec<_>, Vec<_>) = catalog.names().unwrap().into_iter().unzip();
    let sets = ids.iter().map(|id| catalog.path_set(*id, Selection::Both).unwrap());
    let sets: Vec<PathSet> = sets.collect();
    let matrix = OverlapMatrix::from_sets(&sets.iter().collect::<Vec<_>>());
    let report = MatrixReport::new(names, &matrix, Selection::Both, Measure::ContainmentLeft);
    assert!(json == format!("{:#}\n", serde_json::to_value(&report).unwrap()), "{json}");
    assert_eq!(csv.replace(',', "\t"), tsv);
    let cells = csv.lines().skip(1).flat_map(|line| line.split(',').skip(1));
    assert!(cells.eq(report.values.iter().flatten().map(|value| format!("{value:.6}"))), "{csv}");
}

#[test]
fn what_cannot_be_written_is_told_and_leaves_nothing() {
    let place = Place::new();
    place.ok(&["demo", "--dir", "."]);
    let before = place.path().read_dir().unwrap().count();
    for outputs in [
        ["-o", "json=all.json", "-o", "csv=missing/all.csv"],
        // Where writing fails, the files beside it are not finished.
        ["-o", "json=all.json", "-o", "csv=/dev/full"],
        ["-o", "csv=/dev/full", "-o", "json=all.json"],
    ] {
        let ran = place.run(&[&["--catalog", "catalog.db", "matrix"], &outputs[..]].concat());
        assert_eq!(ran.code, Some(2), "{outputs:?}: {}", ran.stderr);
        assert!(ran.stderr.starts_with("oskin: cannot write "), "{}", ran.stderr);
        assert_eq!(place.path().read_dir().unwrap().count(), before, "{outputs:?}");
    }
}

#[test]
fn export_and_import_move_images_between_catalogs() {
    let place = Place::new();
    let family = family(&place);
    place.ok(&["add", "--all", &family]);
    place.ok(&["export", "tiny:1"]);
    place.ok(&["export", "--all", "-o", "oski=all.oski"]);
    assert!(place.path().join("tiny_1.oski").exists());
    assert_eq!(place.run(&["export", "tiny:1"]).code, Some(2), "nothing is overwritten");

    let text = place.ok(&["--catalog", "other.db", "import", "tiny_1.oski", "all.oski"]);
    assert!(text.contains("unchanged  tiny:1"), "{text}");
    assert!(place.ok(&["--catalog", "other.db", "check"]).starts_with("sound: 2 images"));
    let (before, after) = (
        place.json(&["show", "tiny-app:1"]),
        place.json(&["--catalog", "other.db", "show", "tiny-app:1"]),
    );
    for field in
        ["files", "directories", "size_bytes", "config_digest", "layers", "os", "reference"]
    {
        assert_eq!(before[field], after[field], "{field}");
    }
    assert_eq!(place.run(&["compare", "tiny:1", "tiny_1.oski"]).code, Some(0), "sniffed");
}

#[test]
fn bad_sources_are_reported_and_the_rest_goes_on() {
    let place = Place::new();
    let good = family(&place);
    let bad = place.file("bad.tar", b"this is no tar at all").display().to_string();
    let ran = place.run(&["add", "--all", &bad, &good, "missing.tar"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 2);
    assert!(ran.stderr.contains("bad.tar") && ran.stderr.contains("missing.tar"), "{}", ran.stderr);
    assert_eq!(place.run(&["add", &bad]).code, Some(2));
    let json = place.json(&["add", &bad]);
    assert!(json["failed"][0]["source"].as_str().unwrap().ends_with("bad.tar"));
}

#[test]
fn a_damaged_image_of_an_archive_is_reported_and_the_others_go_on() {
    let place = Place::new();
    let bad =
        Image::from_fixture("bad file 1\n").reference("bad:1").defect(Defect::MissingLayer(0));
    let archive = docker_archive(&[base(), bad, child()], &ArchiveOptions::default());
    place.file("three.tar", &archive);
    let ran = place.run(&["add", "--all", "three.tar"]);
    assert_eq!(ran.code, Some(3));
    assert_eq!(ran.stdout.lines().count(), 2);
    assert!(
        ran.stderr.starts_with("oskin: three.tar (bad:1): three.tar: layer "),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("hint: the archive or layout is not complete"), "{}", ran.stderr);
    let report = place.json(&["add", "--all", "three.tar"]);
    assert_eq!(report["failed"][0]["source"], "three.tar (bad:1)");
}

#[test]
fn names_in_messages_cannot_steer_the_terminal() {
    let place = Place::new();
    let image = |name: &str| base().reference(name);
    let images = [image("\u{1b}[31mred\n:1"), image("a\u{202e}b:1")];
    place.file("odd.tar", &docker_archive(&images, &ArchiveOptions::default()));
    for arguments in [
        &["show", "odd.tar"][..],
        &["show", "docker-archive:odd.tar:no\u{1b}[2J"],
        &["add", "--all", "odd.tar", "no\u{7}\nfile"],
        &["add", "--all", "-v", "odd.tar"],
        &["ls"],
    ] {
        let ran = place.run(arguments);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        let steers = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
        assert!(!said.contains(steers), "{arguments:?}: {said:?}");
        assert!(!said.contains("\n:1"), "{arguments:?}: {said:?}");
    }
}

#[test]
fn a_taken_name_is_an_error_with_a_hint() {
    let place = Place::new();
    let family = family(&place);
    let one = format!("docker-archive:{family}:tiny:1");
    let two = format!("docker-archive:{family}:tiny-app:1");
    place.ok(&["add", "--name", "mine", &one]);
    let ran = place.run(&["add", "--name", "mine", &two]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("hint: choose another with --name"), "{}", ran.stderr);
}

#[test]
fn layers_are_read_once_whatever_brings_them() {
    let place = Place::new();
    let family = family(&place);
    place.ok(&["add", "--name", "first", &format!("docker-archive:{family}:tiny:1")]);
    let layout = place.path().join("layout");
    let images = [child().compression(Compression::Zstd)];
    testkit::write_oci_layout(&layout, &images, &OciOptions::default()).unwrap();
    let report = place.json(&["add", &format!("oci:{}", layout.display())]);
    assert_eq!(
        (&report["images"][0]["layers"], &report["images"][0]["layers_read"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn a_wrong_digest_is_refused() {
    let place = Place::new();
    for (name, defect) in [("a", Defect::WrongDiffId(0)), ("b", Defect::WrongBlobDigest(0))] {
        let layout = place.path().join(name);
        let image = base().defect(defect);
        testkit::write_oci_layout(&layout, &[image], &OciOptions::default()).unwrap();
        let ran = place.run(&["add", &format!("oci:{}", layout.display())]);
        assert_eq!(ran.code, Some(2), "{name}: {}", ran.stdout);
        assert!(ran.stderr.contains("sha256:"), "{}", ran.stderr);
    }
}

#[test]
fn the_heatmap_goes_where_it_is_told() {
    let place = Place::new();
    let family = family(&place);
    place.ok(&["add", "--all", &family]);
    place.ok(&["heatmap"]);
    let page = std::fs::read_to_string(place.path().join("oskin-heatmap.html")).unwrap();
    assert!(page.contains("tiny-app:1"));
    assert!(place.ok(&["heatmap", "-o", "svg"]).starts_with('<'));
    place.ok(&["heatmap", "-o", "png=map.png", "-o", "html=map.html"]);
    let png = std::fs::read(place.path().join("map.png")).unwrap();
    assert_eq!(&png[..4], b"\x89PNG");
}

#[test]
fn a_heatmap_of_too_many_images_is_refused() {
    let place = Place::new();
    place.file("a.paths", b"1\n");
    place.ok(&["add", "--name", "a", "paths:a.paths"]);
    let ran = place.run(&[vec!["heatmap"], vec!["a"; 5_001]].concat());
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("5,000 images at most, not 5,001"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: ") && ran.stderr.contains("--top"), "{}", ran.stderr);
    assert!(!place.path().join("oskin-heatmap.html").exists());
}

#[test]
fn usage_errors_are_two_and_help_is_zero() {
    let place = Place::new();
    assert_eq!(place.run(&["--help"]).code, Some(0));
    assert_eq!(place.run(&[]).code, Some(2));
    assert_eq!(place.run(&["frobnicate"]).code, Some(2));
    assert_eq!(place.run(&["matrix", "--measure", "cosine"]).code, Some(2));
    assert_eq!(place.run(&["matrix", "-o", "html"]).code, Some(2));
    let no_catalog = place.run(&["ls"]);
    assert_eq!(no_catalog.code, Some(2));
    assert!(no_catalog.stderr.contains("hint: make one with `oskin add SOURCE...`"));
    for ambiguous in ["docker:alpine", "dir:/somewhere", "docker://alpine"] {
        let ran = place.run(&["add", ambiguous]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains("hint: "), "{ambiguous}: {}", ran.stderr);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    let mut lines = String::new();
    for number in 0..400 {
        lines.push_str(&format!("usr/share/{number}\n"));
    }
    for number in 0..60 {
        place.file(&format!("{number}.paths"), lines.as_bytes());
        place.ok(&["add", &format!("paths:{number}.paths")]);
    }
    for more in [&[][..], &["-o", "csv", "-o", "json=all.json"]] {
        let mut child = place
            .command()
            .arg("matrix")
            .args(more)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
    // The file is written although nobody reads the rest.
    let json = std::fs::read_to_string(place.path().join("all.json")).unwrap();
    assert_eq!(json, place.ok(&["matrix", "--json"]));
}

#[test]
fn mistakes_of_newcomers_are_explained() {
    let place = Place::new();
    let stderr = |arguments: &[&str]| {
        let ran = place.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stderr);
        ran.stderr
    };
    assert!(stderr(&["show", "alpine"]).contains("hint: there is no catalog at "));
    let missing = stderr(&["add", "nofile"]);
    assert!(missing.starts_with("oskin: nofile: no such file"));
    assert!(missing.contains("hint: `oskin --help` lists the transports"));
    assert!(stderr(&["add", "dir:x"]).starts_with("oskin: \"dir:x\": ambiguous"));
    place.file("some.paths", b"/a\n");
    assert!(stderr(&["add", "--name", "", "paths:some.paths"]).contains("--name is empty"));
    assert!(stderr(&["man", "some.paths"]).contains("cannot write to some.paths"));
    place.ok(&["add", "--name", "a:1", "paths:some.paths"]);
    assert_eq!(place.run(&["export", "a:1"]).stderr, "wrote a_1.oski\n");
}

#[test]
fn completions_and_man_pages_are_made() {
    let place = Place::new();
    assert!(place.ok(&["completions", "bash"]).contains("oskin"));
    place.ok(&["man", "man"]);
    assert!(place.path().join("man/oskin-add.1").exists());
}

#[test]
fn the_demo_shows_the_samples() {
    let place = Place::new();
    let tour = place.ok(&["demo"]);
    assert!(tour.contains("oskin compare") && tour.contains("The nearest:"), "{tour}");
    assert!(place.path().join("oskin-demo/heatmap.html").exists());
    assert!(place.ok(&["--catalog", "oskin-demo", "check"]).starts_with("sound: "));
    place.ok(&["demo"]);
    place.file("other", b"");
    std::fs::create_dir(place.path().join("full")).unwrap();
    place.file("full/file", b"");
    assert_eq!(place.run(&["demo", "--dir", "full"]).code, Some(2));
}

#[test]
fn images_are_added_although_nobody_reads_the_answer() {
    let place = Place::new();
    for name in ["a", "b", "c"] {
        place.file(name, b"bin/sh\netc/hosts\n");
    }
    let mut command = place.command();
    command.args(["add", "paths:a", "paths:b", "paths:c"]).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(place.json(&["ls"])["images"].as_array().unwrap().len(), 3);
}
