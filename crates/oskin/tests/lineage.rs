//! The rule of parents by paths alone, judged by what Dockerfiles of their day state of real images.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{read_text, shared_data};
use oskin::image::Digest;
use oskin::ingest::ForeignPaths;
use oskin::inventory::{Entry, Inventory, Layer, flatten};
use oskin::lineage::{Candidates, Chain, Edge, EdgeKind, Lineage, Look, Proof, Survey};
use oskin::oski;
use oskin::path_set::{PathId, PathSet};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What is known of the nearest ancestor of an image among the listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Nothing,
    NoneThere,
    Ancestor(u32),
}

/// The listings of official images of January 2017 that are at hand, with what is known of each.
struct Listings {
    names: Vec<String>,
    files: Vec<PathSet>,
    parents: Vec<Known>,
    families: Vec<String>,
    is_base: Vec<bool>,
}

impl Listings {
    fn read(data: &Path) -> Self {
        let table = std::fs::read_to_string(data.join("listings-2017/gold.tsv")).unwrap();
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
        let column = |name: &str| rows[0].iter().position(|it| *it == name).unwrap();
        let (image, parent) = (column("image"), column("nearest_ancestor_in_corpus"));
        let (stated, family) = (column("stated_parent"), column("base_family"));
        let mut ids = ForeignPaths::new(None).unwrap();
        let (mut names, mut files, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows.iter().skip(1).filter(|row| row[0] != "docker-os") {
            let file = format!("listings-2017/library/{}.img.zip", row[image]);
            let file = data.join(file);
            if file.exists() {
                let (_, inventory) = read_text(file.to_str().unwrap()).unwrap();
                let [paths, _] = ids.path_sets(&inventory).unwrap();
                names.push(row[image].to_owned());
                files.push(paths);
                kept.push(row);
            }
        }
        let number = |name: &str| {
            names.iter().position(|it| it == name).map(|at| u32::try_from(at).unwrap())
        };
        let known = |row: &&Vec<&str>| match row[parent] {
            "" | "unknown" => Known::Nothing,
            "none in corpus" => Known::NoneThere,
            name => Known::Ancestor(number(name).unwrap()),
        };
        let parents = kept.iter().map(known).collect();
        let families = kept.iter().map(|row| row[family].to_owned()).collect();
        let is_base = kept.iter().map(|row| row[stated] == "scratch").collect();
        Self { names, files, parents, families, is_base }
    }

    fn sets(&self) -> Vec<&PathSet> {
        self.files.iter().collect()
    }
}

#[test]
fn parents_of_official_images_are_found_by_their_paths() {
    let Some(data) = shared_data() else { return };
    let listings = Listings::read(&data);
    let candidates = Candidates::rank(&listings.sets());
    let (mut first, mut decided, mut positives, mut negatives) = (0, 0, 0, 0);
    for (image, known) in (0..).zip(&listings.parents) {
        let found = candidates.parent(image).map(|parent| parent.image);
        match *known {
            Known::Nothing => {}
            Known::NoneThere => {
                negatives += 1;
                decided += usize::from(found.is_none());
            }
            Known::Ancestor(parent) => {
                positives += 1;
                let best = candidates.of(image).first();
                first += usize::from(best.is_some_and(|best| best.image == parent));
                decided += usize::from(found == Some(parent));
            }
        }
    }
    assert_eq!((positives, negatives), (35, 7));
    assert_eq!((first, decided), (35, 41));
    // No base is taken for a child.
    for (image, _) in (0..).zip(&listings.is_base).filter(|(_, is_base)| **is_base) {
        assert_eq!(candidates.parent(image), None, "{}", listings.names[image as usize]);
    }
    // Right answers are surer than any wrong one.
    let confidence = |image: u32| candidates.parent(image).map_or(0.0, |it| it.confidence());
    for (image, known) in (0..).zip(&listings.parents) {
        match known {
            Known::Ancestor(_) => {
                assert!(confidence(image) > 0.8, "{}", listings.names[image as usize]);
            }
            Known::NoneThere => {
                assert!(confidence(image) < 0.5, "{}", listings.names[image as usize]);
            }
            Known::Nothing => {}
        }
    }
}

#[test]
fn families_of_official_images_are_found_by_their_paths() {
    let Some(data) = shared_data() else { return };
    let listings = Listings::read(&data);
    let sets = listings.sets();
    let lineage = Survey::of(&sets, None).lineage(&BTreeMap::new());
    let mut roots = vec![0; sets.len()];
    for component in &lineage.components {
        for image in component {
            roots[*image as usize] = component[0];
        }
    }
    let present: Vec<&str> = (0..sets.len())
        .filter(|image| listings.is_base[*image])
        .map(|image| listings.families[image].as_str())
        .collect();
    let [mut distributions, mut releases, mut asked, mut asked_releases] = [0; 4];
    for (image, family) in listings.families.iter().enumerate() {
        if ["", "none"].contains(&family.as_str()) || sets[image].len() < 10 {
            continue;
        }
        let mut root = roots[image];
        while let (false, Some(connection)) = (
            listings.is_base[root as usize],
            lineage.connections.iter().find(|connection| connection.root == root),
        ) {
            root = roots[connection.base as usize];
        }
        let found = &listings.families[root as usize];
        asked += 1;
        distributions += usize::from(found.split(' ').next() == family.split(' ').next());
        if present.contains(&family.as_str()) {
            asked_releases += 1;
            releases += usize::from(found == family);
        }
    }
    assert_eq!((distributions, asked), (56, 56));
    assert_eq!((releases, asked_releases), (48, 48));
}

/// A set without about so many of a million of its ids, chosen by a seed.
fn thinned(set: &PathSet, of_million: u64, seed: u64) -> PathSet {
    let kept = |id: &u32| {
        let mut bits = (u64::from(*id) ^ seed << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)) % 1_000_000 >= of_million
    };
    PathSet::from_ascending(set.ids().filter(kept).map(PathId))
}

#[test]
fn parents_survive_deletions() {
    let Some(data) = shared_data() else { return };
    let listings = Listings::read(&data);
    let child = |(image, known): (u32, &Known)| match known {
        Known::Ancestor(parent) => Some((image, *parent)),
        _ => None,
    };
    let children: Vec<(u32, u32)> = (0..).zip(&listings.parents).filter_map(child).collect();
    // Those on which others stand have to be whole while these are asked.
    let (inner, leaves): (Vec<(u32, u32)>, Vec<(u32, u32)>) =
        children.iter().partition(|(image, _)| children.iter().any(|(_, parent)| parent == image));
    let rounds: Vec<Vec<(u32, u32)>> =
        inner.into_iter().map(|child| vec![child]).chain([leaves]).collect();
    let lost = |of_million: u64, seed: u64| {
        let mut lost = 0;
        for round in &rounds {
            let mut files = listings.files.clone();
            for (image, _) in round {
                files[*image as usize] =
                    thinned(&files[*image as usize], of_million, seed << 16 | u64::from(*image));
            }
            let found = Candidates::rank(&files.iter().collect::<Vec<_>>());
            let is_lost = |(image, parent): &&(u32, u32)| {
                found.parent(*image).is_none_or(|found| found.image != *parent)
            };
            lost += round.iter().filter(is_lost).count();
        }
        lost
    };
    let lost_by = |of_million| (1..4).map(|seed| lost(of_million, seed)).collect::<Vec<_>>();
    assert_eq!((lost_by(5_000), lost_by(10_000)), (vec![1, 2, 2], vec![4, 3, 3]));
}

/// Inventories by name, compared by their contents: no layers, nothing declared.
struct Flat {
    names: Vec<String>,
    inventories: Vec<Inventory>,
    files: Vec<PathSet>,
}

impl Flat {
    fn of(images: Vec<(String, Inventory)>) -> Self {
        let mut ids = ForeignPaths::new(None).unwrap();
        let (names, inventories): (Vec<String>, Vec<Inventory>) = images.into_iter().unzip();
        let files = inventories.iter().map(|it| ids.path_sets(it).unwrap()[0].clone()).collect();
        Self { names, inventories, files }
    }

    /// The sample family, but for those images.
    fn samples(without: &[&str]) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/images.oski");
        let images = oski::read(&mut std::fs::File::open(file).unwrap()).unwrap();
        let flat = |image: oski::OskiImage| {
            let layers: Vec<Arc<Layer>> =
                image.layers.iter().map(|layer| layer.layer.clone()).collect();
            (image.record.name, flatten(&layers).0)
        };
        let images = images.into_iter().map(flat);
        Self::of(images.filter(|(name, _)| !without.contains(&name.as_str())).collect())
    }

    fn number(&self, name: &str) -> u32 {
        u32::try_from(self.names.iter().position(|it| it == name).unwrap()).unwrap()
    }

    /// The graph; `declared` are pairs of an image and its declared base.
    fn lineage(&self, declared: &[(&str, &str)]) -> Lineage {
        let files: Vec<&PathSet> = self.files.iter().collect();
        let chains = vec![Chain::default(); files.len()];
        let mut bases = vec![None; files.len()];
        for (image, base) in declared {
            bases[self.number(image) as usize] = Some(self.number(base));
        }
        let survey = Survey::of(&files, Some(&chains)).declaring(bases);
        let look = |pair: (u32, u32)| {
            let [candidate, child] =
                [pair.0, pair.1].map(|image| &self.inventories[image as usize]);
            (pair, Look::at(candidate, child))
        };
        survey.lineage(&survey.questions().into_iter().map(look).collect())
    }

    fn parent<'l>(&self, lineage: &'l Lineage, child: &str) -> Option<(&str, &'l Edge)> {
        let child = self.number(child);
        let edge = lineage.edges.iter().find(|edge| edge.child == child)?;
        Some((&self.names[edge.parent as usize], edge))
    }
}

/// The known parents of the samples.
fn sample_parents() -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/truth.tsv");
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.map(|row| (row[0].to_owned(), row[1].to_owned())).collect()
}

#[test]
fn contents_tell_the_parents_of_the_samples_without_their_layers() {
    let samples = Flat::samples(&[]);
    let lineage = samples.lineage(&[]);
    let mut wrong = Vec::new();
    for (child, parent) in &sample_parents() {
        let found = samples.parent(&lineage, child);
        let name = found.map_or("-", |(name, _)| name);
        // The twins of an image are as good a parent.
        let is_it = name == parent
            || [name, parent].iter().all(|it| {
                ["bookworm-webapp", "bookworm-webapp-squashed", "bookworm-webapp-rebuilt"]
                    .contains(it)
            });
        if !is_it {
            wrong.push((child.clone(), name.to_owned(), found.map(|(_, edge)| edge.confidence)));
        }
    }
    assert_eq!(wrong, []);
    // What a clean-up left is told as such, and as a guess.
    for (child, parent) in
        [("bookworm-slim", "bookworm-base"), ("bookworm-webapp-tidy", "bookworm-webapp-nginx")]
    {
        let (found, edge) = samples.parent(&lineage, child).unwrap();
        assert_eq!((found, edge.kind), (parent, EdgeKind::ChildWithEdits));
        assert!(edge.confidence <= 0.5);
        let left_over = |proof: &&Proof| matches!(proof, Proof::LeftOver { added: 0, .. });
        assert!(edge.proofs.iter().find(left_over).is_some(), "{edge:?}");
    }
}
