//! Reads arbitrary bytes as a configuration, a Dockerfile, an os-release file, and names of images.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oskin::dockerfile;
use oskin::image::{Declared, OsIdentity};
use oskin::source::SourceSpec;

fuzz_target!(
    init: oskin_fuzz::watch_panics(),
    |data: &[u8]| {
        drop(Declared::from_config(data));
        drop(OsIdentity::from_os_release(data));
        drop(dockerfile::parse(data, &std::collections::BTreeMap::new()));
        if let Ok(text) = std::str::from_utf8(data) {
            drop(dockerfile::Reference::parse(text));
            drop(SourceSpec::parse(std::ffi::OsStr::new(text)));
        }
    }
);
