//! `oskin add` and `oskin import`: images into the catalog, one line each.

use super::catalog_path;
use crate::args::{Global, Reading};
use crate::error::{CliError, INCOMPLETE, TROUBLE};
use crate::images::Workspace;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::catalog::{Added, Catalog};
use oskin::image::ImageRecord;
use oskin::ingest::{self, Outcome};
use oskin::report::{AddReport, AddedImage, FailedSource, ImageSummary};
use oskin::source::{self, ImageSource, ReadOptions, SourceError, SourceSpec};
use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// How many warnings of an image are shown unless all are asked for.
const SHOWN_WARNINGS: usize = 5;

/// What is to be added.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) sources: &'a [OsString],
    pub(super) name: Option<&'a str>,
    pub(super) all: bool,
}

/// Adds sources; a bad one is reported and the rest goes on.
pub(super) fn run(
    global: &Global,
    wanted: &Wanted<'_>,
    reading: Reading,
) -> Result<ExitCode, CliError> {
    if wanted.name.is_some() && (wanted.all || wanted.sources.len() > 1) {
        return Err(CliError::new("--name names one image, but several are to be added"));
    }
    if wanted.name.is_some_and(str::is_empty) {
        return Err(CliError::new("--name is empty: nothing could name that image"));
    }
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let path = catalog_path(global)?;
    let workspace = Workspace::new(path.clone(), reading, global.quiet);
    let mut run = Run {
        global,
        workspace: &workspace,
        catalog: Catalog::open_or_create(&path)?,
        streams: !outputs.is_json(),
        added: Vec::new(),
        failed: Vec::new(),
    };
    for source in wanted.sources {
        run.source(source, wanted)?;
    }
    let Run { added, failed, .. } = run;
    workspace.bar().finish();
    let code = match (added.is_empty(), failed.is_empty()) {
        (_, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::from(TROUBLE),
        (false, false) => ExitCode::from(INCOMPLETE),
    };
    if outputs.is_json() {
        outputs.answer(&value_of(&AddReport::new(added, failed))?, String::new)?;
    }
    Ok(code)
}

/// Adds all images of `.oski` files.
pub(super) fn import(global: &Global, files: &[PathBuf]) -> Result<ExitCode, CliError> {
    let prefixed = |file: &PathBuf| {
        let mut source = OsString::from("oski:");
        source.push(file);
        source
    };
    let sources: Vec<OsString> = files.iter().map(prefixed).collect();
    run(global, &Wanted { sources: &sources, name: None, all: true }, Reading::default())
}

struct Run<'a> {
    global: &'a Global,
    workspace: &'a Workspace,
    catalog: Catalog,
    // Whether each image is told as soon as it is in.
    streams: bool,
    added: Vec<AddedImage>,
    failed: Vec<FailedSource>,
}

impl Run<'_> {
    /// Adds the images of one source. Fails only if nobody can be told any more.
    fn source(&mut self, text: &OsStr, wanted: &Wanted<'_>) -> Result<(), CliError> {
        self.workspace.bar().name(&text.to_string_lossy());
        let options = self.workspace.options(wanted.all);
        let images = SourceSpec::parse(text).and_then(|spec| {
            if self.global.verbose {
                let text = text::printable(&text.to_string_lossy());
                let line = format!("{text}: read as {}\n", spec.transport.name());
                self.workspace
                    .bar()
                    .suspend(|| drop(anstream::stderr().write_all(line.as_bytes())));
            }
            source::open(&spec, &options)
        });
        match images {
            Ok(images) => {
                for image in &images {
                    self.image(text, image, (wanted.name, &options))?;
                }
                Ok(())
            }
            Err(error) => {
                let unexplained = matches!(error, SourceError::NotFound { hint: None, .. });
                let error = CliError::from(error);
                let hint = "`oskin --help` lists the transports that a location may begin with";
                let error = if unexplained { error.hint(hint) } else { error };
                self.failure(&text.to_string_lossy(), &error);
                Ok(())
            }
        }
    }

    fn image(
        &mut self,
        text: &OsStr,
        image: &ImageSource,
        (name, options): (Option<&str>, &ReadOptions<'_>),
    ) -> Result<(), CliError> {
        match ingest::add(&mut self.catalog, image, name, options) {
            Ok(outcome) => self.success(&outcome),
            Err(error) => {
                let text = text.to_string_lossy();
                let place = match text.contains(&image.name) {
                    true => text.into_owned(),
                    false => format!("{text} ({})", image.name),
                };
                self.failure(&place, &error.into());
                Ok(())
            }
        }
    }

    fn success(&mut self, outcome: &Outcome) -> Result<(), CliError> {
        let (word, record) = match &outcome.added {
            Added::New(record) => ("added", record),
            Added::Unchanged(record) => ("unchanged", record),
        };
        let Outcome { layers_read, layers, .. } = *outcome;
        let image = ImageSummary::new(record);
        if self.streams {
            let name = text::printable(&image.name);
            let packages = image.packages.map(|packages| text::plural(packages, "package"));
            let line = match packages {
                Some(packages) if image.packages_only => format!("{word:<9}  {name}  {packages}\n"),
                packages => format!(
                    "{word:<9}  {name}  {}, {}, {}{}; {layers_read} of {} read\n",
                    text::plural(image.files, "file"),
                    text::plural(image.directories, "directory").replace("ys", "ies"),
                    text::bytes(image.size_bytes),
                    packages.map(|packages| format!(", {packages}")).unwrap_or_default(),
                    text::plural(layers as u64, "layer"),
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
        if word == "added" {
            self.warn(record);
        }
        self.added.push(AddedImage { outcome: word, layers_read, layers, image });
        Ok(())
    }

    fn warn(&self, record: &ImageRecord) {
        if self.global.quiet {
            return;
        }
        let shown = if self.global.verbose { usize::MAX } else { SHOWN_WARNINGS };
        let mut lines = String::new();
        for (place, what) in record.warnings.iter().take(shown) {
            let line = format!("warning: {}: {place}: {what}", record.name);
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

    fn failure(&mut self, place: &str, error: &CliError) {
        let failed = FailedSource { source: place.to_owned(), error: error.message() };
        self.workspace.bar().suspend(|| error.print_for(place, self.global.quiet));
        self.failed.push(failed);
    }
}
