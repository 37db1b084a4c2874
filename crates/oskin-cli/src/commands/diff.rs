//! `oskin diff`: what exactly differs between two images.

use super::diff_text::{self, Shown};
use super::paths::item;
use super::{compare, compare_packages, workspace};
use crate::args::{AskedDiff, AskedSoftware, Global};
use crate::diff_rules::Rules;
use crate::error::{CliError, DIFFERENT};
use crate::images::{Found, Workspace};
use crate::output::{Format, Outputs, json_bytes, value_of};
use oskin::diff::{Change, Class, Differences, SettingsSide, Tree, declared_by, settings};
use oskin::inventory::{Inventory, beside};
use oskin::measure::{Counterparts, Item, LEAST_ALIKE, counterparts};
use oskin::relation::{Comparison, Relation};
use oskin::report::{CompareReport, DiffReport, PackagesReport, SettingsReport};
use oskin::view::{View, ViewKind};
use std::process::ExitCode;

/// Compares two images path by path; exit 0 if nothing that counts differs, or no rule that was to fail met anything.
pub(super) fn run(global: &Global, asked: &AskedDiff) -> Result<ExitCode, CliError> {
    let formats = [Format::Text, Format::Json, Format::Tsv];
    let outputs = Outputs::new(global, &formats)?;
    let focus = Focus::of(asked)?;
    let mut workspace = workspace(global, asked.reading.clone())?;
    if asked.software {
        return software(&mut workspace, &outputs, asked);
    }
    let images = [workspace.find(&asked.left)?, workspace.find(&asked.right)?];
    let inventories = [workspace.inventory(&images[0])?, workspace.inventory(&images[1])?];
    let compared = compared(&mut workspace, &images, &inventories)?;
    let found = Differences::of(&inventories[0], &inventories[1]);
    let found = found.only(|change| focus.keeps(change));
    let (lefts, rights) = (one_sided(&found, Class::Removed), one_sided(&found, Class::Added));
    let moved = moved(&inventories, [&lefts, &rights]);
    let totals = [inventories[0].totals(), inventories[1].totals()];
    let mut report = DiffReport::new(compared, totals, &focus.describe(), &found, &moved);
    report.settings = settings_of(&images, &inventories);
    report.rules = focus.rules.judge(&found);
    if asked.entries {
        report.list(&found);
    }
    outputs.write(|format| match format {
        Format::Json => Ok(json_bytes(&value_of(&report)?)),
        Format::Tsv => Ok(diff_text::tsv_of(&found).into_bytes()),
        _ => {
            let tree = Tree::of(&found.changes);
            let lines = if asked.all { usize::MAX } else { asked.lines };
            if asked.config {
                return Ok(diff_text::settings_of(&report, usize::MAX).into_bytes());
            }
            let entries = asked.entries.then_some(&found);
            Ok(diff_text::text_of(&report, &Shown { tree, lines, entries }).into_bytes())
        }
    })?;
    let is_well = match focus.rules.fail.is_empty() {
        true if asked.config => report.settings.is_same(),
        true => report.same && (!focus.is_all() || report.settings.is_same()),
        false => report.rules.iter().all(|rule| rule.met == 0),
    };
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

/// Compares two images by nothing but their packages.
fn software(
    workspace: &mut Workspace,
    outputs: &Outputs,
    asked: &AskedDiff,
) -> Result<ExitCode, CliError> {
    let found = compare::find(workspace, [&asked.left, &asked.right])?;
    let all = AskedSoftware { software: true, all: asked.all, ..AskedSoftware::default() };
    let report = compare_packages::report(workspace, &found, &all)?;
    let shown = if asked.all { usize::MAX } else { compare::SHOWN };
    outputs.answer(&value_of(&report)?, || compare::text_of(&report, shown))?;
    Ok(if report.has_same_software() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

/// How it is told that nothing is left out.
pub(super) const ALL: &str = "all";

/// Which differences are told of.
struct Focus {
    view: View,
    rules: Rules,
    only: Vec<Class>,
    min_bytes: u64,
    no_volatile: bool,
}

impl Focus {
    fn of(asked: &AskedDiff) -> Result<Self, CliError> {
        let view = asked.viewing.view()?;
        if let Some(kind) = view.kinds().find(|kind| *kind != ViewKind::Core) {
            let message =
                format!("--view {kind} changes what a path is, and a diff is of paths as they are");
            return Err(CliError::new(message).hint("--view core, --include and --exclude leave paths out; `oskin compare` has all views"));
        }
        Ok(Self {
            view,
            rules: Rules::of(asked)?,
            only: asked.only.clone(),
            min_bytes: asked.min_bytes,
            no_volatile: asked.no_volatile,
        })
    }

    fn keeps(&self, change: &Change<'_>) -> bool {
        let is_directory = change.is_directory();
        (self.only.is_empty() || self.only.contains(&change.class))
            && change.sizes().into_iter().max() >= Some(self.min_bytes)
            && !(self.no_volatile && change.volatile.is_some())
            && self.view.keeps(change.path, is_directory)
            && self.rules.keeps(change.path, is_directory)
    }

    /// What is left out, in words.
    fn parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if !self.view.is_plain() {
            parts.push(self.view.describe());
        }
        parts.extend(self.rules.describe());
        if !self.only.is_empty() {
            let names: Vec<&str> = self.only.iter().map(|class| class.name()).collect();
            parts.push(format!("only {}", names.join(", ")));
        }
        if self.min_bytes > 0 {
            parts.push(format!("of {} bytes or more", self.min_bytes));
        }
        if self.no_volatile {
            parts.push("nothing volatile".to_owned());
        }
        parts
    }

    fn is_all(&self) -> bool {
        self.parts().is_empty()
    }

    fn describe(&self) -> String {
        if self.is_all() { ALL.to_owned() } else { self.parts().join("; ") }
    }
}

/// What the images are to each other, and their packages if those of both are known.
fn compared(
    workspace: &mut Workspace,
    [left, right]: &[Found; 2],
    inventories: &[Inventory; 2],
) -> Result<CompareReport, CliError> {
    let comparison = Comparison::of(&inventories[0], &inventories[1]);
    let layers = [workspace.layer_keys(left)?.full, workspace.layer_keys(right)?.full];
    let relation = Relation::of(&comparison, &layers[0], &layers[1]);
    let mut report = CompareReport::new(left.name(), right.name(), &comparison, &relation);
    if let [Some(lefts), Some(rights)] = [workspace.packages(left)?, workspace.packages(right)?] {
        report.packages = Some(PackagesReport::new(&lefts, &rights));
    }
    report.left.incomplete = left.record().incomplete().map(str::to_owned);
    report.right.incomplete = right.record().incomplete().map(str::to_owned);
    Ok(report)
}

/// How the settings of the images differ.
fn settings_of(images: &[Found; 2], inventories: &[Inventory; 2]) -> SettingsReport {
    let records = [images[0].record(), images[1].record()];
    let declared = records.map(declared_by);
    let side = |at: usize| SettingsSide {
        declared: declared[at].as_ref(),
        os: records[at].os.as_ref(),
        inventory: Some(&inventories[at]),
    };
    SettingsReport::from(&settings(side(0), side(1)))
}

/// The files that only one side has, as what counterparts are found of.
fn one_sided<'a>(found: &Differences<'a>, class: Class) -> Vec<Item<'a>> {
    let one = found.changes.iter().filter(|change| change.class == class);
    let entries = one.filter_map(|change| change.left.or(change.right));
    entries.filter(|entry| !entry.kind.is_directory()).map(|entry| item(&entry)).collect()
}

/// What of the one-sided files is at another place on the other side.
fn moved<'a>(
    [left, right]: &'a [Inventory; 2],
    [lefts, rights]: [&'a [Item<'a>]; 2],
) -> Counterparts<'a> {
    if lefts.is_empty() || rights.is_empty() {
        return Counterparts::default();
    }
    let both = beside(left, right).filter_map(|(a, b)| a.zip(b));
    let files = both.filter(|(a, b)| !a.kind.is_directory() && !b.kind.is_directory());
    let common = files.map(|(entry, _)| entry.path);
    counterparts(lefts, rights, common, LEAST_ALIKE)
}
