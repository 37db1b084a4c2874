//! Finds the Dockerfiles below directories and reads them, all at once.

use crate::dockerfile::{Dockerfile, MAX_BYTES, Reference, Refusal, parse};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The owner of files that lie in a given directory itself.
const NO_OWNER: &str = ".";

/// A file that has the name of a Dockerfile, or a directory that could not be read.
#[derive(Debug)]
pub struct Found {
    /// Where it is, beginning with what was given.
    pub path: PathBuf,
    /// The first directory below what was given, or `.`.
    pub owner: String,
    /// The images that it builds, as far as that is known.
    pub images: Vec<Reference>,
    /// What stands in it.
    pub outcome: Result<Dockerfile, ReadError>,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is no Dockerfile.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// What is wrong with a list of the images that files build.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct NamesError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// The images that files build, by the paths of the files below what was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    images: BTreeMap<Vec<u8>, Vec<Reference>>,
}

impl Names {
    /// Reads lines of a path and references, separated by tabs. Lines that are empty or begin with
    /// `#` are left out; of several lines for one path all references count.
    ///
    /// # Errors
    ///
    /// If a line has no reference, or a text that is none.
    pub fn parse(text: &str) -> Result<Self, NamesError> {
        let mut names = Self::default();
        for (at, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let error = |what: String| NamesError { line: at + 1, what };
            let (path, references) = line
                .split_once('\t')
                .ok_or_else(|| error("no tab between a path and the image".to_owned()))?;
            let images = names.images.entry(path.as_bytes().to_vec()).or_default();
            for text in references.split('\t') {
                let image = Reference::parse(text)
                    .map_err(|problem| error(format!("{text:?} is no image: {problem}")))?;
                images.push(image);
            }
        }
        Ok(names)
    }
}

/// What a Dockerfile is called: `Dockerfile`, `Containerfile`, either with something behind a `.`,
/// `-` or `_`, or as the ending of a name; in any case of the letters.
///
/// Endings of programs and pages are left out, as are lists of what a build is not to see.
pub fn is_dockerfile_name(name: &OsStr) -> bool {
    let name = name.as_bytes().to_ascii_lowercase();
    let others: [&[u8]; 15] = [
        b"dockerignore",
        b"md",
        b"rst",
        b"txt",
        b"html",
        b"json",
        b"yml",
        b"yaml",
        b"py",
        b"go",
        b"js",
        b"ts",
        b"rs",
        b"rb",
        b"java",
    ];
    let ending = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let has_other = name.contains(&b'.') && others.contains(&ending);
    let is_one = |word: &[u8]| {
        let rest = name.strip_prefix(word);
        rest.is_some_and(|rest| rest.is_empty() || b".-_".contains(&rest[0]))
            || name.strip_suffix(word).is_some_and(|before| before.ends_with(b"."))
    };
    !has_other && (is_one(b"dockerfile") || is_one(b"containerfile"))
}

/// Reads all Dockerfiles below directories, and files whatever their names are.
///
/// They come in the order of what was given and then of their paths' bytes, however many threads
/// read them; a file that is met twice comes once. Symbolic links below a directory are not
/// followed, `.git` is left out. Without an entry in `names`, a file below at least two directories
/// is taken to build the image `first/second`, as on the hosts of sources and images. A file takes
/// at most [`MAX_BYTES`] while it is read, and what is told of it afterwards.
pub fn collect(
    places: &[PathBuf],
    arguments: &BTreeMap<String, String>,
    names: &Names,
) -> Vec<Found> {
    let mut paths: Vec<(usize, PathBuf, Option<io::Error>)> = Vec::new();
    for (at, place) in places.iter().enumerate() {
        let mut below = Vec::new();
        find(place, &mut below);
        below.sort_by(|left, right| left.0.as_os_str().cmp(right.0.as_os_str()));
        paths.extend(below.into_iter().map(|(path, error)| (at, path, error)));
    }
    let mut seen = std::collections::BTreeSet::new();
    paths.retain(|(_, path, _)| seen.insert(path.clone()));
    let read = |(at, path, error): (usize, PathBuf, Option<io::Error>)| {
        let place: &Path = &places[at];
        let below = path.strip_prefix(place).unwrap_or(&path);
        let outcome = match error {
            Some(error) => Err(error.into()),
            None => read(&path).and_then(|bytes| Ok(parse(&bytes, arguments)?)),
        };
        let directories: Vec<&OsStr> = below.parent().into_iter().flat_map(Path::iter).collect();
        let owner = directories.first().map_or(NO_OWNER.into(), |first| first.to_string_lossy());
        let images = match names.images.get(below.as_os_str().as_bytes()) {
            Some(images) => images.clone(),
            None => repository(&directories).into_iter().collect(),
        };
        Found { owner: owner.into_owned(), images, outcome, path }
    };
    paths.into_par_iter().map(read).collect()
}

fn repository(directories: &[&OsStr]) -> Option<Reference> {
    let [owner, name, ..] = directories else { return None };
    Reference::of_repository(owner.to_str()?, name.to_str()?)
}

/// Finds the files of a place, and the directories that cannot be read.
fn find(place: &Path, found: &mut Vec<(PathBuf, Option<io::Error>)>) {
    match std::fs::metadata(place) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(metadata) if metadata.is_file() => return found.push((place.to_owned(), None)),
        Ok(_) => {
            let error = io::Error::other("neither a file nor a directory");
            return found.push((place.to_owned(), Some(error)));
        }
        Err(error) => return found.push((place.to_owned(), Some(error))),
    }
    let mut queue = vec![place.to_owned()];
    while let Some(directory) = queue.pop() {
        let entries =
            std::fs::read_dir(&directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                found.push((directory, Some(error)));
                continue;
            }
        };
        for entry in entries {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && entry.file_name() != ".git" => {
                    queue.push(entry.path());
                }
                Ok(kind) if kind.is_file() && is_dockerfile_name(&entry.file_name()) => {
                    found.push((entry.path(), None));
                }
                Ok(_) => {}
                Err(error) => found.push((entry.path(), Some(error))),
            }
        }
    }
}

/// The bytes of a file; one more than is read if it is too large.
fn read(path: &Path) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    #[test]
    fn names_of_dockerfiles_are_known() {
        for name in [
            "Dockerfile",
            "dockerfile",
            "Dockerfile.0",
            "Dockerfile-debian",
            "Dockerfile_arm64",
            "app.Dockerfile",
            "app.dockerfile",
            "Containerfile",
            "Containerfile.in",
            "Dockerfile.j2",
        ] {
            assert!(is_dockerfile_name(OsStr::new(name)), "{name}");
        }
        for name in [
            "Dockerfiles",
            "Dockerfile.dockerignore",
            "Dockerfile.md",
            "dockerfile_parse.py",
            "MyDockerfile",
            "dockerfile-lint.js",
            "a",
            "",
        ] {
            assert!(!is_dockerfile_name(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn files_come_in_order_with_owner_and_image() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for directory in ["b/Repo/sub", "a", "b/.git"] {
            create_dir_all(at(directory)).unwrap();
        }
        for path in ["b/Repo/sub/Dockerfile", "a/Dockerfile.2", "b/.git/Dockerfile", "other"] {
            write(at(path), "FROM x").unwrap();
        }
        write(at("Dockerfile"), "# no").unwrap();
        write(at("a/x.dockerfile"), vec![b'#'; MAX_BYTES + 9]).unwrap();
        symlink(at("other"), at("a/Dockerfile")).unwrap();
        let places = [at(""), at("other"), at("a"), at("absent")];
        let names = Names::parse("# remark\na/Dockerfile.2\tx:1\ty\n").unwrap();
        let found = collect(&places, &BTreeMap::new(), &names);
        let shown: Vec<String> = found
            .iter()
            .map(|found| {
                let path = found.path.strip_prefix(dir.path()).unwrap().display();
                let images: Vec<String> = found.images.iter().map(Reference::familiar).collect();
                let outcome = match &found.outcome {
                    Ok(file) => file.base_name().unwrap(),
                    Err(error) => error.to_string(),
                };
                format!("{path} {} {} {outcome}", found.owner, images.join(","))
            })
            .collect();
        let expected = [
            "Dockerfile .  it holds comments only",
            "a/Dockerfile.2 a x:1,y:latest x:latest",
            "a/x.dockerfile a  it is larger than 1048576 bytes",
            "b/Repo/sub/Dockerfile b b/repo:latest x:latest",
            "other .  x:latest",
            "absent .  No such file or directory (os error 2)",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_wrong_with_names_is_told() {
        let error = |text| Names::parse(text).unwrap_err().to_string();
        assert_eq!(error("a\tb\n\nc d\n"), "line 3: no tab between a path and the image");
        assert_eq!(error("a\tB"), "line 1: \"B\" is no image: the name has capitals");
    }
}
