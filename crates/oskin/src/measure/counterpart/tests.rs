//! Tests of counterparts: laws on random paths, and cases whose answer is known.
#![expect(clippy::cast_possible_truncation, reason = "the numbers of the tests are small")]

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A path; with a `/` at its end a directory, with `=x` its content.
fn item(text: &str) -> Item<'_> {
    let (path, content) = match text.split_once('=') {
        Some((path, content)) => (path, Some(content.as_bytes())),
        None => (text, None),
    };
    let directory = path.strip_suffix('/');
    let path = directory.unwrap_or(path).as_bytes();
    Item { path, is_directory: directory.is_some(), content }
}

fn items<S: AsRef<str>>(texts: &[S]) -> Vec<Item<'_>> {
    texts.iter().map(|text| item(text.as_ref())).collect()
}

/// Each pair as `left > right: kind`, and each subtree with its counts.
fn told<S: AsRef<str>>(left: &[S], right: &[S], common: &[&str]) -> (Vec<String>, Vec<String>) {
    let (left, right) = (items(left), items(right));
    let common = common.iter().map(|path| path.as_bytes());
    let found = counterparts(&left, &right, common, LEAST_ALIKE);
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    let pair = |pair: &Counterpart| {
        let (l, r) = (left[pair.left as usize].path, right[pair.right as usize].path);
        format!("{} > {}: {}", text(l), text(r), pair.kind.name())
    };
    let subtree = |it: &Subtree<'_>| {
        let counts = format!("{}, {} and {} alone", it.pairs, it.left_only, it.right_only);
        format!("{} > {}: {} {counts}", text(it.left), text(it.right), it.kind.name())
    };
    (found.pairs.iter().map(pair).collect(), found.subtrees.iter().map(subtree).collect())
}

#[test]
fn an_upgrade_is_one_shifted_subtree() {
    let python = |version: &str, bytecode: &str, own: &str| {
        let directory = format!("usr/lib/python{version}");
        let mut paths = vec![
            format!("usr/bin/python{version}"),
            format!("{directory}/"),
            format!("{directory}/lib-dynload/"),
            format!("{directory}/{own}"),
            format!("{directory}/lib-dynload/_bz2.cpython-{bytecode}-x86_64-linux-gnu.so"),
        ];
        for number in 'a'..='z' {
            paths.push(format!("{directory}/{number}.py"));
            paths.push(format!("{directory}/__pycache__/{number}.cpython-{bytecode}.pyc"));
        }
        paths
    };
    let (left, right) = (python("3.9", "39", "old.py"), python("3.11", "311", "new.py"));
    let (pairs, subtrees) = told(&left, &right, &[]);
    assert_eq!(
        subtrees,
        ["usr/lib/python3.9 > usr/lib/python3.11: version-shifted 55, 1 and 1 alone"]
    );
    assert_eq!(pairs.len(), 56);
    assert_eq!(pairs[0], "usr/bin/python3.9 > usr/bin/python3.11: version-shifted");
}

#[test]
fn a_moved_tree_takes_common_names_along() {
    let left = [
        "opt/tool/lib/",
        "opt/tool/lib/__init__.py",
        "opt/tool/lib/rare.py",
        "opt/tool/lib/other.py",
    ];
    let right = [
        "srv/tool/lib/",
        "srv/tool/lib/__init__.py",
        "srv/tool/lib/rare.py",
        "srv/tool/lib/other.py",
    ];
    let (pairs, subtrees) = told(&left, &right, &["opt/x", "srv/x/__init__.py"]);
    assert_eq!(pairs.len(), 4);
    assert_eq!(subtrees, ["opt/tool > srv/tool: moved 4, 0 and 0 alone"]);
}

#[test]
fn a_merged_usr_moves_what_is_in_bin() {
    let (pairs, subtrees) = told(
        &["bin/cat", "bin/ls", "bin/sh", "bin/gone"],
        &["usr/bin/cat", "usr/bin/ls", "usr/bin/sh", "usr/bin/new"],
        &["usr/bin/env"],
    );
    assert_eq!(
        pairs,
        [
            "bin/cat > usr/bin/cat: moved",
            "bin/ls > usr/bin/ls: moved",
            "bin/sh > usr/bin/sh: moved"
        ]
    );
    assert_eq!(subtrees, ["bin > usr/bin: moved 3, 1 and 1 alone"]);
}

#[test]
fn a_package_with_a_number_in_its_name_is_renamed() {
    let of = |number: &str| {
        ["", "copyright", "changelog.gz"].map(|name| format!("usr/share/doc/libicu{number}/{name}"))
    };
    let (pairs, subtrees) = told(&of("67"), &of("72"), &["usr/share/doc/x/copyright"]);
    assert_eq!(
        subtrees,
        ["usr/share/doc/libicu67 > usr/share/doc/libicu72: renamed 3, 0 and 0 alone"]
    );
    assert_eq!(pairs[0], "usr/share/doc/libicu67 > usr/share/doc/libicu72: renamed");
}

#[test]
fn a_common_name_is_no_evidence() {
    let (left, right) = (["usr/share/doc/a/copyright"], ["usr/share/doc/b/copyright"]);
    assert_eq!(told(&left, &right, &["usr/share/doc/c/copyright"]).0.len(), 0);
    // If no other path has it, it is.
    assert_eq!(told(&left, &right, &[]).0.len(), 1);
    // The very content is, whatever the name.
    let (left, right) = (["usr/share/doc/a/copyright=1"], ["usr/share/doc/b/copyright=1"]);
    assert_eq!(told(&left, &right, &["usr/share/doc/c/copyright"]).0.len(), 1);
}

#[test]
fn single_paths() {
    for (left, right, kind) in [
        ("lib/libz.so.1.2.11", "lib/libz.so.1.3", "version-shifted"),
        ("etc/a/tool.conf", "etc/b/tool.conf", "moved"),
        ("etc/tool.conf", "etc/tool.toml", "renamed"),
        ("etc/a/one=x", "srv/b/c/other=x", "moved-and-renamed"),
        ("etc/one=x", "etc/other=x", "renamed"),
        ("etc/php7", "etc/php8", "renamed"),
    ] {
        let (pairs, subtrees) = told(&[left], &[right], &[]);
        let name = |text: &str| text.split('=').next().unwrap().to_owned();
        assert_eq!(pairs, [format!("{} > {}: {kind}", name(left), name(right))]);
        assert_eq!(subtrees.len(), 0);
    }
    for (left, right) in [
        ("etc/a/one", "srv/b/c/other"),
        ("etc/a/one", "srv/b/c/d/e/one"),
        ("etc/one=x", "srv/other=y"),
        ("etc/one", "etc/other"),
        ("etc/tool.d/", "etc/tool.conf"),
        ("lib/a.so.1", "lib/a.so.2/"),
    ] {
        assert_eq!(told(&[left], &[right], &[]).0.len(), 0, "{left} {right}");
    }
}

#[test]
fn several_versions_meet_the_highest_first_and_whole() {
    let (pairs, _) = told(
        &["usr/share/gcc-9", "usr/share/gcc-10", "lib/x.so.1", "lib/x.so.1.2.3"],
        &["usr/share/gcc-12", "lib/x.so.2", "lib/x.so.2.0.0"],
        &[],
    );
    assert_eq!(
        pairs,
        [
            "usr/share/gcc-10 > usr/share/gcc-12: version-shifted",
            "lib/x.so.1 > lib/x.so.2: version-shifted",
            "lib/x.so.1.2.3 > lib/x.so.2.0.0: version-shifted",
        ]
    );
    // What lies below follows: the tree with most in common is the counterpart, not the highest.
    let tree = |version: &str, names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("opt/app-{version}/{name}")).collect()
    };
    let left = [tree("1.0", &["a", "b", "c", "d"]), tree("2.0", &["x"])].concat();
    let (pairs, subtrees) = told(&left, &tree("3.0", &["a", "b", "c"]), &[]);
    assert_eq!(pairs.len(), 3);
    assert_eq!(subtrees, ["opt/app-1.0 > opt/app-3.0: version-shifted 3, 1 and 0 alone"]);
}

#[test]
fn nothing_comes_of_nothing() {
    assert_eq!(told::<&str>(&[], &[], &[]), (vec![], vec![]));
    assert_eq!(told(&["a"], &[], &[]).0.len(), 0);
    assert_eq!(told(&[], &["a"], &[]).0.len(), 0);
}

fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof!["[ab]", "[ab][12]", "[ab]\\.[12]\\.[0-9]", "x\\.(md|txt)", "a-b"];
    let path = proptest::collection::vec(name, 1..4).prop_map(|names| names.join("/"));
    (path, prop_oneof!["", "/", "=[12]"]).prop_map(|(path, behind)| path + &behind)
}

/// Paths of two sides, of which none comes twice.
fn sides() -> impl Strategy<Value = [Vec<String>; 2]> {
    proptest::collection::vec((path(), any::<bool>()), 0..60).prop_map(|paths| {
        let mut seen = BTreeSet::new();
        let mut sides = [Vec::new(), Vec::new()];
        for (path, is_right) in paths {
            let bare = path.trim_end_matches('/').split('=').next().unwrap_or_default().to_owned();
            if seen.insert(bare) {
                sides[usize::from(is_right)].push(path);
            }
        }
        sides
    })
}

proptest! {
    #[test]
    fn pairs_keep_the_laws([left, right] in sides()) {
        let (left, right) = (items(&left), items(&right));
        let found = counterparts(&left, &right, std::iter::empty(), LEAST_ALIKE);
        let lefts: BTreeSet<u32> = found.pairs.iter().map(|it| it.left).collect();
        let rights: BTreeSet<u32> = found.pairs.iter().map(|it| it.right).collect();
        prop_assert_eq!((lefts.len(), rights.len()), (found.pairs.len(), found.pairs.len()));
        for pair in &found.pairs {
            let (l, r) = (left[pair.left as usize], right[pair.right as usize]);
            prop_assert_eq!(pair.kind, Kind::of(l.path, r.path));
            prop_assert!(pair.similarity > 0.0 && pair.similarity < 1.0 || l.content.is_some());
            if let Some(subtree) = pair.subtree {
                let subtree = found.subtrees[subtree as usize];
                for (path, top) in [(l.path, subtree.left), (r.path, subtree.right)] {
                    prop_assert!(path == top || crate::path::is_below(path, top));
                }
            }
        }
        for (at, subtree) in found.subtrees.iter().enumerate() {
            let pairs = found.pairs.iter().filter(|it| it.subtree == Some(at as u32));
            prop_assert_eq!(subtree.pairs, pairs.count() as u64);
            let alone = |items: &[Item<'_>], top: &[u8], paired: &BTreeSet<u32>| {
                let is_alone = |(at, it): &(usize, &Item<'_>)| {
                    let is_in = it.path == top || crate::path::is_below(it.path, top);
                    is_in && !paired.contains(&(*at as u32))
                };
                items.iter().enumerate().filter(is_alone).count() as u64
            };
            prop_assert_eq!(subtree.left_only, alone(&left, subtree.left, &lefts));
            prop_assert_eq!(subtree.right_only, alone(&right, subtree.right, &rights));
        }
        // The order of the paths changes nothing.
        let mut turned = left.clone();
        turned.reverse();
        let again = counterparts(&turned, &right, std::iter::empty(), LEAST_ALIKE);
        prop_assert_eq!(&again.subtrees, &found.subtrees);
        let of = |items: &[Item<'_>], found: &Counterparts<'_>| -> BTreeSet<(Vec<u8>, u32)> {
            found.pairs.iter().map(|it| (items[it.left as usize].path.to_vec(), it.right)).collect()
        };
        prop_assert_eq!(of(&turned, &again), of(&left, &found));
    }

    /// As many of each masked path and kind of entry are version-shifted as both sides have.
    #[test]
    fn no_version_shift_is_missed([left, right] in sides()) {
        let bare = |side: &[String]| -> Vec<String> {
            side.iter().map(|it| it.split('=').next().unwrap().to_owned()).collect()
        };
        let left: Vec<String> = bare(&left);
        let right: Vec<String> = bare(&right);
        let (left, right) = (leaves(&items(&left)), leaves(&items(&right)));
        let found = counterparts(&left, &right, std::iter::empty(), LEAST_ALIKE);
        let shifted = found.pairs.iter().filter(|it| it.kind == Kind::VersionShifted).count();
        let keys = |items: &[Item<'_>]| {
            let mut keys: Vec<_> =
                items.iter().map(|it| (mask_path(it.path).into_owned(), it.is_directory)).collect();
            keys.sort();
            keys
        };
        prop_assert_eq!(shifted, shift::common(&keys(&left), &keys(&right)));
    }
}

/// Those below which there is nothing.
fn leaves<'a>(items: &[Item<'a>]) -> Vec<Item<'a>> {
    let is_leaf =
        |it: &&Item<'_>| !items.iter().any(|other| crate::path::is_below(other.path, it.path));
    items.iter().filter(is_leaf).copied().collect()
}
