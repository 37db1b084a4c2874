//! Layers on top of each other become one inventory: the rules of the OCI image spec, layer.md.
//!
//! Each layer first hides (whiteouts and opaque whiteouts reach lower layers only, wherever they
//! stand in the archive), then its entries apply in order: the later of two wins, a directory over
//! a directory keeps the children, anything else replaces the whole subtree. Parents that no layer
//! names are implied. An entry below a symbolic link goes where the link leads, inside the root,
//! as GNU tar, umoci and containerd unpack it. An entry below a file implies a directory in place
//! of the file, with a problem that tells what was replaced.
//!
//! The tree under construction has one node per entry ever applied, each removed at most once, so
//! time is O(total entries × depth) and an archive that replaces directories again and again
//! gains nothing.

use super::entry::{Entry, EntryKind};
use super::layer::Layer;
use super::{
    Inventory, MAX_LINK_HOPS, MAX_LINKED_NAMES, MAX_MADE_BYTES, Placed, Slot, components_reversed,
};
use crate::path;
use hashbrown::HashTable;
use std::sync::Arc;

/// What was wrong with one entry; it was left out or taken with less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlattenProblem {
    /// The path of the entry.
    pub path: Vec<u8>,
    /// What was wrong, for people.
    pub what: &'static str,
}

/// From which layer on something was there under a path, and until which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// The entry; of a directory the last that changed it.
    pub slot: Slot,
    /// The slot that holds its content: its own, but for hard links.
    pub content: Slot,
    /// The number of the layer that brought it.
    pub born: u32,
    /// The number of the layer after which it was there no more: the same one if that brought something
    /// else for the path later on. `None` if it is there in the end.
    pub died: Option<u32>,
}

/// Applies layers, base first, and returns what is there in the end with all problems met.
pub fn flatten(layers: &[Arc<Layer>]) -> (Inventory, Vec<FlattenProblem>) {
    flattened(layers).finish()
}

/// Applies layers as [`flatten`] does, and tells besides of all that was ever there when it came and
/// went, in the order in which it came. Slots are those of the inventory's layers.
pub fn flatten_with_lives(layers: &[Arc<Layer>]) -> (Inventory, Vec<Life>) {
    let tree = flattened(layers);
    let life = |node: &Node| Life {
        slot: node.placed.slot,
        content: node.placed.content,
        born: node.born,
        died: (!node.is_live()).then_some(node.died),
    };
    let lives = tree.nodes.iter().map(life).collect();
    (tree.finish().0, lives)
}

fn flattened(layers: &[Arc<Layer>]) -> Tree<'_> {
    let total = layers.iter().map(|layer| layer.len()).sum();
    let mut tree = Tree::new(layers, total);
    for (number, layer) in layers.iter().enumerate() {
        tree.number = u32::try_from(number).unwrap_or(u32::MAX);
        tree.hide(layer);
        tree.apply(layer);
    }
    tree
}

const NO_NODE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Node {
    placed: Placed,
    first_child: u32,
    next_sibling: u32,
    parent: u32,
    // Numbers of layers.
    born: u32,
    died: u32,
}

/// When a node dies that lives on.
const NEVER: u32 = u32::MAX;

impl Node {
    const fn is_live(&self) -> bool {
        self.died == NEVER
    }
}

struct Tree<'a> {
    layers: &'a [Arc<Layer>],
    // The layer that is being applied.
    number: u32,
    // Entries that no layer holds as they are: implied directories, moved paths.
    made: Layer,
    // What the paths in `made` may still take.
    made_bytes_left: usize,
    nodes: Vec<Node>,
    // Live nodes by path.
    by_path: HashTable<u32>,
    top: u32,
    // The directory of the entry before, which most often is that of the next one too.
    // Invariant: `last_directory.0` is a live directory at the path `last_directory.1`.
    last_directory: Option<(u32, Vec<u8>)>,
    problems: Vec<FlattenProblem>,
}

/// How the way to an entry ends.
enum Way {
    /// The directory is there: its node (`NO_NODE` is the root), and its path if links changed it.
    Directory(u32, Option<Vec<u8>>),
    /// A component is missing.
    Missing,
    /// Symbolic links in a circle, or through more names than are followed.
    Circle,
}

impl<'a> Tree<'a> {
    fn new(layers: &'a [Arc<Layer>], total: usize) -> Self {
        Self {
            layers,
            number: 0,
            made: Layer::new(),
            made_bytes_left: MAX_MADE_BYTES,
            nodes: Vec::with_capacity(total),
            by_path: HashTable::with_capacity(total),
            top: NO_NODE,
            last_directory: None,
            problems: Vec::new(),
        }
    }

    fn entry(&self, slot: Slot) -> Entry<'_> {
        self.layer(slot.layer).get(slot.index as usize)
    }

    fn layer(&self, number: u32) -> &Layer {
        self.layers.get(number as usize).map_or(&self.made, AsRef::as_ref)
    }

    fn path(&self, node: u32) -> &[u8] {
        let slot = self.nodes[node as usize].placed.slot;
        self.layer(slot.layer).path(slot.index as usize)
    }

    fn kind(&self, node: u32) -> EntryKind {
        let slot = self.nodes[node as usize].placed.slot;
        self.layer(slot.layer).kind(slot.index as usize)
    }

    /// Where a symbolic link leads, or a further name of one.
    fn target(&self, node: u32) -> Option<&[u8]> {
        let Placed { slot, content } = self.nodes[node as usize].placed;
        let kind = self.layer(slot.layer).kind(slot.index as usize);
        if !matches!(kind, EntryKind::Symlink | EntryKind::HardLink) {
            return None;
        }
        let linked = self.entry(content);
        (linked.kind == EntryKind::Symlink).then(|| linked.link.unwrap_or_default())
    }

    fn find(&self, path: &[u8]) -> Option<u32> {
        let same = |node: &u32| self.path(*node) == path;
        self.by_path.find(path::table_hash(path), same).copied()
    }

    fn problem(&mut self, path: &[u8], what: &'static str) {
        self.problems.push(FlattenProblem { path: path.to_vec(), what });
    }

    /// Takes away what the whiteouts of a layer hide; only lower layers are in the tree yet.
    fn hide(&mut self, layer: &Layer) {
        for entry in layer.iter().filter(|entry| entry.kind.is_whiteout()) {
            if entry.kind == EntryKind::OpaqueWhiteout {
                // The marker lies in the directory, so a link to one is followed.
                if let Way::Directory(node, _) = self.way(entry.path, false) {
                    self.remove_children(node);
                }
                continue;
            }
            let (directory, name) = path::split_name(entry.path);
            let target = match self.way(directory, false) {
                Way::Directory(_, Some(moved)) => self.find(&path::join(&moved, name)),
                Way::Directory(_, None) => self.find(entry.path),
                Way::Missing | Way::Circle => None,
            };
            if let Some(node) = target {
                self.remove(node);
            }
        }
    }

    fn apply(&mut self, layer: &Layer) {
        for (index, entry) in layer.iter().enumerate() {
            if entry.kind.is_whiteout() || entry.path.is_empty() {
                continue;
            }
            let slot = Slot { layer: self.number, index: u32::try_from(index).unwrap_or(u32::MAX) };
            if layer.is_listing() {
                let old = self.find(entry.path);
                self.replace(NO_NODE, slot, old);
                continue;
            }
            let (directory, name) = path::split_name(entry.path);
            match self.way(directory, true) {
                Way::Directory(parent, None) => self.place(parent, slot, &entry),
                Way::Directory(parent, Some(moved)) => {
                    let moved = path::join(&moved, name);
                    let entry = Entry { path: &moved, ..entry };
                    if let Some(made) = self.make(&entry, Some(slot)) {
                        self.place(parent, made, &entry);
                    }
                }
                Way::Missing => self.problem(entry.path, "its directory cannot be made"),
                Way::Circle => {
                    self.problem(entry.path, "symbolic links above it go in a circle or too far");
                }
            }
        }
    }

    /// Stores an entry that no layer has in this form and returns its slot.
    fn make(&mut self, entry: &Entry<'_>, original: Option<Slot>) -> Option<Slot> {
        let left = self.made_bytes_left.checked_sub(entry.path.len());
        let made = left.and_then(|left| Some((left, self.made.push(entry).ok()?)));
        let Some((left, index)) = made else {
            self.problem(entry.path, "too many directories or links that entries imply; left out");
            return None;
        };
        self.made_bytes_left = left;
        let kept =
            original.and_then(|slot| self.layer(slot.layer).kept().get(&slot.index).cloned());
        if let Some(content) = kept {
            self.made.keep(index, content);
        }
        let told = original.and_then(|slot| self.layer(slot.layer).software().get(&slot.index));
        if let Some(record) = told.cloned() {
            self.made.tell(index, record);
        }
        Some(Slot { layer: u32::try_from(self.layers.len()).unwrap_or(u32::MAX), index })
    }

    /// Finds the directory at a path, following symbolic links; makes what is missing if told to.
    fn way(&mut self, directory: &[u8], make: bool) -> Way {
        if directory.is_empty() {
            return Way::Directory(NO_NODE, None);
        }
        if let Some((node, path)) = &self.last_directory
            && path == directory
        {
            return Way::Directory(*node, None);
        }
        match self.find(directory) {
            Some(node) if self.kind(node).is_directory() => {
                self.last_directory = Some((node, directory.to_vec()));
                Way::Directory(node, None)
            }
            _ => self.walk(directory, make),
        }
    }

    /// The slow way: component by component from the root.
    fn walk(&mut self, directory: &[u8], make: bool) -> Way {
        let (mut at, mut done) = (NO_NODE, Vec::new());
        let (mut hops, mut linked_names) = (0, 0);
        let mut ahead = components_reversed(directory);
        while let Some(name) = ahead.pop() {
            linked_names += hops.min(1);
            if linked_names > MAX_LINKED_NAMES {
                return Way::Circle;
            }
            if name == b".." {
                // Above the root there is the root.
                done.truncate(path::split_name(&done).0.len());
                at = if at == NO_NODE { at } else { self.nodes[at as usize].parent };
                continue;
            }
            let next = path::join(&done, &name);
            let found = self.find(&next);
            let target = found.and_then(|node| self.target(node)).map(<[u8]>::to_vec);
            match found.map(|node| (node, self.kind(node), target)) {
                Some((node, EntryKind::Directory, _)) => (at, done) = (node, next),
                Some((_, _, Some(target))) => {
                    hops += 1;
                    if hops > MAX_LINK_HOPS {
                        return Way::Circle;
                    }
                    if target.first() == Some(&b'/') {
                        (at, done) = (NO_NODE, Vec::new());
                    }
                    ahead.extend(components_reversed(&target));
                }
                _ if !make || next.len() > path::MAX_PATH_BYTES => return Way::Missing,
                _ => {
                    let implied = Entry { mode: 0o755, ..Entry::bare(&next, EntryKind::Directory) };
                    let Some(slot) = self.make(&implied, None) else { return Way::Missing };
                    if found.is_some() {
                        self.problem(&next, "replaced, because later entries lie below it");
                    }
                    at = self.replace(at, slot, found);
                    done = next;
                }
            }
        }
        let moved = (done != directory).then_some(done);
        Way::Directory(at, moved)
    }

    /// Puts an entry into its directory, over what may be there.
    fn place(&mut self, parent: u32, slot: Slot, entry: &Entry<'_>) {
        let old = self.find(entry.path);
        if let Some(node) = old
            && entry.kind.is_directory()
            && self.kind(node).is_directory()
        {
            self.nodes[node as usize].placed = Placed { slot, content: slot };
            return;
        }
        let content = match (entry.kind, entry.link) {
            (EntryKind::HardLink, Some(first)) if first == entry.path => {
                self.problem(entry.path, "hard link to itself");
                return;
            }
            (EntryKind::HardLink, first) => {
                let found = self.hard_link_content(first.unwrap_or_default());
                if found.is_none() {
                    self.problem(entry.path, "hard link to a file that is not there");
                }
                found.unwrap_or(slot)
            }
            _ => slot,
        };
        let node = self.replace(parent, slot, old);
        self.nodes[node as usize].placed.content = content;
    }

    fn hard_link_content(&mut self, first: &[u8]) -> Option<Slot> {
        let (directory, name) = path::split_name(first);
        let node = match self.way(directory, false) {
            Way::Directory(_, Some(moved)) => self.find(&path::join(&moved, name)),
            Way::Directory(_, None) => self.find(first),
            Way::Missing | Way::Circle => None,
        }?;
        Some(self.nodes[node as usize].placed.content)
    }

    /// Removes `old` with all below it and puts a new node in its place.
    fn replace(&mut self, parent: u32, slot: Slot, old: Option<u32>) -> u32 {
        if let Some(old) = old {
            self.remove(old);
        }
        let node = u32::try_from(self.nodes.len()).unwrap_or(NO_NODE);
        let first = self.first_child_of(parent);
        let placed = Placed { slot, content: slot };
        self.nodes.push(Node {
            placed,
            first_child: NO_NODE,
            next_sibling: first,
            parent,
            born: self.number,
            died: NEVER,
        });
        *self.first_child_slot(parent) = node;
        let hash = path::table_hash(self.path(node));
        let (nodes, layers, made) = (&self.nodes, self.layers, &self.made);
        self.by_path.insert_unique(hash, node, |&other| {
            let Slot { layer, index } = nodes[other as usize].placed.slot;
            let layer = layers.get(layer as usize).map_or(made, AsRef::as_ref);
            path::table_hash(layer.path(index as usize))
        });
        node
    }

    fn first_child_of(&self, parent: u32) -> u32 {
        self.nodes.get(parent as usize).map_or(self.top, |node| node.first_child)
    }

    fn first_child_slot(&mut self, parent: u32) -> &mut u32 {
        match self.nodes.get_mut(parent as usize) {
            Some(node) => &mut node.first_child,
            None => &mut self.top,
        }
    }

    /// Removes a node and all below it.
    fn remove(&mut self, node: u32) {
        self.remove_children(node);
        self.bury(node);
    }

    /// Removes all below a node, `NO_NODE` for the root. Dead nodes stay in no list, so none is met twice.
    fn remove_children(&mut self, node: u32) {
        self.last_directory = None;
        let mut heads = vec![std::mem::replace(self.first_child_slot(node), NO_NODE)];
        while let Some(mut child) = heads.pop() {
            while child != NO_NODE {
                let it = self.nodes[child as usize];
                let Node { first_child, next_sibling, .. } = it;
                heads.push(first_child);
                self.nodes[child as usize].first_child = NO_NODE;
                if it.is_live() {
                    self.bury(child);
                }
                child = next_sibling;
            }
        }
    }

    /// Takes a live node out of the index; its parent's list still leads over it.
    fn bury(&mut self, node: u32) {
        self.last_directory = None;
        let hash = path::table_hash(self.path(node));
        if let Ok(found) = self.by_path.find_entry(hash, |&other| other == node) {
            found.remove();
        }
        self.nodes[node as usize].died = self.number;
    }

    fn finish(self) -> (Inventory, Vec<FlattenProblem>) {
        let Self { layers, made, nodes, by_path, problems, .. } = self;
        drop(by_path);
        let mut layers = layers.to_vec();
        layers.push(Arc::new(made));
        let mut entries: Vec<Placed> =
            nodes.iter().filter(|node| node.is_live()).map(|node| node.placed).collect();
        drop(nodes);
        let path = |placed: &Placed| {
            let Slot { layer, index } = placed.slot;
            layers[layer as usize].path(index as usize)
        };
        entries.sort_by(|a, b| path(a).cmp(path(b)));
        (Inventory { layers, entries }, problems)
    }
}
