//! The file of defaults: what it sets, what comes before it, what is wrong in it.

use crate::common::Place;

const LAYOUT: &str = "/usr/bin/a\n/usr/bin/b\n";

/// A place with a configuration file.
fn configured(text: &str) -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.path().join(".config/oskin")).unwrap();
    place.file(".config/oskin/config.toml", text.as_bytes());
    place.file("some.paths", LAYOUT.as_bytes());
    place
}

#[test]
fn flag_environment_file_default() {
    let place =
        configured("catalog = \"~/mine.db\"\ncolor = \"never\"\nplatform = \"linux/arm64\"\n");
    place.ok(&["add", "paths:some.paths"]);
    assert!(place.path().join("mine.db").exists());
    let with_environment = place
        .command()
        .args(["add", "paths:some.paths"])
        .env("OSKIN_CATALOG", "environment.db")
        .output()
        .unwrap();
    assert!(with_environment.status.success());
    assert!(place.path().join("environment.db").exists());
    place.ok(&["--catalog", "flag.db", "add", "paths:some.paths"]);
    assert!(place.path().join("flag.db").exists());
    assert!(!place.path().join(".local").exists());
}

#[test]
fn the_file_is_found_where_xdg_says() {
    let place = configured("");
    std::fs::create_dir_all(place.path().join("elsewhere/oskin")).unwrap();
    place.file("elsewhere/oskin/config.toml", b"catalog = \"near.db\"\n");
    let home = place.path().join("elsewhere");
    let add =
        place.command().args(["add", "paths:some.paths"]).env("XDG_CONFIG_HOME", &home).output();
    assert!(add.unwrap().status.success());
    assert!(home.join("oskin/near.db").exists());
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let place = configured("color = \"auto\"\ncatalogue = \"x\"\n");
    let ran = place.run(&["ls"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("config.toml:2: unknown field `catalogue`"), "{}", ran.stderr);
    // Packagers run this on machines whose settings are none of their business.
    assert!(place.ok(&["completions", "bash"]).contains("oskin"));
}
