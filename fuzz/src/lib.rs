//! What the fuzz targets share: bytes become a file in memory, and oskin reads it under small limits.

use oskin::inventory::flatten;
use oskin::source::{self, Limits, ReadOptions, SourceSpec};
use std::ffi::OsString;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Ends the process at a panic of oskin's own code.
///
/// Panics of decoders that are libraries are caught by oskin and become an error, so they are no
/// findings; libFuzzer's own hook would end the process there too.
pub fn watch_panics() {
    panic::set_hook(Box::new(|panic| {
        let is_library = panic.location().is_some_and(|place| place.file().contains("/registry/src/"));
        if !is_library {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
}

/// Reads bytes as a file of a transport, all images of it and all their layers.
pub fn read(transport: &str, bytes: &[u8]) {
    let path = file();
    std::fs::write(path, bytes).expect("the file of the fuzzer can be written");
    let mut text = OsString::from(transport);
    text.push(":");
    text.push(path);
    let limits = Limits {
        content_bytes: 64 << 20,
        entries: 100_000,
        manifest_bytes: 1 << 20,
        ..Limits::default()
    };
    let options = ReadOptions { all: true, limits, ..ReadOptions::default() };
    let Ok(spec) = SourceSpec::parse(&text) else { return };
    let Ok(images) = source::open(&spec, &options) else { return };
    for image in images.iter().take(8) {
        let layers = image.layers.iter().take(16).map(|layer| layer.read(&options));
        let Ok(layers) = layers.collect::<Result<Vec<_>, _>>() else { continue };
        let layers: Vec<_> = layers.into_iter().map(|read| read.layer).collect();
        let (inventory, _) = flatten(&layers);
        assert_eq!(inventory.iter().count(), inventory.len());
    }
}

/// A file of this process, in memory where the system has a place for that.
fn file() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        place.join(format!("oskin-fuzz-{}", std::process::id()))
    })
}
