//! Which base stands on which, as far as Dockerfiles of a collection build the bases of others.

use super::{Base, Dockerfile, Reference};
use std::collections::BTreeMap;

/// How `FROM scratch` is named among bases.
pub const SCRATCH: &str = "scratch";

/// A Dockerfile, and the images that it builds as far as that is known.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    /// With a tag: that one. Without tag and digest: whatever tag is asked for.
    pub images: &'a [Reference],
    /// The file.
    pub file: &'a Dockerfile,
}

/// The bases of a collection of Dockerfiles, each above what it stands on itself.
///
/// A base stands on another if a file of the collection builds it and that file has a base. If
/// several build it, they must agree, or it is taken for a root: the tree tells no more than is
/// declared, and its levels are lower bounds. Where bases would stand on each other in a ring, the
/// ring is cut. Cost: for each file, as many steps as its base has bases below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    nodes: BTreeMap<String, Node>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    parent: Option<String>,
    // Files that stand directly on it, and on what stands on it.
    files: u64,
    below: u64,
}

/// A base in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The base, as people write it.
    pub base: &'a str,
    /// How many bases it stands on.
    pub level: usize,
    /// The base that it stands on.
    pub parent: Option<&'a str>,
    /// The files that stand directly on it.
    pub files: u64,
    /// Those, and the files that stand on what stands on it.
    pub below: u64,
}

impl Dockerfile {
    /// What the built image stands on, as people write it: `scratch` or a reference with its tag.
    /// Nothing if the name cannot be told.
    pub fn base_name(&self) -> Option<String> {
        match &self.foundation().base {
            Base::Scratch => Some(SCRATCH.to_owned()),
            Base::Image(reference) => Some(reference.familiar()),
            _ => None,
        }
    }
}

/// Who builds what: by name and tag, and by name alone.
#[derive(Default)]
struct Builders<'a> {
    tagged: BTreeMap<(String, &'a str), Vec<&'a Dockerfile>>,
    named: BTreeMap<String, Vec<&'a Dockerfile>>,
}

impl<'a> Builders<'a> {
    fn of(files: &[Declared<'a>]) -> Self {
        let mut builders = Self::default();
        for declared in files {
            for image in declared.images {
                match (image.tag(), image.digest()) {
                    (Some(tag), _) => builders.tagged.entry((image.name(), tag)).or_default(),
                    (None, None) => builders.named.entry(image.name()).or_default(),
                    (None, Some(_)) => continue,
                }
                .push(declared.file);
            }
        }
        builders
    }

    /// What the files that build an image stand on, if they agree.
    fn base_of(&self, image: &Reference) -> Option<&'a Base> {
        let tag = image.tag().or_else(|| image.digest().is_none().then_some("latest"));
        let tagged = tag.and_then(|tag| self.tagged.get(&(image.name(), tag)));
        let (first, others) = tagged.or_else(|| self.named.get(&image.name()))?.split_first()?;
        let base = &first.foundation().base;
        others.iter().all(|file| file.foundation().base == *base).then_some(base)
    }
}

impl Tree {
    /// Puts the bases of all files in their places.
    pub fn of(files: &[Declared<'_>]) -> Self {
        let builders = Builders::of(files);
        let mut tree = Self::default();
        for file in files.iter().map(|declared| declared.file) {
            let mut base = Some(&file.foundation().base);
            let mut child: Option<String> = None;
            while let Some(found) = base {
                let (name, next) = match found {
                    Base::Scratch => (SCRATCH.to_owned(), None),
                    Base::Image(image) => (image.familiar(), builders.base_of(image)),
                    _ => break,
                };
                // An image made from nothing is a root: `scratch` is the base of no other base.
                if child.is_some() && name == SCRATCH {
                    break;
                }
                let known = tree.nodes.contains_key(&name);
                if let Some(child) = child.replace(name.clone()) {
                    tree.put_on(&child, &name);
                }
                if known {
                    break;
                }
                tree.nodes.insert(name, Node { parent: None, files: 0, below: 0 });
                base = next;
            }
        }
        tree.count(files);
        tree
    }

    /// Makes a base stand on another, unless that stands on it.
    fn put_on(&mut self, child: &str, parent: &str) {
        let mut above = Some(parent);
        while let Some(name) = above {
            if name == child {
                return;
            }
            above = self.nodes.get(name).and_then(|node| node.parent.as_deref());
        }
        if let Some(node) = self.nodes.get_mut(child) {
            node.parent = Some(parent.to_owned());
        }
    }

    fn count(&mut self, files: &[Declared<'_>]) {
        for base in files.iter().filter_map(|declared| declared.file.base_name()) {
            let chain: Vec<String> = self.chain(&base).into_iter().map(str::to_owned).collect();
            for name in chain {
                if let Some(node) = self.nodes.get_mut(&name) {
                    node.files += u64::from(name == base);
                    node.below += 1;
                }
            }
        }
    }

    /// A base and all that it stands on, the root first; empty if it is not in the tree.
    pub fn chain(&self, base: &str) -> Vec<&str> {
        let mut chain = Vec::new();
        let mut next = self.nodes.get_key_value(base);
        while let Some((name, node)) = next {
            chain.push(name.as_str());
            next = node.parent.as_ref().and_then(|parent| self.nodes.get_key_value(parent));
        }
        chain.reverse();
        chain
    }

    /// What a base stands on at a level, 0 being the roots; itself if it stands lower.
    pub fn cut<'t>(&'t self, base: &'t str, level: usize) -> &'t str {
        self.chain(base).get(level).copied().unwrap_or(base)
    }

    /// All bases, each behind the one that it stands on; of those on one level that with the most
    /// files below first, then by the bytes of the name.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let mut children: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
        for (name, node) in &self.nodes {
            children.entry(node.parent.as_deref()).or_default().push(name);
        }
        for names in children.values_mut() {
            names.sort_by_key(|name| std::cmp::Reverse(self.nodes[*name].below));
        }
        let mut rows = Vec::with_capacity(self.nodes.len());
        let open = |parent: Option<&str>, level: usize| {
            let names = children.get(&parent).into_iter().flatten().rev();
            names.map(|name| (*name, level)).collect::<Vec<(&str, usize)>>()
        };
        let mut stack = open(None, 0);
        while let Some((base, level)) = stack.pop() {
            let node = &self.nodes[base];
            let parent = node.parent.as_deref();
            rows.push(Row { base, level, parent, files: node.files, below: node.below });
            stack.extend(open(Some(base), level + 1));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::parse;

    /// Builds the tree of files, each as the images that it builds and its text.
    fn tree(files: &[(&[&str], &str)]) -> Tree {
        let read: Vec<(Vec<Reference>, Dockerfile)> = files
            .iter()
            .map(|(images, text)| {
                let images = images.iter().map(|image| Reference::parse(image).unwrap());
                (images.collect(), parse(text.as_bytes(), &BTreeMap::new()).unwrap())
            })
            .collect();
        let declared = read.iter().map(|(images, file)| Declared { images, file });
        Tree::of(&declared.collect::<Vec<_>>())
    }

    fn shown(tree: &Tree) -> Vec<String> {
        let show = |row: &Row<'_>| {
            format!("{}{} {} {}", " ".repeat(row.level), row.base, row.files, row.below)
        };
        tree.rows().iter().map(show).collect()
    }

    #[test]
    fn bases_stand_on_what_the_files_that_build_them_name() {
        let tree = tree(&[
            (&["os:1", "os:latest"], "FROM scratch"),
            (&["lang:2"], "FROM os AS build\nFROM build"),
            (&["lang:3"], "FROM os:1"),
            (&["me/app"], "FROM lang:2"),
            (&[], "FROM me/app:9"),
            (&[], "FROM lang:2"),
            (&[], "FROM other"),
            (&[], "FROM $X"),
        ]);
        let expected = [
            "os:latest 1 4",
            " lang:2 2 3",
            "  me/app:9 1 1",
            "os:1 1 1",
            "other:latest 1 1",
            "scratch 1 1",
        ];
        assert_eq!(shown(&tree), expected);
        assert_eq!(tree.chain("me/app:9"), ["os:latest", "lang:2", "me/app:9"]);
        let cut = |level| tree.cut("me/app:9", level);
        assert_eq!(
            [cut(0), cut(1), cut(2), cut(9)],
            ["os:latest", "lang:2", "me/app:9", "me/app:9"]
        );
        assert_eq!((tree.cut("none", 0), tree.chain("none").len()), ("none", 0));
    }

    #[test]
    fn files_that_disagree_make_a_root_and_rings_are_cut() {
        let both = tree(&[(&["a/b"], "FROM x"), (&["a/b"], "FROM y"), (&[], "FROM a/b")]);
        assert_eq!(shown(&both), ["a/b:latest 1 1", "x:latest 1 1", "y:latest 1 1"]);
        let ring = tree(&[(&["a"], "FROM b"), (&["b"], "FROM c"), (&["c"], "FROM a")]);
        assert_eq!(ring.rows().len(), 3);
        assert_eq!(ring.rows().iter().filter(|row| row.level == 0).count(), 1);
        let own = tree(&[(&["a/b"], "FROM a/b")]);
        assert_eq!(shown(&own), ["a/b:latest 1 1"]);
    }
}
