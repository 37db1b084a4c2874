//! `oskin demo`: the whole tour on the sample systems that come with oskin.

use super::compare;
use super::heatmap::Drawn;
use crate::args::{Global, Measuring, Reading};
use crate::error::CliError;
use crate::images::Workspace;
use crate::output::{Format, Outputs, write_file};
use crate::text;
use oskin::catalog::Catalog;
use oskin::ingest;
use oskin::measure::{Measure, OverlapMatrix};
use oskin::path_set::{PathSet, Selection};
use oskin::source::{self, ReadOptions};
use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

/// Inventories that oskin took of systems built from Debian packages; samples/README.md tells how.
const SAMPLES: &[u8] = include_bytes!("../../../../samples/images.oski");

/// How many nearest pairs the tour shows.
const SHOWN_PAIRS: usize = 6;

/// Adds the samples to a fresh catalog and shows what can be asked of it.
pub(super) fn run(global: &Global, directory: &Path) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Text])?;
    let database = directory.join("catalog.db");
    prepare(directory, &database)?;
    let mut catalog = Catalog::open_or_create(&database)?;
    let options = ReadOptions { all: true, ..ReadOptions::default() };
    let images = source::oski::from_bytes(SAMPLES, "samples")?;
    for image in &images {
        ingest::add(&mut catalog, image, None, &options)?;
    }
    drop(catalog);
    let mut workspace = Workspace::new(database.clone(), Reading::default(), true);
    let mut tour = format!(
        "Added {} of systems built from Debian packages to {}.\n",
        text::plural(images.len() as u64, "inventory").replace("ys", "ies"),
        database.display()
    );
    tour.push_str(&compared(&mut workspace)?);
    tour.push_str(&pairs(&mut workspace)?);
    let measuring = Measuring::default();
    let page = directory.join("heatmap.html");
    write_file(&page, &Drawn::of(&mut workspace, &[], &measuring)?.render(Format::Html))?;
    tour.push_str(&format!(
        "\nThe heatmap of all pairs is in {}: open it in a browser.\n\
         Go on with your own:  oskin add docker-archive:FILE  (or oci:, rootfs:, tar:, host:, paths:)\n\
         Or with these:        oskin --catalog {} ls\n",
        page.display(),
        database.display()
    ));
    outputs.write(|_| Ok(tour.clone().into_bytes()))?;
    Ok(ExitCode::SUCCESS)
}

/// Makes the directory; only an earlier demo in it is overwritten.
fn prepare(directory: &Path, database: &Path) -> Result<(), CliError> {
    let occupied =
        directory.exists() && !database.exists() && directory.read_dir()?.next().is_some();
    if occupied {
        let message = format!("{} exists and holds something else", directory.display());
        return Err(CliError::new(message).hint("name another directory with --dir"));
    }
    std::fs::create_dir_all(directory)
        .map_err(|error| CliError::new(format!("cannot make {}: {error}", directory.display())))?;
    if database.exists() {
        // Only what opens as a catalog is one of ours.
        drop(Catalog::open(database)?);
        for suffix in ["", "-wal", "-shm"] {
            let mut file = database.as_os_str().to_owned();
            file.push(suffix);
            if Path::new(&file).exists() {
                std::fs::remove_file(&file)?;
            }
        }
    }
    Ok(())
}

/// The nearest pair that is no copy, compared.
fn compared(workspace: &mut Workspace) -> Result<String, CliError> {
    let [left, right] = [OsStr::new("bookworm-base"), OsStr::new("bookworm-python")];
    let found = compare::find(workspace, [left, right])?;
    let report = compare::report(workspace, &found)?;
    Ok(format!(
        "\n$ oskin compare {} {}\n{}",
        left.display(),
        right.display(),
        compare::text_of(&report, compare::SHOWN)
    ))
}

/// The nearest pairs, and the mean of all.
fn pairs(workspace: &mut Workspace) -> Result<String, CliError> {
    let found = workspace.path_sets(&[], &[Selection::Both])?;
    let sets: Vec<&PathSet> = found.sets.iter().flatten().collect();
    let matrix = OverlapMatrix::from_sets(&sets);
    let mut pairs = Vec::new();
    for j in 0..matrix.len() {
        for i in 0..j {
            pairs.push((Measure::Dice.of(matrix.overlap(i, j)), i, j));
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mean = pairs.iter().map(|pair| pair.0).sum::<f64>() / pairs.len().max(1) as f64;
    let rows = pairs.iter().take(SHOWN_PAIRS).map(|&(dice, i, j)| {
        vec![format!("{dice:.6}"), found.names[i].clone(), found.names[j].clone()]
    });
    Ok(format!(
        "\n$ oskin matrix\n{} pairs, mean Dice {mean:.3}. The nearest:\n{}",
        text::count(pairs.len() as u64),
        text::table(&[">DICE", "", ""], rows.collect())
    ))
}
