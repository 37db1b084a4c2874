//! `oskin dockerfiles` from outside: bases counted, the tree of them, refused files and exit codes.

use crate::common::Place;

/// Writes Dockerfiles into directories of the place.
fn files(place: &Place, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = place.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// A few owners' files.
fn some(place: &Place) {
    files(
        place,
        &[
            ("all/me/base/Dockerfile", "FROM debian:9\n"),
            ("all/me/app/Dockerfile", "FROM golang AS b\nFROM me/base\nCOPY --from=b / /\n"),
            ("all/me/app/web.Dockerfile", "FROM me/base\nCOPY --from=nginx:1 /a /\nADDD x\n"),
            ("all/you/Containerfile", "ARG T\nFROM alpine:$T\n"),
            ("all/you/a/Dockerfile.j2", "FROM {{ base }}\n"),
            ("all/you/a/Dockerfile", "FROM scratch\n"),
            ("all/you/b/Dockerfile", "\u{feff}FROM debian:9\r\n"),
            ("all/you/b/Dockerfile.old", "# nothing\n"),
            ("all/you/b/README", "FROM no\n"),
            ("all/Dockerfile", "FROM debian:9\n"),
        ],
    );
}

#[test]
fn bases_are_counted_and_refusals_are_told() {
    let place = Place::new();
    some(&place);
    let ran = place.run(&["dockerfiles", "all", "--cover", "60", "--top", "2"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(3), ""));
    let expected = expect_test::expect![[r"
        9 Dockerfiles: 8 read, 1 refused
        base known: 6; variable without a value: 1; word for a generator: 1
        several stages: 1; templates: 1; with problems: 1

        BASE            FILES  OWNERS
        debian:9            3       3
        me/base:latest      2       1
        and 1 other base
        60 % stand on 2 bases: 5 of 6 files

        NAME     FILES  OWNERS
        debian       3       3
        me/base      2       1
        and 1 other name
        60 % stand on 2 names: 5 of 6 files

        COPIED FROM  FILES  OWNERS
        nginx:1          1       1

        TREE OF BASES     FILES  IN ALL
        debian:9              3       5
          me/base:latest      2       2

        refused, it holds comments only: 1 file
          all/you/b/Dockerfile.old
    "]];
    expected.assert_eq(&ran.stdout);
}

#[test]
fn arguments_owners_and_levels_change_what_is_counted() {
    let place = Place::new();
    some(&place);
    let csv = |more: &[&str]| {
        let ran = place.run(&[&["dockerfiles", "all", "-o", "csv"], more].concat());
        assert_eq!(ran.code, Some(3), "{}", ran.stderr);
        ran.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let head = "base,files,owners";
    assert_eq!(csv(&[]), [head, "debian:9,3,3", "me/base:latest,2,1", "scratch,1,1"]);
    assert_eq!(csv(&["--top", "1", "--by", "owners"]), [head, "debian:9,3,3"]);
    assert_eq!(csv(&["--level", "0"]), [head, "debian:9,5,3", "scratch,1,1"]);
    let with = csv(&["--build-arg", "T=3.10"]);
    assert_eq!(with[3..], ["alpine:3.10,1,1", "scratch,1,1"]);
}

#[test]
fn the_document_tells_of_each_file() {
    let place = Place::new();
    some(&place);
    let report = place.json(&["dockerfiles", "all", "--cover", "50"]);
    assert_eq!(report["schema"], "oskin.dockerfiles/1");
    let counts = &report["counts"];
    for (what, number) in [
        ("files", 9),
        ("read", 8),
        ("refused", 1),
        ("known", 6),
        ("unresolved", 1),
        ("template_bases", 1),
        ("invalid", 0),
        ("templates", 1),
        ("several_stages", 1),
        ("with_problems", 1),
    ] {
        assert_eq!(counts[what], number, "{what}");
    }
    assert_eq!(report["bases"]["distinct"], 3);
    assert_eq!(report["bases"]["cover"]["count"], 1);
    assert_eq!(report["names"]["top"][0]["name"], "debian");
    assert_eq!(report["used"]["top"][0]["name"], "nginx:1");
    assert_eq!(report["depths"], serde_json::json!([1, 3, 2]));
    assert_eq!(report["tree"][1]["parent"], "debian:9");
    assert_eq!(report["refused"][0]["path"], "all/you/b/Dockerfile.old");
    assert_eq!(report["refused"][0]["reason"], "it holds comments only");
    let file = |path: &str| {
        let all = report["dockerfiles"].as_array().unwrap();
        all.iter().find(|file| file["path"] == path).unwrap().clone()
    };
    let app = file("all/me/app/Dockerfile");
    assert_eq!((&app["owner"], &app["images"][0]), (&"me".into(), &"me/app".into()));
    assert_eq!((&app["base"]["kind"], &app["base"]["line"]), (&"image".into(), &2.into()));
    let reference = app["base"]["reference"].as_str().unwrap();
    assert!(reference.ends_with("/me/base:latest"), "{reference}");
    assert_eq!(app["stages"][1]["used"][0]["stage"], 0);
    assert_eq!(file("all/you/Containerfile")["base"]["variables"][0], "T");
    assert_eq!(file("all/you/a/Dockerfile.j2")["template"], "jinja");
    assert_eq!(file("all/me/app/web.Dockerfile")["problems"][0]["line"], 3);
    assert_eq!(file("all/Dockerfile")["owner"], ".");
    // The number of threads changes nothing.
    let run = |threads: &str| {
        let mut command = place.command();
        command.args(["dockerfiles", "all", "--json"]).env("RAYON_NUM_THREADS", threads);
        command.output().unwrap().stdout
    };
    assert_eq!(run("1"), run("7"));
}

#[test]
fn a_list_tells_what_files_build() {
    let place = Place::new();
    files(
        &place,
        &[
            ("all/os/1/Dockerfile", "FROM scratch"),
            ("all/lang/2/Dockerfile", "FROM os:1"),
            ("all/x/Dockerfile", "FROM lang"),
        ],
    );
    place.file("names", b"os/1/Dockerfile\tos:1\tos:one\nlang/2/Dockerfile\tlang:latest\n");
    let report = place.json(&["dockerfiles", "all", "--names", "names"]);
    assert_eq!(report["depths"], serde_json::json!([1, 1, 1]));
    place.file("names", b"no tab\n");
    let ran = place.run(&["dockerfiles", "all", "--names", "names"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("names: line 1: no tab"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_done_is_told() {
    let place = Place::new();
    files(&place, &[("none/README", "FROM a"), ("bad/Dockerfile", "# no"), ("odd", "FROM a")]);
    let ran = place.run(&["dockerfiles", "none"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("there are no Dockerfiles"), "{}", ran.stderr);
    let ran = place.run(&["dockerfiles", "nowhere"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.starts_with("oskin: nowhere: there is no such directory or file"),
        "{}",
        ran.stderr
    );
    assert_eq!(place.run(&["dockerfiles", "bad"]).code, Some(2));
    assert_eq!(place.run(&["dockerfiles", "absent"]).code, Some(2));
    assert_eq!(place.run(&["dockerfiles", "absent", "odd"]).code, Some(3));
    assert_eq!(place.run(&["dockerfiles", "odd"]).code, Some(0));
    for wrong in [["--cover", "101"], ["--build-arg", "x"], ["--by", "size"], ["--top", "0"]] {
        assert_eq!(place.run(&["dockerfiles", "odd", wrong[0], wrong[1]]).code, Some(2));
    }
}
