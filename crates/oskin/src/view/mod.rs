//! What of an image measures look at: its paths, some of them, or what they are without versions.

/// One path of an image as measures see it. Lists of items are in the order of their paths' bytes, each
/// path once, as inventories are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The path in normal form.
    pub path: &'a [u8],
    /// Whether it is a directory.
    pub is_directory: bool,
    /// What tells its content: a digest, the target of a link; empty where contents do not count or are
    /// not known.
    pub content: &'a [u8],
}
