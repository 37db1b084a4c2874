//! Many images at once: lists of sources, what is told of them, names that move.

use crate::common::Place;
use std::io::Write as _;
use std::process::Stdio;
use testkit::{Defect, Image, OciOptions, write_oci_layout};

fn image(own: &str) -> Image {
    let text = format!("//- layer\nbase/a file \"a\"\n//- layer\nown/{own} file \"{own}\"\n");
    Image::from_fixture(&text).reference(&format!("{own}:1"))
}

/// A place with a layout for each image.
fn place(names: &[&str]) -> Place {
    let place = Place::new();
    for name in names {
        let layout = place.path().join(name);
        write_oci_layout(&layout, &[image(name)], &OciOptions::default()).unwrap();
    }
    place
}

#[test]
fn a_list_has_comments_blank_lines_and_names() {
    let place = place(&["one", "two", "three"]);
    place.file("list", b"# all of them\n\noci:one\n  oci:two \t my two \r\noci:three");
    let ran = place.run(&["add", "--from-file", "list"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let names: Vec<&str> =
        ran.stdout.lines().map(|line| line[11..].split("  ").next().unwrap()).collect();
    assert_eq!(names, ["one:1", "my two", "three:1"]);
    assert_eq!(ran.stderr, "3 added; 4 layers read (8.2 kB), 2 reused\n");
    let again = place.run(&["add", "--from-file", "list", "--jobs", "1"]);
    assert_eq!(again.stderr, "0 added, 3 unchanged; 0 layers read, 0 reused\n");
    assert!(again.stdout.lines().all(|line| line.starts_with("unchanged")), "{}", again.stdout);
    let quiet = place.run(&["add", "-q", "--from-file", "list"]);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_list_may_come_from_standard_input() {
    let place = place(&["one", "two"]);
    let mut command = place.command();
    command.args(["add", "oci:one", "--from-file", "-"]);
    let pipe = || Stdio::piped();
    let mut child = command.stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"oci:two\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("added      one:1") && stdout.contains("\nadded      two:1"));
    let twice = place.run(&["add", "--from-file", "-", "tar:-"]);
    assert_eq!(twice.code, Some(2));
    assert!(twice.stderr.contains("standard input can be read once only"), "{}", twice.stderr);
}

#[test]
fn what_fails_of_a_list_is_told_with_its_line() {
    let place = place(&["one", "two"]);
    let bad = image("bad").defect(Defect::GarbageBlob(1));
    write_oci_layout(&place.path().join("bad"), &[bad], &OciOptions::default()).unwrap();
    place.file("list", b"oci:one\n\noci:none\noci:bad\noci:two\noci:two\tone:1\n");
    let ran = place.run(&["add", "--from-file", "list", "--jobs", "8"]);
    assert_eq!(ran.code, Some(3));
    for told in ["oskin: list:3: oci:none: ", "oskin: list:4: oci:bad", "oskin: list:6: oci:two"] {
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
    }
    let hint = "hint: write a tab and another name behind it in line 6 of list, or put it";
    assert!(ran.stderr.contains(hint), "{}", ran.stderr);
    let summary = "2 added, 3 failed; 3 layers read (6.1 kB), 1 reused\n";
    assert!(ran.stderr.ends_with(summary), "{}", ran.stderr);

    let report = place.json(&["add", "--from-file", "list"]);
    let line = |at: usize| report["failed"][at]["line"].as_u64();
    assert_eq!([line(0), line(1), line(2)], [Some(3), Some(4), Some(6)]);
    assert_eq!(report["failed"][0]["source"], "oci:none");
    let expected = serde_json::json!({
        "added": 0, "replaced": 0, "unchanged": 2, "incomplete": 0, "failed": 3,
        "layers_read": 0, "layers_reused": 0, "stored_bytes_read": 0,
    });
    assert_eq!(report["summary"], expected);
    let typed = place.json(&["add", "oci:none"]);
    assert_eq!(typed["failed"][0].get("line"), None);
}

#[test]
fn lists_that_cannot_be_understood_add_nothing() {
    let place = place(&["one"]);
    for (content, told) in [
        (&b"oci:one\noci:one\ta\tb\n"[..], "list:2: more than two columns"),
        (b"oci:one\t\xff\n", "list:1: the name is not UTF-8"),
        (b"# none\n\n", "the list list names no source"),
    ] {
        place.file("list", content);
        let ran = place.run(&["add", "--from-file", "list"]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
    }
    let ran = place.run(&["add", "--from-file", "no-list"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("cannot read the list no-list: "), "{}", ran.stderr);
    place.file("list", b"oci:one\tname\n");
    for arguments in [&["--all"][..], &["--all-tags"], &["--name", "x"], &["--jobs", "0"]] {
        let ran = place.run(&[&["add", "--from-file", "list"], arguments].concat());
        assert_eq!(ran.code, Some(2), "{arguments:?}");
    }
    assert_eq!(place.run(&["ls"]).code, Some(2), "nothing made a catalog");
}

#[test]
fn what_has_no_tags_is_refused_with_a_hint() {
    let place = place(&["one"]);
    let ran = place.run(&["add", "--all-tags", "oci:one"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("hint: write docker://NAME"), "{}", ran.stderr);
}

#[test]
fn a_name_moves_on_only_with_replace() {
    let place = place(&["one", "two"]);
    place.ok(&["add", "--name", "app", "oci:one"]);
    let ran = place.run(&["add", "--name", "app", "oci:two"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--replace"), "{}", ran.stderr);
    let told = place.ok(&["add", "--replace", "--name", "app", "oci:two"]);
    assert!(told.starts_with("replaced   app  "), "{told}");
    let told = place.ok(&["add", "--replace", "--name", "app", "oci:two"]);
    assert!(told.starts_with("unchanged  app  "), "{told}");
    let list = place.json(&["ls"]);
    assert_eq!(list["images"].as_array().unwrap().len(), 1);
    place.ok(&["check"]);
    let report = place.json(&["add", "--replace", "--name", "app", "oci:one"]);
    assert_eq!(report["images"][0]["outcome"], "replaced");
    assert_eq!(report["summary"]["replaced"], 1);
}

#[test]
fn the_answer_does_not_depend_on_the_number_of_jobs() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let place = place(&names);
    let lines: Vec<String> =
        names.iter().map(|name| format!("oci:{name}\noci:not-{name}")).collect();
    place.file("list", lines.join("\n").as_bytes());
    let run = |jobs: &str| {
        let catalog = format!("{jobs}.db");
        let arguments = ["--catalog", &catalog, "add", "-v", "--from-file", "list", "--jobs", jobs];
        let ran = place.run(&arguments);
        (ran.code, ran.stdout, ran.stderr)
    };
    let expected = run("1");
    assert_eq!(expected.0, Some(3));
    assert_eq!(expected.1.lines().count(), 8);
    assert_eq!(run("8"), expected);
}
