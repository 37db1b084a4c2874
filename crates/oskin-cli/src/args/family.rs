//! What is typed to ask about families.

use super::{RankBy, listed};
use clap::Args;
use std::path::PathBuf;

/// Rules that an image must keep, for builds to be stopped by.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Gates: exit 1 if one of them fails")]
pub(crate) struct Gates {
    /// It must stand on an image of this name, or on one of several; `*` is any text
    #[arg(long, value_name = "NAME")]
    pub(crate) require_base: Vec<String>,

    /// It must not stand on an image of this name; may be repeated; `*` is any text
    #[arg(long, value_name = "NAME")]
    pub(crate) forbid_base: Vec<String>,

    /// At most so many newer builds of a base of it may be in the catalog
    #[arg(long, value_name = "N")]
    pub(crate) max_behind: Option<u64>,
}

impl From<Gates> for oskin::lineage::Gates {
    fn from(Gates { require_base, forbid_base, max_behind }: Gates) -> Self {
        Self { require_base, forbid_base, max_behind }
    }
}

/// What is asked of the bases of a catalog.
#[derive(Args, Clone, Debug)]
pub(crate) struct AskedBases {
    /// Compare with what the Dockerfiles below DIR build upon; may be repeated
    #[arg(long, value_name = "DIR")]
    pub(crate) dockerfiles: Vec<PathBuf>,
    /// Rank declared bases by files or by the owners of those
    #[arg(long, value_enum, default_value_t, value_name = "WHAT", requires = "dockerfiles")]
    pub(crate) by: RankBy,
    /// List the K most frequent bases [default: 10 as text, else all]
    #[arg(long, value_name = "K", value_parser = listed)]
    pub(crate) top: Option<usize>,
    /// Count images down to level N of the family graph as bases, 0 being its roots
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) level: usize,
    /// Look at paths alone: no layers, no contents
    #[arg(long)]
    pub(crate) paths_only: bool,
}
