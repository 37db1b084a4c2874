//! The house rules, each a function from text to what violates it.

use crate::code::{has_word, paths, without_comments, without_tests};
use std::collections::BTreeSet;
use std::path::Path;

/// A file: its path from the root of the repository, and its text.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// Whether it is Rust source.
    pub(crate) fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|ending| ending == "rs")
    }

    /// The module of crate oskin that the file belongs to; `None` for other crates and `lib.rs`.
    fn module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("crates/oskin/src/")?;
        let name = inside.split('/').next()?.trim_end_matches(".rs");
        (name != "lib").then_some(name)
    }

    /// The code that is not test code, comments and literals blanked.
    fn code(&self) -> String {
        without_tests(&without_comments(&self.text))
    }

    /// Whether the file is one of tests or benches as a whole.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "benches"))
    }
}

/// What each module of crate oskin may use of the others.
pub(crate) const MODULES: [(&str, &[&str]); 20] = [
    ("path", &[]),
    ("name", &[]),
    ("path_set", &[]),
    ("view", &["path", "name", "path_set"]),
    ("image", &["path"]),
    ("software", &["path", "name", "image"]),
    ("inventory", &["path", "path_set", "image", "software"]),
    ("measure", &["path", "name", "path_set", "view", "image"]),
    ("relation", &["path", "path_set", "view", "image", "inventory", "measure"]),
    ("lineage", &["path", "path_set", "image", "inventory", "measure", "relation"]),
    ("diff", &["path", "path_set", "image", "inventory", "measure", "relation"]),
    ("dockerfile", &["path"]),
    (
        "report",
        &[
            "path",
            "path_set",
            "view",
            "image",
            "software",
            "inventory",
            "measure",
            "relation",
            "lineage",
            "diff",
            "dockerfile",
        ],
    ),
    ("dockerfile_dir", &["path", "dockerfile"]),
    ("oski", &["path", "path_set", "image", "inventory"]),
    ("sketch_file", &["path_set", "inventory", "measure"]),
    ("source", &["path", "image", "software", "inventory", "dockerfile", "oski"]),
    ("catalog", &["path", "path_set", "image", "software", "inventory", "measure", "lineage"]),
    ("placement", &["path_set", "image", "inventory", "measure", "relation", "lineage", "catalog"]),
    (
        "ingest",
        &[
            "path",
            "path_set",
            "view",
            "image",
            "inventory",
            "measure",
            "lineage",
            "source",
            "catalog",
            "software",
        ],
    ),
];

/// The modules that do I/O and may fail; all others are pure.
const IMPURE: [&str; 7] =
    ["source", "catalog", "dockerfile_dir", "oski", "sketch_file", "placement", "ingest"];

/// What each crate may depend on of ours: always, and for its tests.
const CRATES: [(&str, &[&str], &[&str]); 4] = [
    ("oskin", &[], &["testkit"]),
    ("oskin-bench", &["oskin"], &[]),
    ("oskin-cli", &["oskin"], &["testkit"]),
    ("testkit", &[], &[]),
];

const MAX_LINES: usize = 600;

/// Every Rust file begins with a line that says what it is for.
pub(crate) fn begins_with_a_doc_line(file: &File) -> Vec<String> {
    let missing = !file.text.starts_with("//! ");
    missing.then(|| format!("{}: does not begin with `//! `", file.path)).into_iter().collect()
}

/// No Rust file has more than 600 lines, its module of tests left out.
pub(crate) fn is_short(file: &File) -> Vec<String> {
    // Blanked comments keep their lines, so that they count.
    let lines = file.code().lines().count();
    let long = lines > MAX_LINES;
    long.then(|| format!("{}: {lines} lines without tests", file.path)).into_iter().collect()
}

/// Nothing is left for later. The words are put together here, or this file would hold them.
pub(crate) fn is_finished(file: &File) -> Vec<String> {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let found = words.iter().filter(|word| has_word(&file.text, word));
    found.map(|word| format!("{}: has {word}", file.path)).collect()
}

/// Only `report` serializes; reading serialized text is free to all.
pub(crate) fn serializes_only_in_report(file: &File) -> Vec<String> {
    let outside = file.module().is_some_and(|module| module != "report");
    let wrong = outside && has_word(&file.code(), "Serialize");
    wrong.then(|| format!("{}: serializes outside of report", file.path)).into_iter().collect()
}

/// The modules of crate oskin use only what is listed for them, and all are listed.
pub(crate) fn points_one_way(file: &File) -> Vec<String> {
    let Some(module) = file.module() else { return vec![] };
    let Some((_, allowed)) = MODULES.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{}: module {module} is not in the table of modules", file.path)];
    };
    let paths = paths(&file.code());
    let used: BTreeSet<String> = paths.iter().filter_map(|path| used_module(file, path)).collect();
    let wrong = used.into_iter().filter(|used| used != module && !allowed.contains(&used.as_str()));
    wrong.map(|used| format!("{}: {module} may not use {used}", file.path)).collect()
}

/// The first name below the root of the crate that a path of the file leads to.
fn used_module(file: &File, path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split("::").collect();
    if parts[0] == "crate" {
        return parts.get(1).map(|part| (*part).to_owned());
    }
    let inside = file.path.strip_prefix("crates/oskin/src/")?;
    let inside = inside.trim_end_matches(".rs").trim_end_matches("/mod");
    let mut here: Vec<&str> = inside.split('/').collect();
    let supers = parts.iter().take_while(|part| **part == "super").count();
    if supers == 0 {
        return None;
    }
    here.truncate(here.len().saturating_sub(supers));
    here.extend(parts.get(supers));
    here.first().map(|part| (*part).to_owned())
}

/// The pure modules know no file system, network, environment, clock or database.
pub(crate) fn is_pure(file: &File) -> Vec<String> {
    let Some(module) = file.module().filter(|module| !IMPURE.contains(module)) else {
        return vec![];
    };
    let forbidden = [
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::time::SystemTime",
        "std::time::Instant",
        "rusqlite",
    ];
    let starts = |path: &str, start: &str| {
        path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    paths(&file.code())
        .into_iter()
        .filter(|path| forbidden.iter().any(|start| starts(path, start)))
        .map(|path| format!("{}: {module} mentions {path}", file.path))
        .collect()
}

/// What `measure`, `relation` and `lineage` offer cannot fail.
pub(crate) fn cannot_fail(file: &File) -> Vec<String> {
    if !matches!(file.module(), Some("measure" | "relation" | "lineage")) {
        return vec![];
    }
    let code = file.code();
    let public = code.match_indices("pub").map(|(at, _)| &code[at..]);
    let fallible = public.filter_map(|text| {
        let signature = text.split(['{', ';']).next()?;
        let (before, after) = signature.split_once("->")?;
        let is_function = has_word(before, "fn") && after.contains("Result<");
        is_function.then(|| before.split_whitespace().collect::<Vec<_>>().join(" "))
    });
    fallible.map(|what| format!("{}: returns a Result: {what}", file.path)).collect()
}

/// The crates depend on each other only as listed, and all are listed.
pub(crate) fn crates_point_one_way(manifest: &File) -> Vec<String> {
    let name = manifest.path.split('/').nth_back(1).unwrap_or_default();
    let Some((_, always, tests)) = CRATES.iter().find(|(listed, ..)| *listed == name) else {
        return vec![format!("{}: crate {name} is not in the table of crates", manifest.path)];
    };
    let wrong = own_dependencies(&manifest.text).into_iter().filter(|(dependency, is_dev)| {
        let in_tests = *is_dev && tests.contains(&dependency.as_str());
        !in_tests && !always.contains(&dependency.as_str())
    });
    wrong.map(|(used, _)| format!("{}: {name} may not depend on {used}", manifest.path)).collect()
}

/// The crates of ours that a manifest names, and whether only for tests.
fn own_dependencies(manifest: &str) -> Vec<(String, bool)> {
    let is_own = |name: &str| CRATES.iter().any(|(own, ..)| *own == name);
    let mut section = String::new();
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            header.trim_end_matches(']').clone_into(&mut section);
        }
        let Some((_, inside)) = section.split_once("dependencies") else { continue };
        // Either a key of the section or the end of its own name: `[dependencies.oskin]`.
        let key = line.split(['=', '.', ' ']).next().unwrap_or_default();
        let in_header = inside.trim_start_matches('.');
        let name = if line.starts_with('[') { in_header } else { key };
        if is_own(name.trim_matches('"')) {
            found.push((name.trim_matches('"').to_owned(), section.contains("dev-dependencies")));
        }
    }
    found
}

/// No committed file names a place of one machine or the host of a registry or a mirror.
///
/// All are put together here, or this file would hold them. Code may speak of a temporary
/// directory, for images have one too. Tests and benches may look for data beside the repository.
pub(crate) fn names_no_place(file: &File) -> Vec<String> {
    let is_rust = file.is_rust();
    let mut found = Vec::new();
    let mut places = vec![concat!("/wo", "rk/")];
    if file.path.ends_with("md") || file.path.ends_with("toml") {
        places.push(concat!("/tm", "p/"));
    }
    found.extend(places.into_iter().filter(|place| has_place(&file.text, place)));
    let beside = concat!("..", "/shared");
    let text = if is_rust { without_tests(&file.text) } else { file.text.clone() };
    found.extend((!file.is_test() && text.contains(beside)).then_some(beside));
    found.extend(hosts().into_iter().filter(|host| has_host(&file.text, host)));
    found.into_iter().map(|what| format!("{}: names {what}", file.path)).collect()
}

fn hosts() -> [&'static str; 14] {
    [
        concat!("docker", ".io"),
        concat!("ghcr", ".io"),
        concat!("quay", ".io"),
        concat!("gcr", ".io"),
        concat!("registry.k8s", ".io"),
        concat!("mcr.microsoft", ".com"),
        concat!("public.ecr", ".aws"),
        concat!("deb.debian", ".org"),
        concat!("ftp.debian", ".org"),
        concat!("snapshot.debian", ".org"),
        concat!("archive.ubuntu", ".com"),
        concat!("dl-cdn.alpinelinux", ".org"),
        concat!("registry.npmjs", ".org"),
        concat!("files.pythonhosted", ".org"),
    ]
}

/// Whether an absolute path begins there, and not a relative one goes on.
fn has_place(text: &str, place: &str) -> bool {
    text.match_indices(place).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + place.len()..].chars().next();
        let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | ')');
        !before.is_some_and(is_inside) && after.is_some_and(char::is_alphanumeric)
    })
}

fn has_host(text: &str, host: &str) -> bool {
    text.match_indices(host).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + host.len()..].chars().next();
        let is_inside = |c: char| c.is_alphanumeric() || c == '-';
        !before.is_some_and(is_inside) && !after.is_some_and(is_inside)
    })
}
