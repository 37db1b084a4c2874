//! The corpus file: images as what they add to and remove from their parents.
//!
//! Little-endian 32-bit numbers throughout: magic, version, number of images, number of paths;
//! then per image its parent (`0xFFFFFFFF` if it has none), the number of added runs, the number
//! of removed runs, and `(first, len)` of each of them, added before removed. Runs ascend and do
//! not touch. A file of queries has the same form; its parents are images of the corpus it was
//! made for, and its ids at and above the number of paths of that corpus are paths unknown there.

use anyhow::{Context as _, Result, bail, ensure};
use oskin::path_set::{PathSet, Run};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The first four bytes of a file, `OSKC`.
const MAGIC: u32 = 0x434B_534F;

/// The version that is written and read.
const VERSION: u32 = 1;

/// Stands for the parent of an image that has none.
const NO_PARENT: u32 = u32::MAX;

const BUFFER_BYTES: usize = 1 << 20;

/// One image relative to its parent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// The index of the parent, `None` for a root.
    pub parent: Option<u32>,
    /// The paths that the parent has not.
    pub added: PathSet,
    /// The paths of the parent that the image has not.
    pub removed: PathSet,
}

impl Delta {
    /// The set of the image, given that of its parent (the empty one for a root).
    #[must_use]
    pub fn apply(&self, parent: &PathSet) -> PathSet {
        if self.removed.is_empty() {
            return parent.union(&self.added);
        }
        parent.difference(&self.removed).union(&self.added)
    }

    /// What makes `child` out of `parent`.
    #[must_use]
    pub fn between(parent: Option<(u32, &PathSet)>, child: &PathSet) -> Self {
        match parent {
            None => Self { parent: None, added: child.clone(), removed: PathSet::default() },
            Some((index, set)) => Self {
                parent: Some(index),
                added: child.difference(set),
                removed: set.difference(child),
            },
        }
    }
}

/// Reads the images of a file one by one.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    images: u32,
    paths: u32,
    read: u32,
    // Parents of queries are images of another file.
    parents_below: Option<u32>,
}

impl<R: Read> Reader<R> {
    /// Reads the head. `parents_below` is the number of images of the corpus that queries belong
    /// to, and `None` for a corpus, in which a parent stands before its children.
    ///
    /// # Errors
    ///
    /// If the input fails or is no such file.
    pub fn new(mut input: R, parents_below: Option<u32>) -> Result<Self> {
        let mut head = [0; 4];
        read_numbers(&mut input, &mut head).context("the head of a corpus file")?;
        ensure!(head[0] == MAGIC, "not a corpus file");
        ensure!(head[1] == VERSION, "corpus version {}, known is {VERSION}", head[1]);
        Ok(Self { input, images: head[2], paths: head[3], read: 0, parents_below })
    }

    /// How many images the file holds.
    pub const fn images(&self) -> u32 {
        self.images
    }

    /// How many paths there are; ids are below it.
    pub const fn paths(&self) -> u32 {
        self.paths
    }

    /// The next image, `None` behind the last one.
    ///
    /// # Errors
    ///
    /// If the input fails or an image breaks a rule of the format.
    pub fn next_image(&mut self) -> Result<Option<Delta>> {
        if self.read == self.images {
            return Ok(None);
        }
        let delta = self.delta().with_context(|| format!("image {} of the corpus", self.read))?;
        self.read += 1;
        Ok(Some(delta))
    }

    fn delta(&mut self) -> Result<Delta> {
        let mut head = [0; 3];
        read_numbers(&mut self.input, &mut head)?;
        let parent = (head[0] != NO_PARENT).then_some(head[0]);
        let bound = self.parents_below.unwrap_or(self.read);
        ensure!(parent.is_none_or(|parent| parent < bound), "its parent is no image before it");
        let added = self.runs(head[1])?;
        let removed = self.runs(head[2])?;
        ensure!(parent.is_some() || removed.is_empty(), "a root removes paths");
        Ok(Delta { parent, added, removed })
    }

    fn runs(&mut self, count: u32) -> Result<PathSet> {
        // Runs do not touch, so there are at most half as many as paths: a lie allocates little.
        ensure!(count <= self.paths.div_ceil(2), "it has more runs than paths allow");
        let mut numbers = vec![0; 2 * count as usize];
        read_numbers(&mut self.input, &mut numbers)?;
        let runs: Vec<Run> =
            numbers.chunks_exact(2).map(|pair| Run { first: pair[0], len: pair[1] }).collect();
        let inside = runs.last().is_none_or(|run| run.end() <= u64::from(self.paths));
        ensure!(inside, "it has a path that the file has not");
        PathSet::from_runs(runs).context("its runs do not ascend, or touch")
    }
}

fn read_numbers(input: &mut impl Read, into: &mut [u32]) -> Result<()> {
    let mut bytes = vec![0; into.len() * 4];
    input.read_exact(&mut bytes).context("cannot read, or the file is cut short")?;
    for (number, bytes) in into.iter_mut().zip(bytes.chunks_exact(4)) {
        *number = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    Ok(())
}

/// Writes images one by one; the counts follow into the head when all are there.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    images: u32,
}

impl<W: Write + Seek> Writer<W> {
    /// Writes a head without counts.
    ///
    /// # Errors
    ///
    /// If the output fails, as for all methods.
    pub fn new(mut out: W) -> Result<Self> {
        write_numbers(&mut out, &[MAGIC, VERSION, 0, 0])?;
        Ok(Self { out, images: 0 })
    }

    /// Appends an image.
    ///
    /// # Errors
    ///
    /// If the output fails.
    pub fn push(&mut self, delta: &Delta) -> Result<()> {
        let counts = [&delta.added, &delta.removed].map(|set| set.runs().len());
        let mut numbers = vec![
            delta.parent.unwrap_or(NO_PARENT),
            u32::try_from(counts[0])?,
            u32::try_from(counts[1])?,
        ];
        let runs = delta.added.runs().iter().chain(delta.removed.runs());
        numbers.extend(runs.flat_map(|run| [run.first, run.len]));
        self.images += 1;
        write_numbers(&mut self.out, &numbers)
    }

    /// Puts the counts into the head; `paths` is how many paths there are.
    ///
    /// # Errors
    ///
    /// If the output fails.
    pub fn finish(mut self, paths: u32) -> Result<()> {
        self.out.seek(SeekFrom::Start(0))?;
        write_numbers(&mut self.out, &[MAGIC, VERSION, self.images, paths])?;
        Ok(self.out.flush()?)
    }
}

fn write_numbers(out: &mut impl Write, numbers: &[u32]) -> Result<()> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    Ok(out.write_all(&bytes)?)
}

/// All images of a corpus file, as deltas.
///
/// A delta costs 56 bytes and 8 bytes a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corpus {
    /// How many paths there are; ids are below it.
    pub paths: u32,
    /// The images in the order of their insertion.
    pub images: Vec<Delta>,
}

impl Corpus {
    /// Reads a corpus file.
    ///
    /// # Errors
    ///
    /// If it cannot be read or breaks a rule of the format, as for all methods that read.
    pub fn open(file: &Path) -> Result<Self> {
        Self::open_first(file, usize::MAX)
    }

    /// Reads the first images of a corpus file, at most `first`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or breaks a rule of the format.
    pub fn open_first(file: &Path, first: usize) -> Result<Self> {
        Self::read(&mut Self::reader(file)?, first).with_context(|| file.display().to_string())
    }

    /// Opens a corpus file to read it image by image.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is none.
    pub fn reader(file: &Path) -> Result<Reader<BufReader<File>>> {
        open(file, None)
    }

    /// Reads the queries that were made for this corpus; `file` is the file of the corpus.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or breaks a rule of the format.
    pub fn open_queries(&self, file: &Path) -> Result<Self> {
        let file = beside(file, "queries");
        let below = u32::try_from(self.images.len())?;
        let mut reader = open(&file, Some(below))?;
        Self::read(&mut reader, usize::MAX).with_context(|| file.display().to_string())
    }

    fn read(reader: &mut Reader<impl Read>, first: usize) -> Result<Self> {
        let mut images = Vec::new();
        while images.len() < first
            && let Some(delta) = reader.next_image()?
        {
            images.push(delta);
        }
        Ok(Self { paths: reader.paths(), images })
    }

    /// Writes a corpus file.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save(&self, file: &Path) -> Result<()> {
        let mut writer = create(file)?;
        self.images.iter().try_for_each(|delta| writer.push(delta))?;
        writer.finish(self.paths)
    }

    /// The full sets of the first images, at most `first`, by replaying the deltas.
    ///
    /// Costs O(runs) an image; the sets take 8 bytes a run.
    pub fn path_sets(&self, first: usize) -> Vec<PathSet> {
        let mut sets: Vec<PathSet> = Vec::with_capacity(first.min(self.images.len()));
        for delta in self.images.iter().take(first) {
            let empty = PathSet::default();
            let parent = delta.parent.and_then(|parent| sets.get(parent as usize));
            sets.push(delta.apply(parent.unwrap_or(&empty)));
        }
        sets
    }

    /// The full sets of queries; `self` is the corpus that they were made for.
    ///
    /// Only the ancestors of the queries are replayed, so little memory is needed.
    pub fn query_sets(&self, queries: &Self) -> Vec<PathSet> {
        let parent = |delta: &Delta| delta.parent.map(|parent| self.path_set(parent));
        let set = |delta: &Delta| delta.apply(&parent(delta).unwrap_or_default());
        queries.images.iter().map(set).collect()
    }

    /// The full set of one image. O(runs of its ancestors); empty if there is no such image.
    pub fn path_set(&self, image: u32) -> PathSet {
        let mut line = Vec::new();
        let mut at = Some(image);
        while let Some(delta) = at.and_then(|image| self.images.get(image as usize)) {
            line.push(delta);
            at = delta.parent;
        }
        line.into_iter().rev().fold(PathSet::default(), |set, delta| delta.apply(&set))
    }

    /// The paths by id, read from beside the file of the corpus; directories end with a slash.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or does not hold as many paths as the corpus states.
    pub fn read_paths(&self, file: &Path) -> Result<PathTexts> {
        let file = beside(file, "paths");
        let mut texts = PathTexts::default();
        let input = File::open(&file).with_context(|| file.display().to_string())?;
        zstd::Decoder::new(input)?.read_to_end(&mut texts.bytes)?;
        let ends = texts.bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        texts.ends = ends.map(|(end, _)| end).collect();
        if texts.ends.len() < self.paths as usize {
            bail!("{}: fewer paths than the corpus states", file.display());
        }
        Ok(texts)
    }
}

fn open(file: &Path, parents_below: Option<u32>) -> Result<Reader<BufReader<File>>> {
    let input = File::open(file).with_context(|| file.display().to_string())?;
    Reader::new(BufReader::with_capacity(BUFFER_BYTES, input), parents_below)
        .with_context(|| file.display().to_string())
}

/// Makes a corpus file to write it image by image.
///
/// # Errors
///
/// If the file cannot be made.
pub fn create(file: &Path) -> Result<Writer<BufWriter<File>>> {
    let out = File::create(file).with_context(|| file.display().to_string())?;
    Writer::new(BufWriter::with_capacity(BUFFER_BYTES, out))
}

/// The name of a file that goes with a corpus file: `FILE.what`.
pub fn beside(file: &Path, what: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    PathBuf::from(name)
}

/// The text of all paths of a corpus.
#[derive(Clone, Debug, Default)]
pub struct PathTexts {
    bytes: Vec<u8>,
    // Where the line of each path ends.
    ends: Vec<usize>,
}

impl PathTexts {
    /// How many paths there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no path.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The path of an id without a trailing slash, and whether it is a directory.
    ///
    /// # Panics
    ///
    /// If there is no such id.
    pub fn get(&self, id: u32) -> (&[u8], bool) {
        let at = id as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before] + 1);
        let line = &self.bytes[start..self.ends[at]];
        line.strip_suffix(b"/").map_or((line, false), |path| (path, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::io::Cursor;

    const PATHS: u32 = 80;

    /// Images as plain sets with a parent drawn among those before.
    fn images() -> impl Strategy<Value = Vec<(Option<u32>, BTreeSet<u32>)>> {
        let image = (any::<u32>(), proptest::collection::btree_set(0..PATHS, 0..60));
        proptest::collection::vec(image, 0..12).prop_map(|drawn| {
            let with_parent = |(index, (draw, set)): (usize, (u32, BTreeSet<u32>))| {
                // One more than there are images, so that some are roots.
                let parent = draw % (u32::try_from(index).unwrap() + 1);
                (((parent as usize) < index).then_some(parent), set)
            };
            drawn.into_iter().enumerate().map(with_parent).collect()
        })
    }

    fn corpus_of(images: &[(Option<u32>, BTreeSet<u32>)]) -> Corpus {
        let set = |ids: &BTreeSet<u32>| PathSet::from_unsorted(ids.iter().copied().collect());
        let delta = |(parent, ids): &(Option<u32>, BTreeSet<u32>)| {
            let above = parent.map(|parent| (parent, set(&images[parent as usize].1)));
            Delta::between(above.as_ref().map(|(parent, set)| (*parent, set)), &set(ids))
        };
        Corpus { paths: PATHS, images: images.iter().map(delta).collect() }
    }

    fn bytes_of(corpus: &Corpus) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        let mut writer = Writer::new(&mut out).unwrap();
        corpus.images.iter().for_each(|delta| writer.push(delta).unwrap());
        writer.finish(corpus.paths).unwrap();
        out.into_inner()
    }

    fn read(bytes: &[u8]) -> Result<Corpus> {
        Corpus::read(&mut Reader::new(bytes, None)?, usize::MAX)
    }

    proptest! {
        #[test]
        fn files_read_back_and_replay_to_the_sets(images in images()) {
            let corpus = corpus_of(&images);
            let back = read(&bytes_of(&corpus)).unwrap();
            prop_assert_eq!(&back, &corpus);
            let sets = back.path_sets(usize::MAX);
            for (index, (_, ids)) in images.iter().enumerate() {
                prop_assert!(sets[index].ids().eq(ids.iter().copied()));
                prop_assert_eq!(&back.path_set(u32::try_from(index).unwrap()), &sets[index]);
            }
            prop_assert_eq!(back.path_sets(3), sets[..sets.len().min(3)].to_vec());
            prop_assert_eq!(corpus.query_sets(&corpus), sets);
        }

        #[test]
        fn damage_is_an_error_and_never_a_panic(
            images in images(), at in any::<proptest::sample::Index>(), byte in any::<u8>(),
            cut in any::<proptest::sample::Index>(),
        ) {
            let mut bytes = bytes_of(&corpus_of(&images));
            prop_assert!(read(&bytes[..cut.index(bytes.len())]).is_err());
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(corpus) = read(&bytes) {
                corpus.path_sets(usize::MAX);
            }
        }
    }

    #[test]
    fn the_bytes_are_as_specified() {
        let set = |ids: &[u32]| PathSet::from_unsorted(ids.to_vec());
        let root = Delta { added: set(&[0, 1, 2, 5]), ..Delta::default() };
        let child = Delta { parent: Some(0), added: set(&[3]), removed: set(&[1, 2]) };
        let bytes = bytes_of(&Corpus { paths: 6, images: vec![root, child] });
        let numbers: Vec<u32> =
            bytes.chunks(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect();
        let head = [0x434B_534F, 1, 2, 6];
        let images = [u32::MAX, 2, 0, 0, 3, 5, 1, 0, 1, 1, 3, 1, 1, 2];
        assert_eq!(numbers, [&head[..], &images].concat());
        assert_eq!(&bytes[..4], b"OSKC");
    }
}
