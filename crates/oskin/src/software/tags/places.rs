//! Where a path lies, as far as that says whose it is: `etc/nginx/conf.d/a` is of nginx.

/// A place where software leaves a trace. Each counts once for a name, however many paths lie there, except that
/// the number of paths counts on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    /// A program of the system's directories: `usr/bin/NAME`.
    Program,
    /// A program that was put where no package manager puts any: `usr/local/bin/NAME`, `opt/X/bin/NAME`, `NAME`.
    OwnProgram,
    /// A directory of its own: `opt/NAME`, `usr/local/NAME`, `NAME`.
    OwnDirectory,
    /// Its sources or its site: `usr/src/NAME`, `srv/NAME`, `var/www/NAME`.
    Source,
    /// What it is configured by: `etc/NAME`, `etc/default/NAME`.
    Config,
    /// What starts it: `etc/init.d/NAME`, `lib/systemd/system/NAME.service`.
    Service,
    /// What it keeps: `var/lib/NAME`, `var/cache/NAME`, `run/NAME`.
    State,
    /// What it logs: `var/log/NAME`.
    Log,
    /// Its user's home, or its directory in one: `home/NAME`, `root/.NAME`.
    Home,
    /// `usr/lib/NAME`.
    Lib,
    /// `usr/local/lib/NAME`.
    OwnLib,
    /// `usr/share/NAME`.
    Share,
    /// `usr/local/share/NAME`.
    OwnShare,
    /// `usr/share/doc/NAME`.
    Doc,
    /// `usr/include/NAME`.
    Include,
    /// A shared library: `usr/lib/libNAME.so.1`.
    Library,
    /// A package of a language: `lib/python3.6/site-packages/NAME`.
    Module,
    /// A package that a language's package manager installed for all to use: `lib/node_modules/NAME`.
    GlobalModule,
    /// The record of a package.
    Package,
}

/// What a path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found<'p> {
    pub place: Place,
    /// Whose it is, as it stands in the path.
    pub name: &'p [u8],
    /// The length of the path up to the name and with it: what lies below is all of the same.
    pub end: usize,
}

/// The names that are looked at from the front of a path.
const DEPTH: usize = 9;

/// A path in its first names, the rest of them empty, and how many it has.
struct Split<'p> {
    path: &'p [u8],
    names: [&'p [u8]; DEPTH],
    ends: [usize; DEPTH],
    count: usize,
}

impl<'p> Split<'p> {
    fn of(path: &'p [u8]) -> Self {
        let (mut names, mut ends) = ([b"".as_slice(); DEPTH], [0; DEPTH]);
        let (mut count, mut at) = (0, 0);
        for name in path.split(|byte| *byte == b'/') {
            at += name.len();
            if let (Some(place), Some(end)) = (names.get_mut(count), ends.get_mut(count)) {
                (*place, *end) = (name, at);
            }
            at += 1;
            count += 1;
        }
        Self { path, names, ends, count }
    }

    fn name(&self, at: usize) -> &'p [u8] {
        self.names.get(at).copied().unwrap_or_default()
    }

    /// The name at this depth as what is found.
    fn found(&self, place: Place, at: usize) -> Option<Found<'p>> {
        let name = self.name(at);
        let end = self.ends.get(at).copied().unwrap_or_default();
        (!name.is_empty() && end <= self.path.len()).then_some(Found { place, name, end })
    }
}

/// Whose directory or file a path is. `is_ordinary` tells names that only say where. O(length).
pub(super) fn owner(path: &[u8], is_ordinary: impl Fn(&[u8]) -> bool) -> Option<Found<'_>> {
    let names = Split::of(path);
    if let Some(at) = module_at(&names) {
        return names.found(at.0, at.1);
    }
    match names.name(0) {
        b"etc" => in_etc(&names),
        b"var" => in_var(&names, is_ordinary),
        b"run" => names.found(Place::State, 1),
        b"home" | b"root" => in_home(&names, is_ordinary),
        b"srv" => below(&names, 1, Place::Source, is_ordinary),
        b"opt" => below(&names, 1, Place::OwnDirectory, is_ordinary),
        b"usr" if names.name(1) == b"local" => in_local(&names, is_ordinary),
        b"usr" if names.name(1) == b"src" => below(&names, 2, Place::Source, is_ordinary),
        b"usr" => in_system(&names, 1),
        b"lib" | b"lib32" | b"lib64" | b"libx32" => in_system(&names, 0),
        b"bin" | b"sbin" | b"dev" | b"proc" | b"sys" | b"boot" | b"tmp" | b"mnt" | b"media" => None,
        // Files in the root are programs if they have no ending, and scripts of the image's maker if they do.
        _ if names.count == 1 && names.name(0).contains(&b'.') => None,
        _ => below(&names, 0, Place::OwnDirectory, is_ordinary),
    }
}

/// The program that a path is, if it lies where programs do.
pub(super) fn program(path: &[u8]) -> Option<Found<'_>> {
    let (directory, name) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (path.get(..at)?, path.get(at + 1..)?),
        None => (b"".as_slice(), path),
    };
    let is_program = match directory {
        b"bin" | b"sbin" | b"usr/bin" | b"usr/sbin" | b"usr/games" => Some(Place::Program),
        b"" => (!name.contains(&b'.')).then_some(Place::OwnProgram),
        _ => is_own_bin(directory).then_some(Place::OwnProgram),
    };
    is_program.map(|place| Found { place, name, end: path.len() })
}

/// Whether programs that somebody put there by hand lie in a directory.
fn is_own_bin(directory: &[u8]) -> bool {
    let mut names = directory.rsplit(|byte| *byte == b'/');
    let is_bin = matches!(names.next(), Some(b"bin" | b"sbin"));
    let depth = directory.split(|byte| *byte == b'/').count();
    // Of the system's own directories only usr/local is nobody's but the maker's.
    let is_system = directory.starts_with(b"usr/") && !directory.starts_with(b"usr/local/");
    let is_inner = |name: &[u8]| {
        matches!(name, b"node_modules" | b"site-packages" | b"dist-packages" | b"gems" | b"vendor")
    };
    is_bin && depth <= 6 && !is_system && !names.any(is_inner)
}

/// Where the name of a language's package stands in a path, which may be anywhere.
fn module_at(names: &Split<'_>) -> Option<(Place, usize)> {
    (0..names.count.min(DEPTH)).find_map(|at| {
        let next = at + 1;
        let before = at.checked_sub(1).map(|it| names.name(it)).unwrap_or_default();
        match names.name(at) {
            b"node_modules" if before == b"lib" => Some((Place::GlobalModule, next)),
            b"site-packages" | b"dist-packages" | b"node_modules" => Some((Place::Module, next)),
            b"gems" if before == b"bundle" || before.first().is_some_and(u8::is_ascii_digit) => {
                Some((Place::Module, next))
            }
            _ => None,
        }
    })
}

fn in_etc<'p>(names: &Split<'p>) -> Option<Found<'p>> {
    match names.name(1) {
        b"init.d" | b"init" => names.found(Place::Service, 2),
        b"systemd" => unit(names, 3),
        b"default" | b"logrotate.d" | b"pam.d" | b"sysconfig" | b"profile.d" | b"cron.d"
        | b"cron.daily" | b"cron.weekly" | b"bash_completion.d" | b"apparmor.d" | b"sudoers.d" => {
            names.found(Place::Config, 2)
        }
        // Whose packages are fetched tells as much as a configuration of its own.
        b"apt" if matches!(names.name(2), b"sources.list.d") => names.found(Place::Config, 3),
        b"yum.repos.d" => names.found(Place::Config, 2),
        b"apt" | b"alternatives" | b"ssl" | b"fonts" | b"X11" | b"xdg" | b"ld.so.conf.d" => None,
        _ => names.found(Place::Config, 1),
    }
}

/// A service of systemd; targets and mounts are its own.
fn unit<'p>(names: &Split<'p>, at: usize) -> Option<Found<'p>> {
    let name = names.name(at);
    let is_service = name.ends_with(b".service") || name.ends_with(b".service.d");
    is_service.then(|| names.found(Place::Service, at)).flatten()
}

fn in_var<'p>(names: &Split<'p>, is_ordinary: impl Fn(&[u8]) -> bool) -> Option<Found<'p>> {
    if names.name(1) == b"lib" && matches!(names.name(2), b"dpkg" | b"rpm" | b"apt" | b"yum") {
        return None;
    }
    match names.name(1) {
        b"lib" | b"cache" | b"spool" | b"run" | b"opt" => names.found(Place::State, 2),
        b"log" => names.found(Place::Log, 2),
        b"www" => below(names, 2, Place::Source, is_ordinary),
        b"tmp" | b"lock" | b"mail" | b"local" | b"backups" => None,
        _ => names.found(Place::State, 1),
    }
}

/// Homes: the user may be called like the program, and programs keep hidden directories in them.
fn in_home<'p>(names: &Split<'p>, is_ordinary: impl Fn(&[u8]) -> bool) -> Option<Found<'p>> {
    let start = if names.name(0) == b"root" { 1 } else { 2 };
    if names.name(start).starts_with(b".") || start == 1 || is_ordinary(names.name(1)) {
        return names.found(Place::Home, start);
    }
    names.found(Place::Home, 1)
}

fn in_local<'p>(names: &Split<'p>, is_ordinary: impl Fn(&[u8]) -> bool) -> Option<Found<'p>> {
    match names.name(2) {
        b"bin" | b"sbin" | b"games" => None,
        b"etc" => names.found(Place::Config, 3),
        b"src" => below(names, 3, Place::Source, is_ordinary),
        b"include" => names.found(Place::Include, 3),
        b"share" => match names.name(3) {
            b"doc" => names.found(Place::Doc, 4),
            b"man" | b"info" | b"locale" => None,
            _ => names.found(Place::OwnShare, 3),
        },
        b"lib" | b"lib64" | b"libexec" => library(names, 3, Place::OwnLib),
        _ => below(names, 2, Place::OwnDirectory, is_ordinary),
    }
}

/// `usr`, and `lib` where that is no link to it; `at` is the name below `usr`.
fn in_system<'p>(names: &Split<'p>, at: usize) -> Option<Found<'p>> {
    match (names.name(at), names.name(at + 1)) {
        (b"share", b"doc") => names.found(Place::Doc, at + 2),
        (
            b"share",
            b"man" | b"info" | b"locale" | b"perl5" | b"zoneinfo" | b"fonts" | b"icons"
            | b"pixmaps" | b"i18n" | b"ca-certificates" | b"terminfo" | b"X11" | b"lintian"
            | b"doc-base" | b"applications" | b"mime" | b"consolefonts" | b"consoletrans"
            | b"keymaps" | b"licenses" | b"help" | b"gtk-doc" | b"bash-completion" | b"zsh",
        ) => None,
        (b"share", b"java") => names.found(Place::Library, at + 2),
        (b"share", _) => names.found(Place::Share, at + 1),
        (b"include", _) => names.found(Place::Include, at + 1),
        (b"lib", b"systemd") => unit(names, at + 3),
        (b"lib", b"jvm") => names.found(Place::Lib, at + 2),
        (b"lib" | b"lib64" | b"lib32" | b"libx32" | b"libexec", next) => {
            // Debian keeps libraries of a machine in a directory of its own.
            let is_machine = next.ends_with(b"-linux-gnu") || next.ends_with(b"-linux-musl");
            library(names, at + 1 + usize::from(is_machine), Place::Lib)
        }
        _ => None,
    }
}

/// A directory among the libraries, or a library.
fn library<'p>(names: &Split<'p>, at: usize, place: Place) -> Option<Found<'p>> {
    let is_file = names.count == at + 1;
    let is_library = is_file && names.name(at).starts_with(b"lib");
    match (is_library, is_file && names.name(at).contains(&b'.')) {
        (true, _) => names.found(Place::Library, at),
        (false, true) => None,
        _ => names.found(place, at),
    }
}

/// What lies at this depth, or one deeper where the name only says where.
fn below<'p>(
    names: &Split<'p>,
    at: usize,
    place: Place,
    is_ordinary: impl Fn(&[u8]) -> bool,
) -> Option<Found<'p>> {
    let deeper = |at: usize| is_ordinary(names.name(at)) && names.count > at + 1;
    let at = match deeper(at) {
        true if deeper(at + 1) => at + 2,
        true => at + 1,
        false => at,
    };
    // A file is whose it is only by being in a directory.
    names.found(if names.count == at + 1 && at > 0 { Place::Source } else { place }, at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_ordinary(name: &[u8]) -> bool {
        [b"html".as_slice(), b"app", b"share"].contains(&name)
    }

    #[test]
    fn paths_are_of_what_their_directories_are_named_after() {
        use Place::{
            Config, Doc, GlobalModule, Home, Include, Lib, Library, Log, Module, OwnDirectory,
            OwnLib, Service, Share, Source, State,
        };
        for (path, expected) in [
            ("etc/x/a/b", Some((Config, "x"))),
            ("etc/x.conf", Some((Config, "x.conf"))),
            ("etc/init.d/x", Some((Service, "x"))),
            ("etc/default/x", Some((Config, "x"))),
            ("etc/ssl/certs/x", None),
            ("etc/apt/sources.list.d/x.list", Some((Config, "x.list"))),
            ("etc/apt/apt.conf.d/x", None),
            ("lib/systemd/system/x.service", Some((Service, "x.service"))),
            ("lib/systemd/system/x.target", None),
            ("var/lib/x/a", Some((State, "x"))),
            ("var/lib/dpkg/status", None),
            ("var/log/x.log", Some((Log, "x.log"))),
            ("var/www/html/x/a", Some((Source, "x"))),
            ("usr/lib/x/a", Some((Lib, "x"))),
            ("usr/lib/x86_64-linux-gnu/x/a", Some((Lib, "x"))),
            ("usr/lib/x86_64-linux-gnu/libx.so.1", Some((Library, "libx.so.1"))),
            ("usr/lib/x.py", None),
            ("usr/local/lib/x/a", Some((OwnLib, "x"))),
            ("usr/local/x/bin/a", Some((OwnDirectory, "x"))),
            ("usr/local/bin/x", None),
            ("usr/share/x/a", Some((Share, "x"))),
            ("usr/share/doc/x/copyright", Some((Doc, "x"))),
            ("usr/share/locale/de/x.mo", None),
            ("usr/include/x/a.h", Some((Include, "x"))),
            ("usr/src/app/x/a", Some((Source, "x"))),
            ("opt/x/lib/a", Some((OwnDirectory, "x"))),
            ("x/data/a", Some((OwnDirectory, "x"))),
            ("x", Some((OwnDirectory, "x"))),
            ("x.sh", None),
            ("home/x/a", Some((Home, "x"))),
            ("root/.x/a", Some((Home, ".x"))),
            ("usr/lib/python3/dist-packages/x/a.py", Some((Module, "x"))),
            ("usr/local/lib/node_modules/x/lib/a.js", Some((GlobalModule, "x"))),
            ("srv/x/node_modules/y/a.js", Some((Module, "y"))),
            ("usr/local/bundle/gems/x-1.0/a.rb", Some((Module, "x-1.0"))),
            ("tmp/x", None),
        ] {
            let found = owner(path.as_bytes(), is_ordinary);
            let found = found.map(|it| (it.place, std::str::from_utf8(it.name).unwrap()));
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn programs_lie_where_programs_do() {
        for (path, expected) in [
            ("usr/bin/x", Some(Place::Program)),
            ("sbin/x", Some(Place::Program)),
            ("usr/local/bin/x", Some(Place::OwnProgram)),
            ("opt/y/1.0/bin/x", Some(Place::OwnProgram)),
            ("x", Some(Place::OwnProgram)),
            ("x.conf", None),
            ("usr/lib/y/bin/x", None),
            ("opt/y/node_modules/z/bin/x", None),
            ("a/b/c/d/e/f/bin/x", None),
            ("etc/x", None),
        ] {
            assert_eq!(program(path.as_bytes()).map(|it| it.place), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_a_name_of_the_path(
            path in "((usr|etc|var|lib|opt|share|html|site-packages|bin|a|b.c)?/?){0,12}",
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            for path in [path.as_bytes(), &bytes] {
                for found in owner(path, is_ordinary).into_iter().chain(program(path)) {
                    prop_assert!(path.get(..found.end).unwrap().ends_with(found.name));
                }
            }
        }
    }
}
