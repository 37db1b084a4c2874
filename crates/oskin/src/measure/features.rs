//! What images are compared by under a [`Method`]: sets with weights for the engine.
//!
//! Images come one after the other, told by ids of their paths, as catalogs have them. What a view
//! makes of a path is found once for each id and not once for each image, so that thousands of images
//! that share their paths cost little more than the sets that they are. Contents and the graph of an image are its
//! own: there each image is gone over path by path.

use super::corpus::{Bag, Corpus, PathWords, Vocabulary};
use super::graph::{self, Tree};
use super::levels::{Levels, Multiset};
use super::method::{Basis, Method};
use super::similarities::Similarities;
use super::weights::Weighting;
use crate::path::table_hash;
use crate::path_set::{PathSet, Selection};
use crate::view::{Item, ViewKind, ViewedItem, leaves_by_parent};
use hashbrown::HashTable;
use std::borrow::Cow;

/// The paths of one image.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The ids of what is no directory.
    pub files: &'a PathSet,
    /// The ids of directories.
    pub directories: &'a PathSet,
    /// What is known of a path, asked only if the method [needs](Features::needs_facts) it or asks for owners.
    pub fact: &'a dyn Fn(u32) -> Fact<'a>,
}

impl std::fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

/// What is known of a path in an image.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fact<'a> {
    /// The size of a regular file.
    pub size_bytes: u64,
    /// See [`Item::content`].
    pub content: &'a [u8],
    /// Whether it belongs to a package.
    pub is_owned: bool,
}

/// What images are compared by.
#[derive(Debug)]
pub enum Prepared {
    /// Sets of weighted ids.
    Sets(Levels),
    /// Words.
    Words(Corpus),
}

impl Prepared {
    /// All pairs; `method` tells the weights.
    pub fn pairs(self, method: &Method) -> Similarities {
        match self {
            Self::Sets(levels) => levels.pairs(method.weighting),
            Self::Words(corpus) => Similarities::Told(corpus),
        }
    }
}

/// Collects what images are compared by.
#[derive(Debug)]
pub struct Features<'a> {
    method: &'a Method,
    paths: Paths<'a>,
    keys: Keys,
    images: Vec<Multiset>,
}

impl<'a> Features<'a> {
    /// Nothing yet. `texts` are the paths of ids in normal form; of ids that no image has they are empty.
    pub fn new(method: &'a Method, texts: &'a [&'a [u8]]) -> Self {
        let paths = Paths::new(method, texts);
        Self { method, paths, keys: Keys::default(), images: Vec::new() }
    }

    /// Whether a method asks for sizes or contents, which path sets do not tell; whether it asks for owners, its
    /// [view](crate::view::View::asks_for_owners) tells.
    pub fn needs_facts(method: &Method) -> bool {
        method.weighting == Weighting::Bytes || method.view.has(ViewKind::Contents)
    }

    /// Adds an image. O(its paths) for paths without contents, else O(n log n).
    pub fn add(&mut self, subject: Subject<'_>) {
        let with_contents = self.method.view.has(ViewKind::Contents);
        let multiset = match self.method.basis {
            // Paths do not tell them: see `package_sets`.
            Basis::Packages => Multiset::new(),
            Basis::Paths | Basis::Words if !with_contents => self.path_keys(subject),
            _ => self.item_keys(subject),
        };
        self.images.push(multiset);
    }

    /// What all images are compared by, in the order in which they came.
    pub fn prepared(&self) -> Prepared {
        match self.method.basis {
            Basis::Words => Prepared::Words(self.corpus()),
            _ => Prepared::Sets(Levels::of(&self.images)),
        }
    }

    /// The words of all images: those of a path are found once for all that have it.
    fn corpus(&self) -> Corpus {
        let mut vocabulary = Vocabulary::default();
        let mut words = PathWords::default();
        let keys =
            PathSet::from_unsorted(self.images.iter().flatten().map(|(key, _)| *key).collect());
        for key in keys.ids() {
            let path = self.method.view.key(self.paths.texts[key as usize]);
            words.push(key, &vocabulary.words_of(&path));
        }
        let bag = |image: &Multiset| Bag::of_documents(image.iter().map(|(key, _)| words.of(*key)));
        Corpus::of_bags(&self.images.iter().map(bag).collect::<Vec<_>>())
    }

    fn path_keys(&mut self, subject: Subject<'_>) -> Multiset {
        let by_bytes = self.method.weighting == Weighting::Bytes;
        let mut members: Multiset = Vec::new();
        for (id, _) in self.paths.kept(subject, self.method) {
            let count = if by_bytes { (subject.fact)(id).size_bytes } else { 1 };
            members.push((self.paths.keys.as_ref().map_or(id, |keys| keys[id as usize]), count));
        }
        let mut members = merged(members, by_bytes);
        if self.method.view.has(ViewKind::Leaves) {
            let all = PathSet::from_unsorted(members.iter().map(|(key, _)| *key).collect());
            let leaves = leaves_by_parent(&all, &self.paths.above);
            members.retain(|(key, _)| leaves.contains(*key));
        }
        members
    }

    fn item_keys(&mut self, subject: Subject<'_>) -> Multiset {
        let needs_facts = Self::needs_facts(self.method);
        let (texts, fact) = (self.paths.texts, subject.fact);
        let mut ids = self.paths.kept(subject, self.method);
        ids.sort_unstable_by_key(|(id, _)| texts[*id as usize]);
        let item = |&(id, is_directory): &(u32, bool)| {
            let content = if needs_facts { fact(id).content } else { &[] };
            Item { path: texts[id as usize], is_directory, content }
        };
        let items = self.method.view.items(ids.iter().map(item), self.method.selection);
        if self.method.basis == Basis::Paths {
            let counts = match self.method.weighting {
                Weighting::Bytes => self.sizes(&ids, &items, fact),
                _ => vec![1; items.len()],
            };
            let keys = &mut self.keys;
            let key = |item: &ViewedItem<'_>| [&item.path[..], &item.content].join(&0);
            return merged(
                items
                    .iter()
                    .zip(counts)
                    .map(|(item, count)| (keys.id(&key(item)), count))
                    .collect(),
                true,
            );
        }
        let tree = Tree::of(&items.iter().map(ViewedItem::item).collect::<Vec<_>>());
        let found = match self.method.basis {
            Basis::Edges => graph::edges(&tree),
            _ => graph::subtrees(&tree, graph::DEFAULT_LEVELS),
        };
        let keys = &mut self.keys;
        let found = found.into_iter().map(|it| (keys.id(&it.key.to_le_bytes()), it.count));
        merged(found.collect(), true)
    }

    /// The bytes of each item: of all paths that are shown as it is.
    fn sizes<'f>(
        &self,
        ids: &[(u32, bool)],
        items: &[ViewedItem<'_>],
        fact: &dyn Fn(u32) -> Fact<'f>,
    ) -> Vec<u64> {
        let mut sizes = vec![0; items.len()];
        for &(id, _) in ids {
            let path = self.method.view.key(self.paths.texts[id as usize]);
            if let Ok(at) = items.binary_search_by(|item| item.path.cmp(&path)) {
                sizes[at] += fact(id).size_bytes;
            }
        }
        sizes
    }
}

/// Members in the order of their keys, each once: their counts added up, or one for all.
fn merged(mut members: Multiset, sums: bool) -> Multiset {
    members.sort_unstable();
    members.dedup_by(|later, first| {
        let same = later.0 == first.0;
        if same && sums {
            first.1 += later.1;
        }
        same
    });
    members
}

/// What a view makes of ids.
#[derive(Debug)]
struct Paths<'a> {
    texts: &'a [&'a [u8]],
    /// Whether each id is kept as a file, and as a directory, found when it is first met; nothing if globs
    /// play no part.
    fates: Option<[Vec<Option<bool>>; 2]>,
    /// The first id with the same masked path, if versions are masked.
    keys: Option<Vec<u32>>,
    /// For each key the nearest one above it; empty unless leaves are asked for.
    above: Vec<u32>,
}

impl<'a> Paths<'a> {
    fn new(method: &Method, texts: &'a [&'a [u8]]) -> Self {
        let view = &method.view;
        let fates = (!view.keeps_all()).then(|| [vec![None; texts.len()], vec![None; texts.len()]]);
        let by_items =
            view.has(ViewKind::Contents) || !matches!(method.basis, Basis::Paths | Basis::Words);
        let mut paths = Self { texts, fates, keys: None, above: Vec::new() };
        if by_items || (!view.has(ViewKind::Masked) && !view.has(ViewKind::Leaves)) {
            return paths;
        }
        let shown: Vec<Cow<'_, [u8]>> = texts.iter().map(|text| view.key(text)).collect();
        let (keys, table) = first_alike(&shown);
        if view.has(ViewKind::Leaves) {
            paths.above = nearest_above(&shown, &table);
        }
        paths.keys = view.has(ViewKind::Masked).then_some(keys);
        paths
    }

    /// The ids of an image that a selection and the globs of a view leave, and whether each is a
    /// directory.
    fn kept(&mut self, subject: Subject<'_>, method: &Method) -> Vec<(u32, bool)> {
        let by_owners = method.view.asks_for_owners();
        let mut kept = Vec::new();
        for (set, is_directory) in [(subject.files, false), (subject.directories, true)] {
            let is_selected = match method.selection {
                Selection::Files => !is_directory,
                Selection::Directories => is_directory,
                Selection::Both => true,
            };
            for id in set.ids().filter(|_| is_selected) {
                let is_kept = self.keeps(id, is_directory, method);
                if is_kept && (!by_owners || method.view.keeps_owned((subject.fact)(id).is_owned)) {
                    kept.push((id, is_directory));
                }
            }
        }
        kept
    }

    fn keeps(&mut self, id: u32, is_directory: bool, method: &Method) -> bool {
        let Some(fates) = &mut self.fates else { return true };
        let fate = &mut fates[usize::from(is_directory)][id as usize];
        *fate.get_or_insert_with(|| method.view.keeps(self.texts[id as usize], is_directory))
    }
}

/// For each text the first that is the same, and a table of those first ones.
fn first_alike(shown: &[Cow<'_, [u8]>]) -> (Vec<u32>, HashTable<u32>) {
    let mut table: HashTable<u32> = HashTable::new();
    let rehash = |other: &u32| table_hash(&shown[*other as usize]);
    let mut keys = Vec::with_capacity(shown.len());
    for (id, text) in (0..).zip(shown) {
        let is_same = |other: &u32| shown[*other as usize] == *text;
        keys.push(*table.entry(table_hash(text), is_same, rehash).or_insert(id).get());
    }
    (keys, table)
}

/// For each text the nearest one above it that is in the table.
fn nearest_above(shown: &[Cow<'_, [u8]>], table: &HashTable<u32>) -> Vec<u32> {
    let above = |text: &Cow<'_, [u8]>| {
        let mut text = &text[..];
        while let Some(slash) = text.iter().rposition(|byte| *byte == b'/') {
            text = &text[..slash];
            if let Some(id) = table.find(table_hash(text), |other| *shown[*other as usize] == *text)
            {
                return *id;
            }
        }
        u32::MAX
    };
    shown.iter().map(above).collect()
}

/// Numbers for keys, in the order in which they are first met.
#[derive(Debug, Default)]
struct Keys {
    texts: Vec<Box<[u8]>>,
    ids: HashTable<u32>,
}

impl Keys {
    fn id(&mut self, text: &[u8]) -> u32 {
        let Self { texts, ids } = self;
        let hash = table_hash(text);
        if let Some(id) = ids.find(hash, |id| *texts[*id as usize] == *text) {
            return *id;
        }
        let id = u32::try_from(texts.len()).unwrap_or(u32::MAX);
        texts.push(text.into());
        ids.insert_unique(hash, id, |id| table_hash(&texts[*id as usize]));
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::View;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    type Image = BTreeMap<String, (bool, u8)>;

    fn image() -> impl Strategy<Value = Image> {
        let path = "(a|b|a-1|a-2|c1\\.2)(/(a|x\\.log|lib-3|doc)){0,3}";
        btree_map(path, (any::<bool>(), 0_u8..4), 0..14)
    }

    /// Who owns what is of no account: some own what has this content.
    const fn is_owned(content: u8) -> bool {
        content > 1
    }

    /// What a view shows of an image, without ids.
    fn shown(image: &Image, method: &Method) -> BTreeSet<(Vec<u8>, Vec<u8>)> {
        let contents: Vec<[u8; 1]> = image.values().map(|(_, content)| [*content]).collect();
        let kept = |content: &[u8; 1]| match is_owned(content[0]) {
            true => !method.view.has(ViewKind::Unowned),
            false => !method.view.has(ViewKind::Owned),
        };
        let all = image.iter().zip(&contents).filter(|(_, content)| kept(content));
        let items = all.map(|((path, (is_directory, _)), content)| Item {
            path: path.as_bytes(),
            is_directory: *is_directory,
            content: if content[0] == 0 { &[] } else { content },
        });
        let items = method.view.items(items, method.selection);
        items.into_iter().map(|item| (item.path.into_owned(), item.content.into_owned())).collect()
    }

    proptest! {
        #[test]
        fn overlaps_are_those_of_what_views_show(
            images in vec(image(), 1..5),
            kinds in proptest::sample::subsequence(&ViewKind::ALL, 0..=6),
            selection in proptest::sample::select(&Selection::ALL),
            exclude in proptest::option::of(Just("*.log")),
        ) {
            let view = View::new(kinds).without(exclude.as_slice()).unwrap();
            let method = Method { selection, view, ..Method::default() };
            let mut texts: Vec<&[u8]> = images.iter().flat_map(BTreeMap::keys).map(String::as_bytes).collect();
            // In an order of their own, as ids are.
            texts.sort_unstable_by_key(|text| (text.len() * 7 % 5, *text));
            texts.dedup();
            let id = |path: &str| u32::try_from(texts.iter().position(|it| *it == path.as_bytes()).unwrap()).unwrap();
            let mut features = Features::new(&method, &texts);
            for image in &images {
                let set = |wanted: bool| PathSet::from_unsorted(
                    image.iter().filter(|(_, it)| it.0 == wanted).map(|(path, _)| id(path)).collect(),
                );
                let (files, directories) = (set(false), set(true));
                let contents: BTreeMap<u32, [u8; 1]> =
                    image.iter().map(|(path, it)| (id(path), [it.1])).collect();
                let fact = |id: u32| Fact {
                    size_bytes: 1,
                    content: contents.get(&id).map_or(&[], |it| if it[0] == 0 { &[] } else { &it[..] }),
                    is_owned: contents.get(&id).is_some_and(|it| is_owned(it[0])),
                };
                features.add(Subject { files: &files, directories: &directories, fact: &fact });
            }
            let Prepared::Sets(levels) = features.prepared() else { panic!("paths are no words") };
            prop_assert!(levels.is_plain());
            let naive: Vec<_> = images.iter().map(|image| shown(image, &method)).collect();
            for (left, set) in naive.iter().zip(&levels.sets) {
                for (right, other) in naive.iter().zip(&levels.sets) {
                    prop_assert_eq!(set.overlap(other).common, left.intersection(right).count() as u64);
                }
                prop_assert_eq!(set.len(), left.len() as u64);
            }
        }
    }
}
