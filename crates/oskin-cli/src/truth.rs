//! Files of known parents.

use crate::error::CliError;
use std::collections::BTreeMap;

/// What is known of images, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Truth {
    rows: BTreeMap<String, Row>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    line: usize,
    parent: Parent,
    family: Option<String>,
    release: Option<(String, String)>,
    /// As it stands there.
    software: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Parent {
    Unknown,
    None,
    Image(String),
}

/// The columns that are read.
struct Columns {
    image: usize,
    parent: usize,
    family: Option<usize>,
    /// Of what an image is a release, and of which version.
    release: Option<[usize; 2]>,
    software: Option<usize>,
}

impl Columns {
    fn of(heading: &str) -> Result<Self, CliError> {
        let names: Vec<&str> = heading.split('\t').map(str::trim).collect();
        let find = |name: &str| names.iter().position(|column| *column == name);
        let must = |name: &str| {
            find(name).ok_or_else(|| {
                let hint = if names.len() == 1 && heading.contains([',', ';']) {
                    "columns are separated by tabs, not by commas"
                } else {
                    "known parents are tab-separated columns with a heading: image, parent"
                };
                CliError::new(format!("line 1: there is no column {name:?}")).hint(hint)
            })
        };
        let release = find("release_family").zip(find("release"));
        Ok(Self {
            image: must("image")?,
            parent: must("parent")?,
            family: find("base_family"),
            release: release.map(Into::into),
            software: find("software"),
        })
    }
}

impl Truth {
    /// Reads tab-separated lines with a heading; of its columns `image`, `parent`, `base_family`,
    /// `release_family`, `release` and `software` count. A parent `-` is none, `?` is not known; empty lines are skipped.
    pub(crate) fn parse(text: &str) -> Result<Self, CliError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // Blanks around a name are none of it, and the end of a line may be that of Windows.
        let mut lines = (1..).zip(text.lines());
        let columns = Columns::of(lines.next().map_or("", |(_, line)| line))?;
        let mut truth = Self::default();
        for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
            let cells: Vec<&str> = text.split('\t').map(str::trim).collect();
            let cell = |column: usize| cells.get(column).copied().unwrap_or_default();
            let (image, parent) = (cell(columns.image), cell(columns.parent));
            if image.is_empty() || parent.is_empty() {
                let what = if image.is_empty() { "image" } else { "parent" };
                return Err(CliError::new(format!("line {line}: there is no {what}"))
                    .hint("a parent `-` is none, `?` is one that is not known"));
            }
            let parent = match parent {
                "-" => Parent::None,
                "?" => Parent::Unknown,
                name => Parent::Image(name.to_owned()),
            };
            let told = |column: usize| Some(cell(column)).filter(|cell| !["", "-"].contains(cell));
            let text = |column: usize| told(column).map(str::to_owned);
            let row = Row {
                line,
                parent,
                family: columns.family.and_then(text),
                release: columns
                    .release
                    .and_then(|[family, release]| text(family).zip(text(release))),
                software: columns.software.map(|column| cell(column).to_owned()),
            };
            truth.insert(image, row)?;
        }
        truth.refuse_circles()?;
        Ok(truth)
    }

    /// Adds a line; one that says the same again says nothing.
    fn insert(&mut self, image: &str, row: Row) -> Result<(), CliError> {
        if let Some(before) = self.rows.get(image) {
            let what = match () {
                () if before.parent != row.parent => "parent",
                () if before.family != row.family => "base family",
                () if before.release != row.release => "release",
                () if before.software != row.software => "software",
                () => return Ok(()),
            };
            let (line, above) = (row.line, before.line);
            let message = format!("line {line}: {image:?} has another {what} in line {above}");
            return Err(CliError::new(message).hint("keep one of the lines"));
        }
        self.rows.insert(image.to_owned(), row);
        Ok(())
    }

    /// No image is its own ancestor. O(n log n): what was walked once leads nowhere new.
    fn refuse_circles(&self) -> Result<(), CliError> {
        let mut walk_of: BTreeMap<&str, usize> = BTreeMap::new();
        for (walk, start) in self.rows.keys().enumerate() {
            let mut next = Some(start.as_str());
            while let Some(image) = next {
                match walk_of.insert(image, walk) {
                    Some(before) if before == walk => {
                        let line = self.rows[image].line;
                        let message = format!("line {line}: {image:?} is its own ancestor");
                        return Err(CliError::new(message)
                            .hint("no image is built from what is built from it"));
                    }
                    Some(_) => break,
                    None => next = self.parent(image),
                }
            }
        }
        Ok(())
    }

    fn parent(&self, image: &str) -> Option<&str> {
        match self.rows.get(image).map(|row| &row.parent) {
            Some(Parent::Image(parent)) => Some(parent),
            _ => None,
        }
    }

    /// Whether it is known which parent an image has, or that it has none.
    pub(crate) fn is_known(&self, image: &str) -> bool {
        self.rows.get(image).is_some_and(|row| row.parent != Parent::Unknown)
    }

    /// Whether an image is known to have no parent.
    pub(crate) fn is_base(&self, image: &str) -> bool {
        self.rows.get(image).is_some_and(|row| row.parent == Parent::None)
    }

    /// The images that are told of.
    pub(crate) fn images(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str)
    }

    /// The known ancestors of an image, nearest first.
    pub(crate) fn ancestors<'t>(&'t self, image: &str) -> Vec<&'t str> {
        // There are no circles.
        std::iter::successors(self.parent(image), |image| self.parent(image)).collect()
    }

    /// Of what an image is a release, and of which version.
    pub(crate) fn release(&self, image: &str) -> Option<(&str, &str)> {
        let (family, release) = self.rows.get(image)?.release.as_ref()?;
        Some((family, release))
    }

    /// The software that an image is for: the first word that tells it.
    pub(crate) fn software(&self, image: &str) -> Option<&str> {
        self.words(image)?.next()
    }

    /// The words for the software that an image is for, maybe none; `None` if it is told to be for none.
    pub(crate) fn words(&self, image: &str) -> Option<impl Iterator<Item = &str>> {
        let row = self.rows.get(image);
        let told = row.and_then(|row| row.software.as_deref()).unwrap_or_default();
        let words = told.split(',').map(str::trim).filter(|word| !word.is_empty());
        (told != "-").then_some(words)
    }

    /// The base family of an image: as it is stated, or else that of its farthest known ancestor;
    /// a base without a stated one has its own name.
    pub(crate) fn family<'t>(&'t self, image: &'t str) -> Option<&'t str> {
        let stated = |image: &str| self.rows.get(image)?.family.as_deref();
        let root = self.ancestors(image).last().copied().unwrap_or(image);
        let is_end = !self.rows.contains_key(root) || self.is_base(root);
        stated(image).or_else(|| stated(root)).or_else(|| is_end.then_some(root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Truth::parse(text).unwrap_err().message()
    }

    #[test]
    fn tables_are_read_or_refused_with_their_line() {
        let text = "\u{feff}note\timage\tparent\r\nx\ta\tb\r\n\n\tb \tc\n\tc\t-\n\ta\tb\n\td\t?";
        let truth = Truth::parse(text).unwrap();
        assert_eq!(truth.images().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert_eq!((truth.ancestors("a"), truth.ancestors("c")), (vec!["b", "c"], vec![]));
        assert_eq!(truth.ancestors("unknown"), Vec::<&str>::new());
        assert_eq!(["a", "d", "e"].map(|image| truth.is_known(image)), [true, false, false]);
        assert_eq!(["a", "c", "d"].map(|image| truth.is_base(image)), [false, true, false]);
        assert!(refused("image\n").contains("\"parent\""));
        assert!(refused("").contains("\"image\""));
        assert!(refused("image\tparent\na").starts_with("line 2: there is no parent"));
        assert!(refused("image\tparent\n\n\tb").starts_with("line 3: there is no image"));
        assert!(refused("image\tparent\na\tb\na\tc").contains("another parent in line 2"));
    }

    #[test]
    fn software_has_one_word_or_several_or_is_none() {
        let text = "image\tparent\tsoftware\na\t?\tgolang, go\nb\t?\t-\nc\t?\n";
        let truth = Truth::parse(text).unwrap();
        let words = |image| truth.words(image).map(Iterator::collect::<Vec<_>>);
        assert_eq!((words("a"), words("b")), (Some(vec!["golang", "go"]), None));
        assert_eq!((words("c"), words("d")), (Some(vec![]), Some(vec![])));
        assert_eq!(["a", "b", "c"].map(|it| truth.software(it)), [Some("golang"), None, None]);
    }

    #[test]
    fn circles_are_refused_with_their_line() {
        assert!(refused("image\tparent\nx\ta\na\tb\nb\ta\n").starts_with("line 3: \"a\""));
        assert!(refused("image\tparent\na\ta\n").starts_with("line 2"));
        assert!(Truth::parse("image\tparent\na\tc\nb\tc\nc\td\nd\t-\n").is_ok());
    }

    #[test]
    fn families_are_stated_or_follow_from_the_chain() {
        let text = "image\tparent\tbase_family\na\tb\t\nb\t-\tdebian 8\nc\td\t\ne\t-\t-\nf\t?\talpine\ng\t?\t";
        let truth = Truth::parse(text).unwrap();
        let family = |image| truth.family(image);
        assert_eq!((family("a"), family("b")), (Some("debian 8"), Some("debian 8")));
        assert_eq!((family("c"), family("e")), (Some("d"), Some("e")));
        assert_eq!((family("f"), family("g")), (Some("alpine"), None));
        let other = Truth::parse("image\tparent\tbase_family\na\t-\tx\na\t-\ty");
        assert!(other.unwrap_err().message().contains("another base family in line 2"));
    }
}
