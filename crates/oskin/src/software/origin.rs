//! Which layer brought a package, told from the records of layers without flattening them.

use super::record::Record;
use crate::image::Package;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What tells one package from another in records.
type Identity = [String; 5];

fn identity(package: &Package) -> Identity {
    super::record::identity(package).map(Cow::into_owned)
}

/// What the files of a layer record of some packages.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// By path; files that record others only have none.
    files: BTreeMap<Vec<u8>, BTreeSet<Identity>>,
    /// Paths of those that have some.
    wanted: Vec<Vec<u8>>,
}

impl Recorded {
    /// Takes from the records of a layer what is wanted. O(n log n) for `n` packages.
    pub fn new(records: Vec<(Vec<u8>, Record)>, is_wanted: impl Fn(&Package) -> bool) -> Self {
        let mut recorded = Self::default();
        for (path, record) in records {
            let packages = record.packages.iter().map(|it| &it.package);
            let found: BTreeSet<Identity> =
                packages.filter(|it| is_wanted(it)).map(identity).collect();
            if !found.is_empty() {
                recorded.wanted.push(path.clone());
            }
            recorded.files.insert(path, found);
        }
        recorded
    }
}

/// The layer that brought a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// This one, and the file that says so.
    Layer {
        /// The number of the layer, base first, from 0.
        layer: u32,
        /// The path of the file as the layer has it.
        record: &'a [u8],
    },
    /// Several files say so, some of which may be gone in the end: only flattening tells.
    Several,
    /// No layer says so.
    Nowhere,
}

/// Where the wanted packages of an image may come from.
#[derive(Clone, Debug, Default)]
pub struct Origins<'a> {
    places: BTreeMap<&'a Identity, Vec<(u32, &'a [u8])>>,
}

impl<'a> Origins<'a> {
    /// Looks through the layers of an image, base first. O(w l log n) for `w` files that record something wanted in any
    /// of `l` layers, of `n` files that record anything.
    ///
    /// Says the same as [`Installed::all`](super::Installed::all) of packages that are installed in the end: of a file that
    /// is there its last version is, and a package is of the first of the layers whose versions have it without a break
    /// up to that.
    pub fn new(layers: &[&'a Recorded]) -> Self {
        let paths: BTreeSet<&[u8]> =
            layers.iter().flat_map(|it| &it.wanted).map(Vec::as_slice).collect();
        let mut origins = Self::default();
        for path in paths {
            let last_first = (0_u32..).zip(layers).collect::<Vec<_>>().into_iter().rev();
            let mut versions =
                last_first.filter_map(|(number, layer)| Some((number, layer.files.get(path)?)));
            let Some((top, last)) = versions.next() else { continue };
            let mut open: BTreeMap<&Identity, u32> = last.iter().map(|it| (it, top)).collect();
            let mut closed = BTreeMap::new();
            for (layer, version) in versions {
                open.retain(|it, first| {
                    let goes_on = version.contains(*it);
                    if goes_on {
                        *first = layer;
                    } else {
                        closed.insert(*it, *first);
                    }
                    goes_on
                });
            }
            for (it, layer) in closed.into_iter().chain(open) {
                origins.places.entry(it).or_default().push((layer, path));
            }
        }
        origins
    }

    /// The layer that brought a package that is installed in the end.
    pub fn of(&self, package: &Package) -> Origin<'a> {
        match self.places.get(&identity(package)).map(Vec::as_slice) {
            None | Some([]) => Origin::Nowhere,
            Some([(layer, record)]) => Origin::Layer { layer: *layer, record },
            Some(_) => Origin::Several,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::software::{FoundPackage, Installed, Told};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn record(versions: &[(u8, u8)]) -> Arc<Record> {
        let found = |(name, version): &(u8, u8)| FoundPackage {
            package: Package::generic("", &format!("n{name}"), &version.to_string()),
            ..FoundPackage::default()
        };
        Arc::new(Record { packages: versions.iter().map(found).collect(), ..Record::default() })
    }

    proptest! {
        /// As all records put together tell, where the last version of each file is there in the end.
        #[test]
        fn layers_are_told_as_by_all_records(
            layers in vec(vec((0_u8..3, vec((0_u8..3, 0_u8..2), 0..4)), 0..3), 1..6),
        ) {
            let layers: Vec<BTreeMap<Vec<u8>, Arc<Record>>> = layers
                .iter()
                .map(|files| files.iter().map(|(path, list)| (vec![b'a' + path], record(list))).collect())
                .collect();
            let told: Vec<Told<'_>> = (0..)
                .zip(&layers)
                .flat_map(|(layer, files)| {
                    files.iter().map(move |(path, record)| Told { layer, path, record })
                })
                .collect();
            let there: BTreeMap<&[u8], &Arc<Record>> =
                told.iter().map(|it| (it.path, it.record)).collect();
            let all = Installed::all(&told, there.into_iter(), None);
            let is_wanted = |it: &Package| it.name != "n0";
            let recorded: Vec<Recorded> = layers
                .iter()
                .map(|files| {
                    let records = files.iter().map(|(path, it)| (path.clone(), (**it).clone()));
                    Recorded::new(records.collect(), is_wanted)
                })
                .collect();
            let origins = Origins::new(&recorded.iter().collect::<Vec<_>>());
            for it in &all {
                let package = &it.found.package;
                let places: BTreeSet<(u32, &[u8])> = all
                    .iter()
                    .filter(|other| other.found.package == *package)
                    .map(|it| (it.layer, it.record.as_slice()))
                    .collect();
                let expected = match places.len() {
                    _ if !is_wanted(package) => Origin::Nowhere,
                    1 => Origin::Layer { layer: it.layer, record: &it.record },
                    _ => Origin::Several,
                };
                prop_assert_eq!(origins.of(package), expected);
            }
        }
    }
}
