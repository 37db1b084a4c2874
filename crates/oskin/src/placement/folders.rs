//! Where paths lie: the few folders that tell most of a set of paths.

use std::collections::BTreeMap;

/// A folder is opened if one of its own holds this share of its paths; or if all of them do, and there
/// is room.
const MOST: f64 = 0.8;

/// Paths below a folder, or, for the root and for what is left, beside others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The folder; empty for the root.
    pub path: Vec<u8>,
    /// How many of the paths lie in it.
    pub files: u64,
    /// What they weigh together, as bytes.
    pub size_bytes: u64,
}

#[derive(Debug, Default)]
struct Node {
    files: u64,
    size_bytes: u64,
    folders: BTreeMap<Vec<u8>, Node>,
}

/// The folders that hold the paths, at most `most`, those with most files first.
///
/// From the root down a folder is opened as long as a single folder inside holds nearly all, or
/// there are few enough; what does not fit, and single files of opened folders, are left out. O(paths times their depth).
pub fn folders<'p>(paths: impl Iterator<Item = (&'p [u8], u64)>, most: usize) -> Vec<Folder> {
    let mut root = Node::default();
    for (path, size_bytes) in paths {
        let mut node = &mut root;
        node.add(size_bytes);
        let mut rest = path;
        while let Some(end) = rest.iter().position(|byte| *byte == b'/') {
            node = node.folders.entry(rest[..end].to_vec()).or_default();
            node.add(size_bytes);
            rest = &rest[end + 1..];
        }
    }
    if root.files == 0 {
        return Vec::new();
    }
    let mut open: Vec<(Vec<u8>, &Node)> = vec![(Vec::new(), &root)];
    loop {
        open.sort_by(|(a, left), (b, right)| right.files.cmp(&left.files).then_with(|| a.cmp(b)));
        let next = open.iter().position(|(_, node)| {
            let inside: u64 = node.folders.values().map(|inner| inner.files).sum();
            let is_told = inside as f64 >= MOST * node.files as f64;
            node.is_led() || (is_told && open.len() + node.folders.len() <= most)
        });
        let Some(next) = next else { break };
        let (path, node) = open.remove(next);
        let inside = node.folders.iter().map(|(name, inner)| {
            let between: &[u8] = if path.is_empty() { b"" } else { b"/" };
            ([&path, between, name].concat(), inner)
        });
        open.extend(inside);
    }
    open.truncate(most);
    let folder = |(path, node): (Vec<u8>, &Node)| Folder {
        path,
        files: node.files,
        size_bytes: node.size_bytes,
    };
    open.into_iter().map(folder).collect()
}

impl Node {
    const fn add(&mut self, size_bytes: u64) {
        self.files += 1;
        self.size_bytes = self.size_bytes.saturating_add(size_bytes);
    }

    /// Whether one folder inside holds nearly all.
    fn is_led(&self) -> bool {
        let most = self.folders.values().map(|inner| inner.files).max();
        most.is_some_and(|most| most as f64 >= MOST * self.files as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_that_tell_most_are_named() {
        let paths: Vec<String> = (0..90)
            .map(|at| format!("usr/lib/python3/{at}.py"))
            .chain((0..6).map(|at| format!("usr/bin/{at}")))
            .chain((0..4).map(|at| format!("etc/{at}")))
            .collect();
        let found = folders(paths.iter().map(|path| (path.as_bytes(), 2)), 5);
        let shown: Vec<(String, u64)> = found
            .iter()
            .map(|folder| (String::from_utf8_lossy(&folder.path).into_owned(), folder.files))
            .collect();
        let expected = [("usr/lib/python3", 90), ("usr/bin", 6), ("etc", 4)];
        assert_eq!(shown, expected.map(|(path, files)| (path.to_owned(), files)));
        assert_eq!(found[0].size_bytes, 180);
        assert_eq!(folders(std::iter::empty(), 5), []);
        let at_the_root = folders([(&b"init"[..], 7)].into_iter(), 5);
        assert_eq!(at_the_root, [Folder { path: Vec::new(), files: 1, size_bytes: 7 }]);
    }
}
