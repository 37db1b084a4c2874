//! `oskin.evaluate-tags/1`: whether images are told by their own name, judged by known names.

use super::evaluate::ShareReport;
use crate::lineage::Tally;
use crate::software::tags::Tag;
use serde::Serialize;

/// Tags of images held against their own names.
#[derive(Clone, Debug, Serialize)]
pub struct EvaluateTagsReport {
    schema: &'static str,
    /// Whether nothing but paths was looked at.
    pub paths_only: bool,
    /// Whether the rules for the own program of each image were left out of the table of programs.
    pub rules_left_out: bool,
    /// Images whose tags were judged.
    pub judged: u64,
    /// Not judged: images that are known to stand on nothing.
    pub bases: u64,
    /// Not judged: images that are known to be for no software.
    pub nameless: u64,
    /// Not judged: images without a file, or without a path that their base has not.
    pub adding_nothing: u64,
    /// Images that are told of and are not there.
    pub absent: u64,
    /// Which they are, by the bytes of their names.
    pub absent_images: Vec<String>,
    /// What tells the bases of judged images.
    pub base_by: BaseCounts,
    /// How often the own name is among so many first tags of those shown, in ascending order of these.
    pub first: Vec<FirstTagsReport>,
    /// The median number of tags shown; `None` if no image was judged.
    pub shown_median: Option<f64>,
    /// The judged images, in the order of the catalog.
    pub images: Vec<JudgedTagsReport>,
}

/// What tells the bases of images.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct BaseCounts {
    /// The table of known answers.
    pub truth: u64,
    /// What is found in the catalog.
    pub found: u64,
    /// Nothing: all that such images have is theirs.
    pub none: u64,
}

/// How often the own name is among the first tags.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FirstTagsReport {
    /// Among how many.
    pub tags: u64,
    /// How often.
    #[serde(flatten)]
    pub share: ShareReport,
}

/// An image with the place of its own name among its tags.
#[derive(Clone, Debug, Serialize)]
pub struct JudgedTagsReport {
    /// The image.
    pub name: String,
    /// The names that count as its own, in lower case.
    pub names: Vec<String>,
    /// What it stands on.
    pub base: Option<String>,
    /// `truth`, `found` or `none`: what tells that.
    pub base_by: &'static str,
    /// How many paths it has that the base has not.
    pub added: u64,
    /// The place of its own name among the tags shown, from 1 on; `None` if it is not among them.
    pub rank: Option<u64>,
    /// The same among all tags, those included that do not stand out.
    pub rank_of_all: Option<u64>,
    /// The names of the tags shown, those that weigh most first.
    pub tags: Vec<String>,
}

impl JudgedTagsReport {
    /// Ranks the own names of an image among all its tags, of which the first `shown` are shown.
    pub fn new(
        (name, names): (&str, Vec<String>),
        (base, base_by): (Option<String>, &'static str),
        added: u64,
        (all, shown): (&[Tag], usize),
    ) -> Self {
        let is_own = |tag: &Tag| names.iter().any(|name| tag.name.eq_ignore_ascii_case(name));
        let place = all.iter().position(is_own);
        let rank = |place: usize| place as u64 + 1;
        Self {
            name: name.to_owned(),
            base,
            base_by,
            added,
            rank: place.filter(|place| *place < shown).map(rank),
            rank_of_all: place.map(rank),
            tags: all.iter().take(shown).map(|tag| tag.name.clone()).collect(),
            names,
        }
    }
}

impl EvaluateTagsReport {
    /// An empty report, to be filled in.
    pub fn new(paths_only: bool, rules_left_out: bool) -> Self {
        Self {
            schema: "oskin.evaluate-tags/1",
            paths_only,
            rules_left_out,
            judged: 0,
            bases: 0,
            nameless: 0,
            adding_nothing: 0,
            absent: 0,
            absent_images: Vec::new(),
            base_by: BaseCounts::default(),
            first: Vec::new(),
            shown_median: None,
            images: Vec::new(),
        }
    }

    /// Counts the images that are filled in, for the first tags up to each of these numbers.
    pub fn sum_up(&mut self, tops: &[usize]) {
        self.judged = self.images.len() as u64;
        for image in &self.images {
            *match image.base_by {
                "truth" => &mut self.base_by.truth,
                "found" => &mut self.base_by.found,
                _ => &mut self.base_by.none,
            } += 1;
        }
        let mut tops = tops.to_vec();
        tops.sort_unstable();
        tops.dedup();
        for top in tops {
            let tags = top as u64;
            let mut tally = Tally::default();
            for image in &self.images {
                tally.count(image.rank.is_some_and(|rank| rank <= tags));
            }
            self.first.push(FirstTagsReport { tags, share: tally.into() });
        }
        let mut shown: Vec<usize> = self.images.iter().map(|image| image.tags.len()).collect();
        shown.sort_unstable();
        // Of an even number the mean of the two in the middle.
        let middle = [shown.len().saturating_sub(1) / 2, shown.len() / 2];
        let [low, high] = middle.map(|at| shown.get(at).copied());
        self.shown_median = low.zip(high).map(|(low, high)| (low + high) as f64 / 2.0);
    }
}
