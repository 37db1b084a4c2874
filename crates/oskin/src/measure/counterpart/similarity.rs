//! How alike two paths are: their names aligned, each pair of names weighed by where it stands.

use crate::name::{NameParts, mask, parts};
use std::borrow::Cow;
use std::cell::OnceCell;

/// What the last name of a path weighs; the k-th from the end weighs the k-th part. Divisible by the
/// first sixteen numbers, so that weights of common depths are exact.
const LAST: u64 = 720_720;

/// The same name, in tenths.
const SAME: u64 = 10;
/// The same name but for versions.
const VERSION: u64 = 9;
/// The same name but for numbers.
const NUMBERS: u64 = 7;
/// The same stem and the same extension.
const STEM_AND_EXTENSION: u64 = 6;
/// The same stem.
const STEM: u64 = 5;
/// The same extension.
const EXTENSION: u64 = 2;

/// So many names at the end of a path are aligned in every way.
const ALIGNED: usize = 64;

/// How alike two paths are, 0..=1; 1 only for equal ones.
///
/// Names of the left are aligned with names of the right, in their order and each at most once, so that
/// what they come to is most: `sum s(x, y) (w(x) + w(y)) / (W(left) + W(right))`, `w` the weight of a
/// name, `W` of all names of a path, `s` how alike two names are: 1 for the same, 0.9 for the same
/// with versions masked, 0.7 with all numbers masked, 0.6 for stem and extension, 0.5 for the stem and 0.2
/// for the extension alone. The last name weighs 1, its directory 1/2, the one above 1/3 and so on.
///
/// The alignment is that of the longest common subsequence, with weights (Needleman and Wunsch 1970).
/// Symmetric. The root, which has no name, is like itself and nothing else. If one of the two has more than
/// 64 names, those that both begin with are aligned first, and of the others the last 64.
/// O(length + names of left × names of right), of the latter 64 at most.
///
/// ```
/// use oskin::measure::similarity;
///
/// assert_eq!(similarity(b"usr/bin/ls", b"usr/bin/ls"), 1.0);
/// assert!((similarity(b"bin/ls", b"usr/bin/ls") - 0.9).abs() < 1e-9);
/// assert!(similarity(b"lib/libz.so.1.2", b"lib/libz.so.1.3") > 0.9);
/// assert_eq!(similarity(b"bin/ls", b"etc/passwd"), 0.0);
/// ```
pub fn similarity(left: &[u8], right: &[u8]) -> f64 {
    if left == right {
        return 1.0;
    }
    let (left, right) = (names(left), names(right));
    let whole = SAME * (left.iter().chain(&right).map(|name| name.weight).sum::<u64>());
    let (head, [left, right]) = ends(&left, &right);
    // Below 2^53, so that what is less than the whole is less than 1.
    (head + best(left, right)) as f64 / whole as f64
}

/// What there is to align, and what the names come to that are aligned already. Images may name paths of a
/// thousand names by the thousand.
fn ends<'n, 'a>(left: &'n [Name<'a>], right: &'n [Name<'a>]) -> (u64, [&'n [Name<'a>]; 2]) {
    if left.len().max(right.len()) <= ALIGNED {
        return (0, [left, right]);
    }
    let same = left.iter().zip(right).take_while(|(x, y)| x.text == y.text);
    let (count, head) =
        same.fold((0, 0), |(count, sum), (x, y)| (count + 1, sum + SAME * (x.weight + y.weight)));
    let end = |names: &'n [Name<'a>]| {
        let rest = &names[count..];
        &rest[rest.len().saturating_sub(ALIGNED)..]
    };
    (head, [end(left), end(right)])
}

/// The most that an alignment comes to, row by row.
fn best(left: &[Name<'_>], right: &[Name<'_>]) -> u64 {
    let mut row = vec![0; right.len() + 1];
    for x in left {
        let mut diagonal = 0;
        for (at, y) in right.iter().enumerate() {
            let alike = alike(x, y);
            let joined = diagonal + alike * (x.weight + y.weight);
            diagonal = row[at + 1];
            row[at + 1] = joined.max(row[at]).max(diagonal);
        }
    }
    row[right.len()]
}

/// A name of a path; what is rarely asked for is made when it is.
struct Name<'a> {
    text: &'a [u8],
    weight: u64,
    has_digit: bool,
    has_dot: bool,
    masked: OnceCell<Cow<'a, [u8]>>,
    parts: OnceCell<NameParts<'a>>,
}

impl Name<'_> {
    fn masked(&self) -> &[u8] {
        self.masked.get_or_init(|| mask(self.text))
    }

    fn parts(&self) -> &NameParts<'_> {
        self.parts.get_or_init(|| parts(self.text))
    }
}

/// The names of a path with their weights; the root has none.
fn names(path: &[u8]) -> Vec<Name<'_>> {
    if path.is_empty() {
        return Vec::new();
    }
    let depth = path.split(|byte| *byte == b'/').count();
    let names = path.split(|byte| *byte == b'/').enumerate();
    names
        .map(|(at, text)| Name {
            text,
            weight: (LAST / (depth - at) as u64).max(1),
            has_digit: text.iter().any(u8::is_ascii_digit),
            has_dot: text.contains(&b'.'),
            masked: OnceCell::new(),
            parts: OnceCell::new(),
        })
        .collect()
}

/// How alike two names are, in tenths.
fn alike(x: &Name<'_>, y: &Name<'_>) -> u64 {
    if x.text == y.text {
        return SAME;
    }
    let both_digits = x.has_digit && y.has_digit;
    let begin_alike = x.text.first() == y.text.first();
    // All but the extension, and versions at the beginning, needs the same beginning.
    if !(begin_alike || both_digits || (x.has_dot && y.has_dot)) {
        return 0;
    }
    if (x.has_digit || y.has_digit) && x.masked() == y.masked() {
        return VERSION;
    }
    if both_digits && without_numbers(x.text).eq(without_numbers(y.text)) {
        return NUMBERS;
    }
    let same_stem = begin_alike && !x.parts().stem.is_empty() && x.parts().stem == y.parts().stem;
    let same_extension = x.has_dot
        && y.has_dot
        && !x.parts().extension.is_empty()
        && x.parts().extension == y.parts().extension;
    match (same_stem, same_extension) {
        (true, true) => STEM_AND_EXTENSION,
        (true, false) => STEM,
        (false, true) => EXTENSION,
        (false, false) => 0,
    }
}

/// A name with one `0` in the place of each of its numbers.
pub(super) fn without_numbers(name: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut in_number = false;
    name.iter().filter_map(move |byte| {
        let was_in_number = std::mem::replace(&mut in_number, byte.is_ascii_digit());
        match (in_number, was_in_number) {
            (true, true) => None,
            (true, false) => Some(b'0'),
            (false, _) => Some(*byte),
        }
    })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "equal paths give exactly 1, and both orders the same bits")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path() -> impl Strategy<Value = String> {
        let name = prop_oneof![
            "[a-c]{1,2}",
            "lib[ab]\\.so\\.[12](\\.[0-9])?",
            "python3\\.[0-9]{1,2}",
            "[ab]\\.(md|txt)",
            "[ab][0-9]",
        ];
        proptest::collection::vec(name, 0..6).prop_map(|names| names.join("/"))
    }

    /// All alignments, tried one by one.
    fn naive(left: &[Name<'_>], right: &[Name<'_>]) -> u64 {
        let ([x, left_rest @ ..], [y, right_rest @ ..]) = (left, right) else { return 0 };
        let joined = alike(x, y) * (x.weight + y.weight) + naive(left_rest, right_rest);
        joined.max(naive(left_rest, right)).max(naive(left, right_rest))
    }

    #[test]
    fn what_speaks_for_two_paths() {
        let order = [
            ("usr/lib/python3.9/abc.py", "usr/lib/python3.9/abc.py"),
            ("usr/lib/python3.9/abc.py", "usr/lib/python3.11/abc.py"),
            ("usr/lib/python3.9/abc.py", "opt/conda/lib/python3.9/abc.py"),
            ("usr/lib/python3.9/abc.py", "usr/lib/python3.9/abc.pyc"),
            ("usr/lib/python3.9/abc.py", "srv/x/y/abc.py"),
            ("usr/lib/python3.9/abc.py", "srv/x/y/other.py"),
            ("usr/lib/python3.9/abc.py", "srv/x/y/other"),
        ];
        let values = order.map(|(a, b)| similarity(a.as_bytes(), b.as_bytes()));
        assert!(values.is_sorted_by(|a, b| a > b), "{values:?}");
        assert_eq!((values[0], values[6]), (1.0, 0.0));
    }

    #[test]
    fn the_root_is_like_itself_only() {
        assert_eq!(similarity(b"", b""), 1.0);
        assert_eq!(similarity(b"", b"a"), 0.0);
    }

    #[test]
    fn deep_paths_are_no_trouble_and_never_1_if_they_differ() {
        let deep = |last: &str| [vec!["a.1"; 1023], vec![last]].concat().join("/");
        let (one, other) = (deep("x"), deep("y"));
        assert_eq!(similarity(one.as_bytes(), one.as_bytes()), 1.0);
        let value = similarity(one.as_bytes(), other.as_bytes());
        assert!(value > 0.8 && value < 1.0, "{value}");
        // Of the end 64 names are aligned, with what both begin with or without.
        let moved = format!("b/{one}");
        assert!(similarity(one.as_bytes(), moved.as_bytes()) > 0.5);
    }

    proptest! {
        #[test]
        fn laws(a in path(), b in path()) {
            let value = similarity(a.as_bytes(), b.as_bytes());
            prop_assert!((0.0..=1.0).contains(&value));
            prop_assert_eq!(value, similarity(b.as_bytes(), a.as_bytes()));
            prop_assert_eq!(value == 1.0, a == b);
        }

        #[test]
        fn no_alignment_is_better(a in path(), b in path()) {
            let (left, right) = (names(a.as_bytes()), names(b.as_bytes()));
            prop_assert_eq!(best(&left, &right), naive(&left, &right));
        }

        #[test]
        fn bytes_keep_the_laws(a in proptest::collection::vec(any::<u8>(), 0..40), b in proptest::collection::vec(any::<u8>(), 0..40)) {
            let value = similarity(&a, &b);
            prop_assert!((0.0..=1.0).contains(&value));
            prop_assert_eq!(value, similarity(&b, &a));
            prop_assert_eq!(value == 1.0, a == b);
        }
    }
}
