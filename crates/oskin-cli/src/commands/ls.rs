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
    let has_packages = report.images.iter().any(|image| image.packages.is_some());
    let has_incomplete = report.images.iter().any(|image| image.incomplete.is_some());
    outputs.answer(&value_of(&report)?, || {
        let row = |image: &oskin::report::ImageSummary| {
            let os = image.os.as_ref().and_then(|os| os.pretty_name.clone().or(os.id.clone()));
            // What has no paths has no number of them either.
            let of_paths = |shown: String| if image.packages_only { "-".to_owned() } else { shown };
            let packages = image.packages.map_or_else(|| "-".to_owned(), text::count);
            let mut row = vec![
                image.name.clone(),
                of_paths(text::count(image.files)),
                of_paths(text::count(image.directories)),
                of_paths(text::bytes(image.size_bytes)),
            ];
            row.extend(has_packages.then_some(packages));
            let note = if image.incomplete.is_some() { "incomplete" } else { "" };
            row.extend(has_incomplete.then(|| note.to_owned()));
            row.extend([os.unwrap_or_default(), image.source.clone()]);
            row
        };
        let mut headings = vec!["NAME", ">FILES", ">DIRECTORIES", ">SIZE"];
        headings.extend(has_packages.then_some(">PACKAGES"));
        headings.extend(has_incomplete.then_some("NOTE"));
        headings.extend(["OS", "SOURCE"]);
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
