//! File systems of numbered nodes, and the walk over them: what ext, EROFS and ISO 9660 share.

use super::tree::{Attributes, TreeReader};
use super::{ReadOptions, SourceError};
use crate::inventory::EntryKind;
use crate::path;
use std::collections::BTreeSet;
use std::io::{self, Read};

/// The most that is read of one directory: some million names.
pub(super) const MAX_DIRECTORY_BYTES: u64 = 64 * 1024 * 1024;

/// How many bytes of holes are read in one file system: sparse files of terabytes hold nothing.
pub(super) const MAX_HOLE_BYTES: u64 = 16 * 1024 * 1024 * 1024;

/// How deep a path may go.
const MAX_DEPTH: usize = 1024;

/// What a node is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) kind: EntryKind,
    pub(super) attributes: Attributes,
    pub(super) size_bytes: u64,
    /// What the file is known by, if it has more names than one.
    pub(super) inode: Option<u64>,
    /// Bytes of the size that are stored nowhere.
    pub(super) hole_bytes: u64,
}

/// The kind that the high bits of a mode tell, as `stat` has them.
pub(super) fn kind_of_mode(mode: u16) -> Option<EntryKind> {
    Some(match mode >> 12 {
        0x1 => EntryKind::Fifo,
        0x2 => EntryKind::CharDevice,
        0x4 => EntryKind::Directory,
        0x6 => EntryKind::BlockDevice,
        0x8 => EntryKind::File,
        0xa => EntryKind::Symlink,
        0xc => EntryKind::Socket,
        _ => return None,
    })
}

/// The names in one directory with the numbers of their nodes, in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Names {
    bytes: Vec<u8>,
    // Start, length and number; sorted, last first, once the walk takes them.
    places: Vec<(usize, usize, u64)>,
    /// Why there may be more of them.
    pub(super) problem: Option<String>,
}

impl Names {
    /// Adds a name; `.`, `..` and what cannot be a name are passed over.
    pub(super) fn push(&mut self, name: &[u8], number: u64) {
        if matches!(name, b"" | b"." | b"..") {
            return;
        }
        if name.contains(&b'/') || name.contains(&0) {
            self.problem.get_or_insert_with(|| "a name with a slash or zero was left out".into());
            return;
        }
        self.places.push((self.bytes.len(), name.len(), number));
        self.bytes.extend_from_slice(name);
    }

    /// The number that a name has.
    pub(super) fn find(&self, name: &[u8]) -> Option<u64> {
        let same = |&&(start, length, _): &&(usize, usize, u64)| {
            &self.bytes[start..start + length] == name
        };
        self.places.iter().find(same).map(|&(.., number)| number)
    }

    fn sort(&mut self) {
        let name = |&(start, length, _): &(usize, usize, u64)| &self.bytes[start..start + length];
        self.places.sort_by(|a, b| name(b).cmp(name(a)));
    }

    fn take_next(&mut self) -> Option<(&[u8], u64)> {
        let (start, length, number) = self.places.pop()?;
        Some((&self.bytes[start..start + length], number))
    }
}

/// A file system whose files are known by number.
pub(super) trait Nodes {
    /// The node of the root directory.
    fn root(&self) -> u64;
    /// What a node is.
    fn node(&self, number: u64) -> io::Result<Node>;
    /// The names in a directory; what is damaged ends it and is told with them.
    fn names(&self, number: u64) -> io::Result<Names>;
    /// The content of a file, or the target of a symbolic link.
    fn content(&self, number: u64) -> io::Result<Box<dyn Read + '_>>;
}

/// The node at a path, links not followed.
pub(super) fn find(nodes: &dyn Nodes, path: &[u8]) -> Option<u64> {
    path.split(|&byte| byte == b'/')
        .try_fold(nodes.root(), |at, name| nodes.names(at).ok()?.find(name))
}

/// Gives every entry of a file system to `tree`.
pub(super) fn walk(
    nodes: &dyn Nodes,
    options: &ReadOptions<'_>,
    tree: &mut TreeReader<'_>,
) -> Result<(), SourceError> {
    let mut walk = Walk {
        nodes,
        link_bytes: options.limits.path_bytes,
        path: Vec::new(),
        stack: Vec::new(),
        entered: BTreeSet::new(),
        holes_left: MAX_HOLE_BYTES,
    };
    walk.enter(nodes.root(), tree);
    while let Some((path_bytes, names)) = walk.stack.last_mut() {
        let Some((name, number)) = names.take_next() else {
            walk.stack.pop();
            continue;
        };
        walk.path.truncate(*path_bytes);
        if !walk.path.is_empty() {
            walk.path.push(b'/');
        }
        walk.path.extend_from_slice(name);
        walk.entry(number, tree)?;
    }
    Ok(())
}

struct Walk<'n> {
    nodes: &'n dyn Nodes,
    link_bytes: u64,
    // The path of the entry in hand.
    path: Vec<u8>,
    // Directories on the way to it: how much of the path leads there, and the names that are left.
    stack: Vec<(usize, Names)>,
    // A directory has one place; damage may name it in several, or in itself.
    entered: BTreeSet<u64>,
    holes_left: u64,
}

impl Walk<'_> {
    fn entry(&mut self, number: u64, tree: &mut TreeReader<'_>) -> Result<(), SourceError> {
        let node = match self.nodes.node(number) {
            Ok(node) => node,
            Err(error) => {
                tree.lose(Some(&self.path), format!("{error}; left out"));
                return Ok(());
            }
        };
        match node.kind {
            EntryKind::Directory => {
                tree.add(&self.path, node.kind, node.attributes, None)?;
                self.enter(number, tree);
                Ok(())
            }
            EntryKind::File => self.file(number, &node, tree),
            EntryKind::Symlink => {
                let target = self.target(number);
                if let Err(error) = &target {
                    let what = format!("the target of the link cannot be read: {error}");
                    tree.lose(Some(&self.path), what);
                }
                tree.add(&self.path, node.kind, node.attributes, target.ok().as_deref())
            }
            kind => tree.add(&self.path, kind, node.attributes, None),
        }
    }

    fn file(
        &mut self,
        number: u64,
        node: &Node,
        tree: &mut TreeReader<'_>,
    ) -> Result<(), SourceError> {
        let inode = node.inode;
        if node.hole_bytes > self.holes_left {
            let what = "its holes are too large; its content was not read";
            tree.lose(Some(&self.path), what);
            return tree.unread_file(&self.path, node.attributes, (node.size_bytes, inode));
        }
        self.holes_left -= node.hole_bytes;
        let open = || self.nodes.content(number);
        tree.file(&self.path, node.attributes, (node.size_bytes, inode), open)
    }

    fn target(&self, number: u64) -> io::Result<Vec<u8>> {
        let mut target = Vec::new();
        // One more than is accepted, so that the length tells.
        self.nodes.content(number)?.take(self.link_bytes + 1).read_to_end(&mut target)?;
        Ok(target)
    }

    fn enter(&mut self, number: u64, tree: &mut TreeReader<'_>) {
        let path = (!self.path.is_empty()).then_some(&*self.path);
        if !self.entered.insert(number) {
            return tree.warn(path, "the directory stands elsewhere too; not entered again");
        }
        if self.stack.len() >= MAX_DEPTH || self.path.len() > path::MAX_PATH_BYTES {
            return tree.warn(path, "directories stand too deep; not entered");
        }
        match self.nodes.names(number) {
            Ok(mut names) => {
                if let Some(problem) = names.problem.take() {
                    tree.lose(path, problem);
                }
                names.sort();
                self.stack.push((self.path.len(), names));
            }
            Err(error) => tree.lose(path, format!("the directory cannot be read: {error}")),
        }
    }
}
