//! What users ask of families: `ancestors` with its gates, `descendants`, `common`, `duplicates`,
//! `stale` and `bases`.

use crate::common::{Place, sample_family, samples};
use crate::lineage::names;
use crate::real_data::data;
use serde_json::Value;
use testkit::{ArchiveOptions, Image, docker_archive};

fn texts<'v>(list: &'v Value, field: &str) -> Vec<&'v str> {
    list.as_array().unwrap().iter().map(|it| it[field].as_str().unwrap()).collect()
}

/// A base of a version, with other contents in each, and what is put on it.
fn tiny(version: &str, more: &str) -> Image {
    let files: Vec<String> = (0..30)
        .map(|file| format!("usr/lib/part{file} file {}\n", 100 + file + version.len()))
        .collect();
    let files = files.concat();
    let text = format!(
        "//- layer\netc/os-release file \"ID=tiny\\nVERSION_ID={version}\\n\"\n{files}{more}"
    );
    Image::from_fixture(&text)
}

/// A place whose catalog holds two releases of a base and an image on the older one.
fn two_releases() -> Place {
    let place = Place::new();
    let app = "//- layer\napp/main file 5000\napp/data file 70\n";
    let images = [
        tiny("1.9", "").reference("corp/base:1.9"),
        tiny("1.10", "").reference("corp/base:1.10"),
        tiny("1.9", app).reference("corp/app:7"),
    ];
    place.file("all.tar", &docker_archive(&images, &ArchiveOptions::default()));
    place.ok(&["add", "-q", "--all", "all.tar"]);
    place
}

#[test]
fn the_way_up_tells_what_each_step_added() {
    let (place, _) = sample_family();
    let report = place.json(&["ancestors", "bookworm-webapp-nginx"]);
    assert_eq!(
        (&report["schema"], &report["paths_only"]),
        (&"oskin.ancestors/1".into(), &false.into())
    );
    let steps = &report["steps"];
    assert_eq!(texts(steps, "on"), ["bookworm-webapp", "bookworm-python", "bookworm-base"]);
    let step = &steps[1];
    assert_eq!(step["added"], 1185);
    assert_eq!((&step["missing"], &step["changed"]), (&0.into(), &8.into()));
    // What the layers of that step hold, as their tars have them, is a little more.
    let bytes = step["bytes"].as_u64().unwrap();
    assert!((15_000_000..17_500_000).contains(&bytes), "{bytes}");
    let product: f64 = steps
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["edge"]["confidence"].as_f64().unwrap())
        .product();
    assert!((report["confidence"].as_f64().unwrap() - product).abs() < 1e-12);
    assert_eq!(report["families"][0]["base"], "trixie-base");
    let by_paths = place.json(&["ancestors", "bookworm-webapp", "--paths-only"]);
    assert_eq!(by_paths["steps"][0]["on"], "bookworm-python");
    assert!(by_paths["steps"][0]["bytes"].is_null() && by_paths["steps"][0]["changed"].is_null());
    let text = place.ok(&["ancestors", "bookworm-base"]);
    assert!(text.starts_with("bookworm-base stands on no image of the catalog\n"), "{text}");
}

#[test]
fn squashed_and_rebuilt_images_are_descendants_too() {
    let (place, _) = sample_family();
    let report = place.json(&["descendants", "bookworm-python"]);
    assert_eq!(report["schema"], "oskin.descendants/1");
    let all = [
        "bookworm-webapp",
        "bookworm-webapp-nginx",
        "bookworm-webapp-tidy",
        "bookworm-webapp-squashed",
        "bookworm-webapp-rebuilt",
    ];
    assert_eq!(texts(&report["descendants"], "name"), all);
    let depths: Vec<&Value> =
        report["descendants"].as_array().unwrap().iter().map(|it| &it["depth"]).collect();
    assert_eq!(depths, [1, 2, 3, 1, 1]);
    // What was built on the first is on its squashed copy, but not on what only has its paths.
    let copy = place.json(&["descendants", "bookworm-webapp-squashed"]);
    assert_eq!(texts(&copy["descendants"], "name"), [all[1], all[2]]);
    assert_eq!(copy["descendants"][0]["on"], "bookworm-webapp");
    assert_eq!(texts(&copy["twins"], "kind"), ["identical", "same-paths"]);
    let rebuilt = place.json(&["descendants", "bookworm-webapp-rebuilt"]);
    assert_eq!(rebuilt["descendants"], serde_json::json!([]));
    let text = place.ok(&["descendants", "bookworm-webapp-squashed"]);
    assert!(text.contains("  [on its twin bookworm-webapp]\n"), "{text}");
    assert!(
        text.contains("\n    bookworm-webapp-tidy  (built from it with edits, 0.99 sure: "),
        "{text}"
    );
    let text = place.ok(&["descendants", "bookworm-slim"]);
    assert_eq!(text, "bookworm-slim: no image of the catalog stands on it\n");
}

#[test]
fn an_image_that_is_read_on_the_fly_joins_the_family() {
    let (place, _) = sample_family();
    let oski = format!("oski:{}:bookworm-python", samples().join("images.oski").display());
    place.ok(&["rm", "bookworm-python"]);
    let report = place.json(&["descendants", &oski]);
    assert_eq!(report["descendants"][0]["name"], "bookworm-webapp");
    assert_eq!(report["descendants"].as_array().unwrap().len(), 5);
    let report = place.json(&["ancestors", &oski]);
    assert_eq!(texts(&report["steps"], "on"), ["bookworm-base"]);
    // It was not kept.
    assert!(!place.ok(&["ls"]).contains("bookworm-python"));
    // A list of paths has no contents, and what two lists have in common counts.
    let list = |name: &str, more: &str| {
        let files: Vec<String> = (0..50).map(|file| format!("opt/own/{file}\n")).collect();
        format!("paths:{}", place.file(name, (files.concat() + more).as_bytes()).display())
    };
    let (left, right) = (list("left.txt", ""), list("right.txt", "opt/more\nopt/most\n"));
    let report = place.json(&["common", &left, &right]);
    assert_eq!(report["ancestor"], report["images"][0]["name"], "{report}");
    assert_eq!(report["images"][1]["growth"]["added"], 2);
    assert!(report["images"][1]["growth"]["bytes"].is_null());
}

#[test]
fn two_images_have_a_nearest_common_ancestor_or_none() {
    let (place, _) = sample_family();
    let report = place.json(&["common", "bookworm-webapp-squashed", "bookworm-php"]);
    assert_eq!(
        (&report["schema"], &report["ancestor"]),
        (&"oskin.common/1".into(), &"bookworm-base".into())
    );
    assert_eq!(
        names(&report["images"][0]["way"]),
        ["bookworm-webapp-squashed", "bookworm-python", "bookworm-base"]
    );
    assert_eq!(report["images"][1]["growth"]["added"], 1269);
    let text = place.ok(&["common", "bookworm-python", "bookworm-webapp-tidy"]);
    let first = "nearest common ancestor: bookworm-python, one of the two (0.97 sure)\n";
    assert!(text.starts_with(first), "{text}");
    let none = place.json(&["common", "bookworm-webapp", "trixie-python"]);
    assert_eq!((&none["ancestor"], &none["family"]), (&Value::Null, &"trixie-base".into()));
    let text = place.ok(&["common", "bookworm-webapp", "bookworm-httpd"]);
    assert!(text.ends_with("\nnothing connects their families\n"), "{text}");
    let own = place.json(&["common", "sid-base", "sid-base"]);
    assert_eq!((&own["ancestor"], &own["confidence"]), (&"sid-base".into(), &1.0.into()));
}

#[test]
fn copies_are_found_with_what_they_take() {
    let (place, _) = sample_family();
    let report = place.json(&["duplicates"]);
    assert_eq!(report["schema"], "oskin.duplicates/1");
    let group = &report["groups"][0];
    assert_eq!((&group["kind"], &group["files"]), (&"same-paths".into(), &7947.into()));
    let lists: Vec<Vec<&str>> =
        group["identical"].as_array().unwrap().iter().map(|list| texts(list, "name")).collect();
    assert_eq!(
        lists,
        [vec!["bookworm-webapp", "bookworm-webapp-squashed"], vec!["bookworm-webapp-rebuilt"]]
    );
    // The one layer of the squashed image.
    let shown = place.json(&["show", "bookworm-webapp-squashed"]);
    assert_eq!(report["freed_bytes"], shown["layers"][0]["size_bytes"]);
    let by_paths = place.json(&["duplicates", "--paths-only"]);
    assert_eq!(by_paths["groups"][0]["identical"].as_array().unwrap().len(), 3);
    assert!(by_paths["freed_bytes"].is_null());
    place.ok(&["rm", "bookworm-webapp-squashed", "bookworm-webapp-rebuilt"]);
    let text = place.ok(&["duplicates"]);
    assert_eq!(text, "none of 38 images has the same files as another\n");
    // Of lists of paths no size is known.
    place.file("one.paths", b"a\nb\n");
    place.file("two.paths", b"a\nb\n");
    place.ok(&["add", "paths:one.paths", "paths:two.paths"]);
    let text = place.ok(&["duplicates"]);
    assert!(text.ends_with("\nsame-paths: 2 files\n  one\n  two\n"), "{text}");
}

#[test]
fn older_builds_are_told_where_something_tells() {
    let (place, _) = sample_family();
    let report = place.json(&["stale"]);
    assert_eq!(
        (&report["schema"], &report["asked"], &report["stale"]),
        (&"oskin.stale/1".into(), &40.into(), &2.into())
    );
    assert_eq!(texts(&report["bases"], "name"), ["bookworm-webapp", "trixie-base", "sid-base"]);
    let base = &report["bases"][0];
    assert_eq!(base["behind"], 1);
    assert_eq!(base["builds"][0]["name"], "bookworm-webapp-rebuilt");
    assert_eq!(
        (&base["builds"][0]["by_version"], &base["builds"][0]["by_created"]),
        (&Value::Null, &"newer".into())
    );
    assert_eq!(texts(&base["images"], "name"), ["bookworm-webapp-nginx", "bookworm-webapp-tidy"]);
    // Built at one time, and one of them states no version: nothing is guessed.
    let sid = &report["bases"][2];
    assert_eq!((&sid["behind"], &sid["builds"][1]["order"]), (&0.into(), &Value::Null));
    assert_eq!(texts(&sid["builds"], "name"), ["trixie-base", "forky-base"]);
    let text = place.ok(&["stale", "sid-python"]);
    assert!(
        text.starts_with("0 of 1 image stands on an older build or release of a base; of 1 image"),
        "{text}"
    );
    assert!(text.contains("  another build or release: forky-base  (rebuild; "), "{text}");
}

#[test]
fn releases_are_ordered_by_their_versions() {
    let place = two_releases();
    let report = place.json(&["stale"]);
    let base = &report["bases"][0];
    assert_eq!((&base["name"], &base["behind"]), (&"corp/base:1.9".into(), &1.into()));
    assert_eq!(base["builds"][0]["by_version"], "newer");
    assert_eq!(texts(&base["images"], "name"), ["corp/app:7"]);
    assert_eq!(report["bases"].as_array().unwrap().len(), 1);
    let text = place.ok(&["stale"]);
    assert!(
        text.contains("\n  newer release: corp/base:1.10  (same-paths; version 1.10"),
        "{text}"
    );
}

#[test]
fn gates_stop_a_build() {
    let place = two_releases();
    let ask = |gates: &[&str]| place.run(&[&["ancestors", "corp/app:7"], gates].concat());
    let ran =
        ask(&["--require-base", "nothing", "--require-base", "corp/base:*", "--max-behind", "1"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.contains("it stands on corp/base:1.9 (0.99 sure)"), "{}", ran.stdout);
    let ran = ask(&["--max-behind", "0"]);
    let expected = "oskin: corp/app:7: max-behind: 1 newer build of corp/base:1.9 in the catalog: \
        corp/base:1.10; 0 allowed\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), expected));
    let ran = ask(&["--forbid-base", "corp/*"]);
    assert!(
        ran.code == Some(1) && ran.stderr.contains("corp/app:7, which is forbidden"),
        "{}",
        ran.stderr
    );
    let ran = ask(&["--forbid-base", "corp/base:1.10", "--forbid-base", "typo", "--json"]);
    assert_eq!(ran.code, Some(0));
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(texts(&report["gates"], "gate"), ["forbid-base", "forbid-base"]);
    assert!(report["gates"].as_array().unwrap().iter().all(|gate| gate["passed"] == true));
    let ran = ask(&["--require-base", "corp/base:1.10"]);
    assert!(ran.code == Some(1) && ran.stdout.contains("require-base  failed"), "{}", ran.stdout);
    let ran = ask(&["--max-behind", "-1"]);
    assert_eq!(ran.code, Some(2));
}

#[test]
fn bases_are_counted_beside_declared_ones() {
    let place = two_releases();
    for (path, text) in [
        ("df/me/Dockerfile", "FROM corp/base:1.9\n"),
        ("df/you/Dockerfile", "FROM corp/base:2\n"),
        ("df/you/b/Dockerfile", "FROM debian:12\n"),
        ("df/you/c/Dockerfile", "FROM corp/app\n"),
    ] {
        let path = place.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let report = place.json(&["bases", "--dockerfiles", "df"]);
    assert_eq!(report["schema"], "oskin.bases/1");
    let base = &report["bases"][0];
    assert_eq!(
        (&base["name"], &base["descendants"], &base["counted"]),
        (&"corp/base:1.9".into(), &1.into(), &3.into())
    );
    assert_eq!(
        base["declared"],
        serde_json::json!({"name": "corp/base:1.9", "files": 1, "owners": 1})
    );
    let declared = &report["declared"];
    assert_eq!(
        (&declared["matched"], &declared["covered"], &declared["known"]),
        (&1.into(), &2.into(), &4.into())
    );
    assert_eq!(
        declared["only_declared"],
        serde_json::json!([
            {"name": "corp/app", "files": 1, "owners": 1, "in_catalog": true},
            {"name": "debian", "files": 1, "owners": 1, "in_catalog": false}
        ])
    );
    let text = place.ok(&["bases", "--dockerfiles", "df", "--top", "1"]);
    assert!(
        text.contains("ONLY DECLARED") && text.contains("yes, but no base\nand 1 other name\n"),
        "{text}"
    );
    let ran = place.run(&["bases", "--dockerfiles", "nowhere"]);
    assert!(
        ran.code == Some(2)
            && ran.stderr.starts_with("oskin: nowhere: there is no such directory or file\n"),
        "{}",
        ran.stderr
    );
    let ran = place.run(&["bases", "--dockerfiles", "nowhere", "--dockerfiles", "df"]);
    assert!(
        ran.code == Some(3) && ran.stderr.contains("nowhere: there is no such"),
        "{}",
        ran.stderr
    );
    let ran = place.run(&["bases", "--by", "owners"]);
    assert_eq!(ran.code, Some(2));
}

#[test]
fn bases_are_cut_at_a_level() {
    let (place, _) = sample_family();
    let roots = place.json(&["bases"]);
    let expected =
        ["bookworm-base", "trixie-base", "bullseye-base", "sid-base", "bookworm-busybox"];
    assert_eq!(texts(&roots["bases"], "name"), expected);
    assert_eq!(
        (&roots["bases"][0]["counted"], &roots["bases"][0]["share"]),
        (&23.into(), &0.575.into())
    );
    assert_eq!(names(&roots["alone"]), ["forky-base"]);
    let cut = place.json(&["bases", "--level", "1", "--top", "3"]);
    assert_eq!(texts(&cut["bases"], "name"), ["bookworm-base", "trixie-base", "bookworm-python"]);
    assert_eq!((&cut["distinct"], &cut["bases"][2]["depth"]), (&13.into(), &1.into()));
    let counted = |report: &Value| -> u64 {
        report["bases"].as_array().unwrap().iter().map(|it| it["counted"].as_u64().unwrap()).sum()
    };
    assert_eq!([counted(&roots), counted(&place.json(&["bases", "--level", "1"]))], [39, 39]);
}

#[test]
fn empty_catalogs_and_strange_names_are_no_trouble() {
    let place = two_releases();
    for command in ["ancestors", "descendants"] {
        let ran = place.run(&[command, "corp/bas:1.9"]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains("there is an image named \"corp/base:1.9\""), "{}", ran.stderr);
    }
    place.ok(&["add", "-q", "--name", "no\u{1b}[2J\u{202e}", "docker-archive:all.tar:corp/app:7"]);
    for arguments in [
        &["ancestors", "no\u{1b}[2J\u{202e}", "--forbid-base", "no*"][..],
        &["descendants", "corp/base:1.9"],
        &["common", "no\u{1b}[2J\u{202e}", "corp/app:7"],
        &["duplicates"],
        &["stale"],
        &["bases"],
    ] {
        let ran = place.run(arguments);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        let steers = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
        assert!(!said.contains(steers) && !said.is_empty(), "{arguments:?}: {said:?}");
        let again = place.run(arguments);
        assert_eq!(said, format!("{}{}", again.stdout, again.stderr), "{arguments:?}");
    }
    for name in ["corp/base:1.9", "corp/base:1.10", "corp/app:7", "no\u{1b}[2J\u{202e}"] {
        place.ok(&["rm", name]);
    }
    assert_eq!(place.ok(&["bases"]), "0 images: 0 bases that others stand on, 0 alone\n");
    assert_eq!(place.ok(&["duplicates"]), "none of 0 images has the same files as another\n");
    assert!(place.ok(&["stale"]).starts_with("0 of 0 images stand on an older"));
    let list = format!("paths:{}", place.file("one.txt", b"a\nb\n").display());
    let text = place.ok(&["ancestors", &list]);
    assert!(text.contains(" stands on no image of the catalog\n"), "{text}");
    // Without a catalog nothing can be asked.
    let ran = Place::new().run(&["descendants", &list]);
    assert!(ran.code == Some(2) && ran.stderr.contains("oskin add SOURCE"), "{}", ran.stderr);
}

#[test]
fn a_squashed_image_of_real_data_stands_on_its_base() {
    let Some(data) = data() else { return };
    let place = Place::new();
    let real = |name: &str| data.join("real").join(name).display().to_string();
    place.ok(&["add", "-q", "--all", &format!("oci:{}", real("oci/tiny-family"))]);
    place.ok(&["add", "-q", &real("rootfs/tiny-debian-trixie.tar.zst")]);
    let squashed = real("oci/tiny-luaapp-1.0-squashed.zstd.oci.tar");
    let gates = ["--require-base", "tiny-debian:*", "--forbid-base", "tiny-httpd:*"];
    let report = place.json(&[&["ancestors", &squashed][..], &gates].concat());
    assert_eq!(texts(&report["steps"], "on"), ["tiny-lua:5.4", "tiny-debian:bookworm"]);
    assert_eq!(texts(&report["twins"], "name"), ["tiny-luaapp:1.0"]);
    assert!(report["gates"].as_array().unwrap().iter().all(|gate| gate["passed"] == true));
    place.ok(&["add", "-q", &squashed]);
    let below = place.json(&["descendants", "tiny-lua:5.4"]);
    assert_eq!(
        texts(&below["descendants"], "name"),
        ["tiny-luaapp:1.0", "tiny-luaapp:1.1-rebuilt", "tiny-luaapp:1.0-squashed"]
    );
}
