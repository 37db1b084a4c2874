//! What a system starts by itself, told by paths and links alone.

use crate::inventory::{Entry, EntryKind, Inventory};
use std::collections::{BTreeMap, BTreeSet};

/// Where systemd looks for what is wanted. The first is the administrator's; links of the others come with packages.
const SYSTEMD: [&[u8]; 3] =
    [b"etc/systemd/system", b"usr/lib/systemd/system", b"lib/systemd/system"];

/// Where the runlevels of System V lie, each in its directory `rcN.d`.
const SYSV: [&[u8]; 3] = [b"etc", b"etc/rc.d", b"etc/init.d"];

/// The runlevels in which a system is of use: not halt, single user and reboot.
const RUNLEVELS: [char; 4] = ['2', '3', '4', '5'];

/// Where the runlevels of `OpenRC` lie.
const OPENRC: &[u8] = b"etc/runlevels";

/// What is started, by name; of each by which system, and when.
type Started = BTreeMap<String, BTreeMap<&'static str, BTreeSet<String>>>;

/// The services that a system starts, by name, and what starts them: `systemd multi-user.target`, `sysv 2 3 4 5`,
/// `openrc default`; `systemd masked` is said of what may not be started. What is no UTF-8 is replaced. O(log n) and
/// what lies in the directories asked for.
pub fn services(inventory: &Inventory) -> BTreeMap<String, String> {
    let mut started = Started::new();
    systemd(inventory, &mut started);
    sysv(inventory, &mut started);
    openrc(inventory, &mut started);
    let words = |(system, when): (&str, BTreeSet<String>)| {
        format!("{system} {}", Vec::from_iter(when).join(" "))
    };
    let told = |all: BTreeMap<&'static str, BTreeSet<String>>| {
        all.into_iter().map(words).collect::<Vec<_>>().join(", ")
    };
    started.into_iter().map(|(name, all)| (name, told(all))).collect()
}

fn systemd(inventory: &Inventory, started: &mut Started) {
    for (place, directory) in SYSTEMD.iter().enumerate() {
        each_below(inventory, directory, |names, entry| match names {
            [unit] if place == 0 && is_masked(entry) => note(started, unit, "systemd", "masked"),
            [target, unit] => {
                let target = String::from_utf8_lossy(target);
                let wanted = [".wants", ".requires"].iter().find_map(|it| target.strip_suffix(it));
                if let Some(target) = wanted {
                    note(started, unit, "systemd", target);
                }
            }
            _ => {}
        });
    }
}

fn is_masked(entry: &Entry<'_>) -> bool {
    entry.kind == EntryKind::Symlink && entry.link == Some(b"/dev/null")
}

fn sysv(inventory: &Inventory, started: &mut Started) {
    for directory in SYSV {
        for runlevel in RUNLEVELS {
            let directory = [directory, format!("/rc{runlevel}.d").as_bytes()].concat();
            each_below(inventory, &directory, |names, _| {
                if let [[b'S', b'0'..=b'9', b'0'..=b'9', name @ ..]] = names
                    && !name.is_empty()
                {
                    note(started, name, "sysv", runlevel.encode_utf8(&mut [0; 4]));
                }
            });
        }
    }
}

fn openrc(inventory: &Inventory, started: &mut Started) {
    each_below(inventory, OPENRC, |names, _| {
        if let [runlevel, name] = names {
            note(started, name, "openrc", &String::from_utf8_lossy(runlevel));
        }
    });
}

fn note(started: &mut Started, name: &[u8], system: &'static str, when: &str) {
    let name = String::from_utf8_lossy(name).into_owned();
    started.entry(name).or_default().entry(system).or_default().insert(when.to_owned());
}

/// What lies below a directory, links to it followed, with the names that lead there; directories left out.
fn each_below(inventory: &Inventory, directory: &[u8], mut take: impl FnMut(&[&[u8]], &Entry<'_>)) {
    // A listing may have a path and not the directories on the way.
    let directory = inventory.resolve(directory).unwrap_or_else(|| directory.to_vec());
    for entry in inventory.below(&directory).filter(|entry| !entry.kind.is_directory()) {
        let inside = &entry.path[directory.len() + 1..];
        take(&inside.split(|byte| *byte == b'/').collect::<Vec<_>>(), &entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Layer, flatten};
    use std::sync::Arc;

    fn inventory(links: &[(&str, &str)]) -> Inventory {
        let mut layer = Layer::new();
        for (path, link) in links {
            let bare = Entry::bare(path.as_bytes(), EntryKind::Symlink);
            layer.push(&Entry { link: Some(link.as_bytes()), ..bare }).unwrap();
        }
        flatten(&[Arc::new(layer)]).0
    }

    #[test]
    fn services_are_known_by_their_links() {
        let found = services(&inventory(&[
            ("etc/rc.d/rc3.d/S10network", "../init.d/network"),
            ("etc/rc.d/rc5.d/S10network", "../init.d/network"),
            ("etc/rc.d/rc5.d/K20nfs", "../init.d/nfs"),
            ("etc/rc.d/rc6.d/S00reboot", "../init.d/reboot"),
            ("etc/rc.d/rc5.d/S99", "x"),
            ("etc/rc3.d", "rc.d/rc3.d"),
            ("etc/runlevels/default/sshd", "/etc/init.d/sshd"),
            ("etc/systemd/system/multi-user.target.wants/sshd", "x"),
            ("etc/systemd/system/graphical.target.requires/sshd", "x"),
            ("etc/systemd/system/tmp.mount", "/dev/null"),
            ("etc/systemd/system/alias.service", "other.service"),
            ("etc/systemd/system/a.service.d/b.conf", "x"),
            ("lib", "usr/lib"),
            ("usr/lib/systemd/system/timers.target.wants/fstrim.timer", "../fstrim.timer"),
            ("usr/lib/systemd/system/off.service", "/dev/null"),
        ]));
        let told: Vec<_> = found.iter().map(|(name, what)| (&name[..], &what[..])).collect();
        let expected = [
            ("fstrim.timer", "systemd timers.target"),
            ("network", "sysv 3 5"),
            ("sshd", "openrc default, systemd graphical.target multi-user.target"),
            ("tmp.mount", "systemd masked"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_path_list_has_no_directories() {
        let mut layer = Layer::new();
        layer.set_listing(true);
        layer.push(&Entry::bare(b"etc/runlevels/boot/hostname", EntryKind::File)).unwrap();
        let found = services(&flatten(&[Arc::new(layer)]).0);
        assert_eq!(Vec::from_iter(found), [("hostname".to_owned(), "openrc boot".to_owned())]);
    }
}
