//! What cargo-auditable writes into programs: the crates that they were built of.
//!
//! Source: the description of the format of cargo-auditable ("PARSING.md"): a section `.dep-v0` that holds JSON in the
//! format of zlib.

use super::elf::Elf;
use crate::software::language::json::{self, Fields, Many, Object, Text, Texts};
use crate::software::language::parts::found;
use crate::software::{FoundPackage, Record};
use flate2::read::ZlibDecoder;
use serde::de::MapAccess;
use std::io::Read as _;

/// The most JSON that is read; a thousand crates take 200 KiB.
const MAX_JSON_BYTES: u64 = 8 * 1024 * 1024;

/// The most crates of a program, and the most names that they need together.
const MAX_CRATES: usize = 10_000;
const MAX_NEEDS: usize = 100_000;

#[derive(Debug, Default)]
struct Audit(Vec<Crate>);

impl Fields for Audit {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        let is_list = key == "packages";
        if is_list {
            map.next_value_seed(Object(&mut Many(&mut self.0)))?;
        }
        Ok(is_list)
    }
}

#[derive(Debug, Default)]
struct Crate {
    name: Text,
    version: Text,
    kind: Text,
    needs: Texts,
    is_root: bool,
}

impl Fields for Crate {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "version" => self.version = map.next_value()?,
            "kind" => self.kind = map.next_value()?,
            "dependencies" => self.needs = map.next_value()?,
            // It is only written where it is true.
            "root" => self.is_root = map.next_value::<serde::de::IgnoredAny>().is_ok(),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// What is built in, if anything; crates that only the build ran are left out. O(sections), and O(bytes of the JSON).
pub(super) fn read(path: &[u8], elf: &Elf<'_>) -> Option<Record> {
    let section = elf.section(b".dep-v0")?;
    let mut record = Record::default();
    let mut json = Vec::new();
    let mut decoder = ZlibDecoder::new(section).take(MAX_JSON_BYTES);
    if decoder.read_to_end(&mut json).is_err() {
        record.warnings.push("its list of crates is damaged".to_owned());
    }
    let mut audit = Audit::default();
    record.warnings.extend(json::read(&json, &mut audit));
    let mut left = MAX_NEEDS;
    for it in audit.0.iter().take(MAX_CRATES).filter(|it| it.kind.as_str() != "build") {
        let Some(package) = found("cargo", "", it.name.as_str(), it.version.as_str()) else {
            continue;
        };
        let needs = it.needs.0.iter().filter_map(|at| audit.0.get(at.parse::<usize>().ok()?));
        let needs = needs.filter(|it| it.kind.as_str() != "build").take(left);
        let depends: Vec<String> =
            needs.map(|it| it.name.as_str().chars().take(64).collect()).collect();
        left -= depends.len();
        record.packages.push(FoundPackage {
            files: if path.len() <= 4096 { vec![path.to_vec()] } else { vec![] },
            depends,
            asked_for: (!it.is_root).then_some(false),
            ..package
        });
    }
    Some(record)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::elf::tests::build;
    use super::*;
    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use std::io::Write as _;

    pub(in super::super) const JSON: &str = r#"{"packages":[
        {"name":"adler","version":"1.0.2","source":"crates.io","features":["std"]},
        {"name":"cc","version":"1.0","source":"crates.io","kind":"build"},
        {"name":"tool","version":"0.1.0","source":"local","dependencies":[0,1,7],"root":true}],"format":1}"#;

    pub(in super::super) fn audited(json: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(json).unwrap();
        build(true, true, &[(".dep-v0", &encoder.finish().unwrap())], 0)
    }

    #[test]
    fn crates_are_told_but_those_of_the_build() {
        let file = audited(JSON.as_bytes());
        let record = read(b"usr/bin/tool", &Elf::new(&file).unwrap()).unwrap();
        let told: Vec<_> = record
            .packages
            .iter()
            .map(|it| (it.package.to_string(), it.asked_for, it.depends.join(" ")))
            .collect();
        assert_eq!(told[0], ("pkg:cargo/adler@1.0.2".to_owned(), Some(false), String::new()));
        assert_eq!(told[1], ("pkg:cargo/tool@0.1.0".to_owned(), None, "adler".to_owned()));
        assert_eq!((told.len(), record.warnings.len()), (2, 0));
    }

    #[test]
    fn what_bursts_is_cut() {
        let file = audited(&vec![b'['; 64 * 1024 * 1024]);
        assert!(file.len() < 200_000);
        let record = read(b"a", &Elf::new(&file).unwrap()).unwrap();
        assert_eq!((record.packages.len(), record.warnings.len()), (0, 1));
    }
}
