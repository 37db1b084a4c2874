//! The rules of the house as tests: each holds for the tree and is seen to fail on a broken file.

#![expect(clippy::unwrap_used, reason = "a tree that cannot be read is a failed test")]

mod code;
mod rules;

use rules::File;
use std::fs;
use std::path::{Path, PathBuf};

type Rule = fn(&File) -> Vec<String>;

/// The root of the repository, asked for at run time: a shared target directory may hold a test
/// that another checkout has built.
fn root() -> PathBuf {
    let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    Path::new(&manifest_dir).ancestors().nth(2).unwrap().to_owned()
}

/// All text files that people write, in the order of their paths.
fn tree() -> Vec<File> {
    let root = root();
    let mut files = Vec::new();
    let mut queue = vec![root.clone()];
    while let Some(dir) = queue.pop() {
        for found in fs::read_dir(&dir).unwrap().map(|found| found.unwrap().path()) {
            let name = found.file_name().unwrap().to_string_lossy().into_owned();
            if found.is_dir() && !matches!(name.as_str(), ".git" | "target" | "node_modules") {
                queue.push(found);
            } else if found.is_file() && is_written(&found) {
                let path = found.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                let text = String::from_utf8_lossy(&fs::read(&found).unwrap()).into_owned();
                files.push(File { path, text });
            }
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(files.iter().any(|file| file.path == "crates/testkit/src/lib.rs"));
    files
}

/// By its ending, or because it lies in the directory of the checks.
fn is_written(path: &Path) -> bool {
    let endings = ["rs", "toml", "md", "sh", "py", "html", "css", "js", "ts", "json", "yml"];
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| endings.contains(&ending))
        || path.components().any(|part| part.as_os_str() == ".ci")
}

fn is_crate_source(file: &File) -> bool {
    let parts: Vec<&str> = file.path.split('/').collect();
    file.is_rust()
        && matches!(parts[..], ["crates", _, "src" | "tests" | "benches" | "examples", ..])
}

fn assert_rule_holds(rule: Rule, applies: fn(&File) -> bool) {
    let files: Vec<File> = tree().into_iter().filter(applies).collect();
    assert!(!files.is_empty());
    let violations: Vec<String> = files.iter().flat_map(rule).collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// Checks how many violations the rule finds in a file.
fn assert_finds(rule: Rule, path: &str, text: &str, count: usize) {
    let found = rule(&File { path: path.to_owned(), text: text.to_owned() });
    assert_eq!(found.len(), count, "{path}: {text}: {found:?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let rule: Rule = rules::begins_with_a_doc_line;
    assert_finds(rule, "crates/a/src/b.rs", "//! Says it.\n", 0);
    assert_finds(rule, "crates/a/src/b.rs", "use std::fs;\n", 1);
    assert_finds(rule, "crates/a/src/b.rs", "\n//! Late.\n", 1);
    assert_rule_holds(rule, is_crate_source);
}

#[test]
fn no_file_is_long() {
    let rule: Rule = rules::is_short;
    let long = "fn f() {}\n".repeat(601);
    assert_finds(rule, "crates/a/src/b.rs", &long, 1);
    assert_finds(rule, "crates/a/src/b.rs", &long[10..], 0);
    let tests = format!("//! x\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
    assert_finds(rule, "crates/a/src/b.rs", &tests, 0);
    assert_finds(rule, "crates/a/src/b.rs", &"// comment\n".repeat(601), 1);
    assert_rule_holds(rule, is_crate_source);
}

#[test]
fn nothing_is_left_for_later() {
    let rule: Rule = rules::is_finished;
    assert_finds(rule, "README.md", concat!("TO", "DO: write"), 1);
    assert_finds(rule, "a.rs", concat!("// FIX", "ME and XX", "X"), 2);
    assert_finds(rule, "a.rs", concat!("METHO", "TO", "DOS"), 0);
    assert_rule_holds(rule, |_| true);
}

#[test]
fn only_report_serializes() {
    let rule: Rule = rules::serializes_only_in_report;
    let derive = "#[derive(Debug, Serialize)]\nstruct A;";
    assert_finds(rule, "crates/oskin/src/report/mod.rs", derive, 0);
    assert_finds(rule, "crates/oskin/src/path.rs", derive, 1);
    assert_finds(rule, "crates/oskin/src/source/oci.rs", "use serde::{Serialize, Deserialize};", 1);
    assert_finds(rule, "crates/oskin/src/image.rs", "#[derive(serde::Deserialize)]", 0);
    assert_finds(rule, "crates/oskin/src/image.rs", "// no Serialize here\n", 0);
    assert_rule_holds(rule, is_crate_source);
}

#[test]
fn modules_point_one_way() {
    let rule: Rule = rules::points_one_way;
    let set = "crates/oskin/src/measure/set.rs";
    assert_finds(rule, set, "use crate::path_set::Overlap;\nuse super::Measure;", 0);
    assert_finds(rule, set, "use crate::report::Matrix;", 1);
    assert_finds(rule, set, "use crate::{path_set::A, catalog::{B, C}};", 1);
    assert_finds(rule, set, "fn f() { crate::source::open() }", 1);
    assert_finds(rule, set, "use super::super::report::Matrix;", 1);
    assert_finds(rule, set, "// use crate::report;\nlet a = \"crate::report\";", 0);
    assert_finds(rule, set, "#[cfg(test)]\nmod tests { use crate::report; }", 0);
    assert_finds(rule, "crates/oskin/src/path.rs", "use super::image::Digest;", 1);
    assert_finds(rule, "crates/oskin/src/measure/mod.rs", "use super::path_set::A;", 0);
    assert_finds(rule, "crates/oskin/src/measure/mod.rs", "use super::ingest;", 1);
    assert_finds(rule, "crates/oskin/src/novel.rs", "", 1);
    assert_finds(rule, "crates/oskin/src/lib.rs", "pub use crate::ingest::add;", 0);
    assert_rule_holds(rule, is_crate_source);
}

#[test]
fn the_table_of_modules_has_no_circle() {
    for (n, (name, allowed)) in rules::MODULES.iter().enumerate() {
        let lower: Vec<&str> = rules::MODULES[..n].iter().map(|(name, _)| *name).collect();
        assert!(allowed.iter().all(|used| lower.contains(used)), "{name} uses what comes after it");
    }
}

#[test]
fn pure_modules_do_no_input_or_output() {
    let rule: Rule = rules::is_pure;
    let file = "crates/oskin/src/relation.rs";
    assert_finds(rule, file, "use std::fs;", 1);
    assert_finds(rule, file, "use std::{collections::BTreeMap, env};", 1);
    assert_finds(rule, file, "let now = std::time::Instant::now();", 1);
    assert_finds(rule, file, "use std::time::{Duration, SystemTime as T};", 1);
    assert_finds(rule, file, "fn f(c: &rusqlite::Connection) {}", 1);
    assert_finds(rule, file, "use std::fmt;\nuse std::time::Duration;\nuse a::std_fs;", 0);
    assert_finds(rule, "crates/oskin/src/source/tar.rs", "use std::fs;", 0);
    assert_rule_holds(rule, is_crate_source);
}

#[test]
fn measures_and_relations_cannot_fail() {
    let rule: Rule = rules::cannot_fail;
    let file = "crates/oskin/src/measure/set.rs";
    assert_finds(rule, file, "pub fn f() -> Result<u8, E> {", 1);
    assert_finds(rule, file, "pub const fn f(\n    a: u8,\n) -> io::Result<u8>\nwhere A: B {", 1);
    assert_finds(rule, file, "pub(crate) fn f() -> Option<Result<u8, E>> {", 1);
    assert_finds(rule, file, "pub fn f() -> u8 { g() }\nfn g() -> Result<u8, E> {}", 0);
    let parse = "impl FromStr for Measure {\n fn from_str(s: &str) -> Result<Self, E> {}\n}";
    assert_finds(rule, file, parse, 0);
    assert_finds(rule, "crates/oskin/src/source/tar.rs", "pub fn f() -> Result<u8, E> {", 0);
    assert_rule_holds(rule, is_crate_source);
}

#[test]
fn crates_point_one_way() {
    let rule: Rule = rules::crates_point_one_way;
    let oskin = "crates/oskin/Cargo.toml";
    let good = "[dependencies]\ntar = \"1\"\n[dev-dependencies]\ntestkit.workspace = true\n";
    assert_finds(rule, oskin, good, 0);
    assert_finds(rule, oskin, "[dependencies]\ntestkit.workspace = true", 1);
    assert_finds(rule, oskin, "[dependencies.oskin-cli]\nworkspace = true", 1);
    assert_finds(rule, oskin, "[target.'cfg(unix)'.dependencies]\noskin-cli = { path = \"x\" }", 1);
    assert_finds(rule, "crates/oskin-cli/Cargo.toml", "[dependencies]\noskin.workspace = true", 0);
    assert_finds(
        rule,
        "crates/testkit/Cargo.toml",
        "[dev-dependencies]\noskin.workspace = true",
        1,
    );
    assert_finds(rule, "crates/novel/Cargo.toml", "", 1);
    let is_manifest =
        |file: &File| file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml");
    assert_rule_holds(rule, is_manifest);
}

#[test]
fn no_file_names_a_place() {
    let rule: Rule = rules::names_no_place;
    assert_finds(rule, "README.md", concat!("see `/wo", "rk/main`"), 1);
    assert_finds(rule, "a.rs", concat!("\"/wo", "rk/x\""), 1);
    assert_finds(rule, "a.rs", concat!("home/wo", "rk/x and frame/wo", "rk/"), 0);
    assert_finds(rule, "docs/a.md", concat!("oskin add /tm", "p/x.tar"), 1);
    assert_finds(rule, "crates/a/src/b.rs", concat!("\"/tm", "p/x\""), 0);
    assert_finds(rule, "crates/a/src/b.rs", concat!("\"..", "/shared/data\""), 1);
    assert_finds(rule, "crates/a/tests/b.rs", concat!("\"..", "/shared/data\""), 0);
    assert_finds(rule, "a.sh", concat!("pull docker", ".io/library/x"), 1);
    assert_finds(rule, "a.rs", concat!("index.docker", ".io"), 1);
    assert_finds(rule, "a.rs", concat!("mydocker", ".io docker", ".iota"), 0);
    assert_rule_holds(rule, |_| true);
}
