//! An image of Singularity in a zip archive: so the images of 2016 were handed on.

use super::{LAUNCH, refused};
use crate::source::SourceError;
use crate::source::disk::inflated::{Full, Inflated, MAX_HELD_BYTES};
use crate::source::guard::guarded;
use crate::source::read_at::{Cursor, ReadAt, WholeFile};
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;
use zip::ZipArchive;

/// The largest image that is taken out of a zip archive, zeros included.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// How many files of a zip archive are looked at for one that is an image.
const MAX_FILES: usize = 100;

type Archive = ZipArchive<BufReader<Cursor>>;

/// Whether one file of a zip archive is an image of Singularity.
///
/// Beside it there may be lists of what it holds, as the packages of 2016 have them.
pub(in crate::source) fn is_zipped_image(location: &Path) -> bool {
    let look = || {
        let file = File::open(location).and_then(WholeFile::new);
        let mut archive = open(Arc::new(file.map_err(|error| SourceError::io("", error))?), "")?;
        Ok(image_in(&mut archive).is_some())
    };
    guarded("", look).unwrap_or(false)
}

/// The image in a zip archive, held in memory without its zeros.
pub(super) fn inflate(file: Arc<dyn ReadAt>, place: &str) -> Result<Arc<dyn ReadAt>, SourceError> {
    guarded(place, || {
        let mut archive = open(file, place)?;
        let unzip = "unzip it, then use sif:FILE";
        let Some(index) = image_in(&mut archive) else {
            let what = "a zip archive without an image of Singularity, or with several";
            return Err(refused(place, what, unzip));
        };
        let member = archive.by_index(index).map_err(|error| damaged(place, &error))?;
        let content = member.take(MAX_BYTES + 1);
        let inflated =
            Inflated::read(content, MAX_BYTES).map_err(|error| SourceError::io(place, error))?;
        match inflated {
            Ok(inflated) => Ok(Arc::new(inflated) as Arc<dyn ReadAt>),
            Err(Full::Size) => {
                let what = format!(
                    "the image in the zip archive has more than {} MiB",
                    MAX_BYTES / (1024 * 1024)
                );
                Err(refused(place, what, unzip))
            }
            Err(Full::Held) => {
                let what = format!(
                    "the image in the zip archive holds more than {} MiB, too much to be held in memory",
                    MAX_HELD_BYTES / (1024 * 1024)
                );
                Err(refused(place, what, unzip))
            }
        }
    })
}

fn open(file: Arc<dyn ReadAt>, place: &str) -> Result<Archive, SourceError> {
    let reader = BufReader::new(Cursor::new(file));
    ZipArchive::new(reader).map_err(|error| damaged(place, &error))
}

/// The place of the only file that begins as an image does.
fn image_in(archive: &mut Archive) -> Option<usize> {
    let files = archive.len().min(MAX_FILES);
    let begins = |index: usize| {
        let mut launch = [0; LAUNCH.len()];
        let mut member = archive.by_index(index).ok()?;
        member.read_exact(&mut launch).ok()?;
        (launch == *LAUNCH).then_some(index)
    };
    let mut images = (0..files).filter_map(begins);
    let first = images.next();
    if images.next().is_some() { None } else { first }
}

fn damaged(place: &str, error: &zip::result::ZipError) -> SourceError {
    SourceError::damaged(place, error.to_string())
}
