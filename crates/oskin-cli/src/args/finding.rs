//! What is typed to ask for software.

use clap::Args;

/// Behind the help of `oskin find`.
pub(super) const HELP: &str = "\
QUERY is [TYPE:]NAME and bounds, or a package URL and bounds: openssl, 'openssl>=1.1.1,<3', 'deb:openssl<3', \
'lib*ssl*', python3=3.11, pkg:deb/debian/openssl. Names are met whole, in any case; * stands for any text. =3.11 \
is 3.11 and what goes on from it (3.11.4), ==3.11 nothing else, != is not =.\n\n\
Versions compare as those of their kind do. Epochs and revisions count only if the bound has them: <3 holds for \
1:1.1.1-2 and not for 3.0.1-1, <1:3 compares epochs too.\n\n\
LAYER is the layer that brought the package, the lowest being 0; FROM the largest image of the catalog that the image \
stands on, by layers, and that has this very package.\n\n\
Exit codes: 0 found, 1 in no image, 2 trouble.";

/// What is looked for.
#[derive(Args, Clone, Debug)]
pub(crate) struct AskedFind {
    /// What to look for, such as 'openssl<3'
    pub(crate) query: String,
    /// Look at packages of these types only: deb, rpm, apk, pypi, npm, ...
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub(crate) types: Vec<String>,
    /// Find packages too that were built from a source of that name, as libssl3 from openssl
    #[arg(long)]
    pub(crate) source: bool,
}

/// Whether software is compared, and how much of it is told.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct AskedSoftware {
    /// Compare their packages, and nothing else: upgraded, downgraded, only in one
    #[arg(long, conflicts_with_all = ["view", "include", "exclude"])]
    pub(crate) software: bool,
    /// List all packages that differ, not only some of each sort
    #[arg(long)]
    pub(crate) all: bool,
    /// With --software, compare packages of this name, `*` being any text, and list them even if they are the same; may
    /// be repeated
    #[arg(long = "name", value_name = "PATTERN", requires = "software")]
    pub(crate) names: Vec<String>,
    /// With --software, compare packages of these types, such as deb,pypi, and list them even if they are the same
    #[arg(long = "type", value_name = "TYPES", value_delimiter = ',', requires = "software")]
    pub(crate) types: Vec<String>,
}
