//! Puts names of one family together, weighs them, and orders them.

use super::collect::{Candidate, Candidates, Source};
use super::places::Place;
use super::{Evidence, Input, MAX_EVIDENCE, Tag};
use super::{names, owners};
use crate::software::programs::{Kind, Table};
use std::collections::{BTreeMap, BTreeSet};

/// The strength that weighs a half.
const HALF: f64 = 3.0;

/// What a trace of a place is worth.
const fn worth(place: Place) -> f64 {
    match place {
        Place::OwnDirectory => 2.5,
        Place::Source => 2.2,
        Place::OwnProgram => 2.0,
        Place::Service | Place::OwnLib | Place::GlobalModule => 1.4,
        Place::Config | Place::State | Place::OwnShare => 1.1,
        Place::Package | Place::Log => 1.0,
        Place::Program | Place::Share | Place::Lib | Place::Home => 0.8,
        Place::Module => 0.4,
        Place::Include | Place::Library => 0.25,
        Place::Doc => 0.15,
    }
}

/// What the kind of a program makes of its strength: what an image is mostly made for weighs most, what was put
/// there by hand more than what a system's packages brought along for others.
const fn factor(kind: Kind, is_by_hand: bool) -> f64 {
    match (kind, is_by_hand) {
        (Kind::Application, true) => 1.8,
        (Kind::Application, false) => 1.35,
        (Kind::Server | Kind::Database, true) => 1.25,
        (Kind::Server | Kind::Database, false) | (Kind::Framework, true) => 1.15,
        (Kind::Framework, false) | (Kind::Language, true) => 1.05,
        (Kind::Language | Kind::Tool, false) => 0.7,
        (Kind::Tool, true) => 0.9,
        (Kind::Build, true) => 0.75,
        (Kind::Build, false) => 0.5,
        (Kind::System, _) => 0.3,
        (Kind::Helper, _) => 0.12,
    }
}

/// The strength that a weight is of.
pub(super) fn strength(weight: f64) -> f64 {
    HALF * weight / (1.0 - weight)
}

/// All names as tags, the heaviest first.
pub(super) fn ranked(found: Candidates, input: &Input<'_>, table: &Table) -> Vec<Tag> {
    let total = input.added.len().max(1) as f64;
    let found = merged(found, table);
    let is_record = |path: &[u8]| path.starts_with(b"var/lib/dpkg/info/");
    let has_records = found.values().any(|it| it.traces.contains_key(&Place::Package))
        || input.base.iter().any(|path| is_record(path));
    let mut strengths: BTreeMap<&str, f64> = BTreeMap::new();
    let are_packages_told = input.packages.iter().any(|it| owners::is_of_system(&it.package));
    let of_base =
        if are_packages_told { owners::recorded(input.base, table) } else { BTreeSet::new() };
    for (name, candidate) in &found {
        let strength = strength_of(name, candidate, total, (table, has_records));
        // What other packages bring for the case that it is there.
        let is_absent = are_packages_told
            && table.named(name).is_some()
            && is_only_prepared_for(candidate)
            && !of_base.contains(name);
        strengths.insert(name, if is_absent { strength * 0.15 } else { strength });
    }
    // Without a base the system is what the image is, whatever it brings along: first or second.
    let first = strengths.iter().map(|it| *it.1).fold(0.0, f64::max);
    for (name, candidate) in &found {
        let is_system = table.named(name).is_some_and(|it| it.kind == Kind::System);
        if is_system && candidate.is_shown && input.base.is_empty() {
            strengths.insert(name, first * 0.99);
        }
    }
    // What is a part of another comes behind it.
    let parts: Vec<(&str, f64)> = strengths
        .iter()
        .filter_map(|(name, own)| {
            let wholes = table.wholes(name).filter_map(|it| strengths.get(it.name.as_str()));
            wholes.copied().reduce(f64::max).map(|whole| (*name, (own * 0.5).min(whole * 0.6)))
        })
        .collect();
    strengths.extend(parts);
    let mut tags: Vec<Tag> = found
        .iter()
        .filter_map(|(name, candidate)| {
            let strength = strengths.get(name.as_str()).copied().filter(|it| *it > 0.0)?;
            Some(Tag {
                name: name.clone(),
                version: version(candidate),
                weight: strength / (strength + HALF),
                evidence: evidence(candidate),
            })
        })
        .collect();
    tags.sort_by(|one, other| {
        other.weight.total_cmp(&one.weight).then_with(|| one.name.cmp(&other.name))
    });
    tags
}

/// What a name's traces weigh together.
fn strength_of(
    name: &str,
    candidate: &Candidate,
    total: f64,
    (table, has_records): (&Table, bool),
) -> f64 {
    let mut sum: f64 =
        candidate.traces.iter().map(|(place, trace)| worth(*place) * trace.weight).sum();
    // Rules say the same of a program however many there are.
    let extra = |is: fn(&Evidence) -> bool| {
        let weights = candidate.extras.iter().filter(|it| is(&it.1)).map(|it| it.0);
        weights.reduce(f64::max).unwrap_or_default()
    };
    sum += extra(|it| matches!(it, Evidence::Path(_)))
        + extra(|it| matches!(it, Evidence::Started(_)))
        + extra(|it| matches!(it, Evidence::Environment(_)))
        + extra(|it| matches!(it, Evidence::Port(_)));
    sum += 0.6 * (1.0 + candidate.paths).log10() + 3.0 * (candidate.paths / total).min(1.0).sqrt();
    sum += 0.3 * f64::from(candidate.programs + candidate.merged).ln_1p();
    let known = table.named(name);
    let is_by_hand = is_by_hand(candidate, has_records && known.is_some());
    let factor = match known {
        Some(program) => factor(program.kind, is_by_hand),
        None if table.is_common(name) => 0.12,
        None if is_by_hand => 1.1,
        None => 1.0,
    };
    let factor = match known {
        // A name without what every installation has: a client, a library, an example of a configuration.
        Some(program)
            if !candidate.is_shown && !program.paths.is_empty() && !is_declared(candidate) =>
        {
            factor * 0.6
        }
        _ => factor,
    };
    let factor = match candidate.comes_along {
        Some(true) if !is_placed(candidate) && !is_declared(candidate) => factor * 0.5,
        _ => factor,
    };
    let factor = match candidate.is_own {
        true => factor,
        false => factor * 0.35,
    };
    sum * factor
}

/// Whether nothing but directories of configuration and data is called so: neither a package nor a program.
fn is_only_prepared_for(candidate: &Candidate) -> bool {
    let is_data = |it: &Place| {
        matches!(
            it,
            Place::Config
                | Place::Share
                | Place::State
                | Place::Log
                | Place::Doc
                | Place::Include
                | Place::Library
                | Place::Module
        )
    };
    let is_own = candidate.is_shown || candidate.programs > 0 || is_declared(candidate);
    !is_own && candidate.traces.keys().all(is_data)
}

/// Whether what the image declares tells of it.
fn is_declared(candidate: &Candidate) -> bool {
    let is = |it: &Evidence| matches!(it, Evidence::Started(_) | Evidence::Environment(_));
    candidate.extras.iter().any(|it| is(&it.1))
}

/// Whether it lies where no package manager of a system puts anything.
fn is_placed(candidate: &Candidate) -> bool {
    let is = |it: &Place| {
        matches!(it, Place::OwnProgram | Place::OwnDirectory | Place::OwnLib | Place::Source)
    };
    candidate.traces.keys().any(is)
}

/// Whether somebody put it there: it lies where no package manager of a system puts anything, it was asked for,
/// or, where packages are recorded, no package is called so.
fn is_by_hand(candidate: &Candidate, has_records: bool) -> bool {
    let record = candidate.traces.get(&Place::Package);
    let is_unrecorded = has_records && record.is_none() && candidate.is_shown;
    let is_asked_for = record.is_some_and(|it| it.weight > 2.0);
    is_unrecorded || is_asked_for || is_declared(candidate) || is_placed(candidate)
}

/// The version that is told best: by the best source, and of that the one told most, made as exact as any other
/// tells it.
fn version(candidate: &Candidate) -> Option<String> {
    let best = candidate.versions.keys().map(|it| it.0).max()?;
    // The names of files tell only what nothing else does.
    let of_best = candidate.versions.iter().filter(|it| it.0.0 == best);
    let of_best = of_best.map(|((_, version), support)| (*support, version.as_str()));
    let order = |one: &(f64, &str), other: &(f64, &str)| {
        // Of equals the shorter: `3.4m` is 3.4 with a mark of how it was built.
        let lengths = || other.1.len().cmp(&one.1.len());
        one.0.total_cmp(&other.0).then_with(lengths).then_with(|| one.1.cmp(other.1))
    };
    let mut chosen = of_best.max_by(order)?.1;
    let further =
        candidate.versions.iter().filter(|it| it.0.0 != Source::Name || best == Source::Name);
    for ((_, other), _) in further {
        let is_finer = other.strip_prefix(chosen).is_some_and(|rest| rest.starts_with('.'));
        if is_finer {
            chosen = other;
        }
    }
    Some(chosen.to_owned())
}

/// What tells a name, the strongest first.
fn evidence(candidate: &Candidate) -> Vec<Evidence> {
    let traces = candidate.traces.iter().map(|(place, trace)| {
        let weight = worth(*place) * trace.weight;
        // Packages are told by their purl, if there is one.
        let path = match place {
            Place::Package | Place::Module if trace.path.starts_with(b"pkg:") => {
                Evidence::Package(String::from_utf8_lossy(&trace.path).into_owned())
            }
            _ => Evidence::Path(trace.path.clone()),
        };
        (weight, path)
    });
    let mut all: Vec<(f64, Evidence)> = traces.chain(candidate.extras.iter().cloned()).collect();
    all.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    let mut told: Vec<Evidence> = Vec::new();
    for (_, evidence) in all {
        if told.len() < MAX_EVIDENCE && !told.contains(&evidence) {
            told.push(evidence);
        }
    }
    told
}

/// Puts names to the name that they are a part of.
fn merged(mut found: Candidates, table: &Table) -> Candidates {
    let mut keys: Vec<String> = found.keys().cloned().collect();
    // Long names first, so that `a-b-c` comes to `a` by way of `a-b`.
    keys.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    for key in keys {
        if table.named(&key).is_some() || table.is_common(&key) {
            continue;
        }
        let Some(whole) = whole_of(&key, &found, table).map(str::to_owned) else { continue };
        let Some(part) = found.remove(&key) else { continue };
        let Some(into) = found.get_mut(&whole) else { continue };
        into.merged += 1 + part.merged;
        into.programs += part.programs;
        if !part.is_own {
            continue;
        }
        into.paths += part.paths;
        for (place, trace) in part.traces {
            into.trace(place, trace.weight * 0.6, &trace.path);
        }
        into.extras.extend(part.extras);
        into.comes_along = match (into.comes_along, part.comes_along) {
            (Some(one), Some(other)) => Some(one && other),
            (one, other) => one.or(other),
        };
    }
    found
}

/// The name that is there and that another one is a part of.
fn whole_of<'k>(key: &'k str, found: &Candidates, table: &'k Table) -> Option<&'k str> {
    let stands = |it: &str| found.get(it).is_some_and(|it| it.is_own && is_firm(it));
    let candidate = found.get(key)?;
    let is_weak = candidate
        .traces
        .keys()
        .all(|it| matches!(it, Place::Program | Place::Doc | Place::Include | Place::Library));
    // `bin/ls` is of busybox where there is one.
    let mut told = table.wholes(key).map(|it| it.name.as_str()).filter(|it| stands(it));
    if let Some(whole) = told.next().filter(|_| is_weak) {
        return Some(whole);
    }
    let whole = names::wholes(key).find_map(|it| {
        // `mvn-entrypoint` is of maven.
        let known = table.named(it).map_or(it, |program| program.name.as_str());
        let is_whole = known != key
            && (stands(known)
                || (found.contains_key(known) && (table.is_common(known) || !candidate.is_own)));
        is_whole.then_some(known)
    });
    if whole.is_some() {
        return whole;
    }
    // `mysqldump` is of mysql, if it has no more than its program.
    let prefixes = (4..key.len()).rev().filter_map(|end| key.get(..end));
    is_weak.then(|| prefixes.into_iter().find(|it| stands(it))).flatten()
}

/// Whether a name leaves more than a single program or document.
fn is_firm(candidate: &Candidate) -> bool {
    let is_alone = |place: &Place| {
        matches!(place, Place::Doc | Place::Include | Place::Library | Place::Module)
    };
    candidate.is_shown || candidate.traces.keys().filter(|it| !is_alone(it)).count() >= 1
}
