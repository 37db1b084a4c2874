//! Instructions become stages: what each begins with, and what it takes files from.

use super::expand::{NoText, Variables};
use super::lines::{Line, is_blank};
use super::{MAX_PROBLEMS, MAX_STAGES, Problem, Reference, Refusal, TemplateKind};
use std::collections::BTreeMap;

/// A `FROM` and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The line of the `FROM`, from 1.
    pub line: usize,
    /// The name behind `AS`, in lower case: names differ in more than that.
    pub name: Option<String>,
    /// What `--platform` says, as it is written.
    pub platform: Option<String>,
    /// The base, as it is written.
    pub written: String,
    /// The base.
    pub base: Base,
    /// What files are copied or mounted from.
    pub used: Vec<Used>,
}

/// What a stage begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Base {
    /// Nothing.
    Scratch,
    /// An earlier stage, by its index.
    Stage(usize),
    /// An image.
    Image(Reference),
    /// An image whose name lacks the values of variables, sorted by name.
    Unresolved(Vec<String>),
    /// Words that a generator is to replace.
    Template(TemplateKind),
    /// No name that an image could have; why not.
    Invalid(String),
}

impl Base {
    /// The image, if it is one.
    pub const fn image(&self) -> Option<&Reference> {
        match self {
            Self::Image(reference) => Some(reference),
            _ => None,
        }
    }
}

/// A `COPY --from` or `RUN --mount=from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The line of the instruction, from 1.
    pub line: usize,
    /// What stands behind `from=`.
    pub written: String,
    /// What that is.
    pub from: UsedFrom,
}

/// What files are taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsedFrom {
    /// A stage, by its index.
    Stage(usize),
    /// An image that is no stage.
    Image(Reference),
    /// Neither: no name that an image could have, and variables are not replaced here.
    Unknown,
}

/// Puts stages together, one instruction after another.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    variables: Variables<'a>,
    names: BTreeMap<String, usize>,
    pub(super) stages: Vec<Stage>,
    pub(super) template: Option<TemplateKind>,
    pub(super) onbuild: usize,
    pub(super) instructions: usize,
    pub(super) problems: Vec<Problem>,
}

const INSTRUCTIONS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

impl<'a> Builder<'a> {
    pub(super) fn new(arguments: &'a BTreeMap<String, String>) -> Self {
        Self {
            variables: Variables::new(arguments),
            names: BTreeMap::new(),
            stages: Vec::new(),
            template: None,
            onbuild: 0,
            instructions: 0,
            problems: Vec::new(),
        }
    }

    /// Notes a problem, if there is room.
    fn problem(&mut self, line: usize, what: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { line, what });
        }
    }

    /// Takes in an instruction.
    pub(super) fn take(&mut self, line: &Line, escape: char) -> Result<(), Refusal> {
        self.instructions += 1;
        let keyword = line.keyword.to_ascii_uppercase();
        if self.template.is_none() && keyword != "FROM" {
            self.template = TemplateKind::of_line(line);
        }
        match keyword.as_str() {
            "FROM" => return self.from(line, escape),
            "ARG" if self.stages.is_empty() => self.variables.declare(&line.arguments, escape),
            "COPY" | "ADD" => self.copy(line),
            "RUN" => self.mount(line),
            "ONBUILD" => self.onbuild += 1,
            known if INSTRUCTIONS.contains(&known) => {}
            _ => {
                let word = crate::path::shorten(line.keyword.as_bytes());
                self.problem(line.number, format!("unknown instruction {word}"));
                return Ok(());
            }
        }
        if self.stages.is_empty() && keyword != "ARG" {
            self.problem(line.number, format!("{keyword} before the first FROM"));
        }
        Ok(())
    }

    fn from(&mut self, line: &Line, escape: char) -> Result<(), Refusal> {
        let words: Vec<&str> =
            line.arguments.split(is_blank).filter(|word| !word.is_empty()).collect();
        let [first, ..] = words[..] else {
            self.problem(line.number, "FROM names no image".to_owned());
            return Ok(());
        };
        if self.stages.len() == MAX_STAGES {
            return Err(Refusal::TooManyStages);
        }
        let (written, name) = match words[..] {
            [_, as_, name] if as_.eq_ignore_ascii_case("as") => (first, Some(name)),
            [_] => (first, None),
            // Blanks stand inside of the marks of templates.
            _ if TemplateKind::of_image(&line.arguments).is_some() => before_as(&line.arguments),
            _ => {
                let what = "FROM takes one word, or three: an image, AS and a name";
                self.problem(line.number, what.to_owned());
                (first, None)
            }
        };
        let name = name.map(str::to_lowercase);
        if name.as_ref().is_some_and(|name| !is_stage_name(name)) {
            self.problem(line.number, "the stage has a name that none may have".to_owned());
        }
        let base = self.base(written, line.number, escape);
        if self.template.is_none()
            && let Base::Template(kind) = base
        {
            self.template = Some(kind);
        }
        if let Some(name) = &name {
            self.names.insert(name.clone(), self.stages.len());
        }
        let flag = |flag: &String| flag.strip_prefix("--platform=").map(str::to_owned);
        self.stages.push(Stage {
            line: line.number,
            name,
            platform: line.flags.iter().find_map(flag),
            written: written.to_owned(),
            base,
            used: Vec::new(),
        });
        Ok(())
    }

    /// What a `FROM` means.
    fn base(&mut self, written: &str, line: usize, escape: char) -> Base {
        let stage = self.names.get(&written.to_lowercase()).copied();
        // A stage may have a name in capitals, which would pass for a mark.
        if let Some(kind) = TemplateKind::of_image(written).filter(|_| stage.is_none()) {
            return Base::Template(kind);
        }
        let text = match self.variables.expand(written, escape) {
            Ok(text) => text,
            Err(NoText::Unset(names)) => return Base::Unresolved(names.into_iter().collect()),
            Err(NoText::Broken(what)) => {
                self.problem(line, what.to_owned());
                return Base::Invalid(what.to_owned());
            }
        };
        if let Some(&stage) = self.names.get(&text.to_lowercase()) {
            return Base::Stage(stage);
        }
        if text == "scratch" {
            return Base::Scratch;
        }
        match Reference::parse(&text) {
            Ok(reference) => Base::Image(reference),
            // An argument may have a mark as its default.
            Err(problem) => TemplateKind::of_image(&text).map_or_else(
                || {
                    self.problem(line, format!("the base is no image: {problem}"));
                    Base::Invalid(problem.to_string())
                },
                Base::Template,
            ),
        }
    }

    fn copy(&mut self, line: &Line) {
        let from = line.flags.iter().find_map(|flag| flag.strip_prefix("--from="));
        if let Some(from) = from.filter(|from| !from.is_empty()) {
            self.uses(line.number, from);
        }
    }

    fn mount(&mut self, line: &Line) {
        for mount in line.flags.iter().filter_map(|flag| flag.strip_prefix("--mount=")) {
            let from = mount.split(',').find_map(|field| {
                let (key, value) = field.split_once('=')?;
                key.trim().eq_ignore_ascii_case("from").then_some(value)
            });
            if let Some(from) = from.filter(|from| !from.is_empty()) {
                self.uses(line.number, from);
            }
        }
    }

    fn uses(&mut self, line: usize, written: &str) {
        let stages = self.stages.len();
        let by_name = self.names.get(&written.to_lowercase()).copied();
        let from = match written.parse::<usize>() {
            Ok(index) if index + 1 < stages => UsedFrom::Stage(index),
            Ok(_) => UsedFrom::Unknown,
            Err(_) => match by_name {
                Some(stage) => UsedFrom::Stage(stage),
                None => Reference::parse(written).map_or(UsedFrom::Unknown, UsedFrom::Image),
            },
        };
        if from == UsedFrom::Unknown {
            let written = crate::path::shorten(written.as_bytes());
            self.problem(line, format!("{written} is neither a stage nor an image"));
        }
        if let Some(stage) = self.stages.last_mut() {
            stage.used.push(Used { line, written: written.to_owned(), from });
        }
    }
}

/// What stands before ` AS name` at the end, and that name.
fn before_as(text: &str) -> (&str, Option<&str>) {
    let found = text.rsplit_once(is_blank).and_then(|(before, name)| {
        let (image, as_) = before.trim_end_matches(is_blank).rsplit_once(is_blank)?;
        as_.eq_ignore_ascii_case("as").then(|| (image.trim_end_matches(is_blank), Some(name)))
    });
    found.unwrap_or((text, None))
}

fn is_stage_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
}
