//! What a SIF file tells of itself beside its system.

use super::header::{Kind, Object, Sif};
use crate::image::Fact;
use crate::source::Warning;
use crate::source::fields::le32;
use crate::source::read_at::ReadAt;

/// The largest text that is kept, and the most that all of one file may take.
const MAX_TEXT_BYTES: u64 = 1024 * 1024;
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// A link to a group, and not to an object, has these bits.
const GROUP: u32 = 0xf000_0000;

/// The facts that are there, in the order of the objects; what is left out is a warning.
pub(super) fn facts(
    sif: &Sif,
    file: &dyn ReadAt,
    place: &str,
    warnings: &mut Vec<Warning>,
) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut left_bytes = MAX_BYTES;
    for object in &sif.objects {
        if object.kind == Kind::Signature {
            facts.push(Fact { kind: "sif.signature".to_owned(), text: signature(object) });
            continue;
        }
        let Some(kind) = name(object) else { continue };
        let mut warn = |what: String| {
            let place = format!("{place}: {kind}");
            warnings.push(Warning { place, what });
        };
        let size_bytes = usize::try_from(object.size_bytes).unwrap_or(usize::MAX);
        if object.size_bytes > MAX_TEXT_BYTES.min(left_bytes) {
            warn(format!("is larger than the limit of {MAX_TEXT_BYTES} bytes; left out"));
            continue;
        }
        let mut text = vec![0; size_bytes];
        if let Err(error) = file.read_exact_at(&mut text, object.offset) {
            warn(format!("cannot be read: {error}"));
            continue;
        }
        left_bytes -= object.size_bytes;
        facts.push(Fact { kind, text: String::from_utf8_lossy(&text).into_owned() });
    }
    facts
}

/// What a fact of an object is called, if it is one.
fn name(object: &Object) -> Option<String> {
    Some(match object.kind {
        Kind::DefinitionFile => "sif.deffile".to_owned(),
        Kind::Environment => "sif.environment".to_owned(),
        Kind::Labels => "sif.labels".to_owned(),
        Kind::Sbom => "sif.sbom".to_owned(),
        Kind::Json => match &*object.name {
            "" | "." => format!("sif.json.{}", object.id),
            name => format!("sif.json.{name}"),
        },
        _ => return None,
    })
}

/// The fingerprint of the key, what was hashed how, and what the signature is of.
fn signature(object: &Object) -> String {
    let hash = match le32(&object.extra, 0) {
        1 => "SHA-256",
        2 => "SHA-384",
        3 => "SHA-512",
        4 => "BLAKE2s",
        5 => "BLAKE2b",
        _ => "an unknown hash",
    };
    let fingerprint = &object.extra[4..24];
    let mut key = String::new();
    for byte in fingerprint {
        key.push_str(&format!("{byte:02X}"));
    }
    if fingerprint.iter().all(|&byte| byte == 0) {
        "no fingerprint".clone_into(&mut key);
    }
    let of = match object.link {
        link if link & GROUP == GROUP => format!("group {}", link & !GROUP),
        link => format!("object {link}"),
    };
    format!("{key} ({hash}, of {of}, not verified)")
}
