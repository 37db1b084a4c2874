//! Disk images: which file systems lie on a disk, and which of them is the system.

pub(super) mod ext;
mod ext_map;
pub(super) mod inflated;
mod kinds;
pub(super) mod open;
mod qcow2;
mod table;

use super::layer::{LayerSource, Origin};
use super::nodes::{self, Nodes};
use super::read_at::{ReadAt, Window};
use super::tree::Tree;
use super::{ImageSource, ReadOptions, SourceError, SourceSpec};
use super::{archive, erofs, iso, name, squashfs};
use crate::image::Fact;
use kinds::Kind;
use std::path::Path;
use std::sync::Arc;
use table::{Partition, Scheme};

/// A place on a disk where a file system may lie.
#[derive(Debug)]
struct Volume {
    /// `None` is the whole disk.
    partition: Option<Partition>,
    device: Arc<dyn ReadAt>,
    kind: Kind,
    label: String,
    uuid: Option<String>,
}

impl Volume {
    fn new(device: Arc<dyn ReadAt>, partition: Option<Partition>) -> Self {
        let kind = kinds::kind(&*device);
        let (label, uuid) = kinds::label(&*device, kind);
        Self { partition, device, kind, label, uuid }
    }

    fn number(&self) -> u32 {
        self.partition.as_ref().map_or(0, |partition| partition.number)
    }

    /// Where it is, given where the disk is.
    fn place(&self, disk: &str) -> String {
        match &self.partition {
            Some(partition) => format!("{disk}: partition {}", partition.number),
            None => disk.to_owned(),
        }
    }

    /// In a message.
    fn described(&self) -> String {
        let name = self.partition.as_ref().map_or("", |partition| &partition.name);
        let name = [&*self.label, name].into_iter().find(|name| !name.is_empty());
        let name = name.map(|name| format!(" {name:?}")).unwrap_or_default();
        format!("{} ({}{name})", self.number(), self.kind.name())
    }

    fn is_root_by_type(&self) -> bool {
        self.partition.as_ref().is_some_and(|partition| partition.is_root)
    }

    fn tree(&self, place: &str) -> Result<Arc<dyn Tree>, SourceError> {
        let device = Arc::clone(&self.device);
        match self.kind {
            Kind::Ext(_) => Ok(ext::ext_tree(device)),
            Kind::Erofs => Ok(erofs::erofs_tree(device)),
            Kind::Squashfs => squashfs::tree(device, place),
            Kind::Iso | Kind::Refused(..) | Kind::Unknown => Err(unreadable(place, self.kind)),
        }
    }

    fn nodes(&self) -> Option<Box<dyn Nodes>> {
        match self.kind {
            Kind::Ext(_) => Some(Box::new(ext::Ext::open(Arc::clone(&self.device)).ok()?)),
            Kind::Erofs => Some(Box::new(erofs::Erofs::open(Arc::clone(&self.device)).ok()?.ok()?)),
            _ => None,
        }
    }

    /// How much it looks like a root file system: 2 for one that says which system it is.
    fn looks(&self) -> u8 {
        // What cannot be looked into is one only if there is no better.
        let Some(nodes) = self.nodes() else { return 1 };
        let has = |path: &[u8]| nodes::find(&*nodes, path).is_some();
        if has(b"etc/os-release") || has(b"usr/lib/os-release") {
            2
        } else {
            u8::from(has(b"etc") && (has(b"bin") || has(b"usr/bin") || has(b"sbin")))
        }
    }
}

/// Finds the system on a `disk:`.
pub(super) fn open(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let place = archive::place_of(&spec.location);
    let disk = open::disk(&spec.location, options)?;
    let (scheme, volumes) = volumes(&disk.device);
    let chosen = choose(&place, scheme, &volumes, options.partition)?;
    let facts = facts(&disk, scheme, &volumes, chosen);
    let place_read = chosen.place(&place);
    if chosen.kind == Kind::Iso {
        let system = iso::system(&chosen.device, &place_read)?;
        let mut image = image(spec, place, system.place, system.tree, facts);
        image.facts.extend(system.facts);
        image.warnings = system.warnings;
        return Ok(vec![image]);
    }
    let tree = chosen.tree(&place_read)?;
    Ok(vec![image(spec, place, place_read, tree, facts)])
}

/// Fails if a device holds something else than it is said to.
pub(super) fn check_is(device: &dyn ReadAt, name: &str, place: &str) -> Result<(), SourceError> {
    let kind = kinds::kind(device);
    if kind.name() == name {
        return Ok(());
    }
    let what = match kind {
        Kind::Unknown => format!("holds no {name} file system"),
        other => format!("holds no {name} file system, but {}", other.name()),
    };
    let hint = "leave out the transport: what the file is shows in its content";
    Err(unrecognized(place, what, Some(hint.to_owned())))
}

/// The root file system in a file of a live system, if a file system is in it.
pub(super) fn live_tree(
    device: Arc<dyn ReadAt>,
    place: &str,
) -> Option<Result<Arc<dyn Tree>, SourceError>> {
    let volume = Volume::new(device, None);
    // An ISO 9660 file system inside another is no system.
    let is_one = volume.kind.is_readable() && volume.kind != Kind::Iso;
    is_one.then(|| volume.tree(place))
}

/// An image of one tree.
pub(super) fn image(
    spec: &SourceSpec,
    location: String,
    place: String,
    tree: Arc<dyn Tree>,
    facts: Vec<Fact>,
) -> ImageSource {
    let origin = Origin::Tree(tree);
    let layer = LayerSource::unnamed(origin, place);
    ImageSource { location, facts, ..ImageSource::plain(spec, suggested(&spec.location), layer) }
}

/// Endings that tell the format of a disk or file system, and not its name.
const ENDINGS: [&str; 11] = [
    ".qcow2", ".raw", ".img", ".disk", ".ext2", ".ext3", ".ext4", ".erofs", ".iso", ".cpio", ".dd",
];

fn suggested(location: &Path) -> String {
    let name = name::suggested(location);
    let shorter = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
    shorter.filter(|rest| !rest.is_empty()).unwrap_or(&name).to_owned()
}

/// What lies on a disk. A file system that fills it goes before what may be taken for an MBR: many
/// begin with a boot sector.
fn volumes(device: &Arc<dyn ReadAt>) -> (Option<Scheme>, Vec<Volume>) {
    let whole = Volume::new(Arc::clone(device), None);
    if whole.kind == Kind::Iso {
        return (None, vec![whole]);
    }
    let (scheme, partitions) = if let Some(partitions) = table::gpt(&**device) {
        (Scheme::Gpt, partitions)
    } else if whole.kind == Kind::Unknown
        && let Some(partitions) = table::mbr(&**device)
    {
        (Scheme::Mbr, partitions)
    } else {
        return (None, vec![whole]);
    };
    let volume = |partition: Partition| {
        let window = Window::new(Arc::clone(device), partition.start, partition.size_bytes);
        Volume::new(Arc::new(window), Some(partition))
    };
    (Some(scheme), partitions.into_iter().map(volume).collect())
}

fn unrecognized(place: &str, what: String, hint: Option<String>) -> SourceError {
    SourceError::Unrecognized { place: place.to_owned(), what, hint }
}

fn list(volumes: &[&Volume]) -> String {
    let described: Vec<String> = volumes.iter().map(|volume| volume.described()).collect();
    described.join(", ")
}

/// The volume that holds the system.
fn choose<'v>(
    place: &str,
    scheme: Option<Scheme>,
    volumes: &'v [Volume],
    number: Option<u32>,
) -> Result<&'v Volume, SourceError> {
    let all: Vec<&Volume> = volumes.iter().collect();
    if let Some(number) = number {
        let Some(scheme) = scheme else {
            let what = format!("there is no partition {number}: the disk has no partition table");
            return Err(unrecognized(place, what, Some("leave out --partition".to_owned())));
        };
        let found = volumes.iter().find(|volume| volume.number() == number);
        let chosen = found.ok_or_else(|| {
            let what = format!("there is no partition {number} in its {} table", scheme.name());
            unrecognized(place, what, Some(format!("there are {}", list(&all))))
        })?;
        return if chosen.kind.is_readable() {
            Ok(chosen)
        } else {
            Err(unreadable(&chosen.place(place), chosen.kind))
        };
    }
    let readable: Vec<&Volume> = all.iter().copied().filter(|it| it.kind.is_readable()).collect();
    if readable.is_empty() {
        return Err(nothing(place, scheme, &all));
    }
    let looks: Vec<u8> = readable.iter().map(|volume| volume.looks()).collect();
    let most = looks.iter().copied().max().unwrap_or(0);
    // A `/boot` must not be taken for the system when that lies in what cannot be read.
    if most == 0
        && let Some(other) = all.iter().find(|it| it.kind.may_be_root())
    {
        return Err(elsewhere(place, &readable, other));
    }
    if let [only] = readable[..] {
        return Ok(only);
    }
    let mut best: Vec<&Volume> = readable
        .iter()
        .zip(&looks)
        .filter(|(_, looks)| **looks == most)
        .map(|(it, _)| *it)
        .collect();
    let typed: Vec<&Volume> = best.iter().copied().filter(|it| it.is_root_by_type()).collect();
    if !typed.is_empty() {
        best = typed;
    }
    if let [only] = best[..] {
        return Ok(only);
    }
    let what = if most == 0 {
        "none of its file systems looks like the root of a system"
    } else {
        "several of its file systems look like the root of a system"
    };
    let first = best.first().map_or(1, |volume| volume.number());
    let hint = format!("pick one of them: --partition {first}");
    Err(unrecognized(place, format!("{what}: partitions {}", list(&best)), Some(hint)))
}

/// Why what can be read is not: the system is most likely elsewhere.
fn elsewhere(place: &str, readable: &[&Volume], other: &Volume) -> SourceError {
    let what = format!(
        "the system seems to lie in partition {}, which is not supported yet, and not in {}",
        other.described(),
        list(readable)
    );
    let around = match other.kind {
        Kind::Refused(_, Some(hint)) => format!("{hint}; "),
        _ => String::new(),
    };
    let first = readable.first().map_or(1, |volume| volume.number());
    let hint = format!("{around}to read the other all the same: --partition {first}");
    unrecognized(place, what, Some(hint))
}

/// Why one volume is not read.
fn unreadable(place: &str, kind: Kind) -> SourceError {
    match kind {
        Kind::Refused("swap", _) => {
            unrecognized(place, "is swap, which holds no files".to_owned(), None)
        }
        Kind::Refused(name, hint) => unrecognized(
            place,
            format!("holds {name}, which is not supported yet"),
            hint.map(str::to_owned),
        ),
        kind => {
            let what = format!("holds no file system that is known here ({})", kind.name());
            unrecognized(place, what, None)
        }
    }
}

/// Why a disk without any file system that is understood is not read.
fn nothing(place: &str, scheme: Option<Scheme>, all: &[&Volume]) -> SourceError {
    let Some(scheme) = scheme else {
        return match all.first() {
            Some(whole) if whole.kind != Kind::Unknown => unreadable(place, whole.kind),
            whole => {
                // What is stored of it may end before it does.
                let read = whole.map(|whole| whole.device.read_at(&mut [0; 512], 0));
                if let Some(Err(error)) = read {
                    let what = format!("the beginning of the disk cannot be read: {error}");
                    let hint = "copy it anew from where it is from".to_owned();
                    return unrecognized(place, what, Some(hint));
                }
                let what = "neither a partition table nor a known file system is on the disk";
                let hint = "if it is an image of another format: qemu-img convert -O qcow2 FILE FILE.qcow2, then use disk:FILE.qcow2";
                unrecognized(place, what.to_owned(), Some(hint.to_owned()))
            }
        };
    };
    if all.is_empty() {
        let what = format!("its {} table names no partition", scheme.name());
        return unrecognized(place, what, None);
    }
    // The way around of what is most likely the system: the largest that has one.
    let size = |volume: &&&Volume| volume.device.size_bytes();
    let hint = all
        .iter()
        .filter(|volume| matches!(volume.kind, Kind::Refused(_, Some(_))))
        .max_by_key(size)
        .and_then(|volume| match volume.kind {
            Kind::Refused(_, hint) => hint.map(str::to_owned),
            _ => None,
        });
    let what = format!("no partition holds a file system that can be read yet: {}", list(all));
    unrecognized(place, what, hint)
}

fn facts(
    disk: &open::Disk,
    scheme: Option<Scheme>,
    volumes: &[Volume],
    chosen: &Volume,
) -> Vec<Fact> {
    let fact = |kind: &str, text: String| Fact { kind: kind.to_owned(), text };
    let mut facts = vec![fact("disk.format", disk.format.to_owned())];
    if let Some(scheme) = scheme {
        let mut text = format!("{} partition table", scheme.name());
        for volume in volumes {
            let Some(partition) = &volume.partition else { continue };
            let is_read = std::ptr::eq(volume, chosen);
            text.push_str(&row(volume, partition));
            text.push_str(if is_read { " (read)" } else { "" });
        }
        facts.push(fact("disk.partitions", text));
    }
    facts.push(fact("disk.filesystem", chosen.kind.name().to_owned()));
    if !chosen.label.is_empty() {
        facts.push(fact("disk.label", chosen.label.clone()));
    }
    if let Some(uuid) = &chosen.uuid {
        facts.push(fact("disk.uuid", uuid.clone()));
    }
    facts
}

fn row(volume: &Volume, partition: &Partition) -> String {
    let names = [&volume.label, &partition.name];
    let name = names.into_iter().find(|name| !name.is_empty());
    let name = name.map(|name| format!(", {name:?}")).unwrap_or_default();
    let (size, unit) = match partition.size_bytes {
        bytes if bytes < 1024 * 1024 => (bytes / 1024, "KiB"),
        bytes if bytes < 10 * 1024 * 1024 * 1024 => (bytes / 1024 / 1024, "MiB"),
        bytes => (bytes / 1024 / 1024 / 1024, "GiB"),
    };
    let (number, kind) = (partition.number, &partition.kind);
    format!("\n{number}: {size} {unit}, {kind}: {}{name}", volume.kind.name())
}
