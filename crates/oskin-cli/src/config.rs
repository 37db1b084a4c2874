//! Defaults of a user: `$XDG_CONFIG_HOME/oskin/config.toml`.

use crate::args::{Global, LimitSetting, Reading, When};
use crate::error::CliError;
use clap::ValueEnum as _;
use etcetera::BaseStrategy as _;
use oskin::image::Platform;
use oskin::source::Limits;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the file may set; a flag and the environment come before it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    catalog: Option<PathBuf>,
    #[serde(default, deserialize_with = "color")]
    color: Option<When>,
    #[serde(default, deserialize_with = "platform")]
    platform: Option<Platform>,
    #[serde(default)]
    limits: BTreeMap<String, u64>,
}

impl Config {
    /// Reads the file of this user; without one nothing is set.
    pub(crate) fn load() -> Result<Self, CliError> {
        // Without a home directory there is no such file, and flags may say all that is needed.
        let Ok(base) = etcetera::base_strategy::Xdg::new() else {
            return Ok(Self::default());
        };
        let file = base.config_dir().join("oskin").join("config.toml");
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Ok(Self::default()),
            Err(error) => {
                return Err(CliError::new(format!("cannot read {}: {error}", file.display())));
            }
        };
        let mut config = Self::parse(&text, &file)?;
        for (name, value) in &config.limits {
            let wrong = |what| CliError::new(format!("{}: limits: {what}", file.display()));
            Limits::default().set(name, *value).map_err(wrong)?;
        }
        config.catalog = config.catalog.map(|path| placed(&path, base.home_dir(), &file));
        Ok(config)
    }

    /// Fills in what neither a flag nor the environment says.
    pub(crate) fn fill(self, global: &mut Global, reading: Option<&mut Reading>) {
        global.catalog = global.catalog.take().or(self.catalog);
        global.color = global.color.or(self.color);
        if let Some(reading) = reading {
            reading.platform = reading.platform.take().or(self.platform);
            // What is set later counts.
            let settings =
                self.limits.into_iter().map(|(name, value)| LimitSetting { name, value });
            reading.limits.splice(..0, settings);
        }
    }

    fn parse(text: &str, file: &Path) -> Result<Self, CliError> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            // The parser lists what it expected on lines of their own.
            let message = error.message().replace('\n', ", ");
            CliError::new(format!("{}:{line}: {message}", file.display()))
                .hint("mend or remove that line; the keys are catalog, color, platform and limits")
        })
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// The working directory changes from run to run, so a relative path starts at the file.
fn placed(path: &Path, home: &Path, file: &Path) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => home.join(rest),
        Err(_) => file.parent().unwrap_or(home).join(path),
    }
}

fn color<'de, D: Deserializer<'de>>(value: D) -> Result<Option<When>, D::Error> {
    let text = String::deserialize(value)?;
    let expected = || D::Error::custom(format!("color {text:?} is not auto, always or never"));
    When::from_str(&text, false).map(Some).map_err(|_| expected())
}

fn platform<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Platform>, D::Error> {
    let text = String::deserialize(value)?;
    text.parse().map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_line() {
        let file = Path::new("config.toml");
        let message = |text| Config::parse(text, file).map_err(|error| error.message());
        let cases = [
            ("\ncolour = \"auto\"\n", "config.toml:2: unknown field `colour`"),
            ("color = \"red\"\n", "config.toml:1: color \"red\" is not auto"),
            ("#\n#\nplatform = \"linux\"\n", "config.toml:3: platform \"linux\" is not"),
            ("catalog = 5\n", "config.toml:1: invalid type"),
            ("color = \"auto\"\ncatalog\n", "config.toml:2: "),
        ];
        for (text, expected) in cases {
            let error = message(text).unwrap_err();
            assert!(error.starts_with(expected) && !error.contains('\n'), "{error}");
        }
        assert!(message("").is_ok());
    }

    #[test]
    fn a_relative_catalog_lies_beside_the_file() {
        let placed = |path: &str| {
            placed(Path::new(path), Path::new("/home/me"), Path::new("/etc/oskin/config.toml"))
        };
        assert_eq!(placed("a.db"), PathBuf::from("/etc/oskin/a.db"));
        assert_eq!(placed("~/a.db"), PathBuf::from("/home/me/a.db"));
        assert_eq!(placed("/a.db"), PathBuf::from("/a.db"));
    }
}
