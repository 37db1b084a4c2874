//! Files of known packages.

use crate::error::CliError;
use oskin::image::Package;
use std::collections::BTreeMap;

/// What package managers list, by image and type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KnownPackages {
    pub(crate) images: BTreeMap<String, BTreeMap<String, KnownList>>,
}

/// What is known of the packages of a type in an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KnownList {
    /// By name, as packages of the type are shown, the versions; `None` is one that is not known.
    pub(crate) packages: BTreeMap<String, Vec<Option<String>>>,
    /// How many there are, if that is told.
    pub(crate) count: Option<u64>,
}

/// The columns, in this order in the array of their places.
const COLUMNS: [&str; 4] = ["image", "type", "name", "version"];

impl KnownPackages {
    /// Reads tab-separated lines with a heading; of its columns `image`, `type`, `name` and `version` count. A line is a
    /// package, so that one that stands there twice is there twice. O(n log n).
    pub(crate) fn parse(text: &str) -> Result<Self, CliError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = (1..).zip(text.lines());
        let heading: Vec<&str> =
            lines.next().map_or("", |(_, line)| line).split('\t').map(str::trim).collect();
        let mut places = [0; 4];
        for (place, name) in places.iter_mut().zip(COLUMNS) {
            *place = heading.iter().position(|column| *column == name).ok_or_else(|| {
                CliError::new(format!("line 1: there is no column {name:?}")).hint(
                    "known packages are tab-separated columns with a heading: image, type, name, version",
                )
            })?;
        }
        let mut known = Self::default();
        for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
            let cells: Vec<&str> = text.split('\t').map(str::trim).collect();
            let row = places.map(|place| cells.get(place).copied().unwrap_or_default());
            known.insert(row).map_err(|(message, hint)| {
                CliError::new(format!("line {line}: {message}")).hint(hint)
            })?;
        }
        Ok(known)
    }

    fn insert(&mut self, row: [&str; 4]) -> Result<(), (String, &'static str)> {
        if let Some(empty) = row.iter().position(|cell| cell.is_empty()) {
            let message = format!("there is no {}", COLUMNS[empty]);
            return Err((message, "a version that is not known is `-`"));
        }
        let [image, kind, name, version] = row;
        let kind = oskin::software::kind(kind).map_err(|error| {
            (error.to_string(), "types are those of package URLs, as `oskin packages` tells")
        })?;
        let types = self.images.entry(image.to_owned()).or_default();
        let list = types.entry(kind.to_owned()).or_default();
        if name == "*" {
            let Ok(count) = version.parse() else {
                return Err((format!("{version:?} is no number"), "the version of `*` is a count"));
            };
            if list.count.is_some_and(|before| before != count) {
                let message = format!("{image:?} has another count of {kind}");
                return Err((message, "keep one of the lines"));
            }
            list.count = Some(count);
            return Ok(());
        }
        let version = (version != "-").then(|| version.to_owned());
        list.packages.entry(shown_name(kind, name)).or_default().push(version);
        Ok(())
    }
}

/// A name as a package of this type is shown under it, however it is spelt: `Foo_Bar` of Python is `foo-bar`.
fn shown_name(kind: &str, name: &str) -> String {
    let separator = if kind == "maven" { ':' } else { '/' };
    let (namespace, bare) = name.rsplit_once(separator).unwrap_or(("", name));
    let package = Package { kind: kind.to_owned(), ..Package::generic(namespace, bare, "") };
    // Reading it is what writes it in one way.
    let read = Package::from_purl(&package.to_string());
    read.map_or_else(|_| name.to_owned(), |package| package.shown_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_counts_are_read() {
        let text = "note\timage\ttype\tname\tversion\r\n\tx:1\tdeb\tbash\t5.2-1\n\n\tx:1\tdeb\tbash\t-\n\
                    \tx:1\tRPM\t*\t129\n\tx:1\tpypi\tFoo._Bar\t1.0\n\tx:1\tnpm\t@a/b\t2\n\tx:1\tmaven\tg.h:a\t3\n";
        let known = KnownPackages::parse(text).unwrap();
        let list = |kind: &str| known.images["x:1"][kind].clone();
        let versions = vec![Some("5.2-1".to_owned()), None];
        assert_eq!(list("deb").packages, BTreeMap::from([("bash".to_owned(), versions)]));
        assert_eq!((list("rpm").count, list("rpm").packages.len()), (Some(129), 0));
        for (kind, name) in [("pypi", "foo-bar"), ("npm", "@a/b"), ("maven", "g.h:a")] {
            assert!(list(kind).packages.contains_key(name), "{:?}", list(kind));
        }
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_line() {
        let refused = |lines: &str| {
            let text = format!("image\ttype\tname\tversion\n{lines}");
            KnownPackages::parse(&text).unwrap_err().message()
        };
        assert!(refused("x\tdeb\t\t1").starts_with("line 2: there is no name"));
        assert!(refused("x\tdeb\ta\t1\nx\tdbe\ta\t1").starts_with("line 3: \"dbe\" is no type"));
        assert!(refused("x\tdeb\ta").starts_with("line 2: there is no version"));
        assert!(refused("x\tdeb\t*\tmany").contains("\"many\" is no number"));
        assert!(
            refused("x\tdeb\t*\t1\nx\tdeb\t*\t2").starts_with("line 3: \"x\" has another count")
        );
        assert!(KnownPackages::parse("image,type\n").unwrap_err().message().contains("\"image\""));
    }
}
