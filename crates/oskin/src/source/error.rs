//! Why an image could not be read, always with the place, and what the user can do about it.

use super::input::OverLimit;
use crate::image::{Digest, Platform};
use std::io;
use std::sync::Arc;

/// Why an image could not be read.
///
/// Every variant says where. Messages are lower case without a full stop; what the user can do
/// about it is [`hint`](Self::hint). It is `Clone` because a layer that was scanned in passing
/// reports its damage to every image that stands on it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The text names no transport that is known here, or one that is ambiguous between tools.
    #[error("{text:?}: {what}")]
    Spec {
        /// What was given.
        text: String,
        /// What is wrong with it.
        what: String,
        /// What to write instead.
        hint: String,
    },
    /// Nothing is there.
    #[error("{place}: no such file or directory")]
    NotFound {
        /// The path.
        place: String,
        /// What was perhaps meant.
        hint: Option<String>,
    },
    /// The operating system refused.
    #[error("{place}: {source}")]
    Io {
        /// The file, and the part of it.
        place: String,
        /// What it said.
        source: Arc<io::Error>,
    },
    /// The content is of no kind that can be read.
    #[error("{place}: {what}")]
    Unrecognized {
        /// The file.
        place: String,
        /// What it seems to be.
        what: String,
        /// What can be done.
        hint: Option<String>,
    },
    /// A container engine or its store does not give the image.
    #[error("{place}: {what}")]
    Engine {
        /// The transport and what was asked for, or the store.
        place: String,
        /// What it said, or why it could not be asked.
        what: String,
        /// What can be done.
        hint: Option<String>,
    },
    /// The content breaks the rules of its format.
    #[error("{place}: {what}")]
    Damaged {
        /// The file, the part of it, and the offset where one is known.
        place: String,
        /// Which rule is broken.
        what: String,
    },
    /// The content is not what its digest promises.
    #[error("{place}: digest mismatch: expected {expected}, got {got}")]
    DigestMismatch {
        /// The blob or layer.
        place: String,
        /// What was promised.
        expected: Digest,
        /// What was computed.
        got: Digest,
    },
    /// Something is larger than oskin accepts.
    #[error("{place}: {what} is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// The file, and the part of it.
        place: String,
        /// What is too large.
        what: &'static str,
        /// The most that is accepted.
        limit_bytes: u64,
    },
    /// More of something than oskin accepts.
    #[error("{place}: more {what} than the limit of {limit}")]
    Limit {
        /// The file, and the part of it.
        place: String,
        /// What there is too much of.
        what: &'static str,
        /// The most that is accepted.
        limit: u64,
    },
    /// An archive or layout that names no image.
    #[error("{place}: {what}")]
    NoImage {
        /// The archive or layout.
        place: String,
        /// What is missing.
        what: String,
    },
    /// Several images, and none was picked.
    #[error("{place} holds {} images: {}", references.len(), references.join(", "))]
    SeveralImages {
        /// The archive or layout.
        place: String,
        /// What to write behind the path to pick each, with its colon; names without one where
        /// the transport has no references.
        references: Vec<String>,
    },
    /// No image, or more than one, has the reference that was asked for.
    #[error("{place}: {}", no_such_reference(wanted, *matches))]
    NoSuchReference {
        /// The archive or layout.
        place: String,
        /// What was asked for.
        wanted: String,
        /// How many images answer to it.
        matches: usize,
        /// The references that are there.
        references: Vec<String>,
    },
    /// No image is for the platform.
    #[error("{place}: no image for {wanted}, only for {}", platforms.join(", "))]
    NoSuchPlatform {
        /// The archive or layout, and the reference.
        place: String,
        /// The platform that was looked for.
        wanted: Platform,
        /// The platforms that are there.
        platforms: Vec<String>,
    },
    /// A registry does not give what is asked of it.
    #[error("{}", of_registry(place, host, what))]
    Registry {
        /// The image, as it was named.
        place: String,
        /// The host that was asked.
        host: String,
        /// What went wrong.
        what: String,
        /// What can be done.
        hint: Option<String>,
    },
    /// A manifest points at content that is not in the archive or layout.
    #[error("{place}: {what} {name} is missing")]
    Missing {
        /// The archive or layout.
        place: String,
        /// What is missing: a layer, a manifest, a configuration.
        what: &'static str,
        /// Its digest or file name.
        name: String,
        /// Whether the layer is one that is fetched from elsewhere (non-distributable).
        foreign: bool,
    },
}

/// Whether a place is of a registry and no file.
fn is_in_registry(place: &str) -> bool {
    place.starts_with("docker://")
}

/// The host is told where it does not show.
fn of_registry(place: &str, host: &str, what: &str) -> String {
    if place.contains(host) {
        format!("{place}: {what}")
    } else {
        format!("{place}: {host}: {what}")
    }
}

/// The limit that a user may set (see [`Limits`](super::Limits)) of what there is too much of.
fn limit_name(what: &str) -> Option<&'static str> {
    Some(match what {
        "manifest" | "index" | "configuration" => "manifest-bytes",
        "the content" | "its content" => "content-bytes",
        "entries" => "entries",
        "layers" => "layers",
        "indexes in each other" => "index-depth",
        _ => return None,
    })
}

fn no_such_reference(wanted: &str, matches: usize) -> String {
    match matches {
        0 => format!("no image {wanted:?}"),
        n => format!("{n} images answer to {wanted:?}"),
    }
}

impl SourceError {
    /// What the user can do about it, as one sentence without a full stop.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Spec { hint, .. } => Some(hint.clone()),
            Self::NotFound { hint, .. }
            | Self::Unrecognized { hint, .. }
            | Self::Engine { hint, .. }
            | Self::Registry { hint, .. } => hint.clone(),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("run it as a user who may read this".to_owned())
            }
            Self::Damaged { place, .. } | Self::DigestMismatch { place, .. }
                if is_in_registry(place) =>
            {
                Some(
                    "it is damaged in the registry or on the way: try again, or push the image anew"
                        .to_owned(),
                )
            }
            Self::Missing { place, foreign: false, .. } if is_in_registry(place) => {
                Some("the image is not complete there: push it again".to_owned())
            }
            Self::Damaged { .. } | Self::DigestMismatch { .. } => {
                Some("the file is damaged or was changed: fetch or save it again".to_owned())
            }
            Self::SeveralImages { references, .. } => Some(match references.first() {
                Some(label) if label.starts_with(':') => format!(
                    "pick one by writing {label} behind the path, or read them all with --all"
                ),
                _ => "read them all with --all".to_owned(),
            }),
            Self::NoSuchReference { references, .. } if !references.is_empty() => {
                Some(format!("there are {}", references.join(", ")))
            }
            Self::NoSuchPlatform { platforms, .. } => {
                let first = platforms.first()?;
                Some(format!("pick one with --platform {first}, or read them all with --all"))
            }
            Self::Missing { foreign: true, .. } => Some(
                "this layer may not be distributed with the image; save the image where it is complete"
                    .to_owned(),
            ),
            Self::Missing { .. } => {
                Some("the archive or layout is not complete: save the image again".to_owned())
            }
            Self::TooLarge { what, .. } | Self::Limit { what, .. } => limit_name(what)
                .map(|name| format!("--limit {name}=N accepts more, of an image that you trust")),
            Self::NoImage { .. } => Some(
                "a root file system is read with tar:PATH, a directory with rootfs:PATH".to_owned(),
            ),
            _ => None,
        }
    }

    /// Wraps what the operating system or a decoder said.
    ///
    /// Decoders report damage as I/O errors too; those become [`Damaged`](Self::Damaged).
    pub(super) fn io(place: impl Into<String>, source: io::Error) -> Self {
        // Streams that are opened while they are read tell all themselves.
        if let Some(told) = told_within(&source) {
            return told;
        }
        let place = place.into();
        let over = source.get_ref().and_then(|inner| inner.downcast_ref::<OverLimit>());
        if let Some(&OverLimit(limit_bytes)) = over {
            return Self::TooLarge { place, what: "the content", limit_bytes };
        }
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { place, hint: None },
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput => Self::Damaged { place, what: source.to_string() },
            _ => Self::Io { place, source: Arc::new(source) },
        }
    }

    pub(super) fn damaged(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Damaged { place: place.into(), what: what.into() }
    }
}

/// An error of ours that came through decoders as one of I/O.
fn told_within(error: &io::Error) -> Option<SourceError> {
    let inner = error.get_ref()?;
    match inner.downcast_ref::<SourceError>() {
        Some(told) => Some(told.clone()),
        None => told_within(inner.downcast_ref::<io::Error>()?),
    }
}
