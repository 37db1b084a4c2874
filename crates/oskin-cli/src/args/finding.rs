//! What is typed to ask for software.

use super::package_type;
use clap::Args;

/// Behind the help of `oskin find`; lines of tables have to be short, since nothing wraps them well.
pub(super) const HELP: &str = "\
QUERY is [TYPE:]NAME and bounds, or a package URL and bounds: openssl, 'openssl>=1.1.1,<3', 'deb:openssl<3', \
'lib*ssl*', python3=3.11, pkg:deb/debian/openssl. Names are met whole, in any case; * stands for any text. A query is \
about one name or pattern. Bounds have a comma or a blank between them, and all have to hold:\n\n\
\x20 <  <=  >  >=  less, at most, more, at least: by the order of the type of package\n\
\x20 =             the version and what goes on from it: =3.11 is 3.11 and 3.11.4,\n\
\x20               neither 3.110 nor 3.11~rc1; =3.11.* and NAME@3.11 are the same\n\
\x20 ==            versions that mean the same to the type\n\
\x20 !=            all that = does not hold for\n\n\
A version begins with a digit (v1.2 is 1.2). What is not understood, such as ~ and ^ of others, is an error.\n\n\
Versions compare as dpkg, rpm, apk, pacman, PEP 440, semantic versioning, RubyGems, Maven or NuGet have it, by the type of the \
package; those of other types number by number. Epochs and revisions count only if the bound has them: <3 holds for \
1:1.1.1-2 and not for 3.0.1-1, <1:3 compares epochs too.\n\n\
Packages that were built from a source of that name, as libssl3 from openssl, are counted in the first line and listed \
with --source. The exit code is about what is listed.\n\n\
LAYER is the layer that brought the package, the lowest being 0; FROM the largest image of the catalog that the image \
stands on, by layers, and that has this very package.\n\n\
Exit codes: 0 found, 1 in no image, 2 trouble, such as a query that is not understood.";

/// What is looked for.
#[derive(Args, Clone, Debug)]
pub(crate) struct AskedFind {
    /// What to look for, such as 'openssl<3'
    pub(crate) query: String,
    /// Look at packages of these types only, such as deb,pypi
    #[arg(long = "type", value_name = "TYPES", value_delimiter = ',', value_parser = package_type)]
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
    #[arg(
        long = "type",
        value_name = "TYPES",
        value_delimiter = ',',
        value_parser = package_type,
        requires = "software"
    )]
    pub(crate) types: Vec<String>,
}
