//! Writes first inputs of the fuzz targets that read software, by hand: `records CORPUS`.

// Its names of tags are those of the reader.
#[path = "../../../crates/oskin/src/software/system/rpm/made.rs"]
mod made;

mod header {
    pub const NAME: u32 = 1000;
    pub const VERSION: u32 = 1001;
    pub const RELEASE: u32 = 1002;
    pub const EPOCH: u32 = 1003;
    pub const LICENSE: u32 = 1014;
    pub const ARCH: u32 = 1022;
    pub const FILE_MODES: u32 = 1030;
    pub const SOURCE_RPM: u32 = 1044;
    pub const PROVIDE_NAME: u32 = 1047;
    pub const REQUIRE_NAME: u32 = 1049;
    pub const DIR_INDEXES: u32 = 1116;
    pub const BASE_NAMES: u32 = 1117;
    pub const DIR_NAMES: u32 = 1118;
}

use flate2::Compression;
use flate2::write::{DeflateEncoder, ZlibEncoder};
use oskin::inventory::encode::put_software;
use oskin::inventory::{Entry, EntryKind, Layer};
use oskin::software::Interest;
use oskin::software::programs::Table;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const METADATA: &str =
    "Name: a\nVersion: 1\nLicense: MIT\nRequires-Dist: b (>=1); x == 'extra'\n more\n\nText\n";

/// One of each reader that reads text.
const TEXTS: [(&str, &str); 34] = [
    (
        "var/lib/dpkg/status",
        "Package: a\nStatus: install ok installed\nPriority: required\nArchitecture: amd64\nSource: b (1-2)\nVersion: 1:1-2+b1\nDepends: c (>= 1) | d, e:any\nProvides: f\nDescription: x\n more\n\nPackage: g\nEssential: yes\nStatus: deinstall ok config-files\nVersion: 3\n",
    ),
    ("var/lib/dpkg/status.d/base", "Package: base\nVersion: 12\nArchitecture: all\nLicense: x\n"),
    (
        "var/lib/dpkg/status.d/base.md5sums",
        "d41d8cd98f00b204e9800998ecf8427e  etc/a\nd41d8cd98f00b204e9800998ecf8427e  usr/b c\n",
    ),
    ("var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/a.so\n/lib/a.so.1\n/usr/../x\n"),
    ("var/lib/apt/extended_states", "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\n"),
    (
        "lib/apk/db/installed",
        "C:Q1x=\nP:a\nV:1.2-r3\nA:x86_64\nL:MIT\no:b\nD:so:c=1 !d /bin/sh\np:cmd:a=1 so:e\nF:usr/bin\nR:a\na:0:0:755\nF:\nR:x\n\nP:g\nV:1\n\n",
    ),
    ("etc/apk/world", "a b>1\n!c\nd@edge\n"),
    (
        "var/lib/pacman/local/bash-5.2-1/desc",
        "%NAME%\nbash\n\n%VERSION%\n5.2-1\n\n%BASE%\nb\n\n%ARCH%\nx86_64\n\n%LICENSE%\nGPL\n\n%REASON%\n1\n\n%DEPENDS%\nglibc>=1\n\n%PROVIDES%\nsh\n",
    ),
    ("var/lib/pacman/local/bash-5.2-1/files", "%FILES%\nusr/\nusr/bin/\nusr/bin/bash\n\n%BACKUP%\n"),
    (
        "usr/lib/opkg/status",
        "Package: a\nVersion: 1-2\nDepends: libc, b (>= 1)\nStatus: install user installed\nArchitecture: x\nAuto-Installed: yes\n\n",
    ),
    ("usr/lib/opkg/info/libc.control", "Package: libc\nVersion: 1\nLicense: GPL\nSource: x/y\n"),
    ("usr/lib/opkg/info/libc.list", "/lib/a.so\t0755\n/lib/b\n"),
    ("s/a-1.dist-info/METADATA", METADATA),
    ("s/a-1.egg-info", METADATA),
    ("s/a-1.dist-info/RECORD", "a.py,sha256=x,1\n\"a\"\"b\",,\n../../x,,\n"),
    ("s/a-1.dist-info/REQUESTED", ""),
    ("s/a-1.egg-info/installed-files.txt", "../a.py\n"),
    (
        "lib/node_modules/a/package.json",
        r#"{"name":"@s/a","version":"1","license":[{"type":"MIT"}],"dependencies":{"b":"1"},"_requiredBy":["/"]}"#,
    ),
    ("srv/package.json", r#"{"name":"a","version":"1","dependencies":{"b":"1"}}"#),
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
    ("srv/composer.json", r#"{"require":{"a/b":"1"}}"#),
    ("library/a/DESCRIPTION", "Package: a\nVersion: 1\nImports: b,\n  c\nBuilt: R 4\n"),
    ("l/perllocal.pod", "=head2 x: C<Module> L<A::B|A::B>\nC<VERSION: 1>\n"),
    ("l/auto/A/B/.packlist", "/usr/a.pm\n/usr/b type=file\n"),
    ("l/.meta/A-1/install.json", r#"{"dist":"A-1","provides":{"A":{}}}"#),
    (
        "rocks-5.1/a/1-1/a-1-1.rockspec",
        "license = \"MIT\"\ndependencies = { \"lua >= 5\", 'b' }\n",
    ),
    ("packages/A/abcde/Project.toml", "name = \"A\"\nversion = \"1\"\n[deps]\nB = \"x\"\n"),
    (
        "a/a.deps.json",
        r#"{"targets":{"n":{"a/1":{"dependencies":{"b":"1"}}}},"libraries":{"a/1":{"type":"project"},"b/1":{"type":"package"}}}"#,
    ),
    ("lib/a-1/ebin/a.app", "{application, a, [{vsn, \"1\"}, {applications, [b, c]}]}."),
    ("package.conf.d/a-1.conf", "name: a\nversion: 1\ndepends:\n    b-1\n"),
    ("c/.crates.toml", "[v1]\n\"a 1 (registry+x)\" = [\"b\"]\n"),
    ("bin/busybox", "\x7fELF..BusyBox v1.36.1 (2023-05-18)\0..."),
];

const MODULES: &str = "path\ta.org/b/cmd/a\nmod\ta.org/b\t(devel)\ndep\tc.org/d\tv1\n=>\t./x\ndep\te.org/f\tv2.0.0\nbuild\t-ldflags=\"-X a.version=1.2\"\nbuild\tvcs.revision=0123456789abcdef\nbuild\tvcs.time=2023-04-07T10:11:12Z\n";

const CRATES: &str = r#"{"packages":[{"name":"adler","version":"1.0.2","source":"crates.io"},{"name":"cc","version":"1.0","kind":"build"},{"name":"tool","version":"0.1.0","dependencies":[0,1,7],"root":true}]}"#;

fn main() {
    let corpus = PathBuf::from(std::env::args_os().nth(1).expect("records CORPUS"));
    let mut samples: Vec<(&str, Vec<u8>)> =
        TEXTS.iter().map(|(path, text)| (*path, text.as_bytes().to_vec())).collect();
    let packages = [made::package("a", 0), made::package("b", 900)];
    samples.extend([
        ("var/lib/rpm/rpmdb.sqlite", sqlite(&packages)),
        ("usr/lib/sysimage/rpm/Packages.db", made::ndb(&packages)),
        ("var/lib/rpm/Packages", made::bdb(&packages, 512, false)),
        ("var/lib/rpm/Packages", made::bdb(&packages, 512, true)),
    ]);
    let pom = b"groupId=org.example\nartifactId=lib\nversion=1\n";
    let inner = zip(&[("META-INF/maven/org.example/lib/pom.properties", pom)]);
    let jar = zip(&[
        ("META-INF/MANIFEST.MF", b"Implementation-Title: a\nBundle-Version: 1\n"),
        ("BOOT-INF/lib/lib-1.jar", &inner),
    ]);
    samples.extend([
        ("opt/a/WEB-INF/lib/a.war", zip(&[("WEB-INF/lib/b-1.jar", &jar)])),
        ("a/a-1.jar", jar),
        ("s/a-1-py3.egg", zip(&[("EGG-INFO/PKG-INFO", b"Name: a\nVersion: 1\n")])),
    ]);
    let go = inline_modules();
    let mut audit = ZlibEncoder::new(Vec::new(), Compression::default());
    audit.write_all(CRATES.as_bytes()).expect("memory");
    let audit = audit.finish().expect("memory");
    // Cut off within its table of sections, which stands last.
    let mut bare = elf(&[(".data", &go)]);
    bare.truncate(bare.len() - 8);
    samples.extend([
        ("usr/bin/tool", elf(&[(".go.buildinfo", &go)])),
        ("usr/bin/tool", elf(&[(".dep-v0", &audit), (".go.buildinfo", &pointed_modules())])),
        ("usr/bin/tool", bare),
    ]);
    let mut layer = Layer::new();
    for (number, (path, content)) in samples.iter().enumerate() {
        let input = [&[oskin_fuzz::place_of(path)][..], content].concat();
        write(&corpus, "records", &format!("{number}"), &input);
        let index = layer.push(&Entry::bare(path.as_bytes(), EntryKind::File)).expect("room");
        let interest = Interest::of(path.as_bytes(), 0o755, content.len() as u64);
        let record = interest.expect("a reader").read(path.as_bytes(), content);
        let told = record.packages.len() + record.owned.len() + record.asked_for.len();
        let told = told + record.automatic.len();
        assert!(told > 0 || content.is_empty() || path.ends_with("composer.json"), "{path}");
        layer.tell(index, Arc::new(record));
    }
    let mut kept = Vec::new();
    put_software(&mut kept, &layer);
    write(&corpus, "kept-software", "all", &kept);
    programs(&corpus);
}

fn write(corpus: &Path, target: &str, name: &str, bytes: &[u8]) {
    let directory = corpus.join(target);
    fs::create_dir_all(&directory).expect("the corpus can be written");
    fs::write(directory.join(name), bytes).expect("the corpus can be written");
}

/// A path that shows each program, with a text that tells of it; a small table, and versions.
fn programs(corpus: &Path) {
    for (number, program) in Table::built_in().programs().iter().enumerate() {
        let paths = program.paths.iter().flat_map(|rule| &rule.examples).map(|(path, _)| path);
        let texts = program.marks.iter().flat_map(|rule| &rule.examples).map(|(text, _)| text);
        let path = paths.cloned().next().unwrap_or_else(|| format!("usr/bin/{}", program.name));
        let text: Vec<&str> = texts.map(String::as_str).collect();
        let input = format!("{path}\n{}", text.join("\n"));
        write(corpus, "programs", &format!("{number}"), input.as_bytes());
    }
    let table = "opt/x-2\nprogram x tool\nalso y z\nparts xx\nport 80 81\npath **/{version}*/x-{version}\npath opt/x-{version}\nlike opt/x-2 = 2\nread **/bin/x*\nmark \\0x {version} (\nordinary a\ncommon b\n";
    write(corpus, "programs", "table", table.as_bytes());
    for (name, versions) in [
        ("deb", "1:1.0~rc1-1+b2\n1.0-1"),
        ("npm", "1.10.0-rc.1+x\n1.9.0"),
        ("pypi", "1!1.0.post1.dev2+a.1\n1.0a1"),
    ] {
        write(corpus, "programs", name, format!("x\n{versions}\n").as_bytes());
    }
    write(corpus, "programs", "query", b"x\nopenssl<3.0.7,>=1.1");
}

fn varint(into: &mut Vec<u8>, value: usize) {
    if value >= 128 {
        into.push(u8::try_from(value >> 7).expect("a short value") | 128);
    }
    into.push(u8::try_from(value & 127).expect("seven bits"));
}

/// A database of two pages, and chains of pages for long headers.
fn sqlite(headers: &[Vec<u8>]) -> Vec<u8> {
    const PAGE: usize = 1024;
    let short = |value: usize| u16::try_from(value).expect("a short value").to_be_bytes();
    let long = |value: usize| u32::try_from(value).expect("a short value").to_be_bytes();
    let mut chains: Vec<Vec<u8>> = Vec::new();
    let mut page_of = |start: usize, rows: &[Vec<u8>]| {
        let mut page = vec![0; PAGE];
        page[start] = 13;
        page[start + 3..start + 5].copy_from_slice(&short(rows.len()));
        let mut end = PAGE;
        for (number, row) in rows.iter().enumerate() {
            let mut cell = Vec::new();
            varint(&mut cell, row.len());
            varint(&mut cell, number + 1);
            let (most, least) = (PAGE - 35, (PAGE - 12) * 32 / 255 - 23);
            if row.len() <= most {
                cell.extend(row);
            } else {
                let local = least + (row.len() - least) % (PAGE - 4);
                let local = if local <= most { local } else { least };
                cell.extend(&row[..local]);
                cell.extend(long(3 + chains.len()));
                let rest: Vec<&[u8]> = row[local..].chunks(PAGE - 4).collect();
                for (at, chunk) in rest.iter().enumerate() {
                    let next = if at + 1 == rest.len() { 0 } else { 4 + chains.len() };
                    let mut chained = [&long(next)[..], chunk].concat();
                    chained.resize(PAGE, 0);
                    chains.push(chained);
                }
            }
            end -= cell.len();
            page[end..end + cell.len()].copy_from_slice(&cell);
            let at = start + 8 + 2 * number;
            page[at..at + 2].copy_from_slice(&short(end));
        }
        page
    };
    let record = |types: &[usize], values: &[&[u8]]| {
        let mut all = Vec::new();
        types.iter().for_each(|kind| varint(&mut all, *kind));
        [&[u8::try_from(all.len() + 1).expect("few columns")], &all[..], &values.concat()].concat()
    };
    let schema = record(
        &[13 + 2 * 5, 13 + 2 * 8, 13 + 2 * 8, 1, 13 + 2],
        &[b"table", b"Packages", b"Packages", &[2], b"x"],
    );
    let mut first = page_of(100, &[schema]);
    let rows: Vec<Vec<u8>> =
        headers.iter().map(|header| record(&[0, 12 + 2 * header.len()], &[header])).collect();
    let second = page_of(0, &rows);
    first[..16].copy_from_slice(b"SQLite format 3\0");
    first[16..18].copy_from_slice(&short(PAGE));
    first[28..32].copy_from_slice(&long(2 + chains.len()));
    [first, second, chains.concat()].concat()
}

/// An archive whose files are packed, but for other archives.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let word = |value: usize| u32::try_from(value).expect("a small archive").to_le_bytes();
    let (mut body, mut list) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let is_stored = name.ends_with("jar");
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).expect("memory");
        let deflated = encoder.finish().expect("memory");
        let packed = if is_stored { content } else { &deflated[..] };
        let method = if is_stored { 0 } else { 8 };
        let sizes = [word(0), word(0), word(packed.len()), word(content.len())].concat();
        let lengths = [&word(name.len())[..2], &[0, 0]].concat();
        let common = [&[20, 0, 0, 0, method, 0], &sizes[..], &lengths].concat();
        let at = word(body.len());
        body.extend([b"PK\x03\x04", &common[..], name.as_bytes(), packed].concat());
        let tail = [&[0; 10], &at[..]].concat();
        list.extend([b"PK\x01\x02\x14\0", &common[..], &tail, name.as_bytes()].concat());
    }
    let count = [&word(files.len())[..2], &word(files.len())[..2]].concat();
    let end = [b"PK\x05\x06\0\0\0\0", &count[..], &word(list.len()), &word(body.len()), &[0, 0]];
    [body, list, end.concat()].concat()
}

/// What Go writes since 1.18.
fn inline_modules() -> Vec<u8> {
    let modules = format!("{0}{MODULES}{0}", "x".repeat(16));
    let mut block = b"\xff Go buildinf:\x08\x02".to_vec();
    block.resize(32, 0);
    block.extend(b"\x06go1.20");
    block.push(u8::try_from(modules.len() & 127).expect("seven bits") | 128);
    block.push(u8::try_from(modules.len() >> 7).expect("a short text"));
    [&block[..], modules.as_bytes()].concat()
}

/// What Go wrote before: addresses of texts. The address of the file is that of its bytes.
fn pointed_modules() -> Vec<u8> {
    let modules = format!("{0}{MODULES}{0}", "x".repeat(16));
    // As `elf` lays it out: behind the section before.
    let mut block = b"\xff Go buildinf:\x08\x00".to_vec();
    let base = 4096_u64;
    block.extend([base + 32, base + 48].map(u64::to_le_bytes).concat());
    block.extend([base + 64, 6, base + 70, modules.len() as u64].map(u64::to_le_bytes).concat());
    [&block[..], b"go1.12", modules.as_bytes()].concat()
}

/// A program of these sections; the last begins at 4096 bytes, which is its address as well.
fn elf(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let section = |name: usize, at: usize, len: usize| {
        let fields = [0, 0, at as u64, len as u64, 0, 0, 0].map(u64::to_le_bytes).concat();
        let name = u32::try_from(name).expect("a short name").to_le_bytes();
        [&name[..], &[1, 0, 0, 0], &fields].concat()
    };
    let mut names = vec![0];
    let mut body = vec![0; 120];
    let mut table = vec![0; 64];
    for (number, (name, content)) in sections.iter().enumerate() {
        let is_last = number + 1 == sections.len() && sections.len() > 1;
        body.resize(if is_last { 4096 } else { body.len() }, 0);
        table.extend(section(names.len(), body.len(), content.len()));
        names.extend([name.as_bytes(), &[0]].concat());
        body.extend(*content);
    }
    let name = names.len();
    names.extend(b".shstrtab\0");
    table.extend(section(name, body.len(), names.len()));
    body.extend(names);
    let short = |value: usize| u16::try_from(value).expect("a short value").to_le_bytes();
    let (at, count) = (body.len() as u64, sections.len() + 2);
    let head = [
        &b"\x7fELF\x02\x01\x01"[..],
        &[0; 9],
        &[2, 0, 62, 0, 1, 0, 0, 0],
        &[0, 64, at].map(u64::to_le_bytes).concat(),
        &[0; 4],
        &[64, 56, 1, 64, count, count - 1].map(short).concat(),
    ];
    let loaded = [0, 0, 0, at, at, 0].map(u64::to_le_bytes).concat();
    let segment = [&[1, 0, 0, 0, 6, 0, 0, 0][..], &loaded].concat();
    let head = [head.concat(), segment].concat();
    body[..head.len()].copy_from_slice(&head);
    [body, table].concat()
}
