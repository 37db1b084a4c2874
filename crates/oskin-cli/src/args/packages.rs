//! What is typed to ask for the software of an image.

use super::{Reading, listed, package_type};
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// What is told of packages, for those who ask for help.
pub(super) const PACKAGES_HELP: &str = "\
    Packages are read while layers are: from the databases of dpkg, apk, rpm, pacman and opkg, from what the package \
    managers of Python, Node, Ruby, conda, Java, PHP, R, Perl, Lua, Julia, .NET, Erlang, Haskell and Cargo leave \
    beside the files they install, and from the build facts in programs of Go and Rust. Programs that tell their \
    version in their own file and that no package owns are of type generic.\n\n\
    LAYER is the layer that brought the package in this version, base first, from 0 on. A package that several files \
    record in one layer is one line; PLACES is how many do.\n\n\
    The base is what --base names; else the image of the catalog with the most layers that are the first ones of this \
    image, but not all of them (empty layers aside). With a base, FROM says whether that has the package in the same \
    version (base) or not (own); without one FROM is empty, and --own needs --base.";

/// What is told of bills of materials, for those who ask for help.
pub(super) const SBOM_HELP: &str = "\
    -o cyclonedx, the default, is CycloneDX 1.6 in JSON, -o spdx is SPDX 2.3 in JSON; -o spdx=FILE writes into a file, and \
    -o may be repeated: oskin sbom nginx.tar -o spdx=nginx.spdx.json -o cyclonedx=nginx.cdx.json. Packages are \
    marked `oskin:from-base` true or false: by --base, else by the largest image of the catalog whose layers this one \
    begins with. The same image gives the same bill with the same catalog or --base: its time stamp is that of the image, or SOURCE_DATE_EPOCH.";

/// What is told of tags, for those who ask for help.
pub(super) const TAGS_HELP: &str = "\
    Tags are what an image has and its parent has not: the parent in the family graph of the catalog, else the base of \
    the nearest family, or what --base names. Paths alone do; packages, environment, command and ports make them surer. \
    What leaves traces in many places, and what few images of the catalog have, weighs more. \
    Of many images the first tags are listed; the evidence is told where one is named, and in JSON.\n\n\
    --programs FILE adds well-known programs, in the format of the table that --list-programs prints; those of the \
    same name stand in for its own.";

/// What is asked of the packages of an image.
#[derive(Args, Clone, Debug)]
pub(crate) struct AskedPackages {
    /// The image
    pub(crate) image: OsString,
    /// Mark what this image has as well
    #[arg(long, value_name = "BASE")]
    pub(crate) base: Option<OsString>,
    /// Only packages of these types, such as deb,pypi
    #[arg(long, value_name = "TYPES", value_delimiter = ',', value_parser = package_type)]
    pub(crate) r#type: Vec<String>,
    /// Only what the base has not
    #[arg(long)]
    pub(crate) own: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// What is asked of a bill of materials.
#[derive(Args, Clone, Debug)]
pub(crate) struct AskedSbom {
    /// The image
    pub(crate) image: OsString,
    /// Mark what this image has as well
    #[arg(long, value_name = "BASE")]
    pub(crate) base: Option<OsString>,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// What is asked of the tags of an image.
#[derive(Args, Clone, Debug)]
pub(crate) struct AskedTags {
    /// The images; all of the catalog if none is named
    pub(crate) images: Vec<OsString>,
    /// What they stand on, in the place of their parents in the catalog
    #[arg(long, value_name = "BASE")]
    pub(crate) base: Option<OsString>,
    /// All tags, not only those that stand out
    #[arg(long)]
    pub(crate) all: bool,
    /// How many tags of each image are listed, at most
    #[arg(long, value_name = "N", value_parser = listed)]
    pub(crate) top: Option<usize>,
    /// A table of programs beside the built-in one
    #[arg(long, value_name = "FILE")]
    pub(crate) programs: Option<PathBuf>,
    /// Print the table of well-known programs
    #[arg(long, conflicts_with_all = ["images", "base", "all", "top"])]
    pub(crate) list_programs: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
}
