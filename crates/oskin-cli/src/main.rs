//! The `oskin` program: what was typed becomes calls of the library and text for people.

mod args;
mod commands;
mod compared;
mod config;
mod declared;
mod diff_rules;
mod engines;
mod error;
mod images;
mod known_packages;
mod lineup;
mod new_file;
mod output;
mod progress;
mod settings_text;
mod software;
mod source_list;
mod stream;
mod text;
mod truth;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => return error::usage(&usage),
    };
    let quiet = cli.global.quiet;
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => error.print(quiet),
    }
}
