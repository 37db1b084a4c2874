//! .NET: the `*.deps.json` beside a program names the packages of `NuGet` that it was built with.
//!
//! Source: the documentation of the .NET SDK, "Runtime configuration files".

use super::json::{self, Fields, Object, Text, Texts};
use super::parts::{found, names_from_end};
use crate::software::{FoundPackage, Record};
use serde::de::MapAccess;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a path is such a file.
pub(super) fn is_dependency_list(path: &[u8]) -> bool {
    let name = names_from_end(path).next().unwrap_or_default();
    name.len() > 10 && name.ends_with(b".deps.json")
}

#[derive(Debug, Default)]
struct Dependencies {
    /// By `NAME/VERSION`: the kind of each library.
    libraries: Libraries,
    targets: Targets,
}

impl Fields for Dependencies {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "libraries" => map.next_value_seed(Object(&mut self.libraries))?,
            "targets" => map.next_value_seed(Object(&mut self.targets))?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

#[derive(Debug, Default)]
struct Libraries(Vec<(String, Library)>);

#[derive(Debug, Default)]
struct Library {
    kind: Text,
}

impl Fields for Libraries {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        json::check_room(self.0.len(), json::MAX_OBJECTS)?;
        let mut library = Library::default();
        map.next_value_seed(Object(&mut library))?;
        self.0.push((key.to_owned(), library));
        Ok(true)
    }
}

impl Fields for Library {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        let is_kind = key == "type";
        if is_kind {
            self.kind = map.next_value()?;
        }
        Ok(is_kind)
    }
}

/// What each library needs, by `NAME/VERSION`; targets for several platforms are taken together.
#[derive(Debug, Default)]
struct Targets(BTreeMap<String, Vec<String>>);

impl Fields for Targets {
    fn field<'de, A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<bool, A::Error> {
        map.next_value_seed(Object(&mut Target(&mut self.0)))?;
        Ok(true)
    }
}

struct Target<'a>(&'a mut BTreeMap<String, Vec<String>>);

impl Fields for Target<'_> {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        json::check_room(self.0.len(), json::MAX_OBJECTS)?;
        let mut needs = Needs::default();
        map.next_value_seed(Object(&mut needs))?;
        self.0.entry(key.to_owned()).or_default().extend(needs.0.0);
        Ok(true)
    }
}

#[derive(Debug, Default)]
struct Needs(Texts);

impl Fields for Needs {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        let is_needs = key == "dependencies";
        if is_needs {
            self.0 = map.next_value()?;
        }
        Ok(is_needs)
    }
}

/// Reads the list. What the program itself names was asked for. O(n log n).
pub(super) fn read(content: &[u8]) -> Record {
    let mut told = Dependencies::default();
    let mut record = Record::default();
    record.warnings.extend(json::read(content, &mut told));
    let is_kind = |library: &Library, kind: &str| library.kind.as_str().eq_ignore_ascii_case(kind);
    let mut targets = told.targets.0;
    let projects = told.libraries.0.iter().filter(|(_, library)| is_kind(library, "project"));
    let direct: BTreeSet<String> =
        projects.filter_map(|(key, _)| targets.remove(key)).flatten().collect();
    for (key, _) in told.libraries.0.iter().filter(|(_, library)| is_kind(library, "package")) {
        let (name, version) = key.rsplit_once('/').unwrap_or((key, ""));
        if let Some(package) = found("nuget", "", name, version) {
            record.packages.push(FoundPackage {
                depends: targets.remove(key).unwrap_or_default(),
                asked_for: (!direct.is_empty()).then(|| direct.contains(name)),
                ..package
            });
        }
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_told_from_the_program_that_asked_for_them() {
        let json = r#"{"targets": {".NETCoreApp,Version=v6.0": {
            "App/1.0.0": {"dependencies": {"Serilog": "2.10.0"}},
            "Serilog/2.10.0": {"dependencies": {"Serilog.Core": "1.0"}, "runtime": {"a.dll": {}}},
            "Serilog.Core/1.0": {}}},
            "libraries": {"App/1.0.0": {"type": "project"}, "Serilog/2.10.0": {"type": "package"},
            "Serilog.Core/1.0": {"type": "package"}, "x": 7}}"#;
        let told: Vec<_> = read(json.as_bytes())
            .packages
            .into_iter()
            .map(|it| (it.package.to_string(), it.asked_for, it.depends.join(" ")))
            .collect();
        let serilog =
            ("pkg:nuget/Serilog@2.10.0".to_owned(), Some(true), "Serilog.Core".to_owned());
        let core = ("pkg:nuget/Serilog.Core@1.0".to_owned(), Some(false), String::new());
        assert_eq!(told, [serilog, core]);
        assert!(is_dependency_list(b"app/App.deps.json") && !is_dependency_list(b".deps.json"));
    }
}
