//! The texts of all paths that were ever met, each with its directory.

use hashbrown::HashTable;
use oskin::path::split_name;
use xxhash_rust::xxh3::xxh3_64;

/// The number of a path in the pool; ids in the corpus are other numbers.
pub type PoolId = u32;

/// Stands for the directory of what lies in the root.
pub const ROOT: PoolId = u32::MAX;

const DIRECTORY: u8 = 1;
const DOCUMENTATION: u8 = 2;
const VERSIONED: u8 = 4;

/// What container images leave out by dpkg's `path-exclude`, copyright files excepted.
const DOCUMENTATION_PREFIXES: [&[u8]; 7] = [
    b"usr/share/doc/",
    b"usr/share/man/",
    b"usr/share/locale/",
    b"usr/share/info/",
    b"usr/share/lintian/",
    b"usr/share/groff/",
    b"usr/share/linda/",
];

/// Interned paths. A path costs its text and about 20 bytes.
#[derive(Debug, Default)]
pub struct Pool {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    directories: Vec<PoolId>,
    flags: Vec<u8>,
    table: HashTable<PoolId>,
}

impl Pool {
    /// How many paths there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no path.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The number of a path in normal form; the directories above it are met with it.
    ///
    /// A path has one kind in all images: one that is a directory anywhere is a directory.
    pub fn intern(&mut self, path: &[u8]) -> PoolId {
        let hash = xxh3_64(path);
        if let Some(id) = self.table.find(hash, |id| self.path(*id) == path) {
            return *id;
        }
        let (directory, _) = split_name(path);
        let directory = if directory.is_empty() { ROOT } else { self.intern_directory(directory) };
        let id = u32::try_from(self.ends.len()).unwrap_or(ROOT);
        self.bytes.extend_from_slice(path);
        self.ends.push(self.bytes.len());
        self.directories.push(directory);
        self.flags.push(flags_of(path));
        let Self { table, bytes, ends, .. } = self;
        table.insert_unique(hash, id, |id| xxh3_64(text(bytes, ends, *id)));
        id
    }

    /// As [`intern`](Self::intern), and the path is a directory.
    pub fn intern_directory(&mut self, path: &[u8]) -> PoolId {
        let id = self.intern(path);
        self.flags[id as usize] |= DIRECTORY;
        id
    }

    /// The text of a path.
    pub fn path(&self, id: PoolId) -> &[u8] {
        text(&self.bytes, &self.ends, id)
    }

    /// The directory of a path, [`ROOT`] for what lies in the root.
    pub fn directory(&self, id: PoolId) -> PoolId {
        self.directories[id as usize]
    }

    /// Whether the path is a directory.
    pub fn is_directory(&self, id: PoolId) -> bool {
        self.flags[id as usize] & DIRECTORY != 0
    }

    /// Whether slim images leave the path out.
    pub fn is_documentation(&self, id: PoolId) -> bool {
        self.flags[id as usize] & DOCUMENTATION != 0
    }

    /// Whether [`bumped`] may give the path another name.
    pub fn is_versioned(&self, id: PoolId) -> bool {
        self.flags[id as usize] & VERSIONED != 0
    }

    /// The directories above a path, nearest first.
    pub fn above(&self, id: PoolId) -> impl Iterator<Item = PoolId> + '_ {
        let next = |at: &PoolId| Some(self.directory(*at)).filter(|directory| *directory != ROOT);
        std::iter::successors(Some(id), next).skip(1)
    }
}

fn text<'a>(bytes: &'a [u8], ends: &[usize], id: PoolId) -> &'a [u8] {
    let at = id as usize;
    &bytes[at.checked_sub(1).map_or(0, |before| ends[before])..ends[at]]
}

fn flags_of(path: &[u8]) -> u8 {
    let documentation = DOCUMENTATION_PREFIXES.iter().any(|prefix| path.starts_with(prefix))
        && !path.ends_with(b"/copyright");
    let mut flags = 0;
    if documentation {
        flags |= DOCUMENTATION;
    }
    if bumped(path).is_some() {
        flags |= VERSIONED;
    }
    flags
}

/// The name of a path in the next version of what it belongs to, and the part of the path up to
/// the end of the version: `libz.so.1.2.13` becomes `libz.so.1.2.14`, and all below
/// `foo-1.4.dist-info` goes to `foo-1.5.dist-info`. `None` if it names no version.
pub fn bumped(path: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let (start, end) = shared_object(path).or_else(|| python_metadata(path))?;
    let digits = path[..end].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || end - digits < start {
        return None;
    }
    let number: u64 = std::str::from_utf8(&path[end - digits..end]).ok()?.parse().ok()?;
    let mut next = path[..end - digits].to_vec();
    next.extend_from_slice(number.checked_add(1)?.to_string().as_bytes());
    next.extend_from_slice(&path[end..]);
    Some((&path[..end], next))
}

/// Where the version of `lib*.so.1.2` stands; a bare `.so.1` is an interface and stays.
fn shared_object(path: &[u8]) -> Option<(usize, usize)> {
    let (directory, name) = split_name(path);
    let at = name.windows(4).position(|window| window == b".so.")?;
    let version = &name[at + 4..];
    let numeric = version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let start = path.len() - version.len();
    (numeric && version.contains(&b'.') && !directory.is_empty()).then_some((start, path.len()))
}

/// Where the version in the name of a Python package's metadata stands.
fn python_metadata(path: &[u8]) -> Option<(usize, usize)> {
    let endings: [&[u8]; 2] = [b".dist-info", b".egg-info"];
    let find = |ending: &&[u8]| path.windows(ending.len()).position(|window| window == *ending);
    let end = endings.iter().find_map(find)?;
    let start = path[..end].iter().rposition(|byte| *byte == b'-' || *byte == b'/')?;
    (path[start] == b'-').then_some((start + 1, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_know_their_directories() {
        let mut pool = Pool::default();
        let file = pool.intern(b"usr/lib/a");
        assert_eq!(pool.intern(b"usr/lib/a"), file);
        let names: Vec<&[u8]> = pool.above(file).map(|id| pool.path(id)).collect();
        assert_eq!(names, [&b"usr/lib"[..], b"usr"]);
        assert!(pool.above(file).all(|id| pool.is_directory(id)));
        assert!(!pool.is_directory(file));
        pool.intern(b"usr/lib/a/b");
        assert!(pool.is_directory(file), "what has something in it is a directory");
        assert_eq!(pool.len(), 4);
    }

    #[test]
    fn documentation_is_what_slim_images_leave_out() {
        let mut pool = Pool::default();
        let mut is = |path: &[u8]| {
            let id = pool.intern(path);
            pool.is_documentation(id)
        };
        assert!(is(b"usr/share/doc/a/README"));
        assert!(!is(b"usr/share/doc/a/copyright"));
        assert!(!is(b"usr/share/doc"));
        assert!(!is(b"usr/share/mandatory"));
    }

    #[test]
    fn versions_are_bumped_and_interfaces_are_not() {
        let next =
            |path: &str| bumped(path.as_bytes()).map(|(_, next)| String::from_utf8(next).unwrap());
        assert_eq!(next("usr/lib/libz.so.1.2.13").as_deref(), Some("usr/lib/libz.so.1.2.14"));
        assert_eq!(next("usr/lib/libz.so.1"), None);
        assert_eq!(next("usr/lib/libz.so"), None);
        assert_eq!(next("usr/lib/libz.so.1.x"), None);
        assert_eq!(next("a/b-1.9.dist-info/RECORD").as_deref(), Some("a/b-1.10.dist-info/RECORD"));
        assert_eq!(next("a/b-1.9.egg-info").as_deref(), Some("a/b-1.10.egg-info"));
        assert_eq!(next("a/b.egg-info"), None);
        assert_eq!(next("a/b-rc.dist-info"), None);
        let (version, _) = bumped(b"a/b-1.9.dist-info/RECORD").unwrap();
        assert_eq!(version, b"a/b-1.9");
    }
}
