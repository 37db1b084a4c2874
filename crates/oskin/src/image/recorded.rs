//! Packages of which no more is known than that their package manager keeps a record of them.

/// The name of the Debian package whose list of files a path is (`var/lib/dpkg/info/NAME.list` or
/// `NAME:ARCH.list`), or whose record it is in images without a package manager
/// (`var/lib/dpkg/status.d/NAME`).
///
/// A package that was removed and not purged keeps its list, so the names of lists can be a few more than
/// the installed packages. Other package managers keep all records in one file, so paths do not tell them.
/// O(length).
pub fn recorded_package(path: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(path).ok()?;
    let rest = path.strip_prefix("var/lib/dpkg/")?;
    let name = match rest.strip_prefix("info/") {
        Some(list) => list.strip_suffix(".list")?,
        None => rest.strip_prefix("status.d/").filter(|name| !name.ends_with(".md5sums"))?,
    };
    let name = name.split(':').next().unwrap_or(name);
    (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::recorded_package;

    #[test]
    fn records_of_debian_packages_tell_their_names() {
        for (path, name) in [
            ("var/lib/dpkg/info/libc6:amd64.list", Some("libc6")),
            ("var/lib/dpkg/info/python3.11.list", Some("python3.11")),
            ("var/lib/dpkg/status.d/base-files", Some("base-files")),
            ("var/lib/dpkg/status.d/base-files.md5sums", None),
            ("var/lib/dpkg/info/libc6:amd64.md5sums", None),
            ("var/lib/dpkg/info/a/b.list", None),
            ("var/lib/dpkg/info/.list", None),
            ("var/lib/dpkg/status", None),
            ("srv/var/lib/dpkg/info/a.list", None),
        ] {
            assert_eq!(recorded_package(path.as_bytes()).as_deref(), name, "{path}");
        }
    }
}
