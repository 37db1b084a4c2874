//! What is held of a file's content while it streams, because later questions need it.

use super::{Wanted, Warnings};
use crate::inventory::{self, EntryKind, Layer, accounts};
use crate::path;
use crate::software::{BEGINNING_BYTES, Interest};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How much of the buffer is held on to from file to file, in bytes: that of nearly all programs.
const BUFFER_BYTES: usize = 32 * 1024 * 1024;

/// The content of one file after the other, as far as it is of interest; of nearly all files nothing is held.
#[derive(Debug, Default)]
pub(super) struct Held {
    is_kept: bool,
    interest: Option<Interest>,
    wanted: Wanted,
    is_wanted: bool,
    /// How much is read at most of a file that records packages, if this one is larger.
    too_large: Option<u64>,
    /// How much room the file is worth at once, in bytes.
    room_bytes: usize,
    // Its memory serves all files of a layer: fresh memory costs as much as what is done with it.
    content: Vec<u8>,
}

impl Held {
    /// Holds also what is asked for.
    pub(super) fn new(wanted: &Wanted) -> Self {
        Self { wanted: wanted.clone(), ..Self::default() }
    }

    /// Begins with a file by what is known of it before its content: path in normal form, permission bits, stated
    /// size.
    pub(super) fn begin(&mut self, path: &[u8], mode: u16, size_bytes: u64) {
        self.is_kept = inventory::is_kept(path, size_bytes);
        self.interest = Interest::of(path, mode, size_bytes);
        self.is_wanted = self.wanted.may_be(size_bytes);
        self.room_bytes = usize::try_from(size_bytes).unwrap_or(BUFFER_BYTES).min(BUFFER_BYTES);
        let is_too_large = |most: &u64| size_bytes > *most;
        self.too_large = match self.interest {
            None => Interest::most_bytes(path).filter(is_too_large),
            Some(_) => None,
        };
        self.content.clear();
        self.content.shrink_to(BUFFER_BYTES);
    }

    /// Forgets the file: it could not be read.
    pub(super) fn drop_it(&mut self) {
        (self.is_kept, self.interest, self.is_wanted) = (false, None, false);
        self.too_large = None;
    }

    /// Takes the next piece. No more is ever held than was stated: sizes are bounded by what the file is read for.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        if !self.is_kept && !self.is_wanted && self.interest.is_none() {
            return;
        }
        let is_known = self.content.len() >= BEGINNING_BYTES;
        self.content.extend_from_slice(chunk);
        if !is_known && self.interest.is_some_and(|interest| !interest.goes_on(&self.content)) {
            self.interest = None;
        } else if !is_known && self.content.len() >= BEGINNING_BYTES {
            // Growing by doubling would copy a large program several times.
            self.content.reserve(self.room_bytes.saturating_sub(self.content.len()));
        }
    }

    /// Notes with the file at `index` of the layer what it says of software, and its content if that is kept.
    pub(super) fn note(&mut self, layer: &mut Layer, index: u32, warnings: &mut Warnings) {
        if let Some(interest) = self.interest.take() {
            let record = interest.read(layer.path(index as usize), &self.content);
            let place = path::shorten(layer.path(index as usize));
            record.warnings.iter().for_each(|what| warnings.push(Some(&place), what));
            layer.tell(index, Arc::new(crate::software::Record { warnings: Vec::new(), ..record }));
        }
        if let Some(most) = self.too_large.take() {
            let what =
                format!("records packages, but is larger than {} MiB, and is not read", most >> 20);
            warnings.push(Some(&path::shorten(layer.path(index as usize))), what);
        }
        if std::mem::take(&mut self.is_wanted)
            && let Some(digest) = layer.get(index as usize).digest
        {
            self.wanted.offer(digest, &self.content);
        }
        if std::mem::take(&mut self.is_kept) {
            let content = accounts::kept_form(layer.path(index as usize), &self.content);
            layer.keep(index, content);
        }
    }
}

/// Warns of files that record packages and are a further name of a file whose content was not read for that: it came
/// first under a name that says nothing. O(entries), and O(n log n) of such links.
pub(super) fn warn_of_links(layer: &Layer, warnings: &mut Warnings) {
    let links = layer
        .iter()
        .filter(|it| it.kind == EntryKind::HardLink && Interest::most_bytes(it.path).is_some());
    let links: Vec<(&[u8], &[u8])> =
        links.filter_map(|it| it.link.map(|first| (first, it.path))).collect();
    if links.is_empty() {
        return;
    }
    // What lies in a layer below may have been read there: of that nothing is known here.
    let is_told = |index: usize| {
        u32::try_from(index).is_ok_and(|index| layer.software().contains_key(&index))
    };
    let untold: BTreeSet<&[u8]> = (0..layer.len())
        .filter(|index| layer.kind(*index) == EntryKind::File && !is_told(*index))
        .map(|index| layer.path(index))
        .collect();
    for (first, path) in links.into_iter().filter(|(first, _)| untold.contains(first)) {
        let what = format!(
            "records packages, but is a hard link to {}, whose content was not read for that",
            path::shorten(first)
        );
        warnings.push(Some(&path::shorten(path)), what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Entry;

    #[test]
    fn content_of_no_interest_is_let_go_at_once() {
        let mut held = Held::default();
        held.begin(b"usr/bin/run", 0o755, 4_000);
        held.push(b"#!/bin/sh");
        held.push(&[b'x'; 3_000]);
        assert_eq!((held.content.len(), held.interest), (9, None));
        held.begin(b"usr/bin/run", 0o644, 4_000);
        held.push(b"\x7fELF");
        assert!(held.content.is_empty());
    }

    #[test]
    fn what_is_not_read_of_packages_is_a_warning() {
        let mut layer = Layer::new();
        let mut warnings = Warnings::new("x");
        let status = b"var/lib/dpkg/status";
        let index = layer.push(&Entry::bare(status, EntryKind::File)).unwrap();
        let mut held = Held::default();
        held.begin(status, 0o644, 1 << 33);
        held.push(b"Package: bash\n");
        held.note(&mut layer, index, &mut warnings);
        layer.push(&Entry::bare(b"x", EntryKind::File)).unwrap();
        let record = crate::software::Record {
            asked_for: vec!["a".to_owned()],
            ..crate::software::Record::default()
        };
        layer.tell(index, Arc::new(record));
        let links = [
            ("lib/apk/db/installed", "var/lib/dpkg/status"),
            ("etc/apk/world", "x"),
            ("var/lib/dpkg/info/a.list", "below"),
        ];
        for (path, first) in links {
            let link = Entry::bare(path.as_bytes(), EntryKind::HardLink);
            layer.push(&Entry { link: Some(first.as_bytes()), ..link }).unwrap();
        }
        warn_of_links(&layer, &mut warnings);
        let told: Vec<String> = warnings.into_list().iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("is larger than 64 MiB"), "{told:?}");
        assert!(
            told[1].contains("etc/apk/world") && told[1].contains("a hard link to x"),
            "{told:?}"
        );
    }

    #[test]
    fn users_are_kept_without_their_passwords() {
        let mut layer = Layer::new();
        let mut held = Held::default();
        for path in [&b"etc/passwd"[..], b"etc/shadow", b"etc/group"] {
            let index = layer.push(&Entry::bare(path, EntryKind::File)).unwrap();
            held.begin(path, 0o644, 40);
            held.push(b"a:hash:1:2:A:/a:/bin/sh\n");
            held.push(b"a:hash:1:\n");
            held.note(&mut layer, index, &mut Warnings::new("x"));
        }
        let kept: Vec<_> = layer.kept().iter().map(|(at, text)| (*at, &text[..])).collect();
        assert_eq!(kept, [(0, &b"a::1:2::/a:/bin/sh\n"[..]), (2, b"a::1:\n")]);
    }

    #[test]
    fn a_database_is_read_with_its_layer_and_damage_is_a_warning() {
        let mut layer = Layer::new();
        let status = b"var/lib/dpkg/status";
        let index = layer.push(&Entry::bare(status, EntryKind::File)).unwrap();
        let mut held = Held::default();
        held.begin(status, 0o644, 80);
        held.push(b"Package: bash\nStatus: install ok installed\n");
        held.push(b"Architecture: amd64\nVersion: 5\n\n");
        let mut warnings = Warnings::new("x");
        held.note(&mut layer, index, &mut warnings);
        let record = layer.software().get(&index).unwrap();
        assert_eq!(record.packages[0].package.to_string(), "pkg:deb/bash@5?arch=amd64");
        assert!(warnings.into_list().is_empty() && layer.kept().is_empty());
    }
}
