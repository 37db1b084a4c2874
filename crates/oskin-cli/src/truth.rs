//! Files of known parents.

use std::collections::BTreeMap;

/// The known parent of each image; `None` for one that has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Truth {
    /// By the name of the child.
    pub(crate) parents: BTreeMap<String, Option<String>>,
}

/// Why a table is no truth; lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoTruth {
    /// The heading lacks a column.
    #[error("line 1: no column {0:?}, expected tab-separated columns image and parent")]
    NoColumn(&'static str),
    /// A line has too few cells.
    #[error("line {0}: no cell for the parent")]
    ShortLine(usize),
    /// An image has two parents.
    #[error("line {line}: {image:?} has another parent above")]
    TwoParents {
        /// Where the second stands.
        line: usize,
        /// The image.
        image: String,
    },
}

impl std::str::FromStr for Truth {
    type Err = NoTruth;

    /// Reads tab-separated lines with a heading; columns but `image` and `parent` are passed over, a
    /// parent `-` is none, empty lines are skipped.
    fn from_str(text: &str) -> Result<Self, NoTruth> {
        let mut lines = (1..).zip(text.lines().map(|line| line.trim_end_matches('\r')));
        let heading: Vec<&str> = lines.next().map_or("", |(_, line)| line).split('\t').collect();
        let column = |name: &'static str| {
            let found = heading.iter().position(|column| *column == name);
            found.ok_or(NoTruth::NoColumn(name))
        };
        let (image, parent) = (column("image")?, column("parent")?);
        let mut truth = Self::default();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let cells: Vec<&str> = line.split('\t').collect();
            let (Some(image), Some(parent)) = (cells.get(image), cells.get(parent)) else {
                return Err(NoTruth::ShortLine(number));
            };
            let parent = (*parent != "-").then(|| (*parent).to_owned());
            let before = truth.parents.insert((*image).to_owned(), parent.clone());
            if before.is_some_and(|before| before != parent) {
                return Err(NoTruth::TwoParents { line: number, image: (*image).to_owned() });
            }
        }
        Ok(truth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_or_refused_with_their_line() {
        let truth: Truth = "note\timage\tparent\r\nx\ta\tb\r\n\n\tb\t-\r\n".parse().unwrap();
        let expected = [("a".to_owned(), Some("b".to_owned())), ("b".to_owned(), None)];
        assert_eq!(truth.parents, expected.into_iter().collect());
        assert_eq!("image\n".parse::<Truth>(), Err(NoTruth::NoColumn("parent")));
        assert_eq!("".parse::<Truth>(), Err(NoTruth::NoColumn("image")));
        assert_eq!("image\tparent\na".parse::<Truth>(), Err(NoTruth::ShortLine(2)));
        let two = "image\tparent\na\tb\na\tc".parse::<Truth>();
        assert_eq!(two, Err(NoTruth::TwoParents { line: 3, image: "a".to_owned() }));
    }
}
