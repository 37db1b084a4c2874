//! Which paths of an image belong to a package, by the records that were found while its layers were read.

use super::installed::installed;
use crate::inventory::Inventory;
use crate::path::{join, split_name};
use std::collections::{BTreeMap, BTreeSet};

/// The type of programs that no package brought.
const WITHOUT_PACKAGE: &str = "generic";

/// The paths of an image that belong to a package, ascending; `None` if its packages are not known (see
/// [`installed`](super::installed())).
///
/// A path belongs to a package that lists it, or that has all below a directory in which it lies (npm, gems); programs that
/// were found without a package own nothing, not even themselves. Directories on the way of what a package lists are
/// followed as the links of the image lead: `bin/sh` of a package is `usr/bin/sh` where `bin` leads there. The last name is not:
/// a link is owned, not its target. What is above a listed path belongs to the package too: directories, as the package and as the
/// image has them, and links in their place.
///
/// O(n log n) for `n` paths and listed files.
pub fn owned(inventory: &Inventory) -> Option<Vec<Vec<u8>>> {
    let packages = installed(inventory)?;
    let mut places = Places { inventory, known: BTreeMap::new() };
    let (mut listed, mut whole) = (BTreeSet::new(), BTreeSet::new());
    let found = packages.iter().map(|it| &it.found);
    for found in found.filter(|it| it.package.kind != WITHOUT_PACKAGE) {
        listed.extend(found.files.iter().filter_map(|path| places.of(path)));
        if !found.directory.is_empty() {
            whole.extend(places.of(&found.directory));
        }
    }
    let (mut ways, mut owned) = (BTreeSet::new(), BTreeSet::new());
    for (directory, place) in &places.known {
        insert_with_above(&mut ways, directory);
        insert_with_above(&mut ways, place.as_deref().unwrap_or_default());
    }
    for entry in inventory.iter().map(|entry| entry.path) {
        if listed.contains(entry) || ways.contains(entry) || is_within(entry, &whole) {
            insert_with_above(&mut owned, entry);
        }
    }
    Some(owned.into_iter().collect())
}

/// Inserts a path and those above it, which are there already if the path is.
fn insert_with_above(paths: &mut BTreeSet<Vec<u8>>, path: &[u8]) {
    let mut path = path;
    while !path.is_empty() && paths.insert(path.to_vec()) {
        path = split_name(path).0;
    }
}

/// Whether a path is one of these directories, or below one.
fn is_within(path: &[u8], directories: &BTreeSet<Vec<u8>>) -> bool {
    let mut above = path;
    while !directories.is_empty() && !above.is_empty() {
        if directories.contains(above) {
            return true;
        }
        above = split_name(above).0;
    }
    false
}

/// Where the directories of listed paths lead, each looked up once.
struct Places<'i> {
    inventory: &'i Inventory,
    known: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Places<'_> {
    /// Where a listed path is in the image; `None` if its directory is not there.
    fn of(&mut self, path: &[u8]) -> Option<Vec<u8>> {
        let (directory, name) = split_name(path);
        if !self.known.contains_key(directory) {
            let place = self.inventory.resolve(directory);
            self.known.insert(directory.to_vec(), place);
        }
        self.known.get(directory)?.as_ref().map(|place| join(place, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Entry, EntryKind, Layer, flatten};
    use crate::software::{FoundPackage, Record};
    use std::sync::Arc;

    /// A layer of paths, `->` between a link and its target, a slash behind directories.
    fn layer(paths: &[&str], packages: Vec<FoundPackage>) -> Layer {
        let mut layer = Layer::new();
        layer.set_searched(true);
        for text in paths {
            let (path, target) = text.split_once("->").unwrap_or((text, ""));
            let kind = match (path.ends_with('/'), target.is_empty()) {
                (true, _) => EntryKind::Directory,
                (false, true) => EntryKind::File,
                (false, false) => EntryKind::Symlink,
            };
            let mut entry = Entry::bare(path.trim_end_matches('/').as_bytes(), kind);
            entry.link = (!target.is_empty()).then_some(target.as_bytes());
            layer.push(&entry).unwrap();
        }
        let entry = Entry::bare(b"records", EntryKind::File);
        let index = layer.push(&entry).unwrap();
        layer.tell(index, Arc::new(Record { packages, ..Record::default() }));
        layer
    }

    fn package(kind: &str, files: &[&str], directory: &str) -> FoundPackage {
        let mut found = FoundPackage::default();
        found.package.kind = kind.to_owned();
        found.package.name = "x".to_owned();
        found.files = files.iter().map(|it| it.as_bytes().to_vec()).collect();
        found.directory = directory.as_bytes().to_vec();
        found
    }

    fn owned_of(layer: Layer) -> Option<Vec<String>> {
        let owned = owned(&flatten(&[Arc::new(layer)]).0)?;
        Some(owned.into_iter().map(|it| String::from_utf8(it).unwrap()).collect())
    }

    #[test]
    fn what_is_listed_is_owned_where_links_lead() {
        let paths = [
            "bin->usr/bin",
            "etc/",
            "etc/own",
            "opt/",
            "opt/app/",
            "opt/app/main.js",
            "opt/app/sub/",
            "opt/app/sub/more.js",
            "opt/app2/",
            "opt/tool",
            "usr/bin/sh->dash",
            "usr/bin/dash",
            "usr/bin/other",
            "var/empty/",
        ];
        let packages = vec![
            package("deb", &["bin/sh", "usr/bin/gone", "gone/too", "var/empty"], ""),
            package("npm", &[], "opt/app"),
            package("generic", &["opt/tool"], ""),
        ];
        let expected = [
            "bin",
            "opt",
            "opt/app",
            "opt/app/main.js",
            "opt/app/sub",
            "opt/app/sub/more.js",
            "usr",
            "usr/bin",
            "usr/bin/sh",
            "var",
            "var/empty",
        ];
        assert_eq!(owned_of(layer(&paths, packages)).unwrap(), expected);
        assert_eq!(owned_of(layer(&paths, Vec::new())).unwrap().len(), 0);
        let mut unknown = layer(&paths, Vec::new());
        unknown.set_searched(false);
        assert_eq!(owned_of(unknown), None);
    }
}
