//! Java archives: which artifacts of Maven they are, those inside of them too.
//!
//! Sources: the JAR file specification (manifest), the Maven archiver (`pom.properties`), Spring Boot and the servlet
//! specification for where archives stand inside of others, the plugins of Jenkins.

use super::parts::{each_field, found, license, names_from_end, text};
use super::zipped::{self, Budget, Entry};
use crate::image::Package;
use crate::software::{FoundPackage, Record};
use std::collections::BTreeSet;

/// How deep archives may stand inside of others: a program, a plugin in it, a library in that.
const MAX_DEPTH: usize = 3;

/// The largest archive inside of another that is read, in bytes.
const MAX_NESTED_BYTES: u64 = 64 * 1024 * 1024;

/// How much of a manifest or of properties is read. What names a jar stands in its first section; digests of single
/// files follow.
const MAX_TEXT_BYTES: u64 = 64 * 1024;

/// The most packages of one archive; the largest servers carry about a thousand.
const MAX_PACKAGES: usize = 10_000;

/// Whether a path is a Java archive by its name.
pub(super) fn is_archive(path: &[u8]) -> bool {
    let name = names_from_end(path).next().unwrap_or_default();
    [&b".jar"[..], b".war", b".ear", b".jpi", b".hpi", b".kar", b".sar", b".par"]
        .iter()
        .any(|end| name.len() > end.len() && ends_with_ignoring_case(name, end))
}

fn ends_with_ignoring_case(name: &[u8], end: &[u8]) -> bool {
    name.len().checked_sub(end.len()).is_some_and(|at| name[at..].eq_ignore_ascii_case(end))
}

/// Reads an archive: itself, what is shaded into it, and what stands inside of it. O(bytes), and as much again for
/// what it inflates to, up to a bound.
pub(super) fn read(path: &[u8], content: &[u8]) -> Record {
    let mut reader = Reader { path, budget: Budget::default(), ..Reader::default() };
    reader.archive(path, content, 0);
    let mut record = reader.record;
    let left_out =
        [(reader.damaged, "damaged or too large"), (reader.too_deep, "nested too deeply")];
    for (count, why) in left_out.into_iter().filter(|(count, _)| *count > 0) {
        record.warnings.push(format!("{count} archives are {why}"));
    }
    if reader.budget.is_spent() || record.packages.len() >= MAX_PACKAGES {
        record.warnings.push("it holds more than is read".to_owned());
    }
    record
}

#[derive(Default)]
struct Reader<'a> {
    path: &'a [u8],
    budget: Budget,
    record: Record,
    seen: BTreeSet<Package>,
    damaged: usize,
    too_deep: usize,
}

impl Reader<'_> {
    fn archive(&mut self, name: &[u8], content: &[u8], depth: usize) {
        let Some(entries) = zipped::entries(content) else {
            self.damaged += 1;
            return;
        };
        let mut poms = Vec::new();
        let mut manifest = Manifest::default();
        let mut nested = Vec::new();
        for entry in entries {
            if let Some(rest) = entry.name.strip_prefix(b"META-INF/maven/") {
                if poms.len() < MAX_PACKAGES && rest.ends_with(b"/pom.properties") {
                    poms.extend(self.pom(content, &entry, rest));
                }
            } else if entry.name.eq_ignore_ascii_case(b"META-INF/MANIFEST.MF") {
                if let Some(read) = self.budget.read(content, &entry, MAX_TEXT_BYTES) {
                    manifest = Manifest::read(&read.content);
                }
            } else if is_archive(entry.name) && nested.len() < MAX_PACKAGES {
                nested.push(entry);
            }
        }
        self.tell(name, &manifest, poms, depth);
        for entry in nested {
            if depth == MAX_DEPTH {
                self.too_deep += 1;
            } else if self.budget.is_spent() || self.record.packages.len() >= MAX_PACKAGES {
                return;
            } else {
                match self.budget.read(content, &entry, MAX_NESTED_BYTES) {
                    Some(read) if read.is_whole => {
                        self.archive(entry.name, &read.content, depth + 1);
                    }
                    _ => self.damaged += 1,
                }
            }
        }
    }

    /// The artifact that properties of Maven name; their directories name its group and itself too.
    fn pom(&mut self, content: &[u8], entry: &Entry<'_>, rest: &[u8]) -> Option<FoundPackage> {
        let read = self.budget.read(content, entry, MAX_TEXT_BYTES)?;
        let told = text(&read.content);
        let value = |key: &str| {
            told.lines().find_map(|line| line.trim().strip_prefix(key)?.trim().strip_prefix('='))
        };
        let place = text(rest);
        let mut place = place.split('/');
        let group = value("groupId").or(place.next()).unwrap_or_default();
        let artifact = value("artifactId").or(place.next()).unwrap_or_default();
        let version = value("version").unwrap_or_default();
        // Some builds leave the names of variables where their values should be.
        let version = if version.contains("${") { "" } else { version };
        found("maven", group, artifact, version)
    }

    fn tell(&mut self, name: &[u8], manifest: &Manifest, poms: Vec<FoundPackage>, depth: usize) {
        let name = text(names_from_end(name).next().unwrap_or_default()).into_owned();
        let (stem, _) = name.rsplit_once('.').unwrap_or((&name, ""));
        let is_alone = poms.len() == 1;
        let is_main = |package: &FoundPackage| {
            let rest = stem.strip_prefix(package.package.name.as_str());
            is_alone || rest.is_some_and(|rest| rest.is_empty() || starts_version(rest))
        };
        let (main, shaded): (Vec<_>, Vec<_>) = poms.into_iter().partition(is_main);
        let main =
            if main.is_empty() { manifest.package(stem).into_iter().collect() } else { main };
        for package in main {
            let license = license(&manifest.license);
            let asked_for = (depth > 0).then_some(false);
            self.add(FoundPackage { license, asked_for, ..package });
        }
        for package in shaded {
            self.add(FoundPackage { asked_for: Some(false), ..package });
        }
    }

    fn add(&mut self, package: FoundPackage) {
        let is_full = self.record.packages.len() >= MAX_PACKAGES;
        if !is_full && self.seen.insert(package.package.clone()) {
            // A long path before thousands of packages would fill the memory.
            let files = if self.path.len() <= 4096 { vec![self.path.to_vec()] } else { vec![] };
            self.record.packages.push(FoundPackage { files, ..package });
        }
    }
}

fn starts_version(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// What the first section of a manifest tells.
#[derive(Debug, Default)]
struct Manifest {
    title: String,
    symbolic_name: String,
    short_name: String,
    group: String,
    versions: [String; 4],
    license: String,
}

impl Manifest {
    fn read(content: &[u8]) -> Self {
        let mut told = Self::default();
        each_field(&text(content), "", |name, value| {
            let [implementation, bundle, plugin, specification] = &mut told.versions;
            let place = match name {
                "Implementation-Title" => &mut told.title,
                "Bundle-SymbolicName" => &mut told.symbolic_name,
                "Short-Name" | "Extension-Name" => &mut told.short_name,
                "Implementation-Vendor-Id" | "Group-Id" => &mut told.group,
                "Implementation-Version" => implementation,
                "Bundle-Version" => bundle,
                "Plugin-Version" => plugin,
                "Specification-Version" => specification,
                "Bundle-License" => &mut told.license,
                _ => return,
            };
            if place.is_empty() && !value.contains("${") {
                // What follows are directives, as in `org.example.lib;singleton:=true`.
                value.split(';').next().unwrap_or_default().trim().clone_into(place);
            }
        });
        told
    }

    /// The package by the name of its file, as Maven and Gradle write it, and by what the manifest tells else.
    ///
    /// The titles in manifests are often words for people (`Apache Commons Lang`), so the name of the file goes first
    /// if a version stands in it.
    fn package(&self, stem: &str) -> Option<FoundPackage> {
        let (name, version) = split_version(stem);
        let mut told = self.versions.iter().map(String::as_str).filter(|it| !it.is_empty());
        // Debian names its files after a line of versions, as in `spring3-core-3.x.jar`.
        let version = if version.is_empty() || version.rsplit('.').next() == Some("x") {
            told.next().unwrap_or(version)
        } else {
            told.find(|told| is_part(told, version)).unwrap_or(version)
        };
        let is_id = |text: &&str| {
            !text.is_empty()
                && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it))
        };
        let told = [self.short_name.as_str(), self.title.as_str(), self.symbolic_name.as_str()];
        let name = if name.len() < stem.len() {
            name
        } else {
            told.into_iter().find(is_id).unwrap_or(name)
        };
        let group = Some(self.group.as_str()).filter(is_id).or_else(|| {
            let (group, last) = self.symbolic_name.rsplit_once('.')?;
            (last == name).then_some(group)
        });
        // A title such as `org.example.lib` has its group in it.
        let (group, name) = match (group, name.rsplit_once('.')) {
            (None, Some((before, last))) if before.contains('.') && is_id(&before) => {
                (before, last)
            }
            (group, _) => (group.unwrap_or_default(), name),
        };
        found("maven", group, name, version)
    }
}

/// Whether what a manifest tells is the version in the name of a file, or that without what was put behind it.
fn is_part(told: &str, version: &str) -> bool {
    let rest = version.strip_prefix(told);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', '+']))
}

/// `NAME-VERSION` taken apart: the version begins at the last part that begins with a digit, and takes in those before
/// it that belong to versions, as in `log4j-1.2-api-2.19.0` and `lib-1.0-beta-2`.
fn split_version(stem: &str) -> (&str, &str) {
    let begins = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let Some(mut start) =
        stem.match_indices('-').map(|(at, _)| at).rfind(|at| begins(&stem[at + 1..]))
    else {
        return (stem, "");
    };
    loop {
        let before = &stem[..start];
        let Some(at) = before.rfind('-') else { break };
        let part = &before[at + 1..];
        let is_word = ["alpha", "beta", "rc", "cr", "m", "milestone", "b", "snapshot"]
            .iter()
            .any(|word| part.eq_ignore_ascii_case(word));
        if begins(part) {
            start = at;
        } else {
            match before[..at].rfind('-') {
                Some(earlier) if is_word && begins(&before[earlier + 1..]) => start = earlier,
                _ => break,
            }
        }
    }
    if start == 0 { (stem, "") } else { (&stem[..start], &stem[start + 1..]) }
}

#[cfg(test)]
mod tests {
    use super::zipped::tests::archive;
    use super::*;

    const POM: &[u8] = b"#Created by Maven\nversion=1.2\ngroupId=org.example\nartifactId=lib\n";

    fn purls(path: &str, content: &[u8]) -> Vec<String> {
        let record = read(path.as_bytes(), content);
        assert_eq!(record.warnings, [""; 0]);
        assert!(record.packages.iter().all(|it| it.files == [path.as_bytes()]));
        record.packages.iter().map(|it| it.package.to_string()).collect()
    }

    fn manifest(text: &str) -> Vec<u8> {
        archive(&[("META-INF/MANIFEST.MF", text.as_bytes())])
    }

    #[test]
    fn properties_of_maven_name_a_jar_and_what_is_shaded_into_it() {
        let place = "META-INF/maven/org.example/lib/pom.properties";
        assert_eq!(
            purls("a/renamed.jar", &archive(&[(place, POM)])),
            ["pkg:maven/org.example/lib@1.2"]
        );
        let shaded = "META-INF/maven/org.other/dep/pom.properties";
        let jar = archive(&[(shaded, b"version=7\n"), (place, POM)]);
        let record = read(b"lib-1.2.jar", &jar);
        let told: Vec<_> =
            record.packages.iter().map(|it| (it.package.to_string(), it.asked_for)).collect();
        assert_eq!(
            told,
            [
                ("pkg:maven/org.example/lib@1.2".to_owned(), None),
                ("pkg:maven/org.other/dep@7".to_owned(), Some(false))
            ]
        );
        assert_eq!(purls("app-3.jar", &jar)[0], "pkg:maven/app@3");
    }

    #[test]
    fn manifests_and_names_stand_in_for_properties() {
        let bundle = manifest(
            "Manifest-Version: 1.0\r\nBundle-SymbolicName: org.exam\r\n ple.core;x:=y\r\nBundle-Version: 2.1.0\r\n\r\nName: x\r\nBundle-Version: 9\r\n",
        );
        assert_eq!(purls("x/core-2.1.0-debian.jar", &bundle), ["pkg:maven/org.example/core@2.1.0"]);
        assert_eq!(purls("x/y.jar", &bundle), ["pkg:maven/org.example/core@2.1.0"]);
        let titled = manifest(
            "Implementation-Title: Apache Commons Lang\nImplementation-Version: 3.12.0\nImplementation-Vendor-Id: org.apache\n",
        );
        assert_eq!(
            purls("commons-lang3.jar", &titled),
            ["pkg:maven/org.apache/commons-lang3@3.12.0"]
        );
        assert_eq!(
            purls("commons-lang3-3.11.jar", &titled),
            ["pkg:maven/org.apache/commons-lang3@3.11"]
        );
        assert_eq!(
            purls("commons-lang3-3.x.jar", &titled),
            ["pkg:maven/org.apache/commons-lang3@3.12.0"]
        );
        let plugin =
            manifest("Short-Name: git\nPlugin-Version: 4.0\nGroup-Id: org.jenkins-ci.plugins\n");
        assert_eq!(purls("git.jpi", &plugin), ["pkg:maven/org.jenkins-ci.plugins/git@4.0"]);
        assert_eq!(purls("app.war", &archive(&[])), ["pkg:maven/app"]);
    }

    #[test]
    fn versions_are_split_from_names() {
        for (stem, name, version) in [
            ("log4j-1.2-api-2.19.0", "log4j-1.2-api", "2.19.0"),
            ("guava-31.1-jre", "guava", "31.1-jre"),
            ("a-1.0-20200101.123456-1", "a", "1.0-20200101.123456-1"),
            ("a-b-1.0-beta-2", "a-b", "1.0-beta-2"),
            ("a-beta-2", "a-beta", "2"),
            ("a", "a", ""),
            ("-1", "-1", ""),
            ("a-1-é-2", "a-1-é", "2"),
        ] {
            assert_eq!(split_version(stem), (name, version), "{stem}");
        }
    }

    #[test]
    fn archives_inside_of_others_are_read_to_a_depth() {
        let mut inner = archive(&[("META-INF/maven/org.example/lib/pom.properties", POM)]);
        for depth in 0..6 {
            inner = archive(&[(&format!("BOOT-INF/lib/at{depth}-1.jar"), &inner)]);
        }
        let record = read(b"app-1.jar", &inner);
        let told: Vec<_> = record.packages.iter().map(|it| it.package.name.as_str()).collect();
        assert_eq!(told, ["app", "at5", "at4", "at3"]);
        assert_eq!(record.warnings, ["1 archives are nested too deeply"]);
        assert_eq!(record.packages[1].asked_for, Some(false));
    }

    #[test]
    fn bombs_and_damage_are_warnings() {
        let zeros = vec![0; 70 * 1024 * 1024];
        let bomb = archive(&[("a.war", &zeros)]);
        assert!(bomb.len() < 200_000);
        assert_eq!(read(b"app-1.jar", &bomb).warnings, ["1 archives are damaged or too large"]);
        assert_eq!(read(b"app.jar", b"not a zip").warnings.len(), 1);
        // One entry that a directory names a million times is not read a million times.
        let inner = archive(&[("META-INF/MANIFEST.MF", b"x")]);
        let one = archive(&[("a.jar", &inner)]);
        let start = memchr::memmem::rfind(&one, b"PK\x01\x02").map_or(0, |at| at);
        let end = memchr::memmem::rfind(&one, b"PK\x05\x06").map_or(0, |at| at);
        let central = one[start..end].repeat(200_000);
        let mut tail = one[end..].to_vec();
        tail[12..16].copy_from_slice(&u32::try_from(central.len()).unwrap_or(0).to_le_bytes());
        let many = [&one[..start], &central, &tail].concat();
        let record = read(b"app-1.jar", &many);
        assert_eq!(record.packages.len(), 2);
    }
}
