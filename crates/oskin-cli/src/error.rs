//! Errors become a message, hints and an exit code here and nowhere else.

use crate::text::printable;
use oskin::catalog::CatalogError;
use oskin::dockerfile::Reference;
use oskin::ingest::IngestError;
use oskin::oski::OskiError;
use oskin::sketch_file::SketchFileError;
use oskin::source::SourceError;
use oskin::view::ViewError;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// Two images differ, a check found something, or a gate failed.
pub(crate) const DIFFERENT: u8 = 1;
/// The command line is wrong, or something failed.
pub(crate) const TROUBLE: u8 = 2;
/// Some inputs could not be read; the rest was done.
pub(crate) const INCOMPLETE: u8 = 3;

/// Why a command could not be done.
#[derive(Debug)]
pub(crate) struct CliError {
    cause: anyhow::Error,
    hints: Vec<String>,
}

impl CliError {
    /// An error of the CLI itself.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { cause: anyhow::anyhow!(message.into()), hints: Vec::new() }
    }

    /// What is wrong with a file of sketches.
    pub(crate) fn of_sketches(file: &Path, error: SketchFileError) -> Self {
        let hint = match &error {
            SketchFileError::NotSketches => Some("`oskin sketch make` writes such files"),
            SketchFileError::TooNew { .. } => Some("use the oskin that wrote it, or a newer one"),
            SketchFileError::Damaged { .. } => Some(
                "copy it anew from where it is from, or write it anew with `oskin sketch make`",
            ),
            _ => None,
        };
        let cause = anyhow::Error::from(error).context(file.display().to_string());
        Self { cause, hints: hint.into_iter().map(str::to_owned).collect() }
    }

    /// Names the file in which something is wrong.
    pub(crate) fn within(self, file: &Path) -> Self {
        Self { cause: self.cause.context(file.display().to_string()), hints: self.hints }
    }

    /// Adds what the user can do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The message with all causes, in one line.
    pub(crate) fn message(&self) -> String {
        format!("{:#}", self.cause)
    }

    /// Whether the reader of our output has gone, as in `oskin ls | head`.
    fn is_broken_pipe(&self) -> bool {
        self.cause.chain().any(|cause| {
            let io = cause.downcast_ref::<std::io::Error>();
            io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
        })
    }

    /// Prints message and hints to standard error.
    pub(crate) fn print(&self, quiet: bool) -> ExitCode {
        if self.is_broken_pipe() {
            return ExitCode::SUCCESS;
        }
        self.write("", quiet);
        ExitCode::from(TROUBLE)
    }

    /// Prints message and hints of one of several inputs.
    pub(crate) fn print_for(&self, place: &str, quiet: bool) {
        // Errors of sources name them already, some in quotes.
        let message = self.message();
        let named = message.starts_with(&format!("{place}: "))
            || message.starts_with(&format!("{place:?}: "));
        let place = if named { String::new() } else { format!("{place}: ") };
        self.write(&place, quiet);
    }

    fn write(&self, place: &str, quiet: bool) {
        // Names of images and files stand in it, and those may hold anything.
        let mut text = format!("oskin: {}\n", printable(&format!("{place}{}", self.message())));
        for hint in self.hints.iter().filter(|_| !quiet) {
            text.push_str(&format!("hint: {}\n", printable(hint)));
        }
        // There is no one left to tell if standard error is gone.
        drop(anstream::stderr().write_all(text.as_bytes()));
    }
}

/// A hint for what may be the name of an image somewhere else; only a tag tells such a name from others.
pub(crate) fn of_reference(name: &str) -> Option<String> {
    let is_reference = name.contains(':') && Reference::parse(name).is_ok();
    is_reference.then(|| {
        format!(
            "if it is in a registry: docker://{name}; in the local engine: docker-daemon:{name}"
        )
    })
}

/// Prints what clap has to say: help and version are no errors.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    drop(error.print());
    if error.use_stderr() { ExitCode::from(TROUBLE) } else { ExitCode::SUCCESS }
}

impl From<ViewError> for CliError {
    fn from(error: ViewError) -> Self {
        Self { cause: error.into(), hints: Vec::new() }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self { cause: error.into(), hints: Vec::new() }
    }
}

impl From<SourceError> for CliError {
    fn from(error: SourceError) -> Self {
        let hints = error.hint().into_iter().collect();
        Self { cause: error.into(), hints }
    }
}

impl From<CatalogError> for CliError {
    fn from(error: CatalogError) -> Self {
        let hint = match &error {
            CatalogError::NotFound { .. } => Some("make one with `oskin add SOURCE...`"),
            CatalogError::NotACatalog { .. } => Some("name the catalog with --catalog PATH"),
            CatalogError::TooNew { .. } => Some("use the oskin that wrote it, or a newer one"),
            CatalogError::LogLeft { .. } => Some(
                "copy both to where you may write, or run `oskin check` as who may write there",
            ),
            CatalogError::NameTaken { .. } => Some(
                "choose another with --name NAME, or put it in the place of that image with --replace",
            ),
            CatalogError::NoSuchImage { .. } => Some(
                "`oskin ls` lists the images; a location is written transport:path, see `oskin --help`",
            ),
            error if error.is_damage() => Some("`oskin check` lists all that is damaged"),
            _ => None,
        };
        Self { hints: hint.into_iter().map(str::to_owned).collect(), cause: error.into() }
    }
}

impl From<IngestError> for CliError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Source(error) => error.into(),
            IngestError::Catalog(error) => error.into(),
            error @ IngestError::OneName { .. } => {
                let error = Self { cause: error.into(), hints: Vec::new() };
                error.hint("name one of them by its reference, or leave out the name")
            }
            other => Self { cause: other.into(), hints: Vec::new() },
        }
    }
}

impl From<OskiError> for CliError {
    fn from(error: OskiError) -> Self {
        Self { cause: error.into(), hints: Vec::new() }
    }
}
