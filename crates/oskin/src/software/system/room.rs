//! What keeps readers within bounds: room for what is told of a file, and a count of what is damaged.

use super::stanza::text;
use crate::path::{MAX_PATH_BYTES, join};
use crate::software::FoundPackage;
use std::collections::BTreeSet;

/// What a path or a name costs besides its bytes: the handle of a vector and its allocation.
const OVERHEAD_BYTES: usize = 32;

/// How many times its own size a file may tell, with what that costs. Real databases stay below three:
/// they hold checksums and texts beside names, and paths of lists have fifty bytes.
const TIMES: usize = 8;

/// Room for small files, in bytes.
const LEAST_BYTES: usize = 64 * 1024;

/// What to say of a file whose path is none.
pub(super) const NO_PATH: &str = "a file has no path";

/// How much may still be made of one file, so that it cannot ask for a large multiple of its size.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
    full: bool,
}

impl Room {
    /// Room for what a file of this many bytes tells.
    pub(super) const fn of(content_bytes: usize) -> Self {
        Self { left: content_bytes.saturating_mul(TIMES).saturating_add(LEAST_BYTES), full: false }
    }

    /// Takes room for one text of this many bytes; `false` if there is none left.
    pub(super) const fn take(&mut self, bytes: usize) -> bool {
        let cost = bytes.saturating_add(OVERHEAD_BYTES);
        if cost > self.left {
            self.full = true;
            return false;
        }
        self.left -= cost;
        true
    }

    /// Takes room for a package; `false` if there is none left.
    pub(super) const fn take_package(&mut self) -> bool {
        self.take(size_of::<FoundPackage>())
    }

    /// Names as texts, in their order, each once and none empty, as far as there is room. O(n log n).
    pub(super) fn names<'a>(&mut self, names: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut told = Vec::new();
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            if seen.contains(name) {
                continue;
            }
            if !self.take(name.len()) {
                break;
            }
            seen.insert(name);
            told.push(text(name));
        }
        told
    }

    /// Makes the path of a file in a directory that is in normal form, the root being empty; `None` if
    /// there is no room for it. Nothing is copied before that is known.
    pub(super) fn join(
        &mut self,
        directory: &[u8],
        name: &[u8],
    ) -> Result<Option<Vec<u8>>, &'static str> {
        let is_name = !matches!(name, b"" | b"." | b"..")
            && !name.iter().any(|byte| matches!(byte, 0 | b'/'));
        let length = directory.len().saturating_add(1).saturating_add(name.len());
        if !is_name || length > MAX_PATH_BYTES {
            return Err(NO_PATH);
        }
        Ok(self.take(length).then(|| join(directory, name)))
    }

    /// What to say if something had to be left out.
    pub(super) fn warning(&self) -> Option<String> {
        let told = "it tells far more than a file of its size does, and the rest is left out";
        self.full.then(|| told.to_owned())
    }
}

/// Entries of a file that could not be read.
#[derive(Debug, Default)]
pub(super) struct Damage {
    count: u64,
    first: &'static str,
}

impl Damage {
    /// Counts one entry that could not be read, and why.
    pub(super) const fn add(&mut self, why: &'static str) {
        if self.count == 0 {
            self.first = why;
        }
        self.count = self.count.saturating_add(1);
    }

    /// What to say of all of them, if there are any.
    pub(super) fn warning(&self) -> Option<String> {
        match self.count {
            0 => None,
            1 => Some(format!("1 entry is damaged: {}", self.first)),
            count => Some(format!("{count} entries are damaged, the first: {}", self.first)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_ends_and_says_so() {
        let mut room = Room::of(0);
        assert!(room.take(LEAST_BYTES - OVERHEAD_BYTES));
        assert_eq!(room.warning(), None);
        assert!(!room.take(0));
        assert!(room.warning().is_some());
        assert!(Room::of(1_000_000).take(7_900_000) && Room::of(usize::MAX).take(usize::MAX));
    }

    #[test]
    fn names_are_told_once_in_their_order_while_there_is_room() {
        let names: [&[u8]; 5] = [b"b", b"", b"a", b"b", b"\xff"];
        assert_eq!(Room::of(0).names(names), ["b", "a", "\u{fffd}"]);
        let mut room = Room { left: 70, full: false };
        assert_eq!(room.names(names), ["b", "a"]);
        assert!(room.warning().is_some() && !room.take_package());
    }

    #[test]
    fn damage_is_summed_up() {
        let mut damage = Damage::default();
        assert_eq!(damage.warning(), None);
        damage.add("it has no name");
        assert_eq!(damage.warning().as_deref(), Some("1 entry is damaged: it has no name"));
        damage.add("it has no version");
        let told = damage.warning();
        assert_eq!(told.as_deref(), Some("2 entries are damaged, the first: it has no name"));
    }
}
