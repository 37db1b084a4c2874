//! One suite: its packages, their files, and what people like to install of them.

use crate::bases::Base;
use crate::contents::Contents;
use crate::index::{Index, PackageId};
use crate::pool::{Pool, PoolId};
use crate::popular::{LIBRARIES, POPULAR};
use crate::random::{Weighted, hash};
use anyhow::{Context as _, Result};
use oskin::path::split_name;
use std::path::Path;

/// How many packages beside the popular ones people ask for.
const RARE_TOPS: usize = 600;

/// How many Node packages are vendored into applications.
const MODULES: usize = 400;

/// Below it, directories stay where documentation is left out.
const DOCUMENTED: &[u8] = b"usr/share/doc/";

/// How often a maintainer script comes with a package, in percent, where the index cannot tell:
/// shares counted over Debian.
const SCRIPTS: [(&str, u64); 5] =
    [("postinst", 29), ("postrm", 23), ("prerm", 19), ("preinst", 14), ("templates", 7)];

/// What one package brings.
#[derive(Clone, Debug, Default)]
struct Installed {
    files: Vec<PoolId>,
    // What is compiled if there is a Python on the system.
    compiled: Vec<PoolId>,
}

/// A suite, read as far as images are made of it.
#[derive(Debug)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Its packages.
    pub index: Index,
    /// The version of its Python, such as `311`.
    pub python: String,
    /// The packages of its base.
    pub base_packages: Vec<PackageId>,
    /// What people install for its own sake.
    pub tops: Vec<PackageId>,
    /// How often they install each of `tops`.
    pub popularity: Weighted,
    /// Python libraries, the most popular first.
    pub libraries: Vec<PackageId>,
    /// Node packages, the most popular first.
    pub modules: Vec<PackageId>,
    installed: Vec<Installed>,
}

impl Suite {
    /// Reads the index of a suite from below `directory`; `base` is the system that packages are
    /// installed on, `also` names packages to read beside those that people like.
    ///
    /// # Errors
    ///
    /// If a file of the index is missing or damaged.
    pub fn open(directory: &Path, base: &Base, also: &[String], pool: &mut Pool) -> Result<Self> {
        let directory = directory.join(base.suite());
        let index = Index::open(&directory.join("Packages.gz"))?;
        let base_packages = base.packages(&index, pool);
        let (tops, weights) = tops(&index, &base_packages);
        let find = |name: &&str| index.find(name);
        let libraries: Vec<PackageId> = LIBRARIES.iter().filter_map(find).collect();
        let modules = modules(&index);
        let mut wanted = vec![false; index.len()];
        for id in base_packages.iter().chain(&libraries).chain(&modules) {
            wanted[*id as usize] = true;
        }
        let also: Vec<PackageId> = also.iter().filter_map(|name| index.find(name)).collect();
        for top in tops.iter().chain(&libraries).chain(&also) {
            for with_recommends in [false, true] {
                let closure = index.closure(&[*top], &base_packages, with_recommends);
                for id in closure {
                    wanted[id as usize] = true;
                }
            }
        }
        let mut contents = Contents::default();
        for file in ["Contents.gz", "Contents-all.gz"] {
            contents.open(&directory.join(file), pool, (&index, &wanted), base.is_merged)?;
        }
        let python = index.python().context("the suite has no Python")?;
        let install = |id| install(&index, id, contents.files(id), (pool, &python));
        let ids = 0..u32::try_from(index.len())?;
        let installed = ids.map(install).collect();
        let popularity = Weighted::new(weights);
        let name = base.suite().to_owned();
        Ok(Self {
            name,
            index,
            python,
            base_packages,
            tops,
            popularity,
            libraries,
            modules,
            installed,
        })
    }

    /// The files of packages once they are installed, with dpkg's own and, if there is a Python,
    /// byte code; documentation is left out of slim systems.
    pub fn files(
        &self,
        packages: &[PackageId],
        (is_slim, has_python): (bool, bool),
        pool: &Pool,
    ) -> Vec<PoolId> {
        let mut files = Vec::new();
        for package in packages {
            let installed = &self.installed[*package as usize];
            for file in &installed.files {
                if !is_slim || !pool.is_documentation(*file) {
                    files.push(*file);
                } else if pool.path(*file).starts_with(DOCUMENTED) {
                    // dpkg keeps the directories, because a copyright file might lie in one.
                    files.extend(pool.above(*file).next());
                }
            }
            if has_python {
                files.extend(&installed.compiled);
            }
        }
        files
    }

    /// Whether a set of packages, ascending, compiles Python files.
    pub fn has_python(&self, packages: &[PackageId]) -> bool {
        let python = self.index.find("python3-minimal");
        python.is_some_and(|python| packages.binary_search(&python).is_ok())
    }
}

/// What people install and how often: the popular packages and some of the others, preferably
/// those that much depends on. The choice goes by name, so that suites share it.
fn tops(index: &Index, base: &[PackageId]) -> (Vec<PackageId>, Vec<f64>) {
    let dependents = index.dependents();
    let weight = |id: PackageId| 0.02 + f64::from(dependents[id as usize].min(200)) * 0.004;
    let popular = POPULAR.iter().filter_map(|(name, weight)| Some((index.find(name)?, *weight)));
    let mut chosen: Vec<(PackageId, f64)> =
        popular.map(|(id, popularity)| (id, f64::from(popularity) * 4.0 + weight(id))).collect();
    let is_popular = |name: &str| POPULAR.iter().any(|(popular, _)| *popular == name);
    let mut rare: Vec<(f64, &str, PackageId)> = Vec::new();
    for (name, id) in index.names() {
        if index.package(id).is_choosable && base.binary_search(&id).is_err() && !is_popular(name) {
            // Small for heavy packages and by chance: the smallest ones are a weighted sample.
            let chance = (hash(name.as_bytes(), 0) >> 11) as f64;
            rare.push((chance / weight(id), name, id));
        }
    }
    rare.sort_by(|left, right| left.0.total_cmp(&right.0));
    chosen.extend(rare.into_iter().take(RARE_TOPS).map(|(_, _, id)| (id, weight(id))));
    chosen.into_iter().unzip()
}

/// Node packages in an order that does not depend on the suite.
fn modules(index: &Index) -> Vec<PackageId> {
    let is_module = |(name, id): &(&str, PackageId)| {
        name.starts_with("node-") && index.package(*id).is_choosable
    };
    let mut modules: Vec<(u64, PackageId)> =
        index.names().filter(is_module).map(|(name, id)| (hash(name.as_bytes(), 1), id)).collect();
    modules.sort_unstable();
    modules.into_iter().take(MODULES).map(|(_, id)| id).collect()
}

fn install(
    index: &Index,
    id: PackageId,
    files: &[PoolId],
    (pool, python): (&mut Pool, &str),
) -> Installed {
    let mut installed = Installed { files: files.to_vec(), ..Installed::default() };
    if files.is_empty() {
        return installed;
    }
    let name = &index.package(id).dpkg_name;
    let paths: Vec<Vec<u8>> = files.iter().map(|file| pool.path(*file).to_vec()).collect();
    for member in control_members(name, &paths) {
        installed.files.push(pool.intern(format!("var/lib/dpkg/info/{name}.{member}").as_bytes()));
    }
    for path in &paths {
        installed.files.extend(made_by_scripts(path).iter().map(|made| pool.intern(made)));
        if path.starts_with(b"usr/lib/python3")
            && let Some(module) = path.strip_suffix(b".py")
        {
            let (directory, module) = split_name(module);
            let cache = b"/__pycache__/";
            let ending = format!(".cpython-{python}.pyc");
            let code = [directory, cache, module, ending.as_bytes()].concat();
            installed.compiled.push(pool.intern(&code));
        }
    }
    installed
}

/// The control members that dpkg keeps of a package, a guess where the index cannot tell.
fn control_members(name: &str, paths: &[Vec<u8>]) -> Vec<&'static str> {
    let mut members = vec!["list", "md5sums"];
    if paths.iter().any(|path| is_shared_library(path)) {
        members.extend(["triggers", "shlibs", "symbols"]);
    }
    if paths.iter().any(|path| path.starts_with(b"etc/")) {
        members.push("conffiles");
    }
    let draw = hash(name.as_bytes(), 2) % 100;
    members.extend(SCRIPTS.iter().filter(|(_, share)| draw < *share).map(|(name, _)| *name));
    members
}

fn is_shared_library(path: &[u8]) -> bool {
    let (directory, name) = split_name(path);
    let is_linked = directory.ends_with(b"lib") || directory.ends_with(b"-linux-gnu");
    is_linked && name.starts_with(b"lib") && name.windows(4).any(|window| window == b".so.")
}

/// What maintainer scripts make of a file: the run levels of an init script, and the names under
/// which a certificate is found. The latter's hash is a stand-in, for it depends on the content.
fn made_by_scripts(path: &[u8]) -> Vec<Vec<u8>> {
    if let Some(name) = path.strip_prefix(b"etc/init.d/")
        && !name.contains(&b'/')
    {
        let levels = ["0.d/K", "1.d/K", "2.d/S", "3.d/S", "4.d/S", "5.d/S", "6.d/K"];
        let link = |level: &str| [b"etc/rc", level.as_bytes(), b"01", name].concat();
        return levels.into_iter().map(link).collect();
    }
    if let Some(name) = path.strip_prefix(b"usr/share/ca-certificates/mozilla/")
        && let Some(name) = name.strip_suffix(b".crt")
    {
        let certificates: &[u8] = b"etc/ssl/certs/";
        let number = format!("{:08x}.0", hash(name, 3) >> 32);
        return vec![
            [certificates, name, b".pem"].concat(),
            [certificates, number.as_bytes()].concat(),
            [certificates, b"ca-certificates.crt"].concat(),
        ];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_leaves_traces_that_no_index_lists() {
        let index = Index::read(&b"Package: liba\nArchitecture: amd64\nMulti-Arch: same\n"[..]);
        let index = index.unwrap();
        let mut pool = Pool::default();
        let paths: [&[u8]; 3] =
            [b"etc/init.d/a", b"usr/lib/python3/dist-packages/a/b.py", b"usr/lib/liba.so.1.2"];
        let files: Vec<PoolId> = paths.iter().map(|path| pool.intern(path)).collect();
        let installed = install(&index, 0, &files, (&mut pool, "311"));
        let texts = |ids: &[PoolId]| {
            let text = |id: &PoolId| String::from_utf8_lossy(pool.path(*id)).into_owned();
            ids.iter().map(text).collect::<Vec<_>>()
        };
        let files = texts(&installed.files);
        for made in [
            "etc/rc3.d/S01a",
            "etc/rc6.d/K01a",
            "var/lib/dpkg/info/liba:amd64.list",
            "var/lib/dpkg/info/liba:amd64.shlibs",
            "var/lib/dpkg/info/liba:amd64.conffiles",
        ] {
            assert!(files.iter().any(|file| file == made), "{made} in {files:?}");
        }
        let code = "usr/lib/python3/dist-packages/a/__pycache__/b.cpython-311.pyc";
        assert_eq!(texts(&installed.compiled), [code]);
    }
}
