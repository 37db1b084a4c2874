//! Packages of programming languages: what their package managers leave beside the files that they install.
//!
//! [`reader`] tells by its path alone whether a file is one of their records, so that nobody need look into others.
//! Copies that a package manager of the system installed are not told apart: who owns the record tells that.

mod cargo;
mod conda;
mod dotnet;
mod erlang;
mod haskell;
mod java;
pub(super) mod json;
mod julia;
mod lua;
mod npm;
pub(super) mod parts;
mod perl;
mod php;
mod python;
mod r;
mod ruby;
mod zipped;

use super::Record;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Reads one kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Python(python::File),
    Npm,
    NpmProgram,
    Gem,
    Conda,
    Java,
    Composer,
    ComposerProgram,
    R,
    Perl(perl::File),
    Rock,
    Julia,
    Dotnet,
    Erlang,
    Haskell,
    Cargo,
}

/// Which reader a file is for, by its path in normal form; `None` for almost all. O(length).
pub fn reader(path: &[u8]) -> Option<Reader> {
    // The last name decides nearly always, and most files end here.
    let (_, name) = crate::path::split_name(path);
    let kind = match name {
        b"package.json" if npm::is_manifest(path) => Some(Kind::Npm),
        b"package.json" => npm::is_program(path).then_some(Kind::NpmProgram),
        b"composer.json" => php::is_program(path).then_some(Kind::ComposerProgram),
        b"DESCRIPTION" => r::is_description(path).then_some(Kind::R),
        b"installed.json" => php::is_installed_list(path).then_some(Kind::Composer),
        b"Project.toml" | b"JuliaProject.toml" => julia::is_project(path).then_some(Kind::Julia),
        _ if cargo::is_installed_list(name) => Some(Kind::Cargo),
        _ if java::is_archive(name) => Some(Kind::Java),
        _ if name.ends_with(b".gemspec") => ruby::is_specification(path).then_some(Kind::Gem),
        _ if name.ends_with(b".rockspec") => lua::is_specification(path).then_some(Kind::Rock),
        _ if dotnet::is_dependency_list(name) => Some(Kind::Dotnet),
        _ if erlang::is_application(path) => Some(Kind::Erlang),
        _ if haskell::is_specification(path) => Some(Kind::Haskell),
        _ if conda::is_record(path) => Some(Kind::Conda),
        _ => python::file(path).map(Kind::Python).or_else(|| perl::file(path).map(Kind::Perl)),
    };
    kind.map(Reader)
}

impl Reader {
    /// The type of the purls of its packages, which `asked_for` of a record speaks of too. Erlang has two: `otp` for
    /// what is a part of it, and this.
    pub fn kind(self) -> &'static str {
        match self.0 {
            Kind::Python(_) => "pypi",
            Kind::Npm | Kind::NpmProgram => "npm",
            Kind::Gem => "gem",
            Kind::Conda => "conda",
            Kind::Java => "maven",
            Kind::Composer | Kind::ComposerProgram => "composer",
            Kind::R => "cran",
            Kind::Perl(_) => "cpan",
            Kind::Rock => "luarocks",
            Kind::Julia => "julia",
            Kind::Dotnet => "nuget",
            Kind::Erlang => "hex",
            Kind::Haskell => "hackage",
            Kind::Cargo => "cargo",
        }
    }

    /// The largest file that is read, in bytes: about four times what the largest known packages have, so that only
    /// what is no record, or an attack, is left out.
    pub fn max_bytes(self) -> u64 {
        match self.0 {
            Kind::Python(python::File::Requested) => 4 * KIB,
            // Some have the whole manual as their description.
            Kind::Python(python::File::Metadata)
            | Kind::Npm
            | Kind::NpmProgram
            | Kind::Perl(perl::File::Local) => 4 * MIB,
            Kind::Gem
            | Kind::ComposerProgram
            | Kind::R
            | Kind::Rock
            | Kind::Julia
            | Kind::Perl(perl::File::Install)
            | Kind::Erlang
            | Kind::Haskell
            | Kind::Cargo => MIB,
            // Hashes and sizes of 20,000 files and more in one record.
            Kind::Conda => 32 * MIB,
            // Programs that carry all their libraries have 20 to 100 MiB.
            Kind::Java | Kind::Python(python::File::Egg) => 192 * MIB,
            // 25,000 files in the largest distributions of Python, 100 bytes each; all packages of a program
            // with all that their authors wrote of them.
            Kind::Python(python::File::Record | python::File::InstalledFiles)
            | Kind::Composer
            | Kind::Dotnet => 16 * MIB,
            Kind::Perl(perl::File::Packlist) => 8 * MIB,
        }
    }

    /// Reads a record: the path in normal form, and all of its content.
    ///
    /// Never fails: what is damaged is told as a warning. O(n log n); archives cost what they inflate to as well, up to
    /// 256 MiB.
    pub fn read(self, path: &[u8], content: &[u8]) -> Record {
        match self.0 {
            Kind::Python(file) => python::read(file, path, content),
            Kind::Npm => npm::read(path, content),
            Kind::NpmProgram => npm::read_program(path, content),
            Kind::Gem => ruby::read(path, content),
            Kind::Conda => conda::read(path, content),
            Kind::Java => java::read(path, content),
            Kind::Composer => php::read(path, content),
            Kind::ComposerProgram => php::read_program(content),
            Kind::R => r::read(path, content),
            Kind::Perl(file) => perl::read(file, path, content),
            Kind::Rock => lua::read(path, content),
            Kind::Julia => julia::read(path, content),
            Kind::Dotnet => dotnet::read(content),
            Kind::Erlang => erlang::read(path, content),
            Kind::Haskell => haskell::read(path, content),
            Kind::Cargo => cargo::read(path, content),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static SAMPLES: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(samples);

    /// A valid record of each kind.
    fn samples() -> Vec<(&'static str, Vec<u8>)> {
        let pom = b"groupId=org.example\nartifactId=lib\nversion=1\n";
        let inner =
            zipped::tests::archive(&[("META-INF/maven/org.example/lib/pom.properties", pom)]);
        let jar = zipped::tests::archive(&[
            ("META-INF/MANIFEST.MF", b"Implementation-Title: a\nBundle-Version: 1\n"),
            ("BOOT-INF/lib/lib-1.jar", &inner),
            ("WEB-INF/lib/lib-1.war", &inner),
        ]);
        let egg = zipped::tests::archive(&[("EGG-INFO/PKG-INFO", b"Name: a\nVersion: 1\n")]);
        let metadata = "Name: a\nVersion: 1\nLicense: MIT\nRequires-Dist: b (>=1); x == 'extra'\n";
        let mut samples: Vec<(&str, Vec<u8>)> = [
            ("s/a-1.dist-info/METADATA", metadata),
            ("s/a-1.egg-info", metadata),
            ("s/a-1.dist-info/RECORD", "a.py,sha256=x,1\n\"a\"\"b\",,\n../../x,,\n"),
            ("s/a-1.dist-info/REQUESTED", ""),
            ("s/a-1.egg-info/installed-files.txt", "../a.py\n"),
            (
                "lib/node_modules/a/package.json",
                r#"{"name":"@s/a","version":"1","license":[{"type":"MIT"}],"dependencies":{"b":"1"},"_requiredBy":["/"]}"#,
            ),
            (
                "g/specifications/a-1.gemspec",
                "# stub: a 1 ruby lib\ns.name = \"a\".freeze\ns.licenses = [\"MIT\".freeze]\ns.add_dependency(%q<b>.freeze)\n",
            ),
            (
                "c/conda-meta/a-1-0.json",
                r#"{"name":"a","version":"1","channel":"x://y/z/linux-64","files":["a","b"],"depends":["c 1"],"requested_spec":"a"}"#,
            ),
            (
                "v/composer/installed.json",
                r#"{"packages":[{"name":"a/b","version":"v1","require":{"c/d":"1"},"install-path":"../a/b"}]}"#,
            ),
            ("library/a/DESCRIPTION", "Package: a\nVersion: 1\nImports: b,\n  c\nBuilt: R 4\n"),
            ("l/perllocal.pod", "=head2 x: C<Module> L<A::B|A::B>\nC<VERSION: 1>\n"),
            ("l/auto/A/B/.packlist", "/usr/a.pm\n/usr/b type=file\n"),
            ("l/.meta/A-1/install.json", r#"{"dist":"A-1","provides":{"A":{}}}"#),
            (
                "rocks-5.1/a/1-1/a-1-1.rockspec",
                "license = \"MIT\"\ndependencies = { \"lua >= 5\", 'b' }\n",
            ),
            ("srv/package.json", r#"{"name":"a","version":"1","dependencies":{"b":"1"}}"#),
            ("srv/composer.json", r#"{"require":{"a/b":"1"}}"#),
            ("lib/a-1/ebin/a.app", "{application, a, [{vsn, \"1\"}, {applications, [b, c]}]}."),
            ("package.conf.d/a-1.conf", "name: a\nversion: 1\ndepends:\n    b-1\n"),
            ("c/.crates.toml", "[v1]\n\"a 1 (registry+x)\" = [\"b\"]\n"),
            ("packages/A/abcde/Project.toml", "name = \"A\"\nversion = \"1\"\n[deps]\nB = \"x\"\n"),
            (
                "a/a.deps.json",
                r#"{"targets":{"n":{"a/1":{"dependencies":{"b":"1"}}}},"libraries":{"a/1":{"type":"project"},"b/1":{"type":"package"}}}"#,
            ),
        ]
        .into_iter()
        .map(|(path, content)| (path, content.as_bytes().to_vec()))
        .collect();
        samples.extend([("a/a-1.jar", jar), ("s/a-1-py3.egg", egg)]);
        samples
    }

    /// What holds of every record, however damaged what it was read from.
    fn check(path: &[u8], content: &[u8]) {
        let record = reader(path).unwrap().read(path, content);
        assert!(record.warnings.len() <= 3, "{:?}", record.warnings);
        for package in &record.packages {
            assert!(!package.package.name.is_empty() && !package.package.kind.is_empty());
            let paths = package.files.iter().chain(std::iter::once(&package.directory));
            assert!(["otp", reader(path).unwrap().kind()].contains(&package.package.kind.as_str()));
            for path in paths.filter(|path| !path.is_empty()) {
                assert_eq!(crate::path::normalize(path).unwrap().as_ref(), path);
            }
        }
        for path in record.owned.iter().flat_map(|owned| &owned.files) {
            assert_eq!(crate::path::normalize(path).unwrap().as_ref(), path);
        }
    }

    #[test]
    fn every_sample_tells_something_and_every_beginning_of_it_is_read() {
        for (path, content) in &*SAMPLES {
            let record = reader(path.as_bytes()).unwrap().read(path.as_bytes(), content);
            assert_ne!(record, Record::default(), "{path}");
            assert_eq!(record.warnings, [""; 0], "{path}");
            assert!(content.len() as u64 <= reader(path.as_bytes()).unwrap().max_bytes());
            (0..content.len()).for_each(|end| check(path.as_bytes(), &content[..end]));
        }
    }

    #[test]
    fn most_paths_are_no_records() {
        for path in [
            "",
            "usr/bin/python3",
            "etc/passwd",
            "usr/lib/python3/site-packages/a.py",
            "a.json",
            "x/node_modules/package.json",
        ] {
            assert_eq!(reader(path.as_bytes()), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_without_panic(
            which in 0_usize..64,
            content in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            check(SAMPLES[which % SAMPLES.len()].0.as_bytes(), &content);
        }

        #[test]
        fn damaged_records_are_read_without_panic(
            which in 0_usize..64,
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            tail in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let (path, mut content) = SAMPLES[which % SAMPLES.len()].clone();
            content.extend(tail);
            if !content.is_empty() {
                for (at, byte) in flips {
                    let at = at.index(content.len());
                    content[at] = byte;
                }
            }
            check(path.as_bytes(), &content);
        }

        #[test]
        fn any_path_has_a_reader_or_none(path in "([a-zA-Z.@-]{0,9}|library|node_modules|packages|composer|stdlib|auto|/){0,8}(package.json|DESCRIPTION|installed.json|Project.toml|[.]egg-info|[.]egg|/METADATA|[.]packlist|install.json|[.]jar|[.]rockspec|[.]gemspec)?") {
            if let Some(reader) = reader(path.as_bytes()) {
                let _record: Record = reader.read(path.as_bytes(), b"{}");
            }
        }
    }
}
