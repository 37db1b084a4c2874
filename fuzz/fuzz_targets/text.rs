//! Reads arbitrary bytes as a configuration, a Dockerfile and an os-release file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oskin::dockerfile;
use oskin::image::{Declared, OsIdentity};

fuzz_target!(
    init: oskin_fuzz::watch_panics(),
    |data: &[u8]| {
        drop(Declared::from_config(data));
        drop(OsIdentity::from_os_release(data));
        drop(dockerfile::parse(data, &std::collections::BTreeMap::new()));
    }
);
