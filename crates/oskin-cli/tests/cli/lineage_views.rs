//! `oskin lineage` as people see it: the page, the steps of the founding text, what stands alone.

use crate::common::{Place, sample_family};

/// A list of paths with numbers.
fn list(from: u32, to: u32) -> String {
    (from..to).flat_map(|number| [format!("f{number}"), "\n".to_owned()]).collect()
}

#[test]
fn the_family_graph_is_one_page() {
    let (place, _) = sample_family();
    place.ok(&["lineage", "-o", "html=family.html"]);
    let page = std::fs::read_to_string(place.path().join("family.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("\"bookworm-webapp-tidy\""));
    assert_eq!(place.ok(&["lineage", "-o", "html"]), page);
}

#[test]
fn the_steps_of_the_founding_text_are_shown() {
    let (place, _) = sample_family();
    let text = place.ok(&["lineage", "--steps"]);
    let expected = [
        "1. coarse, by directories: 98 of 780 pairs have 97.5 % of one image in the other\n",
        "   at other shares: 100 % 74, 99.5 % 75, 99 % 75, 97.5 % 98, 95 % 126\n",
        "   as many directories on both sides: 4 pairs more\n",
        "2. tiny graphs: 3 of several images, 2 images in none\n   23 images, 1 root: bookworm-slim\n",
        "3. finer, by files: 95 pairs of these confirmed, 4 refused, 3 with the same files\n",
        "4. reduction: 39 stay, 56 fall,",
        "   of the 34 edges of the family graph step 1 finds 31, step 3 confirms 31, step 4 leaves 23;\n",
        "   bookworm-base in bookworm-slim: the parent has more directories than the child\n",
        "5. connection: 5 parts by directories, 6 by confirmed pairs, 6 by all evidence;\n",
    ];
    for expected in expected {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let rows = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let row = "bookworm-python bookworm-webapp 947/947 6,762/6,762 kept, an edge";
    assert!(rows.contains(row), "{text}");
    let steps = &place.json(&["lineage", "--steps"])["steps"];
    assert_eq!(steps["pairs"].as_array().unwrap().len(), 102);
    assert_eq!(steps["edges"]["passed_over"][0]["why"], "more-than-child");
    assert!(place.json(&["lineage"]).get("steps").is_none());
    // Without a catalog, and of two images the directories of which are not known.
    let files = list(0, 20);
    let lists = ["a.paths", "b.paths"];
    place.file(lists[0], files.as_bytes());
    place.file(lists[1], format!("{files}more\n").as_bytes());
    let text = place.ok(&["lineage", "--steps", "paths:a.paths", "paths:b.paths"]);
    assert!(text.contains("too few directories to be in another: 2 images\n"), "{text}");
    assert!(
        text.contains("files hold as much of 1 pair that directories did not show\n"),
        "{text}"
    );
}

#[test]
fn kin_without_a_parent_are_not_alone() {
    let place = Place::new();
    for system in ["one", "two", "three"] {
        std::fs::create_dir(place.path().join(system)).unwrap();
    }
    for (system, changed) in [("one", 0), ("two", 20)] {
        for i in 0..100 {
            let version = if i < changed { "new" } else { "old" };
            place.file(&format!("{system}/f{i}"), format!("{version} {i}").as_bytes());
        }
    }
    place.file("two/more", b"");
    place.file("three/f", b"");
    let text = place.ok(&["lineage", "rootfs:one", "rootfs:two", "rootfs:three"]);
    let expected = "3 images: no parent among them; 2 with kin, but no parent; 1 alone\n\
        \n\
        no parent found, but kin:\n\
        one  [a rebuild of two, or the other way round]\n\
        two  [a rebuild of one, or the other way round]";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("\nalone:\nthree\n"), "{text}");
}

#[test]
fn few_files_tell_no_family() {
    let place = Place::new();
    place.file("tiny.paths", list(0, 14).as_bytes());
    place.file("large.paths", list(3, 500).as_bytes());
    let lists = ["paths:tiny.paths", "paths:large.paths"];
    let text = place.ok(&[&["lineage"][..], &lists].concat());
    let expected = "[no nearest family: of tiny it has 11 of its 14 files, too few to tell]\n";
    assert!(text.contains(expected), "{text}");
    let lineage = place.json(&[&["lineage"][..], &lists].concat());
    assert_eq!(lineage["connections"][0]["tells"], false);
    assert!(!place.ok(&[&["lineage", "-o", "dot"][..], &lists].concat()).contains("family"));
}
