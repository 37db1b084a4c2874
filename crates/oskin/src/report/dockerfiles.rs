//! The document about the bases of many Dockerfiles.

use crate::dockerfile::stats::{By, Cover, Tally, cover, tally};
use crate::dockerfile::tree::{Declared, SCRATCH, Tree};
use crate::dockerfile::{Base, Dockerfile, Reference, Stage, UsedFrom};
use serde::Serialize;

/// `oskin.dockerfiles/1`: what Dockerfiles build upon.
#[derive(Clone, Debug, Serialize)]
pub struct DockerfilesReport {
    schema: &'static str,
    /// `files` or `owners`: by which bases are ranked.
    pub by: &'static str,
    /// At which level of the tree bases are cut, 0 being the roots; null if they are counted as
    /// the files name them.
    pub level: Option<usize>,
    /// How many files there are of each kind.
    pub counts: DockerfileCounts,
    /// The bases with their tags, the most frequent first.
    pub bases: Ranking,
    /// The same without tags and digests.
    pub names: Ranking,
    /// The images that files are copied or mounted from, and that are no bases thereby.
    pub used: Ranking,
    /// How many files stand on so many bases above each other as the index says.
    pub depths: Vec<u64>,
    /// The bases, each behind the one that it stands on itself.
    pub tree: Vec<TreeReport>,
    /// Each file that was read.
    pub dockerfiles: Vec<DockerfileReport>,
    /// The others.
    pub refused: Vec<RefusedReport>,
}

/// How many files there are of each kind.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct DockerfileCounts {
    /// All.
    pub files: u64,
    /// Those that were read.
    pub read: u64,
    /// The others.
    pub refused: u64,
    /// Those of the read ones whose base is known; of these `bases` and `names` tell.
    pub known: u64,
    /// The base lacks the value of a variable.
    pub unresolved: u64,
    /// The base is a word that a generator replaces.
    pub template_bases: u64,
    /// The base is no name of an image.
    pub invalid: u64,
    /// Files that a generator turns into Dockerfiles, whether their base is known or not.
    pub templates: u64,
    /// Files with more than one stage.
    pub several_stages: u64,
    /// Files in which something is wrong beside the base.
    pub with_problems: u64,
}

/// Names by how often they occur.
#[derive(Clone, Debug, Serialize)]
pub struct Ranking {
    /// How many different ones there are.
    pub distinct: u64,
    /// What the most frequent cover, if that was asked for.
    pub cover: Option<CoverReport>,
    /// The most frequent first.
    pub top: Vec<TallyReport>,
}

/// How often a name occurs.
#[derive(Clone, Debug, Serialize)]
pub struct TallyReport {
    /// The name, or the reference with its tag.
    pub name: String,
    /// In how many files.
    pub files: u64,
    /// Of how many owners.
    pub owners: u64,
}

/// The fewest names that a share of the files stands on.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CoverReport {
    /// The share that was asked for.
    pub percent: f64,
    /// How many names.
    pub count: u64,
    /// How many files stand on those.
    pub files: u64,
    /// Of how many.
    pub of: u64,
}

/// A base in the tree of those that the files declare.
#[derive(Clone, Debug, Serialize)]
pub struct TreeReport {
    /// The base.
    pub base: String,
    /// How many bases it stands on.
    pub level: usize,
    /// The one directly below.
    pub parent: Option<String>,
    /// The files that stand directly on it.
    pub files: u64,
    /// The files that stand on it, directly or not.
    pub below: u64,
}

/// A Dockerfile.
#[derive(Clone, Debug, Serialize)]
pub struct DockerfileReport {
    /// Where it is.
    pub path: String,
    /// Whose it is.
    pub owner: String,
    /// The images that it builds, as far as that is known.
    pub images: Vec<String>,
    /// What the built image stands on.
    pub base: BaseReport,
    /// Its stages.
    pub stages: Vec<StageReport>,
    /// `utf-8`, `utf-16le`, `utf-16be` or `other`.
    pub encoding: &'static str,
    /// The frontend that the directive `syntax` names.
    pub syntax: Option<String>,
    /// `jinja`, `go`, `cookiecutter`, `erb`, `placeholder`, or null if it is no template.
    pub template: Option<&'static str>,
    /// How many `ONBUILD` instructions it has.
    pub onbuild: usize,
    /// What a builder would refuse or warn of.
    pub problems: Vec<ProblemReport>,
}

/// A base.
#[derive(Clone, Debug, Serialize)]
pub struct BaseReport {
    /// `image`, `scratch`, `stage`, `unresolved`, `template` or `invalid`.
    pub kind: &'static str,
    /// As it is written.
    pub written: String,
    /// The line of the `FROM`.
    pub line: usize,
    /// The reference in normal form, if it is an image.
    pub reference: Option<String>,
    /// The same as people write it, or `scratch`.
    pub name: Option<String>,
    /// The index of the stage, if it is one.
    pub stage: Option<usize>,
    /// The variables without a value.
    pub variables: Vec<String>,
}

/// A stage.
#[derive(Clone, Debug, Serialize)]
pub struct StageReport {
    /// The name behind `AS`.
    pub name: Option<String>,
    /// What `--platform` says.
    pub platform: Option<String>,
    /// What it begins with.
    pub base: BaseReport,
    /// What it takes files from.
    pub used: Vec<UsedReport>,
}

/// A `COPY --from` or `RUN --mount=from`.
#[derive(Clone, Debug, Serialize)]
pub struct UsedReport {
    /// The line.
    pub line: usize,
    /// As it is written.
    pub written: String,
    /// The index of the stage, if it is one.
    pub stage: Option<usize>,
    /// The reference in normal form, if it is an image.
    pub reference: Option<String>,
}

/// Something that is wrong.
#[derive(Clone, Debug, Serialize)]
pub struct ProblemReport {
    /// The line.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// A file that was not read.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedReport {
    /// Where it is.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// A file that was read, as the report takes it.
#[derive(Clone, Copy, Debug)]
pub struct ReadDockerfile<'a> {
    /// Where it is, ready to be shown.
    pub path: &'a str,
    /// Whose it is.
    pub owner: &'a str,
    /// The images that it builds.
    pub images: &'a [Reference],
    /// What stands in it.
    pub file: &'a Dockerfile,
}

/// What is asked of the bases.
#[derive(Clone, Copy, Debug, Default)]
pub struct Question {
    /// By what they are ranked.
    pub by: By,
    /// How many are listed; all if not given.
    pub top: Option<usize>,
    /// Which share of the files is to be covered, in percent.
    pub cover: Option<f64>,
    /// At which level of the tree they are cut.
    pub level: Option<usize>,
}

impl DockerfilesReport {
    /// Counts the bases of the files that were read, and lists all files.
    pub fn new(
        files: &[ReadDockerfile<'_>],
        refused: Vec<RefusedReport>,
        question: &Question,
    ) -> Self {
        let declared: Vec<Declared<'_>> =
            files.iter().map(|read| Declared { images: read.images, file: read.file }).collect();
        let tree = Tree::of(&declared);
        let mut depths = Vec::new();
        let mut bases: Vec<(String, &str)> = Vec::new();
        for read in files {
            let Some(base) = read.file.base_name() else { continue };
            let depth = if base == SCRATCH { 0 } else { tree.chain(&base).len() };
            depths.resize(depths.len().max(depth + 1), 0);
            depths[depth] += 1;
            let counted = question.level.map_or(base.as_str(), |level| tree.cut(&base, level));
            bases.push((counted.to_owned(), read.owner));
        }
        let name = |base: &str| match Reference::parse(base) {
            Ok(image) if base != SCRATCH => image.familiar_name(),
            _ => base.to_owned(),
        };
        let names: Vec<(String, &str)> =
            bases.iter().map(|(base, owner)| (name(base), *owner)).collect();
        let used: Vec<(String, &str)> = files
            .iter()
            .flat_map(|read| {
                let images = read.file.used_images();
                images.into_iter().map(|image| (image.familiar(), read.owner)).collect::<Vec<_>>()
            })
            .collect();
        let row = |row: crate::dockerfile::tree::Row<'_>| TreeReport {
            base: row.base.to_owned(),
            level: row.level,
            parent: row.parent.map(str::to_owned),
            files: row.files,
            below: row.below,
        };
        Self {
            schema: "oskin.dockerfiles/1",
            by: question.by.name(),
            level: question.level,
            counts: DockerfileCounts::new(files, refused.len()),
            bases: Ranking::new(&bases, question, question.cover),
            names: Ranking::new(&names, question, question.cover),
            used: Ranking::new(&used, question, None),
            depths,
            tree: tree.rows().into_iter().map(row).collect(),
            dockerfiles: files.iter().map(DockerfileReport::new).collect(),
            refused,
        }
    }
}

impl DockerfileCounts {
    fn new(files: &[ReadDockerfile<'_>], refused: usize) -> Self {
        let (read, refused) = (files.len() as u64, refused as u64);
        let mut counts = Self { files: read + refused, read, refused, ..Self::default() };
        for ReadDockerfile { file, .. } in files {
            match file.foundation().base {
                Base::Image(_) | Base::Scratch => counts.known += 1,
                Base::Unresolved(_) => counts.unresolved += 1,
                Base::Template(_) => counts.template_bases += 1,
                Base::Invalid(_) | Base::Stage(_) => counts.invalid += 1,
            }
            counts.templates += u64::from(file.template.is_some());
            counts.several_stages += u64::from(file.stages.len() > 1);
            counts.with_problems += u64::from(!file.problems.is_empty());
        }
        counts
    }
}

impl Ranking {
    fn new(names: &[(String, &str)], question: &Question, percent: Option<f64>) -> Self {
        let pairs = names.iter().map(|(name, owner)| (name.as_str(), *owner));
        let tallies = tally(pairs, question.by);
        let covered = |percent: f64| {
            let Cover { bases, files, of } = cover(&tallies, percent);
            CoverReport { percent, count: bases, files, of }
        };
        let (distinct, cover) = (tallies.len() as u64, percent.map(covered));
        let report =
            |Tally { base, files, owners }: Tally| TallyReport { name: base, files, owners };
        let top = tallies.into_iter().take(question.top.unwrap_or(usize::MAX)).map(report);
        Self { distinct, cover, top: top.collect() }
    }
}

impl DockerfileReport {
    fn new(read: &ReadDockerfile<'_>) -> Self {
        let file = read.file;
        let problems = file.problems.iter();
        Self {
            path: read.path.to_owned(),
            owner: read.owner.to_owned(),
            images: read.images.iter().map(written).collect(),
            base: BaseReport::new(file.foundation()),
            stages: file.stages.iter().map(StageReport::new).collect(),
            encoding: file.encoding.name(),
            syntax: file.syntax.clone(),
            template: file.template.map(crate::dockerfile::TemplateKind::name),
            onbuild: file.onbuild,
            problems: problems
                .map(|problem| ProblemReport { line: problem.line, what: problem.what.clone() })
                .collect(),
        }
    }
}

/// Without a tag where none is known.
fn written(image: &Reference) -> String {
    match (image.tag(), image.digest()) {
        (None, None) => image.familiar_name(),
        _ => image.familiar(),
    }
}

impl BaseReport {
    fn new(stage: &Stage) -> Self {
        let (kind, variables) = match &stage.base {
            Base::Scratch => ("scratch", vec![]),
            Base::Stage(_) => ("stage", vec![]),
            Base::Image(_) => ("image", vec![]),
            Base::Unresolved(names) => ("unresolved", names.clone()),
            Base::Template(_) => ("template", vec![]),
            Base::Invalid(_) => ("invalid", vec![]),
        };
        let image = stage.base.image();
        let scratch = (stage.base == Base::Scratch).then(|| SCRATCH.to_owned());
        Self {
            kind,
            written: stage.written.clone(),
            line: stage.line,
            reference: image.map(Reference::to_string),
            name: image.map(Reference::familiar).or(scratch),
            stage: match stage.base {
                Base::Stage(index) => Some(index),
                _ => None,
            },
            variables,
        }
    }
}

impl StageReport {
    fn new(stage: &Stage) -> Self {
        let used = stage.used.iter().map(|used| {
            let (stage, reference) = match &used.from {
                UsedFrom::Stage(index) => (Some(*index), None),
                UsedFrom::Image(image) => (None, Some(image.to_string())),
                UsedFrom::Unknown => (None, None),
            };
            UsedReport { line: used.line, written: used.written.clone(), stage, reference }
        });
        Self {
            name: stage.name.clone(),
            platform: stage.platform.clone(),
            base: BaseReport::new(stage),
            used: used.collect(),
        }
    }
}
