//! Inventories that were exported from a catalog (`.oski` files).

use super::{ImageSource, ReadOptions, SourceError};
use std::path::Path;

/// The first bytes of such a file.
pub(crate) const MAGIC: &[u8] = b"OSKI\0";

/// Finds the inventories in an exported file.
pub(crate) fn open(
    location: &Path,
    _options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    Err(SourceError::Unrecognized {
        place: location.display().to_string(),
        what: "an exported inventory, which this build cannot read yet".to_owned(),
        hint: None,
    })
}
