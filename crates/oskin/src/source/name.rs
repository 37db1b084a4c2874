//! The name that an image gets from the file it lies in.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Endings that tell the format and not the name, longest first where one ends another.
const ENDINGS: [&str; 25] = [
    ".gz",
    ".zst",
    ".zstd",
    ".xz",
    ".bz2",
    ".tgz",
    ".tzst",
    ".txz",
    ".tbz2",
    ".tbz",
    ".tar",
    ".oci",
    ".img.zip",
    ".zip",
    ".json",
    ".txt",
    ".paths",
    ".list",
    ".docker",
    ".oski",
    ".sif",
    ".simg",
    ".sqsh",
    ".squashfs",
    ".img",
];

/// The last name of a path without known endings, however many there are.
///
/// `-`, the standard input, is named `stdin`; the root directory has no name of its own.
pub(super) fn suggested(location: &Path) -> String {
    if location.as_os_str() == "-" {
        return "stdin".to_owned();
    }
    let resolved;
    let name = if let Some(name) = location.file_name() {
        name
    } else {
        // `.` and `..`: the directory they are has a name.
        resolved = location.canonicalize().unwrap_or_default();
        resolved.file_name().unwrap_or(location.as_os_str())
    };
    let text = crate::path::escape(name.as_bytes());
    let mut rest = text.as_str();
    while let Some(shorter) =
        ENDINGS.iter().find_map(|ending| rest.strip_suffix(ending)).filter(|rest| !rest.is_empty())
    {
        rest = shorter;
    }
    rest.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_go_and_versions_stay() {
        for (path, name) in [
            ("a/debian-12.5.tar.gz", "debian-12.5"),
            ("nginx:1.11.8.img.zip", "nginx:1.11.8"),
            ("x.oci.tar.zst", "x"),
            ("alpine:3.10.json", "alpine:3.10"),
            ("base.paths.gz", "base"),
            ("cowsay_3.8.sif", "cowsay_3.8"),
            ("filesystem.squashfs", "filesystem"),
            (".tar", ".tar"),
            ("dir/", "dir"),
            ("-", "stdin"),
        ] {
            assert_eq!(suggested(Path::new(path)), name);
        }
    }
}
