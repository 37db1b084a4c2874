//! The types of packages that there are.

/// Types of package URLs that readers tell, in order of their names.
pub const KINDS: [&str; 22] = [
    "alpm", "apk", "cargo", "composer", "conda", "cpan", "cran", "deb", "gem", "generic", "golang",
    "hackage", "hex", "julia", "luarocks", "maven", "npm", "nuget", "opkg", "otp", "pypi", "rpm",
];

/// Further types that bills of materials of others may have.
const OF_OTHERS: [&str; 22] = [
    "bazel",
    "bitbucket",
    "bitnami",
    "chrome-extension",
    "cocoapods",
    "docker",
    "ebuild",
    "github",
    "gitlab",
    "guix",
    "huggingface",
    "mlflow",
    "nix",
    "oci",
    "opam",
    "pub",
    "qpkg",
    "swid",
    "swift",
    "terraform",
    "vscode-extension",
    "yocto",
];

/// A text that is no type of packages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no type of packages: the types are {types}", types = KINDS.join(", "))]
pub struct NotAKind(String);

/// The type that is meant, whatever its case.
///
/// # Errors
///
/// [`NotAKind`] if neither a reader tells packages of it nor the purl specification knows it.
///
/// ```
/// use oskin::software::kind;
/// assert_eq!(kind("DEB").unwrap(), "deb");
/// assert!(kind("dbe").is_err());
/// ```
pub fn kind(text: &str) -> Result<&'static str, NotAKind> {
    let mut all = KINDS.iter().chain(&OF_OTHERS);
    let found = all.find(|kind| kind.eq_ignore_ascii_case(text.trim()));
    found.copied().ok_or_else(|| NotAKind(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::{language, system};
    use super::*;

    #[test]
    fn all_that_readers_tell_is_known() {
        let of_languages: [&[u8]; 14] = [
            b"usr/lib/python3/site-packages/a-1.dist-info/METADATA",
            b"usr/lib/node_modules/a/package.json",
            b"usr/lib/ruby/gems/3.1.0/specifications/a-1.gemspec",
            b"opt/conda/conda-meta/a-1-0.json",
            b"a.jar",
            b"app/vendor/composer/installed.json",
            b"usr/lib/R/library/a/DESCRIPTION",
            b"usr/lib/x86_64-linux-gnu/perl5/5.36/auto/A/.packlist",
            b"usr/local/lib/luarocks/rocks-5.1/a/1-1/a-1-1.rockspec",
            b"root/.julia/packages/A/abcde/Project.toml",
            b"app/a.deps.json",
            b"usr/lib/erlang/lib/a-1/ebin/a.app",
            b"root/.cabal/packages/a-1/a.cabal",
            b"root/.cargo/.crates2.json",
        ];
        let mut seen = 0;
        for path in of_languages {
            if let Some(reader) = language::reader(path) {
                assert_eq!(kind(reader.kind()), Ok(reader.kind()));
                seen += 1;
            }
        }
        assert!(seen >= 10, "{seen}");
        for path in
            [&b"var/lib/dpkg/status"[..], b"lib/apk/db/installed", b"var/lib/rpm/rpmdb.sqlite"]
        {
            let reader = system::reader(path).map(system::Reader::kind);
            assert!(reader.is_some_and(|it| KINDS.contains(&it)), "{path:?}");
        }
        assert!(KINDS.is_sorted() && OF_OTHERS.is_sorted());
        for text in ["", " ", "dbe", "deb,rpm"] {
            assert!(kind(text).is_err(), "{text}");
        }
        assert_eq!(kind("PyPI"), Ok("pypi"));
    }
}
