//! Parents of real images by paths alone, after something happened to the children.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{read_text, shared_data};
use oskin::ingest::ForeignPaths;
use oskin::inventory::Inventory;
use oskin::lineage::{Candidates, Decision, Draw, Look, Perturbation, Trials};
use oskin::path_set::PathSet;
use std::collections::BTreeMap;

/// The listings of official images of January 2017 that are at hand, with the known parents.
struct Listings {
    names: Vec<String>,
    inventories: Vec<Inventory>,
    children: Vec<(u32, u32)>,
}

impl Listings {
    fn read() -> Option<Self> {
        let data = shared_data()?;
        let table = std::fs::read_to_string(data.join("listings-2017/gold.tsv")).unwrap();
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
        let column = |name: &str| rows[0].iter().position(|it| *it == name).unwrap();
        let (image, parent) = (column("image"), column("nearest_ancestor_in_corpus"));
        let (mut names, mut inventories, mut stated) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows.iter().skip(1).filter(|row| row[0] != "docker-os") {
            let file = data.join(format!("listings-2017/library/{}.img.zip", row[image]));
            if file.exists() {
                inventories.push(read_text(file.to_str().unwrap()).unwrap().1);
                names.push(row[image].to_owned());
                stated.push(row[parent]);
            }
        }
        let number = |name: &str| {
            names.iter().position(|it| it == name).map(|at| u32::try_from(at).unwrap())
        };
        let child = |(image, parent): (u32, &&str)| Some((image, number(parent)?));
        let children = (0..).zip(&stated).filter_map(child).collect();
        Some(Self { names, inventories, children })
    }

    /// How many children lose their parent, for each change: left without one, or with another.
    fn lost(&self, changes: &[(Perturbation, u64)]) -> Vec<usize> {
        let mut ids = ForeignPaths::new(None).unwrap();
        let sets: Vec<PathSet> =
            self.inventories.iter().map(|it| ids.path_sets(it).unwrap()[0].clone()).collect();
        let all: Vec<&PathSet> = sets.iter().collect();
        let candidates = Candidates::rank(&all);
        let trials = Trials::of(&all, &candidates);
        let mut lost = vec![0; changes.len()];
        for &(child, parent) in &self.children {
            let before = &self.inventories[child as usize];
            for ((change, seed), lost) in changes.iter().zip(&mut lost) {
                let draw = Draw::new(*seed).with(self.names[child as usize].as_bytes());
                let [gone, new] = change.changes(before, draw);
                let [gone, _] = ids.path_sets(&gone).unwrap();
                let [new, _] = ids.path_sets(&new).unwrap();
                let files = sets[child as usize].difference(&gone).union(&new);
                let ranked = trials.rank(&files, &[child]);
                let decision = Decision::on(&ranked);
                let after = change.apply(before, draw);
                let look = |image| (image, Look::at(&self.inventories[image as usize], &after));
                let looks: BTreeMap<u32, Look> = decision.questions().map(look).collect();
                let found = decision.parent(&looks, |_| false).map(|(image, _)| image);
                *lost += usize::from(found != Some(parent));
            }
        }
        lost
    }
}

#[test]
fn few_parents_are_lost_to_deletions_and_upgrades() {
    let Some(listings) = Listings::read() else { return };
    assert_eq!(listings.children.len(), 35);
    let delete = |share| (1..=3).map(move |seed| (Perturbation::Delete(share), seed));
    let upgrade = (1..=3).map(|seed| (Perturbation::Upgrade(0.15), seed));
    let changes: Vec<(Perturbation, u64)> =
        delete(0.0).take(1).chain(delete(0.005)).chain(delete(0.01)).chain(upgrade).collect();
    let lost = listings.lost(&changes);
    assert_eq!(lost[0], 0);
    assert!(lost[1..4].iter().all(|lost| *lost <= 3), "0.5 % deleted: {lost:?}");
    assert!(lost[4..7].iter().all(|lost| *lost <= 4), "1 % deleted: {lost:?}");
    assert!(lost[7..].iter().all(|lost| *lost <= 3), "upgraded: {lost:?}");
}
