//! Files of known parents.

use crate::error::CliError;
use std::collections::BTreeMap;

/// The known parent of each image, by the name of the child; `None` for one that has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Truth {
    parents: BTreeMap<String, Option<String>>,
}

impl Truth {
    /// Reads tab-separated lines with a heading; columns but `image` and `parent` are passed over, a
    /// parent `-` is none, empty lines are skipped.
    pub(crate) fn parse(text: &str) -> Result<Self, CliError> {
        let mut lines = (1..).zip(text.lines().map(|line| line.trim_end_matches('\r')));
        let heading: Vec<&str> = lines.next().map_or("", |(_, line)| line).split('\t').collect();
        let column = |name: &str| {
            let found = heading.iter().position(|column| *column == name);
            found.ok_or_else(|| {
                CliError::new(format!("line 1: there is no column {name:?}"))
                    .hint("known parents are tab-separated columns with a heading: image, parent")
            })
        };
        let (image, parent) = (column("image")?, column("parent")?);
        let mut truth = Self::default();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let cells: Vec<&str> = line.split('\t').collect();
            let (Some(image), Some(parent)) = (cells.get(image), cells.get(parent)) else {
                return Err(CliError::new(format!("line {number}: there is no parent"))
                    .hint("a parent `-` is none"));
            };
            let parent = (*parent != "-").then(|| (*parent).to_owned());
            let before = truth.parents.insert((*image).to_owned(), parent.clone());
            if before.is_some_and(|before| before != parent) {
                let message = format!("line {number}: {image:?} has another parent above");
                return Err(CliError::new(message));
            }
        }
        Ok(truth)
    }

    /// The images with a known answer.
    pub(crate) fn images(&self) -> impl Iterator<Item = &str> {
        self.parents.keys().map(String::as_str)
    }

    /// The known ancestors of an image, nearest first; a circle ends where it closes.
    pub(crate) fn ancestors<'t>(&'t self, image: &str) -> Vec<&'t str> {
        let mut ancestors: Vec<&str> = Vec::new();
        let mut next = self.parents.get(image);
        while let Some(Some(parent)) = next {
            if ancestors.contains(&parent.as_str()) || parent == image {
                break;
            }
            ancestors.push(parent);
            next = self.parents.get(parent);
        }
        ancestors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_or_refused_with_their_line() {
        let truth = Truth::parse("note\timage\tparent\r\nx\ta\tb\r\n\n\tb\tc\n\tc\t-\n").unwrap();
        assert_eq!(truth.images().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!((truth.ancestors("a"), truth.ancestors("c")), (vec!["b", "c"], vec![]));
        assert_eq!(truth.ancestors("unknown"), Vec::<&str>::new());
        let circle = Truth::parse("image\tparent\na\tb\nb\ta\n").unwrap();
        assert_eq!(circle.ancestors("a"), ["b"]);
        let refused = |text: &str| Truth::parse(text).unwrap_err().message();
        assert!(refused("image\n").contains("\"parent\""));
        assert!(refused("").contains("\"image\""));
        assert!(refused("image\tparent\na").starts_with("line 2"));
        assert!(refused("image\tparent\na\tb\na\tc").starts_with("line 3"));
    }
}
