//! Files that have their names only when they are whole.
//!
//! A file is written beside its place, under a hidden name that tells the process, and moved there
//! at the end; until then an older file of that name stays as it is. What is no regular file (a
//! device, a pipe) is written directly, and so is a file in a directory that takes no new ones.

use crate::error::CliError;
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A file that is being written; removed if it is dropped before it is finished.
#[derive(Debug)]
pub(crate) struct NewFile {
    /// The name that was asked for.
    name: PathBuf,
    file: File,
    /// Where it is written and where it belongs, unless it is written directly.
    moving: Option<(PathBuf, PathBuf)>,
}

impl NewFile {
    /// Begins a file.
    pub(crate) fn create(name: &Path) -> Result<Self, CliError> {
        let begun = match name.metadata() {
            Ok(metadata) if metadata.is_file() => replace(name, &metadata),
            // A link that leads nowhere makes the file where it leads.
            Err(error) if error.kind() == ErrorKind::NotFound && !name.is_symlink() => {
                create_beside(name).map(|(file, part)| (file, Some((part, name.to_owned()))))
            }
            _ => File::create(name).map(|file| (file, None)),
        };
        let (file, moving) = begun.map_err(|error| cannot_write(name, &error))?;
        Ok(Self { name: name.to_owned(), file, moving })
    }

    /// Writes more.
    pub(crate) fn write(&mut self, content: &[u8]) -> Result<(), CliError> {
        self.file.write_all(content).map_err(|error| cannot_write(&self.name, &error))
    }

    /// Gives the file its name.
    pub(crate) fn finish(mut self) -> Result<(), CliError> {
        if let Some((part, place)) = &self.moving {
            std::fs::rename(part, place).map_err(|error| cannot_write(&self.name, &error))?;
            self.moving = None;
        }
        Ok(())
    }
}

impl Write for &mut NewFile {
    fn write(&mut self, content: &[u8]) -> std::io::Result<usize> {
        self.file.write(content)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.moving {
            // The error that led here has been told already.
            drop(std::fs::remove_file(part));
        }
    }
}

/// Begins what will stand in the place of a file, with its permissions.
fn replace(
    name: &Path,
    metadata: &std::fs::Metadata,
) -> Result<(File, Option<(PathBuf, PathBuf)>), Error> {
    // Who may not write a file shall not replace it either.
    drop(OpenOptions::new().write(true).open(name)?);
    let place = name.canonicalize()?;
    match create_beside(&place) {
        Ok((file, part)) => {
            let moving = Some((part, place));
            // Some file systems have no permissions to set.
            drop(file.set_permissions(metadata.permissions()));
            Ok((file, moving))
        }
        Err(_) => File::create(name).map(|file| (file, None)),
    }
}

/// Makes a file that is not there yet, in the directory of another.
fn create_beside(place: &Path) -> Result<(File, PathBuf), Error> {
    let mut number = 0_u32;
    loop {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        // File names end at 255 bytes.
        let name: String = name.chars().take(40).collect();
        let part = place.with_file_name(format!(".{name}.{}-{number}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&part) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < 1_000 => number += 1,
            opened => return opened.map(|file| (file, part)),
        }
    }
}

pub(crate) fn cannot_write(name: &Path, error: &Error) -> CliError {
    CliError::new(format!("cannot write {}: {error}", name.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = directory.read_dir().unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_whole_or_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("all.csv");
        let mut half = NewFile::create(&name).unwrap();
        half.write(b"half").unwrap();
        assert!(!name.exists());
        drop(half);
        assert!(names(directory.path()).is_empty());

        std::fs::write(&name, b"before").unwrap();
        let link = directory.path().join("link.csv");
        std::os::unix::fs::symlink("all.csv", &link).unwrap();
        // Two at once, and one through a link: the last to be finished is what is there.
        let (mut first, mut second) =
            (NewFile::create(&name).unwrap(), NewFile::create(&link).unwrap());
        first.write(b"first").unwrap();
        second.write(b"second").unwrap();
        assert_eq!(std::fs::read(&name).unwrap(), b"before");
        first.finish().unwrap();
        assert_eq!(std::fs::read(&name).unwrap(), b"first");
        second.finish().unwrap();
        assert_eq!(std::fs::read(&name).unwrap(), b"second");
        assert_eq!(names(directory.path()), ["all.csv", "link.csv"]);
        assert!(link.is_symlink());
    }

    #[test]
    fn permissions_stay_and_links_and_devices_are_kept() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("all.csv");
        std::fs::write(&name, b"before").unwrap();
        std::fs::set_permissions(&name, std::fs::Permissions::from_mode(0o640)).unwrap();
        NewFile::create(&name).unwrap().finish().unwrap();
        assert_eq!(std::fs::read(&name).unwrap(), b"");
        assert_eq!(name.metadata().unwrap().permissions().mode() & 0o777, 0o640);

        let nowhere = directory.path().join("nowhere.csv");
        std::os::unix::fs::symlink("new.csv", &nowhere).unwrap();
        let mut file = NewFile::create(&nowhere).unwrap();
        file.write(b"new").unwrap();
        file.finish().unwrap();
        assert!(nowhere.is_symlink());
        assert_eq!(std::fs::read(directory.path().join("new.csv")).unwrap(), b"new");

        NewFile::create(Path::new("/dev/null")).unwrap().finish().unwrap();
        assert!(!Path::new("/dev/null").is_file());
        assert!(NewFile::create(directory.path()).is_err());
    }
}
