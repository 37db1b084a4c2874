//! Reads arbitrary bytes as a file of the transport that `OSKIN_FUZZ` names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

static TRANSPORT: OnceLock<String> = OnceLock::new();

fuzz_target!(
    init: oskin_fuzz::watch_panics(),
    |data: &[u8]| {
        let transport = TRANSPORT
            .get_or_init(|| std::env::var("OSKIN_FUZZ").expect("OSKIN_FUZZ names a transport"));
        oskin_fuzz::read(transport, data);
    }
);
