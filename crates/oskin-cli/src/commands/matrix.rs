//! `oskin matrix`: all pairs as a table, or a list of the nearest.

use super::workspace;
use crate::args::{Global, Listing, Measuring, Reading};
use crate::error::CliError;
use crate::output::{Format, Outputs};
use oskin::report::{PairsDocument, PairsForm, PairsKind};
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::process::ExitCode;

/// Measures all pairs and writes them as they come.
pub(super) fn run(
    global: &Global,
    images: &[OsString],
    (listing, measuring): (Listing, &Measuring),
    reading: Reading,
) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Csv, Format::Tsv, Format::Json])?;
    let method = measuring.method()?;
    // What cannot be written is told before the work.
    let mut workspace = workspace(global, reading)?;
    let mut streams = outputs.open()?;
    let (names, pairs) = workspace.similarities(images, &method)?;
    let kind = match (listing.top, listing.min) {
        (None, None) => PairsKind::Matrix,
        (top, min) => PairsKind::Nearest { top, min },
    };
    let document = |format| PairsDocument::new(&names, &method, kind, form_of(format));
    let mut documents: Vec<PairsDocument> = outputs.formats().map(document).collect();
    streams.write(|output, text| documents[output].begin(text))?;
    let flow = pairs.for_each_row(|row| {
        match streams.write(|output, text| documents[output].row(row, text)) {
            Ok(true) => ControlFlow::Continue(()),
            // All readers have gone.
            Ok(false) => ControlFlow::Break(Ok(())),
            Err(error) => ControlFlow::Break(Err(error)),
        }
    });
    if let ControlFlow::Break(stopped) = flow {
        stopped?;
    }
    streams.write(|output, text| documents[output].end(text))?;
    streams.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn form_of(format: Format) -> PairsForm {
    match format {
        Format::Json => PairsForm::Json,
        Format::Tsv => PairsForm::Separated(b'\t'),
        _ => PairsForm::Separated(b','),
    }
}
