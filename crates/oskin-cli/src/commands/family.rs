//! What the questions about families have in common: the graph of a catalog and one image of it.

use super::{lineage, lineage_text, workspace};
use crate::args::{Global, Reading};
use crate::error::CliError;
use crate::images::{Found, Workspace};
use crate::lineup::Lineup;
use crate::text;
use oskin::dockerfile::Reference;
use oskin::image::ImageRecord;
use oskin::lineage::{Facts, Growth, Lineage, Moment};
use oskin::report::{EdgeReport, TwinReport};
use std::ffi::OsStr;

/// The family graph of a catalog.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) workspace: Workspace,
    pub(super) lineup: Lineup,
    pub(super) lineage: Lineage,
    pub(super) paths_only: bool,
    /// The numbers of the images that were asked for.
    pub(super) asked: Vec<u32>,
}

impl Family {
    /// Finds the graph of all images of the catalog, and of those asked for that are not there.
    pub(super) fn find(
        global: &Global,
        images: &[&OsStr],
        (paths_only, reading): (bool, Reading),
    ) -> Result<Self, CliError> {
        let mut workspace = workspace(global, reading)?;
        // Without a catalog there is no family.
        workspace.catalog()?;
        let found = images.iter().map(|image| workspace.find(image)).collect::<Result<_, _>>()?;
        Self::of(workspace, found, paths_only)
    }

    /// The same of images that were found already.
    pub(super) fn of(
        mut workspace: Workspace,
        found: Vec<Found>,
        paths_only: bool,
    ) -> Result<Self, CliError> {
        let (lineup, asked) = workspace.line_up_with(found)?;
        let (lineage, _) = lineage::find(&mut workspace, &lineup, (paths_only, false))?;
        Ok(Self { workspace, lineup, lineage, paths_only, asked })
    }

    /// What one image has beside another: by paths only, no contents.
    pub(super) fn growth(&mut self, parent: u32, child: u32) -> Result<Growth, CliError> {
        if self.paths_only {
            let [ours, theirs] = [parent, child].map(|image| &self.lineup.files[image as usize]);
            let overlap = ours.overlap(theirs);
            let (added, missing) = (overlap.right_only, overlap.left_only);
            return Ok(Growth { added, missing, changed: None, bytes: None });
        }
        let parent = self.workspace.entries(&self.lineup, parent)?;
        Ok(Growth::of(&parent, &self.workspace.entries(&self.lineup, child)?))
    }

    /// What is told of each image.
    pub(super) fn records(&mut self) -> Result<Vec<ImageRecord>, CliError> {
        self.workspace.records(&self.lineup)
    }
}

/// The reference that the source of an image told, else the name of the image.
pub(super) fn reference_of(record: &ImageRecord) -> &str {
    record.reference.as_deref().unwrap_or(&record.name)
}

/// What tells which build an image is.
pub(super) fn facts_of(record: &ImageRecord) -> Facts {
    let declared = record.declared();
    let reference = Reference::parse(reference_of(record)).ok();
    Facts {
        created: declared.created.as_deref().and_then(Moment::of_build),
        system: record.os.clone().unwrap_or_default(),
        platform: declared.platform,
        repository: reference.map(|it| format!("{}:{}", it.name(), variant_of(it.tag()))),
    }
}

/// The words of a tag that are no version: `3.12-slim` and `3.13-slim` are builds of one thing,
/// `3.13` is of another.
fn variant_of(tag: Option<&str>) -> String {
    let words = tag.unwrap_or_default().split('-').map(|word| {
        let is_version = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        if is_version(word.trim_start_matches('v')) || word == "latest" {
            return "";
        }
        // As in `alpine3.19`.
        word.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
    });
    words.filter(|word| !word.is_empty()).collect::<Vec<&str>>().join("-")
}

/// The names of what is the same, ready to stand behind the name of an image.
pub(super) fn twins_text(twins: &[TwinReport]) -> String {
    let names: Vec<String> =
        twins.iter().map(|twin| format!("{} ({})", twin.name, twin.kind)).collect();
    match &names[..] {
        [] => String::new(),
        names => format!("the same files: {}\n", text::printable(&names.join(", "))),
    }
}

/// Why an image is said to hang on another, in a few words.
pub(super) fn link_words(edge: Option<&EdgeReport>, twin: Option<&str>) -> String {
    match edge {
        Some(edge) => lineage_text::words(edge),
        None => format!("({})", twin.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::variant_of;

    #[test]
    fn variants_are_what_is_no_version() {
        for (tag, variant) in [
            ("3.12-slim", "slim"),
            ("slim", "slim"),
            ("3.12", ""),
            ("latest", ""),
            ("v2", ""),
            ("20.04-v1.2", ""),
            ("3.12-alpine3.19", "alpine"),
            ("bookworm-20240101-slim", "bookworm-slim"),
            ("vanilla", "vanilla"),
            ("8u151-jre", "jre"),
        ] {
            assert_eq!(variant_of(Some(tag)), variant, "{tag}");
        }
        assert_eq!(variant_of(None), "");
    }
}
