//! The lineage page: hostile names stay text, nothing is fetched, the same graph gives the same bytes,
//! and what the page holds is the graph.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use oskin::lineage::{Candidate, Connection, Edge, EdgeKind, Kin, KinKind, Lineage, Proof, Steps};
use oskin::path_set::{Overlap, PathSet};
use oskin::report::{LineageReport, StepsReport, lineage_page};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const HOSTILE: [&str; 5] = [
    "</script><script>alert(1)</script>",
    "a\"b'c&d<e>",
    "{{script}}",
    "naïve–名前",
    "x\u{202e}y\n\u{1b}[31m",
];

/// 0 is the root of 1; 2 is 1 again; 3 is of another family; 4 is alone.
fn report(names: &[&str]) -> LineageReport {
    let candidate = Candidate {
        image: 0,
        overlap: Overlap { common: 90, left_only: 1, right_only: 7 },
        shared: 12.5,
        missing: 0.1,
        added: 7.0,
    };
    let edge = Edge {
        parent: 0,
        child: 1,
        kind: EdgeKind::ChildWithEdits,
        confidence: 0.9,
        proofs: vec![
            Proof::Layers { layers: 2, with_empty: false },
            Proof::Content { same: 89, changed: 1, aside: 0 },
            Proof::Paths { candidate, deletions: Some(1) },
        ],
        alternatives: vec![3],
    };
    let lineage = Lineage {
        edges: vec![edge],
        kin: vec![
            Kin { images: [1, 2], kind: KinKind::SamePaths },
            Kin { images: [3, 4], kind: KinKind::Rebuild },
        ],
        roots: vec![0, 3, 4],
        components: vec![vec![0, 1, 2], vec![3], vec![4]],
        connections: vec![Connection { root: 3, base: 0, shared: 11, missing: 3 }],
        ..Lineage::default()
    };
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    LineageReport::new(&names, false, &lineage)
}

/// The text between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

fn data(page: &str) -> Value {
    let data = between(page, "<script type=\"application/json\" id=\"data\">", "</script>");
    serde_json::from_str(data).unwrap()
}

#[test]
fn names_cannot_leave_their_place() {
    let page = lineage_page::html(&report(&HOSTILE));
    assert_eq!(page.matches("</script>").count(), 2, "the data and the script end once each");
    assert!(!page.contains("alert(1)</"), "no name is markup");
    let data = data(&page);
    for (at, name) in HOSTILE.iter().enumerate().take(4) {
        assert_eq!(data["names"][at], *name);
    }
    assert_eq!(data["names"][4], "x\u{fffd}y\u{fffd}\u{fffd}[31m", "nothing steers a terminal");
}

#[test]
fn the_page_holds_the_graph() {
    let data = data(&lineage_page::html(&report(&["a", "b", "c", "d", "e"])));
    assert_eq!(data["above"], json!([null, 0, 1, null, null]), "a twin stands below its twin");
    let edge = &data["edges"][0];
    assert_eq!(edge[0], 1);
    assert_eq!(edge[1], 0);
    assert_eq!(edge[2], "child-with-edits");
    assert_eq!(edge[4].as_array().unwrap().len(), 3, "all evidence: {edge}");
    assert_eq!(edge[5], json!([3]));
    assert_eq!(data["kin"], json!([["same-paths", [1, 2]], ["rebuild", [3, 4]]]));
    assert_eq!(data["connections"], json!([[3, 0, 11, 3, false]]), "11 files are too few to tell");
}

#[test]
fn the_page_allows_its_own_script_and_asks_for_nothing() {
    let page = lineage_page::html(&report(&["a", "b", "c", "d", "e"]));
    let without_names_of_spaces = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!without_names_of_spaces.contains("http://"), "no address is in the page");
    assert!(!page.contains("https://") && !page.contains("innerHTML"));
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let script = page.rsplit_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
    let style = between(&page, "<style>", "</style>");
    for (source, text) in [("script-src", script), ("style-src", style)] {
        let stated = between(policy, &format!("{source} 'sha256-"), "'");
        let digest = Sha256::digest(text.as_bytes());
        // 32 bytes are 43 digits and a filler; the first 24 bits tell enough without a decoder here.
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bits = digest[..3].iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        let expected: Vec<u8> =
            [18, 12, 6, 0].map(|shift| alphabet.as_bytes()[bits >> shift & 63]).into();
        assert_eq!(stated.as_bytes()[..4], expected, "{source}");
    }
}

#[test]
fn few_and_many_images_are_shown() {
    for n in [0_u32, 1, 2, 3_000] {
        let names: Vec<String> = (0..n).map(|i| format!("image-{i}")).collect();
        // One chain: the deepest that there is.
        let edge = |child| Edge {
            parent: child - 1,
            child,
            kind: EdgeKind::Parent,
            confidence: 1.0,
            proofs: Vec::new(),
            alternatives: Vec::new(),
        };
        let lineage = Lineage {
            edges: (1..n).map(edge).collect(),
            roots: (0..n.min(1)).collect(),
            components: (0..n.min(1)).map(|_| (0..n).collect()).collect(),
            ..Lineage::default()
        };
        let report = LineageReport::new(&names, true, &lineage);
        let page = lineage_page::html(&report);
        assert!(page.ends_with("</html>\n"), "{n}");
        assert_eq!(page, lineage_page::html(&report), "the same bytes");
        assert_eq!(data(&page)["above"].as_array().unwrap().len(), n as usize);
    }
}

#[test]
fn no_way_up_leads_in_a_circle() {
    // 0 stands on 2, and 2 has the same files as 0 but no parent: it cannot stand below 0. 1 is the
    // root that holds them together.
    let edge = Edge {
        parent: 2,
        child: 0,
        kind: EdgeKind::Parent,
        confidence: 0.9,
        proofs: Vec::new(),
        alternatives: Vec::new(),
    };
    let lineage = Lineage {
        edges: vec![edge],
        kin: vec![Kin { images: [0, 2], kind: KinKind::SamePaths }],
        roots: vec![1],
        components: vec![vec![1, 0, 2]],
        connections: Vec::new(),
        ..Lineage::default()
    };
    let names = ["a", "b", "c"].map(str::to_owned);
    let report = LineageReport::new(&names, false, &lineage);
    assert_eq!(report.above(), [Some(2), None, Some(1)]);
}

#[test]
fn steps_are_in_the_document_if_they_were_asked_for() {
    let mut report = report(&["a", "b", "c", "d", "e"]);
    assert!(serde_json::to_value(&report).unwrap().get("steps").is_none());
    let set = |end: u32| PathSet::from_unsorted((0..end).collect());
    let sets = [set(100), set(120)];
    let refs: Vec<&PathSet> = sets.iter().collect();
    let steps = Steps::of(&refs, &refs, &Lineage::default(), 10);
    report.steps = Some(StepsReport::new(&["a".to_owned(), "b".to_owned()], &steps));
    let steps = serde_json::to_value(&report).unwrap()["steps"].clone();
    assert_eq!(steps["coarse"]["pairs"], 1);
    assert_eq!(steps["graphs"], json!([{"images": ["a", "b"], "roots": ["a"]}]));
    assert_eq!(steps["pairs"][0]["fate"], "kept");
    assert_eq!(steps["pairs"][0]["files"], json!({"shared": 100, "missing": 0, "added": 20}));
}
