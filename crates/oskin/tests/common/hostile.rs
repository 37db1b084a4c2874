//! Reads bytes as a decoder would meet them: shared by the tests of regressions and the fuzz targets.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "hostile_software.rs"]
pub(crate) mod software;

use oskin::catalog::Catalog;
use oskin::inventory::flatten;
use oskin::path_set::Selection;
use oskin::sketch_file::SketchReader;
use oskin::source::{
    self, EngineOptions, Limits, ReadOptions, RegistryOptions, SourceError, SourceSpec, Timeouts,
};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use testkit::{HostileServer, write_hostile_store};

/// What no store may give: it lies beside it.
const SECRET: &[u8] = b"what lies beside a store";

/// Reads bytes as a file of a transport, a store, what a server says, or another file of ours; tells
/// how much was found, 0 for what is refused.
pub(crate) fn read(kind: &str, bytes: &[u8], limits: &Limits) -> usize {
    let options = ReadOptions { all: true, limits: limits.clone(), ..ReadOptions::default() };
    match kind {
        "containers-storage" => of_store(bytes, &options),
        "docker-daemon" => of_engine(bytes, options),
        "docker" => of_registry(bytes, &options),
        "sketches" => sketches(bytes),
        "catalog" => catalog(bytes),
        "records" => software::records(bytes),
        "kept-software" => software::kept(bytes),
        "programs" => software::programs(bytes),
        transport => {
            let file = in_memory("file");
            fs::write(&file, bytes).unwrap();
            count(images(&format!("{transport}:{}", file.display()), &options))
        }
    }
}

fn count(found: Result<Vec<String>, SourceError>) -> usize {
    found.map_or(0, |digests| digests.len())
}

/// Reads all images that a specification names, with all their layers; digests of the files.
#[expect(clippy::panic_in_result_fn, reason = "a fuzzer hears of nothing else")]
fn images(text: &str, options: &ReadOptions<'_>) -> Result<Vec<String>, SourceError> {
    let mut digests = Vec::new();
    let spec = SourceSpec::parse(OsStr::new(text))?;
    for image in source::open(&spec, options)?.iter().take(8) {
        let layers = image.layers.iter().take(16).map(|layer| layer.read(options));
        let Ok(layers) = layers.collect::<Result<Vec<_>, _>>() else { continue };
        let layers: Vec<_> = layers.into_iter().map(|read| read.layer).collect();
        let (inventory, _) = flatten(&layers);
        assert_eq!(inventory.iter().count(), inventory.len());
        digests.extend(inventory.iter().filter_map(|entry| entry.digest.map(ToString::to_string)));
    }
    Ok(digests)
}

fn of_store(bytes: &[u8], options: &ReadOptions<'_>) -> usize {
    let root = in_memory("store");
    drop(fs::remove_dir_all(&root));
    write_hostile_store(&root, bytes).unwrap();
    let text = format!("containers-storage:[{}]", root.display());
    let found = images(&text, options);
    let secret = testkit::digest(SECRET);
    assert!(found.iter().flatten().all(|digest| *digest != secret), "read outside of the store");
    count(found)
}

fn of_engine(bytes: &[u8], options: ReadOptions<'_>) -> usize {
    static SERVER: OnceLock<HostileServer> = OnceLock::new();
    let server = SERVER.get_or_init(|| HostileServer::at_socket(&in_memory("socket")).unwrap());
    server.say(bytes);
    let docker_host = format!("unix://{}", server.address());
    let engines = EngineOptions { docker_host, ..EngineOptions::default() };
    count(images("docker-daemon:a", &ReadOptions { engines, ..options }))
}

/// A conversation with a registry; a part `auth` is the user's file of credentials.
fn of_registry(bytes: &[u8], options: &ReadOptions<'_>) -> usize {
    static SERVER: OnceLock<HostileServer> = OnceLock::new();
    let server = SERVER.get_or_init(|| HostileServer::at_port().unwrap());
    let parts = testkit::hostile_parts(bytes);
    // Programs that give credentials are not run for chance, however a file spells them.
    let is_tame = |json: &[u8]| !json.contains(&b'\\') && !json.windows(4).any(|it| it == b"cred");
    let auth = parts.iter().find(|part| part.name == "auth" && is_tame(&part.bytes));
    let auth_files = auth.map(|part| {
        let json = String::from_utf8_lossy(&part.bytes).replace("{{host}}", server.address());
        let file = in_memory("auth");
        fs::write(&file, json).unwrap();
        file
    });
    let (soon, at_once) = (Duration::from_secs(2), Duration::ZERO);
    let timeouts = Timeouts {
        connect: soon,
        answer: soon,
        idle: soon,
        pace_window: soon,
        first_wait: at_once,
        longest_wait: at_once,
        all_waits: at_once,
        ..Timeouts::default()
    };
    let registry = || RegistryOptions {
        tls_verify: false,
        retries: 2,
        timeouts: timeouts.clone(),
        auth_files: auth_files.iter().cloned().collect(),
        ..RegistryOptions::default()
    };
    let options = || ReadOptions { registry: registry(), ..options.clone() };
    let name = format!("docker://{}/a/b", server.address());
    let asks = |piece: &str| parts.iter().any(|part| part.name.contains(piece));
    server.say(bytes);
    let mut found = count(images(&format!("{name}:1"), &options()));
    let spec = |text: &str| SourceSpec::parse(OsStr::new(text)).unwrap();
    if asks("tags") {
        server.say(bytes);
        found += source::tags(&spec(&name), &options()).map_or(0, |tags| tags.len());
    }
    if asks("HEAD") {
        server.say(bytes);
        drop(source::remote_digest(&spec(&format!("{name}:1")), &options()));
    }
    found
}

fn sketches(bytes: &[u8]) -> usize {
    let mut found = 0;
    let Ok(mut reader) = SketchReader::new(bytes) else { return found };
    while let Ok(Some((_, sketch))) = reader.next_sketch() {
        assert!(sketch.hashes().len() as u64 <= sketch.paths());
        found += 1;
    }
    found
}

/// Reads a catalog as far as it goes: what is damaged is told and is no panic.
fn catalog(bytes: &[u8]) -> usize {
    let mut found = 0;
    let file = in_memory("catalog.db");
    for left in ["catalog.db-journal", "catalog.db-wal", "catalog.db-shm"] {
        drop(fs::remove_file(in_memory(left)));
    }
    fs::write(&file, bytes).unwrap();
    let Ok(catalog) = Catalog::open(&file) else { return found };
    drop(catalog.check());
    drop((catalog.with_manifests(), catalog.kept_rankings(), catalog.kept_looks()));
    drop((catalog.family(), catalog.path_count()));
    for image in catalog.images().unwrap_or_default().iter().take(4) {
        let id = image.id;
        drop((catalog.inventory(id), catalog.packages(id), catalog.twins(id)));
        drop((catalog.layer_keys(id), catalog.layers(id), catalog.chain(id)));
        if let Ok(set) = catalog.path_set(id, Selection::Files) {
            drop(catalog.rank(&set));
            drop(catalog.path_hashes().and_then(|mut hashes| hashes.of(&set)));
            found += 1;
        }
    }
    found
}

/// A path of this process, in memory where the system has a place for that; empty for all of it.
pub(crate) fn in_memory(name: &str) -> PathBuf {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let place = PLACE.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let above = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let place = above.join(format!("oskin-hostile-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("secret"), SECRET).unwrap();
        place
    });
    place.join(name)
}
