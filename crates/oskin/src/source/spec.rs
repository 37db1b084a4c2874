//! What the user writes to name an image outside the catalog: `transport:location[:reference]`,
//! the grammar of containers-transports(5).

use super::{SourceError, archive, sniff};
use crate::dockerfile::Reference;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// How to reach an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// A tar file as `docker save` writes it.
    DockerArchive,
    /// An OCI image layout in a directory.
    Oci,
    /// A tar file of an OCI image layout.
    OciArchive,
    /// A directory that holds a root file system.
    RootFs,
    /// A tar file of a root file system, or of one layer.
    Tar,
    /// The running system.
    Host,
    /// A list of paths.
    Paths,
    /// Inventories that were exported from a catalog.
    Oski,
    /// An image in a registry.
    Docker,
    /// An image of the local Docker engine.
    DockerDaemon,
    /// An image in the store of podman, buildah and CRI-O.
    ContainersStorage,
    /// An image of Singularity or Apptainer.
    Sif,
    /// A squashfs file system.
    Squashfs,
    /// An EROFS file system.
    Erofs,
    /// A cpio archive, such as an initramfs.
    Cpio,
    /// An ISO 9660 file system.
    Iso,
    /// A disk image, or a file system as it lies on a disk.
    Disk,
    /// A bill of materials: packages without paths.
    Sbom,
}

impl Transport {
    /// All transports.
    pub const ALL: [Self; 18] = [
        Self::DockerArchive,
        Self::Oci,
        Self::OciArchive,
        Self::RootFs,
        Self::Tar,
        Self::Host,
        Self::Paths,
        Self::Oski,
        Self::Docker,
        Self::DockerDaemon,
        Self::ContainersStorage,
        Self::Sif,
        Self::Squashfs,
        Self::Erofs,
        Self::Cpio,
        Self::Iso,
        Self::Disk,
        Self::Sbom,
    ];

    /// The name as it is written before the colon.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DockerArchive => "docker-archive",
            Self::Oci => "oci",
            Self::OciArchive => "oci-archive",
            Self::RootFs => "rootfs",
            Self::Tar => "tar",
            Self::Host => "host",
            Self::Paths => "paths",
            Self::Oski => "oski",
            Self::Docker => "docker",
            Self::DockerDaemon => "docker-daemon",
            Self::ContainersStorage => "containers-storage",
            Self::Sif => "sif",
            Self::Squashfs => "squashfs",
            Self::Erofs => "erofs",
            Self::Cpio => "cpio",
            Self::Iso => "iso",
            Self::Disk => "disk",
            Self::Sbom => "sbom",
        }
    }

    /// Whether a reference may stand behind the path; all others take the rest as the path, colons
    /// included.
    pub const fn has_reference(self) -> bool {
        matches!(self, Self::DockerArchive | Self::Oci | Self::OciArchive | Self::Oski)
    }

    fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"oci-dir" => Some(Self::Oci),
            b"singularity" | b"apptainer" => Some(Self::Sif),
            b"podman" => Some(Self::ContainersStorage),
            // What stands behind `docker:` alone is ambiguous between tools.
            b"docker" => None,
            name => Self::ALL.into_iter().find(|transport| transport.name().as_bytes() == name),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which of several images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The only one.
    Only,
    /// The one with this reference, tag or digest.
    Reference(String),
    /// The one at this place of the manifest or index, counted from 0.
    Index(usize),
}

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSpec {
    /// How to reach it.
    pub transport: Transport,
    /// The path; `-` is the standard input where the transport is a stream.
    pub location: PathBuf,
    /// Which of several images that lie there.
    pub pick: Pick,
}

/// Transports that other tools know and that are refused here with an explanation.
const REFUSED: [(&str, &str, &str); 6] = [
    (
        "docker:",
        "ambiguous: a registry for some tools, the local engine for others",
        "did you mean docker://NAME (a registry) or docker-daemon:NAME (the local engine)? for a saved file use docker-archive:FILE",
    ),
    ("registry:", "a registry is reached by another name", "write docker://NAME"),
    (
        "containerd:",
        "the store of containerd is not supported yet",
        "export it first: ctr image export FILE NAME, then use oci-archive:FILE",
    ),
    (
        "dir:",
        "ambiguous: a root file system for some tools, a directory of blobs for others",
        "did you mean rootfs:DIR (a root file system) or oci:DIR (an image layout)?",
    ),
    (
        "library://",
        "libraries of SIF images are not supported yet",
        "fetch it first: apptainer pull FILE library://NAME, then use sif:FILE",
    ),
    (
        "ostree:",
        "ostree repositories are not supported yet",
        "check it out first, then use rootfs:DIR",
    ),
];

/// Refused transports that are also names of well-known images: `docker:27` and `registry:2`.
const ALSO_IMAGES: [&str; 2] = ["docker:", "registry:"];

/// Whether the text begins with a transport, one that is refused included, so that it is no name
/// of an image in the catalog.
///
/// False for `docker:TAG` and `registry:TAG`, which may well be in the catalog; where they are not,
/// [`SourceSpec::parse`] has the explanation.
pub fn has_transport(text: &OsStr) -> bool {
    let bytes = text.as_bytes();
    let colon = bytes.iter().position(|&byte| byte == b':');
    colon.is_some_and(|colon| Transport::from_name(&bytes[..colon]).is_some())
        || bytes.starts_with(REGISTRY)
        || REFUSED
            .iter()
            .filter(|(prefix, ..)| !ALSO_IMAGES.contains(prefix))
            .any(|(prefix, ..)| bytes.starts_with(prefix.as_bytes()))
}

/// What a name of an image in a registry begins with.
const REGISTRY: &[u8] = b"docker://";

impl SourceSpec {
    /// Understands `transport:location[:reference]`, or the path of something that exists, which is
    /// looked into to find the transport.
    ///
    /// A path that contains colons is understood if such a file exists: the longest text that is
    /// one is the path. `host:` may stand alone.
    ///
    /// # Errors
    ///
    /// [`SourceError::Spec`] for transports that are unknown, ambiguous or not supported;
    /// for a bare path whatever keeps it from being recognized.
    pub fn parse(text: &OsStr) -> Result<Self, SourceError> {
        let bytes = text.as_bytes();
        if bytes.is_empty() {
            return Err(refuse(text, "the name of an image is empty", "write transport:location"));
        }
        if let Some(name) = bytes.strip_prefix(REGISTRY) {
            let host = name.split(|&byte| byte == b'/').next().unwrap_or_default();
            if host.contains(&b'@') && host.len() < name.len() {
                // What stands before it is a secret, and is not said again.
                let what = "a user and a password do not belong into the name of an image";
                let hint = "give them with --creds, by OSKIN_CREDS or in a file of credentials";
                return Err(refuse(OsStr::new("docker://...@..."), what, hint));
            }
            return Self::with_transport(text, Transport::Docker, name);
        }
        let colon = bytes.iter().position(|&byte| byte == b':');
        let known = colon.and_then(|at| Some((Transport::from_name(&bytes[..at])?, at)));
        if let Some((transport, colon)) = known {
            return Self::with_transport(text, transport, &bytes[colon + 1..]);
        }
        let refused = REFUSED.iter().find(|(prefix, ..)| bytes.starts_with(prefix.as_bytes()));
        let path = Path::new(text);
        // A file may be named like a transport, but a transport is never guessed away.
        if let Some((_, what, hint)) = refused {
            return Err(refuse(text, what, hint));
        }
        if bytes == b"-" {
            return Err(refuse(
                text,
                "the standard input cannot be looked into",
                "name the transport: tar:-, docker-archive:-, oci-archive:- or paths:-",
            ));
        }
        if !path.exists() {
            return Err(not_found(text));
        }
        let transport = sniff::transport(path)?;
        Ok(Self { transport, location: path.to_owned(), pick: Pick::Only })
    }

    /// The name that an image found here gets, where that is known without asking: of registries.
    pub(crate) fn own_name(&self) -> Option<String> {
        let reference = Reference::parse(self.location.to_str()?).ok()?;
        (self.transport == Transport::Docker).then(|| reference.familiar())
    }

    /// The location that an image found here states: for registries the name in full.
    pub fn stated_location(&self) -> String {
        if self.transport == Transport::Docker
            && let Some(reference) = self.location.to_str().map(Reference::parse)
            && let Ok(reference) = reference
        {
            return reference.to_string();
        }
        archive::place_of(&self.location)
    }

    fn with_transport(
        text: &OsStr,
        transport: Transport,
        rest: &[u8],
    ) -> Result<Self, SourceError> {
        if transport == Transport::Host {
            return match rest {
                b"" | b"/" => {
                    Ok(Self { transport, location: PathBuf::from("/"), pick: Pick::Only })
                }
                _ => Err(refuse(
                    text,
                    "the running system has no path",
                    "write host: alone, or rootfs:DIR for a directory",
                )),
            };
        }
        let (path, reference) =
            if transport.has_reference() { split_reference(rest) } else { (rest, None) };
        if path.is_empty() && transport == Transport::Docker {
            return Err(refuse(text, "the name is missing", "write docker://NAME"));
        }
        // A whole store can be meant, the one that engines use.
        if path.is_empty() && transport != Transport::ContainersStorage {
            return Err(refuse(text, "the path is missing", &format!("write {transport}:PATH")));
        }
        let location = PathBuf::from(OsString::from_vec(path.to_vec()));
        let pick = match reference {
            None => Pick::Only,
            Some(b"") => {
                let hint = "leave out the last colon, or name an image behind it";
                return Err(refuse(text, "the reference is empty", hint));
            }
            Some(reference) => {
                let Ok(reference) = std::str::from_utf8(reference) else {
                    return Err(refuse(text, "the reference is not UTF-8", "references are ASCII"));
                };
                match reference.strip_prefix('@').map(str::parse) {
                    Some(Ok(index)) => Pick::Index(index),
                    _ => Pick::Reference(reference.to_owned()),
                }
            }
        };
        Ok(Self { transport, location, pick })
    }
}

/// Splits a path from the reference behind it: at the last colon whose left side exists, else at
/// the first, as containers-transports(5) says.
fn split_reference(rest: &[u8]) -> (&[u8], Option<&[u8]>) {
    let exists = |path: &[u8]| path == b"-" || Path::new(OsStr::from_bytes(path)).exists();
    if exists(rest) {
        return (rest, None);
    }
    let colons = || (0..rest.len()).filter(|&at| rest[at] == b':');
    let at = colons().rev().find(|&at| exists(&rest[..at])).or_else(|| colons().next());
    match at {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    }
}

fn refuse(text: &OsStr, what: &str, hint: &str) -> SourceError {
    let text = text.to_string_lossy().into_owned();
    SourceError::Spec { text, what: what.to_owned(), hint: hint.to_owned() }
}

fn not_found(text: &OsStr) -> SourceError {
    let place = crate::path::escape(text.as_bytes());
    let (path, reference) = split_reference(text.as_bytes());
    let hint = match reference {
        Some(reference) if Path::new(OsStr::from_bytes(path)).exists() => Some(format!(
            "name the transport to pick an image: docker-archive:{0}:{1}, oci-archive:{0}:{1} or oci:{0}:{1}",
            crate::path::escape(path),
            crate::path::escape(reference)
        )),
        _ => None,
    };
    SourceError::NotFound { place, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SourceSpec, SourceError> {
        SourceSpec::parse(OsStr::new(text))
    }

    #[test]
    fn references_stand_behind_the_first_colon_unless_a_file_says_otherwise() {
        let spec = parse("docker-archive:no/such.tar:repo/name:tag").unwrap();
        assert_eq!(spec.location, Path::new("no/such.tar"));
        assert_eq!(spec.pick, Pick::Reference("repo/name:tag".to_owned()));
        assert_eq!(parse("oci:x:@2").unwrap().pick, Pick::Index(2));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a:b.tar");
        std::fs::write(&file, "").unwrap();
        let spec = parse(&format!("docker-archive:{}:c:d", file.display())).unwrap();
        assert_eq!((spec.location, spec.pick), (file.clone(), Pick::Reference("c:d".to_owned())));
        let spec = parse(&format!("docker-archive:{}", file.display())).unwrap();
        assert_eq!((spec.location, spec.pick), (file, Pick::Only));
        let spec = parse("oci-archive:-:tag").unwrap();
        assert_eq!(spec.location, Path::new("-"));
    }

    #[test]
    fn transports_without_references_take_every_colon() {
        let spec = parse("tar:a:b:c").unwrap();
        assert_eq!((spec.transport, spec.location), (Transport::Tar, PathBuf::from("a:b:c")));
        assert_eq!(parse("oci-dir:x").unwrap().transport, Transport::Oci);
        assert_eq!(parse("host:").unwrap().location, Path::new("/"));
        assert!(parse("host:/mnt").is_err());
        assert!(parse("tar:").is_err());
    }

    #[test]
    fn names_in_registries_are_stated_in_full() {
        let stated = |text: &str| parse(text).unwrap().stated_location();
        assert!(stated("docker://alpine").contains("/library/alpine"));
        assert_eq!(stated("docker://host.example/a:1"), "host.example/a:1");
        assert_eq!(stated("tar:a b"), "a b");
    }

    #[test]
    fn passwords_in_names_are_refused_and_not_said_again() {
        let error = parse("docker://me:secret@host.example/a:1").unwrap_err();
        let said = format!("{error} {error:?} {}", error.hint().unwrap());
        assert!(said.contains("--creds") && !said.contains("secret"), "{said}");
        assert!(parse("docker://host.example/a@sha256:00").is_ok());
        assert!(parse("docker://a@sha256:00").is_ok());
    }

    #[test]
    fn images_of_registries_have_names_before_they_are_asked_for() {
        let own = |text: &str| parse(text).unwrap().own_name();
        assert_eq!(own("docker://alpine").as_deref(), Some("alpine:latest"));
        assert_eq!(own("docker://host.example/a:1").as_deref(), Some("host.example/a:1"));
        assert_eq!(own("tar:x"), None);
    }

    #[test]
    fn ambiguous_and_later_transports_are_refused_with_a_way_around() {
        for (text, hint) in [
            ("docker:alpine", "docker-daemon:"),
            ("dir:/x", "rootfs:"),
            ("containerd:x", "ctr image export"),
            ("library://x", "apptainer pull"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.hint().unwrap().contains(hint), "{text}: {error}");
            assert_eq!(has_transport(OsStr::new(text)), text != "docker:alpine", "{text}");
        }
        assert!(!has_transport(OsStr::new("alpine:3.20")));
        assert!(!has_transport(OsStr::new("host.example/name")));
        assert!(has_transport(OsStr::new("tar:x")));
    }

    #[test]
    fn a_path_with_a_reference_but_no_transport_gets_a_hint() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.tar");
        std::fs::write(&file, "").unwrap();
        let error = parse(&format!("{}:tag", file.display())).unwrap_err();
        assert!(error.hint().unwrap().contains("docker-archive:"));
    }
}
