//! Which of two versions is the newer one, as the package manager of each kind tells it.
//!
//! Every order is a total preorder over all texts, also those that its package manager would refuse:
//! each version is cut into tokens, and tokens are compared one by one.

mod apk;
mod maven;
mod pypi;
mod rpm;

use std::cmp::Ordering;

/// Compares two versions of packages of a kind (the type of their purl).
///
/// * `deb`, `opkg`: Debian Policy 5.6.12, as `dpkg --compare-versions`: epochs, revisions, `~` before all.
/// * `rpm`: epoch, version and release by rpm's rules, with `~` and `^`; what is missing comes first.
/// * `alpm`: the same, as pacman's `vercmp` does where it differs.
/// * `apk`: the rules of apk-tools 2: `_alpha` to `_rc` before a release, `_p` and `-r` behind it.
/// * `pypi`: PEP 440; what is no such version comes before all that are.
/// * `maven`: the "Version Order Specification" of Maven's POM reference: `2.0-SNAPSHOT` and `2.0.0.CR1` come before `2`,
///   which is `2.0.0` and `2.0.Final`.
/// * `npm`, `cargo`, `golang`, `nuget`, `hex`, `pub`, `swift`: Semantic Versioning 2.0.0, clause 11, with
///   any count of numbers (missing ones are zero), and a `v` before them or not; in `nuget` case does not count.
/// * `gem`: the rules of `RubyGems`: parts with letters come before the release.
/// * all others: numbers by value and words bytewise in lower case; words such as `alpha`, `beta` and
///   `rc` come before the release, and other words behind it.
///
/// `Equal` are versions that mean the same to their kind, such as `1.0` and `1.00` of Debian; where texts
/// have to be told apart, compare them too. O(length).
///
/// ```
/// use std::cmp::Ordering;
/// # use oskin::software::version::compare;
/// assert_eq!(compare("deb", "1.0~rc1-1", "1.0-1"), Ordering::Less);
/// assert_eq!(compare("deb", "1:0.1", "2.0"), Ordering::Greater);
/// assert_eq!(compare("npm", "1.10.0", "1.9.0"), Ordering::Greater);
/// ```
pub fn compare(kind: &str, a: &str, b: &str) -> Ordering {
    match kind {
        "deb" | "opkg" => deb(a, b),
        "rpm" => rpm::compare(a, b),
        "alpm" => rpm::compare_alpm(a, b),
        "apk" => apk::compare(a, b),
        "pypi" => pypi::compare(a, b),
        "maven" => maven::compare(a, b),
        "npm" | "cargo" | "golang" | "hex" | "pub" | "swift" => semver(a, b),
        // `NuGetVersion`: four numbers at most, labels without case.
        "nuget" => semver(&a.to_lowercase(), &b.to_lowercase()),
        "gem" => gem(a, b),
        _ => natural(a, b),
    }
}

/// A number of any length: without leading zeros, so that the longer one is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Number<'a> {
    length: usize,
    digits: &'a [u8],
}

impl<'a> Number<'a> {
    /// The value of some digits; none are zero.
    fn new(digits: &'a [u8]) -> Self {
        let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
        let digits = digits.get(zeros..).unwrap_or_default();
        Self { length: digits.len(), digits }
    }
}

/// Cuts off the bytes at the beginning that are alike.
fn take_while<'a>(rest: &mut &'a [u8], is_alike: impl Fn(&u8) -> bool) -> &'a [u8] {
    let end = rest.iter().position(|byte| !is_alike(byte)).unwrap_or(rest.len());
    let (taken, after) = rest.split_at_checked(end).unwrap_or_default();
    *rest = after;
    taken
}

/// Cuts `epoch:version-release` apart; an epoch is digits, and zero where there is none.
fn epoch_version_release(version: &str) -> (Number<'_>, &str, &str) {
    let is_epoch = |(epoch, _): &(&str, &str)| epoch.bytes().all(|byte| byte.is_ascii_digit());
    let (epoch, rest) = version.split_once(':').filter(is_epoch).unwrap_or(("", version));
    let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (Number::new(epoch.as_bytes()), version, release)
}

/// The order of what differs first.
fn first_difference(mut orders: impl Iterator<Item = Ordering>) -> Ordering {
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn deb(a: &str, b: &str) -> Ordering {
    let [a, b] = [a, b].map(|version| epoch_version_release(version.trim()));
    a.0.cmp(&b.0).then_with(|| deb_part(a.1, b.1)).then_with(|| deb_part(a.2, b.2))
}

/// Debian Policy 5.6.12: what is no digits, then a number, and so on.
fn deb_part(a: &str, b: &str) -> Ordering {
    // A tilde comes before the end, letters before all else.
    let rank = |byte: Option<&u8>| match byte {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let words = [&mut a, &mut b].map(|rest| take_while(rest, |byte| !byte.is_ascii_digit()));
        let numbers = [&mut a, &mut b].map(|rest| take_while(rest, u8::is_ascii_digit));
        let [first, second] = words;
        let longest = first.len().max(second.len());
        let words = (0..longest).map(|at| rank(first.get(at)).cmp(&rank(second.get(at))));
        let order = first_difference(words)
            .then_with(|| Number::new(numbers[0]).cmp(&Number::new(numbers[1])));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// A part between dots: numbers come before words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier<'a> {
    Number(Number<'a>),
    Word(&'a [u8]),
}

impl<'a> Identifier<'a> {
    fn new(text: &'a str) -> Self {
        let text = text.as_bytes();
        match text.iter().all(u8::is_ascii_digit) {
            true => Self::Number(Number::new(text)),
            false => Self::Word(text),
        }
    }
}

fn semver(a: &str, b: &str) -> Ordering {
    let [a, b] = [a, b].map(|version| {
        let version = version.trim().trim_start_matches(['v', 'V', '=']);
        let (version, _build) = version.split_once('+').unwrap_or((version, ""));
        let (core, pre) = version.split_once('-').unwrap_or((version, ""));
        let mut core: Vec<Identifier<'_>> = core.split('.').map(Identifier::new).collect();
        while core.last() == Some(&Identifier::Number(Number::default())) {
            core.pop();
        }
        let pre: Vec<Identifier<'_>> = pre.split('.').map(Identifier::new).collect();
        // No text at all is one empty part, which reads as the number zero: that is the release.
        let is_release = !version.contains('-');
        (core, is_release, pre)
    });
    a.cmp(&b)
}

/// A part of a gem's version; what is missing is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum GemPart<'a> {
    Word(&'a [u8]),
    Number(Number<'a>),
}

fn gem(a: &str, b: &str) -> Ordering {
    let [a, b] = [a, b].map(gem_parts);
    let zero = GemPart::Number(Number::default());
    let order = |at| a.get(at).unwrap_or(&zero).cmp(b.get(at).unwrap_or(&zero));
    first_difference((0..a.len().max(b.len())).map(order))
}

/// Numbers and words, without zeros at the end and before the first word.
fn gem_parts(version: &str) -> Vec<GemPart<'_>> {
    let zero = GemPart::Number(Number::default());
    let mut rest = version.as_bytes();
    let mut parts = Vec::new();
    let mut has_words = false;
    let drop_zeros = |parts: &mut Vec<GemPart<'_>>| {
        while parts.last() == Some(&zero) {
            parts.pop();
        }
    };
    while let Some(byte) = rest.first() {
        if byte.is_ascii_digit() {
            parts.push(GemPart::Number(Number::new(take_while(&mut rest, u8::is_ascii_digit))));
        } else if byte.is_ascii_alphabetic() || *byte == b'-' {
            // Zeros before the first word mean nothing: 1.0.a is 1.a.
            if !has_words {
                drop_zeros(&mut parts);
            }
            has_words = true;
            let word = take_while(&mut rest, u8::is_ascii_alphabetic);
            if word.is_empty() {
                rest = rest.get(1..).unwrap_or_default();
            }
            // RubyGems reads a dash as `.pre.`.
            parts.push(GemPart::Word(if word.is_empty() { b"pre" } else { word }));
        } else {
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    drop_zeros(&mut parts);
    parts
}

/// Words that stand before a release, the earliest first.
const EARLY: [&str; 10] =
    ["dev", "snapshot", "alpha", "beta", "milestone", "pre", "preview", "cr", "rc", "candidate"];

/// A token of a version of which nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Token<'a> {
    Early(usize),
    End,
    Word(&'a [u8]),
    Number(Number<'a>),
}

fn natural(a: &str, b: &str) -> Ordering {
    let [a, b] = [a, b].map(str::to_ascii_lowercase);
    tokens(&a).cmp(&tokens(&b))
}

fn tokens(version: &str) -> Vec<Token<'_>> {
    let is_number = |text: &&str| text.starts_with(|first: char| first.is_ascii_digit());
    let version = version.strip_prefix('v').filter(is_number).unwrap_or(version);
    let mut rest = version.as_bytes();
    let mut tokens = Vec::new();
    // Bytes of other scripts are letters, so that no text is lost.
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
    while let Some(byte) = rest.first() {
        if byte.is_ascii_digit() {
            tokens.push(Token::Number(Number::new(take_while(&mut rest, u8::is_ascii_digit))));
        } else if is_letter(byte) {
            let word = take_while(&mut rest, is_letter);
            let early = EARLY.iter().position(|early| early.as_bytes() == word);
            tokens.push(early.map_or(Token::Word(word), Token::Early));
        } else {
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    tokens.push(Token::End);
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS: [&str; 10] =
        ["deb", "rpm", "alpm", "apk", "pypi", "maven", "npm", "nuget", "gem", "generic"];

    /// Versions of each kind from the oldest to the newest, those that mean the same in one group.
    /// They follow from the rules; the programs of each kind were asked too.
    const LADDERS: [(&str, &[&[&str]]); 11] = [
        (
            "deb",
            &[
                &["~~"],
                &["~~a"],
                &["~"],
                &["", "0", "0-0", "0:0", "00"],
                &["0a"],
                &["1.0~rc1-1"],
                &["1.0", "1.0-0", "1.00", "01.0"],
                &["1.0-1~bpo9+1"],
                &["1.0-1", "1.0-01"],
                &["1.0-1ubuntu1~18.04.1"],
                &["1.0-1ubuntu1"],
                &["1.0-1+b1"],
                &["1.0-1.1"],
                &["1.0a-1"],
                &["1.0+dfsg-1"],
                &["1.0.1-1"],
                &["1.9"],
                &["1.10"],
                &["1.10-1-1"],
                &["99999999999999999999999999"],
                &["100000000000000000000000000"],
                &["1:0.1"],
                &["2:0"],
            ],
        ),
        (
            "rpm",
            &[
                &["1.0~~"],
                &["1.0~rc1"],
                &["1.0~rc1^git1"],
                &["1.0~rc2-5"],
                &["1.0", "1.0.", "1..0", "1_0"],
                &["1.0-1.el8"],
                &["1.0-1.el9", "1.0-01.el9"],
                &["1.0-1.el9_2"],
                &["1.0-10.el8"],
                &["1.0^20240101"],
                &["1.0^20240101.1"],
                &["1.0a"],
                &["1.0.1"],
                &["1.9"],
                &["1.10", "1.010"],
                &["1:0.1"],
            ],
        ),
        (
            "alpm",
            &[
                &["1.0a"],
                &["1.0b"],
                &["1.0beta"],
                &["1.0p"],
                &["1.0pre"],
                &["1.0rc"],
                &["1.0"],
                &["1.0-1"],
                &["1.0-2"],
                &["1.0.a"],
                &["1.0.1"],
                &["1:1"],
            ],
        ),
        (
            "apk",
            &[
                &["1.0_alpha"],
                &["1.0_alpha1"],
                &["1.0_beta2"],
                &["1.0_pre1"],
                &["1.0_rc1"],
                &["1.0_rc1-r1"],
                &["1.0"],
                &["1.0-r0"],
                &["1.0-r2"],
                &["1.0-r10"],
                &["1.0_git20240101"],
                &["1.0_p1"],
                &["1.0_p1-r1"],
                &["1.0a"],
                &["1.0.1"],
                &["1.01"],
                &["1.1"],
                &["1.9"],
                &["1.10"],
            ],
        ),
        (
            "pypi",
            &[
                &["not a version 1"],
                &["not a version 2"],
                &["1.0.dev1"],
                &["1.0a1.dev2"],
                &["1.0a1", "1.0.ALPHA-1", "v1a1"],
                &["1.0b2"],
                &["1.0rc1", "1.0c1", "1.0-preview_1"],
                &["1.0", "1", "1.0.0", "0!1.0"],
                &["1.0+abc"],
                &["1.0+5"],
                &["1.0.post1.dev3"],
                &["1.0.post1", "1.0-1", "1.0r1"],
                &["1.0.1"],
                &["1.9"],
                &["1.10"],
                &["2024.1"],
                &["1!0.5"],
            ],
        ),
        (
            "npm",
            &[
                &["1.0.0-alpha"],
                &["1.0.0-alpha.1"],
                &["1.0.0-alpha.beta"],
                &["1.0.0-beta"],
                &["1.0.0-beta.2"],
                &["1.0.0-beta.11"],
                &["1.0.0-rc.1"],
                &["1.0.0", "v1.0.0", "1.0.0+build", "1"],
                &["1.0.1"],
                &["1.9.0"],
                &["1.10.0"],
            ],
        ),
        (
            "nuget",
            &[
                &["1.0.0-alpha", "1.0.0-ALPHA"],
                &["1.0.0-alpha.1", "1-Alpha.1"],
                &["1.0.0-BETA"],
                &["1.0.0-beta.2"],
                &["1.0.0-beta.11"],
                &["1.0.0-RC1", "1.0.0-rc1"],
                &["1.0.0-rc2", "1.0.0.0-RC2+b"],
                &["1", "1.0", "1.0.0", "1.0.0.0", "1.0.0+Build", "01.0"],
                &["1.0.0.1-x"],
                &["1.0.0.1"],
                &["1.0.1"],
                &["1.10.0"],
            ],
        ),
        (
            "maven",
            &[
                &["1.0-alpha", "1-alpha", "1.0.ALPHA", "1.0.0-alpha"],
                &["1.0-alpha-1", "1.0a1", "1-alpha1", "1.0.Alpha1"],
                &["1.0-beta2", "1.0-b2", "1.0.0.Beta2"],
                &["1.0-m3", "1.0.0-M3", "1-milestone-3"],
                &["1.0.0.CR1", "1-rc1", "1.0-RC-1"],
                &["1.0.0.CR2-SNAPSHOT"],
                &["1.0.0.CR2"],
                &["1.0-SNAPSHOT", "1-snapshot"],
                &["1.0.Final-SNAPSHOT"],
                &[
                    "1",
                    "1.0",
                    "1.0.0.0",
                    "1.0.Final",
                    "1-ga",
                    "1.0.0.RELEASE",
                    "1.",
                    "1-",
                    "1.0.0-0.0",
                ],
                &["1.0.0.Final-redhat-1"],
                &["1-ga.1", "1.0-final.1"],
                &["1.0-sp", "1.sp"],
                &["1-sp-1", "1.0.0.SP1"],
                &["1-sp.1"],
                // Alone it does not stand for alpha.
                &["1-a"],
                &["1.0-android"],
                &["1-foo", "1.0.0-foo.0.0"],
                &["1.0-jre"],
                &["1-1", "1.0-1", "1.0.0-ga-1"],
                &["1-1.foo-bar1baz-.1", "1-1.foo-bar-1-baz-0.1"],
                &["1-2"],
                &["1-20240101.120000-1"],
                &["1.0.1-SNAPSHOT"],
                &["1.0.1", "1.0.01", "1.0.1.0"],
                &["1.9"],
                &["1.10"],
                &["2.0.0-M3"],
                &["2"],
            ],
        ),
        (
            "golang",
            &[&["v0.0.0-20200101000000-abcdef"], &["v0.1.0"], &["v2.0.0+incompatible", "v2"]],
        ),
        (
            "gem",
            &[
                &["1.a.0.b"],
                &["1.0.a", "1.a"],
                &["1.0.a1"],
                &["1.0-1", "1.0.pre.1"],
                &["1.0.rc1"],
                &["1.0", "1", "1.0.0"],
                &["1.0.0.1"],
                &["1.9"],
                &["1.10"],
            ],
        ),
        (
            "generic",
            &[
                &["3.9.0-dev"],
                &["3.9.0a", "3.9.0-a"],
                &["3.9.0.1"],
                &["3.10", "v3.10", "3-10"],
                &["3.10.1-beta2"],
                &["3.10.1rc1", "3.10.1-RC1"],
                &["3.10.1"],
                &["2024.1"],
            ],
        ),
    ];

    #[test]
    fn versions_stand_in_the_order_of_their_kind() {
        for (kind, ladder) in LADDERS {
            let steps = || ladder.iter().enumerate();
            for ((i, first), (j, second)) in steps().flat_map(|a| steps().map(move |b| (a, b))) {
                for (a, b) in first.iter().flat_map(|a| second.iter().map(move |b| (a, b))) {
                    assert_eq!(compare(kind, a, b), i.cmp(&j), "{kind}: {a} and {b}");
                }
            }
        }
    }

    fn versions() -> impl Strategy<Value = String> {
        let parts = [
            "0", "1", "2", "10", "01", "00", ".", ".", "-", "~", "^", "_", "+", ":", "!", "a", "b",
            "rc", "r", "p", "alpha", "dev", "post", "_p", "-r", "é", " ", "sp", "GA", "final", "M",
        ];
        proptest::collection::vec(proptest::sample::select(parts.to_vec()), 0..7)
            .prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_order_is_total(versions in proptest::collection::vec(versions(), 3)) {
            let [a, b, c] = [&versions[0], &versions[1], &versions[2]];
            for kind in KINDS {
                let order = |a: &str, b: &str| compare(kind, a, b);
                prop_assert_eq!(order(a, a), Ordering::Equal);
                prop_assert_eq!(order(a, b), order(b, a).reverse(), "{}: {} {}", kind, a, b);
                if order(a, b).is_le() && order(b, c).is_le() {
                    let all = (order(a, b), order(b, c));
                    prop_assert_eq!(order(a, c), all.0.min(all.1), "{}: {} {} {}", kind, a, b, c);
                }
            }
        }

        #[test]
        fn any_text_is_compared(kind in "[a-z]{0,6}", a in ".{0,20}", b in ".{0,20}") {
            for kind in KINDS.iter().copied().chain([kind.as_str()]) {
                prop_assert_eq!(compare(kind, &a, &b), compare(kind, &b, &a).reverse());
            }
        }
    }
}
