//! What the fuzz targets share: bytes become what a decoder meets, and oskin reads it under small limits.

#[path = "../../crates/oskin/tests/common/hostile.rs"]
mod hostile;

use oskin::source::Limits;
use std::panic;

/// Ends the process at a panic of oskin's own code.
///
/// Panics of decoders that are libraries are caught by oskin and become an error, so they are no
/// findings; libFuzzer's own hook would end the process there too.
pub fn watch_panics() {
    panic::set_hook(Box::new(|panic| {
        let is_library =
            panic.location().is_some_and(|place| place.file().contains("/registry/src/"));
        if !is_library {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
}

/// Reads bytes as what `kind` says: a file of that transport, the files of a store, the answers of
/// an engine or a registry, a file of sketches, a catalog.
pub fn read(kind: &str, bytes: &[u8]) {
    let limits = Limits {
        content_bytes: 64 << 20,
        entries: 100_000,
        manifest_bytes: 1 << 20,
        ..Limits::default()
    };
    hostile::read(kind, bytes, &limits);
}

/// The first byte of an input of `records` whose content is that of a file of this path.
///
/// # Panics
///
/// If the path is none of those.
pub fn place_of(path: &str) -> u8 {
    let place = hostile::software::PATHS.iter().position(|it| *it == path);
    place.and_then(|at| u8::try_from(at).ok()).expect("the path of a reader")
}
