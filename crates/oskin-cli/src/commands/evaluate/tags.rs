//! `oskin evaluate --tags`: whether the own name of an image is among its first tags.

use super::text::{absent, interval_cells, tallies};
use crate::args::Evaluating;
use crate::commands::tags::{AllPaths, Tagged, Tags, table};
use crate::error::CliError;
use crate::images::{Found, Workspace};
use crate::output::{Format, Outputs, json_bytes, value_of};
use crate::text;
use crate::truth::Truth;
use oskin::report::{EvaluateTagsReport, JudgedTagsReport};
use oskin::software::programs::Table;
use oskin::software::tags::standing_out;
use std::collections::BTreeSet;
use std::ffi::OsStr;

/// Judges the tags of all images that are told of, and writes the figures.
pub(super) fn run(
    outputs: &Outputs,
    workspace: &mut Workspace,
    asked: &Evaluating,
    truth: &Truth,
) -> Result<(), CliError> {
    let report = judged(workspace, asked, truth)?;
    outputs.write(|format| match format {
        Format::Json => Ok(json_bytes(&value_of(&report)?)),
        Format::Csv => Ok(separated(&report, ',').into_bytes()),
        Format::Tsv => Ok(separated(&report, '\t').into_bytes()),
        _ => Ok(text_of(&report).into_bytes()),
    })
}

fn judged(
    workspace: &mut Workspace,
    asked: &Evaluating,
    truth: &Truth,
) -> Result<EvaluateTagsReport, CliError> {
    let kept = workspace.names_with_paths()?;
    let names: BTreeSet<&str> = kept.iter().map(|(_, name)| name.as_str()).collect();
    if !truth.images().any(|image| names.contains(image)) {
        return Err(CliError::new("no image of the known answers is in the catalog")
            .hint("`oskin ls` lists the names there are"));
    }
    let told: BTreeSet<&str> = truth.images().collect();
    let mut report = EvaluateTagsReport::new(asked.paths_only, asked.tags.leave_rules_out);
    report.absent_images =
        told.iter().filter(|image| !names.contains(*image)).map(|it| (*it).to_owned()).collect();
    report.absent = report.absent_images.len() as u64;
    let table = table(asked.tags.programs.as_deref())?;
    let all = AllPaths::of(workspace)?;
    for (_, name) in kept.iter().filter(|(_, name)| told.contains(name.as_str())) {
        if truth.is_base(name) {
            report.bases += 1;
            continue;
        }
        let Some(own) = own_names(name, truth) else {
            report.nameless += 1;
            continue;
        };
        workspace.bar().name(name);
        let parent = truth.ancestors(name).into_iter().find(|parent| names.contains(parent));
        let base = parent.map(|parent| workspace.find(OsStr::new(parent))).transpose()?;
        let found = workspace.find(OsStr::new(name))?;
        let judge = Judge { asked, table: &table, all: &all };
        match judge.image(workspace, &found, base, own)? {
            Some(image) => report.images.push(image),
            None => report.adding_nothing += 1,
        }
    }
    workspace.bar().finish();
    report.sum_up(&asked.tags.top);
    Ok(report)
}

/// What all images are judged by.
struct Judge<'a> {
    asked: &'a Evaluating,
    table: &'a Table,
    all: &'a AllPaths,
}

impl Judge<'_> {
    /// The tags of an image; `None` if it adds nothing.
    fn image(
        &self,
        workspace: &mut Workspace,
        found: &Found,
        base: Option<Found>,
        own: Vec<String>,
    ) -> Result<Option<JudgedTagsReport>, CliError> {
        let is_told = base.is_some();
        let less = self.asked.tags.leave_rules_out.then(|| self.table.without(&own));
        let table = less.as_ref().unwrap_or(self.table);
        let paths_only = self.asked.paths_only;
        let image = Tagged { found, base, table, all: self.all, paths_only };
        let Tags { base, added, all } = image.tags(workspace)?;
        let base_by = match &base {
            Some(_) if is_told => "truth",
            Some(_) => "found",
            None => "none",
        };
        let tags = (&all[..], standing_out(&all).len());
        let judged = JudgedTagsReport::new((found.name(), own), (base, base_by), added, tags);
        // Directories alone are an empty image that something was mounted in.
        Ok((added > 0 && found.record().files > 0).then_some(judged))
    }
}

/// What an image may be called, in lower case: the last part of its name, and what is told; `None` if it is told to be
/// for no software.
fn own_names(image: &str, truth: &Truth) -> Option<Vec<String>> {
    let mut names = vec![own_name(image).to_lowercase()];
    for word in truth.words(image)? {
        let word = word.to_lowercase();
        if !names.contains(&word) {
            names.push(word);
        }
    }
    Some(names)
}

/// `nginx` of `library/nginx:1.11.8` or `nginx@sha256:...`.
fn own_name(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once(':').map_or(last, |(name, _)| name)
}

fn text_of(report: &EvaluateTagsReport) -> String {
    let mut text = format!("{} judged", text::plural(report.judged, "image"));
    text.push_str(&absent(report.absent, &report.absent_images));
    let by = &report.base_by;
    text.push_str(&format!(
        ".\nTheir bases: {} stated, {} found, {} on nothing that is known.\n",
        text::count(by.truth),
        text::count(by.found),
        text::count(by.none)
    ));
    let left_out = [
        (report.bases, "known to stand on nothing"),
        (report.nameless, "for no software"),
        (report.adding_nothing, "without files of their own"),
    ];
    let left_out: Vec<String> = left_out
        .iter()
        .filter(|(images, _)| *images > 0)
        .map(|(images, why)| format!("{} {why}", text::count(*images)))
        .collect();
    if !left_out.is_empty() {
        text.push_str(&format!("Not judged: {}.\n", left_out.join(", ")));
    }
    let row = |it: &oskin::report::FirstTagsReport| {
        interval_cells(&format!("own name among the first {}", it.tags), &it.share)
    };
    text.push('\n');
    let headings = ["", ">RIGHT", ">SHARE", ">95 % INTERVAL"];
    text.push_str(&text::table(&headings, report.first.iter().map(row).collect()));
    if let Some(median) = report.shown_median {
        text.push_str(&format!("\nTags shown, median: {median}. "));
    }
    text.push_str("The interval holds the true share in 95 of 100 cases (Wilson).\n");
    text.push_str(&misses(report));
    text
}

/// The images whose name does not come among the fewest tags that were asked for, the worst first.
fn misses(report: &EvaluateTagsReport) -> String {
    let Some(fewest) = report.first.first().map(|it| it.tags) else { return String::new() };
    let is_missed = |it: &&JudgedTagsReport| it.rank.is_none_or(|rank| rank > fewest);
    let mut missed: Vec<&JudgedTagsReport> = report.images.iter().filter(is_missed).collect();
    if missed.is_empty() {
        return String::new();
    }
    missed.sort_by_key(|it| std::cmp::Reverse(it.rank.unwrap_or(u64::MAX)));
    let row = |it: &&JudgedTagsReport| {
        let place = match (it.rank, it.rank_of_all) {
            (Some(rank), _) => rank.to_string(),
            (None, Some(rank)) => format!("({rank})"),
            (None, None) => "-".to_owned(),
        };
        let base = it.base.clone().unwrap_or_else(|| "-".to_owned());
        vec![it.name.clone(), it.names.join(", "), place, base, it.tags.join(", ")]
    };
    let rows = missed.iter().map(row).collect();
    let table = text::table(&["MISSED", "OWN NAME", ">PLACE", "ON TOP OF", "TAGS SHOWN"], rows);
    format!(
        "\n{table}\nA place in ( ) is one among the tags that do not stand out (`oskin tags --all`).\n"
    )
}

/// The figures, one a line.
fn separated(report: &EvaluateTagsReport, separator: char) -> String {
    let row = |it: &oskin::report::FirstTagsReport| (format!("first {}", it.tags), it.share);
    tallies(report.first.iter().map(row), separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_are_the_last_part_and_what_is_told() {
        for (image, name) in [
            ("library/nginx:1.11.8", "nginx"),
            ("host:5000/a/b", "b"),
            ("nginx@sha256:ab", "nginx"),
            ("host:5000/a/b:1@sha256:ab", "b"),
            ("x", "x"),
        ] {
            assert_eq!(own_name(image), name);
        }
        let table = "image\tparent\tsoftware\na/Go:1\t?\tgolang, GO\nb\t?\t-\nc\t?\t\n";
        let truth = Truth::parse(table).unwrap();
        assert_eq!(own_names("a/Go:1", &truth).unwrap(), ["go", "golang"]);
        assert_eq!(
            (own_names("b", &truth), own_names("c", &truth).unwrap()),
            (None, vec!["c".to_owned()])
        );
    }
}
