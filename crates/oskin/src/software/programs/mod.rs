//! Programs that no package manager need have recorded, found by a table of rules.
//!
//! Interpreters, servers and compilers are copied into `/usr/local`, `/opt` or the root as often as they are
//! installed. `programs.txt` says what they look like; its head describes the format. Users may bring a table
//! of their own in the same format, whose programs stand in for those of the same name ([`Table::with`]).
//!
//! It is a table of well-known software, by the names that the software calls itself. What is in no table
//! becomes a tag as well (see `tags`), only with less certainty of its version.

mod parse;
mod pattern;

pub use pattern::{Mark, PathPattern};

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What a program is, from what an image is mostly made for to what mostly comes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Something that people use as it is: a content management system, a shop, a game server.
    Application,
    /// A server that others are built on: of web pages, messages, containers.
    Server,
    /// A database.
    Database,
    /// A programming language: its interpreter, compiler or virtual machine.
    Language,
    /// What applications are written on: frameworks, application servers.
    Framework,
    /// What builds software, and manages packages of a language.
    Build,
    /// A tool that people install by name.
    Tool,
    /// An operating system.
    System,
    /// What comes along with much else: fetchers, certificates, shells around an entry point.
    Helper,
}

impl Kind {
    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Server => "server",
            Self::Database => "database",
            Self::Language => "language",
            Self::Framework => "framework",
            Self::Build => "build",
            Self::Tool => "tool",
            Self::System => "system",
            Self::Helper => "helper",
        }
    }

    const ALL: [Self; 9] = [
        Self::Application,
        Self::Server,
        Self::Database,
        Self::Language,
        Self::Framework,
        Self::Build,
        Self::Tool,
        Self::System,
        Self::Helper,
    ];
}

/// A program of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// What it calls itself, in lower case.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Other names of it, and of its files, directories and packages, in lower case.
    pub also: Vec<String>,
    /// Names of what belongs to it and comes behind it: its package manager, its modules.
    pub parts: Vec<String>,
    /// Paths of which each alone shows that it is there.
    pub paths: Vec<PathRule>,
    /// Marks in files.
    pub marks: Vec<ContentRule>,
    /// Ports that it serves on by default.
    pub ports: Vec<u16>,
}

/// A path that shows a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// The paths meant.
    pub pattern: PathPattern,
    /// Paths that match, each with its version, which is empty if the path tells none.
    pub examples: Vec<(String, String)>,
}

/// A mark in files that shows a program and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentRule {
    /// The files that are looked into.
    pub files: PathPattern,
    /// The mark.
    pub mark: Mark,
    /// Texts that have it, each with the version.
    pub examples: Vec<(String, String)>,
}

/// The versions that a rule finds in the content of a file, each once, in the order of the file, 16 at most.
/// O(bytes).
pub fn versions_in(rule: &ContentRule, content: &[u8]) -> Vec<String> {
    rule.mark.versions_in(content)
}

/// A table of programs.
#[derive(Clone, Debug, Default)]
pub struct Table {
    programs: Vec<Program>,
    /// Names that say where something is, and not what.
    ordinary: Vec<String>,
    /// Names of what mostly comes along.
    common: Vec<String>,
    /// Programs by all their names.
    names: BTreeMap<String, usize>,
    /// What is a part, and of which programs.
    parts: BTreeMap<String, Vec<usize>>,
    /// Rules as program and rule, by the first byte of the last name.
    by_byte: BTreeMap<u8, Vec<(usize, usize)>>,
    /// Marks as program and rule.
    marks: Vec<(usize, usize)>,
}

static BUILT_IN: LazyLock<Table> = LazyLock::new(|| Table::read(table_text()).0);

/// The table that comes with oskin, as people write it.
pub const fn table_text() -> &'static str {
    include_str!("programs.txt")
}

impl Table {
    /// The table that comes with oskin.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Reads a table. What is wrong in it is left out and told, as `line 12: ...`, 20 at most. O(n log n).
    pub fn read(text: &str) -> (Self, Vec<String>) {
        let read = parse::read(text);
        (Self::new(read.programs, read.ordinary, read.common), read.problems)
    }

    /// This table and another, whose programs stand in for those of the same name.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let is_kept = |program: &&Program| other.programs.iter().all(|it| it.name != program.name);
        let programs =
            other.programs.iter().chain(self.programs.iter().filter(is_kept)).cloned().collect();
        let ordinary = self.ordinary.iter().chain(&other.ordinary).cloned().collect();
        let common = self.common.iter().chain(&other.common).cloned().collect();
        Self::new(programs, ordinary, common)
    }

    /// This table without the programs that have one of these names, in lower case, among theirs. O(n log n).
    #[must_use]
    pub fn without(&self, names: &[String]) -> Self {
        let is_out = |program: &Program| {
            names.iter().any(|name| *name == program.name || program.also.contains(name))
        };
        let programs = self.programs.iter().filter(|program| !is_out(program)).cloned().collect();
        Self::new(programs, self.ordinary.clone(), self.common.clone())
    }

    fn new(programs: Vec<Program>, mut ordinary: Vec<String>, mut common: Vec<String>) -> Self {
        for names in [&mut ordinary, &mut common] {
            names.sort_unstable();
            names.dedup();
        }
        let mut table = Self { ordinary, common, ..Self::default() };
        for (at, program) in programs.iter().enumerate() {
            for (rule, path) in program.paths.iter().enumerate() {
                for first in path.pattern.first_bytes() {
                    table.by_byte.entry(*first).or_default().push((at, rule));
                }
            }
            table.marks.extend((0..program.marks.len()).map(|rule| (at, rule)));
            for part in &program.parts {
                table.parts.entry(part.clone()).or_default().push(at);
            }
            // Its own name is its own, whoever claims it as another name.
            table.names.insert(program.name.clone(), at);
        }
        for (at, program) in programs.iter().enumerate() {
            for name in &program.also {
                table.names.entry(name.clone()).or_insert(at);
            }
        }
        table.programs = programs;
        table
    }

    /// The programs, in the order of the table.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// The program that has this name among its names, which are in lower case.
    pub fn named(&self, name: &str) -> Option<&Program> {
        self.programs.get(*self.names.get(name)?)
    }

    /// The programs that this name is a part of.
    pub fn wholes(&self, part: &str) -> impl Iterator<Item = &Program> {
        let found = self.parts.get(part).map(Vec::as_slice).unwrap_or_default();
        found.iter().filter_map(|at| self.programs.get(*at))
    }

    /// Whether the name, in lower case, says where something is and not what.
    pub fn is_ordinary(&self, name: &str) -> bool {
        self.ordinary.binary_search_by(|it| it.as_str().cmp(name)).is_ok()
    }

    /// Whether software of this name, in lower case, mostly comes along with other software.
    pub fn is_common(&self, name: &str) -> bool {
        self.common.binary_search_by(|it| it.as_str().cmp(name)).is_ok()
    }

    /// The programs that a path shows, with the version that it tells, empty if it tells none. O(rules whose last name begins alike).
    pub fn shown_by<'a>(&'a self, path: &'a [u8]) -> impl Iterator<Item = (&'a Program, &'a [u8])> {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let rules = name.first().and_then(|first| self.by_byte.get(first));
        rules.into_iter().flatten().filter_map(move |(program, rule)| {
            let program = self.programs.get(*program)?;
            let pattern = &program.paths.get(*rule)?.pattern;
            if !name.starts_with(pattern.lookup()) {
                return None;
            }
            pattern.version_in(path).map(|version| (program, version))
        })
    }

    /// The rules for what stands in a file, each with its program. Files without any need not be read.
    pub fn content_rules<'a>(
        &'a self,
        path: &'a [u8],
    ) -> impl Iterator<Item = (&'a Program, &'a ContentRule)> {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        self.marks.iter().filter_map(move |(program, rule)| {
            let program = self.programs.get(*program)?;
            let rule = program.marks.get(*rule)?;
            let is_meant =
                name.starts_with(rule.files.lookup()) && rule.files.version_in(path).is_some();
            is_meant.then_some((program, rule))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_has_no_faults_and_every_rule_finds_its_examples() {
        let (table, problems) = Table::read(include_str!("programs.txt"));
        assert_eq!(problems, Vec::<String>::new());
        assert!(table.programs().len() >= 60);
        for program in table.programs() {
            for rule in &program.paths {
                assert!(!rule.examples.is_empty(), "{}: {:?}", program.name, rule.pattern);
                for (path, version) in &rule.examples {
                    let found = rule.pattern.version_in(path.as_bytes());
                    let found = found.map(String::from_utf8_lossy);
                    assert_eq!(
                        found.as_deref(),
                        Some(version.as_str()),
                        "{}: {path}",
                        program.name
                    );
                    let shown: Vec<&str> =
                        table.shown_by(path.as_bytes()).map(|it| it.0.name.as_str()).collect();
                    assert!(shown.contains(&program.name.as_str()), "{}: {path}", program.name);
                }
            }
            for rule in &program.marks {
                assert!(!rule.examples.is_empty(), "{}: {:?}", program.name, rule.mark);
                for (text, version) in &rule.examples {
                    let found = versions_in(rule, text.as_bytes());
                    assert_eq!(found, [version.as_str()], "{}: {text}", program.name);
                }
            }
        }
    }

    #[test]
    fn programs_are_left_out_by_any_of_their_names() {
        let table = Table::built_in();
        let program = table.programs().iter().find(|it| !it.also.is_empty()).unwrap();
        for name in [&program.name, &program.also[0]] {
            let less = table.without(std::slice::from_ref(name));
            assert!(less.programs().iter().all(|it| it.name != program.name));
            assert!(less.programs().len() < table.programs().len() && less.named(name).is_none());
        }
        assert_eq!(table.without(&["no-such-program".to_owned()]).programs(), table.programs());
    }

    #[test]
    fn names_are_taken_once() {
        let table = Table::built_in();
        for (at, program) in table.programs().iter().enumerate() {
            for name in program.also.iter().chain([&program.name]) {
                assert_eq!(table.names.get(name), Some(&at), "{name} is claimed twice");
            }
        }
    }

    #[test]
    fn an_own_table_stands_in_for_the_programs_it_names() {
        let (own, problems) =
            Table::read("program nginx tool\npath opt/x-{version}\nlike opt/x-2 = 2\n");
        assert_eq!(problems, Vec::<String>::new());
        let both = Table::built_in().with(&own);
        assert_eq!(both.programs().len(), Table::built_in().programs().len());
        assert_eq!(both.named("nginx").map(|it| it.kind), Some(Kind::Tool));
        let shown: Vec<_> =
            both.shown_by(b"opt/x-3").map(|it| (it.0.name.as_str(), it.1)).collect();
        assert_eq!(shown, [("nginx", b"3".as_slice())]);
    }

    #[test]
    fn only_files_with_marks_are_read() {
        let table = Table::built_in();
        for (path, programs) in [("bin/busybox", vec!["busybox"]), ("usr/bin/unheard-of", vec![])] {
            let found = table.content_rules(path.as_bytes()).map(|it| it.0.name.as_str());
            assert_eq!(found.collect::<Vec<_>>(), programs, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_table_is_read(text in "((program|also|path|read|mark|like|port|parts|ordinary|common|#)? ?[a-z*/{}= .0-9\\\\é]{0,20}\n){0,12}") {
            let (table, problems) = Table::read(&text);
            prop_assert!(problems.len() <= 20);
            prop_assert!(table.shown_by(text.as_bytes()).count() <= table.by_byte.len() * 20);
        }
    }
}
