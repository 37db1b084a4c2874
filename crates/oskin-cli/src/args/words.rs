//! What is typed to ask for the words of an image.

use super::{Reading, listed};
use clap::Args;
use std::ffi::OsString;

/// What the words are, for those who ask for help.
pub(super) const HELP: &str = "\
    Words are the names of files and directories, their stems, extensions and versions. One is special if many \
    paths of the image have it and few images: WEIGHT is (1 + ln PATHS) * ln((1 + n) / (1 + IMAGES)) of n \
    images. A word is told beside another if half of its paths, or more, are paths of that.\n\n\
    An image that is not in the catalog is read, and counts as one more.";

/// What is asked of the words of an image.
#[derive(Args, Clone, Debug)]
pub(crate) struct AskedWords {
    /// The image
    pub(crate) image: OsString,
    /// Look only at the paths that this image has not, such as its base
    #[arg(long, value_name = "OTHER")]
    pub(crate) against: Option<OsString>,
    /// How many are listed
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = listed)]
    pub(crate) top: usize,
    #[command(flatten)]
    pub(crate) reading: Reading,
}
