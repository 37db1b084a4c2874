//! `oskin add` and `oskin import`: images into the catalog, one line each.

use super::catalog_path;
use crate::args::{Adding, Global, Reading};
use crate::error::{CliError, INCOMPLETE, TROUBLE, of_reference};
use crate::images::Workspace;
use crate::output::{Format, Outputs, value_of};
use crate::source_list;
use crate::text;
use oskin::catalog::{Added, Catalog, CatalogError};
use oskin::image::ImageRecord;
use oskin::ingest::{self, IngestError, Outcome, Place, Rules, Told};
use oskin::report::{
    ADDED, AddReport, AddSummary, AddedImage, FailedSource, ImageSummary, REPLACED, UNCHANGED,
};
use oskin::source::{self, Pick, ReadOptions, SourceError, SourceSpec, Transport};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How many warnings of an image are shown unless all are asked for.
const SHOWN_WARNINGS: usize = 5;

/// What is to be added.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) sources: &'a [OsString],
    pub(super) name: Option<&'a str>,
    pub(super) adding: Adding,
}

/// A source, and how to speak of it.
#[derive(Debug)]
struct Item {
    wanted: ingest::Wanted,
    // As it was asked for.
    text: String,
    // Where it stands, if that is a list.
    line: Option<usize>,
}

/// Adds sources; a bad one is reported and the rest goes on.
pub(super) fn run(
    global: &Global,
    wanted: &Wanted<'_>,
    reading: Reading,
) -> Result<ExitCode, CliError> {
    let adding = &wanted.adding;
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let items = items(wanted)?;
    let path = catalog_path(global)?;
    let workspace = Workspace::new(path.clone(), reading, global.quiet);
    let options = workspace.options(adding.all);
    let mut catalog = Catalog::open_or_create(&path)?;
    let mut run = Run {
        global,
        workspace: &workspace,
        list: adding.from_file.as_deref(),
        streams: !outputs.is_json(),
        added: Vec::new(),
        failed: Vec::new(),
        last: None,
    };
    let items = if adding.all_tags { run.tags(items, &options) } else { items };
    run.begin(&items);
    let rules = Rules { jobs: adding.jobs, replace: adding.replace };
    let sources: Vec<ingest::Wanted> = items.iter().map(|item| item.wanted.clone()).collect();
    ingest::add_all(&mut catalog, &sources, rules, &options, |at, told| {
        run.tell(&items[at], at, told)
    })?;
    workspace.bar().finish();
    run.finish(&outputs)
}

/// Adds all images of `.oski` files.
pub(super) fn import(global: &Global, files: &[PathBuf]) -> Result<ExitCode, CliError> {
    let prefixed = |file: &PathBuf| {
        let mut source = OsString::from("oski:");
        source.push(file);
        source
    };
    let sources: Vec<OsString> = files.iter().map(prefixed).collect();
    let adding = Adding { all: true, ..Adding::default() };
    run(global, &Wanted { sources: &sources, name: None, adding }, Reading::default())
}

/// The sources that were typed, and those of the list.
fn items(wanted: &Wanted<'_>) -> Result<Vec<Item>, CliError> {
    let Wanted { sources, name, adding } = wanted;
    if name.is_some() && (adding.all || adding.from_file.is_some() || sources.len() > 1) {
        return Err(CliError::new("--name names one image, but several are to be added"));
    }
    if name.is_some_and(str::is_empty) {
        return Err(CliError::new("--name is empty: nothing could name that image"));
    }
    let item = |source: &OsString, name: Option<String>, line| Item {
        wanted: ingest::Wanted { place: Place::Text(source.clone()), name },
        text: source.to_string_lossy().into_owned(),
        line,
    };
    let typed = sources.iter().map(|source| item(source, name.map(str::to_owned), None));
    let mut items: Vec<Item> = typed.collect();
    input_is_read_once(&items, adding)?;
    if let Some(file) = &adding.from_file {
        for line in source_list::read(file)? {
            if line.name.is_some() && (adding.all || adding.all_tags) {
                let what = "the name is for one image, but several are to be added";
                let text = format!("{}:{}: {what}", file.display(), line.number);
                return Err(CliError::new(text).hint("leave out the name, or --all and --all-tags"));
            }
            items.push(item(&line.source, line.name, Some(line.number)));
        }
    }
    input_is_read_once(&items, adding)?;
    Ok(items)
}

/// Refuses what would read standard input again after its end.
fn input_is_read_once(items: &[Item], adding: &Adding) -> Result<(), CliError> {
    let is_input = |item: &&Item| item.text.ends_with(":-") || item.text.contains(":-:");
    let is_list = adding.from_file.as_deref() == Some(Path::new("-"));
    if items.iter().filter(is_input).count() + usize::from(is_list) > 1 {
        return Err(CliError::new("standard input can be read once only"));
    }
    Ok(())
}

/// A source as it would be typed.
fn typed(spec: &SourceSpec) -> String {
    let location = spec.location.to_string_lossy();
    let reference = match &spec.pick {
        Pick::Only => String::new(),
        Pick::Reference(reference) => format!(":{reference}"),
        Pick::Index(index) => format!(":@{index}"),
    };
    match spec.transport {
        Transport::Docker => format!("docker://{location}{reference}"),
        other => format!("{other}:{location}{reference}"),
    }
}

struct Run<'a> {
    global: &'a Global,
    workspace: &'a Workspace,
    // The list that sources come from.
    list: Option<&'a Path>,
    // Whether each image is told as soon as it is in.
    streams: bool,
    added: Vec<AddedImage>,
    failed: Vec<FailedSource>,
    // The source of the image that was told last.
    last: Option<usize>,
}

impl Run<'_> {
    /// The tags of the repositories. What is none fails.
    fn tags(&mut self, items: Vec<Item>, options: &ReadOptions<'_>) -> Vec<Item> {
        let mut all = Vec::new();
        for item in items {
            let specs = match &item.wanted.place {
                Place::Spec(spec) => source::tags(spec, options),
                Place::Text(text) => {
                    SourceSpec::parse(text).and_then(|spec| source::tags(&spec, options))
                }
            };
            match specs {
                Ok(specs) => all.extend(specs.into_iter().map(|spec| Item {
                    text: typed(&spec),
                    wanted: ingest::Wanted { place: Place::Spec(spec), name: None },
                    line: item.line,
                })),
                Err(error) => self.failure(&item, &item.text, &error.into()),
            }
        }
        all
    }

    /// Shows what is to come.
    fn begin(&self, items: &[Item]) {
        match items {
            [item] => self.workspace.bar().name(&item.text),
            items => self.workspace.bar().count_images(items.len()),
        }
    }

    /// Tells what became of a source or an image. Fails only if nobody can be told any more.
    fn tell(&mut self, item: &Item, at: usize, told: Told<'_>) -> Result<(), CliError> {
        match told {
            Told::Understood(spec) => {
                self.understood(item, spec);
                return Ok(());
            }
            Told::Failed(error) => {
                self.failure(item, &item.text, &explained(error));
            }
            Told::Image { name, result } => {
                if self.last.replace(at) == Some(at) {
                    self.workspace.bar().one_more();
                }
                let is_well = result.is_ok();
                match result {
                    Ok(outcome) => self.success(&outcome)?,
                    Err(error) if item.text.contains(name) => {
                        self.failure(item, &item.text, &self.refused(item, error));
                    }
                    Err(error) => {
                        let place = format!("{} ({name})", item.text);
                        self.failure(item, &place, &self.refused(item, error));
                    }
                }
                self.workspace.bar().done(is_well);
                return Ok(());
            }
        }
        self.workspace.bar().done(false);
        Ok(())
    }

    fn understood(&self, item: &Item, spec: &SourceSpec) {
        if self.global.verbose {
            let text = text::printable(&item.text);
            let line = format!("{text}: read as {}\n", spec.transport.name());
            self.workspace.bar().suspend(|| drop(anstream::stderr().write_all(line.as_bytes())));
        }
    }

    fn success(&mut self, outcome: &Outcome) -> Result<(), CliError> {
        let (word, record) = match &outcome.added {
            Added::New(record) => (ADDED, record),
            Added::Unchanged(record) => (UNCHANGED, record),
            Added::Replaced(record) => (REPLACED, record),
        };
        let Outcome { layers_read, layers, stored_bytes, .. } = *outcome;
        let image = ImageSummary::new(record);
        if self.streams {
            let name = text::printable(&image.name);
            let packages = image
                .packages
                .filter(|packages| *packages > 0 || image.packages_only)
                .map(|packages| text::plural(packages, "package"));
            let line = match packages {
                Some(packages) if image.packages_only => format!("{word:<9}  {name}  {packages}\n"),
                packages => format!(
                    "{word:<9}  {name}  {}, {}, {}{}; {layers_read} of {} read{}\n",
                    text::plural(image.files, "file"),
                    text::plural(image.directories, "directory").replace("ys", "ies"),
                    text::bytes(image.size_bytes),
                    packages.map(|packages| format!(", {packages}")).unwrap_or_default(),
                    text::plural(layers as u64, "layer"),
                    if image.incomplete.is_some() { "; incomplete" } else { "" },
                ),
            };
            let written = self.workspace.bar().suspend(|| {
                let mut stdout = std::io::stdout().lock();
                stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush())
            });
            match written {
                // Whoever read has seen enough, but all images are still wanted in the catalog.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                    self.streams = false;
                }
                other => other?,
            }
        }
        if word != UNCHANGED {
            self.warn(record);
        }
        let stored_bytes_read = stored_bytes;
        self.added.push(AddedImage {
            outcome: word,
            layers_read,
            layers,
            stored_bytes_read,
            image,
        });
        Ok(())
    }

    fn warn(&self, record: &ImageRecord) {
        if self.global.quiet {
            return;
        }
        let shown = if self.global.verbose { usize::MAX } else { SHOWN_WARNINGS };
        let mut lines = String::new();
        for (place, what) in record.warnings.iter().take(shown) {
            // Most places begin with the file, and that is what the image is called by.
            let line = match place.contains(&record.name) {
                true => format!("warning: {place}: {what}"),
                false => format!("warning: {}: {place}: {what}", record.name),
            };
            lines.push_str(&text::printable(&line));
            lines.push('\n');
        }
        if record.warnings.len() > shown {
            let more = record.warnings.len() - shown;
            lines.push_str(&format!(
                "warning: {}: {more} more (`oskin show`, or -v)\n",
                text::printable(&record.name)
            ));
        }
        self.workspace.bar().suspend(|| drop(anstream::stderr().write_all(lines.as_bytes())));
    }

    /// Why an image was not added. Names in a list are not given by `--name`.
    fn refused(&self, item: &Item, error: IngestError) -> CliError {
        let line = item.line.zip(self.list);
        if let (IngestError::Catalog(CatalogError::NameTaken { .. }), Some((line, list))) =
            (&error, line)
        {
            return CliError::new(error.to_string()).hint(format!(
                "write a tab and another name behind it in line {line} of {}, or put it in the place of that image with --replace",
                list.display()
            ));
        }
        error.into()
    }

    /// Tells of a failure, with its line if it comes from a list.
    fn failure(&mut self, item: &Item, place: &str, error: &CliError) {
        let line = item.line.zip(self.list).map(|(line, list)| (list.display(), line));
        self.workspace.bar().suspend(|| {
            let place = match &line {
                Some((list, line)) => format!("{list}:{line}: {place}"),
                None => place.to_owned(),
            };
            error.print_for(&place, self.global.quiet);
        });
        let error = error.message();
        self.failed.push(FailedSource { source: place.to_owned(), line: item.line, error });
    }

    /// Sums up: to people where there was more than one image.
    fn finish(self, outputs: &Outputs) -> Result<ExitCode, CliError> {
        let Self { global, list, added, failed, .. } = self;
        let code = match (added.is_empty(), failed.is_empty()) {
            (_, true) => ExitCode::SUCCESS,
            (true, false) => ExitCode::from(TROUBLE),
            (false, false) => ExitCode::from(INCOMPLETE),
        };
        if outputs.is_json() {
            outputs.answer(&value_of(&AddReport::new(added, failed))?, String::new)?;
        } else if !global.quiet && (list.is_some() || added.len() + failed.len() > 1) {
            let line = summary(&AddSummary::new(&added, failed.len()));
            drop(anstream::stderr().write_all(line.as_bytes()));
        }
        Ok(code)
    }
}

/// The run in a line.
fn summary(it: &AddSummary) -> String {
    let counts = [
        (it.added, ADDED),
        (it.replaced, REPLACED),
        (it.unchanged, UNCHANGED),
        (it.failed, "failed"),
    ];
    let told = counts.iter().filter(|(count, word)| *count > 0 || *word == ADDED);
    let told: Vec<String> =
        told.map(|(count, word)| format!("{} {word}", text::count(*count as u64))).collect();
    let incomplete = match it.incomplete {
        0 => String::new(),
        count => format!(" ({} incomplete)", text::count(count as u64)),
    };
    let bytes = match it.stored_bytes_read {
        0 => String::new(),
        bytes => format!(" ({})", text::bytes(bytes)),
    };
    format!(
        "{}{incomplete}; {} read{bytes}, {} reused\n",
        told.join(", "),
        text::plural(it.layers_read as u64, "layer"),
        text::count(it.layers_reused as u64),
    )
}

/// What is not there and has no hint yet gets one.
fn explained(error: IngestError) -> CliError {
    let place = match &error {
        IngestError::Source(SourceError::NotFound { hint: None, place }) => place.clone(),
        _ => return error.into(),
    };
    let error = CliError::from(error);
    if let Some(hint) = of_reference(&place) {
        return error.hint(hint);
    }
    error.hint("`oskin --help` lists the transports that a location may begin with")
}
