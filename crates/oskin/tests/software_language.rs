//! The packages of languages as their own package managers tell them, and as they are read from their files.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use oskin::software::{FoundPackage, Record, binary, language};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a program prints; `None`, and a word of it, where it cannot be run.
fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        eprintln!("skipped: no {program}");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The files below a directory, links not followed.
fn files(directory: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.filter_map(Result::ok) {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            files(&entry.path(), into);
        } else if kind.is_file() {
            into.push(entry.path());
        }
    }
}

fn normal(path: &Path) -> Vec<u8> {
    let path = path.as_os_str().as_bytes();
    path.strip_prefix(b"/").unwrap_or(path).to_vec()
}

/// What the records below a directory tell, with their paths.
fn records(directory: &Path) -> Vec<(PathBuf, Record)> {
    let mut all = Vec::new();
    files(directory, &mut all);
    all.sort();
    let read = |file: PathBuf| {
        let path = normal(&file);
        let record = language::reader(&path)?.read(&path, &fs::read(&file).ok()?);
        Some((file, record))
    };
    all.into_iter().filter_map(read).collect()
}

fn packages(directory: &Path, kind: &str) -> Vec<FoundPackage> {
    let all = records(directory).into_iter().flat_map(|(_, record)| record.packages);
    all.filter(|it| it.package.kind == kind).collect()
}

fn full_name(package: &FoundPackage) -> String {
    match package.package.namespace.as_str() {
        "" => package.package.name.clone(),
        namespace => format!("{namespace}/{}", package.package.name),
    }
}

type Names = BTreeSet<(String, String)>;

fn names<'a>(packages: impl IntoIterator<Item = &'a FoundPackage>) -> Names {
    let pair = |it: &FoundPackage| (full_name(it), it.package.version.clone());
    packages.into_iter().map(pair).collect()
}

#[test]
fn python_distributions_are_those_of_pip() {
    // The module may be missing where the interpreter is not.
    let Some(list) = printed("python3", &["-m", "pip", "list", "--format", "json"]) else { return };
    let Ok(Value::Array(list)) = serde_json::from_str(&list) else {
        eprintln!("skipped: no pip");
        return;
    };
    let script = "import sys; print('\\n'.join(p for p in sys.path if p.endswith('-packages')))";
    let places = printed("python3", &["-c", script]).unwrap();
    let mut ours = Names::new();
    let (mut listed, mut there) = (0, 0);
    for place in places.lines().map(Path::new) {
        for (file, record) in records(place) {
            // pip looks only into the directories themselves.
            let depth = file.strip_prefix(place).unwrap().components().count();
            if depth <= 2 {
                ours.extend(names(&record.packages));
            }
            for path in record.owned.iter().flat_map(|owned| &owned.files) {
                let path = Path::new("/").join(String::from_utf8_lossy(path).as_ref());
                listed += 1;
                there += usize::from(path.symlink_metadata().is_ok());
            }
        }
    }
    let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
    let normal_name = |name: &str| {
        let name = oskin::image::Package::from_purl(&format!("pkg:pypi/{name}"));
        name.unwrap().name
    };
    let theirs: Names =
        list.iter().map(|it| (normal_name(&text(it, "name")), text(it, "version"))).collect();
    let missing: Vec<_> = theirs.difference(&ours).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // Of two versions in two places pip shows the one that is found first.
    let named = |names: &Names| names.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
    assert_eq!(named(&ours), named(&theirs));
    // Compiled files may have been cleaned away, as images do.
    assert!(there * 2 >= listed, "{there} of {listed} files are there");
    eprintln!("{} distributions, {there} of {listed} files", theirs.len());
}

#[test]
fn modules_of_node_are_those_of_npm() {
    let Some(root) = printed("npm", &["root", "--global"]) else { return };
    let tree = printed("npm", &["ls", "--global", "--all", "--json"]).unwrap();
    let tree: Value = serde_json::from_str(&tree).unwrap();
    let mut theirs = Names::new();
    let mut left = vec![&tree];
    while let Some(node) = left.pop() {
        for (name, node) in node["dependencies"].as_object().into_iter().flatten() {
            if let Some(version) = node["version"].as_str() {
                theirs.insert((name.clone(), version.to_owned()));
            }
            left.push(node);
        }
    }
    let ours = packages(Path::new(root.trim()), "npm");
    assert_eq!(names(&ours), theirs);
    let top: BTreeSet<String> = tree["dependencies"].as_object().unwrap().keys().cloned().collect();
    let asked: BTreeSet<String> =
        ours.iter().filter(|it| it.asked_for == Some(true)).map(full_name).collect();
    assert_eq!(asked, top);
    eprintln!("{} modules", theirs.len());
}

#[test]
fn gems_are_those_of_gem() {
    let Some(list) = printed("gem", &["list", "--all", "--local"]) else { return };
    let mut theirs = Names::new();
    for line in list.lines() {
        // `json (2.6.1, default: 2.5.1)`; a platform may follow a version.
        let Some((name, versions)) = line.trim_end_matches(')').split_once(" (") else { continue };
        for version in versions.split(", ") {
            let version = version.trim_start_matches("default: ").split(' ').next().unwrap();
            theirs.insert((name.to_owned(), version.to_owned()));
        }
    }
    let path = printed("gem", &["environment", "gempath"]).unwrap();
    let ours: Vec<_> =
        path.trim().split(':').flat_map(|place| packages(Path::new(place), "gem")).collect();
    assert_eq!(names(&ours), theirs);
    eprintln!("{} gems", theirs.len());
}

/// Modules by the program that they are in, as `go version -m` prints them.
fn told_by_go(printed: &str) -> BTreeMap<String, Names> {
    let mut all: BTreeMap<String, Names> = BTreeMap::new();
    let mut file = String::new();
    let mut last = (String::new(), String::new());
    for line in printed.lines() {
        let mut words = line.split('\t').skip(1).map(str::to_owned);
        let (kind, name, version) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default().to_lowercase(),
            words.next().unwrap_or_default().replace("(devel)", ""),
        );
        let names = match line.split_once(": go").filter(|_| !line.starts_with('\t')) {
            Some((path, version)) => {
                path.clone_into(&mut file);
                let version = version.split(' ').next().unwrap().to_owned();
                all.insert(file.clone(), Names::from([("stdlib".to_owned(), version)]));
                continue;
            }
            None => all.get_mut(&file).unwrap(),
        };
        match kind.as_str() {
            "mod" | "dep" => {
                last = (name, version);
                names.insert(last.clone());
            }
            "=>" => {
                names.remove(&last);
                let is_directory = name.starts_with(['.', '/']);
                names.insert(if is_directory {
                    (last.0.clone(), String::new())
                } else {
                    (name, version)
                });
            }
            _ => {}
        }
    }
    all
}

#[test]
fn modules_in_programs_are_those_of_go() {
    let Some(root) = printed("go", &["env", "GOROOT"]) else { return };
    let mut programs = Vec::new();
    files(&Path::new(root.trim()).join("pkg/tool"), &mut programs);
    for place in ["/usr/bin", "/usr/local/bin"] {
        let mut here = Vec::new();
        files(Path::new(place), &mut here);
        here.retain(|file| fs::metadata(file).is_ok_and(|it| it.len() > 1024 * 1024));
        programs.extend(here);
    }
    programs.sort();
    programs.truncate(200);
    let arguments: Vec<&str> =
        ["version", "-m"].into_iter().chain(programs.iter().filter_map(|it| it.to_str())).collect();
    let theirs = told_by_go(&printed("go", &arguments).unwrap());
    let mut modules = 0;
    for program in &programs {
        let record = binary::read(&normal(program), &fs::read(program).unwrap());
        let mut ours: Vec<_> =
            record.packages.into_iter().filter(|it| it.package.kind == "golang").collect();
        let Some(theirs) = theirs.get(program.to_str().unwrap()) else {
            assert!(ours.is_empty(), "{}: {:?}", program.display(), names(&ours));
            continue;
        };
        // The main module stands first. Where it has no version, or no name, Go does not look further and we do.
        if ours.first().is_some_and(|it| it.asked_for.is_none()) {
            let main = full_name(&ours[0]);
            match theirs.iter().find(|(name, _)| *name == main) {
                Some((_, version)) if version.is_empty() => ours[0].package.version.clear(),
                Some(_) => {}
                None => drop(ours.remove(0)),
            }
        }
        assert_eq!(names(&ours), *theirs, "{}", program.display());
        modules += theirs.len();
    }
    eprintln!("{} programs of Go, {modules} modules", theirs.len());
}

#[test]
fn artifacts_in_jars_are_those_that_another_reader_finds() {
    let mut jars = Vec::new();
    files(Path::new("/usr/share/java"), &mut jars);
    files(Path::new("/usr/share/maven-repo"), &mut jars);
    jars.retain(|file| file.extension().is_some_and(|it| it == "jar"));
    if jars.is_empty() {
        eprintln!("skipped: no jars");
    }
    let mut artifacts = 0;
    for jar in &jars {
        let content = fs::read(jar).unwrap();
        let path = normal(jar);
        let record = language::reader(&path).unwrap().read(&path, &content);
        assert!(!record.packages.is_empty(), "{}", jar.display());
        let ours = names(&record.packages);
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(content)).unwrap();
        for at in 0..archive.len() {
            let mut entry = archive.by_index(at).unwrap();
            let name = entry.name_raw();
            if !(name.starts_with(b"META-INF/maven/") && name.ends_with(b"/pom.properties")) {
                continue;
            }
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let value = |key: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
                line.trim_start_matches('=').trim().to_owned()
            };
            let name = format!("{}/{}", value("groupId"), value("artifactId"));
            assert!(ours.contains(&(name.clone(), value("version"))), "{}: {name}", jar.display());
            artifacts += 1;
        }
    }
    eprintln!("{} jars, {artifacts} artifacts", jars.len());
}

/// No program with such a section may be at hand, so that one is made of another.
#[test]
fn crates_are_found_in_a_section_that_another_program_puts_in() {
    if printed("objcopy", &["--version"]).is_none() {
        return;
    }
    let json = r#"{"packages":[{"name":"libc","version":"0.2.1","source":"crates.io"},
        {"name":"tool","version":"1.0.0","source":"local","dependencies":[0],"root":true}]}"#;
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let mut encoder =
        flate2::read::ZlibEncoder::new(json.as_bytes(), flate2::Compression::default());
    let mut packed = Vec::new();
    encoder.read_to_end(&mut packed).unwrap();
    fs::write(place("audit"), packed).unwrap();
    let section = format!(".dep-v0={}", place("audit"));
    let program = fs::canonicalize("/bin/ls").unwrap();
    let status = Command::new("objcopy")
        .args(["--add-section", &section, program.to_str().unwrap(), &place("out")])
        .status()
        .unwrap();
    assert!(status.success());
    let record = binary::read(b"usr/bin/tool", &fs::read(place("out")).unwrap());
    let purls: Vec<_> = record.packages.iter().map(|it| it.package.to_string()).collect();
    assert_eq!(purls, ["pkg:cargo/libc@0.2.1", "pkg:cargo/tool@1.0.0"]);
    assert_eq!(record.packages[1].depends, ["libc"]);
    assert_eq!(binary::read(b"bin/ls", &fs::read(program).unwrap()), Record::default());
}

#[test]
fn a_module_of_perl_is_told_by_what_its_installation_writes() {
    if printed("perl", &["--version"]).is_none() || printed("make", &["--version"]).is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir_all(at("lib/Foo")).unwrap();
    fs::write(at("lib/Foo/Bar.pm"), "package Foo::Bar;\nour $VERSION = '1.25';\n1;\n").unwrap();
    fs::write(at("Makefile.PL"), "use ExtUtils::MakeMaker; WriteMakefile(NAME => 'Foo::Bar', VERSION_FROM => 'lib/Foo/Bar.pm');\n").unwrap();
    let script = "perl Makefile.PL INSTALL_BASE=\"$PWD/out\" && make && make install";
    if !ran(script, directory.path()) {
        eprintln!("skipped: no ExtUtils::MakeMaker");
        return;
    }
    let all = records(&at("out"));
    let found: Names = all.iter().flat_map(|(_, record)| names(&record.packages)).collect();
    let expected =
        [("Foo-Bar", ""), ("Foo-Bar", "1.25")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(found, Names::from(expected));
    let owned: Vec<_> = all.iter().flat_map(|(_, record)| &record.owned).collect();
    let module = normal(&at("out/lib/perl5/Foo/Bar.pm"));
    assert!(owned.len() == 1 && owned[0].files.contains(&module), "{owned:?}");
}

/// Runs a script of the shell in a directory; tells whether it did its work.
fn ran(script: &str, directory: &Path) -> bool {
    Command::new("sh")
        .args(["-ec", script])
        .current_dir(directory)
        .output()
        .unwrap()
        .status
        .success()
}

#[test]
fn packages_of_composer_are_those_that_it_shows() {
    if printed("composer", &["--version"]).is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    // Packages in directories need no network.
    let script = r#"mkdir dep dep2 app
        echo '{"name":"acme/dep","version":"1.2.3","license":["MIT","ISC"],"require":{"acme/dep2":"*"}}' > dep/composer.json
        echo '{"name":"acme/dep2","version":"v0.5.0","license":"MIT"}' > dep2/composer.json
        at() { echo '{"type":"path","url":"../'$1'","options":{"symlink":false}}'; }
        echo '{"name":"acme/app","repositories":[{"packagist":false},'$(at dep),$(at dep2)'],"require":{"php":"*","acme/dep":"*"}}' > app/composer.json
        cd app && COMPOSER_ALLOW_SUPERUSER=1 composer install --no-interaction"#;
    if !ran(script, directory.path()) {
        eprintln!("skipped: no composer that works");
        return;
    }
    let app = directory.path().join("app");
    let ours = packages(&app, "composer");
    let expected = [("acme/dep", "1.2.3"), ("acme/dep2", "v0.5.0")];
    assert_eq!(names(&ours), expected.map(|(a, b)| (a.to_owned(), b.to_owned())).into());
    assert_eq!(
        (ours[0].license.as_str(), &ours[0].depends[..]),
        ("MIT OR ISC", &["acme/dep2".to_owned()][..])
    );
    assert_eq!(ours[0].directory, normal(&app.join("vendor/acme/dep")));
    let asked: Vec<_> =
        records(&app).into_iter().flat_map(|(_, record)| record.asked_for).collect();
    assert_eq!(asked, ["acme/dep"]);
}

#[test]
fn rocks_are_those_that_luarocks_lists() {
    if printed("luarocks", &["--version"]).is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let spec = "package = \"Foo\"\nversion = \"1.0-1\"\nsource = { url = \"file://x\" }\n\
        description = { summary = \"a license\", license = \"MIT/X11\" }\n\
        dependencies = { \"lua >= 5.1\" }\nbuild = { type = \"builtin\", modules = { foo = \"foo.lua\" } }\n";
    fs::write(directory.path().join("foo-1.0-1.rockspec"), spec).unwrap();
    fs::write(directory.path().join("foo.lua"), "return 1\n").unwrap();
    if !ran("luarocks make --tree tree foo-1.0-1.rockspec", directory.path()) {
        eprintln!("skipped: no luarocks that works");
        return;
    }
    let tree = directory.path().join("tree");
    let ours = packages(&tree, "luarocks");
    let list =
        printed("luarocks", &["list", "--porcelain", "--tree", tree.to_str().unwrap()]).unwrap();
    let listed: Vec<&str> = list.lines().next().unwrap().split('\t').take(2).collect();
    assert_eq!(listed, [ours[0].package.name.as_str(), &ours[0].package.version]);
    assert_eq!((ours.len(), ours[0].license.as_str(), ours[0].depends.len()), (1, "MIT/X11", 0));
}
