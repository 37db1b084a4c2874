//! Where answers go: `-o FORMAT[=FILE]`, and standard output for the first that names no file.

use crate::args::{Global, When};
use crate::error::CliError;
use crate::new_file::{NewFile, cannot_write};
use crate::stream::Streams;
use crate::text::{on_terminal, printable_lines};
use anstream::{AutoStream, ColorChoice};
use serde_json::Value;
use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;
use std::str::FromStr;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// Comma-separated values.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// One self-contained page.
    Html,
    /// A vector picture.
    Svg,
    /// A pixel picture.
    Png,
    /// Inventories.
    Oski,
    /// Sketches of images.
    Sketches,
    /// A graph in the language of Graphviz.
    Dot,
    /// A graph as XML.
    Graphml,
    /// A bill of materials, `CycloneDX` 1.6 in JSON.
    Cyclonedx,
    /// A bill of materials, SPDX 2.3 in JSON.
    Spdx,
}

impl Format {
    const ALL: [(Self, &'static str); 13] = [
        (Self::Text, "text"),
        (Self::Json, "json"),
        (Self::Csv, "csv"),
        (Self::Tsv, "tsv"),
        (Self::Html, "html"),
        (Self::Svg, "svg"),
        (Self::Png, "png"),
        (Self::Oski, "oski"),
        (Self::Sketches, "sketches"),
        (Self::Dot, "dot"),
        (Self::Graphml, "graphml"),
        (Self::Cyclonedx, "cyclonedx"),
        (Self::Spdx, "spdx"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(format, _)| *format == self).map_or("", |(_, name)| name)
    }
}

/// One `-o`.
#[derive(Clone, Debug)]
pub(crate) struct OutputSpec {
    format: Format,
    file: Option<PathBuf>,
}

impl OutputSpec {
    /// A format that goes into a file.
    pub(crate) fn file(format: Format, file: &str) -> Self {
        Self { format, file: Some(PathBuf::from(file)) }
    }
}

impl FromStr for OutputSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            // As with `paths:-`, this is the standard stream.
            Some((name, "-")) => (name, None),
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let found = Format::ALL.into_iter().find(|(_, known)| *known == name);
        let (format, _) = found.ok_or_else(|| {
            let names: Vec<&str> = Format::ALL.iter().map(|(_, name)| *name).collect();
            format!("unknown format {name:?}, one of {}", names.join(", "))
        })?;
        if file.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
            return Err("the file name behind = is empty".into());
        }
        Ok(Self { format, file })
    }
}

/// The outputs of a command, checked against what it can write.
#[derive(Debug)]
pub(crate) struct Outputs {
    specs: Vec<OutputSpec>,
    color: ColorChoice,
}

impl Outputs {
    /// Collects what was asked for; the first of `formats` is taken if nothing was.
    pub(crate) fn new(global: &Global, formats: &[Format]) -> Result<Self, CliError> {
        Self::of(global, global.output.clone(), formats)
    }

    /// As [`new`](Self::new), with the outputs of a command that has its own default.
    pub(crate) fn of(
        global: &Global,
        mut specs: Vec<OutputSpec>,
        formats: &[Format],
    ) -> Result<Self, CliError> {
        if global.json {
            specs.push(OutputSpec { format: Format::Json, file: None });
        }
        if let (true, Some(&format)) = (specs.is_empty(), formats.first()) {
            specs.push(OutputSpec { format, file: None });
        }
        if let Some(spec) = specs.iter().find(|spec| !formats.contains(&spec.format)) {
            let names: Vec<&str> = formats.iter().map(|format| format.name()).collect();
            let message = format!("this command does not write {}", spec.format.name());
            return Err(CliError::new(message).hint(format!("it writes {}", names.join(", "))));
        }
        if specs.iter().filter(|spec| spec.file.is_none()).count() > 1 {
            let hint = "give all but one a file, as in -o json=FILE";
            return Err(CliError::new("two outputs would mix on standard output").hint(hint));
        }
        Ok(Self { specs, color: color_of(global.color.unwrap_or_default()) })
    }

    /// The files that are written.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.specs.iter().filter_map(|spec| spec.file.as_ref())
    }

    /// Whether a JSON document is among them.
    pub(crate) fn is_json(&self) -> bool {
        self.specs.iter().any(|spec| spec.format == Format::Json)
    }

    /// Writes each output as `render` gives it.
    pub(crate) fn write(
        &self,
        mut render: impl FnMut(Format) -> Result<Vec<u8>, CliError>,
    ) -> Result<(), CliError> {
        for spec in &self.specs {
            let columns = match spec {
                OutputSpec { format: Format::Text, file: None } => terminal_columns(),
                _ => None,
            };
            let content = on_terminal(columns, || render(spec.format))?;
            match &spec.file {
                Some(file) => write_file(file, &content)?,
                None if spec.format == Format::Text => {
                    let mut stdout = AutoStream::new(std::io::stdout().lock(), self.color);
                    stdout.write_all(&content)?;
                    stdout.flush()?;
                }
                None => {
                    let mut stdout = std::io::stdout().lock();
                    let is_text = matches!(
                        spec.format,
                        Format::Csv
                            | Format::Tsv
                            | Format::Json
                            | Format::Dot
                            | Format::Graphml
                            | Format::Cyclonedx
                            | Format::Spdx
                    );
                    // What goes into a file or pipe is exact, names of images and all.
                    if is_text && stdout.is_terminal() {
                        let shown = printable_lines(&String::from_utf8_lossy(&content));
                        stdout.write_all(shown.as_bytes())?;
                    } else {
                        stdout.write_all(&content)?;
                    }
                    stdout.flush()?;
                }
            }
        }
        Ok(())
    }

    /// Opens all outputs, to be written piece by piece; those of text for people are not among them.
    pub(crate) fn open(&self) -> Result<Streams, CliError> {
        let mut streams = Streams::default();
        for spec in &self.specs {
            streams.open(spec.file.as_deref())?;
        }
        Ok(streams)
    }

    /// The formats of the outputs, in the order of [`open`](Self::open).
    pub(crate) fn formats(&self) -> impl Iterator<Item = Format> {
        self.specs.iter().map(|spec| spec.format)
    }

    /// Writes each output piece by piece; for what may be too large to be held.
    ///
    /// `write` gets what turns its errors of writing into those of the command.
    pub(crate) fn stream(
        &self,
        mut write: impl FnMut(
            &mut dyn Write,
            &dyn Fn(std::io::Error) -> CliError,
        ) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        for spec in &self.specs {
            if let Some(file) = &spec.file {
                let failed = |error| cannot_write(file, &error);
                let mut new = NewFile::create(file)?;
                let mut out = BufWriter::new(&mut new);
                write(&mut out, &failed)?;
                out.flush().map_err(failed)?;
                drop(out);
                new.finish()?;
            } else {
                let mut out = BufWriter::new(std::io::stdout().lock());
                write(&mut out, &CliError::from)?;
                out.flush()?;
            }
        }
        Ok(())
    }

    /// Writes an answer that is text for people or a JSON document.
    pub(crate) fn answer(&self, report: &Value, text: impl Fn() -> String) -> Result<(), CliError> {
        self.write(|format| match format {
            Format::Json => Ok(json_bytes(report)),
            _ => Ok(text().into_bytes()),
        })
    }
}

/// Writes a file, as a whole or not at all, naming it in the error.
pub(crate) fn write_file(name: &std::path::Path, content: &[u8]) -> Result<(), CliError> {
    let mut file = NewFile::create(name)?;
    file.write(content)?;
    file.finish()
}

/// How wide standard output is, if it is a terminal.
fn terminal_columns() -> Option<usize> {
    let stdout = std::io::stdout();
    let size = stdout.is_terminal().then(|| terminal_size::terminal_size_of(stdout)).flatten();
    // Some pretend to have no column at all.
    size.map(|(width, _)| usize::from(width.0)).filter(|columns| *columns > 0)
}

fn color_of(when: When) -> ColorChoice {
    match when {
        When::Auto => AutoStream::choice(&std::io::stdout()),
        When::Always => ColorChoice::Always,
        When::Never => ColorChoice::Never,
    }
}

/// A report as a value, ready to be written or taken apart.
pub(crate) fn value_of(report: &impl serde::Serialize) -> Result<Value, CliError> {
    serde_json::to_value(report)
        .map_err(|error| CliError::new(format!("cannot make JSON: {error}")))
}

/// A JSON document as it is printed.
pub(crate) fn json_bytes(value: &Value) -> Vec<u8> {
    let mut bytes = format!("{value:#}").into_bytes();
    bytes.push(b'\n');
    bytes
}
