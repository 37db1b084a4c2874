//! What a tree is made of, as multisets: its edges, and its subtrees cut at any depth.

use super::tree::Tree;
use crate::path_set::Overlap;
use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

/// How many levels of subtrees are counted where nothing else is asked for.
pub const DEFAULT_LEVELS: usize = 3;

/// A part of a tree and how often it is there.
///
/// Lists of features are in the order of their keys, each key once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// The part, as 128 bits of xxh3: of two different parts among `n` the chance to be taken for one is
    /// below n²/2¹²⁹ (10⁻²⁴ among ten million). No secret is in it, so whoever wants two to meet can make
    /// such names; that falsifies the figures of the images that hold them, and nothing else.
    pub key: u128,
    /// How often, at least 1.
    pub count: u64,
}

/// The edges of a tree: for each path the name of its directory and its own.
///
/// What lies in the root hangs by the empty name. As many edges as the tree has paths, so moving a
/// subtree changes exactly the one that it hangs by, and renaming its root that one and those to its children.
/// Contents do not count. Takes O(n log n) for `n` nodes.
pub fn edges(tree: &Tree<'_>) -> Vec<Feature> {
    counted((1..tree.len()).map(|node| edge(tree, node)).collect())
}

/// The key of the edge that a node hangs by. No name has a slash, so that parts them.
pub(super) fn edge(tree: &Tree<'_>, node: usize) -> u128 {
    let path = tree.path(node);
    let start = tree.path(tree.parent(node)).len() - tree.name(tree.parent(node)).len();
    // In the root there is no slash, and so it is no edge of any other directory.
    xxh3_128(&path[start..])
}

/// The key of the name of a node.
pub(super) fn name(tree: &Tree<'_>, node: usize) -> u128 {
    xxh3_128(tree.name(node))
}

/// The subtrees of a tree, cut at each depth from 0 to `levels`: the Weisfeiler-Lehman labels of its
/// nodes, looking down (Shervashidze et al., *Weisfeiler-Lehman graph kernels*, 2011).
///
/// At level 0 the label of a node is its name, with its content where that is known; at level `k` it is that
/// and the labels of its children at level `k - 1`. A node counts at the levels that its subtree has, so
/// that a file counts once, and not again at every level: with `levels` as high as the tree, a node of height `h` counts
/// `h + 1` times. What is above a node is in no label of it: moving a subtree changes labels of at most
/// `levels` directories above its old and its new place. Takes O(n levels) hashes and O(m log m) for the `m` features.
pub fn subtrees(tree: &Tree<'_>, levels: usize) -> Vec<Feature> {
    let heights = heights(tree);
    let mut labels: Vec<u128> = (0..tree.len()).map(|node| own_label(tree, node)).collect();
    let mut keys = labels[1..].to_vec();
    let mut bytes = Vec::new();
    for level in 1..=levels.min(heights[0]) {
        // Parents come before their children, so the labels of these are still those of the level before.
        for node in 0..tree.len() {
            // Lower ones have their last label.
            if heights[node] >= level {
                labels[node] = label(tree, node, &labels, &mut bytes);
                // The root is no path.
                keys.extend((node > 0).then_some(labels[node]));
            }
        }
    }
    counted(keys)
}

/// The whole subtrees of a tree: for each path its name and all that is below it (Merkle 1987), as many
/// as the tree has paths. One changed file changes those of all directories above it. O(n log n).
pub fn whole_subtrees(tree: &Tree<'_>) -> Vec<Feature> {
    let insides = insides(tree);
    let whole = |node| xxh3_128_with_seed(&pair(own_label(tree, node), insides[node]), NODE);
    counted((1..tree.len()).map(whole).collect())
}

/// What two lists of features have in common: of each as many as the one has that has fewer.
///
/// The sizes are sums of counts; measures apply as to sets, and Jaccard becomes that of multisets
/// (Ruzicka 1958).
pub fn overlap(left: &[Feature], right: &[Feature]) -> Overlap {
    let sum = |features: &[Feature]| features.iter().map(|feature| feature.count).sum();
    let (mut common, mut at) = (0, 0);
    for feature in left {
        while right.get(at).is_some_and(|other| other.key < feature.key) {
            at += 1;
        }
        if let Some(other) = right.get(at).filter(|other| other.key == feature.key) {
            common += other.count.min(feature.count);
        }
    }
    Overlap::of_sizes(common, sum(left), sum(right))
}

/// Hashes of what is below each node, without its own name; 0 where nothing is.
///
/// Directories with the same inside are thus found even if they are renamed.
pub(super) fn insides(tree: &Tree<'_>) -> Vec<u128> {
    let mut insides = vec![0; tree.len()];
    let mut bytes = Vec::new();
    for node in (0..tree.len()).rev() {
        bytes.clear();
        for child in tree.children(node) {
            bytes.extend_from_slice(&pair(own_label(tree, *child), insides[*child]));
        }
        if !bytes.is_empty() {
            insides[node] = xxh3_128_with_seed(&bytes, INSIDE);
        }
    }
    insides
}

// Seeds keep apart what is hashed: names from labels, and those from insides.
const NODE: u64 = 1;
const INSIDE: u64 = 2;
const CONTENT: u64 = 3;

/// The label of a node by itself.
fn own_label(tree: &Tree<'_>, node: usize) -> u128 {
    let name = name(tree, node);
    match tree.content(node) {
        [] => name,
        content => xxh3_128_with_seed(&pair(name, xxh3_128_with_seed(content, CONTENT)), CONTENT),
    }
}

/// The label of a node with its children as they are labelled now. Names are unique in a directory
/// and in order, so the multiset of the labels is a sequence.
fn label(tree: &Tree<'_>, node: usize, labels: &[u128], bytes: &mut Vec<u8>) -> u128 {
    bytes.clear();
    bytes.extend_from_slice(&own_label(tree, node).to_le_bytes());
    for child in tree.children(node) {
        bytes.extend_from_slice(&labels[*child].to_le_bytes());
    }
    xxh3_128_with_seed(bytes, NODE)
}

fn pair(first: u128, second: u128) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&first.to_le_bytes());
    bytes[16..].copy_from_slice(&second.to_le_bytes());
    bytes
}

/// How far it is from each node down to the lowest below it.
fn heights(tree: &Tree<'_>) -> Vec<usize> {
    let mut heights = vec![0; tree.len()];
    for node in (1..tree.len()).rev() {
        let parent = tree.parent(node);
        heights[parent] = heights[parent].max(heights[node] + 1);
    }
    heights
}

fn counted(mut keys: Vec<u128>) -> Vec<Feature> {
    keys.sort_unstable();
    let runs = keys.chunk_by(|a, b| a == b);
    runs.map(|run| Feature { key: run[0], count: run.len() as u64 }).collect()
}
