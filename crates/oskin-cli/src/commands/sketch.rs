//! `oskin sketch`: sketches of images as a file, and the nearest images of such files.

use super::workspace;
use crate::args::{Global, Reading, SketchCommand};
use crate::error::CliError;
use crate::images::{Found, Workspace};
use crate::output::{Format, OutputSpec, Outputs, value_of};
use crate::text;
use oskin::ingest::ReadImage;
use oskin::measure::{Estimate, Measure, Probe, Sketch, path_hash};
use oskin::path_set::Selection;
use oskin::report::{NearestSketch, SketchFileReport, SketchNearestReport, SketchedImage};
use oskin::sketch_file::{SketchFileError, SketchHead, SketchReader, SketchWriter};
use oskin::source::Progress as _;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the sketches go unless something else is asked for.
const DEFAULT_FILE: &str = "oskin.sketches";

const BUFFER_BYTES: usize = 1 << 20;

/// Makes sketches, or looks for near ones.
pub(super) fn run(global: &Global, command: SketchCommand) -> Result<ExitCode, CliError> {
    match command {
        SketchCommand::Make { images, selection, hashes, reading } => {
            make(global, &images, SketchHead { selection, hashes }, reading)
        }
        SketchCommand::Near { image, files, measure, top, reading } => {
            let wanted = Wanted { image: &image, files: &files, measure, top };
            near(global, &wanted, reading)
        }
    }
}

/// Writes the sketches of images; of the whole catalog if none is named.
fn make(
    global: &Global,
    images: &[OsString],
    head: SketchHead,
    reading: Reading,
) -> Result<ExitCode, CliError> {
    let mut specs = global.output.clone();
    if specs.is_empty() && !global.json {
        specs.push(OutputSpec::file(Format::Sketches, DEFAULT_FILE));
    }
    let outputs = Outputs::of(global, specs, &[Format::Sketches])?;
    let mut workspace = workspace(global, reading)?;
    let items = items(&mut workspace, images)?;
    outputs.stream(|out, failed| write(out, failed, &mut workspace, &items, head))?;
    for file in outputs.files() {
        if !global.quiet {
            let line = format!("wrote {}\n", file.display());
            anstream::stderr().write_all(line.as_bytes())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An image that is to be sketched.
#[derive(Debug)]
enum Item {
    /// It is in the catalog, under this row.
    Kept(i64),
    /// It was read and is not kept.
    Read(Box<ReadImage>),
}

fn item_of(found: Found) -> Item {
    match found {
        Found::Kept(record) => Item::Kept(record.id),
        Found::Read(image) => Item::Read(image),
    }
}

fn items(workspace: &mut Workspace, images: &[OsString]) -> Result<Vec<(String, Item)>, CliError> {
    if images.is_empty() {
        let names = workspace.names_with_paths()?;
        return Ok(names.into_iter().map(|(id, name)| (name, Item::Kept(id))).collect());
    }
    let find = |image: &OsString| {
        let found = workspace.find(image)?;
        Ok((found.name().to_owned(), item_of(found)))
    };
    images.iter().map(find).collect()
}

fn write(
    out: &mut dyn Write,
    failed: &dyn Fn(std::io::Error) -> CliError,
    workspace: &mut Workspace,
    items: &[(String, Item)],
    head: SketchHead,
) -> Result<(), CliError> {
    let mut writer = SketchWriter::new(out, head).map_err(failed)?;
    // A path that several images hold is hashed once.
    let mut kept = None;
    if items.iter().any(|(_, item)| matches!(item, Item::Kept(_))) {
        let catalog = workspace.catalog()?;
        kept = Some((catalog, catalog.path_hashes()?));
    }
    for (name, item) in items {
        let hashes = match (item, &mut kept) {
            (Item::Read(image), _) => hashes_of(image, head.selection),
            (Item::Kept(id), Some((catalog, hashes))) => {
                hashes.of(&catalog.path_set(*id, head.selection)?)?
            }
            // What is kept was found in the catalog.
            (Item::Kept(_), None) => continue,
        };
        writer.write(name, hashes).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    Ok(())
}

/// The hashes of the paths of an image that is not kept.
fn hashes_of(image: &ReadImage, selection: Selection) -> Vec<u64> {
    let layers = image.inventory.layers();
    let path = |slot: oskin::inventory::Slot| layers[slot.layer as usize].path(slot.index as usize);
    image.inventory.selected(selection).map(|slot| path_hash(path(slot))).collect()
}

/// What is looked for.
#[derive(Debug)]
struct Wanted<'a> {
    image: &'a OsStr,
    files: &'a [PathBuf],
    measure: Measure,
    top: usize,
}

/// Lists the nearest images of files of sketches.
fn near(global: &Global, wanted: &Wanted<'_>, reading: Reading) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text, Format::Json])?;
    let mut workspace = workspace(global, reading)?;
    // What is wrong with the files is told before an image is read.
    let mut readers = Vec::new();
    for file in wanted.files {
        readers.push(open(file, &workspace)?);
    }
    let selection = selection_of(wanted.files, &readers)?;
    let found = workspace.find(wanted.image)?;
    let name = found.name().to_owned();
    let hashes = match item_of(found) {
        Item::Kept(id) => {
            let catalog = workspace.catalog()?;
            let mut hashes = catalog.path_hashes()?;
            hashes.of(&catalog.path_set(id, selection)?)?
        }
        Item::Read(image) => hashes_of(&image, selection),
    };
    // Whole, which makes the estimates better and those of small images exact.
    let probe = Probe::new(Sketch::new(hashes, usize::MAX));
    let mut best = Best { measure: wanted.measure, top: wanted.top, kept: Vec::new() };
    let mut files = Vec::new();
    for (file, mut reader) in wanted.files.iter().zip(readers) {
        workspace.bar().name(&file.to_string_lossy());
        let sketches = search(&mut reader, &probe, (files.len(), &mut best), &workspace)
            .map_err(|error| CliError::of_sketches(file, error))?;
        let hashes = reader.head().hashes;
        files.push(SketchFileReport { file: file.display().to_string(), hashes, sketches });
    }
    workspace.bar().finish();
    let image = SketchedImage { name, paths: probe.sketch().paths() };
    let report =
        |kept: Kept| NearestSketch::new(kept.name, files[kept.file].file.clone(), &kept.estimate);
    let nearest = best.kept.into_iter().map(report).collect();
    let report = SketchNearestReport::new(image, (selection, wanted.measure), files, nearest);
    outputs.answer(&value_of(&report)?, || text_of(&report, wanted.measure))?;
    Ok(ExitCode::SUCCESS)
}

type Reader = SketchReader<BufReader<File>>;

fn open(path: &Path, workspace: &Workspace) -> Result<Reader, CliError> {
    let failed =
        |error: std::io::Error| CliError::new(format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    workspace.bar().expect(file.metadata().map_err(failed)?.len());
    SketchReader::new(BufReader::with_capacity(BUFFER_BYTES, file))
        .map_err(|error| CliError::of_sketches(path, error))
}

/// The selection of all files, which must be the same.
fn selection_of(files: &[PathBuf], readers: &[Reader]) -> Result<Selection, CliError> {
    let mut selections = files.iter().zip(readers.iter().map(|reader| reader.head().selection));
    let Some((first, selection)) = selections.next() else { return Ok(Selection::default()) };
    match selections.find(|(_, other)| *other != selection) {
        None => Ok(selection),
        Some((other, of_other)) => Err(CliError::new(format!(
            "{} holds sketches of {selection}, {} of {of_other}",
            first.display(),
            other.display()
        ))
        .hint("ask for them one after the other")),
    }
}

/// Holds an image against all sketches of a file; returns how many there are.
fn search(
    reader: &mut Reader,
    probe: &Probe,
    (file, best): (usize, &mut Best),
    workspace: &Workspace,
) -> Result<u64, SketchFileError> {
    let (mut sketches, mut told) = (0, 0);
    while let Some((name, sketch)) = reader.next_sketch()? {
        sketches += 1;
        let paths = (probe.sketch().paths(), sketch.paths());
        if best.may_take(Estimate::most(best.measure, paths.0, paths.1)) {
            best.offer(name, file, probe.estimate(&sketch));
        }
        if sketches % 1024 == 0 {
            workspace.bar().advance(reader.offset() - told);
            told = reader.offset();
        }
    }
    workspace.bar().advance(reader.offset() - told);
    Ok(sketches)
}

/// The nearest so far, best first.
#[derive(Debug)]
struct Best {
    measure: Measure,
    top: usize,
    kept: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    value: f64,
    name: String,
    file: usize,
    estimate: Estimate,
}

impl Best {
    /// Whether a value of at most `most` could be among the nearest.
    fn may_take(&self, most: f64) -> bool {
        self.kept.len() < self.top || self.kept.last().is_some_and(|last| most >= last.value)
    }

    /// Takes an image if it is near enough; of equally near ones those whose name comes first.
    fn offer(&mut self, name: String, file: usize, estimate: Estimate) {
        let value = self.measure.of(estimate.overlap());
        let before = |kept: &Kept| {
            let by_value = value.total_cmp(&kept.value);
            by_value.then_with(|| kept.name.cmp(&name)).is_le()
        };
        let at = self.kept.partition_point(before);
        if at < self.top {
            self.kept.insert(at, Kept { value, name, file, estimate });
            self.kept.truncate(self.top);
        }
    }
}

fn text_of(report: &SketchNearestReport, measure: Measure) -> String {
    let sketches = report.files.iter().map(|file| file.sketches).sum();
    let mut text = format!(
        "nearest to {} ({} {}) by {}, of {} in {}\n\n",
        text::printable(&report.image.name),
        text::count(report.image.paths),
        noun(report.selection),
        report.measure,
        text::plural(sketches, "sketch").replace("sketchs", "sketches"),
        text::plural(report.files.len() as u64, "file")
    );
    let row = |near: &NearestSketch| {
        let values = near.values(measure);
        let (common, value, within) = if near.exact {
            let common = text::count(near.common.estimate);
            (common, format!("{:.6}", values.estimate), "exact".to_owned())
        } else {
            let common = format!("~{}", text::count(near.common.estimate));
            let within = format!("{:.4} to {:.4}", values.low, values.high);
            (common, format!("~{:.4}", values.estimate), within)
        };
        let paths = text::count(near.paths);
        vec![near.name.clone(), paths, common, value, within, near.file.clone()]
    };
    let heading = format!(">{}", report.measure.to_uppercase());
    let headings = ["IMAGE", ">PATHS", ">COMMON", &heading, "WITHIN", "FILE"];
    text.push_str(&text::table(&headings, report.nearest.iter().map(row).collect()));
    if report.nearest.iter().any(|near| !near.exact) {
        text.push_str(&format!(
            "\n~ is an estimate from a sketch: the true value lies within the interval {:.0} times of 100 or more\n\
             often. Enough to find what is near, not to tell what was built from what.\n",
            report.confidence * 100.0
        ));
    }
    text
}

/// What a selection counts, in words.
fn noun(selection: &str) -> &str {
    if selection == Selection::Both.name() { "files and directories" } else { selection }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_kept_in_order_whatever_comes_first() {
        let sketch = |range: std::ops::Range<u64>| Sketch::new(range.collect(), usize::MAX);
        let probe = Probe::new(sketch(0..10));
        let mut offers = vec![
            ("d", sketch(0..10)),
            ("c", sketch(0..5)),
            ("b", sketch(0..10)),
            ("a", sketch(0..2)),
            ("e", sketch(5..10)),
        ];
        for _ in 0..offers.len() {
            offers.rotate_left(1);
            let mut best = Best { measure: Measure::Dice, top: 3, kept: Vec::new() };
            for (name, sketch) in &offers {
                if best.may_take(Estimate::most(Measure::Dice, 10, sketch.paths())) {
                    best.offer((*name).to_owned(), 0, probe.estimate(sketch));
                }
            }
            let names: Vec<&str> = best.kept.iter().map(|kept| kept.name.as_str()).collect();
            assert_eq!(names, ["b", "d", "c"]);
        }
    }
}
