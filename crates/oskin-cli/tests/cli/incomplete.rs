//! Images that can be read only in part are told apart from whole ones ever after.

use crate::common::Place;

/// A tree with a file of which no part is read: it is all hole, and larger than is looked through.
fn trees(place: &Place) {
    for tree in ["whole", "part"] {
        let root = place.path().join(tree);
        std::fs::create_dir(&root).unwrap();
        for number in 0..12 {
            std::fs::write(root.join(format!("file{number}")), [number]).unwrap();
        }
        let file = std::fs::File::create(root.join("vast")).unwrap();
        if tree == "part" {
            file.set_len(1 << 42).unwrap();
        }
    }
}

const WHAT: &str = "1 part could not be read: ";

#[test]
fn what_is_read_in_part_says_so_ever_after() {
    let place = Place::new();
    trees(&place);
    let ran = place.run(&["add", "rootfs:whole", "rootfs:part"]);
    // It was read: the exit code is that of warnings.
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].ends_with("; 1 of 1 layer read"), "{}", lines[0]);
    assert!(lines[1].ends_with("; 1 of 1 layer read; incomplete"), "{}", lines[1]);
    assert!(ran.stderr.contains("2 added (1 incomplete); "), "{}", ran.stderr);

    let json = place.json(&["add", "rootfs:whole", "rootfs:part"]);
    assert_eq!(json["summary"]["incomplete"], 1);
    assert!(json["images"][0]["incomplete"].is_null());
    assert!(json["images"][1]["incomplete"].as_str().unwrap().starts_with(WHAT));

    let list = place.ok(&["ls"]);
    let marked: Vec<bool> = list.lines().map(|line| line.contains("incomplete")).collect();
    assert_eq!(marked, [false, false, true], "{list}");
    assert!(list.lines().next().unwrap().contains(" NOTE "), "{list}");
    assert!(place.json(&["ls"])["images"][1]["incomplete"].as_str().unwrap().starts_with(WHAT));
    let shown = place.ok(&["show", "part"]);
    assert!(shown.contains(&format!("\nincomplete   {WHAT}")), "{shown}");
    assert!(shown.contains("vast: its holes are too large"), "{shown}");
    let shown = place.json(&["show", "part"]);
    assert!(shown["incomplete"].as_str().unwrap().starts_with(WHAT));
    assert_eq!(shown["facts"], serde_json::json!([]));
    assert!(!place.ok(&["show", "whole"]).contains("incomplete"));

    let compared = place.run(&["compare", "whole", "part"]).stdout;
    assert!(compared.contains(&format!("note: part was read only in part: {WHAT}")), "{compared}");
    assert!(!compared.contains("note: whole"), "{compared}");
    let json = place.json(&["compare", "part", "whole"]);
    assert!(json["left"]["incomplete"].as_str().unwrap().starts_with(WHAT));
    assert!(json["right"]["incomplete"].is_null());

    let lineage = place.ok(&["lineage"]);
    assert!(lineage.contains("\nread only in part, so look twice: part\n"), "{lineage}");
    let json = place.json(&["lineage"]);
    assert_eq!(json["images"][0]["incomplete"], false);
    assert_eq!(json["images"][1]["incomplete"], true);
}

#[test]
fn it_stays_so_where_an_image_is_shipped() {
    let place = Place::new();
    trees(&place);
    place.ok(&["add", "rootfs:part"]);
    place.ok(&["export", "part", "-o", "oski=part.oski"]);
    let other = ["--catalog", "other.db"];
    place.ok(&[&["import", "part.oski"], &other[..]].concat());
    let list = place.ok(&[&["ls"], &other[..]].concat());
    assert!(list.contains("incomplete"), "{list}");
}
