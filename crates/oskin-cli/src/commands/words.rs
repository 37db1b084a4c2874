//! `oskin words`: what makes an image special.

use super::workspace;
use crate::args::{AskedWords, Global};
use crate::error::CliError;
use crate::images::{Found, Workspace};
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::ingest::ForeignPaths;
use oskin::measure::corpus::{Bag, Frequencies, PathWords, Vocabulary, Words, special_words};
use oskin::path_set::{PathId, PathSet, Selection};
use oskin::report::{WordReport, WordsReport};
use std::process::ExitCode;

/// How many words of those told beside another are shown to people.
const SHOWN: usize = 3;

/// Tells the words that make an image special.
pub(super) fn run(global: &Global, asked: AskedWords) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let AskedWords { image, against, top, reading } = asked;
    let mut workspace = workspace(global, reading)?;
    // Without a catalog nothing is rare.
    workspace.catalog()?;
    let image = workspace.find(&image)?;
    let against = against.map(|other| workspace.find(&other)).transpose()?;
    let report = report(&mut workspace, (&image, against.as_ref()), top)?;
    outputs.answer(&value_of(&report)?, || text_of(&report))?;
    Ok(ExitCode::SUCCESS)
}

fn report(
    workspace: &mut Workspace,
    (image, against): (&Found, Option<&Found>),
    top: usize,
) -> Result<WordsReport, CliError> {
    workspace.names_with_paths()?;
    workspace.catalog()?.at_one_moment(|catalog| {
        let names = catalog.names_with_paths()?;
        let ids: Vec<i64> = names.iter().map(|(id, _)| *id).collect();
        let mut sets = catalog.path_sets(&ids, Selection::Both)?;
        let mut foreign = ForeignPaths::new(Some(catalog))?;
        let mut set_of = |found: &Found| match found {
            Found::Kept(record) => Ok(catalog.path_set(record.id, Selection::Both)?),
            Found::Read(read) => {
                let [files, directories] = foreign.path_sets(&read.inventory)?;
                let set = files.union(&directories);
                sets.push(set.clone());
                Ok::<_, CliError>(set)
            }
        };
        let own = set_of(image)?;
        let documents = match against {
            Some(other) => own.difference(&set_of(other)?),
            None => own,
        };
        let all = union(&sets);
        let mut vocabulary = Vocabulary::new(Words::NamesAndParts);
        let mut words = PathWords::default();
        for (id, path) in all.ids().zip(foreign.texts(&all)?.iter()) {
            words.push(id, &vocabulary.words_of(path));
        }
        let mut frequencies = Frequencies::default();
        for set in &sets {
            frequencies.add(&Bag::of_set(set, &words));
        }
        let found = special_words(documents.ids().map(|id| words.of(id)), &frequencies, top);
        let texts = foreign.texts(&documents)?;
        let counts = (u64::from(frequencies.images()), documents.len());
        Ok(WordsReport::new(
            (image.name(), against.map(Found::name)),
            counts,
            (&found, &vocabulary),
            |document| texts.get(document as usize).unwrap_or_default(),
        ))
    })
}

/// The ids of all sets. O(ids of all), whereas many unions would cost their runs again and again.
fn union(sets: &[PathSet]) -> PathSet {
    let mut has: Vec<bool> = Vec::new();
    for run in sets.iter().flat_map(PathSet::runs) {
        let (first, end) = (run.first as usize, run.first as usize + run.len as usize);
        has.resize(has.len().max(end), false);
        has[first..end].fill(true);
    }
    PathSet::from_ascending((0..).zip(has).filter(|(_, has)| *has).map(|(id, _)| PathId(id)))
}

fn text_of(report: &WordsReport) -> String {
    let paths = text::plural(report.paths, "path");
    let mut text = match &report.against {
        Some(other) => format!("{}: {paths} that {other} has not", report.name),
        None => format!("{}: {paths}", report.name),
    };
    text = text::printable(&text);
    text.push_str(&format!(", among {}\n", text::plural(report.images, "image")));
    if report.words.is_empty() {
        text.push_str(match report.paths {
            0 => "there is no path to tell of\n",
            _ => "no word sets it apart: the other images have all of them\n",
        });
        return text;
    }
    let row = |it: &WordReport| {
        let also: Vec<&str> = it.also.iter().take(SHOWN).map(String::as_str).collect();
        let more = it.also_count.saturating_sub(also.len() as u64);
        let mut also = also.join(", ");
        if more > 0 {
            also.push_str(&format!(", {} more", text::count(more)));
        }
        vec![
            it.word.clone(),
            text::count(it.count),
            text::count(it.in_images),
            format!("{:.1}", it.weight),
            it.example.clone(),
            also,
        ]
    };
    let headings = ["WORD", ">PATHS", ">IMAGES", ">WEIGHT", "AS IN", "AND"];
    text.push('\n');
    text.push_str(&text::table(&headings, report.words.iter().map(row).collect()));
    text
}
