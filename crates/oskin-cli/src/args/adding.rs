//! What `oskin add` may be told.

use super::within;
use clap::Args;
use oskin::ingest::MAX_JOBS;
use std::path::PathBuf;

/// Which images are added, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct Adding {
    /// Add what FILE lists too: one source a line, or a source, a tab and a name; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,
    /// Add all images of an archive or layout that holds several
    #[arg(long)]
    pub(crate) all: bool,
    /// Add the images of all tags of a repository
    #[arg(long, conflicts_with = "name")]
    pub(crate) all_tags: bool,
    /// Put an image in the place of another that has its name
    #[arg(long)]
    pub(crate) replace: bool,
    /// How many sources and layers are read at the same time
    #[arg(long, default_value_t = DEFAULT_JOBS, value_name = "N", value_parser = jobs)]
    pub(crate) jobs: usize,
}

/// How many sources and layers are read at the same time unless told otherwise.
const DEFAULT_JOBS: usize = 4;

fn jobs(text: &str) -> Result<usize, String> {
    within(text, MAX_JOBS)
}

impl Default for Adding {
    fn default() -> Self {
        let (from_file, jobs) = (None, DEFAULT_JOBS);
        Self { from_file, all: false, all_tags: false, replace: false, jobs }
    }
}
