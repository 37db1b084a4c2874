//! `oskin evaluate --packages`: packages of images held against what their package managers list.

use super::text::{absent, interval_cells, some, tallies};
use crate::error::CliError;
use crate::images::Workspace;
use crate::known_packages::{KnownList, KnownPackages};
use crate::output::{Format, Outputs, json_bytes, value_of};
use crate::text;
use oskin::image::Package;
use oskin::report::{EvaluatePackagesReport, ListedReport, PackageDifference, ShareReport};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

/// How many differences are shown unless all are asked for.
const SHOWN: usize = 20;

/// Judges the packages of all images that are told of, and writes the figures.
pub(super) fn run(
    outputs: &Outputs,
    workspace: &mut Workspace,
    known: &KnownPackages,
    shows_all: bool,
) -> Result<(), CliError> {
    let report = judged(workspace, known)?;
    outputs.write(|format| match format {
        Format::Json => Ok(json_bytes(&value_of(&report)?)),
        Format::Csv => Ok(tallies(figures(&report), ',').into_bytes()),
        Format::Tsv => Ok(tallies(figures(&report), '\t').into_bytes()),
        _ => Ok(text_of(&report, shows_all).into_bytes()),
    })
}

fn judged(
    workspace: &mut Workspace,
    known: &KnownPackages,
) -> Result<EvaluatePackagesReport, CliError> {
    let images = workspace.catalog()?.images()?;
    let there: BTreeSet<String> = images.into_iter().map(|image| image.name).collect();
    let (mut absent, mut unknown) = (Vec::new(), Vec::new());
    let (mut lists, mut differences) = (Vec::new(), Vec::new());
    for (image, types) in &known.images {
        if !there.contains(image) {
            absent.push(image.clone());
            continue;
        }
        workspace.bar().name(image);
        let found = workspace.find_any(OsStr::new(image))?;
        let Some(installed) = workspace.installed(&found)? else {
            unknown.push(image.clone());
            continue;
        };
        for (kind, list) in types {
            let of_kind =
                installed.iter().map(|it| &it.found.package).filter(|it| it.kind == *kind);
            let (report, mut differing) = held((image, kind), list, of_kind);
            lists.push(report);
            differences.append(&mut differing);
        }
    }
    workspace.bar().finish();
    if absent.len() == known.images.len() {
        return Err(CliError::new("no image of the known packages is in the catalog")
            .hint("`oskin ls` lists the names there are"));
    }
    let mut report = EvaluatePackagesReport::new(lists, differences);
    (report.absent, report.absent_images) = (absent.len() as u64, absent);
    (report.unknown, report.unknown_images) = (unknown.len() as u64, unknown);
    Ok(report)
}

/// Holds packages of one type against their list, name by name: first those in a version that is listed, then those of a
/// version that is not known, then one in another version for one.
fn held<'p>(
    (image, kind): (&str, &str),
    list: &KnownList,
    packages: impl Iterator<Item = &'p Package>,
) -> (ListedReport, Vec<PackageDifference>) {
    let mut found: BTreeMap<String, Vec<&Package>> = BTreeMap::new();
    let mut count = 0;
    for package in packages {
        found.entry(package.shown_name()).or_default().push(package);
        count += 1;
    }
    let is_list = !list.packages.is_empty();
    let expected = list.packages.values().map(|versions| versions.len() as u64).sum();
    let mut report = ListedReport {
        image: image.to_owned(),
        r#type: kind.to_owned(),
        expected: is_list.then_some(expected),
        count: list.count,
        found: count,
        ..ListedReport::default()
    };
    let mut differences = Vec::new();
    let mut differ = |kind_of, name: &str, [expected, found]: [Option<String>; 2]| {
        let (image, r#type, name) = (image.to_owned(), kind.to_owned(), name.to_owned());
        differences.push(PackageDifference { image, r#type, kind: kind_of, name, expected, found });
    };
    if let Some(known) = list.count.filter(|known| *known != count) {
        differ("count", "*", [known, count].map(|number| Some(number.to_string())));
    }
    let names: BTreeSet<&String> = list.packages.keys().chain(found.keys()).collect();
    for name in names.into_iter().filter(|_| is_list) {
        let listed = list.packages.get(name).map(Vec::as_slice).unwrap_or_default();
        let here = found.get(name).map(Vec::as_slice).unwrap_or_default();
        let (same, missing, further) = matched(listed, here);
        report.same += same;
        let both = missing.len().min(further.len());
        let version = |package: &&Package| Some(package.version.clone());
        for (expected, found) in missing.iter().zip(&further) {
            report.other_version += 1;
            differ("other-version", name, [expected.clone(), version(found)]);
        }
        for expected in &missing[both..] {
            report.missing += 1;
            differ("missing", name, [expected.clone(), None]);
        }
        for found in &further[both..] {
            report.unexpected += 1;
            differ("unexpected", name, [None, version(found)]);
        }
    }
    (report, differences)
}

/// How many are listed and here, and what is left of both, by version.
fn matched<'p>(
    listed: &[Option<String>],
    here: &[&'p Package],
) -> (u64, Vec<Option<String>>, Vec<&'p Package>) {
    let mut further = here.to_vec();
    further.sort_by(|a, b| a.version.cmp(&b.version));
    let mut listed = listed.to_vec();
    // What has a version comes first: one that is not known is content with what is left.
    listed.sort_by(|a, b| a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(b)));
    let (mut same, mut missing) = (0, Vec::new());
    for expected in listed {
        let is_it = |package: &&Package| {
            expected.as_ref().is_none_or(|expected| is_version(expected, package))
        };
        match further.iter().position(is_it) {
            Some(at) => {
                further.remove(at);
                same += 1;
            }
            None => missing.push(expected),
        }
    }
    (same, missing, further)
}

/// Whether a version is that of the package, for rpm with its epoch or without.
fn is_version(expected: &str, package: &Package) -> bool {
    let epoch = package.qualifiers.get("epoch").map_or("0", String::as_str);
    let with_epoch = || {
        let (own, version) = expected.split_once(':')?;
        Some(package.kind == "rpm" && own == epoch && version == package.version)
    };
    expected == package.version || with_epoch() == Some(true)
}

fn figures(report: &EvaluatePackagesReport) -> [(String, ShareReport); 5] {
    [
        ("listed and found in this version", report.versions),
        ("listed and found in any version", report.names),
        ("found and listed in any version", report.listed),
        ("counts", report.counts),
        ("lists without difference", report.exact),
    ]
    .map(|(name, share)| (name.to_owned(), share))
}

fn text_of(report: &EvaluatePackagesReport, shows_all: bool) -> String {
    let mut text = format!("{} judged", text::plural(report.judged, "image"));
    text.push_str(&absent(report.absent, &report.absent_images));
    if report.unknown > 0 {
        let unknown = text::count(report.unknown);
        text.push_str(&format!("; the packages of {unknown} more are not known: "));
        text.push_str(&some(&report.unknown_images));
    }
    text.push_str("\n\n");
    let asked = figures(report).into_iter().filter(|(_, share)| share.of > 0);
    let rows = asked.map(|(name, share)| interval_cells(&name, &share)).collect();
    text.push_str(&text::table(&["", ">RIGHT", ">SHARE", ">95 % INTERVAL"], rows));
    let row = |it: &ListedReport| {
        let listed = it.expected.or(it.count).map(text::count).unwrap_or_default();
        let numbers = [it.found, it.same, it.other_version, it.missing, it.unexpected];
        let mut row = vec![it.image.clone(), it.r#type.clone(), listed];
        match it.expected {
            Some(_) => row.extend(numbers.map(text::count)),
            None => row.extend([&text::count(it.found), "", "", "", ""].map(str::to_owned)),
        }
        row
    };
    let headings = [
        "IMAGE",
        "TYPE",
        ">LISTED",
        ">FOUND",
        ">SAME",
        ">OTHER VERSION",
        ">MISSING",
        ">UNEXPECTED",
    ];
    text.push('\n');
    text.push_str(&text::table(&headings, report.lists.iter().map(row).collect()));
    text.push_str(&differences(&report.differences, shows_all));
    text
}

fn differences(all: &[PackageDifference], shows_all: bool) -> String {
    if all.is_empty() {
        return String::new();
    }
    let shown = if shows_all { all.len() } else { all.len().min(SHOWN) };
    let row = |it: &PackageDifference| {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let what = it.kind.replace('-', " ");
        vec![
            it.image.clone(),
            it.r#type.clone(),
            what,
            it.name.clone(),
            text(&it.expected),
            text(&it.found),
        ]
    };
    let headings = ["IMAGE", "TYPE", "DIFFERENCE", "NAME", "LISTED", "FOUND"];
    let mut text =
        format!("\n{}", text::table(&headings, all.iter().take(shown).map(row).collect()));
    if let Some(more) = all.len().checked_sub(shown).filter(|more| *more > 0) {
        text.push_str(&format!("and {} more (--all)\n", text::count(more as u64)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(kind: &str, name: &str, version: &str) -> Package {
        Package { kind: kind.to_owned(), ..Package::generic("", name, version) }
    }

    #[test]
    fn epochs_of_rpm_may_be_told() {
        let mut it = package("rpm", "a", "1-2");
        assert!(is_version("1-2", &it) && is_version("0:1-2", &it) && !is_version("1:1-2", &it));
        it.qualifiers.insert("epoch".to_owned(), "1".to_owned());
        assert!(is_version("1-2", &it) && is_version("1:1-2", &it) && !is_version("0:1-2", &it));
        assert!(!is_version("0:1", &package("deb", "a", "1")));
    }

    #[test]
    fn every_package_is_counted_once() {
        for seed in 0..2000 {
            // Names and versions of few kinds, so that they meet; the fourth version is one that is not known.
            let bytes = testkit::random_bytes(seed, 24);
            let (listed, here) = bytes.split_at(usize::from(bytes[0] % 12) + 1);
            let listed: Vec<(u8, u8)> = listed.iter().map(|it| (it % 4, it / 4 % 4)).collect();
            let here: Vec<(u8, u8)> = here.iter().map(|it| (it % 5, it / 5 % 3)).collect();
            let mut list = KnownList::default();
            for (name, version) in &listed {
                let version = (*version < 3).then(|| version.to_string());
                list.packages.entry(name.to_string()).or_default().push(version);
            }
            let packages: Vec<Package> = here
                .iter()
                .map(|(name, version)| package("deb", &name.to_string(), &version.to_string()))
                .collect();
            let (report, differences) = held(("x", "deb"), &list, packages.iter());
            let named = report.same + report.other_version;
            assert_eq!(report.expected, Some(named + report.missing));
            assert_eq!(report.found, named + report.unexpected);
            assert_eq!(report.found, here.len() as u64);
            let differing = report.other_version + report.missing + report.unexpected;
            assert_eq!(differences.len() as u64, differing);
            // By name as many are matched as there are on the side that has fewer; of one version too, and those
            // whose version is not known with any that is left.
            let (mut both, mut same) = (0, 0);
            for name in 0..5 {
                let of = |side: &[(u8, u8)], version: Option<u8>| {
                    let is_it = |it: &&(u8, u8)| it.0 == name && version.is_none_or(|v| v == it.1);
                    side.iter().filter(is_it).count() as u64
                };
                let exact: u64 = (0..3).map(|v| of(&listed, Some(v)).min(of(&here, Some(v)))).sum();
                both += of(&listed, None).min(of(&here, None));
                same += exact + of(&listed, Some(3)).min(of(&here, None) - exact);
            }
            assert_eq!((named, report.same), (both, same), "{listed:?} {here:?}");
        }
    }
}
