//! What a reader has to find: the layers replayed on a map, simply and slowly.
//!
//! The rules are those of the OCI image spec, layer.md, and where it is silent what GNU tar, umoci
//! and containerd do:
//!
//! - whiteouts act before all entries of their layer, on what lower layers left; they need and
//!   make no parents;
//! - a directory over a directory changes its metadata and keeps the children; anything else
//!   replaces what was there with all below it;
//! - parents without an entry exist with mode 0755, owner and group 0;
//! - a parent that is neither directory nor link is replaced by such a parent: the later entry
//!   wins, as everywhere. GNU tar leaves out what lies below a file, umoci and containerd refuse
//!   the whole layer, and overlay2 shows the directory if it comes with a later layer. So it is
//!   *disputed*, and the fixtures that are compared with those tools have none of it;
//! - a parent that is a symbolic link is followed, inside the root;
//! - the last component is never followed: an entry replaces a link of its name;
//! - a hard link is one more name of its target as it is then, metadata included.
//!
//! Entries that cannot be placed are refused and change nothing.

use crate::fixture::{FixtureEntry, FixtureKind, FixtureLayer};
use std::collections::{BTreeMap, VecDeque};

/// How many links one name may lead through.
const MAX_HOPS: usize = 40;

/// What was found under which path, in the order of the path's bytes.
///
/// A path has no slash at either end, no empty, `.` or `..` component. The root is not in it.
pub type Listing = BTreeMap<Vec<u8>, ExpectedEntry>;

/// One path of the root file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedEntry {
    /// What it is. A hard link is what its target is.
    pub kind: ExpectedKind,
    /// Bytes of content; 0 for all but regular files.
    pub size_bytes: u64,
    /// Permission, set-id and sticky bits.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// The target of a symbolic link as written; empty for all else.
    pub link: Vec<u8>,
    /// The content of a regular file; empty for all else.
    pub content: Vec<u8>,
    /// For an entry that came as a hard link: the path of the entry it was linked to, which may
    /// be gone since.
    pub hard_link_to: Option<Vec<u8>>,
    /// Equal for the names of one file and for no others; numbered in the order of making.
    pub inode: usize,
}

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpectedKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

/// Why an entry was not placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// The name is empty, or names the root and is no directory, or is a whiteout of nothing.
    EmptyName,
    /// A component of the name is `..`.
    ParentComponent,
    /// A parent is neither a directory nor a link. Of an entry that is no whiteout this is a
    /// [dispute](Replay::disputed).
    NotADirectory,
    /// Links lead in a circle or through more than 40 hops.
    LinkLoop,
    /// A hard link to nothing, to a directory, to itself or to what it replaces.
    BadHardLink,
}

/// An entry that was not placed, or not by every tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Index of the layer.
    pub layer: usize,
    /// Index of the entry in its layer.
    pub entry: usize,
    /// The name as written.
    pub path: Vec<u8>,
    /// Why.
    pub why: Refused,
}

/// All that a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// What is there in the end.
    pub listing: Listing,
    /// What could not be placed, in order; the whiteouts of a layer come before its entries.
    pub refused: Vec<Refusal>,
    /// What was placed in the place of a file above it, in order; other tools refuse it.
    pub disputed: Vec<Refusal>,
}

/// What is there after all layers, base first. See [`replay`] for what was refused.
pub fn expected_listing(layers: &[FixtureLayer]) -> Listing {
    replay(layers).listing
}

/// Applies all layers, base first. Cost: O(entries × depth × log entries), plus the contents.
pub fn replay(layers: &[FixtureLayer]) -> Replay {
    let mut state = State::default();
    for (layer_index, layer) in layers.iter().enumerate() {
        for whiteouts in [true, false] {
            for (index, entry) in layer.entries.iter().enumerate() {
                let told = |why| {
                    let path = entry.path.clone();
                    Refusal { layer: layer_index, entry: index, path, why }
                };
                let replaced = state.replaced_parents;
                if let Err(why) = state.apply(entry, whiteouts) {
                    state.refused.push(told(why));
                }
                if state.replaced_parents > replaced {
                    state.disputed.push(told(Refused::NotADirectory));
                }
            }
        }
    }
    Replay { listing: state.listing, refused: state.refused, disputed: state.disputed }
}

#[derive(Default)]
struct State {
    listing: Listing,
    refused: Vec<Refusal>,
    disputed: Vec<Refusal>,
    inodes: usize,
    // How many files gave way to a directory that an entry below them implied.
    replaced_parents: usize,
}

impl State {
    /// Applies the entry if it is a whiteout and those are asked for, or neither.
    fn apply(&mut self, entry: &FixtureEntry, whiteouts: bool) -> Result<(), Refused> {
        let components = components_of(&entry.path);
        let hides = components.last().and_then(|name| name.strip_prefix(b".wh."));
        if hides.is_some() != whiteouts {
            return Ok(());
        }
        let parents = components.len().saturating_sub(1);
        check_components(&components[..parents])?;
        match (hides, components.last()) {
            (Some(name), _) => self.hide(&components[..parents], name),
            (None, Some(_)) => {
                check_components(&components)?;
                self.place(entry, &components)
            }
            (None, None) if is_root(entry) => Ok(()),
            (None, None) => Err(Refused::EmptyName),
        }
    }

    fn hide(&mut self, parents: &[&[u8]], name: &[u8]) -> Result<(), Refused> {
        match name {
            b"" | b"." | b".." => return Err(Refused::EmptyName),
            b".wh..opq" => {
                let directory = self.resolve(parents, false)?;
                self.remove_below(&directory);
            }
            // Other names of this form were the own files of an old storage driver, aufs.
            aufs if aufs.starts_with(b".wh.") => {}
            _ => {
                let path = joined(&self.resolve(parents, false)?, name);
                self.remove_below(&path);
                self.listing.remove(&path);
            }
        }
        Ok(())
    }

    fn place(&mut self, entry: &FixtureEntry, components: &[&[u8]]) -> Result<(), Refused> {
        let path = self.resolve_entry(components, true)?;
        let node = self.node(entry, &path)?;
        self.imply_parents(&path);
        if node.kind != ExpectedKind::Directory {
            self.remove_below(&path);
        }
        self.listing.insert(path, node);
        Ok(())
    }

    fn node(&mut self, entry: &FixtureEntry, path: &[u8]) -> Result<ExpectedEntry, Refused> {
        let kind = match entry.kind {
            FixtureKind::HardLink(ref target) => return self.linked(target, path),
            FixtureKind::File(_) => ExpectedKind::File,
            FixtureKind::Directory => ExpectedKind::Directory,
            FixtureKind::Symlink(_) => ExpectedKind::Symlink,
            FixtureKind::CharDevice { major, minor } => ExpectedKind::CharDevice { major, minor },
            FixtureKind::BlockDevice { major, minor } => ExpectedKind::BlockDevice { major, minor },
            FixtureKind::Fifo => ExpectedKind::Fifo,
        };
        let mut node = self.made(kind, entry.mode & 0o7777);
        (node.uid, node.gid) = (entry.uid, entry.gid);
        match &entry.kind {
            FixtureKind::File(content) => {
                node.size_bytes = content.len() as u64;
                node.content.clone_from(content);
            }
            FixtureKind::Symlink(target) => node.link.clone_from(target),
            _ => {}
        }
        Ok(node)
    }

    /// A further name of what `target` is now.
    fn linked(&self, target: &[u8], path: &[u8]) -> Result<ExpectedEntry, Refused> {
        let components = components_of(target);
        check_components(&components).map_err(|_| Refused::BadHardLink)?;
        let target = self.resolve_entry(&components, false).map_err(|_| Refused::BadHardLink)?;
        let node = self.listing.get(&target).ok_or(Refused::BadHardLink)?;
        // The name's old owner goes before the link is made, and what is below it goes along.
        let is_below = |path: &[u8], other: &[u8]| path.starts_with(&joined(other, b""));
        // So does a file in whose place the directory of the name is made.
        let goes_along = target == path || is_below(&target, path) || is_below(path, &target);
        if node.kind == ExpectedKind::Directory || goes_along {
            return Err(Refused::BadHardLink);
        }
        Ok(ExpectedEntry { hard_link_to: Some(target), ..node.clone() })
    }

    fn made(&mut self, kind: ExpectedKind, mode: u32) -> ExpectedEntry {
        self.inodes += 1;
        ExpectedEntry {
            kind,
            size_bytes: 0,
            mode,
            uid: 0,
            gid: 0,
            link: Vec::new(),
            content: Vec::new(),
            hard_link_to: None,
            inode: self.inodes,
        }
    }

    fn imply_parents(&mut self, path: &[u8]) {
        for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            let there = self.listing.get(&path[..at]);
            self.replaced_parents +=
                usize::from(there.is_some_and(|node| node.kind != ExpectedKind::Directory));
            if there.is_none_or(|node| node.kind != ExpectedKind::Directory) {
                let directory = self.made(ExpectedKind::Directory, 0o755);
                self.listing.insert(path[..at].to_vec(), directory);
            }
        }
    }

    fn remove_below(&mut self, directory: &[u8]) {
        if directory.is_empty() {
            self.listing.clear();
            return;
        }
        // `0` is the byte after `/`: between them lies all that begins with `directory/`.
        let mut below = self.listing.split_off(&joined(directory, b""));
        let mut above = below.split_off(&[directory, b"0"].concat());
        self.listing.append(&mut above);
    }

    /// The path of an entry: its parents followed, its own name not.
    fn resolve_entry(&self, components: &[&[u8]], over_files: bool) -> Result<Vec<u8>, Refused> {
        let (name, parents) = components.split_last().ok_or(Refused::EmptyName)?;
        Ok(joined(&self.resolve(parents, over_files)?, name))
    }

    /// The directory that the components lead to; empty is the root. It need not exist, and
    /// there may be files on the way if `over_files`.
    fn resolve(&self, components: &[&[u8]], over_files: bool) -> Result<Vec<u8>, Refused> {
        let mut queue: VecDeque<&[u8]> = components.iter().copied().collect();
        let mut at: Vec<u8> = Vec::new();
        let mut hops = 0;
        while let Some(component) = queue.pop_front() {
            if component == b".." {
                let parent_len = at.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                at.truncate(parent_len);
                continue;
            }
            let next = joined(&at, component);
            match self.listing.get(&next) {
                None => at = next,
                Some(node) if node.kind == ExpectedKind::Directory => at = next,
                Some(node) if node.kind == ExpectedKind::Symlink => {
                    hops += 1;
                    if hops > MAX_HOPS {
                        return Err(Refused::LinkLoop);
                    }
                    if node.link.starts_with(b"/") {
                        at.clear();
                    }
                    for part in components_of(&node.link).into_iter().rev() {
                        queue.push_front(part);
                    }
                }
                Some(_) if over_files => at = next,
                Some(_) => return Err(Refused::NotADirectory),
            }
        }
        Ok(at)
    }
}

fn is_root(entry: &FixtureEntry) -> bool {
    entry.kind == FixtureKind::Directory && !entry.path.is_empty()
}

/// The components of a name or of the target of a link, empty and `.` components left out.
///
/// Only whole components go, so the dots of `.dockerenv` and `.wh.x` stay.
fn components_of(name: &[u8]) -> Vec<&[u8]> {
    name.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")).collect()
}

fn check_components(components: &[&[u8]]) -> Result<(), Refused> {
    if components.contains(&&b".."[..]) {
        return Err(Refused::ParentComponent);
    }
    Ok(())
}

fn joined(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::parse;

    /// Paths of the listing, directories with a slash, links and hard links with an arrow.
    fn listed(text: &str) -> Vec<String> {
        let shown = |(path, entry): (&Vec<u8>, &ExpectedEntry)| {
            let path = String::from_utf8_lossy(path);
            match (&entry.kind, &entry.hard_link_to) {
                (_, Some(to)) => format!("{path} = {}", String::from_utf8_lossy(to)),
                (ExpectedKind::Directory, _) => format!("{path}/"),
                (ExpectedKind::Symlink, _) => {
                    format!("{path} -> {}", String::from_utf8_lossy(&entry.link))
                }
                _ => path.into_owned(),
            }
        };
        expected_listing(&parse(text).unwrap()).iter().map(shown).collect()
    }

    fn refused(text: &str) -> Vec<Refused> {
        replay(&parse(text).unwrap()).refused.iter().map(|refusal| refusal.why).collect()
    }

    #[test]
    fn names_lose_only_what_says_nothing() {
        let text = "./a dir\n/b file\n.//c//./d/ dir\n.dockerenv file\n./.e file\n./ dir\n/ dir";
        assert_eq!(listed(text), [".dockerenv", ".e", "a/", "b", "c/", "c/d/"]);
        assert_eq!(refused(text), []);
    }

    #[test]
    fn whiteouts_hide_lower_layers_only_wherever_they_stand() {
        let base = "a/x file\na/y file\nb/z file\n//- layer\n";
        for upper in ["a/.wh.x file\na/x/new file", "a/x/new file\na/.wh.x file"] {
            let found = listed(&format!("{base}{upper}"));
            assert_eq!(found, ["a/", "a/x/", "a/x/new", "a/y", "b/", "b/z"]);
        }
        for upper in ["a/.wh..wh..opq file\na/new file", "a/new file\na/.wh..wh..opq file"] {
            assert_eq!(listed(&format!("{base}{upper}")), ["a/", "a/new", "b/", "b/z"]);
        }
        assert_eq!(listed(&format!("{base}.wh.a file")), ["b/", "b/z"]);
        assert_eq!(listed(&format!("{base}./.wh..wh..opq file\nnew file")), ["new"]);
        for nothing in
            ["no/.wh.q file", ".wh..wh.plnk dir", "a/.wh.x/ dir\na/x file", "a/x/.wh.q file"]
        {
            assert_eq!(listed(&format!("{base}{nothing}")).len(), 5, "{nothing}");
        }
    }

    #[test]
    fn kinds_replace_each_other_and_directories_keep_their_children() {
        assert_eq!(listed("a/b/c file\na/b file"), ["a/", "a/b"]);
        assert_eq!(listed("a/b/c file\n//- layer\na symlink x"), ["a -> x"]);
        assert_eq!(listed("a-b file\na/b file\na0 file\na fifo"), ["a", "a-b", "a0"]);
        let layers = parse("a/b file\na dir mode=0700 uid=3").unwrap();
        let listing = expected_listing(&layers);
        assert_eq!((listing[&b"a"[..]].mode, listing[&b"a"[..]].uid), (0o700, 3));
        assert_eq!(listing.len(), 2);
        assert_eq!(listed("l symlink d\nl dir\nl/x file"), ["l/", "l/x"]);
    }

    #[test]
    fn linked_parents_are_followed_inside_the_root() {
        assert_eq!(listed("d dir\nl symlink d\nl/x file"), ["d/", "d/x", "l -> d"]);
        assert_eq!(listed("s/l symlink /d\ns/l/x file"), ["d/", "d/x", "s/", "s/l -> /d"]);
        assert_eq!(listed("l symlink ../../d\nl/x file"), ["d/", "d/x", "l -> ../../d"]);
        let through = "usr/lib dir\nlib symlink usr/lib\nlib/a file\n//- layer\nlib/.wh.a file";
        assert_eq!(listed(through), ["lib -> usr/lib", "usr/", "usr/lib/"]);
        assert_eq!(refused("a symlink b\nb symlink a\na/x file"), [Refused::LinkLoop]);
        assert_eq!(refused("f file\nh hardlink f/x"), [Refused::BadHardLink]);
        assert_eq!(refused("f file\n//- layer\nf/.wh.x file"), [Refused::NotADirectory]);
    }

    #[test]
    fn entries_below_a_file_are_disputed_and_win() {
        for between in ["", "//- layer\n"] {
            let layers = parse(&format!("f file 3\n{between}f/d/x file")).unwrap();
            let Replay { refused, disputed, .. } = replay(&layers);
            assert_eq!((refused.len(), disputed.len()), (0, 1));
            assert_eq!(
                (&*disputed[0].path, disputed[0].why),
                (&b"f/d/x"[..], Refused::NotADirectory)
            );
            assert_eq!(expected_listing(&layers)[&b"f"[..]].mode, 0o755);
            let text = format!("f file 3\n{between}f/d/x file\n");
            assert_eq!(listed(&text), ["f/", "f/d/", "f/d/x"]);
            assert_eq!(listed(&format!("{text}f file")), ["f"]);
        }
        assert_eq!(listed("f fifo\nl symlink f\nl/x file"), ["f/", "f/x", "l -> f"]);
        assert_eq!(refused("f file\nf/x hardlink f"), [Refused::BadHardLink]);
    }

    #[test]
    fn hard_links_are_names_of_the_file_as_it_was() {
        let layers = parse("a file \"old\" mode=0600\nb hardlink ./a\na file \"new\"").unwrap();
        let listing = expected_listing(&layers);
        let (a, b) = (&listing[&b"a"[..]], &listing[&b"b"[..]]);
        assert_eq!((&b.content[..], b.size_bytes, b.mode), (&b"old"[..], 3, 0o600));
        assert_eq!(a.content, b"new");
        assert_ne!(a.inode, b.inode);
        assert_eq!(listed("s symlink x\nh hardlink s"), ["h = s", "s -> x"]);
        for bad in
            ["a hardlink b", "a dir\nb hardlink a", "a file\na hardlink a", "a hardlink ../a"]
        {
            assert_eq!(refused(bad), [Refused::BadHardLink], "{bad}");
        }
        assert_eq!(refused("a/x file\na hardlink a/x"), [Refused::BadHardLink]);
    }

    #[test]
    fn names_that_cannot_be_placed_are_refused() {
        for (text, why) in [
            ("../a file", Refused::ParentComponent),
            ("a/../b file", Refused::ParentComponent),
            ("a/.. dir", Refused::ParentComponent),
            ("../.wh.a file", Refused::ParentComponent),
            ("a/../.wh..wh..opq file", Refused::ParentComponent),
            ("\"\" file", Refused::EmptyName),
            ("\"\" dir", Refused::EmptyName),
            ("./ file", Refused::EmptyName),
            (".wh. file", Refused::EmptyName),
            (".wh... file", Refused::EmptyName),
        ] {
            assert_eq!(refused(text), [why], "{text}");
            assert_eq!(listed(text), [""; 0], "{text}");
        }
    }
}
