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
    kill_often(&place, KILLS, |round| {
        place.file("round.tar", &archive(round));
        vec!["--all".to_owned(), "round.tar".to_owned()]
    });
}

#[test]
fn killed_while_several_images_are_read_the_catalog_holds_what_was_reported() {
    let place = Place::new();
    kill_often(&place, KILLS / 2, |round| {
        place.file(&format!("round-{round}.tar"), &archive(round));
        let line = |number| format!("docker-archive:round-{round}.tar:image-{round}:{number}\n");
        let list: String = (0..IMAGES).map(line).collect();
        place.file("list", list.as_bytes());
        vec!["--from-file".to_owned(), "list".to_owned()]
    });
}

/// Kills runs with the arguments of each round.
fn kill_often(place: &Place, kills: u32, arguments: impl Fn(u32) -> Vec<String>) {
    let mut reported: Vec<String> = Vec::new();
    let mut cut_short = 0;
    for round in 0..kills {
        let mut child = place
            .command()
            .arg("add")
            .args(arguments(round))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
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
        cut_short > kills / 5,
        "only {cut_short} of {kills} runs were cut short: the test tests nothing"
    );
    place.ok(&["check"]);
}
