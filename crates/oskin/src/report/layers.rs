//! The document about the layers of an image and what they waste.

use super::GateReport;
use crate::diff::{ByCause, Cause, Count, Dive, Duplicate, LayerWork, Waste, WastedPath};
use crate::image::{HistoryStep, LayerKey};
use crate::path::escape;
use serde::Serialize;

/// `oskin.layers/1`: what each layer brings, changes and removes, and what of it is in no file in the end.
#[derive(Clone, Debug, Serialize)]
pub struct LayersReport {
    schema: &'static str,
    /// The image.
    pub name: String,
    /// Files that its layers write, and their bytes.
    pub written: CountReport,
    /// What of that is in no file in the end.
    pub wasted: WastedReport,
    /// The share of the bytes that is wasted; null if there are none.
    pub wasted_share: Option<f64>,
    /// The layers, base first.
    pub layers: Vec<LayerWorkReport>,
    /// How many paths something is wasted at.
    pub path_count: u64,
    /// These paths, or the worst of them; most bytes first.
    pub paths: Vec<WastedPathReport>,
    /// How many contents several files have in the end.
    pub duplicate_count: u64,
    /// The bytes of their copies, one file of each left out.
    pub duplicate_bytes: u64,
    /// These contents, or the worst of them; most bytes in copies first.
    pub duplicates: Vec<SameContentReport>,
    /// The figures of dive.
    pub dive: DiveReport,
    /// What gates say, if any were asked for.
    pub gates: Vec<GateReport>,
}

/// A number of files and their bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CountReport {
    /// The files, everything that is not a directory.
    pub files: u64,
    /// Their bytes; a further name has none.
    pub bytes: u64,
}

impl From<Count> for CountReport {
    fn from(Count { files, bytes }: Count) -> Self {
        Self { files, bytes }
    }
}

/// Wasted contents, in all and by cause.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct WastedReport {
    /// Contents.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Written again as they were.
    pub copied: CountReport,
    /// Written again with another mode or owner alone.
    pub mode_only: CountReport,
    /// Written again with another content.
    pub rewritten: CountReport,
    /// Deleted.
    pub deleted: CountReport,
}

impl From<&ByCause> for WastedReport {
    fn from(wasted: &ByCause) -> Self {
        let Count { files, bytes } = wasted.total();
        let [copied, mode_only, rewritten, deleted] =
            Cause::ALL.map(|cause| CountReport::from(wasted.of(cause)));
        Self { files, bytes, copied, mode_only, rewritten, deleted }
    }
}

impl WastedReport {
    /// The bytes by cause, most first, with the name of the cause; those without are left out.
    pub fn causes(&self) -> Vec<(&'static str, u64)> {
        let counts = [self.copied, self.mode_only, self.rewritten, self.deleted];
        let causes = Cause::ALL.into_iter().zip(counts);
        let mut causes: Vec<(&'static str, u64)> =
            causes.map(|(cause, count)| (cause.name(), count.bytes)).collect();
        causes.retain(|(_, bytes)| *bytes > 0);
        causes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        causes
    }
}

/// What one layer does.
#[derive(Clone, Debug, Serialize)]
pub struct LayerWorkReport {
    /// Its number, base first, from 0 on.
    pub layer: u32,
    /// What it is known by; null if not known.
    pub digest: Option<String>,
    /// The command of the history that made it; null if the history does not tell.
    pub created_by: Option<String>,
    /// What it writes.
    pub written: CountReport,
    /// Files where none was before.
    pub added: CountReport,
    /// Files in the place of others, or the same again.
    pub changed: CountReport,
    /// Files that are there no more.
    pub removed: CountReport,
    /// What is in no file from this layer on.
    pub wasted: WastedReport,
    /// Bytes that it writes and that are in no file in the end.
    pub lost_bytes: u64,
}

/// What is wasted at one path.
#[derive(Clone, Debug, Serialize)]
pub struct WastedPathReport {
    /// The path, escaped.
    pub path: String,
    /// What is wasted there.
    pub wasted: WastedReport,
    /// The layers that wrote it.
    pub written_in: Vec<u32>,
    /// The layers from which on it was in no file.
    pub buried_in: Vec<u32>,
}

impl From<&WastedPath> for WastedPathReport {
    fn from(it: &WastedPath) -> Self {
        let (written_in, buried_in) = (it.written_in.clone(), it.buried_in.clone());
        Self { path: escape(&it.path), wasted: (&it.wasted).into(), written_in, buried_in }
    }
}

/// A content that several files have in the end.
#[derive(Clone, Debug, Serialize)]
pub struct SameContentReport {
    /// `sha256:…`.
    pub digest: String,
    /// The bytes of one.
    pub size_bytes: u64,
    /// The bytes of all but one.
    pub extra_bytes: u64,
    /// The files, one name of each, escaped.
    pub paths: Vec<String>,
}

impl From<&Duplicate> for SameContentReport {
    fn from(it: &Duplicate) -> Self {
        Self {
            digest: it.digest.to_string(),
            size_bytes: it.size_bytes,
            extra_bytes: it.extra_bytes(),
            paths: it.paths.iter().map(|path| escape(path)).collect(),
        }
    }
}

/// The figures of dive.
#[derive(Clone, Debug, Serialize)]
pub struct DiveReport {
    /// The least bytes of each path by the bytes of all layers there; null if there are none.
    pub efficiency: Option<f64>,
    /// The least bytes of each path.
    pub minimum_bytes: u64,
    /// The bytes of all layers at each path.
    pub discovered_bytes: u64,
    /// Bytes of paths that occur twice or more.
    pub wasted_bytes: u64,
    /// The same by the bytes of all layers but the first; null if those have none.
    pub wasted_share: Option<f64>,
    /// How many such paths there are.
    pub path_count: u64,
    /// These paths, or the worst of them.
    pub paths: Vec<DivePathReport>,
}

/// A path that occurs twice or more.
#[derive(Clone, Debug, Serialize)]
pub struct DivePathReport {
    /// The path, escaped.
    pub path: String,
    /// How often it occurs.
    pub count: u64,
    /// Its bytes in all layers.
    pub bytes: u64,
}

impl DiveReport {
    fn new(dive: &Dive, top: usize) -> Self {
        let path = |it: &crate::diff::DivePath| DivePathReport {
            path: escape(&it.path),
            count: it.count,
            bytes: it.bytes,
        };
        Self {
            efficiency: dive.efficiency(),
            minimum_bytes: dive.minimum_bytes,
            discovered_bytes: dive.discovered_bytes,
            wasted_bytes: dive.wasted_bytes,
            wasted_share: dive.wasted_share(),
            path_count: dive.paths.len() as u64,
            paths: dive.paths.iter().take(top).map(path).collect(),
        }
    }
}

impl LayersReport {
    /// Puts together what was counted, what layers are known by (with their sizes), and the history; of
    /// paths and duplicates the first `top`.
    ///
    /// Keys are told if there is one for each layer, commands if the history has as many steps that made
    /// a layer as there are layers.
    pub fn new(
        name: &str,
        waste: &Waste,
        (keys, history): (&[(LayerKey, u64)], &[HistoryStep]),
        top: usize,
        gates: Vec<GateReport>,
    ) -> Self {
        let count = waste.layers.len();
        let made: Vec<&HistoryStep> = history.iter().filter(|step| !step.empty_layer).collect();
        let made = if made.len() == count { made } else { Vec::new() };
        let keys = if keys.len() == count { keys } else { &[] };
        let layer = |(number, work): (u32, &LayerWork)| LayerWorkReport {
            layer: number,
            digest: keys.get(number as usize).map(|(key, _)| key.to_string()),
            created_by: made.get(number as usize).map(|step| step.created_by.clone()),
            written: work.written.into(),
            added: work.added.into(),
            changed: work.changed.into(),
            removed: work.removed.into(),
            wasted: (&work.buried).into(),
            lost_bytes: work.lost.total().bytes,
        };
        let extra = waste.duplicates.iter().map(Duplicate::extra_bytes);
        Self {
            schema: "oskin.layers/1",
            name: name.to_owned(),
            written: waste.written.into(),
            wasted: (&waste.wasted).into(),
            wasted_share: waste.share(),
            layers: (0..).zip(&waste.layers).map(layer).collect(),
            path_count: waste.paths.len() as u64,
            paths: waste.paths.iter().take(top).map(Into::into).collect(),
            duplicate_count: waste.duplicates.len() as u64,
            duplicate_bytes: extra.fold(0, u64::saturating_add),
            duplicates: waste.duplicates.iter().take(top).map(Into::into).collect(),
            dive: DiveReport::new(&waste.dive, top),
            gates,
        }
    }
}
