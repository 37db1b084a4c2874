//! Which of several images in one archive or layout is meant.

use super::{Pick, SourceError};
use crate::image::Digest;

/// What an image in an archive or layout can be called by.
#[derive(Clone, Debug, Default)]
pub(super) struct Called {
    /// Its references, most telling first.
    pub(super) references: Vec<String>,
    /// The digests of its manifests.
    pub(super) digests: Vec<Digest>,
    /// Its place in the manifest or index, for `:@n`.
    pub(super) index: usize,
}

impl Called {
    /// What to write behind the path to pick it.
    fn label(&self) -> String {
        match self.references.first() {
            Some(reference) => format!(":{reference}"),
            None => format!(":@{}", self.index),
        }
    }
}

/// The positions in `images` of those that are meant.
///
/// A reference is compared in full, then without registry and official namespace and with the default
/// tag (`alpine` finds `host.example/library/alpine:latest`), then as a bare tag; the first way that finds anything
/// decides.
pub(super) fn choose(
    images: &[Called],
    pick: &Pick,
    all: bool,
    place: &str,
) -> Result<Vec<usize>, SourceError> {
    let labels = || images.iter().map(Called::label).collect::<Vec<_>>();
    let found = match pick {
        Pick::Only if all || images.len() == 1 => return Ok((0..images.len()).collect()),
        Pick::Only => {
            return Err(SourceError::SeveralImages {
                place: place.to_owned(),
                references: labels(),
            });
        }
        Pick::Index(index) => positions(images, |image| image.index == *index),
        Pick::Reference(wanted) => {
            let digest = wanted.parse::<Digest>().ok();
            let ways: [&dyn Fn(&Called) -> bool; 4] = [
                &|image| digest.is_some_and(|digest| image.digests.contains(&digest)),
                &|image| image.references.contains(wanted),
                &|image| image.references.iter().any(|name| short(name) == short(wanted)),
                &|image| image.references.iter().any(|name| tag(name) == Some(wanted)),
            ];
            ways.iter()
                .map(|way| positions(images, way))
                .find(|found| !found.is_empty())
                .unwrap_or_default()
        }
    };
    if found.len() == 1 {
        return Ok(found);
    }
    let wanted = match pick {
        Pick::Index(index) => format!("@{index}"),
        Pick::Reference(wanted) => wanted.clone(),
        Pick::Only => String::new(),
    };
    let references = labels();
    Err(SourceError::NoSuchReference {
        place: place.to_owned(),
        wanted,
        matches: found.len(),
        references,
    })
}

fn positions(images: &[Called], is_meant: impl Fn(&Called) -> bool) -> Vec<usize> {
    images.iter().enumerate().filter(|(_, image)| is_meant(image)).map(|(at, _)| at).collect()
}

/// A reference without registry and official namespace, with the tag that engines add.
fn short(reference: &str) -> String {
    let (first, rest) = reference.split_once('/').unwrap_or((reference, ""));
    let has_registry = !rest.is_empty() && (first.contains(['.', ':']) || first == "localhost");
    let name = if has_registry { rest } else { reference };
    let mut short = name.strip_prefix("library/").unwrap_or(name).to_owned();
    let last = short.rsplit('/').next().unwrap_or_default();
    if !last.contains(':') && !last.contains('@') {
        short.push_str(":latest");
    }
    short
}

/// The tag of a reference; a reference that is nothing but a tag has none of its own.
fn tag(reference: &str) -> Option<&str> {
    reference.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'))
}

/// Of some names those that a person who wrote `name` perhaps meant: other tags of the same
/// repository, then what contains its last part or is contained in it.
pub(super) fn near(name: &str, names: &[String], most: usize) -> Vec<String> {
    let repository = |name: &str| {
        let short = short(name);
        let last = short.rsplit('/').next().unwrap_or_default();
        last.split([':', '@']).next().unwrap_or_default().to_lowercase()
    };
    let wanted = repository(name);
    let ways: [&dyn Fn(&str) -> bool; 2] = [&|other| other == wanted, &|other| {
        !other.is_empty() && (other.contains(&wanted) || wanted.contains(other))
    }];
    let found = ways.iter().map(|way| -> Vec<String> {
        names.iter().filter(|other| way(&repository(other))).take(most).cloned().collect()
    });
    found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(references: &[&[&str]], wanted: &str) -> Result<Vec<usize>, SourceError> {
        let images: Vec<Called> = references
            .iter()
            .enumerate()
            .map(|(index, names)| Called {
                references: names.iter().map(|&name| name.to_owned()).collect(),
                digests: Vec::new(),
                index,
            })
            .collect();
        choose(&images, &Pick::Reference(wanted.to_owned()), false, "x.tar")
    }

    #[test]
    fn short_names_and_tags_are_understood() {
        let images: [&[&str]; 3] =
            [&["host.example/library/alpine:3.20"], &["alpine:latest", "alpine:edge"], &["v1"]];
        for (wanted, at) in [
            ("host.example/library/alpine:3.20", 0),
            ("alpine:3.20", 0),
            ("3.20", 0),
            ("alpine", 1),
            ("edge", 1),
            ("v1", 2),
        ] {
            assert_eq!(chosen(&images, wanted).unwrap(), [at], "{wanted}");
        }
        assert!(chosen(&images, "3.19").unwrap_err().hint().unwrap().contains(":v1"));
    }

    #[test]
    fn what_several_images_answer_to_is_refused() {
        let error = chosen(&[&["a:1"], &["b:1"]], "1").unwrap_err();
        assert_eq!(error.to_string(), "x.tar: 2 images answer to \"1\"");
        assert_eq!(short("localhost/x"), "x:latest");
        assert_eq!(short("host:5000/x@sha256:00"), "x@sha256:00");
    }
}
