//! Lua rocks: the path of a rockspec names a rock and its version.
//!
//! Source: the documentation of `LuaRocks`, "Rockspec format" and "File locations".

use super::parts::{above, found, license, names_from_end, quoted, text};
use crate::software::{FoundPackage, Record};

/// Whether a path is the specification of an installed rock: `rocks-5.1/NAME/VERSION/NAME-VERSION.rockspec`.
pub(super) fn is_specification(path: &[u8]) -> bool {
    let mut names = names_from_end(path);
    let ends_well = names.next().is_some_and(|name| name.ends_with(b".rockspec"));
    ends_well && names.nth(2).is_some_and(|name| name.starts_with(b"rocks"))
}

/// Reads the licence and the needs of a rock, whose path tells the rest. O(bytes).
pub(super) fn read(path: &[u8], content: &[u8]) -> Record {
    let mut names = names_from_end(path).skip(1).map(String::from_utf8_lossy);
    let (version, name) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    let mut record = Record::default();
    let Some(package) = found("luarocks", "", &name, &version) else {
        record.warnings.push("its path names no rock".to_owned());
        return record;
    };
    let mut terms = String::new();
    let mut depends = Vec::new();
    let mut in_list = false;
    for line in text(content).lines().map(str::trim) {
        // The word may stand in a summary before.
        let mut values = line.split("license").skip(1).map(str::trim_start);
        if let Some(value) = values.find(|it| it.starts_with('=')).filter(|_| terms.is_empty()) {
            terms = license(quoted(value).unwrap_or_default());
        }
        in_list |= line.starts_with("dependencies");
        if in_list {
            let all = line.split(['{', ',', '}']).filter_map(quoted);
            let names = all.filter_map(|need| need.split([' ', '=', '<', '>', '~']).next());
            depends.extend(names.filter(|it| !it.is_empty() && *it != "lua").map(str::to_owned));
            in_list = !line.contains('}');
        }
    }
    let directory = above(path, 1).to_vec();
    record.packages.push(FoundPackage { license: terms, directory, depends, ..package });
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rocks_are_told_by_their_path() {
        let path =
            b"usr/local/lib/luarocks/rocks-5.1/luasocket/3.0rc1-2/luasocket-3.0rc1-2.rockspec";
        assert!(is_specification(path));
        let text = "package = \"LuaSocket\"\ndescription = { summary = \"a license\",\n license = \"MIT\" }\ndependencies = {\n   \"lua >= 5.1\", 'lpeg ~> 1',\n}\n";
        let package = read(path, text.as_bytes()).packages.remove(0);
        assert_eq!(package.package.to_string(), "pkg:luarocks/luasocket@3.0rc1-2");
        assert_eq!(
            (package.license.as_str(), &package.depends[..]),
            ("MIT", &["lpeg".to_owned()][..])
        );
    }
}
