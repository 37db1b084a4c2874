//! `oskin compare --software`: what became of the packages of one image in another.

use crate::args::AskedSoftware;
use crate::error::CliError;
use crate::images::{Found, Workspace};
use crate::software::unknown;
use crate::text;
use oskin::image::Packages;
use oskin::report::{CompareReport, PackageChange, PackageFilter, PackagesReport};
use oskin::software::Query;
use std::collections::BTreeMap;

/// The comparison of two images by their packages, which must be known.
pub(super) fn report(
    workspace: &mut Workspace,
    [left, right]: &[Found; 2],
    asked: &AskedSoftware,
) -> Result<CompareReport, CliError> {
    let mut wanted = Wanted::of(asked)?;
    let mut lists = Vec::with_capacity(2);
    let mut asked_for = BTreeMap::new();
    for found in [left, right] {
        lists.push(workspace.packages(found)?.ok_or_else(|| unknown(found))?);
        for it in workspace.installed(found)?.unwrap_or_default() {
            let package = &it.found.package;
            if let Some(is) = it.found.asked_for {
                *asked_for.entry((package.kind.clone(), package.shown_name())).or_default() |= is;
            }
        }
    }
    let mut report = match (wanted.take(), &lists[..]) {
        (Some(wanted), [left, right]) => {
            let [left, right] = [left, right].map(|it| wanted.chosen(it));
            PackagesReport::filtered(&left, &right, wanted.filter)
        }
        (None, [left, right]) => PackagesReport::new(left, right),
        _ => return Err(CliError::new("no packages are known")),
    };
    report.tell_asked_for(&asked_for);
    Ok(CompareReport::of_packages(left.name(), right.name(), report))
}

/// Which packages are asked for.
struct Wanted {
    filter: PackageFilter,
    queries: Vec<Query>,
}

impl Wanted {
    /// `None` for all.
    fn of(asked: &AskedSoftware) -> Result<Option<Self>, CliError> {
        if asked.names.is_empty() && asked.types.is_empty() {
            return Ok(None);
        }
        let query = |name: &String| {
            let wrong = |what: &str| {
                CliError::new(format!("{name:?} is no name of a package: {what}"))
                    .hint("--name python3, --name 'lib*ssl*', --name deb:openssl")
            };
            let query = Query::parse(name).map_err(|error| wrong(&error.to_string()))?;
            query.is_of_any_version().then_some(query).ok_or_else(|| wrong("it asks for versions"))
        };
        let queries = asked.names.iter().map(query).collect::<Result<_, CliError>>()?;
        let filter = PackageFilter { names: asked.names.clone(), types: asked.types.clone() };
        Ok(Some(Self { filter, queries }))
    }

    /// Those of an image that are asked for.
    fn chosen(&self, packages: &Packages) -> Packages {
        let types = &self.filter.types;
        let list = packages.list().iter().filter(|it| {
            (types.is_empty() || types.contains(&it.kind))
                && (self.queries.is_empty() || self.queries.iter().any(|query| query.names(it)))
        });
        Packages::new(list.cloned().collect(), packages.only)
    }
}

/// Whether the packages are the same; those that differ, if they are to be listed: so many of all kinds together.
pub(super) fn text_of(packages: &PackagesReport, shown: Option<usize>) -> String {
    let all = &packages.differences;
    let same = if packages.same { "same" } else { "different" };
    let mut text = match shown {
        None if !all.is_empty() => format!("packages: {same} (--software lists them)\n"),
        _ => format!("packages: {same}\n"),
    };
    let Some(shown) = shown.filter(|_| !all.is_empty()) else { return text };
    text.push('\n');
    text.push_str(&differences(packages, shown));
    text
}

/// The packages that differ: so many of all kinds together.
pub(super) fn differences(packages: &PackagesReport, shown: usize) -> String {
    let groups: Vec<&[PackageChange]> =
        packages.differences.chunk_by(|a, b| a.kind == b.kind).collect();
    let sizes: Vec<usize> = groups.iter().map(|it| it.len()).collect();
    let (mut rows, mut more) = (Vec::new(), Vec::new());
    for (group, count) in groups.iter().zip(shares(&sizes, shown)) {
        let mut listed: Vec<&PackageChange> = group.iter().collect();
        if count < listed.len() {
            // What somebody asked for, and programs, before libraries and what came along.
            listed.sort_by_key(|it| (it.asked_for != Some(true), it.program.is_none()));
            let kind = group.first().map(|it| it.kind).unwrap_or_default();
            more.push(format!("{} more {kind}", text::count((listed.len() - count) as u64)));
        }
        rows.extend(listed.into_iter().take(count).map(row));
    }
    let mut text = text::table(&["", "TYPE", "PACKAGE", "LEFT", "RIGHT"], rows);
    if !more.is_empty() {
        text.push_str(&format!("{} (--all lists them)\n", more.join(", ")));
    }
    text
}

/// How many of each group are listed, if so many of all of them may be: of the small ones all, of the others the same.
fn shares(sizes: &[usize], shown: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|at| sizes[*at]);
    let (mut shares, mut left) = (vec![0; sizes.len()], shown);
    for (rank, at) in order.into_iter().enumerate() {
        shares[at] = sizes[at].min(left / (sizes.len() - rank));
        left -= shares[at];
    }
    shares
}

fn row(it: &PackageChange) -> Vec<String> {
    let is_other_machine =
        it.left.is_some() && it.right.is_some() && it.left_architecture != it.right_architecture;
    let side = |version: &Option<String>, architecture: &Option<String>| match version {
        None => "-".to_owned(),
        Some(version) if is_other_machine => {
            format!("{version} {}", architecture.as_deref().unwrap_or_default())
        }
        Some(version) => version.clone(),
    };
    let right = side(&it.right, &it.right_architecture);
    vec![
        it.kind.to_owned(),
        it.package_type.clone(),
        it.name.clone(),
        side(&it.left, &it.left_architecture),
        it.right_name.as_ref().map_or(right.clone(), |name| format!("{name} {right}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_groups_are_listed_whole_and_large_ones_share_the_rest() {
        assert_eq!(shares(&[100, 3, 50], 40), [19, 3, 18]);
        assert_eq!(shares(&[1, 2, 3], 40), [1, 2, 3]);
        assert_eq!(shares(&[5, 5], usize::MAX), [5, 5]);
        assert_eq!(shares(&[9, 9, 9], 1), [0, 0, 1]);
        assert_eq!(shares(&[], 40), [0; 0]);
    }
}
