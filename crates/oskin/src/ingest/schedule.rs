//! What is to be done next for many images at once: pure bookkeeping, called under one lock.
//!
//! Sources are opened ahead, images are numbered and claim their layers in the order of the list,
//! and what is done is given out in that order. Nothing in here waits, and no worker holds anything
//! while it waits for work, so there is no cycle to be locked in: some task is at hand, or all are
//! being done, or the next image to be given out is there.

use super::in_flight::{Claim, InFlight, Key};
use super::{IngestError, Part, ReadImage, distinct};
use crate::catalog::{Asked, Catalog, CatalogError, Standing};
use crate::image::LayerKey;
use crate::source::{ImageSource, SourceSpec};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// An image that was found.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) found: Found,
    /// The name that it was given.
    pub(super) name: Option<String>,
    /// Whether its name already tells what becomes of it: its layers are not looked at.
    pub(super) is_settled: bool,
}

/// How an image was found.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// It was opened.
    Opened(Arc<ImageSource>),
    /// The catalog has the manifest that the source says it has, under this name.
    ByDigest { spec: SourceSpec, name: String, digest: String },
}

impl Candidate {
    /// The name under which it is to be kept.
    pub(super) fn name(&self) -> &str {
        match (&self.name, &self.found) {
            (Some(name), _) | (None, Found::ByDigest { name, .. }) => name,
            (None, Found::Opened(source)) => &source.name,
        }
    }

    /// What has its name in the catalog.
    pub(super) fn standing(&self, catalog: &Catalog) -> Result<Standing, CatalogError> {
        let (manifest_digest, config_digest, layers) = match &self.found {
            Found::ByDigest { digest, .. } => (Some(digest.clone()), None, Vec::new()),
            Found::Opened(source) => (
                source.manifest_digest.map(|digest| digest.to_string()),
                source.config_digest.map(|digest| digest.to_string()),
                source.layers.iter().map(|it| it.diff_id().map(LayerKey::DiffId)).collect(),
            ),
        };
        catalog.standing(&Asked {
            name: self.name(),
            manifest_digest: manifest_digest.as_deref(),
            config_digest: config_digest.as_deref(),
            layers: &layers,
        })
    }
}

/// What opening a source came to.
#[derive(Debug)]
pub(super) struct Opened {
    /// What the text was understood as, if it was.
    pub(super) spec: Option<SourceSpec>,
    pub(super) images: Result<Vec<Candidate>, IngestError>,
}

/// Something to be given out in order.
#[derive(Debug)]
pub(super) enum Event {
    /// A source was opened, or not; its images follow.
    Source { at: usize, spec: Option<SourceSpec>, failure: Option<IngestError> },
    /// An image is as ready as it gets.
    Image { at: usize, candidate: Candidate, reading: Reading },
}

/// How far an image has come when its turn comes.
#[derive(Debug)]
pub(super) enum Reading {
    /// Its name settled it.
    NotNeeded,
    /// It was read. Which of its layers, by their places, the catalog must have when its turn comes, and which must be
    /// to be read then, for the result to be what reading it then would give.
    Done { image: Result<Box<ReadImage>, IngestError>, foreseen: Vec<(usize, bool)> },
}

/// Something for a worker to do.
#[derive(Debug)]
pub(super) enum Task {
    /// Open a source of the list.
    Open(usize),
    /// Read a layer as an image has it.
    Read { source: Arc<ImageSource>, claim: Claim, key: Key },
    /// Stack the layers of an image.
    Stack { number: usize, source: Arc<ImageSource>, parts: BTreeMap<usize, Part> },
}

/// An image whose layers are being read.
#[derive(Debug)]
struct Active {
    at: usize,
    candidate: Candidate,
    source: Arc<ImageSource>,
    keys: BTreeMap<usize, Key>,
    // Places of layers that are not there yet.
    missing: BTreeSet<usize>,
    // The lowest layer that could not be read.
    failure: Option<(usize, IngestError)>,
}

impl Active {
    fn claim(number: usize, layer: usize) -> Claim {
        Claim { image: number, layer }
    }
}

/// All that is under way.
#[derive(Debug)]
pub(super) struct Schedule {
    sources: usize,
    // The most images, and sources, that are under way at a time.
    window: usize,
    // The next source to be opened, and the next whose images are to be numbered.
    next_open: usize,
    next_source: usize,
    opened: BTreeMap<usize, Opened>,
    // Images of the source before `next_source` that have no number yet.
    unnumbered: VecDeque<(usize, Candidate)>,
    numbered: usize,
    told: usize,
    layers: InFlight,
    active: BTreeMap<usize, Active>,
    complete: BTreeSet<usize>,
    events: BTreeMap<usize, Event>,
    // Claims of images that are to be told.
    held: BTreeMap<usize, Vec<(Key, Claim)>>,
    is_stopped: bool,
}

impl Schedule {
    /// Nothing has begun. A window of 0 counts as 1.
    pub(super) fn new(sources: usize, window: usize) -> Self {
        Self {
            sources,
            window: window.max(1),
            next_open: 0,
            next_source: 0,
            opened: BTreeMap::new(),
            unnumbered: VecDeque::new(),
            numbered: 0,
            told: 0,
            layers: InFlight::default(),
            active: BTreeMap::new(),
            complete: BTreeSet::new(),
            events: BTreeMap::new(),
            held: BTreeMap::new(),
            is_stopped: false,
        }
    }

    /// Whatever is under way, nothing new begins.
    pub(super) fn stop(&mut self) {
        self.is_stopped = true;
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// The next thing to do, if any is at hand: what brings the lowest image on comes first.
    pub(super) fn take(&mut self) -> Option<Task> {
        if let Some(number) = self.complete.pop_first() {
            return self.stack(number);
        }
        if let Some((claim, key)) = self.layers.take() {
            let source = Arc::clone(&self.active.get(&claim.image)?.source);
            return Some(Task::Read { source, claim, key });
        }
        if self.next_open < self.sources && self.next_open - self.next_source < self.window {
            self.next_open += 1;
            return Some(Task::Open(self.next_open - 1));
        }
        None
    }

    /// Whether no task will ever come again.
    pub(super) fn is_idle(&self) -> bool {
        self.next_source == self.sources && self.unnumbered.is_empty() && self.active.is_empty()
    }

    /// Whether everything was given out.
    pub(super) fn is_over(&self) -> bool {
        self.next_source == self.sources && self.unnumbered.is_empty() && self.told == self.numbered
    }

    /// A source was opened.
    pub(super) fn opened(&mut self, at: usize, opened: Opened) {
        self.opened.insert(at, opened);
        self.advance();
    }

    /// A layer was read, by an image or for nobody from the catalog, or it was not.
    pub(super) fn read(
        &mut self,
        (claim, key): (Claim, Key),
        read: Result<(Part, Option<usize>), IngestError>,
    ) {
        match read {
            Ok((part, by)) => {
                for claim in self.layers.succeed(key, part, by) {
                    self.arrived(claim);
                }
            }
            Err(error) => {
                self.layers.fail(key, claim);
                self.failed(claim, error);
            }
        }
    }

    /// The layers of an image were stacked.
    pub(super) fn stacked(&mut self, number: usize, image: ReadImage) {
        self.finish(number, Some(image));
    }

    /// Takes what is to be told next, if it is there.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.events.remove(&self.told)
    }

    /// What was taken last is told: its layers are in the catalog, or nowhere.
    pub(super) fn was_told(&mut self) {
        for (key, claim) in self.held.remove(&self.told).unwrap_or_default() {
            self.layers.release(key, claim);
        }
        self.told += 1;
        self.advance();
    }

    /// Numbers what the window has room for.
    fn advance(&mut self) {
        // A source has a number too.
        while self.numbered - self.told < 2 * self.window {
            if let Some((at, candidate)) = self.unnumbered.pop_front() {
                self.begin(at, candidate);
            } else if let Some(Opened { spec, images }) = self.opened.remove(&self.next_source) {
                let at = self.next_source;
                self.next_source += 1;
                let (images, failure) = match images {
                    Ok(images) => (images, None),
                    Err(error) => (Vec::new(), Some(error)),
                };
                self.unnumbered.extend(images.into_iter().map(|image| (at, image)));
                self.events.insert(self.numbered, Event::Source { at, spec, failure });
                self.numbered += 1;
            } else {
                break;
            }
        }
    }

    /// Gives an image its number, and claims its layers.
    fn begin(&mut self, at: usize, candidate: Candidate) {
        let number = self.numbered;
        self.numbered += 1;
        let source = match &candidate.found {
            Found::Opened(source) if !candidate.is_settled => Arc::clone(source),
            _ => {
                let reading = Reading::NotNeeded;
                self.events.insert(number, Event::Image { at, candidate, reading });
                return;
            }
        };
        let key = |layer: usize| match source.layers[layer].diff_id() {
            Some(id) => Key::DiffId(id),
            None => Key::Own(Active::claim(number, layer)),
        };
        let keys: BTreeMap<usize, Key> =
            distinct(&source).into_iter().map(|layer| (layer, key(layer))).collect();
        let claims = keys.iter().map(|(layer, key)| (*layer, *key));
        let missing: BTreeSet<usize> = claims
            .filter(|(layer, key)| !self.layers.claim(*key, Active::claim(number, *layer)))
            .map(|(layer, _)| layer)
            .collect();
        if missing.is_empty() {
            self.complete.insert(number);
        }
        let active = Active { at, candidate, source, keys, missing, failure: None };
        self.active.insert(number, active);
    }

    /// A layer that an image claims is there.
    fn arrived(&mut self, claim: Claim) {
        if let Some(image) = self.active.get_mut(&claim.image)
            && image.missing.remove(&claim.layer)
        {
            self.look_at(claim.image);
        }
    }

    /// A layer could not be read as an image has it. Those above it are not waited for: of several
    /// that are damaged the lowest is told of.
    fn failed(&mut self, claim: Claim, error: IngestError) {
        let Some(image) = self.active.get_mut(&claim.image) else { return };
        if !image.missing.remove(&claim.layer) {
            return;
        }
        image.failure = Some((claim.layer, error));
        let above = image.missing.split_off(&claim.layer);
        for layer in above {
            if let Some(key) = image.keys.get(&layer) {
                self.layers.release(*key, Active::claim(claim.image, layer));
            }
        }
        self.look_at(claim.image);
    }

    /// Goes on with an image whose last layer has come.
    fn look_at(&mut self, number: usize) {
        let Some(image) = self.active.get_mut(&number) else { return };
        if !image.missing.is_empty() {
            return;
        }
        if image.failure.is_some() {
            self.finish(number, None);
        } else {
            self.complete.insert(number);
        }
    }

    fn stack(&mut self, number: usize) -> Option<Task> {
        let image = self.active.get(&number)?;
        let part = |(layer, key): (&usize, &Key)| {
            let (part, by) = self.layers.ready(*key)?;
            let mut part = part.clone();
            if by != Some(number) {
                part.warnings = None;
            }
            Some((*layer, part))
        };
        let parts = image.keys.iter().filter_map(part).collect();
        Some(Task::Stack { number, source: Arc::clone(&image.source), parts })
    }

    /// An image is done: it was stacked, or one of its layers could not be read.
    fn finish(&mut self, number: usize, read: Option<ReadImage>) {
        let Some(image) = self.active.remove(&number) else { return };
        let damaged = image.failure.as_ref().map(|(layer, _)| *layer);
        let mut foreseen = Vec::new();
        for (layer, key) in image.keys.range(..=damaged.unwrap_or(usize::MAX)) {
            if let Key::DiffId(_) = key {
                let is_own = damaged == Some(*layer)
                    || self.layers.ready(*key).is_some_and(|(_, by)| by == Some(number));
                foreseen.push((*layer, !is_own));
            }
        }
        let claims = image.keys.iter().map(|(layer, key)| (*key, Active::claim(number, *layer)));
        self.held.insert(number, claims.collect());
        let image_read = match (image.failure, read) {
            (Some((_, error)), _) => Err(error),
            (None, Some(read)) => Ok(Box::new(read)),
            (None, None) => return,
        };
        let reading = Reading::Done { image: image_read, foreseen };
        let (at, candidate) = (image.at, image.candidate);
        self.events.insert(number, Event::Image { at, candidate, reading });
    }
}
