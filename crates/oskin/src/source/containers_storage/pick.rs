//! What names an image in a store: `[driver@root+runroot:options]` before it, and the ways in which
//! engines let people shorten a name.

use super::tables::StoredImage;
use crate::image::Digest;
use std::path::PathBuf;

/// The registry of names without one.
const DEFAULT_REGISTRY: &str = concat!("docker", ".io");

/// Which store, and which image of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Where {
    pub(super) driver: Option<String>,
    pub(super) root: Option<PathBuf>,
    /// Empty for the only one, or for all.
    pub(super) reference: String,
}

impl Where {
    /// Reads `[[driver@]root[+runroot][:options]]reference` (containers-transports(5)); `None` for
    /// a bracket that is not closed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let Some(rest) = text.strip_prefix('[') else {
            return Some(Self { reference: text.to_owned(), ..Self::default() });
        };
        let (store, reference) = rest.split_once(']')?;
        let store = store.split_once(':').map_or(store, |(store, _options)| store);
        let store = store.split_once('+').map_or(store, |(store, _run_root)| store);
        let (driver, root) = match store.split_once('@') {
            Some((driver, root)) => (Some(driver), root),
            None => (None, store),
        };
        Some(Self {
            driver: driver.filter(|it| !it.is_empty()).map(str::to_owned),
            root: (!root.is_empty()).then(|| PathBuf::from(root)),
            reference: reference.to_owned(),
        })
    }
}

/// Finds the images that a reference means, by the first of these ways that finds any: the id, a
/// full name, the name as `podman build` and `podman pull` complete it, the end of a name, the
/// beginning of an id. Each is found with the name that it answered to.
pub(super) fn find<'i>(
    images: &[&'i StoredImage],
    reference: &str,
) -> Vec<(usize, Option<&'i str>)> {
    // `name@id` and `@id`: the id decides.
    let id = match reference.rsplit_once('@') {
        Some((_, id)) if is_hex(id) => id,
        _ => reference.strip_prefix("sha256:").filter(|id| is_hex(id)).unwrap_or(reference),
    };
    let by = |is_meant: &dyn Fn(&'i StoredImage) -> Option<Option<&'i str>>| {
        let found = images.iter().enumerate();
        found.filter_map(|(at, image)| Some((at, is_meant(image)?))).collect::<Vec<_>>()
    };
    let ids = by(&|image| (image.id == id).then_some(None));
    if !ids.is_empty() {
        return ids;
    }
    if let Some((name, digest)) = by_digest(reference) {
        return by(&|image| {
            let has = image.digest.as_deref().and_then(|it| it.parse().ok()) == Some(digest);
            let named = || image.names().iter().find(|it| is_of(repository(it), name));
            if name.is_empty() {
                return has.then_some(None);
            }
            named().filter(|_| has).map(|it| Some(it.as_str()))
        });
    }
    let wanted = with_tag(reference);
    let completed = completions(&wanted);
    let ways: [&dyn Fn(&str) -> bool; 4] = [
        &|name| name == wanted,
        &|name| name == completed[0],
        &|name| name == completed[1],
        &|name| is_of(name, &wanted),
    ];
    for way in ways {
        let found =
            by(&|image| image.names().iter().find(|it| way(it)).map(|it| Some(it.as_str())));
        if !found.is_empty() {
            return found;
        }
    }
    let is_prefix = is_hex(id);
    by(&|image| (is_prefix && image.id.starts_with(id)).then_some(None))
}

fn is_hex(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Name and digest of a reference that has one; the name may be empty.
fn by_digest(reference: &str) -> Option<(&str, Digest)> {
    let (name, digest) = reference.split_once('@').unwrap_or(("", reference));
    let digest = digest.strip_prefix("sha256:").filter(|hex| is_hex(hex))?.parse().ok()?;
    Some((name, digest))
}

/// A name without its tag and digest.
fn repository(name: &str) -> &str {
    let name = name.split('@').next().unwrap_or(name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

fn with_tag(name: &str) -> String {
    if repository(name) == name && !name.contains('@') {
        format!("{name}:latest")
    } else {
        name.to_owned()
    }
}

/// Whether a name is `end`, or ends in it behind a slash.
fn is_of(name: &str, end: &str) -> bool {
    name.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// A short name as `podman build` names what it makes, and as registries complete it.
fn completions(name: &str) -> [String; 2] {
    let first = name.split_once('/').map(|(first, _)| first);
    let has_registry = first.is_some_and(|it| it.contains(['.', ':']) || it == "localhost");
    match first {
        // There, x is library/x.
        Some(DEFAULT_REGISTRY) if name.matches('/').count() == 1 => {
            let full = name.replacen('/', "/library/", 1);
            [full.clone(), full]
        }
        _ if has_registry => [name.to_owned(), name.to_owned()],
        Some(_) => [format!("localhost/{name}"), format!("{DEFAULT_REGISTRY}/{name}")],
        None => [format!("localhost/{name}"), format!("{DEFAULT_REGISTRY}/library/{name}")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_stand_in_brackets() {
        let at = |driver: Option<&str>, root: Option<&str>, reference: &str| Where {
            driver: driver.map(str::to_owned),
            root: root.map(PathBuf::from),
            reference: reference.to_owned(),
        };
        for (text, expected) in [
            ("a:1", at(None, None, "a:1")),
            ("[vfs@/r+/run]a:1", at(Some("vfs"), Some("/r"), "a:1")),
            (
                "[overlay@/r+/run:mount_program=/x]h.example:5000/a",
                at(Some("overlay"), Some("/r"), "h.example:5000/a"),
            ),
            ("[/r]", at(None, Some("/r"), "")),
            ("[vfs@]a", at(Some("vfs"), None, "a")),
        ] {
            assert_eq!(Where::parse(text), Some(expected), "{text}");
        }
        assert_eq!(Where::parse("[/r"), None);
    }

    #[test]
    fn names_are_shortened_as_engines_let_people() {
        let hub = |name: &str| name.replace("HUB", DEFAULT_REGISTRY);
        let image = |id: &str, digest: char, names: &[&str]| StoredImage {
            id: id.to_owned(),
            digest: Some(format!("sha256:{}", digest.to_string().repeat(64))),
            names: Some(names.iter().map(|&name| hub(name)).collect()),
            layer: None,
        };
        let images = [
            image("cafe01", '1', &["HUB/library/alpine:latest", "h.example/x/tool:2"]),
            image("cafe02", '2', &["localhost/alpine:latest", "localhost/team/app:1"]),
            image("beef03", '3', &["h.example/y/tool:2"]),
            image("beef04", '4', &[]),
        ];
        let images: Vec<&StoredImage> = images.iter().collect();
        let digest = format!("tool@sha256:{}", "3".repeat(64));
        let bare = format!("sha256:{}", "4".repeat(64));
        for (reference, expected) in [
            ("alpine", &[1][..]),
            ("HUB/alpine", &[0]),
            ("HUB/library/alpine:latest", &[0]),
            ("library/alpine", &[0]),
            ("team/app:1", &[1]),
            ("app:1", &[1]),
            ("pp:1", &[]),
            ("app", &[]),
            ("tool:2", &[0, 2]),
            ("x/tool:2", &[0]),
            ("cafe", &[0, 1]),
            ("beef04", &[3]),
            ("@beef03", &[2]),
            ("anything:1@beef03", &[2]),
            (&digest, &[2]),
            (&bare, &[3]),
            ("x@nothex", &[]),
        ] {
            let found: Vec<usize> =
                find(&images, &hub(reference)).into_iter().map(|(at, _)| at).collect();
            assert_eq!(found, expected, "{reference}");
        }
        assert_eq!(find(&images, "tool:2")[0].1, Some("h.example/x/tool:2"));
    }
}
