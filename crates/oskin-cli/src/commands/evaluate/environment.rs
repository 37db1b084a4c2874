//! Whether the environments that images declare follow their software, by Mantel tests.

use super::lineage;
use crate::args::Evaluating;
use crate::error::CliError;
use crate::images::Workspace;
use crate::lineup::Lineup;
use crate::text;
use crate::truth::Truth;
use oskin::image::{Package, recorded_package};
use oskin::lineage::Draw;
use oskin::measure::{
    Chance, Correlation, Environment, LEAST_IMAGES, Measure, Scope, Triangle, alike, mantel,
};
use oskin::path_set::PathSet;
use oskin::report::{EnvironmentReport, EnvironmentTest, FamilySize, PackagesKnown};
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Of more images that declare an environment so many are drawn: a test of as many takes half a second.
const MOST_IMAGES: usize = 300;

/// The name of a package, in the terms of purls without the vendor.
type Name = (String, String, String);

/// Tests the images of a catalog.
pub(super) fn report(
    workspace: &mut Workspace,
    asked: &Evaluating,
    table: Option<&Truth>,
) -> Result<EnvironmentReport, CliError> {
    let chance = Chance { permutations: asked.environment.permutations, seed: asked.seed };
    let lineup = workspace.line_up(&[])?;
    let (places, environments, declaring) = declaring(workspace, &lineup, chance.seed)?;
    if places.len() < LEAST_IMAGES {
        let are = if declaring == 1 { "declares" } else { "declare" };
        let message = format!("{} {are} an environment", text::plural(declaring, "image"));
        return Err(CliError::new(message)
            .hint(format!("a correlation is told of {LEAST_IMAGES} images or more")));
    }
    let from = match (table, asked.paths_only) {
        (Some(_), _) => "truth",
        (None, true) => "paths",
        (None, false) => "lineage",
    };
    let names = match table {
        Some(table) => stated(&lineup, table),
        None => found(workspace, &lineup, asked.paths_only)?,
    };
    let mut report = EnvironmentReport::new(from, chance);
    report.images = lineup.names.len() as u64;
    report.declaring = declaring;
    report.tested = places.len() as u64;
    let variables: BTreeSet<&str> = environments.iter().flat_map(Environment::names).collect();
    report.variables = variables.len() as u64;
    report.same_names = environments.iter().all(|it| it.names().eq(environments[0].names()));
    let families = Families::of(&places, &names);
    report.families = families.sizes;
    let (packages, known) = packages(workspace, &lineup, &places)?;
    report.packages = known;
    let directories = workspace.directories(&lineup)?;
    let data = Data {
        environment: [
            ("names", triangle(&environments, Environment::names_alike)),
            ("names-and-values", triangle(&environments, Environment::values_alike)),
        ],
        files: dice(&places, &lineup.files),
        directories: dice(&places, &directories),
        packages,
        families: families.of,
    };
    report.tests = data.tests(chance);
    report.sum_up();
    Ok(report)
}

/// The images that declare an environment, or as many of them as are tested, by name; what these
/// declare; and how many declare any.
fn declaring(
    workspace: &mut Workspace,
    lineup: &Lineup,
    seed: u64,
) -> Result<(Vec<usize>, Vec<Environment>, u64), CliError> {
    let records = workspace.records(lineup)?;
    let all = records.iter().map(|record| Environment::new(&record.environment())).enumerate();
    let all: Vec<(usize, Environment)> = all.filter(|(_, it)| !it.is_empty()).collect();
    let count = all.len() as u64;
    let (places, environments) = drawn(all, &lineup.names, seed, MOST_IMAGES).into_iter().unzip();
    Ok((places, environments, count))
}

/// At most so many of some images, in the order of their names; drawn by name too, so that neither the choice
/// nor what permutations make of it depends on the order of adding.
fn drawn<T>(
    mut images: Vec<(usize, T)>,
    names: &[String],
    seed: u64,
    most: usize,
) -> Vec<(usize, T)> {
    if images.len() > most {
        images.sort_by_cached_key(|(image, _)| Draw::new(seed).with(names[*image].as_bytes()));
        images.truncate(most);
    }
    images.sort_by_key(|(image, _)| &names[*image]);
    images
}

/// The families that a table tells; an image that it does not know is of its own.
fn stated(lineup: &Lineup, table: &Truth) -> Vec<Option<String>> {
    lineup.names.iter().map(|name| table.family(name).map(str::to_owned)).collect()
}

/// The families that are found: the roots of tiny graphs.
fn found(
    workspace: &mut Workspace,
    lineup: &Lineup,
    paths_only: bool,
) -> Result<Vec<Option<String>>, CliError> {
    let (lineage, _) = lineage::find(workspace, lineup, (paths_only, false))?;
    let mut names = vec![None; lineup.names.len()];
    for component in &lineage.components {
        let root = component.first().map(|root| lineup.names[*root as usize].clone());
        for image in component {
            names[*image as usize].clone_from(&root);
        }
    }
    Ok(names)
}

/// The families of tested images as numbers.
struct Families {
    of: Vec<u32>,
    sizes: Vec<FamilySize>,
}

impl Families {
    fn of(places: &[usize], names: &[Option<String>]) -> Self {
        let mut numbers: BTreeMap<&str, (u32, u64)> = BTreeMap::new();
        let mut of = Vec::with_capacity(places.len());
        for (number, place) in (0..).zip(places) {
            // Nobody else gets the number of this image, unless it is in its family.
            let Some(name) = &names[*place] else {
                of.push(number);
                continue;
            };
            let family = numbers.entry(name).or_insert((number, 0));
            family.1 += 1;
            of.push(family.0);
        }
        let size =
            |(name, (_, images)): (&str, (u32, u64))| FamilySize { name: name.to_owned(), images };
        let mut sizes: Vec<FamilySize> = numbers.into_iter().map(size).collect();
        sizes.sort_by_key(|family| Reverse(family.images));
        Self { of, sizes }
    }
}

/// The names of the packages of each tested image, if they are known.
fn packages(
    workspace: &mut Workspace,
    lineup: &Lineup,
    places: &[usize],
) -> Result<(Vec<Option<BTreeSet<Name>>>, PackagesKnown), CliError> {
    let mut known = PackagesKnown::default();
    let ids = lineup.ids();
    let mut all = Vec::with_capacity(places.len());
    for place in places {
        let id = ids[*place];
        let told = id.map(|id| workspace.catalog()?.packages(id).map_err(CliError::from));
        let names =
            if let Some(told) = told.transpose()?.flatten().filter(|it| !it.list().is_empty()) {
                known.told += 1;
                Some(told.list().iter().map(name).collect())
            } else {
                let image = u32::try_from(*place).unwrap_or(u32::MAX);
                let entries = workspace.entries(lineup, image)?;
                let recorded = entries.iter().filter_map(|entry| recorded_package(entry.path));
                let deb = |name| ("deb".to_owned(), String::new(), name);
                let names: BTreeSet<Name> = recorded.map(deb).collect();
                (!names.is_empty()).then_some(names)
            };
        known.unknown += u64::from(names.is_none());
        all.push(names);
    }
    known.recorded = all.len() as u64 - known.told - known.unknown;
    Ok((all, known))
}

fn name(package: &Package) -> Name {
    let (kind, namespace, name) = package.full_name();
    (kind.to_owned(), namespace.to_owned(), name.to_owned())
}

fn triangle(of: &[Environment], alike: fn(&Environment, &Environment) -> f64) -> Triangle {
    Triangle::of(of.len(), |i, j| alike(&of[i], &of[j]))
}

fn dice(places: &[usize], sets: &[PathSet]) -> Triangle {
    let set = |at: usize| &sets[places[at]];
    Triangle::of(places.len(), |i, j| Measure::Dice.of(set(i).overlap(set(j))))
}

/// What is held against each other.
struct Data {
    environment: [(&'static str, Triangle); 2],
    files: Triangle,
    directories: Triangle,
    packages: Vec<Option<BTreeSet<Name>>>,
    families: Vec<u32>,
}

impl Data {
    /// All tests, in the order in which they are told.
    fn tests(&self, chance: Chance) -> Vec<EnvironmentTest> {
        let all: Vec<usize> = (0..self.families.len()).collect();
        let (with, sets): (Vec<usize>, Vec<&BTreeSet<Name>>) =
            (0..).zip(&self.packages).filter_map(|(at, it)| Some((at, it.as_ref()?))).unzip();
        let packages = alike(&sets);
        let software = [
            ("files", &self.files, &all),
            ("directories", &self.directories, &all),
            ("packages", &packages, &with),
        ];
        let mut asked = Vec::new();
        for (environment, left) in &self.environment {
            for (software, right, images) in software {
                let families: Vec<u32> = images.iter().map(|at| self.families[*at]).collect();
                let left = left.select(images);
                for pairs_of in ["all", "family-held", "within-families"] {
                    let names = [*environment, software, pairs_of];
                    asked.push((names, left.clone(), right, families.clone()));
                }
            }
        }
        let test = |(names, left, right, families): &([&'static str; 3], _, &_, Vec<u32>)| {
            let scope = match names[2] {
                "all" => Scope::All,
                "family-held" => Scope::FamilyHeld(families),
                _ => Scope::Within(families),
            };
            let of = |correlation| mantel(left, right, scope, correlation, chance);
            EnvironmentTest::new(*names, of(Correlation::Pearson), of(Correlation::Spearman))
        };
        asked.par_iter().map(test).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_follows_from_names_and_seed() {
        let names: Vec<String> = (0..50).map(|number| format!("image-{number}")).collect();
        let draw = |names: &[String], seed, most| -> BTreeSet<String> {
            let chosen = drawn((0..50).map(|at| (at, ())).collect(), names, seed, most);
            assert!(chosen.is_sorted_by_key(|(at, ())| &names[*at]));
            chosen.into_iter().map(|(at, ())| names[at].clone()).collect()
        };
        let reversed: Vec<String> = names.iter().rev().cloned().collect();
        let chosen = draw(&names, 1, 20);
        assert_eq!((chosen.len(), &chosen), (20, &draw(&reversed, 1, 20)));
        assert_ne!(chosen, draw(&names, 2, 20));
        assert!(chosen.is_subset(&draw(&names, 1, 21)));
        assert_eq!(draw(&names, 1, 50).len(), 50);
    }

    #[test]
    fn images_without_a_family_are_each_of_their_own() {
        let names = [Some("b"), None, Some("a"), Some("b"), None].map(|it| it.map(str::to_owned));
        let families = Families::of(&[0, 1, 2, 3, 4], &names);
        assert_eq!(families.of, [0, 1, 2, 0, 4]);
        let sizes: Vec<(&str, u64)> =
            families.sizes.iter().map(|it| (it.name.as_str(), it.images)).collect();
        assert_eq!(sizes, [("b", 2), ("a", 1)]);
    }
}
