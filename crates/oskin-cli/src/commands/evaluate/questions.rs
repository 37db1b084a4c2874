//! What a measure is asked of images with known answers, and how often it is right.

use crate::truth::Truth;
use oskin::lineage::Tally;
use oskin::measure::{AnyRow, Measure};
use oskin::report::AskedQuestions;

/// The answers that are known, by the numbers of images.
#[derive(Debug)]
pub(super) struct Questions {
    /// The nearest known ancestor that is there. What shares exactly as much with the image counts as it:
    /// mostly a copy.
    parents: Vec<Option<usize>>,
    /// The base family.
    families: Vec<Option<String>>,
    /// The family of releases, and the place in it.
    releases: Vec<Option<(String, usize)>>,
    /// The software that an image is for.
    software: Vec<Option<String>>,
    /// The images in the order of their names.
    by_name: Vec<usize>,
}

/// How often a measure was right.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scores {
    parent: Tally,
    family: Tally,
    release: Tally,
    software: Tally,
}

impl Scores {
    /// In the order of the questions.
    pub(super) const fn tallies(self) -> [Tally; 4] {
        [self.parent, self.family, self.release, self.software]
    }
}

impl Questions {
    /// The questions that a table of known answers makes.
    pub(super) fn of(names: &[String], truth: &Truth) -> Self {
        let place = |name: &str| names.iter().position(|it| it == name);
        let parents = names.iter().map(|name| truth.ancestors(name).into_iter().find_map(place));
        let families = names.iter().map(|name| truth.family(name).map(str::to_owned));
        let releases = names.iter().map(|name| truth.release(name));
        let software = names.iter().map(|name| truth.software(name).map(str::to_owned));
        let mut by_name: Vec<usize> = (0..names.len()).collect();
        by_name.sort_by_key(|image| &names[*image]);
        let mut questions = Self {
            parents: parents.collect(),
            families: families.collect(),
            releases: Vec::new(),
            software: software.collect(),
            by_name,
        };
        questions.releases = in_order(releases.collect());
        questions
    }

    /// Of how many images each question is asked.
    pub(super) fn asked(&self) -> AskedQuestions {
        let count = |is_asked: &dyn Fn(usize) -> bool| {
            (0..self.parents.len()).filter(|image| is_asked(*image)).count() as u64
        };
        AskedQuestions {
            parent: count(&|image| self.parents[image].is_some()),
            family: count(&|image| self.has_kin(image)),
            release: count(&|image| self.has_neighbors(image)),
            software: count(&|image| self.has_likes(image)),
        }
    }

    /// Asks a measure all questions about the image of a row.
    pub(super) fn ask(&self, row: AnyRow<'_>, measure: Measure, scores: &mut Scores) {
        let image = row.image();
        let nearest = |is_candidate: &dyn Fn(usize) -> bool| {
            nearest(row, measure, (&self.by_name, is_candidate))
        };
        if let Some(parent) = self.parents[image] {
            let found = nearest(&|_| true);
            let told = |it: usize| (row.overlap(it), row.value(measure, it).to_bits());
            scores.parent.count(found.is_some_and(|it| it == parent || told(it) == told(parent)));
        }
        if self.has_kin(image) {
            let found = nearest(&|_| true);
            scores.family.count(found.is_some_and(|it| self.families[it] == self.families[image]));
        }
        if self.has_neighbors(image) {
            let found = nearest(&|other| self.are_releases(image, other));
            let are_next = |other: usize| match (&self.releases[image], &self.releases[other]) {
                (Some((_, one)), Some((_, other))) => one.abs_diff(*other) == 1,
                _ => false,
            };
            scores.release.count(found.is_some_and(are_next));
        }
        if self.has_likes(image) {
            let found = nearest(&|other| self.are_of_other_families(image, other));
            scores
                .software
                .count(found.is_some_and(|it| self.software[it] == self.software[image]));
        }
    }

    /// Whether another image of the same base family is there.
    fn has_kin(&self, image: usize) -> bool {
        let Some(family) = &self.families[image] else { return false };
        self.families
            .iter()
            .enumerate()
            .any(|(other, it)| other != image && it.as_ref() == Some(family))
    }

    fn are_releases(&self, image: usize, other: usize) -> bool {
        match (&self.releases[image], &self.releases[other]) {
            (Some((one, at)), Some((other, place))) => one == other && at != place,
            _ => false,
        }
    }

    /// Whether the family of releases has three or more.
    fn has_neighbors(&self, image: usize) -> bool {
        let others = (0..self.releases.len()).filter(|other| self.are_releases(image, *other));
        others.count() >= 2
    }

    fn are_of_other_families(&self, image: usize, other: usize) -> bool {
        match (&self.families[image], &self.families[other]) {
            (Some(one), Some(other)) => one != other,
            _ => false,
        }
    }

    /// Whether the same software is there in another base family.
    fn has_likes(&self, image: usize) -> bool {
        let Some(software) = &self.software[image] else { return false };
        let alike = |other: &usize| {
            self.software[*other].as_ref() == Some(software)
                && self.are_of_other_families(image, *other)
        };
        (0..self.software.len()).any(|other| alike(&other))
    }
}

/// The most alike of some images, as `oskin matrix --top 1` has it; of those that are quite equal the first by
/// name, so that the order of adding is no matter.
fn nearest(
    row: AnyRow<'_>,
    measure: Measure,
    (by_name, is_candidate): (&[usize], &dyn Fn(usize) -> bool),
) -> Option<usize> {
    let mut best: Option<(f64, u64, usize)> = None;
    for other in by_name.iter().copied().filter(|it| *it != row.image() && is_candidate(*it)) {
        let (value, common) = (row.value(measure, other), row.overlap(other).common);
        if best.is_none_or(|best| (value, common) > (best.0, best.1)) {
            best = Some((value, common, other));
        }
    }
    best.map(|(_, _, other)| other)
}

/// Places of releases within their families, from their versions.
fn in_order(releases: Vec<Option<(&str, &str)>>) -> Vec<Option<(String, usize)>> {
    let mut known: Vec<(&str, Vec<u64>, &str)> =
        releases.iter().flatten().map(|(family, it)| (*family, numbers(it), *it)).collect();
    known.sort();
    known.dedup();
    let place = |(family, release): (&str, &str)| {
        let mut same = known.iter().filter(|it| it.0 == family);
        let place = same.position(|it| it.2 == release).unwrap_or_default();
        (family.to_owned(), place)
    };
    releases.into_iter().map(|it| it.map(place)).collect()
}

/// The numbers in a version.
fn numbers(release: &str) -> Vec<u64> {
    let parts = release.split(|it: char| !it.is_ascii_digit()).filter(|it| !it.is_empty());
    parts.map(|it| it.parse().unwrap_or(u64::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_sorted_by_their_numbers() {
        let releases =
            [Some(("a", "3.9")), None, Some(("a", "3.10")), Some(("b", "1")), Some(("a", "3.9"))];
        let places: Vec<Option<usize>> =
            in_order(releases.to_vec()).into_iter().map(|it| it.map(|(_, place)| place)).collect();
        assert_eq!(places, [Some(0), None, Some(1), Some(0), Some(0)]);
    }
}
