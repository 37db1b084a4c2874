//! What is typed to ask for the layers of an image.

use super::reading::number;
use super::{Reading, listed, share};
use clap::Args;
use oskin::diff::Allowed;
use std::ffi::OsString;

/// What is counted, for those who ask for help.
pub(super) const HELP: &str = "\
    WASTED are bytes that no file has any more from the layer on, whichever layer wrote them: deleted, rewritten with another \
    content, mode-only (the same content with another mode or owner, which copies the whole file), or copied (the same \
    again). Without contents (--no-contents, path lists) mode-only and copied cannot be told from rewritten.\n\n\
    The efficiency is that of dive, which --min-efficiency asks for; --max-wasted asks for bytes such as 20MB or, in percent, for \
    a share of what the layers write. docs/layers.md tells where dive counts otherwise.";

/// What is asked of the layers of an image.
#[derive(Args, Clone, Debug)]
pub(crate) struct AskedLayers {
    /// The image
    pub(crate) image: OsString,
    /// List all paths and duplicates
    #[arg(long, conflicts_with = "top")]
    pub(crate) all: bool,
    /// List the N worst paths and duplicates [default: 10 as text, else all]
    #[arg(long, value_name = "N", value_parser = listed)]
    pub(crate) top: Option<usize>,
    /// Fail if the efficiency is lower, 0 to 1
    #[arg(
        long,
        value_name = "SHARE",
        value_parser = share,
        help_heading = "Gates: exit 1 if one of them fails"
    )]
    pub(crate) min_efficiency: Option<f64>,
    /// Fail if more is wasted
    #[arg(
        long,
        value_name = "BYTES|PERCENT",
        value_parser = allowed,
        help_heading = "Gates: exit 1 if one of them fails"
    )]
    pub(crate) max_wasted: Option<Allowed>,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// `20MB` or `5%`.
fn allowed(text: &str) -> Result<Allowed, String> {
    if text.ends_with('%') {
        share(text).map(Allowed::Share)
    } else {
        number(text).map(Allowed::Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_percents_are_allowed() {
        assert_eq!(allowed("20MB"), Ok(Allowed::Bytes(20_000_000)));
        assert_eq!(allowed("0"), Ok(Allowed::Bytes(0)));
        assert_eq!(allowed("5%"), Ok(Allowed::Share(0.05)));
        assert!(allowed("0.1").is_err() && allowed("101%").is_err() && allowed("x").is_err());
    }
}
