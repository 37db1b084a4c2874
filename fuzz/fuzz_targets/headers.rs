//! Reads arbitrary text as what registries put into headers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: oskin_fuzz::watch_panics(),
    |data: &[u8]| {
        if let Ok(text) = std::str::from_utf8(data) {
            oskin::source::check_headers(text);
        }
    }
);
