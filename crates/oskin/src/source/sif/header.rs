//! What a SIF file holds: its header and the list of its objects.
//!
//! The layout is that of `pkg/sif/sif.go` of the reference implementation: a header of 128 bytes,
//! then descriptors of 585 bytes without padding.

use crate::source::SourceError;
use crate::source::fields::{bytes, le32, le64, text};
use crate::source::read_at::ReadAt;
use std::collections::BTreeMap;

/// Where the magic is, behind the line that runs the image.
const MAGIC_AT: u64 = 32;
const MAGIC: &[u8; 10] = b"SIF_MAGIC\0";

const HEADER_BYTES: usize = 128;
const DESCRIPTOR_BYTES: usize = 585;

/// How many descriptors are read; those that write SIF files make room for 48.
const MAX_DESCRIPTORS: u64 = 16_384;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    DefinitionFile,
    Environment,
    Labels,
    Partition,
    Signature,
    Json,
    Generic,
    CryptoMessage,
    Sbom,
    OciIndex,
    OciBlob,
    Unknown,
}

impl Kind {
    fn from_code(code: u32) -> Self {
        match code {
            0x4001 => Self::DefinitionFile,
            0x4002 => Self::Environment,
            0x4003 => Self::Labels,
            0x4004 => Self::Partition,
            0x4005 => Self::Signature,
            0x4006 => Self::Json,
            0x4007 => Self::Generic,
            0x4008 => Self::CryptoMessage,
            0x4009 => Self::Sbom,
            0x400a => Self::OciIndex,
            0x400b => Self::OciBlob,
            _ => Self::Unknown,
        }
    }

    /// As it is counted in a message.
    const fn name(self, several: bool) -> &'static str {
        match (self, several) {
            (Self::DefinitionFile, false) => "definition file",
            (Self::DefinitionFile, true) => "definition files",
            (Self::Environment, _) => "environment",
            (Self::Labels, _) => "labels",
            (Self::Partition, false) => "partition",
            (Self::Partition, true) => "partitions",
            (Self::Signature, false) => "signature",
            (Self::Signature, true) => "signatures",
            (Self::Json, false) => "JSON object",
            (Self::Json, true) => "JSON objects",
            (Self::Generic, false) => "object of data",
            (Self::Generic, true) => "objects of data",
            (Self::CryptoMessage, false) => "cryptographic message",
            (Self::CryptoMessage, true) => "cryptographic messages",
            (Self::Sbom, false) => "bill of materials",
            (Self::Sbom, true) => "bills of materials",
            (Self::OciIndex, false) => "OCI index",
            (Self::OciIndex, true) => "OCI indexes",
            (Self::OciBlob, false) => "OCI blob",
            (Self::OciBlob, true) => "OCI blobs",
            (Self::Unknown, false) => "object of an unknown kind",
            (Self::Unknown, true) => "objects of unknown kinds",
        }
    }
}

/// An object of the file.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) id: u32,
    /// The object or group that a signature is of.
    pub(super) link: u32,
    pub(super) offset: u64,
    pub(super) size_bytes: u64,
    pub(super) name: String,
    /// What depends on the kind.
    pub(super) extra: [u8; 128],
}

/// What a partition is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    System,
    PrimarySystem,
    Data,
    Overlay,
    Unknown,
}

/// The extra fields of a partition.
#[derive(Debug)]
pub(super) struct Partition {
    /// 1 squashfs, 2 ext3, 3 archive, 4 raw, 5 encrypted squashfs.
    pub(super) file_system: u32,
    pub(super) used_for: Use,
    pub(super) architecture: &'static str,
}

impl Object {
    /// The extra fields, where it is a partition.
    pub(super) fn partition(&self) -> Option<Partition> {
        if self.kind != Kind::Partition {
            return None;
        }
        let used_for = match le32(&self.extra, 4) {
            1 => Use::System,
            2 => Use::PrimarySystem,
            3 => Use::Data,
            4 => Use::Overlay,
            _ => Use::Unknown,
        };
        let architecture = architecture(bytes(&self.extra, 8));
        Some(Partition { file_system: le32(&self.extra, 0), used_for, architecture })
    }
}

/// A SIF file.
#[derive(Debug)]
pub(super) struct Sif {
    /// The architecture in the words of the OCI image spec; empty where it is unknown.
    pub(super) architecture: &'static str,
    pub(super) objects: Vec<Object>,
}

/// Whether a SIF file begins so.
pub(super) fn is_sif(file: &dyn ReadAt) -> bool {
    let mut magic = [0; MAGIC.len()];
    file.read_exact_at(&mut magic, MAGIC_AT).is_ok() && magic == *MAGIC
}

impl Sif {
    pub(super) fn read(file: &dyn ReadAt, place: &str) -> Result<Self, SourceError> {
        let io = |error| SourceError::io(place, error);
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0).map_err(io)?;
        let version: [u8; 3] = bytes(&header, 42);
        if version != *b"01\0" {
            return Err(SourceError::Unrecognized {
                place: place.to_owned(),
                what: format!(
                    "a SIF file of version {:?}, of which only \"01\" is supported",
                    text(&version)
                ),
                hint: Some("build it anew: apptainer build NEW.sif FILE".to_owned()),
            });
        }
        let (count, begin) = (le64(&header, 88), le64(&header, 96));
        if count > MAX_DESCRIPTORS {
            let place = place.to_owned();
            return Err(SourceError::Limit { place, what: "descriptors", limit: MAX_DESCRIPTORS });
        }
        let mut objects = Vec::new();
        for index in 0..count {
            let mut descriptor = [0; DESCRIPTOR_BYTES];
            let at = begin.saturating_add(index * DESCRIPTOR_BYTES as u64);
            file.read_exact_at(&mut descriptor, at).map_err(|error| {
                SourceError::io(format!("{place}: descriptor {}", index + 1), error)
            })?;
            objects.extend(object(&descriptor));
        }
        Ok(Self { architecture: architecture(bytes(&header, 45)), objects })
    }

    /// How many objects of which kinds there are, for a message.
    pub(super) fn contents(&self) -> String {
        let mut counts = BTreeMap::new();
        for object in &self.objects {
            *counts.entry(object.kind).or_insert(0_u64) += 1;
        }
        let count = |(kind, count): (&Kind, &u64)| format!("{count} {}", kind.name(*count > 1));
        counts.iter().map(count).collect::<Vec<_>>().join(", ")
    }
}

fn object(descriptor: &[u8; DESCRIPTOR_BYTES]) -> Option<Object> {
    if descriptor[4] == 0 {
        return None;
    }
    Some(Object {
        kind: Kind::from_code(le32(descriptor, 0)),
        id: le32(descriptor, 5),
        link: le32(descriptor, 13),
        offset: le64(descriptor, 17),
        size_bytes: le64(descriptor, 25),
        name: text(&descriptor[73..201]),
        extra: bytes(descriptor, 201),
    })
}

/// The architecture of a code, as the OCI image spec names it.
fn architecture(code: [u8; 3]) -> &'static str {
    match &code {
        b"01\0" => "386",
        b"02\0" => "amd64",
        b"03\0" => "arm",
        b"04\0" => "arm64",
        b"05\0" => "ppc64",
        b"06\0" => "ppc64le",
        b"07\0" => "mips",
        b"08\0" => "mipsle",
        b"09\0" => "mips64",
        b"10\0" => "mips64le",
        b"11\0" => "s390x",
        b"12\0" => "riscv64",
        _ => "",
    }
}
