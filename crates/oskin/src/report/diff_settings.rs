//! The part of a diff about what images declare and the system that they set up.

use crate::diff::{SettingChange, Settings, UnknownSettings};
use serde::Serialize;

/// How the settings of two images differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SettingsReport {
    /// What differs, by area and name.
    pub changes: Vec<SettingRow>,
    /// What could not be compared.
    pub unknown: Vec<UnknownSettingsReport>,
}

/// A setting that is not the same in both images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingRow {
    /// What it belongs to: `platform`, `os`, `entrypoint`, `cmd`, `user`, `workdir`, `env`, `env-entry`, `port`,
    /// `label`, `account`, `group`, `service`.
    pub area: &'static str,
    /// Its name; empty where an image has at most one.
    pub name: String,
    /// `added` (only right), `removed` (only left), `changed`.
    pub change: &'static str,
    /// The value of the left image; null if it is not set there.
    pub left: Option<String>,
    /// That of the right image.
    pub right: Option<String>,
}

/// Settings that were not compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnknownSettingsReport {
    /// `configuration`, `os`, `accounts`, `groups`, `services`.
    pub settings: &'static str,
    /// Whether they are unknown of the left image.
    pub left: bool,
    /// Whether they are unknown of the right image.
    pub right: bool,
}

impl SettingsReport {
    /// Whether nothing differs as far as is known.
    pub fn is_same(&self) -> bool {
        self.changes.is_empty()
    }
}

impl From<&Settings> for SettingsReport {
    fn from(settings: &Settings) -> Self {
        Self {
            changes: settings.changes.iter().map(SettingRow::from).collect(),
            unknown: settings.unknown.iter().map(UnknownSettingsReport::from).collect(),
        }
    }
}

impl From<&SettingChange> for SettingRow {
    fn from(change: &SettingChange) -> Self {
        Self {
            area: change.area.name(),
            name: change.name.clone(),
            change: match (&change.left, &change.right) {
                (None, _) => "added",
                (_, None) => "removed",
                _ => "changed",
            },
            left: change.left.clone(),
            right: change.right.clone(),
        }
    }
}

impl From<&UnknownSettings> for UnknownSettingsReport {
    fn from(unknown: &UnknownSettings) -> Self {
        Self { settings: unknown.source.name(), left: unknown.left, right: unknown.right }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{Area, SettingsSource};

    #[test]
    fn changes_are_named_by_the_side_that_has_them() {
        let change = |left: Option<&str>, right: Option<&str>| SettingChange {
            area: Area::Env,
            name: "A".to_owned(),
            left: left.map(str::to_owned),
            right: right.map(str::to_owned),
        };
        let unknown =
            UnknownSettings { source: SettingsSource::Accounts, left: true, right: false };
        let changes =
            vec![change(None, Some("")), change(Some("1"), None), change(Some("1"), Some("2"))];
        let report = SettingsReport::from(&Settings { changes, unknown: vec![unknown] });
        let json = serde_json::to_value(&report).unwrap();
        let row = |change: &str, left: Option<&str>, right: Option<&str>| serde_json::json!({"area": "env", "name": "A", "change": change, "left": left, "right": right});
        let rows = [
            row("added", None, Some("")),
            row("removed", Some("1"), None),
            row("changed", Some("1"), Some("2")),
        ];
        let unknown = serde_json::json!([{"settings": "accounts", "left": true, "right": false}]);
        assert_eq!(json, serde_json::json!({"changes": rows, "unknown": unknown}));
        assert!(!report.is_same() && SettingsReport::default().is_same());
    }
}
