//! How images are read that are not in the catalog.

use super::Registry;
use clap::Args;
use oskin::image::Platform;
use oskin::source::Limits;
use std::str::FromStr;

/// How images are read that are not in the catalog.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Reading")]
pub(crate) struct Reading {
    /// Which image of a multi-platform index [default: that of this machine]
    #[arg(long, env = "OSKIN_PLATFORM", value_name = "OS/ARCH[/VARIANT]", hide_env_values = true)]
    pub(crate) platform: Option<Platform>,

    /// host: go on into other mounted file systems
    #[arg(long)]
    pub(crate) cross_mounts: bool,

    /// rootfs: and host: do not read the contents of files, only what they are
    #[arg(long)]
    pub(crate) no_contents: bool,

    /// disk: read this partition [default: the one that holds the system]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) partition: Option<u32>,

    /// disk: open the file that a qcow2 image says it stands on
    #[arg(long)]
    pub(crate) allow_backing_file: bool,

    /// Accept more or less of an image: manifest-bytes, content-bytes, entries, path-bytes, layers,
    /// index-depth; may be repeated
    #[arg(
        long = "limit",
        env = "OSKIN_LIMITS",
        value_name = "NAME=VALUE",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(crate) limits: Vec<LimitSetting>,

    #[command(flatten)]
    pub(crate) registry: Registry,
}

impl Reading {
    /// What is accepted of an image.
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for LimitSetting { name, value } in &self.limits {
            // It was tried when it was parsed.
            let set = limits.set(name, *value);
            debug_assert!(set.is_ok());
        }
        limits
    }
}

/// A limit and what it is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitSetting {
    pub(crate) name: String,
    pub(crate) value: u64,
}

impl FromStr for LimitSetting {
    type Err = String;

    /// Reads `NAME=VALUE`; the value may end with k, M, G or T (powers of 1,000) or with Ki, Mi, Gi
    /// or Ti (powers of 1,024).
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) =
            text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
        let setting = Self { name: name.to_owned(), value: number(value)? };
        Limits::default().set(name, setting.value).map(|()| setting)
    }
}

/// A number with a unit of bytes or none.
pub(super) fn number(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let power = match &text[digits.len()..].to_ascii_lowercase()[..] {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        "ti" | "tib" => 1 << 40,
        _ => 0_u64,
    };
    let count = digits.parse::<u64>().ok().filter(|_| power > 0);
    count
        .and_then(|count| count.checked_mul(power))
        .ok_or_else(|| format!("{text:?} is no number such as 1000, 64MiB or 2G"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_numbers_with_units() {
        let parse = |text: &str| text.parse::<LimitSetting>().map(|it| it.value);
        assert_eq!(parse("content-bytes=64MiB"), Ok(64 << 20));
        assert_eq!(parse("content_bytes=2G"), Ok(2_000_000_000));
        assert_eq!(parse("entries=5"), Ok(5));
        for wrong in ["entries", "entries=", "entries=x", "entries=5q", "layers=-1", "what=1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse("content-bytes=99999999999T").is_err());
    }
}
