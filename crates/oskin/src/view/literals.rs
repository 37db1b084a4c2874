//! Patterns without wildcards: most of a list, and found by one search among all.

/// Paths from the root, each of which stands for what is below it, and perhaps for itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Literals {
    // In the order of their bytes.
    rows: Vec<Row>,
}

/// One pattern.
#[derive(Clone, Debug)]
pub(super) struct Literal {
    /// The path, without slashes at its ends.
    pub(super) path: Vec<u8>,
    /// What it stands for beside all that is below it.
    pub(super) itself: Itself,
    /// Its number among all patterns.
    pub(super) owner: usize,
}

/// Whether a path that a pattern names fits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Itself {
    /// It does.
    Fits,
    /// If it is a directory.
    AsDirectory,
    /// Only what is below it does.
    Never,
}

#[derive(Clone, Debug)]
struct Row {
    literal: Literal,
    /// The last row before whose bytes begin this one's.
    shorter: Option<usize>,
}

impl Literals {
    /// O(n log n).
    pub(super) fn new(mut literals: Vec<Literal>) -> Self {
        literals.sort_by(|a, b| a.path.cmp(&b.path));
        let mut rows: Vec<Row> = Vec::with_capacity(literals.len());
        for literal in literals {
            let mut shorter = rows.len().checked_sub(1);
            while let Some(row) =
                shorter.filter(|it| !literal.path.starts_with(&rows[*it].literal.path))
            {
                shorter = rows[row].shorter;
            }
            rows.push(Row { literal, shorter });
        }
        Self { rows }
    }

    /// The owners of all patterns that fit the path. O(log n) comparisons and the patterns whose bytes begin
    /// the path.
    pub(super) fn owners(&self, path: &[u8], is_directory: bool) -> impl Iterator<Item = usize> {
        // What begins the path is not behind it, and all between the two begins with the same bytes:
        // so the last row that is not behind it leads there.
        let last = self.rows.partition_point(|row| *row.literal.path <= *path).checked_sub(1);
        let row = |at: usize| &self.rows[at];
        let begins = std::iter::successors(last, move |at| row(*at).shorter);
        begins.map(move |at| &row(at).literal).filter_map(move |literal| {
            let rest = path.strip_prefix(literal.path.as_slice())?;
            let fits = match (rest.first(), literal.itself) {
                (Some(first), _) => *first == b'/',
                (None, Itself::Fits) => true,
                (None, Itself::AsDirectory) => is_directory,
                (None, Itself::Never) => false,
            };
            fits.then_some(literal.owner)
        })
    }
}
