//! Cargo: `.crates.toml` lists the programs that `cargo install` installed.
//!
//! Source: The Cargo Book, "cargo install" and "Cargo Home", and the files that it writes.

use super::parts::{Files, above, found, names_from_end, text};
use crate::software::{FoundPackage, Record};

/// Whether a path is the list.
pub(super) fn is_installed_list(path: &[u8]) -> bool {
    names_from_end(path).next() == Some(b".crates.toml")
}

/// Reads lines such as `"ripgrep 13.0.0 (registry+https://...)" = ["rg"]`. O(bytes).
pub(super) fn read(path: &[u8], content: &[u8]) -> Record {
    let mut record = Record::default();
    let home = crate::path::join(above(path, 1), b"bin");
    for line in text(content).lines() {
        let Some((key, programs)) = line.trim().split_once("\" = [") else { continue };
        let mut words = key.trim_start_matches('"').split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if let Some(package) = found("cargo", "", name, version) {
            let mut files = Files::new(&home, line.len());
            programs.split('"').skip(1).step_by(2).for_each(|name| files.add(name.as_bytes()));
            let files = files.finish(&mut record.warnings);
            record.packages.push(FoundPackage { files, asked_for: Some(true), ..package });
        }
    }
    record.warnings.truncate(1);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installed_programs_are_read() {
        let told = "[v1]\n\"ripgrep 13.0.0 (registry+https://example.org/index)\" = [\"rg\", \"rg2\"]\n\"a 1.0 (path+file:///a)\" = [\n";
        let path = b"usr/local/cargo/.crates.toml";
        assert!(is_installed_list(path));
        let record = read(path, told.as_bytes());
        let purls: Vec<_> = record.packages.iter().map(|it| it.package.to_string()).collect();
        assert_eq!(purls, ["pkg:cargo/ripgrep@13.0.0", "pkg:cargo/a@1.0"]);
        assert_eq!(
            record.packages[0].files,
            [&b"usr/local/cargo/bin/rg"[..], b"usr/local/cargo/bin/rg2"]
        );
    }
}
