//! The command line as it is typed.

mod adding;
mod diffing;
mod environment;
mod evaluating;
mod family;
mod finding;
mod help;
mod judging;
mod layers;
mod measuring;
mod packages;
mod paths;
mod reading;
mod registry;
mod subtrees;
mod words;

pub(crate) use adding::Adding;
pub(crate) use diffing::AskedDiff;
pub(crate) use environment::AskedEnvironment;
pub(crate) use evaluating::Evaluating;
pub(crate) use family::{AskedBases, Gates};
pub(crate) use finding::{AskedFind, AskedSoftware};
pub(crate) use judging::{JudgedPackages, JudgedTags};
pub(crate) use layers::AskedLayers;
pub(crate) use measuring::{Measuring, Viewing};
pub(crate) use packages::{AskedPackages, AskedSbom, AskedTags};
pub(crate) use paths::AskedPaths;
pub(crate) use reading::{LimitSetting, Reading};
pub(crate) use registry::Registry;
pub(crate) use subtrees::AskedSubtrees;
pub(crate) use words::AskedWords;

use crate::output::OutputSpec;
use clap::{Args, Parser, Subcommand, ValueEnum};
use help::{ADD_HELP, AFTER_HELP, CLASSIFY_HELP, PATHS_HELP};
use oskin::measure::{DEFAULT_HASHES, MAX_HASHES, Measure};
use oskin::path_set::Selection;
use std::ffi::OsString;
use std::path::PathBuf;

/// How similar are my operating systems, and how are they related?
#[derive(Debug, Parser)]
#[command(name = "oskin", version, after_help = AFTER_HELP, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The catalog file [default: `$XDG_DATA_HOME/oskin/catalog.db`]
    #[arg(long, global = true, env = "OSKIN_CATALOG", value_name = "PATH", hide_env_values = true)]
    pub(crate) catalog: Option<PathBuf>,

    /// Print one JSON document; short for -o json
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Write as FORMAT to standard output or to FILE; may be repeated
    #[arg(short, long = "output", global = true, value_name = "FORMAT[=FILE]")]
    pub(crate) output: Vec<OutputSpec>,

    /// No progress, no warnings
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Tell more: all warnings, which transport was chosen
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,

    /// When to color text [default: auto]
    #[arg(
        long,
        global = true,
        env = "OSKIN_COLOR",
        value_enum,
        value_name = "WHEN",
        hide_env_values = true
    )]
    pub(crate) color: Option<When>,
}

/// When to color text.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which pairs are written, if not all as a table.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Listing")]
pub(crate) struct Listing {
    /// List the K nearest of each image instead of the table
    #[arg(long, value_name = "K", value_parser = listed)]
    pub(crate) top: Option<usize>,

    /// List the pairs that are at least so similar, 0 to 1, instead of the table
    #[arg(long, value_name = "VALUE", value_parser = similarity)]
    pub(crate) min: Option<f64>,
}

/// A similarity.
fn similarity(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err("not in 0 to 1".to_owned()) }
}

/// A type of packages, in lower case.
fn package_type(text: &str) -> Result<String, oskin::software::NotAKind> {
    oskin::software::kind(text).map(str::to_owned)
}

impl Command {
    /// How a command is to read images, if it does.
    pub(crate) fn reading(&mut self) -> Option<&mut Reading> {
        match self {
            Self::Add { reading, .. }
            | Self::Show { reading, .. }
            | Self::Compare { reading, .. }
            | Self::Subtrees { asked: AskedSubtrees { reading, .. } }
            | Self::Paths { reading, .. }
            | Self::Diff { asked: AskedDiff { reading, .. } }
            | Self::Classify { reading, .. }
            | Self::Matrix { reading, .. }
            | Self::Heatmap { reading, .. }
            | Self::Lineage { reading, .. }
            | Self::Ancestors { reading, .. }
            | Self::Descendants { reading, .. }
            | Self::Common { reading, .. }
            | Self::Stale { reading, .. }
            | Self::Layers { asked: AskedLayers { reading, .. } }
            | Self::Words { asked: AskedWords { reading, .. } }
            | Self::Packages { asked: AskedPackages { reading, .. } }
            | Self::Sbom { asked: AskedSbom { reading, .. } }
            | Self::Tags { asked: AskedTags { reading, .. } }
            | Self::Sketch {
                command: SketchCommand::Make { reading, .. } | SketchCommand::Near { reading, .. },
            } => Some(reading),
            _ => None,
        }
    }

    /// Whether the settings of a user matter; what packagers call must not depend on them.
    pub(crate) fn is_configured(&self) -> bool {
        !matches!(self, Self::Completions { .. } | Self::Man { .. } | Self::CoreList)
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read images into the catalog; what is there already is not read again
    #[command(after_help = ADD_HELP)]
    Add {
        /// Images, as transport:location or paths
        #[arg(required_unless_present = "from_file", value_name = "SOURCE")]
        sources: Vec<OsString>,
        /// Name the image [default: its reference, else its file name]
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        adding: Adding,
        #[command(flatten)]
        reading: Reading,
    },
    /// List the images of the catalog
    Ls,
    /// Tell what is known of an image
    Show {
        /// The image
        image: OsString,
        #[command(flatten)]
        reading: Reading,
    },
    /// What each layer of an image brings, changes and removes, and what is written in vain
    #[command(after_help = layers::HELP)]
    Layers {
        #[command(flatten)]
        asked: AskedLayers,
    },
    /// Remove images from the catalog
    Rm {
        /// Their names
        #[arg(required = true, value_name = "IMAGE")]
        images: Vec<String>,
    },
    /// Verify the catalog; exit 1 if anything is not as it must be
    Check,
    /// Write inventories to files, to move them to another catalog
    #[command(
        after_help = "Writes NAME.oski for each image, or all into one file with -o oski=FILE."
    )]
    Export {
        /// Their names
        #[arg(required_unless_present = "all", value_name = "IMAGE")]
        images: Vec<String>,
        /// All images of the catalog
        #[arg(long, conflicts_with = "images")]
        all: bool,
    },
    /// Add the inventories of .oski files
    Import {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Tell how alike two images are and what they are to each other
    Compare {
        /// An image
        left: OsString,
        /// Another
        right: OsString,
        #[command(flatten)]
        asked: AskedSoftware,
        #[command(flatten)]
        viewing: Viewing,
        #[command(flatten)]
        reading: Reading,
    },
    /// Tell what exactly differs between two images: in words, by class, as a folded tree
    Diff {
        #[command(flatten)]
        asked: AskedDiff,
    },
    /// Tell what became of the paths that only one image has: version-shifted, moved, renamed
    #[command(after_help = PATHS_HELP)]
    Paths {
        #[command(flatten)]
        asked: AskedPaths,
        #[command(flatten)]
        reading: Reading,
    },
    /// Tell which subtrees of two images are the same, or nearly, at other places
    Subtrees {
        #[command(flatten)]
        asked: AskedSubtrees,
    },
    /// Tell where an image belongs: its parent and base, the walk between them, better bases, and
    /// the nearest images
    #[command(after_help = CLASSIFY_HELP)]
    Classify {
        /// The image
        image: OsString,
        /// Judge by nothing but paths: neither layers nor contents
        #[arg(long)]
        paths_only: bool,
        /// Search the nearest image by a walk down too, and tell how many were looked at
        #[arg(long)]
        walk_down: bool,
        /// How many are listed
        #[arg(long, default_value_t = 10, value_name = "N", value_parser = listed)]
        top: usize,
        #[command(flatten)]
        gates: Gates,
        #[command(flatten)]
        measuring: Measuring,
        #[command(flatten)]
        reading: Reading,
    },
    /// All pairs: a table of similarities (-o csv, tsv or json), or a list of the nearest
    #[command(
        after_help = "--top and --min list pairs with their counts: image, other, common, left_only, right_only, \
            value.\n\n\
            With --top each image has its own pairs, nearest first. With --min alone a pair comes once, \
            or once in each direction if the measure is a containment."
    )]
    Matrix {
        /// The images [default: all of the catalog]
        #[arg(value_name = "IMAGE")]
        images: Vec<OsString>,
        #[command(flatten)]
        listing: Listing,
        #[command(flatten)]
        measuring: Measuring,
        #[command(flatten)]
        reading: Reading,
    },
    /// All pairs: a clustered picture (-o html, svg or png) [default: html=oskin-heatmap.html]
    Heatmap {
        /// The images [default: all of the catalog]
        #[arg(value_name = "IMAGE")]
        images: Vec<OsString>,
        #[command(flatten)]
        measuring: Measuring,
        #[command(flatten)]
        reading: Reading,
    },
    /// Count what Dockerfiles build upon, and tell which base stands on which
    #[command(after_help = "\
        Files are found by their names below directories: Dockerfile, Containerfile, either with \
        something behind . - or _, or as an ending. A file that is named itself is read whatever \
        its name is. The owner of a file is the first directory below DIR. Files below two \
        directories are taken to build the image FIRST/SECOND, unless --names tells better.\n\n\
        What a generator is to fill in is no failure; a file without a stage is refused, with the \
        reason, and makes the exit code 3.")]
    Dockerfiles {
        /// Where to look for them
        #[arg(required = true, value_name = "DIR")]
        places: Vec<PathBuf>,
        /// Rank bases by files or by the owners of those
        #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
        by: RankBy,
        /// List the K most frequent bases [default: 10 as text, else all]
        #[arg(long, value_name = "K", value_parser = listed)]
        top: Option<usize>,
        /// Tell how few bases PERCENT of the files stand on
        #[arg(long, value_name = "PERCENT", value_parser = percent)]
        cover: Option<f64>,
        /// Count what bases stand on at level N of the tree instead of the bases, 0 being its roots
        #[arg(long, value_name = "N")]
        level: Option<usize>,
        /// A value for an argument that files declare before their first FROM; may be repeated
        #[arg(long, value_name = "NAME=VALUE", value_parser = build_arg)]
        build_arg: Vec<(String, String)>,
        /// The images that files build: lines of a path below DIR and references, with tabs between
        #[arg(long, value_name = "FILE")]
        names: Option<PathBuf>,
    },
    /// Who descends from whom: the family graph (-o text, json, html, dot or graphml)
    #[command(
        after_help = "Each image has at most one parent: the nearest ancestor among the images. Layers tell \
            it first, then files whose content is known, then paths alone.\n\n\
            An image stands below its parent, which is the `it` of \"built from it\" and of \"holds it\": \
            that has all files of the other, without proof that it was built from it. +A -B are files \
            that it adds and that are gone."
    )]
    Lineage {
        /// The images [default: all of the catalog]
        #[arg(value_name = "IMAGE")]
        images: Vec<OsString>,
        /// Look at paths alone: no layers, no contents
        #[arg(long)]
        paths_only: bool,
        /// Show instead how one gets there by directories first: coarse pairs, tiny graphs, files, reduction
        #[arg(long)]
        steps: bool,
        /// Find all anew: catalogs of 1,000 images and more keep what was found of them
        #[arg(long)]
        fresh: bool,
        #[command(flatten)]
        reading: Reading,
    },
    /// What an image stands on: the way up to its base, and what each step added
    #[command(
        after_help = "CHANGED and BYTES need contents, which --paths-only and path lists do not tell. STEP \
            is how sure each step is, WAY how sure all of them up to there are: their product."
    )]
    Ancestors {
        /// The image
        image: OsString,
        /// Look at paths alone: no layers, no contents
        #[arg(long)]
        paths_only: bool,
        #[command(flatten)]
        gates: Gates,
        #[command(flatten)]
        reading: Reading,
    },
    /// Every image of the catalog that stands on an image, squashed and rebuilt ones too
    #[command(
        after_help = "What stands on a copy of the image stands on it as well. `way` is how sure all steps \
            are up to the image: their product."
    )]
    Descendants {
        /// The image
        image: OsString,
        /// Look at paths alone: no layers, no contents
        #[arg(long)]
        paths_only: bool,
        #[command(flatten)]
        reading: Reading,
    },
    /// The nearest image that two images stand on, and what each has beside it
    Common {
        /// An image
        left: OsString,
        /// Another
        right: OsString,
        /// Look at paths alone: no layers, no contents
        #[arg(long)]
        paths_only: bool,
        #[command(flatten)]
        reading: Reading,
    },
    /// Images with the same files, and what removing the copies would free
    #[command(
        after_help = "Identical images have the same files with the same contents; directories, owners and \
            modes are not looked at. Others have the same files, but contents differ or are not known."
    )]
    Duplicates {
        /// Look at paths alone: no contents
        #[arg(long)]
        paths_only: bool,
    },
    /// Images on an older build of a base of which the catalog has a newer one
    #[command(
        after_help = "Builds of one base have the same paths or nearly so, or one repository and half of \
            their files. Which is newer the versions of their systems and the times of their builds tell; \
            where those are the same, missing or disagree, it is `another build`."
    )]
    Stale {
        /// Ask about one image [default: all of the catalog]
        image: Option<OsString>,
        /// Tell parents from paths alone: no layers, no contents
        #[arg(long)]
        paths_only: bool,
        #[command(flatten)]
        reading: Reading,
    },
    /// The bases of the catalog, by how many images stand on them, beside those of Dockerfiles
    #[command(
        after_help = "COUNTED is how many images count for a base: each for the deepest one that it stands \
            on down to the level, a root for itself. SURE are the images below of which that is surer than one half."
    )]
    Bases {
        #[command(flatten)]
        asked: AskedBases,
    },
    /// Judge what is found in the catalog by known answers: parents, tags, packages; test whether environments follow software
    #[command(after_help = evaluating::help())]
    Evaluate {
        #[command(flatten)]
        asked: Evaluating,
    },
    /// Which images of the catalog have a package, in which version, from which layer or base
    #[command(after_help = finding::HELP)]
    Find {
        #[command(flatten)]
        asked: AskedFind,
    },
    /// The software that is installed in an image: packages, and programs that no package brought
    #[command(after_help = packages::PACKAGES_HELP)]
    Packages {
        #[command(flatten)]
        asked: AskedPackages,
    },
    /// The software of an image as a bill of materials: CycloneDX (default) or SPDX, with what its base has marked
    #[command(after_help = packages::SBOM_HELP)]
    Sbom {
        #[command(flatten)]
        asked: AskedSbom,
    },
    /// The software that makes an image special: what stands on top of its parent or base
    #[command(after_help = packages::TAGS_HELP)]
    Tags {
        #[command(flatten)]
        asked: AskedTags,
    },
    /// The words of its paths that make an image special among those of the catalog
    #[command(after_help = words::HELP)]
    Words {
        #[command(flatten)]
        asked: AskedWords,
    },
    /// Estimates for catalogs that cannot be had whole: sketches of images, and the nearest of many
    Sketch {
        #[command(subcommand)]
        command: SketchCommand,
    },
    /// A tour of the main things, on the sample systems that come with oskin
    Demo {
        /// Where to put catalog and heatmap
        #[arg(long, default_value = "oskin-demo", value_name = "DIR")]
        dir: PathBuf,
    },
    /// Print the core list: what `--view core` leaves out, and how to begin a list of one's own
    CoreList,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the man pages
    Man {
        /// Where to
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

/// A share as a number or in percent.
fn share(text: &str) -> Result<f64, String> {
    let (number, whole) = match text.strip_suffix('%') {
        Some(number) => (number.trim_end(), 100.0),
        None => (text, 1.0),
    };
    let value: f64 = number.parse().map_err(|_| "not a number".to_owned())?;
    let share = value / whole;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else if whole < 2.0 && (0.0..=100.0).contains(&value) {
        Err(format!("not in 0 to 1; for a share in percent write {number}%"))
    } else {
        Err("not in 0 to 1".to_owned())
    }
}

/// By what bases are ranked.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum RankBy {
    /// By files.
    #[default]
    Files,
    /// By owners: the copies of one count once.
    Owners,
}

/// A share.
fn percent(text: &str) -> Result<f64, String> {
    let value: f64 = text.trim_end_matches('%').parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=100.0).contains(&value) { Ok(value) } else { Err("not in 0 to 100".to_owned()) }
}

/// `NAME=VALUE`.
fn build_arg(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("no = between a name and its value")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What to do with sketches.
#[derive(Debug, Subcommand)]
pub(crate) enum SketchCommand {
    /// Write sketches of images to a file, some kilobytes each [default: sketches=oskin.sketches]
    #[command(after_help = "\
        A sketch is the number of paths of an image and the smallest hashes of them. Give the file \
        to others, or hold it against your images with `oskin sketch near`. An image with no more \
        paths than hashes is kept whole. Another file is named with -o sketches=FILE.")]
    Make {
        /// The images [default: all of the catalog]
        #[arg(value_name = "IMAGE")]
        images: Vec<OsString>,
        /// files (all that is not a directory), directories, both
        #[arg(long, default_value_t, value_name = "SELECTION")]
        selection: Selection,
        /// How many hashes are kept of an image: four times as many halve the error
        #[arg(long, default_value_t = DEFAULT_HASHES, value_name = "K", value_parser = hashes)]
        hashes: usize,
        #[command(flatten)]
        reading: Reading,
    },
    /// List the images of files of sketches that are nearest to an image
    #[command(after_help = "\
        All values are estimates with an interval that holds the true one 95 times of 100 or more \
        often, but where `exact` is said. They find what is near; `oskin compare` tells exactly.")]
    Near {
        /// The image
        image: OsString,
        /// What `oskin sketch make` wrote
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// dice, jaccard, containment (of the image in the others), containment-right
        #[arg(long, default_value_t, value_name = "MEASURE")]
        measure: Measure,
        /// How many are listed
        #[arg(long, default_value_t = 10, value_name = "N", value_parser = listed)]
        top: usize,
        #[command(flatten)]
        reading: Reading,
    },
}

fn hashes(text: &str) -> Result<usize, String> {
    within(text, MAX_HASHES)
}

fn listed(text: &str) -> Result<usize, String> {
    within(text, 1_000_000)
}

/// A number of at least one.
fn within(text: &str, most: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("expected a number from 1 to {most}"))
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
