//! How two images differ in what they declare, and in the system that they set up: its release, users, services.

use super::services::services;
use crate::image::{Declared, ImageRecord, OsIdentity, Platform};
use crate::inventory::Inventory;
use crate::inventory::accounts::{self, GROUP, PASSWD};
use std::collections::{BTreeMap, BTreeSet};

/// One of two images, as far as its settings are at hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct SettingsSide<'s> {
    /// What it declares, environment included; `None` if it has no configuration. See [`declared_by`].
    pub declared: Option<&'s Declared>,
    /// The operating system as it was told; it counts where no file of the inventory says it.
    pub os: Option<&'s OsIdentity>,
    /// Its entries; `None` if nothing but packages is known of it.
    pub inventory: Option<&'s Inventory>,
}

/// What a setting belongs to, in the order in which changes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// The machine that the image is for.
    Platform,
    /// The operating system, by its os-release file.
    Os,
    /// The program that a container starts.
    Entrypoint,
    /// Its arguments.
    Cmd,
    /// Who runs it.
    User,
    /// The directory it starts in.
    Workdir,
    /// A variable of the environment.
    Env,
    /// One directory of a list of them in the environment, such as `PATH`.
    EnvEntry,
    /// A port that the image exposes.
    Port,
    /// A label or annotation.
    Label,
    /// A user of the system.
    Account,
    /// A group of the system.
    Group,
    /// Something that the system starts.
    Service,
}

impl Area {
    /// All areas in their order.
    pub const ALL: [Self; 13] = [
        Self::Platform,
        Self::Os,
        Self::Entrypoint,
        Self::Cmd,
        Self::User,
        Self::Workdir,
        Self::Env,
        Self::EnvEntry,
        Self::Port,
        Self::Label,
        Self::Account,
        Self::Group,
        Self::Service,
    ];

    /// The name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Os => "os",
            Self::Entrypoint => "entrypoint",
            Self::Cmd => "cmd",
            Self::User => "user",
            Self::Workdir => "workdir",
            Self::Env => "env",
            Self::EnvEntry => "env-entry",
            Self::Port => "port",
            Self::Label => "label",
            Self::Account => "account",
            Self::Group => "group",
            Self::Service => "service",
        }
    }

    /// What must be known of an image, that it can be said to have no such setting.
    const fn source(self) -> SettingsSource {
        match self {
            Self::Os => SettingsSource::Os,
            Self::Account => SettingsSource::Accounts,
            Self::Group => SettingsSource::Groups,
            Self::Service => SettingsSource::Services,
            _ => SettingsSource::Configuration,
        }
    }
}

/// Where settings are taken from; each may be unknown of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingsSource {
    /// The configuration of the image: a directory or disk has none.
    Configuration,
    /// The file os-release: a path list has no contents.
    Os,
    /// The file passwd: also unknown of what an older oskin added, and where it is too large to be kept.
    Accounts,
    /// The file group, likewise.
    Groups,
    /// Paths: of some images nothing but packages is known.
    Services,
}

impl SettingsSource {
    /// All of them in their order.
    pub const ALL: [Self; 5] =
        [Self::Configuration, Self::Os, Self::Accounts, Self::Groups, Self::Services];

    /// The name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Os => "os",
            Self::Accounts => "accounts",
            Self::Groups => "groups",
            Self::Services => "services",
        }
    }
}

/// A setting that is not the same in both images. At least one of the values is there, and they differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettingChange {
    /// What it belongs to.
    pub area: Area,
    /// Its name; empty where an image has at most one.
    pub name: String,
    /// The value of the left image; `None` if it is not set there.
    pub left: Option<String>,
    /// That of the right image.
    pub right: Option<String>,
}

/// Settings that were not compared, since they are not known of at least one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnknownSettings {
    /// Which.
    pub source: SettingsSource,
    /// Whether they are unknown of the left image.
    pub left: bool,
    /// Whether they are unknown of the right image.
    pub right: bool,
}

/// How the settings of two images differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What differs, by area, name, values; nothing twice.
    pub changes: Vec<SettingChange>,
    /// What could not be compared, in the order of [`SettingsSource::ALL`].
    pub unknown: Vec<UnknownSettings>,
}

/// What an image declares, with the environment that only its facts tell; `None` if it has neither a configuration that
/// can be read nor facts that say any of it.
pub fn declared_by(record: &ImageRecord) -> Option<Declared> {
    let declared = Declared { env: record.environment(), ..record.declared() };
    let is_configured =
        record.config.as_deref().is_some_and(|it| Declared::from_config(it).is_ok());
    (is_configured || declared != Declared::default()).then_some(declared)
}

/// Compares the settings of two images: variables and labels by name, ports as a set, users, groups and services by name;
/// of a user or group that both have, the values hold only what differs. Times are no settings. That root runs in `/` is
/// the same whether it is written or not.
///
/// Swapped sides give swapped values, equal sides nothing. O(n log n) for n settings and entries in the directories
/// that services lie in.
pub fn settings(left: SettingsSide<'_>, right: SettingsSide<'_>) -> Settings {
    let [left, right] = [left, right].map(|side| Known::of(&side));
    let mut settings = Settings::default();
    for source in SettingsSource::ALL {
        let [left, right] = [&left, &right].map(|it| it.unknown.contains(&source));
        if left || right {
            settings.unknown.push(UnknownSettings { source, left, right });
        }
    }
    let keys: BTreeSet<_> = left.values.keys().chain(right.values.keys()).collect();
    for key in keys {
        let (area, name) = (key.0, key.1.as_str());
        if !settings.unknown.iter().any(|it| it.source == area.source()) {
            compare(
                &mut settings.changes,
                (area, name),
                left.values.get(key),
                right.values.get(key),
            );
        }
    }
    settings.changes.sort_unstable();
    settings
}

/// The value of a setting, as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Platform(Platform),
    /// Named parts; those that are the same need not be told.
    Fields(Vec<(&'static str, String)>),
}

impl Value {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Platform(platform) => platform.to_string(),
            Self::Fields(fields) => of_fields(fields.iter()),
        }
    }
}

fn of_fields<'f>(fields: impl Iterator<Item = &'f (&'static str, String)>) -> String {
    fields.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// All settings of one image.
#[derive(Default)]
struct Known {
    values: BTreeMap<(Area, String), Value>,
    unknown: Vec<SettingsSource>,
}

impl Known {
    fn of(side: &SettingsSide<'_>) -> Self {
        let mut known = Self::default();
        match side.declared {
            Some(declared) => known.declare(declared),
            None => known.unknown.push(SettingsSource::Configuration),
        }
        known.tell_os(side);
        match side.inventory {
            Some(inventory) => known.tell_system(inventory),
            None => known.unknown.extend([
                SettingsSource::Accounts,
                SettingsSource::Groups,
                SettingsSource::Services,
            ]),
        }
        known
    }

    fn put(&mut self, area: Area, name: &str, value: Value) {
        self.values.insert((area, name.to_owned()), value);
    }

    /// Notes a text; an empty one says that nothing is set.
    fn say(&mut self, area: Area, name: &str, text: &str) {
        if !text.is_empty() {
            self.put(area, name, Value::Text(text.to_owned()));
        }
    }

    fn declare(&mut self, declared: &Declared) {
        if declared.platform != Platform::default() {
            self.put(Area::Platform, "", Value::Platform(declared.platform.clone()));
        }
        for (area, words) in [(Area::Entrypoint, &declared.entrypoint), (Area::Cmd, &declared.cmd)]
        {
            if !words.is_empty() {
                // As the exec form of a Dockerfile: where a word ends must be seen.
                let json = serde_json::Value::from(words.clone()).to_string();
                self.say(area, "", &json);
            }
        }
        self.say(Area::User, "", &declared.user);
        self.say(Area::Workdir, "", &declared.working_dir);
        for variable in &declared.env {
            // The last of several of one name counts, as where a container starts.
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            self.put(Area::Env, name, Value::Text(value.to_owned()));
        }
        for port in &declared.exposed_ports {
            let port = if port.contains('/') { port.clone() } else { format!("{port}/tcp") };
            self.put(Area::Port, &port, Value::Text(port.clone()));
        }
        for (name, value) in &declared.labels {
            self.put(Area::Label, name, Value::Text(value.clone()));
        }
    }

    fn tell_os(&mut self, side: &SettingsSide<'_>) {
        let by_file = side.inventory.and_then(Inventory::os_identity);
        let Some(os) = by_file.as_ref().or(side.os) else {
            let files: [&[u8]; 2] = [b"etc/os-release", b"usr/lib/os-release"];
            if side.inventory.is_none_or(|it| files.iter().any(|file| is_there(it, file))) {
                self.unknown.push(SettingsSource::Os);
            }
            return;
        };
        let fields =
            [("id", &os.id), ("version_id", &os.version_id), ("pretty_name", &os.pretty_name)];
        for (name, value) in fields {
            self.say(Area::Os, name, value.as_deref().unwrap_or_default());
        }
    }

    fn tell_system(&mut self, inventory: &Inventory) {
        match content(inventory, PASSWD) {
            None => self.unknown.push(SettingsSource::Accounts),
            Some(passwd) => {
                for (name, account) in accounts::accounts(passwd) {
                    let ids = [("uid", account.uid), ("gid", account.gid)];
                    let ids = ids.map(|(what, id)| (what, id.to_string()));
                    let more = [("home", account.home), ("shell", account.shell)];
                    let fields = ids.into_iter().chain(more).collect();
                    self.put(Area::Account, &name, Value::Fields(fields));
                }
            }
        }
        match content(inventory, GROUP) {
            None => self.unknown.push(SettingsSource::Groups),
            Some(group) => {
                for (name, group) in accounts::groups(group) {
                    let members = Vec::from_iter(group.members).join(",");
                    let fields = vec![("gid", group.gid.to_string()), ("members", members)];
                    self.put(Area::Group, &name, Value::Fields(fields));
                }
            }
        }
        for (name, started) in services(inventory) {
            self.put(Area::Service, &name, Value::Text(started));
        }
    }
}

/// The content of a file; empty if there is none, `None` if it is there and its content is not known.
fn content<'i>(inventory: &'i Inventory, path: &[u8]) -> Option<&'i [u8]> {
    let is_missing = || !is_there(inventory, path);
    inventory.content(path).or_else(|| is_missing().then_some(b""))
}

fn is_there(inventory: &Inventory, path: &[u8]) -> bool {
    // A path list may lack the directories on the way.
    inventory.resolve(path).is_some()
        || inventory.layers().iter().any(|it| it.is_listing()) && inventory.get(path).is_some()
}

/// Notes how a setting differs, if it does.
fn compare(
    changes: &mut Vec<SettingChange>,
    (area, name): (Area, &str),
    left: Option<&Value>,
    right: Option<&Value>,
) {
    let mut note = |area, left: Option<String>, right: Option<String>| {
        changes.push(SettingChange { area, name: name.to_owned(), left, right });
    };
    match (left, right) {
        (Some(left), Some(right)) if left == right => {}
        (Some(one), None) | (None, Some(one)) if is_default(area, one) => {}
        (Some(Value::Platform(left)), Some(Value::Platform(right))) if left.satisfies(right) => {}
        (Some(Value::Fields(left)), Some(Value::Fields(right))) => {
            let differing = |it: &[(&'static str, String)], other: &[(&'static str, String)]| {
                of_fields(it.iter().zip(other).filter(|(a, b)| a != b).map(|(a, _)| a))
            };
            note(area, Some(differing(left, right)), Some(differing(right, left)));
        }
        (Some(Value::Text(left)), Some(Value::Text(right)))
            if area == Area::Env && is_list(name, left, right) =>
        {
            let lists = ListChange::of(left, right);
            if lists.is_more {
                note(Area::Env, Some(left.clone()), Some(right.clone()));
            }
            lists.gone.into_iter().for_each(|it| note(Area::EnvEntry, Some(it), None));
            lists.new.into_iter().for_each(|it| note(Area::EnvEntry, None, Some(it)));
        }
        _ => note(area, left.map(Value::text), right.map(Value::text)),
    }
}

/// Whether a value that is set says what holds without it: builders write it or not.
fn is_default(area: Area, value: &Value) -> bool {
    let Value::Text(text) = value else { return false };
    match area {
        Area::Workdir => text == "/",
        Area::User => ["root", "0", "root:root", "0:0"].contains(&text.as_str()),
        _ => false,
    }
}

/// Whether a variable holds a list of directories, by its name and values.
fn is_list(name: &str, left: &str, right: &str) -> bool {
    name.ends_with("PATH") && (left.contains(':') || right.contains(':'))
}

/// How two lists that are not written the same differ.
struct ListChange {
    gone: Vec<String>,
    new: Vec<String>,
    /// Whether only the whole lists show all: another order, or the same entry twice.
    is_more: bool,
}

impl ListChange {
    fn of(left: &str, right: &str) -> Self {
        let [lefts, rights] = [left, right].map(|it| it.split(':').collect::<BTreeSet<_>>());
        let only = |it: &BTreeSet<&str>, other: &BTreeSet<&str>| -> Vec<String> {
            it.difference(other).map(|&entry| entry.to_owned()).collect()
        };
        let [gone, new] = [only(&lefts, &rights), only(&rights, &lefts)];
        let common = |list, other: &BTreeSet<&str>| {
            first_entries(list).into_iter().filter(|it| other.contains(it)).collect::<Vec<_>>()
        };
        let is_moved = common(left, &rights) != common(right, &lefts);
        Self { is_more: is_moved || gone.is_empty() && new.is_empty(), gone, new }
    }
}

/// The entries of a list, each where it comes first.
fn first_entries(list: &str) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    list.split(':').filter(|entry| seen.insert(*entry)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Entry, EntryKind, Layer, flatten};
    use proptest::prelude::*;
    use std::sync::Arc;

    /// Files with their kept contents, if these are known.
    fn inventory(files: &[(&str, Option<&str>)]) -> Inventory {
        let mut layer = Layer::new();
        for (path, content) in files {
            let index = layer.push(&Entry::bare(path.as_bytes(), EntryKind::File)).unwrap();
            if let Some(content) = content {
                layer.keep(index, content.as_bytes().to_vec());
            }
        }
        flatten(&[Arc::new(layer)]).0
    }

    fn of_inventories(left: &Inventory, right: &Inventory) -> Settings {
        let none = Declared::default();
        let side = |it| SettingsSide { declared: Some(&none), os: None, inventory: Some(it) };
        settings(side(left), side(right))
    }

    fn of_declared(left: &Declared, right: &Declared) -> Vec<String> {
        let empty = Inventory::default();
        let side = |it| SettingsSide { declared: Some(it), os: None, inventory: Some(&empty) };
        let settings = settings(side(left), side(right));
        assert_eq!(settings.unknown, []);
        told(&settings)
    }

    fn told(settings: &Settings) -> Vec<String> {
        let value = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
        let line = |it: &SettingChange| {
            format!("{} {}: {} | {}", it.area.name(), it.name, value(&it.left), value(&it.right))
        };
        settings.changes.iter().map(line).collect()
    }

    fn env(variables: &[&str]) -> Declared {
        let env = variables.iter().map(|&it| it.to_owned()).collect();
        Declared { env, ..Declared::default() }
    }

    #[test]
    fn variables_are_told_by_name_and_lists_by_entry() {
        let left =
            env(&["A=1", "A=2", "B=x", "PATH=/bin:/usr/bin:/old", "LD_PATH=/a:/b", "GOPATH=/go"]);
        let right =
            env(&["A=3", "C", "PATH=/new:/bin:/usr/bin:/newer", "LD_PATH=/b:/a", "GOPATH=/g"]);
        let expected = [
            "env A: 2 | 3",
            "env B: x | -",
            "env C: - | ",
            "env GOPATH: /go | /g",
            "env LD_PATH: /a:/b | /b:/a",
            "env-entry PATH: - | /new",
            "env-entry PATH: - | /newer",
            "env-entry PATH: /old | -",
        ];
        assert_eq!(of_declared(&left, &right), expected);
        let twice = of_declared(&env(&["PATH=/a:/b"]), &env(&["PATH=/a:/b:/a"]));
        assert_eq!(twice, ["env PATH: /a:/b | /a:/b:/a"]);
        let both = of_declared(&env(&["PATH=/a:/b:/c"]), &env(&["PATH=/b:/a"]));
        assert_eq!(both, ["env PATH: /a:/b:/c | /b:/a", "env-entry PATH: /c | -"]);
        assert_eq!(of_declared(&env(&[]), &env(&["PATH=/a:/b"])), ["env PATH: - | /a:/b"]);
    }

    #[test]
    fn what_starts_and_where_is_compared() {
        let words = |it: &[&str]| it.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let platform = |it: &str| it.parse::<Platform>().unwrap();
        let left = Declared {
            platform: platform("linux/arm64"),
            cmd: words(&["sh", "-c", "a b"]),
            exposed_ports: words(&["80", "443/tcp"]),
            user: "app".to_owned(),
            ..Declared::default()
        };
        let right = Declared {
            platform: platform("linux/arm64/v8"),
            entrypoint: words(&["/run"]),
            cmd: words(&["sh", "-c", "a", "b"]),
            exposed_ports: words(&["53/udp", "80/tcp"]),
            working_dir: "/srv".to_owned(),
            labels: [("l".to_owned(), String::new())].into(),
            ..Declared::default()
        };
        let expected = [
            r#"entrypoint : - | ["/run"]"#,
            r#"cmd : ["sh","-c","a b"] | ["sh","-c","a","b"]"#,
            "user : app | -",
            "workdir : - | /srv",
            "port 443/tcp: 443/tcp | -",
            "port 53/udp: - | 53/udp",
            "label l: - | ",
        ];
        assert_eq!(of_declared(&left, &right), expected);
        let root = |user: &str, working_dir: &str| Declared {
            user: user.to_owned(),
            working_dir: working_dir.to_owned(),
            ..Declared::default()
        };
        assert!(of_declared(&root("", ""), &root("0", "/")).is_empty());
        assert_eq!(of_declared(&root("app", "/"), &root("0", "/a"))[0], "user : app | 0");
        let other = Declared { platform: platform("linux/amd64"), ..left.clone() };
        assert_eq!(of_declared(&left, &other), ["platform : linux/arm64 | linux/amd64"]);
    }

    #[test]
    fn users_groups_and_the_release_are_told_by_what_differs() {
        let left = inventory(&[
            ("etc/passwd", Some("root:x:0:0::/root:/bin/sh\nold:x:5:5::/:/bin/false\n")),
            ("etc/group", Some("sudo:x:27:a\nroot:x:0:\n")),
            ("etc/os-release", Some("ID=debian\nVERSION_ID=11\nPRETTY_NAME=D\n")),
        ]);
        let right = inventory(&[
            ("etc/passwd", Some("root:y:0:0:Root:/root:/bin/bash\n")),
            ("etc/group", Some("sudo:x:27:b,a\nroot:x:0:\n")),
            ("etc/os-release", Some("ID=debian\nVERSION_ID=12\n")),
            ("etc/runlevels/default/sshd", None),
        ]);
        let expected = [
            "os pretty_name: D | -",
            "os version_id: 11 | 12",
            "account old: uid=5 gid=5 home=/ shell=/bin/false | -",
            "account root: shell=/bin/sh | shell=/bin/bash",
            "group sudo: members=a | members=a,b",
            "service sshd: - | openrc default",
        ];
        let found = of_inventories(&left, &right);
        assert_eq!(told(&found), expected);
        assert_eq!(found.unknown, []);
    }

    #[test]
    fn what_is_not_known_of_one_is_not_told_as_removed() {
        let users = Some("root:x:0:0::/root:/bin/sh\n");
        let known = inventory(&[("etc/passwd", users), ("etc/group", Some("root:x:0:\n"))]);
        // An older oskin kept no users; and here is no file of groups at all.
        let old = inventory(&[("etc/passwd", None), ("etc/os-release", None)]);
        let found = of_inventories(&known, &old);
        assert_eq!(told(&found), ["group root: gid=0 members= | -"]);
        let unknown = |source, left, right| UnknownSettings { source, left, right };
        let expected = [
            unknown(SettingsSource::Os, false, true),
            unknown(SettingsSource::Accounts, false, true),
        ];
        assert_eq!(found.unknown, expected);

        let os = OsIdentity { id: Some("x".to_owned()), ..OsIdentity::default() };
        let side = SettingsSide { os: Some(&os), ..SettingsSide::default() };
        let found = settings(side, SettingsSide { inventory: Some(&known), ..side });
        assert_eq!(found.changes, []);
        let sources = found.unknown.iter().map(|it| (it.source, it.left, it.right));
        let expected = [
            (SettingsSource::Configuration, true, true),
            (SettingsSource::Accounts, true, false),
            (SettingsSource::Groups, true, false),
            (SettingsSource::Services, true, false),
        ];
        assert_eq!(sources.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_a_record_declares_is_known_if_anything_says_it() {
        let config = |text: &str| ImageRecord {
            config: Some(text.as_bytes().to_vec()),
            ..ImageRecord::default()
        };
        assert_eq!(declared_by(&ImageRecord::default()), None);
        assert_eq!(declared_by(&config("no json")), None);
        assert_eq!(declared_by(&config("{}")), Some(Declared::default()));
        let fact = crate::image::Fact {
            kind: "sif.environment".to_owned(),
            text: "export A=1".to_owned(),
        };
        let record = ImageRecord { facts: vec![fact], ..ImageRecord::default() };
        assert_eq!(declared_by(&record).unwrap().env, ["A=1"]);
    }

    #[test]
    fn areas_have_names_in_their_order() {
        assert!(Area::ALL.is_sorted() && SettingsSource::ALL.is_sorted());
        let names: BTreeSet<_> = Area::ALL.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), Area::ALL.len());
    }

    prop_compose! {
        fn any_declared()(
            env in prop::collection::vec("(A|B|PATH|LPATH)=[/a:]{0,5}", 0..4),
            cmd in prop::collection::vec("[a ]{0,2}", 0..3),
            ports in prop::collection::vec("[12](/tcp)?", 0..3),
            labels in prop::collection::btree_map("[ab]", "[ab]?", 0..3),
            (user, platform) in ("[a]?", "linux/(arm64|arm)(/v[78])?"),
        ) -> Declared {
            let platform = platform.parse().unwrap();
            Declared { env, cmd, exposed_ports: ports, labels, user, platform, ..Declared::default() }
        }
    }

    prop_compose! {
        fn any_side()(
            declared in prop::option::of(any_declared()),
            passwd in prop::option::of(prop::option::of("([ab]:x:[01]:0::/[a]?:s\n){0,3}")),
            group in prop::option::of(prop::option::of("([ab]:x:[01]:[ab,]{0,3}\n){0,3}")),
            services in prop::collection::btree_set("etc/(runlevels/[ab]|rc[23]\\.d)/(S1)?[12a]", 0..4),
            os in prop::option::of("(ID=[ab]\n)?(VERSION_ID=[12]\n)?"),
            has_inventory in prop::bool::weighted(0.9),
        ) -> (Option<Declared>, Option<Inventory>) {
            let mut files: Vec<(&str, Option<&str>)> =
                services.iter().map(|path| (path.as_str(), None)).collect();
            for (path, content) in [("etc/passwd", &passwd), ("etc/group", &group)] {
                files.extend(content.as_ref().map(|it| (path, it.as_deref())));
            }
            files.extend(os.as_deref().map(|it| ("etc/os-release", Some(it))));
            (declared, has_inventory.then(|| inventory(&files)))
        }
    }

    proptest! {
        #[test]
        fn swapped_sides_swap_values_and_equal_sides_differ_in_nothing(a in any_side(), b in any_side()) {
            let [left, right] = [&a, &b].map(|(declared, inventory)| SettingsSide {
                declared: declared.as_ref(),
                os: None,
                inventory: inventory.as_ref(),
            });
            prop_assert_eq!(settings(left, left).changes, []);
            let (there, back) = (settings(left, right), settings(right, left));
            let mut swapped: Vec<_> = back.changes.into_iter().map(|it| {
                SettingChange { left: it.right, right: it.left, ..it }
            }).collect();
            swapped.sort_unstable();
            prop_assert_eq!(&there.changes, &swapped);
            let unknown: Vec<_> = back.unknown.into_iter().map(|it| {
                UnknownSettings { left: it.right, right: it.left, ..it }
            }).collect();
            prop_assert_eq!(&there.unknown, &unknown);
            for change in &there.changes {
                prop_assert_ne!(&change.left, &change.right);
                prop_assert!(!there.unknown.iter().any(|it| it.source == change.area.source()));
            }
            let mut once = there.changes.clone();
            once.dedup();
            prop_assert_eq!(once.len(), there.changes.len());
        }
    }
}
