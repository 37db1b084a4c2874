//! The core list of oskin: what the view of the core leaves out.
//!
//! It is `core.txt`, which people read and write, and the table of volatile paths behind it. That one
//! is a table because relations ask it why a path does not count.

use super::Volatile;
use super::globs::Globs;
use std::sync::LazyLock;

/// What people wrote.
const WRITTEN: &str = include_str!("core.txt");

/// The core list as one text in the form of [`View::with_core_list`](super::View::with_core_list), for
/// users to read, and to begin a list of their own from.
pub fn core_list() -> String {
    const SECTIONS: [Volatile; 5] =
        [Volatile::Packages, Volatile::Log, Volatile::Cache, Volatile::Index, Volatile::Machine];
    let mut text = WRITTEN.to_owned();
    for heading in SECTIONS.map(heading) {
        text.push_str(&format!("\n# {heading}\n"));
        let here = Volatile::globs().filter(|(_, why)| self::heading(*why) == heading);
        here.for_each(|(glob, _)| text.push_str(&format!("{glob}\n")));
    }
    text
}

/// What stands above the volatile paths of one kind.
const fn heading(why: Volatile) -> &'static str {
    match why {
        Volatile::Packages | Volatile::PackageState => "Volatile: what package managers write.",
        Volatile::Log => "Volatile: logs.",
        Volatile::Cache => "Volatile: caches and temporary files.",
        Volatile::Index => "Volatile: made anew whenever a package comes or goes.",
        Volatile::Machine => "Volatile: of this machine or container.",
    }
}

/// The core list, compiled when it is first asked for.
pub(super) fn globs() -> &'static Globs {
    // That it compiles, and what it holds, is tested: it never depends on what is asked.
    static GLOBS: LazyLock<Globs> =
        LazyLock::new(|| Globs::default().with_list(&core_list()).unwrap_or_default());
    &GLOBS
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_list_compiles_and_says_nothing_twice() {
        let list = Globs::default().with_list(&core_list()).unwrap();
        assert!(!list.is_empty() && list == *globs());
        let once: BTreeSet<&String> = list.patterns().iter().collect();
        assert_eq!(once.len(), list.patterns().len());
        assert!(list.patterns().iter().all(|it| !it.starts_with('!')));
    }

    #[test]
    fn all_that_is_volatile_is_none_of_the_core() {
        let mut rows = 0;
        for (glob, why) in Volatile::globs() {
            // A path that fits the glob, and one that ends as it does.
            let path = glob.replace("**", "x/y").replace('*', "x");
            let path = path.trim_start_matches('/').as_bytes();
            let longer = [b"srv/x", path].concat();
            let only = Globs::default().with_list(&glob).unwrap();
            assert_eq!(Volatile::of(path), Some(why), "{glob}");
            assert!(only.fits(path, false) && globs().fits(path, false), "{glob}");
            assert_eq!(only.fits(&longer, false), glob.starts_with('*'), "{glob}");
            rows += 1;
        }
        assert_eq!(rows, core_list().lines().count() - 5 * 2 - WRITTEN.lines().count());
    }

    #[test]
    fn the_core_is_software() {
        for (path, is_core) in [
            ("usr/bin/perl", true),
            ("usr/share/zoneinfo/UTC", true),
            ("usr/lib/x86_64-linux-gnu/gconv/UTF-16.so", true),
            ("usr/share/doc", false),
            ("usr/share/documents/x", true),
            ("opt/conda/share/man/man1/x.1", false),
            ("usr/man/man1/x.1", false),
            ("usr/local/info", false),
            ("usr/share/locale/de/LC_MESSAGES/ls.mo", false),
            ("usr/lib/python3/__pycache__/a.cpython-311.pyc", false),
            ("usr/lib/python2.7/os.pyo", false),
            ("usr/lib/python3/os.py", true),
            ("var/log", true),
            ("var/log/dpkg.log", false),
            ("var/lib/dpkg/info/libc6.list", false),
            ("dev", true),
            ("dev/null", false),
            ("etc/hosts", false),
            ("etc/hostname.d/x", true),
            (".exec", false),
            ("srv/.exec", true),
            ("usr/lib64/singularity", true),
            ("root/.cache/pip/x", false),
        ] {
            assert_eq!(!globs().fits(path.as_bytes(), false), is_core, "{path}");
        }
    }
}
