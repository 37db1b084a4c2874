//! Tags: what makes an image special, told by what it has and its parent or base has not.
//!
//! A tag is the name of software. Names come from where paths lie (`etc/nginx`, `usr/sbin/nginx`,
//! `var/log/nginx` are of nginx), from the table of [well-known programs](super::programs), from packages, and
//! from what the image declares; each is optional but the paths. What leaves traces in many independent places
//! weighs more than what leaves many in one; what few images of a catalog have weighs more than what many have;
//! programs and servers weigh more than libraries, packages of languages, and what mostly comes along.
//!
//! Names of one family are one tag: `redis-cli` and `redis-server` are of redis, `python3`, `python3.6` and
//! `libpython3.6` of python, whose version is then 3.6. What is a part of another (`npm` of node) comes behind it.
//!
//! What somebody put there by hand (into `/usr/local`, `/opt`, the root; or where packages are recorded and none is
//! called so) weighs more than what a system's packages brought along, and an application more than the server and
//! the language that it stands on: people ask for owncloud and get Apache and PHP with it. Where there is no base,
//! the operating system is what the image is, and is told first or second. A package of a language is no sign of
//! the server that it speaks to: `site-packages/redis` is of python, not of redis.
//!
//! The weights were set by hand and held against one half of the images of a corpus whose names are known, the other
//! half being left to see whether they hold there. Only their order is of any account.

mod collect;
mod names;
mod owners;
mod places;
mod rank;

use super::FoundPackage;
use super::programs::{Kind, Program, Table};
use crate::image::{Declared, Package};

/// A path that an image has and its base has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added<'a> {
    /// The path, without a slash at either end.
    pub path: &'a [u8],
    /// How many images of the catalog have it, this one as well; `None` if nobody counted.
    pub images: Option<u32>,
}

/// A program that the content of a file shows: see [`versions_in`](super::programs::versions_in).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundProgram {
    /// Its name in the table.
    pub program: String,
    /// The version; empty if none is told.
    pub version: String,
    /// The file.
    pub path: Vec<u8>,
}

/// What tags are made from. All but `added` may be left empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input<'a> {
    /// What the image has and its base has not, in any order. Directories may be there or not: those of files are
    /// known by the files.
    pub added: &'a [Added<'a>],
    /// The paths of the base: what it has in another version is no news.
    pub base: &'a [&'a [u8]],
    /// How many images the catalog has in which [`Added::images`] were counted; 0 if none.
    pub images_in_catalog: u32,
    /// Packages that the image has and its base has not, or not in this version.
    pub packages: &'a [FoundPackage],
    /// What was found in files that were read.
    pub found: &'a [FoundProgram],
    /// What the image declares.
    pub declared: Option<&'a Declared>,
    /// What its base declares, which is left out where the image declares the same.
    pub base_declared: Option<&'a Declared>,
}

/// What a tag is told by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// A path of the image: a directory of its own, a program.
    Path(Vec<u8>),
    /// A package, as a purl.
    Package(String),
    /// What a container starts, or is started with.
    Started(String),
    /// A variable of the environment, as `NAME=value`.
    Environment(String),
    /// A port, as `80/tcp`.
    Port(String),
}

/// A name of software that makes an image special.
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    /// The name, in lower case.
    pub name: String,
    /// The version, as exactly as anything tells it.
    pub version: Option<String>,
    /// How much it makes the image special, above 0 and below 1: a half is what one good trace weighs.
    pub weight: f64,
    /// What tells it, the strongest first, eight at most.
    pub evidence: Vec<Evidence>,
}

/// The most pieces of evidence that a tag tells.
const MAX_EVIDENCE: usize = 8;

/// The most tags that stand out.
const MAX_STANDING_OUT: usize = 10;

/// All tags of an image, by descending weight, of equals by name; each name once. O(n log n) for n bytes of input.
pub fn tags(input: &Input<'_>, table: &Table) -> Vec<Tag> {
    rank::ranked(collect::collect(input, table), input, table)
}

/// The tags that stand out: the first ones, up to where the weight falls off, ten at most. At least one if there
/// is any.
pub fn standing_out(tags: &[Tag]) -> &[Tag] {
    let Some(first) = tags.first() else { return tags };
    let is_heavy = |tag: &Tag| rank::strength(tag.weight) >= 0.15 * rank::strength(first.weight);
    let count = tags.iter().take_while(|tag| is_heavy(tag)).count().min(MAX_STANDING_OUT);
    tags.get(..count).unwrap_or(tags)
}

/// The well-known program that a package is of by its name, as `python3-minimal` is of python; `None` for its libraries,
/// for packages of languages, and for what every system has. O(length).
pub fn program_of<'t>(package: &Package, table: &'t Table) -> Option<&'t Program> {
    const KINDS: [&str; 6] = ["alpm", "apk", "deb", "generic", "opkg", "rpm"];
    let is_told = KINDS.contains(&package.kind.as_str());
    let name = names::name(package.name.as_bytes(), table).filter(|_| is_told)?;
    let program = table.named(&name.key).filter(|_| name.class == names::Class::Own)?;
    (!matches!(program.kind, Kind::Helper | Kind::System)).then_some(program)
}

/// How common things are in a catalog.
#[derive(Clone, Copy, Debug)]
struct Scale {
    images: u32,
}

impl Scale {
    /// How rare what so many images have is: 1 for what one has, or where nothing is known, down to about 0.15.
    /// As the inverse document frequency (Spärck Jones 1972), held back in small catalogs.
    fn rarity(self, images: Option<u32>) -> f64 {
        let all = f64::from(self.images);
        let Some(images) = images.filter(|_| self.images > 1) else { return 1.0 };
        let images = f64::from(images.max(1)).min(all);
        let commonness = images.ln() / all.ln();
        1.0 - 0.85 * commonness * all / (all + 10.0)
    }
}

#[cfg(test)]
mod tests;
