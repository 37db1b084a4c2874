//! What images are: the kinds of steps by which one is made of another.

use crate::bases::Base;
use crate::index::PackageId;
use crate::make::{Image, Maker};
use crate::pool::{Pool, PoolId, bumped};
use crate::popular::WORDS;
use crate::random::hash;
use oskin::path;
use oskin::path_set::PathSet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An image as it is drawn, before it has a number.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) note: String,
    pub(crate) parent: Option<u32>,
    pub(crate) is_parent_lost: bool,
    pub(crate) set: PathSet,
    pub(crate) suite: Option<usize>,
    pub(crate) packages: Arc<Vec<PackageId>>,
    pub(crate) is_slim: bool,
}

/// How many images of a hundred are of each kind; the rest are applications.
const INSTALL_PERCENT: usize = 45;
const LIBRARIES_PERCENT: usize = 10;
const CLEANUP_PERCENT: usize = 8;
const UPGRADE_PERCENT: usize = 6;
const REBUILD_PERCENT: usize = 6;
const SQUASH_PERCENT: usize = 4;

/// Nobody installs more packages in one step.
const MAX_CLOSURE: usize = 700;

/// How many packages one step asks for, each as likely as it stands here.
const TOPS: [usize; 10] = [1, 1, 1, 2, 2, 2, 3, 4, 5, 6];

/// How many files people have in an application: the median, and the standard deviation of the
/// logarithm to base 2 in hundredths.
const FILES_MEDIAN: u64 = 150;
const FILES_SPREAD: i64 = 170;
const MAX_FILES: usize = 30_000;

/// The states of the archive that an upgrade may come from, and how much changed by then.
const WAVES: [u64; 6] = [4, 8, 8, 15, 15, 25];

/// Changed between two generations of a base, in percent of the versioned names.
const GENERATION_SHARE: u64 = 12;

/// What a cleanup never takes, or nothing could be installed afterwards.
const KEPT: &[u8] = b"var/lib/dpkg";

/// Whole trees that slim bases are without.
const TRIMMED: [&[u8]; 4] =
    [b"usr/share/perl5", b"usr/share/bash-completion", b"usr/share/doc", b"usr/share/bug"];

const APPLICATION_ROOTS: [&str; 7] =
    ["app", "usr/src/app", "opt", "srv", "var/www/html", "home/app", "workspace"];

/// Draws what is built on `parent`; `None` if the draw comes to nothing.
pub(crate) fn draw(maker: &mut Maker, parent: u32) -> Option<Step> {
    let mut draw = maker.random.below(100);
    let mut is = |share: usize| {
        let hit = draw < share;
        draw = draw.wrapping_sub(share);
        hit
    };
    if is(INSTALL_PERCENT) {
        install(maker, parent)
    } else if is(LIBRARIES_PERCENT) {
        libraries(maker, parent)
    } else if is(CLEANUP_PERCENT) {
        cleanup(maker, parent)
    } else if is(UPGRADE_PERCENT) {
        upgrade(maker, parent)
    } else if is(REBUILD_PERCENT) {
        rebuild(maker, parent)
    } else if is(SQUASH_PERCENT) {
        squash(maker, parent)
    } else {
        application(maker, parent)
    }
}

/// A step that changes nothing of what is known of the parent beside its paths.
fn step(maker: &Maker, parent: u32, kind: &'static str, note: String, set: PathSet) -> Step {
    let Image { suite, packages, is_slim, .. } = maker.images[parent as usize].clone();
    Step {
        name: kind.to_owned(),
        kind,
        note,
        parent: Some(parent),
        is_parent_lost: false,
        set,
        suite,
        packages,
        is_slim,
    }
}

/// The step that adds paths, `None` if the parent has them all.
fn addition(
    maker: &mut Maker,
    parent: u32,
    kind: &'static str,
    note: String,
    added: &[PoolId],
) -> Option<Step> {
    let before = maker.corpus.path_set(parent);
    let set = before.union(&maker.set_of(added));
    (set != before).then(|| step(maker, parent, kind, note, set))
}

/// The flavours in which a base comes: as it is, with documentation, and trimmed.
///
/// A base without packages of a suite, such as one program and its names, has but one.
pub(crate) fn flavours(maker: &mut Maker, base: &Base) -> Vec<Step> {
    let suite = maker.suites.iter().position(|suite| suite.name == base.suite());
    let packages = suite.map(|at| base.packages(&maker.suites[at].index, &maker.pool));
    let packages = Arc::new(packages.unwrap_or_default());
    let plain = Step {
        name: base.name.clone(),
        kind: "base",
        note: "real inventory".to_owned(),
        parent: None,
        is_parent_lost: false,
        set: maker.set_of(&base.paths),
        suite: suite.filter(|_| !packages.is_empty()),
        packages,
        is_slim: base.is_slim,
    };
    let Some(suite) = plain.suite else { return vec![plain] };
    let mut documented = base.paths.clone();
    let files = maker.suites[suite].files(&plain.packages, (false, false), &maker.pool);
    documented.extend(files.into_iter().filter(|file| maker.pool.is_documentation(*file)));
    let is_trimmed = |path: &PoolId| {
        let text = maker.pool.path(*path);
        TRIMMED.iter().any(|tree| text == *tree || path::is_below(text, tree))
    };
    let trimmed: Vec<PoolId> =
        base.paths.iter().copied().filter(|path| !is_trimmed(path)).collect();
    let mut flavour = |name: &str, note: &str, paths: &[PoolId], is_slim| Step {
        name: format!("{}-{name}", base.name),
        note: note.to_owned(),
        set: maker.set_of(paths),
        is_slim,
        ..plain.clone()
    };
    let full = flavour("full", "with the documentation of its packages", &documented, false);
    let slim = flavour("slim", "without whole trees", &trimmed, true);
    vec![plain, full, slim]
}

/// The next generation of a root: some libraries have a new version.
pub(crate) fn next_root(maker: &mut Maker, root: u32, generation: usize) -> Step {
    let before = maker.corpus.path_set(root);
    let wave = (1_000 + generation as u64, GENERATION_SHARE);
    let set = bump(maker, &before, wave);
    let origin = maker.images[root as usize].name.clone();
    let name = origin.trim_end_matches(&format!("-r{}", generation - 1));
    let note = format!("newer {origin}");
    let step = step(maker, root, "base", note, set);
    Step { name: format!("{name}-r{generation}"), parent: None, ..step }
}

/// An image that many build on.
pub(crate) fn recipe(maker: &mut Maker, parent: u32, recipe: &[&str]) -> Option<Step> {
    let index = &maker.suites[maker.images[parent as usize].suite?].index;
    let tops: Vec<(String, PackageId)> =
        recipe.iter().filter_map(|name| Some(((*name).to_owned(), index.find(name)?))).collect();
    install_packages(maker, parent, &tops, false)
}

/// Popular packages with all that they need.
fn install(maker: &mut Maker, parent: u32) -> Option<Step> {
    let suite = &maker.suites[maker.images[parent as usize].suite?];
    let count = *maker.random.pick(&TOPS)?;
    let mut tops = Vec::new();
    for _ in 0..count {
        let top = suite.tops.get(suite.popularity.draw(&mut maker.random))?;
        let name = &suite.index.package(*top).dpkg_name;
        tops.push((name.split(':').next().unwrap_or_default().to_owned(), *top));
    }
    let with_recommends = maker.random.percent(20);
    install_packages(maker, parent, &tops, with_recommends)
}

fn install_packages(
    maker: &mut Maker,
    parent: u32,
    tops: &[(String, PackageId)],
    with_recommends: bool,
) -> Option<Step> {
    let Image { suite, packages, is_slim, .. } = maker.images[parent as usize].clone();
    let suite = &maker.suites[suite?];
    let wanted: Vec<PackageId> = tops.iter().map(|(_, id)| *id).collect();
    let new = suite.index.closure(&wanted, &packages, with_recommends);
    if new.is_empty() || new.len() > MAX_CLOSURE {
        return None;
    }
    let mut all = [&packages[..], &new].concat();
    all.sort_unstable();
    let mut files = suite.files(&new, (is_slim, suite.has_python(&all)), &maker.pool);
    let suite_name = suite.name.clone();
    // Most build files remove what apt fetched; some do not.
    if maker.random.percent(12) {
        let lists = ["InRelease", "main_binary-amd64_Packages.lz4"];
        files.extend(lists.map(|list| {
            let path = format!("var/lib/apt/lists/mirror_debian_dists_{suite_name}_{list}");
            maker.pool.intern(path.as_bytes())
        }));
    }
    let names: Vec<&str> = tops.iter().map(|(name, _)| name.as_str()).collect();
    let recommends = if with_recommends { " with recommends" } else { "" };
    let note = format!("{}: {} packages{recommends}", names.join(" "), new.len());
    let step = addition(maker, parent, "install", note, &files)?;
    Some(Step { name: names[0].to_owned(), packages: Arc::new(all), ..step })
}

/// Python libraries as pip lays them out: the tree of a version is the same in all images.
fn libraries(maker: &mut Maker, parent: u32) -> Option<Step> {
    let suite = &maker.suites[maker.images[parent as usize].suite?];
    let count = maker.random.between(1, 12);
    let (major, minor) = suite.python.split_at(1);
    let place = if maker.random.percent(25) { "opt/venv" } else { "usr/local" };
    let top = format!("{place}/lib/python{major}.{minor}/site-packages");
    let mut added = Vec::new();
    let mut notes = Vec::new();
    for _ in 0..count {
        let library = *suite.libraries.get(maker.random.zipf(suite.libraries.len()))?;
        let version = maker.random.zipf(6);
        let name = suite.index.package(library).dpkg_name.trim_start_matches("python3-");
        let files = suite.files(&[library], (true, false), &maker.pool);
        let python = suite.python.as_str();
        library_tree(&mut maker.pool, &files, (name, version, python), &top, &mut added);
        notes.push(format!("{name}=={}", version + 1));
    }
    notes.sort();
    notes.dedup();
    addition(maker, parent, "pip", notes.join(" "), &added)
}

/// The files of one version of a library: a tenth of its modules differ between two versions.
fn library_tree(
    pool: &mut Pool,
    files: &[PoolId],
    (name, version, python): (&str, usize, &str),
    top: &str,
    added: &mut Vec<PoolId>,
) {
    const INSIDE: &[u8] = b"/dist-packages/";
    for file in files {
        let path = pool.path(*file).to_vec();
        let Some(at) = path.windows(INSIDE.len()).position(|window| window == INSIDE) else {
            continue;
        };
        let inside = String::from_utf8_lossy(&path[at + INSIDE.len()..]).into_owned();
        if inside.contains(".egg-info") || inside.contains(".dist-info") {
            continue;
        }
        let module = inside.strip_suffix(".py");
        let Some(module) = module else {
            added.push(pool.intern(format!("{top}/{inside}").as_bytes()));
            continue;
        };
        let is_changed = hash(inside.as_bytes(), version as u64) % 100 < 5 && version > 0;
        let module = if is_changed { format!("{module}_{version}") } else { module.to_owned() };
        added.push(pool.intern(format!("{top}/{module}.py").as_bytes()));
        let (directory, module) = module.rsplit_once('/').unwrap_or(("", &module));
        let slash = if directory.is_empty() { "" } else { "/" };
        let code = format!("{top}/{directory}{slash}__pycache__/{module}.cpython-{python}.pyc");
        added.push(pool.intern(code.as_bytes()));
    }
    let metadata = format!("{top}/{name}-{}.{}.dist-info", 1 + version / 3, version % 3);
    for member in ["INSTALLER", "METADATA", "RECORD", "REQUESTED", "WHEEL", "top_level.txt"] {
        added.push(pool.intern(format!("{metadata}/{member}").as_bytes()));
    }
}

/// A tree that people copied in: most of its paths are in no other image.
fn application(maker: &mut Maker, parent: u32) -> Option<Step> {
    let number = maker.images.len();
    let root = *maker.random.pick(&APPLICATION_ROOTS)?;
    let word = *maker.random.pick(&WORDS)?;
    // The number of the image and a draw make the name one of its own, for queries too.
    let project = format!("{word}-{number:x}{:03x}", maker.random.below(1 << 12));
    let mut left = 1 + maker.random.log_normal(FILES_MEDIAN, FILES_SPREAD, MAX_FILES);
    let mut added = Vec::new();
    for common in ["README.md", "Dockerfile", "Makefile", "package.json", "docker-entrypoint.sh"] {
        if maker.random.percent(40) {
            added.push(maker.pool.intern(format!("{root}/{common}").as_bytes()));
        }
    }
    let mut directories = vec![format!("{root}/{project}")];
    let private = left;
    while left > 0 {
        let directory = maker.random.pick(&directories)?.clone();
        if directories.len() * 9 < private && directory.len() < 120 {
            directories.push(format!("{directory}/{}", maker.random.pick(&WORDS)?));
        }
        let ending =
            *maker.random.pick(&["py", "js", "html", "json", "png", "css", "so", "yml"])?;
        for _ in 0..maker.random.between(1, 16).min(left) {
            let word = *maker.random.pick(&WORDS)?;
            let path = format!("{directory}/{word}_{}.{ending}", maker.random.below(left * 2));
            added.push(maker.pool.intern(path.as_bytes()));
            left -= 1;
        }
    }
    let modules = if maker.random.percent(35) { vendored(maker, parent, root) } else { Vec::new() };
    let note = format!("{root}/{project}: {private} files, {} vendored", modules.len());
    added.extend(modules);
    addition(maker, parent, "app", note, &added)
}

/// Node modules below the application.
fn vendored(maker: &mut Maker, parent: u32, root: &str) -> Vec<PoolId> {
    const INSIDE: &str = "usr/share/nodejs/";
    let Some(suite) = maker.images[parent as usize].suite else { return Vec::new() };
    let suite = &maker.suites[suite];
    let mut files = Vec::new();
    for _ in 0..maker.random.between(3, 60) {
        let module = maker.random.zipf(suite.modules.len());
        let module = suite.modules.get(module).copied();
        files.extend(suite.files(module.as_slice(), (true, false), &maker.pool));
    }
    files.sort_unstable();
    files.dedup();
    let mut vendored = Vec::new();
    for file in files {
        let path = String::from_utf8_lossy(maker.pool.path(file)).into_owned();
        if let Some(inside) = path.strip_prefix(INSIDE) {
            let path = format!("{root}/node_modules/{inside}");
            vendored.push(maker.pool.intern(path.as_bytes()));
        }
    }
    vendored
}

/// Deletes 1 to 5 % of the parent: whole directories, and some single files.
fn cleanup(maker: &mut Maker, parent: u32) -> Option<Step> {
    let before = maker.corpus.path_set(parent);
    let ids: Vec<u32> = before.ids().collect();
    let share = maker.random.between(10, 50);
    let budget = ids.len() * share / 1_000;
    let mut chosen: Vec<PoolId> = Vec::new();
    for _ in 0..60 {
        let path = {
            let id = *maker.random.pick(&ids)?;
            maker.pool_id(id)
        };
        let above: Vec<PoolId> = maker.pool.above(path).collect();
        // The roots of trees are too much; what lies right below them is what people delete.
        let deep = above.len().saturating_sub(2);
        chosen.extend(above.get(maker.random.below(2)).filter(|_| deep > 1).copied());
    }
    let sizes = sizes(maker, &ids, &chosen);
    let mut gone: Vec<PoolId> = Vec::new();
    let mut left = budget;
    for directory in chosen {
        let size = sizes.get(&directory).copied().unwrap_or_default();
        let text = maker.pool.path(directory);
        let overlaps = gone.iter().any(|other| {
            let other = maker.pool.path(*other);
            other == text || path::is_below(text, other) || path::is_below(other, text)
        });
        if size <= left && !overlaps && !text.starts_with(KEPT) {
            left -= size;
            gone.push(directory);
        }
    }
    let mut removed = below(maker, &ids, &gone);
    let singles = maker.random.between(1, 1 + budget / 30);
    for _ in 0..singles {
        let id = *maker.random.pick(&ids)?;
        let path = maker.pool_id(id);
        let is_kept = maker.pool.path(path).starts_with(KEPT);
        removed.extend((!maker.pool.is_directory(path) && !is_kept).then_some(id));
    }
    let removed = PathSet::from_unsorted(removed);
    let note = format!("{} directories, {} paths", gone.len(), removed.len());
    let set = before.difference(&removed);
    (!removed.is_empty()).then(|| step(maker, parent, "cleanup", note, set))
}

/// How many of the ids lie in each of the directories, themselves counted.
fn sizes(maker: &Maker, ids: &[u32], directories: &[PoolId]) -> BTreeMap<PoolId, usize> {
    let mut sizes: BTreeMap<PoolId, usize> = directories.iter().map(|id| (*id, 0)).collect();
    for id in ids {
        let path = maker.pool_id(*id);
        for path in std::iter::once(path).chain(maker.pool.above(path)) {
            if let Some(size) = sizes.get_mut(&path) {
                *size += 1;
            }
        }
    }
    sizes
}

/// The ids that are one of the directories or lie in one.
fn below(maker: &Maker, ids: &[u32], directories: &[PoolId]) -> Vec<u32> {
    let is_below = |id: &&u32| {
        let path = maker.pool_id(**id);
        directories.contains(&path)
            || maker.pool.above(path).any(|above| directories.contains(&above))
    };
    ids.iter().filter(is_below).copied().collect()
}

/// Libraries get new versions, in all images the same ones.
fn upgrade(maker: &mut Maker, parent: u32) -> Option<Step> {
    let wave = maker.random.below(WAVES.len());
    let share = WAVES[wave];
    let before = maker.corpus.path_set(parent);
    let set = bump(maker, &before, (wave as u64, share));
    let gone = before.difference(&set).len();
    let note = format!("{gone} paths have new versions");
    (gone > 0).then(|| step(maker, parent, "upgrade", note, set))
}

/// The set with the next version of some of its versioned names. Which ones follows from the name
/// and the wave alone.
fn bump(maker: &mut Maker, set: &PathSet, (wave, share): (u64, u64)) -> PathSet {
    let mut removed = Vec::new();
    let mut added = Vec::new();
    for id in set.ids() {
        let path = maker.pool_id(id);
        if !maker.pool.is_versioned(path) {
            continue;
        }
        let Some((version, next)) = bumped(maker.pool.path(path)) else { continue };
        if hash(version, wave) % 100 >= share {
            continue;
        }
        removed.push(id);
        let is_directory = maker.pool.is_directory(path);
        let next = if is_directory {
            maker.pool.intern_directory(&next)
        } else {
            maker.pool.intern(&next)
        };
        added.push(next);
    }
    let removed = PathSet::from_unsorted(removed);
    set.difference(&removed).union(&maker.set_of(&added))
}

/// The steps of an image again, on the newest generation of its root.
pub(crate) fn rebuild(maker: &mut Maker, origin: u32) -> Option<Step> {
    let mut line = vec![origin];
    while let Some(parent) = maker.corpus.images[line[line.len() - 1] as usize].parent {
        line.push(parent);
    }
    // An image that lost its parent leads to no root, and a root has no steps to repeat.
    let root = line.pop().filter(|root| maker.images[*root as usize].is_root)?;
    let steps = line.len();
    if steps == 0 {
        return None;
    }
    let newest = maker.newest(root);
    let before = maker.corpus.path_set(newest);
    let mut set = before.clone();
    while let Some(image) = line.pop() {
        set = maker.corpus.images[image as usize].apply(&set);
    }
    // What is installed anew comes from the archive as it is by then.
    let added = set.difference(&before);
    let added = bump(maker, &added, (2_000 + u64::from(newest), GENERATION_SHARE));
    let kept = before.difference(&before.difference(&set));
    // A directory that the steps removed may hold what came with the newer root: it stays.
    let paths: Vec<PoolId> = kept.union(&added).ids().map(|id| maker.pool_id(id)).collect();
    let set = maker.set_of(&paths);
    let name = maker.images[origin as usize].name.clone();
    let step = step(maker, origin, "rebuild", format!("{name}: {steps} steps again"), set);
    Some(Step { parent: Some(newest), ..step })
}

/// All of an image in one layer: nothing says any more what it was built on.
fn squash(maker: &mut Maker, origin: u32) -> Option<Step> {
    let Image { name, parent, .. } = maker.images[origin as usize].clone();
    let set = maker.corpus.path_set(origin);
    let step = step(maker, origin, "squash", format!("the set of {name}"), set);
    Some(Step { parent: Some(parent?), is_parent_lost: true, ..step })
}
