//! `oskin dockerfiles`: what Dockerfiles build upon, counted.

use crate::args::{Global, RankBy};
use crate::error::{CliError, INCOMPLETE, TROUBLE};
use crate::output::{Format, Outputs, json_bytes, value_of};
use crate::text::{self, count, plural};
use oskin::dockerfile::stats::By;
use oskin::dockerfile_dir::{Found, Names, ReadError, collect};
use oskin::path::escape;
use oskin::report::{
    DockerfilesReport, Question, Ranking, ReadDockerfile, RefusedReport, TallyReport, TreeReport,
};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// How many bases are shown as text unless another number is asked for.
const SHOWN_BASES: usize = 10;
/// How many refused files of one reason are named as text.
const SHOWN_REFUSED: usize = 3;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) by: RankBy,
    pub(super) top: Option<usize>,
    pub(super) cover: Option<f64>,
    pub(super) level: Option<usize>,
}

/// What is known beside the files.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) arguments: Vec<(String, String)>,
    pub(super) names: Option<PathBuf>,
}

/// Reads the files, counts and tells.
pub(super) fn run(
    global: &Global,
    places: &[PathBuf],
    asked: &Asked,
    known: Known,
) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json, Format::Csv, Format::Tsv])?;
    let arguments: BTreeMap<String, String> = known.arguments.into_iter().collect();
    let found = collect(places, &arguments, &names(known.names)?);
    if found.is_empty() {
        return Err(none_found());
    }
    tell_unread(&found, places, global.quiet);
    let report = |top: Option<usize>| report(&found, asked, top);
    let top = asked.top;
    outputs.write(|format| match format {
        Format::Json => Ok(json_bytes(&value_of(&report(top))?)),
        Format::Csv => Ok(separated(&report(top).bases, ',').into_bytes()),
        Format::Tsv => Ok(separated(&report(top).bases, '\t').into_bytes()),
        _ => {
            let report = report(Some(top.unwrap_or(SHOWN_BASES)));
            Ok(text_of(&report, global.verbose).into_bytes())
        }
    })?;
    let refused = found.iter().filter(|found| found.outcome.is_err()).count();
    Ok(match refused {
        0 => ExitCode::SUCCESS,
        all if all == found.len() => ExitCode::from(TROUBLE),
        _ => ExitCode::from(INCOMPLETE),
    })
}

/// Tells of the places that cannot be read themselves, such as those that are not there, and whether
/// there is anything else.
pub(super) fn tell_unread(found: &[Found], places: &[PathBuf], quiet: bool) -> bool {
    let mut is_any_read = false;
    for it in found {
        match &it.outcome {
            Err(ReadError::Io(error)) if places.contains(&it.path) => {
                let what = match error.kind() {
                    ErrorKind::NotFound => "there is no such directory or file".to_owned(),
                    _ => error.to_string(),
                };
                CliError::new(what).print_for(&it.path.display().to_string(), quiet);
            }
            _ => is_any_read = true,
        }
    }
    is_any_read
}

/// That there is nothing to count.
pub(super) fn none_found() -> CliError {
    let hint = "they are found by their names, see `oskin dockerfiles --help`; a file that is named \
                itself is read whatever its name is";
    CliError::new("there are no Dockerfiles").hint(hint)
}

/// Which images the files build, if there is a list of it.
fn names(file: Option<PathBuf>) -> Result<Names, CliError> {
    let Some(file) = file else { return Ok(Names::default()) };
    let text = std::fs::read_to_string(&file)
        .map_err(|error| CliError::new(format!("cannot read {}: {error}", file.display())))?;
    Names::parse(&text).map_err(|error| {
        CliError::new(format!("{}: {error}", file.display()))
            .hint("a line is a path below DIR, a tab and a reference such as me/app:1")
    })
}

pub(super) fn report(found: &[Found], asked: &Asked, top: Option<usize>) -> DockerfilesReport {
    let paths: Vec<String> =
        found.iter().map(|found| escape(found.path.as_os_str().as_bytes())).collect();
    let mut read = Vec::new();
    let mut refused = Vec::new();
    for (found, path) in found.iter().zip(&paths) {
        match &found.outcome {
            Ok(file) => {
                read.push(ReadDockerfile {
                    path,
                    owner: &found.owner,
                    images: &found.images,
                    file,
                });
            }
            Err(error) => {
                refused.push(RefusedReport { path: path.clone(), reason: error.to_string() });
            }
        }
    }
    let by = match asked.by {
        RankBy::Files => By::Files,
        RankBy::Owners => By::Owners,
    };
    let question = Question { by, top, cover: asked.cover, level: asked.level };
    DockerfilesReport::new(&read, refused, &question)
}

/// The bases as a table for programs.
fn separated(bases: &Ranking, separator: char) -> String {
    // A reference holds no separator and no quote, so that nothing needs to be quoted.
    let row = |tally: &TallyReport| {
        format!("{}{separator}{}{separator}{}\n", tally.name, tally.files, tally.owners)
    };
    let head = format!("base{separator}files{separator}owners\n");
    std::iter::once(head).chain(bases.top.iter().map(row)).collect()
}

/// The answer for people.
fn text_of(report: &DockerfilesReport, verbose: bool) -> String {
    let mut text = summary(report);
    for (heading, what, ranking) in [
        ("BASE", "base", &report.bases),
        ("NAME", "name", &report.names),
        ("COPIED FROM", "image", &report.used),
    ] {
        if ranking.top.is_empty() {
            continue;
        }
        text.push('\n');
        text.push_str(&ranking_text(heading, ranking));
        let hidden = ranking.distinct - ranking.top.len() as u64;
        if hidden > 0 {
            text.push_str(&format!("and {}\n", plural(hidden, &format!("other {what}"))));
        }
        if let Some(cover) = ranking.cover {
            let share = format!("{} of {} files", count(cover.files), count(cover.of));
            text.push_str(&format!(
                "{} % stand on {}: {share}\n",
                cover.percent,
                plural(cover.count, what)
            ));
        }
    }
    text.push_str(&tree_text(&report.tree, report.bases.top.len()));
    text.push_str(&refused_text(&report.refused, verbose));
    text
}

fn summary(report: &DockerfilesReport) -> String {
    let counts = report.counts;
    let mut text = format!(
        "{}: {} read, {} refused\n",
        plural(counts.files, "Dockerfile"),
        count(counts.read),
        count(counts.refused)
    );
    for numbers in [
        [
            ("base known", counts.known),
            ("variable without a value", counts.unresolved),
            ("word for a generator", counts.template_bases),
            ("no name of an image", counts.invalid),
        ]
        .as_slice(),
        &[
            ("several stages", counts.several_stages),
            ("templates", counts.templates),
            ("with problems", counts.with_problems),
        ],
    ] {
        let told: Vec<String> = numbers
            .iter()
            .enumerate()
            .filter(|(at, (_, number))| *at == 0 || *number > 0)
            .map(|(_, (what, number))| format!("{what}: {}", count(*number)))
            .collect();
        text.push_str(&format!("{}\n", told.join("; ")));
    }
    if let Some(level) = report.level {
        text.push_str(&format!("counted at level {level} of the tree of bases\n"));
    }
    text
}

fn ranking_text(heading: &str, ranking: &Ranking) -> String {
    let row =
        |tally: &TallyReport| vec![tally.name.clone(), count(tally.files), count(tally.owners)];
    text::table(&[heading, ">FILES", ">OWNERS"], ranking.top.iter().map(row).collect())
}

/// The trees of more than one base, the first of them.
fn tree_text(tree: &[TreeReport], shown: usize) -> String {
    let mut rows = Vec::new();
    let mut roots = 0;
    for (at, node) in tree.iter().enumerate() {
        let has_children = tree.get(at + 1).is_some_and(|next| next.level > node.level);
        if node.level == 0 {
            if !has_children {
                continue;
            }
            roots += 1;
        }
        if roots > shown {
            break;
        }
        let name = format!("{}{}", "  ".repeat(node.level), node.base);
        rows.push(vec![name, count(node.files), count(node.below)]);
    }
    if rows.is_empty() {
        return String::new();
    }
    format!("\n{}", text::table(&["TREE OF BASES", ">FILES", ">IN ALL"], rows))
}

/// The files that were refused, by reason.
fn refused_text(refused: &[RefusedReport], verbose: bool) -> String {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in refused {
        reasons.entry(&file.reason).or_default().push(&file.path);
    }
    let mut text = String::new();
    for (reason, paths) in reasons {
        let shown = if verbose { paths.len() } else { SHOWN_REFUSED };
        text.push_str(&format!(
            "\nrefused, {}: {}\n",
            text::printable(reason),
            plural(paths.len() as u64, "file")
        ));
        for path in paths.iter().take(shown) {
            text.push_str(&format!("  {}\n", text::printable(path)));
        }
        if paths.len() > shown {
            let more = paths.len() - shown;
            text.push_str(&format!("  and {} more (-v, or --json)\n", count(more as u64)));
        }
    }
    text
}
