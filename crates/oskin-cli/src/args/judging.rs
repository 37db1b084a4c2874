//! What is asked of tags and packages that are judged by known ones.

use super::listed;
use clap::Args;
use std::path::PathBuf;

/// What is told of tables of known software, for those who ask for help.
pub(super) const SOFTWARE_HELP: &str = "\
    --tags asks whether the own name of an image is among its first tags: the last part of its name without tag or \
    digest, or one of the words in a column software of FILE, with , between. A software `-` is none: such images are \
    not judged, nor are those whose parent is `-`. The base is the nearest parent in FILE that is in the catalog, else \
    the one that `oskin tags` finds.\n\n\
    --packages holds what `oskin packages` tells against what package managers list. FILE has tab-separated columns \
    with the heading image, type, name, version and a line for each package; a version `-` is not known, and a name `*` \
    has in the place of the version how many packages of the type there are. Types that FILE does not name for an \
    image are not judged.";

/// Whether tags are judged.
#[derive(Args, Clone, Debug)]
pub(crate) struct JudgedTags {
    /// Judge instead whether the own name of each image is among its first tags
    #[arg(
        long,
        conflicts_with_all = ["leave_parent_out", "delete", "strip_docs", "upgrade", "environment", "measures"]
    )]
    pub(crate) tags: bool,
    /// Among how many first tags the own name is looked for; several with , between
    #[arg(
        long,
        value_name = "K",
        value_delimiter = ',',
        default_values_t = [1, 3, 10],
        requires = "tags",
        value_parser = listed
    )]
    pub(crate) top: Vec<usize>,
    /// Leave the rules for the own program of each image out of the table of programs
    #[arg(long, requires = "tags")]
    pub(crate) leave_rules_out: bool,
    /// A table of programs beside the built-in one
    #[arg(long, value_name = "FILE", requires = "tags")]
    pub(crate) programs: Option<PathBuf>,
}

/// Whether packages are judged.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct JudgedPackages {
    /// Judge instead the packages of images by known lists
    #[arg(
        long,
        conflicts_with_all = [
            "tags", "paths_only", "leave_parent_out", "delete", "strip_docs", "upgrade", "environment", "measures"
        ]
    )]
    pub(crate) packages: bool,
    /// Show all differences
    #[arg(long, requires = "packages")]
    pub(crate) all: bool,
}
