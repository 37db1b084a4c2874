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

#[test]
fn what_is_left_of_an_image_is_not_told_of_others() {
    let truth = sample_parents();
    // Whichever image is not there, only those of which something was left are said to be that.
    for gone in ["bookworm-base", "bookworm-webapp-nginx", "bookworm-webapp", "trixie-base"] {
        let samples = Flat::samples(&[gone]);
        for edge in samples.lineage(&[]).edges {
            if edge.proofs.iter().any(|proof| matches!(proof, Proof::LeftOver { .. })) {
                let [child, parent] =
                    [edge.child, edge.parent].map(|image| &samples.names[image as usize]);
                assert_eq!(truth.get(child), Some(parent), "without {gone}");
                assert!(edge.confidence <= 0.5);
            }
        }
    }
}

#[test]
fn declared_bases_are_verified() {
    // Without their parents, and without layers.
    let samples = Flat::samples(&["bookworm-webapp-nginx"]);
    let lineage = samples.lineage(&[
        ("bookworm-webapp-tidy", "bookworm-webapp"),
        ("bookworm-webapp", "bookworm-base"),
        ("bookworm-php", "trixie-base"),
        ("bookworm-httpd", "bookworm-busybox"),
        ("trixie-base", "bookworm-base"),
        ("sid-python", "sid-base"),
    ]);
    let told = |child: &str| {
        let number = samples.number(child);
        let claim = lineage.declared.iter().find(|claim| claim.child == number).unwrap();
        let parent = samples.parent(&lineage, child);
        let is_told = |edge: &Edge| {
            edge.proofs.iter().any(|proof| matches!(proof, Proof::Declared { standing, .. } if *standing == claim.standing))
        };
        (parent.map(|(name, edge)| (name, is_told(edge))), claim.standing.name())
    };
    assert_eq!(told("sid-python"), (Some(("sid-base", true)), "confirmed"));
    assert_eq!(told("bookworm-webapp"), (Some(("bookworm-python", true)), "ancestor"));
    assert_eq!(told("bookworm-php"), (Some(("bookworm-nginx", true)), "not-confirmed"));
    assert_eq!(told("trixie-base"), (None, "not-confirmed"));
    // A clean-up removed a third of it: more than contents alone can confirm.
    assert_eq!(told("bookworm-webapp-tidy").1, "not-confirmed");
    // Two files on a small system: by its paths nobody is sure, but it is declared and contents agree.
    assert_eq!(told("bookworm-httpd"), (Some(("bookworm-busybox", true)), "confirmed"));
    let confidence = |lineage: &Lineage| {
        let (_, edge) = samples.parent(lineage, "bookworm-httpd").unwrap();
        edge.confidence
    };
    let undeclared = samples.lineage(&[]);
    assert!(undeclared.declared.is_empty());
    assert!(confidence(&lineage) >= confidence(&undeclared));
    // By paths alone nothing that is declared counts.
    let files: Vec<&PathSet> = samples.files.iter().collect();
    let survey = Survey::of(&files, None);
    let plain = survey.lineage(&BTreeMap::new());
    let declaring = Survey::of(&files, None).declaring(vec![Some(0); files.len()]);
    assert_eq!(declaring.questions(), survey.questions());
    assert_eq!(declaring.lineage(&BTreeMap::new()), plain);
}

#[test]
fn volatile_files_do_not_hide_a_parent() {
    let Some(data) = shared_data() else { return };
    let list = |name: &str| {
        let file = data.join("pathlists").join(format!("container-diff__{name}.paths.gz"));
        read_text(&format!("paths:{}", file.display())).unwrap().1
    };
    let changed = data.join("pathlists/container-diff__diff-modified.changed.txt");
    let changed = std::fs::read_to_string(changed).unwrap();
    let changed: Vec<&[u8]> =
        changed.lines().map(|path| path.trim_start_matches('/').as_bytes()).collect();
    // The lists tell paths, and what of them the child changed: contents that differ in just those.
    let with_contents = |inventory: &Inventory, of_changed: u8| {
        let mut layer = Layer::new();
        for entry in inventory.iter() {
            let byte = if changed.contains(&entry.path) { of_changed } else { 0 };
            let digest = Digest([byte; 32]);
            let digest = entry.kind.has_content().then_some(&digest);
            layer.push(&Entry { digest, ..entry }).unwrap();
        }
        layer.set_listing(true);
        flatten(&[Arc::new(layer)]).0
    };
    let (base, child) = (list("diff-base"), list("diff-modified"));
    let look = Look::at(&with_contents(&base, 1), &with_contents(&child, 2));
    let comparison = look.comparison;
    // All 27 files that the child changed are records, indexes, logs and caches.
    assert_eq!((comparison.content.changed, comparison.aside.changed), (27, 27));
    assert_eq!(comparison.same_content(), Some(1.0));
    assert_eq!(comparison.files.left_only - comparison.aside.left_only, look.deletions);

    let flat = Flat::of(vec![
        ("base".to_owned(), with_contents(&base, 1)),
        ("child".to_owned(), with_contents(&child, 2)),
    ]);
    let lineage = flat.lineage(&[]);
    let (parent, edge) = flat.parent(&lineage, "child").unwrap();
    assert_eq!((parent, edge.kind), ("base", EdgeKind::ChildWithEdits));
    assert!(edge.confidence >= 0.9, "{edge:?}");
    let aside = comparison.aside.changed + comparison.aside.left_only;
    let proof = Proof::Content { same: comparison.content.same, changed: 27, aside };
    assert_eq!(edge.proofs[0], proof);
}
