//! Many images at once: workers open sources and read layers, one writer keeps the images.
//!
//! What is told, and what the catalog holds, does not depend on the number of workers. Images are
//! kept in the order of the list, so ids are the same; a layer is read as the lowest image that
//! needs it has it, as it would be one after the other. Where that was foreseen wrongly, because an
//! image before failed or brought a layer under no stated diff id, the image is read anew when its
//! turn comes.

use super::in_flight::Claim;
use super::schedule::{Candidate, Event, Found, Opened, Reading, Schedule, Task};
use super::{IngestError, Outcome, Part, assemble, keep, kept, read};
use crate::catalog::{Added, Catalog, CatalogError, Standing};
use crate::image::ImageRecord;
use crate::source::{self, ImageSource, ReadOptions, SourceSpec};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// How many images are under way for each worker, from opened to kept: a few, so that a large layer
/// does not keep the others from working, and few, since the entries of all are in memory.
const IMAGES_PER_WORKER: usize = 4;

/// The most workers.
pub const MAX_JOBS: usize = 64;

/// Where images are to be found.
#[derive(Clone, Debug)]
pub enum Place {
    /// As it is typed, see [`SourceSpec::parse`].
    Text(OsString),
    /// As it was understood.
    Spec(SourceSpec),
}

/// A source whose images are to be added.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Where.
    pub place: Place,
    /// The name of the one image there, if it is to have another than its own.
    pub name: Option<String>,
}

/// How images are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How many sources and layers are read at the same time: 1 to [`MAX_JOBS`]; others count as
    /// the nearest of these.
    pub jobs: usize,
    /// Whether an image takes the place of another that has its name; else that is an error.
    pub replace: bool,
}

/// What has become of a source, or of an image of it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "told one at a time and never kept")]
pub enum Told<'a> {
    /// What the text of a source was understood as; its images, or why it has none, follow.
    Understood(&'a SourceSpec),
    /// There is no image to be read.
    Failed(IngestError),
    /// An image was added, or not.
    Image {
        /// The name that it has by itself, or in the catalog.
        name: &'a str,
        /// What came of it.
        result: Result<Outcome, IngestError>,
    },
}

/// Adds the images of many sources, several being read at the same time.
///
/// `tell` hears what became of each source, with its place in the list, in the order of the list and
/// of the images in a source. Same list, same catalog, same tale, whatever the number of jobs. A
/// source or image that fails keeps none of the others from being added. A layer is read once, even
/// if several images that need it are under way; an image that the catalog has under its name, by
/// the digest of its manifest or of its configuration and layers, is not read at all, unless nobody
/// looked for its packages before and reading tells them. Each image is one transaction: stopped at any moment, the catalog holds a beginning of the list, and the same
/// call adds what is missing.
///
/// Memory: the entries of four images for each job at most, layers that they share counted once.
///
/// # Errors
///
/// What `tell` returns; nothing is told then any more.
pub fn add_all<E>(
    catalog: &mut Catalog,
    wanted: &[Wanted],
    rules: Rules,
    options: &ReadOptions<'_>,
    mut tell: impl FnMut(usize, Told<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let jobs = rules.jobs.clamp(1, MAX_JOBS);
    let fleet = Fleet {
        wanted,
        rules,
        options,
        catalog: catalog.path().to_owned(),
        schedule: Mutex::new(Schedule::new(wanted.len(), jobs * IMAGES_PER_WORKER)),
        changed: Condvar::new(),
        kept: OnceLock::new(),
    };
    std::thread::scope(|scope| {
        // Whatever happens here, no worker is left waiting.
        let _stop = Stop { fleet: &fleet, only_in_panic: false };
        for _ in 0..jobs {
            scope.spawn(|| fleet.work());
        }
        while let Some(event) = fleet.next_event() {
            fleet.tell(catalog, event, &mut tell)?;
            fleet.schedule().was_told();
            fleet.changed.notify_all();
        }
        Ok(())
    })
}

/// What workers and writer share.
struct Fleet<'a> {
    wanted: &'a [Wanted],
    rules: Rules,
    options: &'a ReadOptions<'a>,
    catalog: PathBuf,
    schedule: Mutex<Schedule>,
    // Tells of every change of the schedule.
    changed: Condvar,
    // The names of images by transport and location, read when they are first asked for.
    kept: OnceLock<BTreeMap<[String; 2], Vec<String>>>,
}

/// Stops all work when it is dropped.
struct Stop<'a, 'b> {
    fleet: &'a Fleet<'b>,
    only_in_panic: bool,
}

impl Drop for Stop<'_, '_> {
    fn drop(&mut self) {
        if !self.only_in_panic || std::thread::panicking() {
            self.fleet.schedule().stop();
            self.fleet.changed.notify_all();
        }
    }
}

impl Fleet<'_> {
    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something: `look` is asked whenever the schedule has changed.
    fn wait_for<T>(&self, mut look: impl FnMut(&mut Schedule) -> Option<T>) -> Option<T> {
        let mut schedule = self.schedule();
        loop {
            if schedule.is_stopped() {
                return None;
            }
            if let Some(found) = look(&mut schedule) {
                return Some(found);
            }
            schedule = self.changed.wait(schedule).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What is to be told next; `None` when all is told.
    fn next_event(&self) -> Option<Event> {
        self.wait_for(|schedule| match schedule.next_event() {
            Some(event) => Some(Some(event)),
            None => schedule.is_over().then_some(None),
        })?
    }

    /// Works until nothing is left to do.
    fn work(&self) {
        let _stop = Stop { fleet: self, only_in_panic: true };
        let mut hand = Hand { catalog: None };
        loop {
            let task = self.wait_for(|schedule| match schedule.take() {
                Some(task) => Some(Some(task)),
                None => schedule.is_idle().then_some(None),
            });
            let Some(Some(task)) = task else { break };
            self.perform(task, &mut hand);
            self.changed.notify_all();
        }
    }

    fn perform(&self, task: Task, hand: &mut Hand) {
        match task {
            Task::Open(at) => {
                let opened = self.open(&self.wanted[at], hand);
                self.schedule().opened(at, opened);
            }
            Task::Read { source, claim, key } => {
                let read = self.read(&source, claim, hand);
                self.schedule().read((claim, key), read);
            }
            Task::Stack { number, source, parts } => {
                let image = assemble(&source, &parts);
                self.schedule().stacked(number, image);
            }
        }
    }

    fn open(&self, wanted: &Wanted, hand: &mut Hand) -> Opened {
        let spec = match &wanted.place {
            Place::Spec(spec) => spec.clone(),
            Place::Text(text) => match SourceSpec::parse(text) {
                Ok(spec) => spec,
                Err(error) => return Opened { spec: None, images: Err(error.into()) },
            },
        };
        let images = self.candidates(&spec, wanted, hand);
        Opened { spec: Some(spec), images }
    }

    fn candidates(
        &self,
        spec: &SourceSpec,
        wanted: &Wanted,
        hand: &mut Hand,
    ) -> Result<Vec<Candidate>, IngestError> {
        if let Some(kept) = self.kept_by_digest(spec, wanted, hand)? {
            return Ok(vec![kept]);
        }
        let images = source::open(spec, self.options)?;
        if let (Some(name), false) = (&wanted.name, images.len() == 1) {
            return Err(IngestError::OneName { name: name.clone(), images: images.len() });
        }
        let catalog = hand.catalog(&self.catalog)?;
        let candidate = |source| {
            let source = Arc::new(source);
            let found = Found::Opened(Arc::clone(&source));
            let candidate = Candidate { found, name: wanted.name.clone(), is_settled: false };
            let is_settled = match candidate.standing(catalog)? {
                Standing::Same(taken) => !self.would_gain(catalog, &taken, &source)?,
                Standing::Other => !self.rules.replace,
                Standing::Free | Standing::Unknown => false,
            };
            Ok(Candidate { is_settled, ..candidate })
        };
        images.into_iter().map(candidate).collect()
    }

    /// The image of the catalog that the source holds by the digest that it tells, if that can be
    /// asked for without reading any of it. Only where there is an image that it may be is it asked.
    fn kept_by_digest(
        &self,
        spec: &SourceSpec,
        wanted: &Wanted,
        hand: &mut Hand,
    ) -> Result<Option<Candidate>, IngestError> {
        // With all images of a source in mind, one digest tells too little.
        if self.options.all {
            return Ok(None);
        }
        let catalog = hand.catalog(&self.catalog)?;
        let names = self.kept_names(catalog, spec, wanted.name.as_deref())?;
        if names.is_empty() {
            return Ok(None);
        }
        // What goes wrong here goes wrong again where it is told.
        let Ok(Some(digest)) = source::remote_digest(spec, self.options) else { return Ok(None) };
        for name in names {
            let digest = digest.to_string();
            let found = Found::ByDigest { spec: spec.clone(), name, digest };
            let candidate = Candidate { found, name: wanted.name.clone(), is_settled: true };
            if let Standing::Same(taken) = candidate.standing(catalog)? {
                // Reading it tells the packages, if nobody looked for them before.
                return Ok(taken.packages.is_some().then_some(candidate));
            }
        }
        Ok(None)
    }

    /// The names of images that may be those of a source: the name that it is given, or those that
    /// were read from the same place.
    fn kept_names(
        &self,
        catalog: &Catalog,
        spec: &SourceSpec,
        name: Option<&str>,
    ) -> Result<Vec<String>, CatalogError> {
        if let Some(name) = name {
            return match catalog.image(name) {
                Ok(image) => Ok(image.manifest_digest.map(|_| image.name).into_iter().collect()),
                Err(CatalogError::NoSuchImage { .. }) => Ok(Vec::new()),
                Err(error) => Err(error),
            };
        }
        if self.kept.get().is_none() {
            let mut kept: BTreeMap<[String; 2], Vec<String>> = BTreeMap::new();
            for [name, transport, location] in catalog.with_manifests()? {
                kept.entry([transport, location]).or_default().push(name);
            }
            // Another worker may have been faster; what it found is as good.
            drop(self.kept.set(kept));
        }
        let place = [spec.transport.name().to_owned(), spec.stated_location()];
        let kept = self.kept.get().and_then(|kept| kept.get(&place));
        // Under another name it would be added under its own.
        let own = spec.own_name();
        let is_it = |name: &&String| own.as_ref().is_none_or(|own| own == *name);
        Ok(kept.into_iter().flatten().filter(is_it).cloned().collect())
    }

    /// Reads a layer for all images that claim it, from the catalog if that has it.
    fn read(
        &self,
        source: &ImageSource,
        claim: Claim,
        hand: &mut Hand,
    ) -> Result<(Part, Option<usize>), IngestError> {
        let layer = &source.layers[claim.layer];
        if let Some(part) = kept::layer(hand.catalog(&self.catalog)?, layer, self.options)? {
            return Ok((part, None));
        }
        let read = layer.read(self.options)?;
        Ok((kept::part_of(read, Some(hand.catalog(&self.catalog)?))?, Some(claim.image)))
    }

    /// Whether reading an image that is in the catalog without packages tells them.
    fn would_gain(
        &self,
        catalog: &Catalog,
        taken: &ImageRecord,
        source: &ImageSource,
    ) -> Result<bool, CatalogError> {
        Ok(taken.packages.is_none() && kept::would_gain(catalog, source, self.options)?)
    }

    /// Keeps an image, and tells what came of it or of a source.
    fn tell<E>(
        &self,
        catalog: &mut Catalog,
        event: Event,
        tell: &mut impl FnMut(usize, Told<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match event {
            Event::Source { at, spec, failure } => {
                if let Some(spec) = &spec {
                    tell(at, Told::Understood(spec))?;
                }
                failure.map_or(Ok(()), |error| tell(at, Told::Failed(error)))
            }
            Event::Image { at, candidate, reading } => {
                let result = self.settle(catalog, &candidate, reading);
                let name = match &candidate.found {
                    Found::Opened(source) => &source.name,
                    Found::ByDigest { name, .. } => name,
                };
                tell(at, Told::Image { name, result })
            }
        }
    }

    /// Keeps an image whose turn has come.
    fn settle(
        &self,
        catalog: &mut Catalog,
        candidate: &Candidate,
        reading: Reading,
    ) -> Result<Outcome, IngestError> {
        match reading {
            Reading::NotNeeded => match candidate.standing(catalog)? {
                Standing::Same(record) => {
                    let layers = catalog.layer_keys(record.id)?.len();
                    let added = Added::Unchanged(*record);
                    Ok(Outcome { added, layers_read: 0, layers, stored_bytes: 0 })
                }
                Standing::Other if !self.rules.replace => {
                    let name = candidate.name().to_owned();
                    Err(CatalogError::NameTaken { name }.into())
                }
                // An image before has changed that.
                _ => self.anew(catalog, candidate),
            },
            Reading::Done { image, foreseen } => {
                if !self.came_true(catalog, candidate, &foreseen)? {
                    return self.anew(catalog, candidate);
                }
                keep(catalog, *image?, candidate.name.as_deref(), self.rules.replace)
            }
        }
    }

    /// Whether layers are in the catalog and others are to be read, as it was expected.
    fn came_true(
        &self,
        catalog: &Catalog,
        candidate: &Candidate,
        foreseen: &[(usize, bool)],
    ) -> Result<bool, CatalogError> {
        let Found::Opened(source) = &candidate.found else { return Ok(false) };
        for (layer, is_there) in foreseen {
            if kept::is_kept(catalog, &source.layers[*layer], self.options)? != *is_there {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads an image now, as if it were the only one.
    fn anew(&self, catalog: &mut Catalog, candidate: &Candidate) -> Result<Outcome, IngestError> {
        let source = match &candidate.found {
            Found::Opened(source) => Arc::clone(source),
            Found::ByDigest { spec, name, .. } => {
                let mut images = source::open(spec, self.options)?;
                let count = images.len();
                match images.pop() {
                    Some(image) if count == 1 => Arc::new(image),
                    _ => return Err(IngestError::OneName { name: name.clone(), images: count }),
                }
            }
        };
        let image = read(&source, Some(catalog), self.options)?;
        keep(catalog, image, candidate.name.as_deref(), self.rules.replace)
    }
}

/// What a worker has of its own.
struct Hand {
    catalog: Option<Catalog>,
}

impl Hand {
    /// The catalog, opened to be read when it is first asked for.
    fn catalog(&mut self, path: &Path) -> Result<&Catalog, CatalogError> {
        let catalog = match self.catalog.take() {
            Some(catalog) => catalog,
            None => Catalog::open(path)?,
        };
        Ok(self.catalog.insert(catalog))
    }
}
