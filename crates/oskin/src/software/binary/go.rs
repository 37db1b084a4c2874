//! What Go writes into programs: its version, the main module and all modules that it was built with.
//!
//! Source: `debug/buildinfo` and `runtime/debug` of the Go library, by their documentation and by files: a block of 32
//! bytes, then either pointers to two strings (before Go 1.18) or the strings themselves with their lengths.

use super::elf::{Elf, number};
use crate::software::language::parts::{found, found_scoped, text, word};
use crate::software::{FoundPackage, Record};
use memchr::memmem;

const MARK: &[u8] = b"\xff Go buildinf:";

/// The most modules of a program; the largest have about a thousand.
const MAX_MODULES: usize = 5000;

/// How many marks are looked at where no section tells the place: other programs that look for it hold it as well.
const MAX_MARKS: usize = 64;

/// The most of the text that is read.
const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;

/// What is built in, if anything. O(sections), and O(bytes) where there are no headers of sections.
pub(super) fn read(path: &[u8], elf: &Elf<'_>, content: &[u8]) -> Option<Record> {
    let (version, modules) = if elf.has_sections() {
        let section = elf.section(b".go.buildinfo")?;
        blocks(section).find_map(|block| decode(elf, block))?
    } else {
        blocks(content).find_map(|block| decode(elf, block))?
    };
    Some(tell(path, &text(version), &text(modules)))
}

fn blocks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    memmem::find_iter(bytes, MARK).take(MAX_MARKS).filter_map(|at| bytes.get(at..))
}

/// The two texts of a block: the version of Go, and what it says of modules.
fn decode<'a>(elf: &Elf<'a>, block: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let [size, flags] = *block.get(MARK.len()..)?.first_chunk()?;
    let (version, modules) = if flags & 2 != 0 {
        let (version, rest) = counted(block.get(32..)?)?;
        (version, counted(rest).map_or(&[][..], |(modules, _)| modules))
    } else {
        let size = usize::from(size).min(8);
        let is_little = flags & 1 == 0;
        let string = |at: usize| {
            let place = number(block.get(at..at + size)?, is_little)?;
            let header = elf.at_address(place)?;
            let start = elf.at_address(number(header.get(..size)?, is_little)?)?;
            let len = number(header.get(size..2 * size)?, is_little)?;
            start.get(..usize::try_from(len).ok()?)
        };
        (string(16)?, string(16 + size).unwrap_or_default())
    };
    let is_version = version.starts_with(b"go") || version.starts_with(b"devel");
    // Sixteen bytes before and behind mark the text for programs that read others in memory.
    let end = modules.len().saturating_sub(16);
    let modules = modules.get(16..end).filter(|text| text.ends_with(b"\n")).unwrap_or_default();
    is_version.then(|| (version, modules.get(..MAX_TEXT_BYTES).unwrap_or(modules)))
}

/// A text behind its length, which is written in groups of seven bits; and what follows.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut len = 0_u64;
    for (at, byte) in bytes.iter().take(9).enumerate() {
        len |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return bytes.get(at + 1..)?.split_at_checked(usize::try_from(len).ok()?);
        }
    }
    None
}

/// The lines of the text, taken apart.
#[derive(Debug, Default)]
struct Told<'a> {
    /// The package of the main function.
    path: &'a str,
    main: Option<Module<'a>>,
    modules: Vec<Module<'a>>,
    flags: &'a str,
    revision: &'a str,
    time: &'a str,
    is_modified: bool,
    is_cut: bool,
}

#[derive(Clone, Copy, Debug)]
struct Module<'a> {
    name: &'a str,
    version: &'a str,
    /// The module that stands in for it: its name, or a directory, and its version.
    replaced_by: Option<(&'a str, &'a str)>,
}

impl<'a> Told<'a> {
    fn line(&mut self, line: &'a str) {
        let mut words = line.split('\t');
        let kind = words.next().unwrap_or_default();
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let module = Module { name: first, version: second, replaced_by: None };
        match kind {
            "path" => self.path = first,
            "mod" => self.main = Some(module),
            "dep" if self.modules.len() < MAX_MODULES => self.modules.push(module),
            "dep" => self.is_cut = true,
            "=>" => {
                let replaced = self.modules.last_mut().or(self.main.as_mut());
                if let Some(replaced) = replaced {
                    replaced.replaced_by = Some((first, second));
                }
            }
            "build" => {
                let (key, value) = first.split_once('=').unwrap_or((first, ""));
                match key {
                    "-ldflags" => self.flags = value,
                    "vcs.revision" => self.revision = value,
                    "vcs.time" => self.time = value,
                    "vcs.modified" => self.is_modified = value == "true",
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// The main module. Distributions build without modules; then the path of its package names it as far as the
    /// directory of its commands.
    fn main_package(&self) -> Option<FoundPackage> {
        if let Some(main) = self.main.filter(|main| !main.name.is_empty()) {
            let package = main.package()?;
            if !package.package.version.is_empty() {
                return Some(package);
            }
            let version =
                self.linked_version().map_or_else(|| self.pseudo_version(), str::to_owned);
            return found_scoped("golang", main.name, &version);
        }
        // The programs of Go itself, and single files, have no host in their path.
        let host = self.path.split('/').next().filter(|host| host.contains('.'))?;
        let end = self.path.find("/cmd/").filter(|end| *end > host.len());
        let name = self.path.get(..end.unwrap_or(self.path.len()))?;
        found_scoped("golang", name, self.linked_version().unwrap_or_default())
    }

    /// The version that was put into a variable when the program was linked: `-X main.version=1.2.3`.
    fn linked_version(&self) -> Option<&'a str> {
        let words = self.flags.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
        words
            .filter_map(|word| {
                let (variable, value) = word.trim_start_matches("-X=").split_once('=')?;
                let (_, name) = variable.rsplit_once('.')?;
                let name = name.to_ascii_lowercase();
                let is_version = name.ends_with("version") && !name.contains("go");
                let digits = value.trim_start_matches('v').split('.').next()?;
                let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
                // Quotes of a shell may have been written with backslashes before them.
                let is_part =
                    |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '~');
                let value = value.get(..value.find(|c| !is_part(c)).unwrap_or(value.len()))?;
                (is_version && is_number && value.contains('.')).then_some((name, value))
            })
            // Other versions, such as `apiVersion`, are told beside that of the program.
            .min_by_key(|(name, _)| name.len())
            .map(|(_, value)| value)
    }

    /// The version that Go gives to a state of the sources that has none; empty if it is not told.
    fn pseudo_version(&self) -> String {
        let time: String = self.time.chars().filter(char::is_ascii_digit).take(14).collect();
        match self.revision.get(..12) {
            Some(revision) if time.len() == 14 => {
                let dirty = if self.is_modified { "+dirty" } else { "" };
                format!("v0.0.0-{time}-{revision}{dirty}")
            }
            _ => String::new(),
        }
    }
}

impl Module<'_> {
    /// What was built in: the module that stands in for it, if there is one. Of a directory nothing but the name of
    /// the module is known.
    fn package(&self) -> Option<FoundPackage> {
        let (name, version) = match self.replaced_by {
            Some((place, _)) if place.starts_with(['.', '/']) => (self.name, ""),
            Some(other) => other,
            None => (self.name, self.version),
        };
        let version = if version == "(devel)" { "" } else { version };
        let package = found_scoped("golang", name, version)?;
        let provides = if name == self.name { vec![] } else { vec![self.name.to_owned()] };
        Some(FoundPackage { provides, ..package })
    }
}

fn tell(path: &[u8], version: &str, modules: &str) -> Record {
    let mut told = Told::default();
    modules.lines().for_each(|line| told.line(line));
    let mut record = Record::default();
    if told.is_cut {
        record.warnings.push("it has more modules than are read".to_owned());
    }
    let files = || if path.len() <= 4096 { vec![path.to_vec()] } else { vec![] };
    let from_main = |package| FoundPackage { asked_for: Some(false), files: files(), ..package };
    let modules: Vec<_> = told.modules.iter().filter_map(Module::package).map(from_main).collect();
    if let Some(main) = told.main_package() {
        let full_name = |it: &FoundPackage| match it.package.namespace.as_str() {
            "" => it.package.name.clone(),
            namespace => format!("{namespace}/{}", it.package.name),
        };
        let depends = std::iter::once("stdlib".to_owned()).chain(modules.iter().map(full_name));
        record.packages.push(FoundPackage { files: files(), depends: depends.collect(), ..main });
    }
    // `go1.22.1 X:aliastypeparams`, `devel go1.23-8f5c6904b6 Mon Jan ...`.
    let version = version.split(' ').find_map(|word| word.strip_prefix("go")).and_then(word);
    record
        .packages
        .extend(found("golang", "", "stdlib", version.unwrap_or_default()).map(from_main));
    record.packages.extend(modules);
    record
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::elf::tests::build;
    use super::*;

    /// The block with the strings in it, as Go since 1.18 writes it.
    pub(in super::super) fn inline(version: &str, modules: &str) -> Vec<u8> {
        let mut block = [MARK, &[8, 2], &[0; 16]].concat();
        for text in [version.to_owned(), format!("{}{modules}{}", "x".repeat(16), "y".repeat(16))] {
            let mut len = text.len();
            while len > 0x7f {
                block.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
                len >>= 7;
            }
            block.push(u8::try_from(len).unwrap());
            block.extend(text.bytes());
        }
        block
    }

    /// A file with a block of pointers, as Go before 1.18 wrote it.
    pub(in super::super) fn pointed(
        is_64: bool,
        is_little: bool,
        version: &str,
        modules: &str,
    ) -> Vec<u8> {
        let size = if is_64 { 8 } else { 4 };
        let base: u64 = 0x40_0000 + if is_64 { 64 + 56 } else { 52 + 32 };
        let pointer = |value: u64| {
            let mut bytes = value.to_be_bytes()[8 - size..].to_vec();
            if is_little {
                bytes.reverse();
            }
            bytes
        };
        let modules = format!("{}{modules}{}", "x".repeat(16), "y".repeat(16));
        let size64 = size as u64;
        let [strings, first] = [base + 32, base + 32 + 4 * size64];
        let lens = [version.len() as u64, modules.len() as u64];
        let mut block = [MARK, &[u8::try_from(size).unwrap(), u8::from(!is_little)]].concat();
        block.extend([pointer(strings), pointer(strings + 2 * size64)].concat());
        block.resize(32, 0);
        for value in [first, lens[0], first + lens[0], lens[1]] {
            block.extend(pointer(value));
        }
        block.extend([version.as_bytes(), modules.as_bytes()].concat());
        build(is_64, is_little, &[(".go.buildinfo", &block)], 0x40_0000)
    }

    fn told(file: &[u8]) -> Vec<String> {
        let record = read(b"usr/bin/a", &Elf::new(file).unwrap(), file).unwrap();
        assert_eq!(record.warnings, [""; 0]);
        record.packages.iter().map(|it| it.package.to_string()).collect()
    }

    const MODULES: &str = "path\texample.org/tool/cmd/a\nmod\texample.org/Tool\tv1.2.3\th1:x=\n\
        dep\tgithub.com/x/y\tv1.0.0\th1:x=\ndep\tgithub.com/x/old\tv1.0.0\n=>\tgithub.com/x/new\tv2.0.0\th1:x=\n\
        dep\tk8s.io/api\tv0.0.0\n=>\t./staging/api\t(devel)\t\nbuild\tGOOS=linux\n";

    const PURLS: [&str; 5] = [
        "pkg:golang/example.org/tool@v1.2.3",
        "pkg:golang/stdlib@1.22.1",
        "pkg:golang/github.com/x/y@v1.0.0",
        "pkg:golang/github.com/x/new@v2.0.0",
        "pkg:golang/k8s.io/api",
    ];

    #[test]
    fn both_forms_are_read_in_all_kinds_of_files() {
        let inline = inline("go1.22.1 X:x", MODULES);
        for (is_64, is_little) in [(true, true), (true, false), (false, true), (false, false)] {
            let file = build(is_64, is_little, &[(".go.buildinfo", &inline)], 0);
            assert_eq!(told(&file), PURLS);
            assert_eq!(told(&pointed(is_64, is_little, "go1.22.1", MODULES)), PURLS);
        }
        let file = build(true, true, &[(".data", &inline)], 0);
        assert!(read(b"a", &Elf::new(&file).unwrap(), &file).is_none());
        // Without headers of sections, which stand last, the mark is looked for.
        assert_eq!(told(&file[..file.len() - 10]), PURLS);
        let false_mark =
            [&build(true, true, &[(".data", MARK), (".more", &inline)], 0)[..]].concat();
        assert_eq!(told(&false_mark[..false_mark.len() - 10]), PURLS);
    }

    #[test]
    fn the_main_module_needs_the_others() {
        let file = build(true, true, &[(".go.buildinfo", &inline("go1.22.1", MODULES))], 0);
        let record = read(b"usr/bin/a", &Elf::new(&file).unwrap(), &file).unwrap();
        let main = &record.packages[0];
        assert_eq!(main.depends, ["stdlib", "github.com/x/y", "github.com/x/new", "k8s.io/api"]);
        assert_eq!((main.asked_for, record.packages[1].asked_for), (None, Some(false)));
        assert_eq!(record.packages[3].provides, ["github.com/x/old"]);
        assert!(record.packages.iter().all(|it| it.files == [b"usr/bin/a"]));
    }

    fn main_of(modules: &str) -> String {
        let record = tell(b"a", "devel go1.23-8f5c690 Mon", modules);
        assert_eq!(
            record.packages.last().unwrap().package.to_string(),
            "pkg:golang/stdlib@1.23-8f5c690"
        );
        record.packages[0].package.to_string()
    }

    #[test]
    fn a_version_is_looked_for_where_the_module_has_none() {
        let devel = "mod\tk8s.io/kubernetes\t(devel)\t\n";
        let flags = "build\t-ldflags=\"-s -X 'k8s.io/x/version.goVersion=1.1' -X k8s.io/version.gitVersion=v1.27.4\\ -X x.buildDateVersion=2.0\"\n";
        let vcs = "build\tvcs.revision=0123456789abcdef\nbuild\tvcs.time=2023-04-07T10:11:12Z\nbuild\tvcs.modified=true\n";
        assert_eq!(
            main_of(&format!("{devel}{flags}{vcs}")),
            "pkg:golang/k8s.io/kubernetes@v1.27.4"
        );
        assert_eq!(
            main_of(&format!("{devel}{vcs}")),
            "pkg:golang/k8s.io/kubernetes@v0.0.0-20230407101112-0123456789ab%2Bdirty"
        );
        assert_eq!(main_of(devel), "pkg:golang/k8s.io/kubernetes");
        assert_eq!(main_of("path\tgithub.com/a/b/cmd/c\n"), "pkg:golang/github.com/a/b");
        assert_eq!(main_of("path\tcmd/compile\n"), "pkg:golang/stdlib@1.23-8f5c690");
    }

    #[test]
    fn lengths_beyond_the_file_are_none() {
        assert_eq!(counted(&[5, 1, 2]), None);
        assert_eq!(counted(&[0xff; 12]), None);
        assert_eq!(counted(&[2, 1, 2, 3]), Some((&[1, 2][..], &[3][..])));
        assert_eq!(counted(&[]), None);
    }
}
