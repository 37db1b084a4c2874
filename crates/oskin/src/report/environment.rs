//! `oskin.environment/1`: whether the environments that images declare follow their software.

use crate::measure::{Chance, Correlated, Mantel};
use serde::Serialize;

/// The significance below which a correlation is told as one.
const SIGNIFICANT: f64 = 0.05;

/// The answer, test by test.
#[derive(Clone, Debug, Serialize)]
pub struct EnvironmentReport {
    schema: &'static str,
    /// Images with paths that were looked at.
    pub images: u64,
    /// Of these, how many declare a variable.
    pub declaring: u64,
    /// Of these, how many were tested: all, or as many as were drawn.
    pub tested: u64,
    /// How many different names of variables the tested images declare.
    pub variables: u64,
    /// Whether all of them declare the same names.
    pub same_names: bool,
    /// Where the packages of the tested images are told.
    pub packages: PackagesKnown,
    /// `truth` or `lineage`: what families are taken from.
    pub families_from: &'static str,
    /// The families of tested images, largest first, of equals by name.
    pub families: Vec<FamilySize>,
    /// The most orders of the images that are drawn for a test.
    pub permutations: u64,
    /// What they follow from.
    pub seed: u64,
    /// One for each two similarities and each way to look at the pairs.
    pub tests: Vec<EnvironmentTest>,
    /// The answer in words, for people.
    pub summary: String,
}

/// Of how many images packages are known.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct PackagesKnown {
    /// Told with the image.
    pub told: u64,
    /// By name, from the paths of the records of dpkg.
    pub recorded: u64,
    /// Not known; these images are in no test of packages.
    pub unknown: u64,
}

/// A family and its images that are tested.
#[derive(Clone, Debug, Serialize)]
pub struct FamilySize {
    /// Its name in the table, or its root.
    pub name: String,
    /// How many images are tested.
    pub images: u64,
}

/// One similarity of environments held against one of software.
#[derive(Clone, Debug, Serialize)]
pub struct EnvironmentTest {
    /// `names` or `names-and-values`.
    pub environment: &'static str,
    /// `files`, `directories` or `packages`.
    pub software: &'static str,
    /// `all`, `family-held` or `within-families`.
    pub pairs_of: &'static str,
    /// Images in a pair that counts.
    pub images: u64,
    /// Pairs that count.
    pub pairs: u64,
    /// Pearson's coefficient; null where nothing can vary.
    pub r: Option<f64>,
    /// Its significance, one-sided.
    pub p: Option<f64>,
    /// The coefficient of ranks (Spearman).
    pub rho: Option<f64>,
    /// Its significance, one-sided.
    pub rho_p: Option<f64>,
    /// How many orders of the images were tried.
    pub permutations: u64,
    /// Whether these are all that there are.
    pub exact: bool,
}

impl EnvironmentTest {
    /// Makes a row of the names of both similarities and of the pairs, and the tests of values and ranks.
    pub fn new(
        [environment, software, pairs_of]: [&'static str; 3],
        values: Mantel,
        ranks: Mantel,
    ) -> Self {
        let split = |found: Option<Correlated>| found.map(|it| (it.coefficient, it.p)).unzip();
        let ((r, p), (rho, rho_p)) = (split(values.found), split(ranks.found));
        Self {
            environment,
            software,
            pairs_of,
            images: values.images,
            pairs: values.pairs,
            r,
            p,
            rho,
            rho_p,
            permutations: values.permutations,
            exact: values.is_exact,
        }
    }
}

impl EnvironmentReport {
    /// An empty report, to be filled in.
    pub fn new(families_from: &'static str, chance: Chance) -> Self {
        Self {
            schema: "oskin.environment/1",
            images: 0,
            declaring: 0,
            tested: 0,
            variables: 0,
            same_names: true,
            packages: PackagesKnown::default(),
            families_from,
            families: Vec::new(),
            permutations: chance.permutations,
            seed: chance.seed,
            tests: Vec::new(),
            summary: String::new(),
        }
    }

    /// Says in words what the tests tell: of names and values, and files.
    pub fn sum_up(&mut self) {
        let find = |pairs_of: &str| {
            let is_it = |it: &&EnvironmentTest| {
                (it.environment, it.software, it.pairs_of)
                    == ("names-and-values", "files", pairs_of)
            };
            self.tests.iter().find(is_it)
        };
        let words = |test: Option<&EnvironmentTest>| match test.and_then(|it| it.r.zip(it.p)) {
            None => "cannot be told, as there are too few images, or nothing varies".to_owned(),
            Some((r, p)) if p <= SIGNIFICANT => {
                let share = r * r * 100.0;
                format!(
                    "yes, {} (r = {r:.3}, p = {p:.4}, {share:.0} % of what varies)",
                    strength(r)
                )
            }
            Some((r, p)) => format!("no more than by chance (r = {r:.3}, p = {p:.4})"),
        };
        self.summary = format!(
            "Do images that declare more alike environments (names and values) hold more alike files? Over all \
             pairs: {}; with the base family held constant: {}; within base families: {}.",
            words(find("all")),
            words(find("family-held")),
            words(find("within-families"))
        );
    }
}

/// The usual words for a coefficient (Cohen 1988).
fn strength(coefficient: f64) -> &'static str {
    if coefficient >= 0.5 {
        "strongly"
    } else if coefficient >= 0.3 {
        "moderately"
    } else {
        "weakly"
    }
}
