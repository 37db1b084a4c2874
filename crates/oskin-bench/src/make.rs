//! Makes a corpus: who is built on whom, and what that comes to in paths.

use crate::bases::{self, Base};
use crate::corpus::{self, Corpus, Delta, beside};
use crate::index::PackageId;
use crate::pool::{Pool, PoolId, ROOT};
use crate::popular::RECIPES;
use crate::random::Random;
use crate::steps::{self, Step};
use crate::suite::Suite;
use anyhow::{Context as _, Result, ensure};
use oskin::path_set::PathSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many images of a hundred are built on a base or a popular image; the others are built on
/// any image made before.
const ON_A_HEAD_PERCENT: usize = 60;

/// How many of a hundred builds on a head take its newest generation.
const NEWEST_PERCENT: usize = 70;

/// Bases come out anew this often while the corpus grows.
const GENERATIONS: usize = 3;

/// An image that changes nothing is drawn again, this often at most.
const MAX_DRAWS: usize = 1_000;

/// What to make.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory with the indexes, one directory a suite.
    pub index: PathBuf,
    /// The suites, the most popular first.
    pub suites: Vec<String>,
    /// The inventories whose roots are the bases.
    pub samples: PathBuf,
    /// Further bases as `NAME=FILE`.
    pub bases: Vec<String>,
    /// Packages to read beside those that people like.
    pub also: Vec<String>,
    /// How many images.
    pub images: usize,
    /// How many queries.
    pub queries: usize,
    /// What all draws follow from.
    pub seed: u64,
}

/// What is known of an image beside its paths.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) name: String,
    /// The true parent, also where the corpus has lost it.
    pub(crate) parent: Option<u32>,
    /// Index into the suites; `None` for what is no system of packages.
    pub(crate) suite: Option<usize>,
    pub(crate) packages: Arc<Vec<PackageId>>,
    pub(crate) is_slim: bool,
    pub(crate) is_root: bool,
}

/// Images that others are built on, of one suite.
#[derive(Clone, Debug, Default)]
struct Family {
    /// Each head with its generations, the oldest first.
    heads: Vec<Vec<u32>>,
}

/// What [`Maker::image_of`] finds.
#[derive(Clone, Debug)]
pub struct OneImage {
    /// The names of the packages that come along.
    pub packages: Vec<Vec<u8>>,
    /// All paths, directories with a trailing slash.
    pub paths: Vec<Vec<u8>>,
}

/// A corpus in the making.
#[derive(Debug)]
pub struct Maker {
    pub(crate) pool: Pool,
    pub(crate) suites: Vec<Suite>,
    pub(crate) corpus: Corpus,
    pub(crate) images: Vec<Image>,
    pub(crate) random: Random,
    /// Images that are no roots.
    pub(crate) derived: Vec<u32>,
    families: Vec<Family>,
    // The corpus id of each path of the pool; `ROOT` if no image has it yet.
    ids: Vec<u32>,
    // The path of each corpus id.
    paths: Vec<PoolId>,
    // When a path was last met by `with_directories`.
    marks: Vec<u32>,
    mark: u32,
    truth: String,
}

impl Maker {
    /// Reads bases and indexes.
    ///
    /// # Errors
    ///
    /// If one cannot be read, or a suite has no base.
    pub fn open(options: &Options) -> Result<(Self, Vec<Base>)> {
        let mut pool = Pool::default();
        let mut found = bases::from_oski(&options.samples, &mut pool)?;
        found.retain(|base| options.suites.iter().any(|suite| suite == base.suite()));
        for base in &options.bases {
            found.push(bases::from_listing(base, &mut pool)?);
        }
        let mut suites = Vec::new();
        for name in &options.suites {
            let base = found.iter().find(|base| base.suite() == name);
            let base = base.with_context(|| format!("no base of {name}; give one by --base"))?;
            let suite = Suite::open(&options.index, base, &options.also, &mut pool);
            suites.push(suite.context(name.clone())?);
        }
        let families = vec![Family::default(); suites.len() + 1];
        let maker = Self {
            pool,
            suites,
            corpus: Corpus::default(),
            images: Vec::new(),
            random: Random::new(options.seed),
            derived: Vec::new(),
            families,
            ids: Vec::new(),
            paths: Vec::new(),
            marks: Vec::new(),
            mark: 0,
            truth: String::from("image\tparent\tkind\tnote\n"),
        };
        Ok((maker, found))
    }

    /// Draws all images, then the queries, and writes all files.
    ///
    /// # Errors
    ///
    /// If a file cannot be written, or nothing more can be drawn.
    pub fn make(mut self, bases: &[Base], options: &Options, out: &Path) -> Result<()> {
        let recipes = RECIPES.len().min(4 + options.images / 500);
        self.first_generation(bases, recipes, options.images)?;
        ensure!(!self.images.is_empty(), "there are no bases");
        let mut generation = 1;
        while self.images.len() < options.images {
            if generation < GENERATIONS
                && self.images.len() >= options.images * generation / GENERATIONS
            {
                self.next_generation(generation, options.images)?;
                generation += 1;
                continue;
            }
            let step = self.draw()?;
            self.push(step)?;
        }
        std::fs::write(beside(out, "truth.tsv"), &self.truth)?;
        self.corpus.save(out)?;
        self.write_paths(&beside(out, "paths"))?;
        self.make_queries(options.queries, out)
    }

    /// One image alone: packages on a base, to hold the model against real systems.
    ///
    /// # Errors
    ///
    /// If the suite of the base has no such package.
    pub fn image_of(&mut self, base: &Base, names: &[String]) -> Result<OneImage> {
        let suite = self.suites.first().context("there is no suite")?;
        let find = |name: &String| suite.index.find(name).with_context(|| name.clone());
        let wanted = names.iter().map(find).collect::<Result<Vec<_>>>()?;
        let new = suite.index.closure(&wanted, &suite.base_packages, false);
        let mut all = [&suite.base_packages[..], &new].concat();
        all.sort_unstable();
        let files = suite.files(&new, (base.is_slim, suite.has_python(&all)), &self.pool);
        let is_new = |(name, id): (&str, PackageId)| new.contains(&id).then(|| name.into());
        let packages = suite.index.names().filter_map(is_new).collect();
        let mut paths = self.with_directories(&[&base.paths[..], &files].concat());
        paths.sort_unstable_by(|a, b| self.pool.path(*a).cmp(self.pool.path(*b)));
        let text = |path: &PoolId| {
            let slash: &[u8] = if self.pool.is_directory(*path) { b"/" } else { b"" };
            [self.pool.path(*path), slash].concat()
        };
        Ok(OneImage { packages, paths: paths.iter().map(text).collect() })
    }

    /// Queries are drawn as images are, but are no parents.
    fn make_queries(&mut self, count: usize, out: &Path) -> Result<()> {
        let mut truth = String::from("image\tparent\tkind\tnote\n");
        let mut writer = corpus::create(&beside(out, "queries"))?;
        for number in 0..count {
            let step = self.draw()?;
            let name = format!("query-{number}-{}", step.name);
            truth.push_str(&self.truth_of(&name, &step));
            writer.push(&self.delta_of(&step))?;
        }
        std::fs::write(beside(out, "queries.truth.tsv"), truth)?;
        writer.finish(u32::try_from(self.paths.len())?)
    }

    fn write_paths(&self, file: &Path) -> Result<()> {
        let out = File::create(file).with_context(|| file.display().to_string())?;
        let mut out = BufWriter::new(zstd::Encoder::new(out, 3)?);
        for path in &self.paths[..self.corpus.paths as usize] {
            out.write_all(self.pool.path(*path))?;
            out.write_all(if self.pool.is_directory(*path) { b"/\n" } else { b"\n" })?;
        }
        let encoder = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        encoder.finish()?;
        Ok(())
    }

    fn first_generation(&mut self, bases: &[Base], recipes: usize, limit: usize) -> Result<()> {
        let mut first = Vec::new();
        for base in bases {
            first.extend(steps::flavours(self, base));
        }
        for step in first {
            self.push_head(step, None, limit)?;
        }
        for (number, recipe) in RECIPES.iter().enumerate().take(recipes) {
            for suite in 0..self.suites.len() {
                // The first head is the plain base, the second the one with documentation.
                let flavours = if number < 4 { 2 } else { 1 };
                let heads = &self.families[suite].heads;
                let below: Vec<u32> = heads.iter().take(flavours).map(|head| head[0]).collect();
                for parent in below {
                    if let Some(step) = steps::recipe(self, parent, recipe) {
                        self.push_head(step, None, limit)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Roots come out with newer libraries, and what is popular is rebuilt on them.
    fn next_generation(&mut self, generation: usize, limit: usize) -> Result<()> {
        for family in 0..self.families.len() {
            for head in 0..self.families[family].heads.len() {
                let Some(&last) = self.families[family].heads[head].last() else { continue };
                let step = if self.images[last as usize].is_root {
                    Some(steps::next_root(self, last, generation))
                } else {
                    steps::rebuild(self, last)
                };
                if let Some(step) = step {
                    self.push_head(step, Some(head), limit)?;
                }
            }
        }
        Ok(())
    }

    fn push_head(&mut self, step: Step, head: Option<usize>, limit: usize) -> Result<()> {
        if self.images.len() >= limit {
            return Ok(());
        }
        let family = step.suite.unwrap_or(self.suites.len());
        let image = self.push(step)?;
        let heads = &mut self.families[family].heads;
        match head {
            Some(head) => heads[head].push(image),
            None => heads.push(vec![image]),
        }
        Ok(())
    }

    /// The newest generation of a root.
    pub(crate) fn newest(&self, root: u32) -> u32 {
        let mut heads = self.families.iter().flat_map(|family| &family.heads);
        heads
            .find(|head| head.contains(&root))
            .and_then(|head| head.last())
            .map_or(root, |last| *last)
    }

    fn draw(&mut self) -> Result<Step> {
        for _ in 0..MAX_DRAWS {
            let on_head = self.derived.is_empty() || self.random.percent(ON_A_HEAD_PERCENT);
            let parent = if on_head { self.draw_head() } else { self.draw_derived() };
            if let Some(step) = parent.and_then(|parent| steps::draw(self, parent)) {
                return Ok(step);
            }
        }
        anyhow::bail!("nothing can be built on these bases")
    }

    /// Suites, and heads within one, are drawn by Zipf's law.
    fn draw_head(&mut self) -> Option<u32> {
        let family = self.random.zipf(self.families.len());
        let heads = self.families[family].heads.len();
        let head = self.random.zipf(heads);
        let generations = self.families[family].heads.get(head)?;
        if self.random.percent(NEWEST_PERCENT) {
            return generations.last().copied();
        }
        self.random.pick(generations).copied()
    }

    fn draw_derived(&mut self) -> Option<u32> {
        self.random.pick(&self.derived).copied()
    }

    fn truth_of(&self, name: &str, step: &Step) -> String {
        let parent = step.parent.map_or("-", |parent| &self.images[parent as usize].name);
        format!("{name}\t{parent}\t{}\t{}\n", step.kind, step.note)
    }

    fn delta_of(&self, step: &Step) -> Delta {
        match step.parent.filter(|_| !step.is_parent_lost) {
            None => Delta::between(None, &step.set),
            Some(parent) => {
                Delta::between(Some((parent, &self.corpus.path_set(parent))), &step.set)
            }
        }
    }

    fn push(&mut self, step: Step) -> Result<u32> {
        let index = u32::try_from(self.images.len())?;
        let is_root = step.parent.is_none();
        let name = if is_root { step.name.clone() } else { format!("{}-{index}", step.name) };
        self.truth.push_str(&self.truth_of(&name, &step));
        self.corpus.images.push(self.delta_of(&step));
        self.corpus.paths = u32::try_from(self.paths.len())?;
        if !is_root {
            self.derived.push(index);
        }
        self.images.push(Image {
            name,
            parent: step.parent,
            suite: step.suite,
            packages: step.packages,
            is_slim: step.is_slim,
            is_root,
        });
        Ok(index)
    }

    /// The path in the pool of a corpus id.
    pub(crate) fn pool_id(&self, id: u32) -> PoolId {
        self.paths[id as usize]
    }

    /// The set of paths and of all directories above them; new paths get ids in path order, side
    /// by side, as a catalog gives them to the paths of a layer.
    pub(crate) fn set_of(&mut self, paths: &[PoolId]) -> PathSet {
        let mut all = self.with_directories(paths);
        self.ids.resize(self.pool.len(), ROOT);
        let ids = &self.ids;
        let mut new: Vec<PoolId> =
            all.iter().copied().filter(|path| ids[*path as usize] == ROOT).collect();
        new.sort_unstable_by(|a, b| self.pool.path(*a).cmp(self.pool.path(*b)));
        for path in new {
            self.ids[path as usize] = u32::try_from(self.paths.len()).unwrap_or(ROOT);
            self.paths.push(path);
        }
        for path in &mut all {
            *path = self.ids[*path as usize];
        }
        PathSet::from_unsorted(all)
    }

    /// Each path once, with the directories above it.
    fn with_directories(&mut self, paths: &[PoolId]) -> Vec<PoolId> {
        self.marks.resize(self.pool.len(), 0);
        self.mark += 1;
        let mut all = Vec::with_capacity(paths.len() * 2);
        for path in paths {
            for path in std::iter::once(*path).chain(self.pool.above(*path)) {
                // What is above a path that was met was met with it.
                if self.marks[path as usize] == self.mark {
                    break;
                }
                self.marks[path as usize] = self.mark;
                all.push(path);
            }
        }
        all
    }
}
