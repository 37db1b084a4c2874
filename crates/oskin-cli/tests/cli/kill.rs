//! `kill -9` at random moments of `add`: the catalog opens, is sound, and holds what was reported.

use crate::common::Place;
use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;
use testkit::{ArchiveOptions, Image, docker_archive};

/// How often a run is killed.
const KILLS: u32 = 50;

/// How many images one run adds.
const IMAGES: u32 = 12;

fn archive(round: u32) -> Vec<u8> {
    let image = |number: u32| {
        let mut text = String::from("//- layer\n");
        for file in 0..300 {
            text.push_str(&format!("usr/share/base/{file} file \"{file}\"\n"));
        }
        text.push_str("//- layer\n");
        for file in 0..200 {
            text.push_str(&format!("opt/{round}/{number}/{file} file \"{number}\"\n"));
        }
        Image::from_fixture(&text).reference(&format!("image-{round}:{number}"))
    };
    let images: Vec<Image> = (0..IMAGES).map(image).collect();
    docker_archive(&images, &ArchiveOptions::default())
}

#[test]
fn killed_at_any_moment_the_catalog_holds_what_was_reported() {
    let place = Place::new();
    let mut reported: Vec<String> = Vec::new();
    let mut cut_short = 0;
    for round in 0..KILLS {
        let file = place.file("round.tar", &archive(round));
        let mut child = place
            .command()
            .args(["add", "--all"])
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Spread over the run by a fixed sequence; the machine adds the randomness.
        std::thread::sleep(Duration::from_millis(u64::from(round * 37 % 100) + 1));
        child.kill().unwrap();
        let mut told = String::new();
        child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
        child.wait().unwrap();
        let names = told.lines().filter_map(|line| line.split_whitespace().nth(1));
        let before = reported.len();
        reported.extend(names.map(str::to_owned));
        cut_short += u32::from(reported.len() - before < IMAGES as usize);

        if reported.is_empty() {
            continue;
        }
        let list = place.json(&["ls"]);
        let kept: Vec<&str> =
            list["images"].as_array().unwrap().iter().filter_map(|i| i["name"].as_str()).collect();
        for name in &reported {
            assert!(
                kept.contains(&name.as_str()),
                "round {round}: {name} was reported and is gone"
            );
        }
        if round % 5 == 4 {
            let check = place.run(&["check"]);
            assert_eq!(check.code, Some(0), "round {round}: {}", check.stdout);
        }
    }
    assert!(
        cut_short > 10,
        "only {cut_short} of {KILLS} runs were cut short: the test tests nothing"
    );
    place.ok(&["check"]);
}
