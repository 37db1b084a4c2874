//! Thousands of real Dockerfiles with known bases: every one is read or refused with a reason.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::shared_data;
use flate2::read::GzDecoder;
use oskin::dockerfile::stats::{By, Tally, covered, tally};
use oskin::dockerfile::tree::{Declared, Tree};
use oskin::dockerfile::{Base, Dockerfile, Reference, Refusal, UsedFrom, parse};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// A file of the data: where it is from, the images that it builds, and what was read.
#[derive(Clone)]
struct Known {
    path: String,
    images: Vec<Reference>,
    file: Result<Dockerfile, Refusal>,
}

fn read(data: &Path, name: &str) -> Vec<Known> {
    let file = std::fs::File::open(data.join("dockerfiles").join(name)).unwrap();
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.map(|line| known(&serde_json::from_str(&line.unwrap()).unwrap())).collect()
}

fn known(row: &serde_json::Value) -> Known {
    let text = row["text"].as_str().unwrap();
    // One file is not UTF-8: the data has its bytes as characters.
    let bytes = match row["encoding"].as_str() {
        Some("latin-1") => text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect(),
        _ => text.as_bytes().to_vec(),
    };
    let tags = row["tags"].as_array().into_iter().flatten();
    let image = row["image"].as_str().unwrap_or_default();
    let tagged = |tag: &serde_json::Value| format!("{image}:{}", tag.as_str().unwrap());
    let images = tags.map(|tag| Reference::parse(&tagged(tag)).unwrap()).collect();
    let path = row["path"].as_str().unwrap_or(image).to_owned();
    Known { path, images, file: parse(&bytes, &BTreeMap::new()) }
}

/// Where a file stands, for the figures of the collection: its base, and its base without the tag.
///
/// Those figures count the words that generators replace as bases, too; [`Base::Template`] here.
fn names(known: &Known) -> Option<(String, String)> {
    let file = known.file.as_ref().ok()?;
    let stage = file.foundation();
    let first_word = stage.written.split(' ').next().unwrap_or_default();
    match &stage.base {
        Base::Image(image) => Some((image.familiar(), image.familiar_name())),
        Base::Scratch => Some(("scratch".to_owned(), "scratch".to_owned())),
        Base::Template(_) => Some((first_word.to_owned(), first_word.to_owned())),
        _ => None,
    }
}

/// The tallies of bases with their tags and of names without, and the owner is the third directory.
fn tallies(files: &[Known]) -> [Vec<Tally>; 2] {
    let owner = |known: &Known| known.path.split('/').nth(2).unwrap_or_default().to_owned();
    let found = |known: &Known| names(known).map(|(base, name)| (base, name, owner(known)));
    let rows: Vec<(String, String, String)> = files.iter().filter_map(found).collect();
    [
        tally(rows.iter().map(|row| (row.0.as_str(), row.2.as_str())), By::Files),
        tally(rows.iter().map(|row| (row.1.as_str(), row.2.as_str())), By::Files),
    ]
}

/// What the first 10, 50 and 100 cover, in tenths of a percent.
fn shares(tallies: &[Tally]) -> [u64; 3] {
    [10, 50, 100].map(|count| {
        let cover = covered(tallies, count);
        (cover.files * 2000 + cover.of) / (cover.of * 2)
    })
}

#[test]
fn all_files_are_read_or_refused_with_a_reason() {
    let Some(data) = shared_data() else { return };
    let expected = [
        ("dockerfiles.jsonl.gz", 2975, 141, 5, 39),
        ("dockerhub2017.jsonl.gz", 303, 0, 0, 2),
        ("official2017.jsonl.gz", 331, 0, 0, 0),
    ];
    for (name, files, refused, unresolved, unknown) in expected {
        let found = read(&data, name);
        let read: Vec<&Dockerfile> =
            found.iter().filter_map(|known| known.file.as_ref().ok()).collect();
        assert_eq!((found.len(), found.len() - read.len()), (files, refused), "{name}");
        for known in &found {
            let is_known = matches!(known.file, Ok(_) | Err(Refusal::Comments | Refusal::Link));
            assert!(is_known, "{}: {:?}", known.path, known.file);
        }
        let is_unresolved =
            |file: &&&Dockerfile| matches!(file.foundation().base, Base::Unresolved(_));
        assert_eq!(read.iter().filter(is_unresolved).count(), unresolved, "{name}");
        let is_invalid = |file: &&&Dockerfile| matches!(file.foundation().base, Base::Invalid(_));
        assert_eq!(read.iter().filter(is_invalid).count(), 0, "{name}");
        let is_unknown = |file: &&&Dockerfile| {
            file.problems.iter().any(|problem| problem.what.starts_with("unknown instruction"))
        };
        assert_eq!(read.iter().filter(is_unknown).count(), unknown, "{name}");
    }
}

#[test]
fn bases_are_counted_as_the_study_counted_them() {
    let Some(data) = shared_data() else { return };
    let files = read(&data, "dockerfiles.jsonl.gz");
    let [bases, names] = tallies(&files);
    assert_eq!((bases.len(), names.len()), (788, 427));
    assert_eq!((shares(&bases), shares(&names)), ([326, 567, 660], [573, 792, 857]));
    let top: Vec<String> = names
        .iter()
        .filter(|tally| tally.base != "BASEIMAGE")
        .take(15)
        .map(|tally| format!("{} {}/{}", tally.base, tally.files, tally.owners))
        .collect();
    let expected = [
        "ubuntu 338/153",
        "alpine 263/54",
        "centos 241/28",
        "dockerfile/ubuntu 160/24",
        "scratch 152/37",
        "debian 145/64",
        "node 96/74",
        "golang 92/51",
        "python 80/45",
        "ruby 55/40",
        "drupal 49/43",
        "nginx 38/33",
        "openjdk 35/18",
        "java 34/21",
        "php 30/19",
    ];
    assert_eq!(top, expected);
    let placeholders: Vec<(&str, u64)> = bases
        .iter()
        .filter(|tally| Reference::parse(&tally.base).is_err())
        .map(|tally| (tally.base.as_str(), tally.files))
        .collect();
    let words = ["BASEIMAGE", "__ENV_[DAEMON_BASE_IMAGE]__", "grpn/ansible-silo:{{"];
    assert_eq!(placeholders, [(words[0], 53), (words[1], 3), (words[2], 1)]);
    assert_eq!(covered(&bases, 788).of, 2829);

    let [bases, names] = tallies(&read(&data, "dockerhub2017.jsonl.gz"));
    assert_eq!((bases.len(), names.len()), (186, 131));
    assert_eq!((shares(&bases), shares(&names)), ([294, 551, 716], [502, 733, 898]));
}

#[test]
fn the_official_images_of_2017_stand_on_few_bases() {
    let Some(data) = shared_data() else { return };
    let files = read(&data, "official2017.jsonl.gz");
    let declared: Vec<Declared<'_>> = files
        .iter()
        .map(|known| Declared { images: &known.images, file: known.file.as_ref().unwrap() })
        .collect();
    let tree = Tree::of(&declared);
    let mut hops = [0; 6];
    let mut roots = Vec::new();
    let bases: Vec<String> =
        declared.iter().filter_map(|declared| declared.file.base_name()).collect();
    for base in &bases {
        hops[tree.chain(base).len()] += 1;
        roots.push((tree.cut(base, 0), ""));
    }
    assert_eq!(hops, [0, 164, 74, 50, 27, 16]);
    let roots = tally(roots, By::Files);
    let top: Vec<(&str, u64)> =
        roots.iter().take(5).map(|tally| (tally.base.as_str(), tally.files)).collect();
    let expected = [
        ("debian:jessie", 155),
        ("alpine:3.4", 68),
        ("ubuntu:trusty", 21),
        ("debian:wheezy", 18),
        ("alpine:3.5", 17),
    ];
    assert_eq!(top, expected);
    let chain = tree.chain("clojure:latest");
    let expected = [
        "debian:jessie",
        "buildpack-deps:jessie-curl",
        "buildpack-deps:jessie-scm",
        "openjdk:8",
        "clojure:latest",
    ];
    assert_eq!(chain, expected);
}

#[test]
fn every_row_of_the_pitfalls() {
    let Some(data) = shared_data() else { return };
    let files =
        [read(&data, "dockerfiles.jsonl.gz"), read(&data, "dockerhub2017.jsonl.gz")].concat();
    let table = std::fs::read_to_string(data.join("dockerfiles/pitfalls.tsv")).unwrap();
    let (mut checked, mut elsewhere) = (0, 0);
    for row in table.lines().skip(1) {
        let fields: Vec<&str> = row.split('\t').collect();
        let [kind, _, path, line, text, expected, stages] = fields[..] else { panic!("{row}") };
        let Some(known) = files.iter().find(|known| known.path == path) else {
            // Files of repositories that the data has not: an `@` before the commit.
            assert!(path.contains('@'), "{path}");
            elsewhere += 1;
            continue;
        };
        checked += 1;
        let file = known.file.as_ref().unwrap_or_else(|refusal| panic!("{path}: {refusal}"));
        let stage = file.foundation();
        match &stage.base {
            Base::Image(image) => {
                assert_eq!(Ok(image), Reference::parse(expected).as_ref(), "{row}");
            }
            Base::Scratch => assert_eq!(expected, "scratch", "{row}"),
            Base::Unresolved(names) => assert_eq!(expected, format!("$${}", names[0]), "{row}"),
            // The table has what stands before the first blank.
            Base::Template(_) => {
                assert_eq!(stage.written.split(' ').next(), Some(expected), "{row}");
            }
            other => panic!("{row}: {other:?}"),
        }
        assert_eq!(file.stages.len().to_string(), stages, "{row}");
        let line: usize = line.parse().unwrap();
        let begins = file.stages.iter().find(|stage| stage.line == line);
        let used = file.stages.iter().flat_map(|stage| &stage.used).find(|used| used.line == line);
        match kind {
            "as_name" | "as_lowercase" => assert!(begins.unwrap().name.is_some(), "{row}"),
            "from_stage" => assert!(matches!(begins.unwrap().base, Base::Stage(_)), "{row}"),
            "digest" => {
                let image = begins.unwrap().base.image();
                assert!(image.unwrap().digest().is_some(), "{row}");
            }
            "copy_from" | "copy_from_number" => {
                assert!(matches!(used.unwrap().from, UsedFrom::Stage(_)), "{row}");
            }
            "copy_from_image" => {
                assert!(matches!(used.unwrap().from, UsedFrom::Image(_)), "{row}");
            }
            "not_utf8" => assert_eq!(file.encoding.name(), "other", "{row}"),
            "from_template" => assert!(file.template.is_some(), "{row}"),
            kind if kind.contains("from") && text.to_lowercase().starts_with("from") => {
                assert!(begins.is_some(), "{row}");
            }
            _ => {}
        }
    }
    // What the others are about is asked of texts of our own, in tests/dockerfile.rs.
    assert_eq!((checked, elsewhere), (73, 15));
}
