//! `oskin ls` and `oskin rm`.

use super::{catalog_path, workspace};
use crate::args::{Global, Reading};
use crate::error::CliError;
use crate::output::{Format, Outputs, value_of};
use crate::text;
use oskin::catalog::Catalog;
use oskin::report::{ListReport, RemoveReport};
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Lists the images.
pub(super) fn run(global: &Global) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let report = ListReport::new(&workspace(global, Reading::default())?.catalog()?.images()?);
    outputs.answer(&value_of(&report)?, || {
        let row = |image: &oskin::report::ImageSummary| {
            let os = image.os.as_ref().and_then(|os| os.pretty_name.clone().or(os.id.clone()));
            vec![
                image.name.clone(),
                text::count(image.files),
                text::count(image.directories),
                text::bytes(image.size_bytes),
                os.unwrap_or_default(),
                image.source.clone(),
            ]
        };
        let headings = ["NAME", ">FILES", ">DIRECTORIES", ">SIZE", "OS", "SOURCE"];
        text::table(&headings, report.images.iter().map(row).collect())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Removes images, all of them or none if one is not there.
pub(super) fn remove(global: &Global, names: &[String]) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let path = catalog_path(global)?;
    // Opened for reading first, so that a missing catalog is not made.
    let catalog = Catalog::open(&path)?;
    for name in names {
        catalog.image(name)?;
    }
    drop(catalog);
    let mut catalog = Catalog::open_or_create(&path)?;
    let names: BTreeSet<&String> = names.iter().collect();
    for name in &names {
        catalog.remove(name)?;
    }
    let report = RemoveReport::new(names.into_iter().cloned());
    outputs.answer(&value_of(&report)?, || {
        let line = |name: &String| format!("removed    {}\n", text::printable(name));
        report.removed.iter().map(line).collect()
    })?;
    Ok(ExitCode::SUCCESS)
}
