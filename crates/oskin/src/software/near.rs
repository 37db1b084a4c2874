//! How like two names of packages are: which may have been meant where there is none of a name.

/// How like a name is to one that was asked for; less is likelier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// It is the name with a number behind it: `python3.11` for `python`, or without the one that was asked for.
    Numbered,
    /// It takes an edit or two, fewer than one in three letters.
    Edited,
    /// It has the name as a word or several: `golang-go` for `go`.
    Word,
    /// It holds the name, which has three letters at least: `libssl3` for `ssl`.
    Holds,
}

/// The fewest letters that tell something within a word.
const LETTERS: usize = 3;

impl Likeness {
    /// How like a name is to the one that is wanted, both in lower case. O(product of their lengths).
    ///
    /// ```
    /// # use oskin::software::Likeness;
    /// assert_eq!(Likeness::of("python", "python3.11"), Some(Likeness::Numbered));
    /// assert_eq!(Likeness::of("opensl", "openssl"), Some(Likeness::Edited));
    /// assert_eq!(Likeness::of("go", "libargon2-1"), None);
    /// ```
    pub fn of(wanted: &str, name: &str) -> Option<Self> {
        if wanted.is_empty() {
            return None;
        }
        let stem = |text| {
            str::trim_end_matches(text, |c: char| c.is_ascii_digit() || matches!(c, '.' | '-'))
        };
        if !stem(name).is_empty() && stem(name) == stem(wanted) {
            return Some(Self::Numbered);
        }
        let letters = wanted.chars().count();
        if edits(wanted, name, (letters / 4).min(2)) {
            return Some(Self::Edited);
        }
        if has_word(wanted, name) {
            return Some(Self::Word);
        }
        (letters >= LETTERS && name.contains(wanted)).then_some(Self::Holds)
    }
}

/// Whether a name has the wanted one with no letter or digit beside it.
fn has_word(wanted: &str, name: &str) -> bool {
    name.match_indices(wanted).any(|(at, _)| {
        !name[..at].ends_with(char::is_alphanumeric)
            && !name[at + wanted.len()..].starts_with(char::is_alphanumeric)
    })
}

/// Whether so many edits at most make one name the other: a letter more, less, another, or two swapped.
fn edits(a: &str, b: &str, most: usize) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if most == 0 || a.len().abs_diff(b.len()) > most {
        return false;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let change = row[j] + usize::from(x != y);
            let mut least = change.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *y && b[j - 1] == *x {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()] <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_be_meant_are_told_from_far_fetched_ones() {
        for (wanted, name, likeness) in [
            ("python", "python3", Some(Likeness::Numbered)),
            ("python2", "python3.11", Some(Likeness::Numbered)),
            ("opensl", "openssl", Some(Likeness::Edited)),
            ("opnessl", "openssl", Some(Likeness::Edited)),
            ("ngnix", "nginx", Some(Likeness::Edited)),
            ("nigxn", "nginx", None),
            ("go", "golang-1.19-go", Some(Likeness::Word)),
            ("go", "libargon2-1", None),
            ("go", "gcc", None),
            ("gti", "git", None),
            ("ssl", "libssl3", Some(Likeness::Holds)),
            ("", "a", None),
            ("3", "4", None),
        ] {
            assert_eq!(Likeness::of(wanted, name), likeness, "{wanted} {name}");
        }
    }
}
