//! What exactly differs between two images.

use crate::common::Place;
use crate::real_data::data;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use testkit::{FixtureEntry, FixtureLayer, Image, OciOptions, write_oci_layout};

fn layer(entries: Vec<FixtureEntry>) -> FixtureLayer {
    FixtureLayer { entries, ..FixtureLayer::default() }
}

fn image(name: &str, entries: Vec<FixtureEntry>) -> Image {
    Image::from_layers(vec![layer(entries)]).reference(name)
}

fn file(path: &str, content: &str) -> FixtureEntry {
    FixtureEntry::file(path, content)
}

/// Two systems that differ in each way.
fn place() -> Place {
    let place = Place::new();
    let numbered = |of: &str| (0..12).map(move |at| file(&format!("usr/lib/{at}"), of)).collect();
    let mut left: Vec<FixtureEntry> = numbered("same");
    let mut right: Vec<FixtureEntry> = numbered("same");
    left.extend([
        file("etc/passwd", "root:x:0:0"),
        file("usr/bin/old", "old"),
        FixtureEntry { mode: 0o755, ..file("usr/bin/tool", "tool") },
        file("var/log/install.log", "monday"),
    ]);
    right.extend([
        file("etc/passwd", "root:x:0:0\nweb:x:80:80"),
        file("opt/app/a", "1"),
        file("opt/app/b", "2"),
        FixtureEntry { mode: 0o700, ..file("usr/bin/tool", "tool") },
        file("var/log/install.log", "tuesday"),
    ]);
    let images = [image("left:1", left), image("right:1", right)];
    write_oci_layout(&place.path().join("layout"), &images, &OciOptions::default()).unwrap();
    place.ok(&["add", "-q", "--all", "oci:layout"]);
    place
}

fn files(report: &Value, class: &str) -> u64 {
    let of_class = |it: &&Value| it["class"] == class;
    report["classes"].as_array().unwrap().iter().find(of_class).unwrap()["files"].as_u64().unwrap()
}

#[test]
fn each_way_to_differ_is_counted_and_shown() {
    let place = place();
    let report = place.json(&["diff", "left:1", "right:1", "--entries"]);
    assert_eq!(report["schema"], "oskin.diff/1");
    let counts = ["added", "removed", "content", "kind", "link", "mode", "unknown", "same"];
    assert_eq!(counts.map(|class| files(&report, class)), [2, 1, 2, 0, 0, 1, 0, 12]);
    assert_eq!(report["volatile"][0]["reason"], "log");
    let entries = report["entries"].as_array().unwrap();
    let tool = entries.iter().find(|it| it["path"] == "usr/bin/tool").unwrap();
    assert_eq!(
        [&tool["class"], &tool["left"]["mode"], &tool["right"]["mode"]],
        ["mode", "0755", "0700"]
    );

    let ran = place.run(&["diff", "left:1", "right:1"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let shown: Vec<&str> = ran.stdout.lines().collect();
    assert!(shown[0].contains("Files: 2 added, 1 removed, 2 of other content, 1 of other mode or owner only; 1 of them volatile"), "{}", shown[0]);
    for line in ["+ opt/", "~ etc/passwd", "- old", "m tool", "~ var/log/install.log"] {
        assert!(shown.iter().any(|it| it.contains(line)), "{line}: {}", ran.stdout);
    }
    assert!(ran.stdout.contains("0755 -> 0700") && ran.stdout.contains("volatile: log"));
    let tsv = place.run(&["diff", "left:1", "right:1", "-o", "tsv"]).stdout;
    assert!(tsv.contains("removed\tusr/bin/old\t3\t\t\n"), "{tsv}");
}

#[test]
fn the_same_image_is_the_same() {
    let place = place();
    let ran = place.run(&["diff", "left:1", "left:1"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stdout.contains("No file differs."), "{}", ran.stdout);
}

#[test]
fn focus_and_rules_decide_what_counts() {
    let place = place();
    let code = |more: &[&str]| {
        let ran = place.run(&[&["diff", "left:1", "right:1"], more].concat());
        (ran.code, ran.stdout, ran.stderr)
    };
    let differs = |more: &[&str]| code(more).0 == Some(1);
    assert!(differs(&["--only", "mode"]) && differs(&["--include", "etc"]));
    assert!(!differs(&["--only", "kind,link"]) && !differs(&["--include", "usr/lib"]));
    assert!(!differs(&["--include", "var", "--no-volatile"]));
    assert!(!differs(&["--min-bytes", "1000"]));
    assert!(!differs(&[
        "--exclude",
        "usr/bin",
        "--exclude",
        "etc",
        "--exclude",
        "opt",
        "--no-volatile",
        "--only",
        "added,removed,content"
    ]));

    assert!(
        !differs(&["--fail-on", "added:/usr/bin/**"]) && differs(&["--fail-on", "added:/opt/**"])
    );
    let (_, shown, _) = code(&["--fail-on", "any:/etc/passwd", "--fail-on", "kind"]);
    assert!(shown.contains("any:/etc/passwd  failed     1  etc/passwd"), "{shown}");
    assert!(shown.contains("passed"), "{shown}");
    place.file("rules", b"# a build\nignore /opt\nfail added\nfail removed:/usr/bin/o*\n");
    let report = place.json(&["diff", "left:1", "right:1", "--rules", "rules"]);
    let met: Vec<u64> =
        report["rules"].as_array().unwrap().iter().map(|it| it["met"].as_u64().unwrap()).collect();
    assert_eq!(met, [0, 1]);

    for (rule, told) in [("gone:/x", "unknown class \"gone\""), ("added:[", "pattern")] {
        let (code, _, told_of) = code(&["--fail-on", rule]);
        assert!(code == Some(2) && told_of.contains(told), "{told_of}");
    }
    place.file("bad", b"ignore x\nforbid y\n");
    let (exit, _, why) = code(&["--rules", "bad"]);
    assert!(exit == Some(2) && why.contains("bad: line 2: unknown word \"forbid\""), "{why}");
    let (exit, _, why) = code(&["--view", "masked"]);
    assert!(exit == Some(2) && why.contains("paths as they are"), "{why}");
}

/// Two trees that follow from a number: files, links and directories under few names, so that they often meet.
fn grow(root: &Path, seed: u64) {
    let mut state = seed;
    let mut next = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..60 {
        let depth = 1 + next(3);
        let names: Vec<String> = (0..depth).map(|_| format!("n{}", next(4))).collect();
        let path = root.join(names.join("/"));
        if path.symlink_metadata().is_ok()
            || std::fs::create_dir_all(path.parent().unwrap()).is_err()
        {
            continue;
        }
        match next(4) {
            0 => drop(std::fs::create_dir(&path)),
            1 => symlink(format!("t{}", next(2)), &path).unwrap(),
            _ => {
                std::fs::write(&path, format!("{}", next(3))).unwrap();
                let mode = if next(2) == 0 { 0o644 } else { 0o600 };
                std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            }
        }
    }
}

/// Paths below a path, itself among them, relative to the root.
fn below(root: &Path, path: &Path, into: &mut BTreeSet<String>) {
    into.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).unwrap() {
            below(root, &entry.unwrap().path(), into);
        }
    }
}

/// What `diff -rq --no-dereference` tells as added, removed and changed.
fn told_by_diff(left: &Path, right: &Path) -> [BTreeSet<String>; 3] {
    let mut command = Command::new("diff");
    let command = command.args(["-rq", "--no-dereference"]).args([left, right]).env("LC_ALL", "C");
    let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let [mut added, mut removed, mut changed] = [const { BTreeSet::new() }; 3];
    for line in told.lines() {
        if let Some((directory, name)) =
            line.strip_prefix("Only in ").and_then(|it| it.split_once(": "))
        {
            let path = Path::new(directory).join(name);
            match path.starts_with(left) {
                true => below(left, &path, &mut removed),
                false => below(right, &path, &mut added),
            }
            continue;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let path = words.iter().find(|word| word.starts_with(left.to_str().unwrap())).unwrap();
        let name = Path::new(path).strip_prefix(left).unwrap();
        changed.insert(name.to_str().unwrap().to_owned());
        if line.contains(" while file ") {
            for (root, into) in [(left, &mut removed), (right, &mut added)] {
                let mut all = BTreeSet::new();
                below(root, &root.join(name), &mut all);
                into.extend(all.into_iter().filter(|it| Path::new(it) != name));
            }
        }
    }
    [added, removed, changed]
}

#[test]
fn trees_differ_as_diff_tells() {
    for seed in 0..12 {
        let place = Place::new();
        let [left, right] = ["left", "right"].map(|side| place.path().join(side));
        for (root, seed) in [(&left, seed), (&right, seed + 100)] {
            std::fs::create_dir(root).unwrap();
            grow(root, seed);
        }
        let report = place.json(&["diff", "rootfs:left", "rootfs:right", "--entries"]);
        let entries = report["entries"].as_array().unwrap();
        let of = |classes: &[&str]| -> BTreeSet<String> {
            let fits = |it: &&Value| classes.contains(&it["class"].as_str().unwrap());
            entries.iter().filter(fits).map(|it| it["path"].as_str().unwrap().to_owned()).collect()
        };
        let found = [of(&["added"]), of(&["removed"]), of(&["content", "kind", "link"])];
        let told = told_by_diff(&left, &right);
        assert_eq!(found, told, "seed {seed}");
        assert!(told.iter().all(|set| !set.is_empty()), "seed {seed} tells too little");
    }
}

#[test]
fn two_releases_of_alpine_differ_as_known() {
    let Some(data) = data() else { return };
    let place = Place::new();
    let [left, right] = ["310", "311"]
        .map(|it| data.join(format!("images/trivy__alpine-{it}.tar.gz")).display().to_string());
    let report = place.json(&["diff", &left, &right]);
    let directories = |class: usize| report["classes"][class]["directories"].as_u64().unwrap();
    assert_eq!([files(&report, "added"), directories(0)], [4, 2]);
    assert_eq!([files(&report, "removed"), directories(1)], [0, 0]);
    let changed = ["content", "kind", "link"].map(|class| files(&report, class));
    assert_eq!(changed.iter().sum::<u64>(), 30, "{changed:?}");
}

#[test]
fn a_child_with_edits_differs_as_known_and_all_that_changed_is_volatile() {
    let Some(data) = data() else { return };
    let place = Place::new();
    let lists = data.join("pathlists");
    let read = |name: &str| {
        let unpacked = Command::new("gzip").arg("-dc").arg(lists.join(name)).output().unwrap();
        String::from_utf8(unpacked.stdout).unwrap()
    };
    let changed =
        std::fs::read_to_string(lists.join("container-diff__diff-modified.changed.txt")).unwrap();
    let changed: BTreeSet<&str> = changed.lines().map(|it| it.trim_start_matches('/')).collect();
    let mut images = Vec::new();
    for side in ["base", "modified"] {
        let list = read(&format!("container-diff__diff-{side}.paths.gz"));
        let paths: BTreeSet<&str> =
            list.lines().map(|it| it.trim_matches('/')).filter(|it| !it.is_empty()).collect();
        // The lists do not tell directories: they are what others lie below.
        let is_directory = |path: &str| {
            let inside = format!("{path}/");
            paths.range(inside.as_str()..).next().is_some_and(|it| it.starts_with(&inside))
        };
        let entries = paths.iter().filter(|path| !is_directory(path)).map(|path| {
            let is_other = side == "modified" && changed.contains(path);
            file(path, if is_other { "other" } else { "same" })
        });
        images.push(image(&format!("{side}:1"), entries.collect()));
    }
    write_oci_layout(&place.path().join("layout"), &images, &OciOptions::default()).unwrap();
    place.ok(&["add", "-q", "--all", "oci:layout"]);
    let report = place.json(&["diff", "base:1", "modified:1"]);
    let class = |at: usize, what: &str| report["classes"][at][what].as_u64().unwrap();
    let paths = |at: usize| class(at, "files") + class(at, "directories");
    assert_eq!([paths(0), paths(1), class(2, "files")], [1662, 2, 27]);
    assert_eq!(class(2, "volatile"), 27);
}
