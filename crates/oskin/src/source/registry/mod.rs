//! `docker://`, images of registries that speak the OCI distribution spec.
//!
//! What is asked for is fetched and verified; nothing is stored. The manifest is found first, then
//! the configuration, both as the files of an image layout that holds just that image, so that all
//! rules are those of `oci:`. Layers are streams that begin when they are read.

mod auth;
mod blob;
mod challenge;
mod client;
mod credentials;
mod index;
mod name;
mod options;
mod pace;
mod patience;
mod refusal;
mod remote;
mod tags;
mod tls;

pub use options::{Connections, RegistryOptions, Timeouts};
pub(super) use remote::{Remote, digest_of};

use super::oci;
use super::oci_index::is_index_type;
use super::store::{Store, digest_of as digest_of_bytes};
use super::{ImageSource, Pick, ReadOptions, SourceError, SourceSpec, Transport};
use crate::dockerfile::{Reference, ReferenceProblem};
use crate::image::{Digest, Fact};
use client::{Ask, Client, Repository};
use refusal::Refusal;
use remote::MANIFESTS;
use std::path::PathBuf;
use ureq::http::StatusCode;

/// How many tags a hint lists.
const SHOWN: usize = 12;

/// What a specification means: an image of a repository.
struct Asked {
    reference: Reference,
    repository: Repository,
    /// The digest that stands in the reference.
    digest: Option<Digest>,
}

impl Asked {
    fn new(spec: &SourceSpec, options: &ReadOptions<'_>) -> Result<Self, SourceError> {
        let text = spec.location.to_str().unwrap_or_default();
        let place = format!("{}://{}", Transport::Docker, spec.location.display());
        let refuse = |what: String, hint: &str| SourceError::Spec {
            text: place.clone(),
            what,
            hint: hint.to_owned(),
        };
        let reference = Reference::parse(text)
            .map_err(|problem| refuse(problem.to_string(), way_out(problem)))?;
        let digest = match reference.digest() {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| {
                refuse("the digest is no sha256 digest".to_owned(), "name the image by its tag")
            })?),
        };
        let name = reference.name();
        let (host, path) = name.split_once('/').unwrap_or_default();
        let registry = &options.registry;
        let client =
            registry.connections.client(host, registry, |options| Client::new(host, options))?;
        let repository = Repository { client, path: path.to_owned(), place };
        Ok(Self { reference, repository, digest })
    }

    /// What the manifest is asked for by: the digest, or else the tag.
    fn manifest_path(&self) -> String {
        match &self.digest {
            Some(digest) => format!("/manifests/{digest}"),
            None => format!("/manifests/{}", self.reference.tag().unwrap_or("latest")),
        }
    }

    fn place(&self) -> &str {
        &self.repository.place
    }

    /// What the reference means, a manifest or an index, with its digest, which is verified.
    fn manifest(&self, options: &ReadOptions<'_>) -> Result<(Vec<u8>, Digest), SourceError> {
        let path = self.manifest_path();
        let ask = Ask { method: "GET", path: &path, what: "manifest", accept: MANIFESTS, from: 0 };
        let fetched = self.repository.fetch(ask, options.limits.manifest_bytes);
        let (headers, json) = fetched.map_err(|error| self.with_tags(error, options))?;
        let got = digest_of_bytes(&json);
        let told = headers.get("docker-content-digest");
        let told = told.and_then(|text| text.to_str().ok()?.parse().ok());
        for expected in [self.digest, told].into_iter().flatten() {
            if expected != got {
                let place = format!("{}: manifest", self.place());
                return Err(SourceError::DigestMismatch { place, expected, got });
            }
        }
        Ok((json, got))
    }

    /// Where there is no such tag, says which there are.
    fn with_tags(&self, error: SourceError, options: &ReadOptions<'_>) -> SourceError {
        let SourceError::Registry { place, host, what, hint: None } = error else { return error };
        // Only what the registry does not have comes without a hint that is better.
        if self.digest.is_some() || !what.contains(refusal::ABSENT) {
            return SourceError::Registry { place, host, what, hint: None };
        }
        let hint = match tags::list(&self.repository, options.limits.manifest_bytes) {
            Ok(tags) if tags.len() > SHOWN => {
                let last = tags[tags.len() - SHOWN..].join(", ");
                format!("{} tags are there, the last of them {last}", tags.len())
            }
            Ok(tags) if !tags.is_empty() => format!("the tags there are {}", tags.join(", ")),
            _ => {
                let name = self.reference.name();
                format!("look at the spelling: there seems to be no repository {name}")
            }
        };
        SourceError::Registry { place, host, what, hint: Some(hint) }
    }
}

fn way_out(problem: ReferenceProblem) -> &'static str {
    match problem {
        ReferenceProblem::Capitals => "names in registries have small letters",
        ReferenceProblem::Digest => "a digest is written @sha256: and 64 hexadecimal digits",
        ReferenceProblem::Tag => "write docker://NAME:TAG; letters, digits and ._- make a tag",
        _ => "write docker://[HOST[:PORT]/]NAME[:TAG][@DIGEST]",
    }
}

/// Finds the image that a reference means, or with `all` those for all platforms.
pub(super) fn open(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let asked = Asked::new(spec, options)?;
    let (json, got) = asked.manifest(options)?;
    let remote = Remote::new(asked.repository.clone(), options.limits.manifest_bytes);
    let name = asked.reference.familiar();
    index::arrange(&remote, (json, got), (&name, asked.place()), options)?;
    let store = Store::remote(remote, asked.place(), &options.limits);
    let spec =
        SourceSpec { transport: spec.transport, location: spec.location.clone(), pick: Pick::Only };
    let images = oci::images(&store, &spec, options).map_err(|error| match error {
        // The layout that stands for the repository is nobody's fault.
        SourceError::NoImage { .. } => {
            let what = "what it names is no image but an artifact, such as a signature".to_owned();
            asked.repository.client.fail(asked.place(), "", Refusal::new(what, None))
        }
        error => error,
    })?;
    let finish = |image| finish(image, &asked, got, options);
    images.into_iter().map(finish).collect()
}

/// Puts in what only the registry knows.
fn finish(
    mut image: ImageSource,
    asked: &Asked,
    top: Digest,
    options: &ReadOptions<'_>,
) -> Result<ImageSource, SourceError> {
    let limit = options.limits.layers;
    if image.layers.len() as u64 > limit {
        let place = asked.place().to_owned();
        return Err(SourceError::Limit { place, what: "layers", limit });
    }
    image.reference = Some(asked.reference.familiar());
    image.location = asked.reference.to_string();
    if image.manifest_digest != Some(top) {
        image.facts.push(Fact { kind: "manifest.index".to_owned(), text: top.to_string() });
    }
    Ok(image)
}

/// All tags of a repository as specifications, in the order of their bytes: registries have orders of
/// their own, or none.
///
/// The names are complete: `docker://host/repository:tag`. Tags that break the grammar are left
/// out, for nothing could ask for them. One request for each page of tags.
///
/// # Errors
///
/// [`SourceError::Spec`] if the specification names no repository of a registry or a tag of it;
/// else see [`SourceError`].
pub fn tags(spec: &SourceSpec, options: &ReadOptions<'_>) -> Result<Vec<SourceSpec>, SourceError> {
    if spec.transport != Transport::Docker {
        return Err(SourceError::Spec {
            text: format!("{}:{}", spec.transport, spec.location.display()),
            what: "is in no registry".to_owned(),
            hint: "write docker://NAME".to_owned(),
        });
    }
    let asked = Asked::new(spec, options)?;
    if asked.reference.tag().is_some() || asked.digest.is_some() {
        return Err(SourceError::Spec {
            text: asked.place().to_owned(),
            what: "names one image, and all tags are asked for".to_owned(),
            hint: format!("write docker://{}", asked.reference.familiar_name()),
        });
    }
    let mut tags = tags::list(&asked.repository, options.limits.manifest_bytes)?;
    tags.sort_unstable();
    tags.dedup();
    let name = asked.reference.name();
    let complete = tags.into_iter().map(|tag| format!("{name}:{tag}"));
    let valid = complete.filter(|name| Reference::parse(name).is_ok());
    let spec = |name| SourceSpec {
        transport: Transport::Docker,
        location: PathBuf::from(name),
        pick: Pick::Only,
    };
    let found: Vec<SourceSpec> = valid.map(spec).collect();
    if found.is_empty() {
        return Err(SourceError::NoImage {
            place: asked.place().to_owned(),
            what: "the repository has no tags that an image could be asked for by".to_owned(),
        });
    }
    Ok(found)
}

/// The digest of the manifest that [`open`](super::open) would read, which is less to transfer than
/// the manifest and the configuration: nothing but headers, or an index where there is one for
/// several platforms. `None` where the registry does not say, where several images are meant, and
/// for all that is in no registry.
///
/// # Errors
///
/// See [`SourceError`].
pub fn manifest_digest(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Option<Digest>, SourceError> {
    if spec.transport != Transport::Docker {
        return Ok(None);
    }
    let asked = Asked::new(spec, options)?;
    let path = asked.manifest_path();
    let ask = Ask { method: "HEAD", path: &path, what: "manifest", accept: MANIFESTS, from: 0 };
    let mut patience = patience::Patience::new(&options.registry);
    let answer = asked.repository.send(ask, &mut patience)?;
    match answer.status {
        StatusCode::OK => {}
        // Some do not know HEAD.
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => return Ok(None),
        _ => return Err(asked.with_tags(asked.repository.refused(ask, answer), options)),
    }
    if !answer.header("content-type").is_some_and(is_index_type) {
        return Ok(answer.header("docker-content-digest").and_then(|text| text.parse().ok()));
    }
    let (json, _) = asked.manifest(options)?;
    let remote = Remote::new(asked.repository.clone(), options.limits.manifest_bytes);
    index::wanted_digest(&remote, &json, asked.place(), options)
}

/// Reads a text as each header that a registry may send, and holds what comes of it to what it must be.
///
/// # Panics
///
/// If it is not.
#[cfg(any(test, fuzzing))]
pub fn check_headers(text: &str) {
    let found = challenge::challenges(text);
    assert!(found.iter().all(|challenge| !challenge.scheme.is_empty()));
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let (first, second) = text.split_once('\n').unwrap_or((text, text));
    let waits = [(first, second), (date, first)]
        .map(|(asked, date)| patience::retry_after(asked, Some(date)));
    assert!(waits.iter().flatten().all(|wait| wait.subsec_nanos() == 0));
    for base in ["https://reg.example/v2/a?b", "http://reg.example"] {
        let origin = name::resolve(base, text).map(|url| name::origin(&url));
        assert!(origin.is_none_or(|it| it.is_some_and(|origin| origin.starts_with("http"))));
    }
    assert!(!name::is_loopback(text) || !text.is_empty());
    tags::check_links(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What comes from servers is of any form.
        #[test]
        fn no_header_is_too_odd(text in ".{0,60}", pieces in "[a-z0-9 =,;:/?\"<>.%#@-]{0,60}") {
            check_headers(&text);
            check_headers(&pieces);
            check_headers(&format!("{pieces}\n{text}"));
        }
    }
}
