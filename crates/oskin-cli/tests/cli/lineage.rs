//! `oskin lineage` and `oskin evaluate`, on the sample family and, where it is at hand, on real data.

use crate::common::{Place, sample_family};
use crate::real_data::data;
use serde_json::Value;

/// Parent, kind and confidence of a child.
fn edge(lineage: &Value, child: &str) -> Option<(String, String, f64)> {
    let edges = lineage["edges"].as_array().unwrap();
    let edge = edges.iter().find(|edge| edge["child"] == child)?;
    let text = |field: &str| edge[field].as_str().unwrap().to_owned();
    Some((text("parent"), text("kind"), edge["confidence"].as_f64().unwrap()))
}

fn parent(lineage: &Value, child: &str) -> Option<String> {
    edge(lineage, child).map(|(parent, ..)| parent)
}

fn kin(lineage: &Value, left: &str, right: &str) -> Option<String> {
    let pairs = lineage["kin"].as_array().unwrap();
    let names = [[left, right], [right, left]].map(|pair| serde_json::json!(pair));
    let found = pairs.iter().find(|pair| names.contains(&pair["images"]))?;
    Some(found["kind"].as_str().unwrap().to_owned())
}

pub(crate) fn names(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[test]
fn layers_tell_every_parent_of_the_samples() {
    let (place, truth) = sample_family();
    let report = place.json(&["evaluate", "--truth", &truth]);
    assert_eq!((&report["schema"], &report["judged"]), (&"oskin.evaluate/1".into(), &40.into()));
    assert_eq!(report["first"]["hits"], 34);
    assert_eq!(
        (&report["decisions"]["hits"], &report["decisions"]["of"]),
        (&40.into(), &40.into())
    );
    assert_eq!(report["wrong"].as_array().unwrap().len(), 0);
    assert!(report["baselines"]["nearest_by_dice"]["hits"].as_u64().unwrap() <= 25);
    assert_eq!(report["baselines"]["base"], "bookworm-base");

    let lineage = place.json(&["lineage"]);
    assert_eq!(lineage["schema"], "oskin.lineage/1");
    let roots = names(&lineage["roots"]);
    assert_eq!(
        roots,
        [
            "bookworm-base",
            "trixie-base",
            "bullseye-base",
            "forky-base",
            "sid-base",
            "bookworm-busybox"
        ]
    );
    let components = lineage["components"].as_array().unwrap();
    assert_eq!(components.iter().map(|images| images.as_array().unwrap().len()).sum::<usize>(), 40);
    let (_, kind, confidence) = edge(&lineage, "bookworm-webapp-squashed").unwrap();
    assert_eq!((kind.as_str(), confidence > 0.85), ("child-with-edits", true));
    assert_eq!(
        kin(&lineage, "bookworm-webapp", "bookworm-webapp-squashed").as_deref(),
        Some("identical")
    );
    assert_eq!(
        kin(&lineage, "bookworm-webapp", "bookworm-webapp-rebuilt").as_deref(),
        Some("same-paths")
    );
    let image = &lineage["images"][0];
    assert!(image["name"].is_string() && image["root"].is_string(), "{image}");
}

#[test]
fn paths_alone_tell_most_parents_of_the_samples() {
    let (place, truth) = sample_family();
    let report = place.json(&["evaluate", "--truth", &truth, "--paths-only"]);
    let hits = report["decisions"]["hits"].as_u64().unwrap();
    assert_eq!((hits, &report["first"]["hits"]), (37, &32.into()));
    let wrong: Vec<&str> = report["wrong"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["image"].as_str().unwrap())
        .collect();
    // The second deletes much of its base and adds nothing, so that it looks like the base of that;
    // but nothing of this is said to be sure.
    assert_eq!(wrong, ["bookworm-base", "bookworm-slim", "bookworm-webapp-tidy"]);
    for it in report["wrong"].as_array().unwrap() {
        assert!(it["confidence"].as_f64().unwrap_or_default() <= 0.5, "{it}");
    }
    let text = place.ok(&["evaluate", "--truth", &truth, "--paths-only"]);
    assert!(text.contains("decisions, \"none\" included"), "{text}");

    let lineage = place.json(&["lineage", "--paths-only"]);
    assert_eq!(lineage["paths_only"], true);
    for child in ["bookworm-webapp-squashed", "bookworm-webapp-rebuilt"] {
        assert_eq!(parent(&lineage, child).as_deref(), Some("bookworm-python"), "{child}");
    }
    let kinds = lineage["edges"].as_array().unwrap().iter().flat_map(|edge| {
        edge["evidence"].as_array().unwrap().iter().map(|proof| proof["kind"].as_str().unwrap())
    });
    assert!(kinds.clone().count() > 30 && kinds.into_iter().all(|kind| kind == "path-containment"));
}

#[test]
fn the_graph_is_written_as_text_dot_and_graphml() {
    let (place, _) = sample_family();
    let some = ["bookworm-base", "bookworm-python", "bookworm-webapp", "trixie-base"];
    let text = place.ok(&[&["lineage"][..], &some].concat());
    assert!(
        text.starts_with("4 images: 2 have their parent among them, in 1 family; 1 alone\n"),
        "{text}"
    );
    assert!(
        text.contains("\n    bookworm-webapp  (built from it, 0.99 sure: on its 2 layers; "),
        "{text}"
    );
    assert!(text.contains("\nalone:\ntrixie-base"), "{text}");
    let dot = place.ok(&[&["lineage", "-o", "dot"][..], &some].concat());
    assert!(dot.starts_with("digraph lineage {\n"), "{dot}");
    assert!(
        dot.contains("  n2 [label=\"bookworm-webapp\"];\n")
            && dot.contains("  n1 -> n2 [label=\"parent 0.99\"];\n"),
        "{dot}"
    );
    let xml = place.ok(&[&["lineage", "-o", "graphml"][..], &some].concat());
    assert!(
        xml.contains("<edge source=\"n1\" target=\"n2\"><data key=\"kind\">parent</data>"),
        "{xml}"
    );
    let again = place.ok(&[&["lineage", "-o", "graphml"][..], &some].concat());
    assert_eq!(xml, again);
}

#[test]
fn wrong_truth_is_refused_with_its_line() {
    let (place, _) = sample_family();
    let file = place.file("bad.tsv", b"image\tparent\nx\n");
    let ran = place.run(&["evaluate", "--truth", &file.display().to_string()]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("bad.tsv") && ran.stderr.contains("line 2"), "{}", ran.stderr);
    let ran = place.run(&["evaluate", "--truth", "absent.tsv"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("absent.tsv"), "{}", ran.stderr);
    // A parent that is not there stands for its own parent.
    let text = b"image\tparent\nbookworm-webapp\tgone\ngone\tbookworm-python\nnowhere\t-\n";
    let file = place.file("good.tsv", text);
    let report = place.json(&["evaluate", "--truth", &file.display().to_string()]);
    assert_eq!((&report["judged"], &report["absent"]), (&1.into(), &2.into()));
    assert_eq!(report["decisions"]["hits"], 1);
}

#[test]
fn the_tiny_family_is_found() {
    let Some(data) = data() else { return };
    let place = Place::new();
    let real = |name: &str| data.join("real").join(name).display().to_string();
    place.ok(&["add", "-q", "--all", &format!("oci:{}", real("oci/tiny-family"))]);
    for file in [
        "oci/tiny-luaapp-1.0-squashed.zstd.oci.tar",
        "rootfs/tiny-debian-trixie.tar.zst",
        "rootfs/alpine-minirootfs-3.10.3-x86_64.tar.gz",
        "rootfs/alpine-minirootfs-3.10.9-x86_64.tar.gz",
    ] {
        place.ok(&["add", "-q", &real(file)]);
    }
    let expected = [
        ("tiny-lua:5.4", "tiny-debian:bookworm"),
        ("tiny-luaapp:1.0", "tiny-lua:5.4"),
        ("tiny-luaapp:1.0-squashed", "tiny-lua:5.4"),
        ("tiny-httpd:1.4", "tiny-debian:bookworm"),
        ("tiny-web:1.0", "tiny-httpd:1.4"),
    ];
    let lineage = place.json(&["lineage"]);
    let by_paths = place.json(&["lineage", "--paths-only"]);
    for (child, it) in expected {
        assert_eq!(parent(&lineage, child).as_deref(), Some(it), "{child}");
        assert_eq!(parent(&by_paths, child).as_deref(), Some(it), "{child} by paths");
    }
    assert_eq!(parent(&lineage, "tiny-luaapp:1.1-rebuilt").as_deref(), Some("tiny-lua:5.4"));
    assert_eq!(
        kin(&lineage, "tiny-luaapp:1.0", "tiny-luaapp:1.0-squashed").as_deref(),
        Some("identical")
    );
    assert_eq!(
        kin(&lineage, "tiny-luaapp:1.0", "tiny-luaapp:1.1-rebuilt").as_deref(),
        Some("rebuild")
    );
    assert_eq!(parent(&by_paths, "tiny-debian-trixie"), None);
    let alpine = ["alpine-minirootfs-3.10.3-x86_64", "alpine-minirootfs-3.10.9-x86_64"];
    assert_eq!(kin(&lineage, alpine[0], alpine[1]).as_deref(), Some("same-paths"));
    for image in alpine {
        assert_eq!((parent(&lineage, image), parent(&by_paths, image)), (None, None));
    }
}

#[test]
fn content_tells_versions_from_children() {
    let Some(data) = data() else { return };
    let place = Place::new();
    let add = |name: &str, file: &str| {
        place.ok(&[
            "add",
            "-q",
            "--name",
            name,
            &data.join("images").join(file).display().to_string(),
        ]);
    };
    add("alpine:3.10", "trivy__alpine-310.tar.gz");
    add("alpine:3.11", "trivy__alpine-311.tar.gz");
    for name in [
        "npm7-with-node-modules-only",
        "npm7-with-package-lock-file",
        "npm7-without-package-lock-file",
        "yarn-with-lock-file",
        "busybox-1.31.1",
        "node-removed",
    ] {
        add(name, &format!("snyk-docker-plugin__{name}.tar"));
    }
    let lineage = place.json(&["lineage"]);
    assert_eq!(parent(&lineage, "alpine:3.11"), None);
    assert_eq!(kin(&lineage, "alpine:3.10", "alpine:3.11").as_deref(), Some("sibling"));
    assert_eq!(parent(&lineage, "node-removed"), None);
    // All of it is in the other, but their layers part ways: a sibling by its Dockerfile.
    let (parent, kind, confidence) = edge(&lineage, "npm7-without-package-lock-file").unwrap();
    assert_eq!((parent.as_str(), kind.as_str()), ("npm7-with-node-modules-only", "contained-in"));
    assert!(confidence <= 0.5);
    let pair = ["npm7-with-node-modules-only", "npm7-without-package-lock-file"];
    assert_eq!(kin(&lineage, pair[0], pair[1]).as_deref(), Some("sibling"));
    let ran = place.run(&["compare", "--json", pair[0], pair[1]]);
    let compared: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(compared["relation"]["kind"], "contained-in");
    assert_eq!(compared["relation"]["parent"], Value::Null);
    // The third of npm and that of yarn stand on the base of the others, which is not there: nobody's
    // children, and a file apart.
    for image in ["npm7-with-package-lock-file", "yarn-with-lock-file"] {
        assert_eq!(self::parent(&lineage, image), None, "{image}");
    }
    let by_paths = place.json(&["lineage", "--paths-only", "alpine:3.10", "alpine:3.11"]);
    let (_, kind, confidence) = edge(&by_paths, "alpine:3.11").unwrap();
    assert_eq!((kind.as_str(), confidence < 0.5), ("contained-in", true));
}

#[test]
fn versions_of_busybox_are_siblings() {
    let Some(data) = data() else { return };
    let place = Place::new();
    let file = |name: &str| data.join(name).display().to_string();
    let family = file("real/docker/docker-save-20.10-bb-family.tar.gz");
    place.ok(&["add", "-q", "--all", &family]);
    for (name, it) in [
        ("1.31.1", "images/snyk-docker-plugin__busybox-1.31.1.tar"),
        ("1.33.1", "real/rootfs/busybox-1.33.1-musl.tar.xz"),
        ("1.38.0", "real/rootfs/busybox-1.38.0-uclibc.tar.gz"),
        ("amd64", "images/snyk-docker-plugin__busybox.amd64.tar"),
        ("arm64", "images/snyk-docker-plugin__busybox.arm64.tar"),
        ("node-removed", "images/snyk-docker-plugin__node-removed.tar"),
    ] {
        place.ok(&["add", "-q", "--name", name, &file(it)]);
    }
    let lineage = place.json(&["lineage"]);
    // Two images stand on another by their layers. By paths an old version is the parent of a new one.
    let children = lineage["edges"].as_array().unwrap().iter().map(|edge| &edge["child"]);
    assert_eq!(children.collect::<Vec<_>>(), ["bb-app:1", "bb-app:2"]);
    let by_paths = place.json(&["lineage", "--paths-only"]);
    assert!(by_paths["edges"].as_array().unwrap().len() > 4);
    for [old, new] in [["1.31.1", "amd64"], ["1.31.1", "1.33.1"], ["1.31.1", "node-removed"]] {
        assert_eq!(kin(&lineage, old, new).as_deref(), Some("sibling"), "{old} {new}");
    }
}

#[test]
fn declared_bases_are_told_with_what_confirms_them() {
    let (place, _) = sample_family();
    let lineage = place.json(&["lineage"]);
    let claim = |image: &str| {
        let claims = lineage["declared"].as_array().unwrap();
        let claim = claims.iter().find(|claim| claim["image"] == image)?;
        Some((claim["base"].as_str().unwrap(), claim["standing"].as_str().unwrap()))
    };
    assert_eq!(claim("bookworm-python"), Some(("bookworm-base", "confirmed")));
    assert_eq!(claim("bookworm-webapp-nginx"), Some(("bookworm-python", "ancestor")));
    assert_eq!(claim("bookworm-perl"), None);
    let edges = lineage["edges"].as_array().unwrap();
    let edge = edges.iter().find(|edge| edge["child"] == "bookworm-python").unwrap();
    let declared = serde_json::json!({
        "kind": "declared", "base": "bookworm-base", "standing": "confirmed"
    });
    assert_eq!(edge["evidence"][1], declared);
    let text = place.ok(&["lineage"]);
    assert!(text.contains("declared, confirmed; "), "{text}");
    assert!(text.contains("declares bookworm-python, an ancestor"), "{text}");
    let by_paths = place.json(&["lineage", "--paths-only"]);
    assert_eq!(by_paths["declared"], serde_json::json!([]));
}

#[test]
fn a_parent_is_found_despite_deletions_and_edits() {
    let Some(data) = data() else { return };
    let list = |name: &str| {
        format!(
            "paths:{}",
            data.join("pathlists").join(format!("container-diff__{name}.paths.gz")).display()
        )
    };
    let (base, child) = (list("diff-base"), list("diff-modified"));
    let lineage = Place::new().json(&["lineage", &base, &child]);
    let edge = &lineage["edges"][0];
    assert!(edge["parent"].as_str().unwrap().contains("diff-base"), "{edge}");
    assert_eq!(edge["kind"], "child-with-edits");
    assert!(edge["confidence"].as_f64().unwrap() > 0.9, "{edge}");
}

#[test]
fn releases_are_not_taken_for_parents() {
    let Some(data) = data() else { return };
    let place = Place::new();
    let mut files: Vec<String> = std::fs::read_dir(data.join("listings-2024"))
        .unwrap()
        .map(|file| file.unwrap().path().display().to_string())
        .collect();
    files.sort();
    assert_eq!(files.len(), 46);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    place.ok(&[&["add", "-q"][..], &files].concat());
    let lineage = place.json(&["lineage"]);
    for edge in lineage["edges"].as_array().unwrap() {
        assert!(edge["confidence"].as_f64().unwrap() < 0.5, "{edge}");
    }
}
