//! Applications of Erlang and Elixir: each has a resource file `ebin/NAME.app`.
//!
//! Source: the documentation of Erlang/OTP, "app(4)"; the hex and otp types of purls.

use super::parts::{above, found, names_from_end, quoted, text};
use crate::software::{FoundPackage, Record};

/// Whether a path is a resource file.
pub(super) fn is_application(path: &[u8]) -> bool {
    let mut names = names_from_end(path);
    let ends_well = names.next().is_some_and(|name| name.len() > 4 && name.ends_with(b".app"));
    ends_well && names.next() == Some(b"ebin")
}

/// Reads the term `{application, NAME, [{vsn, "1.0"}, {applications, [kernel, stdlib]}, ...]}`. O(bytes).
pub(super) fn read(path: &[u8], content: &[u8]) -> Record {
    let told = text(content);
    let lines = told.lines().filter(|line| !line.trim_start().starts_with('%'));
    let dense: String = lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    let after = |key: &str| dense.split_once(key).map(|(_, rest)| rest);
    let name = after("{application,").and_then(|rest| rest.split(',').next());
    let version = after("{vsn,").filter(|rest| rest.starts_with('"')).and_then(quoted);
    let is_standard = memchr::memmem::find(path, b"erlang/lib/").is_some();
    let is_of_elixir = memchr::memmem::find(path, b"/elixir/lib/").is_some()
        && names_from_end(path).next() != Some(b"elixir.app");
    let kind = if is_standard { "otp" } else { "hex" };
    let name = name.unwrap_or_default().trim_matches('\'');
    let mut record = Record::default();
    let Some(package) = found(kind, "", name, version.unwrap_or_default()) else {
        record.warnings.push("it names no application".to_owned());
        return record;
    };
    let needs = after("{applications,[").and_then(|rest| rest.split(']').next());
    let needs = needs.unwrap_or_default().split(',').filter(|name| !name.is_empty());
    record.packages.push(FoundPackage {
        directory: above(path, 2).to_vec(),
        depends: needs.map(str::to_owned).collect(),
        asked_for: (is_standard || is_of_elixir).then_some(false),
        ..package
    });
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_files_tell_name_version_and_needs() {
        let told = "%% made by hand\n{application, cowboy,\n [{description, \"a, b\"},\n  {vsn, \"2.9.0\"},\n  {applications, [kernel,\n stdlib, ranch]}]}.\n";
        let path = b"opt/app/lib/cowboy-2.9.0/ebin/cowboy.app";
        assert!(is_application(path) && !is_application(b"opt/cowboy.app"));
        let package = read(path, told.as_bytes()).packages.remove(0);
        assert_eq!(package.package.to_string(), "pkg:hex/cowboy@2.9.0");
        assert_eq!(package.depends, ["kernel", "stdlib", "ranch"]);
        assert_eq!(package.directory, b"opt/app/lib/cowboy-2.9.0");
        let standard = read(b"usr/lib/erlang/lib/ssl-9/ebin/ssl.app", b"{application,ssl,[]}.");
        assert_eq!(standard.packages[0].package.to_string(), "pkg:otp/ssl");
        assert_eq!(read(path, b"").warnings.len(), 1);
    }
}
