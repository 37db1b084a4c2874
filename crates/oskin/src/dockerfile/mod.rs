//! Dockerfiles: which images they build upon, and what many of them build upon together.
//!
//! [`parse`] reads one file as `BuildKit` would, as far as stages go: directives, continuations,
//! heredocs, global arguments, `FROM`, `COPY --from` and `RUN --mount=from`. What `BuildKit` would
//! refuse elsewhere in the file is a [`Problem`] and keeps nothing from being read. [`stats`]
//! counts the bases of many files, [`tree`] finds what those bases stand on themselves.

mod decode;
mod expand;
mod lines;
mod pattern;
mod reference;
mod stages;
pub mod stats;
mod template;
pub mod tree;

pub use decode::Encoding;
pub use reference::{Reference, ReferenceProblem};
pub use stages::{Base, Stage, Used, UsedFrom};
pub use template::TemplateKind;

use lines::Lines;
use stages::Builder;
use std::collections::{BTreeMap, BTreeSet};

/// The largest file that is read; real ones have some kilobytes.
pub const MAX_BYTES: usize = 1 << 20;
/// How many stages a file may have.
const MAX_STAGES: usize = 1000;
/// How many problems of a file are kept.
const MAX_PROBLEMS: usize = 20;

/// A Dockerfile, as far as images are named in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dockerfile {
    /// How the text was encoded.
    pub encoding: Encoding,
    /// The frontend that the directive `syntax` asks for.
    pub syntax: Option<String>,
    /// Whether it is still to be filled in by a generator, and by which.
    pub template: Option<TemplateKind>,
    /// The stages in their order, at least one.
    pub stages: Vec<Stage>,
    /// How many `ONBUILD` instructions it has. Images that those use are no images of this file.
    pub onbuild: usize,
    /// What a builder would refuse or warn of, in the order of the lines; the first of them.
    pub problems: Vec<Problem>,
}

/// Something that is wrong with a Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// Why there are no stages to be told of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// More bytes than are read.
    #[error("it is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// NUL bytes.
    #[error("it is no text")]
    Binary,
    /// Nothing but blanks.
    #[error("it is empty")]
    Empty,
    /// Nothing but comments.
    #[error("it holds comments only")]
    Comments,
    /// One line that is a path: a symbolic link that was checked out as text.
    #[error("it holds a path only, as a link that was checked out as text")]
    Link,
    /// Instructions, but none begins a stage.
    #[error("it has no FROM")]
    NoFrom,
    /// More stages than are read.
    #[error("it has more than {MAX_STAGES} stages")]
    TooManyStages,
}

/// Reads a Dockerfile.
///
/// `arguments` are the values that a builder would be given as `--build-arg`; they count for the
/// arguments that the file declares before its first stage, and for the platform arguments that
/// every builder knows. Time and memory are bounded by the size of the file.
///
/// ```
/// use oskin::dockerfile::parse;
/// let text = b"ARG TAG=3.10\nFROM golang AS build\nFROM alpine:${TAG}\nCOPY --from=build /a /\n";
/// let file = parse(text, &Default::default()).unwrap();
/// assert_eq!(file.foundation().base.image().unwrap().familiar(), "alpine:3.10");
/// ```
///
/// # Errors
///
/// If it is no text, too large, or has no stage.
pub fn parse(bytes: &[u8], arguments: &BTreeMap<String, String>) -> Result<Dockerfile, Refusal> {
    if bytes.len() > MAX_BYTES {
        return Err(Refusal::TooLarge);
    }
    let (text, encoding) = decode::decode(bytes)?;
    let mut lines = Lines::new(&text);
    let mut builder = Builder::new(arguments);
    while let Some(line) = lines.next() {
        builder.take(&line, lines.directives.escape)?;
    }
    let Lines { directives, problems: of_lines, .. } = lines;
    if builder.stages.is_empty() {
        return Err(without_stages(&text, &builder));
    }
    let Builder { stages, template, onbuild, mut problems, .. } = builder;
    let of_lines = of_lines.into_iter().take(MAX_PROBLEMS);
    problems.extend(of_lines.map(|(line, what)| Problem { line, what }));
    problems.sort_by_key(|problem| problem.line);
    problems.truncate(MAX_PROBLEMS);
    Ok(Dockerfile { encoding, syntax: directives.syntax, template, stages, onbuild, problems })
}

fn without_stages(text: &str, builder: &Builder<'_>) -> Refusal {
    let is_path = |text: &str| text.contains('/') && text.split_whitespace().count() == 1;
    match builder.instructions {
        0 if text.trim().is_empty() => Refusal::Empty,
        0 => Refusal::Comments,
        1 if is_path(text) => Refusal::Link,
        _ => Refusal::NoFrom,
    }
}

impl Dockerfile {
    /// The stage that the built image comes from: the last one.
    pub fn last(&self) -> &Stage {
        // There is one, or it would have been refused.
        &self.stages[self.stages.len() - 1]
    }

    /// The stage whose base the built image stands on: the last one, or the one that it was begun
    /// from, and so on. Its base is no stage.
    pub fn foundation(&self) -> &Stage {
        let mut stage = self.last();
        // A stage stands on an earlier one, so that this ends.
        while let Base::Stage(earlier) = stage.base {
            stage = &self.stages[earlier];
        }
        stage
    }

    /// The images that files are copied or mounted from, each once; they are no bases.
    pub fn used_images(&self) -> BTreeSet<&Reference> {
        let used = self.stages.iter().flat_map(|stage| &stage.used);
        used.filter_map(|used| match &used.from {
            UsedFrom::Image(reference) => Some(reference),
            _ => None,
        })
        .collect()
    }
}
