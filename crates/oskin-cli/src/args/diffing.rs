//! What is typed to ask what differs between two images.

use super::{Reading, Viewing};
use clap::Args;
use oskin::diff::Class;
use std::ffi::OsString;
use std::path::PathBuf;

/// Two images, and what is told of their differences.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct AskedDiff {
    /// An image
    pub(crate) left: OsString,
    /// Another
    pub(crate) right: OsString,
    /// As text, show a tree of at most so many lines
    #[arg(long, default_value_t = 40, value_name = "N")]
    pub(crate) lines: usize,
    /// Every line of the tree, every package
    #[arg(long, conflicts_with = "lines")]
    pub(crate) all: bool,
    /// List every path that differs, one a line, instead of the tree; in JSON, list them as well
    #[arg(long)]
    pub(crate) entries: bool,
    /// Nothing but the packages
    #[arg(long, conflicts_with = "entries")]
    pub(crate) software: bool,
    /// Nothing but the settings: configuration, operating system, users, services
    #[arg(long, conflicts_with_all = ["entries", "software"])]
    pub(crate) config: bool,
    /// Only these classes, with , between: added, removed, content, kind, link, mode, unknown
    #[arg(long, value_name = "CLASS", value_delimiter = ',', value_parser = class)]
    pub(crate) only: Vec<Class>,
    /// Only paths of which one side has so many bytes
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) min_bytes: u64,
    /// Neither logs, caches nor records of packages: what programs write of their own accord
    #[arg(long)]
    pub(crate) no_volatile: bool,
    /// Exit 1 only if something of a class is at such a path, `CLASS[,CLASS]:GLOB` as `added:/usr/bin/**` or
    /// `any:/etc`; may be repeated
    #[arg(long, value_name = "RULE")]
    pub(crate) fail_on: Vec<String>,
    /// A file of rules: lines `fail RULE`, `ignore GLOB`, `only GLOB`; `#` begins a comment
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) viewing: Viewing,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

fn class(text: &str) -> Result<Class, String> {
    let is_shown = |class: &Class| *class != Class::Same;
    Class::from_name(text).filter(is_shown).ok_or_else(|| {
        let names: Vec<&str> = Class::ALL.into_iter().filter(is_shown).map(Class::name).collect();
        format!("unknown class {text:?}, expected one of {}", names.join(", "))
    })
}
