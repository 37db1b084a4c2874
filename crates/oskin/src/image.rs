//! What an image says of itself: digests, platform, configuration, operating system.

mod package;
mod recorded;

pub use package::{NotAPurl, Package, Packages};
pub use recorded::recorded_package;

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A sha256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no sha256 digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a sha256 digest: {0:?}")]
pub struct NotADigest(pub String);

impl FromStr for Digest {
    type Err = NotADigest;

    /// Reads `sha256:` and 64 hexadecimal digits; the prefix may be missing.
    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let refuse = || NotADigest(text.chars().take(100).collect());
        let hex = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        if hex.len() != 64 {
            return Err(refuse());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            let digit = |c: u8| char::from(c).to_digit(16);
            let (high, low) = (digit(pair[0]), digit(pair[1]));
            let (Some(high), Some(low)) = (high, low) else { return Err(refuse()) };
            *byte = u8::try_from(high << 4 | low).map_err(|_| refuse())?;
        }
        Ok(Self(bytes))
    }
}

/// What one layer of an image is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerKey {
    /// The digest of the uncompressed changeset: the diff id of the OCI image spec.
    DiffId(Digest),
    /// For what has no changeset of its own (a directory, the running system, a path list):
    /// the digest of the entries in oskin's canonical form.
    Inventory(Digest),
}

impl LayerKey {
    /// The digest, whichever it is of.
    pub const fn digest(&self) -> &Digest {
        match self {
            Self::DiffId(digest) | Self::Inventory(digest) => digest,
        }
    }
}

impl fmt::Display for LayerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DiffId(digest) => digest.fmt(f),
            Self::Inventory(digest) => write!(f, "inventory-{digest}"),
        }
    }
}

impl FromStr for LayerKey {
    type Err = NotADigest;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, NotADigest> {
        match text.strip_prefix("inventory-") {
            Some(digest) => digest.parse().map(Self::Inventory),
            None => text.parse().map(Self::DiffId),
        }
    }
}

/// The machine an image is for, as `os/architecture[/variant]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    /// Operating system as Go names it, such as `linux`.
    pub os: String,
    /// Architecture as Go names it, such as `amd64`.
    pub architecture: String,
    /// Variant of the architecture, such as `v7`; empty if none is stated.
    pub variant: String,
}

impl Platform {
    /// Whether an image for `self` is what was asked for: a variant counts only where both state one.
    pub fn satisfies(&self, asked: &Self) -> bool {
        let variants = [&self.variant, &asked.variant];
        self.os == asked.os
            && self.architecture == asked.architecture
            && (variants[0] == variants[1] || variants.iter().any(|v| v.is_empty()))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if !self.variant.is_empty() {
            write!(f, "/{}", self.variant)?;
        }
        Ok(())
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, ""),
            [os, architecture, variant] => (os, architecture, variant),
            _ => return Err(format!("platform {text:?} is not os/architecture[/variant]")),
        };
        if os.is_empty() || architecture.is_empty() {
            return Err(format!("platform {text:?} is not os/architecture[/variant]"));
        }
        Ok(Self { os: os.into(), architecture: architecture.into(), variant: variant.into() })
    }
}

/// What an image declares in its configuration (OCI image spec, config.md), as far as oskin asks.
///
/// Everything is optional and taken as it comes: old and hand-made images leave out much, and a
/// missing field must not make an image unreadable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The platform; fields that are not stated are empty.
    pub platform: Platform,
    /// When the image was built, as it is written there (RFC 3339).
    pub created: Option<String>,
    /// `NAME=value` strings in order.
    pub env: Vec<String>,
    /// The program that a container starts.
    pub entrypoint: Vec<String>,
    /// Its default arguments, or the program where there is no entry point.
    pub cmd: Vec<String>,
    /// User, and group behind a colon.
    pub user: String,
    /// The directory a container starts in.
    pub working_dir: String,
    /// Ports as `80/tcp`, sorted.
    pub exposed_ports: Vec<String>,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// The build steps, oldest first.
    pub history: Vec<HistoryStep>,
    /// The diff ids of the layers, base first, as they are written there.
    pub diff_ids: Vec<String>,
}

/// Something that an image tells of itself outside of its configuration; nobody verified it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// What it is of, in the words of its format: `sif.deffile`, `sif.labels`,
    /// `manifest.annotations`.
    pub kind: String,
    /// The text as it is there; what is no UTF-8 is replaced.
    pub text: String,
}

/// The kind of the fact that an image could be read only in part: how many parts are missing, and
/// where the first one is. Readers give no fact of this kind.
pub const INCOMPLETE: &str = "incomplete";

/// The kind of the fact that holds the platform of an image without a configuration, written as
/// [`Platform`] is. Readers give no fact of this kind.
pub const PLATFORM: &str = "platform";

/// The kinds of facts that are labels, JSON objects of strings, and the names of the objects in each
/// other that they may lie in.
const LABEL_FACTS: [(&str, &[&str]); 4] = [
    ("sif.labels", &[]),
    // Since SIF has apps: labels of the system, and of each of them.
    ("sif.labels", &["system-partition"]),
    ("sif.json.inspect-metadata.json", &["data", "attributes", "labels"]),
    ("manifest.annotations", &[]),
];

/// The kind of facts that are environments: lines of a shell that assign variables.
const ENVIRONMENT_FACT: &str = "sif.environment";

impl Fact {
    /// The labels that it holds, if it is of a kind that does; values that are no text are left out.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let places = LABEL_FACTS.iter().filter(|(kind, _)| *kind == self.kind);
        let places: Vec<&[&str]> = places.map(|(_, names)| *names).collect();
        if places.is_empty() {
            return BTreeMap::new();
        }
        let all: serde_json::Value = serde_json::from_str(&self.text).unwrap_or_default();
        let inside = |names: &[&str]| names.iter().try_fold(&all, |it, name| it.get(name));
        let objects =
            places.into_iter().filter_map(inside).filter_map(serde_json::Value::as_object);
        let text = |(name, value): (&String, &serde_json::Value)| {
            Some((name.clone(), value.as_str()?.to_owned()))
        };
        objects.flatten().filter_map(text).collect()
    }

    /// The `NAME=value` texts that it holds, if it is of a kind that does. Lines are taken that assign
    /// a plain value, with `export` before it or not and in quotes or not; other commands are passed
    /// over, and nothing is expanded.
    pub fn environment(&self) -> Vec<String> {
        if self.kind != ENVIRONMENT_FACT {
            return Vec::new();
        }
        let variable = |line: &str| {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
            let (name, value) = line.split_once('=')?;
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let quoted = ['"', '\''].into_iter().find_map(|quote| {
                value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote))
            });
            let is_variable = !name.is_empty() && name.chars().all(is_name);
            is_variable.then(|| format!("{name}={}", quoted.unwrap_or(value)))
        };
        self.text.lines().filter_map(variable).collect()
    }
}

/// One build step that an image declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryStep {
    /// The command, as the builder wrote it.
    pub created_by: String,
    /// Whether the step made no layer.
    pub empty_layer: bool,
}

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    architecture: Option<String>,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    config: Option<RunConfig>,
    #[serde(default)]
    history: Option<Vec<History>>,
    #[serde(default)]
    rootfs: Option<RootFs>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RunConfig {
    #[serde(default)]
    env: Option<Vec<String>>,
    #[serde(default)]
    entrypoint: Option<Vec<String>>,
    #[serde(default)]
    cmd: Option<Vec<String>>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    working_dir: Option<String>,
    #[serde(default)]
    exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct History {
    #[serde(default)]
    created_by: Option<String>,
    #[serde(default)]
    empty_layer: Option<bool>,
}

#[derive(Default, Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Option<Vec<String>>,
}

impl Declared {
    /// Reads a configuration file of an image.
    ///
    /// # Errors
    ///
    /// If it is no JSON object or a field has another type than the spec gives it.
    pub fn from_config(json: &[u8]) -> Result<Self, serde_json::Error> {
        // A struct would also be read from an array, field by field; a map would not.
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(json)?;
        let file = ConfigFile::deserialize(serde_json::Value::Object(object))?;
        let run = file.config.unwrap_or_default();
        let history = file.history.unwrap_or_default().into_iter().map(|step| HistoryStep {
            created_by: step.created_by.unwrap_or_default(),
            empty_layer: step.empty_layer.unwrap_or_default(),
        });
        Ok(Self {
            platform: Platform {
                os: file.os.unwrap_or_default(),
                architecture: file.architecture.unwrap_or_default(),
                variant: file.variant.unwrap_or_default(),
            },
            created: file.created,
            env: run.env.unwrap_or_default(),
            entrypoint: run.entrypoint.unwrap_or_default(),
            cmd: run.cmd.unwrap_or_default(),
            user: run.user.unwrap_or_default(),
            working_dir: run.working_dir.unwrap_or_default(),
            exposed_ports: run.exposed_ports.unwrap_or_default().into_keys().collect(),
            labels: run.labels.unwrap_or_default(),
            history: history.collect(),
            diff_ids: file.rootfs.unwrap_or_default().diff_ids.unwrap_or_default(),
        })
    }
}

/// What the catalog tells of an image without reading its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRecord {
    /// The number of the image in this catalog; never given twice while the image is there.
    pub id: i64,
    /// The name, unique in the catalog.
    pub name: String,
    /// `name:tag` as the source told it.
    pub reference: Option<String>,
    /// The transport that brought it, such as `docker-archive`.
    pub transport: String,
    /// Where it was read from.
    pub location: String,
    /// The configuration file of the image, as it came.
    pub config: Option<Vec<u8>>,
    /// The digest of that file: the image id of Docker.
    pub config_digest: Option<String>,
    /// The digest of the manifest.
    pub manifest_digest: Option<String>,
    /// Entries that are not directories.
    pub files: u64,
    /// Directories, the root not counted.
    pub directories: u64,
    /// Bytes of content, files with several names counted once.
    pub size_bytes: u64,
    /// The operating system by its os-release file; of an image without paths as it was told.
    pub os: Option<OsIdentity>,
    /// What it tells of itself outside of its configuration.
    pub facts: Vec<Fact>,
    /// How many packages are known of it; `None` if nothing tells its packages.
    pub packages: Option<u64>,
    /// Whether nothing but its packages is known: it has no paths, and no question about paths has
    /// an answer.
    pub packages_only: bool,
    /// What was damaged or strange when it was read, as `(place, what)`.
    pub warnings: Vec<(String, String)>,
}

impl ImageRecord {
    /// What the image declares in its configuration, empty if it has none that can be read; with
    /// labels, and a platform, that only its facts tell.
    pub fn declared(&self) -> Declared {
        let config = self.config.as_deref().unwrap_or_default();
        let mut declared = Declared::from_config(config).unwrap_or_default();
        let is_stated =
            !declared.platform.os.is_empty() || !declared.platform.architecture.is_empty();
        let platform = self.facts.iter().find(|fact| fact.kind == PLATFORM && !is_stated);
        if let Some(platform) = platform.and_then(|fact| fact.text.parse().ok()) {
            declared.platform = platform;
        }
        for fact in &self.facts {
            for (name, value) in fact.labels() {
                declared.labels.entry(name).or_insert(value);
            }
        }
        declared
    }

    /// The environment that the image declares as `NAME=value` texts: that of its configuration, or
    /// else what its facts tell.
    pub fn environment(&self) -> Vec<String> {
        let config = self.config.as_deref().unwrap_or_default();
        let declared = Declared::from_config(config).unwrap_or_default().env;
        if !declared.is_empty() {
            return declared;
        }
        self.facts.iter().flat_map(Fact::environment).collect()
    }
}

impl ImageRecord {
    /// What of it could not be read, in words, if it could be read only in part.
    pub fn incomplete(&self) -> Option<&str> {
        let fact = self.facts.iter().find(|fact| fact.kind == INCOMPLETE);
        fact.map(|fact| fact.text.as_str())
    }
}

/// The identity of an operating system, from its os-release file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OsIdentity {
    /// Lower-case identifier such as `debian`.
    pub id: Option<String>,
    /// Version such as `12`.
    pub version_id: Option<String>,
    /// Name for people such as `Debian GNU/Linux 12 (bookworm)`.
    pub pretty_name: Option<String>,
}

impl OsIdentity {
    /// Reads the text of an os-release file; lines that are no assignment are passed over.
    pub fn from_os_release(content: &[u8]) -> Self {
        let text = String::from_utf8_lossy(content);
        let Ok(parsed) = text.parse::<etc_os_release::OsRelease>();
        let value = |key: &str| parsed.get_value(key).map(ToOwned::to_owned);
        Self { id: value("ID"), version_id: value("VERSION_ID"), pretty_name: value("PRETTY_NAME") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_read_back_what_they_print() {
        let digest = Digest(std::array::from_fn(|i| u8::try_from(i * 7).unwrap()));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(digest.to_string()[7..].parse(), Ok(digest));
        assert!("sha256:12".parse::<Digest>().is_err());
        assert!("sha512:é".parse::<Digest>().is_err());
        assert!(format!("sha256:{}", "é".repeat(32)).parse::<Digest>().is_err());
    }

    #[test]
    fn sparse_configurations_are_read() {
        for json in [&b"{}"[..], br#"{"config":null,"rootfs":null,"history":null}"#] {
            assert_eq!(Declared::from_config(json).unwrap(), Declared::default());
        }
        assert!(Declared::from_config(b"[]").is_err());
        let declared = Declared::from_config(
            br#"{"os":"linux","architecture":"arm","variant":"v7","config":{"Env":["A=b"],
            "ExposedPorts":{"80/tcp":{},"443/tcp":{}}},"history":[{"created_by":"x","empty_layer":true}]}"#,
        )
        .unwrap();
        assert_eq!(declared.platform.to_string(), "linux/arm/v7");
        assert_eq!(declared.exposed_ports, ["443/tcp", "80/tcp"]);
        assert!(declared.history[0].empty_layer);
    }

    #[test]
    fn labels_of_facts_stand_behind_those_of_the_configuration() {
        let fact = |kind: &str, text: &str| Fact { kind: kind.to_owned(), text: text.to_owned() };
        let record = ImageRecord {
            config: Some(br#"{"config":{"Labels":{"a":"config"}}}"#.to_vec()),
            facts: vec![
                fact("sif.labels", r#"{"a":"sif","b":"sif","n":1}"#),
                fact("manifest.annotations", r#"{"b":"manifest","c":"manifest"}"#),
                fact("sif.deffile", r#"{"d":"no labels"}"#),
                fact("sif.labels", "[]"),
                fact(
                    "sif.labels",
                    r#"{"system-partition":{"e":"system","n":1},"app":{"f":"app"}}"#,
                ),
                fact(
                    "sif.json.inspect-metadata.json",
                    r#"{"data":{"attributes":{"labels":{"g":"inspect"}}},"type":"container"}"#,
                ),
                fact("sif.json.other", r#"{"h":"no labels"}"#),
            ],
            ..ImageRecord::default()
        };
        let labels = record.declared().labels;
        let expected =
            [("a", "config"), ("b", "sif"), ("c", "manifest"), ("e", "system"), ("g", "inspect")];
        assert_eq!(
            labels.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn the_platform_of_a_fact_stands_behind_that_of_the_configuration() {
        let of = |config: Option<&[u8]>, text: &str| {
            let facts = vec![Fact { kind: PLATFORM.to_owned(), text: text.to_owned() }];
            let record =
                ImageRecord { config: config.map(<[u8]>::to_vec), facts, ..ImageRecord::default() };
            record.declared().platform.to_string()
        };
        assert_eq!(of(None, "linux/arm/v7"), "linux/arm/v7");
        assert_eq!(of(None, "nonsense"), "/");
        assert_eq!(of(Some(br#"{"os":"linux","architecture":"386"}"#), "linux/arm64"), "linux/386");
    }

    #[test]
    fn environments_of_facts_stand_behind_that_of_the_configuration() {
        let text = "#!/bin/sh\nexport A=1\n  B=\"x y\"\nexport PATH='/bin:/usr/bin'\nif [ $A = 1 ]; then\n=\n";
        let fact = Fact { kind: "sif.environment".to_owned(), text: text.to_owned() };
        let other = Fact { kind: "sif.deffile".to_owned(), text: "C=1".to_owned() };
        let mut record = ImageRecord { facts: vec![other, fact], ..ImageRecord::default() };
        assert_eq!(record.environment(), ["A=1", "B=x y", "PATH=/bin:/usr/bin"]);
        record.config = Some(br#"{"config":{"Env":["A=2"]}}"#.to_vec());
        assert_eq!(record.environment(), ["A=2"]);
    }

    #[test]
    fn platform_variants_count_only_where_both_state_one() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        assert!(platform("linux/arm64/v8").satisfies(&platform("linux/arm64")));
        assert!(platform("linux/arm64").satisfies(&platform("linux/arm64/v8")));
        assert!(!platform("linux/arm/v6").satisfies(&platform("linux/arm/v7")));
        assert!("linux".parse::<Platform>().is_err());
    }

    #[test]
    fn os_release_lines_with_quotes_are_read() {
        let os = OsIdentity::from_os_release(
            b"garbage\nID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME='Debian GNU/Linux 12 (bookworm)'\n",
        );
        assert_eq!(os.id.as_deref(), Some("debian"));
        assert_eq!(os.version_id.as_deref(), Some("12"));
        assert_eq!(os.pretty_name.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
    }
}
