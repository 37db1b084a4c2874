//! What a name of a file is made of: stem, version and extension, and names with versions masked.
//!
//! Upgrades rename: `libz.so.1.2.13` becomes `libz.so.1.3`, and all of `lib/python3.9/` moves to
//! `lib/python3.11/`. What stays the same is the name without its version. A *version* here is
//!
//! * two numbers or more with dots between, wherever they stand (`python3.9`, `openssl-3.0.11.jar`),
//!   with what follows them in the way of versions (`1.0.2k`, `2.36-9+deb12u4`, `6.1.0-18`, `1.2rc1`);
//! * one number behind `.so.` or `-`, at the end of the name, at a dot, or at a `-`, `_` or `+`
//!   (`libz.so.1`, `gcc-12`, `cpython-39.pyc`);
//! * one number that is the whole name (`postgresql/15`).
//!
//! A number that is a part of a word is none, so that `sha256sum` and `sha512sum`, `man1` and `man8`,
//! `x86_64` and `i386` stay apart. Neither is one that counts things of which there are several at a
//! time: behind `_` (`utf_16.py`, `Root_CA_2.crt`: of 1,052 such names in 157 real images none was a
//! version), written with zeros in front (`animation-0001.png`), behind the words that charsets, time
//! zones, machines and byte code are numbered by (`ISO8859-1`, `GMT-14`, `x86-64`, `opt-2`), or behind a
//! number that begins the name (`2016-12-14`). What else only looks like a version (`info-1`) is masked.

use std::borrow::Cow;

/// What stands in a masked name where the version was.
pub const MASK: u8 = b'*';

/// A name in its parts; together, with the mask in the place of the version, they are the masked name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameParts<'a> {
    /// What stands before the version, or before the extension where there is none, without the `-`,
    /// `_` or `.` at its end: `libz` of `libz.so.1.2`, `gcc` of `gcc-12`, `README` of `README.md`.
    /// Empty if the name is a version.
    pub stem: &'a [u8],
    /// The first version: `1.2` of `libz.so.1.2`.
    pub version: &'a [u8],
    /// What the name ends with behind its last dot, at most eight letters and digits with a letter
    /// among them: `md` of `README.md`, `gz` of `a.1.gz`, `so` of `libz.so.1.2`. Empty if there is none.
    pub extension: &'a [u8],
}

/// A name in its parts. O(length).
///
/// ```
/// use oskin::name::{NameParts, parts};
///
/// let found = parts(b"libcrypto.so.1.1");
/// assert_eq!(found, NameParts { stem: b"libcrypto", version: b"1.1", extension: b"so" });
/// ```
pub fn parts(name: &[u8]) -> NameParts<'_> {
    let version = versions(name).next().unwrap_or((name.len(), name.len()));
    let before = trimmed(&name[..version.0]);
    let behind = extension(&name[version.1..]);
    // A dot that begins a name hides it and ends nothing.
    let own = extension(before.get(1..).unwrap_or_default());
    // `.so.1`, or there is no version: what stands before it ends with the extension.
    let (stem, extension) = match behind.is_empty() && !own.is_empty() {
        true => (trimmed(&before[..before.len() - own.len()]), own),
        false => (before, behind),
    };
    NameParts { stem, version: &name[version.0..version.1], extension }
}

/// A name with its versions masked; borrows where there is none. O(length).
///
/// ```
/// use oskin::name::mask;
///
/// assert_eq!(mask(b"python3.11").as_ref(), b"python*");
/// assert_eq!(mask(b"sha256sum").as_ref(), b"sha256sum");
/// ```
pub fn mask(name: &[u8]) -> Cow<'_, [u8]> {
    masked(name, versions(name))
}

/// A path with the versions in all its names masked. O(length). Masking twice changes nothing more.
///
/// ```
/// let masked = oskin::name::mask_path(b"usr/lib/python3.9/lib-dynload/_bz2.cpython-39.so");
/// assert_eq!(masked.as_ref(), b"usr/lib/python*/lib-dynload/_bz2.cpython-*.so");
/// ```
pub fn mask_path(path: &[u8]) -> Cow<'_, [u8]> {
    // Most paths have no version, and no path has one without a digit.
    if !path.iter().any(u8::is_ascii_digit) {
        return Cow::Borrowed(path);
    }
    let mut start = 0;
    let found = path
        .split(|byte| *byte == b'/')
        // What is below these is named by hashes, or by terminals that are numbers.
        .scan(false, |is_below, name| {
            let is_over = std::mem::replace(is_below, matches!(name, b".build-id" | b"terminfo"));
            (!is_over).then_some(name)
        })
        .flat_map(|name| {
            let here = start;
            start = here + name.len() + 1;
            versions(name).map(move |(from, to)| (here + from, here + to))
        });
    masked(path, found)
}

/// A text with the mask in these places of it, which ascend.
fn masked(text: &[u8], places: impl Iterator<Item = (usize, usize)>) -> Cow<'_, [u8]> {
    let mut masked: Vec<u8> = Vec::new();
    let mut done = 0;
    for (start, end) in places {
        masked.reserve(text.len());
        masked.extend_from_slice(&text[done..start]);
        masked.push(MASK);
        done = end;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    masked.extend_from_slice(&text[done..]);
    Cow::Owned(masked)
}

/// Where the versions of a name begin and end.
fn versions(name: &[u8]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + name[at..].iter().position(u8::is_ascii_digit)?;
            let end = version_end(name, start);
            at = end.unwrap_or_else(|| digits_end(name, start));
            if let Some(end) = end {
                return Some((start, end));
            }
        }
    })
}

/// Where the version ends that begins at a digit, if one does.
fn version_end(name: &[u8], start: usize) -> Option<usize> {
    let mut end = digits_end(name, start);
    if name[start] == b'0' && end > start + 1 {
        return None;
    }
    let mut numbers = 1;
    while name.get(end) == Some(&b'.') && name.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = digits_end(name, end + 1);
        numbers += 1;
    }
    if numbers > 1 {
        return Some(suffix_end(name, end));
    }
    let (before, behind) = (&name[..start], &name[end..]);
    let is_apart = before.ends_with(b"-") && !is_counted(before) || before.ends_with(b".so.");
    let ends = matches!(behind.first(), None | Some(b'.' | b'-' | b'_' | b'+'));
    let is_whole = before.is_empty() && behind.is_empty();
    ((is_apart && ends) || is_whole).then_some(end)
}

/// Whether the number behind a name tells one thing from another, or goes on with a date or a range.
fn is_counted(before: &[u8]) -> bool {
    // Machines, charsets, time zones, degrees of optimization.
    const WORDS: [&[u8]; 10] =
        [b"x86", b"iso", b"iso8859", b"8859", b"ir", b"utf", b"ucs", b"gmt", b"utc", b"opt"];
    let before = trimmed(before);
    let word = before.rsplit(|byte| !byte.is_ascii_alphanumeric()).next().unwrap_or_default();
    WORDS.iter().any(|it| word.eq_ignore_ascii_case(it))
        || before.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-')
}

/// Where what follows the numbers of a version ends: letters as in `1.0.2k` and `1.2rc1`, and further
/// numbers as in `2.36-9+deb12u4`.
fn suffix_end(name: &[u8], mut end: usize) -> usize {
    loop {
        let is_joined = matches!(name.get(end), Some(b'-' | b'+' | b'~'));
        let letters_start = end + usize::from(is_joined);
        let letters = name[letters_start..].iter().take_while(|it| it.is_ascii_alphabetic());
        let letters_end = letters_start + letters.count();
        let next = digits_end(name, letters_end);
        let word = &name[letters_start..letters_end];
        let is_number = next > letters_end && (word.is_empty() || is_release_word(word));
        // A single letter counts as part of the version only at its end.
        let is_letter = !is_joined
            && word.len() == 1
            && next == letters_end
            && !name.get(next).is_some_and(u8::is_ascii_alphanumeric);
        match () {
            () if is_number && (is_joined || !word.is_empty()) => end = next,
            () if is_letter => return next,
            // `1.8.0_101`, the way of Java.
            () if name.get(end) == Some(&b'_')
                && name.get(end + 1).is_some_and(u8::is_ascii_digit)
                && !name.get(digits_end(name, end + 1)).is_some_and(u8::is_ascii_alphabetic) =>
            {
                end = digits_end(name, end + 1);
            }
            // `18.04.2-1.3`: dots go on inside of what follows.
            () if name.get(end) == Some(&b'.')
                && name.get(end + 1).is_some_and(u8::is_ascii_digit) =>
            {
                end = digits_end(name, end + 1);
            }
            () => return end,
        }
    }
}

/// Words that stand in versions before a number.
fn is_release_word(word: &[u8]) -> bool {
    const WORDS: [&[u8]; 24] = [
        b"a", b"alpha", b"b", b"beta", b"bpo", b"build", b"c", b"deb", b"dev", b"dfsg", b"ds",
        b"el", b"fc", b"git", b"p", b"patch", b"post", b"pre", b"r", b"rc", b"rev", b"svn", b"u",
        b"ubuntu",
    ];
    WORDS.contains(&word)
}

/// Where the digits end that stand at `start`, if any do.
fn digits_end(name: &[u8], start: usize) -> usize {
    start + name[start..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The text without the marks at its end that join a version to it.
fn trimmed(text: &[u8]) -> &[u8] {
    let is_mark = |byte: &u8| matches!(byte, b'-' | b'_' | b'.');
    &text[..text.iter().rposition(|byte| !is_mark(byte)).map_or(0, |last| last + 1)]
}

/// What stands behind the last dot, if it is an extension.
fn extension(text: &[u8]) -> &[u8] {
    let Some(dot) = text.iter().rposition(|byte| *byte == b'.') else { return &[] };
    let ending = &text[dot + 1..];
    let is_ending = (1..=8).contains(&ending.len())
        && ending.iter().all(u8::is_ascii_alphanumeric)
        && ending.iter().any(u8::is_ascii_alphabetic);
    if is_ending { ending } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masked(path: &str) -> String {
        String::from_utf8_lossy(&mask_path(path.as_bytes())).into_owned()
    }

    #[test]
    fn versions_are_masked_and_words_are_not() {
        for (path, expected) in [
            ("usr/lib/libz.so.1.2.13", "usr/lib/libz.so.*"),
            ("usr/lib/libz.so.1", "usr/lib/libz.so.*"),
            ("usr/lib/python3.9/abc.py", "usr/lib/python*/abc.py"),
            ("usr/lib/python3/dist-packages", "usr/lib/python3/dist-packages"),
            ("opt/a.cpython-311.pyc", "opt/a.cpython-*.pyc"),
            ("usr/lib/gcc/x86_64-linux-gnu/12/cc1", "usr/lib/gcc/x86_64-linux-gnu/*/cc1"),
            ("usr/bin/gcc-12", "usr/bin/gcc-*"),
            ("usr/bin/sha256sum", "usr/bin/sha256sum"),
            ("usr/share/man/man8/ld.so.8.gz", "usr/share/man/man8/ld.so.*.gz"),
            ("lib64/ld-linux-x86-64.so.2", "lib64/ld-linux-x86-64.so.*"),
            ("lib/modules/6.1.0-18-amd64/kernel", "lib/modules/*-amd64/kernel"),
            ("opt/foo-2.36-9+deb12u4/x", "opt/foo-*/x"),
            ("opt/openssl-1.0.2k.tar.gz", "opt/openssl-*.tar.gz"),
            ("opt/six-1.16.0.dist-info/METADATA", "opt/six-*.dist-info/METADATA"),
            ("opt/pip-24.0rc1-py3-none-any.whl", "opt/pip-*-py3-none-any.whl"),
            ("boot/vmlinuz-5.14.0-362.el9.x86_64", "boot/vmlinuz-*.el9.x86_64"),
            ("etc/rc0.d/K01x", "etc/rc0.d/K01x"),
            ("dev/tty63", "dev/tty63"),
            ("usr/share/zoneinfo/Etc/GMT-14", "usr/share/zoneinfo/Etc/GMT-14"),
            ("usr/lib/gconv/ISO8859-15.so", "usr/lib/gconv/ISO8859-15.so"),
            ("usr/share/i18n/charmaps/ISO-8859-15.gz", "usr/share/i18n/charmaps/ISO-8859-15.gz"),
            ("usr/lib/gconv/ISO-IR-197.so", "usr/lib/gconv/ISO-IR-197.so"),
            ("opt/utf_16_be.cpython-39.opt-2.pyc", "opt/utf_16_be.cpython-*.opt-2.pyc"),
            ("usr/share/perl/5.36/unicore/In/6_0.pl", "usr/share/perl/*/unicore/In/6_0.pl"),
            ("usr/share/animation-0001.png", "usr/share/animation-0001.png"),
            ("usr/share/consolefonts/iso01.08.gz", "usr/share/consolefonts/iso01.08.gz"),
            ("var/lib/yum/history/2016-12-14", "var/lib/yum/history/2016-12-14"),
            ("opt/jdk-1.8.0_101/bin", "opt/jdk-*/bin"),
            ("opt/a-1.2_64bit", "opt/a-*_64bit"),
            ("usr/lib/.build-id/12/3", "usr/lib/.build-id/12/3"),
            ("a-1/terminfo/1/aaa-18", "a-*/terminfo/1/aaa-18"),
            ("var/lib/postgresql/15/main", "var/lib/postgresql/*/main"),
            ("usr/share/gcc-12/python", "usr/share/gcc-*/python"),
        ] {
            assert_eq!(masked(path), expected, "{path}");
        }
    }

    #[test]
    fn names_come_apart() {
        let told = |name: &str| {
            let NameParts { stem, version, extension } = parts(name.as_bytes());
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            [text(stem), text(version), text(extension)]
        };
        assert_eq!(told("libz.so.1.2.13"), ["libz", "1.2.13", "so"]);
        assert_eq!(told("README.md"), ["README", "", "md"]);
        assert_eq!(told("python3.9"), ["python", "3.9", ""]);
        assert_eq!(told("gcc-12"), ["gcc", "12", ""]);
        assert_eq!(told("spring-core-5.3.9.jar"), ["spring-core", "5.3.9", "jar"]);
        assert_eq!(told("15"), ["", "15", ""]);
        assert_eq!(told(".bashrc"), [".bashrc", "", ""]);
        assert_eq!(told("a.cpython-39.pyc"), ["a.cpython", "39", "pyc"]);
        assert_eq!(told("Makefile"), ["Makefile", "", ""]);
        assert_eq!(told(""), ["", "", ""]);
    }

    proptest! {
        #[test]
        fn masking_twice_changes_nothing_more(path in "[a-z0-9./_+~-]{0,40}") {
            let once = mask_path(path.as_bytes()).into_owned();
            prop_assert_eq!(mask_path(&once).into_owned(), once);
        }

        #[test]
        fn so_with_all_that_decides(words in proptest::collection::vec(
            proptest::sample::select(vec![
                "1", "20", "01", "2.3", ".so.", "-", "_", ".", "+", "/", "x", "rc", "utf", "ISO8859",
                "terminfo/", ".build-id/",
            ]), 0..12)
        ) {
            let path = words.concat();
            let once = mask_path(path.as_bytes()).into_owned();
            prop_assert_eq!(mask_path(&once).into_owned(), once);
        }

        #[test]
        fn parts_lie_in_the_name(name in proptest::collection::vec(any::<u8>(), 0..30)) {
            let found = parts(&name);
            let holds = |part: &[u8]| part.is_empty() || name.windows(part.len()).any(|it| it == part);
            prop_assert!(holds(found.stem) && holds(found.version) && holds(found.extension));
            prop_assert!(mask(&name).len() <= name.len());
        }
    }
}
