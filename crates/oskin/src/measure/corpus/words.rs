//! The words of paths, and their numbers.

use crate::measure::family::index;
use crate::name;
use crate::path::table_hash;
use hashbrown::HashTable;

/// Stands for a part that a name has not.
const NONE: u32 = u32::MAX;

/// Which words the names of a path are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Words {
    /// Of each name its stem (`libz` of `libz.so.1.2.13`), its extension with a dot before it (`.so`), so
    /// that it is no name, and its first version (`1.2.13`); a name without a stem is one itself.
    #[default]
    Parts,
    /// These, and each name as a whole: `python3.11` says more to people than `python` and `3.11`.
    NamesAndParts,
}

/// The words of many paths, each with a number.
///
/// The words of a path are those of its names, its directories included, each once however often it
/// occurs in the path. See [`Words`] and [`name::parts`] for what they are. Stems are not split further, neither at `-`, `_`
/// and `.` nor at capitals: docs/measures.md tells what that and whole names do to similarities.
///
/// Numbers are given in the order in which words occur first, a name before its parts, so that they are
/// the same for the same paths in the same order. A name has a number even where it is no word.
/// Memory: the bytes of the words and some 40 bytes each.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    words: Words,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    // By the bytes of the word; its order shows nowhere.
    table: HashTable<u32>,
    // What stands for each word that has been seen as a name: its stem, extension and version.
    parts: Vec<Option<[u32; 3]>>,
}

impl Vocabulary {
    /// No words yet.
    pub fn new(words: Words) -> Self {
        Self { words, ..Self::default() }
    }

    /// How many words there are; their numbers are those below.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A word by its number; empty if there is none.
    pub fn word(&self, number: u32) -> &[u8] {
        word_at(&self.bytes, &self.ends, number)
    }

    /// The numbers of the words of a path, ascending, each once; new words get the next numbers. The
    /// empty path has none. O(length), and a sort of few numbers.
    pub fn words_of(&mut self, path: &[u8]) -> Vec<u32> {
        let mut words = Vec::new();
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            let whole = self.intern(name);
            if self.words == Words::NamesAndParts {
                words.push(whole);
            }
            let parts = match self.parts[whole as usize] {
                Some(parts) => parts,
                None => self.part(whole, name),
            };
            words.extend(parts.into_iter().filter(|part| *part != NONE));
        }
        words.sort_unstable();
        words.dedup();
        words
    }

    /// Takes a name apart, once for all paths that have it.
    fn part(&mut self, whole: u32, name: &[u8]) -> [u32; 3] {
        let found = name::parts(name);
        let mut of = |part: &[u8]| if part.is_empty() { NONE } else { self.intern(part) };
        let stem = if found.stem.is_empty() { whole } else { of(found.stem) };
        let extension = match found.extension {
            b"" => NONE,
            extension => of(&[b".", extension].concat()),
        };
        let parts = [stem, extension, of(found.version)];
        self.parts[whole as usize] = Some(parts);
        parts
    }

    fn intern(&mut self, word: &[u8]) -> u32 {
        let Self { bytes, ends, table, parts, .. } = self;
        let is_it = |number: &u32| word_at(bytes, ends, *number) == word;
        let hash = table_hash(word);
        if let Some(number) = table.find(hash, is_it) {
            return *number;
        }
        let number = index(ends.len());
        bytes.extend_from_slice(word);
        ends.push(bytes.len());
        parts.push(None);
        table.insert_unique(hash, number, |it| table_hash(word_at(bytes, ends, *it)));
        number
    }
}

fn word_at<'a>(bytes: &'a [u8], ends: &[usize], number: u32) -> &'a [u8] {
    let number = number as usize;
    let Some(end) = ends.get(number) else { return &[] };
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    &bytes[start..*end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn texts(vocabulary: &mut Vocabulary, path: &[u8]) -> Vec<String> {
        let words = vocabulary.words_of(path);
        let text = |word: &u32| String::from_utf8_lossy(vocabulary.word(*word)).into_owned();
        words.iter().map(text).collect()
    }

    #[test]
    fn words_are_names_stems_extensions_and_versions() {
        let mut vocabulary = Vocabulary::new(Words::NamesAndParts);
        let first = texts(&mut vocabulary, b"usr/lib/python3.11/abc.py");
        assert_eq!(first, ["usr", "lib", "python3.11", "python", "3.11", "abc.py", "abc", ".py"]);
        let second = texts(&mut vocabulary, b"usr/lib/libz.so.1.2.13");
        assert_eq!(second, ["usr", "lib", "libz.so.1.2.13", "libz", ".so", "1.2.13"]);
        // A word counts once a path, and a version as a directory is the version of another name.
        assert_eq!(texts(&mut vocabulary, b"abc/abc/3.11"), ["3.11", "abc"]);
        assert_eq!(texts(&mut vocabulary, b""), Vec::<String>::new());
        assert_eq!(vocabulary.len(), 12);
        assert_eq!(vocabulary.word(12), b"");

        let mut vocabulary = Vocabulary::new(Words::Parts);
        let parts = texts(&mut vocabulary, b"usr/lib/python3.11/__/abc.py");
        assert_eq!(parts, ["usr", "lib", "python", "3.11", "__", "abc", ".py"]);
        assert_eq!(texts(&mut vocabulary, b"-1/15"), ["-1", "15"]);
    }

    proptest! {
        #[test]
        fn words_are_those_of_naive_code(
            paths in proptest::collection::vec("[ab1_]{1,3}([./-][ab12_]{1,3}){0,5}", 0..40),
            with_names: bool,
        ) {
            let kind = if with_names { Words::NamesAndParts } else { Words::Parts };
            let mut vocabulary = Vocabulary::new(kind);
            for path in &paths {
                let mut expected: BTreeSet<Vec<u8>> = BTreeSet::new();
                for name in path.as_bytes().split(|byte| *byte == b'/') {
                    let parts = name::parts(name);
                    expected.extend([parts.stem, parts.version].map(<[u8]>::to_vec));
                    if with_names || parts.stem.is_empty() {
                        expected.insert(name.to_vec());
                    }
                    if !parts.extension.is_empty() {
                        expected.insert([b".", parts.extension].concat());
                    }
                }
                expected.remove(&b""[..]);
                let words = vocabulary.words_of(path.as_bytes());
                prop_assert!(words.is_sorted_by(|a, b| a < b));
                let found: BTreeSet<Vec<u8>> =
                    words.iter().map(|word| vocabulary.word(*word).to_vec()).collect();
                prop_assert_eq!((found.len(), &found), (words.len(), &expected));
            }
        }
    }
}
