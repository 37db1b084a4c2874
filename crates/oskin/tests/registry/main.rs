//! Images of registries: of a real one, and of one that lies.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../common/mod.rs"]
mod common;
mod liar;
mod lies;
mod logins;
mod real;
mod refused;

use oskin::inventory::Inventory;
use oskin::source::{ReadOptions, RegistryOptions, SourceError, Timeouts};
use std::time::Duration;

/// Options with little patience, so that failures come soon.
fn hasty() -> ReadOptions<'static> {
    let timeouts = Timeouts {
        connect: Duration::from_secs(5),
        answer: Duration::from_secs(2),
        idle: Duration::from_millis(700),
        pace_window: Duration::from_millis(500),
        pace_bytes: 1024,
        first_wait: Duration::from_millis(10),
        longest_wait: Duration::from_secs(2),
        all_waits: Duration::from_secs(4),
    };
    let registry = RegistryOptions { retries: 2, timeouts, ..RegistryOptions::default() };
    ReadOptions { registry, ..ReadOptions::default() }
}

/// Opens and reads one image.
fn read(text: &str, options: &ReadOptions<'_>) -> Result<Inventory, SourceError> {
    let image = common::open_text(text, options)?.remove(0);
    common::read(&image, options)
}
