//! One file a command.

mod add;
mod ancestors;
mod bases;
mod check;
mod classify;
mod common;
mod compare;
mod compare_packages;
mod demo;
mod descendants;
mod diff;
mod diff_text;
mod dockerfiles;
mod duplicates;
mod evaluate;
mod export;
mod family;
mod find;
mod gate;
mod generate;
mod heatmap;
mod layers;
mod lineage;
mod lineage_text;
mod ls;
mod matrix;
mod packages;
mod paths;
mod place;
mod sbom;
mod show;
mod sketch;
mod stale;
mod subtrees;
mod tags;
mod words;

use crate::args::{Cli, Command, Global, Reading};
use crate::config::Config;
use crate::error::CliError;
use crate::images::Workspace;
use etcetera::BaseStrategy as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Does what was asked for.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, CliError> {
    let Cli { mut global, mut command } = cli;
    if command.is_configured() {
        Config::load()?.fill(&mut global, command.reading());
    }
    match command {
        Command::Add { sources, name, adding, reading } => {
            let wanted = add::Wanted { sources: &sources, name: name.as_deref(), adding };
            add::run(&global, &wanted, reading)
        }
        Command::Import { files } => add::import(&global, &files),
        Command::Ls => ls::run(&global),
        Command::Show { image, reading } => show::run(&global, &image, reading),
        Command::Layers { asked } => layers::run(&global, &asked),
        Command::Rm { images } => ls::remove(&global, &images),
        Command::Check => check::run(&global),
        Command::Export { images, all } => export::run(&global, images, all),
        Command::Compare { left, right, asked, viewing, reading } => {
            compare::run(&global, [&left, &right], (asked, &viewing, reading))
        }
        Command::Subtrees { asked } => subtrees::run(&global, asked),
        Command::Diff { asked } => diff::run(&global, &asked),
        Command::Paths { asked, reading } => paths::run(&global, &asked, reading),
        Command::Classify { image, top, paths_only, walk_down, gates, measuring, reading } => {
            let method = &measuring.method_of_paths()?;
            let wanted = classify::Wanted { top, method, paths_only, walk_down };
            classify::run(&global, &image, (wanted, gates), reading)
        }
        Command::Matrix { images, listing, measuring, reading } => {
            matrix::run(&global, &images, (listing, &measuring), reading)
        }
        Command::Heatmap { images, measuring, reading } => {
            heatmap::run(&global, &images, &measuring, reading)
        }
        Command::Dockerfiles { places, by, top, cover, level, build_arg, names } => {
            let asked = dockerfiles::Asked { by, top, cover, level };
            let known = dockerfiles::Known { arguments: build_arg, names };
            dockerfiles::run(&global, &places, &asked, known)
        }
        Command::Lineage { images, paths_only, steps, fresh, reading } => {
            let asked = lineage::Asked { paths_only, steps, anew: fresh };
            lineage::run(&global, &images, asked, reading)
        }
        Command::Ancestors { image, gates, paths_only, reading } => {
            ancestors::run(&global, &image, gates, (paths_only, reading))
        }
        Command::Descendants { image, paths_only, reading } => {
            descendants::run(&global, &image, (paths_only, reading))
        }
        Command::Common { left, right, paths_only, reading } => {
            common::run(&global, [&left, &right], (paths_only, reading))
        }
        Command::Duplicates { paths_only } => duplicates::run(&global, paths_only),
        Command::Stale { image, paths_only, reading } => {
            stale::run(&global, image.as_deref(), (paths_only, reading))
        }
        Command::Bases { asked } => bases::run(&global, &asked),
        Command::Evaluate { asked } => evaluate::run(&global, &asked),
        Command::Find { asked } => find::run(&global, &asked),
        Command::Packages { asked } => packages::run(&global, asked),
        Command::Sbom { asked } => sbom::run(&global, asked),
        Command::Tags { asked } => tags::run(&global, &asked),
        Command::Words { asked } => words::run(&global, asked),
        Command::Sketch { command } => sketch::run(&global, command),
        Command::Demo { dir } => demo::run(&global, &dir),
        Command::CoreList => generate::core_list(),
        Command::Completions { shell } => generate::completions(shell),
        Command::Man { dir } => generate::man_pages(&dir),
    }
}

/// The workspace of a command.
fn workspace(global: &Global, reading: Reading) -> Result<Workspace, CliError> {
    Ok(Workspace::new(catalog_path(global)?, reading, global.quiet))
}

/// The catalog that was named, or the one of this user; a directory stands for the file in it.
fn catalog_path(global: &Global) -> Result<PathBuf, CliError> {
    let path = if let Some(path) = &global.catalog {
        path.clone()
    } else {
        let base = etcetera::base_strategy::Xdg::new().map_err(|_| {
            CliError::new("cannot tell where the catalog is: there is no home directory")
                .hint("name it with --catalog PATH")
        })?;
        base.data_dir().join("oskin").join("catalog.db")
    };
    Ok(if path.is_dir() { path.join("catalog.db") } else { path })
}
