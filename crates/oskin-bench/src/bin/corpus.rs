//! `corpus`: makes catalogs of images with known parents, and tells what is in them.

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use oskin_bench::fill::Cost;
use oskin_bench::make::{Maker, Options};
use oskin_bench::{Corpus, fill, stats};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

/// Makes catalogs of images with known parents, and tells what is in them
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a corpus: FILE, FILE.paths, FILE.queries and the truth of both
    Make {
        #[command(flatten)]
        world: World,
        /// How many images
        #[arg(long, default_value_t = 2_000)]
        images: usize,
        /// How many images that are not in the corpus
        #[arg(long, default_value_t = 500)]
        queries: usize,
        /// What all draws follow from
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The corpus file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Put the images of a corpus into a catalog of oskin
    Catalog {
        /// The corpus file
        file: PathBuf,
        /// The catalog
        #[arg(long)]
        catalog: PathBuf,
        /// Only so many images
        #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
        first: usize,
    },
    /// Add the queries of a corpus to a catalog that holds it, and tell what each cost
    Queries {
        /// The corpus file
        file: PathBuf,
        /// The catalog, which is changed
        #[arg(long)]
        catalog: PathBuf,
        /// Only so many queries
        #[arg(long, default_value_t = 50)]
        first: usize,
    },
    /// Count what is in a corpus
    Stats {
        /// The corpus file
        file: PathBuf,
    },
    /// Print the paths of an image of a corpus
    List {
        /// The corpus file
        file: PathBuf,
        /// The number of the image, from 0
        image: u32,
    },
    /// Print the paths of a base with packages on it, or the packages that come along
    Image {
        #[command(flatten)]
        world: World,
        /// Print the packages instead
        #[arg(long)]
        packages: bool,
        /// What to install on the base of the first suite
        names: Vec<String>,
    },
}

#[derive(Args, Debug)]
struct World {
    /// The directory that fetch-index.sh filled
    #[arg(long, value_name = "DIR")]
    index: PathBuf,
    /// The suites, the most popular first
    #[arg(long, value_delimiter = ',', default_value = "bookworm,trixie")]
    suites: Vec<String>,
    /// The inventories whose roots are the bases
    #[arg(long, value_name = "FILE", default_value = "samples/images.oski")]
    samples: PathBuf,
    /// A further base: a file with one path a line
    #[arg(long = "base", value_name = "NAME=FILE")]
    bases: Vec<String>,
}

impl World {
    fn options(self, images: usize, queries: usize, seed: u64) -> Options {
        let Self { index, suites, samples, bases } = self;
        Options { index, suites, samples, bases, also: Vec::new(), images, queries, seed }
    }
}

fn main() -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match Arguments::parse().command {
        Command::Make { world, images, queries, seed, out: file } => {
            let options = world.options(images, queries, seed);
            let (maker, bases) = Maker::open(&options)?;
            maker.make(&bases, &options, &file)?;
        }
        Command::Catalog { file, catalog, first } => {
            let count = fill::fill(&file, &catalog, first)?;
            writeln!(out, "{count} images")?;
        }
        Command::Queries { file, catalog, first } => {
            writeln!(out, "paths\tadded\tcpu_ms\tbytes")?;
            for cost in fill::add_queries(&file, &catalog, first)? {
                let Cost { paths, added, cpu_seconds, bytes } = cost;
                writeln!(out, "{paths}\t{added}\t{:.1}\t{bytes}", cpu_seconds * 1e3)?;
            }
        }
        Command::Stats { file } => writeln!(out, "{}", stats::Stats::of(&file)?)?,
        Command::List { file, image } => {
            let corpus = Corpus::open(&file)?;
            let texts = corpus.read_paths(&file)?;
            corpus.images.get(image as usize).context("there is no such image")?;
            for id in corpus.path_set(image).ids() {
                let (path, is_directory) = texts.get(id);
                out.write_all(path)?;
                out.write_all(if is_directory { b"/\n" } else { b"\n" })?;
            }
        }
        Command::Image { world, packages, names } => {
            let options = Options { also: names.clone(), ..world.options(0, 0, 0) };
            let (mut maker, bases) = Maker::open(&options)?;
            let image = maker.image_of(bases.first().context("there is no base")?, &names)?;
            let lines = if packages { image.packages } else { image.paths };
            for line in lines {
                out.write_all(&line)?;
                out.write_all(b"\n")?;
            }
        }
    }
    Ok(out.flush()?)
}
