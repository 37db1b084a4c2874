//! Tests of tags as a whole, on small lists made by hand.

use super::*;
use proptest::prelude::*;

/// Paths of which the catalog says nothing.
fn added(paths: &[&'static str]) -> Vec<Added<'static>> {
    paths.iter().map(|path| Added { path: path.as_bytes(), images: None }).collect()
}

fn of(paths: &[&'static str]) -> Vec<Tag> {
    let added = added(paths);
    tags(&Input { added: &added, ..Input::default() }, Table::built_in())
}

fn names(tags: &[Tag]) -> Vec<&str> {
    tags.iter().map(|tag| tag.name.as_str()).collect()
}

fn find<'t>(tags: &'t [Tag], name: &str) -> &'t Tag {
    tags.iter().find(|tag| tag.name == name).unwrap()
}

const NGINX: [&str; 14] = [
    "etc/init.d/nginx",
    "etc/nginx/nginx.conf",
    "usr/lib/x86_64-linux-gnu/libgd.so.3.0.0",
    "usr/lib/x86_64-linux-gnu/libxslt.so.1.1.28",
    "usr/sbin/nginx",
    "usr/share/doc/libxslt1.1/copyright",
    "usr/share/nginx/html/index.html",
    "usr/share/perl/5.20.2/perl5db.pl",
    "var/cache/nginx",
    "var/lib/dpkg/info/libgd3:amd64.list",
    "var/lib/dpkg/info/libxslt1.1:amd64.list",
    "var/lib/dpkg/info/nginx-module-geoip.list",
    "var/lib/dpkg/info/nginx.list",
    "var/log/nginx",
];

#[test]
fn what_leaves_traces_in_many_places_comes_first_and_libraries_last() {
    let tags = of(&NGINX);
    assert_eq!(names(&tags), ["nginx", "perl", "gd", "xslt"]);
    assert_eq!(names(standing_out(&tags)), ["nginx", "perl"]);
    let nginx = find(&tags, "nginx");
    assert_eq!(nginx.evidence.len(), 8);
    assert!(nginx.evidence.contains(&Evidence::Path(b"usr/sbin/nginx".to_vec())));
    assert_eq!(nginx.version, None, "no path tells it");
    assert_eq!(find(&tags, "perl").version.as_deref(), Some("5.20.2"));
}

#[test]
fn names_of_one_family_are_one_tag() {
    let tags = of(&[
        "usr/local/bin/idle3.6",
        "usr/local/bin/pip3.6",
        "usr/local/bin/python3.6",
        "usr/local/bin/python3.6-config",
        "usr/local/bin/python3.6m",
        "usr/local/lib/libpython3.6m.so.1.0",
        "usr/local/lib/python3.6/os.py",
        "usr/local/lib/python3.6/site-packages/pip-9.0.1.dist-info/METADATA",
        "usr/local/lib/python3.6/site-packages/pip/__init__.py",
    ]);
    assert_eq!(names(&tags), ["python", "pip"]);
    assert_eq!(find(&tags, "python").version.as_deref(), Some("3.6"));
    assert_eq!(find(&tags, "pip").version.as_deref(), Some("9.0.1"));
}

#[test]
fn software_that_no_table_knows_is_told_by_its_own_name() {
    let tags = of(&[
        "etc/frobnicator/frob.conf",
        "usr/bin/frobnicator-cli",
        "usr/lib/frobnicator2/x",
        "usr/sbin/frobnicator-server",
        "usr/share/doc/frobnicator/copyright",
        "usr/lib/libother.so.1",
    ]);
    assert_eq!(names(&tags), ["frobnicator", "other"]);
    let tags = of(&["opt/frobnicator-1.4.2/bin/frob", "opt/frobnicator-1.4.2/lib/a.jar"]);
    assert_eq!(
        tags.first().map(|it| (it.name.as_str(), it.version.as_deref())),
        Some(("frobnicator", Some("1.4.2")))
    );
}

#[test]
fn programs_in_the_root_and_sites_are_found() {
    assert_eq!(
        names(&of(&["frobd", "frobd.conf", "etc/ssl/certs/ca-certificates.crt"])),
        ["frobd"]
    );
    let site = of(&["usr/src/frob/index.php", "usr/src/frob/lib/a.php", "usr/bin/wget"]);
    assert_eq!(names(&site), ["frob", "wget"]);
}

#[test]
fn what_few_images_have_comes_before_what_many_have() {
    let with = |first: u32, second: u32| {
        let added = [
            Added { path: b"etc/aaaa/x".as_slice(), images: Some(first) },
            Added { path: b"etc/bbbb/x".as_slice(), images: Some(second) },
        ];
        let input = Input { added: &added, images_in_catalog: 100, ..Input::default() };
        names(&tags(&input, Table::built_in())).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(with(1, 50), ["aaaa", "bbbb"]);
    assert_eq!(with(50, 1), ["bbbb", "aaaa"]);
}

#[test]
fn what_the_base_has_in_another_version_is_no_news() {
    let added = added(&["usr/lib/frob-2.1/x", "usr/lib/other/x"]);
    let base: [&[u8]; 1] = [b"usr/lib/frob-2.0/x"];
    let input = Input { added: &added, base: &base, ..Input::default() };
    assert_eq!(names(&tags(&input, Table::built_in())), ["other", "frob"]);
    let input = Input { base: &[], ..input };
    assert_eq!(names(&tags(&input, Table::built_in())), ["frob", "other"]);
}

#[test]
fn what_the_image_declares_counts_unless_its_base_declares_it() {
    let base = Declared {
        env: vec!["PYTHON_VERSION=3.6.0".to_owned()],
        cmd: vec!["python3".to_owned()],
        ..Declared::default()
    };
    let declared = Declared {
        env: vec!["PYTHON_VERSION=3.6.0".to_owned(), "NGINX_VERSION=1.11.8".to_owned()],
        entrypoint: vec!["docker-entrypoint.sh".to_owned()],
        cmd: vec!["nginx".to_owned(), "-g".to_owned(), "daemon off;".to_owned()],
        exposed_ports: vec!["80/tcp".to_owned(), "443/tcp".to_owned()],
        ..Declared::default()
    };
    let added = added(&["usr/sbin/nginx"]);
    let input = Input {
        added: &added,
        declared: Some(&declared),
        base_declared: Some(&base),
        ..Input::default()
    };
    let all = tags(&input, Table::built_in());
    assert_eq!(names(&all), ["nginx"]);
    let nginx = find(&all, "nginx");
    assert_eq!(nginx.version.as_deref(), Some("1.11.8"));
    assert!(nginx.evidence.contains(&Evidence::Started("nginx -g daemon off;".to_owned())));
    assert!(nginx.evidence.contains(&Evidence::Environment("NGINX_VERSION=1.11.8".to_owned())));
    assert!(nginx.evidence.contains(&Evidence::Port("80/tcp".to_owned())));
    let input = Input { base_declared: None, ..input };
    assert_eq!(names(&tags(&input, Table::built_in())), ["nginx", "python"]);
}

#[test]
fn what_an_interpreter_runs_is_told() {
    let declared = Declared {
        cmd: ["java", "-jar", "/frob-1.2.jar"].map(str::to_owned).to_vec(),
        ..Declared::default()
    };
    let input = Input { declared: Some(&declared), ..Input::default() };
    assert_eq!(names(&tags(&input, Table::built_in())), ["frob", "openjdk"]);
}

#[test]
fn packages_that_somebody_asked_for_come_before_what_they_need() {
    let package = |name: &str, version: &str, asked_for, depends: &[&str]| FoundPackage {
        package: Package { kind: "deb".to_owned(), ..Package::generic("", name, version) },
        asked_for,
        depends: depends.iter().map(|it| (*it).to_owned()).collect(),
        ..FoundPackage::default()
    };
    let packages = [
        package("aaaa", "1:2.0-3", None, &[]),
        package("bbbb", "1.4-1", None, &["aaaa"]),
        package("cccc", "3", Some(true), &[]),
    ];
    let input = Input { packages: &packages, ..Input::default() };
    let all = tags(&input, Table::built_in());
    assert_eq!(names(&all), ["cccc", "bbbb", "aaaa"]);
    assert_eq!(find(&all, "aaaa").version.as_deref(), Some("2.0"));
    assert_eq!(find(&all, "bbbb").evidence, [Evidence::Package("pkg:deb/bbbb@1.4-1".to_owned())]);
}

fn package(name: &str, depends: &[&str]) -> FoundPackage {
    FoundPackage {
        package: Package { kind: "deb".to_owned(), ..Package::generic("", name, "1-1") },
        depends: depends.iter().map(|it| (*it).to_owned()).collect(),
        ..FoundPackage::default()
    }
}

#[test]
fn what_comes_along_stays_behind_whatever_it_leaves() {
    let added = added(&[
        "etc/aaaa/x",
        "usr/bin/aaaa",
        "usr/bin/bbbb",
        "usr/share/aaaa/x",
        "usr/share/bbbb/x",
        "var/lib/dpkg/info/aaaa.list",
        "var/lib/dpkg/info/bbbb.list",
    ]);
    let with = |packages: &[FoundPackage]| {
        let input = Input { added: &added, packages, ..Input::default() };
        let all = tags(&input, Table::built_in());
        names(&all).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(with(&[]), ["aaaa", "bbbb"]);
    assert_eq!(with(&[package("aaaa", &[]), package("bbbb", &["aaaa"])]), ["bbbb", "aaaa"]);
    let modules = [package("aaaa", &[]), package("aaaa-module", &["aaaa"]), package("bbbb", &[])];
    assert_eq!(with(&modules), ["aaaa", "bbbb"]);
}

#[test]
fn the_content_of_files_tells_versions_best() {
    let added = added(&["bin/busybox", "bin/ls", "bin/cat", "bin/vi"]);
    let found = [FoundProgram {
        program: "busybox".to_owned(),
        version: "1.26.1".to_owned(),
        path: b"bin/busybox".to_vec(),
    }];
    let input = Input { added: &added, found: &found, ..Input::default() };
    let all = tags(&input, Table::built_in());
    assert_eq!(
        all.first().map(|it| (it.name.as_str(), it.version.as_deref())),
        Some(("busybox", Some("1.26.1")))
    );
    assert!(names(&all).iter().all(|it| !matches!(*it, "ls" | "cat")), "{all:?}");
}

#[test]
fn versions_are_those_of_the_packages_that_own_the_programs() {
    let added =
        added(&["usr/lib/go-1.19/bin/go", "usr/bin/go", "usr/share/doc/golang-go/copyright"]);
    let owning = |name: &str, version: &str, file: &str, depends: &[&str]| {
        let mut found = package(name, depends);
        found.package.version = version.to_owned();
        found.files = vec![file.as_bytes().to_vec()];
        found
    };
    let packages = [
        owning("golang-go", "2:1.19~1", "usr/bin/go", &["golang-1.19-go"]),
        owning("golang-1.19-go", "1.19.8-2", "usr/lib/go-1.19/bin/go", &[]),
    ];
    let input = Input { added: &added, packages: &packages, ..Input::default() };
    let all = tags(&input, Table::built_in());
    assert_eq!(find(&all, "go").version.as_deref(), Some("1.19.8"));
}

#[test]
fn what_packages_only_prepare_for_weighs_little_where_packages_are_known() {
    let paths = ["etc/lighttpd/conf-available/90-javascript-alias.conf", "usr/share/frob/a"];
    let weight = |packages: &[FoundPackage], base: &[&[u8]], more: &[&'static str]| {
        let added = added(&[&paths[..], more].concat());
        let input = Input { added: &added, base, packages, ..Input::default() };
        find(&tags(&input, Table::built_in()), "lighttpd").weight
    };
    let frob = [package("frob", &[])];
    let strength =
        |packages: &[FoundPackage], base: &[&[u8]]| rank::strength(weight(packages, base, &[]));
    let plain = strength(&[], &[]);
    assert!((strength(&frob, &[]) - plain * 0.15).abs() < 1e-9);
    // The base has it; it is started; its program is there.
    let in_base: [&[u8]; 1] = [b"var/lib/dpkg/info/lighttpd.list"];
    assert!(strength(&frob, &in_base) > plain * 0.9);
    assert!(weight(&frob, &[], &["usr/sbin/lighttpd"]) > weight(&[], &[], &[]));
}

#[test]
fn without_a_base_the_system_is_among_the_first() {
    let paths = ["etc/alpine-release", "bin/busybox", "etc/apk/world", "lib/apk/db", "sbin/apk"];
    assert_eq!(names(&of(&paths)).get(..2), Some(["apk", "alpine"].as_slice()));
}

#[test]
fn packages_of_languages_are_not_the_servers_they_are_called_after() {
    let tags =
        of(&["usr/local/bin/python3.6", "usr/local/lib/python3.6/site-packages/redis/client.py"]);
    assert_eq!(names(&tags), ["python"]);
}

#[test]
fn nothing_added_gives_no_tags() {
    assert_eq!(of(&[]), []);
    assert_eq!(standing_out(&[]), []);
    assert_eq!(of(&["usr/share/doc", "etc", ""]), []);
}

/// Pieces of which paths are made that mean something.
fn path() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![
        "(usr|etc|var|lib|bin|opt|local|share|site-packages|python3.6|nginx|x-1.2|libx.so.1|a|.b)",
        "[a-z0-9.-]{0,6}",
    ];
    let bytes = proptest::collection::vec(any::<u8>(), 0..30);
    prop_oneof![
        4 => proptest::collection::vec(name, 1..7).prop_map(|names| names.join("/").into_bytes()),
        1 => bytes,
    ]
}

proptest! {
    #[test]
    fn any_paths_have_tags_and_their_order_changes_nothing(
        paths in proptest::collection::vec((path(), proptest::option::of(0_u32..9)), 0..30),
        base in proptest::collection::vec(path(), 0..10),
        turn in 0_usize..30,
    ) {
        let mut added: Vec<Added<'_>> =
            paths.iter().map(|it| Added { path: &it.0, images: it.1 }).collect();
        let mut base: Vec<&[u8]> = base.iter().map(Vec::as_slice).collect();
        let input = Input { added: &added, base: &base, images_in_catalog: 7, ..Input::default() };
        let all = tags(&input, Table::built_in());
        let mut seen = names(&all);
        seen.sort_unstable();
        seen.dedup();
        prop_assert_eq!(seen.len(), all.len(), "each name once");
        prop_assert!(all.iter().all(|tag| tag.weight > 0.0 && tag.weight < 1.0));
        prop_assert!(all.iter().all(|tag| !tag.evidence.is_empty() && tag.evidence.len() <= MAX_EVIDENCE));
        prop_assert!(all.windows(2).all(|pair| matches!(pair, [a, b] if a.weight >= b.weight)));
        prop_assert!(standing_out(&all).len() <= MAX_STANDING_OUT);
        prop_assert_eq!(standing_out(&all).is_empty(), all.is_empty());
        let len = added.len().max(1);
        added.rotate_left(turn % len);
        base.reverse();
        let input = Input { added: &added, base: &base, images_in_catalog: 7, ..Input::default() };
        prop_assert_eq!(tags(&input, Table::built_in()), all);
    }
}
