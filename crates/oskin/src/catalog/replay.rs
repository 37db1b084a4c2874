//! Flattening once more, the plain way: a second implementation for [`check`](super::check).
//!
//! It replays the layers on one sorted map, without any of the bookkeeping that makes
//! [`crate::inventory::flatten`] fast, and shares no code with it but the types.

use crate::inventory::{Entry, EntryKind, Layer, MAX_LINKED_NAMES, MAX_MADE_BYTES};
use crate::path::MAX_PATH_BYTES;
use std::collections::BTreeMap;

/// What stands at a path in the end.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) kind: EntryKind,
    // Where it leads, if it is a symbolic link or a further name of one.
    target: Option<Vec<u8>>,
    /// The number of the content; several names of one file share it.
    pub(super) content: usize,
    pub(super) size_bytes: u64,
}

pub(super) type Standings = BTreeMap<Vec<u8>, Standing>;

/// Replays layers, base first.
pub(super) fn replay<'a>(layers: impl Iterator<Item = &'a Layer>) -> Standings {
    let mut replay =
        Replay { standing: Standings::new(), contents: 0, made_bytes_left: MAX_MADE_BYTES };
    for layer in layers {
        for entry in layer.iter().filter(|entry| entry.kind.is_whiteout()) {
            replay.hide(&entry);
        }
        for entry in layer.iter().filter(|entry| !entry.kind.is_whiteout()) {
            if layer.is_listing() {
                replay.put(entry.path.to_vec(), &entry);
            } else if let Some(path) = replay.lead(entry.path, true) {
                // Where a link moves the entry, its path is a made one too.
                if path == entry.path || replay.may_make(&path) {
                    replay.place(&path, &entry);
                }
            }
        }
    }
    replay.standing
}

struct Replay {
    standing: Standings,
    contents: usize,
    made_bytes_left: usize,
}

impl Replay {
    /// Whether there is room for a path that no layer holds; takes it if so.
    fn may_make(&mut self, path: &[u8]) -> bool {
        let left = self.made_bytes_left.checked_sub(path.len());
        self.made_bytes_left = left.unwrap_or(self.made_bytes_left);
        left.is_some()
    }

    fn hide(&mut self, entry: &Entry<'_>) {
        if entry.kind == EntryKind::Whiteout {
            let Some(path) = self.lead(entry.path, false) else { return };
            self.clear_below(&path);
            self.standing.remove(&path);
            return;
        }
        // An opaque marker lies in the directory, so links to the directory are followed too.
        let marker = [entry.path, b"/marker"].concat();
        let Some(marker) = self.lead(&marker, false) else { return };
        let directory = marker.strip_suffix(b"marker").unwrap_or_default();
        self.clear_below(directory.strip_suffix(b"/").unwrap_or(directory));
    }

    fn clear_below(&mut self, path: &[u8]) {
        let prefix = if path.is_empty() { Vec::new() } else { [path, b"/"].concat() };
        let below: Vec<Vec<u8>> = self
            .standing
            .range(prefix.clone()..)
            .map(|(path, _)| path.clone())
            .take_while(|path| path.starts_with(&prefix))
            .collect();
        for path in below {
            self.standing.remove(&path);
        }
    }

    fn place(&mut self, path: &[u8], entry: &Entry<'_>) {
        if path.is_empty() || entry.kind == EntryKind::HardLink && entry.link == Some(path) {
            return;
        }
        let keeps = entry.kind.is_directory()
            && self.standing.get(path).is_some_and(|old| old.kind.is_directory());
        let linked = match (entry.kind, entry.link) {
            (EntryKind::HardLink, Some(first)) => {
                self.lead(first, false).and_then(|first| self.standing.get(&first)).cloned()
            }
            _ => None,
        };
        if !keeps {
            self.clear_below(path);
        }
        self.put(path.to_vec(), entry);
        if let (Some(linked), Some(new)) = (linked, self.standing.get_mut(path)) {
            new.content = linked.content;
            new.size_bytes = linked.size_bytes;
            new.target = linked.target;
        }
    }

    fn put(&mut self, path: Vec<u8>, entry: &Entry<'_>) {
        self.contents += 1;
        let standing = Standing {
            kind: entry.kind,
            target: (entry.kind == EntryKind::Symlink)
                .then(|| entry.link.unwrap_or_default().to_vec()),
            content: self.contents,
            size_bytes: entry.size_bytes,
        };
        self.standing.insert(path, standing);
    }

    /// Where a path leads when the symbolic links above its last name are followed; makes missing
    /// directories if told to. `None` if it leads nowhere.
    fn lead(&mut self, path: &[u8], make: bool) -> Option<Vec<u8>> {
        let names = |path: &[u8]| -> Vec<Vec<u8>> {
            let kept = |name: &&[u8]| !name.is_empty() && *name != b".";
            path.split(|byte| *byte == b'/').filter(kept).map(<[u8]>::to_vec).collect()
        };
        let mut ahead = names(path);
        let last = ahead.pop();
        let mut done: Vec<Vec<u8>> = Vec::new();
        let (mut hops, mut linked_names) = (0, 0);
        ahead.reverse();
        while let Some(name) = ahead.pop() {
            linked_names += hops.min(1);
            if linked_names > MAX_LINKED_NAMES {
                return None;
            }
            if name == b".." {
                done.pop();
                continue;
            }
            done.push(name);
            let here = done.join(&b'/');
            match self.standing.get(&here).map(|found| (found.kind, found.target.clone())) {
                Some((EntryKind::Directory, _)) => {}
                Some((_, Some(target))) => {
                    hops += 1;
                    if hops > 40 {
                        return None;
                    }
                    done.pop();
                    if target.starts_with(b"/") {
                        done.clear();
                    }
                    ahead.extend(names(&target).into_iter().rev());
                }
                _ if !make || here.len() > MAX_PATH_BYTES || !self.may_make(&here) => return None,
                _ => {
                    self.clear_below(&here);
                    self.put(here.clone(), &Entry::bare(&here, EntryKind::Directory));
                }
            }
        }
        done.extend(last);
        Some(done.join(&b'/'))
    }
}
