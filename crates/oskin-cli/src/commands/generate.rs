//! What oskin prints of itself: the core list, completions, manual pages.

use crate::args::Cli;
use crate::error::CliError;
use clap::CommandFactory as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// Prints the core list.
pub(super) fn core_list() -> Result<ExitCode, CliError> {
    print(&oskin::view::core_list())
}

/// Prints a text as it is.
pub(super) fn print(text: &str) -> Result<ExitCode, CliError> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the completion script of a shell.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "oskin", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes `oskin.1` and a page for each command.
pub(super) fn man_pages(directory: &Path) -> Result<ExitCode, CliError> {
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory))
        .map_err(|error| {
            CliError::new(format!("cannot write to {}: {error}", directory.display()))
        })?;
    Ok(ExitCode::SUCCESS)
}
